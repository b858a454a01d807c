"""Carries out programs with input and output: one cause at a time, and what follows from it told by connection.

After each step the loop runs until nothing happens any more. A loop is free to do the rest in another order: what
follows from one step is told for each connection, task and server by itself, in the order in which it happened to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from loopcheck.compare import promised
from loopcheck.compare.language import WORDS, Program, Step
from loopcheck.compare.tracer import QUIET, RUNS, THE_PROCESS, Event, Run
from loopcheck.compare.word import MOMENT, TURN
from loopcheck.kit.ready import readable

MUCH = bytes(range(256)) * 4096
"""More than sockets take at once."""

_MOST_EVENTS = 3000
"""What goes on for longer than this goes on for ever: asyncio's own loop does so, too, where it forgot a descriptor."""

_NAP_AFTER = 5
"""So many turns without an event, before the loop sleeps and again after it, mean that nothing goes on."""

_NAP = 0.0005
"""Seconds that it sleeps: any time will do, but for what other threads of the loop are at. Also seconds between two
looks at what somebody else is about to do.
"""

_MOST_NAPS = 3000
"""How often we look, at most: only a loop that does not do its part lets us wait."""

_NAP_OF_THREADS = 0.005
"""Seconds that it sleeps where it has threads of its own: they read and write when the system lets them."""

_PATIENCE = 5.0
"""Seconds until what has been sent must have arrived: only a loop that did not send it lets us wait."""

_ROUNDS = 500
"""How often another end reads, at most: what a loop writes at once is more than a few bytes."""

_PIPES = frozenset({"read pipe", "write pipe"})

_OF_TRANSPORTS = re.compile(r"\.(transport|writer|reader)\b")

_CUTS = ("abort", "stream_abort", "abort_clients", "datagram_close", "datagram_abort")


class Told(str):
    """A text that is told as it is."""


def _has_own_threads() -> bool:
    """Whether this process has threads that Python does not know of, as far as that can be seen."""
    try:
        return len(os.listdir("/proc/self/task")) > threading.active_count()
    except OSError:
        return False


Body = Callable[[str], None]
"""What a program does in a moment; it is told for whom."""


class Script(Run):
    """One run of a program with input and output."""

    untold = (DeprecationWarning, ResourceWarning)

    def __init__(self, program: Program, loop: Any) -> None:
        super().__init__(program, loop)
        self.ends: list[_End] = []
        """What has to be let go of in the end."""
        self.made: dict[str, _End] = {}
        self.arrived: dict[str, tuple[int, bytes]] = {}
        """By name: what came without anything in between, and which event says so."""
        self.sleepy = False
        """Whether the loop sleeps once after each step: it may look at descriptors in some turns only."""
        self.slept = False
        """Whether the loop slept, and nothing happened since."""
        self.hasty = False
        """Whether another end is at it, so that the loop will be run again anyway."""
        self.begin = 0
        """Where the events of the present step begin."""
        self.names |= {
            "much": MUCH,
            "in_task": self.in_task,
            "sleeps": self.sleeps,
            "connection": self.maker(Connection),
            "stream": self.maker(Stream),
            "server": self.maker(Server),
            "watched": self.maker(Watched),
            "plain_socket": self.maker(PlainSocket),
            "datagrams": self.maker(Datagrams),
            "os": os,
            "signal": signal,
        }
        self.heard: set[str] = set()
        """The handlers of signals that were called since the last step."""
        if any(step.word.startswith("try_") for step in program):
            from loopcheck.compare.attempts import Attempts

            ports = Attempts(self, "ports")
            self.ends.append(ports)
            self.names |= {"socket": socket, "ports": ports, "outcome": ports.outcome}
        if any(WORDS[step.word].costly for step in program):
            from loopcheck.compare import children, secured

            self.names |= {
                "subprocess": subprocess,
                "child": self.maker(children.Child),
                "process": self.maker(children.Process),
                "secured": self.maker(secured.Secured),
                "secured_stream": self.maker(secured.secured_stream),
                "secure_server": self.maker(secured.SecureServer),
                "upgrade": secured.upgrade,
            }

    def maker(self, kind: Callable[..., _End]) -> Callable[..., _End]:
        return lambda name, *arguments, **options: self.make(kind(self, name, *arguments, **options))

    def make(self, one: _End) -> _End:
        self.ends.append(one)
        self.made[one.name] = one
        return one

    # the course of a program

    def trace(self) -> list[Event]:
        events = super().trace()
        if any(WORDS[step.word].makes in promised.COMPLAIN for step in self.program):
            events = [event for event in events if event[:2] != ("python", "cannot raise")]
        events = [(*event[:2], "an exception", "") if event[1] == "thread raises" else event for event in events]
        return [("main", THE_PROCESS, "never comes to rest", "")] if self.is_restless else events

    @property
    def is_restless(self) -> bool:
        """Whether something happens again and again."""
        return len(self.events) > _MOST_EVENTS

    def drive(self) -> None:
        for step in self.program.steps:
            self.do("main", step)
            self.settle()
            self.end_step()
        for end in self.ends:  # what has been written, and nobody read
            self.last(f"{end.name}.peer.read()", end.read_all)
            self.end_step()
        for task in [one for one in self.kept if isinstance(one, asyncio.Task) and not one.done()]:
            self.note("main", "waits at the end", self.phrase(task))
            task.cancel()
        self.settle()
        self.end_step()
        for end in self.ends:
            end.let_go()
            self.settle()
            self.end_step()
        self.last("shutdown_asyncgens()", lambda: self.loop.run_until_complete(self.loop.shutdown_asyncgens()))
        self.last("close()", self.loop.close)
        self.last("close() again", self.loop.close)

    def tick(self) -> None:
        """Once in every turn: does something go on? If not, perhaps the loop sleeps once, and we look again."""
        self.ticking = False
        if self.is_restless:
            self.loop.stop()
            return
        self.calm = self.calm + 1 if len(self.events) == self.seen else 0
        self.seen = len(self.events)
        self.slept &= self.calm > 0
        if self.calm < (_NAP_AFTER if self.sleepy else QUIET):
            self.tick_again()
        elif self.slept or not self.sleepy:
            self.loop.stop()
        else:
            self.calm, self.slept = 0, True
            self.loop.call_later(_NAP if self.hasty or not _has_own_threads() else _NAP_OF_THREADS, self.tick_again)

    def settle(self) -> None:
        """Run the loop until nothing happens any more, and no other end does anything by itself."""
        self.hasty = False
        while True:
            self.calm = 0
            self.run_loop()
            moved = not self.is_restless and any(end.moves() for end in self.ends)
            if not moved and not (self.sleepy and self.hasty):
                return
            self.hasty = moved

    def run_loop(self) -> None:
        """Run the loop until nothing happens any more."""
        self.slept = False
        for _ in range(RUNS):
            self.tick_again()
            try:
                self.loop.run_forever()
            except BaseException as error:
                self.note("main", "the loop", f"raises {self.phrase(error)}")
            if not self.ticking:
                return
        self.note("main", "the loop", "does not come to its end")

    def end_step(self) -> None:
        """Bring what followed from a step into the order that is promised."""
        self.events[self.begin :] = sorted(self.events[self.begin :], key=promised.by_whom)
        self.begin = len(self.events)
        self.arrived.clear()
        self.heard.clear()
        for end in self.ends:
            end.end_step()

    def clear(self) -> None:
        for end in self.ends:
            end.dispose()
        self.ends.clear()
        self.made.clear()
        if any("signal" in step.word for step in self.program):  # the next program finds none of it
            with contextlib.suppress(ValueError):  # in another thread
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGURG, signal.SIGWINCH, signal.SIGCONT):
                    signal.signal(number, signal.SIG_DFL)
        super().clear()

    # steps

    def evaluate(self, step: Step) -> Any:
        word = WORDS[step.word]
        if word.body == MOMENT:
            self.names[step.function] = lambda who: self.carry_out(who, step.body)
        elif word.body == TURN:
            called = self.callback(step)
            self.names[step.function] = self.once(step.function, called) if step.word in promised.MAY_REPEAT else called
        elif word.form == "start":
            task = self.loop.create_task(self.started(step), name=step.me)
            self.names[step.me] = task
            self.kept.append(task)
            return task
        one = self.made.get(step.holes[0]) if step.holes else None
        if self.is_left_out(step):
            return "over"
        lost = isinstance(one, Connection) and one.lost
        if isinstance(one, Connection) and (
            step.word in promised.NOT_ON.get(one.style, ())
            or (one.gone and step.word in promised.NOT_WHEN_GONE)
            or (one.ended and step.word in promised.NOT_WHEN_ENDED)
            or step.word in promised.NOT_WHILE.get(one.moment, ())
            or (one.style in _PIPES and step.word in promised.NOT_WHILE_PIPES.get(one.moment, ()))
        ):
            return "over"
        if one is not None and step.word in ("pause_reading", "resume_reading"):
            one.paused = step.word == "pause_reading"
        if step.word in _CUTS:
            for end in self.ends if step.word == "abort_clients" else [self.made[step.holes[0]]]:
                end.cut = True
        if isinstance(one, Connection) and step.word in promised.ENDS.get(one.style, ("abort",)):
            one.gone = True
        try:
            value = super().evaluate(step)
            return None if step.word in promised.MAY_RETURN or lost else value
        except Exception:
            if step.word not in promised.MAY_FAIL and not lost:
                raise
            return None

    def once(self, name: str, called: Callable[..., None]) -> Callable[..., None]:
        """A function that does something the first time only that it is called after a step."""

        def calls(*arguments: Any) -> None:
            if name not in self.heard:
                self.heard.add(name)
                called(*arguments)

        return calls

    def is_left_out(self, step: Step) -> bool:
        """Whether what a step is about is to be left alone by it."""
        one = self.made.get(step.holes[0]) if step.holes else None
        if one is None:
            return False
        if step.word in promised.WRITES and one.filled and one.is_closing():
            return True
        one.filled |= step.word in promised.FILLS
        return one.is_left_alone(step.code)

    def carry_out(self, who: str, body: tuple[Step, ...]) -> None:
        one = self.made.get(who)
        if one is not None and one.peer is not None and one.peer.is_secure:
            body = tuple(step for step in body if not step.code.startswith(promised.NOT_IN_TLS))
        if one is not None and any(WORDS[step.word].form == "raise" for step in body):
            one.cut = True
        super().carry_out(who, body)

    async def started(self, step: Step) -> Any:
        """Something that takes its time, as a task of its own."""
        try:
            value = "over" if self.is_left_out(step) else await eval(step.code, self.names)
        except BaseException as error:
            about = isinstance(error, promised.ABOUT_ARGUMENTS) and step.word.startswith("try_")
            said = self.phrase_of_opening(error) if "upgrade" in step.word else self.phrase(error)
            self.note(step.me, step.code, f"raises {'that it makes no sense' if about else said}")
            if not isinstance(error, Exception):
                raise
        else:
            self.note(step.me, step.code, self.phrase(value))

    def sleeps(self) -> None:
        """From now on, have the loop sleep once after each step."""
        self.sleepy = True

    async def in_task(self, function: Callable[[], None]) -> None:
        """Do something in a task."""
        function()

    def open(self, name: str, what: Coroutine[Any, Any, None]) -> None:
        """Begin something that a thing needs before it can be used."""

        async def opening() -> None:
            try:
                await what
            except Exception as error:
                self.note(name, "opening", f"raises {self.phrase_of_opening(error)}")

        self.kept.append(self.loop.create_task(opening(), name=name))

    # what is written down

    def phrase_of_opening(self, error: BaseException) -> str:
        """Why a connection came to nothing; not whether it was read or written first."""
        return "ConnectionError()" if isinstance(error, ConnectionError) else self.phrase(error)

    def arrives(self, who: str, what: str, data: bytes) -> None:
        """Data came: in how many pieces is not promised."""
        if type(data) is not bytes:
            what += f" of {type(data).__name__}"
        at, before = self.arrived.get(who, (-1, b""))
        mine = [number for number in range(self.begin, len(self.events)) if self.events[number][0] == who]
        if mine and mine[-1] == at:
            event = self.events[at]
            self.events[at] = (*event[:2], self.phrase(before + data), event[3])
            self.arrived[who] = at, before + data
            self.seen -= 1  # the number of events says whether something happened
            self.awake()
            return
        self.note(who, what, self.phrase(data))
        self.arrived[who] = len(self.events) - 1, data

    def note(self, who: str, what: str, result: str) -> None:
        before = len(self.events)
        super().note(who, what, result)
        if len(self.events) > before and isinstance(self.made.get(who.partition(" ")[0]), _Moments):
            self.events[-1] = (*self.events[-1][:3], "")  # in which task and context it is called, is the loop's choice

    def phrase(self, value: Any) -> str:
        if isinstance(value, Told):
            return str(value)
        if isinstance(value, (bytes, bytearray)):
            return repr(bytes(value)) if len(value) < 60 else f"{len(value)} bytes, {zlib.crc32(value)}"
        if isinstance(value, ConnectionError):  # which one depends on what a loop tries first, to read or to write
            return "ConnectionError()" if value.errno else "ConnectionError without a number"
        return super().phrase(value)


class Peer:
    """The other end: a plain socket that does what it is told, and at once.

    Args:
        run: the run that it belongs to.
        owner: whose other end it is.
        sock: the socket.
    """

    is_secure = False
    """Whether it speaks TLS."""

    def __init__(self, run: Script, owner: _End, sock: socket.socket) -> None:
        self._run, self._owner = run, owner
        self.sock = sock
        sock.setblocking(False)

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self.sock.fileno() < 0

    def send(self, data: bytes) -> None:
        """Send some bytes."""
        self.sock.sendall(data)

    def read(self) -> list[Any]:
        """All that comes; the loop runs while something does."""
        got, end = b"", "goes on"
        for _ in range(_ROUNDS):
            some, end = self._received()
            got += some
            if end != "goes on" or not some:
                break
            self._run.settle()
        return ["over"] if self._owner.cut else [got, end == "goes on"]

    def _received(self) -> tuple[bytes, str]:
        got = b""
        try:
            while some := self.sock.recv(2**20):
                got += some
        except BlockingIOError:
            return got, "goes on"
        except OSError:
            return got, "is reset"
        return got, "ends"

    def end(self) -> None:
        """Send no more."""
        self.sock.shutdown(socket.SHUT_WR)

    def deaf(self) -> None:
        """Read all, and no more."""
        self.read()
        self.sock.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Read all, and close."""
        self.read()
        self.leave()

    def leave(self) -> None:
        """Close; nothing has come."""
        self.sock.close()

    vanish = close

    def drop(self) -> None:
        """Close, whatever is left unread."""
        self._owner.cut = True
        self.sock.close()

    truncate = end

    def handshake(self) -> str | None:
        """Nothing: there is none."""
        return "over"

    def moves(self) -> bool:
        """Do what it does by itself; whether that was anything."""
        return False


class SilentPeer(Peer):
    """The other end of a TCP connection: when bytes arrive is the system's choice, so none are told."""

    def send(self, data: bytes) -> None:
        """Send nothing."""

    def read(self) -> list[Any]:
        """Read nothing."""
        return ["over"]

    def end(self) -> None:
        """Go on."""

    deaf = close = drop = leave = vanish = truncate = end


class PipePeer(Peer):
    """The other end of a pipe; a read pipe's sends, a write pipe's reads.

    Args:
        run: the run that it belongs to.
        owner: whose other end it is.
        file: the end of the pipe.
    """

    def __init__(self, run: Script, owner: _End, file: Any) -> None:
        self._run, self._owner = run, owner
        self._file = file
        os.set_blocking(file.fileno(), False)

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return bool(self._file.closed)

    def send(self, data: bytes) -> None:
        """Send some bytes."""
        os.write(self._file.fileno(), data)

    def _received(self) -> tuple[bytes, str]:
        got = b""
        if self._file.closed or self._file.mode == "wb":
            return got, "ends"
        try:
            while some := os.read(self._file.fileno(), 2**20):
                got += some
        except BlockingIOError:
            return got, "goes on"
        return got, "ends"

    def end(self) -> None:
        """Read all, and close: a pipe has one direction."""
        self.close()

    deaf = truncate = vanish = end

    def leave(self) -> None:
        """Close; nothing has come."""
        self._file.close()

    def drop(self) -> None:
        """Close, whatever is left unread."""
        self._owner.cut = True
        self._file.close()


class _End:
    """Something that a program makes, with another end."""

    peer: Any = None
    transport: Any = None
    style = ""
    lost = False
    """Whether connection_lost() has begun."""
    gone = False
    """Whether it has, or will soon, as abort() was called."""
    ended = False
    """Whether eof_received() has begun."""
    moment = ""
    """The moment whose steps are being done."""
    filled = False
    """Whether more was written than is sent at once."""
    paused = False
    """Whether reading is paused."""
    upgrading = False
    """Whether start_tls() is at it, or has come to nothing: what the plain transport does then, nobody promises."""

    def __init__(self, run: Script, name: str) -> None:
        self.run, self.name = run, name
        self.cut = False
        """Whether something may have been lost on the way: how much of it, nobody promises."""
        self.disposed: list[Any] = []
        """What is closed at last."""
        self._naps = 0

    def nap(self) -> bool:
        """Wait a little for what somebody else is about to do; False if that has been too often."""
        self._naps += 1
        if self._naps > _MOST_NAPS:
            return False
        time.sleep(_NAP)
        return True

    def is_left_alone(self, code: str) -> bool:
        """Whether nothing is promised of what some code does with it just now."""
        if self.upgrading:
            return _OF_TRANSPORTS.search(code) is not None
        if self.peer is None or not self.peer.is_secure or self.transport is None:
            return False
        if (self.paused or self.filled) and promised.ENDS_OF_PEERS.search(code):
            return True
        if (self.cut and code.endswith(".drain()")) or (self.ended and ".is_closing()" in code):
            return True
        if self.lost and "set_write_buffer_limits" in code:
            return True
        if ".peer." in code:
            return self.is_closing() and promised.NOT_AFTER_CLOSE.search(code) is not None
        early = self.style == "early" and self.moment == "connection_made"
        again = code.endswith(".close()") and (early or self.is_closing())
        return again or promised.NO_MARKS_OF_TLS.search(code) is not None

    def pair(self) -> socket.socket:
        """Our end of a new connection; the other becomes the peer."""
        ours, other = socket.socketpair()
        ours.setblocking(False)
        self.peer = Peer(self.run, self, other)
        self.disposed.append(other)
        return ours

    def moves(self) -> bool:
        """Have the other end do what it does by itself, once nothing else happens; whether it did anything."""
        return isinstance(self.peer, Peer) and self.peer.moves()

    def read_all(self) -> None:
        """Tell what has come to the peer at last."""
        if self.peer is not None and not self.peer.closed:
            self.run.note(self.name, "arrived in the end", self.run.phrase(self.peer.read()))

    def is_closing(self) -> bool:
        """Whether its transport says so."""
        return False

    def end_step(self) -> None:
        """Nothing happens any more."""

    def let_go(self) -> None:
        """End it, so that nothing is left to complain."""

    def dispose(self) -> None:
        for one in self.disposed:
            one.close()


class _Moments(_End):
    """What a loop calls: every call is noted, and then is done what the program says."""

    def __init__(self, run: Script, name: str) -> None:
        super().__init__(run, name)
        self.bodies: dict[str, Body] = {}
        self.transport: Any = None

    def when(self, moment: str, body: Body) -> None:
        self.bodies[moment] = body

    def is_closing(self) -> bool:
        return self.transport is not None and bool(self.transport.is_closing())

    def tell(self, what: str, moment: str, result: str = "") -> None:
        self.run.note(self.name, what, result)
        self.do(moment)

    def do(self, moment: str) -> None:
        """Do what the program says for a moment: the first time only, for how often it comes is open."""
        if body := self.bodies.pop(moment, None):
            before, self.moment = self.moment, moment
            try:
                body(self.name)
            finally:
                self.moment = before

    def let_go(self) -> None:
        if self.transport is not None:
            self.cut = True
            with contextlib.suppress(Exception):  # where it is gone
                try:
                    self.transport.abort()
                except (AttributeError, NotImplementedError):  # what only reads cannot
                    self.transport.close()


class Connection(_Moments):
    """A transport with its protocol.

    Args:
        run: the run that it belongs to.
        name: its name.
        style: how its protocol is, or what its peer did before.
        moment: when something is done.
        body: what is done.
        accepted: whether it comes from a server; else it is a socket pair.
    """

    def __init__(self, run: Script, name: str, style: str, moment: str, body: Body, *, accepted: bool = False) -> None:
        super().__init__(run, name)
        self.style = style
        self.when(moment, body)
        self.number = 1
        self.protocol = self.another()
        if accepted:
            return
        if style in _PIPES:
            file = self.pipe()
            connect = run.loop.connect_read_pipe if style == "read pipe" else run.loop.connect_write_pipe
            run.open(name, self.connect(lambda: connect(self.factory, file)))
        else:
            sock = self.pair()
            self.begin()
            self.disposed.append(sock)
            run.open(name, self.connect(lambda: run.loop.create_connection(self.factory, sock=sock)))

    def pipe(self) -> Any:
        """Our end of a new pipe; the other becomes the peer."""
        ends = os.pipe()
        reads, writes = os.fdopen(ends[0], "rb", 0), os.fdopen(ends[1], "wb", 0)
        ours, other = (reads, writes) if self.style == "read pipe" else (writes, reads)
        self.peer = PipePeer(self.run, self, other)
        self.disposed += [ours, other]
        return ours

    def factory(self) -> asyncio.BaseProtocol:
        """The protocol, for a loop that asks for it."""
        if self.style == "fails":
            self.cut = True
            raise ValueError("v")
        return self.protocol

    async def connect(self, connecting: Callable[[], Awaitable[Any]]) -> None:
        await connecting()

    def begin(self) -> None:
        """What the peer does before anyone looks."""
        if self.style in ("early", "gone"):
            self.peer.send(b"early")
        if self.style == "gone":
            self.peer.leave()

    def another(self) -> asyncio.BaseProtocol:
        """A new protocol, which counts as the same."""
        kind = _BufferedProtocol if self.style == "buffered" else _StreamProtocol
        self.protocol = kind(self, "" if self.number == 1 else f", protocol {self.number}")
        self.number += 1
        return self.protocol


class _Protocol(asyncio.BaseProtocol):
    def __init__(self, of: Connection, which: str) -> None:
        self.of, self.which = of, which

    def tell(self, moment: str, result: str = "") -> None:
        if not self.of.upgrading:
            self.of.tell(moment + self.which, moment, result)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.of.transport = transport
        self.tell("connection_made")

    def eof_received(self) -> bool | None:
        self.of.ended = True
        self.tell("eof_received")
        return self.of.style == "keeps open"

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self.of.upgrading:
            self.of.lost = self.of.gone = True
        self.of.cut |= exc is not None
        self.tell("connection_lost", self.of.run.phrase(exc))

    def pause_writing(self) -> None:
        self.tell("pause_writing")

    def resume_writing(self) -> None:
        self.tell("resume_writing")


class _StreamProtocol(_Protocol, asyncio.Protocol):
    def data_received(self, data: bytes) -> None:
        self.of.run.arrives(self.of.name, "data_received" + self.which, data)
        self.of.do("data_received")


class _BufferedProtocol(_Protocol, asyncio.BufferedProtocol):
    def get_buffer(self, sizehint: int) -> bytearray:
        self.buffer = bytearray(100)
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.of.run.arrives(self.of.name, "buffer_updated" + self.which, bytes(self.buffer[:nbytes]))
        self.of.do("data_received")


class Stream(_End):
    """A reader and a writer on a socket pair."""

    def __init__(self, run: Script, name: str, **options: Any) -> None:
        super().__init__(run, name)
        self.limit: int = options.get("limit", 2**16)
        self.reader: Any = None
        self.writer: Any = None
        sock = self.pair()
        self.disposed.append(sock)
        run.open(name, self.connect(sock=sock, **options))

    @property
    def transport(self) -> Any:
        """The writer's, which start_tls() makes another one."""
        return self.writer and self.writer.transport

    async def connect(self, **options: Any) -> None:
        self.reader, self.writer = await asyncio.open_connection(**options)

    def is_closing(self) -> bool:
        return self.writer is not None and bool(self.writer.is_closing())

    def let_go(self) -> None:
        if self.writer is not None:
            self.cut = True
            with contextlib.suppress(Exception):  # where it is gone
                self.writer.transport.abort()

    def dispose(self) -> None:
        self.reader = self.writer = None
        super().dispose()


class Server(_End):
    """A server on a Unix socket, or on a port of the loopback."""

    options: Mapping[str, Any] = {}
    """More for create_server() and create_unix_server()."""

    def __init__(self, run: Script, name: str, family: str, *, start_serving: bool) -> None:
        super().__init__(run, name)
        self.server: Any = None
        self.expected: list[Connection] = []
        self.is_tcp = family == "tcp"
        self.sock, self.address = _listening(self, is_tcp=self.is_tcp)
        run.open(name, self.start(start_serving))

    async def start(self, start_serving: bool) -> None:
        create = self.run.loop.create_server if self.is_tcp else self.run.loop.create_unix_server
        self.server = await create(self.accept, sock=self.sock, start_serving=start_serving, **self.options)

    def accept(self) -> asyncio.BaseProtocol:
        if not self.expected:
            self.run.note(self.name, "accepts what nobody sent", "")
            return asyncio.Protocol()
        return self.expected.pop(0).factory()

    def dial(self, name: str, style: str, moment: str, body: Body) -> Connection:
        """A connection from a plain socket to the server."""
        one = Connection(self.run, name, style, moment, body, accepted=True)
        sock = socket.socket(socket.AF_INET if self.is_tcp else socket.AF_UNIX)
        one.disposed.append(sock)
        self.run.make(one)
        sock.connect(self.address)
        one.peer = self.other_end(one, sock)
        if self.is_tcp and self.sock.fileno() >= 0:
            readable(self.sock, timeout=_PATIENCE)
        self.expected.append(one)
        one.begin()
        return one

    def other_end(self, one: Connection, sock: socket.socket) -> Peer:
        """The peer of a new connection."""
        return SilentPeer(self.run, one, sock) if self.is_tcp else Peer(self.run, one, sock)

    def let_go(self) -> None:
        if self.server is not None:
            self.run.last(f"{self.name}.server.close()", self.server.close)


def _listening(owner: _End, *, is_tcp: bool = False) -> tuple[socket.socket, Any]:
    """A socket that listens, and its address."""
    sock = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
    sock.setblocking(False)
    if is_tcp:
        sock.bind(("127.0.0.1", 0))
    elif sys.platform == "linux":
        sock.bind("")  # the system gives a name that is no file
    else:
        folder = Path(tempfile.mkdtemp())
        owner.disposed.append(_Folder(folder))
        sock.bind(os.fspath(folder / "s"))
    sock.listen(100)
    owner.disposed.append(sock)
    return sock, sock.getsockname()


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Watched(_End):
    """A socket pair whose descriptor is watched."""

    def __init__(self, run: Script, name: str) -> None:
        super().__init__(run, name)
        self.sock = self.pair()
        self.fd = self.sock.fileno()
        self.disposed.append(self.sock)

    def reads(self, body: Body, *more: str) -> None:
        """There is something to read: read all."""
        got = b""
        end = False
        with contextlib.suppress(BlockingIOError):
            try:
                while some := self.sock.recv(100):
                    got += some
                end = True
            except ConnectionError:
                end = True
        self.run.note(self.name, "is readable", self.run.phrase([got, end, *more]))
        if end:
            self.run.loop.remove_reader(self.fd)
        body(self.name)

    def writes(self, body: Body, *more: str) -> None:
        """There is room to write: once is enough."""
        self.run.note(self.name, "is writable", ", ".join(more))
        self.run.loop.remove_writer(self.fd)
        body(self.name)

    def let_go(self) -> None:
        for remove in (self.run.loop.remove_reader, self.run.loop.remove_writer):
            self.run.last(f"{self.name}: {remove.__name__}", lambda remove=remove: remove(self.fd))  # type: ignore[misc]


class PlainSocket(_End):
    """A socket for sock_recv() and the like; two of a kind at once are not promised to work."""

    def __init__(self, run: Script, name: str) -> None:
        super().__init__(run, name)
        self.sock = self.pair()
        self.disposed.append(self.sock)
        self.busy: set[str] = set()
        """What goes on, or did in this step."""
        self.idle: set[str] = set()
        """What of this has ended."""
        self.mail: tuple[socket.socket, socket.socket] | None = None
        self.listener: socket.socket | None = None
        self.address: Any = None

    async def one(self, what: str, awaitable: Callable[[], Awaitable[Any]]) -> Any:
        if what in self.busy:
            return "over"
        self.busy.add(what)
        try:
            return await awaitable()
        except asyncio.CancelledError:
            self.cut = True
            raise
        finally:
            self.idle.add(what)

    def end_step(self) -> None:
        self.busy -= self.idle
        self.idle.clear()

    async def recv(self, sock_recv: Any, count: int) -> Any:
        return await self.one("recv", lambda: sock_recv(self.sock, count))

    async def recv_into(self, sock_recv_into: Any) -> Any:
        buffer = bytearray(10)
        number = await self.one("recv", lambda: sock_recv_into(self.sock, buffer))
        return [number, bytes(buffer)]

    async def send(self, sock_sendall: Any, data: bytes) -> Any:
        return await self.one("send", lambda: sock_sendall(self.sock, data))

    async def accept(self, sock_accept: Any) -> Any:
        self.listen()
        accepted = await self.one("accept", lambda: sock_accept(self.listener))
        if accepted == "over":
            return accepted
        sock, _ = accepted
        self.disposed.append(sock)
        return sock.gettimeout()

    async def connect(self, sock_connect: Any) -> Any:
        self.listen()
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        self.disposed.append(sock)
        await sock_connect(sock, self.address)
        sock.send(b"connected")
        return None

    def datagrams(self) -> tuple[socket.socket, socket.socket]:
        """A socket for datagrams, and another one."""
        if self.mail is None:
            self.mail = (
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            )
            for sock in self.mail:
                sock.bind(("127.0.0.1", 0))
                sock.setblocking(False)
            self.disposed += self.mail
        return self.mail

    async def recvfrom(self, sock_recvfrom: Any) -> Any:
        ours, other = self.datagrams()
        got = await self.one("recvfrom", lambda: sock_recvfrom(ours, 10))
        return got if got == "over" else [got[0], got[1] == other.getsockname()]

    async def recvfrom_into(self, sock_recvfrom_into: Any) -> Any:
        ours, other = self.datagrams()
        buffer = bytearray(10)
        got = await self.one("recvfrom", lambda: sock_recvfrom_into(ours, buffer))
        return got if got == "over" else [got[0], got[1] == other.getsockname(), buffer]

    async def sendto(self, sock_sendto: Any, data: bytes) -> Any:
        ours, other = self.datagrams()
        number = await self.one("sendto", lambda: sock_sendto(ours, data, other.getsockname()))
        return number if number == "over" else [number, bool(readable(other, timeout=_PATIENCE)) and other.recv(100)]

    def posted(self, data: bytes) -> None:
        """Somebody sends a datagram."""
        ours, other = self.datagrams()
        other.sendto(data, ours.getsockname())
        readable(ours, timeout=_PATIENCE)

    def listen(self) -> None:
        if self.listener is None:
            self.listener, self.address = _listening(self)

    def dialled(self) -> None:
        """Somebody connects."""
        self.listen()
        sock = socket.socket(socket.AF_UNIX)
        self.disposed.append(sock)
        sock.connect(self.address)
        sock.send(b"dialled")


class Datagrams(_Moments):
    """A datagram endpoint on the loopback, with a socket that is its mailbox."""

    def __init__(self, run: Script, name: str, connected: bool, moment: str, body: Body) -> None:
        super().__init__(run, name)
        self.when(moment, body)
        sock, mailbox = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (sock, mailbox):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
        self.known = sock.dup()
        """The endpoint's socket, to see what has arrived."""
        self.disposed += [sock, mailbox, self.known]
        self.address = mailbox.getsockname()
        self.connected = connected
        if connected:
            sock.connect(self.address)
        self.sent = 0
        """Datagrams that are on their way to the mailbox."""
        self.peer: Any = Mailbox(self, mailbox, sock.getsockname())
        run.open(name, self.start(sock))

    async def start(self, sock: socket.socket) -> None:
        await self.run.loop.create_datagram_endpoint(lambda: _DatagramProtocol(self), sock=sock)

    def sendto(self, data: bytes) -> str | None:
        """Send a datagram to the mailbox."""
        if self.cut:
            return "over"
        self.transport.sendto(data, None if self.connected else self.address)
        self.sent += not self.peer.closed
        return None


class _DatagramProtocol(asyncio.DatagramProtocol):
    def __init__(self, of: Datagrams) -> None:
        self.of = of

    def connection_made(self, transport: Any) -> None:
        self.of.transport = transport
        self.of.tell("connection_made", "connection_made")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        known = addr == self.of.address
        self.of.tell("datagram_received", "datagram_received", self.of.run.phrase([data, known]))

    def error_received(self, exc: Exception) -> None:
        self.of.tell("error_received", "error_received", self.of.run.phrase(exc))

    def connection_lost(self, exc: BaseException | None) -> None:
        self.of.cut = True
        self.of.tell("connection_lost", "connection_lost", self.of.run.phrase(exc))


class Mailbox:
    """A plain socket for datagrams."""

    is_secure = False

    def __init__(self, owner: Datagrams, sock: socket.socket, address: Any) -> None:
        self._owner, self.sock, self._address = owner, sock, address
        self.closed = False

    def send(self, data: bytes) -> None:
        """Send a datagram, and wait until it is there."""
        self.sock.sendto(data, self._address)
        readable(self._owner.known, timeout=_PATIENCE)

    def read(self) -> list[bytes]:
        """The datagrams that are on their way."""
        got = []
        while self._owner.sent > 0:
            self._owner.sent -= 1
            if not readable(self.sock, timeout=_PATIENCE):
                break
            got.append(self.sock.recv(100))
        return got

    def close(self) -> None:
        """Read no more."""
        self.sock.close()
        self.closed = True
