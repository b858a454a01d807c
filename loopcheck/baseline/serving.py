"""Accepting connections on behalf of ``asyncio.Server``."""

from __future__ import annotations

import asyncio
import errno
import socket
from asyncio import trsock
from collections.abc import Callable
from contextvars import Context
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
            if listener.context is None:
                self.create_task(self._accepted(listener, connection, address, None))
            else:
                context = listener.context.copy()
                self.create_task(self._accepted(listener, connection, address, context), context=context)

    async def _accepted(
        self, listener: Listener, connection: socket.socket, address: Any, context: Context | None
    ) -> None:
        """Make protocol and transport for one connection, and see it through a TLS handshake.

        There is nobody to raise to: what fails here ends this connection only.
        It is reported in debug mode only, since any client can cause it at will.
        """
        protocol = transport = None
        try:
            protocol = listener.protocol_factory()
            waiter = self.create_future()
            transport = self._transport_for(listener, connection, protocol, waiter, {"peername": address}, context)
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
            if self._debug:
                report: dict[str, Any] = {
                    "message": "Error on transport creation for incoming connection",
                    "exception": exc,
                }
                if protocol is not None:
                    report["protocol"] = protocol
                if transport is not None:
                    report["transport"] = transport
                self.call_exception_handler(report)

    def _transport_for(
        self,
        listener: Listener,
        connection: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None],
        extra: dict[str, Any],
        context: Context | None,
    ) -> asyncio.Transport:
        if listener.sslcontext:
            return self._make_ssl_transport(
                connection,
                protocol,
                listener.sslcontext,
                waiter,
                server_side=True,
                extra=extra,
                server=listener.server,
                ssl_handshake_timeout=listener.ssl_handshake_timeout,
                ssl_shutdown_timeout=listener.ssl_shutdown_timeout,
                context=context,
            )
        return self._make_socket_transport(
            connection, protocol, waiter, extra=extra, server=listener.server, context=context
        )

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
        waiter: asyncio.Future[None] | None = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        context: Context | None = None,
    ) -> asyncio.Transport:
        raise NotImplementedError
