"""Certificates: what a report may claim, and every reason why it may not."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from reports import check, run, subject, written

from loopcheck.cli import main
from loopcheck.profiles import Profile
from loopcheck.report.certificate import certify

PROFILE = Profile(
    "core-2027.1",
    datetime.date(2027, 1, 2),
    "1.0",
    {"scheduling::a": "", "scheduling::b": "", "tasks::new": ">=3.14", "tasks::old": "<3.14"},
)
GOOD = [check("scheduling::a"), check("scheduling::b", level="should"), check("tasks::old")]

KNOWN = {"was": "failed", "declared": {"place": "loopcheck.toml:3", "reason": "so it is", "issue": "https://e.org/1"}}
DECLINED = {"was": "failed", "declared": {"place": "loopcheck.toml: [declined] tls", "reason": "not ours"}}
DECLARATION = {"path": "loopcheck.toml", "digest": "2" * 64, "subject": "a:B", "declined": {"tls": "not ours"}}


def test_it_is_granted_when_all_is_explained() -> None:
    certificate = certify(run(*GOOD), PROFILE, "a:B")

    assert (certificate.granted, certificate.refused, certificate.planned) == (True, [], 3)
    assert certificate.sentence.startswith("a:B (a 1.0) on CPython 3.13.0, ")
    assert certificate.sentence.endswith(" behaves as the 3 checks of core-2027.1 say.")
    assert certificate.counts == {
        "scheduling": {"must": {"passed": 1}, "should": {"passed": 1}},
        "tasks": {"must": {"passed": 1}},
    }


def test_it_says_what_it_does_not_claim() -> None:
    checks = [
        check("scheduling::a", "known", **KNOWN),
        check("scheduling::b", "declined", **DECLINED),
        check("tasks::old"),
        check("tasks::newer", "failed"),
        check("tls::other"),
    ]
    certificate = certify(run(*checks, declaration=DECLARATION), PROFILE, "a:B")

    assert certificate.granted
    assert certificate.sentence.endswith("say, apart from 1 known failure, 1 declined need.")
    assert certificate.known == [
        {"id": "scheduling::a", "was": "failed", "reason": "so it is", "issue": "https://e.org/1"}
    ]
    assert certificate.declined == [{"need": "tls", "reason": "not ours", "checks": 1}]
    assert certificate.provisional == {"failed": ["tasks::newer"]}
    assert json.loads(json.dumps(certificate.to_json()))["subject"]["digest"] == "1" * 64


def test_a_may_check_is_advice_and_a_lack_of_the_machine_is_told() -> None:
    checks = [
        check("scheduling::a", "failed", level="may"),
        check("scheduling::b", "unavailable", message="no IPv6"),
        check("tasks::old"),
    ]
    certificate = certify(run(*checks), PROFILE, "a:B")

    assert certificate.granted
    assert certificate.sentence.endswith("apart from 1 check that this machine cannot show.")
    assert certificate.advice == [{"id": "scheduling::a", "outcome": "failed"}]
    assert certificate.unavailable == [{"reason": "no IPv6", "checks": 1}]


def test_a_renamed_check_counts() -> None:
    renamed = check("scheduling::better_name", formerly=["scheduling::a"])
    certificate = certify(run(renamed, *GOOD[1:]), PROFILE, "a:B")

    assert (certificate.granted, certificate.provisional) == (True, {})


@pytest.mark.parametrize("outcome", ["failed", "hang", "crash", "exited", "fixed", "changed", "not-run", "broken"])
def test_what_is_unexplained_is_a_reason(outcome: str) -> None:
    certificate = certify(run(GOOD[0], check("scheduling::b", outcome, level="should"), GOOD[2]), PROFILE, "a:B")

    assert f"scheduling::b: {outcome} (should)" in certificate.refused
    assert certificate.sentence.startswith("No certificate of core-2027.1 for a:B (a 1.0)")


def test_all_reasons_are_listed() -> None:
    certificate = certify(
        run(check("scheduling::a", "failed"), subjects=[subject(files={})], footer=False), PROFILE, "a:B"
    )

    assert certificate.refused == [
        "the report is incomplete: the report has no footer: the run was killed",
        "the report does not say which files were tested: the subject has no digests",
        "no check of the profile passed",
        "scheduling::b: not planned",
        "tasks::old: not planned",
        "scheduling::a: failed (must)",
    ]


def test_the_level_of_the_run_does_not_matter() -> None:
    lenient = run(check("scheduling::a", "failed", level="should"), *GOOD[1:], level="must")

    assert certify(lenient, PROFILE, "a:B").refused == ["scheduling::a: failed (should)"]


def test_of_several_subjects_each_has_its_own() -> None:
    other = [check(f"{one['check']}@c", "failed", subject="c:D") for one in GOOD]
    both = run(*GOOD, *other, subjects=[subject(), subject("c:D")])

    assert [certify(both, PROFILE, factory).granted for factory in both.subjects] == [True, False]


@pytest.mark.parametrize("format", ["text", "json"])
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str) -> None:
    path = written(tmp_path / "report.jsonl", run(*GOOD))

    assert main(["certify", str(path), "--profile", "core-2026.1", "--format", format]) == 1
    text: Any = capsys.readouterr().out
    assert "No certificate of core-2026.1 for a:B (a 1.0)" in text
    assert "scheduling::call_soon_fifo_order: not planned" in text
