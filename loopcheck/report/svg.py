"""The badge as a picture, for who does not want to ask a server for it."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence

from loopcheck.report.badge import LABEL, say
from loopcheck.report.columns import Column

_COLORS = {"good": "#2e7d32", "open": "#8a6500", "bad": "#b3261e"}
"""White text is legible on each of them."""

_WIDE, _NARROW, _USUAL = 9.0, 4.0, 6.6
"""Pixels that a character of 11 pixels in Verdana takes, about; the text is then fitted to exactly that."""


def render(columns: Sequence[Column], profile: str | None = None) -> str:
    """The picture; its text is in it for screen readers, too.

    Raises:
        ProfileError: there is no such profile.
    """
    message, mood = say(columns, profile)
    left, right = _width(LABEL), _width(message)
    whole = left + right
    title = html.escape(f"{LABEL}: {message}")

    def text(words: str, start: int, width: int) -> str:
        return (
            f'<text x="{start + width / 2:g}" y="14" textLength="{width - 12}" lengthAdjust="spacingAndGlyphs">'
            f"{html.escape(words)}</text>"
        )

    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{whole}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLORS[mood]}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{text(LABEL, 0, left)}{text(message, left, right)}</g></svg>\n"
    )


def _width(words: str) -> int:
    def of(sign: str) -> float:
        if sign in "mwMW" or unicodedata.east_asian_width(sign) in "WF":
            return _WIDE
        return _NARROW if sign in "iljtfr.,:;!|' " else _USUAL

    return round(sum(map(of, words))) + 12
