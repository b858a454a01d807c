"""``loopcheck why``: whether a check runs here, and if not, why."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from loopcheck.commands import Mistake, subject, unknown

if TYPE_CHECKING:
    from loopcheck import known
    from loopcheck.check import Entry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = "Say whether a check runs on this Python and this machine, and if not, why, and what to do."
    parser.add_argument("id", metavar="ID", help="the id of a check, also one that it had before")
    parser.add_argument(
        "--subject", type=subject, metavar="MODULE:NAME", help="the loop (default: that of loopcheck.toml)"
    )


def run(options: argparse.Namespace) -> int:
    """Print the reasons, or that there are none."""
    from loopcheck import check, known
    from loopcheck.commands._files import declaration

    # All areas: a check may have moved to another one, with its new name.
    entries = check.catalogue(*check.area_names(), *check.canary_names())
    former = {old: entry.id for entry in entries for old in entry.former_ids}
    by_id = {entry.id: entry for entry in entries}
    entry = by_id.get(options.id) or by_id.get(former.get(options.id, ""))
    if entry is None:
        raise _unknown(options.id, by_id)
    if entry.id != options.id:
        print(f"{options.id} is called {entry.id} now")
    declared = declaration(None)[1] if known.find(Path.cwd()) else None
    if declared is not None and options.subject not in (None, declared.factory):
        declared = None
    name = options.subject or (declared.factory if declared else "MODULE:NAME")
    reasons = list(_reasons(entry))
    for reason in reasons:
        print(f"{entry.id} does not run: {reason}")
    if not reasons:
        print(f"{entry.id} runs here: pytest --loop-factory={name} {check.selecting(entry.id)}")
        for line in _declared(entry, declared) if declared else ():
            print(f"  {line}")
    return 0


def _unknown(id: str, entries: dict[str, Entry]) -> Mistake:
    plain, bracket, setting = id.partition("[")
    if bracket and plain in entries:
        settings = [one.setting for one in entries.values() if one.id.partition("[")[0] == plain and one.setting]
        return Mistake(
            f"{plain} does not run in the setting {setting.rstrip(']')!r}; "
            + (f"it runs in {', '.join(settings)}" if settings else "it runs plain only")
        )
    return unknown("check", id, entries)


def _reasons(entry: Entry) -> Iterator[str]:
    from loopcheck.needs import NEEDS, is_met

    if not entry.tested:
        yield f"it is in the catalogue as not tested: {entry.because}"
        return
    if not entry.applies():
        yield f"it is about Python {entry.python}, and this is {platform.python_version()}"
    for need in entry.needs:
        if not is_met(need):
            yield f"it needs {need}, which is not so here: {NEEDS[need].sentence}\n  to get it: {NEEDS[need].remedy}"


def _declared(entry: Entry, declared: known.Declaration) -> Iterator[str]:
    for need in entry.needs:
        if need in declared.declined:
            yield f"{declared.path}: [declined] {need}: {declared.declined[need]}: it must raise NotImplementedError"
    for one in declared.known:
        if one.names(entry.id):
            conditions = {key: value for key in ("python", "platform", "version") if (value := getattr(one, key))}
            where = ", ".join(f"{key} {value}" for key, value in conditions.items())
            yield f"{declared.path}:{one.line}: known to be {one.outcome}{f' ({where})' if where else ''}: {one.reason}"
