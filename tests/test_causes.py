"""Which failure explains which: what checks presuppose is true, and folding hides nothing that has another cause."""

from __future__ import annotations

import dataclasses
import random
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import FIXTURES, ROOT, PytestRunner

from loopcheck.check import Entry, catalogue
from loopcheck.needs import is_met
from loopcheck.outcomes import LEVELS
from loopcheck.report import cards, causes, merging, reading, records
from loopcheck.runner.run import Options, Runner

sys.path.insert(0, str(FIXTURES / "causes"))
from lacking import LOOPS

BASE = "net::connects"
TRIED = 4
"""How many checks are tried that presuppose the same."""

VERSIONS = ("3.11.0", "3.12.0", "3.13.0", "3.14.0", "3.15.0")


def entry(id: str, *after: str, level: Any = "must") -> Entry:
    """An entry of an invented catalogue; one in a setting has its plain run in the same area."""
    plain, _, setting = id.rstrip("]").partition("[")
    area, _, name = plain.partition("::")
    return Entry(
        "gh-1",
        level,
        area=area,
        name=name,
        setting=setting,
        sentence="It works.",
        after=after,
        plain=plain if setting else "",
    )


def wrong(line: int = 1, error: str = "AssertionError", **more: Any) -> dict[str, Any]:
    """A behaviour that is not right."""
    frame = {"file": "loopcheck/checks/net.py", "line": line, "function": "f", "code": "assert"}
    return {"outcome": "failed", "error": error, "message": "it is wrong", "traceback": [frame]} | more


def left(what: str = "1 open file descriptor (socket)") -> dict[str, Any]:
    """Something left behind by a behaviour that is right."""
    return {"outcome": "failed", "left_behind": [what], "observed": f"left behind: {what}"}


PASSED = {"outcome": "passed"}
HANG = {"outcome": "hang", "message": "did not end"}


def because(*run: tuple[Entry, dict[str, Any]], subject: str = "a:B") -> dict[str, str]:
    """What explains what in a run."""
    made = [records.check_record(entry.id, entry, subject, {"seconds": 0.0} | seen) for entry, seen in run]
    random.shuffle(made)  # workers end in any order
    return causes.because(made, {entry.id: entry for entry, _ in run})


@pytest.mark.parametrize(
    ("cause", "failure", "explained"),
    [
        (wrong(), wrong(2), True),
        (wrong(error="NotImplementedError"), HANG, True),
        (HANG, wrong(), True),
        ({"outcome": "crash", "signal": "SIGSEGV"}, HANG, True),
        (wrong() | {"outcome": "known", "was": "failed"}, wrong(), True),
        (left(), left("3 open file descriptors (socket)"), True),
        (wrong() | left(), left(), True),
        (PASSED, wrong(), False),
        (left(), wrong(), False),  # what is left does not make a behaviour wrong
        (left(), wrong() | left(), False),
        (wrong(), left(), False),
        (left(), left("1 open file descriptor (pipe)"), False),
        (left(), left("1 running thread: worker"), False),
        (wrong() | {"outcome": "broken", "on_subject": "failed"}, wrong(), False),
        ({"outcome": "not-run"}, wrong(), False),
        ({"outcome": "unavailable"}, wrong(), False),
        (wrong(), PASSED, False),
        (wrong(), wrong() | {"outcome": "known", "was": "failed"}, False),
        (wrong(), wrong() | {"outcome": "broken", "on_subject": "failed"}, False),
    ],
)
def test_a_failure_is_explained_by_one_of_its_kind_that_it_presupposes(
    cause: dict[str, Any], failure: dict[str, Any], explained: bool
) -> None:
    found = because((entry(BASE), cause), (entry("net::writes", BASE), failure))

    assert found == ({"net::writes": BASE} if explained else {})


def test_what_is_not_presupposed_explains_nothing() -> None:
    assert because((entry(BASE), wrong()), (entry("net::writes"), wrong())) == {}


@pytest.mark.parametrize(
    ("plain", "other", "explained"),
    [
        (wrong(7), wrong(7), True),
        (wrong(7), wrong(8), False),
        (wrong(7), wrong(7, "TypeError"), False),
        (wrong(7), HANG, False),
        (HANG, HANG, True),
        ({"outcome": "crash", "signal": "SIGSEGV"}, {"outcome": "crash", "signal": "SIGABRT"}, False),
        (left(), left(), True),
        (left(), left("1 open file descriptor (pipe)"), False),
        (PASSED, wrong(7), False),
        (wrong(7) | {"outcome": "known", "was": "failed"}, wrong(7), True),
    ],
)
def test_a_run_in_a_setting_is_explained_by_the_plain_run_if_it_fails_alike(
    plain: dict[str, Any], other: dict[str, Any], explained: bool
) -> None:
    found = because((entry("net::writes"), plain), (entry("net::writes[debug]"), other))

    assert found == ({"net::writes[debug]": "net::writes"} if explained else {})


def test_the_cause_is_the_one_at_the_bottom() -> None:
    chain = [entry(BASE), entry("net::writes", BASE), entry("net::closes", "net::writes")]
    inside = entry("net::closes[debug]", "net::writes")

    assert because(*((one, wrong(5)) for one in (*chain, inside))) == dict.fromkeys(
        ["net::writes", "net::closes", "net::closes[debug]"], BASE
    )


def test_the_first_that_explains_is_the_cause() -> None:
    failing = entry("net::writes", "net::one", BASE)

    assert because((entry("net::one"), PASSED), (entry(BASE), wrong()), (failing, wrong(2))) == {"net::writes": BASE}
    assert because((entry("net::one"), wrong()), (entry(BASE), wrong()), (failing, wrong(2))) == {
        "net::writes": "net::one"
    }


def test_in_a_setting_what_is_presupposed_counts_as_it_is_there() -> None:
    inside, base = entry("net::writes[debug]", BASE), entry(f"{BASE}[debug]")

    assert because((entry(BASE), PASSED), (base, wrong(1)), (inside, wrong(9))) == {inside.id: base.id}
    assert because((entry(BASE), wrong(1)), (base, PASSED), (inside, wrong(9))) == {}
    assert because((entry(BASE), wrong(1)), (inside, wrong(9))) == {inside.id: BASE}


def test_one_subject_explains_nothing_of_another() -> None:
    base, failing = entry(BASE), entry("net::writes", BASE)
    made = [
        records.check_record(f"{one.id}[{subject}]", one, subject, {"seconds": 0.0} | seen)
        for one, subject, seen in (
            (base, "a:A", wrong()),
            (base, "b:B", PASSED),
            (failing, "a:A", wrong()),
            (failing, "b:B", wrong()),
        )
    ]

    assert causes.because(made, {base.id: base, failing.id: failing}) == {f"{failing.id}[a:A]": f"{BASE}[a:A]"}


def finished(*run: tuple[Entry, dict[str, Any]]) -> records.Report:
    """The report of a run."""
    report = records.Report(None, {}, {entry.id: (entry, "a:B") for entry, _ in run})
    for one, seen in run:
        report.add(one.id, {"seconds": 0.0} | seen)
    report.finish("")
    return report


class _Failed:
    """pytest's report of a failure."""

    def __init__(self, id: str) -> None:
        self.nodeid = id
        self.longrepr = "the card"


@pytest.mark.parametrize("many", [False, True])
def test_folded_failures_are_named_in_the_card_of_their_cause(many: bool) -> None:
    others = [entry(f"net::check_{number}", BASE) for number in range(20 if many else 2)]
    report = finished((entry(BASE), wrong()), (entry(f"{BASE}[debug]"), wrong()), *((one, HANG) for one in others))
    failed = [_Failed(id) for id in report.checks]
    kept = cards.fold(failed, report, every=False)

    assert [one.nodeid for one in kept] == [BASE]
    assert kept[0].longrepr.splitlines() == [
        "the card",
        "explains   the same in the settings debug",
        *(
            ["           20 other failures: net 20"]
            if many
            else ["           net::check_0: hang", "           net::check_1: hang"]
        ),
    ]
    assert cards.fix_first(report.outcomes(), report.because) == [
        f"fix these first, for they explain {len(others)} failures of other checks:",
        f"  must   {len(others)}  {BASE}: it is wrong",
    ]


def test_cards_are_in_the_order_of_the_plan() -> None:
    report = finished(*((entry(f"net::check_{number}"), wrong()) for number in range(5)))
    failed = [_Failed(id) for id in random.sample(list(report.checks), 5)]

    assert [one.nodeid for one in cards.fold(failed, report, every=False)] == list(report.checks)


def test_with_every_card_each_says_what_explains_it() -> None:
    report = finished((entry(BASE), wrong()), (entry("net::writes", BASE), wrong(2)))
    failed = [_Failed(id) for id in report.checks]

    assert cards.fold(failed, report, every=True) == failed
    assert failed[1].longrepr.endswith(f"because    {BASE} fails, too: fix that first")


def test_a_run_of_the_same_check_in_another_area_is_no_other_failure() -> None:
    abroad = dataclasses.replace(entry("pipes::writes[write-pipe]"), plain="net::writes")
    report = finished((entry("net::writes"), wrong()), (abroad, wrong()))
    (kept,) = cards.fold([_Failed(id) for id in report.checks], report, every=False)

    assert kept.longrepr.endswith("explains   the same in the settings write-pipe")
    assert cards.fix_first(report.outcomes(), report.because) == []


def test_without_causes_nothing_is_said_of_them() -> None:
    report = finished((entry(BASE), wrong()), (entry("net::writes"), wrong(2)))
    failed = [_Failed(id) for id in report.checks]

    assert [one.longrepr for one in cards.fold(failed, report, every=False)] == ["the card", "the card"]
    assert cards.fix_first(report.outcomes(), report.because) == []
    assert "because" not in report.head["footer"]


def test_the_footer_says_what_explains_what(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    one, other = entry(BASE), entry("net::writes", BASE)
    subjects = [{"factory": "a:B", "distribution": "a", "version": "1"}]
    head = records.header([one.id, other.id], subjects, loopcheck="1", level="should")
    report = records.Report(path, head, {entry.id: (entry, "a:B") for entry in (one, other)})
    report.add(other.id, {"seconds": 0.0} | wrong(2))
    report.add(one.id, {"seconds": 0.0} | wrong(1))
    report.finish("")
    run = reading.read(path)
    text = path.read_text()

    assert run.footer is not None
    assert run.footer["because"] == {other.id: one.id}
    assert {id: record.get("because") for id, record in run.checks.items()} == {one.id: None, other.id: one.id}
    assert sorted(merging.content([run]).decode().splitlines()) == sorted(text.splitlines())
    stranger = [line.replace(f'{{"{other.id}"', '{"net::stranger"') for line in text.splitlines()]
    path.write_text("\n".join(stranger))
    with pytest.raises(reading.ReportError, match="'net::stranger' did not fail"):
        reading.read(path)


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-v",), ("--loop-cards=all",)], ids=" ".join)
def test_the_terminal_shows_causes_and_counts_all(run_pytest: PytestRunner, options: tuple[str, ...]) -> None:
    base, others = "executor::result_and_args", ["executor::exception_propagates", "executor::returns_loop_future"]
    run = run_pytest("--loop-factory=lacking:executor_result_and_args", *options, base, *others)
    shown = set(re.findall(r"^FAILED \S*?(executor::\w+)", run.output, re.M))

    assert (run.status, run.outcomes) == (1, dict.fromkeys([base, *others], "failed"))
    assert run.footer["because"] == dict.fromkeys(others, base)
    assert "3 failed" in run.output.splitlines()[-1]
    assert f"fix these first, for they explain 2 failures of other checks:\n  must   2  {base}: Lacking" in run.output
    if options in ((), ("-n", "2")):
        assert shown == {base}
        assert "2 failures that others explain have no card; --loop-cards=all shows them" in run.output
    else:
        assert shown == {base, *others}
        assert run.output.count(f"because    {base} fails, too: fix that first") == 2


# The catalogue.


def test_what_checks_presuppose_is_sound() -> None:
    entries = {entry.id: entry for entry in catalogue()}
    faults = []
    for one in entries.values():
        for id in one.after:
            base = entries.get(id)
            if base is None or not base.tested or base.setting:
                faults.append(f"{one.id}: there is no plain check {id!r} to presuppose")
                continue
            if LEVELS.index(base.level) > LEVELS.index(one.level):
                faults.append(f"{one.id} is {one.level!r}, and presupposes {id}, which is {base.level!r}: weaker")
            if missing := [v for v in VERSIONS if one.applies(v) and not base.applies(v)]:
                faults.append(f"{one.id} presupposes {id}, which does not apply to Python {missing[0]}")

    assert faults == []


def test_no_check_presupposes_itself_in_the_end() -> None:
    after = {entry.id: entry.after for entry in catalogue()}
    circles = []
    for id in after:
        reached, front = set[str](), set(after[id])
        while front:
            reached |= front
            front = {further for one in front for further in after[one]} - reached
        if id in reached:
            circles.append(id)

    assert circles == []


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """A runner for the loops that lack something."""
    areas = sorted({entry.area for entry in catalogue() if entry.after or entry.id in LOOPS})
    runner = Runner(areas, Options(limit=2.0, confirm=False, path=(str(FIXTURES / "causes"),)))
    yield runner
    runner.close()


def test_every_check_that_others_presuppose_has_a_loop_that_lacks_it() -> None:
    assert {id for entry in catalogue() for id in entry.after} == LOOPS.keys()


@pytest.mark.parametrize("base", LOOPS)
def test_what_presupposes_something_fails_without_it(runner: Runner, base: str) -> None:
    able = [one for one in catalogue() if one.tested and one.applies() and all(map(is_met, one.needs))]
    # By a hash, so that a new check changes nothing for the others: a few, for each takes its time.
    dependants = [one for one in able if base in one.after]
    chosen = sorted(dependants, key=lambda one: zlib.crc32(one.id.encode()))[:TRIED]
    tried = [one for one in able if one.id == base] + chosen
    passed = [one.id for one in tried if runner.run(one, f"lacking:{base.replace('::', '_')}")["outcome"] == "passed"]

    assert passed == [], "these pass without it"


def untrue() -> list[str]:
    """All checks that pass without what they presuppose, which takes a while."""
    able = [one for one in catalogue() if one.tested and one.applies() and all(map(is_met, one.needs))]
    runner = Runner(
        sorted({one.area for one in able if one.after}),
        Options(limit=2.0, confirm=False, path=(str(FIXTURES / "causes"),)),
    )
    found = [
        f"{one.id} passes without {base}"
        for base in LOOPS
        for one in able
        if base in one.after and runner.run(one, f"lacking:{base.replace('::', '_')}")["outcome"] == "passed"
    ]
    runner.close()
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print("\n".join(untrue()) or "every check fails without what it presupposes")
