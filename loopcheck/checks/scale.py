"""Many of everything: callbacks, timers, tasks, threads and descriptors by the thousand, and none that starves another.

The numbers are those of a busy server, or of a bug that only shows beyond the size of some table, batch or stack.
"""

import asyncio
import contextlib
import random
import socket
import sys
import threading
import time
import weakref

from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, run_coroutine, soon, turn, turns


def run_until(loop, reached, patience):
    """Run the loop until ``reached()``, which a callback asks again and again, or until patience ends."""
    until = time.monotonic() + patience

    def look():
        if reached() or time.monotonic() > until:
            loop.stop()
        else:
            loop.call_soon(look)

    loop.call_soon(look)
    loop.run_forever()


# many


@check("asyncio-eventloop#asyncio.loop.call_soon", level="should")
def hundred_thousand_callbacks_run_in_order(loop, trace):
    """A hundred thousand callbacks given to call_soon() run in order, each once, none before the next iteration.

    A loop that needs more than 0.1 ms for each does not end within the default time limit.
    """
    for number in range(100_000):
        loop.call_soon(trace, number)
    early = len(trace)
    turns(loop, 2)

    assert early == 0
    assert trace == list(range(100_000))


@check("asyncio-eventloop#asyncio.loop.call_later", level="should")
def hundred_thousand_timers_mostly_cancelled(loop, patience):
    """Of a hundred thousand timers of which nine in ten are cancelled, the others fire, each once.

    Takes up to 0.4 s: the timers are so many because each request of a server has one. A loop that needs more than
    0.1 ms for each does not end within the default time limit.
    """
    fired = []

    def fire(number):
        fired.append(number)
        if len(fired) == 10_000:
            loop.stop()

    handles = [loop.call_later((1 + number % 7) / 1000, fire, number) for number in range(100_000)]
    for number, handle in enumerate(handles):
        if number % 10:
            handle.cancel()
    end = loop.call_later(patience, loop.stop)
    loop.run_forever()
    end.cancel()
    turns(loop, 2)

    fired.sort()
    assert fired == list(range(0, 100_000, 10))


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def cancelled_timers_keep_nothing_alive(loop):
    """Of ten thousand distant timers the loop forgets the arguments of those that are cancelled, and keeps the others.

    Looks two turns later: whether cancel() or the loop lets go does not matter here.
    """
    loop.set_debug(False)

    class Request:
        """What a time-out is about."""

    requests = [Request() for _ in range(10_000)]
    alive = [weakref.ref(request) for request in requests]
    handles = [loop.call_later(3600 + number, len, request) for number, request in enumerate(requests)]
    for handle in handles[1000:]:
        handle.cancel()
    del requests, handles[1000:], handle
    turns(loop, 2)
    kept = [request() is not None for request in alive]
    for handle in handles:
        handle.cancel()

    assert (sum(kept[:1000]), sum(kept[1000:])) == (1000, 0), (
        "arguments alive, of 1000 pending and 9000 cancelled timers"
    )


@check("asyncio-task#asyncio.create_task")
async def ten_thousand_tasks(loop, patience):
    """Ten thousand tasks live at once, take turns in order, and each ends with its own result."""
    steps = []

    async def work(number):
        steps.append(number)
        await asyncio.sleep(0)
        steps.append(number)
        return number

    tasks = [loop.create_task(work(number)) for number in range(10_000)]
    living = len(asyncio.all_tasks())
    await soon(asyncio.wait(tasks), patience, "all of ten thousand tasks end")

    assert living == 10_001
    assert steps == [*range(10_000), *range(10_000)]
    assert [task.result() for task in tasks] == list(range(10_000))


@check("asyncio-task#asyncio.gather")
async def gather_of_ten_thousand_futures(loop, patience):
    """gather() of ten thousand futures gives their results in the order of the arguments, whatever the order they come.

    All of them are completed in one callback.
    """
    futures = [loop.create_future() for _ in range(10_000)]
    gathered = asyncio.gather(*futures)
    order = list(range(10_000))
    random.Random(1).shuffle(order)

    def complete():
        for number in order:
            futures[number].set_result(number)

    loop.call_soon(complete)

    assert await soon(gathered, patience, "gather() of ten thousand futures ends") == list(range(10_000))


@check("asyncio-future#asyncio.Future.add_done_callback")
def done_callbacks_of_ten_thousand_futures(loop, trace):
    """The callbacks of ten thousand futures that are completed at once run in the order of the completions."""
    futures = [loop.create_future() for _ in range(10_000)]
    for number, future in enumerate(futures):
        future.add_done_callback(trace.then(number))
    for future in reversed(futures):
        future.set_result(None)
    turns(loop, 2)

    assert trace == list(range(9_999, -1, -1))


@check("asyncio-eventloop#asyncio.loop.run_until_complete")
def thousand_runs_of_one_loop(loop):
    """A loop runs a thousand coroutines one after the other, and gives each its result."""

    async def answer(number):
        await asyncio.sleep(0)
        return number

    assert [run_coroutine(loop, answer(number)) for number in range(1000)] == list(range(1000))


@check("asyncio-eventloop#asyncio.loop.run_forever")
def thirty_open_loops(new_loop, trace):
    """Thirty loops that are open at the same time run in turn, each its own callbacks."""
    loops = [new_loop() for _ in range(30)]
    for number, loop in enumerate(loops):
        loop.call_soon(trace, number)
    for loop in reversed(loops):
        turn(loop)

    assert trace == list(range(29, -1, -1))


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=("posix",))
async def hundred_descriptors_become_ready_at_once(loop, patience):
    """Of a hundred watched descriptors that become readable at once, each is reported.

    A loop asks the kernel for a limited number of events at a time.
    """
    seen = set()
    ended = loop.create_future()

    def readable(number, sock):
        sock.recv(1)
        seen.add(number)
        if len(seen) == 100 and not ended.done():
            ended.set_result(None)

    with contextlib.ExitStack() as stack:
        peers = []
        for number in range(100):
            near, far = socket.socketpair()
            stack.enter_context(near)
            peers.append(stack.enter_context(far))
            near.setblocking(False)
            loop.add_reader(near.fileno(), readable, number, near)
            stack.callback(loop.remove_reader, near.fileno())
        for far in peers:
            far.send(b"x")
        await asyncio.wait({ended}, timeout=patience)
        ended.cancel()

    assert sorted(seen) == list(range(100)), f"{100 - len(seen)} of 100 readable descriptors were not reported"


# deep


@check("Lib/asyncio/base_events.py: BaseEventLoop.call_soon", level="should")
def long_chain_of_callbacks_does_not_recurse(loop, trace, patience):
    """Five thousand callbacks, each of which schedules the next, all run near the bottom of the stack."""
    depths = []

    def depth():
        frame, number = sys._getframe(), 0
        while frame:
            frame, number = frame.f_back, number + 1
        return number

    def link(rest):
        if rest % 250 == 0:
            depths.append(depth())
        if rest:
            loop.call_soon(link, rest - 1)
        else:
            loop.stop()

    loop.call_soon(link, 5_000)
    end = loop.call_later(patience, loop.stop)
    loop.run_forever()
    end.cancel()

    assert len(depths) == 21
    assert max(depths) < min(depths) + 100, "frames on the stack, at every 250th callback"


@check("asyncio-task#asyncio.Task")
async def chain_of_tasks_unwinds(loop, patience):
    """Of two thousand tasks each of which awaits the next, all end when the last does, and each adds to the result."""

    async def link(rest):
        return 1 + await loop.create_task(link(rest - 1)) if rest else await start

    start = loop.create_future()
    first = loop.create_task(link(2000))
    await pass_turns(2100)
    loop.call_soon(start.set_result, 0)
    try:
        await asyncio.wait({first}, timeout=patience)
    finally:
        start.cancel()  # from the far end: cancelling the first would recurse

    assert first.done(), "the first task of the chain did not end"
    assert first.result() == 2000


@check("asyncio-future#asyncio.Future")
async def awaiting_done_futures_takes_no_turn(loop, trace):
    """A task that awaits a future that is done, a hundred thousand times, neither recurses nor lets others run."""
    done = loop.create_future()
    done.set_result(1)
    loop.call_soon(trace, "another callback")
    total = 0
    for _ in range(100_000):
        total += await done
    trace(total)
    await pass_turns(2)

    assert trace == [100_000, "another callback"]


# nobody starves


@contextlib.contextmanager
def storm(loop, patience):
    """A thousand callbacks, each of which schedules itself again, while the block and patience last."""
    blowing = True
    until = time.monotonic() + patience

    def again():
        if blowing and time.monotonic() < until:
            loop.call_soon(again)

    for _ in range(1000):
        loop.call_soon(again)
    try:
        yield
    finally:
        blowing = False
        turns(loop, 2)


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def timers_fire_during_storm_of_callbacks(loop, trace, patience):
    """Ten timers, each of which sets the next, fire while a thousand callbacks keep scheduling themselves."""

    def fire(number):
        trace(number)
        if number < 10:
            loop.call_later(0.001, fire, number + 1)

    loop.call_later(0.001, fire, 1)
    with storm(loop, patience):
        run_until(loop, lambda: 10 in trace, patience)

    assert trace == list(range(1, 11))


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should", needs=("posix",))
def unread_descriptor_does_not_starve_callbacks(loop, trace, patience, socketpair):
    """Callbacks and timers run while a descriptor stays readable because nobody reads it."""
    near, far = socketpair
    far.send(b"x")
    reports = []

    def fire(number):
        trace(number)
        if number < 5:
            loop.call_soon(loop.call_later, 0.001, fire, number + 1)
        else:
            loop.stop()

    def readable():
        reports.append("readable")
        if len(reports) == 20_000:  # in some milliseconds: nothing else gets a turn
            near.recv(1)
            trace("read at last")

    loop.add_reader(near.fileno(), readable)
    loop.call_soon(fire, 1)
    end = loop.call_later(patience, loop.stop)
    loop.run_forever()
    end.cancel()
    loop.remove_reader(near.fileno())

    assert trace == [1, 2, 3, 4, 5]
    assert reports, "the descriptor was never reported as readable, so it could not starve anything"


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should", needs=("posix",))
def rearmed_timer_does_not_starve_others(loop, trace, patience, socketpair):
    """A timer that sets itself again with a delay of 0 leaves room for callbacks, descriptors and other timers."""
    near, far = socketpair
    seen = set()

    def again():
        if len(seen) < 3 and not over:
            loop.call_later(0, again)
        else:
            loop.stop()

    over = []
    loop.add_reader(near.fileno(), lambda: (near.recv(1), seen.add("descriptor")))
    loop.call_later(0, again)
    loop.call_later(0.003, seen.add, "timer")
    loop.call_soon(loop.call_soon, seen.add, "callback")
    far.send(b"x")
    end = loop.call_later(patience, over.append, "patience")
    loop.run_forever()
    end.cancel()
    loop.remove_reader(near.fileno())

    assert seen == {"callback", "descriptor", "timer"}


@check("asyncio-eventloop#asyncio.loop.call_soon_threadsafe")
async def eight_threads_wake_an_idle_loop(loop, patience):
    """Eight threads that wait for each of their calls before they make the next lose no wake-up.

    The loop has nothing else to do, and sleeps whenever all of them wait.
    """
    answered = [0] * 8
    left = set(range(8))
    ended = loop.create_future()

    def finish(number):
        left.discard(number)
        if not left:
            ended.set_result(None)

    def call(number):
        for _ in range(40):
            ran = threading.Event()
            loop.call_soon_threadsafe(ran.set)
            if not ran.wait(patience / 2):
                break
            answered[number] += 1
        loop.call_soon_threadsafe(finish, number)

    threads = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        await asyncio.wait({ended}, timeout=patience)
    finally:
        ended.cancel()
        left.add("over")
        for thread in threads:
            thread.join(patience)

    assert answered == [40] * 8, "answered calls of each thread"


also_in(
    {
        "python-tasks": (chain_of_tasks_unwinds, gather_of_ten_thousand_futures),
    }
)
