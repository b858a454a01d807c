"""One check on one subject, to one observation: whatever the loop does, the runner goes on."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loopcheck.check import Entry
from loopcheck.needs import NEEDS
from loopcheck.runner import hang
from loopcheck.runner.processes import OUR_FAULT, Process, Processes, RunnerError, processes
from loopcheck.runner.wire import Closed
from loopcheck.subject import CONTROL, SubjectError

Observation = dict[str, Any]
"""What was seen of one check, ready for a record: ``outcome``, ``seconds``, ``message`` and what explains it."""

DEFAULT_LIMIT = 10.0
"""Seconds that a check may take on a machine of ordinary speed."""

_PATIENCE = 0.4
"""The part of the limit that a check waits for what must happen, so that it can still say what did not."""

_USE_LIMIT = 30.0
"""Seconds that a subject gets to be imported and to make its first loops, at the least."""

_ABORT_GRACE = 0.5
"""Seconds that a process gets to write its stack and die of SIGABRT."""

_DIE_GRACE = 1.0
"""Seconds that a process gets to die by itself once its conversation has ended."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: what the user may choose."""

    limit: float = DEFAULT_LIMIT
    """Seconds per check on a machine of ordinary speed."""
    fork: bool = hasattr(os, "fork")
    """Whether children are forked from a nursery, or each started as a new interpreter."""
    confirm: bool = True
    """Whether what does not pass runs again, alone and on the control."""
    path: tuple[str, ...] = ()
    """Folders that go before sys.path when the subject is imported."""
    door: str | None = None
    """The address of another runner's nursery, to have children forked by that; see :attr:`Runner.door`."""


class Runner:
    """Runs checks in child processes.

    A child is kept while its checks pass and leave nothing behind; anything else ends it. What did not pass runs
    once more, alone in a fresh child, and then on the control, whose failure takes the accusation back.

    Args:
        areas: the areas whose checks will be asked for; none, to identify subjects only.
        options: what the user chose.
    """

    def __init__(self, areas: Sequence[str], options: Options) -> None:
        self._options = options
        self._processes: Processes = processes(list(areas), fork=options.fork, door=options.door)
        self._children: dict[str, Process] = {}
        self._forking: dict[str, Process] = {}
        """Children in which no loop of another check has run: for checks that fork, which a loop need not survive that
        has native threads by now."""

    @property
    def door(self) -> str | None:
        """Where runners in other processes of this machine find our nursery; None if there is none to share."""
        return getattr(self._processes, "door", None)

    @property
    def limit(self) -> float:
        """Seconds per check on this machine, as slow as it is just now."""
        return self._options.limit * self._processes.machine.slowness

    def catalogue(self, areas: Sequence[str]) -> list[Entry]:
        """What these areas declare, to speak of: the entries need not have their functions.

        Raises:
            RunnerError: loopcheck's own processes fail.
        """
        return self._processes.catalogue(areas)

    def identify(self, spec: str, *, files: bool) -> dict[str, Any]:
        """Resolve a subject, try it out, and say what it is; see :func:`loopcheck.subject.identify`.

        Raises:
            SubjectError: it cannot be a subject.
        """
        process = self._processes.start()
        answer = self._use(process, spec, identify=True, files=files)
        # Not kept: its loops are still open, for closing one may be what this subject cannot do.
        self._processes.end(process)
        identity: dict[str, Any] = answer["identity"]
        return identity

    def run(self, entry: Entry, spec: str, expects: Callable[[Observation], bool] = lambda seen: False) -> Observation:
        """Run one check on a subject; every way to end is an observation.

        Args:
            entry: the check.
            spec: the subject.
            expects: whether a failure is just as it is declared: then it is not looked at alone and on asyncio's loop.

        Raises:
            RunnerError: loopcheck's own processes fail.
        """
        lacking = [name for name in entry.needs if name not in self._processes.machine.met]
        if lacking:
            return {"outcome": "unavailable", "seconds": 0.0, "message": f"not so here: {NEEDS[lacking[0]].sentence}"}
        try:
            process = self._fresh(spec) if _wants_a_fresh_process(entry) else self._child(spec, entry)
            before = process.ran[:]
            seen = self._observe(process, entry, spec)
        except SubjectError as error:
            # It could be used when it was identified, and now it cannot: a fault of the subject, no end of the run.
            return {"outcome": "failed", "seconds": 0.0, "message": str(error), "printed": error.detail}
        if seen["outcome"] == "passed" or not self._options.confirm or expects(seen):
            return seen
        if before:
            seen["after"] = before[-1]
            try:
                seen["alone"] = self._observe(self._fresh(spec), entry, spec, look=False)["outcome"]
            except SubjectError:
                seen["alone"] = "failed"
        on_control = self._observe(self._child(CONTROL, entry), entry, CONTROL, tell=True)
        if on_control["outcome"] != "passed":
            seen = on_control | {"outcome": "broken", "on_subject": seen["outcome"]}
        elif "events" in on_control and "events" in seen:
            seen["events_on_control"] = on_control["events"]
        return seen

    def close(self) -> None:
        """End every process."""
        for children in (self._children, self._forking):
            for process in children.values():
                process.wire.close()
            children.clear()
        self._processes.close()

    def _child(self, spec: str, entry: Entry) -> Process:
        children = self._kept(entry)
        if spec not in children:
            children[spec] = self._fresh(spec)
        return children[spec]

    def _kept(self, entry: Entry) -> dict[str, Process]:
        """The children, by subject, that such a check may run in."""
        return self._forking if "own-names" in entry.needs else self._children

    def _fresh(self, spec: str) -> Process:
        process = self._processes.start()
        process.own = frozenset(hang.descriptors(process.pid))
        self._use(process, spec, identify=False, files=False)
        return process

    def _use(self, process: Process, spec: str, *, identify: bool, files: bool) -> dict[str, Any]:
        asked = f"--loop-factory={spec!r}"
        try:
            process.wire.send(
                {"do": "subject", "spec": spec, "path": self._options.path, "identify": identify, "files": files}
            )
            answer = process.wire.receive(max(_USE_LIMIT, self.limit))
        except TimeoutError:
            stack = self._abort(process)[1]
            raise SubjectError(
                f"{asked}: importing it or making a loop did not end; its process was killed", stack
            ) from None
        except Closed:
            status = self._processes.end(process, _DIE_GRACE)
            raise SubjectError(
                f"{asked}: importing it or making a loop ended the process ({_how(status)})", _read(process.printed, 0)
            ) from None
        if "error" in answer:
            self._processes.end(process)
            raise SubjectError(answer["error"], answer["detail"])
        return answer

    def _observe(
        self, process: Process, entry: Entry, spec: str, *, look: bool = True, tell: bool = False
    ) -> Observation:
        """Run a check in a process.

        Args:
            process: where.
            entry: what.
            spec: on which loop.
            look: whether to look into a process that hangs.
            tell: whether to tell what the check has recorded also if it passes.
        """
        limit = self.limit
        printed_before = _size(process.printed)
        started = time.monotonic()
        try:
            process.wire.send(
                {"do": "check", "id": entry.id, "limit": limit, "patience": limit * _PATIENCE}
                | ({"tell": True} if tell else {})
            )
            seen = process.wire.receive(limit)
        except TimeoutError:
            found = hang.look(process, self._processes.machine.slowness) if look else {}
            _, stack = self._abort(process)
            seen = {"outcome": "hang", "message": f"did not end within {limit:.3g} s", "stack": stack} | found
        except Closed:
            seen = self._post_mortem(process)
        seen.setdefault("seconds", round(time.monotonic() - started, 6))
        if printed := _read(process.printed, printed_before):
            seen["printed"] = printed
        process.ran.append(entry.id)
        children = self._kept(entry)
        if seen["outcome"] != "passed":
            if children.get(spec) is process:
                del children[spec]
            if seen["outcome"] == "failed":
                self._processes.end(process)
        elif children.get(spec) is not process:
            if spec in children:
                self._processes.end(process)
            else:
                children[spec] = process
        return seen

    def _abort(self, process: Process) -> tuple[int, str]:
        """Kill a process that does not answer; its status and the Python stack that it left."""
        # faulthandler answers SIGABRT in C, even with the GIL held elsewhere.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGABRT)
        status = self._processes.end(process, _ABORT_GRACE)
        return status, _stack(process)

    def _post_mortem(self, process: Process) -> Observation:
        status = self._processes.end(process, _DIE_GRACE)
        how = _how(status)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
            return {
                "outcome": "crash",
                "signal": _signal_name(os.WTERMSIG(status)),
                "message": how,
                "stack": _stack(process),
            }
        if os.WIFEXITED(status):
            if os.WEXITSTATUS(status) == OUR_FAULT:
                raise RunnerError(f"a check's process failed in loopcheck itself:\n{_read(process.printed, 0)}")
            return {"outcome": "exited", "exit_code": os.WEXITSTATUS(status), "message": how}
        # Killed by us after its grace, or by the kernel: the conversation had ended before.
        return {
            "outcome": "crash",
            "signal": "SIGKILL",
            "message": "cut the connection to the runner, or was killed",
            "stack": _stack(process),
        }


def _wants_a_fresh_process(entry: Entry) -> bool:
    # A check that forks a loop must not depend on what ran before it: native threads, which the fork has not.
    # A canary imports a library, which may leave anything.
    return entry.setting == "first-loop" or "fork" in entry.needs or entry.is_canary


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"the process died of {_signal_name(os.WTERMSIG(status))}"
    return f"the process ended itself with exit code {os.WEXITSTATUS(status)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _size(path: Any) -> int:
    return int(os.path.getsize(path))


def _read(path: Any, start: int, most: int = 10_000) -> str:
    """What was written to a file from an offset on: its beginning and, where it is too long, its end."""
    with open(path, "rb") as file:
        file.seek(start)
        head = file.read(most)
        rest = _size(path) - start - len(head)
        text = head.decode(errors="backslashreplace")
        if rest > 0:
            file.seek(-min(rest, most // 10), os.SEEK_END)
            text += f"\n[... {rest} bytes ...]\n" + file.read().decode(errors="backslashreplace")
    return text


_OUR_FRAME = re.compile(
    r'^  File "[^"]*[/\\](?:loopcheck[/\\](?:runner|kit[/\\]bench)|_pytest|pluggy|pytest)\b.*\n?'
    r'|^  File "<string>", line 1 in <module>\n?',
    re.M,
)

_EMPTY_THREAD = re.compile(
    r"^(?:Current thread|Thread) .*\(most recent call first\):\n(?:  <no Python frame>\n)?(?!  )\n*", re.M
)


_STACK_BEGINS = re.compile(r"^(?=Timeout \(|Fatal Python error: )", re.M)


def _stack(process: Process) -> str:
    """The stacks that faulthandler wrote, without what is not the check's or the subject's."""
    # The watch inside writes too, perhaps for a check before this one that was slow: the last stack is the one.
    last = _STACK_BEGINS.split(_read(process.stack, 0, most=100_000))[-1]
    return _EMPTY_THREAD.sub("", _OUR_FRAME.sub("", last)).strip()
