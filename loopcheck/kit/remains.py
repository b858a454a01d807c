"""What is left in the process: open descriptors, resident memory, and objects that should be gone."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import resource
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from loopcheck.kit.bench import Bench, tool


def open_descriptors() -> int:
    """How many descriptors the process has open; the one that looks is counted too, each time."""
    return len(os.listdir("/dev/fd"))


def resident() -> int:
    """The bytes of memory that the process occupies; where the system does not tell, the most it ever did."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def rise(cycle: Callable[[], Any], measure: Callable[[], int], rounds: int) -> list[int]:
    """By how much each of some rounds raises what is measured, after one round that does not count.

    What something sets up for good when it is first used is in the round that does not count.
    """
    cycle()
    marks = [measure()]
    for _ in range(rounds):
        cycle()
        marks.append(measure())
    return [later - earlier for earlier, later in itertools.pairwise(marks)]


async def rise_of_descriptors(cycle: Callable[[], Awaitable[Any]], rounds: int) -> int:
    """How many descriptors more are open after some rounds of what is awaited, after one that does not count."""
    await cycle()
    gc.collect()
    before = open_descriptors()
    for _ in range(rounds):
        await cycle()
    return open_descriptors() - before


class Remembered:
    """Weak references by name, to things that are expected to go; those that cannot be referenced weakly are left out.

    That they cannot is for checks of its own (``introspection::transport_weakrefable``).
    """

    def __init__(self, **things: Any) -> None:
        self._references: dict[str, weakref.ref[Any]] = {}
        for name, thing in things.items():
            with contextlib.suppress(TypeError):
                self._references[name] = weakref.ref(thing)

    def alive(self) -> list[str]:
        """The names of those that still are there."""
        return [name for name, reference in self._references.items() if reference() is not None]

    def alive_after_collection(self) -> list[str]:
        """The names of those that a garbage collection does not free."""
        gc.collect()
        return self.alive()


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """In the block no garbage is collected: what goes there is in no reference cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Companion:
    """Something to be passed as an argument or to own a callback, and to be waited for to go."""

    def act(self, *ignored: Any) -> None:
        """Do nothing: a callback."""


class Scarcity:
    """Takes away all the descriptors that the process may still open, and gives them back."""

    def __init__(self) -> None:
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._taken: list[int] = []

    def exhaust(self) -> None:
        """From now on whatever opens a descriptor gets EMFILE."""
        highest = max(int(name) for name in os.listdir("/dev/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(highest + 8, self._limits[1]), self._limits[1]))
        with contextlib.suppress(OSError):
            while True:
                self._taken.append(os.dup(0))

    def free(self) -> None:
        """Give them back."""
        for one in self._taken:
            os.close(one)
        self._taken.clear()
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)

    def allow(self, number: int) -> None:
        """Let the process have so many open at the same time."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(number, self._limits[0]), self._limits[1]))


@tool
def scarcity(bench: Bench) -> Iterator[Scarcity]:
    """What takes away all descriptors that are left, and gives them back, after the check in any case."""
    made = Scarcity()
    yield made
    made.free()
