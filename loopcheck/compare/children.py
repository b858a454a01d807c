"""Child processes in programs with input and output: tiny ones, of which is known what they do next.

After a step the program waits for what a child is about to do: to answer a line, or to end. So a child is at rest
whenever something is done with it, and what happens in which step does not depend on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any

from loopcheck.compare.script import Body, Script, _End, _Moments

_LINES = {
    # It says on its descriptor 2, which is ours, when it has answered a line.
    "echo": 'while IFS= read -r a; do printf "%s\\n" "$a"; printf . >&2; done; printf %s "$a"',
    "cat": "exec cat",
    "says": "echo out; echo err >&2; exit 2",
    "true": "exit 0",
    "dies": "kill -9 $$",
    "deaf": "exec sleep 600",
}
"""What children do, as lines of the shell."""

_PROGRAMS = {
    "cat": ("cat",),
    "true": ("true",),
    "deaf": ("sleep", "600"),
    "missing": ("/missing/program",),
    "folder": ("/",),
}
"""Children that need no shell, or are none."""

_READERS = ("echo", "cat")
"""Children that end when their input does; the others end by themselves, but for "deaf"."""

_LONG = 1000
"""Bytes. What reads line by line takes its time for more."""


class _Child(_End):
    """A child of the loop.

    Args:
        run: the run that it belongs to.
        name: its name.
        way: "exec" or "shell".
        kind: what it does.
        options: for who starts it.
    """

    def __init__(self, run: Script, name: str, way: str, kind: str, options: dict[str, Any]) -> None:
        super().__init__(run, name)
        self.kind = kind
        self.pipes = {"stdin": -1, "stdout": -1, "stderr": -1} | options
        self.lines = 0
        """How many lines it is still to answer."""
        self.left = False
        """Whether it was ended because the program ends: how much it still says, nobody knows."""
        self.given = False
        """Whether it was given anything."""
        self.ended = False
        """Whether we know that the loop has told of its end."""
        self.notices: int | None = None
        if kind == "echo":
            self.notices, self.said = os.pipe()
            os.set_blocking(self.notices, False)
            self.pipes["stderr"] = self.said
        if way == "shell":
            self.command: tuple[str, ...] = (_LINES.get(kind) or f"exec {_PROGRAMS[kind][0]}",)
        else:
            self.command = _PROGRAMS.get(kind) or ("sh", "-c", _LINES[kind])
        reads = self.pipes["stdin"] == -1
        self.dying = kind != "deaf" and not (kind in _READERS and reads)
        """Whether it ends by itself soon, or has ended."""
        self.opening = True
        run.open(name, self.start())

    async def begin(self) -> None:
        """Start it."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The number of the process, if there is one."""
        raise NotImplementedError

    async def start(self) -> None:
        try:
            await self.begin()
        finally:
            self.opening = False
            if self.notices is not None:
                os.close(self.said)

    def has_ended(self) -> bool:
        """Whether the loop has told that it ended."""
        raise NotImplementedError

    def moves(self) -> bool:
        """Wait a little if it is about to do something; whether that may have been anything."""
        before = self.lines, self.ended
        if self.notices is not None:
            with contextlib.suppress(BlockingIOError):
                self.lines -= len(os.read(self.notices, 100))
        self.ended = self.has_ended()
        if before != (self.lines, self.ended):
            return True  # there may be more to hear now
        alive = self.pid is not None and not self.ended
        return (self.opening or (alive and (self.lines > 0 or self.dying))) and self.nap()

    def takes(self, data: Any) -> bool:
        """Whether it is given some data: not if it may not read it any more, or takes long for it."""
        if self.dying or (self.kind == "echo" and isinstance(data, bytes) and len(data) > _LONG):
            return False
        self.given = True
        if self.kind == "echo" and isinstance(data, bytes):
            self.lines += data.count(b"\n")
        return True

    def ends(self, how: Callable[[], Any]) -> Any:
        """Send it a signal, unless it is at work, or ends anyway."""
        if self.is_between or self.lines > 0 or (self.kind == "cat" and self.given and not self.dying):
            return "over"
        value = how()
        self.dying = True
        return value

    @property
    def handle(self) -> Any:
        """What the loop gave for it, and takes signals."""
        raise NotImplementedError

    def signal(self, number: int) -> Any:
        """send_signal()."""
        return self.ends(lambda: self.handle.send_signal(number))

    def kill(self) -> Any:
        """kill()."""
        return self.ends(lambda: self.handle.kill())

    def terminate(self) -> Any:
        """terminate()."""
        return self.ends(lambda: self.handle.terminate())

    def returncode(self) -> Any:
        """Its status, if that can be known."""
        return "over" if self.is_between else self.status

    @property
    def status(self) -> Any:
        """What the loop says of it."""
        raise NotImplementedError

    def no_more(self) -> None:
        """Its input ends."""
        self.dying |= self.kind in _READERS

    @property
    def is_between(self) -> bool:
        """Whether it is dying, and nobody knows how far it is."""
        return self.dying and not self.has_ended()

    def dispose(self) -> None:
        if self.pid is not None and not self.has_ended():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        if self.notices is not None:
            os.close(self.notices)
            if self.opening:
                os.close(self.said)
        super().dispose()


class Child(_Child, _Moments):
    """A child of subprocess_exec() or subprocess_shell(), with a protocol that notes every call."""

    def __init__(self, run: Script, name: str, way: str, kind: str, moment: str, body: Body, **options: Any) -> None:
        self.exited = False
        self.pipes_lost: list[int] = []
        self.output = b""
        """What a "cat" has said so far: when it comes, nobody knows, so it is told in the end."""
        self.bodies = {}
        self.way = way
        super().__init__(run, name, way, kind, options)
        self.when(moment, body)

    async def begin(self) -> None:
        start = self.run.loop.subprocess_shell if self.way == "shell" else self.run.loop.subprocess_exec
        await start(lambda: _Protocol(self), *self.command, **self.pipes)

    @property
    def pid(self) -> int | None:
        return None if self.transport is None else int(self.transport.get_pid())

    def has_ended(self) -> bool:
        return self.exited

    def at_pipe(self, moment: str) -> None:
        """Do what the program says for something that a pipe brings: not when it may come before the end or after."""
        if not self.dying:
            self.do(moment)

    @property
    def status(self) -> Any:
        """get_returncode()."""
        return self.transport.get_returncode()

    def write(self, data: Any) -> Any:
        """get_pipe_transport(0).write()."""
        return self.transport.get_pipe_transport(0).write(data) if self.takes(data) else "over"

    def close_input(self) -> Any:
        """get_pipe_transport(0).close()."""
        if self.is_between or self.lost:
            return "over"
        self.transport.get_pipe_transport(0).close()
        self.no_more()
        return None

    @property
    def handle(self) -> Any:
        """The transport."""
        return self.transport

    def close(self) -> Any:
        """close()."""
        return self.ends(self.transport.close)

    def ends(self, how: Callable[[], Any]) -> Any:
        between = self.exited and (not self.lost or self.moment == "connection_lost")
        return "over" if between else super().ends(how)

    def pause(self) -> Any:
        """get_pipe_transport(1).pause_reading()."""
        return "over" if self.dying or self.kind == "cat" else self.transport.get_pipe_transport(1).pause_reading()

    def resume(self) -> Any:
        """get_pipe_transport(1).resume_reading()."""
        return "over" if self.is_between or self.lost else self.transport.get_pipe_transport(1).resume_reading()

    def let_go(self) -> None:
        if self.transport is not None and not self.lost:
            self.left = self.dying = True
            with contextlib.suppress(Exception):
                self.transport.close()


class _Protocol(asyncio.SubprocessProtocol):
    def __init__(self, of: Child) -> None:
        self.of = of

    def connection_made(self, transport: Any) -> None:
        self.of.transport = transport
        self.of.tell("connection_made", "connection_made")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        of = self.of
        if of.kind == "cat":
            of.output += data
        elif not of.left:
            of.run.arrives(f"{of.name} pipe {fd}", "pipe_data_received", data)
            of.at_pipe("pipe_data_received")

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        of = self.of
        of.pipes_lost.append(fd)
        if fd == 1 and of.output and not of.left:
            of.run.note(f"{of.name} pipe 1", "pipe_data_received", of.run.phrase(of.output))
        of.run.note(f"{of.name} pipe {fd}", "pipe_connection_lost", str(fd == 0 or exc is None))
        of.at_pipe("pipe_connection_lost")

    def pause_writing(self) -> None:
        self.flow("pause_writing")

    def resume_writing(self) -> None:
        self.flow("resume_writing")

    def flow(self, what: str) -> None:
        if self.of.kind == "deaf" and not self.of.dying:  # others read when they like
            self.of.run.note(f"{self.of.name} pipe 0", what, "")

    def process_exited(self) -> None:
        self.of.exited = self.of.dying = True
        self.of.tell("process_exited", "process_exited", str(self.of.transport.get_returncode()))

    def connection_lost(self, exc: BaseException | None) -> None:
        of = self.of
        of.lost = of.gone = True
        said = f"{of.run.phrase(exc)}; pipes {sorted(of.pipes_lost)}, exited: {of.exited}"
        of.tell("connection_lost", "connection_lost", said)


class Process(_Child):
    """A child of asyncio.create_subprocess_exec() or create_subprocess_shell(), with streams."""

    def __init__(self, run: Script, name: str, way: str, kind: str, **options: Any) -> None:
        self.process: Any = None
        self.way = way
        super().__init__(run, name, way, kind, options)

    async def begin(self) -> None:
        create: Any = asyncio.create_subprocess_shell if self.way == "shell" else asyncio.create_subprocess_exec
        self.process = await create(*self.command, **self.pipes)

    @property
    def pid(self) -> int | None:
        return None if self.process is None else int(self.process.pid)

    def has_ended(self) -> bool:
        return self.process is not None and self.process.returncode is not None

    @property
    def status(self) -> Any:
        """returncode."""
        return self.process.returncode

    def is_left_alone(self, code: str) -> bool:
        """A "cat" is for communicate() only: it says something when it likes."""
        return self.kind == "cat" and ".process.std" in code

    def write(self, data: Any) -> Any:
        """stdin.write()."""
        return self.process.stdin.write(data) if self.kind != "cat" and self.takes(data) else "over"

    def close_input(self) -> Any:
        """stdin.close()."""
        if self.is_between:
            return "over"
        self.process.stdin.close()
        self.no_more()
        return None

    async def drain(self) -> Any:
        """stdin.drain()."""
        return "over" if self.dying else await self.process.stdin.drain()

    async def communicate(self, data: bytes | None) -> Any:
        """communicate()."""
        if self.is_between or (self.kind != "cat" and data and len(data) > _LONG):
            return "over"
        if data is None and not self.dying and self.kind in _READERS:  # some Pythons close its input then, some do not
            return "over"
        self.no_more()
        return await self.process.communicate(data)

    @property
    def handle(self) -> Any:
        """asyncio's Process."""
        return self.process

    def let_go(self) -> None:
        if self.process is not None and not self.has_ended():
            self.left = self.dying = True
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
