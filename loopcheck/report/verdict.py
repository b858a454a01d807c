"""Which outcomes fail a run, and the exit status: pure functions of the records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loopcheck.outcomes import ACCEPTABLE, LEVELS, Level


def fails(record: dict[str, Any], level: Level) -> bool:
    """Whether this outcome fails the run when failures of ``level`` and above do.

    What did not run fails at every level: silence is never a pass. So does a declaration that is not true any more.
    """
    if record["outcome"] in ACCEPTABLE:
        return False
    return record["outcome"] in ("not-run", "fixed", "changed") or LEVELS.index(record["level"]) <= LEVELS.index(level)


def exit_status(records: Iterable[dict[str, Any]], level: Level) -> int:
    """0 when no outcome fails the run, 1 when one does, 5 (pytest's "no tests") when nothing was planned."""
    seen = [fails(record, level) for record in records]
    if not seen:
        return 5
    return int(any(seen))
