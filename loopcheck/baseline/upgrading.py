"""Putting TLS between a transport and its protocol while they are at work: start_tls()."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from .tls import TLSLayer
from .versions import START_TLS_KEEPS_READ_AHEAD
from .watchers import FdWatching


class Upgrading(FdWatching):
    """start_tls()."""

    async def start_tls(
        self,
        transport: Any,
        protocol: asyncio.BaseProtocol,
        sslcontext: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> asyncio.Transport:
        """Return the transport that *protocol* must use from now on, once the handshake is done."""
        if not isinstance(sslcontext, ssl.SSLContext):
            raise TypeError(f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}")
        if not getattr(transport, "_start_tls_compatible", False):
            raise TypeError(f"transport {transport!r} is not supported by start_tls()")
        waiter = self.create_future()
        layer = TLSLayer(
            self,
            protocol,
            sslcontext,
            waiter,
            server_side=server_side,
            server_hostname=server_hostname,
            handshake_timeout=ssl_handshake_timeout,
            shutdown_timeout=ssl_shutdown_timeout,
            introduced=True,
        )
        upper = layer.upper
        assert upper is not None
        if START_TLS_KEEPS_READ_AHEAD and server_side and isinstance(protocol, asyncio.StreamReaderProtocol):
            _move_read_ahead(protocol, layer)
        transport.set_protocol(layer)
        self.call_soon(layer.connection_made, transport)
        # It may be paused. What is delivered to the layer before its connection_made() waits there.
        transport.resume_reading()
        if getattr(transport, "_has_read_all", False):
            # A peer that has ended its stream sends no handshake: no other event will tell the layer.
            self.call_soon(layer.eof_received)
        try:
            await waiter
        except BaseException:
            transport.close()
            # The exception in it leads to this frame.
            del waiter
            raise
        return upper


def _move_read_ahead(protocol: asyncio.StreamReaderProtocol, layer: TLSLayer) -> None:
    """Give *layer* what a client sent right behind its wish for TLS: that is the beginning of its handshake."""
    reader = getattr(protocol, "_stream_reader", None)
    if reader is not None and reader._buffer:
        layer._engine.feed(bytes(reader._buffer))
        reader._buffer.clear()
