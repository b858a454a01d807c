"""A small language of asyncio programs: what they can do, word by word, as plain data.

A program is a tree of steps. A step is a word with what fills its holes, and perhaps a body: what the callback or task
does that it makes, or what stands inside its block. What a word means is written once, in :data:`WORDS`, as a piece of
Python: it is what runs, what people read, and what a reproducer consists of.

Everything that a program makes has a name of a letter and a number: tasks ``t1``, handles ``h2`` of callbacks ``c2``,
futures ``f3``. Numbers count through the program as it is read, so no two things share one.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from loopcheck.compare import words_io
from loopcheck.compare.word import ASYNC as _ASYNC
from loopcheck.compare.word import CALLBACK, GENERATOR, MAIN, SCRIPT, TASK, THREAD, TIMER, Word
from loopcheck.compare.word import INSIDE as _INSIDE
from loopcheck.compare.word import SYNC as _SYNC

# A kind of thing, and the letter of its names. In the holes of words, "awaited" is a task that nobody waits for in a
# circle, "tasks" are several of them.
KINDS = {
    "handle": "h",
    "callback": "c",
    "task": "t",
    "awaited": "t",
    "tasks": "t",
    "future": "f",
    "event": "e",
    "lock": "l",
    "semaphore": "s",
    "condition": "n",
    "queue": "q",
    "context": "x",
    "generator": "g",
    "group": "p",
    "distant": "d",
    "concurrent": "k",
    "timer": "m",
    "result": "r",
    **words_io.KINDS,
}

VALUES = {
    "value": ("0", "1", "2"),
    "text": ("'a'", "'b'"),
    "error": (
        "ValueError('v')",
        "asyncio.CancelledError('v')",
        "asyncio.TimeoutError('v')",
        "StopIteration('v')",
        "StopAsyncIteration('v')",
        "GeneratorExit('v')",
        "Rude('v')",
    ),
    # What an executor raises. Not StopIteration: on Pythons before 3.13, whoever waits for it waits for ever. And not
    # GeneratorExit, which closes the coroutines that wait for it: which of them see it itself depends on how it comes.
    "failure": (
        "ValueError('v')",
        "asyncio.CancelledError('v')",
        "asyncio.TimeoutError('v')",
        "StopAsyncIteration('v')",
        "Rude('v')",
    ),
    # What a loop lets out of run_forever().
    "exit": ("ValueError('v')", "KeyboardInterrupt('v')", "SystemExit('v')", "asyncio.CancelledError('v')"),
    "past": ("0", "-1", "-0.5"),
    "short": ("0.001", "0.002"),
    "when": ("asyncio.FIRST_COMPLETED", "asyncio.ALL_COMPLETED"),
    "handler": ("None", "handler", "bad_handler", "exit_handler", "'a'"),
    "factory": ("factory", "None", "bad_factory", "'a'"),
    "name": ("None", "'a'", "5"),
    "no_time": ("None", "'a'"),
    "distant_time": ("1000", "float('inf')", "10**9"),
    "job": (
        "var.get",
        "loop.is_running",
        "asyncio.get_running_loop",
        "sys.get_asyncgen_hooks",
        "max, 1, 2, 3",
        "functools.partial(max, 1, 2)",
        "int, 'v'",
    ),
    "flag": ("True", "False"),
    "maxsize": ("0", "1"),
    **words_io.VALUES,
}

_WORDS = (
    # callbacks
    Word("call_soon", "loop.call_soon({body})", where=(*_SYNC, THREAD), makes="h", body=CALLBACK, weight=6),
    Word("call_soon_context", "loop.call_soon({body}, context={0})", ("context",), makes="h", body=CALLBACK, weight=2),
    Word(
        "call_soon_threadsafe",
        "loop.call_soon_threadsafe({body})",
        where=(*_SYNC, THREAD),
        makes="h",
        body=CALLBACK,
        weight=3,
    ),
    Word("cancel_handle", "{0}.cancel()", ("handle",), (*_SYNC, THREAD), weight=3),
    Word("handle_cancelled", "loop.is_closed() or {0}.cancelled()", ("handle",)),
    Word("call_soon_arguments", "loop.call_soon({body}, 1, None, 'a', *range(13))", makes="h", body=CALLBACK),
    Word(
        "threadsafe_arguments",
        "loop.call_soon_threadsafe({body}, *range(17))",
        where=(*_SYNC, THREAD),
        makes="h",
        body=CALLBACK,
    ),
    Word(
        "threadsafe_context",
        "loop.call_soon_threadsafe({body}, context={0})",
        ("context",),
        (*_SYNC, THREAD),
        makes="h",
        body=CALLBACK,
    ),
    Word("call_soon_nothing", "loop.get_debug() and loop.call_soon(None)"),
    Word("call_soon_coroutine", "loop.call_soon(asyncio.sleep, 0)"),
    Word("handle_kind", "isinstance({0}, asyncio.Handle), bool({0})", ("handle",)),
    Word("call_distant", "loop.call_at(start + 1000, {body})", where=(*_SYNC, THREAD), makes="d", body=TIMER),
    Word("call_never", "loop.call_later({0}, {body})", ("distant_time",), makes="d", body=TIMER),
    Word("call_when", "loop.is_closed() or loop.call_later({0}, print)", ("no_time",)),
    Word("distant_when", "{0}.when() == start + 1000", ("distant",)),
    Word("distant_equal", "{0} == {0}, len({{{0}, {0}}})", ("distant",)),
    Word("distant_less", "{0} <= {1}", ("distant", "distant")),
    Word("past_arguments", "loop.call_later({0}, {body}, 1, None, 'a')", ("past",), makes="m", body=TIMER),
    Word("past_context", "loop.call_later({0}, {body}, context={1})", ("past", "context"), makes="m", body=TIMER),
    Word("past_cancelled", "loop.call_later({0}, {body}).cancel()", ("past",), makes="r", body=TIMER),
    Word("time", "isinstance(loop.time(), float), loop.time() <= loop.time(), loop.time() - start < 900"),
    Word("cancel_distant", "{0}.cancel()", ("distant",), weight=2),
    Word("distant_cancelled", "loop.is_closed() or {0}.cancelled()", ("distant",)),
    Word("call_past", "loop.call_later({0}, {body})", ("past",), makes="m", body=TIMER, weight=2),
    Word("call_at_past", "loop.call_at(start + {0}, {body})", ("past",), makes="m", body=TIMER, weight=2),
    Word("raise", "{0}", ("exit",), (CALLBACK,), form="raise", weight=2),
    Word("stop", "loop.stop()", where=(*_SYNC,), weight=2),
    # tasks
    Word("create_task", "loop.create_task({body}(), name='{me}')", makes="t", body=TASK, weight=12),
    Word(
        "create_task_context",
        "loop.create_task({body}(), name='{me}', context={0})",
        ("context",),
        makes="t",
        body=TASK,
        weight=2,
    ),
    Word("ensure_future", "asyncio.ensure_future({body}(), loop=loop)", makes="t", body=TASK),
    Word(
        "eager_task",
        "asyncio.Task({body}(), loop=loop, name='{me}', eager_start=True)",
        where=_INSIDE,
        makes="t",
        body=TASK,
        since=(3, 12),
    ),
    Word("unnamed_task", "loop.create_task({body}(), name={0}, context=None)", ("name",), makes="t", body=TASK),
    Word("task_class", "asyncio.Task({body}(), loop=loop, name='{me}')", makes="t", body=TASK),
    Word("task_of_nothing", "loop.is_closed() or loop.create_task(5)"),
    Word("await_coroutine", "{body}()", where=_ASYNC, makes="r", body=TASK, form="await"),
    Word("wait_for_coroutine", "asyncio.wait_for({body}(), 1000)", where=_ASYNC, makes="r", body=TASK, form="await"),
    Word("gather_coroutine", "asyncio.gather({body}())", where=_ASYNC, makes="r", body=TASK, form="await"),
    Word("shield_coroutine", "asyncio.shield({body}())", where=_ASYNC, makes="r", body=TASK, form="await"),
    Word("await_nothing", "bare", where=_ASYNC, form="await"),
    Word("cancel_threadsafe", "loop.call_soon_threadsafe({0}.cancel)", ("task",), (*_SYNC, THREAD)),
    Word("task_context", "{0}.get_context().get(var)", ("task",), since=(3, 12)),
    Word("set_name", "{0}.set_name({1})", ("task", "text")),
    Word("task_loop", "{0}.get_loop() is loop", ("task",)),
    Word("cancel", "{0}.cancel()", ("task",), weight=4),
    Word("cancel_message", "{0}.cancel({1})", ("task", "text"), weight=2),
    Word("uncancel", "{0}.uncancel()", ("task",)),
    Word("cancelling", "{0}.cancelling()", ("task",)),
    Word("task_done", "{0}.done()", ("task",)),
    Word("task_result", "{0}.result()", ("task",)),
    Word("task_exception", "{0}.exception()", ("task",)),
    Word("task_callback", "{0}.add_done_callback({body})", ("task",), makes="c", body=CALLBACK, weight=2),
    Word("get_name", "{0}.get_name()", ("task",)),
    Word("task_stack", "{0}.get_coro() is None, bool({0}.get_stack())", ("task",)),
    Word("same_outcome", "{0}.exception() is {0}.exception(), {0}.result() is {0}.result()", ("task",)),
    Word("raise_error", "{0}", ("error",), _ASYNC, form="raise", weight=2),
    Word("raise_exit", "{0}", ("exit",), (TASK,), form="raise"),
    Word("sleep", "asyncio.sleep(0)", where=_ASYNC, form="await", weight=5),
    Word("await", "{0}", ("awaited",), _ASYNC, form="await", weight=4),
    Word("shield", "asyncio.shield({0})", ("awaited",), _ASYNC, form="await", weight=2),
    Word("gather", "asyncio.gather({0})", ("tasks",), _ASYNC, form="await", weight=2),
    Word("gather_all", "asyncio.gather({0}, return_exceptions=True)", ("tasks",), _ASYNC, form="await"),
    Word("wait", "asyncio.wait([{0}], return_when={1})", ("tasks", "when"), _ASYNC, form="await", weight=2),
    Word(
        "wait_exception",
        "asyncio.wait([{0}], return_when=asyncio.FIRST_EXCEPTION)",
        ("awaited",),
        _ASYNC,
        form="await",
    ),
    Word("wait_for_zero", "asyncio.wait_for({0}, 0)", ("awaited",), _ASYNC, form="await"),
    Word("wait_for_long", "asyncio.wait_for({0}, 1000)", ("awaited",), _ASYNC, form="await", weight=2),
    Word("timeout_zero", "asyncio.timeout(0)", where=_ASYNC, body="block", form="async with"),
    Word("timeout_long", "asyncio.timeout(1000)", where=_ASYNC, body="block", form="async with"),
    Word("timeout_none", "asyncio.timeout(None)", where=_ASYNC, body="block", form="async with"),
    Word("timeout_at", "asyncio.timeout_at(start)", where=_ASYNC, body="block", form="async with"),
    Word("group", "asyncio.TaskGroup()", where=_ASYNC, makes="p", body="block", form="async with", weight=2),
    Word(
        "group_task",
        "{0}.create_task({body}(), name='{me}')",
        ("group",),
        _ASYNC,
        makes="t",
        body=TASK,
        weight=12,
    ),
    Word("try", "", where=_ASYNC, body="block", form="try", weight=2),
    Word("current_task", "asyncio.current_task(loop)", where=(*_SYNC, THREAD)),
    Word("all_tasks", "asyncio.all_tasks(loop)", where=(*_SYNC, THREAD)),
    # futures
    Word("future", "loop.create_future()", makes="f", weight=4),
    Word("await_future", "{0}", ("future",), _ASYNC, form="await", weight=4),
    Word("shield_future", "asyncio.shield({0})", ("future",), _ASYNC, form="await"),
    Word("wait_for_future", "asyncio.wait_for({0}, 0)", ("future",), _ASYNC, form="await"),
    Word("set_result", "{0}.set_result({1})", ("future", "value"), weight=3),
    Word("set_exception", "{0}.set_exception({1})", ("future", "error"), weight=2),
    Word("cancel_future", "{0}.cancel({1})", ("future", "text"), weight=2),
    Word("future_done", "{0}.done()", ("future",)),
    Word("future_result", "{0}.result()", ("future",)),
    Word("future_exception", "{0}.exception()", ("future",)),
    Word("future_callback", "{0}.add_done_callback({body})", ("future",), makes="c", body=CALLBACK, weight=3),
    Word(
        "future_callback_context",
        "{0}.add_done_callback({body}, context={1})",
        ("future", "context"),
        makes="c",
        body=CALLBACK,
    ),
    Word("remove_callback", "{0}.remove_done_callback({1})", ("future", "callback")),
    Word("future_loop", "{0}.get_loop() is loop", ("future",)),
    Word("future_class", "asyncio.Future(loop=loop)", makes="f"),
    Word("exception_class", "{0}.set_exception(ValueError)", ("future",)),
    Word("same_exception", "{0}.exception() is {0}.exception()", ("future",)),
    Word("await_wrapped", "Wrapped({0})", ("future",), _ASYNC, form="await"),
    Word("ensure_wrapped", "asyncio.ensure_future(Wrapped({0}), loop=loop)", ("future",)),
    Word("concurrent", "concurrent.futures.Future()", makes="k"),
    Word("concurrent_set", "{0}.set_result({1})", ("concurrent", "value"), (*_SYNC, THREAD), weight=2),
    Word("concurrent_fail", "{0}.set_exception({1})", ("concurrent", "error"), (*_SYNC, THREAD)),
    Word("wrap_future", "asyncio.wrap_future({0}, loop=loop)", ("concurrent",), _ASYNC, form="await", weight=2),
    Word("held_job", "loop.run_in_executor(held, {0})", ("job",), makes="f", weight=2),
    Word("held_work", "held.work()", where=(*_SYNC, THREAD), weight=2),
    # contexts
    Word("context", "contextvars.Context()", makes="x"),
    Word("copy_context", "contextvars.copy_context()", makes="x"),
    Word("set", "var.set({0})", ("value",), weight=3),
    Word("context_run", "{0}.run(var.get)", ("context",)),
    Word("handle_context", "{0}.get_context().get(var)", ("handle",), since=(3, 12)),
    Word("same_context", "{0}.get_context() is {1}", ("handle", "context"), since=(3, 12)),
    # locks
    Word("event", "asyncio.Event()", makes="e"),
    Word("event_wait", "{0}.wait()", ("event",), _ASYNC, form="await", weight=2),
    Word("event_set", "{0}.set()", ("event",)),
    Word("event_clear", "{0}.clear()", ("event",)),
    Word("lock", "asyncio.Lock()", makes="l"),
    Word("lock_acquire", "{0}.acquire()", ("lock",), _ASYNC, form="await"),
    Word("lock_with", "{0}", ("lock",), _ASYNC, body="block", form="async with", weight=2),
    Word("lock_release", "{0}.release()", ("lock",)),
    Word("semaphore", "asyncio.Semaphore({0})", ("value",), makes="s"),
    Word("semaphore_with", "{0}", ("semaphore",), _ASYNC, body="block", form="async with", weight=2),
    Word("semaphore_release", "{0}.release()", ("semaphore",)),
    Word("condition", "asyncio.Condition()", makes="n"),
    Word("condition_with", "{0}", ("condition",), _ASYNC, body="block", form="async with"),
    Word("condition_wait", "{0}.wait()", ("condition",), _ASYNC, form="await"),
    Word("condition_notify", "{0}.notify({1})", ("condition", "value")),
    Word("queue", "asyncio.Queue({0})", ("maxsize",), makes="q"),
    Word("queue_get", "{0}.get()", ("queue",), _ASYNC, form="await", weight=2),
    Word("queue_put", "{0}.put({1})", ("queue", "value"), _ASYNC, form="await", weight=2),
    Word("queue_put_nowait", "{0}.put_nowait({1})", ("queue", "value")),
    Word("queue_get_nowait", "{0}.get_nowait()", ("queue",)),
    # async generators
    Word("generator", "{body}()", makes="g", body=GENERATOR, weight=2),
    Word("yield", "{0}", ("value",), (GENERATOR,), form="yield", weight=20),
    Word("anext", "anext({0}, 'over')", ("generator",), _ASYNC, form="await", weight=3),
    Word("aclose", "{0}.aclose()", ("generator",), _ASYNC, form="await"),
    Word("athrow", "{0}.athrow({1})", ("generator", "error"), _ASYNC, form="await"),
    Word("async_for", "{0}", ("generator",), _ASYNC, body="block", form="async for"),
    Word("hooks", "sys.get_asyncgen_hooks()", where=(*_SYNC, THREAD)),
    Word("drop", "drop('{0}')", ("generator",), weight=2),
    Word("shutdown_inside", "loop.shutdown_asyncgens()", where=_ASYNC, form="await"),
    # real time and other threads: nothing else goes on meanwhile
    Word("solo_sleep", "alone(asyncio.sleep({0}, 'slept'))", ("short",), _ASYNC, form="await"),
    Word("solo_wait_for", "alone(asyncio.wait_for({0}, {1}))", ("future", "short"), _ASYNC, form="await"),
    Word("solo_wait", "alone(asyncio.wait([{0}], timeout={1}))", ("tasks", "short"), _ASYNC, form="await"),
    Word("solo_timers", "alone(timers({0}, 0.003, -1, 0))", ("short",), _ASYNC, form="await"),
    Word("executor", "alone(in_executor({0}))", ("value",), _ASYNC, form="await"),
    Word("executor_fails", "alone(in_executor({0}))", ("failure",), _ASYNC, form="await"),
    Word("job", "alone(lambda: loop.run_in_executor(None, {0}))", ("job",), _ASYNC, form="await", weight=2),
    Word("no_executor", "loop.set_default_executor(None)"),
    Word("own_executor", "loop.set_default_executor(pool)"),
    Word("job_when_closed", "loop.is_closed() and loop.run_in_executor(None, int)"),
    Word("run_elsewhere", "in_thread(loop.run_forever)", where=(MAIN,), weight=2),
    Word("to_thread", "alone(asyncio.to_thread(var.get))", where=_ASYNC, form="await"),
    Word("thread", "in_thread({body})", makes="c", body=THREAD, weight=4),
    Word("thread_wakes", "alone(thread_wakes())", where=_ASYNC, form="await"),
    Word(
        "run_coroutine_threadsafe",
        "asyncio.run_coroutine_threadsafe({body}(), loop)",
        where=(THREAD, CALLBACK),
        makes="k",
        body=TASK,
        weight=2,
    ),
    Word("concurrent_done", "{0}.done()", ("concurrent",)),
    Word("concurrent_cancel", "{0}.cancel()", ("concurrent",), (*_SYNC, THREAD)),
    # the loop; nothing runs it while it runs, for on Python 3.13.0 asyncio's own counts as not running after that
    Word("run_forever", "loop.run_forever()", where=(MAIN,), weight=3),
    Word("run_task", "loop.run_until_complete({0})", ("task",), (MAIN,), weight=4),
    Word("run_future", "loop.run_until_complete({0})", ("future",), (MAIN,), weight=2),
    Word("runner", "in_runner({body})", where=(MAIN,), makes="r", body=TASK, weight=2),
    Word("interrupt", "interrupt()", where=_SYNC),
    Word("run_coroutine", "loop.run_until_complete({body}())", where=(MAIN,), makes="r", body=TASK, weight=4),
    Word("run_wrapped", "loop.run_until_complete(Wrapped({0}))", ("future",), (MAIN,)),
    Word("run_nothing", "loop.is_closed() or loop.run_until_complete(5)", where=(MAIN,)),
    Word("set_factory", "loop.set_task_factory({0})", ("factory",), weight=2),
    Word("get_factory", "loop.get_task_factory() is None, loop.get_task_factory() is factory"),
    Word("get_handler", "loop.get_exception_handler() is None, loop.get_exception_handler() == handler"),
    Word("default_handler", "loop.default_exception_handler({{'message': 'm'}})"),
    Word("loop_equal", "loop == loop, len({{loop}}), isinstance(loop, asyncio.AbstractEventLoop)"),
    Word("origin_tracking", "sys.get_coroutine_origin_tracking_depth()"),
    Word("shutdown_asyncgens", "loop.run_until_complete(loop.shutdown_asyncgens())", where=(MAIN,), weight=2),
    Word("shutdown_executor", "alone(loop.shutdown_default_executor())", where=_ASYNC, form="await"),
    Word("close", "loop.close()", where=_SYNC),
    Word("close_elsewhere", "in_thread(loop.close)", where=(MAIN,)),
    Word("set_debug", "loop.set_debug({0})", ("flag",)),
    Word("get_debug", "loop.get_debug()"),
    Word("is_running", "loop.is_running()", where=(*_SYNC, THREAD)),
    Word("is_closed", "loop.is_closed()", where=(*_SYNC, THREAD)),
    Word("set_handler", "loop.set_exception_handler({0})", ("handler",), weight=2),
    Word("call_handler", "loop.call_exception_handler({{'message': 'm', 'future': {0}}})", ("future",)),
    Word("eager_tasks", "loop.set_task_factory(asyncio.eager_task_factory)", since=(3, 12)),
    Word("running_loop", "asyncio.get_running_loop() is loop", where=(*_SYNC, THREAD)),
)

WORDS = {word.name: word for word in (*_WORDS, *words_io.WORDS) if sys.version_info >= word.since}
"""The language, as the running Python has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One word of a program."""

    word: str
    me: str = ""
    """The name of what it makes."""
    holes: tuple[str, ...] = ()
    """What fills its holes, as Python."""
    body: tuple[Step, ...] = ()

    @property
    def function(self) -> str:
        """The name of the function that has its body."""
        return ("w" if WORDS[self.word].body in (TASK, GENERATOR) else "c") + self.me[1:]

    @property
    def code(self) -> str:
        """What it does, as an expression of Python."""
        return WORDS[self.word].code.format(*self.holes, me=self.me, body=self.function)

    @property
    def line(self) -> str:
        """What it does, as a statement for people."""
        word = WORDS[self.word]
        if word.form == "try":
            return "try: (what CancelledError leaves, goes on below)"
        if word.form in ("async with", "async for"):
            name = f" as {self.me}" if self.me else ""
            return f"async with {self.code}{name}:" if word.form == "async with" else f"async for _ in {self.code}:"
        if word.form == "start":
            return f"{self.me} = start({self.code})"
        prefix = "" if word.form == "call" else f"{word.form} "
        return (f"{self.me} = " if self.me else "") + prefix + self.code


_SLEEPS = Step("sleeps")


@dataclass(frozen=True, slots=True)
class Program:
    """What is done with a loop; at the end it runs until nothing happens any more, and is closed."""

    steps: tuple[Step, ...]

    @property
    def place(self) -> str:
        """Where its steps stand: SCRIPT in programs with input and output, MAIN in others."""
        return MAIN if all(MAIN in WORDS[step.word].where for step in self.steps) else SCRIPT

    def patient(self) -> Program:
        """The same program with input and output, but the loop sleeps once after each of its steps.

        A loop may look at descriptors in some turns only, and what it does late is no difference. To let it sleep takes
        time, so this is run where it matters: after the program itself differed.
        """
        return Program((_SLEEPS, *self.steps))

    def text(self) -> str:
        """The program for people; what a callback or task does is indented below what makes it."""
        return "\n".join(_lines(self.steps))

    def to_json(self) -> str:
        """The program as one line."""
        return json.dumps([asdict(step) for step in self.steps])

    @staticmethod
    def from_json(text: str) -> Program:
        """The program that a line says.

        Raises:
            ValueError: it says none, or one in words that this Python does not have.
        """
        try:
            program = Program(tuple(map(_step, json.loads(text))))
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a program: {error}") from None
        if unknown := {step.word for step in program} - WORDS.keys():
            raise ValueError(f"not a program of this Python: it says {', '.join(sorted(unknown))}")
        return program

    def __iter__(self) -> Iterator[Step]:
        """All steps, as they are read."""
        return _all(self.steps)


def _step(data: dict[str, Any]) -> Step:
    return Step(data["word"], data["me"], tuple(data["holes"]), tuple(map(_step, data["body"])))


def _all(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all(step.body)


def _lines(steps: tuple[Step, ...], indent: str = "") -> Iterator[str]:
    for step in steps:
        word = WORDS[step.word]
        yield indent + step.line
        if word.body not in ("", "block") and step.body:
            yield f"{indent}  in {step.function}:"
        yield from _lines(step.body, indent + "    ")


NAME = re.compile(r"\b([a-z])(\d+)\b")
"""A name that a program gives."""
