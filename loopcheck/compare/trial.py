"""Tries a script out: in a process of its own, with a deadline, on a loop."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from loopcheck.runner.processes import kill_group

_MOST_READ = 100_000
"""Bytes of what a script has printed: the last ones."""


@dataclass(frozen=True)
class Trial:
    """How a script has ended."""

    status: int | None
    """Its exit status, below 0 for a signal; None if it did not end in time."""
    output: str
    errors: str


def run(text: str, subject: str, path: Sequence[str], limit: float) -> Trial:
    """Run a script on a loop.

    Args:
        text: the script; it takes the loop as its argument.
        subject: the loop, ``MODULE:NAME``.
        path: folders that go before sys.path when the subject is imported.
        limit: seconds that it gets.
    """
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join([*path, *filter(None, [environment.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory(prefix="loopcheck-") as folder:
        file = Path(folder, "reproducer.py")
        file.write_text(text, encoding="utf-8")
        with open(Path(folder, "output"), "w+b") as output, open(Path(folder, "errors"), "w+b") as errors:
            # No pipe, which a child of the script might hold open; a group of its own, so that no such child stays.
            process = subprocess.Popen(
                [sys.executable, str(file), subject],
                env=environment,
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


def _printed(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _MOST_READ))
    return file.read().decode(errors="backslashreplace")
