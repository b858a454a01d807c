"""Whatever a loop does to its process: the right check gets the right outcome, and no other check notices."""

from __future__ import annotations

import ast
import os
import tempfile
from pathlib import Path

import pytest
from support import FIXTURES, Run, runner_in

VANDALS = sorted(path.stem for path in (FIXTURES / "vandals").glob("*.py") if path.stem != "vandal")
VICTIM = "scheduling::call_soon_fifo_order"
BYSTANDERS = [
    "scheduling::call_soon_not_synchronous",  # before the victim, in the same process
    "scheduling::call_soon_exactly_once",
    "lifecycle::run_forever_until_stop",
]
MARK = f"LOOPCHECK_TEST_VANDALS_{os.getpid()}"

pytestmark = pytest.mark.xdist_group("vandals")  # one worker, for one run serves all of these


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run over all vandals."""
    return runner_in(tmp_path_factory.mktemp("vandals"))(
        *(f"--loop-factory={name}:Loop" for name in VANDALS),
        "--loop-time-limit=1",
        VICTIM,
        *BYSTANDERS,
        env={MARK: "1"},
    )


def outcome_of(name: str) -> str:
    """What the vandal's file says that its victim's outcome is."""
    tree = ast.parse((FIXTURES / "vandals" / f"{name}.py").read_text())
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "OUTCOME"
    )
    return str(ast.literal_eval(value))


@pytest.mark.parametrize("name", VANDALS)
def test_victim_alone_is_hit(run: Run, name: str) -> None:
    ids = [VICTIM, *BYSTANDERS]
    seen = {id: run.outcomes[f"{id}[{name}:Loop]"] for id in ids}

    assert seen == dict.fromkeys(BYSTANDERS, "passed") | {VICTIM: outcome_of(name)}


def test_every_planned_check_has_one_record(run: Run) -> None:
    assert sorted(run.header["plan"]) == sorted(run.checks)
    assert run.footer["planned"] == len(run.checks) == len(VANDALS) * (1 + len(BYSTANDERS))
    assert run.footer["complete"]
    assert run.status == 1


def test_no_process_is_left(run: Run) -> None:
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"{MARK}=1".encode() in variables and state != "Z" and folder.name != str(os.getpid()):
            left.append((folder / "cmdline").read_bytes())

    assert left == []


@pytest.mark.parametrize("name", [name for name in VANDALS if outcome_of(name) == "hang"])
def test_hang_shows_the_stack(run: Run, name: str) -> None:
    record = run.checks[f"{VICTIM}[{name}:Loop]"]

    assert f"{name}.py" in record["stack"]
    assert "scheduling.py" in record["stack"]
    assert record["message"] == "did not end within 1 s" or "did not end within" in record["message"]


def test_hang_shows_what_there_was_at_the_deadline(run: Run) -> None:
    record = run.checks[f"{VICTIM}[hangs_half_way:Loop]"]

    assert record["recorded"] == ["trace: 990 more, then " + ", ".join(map(str, range(990, 1000)))]
    assert ["half-done" in task for task in record["tasks"]] == [True]
    assert not os.path.isdir("/proc/self/fd") or record["descriptors"]


def test_with_the_gil_held_a_hang_shows_what_can_be_seen_from_outside(run: Run) -> None:
    record = run.checks[f"{VICTIM}[holds_the_gil:Loop]"]

    assert "tasks" not in record
    assert not os.path.isdir("/proc/self/fd") or record["descriptors"]


def test_crash_names_the_signal(run: Run) -> None:
    crash = run.checks[f"{VICTIM}[segfault:Loop]"]
    abort = run.checks[f"{VICTIM}[aborts:Loop]"]

    assert (crash["signal"], abort["signal"]) == ("SIGSEGV", "SIGABRT")
    assert "segfault.py" in crash["stack"]


def test_exit_tells_the_code(run: Run) -> None:
    assert run.checks[f"{VICTIM}[exits_quietly:Loop]"]["exit_code"] == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("leaks_descriptors", "2 open file descriptors (pipe)"),
        ("leaks_a_thread", "1 running thread: left-over"),
        ("leaks_a_child", "a child process"),
        ("changes_a_signal_handler", "a changed handler of SIGTERM"),
        ("closes_stdout", "closed descriptors that were not its own: 1"),
        ("logs_errors", "an error that the loop logged: something broke inside"),
        ("leaves_a_task", "1 pending task: <Task pending name='left-over'"),
    ],
)
def test_leftovers_are_named(run: Run, name: str, words: str) -> None:
    record = run.checks[f"{VICTIM}[{name}:Loop]"]

    assert record["message"] == "the behaviour itself is right, but something was left behind"
    assert any(words in left for left in record["left_behind"]), record["left_behind"]


def test_the_victim_ran_again_alone(run: Run) -> None:
    record = run.checks[f"{VICTIM}[segfault:Loop]"]

    assert (record["alone"], record["after"]) == ("crash", "scheduling::call_soon_not_synchronous")


def test_hostile_text_is_harmless_in_the_terminal(run: Run) -> None:
    assert "\x1b" not in run.output
    assert "\u202e" not in run.output
    assert "\x00" not in run.output
    assert len(run.output) < 200_000


def test_hostile_text_is_cut_in_the_record(run: Run) -> None:
    record = run.checks[f"{VICTIM}[speaks_html_and_ansi:Loop]"]

    assert "<script>" in record["message"]
    assert len(record["message"]) <= 5000
    assert len(run.checks[f"{VICTIM}[prints_a_flood:Loop]"]["printed"]) < 20_000


def test_what_cannot_be_shown_is_said(run: Run) -> None:
    assert "cannot be shown" in run.checks[f"{VICTIM}[repr_raises:Loop]"]["message"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_no_file_stays_behind(tmp_path: Path, workers: tuple[str, ...]) -> None:
    # Checks with a folder and certificates of their own, in processes that die.
    with tempfile.TemporaryDirectory(prefix="lcv-", dir="/tmp") as folder:
        run = runner_in(tmp_path)(
            "--loop-factory=segfault:Loop",
            "--loop-factory=asyncio:SelectorEventLoop",
            *workers,
            VICTIM,
            "context::tls_client_protocol_inherits_creator_context",
            "context::unix_client_protocol_inherits_creator_context",
            env={"TMPDIR": folder},
        )
        left = [name for name in os.listdir(folder) if not name.startswith("pytest-")]  # pytest's own

    assert (sorted(set(run.outcomes.values())), left) == (["crash", "passed"], [])
