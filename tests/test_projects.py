"""The battery gives the same verdicts in a hostile project as in an empty folder."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
from support import FIXTURES, PytestRunner

IDS = [
    "scheduling::call_soon_fifo_order",
    "scheduling::handle_cancel_prevents_run",
    "scheduling::call_later_runs_after_delay",
    "task_registration::created_task_visible_immediately",
]
EXPECTED = dict.fromkeys(IDS, "passed") | {"scheduling::handle_cancel_prevents_run": "failed"}
PROJECTS = sorted(folder.name for folder in (FIXTURES / "projects").iterdir() if folder.is_dir())
PLUGINS = ("pytest_asyncio", "anyio", "pytest_randomly", "pytest_timeout", "pytest_rerunfailures")


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("name", PROJECTS)
def test_same_verdicts(run_pytest: PytestRunner, tmp_path: Path, name: str, workers: str) -> None:
    if name == "busy_plugins":
        missing = [plugin for plugin in PLUGINS if importlib.util.find_spec(plugin) is None]
        assert not missing, f"the development extra installs {missing}"
    project = tmp_path / name
    shutil.copytree(FIXTURES / "projects" / name, project)
    run = run_pytest("--loop-factory=runs_cancelled_callbacks:Loop", *IDS, "-n", workers, cwd=project, plugins=True)

    assert run.outcomes == EXPECTED, run.output
    assert run.status == 1
    assert run.checks[IDS[1]]["expected"] != run.checks[IDS[1]]["observed"]


def test_a_short_timeout_of_theirs_does_not_end_a_hang_of_ours(run_pytest: PytestRunner, tmp_path: Path) -> None:
    project = tmp_path / "busy_plugins"
    shutil.copytree(FIXTURES / "projects" / "busy_plugins", project)
    run = run_pytest("--loop-factory=busy_callback:Loop", *IDS[:1], "--loop-time-limit=2", cwd=project, plugins=True)

    assert run.outcomes == {IDS[0]: "hang"}, run.output
    assert "did not end within" in run.checks[IDS[0]]["message"]
