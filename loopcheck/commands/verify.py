"""``loopcheck verify``: what of a report can be checked here, without trusting whoever made it."""

from __future__ import annotations

import argparse
from pathlib import Path

from loopcheck.commands import Mistake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Compute the verdict of a report again, and compare what it says with the battery and the subject that are "
        "installed here; say what holds, what does not, and what cannot be told. The exit status is 1 if something "
        "does not hold."
    )
    parser.add_argument("report", metavar="REPORT", help="a report.jsonl, of one run or merged")
    parser.add_argument(
        "--wheel", metavar="FILE", help="compare with the files of this wheel, not with what is installed"
    )


def run(options: argparse.Namespace) -> int:
    """Print a line for each point; 1 if one does not hold."""
    from loopcheck.report import reading, verification
    from loopcheck.report.columns import one_line

    try:
        runs = reading.read_all(Path(options.report))
        wheel = None if options.wheel is None else verification.read_wheel(Path(options.wheel))
    except (reading.ReportError, verification.WheelError) as error:
        raise Mistake(str(error)) from None
    points = [point for run in runs for point in verification.verify(run, wheel)]
    for point in points:
        print(f"{point.answer:<14} {one_line(point.what, 2000)}")
    return int(any(point.answer == "does not hold" for point in points))
