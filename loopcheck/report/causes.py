"""Which failure explains which: what to fix first. A function of the records and of what the checks presuppose.

A failure is explained by that of a check that its own presupposes, and that of a run in a setting by that of the
plain run, where both are of one kind: a check whose behaviour is right and that leaves something behind is explained
by one that leaves the same behind, and a wrong behaviour by a wrong behaviour. Nothing is explained by a check that
passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from loopcheck.check import Entry

Record = dict[str, Any]

EXPLAINED = ("failed", "hang", "crash", "exited")
"""The outcomes of what another failure may explain, and what a reproducer shows: nobody has declared them."""

_EXPLAINS = (*EXPLAINED, "known", "changed")
"""What is declared has failed, too, and may well be why others fail that are not."""


def because(records: Iterable[Record], entries: Mapping[str, Entry]) -> dict[str, str]:
    """For the id of each failure that others explain, the id of the one at the bottom of it.

    Args:
        records: of checks, all of a run.
        entries: by the ids of checks, what the catalogue says of them.
    """
    records = list(records)
    found = {(record["subject"], record["check"]): record for record in records}
    nearest: dict[str, str] = {}
    for record in records:
        if record["outcome"] in EXPLAINED and (cause := _cause(record, entries[record["check"]], found)) is not None:
            nearest[record["id"]] = cause["id"]
    return {id: _bottom(cause, nearest) for id, cause in nearest.items()}


def _cause(record: Record, entry: Entry, found: Mapping[tuple[str, str], Record]) -> Record | None:
    plain = found.get((record["subject"], entry.plain))
    if plain is not None and plain["outcome"] in _EXPLAINS and _fails_alike(plain, record):
        return plain
    for id in entry.after:
        # In the same setting, if the check that is presupposed has it: there it may pass, or fail, alone.
        cause = found.get((record["subject"], f"{id}[{entry.setting}]")) or found.get((record["subject"], id))
        if cause is not None and cause["outcome"] in _EXPLAINS and _is_of_the_kind(cause, record):
            return cause
    return None


def _bottom(id: str, nearest: Mapping[str, str]) -> str:
    while id in nearest:
        id = nearest[id]
    return id


def _is_of_the_kind(cause: Record, record: Record) -> bool:
    if _only_leaves(record):
        return _left(record) <= _left(cause)
    return not _only_leaves(cause)


def _fails_alike(plain: Record, record: Record) -> bool:
    if plain.get("was", plain["outcome"]) != record["outcome"] or _only_leaves(plain) != _only_leaves(record):
        return False
    if _only_leaves(record):
        return _left(record) <= _left(plain)
    keys = ("error", "signal", "exit_code")
    return _line(plain) == _line(record) and all(plain.get(key) == record.get(key) for key in keys)


def _only_leaves(record: Record) -> bool:
    """Whether the behaviour itself was right."""
    return "left_behind" in record and "error" not in record


def _left(record: Record) -> set[str]:
    """The sorts of what was left behind: the words for it, without numbers and names."""
    phrases = (phrase.partition(":")[0] for phrase in record.get("left_behind", ()))
    return {word.rstrip("s") for phrase in phrases for word in re.findall(r"[a-z_]+", phrase)}


def _line(record: Record) -> int | None:
    """The line of the check at which it failed."""
    lines = [frame["line"] for frame in record.get("traceback", ()) if "/checks/" in frame["file"]]
    return lines[-1] if lines else None
