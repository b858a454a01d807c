"""``loopcheck list`` and ``loopcheck explain``: the catalogue, for people and for programs."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from loopcheck import __version__
from loopcheck.outcomes import LEVEL_MEANS, LEVELS

USAGE = 4
"""Exit status for a mistake on the command line, as pytest's."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """Exit with pytest's status for usage errors instead of argparse's."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="loopcheck",
        description="The catalogue of the conformance suite for asyncio event loops. "
        "To run the battery: pytest --loop-factory=MODULE:NAME",
    )
    parser.add_argument("--version", action="version", version=f"loopcheck {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    listing = commands.add_parser(
        "list",
        help="list the checks, and the behaviours that are not tested",
        description="List the catalogue: every check, and every behaviour that is named but not tested.",
    )
    listing.add_argument("areas", nargs="*", metavar="AREA", help="only these areas (default: all)")
    listing.add_argument("--level", action="append", choices=LEVELS, help="only this level; may be repeated")
    listing.add_argument(
        "--format", choices=("text", "json"), default="text", help="text for people (default), or json"
    )

    explaining = commands.add_parser(
        "explain",
        help="say what one check claims, and show its source",
        description="Say what a check claims, how serious it is, on which versions it holds, where that is written, "
        "and show the source of the check.",
    )
    explaining.add_argument("id", metavar="ID", help="the id of a check, AREA::NAME")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0, or 4 for a mistake on it."""
    options = _parser().parse_args(arguments)
    try:
        return (
            _list(options.areas, options.level, options.format) if options.command == "list" else _explain(options.id)
        )
    except BrokenPipeError:
        # The reader, such as head, has what it wanted.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _list(areas: Sequence[str], levels: Sequence[str] | None, format: str) -> int:
    from loopcheck import check

    for area in areas:
        if area not in check.area_names():
            return _unknown("area", area, list(check.area_names()))
    entries = [entry for entry in check.catalogue(*areas) if not levels or entry.level in levels]
    if format == "json":
        print(json.dumps([_as_json(entry) for entry in entries], indent=1))
        return 0
    area = ""
    settings: dict[str, list[str]] = {}
    for entry in entries:
        if entry.tested or not entry.setting:
            settings.setdefault(f"{entry.area}::{entry.name}", []).append(entry.setting)
    for entry in entries:
        if entry.setting:
            continue
        if entry.area != area:
            area = entry.area
            print(f"{'' if entry is entries[0] else chr(10)}{area}")
        mark = "" if entry.tested else f" [not tested: {entry.because}]"
        versions = f" [Python {entry.python}]" if entry.python else ""
        print(f"  {entry.id}\n    {entry.level}: {entry.sentence}{versions}{mark}")
        if also := settings[entry.id][1:]:
            print(f"    also in the settings {', '.join(also)}")
    tested = sum(entry.tested for entry in entries if not entry.setting)
    again = sum(bool(entry.setting) and entry.tested for entry in entries)
    print(
        f"\n{tested} checks, {again} more runs of them in settings, "
        f"{len(entries) - tested - again} behaviours not tested"
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
        "reference": entry.reference,
        "link": entry.link,
        "because": entry.because,
    }


def _explain(id: str) -> int:
    from loopcheck import check
    from loopcheck.needs import NEEDS
    from loopcheck.settings import SETTINGS

    try:
        entry = check.find(id)
    except KeyError:
        return _unknown("check", id, [entry.id for entry in check.catalogue()])
    print(f"{entry.id}\n\n{entry.sentence}")
    if entry.story:
        print(f"\n{entry.story}")
    print(f"\nlevel      {entry.level}: {LEVEL_MEANS[entry.level]}")
    print(f"versions   {f'Python {entry.python}' if entry.python else 'all'}")
    if entry.setting:
        print(f"setting    {entry.setting}: {SETTINGS[entry.setting].sentence}")
    for need in entry.needs:
        print(f"needs      {need}: {NEEDS[need].sentence}")
    print(f"reference  {entry.reference}\n           {entry.link}")
    if not entry.tested:
        print(f"not tested {entry.because}")
    else:
        print(f"run        pytest --loop-factory=MODULE:NAME {entry.id}\n\n{entry.source()}", end="")
    return 0


def _unknown(what: str, name: str, names: list[str]) -> int:
    close = difflib.get_close_matches(name, names, n=1)
    near = f"did you mean {close[0]!r}?" if close else "'loopcheck list' shows all ids"
    print(f"loopcheck: there is no {what} {name!r}; {near}", file=sys.stderr)
    return USAGE
