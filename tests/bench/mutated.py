"""What mutants.py has judged: the bundled loop with one change, or counting which of its lines run.

No test imports this: the children of the runner do, as they import any subject.
``MUTANTS_FOLDER`` names a folder; ``mutated:m17.SelectorLoop`` is the loop with the module that ``m17.json`` in it
holds, and what ``mutated:reached1.SelectorLoop`` runs is in its file ``reached1``, line by line.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

FOLDER = Path(os.environ["MUTANTS_FOLDER"])
PACKAGE = "loopcheck.baseline"


class Instead:
    """A finder and loader of one module: another text in the place of its own."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """That is the one."""
        return ModuleSpec(name, self) if name == self.name else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the other text."""
        exec(compile(self.text, f"<a mutant of {self.name}>", "exec"), module.__dict__)


def mutant(name: str) -> ModuleType:
    """The bundled loop with the change that is called so."""
    change = json.loads((FOLDER / f"{name}.json").read_text())
    sys.meta_path.insert(0, Instead(f"{PACKAGE}.{change['module']}", change["text"]))
    return importlib.import_module(PACKAGE)


class Reached:
    """The bundled loop, writing down each of its lines once for every loop that a check makes."""

    def __init__(self, file: str) -> None:
        self.package = importlib.import_module(PACKAGE)
        self.home = os.path.dirname(self.package.__file__ or "")
        self.file = os.open(FOLDER / file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        tool = sys.monitoring.COVERAGE_ID
        sys.monitoring.use_tool_id(tool, "mutants")
        sys.monitoring.register_callback(tool, sys.monitoring.events.LINE, self.line)
        sys.monitoring.set_events(tool, sys.monitoring.events.LINE)

    def line(self, code: CodeType, number: int) -> object:
        """Write a line of the loop's down."""
        folder, _, file = code.co_filename.rpartition("/")
        if folder == self.home:
            os.write(self.file, f"{file.removesuffix('.py')} {number}\n".encode())
        return sys.monitoring.DISABLE

    def __getattr__(self, name: str) -> Callable[[], Any]:
        def make() -> Any:
            sys.monitoring.restart_events()
            return getattr(self.package, name)()

        return make


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return Reached(name) if name.startswith("reached") else mutant(name)
