"""What two reports say differently: of one loop before and after a change, mostly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from loopcheck.outcomes import OUTCOMES
from loopcheck.report import verdict
from loopcheck.report.columns import Column

Turn = Literal["regressed", "fixed", "changed", "new", "gone"]
TURNS: tuple[Turn, ...] = get_args(Turn)

TURN_MEANS: dict[Turn, str] = {
    "regressed": "fails now, and did not fail before",
    "fixed": "holds now, and did not hold before",
    "changed": "ended otherwise before",
    "new": "was not planned before",
    "gone": "is not planned any more",
}

HOLDS = frozenset({"passed", "fixed"})
FAILS = frozenset({"failed", "hang", "crash", "exited", "changed", "not-run"})
"""What is in neither is explained, or is no evidence."""

_SILENT = frozenset({"unavailable", "broken"})
"""What says nothing about the loop: it did not get worse or better from there."""


class DifferenceError(Exception):
    """There is nothing to compare; the message says why."""


def turn(before: str, after: str) -> Turn | None:
    """What became of a check that both reports have, by its outcomes; None if nothing did."""
    if before == after:
        return None
    if after in FAILS and before not in FAILS | _SILENT:
        return "regressed"
    if after in HOLDS and before not in HOLDS | _SILENT:
        return "fixed"
    return "changed"


def turns(which: Turn) -> list[tuple[str, str]]:
    """All pairs of outcomes that are a turn of this kind."""
    return [(before, after) for before in OUTCOMES for after in OUTCOMES if turn(before, after) == which]


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different between two columns."""

    before: Column
    after: Column
    checks: dict[Turn, list[tuple[dict[str, Any] | None, dict[str, Any] | None]]] = field(default_factory=dict)
    """By turn, the records before and after; one of them is None for what is new or gone."""

    @property
    def has_regressed(self) -> bool:
        """Whether a regression is of a level whose failures fail the run after."""
        return any(
            after is not None and verdict.fails(after, self.after.level) for _, after in self.checks["regressed"]
        )


def differences(before: Sequence[Column], after: Sequence[Column]) -> list[Difference]:
    """What is different, for each pair of columns that are about the same: the same subject in the same place.

    Two reports of one column each are always compared.

    Raises:
        DifferenceError: no column of one has a counterpart in the other.
    """
    if len(before) == len(after) == 1:
        return [difference(before[0], after[0])]
    mine = {(column.factory, column.place): column for column in before}
    pairs = [(mine[key], column) for column in after if (key := (column.factory, column.place)) in mine]
    if not pairs:
        raise DifferenceError(
            f"nothing to compare: the one is about {_about(before)}, the other about {_about(after)}; "
            "what is compared has the same subject, Python and platform"
        )
    return [difference(*pair) for pair in pairs]


def _about(columns: Sequence[Column]) -> str:
    return "; ".join(f"{column.factory} on {column.place}" for column in columns) or "nothing"


def difference(before: Column, after: Column) -> Difference:
    """What is different between two columns, whatever they are about."""
    found = Difference(before, after, {which: [] for which in TURNS})
    former = {old: id for id, record in after.records.items() for old in record.get("formerly", ())}
    seen = set()
    for id, record in before.records.items():
        now = after.records.get(id) or after.records.get(former.get(id, ""))
        if now is None:
            found.checks["gone"].append((record, None))
            continue
        seen.add(now["check"])
        if (which := turn(record["outcome"], now["outcome"])) is not None:
            found.checks[which].append((record, now))
    found.checks["new"] += [(None, record) for id, record in after.records.items() if id not in seen]
    return found
