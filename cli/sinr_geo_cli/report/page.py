"""The frame of a report: one HTML page that needs no other file, no network and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from sinr_geo_cli.report.markup import Html, element, joined, raw

if TYPE_CHECKING:
    from sinr_geo.adapters import Stamp

__all__ = ["Run", "page"]


@dataclass(frozen=True, slots=True)
class Run:
    """What was run.

    Parameters
    ----------
    stamp : Stamp
        The command as typed, the version and the time.
    source : Path
    outputs : tuple of Path
    """

    stamp: Stamp
    source: Path
    outputs: tuple[Path, ...] = ()


def page(title: str, run: Run, notes: Sequence[str], sections: Sequence[Html], foot: str) -> str:
    """Return a whole page.

    Parameters
    ----------
    title : str
    run : Run
    notes : sequence of str
        What the reader should know of the data and of what was left.
    sections : sequence of Html
    foot : str
        How to read the page.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", title),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"sinr-geo {run.stamp.version}"),
        element("style", raw(_style())),
    )
    body = element(
        "body",
        element("header", element("h1", title), _facts(run)),
        element("main", _notes(notes), *sections),
        element("footer", element("p", foot)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _style() -> str:
    return resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")


def _facts(run: Run) -> Html:
    moment = run.stamp.moment
    when = element(
        "time", f"{moment:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    )
    facts: dict[str, Html | str] = {
        "Command": element("code", run.stamp.command),
        "Input": element("code", run.source.name),
    }
    if run.outputs:
        facts["Output"] = joined((element("code", path.name) for path in run.outputs), ", ")
    facts |= {"Version": f"sinr-geo {run.stamp.version}", "Run at": when}
    pairs = [(element("dt", name), element("dd", fact)) for name, fact in facts.items()]
    return element("dl", *(piece for pair in pairs for piece in pair))


def _notes(notes: Sequence[str]) -> Html:
    told = element("ul", *(element("li", note) for note in notes))
    return element(
        "section",
        element("h2", "Notes and warnings"),
        told if notes else element("p", "None.", class_="muted"),
    )
