"""Records, verdict and what the terminal shows: functions of the records."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from loopcheck.check import Entry
from loopcheck.outcomes import LEVELS, OUTCOMES
from loopcheck.report import cards, records, verdict


def entry(name: str = "it_works", level: Any = "must") -> Entry:
    return Entry("gh-1", level, area="invented", name=name, sentence="It works.")


def record(outcome: str, level: Any = "must", **seen: Any) -> dict[str, Any]:
    return records.check_record(
        "invented::it_works", entry(level=level), "a:B", {"outcome": outcome, "seconds": 0.0} | seen
    )


def seen(outcome: str, **more: Any) -> dict[str, Any]:
    return {"outcome": outcome, "seconds": 0.0} | more


def report(path: Path | None, *ids: str, copies: int = 1) -> records.Report:
    head = {"record": "header", "plan": list(ids)}
    return records.Report(path, head, {id: (entry(id.partition("::")[2]), "a:B") for id in ids}, copies=copies)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_every_planned_id_gets_one_record_and_the_footer_counts(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    kept = report(path, "invented::a", "invented::b")
    kept.add("invented::a", seen("passed"))
    kept.add("invented::a", seen("failed"))  # a second answer changes nothing
    kept.add("invented::stranger", seen("failed"))
    kept.finish("interrupted")
    kept.finish("again")
    head, *checks, footer = lines(path)

    assert head == {"record": "header", "plan": ["invented::a", "invented::b"]}
    assert [(one["id"], one["outcome"]) for one in checks] == [("invented::a", "passed"), ("invented::b", "not-run")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", footer.pop("ended"))
    assert footer == {
        "record": "footer",
        "complete": False,
        "planned": 2,
        "counts": {"passed": 1, "not-run": 1},
        "why": "interrupted",
    }


def test_records_are_in_the_file_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    kept = report(path, "invented::a", "invented::b")
    kept.add("invented::a", seen("passed"))

    assert [one["record"] for one in lines(path)] == ["header", "check"]
    kept.finish("the test ends")


def test_of_copies_the_worst_counts(tmp_path: Path) -> None:
    kept = report(None, "invented::a", copies=2)
    kept.add("invented::a", seen("passed"))
    assert kept.outcomes() == []
    kept.add("invented::a", seen("hang"))

    assert [one["outcome"] for one in kept.outcomes()] == ["hang"]


def test_hostile_strings_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    text = "\udcff\x00\u202e</script>\n{"
    kept = report(path, "invented::a")
    kept.add("invented::a", seen("failed", message=text))
    kept.finish("")

    assert lines(path)[1]["message"] == text


def test_a_full_disk_is_told_at_once_or_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        report(Path("/dev/full"), "invented::a")

    kept = report(tmp_path / "report.jsonl", "invented::a", "invented::b")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, kept._file.fileno())  # type: ignore[union-attr]
    os.close(full)
    kept.add("invented::a", seen("passed"))
    kept.add("invented::b", seen("passed"))
    kept.finish("")

    assert (kept.trouble, len(kept.outcomes())) == ("No space left on device", 2)


def test_no_text_of_a_record_is_endless(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    kept = report(path, "invented::a")
    kept.add("invented::a", seen("failed", message="x" * 10_000_000, left_behind=["y" * 1_000_000] * 1_000))
    kept.finish("")

    assert path.stat().st_size < 5_000_000
    assert lines(path)[1]["message"].endswith("[... 9980000 more characters]")


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("level", LEVELS)
def test_what_fails_a_run(outcome: str, level: Any) -> None:
    acceptable = {"passed", "known", "declined", "unavailable"}
    at_any_level = ("not-run", "fixed", "changed")
    expected = outcome not in acceptable and (level != "may" or outcome in at_any_level)

    assert verdict.fails(record(outcome, level), "should") is expected


@pytest.mark.parametrize(
    ("outcomes", "level", "status"),
    [
        ([], "should", 5),
        ([("passed", "must")], "should", 0),
        ([("passed", "must"), ("failed", "may")], "should", 0),
        ([("failed", "may")], "may", 1),
        ([("failed", "should")], "must", 0),
        ([("failed", "should")], "should", 1),
        ([("broken", "must")], "must", 1),
        ([("not-run", "may")], "must", 1),
        ([("unavailable", "must"), ("declined", "must")], "may", 0),
    ],
)
def test_exit_status(outcomes: list[tuple[str, str]], level: Any, status: int) -> None:
    assert verdict.exit_status([record(outcome, of) for outcome, of in outcomes], level) == status


def test_clean_leaves_nothing_that_drives_a_terminal() -> None:
    hostile = "a\x1b[31mred\x1b[0m \x1b]0;title\x07b \x9b2J \u202ereversed\u2066 \x08\x7f\udcff tab\tline\nend"
    cleaned = cards.clean(hostile)

    assert cleaned.startswith("ared b ")
    assert cleaned.endswith("tab\tline\nend")
    assert not any(character in cleaned for character in "\x1b\x07\x9b\u202e\u2066\x08\x7f\udcff")


def test_card_cuts_what_is_long() -> None:
    text = cards.card(record("failed", message="x" * 100_000), "pytest it")

    assert len(text) < 5000
    assert "more characters]" in text


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"outcome": "hang", "message": "did not end within 10 s", "stack": "File x"}, "hang: did not end within 10 s"),
        (
            {"outcome": "failed", "alone": "passed", "after": "a::b"},
            "passes alone: it needs what ran before it, last of all a::b",
        ),
        ({"outcome": "crash", "message": "died", "alone": "crash", "after": "a::b"}, "the same alone"),
        ({"outcome": "failed", "alone": "hang", "after": "a::b"}, "hang when run alone"),
        ({"outcome": "broken", "on_subject": "failed"}, "it fails on asyncio's own loop too"),
        ({"outcome": "failed", "expected": "[1]", "observed": "[2]"}, "observed   [2]"),
    ],
)
def test_card_explains(seen: dict[str, Any], words: str) -> None:
    assert words in cards.card(record(**seen), "pytest it")


def test_table_counts_by_area_and_outcome() -> None:
    one = [record("passed"), record("failed"), record("passed") | {"area": "other"}]

    assert [line.split() for line in cards.table(one)] == [
        ["area", "passed", "failed"],
        ["invented", "1", "1"],
        ["other", "1", "."],
        ["total", "2", "1"],
    ]


def test_what_fails_in_a_setting_alone_is_named() -> None:
    def of(name: str, setting: str, outcome: str) -> dict[str, Any]:
        one = Entry("gh-1", "must", area="invented", name=name, setting=setting, sentence="It works.")
        return records.check_record(one.id, one, "a:B", seen(outcome))

    run = [
        of("always_wrong", "", "failed"),
        of("always_wrong", "debug", "failed"),
        of("wrong_elsewhere", "", "passed"),
        of("wrong_elsewhere", "debug", "hang"),
        of("wrong_elsewhere", "other-thread", "failed"),
        of("wrong_elsewhere", "runner", "not-run"),
        of("right", "", "passed"),
        of("right", "debug", "passed"),
    ]

    assert cards.only_in_settings(run) == [
        "hold in the plain run, but not in a setting:",
        "  invented::wrong_elsewhere: debug, other-thread",
    ]
    assert cards.only_in_settings(run[-2:]) == []
