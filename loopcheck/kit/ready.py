"""Which descriptors are ready. Not by select(), which takes none above 1,023: a loop may leave more open than that."""

from __future__ import annotations

import errno
import os
import select
from typing import Protocol, TypeVar


class HasFileno(Protocol):
    """What has a descriptor."""

    def fileno(self) -> int:
        """Its number."""


F = TypeVar("F", bound=int | HasFileno)


def readable(*files: F, timeout: float = 0) -> list[F]:
    """Those of some descriptors that can be read, or have ended; wait so many seconds for the first of them.

    Raises:
        OSError: one of them is closed.
    """
    return _ready(files, select.POLLIN, timeout)


def writable(*files: F, timeout: float = 0) -> list[F]:
    """Those of some descriptors that can be written, or have an error; wait so many seconds for the first of them.

    Raises:
        OSError: one of them is closed.
    """
    return _ready(files, select.POLLOUT, timeout)


def _ready(files: tuple[F, ...], event: int, timeout: float) -> list[F]:
    poll = select.poll()
    for file in files:
        poll.register(file, event)
    found = dict(poll.poll(timeout * 1000))
    if any(events & select.POLLNVAL for events in found.values()):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return [file for file in files if (file if isinstance(file, int) else file.fileno()) in found]
