"""What of a report can be checked without trusting whoever made it: each point holds, does not, or cannot be told."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from loopcheck import __version__, check
from loopcheck.outcomes import OUTCOMES
from loopcheck.report import verdict
from loopcheck.report.certificate import name_of, place_of
from loopcheck.report.reading import Run
from loopcheck.subject import digest_of, installed_files

Answer = Literal["says", "holds", "does not hold", "cannot tell"]
"""What a report says is its verdict, computed again: a failure that is reported is no fault of the report."""


class WheelError(Exception):
    """The file is no wheel; the message names it."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was looked at."""

    answer: Answer
    what: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel, as far as a report can be compared with it."""

    path: Path
    digest: str
    files: Mapping[str, str]
    """The SHA-256 of each file in it, by the path at which it is installed."""


def read_wheel(path: Path) -> Wheel:
    """Look into a wheel.

    Raises:
        WheelError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files = {}
        with zipfile.ZipFile(path) as archive:
            (record,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
            listed = {row[0] for row in csv.reader(io.StringIO(archive.read(record).decode("utf-8"))) if row}
            for name in archive.namelist():
                if name in listed and not name.endswith("/"):
                    with archive.open(name) as member:
                        files[_installed(name)] = hashlib.file_digest(member, "sha256").hexdigest()  # type: ignore[arg-type]
    except OSError as error:
        raise WheelError(f"{path}: cannot read it: {error.strerror or error}") from None
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError, EOFError) as error:
        raise WheelError(f"{path}: it is no wheel: {error}") from None
    return Wheel(path, digest, files)


def _installed(name: str) -> str:
    """Where a file of a wheel goes, from site-packages on."""
    first, _, rest = name.partition("/")
    # Of what is not in the root, purelib and platlib end up there, too.
    if first.endswith(".data") and rest.partition("/")[0] in ("purelib", "platlib"):
        return rest.partition("/")[2]
    return name


def verify(run: Run, wheel: Wheel | None = None) -> Iterator[Point]:
    """All that can be said of one run, beyond that its report could be read and does not contradict itself."""
    yield _ended(run)
    yield from _verdicts(run)
    yield from _battery(run)
    for subject in run.subjects.values():
        yield from _files(subject, wheel)
    yield Point("cannot tell", "whether these records are what a run has written: run the battery again to know that")


def _ended(run: Run) -> Point:
    if run.complete:
        return Point("says", f"the run is complete: {len(run.checks)} planned, {len(run.checks)} reported")
    return Point("says", f"the run is incomplete: {run.why_incomplete}")


def _verdicts(run: Run) -> Iterator[Point]:
    level = run.header["level"]
    for factory, subject in run.subjects.items():
        records = [record for record in run.checks.values() if record["subject"] == factory]
        counts = Counter(record["outcome"] for record in records)
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome]) or "nothing"
        failing = sum(verdict.fails(record, level) for record in records)
        said = f"{failing} fail the run" if failing else "none fails the run"
        yield Point("says", f"{name_of(subject)} on {place_of(run)}: {told}; of {level} and above {said}")


def _battery(run: Run) -> Iterator[Point]:
    theirs = f"loopcheck {run.header['loopcheck']}, battery {run.header['catalogue'][:12]}"
    if run.header["catalogue"] != check.catalogue_digest():
        known = "the same version has another battery here" if run.header["loopcheck"] == __version__ else "not here"
        answer: Answer = "does not hold" if run.header["loopcheck"] == __version__ else "cannot tell"
        yield Point(answer, f"the battery is the published one: {theirs}; {known} (loopcheck {__version__})")
        return
    yield Point("holds", f"the battery is the one that is installed here: {theirs}")
    # Canaries run in place of the battery, never with it.
    canaries = any(record["area"] in check.canary_names() for record in run.checks.values())
    kinds, areas = ("canaries", check.canary_names()) if canaries else ("checks of the battery", ())
    entries = {entry.id: entry for entry in check.catalogue(*areas)}
    python = run.header["environment"]["python"]
    wrong = [record["check"] for record in run.checks.values() if not _is_said_of(record, entries.get(record["check"]))]
    yield _point(wrong, "level, sentence and reference of each check are the catalogue's", "not those of")
    for factory in run.subjects:
        planned = {record["check"] for record in run.checks.values() if record["subject"] == factory}
        absent = [id for id, entry in entries.items() if entry.tested and entry.applies(python) and id not in planned]
        if absent:
            yield Point("says", f"{len(absent)} {kinds} were not planned for {factory}")
        else:
            yield Point("holds", f"all {kinds} were planned for {factory}")


def _is_said_of(record: Mapping[str, Any], entry: check.Entry | None) -> bool:
    return entry is not None and all(
        record[key] == getattr(entry, key) for key in ("area", "setting", "level", "sentence", "reference", "link")
    )


def _files(subject: Mapping[str, Any], wheel: Wheel | None) -> Iterator[Point]:
    name, files = name_of(dict(subject)), subject.get("files", {})
    if not files:
        yield Point("cannot tell", f"which files of {name} were tested: the report has no digests")
        return
    yield Point(
        "holds" if digest_of(files) == subject.get("digest") else "does not hold",
        f"the digest of {name} is that of its files",
    )
    if wheel is not None:
        yield _point(
            [path for path in files if wheel.files.get(path) != files[path]],
            f"the {len(files)} files of {name} are those of {wheel.path.name}, sha256:{wheel.digest}",
            "not",
        )
        return
    here = installed_files(subject["factory"])
    if here is None:
        yield Point("cannot tell", f"the files of {name} are those that are installed: it is not installed here")
        return
    yield _point(
        [path for path in files.keys() | here.keys() if files.get(path) != here.get(path)],
        f"the {len(files)} files of {name} are those that are installed here",
        "not",
    )


def _point(wrong: list[str], what: str, but: str) -> Point:
    if not wrong:
        return Point("holds", what)
    shown = ", ".join(sorted(wrong)[:5])
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return Point("does not hold", f"{what}: {but} {shown}{more}")
