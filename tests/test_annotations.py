"""Annotations for GitHub: the first failures, with everything in them that means something escaped."""

from __future__ import annotations

from typing import Any

from support import FIXTURES, PytestRunner

from loopcheck.report.annotations import MOST, marks


def failed(id: str = "a::b", **more: Any) -> dict[str, Any]:
    return {"id": id, "outcome": "failed", "level": "must", "sentence": "It holds.", "message": "it is 2"} | more


def test_a_failure_has_its_id_and_what_it_says() -> None:
    records = [failed(), failed("a::nice", level="may"), failed("a::fine", outcome="passed")]

    assert marks(records, "should") == ["::error title=a%3A%3Ab%3A failed::It holds.%0Ait is 2"]


def test_a_stale_declaration_is_marked_at_its_line() -> None:
    stale = failed(outcome="fixed", message="it passes", declared={"place": "loopcheck.toml:12", "reason": "x"})

    assert marks([stale], "must") == [
        "::error file=loopcheck.toml,line=12,title=a%3A%3Ab%3A fixed::It holds.%0Ait passes"
    ]


def test_hostile_words_stay_in_their_line() -> None:
    (line,) = marks([failed("a::b[x,y]", message="100%\r\n::set-output\x1b[31m\ud800" + "x" * 9000)], "must")

    assert line.startswith("::error title=a%3A%3Ab[x%2Cy]%3A failed::It holds.%0A100%25")
    assert line.isprintable()
    assert len(line) < 700


def test_there_are_ten_at_the_most() -> None:
    assert len(marks([failed(f"a::b{number}") for number in range(99)], "must")) == MOST


def test_a_job_of_github_gets_them_and_a_pipe_no_colours(run_pytest: PytestRunner) -> None:
    arguments = ("--loop-factory=runs_cancelled_callbacks:Loop", "scheduling::handle_cancel_prevents_run")
    path = {"PYTHONPATH": str(FIXTURES / "loops"), "PY_COLORS": ""}
    job = run_pytest(*arguments, "-n", "1", env=path | {"GITHUB_ACTIONS": "true"})
    colourful = run_pytest(*arguments, "--color=yes", env=path)
    plain = run_pytest(*arguments, "--color=no", env=path | {"FORCE_COLOR": "1"})

    title = "scheduling%3A%3Ahandle_cancel_prevents_run%3A failed"
    assert job.output.count(f"\n::error title={title}::A callback") == 1
    assert ["\x1b" in run.output for run in (job, colourful, plain)] == [False, True, False]
    assert "::error" not in colourful.output
