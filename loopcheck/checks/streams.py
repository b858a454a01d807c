"""asyncio's streams over the loop: open_connection(), start_server(), and what both need of transports."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import pathlib
import socket

import loopcheck.kit.spawning  # noqa: F401  # the tool "spawn"
from loopcheck.basics import (
    CLOSES,
    CONNECTS,
    CONNECTS_OVER_TLS,
    CONNECTS_TO_UNIX,
    SERVES,
    SERVES_TLS,
    SERVES_UNIX,
    UPGRADES_CLIENTS,
)
from loopcheck.check import also_in, check, untested
from loopcheck.kit import pass_turns, refuses, soon, threaded
from loopcheck.kit.channels import fill, pattern
from loopcheck.kit.names import outcome
from loopcheck.kit.net import putting_away, serving_streams
from loopcheck.kit.peers import AS_SENT, Peer, compared, narrowed
from loopcheck.kit.sockets import beginning, cancelled
from loopcheck.kit.surroundings import warned

AFTER = CONNECTS

BIG = 2**22
"""Bytes; far more than a narrow connection takes of what nobody reads."""


@contextlib.asynccontextmanager
async def client(listener, patience, *, narrow=False, **options):
    """A connection of open_connection() to a peer; the block gets reader, writer and peer.

    With ``narrow`` it has small buffers in the kernel.
    """
    if narrow:
        narrowed(listener)
    opening = asyncio.open_connection(*listener.getsockname(), **options)
    reader, writer = await soon(opening, patience, "open_connection() returns")
    if narrow:
        with contextlib.suppress(Exception):  # what is shown does not rest on it
            narrowed(writer.get_extra_info("socket"))
    async with ending(writer, patience):
        with Peer(listener.accept()[0], patience) as peer:
            yield reader, writer, peer
            peer.let_go()


def ending(writer, patience):
    """Abort the writer's connection after the block, and wait for its end."""

    async def close():
        with contextlib.suppress(Exception):  # some transports mind it once they are closed: not what is shown here
            writer.transport.abort()
        with contextlib.suppress(OSError):
            await soon(writer.wait_closed(), patience, "wait_closed() returns after abort()")

    return putting_away(close)


@contextlib.asynccontextmanager
async def server(callback, patience, **options):
    """A server of start_server() that calls back as it is told; the block gets a function that makes peers of it."""
    starting = asyncio.start_server(callback, "127.0.0.1", 0, **options)
    made = await soon(starting, patience, "start_server() returns")

    async def close():
        made.close()
        await soon(made.wait_closed(), patience, "wait_closed() of the server returns")

    async with putting_away(close):
        yield functools.partial(Peer.connecting, made.sockets[0].getsockname(), patience)


async def read_line_and_answer(reader, writer):
    """A handler: answers each line with the same in capitals."""
    async for line in reader:
        writer.write(line.upper())


# opening connections


@check("asyncio-stream#asyncio.open_connection")
async def open_connection_types(loop, listener, patience):
    """open_connection() returns a StreamReader and a StreamWriter that talk to the peer."""
    async with client(listener, patience) as (reader, writer, peer):
        writer.write(b"hello")
        peer.send(b"world")
        data = await soon(reader.readexactly(5), patience, "readexactly() returns")

        assert (isinstance(reader, asyncio.StreamReader), isinstance(writer, asyncio.StreamWriter)) == (True, True)
        assert (data, await peer.read(5)) == (b"world", b"hello")
        assert writer.get_extra_info("peername") == listener.getsockname()


@check("asyncio-stream#asyncio.open_connection")
async def kwargs_passed_through(loop, listener, patience):
    """open_connection() hands its further arguments to create_connection(), which refuses those it does not know."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = free.getsockname()
    async with client(listener, patience, local_addr=here) as (_, writer, peer):
        names = writer.get_extra_info("sockname"), peer.address_of_subject
    with refuses(TypeError, "open_connection() with an unknown argument"):
        opening = asyncio.open_connection(*listener.getsockname(), unknown=1)
        await soon(opening, patience, "open_connection() raises")

    assert names == (here, here)


@check("asyncio-stream#asyncio.start_server", after=SERVES)
async def server_kwargs_passed_through(loop, patience):
    """start_server() hands its further arguments to create_server(), such as start_serving."""
    options = {"backlog": 5, "reuse_address": True, "start_serving": False}
    starting = asyncio.start_server(read_line_and_answer, "127.0.0.1", 0, **options)
    made = await soon(starting, patience, "start_server() returns")
    serving = [made.is_serving()]
    await soon(made.start_serving(), patience, "start_serving() returns")
    serving.append(made.is_serving())
    made.close()
    await soon(made.wait_closed(), patience, "wait_closed() of the server returns")
    with refuses(TypeError, "start_server() with an unknown argument"):
        starting = asyncio.start_server(read_line_and_answer, "127.0.0.1", 0, unknown=1)
        await soon(starting, patience, "start_server() raises")

    assert serving == [False, True]


@check("asyncio-stream#asyncio.open_connection", after=(*CONNECTS, *CLOSES))
async def sock_argument(loop, listener, patience):
    """open_connection() with sock takes over a connected socket, and closes it with the writer."""
    sock = socket.create_connection(listener.getsockname())
    sock.setblocking(False)
    reader, writer = await soon(asyncio.open_connection(sock=sock), patience, "open_connection() returns")
    async with ending(writer, patience):
        with Peer(listener.accept()[0], patience) as peer:
            peer.send(b"hello")
            data = await soon(reader.readexactly(5), patience, "readexactly() returns")
            writer.close()
            await soon(writer.wait_closed(), patience, "wait_closed() returns")

            assert (data, sock.fileno(), await peer.read_to_end()) == (b"hello", -1, b"")


@check("asyncio-stream#asyncio.open_connection")
async def refused(loop, patience):
    """open_connection() raises ConnectionRefusedError where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()

    answer = await outcome(soon(asyncio.open_connection(*address), patience, "open_connection() raises"))

    assert answer == ("ConnectionRefusedError", "ECONNREFUSED")


@check("asyncio-stream#asyncio.open_unix_connection", needs=("unix-connections",), after=CONNECTS_TO_UNIX)
async def unix(loop, unix_listener, folder, patience):
    """open_unix_connection() takes str and path-like paths, and raises FileNotFoundError for one that is not there."""
    path, data = unix_listener.getsockname(), []
    for form in (path, pathlib.Path(path)):
        opening = asyncio.open_unix_connection(form)
        reader, writer = await soon(opening, patience, "open_unix_connection() returns")
        async with ending(writer, patience):
            with Peer(unix_listener.accept()[0], patience) as peer:
                peer.send(b"hello")
                data.append(await soon(reader.readexactly(5), patience, "readexactly() returns"))
                peer.let_go()
    with refuses(FileNotFoundError, "open_unix_connection() to a path that does not exist"):
        opening = asyncio.open_unix_connection(f"{folder}/missing")
        await soon(opening, patience, "open_unix_connection() raises")

    assert data == [b"hello"] * 2


@check("asyncio-stream#asyncio.start_unix_server", needs=("unix-connections",), after=(*SERVES_UNIX, *CLOSES))
async def unix_server(loop, folder, patience):
    """start_unix_server() takes str and path-like paths, and serves there."""
    answers = []
    for form in (f"{folder}/one", pathlib.Path(folder, "two")):
        ended = loop.create_future()

        async def handle(reader, writer, ended=ended):
            writer.write((await reader.readline()).upper())
            writer.close()
            ended.set_result(None)

        made = await soon(asyncio.start_unix_server(handle, form), patience, "start_unix_server() returns")
        with Peer.connecting(str(form), patience) as peer:
            peer.send(b"hello\n")
            answers.append(await peer.read_to_end())
            await soon(ended, patience, "the handler ends")
        made.close()
        await soon(made.wait_closed(), patience, "wait_closed() of the server returns")

    assert answers == [b"HELLO\n"] * 2


@check("asyncio-stream#asyncio.open_connection", needs=("tls",), after=CONNECTS_OVER_TLS)
async def tls(loop, listener, tls, patience):
    """open_connection() with ssl talks over TLS; its writer cannot half-close."""
    sent = pattern(100_000)
    with Peer.accepting(listener, patience) as peer:
        peer.start_tls(tls.server, server_side=True)
        address = listener.getsockname()
        opening = asyncio.open_connection(*address, ssl=tls.client, server_hostname=tls.host)
        reader, writer = await soon(opening, patience, "open_connection() with ssl returns")
        async with ending(writer, patience):
            writer.write(sent)
            arrived = await peer.gets(sent)
            peer.send(sent)
            answer = await soon(reader.readexactly(len(sent)), patience, "readexactly() returns")
            can_end = writer.can_write_eof()
            peer.let_go()

    assert (arrived, compared(answer, sent), can_end) == (AS_SENT, AS_SENT, False)


@check("asyncio-stream#asyncio.start_server", needs=("tls",), after=SERVES_TLS)
async def tls_server(loop, tls, patience):
    """start_server() with ssl talks over TLS; a writer of it cannot half-close."""
    sent, seen = pattern(100_000), []

    async def handle(reader, writer):
        seen.append(writer.can_write_eof())
        writer.write(await reader.readexactly(len(sent)))
        await writer.drain()
        await reader.read()

    async with serving_streams(handle, patience, ssl=tls.server) as made:
        with Peer.connecting(made.sockets[0].getsockname(), patience) as peer:
            await peer.start_tls(tls.client, server_hostname=tls.host)
            peer.send(sent)
            arrived = await peer.gets(sent)
            peer.let_go()

    assert (arrived, seen) == (AS_SENT, [False])


@check("asyncio-stream#asyncio.StreamWriter.start_tls", needs=("tls",), after=UPGRADES_CLIENTS)
async def start_tls(loop, listener, tls, patience):
    """start_tls() of a writer goes on over TLS, and reader and writer with it."""
    async with client(listener, patience) as (reader, writer, peer):
        writer.write(b"plain\n")
        peer.read(6)
        peer.send(b"go on\n")
        plain = await soon(reader.readline(), patience, "readline() returns")
        peer.start_tls(tls.server, server_side=True)
        await soon(writer.start_tls(tls.client, server_hostname=tls.host), patience, "start_tls() returns")
        writer.write(b"secret\n")
        arrived = await peer.read(7)
        peer.send(b"answer\n")
        answer = await soon(reader.readline(), patience, "readline() returns")

        assert (plain, arrived, answer) == (b"go on\n", b"secret\n", b"answer\n")


# serving


@check("asyncio-stream#asyncio.start_server", after=(*SERVES, *CLOSES))
async def plain_callback(loop, patience):
    """start_server() calls a plain function with a reader and a writer."""

    def welcome(reader, writer):
        writer.write(b"not at the end" if not reader.at_eof() else b"at the end")
        writer.close()

    async with server(welcome, patience) as dial:
        with dial() as peer:
            arrived = await peer.read_to_end()

    assert arrived == b"not at the end"


@check("asyncio-stream#asyncio.start_server", after=(*SERVES, *CLOSES))
async def coroutine_callback_is_task(loop, patience, trace):
    """start_server() runs a coroutine function as a task of its own, which all_tasks() and current_task() know."""

    async def handle(reader, writer):
        task = asyncio.current_task()
        trace(task is not None, task in asyncio.all_tasks())
        writer.close()

    async with server(handle, patience) as dial:
        with dial() as peer:
            await peer.read_to_end()

    assert trace == [(True, True)]


@check("Lib/asyncio/streams.py: StreamReaderProtocol", level="should", after=(*SERVES, *CLOSES))
async def server_task_survives_gc(loop, patience):
    """The task of a handler, its reader and its writer outlive the garbage collector while they wait for the client."""

    async def handle(reader, writer):
        writer.write(b"1 " + await reader.readline())
        writer.write(b"2 " + await reader.readline())
        writer.close()

    async with server(handle, patience) as dial:
        with dial() as peer:
            peer.send(b"one\n")
            first = await peer.read(6)
            await pass_turns(3)
            gc.collect()
            peer.send(b"two\n")

            assert (first, await peer.read_to_end()) == (b"1 one\n", b"2 two\n")


@check("Lib/asyncio/streams.py: StreamReaderProtocol.connection_made", level="should", after=(*SERVES, *CLOSES))
async def cb_coroutine_exception(loop, errors, patience):
    """An exception of a handler is reported with its transport, and the connection is closed."""
    problem, made = ZeroDivisionError("of the handler"), []

    async def handle(reader, writer):
        made.append(writer.transport)
        raise problem

    async with server(handle, patience) as dial:
        with dial() as peer:
            arrived = await peer.read_to_end()
    reported = [(context["message"], context.get("exception"), context.get("transport")) for context in errors]

    assert (reported, arrived) == ([("Unhandled exception in client_connected_cb", problem, *made)], b"")


@check(
    "Lib/asyncio/streams.py: StreamReaderProtocol.connection_made",
    level="should",
    python=">=3.13",
    after=(*SERVES, *CLOSES),
)
async def cb_cancelled(loop, errors, patience):
    """A handler that is cancelled closes the connection, and nothing is reported."""

    async def handle(reader, writer):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    async with server(handle, patience) as dial:
        with dial() as peer:
            arrived = await peer.read_to_end()

    assert (arrived, errors) == (b"", [])


@check("Lib/asyncio/streams.py: StreamReaderProtocol.connection_made", level="should", after=(*SERVES, *CLOSES))
async def cb_sync_exception_reported(loop, errors, patience):
    """An exception of a plain function as the handler reaches the loop's exception handler."""
    problem, called = ZeroDivisionError("of the handler"), loop.create_future()

    def welcome(reader, writer):
        called.set_result(writer)
        raise problem

    async with server(welcome, patience) as dial:
        with dial() as peer:
            writer = await soon(called, patience, "the handler is called")
            await pass_turns()
            writer.transport.abort()
            await peer.read_to_reset()
            await pass_turns(2)

    assert [context.get("exception") for context in errors] == [problem]


@check("Lib/asyncio/streams.py: StreamReaderProtocol.connection_made", level="should", python=">=3.14")
async def cb_sync_exception(loop, errors, patience):
    """An exception of a plain function as the handler is reported once, and the connection is closed."""
    problem = ZeroDivisionError("of the handler")

    def welcome(reader, writer):
        raise problem

    async with server(welcome, patience) as dial:
        with dial() as peer:
            arrived = await peer.read_to_end()
    reported = [(context["message"], context.get("exception")) for context in errors]

    assert (reported, arrived) == ([("Unhandled exception in client_connected_cb", problem)], b"")


@check("asyncio-stream#asyncio.start_server", after=(*SERVES, *CLOSES))
async def server_side_writer_close_in_cb(loop, patience):
    """A handler may write, close its writer and wait until that is closed; the client gets all of it, and the end."""
    sent, closed = pattern(500_000), loop.create_future()

    async def handle(reader, writer):
        writer.write(sent)
        writer.close()
        await writer.wait_closed()
        closed.set_result(None)

    async with server(handle, patience) as dial:
        with dial() as peer:
            arrived = await peer.read_to_end()
            await soon(closed, patience, "wait_closed() in the handler returns")

    assert compared(arrived, sent) == AS_SENT


@check("asyncio-stream#asyncio.start_server", after=SERVES)
async def many_clients(loop, patience):
    """150 clients at once get each their own data back."""

    async def echo(reader, writer):
        writer.write(await reader.readline())

    async with serving_streams(echo, patience, backlog=200) as made:
        with contextlib.ExitStack() as stack:
            address = made.sockets[0].getsockname()
            clients = [stack.enter_context(socket.create_connection(address, patience)) for _ in range(150)]
            for number, sock in enumerate(clients):
                sock.sendall(b"%d\n" % number)
            answers = await threaded(lambda: [sock.makefile("rb").readline() for sock in clients])

    assert answers == [b"%d\n" % number for number in range(150)]


@check("asyncio-stream#asyncio.start_server", after=(*SERVES, *CLOSES))
async def server_limit(loop, patience, trace):
    """The limit of start_server() is that of its readers."""

    async def handle(reader, writer):
        try:
            await reader.readline()
        except ValueError:
            trace("too long")
        writer.close()

    async with server(handle, patience, limit=10) as dial:
        with dial() as peer:
            peer.send(b"x" * 20 + b"\n")
            await peer.read_to_end()

    assert trace == ["too long"]


# reading


untested(
    "limit_must_be_positive",
    "Lib/asyncio/streams.py: StreamReader.__init__",
    "open_connection() raises ValueError for a limit of zero or less.",
    because="asyncio raises it before it asks the loop for anything: no loop can do it otherwise.",
    level="should",
)


@check("asyncio-stream#asyncio.open_connection")
async def default_limit(loop, listener, spawn, patience):
    """Without a limit a reader reads lines of 64 KiB, and raises ValueError for longer ones."""
    longest = b"x" * 2**16 + b"\n"
    async with client(listener, patience) as (reader, _, peer):
        peer.send(longest)
        line = await soon(reader.readline(), patience, "readline() returns")
        peer.send(b"x" + longest)
        with refuses(ValueError, "readline() of a line of more than 64 KiB"):
            await soon(reader.readline(), patience, "readline() raises")

        assert line == longest


@check("asyncio-stream#asyncio.StreamReader.readline")
async def readline(loop, listener, patience):
    """readline() returns lines with their ends, however they arrive, then the unfinished last one, then b""."""
    async with client(listener, patience) as (reader, _, peer):
        peer.send(b"one\ntwo\n")
        peer.drip(b"three\nlast")
        peer.half_close()
        lines = [await soon(reader.readline(), patience, "readline() returns") for _ in range(6)]

    assert lines == [b"one\n", b"two\n", b"three\n", b"last", b"", b""]


@check("Lib/asyncio/streams.py: StreamReader.readline", level="should")
async def readline_over_limit(loop, listener, spawn, patience):
    """readline() raises ValueError for a line over the limit, drops what it has of it, and reads the next one.

    Whether the end of the line has come or not.
    """
    async with client(listener, patience, limit=10) as (reader, _, peer):
        lines = []
        for data in (b"x" * 20 + b"\nnext\n", b"x" * 20):
            reading = await beginning(spawn, reader.readline())
            peer.send(data)
            with refuses(ValueError, "readline() of a line over the limit"):
                await soon(reading, patience, "readline() raises")
            if not data.endswith(b"\n"):
                peer.send(b"next\n")
            lines.append(await soon(reader.readline(), patience, "readline() returns the next line"))

    assert lines == [b"next\n"] * 2


@check("asyncio-stream#asyncio.StreamReader.readuntil")
async def readuntil(loop, listener, spawn, patience):
    """readuntil() returns what comes up to the separator, also in pieces; at the end IncompleteReadError has the rest.

    An empty separator is a ValueError.
    """
    async with client(listener, patience) as (reader, _, peer):
        reading = await beginning(spawn, reader.readuntil(b"\r\n"))
        await peer.send(b"one\n\r")
        await pass_turns(2)
        peer.send(b"\ntwo\r\nrest\r")
        peer.half_close()
        parts = [
            await soon(reading, patience, "readuntil() returns"),
            await soon(reader.readuntil(b"\r\n"), patience, "readuntil() returns"),
        ]
        with refuses(ValueError, "readuntil() of an empty separator"):
            await soon(reader.readuntil(b""), patience, "readuntil() raises")
        with refuses(asyncio.IncompleteReadError, "readuntil() of a separator that does not come"):
            try:
                await soon(reader.readuntil(b"\r\n"), patience, "readuntil() raises")
            except asyncio.IncompleteReadError as error:
                parts.append((error.partial, error.expected))
                raise

    assert parts == [b"one\n\r\n", b"two\r\n", (b"rest\r", None)]


@check("asyncio-stream#asyncio.StreamReader.readuntil")
async def readuntil_over_limit(loop, listener, spawn, patience):
    """readuntil() beyond the limit raises LimitOverrunError, which says how much to consume; the data stays."""
    async with client(listener, patience, limit=10) as (reader, _, peer):
        reading = await beginning(spawn, reader.readuntil(b"|"))
        peer.send(pattern(400)[4:104].replace(b"|", b"_") + b"|")
        try:
            consumed = await soon(reading, patience, "readuntil() raises")
        except asyncio.LimitOverrunError as error:
            consumed = error.consumed
        data = await soon(reader.readexactly(101), patience, "readexactly() returns")

    assert (consumed, data) == (100, pattern(400)[4:104].replace(b"|", b"_") + b"|")


@check("asyncio-stream#asyncio.StreamReader.readuntil", python=">=3.13")
async def readuntil_tuple(loop, listener, patience):
    """readuntil() takes a tuple of separators, and stops at the first that comes; an empty one is a ValueError."""
    async with client(listener, patience) as (reader, _, peer):
        peer.drip(b"one;two,three;")
        parts = [await soon(reader.readuntil((b",", b";")), patience, "readuntil() returns") for _ in range(3)]
        with refuses(ValueError, "readuntil() of no separators"):
            await soon(reader.readuntil(()), patience, "readuntil() raises")

    assert parts == [b"one;", b"two,", b"three;"]


@check("asyncio-stream#asyncio.StreamReader.readexactly")
async def readexactly(loop, listener, patience):
    """readexactly() returns so many bytes, however they arrive; at the end IncompleteReadError has the rest."""
    async with client(listener, patience) as (reader, _, peer):
        peer.drip(b"123456789")
        peer.half_close()
        parts = [await soon(reader.readexactly(number), patience, "readexactly() returns") for number in (4, 0, 3)]
        with refuses(ValueError, "readexactly(-1)"):
            await soon(reader.readexactly(-1), patience, "readexactly(-1) raises")
        with refuses(EOFError, "readexactly() beyond the end"):
            try:
                await soon(reader.readexactly(5), patience, "readexactly() raises")
            except asyncio.IncompleteReadError as error:
                parts.append((error.partial, error.expected))
                raise

    assert parts == [b"1234", b"", b"567", (b"89", 5)]


@check("Lib/asyncio/streams.py: StreamReader.readexactly", level="should")
async def readexactly_beyond_limit(loop, listener, patience):
    """readexactly() returns more than the limit, too: the transport is paused and resumed as often as it takes."""
    sent = pattern(2**20)
    async with client(listener, patience, limit=100) as (reader, _, peer):
        peer.send(sent)
        data = await soon(reader.readexactly(len(sent)), patience, "readexactly() returns")

    assert compared(data, sent) == AS_SENT


@check("asyncio-stream#asyncio.StreamReader.read")
async def read(loop, listener, spawn, patience):
    """read(n) returns what there is, up to n bytes; read() all up to the end; read(0), and either at the end, b""."""
    async with client(listener, patience) as (reader, _, peer):
        reading = await beginning(spawn, reader.read(100))
        peer.send(b"12345")
        parts = [await soon(reading, patience, "read() returns")]
        reading = await beginning(spawn, reader.read(2))
        await peer.send(b"678")
        parts.append(await soon(reading, patience, "read() returns"))
        parts.append(await soon(reader.read(0), patience, "read(0) returns"))
        reading = await beginning(spawn, reader.read())
        peer.send(b"90")
        peer.half_close()
        parts.append(await soon(reading, patience, "read() returns at the end"))
        parts += [await soon(reader.read(*n), patience, "read() returns at the end") for n in ((), (5,))]

    assert parts == [b"12345", b"67", b"", b"890", b"", b""]


@check("asyncio-stream#asyncio.StreamReader")
async def async_iteration(loop, listener, patience):
    """A reader is an asynchronous iterator over lines."""

    async def lines(reader):
        return [line async for line in reader]

    async with client(listener, patience) as (reader, _, peer):
        peer.send(b"one\ntwo\n")
        peer.drip(b"three")
        peer.half_close()

        assert await soon(lines(reader), patience, "the iteration ends") == [b"one\n", b"two\n", b"three"]


@check("asyncio-stream#asyncio.StreamReader.at_eof")
async def at_eof(loop, listener, spawn, patience):
    """at_eof() is True once the end has come and everything before it was read, and not earlier."""
    async with client(listener, patience) as (reader, _, peer):
        seen = [reader.at_eof()]
        peer.send(b"12345")
        await soon(reader.readexactly(5), patience, "readexactly() returns")
        seen.append(reader.at_eof())
        peer.send(b"6789")
        peer.half_close()
        await soon(reader.readexactly(2), patience, "readexactly() returns")
        seen.append(reader.at_eof())
        await soon(reader.read(), patience, "read() returns at the end")
        seen.append(reader.at_eof())

    assert seen == [False, False, False, True]


@check("Lib/asyncio/streams.py: StreamReader._wait_for_data", level="should")
async def concurrent_reads_rejected(loop, listener, spawn, patience):
    """A second read while another waits raises RuntimeError, and does not disturb the first."""
    async with client(listener, patience) as (reader, _, peer):
        first = await beginning(spawn, reader.read(100))
        with refuses(RuntimeError, "readline() while read() waits"):
            await soon(reader.readline(), patience, "readline() raises")
        peer.send(b"hello")

        assert await soon(first, patience, "read() returns") == b"hello"


@check("Lib/asyncio/streams.py: StreamReader", level="should")
async def cancelled_read_keeps_data(loop, listener, spawn, patience):
    """A read that is cancelled loses nothing: the next one gets what came before and after."""
    async with client(listener, patience) as (reader, _, peer):
        reading = await beginning(spawn, reader.readexactly(10))
        await peer.send(b"12345")
        await pass_turns(3)
        ended = await cancelled(reading, patience)
        peer.send(b"67890")
        data = await soon(reader.readexactly(10), patience, "readexactly() returns")

    assert (ended, data) == ("CancelledError", b"1234567890")


@check("Lib/asyncio/streams.py: StreamReaderProtocol.connection_lost", level="should")
async def exception_wakes_reader(loop, listener, spawn, patience):
    """A reset wakes a read that waits with ConnectionResetError, and reads after it raise that too."""
    async with client(listener, patience) as (reader, _, peer):
        reading = await beginning(spawn, reader.read())
        await peer.reset()
        for read in (lambda: reading, lambda: reader.read(1), reader.readline):  # one after the other
            with refuses(ConnectionResetError, "reading from a connection that the peer has reset"):
                await soon(read(), patience, "reading raises")

        assert type(reader.exception()) is ConnectionResetError


@check("Lib/asyncio/streams.py: StreamReaderProtocol.connection_lost", level="should")
async def local_abort_gives_eof(loop, listener, spawn, patience):
    """abort() of the own transport ends a read that waits with what is there."""
    async with client(listener, patience) as (reader, writer, _):
        reading = await beginning(spawn, reader.read())
        writer.transport.abort()

        assert await soon(reading, patience, "read() returns after abort()") == b""
        assert reader.at_eof()


@check("Lib/asyncio/streams.py: StreamReader.feed_data", level="should")
async def read_backpressure(loop, listener, patience):
    """A reader that nobody reads from pauses its transport, so that the sender stalls; read, it gets everything."""

    async def until_paused(transport):
        while transport.is_reading():
            await asyncio.sleep(0.001)  # nothing tells when

    sent = pattern(BIG)
    async with client(listener, patience, narrow=True, limit=1000) as (reader, writer, peer):
        sending = peer.send(sent)
        await soon(until_paused(writer.transport), patience, "is_reading() of the transport becomes False")
        await pass_turns(5)
        stalled = not sending.done
        data = await soon(reader.readexactly(len(sent)), patience, "readexactly() returns")

    assert (stalled, compared(data, sent)) == (True, AS_SENT)


# writing


@check("asyncio-stream#asyncio.StreamWriter.writelines")
async def writelines(loop, listener, patience):
    """writelines() takes a list, or any other iterable, of bytes, bytearrays and memoryviews."""
    async with client(listener, patience) as (_, writer, peer):
        writer.writelines([b"bytes ", bytearray(b"bytearray "), memoryview(b"memoryview ")])
        writer.writelines(piece for piece in (b"gene", b"rator"))
        await soon(writer.drain(), patience, "drain() returns")

        assert await peer.read(36) == b"bytes bytearray memoryview generator"


@check("asyncio-stream#asyncio.StreamWriter.write_eof")
async def write_eof_half_close(loop, listener, patience):
    """write_eof() ends what is sent; the peer can still answer."""
    async with client(listener, patience) as (reader, writer, peer):
        writer.write(b"question")
        can = writer.can_write_eof()
        writer.write_eof()
        arrived = await peer.read_to_end()
        peer.send(b"answer")
        answer = await soon(reader.readexactly(6), patience, "readexactly() returns")

    assert (can, arrived, answer) == (True, b"question", b"answer")


@check("asyncio-stream#asyncio.StreamWriter.drain")
async def drain_no_yield_below_high_water(loop, listener, trace, patience):
    """drain() returns without a turn of the loop while little waits to be sent."""
    async with client(listener, patience) as (_, writer, peer):
        loop.call_soon(trace, "a turn")
        writer.write(b"little")
        await writer.drain()
        before = list(trace)

        assert (before, await peer.read(6)) == ([], b"little")


def filled(transport):
    """Write until the transport has told its protocol to pause; all that was written."""
    transport.set_write_buffer_limits(high=2**15)
    return fill(transport)


@check("asyncio-stream#asyncio.StreamWriter.drain")
async def drain_blocks_and_resumes(loop, listener, spawn, patience):
    """drain() waits while too much waits to be sent, in several tasks at once, until the peer has read enough."""
    async with client(listener, patience, narrow=True) as (_, writer, peer):
        sent = filled(writer.transport)
        draining = [await beginning(spawn, writer.drain()) for _ in range(2)]
        early = [one.done() for one in draining]
        arrived = await peer.gets(sent)
        for one in draining:
            await soon(one, patience, "drain() returns once the peer has read")

    assert (early, arrived) == ([False, False], AS_SENT)


@check("Lib/asyncio/streams.py: FlowControlMixin._drain_helper", level="should")
async def drain_cancel_other_waiter(loop, listener, spawn, patience):
    """A drain() that is cancelled does not disturb another."""
    async with client(listener, patience, narrow=True) as (_, writer, peer):
        sent = filled(writer.transport)
        first, second = [await beginning(spawn, writer.drain()) for _ in range(2)]
        ended = await cancelled(first, patience)
        early = second.done()
        await peer.gets(sent)
        await soon(second, patience, "the other drain() returns once the peer has read")

    assert (ended, early) == ("CancelledError", False)


@check("Lib/asyncio/streams.py: FlowControlMixin._drain_helper", level="should")
async def drain_after_lost(loop, listener, patience):
    """drain() raises ConnectionResetError once the connection is lost."""
    async with client(listener, patience) as (_, writer, _):
        writer.transport.abort()
        await soon(writer.wait_closed(), patience, "wait_closed() returns after abort()")

        with refuses(ConnectionResetError, "drain() after the connection was lost"):
            await soon(writer.drain(), patience, "drain() raises")
        assert writer.is_closing()


@check("Lib/asyncio/streams.py: FlowControlMixin.connection_lost", level="should")
async def drain_raises_on_reset_while_blocked(loop, listener, spawn, patience):
    """A drain() that waits raises a ConnectionError when the peer resets the connection."""
    async with client(listener, patience, narrow=True) as (_, writer, peer):
        filled(writer.transport)
        draining = await beginning(spawn, writer.drain())
        early = draining.done()
        await peer.reset()
        with refuses(ConnectionError, "drain() of a connection that the peer has reset"):
            await soon(draining, patience, "drain() raises what ended the connection")

    assert not early, "drain() did not wait for a peer that does not read"


@check("Lib/asyncio/streams.py: StreamWriter.drain", level="should", after=(*CONNECTS, *CLOSES))
async def write_after_close_drain(loop, listener, patience):
    """write() after close() is no error; drain() after it raises ConnectionResetError."""
    async with client(listener, patience) as (_, writer, peer):
        writer.close()
        writer.write(b"after close()")
        await soon(writer.wait_closed(), patience, "wait_closed() returns after close()")
        writer.write(b"after wait_closed()")
        with refuses(ConnectionResetError, "drain() after close()"):
            await soon(writer.drain(), patience, "drain() raises")

        assert await peer.read_to_end() == b""


@check("asyncio-stream#asyncio.StreamWriter.wait_closed", after=(*CONNECTS, *CLOSES))
async def wait_closed(loop, listener, spawn, patience):
    """wait_closed() waits for close() and the end of the connection, and may be called again, as close() may."""
    async with client(listener, patience) as (_, writer, peer):
        closed = await beginning(spawn, writer.wait_closed())
        seen = [closed.done(), writer.is_closing()]
        writer.close()
        writer.close()
        seen += [closed.done(), writer.is_closing()]
        await soon(closed, patience, "wait_closed() returns after close()")
        await soon(writer.wait_closed(), patience, "wait_closed() returns again")
        writer.close()

        assert (seen, await peer.read_to_end()) == ([False, False, False, True], b"")


@check("asyncio-stream#asyncio.StreamWriter.wait_closed", after=(*CONNECTS, *CLOSES))
async def wait_closed_flushes(loop, listener, spawn, patience):
    """wait_closed() after close() returns once all that was written is sent, also to a peer that reads late."""
    sent = pattern(BIG)
    async with client(listener, patience, narrow=True) as (_, writer, peer):
        writer.write(sent)
        writer.close()
        closed = await beginning(spawn, writer.wait_closed())
        early = closed.done()
        arrived = await peer.gets(sent)
        await soon(closed, patience, "wait_closed() returns once all is sent")

        assert (early, arrived, await peer.read_to_end()) == (False, AS_SENT, b"")


@check("Lib/asyncio/streams.py: StreamReaderProtocol.connection_lost", level="should")
async def wait_closed_raises_error(loop, listener, spawn, patience):
    """wait_closed() raises the error that ended the connection, and exception() of the reader is that error."""
    async with client(listener, patience) as (reader, writer, peer):
        closed = await beginning(spawn, writer.wait_closed())
        await peer.reset()
        with refuses(ConnectionResetError, "wait_closed() of a connection that the peer has reset"):
            await soon(closed, patience, "wait_closed() raises")

        assert type(reader.exception()) is ConnectionResetError


@check("Lib/asyncio/streams.py: StreamWriter.__del__", level="should", after=(*CONNECTS, *CLOSES))
async def unclosed_writer_warns(loop, listener, patience):
    """A writer that is dropped without close() is reported by a ResourceWarning, and its connection is closed."""
    opening = asyncio.open_connection(*listener.getsockname())
    streams = list(await soon(opening, patience, "open_connection() returns"))
    del opening
    with Peer(listener.accept()[0], patience) as peer, warned(ResourceWarning) as texts:
        streams.clear()
        gc.collect()
        arrived = await peer.read_to_end()
        await pass_turns(2)

    assert ([text.partition("<")[0] for text in texts], arrived) == (["ResourceWarning: unclosed "], b"")


also_in(
    {
        "debug": (
            open_connection_types,
            readline,
            read_backpressure,
            drain_blocks_and_resumes,
            exception_wakes_reader,
            server_side_writer_close_in_cb,
        ),
        "other-thread": (readline, many_clients),
        "runner": (readline, many_clients, wait_closed_flushes),
        "eager-tasks": (plain_callback, server_side_writer_close_in_cb, many_clients),
        "python-tasks": (read_backpressure, server_side_writer_close_in_cb),
    }
)
