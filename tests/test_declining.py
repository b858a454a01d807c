"""What a loop may not offer: where it says so by NotImplementedError, all checks that need it are declined.

None of them passes there: a check that passes on a loop where the behaviour is absent shows nothing.
"""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import FIXTURES

from loopcheck import known
from loopcheck.check import Entry, area_names, catalogue
from loopcheck.needs import NEEDS, is_met
from loopcheck.runner.run import Options, Runner

LOOPS = sorted((FIXTURES / "declining").glob("*.py"))
HERE = known.Surroundings(platform.python_version())


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner(area_names(), Options(limit=2.5, confirm=False, path=(str(FIXTURES / "declining"),)))
    yield runner
    runner.close()


def declines(path: Path) -> str:
    """The need that a loop of fixtures/declining/ does not meet."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.DECLINES)


def asking_for(need: str) -> list[Entry]:
    """The checks that need it, and nothing that this machine lacks; in settings every tenth: each ends its process."""
    asking = [
        entry
        for entry in catalogue()
        if need in entry.needs and entry.tested and entry.applies() and all(map(is_met, entry.needs))
    ]
    return [entry for entry in asking if not entry.setting] + [entry for entry in asking if entry.setting][::10]


@pytest.mark.parametrize("path", LOOPS, ids=lambda path: path.stem)
def test_what_a_loop_does_not_offer_is_declined(path: Path, runner: Runner) -> None:
    need, subject = declines(path), f"{path.stem}:Loop"
    declaration = known.Declaration("loopcheck.toml", subject, {need: "It is not there."})
    judged = {entry.id: declaration.judge(entry, runner.run(entry, subject), HERE) for entry in asking_for(need)}

    assert judged, f"no check needs {need!r}"
    otherwise = {id: seen["outcome"] for id, seen in judged.items() if seen["outcome"] != "declined"}
    assert otherwise == {}, "\n".join(f"{id}: {known.words(judged[id])}" for id in otherwise)


def test_there_is_such_a_loop_for_every_need_that_can_be_declined() -> None:
    assert {declines(path) for path in LOOPS} == {name for name, need in NEEDS.items() if need.offered}
