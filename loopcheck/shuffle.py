"""A plugin for pytest that runs checks in another order: ``-p loopcheck.shuffle --loop-shuffle=SEED``."""

from __future__ import annotations

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--loop-shuffle", metavar="SEED", default="", help="Run the checks in an order drawn by SEED")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Draw the order: the same in all of pytest-xdist's workers."""
    random.Random(config.getoption("loop_shuffle")).shuffle(items)
