"""Generated programs on the subject and on the control: the language, traces, findings and the option."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from support import FIXTURES, environment

from loopcheck.compare import standalone, strategy, tracer
from loopcheck.compare.arena import Arena, Difference
from loopcheck.compare.findings import Finding, card, kind_of, merged
from loopcheck.compare.language import VALUES, WORDS, Program, Step
from loopcheck.compare.reducing import reductions, renumbered, size, spoken_of
from loopcheck.compare.search import Search
from loopcheck.compare.strategy import programs, written
from loopcheck.compare.word import PLACES
from loopcheck.runner.run import Options

sys.path.append(str(FIXTURES / "loops"))

quick = hypothesis.settings(
    max_examples=150, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@quick
@hypothesis.given(programs())
def test_programs_are_whole_and_can_be_kept(program: Program) -> None:
    assert Program.from_json(program.to_json()) == program
    made: list[str] = []
    for step in program:
        word = WORDS[step.word]
        assert bool(step.me) == bool(word.makes)
        assert step.body == () or word.body
        made += [step.me] if step.me else []
        compile(step.code or "None", "<step>", "eval")
        assert all(spoken_of(hole) <= set(made) for hole in step.holes)
    assert len(made) == len(set(made))


@quick
@hypothesis.given(st.binary())
def test_any_bytes_are_a_program(data: bytes) -> None:
    assert isinstance(written(data), Program)


@hypothesis.settings(quick, max_examples=30)
@hypothesis.given(programs())
def test_what_is_smaller_is_whole_and_smaller(program: Program) -> None:
    for one in reductions(program):
        made = {step.me for step in one}
        assert all(spoken_of(hole) <= made for step in one for hole in step.holes)
        assert size(one) != size(program)
        assert len(list(one)) <= len(list(program))
    numbers = [int(step.me[1:]) for step in renumbered(program) if step.me]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_words_are_sound() -> None:
    for word in WORDS.values():
        assert word.where and set(word.where) <= set(PLACES), word.name
        assert word.body in ("", "block", *PLACES), word.name
        assert len(set(re.findall(r"{\d}", word.code))) == len(word.holes) or word.form == "try", word.name


@hypothesis.settings(quick, max_examples=200)
@hypothesis.given(programs())
def test_the_control_is_like_itself(program: Program) -> None:
    observed, expected = tracer.both_sides(program, asyncio.SelectorEventLoop)
    assert observed == expected


@pytest.fixture(scope="module")
def arenas() -> Iterator[dict[str, Arena]]:
    """Arenas by subject, made when they are asked for."""

    class Made(dict[str, Arena]):
        def __missing__(self, subject: str) -> Arena:
            self[subject] = Arena(subject, Options(limit=10, path=(str(FIXTURES / "loops"),)))
            return self[subject]

    made = Made()
    yield made
    for arena in made.values():
        arena.close()


def test_the_control_is_no_finding(arenas: dict[str, Arena]) -> None:
    harvest = Search(arenas["asyncio:SelectorEventLoop"], 0).slice(1)
    assert (harvest.tried, harvest.findings) == (100, [])


def test_a_flaw_is_found_and_made_small(arenas: dict[str, Arena], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standalone, "_SECONDS", 1.0)  # scripts may be longer than they have to
    found = Search(arenas["runs_cancelled_callbacks:Loop"], 0)
    findings = [finding for number in (1, 2) for finding in found.slice(number).findings]
    assert findings
    smallest = min((finding.difference.program for finding in findings), key=lambda one: len(list(one)))
    assert len(list(smallest)) <= 3
    arena = found.arena
    scripts = [finding.script for finding in standalone.with_scripts(findings, arena.subject, arena.path)]
    scripts = [script for script in scripts if script]
    assert scripts and not any("loopcheck" in script or "pytest" in script for script in scripts)
    assert min(sum(map(bool, script.splitlines())) for script in scripts) <= 40


STEP = Step("call_soon", "h1")
"""One callback."""


@pytest.mark.parametrize("end", ["hangs", "SIG"])
def test_a_hang_and_a_crash_are_differences(tmp_path: Path, end: str) -> None:
    body = {"hangs": "while True: pass", "SIG": "import os; os.abort()"}[end]
    (tmp_path / "wild.py").write_text(
        "import asyncio\nclass Loop(asyncio.SelectorEventLoop):\n"
        f"    def call_soon_threadsafe(self, *a, **k):\n        {body}\n"
    )
    arena = Arena("wild:Loop", Options(limit=2, path=(str(tmp_path),)))
    harmless, harmful = Program((STEP,)), Program((Step("call_soon_threadsafe", "h1"), STEP))
    try:
        found = arena.differences([harmless, harmful, harmless])
    finally:
        arena.close()
    assert [one.program for one in found] == [harmful]
    assert end in found[0].observed[0][2] + found[0].observed[0][1]


def test_findings_of_a_kind_are_one() -> None:
    def difference(name: str, *more: Step) -> Difference:
        event = [f"c{name}", "runs", "", "no task, var None"]
        return Difference(Program((STEP, *more)), [], [event])

    one, other = difference("1"), difference("2", STEP)
    assert kind_of(one) == kind_of(other) == "expected that a callback runs, observed that nothing more happens"
    (found,) = merged([Finding(kind_of(other), other, 2, True), Finding(kind_of(one), one, 1, True)])
    assert (found.number, found.difference) == (3, one)
    assert "h1 = loop.call_soon(c1)" in "\n".join(card(found))
    assert Finding.from_json(found.to_json()) == found
    empty = Difference(Program(()), [["python", "warns of", "ResourceWarning", ""]], [])
    assert len(merged([Finding(kind_of(empty), empty, 3, True), found])) == 2  # which says nothing about others


def test_how_a_run_ends_is_one_kind() -> None:
    def kind(observed: list[str], expected: list[str]) -> str:
        return kind_of(Difference(Program(()), [observed], [expected]))

    ends = ["main", "loop.run_until_complete(t3)", "'t1'", ""]
    assert kind(["t1", "begins", "", ""], ends) == kind(["c2", "runs", "", ""], ends)
    assert kind(["t1", "begins", "", ""], ends) == "expected that the run ends, observed that it goes on"
    exits = ["main", "the last run", "raises SystemExit('v')", ""]
    assert (
        kind(["c1", "runs", "", ""], exits) == "expected that the run raises SystemExit('v'), observed that it goes on"
    )


def test_values_are_python() -> None:
    for kind, values in VALUES.items():
        for value in values:
            assert compile(value, kind, "eval")


def pytest_on(subject: str, *arguments: str, folder: Path) -> tuple[int, str]:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--loop-factory={subject}", *arguments],
        cwd=folder,
        env=environment(FIXTURES / "loops"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_option_shows_and_remembers_what_it_found(tmp_path: Path) -> None:
    status, output = pytest_on("runs_cancelled_callbacks:Loop", "--loop-fuzz=10", folder=tmp_path)
    assert status == 1
    assert "10 programs, --loop-fuzz-seed=0:" in output
    assert "loop." in output and "observed" in output
    status, output = pytest_on("runs_cancelled_callbacks:Loop", "--loop-fuzz=1", "-v", folder=tmp_path)
    assert status == 1
    assert "programs::remembered FAILED" in output


def test_the_option_wants_a_loop_and_nothing_else(tmp_path: Path) -> None:
    status, output = pytest_on("asyncio:SelectorEventLoop", "--loop-fuzz=x", folder=tmp_path)
    assert status == 4
    assert "whole number" in output
    status, output = pytest_on("asyncio:SelectorEventLoop", "--loop-fuzz=5", "--loop-canaries", folder=tmp_path)
    assert status == 4
    assert "leave --loop-canaries away" in output


def test_themes_are_words() -> None:
    unknown = {word for theme in strategy._THEMES for word in theme} - WORDS.keys()
    assert unknown <= {"eager_task", "eager_tasks", "same_context", "task_context"}  # which older Pythons do not have
