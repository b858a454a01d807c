"""The console script: the catalogue for people and for programs."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys

import pytest
from support import ROOT

from loopcheck.check import catalogue
from loopcheck.cli import main
from loopcheck.commands import COMMANDS, Ended

ID = "scheduling::call_soon_fifo_order"


def test_list_as_json_is_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)

    assert [one["id"] for one in listed] == [entry.id for entry in catalogue()]
    (one,) = (one for one in listed if one["id"] == ID)
    assert one == {
        "id": ID,
        "kind": "check",
        "area": "scheduling",
        "setting": "",
        "level": "must",
        "sentence": "Callbacks run in the order they were given to call_soon().",
        "python": "",
        "needs": [],
        "after": [],
        "reference": "asyncio-eventloop#asyncio.loop.call_soon",
        "link": "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon",
        "because": "",
    }


def test_list_filters_by_area_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "context", "--level", "must", "--level", "may", "--format", "json"])
    listed = json.loads(capsys.readouterr().out)

    assert {one["area"] for one in listed} == {"context"}
    assert {one["level"] for one in listed} == {"must", "may"}


def test_list_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "scheduling"])
    text = capsys.readouterr().out

    assert f"  {ID}\n    must: Callbacks run in the order they were given to call_soon().\n" in text
    assert "behaviours not tested" in text


def test_explain_tells_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", ID]) == 0
    text = capsys.readouterr().out

    for words in (
        ID,
        "Callbacks run in the order they were given to call_soon().",
        "must: the documentation says so",
        "versions   all",
        "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon",
        f"pytest --loop-factory=MODULE:NAME {ID}",
        "def call_soon_fifo_order(loop, trace):",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["explain", "scheduling::call_soon_fifo"], f"did you mean {ID!r}?"),
        (["explain", "nonsense"], "there is no check 'nonsense'"),
        (["list", "shceduling"], "did you mean 'scheduling'?"),
        (["list", "--level", "shall"], "invalid choice"),
        ([], "COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_mistakes_have_status_four(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as error:
        status = int(error.code or 0)

    assert status == 4
    assert words in capsys.readouterr().err


def test_a_reader_that_stops_reading_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -c 'import sys; from loopcheck.cli import main; sys.exit(main([\"list\"]))' | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
    )

    assert (done.stdout.count("\n"), done.stderr) == (1, "")


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), 2), (ZeroDivisionError(), 3), (Ended(5), 5)])
def test_how_a_command_ends_is_its_status(
    error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: object) -> int:
        raise error

    monkeypatch.setattr("loopcheck.commands.list.run", fail)

    assert main(["list"]) == status
    assert ("please report it" in capsys.readouterr().err) == (status == 3)


def test_every_status_is_documented() -> None:
    rows = re.findall(r"^\| (\d) \| (.*?) \|", (ROOT / "docs" / "exit-status.md").read_text(), re.M)
    named = {word.split()[0] for _, of in rows for word in re.findall("`(.*?)`", of)}

    assert {int(status) for status, _ in rows} == set(range(6))
    assert named <= set(COMMANDS)
    for name in COMMANDS:
        # A status of its own is one that a command returns besides 0.
        source = inspect.getsource(importlib.import_module(f"loopcheck.commands.{name}"))
        assert ("return int(" in source or "return 1" in source) <= (name in named), name
