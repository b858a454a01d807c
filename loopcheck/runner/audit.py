"""What a check left behind in its process: descriptors, threads, children, handlers, tasks, reports of errors.

Each finding is a kind and a phrase that reads after "left behind: ".
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

Finding = tuple[str, str]

ONCE: frozenset[str] = frozenset({"descriptors", "threads"})
"""Kinds that may be the first use of something that the process keeps for good, such as libuv's signal pipe: what is
not there a second time is no leak."""

_SLOW_COLLECTION = 0.0003
"""Seconds. A collection that takes longer looks mostly at modules that checks have imported: after a clean check, what
has survived is here for good."""

_DESCRIPTORS = next((path for path in ("/proc/self/fd", "/dev/fd") if os.path.isdir(path)), None)


class Audit:
    """Looks at the process before a check and after it.

    Made once per process, before the first check. Installs hooks that collect what would otherwise be printed:
    unraisable exceptions, exceptions that end threads, and errors on the logger "asyncio", which is where a loop's
    default exception handler reports.
    """

    def __init__(self) -> None:
        self.reports: list[str] = []
        sys.unraisablehook = self._unraisable
        threading.excepthook = self._thread_died
        logger = logging.getLogger("asyncio")
        logger.propagate = False
        logger.handlers[:] = [_Collector(self.reports)]
        self._hooks = (sys.unraisablehook, threading.excepthook)
        # What is here now is here for good: a collection after each check then looks only at what the check made.
        gc.collect()
        gc.freeze()
        self.before: dict[str, Any] = {}
        self._clean = False
        self._own = _inventory_fds()
        self._tax: dict[str, Counter[str]] = {}
        self._new: dict[str, list[str]] = {}

    def start(self) -> None:
        """Take the inventory that :meth:`findings` compares with."""
        self.reports.clear()
        if not self._clean:  # else the last one found nothing, and nothing has happened since
            self.before = _inventory()

    def measure_tax(self, factory: Callable[[], Any], grace: float) -> None:
        """Learn what a loop of the subject leaves behind by merely being made, run and closed.

        That is one deviation, with a check of its own (``lifecycle::close_frees_file_descriptors``). Were it held
        against every check that makes a loop, the report would show nothing else.
        """
        for _ in range(2):  # the first loop of a process may set up what the process keeps for good
            self.start()
            loop = factory()
            loop.call_soon(loop.stop)
            loop.run_forever()
            loop.close()
            del loop
            self.findings([], 0, grace)
        self._tax = {kind: Counter(map(_sort, names)) for kind, names in self._new.items()}

    def findings(self, loops: list[Any], made: int, grace: float) -> list[Finding]:
        """What is there now that was not there before, after a garbage collection.

        Args:
            made: how many loops of the subject the check has made.
            grace: seconds to give threads that are on their way out, as closing a loop does not wait for its executor.
            loops: the loops that the check used; tasks pending on them are findings. Emptied: a loop that is only
                kept by us is gone, for a program.
        """
        found = [
            ("tasks", f"{len(pending)} pending task{'s' * (len(pending) > 1)}: {_names(pending)}")
            for loop in loops
            if (pending := asyncio.all_tasks(loop))
        ]
        loops.clear()
        running = asyncio._get_running_loop()
        if running is not None:
            found.append(("running loop", f"the running loop of this thread: {short(running)}"))
            asyncio._set_running_loop(None)
        started = time.perf_counter()
        gc.collect()
        collected = time.perf_counter() - started
        before, after = self.before, _inventory()
        if set(after["threads"]) - set(before["threads"]):
            deadline = time.monotonic() + grace
            for thread in threading.enumerate():
                if thread.ident not in before["threads"]:
                    thread.join(max(0.0, deadline - time.monotonic()))
            gc.collect()
            after = _inventory()
        self._new = {kind: _added(before, after, kind) for kind in ONCE}
        for kind, names in self._new.items():
            tax = self._tax.get(kind, Counter())
            if len(names) > tax.total() * made:
                found.append((kind, _WORDS[kind](_beyond(names, tax, made))))
        found += _compare(before, after)
        found += _missing(self._own, after["descriptors"])
        found += [("report", report) for report in self.reports]
        self._clean = not found and not any(self._new.values())
        if self._clean and collected > _SLOW_COLLECTION:
            gc.freeze()
        return found

    def _unraisable(self, unraisable: Any) -> None:
        # No reference to the object is kept: that would resurrect it.
        error = unraisable.exc_value if unraisable.exc_value is not None else unraisable.exc_type
        self.reports.append(f"an exception that nobody could catch: {short(error)} in {short(unraisable.object)}")

    def _thread_died(self, args: Any) -> None:
        name = args.thread.name if args.thread else "?"
        self.reports.append(f"a thread that ended with an exception: {name}: {short(args.exc_value)}")


class _Collector(logging.Handler):
    def __init__(self, reports: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._reports = reports

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception as error:
            message = f"a record that cannot be formatted: {type(error).__name__}"
        if record.exc_info and record.exc_info[1] is not None:
            message += f" ({short(record.exc_info[1])})"
        self._reports.append(f"an error that the loop logged: {message[:500]}")


def _inventory() -> dict[str, Any]:
    wakeup = signal.set_wakeup_fd(-1)
    if wakeup != -1:
        with contextlib.suppress(OSError):  # a loop may have closed it, and left it registered
            signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    return {
        "descriptors": _inventory_fds(),
        "threads": _inventory_threads(),
        "children": _has_children(),
        "signals": [_handler(number) for number in _SIGNALS],
        "wakeup": wakeup,
        "asyncgens": tuple(sys.get_asyncgen_hooks()),
        "origins": sys.get_coroutine_origin_tracking_depth(),
        "cwd": _cwd(),
    }


def _inventory_fds() -> dict[str, str]:
    if _DESCRIPTORS is None:
        return {}
    found = {}
    for name in os.listdir(_DESCRIPTORS):
        # The descriptor that lists the folder is gone by now, and fails here.
        try:
            found[name] = os.readlink(f"{_DESCRIPTORS}/{name}")
        except OSError:
            try:
                status = os.fstat(int(name))
                found[name] = f"{status.st_dev}:{status.st_ino}"
            except OSError:
                continue
    return found


def _inventory_threads() -> dict[int, str]:
    # Python's threads alone: a subject's own native pool may well live as long as the process.
    # Nor do stand-ins count that Python makes when a native thread asks who it is.
    return {
        thread.ident or 0: thread.name
        for thread in threading.enumerate()
        if not isinstance(thread, threading._DummyThread)
    }


_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}) if hasattr(signal, "SIGKILL") else []


def _handler(number: int) -> Any:
    return signal.getsignal(number)


def _has_children() -> bool:
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _added(before: dict[str, Any], after: dict[str, Any], kind: str) -> list[str]:
    return sorted(what for key, what in after[kind].items() if key not in before[kind])


def _beyond(names: list[str], tax: Counter[str], made: int) -> list[str]:
    """The names without those that so many loops leave anyway, one of a sort for one: those are not the check's."""
    due = Counter({sort: count * made for sort, count in tax.items()})
    beyond = []
    for name in names:
        if due[_sort(name)] > 0:
            due[_sort(name)] -= 1
        else:
            beyond.append(name)
    return beyond


def _sort(name: str) -> str:
    """What a descriptor or thread is, without what tells one from another: "socket" of "socket:[123]"."""
    return name.split(":")[0].rsplit("/", 1)[-1]


def _descriptors(targets: list[str]) -> str:
    kinds = ", ".join(sorted(set(map(_sort, targets))))
    return f"{len(targets)} open file descriptor{'s' * (len(targets) > 1)} ({kinds})"


def _threads(names: list[str]) -> str:
    return f"{len(names)} running thread{'s' * (len(names) > 1)}: {', '.join(names)}"


_WORDS = {"descriptors": _descriptors, "threads": _threads}


def _compare(before: dict[str, Any], after: dict[str, Any]) -> list[Finding]:
    found = []
    if after["children"] and not before["children"]:
        found.append(("children", "a child process, running or not waited for"))
    for number, was, now in zip(_SIGNALS, before["signals"], after["signals"], strict=True):
        if was != now:
            name = signal.Signals(number).name if number in _NAMED else str(number)
            found.append(("signals", f"a changed handler of {name}: {short(now)}"))
    for key, what in _SINGLE.items():
        if before[key] != after[key]:
            found.append((key, what))
    return found


def _missing(own: dict[str, str], now: dict[str, str]) -> list[Finding]:
    found = []
    if closed := sorted((name for name in own if name not in now), key=int):
        found.append(("closed", f"closed descriptors that were not its own: {', '.join(closed)}"))
    if replaced := sorted((name for name in now if name in own and now[name] != own[name]), key=int):
        found.append(("closed", f"replaced descriptors that were not its own: {', '.join(replaced)}"))
    return found


_SINGLE = {
    "wakeup": "a signal wakeup descriptor",
    "asyncgens": "hooks for asynchronous generators",
    "origins": "coroutine origin tracking, switched on",
    "cwd": "another working directory",
}

_NAMED = {int(member) for member in signal.Signals}


def _names(tasks: set[Any]) -> str:
    return ", ".join(sorted(short(task) for task in tasks))[:300]


def short(value: object) -> str:
    """The beginning of what repr() says, whatever that does."""
    try:
        return repr(value)[:200]
    except BaseException as error:  # in a loop written in Rust it may panic
        return f"<{type(value).__name__} whose repr() raises {type(error).__name__}>"
