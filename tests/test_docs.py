"""What the documentation shows is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import ROOT

from loopcheck import known
from loopcheck.check import catalogue
from loopcheck.commands.init import workflow
from loopcheck.outcomes import OUTCOME_MEANS

DOCS = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", path.read_text())

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_ids_of_checks_exist(path: Path) -> None:
    ids = {entry.id for entry in catalogue()}
    areas = {entry.area for entry in catalogue()}
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
