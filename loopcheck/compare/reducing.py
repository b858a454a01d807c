"""Smaller programs out of one: each lacks a step, a body, or something that fills a hole.

hypothesis makes examples smaller one at a time; that is a message to two processes for each. These are many at once,
and each is known to be whole, so that a program is as small as it gets after a few messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from loopcheck.compare.language import NAME, VALUES, WORDS, Program, Step
from loopcheck.compare.word import TASK

_ROUNDS = 60
"""How often a program is made smaller, at most."""


def smallest(program: Program, wanted: Callable[[Sequence[Program]], Program | None]) -> Program:
    """The smallest program that is found on the way from one that is wanted.

    Args:
        program: the first, which is wanted.
        wanted: of some programs, the smallest first, the first that is wanted, too; None to give up.
    """
    for _ in range(_ROUNDS):
        better = wanted(sorted(set(reductions(program)), key=size))
        if better is None:
            break
        program = better
    return renumbered(program)


def size(program: Program) -> tuple[int, int, str]:
    """By what programs are compared: steps, then letters."""
    text = program.text()
    return sum(1 for _ in program), len(text), text


def reductions(program: Program) -> Iterator[Program]:
    """The programs that are a little smaller than one."""
    for body in _smaller(program.steps, program.place):
        reduced = _whole(Program(body))
        if reduced != program:
            yield reduced


def renumbered(program: Program) -> Program:
    """The same program with numbers that count from one on, without gaps."""
    numbers: dict[str, str] = {}
    for step in program:
        if step.me:
            numbers[step.me[1:]] = str(len(numbers) + 1)

    def new(text: str) -> str:
        return NAME.sub(lambda found: found[1] + numbers.get(found[2], found[2]), text)

    def renamed(step: Step) -> Step:
        return replace(step, me=new(step.me), holes=tuple(map(new, step.holes)), body=tuple(map(renamed, step.body)))

    return Program(tuple(map(renamed, program.steps)))


def _smaller(steps: tuple[Step, ...], place: str) -> Iterator[tuple[Step, ...]]:
    """The bodies that are a little smaller than one in a place."""
    length = len(steps)
    while length:  # all of them, half of them, ... one of them away
        for start in range(0, len(steps), length):
            yield steps[:start] + steps[start + length :]
        length //= 2
    for at, step in enumerate(steps):
        before, behind = steps[:at], steps[at + 1 :]
        inside = {"block": place if place == TASK else TASK}.get(WORDS[step.word].body, WORDS[step.word].body)
        if step.body and all(place in WORDS[one.word].where for one in step.body):
            yield before + step.body + behind
        for body in _smaller(step.body, inside):
            yield (*before, replace(step, body=body), *behind)
        for number, (kind, filled) in enumerate(zip(WORDS[step.word].holes, step.holes, strict=True)):
            simpler = VALUES[kind][0] if kind in VALUES else filled.partition(",")[0]
            if simpler != filled:
                holes = (*step.holes[:number], simpler, *step.holes[number + 1 :])
                yield (*before, replace(step, holes=holes), *behind)


def _whole(program: Program) -> Program:
    """A program without the steps that speak of what nobody makes."""
    while True:
        made = {step.me for step in program} | {""}
        kept = Program(tuple(_kept(program.steps, made)))
        if kept == program:
            return program
        program = kept


def _kept(steps: Iterable[Step], made: set[str]) -> Iterator[Step]:
    for step in steps:
        if all(spoken_of(hole) <= made for hole in step.holes):
            yield replace(step, body=tuple(_kept(step.body, made)))


def spoken_of(hole: str) -> set[str]:
    """The names that fill a hole."""
    return {name.group() for name in NAME.finditer(hole)}
