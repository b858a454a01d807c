"""``loopcheck render``: reports as pages for people, and as files for other tools."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from loopcheck.commands import Mistake

FORMATS = {
    "html": "one page that opens offline, for people",
    "markdown": "a summary below 1 MiB, for a CI job",
    "junit": "JUnit XML",
    "ctrf": "CTRF JSON",
    "badge": "the JSON of a shields.io endpoint",
    "svg": "a badge as a picture",
}
"""What can be made, each by the function ``render`` of ``loopcheck.report.FORMAT``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Make a page or a file of one report or several, side by side: the first is what the others are compared with. "
        + "; ".join(f"{name}: {what}" for name, what in FORMATS.items())
        + "."
    )
    parser.add_argument("reports", nargs="+", metavar="REPORT", help="a report.jsonl, of one run or merged")
    parser.add_argument("--to", required=True, choices=FORMATS, help="what to make")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to; written whole or not at all (default: print)")
    parser.add_argument("--profile", metavar="NAME", help="badge, svg: the profile that they are about")


def run(options: argparse.Namespace) -> int:
    """Read, render and write."""
    from loopcheck import profiles
    from loopcheck.report import reading
    from loopcheck.report.columns import columns
    from loopcheck.report.writing import WritingError, write_whole

    profile = {}
    if options.profile is not None:
        if options.to not in ("badge", "svg"):
            raise Mistake(f"--profile={options.profile!r} is for --to=badge and --to=svg; a page shows all profiles")
        profile = {"profile": options.profile}
    if options.output is not None and any(_is_same(options.output, report) for report in options.reports):
        raise Mistake(f"-o {options.output!r}: that is a report that is to be read; name another file")
    renderer = importlib.import_module(f"loopcheck.report.{options.to}")
    try:
        runs = [run for path in options.reports for run in reading.read_all(Path(path))]
        # Lone surrogates cannot be written; what escapes our cleaning is shown as its number.
        content = renderer.render(columns(runs), **profile).encode("utf-8", "backslashreplace")
        if options.output is not None:
            write_whole(Path(options.output), content)
            return 0
    except (reading.ReportError, WritingError, profiles.ProfileError) as error:
        raise Mistake(str(error)) from None
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    return 0


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False  # one of them is not there
