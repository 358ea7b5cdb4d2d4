"""`sinr-geo formats`."""

from __future__ import annotations

import json
from types import SimpleNamespace

from sinr_geo import registry


def test_every_built_in_adapter_is_listed_and_works(run):
    ran = run("formats")
    assert (ran.status, ran.err) == (0, "")
    for name in ("gridded", "raster", "mesh", "cloud"):
        assert f"{name} (from sinr-geo), priority " in ran.out
    for word in ("NetCDF", "Zarr", "GeoTIFF", "ENVI", "PLY", ".glb", "LAZ"):
        assert word in ran.out


def test_json(run):
    adapters = json.loads(run("formats", "--json").out)["adapters"]
    assert {adapter["name"] for adapter in adapters} >= {"gridded", "raster", "mesh", "cloud"}
    for adapter in adapters:
        assert adapter["reads"]
        assert adapter["broken"] is None


def test_a_broken_plugin_is_listed_with_its_reason(run, monkeypatch):
    def load():
        raise ImportError("no module named 'grib'")

    broken = SimpleNamespace(
        name="grib", value="grib:Grib", dist=SimpleNamespace(name="grib-plugin"), load=load
    )
    installed = registry.entry_points(group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken, *installed])
    text = run("formats").out
    line = "grib (from grib-plugin): does not work: ImportError: no module named 'grib'"
    assert line in text.splitlines()
    assert "gridded (from sinr-geo)" in text
