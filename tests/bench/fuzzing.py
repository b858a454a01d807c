"""Generated programs, measured: python tests/bench/fuzzing.py control [N] [--first SLICE]
                                python tests/bench/fuzzing.py liars [N] [--areas AREA ...] [--every K]
                                python tests/bench/fuzzing.py speed [N]

"control" runs N programs (default 20,000) on asyncio's own loop in two processes and prints every difference: a single
one is a bug of loopcheck, and the exit status is 1. "liars" says for the areas without input and output which share of
the wrong loops that a check of theirs catches N programs (default 2,000) catch, too; it takes every K-th. "speed" says
how many programs a second one process of pytest and its children take, and how much of a processor.

One in three of these programs has input and output. With --io all have, and the areas are those with input and output.
"""

from __future__ import annotations

import argparse
import ast
import platform
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from loopcheck.compare.arena import Arena, has_ended
from loopcheck.compare.findings import Finding, card, kind_of
from loopcheck.compare.language import Program
from loopcheck.compare.search import Search
from loopcheck.compare.word import SCRIPT
from loopcheck.runner.run import Options
from loopcheck.subject import CONTROL

LIARS = Path(__file__).resolve().parents[2] / "fixtures" / "loops"

AREAS = (
    *("lifecycle", "scheduling", "threads", "executor", "futures", "tasks"),
    *("asyncgens", "errors", "debug", "context", "current_task", "task_registration"),
)

IO_AREAS = (
    *("transports", "streams", "buffered_protocol", "create_server", "unix_sockets"),
    *("fd_watchers", "sock_ops", "datagram", "pipes"),
)

SLICE = 100


def control_with_io(number: int) -> int:
    """Compare the control with itself, on programs with input and output."""
    arena = Arena(CONTROL, Options())
    started = time.monotonic()
    try:
        drawn = drawn_with_io(arena, number)
        found = [one for programs in drawn for one in arena.differences(programs)]
    finally:
        arena.close()
    for one in found:
        print(*card(Finding(kind_of(one), one, 1, again=True)), sep="\n")
    seconds = time.monotonic() - started
    print(f"Python {platform.python_version()}: {number} programs with I/O, {len(found)} differences, {seconds:.0f} s")
    return int(bool(found))


def control(number: int, first: int) -> int:
    """Compare the control with itself."""
    arena = Arena(CONTROL, Options())
    search = Search(arena, 0)
    tried = found = 0
    started = time.monotonic()
    try:
        for slice in range(first, first + -(-number // SLICE)):
            harvest = search.slice(slice)
            tried += harvest.tried
            for finding in harvest.findings:
                found += 1
                print(f"slice {slice}:", *card(finding), sep="\n")
    finally:
        arena.close()
    seconds = time.monotonic() - started
    print(f"Python {platform.python_version()}: {tried} programs, {found} differences, {seconds:.0f} s")
    return int(found > 0)


def caught_by(path: Path) -> set[str]:
    """The areas whose checks catch a liar."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CAUGHT_BY":
            return {str(id).partition("::")[0] for id in ast.literal_eval(node.value)}
    return set()


def drawn_with_io(arena: Arena, number: int) -> list[list[Program]]:
    """The programs with input and output that one seed gives."""
    search = Search(arena, 0)
    some: list[Program] = []
    slice = 0
    while len(some) < number:
        slice += 1
        some += [program for program in search.draw(slice) if program.place == SCRIPT]
    return [some[start : start + SLICE] for start in range(0, number, SLICE)]


def liars(number: int, areas: list[str], every: int, *, io: bool) -> int:
    """Say which share of the liars is caught, by area."""
    wanted = [path for path in sorted(LIARS.glob("*.py")) if caught_by(path) & set(areas)][::every]
    drawn: list[list[Program]] = []
    arena = Arena(CONTROL, Options(path=(str(LIARS),)))
    if io:
        drawn = drawn_with_io(arena, number)
    for slice in range(1, -(-number // SLICE) + 1) if not io else ():
        drawn.append(Search(arena, 0).draw(slice))
    expected = [arena.traces("control", programs) for programs in drawn]
    arena.close()
    total: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    after: list[int] = []
    for path in wanted:
        found = first_difference(path.stem, drawn, expected)
        for area in [*(caught_by(path) & set(areas)), "all"]:
            total[area] += 1
            caught[area] += found is not None
        after += [] if found is None else [found]
        print(f"{path.stem}: {'not caught' if found is None else f'after {found}'}", flush=True)
    for area in [*areas, "all"]:
        if total[area]:
            print(f"{area:<20} {caught[area]:>4} of {total[area]:>4}  {caught[area] / total[area]:.0%}")
    print(f"half of those that are caught are caught after {sorted(after)[len(after) // 2]} programs" if after else "")
    return 0


def first_difference(liar: str, drawn: list[list[Program]], expected: list[list[list[list[str]]]]) -> int | None:
    """After how many programs a liar is caught; None if it is not."""
    arena = Arena(f"{liar}:Loop", Options(path=(str(LIARS),)))
    try:
        tried = 0
        for programs, right in zip(drawn, expected, strict=True):
            for observed, one in zip(arena.traces("subject", programs), right, strict=True):
                tried += 1
                if observed != one and not has_ended(one):
                    return tried
        return None
    finally:
        arena.close()


def speed(number: int) -> int:
    """Say how quick it is."""
    arena = Arena(CONTROL, Options())
    search = Search(arena, 0)
    search.slice(1)
    started, ours = time.monotonic(), time.process_time()
    tried = sum(search.slice(slice).tried for slice in range(2, 2 + -(-number // SLICE)))
    seconds, drawing = time.monotonic() - started, time.process_time() - ours
    arena.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = used.ru_utime + used.ru_stime
    print(f"{tried / seconds:.0f} programs a second; of a processor {drawing / tried * 1000:.2f} ms each to draw and")
    print(f"compare, and at most {running / tried * 1000:.2f} ms in the children, their start included")
    return 0


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("control", "liars", "speed"))
    parser.add_argument("number", nargs="?", type=int, default=0)
    parser.add_argument("--first", type=int, default=1, metavar="SLICE")
    parser.add_argument("--areas", nargs="*", metavar="AREA")
    parser.add_argument("--io", action="store_true")
    parser.add_argument("--every", type=int, default=1, metavar="K")
    options = parser.parse_args()
    areas = options.areas or (IO_AREAS if options.io else AREAS)
    if options.what == "control" and options.io:
        return control_with_io(options.number or 5_000)
    if options.what == "control":
        return control(options.number or 20_000, options.first)
    if options.what == "liars":
        return liars(options.number or 2_000, areas, options.every, io=options.io)
    return speed(options.number or 2_000)


if __name__ == "__main__":
    sys.exit(main())
