"""Settings: what a check finds in each, by the control."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from loopcheck import kit
from loopcheck.check import Entry, catalogue
from loopcheck.settings import SETTINGS


def perform(function: Callable[..., Any], setting: str) -> kit.Bench:
    """Run a check of this test's on the control."""
    bench = kit.Bench(asyncio.SelectorEventLoop, 5.0, setting)
    kit.perform(Entry("gh-1", "must", function=function, area="invented", name="it", setting=setting), bench)
    return bench


def seen_in(setting: str) -> dict[str, Any]:
    """What an ``async def`` check can tell about its surroundings."""
    seen: dict[str, Any] = {}

    async def look(loop: Any, new_loop: Any, loop_factory: Any, new_future: Any) -> None:
        async def nothing() -> None: ...

        task = asyncio.ensure_future(nothing())
        seen.update(
            debug=(loop.get_debug(), new_loop().get_debug()),
            main=threading.current_thread() is threading.main_thread(),
            eager=task.done(),
            tasks=type(asyncio.current_task()).__module__,
            futures=type(new_future()).__module__,
        )
        made = loop_factory()
        seen["debug"] += (made.get_debug(),)
        made.close()
        await task

    bench = perform(look, setting)
    assert all(loop.is_closed() for loop in bench.loops)
    return seen | {"loops": len(bench.loops)}


PLAIN = {
    "debug": (False, False, False),
    "main": True,
    "eager": False,
    "tasks": "_asyncio",
    "futures": "_asyncio",
    "loops": 2,
}

DIFFERS: dict[str, dict[str, Any]] = {
    "debug": {"debug": (True, True, True)},
    "other-thread": {"main": False},
    "eager-tasks": {"eager": sys.version_info >= (3, 12)},
    "python-tasks": {"tasks": "asyncio.tasks", "futures": "asyncio.futures"},
    "second-loop": {"loops": 3},
}


@pytest.mark.parametrize("setting", ["", *SETTINGS])
def test_setting_is_what_it_says(setting: str) -> None:
    if setting == "eager-tasks" and sys.version_info < (3, 12):
        pytest.skip("there are no eager tasks yet")
    assert seen_in(setting) == PLAIN | DIFFERS.get(setting, {})


def test_runner_runs_and_closes_the_loop() -> None:
    ran: list[bool] = []

    async def look(loop: Any) -> None:
        frame: Any = sys._getframe()
        while frame is not None:
            ran.append(frame.f_code.co_filename.endswith("asyncio/runners.py"))
            frame = frame.f_back

    bench = perform(look, "runner")

    assert any(ran)
    assert [loop.is_closed() for loop in bench.loops] == [True]


@pytest.mark.parametrize("setting", ["", "other-thread", "runner"])
def test_failure_comes_out_of_every_setting(setting: str) -> None:
    async def fail(loop: Any) -> None:
        raise AssertionError("this is it")

    with pytest.raises(AssertionError, match="this is it"):
        perform(fail, setting)


def test_setting_narrows_the_versions() -> None:
    eager = [entry for entry in catalogue() if entry.setting == "eager-tasks"]

    assert eager
    assert not any(entry.applies("3.11.7") for entry in eager)
