"""Running the battery as a command does: pytest in a process of its own, in the user's folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from loopcheck.commands import Ended, Mistake
from loopcheck.report.reading import ReportError, Run, read

_PLUGINS = ("loopcheck.plugin", "xdist.plugin", "no:cacheprovider")


def report_of(
    subjects: Sequence[str],
    arguments: Sequence[str],
    *,
    workers: str,
    quiet: bool = False,
    python: Sequence[str] = (sys.executable,),
) -> Run:
    """Run the battery and read its report.

    The project's own configuration and plugins of pytest, and what it declares of the subjects, have no part in it.

    Args:
        subjects: what it runs over.
        arguments: more for pytest: ids, areas, options.
        workers: how many processes, as pytest-xdist's -n takes it.
        quiet: show nothing, unless pytest ends without a report; else its progress is on the terminal.
        python: what starts the Python that runs it.

    Raises:
        Ended: pytest ended without a report, and has said why.
        Mistake: the report is not whole.
    """
    with tempfile.TemporaryDirectory(prefix="loopcheck-") as folder:
        path = Path(folder, "report.jsonl")
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n")
        command = [*python, "-m", "pytest", "-c", str(settings), "--rootdir", folder, "--noconftest"]
        command += [word for plugin in _PLUGINS for word in ("-p", plugin)]
        command += ["-q", "--tb=no", "-r", "N", "-n", workers]
        command += [*(f"--loop-factory={subject}" for subject in subjects), f"--loop-report={path}", *arguments]
        status, output = run(command, quiet=quiet, env=_environment())
        if status not in (0, 1):
            sys.stderr.write(output)
            raise Ended(status)
        try:
            report = read(path)
        except ReportError as error:
            raise Mistake(str(error)) from None
    if not report.complete:
        raise Mistake("the run did not get to its end; run it again")
    return report


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    return own | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def run(command: Sequence[str], *, quiet: bool = False, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program to its end, also after Ctrl-C, which it hears too; its status, and what it printed if quiet."""
    to = subprocess.PIPE if quiet else None
    process = subprocess.Popen(command, stdout=to, stderr=subprocess.STDOUT if quiet else None, text=True, env=env)
    try:
        output = process.communicate()[0]
    except BaseException:
        process.communicate()
        raise
    return process.returncode, output or ""
