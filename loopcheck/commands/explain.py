"""``loopcheck explain``: one check, all that there is to say about it."""

from __future__ import annotations

import argparse

from loopcheck.commands import unknown
from loopcheck.outcomes import LEVEL_MEANS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Say what a check claims, how serious it is, on which versions it holds, where that is written, "
        "and show the source of the check."
    )
    parser.add_argument("id", metavar="ID", help="the id of a check, AREA::NAME")


def run(options: argparse.Namespace) -> int:
    """Print what there is to say about a check."""
    from loopcheck import check
    from loopcheck.needs import NEEDS
    from loopcheck.settings import SETTINGS

    try:
        entry = check.find(options.id)
    except KeyError:
        raise unknown("check", options.id, [entry.id for entry in check.catalogue()]) from None
    print(f"{entry.id}\n\n{entry.sentence}")
    if entry.story:
        print(f"\n{entry.story}")
    print(f"\nlevel      {entry.level}: {LEVEL_MEANS[entry.level]}")
    print(f"versions   {f'Python {entry.python}' if entry.python else 'all'}")
    if entry.setting:
        print(f"setting    {entry.setting}: {SETTINGS[entry.setting].sentence}")
    for need in entry.needs:
        print(f"needs      {need}: {NEEDS[need].sentence}")
    for id in entry.after:
        print(f"after      {id}, whose failure would explain its own")
    print(f"reference  {entry.reference}\n           {entry.link}")
    if not entry.tested:
        print(f"not tested {entry.because}")
    else:
        print(f"run        pytest --loop-factory=MODULE:NAME {check.selecting(entry.id)}\n\n{entry.source()}", end="")
    return 0
