"""Which variables of a data set hold data that can be recovered, and what the others are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.axes import AxisKind
from sinr_geo_adapters.cf_axes import kind_by_name, recognise
from sinr_geo_adapters.cf_packing import Packing

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Roles", "sort_variables"]

Reader = Callable[[str, Mapping[str, slice]], NDArray[Any]]
"""Reads a window of a variable as it is stored."""

_CLASS_NAMES = re.compile(
    r"(land|sea|ocean|lake|ice|cloud|[tuvf])?_?mask|lsm|land_?sea(_?mask)?|land|"
    r".*_(mask|flags?|qc|quality)|flags?|qc|quality(_level|_flag)?"
)
_BOUNDS_NAMES = re.compile(r".*_(bnds|bounds|vertices)")
_SAMPLE, _CLASSES = 1 << 18, 16


@dataclass(frozen=True, slots=True)
class Roles:
    """What the variables of a data set are.

    Parameters
    ----------
    data : tuple of str
        Variables that can be recovered.
    classes : dict
        Why a variable holds classes, masks or flags, which are never recovered.
    ancillary : dict
        Which variable another one describes (its error, its number of observations).
    structure : frozenset of str
        Coordinates, bounds, grid mappings, cell measures.
    other : dict
        Why a variable is none of these.
    """

    data: tuple[str, ...]
    classes: dict[str, str]
    ancillary: dict[str, str]
    structure: frozenset[str]
    other: dict[str, str]


def sort_variables(dataset: xr.Dataset, read: Reader) -> Roles:
    """Sort the variables of an undecoded data set.

    Parameters
    ----------
    dataset : xarray.Dataset
        Opened with ``decode_cf=False``.
    read : callable
        Reads a window of a variable. Only a sample of whole numbers without a unit is read, to
        tell classes from counts.
    """
    present = {str(name) for name in dataset.variables}
    structure = frozenset(_structure(dataset)) & present
    ancillary = {name: owner for name, owner in _ancillary(dataset) if name in present}
    data, classes, other = [], {}, {}
    for name in (str(n) for n in dataset.variables if n not in structure):
        if reason := _unfit(dataset.variables[name]):
            other[name] = reason
        elif reason := _class_reason(name, dataset.variables[name], read):
            classes[name] = reason
        elif name not in ancillary:
            data.append(name)
    return Roles(tuple(data), classes, ancillary, structure, other)


def _structure(dataset: xr.Dataset) -> Iterator[str]:
    for name, variable in dataset.variables.items():
        if variable.dims == (name,) or "grid_mapping_name" in variable.attrs:
            yield str(name)
        if _BOUNDS_NAMES.fullmatch(str(name)) or _is_coordinate(str(name), variable):
            yield str(name)
        for key in ("coordinates", "bounds", "climatology", "node_coordinates"):
            yield from str(variable.attrs.get(key, "")).split()
        # "area: areacello", "crs: x y", "a: hyam ps: ps": what ends in a colon is a label.
        for key in ("cell_measures", "grid_mapping", "formula_terms"):
            words = str(variable.attrs.get(key, "")).split()
            yield from (word for word in words if not word.endswith(":"))
    yield from str(dataset.attrs.get("coordinates", "")).split()


def _is_coordinate(name: str, variable: xr.Variable) -> bool:
    """Whether a variable locates cells though no attribute of another one lists it."""
    meaning = recognise(name, variable.attrs)
    if meaning is None or variable.dtype.kind not in "iuf":
        return False
    if meaning.kind is AxisKind.TIME:
        return " since " in str(variable.attrs.get("units", ""))
    is_place = meaning.kind in (AxisKind.LATITUDE, AxisKind.LONGITUDE)
    return is_place and (meaning.sure or kind_by_name(name) is meaning.kind)


def _ancillary(dataset: xr.Dataset) -> Iterator[tuple[str, str]]:
    for name, variable in dataset.variables.items():
        for word in str(variable.attrs.get("ancillary_variables", "")).split():
            yield word, str(name)


def _unfit(variable: xr.Variable) -> str | None:
    if variable.dtype.kind not in "iuf":
        return f"it holds {variable.dtype}, not numbers"
    if len(set(variable.dims)) < variable.ndim:
        return "it has one dimension twice"
    if not any(size > 1 for size in variable.shape):
        return "it is a single number"
    return None


def _class_reason(name: str, variable: xr.Variable, read: Reader) -> str | None:
    said = next(
        (k for k in ("flag_values", "flag_masks", "flag_meanings") if k in variable.attrs), ""
    )
    standard = str(variable.attrs.get("standard_name", ""))
    if said:
        return f"it has {said}"
    if standard.endswith(("status_flag", "binary_mask", "quality_flag")) or standard in (
        "region",
        "area_type",
    ):
        return f"its standard name is {standard}"
    if _CLASS_NAMES.fullmatch(name.lower()):
        return "its name is that of a mask or flag"
    if "enum" in (getattr(variable.encoding.get("dtype"), "metadata", None) or {}):
        return "it holds an enumeration"
    return _few_values(name, variable, read)


def _few_values(name: str, variable: xr.Variable, read: Reader) -> str | None:
    packing = Packing.of(variable.dtype, variable.attrs)
    if packing.is_packed or not packing.is_integer or str(variable.attrs.get("units", "")).strip():
        return None
    raw = read(name, _corner(variable))
    found = np.unique(raw[~packing.is_missing(raw)])
    if 0 < found.size <= _CLASSES and found.size * 8 <= raw.size:
        return f"it holds {found.size} different whole numbers and has no unit"
    return None


def _corner(variable: xr.Variable) -> dict[str, slice]:
    """Return a window of a bounded number of samples, whole along the fastest dimensions."""
    window, left = {}, _SAMPLE
    for dim, size in reversed(variable.sizes.items()):
        window[str(dim)] = slice(0, max(1, min(size, left)))
        left //= max(size, 1)
    return window
