"""What two reports say differently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reports import check, run, subject, written

from loopcheck.cli import main
from loopcheck.outcomes import OUTCOMES
from loopcheck.report.columns import columns
from loopcheck.report.difference import FAILS, HOLDS, DifferenceError, differences, turn, turns

BEFORE = run(
    check("a::worse"),
    check("a::better", "hang"),
    check("a::other", "failed"),
    check("a::same", "failed"),
    check("a::old"),
    check("a::former"),
)
AFTER = run(
    check("a::worse", "failed", message="it is 2\nand more"),
    check("a::better"),
    check("a::other", "crash"),
    check("a::same", "failed"),
    check("a::young"),
    check("a::renamed", formerly=["a::former"]),
)


def test_every_turn_has_its_checks() -> None:
    (found,) = differences(columns([BEFORE]), columns([AFTER]))

    assert {
        which: [(after or before or {})["check"] for before, after in pairs] for which, pairs in found.checks.items()
    } == {
        "regressed": ["a::worse"],
        "fixed": ["a::better"],
        "changed": ["a::other"],
        "new": ["a::young"],
        "gone": ["a::old"],
    }
    assert found.has_regressed


@pytest.mark.parametrize(
    ("before", "after", "which"),
    [
        ("passed", "failed", "regressed"),
        ("passed", "not-run", "regressed"),
        ("known", "changed", "regressed"),
        ("fixed", "failed", "regressed"),
        ("known", "fixed", "fixed"),
        ("known", "passed", "fixed"),
        ("declined", "passed", "fixed"),
        ("not-run", "passed", "fixed"),
        ("passed", "known", "changed"),
        ("failed", "hang", "changed"),
        ("unavailable", "failed", "changed"),
        ("broken", "passed", "changed"),
        ("passed", "broken", "changed"),
        ("passed", "passed", None),
    ],
)
def test_turns(before: str, after: str, which: str | None) -> None:
    assert turn(before, after) == which


def test_nothing_gets_worse_and_better() -> None:
    assert not HOLDS & FAILS
    for before, after in turns("regressed"):
        assert turn(after, before) in ("fixed", "changed")
    assert len(turns("regressed")) + len(turns("fixed")) + len(turns("changed")) == len(OUTCOMES) ** 2 - len(OUTCOMES)


def test_advice_regresses_and_fails_nothing() -> None:
    (found,) = differences(columns([run(check("a::b", level="may"))]), columns([run(check("a::b", "failed", "may"))]))

    assert (len(found.checks["regressed"]), found.has_regressed) == (1, False)


def test_of_several_columns_equal_ones_are_compared() -> None:
    two = [run(check("a::b")), run(check("a::b", "failed"), python="3.12.1")]
    found = differences(columns(two), columns(two[1:]))

    assert [one.before.place for one in found] == [columns(two)[1].place]
    with pytest.raises(DifferenceError, match=r"the one is about a:B on .*the other about c:D on"):
        differences(columns(two), columns([run(check("a::b", subject="c:D"), subjects=[subject("c:D")])]))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = (str(written(tmp_path / name, run)) for name, run in (("b.jsonl", BEFORE), ("a.jsonl", AFTER)))

    assert main(["diff", before, after]) == 1
    text = capsys.readouterr().out
    assert "regressed: 1 (fails now, and did not fail before)\n  a::worse  passed -> failed\n      it is 2 and" in text
    assert main(["diff", before, before]) == 0
    assert "no difference" in capsys.readouterr().out
    assert main(["diff", after, before, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["fixed"] == [
        {"id": "a::worse", "before": "failed", "after": "passed"}
    ]
    assert main(["diff", before, str(tmp_path / "absent")]) == 4
