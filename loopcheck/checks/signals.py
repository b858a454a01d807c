"""Signals: handlers of the loop, Python's own handlers beside them, and what Ctrl-C does to asyncio.Runner."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import signal
import sys
import threading
from asyncio.subprocess import DEVNULL

from loopcheck.basics import HANDLES_SIGNALS
from loopcheck.check import also_in, check, untested
from loopcheck.kit import in_thread, pass_turns, refuses, run_coroutine, threaded, turns
from loopcheck.kit.channels import pattern
from loopcheck.kit.children import completed
from loopcheck.kit.contexts import handling
from loopcheck.kit.interrupts import alarms, default_sigint, signal_when_idle
from loopcheck.kit.peers import AS_SENT
from loopcheck.kit.turns import turns_until
from loopcheck.kit.wait import Errand

NEEDS = ("signals", "posix")
AFTER = HANDLES_SIGNALS
ADD = "asyncio-eventloop#asyncio.loop.add_signal_handler"
REMOVE = "asyncio-eventloop#asyncio.loop.remove_signal_handler"
LOOP = "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop"
RUNNER = "asyncio-runner#handling-keyboard-interruption"
RUN = "Lib/asyncio/runners.py: Runner.run"
USR1, USR2, INT = signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT


def send(number):
    """Send this process a signal, the way that another process would."""
    os.kill(os.getpid(), number)


async def called(trace, number, patience, what="the handler is called"):
    """Wait until so much is recorded."""
    await turns_until(lambda: len(trace) >= number, patience, what)


async def nothing():
    """Nothing at all, to be run."""


# adding and removing


@check(REMOVE)
async def add_remove_return_values(loop, signals_kept):
    """add_signal_handler() returns None; remove_signal_handler() says whether there was a handler to be removed."""
    seen = [
        loop.remove_signal_handler(USR1),
        loop.add_signal_handler(USR1, print),
        loop.remove_signal_handler(USR1),
        loop.remove_signal_handler(USR1),
        loop.remove_signal_handler(USR2),
    ]

    assert seen == [False, None, True, False, False]


@check(ADD)
async def handler_called_with_args(loop, patience, trace, signals_kept):
    """The callback gets the arguments that were given with it and no others, in the loop, which is running."""

    def handler(*arguments):
        trace((arguments, threading.get_ident(), asyncio.get_running_loop()))

    with handling(loop, USR1, handler), handling(loop, USR2, handler, "one", 2):
        send(USR1)
        await called(trace, 1, patience)
        send(USR2)
        await called(trace, 2, patience)

    here = (threading.get_ident(), loop)
    assert trace == [((), *here), (("one", 2), *here)]


@check(ADD)
async def not_called_synchronously(loop, patience, trace, signals_kept):
    """The callback does not run inside of what the signal interrupts, but when the loop gets to it."""
    with handling(loop, USR1, trace, "handler"):
        send(USR1)
        trace("still the same turn")
        await called(trace, 2, patience)

    assert trace == ["still the same turn", "handler"]


@check(ADD)
async def during_long_callback(loop, patience, trace, signals_kept):
    """A signal that comes during a long callback is handled after it."""

    def long():
        send(USR1)
        trace(sum(range(200_000)) > 0)

    with handling(loop, USR1, trace, "handler"):
        loop.call_soon(long)
        await called(trace, 2, patience)

    assert trace == [True, "handler"]


class Handler:
    """A callable object."""

    def __init__(self, trace):
        self.trace = trace

    def __call__(self, *arguments):
        self.trace(("object", *arguments))


@check(ADD, level="should")
async def callable_kinds(loop, patience, trace, signals_kept):
    """The callback may be a partial, a method or an object; a signal's number and its enum member are the same."""
    loop.add_signal_handler(int(USR1), functools.partial(trace, "partial"), 1)
    send(USR1)
    await called(trace, 1, patience)
    removed = [loop.remove_signal_handler(USR1)]
    loop.add_signal_handler(USR1, Handler(trace), 2)
    send(USR1)
    await called(trace, 2, patience)
    removed.append(loop.remove_signal_handler(int(USR1)))

    assert (trace, removed) == ([("partial", 1), ("object", 2)], [True, True])


@check(LOOP + "._check_signal", level="should")
def type_check(loop, signals_kept):
    """A signal that is no int raises TypeError."""
    for number in ("SIGUSR1", None, 1.5):
        with refuses(TypeError, f"add_signal_handler({number!r}, ...)"):
            loop.add_signal_handler(number, print)
        with refuses(TypeError, f"remove_signal_handler({number!r})"):
            loop.remove_signal_handler(number)


@check(ADD)
def invalid_number(loop, signals_kept):
    """A number that is no signal raises ValueError."""
    for number in (0, -1, signal.NSIG + 1, 1000):
        with refuses(ValueError, f"add_signal_handler({number!r}, ...)"):
            loop.add_signal_handler(number, print)
        with refuses(ValueError, f"remove_signal_handler({number!r})"):
            loop.remove_signal_handler(number)


@check(ADD)
def number_out_of_range(loop, signals_kept):
    """A number beyond those of all signals raises ValueError in add_signal_handler(), and does no harm.

    A loop that keeps its handlers in an array would look, or write, beside it.
    """
    for number in (-1, signal.NSIG + 1, 1000):
        with refuses(ValueError, f"add_signal_handler({number!r}, ...)"):
            loop.add_signal_handler(number, print)


@check(ADD, after=())
def uncatchable(loop, signals_kept):
    """SIGKILL and SIGSTOP, which nobody can handle, are refused, and there is no handler of theirs to be removed.

    The page says ValueError, and asyncio raises RuntimeError: either will do.
    """
    for number in (signal.SIGKILL, signal.SIGSTOP):
        with refuses((ValueError, RuntimeError), f"add_signal_handler({number!r}, ...)"):
            loop.add_signal_handler(number, print)

    assert [loop.remove_signal_handler(number) for number in (signal.SIGKILL, signal.SIGSTOP)] == [False, False]


@check(LOOP + ".add_signal_handler", level="should", after=())
def refusal_leaves_no_wakeup_fd(loop, signals_kept):
    """After SIGKILL, or a number that is no signal, was refused no wake-up descriptor of the loop stays."""
    left = {}
    for number in (signal.SIGKILL, 1000):
        with contextlib.suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, print)
        left[int(number)] = signal.set_wakeup_fd(-1)

    assert left == {signal.SIGKILL: -1, 1000: -1}


@check(ADD, level="should")
def coroutine_rejected(loop, signals_kept):
    """A coroutine, or a coroutine function, raises TypeError as callback, and changes nothing."""
    coroutine = nothing()
    with contextlib.closing(coroutine):
        for callback in (nothing, coroutine):
            with refuses(TypeError, f"add_signal_handler() with {type(callback).__name__}"):
                loop.add_signal_handler(USR1, callback)

    assert signal.getsignal(USR1) == signal.SIG_DFL


@check(ADD, after=())
def non_main_thread(new_loop, patience, signals_kept):
    """add_signal_handler() of a loop that runs in another thread than the main one raises, and changes nothing.

    The page does not say what; asyncio raises RuntimeError. The loop has no handler then, and can be closed there.
    """

    async def add():
        with refuses((RuntimeError, ValueError), "add_signal_handler() in another thread"):
            asyncio.get_running_loop().add_signal_handler(USR1, print)

    def run():
        with contextlib.closing(new_loop()) as loop:
            run_coroutine(loop, add())

    in_thread(run, patience=patience)

    assert signal.getsignal(USR1) == signal.SIG_DFL


@check(ADD, level="should", after=())
def closed_loop(new_loop, signals_kept):
    """add_signal_handler() of a closed loop raises RuntimeError, and changes nothing."""
    loop = new_loop()  # made here, for a loop may change what SIGINT does until it is closed
    loop.close()
    with refuses(RuntimeError, "add_signal_handler() of a closed loop"):
        loop.add_signal_handler(USR1, print)

    assert signal.getsignal(USR1) == signal.SIG_DFL


@check(ADD, level="should")
async def replace_handler(loop, patience, trace, signals_kept):
    """Another callback for the same signal takes the place of the first."""
    loop.add_signal_handler(USR1, trace, "first")
    with handling(loop, USR2, trace, "end"):
        loop.add_signal_handler(USR1, trace, "second")
        send(USR1)
        await called(trace, 1, patience)
        removed = [loop.remove_signal_handler(USR1), loop.remove_signal_handler(USR1)]
        send(USR2)
        await called(trace, 2, patience)

    assert (trace, removed) == (["second", "end"], [True, False])


@check(ADD, level="should")
async def ignored_by_caller_then_handler(loop, patience, trace, signals_kept):
    """A signal that was ignored before is handled."""
    signal.signal(USR1, signal.SIG_IGN)
    loop.add_signal_handler(USR1, trace, "handler")
    send(USR1)
    await called(trace, 1, patience)
    loop.remove_signal_handler(USR1)

    assert trace == ["handler"]


@check(REMOVE, level="should")
async def default_restored(loop, signals_kept):
    """remove_signal_handler() restores the default: KeyboardInterrupt for SIGINT, the system's action for others."""
    for number in (USR1, INT):
        loop.add_signal_handler(number, print)
        loop.remove_signal_handler(number)

    assert (signal.getsignal(USR1), signal.getsignal(INT)) == (signal.SIG_DFL, signal.default_int_handler)


@check(REMOVE, level="should")
def removed_before_the_loop_runs(loop, signals_kept):
    """A handler can be added to a loop that does not run yet, and removed again, and the default is restored."""
    loop.add_signal_handler(USR1, print)

    assert (loop.remove_signal_handler(USR1), signal.getsignal(USR1)) == (True, signal.SIG_DFL)


@check(REMOVE, level="should")
def removed_between_runs(loop, signals_kept):
    """A handler can be removed when the loop has run and does not run any more, and the default is restored."""
    loop.add_signal_handler(USR1, print)
    run_coroutine(loop, nothing())

    assert (loop.remove_signal_handler(USR1), signal.getsignal(USR1)) == (True, signal.SIG_DFL)


@check(LOOP + ".remove_signal_handler", level="may")
async def default_restored_over_custom(loop, signals_kept):
    """A handler of signal.signal() that was there before does not come back with remove_signal_handler()."""
    signal.signal(USR1, lambda number, frame: None)
    loop.add_signal_handler(USR1, print)
    loop.remove_signal_handler(USR1)

    assert signal.getsignal(USR1) == signal.SIG_DFL


@check(LOOP + ".close", level="should")
def close_removes(new_loop, signals_kept):
    """close() of a loop removes its handlers and restores the defaults."""
    loop = new_loop()
    for number in (USR1, INT):
        loop.add_signal_handler(number, print)
    loop.close()

    assert (signal.getsignal(USR1), signal.getsignal(INT)) == (signal.SIG_DFL, signal.default_int_handler)


@check(LOOP + ".remove_signal_handler", level="should")
def wakeup_fd_restored(new_loop, signals_kept):
    """When the last handler is removed, or the loop is closed, no wake-up descriptor of the loop stays."""
    seen = []
    for how in ("removed", "closed"):
        loop = new_loop()
        loop.add_signal_handler(USR1, print)
        run_coroutine(loop, nothing())
        if how == "removed":
            loop.remove_signal_handler(USR1)
            seen.append(signal.set_wakeup_fd(-1))
        loop.close()
        seen.append(signal.set_wakeup_fd(-1))

    assert seen == [-1] * 3


@check(LOOP, level="should", after=())
def user_wakeup_fd_untouched(new_loop, socketpair, signals_kept):
    """A loop without signal handlers leaves alone the wake-up descriptor that the program has set."""
    near, _ = socketpair
    signal.set_wakeup_fd(near.fileno())
    loop = new_loop()
    run_coroutine(loop, nothing())
    seen = [signal.set_wakeup_fd(near.fileno())]
    loop.close()
    seen.append(signal.set_wakeup_fd(-1))

    assert seen == [near.fileno()] * 2


@check(LOOP, level="should", after=())
def unused_loop_leaves_signals_alone(new_loop, signals_kept):
    """Running and closing a loop without signal handlers changes nothing of what signals do, not even meanwhile."""
    numbers = (INT, signal.SIGTERM, signal.SIGCHLD, USR1, signal.SIGPIPE)

    def actions():
        return [signal.getsignal(number) for number in numbers]

    async def inside():
        return actions()

    before = actions()
    loop = new_loop()
    seen = [actions(), run_coroutine(loop, inside())]
    loop.close()
    seen.append(actions())

    assert seen == [before] * 3


# delivery


@check(ADD)
def wakes_idle_loop(new_loop, trace, patience, signals_kept):
    """A signal wakes a loop that has nothing to wait for, and its handler is called at once."""
    with contextlib.closing(new_loop()) as loop:
        waiting, answered = threading.Event(), threading.Event()

        def handler():
            trace("handler")
            answered.set()
            loop.stop()

        def wake():
            trace("the loop slept on")
            loop.call_soon_threadsafe(loop.stop)

        with handling(loop, USR1, handler), signal_when_idle(USR1, waiting, answered, patience, wake):
            loop.call_soon(waiting.set)
            loop.run_forever()

    assert trace == ["handler"]


@check(ADD, level="should")
def pending_before_run(loop, patience, trace, signals_kept):
    """A signal that comes before the loop runs is handled when it runs."""
    with handling(loop, USR1, trace, "handler"):
        send(USR1)
        before = trace[:]
        run_coroutine(loop, called(trace, 1, patience))

    assert (before, trace) == ([], ["handler"])


@check(ADD, level="should")
def pending_between_runs(loop, patience, trace, signals_kept):
    """A signal that comes between two runs of the loop is handled in the second."""
    with handling(loop, USR1, trace, "handler"):
        run_coroutine(loop, nothing())
        send(USR1)
        before = trace[:]
        run_coroutine(loop, called(trace, 1, patience))

    assert (before, trace) == ([], ["handler"])


@check(ADD, level="should")
def handler_survives_reruns(loop, patience, trace, signals_kept):
    """A handler stays while the loop stops and runs again."""
    with handling(loop, USR1, trace, "handler"):
        for number in (1, 2, 3):
            loop.call_soon(send, USR1)
            run_coroutine(loop, called(trace, number, patience))

    assert trace == ["handler"] * 3


@contextlib.contextmanager
def no_complaint_about_full_wakeup_fd():
    """In the block nobody hears that a wake-up descriptor was full: Python says so of asyncio's, too."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = before


@check(ADD)
async def burst(loop, patience, trace, signals_kept):
    """Thousands of signals in a row call the handler once at least, and later signals are handled as ever."""
    with handling(loop, USR1, trace, "handler"), no_complaint_about_full_wakeup_fd():
        for _ in range(5000):
            send(USR1)
        await called(trace, 1, patience)
        await pass_turns(3)
        before = len(trace)
        send(USR1)
        await called(trace, before + 1, patience, "the handler is called for a signal after thousands of others")

    assert (before >= 1, set(trace)) == (True, {"handler"})


@check(ADD)
async def several_signals(loop, patience, trace, signals_kept):
    """Handlers of several signals are called for their own signal each."""
    numbers = (USR1, USR2, signal.SIGHUP, signal.SIGTERM, signal.SIGWINCH, signal.SIGALRM, signal.SIGRTMIN)
    with contextlib.ExitStack() as stack:
        for number in numbers:
            stack.enter_context(handling(loop, number, trace, number))
        for count, number in enumerate(numbers, 1):
            send(number)
            await called(trace, count, patience)

    assert trace == [*numbers]


@check(ADD)
async def signals_at_once(loop, patience, trace, signals_kept):
    """Different signals that come in the same turn are all handled."""
    with handling(loop, USR1, trace, USR1), handling(loop, USR2, trace, USR2), handling(loop, INT, trace, INT):
        for number in (USR2, USR1, INT):
            send(number)
        await called(trace, 3, patience, "each of three handlers is called")

    assert sorted(trace) == sorted([USR1, USR2, INT])


@check(LOOP + "._process_self_data", level="should")
async def raise_signal_in_thread(loop, patience, trace, signals_kept):
    """A signal that is sent to another thread is handled in the loop's."""
    with handling(loop, USR1, lambda: trace(threading.get_ident())):
        await threaded(lambda: signal.pthread_kill(threading.get_ident(), USR1), patience=patience)
        await called(trace, 1, patience)

    assert trace == [threading.get_ident()]


@check("Lib/asyncio/events.py: Handle._run", level="should")
async def handler_exception(loop, patience, trace, errors, signals_kept):
    """An exception of a handler is told to the exception handler, and the handler stays."""

    def fail():
        trace("called")
        raise ZeroDivisionError

    with handling(loop, USR1, fail):
        for number in (1, 2):
            send(USR1)
            await called(trace, number, patience)
            await pass_turns()

    assert [type(context.get("exception")) for context in errors] == [ZeroDivisionError] * 2


@check(LOOP + "._handle_signal", level="should")
async def remove_drops_pending(loop, patience, trace, signals_kept):
    """A handler that is removed before the loop got to a signal is not called for it."""
    with handling(loop, USR2, trace, "end"):
        loop.add_signal_handler(USR1, trace, "removed")
        send(USR1)
        loop.remove_signal_handler(USR1)
        send(USR2)
        await called(trace, 1, patience)
        await pass_turns(2)

    assert trace == ["end"]


@check(REMOVE)
async def remove_inside_handler(loop, patience, trace, signals_kept):
    """A handler may remove itself."""

    def handler():
        trace(loop.remove_signal_handler(USR1))

    loop.add_signal_handler(USR1, handler)
    send(USR1)
    await called(trace, 1, patience)

    assert (trace, signal.getsignal(USR1)) == ([True], signal.SIG_DFL)


@check(ADD, level="should")
async def add_inside_handler(loop, patience, trace, signals_kept):
    """A handler may put another one in its place."""

    def handler():
        trace("first")
        loop.add_signal_handler(USR1, trace, "second")

    with handling(loop, USR1, handler):
        send(USR1)
        await called(trace, 1, patience)
        send(USR1)
        await called(trace, 2, patience)

    assert trace == ["first", "second"]


@check("Lib/asyncio/events.py: Handle._run", level="should")
def systemexit_in_handler(loop, trace, signals_kept):
    """SystemExit that a handler raises ends the run, and keeps its code."""

    def leave():
        raise SystemExit(3)

    with handling(loop, USR1, leave):
        loop.call_soon(send, USR1)
        for _ in range(20):
            try:
                turns(loop, 1)
            except SystemExit as exit:
                trace(exit.code)
                break
        trace(loop.is_running())

    assert trace == [3, False]


@check(ADD, level="should", needs=("posix-tools",))
async def sigchld_allowed(loop, patience, trace, signals_kept):
    """SIGCHLD may have a handler; the loop's children keep working with it, and after its removal."""
    options = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}
    loop.add_signal_handler(signal.SIGCHLD, trace, "handler")
    try:
        first = await completed(loop, patience, "sh", "-c", "exit 3", **options)
        await called(trace, 1, patience)
    finally:
        loop.remove_signal_handler(signal.SIGCHLD)
    second = await completed(loop, patience, "sh", "-c", "exit 4", **options)

    assert (first.status, second.status, set(trace)) == (3, 4, {"handler"})


@check(LOOP + ".add_signal_handler", level="should")
async def io_not_interrupted(loop, patience, trace, channel, signals_kept):
    """A stream of signals does not disturb connections: no data is lost or changed, and no error comes of it."""
    sent = pattern(3_000_000)
    async with channel.open() as (transport, protocol, peer):
        with handling(loop, signal.SIGALRM, trace, "alarm"), alarms(0.001):
            arrived = peer.gets(sent)
            transport.write(sent)
            complaint = await arrived
            peer.send(sent[:1_000_000])
            await protocol.has_received(1_000_000, patience)
            await called(trace, 3, patience)

    assert (complaint, protocol.data == sent[:1_000_000], protocol.lost_with) == (AS_SENT, True, None)


# Python's own handlers


@check("signal#execution-of-python-signal-handlers", level="should", after=())
def python_handler_while_idle(new_loop, trace, patience, signals_kept):
    """A handler of signal.signal() runs at once while the loop waits without any timer."""
    with contextlib.closing(new_loop()) as loop:
        waiting, answered = threading.Event(), threading.Event()

        def handler(number, frame):
            trace("handler")
            answered.set()
            loop.call_soon_threadsafe(loop.stop)

        def wake():
            trace("the loop slept on")
            loop.call_soon_threadsafe(loop.stop)

        signal.signal(USR1, handler)
        loop.call_soon(waiting.set)
        with signal_when_idle(USR1, waiting, answered, patience, wake):
            loop.run_forever()

    assert trace == ["handler"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_forever", level="should", after=())
def python_handler_exception_propagates(new_loop, trace, patience, signals_kept):
    """An exception of a signal.signal() handler comes out of an idle run_forever(), and the loop can run again."""
    with contextlib.closing(new_loop()) as loop:
        waiting, answered, raised = threading.Event(), threading.Event(), []

        def handler(number, frame):
            if not raised:
                raised.append(number)
                raise ZeroDivisionError

        def wake():
            trace("the loop slept on")
            loop.call_soon_threadsafe(loop.stop)

        signal.signal(USR1, handler)
        loop.call_soon(waiting.set)
        with signal_when_idle(USR1, waiting, answered, patience, wake):
            try:
                trace(loop.run_forever())
            except ZeroDivisionError:
                trace("ZeroDivisionError")
        trace(loop.is_running())
        trace(run_coroutine(loop, asyncio.sleep(0, "ran again")))

    assert trace == ["ZeroDivisionError", False, "ran again"]


@check(LOOP + ".add_signal_handler", level="should")
async def mixed_python_and_loop_handlers(loop, patience, trace, signals_kept):
    """Handlers of signal.signal() and of the loop work side by side."""
    signal.signal(USR2, lambda number, frame: trace("Python's"))
    with handling(loop, USR1, trace, "the loop's"):
        send(USR2)
        await called(trace, 1, patience)
        send(USR1)
        await called(trace, 2, patience)
        send(USR2)
        await called(trace, 3, patience)

    assert trace == ["Python's", "the loop's", "Python's"]


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe", after=())
async def threadsafe_from_python_handler(loop, patience, trace, signals_kept):
    """call_soon_threadsafe() may be called from a Python signal handler that interrupts the loop at any moment."""
    numbers = itertools.count()
    given = []

    def handler(signum, frame):
        # An alarm may interrupt the handler, too, but not inside of next().
        number = next(numbers)
        given.append(number)
        loop.call_soon_threadsafe(trace, number)

    signal.signal(signal.SIGALRM, handler)
    with alarms(0.0005):
        await turns_until(lambda: len(given) >= 40, patience, "forty alarms come")
    await called(trace, len(given), patience, "all that the handler gave to call_soon_threadsafe() is called")

    assert sorted(trace) == sorted(given)


# Ctrl-C and asyncio.Runner


def interrupted(main, loop_factory, trace, **options):
    """Run a coroutine function in asyncio.Runner, and record what comes of it."""
    with default_sigint(), asyncio.Runner(loop_factory=loop_factory, **options) as runner:
        try:
            trace(runner.run(main()))
        except (KeyboardInterrupt, asyncio.CancelledError) as raised:
            trace(type(raised).__name__)


@check(RUNNER, after=())
def run_sigint_cancels_main(loop_factory, trace, signals_kept):
    """SIGINT under asyncio.Runner cancels the main task and no other, whose clean-up may await; then comes the rest."""

    async def other():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            trace("other task cancelled")
            raise

    async def main():
        task = asyncio.ensure_future(other())
        asyncio.get_running_loop().call_soon(send, INT)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await pass_turns(2)
            trace(f"clean-up ends, {'other task runs' if not task.done() else 'without the other task'}")

    interrupted(main, loop_factory, trace)

    assert trace == ["clean-up ends, other task runs", "KeyboardInterrupt", "other task cancelled"]


@check(RUNNER, after=())
def run_sigint_busy(loop_factory, trace, signals_kept):
    """SIGINT under asyncio.Runner also reaches a main task that never waits for anything but the next turn."""

    async def main():
        for number in range(10_000):
            if number == 3:
                send(INT)
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                trace("cancelled")
                raise

    interrupted(main, loop_factory, trace)

    assert trace == ["cancelled", "KeyboardInterrupt"]


@check(RUN, level="should", after=())
def run_sigint_swallowed(loop_factory, trace, signals_kept):
    """A main task that swallows the cancellation of SIGINT and returns has its value returned by asyncio.Runner."""

    async def main():
        asyncio.get_running_loop().call_soon(send, INT)
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return "swallowed"

    interrupted(main, loop_factory, trace)

    assert trace == ["swallowed"]


@check(RUN, level="should", after=())
def run_respects_custom_sigint(loop_factory, trace, signals_kept):
    """asyncio.Runner leaves a handler of SIGINT alone that the program has installed."""

    def handler(number, frame):
        trace("handler")

    async def main():
        send(INT)
        await pass_turns(2)
        return signal.getsignal(INT) is handler

    signal.signal(INT, handler)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        trace(runner.run(main()))
    trace(signal.getsignal(INT) is handler)

    assert trace == ["handler", True, True]


@check(RUN, level="should")
def run_with_loop_sigint_handler(loop_factory, trace, patience, signals_kept):
    """A handler of SIGINT that the main task gives its loop takes the place of asyncio.Runner's, which comes back not.

    After the run SIGINT raises KeyboardInterrupt again.
    """

    async def main():
        asyncio.get_running_loop().add_signal_handler(INT, trace, "handler")
        send(INT)
        await called(trace, 1, patience)
        return "not cancelled"

    with default_sigint():
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            trace(runner.run(main()))
        trace(signal.getsignal(INT) is signal.default_int_handler)

    assert trace == ["handler", "not cancelled", True]


@check(RUNNER, after=())
def run_handler_installed_only_inside(loop_factory, trace, signals_kept):
    """The handler of SIGINT that asyncio.Runner installs is there during run() and at no other time."""

    async def main():
        trace(signal.getsignal(INT) is signal.default_int_handler)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        trace(runner.get_loop() is not None and signal.getsignal(INT) is signal.default_int_handler)
        runner.run(main())
        trace(signal.getsignal(INT) is signal.default_int_handler)

    assert trace == [True, False, True]


@check(RUN, level="should", after=())
def run_in_thread_no_handler(loop_factory, patience, signals_kept):
    """A run in another thread than the main one leaves SIGINT alone: it raises KeyboardInterrupt in the main thread.

    And the run goes on to its end.
    """
    running, interrupted = threading.Event(), threading.Event()

    async def main():
        running.set()
        untouched = signal.getsignal(INT) is signal.default_int_handler
        await threaded(interrupted.wait, patience, patience=patience)
        return untouched, "went on"

    def run():
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())

    errand = Errand(run)
    errand.start()
    running.wait(patience)
    raised = None
    try:
        signal.raise_signal(INT)
    except KeyboardInterrupt:
        raised = "KeyboardInterrupt"
    finally:
        interrupted.set()

    assert (errand.result(patience), raised) == ((True, "went on"), "KeyboardInterrupt")


@check(
    "Lib/asyncio/events.py: on_fork",
    level="should",
    python=">=3.12",
    needs=("fork",),
)
async def fork_child_does_not_wake_parent(loop, patience, trace, signals_kept):
    """A signal that a forked child is sent does not call the handler of its parent's loop."""
    with handling(loop, USR1, trace, "handler"):
        child = os.fork()
        if child == 0:
            send(USR1)
            os._exit(0)
        os.waitpid(child, 0)
        await pass_turns(3)
        before = trace[:]
        send(USR1)
        await called(trace, 1, patience)

    assert (before, trace) == ([], ["handler"])


def is_caught(number):
    """Whether this process has a handler for a signal, in Python or below it, as the kernel sees it."""
    with open("/proc/self/status", encoding="ascii") as file:
        mask = next(line.split()[1] for line in file if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


@check(ADD, level="should", needs=("proc",))
def handlers_of_two_loops(new_loop, patience, trace, signals_kept):
    """A loop's handlers are its own: closing another loop, which has handled other signals, leaves them alone.

    Only the dispositions: which loop's wake-up descriptor Python keeps is not told. And the kernel's, for a loop need
    not go through Python's signal module.
    """
    one, other = new_loop(), new_loop()
    one.add_signal_handler(USR1, trace, "one")
    other.add_signal_handler(USR2, trace, "other")
    other.remove_signal_handler(USR2)
    seen = is_caught(USR1)
    other.close()
    seen = (seen, is_caught(USR1))
    one.close()

    assert seen == (True, True)


untested(
    "windows_unsupported",
    "asyncio-platforms#windows",
    "On Windows add_signal_handler() and remove_signal_handler() raise NotImplementedError.",
    because="the signals of this area are those of POSIX",
)


also_in(
    {
        "debug": (handler_called_with_args, wakes_idle_loop, burst, close_removes, run_sigint_cancels_main),
        "runner": (handler_called_with_args, several_signals, burst),
        "eager-tasks": (handler_called_with_args, run_sigint_cancels_main),
        "python-tasks": (handler_called_with_args,),
        "first-loop": (handler_called_with_args, wakes_idle_loop, run_sigint_cancels_main),
        "second-loop": (handler_called_with_args, wakes_idle_loop, close_removes, run_sigint_cancels_main),
    }
)
