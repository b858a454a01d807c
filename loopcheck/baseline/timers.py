"""Which timer is due next.

Plain objects: nothing here knows a loop or a clock; a time is a number that whoever asks brings along.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Any

CLEAN_FROM = 100
"""With no more timers than this, cancelled ones are not worth a search."""

CLEAN_AT = 0.5
"""The part of all timers that may be cancelled ones; both are asyncio's numbers."""


class Timers:
    """Timers in the order in which they are due; those of one moment in the order in which they were added.

    The facts about the world: most timers are time-outs, and most time-outs are cancelled.
    So cancelling only counts, in ``cancelled``, and the queue is searched once more than half of it is cancelled.

    A timer is a ``TimerHandle``: ``_when`` and ``_cancelled`` are read, and ``_scheduled`` says that it is in
    here and would count itself if it were cancelled; what is cancelled may keep it.
    """

    __slots__ = ("_numbers", "cancelled", "heap")

    def __init__(self) -> None:
        # Tuples are compared without running Python code, and the number decides before the timer is looked at.
        self.heap: list[tuple[float, int, Any]] = []
        self._numbers = itertools.count()
        # How many in here are cancelled: a timer that is ``_scheduled`` counts itself.
        self.cancelled = 0

    def __len__(self) -> int:
        """How many are in here, cancelled ones included."""
        return len(self.heap)

    def add(self, timer: Any) -> None:
        """Keep *timer* until it is due."""
        heapq.heappush(self.heap, (timer._when, next(self._numbers), timer))
        timer._scheduled = True

    def next(self) -> float | None:
        """When the next one is due; None when nobody waits.  To be asked in every turn, or cancelled ones pile up."""
        heap = self.heap
        if len(heap) > CLEAN_FROM and self.cancelled > CLEAN_AT * len(heap):
            self._clean()
            heap = self.heap
        while heap:
            when, _, timer = heap[0]
            if not timer._cancelled:
                return when
            heapq.heappop(heap)
            self.cancelled -= 1
        return None

    def due(self, until: float) -> list[Any]:
        """Take out those that are due before *until*."""
        heap = self.heap
        found = []
        while heap and heap[0][0] < until:
            timer = heapq.heappop(heap)[2]
            if timer._cancelled:
                self.cancelled -= 1
            else:
                timer._scheduled = False
                found.append(timer)
        return found

    def clear(self) -> None:
        """Forget them all."""
        self.heap.clear()
        self.cancelled = 0

    def _clean(self) -> None:
        """Let the cancelled ones go."""
        self.heap = [entry for entry in self.heap if not entry[2]._cancelled]
        heapq.heapify(self.heap)
        self.cancelled = 0
