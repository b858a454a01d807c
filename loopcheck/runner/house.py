"""The program of the runner's own processes: ``python -c "..." ROLE ...``.

It is a pytest session of its own, in a clean house: no conftest, no ini file, no third-party plugin. That gives
checks pytest's assertion introspection by public means, while nothing of the user's project reaches them.

Two roles. A *nursery* imports pytest, the kit and the checks once, and forks a child for every request; it never
imports a subject, runs no thread and no loop while it lives, so forking it is safe. A *solo* is one child in a
process of its own, for platforms without fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from typing import Any

import pytest

from loopcheck.needs import NEEDS, is_met
from loopcheck.runner import calibration
from loopcheck.runner.child import Child, Comparison, prepare
from loopcheck.runner.processes import OUR_FAULT, kill_group
from loopcheck.runner.wire import Closed, Wire

_UNUSED = (
    "cacheprovider capture doctest faulthandler junitxml logging pastebin stepwise threadexception "
    "unraisableexception warnings"
)
"""Plugins of pytest's own that change hooks, filters or output of the process."""

_LAST_LOOK = 0.2
"""Seconds in which guests may follow a starter that is gone; one that ends as usual waits for us a little longer."""


class Guest:
    """A runner that has children forked, by its conversation with the nursery."""

    def __init__(self, wire: Wire, folder: str | None = None) -> None:
        self.wire = wire
        self.children: set[int] = set()
        self.folder = folder
        """Where it keeps its files; None until it tells."""

    def end_children(self) -> None:
        """End its children, when it or the nursery is about to be gone."""
        for pid in self.children:
            end(pid, 0.0)

    def clear_up(self) -> None:
        """Remove its files, when it is gone: it may have been killed."""
        self.wire.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class House:
    """The plugin that turns the session into a server."""

    def __init__(self, role: str, wire: Wire, areas: list[str], door: socket.socket | None = None) -> None:
        self.role = role
        self.wire = wire
        self.areas = areas
        self.door = door
        self.guests: dict[int, Guest] = {}
        self.environment: dict[str, str] = {}
        self.comparison: Comparison = {}
        self.stack: Any = None
        self.session: pytest.Session | None = None

    def pytest_collection(self, session: pytest.Session) -> bool:
        """There is nothing to collect."""
        return True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Import the battery, then serve."""
        self.session = session
        pytest.register_assert_rewrite("loopcheck.checks", "loopcheck.canaries", "loopcheck.kit")
        from loopcheck import check, kit

        for area in self.areas:
            for entry in check.catalogue(area):
                tools = inspect.signature(entry.function).parameters if entry.function else ()
                for name in kit.HEAVY.keys() & {*tools, entry.setting}:
                    importlib.import_module(kit.HEAVY[name])
        os.environ.clear()
        os.environ.update(self.environment)
        if self.role == "nursery":
            self.nurse()
        else:
            self.solo()
        return True

    def greeting(self) -> dict[str, Any]:
        """What this machine is like, asked here because pytest's process may be patched."""
        from loopcheck import check

        # Only what may be asked for: some needs take a while to find out about.
        asked = {need for area in self.areas for entry in check.catalogue(area) for need in entry.needs}
        return {"slowness": calibration.slowness(), "met": [name for name in NEEDS if name in asked and is_met(name)]}

    def solo(self) -> None:
        """Be one child."""
        self.wire.send(self.greeting())
        request = self.wire.receive()
        self.be_child(self.wire, request["printed"], request["stack"])

    def nurse(self) -> None:
        """Fork children on request until the runner that started us is gone, and take all of them along."""
        greeting = self.greeting()
        gc.collect()
        gc.freeze()
        with contextlib.suppress(Closed):  # we shall hear of it below
            self.wire.send(greeting)
        assert self.door is not None
        starter = Guest(self.wire, tempfile.gettempdir())
        self.guests = {self.wire.fileno(): starter}
        poll = select.poll()
        poll.register(self.wire.fileno(), select.POLLIN)
        poll.register(self.door.fileno(), select.POLLIN)
        while self.wire.fileno() in self.guests:
            for number, _ in poll.poll():
                if number == self.door.fileno():
                    guest = Guest(Wire(self.door.accept()[0]))
                    self.guests[guest.wire.fileno()] = guest
                    poll.register(guest.wire.fileno(), select.POLLIN)
                    with contextlib.suppress(Closed):
                        guest.wire.send(greeting)
                    continue
                try:
                    self.attend(self.guests[number])
                except Closed:
                    poll.unregister(number)
                    guest = self.guests.pop(number)
                    guest.end_children()
                    if guest is not starter:
                        guest.clear_up()
        self.see_off()
        starter.clear_up()  # last: a starter that is there does not wait long for us to end

    def see_off(self) -> None:
        """Part from the guests that there are when the starter is gone."""
        poll = select.poll()
        for number, guest in self.guests.items():
            guest.end_children()
            poll.register(number, 0)  # all that we want to hear is that it hangs up
        # Who was killed together with the starter is gone in a moment. Others put their files away themselves.
        until = time.monotonic() + _LAST_LOOK
        while self.guests and (left := until - time.monotonic()) > 0:
            for number, _ in poll.poll(1000 * left):
                poll.unregister(number)
                self.guests.pop(number).clear_up()

    def attend(self, guest: Guest) -> None:
        """Answer one request.

        Raises:
            Closed: the guest is gone.
        """
        request = guest.wire.receive()
        if request["do"] == "catalogue":
            from loopcheck import check

            guest.wire.send({"entries": [entry.to_message() for entry in check.catalogue(*request["areas"])]})
            return
        if request["do"] == "end":
            guest.children.discard(request["pid"])
            guest.wire.send({"status": end(request["pid"], request["grace"])})
            return
        guest.folder = os.path.dirname(request["printed"])
        ours, theirs = socket.socketpair()
        with ours:
            pid = os.fork()
            if pid == 0:
                self.in_fork(theirs, ours, request)
            theirs.close()
            guest.children.add(pid)
            guest.wire.send({"pid": pid}, descriptor=ours.fileno())

    def in_fork(self, theirs: socket.socket, ours: socket.socket, request: dict[str, Any]) -> None:
        """Live as a child; never comes back."""
        try:
            ours.close()
            for guest in self.guests.values():
                guest.wire.close()
            assert self.door is not None
            self.door.close()
            os.setsid()
            # A grandchild that a check leaves behind must not keep the conversation open after the child's death.
            os.register_at_fork(after_in_child=theirs.close)
            self.be_child(Wire(theirs), request["printed"], request["stack"])
        except BaseException:
            traceback.print_exc()  # into the file that the runner reads
            os._exit(OUR_FAULT)
        os._exit(0)

    def be_child(self, wire: Wire, printed: str, stack: str) -> None:
        """Serve one wire as a child."""
        self.stack = prepare(printed, stack)
        self.child = Child(wire, self.stack, self.comparison)
        assert self.session is not None
        # pytest explains failed comparisons only while an item runs, so one item lasts as long as the child.
        item = _Life.from_parent(self.session, name="child")
        self.session.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        """Run a child's whole life as one item."""
        self.child.serve()
        return True

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> None:
        """Keep the two sides of a comparison that failed; pytest explains them."""
        if op == "==":
            self.comparison.update(observed=_render(left), expected=_render(right))


class _Life(pytest.Item):
    def runtest(self) -> None:
        """Never called: the protocol hook above replaces it."""


def _render(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__} whose repr() raises {type(error).__name__}>"


def end(pid: int, grace: float) -> int:
    """End a child and all of its process group, and return its wait status.

    Args:
        pid: a child of this process that leads its own group.
        grace: seconds to let it die by itself of what it has been sent.
    """
    deadline = time.monotonic() + grace
    status = None
    while status is None:
        done, answer = os.waitpid(pid, os.WNOHANG)
        if done:
            status = answer
        elif time.monotonic() >= deadline:
            _kill(pid)
            _, status = os.waitpid(pid, 0)
        else:
            time.sleep(0.001)
    kill_group(pid)
    return status


def _kill(pid: int) -> None:
    kill_group(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main(role: str, descriptor: int, areas: list[str], door: int = -1) -> None:
    """Be a nursery or a solo, on the socket that was inherited as ``descriptor``; a nursery with a door for others."""
    assert threading.active_count() == 1
    listener = socket.socket(fileno=door) if door >= 0 else None
    house = House(role, Wire(socket.socket(fileno=descriptor)), areas, listener)
    house.environment = dict(os.environ)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    arguments = ["-c", os.devnull, "--rootdir", os.path.dirname(os.path.dirname(__file__)), "--noconftest", "-q"]
    for name in _UNUSED.split():
        arguments += ["-p", f"no:{name}"]
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # pytest's own greetings
    pytest.main(arguments, plugins=[house])
    os._exit(0)  # no exit handlers: nothing here needs them, and a subject's may do anything
