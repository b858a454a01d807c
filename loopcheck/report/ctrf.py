"""CTRF, the common test report format: JSON that several CI services read. Its specification is at ctrf.io."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from loopcheck.outcomes import ACCEPTABLE
from loopcheck.report import verdict
from loopcheck.report.columns import Column, card, one_line

SPECIFICATION = "0.0.0"
"""The version of the format."""

_CARD = 4000
"""Characters of one text in a failure."""


def render(columns: Sequence[Column]) -> str:
    """The document: one run, in which a test for each check of each column.

    What fails the run is failed; what did not run is pending; what is explained or is advice is skipped; what is no
    evidence is other. The outcome in loopcheck's own word is the ``rawStatus``.
    """
    tests = [_test(column, record) for column in columns for record in column.records.values()]
    counts = Counter(test["status"] for test in tests)
    started = min((_moment(column.run.header["started"]) for column in columns), default=0)
    ended = max((_moment((column.run.footer or {}).get("ended", "")) for column in columns), default=0)
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "generatedBy": "loopcheck",
        "results": {
            "tool": {"name": "loopcheck", "version": one_line(columns[0].run.header["loopcheck"]) if columns else ""},
            "summary": {
                "tests": len(tests),
                **{status: counts[status] for status in ("passed", "failed", "pending", "skipped", "other")},
                "suites": len(columns),
                "start": started,
                "stop": max(started, ended),
            },
            "tests": tests,
            "environment": {
                "extra": {
                    "columns": [
                        {"subject": column.name, "place": column.place, "says": column.says} for column in columns
                    ]
                }
            },
        },
    }
    return json.dumps(document, ensure_ascii=True, indent=1) + "\n"


def _test(column: Column, record: dict[str, Any]) -> dict[str, Any]:
    status = _status(column, record)
    test = {
        "name": one_line(record["check"]),
        "status": status,
        "duration": max(0, round(float(record.get("seconds", 0)) * 1000)),
        "suite": [column.name, column.place, one_line(record["area"])],
        "rawStatus": record["outcome"],
        "tags": [record["level"]],
    }
    if status != "passed":
        test["message"] = one_line(record.get("message", "")) or record["outcome"]
        test["trace"] = card(column, record, _CARD)
    return test


def _status(column: Column, record: dict[str, Any]) -> str:
    outcome = record["outcome"]
    if outcome in ("passed", "not-run", "broken"):
        return {"passed": "passed", "not-run": "pending", "broken": "other"}[str(outcome)]
    if outcome in ACCEPTABLE or not verdict.fails(record, column.level):
        return "skipped"
    return "failed"


def _moment(text: str) -> int:
    """Milliseconds since 1970; 0 for what is no moment."""
    try:
        return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
