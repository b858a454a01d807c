"""``loopcheck reproduce``: a script that shows one failure, and needs no loopcheck."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from loopcheck.commands import Mistake, subject, unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Make a script of a check that fails: the check with all that it uses, in one file that needs neither "
        "loopcheck nor pytest. It ends with 1 on the loop, having said what was expected and observed, and with 0 on "
        "asyncio's own loop; that is tried out before you get it."
    )
    parser.add_argument("id", metavar="ID", help="the id of a check")
    parser.add_argument(
        "--subject", type=subject, metavar="MODULE:NAME", help="the loop (default: that of loopcheck.toml)"
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="where to write it (default: print it)")


def run(options: argparse.Namespace) -> int:
    """Run the check, make the script, and try it out."""
    from loopcheck import battery, check
    from loopcheck.commands._files import declaration, write
    from loopcheck.compare.reproducers import FAILURES, reproduce

    try:
        entry = check.find(options.id)
    except KeyError:
        raise unknown("check", options.id, [entry.id for entry in check.catalogue()]) from None
    if not entry.tested:
        raise Mistake(f"{entry.id} is in the catalogue as not tested: {entry.because}")
    name = options.subject or declaration(None, "or name a loop with --subject MODULE:NAME")[1].factory
    canaries = ["--loop-canaries"] if entry.is_canary else []
    record = battery.report_of([name], [*canaries, entry.id], workers="0", quiet=True).checks[entry.id]
    if record["outcome"] not in FAILURES:
        print(f"{entry.id} on {name}: {record['outcome']}; there is nothing to reproduce", file=sys.stderr)
        return 1
    made = reproduce(entry, name, record, [str(Path.cwd())])
    if not made.script:
        print(f"{entry.id} on {name}: {record['outcome']}, but there is no script: {made.why_not}", file=sys.stderr)
        return 1
    if options.to is None:
        print(made.script, end="")
    else:
        write(options.to, made.script)
        print(f"python {options.to} {name}")
    return 0
