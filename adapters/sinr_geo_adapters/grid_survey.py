"""Survey a gridded file: which layers it holds, and what passes through untouched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinr_geo.adapters import Query
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo_adapters.cf_axes import HORIZONTAL
from sinr_geo_adapters.cf_extras import free_name
from sinr_geo_adapters.cf_roles import Roles, sort_variables
from sinr_geo_adapters.grid_file import GridFile
from sinr_geo_adapters.grid_geometry import Geometry
from sinr_geo_adapters.grid_layer import GridLayer, GridVariable
from sinr_geo_adapters.grid_placement import Placed, Placement

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Survey", "survey"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file holds.

    Parameters
    ----------
    layers : tuple of GridLayer
    notes : tuple of str
        One sentence each about what is left alone.
    """

    layers: tuple[GridLayer, ...]
    notes: tuple[str, ...]


def survey(file: GridFile, dataset: xr.Dataset, query: Query) -> Survey:
    """Find the variables to recover and group those on one grid.

    Raises
    ------
    RequestError
        If the query names variables or axes that cannot be what they are named for.
    NothingToDoError
        If no variable can be recovered.
    """
    roles = sort_variables(dataset, lambda name, window: file.read(dataset, name, window))
    _check_rules(file, dataset, query)
    names = _named(file, roles, query) if query.variables else roles.data
    placed = dict(Placement(file, dataset, query).place(names))
    left: dict[str, str] = {
        name: "all its dimensions are channels" for name, p in placed.items() if p is None
    }
    found = [p for p in placed.values() if p is not None]
    if query.variables is None:
        found, thin = _without_thin(found)
        left |= thin
    elif left:
        raise RequestError(_cannot(file, *next(iter(left.items()))))
    if not found:
        raise NothingToDoError(_nothing(file, roles.classes | roles.other | left))
    notes = () if query.variables else tuple(_notes(roles, left))
    return Survey(tuple(_layers(file, query, found)), notes)


def _named(file: GridFile, roles: Roles, query: Query) -> tuple[str, ...]:
    """Variables that the user named; their order is that of the file."""
    wanted = set(query.variables or ())
    available = [*roles.data, *(n for n in roles.ancillary if n not in roles.classes | roles.other)]
    for name in sorted(wanted - set(available)):
        reason = roles.classes.get(name) or roles.other.get(name)
        if reason is not None:
            raise RequestError(_cannot(file, name, reason))
        if name in roles.structure:
            raise RequestError(_cannot(file, name, "it says where samples lie"))
        raise RequestError(
            f"{file.path}: there is no variable {name!r}; to choose from are {', '.join(available)}"
        )
    return tuple(name for name in available if name in wanted)


def _without_thin(found: list[Placed]) -> tuple[list[Placed], dict[str, str]]:
    """Leave out series beside maps: dates, weights and means of a file of fields."""
    maps = [p for p in found if _spans_plane(p.geometry)]
    if not maps:
        return found, {}
    thin = [p for p in found if p not in maps]
    reason = "it is no map, it only varies with"
    return maps, {p.variable.name: f"{reason} {', '.join(p.geometry.dims)}" for p in thin}


def _spans_plane(geometry: Geometry) -> bool:
    kinds = [axis.kind for axis in geometry.axes]
    return sum(kind in HORIZONTAL for kind in kinds) > 1 or len(geometry.space) > 1


def _notes(roles: Roles, left: dict[str, str]) -> Iterator[str]:
    described = {n: f"it describes {owner!r}" for n, owner in roles.ancillary.items()}
    for name, reason in (described | roles.classes | left).items():
        if name not in roles.structure | roles.other.keys():
            yield f"{name!r} passes through untouched: {reason}."


def _cannot(file: GridFile, name: str, reason: str) -> str:
    return f"{file.path}: {name!r} cannot be recovered: {reason}"


def _nothing(file: GridFile, reasons: Mapping[str, str]) -> str:
    told = [f"{name!r}: {why}" for name, why in list(reasons.items())[:5]]
    if groups := file.groups():
        told.append(f"its groups {', '.join(groups)} are not read")
    found = f" ({'; '.join(told)})" if told else ""
    return f"{file.path}: no variable can be recovered{found}; expected numbers on a grid"


def _layers(file: GridFile, query: Query, found: Sequence[Placed]) -> Iterator[GridLayer]:
    """Group variables on one grid; a layer is called by its dimensions."""
    groups: dict[Geometry, list[GridVariable]] = {}
    for placed in found:
        groups.setdefault(placed.geometry, []).append(placed.variable)
    names: list[str] = []
    for geometry, variables in groups.items():
        names.append(free_name("_".join(geometry.dims), names))
        others = {p.variable.name for p in found} - {v.name for v in variables}
        rules = tuple(rule for rule in query.missing if rule.name not in others)
        yield GridLayer(file, names[-1], geometry, tuple(variables), rules)


def _check_rules(file: GridFile, dataset: xr.Dataset, query: Query) -> None:
    known = {"nan", "value", *map(str, dataset.variables)}
    for rule in query.missing:
        if rule.name not in known:
            raise RequestError(
                f"{file.path}: missing samples cannot be told by {rule.name!r}; "
                f"to choose from are {', '.join(sorted(known))}"
            )
