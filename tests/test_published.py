"""What is published in docs/reports, and the command that makes it."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from reports import check, run, subject, written
from support import ROOT

from loopcheck.check import catalogue_digest
from loopcheck.report import reading

FOLDER = ROOT / "docs" / "reports"


@pytest.fixture(scope="module")
def make() -> Any:
    """The command."""
    spec = importlib.util.spec_from_file_location("make", FOLDER / "make.py")
    assert spec is not None and spec.loader is not None
    path = list(sys.path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def of(factory: str, python: str, outcome: str = "passed", **more: Any) -> reading.Run:
    """A run of one check."""
    return run(check("a::x", outcome, subject=factory, **more), subjects=[subject(factory)], python=python)


def test_all_that_leads_to_a_file_leads_to_one() -> None:
    text = (FOLDER / "README.md").read_text()
    named = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)

    assert [name for name in named if not (FOLDER / name).exists()] == []
    assert [path.name for path in FOLDER.glob("*.html") if path.name not in named] == []


def test_pages_are_small_and_tell_no_paths_of_a_machine() -> None:
    for path in FOLDER.glob("*.html"):
        text = path.read_text()

        assert len(text.encode()) < 2_000_000, path
        # A loop in Rust says in its panics where it was built, which its wheel tells everybody.
        assert re.findall(r"/(?:root|home|work|Users)/(?!runner/\.cargo/)\S*", text) == [], path


def test_published_reports_are_whole() -> None:
    for path in FOLDER.glob("baseline.jsonl.xz"):
        assert [one.complete for one in reading.read_all(path)] == [True] * 5


def test_reports_become_a_page_for_each_loop_and_one_for_all(make: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    source.mkdir()
    target.mkdir()
    known = {"was": "failed", "declared": {"place": "loops.toml:1", "reason": "libuv | does so"}}
    written(source / "a.jsonl", of("asyncio:SelectorEventLoop", "3.13.0"))
    written(source / "b.jsonl", of("uvloop:new_event_loop", "3.13.0", "known", **known))
    written(source / "c.jsonl", of("uvloop:new_event_loop", "3.9.0", "failed"))
    make.render(source, target)
    text = (target / "README.md").read_text()

    assert {path.name for path in target.iterdir()} == {
        *("README.md", "comparison.html"),
        *(f"{name}.{kind}" for name in ("asyncio", "uvloop") for kind in ("html", "svg", "jsonl.xz")),
    }
    merged = reading.read_all(target / "uvloop.jsonl.xz")
    assert [one.header["environment"]["python"] for one in merged] == ["3.9.0", "3.13.0"]
    # Of uvloop's runs the one on the Python that asyncio was run on, too.
    assert "3.9.0" not in (target / "comparison.html").read_text()
    assert "| [uvloop](uvloop.html) | 3.13.0 |  |  | 1 | " in text
    assert "- 1 check: libuv &#124; does so" in text


def test_only_whole_reports_of_this_battery_are_kept(make: Any, tmp_path: Path) -> None:
    good = run(check("a::x"), catalogue=catalogue_digest())

    assert make.is_done(written(tmp_path / "good.jsonl", good))
    assert not make.is_done(written(tmp_path / "old.jsonl", run(check("a::x"), catalogue="0" * 64)))
    assert not make.is_done(written(tmp_path / "cut.jsonl", run(check("a::x"), footer=False)))
    assert not make.is_done(tmp_path / "nothing.jsonl")
