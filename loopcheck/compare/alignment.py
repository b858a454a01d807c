"""Two lists of events side by side, and where they part: pure functions of text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

_BEFORE = 3
"""How many events that are alike are shown before the first that differs."""

_AFTER = 12
"""How many rows are shown from the first that differs on."""

_COMPARED = 200
"""How many events behind the first that differs are compared with each other: it takes the square of their number."""

_WIDTH = 44
"""Characters of a column; a longer event goes on below."""

_LONGEST = 3 * _WIDTH
"""Characters of one event; of a longer one what is around the place where it differs."""

_FEWEST = 4
"""Two lists that have fewer items are as plain one above the other."""

MARK = ">"
"""Stands before the first row that differs."""

Row = tuple[str | None, str | None]
"""An event of each list; None where that list has none."""


def align(observed: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Two lists of events in two columns: a few before the first that differs, which is marked, and some after.

    Returns:
        The lines, with a heading; none if the lists are equal.
    """
    alike = _alike(observed, expected)
    if alike == len(observed) == len(expected):
        return []
    first = max(0, alike - _BEFORE)
    rows: list[Row] = [(one, one) for one in observed[first:alike]]
    rows += itertools.islice(_rows(observed[alike:], expected[alike:]), _AFTER + 1)
    more = len(rows) > alike - first + _AFTER
    cells = [_short(*row) for row in rows[: alike - first + _AFTER]]
    width = min(_WIDTH, max(len("observed"), *(len(left) for left, _ in cells)))
    lines = [f"  {'observed':<{width}}  expected"]
    lines += [f"  ... {first} alike"] if first else []
    for number, (left, right) in enumerate(cells):
        mark = MARK if number == alike - first else " "
        for one, other in itertools.zip_longest(_folded(left), _folded(right), fillvalue=""):
            lines.append(f"{mark} {one:<{width}}  {other}".rstrip())
            mark = " "
    return [*lines, "  ..."] if more else lines


def events(text: str) -> list[str] | None:
    """The items of a list or tuple, given its repr(), which may have been cut; None if it is none.

    The items need not be literals: brackets and quotes that pair are enough.
    """
    text = text.strip()
    if text[:1] not in ("[", "("):
        return None
    found: list[str] = []
    opened: list[str] = []
    start = position = 1
    while position < len(text):
        character = text[position]
        if character in "'\"":
            position = _behind_string(text, position)
            continue
        if character in _PAIRS:
            opened.append(_PAIRS[character])
        elif opened and character == opened[-1] and text[position - 1 : position + 1] != "->":
            opened.pop()
        elif not opened and character in ",])":
            found.append(text[start:position].strip())
            start = position + 1
            if character != ",":
                # More behind it: the sum of two lists, or no list at all.
                return [one for one in found if one] if start == len(text) else None
        position += 1
    rest = text[start:].strip()
    return [*found, f"{rest} ..."] if rest else found


_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">"}


def side_by_side(record: Mapping[str, Any]) -> list[str]:
    """What a check that failed has seen beside what was right, as lines; none where that is as plain without.

    That is the two sides of the comparison at which it failed, if they are lists, and else what it had recorded on the
    subject and on the control.

    Args:
        record: of the check.
    """
    observed, expected = events(record.get("observed", "")), events(record.get("expected", ""))
    if not observed or not expected:
        if "expected" in record or "events_on_control" not in record:
            return []
        return align(record["events"], record["events_on_control"])
    return align(observed, expected) if max(len(observed), len(expected)) >= _FEWEST else []


def _alike(observed: Sequence[str], expected: Sequence[str]) -> int:
    """How many events the lists have in common at their beginning."""
    pairs = enumerate(zip(observed, expected, strict=False))
    return next((number for number, (one, other) in pairs if one != other), min(len(observed), len(expected)))


def _rows(observed: Sequence[str], expected: Sequence[str]) -> Iterator[Row]:
    """Both lists, what is alike in the same row."""
    compared = SequenceMatcher(None, observed[:_COMPARED], expected[:_COMPARED], autojunk=False)
    for _, at, end, other_at, other_end in compared.get_opcodes():
        yield from itertools.zip_longest(observed[at:end], expected[other_at:other_end])
    yield from itertools.zip_longest(observed[_COMPARED:], expected[_COMPARED:])


def _short(observed: str | None, expected: str | None) -> tuple[str, str]:
    """Two events as they are shown, with the place where they differ in sight."""
    left, right = ("-" if one is None else " ".join(one.split()) for one in (observed, expected))
    if max(len(left), len(right)) > _LONGEST and left != right:
        skipped = _alike(left, right) - _WIDTH // 2
        if skipped > 0:
            left, right = f"...{left[skipped:]}", f"...{right[skipped:]}"
    return _cut(left), _cut(right)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _folded(text: str) -> list[str]:
    return [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)] or [""]


def _behind_string(text: str, position: int) -> int:
    """The position behind a string literal; the end of the text if it was cut."""
    quote = text[position]
    position += 1
    while position < len(text) and text[position] != quote:
        position += 2 if text[position] == "\\" else 1
    return position + 1
