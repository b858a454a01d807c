"""What of a report can be checked without its author, and what is attested of it."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from reports import check, run, subject, written

from loopcheck import __version__, profiles
from loopcheck.check import canary_names, catalogue
from loopcheck.cli import main
from loopcheck.report import reading, records
from loopcheck.report.attestation import AttestationError, attest
from loopcheck.report.columns import columns
from loopcheck.report.verification import WheelError, read_wheel, verify
from loopcheck.subject import digest_of, installed_files

FACTORY = "loopcheck.baseline:SelectorLoop"


def true_report(*areas: str, **changes: Any) -> reading.Run:
    """A report that agrees with the battery and the subject that are installed here; of all areas, or of some."""
    files = installed_files(FACTORY)
    assert files is not None
    entries = [entry for entry in catalogue(*areas) if entry.tested and entry.applies("3.13.0")]
    made = [records.check_record(entry.id, entry, FACTORY, {"outcome": "passed", "seconds": 0.0}) for entry in entries]
    made[0] |= changes.pop("first", {})
    about = subject(FACTORY, files=files, digest=digest_of(files)) | changes.pop("subject", {})
    return run(*made, subjects=[about], **changes)


def answers(report: reading.Run) -> dict[str, str]:
    """What is answered to each point, by its first words."""
    return {" ".join(point.what.split()[:4]): point.answer for point in verify(report)}


def test_a_true_report_holds_and_no_more_is_claimed() -> None:
    assert set(answers(true_report()).values()) == {"says", "holds", "cannot tell"}
    (last,) = [point for point in verify(true_report()) if point.answer == "cannot tell"]
    assert "run the battery again" in last.what


def test_canaries_are_held_against_the_canaries() -> None:
    found = [(point.answer, point.what) for point in verify(true_report(*canary_names()))]

    assert ("holds", f"all canaries were planned for {FACTORY}") in found
    assert "does not hold" not in dict(found)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"first": {"level": "may"}}, "level, sentence and reference"),
        ({"first": {"sentence": "It does as it likes."}}, "level, sentence and reference"),
        ({"first": {"check": "asyncgens::invented"}}, "level, sentence and reference"),
        ({"catalogue": "0" * 64, "loopcheck": __version__}, "the battery is the"),
        ({"subject": {"digest": "0" * 64}}, "the digest of loopcheck.baseline:SelectorLoop"),
        ({"subject": {"files": {"loopcheck/__init__.py": "0" * 64}}}, "the 1 files of"),
    ],
)
def test_what_was_changed_is_found(changes: dict[str, Any], what: str) -> None:
    assert {key: answer for key, answer in answers(true_report(**changes)).items() if key == what} == {
        what: "does not hold"
    }


def test_what_cannot_be_told_is_said() -> None:
    theirs = run(check("a::b"), subjects=[subject("not_installed_here:Loop"), subject("a:B", files={})], catalogue="0")
    found = {point.what.partition(":")[0]: point.answer for point in verify(theirs)}

    assert found["the battery is the published one"] == "cannot tell"
    assert [point.what for point in verify(theirs) if "not installed here" in point.what] != []
    assert [point.what for point in verify(theirs) if "has no digests" in point.what] != []


def wheel_of(folder: Path, files: dict[str, bytes]) -> Path:
    """A wheel."""
    path = folder / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("a-1.0.dist-info/RECORD", "".join(f"{name},sha256=x,1\n" for name in files))
    return path


def digests(files: dict[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


FILES = {"a/__init__.py": b"one", "a/loop.so": b"two"}


def test_a_wheel_is_compared_file_by_file(tmp_path: Path) -> None:
    wheel = read_wheel(wheel_of(tmp_path, FILES | {"a-1.0.data/purelib/b.py": b"three"}))
    right = run(check("a::b"), subjects=[subject(files=digests(FILES))])
    wrong = run(check("a::b"), subjects=[subject(files=digests(FILES | {"a/loop.so": b"other"}))])

    assert wheel.files["b.py"] == hashlib.sha256(b"three").hexdigest()
    for report, answer in (right, "holds"), (wrong, "does not hold"):
        assert [point.answer for point in verify(report, wheel) if "a-1.0-py3" in point.what] == [answer]


def test_what_is_no_wheel_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no wheel")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("a.py", b"")
    for name in ("text", "zip", "absent"):
        with pytest.raises(WheelError, match=str(tmp_path / name)):
            read_wheel(tmp_path / name)


# Attestations.


def statement(*checks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What is attested of a run of these checks."""
    (column,) = columns([run(*checks, subjects=[subject(files=digests(FILES))], **more)])
    return attest(column, "4" * 64)


def test_a_statement_is_one() -> None:
    declaration = {"path": "loopcheck.toml", "digest": "2" * 64, "subject": "a:B", "declined": {}}
    found = statement(
        check("a::b"), check("a::c", "failed"), check("a::d", "known"), check("a::e", "failed", "may"),
        declaration=declaration, catalogue="3" * 64,
    )  # fmt: skip

    assert (found["_type"], found["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://in-toto.io/attestation/test-result/v0.1",
    )
    assert found["subject"] == [{"name": name, "digest": {"sha256": one}} for name, one in digests(FILES).items()]
    predicate = found["predicate"]
    assert [one["digest"]["sha256"][0] for one in predicate.pop("configuration")] == ["4", "3", "2"]
    assert predicate == {
        "result": "FAILED", "passedTests": ["a::b"], "warnedTests": ["a::d", "a::e"], "failedTests": ["a::c"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "result"), [("passed", "PASSED"), ("known", "WARNED"), ("hang", "FAILED"), ("not-run", "FAILED")]
)
def test_results(outcome: str, result: str) -> None:
    assert statement(check("a::b", outcome))["predicate"]["result"] == result


def test_a_profile_is_attested_by_its_certificate() -> None:
    (column,) = columns([true_report()])
    profile = profiles.load("core-2026.1")
    predicate = attest(column, "4" * 64, profile)["predicate"]

    assert predicate["result"] == "PASSED"
    assert set(predicate["passedTests"]) <= set(profile.checks)
    assert attest(columns([run(check("a::b"))])[0], "", profile)["predicate"]["result"] == "FAILED"


def test_only_what_was_tested_is_attested(tmp_path: Path) -> None:
    wheel = read_wheel(wheel_of(tmp_path, FILES))
    right, wrong, silent = (
        columns([run(check("a::b"), subjects=[subject(files=files)])])[0]
        for files in (digests(FILES), digests({"a/__init__.py": b"other"}), {})
    )

    assert attest(right, "", wheel=wheel)["subject"] == [{"name": wheel.path.name, "digest": {"sha256": wheel.digest}}]
    with pytest.raises(AttestationError, match=r"'a/__init__\.py' is another"):
        attest(wrong, "", wheel=wheel)
    with pytest.raises(AttestationError, match="does not say which files were tested"):
        attest(silent, "")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = str(written(tmp_path / "report.jsonl", run(check("a::b"), subjects=[subject(files=digests(FILES))])))
    wheel = str(wheel_of(tmp_path, FILES))

    assert main(["verify", report, "--wheel", wheel]) == 1
    text = capsys.readouterr().out
    assert "says           a:B (a 1.0) on CPython 3.13.0" in text
    assert re.search(r"^says           \d+ checks of the battery were not planned for a:B$", text, re.M)
    assert main(["attest", report, "--wheel", wheel]) == 0
    (configuration, *_) = json.loads(capsys.readouterr().out)["predicate"]["configuration"]
    assert configuration["digest"]["sha256"] == hashlib.sha256(Path(report).read_bytes()).hexdigest()
    assert main(["attest", report, "--wheel", report]) == 4
    assert "it is no wheel" in capsys.readouterr().err
