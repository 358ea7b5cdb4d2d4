"""`sinr-geo formats`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sinr_geo_cli.options import Json
from sinr_geo_cli.output import print_json, print_lines

if TYPE_CHECKING:
    from sinr_geo.registry import Registered

__all__ = ["formats"]


def formats(as_json: Json = False) -> None:
    """List the adapters: where each comes from, what it reads and writes, what is broken."""
    from sinr_geo.registry import registered_adapters
    from sinr_geo.version import __version__

    rows = [_row(found) for found in registered_adapters()]
    if as_json:
        print_json({"command": "formats", "version": __version__, "adapters": rows})
    else:
        print_lines([line for row in rows for line in _lines(row)])


def _row(found: Registered) -> dict[str, Any]:
    adapter = found.adapter
    return {
        "name": found.name,
        "distribution": found.distribution,
        "priority": None if adapter is None else adapter.priority,
        "reads": [] if adapter is None else list(adapter.reads),
        "writes": [] if adapter is None else list(adapter.writes),
        "broken": found.broken,
    }


def _lines(row: dict[str, Any]) -> list[str]:
    head = f"{row['name']} (from {row['distribution']})"
    if row["broken"] is not None:
        return [f"{head}: does not work: {row['broken']}"]
    return [
        f"{head}, priority {row['priority']}",
        f"  reads   {', '.join(row['reads'])}",
        f"  writes  {', '.join(row['writes'])}",
    ]
