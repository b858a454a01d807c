"""The bench: one check, one fresh loop, and the tools that the check names as its parameters."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from loopcheck.check import Entry
from loopcheck.kit.wait import Errand

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
T = TypeVar("T")

TOOLS: dict[str, Callable[[Bench], contextlib.AbstractContextManager[Any]]] = {}
"""What a check may have as a parameter, by name."""

HEAVY: dict[str, str] = {"tls": "loopcheck.kit.authority", "compare": "loopcheck.kit.examples"}
"""Modules of tools, and of settings, that take longer to import than a check to run: imported before children are
forked.
"""


def tool(function: Callable[[Bench], Iterator[T]]) -> Callable[[Bench], contextlib.AbstractContextManager[T]]:
    """Declare a generator as a tool: what it yields is given to the check, what follows puts it away."""
    manager = contextlib.contextmanager(function)
    TOOLS[function.__name__] = manager
    return manager


class _Arranged:
    """The subject's factory, and what a setting does to each loop; no function, which would become a method."""

    def __init__(self, factory: LoopFactory, arrange: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        self._factory = factory
        self._arrange = arrange

    def __call__(self) -> asyncio.AbstractEventLoop:
        loop = self._factory()
        self._arrange(loop)
        return loop


def _python_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
    return asyncio.tasks._PyTask(coroutine, loop=loop, **options)  # type: ignore[attr-defined]  # no public name


def _eager_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
    # As asyncio.eager_task_factory, but whatever options the loop passes on: what suits that one, its checks say.
    if options.get("eager_start") is None:
        options["eager_start"] = True
    return asyncio.Task(coroutine, loop=loop, **options)


_ARRANGEMENTS: dict[str, Callable[[asyncio.AbstractEventLoop], None]] = {
    "debug": lambda loop: loop.set_debug(True),
    "eager-tasks": lambda loop: loop.set_task_factory(_eager_task),
    "python-tasks": lambda loop: loop.set_task_factory(_python_task),
}


class Bench:
    """Where one check runs: makes loops of the subject, hands out tools, and clears up.

    Args:
        factory: makes a loop of the subject.
        patience: how long, in seconds, a check waits for something that must happen.
        setting: the setting in which the check runs, one of ``loopcheck.settings``; empty for the plain run.
        spec: what the factory is called, ``MODULE:NAME``, for those who must find it in another process.
    """

    def __init__(self, factory: LoopFactory, patience: float, setting: str = "", spec: str = "") -> None:
        self.factory: LoopFactory = _Arranged(factory, _ARRANGEMENTS[setting]) if setting in _ARRANGEMENTS else factory
        self.patience = patience
        self.setting = setting
        self.spec = spec
        self.runner: asyncio.Runner | None = None
        self.loops: list[asyncio.AbstractEventLoop] = []
        self._tools: dict[str, Any] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Bench:
        if self.setting == "second-loop":
            self.new_loop().run_until_complete(asyncio.sleep(0))
        elif self.setting == "runner":
            self.runner = self._stack.enter_context(asyncio.Runner(loop_factory=self.new_loop))
        return self

    def __exit__(self, *failure: Any) -> None:
        try:
            self._stack.close()  # the tools put themselves away alike, whatever the check raised
        finally:
            for loop in reversed(self.loops):
                if not loop.is_closed() and not loop.is_running():
                    loop.close()

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Another loop of the subject, closed after the check if the check has not done so."""
        loop = self.factory()
        self.loops.append(loop)
        return loop

    def tool(self, name: str) -> Any:
        """The tool called ``name``, made when first asked for."""
        if name not in self._tools:
            self._tools[name] = self._stack.enter_context(TOOLS[name](self))
        return self._tools[name]

    def recorded(self) -> dict[str, list[Any]]:
        """What the tools that are lists hold so far, such as the trace."""
        return {name: list(made) for name, made in list(self._tools.items()) if isinstance(made, list)}


def perform(entry: Entry, bench: Bench) -> None:
    """Run one check on the bench.

    Raises:
        AssertionError: the subject does not behave as the check says.
        Exception: whatever else the check, or the subject in its stead, raised.
    """
    __tracebackhide__ = True
    if bench.setting == "other-thread":
        errand = Errand(_perform, entry, bench)
        errand.start()
        errand.result(patience=None)  # the runner outside holds the deadline
    else:
        _perform(entry, bench)


def _perform(entry: Entry, bench: Bench) -> None:
    __tracebackhide__ = True
    assert entry.function is not None
    with bench:
        arguments = {name: bench.tool(name) for name in inspect.signature(entry.function).parameters}
        if not inspect.iscoroutinefunction(entry.function):
            entry.function(**arguments)
            return

        # The body's own word, kept apart from the loop's: a loop that loses an exception, or says that a
        # coroutine is done which it never ran, must not turn a failure into a pass.
        ending: list[BaseException | None] = []

        async def body() -> None:
            __tracebackhide__ = True
            try:
                await entry.function(**arguments)  # type: ignore[misc]
            except BaseException as error:
                ending.append(error)
                raise
            else:
                ending.append(None)

        run = bench.runner.run if bench.runner else bench.tool("loop").run_until_complete
        coroutine = body()
        try:
            run(coroutine)
        except BaseException:
            if not ending or ending[0] is None:
                raise
        finally:
            coroutine.close()  # which the loop may have refused
        if not ending:
            raise AssertionError("the run of the loop returned before the coroutine it was given had ended")
        if ending[0] is not None:
            raise ending[0]


class Trace(list[Any]):
    """A list that is also a callback: called with one argument it appends it, with more it appends the tuple."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # a callback must be hashable, unlike other lists

    def __call__(self, *arguments: Any) -> None:
        self.append(arguments[0] if len(arguments) == 1 else arguments)

    def then(self, mark: Any) -> Callable[..., None]:
        """A callback that appends ``mark``, whatever it is called with."""
        return lambda *ignored: self.append(mark)


@tool
def loop(bench: Bench) -> Iterator[asyncio.AbstractEventLoop]:
    """A fresh loop of the subject; in an ``async def`` check, the one that runs it."""
    yield bench.runner.get_loop() if bench.runner else bench.new_loop()


@tool
def new_loop(bench: Bench) -> Iterator[LoopFactory]:
    """A function that makes further loops of the subject; they are closed after the check."""
    yield bench.new_loop


@tool
def loop_factory(bench: Bench) -> Iterator[LoopFactory]:
    """The subject's factory itself, for those who close what they make, such as asyncio.Runner."""
    yield bench.factory


@tool
def new_future(bench: Bench) -> Iterator[Callable[[], asyncio.Future[Any]]]:
    """A function that makes a pending future of asyncio's own class, on ``loop``."""
    of_python: Any = asyncio.futures._PyFuture  # type: ignore[attr-defined]  # it has no public name
    kind = of_python if bench.setting == "python-tasks" else asyncio.Future
    yield lambda: kind(loop=bench.tool("loop"))


@tool
def patience(bench: Bench) -> Iterator[float]:
    """How long to wait, in seconds, for what must happen; scaled by the speed of the machine."""
    yield bench.patience


@tool
def trace(bench: Bench) -> Iterator[Trace]:
    """A list to record what happened, in order; also a callback that records its arguments."""
    yield Trace()


@tool
def errors(bench: Bench) -> Iterator[list[dict[str, Any]]]:
    """The contexts that the loop gave to its exception handler; the loop is ``loop``."""
    contexts: list[dict[str, Any]] = []
    bench.tool("loop").set_exception_handler(lambda *given: contexts.append(given[-1]))
    yield contexts


@tool
def logged(bench: Bench) -> Iterator[list[logging.LogRecord]]:
    """What is logged, kept from the audit: the check expects it.

    All that the logger "asyncio" is told, and warnings and errors of any other: that a loop must use that logger is
    for checks of its own.
    """
    records: list[logging.LogRecord] = []
    logger, root = logging.getLogger("asyncio"), logging.getLogger()
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    others = root.handlers[:]
    logger.handlers[:], root.handlers[:] = [_Keeper(records)], [_Keeper(records, logging.WARNING)]
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield records
    logger.handlers[:], root.handlers[:] = handlers, others
    logger.propagate = propagate
    logger.setLevel(level)


class _Keeper(logging.Handler):
    def __init__(self, records: list[logging.LogRecord], level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@tool
def listener(bench: Bench) -> Iterator[socket.socket]:
    """A blocking TCP socket that listens on 127.0.0.1: the independent peer of a client.

    The kernel's backlog accepts, so a client connects before the check calls ``accept()``.
    """
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(bench.patience)
        yield sock


@tool
def socketpair(bench: Bench) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected stream sockets, both non-blocking."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    with near, far:
        yield near, far


@tool
def folder(bench: Bench) -> Iterator[str]:
    """The path of an empty folder, short enough for Unix socket addresses."""
    path = tempfile.mkdtemp(prefix="lc-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@tool
def tls(bench: Bench) -> Iterator[Any]:
    """Certificates and contexts, issued for this process: ``tls.server``, ``tls.client`` and many more."""
    from loopcheck.kit.authority import authority  # trustme takes longer to import than most checks to run

    with authority() as made:
        yield made
