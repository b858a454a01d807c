"""The commands of ``loopcheck``, a module each, imported when it is asked for.

A module has ``add_arguments(parser)`` and ``run(options)``, which returns the exit status. What is heavy it imports
inside its functions, and a mistake of the user's it raises as a :class:`Mistake`.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable

COMMANDS = {
    "run": "run the battery, or a part of it: once, many times, or whenever a file changes",
    "init": "begin: run the battery, and write what fails today into loopcheck.toml",
    "update": "bring loopcheck.toml up to date with what reports show",
    "why": "say why a check was not run, or would not be",
    "doctor": "say what this machine lacks, what that costs, and how to get it",
    "reproduce": "make a script that shows one failure, and needs no loopcheck",
    "list": "list the checks, and the behaviours that are not tested",
    "explain": "say what one check claims, and show its source",
    "profile": "list the profiles that certificates speak of, or freeze a new edition",
    "render": "make a page, a summary or a badge of reports",
    "diff": "compare two reports: what regressed, and what was fixed",
    "merge": "put reports into one: the parts of a run, the runs of a matrix",
    "certify": "say what a report may claim about a profile, or why it may not",
    "verify": "check a report against the battery and the subject that are installed here",
    "attest": "make in-toto statements of a report, to be signed",
}
"""The name of each command, which is that of its module, and what it does."""


def runs_pytest(parser: argparse.ArgumentParser, *, workers: str = "auto") -> None:
    """Add what a command takes that runs the battery; what stands after ``--`` will be ``pytest``."""
    parser.add_argument("-n", dest="workers", metavar="N", help=f"processes to use, or auto (default: {workers})")
    parser.set_defaults(pytest=[], workers=workers)


def subject(text: str) -> str:
    """The value of an argument that names a loop."""
    if not re.fullmatch(r"[^:\s]+:[^:\s]+", text):
        raise argparse.ArgumentTypeError(f"expected MODULE:NAME, such as uvloop:new_event_loop; found {text!r}")
    return text


class Mistake(Exception):
    """What the user asked for cannot be done; the message says what was asked, what was found and what to do."""


class Ended(Exception):
    """A program that the command ran has ended it, and has told the user why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def unknown(what: str, name: str, names: Iterable[str]) -> Mistake:
    """The mistake of naming what there is not, with the name that is closest."""
    # Not list(): that is a command of this package, once it was imported.
    close = difflib.get_close_matches(name, [*names], n=1)
    near = f"did you mean {close[0]!r}?" if close else "'loopcheck list' shows all ids"
    return Mistake(f"there is no {what} {name!r}; {near}")
