"""The schema of the records: what is written keeps to it, and our reading of it is that of a library."""

from __future__ import annotations

import copy
import json
import random
import re
from typing import Any

import jsonschema
import pytest
from support import ROOT, PytestRunner
from test_reading import lines

from loopcheck.outcomes import LEVELS, OUTCOMES
from loopcheck.report import records
from loopcheck.report.schema import fault, schema

VALIDATOR = jsonschema.Draft202012Validator(schema())

FULL = lines()[1] | {
    "formerly": ["invented::z"],
    "seconds": 0.25,
    "message": "it is 2",
    "explanation": "assert 2 == 1",
    "expected": "1",
    "observed": "2",
    "error": "AssertionError",
    "traceback": [{"file": "a.py", "line": 1, "function": "f", "code": "assert 2 == 1"}],
    "left_behind": ["a thread"],
    "stack": "File ...",
    "signal": "SIGSEGV",
    "exit_code": 3,
    "recorded": ["began"],
    "tasks": ["<Task pending>"],
    "descriptors": ["5: socket"],
    "native_stack": "uv_run",
    "printed": "hello",
    "alone": "passed",
    "after": "invented::b",
    "on_subject": "failed",
    "was": "failed",
    "declared": {"place": "loopcheck.toml:3", "reason": "so it is", "issue": "https://example.org/1"},
    "advice": "mend it",
}
"""A check record with every key that there is."""


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())

    assert schema()["$defs"]["outcome"]["enum"] == list(OUTCOMES)
    assert schema()["$defs"]["level"]["enum"] == list(LEVELS)


def test_what_a_run_writes_keeps_to_it(run_pytest: PytestRunner) -> None:
    run = run_pytest("--loop-factory=calls_removed_handlers:Loop", "signals", "-k", "remove")

    assert {"passed", "failed"} <= set(run.outcomes.values())
    for record in run.records:
        VALIDATOR.validate(record)


@pytest.mark.parametrize("kind", ["header", "check", "footer"])
def test_every_key_is_told(kind: str) -> None:
    """Whoever adds a key to the records adds it to the schema and to the documentation."""
    text = (ROOT / "docs" / "report-format.md").read_text()
    (table,) = re.findall(rf"^## {kind.title()}\n(.*?)^##", text, re.M | re.S)
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.M)

    assert re.findall(r"`(\w+)`", " ".join(first_cells)) != []
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == set(schema()["$defs"][kind]["properties"])


@pytest.mark.parametrize("seed", range(4))
def test_we_find_what_a_library_finds(seed: int) -> None:
    chance = random.Random(seed)
    head, one, _, footer = lines()
    head["declaration"] = {"path": "a", "digest": "b", "subject": "c:D", "declined": {"tls": "none"}}
    merge = {"record": "merge", "format": records.FORMAT, "runs": 1}
    for record in (head, one, FULL, footer, merge):
        assert (fault(record), VALIDATOR.is_valid(record)) == ("", True)
        for _ in range(100):
            spoilt = _spoil(copy.deepcopy(record), chance)

            assert (fault(spoilt) == "") == VALIDATOR.is_valid(spoilt), json.dumps(spoilt)


def _spoil(record: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The record with another value somewhere, or without a key."""
    holder: Any = record
    while True:
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if isinstance(holder[key], (dict, list)) and holder[key] and chance.random() < 0.8:
            holder = holder[key]
        elif isinstance(holder, dict) and chance.random() < 0.2:
            del holder[key]
            return record
        else:
            holder[key] = chance.choice(
                [None, True, 0, 1.5, -1, 10**9, "text", "passed", [], ["text"], [1], {}, {"a": "b"}]
            )
            return record
