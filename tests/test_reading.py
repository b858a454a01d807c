"""Reading reports back: what is wrong with one is named, never taken for a result."""

from __future__ import annotations

import json
import lzma
import os
import random
from pathlib import Path
from typing import Any

import pytest

from loopcheck.check import Entry
from loopcheck.report import reading, records

FOOTER: dict[str, Any] = {"record": "footer", "ended": "2026-11-28T09:30:00Z", "complete": True}
IDS = ("invented::a", "invented::b[debug]")


def lines() -> list[dict[str, Any]]:
    """The records of a good report."""
    head = records.header(IDS, [{"factory": "a:B", "distribution": "a", "version": "1"}], loopcheck="1", level="should")
    checks = [
        records.check_record(
            id, Entry("gh-1", "must", area="invented", name="a", sentence="It."), "a:B", {"outcome": "passed"}
        )
        for id in IDS
    ]
    return [head, *checks, FOOTER | {"planned": 2, "counts": {"passed": 2}}]


def written(folder: Path, records: list[Any]) -> Path:
    path = folder / "report.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    run = reading.read(written(tmp_path, lines()))

    assert (list(run.checks), run.complete, list(run.subjects)) == (list(IDS), True, ["a:B"])


def test_records_are_in_the_order_of_the_plan(tmp_path: Path) -> None:
    head, one, other, footer = lines()

    assert list(reading.read(written(tmp_path, [head, other, one, footer])).checks) == list(IDS)


def test_without_a_footer_it_is_incomplete(tmp_path: Path) -> None:
    run = reading.read(written(tmp_path, lines()[:2]))

    assert (list(run.checks), run.complete) == ([IDS[0]], False)


def test_a_run_that_says_so_is_incomplete(tmp_path: Path) -> None:
    head, one, other, footer = lines()
    other["outcome"] = "not-run"
    footer |= {"complete": False, "counts": {"passed": 1, "not-run": 1}}

    assert reading.read(written(tmp_path, [head, one, other, footer])).complete is False


def test_several_runs_are_read_from_a_merged_file(tmp_path: Path) -> None:
    path = written(tmp_path, [{"record": "merge", "format": 1, "runs": 2}, *lines(), *lines()])

    assert [run.complete for run in reading.read_all(path)] == [True, True]
    with pytest.raises(reading.ReportError, match="it holds 2 runs"):
        reading.read(path)


def test_keys_of_a_newer_loopcheck_are_ignored(tmp_path: Path) -> None:
    head, one, other, footer = lines()

    assert reading.read(written(tmp_path, [head, one | {"mood": [1]}, other, footer])).complete


def test_a_last_line_that_was_cut_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, lines())
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(reading.ReportError, match=r"report\.jsonl:4: it is no JSON"):
        reading.read(path)


HEAD, ONE, OTHER, END = lines()
MERGE = {"record": "merge", "format": 1, "runs": 2}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "it is empty; a report begins with a header"),
        ([[]], ":1: expected an object, found list"),
        ([{"record": "song"}], ":1: a record of kind 'song'; there are merge, header, check, footer"),
        ([{"record": ["header"]}], ":1: a record of kind ['header']"),
        ([ONE], ":1: the first record is no header"),
        ([HEAD, HEAD], ":2: a second header"),
        ([HEAD | {"format": 99}], ":1: format 99; this loopcheck reads format 1"),
        ([HEAD | {"format": True}], ":1: header: 'format' is True, expected an integer"),
        ([HEAD, ONE, ONE], ":3: a second record of 'invented::a'"),
        ([HEAD, ONE | {"outcome": "fine"}], ":2: check: 'outcome' is 'fine'; there are passed"),
        ([HEAD, ONE | {"level": "some"}], ":2: check: 'level' is 'some'; there are must"),
        ([HEAD, ONE | {"id": 1}], ":2: check: 'id' is 1, expected a string"),
        ([HEAD, {key: ONE[key] for key in ONE if key != "area"}], ":2: check: 'area' is missing"),
        ([HEAD, ONE | {"message": 1}], ":2: check: 'message' is 1, expected a string"),
        ([HEAD, ONE | {"outcome": ["passed"]}], ":2: check: 'outcome' is ['passed']; there are"),
        ([HEAD, ONE | {"traceback": [{"file": "a"}]}], ":2: check: 'traceback'[0].'line' is missing"),
        ([HEAD, ONE | {"seconds": float("nan")}], ":2: check: 'seconds' is nan, expected 0 to 1000000"),
        ([HEAD, ONE | {"seconds": float("inf")}], ":2: check: 'seconds' is inf, expected 0 to 1000000"),
        ([HEAD | {"plan": ["a", "a"]}], "'a' is in the plan twice"),
        ([HEAD | {"subjects": []}], "the subjects are []; there must be one"),
        ([HEAD, ONE | {"subject": "c:D"}], ":2: 'c:D' is none of the subjects in the header"),
        ([HEAD, MERGE], ":2: a merge record can only be the first"),
        ([MERGE, HEAD, ONE, OTHER, END], "it says that it holds 2 runs, and 1 are whole; it was cut"),
        ([MERGE, HEAD, ONE, HEAD, ONE, OTHER, END], ":4: a second header"),
        ([MERGE], "it says that it holds 2 runs, and 0 are whole"),
        ([HEAD, ONE | {"id": "invented::c"}], ":2: 'invented::c' has a record, and is not in the plan"),
        ([HEAD, ONE, END], "'invented::b[debug]' was planned, and has no record although there is a footer"),
        ([HEAD, ONE, OTHER, END, ONE], ":5: a record behind the footer"),
        ([HEAD, ONE, OTHER, END | {"counts": {"passed": 3}}], "the footer counts 2 planned, {'passed': 3}; "),
        ([HEAD, ONE, OTHER, END | {"complete": False}], "the footer says complete=False, the records say otherwise"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: list[Any], says: str) -> None:
    with pytest.raises(reading.ReportError) as caught:
        reading.read(written(tmp_path, content))

    assert says in str(caught.value)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(reading.ReportError, match="cannot read it"):
            reading.read(path)


def test_padding_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2**30)  # a hole: a gigabyte of zeros in one line

    with pytest.raises(reading.ReportError, match="a line of more than"):
        reading.read(path)


def test_lines_without_end_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_LARGEST", 100_000)
    head, one, *_ = lines()
    path = written(tmp_path, [head, *(one | {"id": id, "printed": "x" * 60_000} for id in IDS)])

    with pytest.raises(reading.ReportError, match=":3: more than 100000 bytes"):
        reading.read(path)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_was_spoilt_is_read_or_named(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = written(tmp_path, lines())
    good = path.read_bytes()
    for _ in range(200):
        spoilt = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(spoilt))
            match chance.randrange(3):
                case 0:
                    spoilt[at] = chance.randrange(256)
                case 1:
                    del spoilt[at:]
                case 2:
                    spoilt[at:at] = spoilt[at - 50 : at]
        path.write_bytes(spoilt)
        try:
            reading.read_all(path)
        except reading.ReportError as error:
            assert str(error).startswith(str(path))


def test_nesting_without_end_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    path.write_text("[" * 1_000_000)

    with pytest.raises(reading.ReportError, match="it is no JSON"):
        reading.read(path)


def test_what_xz_has_packed_is_read(tmp_path: Path) -> None:
    packed = tmp_path / "report.jsonl.xz"
    content = written(tmp_path, lines()).read_bytes()
    packed.write_bytes(lzma.compress(content))

    assert list(reading.read(packed).checks) == list(IDS)
    good = lzma.compress(content)
    for spoilt in good[:-20], b"", content, good + good, good + b"more":
        packed.write_bytes(spoilt)
        with pytest.raises(reading.ReportError, match="it cannot be unpacked"):
            reading.read(packed)


def test_what_grows_without_end_when_it_is_unpacked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_LARGEST", 100_000)
    packed = tmp_path / "report.jsonl.xz"
    packed.write_bytes(lzma.compress(json.dumps(lines()[0]).encode() + b"\n" + b" " * 10_000_000))

    with pytest.raises(reading.ReportError, match=":2: more than 100000 bytes"):
        reading.read(packed)
