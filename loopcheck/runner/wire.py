"""Messages between the runner and its processes: one JSON object a line, over a stream socket."""

from __future__ import annotations

import json
import select
import socket
import time
from typing import Any


class Closed(Exception):
    """The other side is gone."""


class Wire:
    """One end of a conversation.

    Args:
        sock: a connected stream socket, owned by the wire from now on.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        self._sock = sock
        self._buffer = bytearray()

    def fileno(self) -> int:
        """The descriptor, or -1 once closed."""
        return self._sock.fileno()

    def send(self, message: dict[str, Any], descriptor: int | None = None) -> None:
        """Send one message, with an open descriptor to go with it if the platform can pass one.

        Raises:
            Closed: the other side is gone.
        """
        # ASCII: a subject's messages may hold lone surrogates, which no encoding takes.
        line = json.dumps(message, ensure_ascii=True).encode("ascii") + b"\n"
        try:
            if descriptor is None:
                self._sock.sendall(line)
            else:
                socket.send_fds(self._sock, [line], [descriptor])
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the next message, for at most ``timeout`` seconds.

        Raises:
            TimeoutError: none came.
            Closed: the other side is gone, or sent something that is not a message.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (end := self._buffer.find(b"\n")) < 0:
            if deadline is not None and not _readable(self._sock, deadline - time.monotonic()):
                raise TimeoutError
            try:
                chunk = self._sock.recv(65536)
            except OSError as error:
                raise Closed(str(error)) from None
            if not chunk:
                raise Closed("end of file")
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            message = json.loads(line)
        except ValueError:
            raise Closed(f"not a message: {line[:80]!r}") from None
        if not isinstance(message, dict):
            raise Closed(f"not a message: {line[:80]!r}")
        return message

    def receive_descriptor(self, timeout: float) -> tuple[dict[str, Any], int]:
        """Wait for a message that carries a descriptor; nothing else may be under way.

        Raises:
            TimeoutError: none came.
            Closed: the other side is gone.
        """
        if not _readable(self._sock, timeout):
            raise TimeoutError
        try:
            line, descriptors, _, _ = socket.recv_fds(self._sock, 65536, 1)
        except OSError as error:
            raise Closed(str(error)) from None
        if not descriptors:
            raise Closed("end of file")
        message: dict[str, Any] = json.loads(line)
        return message, descriptors[0]

    def close(self) -> None:
        """Close this end; closing twice does nothing."""
        self._sock.close()


def _readable(sock: socket.socket, seconds: float) -> bool:
    # poll() where there is one: select() refuses descriptors above 1023, and busy programs have them.
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))
    return bool(select.select([sock], [], [], max(0.0, seconds))[0])
