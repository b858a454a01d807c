"""The transport of a TLS connection, as the program's protocol sees it; the work is done in ``tls``."""

from __future__ import annotations

import asyncio
from asyncio import constants, transports
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .flow import FlowControl
from .streams import Data, bytes_of
from .transport import FlowControlled

if TYPE_CHECKING:
    from .tls import TLSLayer

HIGH_WRITE = 512 * 1024
"""High-water mark for writing when nobody chose one; asyncio's number, larger than without TLS."""


class TLSTransport(FlowControlled, transports.Transport):
    """What the program takes for its transport.

    One that nobody closed is reported by the transport below it, which is dropped together with it.
    """

    # BaseEventLoop asks for these two before start_tls() and sendfile(): a file must be read to be encrypted.
    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.FALLBACK

    __slots__ = ("_buffered", "_closed", "_layer")

    def __init__(self, loop: Any, layer: TLSLayer, protocol: Any) -> None:
        super().__init__(loop, protocol, None)
        self._layer = layer
        self._flow = FlowControl(HIGH_WRITE)
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)
        self._closed = False

    def __repr__(self) -> str:
        words = [type(self).__name__, f"stage={self._layer._engine.stage.value}"]
        if self._layer._lower is not None:
            words.append(f"over={self._layer._lower!r}")
        return f"<{' '.join(words)}>"

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the session, or what the lower transport knows."""
        layer = self._layer
        if name in layer._extra:
            return layer._extra[name]
        return default if layer._lower is None else layer._lower.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Send all later callbacks to *protocol*, which may be buffered or not."""
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that gets the callbacks."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed, or the one below it is."""
        lower = self._layer._lower
        return self._closed or (lower is not None and bool(lower.is_closing()))

    def is_reading(self) -> bool:
        """Return whether the program wants data."""
        return self._layer._reading

    def pause_reading(self) -> None:
        """Deliver nothing more until resume_reading()."""
        self._layer._reading = False

    def resume_reading(self) -> None:
        """Deliver what waited, and go on reading."""
        if not self._layer._reading:
            self._layer._reading = True
            self._loop.call_soon(self._layer._read_again)

    def get_write_buffer_size(self) -> int:
        """Return how much the lower transport did not take yet."""
        return self._layer._engine.unsent

    def write(self, data: Data) -> None:
        """Send *data*, encrypted."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data: expecting a bytes-like instance, got {type(data).__name__}")
        self._layer._write((bytes_of(data),))

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        """Send what write() of each element would."""
        self._layer._write([bytes_of(data) for data in list_of_data])

    def can_write_eof(self) -> bool:
        """Return False: asyncio does not close a TLS connection by halves."""
        return False

    def write_eof(self) -> None:
        """Refuse."""
        raise NotImplementedError

    def close(self) -> None:
        """Send what waits, say goodbye, then call connection_lost(None)."""
        self._layer._shut_down()

    def abort(self) -> None:
        """Drop what waits, and call connection_lost(None) soon."""
        self._force_close(None)

    def _force_close(self, exc: BaseException | None) -> None:
        self._layer._abort(exc)
