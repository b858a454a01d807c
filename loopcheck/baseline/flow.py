"""What write() accepted and the kernel has not taken yet, and when the protocol has to hold back.

Plain objects: nothing here knows a socket, a selector or a protocol.
A transport asks them what to do and does it, so the rules can be tested without a loop.
"""

from __future__ import annotations

import collections
import enum
import itertools
from collections.abc import Mapping
from typing import Any

DEFAULT_HIGH = 64 * 1024
"""High-water mark when nobody chose one, as asyncio documents it: 64 KiB."""

CHUNKS_AT_ONCE = 1024
"""Most chunks given to one sendmsg(): IOV_MAX on Linux, macOS and the BSDs, where a longer list is an error."""


def cuttable(data: bytes | bytearray | memoryview[Any]) -> bytes | bytearray | memoryview[Any]:
    """*data*, or a copy that can be cut at any byte: a memoryview of larger items cannot."""
    return data.tobytes() if isinstance(data, memoryview) and data.nbytes != len(data) else data


class Pressure(enum.Enum):
    """What the protocol was told last."""

    FLOWING = "flowing"
    PAUSED = "paused"


PRESSURE_MOVES: Mapping[Pressure, frozenset[Pressure]] = {
    Pressure.FLOWING: frozenset({Pressure.PAUSED}),
    Pressure.PAUSED: frozenset({Pressure.FLOWING}),
}


class FlowControl:
    """Decides when pause_writing() and resume_writing() are due.

    The two calls strictly alternate.
    The mark counts as crossed only above ``high``, and as drained already at ``low``: with both at zero,
    "pause as soon as anything waits, resume once nothing does" still works.
    """

    __slots__ = ("_default", "high", "low", "pressure")

    def __init__(self, default: int = DEFAULT_HIGH) -> None:
        self._default = default
        self.pressure = Pressure.FLOWING
        self.set_limits()

    def set_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Choose the water marks; a mark that is left out follows from the other one."""
        if high is None:
            high = self._default if low is None else 4 * low
        if low is None:
            low = high // 4
        if not 0 <= low <= high:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self.high = high
        self.low = low

    def grew(self, size: int) -> bool:
        """Take note of a buffer that grew to *size*; true means: call pause_writing() now."""
        if size <= self.high or self.pressure is Pressure.PAUSED:
            return False
        self._move(Pressure.PAUSED)
        return True

    def shrank(self, size: int) -> bool:
        """Take note of a buffer that shrank to *size*; true means: call resume_writing() now."""
        if size > self.low or self.pressure is Pressure.FLOWING:
            return False
        self._move(Pressure.FLOWING)
        return True

    def _move(self, to: Pressure) -> None:
        assert to in PRESSURE_MOVES[self.pressure], f"{self.pressure} -> {to}"
        self.pressure = to


class WriteBuffer:
    """Bytes of a stream, in the order of the write() calls.

    The kernel takes what it likes, so chunks are kept as they came and the front one is cut by a view.
    What could change under our feet is copied on the way in: a program may reuse its bytearray after write().
    Invariant: no chunk is empty, and ``size`` is the sum of their lengths.
    """

    __slots__ = ("_chunks", "size")

    def __init__(self) -> None:
        # None until something has to wait: most connections are idle, and an empty deque takes 760 bytes.
        self._chunks: collections.deque[bytes | memoryview[int]] | None = None
        self.size = 0

    def append(self, data: bytes | bytearray | memoryview[Any], start: int = 0) -> None:
        """Keep the bytes of *data* from *start* on."""
        chunk: bytes | memoryview[int]
        if type(data) is not bytes:
            chunk = bytes(memoryview(data)[start:] if start else data)
        elif start:
            chunk = memoryview(data)[start:]
        else:
            chunk = data
        if chunk:
            if self._chunks is None:
                self._chunks = collections.deque()
            self._chunks.append(chunk)
            self.size += len(chunk)

    def head(self) -> list[bytes | memoryview[int]]:
        """The next chunks to send, as many as one system call may take."""
        return list(itertools.islice(self._chunks or (), CHUNKS_AT_ONCE))

    def first(self) -> bytes | memoryview[int]:
        """The next chunk; there must be one."""
        assert self._chunks
        return self._chunks[0]

    def take(self, count: int) -> None:
        """Forget the first *count* bytes: they are the kernel's now."""
        assert 0 <= count <= self.size
        self.size -= count
        chunks = self._chunks
        while count:
            assert chunks is not None
            chunk = chunks.popleft()
            if len(chunk) > count:
                chunks.appendleft(memoryview(chunk)[count:])
                return
            count -= len(chunk)

    def clear(self) -> None:
        """Drop everything."""
        self._chunks = None
        self.size = 0


class DatagramQueue:
    """Datagrams waiting for the kernel, whole ones, each with its address.

    ``overhead`` is what every datagram counts beside its payload.
    Without it, a flood of empty datagrams would never reach the high-water mark.
    """

    __slots__ = ("_overhead", "size", "waiting")

    def __init__(self, overhead: int) -> None:
        self._overhead = overhead
        # Changed only here, and asked by the hot path whether a datagram waits: without overhead, ``size`` cannot tell.
        self.waiting: collections.deque[tuple[bytes, Any]] = collections.deque()
        self.size = 0

    def append(self, data: bytes | bytearray | memoryview[Any], address: Any) -> None:
        """Queue a copy of *data*."""
        payload = bytes(data)
        self.waiting.append((payload, address))
        self.size += len(payload) + self._overhead

    def head(self) -> tuple[bytes, Any]:
        """The next datagram to send and where to."""
        return self.waiting[0]

    def pop(self) -> None:
        """Forget the next datagram: it was sent, or the kernel will never take it."""
        payload, _ = self.waiting.popleft()
        self.size -= len(payload) + self._overhead

    def clear(self) -> None:
        """Drop everything."""
        self.waiting.clear()
        self.size = 0
