"""Reproducers: scripts of checks that need no loopcheck, fail where the check does, and pass on asyncio's own loop."""

from __future__ import annotations

import contextlib
import html
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import reports
from support import FIXTURES, PytestRunner, loopcheck

from loopcheck.check import find
from loopcheck.compare import reproducers, trial
from loopcheck.compare.derivation import DONE, Unsuitable, script, with_patience
from loopcheck.compare.reproducers import reproduce
from loopcheck.compare.trial import Stage
from loopcheck.report import html as page
from loopcheck.report import markdown
from loopcheck.report.columns import columns

PATHS = [str(FIXTURES / "loops"), str(FIXTURES / "vandals")]

FAILED = {"outcome": "failed", "error": "AssertionError", "message": "assert [0, 2, 3] == [0, 1, 2]"}


def run(text: str, subject: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "script.py"
    file.write_text(text)
    # Isolated: no folder of ours is on its path.
    return subprocess.run(
        [sys.executable, "-I", file, subject], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "id",
    [
        "scheduling::call_soon_fifo_order",
        "scheduling::call_soon_fifo_order[debug]",
        "scheduling::nested_call_soon_runs_next_iteration[other-thread]",
        "scheduling::nested_call_soon_runs_next_iteration[runner]",
        "transports::api_complete",
        "datagram::address_in_use",
        "create_server::returns_server",
        "subprocess::pipesize",
        "tls::truncated_peer",
        "transports::close_ends_connection[start-tls-server]",
        "subprocess::pause_resume_idempotent[child-stdout]",
    ],
)
def test_script_passes_on_the_control(id: str, tmp_path: Path) -> None:
    text = with_patience(script(find(id), "asyncio:SelectorEventLoop"))
    assert "loopcheck" not in text
    assert "pytest" not in text
    done = run(text, "asyncio:SelectorEventLoop", tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, DONE), done.stderr


@pytest.mark.parametrize(
    ("id", "subject", "record"),
    [
        ("scheduling::call_soon_fifo_order", "overtakes_in_long_queue:Loop", FAILED),
        ("scheduling::call_soon_fifo_order", "segfault:Loop", {"outcome": "crash"}),
    ],
)
def test_script_fails_as_the_check_does(
    id: str, subject: str, record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproducers, "_SECONDS", 0.0)  # it may be long
    made = reproduce(find(id), subject, record, PATHS)
    assert made.script, made.why_not


@pytest.mark.parametrize(
    ("subject", "record", "why"),
    [
        ("asyncio:SelectorEventLoop", FAILED, "what the script does passes"),
        ("overtakes_in_long_queue:Loop", {"outcome": "crash"}, "fails otherwise: "),
        ("overtakes_in_long_queue:Loop", {"outcome": "failed", "error": "KeyError"}, "fails otherwise: "),
        ("overtakes_in_long_queue:Loop", {**FAILED, "observed": "[0, 1]", "expected": "[0]"}, "fails otherwise: "),
        ("overtakes_in_long_queue:Loop", {**FAILED, "message": "something else"}, "fails otherwise: "),
        ("overtakes_in_long_queue:Loop", {"outcome": "failed", "left_behind": ["something"]}, "left behind"),
        (
            "leaks_a_descriptor:Loop",
            {"outcome": "failed", "left_behind": ["1 open file descriptor (socket)"]},
            "each loop leaves that behind",
        ),
    ],
)
def test_script_that_shows_something_else_is_not_attached(subject: str, record: dict[str, Any], why: str) -> None:
    made = reproduce(find("scheduling::call_soon_fifo_order"), subject, record, PATHS)
    assert made.script == ""
    assert why in made.why_not


def test_script_shows_what_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproducers, "_SECONDS", 0.0)  # it may be long
    record = {"outcome": "failed", "left_behind": ["1 open file descriptor (pipe)"]}
    check = find("context::pipe_protocol_inherits_creator_context")
    made = reproduce(check, "leaks_a_descriptor_with_each_pipe:Loop", record, PATHS)
    assert "equal(open_descriptors(), before, 'left behind: ')" in made.script, made.why_not


def test_script_says_what_was_expected_and_observed(tmp_path: Path) -> None:
    text = script(find("scheduling::call_soon_fifo_order"), "overtakes_in_long_queue:Loop")
    done = run(
        text.replace("import sys\n", f"import sys\nsys.path[:0] = {PATHS}\n", 1),
        "overtakes_in_long_queue:Loop",
        tmp_path,
    )
    assert done.returncode == 1
    assert "expected: Callbacks run in the order they were given to call_soon()." in done.stdout
    assert "AssertionError: expected [0, 1, 2," in done.stderr


def test_script_is_read_from_the_top() -> None:
    """The check comes first, and nothing is in it that only the battery needs."""
    lines = script(find("scheduling::call_soon_fifo_order"), "a:B").splitlines()
    assert lines[0] == '"""Callbacks run in the order they were given to call_soon().'
    assert next(line for line in lines if line.startswith(("def ", "class "))).startswith("def call_soon_fifo_order(")
    assert sum(map(bool, lines)) <= 40
    assert not any("->" in line or "__tracebackhide__" in line for line in lines)


def test_what_needs_the_battery_has_no_script() -> None:
    with pytest.raises(Unsuitable, match="hypothesis makes up what it runs"):
        script(find("properties::programs_of_call_soon_run_in_order"), "a:B")


def test_run_writes_scripts_of_causes_and_names_them(run_pytest: PytestRunner, tmp_path: Path) -> None:
    folder = tmp_path / "project" / "scripts"
    folder.mkdir(parents=True)
    older, foreign = folder / "streams-gone.py", folder / "other.py"
    for file in (older, foreign):
        file.write_text('"""What it is.\n\nstreams::gone, https://example.org\n"""\n')
    done = run_pytest(
        "--loop-factory=overtakes_in_long_queue:Loop", "--loop-reproducers=scripts", "scheduling::call_soon_fifo_order"
    )
    assert (older.exists(), foreign.exists()) == (False, True)
    path = "scripts/scheduling-call_soon_fifo_order.py"
    assert f"python {path} overtakes_in_long_queue:Loop" in done.output
    assert done.footer["reproducers"] == {
        "scheduling::call_soon_fifo_order": {"path": path, "script": (tmp_path / "project" / path).read_text()}
    }


def test_pages_show_the_script_whole_and_escaped() -> None:
    text = "print('<b>')\n" * 300
    shown = columns([reports.run(reports.check("a::b", "failed", reproducer={"path": "b.py", "script": text}))])
    assert json.dumps(text.strip()).replace("<", "\\u003c").replace(">", "\\u003e")[1:-1] in page.render(shown)
    assert html.escape(text).replace("\n", f"\n{' ' * 11}").rstrip() in markdown.render(shown)


def test_command_makes_one_script(tmp_path: Path) -> None:
    asked = ["reproduce", "scheduling::call_soon_fifo_order", "--subject"]
    assert loopcheck(*asked, "overtakes_in_long_queue:Loop", cwd=tmp_path).startswith('"""Callbacks run in the order')
    said = loopcheck(*asked, "asyncio:SelectorEventLoop", cwd=tmp_path, status=1)
    assert said.endswith("passed; there is nothing to reproduce\n")


def test_what_a_subject_prints_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("print('hello', flush=True)\nfrom asyncio import SelectorEventLoop as Loop\n")
    with contextlib.closing(Stage("loud:Loop", [str(tmp_path)])) as stage:
        tried = stage.run("print('so it is')", 10.0)

    assert (tried.status, tried.output) == (0, "so it is\n")


def test_a_subject_that_hangs_when_it_is_imported_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_IMPORTS", 0.3)
    (tmp_path / "stuck.py").write_text("import time\ntime.sleep(600)\n")
    with contextlib.closing(Stage("stuck:Loop", [str(tmp_path)])) as stage:
        assert stage.run("pass", 0.1).status is None


def test_stage_tells_which_lines_are_run() -> None:
    with contextlib.closing(Stage("asyncio:SelectorEventLoop", [])) as stage:
        tried = stage.run("def f():\n    return 1\nif 0:\n    f()\nimport os\nos.abort()\n", 10.0, watched=True)

    assert {1, 6} <= tried.lines
    assert not {2, 4} & tried.lines


def test_a_subject_that_ends_the_process_of_scripts_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone.py").write_text("import os\nos._exit(3)\n")
    with contextlib.closing(Stage("gone:Loop", [str(tmp_path)])) as stage:
        assert [stage.run("pass", 10.0).status for _ in range(2)] == [None, None]
