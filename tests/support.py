"""What the tests of loopcheck share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"


@dataclass
class Run:
    """What a run of pytest in a folder of its own left."""

    status: int
    output: str
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """The record of each id."""
        found = [record for record in self.records if record["record"] == "check"]
        by_id = {record["id"]: record for record in found}
        assert len(by_id) == len(found), "an id has two records"
        return by_id

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each id."""
        return {id: record["outcome"] for id, record in self.checks.items()}

    @property
    def header(self) -> dict[str, Any]:
        """The first record."""
        assert self.records[0]["record"] == "header"
        return self.records[0]

    @property
    def footer(self) -> dict[str, Any]:
        """The last record."""
        assert self.records[-1]["record"] == "footer"
        return self.records[-1]


def environment(*paths: Path) -> dict[str, str]:
    """The environment of a user: nothing of the run that these tests are in, and the fixtures importable."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "GITHUB_")) and name != "CI"
    }
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PY_COLORS": "0", "COLUMNS": "120"}


def loopcheck(*arguments: str, cwd: Path, status: int = 0) -> str:
    """Run the command line as a user does; what it printed."""
    cwd.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from loopcheck.cli import main; sys.exit(main())", *arguments],
        cwd=cwd,
        env=environment(FIXTURES / "loops"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == status, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


OTHERS_OFF = [
    word for name in ("asyncio", "anyio", "randomly", "timeout", "rerunfailures") for word in ("-p", f"no:{name}")
]
"""Options that switch off the plugins which are installed for the tests of hostile projects."""

PytestRunner = Callable[..., Run]


def runner_in(base: Path) -> PytestRunner:
    """A function that runs pytest as a user does: a new process, in an empty folder unless another is given."""

    def run(
        *arguments: str,
        cwd: Path | None = None,
        timeout: float = 300,
        env: dict[str, str] | None = None,
        report: bool = True,
        plugins: bool = False,
    ) -> Run:
        folder = cwd or base / "project"
        folder.mkdir(exist_ok=True)
        path = base / "report.jsonl"
        path.unlink(missing_ok=True)
        options = [f"--loop-report={path}"] if report else []
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *([] if plugins else OTHERS_OFF), *options, *arguments],
            cwd=folder,
            env=environment(FIXTURES / "loops", FIXTURES / "vandals", FIXTURES / "causes") | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        records = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return Run(done.returncode, done.stdout, records)

    return run
