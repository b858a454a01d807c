"""TLS as a machine that turns bytes into bytes: it owns no socket, knows no loop, and never waits.

The facts about the world: TLS is a conversation on top of a conversation.
Writing may have to wait for something to read and the other way round, so the ssl module, given two ``MemoryBIO``,
does what it can with what has arrived, and says "want read" when that is not enough.
What follows: whoever does the I/O feeds what comes in, asks the engine to go on, and sends what comes out, always.
How long that may take is not decided here.
"""

from __future__ import annotations

import enum
import ssl
from collections.abc import Mapping
from typing import Any

from .flow import WriteBuffer
from .lifetime import WrongMove

LARGEST_RECORD = 16 * 1024
"""Most plain bytes in one record; the ssl module never reads more than one at once."""

_WAIT = (ssl.SSLWantReadError, ssl.SSLSyscallError)
"""How the ssl module says "not yet"; the second one when a MemoryBIO is empty at an unusual moment."""


class Stage(enum.Enum):
    """How far the conversation has come."""

    NEW = "new"
    HANDSHAKE = "handshake"
    TRANSFER = "transfer"
    FLUSHING = "flushing"
    """The end is decided: what has arrived is still delivered, nothing new is accepted."""
    SHUTDOWN = "shutdown"
    """Our close_notify is sent, the peer's is awaited."""
    OVER = "over"
    """Nothing is read or written any more, in whichever way that came about."""


STAGE_MOVES: Mapping[Stage, frozenset[Stage]] = {
    Stage.NEW: frozenset({Stage.HANDSHAKE, Stage.OVER}),
    Stage.HANDSHAKE: frozenset({Stage.TRANSFER, Stage.OVER}),
    Stage.TRANSFER: frozenset({Stage.FLUSHING, Stage.OVER}),
    Stage.FLUSHING: frozenset({Stage.SHUTDOWN, Stage.OVER}),
    Stage.SHUTDOWN: frozenset({Stage.OVER}),
    Stage.OVER: frozenset(),
}


class Engine:
    """One side of one TLS connection.

    Every method may leave something in the outgoing buffer: the caller looks there after each.
    """

    __slots__ = ("_incoming", "_outgoing", "_plain", "peer_ended", "session", "stage")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.session = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        # What write() accepted and the session did not take yet: before the handshake, everything.
        self._plain = WriteBuffer()
        self.stage = Stage.NEW
        # Whether the peer's bytes have ended, with or without close_notify: no answer will ever come.
        self.peer_ended = False

    # --- the side of the network

    @property
    def unread(self) -> int:
        """How many bytes were fed and not looked at yet."""
        return self._incoming.pending

    @property
    def unsent(self) -> int:
        """How many bytes wait for the network, encrypted or not."""
        return self._outgoing.pending + self._plain.size

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take *data*, which the peer sent."""
        self._incoming.write(data)

    def take(self) -> bytes:
        """What has to be sent to the peer; it is forgotten here."""
        return self._outgoing.read()

    # --- the stages

    def start(self) -> None:
        """Begin the handshake."""
        self._move(Stage.HANDSHAKE)

    def shake(self) -> bool:
        """Go on with the handshake; true when it is done, an ``ssl.SSLError`` when it failed."""
        try:
            self.session.do_handshake()
        except _WAIT:
            return False
        self._move(Stage.TRANSFER)
        return True

    def finish(self) -> None:
        """Decide the end: write() is over, what has arrived may still be read."""
        self._move(Stage.FLUSHING)

    def flushed(self) -> None:
        """What had arrived was read, as far as anybody wanted it."""
        self._move(Stage.SHUTDOWN)

    def part(self) -> bool:
        """Say goodbye, and hear the peer say it; true when that is done, an ``ssl.SSLError`` when it failed."""
        if self.peer_ended:
            return True
        try:
            self.session.unwrap()
        except _WAIT:
            return False
        return True

    def end(self) -> None:
        """Give up whatever is under way; any number of times."""
        if self.stage is not Stage.OVER:
            self._move(Stage.OVER)
        self._plain.clear()
        self._outgoing.read()

    # --- the side of the program

    @property
    def accepts(self) -> bool:
        """Whether write() still has an effect."""
        return self.stage in (Stage.NEW, Stage.HANDSHAKE, Stage.TRANSFER)

    @property
    def delivers(self) -> bool:
        """Whether there may be something to read."""
        return self.stage is Stage.TRANSFER or self.stage is Stage.FLUSHING

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Accept plain *data*; encrypt() does the rest."""
        self._plain.append(data)

    def encrypt(self) -> None:
        """Encrypt what was accepted, as far as the session lets us: only between handshake and shutdown."""
        if not self.delivers:
            return
        plain = self._plain
        try:
            while plain.size:
                plain.take(self.session.write(plain.first()))
        except _WAIT:
            pass

    def read(self) -> bytes | None:
        """The next plain bytes; None when more has to arrive first, b"" when the peer said goodbye."""
        if self._has_nothing:
            return None
        try:
            return self.session.read(LARGEST_RECORD)
        except _WAIT:
            return None

    def read_into(self, view: memoryview) -> int | None:
        """The same into *view*, which must have room; returns the number of bytes."""
        if self._has_nothing:
            return None
        try:
            # typeshed declares what comes without a buffer; with one it is a number.
            count: Any = self.session.read(len(view), view)
            return int(count)
        except _WAIT:
            return None

    @property
    def _has_nothing(self) -> bool:
        """Whether reading would only make the ssl module raise its "want read"."""
        return not self._incoming.pending and not self.session.pending()

    def _move(self, to: Stage) -> None:
        if to not in STAGE_MOVES[self.stage]:
            raise WrongMove(f"{self.stage} -> {to}")
        self.stage = to
