"""The runner by itself: what it makes of a check that fails, alone, in company and on the control."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopcheck.check import find
from loopcheck.runner import child, run
from loopcheck.runner.processes import RunnerError
from loopcheck.runner.run import Options, Runner
from loopcheck.subject import CONTROL, SubjectError

FIFO = find("scheduling::call_soon_fifo_order")
BEFORE = find("scheduling::call_soon_not_synchronous")

MakeRunner = Callable[..., Runner]


@pytest.fixture
def subject(tmp_path: Path) -> Callable[[str], str]:
    """Write a module with a loop class and return the factory's name."""

    def write(body: str) -> str:
        number = len(list(tmp_path.glob("*.py")))
        (tmp_path / f"invented{number}.py").write_text(
            "import asyncio, os, sys, threading\n" + textwrap.dedent(body).lstrip("\n")
        )
        return f"invented{number}:Loop"

    return write


@pytest.fixture
def make_runner(tmp_path: Path) -> Iterator[MakeRunner]:
    """Make runners that are closed after the test."""
    made = []

    def make(**options: Any) -> Runner:
        made.append(Runner(["scheduling"], Options(path=(str(tmp_path),), **options)))
        return made[-1]

    yield make
    for runner in made:
        runner.close()


def test_a_child_is_kept_while_its_checks_pass(make_runner: MakeRunner, subject: Callable[[str], str]) -> None:
    counting = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            made = 0
            def __init__(self):
                super().__init__()
                Loop.made += 1
                print("loop", Loop.made, "of", os.getpid())
        """
    )
    runner = make_runner()
    seen = [runner.run(entry, counting) for entry in (BEFORE, FIFO, BEFORE)]

    assert [one["outcome"] for one in seen] == ["passed"] * 3
    printed = [one["printed"].splitlines()[-1].split() for one in seen]
    first = int(printed[0][1])
    assert [int(words[1]) for words in printed] == [first, first + 1, first + 2]
    assert len({words[3] for words in printed}) == 1


def test_failure_that_needs_company_says_so(make_runner: MakeRunner, subject: Callable[[str], str]) -> None:
    worn = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            made = 0
            def __init__(self):
                super().__init__()
                Loop.made += 1
                if Loop.made == 4:  # two that the audit makes, and one for each check
                    os.abort()
        """
    )
    runner = make_runner()
    runner.run(BEFORE, worn)
    seen = runner.run(FIFO, worn)

    assert (seen["outcome"], seen["alone"], seen["after"]) == ("crash", "passed", BEFORE.id)


def test_first_check_of_a_child_is_not_run_again(make_runner: MakeRunner, subject: Callable[[str], str]) -> None:
    broken = subject("class Loop(asyncio.SelectorEventLoop):\n    def call_soon(self, *a, **k): os._exit(3)\n")
    seen = make_runner().run(FIFO, broken)

    assert (seen["outcome"], seen["exit_code"], "alone" in seen) == ("exited", 3, False)


def test_what_fails_on_the_control_is_broken(make_runner: MakeRunner, tmp_path: Path, monkeypatch: Any) -> None:
    # A machine on which even asyncio fails: its loop is replaced in every process that Python starts here.
    (tmp_path / "sitecustomize.py").write_text(
        "import asyncio\n"
        "class Broken(asyncio.SelectorEventLoop):\n"
        "    def call_soon(self, callback, *args, context=None):\n"
        "        return super().call_soon(callback, *args[:-1] or args, context=context)\n"
        "    def run_forever(self):\n"
        "        self._ready.reverse() if len(self._ready) > 1000 else None\n"
        "        super().run_forever()\n"
        "asyncio.SelectorEventLoop = Broken\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    runner = make_runner()
    seen = runner.run(FIFO, CONTROL)

    assert (seen["outcome"], seen["on_subject"]) == ("broken", "failed")


def test_only_what_a_check_itself_leaves_is_held_against_it(
    make_runner: MakeRunner, subject: Callable[[str], str]
) -> None:
    lazy = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            pipe = None
            def run_forever(self):
                Loop.pipe = Loop.pipe or os.pipe()
                super().run_forever()
        """
    )
    every_loop = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            def __init__(self):
                super().__init__()
                os.pipe()
        """
    )
    leaking = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            def run_forever(self):
                if len(self._ready) > 1000:
                    os.pipe()
                super().run_forever()
        """
    )
    both = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            def __init__(self):
                super().__init__()
                os.open(os.devnull, os.O_RDONLY)

            def run_forever(self):
                if len(self._ready) > 1000:
                    os.pipe()
                super().run_forever()
        """
    )
    runner = make_runner()

    assert runner.run(FIFO, lazy)["outcome"] == "passed"
    # That has a check of its own; held against every check, it would hide all else.
    assert runner.run(FIFO, every_loop)["outcome"] == "passed"
    assert runner.run(find("lifecycle::close_frees_file_descriptors"), every_loop)["outcome"] == "failed"
    assert runner.run(FIFO, leaking)["left_behind"] == ["2 open file descriptors (pipe)"]
    assert runner.run(FIFO, both)["left_behind"] == ["2 open file descriptors (pipe)"], "without what every loop leaves"


def test_a_loop_that_skips_the_body_does_not_pass(make_runner: MakeRunner, subject: Callable[[str], str]) -> None:
    liar = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            def run_until_complete(self, future):
                future.close()
        """
    )
    runner = make_runner()
    seen = runner.run(find("scheduling::tiny_delays_complete"), liar)

    assert seen["outcome"] == "failed"
    assert "returned before the coroutine it was given had ended" in seen["message"]


def test_a_loop_that_swallows_the_failure_does_not_pass(make_runner: MakeRunner, subject: Callable[[str], str]) -> None:
    liar = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            def run_until_complete(self, future):
                try:
                    return super().run_until_complete(future)
                except BaseException:
                    return None
            def call_later(self, delay, *rest, **options):
                raise RuntimeError("no timers here")
        """
    )
    seen = make_runner().run(find("scheduling::tiny_delays_complete"), liar)

    assert (seen["outcome"], seen["message"]) == ("failed", "RuntimeError: no timers here")


def test_unmet_need_is_unavailable(make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make_runner()
    machine = runner._processes.machine
    monkeypatch.setattr(runner._processes, "machine", dataclasses.replace(machine, met=machine.met - {"ipv6"}))
    seen = runner.run(dataclasses.replace(FIFO, needs=("ipv6",)), CONTROL)

    assert seen["outcome"] == "unavailable"
    assert "IPv6" in seen["message"]


@pytest.mark.parametrize("fork", [True, False])
def test_both_kinds_of_children(make_runner: MakeRunner, subject: Callable[[str], str], fork: bool) -> None:
    broken = subject("class Loop(asyncio.SelectorEventLoop):\n    def call_soon(self, *a, **k): os.abort()\n")
    runner = make_runner(fork=fork)

    assert runner.identify(CONTROL, files=False)["distribution"] == "CPython"
    assert [runner.run(FIFO, CONTROL)["outcome"] for _ in range(2)] == ["passed", "passed"]
    assert runner.run(FIFO, broken)["outcome"] == "crash"
    assert runner.run(FIFO, CONTROL)["outcome"] == "passed"


def test_identity_names_files(make_runner: MakeRunner, subject: Callable[[str], str]) -> None:
    name = subject("Loop = asyncio.SelectorEventLoop")
    identity = make_runner().identify(name, files=True)

    assert (identity["distribution"], identity["version"]) == (None, None)
    assert list(identity["files"]) == ["invented0.py"]
    assert len(identity["digest"]) == 64


def test_a_subject_that_hangs_at_import_is_refused(
    make_runner: MakeRunner, subject: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = subject("import time\ntime.sleep(3600)")
    runner = make_runner(limit=0.2)
    monkeypatch.setattr(run, "_USE_LIMIT", 1.0)

    with pytest.raises(SubjectError, match="did not end; its process was killed"):
        runner.identify(name, files=False)


def test_a_subject_that_can_be_used_only_once_does_not_end_the_run(
    make_runner: MakeRunner, subject: Callable[[str], str], tmp_path: Path
) -> None:
    name = subject(
        f"""
        if os.path.exists({str(tmp_path / "used")!r}):
            os.abort()
        open({str(tmp_path / "used")!r}, "w").close()

        class Loop(asyncio.SelectorEventLoop):
            def call_soon(self, callback, *args, context=None):
                if args == (1000,):
                    os.abort()
                return super().call_soon(callback, *args, context=context)
        """
    )
    runner = make_runner()
    outcomes = [runner.run(entry, name)["outcome"] for entry in (BEFORE, FIFO, BEFORE)]
    again = runner.run(BEFORE, name)

    assert outcomes == ["passed", "crash", "failed"]
    assert "ended the process (the process died of SIGABRT)" in again["message"]
    assert runner.run(BEFORE, CONTROL)["outcome"] == "passed"


def test_a_subject_that_dies_when_closed_is_still_a_subject(
    make_runner: MakeRunner, subject: Callable[[str], str]
) -> None:
    name = subject("class Loop(asyncio.SelectorEventLoop):\n    def close(self): os.abort()\n")
    runner = make_runner()

    assert runner.identify(name, files=False)["factory"] == name
    assert runner.run(FIFO, name)["outcome"] == "crash"


def test_checks_see_the_users_environment(
    make_runner: MakeRunner, subject: Callable[[str], str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("LOOPCHECK_TEST_VARIABLE", "kept")
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    name = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            def __init__(self):
                super().__init__()
                theirs = [os.environ.get(name) for name in ("LOOPCHECK_TEST_VARIABLE", "PYTHONASYNCIODEBUG")]
                ours = [os.environ.get(name) for name in ("PYTHONWARNINGS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")]
                print(theirs + ours, self.get_debug(), sys.warnoptions)
        """
    )
    seen = make_runner().run(FIFO, name)

    assert seen["printed"].splitlines()[-1] == "['kept', None, None, None] False []"


def test_death_of_the_nursery_is_our_fault(make_runner: MakeRunner) -> None:
    runner = make_runner()
    runner.run(FIFO, CONTROL)
    runner._processes._process.kill()  # type: ignore[attr-defined]

    with pytest.raises(RunnerError, match="nursery process is gone"):
        runner._fresh(CONTROL)


def test_runners_share_a_nursery(make_runner: MakeRunner) -> None:
    host = make_runner()
    guest = make_runner(door=host.door)
    seen = [runner.run(FIFO, CONTROL)["outcome"] for runner in (guest, host, guest)]
    children = [runner._children[CONTROL].pid for runner in (host, guest)]
    guest.close()

    assert seen == ["passed"] * 3
    assert _parent(children[0]) == host._processes._process.pid  # type: ignore[attr-defined]
    _gone(f"/proc/{children[1]}")
    assert host.run(FIFO, CONTROL)["outcome"] == "passed"
    assert host._children[CONTROL].pid == children[0]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _gone(path: str) -> None:
    deadline = time.monotonic() + 30
    while os.path.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_guests_children_end_with_the_nursery(make_runner: MakeRunner) -> None:
    host = make_runner()
    guest = make_runner(door=host.door)
    guest.run(FIFO, CONTROL)
    child = guest._children[CONTROL].pid
    host.close()

    _gone(f"/proc/{child}")
    with pytest.raises(RunnerError, match="nursery process is gone"):
        guest._fresh(CONTROL)


def test_a_nursery_that_cannot_be_reached_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="cannot be reached"):
        Runner(["scheduling"], Options(door=str(tmp_path / "door")))


def test_first_loop_is_the_first(make_runner: MakeRunner, subject: Callable[[str], str]) -> None:
    counting = subject(
        """
        made = 0
        class Loop(asyncio.SelectorEventLoop):
            def __init__(self):
                super().__init__()
                global made
                made += 1
                print("loop", made)
        """
    )
    runner = make_runner()
    plain, first = (runner.run(find(f"{FIFO.id}{setting}"), counting) for setting in ("", "[first-loop]"))

    assert plain["printed"].splitlines()[0] == "loop 1"  # by then the audit has learnt what a loop leaves
    assert len(plain["printed"].splitlines()) > 1
    assert (first["outcome"], first["printed"]) == ("passed", "loop 1\n")


def test_first_loop_that_leaves_something_for_good_is_no_failure(
    make_runner: MakeRunner, subject: Callable[[str], str]
) -> None:
    keeping = subject(
        """
        kept = []
        class Loop(asyncio.SelectorEventLoop):
            def __init__(self):
                super().__init__()
                if not kept:
                    kept.extend(os.pipe())
        """
    )
    leaking = subject(
        """
        class Loop(asyncio.SelectorEventLoop):
            def __init__(self):
                super().__init__()
                os.pipe()
        """
    )
    entry = find(f"{FIFO.id}[first-loop]")

    assert [make_runner().run(entry, one)["outcome"] for one in (keeping, leaking)] == ["passed", "passed"]


def test_no_process_outlives_the_runner(make_runner: MakeRunner) -> None:
    runner = make_runner()
    runner.run(FIFO, CONTROL)
    child = runner._children[CONTROL].pid
    runner.close()

    assert not os.path.exists(f"/proc/{child}") or sys.platform != "linux"


def test_no_file_outlives_a_process_that_is_killed() -> None:
    program = f"""
        import os, signal
        from loopcheck.check import find
        from loopcheck.compare.trial import Stage
        from loopcheck.runner.run import Options, Runner
        host = Runner(["scheduling"], Options())
        guest = Runner(["scheduling"], Options(door=host.door))
        stage = Stage({CONTROL!r}, [])
        for runner in (host, guest):
            runner.run(find({FIFO.id!r}), {CONTROL!r})
        # A script that is killed has no chance to put its own away, and so not in a folder of its choice.
        stage.run("import os, tempfile; tempfile.mkdtemp(); print(tempfile.gettempdir(), flush=True); os.abort()", 10)
        print(open(stage._folder.name + "/output").read(), stage._folder.name)
        print(host._processes._files.folder, guest._processes._files.folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120)
    of_scripts, *others = done.stdout.split()

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert of_scripts == others[0]
    for folder in others:
        _gone(folder)


def test_control_is_asyncios_own() -> None:
    from loopcheck.subject import resolve

    assert resolve(CONTROL) is asyncio.SelectorEventLoop


def test_a_group_of_exceptions_is_told_with_its_members() -> None:
    group = ExceptionGroup("two", [ValueError("mine"), ExceptionGroup("inner", [OSError("yours")])])

    told = "two (2 sub-exceptions): ValueError: mine; ExceptionGroup: inner (1 sub-exception): OSError: yours"
    assert child._text(group) == told
