"""The stream transport: TCP and Unix sockets, one connection each."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio import constants
from collections.abc import Iterable, Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any

from .contract import logger, settle
from .flow import WriteBuffer, cuttable
from .lifetime import Phase, Sending
from .transport import MAX_READ, SocketTransport
from .versions import WRITE_WANTS

if TYPE_CHECKING:
    from .watchers import FdWatching

# The names of the hot paths, looked up once.
_OPEN = Phase.OPEN
_SENDING_OPEN = Sending.OPEN

Data = bytes | bytearray | memoryview


class StreamTransport(SocketTransport):
    """A connected stream socket."""

    # BaseEventLoop asks for these two before start_tls() and sendfile().
    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.TRY_NATIVE

    __slots__ = ("_awaited", "_buffered")

    _buffer: WriteBuffer
    _sock: socket.socket

    def __init__(
        self,
        loop: FdWatching,
        sock: socket.socket,
        protocol: Any,
        waiter: asyncio.Future[None] | None = None,
        *,
        extra: Mapping[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
    ) -> None:
        super().__init__(loop, sock, protocol, WriteBuffer(), extra=extra, server=server, context=context)
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)
        # What sendfile() waits for: an empty buffer first, then a writable socket.
        self._awaited: asyncio.Future[None] | None = None
        _send_small_writes_at_once(sock)
        self._begin(waiter)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Send all later callbacks to *protocol*, which may be buffered or not."""
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)
        super().set_protocol(protocol)

    # --- reading

    def _read_ready(self) -> None:
        if self._buffered:
            self._read_into_buffer()
            return
        try:
            data = self._sock.recv(MAX_READ)
        except (BlockingIOError, InterruptedError):
            return
        except Exception as exc:
            self._fatal_error(exc, "Fatal read error on socket transport")
            return
        if not data:
            self._read_eof()
            return
        try:
            self._protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.data_received() call failed.")

    def _read_into_buffer(self) -> None:
        try:
            buffer = self._protocol.get_buffer(-1)
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer")
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.get_buffer() call failed.")
            return
        if not self._life.wants_data:
            return  # The protocol closed or paused in get_buffer().
        try:
            count = self._sock.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return
        except Exception as exc:
            self._fatal_error(exc, "Fatal read error on socket transport")
            return
        # A view held here would keep the protocol from resizing its bytearray in buffer_updated().
        del buffer
        if not count:
            self._read_eof()
            return
        try:
            self._protocol.buffer_updated(count)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.buffer_updated() call failed.")

    @property
    def _has_read_all(self) -> bool:
        """Whether the peer has ended its stream, and the protocol was told so."""
        return self._life.has_read_all

    def _read_eof(self) -> None:
        if self._loop.get_debug():
            logger.debug("%r received EOF", self)
        try:
            stay_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.eof_received() call failed.")
            return
        if not stay_open:
            self.close()
        elif not self._life.is_closing:
            # End of stream is level-triggered: watching on would call us again and again.
            self._life.reading_ended()
            self._loop._remove_reader(self._fd)

    # --- writing

    def write(self, data: Data) -> None:
        """Send *data*, now as far as the kernel takes it, and the rest when it can."""
        if type(data) is not bytes:
            data = _checked(data)
        life = self._life
        if life.sending is not _SENDING_OPEN:
            self._refuse("write")
        if not data:
            return
        if life.phase is not _OPEN and life.is_lost:
            self._ignore()
            return
        buffer = self._buffer
        if buffer.size:
            buffer.append(data)
        else:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except Exception as exc:
                self._fatal_error(exc, "Fatal write error on socket transport")
                return
            if sent == len(data):
                return
            buffer.append(data, sent)
            self._write_when_ready()
        self._maybe_pause_protocol()

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        """Send what write() of each element would, with fewer system calls."""
        if self._life.sending is not _SENDING_OPEN:
            self._refuse("writelines")
        # All of it is looked at before any of it is sent: a wrong element must not leave half a message.
        chunks = [bytes_of(data) for data in list_of_data]
        if self._life.is_lost:
            if any(chunks):
                self._ignore()
            return
        buffer = self._buffer
        was_waiting = buffer.size > 0
        for chunk in chunks:
            buffer.append(chunk)
        if not buffer.size:
            return
        if not was_waiting:
            if not self._send_some():
                return
            if not buffer.size:
                return
            self._write_when_ready()
        self._maybe_pause_protocol()

    def can_write_eof(self) -> bool:
        """Return True: a stream socket can be closed by halves."""
        return True

    def write_eof(self) -> None:
        """Tell the peer that no more data comes, after what waits."""
        if self._life.finish_sending(unsent=self._buffer.size > 0):
            self._shut_sending_half()

    def _write_ready(self) -> None:
        if not self._send_some():
            return
        self._maybe_resume_protocol()
        # The protocol may have written more, closed or aborted in resume_writing().
        if self._buffer.size:
            return
        self._loop._remove_writer(self._fd)
        if self._life.is_lost:
            return
        if self._life.finish_sent() and not self._life.is_closing:
            self._shut_sending_half()
        if self._awaited is not None:
            settle(self._awaited)
        if self._life.is_closing and self._life.end():
            self._call_connection_lost(None)

    def _send_some(self) -> bool:
        """Send from the buffer what the kernel takes; false when nothing went, or the connection broke."""
        chunks = self._buffer.head()
        try:
            sent = self._sock.send(chunks[0]) if len(chunks) == 1 else self._sock.sendmsg(chunks)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except Exception as exc:
            self._fatal_error(exc, "Fatal write error on socket transport")
            return False
        self._buffer.take(sent)
        return True

    def _shut_sending_half(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            # The peer has reset the connection: reading from it finds out, and says so properly.
            if self._loop.get_debug():
                logger.debug("%r: shutdown failed", self, exc_info=True)

    def _refuse(self, method: str) -> None:
        if self._life.sending is Sending.LENT:
            raise RuntimeError(f"unable to {method}; sendfile is in progress")
        raise RuntimeError(f"Cannot call {method}() after write_eof()")

    def _ignore(self) -> None:
        if self._life.ignored_write():
            logger.warning("socket.send() raised exception.")

    def _release(self) -> None:
        super()._release()
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(ConnectionError("Connection is closed by peer"))

    # --- lending the descriptor to sendfile()

    async def _lend(self) -> socket.socket:
        """Wait until everything is sent, then hand the socket over until _give_back()."""
        if self._life.sending is not _SENDING_OPEN:
            self._refuse("sendfile")
        self._life.lend()
        if self._buffer.size:
            self._awaited = self._loop.create_future()
            await self._awaited
        return self._sock

    async def _writable(self) -> None:
        """Wait until the lent socket is writable; ConnectionError if the connection ends first."""
        self._awaited = self._loop.create_future()
        handle = self._loop._add_writer(self._fd, settle, self._awaited)
        try:
            await self._awaited
        finally:
            if not handle.cancelled():
                self._loop._remove_writer(self._fd)

    def _give_back(self) -> None:
        """Take the socket back: write() works again."""
        self._awaited = None
        self._life.give_back()


def _checked(data: Data) -> Data:
    """The argument of write(), which must be of one of three types, as something that can be cut at any byte."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"{WRITE_WANTS} {type(data).__name__!r}")
    return cuttable(data)


def bytes_of(data: Data) -> bytes | memoryview[int]:
    """The bytes of one element of writelines(); as there, any other buffer is welcome too."""
    if type(data) is bytes:
        return data
    return memoryview(data).cast("B")


def _send_small_writes_at_once(sock: socket.socket) -> None:
    """Switch Nagle's algorithm off: it would hold back a small write until the peer acknowledged the last one."""
    # The protocol, not the type, tells TCP from the likes of SCTP: a socket that the program made without
    # naming one keeps the program's settings, as with asyncio.
    if sock.proto == socket.IPPROTO_TCP and sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):  # The peer may be gone by now; reading will find out.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
