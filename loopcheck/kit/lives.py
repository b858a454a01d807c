"""Lives of children that nobody wrote: generated steps with one child process, and what must hold after any of them.

A life is a byte string: the first byte chooses the child, the second how it ends, and every other is a step. What
holds is known beforehand: the callbacks follow one grammar, what comes from the child is what it makes of what was
written to it, and its exit status has a cause.

Left out is what asyncio leaves open or gets wrong, and what other checks show: what is closing is not aborted, and
nothing is written to what was lost.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from loopcheck.kit.bench import HEAVY, Bench, tool
from loopcheck.kit.channels import pattern
from loopcheck.kit.children import Child, child
from loopcheck.kit.peers import AS_SENT, compared
from loopcheck.kit.spawning import report_to
from loopcheck.kit.talks import shortest
from loopcheck.kit.turns import pass_turns

HEAVY["wrong_life"] = "loopcheck.kit.examples"

SIZES = (4, 14)
"""The bytes of a life."""

_UNKNOWN = 255
"""What asyncio says of a child whose status was fetched before: it looks itself whether the child runs, and kills it.

So it may be the status of a child that ends just before its transport is closed, or gets a signal.
"""

_BY_PIPE = (-signal.SIGPIPE, 1)
"""How a child ends that writes to a closed pipe: by the signal or, should it ignore that, by its own decision."""

_ENDLESS = 2**40
"""Bytes; more than any life writes."""


@dataclass(frozen=True)
class Kind:
    """One kind of child."""

    command: tuple[str, ...]
    copies_to: int | None = None
    """The pipe that its input goes to; one without does not mind the end of its input either."""
    copies: int = _ENDLESS
    """How many bytes it copies before it ends by itself."""
    status: int = 0
    """With which it ends by itself."""
    says: bytes = b""
    """What it says on its stdout before it reads."""
    ignores: tuple[int, ...] = ()
    """Signals that do not end it once it has said that."""


_CAT = Kind(("cat",), copies_to=1)

_KINDS = (
    _CAT,
    _CAT,
    _CAT,
    Kind(("head", "-c", "1000"), copies_to=1, copies=1000),
    Kind(("sh", "-c", "exec cat >&2"), copies_to=2),
    Kind(("sh", "-c", "trap '' TERM; echo; exec cat"), copies_to=1, says=b"\n", ignores=(signal.SIGTERM,)),
    Kind(("sh", "-c", "exit 3"), copies=0, status=3),
    Kind(("sleep", "600")),
    Kind(("true",), copies=0),
)


class _Life:
    """One child, what was done to it, and what must come of it."""

    def __init__(self, kind: Kind, transport: Any, protocol: Child, patience: float) -> None:
        self.kind, self.transport, self.protocol, self.patience = kind, transport, protocol, patience
        self.stdin, self.stdout = transport.get_pipe_transport(0), transport.get_pipe_transport(1)
        self.written = bytearray()
        self.input_ends = False
        self.is_paused = False
        self.is_unheard = False
        """Whether its stdout was closed."""
        self.all_arrives = True
        self.statuses = {kind.status} if kind.copies == 0 else set()
        """The exit statuses that have had a cause."""
        self.wrong: list[str] = []

    @property
    def takes_input(self) -> bool:
        """Whether its stdin is open, as far as the program was told."""
        return not self.input_ends and 0 not in self.protocol.pipes_lost

    def next(self, number: int) -> bytes:
        """The next bytes to write, which continue those before."""
        begin = len(self.written) // 4 * 4
        piece = pattern(number + 4, begin)[len(self.written) - begin :][:number]
        self.written += piece
        if len(self.written) >= self.kind.copies:
            self.statuses.add(self.kind.status)
        return piece

    def end_input(self, end: Callable[[], Any], *, dropping: bool = False) -> None:
        """End its input."""
        self.input_ends = True
        self.all_arrives &= not dropping
        if self.kind.copies_to is not None:
            self.statuses.add(self.kind.status)
        end()

    def kill(self, kill: Callable[[], Any], number: int) -> None:
        """Do what sends it a signal."""
        if self.protocol.times("process_exited"):
            number = 0
        had_cause = bool(self.statuses)
        if number and number not in self.kind.ignores:
            self.all_arrives = False
            self.statuses.add(-number)
        if had_cause and number:
            self.statuses.add(_UNKNOWN)
        try:
            kill()
        except ProcessLookupError as error:
            if not had_cause:
                self.wrong.append(f"a signal to a child that is there raised {error!r}")

    def judge(self, told: list[int | None]) -> list[str]:
        """What is wrong, when all is over; given the statuses that there were in process_exited()."""
        sent = {1: self.kind.says, 2: b""}
        if self.kind.copies_to is not None:
            sent[self.kind.copies_to] += bytes(self.written[: self.kind.copies])
        if self.is_unheard and self.kind.copies_to != 2:
            del sent[2]  # where it may complain
        for pipe, data in sent.items():
            got = self.protocol.output.get(pipe, b"")
            seen = compared(got, data)
            if seen != AS_SENT and (self.all_arrives or not data.startswith(got)):
                self.wrong.append(f"from pipe {pipe} came {seen}")
        status = self.transport.get_returncode()
        if status not in self.statuses:
            causes = " or ".join(map(str, sorted(self.statuses)))
            self.wrong.append(f"get_returncode() is {status}, but what happened to the child gives {causes}")
        if told != [status]:
            self.wrong.append(f"get_returncode() is {status}; in process_exited() it was {told}")
        if self.protocol.lost_with is not None:
            self.wrong.append(f"connection_lost() got {self.protocol.lost_with!r}")
        for pipe, error in self.protocol.pipes_lost.items():
            if not isinstance(error, type(None) if pipe else (type(None), BrokenPipeError, ConnectionResetError)):
                self.wrong.append(f"pipe_connection_lost({pipe}, ...) got {error!r}")
        return self.wrong + _grammar(self.protocol.events)


def _grammar(events: list[str]) -> list[str]:
    """What is wrong with the order of the callbacks."""
    lost = [f"pipe {number} lost" for number in range(3)]
    found = [
        f"{what} {events.count(what)} times"
        for what in ("connection_made", *lost, "process_exited", "connection_lost")
        if events.count(what) != 1
    ]
    told = [event for event in events if event not in ("pause_writing", "resume_writing")]
    if (told[:1], told[-1:]) != (["connection_made"], ["connection_lost"]):
        found.append("something before connection_made or after connection_lost")
    found += [
        f"data of {number} after {lost[number]}"
        for number in (1, 2)
        if lost[number] in events and f"data of {number}" in events[events.index(lost[number]) :]
    ]
    if not re.fullmatch("(pr)*p?", "".join(event[0] for event in events if event.endswith("_writing"))):
        found.append("pause_writing and resume_writing not in turns")
    return [f"the callbacks were {events}, with {' and '.join(found)}"] if found else []


Step = tuple[str, Callable[[_Life], Coroutine[Any, Any, None]]]


def _write(number: int) -> Step:
    async def step(life: _Life) -> None:
        if life.takes_input:
            life.stdin.write(life.next(number))

    return f"stdin.write() of {number}", step


def _writelines(*numbers: int) -> Step:
    async def step(life: _Life) -> None:
        if life.takes_input:
            life.stdin.writelines([life.next(number) for number in numbers])

    return f"stdin.writelines() of {numbers}", step


def _end_input(name: str) -> Step:
    async def step(life: _Life) -> None:
        if life.takes_input:
            life.end_input(getattr(life.stdin, name))

    return f"stdin.{name}()", step


async def _abort_input(life: _Life) -> None:
    if life.takes_input and not life.stdin.is_closing():
        life.end_input(life.stdin.abort, dropping=True)


async def _limits(life: _Life) -> None:
    if life.takes_input:
        life.stdin.set_write_buffer_limits(high=0)


def _kill(name: str, number: int) -> Step:
    async def step(life: _Life) -> None:
        life.kill(getattr(life.transport, name), number)

    return f"{name}()", step


async def _send_signal(life: _Life) -> None:
    life.kill(lambda: life.transport.send_signal(signal.SIGUSR1), signal.SIGUSR1)


async def _turn(life: _Life) -> None:
    await pass_turns()


async def _pause(life: _Life) -> None:
    if not life.is_paused and not life.is_unheard and 1 not in life.protocol.pipes_lost:
        life.stdout.pause_reading()
        life.is_paused = True


async def _resume(life: _Life) -> None:
    if life.is_paused:
        life.is_paused = False
        if not life.is_unheard and 1 not in life.protocol.pipes_lost:
            life.stdout.resume_reading()


async def _close_output(life: _Life) -> None:
    if not life.is_unheard and 1 not in life.protocol.pipes_lost:
        life.is_unheard = True
        life.all_arrives = False
        if life.kind.copies_to == 1:
            life.statuses.update(_BY_PIPE)
        life.stdout.close()


async def _comes_back(life: _Life) -> None:
    kind = life.kind
    if kind.copies_to is not None and kind.copies == _ENDLESS and not life.is_paused and not life.statuses:
        all = (kind.says if kind.copies_to == 1 else b"") + life.written
        await life.protocol.has_output(kind.copies_to, all, life.patience)


async def _exit(life: _Life) -> None:
    if life.statuses and not life.is_paused and not life.is_unheard:
        await life.protocol.until("process_exited", life.patience)


_OFTEN: tuple[Step, ...] = (
    _write(1),
    _write(900),
    _write(70_000),
    _write(300_000),
    _writelines(9, 0, 5000),
    ("waiting for what it sends back", _comes_back),
    ("waiting for what it sends back", _comes_back),
    ("a turn", _turn),
    ("stdout.resume_reading()", _resume),
)

STEPS: tuple[Step, ...] = (
    *_OFTEN * 5,
    ("stdin.set_write_buffer_limits(high=0)", _limits),
    ("stdout.pause_reading()", _pause),
    _end_input("close"),
    _end_input("write_eof"),
    ("stdin.abort()", _abort_input),
    ("stdout.close()", _close_output),
    _kill("terminate", signal.SIGTERM),
    ("send_signal(SIGUSR1)", _send_signal),
    _kill("kill", signal.SIGKILL),
    ("waiting for its exit, if it has a cause", _exit),
)
"""What can happen to a child that runs."""

_CLOSE: Step = _kill("close", signal.SIGKILL)
_END: tuple[tuple[Step, ...], ...] = (
    (_end_input("close"),),
    (_kill("kill", signal.SIGKILL),),
    (_CLOSE,),
    (_kill("terminate", signal.SIGTERM), _end_input("write_eof")),
)


def _read(data: bytes) -> tuple[Kind, list[Step]]:
    """The child and the steps of a life, with those that end it."""
    first, second, *rest = data.ljust(2, b"\0")
    kind = _KINDS[first % len(_KINDS)]
    steps = [STEPS[byte % len(STEPS)] for byte in rest]
    end = _END[second % len(_END)]
    # What does not mind the end of its input is killed.
    killing = () if kind.copies_to is not None or kind.copies == 0 or end != _END[0] else _END[1]
    return kind, [*steps, ("stdout.resume_reading()", _resume), *end, *killing]


async def _live(data: bytes, patience: float) -> list[str]:
    """Live a life; what was wrong."""
    kind, steps = _read(data)
    statuses: list[int | None] = []
    react = {"process_exited": lambda protocol: statuses.append(protocol.transport.get_returncode())}
    reports: list[str] = []
    loop = asyncio.get_running_loop()
    report_to(loop, lambda context: reports.append(f"reported was {context.get('exception') or context['message']!r}"))
    try:
        async with child(loop, patience, *kind.command, factory=lambda: Child(**react)) as (transport, protocol):
            life = _Life(kind, transport, protocol, patience)
            await protocol.has_output(1, kind.says, patience)
            for _, step in steps:
                await step(life)
            await protocol.until("connection_lost", patience)
            await pass_turns(2)
            return life.judge(statuses) + reports
    finally:
        loop.set_exception_handler(None)


@tool
def wrong_life(bench: Bench) -> Iterator[Callable[..., list[str]]]:
    """A function that searches a life of a child after which something is wrong.

    It returns the shortest one that was found, step by step, and then what is wrong; nothing if there is none.
    """

    def search(number: int = 30) -> list[str]:
        found = shortest(bench, _live, number, SIZES)
        if found is None:
            return []
        kind, steps = _read(found[0])
        return [" ".join(kind.command), *(name for name, _ in steps), f"then: {found[1]}"]

    yield search
