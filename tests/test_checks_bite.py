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


@functools.cache
def judges() -> list[Entry]:
    """The checks that judge liars of other areas."""
    # In settings a check asserts what it asserts plain.
    return [
        entry
        for entry in applicable().values()
        if not entry.setting and entry.area not in OF_EVERYTHING and not is_costly(entry)
    ]


JUDGE = (3, 13)
"""The Python on which every liar runs the whole battery: whether a flaw is one flaw does not depend on the version."""

ONE_IN = 120
"""Each check judges about one in so many liars, always the same: liars times checks is more than two million, and a
flaw that shows in another area shows in more than one of its checks.
"""

LIARS = sorted((ROOT / "fixtures" / "loops").glob("*.py"))


def caught_by(path: Path) -> set[str]:
    """The ids that a liar's file names."""
    named = ids_in(path).get("CAUGHT_BY")
    assert named, f"{path.name} has no CAUGHT_BY"
    return named


@functools.cache
def ids_in(path: Path) -> dict[str, set[str]]:
    """The ids that a liar's file has by name: CAUGHT_BY, and MAY_TRIP, where timing decides."""
    return {
        node.targets[0].id: set(ast.literal_eval(node.value))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("CAUGHT_BY", "MAY_TRIP")
    }


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


def judged_here() -> set[str]:
    """The ids whose liars are to be caught on this Python."""
    if sys.version_info[:2] == JUDGE:
        return set(liars_of())
    from loopcheck.check import catalogue

    # The check is the same wherever it applies; the liar reaches into what differs from version to version.
    judge = f"{JUDGE[0]}.{JUDGE[1]}.0"
    only_here = {entry.id for entry in catalogue() if entry.applies() and not entry.applies(judge)}
    return only_here & liars_of().keys()


HERE = judged_here()
LIARS_HERE = [path for path in LIARS if caught_by(path) & HERE]


def with_liar(path: Path, what: object, id: str) -> object:
    """A parameter of a test that judges this liar: all such run in one process, so that nothing is judged twice."""
    return pytest.param(what, id=id, marks=pytest.mark.xdist_group(path.stem))


OF_LIARS = [with_liar(path, path, path.stem) for path in LIARS_HERE]
OF_CHECKS = [with_liar(liars_of()[id][0], id, id) for id in sorted(HERE)]


@functools.cache
def is_seen(path: Path, id: str, door: str) -> bool:
    """Whether a check sees the flaw of a liar."""
    # Many flaws show in what does not happen, and each such check waits for it as long as it may: not long, here.
    with runner_with(1.2, door) as runner:
        return bool(failing(runner, path, [id]))


@pytest.mark.parametrize("id", OF_CHECKS)
def test_check_sees_a_flaw(id: str, nursery: str) -> None:
    if id not in applicable():
        pytest.skip("it cannot be run here")

    # Where timing decides whether a flaw shows, one liar may get away.
    assert any(is_seen(path, id, nursery) for path in liars_of()[id]), "it passes on every liar that names it"


@pytest.mark.parametrize("path", OF_LIARS)
def test_liar_is_caught(path: Path, nursery: str) -> None:
    ids = caught_by(path) & HERE & applicable().keys()
    if not ids:
        pytest.skip("none of its checks can be run here")

    # First the checks that have judged it already, above.
    assert any(is_seen(path, id, nursery) for id in sorted(ids, key=lambda id: (liars_of()[id][0] != path, id))), (
        "all the checks that it names pass"
    )


def test_liars_name_checks_that_there_are() -> None:
    from loopcheck.check import catalogue

    assert liars_of().keys() - {entry.id for entry in catalogue()} == set()


@pytest.mark.parametrize("path", OF_LIARS if sys.version_info[:2] == JUDGE else [])
def test_liar_has_one_flaw(path: Path, nursery: str) -> None:
    # By a hash, so that a new check or liar changes nothing for the others.
    chosen = {id for id in judges_of(path) if zlib.crc32(f"{path.stem} {id}".encode()) % ONE_IN == 0}

    # What passes does not wait, so these may take almost as long as in any run.
    with runner_with(5.0, nursery) as runner:
        assert failing(runner, path, chosen) == {}, "these are of areas that it does not name"


def judges_of(path: Path) -> set[str]:
    """The checks that must pass on this liar: what else fails in the areas that it names is its own affair."""
    areas = {id.partition("::")[0] for id in caught_by(path)}
    return {entry.id for entry in judges() if entry.area not in areas} - ids_in(path).get("MAY_TRIP", set())


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
