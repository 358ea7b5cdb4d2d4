"""The public names, written out: a change here is a change for users."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import sinr_geo
import sinr_geo_adapters
import sinr_geo_cli

PUBLIC = [
    "Axis",
    "AxisKind",
    "Channel",
    "Description",
    "Evaluation",
    "Flag",
    "Lattice",
    "Outcome",
    "PointSet",
    "Recovery",
    "SinrGeoError",
    "__version__",
    "denoise",
    "describe",
    "evaluate",
    "fill",
    "reconstruct",
    "segment",
]

MODULES = [
    found.name
    for package in (sinr_geo, sinr_geo_adapters, sinr_geo_cli)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


def test_the_public_names_of_sinr_geo():
    assert sorted(sinr_geo.__all__) == PUBLIC


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_is_public(name):
    module = importlib.import_module(name)
    if module.__file__.endswith("__init__.py") and not hasattr(module, "__all__"):
        return
    missing = [public for public in module.__all__ if not hasattr(module, public)]
    assert missing == []


def test_the_modules_were_found():
    assert {"sinr_geo.files", "sinr_geo_adapters.raster", "sinr_geo_cli.main"} <= set(MODULES)
