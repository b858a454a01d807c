"""What a report does not tell about the machine and whoever runs it."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from support import PytestRunner

from loopcheck.report.privacy import LONGEST, Discretion, here, tells

JANE = Discretion(
    {
        "/home/jane/.venv": "<python>",
        "/home/jane": "~",
        "/home/jane/.venv/lib/python3.13/site-packages": "",
        "/work": ".",
        "/": "root",
    },
    {"jane": "<user>", "castle": "<host>", "s3cr3t-t0ken": "$TOKEN"},
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('File "/home/jane/.venv/lib/python3.13/site-packages/uvloop/loop.py"', 'File "uvloop/loop.py"'),
        ("run /home/jane/.venv/bin/python now", "run <python>/bin/python now"),
        ("in /home/jane/loops/a.py and in /home/jane.", "in ~/loops/a.py and in ~."),
        ("/home/janet/a.py", "/home/janet/a.py"),
        ("/mnt/home/jane/a.py", "/mnt/home/<user>/a.py"),
        ("bound at /work/x, in '/work'", "bound at ./x, in '.'"),
        ("janes castles", "janes castles"),
        ("jane@castle: TOKEN=s3cr3t-t0ken", "<user>@<host>: TOKEN=$TOKEN"),
        ("/usr/lib", "/usr/lib"),
    ],
)
def test_what_stands_instead(text: str, shown: str) -> None:
    assert JANE.text(text) == shown


def test_texts_are_found_anywhere_and_cut() -> None:
    value = {"message": "jane", "traceback": [{"file": "/work/a.py", "line": 3}], "seconds": 0.5}

    assert JANE.of(value) == {"message": "<user>", "traceback": [{"file": "./a.py", "line": 3}], "seconds": 0.5}
    assert len(JANE.text("x" * 10_000_000)) < LONGEST + 100


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("GITHUB_WORKFLOW", "loopcheck", False),
        ("LANG", "C.UTF-8", False),
        ("TMPDIR", "/tmp", False),
        ("API_KEY", "correcthorse", True),
        ("DSN", "postgres://me:pw@db/x", True),
        ("PATH", "/usr/local/bin:/usr/bin", True),
    ],
)
def test_which_variables_tell_something(name: str, value: str, told: bool) -> None:
    assert tells(name, value) is told


def test_here_is_what_this_process_would_tell() -> None:
    told = f"{sys.executable} {os.path.expanduser('~/x')} {__file__} {os.environ['PATH']} {socket.gethostname()}!"
    shown = here().text(told)

    assert not any(one in shown for one in (sys.prefix, os.path.expanduser("~") + "/x", os.environ["PATH"]))
    assert "<python>" in shown


TELLTALE = """
import asyncio, os, sys

class Loop(asyncio.SelectorEventLoop):
    def call_soon(self, callback, *args, context=None):
        print(dict(os.environ), sys.executable, __file__, os.path.expanduser("~/x"))
        raise RuntimeError(f"{os.environ['A_SECRET']} {sys.executable} {os.path.expanduser('~/x')}")
"""


def test_a_run_tells_nothing(run_pytest: PytestRunner, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "telltale.py").write_text(TELLTALE)
    id = "scheduling::call_soon_fifo_order"
    run = run_pytest("--loop-factory=telltale:Loop", id, env={"A_SECRET": "hunter2hunter2", "HOME": "/nowhere/at-home"})
    text = str(run.records)

    assert run.outcomes == {id: "failed"}
    assert run.checks[id]["message"] == f"RuntimeError: $A_SECRET <python>/bin/{Path(sys.executable).name} ~/x"
    assert "'A_SECRET': '$A_SECRET'" in run.checks[id]["printed"]
    assert [one for one in ("hunter2", "/nowhere", sys.prefix, str(tmp_path)) if one in text] == []
