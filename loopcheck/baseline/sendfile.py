"""Sending files with the system's sendfile(), which copies inside the kernel.

``BaseEventLoop`` checks the arguments, and falls back to reading and writing when ``SendfileNotAvailableError`` says
that the file, or the system, does not support this way.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from asyncio import SendfileNotAvailableError
from collections.abc import Awaitable, Callable
from typing import Any

from .sockops import SocketOperations
from .streams import StreamTransport
from .versions import SENDFILE_ALWAYS_SEEKS

MOST_AT_ONCE = sys.maxsize // 2 + 1
"""Most bytes for one call: larger numbers overflow on 32-bit systems."""


class SendingFiles(SocketOperations):
    """What sendfile() and sock_sendfile() need."""

    async def _sendfile_native(self, transp: StreamTransport, file: Any, offset: int, count: int | None) -> int:
        self._check_sendfile_params(transp.get_extra_info("socket"), file, offset, count)
        reading = transp.is_reading()
        transp.pause_reading()
        try:
            sock = await transp._lend()
            try:
                return await _send_file(sock, file, offset, count, transp._writable)
            finally:
                transp._give_back()
        finally:
            if reading:
                transp.resume_reading()

    async def _sock_sendfile_native(self, sock: socket.socket, file: Any, offset: int, count: int | None) -> int:
        return await _send_file(sock, file, offset, count, lambda: self._writable(sock))


async def _send_file(
    sock: socket.socket, file: Any, offset: int, count: int | None, writable: Callable[[], Awaitable[None]]
) -> int:
    """Send *count* bytes, or all there are, and leave the file's position behind the last byte sent."""
    try:
        source = file.fileno()
        size = os.fstat(source).st_size
    except (AttributeError, OSError):  # io.UnsupportedOperation is an OSError, too.
        raise SendfileNotAvailableError("not a regular file") from None
    if not hasattr(os, "sendfile"):
        raise SendfileNotAvailableError("os.sendfile() is not available")
    if not (count or size):
        return 0
    sent = 0
    try:
        while count is None or sent < count:
            # Without a count the file may grow while we send it: go on until there is no more.
            left = size if count is None else count - sent
            try:
                step = os.sendfile(sock.fileno(), source, offset + sent, min(left, MOST_AT_ONCE))
            except (BlockingIOError, InterruptedError):
                await writable()
            except ConnectionError:
                raise
            except OSError as exc:
                if exc.errno == errno.ENOTCONN:
                    # How some systems say that the connection ended: say it like the others.
                    raise ConnectionError(errno.ENOTCONN, "socket is not connected") from exc
                if sent:
                    raise
                # The file is of a kind that the call does not take.
                raise SendfileNotAvailableError("os.sendfile call failed") from exc
            else:
                if not step:
                    break
                sent += step
    finally:
        if sent or SENDFILE_ALWAYS_SEEKS:
            os.lseek(source, offset + sent, os.SEEK_SET)
    return sent
