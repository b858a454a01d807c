"""What is left when something has ended: descriptors, threads, tasks, memory, objects; and what happens without any."""

import asyncio
import contextlib
import errno
import gc
import itertools
import os
import signal
import socket
import ssl
import sys
import threading
import time

import loopcheck.kit.spawning  # noqa: F401  # the tool "spawn"
from loopcheck.check import also_in, check
from loopcheck.kit import (
    DatagramWatcher,
    PipeWatcher,
    StreamWatcher,
    SubprocessWatcher,
    pass_turns,
    soon,
    threaded,
    turn,
)
from loopcheck.kit.net import Watchers, answering, connecting, datagrams, dial, serving
from loopcheck.kit.peers import connect
from loopcheck.kit.remains import (
    Companion,
    Remembered,
    open_descriptors,
    resident,
    rise,
    rise_of_descriptors,
    uncollected,
)
from loopcheck.kit.surroundings import warned
from loopcheck.kit.turns import run_coroutine
from loopcheck.kit.wait import forked


def nothing():
    return None


def stream():
    """A protocol that records what is received."""
    return StreamWatcher(nothing)


async def answer():
    await asyncio.sleep(0)
    return "answer"


async def client_cycle(loop, listener, patience):
    """A client's connection that lives for a few bytes, and is closed."""
    async with connecting(listener, stream, patience) as protocol:
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(patience)
            protocol.transport.write(b"hello")
            peer.recv(5)
            protocol.transport.close()
            await protocol.until("connection_lost", patience)


async def server_cycle(server, accepted, patience):
    """A connection to a server that lives for a few bytes, and is closed by the peer."""
    number = len(accepted) + 1
    with dial(server, patience) as peer:
        peer.sendall(b"hello")
        protocol = await accepted.nth(number, patience, "data_received")
    await protocol.until("connection_lost", patience)


# descriptors


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.close", level="should", needs=("posix",))
def loop_fds_released(loop_factory):
    """Making, running and closing fifty loops leaves as many descriptors open as one."""

    def cycle():
        loop = loop_factory()
        run_coroutine(loop, answer())
        loop.close()

    assert rise(cycle, open_descriptors, 50) == [0] * 50, "descriptors that each of fifty loops leaves open"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.close", level="should", needs=("posix",))
def loop_fds_released_by_close_not_gc(loop_factory):
    """close() itself closes the loop's descriptors: no garbage collection is needed, nor dropping the loop."""
    kept = []

    def cycle():
        loop = loop_factory()
        kept.append(loop)
        run_coroutine(loop, answer())
        loop.close()

    with uncollected():
        left = rise(cycle, open_descriptors, 5)

    assert left == [0] * 5, "descriptors that each of five closed loops has open"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.close", level="should", needs=("posix",))
def never_run_loop_close(loop_factory):
    """A loop that never ran can be closed, and has no descriptor open then."""
    kept = []

    def cycle():
        kept.append(loop_factory())
        kept[-1].close()

    assert rise(cycle, open_descriptors, 5) == [0] * 5, "descriptors that each of five closed loops has open"


@check("asyncio-protocol#asyncio.BaseTransport.close", needs=("posix",))
async def connection_fds_released(loop, listener, patience):
    """A hundred connections of a client, each closed, leave no descriptor open."""
    left = await rise_of_descriptors(lambda: client_cycle(loop, listener, patience), 100)

    assert left == 0, "descriptors that a hundred connections left open"


@check("asyncio-protocol#asyncio.BaseTransport.close", needs=("posix",))
async def accepted_connection_fds_released(loop, patience):
    """A hundred connections of a server, each closed by the peer, leave no descriptor open."""
    accepted = Watchers(StreamWatcher, nothing)
    async with serving(accepted, patience) as server:
        left = await rise_of_descriptors(lambda: server_cycle(server, accepted, patience), 100)

    assert left == 0, "descriptors that a hundred connections left open"


@check("Lib/asyncio/base_events.py: BaseEventLoop._connect_sock", level="should", needs=("posix",))
async def refused_connections(loop, patience):
    """Attempts to connect that are refused leave no descriptor open."""
    refused = []
    with socket.socket() as deaf:  # bound, so that nobody gets its port, and not listening
        deaf.bind(("127.0.0.1", 0))

        async def attempt():
            connecting = loop.create_connection(stream, *deaf.getsockname())
            try:
                transport, _ = await soon(connecting, patience, "create_connection() ends")
            except OSError:
                refused.append(True)
            else:
                transport.abort()

        left = await rise_of_descriptors(attempt, 30)

    assert (len(refused), left) == (31, 0), "refused attempts, and the descriptors that they left open"


@contextlib.contextmanager
def full_backlog(patience):
    """A listening socket to which no more connections are possible, and none is refused: connecting waits."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener


@check("Lib/asyncio/base_events.py: BaseEventLoop._connect_sock", level="should", needs=("posix",))
async def cancelled_connects(loop, patience):
    """Attempts to connect that are cancelled leave no descriptor open, and cause no ResourceWarning."""
    outcomes = []
    with full_backlog(patience) as listener, warned(ResourceWarning) as warnings:

        async def attempt():
            task = loop.create_task(loop.create_connection(stream, *listener.getsockname()))
            await pass_turns(5)
            task.cancel()
            await soon(asyncio.wait([task]), patience, "a cancelled create_connection() ends")
            outcomes.append("cancelled" if task.cancelled() else "connected")
            if not task.cancelled() and task.exception() is None:
                task.result()[0].abort()
            await pass_turns(3)

        left = await rise_of_descriptors(attempt, 10)
        gc.collect()

    assert (set(outcomes), left, warnings) == ({"cancelled"}, 0, []), "outcomes, descriptors left open, warnings"


@check("asyncio-eventloop#asyncio.Server.close", needs=("posix",))
async def server_fd_released(loop, patience):
    """Thirty servers, each closed, leave no descriptor open."""

    async def cycle():
        async with serving(Watchers(StreamWatcher, nothing), patience):
            pass

    assert await rise_of_descriptors(cycle, 30) == 0, "descriptors that thirty closed servers left open"


async def pipe_cycle(loop, patience):
    """A pipe that the loop reads and one to which it writes, both closed; whether the loop closed their files."""
    closed = []
    for connect_pipe, reads in ((loop.connect_read_pipe, True), (loop.connect_write_pipe, False)):
        reading, writing = os.pipe()
        near, far = (reading, writing) if reads else (writing, reading)
        try:
            with open(near, "rb" if reads else "wb", buffering=0) as file:
                connecting = connect_pipe(lambda: PipeWatcher(nothing), file)
                transport, protocol = await soon(connecting, patience, "the pipe is connected")
                transport.close()
                await protocol.until("connection_lost", patience)
                await pass_turns(2)
                closed.append(file.closed)
        finally:
            os.close(far)
    return closed


@check("Lib/asyncio/unix_events.py: _UnixReadPipeTransport._call_connection_lost", level="should", needs=("posix",))
async def pipe_fds_released(loop, patience):
    """The transports of thirty pairs of pipes, each closed, close the pipes' files, and leave no descriptor open."""
    closed = []

    async def cycle():
        closed.extend(await pipe_cycle(loop, patience))

    left = await rise_of_descriptors(cycle, 30)

    assert (set(closed), left) == ({True}, 0), "whether the files were closed, and descriptors left open"


@check("Lib/asyncio/selector_events.py: _SelectorTransport._call_connection_lost", level="should", needs=("posix",))
async def datagram_fds_released(loop, patience):
    """Thirty datagram endpoints, each closed, leave no descriptor open."""

    async def cycle():
        async with datagrams(lambda: DatagramWatcher(nothing), patience) as protocol:
            protocol.transport.close()
            await protocol.until("connection_lost", patience)

    assert await rise_of_descriptors(cycle, 30) == 0, "descriptors that thirty closed endpoints left open"


async def process_cycle(loop, patience):
    """A child process with three pipes, which ends."""
    making = loop.subprocess_exec(lambda: SubprocessWatcher(nothing), "cat")
    transport, protocol = await soon(making, patience, "subprocess_exec() returns")
    transport.get_pipe_transport(0).close()
    await protocol.until("connection_lost", patience)
    transport.close()


@check("Lib/asyncio/base_subprocess.py: BaseSubprocessTransport.close", level="should", needs=("posix",))
async def process_fds_released(loop, patience):
    """Child processes that have ended leave no descriptor of their pipes open."""
    left = await rise_of_descriptors(lambda: process_cycle(loop, patience), 5)

    assert left == 0, "descriptors that five processes left open"


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.add_signal_handler", level="should", needs=("signals",))
def signal_handler_fds_released(loop_factory):
    """Loops that had signal handlers, removed before close() or by it, leave no descriptor open."""
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGUSR2)

    def cycle():
        loop = loop_factory()
        loop.add_signal_handler(signal.SIGUSR1, nothing)
        loop.add_signal_handler(signal.SIGUSR2, nothing)
        run_coroutine(loop, answer())
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.close()

    left = rise(cycle, open_descriptors, 5)
    for number, handler in zip((signal.SIGUSR1, signal.SIGUSR2), before, strict=True):
        signal.signal(number, handler)  # whether close() does that is another check's

    assert left == [0] * 5, "descriptors that each of five closed loops left open"


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.close", level="should", needs=("signals",))
def signal_handlers_removed_by_close(loop_factory):
    """close() removes the loop's signal handlers: the default action is back, and nothing of the loop is installed."""
    before = signal.getsignal(signal.SIGUSR1)
    loop = loop_factory()
    loop.add_signal_handler(signal.SIGUSR1, nothing)
    run_coroutine(loop, answer())
    loop.close()
    after = signal.getsignal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)

    assert after == signal.SIG_DFL


# when there are no descriptors left


@contextlib.asynccontextmanager
async def short_of_descriptors(loop, scarcity, patience, clients):
    """A server with a short backlog to which some have connected when no descriptor is left.

    The block gets the protocols that it accepts, the server, and the connected peers.
    """
    accepted = Watchers(StreamWatcher, nothing)
    async with serving(accepted, patience, backlog=1) as server:
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(socket.socket()) for _ in range(clients)]
            address = server.sockets[0].getsockname()
            scarcity.exhaust()
            for peer in peers:
                peer.settimeout(patience)
                peer.connect(address)
            try:
                yield accepted, server, peers
            finally:
                scarcity.free()


async def reported(errors, patience):
    """Wait until the exception handler is told of something; whether it was."""
    until = time.monotonic() + patience
    while not errors and time.monotonic() < until:
        await asyncio.sleep(0.002)
    return bool(errors)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should", needs=("posix",))
async def emfile_on_accept(loop, scarcity, errors, patience):
    """A server that cannot accept for want of descriptors tells the exception handler, and neither spins nor floods it.

    Takes 0.05 s, in which it should do next to nothing.
    """
    async with short_of_descriptors(loop, scarcity, patience, 1):
        told = await reported(errors, patience / 4)
        began, used = time.monotonic(), time.process_time()
        await asyncio.sleep(0.05)
        share = (time.process_time() - used) / (time.monotonic() - began)

    assert told, "the exception handler was not told that accept() failed"
    assert (len(errors) <= 4, share < 0.7) == (True, True), f"{len(errors)} reports; {share:.0%} of a processor"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should", needs=("posix",))
async def emfile_recovery(loop, scarcity, errors, patience):
    """Who has connected while a server had no descriptors is accepted once there are some again.

    Takes a second: so long asyncio's loops wait before they try again.
    """
    async with short_of_descriptors(loop, scarcity, patience, 1) as (accepted, _, peers):
        await asyncio.sleep(0.01)
        scarcity.free()
        peers[0].send(b"hello")
        protocol = await accepted.nth(1, patience + 1, "data_received")
        received = protocol.data

    assert received == b"hello"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should", needs=("posix",))
async def emfile_context_keys(loop, scarcity, errors, patience):
    """The report of an accept() that failed for want of descriptors has a message, the OSError, and the socket."""
    async with short_of_descriptors(loop, scarcity, patience, 1):
        await reported(errors, patience / 4)

    assert errors, "the exception handler was not told that accept() failed"
    context = errors[0]
    assert context.get("message") == "socket.accept() out of system resource"
    assert getattr(context.get("exception"), "errno", None) == errno.EMFILE
    assert "socket" in context


@check("Lib/asyncio/base_events.py: BaseEventLoop._connect_sock", level="should", needs=("posix",))
async def emfile_on_connect(loop, scarcity, listener, patience):
    """create_connection() raises OSError when there are no descriptors left, and works again when there are."""
    await client_cycle(loop, listener, patience)
    scarcity.exhaust()
    try:
        connecting = loop.create_connection(stream, *listener.getsockname()[:2])
        transport, _ = await soon(connecting, patience, "create_connection() ends")
        transport.abort()
        outcome = "connected"
    except OSError as error:
        outcome = errno.errorcode.get(error.errno)
    finally:
        scarcity.free()
    await client_cycle(loop, listener, patience)

    assert outcome == "EMFILE"


# many


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection",
    level="should",
    needs=("posix", "thousands-of-descriptors"),
)
async def thousand_connections(loop, scarcity, patience):
    """A server has a thousand connections at the same time, and answers on each.

    Takes about 0.3 s: the number is the point.
    """
    scarcity.allow(2600)
    peers = []

    def echo(protocol):
        protocol.transport.write(protocol.data)

    def talk(address):
        heard = []
        for _ in range(10):
            # No more at a time than may wait to be accepted: the kernel lets others try again a second later.
            some = [connect(address, patience) for _ in range(100)]
            peers.extend(some)
            for peer in some:
                peer.sendall(b"hello")
            heard += [peer.recv(5) for peer in some]
        return heard

    accepted = Watchers(StreamWatcher, nothing, data_received=echo)
    try:
        async with serving(accepted, patience, backlog=128) as server:
            heard = await threaded(talk, server.sockets[0].getsockname(), patience=4 * patience)
            for peer in peers:
                peer.close()
            for protocol in accepted:
                await protocol.until("connection_lost", patience)
    finally:
        for peer in peers:
            peer.close()

    assert (len(accepted), heard.count(b"hello")) == (1000, 1000), "connections, and answers"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should")
async def accept_burst(loop, patience):
    """A hundred connections that came in while the loop was busy are all accepted."""
    accepted = Watchers(StreamWatcher, nothing)
    async with serving(accepted, patience, backlog=128) as server:
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(dial(server, patience))
            await accepted.nth(100, patience)

    assert [protocol.times("connection_made") for protocol in accepted] == [1] * 100


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2", level="should")
async def tasks_after_traffic(loop, listener, patience):
    """Connections that a server has accepted, or a client made, leave no task when they are closed."""
    accepted = Watchers(StreamWatcher, nothing)
    async with serving(accepted, patience) as server:
        for _ in range(10):
            await server_cycle(server, accepted, patience)
            await client_cycle(loop, listener, patience)
        await pass_turns(3)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}

    assert tasks == set()


# objects


async def ended_client(loop, listener, patience):
    """What is remembered of a client's connection that has ended."""
    async with connecting(listener, stream, patience) as protocol:
        peer, _ = listener.accept()
        peer.close()
        await protocol.until("connection_lost", patience)
        return Remembered(protocol=protocol, transport=protocol.transport)


@check("Lib/asyncio/selector_events.py: _SelectorTransport._call_connection_lost", level="should")
async def transport_protocol_collectable(loop, listener, patience):
    """After connection_lost() a client's transport and protocol can be collected while the loop runs on."""
    remembered = await ended_client(loop, listener, patience)
    await pass_turns(3)

    assert remembered.alive_after_collection() == []


@check("Lib/asyncio/selector_events.py: _SelectorTransport._call_connection_lost", level="should")
async def accepted_transport_protocol_collectable(loop, patience):
    """After connection_lost() a server's transport and protocol can be collected while the server goes on."""
    accepted = Watchers(StreamWatcher, nothing)
    async with serving(accepted, patience) as server:

        async def ended():
            await server_cycle(server, accepted, patience)
            protocol = accepted.pop()
            return Remembered(protocol=protocol, transport=protocol.transport)

        remembered = await ended()
        await pass_turns(3)
        alive = remembered.alive_after_collection()

    assert alive == []


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.close", python=">=3.12", level="may")
async def protocol_freed_without_gc(loop, listener, patience):
    """After connection_lost() a stream transport is in no reference cycle but the one that its protocol makes with it.

    They go when the program drops them, without a garbage collection.
    """

    class Forgetful(asyncio.Protocol):
        """A protocol that does not keep its transport: only the loop knows both."""

        def connection_lost(self, exc):
            lost.append(exc)

    async def ended():
        transport, protocol = await loop.create_connection(Forgetful, *listener.getsockname()[:2])
        peer, _ = listener.accept()
        with peer:
            remembered = Remembered(protocol=protocol, transport=transport)
            transport.close()
        return remembered

    lost = []
    with uncollected():
        remembered = await ended()
        until = time.monotonic() + patience
        while not lost and time.monotonic() < until:
            await asyncio.sleep(0.001)
        await pass_turns(5)
        alive = remembered.alive()

    assert (lost, alive) == ([None], [])


@check("Lib/asyncio/sslproto.py: SSLProtocol.connection_lost", level="should", needs=("tls",))
async def tls_collectable(loop, listener, tls, patience):
    """After a TLS connection has ended, its transport, its protocol and the SSLContext can be collected."""

    async def ended():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with answering(listener, tls.server, lambda secure: secure.recv(5), patience):
            async with connecting(listener, stream, patience, ssl=context) as protocol:
                protocol.transport.write(b"hello")
                await protocol.until("connection_lost", patience)
                remembered = Remembered(protocol=protocol, transport=protocol.transport, context=context)
        return remembered

    remembered = await ended()
    await pass_turns(5)

    assert remembered.alive_after_collection() == []


@check(
    "Lib/asyncio/base_subprocess.py: BaseSubprocessTransport._call_connection_lost", level="should", needs=("posix",)
)
async def subprocess_collectable(loop, patience):
    """After connection_lost() the transport of a child process and its protocol can be collected."""

    async def ended():
        making = loop.subprocess_exec(lambda: SubprocessWatcher(nothing), "cat")
        transport, protocol = await soon(making, patience, "subprocess_exec() returns")
        remembered = Remembered(protocol=protocol, transport=transport, pipe=transport.get_pipe_transport(1))
        transport.get_pipe_transport(0).close()
        await protocol.until("connection_lost", patience)
        return remembered

    remembered = await ended()
    until = time.monotonic() + patience / 2  # for a thread that waits for the process may have to end, too
    while remembered.alive_after_collection() and time.monotonic() < until:
        await asyncio.sleep(0.005)

    assert remembered.alive_after_collection() == []


@check("Lib/asyncio/base_events.py: BaseEventLoop.close", level="should", needs=("signals",))
def loop_collectable(loop_factory, listener, patience):
    """A closed loop that had a server, connections and signal handlers can be collected."""

    async def use(loop):
        accepted = Watchers(StreamWatcher, nothing)
        loop.add_signal_handler(signal.SIGUSR1, nothing)
        async with serving(accepted, patience) as server:
            await server_cycle(server, accepted, patience)
            await client_cycle(loop, listener, patience)
        loop.remove_signal_handler(signal.SIGUSR1)

    def ended():
        loop = loop_factory()
        run_coroutine(loop, use(loop))
        loop.close()
        return Remembered(loop=loop)

    assert ended().alive_after_collection() == []


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should")
def handle_releases_callback(loop):
    """When a callback has run, the loop keeps neither it nor its arguments, even if the program keeps the loop.

    No garbage collection is needed: an object with a __del__() goes when its last callback has run.
    """

    def schedule(function, *before):
        owner, argument = Companion(), Companion()
        function(*before, owner.act, argument)
        return Remembered(owner=owner, argument=argument)

    with uncollected():
        remembered = {
            "call_soon": schedule(loop.call_soon),
            "call_soon_threadsafe": schedule(loop.call_soon_threadsafe),
            "call_later": schedule(loop.call_later, 0),
        }
        loop.call_later(0.002, loop.stop)
        loop.run_forever()
        turn(loop)
        alive = {name: one.alive() for name, one in remembered.items()}

    assert alive == dict.fromkeys(remembered, [])


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should", needs=("posix",))
def cancelled_timers_do_not_pile_up(loop):
    """Distant timers that are set and cancelled, by the ten thousand, do not raise the memory of the process.

    Takes 0.2 s: a server that sets a time-out for each request sets so many in a minute. What keeps a hundred bytes
    for each is seen.
    """

    def cycle():
        for _ in range(5):
            for number in range(3000):
                loop.call_later(3600 + number, nothing).cancel()
            turn(loop)
        gc.collect()

    grown = rise(cycle, resident, 2)

    assert min(grown) < 10**6, f"bytes by which 15000 cancelled timers raised the memory, twice: {grown}"


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="should", needs=("posix",))
def timers_cancelled_behind_a_pending_one_do_not_pile_up(loop):
    """Distant timers that are set and cancelled do not raise the memory either while a nearer one is pending.

    A loop that lets cancelled timers go only when their turn comes keeps every time-out of a server for its full time,
    as soon as one that is due before them stays.
    """
    nearest = loop.call_later(1800, nothing)

    def cycle():
        for _ in range(5):
            timers = [loop.call_later(3600 + number, nothing) for number in range(3000)]
            for timer in timers:
                timer.cancel()
            turn(loop)
        gc.collect()

    grown = rise(cycle, resident, 3)
    nearest.cancel()

    # The least may be little, where memory of the first round was free again.
    assert sorted(grown)[1] < 10**6, f"bytes by which 15000 cancelled timers raised the memory, three times: {grown}"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._remove_reader", level="should", needs=("posix",))
def reader_callback_released(loop, socketpair):
    """remove_reader() and remove_writer() let go of the callback and its arguments."""

    def watch(add, remove):
        owner, argument = Companion(), Companion()
        add(socketpair[0].fileno(), owner.act, argument)
        turn(loop)
        remove(socketpair[0].fileno())
        return Remembered(owner=owner, argument=argument)

    reader = watch(loop.add_reader, loop.remove_reader)
    writer = watch(loop.add_writer, loop.remove_writer)
    turn(loop)

    assert (reader.alive_after_collection(), writer.alive_after_collection()) == ([], [])


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.remove_signal_handler", level="should", needs=("signals",))
def signal_handler_released(loop):
    """remove_signal_handler() lets go of the callback and its arguments."""

    def handle():
        owner, argument = Companion(), Companion()
        loop.add_signal_handler(signal.SIGUSR1, owner.act, argument)
        turn(loop)
        loop.remove_signal_handler(signal.SIGUSR1)
        return Remembered(owner=owner, argument=argument)

    remembered = handle()
    turn(loop)

    assert remembered.alive_after_collection() == []


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_in_executor", level="should")
async def run_in_executor_releases(loop, patience):
    """When a job of run_in_executor() has ended, neither the loop nor the future keeps the function or an argument."""

    def submit():
        owner, argument = Companion(), Companion()
        return loop.run_in_executor(None, owner.act, argument), Remembered(owner=owner, argument=argument)

    future, remembered = submit()
    await soon(future, patience, "the job ends")
    await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")
    await pass_turns(2)

    assert (remembered.alive_after_collection(), future.result()) == ([], None)


@check("Lib/asyncio/tasks.py: Task", level="should")
async def task_exception_no_cycle(loop, patience):
    """A task that failed, and was awaited, leaves no reference cycle: what its coroutine had goes with the task."""

    async def fail(companion):
        await asyncio.sleep(0)
        raise ZeroDivisionError("mine")

    async def fails():
        companion = Companion()
        remembered = Remembered(argument=companion)
        task = loop.create_task(fail(companion))
        del companion
        await asyncio.wait([task])
        raised = type(task.exception())
        return remembered, raised

    with uncollected():
        remembered, raised = await fails()
        await pass_turns(2)
        alive = remembered.alive()

    assert (raised, alive) == (ZeroDivisionError, [])


# memory


@check("Lib/asyncio/base_events.py: BaseEventLoop.close", level="should", needs=("posix",))
def churn_of_loops_keeps_memory_flat(loop_factory):
    """Loops that are made, run and closed one after the other do not raise the memory of the process without end.

    A loop that keeps 20 kB for each is seen. Takes 0.1 s and more: it must be many.
    """

    def cycle():
        for _ in range(50):
            loop = loop_factory()
            run_coroutine(loop, answer())
            loop.close()
        del loop
        gc.collect()

    grown = rise(cycle, resident, 3)

    assert min(grown) < 10**6, f"bytes by which each fifty loops raised the memory: {grown}"


@check("asyncio-protocol#asyncio.BaseTransport.close", level="should", needs=("posix",))
async def churn_of_connections_keeps_memory_flat(loop, listener, patience):
    """Connections that are made and closed one after the other do not raise the memory of the process without end.

    A loop that keeps 10 kB for each is seen. Takes 0.1 s and more: it must be many.
    """

    async def cycle():
        for _ in range(60):
            await client_cycle(loop, listener, patience)
        gc.collect()
        return resident()

    marks = [await cycle() for _ in range(4)]
    grown = [later - earlier for earlier, later in itertools.pairwise(marks)]

    assert min(grown) < 600_000, f"bytes by which each sixty connections raised the memory: {grown}"


# threads


@check("asyncio-runner#asyncio.Runner")
def threads_after_run(loop_factory, patience):
    """When asyncio.Runner has closed the loop, the threads of its default executor have ended."""

    async def program():
        loop = asyncio.get_running_loop()
        await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        return await asyncio.to_thread(threading.get_ident)

    before = threading.active_count()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        worker = runner.run(program())

    assert (worker != threading.get_ident(), threading.active_count() - before) == (True, 0)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop", level="may")
async def no_extra_threads_for_sockets(loop, listener, patience):
    """Connections to addresses, and serving them, start no thread."""
    before = threading.active_count()
    accepted = Watchers(StreamWatcher, nothing)
    async with serving(accepted, patience) as server:
        await server_cycle(server, accepted, patience)
        await client_cycle(loop, listener, patience)
        started = threading.active_count() - before

    assert started == 0


# warnings


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__del__", level="should")
def unclosed_datagram_transport_warns(loop_factory, patience):
    """A datagram transport that is dropped without close(), with its loop, issues a ResourceWarning about it."""

    async def use(loop):
        making = loop.create_datagram_endpoint(lambda: DatagramWatcher(nothing), local_addr=("127.0.0.1", 0))
        transport, _ = await soon(making, patience, "create_datagram_endpoint() returns")
        return type(transport).__name__

    with warned(ResourceWarning) as warnings:
        loop = loop_factory()
        run_coroutine(loop, use(loop))
        loop.close()
        del loop
        gc.collect()

    assert any("transport" in text.lower() for text in warnings), f"warnings: {warnings}"


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__del__", level="should")
def unclosed_tcp_transport_warns(loop_factory, listener, patience):
    """A stream transport that is dropped without close(), with its closed loop, issues a ResourceWarning about it."""

    async def use(loop):
        making = loop.create_connection(stream, *listener.getsockname()[:2])
        await soon(making, patience, "create_connection() returns")

    with warned(ResourceWarning) as warnings:
        loop = loop_factory()
        run_coroutine(loop, use(loop))
        loop.close()
        del loop
        gc.collect()
    listener.accept()[0].close()

    assert any("transport" in text.lower() for text in warnings), f"warnings: {warnings}"


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__del__", level="should", needs=("posix",))
def unclosed_transport_fd_freed(loop_factory, listener, patience):
    """The descriptor of a transport that is dropped without close(), with its closed loop, does not stay open."""

    async def use(loop):
        making = loop.create_connection(stream, *listener.getsockname()[:2])
        await soon(making, patience, "create_connection() returns")

    def cycle():
        loop = loop_factory()
        run_coroutine(loop, use(loop))
        loop.close()
        del loop
        gc.collect()
        listener.accept()[0].close()

    def idle():
        loop = loop_factory()
        run_coroutine(loop, answer())
        loop.close()
        del loop
        gc.collect()

    with warned(ResourceWarning):
        left = rise(cycle, open_descriptors, 3)
        left_by_loops = rise(idle, open_descriptors, 3)

    assert left == left_by_loops, "descriptors left by loops with a connection, and by loops without"


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__del__", level="should", needs=("posix",))
def no_warning_when_closed(loop_factory, listener, patience):
    """A program that closes its servers, connections, endpoints, pipes, processes and loop sees no ResourceWarning."""

    async def program():
        loop = asyncio.get_running_loop()
        accepted = Watchers(StreamWatcher, nothing)
        async with serving(accepted, patience) as server:
            await server_cycle(server, accepted, patience)
        await client_cycle(loop, listener, patience)
        async with datagrams(lambda: DatagramWatcher(nothing), patience):
            pass
        await pipe_cycle(loop, patience)
        await process_cycle(loop, patience)
        return "ended"

    with warned(ResourceWarning) as warnings:
        loop = loop_factory()
        try:
            ended = run_coroutine(loop, program())
        finally:
            loop.close()
        del loop
        gc.collect()

    assert (ended, warnings) == ("ended", [])


def abandon(factory, address, patience):
    """Close a loop whose connection and child process are open, collect the garbage; the exceptions nobody caught."""

    async def use(loop):
        await soon(loop.create_connection(stream, *address), patience, "create_connection() returns")
        making = loop.subprocess_exec(lambda: SubprocessWatcher(nothing), "cat")
        await soon(making, patience, "subprocess_exec() returns")

    raised = []
    sys.unraisablehook = lambda given: raised.append(repr(given.exc_value))
    with warned(ResourceWarning):
        loop = factory()
        run_coroutine(loop, use(loop))
        loop.close()
        del loop
        gc.collect()
    return raised


@check("Lib/asyncio/base_subprocess.py: BaseSubprocessTransport.close", python=">=3.14", level="may", needs=("posix",))
def unclosed_transport_gc_no_unraisable(in_new_python, listener, patience):
    """Collecting transports after their loop was closed raises nothing, not even where nobody can catch it.

    Of a connection and of a child process that still runs. In a new process, for what is left open is not the point.
    """
    raised = in_new_python(abandon, listener.getsockname()[:2], patience)
    listener.accept()[0].close()

    assert raised == []


# descriptors and other programs


def inheritable(before):
    """Which descriptors that were not there before a new program would inherit."""
    found = []
    for name in set(os.listdir("/dev/fd")) - before:
        with contextlib.suppress(OSError):  # the one that lists the folder
            if os.get_inheritable(int(name)):
                found.append(os.readlink(f"/dev/fd/{name}"))
    return found


@check("os#inheritance-of-file-descriptors", level="should", needs=("posix",))
def internal_fds_not_inheritable(loop_factory):
    """The loop's own descriptors are not inherited by programs that the process starts."""
    before = set(os.listdir("/dev/fd"))
    loop = loop_factory()
    loop.call_soon_threadsafe(nothing)
    run_coroutine(loop, answer())
    found = inheritable(before)
    loop.close()

    assert found == []


@check("os#inheritance-of-file-descriptors", level="should", needs=("posix",))
async def sockets_not_inheritable(loop, listener, patience):
    """Sockets that the loop makes, to listen, to connect, and by accepting, are not inherited by other programs."""
    before = set(os.listdir("/dev/fd"))
    accepted = Watchers(StreamWatcher, nothing)
    async with serving(accepted, patience) as server, connecting(listener, stream, patience):
        with listener.accept()[0], dial(server, patience):
            await accepted.nth(1, patience)
            async with datagrams(lambda: DatagramWatcher(nothing), patience):
                found = inheritable(before)

    assert found == []


# processes forked from a running loop


@check("Lib/test/test_asyncio/test_unix_events.py: TestFork", level="should", needs=("fork",))
async def fork_child_can_run_new_loop(loop, loop_factory, patience):
    """A process that was forked by a running loop can make a new loop, and serve and connect with it."""

    async def talk():
        own = asyncio.get_running_loop()
        accepted = Watchers(StreamWatcher, nothing)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(patience)
            async with serving(accepted, patience) as server:
                await server_cycle(server, accepted, patience)
                await client_cycle(own, listener, patience)
        return "talked"

    def child():
        return run_coroutine(loop_factory(), talk())

    await pass_turns(2)

    assert forked(child, 2 * patience) == "talked"


@check("Lib/test/test_asyncio/test_unix_events.py: TestFork", level="should", needs=("fork",))
async def fork_parent_unaffected(loop, listener, patience):
    """A process that a running loop forks, and its end, do not disturb the loop's connections and executor."""
    async with connecting(listener, stream, patience) as protocol:
        peer, _ = listener.accept()
        with peer:
            before = await soon(loop.run_in_executor(None, answer_at_once), patience, "a job ends")
            forked(answer_at_once, patience)
            peer.sendall(b"hello")
            await protocol.until("data_received", patience)
            after = await soon(loop.run_in_executor(None, answer_at_once), patience, "a job ends")
            data = protocol.data
    await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")

    assert (before, data, after) == ("answer", b"hello", "answer")


def answer_at_once():
    return "answer"


also_in(
    {
        "debug": (connection_fds_released, transport_protocol_collectable, handle_releases_callback),
        "other-thread": (loop_fds_released, connection_fds_released),
        "python-tasks": (task_exception_no_cycle,),
        "eager-tasks": (task_exception_no_cycle,),
    }
)
