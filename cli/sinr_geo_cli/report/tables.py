"""Tables with a caption and headers that assistive software can tell."""

from __future__ import annotations

from collections.abc import Sequence

from sinr_geo_cli.report.markup import Content, Html, element, joined

__all__ = ["table"]


def table(
    caption: Content,
    head: Sequence[Content],
    rows: Sequence[Sequence[Content]],
    *,
    marked: int | None = None,
) -> Html:
    """Make a table whose first column names its rows.

    Parameters
    ----------
    caption : str or Html
    head : sequence of str or Html
        One per column.
    rows : sequence of sequences of str or Html
    marked : int, optional
        Number of the row to stress.
    """
    heads = [element("th", cell, scope="col") for cell in head]
    body = [_row(row, stressed=number == marked) for number, row in enumerate(rows)]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
    )
    # Wide tables scroll by themselves; a keyboard can scroll only what it can reach.
    return element("div", made, class_="scroll", tabindex="0")


def _row(cells: Sequence[Content], *, stressed: bool) -> Html:
    name, *values = cells
    told = joined((element("th", name, scope="row"), *(element("td", v) for v in values)))
    return element("tr", told, class_="best") if stressed else element("tr", told)
