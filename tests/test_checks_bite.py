"""Every check has been seen to fail: each liar is caught by the checks that it names, and by no other area.

``python tests/test_checks_bite.py`` prints the checks that no liar makes fail.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GENERATED = "properties"
"""The area of generated programs: they use everything, so any flaw may show there, and need not be named."""

LIARS = sorted((ROOT / "fixtures" / "loops").glob("*.py"))


def caught_by(path: Path) -> set[str]:
    """The ids that a liar's file names."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "CAUGHT_BY":
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{path.name} has no CAUGHT_BY")


@pytest.fixture(scope="module")
def runner() -> Iterator[object]:
    """One runner for all liars: each gets its own children."""
    from loopcheck.check import area_names
    from loopcheck.runner.run import Options, Runner

    runner = Runner(area_names(), Options(limit=2.5, confirm=False, path=(str(ROOT / "fixtures" / "loops"),)))
    yield runner
    runner.close()


@pytest.mark.parametrize("path", LIARS, ids=lambda path: path.stem)
def test_liar_is_caught(path: Path, runner: object) -> None:
    from loopcheck.check import catalogue
    from loopcheck.needs import is_met
    from loopcheck.runner.run import Runner

    assert isinstance(runner, Runner)
    named = caught_by(path)
    areas = {id.partition("::")[0] for id in named}
    entries = [
        entry
        for entry in catalogue()
        if entry.function
        and entry.applies()
        and all(map(is_met, entry.needs))
        # What else fails in its own areas is its own affair; in settings a check asserts what it asserts plain.
        and (entry.id in named or (entry.area not in (*areas, GENERATED) and not entry.setting))
    ]
    unknown = named - {entry.id for entry in catalogue()}
    assert not unknown, f"{path.name} names checks that there are not"
    expected = named & {entry.id for entry in entries}
    if not expected:
        pytest.skip("none of its checks applies to this Python")

    failing = {
        entry.id: seen for entry in entries if (seen := runner.run(entry, f"{path.stem}:Loop"))["outcome"] != "passed"
    }
    escaped = expected - set(failing)
    blunt = {
        id: f"{seen['outcome']}: {seen.get('observed', '')} {seen.get('message', '')}"
        for id, seen in failing.items()
        if id not in named
    }

    assert escaped == set(), "these did not notice the flaw"
    assert blunt == {}, "these are of areas that the liar does not name: it has more than one flaw"


def unbitten(level: str | None = None) -> list[str]:
    """The checks that no liar names."""
    from loopcheck.check import catalogue

    bitten: set[str] = set().union(*map(caught_by, LIARS))
    return [
        entry.id
        for entry in catalogue()
        if entry.function and not entry.setting and entry.id not in bitten and level in (None, entry.level)
    ]


def test_every_must_check_is_bitten() -> None:
    assert unbitten("must") == []


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    left = unbitten()
    print("\n".join(left) if left else "every check is named by a liar")
    sys.exit(bool(left))
