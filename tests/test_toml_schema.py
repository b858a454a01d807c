"""``loopcheck.schema.json`` says of a ``loopcheck.toml`` what the reader of that says."""

from __future__ import annotations

import importlib.resources
import json
import re
import tomllib
from typing import Any

import jsonschema
import pytest
from support import ROOT

from loopcheck import known
from loopcheck.needs import NEEDS

SCHEMA: dict[str, Any] = json.loads(
    importlib.resources.files("loopcheck").joinpath("loopcheck.schema.json").read_text()
)

GOOD = """
[subject]
factory = "a:B"
[declined]
tls = "no"
[[known]]
id = ["a::b", "a::c[debug]", "a::*"]
outcome = "hang"
match = "words"
reason = "it is so"
issue = "https://example.org"
python = ">=3.12, <3.14,!=3.13.*"
platform = "linux"
version = "~=1.0"
needs = ["ipv6"]
sometimes = true
expires = "2027-01-01"
"""


def errors(text: str) -> list[str]:
    """What the schema has against a file."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [error.json_path for error in validator.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_it_knows_what_the_reader_knows() -> None:
    entry = SCHEMA["$defs"]["known"]["properties"]

    assert set(entry) == set(known.KEYS)
    assert entry["outcome"]["enum"] == list(known.KNOWN_OUTCOMES)
    assert entry["needs"]["items"]["enum"] == list(NEEDS)
    assert list(SCHEMA["properties"]["declined"]["properties"]) == [
        need.name for need in NEEDS.values() if need.offered
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_the_examples_of_the_documentation_are_right(path: Any) -> None:
    examples = re.findall(r"```toml\n(.*?)```", path.read_text(), re.S)

    assert [errors(example) for example in examples if "[subject]" in example] == [[]] * len(examples)


def test_what_is_right_is_right_to_both() -> None:
    assert errors(GOOD) == []
    assert len(known.parse(GOOD).known) == 3


@pytest.mark.parametrize(
    ("was", "now", "path"),
    [
        ('"a:B"', '"a"', "$.subject.factory"),
        ("factory", "fabric", "$.subject"),
        ('tls = "no"', 'tls = " "', "$.declined.tls"),
        ('tls = "no"', 'ipv6 = "no"', "$.declined"),
        ('"hang"', '"sad"', "$.known[0].outcome"),
        ('["a::b", "a::c[debug]", "a::*"]', "[]", "$.known[0].id"),
        ('["a::b", "a::c[debug]", "a::*"]', '"b"', "$.known[0].id"),
        ('"it is so"', '""', "$.known[0].reason"),
        ('reason = "it is so"', "", "$.known[0]"),
        ('">=3.12, <3.14,!=3.13.*"', '"3.12"', "$.known[0].python"),
        ('"~=1.0"', '"new"', "$.known[0].version"),
        ('["ipv6"]', '["gold"]', "$.known[0].needs[0]"),
        ("match =", "mtach =", "$.known[0]"),
        ("sometimes = true", "sometimes = 'yes'", "$.known[0].sometimes"),
        ('expires = "2027-01-01"', "", "$.known[0]"),
    ],
)
def test_what_is_wrong_is_wrong_to_both(was: str, now: str, path: str) -> None:
    assert was in GOOD
    wrong = GOOD.replace(was, now)

    assert path in errors(wrong)
    with pytest.raises(known.DeclarationError):
        known.parse(wrong)
