"""``loopcheck diff``: what one report says otherwise than another."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopcheck.commands import Mistake

if TYPE_CHECKING:
    from loopcheck.report.difference import Difference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Compare two reports, check by check: what regressed, was fixed, ended otherwise, is new, or is gone. "
        "The exit status is 1 if something regressed that fails the run."
    )
    parser.add_argument("before", metavar="BEFORE", help="a report.jsonl, of one run or merged")
    parser.add_argument("after", metavar="AFTER", help="another; compared are equal subjects, Pythons and platforms")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people (default), or json")


def run(options: argparse.Namespace) -> int:
    """Print the differences; 1 if something regressed."""
    from loopcheck.report import reading
    from loopcheck.report.columns import columns
    from loopcheck.report.difference import DifferenceError, differences

    try:
        before, after = (columns(reading.read_all(Path(path))) for path in (options.before, options.after))
        found = differences(before, after)
    except (reading.ReportError, DifferenceError) as error:
        raise Mistake(str(error)) from None
    if options.format == "json":
        print(json.dumps([_as_json(one) for one in found], indent=1))
    else:
        print("\n\n".join(_as_text(one) for one in found))
    return int(any(one.has_regressed for one in found))


def _as_json(difference: Difference) -> dict[str, Any]:
    return {
        "before": {"subject": difference.before.name, "place": difference.before.place},
        "after": {"subject": difference.after.name, "place": difference.after.place},
        "has_regressed": difference.has_regressed,
    } | {
        which: [
            {
                "id": (after or before or {})["check"],
                "before": before and before["outcome"],
                "after": after and after["outcome"],
            }
            for before, after in pairs
        ]
        for which, pairs in difference.checks.items()
    }


def _as_text(difference: Difference) -> str:
    from loopcheck.report import verdict
    from loopcheck.report.columns import one_line
    from loopcheck.report.difference import TURN_MEANS

    lines = [
        f"before  {difference.before.name}, {difference.before.place}",
        f"after   {difference.after.name}, {difference.after.place}",
    ]
    for which, pairs in difference.checks.items():
        if not pairs:
            continue
        lines.append(f"\n{which}: {len(pairs)} ({TURN_MEANS[which]})")
        for before, after in pairs:
            said = " -> ".join(one["outcome"] for one in (before, after) if one is not None)
            advice = which == "regressed" and after is not None and not verdict.fails(after, difference.after.level)
            message = one_line((after or {}).get("message", ""), 120) if which in ("regressed", "changed") else ""
            lines.append(
                f"  {one_line((after or before or {})['check'])}  {said}{' (advice)' if advice else ''}"
                + (f"\n      {message}" if message else "")
            )
    if not any(difference.checks.values()):
        lines.append("\nno difference")
    return "\n".join(lines)
