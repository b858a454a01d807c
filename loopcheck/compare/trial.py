"""Tries a script out: in a process of its own, with a deadline, on a loop."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from loopcheck.kit.ready import readable
from loopcheck.runner.processes import kill_group

_MOST_READ = 100_000
"""Bytes of what a script has printed: the last ones."""

_IMPORTS = 20.0
"""Seconds that a stage may take to be ready, and to end: a subject that hangs when it is imported holds nobody."""


@dataclass(frozen=True)
class Trial:
    """How a script has ended."""

    status: int | None
    """Its exit status, below 0 for a signal; None if it did not end in time."""
    output: str
    errors: str
    lines: frozenset[int] = frozenset()
    """The numbers of the lines that were run, if that was asked."""


def run(text: str, subject: str, path: Sequence[str], limit: float) -> Trial:
    """Run a script on a loop.

    Args:
        text: the script; it takes the loop as its argument.
        subject: the loop, ``MODULE:NAME``.
        path: folders that go before sys.path when the subject is imported.
        limit: seconds that it gets.
    """
    with tempfile.TemporaryDirectory(prefix="loopcheck-") as folder:
        file = Path(folder, "reproducer.py")
        file.write_text(text, encoding="utf-8")
        with open(Path(folder, "output"), "w+b") as output, open(Path(folder, "errors"), "w+b") as errors:
            # No pipe, which a child of the script might hold open; a group of its own, so that no such child stays.
            process = subprocess.Popen(
                [sys.executable, str(file), subject],
                env=_environment(path, folder),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            status = None
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                pass
            finally:
                kill_group(process.pid)
                process.wait()
            return Trial(status, _printed(output), _printed(errors))


class Stage:
    """Tries many scripts out on one loop, in a hundredth of the time that :func:`run` takes for each.

    Each runs in a process of its own, which is forked from one that has imported the loop. So what came of it is no
    proof: the script that is kept is to be run once more by :func:`run`.

    Args:
        subject: the loop, ``MODULE:NAME``.
        path: folders that go before sys.path when the subject is imported.
    """

    def __init__(self, subject: str, path: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="loopcheck-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loopcheck.compare.stage", subject, self._folder.name],
            env=_environment([*path, str(Path(__file__).parents[2])], self._folder.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, text: str, limit: float, *, watched: bool = False) -> Trial:
        """Run a script that gets so many seconds, and if that is asked, see which of its lines are run."""
        assert self._process.stdin is not None and self._process.stdout is not None
        folder = Path(self._folder.name)
        (folder / "lines").write_text("")
        with contextlib.suppress(BrokenPipeError):  # there is no answer then
            self._process.stdin.write(json.dumps({"text": text, "limit": limit, "watched": watched}).encode() + b"\n")
            self._process.stdin.flush()
        if not readable(self._process.stdout, timeout=limit + _IMPORTS):
            self._process.kill()
        answer = self._process.stdout.readline()
        if not answer:
            return Trial(None, "", "the process of the scripts has ended")
        lines = frozenset(map(int, (folder / "lines").read_text().split()))
        with open(folder / "output", "rb") as output, open(folder / "errors", "rb") as errors:
            return Trial(json.loads(answer)["status"], _printed(output), _printed(errors), lines)

    def close(self) -> None:
        """End the process."""
        try:
            self._process.communicate(timeout=_IMPORTS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._folder.cleanup()


def _environment(path: Sequence[str], folder: str) -> dict[str, str]:
    before = os.environ.get("PYTHONPATH")
    # A script that is killed leaves its temporary files: they go with the folder.
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*path, *([before] if before else [])]), "TMPDIR": folder}


def _printed(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _MOST_READ))
    return file.read().decode(errors="backslashreplace")
