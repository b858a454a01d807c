"""The life of a transport: what may happen next, and what must never happen again.

Plain objects: nothing here knows a socket, a selector or a protocol.

Three questions are independent of each other, so each is a small machine of its own: is the transport alive
(``Phase``), does it read (``Reading``), may the program still write (``Sending``).
Each has a table of allowed moves.  A move that is not in its table is a mistake in the transport, and raises.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

WARN_FROM_WRITE = 5
"""The first ignored write after the end that is worth a warning.

A few late writes are normal: a program learns of the end only in a later loop turn.
asyncio draws the line at five, and programs have tests for it.
"""


class Phase(enum.Enum):
    """How far the transport's life has come."""

    OPEN = "open"
    """Nothing special."""
    DRAINING = "draining"
    """close() was called, and accepted bytes still wait to be sent."""
    ENDING = "ending"
    """connection_lost() is scheduled; nothing is read or sent any more."""
    CLOSED = "closed"
    """connection_lost() was called; the descriptor is released."""


class Reading(enum.Enum):
    """Whether the program wants to receive."""

    FLOWING = "flowing"
    PAUSED = "paused"
    """pause_reading() was called: not even the end of the stream is noticed."""
    ENDED = "ended"
    """The peer's end of stream was delivered, and the protocol wished to stay open."""


class Sending(enum.Enum):
    """What has become of the sending half."""

    OPEN = "open"
    LENT = "lent"
    """sendfile() writes to the descriptor directly; write() would land in the middle of the file."""
    FINISHING = "finishing"
    """write_eof() was called, and accepted bytes go first."""
    FINISHED = "finished"
    """The peer was told that nothing more will come."""


PHASE_MOVES: Mapping[Phase, frozenset[Phase]] = {
    Phase.OPEN: frozenset({Phase.DRAINING, Phase.ENDING}),
    Phase.DRAINING: frozenset({Phase.ENDING}),
    Phase.ENDING: frozenset({Phase.CLOSED}),
    Phase.CLOSED: frozenset(),
}

READING_MOVES: Mapping[Reading, frozenset[Reading]] = {
    Reading.FLOWING: frozenset({Reading.PAUSED, Reading.ENDED}),
    Reading.PAUSED: frozenset({Reading.FLOWING}),
    Reading.ENDED: frozenset(),
}

SENDING_MOVES: Mapping[Sending, frozenset[Sending]] = {
    Sending.OPEN: frozenset({Sending.LENT, Sending.FINISHING, Sending.FINISHED}),
    Sending.LENT: frozenset({Sending.OPEN}),
    Sending.FINISHING: frozenset({Sending.FINISHED}),
    Sending.FINISHED: frozenset(),
}


class WrongMove(AssertionError):
    """A transport tried to do what its state does not allow: a mistake in the loop, never in the program."""


class Lifetime:
    """Answers a transport's questions about its own state.

    Methods that return a bool mean: true, this was new, do what it takes; false, there is nothing to do.
    That is what makes close(), abort() and their friends safe to call any number of times.
    """

    __slots__ = ("_ignored", "phase", "reading", "sending")

    def __init__(self) -> None:
        # Read directly by the hot paths, changed only here.
        self.phase = Phase.OPEN
        self.reading = Reading.FLOWING
        self.sending = Sending.OPEN
        self._ignored = 0

    @property
    def is_closing(self) -> bool:
        """Whether the end was decided, by whomever."""
        return self.phase is not Phase.OPEN

    @property
    def is_lost(self) -> bool:
        """Whether connection_lost() is on its way or was called: no byte will move any more."""
        return self.phase is Phase.ENDING or self.phase is Phase.CLOSED

    @property
    def is_reading(self) -> bool:
        """What ``transport.is_reading()`` says: open, and not paused by the program."""
        return self.phase is Phase.OPEN and self.reading is not Reading.PAUSED

    @property
    def wants_data(self) -> bool:
        """Whether the descriptor should be watched for reading."""
        return self.phase is Phase.OPEN and self.reading is Reading.FLOWING

    @property
    def has_read_all(self) -> bool:
        """Whether the end of the peer's stream was delivered."""
        return self.reading is Reading.ENDED

    def close(self, *, unsent: bool) -> bool:
        """The program closes; with *unsent* bytes the transport lives on until they are out."""
        if self.phase is not Phase.OPEN:
            return False
        self._move_phase(Phase.DRAINING if unsent else Phase.ENDING)
        return True

    def end(self) -> bool:
        """Whatever is unsent is lost or done: connection_lost() comes next."""
        if self.is_lost:
            return False
        self._move_phase(Phase.ENDING)
        return True

    def closed(self) -> None:
        """connection_lost() was called."""
        self._move_phase(Phase.CLOSED)

    def pause_reading(self) -> bool:
        """The program wants no more data for now."""
        if not self.wants_data:
            return False
        self._move_reading(Reading.PAUSED)
        return True

    def resume_reading(self) -> bool:
        """The program wants data again."""
        if self.phase is not Phase.OPEN or self.reading is not Reading.PAUSED:
            return False
        self._move_reading(Reading.FLOWING)
        return True

    def reading_ended(self) -> None:
        """The end of the peer's stream was delivered, once and for all."""
        # eof_received() may have paused reading itself: there is nothing left to pause.
        if self.reading is Reading.PAUSED:
            self._move_reading(Reading.FLOWING)
        self._move_reading(Reading.ENDED)

    def finish_sending(self, *, unsent: bool) -> bool:
        """write_eof(): true means that the peer can be told at once."""
        if self.phase is not Phase.OPEN or self.sending is not Sending.OPEN:
            return False
        self._move_sending(Sending.FINISHING if unsent else Sending.FINISHED)
        return not unsent

    def finish_sent(self) -> bool:
        """The last byte before write_eof() is out: true means that the peer can be told now."""
        if self.sending is not Sending.FINISHING:
            return False
        self._move_sending(Sending.FINISHED)
        return True

    def lend(self) -> None:
        """sendfile() takes the descriptor over."""
        self._move_sending(Sending.LENT)

    def give_back(self) -> None:
        """sendfile() is done with the descriptor."""
        self._move_sending(Sending.OPEN)

    def ignored_write(self) -> bool:
        """Count a write that came after the end; true means that it is time to warn."""
        self._ignored += 1
        return self._ignored >= WARN_FROM_WRITE

    def _move_phase(self, to: Phase) -> None:
        if to not in PHASE_MOVES[self.phase]:
            raise WrongMove(f"{self.phase} -> {to}")
        self.phase = to

    def _move_reading(self, to: Reading) -> None:
        if to not in READING_MOVES[self.reading]:
            raise WrongMove(f"{self.reading} -> {to}")
        self.reading = to

    def _move_sending(self, to: Sending) -> None:
        if to not in SENDING_MOVES[self.sending]:
            raise WrongMove(f"{self.sending} -> {to}")
        self.sending = to
