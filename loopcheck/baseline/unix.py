"""Unix domain stream sockets: connecting, serving, and the file that a server leaves behind or not."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import selectors
import socket
import stat
import sys
from collections.abc import Callable
from typing import Any

from .contract import logger
from .serving import Serving
from .sockops import SocketOperations


class UnixSockets(Serving, SocketOperations):
    """create_unix_connection() and create_unix_server()."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)
        # The inode of every socket file that is to go with its server.
        self._socket_files: dict[socket.socket, int] = {}

    async def create_unix_connection(
        self,
        protocol_factory: Callable[[], Any],
        path: Any = None,
        *,
        ssl: Any = None,
        sock: socket.socket | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> tuple[asyncio.Transport, Any]:
        """Connect to the server at *path*, or use the connected *sock*."""
        if ssl:
            # There is no host name to fall back on.
            if server_hostname is None:
                raise ValueError("you have to pass server_hostname when using ssl")
        elif server_hostname is not None:
            raise ValueError("server_hostname is only meaningful with ssl")
        _check_tls_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if path is not None:
            if sock is not None:
                raise ValueError("path and sock can not be specified at the same time")
            path = os.fspath(path)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                await self.sock_connect(sock, path)
            except BaseException:
                sock.close()
                raise
        else:
            if sock is None:
                raise ValueError("no path and sock were specified")
            _check_unix_stream(sock)
        return await self._create_connection_transport(
            sock,
            protocol_factory,
            ssl,
            server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )

    # From 3.13 on closing the server removes its socket file, unless told not to; before, the keyword is a TypeError.
    if sys.version_info >= (3, 13):

        async def create_unix_server(
            self,
            protocol_factory: Callable[[], Any],
            path: Any = None,
            *,
            sock: socket.socket | None = None,
            backlog: int = 100,
            ssl: Any = None,
            ssl_handshake_timeout: float | None = None,
            ssl_shutdown_timeout: float | None = None,
            start_serving: bool = True,
            cleanup_socket: bool = True,
        ) -> asyncio.Server:
            """Serve at *path*, or on the bound *sock*; the file goes with the server if *cleanup_socket*."""
            return await self._serve_unix(
                protocol_factory,
                path,
                sock,
                backlog,
                ssl,
                ssl_handshake_timeout,
                ssl_shutdown_timeout,
                start_serving,
                cleanup_socket,
            )

    else:

        async def create_unix_server(
            self,
            protocol_factory: Callable[[], Any],
            path: Any = None,
            *,
            sock: socket.socket | None = None,
            backlog: int = 100,
            ssl: Any = None,
            ssl_handshake_timeout: float | None = None,
            ssl_shutdown_timeout: float | None = None,
            start_serving: bool = True,
        ) -> asyncio.Server:
            """Serve at *path*, or on the bound *sock*; the file stays."""
            return await self._serve_unix(
                protocol_factory,
                path,
                sock,
                backlog,
                ssl,
                ssl_handshake_timeout,
                ssl_shutdown_timeout,
                start_serving,
                cleanup_socket=False,
            )

    async def _serve_unix(
        self,
        protocol_factory: Callable[[], Any],
        path: Any,
        sock: socket.socket | None,
        backlog: int,
        ssl: Any,
        ssl_handshake_timeout: float | None,
        ssl_shutdown_timeout: float | None,
        start_serving: bool,
        cleanup_socket: bool,
    ) -> asyncio.Server:
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        _check_tls_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if path is not None:
            if sock is not None:
                raise ValueError("path and sock can not be specified at the same time")
            sock = _bound_socket(os.fspath(path))
        elif sock is None:
            raise ValueError("path was not specified, and no sock specified")
        else:
            _check_unix_stream(sock)
        if cleanup_socket and _is_file(name := sock.getsockname()):
            with contextlib.suppress(FileNotFoundError):
                self._socket_files[sock] = os.stat(name).st_ino
        sock.setblocking(False)
        server = asyncio.base_events.Server(
            self, [sock], protocol_factory, ssl, backlog, ssl_handshake_timeout, ssl_shutdown_timeout
        )
        if start_serving:
            await server.start_serving()
        return server

    def _stop_serving(self, sock: socket.socket) -> None:
        inode = self._socket_files.pop(sock, None)
        path = None if inode is None else sock.getsockname()
        super()._stop_serving(sock)
        if path is None:
            return
        try:
            # Somebody may have bound the same path since: their file is not ours to remove.
            if os.stat(path).st_ino == inode:
                os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            logger.error("Unable to clean up listening UNIX socket %r: %r", path, exc)


def _check_tls_timeouts(ssl: Any, handshake: float | None, shutdown: float | None) -> None:
    for name, value in (("ssl_handshake_timeout", handshake), ("ssl_shutdown_timeout", shutdown)):
        if value is not None and not ssl:
            raise ValueError(f"{name} is only meaningful with ssl")


def _check_unix_stream(sock: socket.socket) -> None:
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")


def _is_file(name: str | bytes) -> bool:
    """Whether a socket's name is a path; an empty one is no name, a leading zero marks Linux's abstract names."""
    return bool(name) and name[0] not in (0, "\0")


def _bound_socket(path: str | bytes) -> socket.socket:
    """Make a socket bound to *path*, in place of a socket file that an earlier server left there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_file(path):
            try:
                if stat.S_ISSOCK(os.stat(path).st_mode):
                    os.remove(path)
            except FileNotFoundError:
                pass
            except OSError as exc:
                # Not fatal yet: some directories let one create, but not look.
                logger.error("Unable to check or remove stale UNIX socket %r: %r", path, exc)
        try:
            sock.bind(path)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise
            raise OSError(errno.EADDRINUSE, f"Address {path!r} is already in use") from None
    except BaseException:
        sock.close()
        raise
    return sock
