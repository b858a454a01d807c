"""Draws programs with hypothesis, compares what they do, and makes those that differ as small as they get."""

from __future__ import annotations

import contextlib
import hashlib
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.database import ExampleDatabase
from hypothesis.errors import NoSuchExample

from loopcheck.compare.arena import Arena, Difference, has_ended
from loopcheck.compare.findings import Finding, kind_of
from loopcheck.compare.language import Program
from loopcheck.compare.reducing import size, smallest
from loopcheck.compare.strategy import programs
from loopcheck.kit import examples  # noqa: F401  # has hypothesis draw the same in every project

_SECONDS = 20.0
"""How long smaller programs are tried for one finding: those that hang take a while."""

_AT_ONCE = 25
"""How many smaller programs are tried with one message."""

_KINDS = 5
"""Kinds of findings in one slice that are made smaller; a loop with more of them has other worries."""


@dataclass(slots=True)
class Harvest:
    """What one slice of programs gave."""

    tried: int = 0
    findings: list[Finding] = field(default_factory=list)


class Search:
    """Looks for programs that run otherwise on a subject than on the control.

    Args:
        arena: where programs run.
        seed: the same seed draws the same programs.
        remembered: where programs that differed are kept for the next run, or None; written and read.
    """

    def __init__(self, arena: Arena, seed: int, remembered: ExampleDatabase | None = None) -> None:
        self.arena = arena
        self.seed = seed
        self.known: set[str] = set()
        """The kinds that have been made small."""
        self.remembered = remembered
        self._shelf = f"loopcheck programs {arena.subject}".encode()

    def slice(self, number: int, most: int = 100) -> Harvest:
        """Try the programs that the seed and a number give."""
        drawn = self.draw(number, most)
        return Harvest(len(drawn), self._sort(drawn))

    def draw(self, number: int, most: int = 100) -> list[Program]:
        """The programs that the seed and a number give."""
        drawn: list[Program] = []

        def take(program: Program) -> bool:
            drawn.append(program)
            return False

        settings = hypothesis.settings(
            max_examples=most,
            database=None,  # what it could keep is how a program was drawn; we keep programs
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        random = Random(hashlib.sha256(f"{self.seed} {number}".encode()).digest())
        with warnings.catch_warnings(), contextlib.suppress(NoSuchExample):
            warnings.simplefilter("ignore")  # hypothesis about itself
            hypothesis.find(programs(), take, settings=settings, random=random)
        return drawn

    def again(self) -> Harvest:
        """Try the programs that differed in earlier runs."""
        if self.remembered is None:
            return Harvest()
        kept = []
        for data in sorted(self.remembered.fetch(self._shelf)):
            try:
                kept.append(Program.from_json(data.decode()))
            except ValueError:  # the language has changed
                self.remembered.delete(self._shelf, data)
        harvest = Harvest(len(kept), self._sort(kept))
        differ = {finding.difference.program for finding in harvest.findings}
        for program in kept:
            if program not in differ:
                self.remembered.delete(self._shelf, program.to_json().encode())
        return harvest

    def _sort(self, drawn: list[Program]) -> list[Finding]:
        """The findings of some programs, one of each kind."""
        found: dict[str, Difference] = {}
        numbers: Counter[str] = Counter()
        for difference in self.arena.differences(drawn):
            kind = kind_of(difference)
            numbers[kind] += 1
            if kind not in found or size(difference.program) < size(found[kind].program):
                found[kind] = difference
        findings: list[Finding] = []
        for kind, difference in found.items():
            new = kind not in self.known and len(findings) < _KINDS
            if new:
                difference = self._smaller(kind, difference)
                self.known.add(kind)
            alone = self.arena.alone(difference.program)
            if alone is None and has_ended(difference.observed):
                continue  # nothing but a busy machine
            finding = Finding(kind, alone or difference, numbers[kind], alone is not None)
            findings.append(finding)
            if self.remembered is not None and alone is not None:
                self.remembered.save(self._shelf, difference.program.to_json().encode())
        return findings

    def _smaller(self, kind: str, difference: Difference) -> Difference:
        """The smallest difference of a kind that can be found in the time that there is."""
        best = difference
        until = time.monotonic() + _SECONDS
        at_once = 1 if has_ended(difference.observed) else _AT_ONCE

        def wanted(candidates: Sequence[Program]) -> Program | None:
            nonlocal best
            for start in range(0, len(candidates), at_once):
                if time.monotonic() > until:
                    return None
                for one in self.arena.differences(candidates[start : start + at_once]):
                    if kind_of(one) == kind:
                        best = one
                        return one.program
            return None

        program = smallest(difference.program, wanted)
        renamed = self.arena.differences([program])
        return renamed[0] if renamed and kind_of(renamed[0]) == kind else best
