"""The closed schema of the records, ``report.schema.json``, and whether a record is as it says.

Of JSON Schema we read what that file uses and nothing else, so that reading a report needs no library; the tests
compare what we say with what one says. Keys that the schema does not know are ignored here: a newer loopcheck may
write more. That we write none is for the tests too.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}

_ARTICLES = {"integer": "an integer", "array": "an array", "object": "an object", "null": "null"}


@functools.cache
def schema() -> dict[str, Any]:
    """The schema, as it is shipped."""
    text = importlib.resources.files("loopcheck.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def kinds() -> list[str]:
    """The kinds of records."""
    return [one["$ref"].rpartition("/")[2] for one in schema()["oneOf"]]


def fault(record: dict[str, Any]) -> str:
    """The first thing that is wrong with a record; empty if nothing is."""
    kind = record.get("record")
    if not isinstance(kind, str) or kind not in kinds():
        return f"a record of kind {kind!r:.80}; there are {', '.join(kinds())}"
    found = _fault(record, schema()["$defs"][kind], "")
    return f"{kind}: {found}" if found else ""


def _fault(value: Any, wanted: dict[str, Any], where: str) -> str:
    if "$ref" in wanted:
        wanted = schema()["$defs"][wanted["$ref"].rpartition("/")[2]]
    if "enum" in wanted:
        # A list is in no enum, and cannot be looked up in a set.
        return "" if value in wanted["enum"] else f"{where} is {value!r:.80}; there are {', '.join(wanted['enum'])}"
    if "const" in wanted:
        return "" if value == wanted["const"] else f"{where} is {value!r:.80}, expected {wanted['const']!r}"
    names = wanted["type"] if isinstance(wanted["type"], list) else [wanted["type"]]
    # By the exact type: for Python True is an int.
    if not any(type(value) in _TYPES[name] for name in names):
        return f"{where} is {value!r:.80}, expected {' or '.join(_ARTICLES.get(name, f'a {name}') for name in names)}"
    if "minimum" in wanted and not wanted["minimum"] <= value <= wanted["maximum"]:  # not so for NaN, either
        return f"{where} is {value!r:.80}, expected {wanted['minimum']} to {wanted['maximum']}"
    if isinstance(value, dict):
        return _fault_in_object(value, wanted, where)
    if isinstance(value, list):
        items = (_fault(one, wanted["items"], f"{where}[{index}]") for index, one in enumerate(value))
        return next(filter(None, items), "")
    return ""


def _fault_in_object(value: dict[str, Any], wanted: dict[str, Any], where: str) -> str:
    properties = wanted.get("properties", {})
    for key in wanted.get("required", ()):
        if key not in value:
            return f"{_member(where, key)} is missing"
    others = wanted["additionalProperties"]
    for key, one in value.items():
        of_key = properties.get(key, others)
        if of_key is not False and (found := _fault(one, of_key, _member(where, key))):
            return found
    return ""


def _member(where: str, key: str) -> str:
    return f"{where}.{key[:80]!r}" if where else f"{key[:80]!r}"
