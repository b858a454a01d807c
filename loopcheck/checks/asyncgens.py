"""Asynchronous generators: the hooks by which a loop learns of them, and how it closes what a program abandons."""

import asyncio
import contextlib
import gc
import sys
import threading
import warnings
import weakref

from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, run_coroutine, soon, turns

CLEANING_UP = "the finally block of an abandoned asynchronous generator runs to its end"


async def resource(note, name="cleaned up"):
    """A generator that yields three times, and notes at its end, after two turns of the loop, that it cleaned up."""
    try:
        for number in range(3):
            yield number
    finally:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        note(name)


async def start(generator):
    """Iterate a generator once; it then hangs at its first yield."""
    return await anext(generator)


@contextlib.contextmanager
def complaints():
    """A list of the warnings and of the exceptions nobody could catch that the block causes."""
    heard = []
    previous = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: heard.append(repr(unraisable.exc_value))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield heard
        heard += [str(warning.message) for warning in caught]
    finally:
        sys.unraisablehook = previous


# The hooks.


def installed():
    """Which of the two hooks this thread has."""
    hooks = sys.get_asyncgen_hooks()
    return {name for name in ("firstiter", "finalizer") if callable(getattr(hooks, name))}


@check("PEP 525#asynchronous-generator-finalization")
async def hooks_installed_while_running(loop, patience):
    """While the loop runs, its thread has both hooks for asynchronous generators, in coroutines, callbacks and timers.

    Without them nobody closes a generator that a program abandons.
    """
    seen, ended = {}, loop.create_future()

    def look(name):
        seen[name] = installed()

    look("coroutine")
    loop.call_soon(look, "callback")
    loop.call_later(0.001, look, "timer")
    loop.call_later(0.002, ended.set_result, None)
    await soon(ended, patience, "a timer of 2 ms fires")
    look("resumed coroutine")

    assert seen == dict.fromkeys(("coroutine", "callback", "timer", "resumed coroutine"), {"firstiter", "finalizer"})


@contextlib.contextmanager
def own_hooks():
    """Install hooks that do nothing, as another scheduler in this thread would; the block gets them as a tuple."""
    before = sys.get_asyncgen_hooks()
    mine = (lambda generator: None, lambda generator: None)
    sys.set_asyncgen_hooks(*mine)
    try:
        yield mine
    finally:
        sys.set_asyncgen_hooks(*before)


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should")
def hooks_restored_after_run(loop):
    """After a run, the hooks for asynchronous generators that were installed before it are back.

    Whoever steps a loop inside another scheduler, as Trio's guest mode and IPython's inputhooks do, needs them.
    """
    before = tuple(sys.get_asyncgen_hooks())
    turns(loop, 1)
    seen = [tuple(sys.get_asyncgen_hooks()) == before]
    with own_hooks() as mine:
        turns(loop, 1)
        seen.append(tuple(sys.get_asyncgen_hooks()) == mine)
        run_coroutine(loop, asyncio.sleep(0))
        seen.append(tuple(sys.get_asyncgen_hooks()) == mine)

    assert seen == [True, True, True], "for a run without earlier hooks, run_forever(), and run_until_complete()"


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should")
def hooks_restored_after_interrupted_run(loop, logged):
    """After a run that KeyboardInterrupt ended, the hooks that were installed before it are back."""

    def interrupt():
        raise KeyboardInterrupt

    with own_hooks() as mine:
        loop.call_soon(interrupt)
        guard = loop.call_later(0.1, loop.stop)
        with contextlib.suppress(KeyboardInterrupt):
            loop.run_forever()
        guard.cancel()
        hooks = tuple(sys.get_asyncgen_hooks())

    assert hooks == mine


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should")
async def hooks_set_only_in_loop_thread(loop):
    """The threads of an executor do not get the loop's hooks for asynchronous generators.

    The hooks are a matter of each thread; there, another loop or none may run.
    """
    there = await loop.run_in_executor(None, installed)

    assert there == set()


# Generators that a program abandons.


@check("PEP 525#asynchronous-generator-finalization")
async def dropped_generator_finalised_on_loop(loop, trace, patience):
    """An asynchronous generator that is dropped half-way is closed by the loop, awaits in its finally block included.

    Not while it is collected, but soon afterwards. Breaking out of ``async for`` drops a generator so.
    """
    over = loop.create_future()

    async def generator():
        try:
            yield
        finally:
            trace("closing")
            await asyncio.sleep(0.001)
            over.set_result("closed")

    dropped = generator()
    await start(dropped)
    del dropped
    gc.collect()
    trace("collected")
    trace(await soon(over, patience, CLEANING_UP))

    assert trace == ["collected", "closing", "closed"]


@check("asyncio-dev#close-asynchronous-generators-explicitly")
async def generator_left_by_break_is_finalised(loop, patience):
    """A generator whose ``async for`` is left by break, return or an exception is closed by the loop."""
    boards = {name: loop.create_future() for name in ("break", "return", "exception")}

    async def leave_by_break():
        async for _ in resource(boards["break"].set_result):
            break

    async def leave_by_return():
        async for _ in resource(boards["return"].set_result):
            return

    async def leave_by_exception():
        async for _ in resource(boards["exception"].set_result):
            raise ZeroDivisionError

    await leave_by_break()
    await leave_by_return()
    with contextlib.suppress(ZeroDivisionError):
        await leave_by_exception()
    gc.collect()
    ended = {name: await soon(over, patience, f"{CLEANING_UP}, left by {name}") for name, over in boards.items()}

    assert ended == dict.fromkeys(boards, "cleaned up")


@check("asyncio-dev#close-asynchronous-generators-explicitly")
async def generator_of_cancelled_task_is_finalised(loop, patience):
    """A generator that a cancelled task was iterating over is closed by the loop.

    What streams a response, under uvicorn or aiohttp, ends so when the client goes away.
    """
    over = loop.create_future()

    async def stream():
        async for _ in resource(over.set_result):
            await loop.create_future()

    task = loop.create_task(stream())
    await pass_turns(2)
    task.cancel()
    await soon(asyncio.wait([task]), patience, "a cancelled task ends")
    del task
    gc.collect()

    assert await soon(over, patience, CLEANING_UP) == "cleaned up"


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgen_finalizer_hook", level="should")
async def finalised_when_collected_in_other_thread(loop, patience):
    """A generator whose last reference goes in another thread is closed by the loop, even by one that is idle.

    Garbage is collected in whatever thread is running. Waits 0.01 s for the loop to fall asleep.
    """
    over = loop.create_future()
    generators = [resource(over.set_result)]
    await start(generators[0])
    alarm = threading.Timer(0.01, generators.clear)
    alarm.start()
    try:
        result = await soon(over, patience, CLEANING_UP)
    finally:
        alarm.join()

    assert result == "cleaned up"


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgen_finalizer_hook", level="should")
def collected_between_runs_finalised_in_next_run(loop, trace, patience):
    """A generator that is collected while the loop is stopped is closed in the next run."""
    over = loop.create_future()
    generator = resource(over.set_result)
    run_coroutine(loop, start(generator))
    del generator
    gc.collect()
    trace(over.done())
    trace(run_coroutine(loop, soon(over, patience, CLEANING_UP)))

    assert trace == [False, "cleaned up"]


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgen_finalizer_hook", level="should")
async def finaliser_can_time_out(loop, patience):
    """asyncio.timeout() works in the finally block of an abandoned generator."""
    over, dropping = loop.create_future(), asyncio.current_task()

    async def generator():
        try:
            yield
        finally:
            assert asyncio.current_task() is not dropping, "the generator is closed inside the task that dropped it"
            try:
                async with asyncio.timeout(0.001):
                    await loop.create_future()
            except BaseException as error:
                over.set_result(type(error))

    dropped = generator()
    await start(dropped)
    del dropped
    gc.collect()

    assert await soon(over, patience, CLEANING_UP) is TimeoutError


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgen_finalizer_hook", level="should")
async def finaliser_exception_reported(loop, errors, patience):
    """An exception in the finally block of an abandoned generator is reported to the exception handler."""

    async def generator():
        try:
            yield
        finally:
            raise ZeroDivisionError("in a finally block")  # not kept here, for its traceback may keep the task

    async def collect():
        while not errors:
            gc.collect()  # the report is made when the task is
            await asyncio.sleep(0.001)

    dropped = generator()
    await start(dropped)
    del dropped
    await soon(collect(), patience, "the exception of an abandoned generator's finally block is reported")

    assert [repr(context.get("exception")) for context in errors] == ["ZeroDivisionError('in a finally block')"]


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgen_finalizer_hook", level="should")
def finaliser_after_close_is_silent(loop, trace):
    """A generator that is collected after its loop was closed is freed without a warning, and runs no more.

    There is nothing left that could run its finally block.
    """
    generator = resource(trace)
    trace(run_coroutine(loop, start(generator)))
    loop.close()
    with complaints() as heard:
        del generator
        gc.collect()

    assert trace == [0]
    assert heard == []


# shutdown_asyncgens()


@check("asyncio-eventloop#asyncio.loop.shutdown_asyncgens")
async def shutdown_closes_open_generators(loop, trace, patience):
    """shutdown_asyncgens() closes every asynchronous generator that is still open, and returns None after that."""
    generators = [resource(trace, name) for name in ("first", "second", "third")]
    for generator in generators:
        await start(generator)
    result = await soon(loop.shutdown_asyncgens(), patience, "shutdown_asyncgens() returns")
    closed = sorted(trace)
    rest = [number for generator in generators async for number in generator]

    assert (closed, result) == (["first", "second", "third"], None)
    assert rest == [], "a generator could be iterated on"


@check("asyncio-eventloop#asyncio.loop.shutdown_asyncgens")
def generators_tracked_across_runs(loop, trace):
    """A generator begun in one run goes on in the next, and shutdown_asyncgens() in a third closes it.

    The fixtures of pytest-asyncio are generators that live so.
    """
    generator, exhausted = resource(trace), resource(trace, "exhausted")
    trace(run_coroutine(loop, start(generator)))
    trace(run_coroutine(loop, start(exhausted)))

    async def exhaust():
        async for number in exhausted:
            trace(number)

    run_coroutine(loop, exhaust())
    trace(run_coroutine(loop, start(generator)))
    loop.run_until_complete(loop.shutdown_asyncgens())

    assert trace == [0, 0, 1, 2, "exhausted", 1, "cleaned up"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.shutdown_asyncgens", level="may")
async def shutdown_closes_concurrently(loop, trace, patience):
    """shutdown_asyncgens() closes generators at the same time: one that waits does not hold up another."""
    events = {"first": asyncio.Event(), "second": asyncio.Event()}

    async def generator(mine, other):
        try:
            yield
        finally:
            events[mine].set()
            await events[other].wait()
            trace("met the other")

    generators = [generator("first", "second"), generator("second", "first")]
    for each in generators:
        await start(each)
    await soon(loop.shutdown_asyncgens(), patience, "shutdown_asyncgens() closes two generators that wait for another")

    assert trace == ["met the other", "met the other"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.shutdown_asyncgens", level="should")
async def shutdown_without_generators(loop, trace):
    """shutdown_asyncgens() returns None when there is nothing to close, and can be called again."""
    trace(await loop.shutdown_asyncgens())
    trace(await loop.shutdown_asyncgens())

    assert trace == [None, None]


async def broken(error):
    """A generator whose cleaning up fails."""
    try:
        yield
    finally:
        raise error


@check("asyncio-eventloop#asyncio.loop.call_exception_handler", level="should")
async def shutdown_reports_cleanup_errors(loop, errors):
    """What a generator raises while shutdown_asyncgens() closes it goes to the exception handler, with the generator.

    Under the keys "message", "exception" and "asyncgen".
    """
    error = ZeroDivisionError("in a finally block")
    generator = broken(error)
    await start(generator)
    with contextlib.suppress(ZeroDivisionError):
        await loop.shutdown_asyncgens()
    reports = [(context.get("exception"), context.get("asyncgen")) for context in errors]

    assert reports == [(error, generator)]
    assert isinstance(errors[0]["message"], str)


@check("Lib/asyncio/base_events.py: BaseEventLoop.shutdown_asyncgens", level="should")
async def shutdown_survives_cleanup_errors(loop, errors, logged, trace):
    """shutdown_asyncgens() does not raise what a generator raises, and closes the others."""
    generators = [resource(trace, "before"), broken(ZeroDivisionError("in a finally block")), resource(trace, "after")]
    for generator in generators:
        await start(generator)
    result = await loop.shutdown_asyncgens()

    assert (sorted(trace), result) == (["after", "before"], None)


@check("asyncio-eventloop#asyncio.loop.shutdown_asyncgens")
async def first_iteration_after_shutdown_warns(loop, trace):
    """After shutdown_asyncgens(), the first iteration of a new asynchronous generator issues a warning.

    Nobody is going to close it any more.
    """
    with complaints() as before:
        async for number in resource(trace):
            trace(number)
    await loop.shutdown_asyncgens()
    with complaints() as after:
        async for number in resource(trace):
            trace(number)

    assert trace == [0, 1, 2, "cleaned up"] * 2
    assert before == []
    assert len(after) == 1, f"expected one warning that the generator is begun after the shutdown, got {after}"


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgens", level="should")
async def finished_generators_forgotten(loop, errors, trace):
    """A generator that was exhausted or closed is freed when the program drops it, and shutdown_asyncgens() ignores it.

    A server that kept them all would grow with every request.
    """
    exhausted, closed, kept = (resource(trace, name) for name in ("exhausted", "closed", "kept"))
    for generator in (closed, kept):
        await start(generator)
        await generator.aclose()
    async for _ in exhausted:
        pass
    alive = {"exhausted": weakref.ref(exhausted), "closed": weakref.ref(closed)}
    del exhausted, closed, generator
    await pass_turns()
    gc.collect()
    left = [name for name, reference in alive.items() if reference() is not None]
    await loop.shutdown_asyncgens()

    assert left == [], "the loop keeps these generators alive"
    assert (trace, errors) == (["closed", "kept", "exhausted"], [])


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgens", level="should")
def each_loop_tracks_its_own(loop, new_loop, trace):
    """shutdown_asyncgens() closes no generator that was begun on another loop."""
    other = new_loop()
    mine, foreign = resource(trace, "of the loop"), resource(trace, "of the other")
    run_coroutine(loop, start(mine))
    run_coroutine(other, start(foreign))
    loop.run_until_complete(loop.shutdown_asyncgens())
    trace("shut down")
    other.run_until_complete(other.shutdown_asyncgens())

    assert trace == ["of the loop", "shut down", "of the other"]


@check("asyncio-dev#create-asynchronous-generators-only-when-the-event-loop-is-running", level="may")
def generator_started_outside_loop_untracked(loop, trace):
    """A generator that was begun while no loop ran is not closed by shutdown_asyncgens()."""

    async def generator():
        try:
            yield "begun"
        finally:
            trace("closed")

    def drive(awaitable):
        try:
            awaitable.send(None)
        except StopIteration as stop:
            return stop.value

    begun = generator()
    trace(drive(begun.__anext__()))
    loop.run_until_complete(loop.shutdown_asyncgens())
    trace("shut down")
    drive(begun.aclose())

    assert trace == ["begun", "shut down", "closed"]


also_in(
    {
        "debug": (
            hooks_restored_after_run,
            dropped_generator_finalised_on_loop,
            finalised_when_collected_in_other_thread,
            finaliser_after_close_is_silent,
            shutdown_closes_open_generators,
        ),
        "other-thread": (hooks_installed_while_running, finalised_when_collected_in_other_thread),
        "runner": (hooks_installed_while_running, dropped_generator_finalised_on_loop, shutdown_closes_open_generators),
        "python-tasks": (dropped_generator_finalised_on_loop, finaliser_exception_reported),
        "second-loop": (hooks_installed_while_running, shutdown_closes_open_generators),
    }
)
