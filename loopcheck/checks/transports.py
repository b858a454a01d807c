"""Stream transports: writing, water marks, half close, closing, aborting, reading, and what the protocol is told."""

import array
import asyncio
import contextlib
import gc
import os
import pickle
import socket
import weakref

import loopcheck.kit.talks  # noqa: F401  # the tool "unlike"
from loopcheck.basics import CONNECTS
from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, refuses, soon, threaded
from loopcheck.kit.channels import Wire, fill, pattern
from loopcheck.kit.clock import SPINNING, idle_share
from loopcheck.kit.net import closing
from loopcheck.kit.peers import AS_SENT, compared
from loopcheck.kit.ready import readable
from loopcheck.kit.surroundings import warned

AFTER = CONNECTS

BIG = 2**20
"""Bytes; more than a narrow connection takes at once."""

HUGE = 2**26
"""Bytes; far more than kernels take of what nobody reads."""

BROKEN = (BrokenPipeError, ConnectionResetError)

METHODS = (
    "get_extra_info",
    "is_closing",
    "close",
    "abort",
    "set_protocol",
    "get_protocol",
    "is_reading",
    "pause_reading",
    "resume_reading",
    "set_write_buffer_limits",
    "get_write_buffer_size",
    "get_write_buffer_limits",
    "write",
    "writelines",
    "write_eof",
    "can_write_eof",
)


def called(trace, name, function):
    """A reaction that calls the function with the protocol's transport, and notes name and what it returned."""
    return lambda protocol: trace(name, function(protocol.transport))


# the object


@check("asyncio-protocol#transports")
async def api_complete(channel):
    """A stream transport has every method that the documentation gives read and write transports."""
    async with channel.open() as (transport, _, _):
        missing = [name for name in METHODS if not callable(getattr(transport, name, None))]

    assert missing == []


@check("Lib/asyncio/transports.py", level="should")
async def hashable_identity(channel):
    """A transport can be kept in sets and as a key of dicts, is equal to itself alone, and can be weakly referenced.

    Servers keep their open connections this way.
    """
    async with channel.open() as (one, _, _), channel.open() as (other, _, _):
        found = {one: "one", other: "other"}

        assert (found[one], found[other], one == other, weakref.ref(one)() is one) == ("one", "other", False, True)


# writing


@check("asyncio-protocol#asyncio.WriteTransport.write")
async def write_types(channel):
    """write() takes bytes, bytearray and memoryview."""
    async with channel.open() as (transport, _, peer):
        for data in (b"bytes ", bytearray(b"bytearray "), memoryview(b"memoryview")):
            transport.write(data)

        assert await peer.read(26) == b"bytes bytearray memoryview"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def write_memoryview_items(channel):
    """A memoryview of items larger than a byte is written as its bytes, all of them."""
    numbers = array.array("I", [1, 2])
    async with channel.open() as (transport, _, peer):
        transport.write(memoryview(numbers))

        assert await peer.read(8) == numbers.tobytes()


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def write_wrong_type(channel):
    """write() of what is no bytes-like object raises TypeError at once, and does the transport no harm."""
    async with channel.open() as (transport, _, peer):
        for wrong in ("text", "", None, 1, [b"x"]):
            with refuses(TypeError, f"write({wrong!r})"):
                transport.write(wrong)
        transport.write(b"goes on")

        assert (transport.is_closing(), await peer.read(7)) == (False, b"goes on")


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="may")
async def write_other_buffers_rejected(channel):
    """write() of another object that has a buffer, such as array.array, raises TypeError.

    Loops that take any buffer are more liberal, and their users then depend on it.
    """
    async with channel.open() as (transport, _, peer):
        with refuses(TypeError, "write() of an array.array"):
            transport.write(array.array("B", b"array"))
        transport.write(b"goes on")

        assert await peer.read(7) == b"goes on"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def write_empty(channel):
    """write() of nothing does nothing: it is no error, sends nothing, and leaves the buffer empty.

    Also on a transport that is closing.
    """
    async with channel.open() as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        for empty in (b"", bytearray(), memoryview(b"")):
            transport.write(empty)
        waiting = transport.get_write_buffer_size()
        transport.write(b"something")
        transport.close()
        for empty in (b"", bytearray(), memoryview(b"")):
            transport.write(empty)

        assert (waiting, await peer.read(9), protocol.times("pause_writing")) == (0, b"something", 0)


@check("asyncio-protocol#asyncio.WriteTransport.write")
async def write_order(channel):
    """Bytes arrive in the order of the write() calls, whether they went out directly or waited in the buffer."""
    async with channel.open(narrow=True) as (transport, _, peer):
        sizes = range(0, 1200, 2)
        sent = pattern(sum(sizes))
        begin = 0
        for size in sizes:
            transport.write(sent[begin : begin + size])
            begin += size
            if size == 1000:  # more than the kernel takes has been written
                arrived = peer.gets(sent)
                await pass_turns()

        assert await arrived == AS_SENT


@check("asyncio-protocol#asyncio.WriteTransport.write")
async def write_does_not_block(channel, trace):
    """write() of megabytes to a peer that does not read returns at once, and the loop goes on."""
    sent = pattern(3 * BIG)
    async with channel.open(narrow=True) as (transport, _, peer):
        transport.write(sent)
        trace("write() returned")
        await pass_turns(2)
        trace("the loop went on")
        arrived = peer.gets(sent)
        trace("the peer reads")

        assert await arrived == AS_SENT
    assert trace == ["write() returned", "the loop went on", "the peer reads"]


@check("asyncio-protocol#asyncio.WriteTransport.write")
async def write_large(channel):
    """A single write() of megabytes, far more than the kernel takes at once, arrives completely."""
    sent = pattern(3 * BIG)
    async with channel.open(narrow=True) as (transport, _, peer):
        transport.write(sent)

        assert await peer.gets(sent) == AS_SENT


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should", python="<3.12")
async def write_copies_mutable(channel):
    """A bytearray that is changed after it was written to a full transport is sent as it was when written."""
    async with channel.open(narrow=True) as (transport, _, peer):
        sent = fill(transport)
        late = bytearray(b"as it was")
        transport.write(late)
        late[:] = b"different"
        await peer.read(len(sent))

        assert await peer.read(9) == b"as it was"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def write_after_close_no_raise(channel, patience):
    """write() after close(), before connection_lost() and after it, is no error, and nothing of it is sent.

    A protocol cannot know in time that somebody else has closed its transport.
    """
    async with channel.open() as (transport, protocol, peer):
        transport.write(b"before")
        transport.close()
        transport.write(b"after close()")
        await protocol.until("connection_lost", patience)
        transport.write(b"after connection_lost()")
        await pass_turns(2)

        assert await peer.read_waiting() == b"before"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def write_after_abort_no_raise(channel, patience):
    """write() after abort(), before connection_lost() and after it, is no error, and nothing of it is sent."""
    async with channel.open() as (transport, protocol, peer):
        transport.abort()
        transport.write(b"after abort()")
        await protocol.until("connection_lost", patience)
        transport.write(b"after connection_lost()")
        await pass_turns(2)

        assert (await peer.read_waiting(), protocol.events) == (b"", ["connection_made", "connection_lost"])


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def write_in_connection_lost(channel, errors, patience, trace):
    """write() inside connection_lost() is no error.

    Protocols say goodbye there without asking whether anybody listens.
    """
    say = called(trace, "write() returned", lambda transport: transport.write(b"goodbye"))
    async with channel.open(connection_lost=say) as (_, protocol, peer):
        peer.half_close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    assert (trace, errors) == ([("write() returned", None)], [])


@check("Lib/asyncio/constants.py: LOG_THRESHOLD_FOR_CONNLOST_WRITES", level="may")
async def write_after_lost_warning(channel, logged, patience):
    """A program that goes on writing after the connection was lost is told in the log, from the fifth write() on."""
    async with channel.open() as (transport, protocol, _):
        transport.abort()
        for _ in range(8):
            transport.write(b"x")
        await protocol.until("connection_lost", patience)
        told = [record.getMessage() for record in logged if record.levelname == "WARNING"]

    assert told == ["socket.send() raised exception."] * 4


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def write_after_eof_raises(channel):
    """write() after write_eof() raises RuntimeError, also when there is nothing to write."""
    async with channel.open() as (transport, _, peer):
        transport.write(b"before")
        transport.write_eof()
        for late in (b"after", b""):
            with refuses(RuntimeError, f"write({late!r}) after write_eof()"):
                transport.write(late)

        assert (await peer.read_to_end(), transport.is_closing()) == (b"before", False)


# writing several pieces


@check("asyncio-protocol#asyncio.WriteTransport.writelines")
async def writelines_equivalent(channel):
    """writelines() sends the elements of any iterable, each as write() does: bytes, bytearray and memoryview."""
    async with channel.open() as (transport, _, peer):
        transport.writelines([b"list ", bytearray(b"of "), memoryview(b"three, ")])
        transport.writelines((b"tuple, ",))
        transport.writelines(piece for piece in (b"gene", b"rator"))

        assert await peer.read(31) == b"list of three, tuple, generator"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.writelines", level="should")
async def writelines_after_eof_raises(channel):
    """writelines() after write_eof() raises RuntimeError, also when there is nothing to write."""
    async with channel.open() as (transport, _, peer):
        transport.writelines([b"before"])
        transport.write_eof()
        for late in ([b"after"], []):
            with refuses(RuntimeError, f"writelines({late!r}) after write_eof()"):
                transport.writelines(late)

        assert (await peer.read_to_end(), transport.is_closing()) == (b"before", False)


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.writelines", level="should", python=">=3.14")
async def writelines_after_close_ignored(channel, patience):
    """writelines() after close(), before connection_lost() and after it, is no error, and nothing of it is sent."""
    async with channel.open() as (transport, protocol, peer):
        transport.writelines([b"before"])
        transport.close()
        transport.writelines([b"after ", b"close()"])
        await protocol.until("connection_lost", patience)
        transport.writelines([b"after ", b"connection_lost()"])
        await pass_turns(2)

        assert await peer.read_waiting() == b"before"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.writelines", level="should")
async def writelines_of_nothing(channel):
    """writelines() of an empty list does nothing: it is no error, and leaves the buffer empty."""
    async with channel.open() as (transport, _, peer):
        transport.writelines([])
        waiting = transport.get_write_buffer_size()
        transport.write(b"something")

        assert (waiting, await peer.read(9)) == (0, b"something")


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.writelines", level="should")
async def writelines_with_empty_chunks(channel):
    """writelines() with empty elements sends the others, and leaves the buffer empty."""
    async with channel.open() as (transport, _, peer):
        transport.writelines([b"", b"a", b"", b"b", b""])
        transport.writelines([b"", b""])
        arrived = await peer.read(2)

        assert (arrived, transport.get_write_buffer_size()) == (b"ab", 0)


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.writelines", level="should", python=">=3.14")
async def writelines_with_empty_chunks_no_spin(channel):
    """writelines() with empty elements lets the loop rest afterwards."""
    async with channel.open() as (transport, _, peer):
        transport.writelines([b"", b"a", b""])
        transport.writelines([b"", b""])
        await peer.read(1)
        share = await idle_share()

    assert share < SPINNING, f"empty elements that wait to be sent kept a processor busy, {share:.0%} of the time"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.writelines", level="should")
async def writelines_wrong_type(channel):
    """writelines() of what are no bytes-like objects raises TypeError at once, and does the transport no harm."""
    async with channel.open() as (transport, _, peer):
        for wrong in (["text"], [1]):
            with refuses(TypeError, f"writelines({wrong!r})"):
                transport.writelines(wrong)
        transport.write(b"goes on")

        assert await peer.read(7) == b"goes on"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.writelines", level="should", python="<3.15")
async def writelines_with_one_wrong_element_sends_nothing(channel):
    """writelines() that raises TypeError because of one element sends nothing of the others.

    Who catches the error and writes something else does not send half a message before it.
    """
    async with channel.open() as (transport, _, peer):
        with refuses(TypeError, "writelines([b'bytes', 'text'])"):
            transport.writelines([b"bytes", "text"])
        transport.write(b"goes on")

        assert await peer.read(7) == b"goes on"


@check("asyncio-protocol#asyncio.WriteTransport.writelines")
async def writelines_many_chunks(channel):
    """writelines() of more elements than the system takes in one call sends them all, in order."""
    sent = pattern(25_000)
    async with channel.open() as (transport, _, peer):
        transport.writelines([sent[begin : begin + 5] for begin in range(0, len(sent), 5)])

        assert await peer.gets(sent) == AS_SENT


@check("asyncio-protocol#asyncio.WriteTransport.writelines")
async def writelines_large_partial(channel):
    """writelines() of more than the connection takes at once goes on in the background, without loss or repetition."""
    sent = pattern(2 * BIG)
    async with channel.open(narrow=True) as (transport, _, peer):
        transport.writelines([sent[begin : begin + 10_007] for begin in range(0, len(sent), 10_007)])
        arrived = peer.gets(sent)

        assert await arrived == AS_SENT


@check("asyncio-protocol#asyncio.BaseProtocol.pause_writing", python=">=3.14")
async def writelines_flow_control(channel):
    """writelines() that takes the buffer over the high-water mark calls pause_writing(), as write() does."""
    async with channel.open(narrow=True) as (transport, protocol, _):
        transport.set_write_buffer_limits(high=BIG)
        fill(transport)
        before = protocol.events[1:]
        transport.writelines([pattern(BIG), pattern(BIG)])

        assert (before, protocol.events[1:]) == ([], ["pause_writing"])


# half close


@check("asyncio-protocol#asyncio.WriteTransport.can_write_eof")
async def write_eof_supported(channel):
    """can_write_eof() of a plain stream transport is True."""
    async with channel.open() as (transport, _, _):
        assert transport.can_write_eof() is True


@check("asyncio-protocol#asyncio.WriteTransport.write_eof")
async def write_eof_half_close(channel, patience):
    """write_eof() sends the end of the stream after what was written, and the other direction stays open."""
    async with channel.open() as (transport, protocol, peer):
        transport.write(b"question")
        transport.write_eof()
        arrived = await peer.read_to_end()
        peer.send(b"answer")
        answer = await protocol.has_received(6, patience)

        assert (arrived, answer, transport.is_closing()) == (b"question", b"answer", False)


@check("asyncio-protocol#asyncio.WriteTransport.write_eof")
async def write_eof_flushes(channel):
    """write_eof() on a transport whose buffer is full sends every byte before the end."""
    async with channel.open(narrow=True) as (transport, _, peer):
        sent = fill(transport)
        transport.write_eof()

        assert (await peer.gets(sent), await peer.read_to_end()) == (AS_SENT, b"")


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write_eof", level="should")
async def write_eof_idempotent(channel, errors, patience):
    """write_eof() may be called again, after close() and after connection_lost(), and does nothing then."""
    async with channel.open() as (transport, protocol, peer):
        transport.write(b"all")
        transport.write_eof()
        transport.write_eof()
        transport.close()
        transport.write_eof()
        await protocol.until("connection_lost", patience)
        transport.write_eof()

        assert (await peer.read_to_end(), protocol.lost_with, errors) == (b"all", None, [])


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write_eof", level="should")
async def write_eof_then_close(channel, patience):
    """write(), write_eof() and close() in a row send what was written, the end, and lead to connection_lost(None)."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        sent = pattern(BIG)
        transport.write(sent)
        transport.write_eof()
        transport.close()
        arrived = await peer.gets(sent)
        await protocol.until("connection_lost", patience)

        assert (arrived, protocol.lost_with) == (AS_SENT, None)


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__on_eof", level="should")
async def write_eof_then_peer_eof(channel, patience):
    """After write_eof() the end from the peer leads to eof_received() and connection_lost(None)."""
    async with channel.open() as (transport, protocol, peer):
        transport.write_eof()
        await peer.read_to_end()
        peer.hang_up()
        await protocol.until("connection_lost", patience)

    assert (protocol.events, protocol.lost_with) == (["connection_made", "eof_received", "connection_lost"], None)


# close


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close_returns_at_once(channel, patience):
    """close() makes is_closing() True at once; connection_lost() is called later, by the loop.

    Also when a callback of the protocol closes: it must not find itself inside connection_lost().
    """

    def close(protocol):
        before = protocol.transport.is_closing()
        returned = protocol.transport.close()
        seen.append((before, returned, protocol.transport.is_closing(), protocol.times("connection_lost")))

    seen = []
    async with channel.open() as (_, protocol, _):
        close(protocol)
        await protocol.until("connection_lost", patience)
    async with channel.open(data_received=close) as (_, protocol, peer):
        peer.send(b"x")
        await protocol.until("connection_lost", patience)

    assert seen == [(False, None, True, 0), (False, None, True, 0)]


@check("Lib/asyncio/selector_events.py: _SelectorTransport.close", level="may")
async def close_next_turn(channel):
    """connection_lost() comes in the loop's next turn after close(), when there is nothing to send."""
    async with channel.open() as (transport, protocol, _):
        transport.close()
        await pass_turns()

        assert protocol.events == ["connection_made", "connection_lost"]


@check("Lib/asyncio/selector_events.py: _SelectorTransport._force_close", level="should", needs=("posix",))
async def write_to_gone_peer_loses_later(loop, socketpair, patience):
    """write() to a peer that is gone returns before connection_lost() is called.

    A protocol that writes is in the middle of something, and would find its own end there.
    """
    near, far = socketpair
    opening = loop.create_connection(Wire, sock=near)
    transport, protocol = await soon(opening, patience, "create_connection() returns")
    async with closing([protocol], patience):
        transport.pause_reading()  # or the end would be seen first
        far.close()
        transport.write(b"x")
        inside = protocol.times("connection_lost")
        await protocol.until("connection_lost", patience)

    assert inside == 0, "connection_lost() was called inside of write()"


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close_flushes(channel, patience):
    """close() sends what is in the buffer first: connection_lost(None) comes when the last byte is on its way."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        sent = fill(transport)
        transport.close()
        await pass_turns(3)
        lost_early = protocol.times("connection_lost")
        arrived = await peer.gets(sent)
        await protocol.until("connection_lost", patience)

        assert (lost_early, arrived, protocol.lost_with) == (0, AS_SENT, None)


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close_no_more_data(channel, patience):
    """After close() neither data_received() nor eof_received() is called, whether data waits already or comes later."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        fill(transport)
        peer.send(b"already there").result()
        transport.close()
        peer.send(b"comes later").result()
        peer.half_close()
        await pass_turns(2)
        peer.read_to_reset()
        await protocol.until("connection_lost", patience)
        told = [event for event in protocol.events if event not in ("pause_writing", "resume_writing")]

    assert told == ["connection_made", "connection_lost"]


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close_ends_connection(channel):
    """close() and abort() end the connection: the peer sees the end, while the program still has the transport.

    A peer that waits for the end of an answer waits for ever otherwise.
    """
    async with channel.open() as (transport, _, peer):
        transport.write(b"all")
        transport.close()
        closed = await peer.read_to_end()
    async with channel.open() as (transport, _, peer):
        transport.abort()
        aborted = await peer.read_to_reset()

    assert (closed, aborted) == (b"all", b"")


@check("Lib/asyncio/selector_events.py: _SelectorTransport.close", level="should")
async def close_idempotent(channel, errors, patience):
    """close() and abort() may be called any number of times, also after connection_lost(), which is called once."""
    async with channel.open() as (transport, protocol, _):
        for end in (transport.close, transport.abort, transport.close, transport.abort):
            end()
        await protocol.until("connection_lost", patience)
        for end in (transport.close, transport.abort):
            end()
        await pass_turns(3)

        assert (protocol.events, protocol.lost_with, errors) == (["connection_made", "connection_lost"], None, [])


@check("Lib/asyncio/selector_events.py: _SelectorTransport.close", level="should")
async def close_while_paused(channel, patience):
    """close() and abort() lead to connection_lost(None) also while reading is paused and data waits."""
    ends = []
    for end in ("close", "abort"):
        async with channel.open() as (transport, protocol, peer):
            transport.pause_reading()
            peer.send(b"unread").result()
            getattr(transport, end)()
            await protocol.until("connection_lost", patience)
            ends.append((end, protocol.events, protocol.lost_with))

    assert ends == [(end, ["connection_made", "connection_lost"], None) for end in ("close", "abort")]


# abort


@check("asyncio-protocol#asyncio.WriteTransport.abort")
async def abort_immediate(channel, patience):
    """abort() drops what is in the buffer: connection_lost(None) comes without the peer having read anything."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        sent = fill(transport)
        transport.abort()
        lost_inside = protocol.times("connection_lost")
        await protocol.until("connection_lost", patience)
        arrived = await peer.read_waiting()

        assert lost_inside == 0, "abort() called connection_lost() itself; the loop does that, later"
        assert (protocol.lost_with, len(arrived) < len(sent)) == (None, True), (
            f"connection_lost() got {protocol.lost_with!r}, and the peer got {len(arrived)} of {len(sent)} bytes"
        )


@check("Lib/asyncio/selector_events.py: _SelectorTransport._force_close", level="should")
async def abort_after_close(channel, patience):
    """abort() ends a close() that is still sending: connection_lost(None) is called once, without the peer reading."""
    async with channel.open(narrow=True) as (transport, protocol, _):
        fill(transport)
        transport.close()
        await pass_turns(2)
        transport.abort()
        await protocol.until("connection_lost", patience)
        await pass_turns(3)

        assert (protocol.times("connection_lost"), protocol.lost_with) == (1, None)


@check("Lib/asyncio/selector_events.py: _SelectorTransport._force_close", level="should")
async def abort_clears_buffer_size(channel):
    """get_write_buffer_size() is 0 right after abort()."""
    async with channel.open(narrow=True) as (transport, _, _):
        fill(transport)
        transport.abort()

        assert transport.get_write_buffer_size() == 0


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.close", level="should")
async def close_then_sleep_then_abort(channel, errors, patience):
    """write_eof(), close(), a turn of the loop and abort() deliver what was written to an idle connection.

    anyio closes its streams this way.
    """
    async with channel.open() as (transport, protocol, peer):
        transport.write(b"all of it")
        transport.write_eof()
        transport.close()
        await asyncio.sleep(0)
        transport.abort()
        arrived = await peer.read_to_end()
        await protocol.until("connection_lost", patience)

        assert (arrived, protocol.lost_with, errors) == (b"all of it", None, [])


# connection_lost


@check("asyncio-protocol#base-protocol")
async def lost_exactly_once(channel, errors, patience):
    """connection_lost() is called once per connection, whatever mix of close, abort, end and data there was."""

    def close(protocol):
        protocol.transport.close()

    def abort(protocol):
        protocol.transport.abort()

    def peer_ends_after_close(transport, peer):
        transport.close()
        peer.half_close().result()

    def peer_ends_before_abort(transport, peer):
        peer.half_close().result()
        transport.abort()

    def peer_sends_and_hangs_up(transport, peer):
        peer.send(b"x")
        peer.hang_up().result()

    def buffer_is_full(transport, peer):
        fill(transport)
        transport.close()
        peer.hang_up().result()

    stories = (
        ({}, peer_ends_after_close),
        ({}, peer_ends_before_abort),
        ({"data_received": close}, peer_sends_and_hangs_up),
        ({"data_received": abort}, peer_sends_and_hangs_up),
        ({"eof_received": close}, peer_sends_and_hangs_up),
        ({"eof_received": abort}, peer_sends_and_hangs_up),
        ({"connection_lost": close}, peer_sends_and_hangs_up),
        ({"connection_lost": abort}, peer_sends_and_hangs_up),
        ({}, buffer_is_full),
    )
    counts = []
    for reactions, story in stories:
        async with channel.open(narrow=True, **reactions) as (transport, protocol, peer):
            story(transport, peer)
            await protocol.until("connection_lost", patience)
            await pass_turns(3)
            counts.append((*reactions, story.__name__, protocol.times("connection_lost")))

    assert counts == [(*reactions, story.__name__, 1) for reactions, story in stories]
    assert errors == []


@check("asyncio-protocol#base-protocol")
async def lost_last_callback(channel, patience):
    """connection_lost() is the last call to a protocol, with data, the end and flow control still under way."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        fill(transport)
        peer.send(b"data").result()
        peer.half_close().result()
        transport.abort()
        await protocol.until("connection_lost", patience)
        peer.read_to_reset()
        transport.resume_reading()
        await pass_turns(4)

        assert protocol.events[-1] == "connection_lost"
        assert protocol.times("connection_lost") == 1


@check("asyncio-protocol#asyncio.BaseProtocol.connection_lost")
async def lost_none_on_eof(channel, patience):
    """connection_lost() gets None after the end from the peer, after close() and after abort()."""
    got = {}
    for end in ("half_close", "close", "abort"):
        async with channel.open() as (transport, protocol, peer):
            getattr(transport, end, peer.half_close)()
            await protocol.until("connection_lost", patience)
            got[end] = protocol.lost_with

    assert got == {"half_close": None, "close": None, "abort": None}


@check("asyncio-protocol#asyncio.BaseProtocol.connection_lost")
async def lost_exc_on_reset(channel, patience):
    """connection_lost() gets a ConnectionResetError when the peer resets the connection."""
    async with channel.open() as (_, protocol, peer):
        peer.reset()
        await protocol.until("connection_lost", patience)

    assert type(protocol.lost_with) is ConnectionResetError, f"connection_lost() got {protocol.lost_with!r}"


@check("asyncio-protocol#asyncio.BaseProtocol.connection_lost")
async def lost_exc_on_reset_with_data_buffered(channel, patience):
    """connection_lost() gets the error when the peer resets a connection on which data waits to be sent."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        fill(transport)
        peer.reset()
        await protocol.until("connection_lost", patience)

    assert isinstance(protocol.lost_with, BROKEN), f"connection_lost() got {protocol.lost_with!r}"


@check("asyncio-protocol#asyncio.BaseProtocol.connection_lost")
async def lost_exc_on_reset_while_closing(channel, patience):
    """A peer that resets the connection while close() is still sending ends it: connection_lost() gets the error."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        fill(transport)
        transport.close()
        await pass_turns(2)
        peer.reset()
        await protocol.until("connection_lost", patience)

    assert isinstance(protocol.lost_with, BROKEN), f"connection_lost() got {protocol.lost_with!r}"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def lost_exc_on_write_error(channel, patience):
    """A write() that fails does not raise: connection_lost() is called later, with the error."""
    async with channel.open() as (transport, protocol, peer):
        transport.pause_reading()
        peer.reset().result()
        transport.write(b"x")
        lost_inside = protocol.times("connection_lost")
        # A second one, for a loop that has sent the first to a connection whose reset was still to be told.
        transport.write(b"x")
        await protocol.until("connection_lost", patience)

    assert (lost_inside, isinstance(protocol.lost_with, BROKEN)) == (0, True), (
        f"connection_lost() got {protocol.lost_with!r}"
    )


@check("Lib/asyncio/selector_events.py: _SelectorTransport._fatal_error", level="should")
async def oserror_not_reported(channel, errors, patience):
    """A connection that breaks is no report to the exception handler: connection_lost() gets the error, and is all."""
    async with channel.open() as (transport, protocol, peer):
        transport.pause_reading()
        peer.reset().result()
        transport.write(b"x")
        transport.write(b"x")
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    assert (protocol.lost_with is not None, errors) == (True, [])


@check("Lib/asyncio/selector_events.py: _SelectorTransport._call_connection_lost", level="should")
async def lost_socket_still_there(channel, patience, trace):
    """Inside connection_lost() the socket is still open, and is_closing() is True.

    Protocols ask their socket for its names there, to log them.
    """

    def look(transport):
        return transport.is_closing(), transport.get_extra_info("socket").fileno() >= 0

    async with channel.open(connection_lost=called(trace, "closing, open", look)) as (transport, protocol, _):
        transport.close()
        await protocol.until("connection_lost", patience)

    assert trace == [("closing, open", (True, True))]


@check("Lib/asyncio/selector_events.py: _SelectorTransport._call_connection_lost", level="should")
async def descriptor_released(channel, patience):
    """After connection_lost() the transport's descriptor is closed, and its socket says so: fileno() is -1.

    Programs with many connections run out of descriptors otherwise.
    """
    async with channel.open() as (transport, protocol, _):
        sock = transport.get_extra_info("socket")
        number = sock.fileno()
        transport.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(3)
        with refuses(OSError, f"fstat({number}), of the descriptor of a connection that was lost,"):
            os.fstat(number)

        assert sock.fileno() == -1


@check("Lib/asyncio/selector_events.py: _SelectorTransport", level="should")
async def after_lost_queries(channel, patience):
    """After connection_lost() a transport still answers what it is asked, addresses included.

    Loggers ask for the peer's name when all is over.
    """
    async with channel.open() as (transport, protocol, peer):
        transport.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(3)

        assert {
            "is_closing()": transport.is_closing(),
            "is_reading()": transport.is_reading(),
            "get_write_buffer_size()": transport.get_write_buffer_size(),
            "can_write_eof()": transport.can_write_eof(),
            "peername": transport.get_extra_info("peername"),
            "sockname": transport.get_extra_info("sockname"),
            "repr()": type(repr(transport)),
        } == {
            "is_closing()": True,
            "is_reading()": False,
            "get_write_buffer_size()": 0,
            "can_write_eof()": True,
            "peername": peer.address,
            "sockname": peer.address_of_subject,
            "repr()": str,
        }


@check("Lib/asyncio/selector_events.py: _SelectorTransport", level="should")
async def after_lost_calls(channel, errors, patience):
    """After connection_lost() pausing and resuming, setting limits, closing and aborting are no errors."""
    async with channel.open() as (transport, protocol, _):
        transport.abort()
        await protocol.until("connection_lost", patience)
        await pass_turns(3)
        for call in (
            transport.pause_reading,
            transport.resume_reading,
            transport.set_write_buffer_limits,
            transport.close,
            transport.abort,
        ):
            call()
        await pass_turns(2)

        assert (protocol.events, errors) == (["connection_made", "connection_lost"], [])


# the end from the peer


@check("asyncio-protocol#asyncio.Protocol.eof_received")
async def eof_default_closes(channel, patience):
    """A transport closes itself when eof_received() returns a false value, and sends first what was written there."""
    ends = []
    for false in (None, False, 0, ""):
        answer = {"eof_received": lambda protocol: protocol.transport.write(b"answer")}
        async with channel.open(keep_open=false, **answer) as (_, protocol, peer):
            peer.half_close()
            arrived = await peer.read(6)
            await protocol.until("connection_lost", patience)
            ends.append((false, arrived, protocol.events[1:], protocol.lost_with))

    assert ends == [(false, b"answer", ["eof_received", "connection_lost"], None) for false in (None, False, 0, "")]


@check("asyncio-protocol#asyncio.Protocol.eof_received")
async def eof_true_keeps_open(channel, patience):
    """A transport stays open for writing when eof_received() returns a true value, until the protocol closes it."""
    ends = []
    for true in (True, 1, "x"):
        async with channel.open(keep_open=true) as (transport, protocol, peer):
            peer.half_close()
            await protocol.until("eof_received", patience)
            await pass_turns(2)
            transport.write(b"written afterwards")
            arrived = await peer.read(18)
            ends.append((true, arrived, transport.is_closing(), protocol.events))

    assert ends == [
        (true, b"written afterwards", False, ["connection_made", "eof_received"]) for true in (True, 1, "x")
    ]


@check("asyncio-protocol#asyncio.Protocol.data_received")
async def eof_once(channel, patience):
    """eof_received() is called once however long the half-open connection lives, and data_received() not after it."""
    async with channel.open(keep_open=True) as (transport, protocol, peer):
        peer.send(b"data")
        peer.half_close()
        await protocol.until("eof_received", patience)
        for _ in range(3):
            transport.write(b"x")
            await peer.read(1)
        transport.close()
        await protocol.until("connection_lost", patience)

    assert protocol.events == ["connection_made", "data_received", "eof_received", "connection_lost"]


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__on_eof", level="should")
async def eof_pending_writes_flushed(channel, patience):
    """The end from the peer does not keep a transport from sending what is in its buffer, before connection_lost(None).

    HTTP clients half-close after their request and then read a long answer.
    """
    async with channel.open(narrow=True) as (transport, protocol, peer):
        sent = fill(transport)
        peer.half_close()
        await protocol.until("eof_received", patience)
        arrived = await peer.gets(sent)
        await protocol.until("connection_lost", patience)

        assert (arrived, protocol.lost_with) == (AS_SENT, None)


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__on_eof", level="should")
async def eof_no_spin(channel, patience):
    """A half-open connection costs no processor time.

    Its descriptor stays readable for good: a loop that keeps watching it never sleeps again.
    """
    async with channel.open(keep_open=True) as (_, protocol, peer):
        peer.half_close()
        await protocol.until("eof_received", patience)
        share = await idle_share()

    assert share < SPINNING, f"a half-open connection kept a processor busy, {share:.0%} of the time"


@check("asyncio-protocol#asyncio.Protocol.data_received")
async def eof_after_data(channel, patience):
    """All that was sent before the end is delivered before eof_received()."""
    at_the_end = []
    sent = pattern(BIG)
    look = {"eof_received": lambda protocol: at_the_end.append(compared(protocol.data, sent))}
    async with channel.open(**look) as (_, protocol, peer):
        peer.send(sent)
        peer.hang_up()
        await protocol.until("connection_lost", patience)

    assert at_the_end == [AS_SENT]


# reading


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pause_reading_stops_data(channel, patience):
    """After pause_reading() no data is delivered and is_reading() is False; resume_reading() delivers what waited."""
    async with channel.open() as (transport, protocol, peer):
        peer.send(b"before, ")
        await protocol.has_received(8, patience)
        before = transport.is_reading()
        transport.pause_reading()
        peer.send(b"waits").result()
        transport.write(b"writing goes on")
        await peer.read(15)
        await pass_turns(2)
        paused = (transport.is_reading(), protocol.data)
        transport.resume_reading()
        resumed = transport.is_reading()

        assert (before, paused, resumed) == (True, (False, b"before, "), True)
        assert await protocol.has_received(13, patience) == b"before, waits"


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pause_in_connection_made(channel, patience):
    """pause_reading() in connection_made() keeps all data back until resume_reading().

    Proxies first connect to where they forward to; aiohttp and uvicorn throttle uploads so.
    """
    async with channel.open(connection_made=lambda protocol: protocol.transport.pause_reading()) as (
        transport,
        protocol,
        peer,
    ):
        peer.send(b"waits").result()
        await pass_turns(4)
        paused = (transport.is_reading(), protocol.data)
        transport.resume_reading()

        assert paused == (False, b"")
        assert await protocol.has_received(5, patience) == b"waits"


@check("asyncio-protocol#asyncio.ReadTransport.resume_reading")
async def pause_resume_idempotent(channel, patience):
    """pause_reading() of a paused transport and resume_reading() of a reading one are no errors, nor once it is closed.

    One pause_reading() or resume_reading() counts, however many there were before.
    """
    async with channel.open() as (transport, protocol, peer):
        reading = []
        for call in (
            transport.resume_reading,
            transport.pause_reading,
            transport.pause_reading,
            transport.resume_reading,
            transport.resume_reading,
        ):
            call()
            reading.append(transport.is_reading())
        peer.send(b"comes")
        await protocol.has_received(5, patience)
        transport.close()
        transport.pause_reading()
        transport.resume_reading()
        await protocol.until("connection_lost", patience)
        transport.pause_reading()
        transport.resume_reading()

        assert reading == [True, False, False, True, True]
        assert (transport.is_reading(), protocol.events[1:]) == (False, ["data_received", "connection_lost"])


@check("Lib/asyncio/selector_events.py: _SelectorTransport.resume_reading", level="should")
async def resume_after_eof_tells_no_end(channel, patience):
    """resume_reading() of a half-open transport that was not paused does not call eof_received() again."""
    async with channel.open(keep_open=True) as (transport, protocol, peer):
        peer.half_close()
        await protocol.until("eof_received", patience)
        transport.resume_reading()
        await pass_turns(3)
        transport.write(b"still here")

        assert (await peer.read(10), protocol.events) == (b"still here", ["connection_made", "eof_received"])


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pause_in_data_received(channel, patience):
    """pause_reading() inside data_received() holds from there on: no further data is delivered until resume_reading().

    A parser that cannot take more yet would be given it all the same.
    """
    first = 2**19  # more than one call delivers, so that data waits in any case

    def pause(protocol):
        if len(protocol.chunks) == 1:
            protocol.transport.pause_reading()

    async with channel.open(data_received=pause) as (transport, protocol, peer):
        sending = peer.send(pattern(first))
        await protocol.until("data_received", patience)
        await pass_turns(4)
        calls = len(protocol.chunks)
        transport.resume_reading()
        await sending

        assert calls == 1
        assert compared(await protocol.has_received(first, patience), pattern(first)) == AS_SENT


@check("Lib/asyncio/selector_events.py: _SelectorTransport.pause_reading", level="should")
async def pause_holds_eof(channel, patience):
    """While reading is paused the end is not reported; after resume_reading() data, end and loss follow in order."""
    async with channel.open() as (transport, protocol, peer):
        peer.send(b"before")
        await protocol.has_received(6, patience)
        transport.pause_reading()
        peer.send(b"data")
        peer.half_close().result()
        transport.write(b"writing goes on")
        await peer.read(15)
        await pass_turns(2)
        paused = (protocol.data, protocol.events)
        transport.resume_reading()
        await protocol.until("connection_lost", patience)

    assert paused == (b"before", ["connection_made", "data_received"])
    assert (protocol.data, protocol.events[2:]) == (b"beforedata", ["eof_received", "connection_lost"])


@check("Lib/asyncio/selector_events.py: _SelectorTransport.pause_reading", level="should")
async def pause_no_spin(channel):
    """A paused transport on which data waits costs no processor time, also when the peer has hung up."""
    async with channel.open() as (transport, _, peer):
        transport.pause_reading()
        peer.send(b"unread")
        peer.hang_up().result()
        share = await idle_share()

    assert share < SPINNING, f"a paused transport whose peer hung up kept a processor busy, {share:.0%} of the time"


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pause_throttles_peer(channel):
    """While reading is paused the peer is soon unable to send more: the loop does not read on into memory."""
    async with channel.open(narrow=True) as (transport, _, peer):
        transport.pause_reading()
        sent = await peer.flood(HUGE)

    assert sent < HUGE, f"the peer could send {sent} bytes to a transport that does not read"


@check("Lib/asyncio/selector_events.py: _SelectorTransport.resume_reading", level="should")
async def resume_not_synchronous(channel, patience):
    """resume_reading() does not call data_received() itself: the loop does, later."""
    async with channel.open() as (transport, protocol, peer):
        transport.pause_reading()
        peer.send(b"waits").result()
        await pass_turns(2)
        transport.resume_reading()
        inside = protocol.times("data_received")

        assert (inside, await protocol.has_received(5, patience)) == (0, b"waits")


@check("asyncio-protocol#asyncio.Protocol.data_received")
async def data_is_bytes(channel, patience):
    """data_received() gets bytes objects that are not empty."""
    async with channel.open() as (_, protocol, peer):
        peer.send(b"some")
        await protocol.has_received(4, patience)
        peer.send(b"more")
        await protocol.has_received(8, patience)

    assert {(type(chunk), bool(chunk)) for chunk in protocol.chunks} == {(bytes, True)}


@check("asyncio-protocol#asyncio.Protocol.data_received")
async def data_in_order(channel, patience):
    """What is received is complete and in order, whether the peer sends byte by byte or megabytes at once."""
    sent = pattern(200) + pattern(BIG)
    async with channel.open() as (_, protocol, peer):
        peer.drip(sent[:200])
        peer.send(sent[200:])

        assert compared(await protocol.has_received(len(sent), patience), sent) == AS_SENT


@check("Lib/asyncio/selector_events.py: _SelectorTransport.max_size", level="may")
async def read_chunk_bounded(channel, patience):
    """One data_received() gets 256 KiB at most, so that a fast peer does not fill the memory in one call."""
    async with channel.open(connection_made=lambda protocol: protocol.transport.pause_reading()) as (
        transport,
        protocol,
        peer,
    ):
        sending = peer.send(pattern(2 * BIG))
        await pass_turns(2)
        transport.resume_reading()
        await sending
        await protocol.has_received(2 * BIG, patience)

    assert max(map(len, protocol.chunks)) <= 2**18


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__data_received", level="should")
async def reading_is_fair(channel, patience):
    """A peer that sends without end starves nobody: timers and other connections go on meanwhile."""
    most = 2**26
    going = [True]

    def flood(sock):
        data, sent = bytes(BIG), 0
        while going and sent < most:
            sock.sendall(data)
            sent += len(data)

    class Sink(Wire):
        received = 0

        def data_received(self, data):
            self.received += len(data)
            self.board.changed()

    async with channel.open(Sink) as (_, flooded, fast), channel.open() as (_, protocol, slow):
        flooding = fast.does("sending without end", flood)
        await flooded.board.wait(lambda: flooded.received > 2 * BIG, patience, "data_received() is called")
        slow.send(b"x").result()
        await protocol.until("data_received", patience)
        await asyncio.sleep(0.001)
        received = flooded.received
        going.clear()
        await flooding

    assert received < most, "a timer and another connection had to wait until a peer had no more to send"


# limits


@check("Lib/asyncio/transports.py: _FlowControlMixin._set_write_buffer_limits", level="should")
async def limits_default(channel):
    """The water marks of a transport are 16 KiB and 64 KiB unless they are set."""
    async with channel.open() as (transport, _, _):
        assert transport.get_write_buffer_limits() == (16384, 65536)


@check("asyncio-protocol#asyncio.WriteTransport.get_write_buffer_limits")
async def limits_shape(channel):
    """get_write_buffer_limits() is the tuple of low and high that set_write_buffer_limits(high, low) was given."""
    async with channel.open() as (transport, _, _):
        transport.set_write_buffer_limits(2000, 1000)
        by_position = transport.get_write_buffer_limits()
        transport.set_write_buffer_limits(low=300, high=400)
        by_keyword = transport.get_write_buffer_limits()

    assert (by_position, by_keyword) == ((1000, 2000), (300, 400)), "wanted (low, high)"


@check("asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits")
async def limits_only_high(channel):
    """When only high is given, low is a value that is not larger."""
    async with channel.open() as (transport, _, _):
        transport.set_write_buffer_limits(high=1000)
        low, high = transport.get_write_buffer_limits()

    assert (high, 0 <= low <= 1000) == (1000, True), f"the limits are {(low, high)!r}"


@check("Lib/asyncio/transports.py: _FlowControlMixin._set_write_buffer_limits", level="should")
async def limits_only_high_makes_low_a_quarter(channel):
    """When only high is given, low is a quarter of it."""
    async with channel.open() as (transport, _, _):
        transport.set_write_buffer_limits(high=1000)

        assert transport.get_write_buffer_limits() == (250, 1000)


@check("Lib/asyncio/transports.py: _FlowControlMixin._set_write_buffer_limits", level="should")
async def limits_only_low(channel):
    """When only low is given, high is four times as much."""
    async with channel.open() as (transport, _, _):
        transport.set_write_buffer_limits(low=100)

        assert transport.get_write_buffer_limits() == (100, 400)


@check("asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits")
async def limits_zero_high(channel):
    """When high is set to 0, low is 0 as well."""
    async with channel.open() as (transport, _, _):
        transport.set_write_buffer_limits(high=0)

        assert transport.get_write_buffer_limits() == (0, 0)


@check("asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits", level="should")
async def limits_invalid(channel):
    """set_write_buffer_limits() with low above high, or a negative value, raises ValueError and changes nothing."""
    async with channel.open() as (transport, _, _):
        transport.set_write_buffer_limits(high=2000, low=1000)
        for wrong in ({"high": 10, "low": 20}, {"high": -1}, {"low": -1}, {"high": 10, "low": -1}):
            with refuses(ValueError, f"set_write_buffer_limits() with {wrong!r}"):
                transport.set_write_buffer_limits(**wrong)

        assert transport.get_write_buffer_limits() == (1000, 2000)


@check("Lib/asyncio/transports.py: _FlowControlMixin._set_write_buffer_limits", level="should")
async def limits_none_restores_default(channel):
    """set_write_buffer_limits() without arguments brings the marks back that a transport begins with."""
    async with channel.open() as (transport, _, _):
        default = transport.get_write_buffer_limits()
        transport.set_write_buffer_limits(high=2000, low=1000)
        transport.set_write_buffer_limits()

        assert transport.get_write_buffer_limits() == default


# flow control


@check("asyncio-protocol#asyncio.WriteTransport.get_write_buffer_size")
async def buffer_size_counts(channel, patience):
    """get_write_buffer_size() is the number of bytes that wait: 0 at first, more by what is written, 0 in the end."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        sizes = [transport.get_write_buffer_size()]
        sent = fill(transport)
        full = transport.get_write_buffer_size()
        transport.write(bytes(1000))
        sizes.append(transport.get_write_buffer_size() - full)
        await peer.read(len(sent) + 1000)
        await protocol.until("resume_writing", patience)
        sizes.append(transport.get_write_buffer_size())

    assert sizes == [0, 1000, 0], "wanted: when idle, what 1000 bytes add to a full buffer, when all is sent"


@check("asyncio-protocol#asyncio.BaseProtocol.pause_writing")
async def pause_writing_over_high(channel):
    """pause_writing() is called when the buffer grows over the high-water mark, not when it is just as large."""
    async with channel.open(narrow=True) as (transport, protocol, _):
        transport.set_write_buffer_limits(high=HUGE)
        fill(transport)
        transport.set_write_buffer_limits(high=transport.get_write_buffer_size() + 1)
        transport.write(b"x")
        at_the_mark = protocol.events[1:]
        transport.write(b"x")
        over_it = protocol.events[1:]

    assert (at_the_mark, over_it) == ([], ["pause_writing"])


@check("Lib/asyncio/protocols.py: BaseProtocol.pause_writing", level="should")
async def pause_writing_synchronous(channel):
    """pause_writing() is called inside the write() that crosses the high-water mark.

    A protocol that writes in a loop until it is paused would fill the memory otherwise.
    """
    async with channel.open(narrow=True) as (transport, protocol, _):
        before = protocol.times("pause_writing")
        transport.write(bytes(8 * BIG))

        assert (before, protocol.times("pause_writing")) == (0, 1)


@check("asyncio-protocol#asyncio.BaseProtocol.pause_writing")
async def pause_writing_once(channel, patience):
    """pause_writing() is called once until resume_writing() is, however much is written: the two alternate."""
    rounds = 3
    async with channel.open(narrow=True) as (transport, protocol, peer):
        for number in range(1, rounds + 1):
            sent = fill(transport)
            for _ in range(3):
                transport.write(bytes(100_000))
            await peer.read(len(sent) + 300_000)
            await protocol.until("resume_writing", patience, times=number)

    assert protocol.events[1 : 1 + 2 * rounds] == ["pause_writing", "resume_writing"] * rounds


@check("asyncio-protocol#asyncio.BaseProtocol.resume_writing")
async def resume_writing_at_low(channel, patience):
    """resume_writing() is called when the buffer has drained to the low-water mark, and not before."""
    sizes = []
    look = {"resume_writing": lambda protocol: sizes.append(protocol.transport.get_write_buffer_size())}
    async with channel.open(narrow=True, **look) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=BIG, low=1000)
        transport.write(bytes(8 * BIG))
        peer.read(8 * BIG)
        await protocol.until("resume_writing", patience)

    assert [size <= 1000 for size in sizes] == [True], (
        f"with the low-water mark at 1000, resume_writing() was called with {sizes} bytes in the buffer"
    )


@check("asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits")
async def high_zero_pauses(channel, patience):
    """With the high-water mark at 0 pause_writing() is called as soon as anything waits, resume_writing() at 0.

    anyio sets it on every connection, so that send() returns when the data is gone.
    """
    sizes = []
    look = {"resume_writing": lambda protocol: sizes.append(protocol.transport.get_write_buffer_size())}
    async with channel.open(narrow=True, **look) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        # No more than the usual high-water mark, which is 64 KiB: it would pause for that, too.
        sent = fill(transport, 1)
        assert protocol.events[1:] == ["pause_writing"]

        peer.gets(sent)
        await protocol.until("resume_writing", patience)

    assert sizes == [0], "wanted one resume_writing(), when nothing waited any more"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def high_zero_direct_write(channel):
    """With the high-water mark at 0 a small write() on an idle connection does not call pause_writing()."""
    async with channel.open() as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        transport.write(b"small")

        assert (await peer.read(5), protocol.events) == (b"small", ["connection_made"])


@check("Lib/asyncio/transports.py: _FlowControlMixin.set_write_buffer_limits", level="should")
async def lower_limits_pauses_now(channel):
    """set_write_buffer_limits() that puts the high-water mark below what waits calls pause_writing() at once."""
    async with channel.open(narrow=True) as (transport, protocol, _):
        transport.set_write_buffer_limits(high=HUGE)
        fill(transport)
        before = protocol.events[1:]
        transport.set_write_buffer_limits(high=10)

        assert (before, protocol.events[1:]) == ([], ["pause_writing"])


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._write_sendmsg", level="should")
async def resume_before_lost_on_close(channel, patience):
    """A paused transport that close() drains calls resume_writing() before connection_lost(None).

    Who waits in drain() then goes on, instead of being told of a loss.
    """
    async with channel.open(narrow=True) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        sent = fill(transport)
        transport.close()
        peer.gets(sent)
        await protocol.until("connection_lost", patience)

    assert protocol.events[1:] == ["pause_writing", "resume_writing", "connection_lost"]


@check("Lib/asyncio/selector_events.py: _SelectorTransport._force_close", level="should")
async def no_resume_on_abort(channel, patience):
    """abort() of a paused transport leads to connection_lost() without resume_writing()."""
    async with channel.open(narrow=True) as (transport, protocol, _):
        transport.set_write_buffer_limits(high=0)
        fill(transport)
        transport.abort()
        await protocol.until("connection_lost", patience)

    assert protocol.events[1:] == ["pause_writing", "connection_lost"]


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._write_sendmsg", level="should")
async def resume_may_write(channel, patience):
    """resume_writing() may write more: it is delivered after the rest."""
    react = {"resume_writing": lambda protocol: protocol.transport.write(b"more")}
    async with channel.open(narrow=True, **react) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        sent = fill(transport)
        arrived = peer.read(len(sent) + 4)
        await protocol.until("resume_writing", patience)

        assert compared(await arrived, sent + b"more") == AS_SENT


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._write_sendmsg", level="should")
async def resume_may_write_and_close(channel, errors, patience):
    """resume_writing() may write more and close: all of it is delivered, and connection_lost(None) is called once."""

    def finish(protocol):
        if not protocol.transport.is_closing():
            protocol.transport.write(pattern(BIG))
            protocol.transport.close()

    async with channel.open(narrow=True, resume_writing=finish) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        sent = fill(transport)
        arrived = await peer.gets(sent + pattern(BIG))
        await protocol.until("connection_lost", patience)
        await pass_turns(3)

        assert arrived == AS_SENT
        assert (protocol.times("connection_lost"), protocol.lost_with, errors) == (1, None, [])


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._write_sendmsg", level="should", python=">=3.14")
async def close_in_resume_writing_clean(channel, errors, patience):
    """close() and abort() in resume_writing() lead to one connection_lost(None), and to no report."""
    ends = []
    for end in ("close", "abort"):
        react = {"resume_writing": lambda protocol, end=end: getattr(protocol.transport, end)()}
        async with channel.open(narrow=True, **react) as (transport, protocol, peer):
            transport.set_write_buffer_limits(high=0)
            fill(transport)
            peer.read_to_reset()
            await protocol.until("connection_lost", patience)
            await pass_turns(3)
            ends.append((end, protocol.times("connection_lost"), protocol.lost_with))

    assert ends == [("close", 1, None), ("abort", 1, None)]
    assert errors == []


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._write_sendmsg", level="should")
async def resume_may_write_other(channel, patience):
    """resume_writing() of one connection may write to another one.

    A proxy goes on so with the direction that it had held up.
    """
    async with channel.open() as (other, _, other_peer):
        react = {"resume_writing": lambda protocol: other.write(b"to the other")}
        async with channel.open(narrow=True, **react) as (transport, protocol, peer):
            transport.set_write_buffer_limits(high=0)
            sent = fill(transport)
            peer.read(len(sent))
            await protocol.until("resume_writing", patience)

            assert await other_peer.read(12) == b"to the other"


@check("Lib/asyncio/transports.py: _FlowControlMixin._maybe_pause_protocol", level="should")
async def pause_writing_error_is_reported(channel, errors, patience):
    """What pause_writing() raises goes to the exception handler, not to who writes, and no data is lost."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with channel.open(narrow=True, pause_writing=fail) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        sent = fill(transport)
        transport.close()
        arrived = await peer.gets(sent)
        await protocol.until("connection_lost", patience)
        reports = [tuple(map(context.get, ("exception", "transport", "protocol"))) for context in errors]

        assert (arrived, protocol.lost_with) == (AS_SENT, None)
        assert reports == [(error, transport, protocol)]


@check("Lib/asyncio/transports.py: _FlowControlMixin._maybe_resume_protocol", level="should")
async def resume_writing_error_is_reported(channel, errors, patience):
    """What resume_writing() raises goes to the exception handler; the connection lives on, and no data is lost."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with channel.open(narrow=True, resume_writing=fail) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        sent = fill(transport)
        first = peer.gets(sent)
        await protocol.until("resume_writing", patience)
        arrived = await first  # so that there is room for more, and nobody is paused again
        transport.write(b"goes on")
        transport.close()
        rest = await peer.read(7)
        reports = [tuple(map(context.get, ("exception", "transport", "protocol"))) for context in errors]

        assert (arrived, rest) == (AS_SENT, b"goes on")
        assert reports == [(error, transport, protocol)]


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def blocked_write_no_spin(channel):
    """Waiting for a peer that does not read costs no processor time."""
    async with channel.open(narrow=True) as (transport, _, _):
        fill(transport)
        await pass_turns(3)
        share = await idle_share()

    assert share < SPINNING, f"a full transport kept a processor busy, {share:.0%} of the time"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should")
async def drained_write_no_spin(channel, patience):
    """A connection that had much to send, and has sent it, costs no processor time.

    A socket is nearly always writable: a loop that keeps watching for it never sleeps again.
    """
    async with channel.open(narrow=True) as (transport, protocol, peer):
        transport.set_write_buffer_limits(high=0)
        sent = fill(transport)
        await peer.read(len(sent))
        await protocol.until("resume_writing", patience)
        share = await idle_share()

    assert share < SPINNING, f"a connection that had sent all kept a processor busy, {share:.0%} of the time"


# errors of the protocol


@check("Lib/asyncio/selector_events.py: _SelectorTransport._fatal_error", level="may")
async def data_received_oserror(channel, errors, patience):
    """An OSError that data_received() raises closes the connection like one of the connection: without a report."""
    error = OSError(5, "mine")

    def fail(protocol):
        raise error

    async with channel.open(data_received=fail) as (_, protocol, peer):
        peer.send(b"x")
        await protocol.until("connection_lost", patience)

    assert (protocol.lost_with, errors) == (error, [])


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._read_ready__on_eof", level="should")
async def eof_received_error(channel, errors, patience):
    """An exception that eof_received() raises is reported, and closes the connection: connection_lost() gets it."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with channel.open(eof_received=fail, keep_open=True) as (_, protocol, peer):
        peer.half_close()
        await protocol.until("connection_lost", patience)

    assert (protocol.lost_with, [context.get("exception") for context in errors]) == (error, [error])


@check("Lib/asyncio/selector_events.py: _SelectorTransport._call_connection_lost", level="should")
async def connection_lost_error(channel, errors, patience):
    """An exception that connection_lost() raises is reported, and the connection is closed all the same."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with channel.open(connection_lost=fail) as (transport, protocol, peer):
        transport.close()
        await protocol.until("connection_lost", patience)
        arrived = await peer.read_to_end()

    assert (arrived, [context.get("exception") for context in errors]) == (b"", [error])


# protocols and what there is to know about the connection


@check("asyncio-protocol#asyncio.BaseTransport.set_protocol")
async def set_protocol(channel, patience):
    """set_protocol() directs all later callbacks to the new protocol, also when the old one does it in a callback.

    Upgrades to WebSocket and to TLS are built on it.
    """
    async with channel.open(data_received=lambda first: first.transport.set_protocol(second)) as (
        transport,
        first,
        peer,
    ):
        second = Wire(connection_lost=lambda _: first.connection_lost(None))  # which the channel waits for
        before = transport.get_protocol()
        peer.send(b"first")
        await first.has_received(5, patience)
        after = transport.get_protocol()
        peer.send(b"second")
        await second.has_received(6, patience)
        peer.half_close()
        await second.until("connection_lost", patience)

    assert (before, after) == (first, second)
    assert (first.data, second.data) == (b"first", b"second")
    assert second.events == ["data_received", "eof_received", "connection_lost"]


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info")
async def extra_socket(channel):
    """get_extra_info("socket") is the connection's socket: it knows family, type and names, and takes options."""
    async with channel.open() as (transport, _, peer):
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

        assert (sock.family, sock.type, sock.getsockname(), sock.getpeername()) == (
            peer.sock.family,
            socket.SOCK_STREAM,
            peer.address_of_subject,
            peer.address,
        )
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info")
async def extra_names(channel):
    """get_extra_info() has the addresses of both ends, "peername" and "sockname", in the form of the socket module."""
    async with channel.open() as (transport, _, peer):
        names = (transport.get_extra_info("peername"), transport.get_extra_info("sockname"))

        assert names == (peer.address, peer.address_of_subject)


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info")
async def extra_default(channel):
    """get_extra_info() of what there is not is the default given, or None; so are TLS names without TLS."""
    async with channel.open() as (transport, _, _):
        plain = [transport.get_extra_info(name) for name in ("nope", "sslcontext", "ssl_object", "peercert", "cipher")]
        given = [transport.get_extra_info("nope", "default"), transport.get_extra_info("cipher", default="default")]

    assert (plain, given) == ([None] * 5, ["default"] * 2)


@check("Lib/asyncio/trsock.py: TransportSocket", level="should")
async def extra_socket_restricted(channel):
    """The socket of a transport does nothing that would read, write, accept, connect or close behind its back."""
    forbidden = {
        "recv": (1,),
        "recv_into": (bytearray(1),),
        "recvfrom": (1,),
        "send": (b"x",),
        "sendall": (b"x",),
        "sendto": (b"x", None),
        "accept": (),
        "connect": (("127.0.0.1", 1),),
        "makefile": (),
        "detach": (),
        "close": (),
    }
    async with channel.open() as (transport, _, _):
        sock = transport.get_extra_info("socket")
        done = []
        for name, arguments in forbidden.items():
            with contextlib.suppress(AttributeError, NotImplementedError, TypeError):
                with contextlib.suppress(OSError):  # it tried
                    getattr(sock, name)(*arguments)
                done.append(name)

        assert (done, sock.fileno() >= 0) == ([], True)


@check("Lib/asyncio/trsock.py: TransportSocket.settimeout", level="should")
async def extra_socket_stays_nonblocking(channel):
    """The socket of a transport takes settimeout(0) and setblocking(False), and answers all else with ValueError."""
    async with channel.open() as (transport, _, _):
        sock = transport.get_extra_info("socket")
        sock.settimeout(0)
        sock.setblocking(False)
        with refuses(ValueError, "settimeout(10) of a transport's socket"):
            sock.settimeout(10)
        with refuses(ValueError, "setblocking(True) of a transport's socket"):
            sock.setblocking(True)

        assert sock.gettimeout() == 0


@check("Lib/asyncio/trsock.py: TransportSocket.__getstate__", level="may")
async def extra_socket_cannot_be_pickled(channel):
    """The socket of a transport cannot be pickled: TypeError."""
    async with channel.open() as (transport, _, _):
        sock = transport.get_extra_info("socket")
        with refuses(TypeError, "pickle.dumps() of a transport's socket"):
            pickle.dumps(sock)

        assert sock.fileno() >= 0


@check("Lib/asyncio/trsock.py: TransportSocket.dup", level="should")
async def extra_socket_dup(channel, patience):
    """dup() of a transport's socket is a real socket, which outlives the transport.

    Code that hands connections to threads or children does it this way.
    """
    async with channel.open() as (transport, protocol, peer):
        with transport.get_extra_info("socket").dup() as copy:
            transport.abort()
            await protocol.until("connection_lost", patience)
            await pass_turns(3)
            copy.setblocking(True)
            await threaded(copy.sendall, b"alive")

            assert (isinstance(copy, socket.socket), await peer.read(5)) == (True, b"alive")


@check("Lib/asyncio/trsock.py: TransportSocket.shutdown", level="should")
async def extra_socket_shutdown(channel, patience):
    """shutdown(SHUT_RDWR) of a transport's socket ends the connection: eof_received() and connection_lost(None)."""
    async with channel.open() as (transport, protocol, peer):
        transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await protocol.until("connection_lost", patience)

        assert (protocol.events[1:], protocol.lost_with) == (["eof_received", "connection_lost"], None)
        assert await peer.read_to_end() == b""


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__del__", level="should")
async def unclosed_warning(loop, listener):
    """A transport that is dropped without close() issues a ResourceWarning, and its descriptor is closed."""
    with warned(ResourceWarning) as texts:
        transport, protocol = await loop.create_connection(asyncio.Protocol, *listener.getsockname())
        peer, _ = listener.accept()
        with peer:
            transport.pause_reading()
            await pass_turns(2)
            del transport, protocol
            await pass_turns(2)
            gc.collect()
            ended = bool(readable(peer))

    assert [text for text in texts if "unclosed" in text] != [], f"the warnings were {texts!r}"
    assert ended, "the connection of a transport that was dropped is still open"


# any talk


@check("asyncio-protocol#asyncio.WriteTransport.write")
def any_writing_arrives(unlike):
    """Whatever is written, in whatever pieces and with whatever water marks, arrives once, in order, before the end.

    Generated talks: writes of all kinds, new limits, half close, turns, a peer that reads now and then; in the end
    close() or abort(). The callbacks are made once, then pause and resume in turn, then lost once.
    """
    assert unlike("writing") == []


@check("asyncio-protocol#asyncio.Protocol.data_received")
def any_reading_is_complete(unlike):
    """Whatever the peer sends, with whatever pauses of reading, is received once, in order, before the end.

    Generated talks: pieces of all sizes, pause_reading() and resume_reading(), turns; in the end the peer closes.
    """
    assert unlike("reading") == []


CONNECTION = (
    write_types,
    write_order,
    write_large,
    write_after_close_no_raise,
    write_after_abort_no_raise,
    write_in_connection_lost,
    writelines_after_close_ignored,
    writelines_large_partial,
    write_eof_supported,
    write_eof_half_close,
    write_eof_flushes,
    write_eof_then_close,
    write_eof_then_peer_eof,
    close_returns_at_once,
    close_flushes,
    close_no_more_data,
    close_ends_connection,
    close_idempotent,
    close_while_paused,
    abort_immediate,
    abort_after_close,
    close_then_sleep_then_abort,
    lost_exactly_once,
    lost_last_callback,
    lost_none_on_eof,
    lost_exc_on_reset,
    lost_exc_on_reset_with_data_buffered,
    lost_exc_on_reset_while_closing,
    lost_exc_on_write_error,
    oserror_not_reported,
    lost_socket_still_there,
    descriptor_released,
    after_lost_queries,
    after_lost_calls,
    eof_default_closes,
    eof_true_keeps_open,
    eof_once,
    eof_pending_writes_flushed,
    eof_after_data,
    pause_reading_stops_data,
    pause_in_connection_made,
    pause_resume_idempotent,
    pause_in_data_received,
    pause_holds_eof,
    pause_throttles_peer,
    data_in_order,
    buffer_size_counts,
    pause_writing_once,
    resume_writing_at_low,
    high_zero_pauses,
    resume_before_lost_on_close,
    resume_may_write_and_close,
    eof_received_error,
    connection_lost_error,
    set_protocol,
    extra_socket,
    extra_names,
    extra_socket_dup,
    extra_socket_shutdown,
)
"""What depends on the connection: its socket, its bytes, its end."""

TRANSPORT = (
    resume_after_eof_tells_no_end,
    any_writing_arrives,
    any_reading_is_complete,
    api_complete,
    hashable_identity,
    write_memoryview_items,
    write_wrong_type,
    write_other_buffers_rejected,
    write_empty,
    write_does_not_block,
    write_copies_mutable,
    write_after_lost_warning,
    write_after_eof_raises,
    writelines_equivalent,
    writelines_after_eof_raises,
    writelines_of_nothing,
    writelines_with_empty_chunks,
    writelines_with_empty_chunks_no_spin,
    writelines_wrong_type,
    writelines_with_one_wrong_element_sends_nothing,
    writelines_many_chunks,
    writelines_flow_control,
    write_eof_idempotent,
    close_next_turn,
    abort_clears_buffer_size,
    eof_no_spin,
    pause_no_spin,
    resume_not_synchronous,
    data_is_bytes,
    read_chunk_bounded,
    reading_is_fair,
    limits_default,
    limits_shape,
    limits_only_high,
    limits_only_high_makes_low_a_quarter,
    limits_only_low,
    limits_zero_high,
    limits_invalid,
    limits_none_restores_default,
    pause_writing_over_high,
    pause_writing_synchronous,
    high_zero_direct_write,
    lower_limits_pauses_now,
    no_resume_on_abort,
    resume_may_write,
    close_in_resume_writing_clean,
    resume_may_write_other,
    pause_writing_error_is_reported,
    resume_writing_error_is_reported,
    blocked_write_no_spin,
    drained_write_no_spin,
    data_received_oserror,
    extra_default,
    extra_socket_restricted,
    extra_socket_stays_nonblocking,
    extra_socket_cannot_be_pickled,
)
"""What depends on the transport alone, which is the same for all TCP clients."""

WRITING = (
    hashable_identity,
    write_memoryview_items,
    write_wrong_type,
    write_other_buffers_rejected,
    write_empty,
    write_order,
    write_does_not_block,
    write_large,
    write_copies_mutable,
    write_after_close_no_raise,
    write_after_abort_no_raise,
    write_after_lost_warning,
    write_after_eof_raises,
    writelines_equivalent,
    writelines_after_eof_raises,
    writelines_after_close_ignored,
    writelines_of_nothing,
    writelines_with_empty_chunks,
    writelines_wrong_type,
    writelines_with_one_wrong_element_sends_nothing,
    writelines_many_chunks,
    writelines_large_partial,
    writelines_flow_control,
    write_eof_flushes,
    write_eof_idempotent,
    write_eof_then_close,
    close_next_turn,
    close_flushes,
    close_ends_connection,
    close_idempotent,
    close_then_sleep_then_abort,
    abort_immediate,
    abort_after_close,
    abort_clears_buffer_size,
    lost_exc_on_reset_with_data_buffered,
    lost_exc_on_reset_while_closing,
    limits_default,
    limits_shape,
    limits_invalid,
    limits_none_restores_default,
    buffer_size_counts,
    pause_writing_over_high,
    pause_writing_synchronous,
    pause_writing_once,
    resume_writing_at_low,
    high_zero_pauses,
    high_zero_direct_write,
    lower_limits_pauses_now,
    resume_before_lost_on_close,
    no_resume_on_abort,
    resume_may_write,
    resume_may_write_and_close,
    close_in_resume_writing_clean,
    resume_may_write_other,
    pause_writing_error_is_reported,
    resume_writing_error_is_reported,
    drained_write_no_spin,
    connection_lost_error,
    extra_socket,
    extra_default,
    any_writing_arrives,
)
"""What of the contract is about writing alone: it can be asked of a transport that writes and cannot read."""

READING = (
    hashable_identity,
    close_returns_at_once,
    close_next_turn,
    lost_none_on_eof,
    eof_default_closes,
    eof_true_keeps_open,
    eof_after_data,
    pause_in_connection_made,
    pause_resume_idempotent,
    pause_in_data_received,
    pause_no_spin,
    pause_throttles_peer,
    resume_not_synchronous,
    data_is_bytes,
    data_in_order,
    read_chunk_bounded,
    reading_is_fair,
    data_received_oserror,
    eof_received_error,
    set_protocol,
    extra_socket,
    extra_default,
    any_reading_is_complete,
)
"""What of the contract is about reading alone."""

HALF_CLOSE = "TLS has no half close: write_eof() raises NotImplementedError, as tls::no_write_eof shows."
LOCAL_END = "asyncio's TLS transports call eof_received() also after their own close()."
SIZES = "How much of TLS waits where, and when the protocol is paused, is not counted as in a plain transport."
LIMITS = "asyncio's TLS transports have water marks of their own, 128 KiB and 512 KiB."
RESET = "What asyncio's TLS transports say of a reset is a race of reading and writing when data waits."
EXTRA = "A TLS transport does have what a plain one has not: tls::extra_info."

NOT_SECURED = {
    write_empty: SIZES,
    write_after_eof_raises: HALF_CLOSE,
    write_other_buffers_rejected: "An array waits in asyncio's TLS transport like any other buffer.",
    write_after_lost_warning: "The words of a TLS transport in the log are others.",
    writelines_after_eof_raises: HALF_CLOSE,
    writelines_wrong_type: "asyncio's TLS transports find a wrong element when they encrypt it, and break then.",
    writelines_with_one_wrong_element_sends_nothing: (
        "asyncio's TLS transports find a wrong element when they encrypt it, and break then."
    ),
    writelines_flow_control: SIZES,
    write_eof_supported: HALF_CLOSE,
    write_eof_half_close: HALF_CLOSE,
    write_eof_flushes: HALF_CLOSE,
    write_eof_idempotent: HALF_CLOSE,
    write_eof_then_close: HALF_CLOSE,
    write_eof_then_peer_eof: HALF_CLOSE,
    close_next_turn: "The end of TLS is an exchange with the peer, which takes more than a turn.",
    close_while_paused: "Data that arrives after close_notify is an error to OpenSSL: tls::close_while_paused.",
    close_then_sleep_then_abort: HALF_CLOSE,
    abort_clears_buffer_size: "asyncio's TLS transports keep counting what an abort() has thrown away.",
    lost_socket_still_there: "asyncio's TLS protocols let go of their transport before they call connection_lost().",
    after_lost_queries: "A TLS transport answers less when all is over: tls::methods_after_connection_lost.",
    read_chunk_bounded: "asyncio's TLS transports deliver all that they have decrypted at once.",
    data_received_oserror: "asyncio's TLS protocols report no OSError of a protocol, and call it fatal.",
    lost_exc_on_reset_with_data_buffered: RESET,
    lost_exc_on_reset_while_closing: RESET,
    eof_once: HALF_CLOSE,
    eof_true_keeps_open: "TLS cannot be kept open in one direction: tls::eof_received_true_ignored.",
    eof_no_spin: HALF_CLOSE,
    resume_after_eof_tells_no_end: HALF_CLOSE,
    eof_pending_writes_flushed: "On a loop that has only half sent its data close_notify is a race.",
    pause_resume_idempotent: LOCAL_END,
    limits_default: LIMITS,
    buffer_size_counts: SIZES,
    pause_writing_over_high: SIZES,
    pause_writing_synchronous: SIZES,
    pause_writing_once: SIZES,
    resume_writing_at_low: SIZES,
    high_zero_pauses: SIZES,
    high_zero_direct_write: SIZES,
    lower_limits_pauses_now: SIZES,
    resume_before_lost_on_close: SIZES,
    no_resume_on_abort: SIZES,
    resume_may_write: SIZES,
    resume_may_write_and_close: SIZES,
    resume_may_write_other: SIZES,
    close_in_resume_writing_clean: SIZES,
    pause_writing_error_is_reported: "asyncio's TLS protocols name themselves in the report.",
    resume_writing_error_is_reported: "asyncio's TLS protocols name themselves in the report.",
    extra_default: EXTRA,
    extra_socket_dup: "A copy of the socket is below TLS.",
    any_writing_arrives: "tls::any_writing_arrives[tls] shows it.",
}
"""What connections over TLS cannot show, and why."""

SECURED = tuple(one for one in CONNECTION if one not in NOT_SECURED)
"""What depends on the connection, and can be asked of TLS."""

also_in(
    {
        # Transports describe themselves there when they pause, break or see the end.
        "debug": (
            write_after_close_no_raise,
            close_flushes,
            abort_immediate,
            lost_exactly_once,
            lost_exc_on_write_error,
            oserror_not_reported,
            after_lost_calls,
            eof_true_keeps_open,
            eof_default_closes,
            pause_reading_stops_data,
            pause_writing_once,
            eof_received_error,
        ),
        "other-thread": (write_large, data_in_order, close_returns_at_once),
        "ipv6": CONNECTION,
        "unix-socket": CONNECTION + TRANSPORT,
        "given-socket": CONNECTION,
        "accepted-socket": CONNECTION,
        "server-side": CONNECTION + TRANSPORT,
        "tls": CONNECTION + TRANSPORT,
        "tls12": SECURED,
        "tls-server": SECURED,
        "start-tls": SECURED,
        "start-tls-server": SECURED,
        "tls-in-tls": SECURED,
    },
    but={
        "unix-socket": {
            lost_exc_on_reset: "A Unix socket cannot reset a connection on which nothing waits: it closes it.",
        },
        "tls": NOT_SECURED
        | {pause_in_connection_made: "asyncio's TLS 1.3 clients do not finish their handshake while they are paused."},
        "tls-in-tls": {
            close_flushes: "asyncio's TLS in TLS does not always end after close() when much waits.",
            close_no_more_data: "asyncio's TLS in TLS, up to 3.12, says after close() that the connection has ended.",
            pause_throttles_peer: "How much two layers read ahead is no concern of programs.",
            eof_received_error: "asyncio's TLS in TLS, up to 3.12, loses the error of the inner layer.",
        },
    },
)
