"""create_task(), task factories, cancellation, and asyncio's high-level functions as they use the loop."""

import asyncio
import collections
import collections.abc
import gc
import io
import re
import types
import weakref

from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon, turn, turns
from loopcheck.kit.contexts import context_with
from loopcheck.kit.spawning import forward, report_to
from loopcheck.kit.tasking import from_callback, wait_for_ever

# How much too early a time-out may come, in seconds: how exact timers are, the area scheduling says.
EARLY = 0.004


class Failure(Exception):
    """What fails here."""


async def answer(value="the result"):
    """Return the value, without suspension."""
    return value


async def fail(error):
    """Raise the error, without suspension."""
    raise error


async def ended(patience, *tasks):
    """Wait until tasks have ended, however."""
    await soon(asyncio.wait(tasks), patience, f"{len(tasks)} task(s) end")


class Gate:
    """What tasks wait at; each must be let through by its name."""

    def __init__(self, loop, trace):
        self._trace = trace
        self._futures = collections.defaultdict(loop.create_future)

    async def pass_(self, name):
        """Wait to be let through; traces coming, going and being cancelled; returns the name."""
        self._trace(name, "comes")
        try:
            await self._futures[name]
        except asyncio.CancelledError:
            self._trace(name, "is cancelled")
            raise
        self._trace(name, "goes")
        return name

    def open(self, *names):
        """Let these through, now or when they come."""
        for name in names:
            if not self._futures[name].done():
                self._futures[name].set_result(None)


# create_task()


@check("asyncio-eventloop#asyncio.loop.create_task")
async def create_task_returns_asyncio_task(loop, spawn, patience):
    """create_task() returns an asyncio.Task that belongs to the loop."""
    task = spawn(answer())
    is_task, owner = isinstance(task, asyncio.Task), task.get_loop()
    await ended(patience, task)

    assert is_task, f"create_task() returned {task!r}, whose class does not derive from asyncio.Task"
    assert owner is loop


@check("asyncio-eventloop#asyncio.loop.create_task")
async def create_task_not_synchronous(spawn, trace):
    """create_task() returns without having started the coroutine, which the next iteration of the loop starts."""

    async def program():
        trace("first step")

    spawn(program())
    trace("create_task() returned")
    await pass_turns()

    assert trace == ["create_task() returned", "first step"]


@check("Lib/asyncio/tasks.py: Task.__init__", level="should")
async def create_task_fifo_start(loop, spawn, trace):
    """Tasks start in the order of their creation, in one queue with call_soon() callbacks."""

    async def program(number):
        trace(number)

    for number in range(50):
        spawn(program(number))
    loop.call_soon(trace, "callback")
    spawn(program(50))
    await pass_turns()

    assert trace == [*range(50), "callback", 50]


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_task", level="should")
def create_task_before_run(loop, spawn, trace):
    """A task made while the loop does not run starts with the next run."""

    async def program():
        trace("first step")
        return "the result"

    task = spawn(program())
    trace("create_task() returned")

    assert loop.run_until_complete(task) == "the result"
    assert trace == ["create_task() returned", "first step"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_task", level="should")
def create_task_from_callback(loop, spawn):
    """create_task() works in a plain callback, where no task is current."""
    task = from_callback(loop, spawn, answer())
    turn(loop)

    assert task.done() and task.result() == "the result"


@check("asyncio-eventloop#asyncio.loop.create_task")
async def create_task_name(spawn, patience):
    """A task has the name given to create_task(), also inside its coroutine."""

    async def program():
        return asyncio.current_task().get_name()

    task = spawn(program(), name="a telling name")
    names = [task.get_name(), await soon(task, patience, "a task ends")]

    assert names == ["a telling name", "a telling name"], "get_name() outside and inside"


@check("asyncio-task#asyncio.Task.set_name")
async def task_name_is_converted_to_string(spawn, patience):
    """A name that is not a string, given to create_task() or set_name(), is converted with str()."""
    task = spawn(answer(), name=123)
    at_creation = task.get_name()
    task.set_name(("a", 1))
    changed = task.get_name()
    await ended(patience, task)

    assert (at_creation, changed) == ("123", "('a', 1)")


@check("asyncio-task#asyncio.create_task")
async def functions_pass_the_name_on(patience):
    """A name given to asyncio.create_task() or TaskGroup.create_task() is the task's name."""
    alone = asyncio.create_task(answer(), name="alone")
    async with asyncio.TaskGroup() as group:
        child = group.create_task(answer(), name="child")
    await ended(patience, alone)

    assert (alone.get_name(), child.get_name()) == ("alone", "child")


@check("asyncio-task#asyncio.Task.get_name", level="should")
async def create_task_default_name(spawn, patience):
    """Without a name, or with None, each task gets a name of its own of the form Task-1."""
    tasks = spawn(answer()), spawn(answer(), name=None), spawn(answer())
    names = [task.get_name() for task in tasks]
    await ended(patience, *tasks)

    assert [name for name in names if not re.fullmatch(r"Task-\d+", name)] == []
    assert len(set(names)) == 3, f"the names are {names}"


@check("Lib/asyncio/tasks.py: Task.__init__", level="should")
def create_task_rejects_non_coroutine(loop, spawn):
    """create_task() raises TypeError for what is not a coroutine, be it awaitable or callable."""
    with refuses(TypeError, "create_task() with an async function that was not called"):
        spawn(answer)
    future = loop.create_future()
    with refuses(TypeError, "create_task() with a future"):
        spawn(future)
    future.cancel()
    with refuses(TypeError, "create_task() with a function"):
        spawn(lambda: None)
    with refuses(TypeError, "create_task() with None"):
        spawn(None)

    assert run_coroutine(loop, answer()) == "the result"


@check("asyncio-eventloop#asyncio.loop.create_task", level="should")
def create_task_signature(loop):
    """create_task() takes its options by keyword only: a second positional argument raises TypeError."""
    coroutine = answer()
    try:
        with refuses(TypeError, "create_task(coroutine, 'name')"):
            loop.create_task(coroutine, "name")
    finally:
        coroutine.close()

    assert run_coroutine(loop, answer()) == "the result"


@check("asyncio-eventloop#asyncio.loop.create_task", level="should")
def create_task_rejects_unknown_keyword(loop, spawn):
    """Without a task factory, create_task() raises TypeError for a keyword argument that it does not know."""
    with refuses(TypeError, "create_task(coroutine, nonsense=1)"):
        spawn(answer(), nonsense=1)

    assert run_coroutine(loop, answer()) == "the result"


class Steps(collections.abc.Coroutine):
    """A coroutine by protocol alone: suspends so many times and returns how often it did."""

    def __init__(self, number):
        self.left = self.number = number

    def send(self, value):
        if not self.left:
            raise StopIteration(self.number)
        self.left -= 1

    def throw(self, *error):
        raise error[0]

    def close(self):
        self.left = 0

    def __await__(self):
        raise AssertionError("a coroutine is driven with send(), not awaited")


@check("Lib/asyncio/coroutines.py: iscoroutine", level="should")
async def create_task_accepts_coroutine_protocol_objects(spawn, patience):
    """create_task() takes any object of a collections.abc.Coroutine class, and drives it with send().

    Coroutines compiled by Cython are such objects.
    """
    task = spawn(Steps(2))

    assert await soon(task, patience, "a task of a hand-written coroutine ends") == 2


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgen_finalizer_hook", level="should")
async def create_task_accepts_async_generator_awaitables(spawn, trace, patience):
    """create_task() takes what the methods of an asynchronous generator return."""

    async def generator():
        try:
            await asyncio.sleep(0)
            yield "an item"
        finally:
            await asyncio.sleep(0)
            trace("closed")

    items = generator()
    item = await soon(spawn(items.__anext__()), patience, "a task of __anext__() ends")
    await soon(spawn(items.aclose()), patience, "a task of aclose() ends")

    assert (item, trace) == ("an item", ["closed"])


@check("gh-157301", python=">=3.15", level="may")
async def invalid_context_rejected(loop, spawn):
    """create_task() raises TypeError at once for a context that is not a contextvars.Context."""
    with refuses(TypeError, "create_task(coroutine, context='no context')"):
        spawn(answer(), context="no context")

    assert await asyncio.wait_for(spawn(answer()), None) == "the result"


@check("asyncio-eventloop#asyncio.loop.create_task", python=">=3.14")
async def create_task_eager_start(loop, spawn, trace, patience):
    """With eager_start=True, create_task() runs the coroutine up to its first suspension, to its end if it has none.

    A name may be given along with it.
    """
    gate = Gate(loop, trace)
    complete = spawn(answer(), eager_start=True, name="complete")
    trace("complete", complete.done() and complete.result(), complete.get_name())
    suspended = spawn(gate.pass_("suspended"), eager_start=True)
    trace("create_task() returned", suspended.done())
    gate.open("suspended")
    await ended(patience, suspended)

    assert trace == [
        ("complete", "the result", "complete"),
        ("suspended", "comes"),
        ("create_task() returned", False),
        ("suspended", "goes"),
    ]


@check("asyncio-eventloop#asyncio.loop.create_task", python=">=3.14")
async def create_task_eager_start_false(loop, spawn, trace):
    """With eager_start=False, create_task() starts nothing itself though the eager task factory is set."""

    async def program():
        trace("first step")

    loop.set_task_factory(asyncio.eager_task_factory)
    spawn(program(), eager_start=False)
    trace("create_task() returned")
    await pass_turns()

    assert trace == ["create_task() returned", "first step"]


# The constructor


@check("asyncio-extending#asyncio.Task.__init__")
def private_task_constructor(loop, var):
    """asyncio.Task(coroutine, loop=loop, ...) makes a task on the loop like create_task(), with name and context.

    Task classes of frameworks, which derive from asyncio.Task, are made like that.
    """

    async def program():
        await asyncio.sleep(0)
        return var.get()

    task = asyncio.Task(program(), loop=loop, name="a telling name", context=context_with(var, "given context"))
    result = loop.run_until_complete(task)

    assert (task.get_name(), task.get_loop() is loop, result) == ("a telling name", True, "given context")


@check("asyncio-extending#asyncio.Task.__init__")
async def task_constructor_binds_to_running_loop(loop, patience):
    """asyncio.Task(coroutine) without a loop belongs to the loop that runs, and ends there."""
    task = asyncio.Task(answer())

    assert task.get_loop() is loop
    assert await soon(task, patience, "a task ends") == "the result"


@check("asyncio-task#asyncio.Task", python=">=3.12")
async def constructor_eager_start(loop, trace, patience):
    """asyncio.Task(coroutine, loop=loop, eager_start=True) on the running loop takes the first step at once.

    asyncio asks the loop's is_running() whether it may. aiohttp starts the tasks of its connections like this.
    """
    gate = Gate(loop, trace)
    complete = asyncio.Task(answer(), loop=loop, eager_start=True)
    trace("complete", complete.done() and complete.result())
    suspended = asyncio.Task(gate.pass_("suspended"), loop=loop, eager_start=True)
    trace("made", suspended.done())
    await pass_turns()
    gate.open("suspended")
    await ended(patience, complete, suspended)

    assert trace == [("complete", "the result"), ("suspended", "comes"), ("made", False), ("suspended", "goes")]


@check("asyncio-task#asyncio.Task", python=">=3.12", level="should")
def eager_start_ignored_when_loop_not_running(loop, trace):
    """asyncio.Task(coroutine, loop=loop, eager_start=True) for a loop that does not run starts with its next run."""

    async def program():
        trace("first step")

    task = asyncio.Task(program(), loop=loop, eager_start=True)
    trace("made")
    loop.run_until_complete(task)

    assert trace == ["made", "first step"]


# Task factories


class Kind(asyncio.Task):
    """A task class of a program's own."""


class Recorder:
    """A task factory that keeps what it is called with, and makes tasks that suit it."""

    def __init__(self):
        self.calls = []

    def __call__(self, *arguments, **options):
        self.calls.append((arguments, options))
        loop, coroutine = arguments[:2]
        known = {name: options[name] for name in ("name", "context") if name in options}
        return asyncio.Task(coroutine, loop=loop, **known)


@check("asyncio-eventloop#asyncio.loop.get_task_factory")
def get_task_factory_returns_what_was_set(loop):
    """get_task_factory() returns what set_task_factory() was given, and None before that and after resetting."""
    factories = [loop.get_task_factory()]
    for factory in (forward, None):
        loop.set_task_factory(factory)
        factories.append(loop.get_task_factory())

    assert factories == [None, forward, None]


@check("asyncio-eventloop#asyncio.loop.set_task_factory")
async def task_factory_get_set_reset(loop, spawn, patience):
    """A task factory makes the loop's tasks until set_task_factory(None) brings the loop's own back."""
    before = spawn(answer())
    loop.set_task_factory(lambda loop, coroutine, **options: Kind(coroutine, loop=loop, **options))
    during = spawn(answer())
    loop.set_task_factory(None)
    after = spawn(answer())
    await ended(patience, before, during, after)

    assert [type(task) is Kind for task in (before, during, after)] == [False, True, False]
    assert type(after) is type(before)


@check("Lib/asyncio/base_events.py: BaseEventLoop.set_task_factory", level="should")
def task_factory_type_check(loop):
    """set_task_factory() raises TypeError for what is neither callable nor None, and keeps the factory it had."""
    loop.set_task_factory(forward)
    for value in (1, "forward"):
        with refuses(TypeError, f"set_task_factory({value!r})"):
            loop.set_task_factory(value)

    assert loop.get_task_factory() is forward


@check("asyncio-eventloop#asyncio.loop.set_task_factory")
async def task_factory_called_with_loop_and_coro(loop, spawn, patience):
    """A task factory is called with two positional arguments: the loop itself and the very coroutine object."""
    coroutine, factory = answer(), Recorder()
    loop.set_task_factory(factory)
    task = spawn(coroutine)
    loop.set_task_factory(None)
    await ended(patience, task)

    assert [arguments for arguments, _ in factory.calls] == [(loop, coroutine)]


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_task", level="should")
async def task_factory_gets_no_unrequested_keywords(loop, spawn, patience):
    """A task factory is called without keyword arguments when create_task() was given none.

    Factories written for (loop, coroutine) break otherwise, and eager_start=None switches asyncio.eager_task_factory
    off.
    """
    factory = Recorder()
    loop.set_task_factory(factory)
    task = spawn(answer())
    loop.set_task_factory(None)
    await ended(patience, task)

    assert [options for _, options in factory.calls] == [{}]


@check("asyncio-eventloop#asyncio.loop.set_task_factory")
async def task_factory_result_is_returned(loop, spawn, patience):
    """create_task() returns the very object that the task factory returned."""
    made = []

    def factory(loop, coroutine, **options):
        made.append(Kind(coroutine, loop=loop, **options))
        return made[0]

    loop.set_task_factory(factory)
    task = spawn(answer())
    loop.set_task_factory(None)
    await ended(patience, *made)

    assert task is made[0]


@check("asyncio-eventloop#asyncio.loop.set_task_factory")
def task_factory_error_propagates(loop, trace):
    """An exception that the task factory raises comes out of create_task()."""
    error, coroutine = Failure(), answer()

    def factory(loop, coroutine, **options):
        raise error

    loop.set_task_factory(factory)
    try:
        loop.create_task(coroutine)
    except Failure as raised:
        trace(raised is error)
    finally:
        coroutine.close()

    assert trace == [True], "create_task() must raise the exception object that the factory raised"


@check("Lib/asyncio/tasks.py: ensure_future", level="should")
async def task_factory_applies_everywhere(loop, patience):
    """asyncio's functions make each task for a coroutine with the loop's task factory."""
    names = "create_task", "ensure_future", "gather", "shield", "as_completed", "TaskGroup"
    coroutines = {name: answer() for name in names}
    factory = Recorder()
    loop.set_task_factory(factory)
    try:
        tasks = [
            asyncio.create_task(coroutines["create_task"]),
            asyncio.ensure_future(coroutines["ensure_future"]),
            asyncio.gather(coroutines["gather"]),
            asyncio.shield(coroutines["shield"]),
        ]
        for result in asyncio.as_completed([coroutines["as_completed"]]):
            await result
        async with asyncio.TaskGroup() as group:
            group.create_task(coroutines["TaskGroup"])
    finally:
        loop.set_task_factory(None)
    await ended(patience, *tasks)

    given = [arguments[1] for arguments, _ in factory.calls]
    assert {name: coroutine in given for name, coroutine in coroutines.items()} == dict.fromkeys(names, True)


@check("asyncio-eventloop#asyncio.loop.create_task")
async def task_factory_name_is_applied(loop, spawn, patience):
    """A task of a task factory has the name given to create_task().

    Until Python 3.13 the loop sets the name afterwards; from 3.14 the factory gets it.
    """
    loop.set_task_factory(forward)
    task = spawn(answer(), name="a telling name")
    name = task.get_name()
    await ended(patience, task)

    assert name == "a telling name"


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_task", python="!=3.13.*", level="should")
async def task_factory_default_name_kept(loop, spawn, patience):
    """A task of a task factory keeps its generated name when none is given.

    Python 3.13.0 calls such tasks 'None'.
    """
    loop.set_task_factory(forward)
    tasks = spawn(answer()), asyncio.create_task(answer())
    names = [task.get_name() for task in tasks]
    await ended(patience, *tasks)

    assert [name for name in names if not re.fullmatch(r"Task-\d+", name)] == []


@check("asyncio-eventloop#asyncio.loop.set_task_factory", python="<3.14,!=3.13.3")
async def task_factory_legacy_signature(loop, spawn, patience):
    """A task factory that takes the loop and the coroutine alone works also when a name is given to create_task()."""
    loop.set_task_factory(lambda loop, coroutine: asyncio.Task(coroutine, loop=loop))
    task = spawn(answer(), name="a telling name")

    assert await soon(task, patience, "a task ends") == "the result"


@check("asyncio-eventloop#asyncio.loop.set_task_factory")
async def task_factory_context_keyword(loop, spawn, var, patience):
    """A task factory gets the context given to create_task(), as a keyword argument."""
    context, factory = context_with(var, "given context"), Recorder()
    loop.set_task_factory(factory)
    task = spawn(answer(), context=context)
    loop.set_task_factory(None)
    await ended(patience, task)

    assert [options.get("context") for _, options in factory.calls] == [context]


@check("asyncio-eventloop#asyncio.loop.create_task", python=">=3.14")
async def task_factory_receives_all_keywords(loop, spawn, var, patience):
    """A task factory gets the name, context and eager_start given to create_task(), unchanged, as keyword arguments."""
    factory = Recorder()
    given = {"name": 7, "context": context_with(var, "given context"), "eager_start": False}
    loop.set_task_factory(factory)
    task = spawn(answer(), **given)
    loop.set_task_factory(None)
    await ended(patience, task)

    assert [options for _, options in factory.calls] == [given]


@check("asyncio-eventloop#asyncio.loop.create_task", python=">=3.14")
async def task_factory_receives_unknown_keywords(loop, spawn, patience):
    """A task factory gets keyword arguments of create_task() that asyncio does not know: they may mean something to
    it.
    """
    factory = Recorder()
    loop.set_task_factory(factory)
    task = spawn(answer(), unknown=[1])
    loop.set_task_factory(None)
    await ended(patience, task)

    assert [options.get("unknown") for _, options in factory.calls] == [[1]]


@check("asyncio-eventloop#asyncio.loop.create_task", python=">=3.14", level="should")
async def task_factory_receives_none(loop, spawn, patience):
    """A task factory gets keyword arguments that are None, too, if they were given to create_task()."""
    factory = Recorder()
    given = {"name": None, "context": None}
    loop.set_task_factory(factory)
    task = spawn(answer(), **given)
    loop.set_task_factory(None)
    await ended(patience, task)

    options = factory.calls[0][1]
    assert {name: options.get(name, "missing") for name in given} == given


@check("asyncio-task#asyncio.create_task", python=">=3.14")
async def task_factory_receives_keywords_of_functions(loop, var, patience):
    """A task factory gets the keyword arguments given to asyncio.create_task() and TaskGroup.create_task()."""
    factory = Recorder()
    given = {"name": "a telling name", "context": context_with(var, "given context"), "eager_start": False}
    loop.set_task_factory(factory)
    try:
        alone = asyncio.create_task(answer(), **given)
        async with asyncio.TaskGroup() as group:
            group.create_task(answer(), **given)
    finally:
        loop.set_task_factory(None)
    await ended(patience, alone)

    assert [options for _, options in factory.calls] == [given, given]


class Wrapper:
    """A task for those who do not look at its class: hands everything to a real one."""

    def __init__(self, task):
        self.task = task

    def __await__(self):
        return self.task.__await__()

    def __getattr__(self, name):
        return getattr(self.task, name)


@check("asyncio-eventloop#asyncio.loop.set_task_factory", level="should")
async def task_factory_non_task_result_accepted(loop, patience):
    """create_task() returns what the task factory returned also when its class is not a task class."""
    loop.set_task_factory(lambda loop, coroutine, **options: Wrapper(asyncio.Task(coroutine, loop=loop, **options)))
    task = loop.create_task(answer())
    loop.set_task_factory(None)
    result = await soon(task, patience, "a wrapped task ends")
    await pass_turns()

    assert type(task) is Wrapper
    assert result == "the result"


# What a task tells of itself


@check("asyncio-task#asyncio.Task.get_coro")
async def get_coro_returns_wrapped_coroutine(spawn, patience):
    """get_coro() is the very coroutine object given to create_task(), before and after the task ran.

    anyio asks inspect.getcoroutinestate() about it.
    """
    coroutine = answer()
    task = spawn(coroutine)
    before = task.get_coro()
    await ended(patience, task)

    assert before is coroutine
    assert task.get_coro() is coroutine


@check("asyncio-task#asyncio.Task.result")
async def pending_task_has_no_outcome(loop, spawn):
    """result() and exception() of a task that has not ended raise InvalidStateError, whether it has begun or not."""
    task = spawn(wait_for_ever(loop))
    for state in ("not begun", "suspended"):
        with refuses(asyncio.InvalidStateError, f"result() of a task that is {state}"):
            task.result()
        with refuses(asyncio.InvalidStateError, f"exception() of a task that is {state}"):
            task.exception()
        await pass_turns(2)

    assert (task.done(), task.cancelled()) == (False, False)


@check("asyncio-task#asyncio.Task.result")
async def returned_task_outcome(spawn, patience):
    """A task whose coroutine returned is done, gives the very value by result() and await, and has no exception."""
    value = object()
    task = spawn(answer(value))
    awaited = await soon(task, patience, "a task ends")

    assert (task.done(), task.cancelled(), task.exception()) == (True, False, None)
    assert awaited is value
    assert task.result() is value


@check("asyncio-task#asyncio.Task", level="should")
async def task_outcome_cannot_be_set(spawn, patience):
    """set_result() and set_exception() of a task raise RuntimeError, and it ends as its coroutine does."""
    task = spawn(answer())
    with refuses(RuntimeError, "set_result() of a task"):
        task.set_result("another")
    with refuses(RuntimeError, "set_exception() of a task"):
        task.set_exception(Failure("another"))

    assert await soon(task, patience, "a task ends") == "the result"


@check("asyncio-task#asyncio.Task.exception")
async def failed_task_outcome(spawn, trace, patience):
    """A task whose coroutine raised gives the very exception by exception(), and raises it by result() and await."""
    error = Failure("the reason")
    task = spawn(fail(error))
    try:
        await soon(task, patience, "a task ends")
    except Failure as raised:
        trace("await", raised is error)
    try:
        task.result()
    except Failure as raised:
        trace("result()", raised is error)

    assert trace == [("await", True), ("result()", True)], "the exception is raised, and is the same object"
    assert (task.done(), task.cancelled(), task.exception() is error) == (True, False, True)


@check("asyncio-task#asyncio.Task.add_done_callback")
async def done_callback_gets_the_task(spawn, trace, patience):
    """A done callback is called with the task itself, be it a function or a method of C.

    The idiom of the documentation, task.add_done_callback(tasks.discard), relies on it.
    """
    task = spawn(answer())
    tasks = {task}
    task.add_done_callback(trace)
    task.add_done_callback(tasks.discard)
    await ended(patience, task)
    await pass_turns()

    assert [argument is task for argument in trace] == [True]
    assert tasks == set()


@check("asyncio-task#asyncio.Task.get_stack")
async def get_stack_of_suspended_task(loop, spawn):
    """get_stack() of a suspended task is the frame of its coroutine.

    Debuggers and aiomonitor show where a task waits.
    """
    coroutine = wait_for_ever(loop)
    task = spawn(coroutine)
    await pass_turns(2)
    frames = task.get_stack()

    assert [frame.f_code.co_name for frame in frames] == ["wait_for_ever"]
    assert frames[0] is coroutine.cr_frame


@check("asyncio-task#asyncio.Task.get_stack")
async def get_stack_of_failed_task(spawn, patience):
    """get_stack() of a failed task has the frames of its traceback, and with limit=1 the first of them alone."""

    async def outer():
        await fail(Failure())

    task = spawn(outer())
    await ended(patience, task)
    names = [frame.f_code.co_name for frame in task.get_stack()]
    limited = [frame.f_code.co_name for frame in task.get_stack(limit=1)]

    assert (names[-2:], limited) == (["outer", "fail"], names[:1])


@check("asyncio-task#asyncio.Task.print_stack")
async def print_stack_writes_to_file(loop, spawn):
    """print_stack(file=...) writes where a suspended task waits into that file."""
    task = spawn(wait_for_ever(loop))
    await pass_turns(2)
    file = io.StringIO()
    task.print_stack(file=file)

    assert "in wait_for_ever" in file.getvalue()


@check("asyncio-task#asyncio.Task.print_stack")
async def print_stack_limit(spawn, patience):
    """print_stack(limit=...) prints the frames that get_stack() with that limit returns, and no others."""

    async def outer():
        await fail(Failure())

    task = spawn(outer())
    await ended(patience, task)
    file = io.StringIO()
    task.print_stack(limit=1, file=file)
    printed = re.findall(r", in (\w+)$", file.getvalue(), re.MULTILINE)

    assert printed == [frame.f_code.co_name for frame in task.get_stack(limit=1)]


@check("Lib/asyncio/base_tasks.py: _task_repr", level="may")
async def task_repr_tells_name_state_and_coroutine(spawn, patience):
    """repr() of a task has its name, its state and the name of its coroutine."""
    task = spawn(answer(), name="a telling name")
    before = repr(task)
    await ended(patience, task)
    after = repr(task)

    assert [word for word in ("a telling name", "pending", "answer") if word not in before] == [], before
    assert [word for word in ("a telling name", "finished", "answer") if word not in after] == [], after


@check("Lib/asyncio/tasks.py: Task", level="should")
async def task_tells_what_it_waits_for(loop, spawn, trace):
    """A task has in _fut_waiter the future that it awaits, and in _must_cancel whether it will be cancelled at its next
    step.

    anyio reads both when it delivers the cancellation of a scope.
    """
    future = loop.create_future()

    async def program():
        await future

    task = spawn(program())
    trace("made", task._fut_waiter, task._must_cancel)
    await pass_turns(2)
    trace("suspended", task._fut_waiter is future, task._must_cancel)
    other = spawn(program())
    other.cancel()
    trace("cancelled before it began", other._fut_waiter, other._must_cancel)

    assert trace == [("made", None, False), ("suspended", True, False), ("cancelled before it began", None, True)]


# Cancellation


@check("asyncio-task#asyncio.Task.cancel")
async def cancel_raises_in_coroutine_next_cycle(loop, spawn, trace):
    """cancel() returns True, and the next iteration of the loop raises CancelledError in the coroutine."""
    task = spawn(Gate(loop, trace).pass_("task"))
    await pass_turns()
    trace("cancel()", task.cancel(), task.cancelled())
    await pass_turns()

    assert trace == [("task", "comes"), ("cancel()", True, False), ("task", "is cancelled")]


@check("asyncio-task#asyncio.Task.cancelled")
async def cancelled_task_outcome(loop, spawn, patience):
    """A task that CancelledError has left is done and cancelled, and result() and exception() raise CancelledError."""
    task = spawn(wait_for_ever(loop))
    await pass_turns()
    task.cancel()
    await ended(patience, task)

    with refuses(asyncio.CancelledError, "result() of a cancelled task"):
        task.result()
    with refuses(asyncio.CancelledError, "exception() of a cancelled task"):
        task.exception()
    assert (task.done(), task.cancelled()) == (True, True)


@check("asyncio-task#asyncio.Task.cancel", level="should")
async def cancel_of_ended_task_returns_false(loop, spawn, patience):
    """cancel() of a task that has ended returns False and changes nothing."""
    error = Failure()
    returned, failed, cancelled = spawn(answer()), spawn(fail(error)), spawn(wait_for_ever(loop))
    await pass_turns()
    cancelled.cancel()
    await ended(patience, returned, failed, cancelled)
    answers = [task.cancel() for task in (returned, failed, cancelled)]

    assert answers == [False, False, False]
    assert (returned.result(), failed.exception(), cancelled.cancelled()) == ("the result", error, True)


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def cancel_before_first_step(spawn, trace, patience):
    """A task that is cancelled before it begins ends cancelled without executing any of its coroutine."""

    async def program():
        trace("first step")

    task = spawn(program())
    task.cancel()
    await ended(patience, task)

    assert (trace, task.cancelled()) == ([], True)


@check("asyncio-task#asyncio.Task.cancel")
async def cancel_propagates_to_awaited_object(loop, spawn, patience):
    """Cancelling a task cancels the task that it awaits, and the future which that one awaits."""
    future = loop.create_future()

    async def waits_for(awaited):
        await awaited

    inner = spawn(waits_for(future))
    outer = spawn(waits_for(inner))
    await pass_turns(2)
    outer.cancel()
    await ended(patience, outer)

    assert [one.cancelled() for one in (outer, inner, future)] == [True, True, True]


@check("asyncio-task#asyncio.Task.cancel")
async def cancel_message_reaches_awaiter(loop, spawn, trace, patience):
    """The message given to cancel() is the argument of the CancelledError, in the task and for who awaits it."""

    async def program():
        try:
            await loop.create_future()
        except asyncio.CancelledError as error:
            trace("task", error.args)
            raise

    task = spawn(program())
    await pass_turns()
    task.cancel("the message")
    try:
        await soon(task, patience, "a cancelled task ends")
    except asyncio.CancelledError as error:
        trace("awaiter", error.args)

    assert trace == [("task", ("the message",)), ("awaiter", ("the message",))]


@check("asyncio-task#asyncio.Task.cancel", level="should")
async def cancel_message_is_in_the_outcome(loop, spawn, trace, patience):
    """The message given to cancel() is the argument of the CancelledError that result() or exception() raises.

    Whichever is asked first: what later ones get is not asked here.
    """
    for ask in ("result", "exception"):
        task = spawn(wait_for_ever(loop))
        await pass_turns()
        task.cancel("the message")
        await ended(patience, task)
        try:
            getattr(task, ask)()
        except asyncio.CancelledError as error:
            trace(ask, error.args)

    assert trace == [("result", ("the message",)), ("exception", ("the message",))]


@check("asyncio-task#asyncio.Task.cancel")
async def cancel_suppressed(loop, spawn, patience):
    """A task whose coroutine catches CancelledError and returns has that result, and is not cancelled."""

    async def program():
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            return "all the same"

    task = spawn(program())
    await pass_turns()
    task.cancel()
    result = await soon(task, patience, "a task ends that was asked to cancel")

    assert (result, task.cancelled()) == ("all the same", False)


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def cancel_self(spawn, trace, patience):
    """A task that cancels itself gets CancelledError at its next suspension."""

    async def program():
        task.cancel()
        trace("runs on")
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            trace("CancelledError")
            raise

    task = spawn(program())
    await ended(patience, task)

    assert (trace, task.cancelled()) == (["runs on", "CancelledError"], True)


@check("asyncio-task#asyncio.Task.cancel", level="should")
async def cancel_self_message(loop, spawn, patience):
    """The message with which a task cancels itself is the argument of the CancelledError where it awaits next."""

    async def program():
        task.cancel("the message")
        try:
            await wait_for_ever(loop)
        except asyncio.CancelledError as error:
            return error.args

    task = spawn(program())

    assert await soon(task, patience, "a task ends that has cancelled itself") == ("the message",)


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def cancel_self_without_suspension(spawn, patience):
    """A task that cancels itself and returns without another suspension ends cancelled."""

    async def program():
        task.cancel()
        return "too late"

    task = spawn(program())
    await ended(patience, task)

    assert task.cancelled(), f"the task ended as {task!r}"


@check("asyncio-task#asyncio.Task.cancelling")
async def cancelling_and_uncancel_counts(loop, spawn, patience):
    """cancelling() counts the calls of cancel(); uncancel() takes one back, down to zero, and returns what is left."""
    counts = []

    async def program():
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            counts.extend([task.cancelling(), task.uncancel(), task.uncancel(), task.uncancel(), task.cancelling()])

    task = spawn(program())
    await pass_turns()
    for _ in range(2):
        counts.append(task.cancelling())
        task.cancel()
    await ended(patience, task)

    assert counts == [0, 1, 2, 1, 0, 0, 0]


@check("asyncio-task#asyncio.Task.uncancel")
async def uncancelled_task_runs_on(loop, spawn, patience):
    """A task that catches CancelledError and calls uncancel() is not disturbed again, whatever it awaits."""

    async def program():
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            task.uncancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return await spawn(answer())

    task = spawn(program())
    await pass_turns()
    task.cancel()

    assert await soon(task, patience, "a task that took its cancellation back ends") == "the result"


@check("asyncio-task#asyncio.Task.uncancel", python=">=3.13")
async def uncancel_rescinds_pending_cancellation(spawn, patience):
    """uncancel() withdraws a cancellation that has not been delivered yet."""

    async def program():
        task.cancel()
        task.uncancel()
        await asyncio.sleep(0)
        return "undisturbed"

    task = spawn(program())

    assert await soon(task, patience, "the task ends") == "undisturbed"


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def yield_of_non_future_raises_in_coroutine(spawn, trace, patience):
    """Yielding what is no future to the loop raises RuntimeError in the coroutine.

    This is what happens to code of another framework that is run on asyncio by mistake.
    """

    @types.coroutine
    def give(value):
        yield value

    async def program():
        for value in (42, "text"):
            try:
                await give(value)
            except RuntimeError:
                trace("RuntimeError", value)

    await ended(patience, spawn(program()))

    assert trace == [("RuntimeError", 42), ("RuntimeError", "text")]


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def bare_yield_of_future_raises_in_coroutine(loop, spawn, trace, patience):
    """Yielding a future of the loop without awaiting it raises RuntimeError in the coroutine."""

    @types.coroutine
    def give(value):
        yield value

    async def program():
        try:
            await give(loop.create_future())
        except RuntimeError:
            trace("RuntimeError")

    await ended(patience, spawn(program()))

    assert trace == ["RuntimeError"]


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def task_awaiting_itself_raises(spawn, trace, patience):
    """A task that awaits itself gets a RuntimeError instead of hanging."""

    async def program():
        try:
            await task
        except RuntimeError:
            trace("RuntimeError")

    task = spawn(program())
    await ended(patience, task)

    assert trace == ["RuntimeError"]


# What happens to tasks that nobody keeps


@check("asyncio-dev#detect-never-retrieved-exceptions")
async def unretrieved_exception_reported(loop, reports):
    """The exception of a task that nobody asked for it is given to the exception handler, with the task as "future".

    That is how fire-and-forget tasks show that they failed.
    """
    loop.create_task(fail(Failure("the reason")), name="forgotten")
    await pass_turns(2)
    gc.collect()

    # The message begins with the name of the task's class.
    told = [(it["message"].partition(" ")[2], repr(it.get("exception")), it["future"].get_name()) for it in reports]
    assert told == [("exception was never retrieved", "Failure('the reason')", "forgotten")]


@check("asyncio-dev#detect-never-retrieved-exceptions")
async def retrieved_exception_not_reported(loop, reports, patience):
    """The exception of a task is not reported once somebody awaited the task or asked for exception()."""
    asked, awaited = loop.create_task(fail(Failure("asked"))), loop.create_task(fail(Failure("awaited")))
    await ended(patience, asked, awaited)
    asked.exception()
    with refuses(Failure, "awaiting a failed task"):
        await awaited
    del asked, awaited
    loop.create_task(fail(Failure("forgotten")))
    await pass_turns(2)
    gc.collect()

    assert [str(it["exception"]) for it in reports] == ["forgotten"]


@check("asyncio-dev#detect-never-retrieved-exceptions", level="should")
def debug_report_tells_where_task_was_made(loop, reports):
    """In debug mode the report of an exception that was not retrieved says, as "source_traceback", where the task was
    made.
    """

    def a_telling_name():
        loop.create_task(fail(Failure()))

    loop.set_debug(True)
    a_telling_name()
    turns(loop, 2)
    gc.collect()

    places = [[frame.name for frame in it.get("source_traceback", ())] for it in reports]
    assert ["a_telling_name" in names for names in places] == [True], f"functions in the tracebacks: {places}"


@check("Lib/asyncio/tasks.py: Task.__del__", level="should")
async def destroyed_pending_task_reported(loop, trace):
    """A suspended task that is collected is reported to the exception handler, as "task"."""
    # The report is not kept: it would keep the task, pending.
    report_to(loop, lambda report: trace(report["message"], report["task"].get_name()))
    loop.create_task(wait_for_ever(loop), name="forgotten")
    await pass_turns(2)
    gc.collect()

    assert trace == [("Task was destroyed but it is pending!", "forgotten")]


@check("Lib/asyncio/tasks.py: gather", level="should")
async def internal_log_flag_assignable(loop, trace):
    """A task whose _log_destroy_pending was set to False is not reported when it is collected while suspended.

    gather() and run_until_complete() set it.
    """
    report_to(loop, lambda report: trace(report["task"].get_name()))
    for name, report in (("quiet", False), ("loud", True)):
        loop.create_task(wait_for_ever(loop), name=name)._log_destroy_pending = report
    await pass_turns(2)
    gc.collect()

    assert trace == ["loud"]


@check("Lib/asyncio/tasks.py: Task.__init__", level="should")
async def ready_task_kept_alive_by_loop(loop, trace):
    """A task that is about to take a step is kept alive by the loop, though nothing else refers to it."""

    async def program():
        trace("first step")
        await asyncio.sleep(0)
        trace("second step")

    report_to(loop, lambda report: trace(report["message"]))
    loop.create_task(program())
    gc.collect()
    await pass_turns()
    gc.collect()
    await pass_turns(2)

    assert trace == ["first step", "second step"]


@check("Lib/asyncio/tasks.py: Task.__init__", level="should")
async def sleeping_task_kept_alive_by_loop(loop, trace, patience):
    """A task that waits for a timer is kept alive by the loop, though nothing else refers to it."""
    over = loop.create_future()

    async def program():
        await asyncio.sleep(0.002)
        over.set_result(None)

    report_to(loop, lambda report: trace(report["message"]))
    loop.create_task(program())
    await pass_turns(2)
    gc.collect()
    await soon(over, patience, "a task goes on after a sleep, though nothing but the loop refers to it")

    assert trace == []


@check("Lib/asyncio/tasks.py: Task", level="should")
async def completed_task_released(loop, trace, patience):
    """A task that has ended, and whose callbacks have run, is not kept alive by the loop."""
    task = loop.create_task(answer())
    task.add_done_callback(trace.then("called back"))
    await ended(patience, task)
    reference = weakref.ref(task)
    del task
    await pass_turns(2)
    gc.collect()

    assert trace == ["called back"]
    assert reference() is None, "something still refers to the task"


# sleep()


@check("asyncio-task#asyncio.sleep", level="should")
async def sleep_zero_round_robin(spawn, trace, patience):
    """Tasks that keep awaiting sleep(0) take turns in the order of their creation."""

    async def program(name):
        for number in range(3):
            trace(name, number)
            await asyncio.sleep(0)

    await ended(patience, *[spawn(program(name)) for name in "abc"])

    assert trace == [(name, number) for number in range(3) for name in "abc"]


@check("Lib/asyncio/tasks.py: __sleep0", level="should")
async def sleep_zero_costs_one_iteration(loop, spawn, trace, patience):
    """sleep(0) suspends a task for exactly one iteration of the loop."""

    def tick():
        trace("iteration")
        if len(trace) < 20:
            ticking[0] = loop.call_soon(tick)

    async def program():
        for _ in range(4):
            trace("task")
            await asyncio.sleep(0)

    task = spawn(program())
    ticking = [loop.call_soon(tick)]
    await ended(patience, task)
    ticking[0].cancel()

    assert trace[:8] == ["task", "iteration"] * 4


@check("asyncio-task#asyncio.sleep")
async def sleep_returns_its_result(patience):
    """sleep() returns the result it was given, after any delay."""
    value = object()
    results = [await soon(asyncio.sleep(delay, result=value), patience, "sleep() ends") for delay in (0, 0.001)]

    assert results == [value, value]


# gather() and shield()


@check("asyncio-task#asyncio.gather")
async def gather_results_in_order(loop, trace, patience):
    """gather() runs its awaitables at the same time and returns their results in the order of its arguments."""
    gate = Gate(loop, trace)
    gathered = asyncio.gather(gate.pass_("a"), gate.pass_("b"), gate.pass_("c"))
    await pass_turns()
    for name in "cab":
        gate.open(name)
        await pass_turns()
    results = await soon(gathered, patience, "gather() ends when its awaitables have")

    assert results == ["a", "b", "c"]
    assert trace == [(name, "comes") for name in "abc"] + [(name, "goes") for name in "cab"]


@check("asyncio-task#asyncio.gather")
async def gather_of_nothing_is_empty_list(patience):
    """gather() without arguments, awaited in a task, gives an empty list."""
    assert await soon(asyncio.gather(), patience, "gather() of nothing ends") == []


@check("asyncio-task#asyncio.gather")
async def gather_raises_first_exception(loop, spawn, trace, patience):
    """gather() raises the first exception of its awaitables at once, and the others run on."""
    error = Failure()
    gate = Gate(loop, trace)
    other = spawn(gate.pass_("other"))
    gathered = asyncio.gather(other, fail(error))
    try:
        await soon(gathered, patience, "gather() ends when one of its awaitables has failed")
    except Failure as raised:
        trace("gather()", raised is error, other.done())
    gate.open("other")
    await ended(patience, other)

    assert trace == [("other", "comes"), ("gather()", True, False), ("other", "goes")]


@check("asyncio-task#asyncio.gather")
async def gather_return_exceptions(loop, spawn, patience):
    """gather(return_exceptions=True) returns exceptions, CancelledError too, among the results."""
    error = Failure()
    cancelled = spawn(wait_for_ever(loop))
    gathered = asyncio.gather(answer(), fail(error), cancelled, return_exceptions=True)
    await pass_turns(2)
    cancelled.cancel()
    results = await soon(gathered, patience, "gather() ends when its awaitables have")

    assert results[:2] == ["the result", error]
    assert [type(result) for result in results[2:]] == [asyncio.CancelledError]


@check("asyncio-task#asyncio.gather")
async def gather_cancellation_cancels_children(loop, spawn, patience):
    """Cancelling a task that awaits gather() cancels those awaitables that have not ended."""
    done = spawn(answer())
    children = [spawn(wait_for_ever(loop)) for _ in range(2)]

    async def waits():
        await asyncio.gather(done, *children)

    waiting = spawn(waits())
    await pass_turns(3)
    waiting.cancel()
    await ended(patience, waiting, *children)

    assert [task.cancelled() for task in (waiting, done, *children)] == [True, False, True, True]


@check("asyncio-task#asyncio.gather")
async def gather_child_cancellation_leaves_others(loop, spawn, trace, patience):
    """Cancelling one awaitable of gather() cancels neither the others nor the future that gather() returned."""
    gate = Gate(loop, trace)
    child, other = spawn(wait_for_ever(loop)), spawn(gate.pass_("other"))
    gathered = asyncio.gather(child, other)
    await pass_turns(2)
    child.cancel()
    await ended(patience, gathered)
    trace("gather()", gathered.cancelled(), type(gathered.exception()))
    gate.open("other")
    await ended(patience, other)

    assert trace == [("other", "comes"), ("gather()", False, asyncio.CancelledError), ("other", "goes")]


@check("asyncio-task#asyncio.shield")
async def shield_protects_inner(loop, spawn, trace, patience):
    """Cancelling a task that awaits shield() cancels that task and not the shielded one, which runs to its end."""
    gate = Gate(loop, trace)
    inner = spawn(gate.pass_("inner"))

    async def waits():
        await asyncio.shield(inner)

    outer = spawn(waits())
    await pass_turns(2)
    outer.cancel()
    await ended(patience, outer)
    trace("outer", outer.cancelled(), inner.done())
    gate.open("inner")

    assert await soon(inner, patience, "the shielded task ends") == "inner"
    assert trace == [("inner", "comes"), ("outer", True, False), ("inner", "goes")]


# wait_for()


@check("asyncio-task#asyncio.wait_for")
async def wait_for_returns_result_in_time(loop, trace, patience):
    """wait_for() returns the result of what it awaits when that ends in time, and None stands for any time."""
    gate = Gate(loop, trace)
    waiting = [asyncio.wait_for(gate.pass_(timeout), timeout) for timeout in (100 * patience, None)]
    gathered = asyncio.gather(*waiting)
    await pass_turns(3)
    gate.open(100 * patience, None)

    assert await soon(gathered, patience, "wait_for() returns in time") == [100 * patience, None]


@check("asyncio-task#asyncio.wait_for")
async def wait_for_raises_timeout_error(loop, spawn, patience):
    """wait_for() raises TimeoutError when its time has passed on loop.time(), not before."""
    began = loop.time()
    task = spawn(asyncio.wait_for(loop.create_future(), 0.03))
    await ended(patience, task)
    took = loop.time() - began

    assert type(task.exception()) is TimeoutError
    assert took >= 0.03 - EARLY, "the time-out of 0.015 s came too early"


@check("asyncio-task#asyncio.wait_for")
async def wait_for_cancels_what_is_late(loop, spawn, trace, patience):
    """wait_for() cancels what it awaits when its time is over, a task or a future, and then raises."""
    inner, future = spawn(Gate(loop, trace).pass_("inner")), loop.create_future()
    for late in (inner, future):
        try:
            await soon(asyncio.wait_for(late, 0.002), patience, "wait_for() ends when its time is over")
        except TimeoutError:
            trace("TimeoutError", late.cancelled())

    assert trace == [("inner", "comes"), ("inner", "is cancelled"), ("TimeoutError", True), ("TimeoutError", True)]


@check("asyncio-task#asyncio.wait_for", level="should")
async def wait_for_zero_timeout_returns_done_result(loop, patience):
    """wait_for() with no time left returns the result of what is done already."""
    done = loop.create_future()
    done.set_result("the result")
    results = [
        await soon(asyncio.wait_for(done, timeout), patience, f"wait_for() ends with timeout={timeout}")
        for timeout in (0, -1)
    ]

    assert results == ["the result", "the result"]


@check("asyncio-task#asyncio.wait_for", level="should")
async def wait_for_zero_timeout_does_not_start_coroutine(trace, patience):
    """wait_for() with no time left does not start a coroutine, and raises TimeoutError."""

    async def program():
        trace("started")

    for timeout in (0, -1):
        try:
            await soon(asyncio.wait_for(program(), timeout), patience, f"wait_for() ends with timeout={timeout}")
        except TimeoutError:
            trace("TimeoutError")

    assert trace == ["TimeoutError", "TimeoutError"]


@check("asyncio-task#asyncio.wait_for")
async def wait_for_waits_for_cleanup(loop, spawn, trace, patience):
    """wait_for() raises TimeoutError only when the task that it cancelled has finished its cleanup."""
    cleaning, cleaned = loop.create_future(), loop.create_future()

    async def program():
        try:
            await loop.create_future()
        finally:
            cleaning.set_result(None)
            await cleaned
            trace("cleaned up")

    waiting = spawn(asyncio.wait_for(spawn(program()), 0.002))
    await soon(cleaning, patience, "wait_for() cancels the task when its time is over")
    await pass_turns(3)
    trace("wait_for() is over", waiting.done())
    cleaned.set_result(None)
    await ended(patience, waiting)

    assert trace == [("wait_for() is over", False), "cleaned up"]
    assert type(waiting.exception()) is TimeoutError


@check("asyncio-task#asyncio.wait_for")
async def wait_for_cancellation(loop, spawn, patience):
    """Cancelling a task that awaits wait_for() cancels what that waits for."""
    inner = spawn(wait_for_ever(loop))
    waiting = spawn(asyncio.wait_for(inner, 100 * patience))
    await pass_turns(3)
    waiting.cancel()
    await ended(patience, waiting)

    assert [task.cancelled() for task in (waiting, inner)] == [True, True]


# timeout()


@check("asyncio-task#asyncio.timeout")
async def timeout_expires(loop, patience, trace):
    """A timeout() block is interrupted with TimeoutError when its delay has passed, and the task goes on unharmed."""

    async def program():
        began = loop.time()
        try:
            async with asyncio.timeout(0.03) as block:
                await loop.create_future()
        except TimeoutError:
            trace("expired", block.expired(), asyncio.current_task().cancelling())
        took = loop.time() - began
        await asyncio.sleep(0)
        return took

    took = await soon(program(), patience, "a block of timeout(0.03) ends")

    assert trace == [("expired", True, 0)]
    assert took >= 0.03 - EARLY, "the time-out of 0.015 s came too early"


@check("asyncio-task#asyncio.timeout_at")
async def timeout_at_expires(loop, patience, trace):
    """A timeout_at() block is interrupted with TimeoutError when loop.time() has come to the moment given."""
    when = loop.time() + 0.03

    async def program():
        try:
            async with asyncio.timeout_at(when) as block:
                await loop.create_future()
        except TimeoutError:
            trace("expired", block.expired(), block.when() == when, asyncio.current_task().cancelling())

    await soon(program(), patience, "a block of timeout_at(loop.time() + 0.03) ends")
    now = loop.time()

    assert trace == [("expired", True, True, 0)]
    assert now >= when - EARLY, "the time-out came too early"


@check("asyncio-task#asyncio.timeout")
async def timeout_that_does_not_expire(loop, patience, trace):
    """A timeout() block that ends in time, or has None for a delay, is not interrupted, nor is what follows it."""

    async def program():
        for delay in (0.005, None):
            async with asyncio.timeout(delay) as block:
                pass
            trace(delay, block.expired())
        await asyncio.sleep(0.010)
        trace("slept")

    await soon(program(), patience, "blocks of timeout() end, and a sleep after them")

    assert trace == [(0.005, False), (None, False), "slept"]


@check("asyncio-task#asyncio.Timeout", level="should")
async def timeout_in_past_triggers_next_iteration(loop, patience, trace):
    """A block whose deadline is past runs to its first suspension and is interrupted there."""

    async def program():
        try:
            async with asyncio.timeout_at(loop.time() - 1):
                trace("before the suspension")
                await asyncio.sleep(0)
                trace("after it")
        except TimeoutError:
            trace("TimeoutError")

    await soon(program(), patience, "a block of timeout_at(loop.time() - 1) ends")

    assert trace == ["before the suspension", "TimeoutError"]


@check("asyncio-task#asyncio.Timeout.reschedule")
async def timeout_can_be_prolonged(loop, patience, trace):
    """reschedule() moves the deadline of a block away: the one that it had first does not interrupt."""

    async def program():
        async with asyncio.timeout(0.005) as block:
            when = loop.time() + 100 * patience
            block.reschedule(when)
            trace(block.when() == when)
            await asyncio.sleep(0.010)
        trace("expired", block.expired())

    await soon(program(), patience, "a block ends whose time-out was prolonged")

    assert trace == [True, ("expired", False)]


@check("asyncio-task#asyncio.Timeout.reschedule")
async def timeout_can_be_shortened(loop, patience, trace):
    """reschedule() brings the deadline of a block nearer, or gives it one that had none."""

    async def program():
        for delay in (100 * patience, None):
            try:
                async with asyncio.timeout(delay) as block:
                    block.reschedule(loop.time() + 0.002)
                    await loop.create_future()
            except TimeoutError:
                trace(block.expired())

    await soon(program(), patience, "a block ends at the nearer deadline that reschedule() gave it")

    assert trace == [True, True]


@check("asyncio-task#asyncio.timeout")
async def nested_timeouts_expire_apart(loop, patience, trace):
    """Of two nested blocks, the one raises TimeoutError whose deadline has passed."""

    async def program(outer_delay, inner_delay):
        try:
            async with asyncio.timeout(outer_delay) as outer:
                try:
                    async with asyncio.timeout(inner_delay) as inner:
                        await loop.create_future()
                except TimeoutError:
                    trace("inner", outer.expired(), inner.expired())
        except TimeoutError:
            trace("outer", outer.expired(), inner.expired())

    for delays in ((100 * patience, 0.002), (0.002, 100 * patience)):
        await soon(program(*delays), patience, "nested blocks of timeout() end")

    assert trace == [("inner", False, True), ("outer", True, False)]


def enter(block):
    """Take the first step of entering an asynchronous context manager."""
    coroutine = block.__aenter__()
    try:
        coroutine.send(None)
    except StopIteration:
        return "entered"
    finally:
        coroutine.close()
    return "suspended"


@check("Lib/asyncio/timeouts.py: Timeout.__aenter__", level="should")
def timeout_requires_task(loop):
    """Entering asyncio.timeout() in a plain callback raises RuntimeError, for there is no task to interrupt."""
    with refuses(RuntimeError, "entering asyncio.timeout() in a callback of the loop"):
        from_callback(loop, lambda: enter(asyncio.timeout(None)))

    assert run_coroutine(loop, answer()) == "the result"


@check("Lib/asyncio/taskgroups.py: TaskGroup.__aenter__", level="should")
def task_group_requires_task(loop):
    """Entering asyncio.TaskGroup in a plain callback raises RuntimeError, for there is no task to cancel."""
    with refuses(RuntimeError, "entering asyncio.TaskGroup in a callback of the loop"):
        from_callback(loop, lambda: enter(asyncio.TaskGroup()))

    assert run_coroutine(loop, answer()) == "the result"


# TaskGroup


@check("asyncio-task#asyncio.TaskGroup")
async def task_group_waits_for_children(loop, spawn, trace, patience):
    """A TaskGroup block ends when all its tasks have, those too that were made after its body was over."""
    gate = Gate(loop, trace)

    async def program():
        async with asyncio.TaskGroup() as group:

            async def parent():
                await gate.pass_("first")
                group.create_task(gate.pass_("second"))

            group.create_task(parent())
            trace("body is over")
        trace("block is over")

    task = spawn(program())
    for name in ("first", "second"):
        await pass_turns(3)
        gate.open(name)
    await ended(patience, task)

    assert trace == [
        "body is over",
        ("first", "comes"),
        ("first", "goes"),
        ("second", "comes"),
        ("second", "goes"),
        "block is over",
    ]


@check("asyncio-task#asyncio.TaskGroup")
async def task_group_fails_together(loop, spawn, trace, patience):
    """When a task of a TaskGroup fails, its siblings and the body are cancelled, and an exception group is raised.

    The task that runs the block goes on: its count of cancellations is as before.
    """
    gate, error = Gate(loop, trace), Failure()

    async def program():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(gate.pass_("sibling"))
                group.create_task(fail(error))
                await gate.pass_("body")
        except ExceptionGroup as failures:
            trace("raised", failures.exceptions == (error,), asyncio.current_task().cancelling())
        await asyncio.sleep(0)
        trace("goes on")

    await ended(patience, spawn(program()))

    assert sorted(trace[:4], key=str) == [
        ("body", "comes"),
        ("body", "is cancelled"),
        ("sibling", "comes"),
        ("sibling", "is cancelled"),
    ]
    assert trace[4:] == [("raised", True, 0), "goes on"], "the exception group, and cancelling() afterwards"


@check("asyncio-task#asyncio.TaskGroup")
async def task_group_cancelled_from_outside(loop, spawn, trace, patience):
    """Cancelling the task that runs a TaskGroup block cancels the group's tasks, and then that task."""
    gate = Gate(loop, trace)

    async def program():
        try:
            async with asyncio.TaskGroup() as group:
                for name in ("first", "second"):
                    group.create_task(gate.pass_(name))
        finally:
            trace("block is over")

    task = spawn(program())
    await pass_turns(3)
    task.cancel()
    await ended(patience, task)

    assert sorted(trace[:4], key=str) == [
        ("first", "comes"),
        ("first", "is cancelled"),
        ("second", "comes"),
        ("second", "is cancelled"),
    ]
    assert (trace[4:], task.cancelled()) == (["block is over"], True)


@check("asyncio-task#asyncio.TaskGroup.cancel", python=">=3.15")
async def task_group_cancel_method(loop, spawn, trace, patience):
    """TaskGroup.cancel() cancels the group's tasks and its body, and the block ends without an exception."""
    gate = Gate(loop, trace)

    async def program():
        async with asyncio.TaskGroup() as group:
            group.create_task(gate.pass_("child"))
            await asyncio.sleep(0)
            group.cancel()
            await gate.pass_("body")
        trace("block is over", asyncio.current_task().cancelling())
        await asyncio.sleep(0)
        return "the result"

    result = await soon(spawn(program()), patience, "a cancelled TaskGroup block ends")

    assert sorted(trace[:-1], key=str) == [
        ("body", "comes"),
        ("body", "is cancelled"),
        ("child", "comes"),
        ("child", "is cancelled"),
    ]
    assert (trace[-1], result) == (("block is over", 0), "the result")


@check("asyncio-task#eager-task-factory", python=">=3.12")
async def task_group_eager_children(loop, trace, patience):
    """TaskGroup works with the eager task factory: tasks that end at once, that suspend, and that fail."""
    gate = Gate(loop, trace)
    loop.set_task_factory(asyncio.eager_task_factory)

    async def program():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer()), group.create_task(gate.pass_("suspended"))]
            loop.call_soon(gate.open, "suspended")
        trace([task.result() for task in tasks])
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(gate.pass_("sibling"))
                group.create_task(fail(Failure()))
        except ExceptionGroup as failures:
            trace([type(error) for error in failures.exceptions])

    await soon(program(), patience, "TaskGroup blocks with eager tasks end")

    assert trace == [
        ("suspended", "comes"),
        ("suspended", "goes"),
        ["the result", "suspended"],
        ("sibling", "comes"),
        ("sibling", "is cancelled"),
        [Failure],
    ]


# wait() and as_completed()


@check("asyncio-task#asyncio.wait")
async def wait_first_completed(loop, spawn, patience):
    """wait(return_when=FIRST_COMPLETED) returns when one of its tasks has ended, with sets of the very tasks."""
    quick, slow = spawn(answer()), spawn(wait_for_ever(loop))
    waiting = asyncio.wait([slow, quick], return_when=asyncio.FIRST_COMPLETED)
    result = await soon(waiting, patience, "wait() returns when the first task has ended")

    assert result == ({quick}, {slow})
    assert not slow.done()


@check("asyncio-task#asyncio.wait")
async def wait_first_exception(loop, spawn, trace, patience):
    """wait(return_when=FIRST_EXCEPTION) returns when one of its tasks has failed, not when one has returned."""
    gate = Gate(loop, trace)

    async def fails():
        await gate.pass_("failing")
        raise Failure

    quick, failing, slow = spawn(answer()), spawn(fails()), spawn(wait_for_ever(loop))
    waiting = spawn(asyncio.wait([slow, quick, failing], return_when=asyncio.FIRST_EXCEPTION))
    await pass_turns(3)
    early = waiting.done()
    gate.open("failing")
    result = await soon(waiting, patience, "wait() returns when the first task has failed")

    assert not early, "wait() returned though no task had failed"
    assert result == ({quick, failing}, {slow})


@check("asyncio-task#asyncio.wait")
async def wait_all_completed(loop, spawn, trace, patience):
    """wait() returns, unless told otherwise, when all its tasks have ended, whether they returned or failed."""
    gate = Gate(loop, trace)
    tasks = {spawn(answer()), spawn(fail(Failure())), spawn(gate.pass_("slow"))}
    waiting = spawn(asyncio.wait(tasks))
    await pass_turns(3)
    early = waiting.done()
    gate.open("slow")
    result = await soon(waiting, patience, "wait() returns when all tasks have ended")

    assert not early, "wait() returned though one task had not ended"
    assert result == (tasks, set())


@check("asyncio-task#asyncio.wait")
async def wait_timeout(loop, spawn, patience):
    """wait(timeout=...) returns when the time is over, without an exception, and cancels nothing."""
    quick, slow = spawn(answer()), spawn(wait_for_ever(loop))
    began = loop.time()
    result = await soon(asyncio.wait([slow, quick], timeout=0.015), patience, "wait() returns when its time is over")
    took = loop.time() - began
    await pass_turns(2)

    assert result == ({quick}, {slow})
    assert not slow.done()
    assert took >= 0.015 - EARLY, "wait(timeout=0.015) returned too early"


@check("asyncio-task#asyncio.as_completed")
async def as_completed_order(loop, spawn, trace, patience):
    """as_completed() gives the results of its awaitables in the order in which they end."""
    gate = Gate(loop, lambda *ignored: None)

    async def program():
        for result in asyncio.as_completed([gate.pass_(name) for name in "abc"]):
            trace(await result)

    task = spawn(program())
    await pass_turns(2)
    for name in "cab":
        gate.open(name)
        await pass_turns()
    await ended(patience, task)

    assert trace == ["c", "a", "b"]


@check("asyncio-task#asyncio.as_completed")
async def as_completed_timeout(loop, spawn, trace, patience):
    """as_completed(timeout=...) raises TimeoutError for what has not ended in time, and leaves it running."""
    slow = spawn(wait_for_ever(loop))
    began = loop.time()

    async def program():
        for result in asyncio.as_completed([slow, spawn(answer())], timeout=0.015):
            trace(await result)

    task = spawn(program())
    await ended(patience, task)
    took = loop.time() - began
    await pass_turns(2)

    assert (trace, type(task.exception()), slow.done()) == (["the result"], TimeoutError, False)
    assert took >= 0.015 - EARLY, "the time-out of 0.015 s came too early"


@check("asyncio-task#asyncio.as_completed", python=">=3.13")
async def as_completed_async_iteration(loop, spawn, trace, patience):
    """as_completed(), iterated with async for, gives the very tasks in the order in which they end."""
    gate = Gate(loop, lambda *ignored: None)
    tasks = {name: spawn(gate.pass_(name)) for name in "abc"}

    async def program():
        async for task in asyncio.as_completed(tasks.values()):
            trace(task, await task)

    iterating = spawn(program())
    await pass_turns(2)
    for name in "cab":
        gate.open(name)
        await pass_turns()
    await ended(patience, iterating)

    assert trace == [(tasks[name], name) for name in "cab"]


# Synchronisation primitives: they use the loop's futures, and its call_soon() through them


@check("asyncio-sync#asyncio.Lock")
async def lock_is_handed_on_in_order(spawn, trace, patience):
    """Tasks that wait for an asyncio.Lock get it one at a time, in the order in which they asked."""
    lock = asyncio.Lock()

    async def program(name):
        async with lock:
            trace(name, "has it")
            await asyncio.sleep(0)
            trace(name, "lets go")

    await ended(patience, *[spawn(program(name)) for name in "abc"])

    assert trace == [(name, what) for name in "abc" for what in ("has it", "lets go")]


@check("asyncio-sync#asyncio.Event")
async def event_wakes_all_waiters(spawn, trace, patience):
    """asyncio.Event.set() wakes all tasks that wait, and none before."""
    event = asyncio.Event()

    async def program(name):
        await event.wait()
        trace(name)

    tasks = [spawn(program(name)) for name in "abc"]
    await pass_turns(2)
    trace("set")
    event.set()
    await ended(patience, *tasks)

    assert trace == ["set", "a", "b", "c"]


@check("asyncio-sync#asyncio.Condition")
async def condition_wakes_the_notified(spawn, trace, patience):
    """asyncio.Condition.notify() wakes as many waiting tasks as it says, and notify_all() the others."""
    condition = asyncio.Condition()

    async def program(name):
        async with condition:
            await condition.wait()
            trace(name)

    tasks = [spawn(program(name)) for name in "abc"]
    await pass_turns(3)
    async with condition:
        condition.notify(1)
    await pass_turns(5)
    trace("notify_all")
    async with condition:
        condition.notify_all()
    await ended(patience, *tasks)

    assert trace == ["a", "notify_all", "b", "c"]


@check("asyncio-sync#asyncio.Semaphore")
async def semaphore_limits_holders(spawn, trace, patience):
    """An asyncio.Semaphore lets as many tasks in as it has places, and the next when one leaves."""
    semaphore = asyncio.Semaphore(2)
    inside = []

    async def program(name):
        async with semaphore:
            inside.append(name)
            trace("".join(inside))
            await asyncio.sleep(0)
            inside.remove(name)

    await ended(patience, *[spawn(program(name)) for name in "abcd"])

    assert max(map(len, trace)) == 2
    assert [names[-1] for names in trace] == ["a", "b", "c", "d"]


@check("asyncio-sync#asyncio.Barrier")
async def barrier_opens_when_all_have_come(spawn, trace, patience):
    """Tasks wait at an asyncio.Barrier until as many as it counts have come, and each gets a number of its own."""
    barrier = asyncio.Barrier(3)

    async def program():
        trace("comes")
        number = await barrier.wait()
        trace("goes")
        return number

    tasks = [spawn(program()) for _ in range(2)]
    await pass_turns(3)
    trace("the last")
    tasks.append(spawn(program()))
    await ended(patience, *tasks)

    assert trace == ["comes", "comes", "the last", "comes", "goes", "goes", "goes"]
    assert sorted(task.result() for task in tasks) == [0, 1, 2]


@check("asyncio-queue#asyncio.Queue")
async def queue_hands_items_over(spawn, trace, patience):
    """An asyncio.Queue blocks get() while it is empty, put() while it is full and join() while items are unfinished."""
    queue = asyncio.Queue(maxsize=2)

    async def consume():
        for _ in range(4):
            trace("got", await queue.get())
            queue.task_done()

    async def produce():
        for number in range(4):
            await queue.put(number)
            trace("put", number)
        await queue.join()
        trace("joined")

    consumer = spawn(consume())
    await pass_turns()
    producer = spawn(produce())
    await ended(patience, consumer, producer)

    assert [what for what in trace if what[0] == "got"] == [("got", number) for number in range(4)]
    assert [what for what in trace if what[0] == "put"] == [("put", number) for number in range(4)]
    assert trace.index(("put", 3)) > trace.index(("got", 0)), "four items were put into a queue of two"
    assert trace[-1] == "joined"


# Eager task factories


@check("asyncio-task#asyncio.eager_task_factory", python=">=3.12")
async def eager_factory_completes_synchronously(loop, spawn, trace):
    """With the eager task factory, a task whose coroutine does not suspend has ended when it is returned."""
    error = Failure()
    loop.set_task_factory(asyncio.eager_task_factory)
    returned, failed = asyncio.create_task(answer()), spawn(fail(error))

    assert [task.done() for task in (returned, failed)] == [True, True]
    assert (returned.result(), failed.exception()) == ("the result", error)


@check("asyncio-task#asyncio.eager_task_factory", python=">=3.12")
async def eager_factory_blocking_task_continues(loop, spawn, trace, patience):
    """With the eager task factory, a task that suspends has taken its first step when it is returned, and goes on."""
    gate = Gate(loop, trace)
    loop.set_task_factory(asyncio.eager_task_factory)
    task = spawn(gate.pass_("task"))
    trace("returned", task.done())
    gate.open("task")
    trace("opened", task.done())
    result = await soon(task, patience, "an eager task ends")

    assert trace == [("task", "comes"), ("returned", False), ("opened", False), ("task", "goes")]
    assert result == "task"


@check("asyncio-task#asyncio.eager_task_factory", python=">=3.12")
async def eager_factory_task_can_be_cancelled(loop, spawn, trace, patience):
    """A task that began eagerly is cancelled like any other, with its message."""
    loop.set_task_factory(asyncio.eager_task_factory)
    task = spawn(Gate(loop, trace).pass_("task"))
    await pass_turns()
    trace("cancel()", task.cancel("the message"))
    try:
        await soon(task, patience, "a cancelled eager task ends")
    except asyncio.CancelledError as error:
        trace(error.args)

    assert trace == [("task", "comes"), ("cancel()", True), ("task", "is cancelled"), ("the message",)]


@check("Lib/asyncio/tasks.py: Task.__init__", python=">=3.12", level="should")
def eager_factory_not_running_schedules(loop, spawn, trace):
    """With the eager task factory, a task made while the loop does not run starts with its next run."""

    async def program():
        trace("first step")

    loop.set_task_factory(asyncio.eager_task_factory)
    task = spawn(program())
    trace("create_task() returned")
    loop.run_until_complete(task)

    assert trace == ["create_task() returned", "first step"]


@check("asyncio-eventloop#asyncio.loop.create_task", python=">=3.12")
async def eager_factory_name(loop, spawn, trace, patience):
    """With the eager task factory, a task has the name given to create_task(), when it is returned and later."""
    ready = loop.create_future()

    async def program():
        await ready
        trace(asyncio.current_task().get_name())

    loop.set_task_factory(asyncio.eager_task_factory)
    task = spawn(program(), name="a telling name")
    trace(task.get_name())
    ready.set_result(None)
    await ended(patience, task)

    assert trace == ["a telling name", "a telling name"]


@check("gh-128308", python=">=3.14")
async def eager_factory_name_visible_in_first_step(loop, spawn, trace):
    """With the eager task factory, a task has its name already in its first step."""

    async def program():
        trace(asyncio.current_task().get_name())

    loop.set_task_factory(asyncio.eager_task_factory)
    spawn(program(), name="a telling name")

    assert trace == ["a telling name"]


@check("asyncio-task#asyncio.create_eager_task_factory", python=">=3.12")
async def custom_eager_factory(loop, spawn):
    """A factory that create_eager_task_factory() made of a task class makes eager tasks of that class."""
    loop.set_task_factory(asyncio.create_eager_task_factory(Kind))
    task = spawn(answer())

    assert (type(task), task.done() and task.result()) == (Kind, "the result")


@check("asyncio-task#asyncio.Task.get_coro", python=">=3.13", level="may")
async def eager_completed_get_coro_none(loop):
    """get_coro() of a task that has ended in its eager first step is None."""
    task = asyncio.Task(answer(), loop=loop, eager_start=True)

    assert (task.done(), task.get_coro()) == (True, None)


also_in(
    {
        "debug": (
            create_task_not_synchronous,
            create_task_fifo_start,
            create_task_name,
            create_task_rejects_non_coroutine,
            create_task_eager_start,
            private_task_constructor,
            task_factory_called_with_loop_and_coro,
            task_factory_gets_no_unrequested_keywords,
            task_factory_name_is_applied,
            task_factory_error_propagates,
            cancel_raises_in_coroutine_next_cycle,
            unretrieved_exception_reported,
            destroyed_pending_task_reported,
            ready_task_kept_alive_by_loop,
            completed_task_released,
            sleep_zero_costs_one_iteration,
            gather_results_in_order,
            wait_for_waits_for_cleanup,
            timeout_expires,
            task_group_fails_together,
            eager_factory_completes_synchronously,
            eager_factory_task_can_be_cancelled,
        ),
        "other-thread": (
            create_task_before_run,
            constructor_eager_start,
            unretrieved_exception_reported,
            timeout_expires,
        ),
        "runner": (
            create_task_name,
            task_constructor_binds_to_running_loop,
            constructor_eager_start,
            task_factory_applies_everywhere,
            cancel_raises_in_coroutine_next_cycle,
            unretrieved_exception_reported,
            destroyed_pending_task_reported,
            gather_cancellation_cancels_children,
            wait_for_cancellation,
            timeout_expires,
            timeout_in_past_triggers_next_iteration,
            task_group_fails_together,
            task_group_cancelled_from_outside,
            queue_hands_items_over,
        ),
        "eager-tasks": (
            create_task_returns_asyncio_task,
            create_task_before_run,
            create_task_from_callback,
            task_name_is_converted_to_string,
            create_task_accepts_coroutine_protocol_objects,
            failed_task_outcome,
            done_callback_gets_the_task,
            cancel_raises_in_coroutine_next_cycle,
            cancel_propagates_to_awaited_object,
            cancel_message_reaches_awaiter,
            cancelling_and_uncancel_counts,
            destroyed_pending_task_reported,
            completed_task_released,
            gather_results_in_order,
            gather_raises_first_exception,
            shield_protects_inner,
            wait_for_cancels_what_is_late,
            wait_for_waits_for_cleanup,
            timeout_in_past_triggers_next_iteration,
            task_group_fails_together,
            task_group_cancelled_from_outside,
            wait_first_completed,
            as_completed_order,
            lock_is_handed_on_in_order,
            condition_wakes_the_notified,
            barrier_opens_when_all_have_come,
            queue_hands_items_over,
        ),
        "python-tasks": (
            create_task_not_synchronous,
            create_task_fifo_start,
            create_task_before_run,
            task_name_is_converted_to_string,
            create_task_rejects_non_coroutine,
            create_task_accepts_coroutine_protocol_objects,
            pending_task_has_no_outcome,
            failed_task_outcome,
            done_callback_gets_the_task,
            cancel_raises_in_coroutine_next_cycle,
            cancel_before_first_step,
            cancel_propagates_to_awaited_object,
            cancel_message_reaches_awaiter,
            cancelling_and_uncancel_counts,
            yield_of_non_future_raises_in_coroutine,
            bare_yield_of_future_raises_in_coroutine,
            unretrieved_exception_reported,
            destroyed_pending_task_reported,
            ready_task_kept_alive_by_loop,
            completed_task_released,
            sleep_zero_round_robin,
            gather_results_in_order,
            gather_return_exceptions,
            gather_cancellation_cancels_children,
            wait_first_exception,
            event_wakes_all_waiters,
        ),
        "second-loop": (create_task_fifo_start, task_constructor_binds_to_running_loop, timeout_expires),
    }
)
