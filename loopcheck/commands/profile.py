"""``loopcheck profile``: the frozen lists of checks that certificates speak of."""

from __future__ import annotations

import argparse
import datetime
import re
from pathlib import Path

from loopcheck.commands import Mistake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "List the profiles, or the checks of one. A profile is frozen: once shipped, it never changes. "
        "New checks wait for the next edition."
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="print the checks of this profile")
    parser.add_argument(
        "--freeze", metavar="EDITION", help="write a new edition, such as 2026.2, from the battery as it is now"
    )
    parser.add_argument("--to", metavar="FOLDER", default=".", help="where --freeze writes (default: here)")


def run(options: argparse.Namespace) -> int:
    """List, show or freeze."""
    from loopcheck import profiles

    if options.freeze is not None:
        return _freeze(options.freeze, Path(options.to))
    try:
        if options.name is not None:
            for id, versions in profiles.load(options.name).checks.items():
                print(f"{id}  [Python {versions}]" if versions else id)
            return 0
        for name in profiles.names():
            profile = profiles.load(name)
            print(f"{name}\n    {profiles.FAMILIES[profile.family]}")
            print(f"    {len(profile.checks)} checks, frozen {profile.frozen}, sha256:{profile.digest}")
    except profiles.ProfileError as error:
        raise Mistake(str(error)) from None
    return 0


def _freeze(edition: str, folder: Path) -> int:
    from loopcheck import __version__, check, profiles
    from loopcheck.report.writing import WritingError, write_whole

    if not re.fullmatch(r"\d{4}\.\d+", edition):
        raise Mistake(f"--freeze={edition!r}: an edition is a year and a number, such as 2026.2")
    paths = {family: folder / f"{family}-{edition}.toml" for family in profiles.FAMILIES}
    for path in paths.values():
        if path.exists():
            raise Mistake(f"{path}: it is there already, and a frozen profile never changes; choose the next edition")
    entries = check.catalogue()
    for family, path in paths.items():
        text = profiles.freeze(family, edition, __version__, entries, datetime.date.today())
        try:
            write_whole(path, text.encode("ascii"))
        except WritingError as error:
            raise Mistake(str(error)) from None
        print(path)
    return 0
