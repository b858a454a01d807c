"""Debug mode: how it is switched on, what is measured and checked in it, and what its reports tell."""

import asyncio
import concurrent.futures
import contextlib
import gc
import os
import re
import socket
import sys
import traceback

from loopcheck.basics import CONNECTS
from loopcheck.check import also_in, check
from loopcheck.kit import StreamWatcher, pass_turns, run_coroutine, soon, turn, turns
from loopcheck.kit.clock import block
from loopcheck.kit.contexts import Lookout
from loopcheck.kit.net import Watchers, connected
from loopcheck.kit.surroundings import environment, warned
from loopcheck.kit.tasking import end_tasks, wait_for_ever

LIMIT, LONG = 0.005, 0.010
"""From how many seconds on a callback counts as slow in these checks, and how long the slow ones take."""

PRINT_MODE = "loop = factory(); print(loop.get_debug()); loop.close()"


def measured(loop, limit=LIMIT):
    """Switch debug mode on, and have callbacks count as slow from this number of seconds on."""
    loop.set_debug(True)
    loop.slow_callback_duration = limit


@contextlib.asynccontextmanager
async def debugging(loop, limit=LIMIT):
    """The running loop is in debug mode in the block, and callbacks count as slow from this number of seconds on.

    Not thereafter: what remains of a debug mode that nobody ends is for a check of its own.
    """
    measured(loop, limit)
    try:
        yield
    finally:
        loop.set_debug(False)
        await pass_turns(2)


def mentions(records, *names):
    """How often each of the names occurs in what was logged."""
    return {name: sum(name in record.getMessage() for record in records) for name in names}


def throw(error):
    """Raise the exception."""
    raise error


def functions(context):
    """The names of the functions in the source_traceback of a report, outermost first."""
    return [frame.name for frame in context.get("source_traceback", ())]


# switching it on


@check("asyncio-eventloop#asyncio.loop.get_debug")
def off_by_default(new_loop):
    """A new loop is not in debug mode, if neither the environment nor Python's development mode asks for it."""
    with environment("PYTHONASYNCIODEBUG", None):
        assert new_loop().get_debug() is bool(sys.flags.dev_mode)


@check("asyncio-eventloop#asyncio.loop.set_debug")
def set_debug_is_told_by_get_debug(loop, trace):
    """get_debug() returns what set_debug() was given last."""
    for enabled in (True, False, True):
        trace(loop.set_debug(enabled))
        trace(loop.get_debug())

    assert trace == [None, True, None, False, None, True]


@check("asyncio-eventloop#asyncio.loop.get_debug")
def environment_variable_enables(new_loop, trace):
    """A loop that is made while PYTHONASYNCIODEBUG is set, to anything but "", is in debug mode; "0" counts as set."""
    for value in ("1", "0", ""):
        with environment("PYTHONASYNCIODEBUG", value):
            trace(value, new_loop().get_debug())

    assert trace == [("1", True), ("0", True), ("", bool(sys.flags.dev_mode))], "(the variable, get_debug())"


@check("Lib/asyncio/coroutines.py: _is_debug_mode", level="should")
def environment_ignored_with_dash_e(new_python):
    """PYTHONASYNCIODEBUG is ignored by an interpreter that was started with -E.

    Takes an interpreter of its own, and so a tenth of a second.
    """
    assert new_python(PRINT_MODE, "-E", PYTHONASYNCIODEBUG="1").split() == ["False"], "get_debug() under python -E"


@check("asyncio-dev#debug-mode")
def dev_mode_enables(new_python):
    """New loops are in debug mode in an interpreter that was started with -X dev, Python's development mode.

    Takes an interpreter of its own, and so a tenth of a second.
    """
    assert new_python(PRINT_MODE, "-X", "dev").split() == ["True"], "get_debug() under python -X dev"


@check("Lib/asyncio/base_events.py: set_debug", level="should")
async def set_debug_while_running(loop, logged):
    """set_debug() works while the loop runs: from then on slow callbacks are logged, or are no longer.

    The switch for a program that has begun to stall.
    """

    def callback_in_debug_mode():
        block(LONG)

    def callback_thereafter():
        block(LONG)

    for enabled, callback in ((True, callback_in_debug_mode), (False, callback_thereafter)):
        measured(loop)
        loop.set_debug(enabled)
        await pass_turns()
        loop.call_soon(callback)
        await pass_turns(2)

    assert mentions(logged, "callback_in_debug_mode", "callback_thereafter") == {
        "callback_in_debug_mode": 1,
        "callback_thereafter": 0,
    }, "how often each slow callback was logged"


# slow callbacks


@check("asyncio-eventloop#asyncio.loop.slow_callback_duration")
def slow_callback_duration_attribute(loop, trace):
    """slow_callback_duration is 0.1 at first, and can be set."""
    trace(loop.slow_callback_duration)
    loop.slow_callback_duration = 2.5
    trace(loop.slow_callback_duration)

    assert trace == [0.1, 2.5]


@check("asyncio-dev#debug-mode")
def slow_callback_logged(loop, logged):
    """In debug mode a callback that takes slow_callback_duration seconds or more is logged, once, by its name."""

    def uniquely_named_callback():
        block(LONG)

    measured(loop)
    loop.call_soon(uniquely_named_callback)
    turn(loop)

    assert mentions(logged, "uniquely_named_callback") == {"uniquely_named_callback": 1}


@check("Lib/asyncio/base_events.py: _run_once", level="should")
def slow_callback_message_format(loop, logged):
    """A slow callback is logged as a warning of the form "Executing <Handle ...> took 0.123 seconds".

    Log filters and monitoring rules look for it.
    """
    measured(loop)
    loop.call_soon(block, LONG)
    turn(loop)
    said = [(record.levelname, record.getMessage()) for record in logged if "block" in record.getMessage()]

    assert [level for level, _ in said] == ["WARNING"], f"logged: {said!r}"
    assert re.fullmatch(r"Executing <.+> took \d+\.\d{3} seconds", said[0][1]), f"the message is {said[0][1]!r}"


@check("asyncio-dev#logging")
def slow_callback_logger(loop, logged):
    """Slow callbacks are logged on the logger "asyncio", by which programs configure and filter."""
    measured(loop)
    loop.call_soon(block, LONG)
    turn(loop)
    said = [record.name for record in logged if "block" in record.getMessage()]

    assert said == ["asyncio"], "the name of the logger of each report"


@check("asyncio-eventloop#asyncio.loop.slow_callback_duration")
def slow_callback_duration_raised(loop, logged):
    """A callback that takes less than slow_callback_duration is not logged in debug mode, be it longer than 0.1 s.

    This check takes a bit more than that 0.1 s.
    """

    def tolerated_callback():
        block(0.11)

    def slow_callback():
        block(LONG)

    measured(loop, 60)
    loop.call_soon(tolerated_callback)
    turn(loop)
    loop.slow_callback_duration = LIMIT
    loop.call_soon(slow_callback)
    turn(loop)

    assert mentions(logged, "tolerated_callback", "slow_callback") == {"tolerated_callback": 0, "slow_callback": 1}


@check("asyncio-dev#debug-mode")
def slow_task_step_logged(loop, logged):
    """In debug mode a step of a task that takes long is logged, by the name of its coroutine."""

    async def uniquely_named_coroutine():
        await asyncio.sleep(0)
        block(LONG)
        await asyncio.sleep(0)

    measured(loop)
    run_coroutine(loop, uniquely_named_coroutine())

    # On a busy machine another of its steps may have been slow as well.
    assert mentions(logged, "uniquely_named_coroutine")["uniquely_named_coroutine"] >= 1, "it was not logged"


@check("Lib/asyncio/base_events.py: _run_once", level="should")
async def slow_timer_and_threadsafe_callbacks_logged(loop, logged, patience):
    """In debug mode slow callbacks that were given to call_later() or call_soon_threadsafe() are logged too."""

    def timer_callback():
        block(LONG)
        loop.call_soon_threadsafe(sent_callback)

    def sent_callback():
        block(LONG)
        loop.call_soon(over.set_result, None)

    over = loop.create_future()
    async with debugging(loop):
        loop.call_later(0.001, timer_callback)
        await soon(over, patience, "the callbacks run")

    assert mentions(logged, "timer_callback", "sent_callback") == {"timer_callback": 1, "sent_callback": 1}


@check("Lib/asyncio/base_events.py: _run_once", level="should", needs=("posix",))
async def slow_fd_callback_logged(loop, logged, socketpair, patience):
    """In debug mode a slow callback of add_reader() is logged."""
    near, far = socketpair
    lookout = Lookout(lambda: block(0.05))

    def reader():
        loop.remove_reader(near.fileno())
        lookout("reader")

    far.send(b"x")
    # Little else takes as long as that limit, and the message may name the loop's own function.
    async with debugging(loop, 0.04):
        loop.add_reader(near.fileno(), reader)
        try:
            await lookout.after(1, patience)
            await pass_turns()
        finally:
            loop.remove_reader(near.fileno())

    assert mentions(logged, " took ")[" took "] >= 1, f"logged: {[record.getMessage() for record in logged]}"


@check("Lib/asyncio/base_events.py: _run_once", level="should", after=CONNECTS)
async def slow_data_received_logged(loop, logged, listener, patience):
    """In debug mode a data_received() that takes long is logged as slow.

    Servers built on protocols, such as uvicorn's, parse and begin to answer in there.
    """
    watchers = Watchers(StreamWatcher, lambda: None, data_received=lambda protocol: block(0.05))
    # Little else takes as long as that limit, and the message may name the loop's own function.
    async with connected(listener, watchers, patience) as (protocol, peer), debugging(loop, 0.04):
        peer.sendall(b"x")
        await protocol.until("data_received", patience)
        await pass_turns()

    assert mentions(logged, " took ")[" took "] >= 1, f"logged: {[record.getMessage() for record in logged]}"


@check("Lib/asyncio/base_events.py: _run_once", level="should")
def slow_callback_not_logged_without_debug(loop, logged, trace):
    """Outside debug mode slow callbacks are not logged."""

    def uniquely_named_callback():
        block(LONG)
        trace("ran")

    measured(loop)
    loop.set_debug(False)
    loop.call_soon(uniquely_named_callback)
    turns(loop, 2)

    assert (list(trace), mentions(logged, "uniquely_named_callback")) == (["ran"], {"uniquely_named_callback": 0})


# looking at callbacks


class RefusingExecutor(concurrent.futures.Executor):
    """An executor that says that it was asked."""

    def submit(self, function, /, *arguments, **keywords):
        """Refuse."""
        raise LookupError("submit() of the executor was called")


def refusals(loop, callback):
    """What each way of giving the loop a callback raised for this one, by name; for run_in_executor() at the call."""
    ways = {
        "call_soon": lambda: loop.call_soon(callback),
        "call_soon_threadsafe": lambda: loop.call_soon_threadsafe(callback),
        "call_later": lambda: loop.call_later(0, callback),
        "call_at": lambda: loop.call_at(loop.time(), callback),
        "run_in_executor": lambda: loop.run_in_executor(RefusingExecutor(), callback),
    }
    raised = {}
    for name, give in ways.items():
        try:
            given = give()
        except Exception as error:
            raised[name] = type(error).__name__
        else:
            raised[name] = "nothing"
            with contextlib.suppress(Exception):
                given.cancel()
    return raised


REFUSED = {
    "call_soon": "TypeError",
    "call_soon_threadsafe": "TypeError",
    "call_later": "TypeError",
    "call_at": "TypeError",
    "run_in_executor": "TypeError",
}


@check("Lib/asyncio/base_events.py: _check_callback", level="should")
def non_callables_rejected_at_call(loop, errors):
    """In debug mode call_soon() and its kin, and run_in_executor(), raise TypeError for what is not callable."""
    loop.set_debug(True)

    assert [refusals(loop, thing) for thing in (42, None, "text")] == [REFUSED] * 3


@check("Lib/asyncio/base_events.py: _check_callback", level="should")
def coroutines_rejected_at_call(loop, errors):
    """In debug mode call_soon() and its kin, and run_in_executor(), raise TypeError for coroutines and their functions.

    Outside debug mode such a callback does nothing but to leave a coroutine that is never awaited.
    """

    async def coroutine_function():
        """Never run."""

    loop.set_debug(True)
    coroutine = coroutine_function()
    with contextlib.closing(coroutine):
        raised = [refusals(loop, coroutine), refusals(loop, coroutine_function)]

    assert raised == [REFUSED] * 2, "for a coroutine; for a coroutine function"


@check("Lib/asyncio/base_events.py: call_soon", level="may")
def non_callable_reported_when_run_without_debug(loop, errors, trace):
    """Outside debug mode call_soon() takes anything; what is not callable is reported as TypeError when it is run."""
    loop.set_debug(False)
    loop.call_soon(42)
    trace([type(context["exception"]) for context in errors])
    turn(loop)
    trace([type(context["exception"]) for context in errors])

    assert trace == [[], [TypeError]]


@check("Lib/asyncio/selector_events.py: sock_recv", level="should")
async def sock_methods_require_nonblocking(loop, socketpair, listener, patience, trace):
    """In debug mode sock_recv(), sock_recv_into(), sock_sendall(), sock_accept() and sock_connect() refuse a blocking
    socket with ValueError.

    A blocking socket would keep the whole loop waiting.
    """
    near, far = socketpair
    near.setblocking(True)
    far.send(b"for a loop that receives all the same")
    calls = {
        "sock_recv": lambda: loop.sock_recv(near, 1),
        "sock_recv_into": lambda: loop.sock_recv_into(near, bytearray(1)),
        "sock_sendall": lambda: loop.sock_sendall(near, b"x"),
        "sock_accept": lambda: loop.sock_accept(listener),
        "sock_connect": lambda: loop.sock_connect(client, listener.getsockname()),
    }
    with socket.socket() as client, socket.create_connection(listener.getsockname()):
        async with debugging(loop):
            for name, call in calls.items():
                try:
                    done = await soon(call(), patience, f"{name}() returns")
                    trace(name, "returned")
                    with contextlib.suppress(Exception):
                        done[0].close()  # what sock_accept() accepted
                except ValueError:
                    trace(name, "ValueError")

    assert trace == [(name, "ValueError") for name in calls]


# what reports tell


@check("asyncio-eventloop#asyncio.loop.call_exception_handler", level="should")
async def callback_error_has_source_traceback(loop, patience):
    """In debug mode the report about a callback that failed has, as "source_traceback", the stack of who scheduled it.

    Whether with call_soon(), call_later() or call_soon_threadsafe(). Home Assistant logs what traceback.format_list()
    makes of it.
    """
    lookout = Lookout(lambda: None)
    stacks = {}

    def handler(*given):
        context = given[-1]
        stack = context.get("source_traceback", ())
        stacks[str(context["exception"])] = "_scheduler\n" in "".join(traceback.format_list(stack))
        lookout(str(context["exception"]))

    def soon_scheduler():
        loop.call_soon(throw, ZeroDivisionError("call_soon"))

    def later_scheduler():
        loop.call_later(0.001, throw, ZeroDivisionError("call_later"))

    def sending_scheduler():
        loop.call_soon_threadsafe(throw, ZeroDivisionError("call_soon_threadsafe"))

    loop.set_exception_handler(handler)
    async with debugging(loop):
        for number, schedule in enumerate((soon_scheduler, later_scheduler, sending_scheduler), 1):
            schedule()
            await lookout.after(number, patience)

    assert stacks == {"call_soon": True, "call_later": True, "call_soon_threadsafe": True}, (
        "whether the function that scheduled the callback is in the formatted stack"
    )


@check("Lib/asyncio/events.py: Handle.__init__", level="should")
def callback_error_without_source_traceback(loop, errors):
    """Outside debug mode the report about a callback that failed has no "source_traceback"."""
    loop.set_debug(False)
    loop.call_soon(throw, ZeroDivisionError())
    turn(loop)

    assert ["source_traceback" in context for context in errors] == [False]


@check("Lib/asyncio/futures.py: Future.__del__", level="should")
def unretrieved_future_has_source_traceback(loop, errors):
    """In debug mode the report about a future's exception that was never retrieved says where the future was created.

    The stack is the only trace of a future that is gone.
    """

    def creator():
        loop.create_future().set_exception(ZeroDivisionError("mine"))

    loop.set_debug(True)
    creator()
    gc.collect()

    assert [(str(context["exception"]), "creator" in functions(context)) for context in errors] == [("mine", True)]


@check("asyncio-dev#detect-never-retrieved-exceptions")
def unretrieved_task_has_source_traceback(loop, errors):
    """In debug mode the report about a task's exception that was never retrieved says where the task was created."""

    async def fail():
        raise ZeroDivisionError("mine")

    def creator():
        loop.create_task(fail())

    loop.set_debug(True)
    creator()
    turns(loop, 2)
    gc.collect()

    assert [(str(context["exception"]), "creator" in functions(context)) for context in errors] == [("mine", True)]


@check("asyncio-dev#detect-never-retrieved-exceptions")
def destroyed_task_has_source_traceback(loop, errors):
    """In debug mode the report about a pending task that is destroyed says where the task was created."""

    def creator():
        loop.create_task(wait_for_ever(loop))

    loop.set_debug(True)
    creator()
    turn(loop)
    gc.collect()
    end_tasks(loop, *asyncio.all_tasks(loop))

    assert ["creator" in functions(context) for context in errors] == [True], "one report, with the function"


@check("Lib/asyncio/base_events.py: default_exception_handler", level="should")
def default_handler_prints_creation_stack(loop, logged):
    """In debug mode what is logged about a callback that failed has "Object created at" and the stack of who did it."""

    def creator():
        loop.call_soon(throw, ZeroDivisionError())

    loop.set_debug(True)
    creator()
    turn(loop)
    said = [mentions([record], "Object created at (most recent call last):", "in creator") for record in logged]

    assert said == [{"Object created at (most recent call last):": 1, "in creator": 1}], "one record, with both"


@check("Lib/asyncio/base_events.py: default_exception_handler", level="may")
def default_handler_prints_handle_stack(loop, logged):
    """In debug mode what is logged by call_exception_handler() inside a callback has "Handle created at" and the stack
    of who scheduled the callback.
    """

    def creator():
        loop.call_soon(loop.call_exception_handler, {"message": "mine"})

    loop.set_debug(True)
    creator()
    turn(loop)
    said = [mentions([record], "Handle created at (most recent call last):", "in creator") for record in logged]

    assert said == [{"Handle created at (most recent call last):": 1, "in creator": 1}], "one record, with both"


@check("gh-112997", python=">=3.13", level="should")
def callback_arguments_hidden_without_debug(loop, errors):
    """Outside debug mode the report about a callback that failed does not show its arguments, which may be secret."""

    def uniquely_named_callback(secret):
        raise ZeroDivisionError

    loop.set_debug(False)
    loop.call_soon(uniquely_named_callback, "a password")
    turn(loop)

    assert ["a password" in context["message"] for context in errors] == [False], f"the reports are {errors!r}"


@check("Lib/asyncio/events.py: Handle._run", level="should")
def callback_arguments_shown_in_debug(loop, errors):
    """In debug mode the report about a callback that failed shows its arguments."""
    loop.set_debug(True)
    loop.call_soon(throw, ZeroDivisionError("an argument"))
    turn(loop)

    assert ["an argument" in context["message"] for context in errors] == [True], f"the reports are {errors!r}"


@check("Lib/asyncio/events.py: Handle._repr_info", level="may")
def repr_shows_creation_point(loop):
    """In debug mode repr() of handles and futures says "created at", with file and line."""
    loop.set_debug(True)
    handle, future = loop.call_soon(int), loop.create_future()
    turn(loop)
    texts = [repr(handle), repr(future)]

    assert ["created at" in text for text in texts] == [True, True], f"the texts are {texts}"


# where coroutines were created


@contextlib.contextmanager
def tracking(depth):
    """Coroutine origins are tracked to this depth when the block begins; the former depth is back afterwards."""
    before = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(depth)
    try:
        yield
    finally:
        sys.set_coroutine_origin_tracking_depth(before)


@check("asyncio-dev#detect-never-awaited-coroutines")
def coroutine_origin_tracking_during_run(loop):
    """In debug mode the warning about a coroutine that was never awaited says where the coroutine was created."""

    async def never_awaited():
        """Never run."""

    def creator():
        never_awaited()

    loop.set_debug(True)
    with tracking(0), warned(RuntimeWarning) as texts:
        loop.call_soon(creator)
        turn(loop)

    assert [("never_awaited" in text, "in creator" in text) for text in texts] == [(True, True)], (
        f"wanted one warning, with 'Coroutine created at' and the stack; there was {texts!r}"
    )


@check("asyncio-dev#detect-never-awaited-coroutines", level="should")
def coroutine_origin_tracking_left_alone_without_debug(loop, trace):
    """Outside debug mode a run leaves the depth to which coroutine origins are tracked as it was."""
    loop.set_debug(False)
    with tracking(3):
        loop.call_soon(lambda: trace(sys.get_coroutine_origin_tracking_depth()))
        turn(loop)
        trace(sys.get_coroutine_origin_tracking_depth())

    assert trace == [3, 3], "in the run, and after it"


@check("Lib/asyncio/base_events.py: _set_coroutine_origin_tracking", level="should")
def coroutine_origin_tracking_depth_restored(loop, trace):
    """After a run in debug mode coroutine origins are tracked to the depth that was set before the run."""
    loop.set_debug(True)
    with tracking(3):
        loop.call_soon(trace, "ran")
        turn(loop)
        trace(sys.get_coroutine_origin_tracking_depth())

    assert trace == ["ran", 3]


@check("Lib/asyncio/base_events.py: _set_coroutine_origin_tracking", level="should")
def coroutine_origin_tracking_depth_restored_after_exit(loop, errors, trace):
    """After a run in debug mode in which SystemExit was raised, coroutine origins are tracked as deep as before."""
    loop.set_debug(True)
    with tracking(3):
        loop.call_soon(throw, SystemExit())
        with contextlib.suppress(SystemExit):
            turn(loop)
        trace(sys.get_coroutine_origin_tracking_depth())

    assert trace == [3]


@check("Lib/asyncio/base_events.py: set_debug", level="should")
def coroutine_origin_tracking_toggle_while_running(loop, trace):
    """set_debug() during a run switches the tracking of coroutine origins on, and off again."""

    async def toggle():
        for enabled in (True, False):
            loop.set_debug(enabled)
            await pass_turns(2)
            trace(enabled, sys.get_coroutine_origin_tracking_depth() > 0)

    loop.set_debug(False)
    with tracking(0):
        run_coroutine(loop, toggle())

    assert trace == [(True, True), (False, False)], "(what set_debug() was given, whether origins are tracked)"


@check("Lib/asyncio/base_events.py: _set_coroutine_origin_tracking", level="should")
def coroutine_origin_tracking_begun_in_run_ends_with_it(loop, trace):
    """The tracking of coroutine origins that set_debug(True) begins during a run ends with the run."""

    async def begin():
        loop.set_debug(True)
        await pass_turns(2)
        trace("in debug mode")

    loop.set_debug(False)
    with tracking(0):
        run_coroutine(loop, begin())
        trace(sys.get_coroutine_origin_tracking_depth())

    assert trace == ["in debug mode", 0], "at last the depth to which they are tracked after the run"


# loops that nobody closed


@check("Lib/asyncio/base_events.py: BaseEventLoop.__del__", level="should")
def unclosed_loop_resource_warning(loop_factory):
    """A loop that is destroyed without having been closed issues a ResourceWarning "unclosed event loop"."""
    with warned(ResourceWarning) as texts:
        turn(loop_factory())
        gc.collect()

    assert ["unclosed event loop" in text for text in texts] == [True], f"the warnings are {texts!r}"


@check("Lib/asyncio/base_events.py: BaseEventLoop.__del__", level="should")
def closed_loop_no_resource_warning(loop_factory):
    """A loop that was closed issues no ResourceWarning when it is destroyed."""
    with warned(ResourceWarning, UserWarning) as texts:
        with contextlib.closing(loop_factory()) as loop:
            turn(loop)
        del loop
        gc.collect()
        gc.collect()

    assert texts == []


@check("Lib/asyncio/base_events.py: BaseEventLoop.__del__", level="should", needs=("posix",))
def unclosed_loop_frees_descriptors(loop_factory):
    """A loop that is destroyed without having been closed leaves no descriptor open."""

    def cycle():
        turn(loop_factory())
        gc.collect()
        return len(os.listdir("/dev/fd"))

    with warned(ResourceWarning):
        cycle()  # what is made once for the whole process is no leak
        counts = [cycle() for _ in range(4)]

    assert counts == counts[:1] * 4, "open descriptors after each of four loops that were made, run and dropped"


also_in(
    {
        "other-thread": (
            slow_callback_logged,
            coroutine_origin_tracking_during_run,
            callback_error_has_source_traceback,
        ),
        "runner": (set_debug_while_running, slow_timer_and_threadsafe_callbacks_logged),
        "eager-tasks": (destroyed_task_has_source_traceback,),
        "python-tasks": (unretrieved_task_has_source_traceback, destroyed_task_has_source_traceback),
        "second-loop": (environment_variable_enables, coroutine_origin_tracking_depth_restored),
    }
)
