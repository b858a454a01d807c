"""run_in_executor(), the default executor and its end, and asyncio.to_thread()."""

import asyncio
import concurrent.futures
import contextlib
import logging
import multiprocessing
import os
import threading
import time
import warnings

from loopcheck.basics import RUNS_IN_EXECUTOR
from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon, threaded
from loopcheck.kit.workers import Slumber

AFTER = RUNS_IN_EXECUTOR

JOB_ENDS = "the job ends, and the future that run_in_executor() returned is done"


@contextlib.asynccontextmanager
async def default_executor_ended(loop):
    """Whatever happens in the block, the default executor's threads end with it."""
    try:
        yield
    finally:
        await loop.shutdown_default_executor()


async def time_to_return():
    """Time in which a shutdown that has begun, and does not wait, returns: the thread that it uses began earlier."""
    await pass_turns()
    await threaded(time.sleep, 0.005)
    await pass_turns(3)


def complaint(function, *arguments):
    """The name of what a call raises."""
    try:
        found = function(*arguments)
    except Exception as error:
        return type(error).__name__
    return f"it returned {found!r}"


class Recorder(concurrent.futures.Executor):
    """An executor that calls functions at once, in the caller's thread, and records what it was given."""

    def __init__(self):
        self.submitted = []

    def submit(self, *given, **options):
        self.submitted.append((given, options))
        function, *arguments = given
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


# run_in_executor()


@check("asyncio-eventloop#asyncio.loop.run_in_executor")
async def returns_loop_future(loop, patience):
    """run_in_executor() returns a future of this loop, not a coroutine."""
    async with default_executor_ended(loop):
        future = loop.run_in_executor(None, len, "four")
        seen = asyncio.isfuture(future) and future.get_loop() is loop
        await soon(future, patience, JOB_ENDS)

    assert seen, f"run_in_executor() returned {future!r}"


@check("asyncio-eventloop#asyncio.loop.run_in_executor")
async def result_and_args(loop, patience):
    """run_in_executor(None, function, ...) calls the function with the arguments in another thread."""
    one, two = object(), object()

    def job(*arguments):
        return arguments, threading.get_ident()

    async with default_executor_ended(loop):
        given, ident = await soon(loop.run_in_executor(None, job, one, None, two), patience, JOB_ENDS)

    assert given == (one, None, two)
    assert ident != threading.get_ident(), "the function was called in the loop's thread"


@check("asyncio-eventloop#asyncio.loop.run_in_executor")
async def exception_propagates(loop, trace, patience):
    """What the function raises is what awaiting the future of run_in_executor() raises: the very object."""
    error = ZeroDivisionError("mine")

    def job():
        raise error

    async with default_executor_ended(loop):
        try:
            trace(await soon(loop.run_in_executor(None, job), patience, JOB_ENDS))
        except ZeroDivisionError as raised:
            trace(raised)

    assert [raised is error for raised in trace] == [True], f"expected {error!r} itself, got {trace!r}"


@check("gh-112182", python=">=3.13", level="should")
async def stop_iteration_becomes_runtime_error(loop, patience):
    """When the function raises StopIteration, awaiting the future of run_in_executor() raises RuntimeError.

    Programs run ``next`` on a blocking iterator there; a future that cannot take the exception is never done.
    """
    async with default_executor_ended(loop):
        future = loop.run_in_executor(None, next, iter(()))
        await soon(asyncio.wait({future}), patience, "the future of a job that raised StopIteration is done")
        error = future.exception()

    assert (type(error), type(error.__cause__)) == (RuntimeError, StopIteration)


@check("asyncio-eventloop#asyncio.loop.run_in_executor")
async def custom_executor_used(loop, patience):
    """run_in_executor() gives just the function and its arguments to submit() of the executor, of any class.

    The executor may complete the job within submit(), as Tornado's dummy_executor does.
    """
    executor, one, two = Recorder(), object(), object()

    def job(*arguments):
        return arguments

    result = await soon(loop.run_in_executor(executor, job, one, two), patience, JOB_ENDS)

    assert executor.submitted == [((job, one, two), {})]
    assert result == (one, two)


@check("asyncio-eventloop#asyncio.loop.run_in_executor", needs=("fork",))
async def process_pool_executor(loop, patience):
    """run_in_executor() works with a ProcessPoolExecutor.

    The function must reach it as it is: what wraps it in a closure cannot be sent to another process.
    """
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings(), concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        process = await soon(loop.run_in_executor(executor, os.getpid), patience, "another process runs the job")

    assert process != os.getpid()


@check("Lib/asyncio/base_events.py: run_in_executor", level="should")
async def custom_executor_after_default_shutdown(loop, pool, patience):
    """After shutdown_default_executor(), run_in_executor() still takes an executor that is given to it."""
    async with default_executor_ended(loop):
        await soon(loop.run_in_executor(None, len, ()), patience, JOB_ENDS)
    result = await soon(loop.run_in_executor(pool, len, "four"), patience, JOB_ENDS)

    assert result == 4


@check("Lib/asyncio/base_events.py: close", level="should")
def custom_executor_survives_close(loop, pool, patience):
    """close() leaves alone an executor that was given to run_in_executor()."""

    async def program():
        return await loop.run_in_executor(pool, len, "four")

    run_coroutine(loop, program())
    loop.close()

    assert pool.submit(len, "seven").result(patience) == 5


@check("Lib/asyncio/base_events.py: run_in_executor", level="should")
async def rejects_keyword_arguments(loop, trace):
    """run_in_executor() raises TypeError for keyword arguments for the function, and does not call it.

    Keyword arguments go through functools.partial(); a loop that swallows them loses them silently.
    """
    executor = Recorder()
    with refuses(TypeError, "run_in_executor() with the keyword argument sep"):
        loop.run_in_executor(executor, trace, "x", sep=",")

    assert trace == [], "a refused call was made all the same"


@check("Lib/test/test_asyncio/test_events.py: test_run_in_executor", level="should")
def callable_before_loop_runs(loop, gate, patience):
    """run_in_executor() starts the job although the loop does not run yet; the future is done in the next run."""

    async def program():
        async with default_executor_ended(loop):
            return await soon(future, patience, JOB_ENDS)

    future = loop.run_in_executor(None, gate.pass_through)
    gate.reached()
    gate.open()
    time.sleep(0.002)  # for the job to end before the run: if it does not, this shows less
    before = future.done()
    result = run_coroutine(loop, program())

    assert (before, result) == (False, True)


@check("Lib/asyncio/base_events.py: run_in_executor", level="should")
def closed_loop_raises(loop, pool):
    """run_in_executor() on a closed loop raises RuntimeError, whatever the executor."""
    loop.close()
    seen = {
        "default": complaint(loop.run_in_executor, None, len, ()),
        "given": complaint(loop.run_in_executor, pool, len, ()),
    }

    assert seen == {"default": "RuntimeError", "given": "RuntimeError"}


@check("Lib/asyncio/base_events.py: run_in_executor", level="should")
async def submit_error_propagates(loop, pool):
    """When submit() of the executor fails, run_in_executor() itself raises the error."""
    pool.shutdown()

    assert complaint(loop.run_in_executor, pool, len, ()) == "RuntimeError"


@check("asyncio-eventloop#asyncio.loop.run_in_executor")
def completion_wakes_idle_loop(loop, gate, patience):
    """The end of a job in the default executor wakes a loop that waits without any timer."""

    async def program():
        return await loop.run_in_executor(None, gate.pass_through)

    slumber = Slumber(loop, patience)
    task = loop.create_task(program())
    task.add_done_callback(slumber.wake)
    woken = slumber.ends_by(gate.open)
    loop.run_until_complete(loop.shutdown_default_executor())

    assert woken, "the job ended while the loop waited, and its end did not wake the loop"
    assert task.result() is True


@check("Lib/asyncio/futures.py: _chain_future", level="should")
async def done_callback_runs_in_loop_thread(loop, trace, patience):
    """Done callbacks of the future of run_in_executor() run in the loop's thread, inside the loop."""

    def look(future):
        trace(threading.get_ident(), asyncio.get_running_loop())

    async with default_executor_ended(loop):
        future = loop.run_in_executor(None, len, ())
        future.add_done_callback(look)
        await soon(future, patience, JOB_ENDS)

    assert trace == [(threading.get_ident(), loop)]


@check("Lib/asyncio/futures.py: _chain_future", level="should")
async def cancel_pending_job(loop, pool, gate, trace, patience):
    """Cancelling the future of a job that waits for a worker prevents the call."""
    first = loop.run_in_executor(pool, gate.pass_through)
    await threaded(gate.reached)
    second = loop.run_in_executor(pool, trace, "cancelled job")
    third = loop.run_in_executor(pool, trace, "other job")
    second.cancel()
    await pass_turns(2)
    gate.open()
    await soon(asyncio.gather(first, third), patience, "the other jobs end")

    assert (trace, second.cancelled()) == (["other job"], True)


@check("Lib/asyncio/futures.py: _chain_future", level="should")
async def cancel_running_job_discards_result(loop, gate, errors, trace, patience):
    """Cancelling the future of a running job frees who awaits it at once, and nothing is said when the job ends."""

    async def program():
        try:
            await loop.run_in_executor(None, gate.pass_through)
        except asyncio.CancelledError:
            trace("cancelled")

    async with default_executor_ended(loop):
        task = loop.create_task(program())
        await threaded(gate.reached)
        task.cancel()
        await soon(task, patience, "the task that awaits the job ends")
        trace("the job may end")
        gate.open()
    await pass_turns(2)

    assert (trace, errors) == (["cancelled", "the job may end"], [])


@check("Lib/asyncio/futures.py: _chain_future", level="should")
async def executor_cancels_job(loop, pool, gate, patience):
    """A job that the executor drops, on shutdown(cancel_futures=True), cancels the future of run_in_executor()."""
    loop.run_in_executor(pool, gate.pass_through)
    await threaded(gate.reached)
    queued = loop.run_in_executor(pool, len, ())
    pool.shutdown(wait=False, cancel_futures=True)
    gate.open()
    await soon(asyncio.wait({queued}), patience, "the future of the dropped job is done")

    assert queued.cancelled()


class Complaints(logging.Handler):
    """What a logger was told, as text."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(self.format(record))


@contextlib.contextmanager
def listening(name):
    """Collect what the logger of this name is told in the block, and keep it from others."""
    logger, handler = logging.getLogger(name), Complaints()
    handlers, propagate = logger.handlers[:], logger.propagate
    logger.handlers[:], logger.propagate = [handler], False
    try:
        yield handler.texts
    finally:
        logger.handlers[:], logger.propagate = handlers, propagate


@check("Lib/asyncio/futures.py: _chain_future", level="should")
def job_finishing_after_close_is_silent(loop, new_loop, pool, gate):
    """A job that ends after the loop was closed, its future pending or cancelled, causes no error in its thread."""
    pending = loop.run_in_executor(pool, gate.pass_through)
    other = new_loop()
    cancelled = other.run_in_executor(pool, gate.pass_through)
    cancelled.cancel()
    loop.close()
    other.close()
    with listening("concurrent.futures") as complaints:
        gate.open()
        pool.shutdown()

    assert (complaints, pending.done(), cancelled.cancelled()) == ([], False, True)


@check("asyncio-eventloop#asyncio.get_running_loop")
async def no_running_loop_in_worker(loop, patience):
    """In functions that run_in_executor() and to_thread() run, get_running_loop() raises RuntimeError."""
    async with default_executor_ended(loop):
        seen = {
            "run_in_executor": await soon(
                loop.run_in_executor(None, complaint, asyncio.get_running_loop), patience, JOB_ENDS
            ),
            "to_thread": await soon(asyncio.to_thread(complaint, asyncio.get_running_loop), patience, JOB_ENDS),
        }

    assert seen == {"run_in_executor": "RuntimeError", "to_thread": "RuntimeError"}


@check("asyncio-task#asyncio.run_coroutine_threadsafe", level="should")
async def worker_can_call_back_into_loop(loop, patience):
    """A job may wait for a coroutine that it gives to the loop which awaits the job."""

    async def answer():
        await asyncio.sleep(0.001)
        return "the result"

    def job():
        return asyncio.run_coroutine_threadsafe(answer(), loop).result(patience)

    async with default_executor_ended(loop):
        result = await soon(loop.run_in_executor(None, job), 2 * patience, JOB_ENDS)

    assert result == "the result"


# the default executor


@check("asyncio-eventloop#asyncio.loop.run_in_executor")
def default_executor_is_lazy(new_loop, patience):
    """The default executor is made when it is first used: until then the loop starts no thread."""

    async def program():
        async with default_executor_ended(loop):
            return await soon(loop.run_in_executor(None, len, "four"), patience, JOB_ENDS)

    before = threading.active_count()
    loop = new_loop()
    run_coroutine(loop, asyncio.sleep(0.001))
    started = threading.active_count() - before
    result = run_coroutine(loop, program())

    assert (started, result) == (0, 4), f"{started} threads were started before the first job"


@check("Lib/asyncio/base_events.py: run_in_executor", level="may")
async def default_worker_thread_name(loop, patience):
    """The threads of the default executor have names that begin with "asyncio"."""
    async with default_executor_ended(loop):
        thread = await soon(loop.run_in_executor(None, threading.current_thread), patience, JOB_ENDS)

    assert thread.name[:7] == "asyncio", thread.name


@check("Lib/asyncio/base_events.py: run_in_executor", level="should")
async def default_executor_runs_jobs_side_by_side(loop, patience):
    """The default executor runs four jobs at the same time.

    Programs whose jobs wait for each other, such as aiohttp's file responses behind slow lookups, hang otherwise.
    """
    together = threading.Barrier(4, timeout=patience)

    def job():
        together.wait()
        return "met"

    async with default_executor_ended(loop):
        jobs = [loop.run_in_executor(None, job) for _ in range(4)]
        seen = await soon(asyncio.gather(*jobs, return_exceptions=True), 2 * patience, JOB_ENDS)

    assert seen == ["met"] * 4


@check("asyncio-eventloop#asyncio.loop.set_default_executor")
async def set_default_executor_used(loop, pool, trace, patience):
    """run_in_executor(None, ...) uses the executor that was last given to set_default_executor()."""
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="second") as second:
        for executor in (pool, second):
            loop.set_default_executor(executor)
            thread = await soon(loop.run_in_executor(None, threading.current_thread), patience, JOB_ENDS)
            trace(thread.name)

    assert trace == ["pool_0", "second_0"]


@check("asyncio-eventloop#asyncio.loop.set_default_executor", level="should", after=())
def set_default_executor_type_check(loop, pool):
    """set_default_executor() raises TypeError for anything but a ThreadPoolExecutor, other executors included."""
    things = (object(), None, concurrent.futures.ThreadPoolExecutor, Recorder())
    try:
        complaints = {type(thing).__name__: complaint(loop.set_default_executor, thing) for thing in things}
    finally:
        loop.set_default_executor(pool)

    assert complaints == dict.fromkeys(("object", "NoneType", "type", "Recorder"), "TypeError")


@check("asyncio-eventloop#asyncio.loop.set_default_executor", python=">=3.14")
async def interpreter_pool_as_default(loop, patience):
    """set_default_executor() takes an InterpreterPoolExecutor, and run_in_executor(None, ...) uses it.

    Takes 0.05 s, to make an interpreter.
    """
    with concurrent.futures.InterpreterPoolExecutor(1, thread_name_prefix="interpreters") as executor:
        loop.set_default_executor(executor)
        result = await soon(loop.run_in_executor(None, abs, -5), patience, JOB_ENDS)
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("interpreters")]

    assert (result, names) == (5, ["interpreters_0"])


# its end


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor")
async def shutdown_waits_for_running_job(loop, gate, trace, patience):
    """shutdown_default_executor() waits for a job that runs in the default executor that the loop has made."""

    def job():
        gate.pass_through()
        trace("job")

    loop.run_in_executor(None, job)
    await threaded(gate.reached)
    shutdown = asyncio.ensure_future(loop.shutdown_default_executor())
    shutdown.add_done_callback(trace.then("shutdown_default_executor() returned"))
    await time_to_return()
    trace("the job may end")
    gate.open()
    await soon(shutdown, patience, "shutdown_default_executor() returns")
    await pass_turns(2)

    assert trace == ["the job may end", "job", "shutdown_default_executor() returned"]


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor")
async def shutdown_waits_for_queued_job(loop, pool, gate, trace, patience):
    """shutdown_default_executor() waits for a job that still waits for a worker of the executor that was set."""
    loop.set_default_executor(pool)
    loop.run_in_executor(None, gate.pass_through)
    loop.run_in_executor(None, trace, "queued job")
    await threaded(gate.reached)
    shutdown = asyncio.ensure_future(loop.shutdown_default_executor())
    shutdown.add_done_callback(trace.then("shutdown_default_executor() returned"))
    await time_to_return()
    trace("the running job may end")
    gate.open()
    await soon(shutdown, patience, "shutdown_default_executor() returns")
    await pass_turns(2)

    assert trace == ["the running job may end", "queued job", "shutdown_default_executor() returned"]


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor")
async def shutdown_ends_threads(loop, patience):
    """When shutdown_default_executor() returns, the threads of the default executor have ended."""
    thread = await soon(loop.run_in_executor(None, threading.current_thread), patience, JOB_ENDS)
    await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")

    assert not thread.is_alive(), f"{thread.name!r}, which ran a job, is still alive"


@check("Lib/asyncio/base_events.py: shutdown_default_executor", level="should")
async def shutdown_does_not_block_loop(loop, gate, patience):
    """While shutdown_default_executor() waits for a job, the loop goes on: a timer can end the job."""
    job = loop.run_in_executor(None, gate.pass_through)
    await threaded(gate.reached)
    loop.call_later(0.002, gate.open)
    await soon(loop.shutdown_default_executor(), 2 * patience, "shutdown_default_executor() returns")
    passed = await soon(job, patience, JOB_ENDS)

    assert passed, "the timer did not fire until the job had given up waiting for it"


@check("Lib/asyncio/base_events.py: shutdown_default_executor", level="should")
async def shutdown_calls_executors_shutdown(loop, trace, patience):
    """shutdown_default_executor() calls shutdown(wait=True) of the executor that was set, in another thread.

    Home Assistant sets an executor of its own, whose shutdown() interrupts jobs that hang.
    """

    class Executor(concurrent.futures.ThreadPoolExecutor):
        def shutdown(self, wait=True, **options):
            if wait:
                trace("in another thread" if threading.get_ident() != ident else "in the loop's thread")
            super().shutdown(wait, **options)

    ident, executor = threading.get_ident(), Executor(1)
    loop.set_default_executor(executor)
    try:
        await soon(loop.run_in_executor(None, len, ()), patience, JOB_ENDS)
        await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")
        seen = trace[:]
    finally:
        executor.shutdown()

    assert seen == ["in another thread"]


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor")
async def default_rejected_after_shutdown(loop, patience):
    """After shutdown_default_executor(), run_in_executor(None, ...) raises RuntimeError, at once or when awaited."""
    await soon(loop.run_in_executor(None, len, ()), patience, JOB_ENDS)
    await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")

    with refuses(RuntimeError, "run_in_executor(None, ...) after shutdown_default_executor()"):
        await soon(loop.run_in_executor(None, len, ()), patience, JOB_ENDS)


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor", after=())
async def default_rejected_after_unused_shutdown(loop, patience):
    """After shutdown_default_executor() on a loop that never had a default executor, it makes none any more.

    run_in_executor(None, ...) raises RuntimeError instead, at the call or when awaited: nobody would end the new
    threads.
    """
    await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")

    with refuses(RuntimeError, "run_in_executor(None, ...) after shutdown_default_executor()"):
        await soon(loop.run_in_executor(None, len, ()), patience, JOB_ENDS)


@check("Lib/asyncio/base_events.py: shutdown_default_executor", level="should", after=())
async def shutdown_without_executor_is_noop(loop, patience):
    """shutdown_default_executor() on a loop that has no default executor does nothing and returns None."""
    before = threading.active_count()
    result = await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")

    assert (result, threading.active_count() - before) == (None, 0)


@check("Lib/asyncio/base_events.py: shutdown_default_executor", level="should")
async def shutdown_repeatable(loop, trace, patience):
    """shutdown_default_executor() can be called again: it does nothing and returns None.

    asyncio.run() calls it also for programs that have done so themselves.
    """
    await soon(loop.run_in_executor(None, len, ()), patience, JOB_ENDS)
    for _ in range(2):
        trace(await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns"))

    assert trace == [None, None]


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor", python=">=3.12")
def shutdown_timeout_parameter(new_loop, trace):
    """shutdown_default_executor() takes a timeout, by position or name, and does not warn when threads end in time.

    asyncio.run() gives it by position: without the parameter no program ends well.
    """

    def end(*given, **named):
        async def program():
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, len, ())
            trace(await loop.shutdown_default_executor(*given, **named))

        run_coroutine(new_loop(), program())

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", RuntimeWarning)
        end(5000)
        end(5000.0)
        end(None)
        end(timeout=5000)
        end(timeout=None)

    assert (trace, [one for one in warned if one.category is RuntimeWarning]) == ([None] * 5, [])


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor", python=">=3.13")
async def shutdown_timeout_expiry(loop, pool, gate, patience):
    """When threads do not end within its timeout, shutdown_default_executor() returns all the same, with a warning.

    CPython 3.12.1 still waited for the job.
    """
    loop.set_default_executor(pool)
    job = loop.run_in_executor(None, gate.pass_through)
    await threaded(gate.reached)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", RuntimeWarning)
        began = loop.time()
        await soon(loop.shutdown_default_executor(timeout=0.01), 2 * patience, "shutdown_default_executor() returns")
        waited = loop.time() - began
    gate.open()
    passed = await soon(job, patience, JOB_ENDS)

    assert passed, f"after {waited:.3f} s it returned: when the job had ended, not after the timeout of 0.01 s"
    assert [one.category for one in warned if one.category is RuntimeWarning] == [RuntimeWarning]


@check("asyncio-eventloop#asyncio.loop.close")
def close_does_not_wait(loop, gate, trace, patience):
    """close() does not wait for the jobs of the default executor."""
    ended = threading.Event()

    def job():
        gate.pass_through()
        trace("job ended")
        ended.set()

    loop.call_soon(loop.run_in_executor, None, job)
    run_coroutine(loop, threaded(gate.reached))
    loop.close()
    trace("close() returned")
    gate.open()
    ended.wait(patience)

    assert trace == ["close() returned", "job ended"]


@check("asyncio-eventloop#asyncio.loop.close", after=())
def close_shuts_down_default_executor(loop, pool):
    """close() shuts the default executor down: it takes no more jobs."""
    loop.set_default_executor(pool)
    loop.close()

    assert complaint(pool.submit, len, ()) == "RuntimeError"


# asyncio.to_thread()


@check("asyncio-task#asyncio.to_thread")
async def to_thread_result_and_args(loop, patience):
    """asyncio.to_thread() calls a function, with arguments of both kinds, in another thread and returns its result."""
    one, two = object(), object()

    def job(*arguments, **named):
        return arguments, named, threading.get_ident()

    async with default_executor_ended(loop):
        given, named, ident = await soon(asyncio.to_thread(job, one, None, two=two), patience, "to_thread() returns")

    assert (given, named) == ((one, None), {"two": two})
    assert ident != threading.get_ident(), "the function was called in the loop's thread"


@check("Lib/asyncio/threads.py: to_thread")
async def to_thread_uses_default_executor(loop, pool, patience):
    """asyncio.to_thread() uses the executor that was given to set_default_executor()."""
    loop.set_default_executor(pool)
    thread = await soon(asyncio.to_thread(threading.current_thread), patience, "to_thread() returns")

    assert thread.name == "pool_0"


also_in(
    {
        "debug": (
            result_and_args,
            exception_propagates,
            custom_executor_used,
            cancel_running_job_discards_result,
            shutdown_waits_for_running_job,
            to_thread_result_and_args,
        ),
        "other-thread": (
            result_and_args,
            completion_wakes_idle_loop,
            done_callback_runs_in_loop_thread,
            shutdown_waits_for_running_job,
            close_does_not_wait,
        ),
        "runner": (
            result_and_args,
            set_default_executor_used,
            shutdown_ends_threads,
            default_rejected_after_shutdown,
            to_thread_result_and_args,
        ),
        "eager-tasks": (
            cancel_running_job_discards_result,
            to_thread_result_and_args,
            worker_can_call_back_into_loop,
        ),
        "first-loop": (completion_wakes_idle_loop,),
        "second-loop": (completion_wakes_idle_loop, result_and_args, default_executor_is_lazy),
    }
)
