"""The wheel holds the three packages and nothing else, and its entry points resolve inside it."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("sinr_geo", "adapters", "cli", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Build the wheel from a copy of the sources, without the network."""
    copy, dist = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, ignore=skip)
        else:
            shutil.copy(source, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run([*command, "--outdir", dist, copy], check=True, capture_output=True)
    (built,) = dist.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_the_top_level_is_the_three_packages(wheel):
    top = {name.split("/")[0] for name in wheel.namelist()}
    info = {name for name in top if name.endswith(".dist-info")}
    assert len(info) == 1
    assert top - info == {"sinr_geo", "sinr_geo_adapters", "sinr_geo_cli"}


def test_all_modules_and_type_markers_are_in_it(wheel):
    names = set(wheel.namelist())
    for parent in (ROOT, ROOT / "adapters", ROOT / "cli"):
        for package in parent.glob("sinr_geo*"):
            files = [*package.rglob("*.py"), *package.rglob("*.css"), package / "py.typed"]
            assert {path.relative_to(parent).as_posix() for path in files} <= names


def test_entry_points_resolve_inside_it(wheel):
    (listing,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    groups = configparser.ConfigParser(delimiters=("=",))
    groups.read_string(wheel.read(listing).decode())
    assert set(groups.sections()) == {"console_scripts", "sinr_geo.adapters"}
    targets = [target for group in groups.sections() for target in groups[group].values()]
    assert len(targets) == 5
    for target in targets:
        module, _, attribute = target.partition(":")
        source = wheel.read(f"{module.replace('.', '/')}.py").decode()
        assert f"class {attribute}" in source or f"def {attribute}" in source


def test_it_carries_the_licence_and_needs_no_peer(wheel):
    names = wheel.namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    text = wheel.read(metadata).decode()
    required = [line for line in text.splitlines() if line.startswith("Requires-Dist: bm3d")]
    assert required == ["Requires-Dist: bm3d>=4.0; extra == 'peers'"]
