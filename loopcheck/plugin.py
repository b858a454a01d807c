"""The entry point for pytest: options, and nothing else until ``--loop-factory`` is given.

Whoever merely has loopcheck installed pays for this module at every start of pytest, so it imports nothing.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the same names are in ``pytest --help``."""
    group = parser.getgroup("loopcheck", "loopcheck: conformance of asyncio event loops")
    group.addoption(
        "--loop-factory",
        metavar="MODULE:NAME",
        action="append",
        default=[],
        help="Run the battery of checks over the loops that MODULE:NAME makes (a loop class or any callable, such as "
        "uvloop:new_event_loop); repeat for several. Checks are selected with ids (AREA or AREA::NAME), -k and -m; "
        "with paths on the command line those are run instead and get a fixture loop_factory",
    )
    group.addoption(
        "--loop-canaries",
        action="store_true",
        help="Run the canaries in place of the battery: short scenarios of real libraries (aiohttp, anyio, asyncssh, "
        "uvicorn with httpx, websockets) on the loop; named like checks, LIBRARY or LIBRARY::NAME. "
        "pip install 'loopcheck[canaries]' brings the libraries",
    )
    group.addoption(
        "--loop-fuzz",
        metavar="N",
        type=_number,
        default=0,
        help="Run N generated programs on the loop and on asyncio's own in place of the battery, and show the "
        "smallest of those that differ; what differed is kept in pytest's cache and comes first in the next run",
    )
    group.addoption(
        "--loop-fuzz-seed",
        metavar="SEED",
        type=_number,
        default=0,
        help="Which programs --loop-fuzz draws: the same number, the same programs (default 0)",
    )
    group.addoption(
        "--loop-report",
        metavar="PATH",
        default=None,
        help="Write one JSON record per line to PATH: a header, every check as it ends, a footer",
    )
    group.addoption(
        "--loop-level",
        choices=("must", "should", "may"),
        default="should",
        help="The lowest level whose failures fail the run: must (documented), should (CPython's loops all do it; the "
        "default) or may (quality); failures below it are advice",
    )
    group.addoption(
        "--loop-cards",
        choices=("causes", "all"),
        default="causes",
        help="Which failures have a card: those that no other failure explains (causes, the default) or all, which "
        "is what -v shows, too",
    )
    group.addoption(
        "--loop-reproducers",
        metavar="FOLDER",
        default=None,
        help="Write into FOLDER, for each failure that no other explains, a script that shows it without loopcheck and "
        "pytest, if it fails alike on the loop and passes on asyncio's own; takes about a second for each when the "
        "run has ended",
    )
    group.addoption(
        "--loop-time-limit",
        metavar="SECONDS",
        type=_positive,
        default=10.0,
        help="How long one check may take on a machine of ordinary speed before its process is killed and it counts "
        "as a hang (default 10); grows on slower or busier machines",
    )
    group.addoption(
        "--loop-spawn",
        action="store_true",
        help="Start a new interpreter for every child process instead of forking (the default where there is no fork); "
        "slower, for subjects that cannot live in a forked process",
    )
    group.addoption(
        "--loop-config",
        metavar="PATH",
        default=None,
        help="The file that declares what is known of a loop: its known failures and what it does not offer; without "
        "--loop-factory it names the loop, too (default: loopcheck.toml, or [tool.loopcheck] in pyproject.toml, of "
        "the rootdir, where that is about the loop under test)",
    )
    parser.addini(
        "loop_factory", "The value of --loop-factory when it is not given, one MODULE:NAME a line", "linelist"
    )


def _number(text: str) -> int:
    import argparse

    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number that is not negative; found {text!r}")
    return int(text)


def _positive(text: str) -> float:
    import argparse

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds; found {text!r}")
    return seconds


def pytest_configure(config: pytest.Config) -> None:
    """Wake up, if there is a subject."""
    factories = config.getoption("loop_factory") or config.getini("loop_factory")
    if (
        factories
        or config.getoption("loop_config")
        or config.getoption("loop_canaries")
        or config.getoption("loop_fuzz")
    ):
        from loopcheck.session import activate

        activate(config, factories)
