"""Several loops in several threads, with and without the GIL, and loops in subinterpreters."""

import asyncio
import gc
import socket
import threading
import weakref

import loopcheck.kit.surroundings  # noqa: F401  # the tool "new_python"
from loopcheck.check import also_in, check
from loopcheck.kit import StreamWatcher, pass_turns, threaded
from loopcheck.kit.beside import in_loops, side_by_side
from loopcheck.kit.net import Watchers, answering, connected, connecting, dial, serving
from loopcheck.kit.surroundings import current_loop


def nothing():
    return None


def stream():
    """A protocol that records what is received."""
    return StreamWatcher(nothing)


# each thread its own


@check("asyncio-threading#thread-safety-considerations")
def running_loop_is_per_thread(new_loop, patience):
    """Of four loops that run in four threads, get_running_loop() in each is that thread's; elsewhere it raises."""

    async def look(meeting):
        meeting.wait(patience)
        return asyncio.get_running_loop()

    pairs = in_loops(4, new_loop, look, patience)
    here = running_loop()

    assert ([loop is seen for loop, seen in pairs], here) == ([True] * 4, "RuntimeError")


def running_loop():
    """The loop that runs in this thread, or "RuntimeError" if get_running_loop() raises that."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return "RuntimeError"


@check("asyncio-threading#thread-safety-considerations")
def current_task_is_per_thread(new_loop, patience):
    """Of four loops that run in four threads, each sees its own current task, in each of two hundred steps."""

    async def walk(meeting):
        own = asyncio.current_task()
        meeting.wait(patience)
        steps = []
        for _ in range(200):
            steps.append(asyncio.current_task() is own)
            await asyncio.sleep(0)
        return steps.count(True)

    assert [seen for _, seen in in_loops(4, new_loop, walk, patience)] == [200] * 4


@check("asyncio-task#asyncio.all_tasks")
def all_tasks_only_own(new_loop, patience):
    """Of four loops in four threads with twenty tasks each, all_tasks() in each lists its own, and the current one."""

    async def count(meeting):
        tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(20)]
        meeting.wait(patience)
        listed = asyncio.all_tasks()
        meeting.wait(patience)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return listed == {*tasks, asyncio.current_task()}

    assert [seen for _, seen in in_loops(4, new_loop, count, patience)] == [True] * 4


@check("asyncio-eventloop#asyncio.set_event_loop")
def set_event_loop_per_thread(new_loop, patience):
    """Three threads that each make a loop their current one get that one from get_event_loop()."""

    def work(meeting):
        loop = new_loop()
        asyncio.set_event_loop(loop)
        meeting.wait(patience)
        seen = current_loop() is loop
        meeting.wait(patience)
        asyncio.set_event_loop(None)
        loop.close()
        return seen

    assert side_by_side(3, work, patience) == [True] * 3


@check("asyncio-threading#using-asyncio-with-threads")
def asyncio_run_in_threads(loop_factory, patience):
    """asyncio.Runner with this loop works in five threads at once, in each with tasks, timers and an executor."""

    async def program():
        job = asyncio.to_thread(threading.get_ident)
        own, _, other = await asyncio.gather(asyncio.sleep(0.001, threading.get_ident()), asyncio.sleep(0), job)
        return own == threading.get_ident() != other

    def work(meeting):
        meeting.wait(patience)
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(program())

    assert side_by_side(5, work, patience) == [True] * 5


@check("Lib/asyncio/base_events.py: BaseEventLoop._asyncgen_firstiter_hook", level="should")
def asyncgen_hooks_per_thread(new_loop, patience):
    """Of three loops in three threads, shutdown_asyncgens() of each closes the generators of its own thread."""

    async def work(meeting):
        closed = []

        async def generate():
            try:
                yield 1
            finally:
                closed.append(threading.get_ident() == own and asyncio.get_running_loop() is loop)

        own, loop = threading.get_ident(), asyncio.get_running_loop()
        generators = [generate() for _ in range(3)]
        for generator in generators:
            await anext(generator)
        meeting.wait(patience)
        before = list(closed)
        meeting.wait(patience)
        await loop.shutdown_asyncgens()
        return before, closed

    assert [seen for _, seen in in_loops(3, new_loop, work, patience)] == [([], [True] * 3)] * 3


@check("Lib/test/test_asyncio/test_free_threading.py: test_task_different_thread_finalized", level="should")
def task_finalized_in_other_thread(new_loop, patience):
    """A finished task can be let go of in another thread, when its own thread and its loop are gone."""
    kept = []

    async def program(meeting):
        kept.append(asyncio.current_task())

    in_loops(1, new_loop, program, patience)
    task = weakref.ref(kept[0])
    kept.clear()
    gc.collect()

    assert task() is None


def refusals(loop):
    """What run_forever(), run_until_complete() and close() raise in this thread."""
    coroutine = asyncio.sleep(0)
    raised = []
    for call in (loop.run_forever, lambda: loop.run_until_complete(coroutine), loop.close):
        try:
            call()
            raised.append(None)
        except Exception as error:
            raised.append(type(error).__name__)
    coroutine.close()
    return raised


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_running", python=">=3.14", level="should")
async def same_loop_two_threads_rejected(loop, patience):
    """While a loop runs, run_forever(), run_until_complete() and close() raise RuntimeError in other threads.

    And the loop runs on. Python 3.13.0 raises too, but damages the state of the running loop.
    """
    raised = await threaded(refusals, loop, patience=patience)
    await pass_turns(2)

    assert (raised, asyncio.get_running_loop() is loop) == (["RuntimeError"] * 3, True)


# and none in the way of another


@check("asyncio-task#asyncio.run_coroutine_threadsafe")
async def run_coroutine_threadsafe(loop, patience):
    """Four threads that give fifty coroutines each to run_coroutine_threadsafe() get each result, and an exception."""

    async def answer(number):
        await asyncio.sleep(0)
        if number == 49:
            raise ZeroDivisionError("mine")
        return number

    def work(meeting):
        meeting.wait(patience)
        got = [asyncio.run_coroutine_threadsafe(answer(number), loop) for number in range(50)]
        return [future.result(patience) for future in got[:49]], type(got[49].exception(patience))

    done = await threaded(side_by_side, 4, work, 2 * patience, patience=3 * patience)

    assert done == [(list(range(49)), ZeroDivisionError)] * 4


@check("asyncio-eventloop#asyncio.loop.run_in_executor")
def executor_callback_thread(new_loop, patience):
    """Of three loops in three threads that use their executors at once, each is told of its jobs in its own thread."""

    async def work(meeting):
        loop, places = asyncio.get_running_loop(), []
        meeting.wait(patience)
        futures = [loop.run_in_executor(None, threading.get_ident) for _ in range(5)]
        for future in futures:
            future.add_done_callback(lambda _: places.append(threading.get_ident()))
        await asyncio.wait(futures)
        await pass_turns(2)
        await loop.shutdown_default_executor()
        return places == [threading.get_ident()] * 5

    assert [seen for _, seen in in_loops(3, new_loop, work, patience)] == [True] * 3


@check("asyncio-threading#using-asyncio-with-threads", level="should")
def blocked_loop_does_not_block_others(new_loop, patience):
    """A loop that a blocking call holds up does not hold up the loop of another thread."""
    blocked, freed = threading.Event(), threading.Event()

    async def block(meeting):
        blocked.set()
        return freed.wait(patience)

    async def go_on(meeting):
        blocked.wait(patience)
        await asyncio.sleep(0.002)
        await pass_turns(20)
        freed.set()
        return True

    roles = [block, go_on]

    assert [seen for _, seen in in_loops(2, new_loop, lambda meeting: roles.pop()(meeting), patience)] == [True] * 2


async def talk(meeting, patience):
    """Serve one connection and make another, of the running loop, ten times; what was said."""
    loop, heard = asyncio.get_running_loop(), []
    accepted = Watchers(StreamWatcher, nothing)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(patience)
        meeting.wait(patience)
        async with serving(accepted, patience) as server:
            for number in range(1, 11):
                with dial(server, patience) as peer:
                    peer.sendall(b"to the server")
                    protocol = await accepted.nth(number, patience, "data_received")
                    heard.append(protocol.data)
                await protocol.until("connection_lost", patience)
                async with connected(listener, stream, patience) as (client, peer):
                    peer.sendall(b"to the client")
                    await client.until("data_received", patience)
                    heard.append(client.data)
    assert loop is asyncio.get_running_loop()
    return heard


@check("asyncio-threading#using-asyncio-with-threads")
def independent_networking(new_loop, patience):
    """Four loops in four threads serve and connect at the same time."""
    said = [b"to the server", b"to the client"] * 10

    assert [seen for _, seen in in_loops(4, new_loop, lambda meeting: talk(meeting, patience), patience)] == [said] * 4


@check("asyncio-threading#using-asyncio-with-threads", level="should", needs=("tls",))
def independent_tls(new_loop, tls, patience):
    """Three loops in three threads connect over TLS at the same time, and share one SSLContext."""
    server, client = tls.server, tls.client  # made in this thread

    async def whisper(meeting):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(patience)
            meeting.wait(patience)
            with answering(listener, server, lambda secure: secure.sendall(secure.recv(5)), patience):
                options = {"ssl": client, "server_hostname": "localhost"}
                async with connecting(listener, stream, patience, **options) as protocol:
                    protocol.transport.write(b"hello")
                    await protocol.until("data_received", patience)
                    return protocol.data

    assert [seen for _, seen in in_loops(3, new_loop, whisper, patience)] == [b"hello"] * 3


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", level="should")
def getaddrinfo_concurrent(new_loop, patience):
    """Three loops in three threads look up addresses at the same time, ten each."""

    async def look_up(meeting):
        loop = asyncio.get_running_loop()
        meeting.wait(patience)
        ports = range(1000, 1010)
        found = await asyncio.gather(*(loop.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM) for port in ports))
        await loop.shutdown_default_executor()
        return [one[0][4] for one in found] == [("127.0.0.1", port) for port in ports]

    assert [seen for _, seen in in_loops(3, new_loop, look_up, patience)] == [True] * 3


# free-threaded builds


@check("PEP 703", python=">=3.13", level="should", needs=("free-threaded",))
def gil_stays_off(new_python):
    """On a free-threaded build importing and running the loop does not switch the GIL on.

    An extension module that does not say that it can do without switches it on for the whole process. Takes 0.1 s and
    more: an interpreter must start.
    """
    program = "import asyncio; loop = factory(); loop.run_until_complete(asyncio.sleep(0)); loop.close()"
    said = new_python(f"{program}; print(sys._is_gil_enabled())")

    assert said == "False", f"sys._is_gil_enabled() afterwards: {said}"


@check("asyncio-threading#thread-safety-considerations", python=">=3.13", level="should", needs=("free-threaded",))
def freethreaded_stress(new_loop, patience):
    """On a free-threaded build eight loops in eight threads run tasks, timers, jobs and connections at once."""

    async def strain(meeting):
        own = asyncio.current_task()
        said = await talk(meeting, patience)
        for _ in range(50):
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(10)), asyncio.sleep(0.0001))
        job = await asyncio.to_thread(nothing)
        await asyncio.get_running_loop().shutdown_default_executor()
        return len(said), job, asyncio.current_task() is own, len(asyncio.all_tasks())

    assert [seen for _, seen in in_loops(8, new_loop, strain, patience)] == [(20, None, True, 1)] * 8


# subinterpreters


_IN_SUBINTERPRETER = """
import _thread
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
import os
reading, writing = os.pipe()
code = '''
import sys
sys.path[:] = {path!r}
import os
try:
    import asyncio, functools, importlib
    factory = functools.reduce(getattr, {names!r}.split("."), importlib.import_module({module!r}))
    loop = factory()
    said = loop.run_until_complete(asyncio.sleep(0.001, "it ran"))
    loop.close()
except ImportError:
    said = "ImportError"
except BaseException as error:
    said = repr(error)
os.write({writing}, said.encode())
'''
code = code.format(path=sys.path, names=names, module=module, writing=writing)
made = _interpreters.create()
{run}
os.close(writing)
print(os.read(reading, 10000).decode())
"""


@check("PEP 734", python="<3.12", level="may", needs=("subinterpreters",))
def loop_in_legacy_subinterpreter(new_python):
    """The loop can be imported and run in a subinterpreter of Python 3.11, or the import fails with ImportError.

    Takes 0.2 s: an interpreter must start, and another in it.
    """
    said = new_python(_IN_SUBINTERPRETER.replace("{run}", "_interpreters.run_string(made, code)"))

    assert said in ("it ran", "ImportError")


@check("PEP 734", python=">=3.13", level="may", needs=("subinterpreters",))
def loop_in_subinterpreter(new_python):
    """The loop can be imported and run in a subinterpreter, or the import fails with ImportError.

    Takes 0.2 s: an interpreter must start, and another in it.
    """
    said = new_python(_IN_SUBINTERPRETER.replace("{run}", "_interpreters.exec(made, code)"))

    assert said in ("it ran", "ImportError")


also_in(
    {
        "debug": (running_loop_is_per_thread, current_task_is_per_thread, independent_networking),
        "eager-tasks": (current_task_is_per_thread, all_tasks_only_own),
        "python-tasks": (current_task_is_per_thread,),
        "other-thread": (running_loop_is_per_thread,),
    }
)
