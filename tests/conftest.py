"""Fixtures of the tests of loopcheck."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import PytestRunner, runner_in


@pytest.fixture
def run_pytest(tmp_path: Path) -> PytestRunner:
    """Run pytest as a user does."""
    return runner_in(tmp_path)
