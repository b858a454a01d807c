"""Pipe transports: pipes, FIFOs, terminals, and sockets used as one-way streams."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import warnings
from asyncio import transports
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any

from .contract import logger, settle
from .flow import WriteBuffer, cuttable
from .lifetime import Lifetime, Phase
from .transport import MAX_READ, FlowControlled

if TYPE_CHECKING:
    from .watchers import FdWatching

# Here the kernel reports a FIFO's write end as readable while data sits unread in it, and says nothing when
# the reader goes away: see https://github.com/python/cpython/issues/145030.
_FIFO_MISREPORTS_READER = sys.platform in {"darwin", "ios", "tvos", "watchos", "sunos5"}


class _PipeEnd(transports.BaseTransport):
    """What both directions share: owning the pipe object, and giving it back."""

    _loop: FdWatching
    _protocol: Any
    _extra: dict[str, Any]
    _life: Lifetime
    # None unless the transport owns the pipe: before the constructor took it, and after connection_lost().
    _pipe: Any = None
    _fd: int

    def _own(self, pipe: Any) -> None:
        self._extra["pipe"] = pipe
        os.set_blocking(self._fd, False)
        self._pipe = pipe

    def _begin(self, waiter: asyncio.Future[None]) -> None:
        """Schedule connection_made(), then watching, then the wake-up of who waits for the transport."""
        self._loop.call_soon(self._protocol.connection_made, self)
        self._loop.call_soon(self._watch_when_wanted)
        self._loop.call_soon(settle, waiter)

    def _watch_when_wanted(self) -> None:
        raise NotImplementedError

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

    def _words(self, event: int) -> list[str]:
        """The words of repr() that both directions share."""
        words = [type(self).__name__]
        if self._pipe is None:
            words.append("closed")
        elif self._life.is_closing:
            words.append("closing")
        words.append(f"fd={self._fd}")
        if self._pipe is not None:
            if self._loop.is_closed():
                words.append("open")  # Nothing polls any more, and nobody has closed it either.
            else:
                words.append("polling" if self._loop._watches_for(self._fd, event) else "idle")
        return words

    def _fatal(self, exc: BaseException, message: str) -> None:
        """Give up because of *exc*, and report it unless it is an OSError, as which pipes and terminals do end."""
        if not isinstance(exc, OSError):
            self._loop.call_exception_handler(
                {"message": message, "exception": exc, "transport": self, "protocol": self._protocol}
            )
        elif self._loop.get_debug():
            logger.debug("%r: %s", self, message, exc_info=True)
        self._force_close(exc)

    def _force_close(self, exc: BaseException | None) -> None:
        if self._life.end():
            self._loop._remove_writer(self._fd)
            self._loop._remove_reader(self._fd)
            self._loop.call_soon(self._call_connection_lost, exc)

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        self._life.closed()
        try:
            self._protocol.connection_lost(exc)
        finally:
            pipe, self._pipe = self._pipe, None
            self._protocol = None
            pipe.close()

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if self._pipe is not None:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._pipe.close()


class ReadPipeTransport(_PipeEnd, transports.ReadTransport):
    """The reading end of a pipe."""

    def __init__(
        self,
        loop: FdWatching,
        pipe: Any,
        protocol: Any,
        waiter: asyncio.Future[None],
    ) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._life = Lifetime()
        self._fd = pipe.fileno()
        mode = os.fstat(self._fd).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            raise ValueError("Pipe transport is for pipes/sockets only.")
        self._own(pipe)
        self._begin(waiter)

    def __repr__(self) -> str:
        return f"<{' '.join(self._words(EVENT_READ))}>"

    def _watch_when_wanted(self) -> None:
        if self._life.wants_data:
            self._loop._add_reader(self._fd, self._read_ready)

    def _read_ready(self) -> None:
        try:
            data = os.read(self._fd, MAX_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            # A terminal's master reads EIO once the last slave is closed: that is its end of stream.
            self._fatal(exc, "Fatal read error on pipe transport")
            return
        if data:
            self._protocol.data_received(data)
            return
        if self._loop.get_debug():
            logger.info("%r was closed by peer", self)
        self._life.end()
        self._loop._remove_reader(self._fd)
        # A pipe has one direction: there is nothing to stay open for, whatever eof_received() answers.
        self._loop.call_soon(self._protocol.eof_received)
        self._loop.call_soon(self._call_connection_lost, None)

    def is_reading(self) -> bool:
        """Return whether the transport is open and not paused."""
        return self._life.is_reading

    def pause_reading(self) -> None:
        """Deliver nothing more until resume_reading()."""
        if self._life.pause_reading():
            self._loop._remove_reader(self._fd)
            if self._loop.get_debug():
                logger.debug("%r pauses reading", self)

    def resume_reading(self) -> None:
        """Deliver what waited, and go on reading."""
        if self._life.resume_reading():
            self._watch_when_wanted()
            if self._loop.get_debug():
                logger.debug("%r resumes reading", self)

    def close(self) -> None:
        """Read no more, and call connection_lost(None) soon."""
        self._force_close(None)


class WritePipeTransport(_PipeEnd, FlowControlled, transports.WriteTransport):
    """The writing end of a pipe.

    It watches its descriptor for reading, too: nothing ever comes, so "readable" says that the reader is gone.
    """

    def __init__(
        self,
        loop: FdWatching,
        pipe: Any,
        protocol: Any,
        waiter: asyncio.Future[None],
    ) -> None:
        FlowControlled.__init__(self, loop, protocol, None)
        self._life = Lifetime()
        self._buffer = WriteBuffer()
        self._fd = pipe.fileno()
        status = os.fstat(self._fd)
        is_fifo, is_socket = stat.S_ISFIFO(status.st_mode), stat.S_ISSOCK(status.st_mode)
        if not (is_fifo or is_socket or stat.S_ISCHR(status.st_mode)):
            raise ValueError("Pipe transport is only for pipes, sockets and character devices")
        # A terminal is read by the other transport on it, and AIX reports sockets only.
        # An unnamed pipe has no links: the misreporting kernels get those right.
        self._notices_reader = is_socket or (
            is_fifo and not sys.platform.startswith("aix") and not (_FIFO_MISREPORTS_READER and status.st_nlink > 0)
        )
        self._own(pipe)
        self._begin(waiter)

    def __repr__(self) -> str:
        words = self._words(EVENT_WRITE)
        if self._pipe is not None:
            words.append(f"bufsize={self.get_write_buffer_size()}")
        return f"<{' '.join(words)}>"

    def _watch_when_wanted(self) -> None:
        if self._notices_reader and not self._life.is_lost:
            self._loop._add_reader(self._fd, self._reader_gone)

    def _reader_gone(self) -> None:
        if self._loop.get_debug():
            logger.info("%r was closed by peer", self)
        self._force_close(BrokenPipeError() if self._buffer.size else None)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be written."""
        return self._buffer.size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write *data*, now as far as the kernel takes it, and the rest when it can."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if not data:
            return
        if self._life.is_closing:
            if self._life.ignored_write():
                logger.warning("pipe closed by peer or os.write(pipe, data) raised exception.")
            return
        data = cuttable(data)
        if self._buffer.size:
            self._buffer.append(data)
        else:
            written = self._write_some(data)
            if written is None or written == len(data):
                return
            self._buffer.append(data, written)
            self._loop._add_writer(self._fd, self._write_ready)
        self._maybe_pause_protocol()

    def _write_some(self, data: bytes | bytearray | memoryview) -> int | None:
        """Write what the kernel takes, and return how much; None when the pipe broke."""
        try:
            return os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except Exception as exc:
            self._fatal(exc, "Fatal write error on pipe transport")
            return None

    def _write_ready(self) -> None:
        written = self._write_some(self._buffer.first())
        if written is None:
            return
        self._buffer.take(written)
        if not self._buffer.size:
            self._loop._remove_writer(self._fd)
        self._maybe_resume_protocol()
        # The protocol may have written more, closed or aborted in resume_writing().
        if self._buffer.size or self._life.is_lost:
            return
        if self._life.phase is Phase.DRAINING:
            self._life.end()
            self._loop._remove_reader(self._fd)
            self._call_connection_lost(None)

    def can_write_eof(self) -> bool:
        """Return True: closing a pipe is how its end of stream is written."""
        return True

    def write_eof(self) -> None:
        """Close the transport: a pipe has only this one direction."""
        self.close()

    def close(self) -> None:
        """Write what waits, then call connection_lost(None)."""
        if self._life.close(unsent=self._buffer.size > 0) and self._life.is_lost:
            self._loop._remove_reader(self._fd)
            self._loop.call_soon(self._call_connection_lost, None)

    def abort(self) -> None:
        """Drop what waits, and call connection_lost(None) soon."""
        self._force_close(None)

    def _force_close(self, exc: BaseException | None) -> None:
        self._buffer.clear()
        super()._force_close(exc)
