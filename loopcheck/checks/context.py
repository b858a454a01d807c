"""Context variables: which context callbacks, tasks and protocols run in."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import os
import signal

from loopcheck.basics import (
    CONNECTS,
    CONNECTS_OVER_TLS,
    CONNECTS_TO_UNIX,
    HANDLES_SIGNALS,
    OPENS_DATAGRAM_ENDPOINTS,
    SERVES,
    SERVES_TLS,
    SERVES_UNIX,
    STARTS_CHILDREN,
    WATCHES_READERS,
)
from loopcheck.check import also_in, check
from loopcheck.kit import (
    DatagramWatcher,
    PipeWatcher,
    StreamWatcher,
    SubprocessWatcher,
    pass_turns,
    run_coroutine,
    soon,
    threaded,
    turn,
)
from loopcheck.kit.contexts import Lookout, context_with, handling
from loopcheck.kit.net import (
    Watchers,
    answering,
    closing,
    connected,
    connecting,
    datagrams,
    dial,
    meanwhile,
    reading_pipe,
    receive,
    serving,
    serving_streams,
    within,
)
from loopcheck.kit.wait import Errand

STREAM = ("protocol_factory", "connection_made", "data_received", "connection_lost")
SHORT = 0.001  # seconds: a real timer, not a callback for the next turn
FAR_AWAY = 3600.0


# Callbacks


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_captures_current(loop, var, trace):
    """A call_soon() callback sees the context variables as they were when it was scheduled.

    Request ids and locale settings travel this way; a loop that reads the context late mixes up requests.
    """
    var.set("when scheduled")
    loop.call_soon(lambda: trace(var.get()))
    var.set("later")
    turn(loop)

    assert trace == ["when scheduled"]


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_changes_do_not_leak(loop, var, trace):
    """What a call_soon() callback sets is seen neither by the next callback nor by the code that scheduled it."""
    loop.call_soon(var.set, "set by a callback")
    loop.call_soon(lambda: trace("next callback", var.get()))
    turn(loop)
    trace("scheduling code", var.get())

    assert trace == [("next callback", "unset"), ("scheduling code", "unset")]


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_explicit_context(loop, var, trace):
    """A call_soon() callback given a context runs in that very Context object, not in a copy."""
    context = context_with(var, "given")
    loop.call_soon(lambda: trace("first callback", var.get()), context=context)
    loop.call_soon(var.set, "changed", context=context)
    loop.call_soon(lambda: trace("third callback", var.get()), context=context)
    turn(loop)
    trace("the Context afterwards", context[var])

    assert trace == [("first callback", "given"), ("third callback", "changed"), ("the Context afterwards", "changed")]


@check("Lib/asyncio/events.py: Handle.__init__", level="should")
async def context_none_means_current(loop, var, patience):
    """The methods that schedule callbacks treat context=None like no context at all.

    Wrappers pass their own default on.
    """
    lookout = Lookout(var.get)
    var.set("when scheduled")
    loop.call_soon(lookout, "call_soon", context=None)
    loop.call_soon_threadsafe(lookout, "call_soon_threadsafe", context=None)
    loop.call_later(SHORT, lookout, "call_later", context=None)
    loop.call_at(loop.time() + SHORT, lookout, "call_at", context=None)
    var.set("later")

    assert await lookout.after(4, patience) == {
        "call_soon": "when scheduled",
        "call_soon_threadsafe": "when scheduled",
        "call_later": "when scheduled",
        "call_at": "when scheduled",
    }


@check("asyncio-eventloop#asyncio.loop.call_soon")
async def empty_context_is_used(loop, var, patience):
    """The methods that schedule callbacks run them in a Context that they are given also if it is empty.

    An empty Context is false, as an empty dict is: "context or copy_context()" takes it for none.
    """
    lookout = Lookout(var.get)
    var.set("when scheduled")
    loop.call_soon(lookout, "call_soon", context=contextvars.Context())
    loop.call_soon_threadsafe(lookout, "call_soon_threadsafe", context=contextvars.Context())
    loop.call_later(0, lookout, "call_later without delay", context=contextvars.Context())
    loop.call_later(SHORT, lookout, "call_later", context=contextvars.Context())
    loop.call_at(loop.time() + SHORT, lookout, "call_at", context=contextvars.Context())

    assert await lookout.after(5, patience) == {
        "call_soon": "unset",
        "call_soon_threadsafe": "unset",
        "call_later without delay": "unset",
        "call_later": "unset",
        "call_at": "unset",
    }


@check("asyncio-eventloop#asyncio.loop.call_later")
async def timers_capture_current(loop, var, patience):
    """A timer's callback sees the context variables as they were at call_later() or call_at()."""
    lookout = Lookout(var.get)
    var.set("when scheduled")
    loop.call_later(SHORT, lookout, "call_later")
    loop.call_at(loop.time() + SHORT, lookout, "call_at")
    var.set("later")

    assert await lookout.after(2, patience) == {"call_later": "when scheduled", "call_at": "when scheduled"}


@check("asyncio-eventloop#asyncio.loop.call_later")
async def timers_explicit_context(loop, var, patience):
    """A timer's callback given a context runs in that very Context object, not in a copy."""
    contexts = {name: context_with(var, "given") for name in ("call_later", "call_at")}
    lookout = Lookout(var.get)

    def change(name):
        lookout(name)
        var.set("changed")

    loop.call_later(SHORT, change, "call_later", context=contexts["call_later"])
    loop.call_at(loop.time() + SHORT, change, "call_at", context=contexts["call_at"])
    before = await lookout.after(2, patience)
    afterwards = {name: context[var] for name, context in contexts.items()}

    assert before == {"call_later": "given", "call_at": "given"}
    assert afterwards == {"call_later": "changed", "call_at": "changed"}


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
async def call_soon_threadsafe_captures_callers_context(loop, var, patience):
    """A call_soon_threadsafe() callback sees the context variables of the thread that scheduled it."""
    lookout = Lookout(var.get)

    def schedule():
        var.set("scheduling thread")
        loop.call_soon_threadsafe(lookout, "callback")
        var.set("scheduling thread, later")

    var.set("the loop's thread")
    await threaded(schedule)

    assert await lookout.after(1, patience) == {"callback": "scheduling thread"}


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
async def call_soon_threadsafe_explicit_context(loop, var, patience):
    """A call_soon_threadsafe() callback given a context runs in that very Context object, not in a copy."""
    context = context_with(var, "given")
    lookout = Lookout(var.get)

    def change(name):
        lookout(name)
        var.set("changed")

    await threaded(functools.partial(loop.call_soon_threadsafe, change, "callback", context=context))
    before = await lookout.after(1, patience)

    assert before == {"callback": "given"}
    assert context[var] == "changed", "the callback ran in another context than the one it was given"


@check("asyncio-future#asyncio.Future.add_done_callback")
async def done_callback_captures_current(loop, var, patience):
    """A future's done callback sees the context variables as they were at add_done_callback().

    Also when the future was done by then; whoever completes the future has no influence.
    """
    pending, done = loop.create_future(), loop.create_future()
    done.set_result(None)
    lookout = Lookout(var.get)
    var.set("when added")
    pending.add_done_callback(functools.partial(lookout, "pending future"))
    done.add_done_callback(functools.partial(lookout, "done future"))
    var.set("when completed")
    pending.set_result(None)

    assert await lookout.after(2, patience) == {"done future": "when added", "pending future": "when added"}


@check("asyncio-future#asyncio.Future.add_done_callback")
async def done_callback_explicit_context(loop, var, patience):
    """A future's done callback given a context runs in that very Context object, not in a copy.

    A future asks this of the loop by calling call_soon() with the keyword ``context``.
    """
    contexts = {name: context_with(var, "given") for name in ("pending future", "done future")}
    lookout = Lookout(var.get)

    def change(name, future):
        lookout(name)
        var.set("changed")

    pending, done = loop.create_future(), loop.create_future()
    done.set_result(None)
    pending.add_done_callback(functools.partial(change, "pending future"), context=contexts["pending future"])
    done.add_done_callback(functools.partial(change, "done future"), context=contexts["done future"])
    pending.set_result(None)
    before = await lookout.after(2, patience)
    afterwards = {name: context[var] for name, context in contexts.items()}

    assert before == {"pending future": "given", "done future": "given"}
    assert afterwards == {"pending future": "changed", "done future": "changed"}


@check("Lib/asyncio/events.py: Handle._run", level="should")
async def callback_may_reuse_running_context(loop, var, patience):
    """A callback may schedule further callbacks in the context that it runs in itself.

    A context cannot be entered twice: a loop that runs them at once, or that keeps the context entered, fails here.
    """
    context = context_with(var, "shared")
    lookout = Lookout(var.get)

    def schedule():
        loop.call_soon(lookout, "call_soon", context=context)
        loop.call_later(SHORT, lookout, "call_later", context=context)

    loop.call_soon(schedule, context=context)

    assert await lookout.after(2, patience) == {"call_soon": "shared", "call_later": "shared"}


def _handles(loop, **options):
    return {
        "call_soon": loop.call_soon(int, **options),
        "call_later": loop.call_later(FAR_AWAY, int, **options),
        "call_at": loop.call_at(loop.time() + FAR_AWAY, int, **options),
    }


@check("asyncio-eventloop#asyncio.Handle.get_context", python=">=3.12")
def handle_get_context_returns_given_context(loop):
    """The get_context() of a handle returns the very Context object that the callback was given."""
    context = contextvars.copy_context()
    handles = _handles(loop, context=context)
    given = {name: handle.get_context() is context for name, handle in handles.items()}
    for handle in handles.values():
        handle.cancel()

    assert given == dict.fromkeys(handles, True)


@check("asyncio-eventloop#asyncio.Handle.get_context", python=">=3.12")
def handle_get_context_returns_captured_context(loop, var):
    """The get_context() of a handle returns the captured copy of the context, if none was given."""
    var.set("when scheduled")
    handles = _handles(loop)
    var.set("later")
    captured = {name: handle.get_context() for name, handle in handles.items()}
    for handle in handles.values():
        handle.cancel()

    assert {name: type(context) for name, context in captured.items()} == dict.fromkeys(handles, contextvars.Context)
    assert {name: context[var] for name, context in captured.items()} == dict.fromkeys(handles, "when scheduled")


# Tasks


@check("asyncio-eventloop#asyncio.loop.create_task")
async def task_copies_context_at_creation(loop, var, patience):
    """A task sees the context variables as they were at create_task()."""

    async def look():
        return var.get()

    var.set("at creation")
    task = loop.create_task(look())
    var.set("later")

    assert await soon(task, patience, "the task ends") == "at creation"


@check("asyncio-task#asyncio.Task")
async def task_changes_do_not_leak(loop, var, patience):
    """What a task sets is seen neither by its creator nor by a task created beside it."""

    async def change():
        var.set("set by a task")

    async def look():
        return var.get()

    first, second = loop.create_task(change()), loop.create_task(look())
    await soon(first, patience, "the first task ends")
    seen = {"second task": await soon(second, patience, "the second task ends"), "creator": var.get()}

    assert seen == {"second task": "unset", "creator": "unset"}


@check("contextvars#asyncio-support")
async def task_keeps_its_context_across_awaits(loop, var, patience):
    """A task sees its own context variables after every kind of suspension, whatever other tasks run meanwhile.

    Five tasks suspend in turns: for one turn, on a timer, on a future, on what another thread does.
    """

    async def suspend(name):
        var.set(name)
        seen = {}
        await asyncio.sleep(0)
        seen["turn"] = var.get()
        await asyncio.sleep(SHORT)
        seen["timer"] = var.get()
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future
        seen["future"] = var.get()
        future = loop.create_future()
        thread = Errand(loop.call_soon_threadsafe, future.set_result, None)
        thread.start()
        await future
        seen["thread"] = var.get()
        thread.result(patience)
        return seen

    tasks = [loop.create_task(suspend(number)) for number in range(5)]
    seen = [await soon(task, patience, "the task ends") for task in tasks]

    assert seen == [dict.fromkeys(("turn", "timer", "future", "thread"), number) for number in range(5)]


@check("asyncio-eventloop#asyncio.loop.create_task")
async def task_explicit_context_used_directly(loop, var, trace, patience):
    """A task given a context runs every step in that very Context object, not in a copy."""

    async def change():
        trace("first step", var.get())
        var.set("set by the first step")
        await asyncio.sleep(0)
        trace("second step", var.get())
        var.set("set by the second step")

    context = context_with(var, "given")
    await soon(loop.create_task(change(), context=context), patience, "the task ends")
    trace("the Context afterwards", context[var])
    trace("creator", var.get())

    assert trace == [
        ("first step", "given"),
        ("second step", "set by the first step"),
        ("the Context afterwards", "set by the second step"),
        ("creator", "unset"),
    ]


@check("asyncio-task#asyncio.create_task")
async def create_task_functions_context(loop, var, patience):
    """A context given to asyncio.create_task() or to TaskGroup.create_task() is the one that the task runs in."""

    async def change():
        var.set("set by the task")

    plain, grouped = context_with(var, "given"), context_with(var, "given")
    async with within(patience, "the tasks end"), asyncio.TaskGroup() as group:
        asyncio.create_task(change(), context=plain)
        group.create_task(change(), context=grouped)

    seen = {"create_task": plain[var], "TaskGroup.create_task": grouped[var]}
    assert seen == {"create_task": "set by the task", "TaskGroup.create_task": "set by the task"}


@check("asyncio-eventloop#asyncio.loop.create_task", level="should")
async def shared_context_between_tasks(loop, var, trace, patience):
    """Two tasks given the same context take turns in it, and each sees what the other set."""

    async def count(name):
        for _ in range(3):
            var.set(var.get() + 1)
            trace(name, var.get())
            await asyncio.sleep(0)

    context = context_with(var, 0)
    tasks = [loop.create_task(count(name), context=context) for name in ("one", "other")]
    for task in tasks:
        await soon(task, patience, "the task ends")

    assert trace == [("one", 1), ("other", 2), ("one", 3), ("other", 4), ("one", 5), ("other", 6)]


@check("asyncio-task#asyncio.Task")
async def task_wakeup_uses_task_context(loop, var, patience):
    """A task goes on in its own context, whatever context the code ran in that completed what it awaits."""
    future = loop.create_future()

    async def wait():
        var.set("set by the task")
        await future
        return var.get()

    task = loop.create_task(wait())
    await pass_turns(2)
    context_with(var, "where the future was completed").run(future.set_result, None)

    assert await soon(task, patience, "the task ends") == "set by the task"


@check("Lib/asyncio/tasks.py: __eager_start", python=">=3.12")
async def eager_task_uses_copied_context(loop, var, patience):
    """A task of the eager task factory runs in a copy of its creator's context, from its first step on."""
    lookout = Lookout(var.get)

    async def change():
        lookout("first step")
        var.set("set by the first step")
        await asyncio.sleep(0)
        lookout("second step")

    loop.set_task_factory(asyncio.eager_task_factory)
    var.set("set by the creator")
    task = loop.create_task(change())
    lookout("creator")
    await soon(task, patience, "the task ends")

    assert lookout.seen == {
        "first step": "set by the creator",
        "creator": "set by the creator",
        "second step": "set by the first step",
    }


@check("asyncio-task#asyncio.Task.get_context", python=">=3.12")
async def task_get_context_returns_given_context(loop, patience):
    """The get_context() of a task returns the very Context object that the task was given."""
    context = contextvars.copy_context()
    task = loop.create_task(pass_turns(), context=context)
    await soon(task, patience, "the task ends")

    assert task.get_context() is context


@check("asyncio-task#asyncio.Task.get_context", python=">=3.12")
async def task_get_context_returns_copied_context(loop, var, patience):
    """The get_context() of a task returns the copy made at its creation, if it was given none."""

    async def change():
        var.set((var.get(), "then set by the task"))

    var.set("at creation")
    task = loop.create_task(change())
    var.set("later")
    await soon(task, patience, "the task ends")
    context = task.get_context()

    assert type(context) is contextvars.Context
    assert context[var] == ("at creation", "then set by the task")


@check("Lib/asyncio/base_events.py: run_until_complete", level="should")
def run_until_complete_inherits_caller_context(loop, var):
    """A coroutine given to run_until_complete() sees the context variables of the caller."""

    async def look():
        return var.get()

    var.set("caller")

    assert run_coroutine(loop, look()) == "caller"


@check("Lib/asyncio/base_events.py: run_until_complete", level="should")
def run_until_complete_does_not_change_caller_context(loop, var):
    """What a coroutine sets in run_until_complete() is not seen by the caller afterwards."""

    async def change():
        var.set("set by the coroutine")
        return var.get()

    var.set("caller")
    seen = {"coroutine": run_coroutine(loop, change()), "caller": var.get()}

    assert seen == {"coroutine": "set by the coroutine", "caller": "caller"}


@check("Lib/asyncio/tasks.py: run_coroutine_threadsafe", level="should")
async def run_coroutine_threadsafe_uses_callers_context(loop, var, patience):
    """A coroutine given to run_coroutine_threadsafe() sees the context variables of the thread that gave it."""

    async def look():
        return var.get()

    def submit():
        var.set("submitting thread")
        return asyncio.run_coroutine_threadsafe(look(), loop).result(patience)

    var.set("the loop's thread")

    assert await threaded(submit) == "submitting thread"


# Runner and threads


@check("asyncio-runner#asyncio.Runner.run")
def runner_run_explicit_context(loop_factory, var):
    """A coroutine that Runner.run() is given with a context runs in that very Context object."""

    async def change():
        seen = var.get()
        var.set("set by the coroutine")
        return seen

    context = context_with(var, "given")
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        seen = {"coroutine": runner.run(change(), context=context), "the Context afterwards": context[var]}

    assert seen == {"coroutine": "given", "the Context afterwards": "set by the coroutine"}


@check("asyncio-runner#asyncio.Runner")
def runner_keeps_context_between_runs(loop_factory, var):
    """Successive Runner.run() calls share one context, so each sees what the earlier ones set."""

    async def advance(value):
        seen = var.get()
        var.set(value)
        return seen

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        seen = [runner.run(advance(f"set by run {number}")) for number in (1, 2, 3)]

    assert seen == ["unset", "set by run 1", "set by run 2"]


@check("asyncio-runner#asyncio.Runner")
def runner_changes_do_not_leak(loop_factory, var):
    """What a coroutine sets in Runner.run() is not seen by the code outside the Runner."""

    async def change():
        var.set("set by the coroutine")
        return var.get()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        seen = {"coroutine": runner.run(change()), "outside": var.get()}

    assert seen == {"coroutine": "set by the coroutine", "outside": "unset"}


@check("asyncio-task#asyncio.to_thread")
async def to_thread_propagates(loop, var, patience):
    """A function given to asyncio.to_thread() runs in a copy of the caller's context: changes do not come back."""

    def change():
        seen = var.get()
        var.set("set by the function")
        return seen

    var.set("caller")
    try:
        seen = await soon(asyncio.to_thread(change), patience, "to_thread() returns")
    finally:
        await loop.shutdown_default_executor()

    assert {"function": seen, "caller": var.get()} == {"function": "caller", "caller": "caller"}


@check("Lib/asyncio/base_events.py: run_in_executor", level="should", needs=("threads-start-empty",))
async def run_in_executor_does_not_propagate(loop, var, patience):
    """A function given to run_in_executor() sees its thread's own context variables, not the caller's.

    Unlike one given to asyncio.to_thread(); programs pass copy_context().run where they want the caller's.
    """
    var.set("caller")
    try:
        seen = await soon(loop.run_in_executor(None, var.get), patience, "run_in_executor() returns")
    finally:
        await loop.shutdown_default_executor()

    assert seen == "unset"


# The exception handler


@check("asyncio-eventloop#asyncio.loop.set_exception_handler", python=">=3.12")
async def exception_handler_runs_in_handle_context(loop, var, patience):
    """The exception handler, called for a callback that failed, runs in that callback's context."""
    lookout = Lookout(var.get)
    loop.set_exception_handler(lambda *given: lookout(str(given[-1]["exception"])))

    def fail(name):
        var.set(f"set by the {name} callback")
        raise ZeroDivisionError(name)

    loop.call_soon(fail, "call_soon")
    loop.call_later(SHORT, fail, "call_later")

    assert await lookout.after(2, patience) == {
        "call_soon": "set by the call_soon callback",
        "call_later": "set by the call_later callback",
    }


@check("asyncio-eventloop#asyncio.loop.set_exception_handler", python=">=3.12")
async def exception_handler_runs_in_task_context(loop, var, trace):
    """The exception handler, called for a task's exception that nobody retrieved, runs in the task's context."""
    loop.set_exception_handler(lambda *given: trace(type(given[-1]["exception"]), var.get()))

    async def fail():
        var.set("set by the task")
        raise ZeroDivisionError

    task = loop.create_task(fail())
    await pass_turns(3)  # outlives its last step, so that it is not collected from inside its own context
    del task
    gc.collect()

    assert trace == [(ZeroDivisionError, "set by the task")]


@check("Lib/asyncio/base_events.py: call_exception_handler", python=">=3.12", level="should")
async def call_exception_handler_context_precedence(loop, var, trace, patience):
    """The exception handler runs in the context of the first that is given: task, future, handle; else the current.

    A plain future has no context of its own, but takes precedence over a handle all the same.
    """
    task = loop.create_task(pass_turns(), context=context_with(var, "of the task"))
    other = loop.create_task(pass_turns(), context=context_with(var, "of the future, a task"))
    await soon(asyncio.wait({task, other}), patience, "the tasks end")
    handle = asyncio.Handle(int, (), loop, context_with(var, "of the handle"))
    var.set("current")
    loop.set_exception_handler(lambda *given: trace(given[-1]["message"], var.get()))
    for message, culprits in {
        "task, future, handle": {"task": task, "future": other, "handle": handle},
        "future, handle": {"future": other, "handle": handle},
        "plain future, handle": {"future": loop.create_future(), "handle": handle},
        "handle": {"handle": handle},
        "none": {},
    }.items():
        loop.call_exception_handler({"message": message, **culprits})

    assert trace == [
        ("task, future, handle", "of the task"),
        ("future, handle", "of the future, a task"),
        ("plain future, handle", "current"),
        ("handle", "of the handle"),
        ("none", "current"),
    ]


# Descriptors and signals


@check("Lib/asyncio/selector_events.py: _add_reader", level="should", needs=("posix",), after=WATCHES_READERS)
async def fd_callbacks_capture_registration_context(loop, socketpair, var, patience):
    """A callback of add_reader() or add_writer() sees the context variables as they were at registration."""
    near, far = socketpair
    lookout = Lookout(var.get)

    def look_once(name, remove):
        remove(near.fileno())
        lookout(name)

    try:
        var.set("when registered")
        loop.add_reader(near.fileno(), look_once, "add_reader", loop.remove_reader)
        loop.add_writer(near.fileno(), look_once, "add_writer", loop.remove_writer)
        var.set("when ready")
        far.send(b"x")
        seen = await lookout.after(2, patience)
    finally:
        loop.remove_reader(near.fileno())
        loop.remove_writer(near.fileno())

    assert seen == {"add_reader": "when registered", "add_writer": "when registered"}


@check("Lib/asyncio/selector_events.py: _add_reader", level="should", needs=("posix",), after=WATCHES_READERS)
async def fd_callback_context_persists_between_calls(loop, socketpair, var, patience):
    """An add_reader() callback runs in one context each time: it sees what it set before, and nobody else does."""
    near, far = socketpair
    lookout = Lookout(var.get)

    def change():
        near.recv(1)
        number = len(lookout.seen) + 1
        lookout(f"call {number}")
        var.set(f"set by call {number}")

    loop.add_reader(near.fileno(), change)
    try:
        for number in (1, 2, 3):
            far.send(b"x")
            await lookout.after(number, patience)
    finally:
        loop.remove_reader(near.fileno())
    lookout("registering code")

    assert lookout.seen == {
        "call 1": "unset",
        "call 2": "set by call 1",
        "call 3": "set by call 2",
        "registering code": "unset",
    }


@check("Lib/asyncio/unix_events.py: add_signal_handler", level="should", needs=("signals",), after=HANDLES_SIGNALS)
async def signal_handler_captures_registration_context(loop, var, patience):
    """A callback of add_signal_handler() sees the context variables as they were at registration."""
    lookout = Lookout(var.get)
    var.set("when registered")
    with handling(loop, signal.SIGUSR1, lookout, "handler"):
        var.set("when raised")
        loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
        seen = await lookout.after(1, patience)

    assert seen == {"handler": "when registered"}


# Client connections


@check(
    "Lib/asyncio/selector_events.py: _SelectorSocketTransport.__init__", level="should", needs=("ipv4",), after=CONNECTS
)
async def client_protocol_inherits_creator_context(listener, var, patience):
    """The protocol of a client connection sees the context variables of the task that called create_connection()."""
    var.set("creator")
    async with connected(listener, Watchers(StreamWatcher, var.get), patience) as (client, peer):
        var.set("creator, later")
        peer.sendall(b"x")
        await client.until("data_received", patience)
        peer.close()
        await client.until("connection_lost", patience)

    assert client.saw(*STREAM) == dict.fromkeys(STREAM, {"creator"})


@check(
    "Lib/asyncio/selector_events.py: _SelectorSocketTransport.__init__", level="should", needs=("ipv4",), after=CONNECTS
)
async def client_protocol_changes_do_not_leak(listener, var, patience):
    """What the callbacks of a client connection's protocol set is not seen by the task that made the connection."""
    seen = {}
    factory = Watchers(
        StreamWatcher,
        var.get,
        connection_made=lambda client: var.set("set by connection_made"),
        data_received=lambda client: var.set("set by data_received"),
    )
    async with connected(listener, factory, patience) as (client, peer):
        seen["after connection_made"] = var.get()
        peer.sendall(b"x")
        await client.until("data_received", patience)
        seen["after data_received"] = var.get()

    assert seen == {"after connection_made": "unset", "after data_received": "unset"}


@check("gh-140947", python=">=3.15", level="should", needs=("ipv4",))
async def client_protocol_shared_connection_context(listener, var, patience):
    """All callbacks of a client connection share one context, so each sees what the earlier ones set."""
    factory = Watchers(
        StreamWatcher,
        var.get,
        connection_made=lambda client: var.set("set by connection_made"),
        data_received=lambda client: var.set("set by data_received"),
    )
    async with connected(listener, factory, patience) as (client, peer):
        peer.sendall(b"x")
        await client.until("data_received", patience)
        peer.close()
        await client.until("connection_lost", patience)

    assert client.saw("connection_made", "data_received", "connection_lost") == {
        "connection_made": {"unset"},
        "data_received": {"set by connection_made"},
        "connection_lost": {"set by data_received"},
    }


@check("gh-140947", python=">=3.15", level="should", needs=("ipv4",))
async def connection_context_survives_write(listener, var, patience):
    """Code that writes from another context does not switch the context of the connection's later callbacks."""
    var.set("creator")
    async with connected(listener, Watchers(StreamWatcher, var.get), patience) as (client, peer):
        data = bytes(2**23)  # more than the kernel buffers, so that the loop itself must write the rest
        context_with(var, "writer").run(client.transport.write, data)
        await threaded(receive, peer, len(data))
        await client.until("resume_writing", patience)
        peer.close()
        await client.until("connection_lost", patience)

    assert client.saw("resume_writing", "connection_lost") == {
        "resume_writing": {"creator"},
        "connection_lost": {"creator"},
    }


# Servers


@check("Lib/asyncio/selector_events.py: _accept_connection", level="should", needs=("ipv4",), after=SERVES)
async def server_protocol_inherits_server_context(var, patience):
    """The protocol of an accepted connection sees the context variables as they were when the server was made."""
    accepted = Watchers(StreamWatcher, var.get)
    var.set("when the server was made")
    async with serving(accepted, patience) as server:
        var.set("later")
        with dial(server, patience) as peer:
            peer.sendall(b"x")
            connection = await accepted.nth(1, patience, "data_received")
        await connection.until("connection_lost", patience)

    assert connection.saw(*STREAM) == dict.fromkeys(STREAM, {"when the server was made"})


@check("Lib/asyncio/selector_events.py: _accept_connection", level="should", needs=("ipv4",), after=SERVES)
async def server_connections_isolated(var, patience):
    """What the protocol of an accepted connection sets is seen by no other connection, nor by the server's creator."""

    def change(connection):
        var.set("set by a connection")

    accepted = Watchers(StreamWatcher, var.get, connection_made=change, data_received=change)
    async with serving(accepted, patience) as server:
        for number in (1, 2, 3):
            with dial(server, patience) as peer:
                peer.sendall(b"x")
                connection = await accepted.nth(number, patience, "data_received")
            await connection.until("connection_lost", patience)
    seen = [connection.saw("protocol_factory", "connection_made") for connection in accepted]

    assert seen == [{"protocol_factory": {"unset"}, "connection_made": {"unset"}}] * 3
    assert var.get() == "unset", "the connections changed the context of the server's creator"


@check("Lib/asyncio/selector_events.py: _start_serving", python="<3.15", level="may", needs=("ipv4",), after=SERVES)
async def server_context_captured_at_start_serving(var, patience):
    """The protocols of a server made with start_serving=False see the context variables as of start_serving()."""
    accepted = Watchers(StreamWatcher, var.get)
    var.set("when the server was made")
    async with serving(accepted, patience, start_serving=False) as server:
        var.set("when serving started")
        async with within(patience, "start_serving() returns"):
            await server.start_serving()
        var.set("later")
        with dial(server, patience):
            connection = await accepted.nth(1, patience)

    assert connection.saw("protocol_factory", "connection_made") == {
        "protocol_factory": {"when serving started"},
        "connection_made": {"when serving started"},
    }


@check("Lib/asyncio/base_events.py: Server.__init__", python=">=3.15", level="should", needs=("ipv4",))
async def server_context_captured_at_creation(var, patience):
    """The protocols of a server made with start_serving=False see the context variables as of create_server()."""
    accepted = Watchers(StreamWatcher, var.get)
    var.set("when the server was made")
    async with serving(accepted, patience, start_serving=False) as server:
        var.set("when serving started")
        async with within(patience, "start_serving() returns"):
            await server.start_serving()
        with dial(server, patience):
            connection = await accepted.nth(1, patience)

    assert connection.saw("protocol_factory", "connection_made") == {
        "protocol_factory": {"when the server was made"},
        "connection_made": {"when the server was made"},
    }


@check("gh-140947", python=">=3.15", level="should", needs=("ipv4",))
async def connection_context_survives_resume_reading(var, patience):
    """Code that calls resume_reading() in another context does not switch the context of later callbacks.

    ASGI servers resume from the task of a request; its variables leaked into the next request of the connection.
    """
    accepted = Watchers(StreamWatcher, var.get, data_received=lambda connection: connection.transport.pause_reading())
    var.set("server")
    async with serving(accepted, patience) as server:
        with dial(server, patience) as peer:
            peer.sendall(b"x")
            connection = await accepted.nth(1, patience, "data_received")
            context_with(var, "request").run(connection.transport.resume_reading)
            peer.sendall(b"x")
            await connection.until("data_received", patience, times=2)
        context_with(var, "request").run(connection.transport.resume_reading)
        await connection.until("connection_lost", patience)

    assert connection.saw("data_received", "connection_lost") == {
        "data_received": {"server"},
        "connection_lost": {"server"},
    }


@check("asyncio-stream#asyncio.start_server", level="should", needs=("ipv4",), after=SERVES)
async def start_server_handler_inherits_server_context(var, patience):
    """The handler of asyncio.start_server() sees the context variables as they were when the server was made."""
    lookout = Lookout(var.get)

    async def handle(reader, writer):
        lookout("handler")

    var.set("when the server was made")
    async with serving_streams(handle, patience) as server:
        var.set("later")
        with dial(server, patience):
            seen = await lookout.after(1, patience)

    assert seen == {"handler": "when the server was made"}


@check("asyncio-stream#asyncio.start_server", level="should", needs=("ipv4",), after=SERVES)
async def start_server_handlers_isolated(var, patience):
    """What a handler of asyncio.start_server() sets is seen neither by later handlers nor by the server's creator."""
    lookout = Lookout(var.get)

    async def handle(reader, writer):
        lookout(f"handler {len(lookout.seen) + 1}")
        var.set("set by a handler")

    async with serving_streams(handle, patience) as server:
        for number in (1, 2, 3):
            with dial(server, patience):
                await lookout.after(number, patience)
    lookout("creator")

    assert lookout.seen == {"handler 1": "unset", "handler 2": "unset", "handler 3": "unset", "creator": "unset"}


# Other transports


@check(
    "Lib/asyncio/selector_events.py: _SelectorDatagramTransport.__init__",
    level="should",
    needs=("ipv4",),
    after=OPENS_DATAGRAM_ENDPOINTS,
)
async def datagram_protocol_inherits_creator_context(var, patience):
    """A datagram protocol sees the context variables of the task that made the endpoint, not those of who sends."""
    var.set("creator")
    async with datagrams(Watchers(DatagramWatcher, var.get), patience) as endpoint:
        var.set("creator, later")
        here = endpoint.transport.get_extra_info("sockname")
        context_with(var, "sender").run(endpoint.transport.sendto, b"to myself", here)
        await endpoint.until("datagram_received", patience)

    assert endpoint.saw("protocol_factory", "connection_made", "datagram_received") == {
        "protocol_factory": {"creator"},
        "connection_made": {"creator"},
        "datagram_received": {"creator"},
    }


@check("Lib/asyncio/unix_events.py: _UnixReadPipeTransport", level="should", needs=("posix",))
async def pipe_protocol_inherits_creator_context(var, patience):
    """The protocol of a pipe that is read sees the context variables of the task that called connect_read_pipe()."""
    var.set("creator")
    async with reading_pipe(Watchers(PipeWatcher, var.get), patience) as (reader, far):
        var.set("creator, later")
        far.write(b"x")
        await reader.until("data_received", patience)
        far.close()
        await reader.until("connection_lost", patience)

    assert reader.saw(*STREAM) == dict.fromkeys(STREAM, {"creator"})


@check(
    "Lib/asyncio/unix_events.py: create_unix_connection",
    level="should",
    needs=("unix-connections",),
    after=CONNECTS_TO_UNIX,
)
async def unix_client_protocol_inherits_creator_context(unix_listener, var, patience):
    """The protocol of a Unix client sees the context variables of the task that called create_unix_connection()."""
    var.set("creator")
    async with connected(unix_listener, Watchers(StreamWatcher, var.get), patience) as (client, peer):
        var.set("creator, later")
        peer.sendall(b"x")
        await client.until("data_received", patience)
        peer.close()
        await client.until("connection_lost", patience)

    assert client.saw(*STREAM) == dict.fromkeys(STREAM, {"creator"})


@check("Lib/asyncio/unix_events.py: create_unix_server", level="should", needs=("unix-connections",), after=SERVES_UNIX)
async def unix_server_protocol_inherits_server_context(folder, var, patience):
    """The protocol of a connection to a Unix server sees the context variables as of when the server was made."""
    accepted = Watchers(StreamWatcher, var.get)
    var.set("when the server was made")
    async with serving(accepted, patience, path=os.path.join(folder, "server")) as server:
        var.set("later")
        with dial(server, patience) as peer:
            peer.sendall(b"x")
            connection = await accepted.nth(1, patience, "data_received")
        await connection.until("connection_lost", patience)

    assert connection.saw(*STREAM) == dict.fromkeys(STREAM, {"when the server was made"})


@check("Lib/asyncio/sslproto.py: SSLProtocol", level="should", needs=("ipv4", "tls"), after=CONNECTS_OVER_TLS)
async def tls_client_protocol_inherits_creator_context(listener, tls, var, patience):
    """The protocol of a TLS client sees the context variables of the task that called create_connection().

    It writes, from yet another context, what the peer sends back: the answer must not arrive in that context.
    """
    tls_options = {"ssl": tls.client, "server_hostname": tls.host}
    var.set("creator")
    with answering(listener, tls.server, lambda peer: peer.sendall(peer.recv(1)), patience):
        async with connecting(listener, Watchers(StreamWatcher, var.get), patience, **tls_options) as client:
            var.set("creator, later")
            context_with(var, "writer").run(client.transport.write, b"x")
            await client.until("data_received", patience)
            await client.until("connection_lost", patience)

    assert client.saw(*STREAM) == dict.fromkeys(STREAM, {"creator"})


@check("Lib/asyncio/sslproto.py: SSLProtocol", level="should", needs=("ipv4", "tls"), after=SERVES_TLS)
async def tls_server_protocol_inherits_server_context(tls, var, patience):
    """The protocol of an accepted TLS connection sees the context variables as of when the server was made.

    It writes from another context before the second byte arrives: that byte must not arrive in that context.
    """
    accepted = Watchers(StreamWatcher, var.get)

    def exchange(server):
        with dial(server, patience) as sock, tls.client.wrap_socket(sock, server_hostname=tls.host) as peer:
            peer.sendall(b"1")
            peer.sendall(peer.recv(1))

    var.set("when the server was made")
    async with serving(accepted, patience, ssl=tls.server) as server:
        var.set("later")
        with meanwhile(exchange, server, patience=patience):
            connection = await accepted.nth(1, patience, "data_received")
            context_with(var, "writer").run(connection.transport.write, b"2")
            await connection.until("connection_lost", patience)

    assert connection.data == b"12"
    assert connection.saw(*STREAM) == dict.fromkeys(STREAM, {"when the server was made"})


@check("Lib/asyncio/base_subprocess.py: BaseSubprocessTransport", level="may", needs=("posix",), after=STARTS_CHILDREN)
async def subprocess_pipe_callbacks_inherit_creator_context(loop, var, patience):
    """A subprocess protocol sees, in what its pipes bring, the context variables of who called subprocess_exec()."""
    var.set("creator")
    async with within(patience, "subprocess_exec() returns"):
        _, child = await loop.subprocess_exec(Watchers(SubprocessWatcher, var.get), "echo", "x", stdin=None)
    async with closing([child], patience):
        var.set("creator, later")
        await child.until("pipe_data_received", patience)
        await child.until("connection_lost", patience)

    assert child.saw("protocol_factory", "connection_made", "pipe_data_received") == {
        "protocol_factory": {"creator"},
        "connection_made": {"creator"},
        "pipe_data_received": {"creator"},
    }


also_in(
    {
        # A context travels with the handle, and in debug mode handles are made and run on a path of their own.
        "debug": (
            call_soon_captures_current,
            call_soon_changes_do_not_leak,
            call_soon_explicit_context,
            timers_explicit_context,
            call_soon_threadsafe_captures_callers_context,
            callback_may_reuse_running_context,
            handle_get_context_returns_given_context,
            task_explicit_context_used_directly,
            exception_handler_runs_in_handle_context,
            fd_callbacks_capture_registration_context,
            server_protocol_inherits_server_context,
        ),
        "other-thread": (
            call_soon_captures_current,
            call_soon_threadsafe_captures_callers_context,
            task_keeps_its_context_across_awaits,
            run_until_complete_inherits_caller_context,
            runner_keeps_context_between_runs,
            to_thread_propagates,
        ),
        # There the main task itself runs in a context that it was given.
        "runner": (
            done_callback_captures_current,
            task_copies_context_at_creation,
            task_keeps_its_context_across_awaits,
            to_thread_propagates,
            client_protocol_inherits_creator_context,
        ),
        # A first step that runs at once must enter the task's context from inside its creator's.
        "eager-tasks": (
            task_copies_context_at_creation,
            task_changes_do_not_leak,
            task_keeps_its_context_across_awaits,
            task_explicit_context_used_directly,
            create_task_functions_context,
            shared_context_between_tasks,
            run_coroutine_threadsafe_uses_callers_context,
            runner_run_explicit_context,
            start_server_handler_inherits_server_context,
        ),
        # They ask the loop in words, call_soon(step, context=...), where the C tasks may find a short cut.
        "python-tasks": (
            task_copies_context_at_creation,
            task_keeps_its_context_across_awaits,
            task_explicit_context_used_directly,
            task_wakeup_uses_task_context,
            run_coroutine_threadsafe_uses_callers_context,
        ),
        "first-loop": (call_soon_captures_current,),
        "second-loop": (call_soon_captures_current, timers_capture_current, fd_callbacks_capture_registration_context),
    }
)
