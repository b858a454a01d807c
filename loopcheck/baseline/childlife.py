"""The life of a child process as its protocol sees it: what is told, in which order, and what must wait.

Plain objects: nothing here knows a process, a pipe or a loop.

The facts about the world: a child may write and end before its pipes are connected, pipes and process end in any
order, and a grandchild may hold a pipe open long after the process.
What we promise: connection_made() first, connection_lost() last, once the process and all its pipes have ended.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .lifetime import WrongMove

Call = tuple[Callable[..., object], tuple[Any, ...]]


class Stage(enum.Enum):
    """What the protocol knows."""

    STARTING = "starting"
    """The pipes are being connected: whatever happens is kept for later."""
    KNOWN = "known"
    """connection_made() is scheduled or done."""
    ENDING = "ending"
    """connection_lost() is scheduled or done."""
    ABANDONED = "abandoned"
    """The pipes could not be connected, and whoever started the child has the failure: nothing is told, ever."""


STAGE_MOVES: Mapping[Stage, frozenset[Stage]] = {
    Stage.STARTING: frozenset({Stage.KNOWN, Stage.ABANDONED}),
    Stage.KNOWN: frozenset({Stage.ENDING}),
    Stage.ENDING: frozenset(),
    Stage.ABANDONED: frozenset(),
}


class ChildLife:
    """Answers a process transport's questions about its own state."""

    __slots__ = ("_held", "_open", "closed", "returncode", "stage")

    def __init__(self, pipes: Iterable[int]) -> None:
        self.stage = Stage.STARTING
        self.returncode: int | None = None
        # Whether the program has closed the transport: it says nothing about the process.
        self.closed = False
        # The pipes that have not ended, by their number in the child.
        self._open = set(pipes)
        self._held: list[Call] = []

    def close(self) -> bool:
        """The program closes; true means that this was new."""
        was_closed, self.closed = self.closed, True
        return not was_closed

    def tell(self, callback: Callable[..., object], *args: Any) -> bool:
        """Whether *callback* may be called now; if not, connected() returns it in its turn."""
        if self.stage is Stage.STARTING:
            self._held.append((callback, args))
        return self.stage is Stage.KNOWN or self.stage is Stage.ENDING

    def connected(self) -> list[Call]:
        """The pipes are connected: the calls that had to wait until after connection_made()."""
        self._move(Stage.KNOWN)
        held, self._held = self._held, []
        return held

    def abandon(self) -> None:
        """The pipes could not be connected."""
        self._move(Stage.ABANDONED)
        self._held.clear()

    def pipe_ended(self, number: int) -> None:
        """One pipe is lost."""
        self._open.discard(number)

    def exited(self, returncode: int) -> None:
        """The process is no more, and was reaped."""
        if self.returncode is not None:
            raise WrongMove(f"exited with {self.returncode} and with {returncode}")
        self.returncode = returncode

    def end(self) -> bool:
        """Whether connection_lost() is due; true once only."""
        if self.stage is not Stage.KNOWN or self.returncode is None or self._open:
            return False
        self._move(Stage.ENDING)
        return True

    def _move(self, to: Stage) -> None:
        if to not in STAGE_MOVES[self.stage]:
            raise WrongMove(f"{self.stage} -> {to}")
        self.stage = to
