"""A summary in Markdown for the page of a CI job, which takes 1 MiB and no more."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from loopcheck import profiles
from loopcheck.outcomes import OUTCOME_MEANS
from loopcheck.report.certificate import certify
from loopcheck.report.columns import Column, card, one_line
from loopcheck.report.difference import TURN_MEANS, difference

LIMIT = 2**20
"""Bytes that a summary may have: GitHub refuses longer ones."""

_ROOM = LIMIT - 20_000
"""Bytes until no more cards are added: the rest is for what closes the summary."""

_CARD = 1000
"""Characters of one text in a card."""

_FIRST = 40
"""How many lines of one sort are listed before the rest is a number."""

_SIGNS = re.compile(r"[^\w\s.,:;/()'-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What could mean something to Markdown or HTML; an underscore inside a word does not."""


def render(columns: Sequence[Column]) -> str:
    """Verdicts, areas and outcomes, and a card for each check that fails the run, until the room is used up."""
    parts: list[str] = []
    for column in columns:
        parts += _head(column)
    if len(columns) > 1 and columns[0].factory == columns[-1].factory:
        parts += _since(columns[0], columns[-1])
    size = sum(len(part.encode("utf-8", "backslashreplace")) + 1 for part in parts)
    for column in columns:
        parts.append(f"\n### What fails: {plain(column.name)}, {plain(column.place)}\n" if column.failing else "")
        # What explains others first: those are what to mend.
        for number, record in enumerate(sorted(column.failing, key=lambda record: "because" in record)):
            told = _card(column, record)
            size += len(told.encode("utf-8", "backslashreplace")) + 1
            if size > _ROOM:
                parts.append(f"\nand {len(column.failing) - number} more; the report has all of them.\n")
                break
            parts.append(told)
    return "\n".join(parts)


def _head(column: Column) -> list[str]:
    lines = [
        f"## {plain(column.name)}",
        f"{plain(column.place)}; loopcheck {plain(column.run.header['loopcheck'])}; "
        f"{plain(column.run.header['started'])}\n",
        f"**{plain(column.says)}**\n",
    ]
    for name in profiles.latest():
        certificate = certify(column.run, profiles.load(name), column.factory)
        if certificate.granted:
            lines.append(f"- ✅ {plain(certificate.sentence, 1000)}")
        else:
            lines.append(f"- ❌ {name}: no certificate, for {len(certificate.refused)} reasons")
    known = [record for record in column.records.values() if record["outcome"] == "known"]
    for record in known[:_FIRST]:
        lines.append(f"- known: {_code(record['check'])}: {plain(record.get('declared', {}).get('reason', ''))}")
    if len(known) > _FIRST:
        lines.append(f"- and {len(known) - _FIRST} more known failures")
    outcomes = [outcome for outcome, _ in column.tally]
    lines += ["", f"| area | {' | '.join(outcomes)} |", f"| --- |{' ---: |' * len(outcomes)}"]
    areas: dict[str, dict[str, int]] = {}
    for record in column.records.values():
        counts = areas.setdefault(record["area"], {})
        counts[record["outcome"]] = counts.get(record["outcome"], 0) + 1
    rows = sorted(areas.items())
    for area, counts in rows[:200]:
        lines.append(f"| {plain(area)} | {' | '.join(str(counts.get(outcome) or '') for outcome in outcomes)} |")
    lines.append(f"| **total** | {' | '.join(f'**{number}**' for _, number in column.tally)} |")
    return [*lines, ""]


def _since(first: Column, last: Column) -> list[str]:
    """What became of the first report in the last, as ``loopcheck diff`` means it."""
    found = difference(first, last)
    about = f"{plain(last.name)}, {plain(last.place)}, since {plain(first.name)}, {plain(first.place)}"
    lines = [f"## What is different: {about}\n"]
    for which, pairs in found.checks.items():
        if not pairs:
            continue
        lines.append(f"**{which}: {len(pairs)}** ({TURN_MEANS[which]})\n")
        for before, after in pairs[:_FIRST] if which in ("regressed", "fixed") else ():
            said = " → ".join(one["outcome"] for one in (before, after) if one is not None)
            lines.append(f"- {_code((after or before or {})['check'])} {said}")
        lines.append(f"- and {len(pairs) - _FIRST} more\n" if len(pairs) > _FIRST and lines[-1][0] == "-" else "")
    return lines if len(lines) > 1 else [*lines, "Nothing.\n"]


def _card(column: Column, record: dict[str, Any]) -> str:
    summary = f"{_code(record['check'])} {record['outcome']} ({record['level']})"
    means = html.escape(OUTCOME_MEANS[record["outcome"]])
    # The line before <pre> is empty, so that Markdown takes all up to </pre> as it is.
    return (
        f'<details><summary title="{means}">{summary}</summary>\n\n'
        f"<pre>{html.escape(card(column, record, _CARD))}</pre>\n\n</details>\n"
    )


def plain(text: str, most: int = 300) -> str:
    """A text on one line that Markdown and HTML take as it is: every sign that could mean something is a number."""
    return _SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", one_line(text, most))


def _code(text: str) -> str:
    return f"<code>{plain(text)}</code>"
