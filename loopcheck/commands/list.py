"""``loopcheck list``: the catalogue, for people and for programs."""

from __future__ import annotations

import argparse
import json
from typing import Any

from loopcheck.commands import unknown
from loopcheck.outcomes import LEVELS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = "List the catalogue: every check, and every behaviour that is named but not tested."
    parser.add_argument(
        "areas",
        nargs="*",
        metavar="AREA",
        help="only these areas, or canaries' libraries (default: the battery)",
    )
    parser.add_argument("--level", action="append", choices=LEVELS, help="only this level; may be repeated")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people (default), or json")


def run(options: argparse.Namespace) -> int:
    """Print the catalogue, or a part of it."""
    from loopcheck import check

    for area in options.areas:
        if area not in (*check.area_names(), *check.canary_names()):
            raise unknown("area", area, (*check.area_names(), *check.canary_names()))
    entries = [entry for entry in check.catalogue(*options.areas) if not options.level or entry.level in options.level]
    if options.format == "json":
        print(json.dumps([_as_json(entry) for entry in entries], indent=1))
        return 0
    area = ""
    by_name: dict[str, list[check.Entry]] = {}
    for entry in entries:
        if entry.tested or not entry.setting:
            by_name.setdefault(f"{entry.area}::{entry.name}", []).append(entry)
    for entry, *again in by_name.values():
        if entry.area != area:
            area = entry.area
            print(f"{'' if entry is entries[0] else chr(10)}{area}")
        mark = "" if entry.tested else f" [not tested: {entry.because}]"
        versions = f" [Python {entry.python}]" if entry.python else ""
        print(f"  {entry.id}\n    {entry.level}: {entry.sentence}{versions}{mark}")
        if again:
            print(f"    also in the settings {', '.join(one.setting for one in again)}")
    tested = sum(entry.tested for entry in entries if not entry.setting)
    in_settings = sum(bool(entry.setting) and entry.tested for entry in entries)
    print(
        f"\n{tested} checks, {in_settings} more runs of them in settings, "
        f"{len(entries) - tested - in_settings} behaviours not tested"
    )
    return 0


def _as_json(entry: Any) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": "check" if entry.tested else "untested",
        "area": entry.area,
        "setting": entry.setting,
        "level": entry.level,
        "sentence": entry.sentence,
        "python": entry.python,
        "needs": list(entry.needs),
        "after": list(entry.after),
        "reference": entry.reference,
        "link": entry.link,
        "because": entry.because,
    }
