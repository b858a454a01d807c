"""Exception handlers, and what becomes of exceptions that callbacks, tasks and protocols raise."""

import asyncio
import contextlib
import gc
import signal
import threading

from loopcheck.basics import CONNECTS, SERVES
from loopcheck.check import also_in, check
from loopcheck.kit import StreamWatcher, in_thread, pass_turns, refuses, run_coroutine, soon, turn, turns
from loopcheck.kit.buffers import Buffers
from loopcheck.kit.contexts import Lookout, handling
from loopcheck.kit.net import Watchers, connected, dial, serving

EXITS = (SystemExit, KeyboardInterrupt)
"""The exceptions that end a run instead of being reported."""


class Surprise(BaseException):
    """An exception that is neither an Exception nor one of those that Python treats as a wish to end."""


def throw(error):
    """Raise the exception."""
    raise error


async def throw_later(error):
    """Raise the exception in the second step of a task."""
    await asyncio.sleep(0)
    raise error


def run_out(loop, patience, run=None):
    """Run the loop until the run raises something, and return that; or what the run returned, after ``patience``."""
    guard = loop.call_later(patience, loop.stop)
    try:
        return (run or loop.run_forever)()
    except BaseException as raised:
        return raised
    finally:
        guard.cancel()


def reports_of(loop):
    """A lookout that the loop's exception handler calls with each exception that it is given."""
    lookout = Lookout(lambda: None)
    loop.set_exception_handler(lambda *given: lookout(given[-1].get("exception")))
    return lookout


def brief(records):
    """Level, first line and exception of what was logged."""
    return [
        (record.levelname, record.getMessage().splitlines()[0], record.exc_info[1] if record.exc_info else None)
        for record in records
    ]


# what the handler is told about a callback


@check("asyncio-eventloop#asyncio.loop.call_exception_handler")
def callback_exception_calls_handler(loop, trace):
    """An exception that a callback raises goes to the loop's exception handler, once, with the loop and a dict.

    The dict has the exception itself under "exception" and a text under "message".
    """
    error = ZeroDivisionError("mine")
    loop.set_exception_handler(lambda *given: trace(given))
    loop.call_soon(throw, error)
    turns(loop, 2)
    told = [(*given[:-1], given[-1].get("exception"), type(given[-1].get("message"))) for given in trace]

    assert told == [(loop, error, str)], "wanted one call, with the loop and a dict of the exception and a message"


@check("asyncio-eventloop#asyncio.loop.call_exception_handler", level="should")
def callback_exception_keeps_its_traceback(loop, errors):
    """The exception that the handler is given has its traceback, down to the line of the callback that raised it.

    Error reporters such as Sentry's show nothing else of a callback.
    """
    loop.call_soon(throw, ZeroDivisionError("mine"))
    turn(loop)
    functions = []
    traceback = errors[0]["exception"].__traceback__
    while traceback is not None:
        functions.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next

    assert functions[-1:] == ["throw"], f"the functions of the traceback are {functions!r}"


@check("Lib/asyncio/events.py: Handle._run", level="should")
def callback_context_message_names_callback(loop, errors):
    """The "message" about a callback that failed starts with "Exception in callback" and names the callback."""

    def uniquely_named_callback():
        raise ZeroDivisionError

    loop.call_soon(uniquely_named_callback)
    turn(loop)
    message = errors[0]["message"]

    assert (message[:21], "uniquely_named_callback" in message) == ("Exception in callback", True), (
        f"the message is {message!r}"
    )


@check("Lib/asyncio/events.py: Handle._run", level="should")
def callback_context_has_handle(loop, errors):
    """The "handle" about a callback that failed is the very handle that call_soon() or call_later() returned."""
    handles = [loop.call_soon(throw, ZeroDivisionError())]
    turns(loop, 2)
    handles.append(loop.call_later(0, throw, ZeroDivisionError()))
    turns(loop, 2)

    assert [context.get("handle") for context in errors] == handles


@check("asyncio-eventloop#error-handling-api")
def loop_continues_after_callback_exception(loop, errors, trace):
    """After a callback has failed, those behind it, timers, and later iterations run as if nothing had happened."""
    loop.call_later(0.001, trace, "timer")
    loop.call_soon(throw, ZeroDivisionError())
    loop.call_soon(trace, "next callback")
    loop.call_soon(loop.call_soon, trace, "next iteration")
    turns(loop, 2)
    run_coroutine(loop, asyncio.sleep(0.002))

    assert sorted(trace) == ["next callback", "next iteration", "timer"]


@check("asyncio-eventloop#error-handling-api")
async def timer_and_threadsafe_callback_exceptions(loop, patience):
    """Exceptions of callbacks given to call_later(), call_at() and call_soon_threadsafe() are reported too."""
    late, timed, sent = ZeroDivisionError("late"), ZeroDivisionError("timed"), ZeroDivisionError("sent")
    reports = reports_of(loop)
    loop.call_soon_threadsafe(throw, sent)
    await reports.after(1, patience)
    loop.call_later(0.001, throw, late)
    await reports.after(2, patience)
    loop.call_at(loop.time() + 0.001, throw, timed)
    await reports.after(3, patience)

    assert list(reports.seen) == [sent, late, timed]


@check("asyncio-eventloop#error-handling-api", level="should")
async def done_callback_exception_is_reported(loop, new_future, errors, trace):
    """An exception of a future's done callback is reported, and the future's other callbacks run."""
    error, future = ZeroDivisionError("mine"), new_future()
    future.add_done_callback(lambda future: throw(error))
    future.add_done_callback(trace.then("second callback"))
    future.set_result(None)
    await pass_turns(2)

    assert ([context.get("exception") for context in errors], trace) == ([error], ["second callback"])


@check("Lib/asyncio/events.py: Handle._run", level="should", needs=("posix",))
async def fd_callback_exception_is_reported(loop, socketpair, patience):
    """An exception of a callback given to add_reader() or add_writer() is reported."""
    near, far = socketpair
    reading, writing = ZeroDivisionError("reader"), ZeroDivisionError("writer")
    reports = reports_of(loop)

    def fail(remove, error):
        remove(near.fileno())
        raise error

    far.send(b"x")
    try:
        loop.add_reader(near.fileno(), fail, loop.remove_reader, reading)
        await reports.after(1, patience)
        loop.add_writer(near.fileno(), fail, loop.remove_writer, writing)
        await reports.after(2, patience)
    finally:
        loop.remove_reader(near.fileno())
        loop.remove_writer(near.fileno())

    assert list(reports.seen) == [reading, writing]


@check("Lib/asyncio/events.py: Handle._run", level="should", needs=("posix",))
async def fd_callback_stays_after_exception(loop, errors, socketpair, patience):
    """A reader that has raised an exception stays registered: it is called again for the next data."""
    near, far = socketpair
    lookout = Lookout(lambda: None)

    def read():
        lookout(near.recv(100))
        raise ZeroDivisionError

    loop.add_reader(near.fileno(), read)
    try:
        for number, data in enumerate((b"first", b"second"), 1):
            far.send(data)
            await lookout.after(number, patience)
    finally:
        loop.remove_reader(near.fileno())

    assert list(lookout.seen) == [b"first", b"second"]


@check("Lib/asyncio/events.py: Handle._run", level="should", needs=("signals",))
async def signal_handler_exception(loop, patience):
    """An exception of a callback given to add_signal_handler() is reported."""
    error = ZeroDivisionError("mine")
    reports = reports_of(loop)
    with handling(loop, signal.SIGUSR1, throw, error):
        signal.raise_signal(signal.SIGUSR1)
        await reports.after(1, patience)

    assert list(reports.seen) == [error]


# the handler


@check("asyncio-eventloop#asyncio.loop.get_exception_handler")
def handler_get_set_reset(loop, trace):
    """get_exception_handler() is None at first, then what set_exception_handler() was given; None is taken too."""

    def handler(loop, context):
        """Never called."""

    trace(loop.get_exception_handler())
    trace(loop.set_exception_handler(handler))
    trace(loop.get_exception_handler())
    trace(loop.set_exception_handler(None))
    trace(loop.get_exception_handler())

    assert trace == [None, None, handler, None, None]


@check("asyncio-eventloop#asyncio.loop.set_exception_handler")
def handler_reset_restores_default(loop, errors, logged):
    """After set_exception_handler(None) errors are logged as by default; the former handler is not called."""
    error = ZeroDivisionError("mine")
    loop.set_exception_handler(None)
    loop.call_soon(throw, error)
    turn(loop)

    assert ([record[2] for record in brief(logged)], errors) == ([error], [])


@check("Lib/asyncio/base_events.py: set_exception_handler", level="should")
def handler_type_check(loop, trace):
    """set_exception_handler() raises TypeError for what is not callable, and the handler stays the former."""

    def handler(loop, context):
        """Never called."""

    loop.set_exception_handler(handler)
    for thing in ("text", 1):
        with refuses(TypeError, f"set_exception_handler({thing!r})"):
            loop.set_exception_handler(thing)
        trace(loop.get_exception_handler())

    assert trace == [handler, handler]


@check("Lib/asyncio/base_events.py: call_exception_handler", level="should")
def handler_change_effective_immediately(loop, trace):
    """A handler that a callback sets is called for the next error of the same iteration."""
    first, second = ZeroDivisionError("first"), ZeroDivisionError("second")
    loop.set_exception_handler(lambda *given: trace("former", given[-1]["exception"]))
    loop.call_soon(throw, first)
    loop.call_soon(loop.set_exception_handler, lambda *given: trace("new", given[-1]["exception"]))
    loop.call_soon(throw, second)
    turns(loop, 2)

    assert trace == [("former", first), ("new", second)]


@check("asyncio-eventloop#asyncio.loop.set_exception_handler", level="should")
def handler_is_per_loop(new_loop, trace):
    """Two loops of the factory have a handler each, which is given the errors of its own loop alone."""
    loops = {"first": new_loop(), "second": new_loop()}
    for name, loop in loops.items():
        loop.set_exception_handler(lambda *given, name=name: trace(name, str(given[-1]["exception"])))
    for name, loop in loops.items():
        loop.call_soon(throw, ZeroDivisionError(f"of the {name} loop"))
        turn(loop)

    assert trace == [("first", "of the first loop"), ("second", "of the second loop")]


@check("Lib/asyncio/events.py: Handle._run", level="should")
def handler_called_before_next_callback(loop, trace):
    """The handler is called as soon as a callback has failed, before the callback behind it."""
    loop.set_exception_handler(trace.then("handler"))
    loop.call_soon(throw, ZeroDivisionError())
    loop.call_soon(trace, "next callback")
    turns(loop, 2)

    assert trace == ["handler", "next callback"]


@check("Lib/asyncio/events.py: Handle._run", level="should")
def handler_called_in_running_loop(loop, trace):
    """The handler is called in the loop's thread while the loop is registered as running, and may use the loop.

    Handlers that create a task, to tell somebody or to shut the program down, rely on it.
    """

    async def tell():
        trace("task of the handler")

    def handler(*given):
        trace(threading.get_ident() == here, asyncio.get_running_loop() is loop)
        tasks.append(asyncio.create_task(tell()))

    here, tasks = threading.get_ident(), []
    loop.set_exception_handler(handler)
    loop.call_soon(throw, ZeroDivisionError())
    turns(loop, 3)

    assert trace == [(True, True), "task of the handler"]


@check("Lib/asyncio/base_events.py: call_exception_handler", level="should")
def handler_exception_does_not_escape(loop, logged, trace):
    """An exception that the handler raises does not end the run: the next callback runs."""
    loop.set_exception_handler(lambda *given: throw(ZeroDivisionError("of the handler")))
    loop.call_soon(throw, ZeroDivisionError("of the callback"))
    loop.call_soon(trace, "next callback")
    turns(loop, 2)
    trace(loop.call_exception_handler({"message": "mine"}))

    assert trace == ["next callback", None]


@check("Lib/asyncio/base_events.py: call_exception_handler", level="should")
def handler_exception_is_logged(loop, logged):
    """An exception that the handler raises is logged as an error, once, with a text that names the handler."""
    error = ZeroDivisionError("of the handler")
    loop.set_exception_handler(lambda *given: throw(error))
    loop.call_exception_handler({"message": "mine"})

    said = [(level, "exception handler" in text, about) for level, text, about in brief(logged)]
    assert said == [("ERROR", True, error)], f"logged: {brief(logged)}"


@check("Lib/asyncio/base_events.py: call_exception_handler", level="should")
def exit_in_handler_leaves_call_exception_handler(loop, trace):
    """SystemExit and KeyboardInterrupt that the handler raises come out of call_exception_handler()."""
    raised = [kind("raised by the handler") for kind in EXITS]
    for error in raised:
        loop.set_exception_handler(lambda *given, error=error: throw(error))
        try:
            trace(loop.call_exception_handler({"message": "mine"}))
        except EXITS as caught:
            trace(caught)

    assert trace == raised


@check("Lib/asyncio/base_events.py: call_exception_handler", level="should")
def exit_in_handler_ends_run(new_loop, patience, trace):
    """SystemExit and KeyboardInterrupt that the handler raises for a callback come out of run_forever().

    A handler that wants every error to end the program calls sys.exit().
    """
    raised = [kind("raised by the handler") for kind in EXITS]
    for error in raised:
        loop = new_loop()
        loop.set_exception_handler(lambda *given, error=error: throw(error))
        loop.call_soon(throw, ZeroDivisionError())
        trace(run_out(loop, patience))

    assert trace == raised, "what the two runs raised, or returned"


@check("Lib/asyncio/base_events.py: call_exception_handler", level="should")
def runs_again_after_exit_in_handler(loop):
    """After a run in which the handler raised SystemExit the loop runs again, with another handler."""
    loop.set_exception_handler(lambda *given: throw(SystemExit("raised by the handler")))
    loop.call_soon(throw, ZeroDivisionError())
    run_out(loop, 0.05)
    reports = reports_of(loop)
    loop.call_soon(throw, ValueError("mine"))
    turns(loop, 2)

    assert [repr(error) for error in reports.seen] == ["ValueError('mine')"]


@check("asyncio-eventloop#asyncio.loop.call_exception_handler")
def call_exception_handler_invokes_custom_handler(loop, trace):
    """call_exception_handler() calls the handler at once, with the loop and the very dict, whatever its keys."""
    context = {"message": "mine", "a key of my own": object()}
    loop.set_exception_handler(lambda *given: trace(given))
    trace(loop.call_exception_handler(context))

    assert trace == [(loop, context), None], "what the handler was given; what call_exception_handler() returned"
    assert trace[0][-1] is context, "the handler was given another dict"


@check("Lib/asyncio/tasks.py: Task.__del__", level="should")
def call_exception_handler_on_closed_loop(loop, trace, errors):
    """call_exception_handler() calls the handler also after close().

    Tasks and futures that are destroyed after asyncio.run() has ended report through it.
    """
    loop.close()
    context = {"message": "after close()"}
    loop.call_exception_handler(context)

    assert errors == [context]


@check("Lib/asyncio/tasks.py: Task.__del__", level="should")
async def call_exception_handler_from_other_thread(loop, trace):
    """call_exception_handler() from another thread calls the handler at once, in that thread.

    The garbage collector destroys tasks in whatever thread it happens to run, and they report from there.
    """

    def call():
        loop.call_exception_handler({"message": "mine"})
        trace("returned")
        return threading.get_ident()

    loop.set_exception_handler(lambda *given: trace(threading.get_ident()))
    thread = in_thread(call)

    assert trace == [thread, "returned"]


# the default handler


@check("asyncio-eventloop#asyncio.loop.default_exception_handler")
def default_handler_logs_error(loop, logged):
    """Without a handler call_exception_handler() logs the message on the logger "asyncio", as an error.

    The record carries the exception.
    """
    error = ZeroDivisionError("mine")
    loop.call_exception_handler({"message": "it failed", "exception": error})

    assert brief(logged) == [("ERROR", "it failed", error)]
    assert [record.name for record in logged] == ["asyncio"], "the name of the logger"


@check("asyncio-dev#logging")
def callback_exception_is_logged_by_default(loop, logged):
    """Without a handler the exception of a callback is logged on the logger "asyncio", as an error."""
    error = ZeroDivisionError("mine")
    loop.call_soon(throw, error)
    turn(loop)

    assert [(record[0], record[2]) for record in brief(logged)] == [("ERROR", error)]
    assert [record.name for record in logged] == ["asyncio"], "the name of the logger"


@check("Lib/asyncio/base_events.py: default_exception_handler", level="should")
def default_handler_incomplete_context(loop, logged):
    """default_exception_handler() copes with missing keys: without "message" it has a text of its own."""
    for context in ({}, {"message": "mine"}):
        loop.default_exception_handler(context)

    assert brief(logged) == [("ERROR", "Unhandled exception in event loop", None), ("ERROR", "mine", None)]


@check("Lib/asyncio/base_events.py: default_exception_handler", level="may")
def default_handler_logs_extra_keys(loop, logged):
    """default_exception_handler() logs the other keys, sorted, as lines of the form "key: repr of the value"."""
    loop.default_exception_handler({"zeal": ["z"], "message": "mine", "awe": "a"})

    assert [record.getMessage() for record in logged] == ["mine\nawe: 'a'\nzeal: ['z']"]


@check("asyncio-eventloop#asyncio.loop.default_exception_handler")
def custom_handler_can_delegate_to_default(loop, logged):
    """A handler that calls default_exception_handler() with what it was given has it logged."""
    error = ZeroDivisionError("mine")
    loop.set_exception_handler(lambda *given: loop.default_exception_handler(given[-1]))
    loop.call_soon(throw, error)
    turn(loop)

    assert [(record[0], record[2]) for record in brief(logged)] == [("ERROR", error)]


# SystemExit, KeyboardInterrupt and other exceptions that are no Exception


@check("Lib/asyncio/events.py: Handle._run", level="should")
def exit_in_callback_ends_run(loop, errors, patience, trace):
    """SystemExit and KeyboardInterrupt that a callback raises come out of run_forever(); the handler is not called."""
    raised = [kind("raised by a callback") for kind in EXITS]
    for call in (loop.call_soon, loop.call_soon_threadsafe):
        for error in raised:
            call(throw, error)
            trace(run_out(loop, patience))

    assert (trace, errors, loop.is_running()) == (raised * 2, [], False), "what the runs raised; reports; running?"


@check("Lib/asyncio/events.py: Handle._run", level="should")
def exit_in_timer_ends_run(loop, errors, patience, trace):
    """SystemExit and KeyboardInterrupt that a timer's callback raises come out of run_forever()."""
    raised = [kind("raised by a timer") for kind in EXITS]
    for error in raised:
        loop.call_later(0.001, throw, error)
        trace(run_out(loop, patience))

    assert (trace, errors, loop.is_running()) == (raised, [], False), "what the runs raised; reports; running?"


@check("Lib/asyncio/events.py: Handle._run", level="should")
def exit_in_done_callback_ends_run(loop, new_future, errors, patience, trace):
    """SystemExit and KeyboardInterrupt that a done callback of a future raises come out of run_forever()."""
    raised = [kind("raised by a done callback") for kind in EXITS]
    for error in raised:
        future = new_future()
        future.add_done_callback(lambda future, error=error: throw(error))
        future.set_result(None)
        trace(run_out(loop, patience))

    assert (trace, errors, loop.is_running()) == (raised, [], False), "what the runs raised; reports; running?"


@check("Lib/asyncio/events.py: Handle._run", level="should", needs=("posix",))
def exit_in_fd_callback_ends_run(loop, errors, socketpair, patience, trace):
    """SystemExit and KeyboardInterrupt that the callback of add_reader() raises come out of run_forever()."""
    near, far = socketpair
    raised = [kind("raised by a reader") for kind in EXITS]

    def read(error):
        near.recv(100)
        raise error

    for error in raised:
        far.send(b"x")
        loop.add_reader(near.fileno(), read, error)
        trace(run_out(loop, patience))
    loop.remove_reader(near.fileno())

    assert (trace, errors, loop.is_running()) == (raised, [], False), "what the runs raised; reports; running?"


@check("Lib/asyncio/events.py: Handle._run", level="should", needs=("signals",))
def exit_in_signal_handler_ends_run(loop, errors, patience):
    """An exception derived from SystemExit that a signal handler of the loop raises comes out of the run, unchanged.

    aiohttp.web.run_app() ends in this way when it gets SIGINT or SIGTERM.
    """

    class GracefulExit(SystemExit):
        code = 1

    error = GracefulExit()
    with handling(loop, signal.SIGUSR1, throw, error):
        loop.call_soon(signal.raise_signal, signal.SIGUSR1)
        raised = run_out(loop, patience)

    assert (raised, errors, loop.is_running()) == (error, [], False), "what the run raised; reports; running?"


@check(
    "Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__data_received",
    level="should",
    after=CONNECTS,
)
def exit_in_data_received_ends_run(loop, errors, listener, patience):
    """SystemExit that data_received() of a protocol raises comes out of the run, and is not reported."""
    error = SystemExit("raised by data_received()")
    protocol = StreamWatcher(lambda: None, data_received=lambda protocol: throw(error))
    loop.run_until_complete(loop.create_connection(lambda: protocol, *listener.getsockname()))
    peer, _ = listener.accept()
    with peer:
        peer.sendall(b"x")
        raised = run_out(loop, patience)
        protocol.transport.abort()
        run_coroutine(loop, protocol.until("connection_lost", patience))

    assert (raised, errors) == (error, []), "what the run raised; what was reported"


@check(
    "Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__get_buffer",
    level="should",
    after=CONNECTS,
)
def exit_in_get_buffer_ends_run(loop, listener, patience):
    """SystemExit and KeyboardInterrupt that get_buffer() of a protocol raises come out of the run."""
    left = []
    for kind in EXITS:
        error = kind("raised by get_buffer()")
        protocol = Buffers(get_buffer=lambda protocol, error=error: throw(error))
        loop.run_until_complete(loop.create_connection(lambda protocol=protocol: protocol, *listener.getsockname()))
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"x")
            left.append(run_out(loop, patience) is error)
            protocol.transport.abort()
            run_coroutine(loop, protocol.until("connection_lost", patience))

    assert left == [True, True]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2", level="should", after=SERVES)
def exit_in_factory_ends_run(loop, errors, patience):
    """SystemExit and KeyboardInterrupt that the protocol factory of a server raises come out of the run.

    Whether they are reported besides is the loop's choice: asyncio's own has a task that nobody awaits.
    """
    left = []
    for kind in EXITS:
        error = kind("raised by the protocol factory")
        server = loop.run_until_complete(loop.create_server(lambda error=error: throw(error), "127.0.0.1", 0))
        with dial(server, patience):
            left.append(run_out(loop, patience) is error)
        server.close()
        loop.run_until_complete(server.wait_closed())

    assert left == [True, True]


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="may")
def exit_ends_the_run_at_once(loop, errors, patience, trace):
    """What is queued behind a callback that raises SystemExit does not run before the exception leaves the run.

    Whoever exits in the middle of something has the rest of it run on half of its state otherwise.
    """
    loop.call_soon(throw, SystemExit())
    loop.call_soon(trace, "next callback")
    run_out(loop, patience)
    trace("end of the run")
    turn(loop)

    assert (trace, errors) == (["end of the run", "next callback"], [])


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def callbacks_after_base_exception_not_lost(loop, errors, trace):
    """Callbacks and timers behind a callback that raised SystemExit are not lost: the next run has them at latest."""
    loop.call_later(0.001, trace, "timer")
    loop.call_soon(throw, SystemExit())
    loop.call_soon(trace, "next callback")
    raised = run_out(loop, 0.05)
    run_coroutine(loop, asyncio.sleep(0.003))

    assert sorted(trace) == ["next callback", "timer"], f"the first run raised {raised!r}"


@check("Lib/asyncio/events.py: Handle._run", level="should")
def other_base_exceptions_go_to_handler(loop, errors, trace):
    """CancelledError, GeneratorExit and other exceptions derived from BaseException are reported like any Exception."""
    raised = [asyncio.CancelledError(), GeneratorExit(), Surprise()]
    for error in raised:
        loop.call_soon(throw, error)
    loop.call_soon(trace, "next callback")
    turn(loop)

    assert ([context.get("exception") for context in errors], trace) == (raised, ["next callback"])


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
def exit_in_main_task_ends_run(loop, trace):
    """SystemExit and KeyboardInterrupt that a task raises come out of run_until_complete(), and are its exception."""
    raised = [kind("raised by a task") for kind in EXITS]
    for error in raised:
        task = loop.create_task(throw_later(error))
        try:
            trace(loop.run_until_complete(task))
        except EXITS as caught:
            trace(caught, task.exception())

    assert trace == [(error, error) for error in raised], "what each run raised, and the exception of its task"


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
def exit_in_background_task_ends_run(loop, patience, trace):
    """SystemExit and KeyboardInterrupt that a task raises in the background end the run, and are its exception.

    That is how sys.exit() in any task ends a program.
    """
    raised = [kind("raised by a task") for kind in EXITS]
    for error in raised:
        task = loop.create_task(throw_later(error))
        trace(run_out(loop, patience), task.exception())

    assert trace == [(error, error) for error in raised], "what each run raised, and the exception of its task"


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_until_complete", level="should")
def run_until_complete_base_exception_not_reported(new_loop, trace):
    """The SystemExit or KeyboardInterrupt of a coroutine given to run_until_complete() is not reported besides.

    Neither then, nor when the loop is closed and the coroutine's task is destroyed.
    """
    for kind in EXITS:
        loop = new_loop()
        loop.set_exception_handler(lambda *given: trace(given[-1]))
        try:
            trace(run_coroutine(loop, throw_later(kind())))
        except EXITS as caught:
            trace(type(caught))
        loop.close()
        gc.collect()

    assert trace == [*EXITS], "what the runs raised, and what was reported"


@check("Lib/asyncio/base_events.py: _run_until_complete_cb", level="should")
def run_until_complete_base_exception_leaves_no_stop(loop, trace):
    """After a run_until_complete() that SystemExit or KeyboardInterrupt ended, the next run lasts until its own stop().

    Programs that clean up after KeyboardInterrupt with another run rely on it.
    """
    for kind in EXITS:
        with contextlib.suppress(*EXITS):
            trace(run_coroutine(loop, throw_later(kind())))
        loop.call_later(0.002, trace, f"timer after {kind.__name__}")
        loop.call_later(0.003, loop.stop)
        loop.run_forever()
        turn(loop)

    assert trace == ["timer after SystemExit", "timer after KeyboardInterrupt"], "a run ended before its timer"


@check("Lib/asyncio/tasks.py: Task.__step", level="should")
async def other_base_exception_in_task_stored(loop, patience):
    """An exception derived from BaseException that a task raises is kept in the task, and the loop goes on."""
    error = Surprise()
    task = loop.create_task(throw_later(error))
    await soon(asyncio.wait({task}), patience, "the task ends")

    assert task.exception() is error


# protocols


@check(
    "Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__data_received",
    level="should",
    after=CONNECTS,
)
async def data_received_exception_is_reported(loop, listener, patience):
    """An exception that data_received() raises is reported once, with the protocol and the transport."""
    error = ZeroDivisionError("mine")
    watchers = Watchers(StreamWatcher, lambda: None, data_received=lambda protocol: throw(error))
    lookout = Lookout(lambda: None)
    loop.set_exception_handler(
        lambda *given: lookout(tuple(map(given[-1].get, ("exception", "protocol", "transport"))))
    )
    async with connected(listener, watchers, patience) as (protocol, peer):
        peer.sendall(b"x")
        await lookout.after(1, patience)

    assert list(lookout.seen) == [(error, protocol, protocol.transport)]


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._fatal_error", level="should", after=CONNECTS)
async def data_received_exception_closes_connection(loop, errors, listener, patience):
    """An exception that data_received() raises closes the connection: connection_lost() is called with it.

    The peer sees the end, and the protocol does not go on in a state that its author has not thought of.
    """
    error = ZeroDivisionError("mine")
    watchers = Watchers(StreamWatcher, lambda: None, data_received=lambda protocol: throw(error))
    async with connected(listener, watchers, patience) as (protocol, peer):
        peer.sendall(b"x")
        await protocol.until("connection_lost", patience)

        assert (protocol.lost_with, protocol.times("data_received")) == (error, 1)
        assert peer.recv(1) == b""


@check("Lib/asyncio/events.py: Handle._run", level="should", after=SERVES)
async def protocol_connection_made_exception(loop, patience):
    """An exception that connection_made() of a server's protocol raises is reported, and the server goes on."""
    errors = [ZeroDivisionError("first"), ZeroDivisionError("second")]
    reports = reports_of(loop)
    watchers = Watchers(StreamWatcher, lambda: None, connection_made=lambda protocol: throw(errors[len(watchers) - 1]))
    async with serving(watchers, patience) as server:
        for number in (1, 2):
            with dial(server, patience):
                await reports.after(number, patience)

    assert list(reports.seen) == errors


also_in(
    {
        "debug": (
            callback_exception_calls_handler,
            callback_context_has_handle,
            loop_continues_after_callback_exception,
            timer_and_threadsafe_callback_exceptions,
            handler_exception_does_not_escape,
            exit_in_callback_ends_run,
            exit_in_timer_ends_run,
            exit_in_background_task_ends_run,
            callbacks_after_base_exception_not_lost,
            other_base_exceptions_go_to_handler,
        ),
        "other-thread": (
            callback_exception_calls_handler,
            callback_exception_is_logged_by_default,
            handler_called_in_running_loop,
            exit_in_callback_ends_run,
            fd_callback_exception_is_reported,
        ),
        "runner": (timer_and_threadsafe_callback_exceptions,),
        "eager-tasks": (exit_in_background_task_ends_run,),
        "python-tasks": (
            done_callback_exception_is_reported,
            exit_in_done_callback_ends_run,
            exit_in_main_task_ends_run,
            exit_in_background_task_ends_run,
            other_base_exception_in_task_stored,
            run_until_complete_base_exception_not_reported,
            run_until_complete_base_exception_leaves_no_stop,
        ),
    }
)
