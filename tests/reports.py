"""Reports for the tests of what is made of them."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loopcheck.report import records
from loopcheck.report.reading import Run

FILES = {"a/__init__.py": "0" * 64}


def check(id: str, outcome: str = "passed", level: str = "must", subject: str = "a:B", **more: Any) -> dict[str, Any]:
    """The record of a check."""
    name = id.partition("@")[0]
    return {
        "record": "check",
        "id": id,
        "check": name,
        "area": name.partition("::")[0],
        "setting": name.partition("[")[2].rstrip("]"),
        "level": level,
        "subject": subject,
        "outcome": outcome,
        "sentence": f"It does what {name} says.",
        "reference": "gh-1",
        "link": "https://github.com/python/cpython/issues/1",
        "seconds": 0.001,
    } | more


def subject(factory: str = "a:B", version: str | None = "1.0", **more: Any) -> dict[str, Any]:
    """What is said of a subject."""
    return {"factory": factory, "distribution": "a", "version": version, "files": FILES, "digest": "1" * 64} | more


def run(
    *checks: dict[str, Any],
    subjects: Iterable[dict[str, Any]] = (),
    python: str = "3.13.0",
    path: str = "report.jsonl",
    footer: bool = True,
    **head: Any,
) -> Run:
    """A run, as it is read from its report."""
    subjects = list(subjects) or [subject()]
    header = records.header([one["id"] for one in checks], subjects, loopcheck="1.0", level="should")
    header["environment"]["python"] = python
    complete = footer and not any(one["outcome"] == "not-run" for one in checks)
    last = {
        "record": "footer",
        "ended": "2026-11-28T09:30:00Z",
        "complete": complete,
        "planned": len(checks),
        "counts": dict(Counter(one["outcome"] for one in checks)),
    }
    if not complete:
        last["why"] = "interrupted"
    kept = {one["id"]: copy.deepcopy(one) for one in checks}
    return Run(path, header | head, kept, complete, last if footer else None)


def five_thousand(failing: int, factory: str = "a:B") -> Run:
    """A run of 5,000 checks, as many as the battery may have one day; two of three failures are explained by others."""
    checks = [
        check(f"area_{number // 150}::behaves_as_a_check_with_a_usual_name_{number}[other-thread]", subject=factory)
        | {"sentence": f"What number {number} does is what it says, and it says as much as a sentence of this length."}
        for number in range(5000)
    ]
    for number, record in enumerate(checks[:failing]):
        told = f"{number} on {factory} " + "something of some length <that> was seen; " * 50
        record |= {
            "outcome": "failed",
            "message": told,
            "expected": f"{told}x",
            "observed": f"{told}y",
            "printed": told,
        }
        if number % 3:
            record["because"] = checks[number - number % 3]["id"]
    return run(*checks, subjects=[subject(factory)])


def written(path: Path, run: Run) -> Path:
    """The file that a run is read from."""
    records = [run.header, *run.checks.values(), *([run.footer] if run.footer else [])]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
