"""What a word of the language is, and where words may stand."""

from __future__ import annotations

from dataclasses import dataclass

MAIN, CALLBACK, TASK, GENERATOR, THREAD, TIMER = ("main", "callback", "task", "generator", "thread", "timer")
"""Where a step stands: outside of the running loop, in a callback, a task, an async generator, another thread, or in
the callback of a timer, of which only is told that it ran."""

SCRIPT, TURN, MOMENT = ("script", "turn", "moment")
"""The same for programs with input and output: outside of the running loop, which then runs until nothing happens any
more; in a callback or task, of which nothing else is told; in what a loop calls for one connection."""

PLACES = (MAIN, CALLBACK, TASK, GENERATOR, THREAD, TIMER, SCRIPT, TURN, MOMENT)

SYNC = (MAIN, CALLBACK, TASK, GENERATOR)
INSIDE = (CALLBACK, TASK, GENERATOR)
ASYNC = (TASK, GENERATOR)


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a program can do."""

    name: str
    code: str
    """An expression of Python: ``{0}``, ``{1}``, ... are its holes, ``{me}`` what it makes, ``{body}`` the function
    that has its body."""
    holes: tuple[str, ...] = ()
    """What fills each hole: a kind of thing that was made before, or a kind of value from :data:`VALUES`."""
    where: tuple[str, ...] = SYNC
    """The places in which it may stand."""
    makes: str = ""
    """The letter of what it makes, by which it is known from then on."""
    body: str = ""
    """The place that its body is; empty for those that have none, "block" for a block in the same place."""
    form: str = "call"
    """How it is carried out: "call", "await", "raise", "yield", or as a block: "async with", "async for", "try"; or
    "start": as a task of its own."""
    weight: int = 1
    """How often it is drawn, compared with others."""
    costly: bool = False
    """Whether it takes much longer than others, and is drawn only in programs that are about it."""
    since: tuple[int, int] = (3, 11)
    """The first Python that has it."""
