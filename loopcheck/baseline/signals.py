"""Signal handlers that run as ordinary callbacks.

The interpreter's own C handler writes each signal's number into a descriptor of our choice: the self-pipe.
So a signal wakes the selector like any other event, at any moment, and the callback never interrupts anything.
The interpreter writes the number only for signals with a Python handler, which is why an empty one is installed.

The descriptor is the interpreter's only while there is a handler of ours: it belongs to the program otherwise, and
asyncio's loop leaves it alone as well.
The price is that a signal without a handler of ours, such as Ctrl-C, ends the selector's wait by interrupting the
system call; one that arrives in the instant before the call is noticed at the next event only.
"""

from __future__ import annotations

import asyncio
import inspect
import selectors
import signal
from collections.abc import Callable
from typing import Any

from .contract import logger
from .watchers import FdWatching


def _noop(signum: int, frame: object) -> None:
    """Stand for a handler; the work is done when the loop reads the signal's number."""


class SignalHandling(FdWatching):
    """add_signal_handler() and remove_signal_handler()."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        # Before the selector is made: if that fails, __del__ closes the loop and asks for the handlers.
        self._signal_handlers: dict[int, asyncio.Handle] = {}
        super().__init__(selector)

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]  # typeshed uses TypeVarTuple
        """Call *callback* in the loop when the process gets signal *sig*; main thread only."""
        if inspect.iscoroutinefunction(callback) or asyncio.iscoroutine(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        _check_signal(sig)
        self._check_closed()
        assert self._wake_sender is not None
        try:
            # The interpreter refuses this outside the main thread: ask before anything has changed.
            signal.set_wakeup_fd(self._wake_sender.fileno())
        except (ValueError, OSError) as exc:
            raise RuntimeError(str(exc)) from exc
        self._signal_handlers[sig] = asyncio.Handle(callback, args, self, None)
        try:
            signal.signal(sig, _noop)
            # Restart system calls of code that knows nothing of this loop, rather than fail them with EINTR.
            signal.siginterrupt(sig, False)
        except OSError as exc:
            del self._signal_handlers[sig]
            self._restore_wakeup_fd()
            raise RuntimeError(f"sig {sig} cannot be caught") from exc

    def remove_signal_handler(self, sig: int) -> bool:
        """Give *sig* its default meaning back; returns whether there was a handler."""
        _check_signal(sig)
        handle = self._signal_handlers.pop(sig, None)
        if handle is None:
            return False
        # The signal may have arrived and its callback may be queued: removed means not called any more.
        handle.cancel()
        signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        self._restore_wakeup_fd()
        return True

    def _restore_wakeup_fd(self) -> None:
        """Take our descriptor back from the interpreter once no handler needs it."""
        if self._signal_handlers:
            return
        try:
            signal.set_wakeup_fd(-1)
        except (ValueError, OSError) as exc:
            logger.info("set_wakeup_fd(-1) failed: %s", exc)

    def _remove_signal_handlers(self) -> None:
        """Remove them all, for close(): before the self-pipe goes, or a signal would be written into nothing."""
        for sig in list(self._signal_handlers):
            self.remove_signal_handler(sig)

    def _woken_by(self, data: bytes) -> None:
        for number in data:
            if number and (handle := self._signal_handlers.get(number)) is not None:
                self._add_callback_signalsafe(handle)


def _check_signal(sig: object) -> None:
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
