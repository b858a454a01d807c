"""Runs programs on the subject and on the control, each in child processes of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loopcheck.compare.language import Program
from loopcheck.compare.tracer import THE_PROCESS, Trace
from loopcheck.compare.word import SCRIPT
from loopcheck.runner.processes import Guest, Nursery, Process, Processes, Spawner
from loopcheck.runner.run import Options, Runner
from loopcheck.runner.wire import Closed
from loopcheck.subject import CONTROL, SubjectError

_PART = 0.2
"""The part of a check's limit that a program gets: it does less, and there are more of them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A program that runs otherwise on the subject than on the control."""

    program: Program
    observed: Trace
    """What happened on the subject."""
    expected: Trace
    """What happened on the control."""


def has_ended(trace: Trace) -> bool:
    """Whether a trace says no more than that the process ended, had to be ended, or never came to rest."""
    return bool(trace) and trace[0][1] == THE_PROCESS


class Arena(Runner):
    """A runner of programs; every way to end is a trace.

    Args:
        subject: what is compared with the control, as MODULE:NAME.
        options: what the user chose; of ``door`` it makes use, too.
    """

    def __init__(self, subject: str, options: Options) -> None:
        self._options = options
        self._processes: Processes = (
            Spawner([], "clerk") if not options.fork else Nursery([]) if options.door is None else Guest(options.door)
        )
        self.subject = subject
        self.path = options.path
        self._sides = {"subject": subject, "control": CONTROL}
        self._children: dict[str, Process] = {}
        self._forking: dict[str, Process] = {}

    def differences(self, programs: Sequence[Program]) -> list[Difference]:
        """Those of some programs that run otherwise on the subject than on the control.

        Raises:
            RunnerError: loopcheck's own processes fail.
        """
        found = self._differences(programs)
        scripts = [one.program for one in found if one.program.place == SCRIPT]
        patient = self._differences([program.patient() for program in scripts]) if scripts else []
        slept = [replace(one, program=Program(one.program.steps[1:])) for one in patient]
        return [one for one in found if one.program.place != SCRIPT] + slept

    def _differences(self, programs: Sequence[Program]) -> list[Difference]:
        asked = [program.to_json() for program in programs]
        # Both have something to do before anyone waits for one of them.
        for side in self._sides:
            self._ask(side, asked)
        observed, expected = (self._traces(side, asked) for side in self._sides)
        found = []
        for program, one, other in zip(programs, observed, expected, strict=True):
            # What does not end on the control in its time says nothing.
            if one != other and not has_ended(other):
                found.append(Difference(program, one, other))
        return found

    def traces(self, side: str, programs: Sequence[Program]) -> list[Trace]:
        """What some programs do on one side, "subject" or "control"."""
        asked = [program.to_json() for program in programs]
        self._ask(side, asked)
        return self._traces(side, asked)

    def alone(self, program: Program) -> Difference | None:
        """What one program does in processes in which nothing ran before; None if that is the same."""
        self._end_children()
        found = self.differences([program])
        self._end_children()
        return found[0] if found else None

    def _end_children(self) -> None:
        for process in self._children.values():
            self._processes.end(process)
        self._children.clear()

    def _ask(self, side: str, programs: list[str]) -> None:
        if side not in self._children:
            self._children[side] = self._fresh(self._sides[side])
        with contextlib.suppress(Closed):  # what became of it is found out when it is to answer
            self._children[side].wire.send({"do": "programs", "programs": programs, "limit": self._limit})

    @property
    def _limit(self) -> float:
        return self.limit * _PART

    def _traces(self, side: str, programs: list[str]) -> list[Trace]:
        """The traces of programs that were asked for; after one that ends its process, a new process has the rest."""
        traces: list[Trace] = []
        while len(traces) < len(programs):
            process = self._children[side]
            try:
                traces.append(process.wire.receive(self._limit)["trace"])
                continue
            except TimeoutError:
                self._abort(process)
                end = "hangs"
            except Closed:
                end = self._post_mortem(process)["message"]
            del self._children[side]
            traces.append([["main", THE_PROCESS, end, ""]])
            if len(traces) < len(programs):
                try:
                    self._ask(side, programs[len(traces) :])
                except SubjectError as error:
                    traces += [[["main", THE_PROCESS, str(error), ""]]] * (len(programs) - len(traces))
        if side in self._children:
            try:
                self._children[side].wire.receive(self._limit)  # that it has ended
            except (Closed, TimeoutError):
                self._processes.end(self._children.pop(side))
        return traces
