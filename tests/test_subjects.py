"""What is declared of published loops: true of what was observed of them, and no line of it too many or too few.

Beside each ``fixtures/subjects/LOOP.toml`` lies ``LOOP.jsonl``, what whole runs of the battery observed. To record it
anew, from the reports of several runs on each Python: ``python tests/test_subjects.py LOOP REPORT...``.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopcheck import known
from loopcheck.check import Entry, catalogue
from loopcheck.report import verdict
from loopcheck.report.reading import read_all

FOLDER = Path(__file__).parent.parent / "fixtures" / "subjects"

LOOPS = sorted(path.stem for path in FOLDER.glob("*.toml") if path.with_suffix(".jsonl").exists())

PASSING = "scheduling::call_soon_fifo_order"
"""A check that all of them pass."""

LONGEST = 200
"""Characters that are recorded of what a failure says."""

REFUSED = "NotImplementedError"
"""What an assertion says, among other things, of a loop that does not offer something."""

NARROWER = ("issue",)
"""Keys without which an entry says less, and is still true."""

UNTRUE = {
    "factory": ('"other:Loop"',),
    "id": (f'"{PASSING}"', '"scheduling::no_such_check"'),
    "outcome": tuple(f'"{outcome}"' for outcome in known.KNOWN_OUTCOMES),
    "match": ('"other words"',),
    "reason": ('""',),
    "issue": ("1",),
    "python": tuple(f'"{sign}3.{minor}"' for sign in (">=", "<") for minor in range(11, 16)),
    "version": ('"<0.1"',),
    "platform": ('"amiga"',),
    "needs": ('["ipv7"]',),
    "sometimes": ("false", '"yes"'),
    "expires": ('"2020-01-01"', '"0.0.1"'),
}
"""For each key what its line may be edited to."""


class Observed:
    """What was observed of a loop.

    Args:
        lines: a header, and one record for each way in which a check ended on some Pythons, if it failed on any.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.header, *records = map(json.loads, lines)
        self._seen: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for record in records:
            for python in record["pythons"]:
                self._seen.setdefault((record["check"], python), []).append(record)

    def knows(self, id: str, python: str) -> bool:
        """Whether a check failed on any run there; one that passed and one that came since are not told apart."""
        return (id, python) in self._seen

    def of(self, id: str, python: str) -> list[dict[str, Any]]:
        """How a check ended there, in each of the runs in which that was another way."""
        return self._seen.get((id, python), [{"check": id, "outcome": "passed"}])

    def here(self, python: str) -> known.Surroundings:
        """Where a run on this Python was, and when."""
        day = datetime.date.fromisoformat(self.header["day"])
        return known.Surroundings(python, "linux", self.header["version"], lambda need: True, day)


@functools.cache
def entries() -> dict[str, Entry]:
    return {entry.id: entry for entry in catalogue()}


@functools.cache
def observed(loop: str) -> Observed:
    return Observed((FOLDER / f"{loop}.jsonl").read_text().splitlines())


def red(text: str, loop: str, ids: Iterable[str]) -> list[str]:
    """What of some checks the gate would be red for, on any of the Pythons, if the file were this."""
    seen = observed(loop)
    try:
        declaration = known.parse(text, f"{loop}.toml")
        declaration.validate(entries().values())
    except known.DeclarationError as error:
        return [str(error)]
    if declaration.factory != seen.header["subject"]:
        return [f"it is about {declaration.factory}"]
    return list(_wrong(declaration, seen, ids))


def _wrong(declaration: known.Declaration, seen: Observed, ids: Iterable[str]) -> Iterator[str]:
    for python in seen.header["pythons"]:
        here = seen.here(python)
        for id in ids:
            if id in entries() and entries()[id].tested and entries()[id].applies(python):
                if not seen.knows(id, python) and any(need in declaration.declined for need in entries()[id].needs):
                    continue  # it came since, and all that need this were refused
                # As validate() says of a place; that looks at all the battery each time.
                mine = [one for one in declaration.known if one.names(id) and one.applies(here)]
                if len(mine) > 1 and not all(one.sometimes for one in mine):
                    yield f"{id} on {python}: two entries are about it"
                for record in seen.of(id, python):
                    judged = declaration.judge(entries()[id], record | {"level": entries()[id].level}, here)
                    if verdict.fails(judged, "should"):
                        yield f"{id} on {python}: {judged['outcome']}: {judged.get('advice') or record.get('message')}"


@pytest.mark.parametrize("loop", LOOPS)
def test_the_gate_is_green_and_each_reason_is_written(loop: str) -> None:
    text = (FOLDER / f"{loop}.toml").read_text()
    declaration = known.parse(text)

    assert red(text, loop, entries()) == []
    assert [reason for reason in declaration.reasons if reason.startswith(known.TODO)] == []
    assert {one.issue for one in declaration.known if not one.issue.startswith("https://github.com/")} <= {""}


@pytest.mark.parametrize("loop", LOOPS)
def test_any_line_that_is_deleted_edited_or_untrue_turns_it_red(loop: str) -> None:
    head, *blocks = _blocks((FOLDER / f"{loop}.toml").read_text().splitlines(keepends=True))
    green = []
    for at, line in enumerate(head):
        if line.strip() and not line.startswith("#"):
            declines = [id for id, entry in entries().items() if line.partition(" ")[0] in entry.needs]
            for what in _changed(line):
                text = "".join([*head[:at], what, *head[at + 1 :]])
                if not red(text, loop, declines):
                    green.append(f"{line!r} as {what!r}")
    names = [_named(head, block) for block in blocks]
    for number, block in enumerate(blocks):
        beside = [other for one, other in enumerate(blocks) if one != number and names[one] & names[number]]
        rest = [line for other in beside for line in other]
        assert red("".join([*head, *rest, *block]), loop, names[number]) == []
        for at, line in enumerate(block):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            # What an id is replaced by may be wrong about that, too.
            ids = {id for id in re.findall(r'"([^"]+::[^"]+)"', line) if id in entries()} or names[number]
            for what in _changed(line):
                if not what and line.startswith("match") and "sometimes = true\n" in block:
                    continue  # without it, what fails by chance may do so in any way
                text = "".join([*head, *rest, *block[:at], what, *block[at + 1 :]])
                if not _does_nothing(line, what, loop, ids) and not red(text, loop, {*ids, PASSING}):
                    green.append(f"{block[1].strip()}: {line!r} as {what!r}")
    assert green == []


def _blocks(lines: list[str]) -> list[list[str]]:
    """The head of a file and each of its entries, with what stands before the next."""
    starts = [at for at, line in enumerate(lines) if line.strip() == "[[known]]"]
    return [lines[begin:end] for begin, end in zip([0, *starts], [*starts, len(lines)], strict=True)]


def _named(head: list[str], block: list[str]) -> set[str]:
    """The checks that an entry is about."""
    return {id for one in known.parse("".join([*head, *block])).known for id in one.named_of(entries())}


def _changed(line: str) -> Iterator[str]:
    """What a line may become: nothing, or something that is not so."""
    key, equals, value = line.partition(" = ")
    if key not in NARROWER:
        yield ""
    if not equals:
        yield f'    "{PASSING}",\n' if line.startswith(" ") else "[[other]]\n"
    elif value.strip() != "[":
        yield from (f"{key} = {other}\n" for other in UNTRUE.get(key, ('""',)) if other != value.strip())


def _does_nothing(line: str, what: str, loop: str, ids: Iterable[str]) -> bool:
    """Whether an edited line says the same of these checks on the Pythons that were observed, in other words."""
    if not what or not line.startswith("python = "):
        return False
    before, after = (known.Known("", "", "", python=text.split('"')[1]) for text in (line, what))
    seen = observed(loop)
    return all(
        before.applies(seen.here(python)) == after.applies(seen.here(python))
        for python in seen.header["pythons"]
        if any(entries()[id].applies(python) for id in ids)
    )


def record(loop: str, reports: Iterable[Path]) -> str:
    """What some reports observed, as it is kept."""
    factory = known.read(FOLDER / f"{loop}.toml").factory
    runs = [run for report in reports for run in read_all(report)]
    ways: dict[str, dict[str, set[str]]] = {}
    for run in runs:
        python = run.header["environment"]["python"]
        for seen in run.checks.values():
            outcome = seen.get("was", seen["outcome"])
            if seen["subject"] == factory and outcome in ("passed", *known.KNOWN_OUTCOMES):
                way = {"check": seen["check"], "outcome": outcome}
                if outcome != "passed" and known.kind(seen | {"outcome": outcome}):
                    way |= {"error": seen["error"]} if "error" in seen else {"left_behind": ["something"]}
                    way["message"] = seen["message"].partition("\n")[0][:LONGEST]
                elif outcome == "failed" and REFUSED in known.words(seen):
                    way["message"] = REFUSED
                ways.setdefault(seen["check"], {}).setdefault(json.dumps(way), set()).add(python)
                if seen.get("alone") == "passed":
                    way = {"check": seen["check"], "outcome": "passed"}
                    ways[seen["check"]].setdefault(json.dumps(way), set()).add(python)
    header = {
        "subject": factory,
        "version": runs[0].subjects[factory]["version"],
        "day": max(run.header["started"] for run in runs)[:10],
        "pythons": sorted({run.header["environment"]["python"] for run in runs}, key=known.Version),
    }
    lines = [json.dumps(header)]
    for id in entries():
        found = ways.get(id, {})
        if any('"passed"' not in way for way in found):
            lines += (json.dumps(json.loads(way) | {"pythons": sorted(on)}) for way, on in sorted(found.items()))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    name, *paths = sys.argv[1:]
    (FOLDER / f"{name}.jsonl").write_text(record(name, map(Path, paths)))
