"""How a layer was chosen: all that `--json` has under `choice`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sinr_geo_cli.report.error_law import error_law
from sinr_geo_cli.report.markup import Content, Html, element, joined
from sinr_geo_cli.report.members import members_table, weights_table
from sinr_geo_cli.report.missingness import missingness
from sinr_geo_cli.report.nested import definitions

__all__ = ["choice_section"]

_OWN = frozenset(
    {"scores", "weights", "weights_by_channel", "members", "standard_error_law", "missingness"}
)
_WITHHELD = (
    "Withheld errors are root mean squares over observed samples that no fit saw, in standard "
    "deviations of their channel."
)


def choice_section(choice: Mapping[str, Any]) -> Html:
    """Show a choice; what has no place of its own here stands in the first list."""
    plain = {key: value for key, value in choice.items() if key not in _OWN}
    return joined(
        (
            element("h3", "How it was chosen"),
            element("p", _WITHHELD) if "withheld_rmse" in choice else "",
            definitions(plain) if plain else "",
            *_scored(choice),
            *_members(choice.get("members", {})),
            *_headed("Standard error", error_law, choice.get("standard_error_law")),
            *_headed("Missingness", missingness, choice.get("missingness")),
        )
    )


def _scored(choice: Mapping[str, Any]) -> Iterator[Html]:
    if "scores" in choice:
        yield element("h4", "Methods and their scores")
        yield members_table(choice)
    elif "weights" in choice:
        yield members_table({**choice, "scores": {}})
    if "weights_by_channel" in choice:
        yield weights_table(choice["weights_by_channel"])


def _members(members: Mapping[str, Mapping[str, Any]]) -> Iterator[Html]:
    """Show what every member chose, each folded away until it is asked for."""
    if members:
        yield element("h4", "What every member chose")
    for name, report in members.items():
        yield element("details", element("summary", name), definitions(report), class_="member")


def _headed(head: Content, show: Any, found: Mapping[str, Any] | None) -> Iterator[Html]:
    if found is not None:
        yield element("h4", head)
        yield show(found)
