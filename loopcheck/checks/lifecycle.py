"""Running, stopping and closing a loop, and asyncio.Runner and asyncio.run() over it."""

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
import unittest
import weakref

from loopcheck.check import also_in, check, untested
from loopcheck.kit import forked, in_thread, pass_turns, refuses, run_coroutine, soon, turn, turns
from loopcheck.kit.interrupts import default_sigint, signal_when_idle
from loopcheck.kit.workers import Slumber


async def answer(value="the result"):
    """Let the loop turn and fire a timer, then return the value."""
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    return value


def registered():
    """The loop that is registered as running in this thread; None if there is none."""
    return asyncio._get_running_loop()


@check("asyncio-eventloop#asyncio.AbstractEventLoop")
def is_abstract_event_loop(loop):
    """The loop is an instance of asyncio.AbstractEventLoop.

    asyncio.set_event_loop() and many libraries refuse anything else.
    """
    assert isinstance(loop, asyncio.AbstractEventLoop), f"the classes of the loop are {type(loop).__mro__}"


# run_until_complete()


@check("asyncio-eventloop#asyncio.loop.run_until_complete")
def run_until_complete_returns_coroutine_result(loop):
    """run_until_complete() runs a coroutine to its end and returns what it returned."""
    value = object()

    assert run_coroutine(loop, answer(value)) is value


@check("asyncio-eventloop#asyncio.loop.run_until_complete")
def run_until_complete_returns_future_result(loop):
    """run_until_complete() runs until a future of the loop is done and returns its result."""
    value, future = object(), loop.create_future()
    loop.call_later(0.002, future.set_result, value)

    assert loop.run_until_complete(future) is value


@check("asyncio-eventloop#asyncio.loop.run_until_complete")
def run_until_complete_returns_done_future_result(loop):
    """run_until_complete() returns the result of a future that was done before."""
    value, future = object(), loop.create_future()
    future.set_result(value)

    assert loop.run_until_complete(future) is value


@check("asyncio-eventloop#asyncio.loop.run_until_complete")
def run_until_complete_raises_same_exception(loop, trace):
    """run_until_complete() raises the very exception that ended the coroutine or future."""
    error = ZeroDivisionError("mine")

    async def fail():
        await asyncio.sleep(0)
        raise error

    coroutine, future = fail(), loop.create_future()
    future.set_exception(error)
    for awaitable in (coroutine, future):
        try:
            trace(loop.run_until_complete(awaitable))
        except ZeroDivisionError as raised:
            trace(raised)

    assert [raised is error for raised in trace] == [True, True], f"expected {error!r} itself twice, got {trace!r}"


@check("asyncio-eventloop#asyncio.loop.run_until_complete")
def run_until_complete_raises_cancelled_error(loop, trace):
    """run_until_complete() raises asyncio.CancelledError when the future or task was cancelled."""

    async def cancel_myself():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    future = loop.create_future()
    loop.call_soon(future.cancel)
    for awaitable in (future, cancel_myself()):
        try:
            trace(loop.run_until_complete(awaitable))
        except asyncio.CancelledError:
            trace("CancelledError")

    assert trace == ["CancelledError", "CancelledError"]


@check("asyncio-future#asyncio.ensure_future", level="should")
def run_until_complete_awaitable_object(loop):
    """run_until_complete() takes any object that has __await__()."""

    class Awaitable:
        def __await__(self):
            return (yield from answer("awaited").__await__())

    assert loop.run_until_complete(Awaitable()) == "awaited"


@check("Lib/asyncio/tasks.py: ensure_future", level="should")
def run_until_complete_non_awaitable(loop, trace):
    """run_until_complete() raises TypeError for what cannot be awaited, and the loop can be run afterwards."""
    for thing in ("text", 5, None, answer):
        with refuses(TypeError, f"run_until_complete({thing!r})"):
            loop.run_until_complete(thing)
        trace(loop.is_running())

    assert trace == [False] * 4
    assert run_coroutine(loop, answer()) == "the result"


@check("Lib/asyncio/tasks.py: ensure_future", level="should")
def run_until_complete_foreign_future(loop, new_loop, trace):
    """run_until_complete() raises ValueError for a future of another loop, without running anything."""
    future = new_loop().create_future()
    future.set_result("foreign")
    loop.call_soon(trace, "ran")
    with refuses(ValueError, "run_until_complete() with a future of another loop"):
        loop.run_until_complete(future)
    trace("refused")
    turn(loop)

    assert trace == ["refused", "ran"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_until_complete", level="should")
def run_until_complete_stopped_early(loop, trace):
    """run_until_complete() raises RuntimeError when stop() ends the run before the future is done."""
    future = loop.create_future()
    loop.call_soon(loop.stop)
    try:
        trace(loop.run_until_complete(future))
    except RuntimeError as error:
        trace(str(error))

    assert (trace, future.done()) == (["Event loop stopped before Future completed."], False)


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_until_complete", level="should")
def run_until_complete_detaches_callback(loop, trace):
    """A future that outlives its run_until_complete() does not stop a later run when it completes."""
    future = loop.create_future()
    loop.call_soon(loop.stop)
    with refuses(RuntimeError, "run_until_complete() that stop() ended"):
        loop.run_until_complete(future)
    loop.call_soon(future.set_result, None)
    loop.call_later(0.003, trace, "timer")
    loop.call_later(0.006, loop.stop)
    loop.run_forever()

    assert trace == ["timer"], "the run was stopped by the future of an earlier run"


@check("Lib/asyncio/tasks.py: ensure_future", level="should")
def run_until_complete_uses_create_task(loop, trace):
    """run_until_complete() makes the task for a coroutine with the loop's task factory, once."""

    def factory(loop, coroutine, **options):
        trace(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    coroutine = answer()
    run_coroutine(loop, coroutine)

    assert trace == [coroutine]


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_until_complete", level="should")
def run_until_complete_abandoned_task_not_reported(loop, errors, trace):
    """The task that a stopped run_until_complete() leaves half-run is not reported when it is destroyed.

    The caller never saw the task and has already got a RuntimeError.
    """

    async def stop_midway():
        asyncio.get_running_loop().stop()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            trace("destroyed")

    with refuses(RuntimeError, "run_until_complete() that stop() ended"):
        loop.run_until_complete(stop_midway())
    loop.close()  # which may have kept the task
    gc.collect()

    assert (trace, errors) == (["destroyed"], [])


# run_forever() and stop()


@check("asyncio-eventloop#asyncio.loop.run_forever")
def callbacks_survive_between_runs(loop, trace):
    """Callbacks that a run leaves in the queue run in the next run."""

    def last():
        loop.stop()
        loop.call_soon(trace, "left over")

    loop.call_soon(last)
    loop.run_forever()
    turns(loop, 2)

    assert trace == ["left over"]


@check("asyncio-eventloop#asyncio.loop.run_forever")
def timers_survive_between_runs(loop, patience):
    """Timers that are pending when a run ends fire in a later one."""
    fired = loop.create_future()
    loop.call_later(0.02, fired.set_result, "fired")
    for _ in range(3):
        run_coroutine(loop, asyncio.sleep(0))

    assert run_coroutine(loop, soon(fired, patience, "a timer set before three short runs fires")) == "fired"


@check("asyncio-eventloop#asyncio.loop.run_forever")
def tasks_survive_between_runs(loop, trace):
    """A task that is suspended when a run ends goes on in the next."""
    future = loop.create_future()

    async def wait():
        trace("waiting")
        trace(await future)

    task = loop.create_task(wait())
    turns(loop, 2)
    trace("between runs")
    future.set_result("resumed")
    loop.run_until_complete(task)

    assert trace == ["waiting", "between runs", "resumed"]


@check("asyncio-eventloop#asyncio.loop.run_forever")
def run_forever_until_stop(loop, trace):
    """run_forever() runs until stop() is called and returns None."""
    loop.call_soon(trace, "callback")
    loop.call_later(0.002, trace, "timer")
    loop.call_later(0.005, loop.stop)
    returned = loop.run_forever()

    # On a busy machine the timers are due before the loop begins, and which is first then is another question.
    assert (returned, sorted(trace)) == (None, ["callback", "timer"])


@check("asyncio-eventloop#asyncio.loop.run_forever")
def stop_before_run_runs_one_pass(loop, trace):
    """A run after stop() runs what is queued, whether before or after that call, and ends."""
    loop.call_soon(trace, "before stop()")
    loop.stop()
    loop.call_soon(trace, "after stop()")
    loop.call_soon(loop.call_soon, trace, "in the second pass")
    guard = loop.call_later(0.1, loop.stop)
    loop.run_forever()
    guard.cancel()

    assert trace == ["before stop()", "after stop()"]


@check("asyncio-eventloop#asyncio.loop.run_forever")
def stop_before_run_does_not_block(loop, trace, patience):
    """A run after stop() with nothing queued ends at once, without waiting for a timer."""
    loop.call_later(patience, trace, "timer")
    loop.call_later(patience, loop.stop)
    loop.stop()
    loop.run_forever()

    assert trace == [], "the run waited until a timer fired"


@check("asyncio-eventloop#asyncio.loop.run_forever", needs=("posix",))
def stop_before_run_polls_io(loop, trace, socketpair):
    """The one pass of a run after stop() looks at descriptors once: the reader of a readable one is called."""
    near, far = socketpair
    far.send(b"x")
    loop.add_reader(near.fileno(), lambda: trace("readable") or loop.remove_reader(near.fileno()))
    loop.stop()
    guard = loop.call_later(0.1, loop.stop)
    loop.run_forever()
    guard.cancel()
    loop.remove_reader(near.fileno())

    assert trace == ["readable"]


@check("asyncio-eventloop#asyncio.loop.run_forever")
def stop_finishes_current_batch(loop, trace):
    """Callbacks that were queued behind the one that calls stop() still run in that run."""
    loop.call_soon(loop.stop)
    loop.call_soon(trace, "first")
    loop.call_soon(trace, "second")
    loop.run_forever()

    assert trace == ["first", "second"]


@check("asyncio-eventloop#asyncio.loop.run_forever")
def stop_defers_new_callbacks(loop, trace):
    """What the callbacks of the last iteration give to call_soon() does not run in that run, but in the next.

    The idiom call_soon(stop), run_forever() runs exactly one iteration because of it.
    """

    def stop():
        loop.stop()
        loop.call_soon(trace, "by the callback that stopped")

    loop.call_soon(stop)
    loop.call_soon(loop.call_soon, trace, "by the callback behind it")
    loop.run_forever()
    trace("end of the run")
    turn(loop)

    assert trace[:1] == ["end of the run"], f"these ran in the run that was stopped, or not at all: {trace!r}"
    assert sorted(trace[1:]) == ["by the callback behind it", "by the callback that stopped"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should")
def stop_flag_reset_after_run(loop, trace):
    """However often stop() was called, it ends one run, not the next."""
    loop.call_soon(loop.stop)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.call_later(0.003, trace, "timer")
    loop.call_later(0.006, loop.stop)
    loop.run_forever()

    assert trace == ["timer"], "the second run ended before its timer"


@check("Lib/asyncio/base_events.py: BaseEventLoop.stop", level="may")
def stop_after_close(loop):
    """stop() of a closed loop is no error.

    It is what a signal handler or another late caller does that does not know how far things are.
    """
    loop.close()

    assert (loop.stop(), loop.is_closed()) == (None, True)


@check("asyncio-eventloop#asyncio.loop.stop", level="should")
def many_short_runs(loop, trace):
    """A loop can be run for a moment a hundred times over; each run does what has come up since the one before.

    Twisted's asyncioreactor does so in iterate(), and so do the input hooks of IPython and of graphical toolkits.
    """
    for number in range(100):
        loop.call_soon(trace, number)
        loop.call_later(0, loop.stop)
        loop.run_forever()
        loop.call_soon_threadsafe(trace, number)
        loop.call_soon_threadsafe(loop.stop)
        loop.run_forever()

    assert trace == [number for number in range(100) for _ in range(2)]


@check("asyncio-eventloop#asyncio.loop.is_running")
def is_running_states(loop, trace):
    """is_running() is True in callbacks and coroutines, and False before and after a run."""

    async def look():
        trace("coroutine", loop.is_running())

    trace("before", loop.is_running())
    loop.call_soon(lambda: trace("callback", loop.is_running()))
    turn(loop)
    trace("between", loop.is_running())
    run_coroutine(loop, look())
    trace("after", loop.is_running())

    assert trace == [
        ("before", False),
        ("callback", True),
        ("between", False),
        ("coroutine", True),
        ("after", False),
    ]


@check("Lib/asyncio/base_events.py: BaseEventLoop.is_running", level="should")
async def is_running_from_other_thread(loop):
    """is_running() is True also when another thread asks."""
    assert in_thread(loop.is_running) is True


# close()


@check("asyncio-eventloop#asyncio.loop.is_closed")
def is_closed_states(loop, trace):
    """is_closed() is False until close() was called, and True from then on."""
    trace(loop.is_closed())
    turn(loop)
    trace(loop.is_closed())
    loop.close()
    trace(loop.is_closed())

    assert trace == [False, False, True]


@check("asyncio-eventloop#asyncio.loop.close")
def close_is_idempotent(loop, trace):
    """close() on a closed loop does nothing and raises nothing."""
    for _ in range(3):
        trace(loop.close())
        trace(loop.is_closed())

    assert trace == [None, True] * 3


@check("Lib/asyncio/base_events.py: BaseEventLoop.close", level="should")
async def close_running_loop_rejected(loop, patience):
    """close() on a running loop raises RuntimeError, and the loop goes on."""
    with refuses(RuntimeError, "close() on a running loop"):
        loop.close()

    assert (loop.is_closed(), loop.is_running()) == (False, True)
    assert await soon(answer(), patience, "a timer fires after the refused close()") == "the result"


@check("Lib/asyncio/base_events.py: BaseEventLoop.close", level="should")
def refused_close_closes_nothing(loop, patience):
    """A running loop that refuses close() has closed nothing of itself by then: another thread still wakes it."""
    slumber = Slumber(loop, patience)

    def close():
        with contextlib.suppress(RuntimeError):
            loop.close()

    loop.call_soon(close)
    distant = loop.call_later(patience, loop.stop)
    woken = slumber.ends_by(lambda: loop.call_soon_threadsafe(slumber.wake))
    distant.cancel()

    assert woken, "after a close() that was refused, call_soon_threadsafe() did not wake the running loop"


@check("asyncio-eventloop#asyncio.loop.close")
def close_discards_pending_callbacks(loop, trace):
    """close() throws pending callbacks and timers away: none of them ever runs."""
    loop.call_soon(trace, "call_soon")
    loop.call_later(0, trace, "call_later(0)")
    loop.call_later(0.001, trace, "call_later")
    loop.call_soon_threadsafe(trace, "call_soon_threadsafe")
    time.sleep(0.003)
    loop.close()
    trace("closed")
    gc.collect()

    assert trace == ["closed"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.close", level="should")
def close_releases_pending_callbacks(loop):
    """A closed loop does not keep callbacks alive that were still pending.

    What they refer to would live as long as somebody holds the loop.
    """

    class Referent:
        def __call__(self):
            """Do nothing."""

    things = {"call_soon": Referent(), "call_later": Referent(), "call_soon_threadsafe": Referent()}
    alive = {name: weakref.ref(thing) for name, thing in things.items()}
    loop.call_soon(things["call_soon"])
    loop.call_later(60, things["call_later"])
    loop.call_soon_threadsafe(things["call_soon_threadsafe"])
    things.clear()
    loop.close()
    gc.collect()

    assert [name for name, thing in alive.items() if thing() is not None] == [], "kept alive by the closed loop"


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_closed", level="should")
def closed_run_forever_raises(loop):
    """run_forever() on a closed loop raises RuntimeError."""
    loop.close()
    with refuses(RuntimeError, "run_forever() on a closed loop"):
        loop.run_forever()

    assert (loop.is_running(), registered()) == (False, None)


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_closed", level="should")
def closed_run_until_complete_raises(loop):
    """run_until_complete() on a closed loop raises RuntimeError, even for a future that is done."""
    future = loop.create_future()
    future.set_result(None)
    loop.close()
    with refuses(RuntimeError, "run_until_complete() on a closed loop"):
        loop.run_until_complete(future)

    assert (loop.is_running(), registered()) == (False, None)


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_closed", level="should")
def closed_call_soon_raises(loop, trace):
    """call_soon() on a closed loop raises RuntimeError."""
    loop.close()
    with refuses(RuntimeError, "call_soon() on a closed loop"):
        loop.call_soon(trace, "ran")

    assert trace == []


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_closed", level="should")
def closed_call_later_raises(loop, trace):
    """call_later() on a closed loop raises RuntimeError, whatever the delay."""
    loop.close()
    for delay in (1, 0):
        with refuses(RuntimeError, f"call_later({delay}) on a closed loop"):
            loop.call_later(delay, trace, "ran")

    assert trace == []


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_closed", level="should")
def closed_call_at_raises(loop, trace):
    """call_at() on a closed loop raises RuntimeError."""
    when = loop.time() + 1
    loop.close()
    with refuses(RuntimeError, "call_at() on a closed loop"):
        loop.call_at(when, trace, "ran")

    assert trace == []


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_task", level="should")
def closed_create_task_raises(loop):
    """create_task() on a closed loop raises RuntimeError."""
    loop.close()
    coroutine = answer()
    try:
        with refuses(RuntimeError, "create_task() on a closed loop"):
            loop.create_task(coroutine)
    finally:
        coroutine.close()

    assert asyncio.all_tasks(loop) == set()


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="should", needs=("posix",))
def closed_fd_watchers_raise(loop, trace, socketpair):
    """add_reader() and add_writer() on a closed loop raise RuntimeError."""
    near, _ = socketpair
    loop.close()
    for method in (loop.add_reader, loop.add_writer):
        with refuses(RuntimeError, f"{method.__name__}() on a closed loop"):
            method(near.fileno(), trace, "ready")

    assert trace == []


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_closed", level="should")
def closed_error_message(loop, trace):
    """The error of a closed loop says "Event loop is closed".

    Libraries and test plugins look for this text.
    """
    loop.close()
    for method, *arguments in ((loop.run_forever,), (loop.call_soon, len, ()), (loop.call_soon_threadsafe, len, ())):
        try:
            method(*arguments)
        except Exception as error:
            trace(method.__name__, str(error))

    text = "Event loop is closed"
    assert trace == [("run_forever", text), ("call_soon", text), ("call_soon_threadsafe", text)]


@check("Lib/asyncio/base_events.py: BaseEventLoop", level="may")
def closed_inspection_still_works(loop):
    """A closed loop still answers questions about itself and makes futures.

    Clean-up code that runs late asks them.
    """
    loop.set_debug(False)
    loop.close()
    future = loop.create_future()
    future.set_result("made by a closed loop")

    assert (loop.is_running(), loop.is_closed(), loop.time() >= 0, loop.get_debug()) == (False, True, True, False)
    assert (loop.get_exception_handler(), loop.get_task_factory(), type(repr(loop))) == (None, None, str)
    assert future.result() == "made by a closed loop"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.close", level="should", needs=("posix",))
def close_frees_file_descriptors(loop_factory):
    """A closed loop leaves no descriptor open in the process."""

    def cycle():
        loop = loop_factory()
        run_coroutine(loop, asyncio.sleep(0))
        loop.close()
        return len(os.listdir("/dev/fd"))

    cycle()  # what is made once for the whole process is no leak
    counts = [cycle() for _ in range(6)]

    assert counts == counts[:1] * 6, "open descriptors after each of six loops that were made, run and closed"


@check("Lib/asyncio/base_events.py: BaseEventLoop.close", level="should")
def collectable_after_close(loop_factory, trace):
    """A closed loop that ran tasks and executor jobs is freed when the program drops it."""

    async def work():
        trace(await asyncio.get_running_loop().run_in_executor(None, lambda: "job"))
        trace(await asyncio.create_task(answer("task")))
        await asyncio.get_running_loop().shutdown_default_executor()

    def use():
        loop = loop_factory()
        try:
            run_coroutine(loop, work())
        finally:
            loop.close()
        return weakref.ref(loop)

    gone = use()
    gc.collect()

    assert trace == ["job", "task"]
    assert gone() is None, "the closed loop is still referenced; by a registry of the process?"


# the running loop, nested runs, threads


@check("asyncio-eventloop#asyncio.get_running_loop")
def running_loop_registration(loop, trace):
    """get_running_loop() in callbacks, timers and coroutines is the loop itself."""

    def look(where):
        trace(where, registered() is loop)

    async def main():
        look("coroutine")
        fired = asyncio.get_running_loop().create_future()
        loop.call_soon(look, "callback")
        loop.call_later(0.001, look, "timer")
        loop.call_later(0.002, fired.set_result, None)
        await fired
        look("resumed coroutine")

    run_coroutine(loop, main())

    # Sorted: on a busy machine the timer may be due before the callback had its turn.
    assert sorted(trace) == [("callback", True), ("coroutine", True), ("resumed coroutine", True), ("timer", True)]


@check("asyncio-eventloop#asyncio.get_running_loop")
def no_running_loop_outside_run(loop, trace):
    """get_running_loop() raises RuntimeError before and after a run."""

    def look(where):
        try:
            trace(where, asyncio.get_running_loop())
        except RuntimeError:
            trace(where, "RuntimeError")

    look("before")
    turn(loop)
    look("after run_forever()")
    run_coroutine(loop, answer())
    look("after run_until_complete()")

    assert trace == [
        ("before", "RuntimeError"),
        ("after run_forever()", "RuntimeError"),
        ("after run_until_complete()", "RuntimeError"),
    ]


@check("asyncio-eventloop#asyncio.get_running_loop")
async def running_loop_per_thread(loop):
    """get_running_loop() in a thread that runs no loop raises RuntimeError while the loop runs in another."""
    assert in_thread(registered) is None
    with refuses(RuntimeError, "get_running_loop() in another thread"):
        in_thread(asyncio.get_running_loop)
    assert asyncio.get_running_loop() is loop


def done(loop):
    """A future that is done, so that a loop that wrongly runs it comes back."""
    future = loop.create_future()
    future.set_result(None)
    return future


def attempt(trace, method, *arguments):
    """Trace what a call returned, or the class of what it raised."""
    try:
        trace(method(*arguments))
    except Exception as error:
        trace(type(error).__name__)


def finish(loop, task):
    """Leave no task pending, however a run has ended."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(task)


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_running", level="should")
async def nested_run_until_complete_rejected(loop, trace):
    """run_until_complete() on the running loop raises RuntimeError."""
    future = loop.create_future()
    guard = loop.call_later(0.05, future.set_result, "ran inside the running loop")
    attempt(trace, loop.run_until_complete, future)
    guard.cancel()

    assert trace == ["RuntimeError"]


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_running", level="should")
def nested_run_until_complete_keeps_outer_run(loop, trace):
    """A refused run_until_complete() on the running loop leaves the outer run as it is.

    Also for a future that is done: its callback, added before the refusal, would stop the outer run.
    """

    async def main():
        attempt(trace, loop.run_until_complete, done(loop))
        trace(registered() is loop, loop.is_running())
        trace(await answer("went on"))

    task = loop.create_task(main())
    attempt(trace, loop.run_until_complete, task)
    finish(loop, task)

    assert trace == ["RuntimeError", (True, True), "went on", None]


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_running", level="should")
async def second_loop_in_running_thread_rejected(loop, new_loop, patience):
    """run_until_complete() of a second loop raises RuntimeError while the first runs in the thread, which goes on."""
    second = new_loop()
    with refuses(RuntimeError, "run_until_complete() of a second loop, inside the first"):
        second.run_until_complete(done(second))

    assert (asyncio.get_running_loop() is loop, loop.is_running(), second.is_running()) == (True, True, False)
    assert await soon(answer(), patience, "a timer fires after the refused call") == "the result"
    second.close()


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_running", level="should")
def run_inside_asyncio_loop_rejected(loop, trace):
    """run_until_complete() raises RuntimeError while a loop of asyncio's own runs in the thread, which goes on."""

    async def main():
        attempt(trace, loop.run_until_complete, done(loop))
        trace(registered() is outer, loop.is_running())

    with contextlib.closing(asyncio.SelectorEventLoop()) as outer:
        run_coroutine(outer, main())

    assert trace == ["RuntimeError", (True, False)]


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_running", level="should")
def nested_run_forever_rejected(loop, trace):
    """run_forever() on the running loop raises RuntimeError."""

    def nest():
        loop.call_soon(loop.stop)
        attempt(trace, loop.run_forever)

    loop.call_soon(nest)
    loop.run_forever()

    assert trace == ["RuntimeError"]


@check("gh-130145", python=">=3.14", level="should")
async def nested_run_forever_keeps_outer_run(loop, new_loop, patience, trace):
    """A refused run_forever(), on the running loop or a second one, leaves the outer run as it is.

    CPython 3.13.0 forgot the running loop here.
    """
    for nested in (loop, new_loop()):
        guard = nested.call_later(0.05, nested.stop)
        with refuses(RuntimeError, "run_forever() inside a running loop"):
            nested.run_forever()
        guard.cancel()
        trace(registered() is loop, loop.is_running())
        await pass_turns(1)
        loop.call_soon(trace, "outer run")
        await pass_turns(1)

    assert trace == [(True, True), "outer run"] * 2


@check("asyncio-dev#concurrency-and-multithreading", level="should")
def runs_in_other_thread(loop_factory):
    """A loop can be made, run and closed in a thread that is not the main one."""

    def use():
        loop = loop_factory()
        try:
            return run_coroutine(loop, answer())
        finally:
            loop.close()

    assert in_thread(use) == "the result"


@check("asyncio-task#asyncio.run_coroutine_threadsafe", level="should")
def runs_in_thread_other_than_creator(loop, patience):
    """A loop made in one thread can be run in another, and take work from the first."""
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        result = asyncio.run_coroutine_threadsafe(answer(), loop).result(patience)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(patience)

    assert (result, thread.is_alive(), loop.is_running()) == ("the result", False, False)


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should")
def runs_in_threads_one_after_other(loop, trace):
    """One loop can be run by the main thread, then by another thread, and by the main thread again."""
    trace(run_coroutine(loop, answer("main thread")))
    trace(in_thread(lambda: run_coroutine(loop, answer("other thread"))))
    trace(run_coroutine(loop, answer("main thread again")))

    assert trace == ["main thread", "other thread", "main thread again"]


@check("asyncio-eventloop#asyncio.loop.close", level="should")
def closes_in_thread_other_than_ran(new_loop, patience):
    """A loop that was made and run in one thread can be closed in another afterwards, with a timer still pending.

    Programs that keep a loop in a background thread close it when they have joined that thread.
    """

    def use():
        loop = new_loop()
        loop.call_later(60, int)
        run_coroutine(loop, answer())
        return loop

    loop = in_thread(use, patience=patience)
    loop.close()

    assert (loop.is_closed(), loop.is_running(), registered()) == (True, False, None)


def escape(loop, error):
    """Let an exception out of a run; return what the run raised."""

    def fail():
        raise error

    loop.call_soon(fail)
    guard = loop.call_later(0.1, loop.stop)
    try:
        loop.run_forever()
    except BaseException as raised:
        return raised
    finally:
        guard.cancel()


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should")
def clean_state_after_keyboard_interrupt(loop, errors):
    """After a run in which a callback raised KeyboardInterrupt no loop is running, and this one can be run again."""
    raised = escape(loop, KeyboardInterrupt("raised by a callback"))

    assert (loop.is_running(), registered()) == (False, None), f"the run raised {raised!r}"
    assert run_coroutine(loop, answer()) == "the result"


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should")
def clean_state_after_system_exit(loop, errors):
    """After a run in which a callback raised SystemExit no loop is running, and this one can be run again."""
    raised = escape(loop, SystemExit("raised by a callback"))

    assert (loop.is_running(), registered()) == (False, None), f"the run raised {raised!r}"
    assert run_coroutine(loop, answer()) == "the result"


@check("Lib/asyncio/events.py: _get_running_loop", level="should", needs=("fork",))
async def fork_child_has_no_running_loop(loop, patience):
    """In a process forked by a running loop, get_running_loop() raises RuntimeError."""

    def look():
        try:
            return repr(asyncio.get_running_loop())
        except RuntimeError:
            return "RuntimeError"

    assert forked(look, patience) == "RuntimeError"
    assert asyncio.get_running_loop() is loop


@check("Lib/asyncio/events.py: _get_running_loop", level="should", needs=("fork",))
async def fork_child_can_run_new_loop(loop, loop_factory, patience):
    """A process forked by a running loop can make and run a loop of its own, and the parent's goes on."""

    def use():
        child_loop = loop_factory()
        try:
            return run_coroutine(child_loop, answer("the child's result"))
        finally:
            child_loop.close()

    assert forked(use, patience) == "the child's result"
    assert await soon(answer(), patience, "a timer fires in the parent after the fork") == "the result"


# Runner and run()


@check("asyncio-runner#asyncio.Runner")
def runner_runs_and_closes(loop_factory, trace):
    """asyncio.Runner runs coroutines on one loop from the factory, returns their results and closes it."""

    async def main(value):
        await asyncio.sleep(0)
        return value, asyncio.get_running_loop()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        loop = runner.get_loop()
        trace(loop.is_closed())
        for value in (1, 2):
            result, ran_on = runner.run(main(value))
            trace(result, ran_on is loop)
    trace(loop.is_closed())

    assert trace == [False, (1, True), (2, True), True]


@check("asyncio-runner#asyncio.Runner")
def runner_closes_after_failed_run(loop_factory, trace):
    """asyncio.Runner raises what the coroutine raised, and closes the loop all the same."""

    async def fail():
        await asyncio.sleep(0)
        raise ZeroDivisionError("mine")

    runner = asyncio.Runner(loop_factory=loop_factory)
    try:
        with runner:
            loop = runner.get_loop()
            runner.run(fail())
    except ZeroDivisionError as error:
        trace(str(error))

    assert (trace, loop.is_closed()) == (["mine"], True)


@check("asyncio-runner#asyncio.Runner")
def runner_debug_flag(loop_factory, trace, logged):
    """asyncio.Runner(debug=...) sets the loop's debug mode, which get_debug() tells inside the run."""

    async def look():
        return asyncio.get_running_loop().get_debug()

    for debug in (True, False):
        with asyncio.Runner(debug=debug, loop_factory=loop_factory) as runner:
            trace(debug, runner.run(look()))

    assert trace == [(True, True), (False, False)]


@check("asyncio-runner#asyncio.Runner", level="should")
def runner_without_debug_keeps_mode(loop_factory, trace, logged):
    """asyncio.Runner without the argument debug leaves the debug mode that the factory has set."""

    async def look():
        return asyncio.get_running_loop().get_debug()

    for debug in (True, False):

        def factory(debug=debug):
            loop = loop_factory()
            loop.set_debug(debug)
            return loop

        with asyncio.Runner(loop_factory=factory) as runner:
            trace(debug, runner.run(look()))

    assert trace == [(True, True), (False, False)]


@check("Lib/asyncio/runners.py: _cancel_all_tasks", level="should")
def runner_cancels_leftover_tasks(loop_factory, trace):
    """A closing asyncio.Runner cancels the tasks that are left and waits until their cleanup is done."""

    async def leftover():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            trace("cancelled")
            await asyncio.sleep(0.002)
            trace("cleaned up")
            raise

    async def main():
        tasks.append(asyncio.create_task(leftover()))
        await asyncio.sleep(0)

    tasks = []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
        trace("main ended")

    assert trace == ["main ended", "cancelled", "cleaned up"]
    assert [task.cancelled() for task in tasks] == [True]


@check("Lib/asyncio/runners.py: _cancel_all_tasks", level="should")
def runner_reports_shutdown_exceptions(loop_factory, trace):
    """An exception of a task that a closing asyncio.Runner cancels goes to the loop's exception handler."""
    error = ZeroDivisionError("raised on cancellation")

    async def leftover():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise error from None

    async def main():
        tasks.append(asyncio.create_task(leftover()))
        await asyncio.sleep(0)

    tasks = []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.get_loop().set_exception_handler(lambda *given: trace(given[-1]))
        runner.run(main())

    assert [("shutdown" in it["message"], it.get("exception"), it.get("task")) for it in trace] == [
        (True, error, tasks[0])
    ]


@check("asyncio-runner#asyncio.Runner.close")
def runner_close_finalises_generators(loop_factory, trace):
    """A closing asyncio.Runner finalises async generators that are still open, on the loop."""

    async def numbers():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            trace("finalised")

    async def main():
        kept.append(numbers())
        trace(await anext(kept[0]))

    kept = []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
        trace("main ended")

    assert trace == [1, "main ended", "finalised"]


@check("asyncio-runner#asyncio.Runner.close")
def runner_close_shuts_executor_down(loop_factory, trace):
    """A closing asyncio.Runner waits for the jobs of the loop's default executor."""
    main_ended = threading.Event()

    def job():
        main_ended.wait(10)
        time.sleep(0.01)
        trace("job ended")

    async def main():
        asyncio.get_running_loop().run_in_executor(None, job)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
        trace("main ended")
        main_ended.set()
    trace("closed")

    assert trace == ["main ended", "job ended", "closed"]


@check("asyncio-runner#asyncio.run", python=">=3.12")
def asyncio_run_loop_factory(loop_factory, trace):
    """asyncio.run() with a loop_factory makes one loop with it, runs the coroutine there and closes it."""

    def factory():
        loops.append(loop_factory())
        return loops[-1]

    async def main():
        trace(asyncio.get_running_loop() is loops[0])
        return await answer()

    loops = []
    trace(asyncio.run(main(), loop_factory=factory))

    assert trace == [True, "the result"]
    assert [loop.is_closed() for loop in loops] == [True]


@check("asyncio-runner#asyncio.run", python=">=3.12")
def asyncio_run_debug_flag(loop_factory, trace, logged):
    """asyncio.run(debug=...) sets the debug mode of the loop, which get_debug() tells inside the run."""

    async def look():
        return asyncio.get_running_loop().get_debug()

    for debug in (True, False):
        trace(debug, asyncio.run(look(), debug=debug, loop_factory=loop_factory))

    assert trace == [(True, True), (False, False)]


@check("asyncio-runner#asyncio.run")
def asyncio_run_nested_rejected(loop, trace):
    """asyncio.run() inside the running loop, from a coroutine, a callback or a timer, raises RuntimeError.

    It knows about the loop only if that registers itself as the running loop.
    """

    def nest(where):
        coroutine = answer()
        try:
            asyncio.run(coroutine)
        except RuntimeError:
            trace(where)
        finally:
            coroutine.close()

    async def main():
        nest("coroutine")
        loop.call_soon(nest, "callback")
        loop.call_later(0.001, nest, "timer")
        await asyncio.sleep(0.003)

    run_coroutine(loop, main())

    # In any order: on a busy machine the timer may be due before the callback had its turn.
    assert sorted(trace) == ["callback", "coroutine", "timer"], "asyncio.run() was refused in these places only"


@check("asyncio-runner#asyncio.Runner.run", python=">=3.14")
def runner_accepts_awaitable(loop_factory, trace):
    """Runner.run() takes any awaitable: an object with __await__(), or a future of the loop."""

    class Awaitable:
        def __await__(self):
            return (yield from answer("object").__await__())

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        future = runner.get_loop().create_future()
        runner.get_loop().call_later(0.001, future.set_result, "future")
        trace(runner.run(Awaitable()))
        trace(runner.run(future))

    assert trace == ["object", "future"]


# interruption


@check("asyncio-runner#handling-keyboard-interruption", needs=("signals",))
def runner_sigint_cancels_main_task(loop_factory, trace, patience):
    """SIGINT cancels the main task of an idle asyncio.Runner, whose run() then raises KeyboardInterrupt.

    The loop must wake up when a signal arrives, and run Python's handler for it.
    """
    waiting, answered = threading.Event(), threading.Event()

    async def main():
        tasks.append(asyncio.current_task())
        loop.call_soon(waiting.set)
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            trace("main task cancelled")
            answered.set()
            raise

    def wake():
        trace("the loop slept on")
        loop.call_soon_threadsafe(tasks[0].cancel)

    tasks = []
    with default_sigint(), asyncio.Runner(loop_factory=loop_factory) as runner:
        loop = runner.get_loop()
        with signal_when_idle(signal.SIGINT, waiting, answered, patience, wake):
            try:
                trace(runner.run(main()))
            except (KeyboardInterrupt, asyncio.CancelledError) as raised:
                trace(type(raised).__name__)
            trace(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    assert trace == ["main task cancelled", "KeyboardInterrupt", True]


@check("asyncio-runner#handling-keyboard-interruption", needs=("signals",))
def runner_second_sigint_raises_immediately(loop_factory, trace):
    """A second SIGINT raises KeyboardInterrupt right where the main task of an asyncio.Runner is.

    That is what gets a user out of a program that ignores the first.
    """

    async def main():
        signal.raise_signal(signal.SIGINT)
        trace("went on after the first")
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            trace("cancelled")
        try:
            signal.raise_signal(signal.SIGINT)
            trace("went on after the second")
        except KeyboardInterrupt:
            trace("interrupted")
            raise

    with default_sigint(), asyncio.Runner(loop_factory=loop_factory) as runner:
        try:
            trace(runner.run(main()))
        except (KeyboardInterrupt, asyncio.CancelledError) as raised:
            trace(type(raised).__name__)

    assert trace == ["went on after the first", "cancelled", "interrupted", "KeyboardInterrupt"]


@check("Lib/selectors.py: SelectSelector.select", level="should", needs=("signals",))
def idle_loop_runs_signal_handlers_promptly(loop, trace, patience):
    """A handler installed with signal.signal() runs while the loop waits in the main thread for a distant timer."""
    waiting, answered = threading.Event(), threading.Event()

    def handler(number, frame):
        trace("handler")
        answered.set()
        loop.call_soon_threadsafe(loop.stop)

    def wake():
        trace("the loop slept on")
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(waiting.set)
    loop.call_later(100 * patience, trace, "timer")
    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        with signal_when_idle(signal.SIGUSR1, waiting, answered, patience, wake):
            loop.run_forever()
    finally:
        signal.signal(signal.SIGUSR1, previous)

    assert trace == ["handler"]


def interrupt(loop, trace, patience):
    """Interrupt an idle run_forever() with SIGINT, and trace what it did."""
    waiting, answered = threading.Event(), threading.Event()

    def wake():
        trace("the loop slept on")
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(waiting.set)
    with signal_when_idle(signal.SIGINT, waiting, answered, patience, wake):
        try:
            trace(loop.run_forever())
        except KeyboardInterrupt:
            trace("KeyboardInterrupt")


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should", needs=("signals",))
def keyboard_interrupt_escapes_run(new_loop, trace, patience):
    """SIGINT makes an idle run_forever() raise KeyboardInterrupt, where Python's own handler was in place before."""
    with default_sigint(), contextlib.closing(new_loop()) as loop:  # which may put a handler in its place
        interrupt(loop, trace, patience)

    assert trace == ["KeyboardInterrupt"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should", needs=("signals",))
def loop_runs_again_after_sigint(new_loop, trace, patience):
    """A loop that SIGINT has interrupted can be run again."""
    with default_sigint(), contextlib.closing(new_loop()) as loop:
        interrupt(loop, trace, patience)
        trace(loop.is_running(), registered())
        trace(run_coroutine(loop, answer()))

    assert trace[1:] == [(False, None), "the result"]


# the object


@check("Lib/asyncio/base_events.py: BaseEventLoop", level="should")
def hashable(loop, new_loop):
    """Loops are keys of dictionaries, each equal to itself only."""
    other = new_loop()
    names = {loop: "one", other: "other"}

    assert (names[loop], names[other], loop == other, hash(loop) == hash(loop)) == ("one", "other", False, True)


@check("Lib/asyncio/base_events.py: BaseEventLoop", level="should")
def weakrefable(loop):
    """Loops can be referenced weakly; libraries keep state per loop in a WeakKeyDictionary."""
    state = weakref.WeakKeyDictionary({loop: "state"})

    assert (state[loop], weakref.ref(loop)() is loop) == ("state", True)


@check("Lib/asyncio/base_events.py: BaseEventLoop", level="may")
def accepts_extra_attributes(loop):
    """Any attribute can be set on a loop, as libraries that monitor or patch loops do."""
    loop._loopcheck_mark = mark = object()

    assert loop._loopcheck_mark is mark


@check("Lib/asyncio/events.py: new_event_loop", level="should")
def independent_instances(new_loop, trace):
    """Two loops of the factory are two objects with queues of their own, which can be run in turn."""
    first, second = new_loop(), new_loop()
    first.call_soon(trace, "first")
    second.call_soon(trace, "second")
    turn(second)
    trace("one ran")
    turn(first)

    assert first is not second
    assert trace == ["second", "one ran", "first"]


@check("asyncio-eventloop#asyncio.loop.close", level="should")
def close_leaves_other_loops_alone(new_loop):
    """Closing one loop does nothing to another."""
    first, second = new_loop(), new_loop()
    first.close()

    assert (first.is_closed(), second.is_closed()) == (True, False)
    assert run_coroutine(second, answer()) == "the result"


@check("Lib/asyncio/base_events.py: BaseEventLoop.__repr__", level="may")
def repr_shows_state(loop, trace):
    """repr() of a loop says whether it is running, closed and in debug mode."""

    def look():
        text = repr(loop).lower()
        trace([word for word in ("running=true", "running=false", "closed=true", "closed=false") if word in text])
        trace([word for word in ("debug=true", "debug=false") if word in text])

    loop.set_debug(False)
    loop.call_soon(look)
    turn(loop)
    loop.close()
    look()

    assert trace == [
        ["running=true", "closed=false"],
        ["debug=false"],
        ["running=false", "closed=true"],
        ["debug=false"],
    ]


@check("unittest#unittest.IsolatedAsyncioTestCase.loop_factory", python=">=3.13", level="should")
def isolated_asyncio_test_case(loop_factory, trace, logged):
    """unittest.IsolatedAsyncioTestCase with the factory as its loop_factory runs tests on such a loop."""
    loops = []

    def factory():
        loops.append(loop_factory())
        return loops[-1]

    class Case(unittest.IsolatedAsyncioTestCase):
        loop_factory = staticmethod(factory)

        async def asyncSetUp(self):
            trace("setup", asyncio.get_running_loop() is loops[0])

        async def test(self):
            trace("test", await answer(), asyncio.get_running_loop() is loops[0])

    result = Case("test").run()

    assert (result.errors, result.failures, trace) == ([], [], [("setup", True), ("test", "the result", True)])
    assert [loop.is_closed() for loop in loops] == [True]


untested(
    "run_forever_setup_cleanup_hooks",
    "Lib/asyncio/base_events.py: BaseEventLoop._run_forever_setup",
    "Between _run_forever_setup() and _run_forever_cleanup(), a loop derived from BaseEventLoop is the running loop.",
    because="These are private methods of one base class that a subject need not have, for the loop's own subclasses.",
    python=">=3.13",
    level="may",
)


also_in(
    {
        # Threads are checked, tasks and handles remember where they were made, and runs set up origin tracking.
        "debug": (
            run_until_complete_returns_coroutine_result,
            run_until_complete_stopped_early,
            run_until_complete_abandoned_task_not_reported,
            stop_defers_new_callbacks,
            tasks_survive_between_runs,
            close_releases_pending_callbacks,
            closed_call_soon_raises,
            collectable_after_close,
            nested_run_until_complete_rejected,
            runs_in_thread_other_than_creator,
            closes_in_thread_other_than_ran,
            clean_state_after_keyboard_interrupt,
            clean_state_after_system_exit,
        ),
        # No signals reach it there, and no policy makes a loop for it.
        "other-thread": (
            run_until_complete_returns_coroutine_result,
            stop_before_run_polls_io,
            stop_defers_new_callbacks,
            close_frees_file_descriptors,
            running_loop_registration,
            nested_run_until_complete_keeps_outer_run,
            run_inside_asyncio_loop_rejected,
            fork_child_can_run_new_loop,
            runner_runs_and_closes,
            runner_cancels_leftover_tasks,
            runner_close_shuts_executor_down,
            asyncio_run_loop_factory,
        ),
        "runner": (
            close_running_loop_rejected,
            nested_run_until_complete_rejected,
            second_loop_in_running_thread_rejected,
        ),
        # The task of run_until_complete() is made while the loop does not run, where none can start eagerly.
        "eager-tasks": (
            run_until_complete_returns_coroutine_result,
            run_until_complete_raises_cancelled_error,
            run_until_complete_abandoned_task_not_reported,
            tasks_survive_between_runs,
            runner_runs_and_closes,
            runner_cancels_leftover_tasks,
        ),
        "python-tasks": (
            run_until_complete_returns_coroutine_result,
            run_until_complete_stopped_early,
            tasks_survive_between_runs,
            runner_runs_and_closes,
        ),
        "first-loop": (
            run_until_complete_returns_coroutine_result,
            running_loop_registration,
            runs_in_other_thread,
            runner_runs_and_closes,
        ),
        "second-loop": (
            run_forever_until_stop,
            stop_before_run_runs_one_pass,
            stop_flag_reset_after_run,
            is_running_states,
            close_discards_pending_callbacks,
            running_loop_registration,
            runner_runs_and_closes,
        ),
    }
)
