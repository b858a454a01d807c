"""The battery again and again, under load and in any order: how often does a check fail?"""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopcheck.battery import report_of
from loopcheck.report.reading import Record, Run

_Z = 1.96
"""How many standard deviations hold 95 % of a normal distribution."""

_TRIES = 3
"""How often a pair of checks is tried."""


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep this many processors busy."""
    busy: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            busy.append(subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"], stdin=subprocess.DEVNULL))
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def rounds(
    subjects: Sequence[str], arguments: Sequence[str], *, number: int, workers: str, busy: int, seed: str = ""
) -> Iterator[Run]:
    """Run the battery some times, each time in another order.

    Args:
        subjects: what it runs over.
        arguments: more for pytest: ids, areas, options.
        number: how many times.
        workers: how many processes, as pytest-xdist's -n takes it.
        busy: how many processes that only compute run beside.
        seed: what the orders are drawn by.

    Raises:
        Ended, Mistake: as :func:`loopcheck.battery.report_of`.
    """
    with load(busy):
        for one in range(number):
            order = ["-p", "loopcheck.shuffle", f"--loop-shuffle={seed}{one}"]
            yield report_of(subjects, [*order, *arguments], workers=workers, quiet=True)


def interval(failed: int, runs: int) -> tuple[float, float]:
    """Between which rates of failure the true one lies, with 95 % confidence: Wilson's score interval."""
    rate = failed / runs
    scale = 1 + _Z**2 / runs
    middle = (rate + _Z**2 / (2 * runs)) / scale
    half = _Z / scale * math.sqrt(rate * (1 - rate) / runs + _Z**2 / (4 * runs**2))
    return (0.0 if failed == 0 else middle - half), (1.0 if failed == runs else middle + half)


@dataclass(slots=True)
class Tally:
    """What became of one check."""

    runs: int = 0
    """How often it ran."""
    failed: Counter[str] = field(default_factory=Counter)
    """How often it failed, by outcome."""
    before: Counter[str] = field(default_factory=Counter)
    """What had run before it where it failed, and passed when it was run alone."""

    def add(self, record: Record, *, fails: bool) -> None:
        """Count one more run of it."""
        self.runs += 1
        if fails:
            self.failed[record["outcome"]] += 1
            if record.get("alone") == "passed":
                self.before[record["after"]] += 1

    @property
    def rate(self) -> str:
        """How often it failed, for people."""
        failed = self.failed.total()
        low, high = interval(failed, self.runs)
        how = ", ".join(f"{number} {outcome}" for outcome, number in self.failed.most_common())
        return f"{failed} of {self.runs} ({how}): {failed / self.runs:.0%}, between {low:.0%} and {high:.0%}"


def tally(runs: Iterable[Run], fails: Callable[[Record], bool]) -> dict[str, Tally]:
    """What became of each check that failed at least once, those that fail most often first.

    Args:
        runs: the runs.
        fails: whether a record counts as a failure.
    """
    found: dict[str, Tally] = {}
    for run in runs:
        for id, record in run.checks.items():
            if record["outcome"] != "unavailable":
                found.setdefault(id, Tally()).add(record, fails=fails(record))
    failing = {id: one for id, one in found.items() if one.failed}
    return dict(sorted(failing.items(), key=lambda pair: -pair[1].failed.total() / pair[1].runs))


def confirmed(subject: str, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of some pairs of checks those of which the second fails whenever it runs after the first, and not alone."""
    from loopcheck.check import find
    from loopcheck.runner.run import Options, Runner

    wanted = list(pairs)
    runner = Runner(sorted({id.partition("::")[0] for pair in wanted for id in pair}), Options(path=(os.getcwd(),)))
    try:
        return [(first, second) for first, second in wanted if _follows(runner, subject, find(first), find(second))]
    finally:
        runner.close()


def _follows(runner: Any, subject: str, first: Any, second: Any) -> bool:
    for _ in range(_TRIES):
        # A failure ends the process, so that each try has one of its own.
        if runner.run(first, subject)["outcome"] != "passed":
            return False
        seen = runner.run(second, subject)
        if seen["outcome"] == "passed" or seen.get("alone") != "passed":
            return False
    return True
