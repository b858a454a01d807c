"""What the author of a loop declares: the file, and what becomes of outcomes in its light."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest
from support import PytestRunner

from loopcheck import known
from loopcheck.check import Entry
from loopcheck.report.privacy import here as discretion

HERE = known.Surroundings("3.13.1", "linux", "1.2", lambda need: need != "ipv6", datetime.date(2026, 6, 1))

HEAD = '[subject]\nfactory = "a:B"\n'


def entry(name: str = "it_works", **more: Any) -> Entry:
    return Entry("gh-1", "must", area="invented", name=name, sentence="It works.", **more)


def written(folder: Path, text: str, name: str = "loopcheck.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def one(folder: Path, *lines: str, id: str = "invented::it_works") -> known.Declaration:
    """A declaration with one known failure."""
    text = "\n".join((HEAD, "[[known]]", f'id = "{id}"', 'outcome = "failed"', 'reason = "so it is"', *lines))
    return known.read(written(folder, text))


def seen(outcome: str, **more: Any) -> dict[str, Any]:
    return {"outcome": outcome, "seconds": 0.0} | more


def outcome(declaration: known.Declaration, observed: dict[str, Any], here: known.Surroundings = HERE) -> str:
    return str(declaration.judge(entry(), observed, here)["outcome"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[subject", "loopcheck.toml: it is no TOML: "),
        ("", "loopcheck.toml:1: [subject] factory is missing; write one"),
        ('[subject]\nfactory = "a"\n', "loopcheck.toml:2: factory is 'a'; the form is MODULE:NAME, such as 'pkg:Loop'"),
        (HEAD + "colour = 1\n", "loopcheck.toml:3: [subject] 'colour': there is no such key; there are factory"),
        (HEAD + "[[knwon]]\n", "loopcheck.toml:3: 'knwon': there is no such key (did you mean 'known'?); "),
        (HEAD + "[declined]\nspeed = 'no'\n", "loopcheck.toml:4: [declined] speed: a loop can decline only "),
        (
            HEAD + "[declined]\nunix-connections = ' '\n",
            "loopcheck.toml:4: [declined] unix-connections says nothing; write one",
        ),
        (HEAD + "[known]\nid = 'a::b'\n", "loopcheck.toml:3: known failures are tables: write [[known]]"),
        (HEAD + "[[known]]\nid = 'a::b'\n", "loopcheck.toml:3: [[known]] outcome is missing; write one"),
        (HEAD + "[[known]]\nid = 'a::b'\noutcome = 'failed'\n", "loopcheck.toml:3: [[known]] reason is missing"),
        (
            HEAD + "[[known]]\nid = 'a::b'\noutcome = 'failed'\nreason = ''\n",
            "loopcheck.toml:6: [[known]] reason says nothing; write one",
        ),
        (
            HEAD + "[[known]]\nid = 'a::b'\noutcome = 'sad'\nreason = 'x'\n",
            "loopcheck.toml:5: outcome is 'sad'; one of failed, hang, crash, exited",
        ),
        (
            HEAD + "[[known]]\nid = 'b'\noutcome = 'failed'\nreason = 'x'\n",
            "loopcheck.toml:4: id is 'b'; the form is AREA::NAME",
        ),
        (
            HEAD + "[[known]]\nid = []\noutcome = 'failed'\nreason = 'x'\n",
            "loopcheck.toml:4: [[known]] id is an empty list; write an id, or delete the entry",
        ),
        (
            HEAD + "[[known]]\nid = ['a::b', 1]\noutcome = 'failed'\nreason = 'x'\n",
            "loopcheck.toml:4: [[known]] id has 1 in its list; write texts, in quotes",
        ),
        (
            HEAD + "[[known]]\nid = [\n'a::b',\n'a::b']\noutcome = 'failed'\nreason = 'x'\n",
            "loopcheck.toml:5: 'a::b' stands in line 5 already, under the same conditions",
        ),
        (
            HEAD + "[[known]]\nid = 'a::b'\noutcome = 'failed'\nreason = 'x'\npython = '3'\n",
            "loopcheck.toml:7: python is '3'; versions are given as in",
        ),
        (
            HEAD + "[[known]]\nid = 'a::b'\noutcome = 'failed'\nreason = 'x'\nexpires = 'soon'\n",
            "loopcheck.toml:7: expires is 'soon'; a day, as '2027-03-01', or a version of the subject",
        ),
        (
            HEAD + "[[known]]\nid = 'a::b'\noutcome = 'failed'\nreason = 'x'\nneeds = ['gold']\n",
            "loopcheck.toml:7: needs is ['gold']; a list of names, of ",
        ),
        (
            HEAD + "[[known]]\nid = 'a::b'\noutcome = 'failed'\nreason = 'x'\n" * 2,
            "loopcheck.toml:7: 'a::b' stands in line 3 already, under the same conditions",
        ),
        (
            HEAD + "[[known]]\nid = 'a::b'\noutcome = 'failed'\nreason = 'x'\nmatch = 1\n",
            "loopcheck.toml:7: [[known]] match is 1; write a text, in quotes",
        ),
    ],
)
def test_a_wrong_file_is_named_with_its_line_and_what_to_do(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(known.DeclarationError) as caught:
        known.read(written(tmp_path, text))

    assert str(caught.value).startswith(says)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(known.DeclarationError, match=r"^loopcheck\.toml: cannot read it: No such file"):
        known.read(tmp_path / "loopcheck.toml")


def test_pyproject_holds_the_same(tmp_path: Path) -> None:
    text = "[tool.loopcheck.subject]\nfactory = 'a:B'\n[[tool.loopcheck.known]]\nid = 'a::b'\noutcome = 'bad'\n"
    path = written(tmp_path, text + "reason = 'x'", "pyproject.toml")

    assert known.find(tmp_path) == path
    with pytest.raises(known.DeclarationError, match=r"^pyproject\.toml:5: outcome is 'bad'"):
        known.read(path)


def test_a_pyproject_of_others_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path, "[tool.other]\nx = 1\n", "pyproject.toml")

    assert known.find(tmp_path) is None


def test_a_declared_failure_is_known(tmp_path: Path) -> None:
    judged = one(tmp_path, 'issue = "https://example.org/1"').judge(entry(), seen("failed", message="x"), HERE)

    assert judged == {
        "outcome": "known",
        "was": "failed",
        "seconds": 0.0,
        "message": "x",
        "declared": {"place": "loopcheck.toml:4", "reason": "so it is", "issue": "https://example.org/1"},
    }


def test_what_is_not_declared_stays(tmp_path: Path) -> None:
    declaration = one(tmp_path, id="invented::another")

    assert [outcome(declaration, seen(word)) for word in ("failed", "hang", "passed")] == ["failed", "hang", "passed"]


def test_a_declared_failure_that_passes_is_fixed(tmp_path: Path) -> None:
    judged = one(tmp_path).judge(entry(), seen("passed"), HERE)

    assert (judged["outcome"], judged["message"]) == ("fixed", "it passes: delete the entry in loopcheck.toml:4")


def test_each_id_of_a_list_is_known_by_its_own_line(tmp_path: Path) -> None:
    text = HEAD + '[[known]]\nid = [\n  "invented::another",\n  "invented::it_works",\n]\noutcome = "failed"\n'
    declaration = known.read(written(tmp_path, text + 'reason = "so it is"'))
    judged = declaration.judge(entry(), seen("failed"), HERE)

    assert judged["declared"] == {"place": "loopcheck.toml:6", "reason": "so it is"}
    assert declaration.judge(entry(), seen("passed"), HERE)["message"] == (
        "it passes: take it out of the list in loopcheck.toml:6"
    )


def test_another_outcome_or_another_message_is_changed(tmp_path: Path) -> None:
    declaration = one(tmp_path, 'match = "called 2 times"')

    assert outcome(declaration, seen("failed", message="it was called 2 times")) == "known"
    assert outcome(declaration, seen("failed", message="it was called 3 times")) == "changed"
    assert outcome(declaration, seen("hang", message="it was called 2 times")) == "changed"


@pytest.mark.parametrize(
    ("how", "is_known"),
    [
        ({"error": "AssertionError", "message": "assert 1 == 2"}, True),
        ({"error": "AssertionError", "message": "assert 1 == 2", "left_behind": ["1 descriptor"]}, True),
        ({"error": "TypeError", "message": "TypeError: no"}, False),
        ({"left_behind": ["1 descriptor"], "message": "something was left behind"}, False),
    ],
)
def test_without_a_match_only_a_wrong_answer_is_known(tmp_path: Path, how: dict[str, Any], is_known: bool) -> None:
    failure = seen("failed", **how)

    assert outcome(one(tmp_path), failure) == ("known" if is_known else "changed")
    assert outcome(one(tmp_path, f"match = {known.kind(failure)!r}"), failure) == "known"


def test_the_words_of_a_report_match_too(tmp_path: Path) -> None:
    said = f"no file {os.path.expanduser('~/of.mine')!r}"
    declaration = one(tmp_path, f"match = {discretion().text(said)!r}")

    assert discretion().text(said) != said
    assert outcome(declaration, seen("failed", message=said)) == "known"


def test_what_says_nothing_of_the_loop_is_not_judged(tmp_path: Path) -> None:
    words = ("unavailable", "broken", "not-run")

    assert tuple(outcome(one(tmp_path), seen(word)) for word in words) == words


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('python = ">=3.12"', True),
        ('python = "<3.12"', False),
        ('platform = "linux"', True),
        ('platform = "darwin"', False),
        ('version = ">=1,<2"', True),
        ('version = "<1.2"', False),
        ('needs = ["unix-sockets"]', True),
        ('needs = ["ipv6"]', False),
    ],
)
def test_conditions_say_where_an_entry_counts(tmp_path: Path, condition: str, holds: bool) -> None:
    assert outcome(one(tmp_path, condition), seen("failed")) == ("known" if holds else "failed")


def test_what_fails_sometimes_may_pass_until_the_entry_expires(tmp_path: Path) -> None:
    until = one(tmp_path, "sometimes = true", "expires = 2026-06-02")
    after = known.Surroundings("3.13.1", today=datetime.date(2026, 6, 2))

    assert [outcome(until, seen(word)) for word in ("passed", "failed", "hang")] == ["passed", "known", "changed"]
    assert [outcome(until, seen(word), after) for word in ("passed", "failed")] == ["fixed", "failed"]


def test_what_fails_in_several_ways_has_an_entry_for_each(tmp_path: Path) -> None:
    each = "sometimes = true\nexpires = 2026-06-02\n"
    text = HEAD + "".join(
        f"[[known]]\nid = 'invented::it_works'\noutcome = '{outcome}'\nreason = 'chance'\n{more}"
        for outcome, more in (("failed", each), ("hang", each), ("failed", f"match = 'TypeError'\n{each}"))
    )
    declaration = known.read(written(tmp_path, text))
    declaration.validate([entry()], HERE)
    ways = [seen("failed"), seen("hang"), seen("failed", error="TypeError", message="TypeError"), seen("passed")]

    assert [outcome(declaration, one) for one in ways] == ["known", "known", "known", "passed"]
    assert outcome(declaration, seen("crash")) == "changed"
    certain = known.read(written(tmp_path, text.replace(each, "", 1)))
    with pytest.raises(known.DeclarationError, match="keep one of the two"):
        certain.validate([entry()], HERE)


def test_conditions_on_the_version_of_what_has_none_never_hold(tmp_path: Path) -> None:
    here = known.Surroundings("3.13.1", version=None)

    assert outcome(one(tmp_path, 'version = ">0"'), seen("failed"), here) == "failed"


@pytest.mark.parametrize("expires", ['"2026-06-01"', "2026-06-01", '"1.2"', '"1.0"'])
def test_what_has_expired_fails_and_says_so(tmp_path: Path, expires: str) -> None:
    judged = one(tmp_path, f"expires = {expires}").judge(entry(), seen("failed"), HERE)

    assert judged["outcome"] == "failed"
    assert judged["advice"].startswith("its entry in loopcheck.toml:4 expired with ")


@pytest.mark.parametrize("expires", ["2026-06-02", "1.3"])
def test_what_has_not_expired_counts(tmp_path: Path, expires: str) -> None:
    assert outcome(one(tmp_path, f'expires = "{expires}"'), seen("failed")) == "known"


def test_a_declined_need_must_raise_notimplementederror(tmp_path: Path) -> None:
    declaration = known.read(written(tmp_path, HEAD + '[declined]\nunix-connections = "one day"\n'))
    needy = entry(needs=("unix-connections",))
    outcomes = {
        word: declaration.judge(needy, observed, HERE)["outcome"]
        for word, observed in {
            "refused": seen("failed", message="NotImplementedError"),
            "failed": seen("failed", message="AssertionError"),
            "hang": seen("hang"),
            "passed": seen("passed"),
        }.items()
    }

    assert outcomes == {"refused": "declined", "failed": "changed", "hang": "changed", "passed": "fixed"}
    assert declaration.judge(entry(), seen("passed"), HERE)["outcome"] == "passed"


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("invented::it_work", "there is no check 'invented::it_work' (did you mean 'invented::it_works'?)"),
        ("invented::x*", "the pattern 'invented::x*' names no check; delete the entry"),
        ("invented::old", "'invented::old' is called 'invented::it_works' now; write that"),
        ("invented::unseen", "'invented::unseen' is in the catalogue as not tested; delete the entry"),
    ],
)
def test_entries_that_name_no_check_are_errors(tmp_path: Path, id: str, says: str) -> None:
    entries = [entry(formerly=("invented::old",)), entry("unseen", because="Nobody can.")]
    with pytest.raises(known.DeclarationError) as caught:
        one(tmp_path, id=id).validate(entries)

    assert str(caught.value) == f"loopcheck.toml:4: {says}"


def test_entries_of_areas_that_are_not_asked_for_are_not_looked_at(tmp_path: Path) -> None:
    one(tmp_path, id="elsewhere::it_works").validate([entry()])
    one(tmp_path, id="*::is_elsewhere").validate([entry()])


def test_two_entries_that_count_for_one_check_are_an_error(tmp_path: Path) -> None:
    more = '\n[[known]]\nid = "invented::*"\noutcome = "failed"\nreason = "all of it"\n'
    with pytest.raises(known.DeclarationError) as caught:
        one(tmp_path, more).validate([entry()], HERE)
    one(tmp_path, more + 'python = "<3.12"').validate([entry()], HERE)  # counts elsewhere

    assert str(caught.value) == (
        "loopcheck.toml:9: 'invented::*' names 'invented::it_works', as line 4 does; keep one of the two"
    )


def test_brackets_of_settings_mean_themselves(tmp_path: Path) -> None:
    declaration = one(tmp_path, id="invented::*[debug]")

    assert declaration.judge(entry(setting="debug"), seen("failed"), HERE)["outcome"] == "known"
    assert declaration.judge(entry("d"), seen("failed"), HERE)["outcome"] == "failed"


# a whole run


LIAR = "runs_cancelled_callbacks"
"""A loop of fixtures/loops that fails scheduling::cancel_before_run_prevents_run and others."""


def declared(folder: Path, *entries: str) -> Path:
    folder.mkdir(exist_ok=True)
    return written(folder, f'[subject]\nfactory = "{LIAR}:Loop"\n' + "\n".join(entries))


@pytest.fixture
def liar_run(tmp_path: Path, run_pytest: PytestRunner) -> Any:
    """Run a few checks over a liar, in a project that declares what is given."""

    def run(*entries: str, arguments: tuple[str, ...] = ()) -> Any:
        declared(tmp_path / "project", *entries)
        return run_pytest(f"--loop-factory={LIAR}:Loop", *CHECKS, *arguments)

    return run


CHECKS = ("scheduling::handle_cancel_prevents_run", "scheduling::call_soon_fifo_order")
KNOWN = f'[[known]]\nid = "{CHECKS[0]}"\noutcome = "failed"\nreason = "not yet"\n'


def test_the_gate_is_green_with_what_is_declared(liar_run: Any) -> None:
    undeclared, run = liar_run(), liar_run(KNOWN)

    assert (undeclared.status, undeclared.outcomes) == (1, {CHECKS[0]: "failed", CHECKS[1]: "passed"})
    assert (run.status, run.outcomes) == (0, {CHECKS[0]: "known", CHECKS[1]: "passed"})
    assert run.checks[CHECKS[0]]["declared"] == {"place": "loopcheck.toml:3", "reason": "not yet"}
    assert run.header["declaration"]["subject"] == f"{LIAR}:Loop"


def test_the_gate_is_green_with_workers_too(liar_run: Any) -> None:
    run = liar_run(KNOWN, arguments=("-n", "2", "-x"))

    assert (run.status, run.outcomes) == (0, {CHECKS[0]: "known", CHECKS[1]: "passed"})


def test_a_stale_entry_fails_the_gate_with_the_line_to_delete(liar_run: Any) -> None:
    run = liar_run(KNOWN, KNOWN.replace(CHECKS[0], CHECKS[1]))

    assert (run.status, run.outcomes) == (1, {CHECKS[0]: "known", CHECKS[1]: "fixed"})
    assert "it passes: delete the entry in loopcheck.toml:8" in run.output


def test_a_wrong_file_is_a_mistake_on_the_command_line(liar_run: Any) -> None:
    run = liar_run(KNOWN.replace("prevents", "prevent"))

    assert (run.status, run.records) == (4, [])
    assert f"ERROR: loopcheck.toml:3: there is no check '{CHECKS[0].replace('prevents', 'prevent')}'" in run.output
    assert "Traceback" not in run.output


def test_the_file_alone_names_the_subject(tmp_path: Path, run_pytest: PytestRunner) -> None:
    declared(tmp_path / "project", KNOWN)
    run = run_pytest("--loop-config=loopcheck.toml", *CHECKS)

    assert (run.status, run.header["subjects"][0]["factory"]) == (0, f"{LIAR}:Loop")


def test_what_is_declared_of_another_subject_does_not_count(tmp_path: Path, run_pytest: PytestRunner) -> None:
    declared(tmp_path / "project", KNOWN)
    run = run_pytest("--loop-factory=asyncio:SelectorEventLoop", CHECKS[0])
    asked = run_pytest("--loop-factory=asyncio:SelectorEventLoop", "--loop-config=loopcheck.toml", CHECKS[0])

    assert (run.status, run.outcomes, run.header["declaration"]) == (0, {CHECKS[0]: "passed"}, None)
    assert asked.status == 4
    assert f"is about '{LIAR}:Loop', and --loop-factory names 'asyncio:SelectorEventLoop'" in asked.output


def test_without_a_subject_the_file_changes_nothing(tmp_path: Path, run_pytest: PytestRunner) -> None:
    declared(tmp_path / "project", "nonsense")
    run = run_pytest(report=False)

    assert (run.status, "ERROR" in run.output) == (5, False)
