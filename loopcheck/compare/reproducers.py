"""Reproducers: for a check that fails, a script that shows it without loopcheck, tried out before anybody gets it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopcheck.check import Entry, find
from loopcheck.compare.derivation import LIMIT, Unsuitable, script
from loopcheck.compare.trial import run
from loopcheck.report import causes
from loopcheck.report.writing import WritingError, write_whole
from loopcheck.subject import CONTROL

LONGEST = 150
"""Lines that are not empty. What takes more is read no sooner than the check itself."""

FAILURES = causes.EXPLAINED
"""The outcomes that a reproducer shows."""

_LIMIT = LIMIT + 10
"""Seconds that a process gets: its own deadline comes before."""

_TIMEOUT = "Timeout (0:00:"
"""What faulthandler writes when the deadline of a script is over."""


@dataclass(frozen=True)
class Reproducer:
    """A script that shows a failure, or why there is none."""

    script: str = ""
    why_not: str = ""


def reproduce(entry: Entry, subject: str, record: Mapping[str, Any], path: Sequence[str] = ()) -> Reproducer:
    """Make the script of a check that fails, and run it on the subject and on asyncio's own loop.

    Args:
        entry: the check, with its function.
        subject: the loop, ``MODULE:NAME``.
        record: what was seen of the check, with its ``outcome``.
        path: folders that go before sys.path when the subject is imported.

    Returns:
        The script, if it fails as the check does on the subject and passes on asyncio's own loop; else why there is
        none.
    """
    if "left_behind" in record and "error" not in record and record["outcome"] == "failed":
        return Reproducer(why_not="what is wrong is what is left behind, at which a script does not look")
    found = Reproducer()
    for short in (True, False):
        try:
            text = script(entry, subject, short=short)
        except Unsuitable as reason:
            found = found if found.why_not else Reproducer(why_not=str(reason))
            continue
        lines = sum(bool(line.strip()) for line in text.splitlines())
        if lines > LONGEST:
            found = found if found.why_not else Reproducer(why_not=f"the script would have {lines} lines")
            continue
        why_not = _why_not(text, subject, record, path)
        if not why_not:
            return Reproducer(text)
        found = Reproducer(why_not=why_not)
    return found


def _why_not(text: str, subject: str, record: Mapping[str, Any], path: Sequence[str]) -> str:
    """Run a script on both loops; why it does not show what it should, or nothing."""
    seen = _run(text, subject, path)
    if seen.outcome == "passed":
        return "what the script does passes"
    if not seen.shows(record):
        return f"the script fails otherwise: {seen.says}"
    on_control = _run(text, CONTROL, path)
    return "" if on_control.outcome == "passed" else f"the script fails on asyncio's own loop: {on_control.says}"


def write(failures: Sequence[Mapping[str, Any]], folder: Path, here: Path) -> dict[str, dict[str, str]]:
    """Write the scripts of failures into a folder, several at a time, each named by its check.

    Args:
        failures: the records.
        folder: relative to ``here``; made if there is something to write.
        here: the folder of the user, where also the subject may be.

    Returns:
        By the ids of the records the ``script`` and its ``path``, or ``why_not``.
    """

    def one(record: Mapping[str, Any]) -> dict[str, str]:
        made = reproduce(find(record["check"]), record["subject"], record, [str(here)])
        if not made.script:
            return {"why_not": made.why_not}
        path = folder / f"{re.sub(r'[^A-Za-z0-9_]+', '-', record['id']).strip('-')}.py"
        try:
            (here / folder).mkdir(parents=True, exist_ok=True)
            write_whole(here / path, made.script.encode())
        except (OSError, WritingError) as error:
            return {"script": made.script, "why_not": f"it could not be written: {error}"}
        return {"script": made.script, "path": str(path)}

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip((record["id"] for record in failures), pool.map(one, failures), strict=True))


@dataclass(frozen=True)
class _Ending:
    """How a script has ended."""

    outcome: str
    says: str
    error: str = ""
    """The exception that it has ended with, by name."""

    def shows(self, record: Mapping[str, Any]) -> bool:
        """Whether it ended as the check did."""
        outcome = record.get("was", record["outcome"])
        if outcome != "failed":
            return bool(self.outcome == outcome)
        if "did not happen" in record.get("message", ""):
            # A check says so when its patience ends; a script may leave that to its own deadline.
            return self.outcome == "hang" or self.error in ("AssertionError", "TimeoutError")
        return self.outcome == "failed" and self.error == record.get("error", self.error)


def _run(text: str, subject: str, path: Sequence[str]) -> _Ending:
    trial = run(text, subject, path, _LIMIT)
    if trial.status is None:
        return _Ending("hang", "it did not end")
    if trial.status == 0:
        return _Ending("passed", "")
    if trial.status < 0:
        return _Ending("crash", f"it died of signal {-trial.status}")
    said = trial.errors
    if _TIMEOUT in said:
        return _Ending("hang", "it did not end in time")
    # The line of an exception, below its traceback; what follows it is the rest of its message.
    raised = re.findall(
        r"^(?:[\w.]+\.)?(\w+)(?::| *$).*", said.rpartition("Traceback (most recent call last):")[2], re.M
    )
    if trial.status == 1 and raised:
        return _Ending("failed", said.strip().splitlines()[-1][:200], raised[0])
    return _Ending("exited", f"it ended with status {trial.status}")
