"""Reading a record file back: whole, or with a named error. Nothing in it is taken on trust."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopcheck.outcomes import LEVELS, OUTCOMES
from loopcheck.report.records import FORMAT

Record = dict[str, Any]

_LONGEST = 16 * 2**20
"""Characters. Strings in records are cut at a few thousand; the longest line is the plan, with some 50 an id."""

_NEEDED: dict[str, dict[str, type]] = {
    "header": {"format": int, "loopcheck": str, "catalogue": str, "subjects": list, "environment": dict, "plan": list},
    "check": {"id": str, "check": str, "area": str, "level": str, "subject": str, "outcome": str, "sentence": str},
    "footer": {"complete": bool, "planned": int, "counts": dict},
}


class ReportError(Exception):
    """The file is no report, or says things that do not agree; the message names file, line and what was found."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as its report tells it."""

    path: str
    header: Record
    checks: dict[str, Record]
    """By id, in the order of the plan."""
    complete: bool
    """Whether everything that was planned ran, and the run ended by itself."""

    @property
    def subjects(self) -> dict[str, Record]:
        """What each subject is, by its factory."""
        return {subject["factory"]: subject for subject in self.header["subjects"]}


def read(path: Path) -> Run:
    """Read a report.

    A file whose footer is missing was left by a run that was killed: it is readable, and incomplete.

    Raises:
        ReportError: it cannot be read, it is none, or it contradicts itself.
    """
    header: Record | None = None
    footer: Record | None = None
    checks: dict[str, Record] = {}
    for number, record in _lines(path):
        kind = _kind(path, number, record)
        if (kind == "header") != (header is None):
            what = "the first record is no header" if header is None else "a second header"
            raise ReportError(f"{path}:{number}: {what}; one file is one run, 'loopcheck merge' puts several together")
        if footer is not None:
            raise ReportError(f"{path}:{number}: a record behind the footer")
        if kind == "header":
            header = record
            if record["format"] != FORMAT:
                raise ReportError(
                    f"{path}:{number}: format {record['format']}; this loopcheck reads format {FORMAT}; "
                    "use the version that wrote it, or a newer one"
                )
        elif kind == "footer":
            footer = record
        elif record["id"] in checks:
            raise ReportError(f"{path}:{number}: a second record of {record['id']!r}")
        else:
            checks[record["id"]] = record
    if header is None:
        raise ReportError(f"{path}: it is empty; a report begins with a header")
    plan = list(map(str, header["plan"]))
    if stranger := next((id for id in checks if id not in set(plan)), None):
        raise ReportError(f"{path}: {stranger!r} has a record, and is not in the plan")
    if footer is not None:
        _compare(path, plan, checks, footer)
    ordered = {id: checks[id] for id in plan if id in checks}
    return Run(str(path), header, ordered, footer is not None and footer["complete"])


def _lines(path: Path) -> Iterator[tuple[int, Record]]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST + 1):
                number += 1
                if len(line) > _LONGEST:
                    raise ReportError(f"{path}:{number}: a line of more than {_LONGEST} bytes; no report has that")
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise ReportError(f"{path}:{number}: it is no JSON: {error}") from None
                if not isinstance(record, dict):
                    raise ReportError(f"{path}:{number}: expected an object, found {type(record).__name__}")
                yield number, record
    except OSError as error:
        raise ReportError(f"{path}: cannot read it: {error.strerror}") from None


def _kind(path: Path, number: int, record: Record) -> str:
    kind = record.get("record")
    if not isinstance(kind, str) or kind not in _NEEDED:
        raise ReportError(f"{path}:{number}: a record of kind {kind!r}; there are {', '.join(_NEEDED)}")
    for key, type_ in _NEEDED[kind].items():
        if type(record.get(key)) is not type_:
            raise ReportError(f"{path}:{number}: {kind}: {key!r} is {record.get(key)!r:.80}, no {type_.__name__}")
    if kind == "check" and record["outcome"] not in OUTCOMES:
        raise ReportError(f"{path}:{number}: outcome {record['outcome']!r:.80}; there are {', '.join(OUTCOMES)}")
    if kind == "check" and record["level"] not in LEVELS:
        raise ReportError(f"{path}:{number}: level {record['level']!r:.80}; there are {', '.join(LEVELS)}")
    return kind


def _compare(path: Path, plan: list[str], checks: dict[str, Record], footer: Record) -> None:
    counts = dict(Counter(record["outcome"] for record in checks.values()))
    if missing := next((id for id in plan if id not in checks), None):
        raise ReportError(f"{path}: {missing!r} was planned, and has no record although there is a footer")
    if (footer["planned"], footer["counts"]) != (len(plan), counts):
        raise ReportError(
            f"{path}: the footer counts {footer['planned']} planned, {footer['counts']}; "
            f"the records are {len(plan)}, {counts}"
        )
    if footer["complete"] != ("not-run" not in counts):
        raise ReportError(f"{path}: the footer says complete={footer['complete']}, the records say otherwise")
