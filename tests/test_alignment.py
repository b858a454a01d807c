"""Lists of events side by side: the first that differs is marked, wherever it is and however long the lists are."""

from __future__ import annotations

import pytest

from loopcheck.compare.alignment import align, events, side_by_side


@pytest.mark.parametrize(
    ("observed", "expected", "lines"),
    [
        ("abc", "abc", []),
        ("abd", "abcd", ["  observed  expected", "  a         a", "  b         b", "> -         c", "  d         d"]),
        ("ab", "a", ["  observed  expected", "  a         a", "> b         -"]),
        ("", "a", ["  observed  expected", "> -         a"]),
        ("acb", "abc", ["  observed  expected", "  a         a", "> -         b", "  c         c", "  b         -"]),
    ],
)
def test_first_difference_is_marked(observed: str, expected: str, lines: list[str]) -> None:
    assert align(observed, expected) == lines


def test_long_lists_show_what_is_around_the_first_difference() -> None:
    numbers = [str(number) for number in range(100_000)]
    lines = align([*numbers[:50_000], *numbers[50_001:]], numbers)
    assert lines[:3] == ["  observed  expected", "  ... 49997 alike", "  49997     49997"]
    assert lines[5:7] == ["> -         50000", "  50001     50001"]
    assert lines[-1] == "  ..."
    assert len(lines) < 20


def test_long_events_show_where_they_differ() -> None:
    lines = align(["x" * 10_000 + "1"], ["x" * 10_000 + "2"])
    assert lines[-1] == f"> ...{'x' * 22}1  ...{'x' * 22}2"
    assert max(map(len, align(["one two " * 100], ["other " * 100]))) < 100


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[]", []),
        ("(1,)", ["1"]),
        ("['a, [', (1, [2]), {3: 4}]", ["'a, ['", "(1, [2])", "{3: 4}"]),
        ("[<Handle f(1, 2)>, <a -> b, c>]", ["<Handle f(1, 2)>", "<a -> b, c>"]),
        (r"['it\'s', b'\\', 2]", [r"'it\'s'", r"b'\\'", "2"]),
        ("['one', 'tw", ["'one'", "'tw ..."]),
        ("[1] + [2]", None),
        ("{1: 2}", None),
        ("", None),
    ],
)
def test_items_of_a_list_are_found_in_its_repr(text: str, found: list[str] | None) -> None:
    assert events(text) == found


def test_short_lists_and_other_values_are_not_put_side_by_side() -> None:
    assert side_by_side({"observed": "[1, 2, 3]", "expected": "[1, 3, 2]"}) == []
    assert side_by_side({"observed": "3", "expected": "[1, 2, 3, 4]"}) == []
    assert side_by_side({}) == []
    assert side_by_side({"observed": "[1, 2, 3]", "expected": "[1, 2, 3, 4]"})[-1] == "> -         4"
    assert side_by_side({"observed": "[1, 2, 3, 4]", "expected": "[]"}) == []


def test_what_was_recorded_is_compared_where_the_check_compared_nothing() -> None:
    recorded = {"events": ["'made'"], "events_on_control": ["'made'", "'data'", "'lost'"]}
    assert side_by_side(recorded)[2] == "> -         'data'"
    assert side_by_side(recorded | {"expected": "3", "observed": "4"}) == []
