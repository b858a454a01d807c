"""Noticing that a child process ended.

Two ways, chosen by what the system offers.
A pidfd (Linux 5.3) becomes readable when its process ends, so the selector does the waiting, in whatever thread the
loop runs.  Elsewhere one thread per child waits.
Both leave the child unreaped until the loop's own thread does it: as long as nobody reaped the child, its number
cannot be given to another process, and kill() cannot hit a stranger.
Neither touches SIGCHLD, which belongs to the program.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .contract import logger

if TYPE_CHECKING:
    from .watchers import FdWatching

UNKNOWN_STATUS = 255
"""Reported when somebody else reaped the child, and its status with it."""


class ChildWatch:
    """Tells one loop of the end of its children."""

    def __init__(self, loop: FdWatching) -> None:
        self._loop = loop
        self._pidfds: set[int] = set()

    def watch(self, child: subprocess.Popen[Any], ended: Callable[[], None]) -> None:
        """Call *ended* in the loop once *child* can be reaped."""
        try:
            pidfd = os.pidfd_open(child.pid)
        except (AttributeError, OSError):
            # No such call here, forbidden in this sandbox, or no descriptor left.
            threading.Thread(
                target=self._wait_in_thread, args=(child, ended), name=f"waitpid-{child.pid}", daemon=True
            ).start()
            return
        self._pidfds.add(pidfd)
        self._loop._add_reader(pidfd, self._pidfd_ready, pidfd, ended)

    def close(self) -> None:
        """Give the descriptors back; the loop is closing, and forgets its watches itself."""
        while self._pidfds:
            os.close(self._pidfds.pop())

    def _pidfd_ready(self, pidfd: int, ended: Callable[[], None]) -> None:
        self._loop._remove_reader(pidfd)
        self._pidfds.discard(pidfd)
        os.close(pidfd)
        ended()

    def _wait_in_thread(self, child: subprocess.Popen[Any], ended: Callable[[], None]) -> None:
        if hasattr(os, "waitid"):
            # Reaped by somebody else?  The loop finds out in the same way.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        else:
            child.wait()
        try:
            self._loop.call_soon_threadsafe(ended)
        except RuntimeError:
            exit_status(child)
            logger.warning("Loop %r that handles pid %r is closed", self._loop, child.pid)


def exit_status(child: subprocess.Popen[Any]) -> int:
    """Reap an ended *child*; returns its exit status, or the negative number of the signal that killed it."""
    if child.returncode is not None:
        # Popen.poll() was quicker: a transport calls it when it is closed.
        return int(child.returncode)
    try:
        _, status = os.waitpid(child.pid, 0)
    except ChildProcessError:
        logger.warning(
            "child process pid %d exit status already read:  will report returncode %d", child.pid, UNKNOWN_STATUS
        )
        return UNKNOWN_STATUS
    try:
        return os.waitstatus_to_exitcode(status)
    except ValueError:
        return status  # Neither exited nor killed: hand on what we do not understand.
