"""anyio: its structured concurrency, sockets, processes, threads and signals, on its asyncio backend."""

import signal
import threading

from loopcheck.check import check
from loopcheck.kit import soon

NEEDS = ("anyio",)
ANYIO = "PyPI: anyio"


@check(ANYIO, level="should")
def runs_on_the_loop(loop_factory, trace):
    """anyio.run() runs on a loop of this factory, returns the program's result, and closes generators that it left."""
    import asyncio

    import anyio

    made, left = [], []

    def factory():
        made.append(loop_factory())
        return made[-1]

    async def generate():
        try:
            yield "first"
        finally:
            trace("closed")

    async def program(argument):
        left.append(generate())
        await anyio.sleep(0.001)
        return argument, await anext(left[0]), asyncio.get_running_loop() is made[0]

    result = anyio.run(program, "back", backend_options={"loop_factory": factory})

    assert (result, trace) == (("back", "first", True), ["closed"])


@check(ANYIO, level="should")
async def task_group_cancels(loop, patience, trace):
    """A task that fails in a task group of anyio has the others cancelled, which clean up, and its error comes out."""
    import anyio

    async def wait():
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.001)
                trace("cleaned up")

    async def fail():
        await anyio.sleep(0.001)
        raise ZeroDivisionError

    async def program():
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                group.start_soon(fail)
        except* ZeroDivisionError:
            trace("ZeroDivisionError")

    await soon(program(), patience, "a task group ends in which a task failed")

    assert trace == ["cleaned up", "ZeroDivisionError"]


@check(ANYIO, level="should")
async def cancel_scopes_time_out(loop, patience, trace):
    """anyio's scopes with deadlines interrupt what takes too long, inner ones before outer ones, and nothing else."""
    import anyio

    async def program():
        with anyio.move_on_after(3600) as outer:
            with anyio.move_on_after(0.005) as inner:
                await anyio.sleep_forever()
            trace(inner.cancelled_caught, outer.cancelled_caught)
        try:
            with anyio.fail_after(0.005):
                await anyio.sleep_forever()
        except TimeoutError:
            trace("TimeoutError")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(0)
            trace("not reached")
        trace(scope.cancelled_caught)

    await soon(program(), patience, "three scopes end")

    assert trace == [(True, False), "TimeoutError", True]


@check(ANYIO, level="should")
async def sockets_talk(loop, patience):
    """A listener of anyio serves two streams at once, each to its end."""
    import anyio

    async def shout(stream):
        async with stream:
            async for data in stream:
                await stream.send(data.upper())

    async def ask(port, text):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(text)
            heard = b""
            while len(heard) < len(text):
                heard += await stream.receive()
            await stream.send_eof()
            try:
                return heard, await stream.receive()
            except anyio.EndOfStream:
                return heard, "the end"

    async def program():
        heard = []
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            async with anyio.create_task_group() as group:
                group.start_soon(listener.serve, shout)
                async with anyio.create_task_group() as clients:

                    async def client(text):
                        heard.append(await ask(port, text))

                    clients.start_soon(client, b"one")
                    clients.start_soon(client, b"x" * 300_000)
                group.cancel_scope.cancel()
        return sorted(heard)

    seen = await soon(program(), patience, "two clients are served")

    assert seen == [(b"ONE", "the end"), (b"X" * 300_000, "the end")]


@check(ANYIO, level="should", needs=("posix-tools",))
async def processes_run(loop, patience):
    """anyio runs a process to its end, and talks with one that it ends."""
    import anyio

    async def program():
        done = await anyio.run_process(["sh", "-c", "cat; exit 3"], input=b"to and fro", check=False)
        async with await anyio.open_process(["cat"]) as process:
            await process.stdin.send(b"hello")
            heard = await process.stdout.receive()
            process.terminate()
            status = await process.wait()
        return done.stdout, done.returncode, heard, status

    seen = await soon(program(), patience, "two processes end")

    assert seen == (b"to and fro", 3, b"hello", -signal.SIGTERM)


@check(ANYIO, level="should")
async def threads_call_back(loop, patience):
    """A function that anyio runs in a thread calls a coroutine function in the loop, and gets its result."""
    import anyio

    async def answer():
        await anyio.sleep(0)
        return threading.get_ident()

    def work():
        return threading.get_ident(), anyio.from_thread.run(answer)

    worker, caller = await soon(anyio.to_thread.run_sync(work), patience, "a function in a thread returns")

    assert (worker != caller, caller) == (True, threading.get_ident())


@check(ANYIO, level="should", needs=("signals",))
async def signals_are_received(loop, patience):
    """anyio's receiver of signals yields the signals that come, in their order."""
    import anyio

    async def program():
        with anyio.open_signal_receiver(signal.SIGUSR1, signal.SIGUSR2) as signals:
            signal.raise_signal(signal.SIGUSR2)
            first = await anext(signals)
            signal.raise_signal(signal.SIGUSR1)
            return first, await anext(signals)

    seen = await soon(program(), patience, "two signals are received")

    assert seen == (signal.SIGUSR2, signal.SIGUSR1)
