"""``loopcheck update``: ``loopcheck.toml`` as the reports say that it should be."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loopcheck.commands import Mistake, runs_pytest

if TYPE_CHECKING:
    from loopcheck.report.reading import Run

TIMES = 3
"""How often what is to be changed is run again; what fails every second time differs then in nine cases of ten."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Bring loopcheck.toml up to date with reports of the loop: delete what is fixed, correct what has changed, add "
        "what fails. Reports of several Pythons and platforms give entries that say where they count. Comments, order "
        "and reasons stay. Without a report the battery is run, and what is to be changed some times more; what stands "
        "after -- goes to pytest then."
    )
    parser.add_argument("reports", nargs="*", type=Path, metavar="REPORT", help="files that --loop-report has written")
    parser.add_argument("--config", metavar="PATH", help="the file (default: that of this folder)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be changed, and change nothing")
    parser.add_argument("--check", action="store_true", help="the same, with exit status 1 if there is anything")
    runs_pytest(parser)


def run(options: argparse.Namespace) -> int:
    """Read or make the reports, write the file, say what has changed."""
    from loopcheck import declare, known
    from loopcheck.battery import report_of
    from loopcheck.check import catalogue, catalogue_digest
    from loopcheck.commands._files import declaration, write
    from loopcheck.report.reading import ReportError, read_all

    path, declared = declaration(options.config)
    if options.reports and options.pytest:
        raise Mistake("with reports nothing is run, so there can be nothing after --")
    if options.reports:
        try:
            runs = [run for report in options.reports for run in read_all(report)]
        except ReportError as error:
            raise Mistake(str(error)) from None
        ours = catalogue_digest()
        for report in runs:
            if report.header["catalogue"] != ours:
                print(f"note: {report.path} was made with another loopcheck than is installed here")
            if not report.complete:
                raise Mistake(f"{report.path}: the run did not get to its end; make a whole report")
            if declared.factory not in report.subjects:
                raise Mistake(
                    f"{report.path}: it is about {', '.join(report.subjects)}, and {declared.path} is about "
                    f"{declared.factory}"
                )
    else:
        runs = [report_of([declared.factory], options.pytest, workers=options.workers)]
    entries = {entry.id: entry for entry in catalogue()}
    try:
        before = path.read_text(encoding="utf-8")
        if not options.reports:
            doubtful = declare.doubtful(before, runs, entries, declared.path)
            runs += again(declared.factory, options.pytest, doubtful, workers=options.workers)
            print()
        after, changes = declare.update(before, runs, entries, declared.path)
    except known.DeclarationError as error:
        raise Mistake(str(error)) from None
    for change in changes:
        print(change)
    if after == before:
        print(f"{declared.path}: up to date" + (", but for what was left" if changes else ""))
        return 0
    if options.dry_run or options.check:
        print(f"{declared.path}: to be changed, and left as it is")
        return int(options.check)
    write(path, after)
    print(f"{declared.path}: written")
    return 0


def again(factory: str, arguments: Sequence[str], ids: Sequence[str], *, workers: str) -> list[Run]:
    """Reports of some checks alone, in other orders and with all processors busy: where chance decides, they differ.

    Args:
        factory: the subject.
        arguments: those of the run before.
        ids: the checks; if there are none, nothing is run.
        workers: how many processes, as pytest-xdist's -n takes it.
    """
    from loopcheck import soak

    if not ids:
        return []
    print(f"running {len(ids)} checks {TIMES} times more, with all processors busy: does chance decide?", flush=True)
    # Areas and ids would be added to these.
    arguments = [one for one in arguments if one not in {id.partition("::")[0] for id in ids}]
    rounds = soak.rounds([factory], [*arguments, *ids], number=TIMES, workers=workers, busy=os.cpu_count() or 1)
    return list(rounds)
