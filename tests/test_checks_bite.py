"""Every check has been seen to fail on a liar that names it; every liar is caught, and trips no other area.

``python tests/test_checks_bite.py`` prints the checks that no liar names;
``python tests/test_checks_bite.py LIAR ...`` has these judged by the whole battery.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from loopcheck.check import Entry

ROOT = Path(__file__).resolve().parent.parent
OF_EVERYTHING = ("properties", "scale")
"""The areas of generated programs and of large numbers: any flaw may show there, and need not be named."""


def is_costly(entry: Entry) -> bool:
    """Whether a check starts an interpreter, or a process with a name server of its own."""
    assert entry.function is not None
    return "own-names" in entry.needs or any(
        name.endswith("_python") for name in inspect.signature(entry.function).parameters
    )


JUDGE = (3, 13)
"""The Python on which every liar runs the whole battery: whether a flaw is one flaw does not depend on the version."""

ONE_IN = 120
"""Each check judges about one in so many liars, always the same: liars times checks is more than two million, and a
flaw that shows in another area shows in more than one of its checks.
"""

LIARS = sorted((ROOT / "fixtures" / "loops").glob("*.py"))


def caught_by(path: Path) -> set[str]:
    """The ids that a liar's file names."""
    named = ids_in(path, "CAUGHT_BY")
    assert named, f"{path.name} has no CAUGHT_BY"
    return named


def ids_in(path: Path, name: str) -> set[str]:
    """The ids that a liar's file has under a name: CAUGHT_BY, or MAY_TRIP, where timing decides."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return set(ast.literal_eval(node.value))
    return set()


@pytest.fixture(scope="module")
def nursery() -> Iterator[str]:
    """One nursery for all liars."""
    from loopcheck.check import area_names
    from loopcheck.runner.run import Options, Runner

    host = Runner(area_names(), Options())
    assert host.door is not None
    yield host.door
    host.close()


@contextlib.contextmanager
def runner_with(limit: float, door: str | None = None) -> Iterator[object]:
    """A runner for liars, whose children end with it."""
    from loopcheck.check import area_names
    from loopcheck.runner.run import Options, Runner

    options = Options(limit=limit, confirm=False, path=(str(ROOT / "fixtures" / "loops"),), door=door)
    runner = Runner(area_names(), options)
    try:
        yield runner
    finally:
        runner.close()


@functools.cache
def applicable() -> dict[str, Entry]:
    """The checks that can be run here, by id."""
    from loopcheck.check import catalogue
    from loopcheck.needs import is_met

    return {
        entry.id: entry for entry in catalogue() if entry.tested and entry.applies() and all(map(is_met, entry.needs))
    }


def failing(runner: object, path: Path, ids: Iterable[str]) -> dict[str, str]:
    """What a liar does not pass of these checks, with what each says."""
    from loopcheck.runner.run import Runner

    assert isinstance(runner, Runner)
    seen = {id: runner.run(applicable()[id], f"{path.stem}:Loop") for id in sorted(ids)}
    return {
        id: f"{one['outcome']}: {one.get('observed', '')} {one.get('message', '')}"
        for id, one in seen.items()
        if one["outcome"] != "passed"
    }


@functools.cache
def liars_of() -> dict[str, list[Path]]:
    """The liars that name a check, by its id: first those that name little else."""
    found: dict[str, list[Path]] = {}
    for path in sorted(LIARS, key=lambda path: (len(caught_by(path)), path)):
        for id in caught_by(path):
            found.setdefault(id, []).append(path)
    return found


def judged_here(ids: Iterable[str]) -> list[str]:
    """Those of some checks whose liars are to be caught on this Python."""
    found = [id for id in sorted(ids) if id in applicable()]
    if sys.version_info[:2] != JUDGE:
        # The check is the same wherever it applies; the liar reaches into what differs from version to version.
        found = [id for id in found if not applicable()[id].applies(f"{JUDGE[0]}.{JUDGE[1]}.0")]
    if not found:
        pytest.skip("none of its checks is judged on this Python")
    return found


@pytest.mark.parametrize("id", sorted(liars_of()))
def test_check_sees_a_flaw(id: str, nursery: str) -> None:
    judged_here([id])

    # Many flaws show in what does not happen, and each such check waits for it as long as it may: not long, here.
    with runner_with(1.2, nursery) as runner:
        # Where timing decides whether a flaw shows, one liar may get away.
        assert any(failing(runner, path, [id]) for path in liars_of()[id]), "it passes on every liar that names it"


@pytest.mark.parametrize("path", LIARS, ids=lambda path: path.stem)
def test_liar_is_caught(path: Path, nursery: str) -> None:
    ids = judged_here(caught_by(path))

    with runner_with(1.2, nursery) as runner:
        assert any(failing(runner, path, [id]) for id in ids), "all the checks that it names pass"


def test_liars_name_checks_that_there_are() -> None:
    from loopcheck.check import catalogue

    assert liars_of().keys() - {entry.id for entry in catalogue()} == set()


@pytest.mark.skipif(sys.version_info[:2] != JUDGE, reason=f"liars are judged on Python {JUDGE[0]}.{JUDGE[1]}")
@pytest.mark.parametrize("path", LIARS, ids=lambda path: path.stem)
def test_liar_has_one_flaw(path: Path, nursery: str) -> None:
    # By a hash, so that a new check or liar changes nothing for the others.
    chosen = {id for id in judges_of(path) if zlib.crc32(f"{path.stem} {id}".encode()) % ONE_IN == 0}

    # What passes does not wait, so these may take almost as long as in any run.
    with runner_with(5.0, nursery) as runner:
        assert failing(runner, path, chosen) == {}, "these are of areas that it does not name"


def judges_of(path: Path) -> set[str]:
    """The checks that must pass on this liar: what else fails in the areas that it names is its own affair."""
    areas = {*OF_EVERYTHING, *(id.partition("::")[0] for id in caught_by(path))}
    # In settings a check asserts what it asserts plain.
    return {
        id
        for id, entry in applicable().items()
        if not entry.setting and entry.area not in areas and not is_costly(entry)
    } - ids_in(path, "MAY_TRIP")


NO_FREE_THREADS = "needs a free-threaded interpreter, on which no liar has been judged yet"

UNSEEN = {
    "subinterpreters_freethreading::freethreaded_stress": NO_FREE_THREADS,
    "subinterpreters_freethreading::gil_stays_off": NO_FREE_THREADS,
}
"""The checks that have not been seen to fail, each with the reason; whoever adds a liar takes them out."""


def unbitten() -> list[str]:
    """The checks that no liar names, and for which there is no reason either."""
    from loopcheck.check import catalogue

    bitten = {*liars_of(), *UNSEEN}
    return [entry.id for entry in catalogue() if entry.function and not entry.setting and entry.id not in bitten]


def test_every_check_is_bitten() -> None:
    assert unbitten() == [], "no liar names these"


def test_what_is_unseen_is_no_liars() -> None:
    assert [id for path in LIARS for id in sorted(caught_by(path) & UNSEEN.keys())] == []


def judge(names: list[str]) -> int:
    """Have liars judged by what they name and by all checks of other areas, and print what was wrong; the status."""
    blunt = 0
    with runner_with(2.5) as runner:
        for path in (path for path in LIARS if path.stem in names):
            found = failing(runner, path, judges_of(path))
            named = caught_by(path) & applicable().keys()
            blind = sorted(named - failing(runner, path, named).keys())
            blunt += bool(found or blind)
            print(f"{path.stem}: {found or 'trips no other area'}; saw nothing: {blind or 'none'}", flush=True)
    return int(blunt > 0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:]:
        sys.exit(judge(sys.argv[1:]))
    left = unbitten()
    print("\n".join(left) if left else f"every check is named by a liar, but for {len(UNSEEN)} that have a reason")
    sys.exit(bool(left))
