"""Fixtures of the tests of loopcheck."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support import PytestRunner, runner_in


def pytest_configure() -> None:
    """Be interruptible, and with us all that the tests start: a shell ignores SIGINT for what it runs beside itself."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # A busy machine says nothing about what is tested. No file keeps examples: the kit, once a test has imported it,
    # leaves hypothesis no folder for them.
    settings.register_profile("tests", settings(), database=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("tests")


@pytest.fixture
def run_pytest(tmp_path: Path) -> PytestRunner:
    """Run pytest as a user does."""
    return runner_in(tmp_path)
