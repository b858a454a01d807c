"""call_soon_threadsafe(), run_coroutine_threadsafe(), and what debug mode says to calls from the wrong thread."""

import asyncio
import collections
import concurrent.futures
import contextlib
import signal
import threading

from loopcheck.check import also_in, check
from loopcheck.kit import in_thread, pass_turns, run_coroutine, soon, threaded, turn, turns
from loopcheck.kit.contexts import Lookout
from loopcheck.kit.wait import Errand
from loopcheck.kit.workers import Slumber, running_beside

SLEPT_ON = "the call was made while the loop waited, and did not end its wait"


async def answer(value="the result"):
    """Let the loop turn and fire a timer, then return the value."""
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    return value


def complaint(function, *arguments):
    """The name of what a call raises."""
    try:
        function(*arguments)
    except Exception as error:
        return type(error).__name__
    return "nothing raised"


# call_soon_threadsafe()


@check("asyncio-dev#concurrency-and-multithreading")
async def callbacks_run_in_loop_thread(loop, patience):
    """What another thread gives to call_soon_threadsafe() runs in the loop's thread, as all other callbacks do."""
    lookout = Lookout(threading.get_ident)

    async def program():
        await asyncio.sleep(0)
        lookout("task step")

    def submit():
        loop.call_soon_threadsafe(lookout, "call_soon_threadsafe")
        loop.call_soon_threadsafe(future.set_result, None)
        asyncio.run_coroutine_threadsafe(program(), loop).result(patience)

    future = loop.create_future()
    future.add_done_callback(lambda future: lookout("done callback"))
    loop.call_soon(lookout, "call_soon")
    loop.call_later(0.001, lookout, "call_later")
    await threaded(submit, patience=patience)
    seen = await lookout.after(5, patience)

    places = {name: "loop's thread" if ident == threading.get_ident() else "elsewhere" for name, ident in seen.items()}
    assert places == dict.fromkeys(
        ("call_soon_threadsafe", "done callback", "task step", "call_soon", "call_later"), "loop's thread"
    )


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
async def call_soon_threadsafe_positional_args(loop, patience):
    """call_soon_threadsafe() hands its positional arguments, the very objects, to the callback."""
    seen = []
    one, two = object(), object()

    def callback(*arguments):
        seen.append(arguments)

    def submit():
        loop.call_soon_threadsafe(callback)
        loop.call_soon_threadsafe(callback, None)
        loop.call_soon_threadsafe(callback, one, None, two)
        loop.call_soon_threadsafe(callback, *range(20))

    await threaded(submit, patience=patience)
    await pass_turns(2)

    assert sorted(seen, key=len) == [(), (None,), (one, None, two), tuple(range(20))]


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
def wakes_loop_without_timers(loop, patience):
    """call_soon_threadsafe() from another thread wakes a loop that waits without any timer."""
    slumber = Slumber(loop, patience)

    assert slumber.ends_by(lambda: loop.call_soon_threadsafe(slumber.wake)), SLEPT_ON


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
def wakes_loop_with_distant_timer(loop, patience):
    """call_soon_threadsafe() from another thread wakes a loop that waits for a distant timer."""
    slumber = Slumber(loop, patience)
    distant = loop.call_later(patience, loop.stop)
    woken = slumber.ends_by(lambda: loop.call_soon_threadsafe(slumber.wake))
    distant.cancel()

    assert woken, SLEPT_ON


@check("asyncio-eventloop#asyncio.loop.stop")
def stop_via_call_soon_threadsafe(loop, trace, patience):
    """call_soon_threadsafe(loop.stop) from another thread ends a run_forever() that waits for a distant timer.

    The way in which programs with a loop in a background thread end it.
    """
    distant = loop.call_later(patience, trace, "the distant timer")
    loop.call_later(2 * patience, loop.stop)
    alarm = threading.Timer(0.01, loop.call_soon_threadsafe, (loop.stop,))
    alarm.start()
    loop.run_forever()
    alarm.join()
    distant.cancel()

    assert (trace, loop.is_running()) == ([], False), "the run went on after stop()"


@check("asyncio-dev#concurrency-and-multithreading")
def future_completion_via_threadsafe_call(loop, patience):
    """call_soon_threadsafe(future.set_result, value) from another thread resumes a task that awaits the future."""
    value, future = object(), loop.create_future()

    async def program():
        return await future

    slumber = Slumber(loop, patience)
    task = loop.create_task(program())
    task.add_done_callback(slumber.wake)
    distant = loop.call_later(patience, loop.stop)
    woken = slumber.ends_by(lambda: loop.call_soon_threadsafe(future.set_result, value))
    distant.cancel()

    assert woken, SLEPT_ON
    assert task.result() is value


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
def timer_via_threadsafe_call(loop, patience):
    """call_soon_threadsafe(loop.call_later, ...) from another thread sets a timer that fires before a distant one.

    Home Assistant and others set timers from worker threads in this way. The loop must compute its wait anew.
    """
    slumber = Slumber(loop, patience)
    distant = loop.call_later(patience, loop.stop)
    woken = slumber.ends_by(lambda: loop.call_soon_threadsafe(loop.call_later, 0.002, slumber.wake))
    distant.cancel()

    assert woken, "the timer was set while the loop waited, and did not fire before the distant one"


@check("Lib/asyncio/base_events.py: call_soon_threadsafe", level="should")
async def fifo_per_calling_thread(loop, trace, patience):
    """What one thread gives to call_soon_threadsafe() runs in that order."""

    def submit():
        for number in range(2000):
            loop.call_soon_threadsafe(trace, number)

    await threaded(submit, patience=patience)
    await pass_turns(2)

    assert trace == list(range(2000))


@check("Lib/test/test_asyncio/test_events.py: test_call_soon_threadsafe_same_thread", level="should")
def fifo_with_call_soon_on_loop_thread(loop, trace):
    """In the loop's own thread, call_soon_threadsafe() and call_soon() share one queue: callbacks run in call order."""

    def schedule():
        for number in range(0, 6, 2):
            loop.call_soon_threadsafe(trace, number)
            loop.call_soon(trace, number + 1)

    loop.call_soon(schedule)
    turns(loop, 3)

    assert trace == list(range(6))


@check("asyncio-eventloop#asyncio.Handle")
async def returns_handle(loop, trace):
    """call_soon_threadsafe() returns an instance of asyncio.Handle."""
    handle = in_thread(loop.call_soon_threadsafe, trace, "callback")
    await pass_turns(2)

    assert isinstance(handle, asyncio.Handle), f"call_soon_threadsafe() returned {handle!r}"
    assert trace == ["callback"]


@check("Lib/asyncio/events.py: Handle.cancel", level="should")
async def handle_cancel_from_other_thread_before_start(loop, trace):
    """A callback given to call_soon_threadsafe() does not run if the other thread cancels its handle before."""

    def submit():
        handle = loop.call_soon_threadsafe(trace, "cancelled")
        loop.call_soon_threadsafe(trace, "other")
        handle.cancel()

    in_thread(submit)
    await pass_turns(2)

    assert trace == ["other"]


@check("Lib/asyncio/events.py: _ThreadSafeHandle", python=">=3.14", level="may")
async def handle_cancel_blocks_while_callback_runs(loop, trace, patience):
    """cancel() and cancelled() of a call_soon_threadsafe() handle, in another thread, wait while the callback runs.

    Who frees what the callback uses can then rely on it. Takes 0.04 s: so long the callback waits to be overtaken.
    """
    started, overtaken = threading.Event(), threading.Event()

    def callback():
        started.set()
        overtaken.wait(0.04)
        trace("callback ended")

    def call(name):
        started.wait(patience)
        getattr(handle, name)()
        trace(f"{name}() returned")
        overtaken.set()

    handle = in_thread(loop.call_soon_threadsafe, callback, patience=patience)
    await asyncio.gather(*(threaded(call, name, patience=patience) for name in ("cancel", "cancelled")))

    assert (trace[0], sorted(trace[1:])) == ("callback ended", ["cancel() returned", "cancelled() returned"])


@check("Lib/asyncio/events.py: Handle.cancel", level="should")
async def handle_cancel_from_own_callback(loop, trace, patience):
    """A callback given to call_soon_threadsafe() can cancel its own handle, and then goes on."""
    handles = []

    def callback():
        trace("callback")
        handles[0].cancel()
        trace("went on")

    handles.append(in_thread(loop.call_soon_threadsafe, callback, patience=patience))
    await pass_turns(2)

    assert trace == ["callback", "went on"]


@check("Lib/asyncio/base_events.py: call_soon_threadsafe", level="should")
def queued_before_run_is_executed(loop, trace):
    """What another thread gives to call_soon_threadsafe() before a run, or between two, runs in the next run."""
    for when in ("before the first run", "between runs"):
        in_thread(loop.call_soon_threadsafe, trace, when)
        run_coroutine(loop, asyncio.sleep(0.001))
        trace("end of the run")

    assert trace == ["before the first run", "end of the run", "between runs", "end of the run"]


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
def closed_loop_raises(loop):
    """call_soon_threadsafe() on a closed loop raises RuntimeError, in any thread.

    Tornado and others rely on just that exception when a thread outlives the loop.
    """
    turn(loop)
    loop.close()
    seen = {
        "main thread": complaint(loop.call_soon_threadsafe, len, ()),
        "other thread": in_thread(complaint, loop.call_soon_threadsafe, len, ()),
    }

    assert seen == {"main thread": "RuntimeError", "other thread": "RuntimeError"}


@check("Lib/asyncio/selector_events.py: _write_to_self", level="should")
def close_race_raises_runtime_error_only(new_loop, patience):
    """A thread that calls call_soon_threadsafe() while the loop is closed gets RuntimeError, or nothing, but no other
    error.

    Threads that deliver to a loop expect that one when the program ends; a half-closed wake-up channel has others.
    """

    def hammer(loop, started, over):
        last = False
        while not last:
            last = over.is_set()  # one more call when the loop is closed
            loop.call_soon_threadsafe(len, ())
            started.set()

    endings = []
    for _ in range(6):
        loop, started, over = new_loop(), threading.Event(), threading.Event()
        errand = Errand(complaint, hammer, loop, started, over)
        turn(loop)  # not beside the calls: they would keep some loops busy for ever
        errand.start()
        try:
            started.wait(patience)
            loop.close()
        finally:
            over.set()
        endings.append(errand.result(patience))

    assert [ending for ending in endings if ending not in ("RuntimeError", "nothing raised")] == []


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
async def many_threads_no_loss(loop, patience):
    """Callbacks that eight threads give to call_soon_threadsafe() at once run once each, in each thread's order."""
    ran = collections.defaultdict(list)
    together = threading.Barrier(8)

    def submit(thread):
        together.wait(patience)
        for number in range(250):
            loop.call_soon_threadsafe(ran[thread].append, number)

    for thread in range(8):
        ran[thread].clear()
    await asyncio.gather(*(threaded(submit, thread, patience=patience) for thread in range(8)))
    await pass_turns(2)

    wrong = {thread: numbers for thread, numbers in ran.items() if numbers != list(range(250))}
    assert wrong == {}, "what ran, for the threads whose 250 callbacks did not run once each and in order"


@check("Lib/asyncio/selector_events.py: _write_to_self", level="should")
async def wakeup_burst_while_loop_busy(loop, patience):
    """70000 calls of call_soon_threadsafe() while the loop is busy all return, and all callbacks run.

    That is more than the 65536 that a pipe holds: a loop must not block, nor raise, when its wake-up pipe is full.
    Takes 0.2 s, for there is no way to fill the pipe faster.
    """
    ran = []

    def submit():
        for _ in range(70_000):
            loop.call_soon_threadsafe(ran.append, None)

    in_thread(submit)
    await pass_turns(2)

    assert len(ran) == 70_000


@check("Lib/asyncio/base_events.py: call_soon_threadsafe", level="should")
async def no_lost_wakeups_ping_pong(loop, patience):
    """A thread that gives the loop one call, waits until it has run, and gives the next, never waits in vain.

    A loop that looks at its queue and then goes to sleep must notice what arrived in between.
    """
    ran = threading.Semaphore(0)

    def play():
        for number in range(500):
            loop.call_soon_threadsafe(ran.release)
            if not ran.acquire(timeout=patience / 2):
                return number
        return 500

    rounds = await threaded(play, patience=2 * patience)

    assert rounds == 500, "the number of rounds until a call did not wake the loop"


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe", needs=("signals",))
def safe_from_signal_handler(loop, trace):
    """call_soon_threadsafe() may be called by a Python signal handler that interrupts a callback of the loop."""

    def handler(number, frame):
        loop.call_soon_threadsafe(trace, "called by the handler")
        trace("handler")

    def callback():
        signal.raise_signal(signal.SIGUSR1)
        trace("callback")

    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        loop.call_soon(callback)
        turns(loop, 3)
    finally:
        signal.signal(signal.SIGUSR1, previous)

    assert trace == ["handler", "callback", "called by the handler"]


class Farewell:
    """An object that posts to a loop when it is destroyed."""

    def __init__(self, loop, trace):
        self.loop, self.trace = loop, trace

    def __del__(self):
        self.loop.call_soon_threadsafe(self.trace, "posted by __del__()")


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe", level="should")
def safe_from_finalizer(loop, trace):
    """call_soon_threadsafe() may be called by the __del__() of an object that a callback drops."""

    def callback():
        Farewell(loop, trace)
        trace("callback")

    loop.call_soon(callback)
    turns(loop, 3)

    assert trace == ["callback", "posted by __del__()"]


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe", level="should")
def safe_from_finalizer_of_argument(loop, trace):
    """call_soon_threadsafe() may be called by the __del__() of an argument that the loop drops after the callback.

    A loop that holds a lock when it lets go of a handle must be able to take it again.
    """
    loop.call_soon_threadsafe(trace.then("callback"), Farewell(loop, trace))
    turns(loop, 3)

    assert trace == ["callback", "posted by __del__()"]


# run_coroutine_threadsafe()


@check("asyncio-task#asyncio.run_coroutine_threadsafe")
async def run_coroutine_threadsafe_outcome(loop, trace, patience):
    """run_coroutine_threadsafe() returns a concurrent future that gets what the coroutine returns, or raises."""
    value, error = object(), ZeroDivisionError("mine")

    async def fail():
        await asyncio.sleep(0)
        raise error

    def submit():
        future = asyncio.run_coroutine_threadsafe(answer(value), loop)
        trace("class", isinstance(future, concurrent.futures.Future))
        trace("result", future.result(patience) is value)
        raised = asyncio.run_coroutine_threadsafe(fail(), loop).exception(patience)
        trace("exception", raised is error or repr(raised))

    await threaded(submit, patience=2 * patience)

    assert trace == [("class", True), ("result", True), ("exception", True)]


@check("asyncio-task#asyncio.run_coroutine_threadsafe")
async def run_coroutine_threadsafe_cancel_from_thread(loop, trace, patience):
    """Cancelling the future of run_coroutine_threadsafe() in the other thread cancels the task on the loop."""
    started, ended = threading.Event(), threading.Event()

    async def program():
        try:
            loop.call_soon(started.set)
            await asyncio.sleep(patience)
            trace("slept on")
        except asyncio.CancelledError:
            trace("cancelled")
            raise
        finally:
            ended.set()

    def submit():
        future = asyncio.run_coroutine_threadsafe(program(), loop)
        started.wait(patience)
        future.cancel()
        ended.wait(2 * patience)

    await threaded(submit, patience=2 * patience)

    assert trace == ["cancelled"]


@check("Lib/asyncio/futures.py: _set_concurrent_future_state", level="should")
async def run_coroutine_threadsafe_task_cancelled(loop, patience):
    """When the task of run_coroutine_threadsafe() ends by cancellation, the concurrent future is cancelled."""

    async def program():
        asyncio.current_task().cancel()
        await asyncio.sleep(patience)

    def submit():
        future = asyncio.run_coroutine_threadsafe(program(), loop)
        try:
            return future.result(patience), future.cancelled()
        except BaseException as error:
            return type(error), future.cancelled()

    assert await threaded(submit, patience=patience) == (concurrent.futures.CancelledError, True)


async def fail_to_make_task(loop, error, patience):
    """What the future of run_coroutine_threadsafe() gets when the task factory raises an error."""

    def factory(loop, coroutine, **options):
        raise error

    def submit():
        return asyncio.run_coroutine_threadsafe(coroutine, loop).exception(patience)

    coroutine, usual = answer(), loop.get_task_factory()
    loop.set_task_factory(factory)
    try:
        return await threaded(submit, patience=patience)
    finally:
        loop.set_task_factory(usual)
        coroutine.close()


@check("Lib/asyncio/tasks.py: run_coroutine_threadsafe", level="should")
async def run_coroutine_threadsafe_task_factory_error(loop, errors, logged, patience):
    """When the task factory fails, the future of run_coroutine_threadsafe() gets the error."""
    error = ZeroDivisionError("raised by the task factory")
    raised = await fail_to_make_task(loop, error, patience)
    await pass_turns(2)

    assert raised is error, f"expected {error!r}, and that object; got {raised!r}"


@check("Lib/asyncio/tasks.py: run_coroutine_threadsafe", level="should")
async def run_coroutine_threadsafe_task_factory_error_reported(loop, errors, patience):
    """When the task factory fails in run_coroutine_threadsafe(), the exception handler is told as well."""
    error = ZeroDivisionError("raised by the task factory")
    await fail_to_make_task(loop, error, patience)
    await pass_turns(2)

    assert [context.get("exception") for context in errors] == [error]


@check("asyncio-threading#using-asyncio-with-threads", level="should")
async def two_loops_in_two_threads(loop, new_loop, patience):
    """Two loops run in two threads at the same time, each with its own running loop and its own tasks."""

    async def look():
        return asyncio.get_running_loop(), asyncio.all_tasks() == {asyncio.current_task()}

    with running_beside(new_loop, patience) as other:
        there = asyncio.run_coroutine_threadsafe(look(), other).result(patience)
        here = await look()
        both_run = (loop.is_running(), other.is_running())

    assert (here, there, both_run) == ((loop, True), (other, True), (True, True))


@check("asyncio-threading#using-asyncio-with-threads", level="should")
async def two_loops_exchange_results(loop, new_loop, patience):
    """A coroutine on one loop can await one on a loop in another thread, which awaits one on the first."""

    async def relay(value):
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(value), loop))

    value = object()
    with running_beside(new_loop, patience) as other:
        there = asyncio.run_coroutine_threadsafe(relay(value), other)
        received = await soon(asyncio.wrap_future(there), patience, "a coroutine on another loop returns its result")

    assert received is value


# the thread checks of debug mode


def scheduling(loop):
    """The calls that debug mode watches, by name."""
    return {
        "call_soon": lambda: loop.call_soon(len, ()),
        "call_later": lambda: loop.call_later(0, len, ()),
        "call_at": lambda: loop.call_at(loop.time(), len, ()),
    }


@contextlib.asynccontextmanager
async def debugging(loop):
    """The running loop is in debug mode in the block."""
    loop.set_debug(True)
    try:
        yield
    finally:
        loop.set_debug(False)
        await pass_turns(2)


@check("asyncio-dev#debug-mode")
async def debug_scheduling_from_wrong_thread(loop):
    """In debug mode call_soon(), call_later() and call_at() raise RuntimeError in another thread than the loop's."""
    async with debugging(loop):
        complaints = {name: in_thread(complaint, call) for name, call in scheduling(loop).items()}

    assert complaints == dict.fromkeys(("call_soon", "call_later", "call_at"), "RuntimeError")


@check("asyncio-dev#debug-mode")
async def debug_scheduling_from_thread_of_other_loop(loop):
    """In debug mode call_soon(), call_later() and call_at() raise RuntimeError also in a thread that runs a loop."""

    async def call_all():
        return {name: complaint(call) for name, call in scheduling(loop).items()}

    def run():
        with contextlib.closing(asyncio.SelectorEventLoop()) as other:
            return run_coroutine(other, call_all())

    async with debugging(loop):
        complaints = in_thread(run)

    assert complaints == dict.fromkeys(("call_soon", "call_later", "call_at"), "RuntimeError")


@check("Lib/asyncio/base_events.py: _check_thread", level="should")
async def debug_create_task_from_wrong_thread(loop, errors):
    """In debug mode create_task() raises RuntimeError in another thread than the loop's."""
    made, coroutine = [], answer()
    async with debugging(loop):
        raised = in_thread(complaint, lambda: made.append(loop.create_task(coroutine)))
        for task in made:
            task.cancel()
        await pass_turns(3)
    coroutine.close()

    assert raised == "RuntimeError"


@check("Lib/asyncio/base_events.py: _check_thread", level="should")
async def debug_future_completion_from_wrong_thread(loop, trace):
    """In debug mode completing a future that has callbacks raises RuntimeError in another thread than the loop's."""
    future = loop.create_future()
    future.add_done_callback(trace)
    async with debugging(loop):
        raised = in_thread(complaint, future.set_result, None)

    assert raised == "RuntimeError"


@check("asyncio-dev#debug-mode")
async def debug_check_allows_legitimate_calls(loop, trace, patience):
    """In debug mode call_soon_threadsafe() works in any thread, and all scheduling in the loop's own."""
    async with debugging(loop):
        in_thread(loop.call_soon_threadsafe, trace, "call_soon_threadsafe, other thread")
        loop.call_soon_threadsafe(trace, "call_soon_threadsafe, own thread")
        loop.call_soon(trace, "call_soon")
        loop.call_later(0.001, trace, "call_later")
        loop.call_at(loop.time() + 0.002, trace, "call_at")
        await soon(asyncio.sleep(0.004), patience, "sleep() ends")

    assert sorted(trace) == [
        "call_at",
        "call_later",
        "call_soon",
        "call_soon_threadsafe, other thread",
        "call_soon_threadsafe, own thread",
    ]


@check("Lib/asyncio/base_events.py: _check_thread", level="should")
def debug_check_skipped_when_not_running(loop, trace):
    """In debug mode any thread may call call_soon(), call_later() and call_at() while the loop does not run.

    Programs that prepare a loop in one thread and run it in another do.
    """

    def schedule():
        loop.call_soon(trace, "call_soon")
        loop.call_later(0.001, trace, "call_later")
        loop.call_at(loop.time() + 0.002, trace, "call_at")

    loop.set_debug(True)
    turn(loop)
    in_thread(schedule)
    run_coroutine(loop, asyncio.sleep(0.005))

    assert sorted(trace) == ["call_at", "call_later", "call_soon"]


@check("Lib/asyncio/base_events.py: call_soon", level="may")
async def no_thread_check_without_debug(loop):
    """Without debug mode call_soon(), call_later() and call_at() do not raise in another thread than the loop's.

    It is a mistake to call them there, but programs that make it run.
    """
    complaints = {name: in_thread(complaint, call) for name, call in scheduling(loop).items()}

    assert complaints == dict.fromkeys(("call_soon", "call_later", "call_at"), "nothing raised")


also_in(
    {
        "debug": (
            callbacks_run_in_loop_thread,
            call_soon_threadsafe_positional_args,
            wakes_loop_without_timers,
            fifo_with_call_soon_on_loop_thread,
            closed_loop_raises,
            safe_from_signal_handler,
            run_coroutine_threadsafe_outcome,
            run_coroutine_threadsafe_cancel_from_thread,
        ),
        "other-thread": (
            callbacks_run_in_loop_thread,
            wakes_loop_without_timers,
            wakes_loop_with_distant_timer,
            stop_via_call_soon_threadsafe,
            closed_loop_raises,
            debug_scheduling_from_wrong_thread,
            debug_check_allows_legitimate_calls,
            two_loops_in_two_threads,
        ),
        "runner": (callbacks_run_in_loop_thread, run_coroutine_threadsafe_outcome, debug_scheduling_from_wrong_thread),
        "eager-tasks": (
            run_coroutine_threadsafe_outcome,
            run_coroutine_threadsafe_cancel_from_thread,
            two_loops_exchange_results,
        ),
        "python-tasks": (
            run_coroutine_threadsafe_outcome,
            run_coroutine_threadsafe_cancel_from_thread,
            debug_future_completion_from_wrong_thread,
        ),
        "first-loop": (wakes_loop_without_timers,),
        "second-loop": (wakes_loop_without_timers, closed_loop_raises),
    }
)
