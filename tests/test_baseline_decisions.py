"""What the bundled loop decides apart from I/O: plain objects, without a loop, a socket or a process."""

from __future__ import annotations

import itertools
import ssl
from typing import Any

import pytest
import trustme
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from loopcheck.baseline import childlife, engine, timers, tls
from loopcheck.baseline.childlife import ChildLife
from loopcheck.baseline.engine import Engine
from loopcheck.baseline.flow import FlowControl
from loopcheck.baseline.lifetime import Lifetime, Phase, Reading, Sending, WrongMove
from loopcheck.baseline.timers import Timers

AUTHORITY = trustme.CA(key_type=trustme.KeyType.ECDSA)
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
AUTHORITY.issue_cert("localhost", key_type=trustme.KeyType.ECDSA).configure_cert(SERVER)
CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
AUTHORITY.configure_trust(CLIENT)


def two_engines(trusting: ssl.SSLContext = CLIENT) -> tuple[Engine, Engine]:
    """A client and a server that have begun."""
    client = Engine(trusting, server_side=False, server_hostname="localhost")
    server = Engine(SERVER, server_side=True, server_hostname=None)
    client.start()
    server.start()
    return client, server


def connected() -> tuple[Engine, Engine]:
    """A client and a server after their handshake."""
    client, server = two_engines()
    for _ in range(4):
        for one, other in ((client, server), (server, client)):
            if one.stage is engine.Stage.HANDSHAKE:
                one.shake()
            other.feed(one.take())
    return client, server


# --- tables

TABLES: list[tuple[Any, Any]] = [
    (engine.Stage, engine.STAGE_MOVES),
    (tls.Told, tls.TOLD_MOVES),
    (childlife.Stage, childlife.STAGE_MOVES),
]


@pytest.mark.parametrize(("states", "moves"), TABLES)
def test_tables_are_complete(states: Any, moves: Any) -> None:
    assert set(moves) == set(states)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(engine.Stage, repeat=2)))
def test_an_engine_makes_only_the_moves_of_its_table(before: engine.Stage, after: engine.Stage) -> None:
    client, _ = two_engines()
    client.stage = before

    if after in engine.STAGE_MOVES[before]:
        client._move(after)
        assert client.stage is after
    else:
        with pytest.raises(WrongMove):
            client._move(after)
        assert client.stage is before


# --- the engine


def test_the_handshake_needs_nothing_but_bytes() -> None:
    client, server = connected()

    assert [client.stage, server.stage] == [engine.Stage.TRANSFER] * 2
    assert client.session.cipher() == server.session.cipher()


def test_what_is_written_early_waits_for_the_handshake() -> None:
    client, server = two_engines()
    client.write(b"early")
    client.encrypt()
    waiting = client.unsent
    for _ in range(4):
        for one, other in ((client, server), (server, client)):
            if one.stage is engine.Stage.HANDSHAKE:
                one.shake()
            other.feed(one.take())
    client.encrypt()
    server.feed(client.take())

    assert (waiting, server.read(), client.unsent) == (5, b"early", 0)


def test_a_handshake_with_a_stranger_fails() -> None:
    client, server = two_engines(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    client.shake()
    server.feed(client.take())
    server.shake()
    client.feed(server.take())

    with pytest.raises(ssl.SSLCertVerificationError):
        client.shake()


def test_the_shutdown_is_over_once_both_said_goodbye() -> None:
    client, server = connected()
    client.finish()
    client.flushed()
    first = client.part()
    server.feed(client.take())
    goodbye = server.read()
    server.finish()
    server.flushed()
    second = server.part()
    client.feed(server.take())

    assert (first, goodbye, second, client.part()) == (False, b"", True, True)


def test_nobody_answers_once_the_peers_bytes_have_ended() -> None:
    client, _ = connected()
    client.peer_ended = True
    client.finish()
    client.flushed()

    assert client.part()


def test_the_end_drops_what_waits() -> None:
    client, _ = two_engines()
    client.shake()
    client.write(b"never sent")
    client.end()
    client.end()

    assert (client.stage, client.unsent, client.accepts) == (engine.Stage.OVER, 0, False)


class Conversation(RuleBasedStateMachine):
    """However bytes are cut on their way, and whoever writes when: what is read is what was written, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = two_engines()
        self.wire: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self.written = (bytearray(), bytearray())
        self.received = (bytearray(), bytearray())

    def go_on(self, side: int) -> None:
        """What an I/O half does after each event."""
        one = self.sides[side]
        if one.stage is engine.Stage.HANDSHAKE:
            one.shake()
        if one.delivers:
            while chunk := one.read():
                self.received[side].extend(chunk)
            one.encrypt()
        self.wire[side].extend(one.take())

    @rule(side=st.integers(0, 1), data=st.binary(min_size=1, max_size=20_000))
    def write(self, side: int, data: bytes) -> None:
        self.sides[side].write(data)
        self.written[side].extend(data)
        self.go_on(side)

    @rule(side=st.integers(0, 1), count=st.integers(1, 5_000))
    def deliver(self, side: int, count: int) -> None:
        sent = self.wire[side][:count]
        del self.wire[side][:count]
        self.sides[1 - side].feed(sent)
        self.go_on(1 - side)

    @precondition(lambda self: any(self.wire))
    @rule()
    def deliver_everything(self) -> None:
        while any(self.wire):
            for side in (0, 1):
                self.deliver(side, len(self.wire[side]))

    @invariant()
    def nothing_is_invented(self) -> None:
        for side in (0, 1):
            got = self.received[1 - side]
            assert self.written[side][: len(got)] == got

    def teardown(self) -> None:
        for side in (0, 1):
            self.go_on(side)
        self.deliver_everything()
        assert list(self.received) == list(reversed(self.written))


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


# --- the life of a child


def told(*args: Any) -> None:
    """Stands for a method of a protocol."""


def test_what_happens_before_the_pipes_are_connected_is_told_afterwards() -> None:
    life = ChildLife([1])

    at_once = life.tell(told, "data")
    life.exited(0)
    life.pipe_ended(1)
    too_early = life.end()
    held = life.connected()

    assert (at_once, too_early, held, life.end(), life.end()) == (False, False, [(told, ("data",))], True, False)


@pytest.mark.parametrize("order", list(itertools.permutations(["exit", 0, 1])), ids=repr)
def test_the_end_comes_with_the_last_of_process_and_pipes(order: tuple[object, ...]) -> None:
    life = ChildLife([0, 1])
    life.connected()
    ends = []
    for event in order:
        if isinstance(event, int):
            life.pipe_ended(event)
        else:
            life.exited(3)
        ends.append(life.end())

    assert ends == [False, False, True]


def test_a_process_ends_once() -> None:
    life = ChildLife([])
    life.exited(0)

    with pytest.raises(WrongMove):
        life.exited(0)


def test_an_abandoned_child_tells_nothing() -> None:
    life = ChildLife([1])
    life.tell(told)
    life.abandon()
    life.exited(0)
    life.pipe_ended(1)

    assert (life.tell(told), life.end()) == (False, False)


# --- timers


class Timer:
    """As much of a TimerHandle as the queue looks at."""

    def __init__(self, when: float) -> None:
        self._when = when
        self._cancelled = False
        self._scheduled = False


class TimersMachine(RuleBasedStateMachine):
    """The queue of timers against the simplest model: a list, sorted at every question."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = Timers()
        self.model: list[Timer] = []
        self.known: list[Timer] = []

    @rule(when=st.integers(0, 20), number=st.sampled_from([1, 60]))
    def add(self, when: int, number: int) -> None:
        for _ in range(number):
            timer = Timer(when)
            self.timers.add(timer)
            self.model.append(timer)
            self.known.append(timer)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), number=st.sampled_from([1, 60]))
    def cancel(self, data: st.DataObject, number: int) -> None:
        first = data.draw(st.integers(0, len(self.known) - 1))
        for timer in self.known[first : first + number]:
            if not timer._cancelled:
                timer._cancelled = True
                self.timers.cancelled += timer._scheduled
        self.model = [timer for timer in self.model if not timer._cancelled]

    @rule(until=st.integers(0, 20))
    def due(self, until: int) -> None:
        expected = sorted((timer for timer in self.model if timer._when < until), key=lambda timer: timer._when)
        self.model = [timer for timer in self.model if timer._when >= until]

        assert self.timers.due(until) == expected
        assert not any(timer._scheduled for timer in expected)

    @rule()
    def next(self) -> None:
        assert self.timers.next() == min((timer._when for timer in self.model), default=None)
        assert len(self.timers) <= max(timers.CLEAN_FROM, 2 * len(self.model) + 1)

    @invariant()
    def counts_what_is_in_here(self) -> None:
        pending = [timer for timer in self.known if timer._scheduled and not timer._cancelled]
        assert pending == self.model
        assert len(self.timers) == len(pending) + self.timers.cancelled


TestTimers = TimersMachine.TestCase
TestTimers.settings = settings(max_examples=40, stateful_step_count=20, deadline=None, database=None)


# --- whatever happens, in whatever order


class LifetimeMachine(RuleBasedStateMachine):
    """A transport's life under every call that a program or a peer can cause, at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Lifetime()
        self.ends = 0
        self.phases = [self.life.phase]

    @rule(unsent=st.booleans())
    def close(self, unsent: bool) -> None:
        was_open = self.life.phase is Phase.OPEN
        assert self.life.close(unsent=unsent) is was_open
        self.ends += was_open and not unsent

    @rule()
    def end(self) -> None:
        self.ends += self.life.end()

    @precondition(lambda self: self.life.phase is Phase.ENDING)
    @rule()
    def closed(self) -> None:
        self.life.closed()

    @rule()
    def pause_and_resume(self) -> None:
        paused = self.life.pause_reading()
        assert not (paused and self.life.wants_data)
        resumed = self.life.resume_reading()
        assert resumed or not paused

    @rule()
    def pause(self) -> None:
        self.life.pause_reading()

    @rule()
    def resume(self) -> None:
        assert not self.life.resume_reading() or self.life.wants_data

    @precondition(lambda self: self.life.phase is Phase.OPEN and self.life.reading is not Reading.ENDED)
    @rule()
    def peer_ended(self) -> None:
        self.life.reading_ended()

    @rule(unsent=st.booleans())
    def write_eof(self, unsent: bool) -> None:
        at_once = self.life.finish_sending(unsent=unsent)
        assert not (at_once and unsent)

    @rule()
    def sent(self) -> None:
        if self.life.finish_sent():
            assert not self.life.finish_sent()

    @precondition(lambda self: self.life.sending is Sending.OPEN)
    @rule()
    def sendfile(self) -> None:
        self.life.lend()
        assert not self.life.finish_sending(unsent=False)
        self.life.give_back()

    @invariant()
    def ends_once_and_never_goes_back(self) -> None:
        if self.life.phase is not self.phases[-1]:
            self.phases.append(self.life.phase)
        assert self.phases == sorted(set(self.phases), key=list(Phase).index)
        assert self.ends == self.life.is_lost
        assert not (self.life.is_closing and (self.life.is_reading or self.life.wants_data))


TestLifetime = LifetimeMachine.TestCase
TestLifetime.settings = settings(max_examples=60, stateful_step_count=20, deadline=None, database=None)


class PressureMachine(RuleBasedStateMachine):
    """pause_writing() and resume_writing() alternate, whatever sizes and water marks come along."""

    def __init__(self) -> None:
        super().__init__()
        self.control = FlowControl()
        self.calls = ["resume"]

    @rule(size=st.integers(0, 50))
    def grew(self, size: int) -> None:
        if self.control.grew(size):
            assert size > self.control.high
            self.calls.append("pause")

    @rule(size=st.integers(0, 50))
    def shrank(self, size: int) -> None:
        if self.control.shrank(size):
            assert size <= self.control.low
            self.calls.append("resume")

    @rule(high=st.integers(0, 40), part=st.integers(0, 40))
    def set_limits(self, high: int, part: int) -> None:
        self.control.set_limits(high, min(high, part))

    @invariant()
    def alternates(self) -> None:
        assert all(one != other for one, other in itertools.pairwise(self.calls))

    def teardown(self) -> None:
        # Once nothing waits, nobody may stay paused.
        assert self.control.shrank(0) is (self.calls[-1] == "pause")


TestPressure = PressureMachine.TestCase
TestPressure.settings = settings(max_examples=40, stateful_step_count=20, deadline=None, database=None)


class ChildMachine(RuleBasedStateMachine):
    """A child's life: nothing is lost, nothing is told too early, and the end comes once and last."""

    def __init__(self) -> None:
        super().__init__()
        self.life = ChildLife([0, 1])
        self.happened: list[int] = []
        self.told: list[int] = []
        self.pipes, self.exited, self.ended = {0, 1}, False, False

    @rule()
    def something_happens(self) -> None:
        number = len(self.happened)
        self.happened.append(number)
        if self.life.tell(self.told.append, number):
            self.told.append(number)

    @precondition(lambda self: self.life.stage is childlife.Stage.STARTING)
    @rule()
    def connected(self) -> None:
        for callback, arguments in self.life.connected():
            callback(*arguments)

    @precondition(lambda self: self.life.stage is childlife.Stage.STARTING)
    @rule()
    def abandon(self) -> None:
        self.life.abandon()

    @rule(number=st.integers(0, 1))
    def pipe_ended(self, number: int) -> None:
        self.life.pipe_ended(number)
        self.pipes.discard(number)

    @precondition(lambda self: not self.exited)
    @rule()
    def process_exited(self) -> None:
        self.life.exited(0)
        self.exited = True

    @rule()
    def end(self) -> None:
        known = self.life.stage is childlife.Stage.KNOWN
        due = known and self.exited and not self.pipes
        assert self.life.end() is due
        assert not (due and self.ended)
        self.ended = self.ended or due

    @invariant()
    def tells_everything_once_it_may(self) -> None:
        may = self.life.stage in (childlife.Stage.KNOWN, childlife.Stage.ENDING)
        assert self.told == (self.happened if may else [])


TestChild = ChildMachine.TestCase
TestChild.settings = settings(max_examples=60, stateful_step_count=20, deadline=None, database=None)
