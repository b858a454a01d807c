"""``asyncio.BaseEventLoop`` with the names that typeshed leaves out.

Only the type checker reads the declarations: at run time ``Base`` adds nothing.
What they mean, and on which Pythons that was checked, is written down in ``loop.py``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import collections
    import socket

logger = logging.getLogger("asyncio")
"""asyncio's own logger: programs configure and filter it by that name."""


class Base(asyncio.BaseEventLoop):
    """What ``BaseEventLoop`` offers to a loop that is built on it."""

    if TYPE_CHECKING:
        slow_callback_duration: float
        _closed: bool
        _debug: bool
        _stopping: bool
        _clock_resolution: float
        _current_handle: asyncio.Handle | None
        _ready: collections.deque[asyncio.Handle]

        def _check_closed(self) -> None: ...
        def _check_thread(self) -> None: ...
        def _check_callback(self, callback: object, method: str) -> None: ...
        def _add_callback_signalsafe(self, handle: asyncio.Handle) -> None: ...
        async def _ensure_resolved(
            self, address: Any, *, family: int, type: int, proto: int, loop: asyncio.AbstractEventLoop
        ) -> list[tuple[Any, Any, int, str, Any]]: ...
        async def _create_connection_transport(
            self,
            sock: socket.socket,
            protocol_factory: Any,
            ssl: Any,
            server_hostname: str | None,
            *,
            ssl_handshake_timeout: float | None,
            ssl_shutdown_timeout: float | None,
        ) -> tuple[asyncio.Transport, Any]: ...
        def _check_sendfile_params(self, sock: socket.socket, file: Any, offset: int, count: int | None) -> None: ...


def settle(future: asyncio.Future[None]) -> None:
    """Wake whoever waits for *future*, unless they gave up."""
    if not future.done():
        future.set_result(None)
