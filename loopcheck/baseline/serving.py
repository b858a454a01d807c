"""Accepting connections on behalf of ``asyncio.Server``."""

from __future__ import annotations

import asyncio
import errno
import socket
from asyncio import trsock
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, NamedTuple

from .contract import logger
from .watchers import FdWatching

RETRY_AFTER = 1.0
"""Seconds until the next accept() after the system ran out of descriptors or memory.

The listening socket stays readable all the while: without a pause the loop would spin.
"""

_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener(NamedTuple):
    """A listening socket, and what every connection accepted on it gets."""

    protocol_factory: Callable[[], asyncio.BaseProtocol]
    sock: socket.socket
    sslcontext: Any
    server: Any
    backlog: int
    ssl_handshake_timeout: float | None
    ssl_shutdown_timeout: float | None
    # The context of the server, from Python 3.15 on; each connection starts from a copy of it.
    context: Context | None


class Serving(FdWatching):
    """The accept loop."""

    def _start_serving(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        sock: socket.socket,
        sslcontext: Any = None,
        server: Any = None,
        backlog: int = 100,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        context: Context | None = None,
    ) -> None:
        self._listen(
            Listener(
                protocol_factory,
                sock,
                sslcontext,
                server,
                backlog,
                ssl_handshake_timeout,
                ssl_shutdown_timeout,
                context,
            )
        )

    def _stop_serving(self, sock: socket.socket) -> None:
        self._remove_reader(sock.fileno())
        sock.close()

    def _listen(self, listener: Listener) -> None:
        # After a pause, the server may be closed by now.
        if listener.sock.fileno() != -1:
            self._add_reader(listener.sock.fileno(), self._accept_ready, listener)

    def _accept_ready(self, listener: Listener) -> None:
        """Accept what waits, but no more than the queue holds: a flood must not hold up everybody else."""
        sock = listener.sock
        # One more than the backlog, which is how many Linux really queues; zero is a lawful backlog, too.
        for _ in range(listener.backlog + 1):
            try:
                connection, address = sock.accept()
            except ConnectionAbortedError:
                continue  # The client gave up while it waited in the queue; the next one did not.
            except (BlockingIOError, InterruptedError):
                return
            except OSError as exc:
                if exc.errno not in _OUT_OF_RESOURCES:
                    raise
                self.call_exception_handler(
                    {
                        "message": "socket.accept() out of system resource",
                        "exception": exc,
                        "socket": trsock.TransportSocket(sock),
                    }
                )
                self._remove_reader(sock.fileno())
                self.call_later(RETRY_AFTER, self._listen, listener)
                return
            if self._debug:
                logger.debug("%r got a new connection from %r: %r", listener.server, address, connection)
            connection.setblocking(False)
            context = None if listener.context is None else listener.context.copy()
            if not listener.sslcontext:
                # What a protocol factory does to its context must not reach the next connection.
                own = copy_context() if context is None else context
                own.run(self._accepted, listener, connection, address, context)
            elif context is None:
                self.create_task(self._accepted_tls(listener, connection, address, None))
            else:
                self.create_task(self._accepted_tls(listener, connection, address, context), context=context)

    def _accepted(self, listener: Listener, connection: socket.socket, address: Any, context: Context | None) -> None:
        """Make protocol and transport for one connection.

        There is nobody to raise to: what fails here ends this connection only.
        """
        protocol = None
        try:
            protocol = listener.protocol_factory()
            self._make_socket_transport(connection, protocol, **self._options(listener, address, context))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            connection.close()
            self._report_lost_connection(exc, protocol=protocol)

    async def _accepted_tls(
        self, listener: Listener, connection: socket.socket, address: Any, context: Context | None
    ) -> None:
        """The same, and see the connection through its TLS handshake."""
        protocol = transport = None
        try:
            protocol = listener.protocol_factory()
            waiter = self.create_future()
            transport = self._make_ssl_transport(
                connection,
                protocol,
                listener.sslcontext,
                waiter,
                server_side=True,
                ssl_handshake_timeout=listener.ssl_handshake_timeout,
                ssl_shutdown_timeout=listener.ssl_shutdown_timeout,
                **self._options(listener, address, context),
            )
            try:
                await waiter
            except BaseException:
                transport.close()
                # The exception in it leads to the protocol: no cycle through this frame.
                del waiter
                raise
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            if transport is None:
                connection.close()
            self._report_lost_connection(exc, protocol=protocol, transport=transport)

    def _options(self, listener: Listener, address: Any, context: Context | None) -> dict[str, Any]:
        """What all transports of a server are given."""
        return {"extra": {"peername": address}, "server": listener.server, "context": context}

    def _report_lost_connection(self, exc: BaseException, **who: Any) -> None:
        """Say in debug mode that a connection did not come about: any client can cause it at will."""
        if self._debug:
            report = {"message": "Error on transport creation for incoming connection", "exception": exc}
            self.call_exception_handler(report | {name: value for name, value in who.items() if value is not None})

    def _make_socket_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None] | None = None,
        *,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
    ) -> asyncio.Transport:
        raise NotImplementedError

    def _make_ssl_transport(
        self,
        rawsock: socket.socket,
        protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        waiter: asyncio.Future[None],
        *,
        server_side: bool,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        ssl_handshake_timeout: float | None,
        ssl_shutdown_timeout: float | None,
        context: Context | None = None,
    ) -> asyncio.Transport:
        raise NotImplementedError
