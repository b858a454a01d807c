"""call_soon(), timers, handles and the loop's clock."""

import asyncio
import functools
import gc
import itertools
import math
import random
import sys
import threading
import time
import weakref

from loopcheck.check import also_in, check
from loopcheck.kit import in_thread, pass_turns, refuses, soon, turn, turns
from loopcheck.kit.clock import CLOCK_SLACK, OWN_CLOCK_GRAIN, SPINNING, block, idleness

DAY = 24 * 3600.0


# call_soon()


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_not_synchronous(loop, trace):
    """call_soon() returns without having called the callback, which the next iteration of the loop calls."""
    for run in ("first run", "second run"):
        loop.call_soon(trace, run)
        trace("call_soon returned")
        turn(loop)

    assert trace == ["call_soon returned", "first run", "call_soon returned", "second run"]


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_positional_args(loop, trace):
    """call_soon() hands its positional arguments, the very objects, to any kind of callable.

    None is an argument like any other, and no arguments at all are fine.
    """

    class Callable:
        def __call__(self, *arguments):
            trace.append(("object", arguments))

        def method(self, *arguments):
            trace.append(("method", arguments))

    def function(*arguments):
        trace.append(("function", arguments))

    one, two = object(), object()
    loop.call_soon(function)
    loop.call_soon(function, None)
    loop.call_soon(Callable().method, one, None, two)
    loop.call_soon(Callable(), (one,), [])
    loop.call_soon(functools.partial(function, one), two)
    loop.call_soon(function, *range(20))
    turn(loop)

    assert trace == [
        ("function", ()),
        ("function", (None,)),
        ("method", (one, None, two)),
        ("object", ((one,), [])),
        ("function", (one, two)),
        ("function", tuple(range(20))),
    ]


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_fifo_order(loop, trace):
    """Callbacks run in the order they were given to call_soon().

    Protocols that queue several notifications from one wakeup rely on it.
    """
    for number in range(1100):
        loop.call_soon(trace, number)
    turn(loop)

    assert trace == list(range(1100))


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_exactly_once(loop, trace):
    """A callback given to call_soon() runs once, however long the loop runs afterwards."""
    loop.call_soon(trace, "callback")
    turns(loop, 3)

    assert trace == ["callback"]


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_same_callable_twice_is_two_calls(loop, trace):
    """The same callable given to call_soon() twice is called twice."""
    for _ in range(2):
        loop.call_soon(trace, "callback")
    turn(loop)

    assert trace == ["callback", "callback"]


@check("asyncio-eventloop#asyncio.Handle.cancel")
def handles_of_same_callable_are_independent(loop, trace):
    """Of two registrations of the same callable with call_soon(), cancelling one leaves the other."""
    first, second = loop.call_soon(trace, "callback"), loop.call_soon(trace, "callback")
    first.cancel()
    turn(loop)

    assert trace[:1] == ["callback"], "what ran first, of the registration that was not cancelled"
    assert first is not second


@check("asyncio-eventloop#asyncio.loop.call_soon")
def call_soon_returns_handle(loop, trace):
    """call_soon() returns an instance of asyncio.Handle."""
    handle = loop.call_soon(trace, "callback")

    assert isinstance(handle, asyncio.Handle), f"call_soon() returned {handle!r}, whose class does not derive from it"


@check("asyncio-eventloop#asyncio.loop.call_soon")
async def nested_call_soon_runs_next_iteration(loop, trace):
    """What a running callback gives to call_soon() runs after everything that was queued before."""

    def first():
        trace("first")
        loop.call_soon(trace, "nested")

    loop.call_soon(first)
    loop.call_soon(trace, "second")
    await pass_turns(3)

    assert trace == ["first", "second", "nested"]


@check("asyncio-eventloop#scheduling-callbacks", level="should")
def scheduling_rejects_callback_kwargs(loop, trace):
    """The four scheduling methods raise TypeError for any keyword argument other than context.

    Keyword arguments for the callback go through functools.partial(); a loop that swallows them loses them silently.
    """
    with refuses(TypeError, "call_soon() with the keyword argument sep"):
        loop.call_soon(trace, "x", sep=",")
    with refuses(TypeError, "call_soon_threadsafe() with the keyword argument sep"):
        loop.call_soon_threadsafe(trace, "x", sep=",")
    with refuses(TypeError, "call_later() with the keyword argument sep"):
        loop.call_later(0, trace, "x", sep=",")
    with refuses(TypeError, "call_at() with the keyword argument sep"):
        loop.call_at(0, trace, "x", sep=",")
    turns(loop, 2)

    assert trace == [], "a refused call was scheduled all the same"


def chain(loop, patience, trace, goal):
    """Keep the loop busy with a callback that reschedules itself until ``trace`` has the goal, or patience ends."""
    until = time.monotonic() + patience

    def link():
        if goal not in trace and time.monotonic() < until:
            loop.call_soon(link)
        else:
            trace("chain ended")
            loop.stop()

    loop.call_soon(link)


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def no_starvation_of_timers(loop, trace, patience):
    """A timer fires while a callback keeps rescheduling itself with call_soon()."""
    loop.call_later(0.01, trace, "timer")
    chain(loop, patience, trace, "timer")
    loop.run_forever()

    assert trace == ["timer", "chain ended"], "timers must be looked at in every iteration"


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def no_starvation_of_threadsafe_calls(loop, trace, patience):
    """A call from another thread is run while a callback keeps rescheduling itself with call_soon()."""

    def start():
        chain(loop, patience, trace, "call")
        in_thread(loop.call_soon_threadsafe, trace, "call", patience=patience)

    loop.call_soon(start)
    loop.run_forever()

    assert trace == ["call", "chain ended"]


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should", needs=("posix",))
def no_starvation_of_io(loop, trace, patience, socketpair):
    """A ready descriptor is reported while a callback keeps rescheduling itself with call_soon()."""
    near, far = socketpair

    def readable():
        loop.remove_reader(near.fileno())
        trace("reader")

    loop.add_reader(near.fileno(), readable)
    loop.call_soon(far.send, b"x")
    chain(loop, patience, trace, "reader")
    loop.run_forever()
    loop.remove_reader(near.fileno())

    assert trace == ["reader", "chain ended"], "the loop must poll in every iteration, callbacks waiting or not"


# handles


@check("asyncio-eventloop#asyncio.Handle.cancel")
def handle_cancel_prevents_run(loop, trace):
    """A callback whose handle is cancelled before its turn does not run."""
    handle = loop.call_soon(trace, "cancelled")
    loop.call_soon(trace, "other")
    handle.cancel()
    turns(loop, 2)

    assert trace == ["other"]


@check("asyncio-eventloop#asyncio.Handle.cancel")
def handle_cancel_by_earlier_callback(loop, trace):
    """A callback does not run if one that runs before it in the same iteration cancels its handle."""
    loop.call_soon(lambda: handle.cancel())
    handle = loop.call_soon(trace, "cancelled")
    loop.call_soon(trace, "other")
    turns(loop, 2)

    assert trace == ["other"]


@check("asyncio-eventloop#asyncio.Handle.cancel")
def handle_cancel_twice_is_noop(loop, trace):
    """Cancelling a handle again, of a callback or of a timer, does nothing and raises nothing."""
    for handle in (loop.call_soon(len, ()), loop.call_later(0.001, len, ())):
        for _ in range(3):
            trace(handle.cancel())
    loop.call_later(0.005, trace, "timer")
    loop.call_later(0.010, loop.stop)
    loop.run_forever()

    assert trace == [None] * 6 + ["timer"]


@check("asyncio-eventloop#asyncio.Handle.cancel")
async def handle_cancel_after_run_is_noop(loop, trace, patience):
    """Cancelling the handle of a callback or timer that has run does nothing and raises nothing."""
    ended = loop.create_future()
    handles = [loop.call_soon(trace, "callback"), loop.call_later(0.001, ended.set_result, None)]
    await soon(ended, patience, "a timer of 1 ms fires")
    for handle in handles * 2:
        handle.cancel()
    again = loop.create_future()
    loop.call_later(0.001, again.set_result, None)
    await soon(again, patience, "another timer fires after the cancelled one")

    assert trace == ["callback"]


@check("asyncio-eventloop#asyncio.Handle.cancelled")
def handle_cancelled_reports_state(loop, trace):
    """cancelled() is False until cancel() was called and True from then on, for the handles of callbacks and timers."""
    handles = {
        "call_soon": loop.call_soon(trace, 1),
        "call_later": loop.call_later(60, trace, 2),
        "call_at": loop.call_at(loop.time() + 60, trace, 3),
    }
    before = {name: handle.cancelled() for name, handle in handles.items()}
    for handle in handles.values():
        handle.cancel()
    after = {name: handle.cancelled() for name, handle in handles.items()}

    assert before == dict.fromkeys(handles, False)
    assert after == dict.fromkeys(handles, True)


@check("asyncio-eventloop#asyncio.Handle.cancelled")
async def executed_handle_is_not_cancelled(loop, trace, patience):
    """cancelled() stays False when the callback has run."""
    ended = loop.create_future()
    handles = {
        "call_soon": loop.call_soon(trace, "ran"),
        "call_later": loop.call_later(0.001, ended.set_result, None),
    }
    await soon(ended, patience, "a timer of 1 ms fires")

    assert trace == ["ran"]
    assert {name: handle.cancelled() for name, handle in handles.items()} == dict.fromkeys(handles, False)


class Referent:
    """Something that can be called and weakly referenced."""

    def __call__(self, *arguments):
        """Do nothing."""


@check("Lib/asyncio/events.py: Handle.cancel", level="should")
def handle_cancel_releases_references(loop):
    """A cancelled handle lets go of callback and arguments at once, however far away its time.

    Outside debug mode, that is. Time-outs are cancelled all the time, and what they hold can be large.
    """
    loop.set_debug(False)
    things = {name: Referent() for name in ("callback", "argument", "timer's callback", "timer's argument")}
    alive = {name: weakref.ref(thing) for name, thing in things.items()}
    handles = [
        loop.call_soon(things["callback"], things["argument"]),
        loop.call_later(DAY, things["timer's callback"], things["timer's argument"]),
    ]
    things.clear()
    for handle in handles:
        handle.cancel()
    gc.collect()

    assert [name for name, thing in alive.items() if thing() is not None] == [], "kept alive by cancelled handles"


@check("Lib/asyncio/events.py: Handle.__repr__", level="may")
def handle_repr_names_callback(loop):
    """repr() of a pending handle names the function that it will call."""

    def a_telling_name():
        """Do nothing."""

    handles = [loop.call_soon(a_telling_name), loop.call_later(60, a_telling_name)]

    assert [repr(handle) for handle in handles if "a_telling_name" not in repr(handle)] == []


@check("Lib/asyncio/events.py: Handle.__repr__", level="may")
def handle_repr_says_cancelled(loop, trace):
    """repr() of a handle changes when it is cancelled, and then contains the word cancelled."""
    handles = [loop.call_soon(trace, 1), loop.call_later(60, trace, 2)]
    before = [repr(handle) for handle in handles]
    for handle in handles:
        handle.cancel()
    after = [repr(handle) for handle in handles]

    assert [(a != b, "cancelled" in a) for a, b in zip(after, before, strict=True)] == [(True, True)] * 2, after


@check("Lib/asyncio/events.py: Handle", level="may")
def handles_are_true(loop):
    """A handle is true as a condition, whether pending or cancelled.

    Programs keep a handle or None, and ask ``if self.timer:`` before they cancel it.
    """
    handles = [loop.call_soon(int), loop.call_later(60, int)]
    pending = [bool(handle) for handle in handles]
    for handle in handles:
        handle.cancel()

    assert (pending, [bool(handle) for handle in handles]) == ([True, True], [True, True])


# when timers run


async def too_early(loop, patience, delays):
    """The delays whose callback ran too early on the loop's own clock, with the time that had passed by then."""
    passed = {}
    ended = loop.create_future()

    def fired(delay, began):
        passed[delay] = loop.time() - began
        if len(passed) == len(delays):
            ended.set_result(None)

    for delay in delays:
        loop.call_later(delay, fired, delay, loop.time())
    await soon(ended, patience, f"timers of {min(delays)} to {max(delays)} s have fired")
    return {delay: time_passed for delay, time_passed in passed.items() if time_passed < delay - CLOCK_SLACK}


@check("asyncio-eventloop#asyncio.loop.call_later")
async def call_later_runs_after_delay(loop, patience):
    """A callback given to call_later() does not run before its delay has passed on loop.time()."""
    early = await too_early(loop, patience, (0.001, 0.005, 0.015, 0.040))

    assert early == {}, "delay: time that had passed on loop.time() when its callback ran"


@check("asyncio-eventloop#asyncio.loop.call_later")
async def fractional_millisecond_delay_not_early(loop, patience):
    """A delay that is not a whole number of milliseconds is not cut down to one.

    Code that sleeps until a moment and then looks at the clock would find that it is not there yet.
    """
    delays = tuple((whole + fraction) / 1000 for whole in range(1, 31) for fraction in (0.2, 0.4))
    early = await too_early(loop, patience, delays)

    assert early == {}, "delay: time that had passed on loop.time() when its callback ran"


@check("asyncio-task#asyncio.sleep")
async def sleep_lasts_its_delay(loop, patience):
    """asyncio.sleep() of whole milliseconds does not end before its delay has passed on loop.time()."""
    passed = {}
    for delay in (0.001, 0.004, 0.010):
        began = loop.time()
        await soon(asyncio.sleep(delay), patience, f"sleep({delay}) ends")
        passed[delay] = loop.time() - began

    assert {delay: it for delay, it in passed.items() if it < delay - CLOCK_SLACK} == {}, "delay: time slept"


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
async def timers_fire_promptly(loop, patience):
    """On an idle loop a timer fires within a tenth of a second of its time.

    Tries several times, since a busy machine can delay any one of them.
    """
    late = []
    while not late or (min(late) >= 0.1 and len(late) < 10):
        fired = loop.create_future()
        when = loop.time() + 0.01
        loop.call_at(when, lambda fired=fired: fired.set_result(loop.time()))
        late.append(await soon(fired, patience, "a timer of 10 ms fires") - when)

    assert min(late) < 0.1, f"seconds late, of {len(late)} timers the best"


@check("asyncio-eventloop#asyncio.TimerHandle")
def call_later_returns_timer_handle(loop, trace):
    """call_later() and call_at() return instances of asyncio.TimerHandle."""
    handles = {"call_later": loop.call_later(60, trace), "call_at": loop.call_at(loop.time() + 60, trace)}

    assert {name: isinstance(handle, asyncio.TimerHandle) for name, handle in handles.items()} == {
        "call_later": True,
        "call_at": True,
    }, f"got {handles!r}"


@check("asyncio-eventloop#asyncio.loop.call_later")
async def timer_positional_args(loop, trace, patience):
    """call_later() and call_at() hand their positional arguments, the very objects, to the callback."""
    one, two = object(), object()
    ended = loop.create_future()

    def record(*arguments):
        trace.append(arguments)
        if len(trace) == 4:
            ended.set_result(None)

    now = loop.time()
    loop.call_at(now + 0.001, record, one, None, two)
    loop.call_at(now + 0.004, record)
    loop.call_later(0.007, record, None)
    loop.call_later(0.010, record, (one,), two)
    await soon(ended, patience, "four timers fire")

    assert sorted(trace, key=len) == sorted([(one, None, two), (), (None,), ((one,), two)], key=len)


@check("asyncio-eventloop#asyncio.loop.call_later")
async def timer_runs_exactly_once(loop, trace, patience):
    """Each of a thousand pending timers fires once."""
    dice = random.Random(1)
    ended = loop.create_future()
    now = loop.time()
    for number in range(500):
        loop.call_later(dice.random() / 100, trace, number)
        loop.call_at(now + dice.random() / 100, trace, 500 + number)
    loop.call_later(0.012, ended.set_result, None)
    await soon(ended, patience, "a timer of 12 ms fires")
    await pass_turns(2)

    assert sorted(trace) == list(range(1000))


@check("asyncio-eventloop#asyncio.loop.call_at")
async def timer_accepts_int_and_float(loop, trace, patience):
    """call_later() and call_at() take an int as well as a float."""
    ended = loop.create_future()
    loop.call_later(0, trace, "call_later(int)")
    loop.call_later(0.0, trace, "call_later(float)")
    loop.call_at(int(loop.time()), trace, "call_at(int)")
    loop.call_at(loop.time() + 0.001, trace, "call_at(float)")
    far = [loop.call_later(60, trace, "too early"), loop.call_at(int(loop.time()) + 60, trace, "too early")]
    loop.call_later(0.005, ended.set_result, None)
    await soon(ended, patience, "a timer of 5 ms fires")
    for handle in far:
        handle.cancel()

    assert sorted(trace) == ["call_at(float)", "call_at(int)", "call_later(float)", "call_later(int)"]


DUE = {
    "call_later(0)": lambda loop, *call: loop.call_later(0, *call),
    "call_at(now)": lambda loop, *call: loop.call_at(loop.time(), *call),
}
"""Ways to ask for a timer that is due at once."""


@check("Lib/asyncio/base_events.py: BaseEventLoop.call_at", level="should")
def due_timers_are_not_synchronous(loop, trace):
    """call_later() and call_at() never call the callback themselves, not even when it is due at once."""

    def schedule():
        for name, call in DUE.items():
            call(loop, trace, name)
        trace("scheduled")

    loop.call_soon(schedule)
    turns(loop, 3)

    assert trace[:1] == ["scheduled"]
    assert sorted(trace[1:]) == sorted(DUE)


@check("Lib/asyncio/base_events.py: BaseEventLoop.call_at", level="should")
async def due_timers_run_in_next_iteration(loop, trace):
    """A timer with a delay of zero, or for the time that it is now, fires in the next iteration."""
    for name, call in DUE.items():
        call(loop, trace, name)
    await pass_turns(2)

    assert sorted(trace) == sorted(DUE), "these had run before the iteration after the next"


@check("Lib/asyncio/base_events.py: BaseEventLoop.call_at", level="should")
async def timers_in_the_past_are_due_at_once(loop, trace):
    """A timer with a negative delay, or with its time in the past, fires in the next iteration.

    Programs compute how long to wait as the difference of two times, and are late now and then.
    """
    loop.call_later(-5, trace, "call_later(-5)")
    loop.call_at(loop.time() - 100, trace, "call_at(the past)")
    loop.call_at(0, trace, "call_at(0)")
    await pass_turns(2)

    assert sorted(trace) == ["call_at(0)", "call_at(the past)", "call_later(-5)"]


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def timers_due_at_rest_fire_in_next_run(loop, trace):
    """Timers that have fallen due while the loop did not run fire in the first turns of its next run.

    Twisted's asyncioreactor and the input hooks of IPython run a loop for a moment, again and again.
    """
    turn(loop)
    # After that turn: on a busy machine it may take as long as the timer.
    loop.call_later(0.003, trace, "timer")
    block(0.005)
    trace("at rest")
    turns(loop, 2)

    assert trace == ["at rest", "timer"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.call_later", level="should")
def none_delay_or_when_rejected(loop, trace):
    """call_later() and call_at() raise TypeError at the call for a delay or time that is no number."""
    with refuses(TypeError, "call_later(None, ...)"):
        loop.call_later(None, trace, "call_later(None)")
    with refuses(TypeError, "call_later('x', ...)"):
        loop.call_later("x", trace, "call_later('x')")
    with refuses(TypeError, "call_at(None, ...)"):
        loop.call_at(None, trace, "call_at(None)")
    turns(loop, 2)

    assert trace == [], "a refused call was scheduled all the same"


@check("Lib/asyncio/base_events.py: MAXIMUM_SELECT_TIMEOUT", level="should")
def infinite_delay_accepted(loop, trace, patience):
    """A loop whose only timers are infinitely or absurdly far away takes them, and still wakes for another thread."""
    handles = [
        loop.call_later(math.inf, trace, "call_later(inf)"),
        loop.call_at(math.inf, trace, "call_at(inf)"),
        loop.call_later(1e12, trace, "call_later(1e12)"),
    ]
    running = threading.Event()
    loop.call_soon(running.set)

    def wake():
        running.wait(patience)
        loop.call_soon_threadsafe(trace, "woken")
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=wake)
    thread.start()
    loop.run_forever()
    thread.join()
    for handle in handles:
        handle.cancel()

    assert trace == ["woken"]


def idle_share(loop, arrange):
    """The share of a processor that the loop uses while it waits for ``arrange(seconds, loop.stop)`` to call back.

    Where 30 ms do not show that it uses none, 0.2 s decide: something else in the process may have been at work,
    or a busy machine may have kept the loop from using more.
    """
    for seconds in (0.03, 0.2):
        arrange(seconds, loop.stop)
        used = idleness(loop.run_forever)
        if used < 0.02:
            break
    return used


@check("Lib/asyncio/base_events.py: MAXIMUM_SELECT_TIMEOUT", level="should")
def infinite_delay_does_not_spin(loop, trace):
    """A timer that never fires does not keep an idle loop busy."""
    loop.call_later(math.inf, trace, "call_later(inf)")
    loop.call_later(1e12, trace, "call_later(1e12)")
    used = idle_share(loop, loop.call_later)

    assert used < SPINNING, f"the loop used {used:.0%} of a processor while it had nothing to do"


@check("asyncio-eventloop#asyncio.loop.call_later")
async def delay_over_a_day_accepted(loop, trace, patience):
    """Delays of days and years are accepted, and the timer does not fire early."""
    handles = [loop.call_later(delay, trace, delay) for delay in (2 * DAY, 60 * DAY, 365 * DAY, 50 * 365 * DAY, 1e9)]
    for _ in range(2):
        ended = loop.create_future()
        loop.call_later(0.005, ended.set_result, None)
        await soon(ended, patience, "a timer of 5 ms fires beside timers of days and years")
    for handle in handles:
        handle.cancel()

    assert trace == [], "these delays, in seconds, were over at once"


@check("asyncio-eventloop#asyncio.TimerHandle.when")
def delay_over_a_day_is_told_by_when(loop, trace):
    """when() of a timer days or years away says so."""
    delays = [2 * DAY, 60 * DAY, 365 * DAY, 50 * 365 * DAY, 1e9]
    now = loop.time()
    handles = [loop.call_later(delay, trace) for delay in delays]
    told = [round((handle.when() - now) / 3600) * 3600 for handle in handles]

    assert told == [round(delay / 3600) * 3600 for delay in delays], "seconds from now, to the hour"


@check("asyncio-eventloop#asyncio.loop.call_at")
async def call_at_uses_loop_clock(loop, patience):
    """A callback given to call_at() runs when loop.time() has reached the given time, not before."""
    ended = loop.create_future()
    times = [loop.time() + milliseconds / 1000 for milliseconds in (3, 5, 8, 12)]
    early = {}

    def fired(when):
        if (now := loop.time()) < when - CLOCK_SLACK:
            early[when] = now
        if when == times[-1]:
            ended.set_result(None)

    handles = [loop.call_at(when, fired, when) for when in times]
    try:
        await soon(ended, patience, "a timer set with call_at(loop.time() + 0.012) fires")
    finally:
        for handle in handles:
            handle.cancel()

    assert early == {}, "given time: loop.time() when its callback ran"


@check("asyncio-eventloop#asyncio.TimerHandle.when", level="should")
def timer_handle_when_of_call_at(loop, trace):
    """when() of a handle from call_at() is the very number that was given."""
    when = loop.time() + 60.1234567
    handle = loop.call_at(when, trace)

    assert handle.when() == when


@check("asyncio-eventloop#asyncio.TimerHandle.when")
def timer_handle_when_of_call_later(loop, trace):
    """when() of a handle from call_later() is a float: loop.time() at the call plus the delay."""
    before = loop.time()
    handle = loop.call_later(60.25, trace)
    after = loop.time()
    when = handle.when()

    assert type(when) is float
    earliest, latest = before + 60.25 - OWN_CLOCK_GRAIN, after + 60.25 + OWN_CLOCK_GRAIN
    assert earliest <= when <= latest, f"loop.time() was {before} before the call and {after} after it"


# the order of timers


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
async def timers_run_in_deadline_order(loop, trace, patience):
    """Timers fire in the order of their times, whatever the order in which they were made."""
    ended = loop.create_future()
    now = loop.time()
    for milliseconds in (13, 9, 15, 11):
        loop.call_at(now + milliseconds / 1000, trace, milliseconds)
    loop.call_at(now + 0.017, ended.set_result, None)
    await soon(ended, patience, "a timer of 17 ms fires")

    assert trace == [9, 11, 13, 15]


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
async def overdue_timers_run_in_deadline_order(loop, trace, patience):
    """Timers that all fell due while a callback blocked the loop fire in the order of their times."""
    ended = loop.create_future()
    now = loop.time()
    for milliseconds in (7, 1, 9, 3, 5):
        loop.call_at(now + milliseconds / 1000, trace, milliseconds)
    loop.call_at(now + 0.011, ended.set_result, None)
    loop.call_soon(block, 0.014)
    await soon(ended, patience, "an overdue timer fires")

    assert trace == [1, 3, 5, 7, 9]


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
async def timers_fine_order_within_millisecond(loop, trace, patience):
    """Timers that are fifty microseconds apart fire in the order of their times."""
    numbers = list(range(20))
    random.Random(1).shuffle(numbers)
    ended = loop.create_future()
    start = loop.time() + 0.005
    for number in numbers:
        loop.call_at(start + number * 5e-5, trace, number)
    loop.call_at(start + 0.005, ended.set_result, None)
    await soon(ended, patience, "a timer of 10 ms fires")

    assert trace == sorted(trace), "deadlines are rounded somewhere"
    assert len(trace) == 20


@check("asyncio-eventloop#asyncio.loop.call_later", level="should")
async def timers_with_equal_deadline(loop, trace, patience):
    """Timers may share one time: each fires once, and nothing compares their callbacks or arguments."""

    class Incomparable:
        def __eq__(self, other):
            raise AssertionError("the loop compares the arguments of callbacks")

        __lt__ = __gt__ = __le__ = __ge__ = __eq__
        __hash__ = None

    def record(number, *rest):
        trace(number)

    ended = loop.create_future()
    when = loop.time() + 0.005
    for number in range(50):
        loop.call_at(when, record, number, object(), {})
    for number in range(50, 60):
        loop.call_at(when, functools.partial(record, number), Incomparable())
    loop.call_at(when + 0.005, ended.set_result, None)
    await soon(ended, patience, "a timer of 10 ms fires")

    assert sorted(trace) == list(range(60))


@check("asyncio-eventloop#asyncio.loop.call_later")
async def timer_cancel_prevents_run(loop, trace, patience):
    """A timer that is cancelled before its time does not fire, and other timers do."""
    ended = loop.create_future()
    nearest = loop.call_later(0.002, trace, "cancelled, nearest")
    loop.call_later(0.004, trace, "kept")
    middle = loop.call_later(0.006, trace, "cancelled, neither first nor last")
    loop.call_later(0.010, ended.set_result, None)
    for handle in (nearest, middle):
        handle.cancel()
    await soon(ended, patience, "a timer fires though nearer ones were cancelled")

    assert trace == ["kept"]


@check("asyncio-eventloop#asyncio.loop.call_later")
async def zero_delay_timer_cancel_prevents_run(loop, trace):
    """A timer with a delay of 0 that is cancelled before the loop turns does not fire."""
    loop.call_later(0, trace, "cancelled").cancel()
    loop.call_later(0, trace, "kept")
    await pass_turns(3)

    assert trace == ["kept"]


@check("asyncio-eventloop#asyncio.Handle.cancel")
async def timer_cancel_by_timer_of_same_deadline(loop, trace, patience):
    """Of two timers with the same time that cancel each other, one fires."""
    ended = loop.create_future()
    when = loop.time() + 0.002
    first = loop.call_at(when, lambda: (trace("one fired"), second.cancel()))
    second = loop.call_at(when, lambda: (trace("one fired"), first.cancel()))
    loop.call_at(when + 0.005, ended.set_result, None)
    await soon(ended, patience, "a timer of 7 ms fires")

    assert trace == ["one fired"]


@check("asyncio-eventloop#asyncio.Handle.cancel")
async def timer_cancel_by_other_expired_timer(loop, trace, patience):
    """Of two timers that have both fallen due, and cancel each other, one fires."""
    ended = loop.create_future()
    now = loop.time()
    later = loop.call_at(now + 0.004, lambda: (trace("one fired"), earlier.cancel()))
    earlier = loop.call_at(now + 0.001, lambda: (trace("one fired"), later.cancel()))
    loop.call_at(now + 0.007, ended.set_result, None)
    loop.call_soon(block, 0.010)
    await soon(ended, patience, "an overdue timer fires")
    await pass_turns(2)

    assert trace == ["one fired"]


@check("Lib/asyncio/events.py: TimerHandle", level="may")
def timer_handles_compare_by_deadline(loop, trace):
    """Handles of timers are ordered by their times, and hashable."""
    now = loop.time()
    late, early = loop.call_at(now + 90, trace), loop.call_at(now + 60, trace)

    assert (early < late, early <= late, early > late, late >= early) == (True, True, False, True)
    assert [handle is early for handle in sorted([late, early])] == [True, False]
    assert len({early, late}) == 2


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="may")
def cancelled_timers_do_not_accumulate(loop, trace):
    """Of thousands of distant timers that were cancelled, the loop keeps at most a few after an iteration or two.

    A server that makes a time-out per request and cancels it would grow without bound otherwise.
    """
    unused = [object() for _ in range(10)]
    handles = [loop.call_later(3600 + number, trace) for number in range(2000)]
    for handle in handles:
        handle.cancel()
    del handle
    turns(loop, 2)
    gc.collect()

    # Counted, for not every loop's handles can be referenced weakly. An object that only a list holds is the measure.
    alone = max(sys.getrefcount(one) for one in unused)
    kept = sum(sys.getrefcount(one) > alone for one in handles)
    assert kept <= 200, "of 2000 cancelled handles so many are still referred to from elsewhere"


# the clock


@check("asyncio-eventloop#asyncio.loop.time")
def time_is_float(loop, trace):
    """loop.time() returns a float, while the loop runs and while it does not."""
    loop.call_soon(lambda: trace(loop.time()))
    trace(loop.time())
    turn(loop)
    trace(loop.time())

    assert [isinstance(reading, float) for reading in trace] == [True] * 3, f"loop.time() returned {trace!r}"


@check("asyncio-eventloop#asyncio.loop.time")
def time_never_decreases(loop):
    """loop.time() never goes back: not in a row of calls, not between iterations, not between runs."""
    readings = []

    def read(times):
        readings.extend(loop.time() for _ in range(times))
        block(0.0005)

    for _ in range(4):
        read(50)
        loop.call_soon(read, 50)
        loop.call_later(0.001, read, 50)
        loop.call_later(0.002, loop.stop)
        loop.run_forever()
    read(50)

    backwards = [(before, after) for before, after in itertools.pairwise(readings) if after < before]
    assert backwards == []


@check("asyncio-eventloop#asyncio.loop.time")
def time_advances_with_real_time(loop):
    """loop.time() counts real seconds from one iteration of the loop to another.

    Generous about precision: half the true value to twice that passes.
    """
    readings = []

    def read():
        readings.append((time.monotonic(), loop.time(), time.monotonic()))

    loop.call_soon(read)
    turn(loop)
    block(0.015 + 4 * CLOCK_SLACK)
    turn(loop)
    loop.call_soon(read)
    turn(loop)
    (_, began, earliest), (latest, ended, last) = readings

    assert 0.5 * (latest - earliest) <= ended - began <= 2 * (last - readings[0][0]), (
        f"{latest - earliest:.3f} s passed on time.monotonic()"
    )


@check("Lib/asyncio/base_events.py: BaseEventLoop.time", level="should")
def time_not_frozen_within_callback(loop):
    """loop.time() moves on within a callback that takes long.

    Code that measures how long something blocked the loop reads it twice in one callback.
    """
    readings = []

    def callback():
        readings.append(loop.time())
        block(0.010)
        readings.append(loop.time())

    loop.call_soon(callback)
    turn(loop)

    passed = readings[1] - readings[0]
    assert passed >= 0.010 - OWN_CLOCK_GRAIN, f"within 0.010 s of blocking, loop.time() moved by {passed:.6f} s"


@check("Lib/asyncio/base_events.py: BaseEventLoop.time", level="may")
def time_equals_time_monotonic(loop):
    """loop.time() is on the scale of time.monotonic()."""
    readings = []
    loop.call_soon(lambda: readings.extend((time.monotonic(), loop.time(), time.monotonic())))
    turn(loop)
    before, now, after = readings

    assert before - 1 <= now <= after + 1


@check("Lib/asyncio/base_events.py: BaseEventLoop.time", level="may", needs=("posix",))
def time_submillisecond_resolution(loop):
    """loop.time() resolves less than a millisecond."""
    readings = []

    def read():
        readings.append(loop.time())
        if len(set(readings)) < 20 and len(readings) < 20_000:
            loop.call_soon(read)
        else:
            loop.stop()

    loop.call_soon(read)
    loop.run_forever()
    steps = [after - before for before, after in itertools.pairwise(readings) if after != before]

    assert min(steps, default=1.0) < 0.0009, "the smallest step in seconds, of readings in a row of iterations"


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
async def tiny_delays_complete(loop, patience):
    """asyncio.sleep() of a nanosecond to a tenth of a millisecond ends.

    A loop that rounds the wait down, and then finds that the time has not come, can turn in circles here.
    """
    ended = []
    for delay in (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4):
        await soon(asyncio.sleep(delay), patience, f"sleep({delay}) ends")
        ended.append(delay)

    assert ended == [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4]


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def idle_loop_does_not_spin(loop):
    """A loop that waits for a timer uses next to no processor time."""
    used = idle_share(loop, loop.call_later)

    assert used < SPINNING, f"the loop used {used:.0%} of a processor while it had nothing to do"


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def idle_loop_without_timer_does_not_spin(loop):
    """A loop that waits for another thread, with no timer pending, uses next to no processor time."""
    alarms = []

    def call_from_thread(seconds, callback):
        alarms.append(threading.Timer(seconds, loop.call_soon_threadsafe, (callback,)))
        alarms[-1].start()

    used = idle_share(loop, call_from_thread)
    for alarm in alarms:
        alarm.join()

    assert used < SPINNING, f"the loop used {used:.0%} of a processor while it had nothing to do"


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
async def new_nearer_timer_shortens_wait(loop, patience):
    """A timer made in a callback fires in its time although a much later one is already pending."""
    fired = loop.create_future()
    distant = loop.call_later(100 * patience, fired.set_result, "the distant timer")
    loop.call_later(0.005, loop.call_later, 0.005, fired.set_result, "the nearer timer")
    try:
        name = await soon(fired, patience, "the nearer timer fires")
    finally:
        distant.cancel()

    assert name == "the nearer timer"


also_in(
    {
        # Handles are made, queued and run on a path of their own: origins kept, threads checked, callbacks timed.
        "debug": (
            call_soon_fifo_order,
            call_soon_positional_args,
            nested_call_soon_runs_next_iteration,
            scheduling_rejects_callback_kwargs,
            no_starvation_of_threadsafe_calls,
            handle_cancel_prevents_run,
            handle_cancelled_reports_state,
            timer_positional_args,
            timer_cancel_prevents_run,
            due_timers_run_in_next_iteration,
            timers_run_in_deadline_order,
        ),
        "other-thread": (
            call_soon_fifo_order,
            nested_call_soon_runs_next_iteration,
            no_starvation_of_threadsafe_calls,
            no_starvation_of_io,
            call_at_uses_loop_clock,
            timer_cancel_prevents_run,
            idle_loop_without_timer_does_not_spin,
        ),
        "runner": (nested_call_soon_runs_next_iteration, call_later_runs_after_delay),
        "eager-tasks": (nested_call_soon_runs_next_iteration, sleep_lasts_its_delay),
        "python-tasks": (nested_call_soon_runs_next_iteration, sleep_lasts_its_delay),
        "first-loop": (call_soon_fifo_order, call_at_uses_loop_clock),
        # Queue, timers and clock are each loop's own.
        "second-loop": (
            call_soon_fifo_order,
            call_soon_exactly_once,
            handle_cancel_prevents_run,
            timer_cancel_prevents_run,
            timers_run_in_deadline_order,
        ),
    }
)
