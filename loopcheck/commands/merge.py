"""``loopcheck merge``: one report of the parts of a run, and of the runs of a matrix."""

from __future__ import annotations

import argparse
from pathlib import Path

from loopcheck.commands import Mistake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Put reports into one: parts of a run on the same Python and platform are joined, runs on others stand side by "
        "side. Refused is what does not belong together: another battery, another version of a subject, a check twice."
    )
    parser.add_argument("reports", nargs="+", metavar="REPORT", help="a report.jsonl, of one run or merged")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to; written whole or not at all")


def run(options: argparse.Namespace) -> int:
    """Merge and write."""
    from loopcheck.report import merging, reading
    from loopcheck.report.certificate import name_of, number_of, place_of
    from loopcheck.report.columns import one_line
    from loopcheck.report.writing import WritingError, write_whole

    try:
        runs = merging.merge([run for path in options.reports for run in reading.read_all(Path(path))])
        write_whole(Path(options.output), merging.content(runs))
    except (reading.ReportError, merging.MergeError, WritingError) as error:
        raise Mistake(str(error)) from None
    for run in runs:
        subjects = ", ".join(name_of(subject) for subject in run.subjects.values())
        print(one_line(f"{number_of(len(run.checks), 'check')} of {subjects} on {place_of(run)}"))
    return 0
