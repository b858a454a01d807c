"""current_task(): which task a piece of code runs in, and that a callback runs in none."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading

from loopcheck.basics import CONNECTS, OPENS_DATAGRAM_ENDPOINTS, SERVES
from loopcheck.check import also_in, check
from loopcheck.kit import (
    DatagramWatcher,
    ForeignTask,
    StreamWatcher,
    in_thread,
    pass_turns,
    refuses,
    run_coroutine,
    soon,
    turn,
)
from loopcheck.kit.tasking import called_back, eager, from_callback
from loopcheck.kit.wait import Errand


def _whose():
    """The name of the current task, which reads better in a list of callbacks than its repr(); None for none."""
    task = asyncio.current_task()
    return None if task is None else task.get_name()


async def _look():
    await asyncio.sleep(0)
    return asyncio.current_task()


# In a task.


@check("asyncio-task#asyncio.current_task")
async def is_created_task_object(loop, patience):
    """In a task's coroutine, and in what it calls and awaits, current_task() is the very object that create_task()
    returned.

    current_task(None) and current_task(loop) say the same.
    """

    def called():
        return asyncio.current_task()

    async def awaited():
        return asyncio.current_task()

    async def program():
        return [
            asyncio.current_task(),
            asyncio.current_task(None),
            asyncio.current_task(loop),
            asyncio.current_task(loop=loop),
            called(),
            await awaited(),
        ]

    task = loop.create_task(program())

    assert await soon(task, patience, "a task completes") == [task] * 6


@check("asyncio-task#asyncio.current_task")
def coroutine_given_to_run_until_complete_has_a_task(loop):
    """A coroutine given to run_until_complete() runs in an asyncio.Task, which is current in it."""
    task = run_coroutine(loop, _look())

    assert isinstance(task, asyncio.Task), f"current_task() in the coroutine was {task!r}"
    assert task.get_loop() is loop


@check("asyncio-task#asyncio.current_task")
async def restored_after_await(loop, trace, patience):
    """After any kind of await the same task is current as before.

    asyncio.timeout() and TaskGroup cancel what is current when they begin: a wrong answer cancels a stranger.
    """
    main = asyncio.current_task()

    async def group():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(0))

    async def time_limit():
        async with asyncio.timeout(patience):
            await asyncio.sleep(0)

    async def expired_time_limit():
        try:
            async with asyncio.timeout(0):
                await loop.create_future()
        except TimeoutError:
            trace("timed out", asyncio.current_task() is main)

    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    try:
        for what, awaitable in (
            ("a bare yield", asyncio.sleep(0)),
            ("a timer", asyncio.sleep(0.001)),
            ("a future", future),
            ("another task", loop.create_task(_look())),
            ("an executor's job", loop.run_in_executor(None, int)),
            ("gather()", asyncio.gather(_look(), _look())),
            ("wait_for()", asyncio.wait_for(_look(), patience)),
            ("shield()", asyncio.shield(_look())),
            ("a timeout() block", time_limit()),
            ("an expired timeout() block", expired_time_limit()),
            ("a TaskGroup block", group()),
        ):
            await awaitable
            trace(what, asyncio.current_task() is main)
    finally:
        await loop.shutdown_default_executor()

    assert isinstance(main, asyncio.Task)
    assert trace == [
        ("a bare yield", True),
        ("a timer", True),
        ("a future", True),
        ("another task", True),
        ("an executor's job", True),
        ("gather()", True),
        ("wait_for()", True),
        ("shield()", True),
        ("a timeout() block", True),
        ("timed out", True),
        ("an expired timeout() block", True),
        ("a TaskGroup block", True),
    ]


@check("asyncio-task#asyncio.current_task")
async def interleaved_tasks_each_see_themselves(loop, patience):
    """Of several tasks that take turns, each sees itself at each of its steps."""

    async def program():
        seen = [asyncio.current_task()]
        for delay in (0, 0.001, 0):
            await asyncio.sleep(delay)
            seen.append(asyncio.current_task())
        return seen

    tasks = [loop.create_task(program()) for _ in range(5)]
    seen = [await soon(task, patience, "a task completes") for task in tasks]

    assert seen == [[task] * 4 for task in tasks]


@check("asyncio-task#asyncio.current_task")
async def correct_during_cancellation(loop, trace, patience):
    """While a task handles its cancellation it is current, also after awaits in its cleanup; callbacks in between see
    none.
    """

    def callback():
        trace("callback", asyncio.current_task())

    async def program():
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            trace("except", asyncio.current_task())
            loop.call_soon(callback)
            await asyncio.sleep(0)
            trace("after an await in except", asyncio.current_task())
            raise
        finally:
            loop.call_soon(callback)
            await asyncio.sleep(0)
            trace("after an await in finally", asyncio.current_task())

    task = loop.create_task(program())
    await pass_turns(2)
    task.cancel()
    await soon(asyncio.wait([task]), patience, "a cancelled task ends")

    assert task.cancelled()
    assert trace == [
        ("except", task),
        ("callback", None),
        ("after an await in except", task),
        ("callback", None),
        ("after an await in finally", task),
    ]


@check("asyncio-eventloop#asyncio.loop.set_task_factory")
async def factory_made_subclass_identity(loop, patience):
    """A task of a subclass that a task factory returned is itself what current_task() returns, across awaits."""

    class Subclass(asyncio.Task):
        pass

    async def program():
        return [asyncio.current_task(), await _look()]

    loop.set_task_factory(lambda loop, coroutine, **options: Subclass(coroutine, loop=loop, **options))
    task = loop.create_task(program())
    seen = await soon(task, patience, "a task of a subclass completes")

    assert type(task) is Subclass
    assert seen == [task, task]


@check("Lib/asyncio/base_events.py: _asyncgen_finalizer_hook", level="should")
async def asyncgen_finalizer_runs_in_task(loop, patience):
    """An abandoned asynchronous generator runs its finally block in a task of its own, which is current there.

    asyncio.timeout() in the block needs one.
    """
    over = loop.create_future()

    async def generator():
        try:
            yield
        finally:
            await asyncio.sleep(0)
            over.set_result(asyncio.current_task())

    async def abandon():
        async for _ in generator():
            break

    await abandon()
    gc.collect()
    task = await soon(over, patience, "the finally block of a collected asynchronous generator runs")

    assert isinstance(task, asyncio.Task), f"current_task() in the finally block was {task!r}"
    assert task is not asyncio.current_task()
    await soon(asyncio.wait([task]), patience, "the task of the finally block ends")


# Outside a run, and on other loops and threads.


@check("asyncio-task#asyncio.current_task")
async def none_for_other_loop(loop, new_loop):
    """In a task, current_task(other) is None for another loop that executes none."""
    other = new_loop()

    assert (asyncio.current_task(other), await _look()) == (None, asyncio.current_task(loop))
    assert isinstance(asyncio.current_task(), asyncio.Task)
    other.close()


@check("asyncio-task#asyncio.current_task")
def requires_running_loop(loop):
    """current_task() without an argument raises RuntimeError where no loop runs, before the first run and after
    each.
    """
    with refuses(RuntimeError, "current_task() before the first run"):
        asyncio.current_task()
    seen = run_coroutine(loop, _look())
    with refuses(RuntimeError, "current_task() after run_until_complete()"):
        asyncio.current_task()
    turn(loop)
    with refuses(RuntimeError, "current_task() after run_forever()"):
        asyncio.current_task()

    assert isinstance(seen, asyncio.Task)


@check("asyncio-task#asyncio.current_task")
def none_for_loop_that_does_not_run(loop, trace):
    """current_task(loop) is None for a loop that does not run, before the first run and after each."""
    trace("fresh", asyncio.current_task(loop))
    seen = run_coroutine(loop, _look())
    trace("after run_until_complete()", asyncio.current_task(loop))
    turn(loop)
    trace("after run_forever()", asyncio.current_task(loop))

    assert trace == [("fresh", None), ("after run_until_complete()", None), ("after run_forever()", None)]
    assert isinstance(seen, asyncio.Task)


@check("asyncio-task#asyncio.current_task")
def separate_per_thread(loop, patience):
    """A loop and another one, in another thread, that both execute a task have a current task of their own each.

    The other is asyncio's own: whether two of the subject's run at once is for other checks to say.
    """
    both = threading.Barrier(2)

    async def program():
        seen = []
        for _ in range(3):
            both.wait(patience)  # both threads are inside a step of their task now
            seen.append(asyncio.current_task())
            both.wait(patience)
            await asyncio.sleep(0)
        return seen

    def run(loop):
        task = loop.create_task(program())
        return task, loop.run_until_complete(task)

    with contextlib.closing(asyncio.SelectorEventLoop()) as other:
        errand = Errand(run, other)
        errand.start()
        try:
            results = [run(loop), errand.result(2 * patience)]
        finally:
            both.abort()
            errand.join(patience)

    assert [seen for _, seen in results] == [[task] * 3 for task, _ in results]


@check("Lib/asyncio/tasks.py: current_task", level="should")
async def visible_from_other_thread(loop, patience):
    """current_task(loop) in another thread is the task that the loop executes at that moment, or None in a plain
    callback.
    """

    def ask_in_thread():
        return in_thread(asyncio.current_task, loop, patience=patience)

    in_task, in_callback = ask_in_thread(), await called_back(ask_in_thread)

    assert (in_task, in_callback) == (asyncio.current_task(), None)
    assert isinstance(in_task, asyncio.Task)


@check("asyncio-task#asyncio.current_task")
async def unavailable_in_worker_thread(loop, trace):
    """In functions that run_in_executor() and to_thread() run, current_task() raises RuntimeError."""

    def look():
        with refuses(RuntimeError, "current_task() in a worker thread"):
            asyncio.current_task()
        return "refused"

    try:
        trace("run_in_executor", await loop.run_in_executor(None, look))
        trace("to_thread", await asyncio.to_thread(look))
    finally:
        await loop.shutdown_default_executor()

    assert trace == [("run_in_executor", "refused"), ("to_thread", "refused")]


# In callbacks.


@check("asyncio-task#asyncio.current_task")
async def none_in_scheduled_callbacks(loop, trace, patience):
    """No task is current in a callback, though a task gave it to call_soon(), call_later(), call_at() or
    call_soon_threadsafe().

    Nor is one in the done callbacks of futures and tasks.
    """
    seen, over = {}, loop.create_future()

    def look_at(kind):
        def look(*ignored):
            seen[kind] = asyncio.current_task()
            if len(seen) == 7:
                over.set_result(None)

        return look

    loop.call_soon(look_at("call_soon"))
    loop.call_later(0.001, look_at("call_later"))
    loop.call_at(loop.time(), look_at("call_at"))
    loop.call_soon_threadsafe(look_at("call_soon_threadsafe"))
    in_thread(loop.call_soon_threadsafe, look_at("call_soon_threadsafe in a thread"), patience=patience)
    future, task = loop.create_future(), loop.create_task(asyncio.sleep(0))
    future.add_done_callback(look_at("future's done callback"))
    task.add_done_callback(look_at("task's done callback"))
    future.set_result(None)
    await soon(over, patience, "callbacks of each kind run")

    assert seen == dict.fromkeys(seen)
    assert isinstance(asyncio.current_task(), asyncio.Task)


@check("asyncio-extending#asyncio._leave_task")
async def none_between_task_steps(loop, trace):
    """Callbacks that run between two steps of a task see no current task, each time."""

    def look():
        trace("callback", asyncio.current_task())

    task = asyncio.current_task()
    for _ in range(3):
        loop.call_soon(look)
        await asyncio.sleep(0)
        trace("task", asyncio.current_task())

    assert isinstance(task, asyncio.Task)
    assert trace == [("callback", None), ("task", task)] * 3


@check("asyncio-extending#asyncio._leave_task")
async def cleared_after_task_exception(loop, trace):
    """After a task failed, callbacks see no current task and the other tasks see themselves."""

    async def fail():
        loop.call_soon(lambda: trace("callback", asyncio.current_task()))
        raise ValueError

    main, failing = asyncio.current_task(), loop.create_task(fail())
    other = loop.create_task(_look())
    await asyncio.wait([failing, other])
    trace("main", asyncio.current_task())

    assert type(failing.exception()) is ValueError
    assert trace == [("callback", None), ("main", main)]
    assert other.result() is other


@check("asyncio-task#asyncio.current_task", needs=("posix",))
async def none_in_fd_callback(loop, trace, socketpair, patience):
    """No task is current in the callbacks of add_reader() and add_writer(), though a task added them."""
    near, far = socketpair
    over = loop.create_future()

    def look(event):
        (loop.remove_reader if event == "readable" else loop.remove_writer)(near.fileno())
        trace(event, asyncio.current_task())
        if len(trace) == 2:
            over.set_result(None)

    far.send(b"x")
    loop.add_reader(near.fileno(), look, "readable")
    loop.add_writer(near.fileno(), look, "writable")
    try:
        await soon(over, patience, "the callbacks of add_reader() and add_writer() are called")
    finally:
        loop.remove_reader(near.fileno())
        loop.remove_writer(near.fileno())

    assert sorted(trace) == [("readable", None), ("writable", None)]


@check("asyncio-task#asyncio.current_task", needs=("signals",))
def none_in_signal_handler(loop, patience):
    """No task is current in a callback of add_signal_handler(), though the signal came while a task ran.

    The signal is ignored at first and sent until the callback is called: how soon the loop takes it is not the point.
    """

    async def program():
        seen = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, lambda: seen.done() or seen.set_result(asyncio.current_task()))
        deadline = loop.time() + patience
        while not seen.done() and loop.time() < deadline:
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.wait([seen], timeout=0.01)
        assert seen.done(), "the callback of add_signal_handler() was never called"
        return seen.result(), asyncio.current_task()

    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        in_handler, main = run_coroutine(loop, program())
    finally:
        loop.close()
        signal.signal(signal.SIGUSR1, before)

    assert in_handler is None
    assert isinstance(main, asyncio.Task)


@check("asyncio-task#asyncio.current_task", needs=("ipv4",), after=CONNECTS)
async def none_in_protocol_callbacks(loop, listener, patience):
    """No task is current in the callbacks of a client's protocol: connection_made() does not run inside the task that
    connects.
    """
    transport, protocol = await loop.create_connection(lambda: StreamWatcher(_whose), *listener.getsockname())
    try:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"x")
            await protocol.until("data_received", patience)
        await protocol.until("connection_lost", patience)
    finally:
        transport.abort()

    assert protocol.seen == [
        ("connection_made", None),
        ("data_received", None),
        ("eof_received", None),
        ("connection_lost", None),
    ]


@check("asyncio-task#asyncio.current_task", needs=("ipv4",), after=SERVES)
async def none_in_accepted_protocol_callbacks(loop, patience):
    """No task is current in the callbacks of a server's protocols."""
    protocol = StreamWatcher(_whose)
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
    try:
        with socket.create_connection(server.sockets[0].getsockname(), patience) as peer:
            peer.sendall(b"x")
            await protocol.until("data_received", patience)
        await protocol.until("connection_lost", patience)
    finally:
        server.close()
        await server.wait_closed()

    assert protocol.seen == [
        ("connection_made", None),
        ("data_received", None),
        ("eof_received", None),
        ("connection_lost", None),
    ]


@check("asyncio-task#asyncio.current_task", needs=("ipv4",), after=OPENS_DATAGRAM_ENDPOINTS)
async def none_in_datagram_callbacks(loop, patience):
    """No task is current in the callbacks of a datagram protocol."""
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: DatagramWatcher(_whose), local_addr=("127.0.0.1", 0)
    )
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"x", transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience)
    finally:
        transport.close()
    await protocol.until("connection_lost", patience)

    assert protocol.seen == [("connection_made", None), ("datagram_received", None), ("connection_lost", None)]


@check("Lib/asyncio/events.py: Handle._run", level="should")
async def none_in_exception_handler_of_callback(loop, patience):
    """No task is current in the exception handler when it is told of a failed callback, though a task scheduled
    that.
    """
    told = loop.create_future()

    def fail():
        raise ValueError

    loop.set_exception_handler(lambda *ignored: told.done() or told.set_result(asyncio.current_task()))
    loop.call_soon(fail)

    assert await soon(told, patience, "the exception handler is told of a failed callback") is None
    assert isinstance(asyncio.current_task(), asyncio.Task)


@check("asyncio-extending#asyncio._leave_task", level="should")
async def none_in_third_party_callback_after_leave(loop, trace, patience):
    """No task is current in the done callbacks of a task that is not asyncio's, once it has left its last step."""

    async def program():
        await asyncio.sleep(0)
        trace("last step", asyncio.current_task())

    foreign = ForeignTask(program(), loop=loop)
    foreign.add_done_callback(lambda task: trace("done callback", asyncio.current_task()))
    await soon(foreign, patience, "a foreign task completes")

    assert trace == [("last step", foreign), ("done callback", None)]


# After a run that ended otherwise.


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
def cleared_after_base_exception_escapes(loop, trace):
    """When KeyboardInterrupt or SystemExit in a task ends the run, no task stays current, and new tasks run as ever."""

    async def escape(error):
        raise error

    for error in (KeyboardInterrupt, SystemExit):
        task = loop.create_task(escape(error))
        with refuses(error, f"run_until_complete() of a task that raises {error.__name__}"):
            loop.run_until_complete(task)
        trace(error, type(task.exception()), asyncio.current_task(loop))
        trace(from_callback(loop, asyncio.current_task))
        later = loop.create_task(_look())
        trace(loop.run_until_complete(later) is later)

    assert trace == [
        (KeyboardInterrupt, KeyboardInterrupt, None),
        None,
        True,
        (SystemExit, SystemExit, None),
        None,
        True,
    ]


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
def none_after_stop_inside_task(loop, trace):
    """After a task stopped its loop no task is current; in the next run the task sees itself again."""

    go_on = loop.create_future()

    async def program():
        loop.stop()
        await go_on
        trace("next run", asyncio.current_task())

    task = loop.create_task(program())
    loop.run_forever()
    trace("stopped", asyncio.current_task(loop))
    go_on.set_result(None)
    loop.run_until_complete(task)

    assert trace == [("stopped", None), ("next run", task)]


# Eager tasks.


@check("Lib/asyncio/tasks.py: __eager_start", python=">=3.12")
async def eager_step_nested_swap(loop, trace):
    """During its eager first step a task is current; where one begins inside another's, each parent is current again
    after.
    """
    made = []

    async def level(depth):
        trace(depth, "begins", asyncio.current_task())
        if depth < 3:
            made.append(loop.create_task(level(depth + 1)))
        trace(depth, "ends", asyncio.current_task())

    main = asyncio.current_task()
    loop.set_task_factory(eager)
    made.append(loop.create_task(level(1)))
    trace("main", asyncio.current_task())

    innermost, middle, outermost = made
    assert trace == [
        (1, "begins", outermost),
        (2, "begins", middle),
        (3, "begins", innermost),
        (3, "ends", innermost),
        (2, "ends", middle),
        (1, "ends", outermost),
        ("main", main),
    ]


@check("Lib/asyncio/tasks.py: __eager_start", python=">=3.12")
async def eager_step_end_restores_parent(loop, trace, patience):
    """When an eager first step suspends, raises or is cancelled, the creating task is current again at once.

    The task that suspended sees itself when it goes on.
    """

    async def fails():
        raise ValueError

    async def is_cancelled():
        raise asyncio.CancelledError

    main = asyncio.current_task()
    loop.set_task_factory(eager)
    suspended = loop.create_task(_look())
    trace("suspends", asyncio.current_task())
    failed = loop.create_task(fails())
    trace("fails", asyncio.current_task())
    cancelled = loop.create_task(is_cancelled())
    trace("is cancelled", asyncio.current_task())
    goes_on_in = await soon(suspended, patience, "an eager task that suspended goes on and completes")

    assert trace == [("suspends", main), ("fails", main), ("is cancelled", main)]
    assert (type(failed.exception()), cancelled.cancelled()) == (ValueError, True)
    assert goes_on_in is suspended


@check("Lib/asyncio/tasks.py: __eager_start", python=">=3.12", level="should")
async def eager_step_from_callback_restores_none(loop, trace, patience):
    """A task that begins eagerly in a plain callback is current in its first step; after that the callback has none
    again.
    """

    async def program():
        trace("first step", asyncio.current_task())
        await asyncio.sleep(0)

    def create():
        task = loop.create_task(program())
        trace("callback", asyncio.current_task())
        return task

    loop.set_task_factory(eager)
    task = await called_back(create)
    await soon(task, patience, "an eager task that suspended completes")

    assert trace == [("first step", task), ("callback", None)]


also_in(
    {
        "debug": (
            is_created_task_object,
            visible_from_other_thread,
            none_in_scheduled_callbacks,
            none_in_fd_callback,
            cleared_after_base_exception_escapes,
        ),
        # The current task belongs to the thread from 3.14 on.
        "other-thread": (
            is_created_task_object,
            requires_running_loop,
            separate_per_thread,
            visible_from_other_thread,
            none_in_scheduled_callbacks,
        ),
        "runner": (is_created_task_object, restored_after_await, none_for_other_loop),
        # A first step that runs at once puts its task in the place of its creator, and that back again.
        "eager-tasks": (
            restored_after_await,
            interleaved_tasks_each_see_themselves,
            correct_during_cancellation,
            none_in_scheduled_callbacks,
            cleared_after_task_exception,
            asyncgen_finalizer_runs_in_task,
        ),
        "first-loop": (is_created_task_object,),
        "second-loop": (is_created_task_object, none_for_loop_that_does_not_run),
    }
)
