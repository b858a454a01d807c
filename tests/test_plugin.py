"""The plugin as its users meet it: options, selection, pytest's own options, exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from support import FIXTURES, OTHERS_OFF, PytestRunner, environment

CONTROL = "--loop-factory=asyncio:SelectorEventLoop"
FIFO = "scheduling::call_soon_fifo_order"
HANDLE = "scheduling::handle_cancel_prevents_run"
DEAF = "--loop-factory=runs_cancelled_callbacks:Loop"
"""A liar under fixtures/loops that fails HANDLE and passes FIFO."""


def test_inert_without_the_option(run_pytest: PytestRunner, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "test_it.py").write_text(
        "import sys\n"
        "def test_nothing_was_imported():\n"
        "    ours = {name for name in sys.modules if name.partition('.')[0] == 'loopcheck'}\n"
        "    assert ours == {'loopcheck', 'loopcheck.plugin'}\n"
    )
    run = run_pytest("-p", "no:xdist", "-p", "no:hypothesispytest", report=False)

    assert run.status == 0, run.output


def test_runs_the_battery_and_nothing_else(run_pytest: PytestRunner, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "test_mine.py").write_text("def test_mine(): assert False")
    run = run_pytest(CONTROL, "-k", "call_soon_fifo_order")

    assert run.status == 0, run.output
    assert run.outcomes[FIFO] == "passed"
    assert {id.partition("[")[0] for id in run.outcomes} == {FIFO}
    assert "test_mine" not in run.output


def test_with_paths_runs_those_and_offers_the_factory(run_pytest: PytestRunner, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "test_mine.py").write_text(
        "import asyncio\ndef test_mine(loop_factory):\n    assert loop_factory is asyncio.SelectorEventLoop\n"
    )
    run = run_pytest(CONTROL, "test_mine.py", "-v", report=False)

    assert run.status == 0, run.output
    assert "1 passed" in run.output


def test_ini_option_names_the_subject(run_pytest: PytestRunner, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pytest.ini").write_text("[pytest]\nloop_factory = asyncio:SelectorEventLoop\n")
    run = run_pytest(FIFO)

    assert run.outcomes == {FIFO: "passed"}


def test_id_is_printed_and_can_be_pasted_back(run_pytest: PytestRunner, tmp_path: Path) -> None:
    (tmp_path / "project" / "deep").mkdir(parents=True)
    (tmp_path / "project" / "pytest.ini").write_text("[pytest]\n")
    first = run_pytest(
        CONTROL,
        "-k",
        "call_soon_fifo_order and not debug and not loop and not thread",
        "-v",
        cwd=tmp_path / "project" / "deep",
    )
    (printed,) = re.findall(r"^(\S*::\S+) PASSED", first.output, re.M)
    again = run_pytest(CONTROL, printed, cwd=tmp_path / "project" / "deep")

    assert "site-packages" not in first.output.replace(sys.prefix, "")
    assert again.outcomes == {FIFO: "passed"}, printed


def test_a_setting_is_part_of_the_id(run_pytest: PytestRunner) -> None:
    debug = f"{FIFO}[debug]"
    one = run_pytest(CONTROL, debug)
    both = run_pytest(CONTROL, "--loop-factory=asyncio:new_event_loop", debug, f"{FIFO}[asyncio:new_event_loop]")
    odd = run_pytest(CONTROL, f"{FIFO}[debog]", report=False)

    assert one.outcomes == {debug: "passed"}
    assert one.checks[debug]["setting"] == "debug"
    assert sorted(both.outcomes) == sorted(
        [f"{debug}[asyncio:SelectorEventLoop]", f"{debug}[asyncio:new_event_loop]", f"{FIFO}[asyncio:new_event_loop]"]
    )
    assert odd.status == 4
    assert "there is no setting of this check called 'debog' (did you mean 'debug'?)" in odd.output


def test_an_area_is_an_argument(run_pytest: PytestRunner) -> None:
    run = run_pytest(CONTROL, "current_task", "--collect-only", "-q", report=False)

    assert run.status == 0
    ids = [line for line in run.output.splitlines() if "::" in line]
    assert ids and all(id.startswith("current_task::") for id in ids)


def test_several_subjects(run_pytest: PytestRunner) -> None:
    run = run_pytest(CONTROL, DEAF, HANDLE)

    assert run.outcomes == {
        f"{HANDLE}[asyncio:SelectorEventLoop]": "passed",
        f"{HANDLE}[runs_cancelled_callbacks:Loop]": "failed",
    }
    assert [subject["factory"] for subject in run.header["subjects"]] == [
        "asyncio:SelectorEventLoop",
        "runs_cancelled_callbacks:Loop",
    ]


def test_card_says_what_to_fix_and_how_to_see_it(run_pytest: PytestRunner) -> None:
    run = run_pytest(DEAF, FIFO, HANDLE)

    assert run.status == 1
    assert run.outcomes == {FIFO: "passed", HANDLE: "failed"}
    for words in (
        run.checks[HANDLE]["sentence"],
        "must: the documentation says so",
        "expected ",
        "observed ",
        "at         loopcheck/checks/scheduling.py:",
        "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.Handle.cancel",
        f"pytest --loop-factory=runs_cancelled_callbacks:Loop {HANDLE}",
        "deviations that fail the run: 1 must",
    ):
        assert words in run.output, words


def test_stop_at_first_failure_says_what_did_not_run(run_pytest: PytestRunner) -> None:
    run = run_pytest(DEAF, "scheduling", "-x")

    assert run.status == 1
    assert sorted(run.header["plan"]) == sorted(run.checks)
    assert run.footer["counts"]["failed"] == 1
    assert run.footer["counts"]["not-run"] > 10
    assert run.footer["complete"] is False
    assert "planned, but not run" in run.output


def test_last_failed(run_pytest: PytestRunner) -> None:
    run_pytest(DEAF, FIFO, HANDLE)
    run = run_pytest(DEAF, "--lf")

    assert run.outcomes == {HANDLE: "failed"}


@pytest.mark.parametrize("level", ["must", "should", "may"])
def test_levels_are_markers(run_pytest: PytestRunner, level: str) -> None:
    run = run_pytest(CONTROL, "scheduling", "-m", level, "--strict-markers", "--collect-only", "-q", report=False)
    every = run_pytest(CONTROL, "scheduling", "--collect-only", "-q", report=False)

    assert run.status == 0, run.output
    assert 0 < run.output.count("::") < every.output.count("::")


def test_failure_below_the_level_is_advice(run_pytest: PytestRunner) -> None:
    run = run_pytest(DEAF, HANDLE, "--loop-level=must")
    assert run.status == 1

    may = run_pytest("--loop-factory=says_nothing_in_repr:Loop", "lifecycle::repr_shows_state")
    assert (may.status, may.outcomes) == (0, {"lifecycle::repr_shows_state": "failed"}), may.output
    assert "advice: 1" in may.output

    gated = run_pytest("--loop-factory=says_nothing_in_repr:Loop", "lifecycle::repr_shows_state", "--loop-level=may")
    assert gated.status == 1


def test_nothing_selected_is_no_pass(run_pytest: PytestRunner) -> None:
    assert run_pytest(CONTROL, "-k", "no_such_check").status == 5


def test_junit_xml(run_pytest: PytestRunner, tmp_path: Path) -> None:
    run_pytest(DEAF, FIFO, HANDLE, f"--junitxml={tmp_path / 'junit.xml'}")
    cases = ElementTree.parse(tmp_path / "junit.xml").getroot().findall(".//testcase")

    assert [(case.get("classname"), case.get("name"), [child.tag for child in case]) for case in cases] == [
        ("scheduling", "call_soon_fifo_order", []),
        ("scheduling", "handle_cancel_prevents_run", ["failure"]),
    ]


def test_pdb_runs_in_process(run_pytest: PytestRunner, tmp_path: Path) -> None:
    run = run_pytest(DEAF, HANDLE, "--pdb")

    assert "(Pdb)" in run.output
    assert "scheduling.py" in run.output
    assert run.outcomes == {HANDLE: "failed"}


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"])
def test_xdist_gives_the_same_records(run_pytest: PytestRunner, mode: str) -> None:
    ids = [FIFO, HANDLE, "scheduling::call_soon_not_synchronous", "lifecycle::run_forever_until_stop"]
    run = run_pytest(DEAF, *ids, "-n", "2", "--dist", mode)

    assert run.outcomes == dict.fromkeys(ids, "passed") | {HANDLE: "failed"}
    assert sorted(run.header["plan"]) == sorted(ids)
    assert run.footer == {
        "record": "footer",
        "ended": run.footer["ended"],
        "complete": True,
        "planned": 4,
        "counts": {"passed": 3, "failed": 1},
    }
    assert run.header["subjects"][0]["factory"] == "runs_cancelled_callbacks:Loop"
    assert run.status == 1


def test_killed_xdist_worker_costs_no_silence(run_pytest: PytestRunner, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "killer.py").write_text(
        "import os, signal\n"
        "def pytest_runtest_logstart(nodeid):\n"
        f"    if nodeid == {HANDLE!r} and 'PYTEST_XDIST_WORKER' in os.environ:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = run_pytest(
        CONTROL,
        "-p",
        "killer",
        "-n",
        "2",
        "--max-worker-restart=0",
        FIFO,
        HANDLE,
        env={"PYTHONPATH": str(tmp_path / "project")},
    )

    assert sorted(run.header["plan"]) == sorted(run.checks) == sorted([FIFO, HANDLE])
    assert run.outcomes[HANDLE] == "not-run"
    assert run.footer["complete"] is False
    assert run.status != 0


def test_interrupt_ends_at_once_and_says_incomplete(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    mark = f"loopcheck-interrupt-{os.getpid()}"
    command = [sys.executable, "-m", "pytest", *OTHERS_OFF, f"--loop-report={report}"]
    process = subprocess.Popen(
        [*command, "--loop-factory=hangs_in_poll:Loop", FIFO, HANDLE],
        cwd=tmp_path,
        env=environment(FIXTURES / "vandals") | {"LOOPCHECK_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (report.exists() and report.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    while not _with_mark(mark, process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)  # into the hang; earlier would be as good a test, but of less
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    took = time.monotonic() - started
    records = [json.loads(line) for line in report.read_text().splitlines()]

    assert process.returncode == 2, output
    assert took < 5  # one second on an idle machine; the benchmark has the figure
    assert records[-1]["record"] == "footer"
    assert (records[-1]["complete"], records[-1]["why"]) == (False, "interrupted")
    assert {record["id"]: record["outcome"] for record in records[1:-1]} == {FIFO: "not-run", HANDLE: "not-run"}
    assert _with_mark(mark, process.pid) == []


def _with_mark(mark: str, but: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes() and int(folder.name) != but:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the other mode is the only one")
def test_spawned_children_give_the_same_outcomes(run_pytest: PytestRunner) -> None:
    run = run_pytest(DEAF, FIFO, HANDLE, "--loop-spawn")

    assert run.outcomes == {FIFO: "passed", HANDLE: "failed"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--loop-factory=nocolon"], "--loop-factory='nocolon': expected a module and a name with a colon between"),
        (["--loop-factory=asyncoi:Loop"], "there is no module 'asyncoi' (did you mean 'asyncio'?)"),
        (["--loop-factory=asyncio:SelectorEventLop"], "has no attribute 'SelectorEventLop' (did you mean"),
        (["--loop-factory=sys:version"], "is not callable"),
        (["--loop-factory=asyncio:sleep"], "it wants arguments (delay)"),
        (["--loop-factory=bad_factories:raises"], "calling it raised ValueError: no loop today"),
        (["--loop-factory=bad_factories:returns_none"], "calling it returned None"),
        (["--loop-factory=bad_factories:returns_text"], "which is not an event loop"),
        (["--loop-factory=bad_factories:returns_the_same"], "it returned the same loop twice"),
        (["--loop-factory=bad_factories:returns_closed"], "a loop that is already closed"),
        (["--loop-factory=bad_factories:returns_running"], "a loop that is already running"),
        (["--loop-factory=bad_factories:returns_coroutine"], "returned a coroutine"),
        (["--loop-factory=bad_factories:exits"], "ended the process (the process ended itself with exit code 7)"),
        (["--loop-factory=fails_at_import:Loop"], "importing 'fails_at_import' failed: ZeroDivisionError"),
        (["--loop-factory=imports_what_is_missing:Loop"], "importing 'imports_what_is_missing' failed: ModuleNotFound"),
        ([CONTROL, "scheduling::no_such"], "there is no check in scheduling called 'no_such'"),
        ([CONTROL, "schedulin::call_soon_fifo_order"], "no area called 'schedulin' (did you mean 'scheduling'?)"),
        ([CONTROL, "--loop-time-limit=0"], "expected a positive number of seconds; found '0'"),
        ([CONTROL, "--loop-report=no/such/folder/report.jsonl"], "there is no folder"),
        ([CONTROL, "scheduling", "."], "name either paths or ids"),
    ],
)
def test_mistakes_are_one_line_and_status_four(run_pytest: PytestRunner, arguments: list[str], words: str) -> None:
    run = run_pytest(*arguments, report=False, env={"PYTHONPATH": str(FIXTURES / "factories")})

    assert run.status == 4, run.output
    assert words in run.output
    assert "INTERNALERROR" not in run.output
    assert f"{os.sep}loopcheck{os.sep}" not in run.output, "a frame of ours reached the user"


def test_import_error_shows_their_own_frames(run_pytest: PytestRunner) -> None:
    run = run_pytest(
        "--loop-factory=fails_at_import:Loop", report=False, env={"PYTHONPATH": str(FIXTURES / "factories")}
    )

    assert "fails_at_import.py" in run.output
    assert "1 / 0" in run.output
    assert "importlib" not in run.output
