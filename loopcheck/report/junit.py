"""JUnit XML, as CI services read it: a suite for each subject and run, a case for each check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from loopcheck.outcomes import ACCEPTABLE, OUTCOME_MEANS
from loopcheck.report import verdict
from loopcheck.report.columns import Column, card, one_line

_CARD = 4000
"""Characters of one text in a failure."""


def render(columns: Sequence[Column]) -> str:
    """The document.

    What fails the run is a failure; what did not run, or is no evidence, an error; what is explained or is advice is
    skipped, with its reason.
    """
    root = ElementTree.Element("testsuites", name="loopcheck")
    for column in columns:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=one_line(f"{column.name}, {column.place}"),
            timestamp=one_line(column.run.header["started"]).rstrip("Z"),
        )
        counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
        seconds = 0.0
        for record in column.records.values():
            took = float(record.get("seconds", 0))
            seconds += took
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=one_line(record["area"]),
                name=one_line(record["check"]),
                time=f"{took:.6f}",
            )
            counts["tests"] += 1
            if record["outcome"] != "passed":
                counts[_add(case, column, record)] += 1
        for key, number in counts.items():
            suite.set(key, str(number))
        suite.set("time", f"{seconds:.3f}")
        if not column.run.complete:
            ElementTree.SubElement(suite, "system-err").text = one_line(column.says)
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _add(case: ElementTree.Element, column: Column, record: dict[str, Any]) -> str:
    """Say why a check did not pass; which of the suite's numbers counts it."""
    outcome = record["outcome"]
    message = one_line(record.get("declared", {}).get("reason") or record.get("message") or OUTCOME_MEANS[outcome])
    if not verdict.fails(record, column.level):
        word = outcome if outcome in ACCEPTABLE else f"advice ({outcome})"
        ElementTree.SubElement(case, "skipped", message=f"{word}: {message}")
        return "skipped"
    kind = "error" if outcome in ("not-run", "broken") else "failure"
    why = ElementTree.SubElement(case, kind, type=outcome, message=message)
    why.text = card(column, record, _CARD)
    return f"{kind}s"
