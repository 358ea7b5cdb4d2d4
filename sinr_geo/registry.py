"""Find the adapter of a file among the installed ones.

Entry points of the group ``sinr_geo.adapters`` name them. An entry point is loaded when a file is
looked up or adapters are listed, never on import; one that fails to load is kept with its reason
and does not disturb the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from sinr_geo.adapters import Adapter
from sinr_geo.errors import AdapterConflictError, InputError, NoAdapterError, RequestError

__all__ = ["GROUP", "Registered", "find_adapter", "registered_adapters"]

GROUP = "sinr_geo.adapters"


@dataclass(frozen=True, slots=True)
class Registered:
    """An installed adapter, or the reason why it does not work."""

    name: str
    distribution: str
    adapter: Adapter | None
    broken: str | None = None


def registered_adapters() -> tuple[Registered, ...]:
    """Load every installed adapter, highest priority first, broken ones last."""
    found = [_load(point) for point in entry_points(group=GROUP)]
    return tuple(sorted(found, key=_rank))


def find_adapter(path: Path, name: str | None = None) -> Adapter:
    """Return the adapter that opens a file.

    Parameters
    ----------
    path : Path
        An existing file, or a folder that is a data set (Zarr).
    name : str, optional
        Take this adapter and ask no other.

    Raises
    ------
    InputError
        If there is nothing at `path`, or the file is empty.
    NoAdapterError
        If no adapter opens it.
    AdapterConflictError
        If two adapters claim it with the same priority.
    RequestError
        If there is no working adapter called `name`.
    """
    _check_exists(path)
    installed = registered_adapters()
    if name is not None:
        return _by_name(installed, name)
    claims = [r for r in installed if r.adapter is not None and r.adapter.can_open(path)]
    if not claims:
        raise NoAdapterError(_no_adapter_message(path, installed))
    return _highest(path, claims)


def _load(point: EntryPoint) -> Registered:
    distribution = point.dist.name if point.dist is not None else "unknown"
    try:
        adapter = point.load()()
    except Exception as error:  # a plugin may fail in any way, and must not break the others
        return Registered(point.name, distribution, None, f"{type(error).__name__}: {error}")
    if not isinstance(adapter, Adapter):
        return Registered(point.name, distribution, None, f"{point.value} is not an Adapter")
    return Registered(point.name, distribution, adapter)


def _rank(registered: Registered) -> tuple[int, str, str]:
    priority = -registered.adapter.priority if registered.adapter is not None else 1 << 30
    return priority, registered.name, registered.distribution


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes)")


def _by_name(installed: Iterable[Registered], name: str) -> Adapter:
    working = {r.name: r.adapter for r in installed if r.adapter is not None}
    broken = {r.name: r.broken for r in installed if r.adapter is None}
    if name in working:
        return working[name]
    if name in broken:
        raise RequestError(f"the adapter {name!r} does not work: {broken[name]}")
    raise RequestError(f"there is no adapter {name!r}; installed are {', '.join(sorted(working))}")


def _highest(path: Path, claims: list[Registered]) -> Adapter:
    best = max(r.adapter.priority for r in claims if r.adapter is not None)
    winners = [r for r in claims if r.adapter is not None and r.adapter.priority == best]
    if len(winners) > 1:
        names = " and ".join(f"{r.name!r} (from {r.distribution})" for r in winners)
        raise AdapterConflictError(
            f"{path}: the adapters {names} both claim it with priority {best}; "
            "choose one with --adapter"
        )
    (winner,) = winners
    assert winner.adapter is not None
    return winner.adapter


def _no_adapter_message(path: Path, installed: Iterable[Registered]) -> str:
    readable = "; ".join(", ".join(r.adapter.reads) for r in installed if r.adapter is not None)
    broken = ", ".join(f"{r.name} ({r.broken})" for r in installed if r.adapter is None)
    hint = f"; not working: {broken}" if broken else ""
    what = "folder" if path.is_dir() else "file"
    return (
        f"{path}: no installed adapter opens this {what}; readable are {readable or 'none'}{hint}"
    )
