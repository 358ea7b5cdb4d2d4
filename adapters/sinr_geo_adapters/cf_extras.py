"""What an output gets beside the recovered values: names and attributes, as CF wants them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.recovery import Flag

__all__ = [
    "actual_range",
    "appended_history",
    "flag_attributes",
    "free_name",
    "listed",
    "standard_error_attributes",
]

_SHARED = ("coordinates", "grid_mapping")


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the wanted one, else with ``_2``, ``_3`` and so on."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name


def flag_attributes(name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of the flags of a variable.

    Parameters
    ----------
    name : str
        The variable that they belong to.
    attributes : mapping
        Its attributes.
    """
    return {
        "standard_name": "status_flag",
        "long_name": f"origin of every value of {name}",
        "flag_values": np.array([flag.value for flag in Flag], dtype=np.int8),
        "flag_meanings": " ".join(flag.name.lower() for flag in Flag),
        **{key: attributes[key] for key in _SHARED if key in attributes},
    }


def standard_error_attributes(name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of the standard errors of a variable, in the unit of the variable."""
    found: dict[str, Any] = {}
    if "standard_name" in attributes:
        found["standard_name"] = f"{attributes['standard_name']} standard_error"
    found["long_name"] = f"standard error of {attributes.get('long_name', name)}"
    kept = ("units", *_SHARED)
    return found | {key: attributes[key] for key in kept if key in attributes}


def listed(existing: Any, *names: str) -> str:
    """Append names to an attribute that lists variables."""
    return " ".join([*str(existing or "").split(), *names])


def appended_history(existing: Any, line: str) -> str:
    """Append a line to ``history``, the newest last as CF wants it."""
    lines = existing if isinstance(existing, (list, tuple)) else [existing or ""]
    kept = "\n".join(map(str, lines)).rstrip("\n")
    return f"{kept}\n{line}" if kept else line


def actual_range(existing: Any, low: float, high: float) -> NDArray[Any] | None:
    """Return ``actual_range`` in the type of the old one, None where the old one is no range.

    Parameters
    ----------
    existing : object
        Attribute as found.
    low, high : float
        Least and greatest value, unpacked as CF wants them.
    """
    numbers = np.asarray(existing)
    if numbers.shape != (2,) or numbers.dtype.kind not in "iuf":
        return None
    if numbers.dtype.kind in "iu":
        low, high = np.floor(low), np.ceil(high)
    return np.array([low, high]).astype(numbers.dtype)
