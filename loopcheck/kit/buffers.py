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

from loopcheck.kit.channels import Receiver

SIZE = 2**16


class Buffers(Receiver, asyncio.BufferedProtocol):
    """A receiver that brings its own buffers, and keeps what was put into them.

    Args:
        offer: makes what get_buffer() returns; if not given, the same view of 64 KiB each time.
        options: as for a Receiver.
    """

    ARRIVAL = "buffer_updated"
    UNTOLD = ("get_buffer",)

    def __init__(self, offer: Callable[[], Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.hints: list[Any] = []
        """What get_buffer() was given."""
        self.counts: list[Any] = []
        """What buffer_updated() was given."""
        view = memoryview(bytearray(SIZE))
        self._offer = offer or (lambda: view)
        self.buffer: Any = None
        """What get_buffer() returned last; a protocol that must not keep it may drop it."""

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
