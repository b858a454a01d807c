"""Time in checks: lower bounds on the loop's own clock, blocking on purpose, and the processor time of idleness."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

CLOCK_SLACK = max(time.get_clock_info("monotonic").resolution, 1e-6)
"""How much too early, in seconds, no check complains: one clock resolution, or the rounding of large floats."""

OWN_CLOCK_GRAIN = 0.001
"""The coarsest clock, in seconds, that a loop may have before checks that compare two of its readings complain."""

SPINNING = 0.05
"""The share of a processor that a loop uses which does not sleep, or more: that little on a very busy machine."""

SPELLS = (0.02, 0.2)
"""Seconds to watch an idle loop for: where the first do not show that it sleeps, the others decide."""


def block(seconds: float) -> None:
    """Keep this thread, and so its loop, from doing anything else."""
    until = time.monotonic() + seconds
    while (rest := until - time.monotonic()) > 0:
        time.sleep(rest)


def idleness(wait: Callable[[], Any]) -> float:
    """The share of the time that ``wait`` took in which this process used a processor; 1 is a busy loop."""
    began, used = time.monotonic(), time.process_time()
    wait()
    return (time.process_time() - used) / (time.monotonic() - began)


async def idle_share() -> float:
    """How much of a processor this process used while the loop had nothing to do, from 0 to 1.

    Where a short spell does not show that it was next to none, something else in the process may have been at work.
    """
    for spell in SPELLS:
        before, started = time.process_time(), time.monotonic()
        await asyncio.sleep(spell)
        share = (time.process_time() - before) / (time.monotonic() - started)
        if share < SPINNING / 2:
            break
    return share
