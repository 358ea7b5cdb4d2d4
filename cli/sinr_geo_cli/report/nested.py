"""Whatever a choice says, as definition lists within one another, and tables where there are many.

This is where nothing may be lost: what no other file of the report knows is shown by its shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sinr_geo_cli.report.markup import Content, Html, element, joined
from sinr_geo_cli.report.tables import table
from sinr_geo_cli.report.words import label, number, scalar

__all__ = ["definitions", "shown"]

_TRIED = frozenset({"alternatives", "effects_tried", "thinning_tried", "tried"})
_BY_NAME = frozenset({"by_channel", "gain", "kriging", "members", "noise", "offset", "weights"})
"""Keys whose mappings are by the names of channels or methods, which are no keys themselves."""


def definitions(content: Mapping[str, Any], *, by_name: bool = False) -> Html:
    """Show a mapping as a definition list, short values first.

    Parameters
    ----------
    content : mapping
    by_name : bool
        Whether its keys are names out of the file, and not to be put in words.
    """
    ordered = sorted(content.items(), key=lambda pair: _is_long(pair[1]))
    pairs = [piece for key, value in ordered for piece in _pair(str(key), value, by_name=by_name)]
    return element("dl", *pairs)


def shown(key: str, value: Any) -> Html:
    """Show a value by its shape; the key says what a mapping is of."""
    if isinstance(value, Mapping):
        if not value:
            return element("span", "none", class_="muted")
        if key in _TRIED and all(_is_score(score) for score in value.values()):
            return _tried(key, value)
        return definitions(value, by_name=key in _BY_NAME)
    if isinstance(value, list | tuple):
        return _listed(key, value)
    return scalar(value)


def _pair(key: str, value: Any, *, by_name: bool) -> tuple[Html, Html]:
    long = {"class_": "long"} if _is_long(value) else {}
    name = element("span", key, class_="name") if by_name else label(key)
    return element("dt", name, **long), element("dd", shown("" if by_name else key, value), **long)


def _is_long(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value)


def _is_score(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _tried(key: str, scores: Mapping[str, float | None]) -> Html:
    """Show what was tried in the order it was, the lowest score stressed."""
    names = list(scores)
    best = _lowest(list(scores.values()))
    told = "" if best is None else f", lowest {names[best]}"
    rows = [(name, number(score)) for name, score in scores.items()]
    made = table(
        "What the alternatives scored, in the order they were tried; lower is better",
        ("setting", "score"),
        rows,
        marked=best,
    )
    return element("details", element("summary", f"{len(names)} scores{told}"), made)


def _lowest(scores: Sequence[float | None]) -> int | None:
    known = [(s, i) for i, s in enumerate(scores) if s is not None and math.isfinite(s)]
    return min(known)[1] if known else None


def _listed(key: str, values: Sequence[Any]) -> Html:
    if not values:
        return element("span", "none", class_="muted")
    if all(isinstance(value, Mapping) for value in values):
        return _records(values)
    return joined((shown(key, value) for value in values), ", ")


def _records(records: Sequence[Mapping[str, Any]]) -> Html:
    """Show mappings as rows; what is the same in all of them stands in the caption."""
    keys = list(dict.fromkeys(str(key) for record in records for key in record))
    alike = [key for key in keys if len(records) > 1 and _is_alike(records, key)]
    columns = [key for key in keys if key not in alike]
    rows: list[list[Content]] = [
        [str(n), *(shown(key, record[key]) if key in record else "" for key in columns)]
        for n, record in enumerate(records, 1)
    ]
    told = [joined((element("code", key), " ", shown(key, records[0][key]))) for key in alike]
    caption: Html | str = joined(("the same in all: ", joined(told, ", "))) if told else "In order"
    best = _lowest([_score(record) for record in records]) if len(records) > 1 else None
    heads: list[Content] = ["no.", *(label(key) for key in columns)]
    made = table(caption, heads, rows, marked=best)
    return element("details", element("summary", f"{len(records)} entries"), made)


def _is_alike(records: Sequence[Mapping[str, Any]], key: str) -> bool:
    first = records[0].get(key)
    return not _is_long(first) and all(key in record and record[key] == first for record in records)


def _score(record: Mapping[str, Any]) -> float | None:
    score = record.get("withheld_rmse")
    return score if isinstance(score, int | float) else None
