"""What renderers show: a column for each subject of each run, whether the runs come from one file or from several."""

from __future__ import annotations

import functools
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from loopcheck.check import selecting
from loopcheck.compare.alignment import side_by_side
from loopcheck.outcomes import ACCEPTABLE, LEVEL_MEANS, LEVELS, OUTCOMES, Level, Outcome
from loopcheck.report import cards, privacy, verdict
from loopcheck.report.certificate import name_of, place_of
from loopcheck.report.reading import Run


@dataclass(frozen=True)
class Column:
    """One subject in one run."""

    run: Run
    factory: str
    records: dict[str, dict[str, Any]]
    """By the check's id in the catalogue, in the order of the plan."""

    @property
    def subject(self) -> dict[str, Any]:
        """What the header says of the subject."""
        return self.run.subjects[self.factory]

    @property
    def level(self) -> Level:
        """The level from which on failures fail the run."""
        level: Level = self.run.header["level"]
        return level

    @property
    def name(self) -> str:
        """The subject, with distribution and version."""
        return tidy(name_of(self.subject), 200)

    @property
    def place(self) -> str:
        """Python and platform."""
        return tidy(place_of(self.run), 200)

    def cause(self, record: dict[str, Any]) -> str:
        """The id in the catalogue of the failing check that explains a failure; empty if nothing does."""
        found = self.run.checks.get(record.get("because", ""))
        return "" if found is None else str(found["check"])

    @functools.cached_property
    def failing(self) -> list[dict[str, Any]]:
        """The records that fail the run; what did not run is among them."""
        return [record for record in self.records.values() if verdict.fails(record, self.level)]

    @functools.cached_property
    def advice(self) -> list[dict[str, Any]]:
        """The records of failures that do not fail the run."""
        return [
            record
            for record in self.records.values()
            if record["outcome"] not in ACCEPTABLE and not verdict.fails(record, self.level)
        ]

    @functools.cached_property
    def tally(self) -> list[tuple[str, int]]:
        """How many checks ended how, without the outcomes that did not occur."""
        counts = Counter(record["outcome"] for record in self.records.values())
        return [(outcome, counts[outcome]) for outcome in OUTCOMES if counts[outcome]]

    @property
    def deviations(self) -> list[dict[str, Any]]:
        """What of that the loop is to blame for: not what did not run, is no evidence, or is better than declared."""
        return [record for record in self.failing if record["outcome"] not in ("not-run", "broken", "fixed")]

    @property
    def says(self) -> str:
        """The verdict, in a sentence or two."""
        if not self.records:
            return "Nothing was checked."
        number = len(self.records)
        said = [] if self.run.complete else [f"Incomplete: {tidy(self.run.why_incomplete, 200)}."]
        if self.deviations:
            one = len(self.deviations) == 1
            effects = sum("because" in record for record in self.deviations)
            said.append(
                f"{by_level(self.deviations)} check{'' if one else 's'} of {number} {'does' if one else 'do'} not hold"
                + (f", {effects} of them because others do not." if effects else ".")
            )
        else:
            said.append(f"No {_DOWN_TO[self.level]} of {number} fails unexplained.")
        for outcome, words in _ASIDES.items():
            if count := sum(record["outcome"] == outcome for record in self.failing):
                said.append(f"{words}: {count}.")
        if self.advice:
            said.append(f"Advice: {len(self.advice)}.")
        return " ".join(said)


_DOWN_TO: dict[Level, str] = {"must": "must check", "should": "must or should check", "may": "check"}

_ASIDES: dict[Outcome, str] = {
    "fixed": "Declared failures that pass now",
    "broken": "Broken here, and no evidence",
    "not-run": "Planned, but not run",
}
"""What fails a run, and is no deviation of the loop."""


def by_level(records: Iterable[dict[str, Any]]) -> str:
    """How many records there are of each level, in words."""
    counts = Counter(record["level"] for record in records)
    return " and ".join(f"{counts[level]} {level}" for level in LEVELS if counts[level])


def columns(runs: Iterable[Run]) -> list[Column]:
    """A column for each subject of each run, in their order."""
    made = []
    for run in runs:
        by_subject: dict[str, dict[str, dict[str, Any]]] = {factory: {} for factory in run.subjects}
        for record in run.checks.values():
            by_subject[record["subject"]][record["check"]] = record
        made += [Column(run, factory, records) for factory, records in by_subject.items()]
    return made


SCRIPT = "script"
"""The label of a reproducer, which is of no use if it is cut."""


def told(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Label and text of all that a record tells of a check that did not pass; the texts are as wild as they came."""
    message = record.get("message", "")
    # What the comparison says better is not said twice.
    if not ("expected" in record and message.startswith("assert ")) and message not in record.get("observed", ""):
        yield "message", message
    for key in ("expected", "observed"):
        if record.get(key):
            yield key, record[key]
    if lines := side_by_side(record):
        yield "differs", "\n".join(lines)
    if record.get("explanation") and "expected" not in record:
        yield "assertion", record["explanation"]
    frames = record.get("traceback", ())
    if frames:
        yield (
            "trace",
            "\n".join(f"{one['file']}:{one['line']} in {one['function']}\n    {one['code']}" for one in frames),
        )
    if record.get("left_behind"):
        yield "left", "\n".join(record["left_behind"])
    if "alone" in record:
        yield "alone", cards.alone(record)
    if "on_subject" in record:
        yield "on-subject", record["on_subject"]
    if record.get("because"):
        yield "because", record["because"]
    if "declared" in record:
        declared = record["declared"]
        yield "declared", "\n".join(filter(None, (declared["place"], declared["reason"], declared.get("issue", ""))))
    for key, label in ("recorded", "recorded"), ("tasks", "pending"), ("descriptors", "open"):
        if record.get(key):
            yield label, "\n".join(record[key])
    for key, label in ("advice", "advice"), ("was", "was"), ("stack", "stack"), ("native_stack", "native"):
        if record.get(key):
            yield label, record[key]
    if record.get("printed", "").strip():
        yield "printed", record["printed"].strip("\n")
    reproducer = record.get("reproducer", {})
    if "script" in reproducer:
        yield SCRIPT, reproducer["script"]
    elif "why_not" in reproducer:
        yield SCRIPT, f"none: {reproducer['why_not']}"


def card(column: Column, record: dict[str, Any], most: int) -> str:
    """What is told of a check, as lines of plain text; each text is cut to so many characters."""
    rows = [("level", f"{record['level']}: {LEVEL_MEANS[record['level']]}"), ("outcome", record["outcome"])]
    rows += told(record)
    rows.append(("reference", f"{record['reference']}  {record['link']}"))
    rows.append(("rerun", f"pytest --loop-factory={shlex.quote(column.factory)} {selecting(record['check'])}"))
    lines = [one_line(record["sentence"])]
    for label, text in rows:
        first, *more = tidy(text, most if label != SCRIPT else privacy.LONGEST).splitlines() or [""]
        lines += [f"{label:<10} {first}", *(f"{'':<10} {line}" for line in more)]
    return "\n".join(lines)


def tidy(text: str, most: int) -> str:
    """A text for a page: cut, and without what would drive a terminal or turn the reading direction."""
    if len(text) > most:
        text = f"{text[:most]} [... {len(text) - most} more characters]"
    # Nearly every text is harmless, and to look at each character takes long.
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return re.sub("[\u2028\u2029]", "\n", cards.clean(text))


def one_line(text: str, most: int = 300) -> str:
    """The same on one line."""
    return " ".join(tidy(text, most).split())
