"""The words of the report: every planned check ends with exactly one of these."""

from __future__ import annotations

from typing import Literal, get_args

Level = Literal["must", "should", "may"]
LEVELS: tuple[Level, ...] = get_args(Level)

LEVEL_MEANS: dict[Level, str] = {
    "must": "the documentation says so",
    "should": "undocumented, but CPython's loops all do it and users rely on it",
    "may": "quality: nice to have, never a reason to fail",
}

Outcome = Literal[
    "passed",
    "failed",
    "hang",
    "crash",
    "exited",
    "known",
    "fixed",
    "changed",
    "declined",
    "unavailable",
    "not-run",
    "broken",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

OUTCOME_MEANS: dict[Outcome, str] = {
    "passed": "The loop behaves as the check says, and left nothing behind.",
    "failed": "The loop behaves otherwise, or left something behind.",
    "hang": "The check did not end within its time limit; its process was killed.",
    "crash": "The process died of a signal while the check ran.",
    "exited": "The process ended itself while the check ran.",
    "known": "It fails as the loop's author has declared.",
    "fixed": "A declared failure passes now: delete its entry.",
    "changed": "A declared failure fails in another way than declared.",
    "declined": "The loop's author has declared that the loop does not offer this.",
    "unavailable": "This machine lacks what the check needs.",
    "not-run": "The check was planned and gave no answer: the run ended before it did.",
    "broken": "The check fails on asyncio's own loop here and now: no evidence against the subject.",
}

ACCEPTABLE: frozenset[Outcome] = frozenset({"passed", "known", "declined", "unavailable"})
"""Outcomes that never fail a run."""
