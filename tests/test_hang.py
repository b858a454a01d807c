"""What is found out about a process that hangs, and that finding out never hurts."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopcheck.runner import hang
from loopcheck.runner.processes import Process
from loopcheck.runner.witness import Witness, answer

PY_SPY = """Process 27415: python -c hang
Python v3.13.0 (/usr/bin/python3.13)

Thread 27415 (idle): "MainThread"
    epoll_wait (libc.so.6)
    uv__io_poll (uvloop/loop.so)
    call_soon_fifo_order (loopcheck/checks/scheduling.py:78)
    _perform (loopcheck/kit/bench.py:142)
    Child.serve (loopcheck/runner/child.py:80)

Thread 27416 (idle)
    Witness._wait (loopcheck/runner/witness.py:50)
"""

PYSTACK = """Traceback for thread 27415 (python) [Has the GIL] (most recent call last):
    (C) File "???", line 0, in _start (/usr/bin/python3.13)
    (Python) File "/x/loopcheck/kit/bench.py", line 142, in _perform
        entry.function(**arguments)
    (Python) File "/x/loopcheck/checks/scheduling.py", line 78, in call_soon_fifo_order
        loop.call_soon(trace, number)
    (C) File "../sysdeps/unix/sysv/linux/pause.c", line 29, in pause (libc.so.6)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Have a shell script be the only tool that shows native frames."""

    def install(script: str) -> None:
        path = tmp_path / "py-spy"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        hang.native_tool.cache_clear()

    yield install
    hang.native_tool.cache_clear()


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """This very process, as if it were one that runs checks."""
    process: Any = Process(os.getpid(), None, tmp_path / "printed-1", tmp_path / "stack-1")  # type: ignore[arg-type]
    process.own = frozenset(hang.descriptors(os.getpid()))
    return process  # type: ignore[no-any-return]


def test_native_frames_end_where_loopcheck_begins() -> None:
    assert hang._tidy(PY_SPY) == (
        'Thread 27415 (idle): "MainThread"\n'
        "    epoll_wait (libc.so.6)\n"
        "    uv__io_poll (uvloop/loop.so)\n"
        "    call_soon_fifo_order (loopcheck/checks/scheduling.py:78)"
    )
    assert hang._tidy(PYSTACK) == (
        "Traceback for thread 27415 (python) [Has the GIL] (most recent call first):\n"
        '    (C) File "../sysdeps/unix/sysv/linux/pause.c", line 29, in pause (libc.so.6)\n'
        '    (Python) File "/x/loopcheck/checks/scheduling.py", line 78, in call_soon_fifo_order\n'
        "        loop.call_soon(trace, number)"
    )


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (f"cat <<'END'\n{PY_SPY}END", hang._tidy(PY_SPY)),
        ("echo 'Error: not permitted' >&2; exit 1", "py-spy could not look: Error: not permitted"),
        ("exit 1", "py-spy could not look: it does not say why"),
        ("kill -9 $$", "py-spy could not look: it does not say why"),
        ("printf '\\377\\000'", ""),
        ("exec sleep 30", "py-spy did not answer within 0.5 s"),
    ],
)
def test_a_tool_is_asked_and_need_not_answer(
    installed: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, script: str, found: str
) -> None:
    monkeypatch.setattr(hang, "_NATIVE_LIMIT", 0.5 if "sleep" in script else 30.0)
    installed(script)

    assert hang._native_stack(os.getpid()) == found


def test_what_a_tool_says_is_cut(installed: Callable[[str], None]) -> None:
    installed("echo 'Thread 1'; yes '    frame' | head -100000")

    assert len(hang._native_stack(os.getpid())) == hang._NATIVE_CUT


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no /proc to tell")
def test_descriptors_are_told_with_what_sockets_are_connected_to(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hang, "_TABLES_LIMIT", 60.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        with near, far:
            far.sendall(b"12345")
            port, peer = near.getsockname()[1], server.getsockname()[1]
            lines = hang._descriptors(process)

    told = [line.partition(": ")[2] for line in lines]
    assert f"TCP 127.0.0.1:{peer} LISTEN" in told
    assert f"TCP 127.0.0.1:{port} -> 127.0.0.1:{peer} ESTABLISHED 5 bytes unread" in told


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no /proc to tell")
def test_many_descriptors_are_counted(process: Process) -> None:
    pipes = [os.pipe() for _ in range(hang.MOST)]
    lines = hang._descriptors(process)
    for pair in pipes:
        os.close(pair[0])
        os.close(pair[1])

    assert len(lines) == hang.MOST + 1
    assert lines[-1].startswith("... and ")


def test_a_witness_answers_once_asked_and_is_no_thread_of_python(process: Process) -> None:
    before = threading.enumerate()
    Witness(str(process.stack), lambda: {"recorded": ["trace: 1"] * 100, "tasks": ["x" * 1000], "others": ["no"]})

    assert threading.enumerate() == before
    assert not os.path.exists(answer(str(process.stack)))
    assert hang._ask(process)
    assert hang._answer(process, time.monotonic() + 30) == {
        "recorded": ["trace: 1"] * hang.MOST,
        "tasks": ["x" * hang._CUT],
    }


def test_without_a_witness_there_is_no_answer(process: Process) -> None:
    assert not hang._ask(process)


def test_a_witness_that_cannot_speak_is_not_waited_for(process: Process) -> None:
    def describe() -> Any:
        raise SystemExit("its repr() panics")

    Witness(str(process.stack), describe)

    assert hang._ask(process)
    assert hang._answer(process, time.monotonic() + 0.1) == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tasks": 1}', '{"tasks": []}', "null"])
def test_an_answer_is_not_taken_on_trust(process: Process, text: str) -> None:
    Path(answer(str(process.stack))).write_text(text)

    assert hang._answer(process, time.monotonic()) == {}
