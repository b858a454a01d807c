"""The process that a :class:`loopcheck.compare.trial.Stage` starts: it forks one of its own for every script.

An interpreter that has imported asyncio and the subject is ready for the next script at once; a new one takes many
times as long.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import sys
import threading
import time
import traceback
import types
from pathlib import Path
from typing import Any, NoReturn

from loopcheck.runner.processes import kill_group

_READY = (
    "asyncio",
    "concurrent.futures.thread",
    "contextlib",
    "logging",
    "pkgutil",
    "socket",
    "ssl",
    "tempfile",
    "threading",
)
"""What scripts import most, besides the subject."""

_LOOK = 0.001
"""Seconds between two looks at a process that has not ended."""


def main() -> None:
    """Run scripts, one JSON line for each, until there are no more lines; arguments: the subject and a folder."""
    subject, folder = sys.argv[1:]
    # What the subject prints is no answer, and nobody's business.
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for module in (*_READY, subject.partition(":")[0]):
        with contextlib.suppress(Exception):  # the script will say so
            importlib.import_module(module)
    try:
        for line in sys.stdin.buffer:
            if not line.endswith(b"\n"):
                break  # who asked has gone
            asked = json.loads(line)
            pid = os.fork()
            if not pid:
                os.close(answers)
                _play(asked["text"], subject, Path(folder), watched=asked["watched"])
            answer = {"status": _ended(pid, asked["limit"])}
            os.write(answers, json.dumps(answer).encode() + b"\n")
    except BrokenPipeError:
        pass  # who asked has gone
    shutil.rmtree(folder, ignore_errors=True)  # who asked may have been killed


def _ended(pid: int, limit: float) -> int | None:
    """The exit status of a process, below 0 for a signal; None if it did not end in time."""
    until = time.monotonic() + limit
    status = None
    while True:
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(code)
            break
        if time.monotonic() > until:
            break
        time.sleep(_LOOK)
    kill_group(pid)
    if not ended:
        os.waitpid(pid, 0)
    return status


def _watch(file: str, lines: Path) -> None:
    """From now on, write the numbers of the lines of a file that are run into another file, at once."""
    seen: set[int] = set()
    target = os.open(lines, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def look(frame: types.FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        if frame.f_lineno not in seen:
            seen.add(frame.f_lineno)
            os.write(target, b"%d\n" % frame.f_lineno)
        return look

    threading.settrace(look)
    sys.settrace(look)


def _play(text: str, subject: str, folder: Path, *, watched: bool) -> NoReturn:
    """Be the process of a script, and end as an interpreter does, but for putting things away, which takes long."""
    os.setsid()
    for descriptor, where in ((0, os.devnull), (1, folder / "output"), (2, folder / "errors")):
        opened = os.open(where, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    sys.argv[:] = ["reproducer.py", subject]
    module: Any = types.ModuleType("__main__")
    module.__file__ = str(folder / "reproducer.py")
    sys.modules["__main__"] = module
    status = 0
    code = compile(text, module.__file__, "exec")
    if watched:
        _watch(module.__file__, folder / "lines")
    try:
        exec(code, vars(module))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
