"""The out-of-tree plugin of docs/plugin-template: installed, listed, tested and used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "docs" / "plugin-template"
LIST = """
import json
from sinr_geo.registry import registered_adapters
print(json.dumps([[r.name, r.distribution, r.broken] for r in registered_adapters()]))
"""
READ = """
import sys
from pathlib import Path
from sinr_geo.adapters import Query
from sinr_geo.registry import find_adapter
path = Path(sys.argv[1])
document = find_adapter(path).open(path, Query())
points = document.layers[0].read()
print(document.format, len(points), int((~points.observed).sum()))
"""
FILL = """
import sys
from sinr_geo_cli.main import run
sys.argv[0] = "sinr-geo"
run()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the plugin is installed into, without a network."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    run("-m", "pip", "install", "--quiet", *options, "--target", str(folder), str(TEMPLATE))
    return folder


def run(*arguments: str, site: Path | None = None, cwd: Path | None = None) -> str:
    """Run Python in a process of its own that sees the plugin, and return what it prints."""
    environment = os.environ | ({} if site is None else {"PYTHONPATH": str(site)})
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_with_its_distribution(site: Path) -> None:
    assert ["xyzv", "sinr-geo-xyzv", None] in json.loads(run("-c", LIST, site=site))


def test_it_is_not_listed_without_being_installed() -> None:
    assert "xyzv" not in run("-c", LIST)


def test_it_opens_its_sample(site: Path) -> None:
    name, points, gaps = run("-c", READ, str(TEMPLATE / "sample.xyzv"), site=site).split()
    assert (name, points) == ("xyzv", "240")
    assert 50 < int(gaps) < 200


def test_the_command_line_fills_its_sample(site: Path, tmp_path: Path) -> None:
    output = tmp_path / "filled.xyzv"
    options = ["--output", str(output), "--method", "sinr-bayes", "--effort", "fast", "--quiet"]
    source = TEMPLATE / "sample.xyzv"
    run("-c", FILL, "fill", str(source), *options, site=site)
    before, after = (rows_of(path) for path in (source, output))
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        assert "nan" not in new[: len(old)]
        assert all(new[j] == word for j, word in enumerate(old) if word != "nan")


def rows_of(path: Path) -> list[list[str]]:
    lines = path.read_text().splitlines()
    return [line.split() for line in lines if line and line[0] in "-0123456789"]


def test_its_own_tests_pass(site: Path) -> None:
    """As its author would run them, from its folder."""
    out = run("-m", "pytest", "-p", "no:cacheprovider", "-q", site=site, cwd=TEMPLATE)
    assert "20 passed" in out


def test_its_sample_can_be_made_again(tmp_path: Path) -> None:
    script = tmp_path / "make_sample.py"
    script.write_text((TEMPLATE / "make_sample.py").read_text())
    run(str(script))
    assert (tmp_path / "sample.xyzv").read_bytes() == (TEMPLATE / "sample.xyzv").read_bytes()
