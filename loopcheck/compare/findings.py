"""What programs found: the first event that differs says what kind of finding it is, and a card shows it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopcheck.compare.alignment import align
from loopcheck.compare.arena import Difference
from loopcheck.compare.language import Program
from loopcheck.compare.reducing import size
from loopcheck.compare.tracer import Trace
from loopcheck.compare.word import SCRIPT
from loopcheck.report.cards import clean

_NOTHING = ["nothing", "more happens", "", ""]


def kind_of(difference: Difference) -> str:
    """What kind of finding a difference is: the first event that differs, without numbers."""
    observed, expected = first(difference)
    if observed[2].startswith(_LACKS) and not expected[2].startswith(_LACKS):
        return _general(f"not offered: {_call(observed)}")
    if observed[:2] == expected[:2]:
        at = 2 if observed[2] != expected[2] else 3
        return _general(
            f"{_call(expected)}: expected {expected[at] or 'nothing'}, observed {observed[at] or 'nothing'}"
        )
    ends, ended = _run_ends(expected), _run_ends(observed)
    if ends and not ended:
        return f"expected that {ends}, observed that it goes on"
    if ended and not ends:
        return f"expected that the run goes on, observed that {ended}"
    was, is_now = _brief(expected), _brief(observed)
    if difference.program.place == SCRIPT:  # there the next step only says that no more followed from the one before
        was = "nothing more happens" if expected[0] == "main" != observed[0] else was
        is_now = "nothing more happens" if observed[0] == "main" != expected[0] else is_now
    return _general(f"expected that {was}, observed that {is_now}")


def _run_ends(event: Sequence[str]) -> str:
    """How a run of the loop ends, if that is what an event says."""
    who, what, result, _ = event
    if who != "main" or not what.startswith(("loop.run_", "in_thread(loop.run_", "the last run", "the loop")):
        return ""
    return f"the run {result}" if result.startswith(("raises SystemExit", "raises Keyboard")) else "the run ends"


def first(difference: Difference) -> tuple[list[str], list[str]]:
    """The first event that differs, as it was observed and as it was expected."""
    observed, expected = difference.observed, difference.expected
    for one, other in zip([*observed, _NOTHING], [*expected, _NOTHING], strict=False):
        if one != other:
            return one, other
    return _NOTHING, _NOTHING


def _call(event: Sequence[str]) -> str:
    """What was called, without what it was given; in the place of its names what kinds of things they are."""
    who, what = event[:2]
    if what == "opening":
        return f"{_WHO[who[0]]} opens"
    found = _METHOD.search(what)
    return f"{found[1]}()" if found else what


def _brief(event: Sequence[str]) -> str:
    """Who did what, as far as it is a kind of finding; what callbacks and tasks do in their course is one."""
    who, what = event[:2]
    if who[1:].isdigit():
        kind = _WHO.get(who[0], "something")
        return f"{kind} {'goes on' if who[0] in 'ctg' and what not in _LIFE else what}"
    return f"{who} {what}" if who != "main" else what


_LACKS = ("raises NotImplementedError", "raises AttributeError")
"""What a method that a loop does not have comes to: one finding, however it is called."""

_METHOD = re.compile(
    r"\b((?:transport|reader|writer|server|peer|stdout|stderr|process(?!\.std)|[jv]\d+(?!\.(?:process|transport)\b)"
    r"|loop(?=\.(?:sock_|add_|remove_|create_(?:con|ser|dat)|get[an])))\.\w+)"
)

_WHO = {
    "c": "a callback",
    "t": "a task",
    "g": "a generator",
    "i": "a connection",
    "y": "a stream",
    "z": "a server",
    "a": "a watched descriptor",
    "b": "a socket",
    "u": "a datagram endpoint",
    "j": "a child",
    "v": "a process",
}

_LIFE = ("runs", "begins", "ends", "ends with", "is left with")


def _general(text: str) -> str:
    text = re.sub(r"\b\d+ bytes, \d+|\b(?:bytearray\()?b'(?:[^'\\]|\\.)*'\)?", "bytes", text)
    return re.sub(r"\b([a-z])\d+\b", r"\1", re.sub(r"\bvar \d\b", "var set", text))


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of difference, and the smallest program that shows it."""

    kind: str
    difference: Difference
    number: int
    """How many of the programs that were drawn showed it."""
    again: bool
    """Whether it was there again in fresh processes."""
    script: str = ""
    """A program that shows it by itself, if there is one."""

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        difference = self.difference
        return {
            "kind": self.kind,
            "program": difference.program.to_json(),
            "observed": difference.observed,
            "expected": difference.expected,
            "number": self.number,
            "again": self.again,
            "script": self.script,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Finding:
        """The finding that JSON says."""
        difference = Difference(Program.from_json(data["program"]), data["observed"], data["expected"])
        return Finding(data["kind"], difference, data["number"], data["again"], data["script"])


def said(trace: Trace) -> list[str]:
    """The events of a trace, as lines."""
    return [_line(*event) for event in trace]


def _line(who: str, what: str, result: str, sees: str) -> str:
    return f"{who}: {what}{f': {result}' if result else ''}{f' [{sees}]' if sees else ''}"


def card(finding: Finding) -> list[str]:
    """A finding for the author of the loop, line by line: the program, and what happened on both loops."""
    difference = finding.difference
    rows = [
        ("kind", finding.kind),
        ("programs", f"{finding.number}" + ("" if finding.again else "; not again in fresh processes")),
        ("program", difference.program.text() or "nothing at all"),
        ("traces", "\n".join(align(said(difference.observed), said(difference.expected)))),
        ("script", finding.script),
    ]
    lines = []
    for label, value in rows:
        one, *more = clean(value).splitlines() or [""]
        if not value:
            continue
        lines += [f"{label:<10} {one}", *(f"{'':<10} {line}".rstrip() for line in more)]
    return lines


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """One finding of each kind, with the smallest program; what needs no more words than another goes before it.

    A finding whose program has all the words of another's, and more, is taken for the same: it is counted there.
    """
    found: dict[str, Finding] = {}
    for finding in findings:
        best = found.get(finding.kind)
        found[finding.kind] = finding if best is None else _sum(best, finding)
    kept: list[tuple[Counter[str], Finding]] = []
    for finding in sorted(found.values(), key=lambda one: (not one.again, size(one.difference.program))):
        words = Counter(step.word for step in finding.difference.program)
        for number, (fewer, other) in enumerate(kept):
            if fewer and fewer <= words:  # whatever a program says that does nothing at all, others say more
                kept[number] = fewer, _sum(other, finding)
                break
        else:
            kept.append((words, finding))
    return sorted((finding for _, finding in kept), key=lambda one: -one.number)


def _sum(one: Finding, other: Finding) -> Finding:
    """Two findings in one: the program that is smaller, and both numbers."""
    best = min(one, other, key=lambda finding: (not finding.again, size(finding.difference.program)))
    return replace(best, number=one.number + other.number)
