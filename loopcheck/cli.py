"""The console script ``loopcheck``: its parser, the way to the commands, and the exit status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from loopcheck import __version__
from loopcheck.commands import COMMANDS, Ended, Mistake

USAGE = 4
"""Exit status for a mistake on the command line, as pytest's."""

INTERRUPTED = 2
"""Exit status after Ctrl-C, as pytest's."""

OUR_FAULT = 3
"""Exit status for an error of loopcheck itself, as pytest's for an error of its own."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """Exit with pytest's status for usage errors instead of argparse's."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="loopcheck",
        description="The conformance suite for asyncio event loops. To run the battery: "
        "pytest --loop-factory=MODULE:NAME",
    )
    parser.add_argument("--version", action="version", version=f"loopcheck {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help in COMMANDS.items():
        command = commands.add_parser(name, help=help)
        if name in arguments:  # others need not be imported to be listed
            module = importlib.import_module(f"loopcheck.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status, as ``docs/exit-status.md`` has them."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    end = given.index("--") if "--" in given else len(given)
    parser = _parser(given[:end])
    options = parser.parse_args(given[:end])
    if passed_on := given[end + 1 :]:
        if "pytest" not in options:
            parser.error(f"'loopcheck {options.command}' does not run pytest: there can be nothing after --")
        options.pytest = passed_on
    try:
        status: int = options.run(options)
    except Mistake as mistake:
        print(f"loopcheck: {mistake}", file=sys.stderr)
        return USAGE
    except Ended as end_of:
        return end_of.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as head, has what it wanted.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        traceback.print_exc()
        print("loopcheck: an error of loopcheck itself; please report it, with the lines above", file=sys.stderr)
        return OUR_FAULT
    return status
