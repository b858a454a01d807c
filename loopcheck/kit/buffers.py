"""A buffered protocol that records what it is asked for, and what was put into the buffers that it gave.

``Buffers()`` is for ``channel.open()`` (kit/channels.py), in place of its Wire::

    async with channel.open(Buffers()) as (transport, protocol, peer):
        peer.send(b"hello")
        await protocol.until("buffer_updated", patience)

        assert protocol.data == b"hello"
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from loopcheck.kit.net import Watcher

SIZE = 2**16


class Buffers(Watcher, asyncio.BufferedProtocol):
    """A watcher of a byte stream that brings its own buffers.

    Args:
        offer: makes what get_buffer() returns; if not given, the same view of 64 KiB each time.
        keep_open: what eof_received() returns.
        react: functions to call in a callback, by its name, with the protocol as argument.
    """

    def __init__(
        self, offer: Callable[[], Any] | None = None, *, keep_open: object = None, **react: Callable[[Any], Any]
    ) -> None:
        self.chunks: list[bytes] = []
        """What was found in the buffers, call by call."""
        super().__init__(_nothing, **react)
        self.keep_open = keep_open
        self.hints: list[Any] = []
        """What get_buffer() was given."""
        self.counts: list[Any] = []
        """What buffer_updated() was given."""
        view = memoryview(bytearray(SIZE))
        self._offer = offer or (lambda: view)
        self.buffer: Any = None
        """What get_buffer() returned last; a protocol that must not keep it may drop it."""

    @property  # adding bytes to bytes takes long when they are many
    def data(self) -> bytes:
        """All that was received."""
        return b"".join(self.chunks)

    @data.setter
    def data(self, value: bytes) -> None:
        self.chunks[:] = [value] if value else []

    @property
    def events(self) -> list[str]:
        """The names of the callbacks in order, but for get_buffer; buffer_updated once for several in a row."""
        names: list[str] = []
        for name, _ in self.seen:
            if name != "get_buffer" and (name != "buffer_updated" or names[-1:] != ["buffer_updated"]):
                names.append(name)
        return names

    def get_buffer(self, sizehint: int) -> Any:
        self.hints.append(sizehint)
        self.buffer = self._offer()
        self.note("get_buffer")
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.counts.append(nbytes)
        if self.buffer is not None:
            with memoryview(self.buffer) as view:
                self.chunks.append(bytes(view[:nbytes]))
        self.note("buffer_updated")

    def eof_received(self) -> Any:
        self.note("eof_received")
        return self.keep_open

    async def has_received(self, number: int, patience: float) -> bytes:
        """Wait until so many bytes have come, at least; all that has come."""
        __tracebackhide__ = True
        await self.board.wait(
            lambda: sum(map(len, self.chunks)) >= number,
            patience,
            lambda: f"buffer_updated() is called for {number} bytes in all; it was for {sum(map(len, self.chunks))}",
        )
        return self.data


def _nothing() -> None:
    return None
