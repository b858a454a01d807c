"""Asking the system which descriptors are ready: the place where another loop has its own reactor.

A poller knows the descriptors, who waits for them, and nothing else.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import select
import selectors
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any


class Watch:
    """Who waits for one descriptor.

    An event leads straight to its handles, and a handle can be exchanged without a word to the system.
    Invariant: while watched, at least one of the two handles is there.
    """

    __slots__ = ("fileobj", "reader", "writer")

    def __init__(self, fileobj: Any) -> None:
        # What the program named: an object that was closed since can still be found.
        self.fileobj = fileobj
        self.reader: asyncio.Handle | None = None
        self.writer: asyncio.Handle | None = None

    @property
    def events(self) -> int:
        """The events that somebody waits for, as a bit mask of ``selectors``."""
        return (EVENT_READ if self.reader is not None else 0) | (EVENT_WRITE if self.writer is not None else 0)

    def put(self, event: int, handle: asyncio.Handle | None) -> asyncio.Handle | None:
        """Exchange the handle for *event*; returns the one that was there."""
        if event == EVENT_READ:
            old, self.reader = self.reader, handle
        else:
            old, self.writer = self.writer, handle
        return old


class SelectorPoller:
    """The pollers that Python has for every system, or one that the program brings along."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.watches: dict[int, Watch] = {}
        self._selector = selector

    def add(self, fd: int, events: int, watch: Watch) -> None:
        """Watch a new descriptor; OSError when it is closed, or nothing that can be watched."""
        self._selector.register(fd, events, watch)
        self.watches[fd] = watch

    def change(self, fd: int, events: int) -> None:
        """Watch a descriptor for other events."""
        try:
            self._selector.modify(fd, events, self.watches[fd])
        except BaseException:
            # Somebody closed the descriptor behind our back, and the system forgot it: the selector has
            # dropped its key by now, so drop ours, and the next attempt starts afresh.
            self.watches.pop(fd, None)
            raise

    def remove(self, fd: int) -> None:
        """Watch it no more; it may be closed by now."""
        del self.watches[fd]
        self._selector.unregister(fd)

    def wait(self, timeout: float | None, ready: collections.deque[asyncio.Handle]) -> None:
        """Wait for something, at most *timeout* seconds or for ever, and queue its handles, readers first."""
        for key, events in self._selector.select(timeout):
            watch = key.data
            if events & EVENT_READ and watch.reader is not None:
                ready.append(watch.reader)
            if events & EVENT_WRITE and watch.writer is not None:
                ready.append(watch.writer)

    def close(self) -> None:
        """Give the system's descriptor back, and let go of whoever waits."""
        self._selector.close()
        self.watches.clear()


class EpollPoller:
    """The same over Linux's epoll, without a selector between: what lies between is paid in every turn."""

    def __init__(self) -> None:
        self.watches: dict[int, Watch] = {}
        self._epoll = select.epoll()
        self._codes = {
            EVENT_READ: select.EPOLLIN,
            EVENT_WRITE: select.EPOLLOUT,
            EVENT_READ | EVENT_WRITE: select.EPOLLIN | select.EPOLLOUT,
        }
        # An error or a hang-up is told to both: trying to read or to write finds out what it is.
        self._for_reader, self._for_writer = ~select.EPOLLOUT, ~select.EPOLLIN

    def add(self, fd: int, events: int, watch: Watch) -> None:
        """Watch a new descriptor; OSError when it is closed, or nothing that can be watched."""
        self._epoll.register(fd, self._codes[events])
        self.watches[fd] = watch

    def change(self, fd: int, events: int) -> None:
        """Watch a descriptor for other events."""
        try:
            self._epoll.modify(fd, self._codes[events])
        except BaseException:
            # Somebody closed the descriptor behind our back, and the system forgot it: the next attempt starts afresh.
            del self.watches[fd]
            raise

    def remove(self, fd: int) -> None:
        """Watch it no more; it may be closed by now."""
        del self.watches[fd]
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)

    def wait(self, timeout: float | None, ready: collections.deque[asyncio.Handle]) -> None:
        """Wait for something, at most *timeout* seconds or for ever, and queue its handles, readers first."""
        watches = self.watches
        for fd, code in self._epoll.poll(timeout, len(watches) or 1):
            # A descriptor that was closed behind our back lives on in the system while it has a duplicate.
            if (watch := watches.get(fd)) is None:
                continue
            if code & self._for_reader and watch.reader is not None:
                ready.append(watch.reader)
            if code & self._for_writer and watch.writer is not None:
                ready.append(watch.writer)

    def close(self) -> None:
        """Give the system's descriptor back, and let go of whoever waits."""
        self._epoll.close()
        self.watches.clear()


Poller = SelectorPoller | EpollPoller


def poller(selector: selectors.BaseSelector | None) -> Poller:
    """The best for this system, or *selector* if there is one."""
    if selector is None and hasattr(select, "epoll"):
        return EpollPoller()
    return SelectorPoller(selectors.DefaultSelector() if selector is None else selector)
