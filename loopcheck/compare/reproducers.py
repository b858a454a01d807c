"""Reproducers: for a check that fails, a script that shows it without loopcheck, tried out before anybody gets it."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopcheck.check import Entry, find
from loopcheck.compare.derivation import DONE, LEFT, LIMIT, Unsuitable, look_for, script, with_patience
from loopcheck.compare.shortening import length, shortened
from loopcheck.compare.trial import Stage, Trial, run
from loopcheck.report import causes
from loopcheck.report.writing import WritingError, write_whole
from loopcheck.subject import CONTROL

LONGEST = 150
"""Lines that are not empty. What takes more is read no sooner than the check itself."""

FAILURES = causes.EXPLAINED
"""The outcomes that a reproducer shows."""

_LIMIT = LIMIT + 10
"""Seconds that a process gets: its own deadline comes before."""

_SECONDS = 15.0
"""How long a shorter script is looked for, where trying one on both loops takes no longer than :data:`_USUAL`."""

_USUAL, _MOST = 0.15, 3.0
"""Seconds that it takes to try one; how many times as long one is looked for at the most where that takes longer."""

_QUICK_LIMIT, _QUICK_PATIENCE = 1.5, 0.3
"""Seconds that a process gets, and that a script waits, meanwhile; what comes of it is run at full length at last."""

_TRIES = 5
"""How often a shorter script is tried at last: what it shows must not be a matter of luck."""

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
    look = ""
    if _only_leaves(record):
        look = look_for(record["left_behind"])
        if not look:
            return Reproducer(why_not="what is wrong is what is left behind, at which a script cannot look")
    found = Reproducer()
    for short in (True, False):
        try:
            text = script(entry, subject, short=short, look=look)
        except Unsuitable as reason:
            found = found if found.why_not else Reproducer(why_not=str(reason))
            continue
        why_not = _why_not(with_patience(text), subject, record, path)
        if not why_not and look and _ending(run(_bare(text), subject, path, _LIMIT)).outcome != "passed":
            return Reproducer(why_not="each loop leaves that behind, whatever is done with it")
        if not why_not:
            text = _shortened(text, subject, record, path)
            if length(text) <= LONGEST:
                return Reproducer(text)
            why_not = f"the script would have {length(text)} lines"
        found = found if found.why_not else Reproducer(why_not=why_not)
    return found


def _only_leaves(record: Mapping[str, Any]) -> bool:
    """Whether all that is wrong is what is left behind."""
    return "left_behind" in record and "error" not in record and record.get("was", record["outcome"]) == "failed"


_BARE = """
def main(factory):
    loop = factory()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
"""


def _bare(text: str) -> str:
    """A script that does nothing with its loop but to run it once."""
    tree = ast.parse(text)
    bare = ast.parse(_BARE).body
    tree.body = [one for node in tree.body for one in (bare if getattr(node, "name", "") == "main" else [node])]
    return with_patience(ast.unparse(tree))


def _why_not(text: str, subject: str, record: Mapping[str, Any], path: Sequence[str]) -> str:
    """Run a script on both loops; why it does not show what it should, or nothing."""
    seen = _ending(run(text, subject, path, _LIMIT))
    if seen.outcome == "passed":
        return "what the script does passes"
    if not seen.shows(record):
        return f"the script fails otherwise: {seen.says[:200]}"
    on_control = _ending(run(text, CONTROL, path, _LIMIT))
    return "" if on_control.outcome == "passed" else f"the script fails on asyncio's own loop: {on_control.says[:200]}"


def _shortened(text: str, subject: str, record: Mapping[str, Any], path: Sequence[str]) -> str:
    """A script that shows the same in fewer lines, if there is one."""
    with contextlib.closing(Stage(subject, path)) as stage, contextlib.closing(Stage(CONTROL, path)) as control:

        def ending(of: Stage, text: str, limit: float) -> _Ending:
            return _ending(of.run(with_patience(text, _QUICK_PATIENCE), limit))

        begin = time.monotonic()
        wanted, _ = ending(stage, text, _QUICK_LIMIT), ending(control, text, _QUICK_LIMIT)
        takes = time.monotonic() - begin
        limit = min(0.3 + 3 * takes, _QUICK_LIMIT)
        seconds = _SECONDS * min(max(takes / _USUAL, 1), _MOST)
        hangs = ["dump_traceback_later"] if wanted.outcome == "hang" else []

        def shows(text: str) -> bool:
            if not all(kept in text for kept in (subject, "__doc__", *hangs)):
                return False
            return ending(control, text, limit).outcome == "passed" and ending(stage, text, limit).is_like(wanted)

        def reached(text: str) -> frozenset[int]:
            text = with_patience(text, _QUICK_PATIENCE)
            return frozenset().union(*(of.run(text, _QUICK_LIMIT, watched=True).lines for of in (stage, control)))

        if wanted.shows(record):
            for keen in (True, False):
                shorter = shortened(text, shows, seconds, keen=keen, reached=reached)
                if shorter != text and all(shows(shorter) for _ in range(_TRIES)):
                    shorter = with_patience(shorter)
                    if not _why_not(shorter, subject, record, path):
                        return shorter
    return with_patience(text)


def write(
    failures: Sequence[Mapping[str, Any]], folder: Path, here: Path, progress: Callable[[int], object] = bool
) -> dict[str, dict[str, str]]:
    """Write the scripts of failures into a folder, several at a time, each named by its check; older ones go.

    Args:
        failures: the records.
        folder: relative to ``here``; made if there is something to write.
        here: the folder of the user, where also the subject may be.
        progress: is told after each failure how many have been done.

    Returns:
        By the ids of the records the ``script`` and its ``path``, or ``why_not``.
    """

    def one(record: Mapping[str, Any]) -> dict[str, str]:
        made = reproduce(find(record["check"]), record["subject"], record, [str(here)])
        if not made.script:
            return {"why_not": made.why_not}
        path = folder / _file_name(record["id"])
        try:
            (here / folder).mkdir(parents=True, exist_ok=True)
            write_whole(here / path, made.script.encode())
        except (OSError, WritingError) as error:
            return {"script": made.script, "why_not": f"it could not be written: {error}"}
        return {"script": made.script, "path": str(path)}

    for file in (here / folder).glob("*.py"):
        if _was_made_by_us(file):
            file.unlink(missing_ok=True)
    written: dict[str, dict[str, str]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record, made in zip(failures, pool.map(one, failures), strict=True):
            written[record["id"]] = made
            progress(len(written))
    return written


def _file_name(id: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_]+', '-', id).strip('-')}.py"


def _was_made_by_us(file: Path) -> bool:
    """Whether a file is a script of a check: it says so at its top, and is named by it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    said = re.search(r"^(\w+::\S+), https?://\S+$", text, re.M)
    return said is not None and file.name == _file_name(said[1])


@dataclass(frozen=True)
class _Ending:
    """How a script has ended."""

    outcome: str
    says: str = ""
    error: str = ""
    """The exception that it has ended with, by name."""

    def is_like(self, other: _Ending) -> bool:
        """Whether another run may have ended like this."""
        return (self.outcome, self.error, _plain(self.says)) == (other.outcome, other.error, _plain(other.says))

    def shows(self, record: Mapping[str, Any]) -> bool:
        """Whether it ended as the check did."""
        outcome = record.get("was", record["outcome"])
        if outcome != "failed":
            return bool(self.outcome == outcome)
        if _only_leaves(record):
            return self.error == "AssertionError" and self.says.startswith(f"{self.error}: {LEFT}")
        message = record.get("message", "")
        if "did not happen" in message or message.startswith("within "):
            # A check says so when its patience ends; a script may leave that to its own deadline.
            return self.outcome == "hang" or self.error in ("AssertionError", "TimeoutError")
        if self.outcome != "failed" or self.error != record.get("error", self.error):
            return False
        if "observed" in record and "expected" in record:
            seen = _COMPARED.search(self.says)
            return seen is not None and _alike(seen[1], record["expected"]) and _alike(seen[2], record["observed"])
        if self.error == "AssertionError":
            return message.startswith("assert ") or not message or _alike(self.says, f"{self.error}: {message}")
        return _alike(self.says, message)


_COMPARED = re.compile(r"(?:^|: )expected (.*)\nobserved (.*)", re.S | re.M)
"""How a script says what it compared."""

_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w+)(?:: (.*)| *)$", re.M)
"""The line of an exception, below its traceback; what follows it is the rest of its message."""

_CHANCE = re.compile(r"0x[0-9a-f]+|/\S*/\S+|\b\d+\.\d{3,}\b|\b\d{4,}\b|fd=\d+|(?<=[Ff]ile descriptor )\d+")
"""What is another one in every run: addresses, paths, times, ports, processes, descriptors."""

_OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+)[^<>]*0x[0-9a-f]+[^<>]*>")
"""How a thing is shown of which a run has its own, and with it how it was at that moment."""


def _plain(text: str) -> str:
    """A text without what is another one in every run."""
    return " ".join(_CHANCE.sub("_", _OBJECT.sub(r"<\1>", text)).split())


def _alike(one: str, other: str) -> bool:
    """Whether two texts say the same of two runs."""
    with contextlib.suppress(ValueError, SyntaxError):
        if ast.literal_eval(one) == ast.literal_eval(other):  # sets have no order
            return True
    shorter, longer = sorted((_plain(one), _plain(other.rstrip(".…"))), key=len)
    return longer.startswith(shorter) and (bool(shorter) or not longer)


def _ending(trial: Trial) -> _Ending:
    if trial.status is None:
        return _Ending("hang", "it did not end")
    if trial.status == 0:
        return _Ending("passed" if DONE in trial.output else "exited")
    if trial.status < 0:
        return _Ending("crash", f"it died of signal {-trial.status}")
    if _TIMEOUT in trial.errors:
        return _Ending("hang", "it did not end")
    raised = _RAISED.search(trial.errors.rpartition("Traceback (most recent call last):")[2])
    if trial.status == 1 and raised:
        return _Ending("failed", raised.string[raised.start() :].strip(), raised[1])
    return _Ending("exited", f"it ended with status {trial.status}")
