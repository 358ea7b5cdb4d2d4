"""Pieces of HTML that cannot be forgotten to be escaped.

Names, units and notes come from files that nobody vouches for. Plain strings are therefore always
escaped, and only `element` and `joined` make `Html`: a template engine would add a language and a
dependency, and the type checker would see neither.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Content", "Html", "element", "joined", "raw"]

_VOID = frozenset({"img", "meta", "br"})
# Control characters, lone surrogates and what Unicode calls no characters: none may stand in HTML.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe as it is."""

    text: str

    def __str__(self) -> str:
        return self.text


Content = str | Html


def element(name: str, /, *content: Content, **attributes: str | bool) -> Html:
    """Make an element.

    Parameters
    ----------
    name : str
    *content : str or Html
        Strings are escaped.
    **attributes : str or bool
        An underscore at the end is dropped and others become hyphens (``class_``,
        ``aria_label``); true stands alone, false is left out.
    """
    told = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{joined(content)}</{name}>")


def joined(content: Iterable[Content], between: Content = "") -> Html:
    """Join pieces; strings are escaped."""
    return Html(_safe(between).join(_safe(piece) for piece in content))


def raw(text: str) -> Html:
    """Take text of this package (a style sheet) as it is; never what came from a file."""
    return Html(text)


def _attribute(key: str, value: str | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{_safe(value)}"'


def _safe(piece: Content) -> str:
    if isinstance(piece, Html):
        return piece.text
    return html.escape(_FORBIDDEN.sub("\ufffd", piece), quote=True)
