"""Streams of the subject, as client and as server, with a SecurePeer at the other end: to be upgraded to TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from loopcheck.kit.net import within
from loopcheck.kit.peers import connect
from loopcheck.kit.secure import Connections, SecurePeer


class StreamPair:
    """Streams that are still plain.

    Args:
        secure: what knows the contexts.
        tls: the authority.
        patience: how long a step may take.
        limit: the limit of the reader.
    """

    def __init__(self, secure: Connections, tls: Any, patience: float, limit: int = 2**16) -> None:
        self._secure, self._tls, self._patience, self._limit = secure, tls, patience, limit

    async def __aenter__(self) -> StreamPair:
        return self

    async def __aexit__(self, *failure: Any) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def open(
        self, side: str, *, ends: bool = True
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, SecurePeer]]:
        """A stream of open_connection() or of start_server(), as "client" or "server"; and its peer.

        Args:
            side: which of the two the subject is.
            ends: whether the writer learns of the end of the connection: after a start_tls() that timed out,
                CPython's does not.
        """
        __tracebackhide__ = True
        async with self._client() if side == "client" else self._server() as (reader, writer, peer):
            try:
                yield reader, writer, peer
            finally:
                peer.let_go()
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    if ends:
                        await asyncio.wait_for(writer.wait_closed(), self._patience)

    async def upgrade(self, side: str, writer: asyncio.StreamWriter, peer: SecurePeer, **options: Any) -> None:
        """Upgrade a stream, and the peer."""
        __tracebackhide__ = True
        if side == "client":
            near, name = self._secure.near(self._tls.client), {"server_hostname": self._tls.host}
            shaken = peer.secure(self._secure.peers_server, server_side=True)
        else:
            near, name = self._secure.near(self._tls.server), {}
            shaken = peer.secure(self._secure.peers_client, server_hostname=self._tls.host)
        async with within(self._patience, "StreamWriter.start_tls() returns"):
            await writer.start_tls(near, **name, **options)
        await shaken

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[tuple[Any, Any, SecurePeer]]:
        __tracebackhide__ = True
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            SecurePeer.accepting(listener, self._patience) as peer,
        ):
            async with within(self._patience, "open_connection() returns"):
                reader, writer = await asyncio.open_connection(*listener.getsockname(), limit=self._limit)
            yield reader, writer, peer

    @contextlib.asynccontextmanager
    async def _server(self) -> AsyncIterator[tuple[Any, Any, SecurePeer]]:
        __tracebackhide__ = True
        accepted: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        over = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set_result((reader, writer))
            await over.wait()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=self._limit)
        address = server.sockets[0].getsockname()
        try:
            with SecurePeer(lambda: connect(address, self._patience), self._patience) as peer:
                async with within(self._patience, "the handler of start_server() is called"):
                    reader, writer = await accepted
                yield reader, writer, peer
        finally:
            over.set()
            server.close()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await server.wait_closed()
