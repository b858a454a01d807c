"""create_future(), asyncio.Future over the loop, futures of other makes, and asyncio.wrap_future()."""

import asyncio
import concurrent.futures
import gc
import logging
import threading
import weakref

from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon, turn, turns
from loopcheck.kit.ducks import DuckFuture, LooplessDuckFuture

# What create_future() makes.


@check("asyncio-eventloop#asyncio.loop.create_future")
def create_future_basics(loop, new_loop):
    """create_future() makes a new pending future of the loop at each call, also while the loop does not run."""
    other = new_loop()
    futures = [loop.create_future(), loop.create_future(), other.create_future()]

    assert [asyncio.isfuture(future) for future in futures] == [True, True, True]
    assert [future.get_loop() for future in futures] == [loop, loop, other]
    assert [(future.done(), future.cancelled()) for future in futures] == [(False, False)] * 3
    assert len(set(map(id, futures))) == 3, "create_future() handed out the same future twice"


@check("asyncio-graph#asyncio.future_add_to_awaited_by", level="should")
def create_future_isinstance_asyncio_future(loop):
    """What create_future() makes is an instance of asyncio.Future or of a subclass.

    Other classes are allowed, but libraries test with isinstance(), as anyio does to see what a task waits for, and
    the call graph of Python 3.14 knows nothing else.
    """
    future = loop.create_future()

    assert isinstance(future, asyncio.Future), f"the classes of the future are {type(future).__mro__}"


@check("asyncio-future#asyncio.isfuture")
def blocking_marker_attribute(loop):
    """The class of the loop's futures has the attribute _asyncio_future_blocking, which is False in a new future.

    By it isfuture() knows a future; a task sees it become True when the future is awaited, and takes anything that is
    True otherwise for a mistake in the program.
    """
    future = loop.create_future()

    assert hasattr(type(future), "_asyncio_future_blocking")
    assert future._asyncio_future_blocking is False


@check("Lib/asyncio/futures.py: Future", level="should")
def weakrefable_and_released(loop, new_future, trace):
    """The loop keeps no reference to a future that is done and whose callbacks have run."""
    futures = {"loop.create_future()": loop.create_future(), "asyncio.Future": new_future()}
    alive = {name: weakref.ref(future) for name, future in futures.items()}
    for future in futures.values():
        future.add_done_callback(trace.then("callback"))
        future.set_result(None)
    del future
    futures.clear()
    turns(loop, 2)
    gc.collect()

    assert trace == ["callback", "callback"]
    assert [name for name, reference in alive.items() if reference() is not None] == [], "these are kept alive"


@check("Lib/asyncio/base_futures.py: _future_repr_info", level="may")
def repr_shows_state(loop):
    """repr() of a future says whether it is pending, finished (and with what result) or cancelled."""
    pending, finished, cancelled = (loop.create_future() for _ in range(3))
    finished.set_result("a telling result")
    cancelled.cancel()

    assert "pending" in repr(pending)
    assert "finished" in repr(finished)
    assert "'a telling result'" in repr(finished)
    assert "cancelled" in repr(cancelled)


@check("gh-142615", level="may", python=">=3.15")
def reinitialisation_rejected(loop):
    """Calling __init__() of a future again raises RuntimeError."""
    future = loop.create_future()

    with refuses(RuntimeError, "__init__() of a future that is initialised"):
        future.__init__(loop=loop)


# Completing a future.


@check("asyncio-future#asyncio.Future.result")
def pending_future_has_no_outcome(loop):
    """result() and exception() of a pending future raise asyncio.InvalidStateError."""
    future = loop.create_future()

    with refuses(asyncio.InvalidStateError, "result() of a pending future"):
        future.result()
    with refuses(asyncio.InvalidStateError, "exception() of a pending future"):
        future.exception()


@check("asyncio-future#asyncio.Future.set_result")
def result_is_what_was_set(loop):
    """After set_result(x) the future is done, result() returns x itself each time, and exception() returns None."""
    value, future = ["a list"], loop.create_future()
    future.set_result(value)

    assert (future.done(), future.cancelled(), future.exception()) == (True, False, None)
    assert [future.result() is value for _ in range(2)] == [True, True]


@check("asyncio-future#asyncio.Future.set_exception")
def exception_is_what_was_set(loop, trace):
    """After set_exception(e) the future is done, exception() returns e itself, and result() raises it, each time."""
    error, future = ZeroDivisionError("mine"), loop.create_future()
    future.set_exception(error)
    for _ in range(2):
        try:
            trace(future.result())
        except ZeroDivisionError as raised:
            trace(raised is error)

    assert (future.done(), future.cancelled(), trace) == (True, False, [True, True])
    assert future.exception() is error


@check("asyncio-future#asyncio.Future.set_exception")
def exception_class_is_instantiated(loop):
    """set_exception() given a class sets an instance of it."""
    future = loop.create_future()
    future.set_exception(ZeroDivisionError)

    assert type(future.exception()) is ZeroDivisionError, f"exception() is {future.exception()!r}"
    with refuses(ZeroDivisionError, "result()"):
        future.result()


@check("asyncio-future#asyncio.Future.set_result")
def double_completion_raises(loop, trace):
    """On a future that is done, set_result() and set_exception() raise asyncio.InvalidStateError, cancel() is False."""
    done, failed, cancelled = futures = [loop.create_future() for _ in range(3)]
    error = ZeroDivisionError()
    done.set_result("first")
    failed.set_exception(error)
    cancelled.cancel()
    for future in futures:
        with refuses(asyncio.InvalidStateError, f"set_result() on {future!r}"):
            future.set_result("second")
        with refuses(asyncio.InvalidStateError, f"set_exception() on {future!r}"):
            future.set_exception(ValueError())
        trace(future.cancel())

    assert trace == [False, False, False]
    assert (done.result(), failed.exception(), cancelled.cancelled()) == ("first", error, True)


@check("gh-112182", level="should", python=">=3.13")
def set_exception_stop_iteration(loop):
    """set_exception() given StopIteration, class or instance, sets a RuntimeError that has it as its cause.

    Raised into a coroutine, StopIteration itself would look like a return: the task that waits would hang.
    """
    for given in (StopIteration, StopIteration("instance")):
        future = loop.create_future()
        future.set_exception(given)
        error = future.exception()

        assert (type(error), type(error.__cause__)) == (RuntimeError, StopIteration), f"for {given!r}"


@check("asyncio-future#asyncio.Future.cancel")
def cancel_transitions(loop, trace):
    """cancel() on a pending future returns True; then it is done and cancelled, and its outcome is CancelledError.

    Both result() and exception() raise it.
    """
    future = loop.create_future()
    trace(future.cancel())

    assert (trace, future.done(), future.cancelled()) == ([True], True, True)
    with refuses(asyncio.CancelledError, "result() of a cancelled future"):
        future.result()
    with refuses(asyncio.CancelledError, "exception() of a cancelled future"):
        future.exception()


@check("asyncio-future#asyncio.Future.cancel")
async def cancel_message(loop, trace):
    """The message given to cancel(), by position or by name, is the one argument of the CancelledError.

    Without a message there is none. Both result() and awaiting show it.
    """
    for arguments, options in ((("by position",), {}), ((), {"msg": "by name"}), ((), {})):
        future = loop.create_future()
        future.cancel(*arguments, **options)
        try:
            future.result()
        except asyncio.CancelledError as error:
            trace("result", error.args)
        try:
            await future
        except asyncio.CancelledError as error:
            trace("await", error.args)

    assert trace == [
        ("result", ("by position",)),
        ("await", ("by position",)),
        ("result", ("by name",)),
        ("await", ("by name",)),
        ("result", ()),
        ("await", ()),
    ]


# Awaiting a future.


@check("asyncio-future#asyncio.Future")
async def await_outcome(loop, new_future):
    """Awaiting a future returns its result or raises its exception, the very object, as often as it is awaited."""
    value, error = object(), ZeroDivisionError("mine")
    for make in (loop.create_future, new_future):
        good, bad, outcomes = make(), make(), []
        loop.call_soon(good.set_result, value)
        loop.call_soon(bad.set_exception, error)
        for future in (good, good, bad, bad):
            try:
                outcomes.append(await future)
            except ZeroDivisionError as raised:
                outcomes.append(raised)

        assert outcomes == [value, value, error, error], f"from {good!r} and {bad!r}, each awaited twice"


@check("asyncio-future#asyncio.Future")
async def multiple_awaiters_all_resume(loop, new_future, trace, patience):
    """Several tasks that await one future all resume with its result, in the order in which they began to wait."""

    async def wait(name, future):
        trace(name, await future)

    for make in (loop.create_future, new_future):
        future = make()
        tasks = [loop.create_task(wait(name, future)) for name in range(5)]
        await pass_turns()
        future.set_result("result")
        await soon(asyncio.wait(tasks), patience, "five tasks that await one future resume")

    assert trace == [(name, "result") for name in range(5)] * 2


@check("Lib/asyncio/futures.py: Future.__await__", level="should")
async def await_done_future_does_not_yield(loop, trace):
    """Awaiting a future that is done goes on at once, without letting the loop turn.

    Code that awaits what may be there already relies on not being interrupted; drain() and locks are built on it.
    """
    future = loop.create_future()
    future.set_result("result")
    loop.call_soon(trace, "callback")
    trace(await future)
    await pass_turns()

    assert trace == ["result", "callback"]


@check("Lib/asyncio/futures.py: Future.__schedule_callbacks", level="should")
async def completion_wakes_task_in_queue_order(loop, new_future, trace):
    """A task that awaits a future is queued when the future completes: it resumes before anything scheduled later."""

    async def wait(future):
        await future
        trace("task")

    def complete(future):
        future.set_result(None)
        loop.call_soon(trace, "scheduled after")
        trace("completed")

    for make in (loop.create_future, new_future):
        future = make()
        task = loop.create_task(wait(future))
        await pass_turns()
        loop.call_soon(complete, future)
        await pass_turns(3)
        await task

    assert trace == ["completed", "task", "scheduled after"] * 2


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def awaiting_other_loops_future_raises(loop, new_loop, patience):
    """A task that awaits a pending future of another loop gets RuntimeError there, with "different loop" in its text.

    Else it would hang, or be woken in the wrong thread.
    """
    foreign = new_loop().create_future()

    async def wait():
        try:
            await foreign
        except RuntimeError as error:
            return str(error)

    text = await soon(loop.create_task(wait()), patience, "awaiting a future of another loop raises RuntimeError")

    assert "different loop" in str(text)


@check("asyncio-graph#asyncio.capture_call_graph", level="should", python=">=3.14")
async def awaited_by_graph(loop):
    """asyncio.capture_call_graph() of a future lists the task that awaits it, until the future is done.

    Tools that show what a hanging program waits for read it.
    """

    async def wait(future):
        await future

    future = loop.create_future()
    task = loop.create_task(wait(future))
    await pass_turns()
    before = [graph.future for graph in asyncio.capture_call_graph(future).awaited_by]
    future.set_result(None)
    await task
    after = asyncio.capture_call_graph(future).awaited_by

    assert (before, list(after)) == ([task], [])


# Done callbacks.


def complete_with_result(future):
    future.set_result(None)


def complete_with_exception(future):
    future.set_exception(ZeroDivisionError())
    future.exception()


def cancel(future):
    future.cancel()


COMPLETIONS = (complete_with_result, complete_with_exception, cancel)


@check("asyncio-future#asyncio.Future.add_done_callback")
def done_callbacks_scheduled_not_called(loop, new_future, trace):
    """The loop calls done callbacks, after set_result(), set_exception() or cancel() has returned, not inside it."""
    for make in (loop.create_future, new_future):
        for complete in COMPLETIONS:
            future = make()
            future.add_done_callback(trace.then("called back"))
            complete(future)
            trace(f"{complete.__name__} returned")
            turn(loop)

    assert (
        trace
        == [
            "complete_with_result returned",
            "called back",
            "complete_with_exception returned",
            "called back",
            "cancel returned",
            "called back",
        ]
        * 2
    )


@check("asyncio-future#asyncio.Future.add_done_callback")
def callback_added_to_done_future_is_scheduled(loop, new_future, trace):
    """A callback added to a future that is done runs through the loop, not inside add_done_callback()."""
    for make in (loop.create_future, new_future):
        for complete in COMPLETIONS:
            future = make()
            complete(future)
            future.add_done_callback(trace.then("called back"))
            trace("added")
            turn(loop)

    assert trace == ["added", "called back"] * 6


@check("asyncio-future#asyncio.Future.add_done_callback")
def done_callback_gets_the_future(loop, new_future):
    """A done callback is called with the future itself as its only argument."""
    futures, calls = [loop.create_future(), new_future()], []
    for future in futures:
        future.add_done_callback(lambda *arguments: calls.append(arguments))
        future.set_result(None)
        future.add_done_callback(lambda *arguments: calls.append(arguments))
        turn(loop)

    assert [list(map(id, arguments)) for arguments in calls] == [[id(future)] for future in futures for _ in range(2)]


@check("asyncio-future#asyncio.Future.add_done_callback", level="should")
def done_callbacks_run_in_order_of_registration(loop, new_future, trace):
    """The done callbacks of a future run in the order in which they were added, each as often as it was added."""
    for make in (loop.create_future, new_future):
        future = make()
        for number in (*range(10), 3):
            future.add_done_callback(trace.then(number))
        future.set_result(None)
        turns(loop, 2)

    assert trace == [*range(10), 3] * 2


@check("Lib/asyncio/futures.py: Future.__schedule_callbacks", level="should")
def done_callbacks_share_queue_with_call_soon(loop, new_future, trace):
    """Done callbacks queue with those of call_soon(): behind what was there at the completion, before what follows."""
    for make in (loop.create_future, new_future):
        future = make()
        future.add_done_callback(trace.then("called back"))
        loop.call_soon(trace, "scheduled before")
        future.set_result(None)
        loop.call_soon(trace, "scheduled after")
        turn(loop)

    assert trace == ["scheduled before", "called back", "scheduled after"] * 2


@check("asyncio-future#asyncio.Future.remove_done_callback")
def remove_done_callback_count(loop, new_future, trace):
    """remove_done_callback() removes every registration of the callback, and returns how many there were.

    Others stay. Equal callbacks are the same, such as two accesses to one bound method.
    """

    class Listener:
        def notify(self, future):
            trace("removed callback")

    for make in (loop.create_future, new_future):
        listener, future = Listener(), make()
        for callback in (listener.notify, trace.then("other callback"), listener.notify):
            future.add_done_callback(callback)
        trace(future.remove_done_callback(listener.notify))
        trace(future.remove_done_callback(listener.notify))
        future.set_result(None)
        turns(loop, 2)

    assert trace == [2, 0, "other callback"] * 2


@check("Lib/asyncio/events.py: Handle._run", level="should")
def callback_exception_does_not_stop_others(loop, new_future, trace, errors, logged):
    """A done callback that raises does not keep the future's other callbacks from running."""

    def fail(future):
        raise ZeroDivisionError("in a done callback")

    for make in (loop.create_future, new_future):
        future = make()
        future.add_done_callback(fail)
        future.add_done_callback(trace.then("other callback"))
        future.set_result("kept")
        turns(loop, 2)
        trace(future.result())

    assert trace == ["other callback", "kept"] * 2


# Exceptions that nobody retrieves.


def lose_exception(make, error):
    """Let go of a future whose exception nobody has asked for."""
    future = make()
    future.set_exception(error)
    del future
    gc.collect()


@check("asyncio-dev#detect-never-retrieved-exceptions")
def unretrieved_exception_reported(loop, new_future, errors):
    """A future that is collected with an exception nobody asked for is reported to the exception handler, once.

    The message ends in "exception was never retrieved"; the keys "exception" and "future" say which.
    """
    lost = [ZeroDivisionError("of create_future()"), ZeroDivisionError("of asyncio.Future")]
    for make, error in zip((loop.create_future, new_future), lost, strict=True):
        lose_exception(make, error)
        turn(loop)

    assert [context.get("exception") for context in errors] == lost
    assert [asyncio.isfuture(context.get("future")) for context in errors] == [True, True]
    for context in errors:
        assert context["message"].endswith("exception was never retrieved")


@check("asyncio-dev#detect-never-retrieved-exceptions")
def unretrieved_exception_logged(loop, new_future, logged):
    """Without an exception handler, an exception nobody asked for is an error with traceback in the log "asyncio"."""
    lost = [ZeroDivisionError("of create_future()"), ZeroDivisionError("of asyncio.Future")]
    for make, error in zip((loop.create_future, new_future), lost, strict=True):
        lose_exception(make, error)
        turn(loop)
    records = [record for record in logged if record.levelno >= logging.ERROR]

    assert ["exception was never retrieved" in record.getMessage() for record in records] == [True, True]
    assert [record.exc_info and record.exc_info[1] for record in records] == lost


@check("asyncio-dev#detect-never-retrieved-exceptions")
def retrieved_exception_not_reported(loop, new_future, trace, errors):
    """Collecting a future whose exception was retrieved, by result(), exception() or await, reports nothing."""

    async def wait(future):
        await future

    def by_result(future):
        future.result()

    def by_exception(future):
        raise future.exception()

    def by_await(future):
        run_coroutine(loop, wait(future))

    for make in (loop.create_future, new_future):
        for retrieve in (by_result, by_exception, by_await):
            future = make()
            future.set_exception(ZeroDivisionError(retrieve.__name__))
            try:
                retrieve(future)
            except ZeroDivisionError as error:
                trace(str(error))
            del future
            gc.collect()
    turn(loop)

    assert trace == ["by_result", "by_exception", "by_await"] * 2
    assert errors == []


@check("asyncio-dev#detect-never-retrieved-exceptions")
def future_without_exception_not_reported(loop, new_future, trace, errors):
    """Collecting a future that is pending, cancelled or has a result reports nothing."""
    for make in (loop.create_future, new_future):
        pending, cancelled, finished = (make() for _ in range(3))
        cancelled.cancel()
        finished.set_result("result")
        trace(pending.done(), cancelled.cancelled(), finished.done())
        del pending, cancelled, finished
        gc.collect()
    turn(loop)

    assert trace == [(False, True, True)] * 2
    assert errors == []


# asyncio.Future over the loop.


@check("asyncio-extending#asyncio.Future.__init__")
def private_constructor_binds_loop(loop, new_future, trace):
    """asyncio.Future(loop=loop), or a subclass of it, is a future of the loop: it can be awaited and run until.

    Libraries make their own: pyzmq subclasses it, Tornado's Future is asyncio's. The built-in class asks the loop for
    get_debug(), call_soon() with the keyword context, and call_exception_handler().
    """
    kind = type(new_future())

    class Subclass(kind):
        def __init__(self, *, loop):
            super().__init__(loop=loop)
            self.mark = "mine"

    async def wait(future):
        return await future

    for make in (kind, Subclass):
        future, awaited = make(loop=loop), make(loop=loop)
        future.add_done_callback(trace.then("called back"))
        loop.call_soon(future.set_result, "run until")
        trace(loop.run_until_complete(future))
        loop.call_soon(awaited.set_result, "awaited")
        trace(run_coroutine(loop, wait(awaited)))
        trace(future.get_loop() is loop)

    assert trace == ["called back", "run until", "awaited", True] * 2


@check("asyncio-future#asyncio.Future")
async def constructor_default_loop_is_running_loop(loop, trace, patience):
    """asyncio.Future() made while the loop runs, in a coroutine, callback or timer, is a future of the loop.

    No current event loop need be set; anyio and pyzmq make theirs so.
    """
    ended = loop.create_future()

    def look(name):
        try:
            trace(name, asyncio.Future().get_loop() is loop)
        except RuntimeError as error:
            trace(name, str(error))

    look("coroutine")
    loop.call_soon(look, "callback")
    await pass_turns()
    loop.call_later(0.001, look, "timer")
    loop.call_later(0.002, ended.set_result, None)
    await soon(ended, patience, "a timer of 2 ms fires")

    assert trace == [("coroutine", True), ("callback", True), ("timer", True)]


# Futures of other makes.


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def duck_typed_future_awaitable(loop, trace, patience):
    """A task can await any object that behaves as a future; it suspends, and resumes with the result.

    Such an object sets its _asyncio_future_blocking before it yields itself, and has get_loop() or, if it is older than
    that, an attribute _loop: one of the two will do.
    """

    async def wait(future):
        trace("waiting")
        trace(await future)

    for kind in (DuckFuture, LooplessDuckFuture):
        future = kind(loop)
        task = loop.create_task(wait(future))
        await pass_turns(2)
        trace("completing")
        future.set_result(kind.__name__)
        await soon(task, patience, f"a task that awaits a {kind.__name__} resumes")

    assert trace == ["waiting", "completing", "DuckFuture", "waiting", "completing", "LooplessDuckFuture"]


@check("Lib/asyncio/tasks.py: Task.cancel", level="should")
async def duck_typed_future_task_cancellation(loop, patience):
    """Cancelling a task that awaits an object that behaves as a future cancels that too, with the same message."""

    async def wait():
        try:
            await future
        except asyncio.CancelledError as error:
            messages.append(error.args)
            raise

    future, messages = DuckFuture(loop), []
    task = loop.create_task(wait())
    await pass_turns()
    task.cancel("message")
    await soon(asyncio.wait([task]), patience, "a cancelled task that awaits a foreign future ends")

    assert (future.cancelled(), task.cancelled(), messages) == (True, True, [("message",)])


@check("Lib/asyncio/tasks.py: ensure_future", level="should")
def duck_typed_future_run_until_complete(loop):
    """run_until_complete() takes any object that behaves as a future, and returns its result."""
    future = DuckFuture(loop)
    loop.call_soon(future.set_result, "result")

    assert loop.run_until_complete(future) == "result"


@check("asyncio-future#asyncio.ensure_future", level="should")
async def duck_typed_future_in_asyncio_functions(loop, patience):
    """wait(), wait_for(), shield(), gather() and ensure_future() take any object that behaves as a future of the loop.

    ensure_future() returns the object itself.
    """

    def completed_soon():
        future = DuckFuture(loop)
        loop.call_soon(future.set_result, "result")
        return future

    waited_for = completed_soon()
    done, pending = await asyncio.wait({waited_for}, timeout=patience)

    assert (done, pending) == ({waited_for}, set())
    assert await asyncio.wait_for(completed_soon(), patience) == "result"
    assert await asyncio.shield(completed_soon()) == "result"
    assert await asyncio.gather(completed_soon(), completed_soon()) == ["result", "result"]
    assert asyncio.ensure_future(waited_for) is waited_for


# asyncio.wrap_future()


@check("asyncio-future#asyncio.wrap_future")
def wrap_future_takes_over_outcome(loop):
    """asyncio.wrap_future() makes a future of the loop that takes over result or exception of the concurrent one."""
    value, error = object(), ZeroDivisionError("mine")
    good, bad = concurrent.futures.Future(), concurrent.futures.Future()
    wrappers = [asyncio.wrap_future(future, loop=loop) for future in (good, bad)]
    pending = [wrapper.done() for wrapper in wrappers]
    good.set_result(value)
    bad.set_exception(error)
    turns(loop, 2)

    assert [wrapper.get_loop() for wrapper in wrappers] == [loop, loop]
    assert (pending, [wrapper.done() for wrapper in wrappers]) == ([False, False], [True, True])
    assert (wrappers[0].result(), wrappers[1].exception()) == (value, error)


@check("asyncio-future#asyncio.wrap_future")
async def wrap_future_wakes_idle_loop(loop, patience):
    """A concurrent future that another thread completes wakes the idle loop that awaits its wrapper.

    Waits 0.01 s for the loop to fall asleep; a completion that comes earlier shows less.
    """
    future = concurrent.futures.Future()
    wrapper = asyncio.wrap_future(future)
    alarm = threading.Timer(0.01, future.set_result, ["result"])
    alarm.start()
    began = loop.time()
    try:
        result = await soon(wrapper, patience, "a future completed in another thread wakes the loop")
        waited = loop.time() - began
    finally:
        alarm.join()

    assert result == "result"
    assert waited < patience, "the loop took notice only when a timer of its own woke it"


@check("Lib/asyncio/futures.py: _chain_future", level="should")
def wrap_future_cancels_concurrent_future(loop):
    """Cancelling the future that asyncio.wrap_future() made cancels the concurrent one.

    asyncpg and others withdraw work from an executor's queue so.
    """
    future = concurrent.futures.Future()
    wrapper = asyncio.wrap_future(future, loop=loop)
    wrapper.cancel()
    turns(loop, 2)

    assert (wrapper.cancelled(), future.cancelled()) == (True, True)


@check("Lib/asyncio/futures.py: _chain_future", level="should")
def wrap_future_is_cancelled_by_concurrent_future(loop):
    """Cancelling a concurrent future cancels the future that asyncio.wrap_future() made of it."""
    future = concurrent.futures.Future()
    wrapper = asyncio.wrap_future(future, loop=loop)
    future.cancel()
    turns(loop, 3)

    assert (future.cancelled(), wrapper.cancelled()) == (True, True)


also_in(
    {
        "debug": (
            create_future_basics,
            await_outcome,
            unretrieved_exception_reported,
            done_callbacks_share_queue_with_call_soon,
            duck_typed_future_awaitable,
            wrap_future_takes_over_outcome,
        ),
        "other-thread": (await_outcome, wrap_future_wakes_idle_loop),
        "runner": (await_outcome, constructor_default_loop_is_running_loop),
        "eager-tasks": (await_outcome, duck_typed_future_awaitable),
        "python-tasks": (
            await_outcome,
            multiple_awaiters_all_resume,
            completion_wakes_task_in_queue_order,
            awaiting_other_loops_future_raises,
            cancel_message,
            done_callbacks_scheduled_not_called,
            callback_added_to_done_future_is_scheduled,
            done_callback_gets_the_future,
            done_callbacks_run_in_order_of_registration,
            done_callbacks_share_queue_with_call_soon,
            unretrieved_exception_reported,
            unretrieved_exception_logged,
            retrieved_exception_not_reported,
            weakrefable_and_released,
            private_constructor_binds_loop,
            duck_typed_future_awaitable,
            duck_typed_future_task_cancellation,
        ),
        "second-loop": (constructor_default_loop_is_running_loop, wrap_future_wakes_idle_loop),
    }
)
