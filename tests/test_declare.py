"""Writing what is declared: a new file from reports, and an old one brought up to date."""

from __future__ import annotations

import datetime
import itertools
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopcheck import declare, known
from loopcheck.check import Entry
from loopcheck.declare import Place, conditions
from loopcheck.report import verdict
from loopcheck.report.reading import Run

SUBJECT = "a:Loop"

ENTRIES = {
    entry.id: entry
    for entry in (
        Entry("gh-1", "must", area="one", name="first", sentence="The first holds."),
        Entry("gh-1", "must", area="one", name="first", setting="debug", sentence="The first holds."),
        Entry("gh-1", "must", area="one", name="second", sentence="The second holds.", formerly=("one::old",)),
        Entry("gh-1", "should", area="two", name="third", sentence="The third holds."),
        Entry("gh-1", "may", area="two", name="nice", sentence="It is nice."),
        Entry("gh-1", "must", area="two", name="secret", sentence="It is secret.", needs=("tls",)),
        Entry("gh-1", "must", area="two", name="safe", sentence="It is safe.", needs=("tls",)),
        Entry("gh-1", "must", area="two", name="unseen", sentence="It is there.", because="Nobody sees it."),
    )
}


def run_of(
    outcomes: Mapping[str, str | dict[str, Any]], python: str = "3.13.1", system: str = "Linux", version: str = "1.0"
) -> Run:
    """A report, with what it says of each check: an outcome, or more."""
    checks = {}
    for id, how in outcomes.items():
        seen = {"outcome": how} if isinstance(how, str) else {"outcome": "failed", **how}
        if seen["outcome"] != "passed":
            seen.setdefault("message", "assert 1 == 2")
            seen.setdefault("error", "AssertionError")
        checks[id] = seen | {
            "id": id,
            "check": id,
            "area": ENTRIES[id].area,
            "level": ENTRIES[id].level,
            "subject": SUBJECT,
        }
    header = {
        "subjects": [{"factory": SUBJECT, "version": version}],
        "level": "should",
        "environment": {"python": python, "system": system},
    }
    return Run("report.jsonl", header, checks, True, {})


def updated(text: str, *runs: Run) -> str:
    return declare.update(text, runs, ENTRIES)[0]


HEAD = f'[subject]\nfactory = "{SUBJECT}"\n'

ENTRY = '[[known]]\nid = "{}"\noutcome = "failed"\nreason = "it is late"\n'


def test_a_new_file_has_an_entry_for_each_cause() -> None:
    lacking = {"error": "TypeError", "message": "TypeError: f() got an unexpected keyword argument 'x'"}
    run = run_of(
        {"one::first": "failed", "one::first[debug]": "failed", "one::second": lacking, "two::third": "hang"}
        | {"two::nice": "failed", "two::secret": "passed"}
    )
    text, changes = declare.new(SUBJECT, [run], ENTRIES)

    assert tomllib.loads(text) == {
        "subject": {"factory": SUBJECT},
        "known": [
            {"id": ["one::first", "one::first[debug]"], "outcome": "failed", "reason": "TODO"},
            {"id": "one::second", "outcome": "failed", "match": lacking["message"], "reason": "TODO"},
            {"id": "two::third", "outcome": "hang", "reason": "TODO"},
        ],
    }
    assert "\n# The first holds.\n[[known]]\n" in text
    assert len(changes) == 4


def test_what_one_failure_explains_stands_with_it() -> None:
    run = run_of({"one::second": "failed", "two::third": {"message": "other words"}, "two::secret": "passed"})
    assert run.footer is not None
    run.footer["because"] = {"two::third": "one::second"}
    text, _ = declare.new(SUBJECT, [run], ENTRIES)

    assert "# fix first: The second holds.\n" in text
    assert [entry["id"] for entry in tomllib.loads(text)["known"]] == [["one::second", "two::third"]]


def test_what_a_loop_refuses_everywhere_is_declined() -> None:
    no = {"error": "NotImplementedError", "message": "NotImplementedError"}
    text, changes = declare.new(SUBJECT, [run_of({"two::secret": no, "two::safe": no})], ENTRIES)
    half, _ = declare.new(SUBJECT, [run_of({"two::secret": no, "two::safe": "passed"})], ENTRIES)

    assert tomllib.loads(text) == {"subject": {"factory": SUBJECT}, "declined": {"tls": "TODO"}}
    assert changes == ["declined: tls"]
    assert "declined" not in half


def test_words_that_differ_leave_what_they_have_in_common() -> None:
    no = "TypeError: no"
    left = {"error": "", "left_behind": ["a thread"], "message": "something was left behind"}
    run = run_of({"one::first": {"error": "TypeError", "message": no}, "one::second": left})
    other = run_of({"one::first": {"error": "TypeError", "message": "TypeError: never"}, "one::second": "failed"})
    text, _ = declare.new(SUBJECT, [run], ENTRIES)
    both, changes = declare.new(SUBJECT, [run, other], ENTRIES)

    assert [entry["match"] for entry in tomllib.loads(text)["known"]] == [no, "left behind"]
    assert [(entry["id"], entry.get("match")) for entry in tomllib.loads(both)["known"]] == [
        ("one::first", "TypeError"),
        ("one::second", None),
    ]
    assert changes[1] == "added: one::second: failed, sometimes"


def test_the_same_in_another_setting_joins_the_entry_of_the_plain_run() -> None:
    text = HEAD + ENTRY.replace('"{}"', '[\n    "one::first",  # one\n]') + 'issue = "there"\n'
    run = run_of({"one::first": "failed", "one::first[debug]": "failed"})
    late = run_of({"one::first": "failed", "one::first[debug]": "hang"})
    for one in (run, late):
        assert one.footer is not None
        one.footer["because"] = {"one::first[debug]": "one::first"}

    assert updated(text, run) == text.replace("# one\n", '# one\n    "one::first[debug]",\n')
    assert tomllib.loads(updated(text, late))["known"][1] == {
        "id": "one::first[debug]",
        "outcome": "hang",
        "reason": "it is late",
        "issue": "there",
    }


def test_what_to_look_at_again_is_what_the_file_is_wrong_about() -> None:
    run = run_of({"one::first": "passed", "one::second": "failed", "two::third": "failed", "two::nice": "failed"})

    assert declare.doubtful(HEAD + ENTRY.format("one::*"), [run], ENTRIES) == ["one::first", "two::third"]


LINUX, MAC = "linux", "darwin"


@pytest.mark.parametrize(
    ("here", "elsewhere", "expected"),
    [
        ([(LINUX, "3.12.1")], [], [{}]),
        ([(LINUX, "3.12.1"), (LINUX, "3.13.0")], [(LINUX, "3.11.7")], [{"python": ">=3.12"}]),
        ([(LINUX, "3.11.7")], [(LINUX, "3.12.1"), (LINUX, "3.13.0")], [{"python": "<3.12"}]),
        ([(LINUX, "3.12.1")], [(LINUX, "3.11.7"), (LINUX, "3.13.0")], [{"python": ">=3.12,<3.13"}]),
        (
            [(LINUX, "3.11.7"), (LINUX, "3.13.0")],
            [(LINUX, "3.12.1")],
            [{"python": "!=3.12.*"}],
        ),
        ([(LINUX, "3.13.2")], [(LINUX, "3.13.1")], [{"python": ">=3.13.2"}]),
        ([(LINUX, "3.13.1")], [(LINUX, "3.13.2")], [{"python": "<3.13.2"}]),
        ([(LINUX, "3.15.0a2")], [(LINUX, "3.14.0")], [{"python": ">=3.15"}]),
        ([(MAC, "3.12.1"), (MAC, "3.13.0")], [(LINUX, "3.12.1"), (LINUX, "3.13.0")], [{"platform": MAC}]),
        (
            [(MAC, "3.13.0")],
            [(LINUX, "3.12.1"), (LINUX, "3.13.0"), (MAC, "3.12.1")],
            [{"platform": MAC, "python": ">=3.13"}],
        ),
        (
            [(MAC, "3.13.0"), (LINUX, "3.12.1")],
            [(LINUX, "3.13.0"), (MAC, "3.12.1")],
            [{"platform": MAC, "python": ">=3.13"}, {"platform": LINUX, "python": "<3.13"}],
        ),
        ([(LINUX, "3.13.0")], [(LINUX, "3.13.0")], None),
    ],
)
def test_conditions_are_the_fewest(here: Any, elsewhere: Any, expected: Any) -> None:
    found = conditions([Place(*one) for one in here], [Place(*one) for one in elsewhere])

    assert found == expected


def test_a_fixed_entry_goes_with_its_comment_and_all_else_stays() -> None:
    kept = "# the second\n" + ENTRY.format("one::second") + "# see above\n\n# the end\n"
    text = HEAD + "\n# timers\n" + ENTRY.format("one::first") + "\n" + kept

    assert updated(text, run_of({"one::first": "passed", "one::second": "failed"})) == HEAD + "\n" + kept


def test_a_fixed_id_leaves_its_list() -> None:
    text = HEAD + ENTRY.replace('"{}"', '[\n    "one::first",  # one\n    "one::second",\n]') + "# end\n"
    run = run_of({"one::first": "passed", "one::second": "failed"})

    assert updated(text, run) == text.replace('    "one::first",  # one\n', "")


def test_a_fixed_id_leaves_its_pattern() -> None:
    text = HEAD + ENTRY.format("one::*")
    run = run_of({"one::first": "passed", "one::first[debug]": "failed", "one::second": "failed"})

    assert tomllib.loads(updated(text, run))["known"] == [
        {"id": ["one::first[debug]", "one::second"], "outcome": "failed", "reason": "it is late"}
    ]


def test_another_outcome_is_corrected_in_its_place() -> None:
    text = HEAD + ENTRY.format("one::first") + "issue = 'there'  # look\n\n" + ENTRY.format("one::second")
    run = run_of({"one::first": "hang", "one::second": "failed"})
    after, changes = declare.update(text, [run], ENTRIES)

    assert after == text.replace("failed", "hang", 1)
    assert changes == ["corrected: one::first: outcome is 'hang', was 'failed'"]


def test_other_words_are_corrected() -> None:
    text = HEAD + ENTRY.format("one::first") + 'match = "3 times"\n'

    assert "match" not in updated(text, run_of({"one::first": {"message": "2 times"}}))
    assert updated(text, run_of({"one::first": {"message": "3 times"}})) == text


def test_one_of_a_list_that_changes_gets_an_entry_with_the_reason() -> None:
    text = HEAD + ENTRY.replace('"{}"', '["one::first", "one::second"]')
    entries = tomllib.loads(updated(text, run_of({"one::first": "hang", "one::second": "failed"})))["known"]

    assert entries == [
        {"id": ["one::second"], "outcome": "failed", "reason": "it is late"},
        {"id": "one::first", "outcome": "hang", "reason": "it is late"},
    ]


def test_what_several_places_show_becomes_conditions() -> None:
    text = HEAD + ENTRY.format("one::first")
    runs = [
        run_of({"one::first": "passed", "one::second": "failed"}, "3.12.1"),
        run_of({"one::first": "failed", "one::second": "failed"}, "3.13.0"),
        run_of({"one::first": "failed", "one::second": "passed"}, "3.13.0", "Darwin"),
    ]

    assert tomllib.loads(updated(text, *runs))["known"] == [
        {"id": "one::first", "outcome": "failed", "reason": "it is late", "python": ">=3.13"},
        {"id": "one::second", "outcome": "failed", "reason": "TODO", "platform": "linux"},
    ]


def test_what_is_said_of_other_places_stays() -> None:
    text = HEAD + ENTRY.format("one::first") + 'platform = "darwin"\n'
    run = run_of({"one::first": "failed"})
    after = updated(text, run)

    assert updated(text, run_of({"one::first": "passed"})) == text
    assert tomllib.loads(after)["known"][1] == {
        "id": "one::first",
        "outcome": "failed",
        "reason": "TODO",
        "platform": "linux",
        "python": "==3.13.*",
    }


def test_what_differs_in_one_place_fails_sometimes() -> None:
    text = HEAD + ENTRY.format("one::first") + 'issue = "there"\n'
    runs = [run_of({"one::first": "failed", "one::second": "passed"}), run_of({"one::first": "passed"})]
    runs += [run_of({"one::second": "hang"})]
    after, changes = declare.update(text, runs, ENTRIES)
    until = (datetime.date.today() + datetime.timedelta(days=90)).isoformat()
    often = {"sometimes": True, "expires": until}

    assert tomllib.loads(after)["known"] == [
        {"id": "one::first", "outcome": "failed", "reason": "it is late", "issue": "there", **often},
        {"id": "one::second", "outcome": "hang", "reason": "TODO", **often},
    ]
    assert changes == ["corrected: one::first: failed, sometimes", "added: one::second: hang, sometimes"]
    assert declare.update(after, runs, ENTRIES) == (after, [])


def test_what_fails_in_two_ways_in_one_place_fails_sometimes() -> None:
    left = {"error": "", "left_behind": ["1 thread"], "message": "something was left behind"}
    runs = [run_of({"one::first": "failed"}), run_of({"one::first": left})]
    after = updated(HEAD, *runs)

    assert tomllib.loads(after)["known"][0].keys() == {"id", "outcome", "reason", "sometimes", "expires"}
    assert declare.update(after, runs, ENTRIES) == (after, [])


def test_what_passes_alone_fails_sometimes() -> None:
    run = run_of({"one::first": {"alone": "passed"}, "one::second": {"alone": "failed"}})
    first, second = tomllib.loads(updated(HEAD, run))["known"]

    assert (first.get("sometimes"), second.get("sometimes")) == (True, None)


def test_what_has_two_outcomes_in_one_place_is_left_and_said() -> None:
    text = HEAD + ENTRY.format("one::first")
    after, changes = declare.update(text, [run_of({"one::first": "failed"}), run_of({"one::first": "hang"})], ENTRIES)

    assert after == text
    assert changes == [
        "left: one::first: it does not fail the same way each time (linux Python 3.13.1); give it an entry that says "
        "sometimes for each, 'loopcheck run --soak' shows them"
    ]


def test_what_a_person_has_to_decide_is_left_and_said() -> None:
    text = HEAD + '[declined]\ntls = "no"\n' + ENTRY.format("one::first") + "expires = 2020-01-01\n"
    after, changes = declare.update(text, [run_of({"one::first": "failed", "two::safe": "passed"})], ENTRIES)

    assert after == text
    assert [change.partition(": ")[0] for change in changes] == ["left", "left"]
    assert "expired with 2020-01-01" in changes[0]
    assert "the loop does offer it" in changes[1]


def test_names_that_checks_have_no_more_are_mended() -> None:
    text = HEAD + ENTRY.format("one::old") + "\n" + ENTRY.format("one::gone") + "\n" + ENTRY.format("two::unseen")
    after, changes = declare.update(text, [run_of({"one::second": "failed"})], ENTRIES)

    assert after == HEAD + ENTRY.format("one::second")
    assert changes == [
        "renamed: one::old is one::second now",
        "deleted: one::gone: there is no such check",
        "deleted: two::unseen: there is no such check",
    ]


def test_pyproject_is_updated_where_its_table_is() -> None:
    text = '[tool.loopcheck.subject]\nfactory = "a:Loop"\n\n[[tool.loopcheck.known]]\nid = "one::first"\n'
    text += 'outcome = "failed"\nreason = "x"\n\n[tool.other]\nx = 1\n'
    run = run_of({"one::first": "passed", "one::second": "failed"})
    after, _ = declare.update(text, [run], ENTRIES, "pyproject.toml")

    assert tomllib.loads(after)["tool"] == {
        "loopcheck": {
            "subject": {"factory": "a:Loop"},
            "known": [{"id": "one::second", "outcome": "failed", "reason": "TODO"}],
        },
        "other": {"x": 1},
    }


PLACES = [*itertools.product(("3.12.1", "3.13.0", "3.13.4", "3.14.0"), ("Linux", "Darwin"))]


@st.composite
def reports(draw: st.DrawFn) -> list[Run]:
    """Reports of several places, one of each."""
    places = draw(st.lists(st.sampled_from(PLACES), unique=True, min_size=1, max_size=5))
    lacking = {"error": "TypeError", "message": "TypeError: no"}
    outcome = st.sampled_from(["passed", "failed", lacking, "hang", "unavailable"])
    ids = st.sampled_from([id for id, entry in ENTRIES.items() if entry.tested])
    return [run_of(draw(st.dictionaries(ids, outcome)), *place) for place in places]


def wrong(text: str, runs: list[Run]) -> list[Any]:
    """What the gate would be red for."""
    declaration = known.parse(text)
    found = []
    for run in runs:
        place = Place.of(run)
        here = known.Surroundings(place.python, place.platform, "1.0")
        declaration.validate(ENTRIES.values(), here)
        judged = [(id, declaration.judge(ENTRIES[id], seen, here)) for id, seen in run.checks.items()]
        found += [(place, id, seen["outcome"]) for id, seen in judged if verdict.fails(seen, "should")]
    return found


@given(reports(), reports())
@settings(deadline=None, max_examples=100)
def test_the_gate_is_green_with_what_is_written(before: list[Run], after: list[Run]) -> None:
    first, _ = declare.new(SUBJECT, before, ENTRIES)
    assert wrong(first, before) == []
    assert declare.update(first, before, ENTRIES) == (first, [])

    second, changes = declare.update(first, after, ENTRIES)
    assert wrong(second, after) == []
    assert bool(changes) == (second != first)
    assert declare.update(second, after, ENTRIES) == (second, [])
