"""all_tasks(), the functions that register tasks and make them current, and task classes that are not asyncio's."""

import asyncio
import gc
import threading
import weakref

from loopcheck.check import also_in, check
from loopcheck.kit import (
    ForeignTask,
    SilentForeignTask,
    StubTask,
    forked,
    in_thread,
    pass_turns,
    refuses,
    run_coroutine,
    soon,
    threaded,
    turn,
    turns,
)
from loopcheck.kit.foreign import EagerForeignTask
from loopcheck.kit.tasking import called_back, eager, ending, from_callback, wait_for_ever
from loopcheck.kit.wait import Errand


class _AttributeStub:
    """A stub that has its loop as the attribute ``_loop`` only."""

    def __init__(self, loop):
        self._loop = loop

    def done(self):
        return False


async def _current_and_all():
    return asyncio.current_task(), asyncio.all_tasks()


def _entered(loop, task):
    """What _enter_task() does; a task that it entered is left again."""
    try:
        asyncio._enter_task(loop, task)
    except RuntimeError:
        return "refused"
    asyncio._leave_task(loop, task)
    return "entered"


# What all_tasks() lists.


@check("asyncio-extending#asyncio._register_task")
def created_task_visible_immediately(loop, pending):
    """A task is in all_tasks(loop) as soon as create_task() returns, whether the loop runs or not.

    A loop with a task class of its own calls asyncio._register_task() in its constructor, not at its first step.
    """
    early = pending(loop)
    while_idle = asyncio.all_tasks(loop)
    late, while_running = from_callback(loop, lambda: (pending(loop), asyncio.all_tasks(loop)))

    assert while_idle == {early}
    assert while_running == {early, late}


@check("asyncio-task#asyncio.all_tasks")
async def all_tasks_defaults_to_running_loop(loop, pending):
    """all_tasks() without an argument lists the tasks of the running loop."""
    tasks = {asyncio.current_task(), pending(loop), pending(loop)}

    assert asyncio.all_tasks() == tasks
    assert asyncio.all_tasks(None) == tasks


@check("asyncio-task#asyncio.all_tasks")
def all_tasks_without_running_loop_raises(loop):
    """all_tasks() without an argument raises RuntimeError where no loop runs, before the first run and after each."""
    with refuses(RuntimeError, "all_tasks() before the first run"):
        asyncio.all_tasks()
    main, listed = run_coroutine(loop, _current_and_all())
    with refuses(RuntimeError, "all_tasks() after run_until_complete()"):
        asyncio.all_tasks()
    turn(loop)
    with refuses(RuntimeError, "all_tasks() after run_forever()"):
        asyncio.all_tasks()

    assert listed == {main}


@check("Lib/asyncio/tasks.py: all_tasks", level="should")
async def all_tasks_is_fresh_set(loop, pending):
    """all_tasks() makes a new set at each call: emptying it unregisters nothing."""
    tasks = {asyncio.current_task(), pending(loop)}

    listed = asyncio.all_tasks(loop)
    kind = type(listed)
    listed.clear()

    assert kind is set
    assert asyncio.all_tasks(loop) == tasks


@check("asyncio-task#asyncio.all_tasks")
async def finished_tasks_excluded(loop, trace):
    """A task that returned, failed or was cancelled is no longer listed, already when its done callbacks run."""

    async def returns():
        return None

    async def fails():
        raise ValueError

    async def is_cancelled():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    main = asyncio.current_task()
    for ends in (returns, fails, is_cancelled):
        task = loop.create_task(ends())
        task.add_done_callback(lambda done, ends=ends: trace(ends.__name__, asyncio.all_tasks(loop) - {main}))
        await asyncio.wait([task])
        task.cancelled() or task.exception()  # asked for, or it is logged as never retrieved
    left = asyncio.all_tasks(loop)

    assert trace == [("returns", set()), ("fails", set()), ("is_cancelled", set())]
    assert left == {main}


@check("asyncio-task#asyncio.all_tasks", level="should")
async def cancelling_task_still_listed(loop, trace, patience):
    """A task asked to cancel stays listed until it has ended, also while it awaits in its cleanup.

    asyncio.Runner waits for such tasks at its end.
    """
    cleaned = loop.create_future()

    async def cleans_up():
        try:
            await loop.create_future()
        finally:
            await cleaned

    task = loop.create_task(cleans_up())
    await pass_turns(2)
    task.cancel()
    trace("asked", asyncio.all_tasks(loop))
    await pass_turns(2)
    trace("cleaning up", asyncio.all_tasks(loop))
    cleaned.set_result(None)
    await soon(asyncio.wait([task]), patience, "a task ends after its cleanup")
    trace("over", asyncio.all_tasks(loop))

    main = asyncio.current_task()
    assert trace == [("asked", {main, task}), ("cleaning up", {main, task}), ("over", {main})]


@check("asyncio-task#asyncio.all_tasks")
def current_task_listed(loop):
    """The running task is listed, also the one that run_until_complete() makes for a coroutine."""
    current, listed = run_coroutine(loop, _current_and_all())

    assert listed == {current}


@check("asyncio-task#asyncio.all_tasks")
def separate_per_loop(loop, new_loop, pending):
    """all_tasks(loop) lists the tasks of that loop and never another's."""
    other = new_loop()
    here, there = pending(loop), pending(other)

    assert asyncio.all_tasks(loop) == {here}
    assert asyncio.all_tasks(other) == {there}
    assert from_callback(loop, asyncio.all_tasks) == {here}


@check("Lib/asyncio/runners.py: _cancel_all_tasks", level="should")
def pending_tasks_listed_after_run_ends(loop, pending, trace):
    """Tasks still pending when a run ends stay listed, whether its coroutine returned or the loop was stopped.

    asyncio.Runner finds them there to cancel them.
    """
    tasks = {pending(loop), pending(loop)}
    run_coroutine(loop, asyncio.sleep(0))
    trace("run_until_complete", asyncio.all_tasks(loop))
    turns(loop, 2)
    trace("stop", asyncio.all_tasks(loop))

    assert trace == [("run_until_complete", tasks), ("stop", tasks)]


@check("asyncio-task#asyncio.all_tasks", level="should")
async def plain_futures_not_listed(loop):
    """Futures are not listed: only tasks are."""
    futures = [loop.create_future(), asyncio.Future(loop=loop)]
    listed = asyncio.all_tasks(loop)

    assert listed == {asyncio.current_task()}, f"of the futures {futures}, some are listed"


@check("asyncio-extending#asyncio.Task.__init__")
def private_task_constructor_registers(loop, trace):
    """A task made with asyncio.Task(coroutine, loop=loop) is listed like one from create_task(), until it ends."""
    with ending(loop) as tasks:
        task = asyncio.Task(wait_for_ever(loop), loop=loop)
        tasks.append(task)
        trace("made", asyncio.all_tasks(loop))
        turns(loop, 2)
        trace("suspended", asyncio.all_tasks(loop))

    assert trace == [("made", {task}), ("suspended", {task})]


@check("asyncio-eventloop#asyncio.loop.set_task_factory")
def task_subclass_from_factory_registers(loop, pending, trace):
    """A task of a subclass that a task factory returns is listed like a plain task."""

    class Subclass(asyncio.Task):
        pass

    loop.set_task_factory(lambda loop, coroutine, **options: Subclass(coroutine, loop=loop, **options))
    task = pending(loop)
    trace("made", asyncio.all_tasks(loop))
    turns(loop, 2)
    trace("suspended", asyncio.all_tasks(loop))

    assert type(task) is Subclass
    assert trace == [("made", {task}), ("suspended", {task})]


@check("Lib/asyncio/tasks.py: Task.__init__", python="<3.14", level="may")
async def pure_python_task_registers(loop):
    """A task of asyncio's pure-Python class, asyncio.tasks._PyTask, is listed."""
    task = asyncio.tasks._PyTask(asyncio.sleep(0), loop=loop)
    listed = asyncio.all_tasks(loop)
    await task

    assert listed == {asyncio.current_task(), task}


@check("Lib/asyncio/tasks.py: Task.__init__", python=">=3.14", level="may")
async def pure_python_task_not_visible(loop):
    """A task of asyncio's pure-Python class, asyncio.tasks._PyTask, is not listed: it has a registry of its own.

    So a loop's own tasks are an asyncio.Task, or call asyncio._register_task() and asyncio._enter_task() themselves.
    """
    task = asyncio.tasks._PyTask(asyncio.sleep(0, "its result"), loop=loop)
    listed = asyncio.all_tasks(loop)

    assert await task == "its result"
    assert listed == {asyncio.current_task()}


@check("asyncio-task#asyncio.create_task", level="should")
async def weakly_referenced(loop):
    """A suspended task that nothing refers to is collected and no longer listed: neither registration nor the loop
    keep it.

    That is why the documentation asks to keep a reference to what create_task() returns.
    """
    loop.set_exception_handler(lambda *ignored: None)  # it is reported as destroyed; keeping the report keeps it
    task = weakref.ref(loop.create_task(wait_for_ever(loop)))
    await pass_turns(2)
    gc.collect()

    assert task() is None
    assert asyncio.all_tasks(loop) == {asyncio.current_task()}


# all_tasks() and threads.


@check("Lib/asyncio/tasks.py: all_tasks", level="should")
async def other_thread_sees_tasks_of_running_loop(loop, pending):
    """all_tasks(loop) in another thread lists the pending tasks of a loop that runs elsewhere."""
    tasks = {asyncio.current_task(), pending(loop), pending(loop)}
    await pass_turns(2)

    assert await threaded(asyncio.all_tasks, loop) == tasks


@check("Lib/asyncio/tasks.py: all_tasks", python=">=3.12", level="should")
async def other_thread_sees_suspended_eager_tasks(loop, pending):
    """all_tasks(loop) in another thread lists tasks that began eagerly and are suspended."""
    loop.set_task_factory(eager)
    tasks = {asyncio.current_task(), pending(loop), pending(loop)}

    assert await threaded(asyncio.all_tasks, loop) == tasks


@check("Lib/asyncio/tasks.py: all_tasks", level="should")
async def all_tasks_safe_against_concurrent_creation(loop, patience):
    """all_tasks(loop) can be called over and over in another thread while the loop creates and ends tasks.

    Monitoring threads do that. It takes some 50 ms, so that the two threads do alternate.
    """
    main, enough = asyncio.current_task(), threading.Event()

    def look():
        answers = set()
        while not enough.is_set():
            answers.add(main in asyncio.all_tasks(loop))
        return answers

    looking = Errand(look)
    looking.start()
    try:
        for _ in range(5):
            await asyncio.wait([loop.create_task(asyncio.sleep(0)) for _ in range(50)])
    finally:
        enough.set()
        answers = looking.result(patience)

    assert answers == {True}


@check("Lib/asyncio/tasks.py: all_tasks", level="should")
def create_task_from_other_thread_before_run(loop, patience):
    """A task that a thread, now ended, created on an idle loop is listed, and runs when this thread runs the loop."""

    async def answer():
        return threading.get_ident()

    with ending(loop) as tasks:
        task = in_thread(lambda: loop.create_task(answer()), patience=patience)
        tasks.append(task)
        listed = asyncio.all_tasks(loop)

        assert listed == {task}
        guard = loop.call_later(patience, loop.stop)
        assert loop.run_until_complete(task) == threading.get_ident()
        guard.cancel()


# Eager tasks.


@check("Lib/asyncio/tasks.py: __eager_start", python=">=3.12", level="should")
async def eager_task_listed_during_first_step(loop, trace):
    """A task that begins eagerly is listed during that first step, with its parent; once it has ended it is not."""

    async def ends_at_once():
        trace("in its first step", asyncio.all_tasks(loop))

    main = asyncio.current_task()
    loop.set_task_factory(eager)
    task = loop.create_task(ends_at_once())
    left = asyncio.all_tasks(loop)

    assert trace == [("in its first step", {main, task})]
    assert left == {main}


@check("asyncio-task#asyncio.all_tasks", python=">=3.12")
async def eager_task_listed_after_blocking(loop, trace, patience):
    """A task that began eagerly and is suspended stays listed until it ends."""
    main, ready = asyncio.current_task(), loop.create_future()

    async def waits():
        await ready

    loop.set_task_factory(eager)
    task = loop.create_task(waits())
    trace("suspended", asyncio.all_tasks(loop))
    await pass_turns(2)
    trace("later", asyncio.all_tasks(loop))
    ready.set_result(None)
    await soon(task, patience, "an eager task ends when the future it awaits is done")
    trace("over", asyncio.all_tasks(loop))

    assert trace == [("suspended", {main, task}), ("later", {main, task}), ("over", {main})]


# _register_task() and _unregister_task().


@check("asyncio-extending#asyncio._register_task")
def register_makes_third_party_task_visible(loop, trace):
    """asyncio._register_task(task) lists any task-like object of the loop, in and between runs, until
    _unregister_task(task).

    A loop that tidies the registry, or keeps one for its own tasks only, hides the tasks of other frameworks.
    """
    stub = StubTask(loop)
    asyncio._register_task(stub)
    try:
        trace("registered", asyncio.all_tasks(loop))
        trace("in a run", from_callback(loop, asyncio.all_tasks))
        turn(loop)
        trace("after runs", asyncio.all_tasks(loop))
    finally:
        asyncio._unregister_task(stub)
    trace("unregistered", asyncio.all_tasks(loop))
    trace("in the next run", from_callback(loop, asyncio.all_tasks))

    assert trace == [
        ("registered", {stub}),
        ("in a run", {stub}),
        ("after runs", {stub}),
        ("unregistered", set()),
        ("in the next run", set()),
    ]


@check("Lib/asyncio/tasks.py: all_tasks", level="should")
async def third_party_done_filtered(loop, trace):
    """A registered object that is not an asyncio.Task is listed exactly while its done() is false."""
    main, stub = asyncio.current_task(), StubTask(loop)
    asyncio._register_task(stub)
    try:
        for stub.finished in (False, True, False):
            await pass_turns()
            trace(stub.finished, asyncio.all_tasks(loop))
    finally:
        asyncio._unregister_task(stub)

    assert trace == [(False, {main, stub}), (True, {main}), (False, {main, stub})]


@check("Lib/asyncio/futures.py: _get_loop", level="should")
async def third_party_loop_resolution(loop, new_loop):
    """A registered object belongs to the loop that its get_loop() returns or, for want of one, that its _loop is."""
    other, main = new_loop(), asyncio.current_task()
    by_method, by_attribute = StubTask(loop), _AttributeStub(loop)
    asyncio._register_task(by_method)
    asyncio._register_task(by_attribute)
    try:
        await pass_turns()
        here, there = asyncio.all_tasks(loop), asyncio.all_tasks(other)
    finally:
        asyncio._unregister_task(by_method)
        asyncio._unregister_task(by_attribute)

    assert here == {main, by_method, by_attribute}
    assert there == set()


@check("Lib/asyncio/tasks.py: _register_task", level="should")
async def register_and_unregister_idempotent(loop, trace):
    """Registering twice lists an object once, one _unregister_task() removes it, and a further one does nothing."""
    main, stub = asyncio.current_task(), StubTask(loop)
    asyncio._unregister_task(stub)
    try:
        asyncio._register_task(stub)
        asyncio._register_task(stub)
        await pass_turns()
        trace("registered twice", asyncio.all_tasks(loop))
    finally:
        asyncio._unregister_task(stub)
    trace("unregistered once", asyncio.all_tasks(loop))
    asyncio._unregister_task(stub)
    trace("unregistered twice", asyncio.all_tasks(loop))

    assert trace == [
        ("registered twice", {main, stub}),
        ("unregistered once", {main}),
        ("unregistered twice", {main}),
    ]


@check("Lib/asyncio/tasks.py: _register_task", level="should")
async def third_party_registration_is_weak(loop):
    """_register_task() holds an object weakly: dropped, it is collected and no longer listed."""
    stub = StubTask(loop)
    asyncio._register_task(stub)
    reference, listed_before = weakref.ref(stub), len(asyncio.all_tasks(loop) & {stub})
    await pass_turns()
    del stub
    gc.collect()

    assert listed_before == 1
    assert reference() is None
    assert asyncio.all_tasks(loop) == {asyncio.current_task()}


@check("Lib/asyncio/tasks.py: _unregister_task", level="should")
async def register_functions_work_on_asyncio_tasks(loop, trace, patience):
    """_unregister_task() hides a pending task of the loop, _register_task() shows it again, and it runs on all the
    same.
    """
    main = asyncio.current_task()
    task = loop.create_task(asyncio.sleep(0, "its result"))
    asyncio._register_task(task)
    trace("registered again", asyncio.all_tasks(loop))
    asyncio._unregister_task(task)
    trace("unregistered", asyncio.all_tasks(loop))
    asyncio._register_task(task)
    trace("registered", asyncio.all_tasks(loop))

    assert await soon(task, patience, "a task completes that was unregistered and registered") == "its result"
    assert trace == [("registered again", {main, task}), ("unregistered", {main}), ("registered", {main, task})]


@check("Lib/asyncio/tasks.py: _register_task", level="should")
async def register_from_other_thread(loop, trace):
    """_register_task() in one thread lists the object for all_tasks() and _unregister_task() in another."""
    main, stub = asyncio.current_task(), StubTask(loop)
    try:
        await threaded(asyncio._register_task, stub)
        trace("registered", asyncio.all_tasks(loop))
    finally:
        asyncio._unregister_task(stub)
    trace("unregistered", asyncio.all_tasks(loop))

    assert trace == [("registered", {main, stub}), ("unregistered", {main})]


@check("Lib/asyncio/tasks.py: _register_eager_task", python=">=3.12", level="should")
async def register_eager_task(loop, trace):
    """asyncio.tasks._register_eager_task(task) lists an object until _unregister_eager_task(task), which may be
    repeated.
    """
    main, stub = asyncio.current_task(), StubTask(loop)
    asyncio.tasks._register_eager_task(stub)
    try:
        await pass_turns()
        trace("registered", asyncio.all_tasks(loop))
    finally:
        asyncio.tasks._unregister_eager_task(stub)
    trace("unregistered", asyncio.all_tasks(loop))
    asyncio.tasks._unregister_eager_task(stub)
    trace("unregistered twice", asyncio.all_tasks(loop))

    assert trace == [("registered", {main, stub}), ("unregistered", {main}), ("unregistered twice", {main})]


@check("Lib/asyncio/tasks.py: _register_eager_task", python=">=3.12", level="may")
async def register_eager_task_is_strong(loop):
    """asyncio.tasks._register_eager_task(task) keeps an object alive until it is unregistered, unlike _register_task().

    So an eager task class that is not asyncio's must always unregister its tasks.
    """
    main, stub = asyncio.current_task(), StubTask(loop)
    asyncio.tasks._register_eager_task(stub)
    reference = weakref.ref(stub)
    del stub
    gc.collect()
    listed, survivor = asyncio.all_tasks(loop), reference()
    asyncio.tasks._unregister_eager_task(survivor)

    assert survivor is not None
    assert listed == {main, survivor}


# _enter_task(), _leave_task() and _swap_current_task().


@check("asyncio-extending#asyncio._enter_task")
async def enter_and_leave_set_current_task(loop, trace):
    """In a plain callback of a running loop, asyncio._enter_task(loop, task) makes any task-like object current,
    until _leave_task().
    """
    stub = StubTask(loop)

    def enter_and_leave():
        trace("before", asyncio.current_task())
        asyncio._enter_task(loop, stub)
        try:
            trace("entered", asyncio.current_task(), asyncio.current_task(loop))
        finally:
            asyncio._leave_task(loop, stub)
        trace("left", asyncio.current_task())

    await called_back(enter_and_leave)

    assert trace == [("before", None), ("entered", stub, stub), ("left", None)]


@check("Lib/asyncio/tasks.py: _enter_task", level="should")
async def enter_while_other_task_current_raises(loop):
    """_enter_task() inside a task raises RuntimeError, for another task and for the same, and the task stays
    current.
    """
    main = asyncio.current_task()
    entered = [_entered(loop, StubTask(loop)), _entered(loop, main)]

    assert entered == ["refused", "refused"], "_enter_task() inside a task, with another task and with the same"
    assert asyncio.current_task() is main


@check("Lib/asyncio/tasks.py: _leave_task", level="should")
async def leave_wrong_task_raises(loop):
    """_leave_task() with a task that is not current raises RuntimeError, in a task and in a callback, and changes
    nothing.
    """
    main, stub = asyncio.current_task(), StubTask(loop)

    def leave_wrong_task():
        with refuses(RuntimeError, "_leave_task() with a task that is not current"):
            asyncio._leave_task(loop, stub)
        return asyncio.current_task()

    in_task, in_callback = leave_wrong_task(), await called_back(leave_wrong_task)

    assert (in_task, in_callback) == (main, None)
    assert isinstance(main, asyncio.Task)


@check("Modules/_asynciomodule.c", python=">=3.14", level="should")
def enter_requires_running_loop(loop, new_loop):
    """_enter_task(), _leave_task() and _swap_current_task() raise RuntimeError for a loop that this thread is not
    running.

    From 3.14 the current task belongs to the thread. A loop must have called asyncio._set_running_loop(self) in the
    thread before it runs any task, and must undo that after the run.
    """

    def attempt(idle):
        with refuses(RuntimeError, "_leave_task() for an idle loop"):
            asyncio._leave_task(idle, StubTask(idle))
        with refuses(RuntimeError, "_swap_current_task() for an idle loop"):
            asyncio.tasks._swap_current_task(idle, None)
        return _entered(idle, StubTask(idle)), asyncio.current_task(idle)

    fresh = attempt(loop)
    in_other_run = from_callback(loop, attempt, new_loop())
    after_run = attempt(loop)

    assert [fresh, in_other_run, after_run] == [("refused", None)] * 3


@check("Lib/asyncio/tasks.py: _enter_task", python="<3.14", level="may")
def enter_allowed_for_idle_loop(loop, trace):
    """_enter_task() and _leave_task() work for a loop that is not running, before the first run and after."""
    stub = StubTask(loop)
    for moment in ("fresh", "after a run"):
        asyncio._enter_task(loop, stub)
        trace(moment, asyncio.current_task(loop))
        asyncio._leave_task(loop, stub)
        trace(moment, asyncio.current_task(loop))
        turn(loop)

    assert trace == [("fresh", stub), ("fresh", None), ("after a run", stub), ("after a run", None)]


@check("Lib/asyncio/tasks.py: _swap_current_task", python=">=3.12", level="should")
async def swap_current_task(loop, trace):
    """asyncio.tasks._swap_current_task(loop, task) replaces the current task, whatever it is, and returns the one
    before.

    Eager tasks begin and end their first step with it.
    """
    main, stub = asyncio.current_task(), StubTask(loop)

    def swap_and_swap_back():
        before = asyncio.tasks._swap_current_task(loop, stub)
        during = asyncio.current_task()
        trace(before, during, asyncio.tasks._swap_current_task(loop, before), asyncio.current_task())

    swap_and_swap_back()
    await called_back(swap_and_swap_back)

    assert trace == [(main, stub, stub, main), (None, stub, stub, None)]
    assert isinstance(main, asyncio.Task)


@check("Lib/asyncio/tasks.py: _swap_current_task", python=">=3.13", level="may")
async def swap_clear_when_none_current(loop):
    """asyncio.tasks._swap_current_task(loop, None) in a plain callback, where no task is current, returns None."""
    swapped = await called_back(lambda: [asyncio.tasks._swap_current_task(loop, None), asyncio.current_task()])

    assert swapped == [None, None]


# Task classes that are not asyncio's.


@check("asyncio-extending#task-lifetime-support")
async def third_party_task_runs_on_loop(loop, trace, patience):
    """A task class that is not asyncio's runs its coroutine on the loop: listed while pending, current in each of its
    steps, awaitable.

    It drives the coroutine with call_soon(step, context=...) and registers, enters and leaves as documented. It takes
    turns with asyncio's own tasks.
    """

    async def program(name):
        for number in range(2):
            task = asyncio.current_task()
            trace(name, number, task, task in asyncio.all_tasks(loop))
            await asyncio.sleep(0)
        return name

    main = asyncio.current_task()
    foreign = ForeignTask(program("foreign"), loop=loop)
    own = loop.create_task(program("own"))
    listed = asyncio.all_tasks(loop)
    results = await soon(foreign, patience, "a foreign task completes"), await soon(own, patience, "a task completes")

    assert listed == {main, foreign, own}
    assert results == ("foreign", "own")
    assert trace == [
        ("foreign", 0, foreign, True),
        ("own", 0, own, True),
        ("foreign", 1, foreign, True),
        ("own", 1, own, True),
    ]
    assert asyncio.all_tasks(loop) == {main}


@check("asyncio-extending#task-lifetime-support", python=">=3.12", level="should")
async def third_party_eager_task_runs_on_loop(loop, trace, patience):
    """An eager task class that is not asyncio's begins in its constructor, as current task, and goes on like any
    task.
    """

    async def program():
        trace("begins", asyncio.current_task(), len(asyncio.all_tasks(loop)))
        await asyncio.sleep(0)
        trace("goes on", asyncio.current_task(), len(asyncio.all_tasks(loop)))
        return "its result"

    main = asyncio.current_task()
    foreign = EagerForeignTask(program(), loop=loop)
    trace("suspended", asyncio.current_task(), len(asyncio.all_tasks(loop)))
    result = await soon(foreign, patience, "an eager foreign task completes")

    assert trace == [("begins", foreign, 2), ("suspended", main, 2), ("goes on", foreign, 2)]
    assert result == "its result"


@check("Lib/asyncio/timeouts.py", level="should")
async def third_party_task_in_timeout_and_task_group(loop, trace, patience):
    """asyncio.timeout() and TaskGroup work in a coroutine that a task class other than asyncio's drives."""

    async def fail():
        raise ValueError

    async def program():
        try:
            async with asyncio.timeout(0):
                await loop.create_future()
        except TimeoutError:
            trace("timed out")
        async with asyncio.TaskGroup() as group:
            children = [group.create_task(asyncio.sleep(0, number)) for number in range(2)]
        trace("group", [child.result() for child in children])
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await loop.create_future()
        except ExceptionGroup as failures:
            trace("failed group", [type(error) for error in failures.exceptions])

    await soon(ForeignTask(program(), loop=loop), patience, "timeout() and TaskGroup end in a foreign task")

    assert trace == ["timed out", ("group", [0, 1]), ("failed group", [ValueError])]


@check("asyncio-eventloop#asyncio.loop.set_task_factory", level="should")
def third_party_task_factory(loop):
    """A task factory may return tasks that are not asyncio's, for run_until_complete() and asyncio.create_task()
    too.
    """

    async def child():
        return asyncio.current_task()

    async def main():
        task = asyncio.create_task(child())
        return task, await task, asyncio.current_task()

    loop.set_task_factory(lambda loop, coroutine, **options: ForeignTask(coroutine, loop=loop))
    created, current_in_child, current_in_main = run_coroutine(loop, main())

    assert [type(task) for task in (created, current_in_main)] == [ForeignTask, ForeignTask]
    assert current_in_child is created


@check("Lib/asyncio/runners.py: _cancel_all_tasks", level="should")
def runner_cancels_third_party_tasks(loop_factory, trace):
    """asyncio.Runner, when it closes, cancels pending tasks that are not asyncio's, and waits for them."""

    async def sleeper():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            trace("cleaned up")

    async def main():
        task = ForeignTask(sleeper(), loop=asyncio.get_running_loop())
        await asyncio.sleep(0)
        return task

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        task = runner.run(main())
        trace("main returned")
    trace("closed", task.cancelled())

    assert trace == ["main returned", "cleaned up", ("closed", True)]


@check("asyncio-extending#asyncio._register_task", level="should")
async def unregistered_third_party_task_invisible(loop, patience):
    """A task that is not asyncio's and does not register itself is not listed, though it runs: the loop adds none on
    its own.
    """
    main = asyncio.current_task()

    async def program():
        await asyncio.sleep(0)
        return asyncio.all_tasks(loop), asyncio.current_task()

    task = SilentForeignTask(program(), loop=loop)
    listed = asyncio.all_tasks(loop)
    listed_inside, current_inside = await soon(task, patience, "a foreign task completes")

    assert (listed, listed_inside) == ({main}, {main})
    assert current_inside is None


@check("Lib/asyncio/tasks.py: gather", level="should")
async def loop_tasks_expose_gather_internals(loop, patience):
    """gather() ends when tasks and futures of the loop are cancelled: they have its _cancel_message and
    _make_cancelled_error().

    Without these, gathering a cancelled child hangs, and with it the end of asyncio.run().
    """
    task, future = loop.create_task(wait_for_ever(loop)), loop.create_future()
    gathered = asyncio.gather(task, future, return_exceptions=True)
    task.cancel("task's message")
    future.cancel("future's message")
    kinds = [type(result) for result in await soon(gathered, patience, "gather() ends once its children are cancelled")]

    assert kinds == [asyncio.CancelledError, asyncio.CancelledError]
    assert future._cancel_message == "future's message"
    assert [type(child._make_cancelled_error()) for child in (task, future)] == kinds


@check("asyncio-graph#asyncio.capture_call_graph", python=">=3.14", level="may")
async def call_graph_of_running_task(loop, patience):
    """asyncio.capture_call_graph() in a task gives a graph of that task, awaited by the task that awaits it."""

    async def inner():
        await asyncio.sleep(0)
        return asyncio.capture_call_graph()

    async def outer():
        task = loop.create_task(inner())
        return task, await task

    waiting = loop.create_task(outer())
    task, graph = await soon(waiting, patience, "a task completes that awaits another")

    assert graph.future is task
    assert [parent.future for parent in graph.awaited_by] == [waiting]


@check("Modules/_asynciomodule.c", python=">=3.14", needs=("fork",), level="may")
async def fork_child_has_no_current_task(loop, patience):
    """In a child process forked inside a task there is no current task, also when the child sets the running loop
    again.
    """

    def look():
        asyncio._set_running_loop(loop)
        return asyncio.current_task() is None

    assert isinstance(asyncio.current_task(), asyncio.Task)
    assert forked(look, patience)


also_in(
    {
        # Tasks remember where they were made, and what remembers must not keep them.
        "debug": (
            weakly_referenced,
            other_thread_sees_tasks_of_running_loop,
            create_task_from_other_thread_before_run,
            third_party_task_runs_on_loop,
        ),
        # From 3.14 on tasks are listed by the thread that made them.
        "other-thread": (
            created_task_visible_immediately,
            pending_tasks_listed_after_run_ends,
            other_thread_sees_tasks_of_running_loop,
            register_from_other_thread,
        ),
        "runner": (all_tasks_defaults_to_running_loop, weakly_referenced),
        # They are registered after their first step, if they outlive it.
        "eager-tasks": (
            created_task_visible_immediately,
            finished_tasks_excluded,
            cancelling_task_still_listed,
            pending_tasks_listed_after_run_ends,
            weakly_referenced,
            runner_cancels_third_party_tasks,
        ),
        "first-loop": (current_task_listed,),
        "second-loop": (created_task_visible_immediately, separate_per_loop, pending_tasks_listed_after_run_ends),
    }
)
