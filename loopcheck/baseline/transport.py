"""What all transports over a socket share: the life cycle, flow control, and giving the socket back."""

from __future__ import annotations

import asyncio
import socket
import warnings
from asyncio import transports, trsock
from collections.abc import Callable, Mapping
from contextvars import Context
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any

from .contract import logger, settle
from .flow import DatagramQueue, FlowControl, Pressure, WriteBuffer
from .lifetime import Lifetime, Phase
from .versions import SERVER_COUNTS_TRANSPORTS

if TYPE_CHECKING:
    from .watchers import FdWatching

MAX_READ = 120 * 1024
"""Most bytes for one recv().

One greedy peer holds up the others for no longer than it takes to handle this much.
recv() allocates that many bytes in advance, however few come.
From 128 KiB on, glibc asks the system for them and gives them back, which takes longer than reading a small message:
asyncio, with its 256 KiB, pays for that until a connection has ended, whereupon glibc keeps what it gets.
"""


class FlowControlled(transports._FlowControlMixin):
    """Tells the protocol to pause and to resume writing.

    ``BaseEventLoop`` sends files through any transport that is a ``_FlowControlMixin``, and then reads
    ``_protocol_paused``.  That is all we take from the class; the decisions are ``FlowControl``'s.
    """

    # The mixin has slots, and so 3.13 finds in a dictionary only the long way what we add: that remains for programs,
    # which hang on a transport what they like.
    __slots__ = ("__dict__", "__weakref__", "_flow", "_protocol")

    _loop: FdWatching
    _protocol: Any
    _extra: dict[str, Any]

    def __init__(self, loop: FdWatching, protocol: Any, extra: Mapping[str, Any] | None) -> None:
        # Not the mixin's own __init__: it would set up a second, unused pair of water marks.
        super(transports._FlowControlMixin, self).__init__(dict(extra) if extra else None)
        self._loop = loop
        self._protocol = protocol
        self._flow = FlowControl()

    @property
    def _protocol_paused(self) -> bool:
        return self._flow.pressure is Pressure.PAUSED

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the water marks, the low one first."""
        return self._flow.low, self._flow.high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the water marks; a mark that is left out follows from the other one."""
        self._flow.set_limits(high, low)
        self._maybe_pause_protocol()

    def _maybe_pause_protocol(self) -> None:
        """To be called whenever the buffer has grown."""
        if self._flow.grew(self.get_write_buffer_size()):
            self._tell("pause_writing")

    def _maybe_resume_protocol(self) -> None:
        """To be called whenever the buffer has shrunk; the protocol may write, close or abort in it."""
        if self._flow.shrank(self.get_write_buffer_size()):
            self._tell("resume_writing")

    def _tell(self, what: str) -> None:
        # write() is the caller's code: a mistake in the protocol must not surface there.
        try:
            getattr(self._protocol, what)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(f"protocol.{what}() failed", exc)

    def _report(self, message: str, exc: BaseException) -> None:
        self._loop.call_exception_handler(
            {"message": message, "exception": exc, "transport": self, "protocol": self._protocol}
        )


class SocketTransport(FlowControlled):
    """A transport that owns a socket.

    The owner of the descriptor is the loop's table of transports, and nothing else keeps an idle transport
    alive but the handle that reads for it: drop a paused one, and its ``__del__`` complains.
    No attribute refers back to the transport, so an ended one dies without the garbage collector.
    """

    __slots__ = ("_buffer", "_context", "_fd", "_life", "_server", "_sock")

    _sock: socket.socket | None
    _buffer: WriteBuffer | DatagramQueue

    def __init__(
        self,
        loop: FdWatching,
        sock: socket.socket,
        protocol: Any,
        buffer: WriteBuffer | DatagramQueue,
        *,
        extra: Mapping[str, Any] | None,
        server: Any = None,
        context: Context | None = None,
    ) -> None:
        # If this fails before it owns the socket, there is nothing for __del__ to close.
        self._sock = None
        super().__init__(loop, protocol, extra)
        self._buffer = buffer
        self._life = Lifetime()
        # The one context of all the protocol's callbacks from Python 3.15 on; None before that, where each
        # registration captures the context that is current at that moment.
        self._context = context
        self._extra["socket"] = trsock.TransportSocket(sock)
        self._extra["sockname"] = _name_or_none(sock.getsockname)
        if "peername" not in self._extra:
            self._extra["peername"] = _name_or_none(sock.getpeername)
        self._server = None
        if server is not None:
            server._attach(*self._attach_arguments())
            self._server = server
        self._sock = sock
        self._fd = sock.fileno()
        loop._transports[self._fd] = self

    def _begin(self, waiter: asyncio.Future[None] | None) -> None:
        """Schedule connection_made(), then reading, then the wake-up of who waits for the transport.

        Never directly: connection_made() must not run inside the task that awaits create_connection().
        Three callbacks and not one, so that an exception in connection_made() is reported as a callback's,
        and reading begins all the same.
        """
        self._soon(self._protocol.connection_made, self)
        self._soon(self._read_when_wanted)
        if waiter is not None:
            self._soon(settle, waiter)

    def _attach_arguments(self) -> tuple[SocketTransport, ...]:
        return (self,) if SERVER_COUNTS_TRANSPORTS else ()

    def __repr__(self) -> str:
        words = [type(self).__name__]
        if self._sock is None:
            words.append("closed")
        elif self._life.is_closing:
            words.append("closing")
        words.append(f"fd={self._fd}")
        loop = self._loop
        if self._sock is not None and not loop.is_closed():
            reads, writes = (
                "polling" if loop._watches_for(self._fd, event) else "idle" for event in (EVENT_READ, EVENT_WRITE)
            )
            words.append(f"read={reads}")
            words.append(f"write=<{writes}, bufsize={self.get_write_buffer_size()}>")
        return f"<{' '.join(words)}>"

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Send all later callbacks to *protocol*."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that gets the callbacks."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed."""
        return self._life.is_closing

    def is_reading(self) -> bool:
        """Return whether the transport is open and not paused."""
        return self._life.is_reading

    def get_write_buffer_size(self) -> int:
        """Return how much waits to be sent."""
        return self._buffer.size

    def pause_reading(self) -> None:
        """Deliver nothing more until resume_reading()."""
        if self._life.pause_reading():
            self._loop._remove_reader(self._fd)
            if self._loop.get_debug():
                logger.debug("%r pauses reading", self)

    def resume_reading(self) -> None:
        """Deliver what waited, and go on reading."""
        if self._life.resume_reading():
            self._read_when_wanted()
            if self._loop.get_debug():
                logger.debug("%r resumes reading", self)

    def close(self) -> None:
        """Send what waits, then call connection_lost(None)."""
        if self._life.close(unsent=self._has_unsent()):
            self._loop._remove_reader(self._fd)
            if self._life.phase is Phase.ENDING:
                self._soon(self._call_connection_lost, None)

    def abort(self) -> None:
        """Drop what waits, and call connection_lost(None) soon."""
        self._force_close(None)

    def _force_close(self, exc: BaseException | None) -> None:
        """Drop what waits, and call connection_lost(*exc*) soon; ``tls`` calls this, too."""
        if self._life.end():
            self._buffer.clear()
            self._loop._remove_writer(self._fd)
            self._loop._remove_reader(self._fd)
            self._soon(self._call_connection_lost, exc)

    def _fatal_error(self, exc: BaseException, message: str) -> None:
        """Give up because of *exc*.

        Connections break all the time: an OSError concerns the protocol, which gets it in connection_lost().
        Anything else is a mistake in the program, and is reported.
        """
        if not isinstance(exc, OSError):
            self._report(message, exc)
        elif self._loop.get_debug():
            logger.debug("%r: %s", self, message, exc_info=True)
        self._force_close(exc)

    def _has_unsent(self) -> bool:
        return self._buffer.size > 0

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        """Tell the protocol, and let go of everything: nothing can happen to this transport any more."""
        self._life.closed()
        try:
            self._protocol.connection_lost(exc)
        finally:
            self._release()

    def _release(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()
        self._protocol = None
        self._leave_server()

    def _leave_server(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server._detach(*self._attach_arguments())

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if self._sock is not None:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._sock.close()
            self._leave_server()

    # In the context of the connection, if it has one.

    def _read_when_wanted(self) -> None:
        if self._life.wants_data:
            self._loop._add_reader(self._fd, self._read_ready, context=self._context)

    def _write_when_ready(self) -> None:
        self._loop._add_writer(self._fd, self._write_ready, context=self._context)

    def _soon(self, callback: Callable[..., object], *args: Any) -> None:
        self._loop.call_soon(callback, *args, context=self._context)

    def _read_ready(self) -> None:
        raise NotImplementedError

    def _write_ready(self) -> None:
        raise NotImplementedError


def _name_or_none(name: Callable[[], Any]) -> Any:
    """The result of getsockname() or getpeername(), or None where there is no name."""
    try:
        return name()
    except OSError:
        return None
