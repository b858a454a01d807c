"""Carries a program out on a loop, and writes down what a program can observe.

What makes this repeatable: nothing waits for a length of time. A callback of ours runs in every turn and sees when
nothing happens any more. Only then one thing is let go that takes real time, a timer or another thread, and the loop
may sleep until it is over; then the next. So a busy machine changes when something happens, but never what before what.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import gc
import inspect
import logging
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from typing import Any

from loopcheck.compare import promised
from loopcheck.compare.language import NAME, WORDS, Program, Step
from loopcheck.compare.word import MAIN, SCRIPT, TIMER

Event = tuple[str, str, str, str]
"""What happened: who did it, what, what came of it, and what could be seen around: task and context."""

Trace = list[list[str]]
"""The events of a run, in order, as JSON has them."""

THE_PROCESS = "the process"
"""What an event is about that says how a process ended."""

QUIET = 10
"""So many turns without an event mean that nothing goes on: what asyncio does between two events takes fewer."""

RUNS = 30
"""How often the loop is run at the end, at most: programs stop it."""


class Rude(BaseException):
    """Neither an Exception nor one that leaves the loop."""


class Wrapped:
    """An awaitable object that is no future."""

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self._future = future

    def __await__(self) -> Iterator[Any]:
        """Wait for the future."""
        return self._future.__await__()


class bare:
    """An awaitable object that gives way once, as sleep(0) does."""

    def __await__(self) -> Iterator[None]:
        """Yield to the loop."""
        yield None


class Held(concurrent.futures.Executor):
    """An executor without threads: a job waits until the program says that it is done."""

    def __init__(self) -> None:
        self._jobs: list[tuple[concurrent.futures.Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """Keep a job."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._jobs.append((future, functools.partial(fn, *args, **kwargs)))
        return future

    def work(self) -> str:
        """Do the first job, unless it was cancelled."""
        if not self._jobs:
            return "over"
        future, job = self._jobs.pop(0)
        if not future.set_running_or_notify_cancel():
            return "cancelled"
        try:
            future.set_result(job())
        except Exception as error:
            future.set_exception(error)
        return "done"


class Pool(concurrent.futures.ThreadPoolExecutor):
    """An executor of the program's own, which tells how it is shut down."""

    def __init__(self, run: Run) -> None:
        super().__init__(1)
        self._run = run

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Tell it, and shut down."""
        self._run.unordered.append(("pool", "is shut down", f"wait {wait}", ""))
        super().shutdown(wait=wait, cancel_futures=cancel_futures)


def run(program: Program, factory: Callable[[], Any]) -> Trace:
    """Carry a program out on a new loop, which is closed in the end, and tell what happened."""
    kind = Run
    if program.place == SCRIPT:
        from loopcheck.compare.script import Script as kind
    # In the end garbage is collected. In what was there before, which may be much, nobody need look for it.
    gc.freeze()
    try:
        try:
            loop = factory()
        except Exception as error:
            return [["main", "the factory", f"raises {type(error).__name__}", ""]]
        return [list(event) for event in kind(program, loop).trace()]
    finally:
        gc.unfreeze()


def both_sides(program: Program, factory: Callable[[], Any]) -> tuple[Trace, Trace]:
    """What happens on a loop, and what on asyncio's own: for tests, which run both in their own process.

    A program with input and output that differs is run again, with more patience.
    """
    observed, expected = run(program, factory), run(program, asyncio.SelectorEventLoop)
    if observed != expected and program.place == SCRIPT:
        program = program.patient()
        observed, expected = run(program, factory), run(program, asyncio.SelectorEventLoop)
    return observed, expected


@functools.lru_cache(5000)
def _compiled(code: str) -> types.CodeType:
    return compile(code, "<program>", "eval")


class _Log(logging.Handler):
    """What goes to asyncio's logger."""

    def __init__(self, run: Run) -> None:
        super().__init__(logging.ERROR)
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._run.reported("log", record.getMessage().partition("\n")[0], record.levelname, error)


class Run:
    """One run of a program."""

    untold: tuple[type[Warning], ...] = (DeprecationWarning,)
    """Warnings of which nothing is told."""

    def __init__(self, program: Program, loop: Any) -> None:
        self.program = program
        self.loop = loop
        self.loop.slow_callback_duration = 1000.0
        self.thread = threading.get_ident()
        self.events: list[Event] = []
        self.unordered: list[Event] = []
        """What happened at a time that nobody promises."""
        self.var: contextvars.ContextVar[int | None] = contextvars.ContextVar("var", default=None)
        self.pool = Pool(self)
        self.names: dict[str, Any] = {
            "asyncio": asyncio,
            "contextvars": contextvars,
            "loop": self.loop,
            "var": self.var,
            "start": self.loop.time(),
            "sys": sys,
            "functools": functools,
            "concurrent": concurrent,
            "print": print,
            "Rude": Rude,
            "Wrapped": Wrapped,
            "held": Held(),
            "pool": self.pool,
            "bare": bare(),
            "handler": self.handler,
            "bad_handler": self.bad_handler,
            "exit_handler": self.exit_handler,
            "factory": self.factory,
            "bad_factory": self.bad_factory,
            "alone": self.alone,
            "timers": self.timers,
            "in_executor": self.in_executor,
            "in_thread": self.in_thread,
            "in_runner": self.in_runner,
            "interrupt": self.interrupt,
            "thread_wakes": self.thread_wakes,
            "drop": self.drop,
        }
        self.given: dict[int, str] = {}
        """The names of tasks and futures, which are kept, by identity."""
        self.kept: list[Any] = []
        self.seen = 0
        self.calm = 0
        self.ticking = False
        self.context = contextvars.copy_context()
        """In which we look: who made us look again, and so its context, may depend on time."""
        self.final = False
        self.over = False
        self.gates: list[asyncio.Future[None]] = []
        """Of what takes real time, in the order in which it was asked for."""
        self.under_way = 0
        """How much takes real time just now: what was let go, and timers that are due."""
        self.shutting_down = 0
        self.runners = 0
        """Whether asyncio.Runner runs something."""

    def trace(self) -> list[Event]:
        with _watched(self) as caught:
            try:
                self.drive()
            except BaseException as error:
                self.note("main", "the loop", f"raises {self.phrase(error)}")
            self.over = True
            self.clear()
        for warning in caught:
            if not issubclass(warning.category, self.untold) and not promised.is_the_loops(str(warning.message)):
                self.unordered.append(("python", "warns of", warning.category.__name__, ""))
        return self.events + sorted(self.unordered)

    def clear(self) -> None:
        """Drop everything, so that what complains when it is collected does so now."""
        self.names.clear()
        self.kept.clear()
        self.gates.clear()
        super(Pool, self.pool).shutdown()
        del self.loop, self.pool
        gc.collect()

    # the course of a program

    def drive(self) -> None:
        for step in self.program.steps:
            self.do("main", step)
        if self.loop.is_closed():
            return
        self.final = True
        for _ in range(RUNS):
            self.tick_again()
            try:
                self.loop.run_forever()
            except BaseException as error:
                self.note("main", "the last run", f"raises {self.phrase(error)}")
            if not self.ticking:
                break
        else:
            self.note("main", "the last run", "does not come to its end")
        for name, value in list(self.names.items()):
            if asyncio.isfuture(value):
                self.note("main", name, "was cancelled" if value.cancelled() else f"done: {value.done()}")
        self.shutting_down += 1
        self.last("shutdown_asyncgens()", lambda: self.loop.run_until_complete(self.loop.shutdown_asyncgens()))
        self.last("close()", self.loop.close)
        self.last("close() again", self.loop.close)

    def last(self, what: str, function: Callable[[], Any]) -> None:
        try:
            function()
        except BaseException as error:
            self.note("main", what, f"raises {self.phrase(error)}")

    def tick_again(self) -> None:
        if not self.ticking and not self.over and not self.loop.is_closed():
            self.ticking = True
            self.loop.call_soon(self.tick, context=self.context)

    def tick(self) -> None:
        """Once in every turn: is there still something going on?"""
        self.thread = threading.get_ident()
        self.ticking = False
        self.calm = self.calm + 1 if len(self.events) == self.seen else 0
        self.seen = len(self.events)
        if self.calm >= QUIET:
            self.calm = 0
            if self.under_way:
                return  # the loop may sleep now; an event wakes us
            if self.gates:
                gate = self.gates.pop(0)
                if not gate.done():
                    gate.set_result(None)
            elif not (self.final and self.cancel_all()):
                self.loop.stop()
                return
        self.tick_again()

    def cancel_all(self) -> bool:
        pending = [one for one in self.kept if asyncio.isfuture(one) and hasattr(one, "get_name") and not one.done()]
        if pending:
            self.note("main", "waiting at the end", ", ".join(map(self.phrase, pending)))
        for task in pending:
            task.cancel()
        return bool(pending)

    def awake(self) -> None:
        """Something happened in the loop: look again for when nothing does."""
        if not self.ticking and threading.get_ident() == self.thread and self.loop.is_running():
            self.tick_again()

    # steps

    def do(self, who: str, step: Step) -> Any:
        """Carry out a step that does not wait."""
        shutting_down = "shutdown" in step.word
        self.shutting_down += shutting_down
        if WORDS[step.word].where == (MAIN,):
            self.tick_again()
        try:
            value = self.evaluate(step)
        except BaseException as error:
            self.note(who, step.code, f"raises {self.phrase(error)}")
        else:
            self.note(who, step.code, self.phrase(value))
        finally:
            self.shutting_down -= shutting_down

    def evaluate(self, step: Step) -> Any:
        body = WORDS[step.word].body
        if body and body != "block":
            make = {"callback": self.callback, "task": self.task, "generator": self.generator, "thread": self.in_turn}
            if body == TIMER:
                self.names[step.function] = self.timer(step)
            elif body in make:
                self.names[step.function] = make[body](step)
        value = eval(_compiled(step.code), self.names)
        self.under_way += WORDS[step.word].makes == "m"
        if step.me and WORDS[step.word].makes != "c":
            self.names[step.me] = value
            if asyncio.isfuture(value):
                self.given[id(value)] = step.me
            if not isinstance(value, AsyncGenerator):
                self.kept.append(value)
        return value

    def callback(self, step: Step) -> Callable[..., None]:
        def called(*arguments: Any) -> None:
            self.note(step.function, "runs", ", ".join(map(self.phrase, arguments)))
            self.carry_out(step.function, step.body)

        return called

    def in_turn(self, step: Step) -> Callable[[], None]:
        return lambda: self.carry_out(step.function, step.body)

    def timer(self, step: Step) -> Callable[..., None]:
        def called(*arguments: Any) -> None:
            given = ", ".join(map(self.phrase, arguments))
            self.unordered.append((step.function, "runs", given, self.sees()))
            self.under_way -= WORDS[step.word].makes == "m"  # distant ones are not waited for
            self.awake()

        return called

    def carry_out(self, who: str, body: tuple[Step, ...]) -> None:
        for step in body:
            if WORDS[step.word].form == "raise":
                self.note(who, "raise", step.code)
                raise self.evaluate(step)
            self.do(who, step)

    def task(self, step: Step) -> Callable[[], Coroutine[Any, Any, str]]:
        async def work() -> str:
            who = f"t{step.me[1:]}"
            self.note(who, "begins", "")
            try:
                await self.work(who, step.body)
            except BaseException as error:
                self.note(who, "ends with", self.phrase(error))
                raise
            self.note(who, "ends", "")
            return who

        return work

    def generator(self, step: Step) -> Callable[[], AsyncGenerator[Any, None]]:
        async def generate() -> AsyncGenerator[Any, None]:
            who = step.me
            self.note(who, "begins", "")
            try:
                for one in step.body:
                    if WORDS[one.word].form == "yield":
                        yield self.evaluate(one)
                    else:
                        await self.perform(who, one)
            except BaseException as error:
                self.note(who, "is left with", self.phrase(error))
                raise
            self.note(who, "ends", "")

        return generate

    async def work(self, who: str, body: tuple[Step, ...]) -> None:
        for step in body:
            await self.perform(who, step)

    async def perform(self, who: str, step: Step) -> None:
        """Carry out a step that may wait; exceptions that are no cancellation are noted, and the next step follows."""
        form = WORDS[step.word].form
        if form == "call":
            self.do(who, step)
        elif form == "raise":
            self.note(who, "raise", step.code)
            raise self.evaluate(step)
        elif form == "await":
            await self.wait(who, step)
        elif form == "try":
            try:
                await self.work(who, step.body)
            except (asyncio.CancelledError, Exception) as error:
                if self.over:
                    raise
                self.note(who, "except", self.phrase(error))
        else:
            await self.block(who, step)

    async def wait(self, who: str, step: Step) -> None:
        shutting_down = "shutdown" in step.word
        self.shutting_down += shutting_down
        try:
            value = await self.evaluate(step)
        except BaseException as error:
            self.note(who, step.line, f"raises {self.phrase(error)}")
            if not isinstance(error, Exception):
                raise
        else:
            self.note(who, step.line, self.phrase(value))
        finally:
            self.shutting_down -= shutting_down

    async def block(self, who: str, step: Step) -> None:
        try:
            if WORDS[step.word].form == "async for":
                async for value in self.evaluate(step):
                    self.note(who, step.line, self.phrase(value))
                    await self.work(who, step.body)
            else:
                async with self.evaluate(step):
                    self.note(who, step.line, "")
                    await self.work(who, step.body)
        except BaseException as error:
            self.note(who, f"{step.line} block", f"raises {self.phrase(error)}")
            if not isinstance(error, Exception):
                raise
        else:
            self.note(who, f"{step.line} block", "is left")

    # what programs may use

    async def alone(self, what: Awaitable[Any] | Callable[[], Awaitable[Any]]) -> Any:
        """Wait until nothing else goes on, and then for something that takes real time."""
        gate = self.loop.create_future()
        self.gates.append(gate)
        try:
            await gate
        except BaseException:
            if inspect.iscoroutine(what):
                what.close()
            raise
        self.under_way += 1
        try:
            return await (what() if callable(what) else what)
        finally:
            self.under_way -= 1
            self.awake()

    async def timers(self, *delays: float) -> list[float]:
        """Timers with different times, of which nothing else is to be seen than the order in which they run."""
        ran: list[float] = []
        last = self.loop.create_future()
        now = self.loop.time()  # once: between two calls of call_later() a busy machine may do something else
        for delay in delays:
            self.loop.call_at(now + delay, ran.append, delay)
        self.loop.call_at(now + max(delays) + 0.001, last.set_result, None)
        await last
        return ran

    async def in_executor(self, value: Any) -> Any:
        """What a thread of the executor returns, or raises."""

        def job() -> Any:
            if isinstance(value, BaseException):
                raise value
            return value

        return await self.loop.run_in_executor(None, job)

    def in_thread(self, function: Callable[[], Any]) -> None:
        """Carry something out in another thread; this one waits for it."""
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()

    def in_runner(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """What asyncio.Runner makes of a coroutine."""

        async def kept() -> Any:
            self.kept.append(asyncio.current_task())
            return await work()

        self.runners += 1
        try:
            return asyncio.Runner(loop_factory=lambda: self.loop).run(kept())
        finally:
            self.runners -= 1

    def interrupt(self) -> str | None:
        """Ctrl-C, for asyncio.Runner."""
        if not self.runners or threading.current_thread() is not threading.main_thread():
            return "over"
        signal.raise_signal(signal.SIGINT)
        return None

    async def thread_wakes(self) -> str:
        """Sleep until another thread calls."""
        woken = self.loop.create_future()

        def call() -> None:
            time.sleep(0.001)  # so that the loop is asleep, most of the time
            self.loop.call_soon_threadsafe(woken.set_result, "woken")

        thread = threading.Thread(target=call)
        thread.start()
        try:
            result: str = await woken
        finally:
            thread.join()
        return result

    def drop(self, name: str) -> None:
        """Forget an async generator."""
        self.names.pop(name)

    def handler(self, loop: Any, context: dict[str, Any]) -> None:
        """An exception handler."""
        message = str(context.get("message"))
        keys = ", ".join(sorted(context))
        about = [self.phrase(context[key]) for key in ("task", "future") if key in context]
        self.reported("handler", message, " ".join([f"({keys})", *about]), context.get("exception"))

    def bad_handler(self, loop: Any, context: dict[str, Any]) -> None:
        """An exception handler that fails."""
        self.handler(loop, context)
        if not promised.when_collected(str(context.get("message"))):
            raise ValueError("h")

    def exit_handler(self, loop: Any, context: dict[str, Any]) -> None:
        """An exception handler that wants to end the program."""
        self.handler(loop, context)
        if not promised.when_collected(str(context.get("message"))):
            raise SystemExit("h")

    def factory(self, loop: Any, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        """A task factory."""
        # Which options are None when nobody gave them, differs from loop to loop and from Python to Python.
        given = sorted(name for name in options if name == "context" and options[name] is not None)
        self.note("factory", f"is called with {', '.join(given)}", str(loop is self.loop))
        return asyncio.Task(coroutine, loop=loop, **options)

    def bad_factory(self, loop: Any, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        """A task factory that fails."""
        coroutine.close()
        raise ValueError("f")

    # what is written down

    def note(self, who: str, what: str, result: str) -> None:
        event = (who, what, result, "" if who == "log" else self.sees())
        if not self.over and promised.in_order(who, shutting_down=self.shutting_down > 0):
            self.events.append(event)
            self.awake()
        else:
            self.unordered.append(event)

    def reported(self, who: str, message: str, what: str, error: BaseException | None) -> None:
        result = self.phrase(error) if error is not None else ""
        late = promised.when_collected(message)
        if late:  # so late that the handler may be another one by then
            self.unordered.append(("report", late, result, ""))
        elif self.over:
            self.unordered.append((who, what, result, ""))
        else:
            self.note(who, what, result)

    def sees(self) -> str:
        if self.over:
            return ""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            return f"var {self.var.get()}"
        task = asyncio.current_task(self.loop) if running is self.loop else "of another loop"
        name = "no task" if task is None else f"task {self.phrase(task)}"
        return f"{name}, var {self.var.get()}"

    def phrase(self, value: Any) -> str:
        """A value for the trace, without what is the loop's own choice."""
        if isinstance(value, str):
            return repr(value) if promised.is_own(value) or NAME.fullmatch(value) else "a text"
        if value is None or isinstance(value, (bool, int, float)):
            return repr(value)
        if asyncio.isfuture(value):
            name = self.given.get(id(value)) or (value.get_name() if hasattr(value, "get_name") else "")
            return name if NAME.fullmatch(name) else "a task" if hasattr(value, "get_name") else "a future"
        if isinstance(value, BaseExceptionGroup):
            return f"{type(value).__name__}[{', '.join(map(self.phrase, value.exceptions))}]"
        if isinstance(value, BaseException):
            own = [repr(one) for one in value.args if isinstance(one, str) and promised.is_own(one)]
            return f"{type(value).__name__}({', '.join(own)})"
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(self.phrase, value))}]"
        if isinstance(value, (set, frozenset)):
            return f"{{{', '.join(sorted(map(self.phrase, value)))}}}"
        return "something"


_SILENT = logging.NullHandler()


@contextlib.contextmanager
def _watched(run: Run) -> Iterator[list[warnings.WarningMessage]]:
    """Hear of what nobody catches; collect no garbage before the end."""
    loggers = [logging.getLogger(name) for name in ("asyncio", "concurrent.futures")]
    log = _Log(run)
    was = [logger.propagate for logger in loggers], sys.unraisablehook, threading.excepthook
    for logger in loggers:
        logger.propagate = False
    loggers[0].addHandler(log)
    loggers[1].addHandler(_SILENT)  # what else would be printed
    sys.unraisablehook = lambda it: run.unordered.append(("python", "cannot raise", run.phrase(it.exc_value), ""))
    threading.excepthook = lambda it: run.unordered.append(("python", "thread raises", run.phrase(it.exc_value), ""))
    gc.disable()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        gc.enable()
        loggers[0].removeHandler(log)
        loggers[1].removeHandler(_SILENT)
        propagate, sys.unraisablehook, threading.excepthook = was
        for logger, had in zip(loggers, propagate, strict=True):
            logger.propagate = had
