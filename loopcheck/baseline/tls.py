"""TLS, borrowed: the one module that knows ``asyncio.sslproto``.

A TLS connection is a stream transport whose protocol is an ``SSLProtocol``, which in turn is the transport of the
program's protocol.  ``SSLProtocol`` asks of the transport below it, beside the documented methods: ``_force_close()``.
"""

from __future__ import annotations

import asyncio
from asyncio.sslproto import SSLProtocol
from typing import Any


def tls_protocol(
    loop: asyncio.AbstractEventLoop,
    protocol: asyncio.BaseProtocol,
    sslcontext: Any,
    waiter: asyncio.Future[None] | None,
    *,
    server_side: bool,
    server_hostname: str | None,
    handshake_timeout: float | None,
    shutdown_timeout: float | None,
) -> tuple[SSLProtocol, asyncio.Transport]:
    """Make what goes between a stream transport and *protocol*; returns its protocol side and its transport side.

    A time-out of None means asyncio's default, and other values are checked there.
    *waiter* is woken when the handshake is done, or gets its failure.
    """
    # typeshed asks for an int here and there; asyncio takes any number.
    options: dict[str, Any] = {
        "ssl_handshake_timeout": handshake_timeout,
        "ssl_shutdown_timeout": shutdown_timeout,
    }
    between = SSLProtocol(loop, protocol, sslcontext, waiter, server_side, server_hostname, **options)  # type: ignore[arg-type]  # typeshed wants a Future, None is fine
    return between, between._app_transport
