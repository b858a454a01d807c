"""How slow this machine is just now, measured on the control."""

from __future__ import annotations

import threading
import time

from loopcheck import subject

_REFERENCE = 0.012
"""Seconds that :func:`_work` takes on the idle machine on which the default limits were chosen, rounded up."""

_MOST = 20.0
"""However slow the machine, no limit grows beyond this many times."""


def slowness() -> float:
    """How many times slower this machine is than the one the limits were made for: 1.0 to 20.0."""
    started = time.perf_counter()
    _work()
    return min(_MOST, max(1.0, (time.perf_counter() - started) / _REFERENCE))


def _work() -> None:
    loop = subject.control()
    try:
        for _ in range(20):
            thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(loop.stop))
            thread.start()
            loop.run_forever()
            thread.join()
        for _ in range(300):
            loop.call_soon(loop.stop)
            loop.run_forever()
    finally:
        loop.close()
