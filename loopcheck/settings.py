"""The settings in which a check may run, besides the plain one: a closed list, each with a sentence.

A check is declared once; a table at the end of its area's file (:func:`loopcheck.check.also_in`) says in which
settings it must hold too. There it has an id of its own, ``area::name[setting]``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """One way of running a check."""

    name: str
    sentence: str
    """What is different from the plain run, in one sentence."""
    python: str = ""
    """The Python versions that have it, as a version specifier; empty for all."""
    coroutines_only: bool = False
    """Whether it says how a loop is run, so that only checks that run inside the loop can have it."""


_SETTINGS = (
    Setting("debug", "The loop is in debug mode."),
    Setting("other-thread", "The check, and with it the loop, runs in another thread than the main one."),
    Setting("runner", "asyncio.Runner makes, runs and closes the loop.", coroutines_only=True),
    Setting("eager-tasks", "asyncio.eager_task_factory makes the loop's tasks.", python=">=3.12"),
    Setting("python-tasks", "Tasks, and futures that the check makes, are of asyncio's pure-Python classes."),
    Setting("first-loop", "No loop of the subject was made in the process before."),
    Setting("second-loop", "Another loop of the subject was run before, and is still open."),
)

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _SETTINGS}
