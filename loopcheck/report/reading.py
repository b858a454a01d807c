"""Reading a record file back: whole, or with a named error. Nothing in it is taken on trust."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from loopcheck.report.records import FORMAT
from loopcheck.report.schema import fault

Record = dict[str, Any]

_LONGEST = 16 * 2**20
"""Bytes. Strings in records are cut at a few thousand; the longest line is the plan, with some 50 an id."""

_LARGEST = 512 * 2**20
"""Bytes of a file. A run in which every check fails at length has some ten thousand a check."""


class ReportError(Exception):
    """The file is no report, or says things that do not agree; the message names file, line and what was found."""


_MEMORY = 256 * 2**20
"""Bytes that unpacking may take besides: xz takes a quarter of it at its best."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as its report tells it."""

    path: str
    header: Record
    checks: dict[str, Record]
    """By id, in the order of the plan. Of a failure that another explains, ``because`` is the id of that."""
    complete: bool
    """Whether everything that was planned ran, and the run ended by itself."""
    footer: Record | None = None
    """None when the run was killed before it could write one."""

    @property
    def subjects(self) -> dict[str, Record]:
        """What each subject is, by its factory."""
        return {subject["factory"]: subject for subject in self.header["subjects"]}

    @property
    def why_incomplete(self) -> str:
        """Why it is incomplete; empty if it is not."""
        if self.footer is None:
            return "the report has no footer: the run was killed"
        return "" if self.complete else str(self.footer.get("why", "some checks did not run"))


def read(path: Path) -> Run:
    """Read the report of one run.

    A file whose footer is missing was left by a run that was killed: it is readable, and incomplete.

    Raises:
        ReportError: it cannot be read, it is none, it contradicts itself, or it holds several runs.
    """
    runs = read_all(path)
    if len(runs) != 1:
        raise ReportError(f"{path}: it holds {len(runs)} runs, merged; name the report of one run")
    return runs[0]


def read_all(path: Path) -> list[Run]:
    """Read a report of one run, or of several that ``loopcheck merge`` has put together.

    Raises:
        ReportError: it cannot be read, it is none, or it contradicts itself.
    """
    merged: Record | None = None
    drafts: list[_Draft] = []
    for number, record in _lines(path):
        kind = record["record"]
        if kind in ("merge", "header") and record["format"] != FORMAT:
            raise ReportError(
                f"{path}:{number}: format {record['format']}; this loopcheck reads format {FORMAT}; "
                "use the version that wrote it, or a newer one"
            )
        if kind == "merge":
            if number > 1:
                raise ReportError(f"{path}:{number}: a merge record can only be the first")
            merged = record
        elif kind == "header":
            if drafts and (merged is None or drafts[-1].footer is None):
                raise ReportError(
                    f"{path}:{number}: a second header; one file is one run, 'loopcheck merge' puts several together"
                )
            drafts.append(_Draft(path, record))
        elif not drafts:
            raise ReportError(f"{path}:{number}: the first record is no header")
        else:
            drafts[-1].add(number, record)
    if merged is not None and (merged["runs"] != len(drafts) or not all(draft.footer for draft in drafts)):
        ended = sum(draft.footer is not None for draft in drafts)
        raise ReportError(f"{path}: it says that it holds {merged['runs']} runs, and {ended} are whole; it was cut")
    if not drafts:
        raise ReportError(f"{path}: it is empty; a report begins with a header")
    return [draft.finish() for draft in drafts]


@dataclass(slots=True)
class _Draft:
    """A run while its records are read."""

    path: Path
    header: Record
    plan: dict[str, None] = field(default_factory=dict)
    checks: dict[str, Record] = field(default_factory=dict)
    footer: Record | None = None

    def __post_init__(self) -> None:
        self.plan = dict.fromkeys(self.header["plan"])
        if len(self.plan) != len(self.header["plan"]):
            twice: str = Counter(self.header["plan"]).most_common(1)[0][0]
            raise ReportError(f"{self.path}: {twice[:200]!r} is in the plan twice")
        factories = [subject["factory"] for subject in self.header["subjects"]]
        if not factories or len(set(factories)) != len(factories):
            raise ReportError(f"{self.path}: the subjects are {factories!r:.200}; there must be one, and each once")

    def add(self, number: int, record: Record) -> None:
        if self.footer is not None:
            raise ReportError(f"{self.path}:{number}: a record behind the footer")
        if record["record"] == "footer":
            self.footer = record
            return
        id = record["id"]
        if id in self.checks:
            raise ReportError(f"{self.path}:{number}: a second record of {id[:200]!r}")
        if id not in self.plan:
            raise ReportError(f"{self.path}:{number}: {id[:200]!r} has a record, and is not in the plan")
        if not any(record["subject"] == subject["factory"] for subject in self.header["subjects"]):
            raise ReportError(
                f"{self.path}:{number}: {record['subject'][:200]!r} is none of the subjects in the header"
            )
        self.checks[id] = record

    def finish(self) -> Run:
        if self.footer is not None:
            self._compare(self.footer)
            for id, cause in self.footer.get("because", {}).items():
                self.checks[id]["because"] = cause
            for id, reproducer in self.footer.get("reproducers", {}).items():
                self.checks[id]["reproducer"] = reproducer
        ordered = {id: self.checks[id] for id in self.plan if id in self.checks}
        complete = self.footer is not None and self.footer["complete"]
        return Run(str(self.path), self.header, ordered, complete, self.footer)

    def _compare(self, footer: Record) -> None:
        path = self.path
        counts = dict(Counter(record["outcome"] for record in self.checks.values()))
        if missing := next((id for id in self.plan if id not in self.checks), None):
            raise ReportError(f"{path}: {missing[:200]!r} was planned, and has no record although there is a footer")
        if (footer["planned"], footer["counts"]) != (len(self.plan), counts):
            raise ReportError(
                f"{path}: the footer counts {footer['planned']} planned, {footer['counts']!r:.400}; "
                f"the records are {len(self.plan)}, {counts}"
            )
        named = itertools.chain(*footer.get("because", {}).items(), footer.get("reproducers", {}))
        failed = {id for id, record in self.checks.items() if record["outcome"] != "passed"}
        if stranger := next((id for id in named if id not in failed), None):
            raise ReportError(f"{path}: the footer says why checks failed, and {stranger[:200]!r} did not fail")
        if footer["complete"] != ("not-run" not in counts):
            raise ReportError(f"{path}: the footer says complete={footer['complete']}, the records say otherwise")


def _lines(path: Path) -> Iterator[tuple[int, Record]]:
    try:
        with _opened(path) as file:
            number = size = 0
            while line := file.readline(_LONGEST + 1):
                number += 1
                size += len(line)
                if len(line) > _LONGEST:
                    raise ReportError(f"{path}:{number}: a line of more than {_LONGEST} bytes; no report has that")
                if size > _LARGEST:
                    raise ReportError(f"{path}:{number}: more than {_LARGEST} bytes; no report has that")
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise ReportError(f"{path}:{number}: it is no JSON: {error}") from None
                if not isinstance(record, dict):
                    raise ReportError(f"{path}:{number}: expected an object, found {type(record).__name__}")
                if found := fault(record):
                    raise ReportError(f"{path}:{number}: {found}")
                yield number, record
    except OSError as error:
        raise ReportError(f"{path}: cannot read it: {error.strerror}") from None


def _opened(path: Path) -> BinaryIO:
    """The file, unpacked if xz has packed it."""
    if path.suffix != ".xz":
        return path.open("rb")
    try:
        import lzma
    except ImportError:  # not every Python is built with it
        raise ReportError(f"{path}: this Python reads no xz; unpack it first, with xz -d -k") from None
    packed = path.read_bytes()
    unpacker = lzma.LZMADecompressor(memlimit=_MEMORY)
    try:
        # A byte more than a report may have is enough to say that it has too many.
        content = unpacker.decompress(packed, _LARGEST + 1)
    except lzma.LZMAError as error:
        raise ReportError(f"{path}: it cannot be unpacked: {error}") from None
    if len(content) <= _LARGEST and (not unpacker.eof or unpacker.unused_data):
        raise ReportError(f"{path}: it cannot be unpacked: it was cut, or something was added")
    return io.BytesIO(content)
