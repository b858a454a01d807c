"""What the documentation shows is what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, PytestRunner

from loopcheck import known
from loopcheck.check import area_names, canary_names, catalogue
from loopcheck.commands.init import workflow
from loopcheck.outcomes import OUTCOME_MEANS

DOCS = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", path.read_text())

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_ids_of_checks_exist(path: Path) -> None:
    entries = [*catalogue(), *catalogue(*canary_names())]
    ids = {entry.id for entry in entries}
    areas = {entry.area for entry in entries}
    named = re.findall(r"\b([a-z_]+)::([a-z0-9_]+)(\[[a-z-]+\])?", path.read_text())
    unknown = [f"{area}::{name}{setting}" for area, name, setting in named if area in areas and name != "the_new_name"]

    assert [id for id in unknown if id not in ids] == []


def test_declarations_are_right(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "adopting.md").read_text(), re.S)
    path = tmp_path / "loopcheck.toml"
    path.write_text(example)
    declaration = known.read(path)
    declaration.validate(catalogue())

    assert declaration.factory == "yourpkg:Loop"


def test_the_workflow_is_what_init_writes() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "adopting.md").read_text(), re.S)

    assert shown == [workflow()]


def test_every_outcome_is_told(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "report-format.md").read_text()

    assert [word for word, means in OUTCOME_MEANS.items() if f"| `{word}` | {means} |" not in text] == []


GUIDE = ROOT / "docs" / "writing-a-loop.md"
SAMPLES = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)


def test_samples_of_the_guide_run() -> None:
    program: dict[str, Any] = {"__name__": "guide"}
    for sample in SAMPLES:
        exec(compile(sample, GUIDE.name, "exec"), program)


def test_the_smallest_loop_passes_what_the_guide_says(tmp_path: Path, run_pytest: PytestRunner) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "smallest.py").write_text(SAMPLES[0])
    ids = [
        "scheduling::call_soon_fifo_order",
        "scheduling::timers_run_in_deadline_order",
        "tasks::create_task_returns_asyncio_task",
    ]
    run = run_pytest("--loop-factory=smallest:Loop", *ids, env={"PYTHONPATH": str(tmp_path / "project")})

    assert run.outcomes == dict.fromkeys(ids, "passed"), run.output


def test_the_guide_names_every_area_and_every_module_of_the_baseline() -> None:
    text = GUIDE.read_text()
    modules = {path.stem for path in (ROOT / "loopcheck" / "baseline").glob("[a-z]*.py")} - {"contract", "loop"}

    assert [name for name in {*modules, *area_names()} if f"`{name}`" not in text and f"`{name}.py`" not in text] == []
