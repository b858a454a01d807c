"""Watching descriptors, and being woken up: the part of the loop that talks to the poller."""

from __future__ import annotations

import asyncio
import selectors
import socket
import weakref
from collections.abc import Callable
from contextvars import Context
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any, Protocol

from .contract import logger
from .polling import Watch, poller
from .scheduling import Handle, Scheduling

if TYPE_CHECKING:
    from .transport import SocketTransport


class HasFileno(Protocol):
    """A file, a socket, a pipe: anything with a descriptor."""

    def fileno(self) -> int:
        """Return the descriptor."""


FileDescriptor = int | HasFileno


class FdWatching(Scheduling):
    """The poller, the self-pipe, and the four methods for watching descriptors."""

    # Set before anything can fail: __del__ closes a loop that was never finished.
    _wake_receiver: socket.socket | None = None
    _wake_sender: socket.socket | None = None

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__()
        # Who owns which descriptor.  Weak, so that a transport nobody refers to is still found unclosed.
        self._transports: weakref.WeakValueDictionary[int, SocketTransport] = weakref.WeakValueDictionary()
        self._poller = poller(selector)
        self._open_self_pipe()

    # --- being woken up

    def _open_self_pipe(self) -> None:
        """Make the pair of sockets through which other threads, and signals, end a wait in the selector.

        A socket pair and not a pipe: ``signal.set_wakeup_fd()`` takes any descriptor, but Windows selectors
        watch sockets only.
        """
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        self._wake_receiver, self._wake_sender = receiver, sender
        self._add_reader(receiver.fileno(), self._read_from_self)

    def _close_self_pipe(self) -> None:
        receiver, sender = self._wake_receiver, self._wake_sender
        # Other threads may be in _write_to_self() right now: first make the sender unreachable, then close it.
        self._wake_receiver = self._wake_sender = None
        if receiver is not None:
            self._remove_reader(receiver.fileno())
            receiver.close()
        if sender is not None:
            sender.close()

    def _write_to_self(self) -> None:
        """Wake the loop up; any thread may call this at any time, also a signal handler."""
        sender = self._wake_sender
        if sender is None:
            return
        try:
            sender.send(b"\0")
        except OSError:
            # A full pipe will wake the loop without our byte; a closed one means that the loop is closed.
            if self._debug:
                logger.debug("Fail to write a null byte into the self-pipe socket", exc_info=True)

    def _read_from_self(self) -> None:
        """Empty the self-pipe, handing on what is more than a wake-up."""
        while (receiver := self._wake_receiver) is not None:
            try:
                data = receiver.recv(4096)
            except InterruptedError:
                continue
            except BlockingIOError:
                return
            if not data:
                return
            self._woken_by(data)

    def _woken_by(self, data: bytes) -> None:
        """Handle the bytes found in the self-pipe: zeros from threads, signal numbers from the interpreter."""

    # --- descriptors

    def add_reader(self, fd: FileDescriptor, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]  # typeshed uses TypeVarTuple
        """Call *callback* whenever *fd* is readable, in place of an earlier one."""
        self._watch(self._free_fd(fd), EVENT_READ, Handle(callback, args, self, None), fd)

    def remove_reader(self, fd: FileDescriptor) -> bool:
        """Stop watching *fd* for reading; returns whether it was watched."""
        return self._unwatch(self._watched_fd(fd), EVENT_READ)

    def add_writer(self, fd: FileDescriptor, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]  # typeshed uses TypeVarTuple
        """Call *callback* whenever *fd* is writable, in place of an earlier one."""
        self._watch(self._free_fd(fd), EVENT_WRITE, Handle(callback, args, self, None), fd)

    def remove_writer(self, fd: FileDescriptor) -> bool:
        """Stop watching *fd* for writing; returns whether it was watched."""
        return self._unwatch(self._watched_fd(fd), EVENT_WRITE)

    def _free_fd(self, fd: FileDescriptor) -> int:
        """The number behind *fd*, which must not belong to an open transport.

        Two parties waiting for one descriptor would steal each other's events, so this is refused.
        A closing transport no longer reads: then the number may already be somebody else's.
        """
        if isinstance(fd, int):
            number = fd
        else:
            try:
                number = int(fd.fileno())
            except (AttributeError, TypeError, ValueError):
                raise ValueError(f"Invalid file object: {fd!r}") from None
        owner = self._transports.get(number)
        if owner is not None and not owner.is_closing():
            raise RuntimeError(f"File descriptor {fd!r} is used by transport {owner!r}")
        return number

    def _watched_fd(self, fd: FileDescriptor) -> int:
        """The number under which *fd* is watched, also when the object has been closed since and lost it."""
        number = self._free_fd(fd)
        if number < 0 and not self.is_closed():
            for known, watch in self._poller.watches.items():
                if watch.fileobj is fd:
                    return known
            raise ValueError(f"Invalid file descriptor: {number}")
        return number

    # The loop's own side of the same, without the question who owns the descriptor.

    def _add_reader(
        self, fd: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self._watch(fd, EVENT_READ, Handle(callback, args, self, context))

    def _remove_reader(self, fd: int) -> bool:
        return self._unwatch(fd, EVENT_READ)

    def _add_writer(
        self, fd: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self._watch(fd, EVENT_WRITE, Handle(callback, args, self, context))

    def _remove_writer(self, fd: int) -> bool:
        return self._unwatch(fd, EVENT_WRITE)

    def _watches_for(self, fd: int, event: int) -> bool:
        """Whether somebody waits for *event* on *fd*: for a transport's repr()."""
        watch = self._poller.watches.get(fd)
        return watch is not None and bool(watch.events & event)

    def _watch(
        self, fd: int, event: int, handle: asyncio.Handle, fileobj: FileDescriptor | None = None
    ) -> asyncio.Handle:
        self._check_closed()
        watch = self._poller.watches.get(fd)
        if watch is None:
            watch = Watch(fd if fileobj is None else fileobj)
            self._poller.add(fd, event, watch)
        elif not watch.events & event:
            self._poller.change(fd, EVENT_READ | EVENT_WRITE)
        old = watch.put(event, handle)
        if old is not None:
            # It may already be in the queue of this turn: whoever was replaced must not be called again.
            old.cancel()
        return handle

    def _unwatch(self, fd: int, event: int) -> bool:
        watch = self._poller.watches.get(fd)
        if watch is None:
            return False
        old = watch.put(event, None)
        if old is None:
            return False
        old.cancel()
        if left := watch.events:
            self._poller.change(fd, left)
        else:
            self._poller.remove(fd)
        return True
