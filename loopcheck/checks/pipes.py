"""Pipes: connect_read_pipe() and connect_write_pipe(), on what may be given to them and what may not."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import os
import socket

from loopcheck.basics import READS_PIPES, WRITES_TO_PIPES
from loopcheck.check import also_in, check, untested
from loopcheck.checks import transports
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon, threaded
from loopcheck.kit.channels import Wire, fill, pattern
from loopcheck.kit.children import pipe
from loopcheck.kit.descriptors import open_descriptors
from loopcheck.kit.net import closing, meanwhile, putting_away
from loopcheck.kit.peers import AS_SENT, Peer, compared, connect
from loopcheck.kit.pipes import terminal
from loopcheck.kit.ready import readable
from loopcheck.kit.surroundings import warned
from loopcheck.kit.turns import turns_until

NEEDS = ("posix",)
AFTER = WRITES_TO_PIPES
READ = "asyncio-eventloop#asyncio.loop.connect_read_pipe"
WRITE = "asyncio-eventloop#asyncio.loop.connect_write_pipe"
KINDS = "asyncio-eventloop#working-with-pipes"
TRANSPORT = "asyncio-protocol#asyncio.BaseTransport"
READING = "asyncio-protocol#asyncio.ReadTransport"
WRITING = "asyncio-protocol#asyncio.WriteTransport"
READER = "Lib/asyncio/unix_events.py: _UnixReadPipeTransport"
WRITER = "Lib/asyncio/unix_events.py: _UnixWritePipeTransport"
LARGE = 1_000_000
"""Bytes; more than a pipe holds."""


@contextlib.asynccontextmanager
async def reader(loop, patience, file, make=Wire, **react):
    """A pipe that the loop reads; the block gets its transport and protocol."""
    connecting = loop.connect_read_pipe((lambda: make(**react)) if react else make, file)
    transport, protocol = await soon(connecting, patience, "connect_read_pipe() returns")

    async def close():
        if not protocol.times("connection_lost"):
            transport.close()  # there is no abort() of a transport that reads
        await protocol.until("connection_lost", patience)

    async with putting_away(close):
        yield transport, protocol


@contextlib.asynccontextmanager
async def writer(loop, patience, file, make=Wire, **react):
    """A pipe that the loop writes to; the block gets its transport and protocol."""
    connecting = loop.connect_write_pipe((lambda: make(**react)) if react else make, file)
    transport, protocol = await soon(connecting, patience, "connect_write_pipe() returns")
    async with closing([protocol], patience):
        yield transport, protocol


BOTH = {"connect_read_pipe()": reader, "connect_write_pipe()": writer}


def ends(way, pair):
    """Of a pipe's two ends, which the loop gets in this way, and the other one."""
    return pair if way is reader else pair[::-1]


def read_to_end(file):
    """Read a blocking file to its end."""
    return b"".join(iter(lambda: file.read(2**18), b""))


def read_exactly(file, number):
    """Read so many bytes from a blocking file, or less before its end."""
    data = b""
    while len(data) < number and (chunk := file.read(number - len(data))):
        data += chunk
    return data


@contextlib.contextmanager
def fifo(folder):
    """The two ends of a named pipe, as unbuffered files."""
    path = f"{folder}/fifo"
    os.mkfifo(path)
    with (
        open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as near,
        open(path, "wb", buffering=0) as far,
    ):
        os.set_blocking(near.fileno(), True)
        yield near, far


@contextlib.contextmanager
def sockets():
    """The two ends of a socket pair, both blocking."""
    near, far = socket.socketpair()
    with near, far:
        yield near, far


async def outcome(manager):
    """The name of what connecting raises, or "connected"."""
    try:
        async with manager:
            return "connected"
    except Exception as error:
        return type(error).__name__


# connecting


@check(READ, after=())
async def read_basic(loop, patience, trace):
    """connect_read_pipe() makes the protocol, calls connection_made(), returns both, and data and the end follow."""

    def make():
        trace("factory")
        return Wire(connection_made=lambda protocol: trace("connection_made"))

    with pipe() as (near, far):
        async with reader(loop, patience, near, make) as (transport, protocol):
            trace("returned")
            same = transport is protocol.transport
            far.write(b"one")
            await protocol.has_received(3, patience)
            far.write(b"two")
            await protocol.has_received(6, patience)
            far.close()
            await protocol.until("connection_lost", patience)
            await pass_turns(2)

    assert (trace, same, protocol.data) == (["factory", "connection_made", "returned"], True, b"onetwo")
    assert protocol.events == ["connection_made", "data_received", "eof_received", "connection_lost"]
    assert (protocol.lost_with, transport.is_closing()) == (None, True)


@check(WRITE)
async def write_basic(loop, patience, trace):
    """connect_write_pipe() makes the protocol, calls connection_made(), returns both, and what is written arrives."""

    def make():
        trace("factory")
        return Wire(connection_made=lambda protocol: trace("connection_made"))

    with pipe() as (far, near):
        async with writer(loop, patience, near, make) as (transport, protocol):
            trace("returned")
            same = transport is protocol.transport
            transport.write(b"bytes ")
            transport.write(bytearray(b"bytearray "))
            transport.write(memoryview(b"memoryview "))
            transport.writelines([b"and ", b"lines"])
            transport.close()
            await protocol.until("connection_lost", patience)
            await pass_turns(2)
        data = read_to_end(far)

    assert (trace, same) == (["factory", "connection_made", "returned"], True)
    assert data == b"bytes bytearray memoryview and lines"
    assert (protocol.events, protocol.lost_with) == (["connection_made", "connection_lost"], None)


@check(WRITE, level="should")
async def written_in_connection_made(loop, patience):
    """A protocol may write in connection_made()."""
    with pipe() as (far, near):
        async with writer(loop, patience, near, connection_made=lambda protocol: protocol.transport.write(b"hello")):
            data = await threaded(far.read, 5, patience=patience)

    assert data == b"hello"


@check(READ, after=READS_PIPES)
async def data_that_was_there_before(loop, patience):
    """What is in a pipe already, and the end of it, is received after connecting."""
    with pipe() as (near, far):
        far.write(b"before")
        far.close()
        async with reader(loop, patience, near) as (_, protocol):
            await protocol.until("connection_lost", patience)

    assert (protocol.data, protocol.events[2:]) == (b"before", ["eof_received", "connection_lost"])


@check(READER + "._call_connection_lost", level="should")
async def pipe_object_closed(loop, patience):
    """The loop owns the file that it is given: it is closed after connection_lost(), whatever led there."""
    seen = {}
    for name, way in BOTH.items():
        for how in ("peer closes", "close()"):
            with pipe() as pair:
                near, far = ends(way, pair)
                async with way(loop, patience, near) as (transport, protocol):
                    before = near.closed
                    (far if how == "peer closes" else transport).close()
                    await protocol.until("connection_lost", patience)
                    await pass_turns()
                    seen[name, how] = (before, near.closed)

    assert seen == dict.fromkeys(seen, (False, True))


@check("asyncio-protocol#transports-hierarchy")
async def isinstance_of_transports(loop, patience):
    """The transports of pipes are instances of asyncio.ReadTransport and asyncio.WriteTransport."""
    with pipe() as pair, pipe() as other:
        async with reader(loop, patience, pair[0]) as (one, _), writer(loop, patience, other[1]) as (two, _):
            seen = (isinstance(one, asyncio.ReadTransport), isinstance(two, asyncio.WriteTransport))

    assert seen == (True, True)


@check(READ)
async def nonblocking_set(loop, patience):
    """The descriptor of a pipe is made non-blocking."""
    seen = {}
    for name, way in BOTH.items():
        with pipe() as pair:
            near, _ = ends(way, pair)
            async with way(loop, patience, near):
                seen[name] = os.get_blocking(near.fileno())

    assert seen == dict.fromkeys(BOTH, False)


async def talk(loop, patience, near, far, *, into, out_of):
    """What goes through a connection that the loop reads, and what through one that it writes to."""
    if near is not None:
        async with reader(loop, patience, near) as (_, protocol):
            into(b"to the loop")
            return await protocol.has_received(11, patience)
    async with writer(loop, patience, far) as (transport, _):
        transport.write(b"from the loop")
        return await threaded(out_of, 13, patience=patience)


@check(KINDS)
async def accepts_fifo(loop, patience, folder):
    """Named pipes can be read and written to."""
    with fifo(folder) as (one, other):
        first = await talk(loop, patience, one, None, into=other.write, out_of=None)
    os.unlink(f"{folder}/fifo")
    with fifo(folder) as (one, other):
        second = await talk(loop, patience, None, other, into=None, out_of=one.read)

    assert (first, second) == (b"to the loop", b"from the loop")


@check(KINDS)
async def accepts_socket(loop, patience):
    """Sockets can be read and written to as pipes."""
    with sockets() as (near, far):
        first = await talk(loop, patience, near, None, into=far.sendall, out_of=None)
    with sockets() as (near, far):
        second = await talk(loop, patience, None, near, into=None, out_of=far.recv)

    assert (first, second) == (b"to the loop", b"from the loop")


@check(KINDS, needs=("terminals",))
async def accepts_chardev(loop, patience):
    """Character devices, such as the ends of a pseudo-terminal, can be read and written to."""
    with terminal() as (near, far):
        first = await talk(loop, patience, near, None, into=far.write, out_of=None)
    with terminal() as (near, far):
        second = await talk(loop, patience, None, far, into=None, out_of=near.read)

    assert (first, second) == (b"to the loop", b"from the loop")


@check(KINDS)
async def rejects_regular_file(loop, patience, folder):
    """Regular files are refused with ValueError, and stay open and usable."""
    seen = {}
    for name, way in BOTH.items():
        with open(f"{folder}/regular", "w+b", buffering=0) as file:
            kind = await outcome(way(loop, patience, file))
            seen[name] = (kind, file.closed or file.write(b"usable"))

    assert seen == dict.fromkeys(BOTH, ("ValueError", 6))


def offer_what_is_no_file(factory, patience):
    """What connecting things that are no files comes to, by what was tried."""
    loop = factory()
    return {
        f"{name} of {thing!r}": loop.run_until_complete(outcome(way(loop, patience, thing)))
        for name, way in BOTH.items()
        for thing in (None, "text", object)
    }


@check("Lib/asyncio/base_events.py: connect_read_pipe", level="should", after=())
def bad_object(in_new_python, patience):
    """What is no file is refused.

    In a new process: CPython's half-made transports complain when they are dropped.
    """
    seen = in_new_python(offer_what_is_no_file, patience)

    assert [what for what, kind in seen.items() if kind == "connected"] == []


@check("Lib/asyncio/base_events.py: connect_read_pipe", level="should")
async def protocol_factory_exception(loop, patience):
    """An exception of the protocol factory is raised, and the file stays open."""

    def fail():
        raise ZeroDivisionError

    seen = {}
    for name, way in BOTH.items():
        with pipe() as pair:
            near, _ = ends(way, pair)
            seen[name] = (await outcome(way(loop, patience, near, fail)), near.closed)

    assert seen == dict.fromkeys(BOTH, ("ZeroDivisionError", False))


@check("Lib/asyncio/base_events.py: connect_read_pipe", level="should")
async def cancel_connect(loop, patience):
    """Cancelling connect_read_pipe() or connect_write_pipe() raises CancelledError, and the file is closed."""
    seen = {}
    for name, way in BOTH.items():
        with pipe() as pair:
            near, _ = ends(way, pair)
            connecting = loop.connect_read_pipe if way is reader else loop.connect_write_pipe
            task = asyncio.ensure_future(connecting(Wire, near))
            # The second turn is the one in which CPython's loops, and eager tasks, wait for connection_made().
            await asyncio.sleep(0)
            task.cancel()
            await soon(asyncio.wait([task]), patience, "a cancelled connect ends")
            await pass_turns(3)
            seen[name] = (task.cancelled(), near.closed)

    assert seen == dict.fromkeys(BOTH, (True, True))


@check(TRANSPORT + ".get_extra_info")
async def extra_info_pipe(loop, patience):
    """get_extra_info("pipe") is the file that was given, and unknown names give the default."""
    seen = {}
    for name, way in BOTH.items():
        with pipe() as pair:
            near, _ = ends(way, pair)
            async with way(loop, patience, near) as (transport, _):
                unknown = transport.get_extra_info("no such name"), transport.get_extra_info("no such name", 5)
                seen[name] = (transport.get_extra_info("pipe") is near, unknown)

    assert seen == dict.fromkeys(BOTH, (True, (None, 5)))


@check(TRANSPORT + ".set_protocol", level="should", after=READS_PIPES)
async def set_protocol(loop, patience):
    """set_protocol() has data and the end go to the new protocol, which get_protocol() returns."""
    with pipe() as (near, far):
        async with reader(loop, patience, near) as (transport, old):
            new = Wire()
            seen = [transport.get_protocol() is old]
            transport.set_protocol(new)
            seen.append(transport.get_protocol() is new)
            far.write(b"hello")
            far.close()
            await new.until("connection_lost", patience)
            old.note("connection_lost")  # so that nobody waits for it

    assert (seen, new.events) == ([True, True], ["data_received", "eof_received", "connection_lost"])
    assert old.events == ["connection_made", "connection_lost"]


@check(TRANSPORT + ".close", level="should")
async def calls_after_connection_lost(loop, patience, errors):
    """After connection_lost() a pipe's transport can still be asked, closed and given limits, without any effect."""
    seen = {}
    for name, way in BOTH.items():
        with pipe() as pair:
            near, _ = ends(way, pair)
            async with way(loop, patience, near) as (transport, protocol):
                transport.close()
                await protocol.until("connection_lost", patience)
                await pass_turns()
                transport.close()
                seen[name] = [transport.is_closing()]
                if way is writer:
                    transport.set_write_buffer_limits(high=0)
                    seen[name] += [transport.get_write_buffer_size(), transport.can_write_eof()]
                await pass_turns(2)
                seen[name].append(protocol.events)

    events = ["connection_made", "connection_lost"]
    assert seen == {"connect_read_pipe()": [True, events], "connect_write_pipe()": [True, 0, True, events]}
    assert errors == []


@check(READER + ".__repr__", level="should")
async def repr_any_state(loop, patience):
    """The repr() of a pipe's transport is a text in every state."""
    texts = []
    with pipe() as pair, pipe() as other:
        async with reader(loop, patience, pair[0]) as (one, _), writer(loop, patience, other[1]) as (two, protocol):
            texts += [repr(one), repr(two)]
            fill(two)
            one.pause_reading()
            texts += [repr(one), repr(two)]
            two.abort()
            one.close()
            texts += [repr(one), repr(two)]
            await protocol.until("connection_lost", patience)
            await pass_turns(2)
        texts += [repr(one), repr(two)]

    assert [bool(text) for text in texts] == [True] * 8


# reading


@check(READING + ".pause_reading", after=READS_PIPES)
async def pause_resume(loop, patience):
    """While reading is paused nothing is received, it is afterwards; is_reading() tells, and repetition is harmless."""
    with pipe() as (near, far):
        async with reader(loop, patience, near) as (transport, protocol):
            states = [transport.is_reading()]
            transport.pause_reading()
            transport.pause_reading()
            states.append(transport.is_reading())
            far.write(b"hello")
            await pass_turns(3)
            early = protocol.data
            transport.resume_reading()
            transport.resume_reading()
            states.append(transport.is_reading())
            await protocol.has_received(5, patience)
            far.close()
            await protocol.until("connection_lost", patience)
            await pass_turns()
            transport.pause_reading()
            transport.resume_reading()
            states.append(transport.is_reading())

    assert (states, early, protocol.data) == ([True, False, True, False], b"", b"hello")


@check(READING + ".pause_reading", after=READS_PIPES)
async def no_data_after_pause_in_callback(loop, patience):
    """pause_reading() in data_received() stops further data."""
    with pipe() as (near, far):
        pause = lambda protocol: protocol.transport.pause_reading()  # noqa: E731  # a name for a keyword
        async with reader(loop, patience, near, data_received=pause) as (transport, protocol):
            far.write(b"first")
            await protocol.has_received(5, patience)
            far.write(b"second")
            await pass_turns(3)
            early = protocol.data
            transport.resume_reading()
            await protocol.has_received(11, patience)

    assert (early, protocol.data) == (b"first", b"firstsecond")


@check(READING + ".pause_reading", level="should", after=READS_PIPES)
async def paused_in_connection_made(loop, patience):
    """pause_reading() in connection_made() holds from the start."""
    with pipe() as (near, far):
        far.write(b"hello")
        pause = lambda protocol: protocol.transport.pause_reading()  # noqa: E731  # a name for a keyword
        async with reader(loop, patience, near, connection_made=pause) as (transport, protocol):
            await pass_turns(3)
            early = protocol.data
            transport.resume_reading()
            await protocol.has_received(5, patience)

    assert (early, protocol.data) == (b"", b"hello")


@check(READER + ".pause_reading", level="should", after=READS_PIPES)
async def read_backpressure(loop, patience):
    """A paused transport leaves data in the pipe, until the other side cannot write any more."""
    with pipe() as (near, far):
        async with reader(loop, patience, near) as (transport, protocol):
            transport.pause_reading()
            await pass_turns(2)
            os.set_blocking(far.fileno(), False)
            sent = 0
            while sent < 2**24 and (number := far.write(bytes(2**16))) is not None:
                sent += number
                await pass_turns()
            full = far.write(b"x") is None
            transport.resume_reading()
            await protocol.has_received(sent, patience)

    assert (full, len(protocol.data)) == (True, sent)


@check(READ, after=READS_PIPES)
async def large_data_is_read_unchanged(loop, patience):
    """Megabytes are received from a pipe as they were written."""
    sent = pattern(3 * LARGE)
    with pipe() as (near, far):

        def feed():
            with far:
                view = memoryview(sent)
                while view:
                    view = view[far.write(view) :]

        async with reader(loop, patience, near) as (_, protocol):
            with meanwhile(feed, patience=patience):
                await protocol.until("connection_lost", patience)

    assert (compared(protocol.data, sent), protocol.lost_with) == (AS_SENT, None)


@check(READER + "._read_ready", level="should", after=READS_PIPES)
async def eof_return_ignored(loop, patience):
    """A true value of eof_received() does not keep a pipe open: there is nothing to write to."""
    with pipe() as (near, far):
        async with reader(loop, patience, near, keep_open=True) as (_, protocol):
            far.close()
            await protocol.until("connection_lost", patience)

    assert protocol.events == ["connection_made", "eof_received", "connection_lost"]


@check(TRANSPORT + ".close", after=READS_PIPES)
async def close_read(loop, patience):
    """close() of a transport that reads calls connection_lost(None) once, later, without eof_received()."""
    with pipe() as (near, far):
        async with reader(loop, patience, near) as (transport, protocol):
            transport.close()
            transport.close()
            at_once = (transport.is_closing(), protocol.events[:])
            far.write(b"too late")
            await protocol.until("connection_lost", patience)
            await pass_turns(2)
            with refuses(BrokenPipeError, "writing to a pipe whose reading end the loop has closed"):
                far.write(b"x")

    assert at_once == (True, ["connection_made"])
    assert (protocol.events, protocol.lost_with) == (["connection_made", "connection_lost"], None)


@check(TRANSPORT + ".close", level="should", after=READS_PIPES)
async def close_in_data_received(loop, patience):
    """close() in data_received() ends it: nothing more is received."""
    with pipe() as (near, far):
        close = lambda protocol: protocol.transport.close()  # noqa: E731  # a name for a keyword
        async with reader(loop, patience, near, data_received=close) as (_, protocol):
            far.write(bytes(60_000))
            await protocol.until("connection_lost", patience)

    assert protocol.events == ["connection_made", "data_received", "connection_lost"]


@check(READER + "._read_ready", level="should", after=READS_PIPES)
async def data_exception(loop, patience, errors):
    """An exception in data_received() is told to the exception handler."""

    def fail(protocol):
        raise ZeroDivisionError

    with pipe() as (near, far):
        async with reader(loop, patience, near, data_received=fail) as (_, protocol):
            far.write(b"hello")
            await protocol.until("data_received", patience)
            await pass_turns(2)

    assert [type(context.get("exception")) for context in errors] == [ZeroDivisionError]


@check(READER + "._read_ready", level="should", after=READS_PIPES)
async def eof_exception(loop, patience, errors):
    """An exception in eof_received() is told to the exception handler, and connection_lost() follows all the same."""

    def fail(protocol):
        raise ZeroDivisionError

    with pipe() as (near, far):
        async with reader(loop, patience, near, eof_received=fail) as (_, protocol):
            far.close()
            await protocol.until("connection_lost", patience)
            await pass_turns()
        closed = near.closed

    assert [type(context.get("exception")) for context in errors] == [ZeroDivisionError]
    assert (protocol.events, closed) == (["connection_made", "eof_received", "connection_lost"], True)


@check("asyncio-stream#streamreader", level="should", after=READS_PIPES)
async def stream_reader_idiom(loop, patience):
    """A StreamReader reads a pipe by way of StreamReaderProtocol: the way to read a program's stdin."""
    with pipe() as (near, far):
        stream = asyncio.StreamReader()
        connecting = loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), near)
        transport, _ = await soon(connecting, patience, "connect_read_pipe() returns")
        try:
            far.write(b"one\ntwo\nrest")
            lines = [await soon(stream.readline(), patience, "readline() returns") for _ in range(2)]
            far.close()
            rest = await soon(stream.read(), patience, "read() returns")
        finally:
            transport.close()
            await turns_until(lambda: near.closed, patience, "the file is closed")

    assert (lines, rest) == ([b"one\n", b"two\n"], b"rest")


# writing


@check(WRITE)
async def large_data_is_written_unchanged(loop, patience):
    """Megabytes that are written to a pipe arrive as they are."""
    sent = pattern(3 * LARGE)
    with pipe() as (far, near), meanwhile(read_to_end, far, patience=2 * patience) as errand:
        async with writer(loop, patience, near) as (transport, protocol):
            for start in range(0, len(sent), LARGE):
                transport.write(sent[start : start + LARGE])
            transport.close()
            await protocol.until("connection_lost", patience)
        got = errand.result(patience)

    assert (compared(got, sent), protocol.lost_with) == (AS_SENT, None)


@check(TRANSPORT + ".close")
async def close_flushes(loop, patience):
    """close() of a transport that writes sends what waits, and then calls connection_lost(None)."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, protocol):
            sent = fill(transport)
            transport.close()
            await pass_turns(2)
            at_once = (transport.is_closing(), "connection_lost" in protocol.events)
            with meanwhile(read_to_end, far, patience=patience) as errand:
                await protocol.until("connection_lost", patience)
                got = errand.result(patience)

    assert (at_once, compared(got, sent), protocol.lost_with) == ((True, False), AS_SENT, None)


@check(WRITING + ".write_eof")
async def write_eof(loop, patience):
    """can_write_eof() is True, and write_eof() sends what waits and then the end."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, _):
            able = transport.can_write_eof()
            sent = fill(transport)
            transport.write_eof()
            got = await threaded(read_to_end, far, patience=patience)

    assert (able, compared(got, sent)) == (True, AS_SENT)


@check(WRITER + ".write_eof", level="should")
async def write_eof_closes(loop, patience):
    """write_eof() closes a pipe: connection_lost(None) follows, with data waiting or without."""
    seen = []
    for number in (0, LARGE):
        with pipe() as (far, near):
            async with writer(loop, patience, near) as (transport, protocol):
                transport.write(bytes(number))
                transport.write_eof()
                closing_at_once = transport.is_closing()
                transport.write_eof()
                with meanwhile(read_to_end, far, patience=patience) as errand:
                    await protocol.until("connection_lost", patience)
                    got = errand.result(patience)
                seen.append((closing_at_once, len(got), protocol.lost_with))

    assert seen == [(True, 0, None), (True, LARGE, None)]


@check(WRITING + ".abort")
async def abort_drops(loop, patience):
    """abort() drops what waits, at once, and calls connection_lost(None) once."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, protocol):
            sent = fill(transport)
            transport.abort()
            at_once = (transport.get_write_buffer_size(), transport.is_closing(), protocol.times("connection_lost"))
            await protocol.until("connection_lost", patience)
            await pass_turns(2)
        got = read_to_end(far)

    assert (at_once, protocol.times("connection_lost"), protocol.lost_with) == ((0, True, 0), 1, None)
    assert len(got) < len(sent)


@check(WRITING + ".set_write_buffer_limits")
async def write_flow_control(loop, patience):
    """pause_writing() is called when more waits than the high limit, resume_writing() when it has been sent."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, protocol):
            sent = fill(transport) + b"more"
            transport.write(b"more")
            before = protocol.events[:]
            got = await threaded(read_exactly, far, len(sent), patience=patience)
            await protocol.until("resume_writing", patience)
            waiting = transport.get_write_buffer_size()

    assert (before, waiting) == (["connection_made", "pause_writing"], 0)
    assert (compared(got, sent), protocol.events[2:]) == (AS_SENT, ["resume_writing", "connection_lost"])


@check(WRITING + ".set_write_buffer_limits")
async def write_limits_api(loop, patience):
    """set_write_buffer_limits() sets what get_write_buffer_limits() returns, and refuses what makes no sense."""
    with pipe() as (_, near):
        async with writer(loop, patience, near) as (transport, protocol):
            seen = []
            for limits in ({"high": 1000, "low": 10}, {"high": 1000}, {"low": 10}, {"high": 0}):
                transport.set_write_buffer_limits(**limits)
                seen.append(transport.get_write_buffer_limits())
            for limits in ({"high": 10, "low": 20}, {"high": 10, "low": -1}):
                with refuses(ValueError, f"set_write_buffer_limits(**{limits})"):
                    transport.set_write_buffer_limits(**limits)
            events = protocol.events[:]

    assert seen == [(10, 1000), (250, 1000), (10, 40), (0, 0)]
    assert events == ["connection_made"]


@check(WRITER + ".write", level="should")
async def write_type_check(loop, patience):
    """write() of what is no bytes raises an exception, and sends nothing."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, _):
            for thing in ("text", None, 5):
                with refuses((TypeError, AssertionError), f"write({thing!r})"):
                    transport.write(thing)
            transport.write(b"")
            transport.write(b"bytes")
            transport.close()
            got = await threaded(read_to_end, far, patience=patience)

    assert got == b"bytes"


@check(WRITER + ".write", level="should")
async def write_buffer_independent_of_caller(loop, patience):
    """Changing a bytearray after it was written does not change what is sent."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, _):
            data = bytearray(pattern(500_000))
            transport.write(data)
            data[:] = bytes(len(data))
            got = await threaded(read_exactly, far, len(data), patience=patience)

    assert compared(got, pattern(500_000)) == AS_SENT


@check(WRITER + ".write", level="should")
async def writes_keep_their_order(loop, patience):
    """A small write() after one that waits comes after it."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, _):
            sent = fill(transport)
            transport.write(b"small")
            transport.writelines([b"er", b"", b" and smaller"])
            transport.close()
            got = await threaded(read_to_end, far, patience=patience)

    assert compared(got, sent + b"smaller and smaller") == AS_SENT


@check(WRITER + ".write", level="should")
async def write_after_close(loop, patience, errors):
    """write() after close(), and after connection_lost(), does nothing."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, protocol):
            transport.write(b"in time")
            transport.close()
            for _ in range(3):
                transport.write(b"too late")
            await protocol.until("connection_lost", patience)
            await pass_turns()
            for _ in range(3):
                transport.write(b"too late")
        got = read_to_end(far)

    assert (got, errors) == (b"in time", [])


@check(WRITER + "._read_ready", level="should")
async def peer_close_detected(loop, patience):
    """A transport that has nothing to write notices that the reader closed: connection_lost(None), the file closed."""
    seen = {}
    for name, opened in (("pipe", pipe), ("sockets", sockets)):
        with opened() as (far, near):
            async with writer(loop, patience, near) as (_, protocol):
                far.close()
                await protocol.until("connection_lost", patience)
                await pass_turns()
                closed = near.fileno() == -1 if opened is sockets else near.closed
                seen[name] = (protocol.times("connection_lost"), protocol.lost_with, closed)

    assert seen == dict.fromkeys(seen, (1, None, True))


@check("asyncio-protocol#asyncio.Protocol.eof_received", level="may")
async def reader_close_is_no_end_of_file(loop, patience):
    """A pipe whose reader closes calls connection_lost() alone: eof_received() is for what can be read."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (_, protocol):
            far.close()
            await protocol.until("connection_lost", patience)

    assert (protocol.times("eof_received"), protocol.times("connection_lost")) == (0, 1)


@check(WRITER + "._read_ready", level="should")
async def peer_close_with_buffer(loop, patience, errors):
    """If the reader closes while data waits, connection_lost() gets BrokenPipeError, and nobody else is told."""
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, protocol):
            fill(transport)
            await pass_turns()
            far.close()
            await protocol.until("connection_lost", patience)

    assert (type(protocol.lost_with), errors) == (BrokenPipeError, [])


@check(WRITER + ".write", level="should")
async def write_to_broken_pipe(loop, patience, errors):
    """write() to a pipe whose reader has just closed does not raise; connection_lost() follows, and no report.

    connection_lost() gets BrokenPipeError or None.
    """
    with pipe() as (far, near):
        async with writer(loop, patience, near) as (transport, protocol):
            far.close()
            for _ in range(3):
                transport.write(bytes(100_000))
            await protocol.until("connection_lost", patience)

    assert type(protocol.lost_with) in (BrokenPipeError, type(None)), protocol.lost_with
    assert (protocol.times("connection_lost"), errors) == (1, [])


@check("asyncio-stream#asyncio.StreamWriter.drain", level="should")
async def stream_writer_idiom(loop, patience):
    """A StreamWriter writes to a pipe with asyncio.streams.FlowControlMixin as protocol, and drain() waits."""
    with pipe() as (far, near):
        connecting = loop.connect_write_pipe(lambda: asyncio.streams.FlowControlMixin(loop=loop), near)
        transport, protocol = await soon(connecting, patience, "connect_write_pipe() returns")
        stream = asyncio.StreamWriter(transport, protocol, None, loop)
        try:
            stream.write(pattern(500_000))
            draining = asyncio.ensure_future(stream.drain())
            await pass_turns(3)
            early = draining.done()
            got = await threaded(read_exactly, far, 500_000, patience=patience)
            await soon(draining, patience, "drain() returns")
        finally:
            stream.close()
            await turns_until(lambda: near.closed, patience, "the file is closed")

    assert (early, compared(got, pattern(500_000))) == (False, AS_SENT)


# kinds of pipes that behave otherwise


@check(READER + "._fatal_error", level="should", needs=("terminals", "proc"), after=READS_PIPES)
async def pty_slave_close(loop, patience, errors):
    """Reading a terminal ends with connection_lost(None), or EIO, when its other end is closed; without a report."""
    with terminal() as (near, far):
        async with reader(loop, patience, near) as (_, protocol):
            far.write(b"last words")
            await protocol.has_received(10, patience)
            far.close()
            await protocol.until("connection_lost", patience)

    assert getattr(protocol.lost_with, "errno", None) in (None, errno.EIO), protocol.lost_with
    assert (protocol.data, protocol.times("connection_lost"), errors) == (b"last words", 1, [])


@check("asyncio-protocol#asyncio.BaseProtocol.connection_lost", after=READS_PIPES)
async def read_error_is_no_regular_end(loop, patience, listener, errors):
    """connection_lost() gets an error when reading fails: None would say that all had been read.

    Here of a TCP connection that is read as a pipe, and that its peer resets. asyncio's loop tells its exception
    handler too; that is not asked here.
    """
    near = connect(listener.getsockname(), patience)
    with near, Peer(listener.accept()[0], patience) as peer:
        async with reader(loop, patience, near) as (_, protocol):
            await peer.reset()
            await protocol.until("connection_lost", patience)

    assert protocol.events == ["connection_made", "connection_lost"]
    assert protocol.lost_with is not None, "connection_lost() got None although the connection was reset"


@check("Lib/test/test_asyncio/test_events.py: test_bidirectional_pty", level="should", needs=("terminals",))
async def pty_bidirectional(loop, patience):
    """A terminal is read and written to by two transports, on duplicates of its descriptor, which close apart."""
    with (
        terminal() as (far, near),
        open(os.dup(near.fileno()), "rb", buffering=0) as to_read,
        open(os.dup(near.fileno()), "wb", buffering=0) as to_write,
    ):
        async with reader(loop, patience, to_read) as (_, one), writer(loop, patience, to_write) as (transport, two):
            transport.write(b"out")
            out = await threaded(far.read, 3, patience=patience)
            transport.close()
            await two.until("connection_lost", patience)
            far.write(b"in")
            await one.has_received(2, patience)

    assert (out, one.data, two.lost_with) == (b"out", b"in", None)


@check(WRITER, level="should", needs=("terminals",))
async def pty_input_does_not_close(loop, patience):
    """Input that waits in a terminal is not taken for a reader that has gone: a transport that writes there goes on.

    Standard output is such a terminal, and somebody types before the program reads.
    """
    with terminal() as (far, near), open(os.dup(near.fileno()), "rb", buffering=0) as same:
        async with writer(loop, patience, near) as (transport, protocol):
            far.write(b"typed")
            await threaded(functools.partial(readable, same.fileno(), timeout=patience))
            await pass_turns(3)
            assert not protocol.times("connection_lost"), "connection_lost() is called when somebody types"
            transport.write(b"shown")

            assert await threaded(read_exactly, far, 5, patience=patience) == b"shown"


@check("Lib/test/test_asyncio/test_events.py: test_write_named_fifo_unread_data", level="should")
async def fifo_unread_data_not_closed(loop, patience, folder):
    """Data in a named pipe that nobody has read yet is not taken for a reader that has gone."""
    with fifo(folder) as (far, near):
        async with writer(loop, patience, near) as (transport, protocol):
            transport.write(b"unread")
            await pass_turns(5)
            events = protocol.events[:]
            got = far.read(100)

    assert (events, got) == (["connection_made"], b"unread")


# the process


@check(WRITER + ".write", level="should", needs=("signals",))
async def sigpipe_harmless(loop, patience):
    """Writing to a pipe that nobody reads any more does not end the process by SIGPIPE."""
    ends_of_pipes = []
    for _ in range(3):
        with pipe() as (far, near):
            async with writer(loop, patience, near) as (transport, protocol):
                fill(transport)
                far.close()
                transport.write(bytes(100_000))
                await protocol.until("connection_lost", patience)
                ends_of_pipes.append(protocol.times("connection_lost"))

    assert ends_of_pipes == [1, 1, 1]


@check(READER + ".__del__", level="should")
def unclosed_warns(new_loop, patience):
    """Transports of pipes that are open when their loop is closed, and are dropped, make ResourceWarnings.

    How a loop words them is its own affair. The warning of the file itself is not the loop's, and does not count.
    """

    def leave(way):
        loop = new_loop()
        with pipe() as pair:
            near, _ = ends(way, pair)
            # Another file for the same pipe, which only the transport knows.
            own = open(os.dup(near.fileno()), near.mode, buffering=0)  # noqa: SIM115  # the transport's
            connect = loop.connect_read_pipe if way is reader else loop.connect_write_pipe
            run_coroutine(loop, soon(connect(Wire, own), patience, "connecting returns"))
            loop.close()

    seen = {}
    for name, way in BOTH.items():
        with warned(ResourceWarning) as texts:
            leave(way)
            gc.collect()
        seen[name] = [True for text in texts if "unclosed" in text and "unclosed file" not in text]

    assert seen == dict.fromkeys(BOTH, [True])


@check(READ, level="should")
async def descriptors_released(loop, patience):
    """Pipes that have been closed leave no descriptors."""
    counts = []
    for _ in range(4):
        for way in BOTH.values():
            with pipe() as pair:
                near, _ = ends(way, pair)
                async with way(loop, patience, near):
                    pass
                await pass_turns()
        counts.append(open_descriptors())

    # After the first round, since a loop may open something for good with its first pipe: libuv keeps one in reserve.
    assert counts == counts[:1] * 4


@check(READ, level="should", after=READS_PIPES)
async def many_pipes(loop, patience):
    """Many pipes are read at the same time, each for its own protocol."""
    words = [b"pipe %d" % number for number in range(30)]
    got = []
    async with contextlib.AsyncExitStack() as stack:
        protocols = []
        for word in words:
            near, far = stack.enter_context(pipe())
            _, protocol = await stack.enter_async_context(reader(loop, patience, near))
            protocols.append(protocol)
            far.write(word)
        for word, protocol in zip(words, protocols, strict=True):
            got.append(await protocol.has_received(len(word), patience))

    assert got == words


untested(
    "windows_selector_loop_unsupported",
    "asyncio-platforms#windows",
    "On Windows a loop without pipes raises NotImplementedError, and one with pipes refuses what is not overlapped.",
    because="the pipes of this area are those of POSIX",
)


CONTRACT_ELSEWHERE = {
    transports.write_memoryview_items: "asyncio's pipes take the number of items for the number of bytes.",
    transports.write_wrong_type: "asyncio's pipes raise AssertionError: pipes::write_type_check.",
    transports.write_other_buffers_rejected: "asyncio's pipes raise AssertionError, unless Python is optimised.",
    transports.write_large: "pipes::large_data_is_written_unchanged shows it.",
    transports.write_copies_mutable: "pipes::write_buffer_independent_of_caller shows it.",
    transports.write_after_close_no_raise: "pipes::write_after_close shows it.",
    transports.write_after_lost_warning: "The words of a pipe's transport in the log are others.",
    transports.write_after_eof_raises: "write_eof() closes a pipe, and a closed one takes no notice of writes.",
    transports.writelines_after_eof_raises: "write_eof() closes a pipe, and a closed one takes no notice of writes.",
    transports.write_eof_flushes: "pipes::write_eof shows it.",
    transports.close_flushes: "pipes::close_flushes shows it.",
    transports.close_idempotent: "asyncio's pipes cannot be aborted once they are closed.",
    transports.close_then_sleep_then_abort: "asyncio's pipes cannot be aborted once they are closed.",
    transports.abort_immediate: "pipes::abort_drops shows it.",
    transports.abort_clears_buffer_size: "pipes::abort_drops shows it.",
    transports.lost_exc_on_reset_with_data_buffered: "pipes::peer_close_with_buffer shows it.",
    transports.limits_shape: "pipes::write_limits_api shows it.",
    transports.limits_invalid: "pipes::write_limits_api shows it.",
    transports.resume_may_write_and_close: "asyncio's pipes lose what resume_writing() writes before it closes.",
    transports.close_in_resume_writing_clean: "asyncio's pipes fail when resume_writing() closes them.",
    transports.extra_socket: "A pipe has no socket, but a file: pipes::extra_info_pipe.",
    transports.lost_none_on_eof: "pipes::read_basic and pipes::close_read show it.",
    transports.eof_default_closes: "Nothing can be written in eof_received(); pipes::read_basic shows the rest.",
    transports.eof_true_keeps_open: "There is nothing to keep open: pipes::eof_return_ignored.",
    transports.pause_in_connection_made: "pipes::paused_in_connection_made shows it.",
    transports.pause_throttles_peer: "pipes::read_backpressure shows it.",
    transports.data_received_oserror: "An error of data_received() does not close a pipe: pipes::data_exception.",
    transports.eof_received_error: "connection_lost() of a pipe does not get the error of eof_received().",
    transports.set_protocol: "pipes::set_protocol shows it.",
}
"""What of the contract of streams pipes cannot show, or checks of this area do, and why."""


also_in(
    {
        "debug": (read_basic, write_basic, close_flushes, peer_close_with_buffer, pty_slave_close, abort_drops),
        "other-thread": (read_basic, write_basic, close_flushes, peer_close_detected),
        "runner": (read_basic, write_basic),
        "eager-tasks": (read_basic, write_basic, protocol_factory_exception),
        "python-tasks": (read_basic, write_basic),
        "second-loop": (read_basic, write_basic),
        "write-pipe": transports.WRITING,
        "read-pipe": transports.READING,
        # A terminal takes less at once, and is not watched for its reader.
        "write-terminal": (
            transports.write_order,
            transports.writelines_large_partial,
            transports.write_eof_then_close,
            transports.close_ends_connection,
            transports.abort_after_close,
            transports.buffer_size_counts,
            transports.pause_writing_once,
            transports.high_zero_pauses,
            transports.no_resume_on_abort,
            transports.lost_exc_on_reset_while_closing,
        ),
        "read-terminal": (
            transports.close_returns_at_once,
            transports.eof_after_data,
            transports.pause_resume_idempotent,
            transports.pause_in_data_received,
            transports.resume_not_synchronous,
            transports.data_in_order,
            transports.reading_is_fair,
        ),
    },
    but={
        "write-pipe": {one: why for one, why in CONTRACT_ELSEWHERE.items() if one in transports.WRITING},
        "read-pipe": {one: why for one, why in CONTRACT_ELSEWHERE.items() if one in transports.READING},
        "write-terminal": {
            transports.lost_exc_on_reset_while_closing: "A terminal without a window is no broken pipe, but EIO.",
        },
        "read-terminal": {
            transports.eof_after_data: "What waits in a terminal is lost when its window is closed.",
        },
    },
)
