"""The same generated programs on the subject and on the control."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from loopcheck import subject
from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.programs import Language, Program

SIZES = (24, 80)
"""The bytes of a program: enough of them for tasks to get into each other's way."""


@dataclass(frozen=True)
class Comparison:
    """One program on both loops."""

    observed: list[str]
    """What happened on the subject."""
    expected: list[str]
    """What happened on the control."""
    story: str
    """The program for people, and what to know about it."""


@tool
def compare(bench: Bench) -> Iterator[Callable[..., Comparison]]:
    """A function that runs programs of a language on fresh loops of the subject and of the control.

    It returns the shortest program that was found to differ, or one of those that do not when all agree.
    """
    from loopcheck.kit.examples import smallest  # hypothesis takes longer to import than most checks to run

    control = Bench(subject.control, bench.patience, bench.setting).factory  # in the same setting

    def both(program: Program) -> tuple[list[str], list[str]]:
        return program.run(bench.new_loop()), program.run(control())

    def compare(language: Language, number: int = 60) -> Comparison:
        longest = 0
        agreed = Comparison([], ["no program did anything"], "")

        def differs(data: bytes) -> bool:
            nonlocal longest, agreed
            program = language.read(data)
            observed, expected = both(program)
            if observed == expected and len(expected) > longest:
                longest = len(expected)
                agreed = Comparison(observed, expected, program.text())
            return observed != expected

        found = smallest(differs, number, SIZES)
        if found is None:
            return agreed
        program = language.read(found)
        for attempt in range(5):
            observed, expected = both(program)
            if observed != expected:
                often = " (not every time)" if attempt else ""
                return Comparison(
                    observed, expected, f"this program runs otherwise than on asyncio's loop{often}:\n{program.text()}"
                )
        return Comparison(
            ["ran otherwise once"],
            ["runs alike every time"],
            f"this program ran otherwise than on asyncio's loop, but not again:\n{program.text()}",
        )

    yield compare
