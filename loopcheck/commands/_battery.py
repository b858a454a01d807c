"""Running the battery from a command: pytest in a process of its own, in the user's folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loopcheck.commands import Ended, Mistake
from loopcheck.report.reading import ReportError, Run, read


def report_of(factory: str, arguments: Sequence[str], *, workers: str) -> Run:
    """Run the battery over a subject, with pytest's progress on the terminal, and read its report.

    The project's own configuration of pytest, and what it declares of the subject, have no part in it.

    Args:
        factory: the subject.
        arguments: more for pytest: ids, areas, options.
        workers: how many processes, as pytest-xdist's -n takes it.

    Raises:
        Ended: pytest ended without a whole report, and has said why.
        Mistake: the subject passes through nothing that a report can be made of.
    """
    with tempfile.TemporaryDirectory(prefix="loopcheck-") as folder:
        path = Path(folder, "report.jsonl")
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-c", str(settings), "--rootdir", folder, "--noconftest"]
        command += ["-p", "no:cacheprovider", "-q", "--tb=no", "-r", "N", "-n", workers]
        command += [f"--loop-factory={factory}", f"--loop-report={path}", *arguments]
        status = subprocess.run(command).returncode
        if status not in (0, 1):
            raise Ended(status)
        try:
            run = read(path)
        except ReportError as error:
            raise Mistake(str(error)) from None
    if not run.complete:
        raise Mistake("the run did not get to its end, so nothing is written")
    return run
