"""CPython's own tests of its loops, with the bundled loop in their place.

The standard library's tests are not part of every Python: where they are missing, so are these.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import selectors
import subprocess
import sys
import unittest
from pathlib import Path

import pytest

MODULES = ("buffered_proto", "events", "sendfile", "server", "sock_lowlevel", "ssl", "streams", "subprocess")

OTHERS = {
    "HandleTests": "of asyncio.Handle",
    "TimerTests": "of asyncio.TimerHandle",
    "AbstractEventLoopTests": "of the abstract class",
    "PolicyTests": "of policies",
    "TestPyGetEventLoop": "of get_event_loop()",
    "TestCGetEventLoop": "of get_event_loop()",
    "SubprocessTransportTests": "of asyncio's own base class of process transports",
    "GenericWatcherTests": "of child watchers",
    "SubprocessFastWatcherTests": "the same as with the threaded watcher: our loop asks none",
    "SubprocessPidfdWatcherTests": "the same",
    "SubprocessSafeWatcherTests": "the same",
    "PollEventLoopTests": "the same as with a SelectSelector",
}
"""Classes of tests that are about something else than the loop, or twice about the same."""

INTERNAL = {
    "test_create_ssl_connection": 'wants "ssl" in the name of the class of the transport',
    "test_create_ssl_unix_connection": 'wants "ssl" in the name of the class of the transport',
    "test_timeout_rounding": "reads loop._selector",
    "test_flush_before_shutdown": "reads transport._ssl_protocol",
    "test_remote_shutdown_receives_trailing_data": "calls transport._test__append_write_backlog()",
    "test_remote_shutdown_receives_trailing_data_on_slow_socket": "calls the same",
    "test_watcher_implementation": "reads loop._watcher",
    "test_pid_not_reaped_before_exit_published": "reads loop._watcher",
}
"""Tests that are not run because they look at what is asyncio's own affair, and at what."""

DEADLINE = 300.0
"""Seconds for one module, which takes up to ten on an idle machine."""


def run(module: str) -> None:
    """In a process of its own: run a module's tests with the bundled loop, and print what became of each."""
    import asyncio

    from loopcheck.baseline import SelectorLoop

    asyncio.SelectorEventLoop = SelectorLoop  # type: ignore[misc, assignment]
    asyncio.new_event_loop = asyncio.events.new_event_loop = SelectorLoop  # type: ignore[assignment]
    selectors.EpollSelector = lambda: None  # type: ignore[misc, assignment]  # without a selector, ours polls by itself
    tests = importlib.import_module(f"test.test_asyncio.test_{module}")
    suite = unittest.TestSuite()
    for name, member in sorted(vars(tests).items()):
        if isinstance(member, type) and issubclass(member, unittest.TestCase) and name not in OTHERS:
            tests_of_class = unittest.defaultTestLoader.loadTestsFromTestCase(member)
            suite.addTests(test for test in tests_of_class if test._testMethodName not in INTERNAL)  # type: ignore[union-attr]
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=1).run(suite)
    failed = [str(test.id()) for test, _ in result.failures + result.errors]
    print(json.dumps({"run": result.testsRun, "failed": failed}))


@pytest.mark.skipif(not importlib.util.find_spec("test.test_asyncio"), reason="this Python comes without its own tests")
@pytest.mark.parametrize("module", MODULES)
def test_passes_cpythons_own_tests(module: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, module],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])

    assert found["failed"] == [], done.stderr
    assert found["run"] > 0


if __name__ == "__main__":
    run(sys.argv[1])
