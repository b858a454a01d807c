"""The record file: one JSON object a line; a header with the plan, every check as it ends, a footer with counts.

A file without a footer is incomplete. In a complete one every planned id has exactly one record.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from loopcheck.check import Entry, catalogue_digest
from loopcheck.known import Declaration
from loopcheck.outcomes import OUTCOMES
from loopcheck.report import causes, privacy

FORMAT = 1
"""The version of the format: raised when a reader of an older one would misread."""

Record = dict[str, Any]


def header(
    ids: Sequence[str],
    subjects: Sequence[Record],
    *,
    loopcheck: str,
    level: str,
    declaration: Declaration | None = None,
) -> Record:
    """The first record: what is about to be run, on what, where, and what is declared of it."""
    return {
        "record": "header",
        "format": FORMAT,
        "loopcheck": loopcheck,
        "catalogue": catalogue_digest(),
        "started": _now(),
        "subjects": list(subjects),
        "level": level,
        "declaration": None
        if declaration is None
        else {
            "path": privacy.here().text(declaration.path),
            "digest": declaration.digest,
            "subject": declaration.factory,
            "declined": privacy.here().of(dict(declaration.declined)),
        },
        "environment": {
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "build": sys.version.partition("(")[2].rstrip(")"),
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
            "free_threaded": not getattr(sys, "_is_gil_enabled", lambda: True)(),
        },
        "plan": list(ids),
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_record(id: str, entry: Entry, subject: str, seen: Record) -> Record:
    """The record of one check: what it claims, and what was seen."""
    formerly = {"formerly": entry.former_ids} if entry.formerly else {}
    return (
        {
            "record": "check",
            "id": id,
            "check": entry.id,
            "area": entry.area,
            "setting": entry.setting,
            "level": entry.level,
            "subject": subject,
            "outcome": seen["outcome"],
            "sentence": entry.sentence,
            "reference": entry.reference,
            "link": entry.link,
        }
        | formerly
        | {key: value for key, value in seen.items() if key != "outcome"}
    )


_OURS = frozenset(
    {"record", "id", "check", "area", "setting", "level", "subject", "outcome"}
    | {"sentence", "reference", "link", "formerly"}
)
"""The keys of a check record that are the same wherever it runs."""


def _discreet(record: Record) -> Record:
    """A check record as it may be published."""
    here = privacy.here()
    return {key: value if key in _OURS else here.of(value) for key, value in record.items()}


class Report:
    """Collects the records of a run, and writes them to a file as they come.

    Args:
        path: the file, replaced if it exists; None keeps the records in memory alone.
        head: the header.
        planned: for every planned id its check and subject.
        copies: how often each check runs; the worst of the copies counts.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(
        self, path: Path | None, head: Record, planned: dict[str, tuple[Entry, str]], *, copies: int = 1
    ) -> None:
        self.head = head
        self.checks: dict[str, Record] = {}
        self._planned = planned
        self._copies = copies
        self._waiting: dict[str, list[Record]] = {}
        self.trouble = ""
        """Why the file could not be written to its end; empty if nothing went wrong. The run goes on without it."""
        self._file: TextIO | None = None
        if path is not None:
            self._file = path.open("w", encoding="ascii", newline="\n")
        self._write(head)
        if self.trouble:
            raise OSError(None, self.trouble)

    def _write(self, record: Record) -> None:
        if self._file is None:
            return
        if record["record"] == "check":
            record = _discreet(record)
        try:
            # A line at a time, out of our hands at once: whatever happens to us, it is in the file.
            self._file.write(json.dumps(record, ensure_ascii=True) + "\n")
            self._file.flush()
        except OSError as error:
            self.trouble = str(error.strerror)
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written is tried again
                self._file.close()
            self._file = None

    def add(self, id: str, seen: Record) -> None:
        """Take what was seen of a planned check; of one that runs several times, the worst is kept."""
        if id not in self._planned or id in self.checks:
            return
        copies = self._waiting.setdefault(id, [])
        copies.append(check_record(id, *self._planned[id], seen))
        if len(copies) >= self._copies:
            self._settle(id)

    def _settle(self, id: str) -> None:
        copies = self._waiting.pop(id)
        worst = next((record for record in copies if record["outcome"] != "passed"), copies[0])
        self.checks[id] = worst
        self._write(worst)

    def finish(self, why: str, reproduce: Callable[[list[Record]], dict[str, Record]] | None = None) -> None:
        """Give every id that has none its record, and write the footer; finishing twice does nothing.

        Args:
            why: why there are checks that did not run, if there are any.
            reproduce: what is given the failures that no other explains, and makes their reproducers, by id.
        """
        if "footer" in self.head:
            return
        for id in list(self._waiting):
            self._settle(id)
        missing = [id for id in self._planned if id not in self.checks]
        for id in missing:
            entry, subject = self._planned[id]
            seen = {"outcome": "not-run", "seconds": 0.0, "message": f"no answer: {why}"}
            self.checks[id] = check_record(id, entry, subject, seen)
            self._write(self.checks[id])
        counts = Counter(record["outcome"] for record in self.checks.values())
        footer: Record = {
            "record": "footer",
            "ended": _now(),
            "complete": not missing,
            "planned": len(self._planned),
            "counts": {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]},
        }
        entries = {entry.id: entry for entry, _ in self._planned.values()}
        if because := causes.because(self.checks.values(), entries):
            footer["because"] = because
        if reproduce is not None:
            alone = [
                one for one in self.checks.values() if one["outcome"] in causes.EXPLAINED and one["id"] not in because
            ]
            footer["reproducers"] = privacy.here().of(reproduce(alone))
        if missing:
            footer["why"] = why
        self._write(footer)
        self.head = self.head | {"footer": footer}
        self._close()

    @property
    def because(self) -> dict[str, str]:
        """By the id of a failure, the id of the one that explains it; known when the report is finished."""
        found: dict[str, str] = self.head.get("footer", {}).get("because", {})
        return found

    @property
    def reproducers(self) -> dict[str, Record]:
        """By the id of a failure, the script that shows it, or why there is none; known when the report is finished."""
        found: dict[str, Record] = self.head.get("footer", {}).get("reproducers", {})
        return found

    def outcomes(self) -> list[Record]:
        """The records of all planned checks, in the order of the plan."""
        return [self.checks[id] for id in self._planned if id in self.checks]
