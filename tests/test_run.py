"""``loopcheck run``: what pytest is told, how often a check fails, and what is watched."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from support import loopcheck

from loopcheck import soak
from loopcheck.cli import main
from loopcheck.commands import Mistake
from loopcheck.commands import run as command
from loopcheck.report.reading import Run

ID = "scheduling::call_soon_fifo_order"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """What pytest is told by a command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    words: list[list[str]] = []
    monkeypatch.setattr(command.os, "execv", lambda _, given: words.append(given[3:]) or sys.exit(0))

    def tell(*arguments: str) -> list[str]:
        with pytest.raises(SystemExit):
            main(["run", *arguments])
        return words[-1]

    return tell


def test_pytest_is_told_what_is_wanted(told: Any, tmp_path: Path) -> None:
    assert told(ID, "tasks", "--subject", "a:B", "-n", "2", "--last-failed", "--", "-x", "-k", "no[debug]") == [
        "--loop-factory=a:B", ID, "tasks", "-n", "2", "--last-failed", "-x", "-k", "no[debug]"
    ]  # fmt: skip
    (tmp_path / "loopcheck.toml").write_text('[subject]\nfactory = "a:B"\n')
    assert told() == [f"--loop-config={tmp_path / 'loopcheck.toml'}"]


def test_patterns_name_ids(told: Any, tmp_path: Path) -> None:
    assert told("scheduling::call_soon_fifo*[debug]", "--subject", "a:B") == ["--loop-factory=a:B", f"{ID}[debug]"]
    (tmp_path / "scheduling").mkdir()  # which pytest would take for a path
    assert ID in told("scheduling", "--subject", "a:B")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", ID], "'loopcheck init MODULE:NAME' writes one, or name a loop with --subject MODULE:NAME"),
        (["run", "schedulin", "--subject", "a:B"], "did you mean 'scheduling'?"),
        (["run", "*::nonsense", "--subject", "a:B"], "'*::nonsense' names no check of this Python"),
        (["run", "--subject", "uvloop"], "expected MODULE:NAME, such as uvloop:new_event_loop; found 'uvloop'"),
        (["run", "--soak", "0"], "expected how many times to run; found '0'"),
        (["run", "--soak", "2", "--watch"], "not allowed with argument"),
        (["list", "--", "-x"], "'loopcheck list' does not run pytest: there can be nothing after --"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as error:
        status = int(error.code or 0)

    assert status == 4
    assert words in capsys.readouterr().err


# soak


@pytest.mark.parametrize(
    ("failed", "runs", "low", "high"), [(0, 10, 0.0, 0.278), (1, 10, 0.018, 0.404), (5, 10, 0.237, 0.763)]
)
def test_the_interval_is_wilsons(failed: int, runs: int, low: float, high: float) -> None:
    assert soak.interval(failed, runs) == pytest.approx((low, high), abs=0.001)
    assert soak.interval(runs - failed, runs) == pytest.approx((1 - high, 1 - low), abs=0.001)


def test_a_tally_has_rates_and_what_ran_before() -> None:
    good, bad = {"outcome": "passed"}, {"outcome": "failed", "alone": "passed", "after": "a::z"}
    runs = [
        Run("", {}, {"a::b": good, "a::c": bad, "a::d": {"outcome": "hang"}}, True),
        Run("", {}, {"a::b": good, "a::c": good, "a::d": {"outcome": "hang"}}, True),
    ]
    found = soak.tally(runs, lambda record: record["outcome"] != "passed")

    assert list(found) == ["a::d", "a::c"]
    assert found["a::c"].rate == "1 of 2 (1 failed): 50%, between 9% and 91%"
    assert found["a::c"].before == {"a::z": 1}


def test_pairs_are_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "spoilt_by_tasks.py").write_text(
        "import asyncio\n"
        "class Handle(asyncio.Handle):\n"
        "    def cancel(self):\n"
        "        Loop.spoilt or super().cancel()\n"
        "class Loop(asyncio.SelectorEventLoop):\n"
        "    spoilt = False\n"
        "    def create_task(self, *arguments, **options):\n"
        "        Loop.spoilt = True\n"
        "        return super().create_task(*arguments, **options)\n"
        "    def call_soon(self, callback, *args, context=None):\n"
        "        self._check_closed()\n"
        "        handle = Handle(callback, args, self, context)\n"
        "        self._ready.append(handle)\n"
        "        return handle\n"
    )
    monkeypatch.chdir(tmp_path)
    victim, culprit = "scheduling::handle_cancel_prevents_run", "tasks::create_task_not_synchronous"
    pairs = [(culprit, victim), (ID, victim)]

    assert soak.confirmed("spoilt_by_tasks:Loop", pairs) == [(culprit, victim)]


def test_a_soak_runs_in_any_order_and_tells_the_rates(tmp_path: Path) -> None:
    wanted = ("scheduling::handle_cancel_prevents_run", "scheduling::call_soon_fifo_order")
    said = loopcheck(
        "run", "--soak", "2", "--subject", "runs_cancelled_callbacks:Loop", "-n", "0", *wanted, cwd=tmp_path, status=1
    )

    assert said.startswith("run 1 of 2: 1 of 2 checks failed\nrun 2 of 2: 1 of 2 checks failed\n")
    assert "  scheduling::handle_cancel_prevents_run: 2 of 2 (2 failed): 100%, between 34% and 100%\n" in said
    assert said.endswith("1 failed every time, 0 sometimes; what never failed has a rate below 66%\n")


# watch


def test_a_change_of_the_subject_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("watchdog")
    from loopcheck.watching import changes, files_of

    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with changes(files_of("watched:Loop")) as wait:
        (tmp_path / "another.py").write_text("")
        told: list[str] = []
        waiting = threading.Thread(target=lambda: told.append(wait()))
        waiting.start()
        (tmp_path / "watched" / "loop.py").write_text("x = 1")
        waiting.join(30)

    assert told == [os.path.realpath(tmp_path / "watched" / "loop.py")]


def test_without_watchdog_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from loopcheck.watching import changes

    monkeypatch.setitem(sys.modules, "watchdog.events", None)

    with pytest.raises(Mistake, match=r"pip install 'loopcheck\[watch\]'"), changes([tmp_path]):
        pass


def test_a_subject_that_there_is_not_cannot_be_watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from loopcheck.watching import files_of

    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match="there is no module 'nonesuch'"):
        files_of("nonesuch.loops:Loop")
