"""Inside a child process: run checks one after another, for as long as nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import linecache
import math
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from loopcheck import check, kit, subject
from loopcheck.runner.audit import ONCE, Audit, Finding, short
from loopcheck.runner.wire import Closed, Wire
from loopcheck.runner.witness import Witness

CUT = 4000
"""How many characters of any text that a subject had a hand in go into an observation."""

_GRACE = 0.2
"""The part of the limit that threads get to end after a check; it may be spent twice."""

_EVENTS = 10
"""How many events of a list are told of a check that hangs: the last."""

_COMPARABLE = 100
"""How many events of a list are told of a check that fails, to be compared with those on the control: the first."""

Comparison = dict[str, str]

_HINT = re.compile(r"\n\s*Use -v+ to get more diff")
"""pytest's advice to its own users, which does nothing for ours."""


class _Counting:
    """The subject's factory, counting; no function, which would become a method where a class keeps it."""

    def __init__(self, factory: Callable[[], Any]) -> None:
        self._factory = factory
        self.made = 0

    def __call__(self) -> Any:
        self.made += 1
        return self._factory()


class Child:
    """Answers the runner's requests until the wire ends.

    Args:
        wire: the conversation with the runner.
        stack: an open file for faulthandler: where the Python stack of a hang or crash goes.
        comparison: filled by whoever explains failed assertions, with ``observed`` and ``expected``.
    """

    def __init__(self, wire: Wire, stack: Any, comparison: Comparison) -> None:
        self.wire = wire
        self.stack = stack
        self.comparison = comparison
        self.spec = subject.CONTROL
        self.factory: Callable[[], Any] = subject.control
        self.audit: Audit | None = None
        self.bench: kit.Bench | None = None
        """Where a check runs, while one does."""
        self._tell = False
        self._taxed = False
        self._watched_since = -math.inf
        self._never_closed: list[Any] = []

    def serve(self) -> None:
        """Answer until the other side closes the wire."""
        answers: dict[str, Callable[..., dict[str, Any]]] = {
            "subject": self.use_subject,
            "check": self.run_check,
            "programs": self.run_programs,
        }
        while True:
            try:
                request = self.wire.receive()
                self.wire.send(answers[request.pop("do")](**request))
            except Closed:
                return

    def use_subject(self, spec: str, path: list[str], identify: bool, files: bool) -> dict[str, Any]:
        """Resolve the subject, with ``path`` before sys.path, and say what it is or what is wrong with it."""
        sys.path[:0] = [folder for folder in path if folder not in sys.path]
        try:
            self.spec, self.factory = spec, subject.resolve(spec)
            if not identify:
                return {}
            self._never_closed = subject.try_out(spec, self.factory)
            return {"identity": subject.identify(spec, self.factory, files=files)}
        except subject.SubjectError as error:
            return {"error": str(error)[:CUT], "detail": error.detail[-CUT:]}

    def run_check(self, id: str, limit: float, patience: float, tell: bool = False) -> dict[str, Any]:
        """Run one check and audit what it left; the observation, with ``outcome`` passed or failed.

        Args:
            tell: whether to tell what the check has recorded also if it passes.
        """
        self._tell = tell
        entry = check.find(id)
        self._watch(limit)
        if self.audit is None:
            # Not before the subject was imported: what an import leaves is not a check's.
            with contextlib.suppress(OSError):  # where there are no such files, nobody is told what a hang is about
                Witness(self.stack.name, self._describe)
            self.audit = Audit()
            if entry.setting != "first-loop":
                self._measure_tax(limit)
        observation, left = self._once(entry, patience, limit * _GRACE)
        if left and observation["outcome"] == "passed" and all(kind in ONCE for kind, _ in left):
            self._measure_tax(limit)
            again, left = self._once(entry, patience, limit * _GRACE)
            observation = again if left else observation
        if observation["outcome"] == "failed":
            # What may be a first use is no evidence unless it was there twice.
            left = [finding for finding in left if finding[0] not in ONCE]
        if left:
            phrases = [phrase[:CUT] for _, phrase in left]
            observation["left_behind"] = phrases
            if observation["outcome"] == "passed":
                observation |= {
                    "outcome": "failed",
                    "message": "the behaviour itself is right, but something was left behind",
                    "expected": "nothing left behind",
                    "observed": "left behind: " + "; ".join(phrases),
                }
        return observation

    def run_programs(self, programs: list[str], limit: float) -> dict[str, Any]:
        """Run generated programs, and send the trace of each as soon as it is there; so the last that came tells
        which one does not end."""
        from loopcheck.compare import tracer
        from loopcheck.compare.language import Program

        for program in programs:
            self._watch(limit)
            self.wire.send({"trace": tracer.run(Program.from_json(program), self.factory)})
        return {"ended": len(programs)}

    def _measure_tax(self, limit: float) -> None:
        """Learn what every loop of the subject leaves, if that is not known yet."""
        assert self.audit is not None
        if not self._taxed:
            self._taxed = True
            with contextlib.suppress(Exception):  # what is wrong with the loop, the check itself will say
                self.audit.measure_tax(self.factory, limit * _GRACE)

    def _watch(self, limit: float) -> None:
        """Have the stack written should this check not end; the runner outside holds the deadline itself.

        In C, so that it works with the GIL held and every signal blocked. Setting the watch takes longer than most
        checks, so it is set anew only when it would come too early: it goes off in the second half of the limit.
        """
        now = time.monotonic()
        if now - self._watched_since > limit / 2:
            faulthandler.dump_traceback_later(limit, file=self.stack)
            self._watched_since = now

    def _once(self, entry: check.Entry, patience: float, grace: float) -> tuple[dict[str, Any], list[Finding]]:
        assert self.audit is not None
        self.comparison.clear()
        self.audit.start()
        factory = _Counting(self.factory)
        bench = self.bench = kit.Bench(factory, patience, entry.setting, self.spec)
        observation: dict[str, Any] = {"outcome": "passed"}
        started = time.perf_counter()
        try:
            kit.perform(entry, bench)
        except BaseException as error:
            observation = self._failure(error)
        observation["seconds"] = round(time.perf_counter() - started, 6)
        if (self._tell or observation["outcome"] != "passed") and (events := _events(bench)):
            observation["events"] = events
        loops = bench.loops
        del bench
        self.bench = None
        return observation, self.audit.findings(loops, factory.made, grace)

    def _describe(self) -> dict[str, list[str]]:
        """What the check that runs has recorded, and what is pending; asked in another thread."""
        if self.bench is None:
            return {}
        tasks = [task for loop in self.bench.loops for task in asyncio.all_tasks(loop)]
        return {
            "recorded": [f"{name}: {_last(what)}" for name, what in self.bench.recorded().items() if what],
            "tasks": sorted(map(short, tasks)),
        }

    def _failure(self, error: BaseException) -> dict[str, Any]:
        message, explanation = _split(_HINT.sub("", _text(error)))
        observation: dict[str, Any] = {
            "outcome": "failed",
            "error": type(error).__name__,
            "message": message[:CUT],
            "explanation": explanation[:CUT],
            "traceback": _frames(error.__traceback__),
        }
        if isinstance(error, AssertionError):
            observation |= {key: value[:CUT] for key, value in self.comparison.items()}
        else:
            observation["message"] = f"{type(error).__name__}: {message}"[:CUT] if message else type(error).__name__
            observation["observed"] = f"raised {observation['message']}"
        # The exception keeps every frame of the check alive, and with them what the audit is about to count.
        error.__traceback__ = error.__cause__ = error.__context__ = None
        return observation


def _events(bench: kit.Bench) -> list[str]:
    """What a check has recorded, if that may be compared with what it records on another loop."""
    events = [short(event) for events in bench.recorded().values() for event in events[:_COMPARABLE]]
    # The repr() of an object has its address and its class in it.
    return [] if any("<" in event for event in events) else events


def _last(events: list[Any]) -> str:
    """The last of some events, in one line."""
    before = f"{len(events) - _EVENTS} more, then " if len(events) > _EVENTS else ""
    return before + ", ".join(map(short, events[-_EVENTS:]))


def _split(text: str) -> tuple[str, str]:
    """The check's own words, and pytest's explanation of the assertion."""
    message, newline, explanation = text.partition("\nassert ")
    if newline:
        return message, f"assert {explanation}"
    return (text.partition("\n")[0], text) if text.startswith("assert ") else (text, "")


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as second:
        return f"<the message cannot be shown: its str() raises {type(second).__name__}>"
    if isinstance(error, BaseExceptionGroup):
        text += ": " + "; ".join(f"{type(one).__name__}: {_text(one)}" for one in error.exceptions)
    return text


def _frames(traceback: TracebackType | None) -> list[dict[str, Any]]:
    """Where it happened, outermost first: file, line, function and the line's text."""
    frames = []
    while traceback is not None:
        frame = traceback.tb_frame
        if not frame.f_locals.get("__tracebackhide__") and frame.f_code.co_filename != __file__:
            name = frame.f_code.co_filename
            frames.append(
                {
                    "file": short_path(name),
                    "line": traceback.tb_lineno,
                    "function": frame.f_code.co_name,
                    "code": linecache.getline(name, traceback.tb_lineno).strip()[:200],
                }
            )
        traceback = traceback.tb_next
    return frames[-12:]


def short_path(path: str) -> str:
    """A file's path without the part that belongs to this machine."""
    for folder in sorted((os.path.abspath(one) for one in sys.path if one), key=len, reverse=True):
        if path.startswith(folder + os.sep):
            return path[len(folder) + 1 :].replace(os.sep, "/")
    return path if path.startswith("<") else os.path.basename(path)


def prepare(printed: str, stack: str) -> Any:
    """Make this process a child's: no terminal, no core dumps, default signals, output into files.

    Args:
        printed: the path of the file that receives descriptors 1 and 2.
        stack: the path of the file that receives stacks.

    Returns:
        The open stack file.
    """
    output = os.open(printed, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.stdin = os.fdopen(0, closefd=False)
    for number in signal.valid_signals():
        if signal.getsignal(number) not in (signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as every Python starts
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        pass
    # Whatever becomes of this process, its temporary files go with the runner's.
    tempfile.tempdir = os.path.dirname(printed)
    file = open(stack, "a")  # noqa: SIM115  # stays open for as long as the process lives
    faulthandler.enable(file=file)
    return file
