"""Annotations: lines on the output of a job from which GitHub makes marks beside a change."""

from __future__ import annotations

import re
from collections.abc import Iterable

from loopcheck.outcomes import Level
from loopcheck.report import verdict
from loopcheck.report.cards import clean
from loopcheck.report.records import Record

MOST = 10
"""How many of a step's errors GitHub shows."""

_LONGEST = 500
"""Characters of a message."""


def marks(records: Iterable[Record], level: Level) -> list[str]:
    """The lines for the first of the failures; one that is about a declaration stands at its line.

    Args:
        records: of checks.
        level: the lowest level whose failures fail the run.
    """
    failed = [record for record in records if verdict.fails(record, level)]
    return [_annotation(record) for record in failed[:MOST]]


def _annotation(record: Record) -> str:
    properties = {"title": f"{record['id']}: {record['outcome']}"}
    place = re.fullmatch(r"(?P<file>.+):(?P<line>\d+)", record.get("declared", {}).get("place", ""))
    if place:
        properties = {**place.groupdict(), **properties}
    # What is observed may be pages long, and says nothing without what is expected.
    said = record.get("advice") or record.get("message", "")
    text = clean(f"{record['sentence']}\n{said}".strip())[:_LONGEST]
    head = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::error {head}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    """Text as a workflow command holds it: percent signs, ends of lines, and what separates the parts."""
    return re.sub(f"[%\r\n{more}]", lambda found: f"%{ord(found[0]):02X}", text)
