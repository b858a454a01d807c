"""``loopcheck run``: the battery, or a part of it, by pytest; once, again and again, or whenever a file changes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from loopcheck.commands import Mistake, runs_pytest, subject, unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Run the battery on a loop, or the checks that are named. It is pytest that runs them, and what stands after "
        "-- goes to pytest."
    )
    parser.add_argument("wanted", nargs="*", metavar="ID|AREA|GLOB", help="ids, areas, or ids with * for any text")
    parser.add_argument(
        "--subject", type=subject, metavar="MODULE:NAME", help="the loop (default: that of loopcheck.toml)"
    )
    parser.add_argument("--last-failed", action="store_true", help="only what failed the last time")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="run again whenever a file of the subject changes")
    how.add_argument(
        "--soak",
        type=_number,
        metavar="N",
        help="run N times, in any order and with all processors busy, and say how often each check fails",
    )
    runs_pytest(parser, workers="0")


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected how many times to run; found {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Find out what to run, and run it."""
    from loopcheck.commands._files import declaration

    if options.subject:
        name, source = options.subject, [f"--loop-factory={options.subject}"]
    else:
        path, declared = declaration(None, "or name a loop with --subject MODULE:NAME")
        name, source = declared.factory, [f"--loop-config={path}"]
    wanted = [id for word in options.wanted for id in _expanded(word)]
    if options.soak:
        return _soak(name, source, wanted, options)
    command = [sys.executable, "-m", "pytest", *source, *wanted]
    command += ["-n", options.workers] if options.workers != "0" else []
    command += ["--last-failed"] if options.last_failed else []
    command += options.pytest
    if not options.watch:
        sys.stdout.flush()
        os.execv(sys.executable, command)
    return _watch(name, command)


def _expanded(word: str) -> list[str]:
    """What a word on the command line names, as pytest is to be told."""
    from loopcheck import check, known

    area = word.partition("::")[0]
    areas = check.area_names()
    if area in check.canary_names():
        raise Mistake(
            f"{word!r} names canaries, which run in place of the battery: loopcheck run -- --loop-canaries {word}"
        )
    if "*" not in area and area not in areas:
        raise unknown("area", area, areas)
    if "*" not in word and not Path(word).exists():
        return [word]
    # What is a path too, pytest would take for one.
    pattern = word if "::" in word else f"{word}::*"
    asked = known.Known(pattern, "", "")
    of = [area] if area in areas else []
    ids = [entry.id for entry in check.catalogue(*of) if entry.tested and entry.applies() and asked.names(entry.id)]
    if not ids:
        raise Mistake(f"{word!r} names no check of this Python; 'loopcheck list' shows all ids")
    return ids


def _watch(name: str, command: Sequence[str]) -> int:
    """Run, and again whenever a file of the subject changes, until Ctrl-C."""
    from loopcheck import battery
    from loopcheck.watching import changes, files_of

    with changes(files_of(name)) as wait:
        while True:
            battery.run(command)
            print("waiting for a change; Ctrl-C ends this", flush=True)
            print(f"changed: {wait()}", flush=True)


def _soak(name: str, source: Sequence[str], wanted: Sequence[str], options: argparse.Namespace) -> int:
    """Run some times, and say how often each check fails."""
    from loopcheck import soak
    from loopcheck.report import verdict

    busy = os.cpu_count() or 1
    arguments = [*wanted, *(one for one in source if one.startswith("--loop-config")), *options.pytest]
    runs = []
    interrupted = False
    try:
        for report in soak.rounds([name], arguments, number=options.soak, workers=options.workers, busy=busy):
            runs.append(report)
            level = report.header["level"]
            failed = sum(verdict.fails(record, level) for record in report.checks.values())
            print(f"run {len(runs)} of {options.soak}: {failed} of {len(report.checks)} checks failed", flush=True)
    except KeyboardInterrupt:
        if not runs:
            raise
        interrupted = True
    found = soak.tally(runs, lambda record: verdict.fails(record, level))
    always = [id for id, one in found.items() if one.failed.total() == one.runs]
    sometimes = [id for id in found if id not in always]
    for title, ids in (("failed every time", always), ("failed sometimes", sometimes)):
        if ids:
            print(f"\n{title}:")
            for id in ids:
                print(f"  {id}: {found[id].rate}")
    pairs = [(first, id) for id in sometimes for first, _ in found[id].before.most_common(2)][:_PAIRS]
    if pairs:
        print("\nfailed after another check, and passed alone:")
        sure = soak.confirmed(name, pairs)
        for first, id in pairs:
            print(f"  {id} after {first}: {'every time' if (first, id) in sure else 'not every time, or after more'}")
    _, most = soak.interval(0, len(runs))
    print(
        f"\n{len(always)} failed every time, {len(sometimes)} sometimes; what never failed has a rate below {most:.0%}"
    )
    if interrupted:
        raise KeyboardInterrupt
    return int(bool(found))


_PAIRS = 10
"""How many pairs of checks are tried, at the most."""
