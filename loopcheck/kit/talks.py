"""Talks that nobody wrote: generated steps on one connection, and what must hold after any of them.

A talk is a byte string, and every byte is a step; so whoever generates and shortens talks needs to know nothing about
transports. What holds is known beforehand, without another loop to compare with: what the peer got is what was
written, and the callbacks follow one grammar.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from loopcheck.kit.bench import HEAVY, Bench, tool
from loopcheck.kit.buffers import Buffers
from loopcheck.kit.channels import Channel, Receiver, Wire, pattern
from loopcheck.kit.peers import AS_SENT, Peer, compared
from loopcheck.kit.ready import readable, writable
from loopcheck.kit.turns import pass_turns

HEAVY["unlike"] = "loopcheck.kit.examples"

SIZES = (6, 24)
"""The bytes of a talk: enough for a full buffer, flow control and an end."""

_LETTERS = {
    "connection_made": "m",
    "data_received": "d",
    "buffer_updated": "d",
    "eof_received": "e",
    "connection_lost": "l",
}
_FLOW = {"pause_writing": "p", "resume_writing": "r"}


def _continued(data: bytearray, number: int) -> bytes:
    """The bytes of the pattern that follow these."""
    begin = len(data) // 4 * 4
    return pattern(number + 4, begin)[len(data) - begin :][:number]


Step = tuple[str, Callable[["_Talk"], Coroutine[Any, Any, None]]]


class _Talk:
    """One connection, and what should have come over it."""

    def __init__(self, transport: Any, protocol: Receiver, peer: Peer, room: int = 0) -> None:
        self.transport, self.protocol, self.peer = transport, protocol, peer
        self.room = room
        self.written = bytearray()
        self.arrived = bytearray()
        self.sent = bytearray()
        self.half_closed = False
        self.peer_half_closed = False
        self.paused = False
        self.aborted = False

    def next(self, number: int) -> bytes:
        """The next bytes to write, which continue those before."""
        piece = _continued(self.written, number)
        self.written += piece
        return piece

    async def drink(self, number: int) -> None:
        """Have the peer read so many bytes of what is there."""

        def read(sock: socket.socket) -> bytes:
            return sock.recv(number) if readable(sock) else b""

        self.arrived += await self.peer.does("reading what is there", read)


def _write(number: int, kind: Callable[[bytes], Any]) -> Step:
    async def step(talk: _Talk) -> None:
        if not talk.half_closed:
            talk.transport.write(kind(talk.next(number)))

    return f"write({kind.__name__} of {number})", step


def _writelines(*numbers: int) -> Step:
    async def step(talk: _Talk) -> None:
        if not talk.half_closed:
            talk.transport.writelines([talk.next(number) for number in numbers])

    return f"writelines() of {numbers}", step


def _limits(**limits: int) -> Step:
    async def step(talk: _Talk) -> None:
        talk.transport.set_write_buffer_limits(**limits)

    return f"set_write_buffer_limits({limits or ''})", step


def _drink(number: int) -> Step:
    async def step(talk: _Talk) -> None:
        await talk.drink(number)

    return f"the peer reads {number}", step


async def _turn(talk: _Talk) -> None:
    await pass_turns()


async def _write_eof(talk: _Talk) -> None:
    if talk.transport.can_write_eof():  # not over TLS
        talk.transport.write_eof()
        talk.half_closed = True


def _send(number: int) -> Step:
    async def step(talk: _Talk) -> None:
        if len(talk.sent) + number - len(talk.protocol.data) > talk.room:
            return
        data = pattern(number)
        await talk.peer.does("sending", lambda sock: sock.sendall(data))
        talk.sent += data

    return f"the peer sends {number}, if there is room", step


def _offer(number: int) -> Step:
    async def step(talk: _Talk) -> None:
        if talk.peer_half_closed:
            return
        data = _continued(talk.sent, number)

        def send(sock: socket.socket) -> int:
            return sock.send(data, socket.MSG_DONTWAIT) if writable(sock) else 0

        talk.sent += data[: await talk.peer.does("sending what the kernel takes", send)]

    return f"the peer sends {number}, or what it can", step


async def _peer_half_close(talk: _Talk) -> None:
    if talk.protocol.keep_open and not talk.peer_half_closed:
        await talk.peer.half_close()
        talk.peer_half_closed = True


async def _pause(talk: _Talk) -> None:
    talk.transport.pause_reading()


async def _resume(talk: _Talk) -> None:
    talk.transport.resume_reading()


WRITING: tuple[Step, ...] = (
    _write(1, bytes),
    _write(3000, bytearray),
    _write(70_000, memoryview),
    _write(300_000, bytes),
    _writelines(1, 100_000, 3),
    _writelines(9, 9),
    _limits(high=0),
    _limits(),
    _limits(high=100_000, low=1000),
    _drink(1000),
    _drink(200_000),
    ("a turn", _turn),
    ("a turn", _turn),
    ("write_eof(), where there is that", _write_eof),
)
"""What can happen while a program writes; a talk ends with close() or abort(), and the peer reads the rest."""

READING: tuple[Step, ...] = (
    _send(1),
    _send(5000),
    _send(20_000),
    ("pause_reading()", _pause),
    ("resume_reading()", _resume),
    ("resume_reading()", _resume),
    ("a turn", _turn),
    ("a turn", _turn),
)
"""What can happen while a program reads; a talk ends when the peer closes."""


async def _pause_before_the_end(talk: _Talk) -> None:
    # Whether the end is told again to who pauses and resumes after it asyncio leaves open.
    if not talk.peer_half_closed:
        talk.transport.pause_reading()
        talk.paused = True


async def _resume_if_paused(talk: _Talk) -> None:
    if talk.paused:
        talk.transport.resume_reading()
        talk.paused = False


BOTH: tuple[Step, ...] = (
    *WRITING,
    _write(0, bytes),
    _write(150_000, bytearray),
    _write(150_000, memoryview),
    _offer(1),
    _offer(5000),
    _offer(30_000),
    ("pause_reading(), unless the peer has half-closed", _pause_before_the_end),
    ("pause_reading(), unless the peer has half-closed", _pause_before_the_end),
    ("resume_reading(), if paused", _resume_if_paused),
    ("resume_reading(), if paused", _resume_if_paused),
    ("the peer half-closes, if eof_received() keeps the transport open", _peer_half_close),
)
"""What can happen while both write and read; a talk ends with close() or abort(), or when the peer closes."""


def _read(data: bytes, steps: tuple[Step, ...]) -> list[Step]:
    return [steps[byte % len(steps)] for byte in data]


def _grammar(events: list[str]) -> list[str]:
    """What is wrong with the order of the callbacks; empty when nothing is."""
    wrong = []
    if not re.fullmatch("md*e?l", "".join(_LETTERS.get(event, "") for event in events)):
        wrong.append(f"the callbacks were {events}")
    if not re.fullmatch("(pr)*p?", "".join(_FLOW.get(event, "") for event in events)):
        wrong.append(f"pause_writing() and resume_writing() do not alternate: {events}")
    return wrong


def _difference(what: str, got: bytes | bytearray, wanted: bytes | bytearray, *, all: bool) -> list[str]:
    seen = compared(got, wanted)
    return [] if seen == AS_SENT or (not all and wanted.startswith(got)) else [f"{what} {seen}"]


async def _talk_writing(channel: Channel, data: bytes, patience: float) -> list[str]:
    ending, *steps = data or b"\0"
    async with channel.open(narrow=True) as (transport, protocol, peer):
        talk = _Talk(transport, protocol, peer)
        for _, step in _read(bytes(steps), WRITING):
            await step(talk)
        # What has no half close is closing already after write_eof().
        if ending % 4 == 3 and not transport.is_closing():
            transport.abort()
            talk.aborted = True
        else:
            transport.close()
        rest = peer.read(0 if talk.aborted else len(talk.written) - len(talk.arrived))
        await protocol.until("connection_lost", patience)
        talk.arrived += await rest
        await pass_turns(2)
        talk.arrived += await peer.read_waiting()
    lost = [] if protocol.lost_with is None else [f"connection_lost() got {protocol.lost_with!r}"]
    return (
        _difference("the peer got", talk.arrived, talk.written, all=not talk.aborted) + _grammar(protocol.events) + lost
    )


async def _talk_reading(channel: Channel, data: bytes, patience: float) -> list[str]:
    async with channel.open() as (transport, protocol, peer):
        talk = _Talk(transport, protocol, peer, channel.room)
        for _, step in _read(data, READING):
            await step(talk)
        peer.half_close()
        transport.resume_reading()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
    lost = [] if protocol.lost_with is None else [f"connection_lost() got {protocol.lost_with!r}"]
    return _difference("data_received() got", protocol.data, talk.sent, all=True) + _grammar(protocol.events) + lost


_ENDINGS = ("close()", "the peer closes", "close(), with eof_received() keeping the transport open", "abort()")


async def _talk_both(channel: Channel, data: bytes, patience: float, make: Callable[..., Receiver] = Wire) -> list[str]:
    first, *steps = data or b"\0"
    ending = _ENDINGS[first % len(_ENDINGS)]
    given = make(keep_open="keeping" in ending)
    async with channel.open(given, narrow=True) as (transport, protocol, peer):
        talk = _Talk(transport, protocol, peer)
        for _, step in _read(bytes(steps), BOTH):
            await step(talk)
        if ending == "abort()":
            transport.abort()
            talk.aborted = True
        else:
            await _resume_if_paused(talk)
            # Closing a socket on which something waits to be read resets the connection, and the rest would be lost.
            await protocol.has_received(len(talk.sent), patience)
            if ending == "the peer closes":
                peer.half_close()
            else:
                transport.close()
        rest = peer.read(0 if talk.aborted else len(talk.written) - len(talk.arrived))
        await protocol.until("connection_lost", patience)
        talk.arrived += await rest
        await pass_turns(2)
        talk.arrived += await peer.read_waiting()
    complaints = _difference("the peer got", talk.arrived, talk.written, all=not talk.aborted)
    complaints += _difference("the protocol got", protocol.data, talk.sent, all=not talk.aborted)
    complaints += _grammar(protocol.events)
    if ending == "the peer closes" and "eof_received" not in protocol.events:
        complaints.append("eof_received() was not called")
    if protocol.lost_with is not None:
        complaints.append(f"connection_lost() got {protocol.lost_with!r}")
    return complaints


async def _talk_both_buffered(channel: Channel, data: bytes, patience: float) -> list[str]:
    return await _talk_both(channel, data, patience, Buffers)


_KINDS: dict[str, tuple[Callable[..., Coroutine[Any, Any, list[str]]], tuple[Step, ...]]] = {
    "writing": (_talk_writing, WRITING),
    "reading": (_talk_reading, READING),
    "both": (_talk_both, BOTH),
    "both, buffered": (_talk_both_buffered, BOTH),
}


def _told(kind: str, data: bytes) -> list[str]:
    """A talk for people."""
    first = data[0] if data else 0
    if kind == "reading":
        return [*(name for name, _ in _read(data, READING)), "the peer closes"]
    names = [name for name, _ in _read(data[1:], _KINDS[kind][1])]
    if kind == "writing":
        return [*names, "abort()" if first % 4 == 3 else "close()"]
    return [*names, _ENDINGS[first % len(_ENDINGS)]]


def shortest(
    bench: Bench,
    run: Callable[[bytes, float], Coroutine[Any, Any, list[str]]],
    number: int,
    sizes: tuple[int, int] = SIZES,
) -> tuple[bytes, str] | None:
    """Search the shortest byte string after whose run something is wrong.

    Args:
        bench: whose loop runs.
        run: runs what a byte string says, in the loop, with so many seconds for what must happen; what is wrong then.
        number: how many to try.
        sizes: the lengths of the shortest and the longest.

    Returns:
        It, and what is wrong; None when nothing is.
    """
    from loopcheck.kit.examples import smallest  # hypothesis takes longer to import than most checks to run

    loop: asyncio.AbstractEventLoop = bench.tool("loop")
    shrunk_by = float("inf")
    seen: dict[bytes, list[str]] = {}

    def wrong(data: bytes, patience: float) -> list[str]:
        try:
            complaints = loop.run_until_complete(run(data, patience))
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
        if complaints:
            seen[data] = complaints
        return complaints

    def looks_wrong(data: bytes) -> bool:
        nonlocal shrunk_by
        if time.monotonic() > shrunk_by or not wrong(data, bench.patience / 8):
            return False
        shrunk_by = min(shrunk_by, time.monotonic() + bench.patience / 2)
        return True

    found = smallest(looks_wrong, number, sizes)
    if found is None:
        return None
    for _ in range(3):  # what did not happen in time may have been the machine's fault
        if complaints := wrong(found, bench.patience):
            return found, "; ".join(complaints)
    return (found, "; ".join(seen[found]) + " (not every time)") if found in seen else None


@tool
def unlike(bench: Bench) -> Iterator[Callable[..., list[str]]]:
    """A function that searches a talk, of one of the kinds above, after which something is wrong.

    It returns the shortest one that was found, step by step, and then what is wrong; nothing if there is none.
    """

    def search(kind: str, number: int = 20) -> list[str]:
        talk, _ = _KINDS[kind]
        channel: Channel = bench.tool("channel")
        found = shortest(bench, lambda data, patience: talk(channel, data, patience), number)
        return [] if found is None else [*_told(kind, found[0]), f"then: {found[1]}"]

    yield search
