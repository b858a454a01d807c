"""Buffered protocols: get_buffer() and buffer_updated() instead of data_received(), over any stream connection."""

from __future__ import annotations

import array

import loopcheck.kit.channels
import loopcheck.kit.spawning  # noqa: F401  # the tool "reports"
from loopcheck.basics import CONNECTS
from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, soon
from loopcheck.kit.buffers import Buffers
from loopcheck.kit.channels import Wire, fill, pattern
from loopcheck.kit.net import closing
from loopcheck.kit.peers import AS_SENT, Peer, compared, connect

AFTER = CONNECTS

BUFFERED = "asyncio-protocol#buffered-streaming-protocols"
GET_BUFFER = "asyncio-protocol#asyncio.BufferedProtocol.get_buffer"
UPDATED = "asyncio-protocol#asyncio.BufferedProtocol.buffer_updated"
SOURCE = "Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__get_buffer"
AT_THE_END = "Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__on_eof"
SETTING = "asyncio-protocol#asyncio.BaseTransport.set_protocol"

BIG = 2**20
"""Bytes; many buffers full of them."""


def fail(protocol):
    raise ZeroDivisionError


def call(method):
    """A reaction that calls a method of the protocol's transport."""
    return lambda protocol: getattr(protocol.transport, method)()


class Both(Buffers):
    """A buffered protocol that has data_received() too."""

    def data_received(self, data):
        self.note("data_received")


class Duck(Wire):
    """A protocol that has the methods of a buffered one, and is none."""

    def get_buffer(self, sizehint):
        self.note("get_buffer")
        return bytearray(100)

    def buffer_updated(self, nbytes):
        self.note("buffer_updated")


async def loses(channel, patience, protocol, reports):
    """What connection_lost() of this protocol gets, and the exceptions that are reported, once there is data."""
    async with channel.open(protocol) as (_, _, peer):
        peer.send(b"data")
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
    told = [context.get("exception") for context in reports]
    reports.clear()  # or tracebacks keep the connection
    return protocol.lost_with, told


# what is called


@check(BUFFERED)
async def used_instead_of_data_received(channel, patience):
    """What a buffered protocol receives goes through get_buffer() and buffer_updated(), and never data_received()."""
    async with channel.open(Both()) as (_, protocol, peer):
        peer.send(b"hello")
        await protocol.has_received(5, patience)

        assert (protocol.data, protocol.events) == (b"hello", ["connection_made", "buffer_updated"])


@check(BUFFERED)
async def client_and_server(channel, patience):
    """A buffered protocol receives and sends over every kind of stream connection."""
    async with channel.open(Buffers()) as (transport, protocol, peer):
        peer.send(b"question")
        asked = await protocol.has_received(8, patience)
        transport.write(b"answer")

        assert (asked, await peer.read(6)) == (b"question", b"answer")


@check(BUFFERED)
async def get_buffer_after_made(loop, listener, patience):
    """connection_made() of a buffered protocol comes before get_buffer(), also if there is data by then."""
    protocol = Buffers()
    sock = connect(listener.getsockname(), patience)
    far, _ = listener.accept()
    with sock, Peer(far, patience) as peer:
        peer.send(b"early").result()
        connecting = loop.create_connection(lambda: protocol, sock=sock)
        await soon(connecting, patience, "create_connection() returns")
        async with closing([protocol], patience):
            await protocol.has_received(5, patience)

            assert [name for name, _ in protocol.seen[:3]] == ["connection_made", "get_buffer", "buffer_updated"]


@check(SOURCE, level="should")
async def pairs(channel, patience):
    """Each piece of data is one get_buffer(), followed by its buffer_updated()."""
    async with channel.open(Buffers()) as (_, protocol, peer):
        for number in range(1, 6):
            peer.send(b"piece")
            await protocol.until("buffer_updated", patience, number)
        calls = [name for name, _ in protocol.seen]

    assert calls[:11] == ["connection_made", *["get_buffer", "buffer_updated"] * 5]


@check(UPDATED)
async def updated_counts_bytes(channel, patience):
    """buffer_updated() gets the number of bytes that were put at the beginning of the buffer, and no others are."""
    whole = bytearray(b"." * 300)
    window = memoryview(whole)[100:200]
    seen = []

    def look(protocol):
        (number,) = protocol.counts[-1:]
        if type(number) is int and 1 <= number <= 100:
            around = bytes(whole[:100]), bytes(whole[100 + number :])
            seen.append(around == (b"." * 100, b"." * (200 - number)))
        else:
            seen.append(number)
        whole[:] = b"." * 300

    async with channel.open(Buffers(lambda: window, buffer_updated=look)) as (_, protocol, peer):
        peer.send(pattern(250))
        got = await protocol.has_received(250, patience)

    assert (got, seen) == (pattern(250), [True] * len(seen))


@check(GET_BUFFER)
async def sizehint_int(channel, patience):
    """get_buffer() gets an int: -1, or the number of bytes that the loop recommends."""
    async with channel.open(Buffers()) as (_, protocol, peer):
        peer.send(b"hello")
        await protocol.has_received(5, patience)

        assert [(type(hint), hint == -1 or hint > 0) for hint in protocol.hints[:1]] == [(int, True)]


@check(GET_BUFFER)
async def smaller_buffer_ok(channel, patience):
    """Buffers much smaller than what there is to read are filled one after the other, and nothing is lost."""
    buffer = bytearray(7000)
    async with channel.open(Buffers(lambda: buffer)) as (_, protocol, peer):
        peer.send(pattern(BIG))
        got = await protocol.has_received(BIG, patience)

        assert (compared(got, pattern(BIG)), max(protocol.counts) <= 7000) == (AS_SENT, True)


@check(GET_BUFFER)
async def one_byte_buffer(channel, patience):
    """A buffer of one byte gets one byte at a time."""
    async with channel.open(Buffers(lambda: bytearray(1))) as (_, protocol, peer):
        peer.send(b"hello")
        got = await protocol.has_received(5, patience)

        assert (got, protocol.counts) == (b"hello", [1] * 5)


@check(GET_BUFFER)
async def buffer_types(channel, patience):
    """A bytearray, a slice of a memoryview and an array.array will do as buffers: all that is writable."""
    whole = bytearray(b"." * 30)
    kinds = [bytearray(10), memoryview(whole)[10:20], array.array("B", bytes(10))]
    offers = iter([*kinds, *[bytearray(10)] * 9])
    async with channel.open(Buffers(lambda: next(offers))) as (_, protocol, peer):
        for number, word in enumerate((b"one", b"two", b"three"), 1):
            peer.send(word)
            await protocol.until("buffer_updated", patience, number)

        assert protocol.chunks == [b"one", b"two", b"three"]
        assert whole == b"." * 10 + b"two" + b"." * 17


@check(SOURCE, level="should")
async def buffer_released(channel, patience):
    """In buffer_updated() the loop holds on to the buffer no longer: a bytearray can be resized."""
    buffer = bytearray(100)
    seen = []

    def grow(protocol):
        try:
            buffer.extend(b"more")
        except BufferError as error:
            seen.append(f"{error!r} in buffer_updated()")
        else:
            seen.append("resized")

    async with channel.open(Buffers(lambda: buffer, buffer_updated=grow)) as (_, protocol, peer):
        for number in (1, 2):
            peer.send(b"piece")
            await protocol.until("buffer_updated", patience, number)

    assert seen == ["resized", "resized"]


@check(SOURCE, level="should")
async def buffer_kept_by_the_loop(channel, patience):
    """A protocol need not keep its buffer: the loop holds on to it until it has been filled."""

    class Careless(Buffers):
        def get_buffer(self, sizehint):
            self.note("get_buffer")
            return memoryview(bytearray(100))

    async with channel.open(Careless()) as (_, protocol, peer):
        for number in (1, 2, 3):
            peer.send(b"piece")
            await protocol.until("buffer_updated", patience, number)

        assert protocol.counts == [5, 5, 5]


@check(SOURCE, level="should")
async def isinstance_decides(channel, patience):
    """A protocol that has get_buffer() and is no asyncio.BufferedProtocol gets its data in data_received()."""
    async with channel.open(Duck()) as (_, protocol, peer):
        peer.send(b"hello")
        await protocol.has_received(5, patience)

        assert (protocol.data, protocol.events) == (b"hello", ["connection_made", "data_received"])


# errors


@check(GET_BUFFER)
async def empty_buffer_error(channel, reports, patience):
    """An empty buffer is an error: it is reported, and connection_lost() gets the exception."""
    lost_with, told = await loses(channel, patience, Buffers(lambda: bytearray(0)), reports)

    assert (isinstance(lost_with, Exception), len(told)) == (True, 1), f"connection_lost() got {lost_with!r}"


@check(SOURCE, level="should")
async def empty_buffer_is_runtime_error(channel, reports, patience):
    """connection_lost() gets a RuntimeError if the buffer is empty, the one that is reported."""
    lost_with, told = await loses(channel, patience, Buffers(lambda: bytearray(0)), reports)

    assert (type(lost_with), told) == (RuntimeError, [lost_with])


@check(SOURCE, level="should")
async def get_buffer_error(channel, reports, patience):
    """connection_lost() gets the exception that get_buffer() raised."""
    lost_with, _ = await loses(channel, patience, Buffers(get_buffer=fail), reports)

    assert type(lost_with) is ZeroDivisionError


@check(SOURCE, level="should")
async def get_buffer_error_is_reported(channel, reports, patience):
    """An exception in get_buffer() is reported once, with the exception, the transport and the protocol."""
    protocol = Buffers(get_buffer=fail)
    async with channel.open(protocol) as (transport, _, peer):
        peer.send(b"data")
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
        seen = [
            (type(one.get("exception")), one.get("transport") is transport, one.get("protocol") is protocol)
            for one in reports
        ]
        reports.clear()

    assert seen == [(ZeroDivisionError, True, True)]


@check(SOURCE, level="should")
async def bad_buffer_error(channel, reports, patience):
    """What is no writable buffer is an error: it is reported, and connection_lost() gets the exception.

    Loops in C must not take what Python gives them for a buffer unseen.
    """
    endings = []
    for wrong in (b"read-only", None, 5):
        lost_with, told = await loses(channel, patience, Buffers(lambda wrong=wrong: wrong), reports)
        endings.append((wrong, isinstance(lost_with, Exception), len(told)))

    assert endings == [(b"read-only", True, 1), (None, True, 1), (5, True, 1)]


@check(SOURCE, level="should")
async def buffer_updated_error(channel, reports, patience):
    """An exception in buffer_updated() is reported, and connection_lost() gets it."""
    lost_with, told = await loses(channel, patience, Buffers(buffer_updated=fail), reports)

    assert (type(lost_with), told) == (ZeroDivisionError, [lost_with])


@check(AT_THE_END, level="should")
async def eof_error(channel, reports, patience):
    """An exception in eof_received() of a buffered protocol is reported, and connection_lost() gets it."""
    protocol = Buffers(eof_received=fail)
    async with channel.open(protocol) as (_, _, peer):
        peer.half_close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
    told = [context.get("exception") for context in reports]
    reports.clear()

    assert (type(protocol.lost_with), told) == (ZeroDivisionError, [protocol.lost_with])


# the end


@check(BUFFERED)
async def eof(channel, patience):
    """eof_received() of a buffered protocol is called once, after all data; its false value closes the transport."""
    async with channel.open(Buffers()) as (_, protocol, peer):
        peer.send(b"the rest")
        peer.half_close()
        await protocol.until("connection_lost", patience)
        story = ["connection_made", "buffer_updated", "eof_received", "connection_lost"]

        assert (protocol.data, protocol.events, protocol.lost_with) == (b"the rest", story, None)


@check(BUFFERED)
async def eof_true_keeps_open(channel, patience):
    """A buffered protocol whose eof_received() returns a true value can go on writing, and is asked for no buffer."""
    async with channel.open(Buffers(keep_open=True)) as (transport, protocol, peer):
        peer.half_close()
        await protocol.until("eof_received", patience)
        asked = len(protocol.hints)
        await pass_turns(3)
        transport.write(b"still here")

        assert (await peer.read(10), len(protocol.hints) - asked, protocol.events[-1]) == (
            b"still here",
            0,
            "eof_received",
        )


@check("asyncio-protocol#asyncio.BaseProtocol.connection_lost")
async def reset(channel, patience):
    """connection_lost() of a buffered protocol gets a ConnectionResetError if the peer resets the connection."""
    async with channel.open(Buffers()) as (_, protocol, peer):
        peer.reset()
        await protocol.until("connection_lost", patience)

        assert (type(protocol.lost_with), protocol.events) == (
            ConnectionResetError,
            ["connection_made", "connection_lost"],
        )


@check(SOURCE, level="should")
async def close_in_get_buffer(channel, reports, patience):
    """close() in get_buffer() closes the transport: connection_lost() follows, once, without an exception."""
    assert (await ending_in_get_buffer("close", channel, patience), reports) == ((1, None), [])


@check(SOURCE, level="should")
async def abort_in_get_buffer(channel, reports, patience):
    """abort() in get_buffer() closes the transport: connection_lost() follows, once, without an exception."""
    assert (await ending_in_get_buffer("abort", channel, patience), reports) == ((1, None), [])


async def ending_in_get_buffer(method, channel, patience):
    """Call close() or abort() there; how often connection_lost() was called, and with what."""
    async with channel.open(Buffers(get_buffer=call(method))) as (_, protocol, peer):
        peer.send(b"data")
        await protocol.until("connection_lost", patience)
        await pass_turns(3)
        return protocol.times("connection_lost"), protocol.lost_with


@check(SOURCE, level="should")
async def close_in_buffer_updated(channel, reports, patience):
    """close() in buffer_updated() closes the transport: no buffer is asked for any more, though there is data."""
    protocol = Buffers(lambda: bytearray(3), buffer_updated=call("close"))
    async with channel.open(protocol) as (_, _, peer):
        peer.send(b"much more")
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
        calls = [name for name, _ in protocol.seen]

        assert (calls, reports) == (["connection_made", "get_buffer", "buffer_updated", "connection_lost"], [])


# switching


@check(SETTING)
async def switch_to_buffered_and_back(channel, patience):
    """set_protocol() switches to a buffered protocol and back: later data goes the way of the new protocol."""
    async with channel.open() as (transport, first, peer):
        second, third = Buffers(), Wire()
        peer.send(b"one")
        await first.has_received(3, patience)
        transport.set_protocol(second)
        peer.send(b"two")
        await second.has_received(3, patience)
        transport.set_protocol(third)
        peer.send(b"three")
        await third.has_received(5, patience)
        transport.set_protocol(first)

        assert (first.data, second.data, third.data) == (b"one", b"two", b"three")


@check(SETTING)
async def switch_in_data_received(channel, patience):
    """set_protocol() with a buffered protocol may be called in data_received(), and the other way in buffer_updated().

    Servers that upgrade a connection do it when they have read the request.
    """
    third = Wire()
    second = Buffers(buffer_updated=lambda protocol: protocol.transport.set_protocol(third))

    def upgrade(protocol):
        second.transport = protocol.transport
        protocol.transport.set_protocol(second)

    async with channel.open(data_received=upgrade) as (transport, first, peer):
        peer.send(b"one")
        await first.has_received(3, patience)
        peer.send(b"two")
        await second.has_received(3, patience)
        peer.send(b"three")
        await third.has_received(5, patience)
        transport.set_protocol(first)

        assert (first.data, second.data, third.data) == (b"one", b"two", b"three")


# flow control


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pause_resume(channel, patience):
    """After pause_reading() a buffered protocol is asked for no buffer, and after resume_reading() it gets the data."""
    async with channel.open(Buffers()) as (transport, protocol, peer):
        transport.pause_reading()
        peer.send(b"hello").result()
        await pass_turns(3)
        early = list(protocol.seen[1:])
        transport.resume_reading()
        await protocol.has_received(5, patience)

        assert (early, protocol.data) == ([], b"hello")


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pause_in_buffer_updated(channel, patience):
    """pause_reading() in buffer_updated() is in force at once: the rest waits, though it is there to be read."""
    protocol = Buffers(lambda: bytearray(5), buffer_updated=call("pause_reading"))
    async with channel.open(protocol) as (transport, _, peer):
        peer.send(b"firstother").result()
        await protocol.until("buffer_updated", patience)
        await pass_turns(3)
        early = protocol.data
        transport.resume_reading()
        await protocol.has_received(10, patience)

        assert (early, protocol.data) == (b"first", b"firstother")


@check("asyncio-protocol#base-protocol")
async def flow_control_writing(channel, patience):
    """pause_writing() and resume_writing() of a buffered protocol are called as of any other."""
    async with channel.open(Buffers(), narrow=True) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=1000)
        sent = fill(transport)
        arrived = peer.gets(sent)
        await protocol.until("resume_writing", patience)

        assert (protocol.events, await arrived) == (["connection_made", "pause_writing", "resume_writing"], AS_SENT)


CHECKS = (
    used_instead_of_data_received,
    client_and_server,
    pairs,
    smaller_buffer_ok,
    buffer_types,
    bad_buffer_error,
    eof,
    eof_true_keeps_open,
    close_in_get_buffer,
    abort_in_get_buffer,
    switch_to_buffered_and_back,
    pause_resume,
)
"""What depends on how the transport came about: which protocol it had when it began to read."""

also_in(
    {
        "debug": (get_buffer_error_is_reported, eof, close_in_get_buffer),
        "other-thread": (client_and_server,),
        "ipv6": (client_and_server,),
        "unix-socket": CHECKS,
        "given-socket": (client_and_server,),
        "accepted-socket": (client_and_server, pairs, close_in_get_buffer),
        "server-side": CHECKS,
    }
)
