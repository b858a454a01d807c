"""The gate: green with what is declared, and red after any line of the file is deleted, edited or not true any more."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import FIXTURES, PytestRunner, environment, loopcheck
from test_toml_schema import errors

from loopcheck import known
from loopcheck.check import catalogue
from loopcheck.commands.init import workflow
from loopcheck.report import verdict
from loopcheck.report.reading import Run, read

LIAR = "runs_cancelled_callbacks:Loop"
"""A loop of fixtures/loops that fails several checks of scheduling."""

FEW = ("scheduling::handle_cancel_prevents_run", "scheduling::handle_cancel_by_earlier_callback")
FEW += ("scheduling::call_soon_fifo_order", "scheduling::call_soon_not_synchronous")


def test_from_nothing_to_a_gate_that_only_gets_better(tmp_path: Path, run_pytest: PytestRunner) -> None:
    project = tmp_path / "project"
    project.mkdir()
    # Nothing of the project may get in the way of what init runs.
    (project / "pytest.ini").write_text("[pytest]\naddopts = -x --no-such-option\n")
    said = loopcheck("init", LIAR, "--workflow", "-n", "0", "--", *FEW, cwd=project)
    (project / "pytest.ini").unlink()
    file = project / "loopcheck.toml"
    declared = known.read(file)
    assert errors(file.read_text()) == []

    assert f"loopcheck.toml: {len(declared.known)} known failures in " in said
    assert (project / ".github/workflows/loopcheck.yml").read_text() == workflow()

    green = run_pytest("--loop-config=loopcheck.toml", *FEW)
    assert green.status == 0
    assert {seen["outcome"] for seen in green.checks.values() if seen["level"] != "may"} == {"passed", "known"}
    assert (
        f"loopcheck.toml: {len(declared.reasons)} of {len(declared.reasons)} entries wait for a reason" in green.output
    )

    report = tmp_path / "report.jsonl"
    assert "up to date" in loopcheck("update", str(report), cwd=project)

    text = file.read_text()
    file.write_text(text.replace(f'"{declared.known[0].id}"', '"scheduling::call_soon_fifo_order"'))
    changed = file.read_text()
    red = run_pytest("--loop-config=loopcheck.toml", *FEW)
    assert red.status == 1
    said = loopcheck("update", str(report), "--check", cwd=project, status=1)
    assert loopcheck("update", str(report), "--dry-run", cwd=project) == said
    assert f"added: {declared.known[0].id}: failed" in said
    assert "deleted: scheduling::call_soon_fifo_order: it passes" in said
    assert file.read_text() == changed

    loopcheck("update", str(report), cwd=project)
    assert sorted(one.id for one in known.read(file).known) == sorted(one.id for one in declared.known)


def test_what_exists_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "loopcheck.toml"
    file.write_text("mine")
    said = loopcheck("init", LIAR, cwd=tmp_path, status=4)

    assert said.startswith("loopcheck: there is a loopcheck.toml already; --force writes it anew")
    assert file.read_text() == "mine"


def test_mistakes_with_reports_are_told(tmp_path: Path) -> None:
    assert "'loopcheck init MODULE:NAME' writes one" in loopcheck("update", cwd=tmp_path, status=4)
    (tmp_path / "loopcheck.toml").write_text('[subject]\nfactory = "a:B"\n')
    (tmp_path / "report.jsonl").write_text("{}\n")
    said = loopcheck("update", "report.jsonl", cwd=tmp_path, status=4)
    assert said.startswith("loopcheck: report.jsonl:1: a record of kind None")


# any single line

DECLARED = f"""\
[subject]
factory = "{LIAR}"

[declined]
unix-connections = "not offered"

# one of its own
[[known]]
id = "scheduling::handle_cancel_prevents_run"
outcome = "failed"
match = "assert"
reason = "not yet"
issue = "https://example.org/1"
python = ">=3.11"
platform = "{sys.platform}"
version = ">=1"
needs = ["ipv4"]
sometimes = true
expires = "2050-01-01"

[[known]]
id = [
    OTHERS
]
outcome = "failed"
reason = "neither"
"""

ONLY_NARROW = ("match", "issue", "python", "platform", "version", "needs", "sometimes")
"""Keys without which an entry says less, and is still true."""

STALE = {
    "factory": '"other:Loop"',
    "unix-connections": '""',
    "id": '"scheduling::call_soon_fifo_order"',
    "outcome": '"hang"',
    "match": '"other words"',
    "reason": '""',
    "issue": "1",
    "python": '"<3.11"',
    "platform": '"amiga"',
    "version": '"<1"',
    "needs": "['free-threaded']",
    "sometimes": '"yes"',
    "expires": '"2020-01-01"',
}
"""For each key something that is not so."""


@pytest.fixture(scope="module")
def liar_report(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("liar")
    command = [sys.executable, "-m", "pytest", "-q", f"--loop-factory={LIAR}", "--loop-report=report.jsonl"]
    subprocess.run([*command, "scheduling"], cwd=folder, env=environment(FIXTURES / "loops"), stdout=subprocess.DEVNULL)
    return read(folder / "report.jsonl")


def gate(text: str, report: Run) -> int:
    """What the gate would end with, if the file were this."""
    entries = catalogue("scheduling", "unix_sockets")
    here = known.Surroundings(report.header["environment"]["python"], sys.platform, "1.2", lambda need: need == "ipv4")
    try:
        declaration = known.parse(text)
        declaration.validate(entries, here)
    except known.DeclarationError:
        return 4
    if declaration.factory != LIAR:
        return 4
    by_id = {entry.id: entry for entry in entries}
    return verdict.exit_status(
        (declaration.judge(by_id[id], seen, here) for id, seen in report.checks.items()), "should"
    )


def test_any_line_that_is_deleted_or_edited_or_stale_turns_it_red(liar_report: Run) -> None:
    # As a loop would give it that does not offer Unix sockets.
    refused = {"outcome": "failed", "level": "must", "message": "NotImplementedError"}
    liar_report.checks["unix_sockets::connection_basic"] = refused
    failing = [id for id, seen in liar_report.checks.items() if verdict.fails(seen, "should") and seen is not refused]
    failing.remove("scheduling::handle_cancel_prevents_run")
    text = DECLARED.replace("    OTHERS", ",\n".join(f"    {json.dumps(id)}" for id in failing))
    assert len(failing) > 2
    assert gate(text, liar_report) == 0

    lines = text.splitlines(keepends=True)
    green = []
    for at, line in enumerate(lines):
        key = re.split(r"\s*=", line)[0]
        if not line.strip() or line.startswith("#"):
            continue
        deleted = "".join(lines[:at] + lines[at + 1 :])
        if key not in ONLY_NARROW and not gate(deleted, liar_report):
            green.append(f"deleted: {line}")
        edited = f"{key} = {STALE[key]}\n" if key in STALE else '"scheduling::call_soon_fifo_order",\n'
        if not gate("".join([*lines[:at], edited, *lines[at + 1 :]]), liar_report):
            green.append(f"edited: {line} to {edited}")
    assert green == []
