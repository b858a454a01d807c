"""The thread's current event loop and event loop policies, as far as they are the business of a loop.

Policies are deprecated since Python 3.14 and go in 3.16; the current loop stays.
"""

import asyncio
import contextlib

from loopcheck.check import also_in, check, untested
from loopcheck.kit import StreamWatcher, in_thread, run_coroutine, soon, turn
from loopcheck.kit.net import Watchers, connected, dial, serving
from loopcheck.kit.surroundings import current_loop, installed, policy_making, warned

DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning)


async def answer():
    """Let the loop turn and fire a timer."""
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    return "the result"


# the current loop of the thread


@check("asyncio-eventloop#asyncio.set_event_loop")
def set_and_get_event_loop(loop, no_current_loop):
    """asyncio.set_event_loop() takes the loop, and asyncio.get_event_loop() returns it, without any warning.

    Jupyter, Tornado and Twisted keep their loop in this way. Only instances of AbstractEventLoop are taken.
    """
    with warned(Warning) as texts:
        asyncio.set_event_loop(loop)
        found = asyncio.get_event_loop()

    assert (found is loop, texts) == (True, [])


@check("asyncio-eventloop#asyncio.get_event_loop")
def get_event_loop_prefers_running_loop(loop, new_loop, no_current_loop, trace):
    """In callbacks and coroutines asyncio.get_event_loop() returns the loop that runs, be another the current one."""

    async def look():
        trace("coroutine", asyncio.get_event_loop())

    other = new_loop()
    asyncio.set_event_loop(other)
    loop.call_soon(lambda: trace("callback", asyncio.get_event_loop()))
    run_coroutine(loop, look())
    trace("after the run", asyncio.get_event_loop())

    assert trace == [("callback", loop), ("coroutine", loop), ("after the run", other)]


@check("asyncio-eventloop#asyncio.new_event_loop", level="should")
def making_a_loop_sets_no_current_loop(new_loop, no_current_loop, trace):
    """Making a loop does not make it the thread's current loop, and leaves the one that is."""
    first = new_loop()
    trace(current_loop())
    asyncio.set_event_loop(first)
    new_loop()
    trace(current_loop())

    assert trace == ["RuntimeError", first], "get_event_loop() with no current loop; and with the first current"


@check("asyncio-eventloop#asyncio.loop.close", level="should")
def closing_a_loop_leaves_current_loop(loop, new_loop, no_current_loop, trace):
    """Closing a loop leaves the thread's current loop as it is, be it the closed one."""
    other = new_loop()
    asyncio.set_event_loop(loop)
    for closing in (other, loop):
        closing.close()
        trace(current_loop())

    assert trace == [loop, loop], "get_event_loop() after close() of another loop; of the current loop"


@check("Lib/asyncio/base_events.py: run_forever", level="should")
def running_leaves_current_loop(loop, new_loop, no_current_loop, trace):
    """A run leaves another loop the current one of the thread."""
    other = new_loop()
    asyncio.set_event_loop(other)
    turn(loop)
    trace(current_loop())
    run_coroutine(loop, answer())
    trace(current_loop())

    assert trace == [other, other], "get_event_loop() after run_forever(); after run_until_complete()"


@check("Lib/asyncio/base_events.py: run_forever", level="should")
def running_leaves_current_loop_unset(loop, no_current_loop, trace):
    """A run sets no current loop: after set_event_loop(None), get_event_loop() raises RuntimeError, run or no run."""
    trace(current_loop())
    turn(loop)
    trace(current_loop())
    run_coroutine(loop, answer())
    trace(current_loop())

    assert trace == ["RuntimeError"] * 3, "get_event_loop() at first, after run_forever(), after run_until_complete()"


@check("asyncio-eventloop#asyncio.set_event_loop")
def current_loop_is_per_thread(loop, no_current_loop, patience):
    """In a thread of the loop's executor there is no current loop, though the loop is that of its own thread."""

    async def look():
        return await soon(loop.run_in_executor(None, current_loop), patience, "run_in_executor() returns")

    async def look_and_end():
        try:
            return await look()
        finally:
            await loop.shutdown_default_executor()

    asyncio.set_event_loop(loop)

    assert (run_coroutine(loop, look_and_end()), in_thread(current_loop)) == ("RuntimeError", "RuntimeError"), (
        "get_event_loop() in a thread of the executor; in a new thread"
    )


@check("asyncio-eventloop#asyncio.set_event_loop", level="should")
def objects_made_at_rest_use_current_loop(loop, no_current_loop, trace):
    """Futures, tasks and gather() that are made while no loop runs belong to the loop that is the current one.

    Programs from before asyncio.run() prepare everything in this way, then call run_until_complete().
    """
    asyncio.set_event_loop(loop)
    future = asyncio.Future()
    with warned(*DEPRECATIONS):
        task = asyncio.ensure_future(answer())
        together = asyncio.gather(future, task)
    loop.call_soon(future.set_result, "of the future")
    trace([it.get_loop() is loop for it in (future, task, together)])
    for it in (future, task):
        trace(loop.run_until_complete(it))
    turn(loop)

    assert trace == [[True, True, True], "of the future", "the result"]


# without a current loop, without a policy


@check("asyncio-runner#asyncio.Runner", python="<3.16", level="should")
def usable_without_current_loop(loop, policy_calls, trace):
    """Everything works with no current loop: timers, tasks, gather(), the executor and shutting down, made at rest.

    asyncio.Runner with a loop_factory sets none. A loop must pass itself on instead of asking for the current one.
    """

    async def generate():
        yield "from a generator"
        yield "never"

    async def work():
        generator = generate()
        trace(await anext(generator))
        trace(await asyncio.gather(task, future, loop.run_in_executor(None, str, "from the executor")))

    future = loop.create_future()
    loop.call_later(0.001, future.set_result, "from a timer")
    task = loop.create_task(answer())
    run_coroutine(loop, work())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()

    assert trace == ["from a generator", ["the result", "from a timer", "from the executor"]]
    assert policy_calls == [], "methods of the policy that the loop, or asyncio for its sake, has called"


@check("asyncio-runner#asyncio.Runner", python="<3.16", level="should")
def serves_without_current_loop(loop, policy_calls, patience, trace):
    """Servers and connections work with no current loop, also those that are opened and closed at rest."""
    watchers = Watchers(StreamWatcher, lambda: None, data_received=lambda protocol: protocol.transport.write(b"back"))
    server = loop.run_until_complete(loop.create_server(watchers, "127.0.0.1", 0))
    with dial(server, patience) as peer:
        peer.sendall(b"x")
        accepted = run_coroutine(loop, watchers.nth(1, patience, "data_received"))
        trace(peer.recv(4))
        accepted.transport.close()
        run_coroutine(loop, accepted.until("connection_lost", patience))
    server.close()
    loop.run_until_complete(server.wait_closed())

    assert (trace, policy_calls) == ([b"back"], []), "what the peer received; methods of the policy that were called"


@check("asyncio-runner#asyncio.Runner", level="should")
def loop_factory_leaves_current_loop_unset(loop_factory, no_current_loop, trace):
    """asyncio.Runner with a loop_factory sets no current loop, neither before its run() nor after it."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.get_loop()
        trace(current_loop())
        trace(runner.run(answer()))
        trace(current_loop())
    trace(current_loop())

    assert trace == ["RuntimeError", "the result", "RuntimeError", "RuntimeError"]


@check("asyncio-runner#asyncio.run", python="<3.16", level="should")
def loop_factory_does_not_need_policy(loop_factory, policy_calls):
    """Making, running and closing a loop through asyncio.Runner's loop_factory calls no method of the policy.

    A loop that needs one ends with Python 3.16, which has no policies.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        result = runner.run(answer())

    assert (result, policy_calls) == ("the result", []), "the result; the methods of the policy that were called"


# deprecated things that a loop must not use


@check("asyncio-policy#asyncio-policies", level="should")
def no_deprecation_warnings(loop_factory, no_current_loop, logged, trace):
    """A loop that is made, run in debug mode and closed by asyncio.Runner causes no DeprecationWarning.

    With tasks, an executor and asynchronous generators. Programs that turn warnings into errors cannot use another.
    """

    async def generate():
        yield "from a generator"
        yield "never"

    async def work():
        loop = asyncio.get_running_loop()
        trace(await anext(generate()))
        trace(await asyncio.gather(answer(), loop.run_in_executor(None, str, "from the executor")))

    with warned(*DEPRECATIONS) as texts, asyncio.Runner(loop_factory=loop_factory, debug=True) as runner:
        runner.run(work())

    assert (trace, texts) == (["from a generator", ["the result", "from the executor"]], [])


@check("asyncio-policy#asyncio-policies", level="should")
async def no_deprecation_warnings_of_connections(loop, no_current_loop, listener, patience, trace):
    """Servers and connections cause no DeprecationWarning."""
    watchers = Watchers(StreamWatcher, lambda: None)
    with warned(*DEPRECATIONS) as texts:
        async with serving(watchers, patience) as server:
            with dial(server, patience) as peer:
                peer.sendall(b"x")
                trace((await watchers.nth(1, patience, "data_received")).data)
        async with connected(listener, lambda: StreamWatcher(lambda: None), patience) as (protocol, peer):
            peer.sendall(b"y")
            await protocol.until("data_received", patience)
            trace(protocol.data)

    assert (trace, texts) == ([b"x", b"y"], [])


@check("asyncio-policy#asyncio-policies", level="should", needs=("posix",))
def no_deprecation_warnings_of_descriptors(loop, no_current_loop, socketpair, trace):
    """add_reader() and add_writer(), and their callbacks, cause no DeprecationWarning."""
    near, far = socketpair
    far.send(b"x")
    with warned(*DEPRECATIONS) as texts:
        for add, remove in ((loop.add_reader, loop.remove_reader), (loop.add_writer, loop.remove_writer)):
            ready = loop.create_future()
            add(near.fileno(), lambda ready=ready: ready.done() or ready.set_result("ready"))
            try:
                trace(loop.run_until_complete(ready))
            finally:
                remove(near.fileno())

    assert (trace, texts) == (["ready", "ready"], [])


@check("asyncio-policy#asyncio-policies", level="should", needs=("posix",))
def no_deprecation_warnings_of_subprocesses(loop, no_current_loop, patience, trace):
    """asyncio.create_subprocess_exec() causes no DeprecationWarning, and needs no current loop.

    Child watchers, which older loops used for it, are deprecated since 3.12 and gone in 3.14.
    """

    async def work():
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 3")
        return await soon(process.wait(), patience, "wait() of the process returns")

    with warned(*DEPRECATIONS) as texts:
        trace(run_coroutine(loop, work()))

    assert (trace, texts) == ([3], [])


@check("asyncio-policy#asyncio-policies", level="should")
def import_and_first_loop_without_deprecation_warnings(new_python):
    """Importing the loop's module, and making a first loop, causes no DeprecationWarning.

    A package that has a policy class too must not make it at import. Takes an interpreter of its own, and so a tenth
    of a second.
    """
    seen = new_python(
        "loop = factory(); loop.close(); print(*texts, sep='\\n')",
        before=(
            "import asyncio, warnings\n"
            "texts = []\n"
            "warnings.simplefilter('always')\n"
            "def keep(message, category, *rest, **more):\n"
            "    if issubclass(category, (DeprecationWarning, PendingDeprecationWarning)):\n"
            "        texts.append(f'{category.__name__}: {message}')\n"
            "warnings.showwarning = keep"
        ),
    )

    assert seen.strip() == ""


# a policy that makes such loops


@check("asyncio-policy#custom-policies", python="<3.16", level="should")
def new_event_loop_through_policy(loop_factory, trace):
    """A policy whose new_event_loop() calls the factory makes asyncio.new_event_loop() and asyncio.run() use it."""

    def factory():
        loops.append(loop_factory())
        return loops[-1]

    async def which():
        return asyncio.get_running_loop() is loops[1], await answer()

    loops = []
    with installed(policy_making(factory)):
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            trace(loop is loops[0])
        trace(asyncio.run(which()))

    assert trace == [True, (True, "the result")]


@check("Lib/asyncio/runners.py: Runner._lazy_init", python="<3.16", level="should")
def policy_run_sets_and_clears_current(loop_factory, trace):
    """asyncio.Runner without a loop_factory makes the loop of the policy current, and clears that at its end."""
    with installed(policy_making(loop_factory)):
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            trace(current_loop() is loop)
            trace(runner.run(answer()))
            trace(current_loop() is loop)
        trace(current_loop())

    assert trace == [True, "the result", True, "RuntimeError"]


untested(
    "implicit_loop_creation_warns",
    "asyncio-policy#asyncio.DefaultEventLoopPolicy",
    "With no current loop, asyncio.get_event_loop() in the main thread makes one and issues a DeprecationWarning.",
    because="This is a function of asyncio's own policy class, which calls the factory and nothing else of the loop.",
    python=">=3.12,<3.14",
    level="may",
)
untested(
    "no_implicit_loop_creation",
    "asyncio-eventloop#asyncio.get_event_loop",
    "With no current loop, asyncio.get_event_loop() raises RuntimeError and makes no loop.",
    because="This is a function of asyncio's own policy class, in which no loop of the subject takes part.",
    python=">=3.14",
)

also_in(
    {
        "other-thread": (
            get_event_loop_prefers_running_loop,
            usable_without_current_loop,
            serves_without_current_loop,
            no_deprecation_warnings_of_subprocesses,
            objects_made_at_rest_use_current_loop,
        ),
        "first-loop": (running_leaves_current_loop_unset,),
        "second-loop": (get_event_loop_prefers_running_loop, running_leaves_current_loop),
    }
)
