"""TLS between a stream transport and its protocol: the I/O half of ``engine``.

A TLS connection is a stream transport (the lower one) whose protocol is a ``TLSLayer``.
The layer has a ``TLSTransport`` (the upper one), which the program's protocol takes for its transport.
The lower transport may be a ``TLSTransport``, too: TLS in TLS is nothing special.
"""

from __future__ import annotations

import asyncio
import enum
import ssl
from asyncio import constants
from collections.abc import Iterable, Mapping
from typing import Any

from .contract import logger
from .engine import Engine, Stage
from .flow import FlowControl
from .lifetime import WARN_FROM_WRITE, WrongMove
from .securetransport import TLSTransport

HIGH_READ = 256 * 1024
"""High-water mark for what arrived and is not decrypted: asyncio's number."""


class Told(enum.Enum):
    """What the program's protocol was told last."""

    NOTHING = "nothing"
    MADE = "connection_made"
    EOF = "eof_received"
    LOST = "connection_lost"


TOLD_MOVES: Mapping[Told, frozenset[Told]] = {
    Told.NOTHING: frozenset({Told.MADE}),
    Told.MADE: frozenset({Told.EOF, Told.LOST}),
    Told.EOF: frozenset({Told.LOST}),
    Told.LOST: frozenset(),
}


class TLSLayer(asyncio.Protocol):
    """What the lower transport takes for its protocol.

    With *introduced*, the program's protocol had its connection_made() before: start_tls() upgrades what it has.
    *waiter* is woken when the handshake is done, or gets its failure.
    """

    def __init__(
        self,
        loop: Any,
        protocol: Any,
        sslcontext: ssl.SSLContext | None,
        waiter: asyncio.Future[None] | None,
        *,
        server_side: bool,
        server_hostname: str | None,
        handshake_timeout: float | None,
        shutdown_timeout: float | None,
        introduced: bool = False,
    ) -> None:
        self._handshake_timeout = _timeout("ssl_handshake_timeout", handshake_timeout, constants.SSL_HANDSHAKE_TIMEOUT)
        self._shutdown_timeout = _timeout("ssl_shutdown_timeout", shutdown_timeout, constants.SSL_SHUTDOWN_TIMEOUT)
        context = sslcontext or _default_context(server_side, server_hostname)
        self._loop = loop
        self._waiter = waiter
        self._told = Told.MADE if introduced else Told.NOTHING
        self._engine = Engine(
            context, server_side=server_side, server_hostname=None if server_side else server_hostname or None
        )
        self._extra: dict[str, Any] = {"sslcontext": context}
        # Until connection_made(), and after connection_lost(), there is none.
        self._lower: Any = None
        self._lower_paused = False
        # Pauses the lower transport when too much arrived that nobody wants to read.
        self._arrived = FlowControl(HIGH_READ)
        self._reading = True
        # Of the handshake at first, of the shutdown later: there is never more than one.
        self._deadline: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._ignored = 0
        self.upper: TLSTransport | None = TLSTransport(loop, self, protocol)

    # --- what the lower transport calls

    def connection_made(self, transport: Any) -> None:
        """Begin the handshake."""
        self._lower = transport
        if self._engine.stage is not Stage.NEW:
            transport.abort()  # Given up before it began.
            return
        if self._loop.get_debug():
            logger.debug("%r starts SSL handshake", self)
        self._began = self._loop.time()
        self._engine.start()
        self._deadline = self._loop.call_later(self._handshake_timeout, self._handshake_is_late)
        self._shake()

    def data_received(self, data: bytes) -> None:
        """Go on with what is under way."""
        self._engine.feed(data)
        self._go_on()

    def eof_received(self) -> bool | None:
        """Deliver what has arrived, then end: without the peer there is nothing to shut down.

        TLS ought to end in close_notify, and many peers leave it out: that counts as an end of stream, as asyncio
        has it, and not as an attack.
        """
        if self._loop.get_debug():
            logger.debug("%r received EOF", self)
        engine = self._engine
        engine.peer_ended = True
        if engine.stage is Stage.HANDSHAKE:
            self._handshake_failed(ConnectionResetError())
        elif engine.stage is Stage.TRANSFER:
            engine.finish()
            if not self._reading:
                return True  # What has arrived stays until it is wanted.
            self._flush()
        return None

    def pause_writing(self) -> None:
        """Keep what is encrypted: the lower transport has enough."""
        self._lower_paused = True

    def resume_writing(self) -> None:
        """Go on sending."""
        self._lower_paused = False
        self._send()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the program's protocol, and let go of everything."""
        self._cancel_deadline()
        self._engine.end()
        self._wake(exc or ConnectionAbortedError("the connection ended during the TLS handshake"))
        upper, self.upper = self.upper, None
        self._lower = None
        assert upper is not None
        protocol, upper._protocol = upper._protocol, None
        upper._closed = True
        if self._told is Told.MADE or self._told is Told.EOF:
            self._tell(Told.LOST)
            # At once: the lower transport never calls this from within the protocol's own write() or close().
            protocol.connection_lost(exc)

    # --- handshake

    def _shake(self) -> None:
        try:
            done = self._engine.shake()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._handshake_failed(exc)
            return
        if not done:
            self._send()
            return
        self._cancel_deadline()
        if self._loop.get_debug():
            logger.debug("%r: SSL handshake took %.1f ms", self, (self._loop.time() - self._began) * 1e3)
        session = self._engine.session
        self._extra.update(
            peercert=session.getpeercert(),
            cipher=session.cipher(),
            compression=session.compression(),
            ssl_object=session,
        )
        assert self.upper is not None
        if self._told is Told.NOTHING:
            self._tell(Told.MADE)
            self.upper._protocol.connection_made(self.upper)
        self._wake(None)
        self._deliver()

    def _handshake_failed(self, exc: BaseException) -> None:
        self._cancel_deadline()
        # An alert that tells the peer why would be lost: asyncio resets the connection, too.
        self._engine.end()
        by_certificate = isinstance(exc, ssl.CertificateError)
        self._fatal(exc, "SSL handshake failed" + " on verifying the certificate" * by_certificate)
        self._wake(exc)

    def _handshake_is_late(self) -> None:
        if self._engine.stage is Stage.HANDSHAKE:
            self._fatal(
                ConnectionAbortedError(
                    f"SSL handshake is taking longer than {self._handshake_timeout} seconds: aborting the connection"
                )
            )

    def _wake(self, exc: BaseException | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if exc is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(exc)

    # --- reading

    def _go_on(self) -> None:
        stage = self._engine.stage
        if stage is Stage.HANDSHAKE:
            self._shake()
        elif stage is Stage.TRANSFER:
            self._deliver()
        elif stage is Stage.FLUSHING:
            self._flush()
        elif stage is Stage.SHUTDOWN:
            self._part()

    def _deliver(self) -> None:
        """Give the protocol what has arrived; what it raises ends the connection."""
        if not self._engine.delivers:
            return
        try:
            if self._reading and self.upper is not None:
                if self.upper._buffered:
                    self._deliver_into_buffer()
                else:
                    self._deliver_bytes()
                # Reading may have made something to send, even where the protocol has not: key updates.
                if self._engine.unsent:
                    self._send()
            self._hold_lower_back()
        except Exception as exc:
            self._fatal(exc, "Fatal error on SSL protocol")

    def _deliver_bytes(self) -> None:
        assert self.upper is not None
        chunks = []
        while chunk := self._engine.read():
            chunks.append(chunk)
        if chunks:
            self.upper._protocol.data_received(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        if chunk is not None:
            self._peer_said_goodbye()

    def _deliver_into_buffer(self) -> None:
        assert self.upper is not None
        protocol = self.upper._protocol
        buffer = protocol.get_buffer(self._engine.unread or -1)
        # By way of a view: a slice of a bytearray would be a copy, and what is read into it lost.
        with memoryview(buffer) as whole, whole.cast("B") as view:
            room = len(view)
            if not room:
                raise RuntimeError("get_buffer() returned an empty buffer")
            filled, count = 0, None
            while filled < room:
                with view[filled:] as rest:
                    count = self._engine.read_into(rest)
                if not count:
                    break
                filled += count
        # A reference held here would keep the protocol from resizing its bytearray in buffer_updated().
        del buffer
        if filled == room:
            # There may be more, in the session, where nobody else will look.
            self._loop.call_soon(self._deliver)
        if filled:
            protocol.buffer_updated(filled)
        if count == 0:
            self._peer_said_goodbye()

    def _peer_said_goodbye(self) -> None:
        self._tell_eof()
        # While flushing, whoever flushes goes on to the shutdown.
        if self._engine.stage is Stage.TRANSFER:
            self._shut_down()

    def _tell_eof(self) -> None:
        if self._told is not Told.MADE or self.upper is None:
            return
        self._tell(Told.EOF)
        try:
            if self.upper._protocol.eof_received():
                logger.warning("returning true from eof_received() has no effect when using ssl")
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal(exc, "Error calling eof_received()")

    def _tell(self, what: Told) -> None:
        if what not in TOLD_MOVES[self._told]:
            raise WrongMove(f"{self._told} -> {what}")
        self._told = what

    def _hold_lower_back(self) -> None:
        unread = self._engine.unread
        if self._arrived.grew(unread):
            self._lower.pause_reading()
        elif self._arrived.shrank(unread):
            self._lower.resume_reading()

    def _read_again(self) -> None:
        if self._reading:
            self._go_on()

    # --- writing

    def _write(self, chunks: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        if not self._engine.accepts:
            self._ignored += 1
            if self._ignored >= WARN_FROM_WRITE:
                logger.warning("SSL connection is closed")
            return
        for chunk in chunks:
            self._engine.write(chunk)
        try:
            self._send()
        except Exception as exc:
            self._fatal(exc, "Fatal error on SSL protocol")

    def _send(self) -> None:
        """Send what there is to send, and tell the protocol when that is too much or little enough."""
        self._engine.encrypt()
        if not self._lower_paused and self._lower is not None and (data := self._engine.take()):
            self._lower.write(data)
        # Nothing unsent is the usual case, in which only a paused protocol has something to learn.
        if self.upper is not None and (self._engine.unsent or self.upper._protocol_paused):
            self.upper._maybe_pause_protocol()
            if self.upper is not None:  # The protocol may have aborted.
                self.upper._maybe_resume_protocol()

    # --- the end

    def _shut_down(self) -> None:
        """Deliver what has arrived, exchange goodbyes, close the lower transport."""
        stage = self._engine.stage
        if self.upper is not None:
            self.upper._closed = True
        if stage is Stage.NEW or stage is Stage.HANDSHAKE:
            self._abort(None)
        elif stage is Stage.TRANSFER:
            self._engine.finish()
            self._shutdown_has_until()
            self._flush()
        elif stage is Stage.FLUSHING and not self._reading:
            # The peer has ended, and the program paused reading: it will not want the rest any more.
            self._engine.flushed()
            self._part()

    def _flush(self) -> None:
        self._deliver()
        # The protocol may have aborted, or we ourselves because of what it raised.
        if self._engine.stage is Stage.FLUSHING:
            self._engine.flushed()
            self._part()

    def _part(self) -> None:
        try:
            done = self._engine.part()
        except ssl.SSLError as exc:
            self._fatal(exc)
            return
        self._send()
        if done and self._lower is not None:
            self._tell_eof()
            # The lower transport sends first what it has, which a peer that does not read can hold up for ever.
            self._shutdown_has_until()
            self._loop.call_soon(self._lower.close)

    def _shutdown_has_until(self) -> None:
        if self._deadline is None:
            self._deadline = self._loop.call_later(self._shutdown_timeout, self._shutdown_is_late)

    def _shutdown_is_late(self) -> None:
        self._deadline = None
        if self._lower is not None:
            self._lower._force_close(TimeoutError("SSL shutdown timed out"))

    def _cancel_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()

    def _abort(self, exc: BaseException | None) -> None:
        self._engine.end()
        if self._lower is not None:
            self._lower._force_close(exc)

    def _fatal(self, exc: BaseException, message: str = "Fatal error on transport") -> None:
        """Give up because of *exc*; only what is a mistake in the program is reported."""
        lower = self._lower
        if lower is not None:
            lower._force_close(exc)
        if isinstance(exc, OSError):
            if self._loop.get_debug():
                logger.debug("%r: %s", self, message, exc_info=True)
        elif not isinstance(exc, asyncio.CancelledError):
            self._loop.call_exception_handler(
                {"message": message, "exception": exc, "transport": lower, "protocol": self}
            )


def _timeout(name: str, value: float | None, default: float) -> float:
    if value is None:
        return default
    if value <= 0:
        raise ValueError(f"{name} should be a positive number, got {value}")
    return value


def _default_context(server_side: bool, server_hostname: str | None) -> ssl.SSLContext:
    """The context of ``ssl=True``: a client's only, since a server needs a certificate."""
    if server_side:
        raise ValueError("Server side SSL needs a valid SSLContext")
    context = ssl.create_default_context()
    if not server_hostname:
        context.check_hostname = False
    return context
