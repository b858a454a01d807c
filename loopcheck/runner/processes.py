"""Where children come from: a nursery that forks them, or a new interpreter for each."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loopcheck.check import Entry, catalogue
from loopcheck.runner.wire import Closed, Wire

START_LIMIT = 120.0
"""Seconds that a new interpreter gets to import pytest and the battery; generous, it is our own code."""

_STRIPPED = (
    "PYTHONASYNCIODEBUG",
    "PYTHONDEVMODE",
    "PYTHONOPTIMIZE",
    "PYTHONWARNINGS",
    "PYTHONINSPECT",
    "PYTEST_CURRENT_TEST",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
    "PYTEST_XDIST_TESTRUNUID",
)
"""Environment variables that would change what checks see: they are the run's, not the subject's."""

OUR_FAULT = 113
"""The exit status of a child in which loopcheck itself failed."""

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import tempfile; tempfile.tempdir = sys.argv[2]; "
    "from loopcheck.runner.{} import main; "
    "main(sys.argv[3], int(sys.argv[4]), json.loads(sys.argv[5]), *map(int, sys.argv[6:]))"
)


class RunnerError(Exception):
    """loopcheck's own processes do not work: our fault or the machine's, not the subject's."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a clean process, not pytest's own, found out about the machine."""

    slowness: float
    """How many times slower it is just now than the one that the limits were made for."""
    met: frozenset[str]
    """The needs of checks that it meets."""


class Process:
    """One child process and the conversation with it."""

    def __init__(self, pid: int, wire: Wire, printed: Path, stack: Path) -> None:
        self.pid = pid
        self.wire = wire
        self.printed = printed
        self.stack = stack
        self.ran: list[str] = []
        """The ids of the checks that it has run, in order."""
        self.own: frozenset[int] = frozenset()
        """The descriptors that it had before its first check; empty where there is no way to tell."""


class Processes(Protocol):
    """A source of children."""

    @property
    def machine(self) -> Machine:
        """What the first process found out about the machine."""

    def catalogue(self, areas: Sequence[str]) -> list[Entry]:
        """What these areas declare: from a process that has imported them, if there is one."""

    def start(self) -> Process:
        """A new child."""

    def end(self, process: Process, grace: float = 0.0) -> int:
        """End a child and its process group; its wait status, as from os.waitpid()."""

    def close(self) -> None:
        """End everything."""


def processes(areas: list[str], *, fork: bool, door: str | None = None) -> Processes:
    """Start the machinery; it gets ready in the background until the first child is asked for.

    Args:
        areas: the areas whose checks will be run; no others are imported. None, to identify subjects only, which
            takes no pytest in the process.
        fork: whether to fork children from a nursery; else each is a new interpreter.
        door: the address of a nursery that another process has started, to fork children from that one.
    """
    if not areas:
        return Spawner([], "clerk")
    if not fork:
        return Spawner(areas, "solo")
    return Nursery(areas) if door is None else Guest(door)


_LONGEST = 40
"""Characters of a folder in which Unix sockets can have names: an address has some hundred."""


class _Files:
    """A folder for what children print and for all temporary files, removed at the end.

    If our process is killed before, the nursery does it.
    """

    def __init__(self) -> None:
        usual = tempfile.gettempdir()
        self.folder = Path(tempfile.mkdtemp(prefix="loopcheck-", dir=usual if len(usual) <= _LONGEST else "/tmp"))
        self._numbers = itertools.count(1)

    def new(self) -> tuple[Path, Path]:
        number = next(self._numbers)
        printed, stack = self.folder / f"printed-{number}", self.folder / f"stack-{number}"
        printed.touch()
        stack.touch()
        return printed, stack

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _interpreter(
    role: str, areas: list[str], errors: Path, door: socket.socket | None = None
) -> tuple[subprocess.Popen[bytes], Wire]:
    ours, theirs = socket.socketpair()
    doors = [] if door is None else [door.fileno()]
    path = [os.path.abspath(folder) for folder in sys.path]
    environment = {name: value for name, value in os.environ.items() if name not in _STRIPPED}
    with theirs, errors.open("ab") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _BOOT.format("clerk" if role == "clerk" else "house"),
                json.dumps(path),
                str(errors.parent),
                role,
                str(theirs.fileno()),
                json.dumps(areas),
                *map(str, doors),
            ],
            pass_fds=[theirs.fileno(), *doors],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            env=environment,
            start_new_session=True,  # Ctrl-C is for pytest to hear, and for us to pass on
        )
    return process, Wire(ours)


def _greeting(process: subprocess.Popen[bytes], wire: Wire, errors: Path) -> Machine:
    try:
        return _machine(wire)
    except (Closed, TimeoutError) as error:
        process.kill()
        process.wait()
        said = errors.read_text(errors="replace").strip()
        raise RunnerError(f"loopcheck's own process did not start ({error or 'no answer'}):\n{said[-4000:]}") from None


def _machine(wire: Wire) -> Machine:
    greeting = wire.receive(START_LIMIT)
    return Machine(greeting["slowness"], frozenset(greeting["met"]))


class Guest:
    """Has children forked by the nursery of another process: pytest-xdist's workers share one."""

    def __init__(self, door: str) -> None:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(door)
        except OSError as error:
            sock.close()
            raise RunnerError(f"loopcheck's nursery process cannot be reached at {door!r}: {error}") from None
        self._files = _Files()
        self._wire = Wire(sock)

    @functools.cached_property
    def machine(self) -> Machine:
        """Found out by the nursery before its first child."""
        try:
            return _machine(self._wire)
        except (Closed, TimeoutError):
            raise RunnerError("loopcheck's nursery process did not start") from None

    def catalogue(self, areas: Sequence[str]) -> list[Entry]:
        """What the nursery has imported: pytest's own process then need not, and starts sooner."""
        assert self.machine  # the nursery greets before it takes requests
        try:
            self._wire.send({"do": "catalogue", "areas": list(areas)})
            answer = self._wire.receive(START_LIMIT)
        except (Closed, TimeoutError):
            raise RunnerError("loopcheck's nursery process is gone; it cannot say what it has imported") from None
        return list(map(Entry.from_message, answer["entries"]))

    def start(self) -> Process:
        """Have a child forked."""
        assert self.machine
        printed, stack = self._files.new()
        try:
            self._wire.send({"do": "fork", "printed": str(printed), "stack": str(stack)})
            answer, descriptor = self._wire.receive_descriptor(START_LIMIT)
        except (Closed, TimeoutError):
            raise RunnerError("loopcheck's nursery process is gone; it cannot make further children") from None
        return Process(answer["pid"], Wire(socket.socket(fileno=descriptor)), printed, stack)

    def end(self, process: Process, grace: float = 0.0) -> int:
        """Have a child ended, with what it started."""
        process.wire.close()
        try:
            self._wire.send({"do": "end", "pid": process.pid, "grace": grace})
            status: int = self._wire.receive(grace + START_LIMIT)["status"]
        except (Closed, TimeoutError):
            raise RunnerError("loopcheck's nursery process is gone; it cannot say how a child ended") from None
        return status

    def close(self) -> None:
        """Leave; the nursery ends the children that were forked for us."""
        self._wire.close()
        self._files.remove()


class Nursery(Guest):
    """One process that has everything imported but the subject, and forks children; its starter is its first guest."""

    def __init__(self, areas: list[str]) -> None:
        self._files = _Files()
        self._errors = self._files.folder / "nursery"
        self.door: str = str(self._files.folder / "door")
        """The address at which other processes find the nursery."""
        with socket.socket(socket.AF_UNIX) as door:
            # Ours from the start, so that a guest who comes before the nursery is ready waits in the backlog.
            door.bind(self.door)
            door.listen(128)
            self._process, self._wire = _interpreter("nursery", areas, self._errors, door)
        self._alive: set[int] = set()

    @functools.cached_property
    def machine(self) -> Machine:
        """Found out by the nursery before its first child."""
        return _greeting(self._process, self._wire, self._errors)

    def start(self) -> Process:
        """Have a child forked."""
        process = super().start()
        self._alive.add(process.pid)
        return process

    def end(self, process: Process, grace: float = 0.0) -> int:
        """Have a child ended, with what it started."""
        self._alive.discard(process.pid)
        return super().end(process, grace)

    def close(self) -> None:
        """End the nursery, which ends all its children; at the latest we end ours."""
        self._wire.close()
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            for pid in self._alive:
                kill_group(pid)
            kill_group(self._process.pid)
            self._process.wait()
        self._files.remove()


class Spawner:
    """Starts a new interpreter for every child: slower by far, for platforms without fork."""

    def __init__(self, areas: list[str], role: str) -> None:
        self._areas = areas
        self._role = role
        self._files = _Files()
        self._started: dict[int, subprocess.Popen[bytes]] = {}
        self._spare: Process | None = None
        self._machine: Machine | None = None

    @property
    def machine(self) -> Machine:
        """Found out by the first child."""
        if self._machine is None:
            self._spare = self.start()
        assert self._machine is not None
        return self._machine

    def catalogue(self, areas: Sequence[str]) -> list[Entry]:
        """What the areas declare, imported here: a child that is to run a subject is not asked."""
        return catalogue(*areas)

    def start(self) -> Process:
        """Start an interpreter."""
        if self._spare is not None:
            process, self._spare = self._spare, None
            return process
        printed, stack = self._files.new()
        popen, wire = _interpreter(self._role, self._areas, printed)
        self._started[popen.pid] = popen
        machine = _greeting(popen, wire, printed)
        self._machine = self._machine or machine
        wire.send({"printed": str(printed), "stack": str(stack)})
        return Process(popen.pid, wire, printed, stack)

    def end(self, process: Process, grace: float = 0.0) -> int:
        """End a child and what it started."""
        process.wire.close()
        popen = self._started.pop(process.pid)
        try:
            code = popen.wait(grace)
        except subprocess.TimeoutExpired:
            popen.kill()
            code = popen.wait()
        kill_group(process.pid)
        return -code if code < 0 else code << 8

    def close(self) -> None:
        """End all children."""
        if self._spare is not None:
            self._spare.wire.close()
        for popen in self._started.values():
            kill_group(popen.pid)
            popen.kill()
            popen.wait()
        self._files.remove()


def kill_group(pid: int) -> None:
    """Kill a process group, if there is one."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
