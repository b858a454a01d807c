"""Putting reports together, and refusing what does not belong together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from reports import check, run, subject, written

from loopcheck.cli import main
from loopcheck.report import reading
from loopcheck.report.merging import MergeError, content, merge
from loopcheck.report.schema import schema


def test_parts_of_a_run_become_that_run(tmp_path: Path) -> None:
    one = run(check("a::x"), started="2026-11-28T09:10:00Z")
    other = run(check("b::y", "failed"), check("b::z", "not-run"), started="2026-11-28T09:00:00Z")
    (joined,) = merge([one, other])
    path = tmp_path / "report.jsonl"
    path.write_bytes(content([joined]))
    read = reading.read(path)

    assert list(read.checks) == ["a::x", "b::y", "b::z"]
    assert (read.complete, read.why_incomplete) == (False, "interrupted")
    assert (read.header["started"], read.header["plan"]) == ("2026-11-28T09:00:00Z", ["a::x", "b::y", "b::z"])


def test_other_places_stand_side_by_side(tmp_path: Path) -> None:
    runs = [run(check("a::x"), python=python) for python in ("3.12.1", "3.13.0")]
    path = tmp_path / "report.jsonl"
    path.write_bytes(content(merge([*runs, run(check("b::y"), python="3.12.1")])))
    read = reading.read_all(path)

    assert [list(one.checks) for one in read] == [["a::x", "b::y"], ["a::x"]]
    assert [list(one.checks) for one in merge(read)] == [["a::x", "b::y"], ["a::x"]]
    for record in reading._lines(path):
        jsonschema.validate(record[1], schema())


def test_other_subjects_stand_side_by_side() -> None:
    runs = [run(check("a::x", subject=name), subjects=[subject(name)]) for name in ("a:B", "c:D")]

    assert len(merge(runs)) == 2


def test_the_loop_of_each_python_is_one_subject() -> None:
    runs = [
        run(check("a::x"), python=python, subjects=[subject(distribution="CPython", version=python)])
        for python in ("3.12.1", "3.13.0")
    ]

    assert len(merge(runs)) == 2


def test_what_differs_in_one_place_is_told() -> None:
    parts = [run(check(f"a::{name}")) for name in "xy"]
    parts[1].header["environment"]["release"] = "7.0"
    (joined,) = merge(parts)

    assert re.fullmatch(r".* and 7\.0", joined.header["environment"]["release"])


ONE = run(check("a::x"), path="one")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (run(check("a::x"), path="two"), "one and two both have a record of 'a::x' on CPython 3.13.0"),
        (run(check("b::y"), path="two", loopcheck="2.0"), "the version of loopcheck is '1.0' in the one, '2.0'"),
        (run(check("b::y"), path="two", catalogue="0"), "the battery of the same loopcheck is"),
        (run(check("b::y"), path="two", subjects=[subject(version="2.0")]), "a:B is a 1.0 in the one, a 2.0 in the"),
        (
            run(check("b::y"), path="two", subjects=[subject(version="2.0")], python="3.12.1"),
            "a:B is a 1.0 in the one, a 2.0 in the other",
        ),
        (run(check("b::y"), path="two", subjects=[subject(digest="9")]), "the files of a:B are not the same"),
        (run(check("b::y"), path="two", level="may"), "their level is not the same"),
        (run(check("b::y"), path="two", footer=False), "two: the report has no footer: the run was killed"),
    ],
)
def test_what_does_not_belong_together_is_refused(other: Any, says: str) -> None:
    with pytest.raises(MergeError, match=says):
        merge([ONE, other])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (
        str(written(tmp_path / f"{python}.jsonl", run(check("a::x"), python=python, path=python)))
        for python in ("3.12.1", "3.13.0")
    )
    merged = str(tmp_path / "merged.jsonl")

    assert main(["merge", one, two, "-o", merged]) == 0
    assert "1 check of a:B (a 1.0) on CPython 3.12.1" in capsys.readouterr().out
    assert main(["render", merged, "--to", "markdown"]) == 0
    assert main(["merge", one, one, "-o", merged]) == 4
    assert len(reading.read_all(Path(merged))) == 2
