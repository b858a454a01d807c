"""Generated programs, measured: python tests/bench/fuzzing.py control [N] [--first SLICE]
                                python tests/bench/fuzzing.py liars [N] [--areas AREA ...] [--sample K] [--seed S]
                                python tests/bench/fuzzing.py speed [N]

"control" runs N programs (default 20,000) on asyncio's own loop in two processes and prints every difference: a single
one is a bug of loopcheck, and the exit status is 1. Run it while the machine is busy, too.

"liars" says for the areas without input and output which share of the wrong loops that a check of theirs catches N
programs (default 20,000) catch, too. It takes K of each area (default 20) as the seed chooses, which knows nothing of
programs, and stops with a loop at the first difference.

"speed" says how many programs a second of a processor is enough for: drawing, running on both sides and comparing, in
all processes together. It needs no idle machine.

One in three of these programs has input and output. With --io all have, and the areas are those with input and output.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from loopcheck.compare.arena import Arena, has_ended
from loopcheck.compare.findings import Finding, card, kind_of
from loopcheck.compare.language import Program
from loopcheck.compare.search import Search
from loopcheck.compare.tracer import Trace
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
        some = drawn_with_io(arena, number)
        found = [one for programs in some for one in arena.differences(programs)]
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


def drawn(arena: Arena, number: int) -> Iterator[list[Program]]:
    """The programs that one seed gives, in slices."""
    search = Search(arena, 0)
    for slice in range(1, -(-number // SLICE) + 1):
        yield search.draw(slice)


def drawn_with_io(arena: Arena, number: int) -> list[list[Program]]:
    """The programs with input and output that one seed gives."""
    search = Search(arena, 0)
    some: list[Program] = []
    slice = 0
    while len(some) < number:
        slice += 1
        some += [program for program in search.draw(slice) if program.place == SCRIPT]
    return [some[start : start + SLICE] for start in range(0, number, SLICE)]


def sample(areas: Sequence[str], most: int, seed: int) -> list[Path]:
    """Liars of each area, as a seed chooses them; what several areas catch may be there for one of them only."""
    liars = sorted(LIARS.glob("*.py"))
    chosen: set[Path] = set()
    for area in areas:
        own = [path for path in liars if area in caught_by(path)]
        chosen.update(Random(f"{seed} {area}").sample(own, min(most, len(own))))
    return sorted(chosen)


def liars(number: int, areas: Sequence[str], most: int, seed: int, *, io: bool) -> int:
    """Say which share of the liars is caught, by area."""
    wanted = sample(areas, most, seed)
    home = Arena(CONTROL, Options())
    options = Options(path=(str(LIARS),), door=home.door)
    hunted = {path: Arena(f"{path.stem}:Loop", options) for path in wanted}
    after: dict[Path, int] = {}
    tried = 0
    for programs in drawn_with_io(home, number) if io else drawn(home, number):
        expected = home.traces("control", programs)
        for path, arena in list(hunted.items()):
            found = first_difference(arena, programs, expected)
            if found is not None:
                after[path] = tried + found
                print(f"{path.stem}: after {after[path]}", flush=True)
                hunted.pop(path).close()
        tried += len(programs)
        if not hunted:
            break
    for path, arena in hunted.items():
        print(f"{path.stem}: not caught")
        arena.close()
    home.close()
    print(f"{tried} programs, at most {most} liars of an area, --seed {seed}")
    for area in [*areas, "all"]:
        own = [path for path in wanted if area == "all" or area in caught_by(path)]
        caught = [path for path in own if path in after]
        if own:
            print(f"{area:<20} {len(caught):>4} of {len(own):>4}  {len(caught) / len(own):.0%}")
    if after:
        print(f"half of those that are caught are caught after {sorted(after.values())[len(after) // 2]} programs")
    return 0


def first_difference(arena: Arena, programs: list[Program], expected: list[Trace]) -> int | None:
    """After how many programs a liar is caught, and again; None if it is not."""
    observed = arena.traces("subject", programs)
    for number, (program, one, right) in enumerate(zip(programs, observed, expected, strict=True), 1):
        if one != right and not has_ended(right) and arena.differences([program]):
            return number
    return None


def speed(number: int) -> int:
    """Say how quick it is."""
    arena = Arena(CONTROL, Options())
    next(drawn(arena, SLICE))  # hypothesis, warm
    before = time.process_time()
    programs = [program for some in drawn(arena, number) for program in some]
    drawing = (time.process_time() - before) / len(programs)
    arena.close()
    for what, script in (("without", False), ("with", True)):
        some = [program for program in programs if (program.place == SCRIPT) == script]
        once, twice = (processor_time(some * times) for times in (1, 2))
        running = (twice - once) / len(some)
        print(
            f"{what} I/O: {drawing * 1000:.2f} ms to draw one, {running * 1000:.2f} ms to run it on both sides and "
            f"compare: {1 / (drawing + running):.0f} programs a second of a processor"
        )
    return 0


def processor_time(programs: list[Program]) -> float:
    """The seconds of all processes for running some programs on both sides, their start included."""
    before = sum(os.times()[:4])
    arena = Arena(CONTROL, Options())
    for start in range(0, len(programs), SLICE):
        arena.differences(programs[start : start + SLICE])
    arena.close()
    return sum(os.times()[:4]) - before


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("control", "liars", "speed"))
    parser.add_argument("number", nargs="?", type=int, default=0)
    parser.add_argument("--first", type=int, default=1, metavar="SLICE")
    parser.add_argument("--areas", nargs="*", metavar="AREA")
    parser.add_argument("--io", action="store_true")
    parser.add_argument("--sample", type=int, default=20, metavar="K")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    options = parser.parse_args()
    areas = options.areas or (IO_AREAS if options.io else AREAS)
    if options.what == "control" and options.io:
        return control_with_io(options.number or 5_000)
    if options.what == "control":
        return control(options.number or 20_000, options.first)
    if options.what == "liars":
        return liars(options.number or 20_000, areas, options.sample, options.seed, io=options.io)
    return speed(options.number or 2_000)


if __name__ == "__main__":
    sys.exit(main())
