"""The certification report as one HTML page: it opens offline, asks the network for nothing, and shows all checks.

The page is a template with what must be readable without JavaScript, and the data of all checks as JSON; cards are
made from that when they are opened. What passed is a letter; what did not has its texts, each kept once, and cut
so that the whole page stays small.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from loopcheck import __version__, profiles
from loopcheck.outcomes import LEVEL_MEANS, LEVELS, OUTCOME_MEANS, OUTCOMES, Outcome
from loopcheck.report import cards
from loopcheck.report.certificate import certify
from loopcheck.report.columns import SCRIPT, Column, one_line, tidy, told
from loopcheck.report.difference import FAILS, turn, turns

SHAPES: dict[Outcome, str] = {
    "passed": "m1 1h6v6h-6z",
    "failed": "m0 1.6l1.6-1.6l2.4 2.4l2.4-2.4l1.6 1.6l-2.4 2.4l2.4 2.4l-1.6 1.6l-2.4-2.4l-2.4 2.4l-1.6-1.6l2.4-2.4z",
    "hang": "m0 0h8l-8 8h8z",
    "crash": "m4 0l4 8h-8z",
    "exited": "m4 0l4 4l-4 4l-4-4z",
    "known": "m0 0h8v8h-8zm2 2v4h4v-4z",
    "fixed": "m3 0h2v3h3v2h-3v3h-2v-3h-3v-2h3z",
    "changed": "m0 0h8v3h-8zm0 5h8v3h-8z",
    "declined": "m0 3h8v2h-8z",
    "unavailable": "m3 3h2v2h-2z",
    "not-run": "m0 0h8v8h-8zm1 1v6h6v-6z",
    "broken": "m0 0h3v3h-3zm5 0h3v3h-3zm-5 5h3v3h-3zm5 0h3v3h-3z",
}
"""A path in a square of 8 for each outcome: shapes tell them apart where colours do not."""

_LETTERS: dict[str, str] = dict(zip(OUTCOMES, "pfhcekxndurb", strict=True))

_LIMIT = 1_990_000
"""Bytes that a page takes at most, however many reports it shows; the texts are cut to what the rest leaves."""

_CUTS = (
    ((4000, 99), (4000, 99)),
    ((4000, 99), (1000, 99)),
    ((2000, 99), (500, 99)),
    ((1000, 99), (250, 99)),
    ((500, 99), (120, 4)),
    ((250, 99), (60, 2)),
    ((120, 4), (60, 2)),
    ((60, 2), (60, 1)),
    ((60, 1), (0, 0)),
    ((0, 0), (0, 0)),
)
"""Characters of a text, and texts of a check: of a cause, and of a failure that another explains. The first with which
the page keeps to its limit is taken; a page without texts still has all ids, sentences and outcomes."""

_Cut = tuple[int, int]

_Told = dict[int, list[tuple[str, str]]]
"""Label and text of all that is told of each check of a column that did not pass, by its number."""

_LISTED = 50
"""How many reasons against a certificate, or reasons of known failures, the head of the page lists."""


def render(columns: Sequence[Column]) -> str:
    """The page for one column, or for several side by side."""
    # Heavy, and of no use to other renderers.
    import jinja2
    from markupsafe import Markup

    files = importlib.resources.files("loopcheck.report.html")
    style, script, template = (
        files.joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html")
    )
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    frame = functools.partial(
        environment.from_string(template).render,
        title=_title(columns),
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        columns=[
            _head(column, letter) | {"compared": _compared(list(columns), number)}
            for number, (column, letter) in enumerate(zip(columns, _column_letters(), strict=False))
        ],
        legend=[(outcome, OUTCOME_MEANS[outcome]) for outcome in OUTCOMES if _occurs(columns, outcome)],
        shapes=SHAPES,
        version=__version__,
    )
    taken = len(frame(data="", cut="").encode("utf-8", "backslashreplace"))
    data, cut = _data(columns, _LIMIT - taken)
    return frame(data=Markup(data), cut=cut)


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded, and nothing run or styled but what is ours: an injected script stays text."""

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _title(columns: Sequence[Column]) -> str:
    names = list(dict.fromkeys(column.name for column in columns))
    return f"Conformance of {', '.join(names)}"[:300]


def _column_letters() -> Iterator[str]:
    """A, B, ... Z, A1, B1, ..."""
    round_ = 0
    while True:
        yield from (f"{chr(65 + number)}{round_ or ''}" for number in range(26))
        round_ += 1


def _occurs(columns: Sequence[Column], outcome: Outcome) -> bool:
    return any(outcome == name for column in columns for name, _ in column.tally)


def _head(column: Column, letter: str) -> dict[str, Any]:
    """What the page says of a column before anything else."""
    header, subject = column.run.header, column.subject
    declaration = header["declaration"]
    declared = declaration["declined"] if declaration and declaration["subject"] == column.factory else {}
    certificates = [_certificate(column, name) for name in profiles.latest()]
    # A run of a few checks must not look like one of the battery.
    good = not column.advice and any(one["granted"] for one in certificates)
    known = Counter(
        (declared.get("reason", ""), declared.get("issue", ""))
        for record in column.records.values()
        if record["outcome"] == "known"
        for declared in (record.get("declared", {}),)
    )
    return {
        "letter": letter,
        "name": column.name,
        "place": column.place,
        "says": column.says,
        "mood": "bad" if column.failing or not column.run.complete else "good" if good else "open",
        "number": len(column.records),
        "tally": column.tally,
        "certificates": certificates,
        "declined": [(one_line(need), one_line(reason)) for need, reason in declared.items()],
        "known": [
            {"number": number, "reason": one_line(reason), "issue": one_line(issue)}
            for (reason, issue), number in known.most_common(_LISTED)
        ],
        "known_number": known.total(),
        "known_reasons": len(known),
        "started": one_line(header["started"]),
        "loopcheck": one_line(header["loopcheck"]),
        "catalogue": one_line(header["catalogue"]),
        "files": len(subject.get("files", ())),
        "digest": one_line(subject.get("digest", "unknown")),
        "level": column.level,
        "table": tidy("\n".join(cards.table(list(column.records.values()))), 100_000),
    }


def _compared(columns: list[Column], number: int) -> list[tuple[str, str]]:
    """What is different between columns, each with the filter that shows it: for the last what became of the first."""
    if len(columns) < 2:
        return []
    mine = columns[number].records
    others = [column.records for column in columns[:number] + columns[number + 1 :]]
    only = sum(
        record["outcome"] in FAILS and not any(other[id]["outcome"] in FAILS for other in others if id in other)
        for id, record in mine.items()
    )
    told = [(f"{only} fail here only", f"only-{number}")] if only else []
    if number == len(columns) - 1 and columns[0].factory == columns[number].factory:
        first = columns[0].records
        became = Counter(turn(first[id]["outcome"], record["outcome"]) for id, record in mine.items() if id in first)
        told += [(f"{became[which]} {which} since A", which) for which in ("regressed", "fixed") if became[which]]
    return told


def _certificate(column: Column, name: str) -> dict[str, Any]:
    certificate = certify(column.run, profiles.load(name), column.factory)
    return {
        "profile": name,
        "granted": certificate.granted,
        "planned": certificate.planned,
        "apart_from": certificate.apart_from,
        "number": len(certificate.refused),
        "reasons": [one_line(reason) for reason in certificate.refused[:_LISTED]],
    }


def _data(columns: Sequence[Column], limit: int) -> tuple[str, str]:
    """The data of the page as JSON that can stand in a script element, and in words how its texts are cut."""
    records = {id: record for column in reversed(columns) for id, record in column.records.items()}
    # An area's checks stand together, also where one report has checks that another does not have.
    ids = sorted(records, key=lambda id: records[id]["area"])
    sentences, references = _Table(), _Table()
    checks = []
    for id in ids:
        record = records[id]
        link = record["link"] if record["link"].startswith(("https://", "http://")) else ""
        checks.append(
            [
                one_line(id),
                LEVELS.index(record["level"]),
                sentences.add(one_line(record["sentence"], 500)),
                references.add((one_line(record["reference"]), link[:500])),
            ]
        )
    numbers = {id: number for number, id in enumerate(ids)}
    data: dict[str, Any] = {
        "outcomes": [
            {
                "word": outcome,
                "letter": _LETTERS[outcome],
                "shape": SHAPES[outcome],
                "means": OUTCOME_MEANS[outcome],
                "fails": outcome in FAILS,
            }
            for outcome in OUTCOMES
        ],
        "turns": {
            which: [_LETTERS[before] + _LETTERS[after] for before, after in turns(which)]
            for which in ("regressed", "fixed")
        },
        "levels": LEVELS,
        "meanings": LEVEL_MEANS | OUTCOME_MEANS,
        "checks": checks,
        "sentences": list(sentences),
        "references": list(references),
        "columns": [
            {
                "letter": letter,
                "label": f"{column.name}, {column.place}",
                "factory": one_line(column.factory),
                "outcomes": "".join(
                    _LETTERS[column.records[id]["outcome"]] if id in column.records else " " for id in ids
                ),
                "because": {
                    numbers[id]: numbers[cause]
                    for id, record in column.records.items()
                    if (cause := column.cause(record)) in numbers
                },
            }
            for column, letter in zip(columns, _column_letters(), strict=False)
        ],
    }
    told = [_rows(column, ids) for column in columns]
    explained = [set(column["because"]) for column in data["columns"]]
    room = max(0, limit - len(_json(data)))
    for of_cause, of_effect in _CUTS:
        # To see that it is too much takes much less than to make it.
        if _least(told, explained, of_cause, of_effect) > room:
            continue
        texts = _texts(told, explained, of_cause, of_effect)
        if len(_json(texts)) <= room:
            break
    return _json(data | texts), _cut_in_words(of_cause, of_effect)


def _json(data: Any) -> str:
    """Data as JSON of ASCII in which nothing ends a script element, or begins a comment."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    # These stand in strings only.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _least(told: Sequence[_Told], explained: Sequence[set[int]], of_cause: _Cut, of_effect: _Cut) -> int:
    """About how many characters the texts have at least, cut like this."""
    seen: dict[str, int] = {}
    for of_column, effects in zip(told, explained, strict=True):
        for number, rows in of_column.items():
            most, many = of_effect if number in effects else of_cause
            for _, text in rows[:many]:
                seen[text] = min(len(text), most)
    return sum(seen.values())


def _texts(told: Sequence[_Told], explained: Sequence[set[int]], of_cause: _Cut, of_effect: _Cut) -> dict[str, Any]:
    """What is told of checks that did not pass, by column, as the numbers of labels and of texts, each kept once."""
    labels, texts = _Table(), _Table()
    details: list[dict[int, list[int]]] = []
    for of_column, effects in zip(told, explained, strict=True):
        details.append({})
        for number, rows in of_column.items():
            most, many = of_effect if number in effects else of_cause
            if many:
                details[-1][number] = [
                    part
                    for label, text in rows[:many]
                    for part in (labels.add(label), texts.add(_kept(label, text, most)))
                ]
    return {"labels": list(labels), "texts": list(texts), "details": details}


def _kept(label: str, text: str, most: int) -> str:
    """A text, cut; a script, which is of no use if it is cut, as a whole or not at all."""
    if label != SCRIPT:
        return tidy(text, most)
    return tidy(text, len(text)) if len(text) <= 2 * most else "too long for this page; 'loopcheck reproduce' makes it"


def _cut_in_words(of_cause: _Cut, of_effect: _Cut) -> str:
    if (of_cause, of_effect) == _CUTS[0]:
        return ""
    if not of_cause[0]:
        return "here they are left away"
    effects = f", to {of_effect[0]} of what another failure explains" if of_effect[0] else ", and kept of causes alone"
    return f"here to {of_cause[0]} characters each" + (effects if of_effect != of_cause else "")


class _Table(dict[Any, int]):
    """Values, each once, and the number of each."""

    def add(self, value: Any) -> int:
        return self.setdefault(value, len(self))


def _rows(column: Column, ids: Sequence[str]) -> _Told:
    """What is told of the checks of a column."""
    found = {}
    for number, id in enumerate(ids):
        record = column.records.get(id)
        if (
            record is not None
            and record["outcome"] != "passed"
            and (rows := [row for row in told(record) if row[0] != "because"])
        ):
            found[number] = rows
    return found
