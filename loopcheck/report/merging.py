"""Putting reports together: the parts of one run into that run, and the runs of a matrix into one file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from loopcheck.outcomes import OUTCOMES
from loopcheck.report.certificate import place_of
from loopcheck.report.reading import Run
from loopcheck.report.records import FORMAT


class MergeError(Exception):
    """The reports do not belong together; the message names two of them, and what is different."""


def merge(runs: Sequence[Run]) -> list[Run]:
    """The runs that these reports are about, in their order.

    Reports of the same subjects in the same place (Python and platform) are parts of one run, and are joined.

    Raises:
        MergeError: a report is not whole, is about another battery or another version of a subject, or has a check
            that another has, too.
    """
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        if run.footer is None:
            raise MergeError(f"{run.path}: {run.why_incomplete}; run it again")
        _compare(runs[0], run)
        groups.setdefault((place_of(run), *run.subjects), []).append(run)
    return [_join(group) for group in groups.values()]


def content(runs: Sequence[Run]) -> bytes:
    """The file: an ordinary report of one run, or several behind a record that says how many."""
    records: list[dict[str, Any]] = []
    if len(runs) != 1:
        records.append({"record": "merge", "format": FORMAT, "runs": len(runs)})
    for run in runs:
        assert run.footer is not None
        # Which failure explains which is said in the footer, once.
        checks = [
            {key: value for key, value in one.items() if key not in ("because", "reproducer")}
            for one in run.checks.values()
        ]
        records += [run.header, *checks, run.footer]
    return "".join(json.dumps(record, ensure_ascii=True) + "\n" for record in records).encode("ascii")


def _compare(first: Run, run: Run) -> None:
    """Whether two runs may stand in one file."""
    both = f"{first.path} and {run.path} do not belong together"
    for key, what in ("loopcheck", "the version of loopcheck"), ("catalogue", "the battery of the same loopcheck"):
        if first.header[key] != run.header[key]:
            raise MergeError(
                f"{both}: {what} is {_short(first.header[key])} in the one, {_short(run.header[key])} in the other"
            )
    for factory, subject in run.subjects.items():
        other = first.subjects.get(factory, subject)
        if _version(other, first) != _version(subject, run):
            raise MergeError(
                f"{both}: {factory} is {other['distribution']} {other['version']} in the one, "
                f"{subject['distribution']} {subject['version']} in the other"
            )


def _version(subject: dict[str, Any], run: Run) -> tuple[str | None, str | None]:
    """Distribution and version of a subject; of asyncio's own loop without the version, which is that of the Python."""
    own = subject["distribution"] == run.header["environment"]["implementation"]
    return subject["distribution"], None if own else subject["version"]


def _short(value: str) -> str:
    return repr(value[:12])


def _join(parts: Sequence[Run]) -> Run:
    first, *others = parts
    if not others:
        return first
    checks = dict(first.checks)
    owner = dict.fromkeys(checks, first.path)
    for part in others:
        both = f"{first.path} and {part.path} are parts of one run, on {place_of(first)}"
        for factory, subject in part.subjects.items():
            if subject.get("digest") != first.subjects[factory].get("digest"):
                raise MergeError(f"{both}, but the files of {factory} are not the same")
        for key, what in ("level", "level"), ("declaration", "declaration"):
            if part.header[key] != first.header[key]:
                raise MergeError(f"{both}, but their {what} is not the same")
        for id, record in part.checks.items():
            if id in owner:
                raise MergeError(f"{owner[id]} and {part.path} both have a record of {id!r} on {place_of(first)}")
            owner[id] = part.path
            checks[id] = record
    return Run(first.path, _header(parts), checks, all(part.complete for part in parts), _footer(parts, checks))


def _header(parts: Sequence[Run]) -> dict[str, Any]:
    first = parts[0].header
    environment = {
        # What may differ in one place: how Python was built, and the release of the system.
        key: value if isinstance(value, bool) else _and(part.header["environment"][key] for part in parts)
        for key, value in first["environment"].items()
    }
    return first | {
        "started": min(part.header["started"] for part in parts),
        "environment": environment,
        "plan": [id for part in parts for id in part.header["plan"]],
    }


def _footer(parts: Sequence[Run], checks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    footers = [part.footer for part in parts if part.footer is not None]
    counts = Counter(record["outcome"] for record in checks.values())
    footer = {
        "record": "footer",
        "ended": max(one["ended"] for one in footers),
        "complete": all(part.complete for part in parts),
        "planned": len(checks),
        "counts": {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]},
    }
    if because := {id: cause for one in footers for id, cause in one.get("because", {}).items()}:
        footer["because"] = because
    if reproducers := {id: made for one in footers for id, made in one.get("reproducers", {}).items()}:
        footer["reproducers"] = reproducers
    why = _and(part.why_incomplete for part in parts if not part.complete)
    return footer | ({"why": why} if why else {})


def _and(values: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(values))
