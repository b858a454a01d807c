"""Sending files: sendfile() over transports and sock_sendfile() over sockets, what they fall back to, and what is left.

Each behaviour that both have is two checks with one body: a loop writes them as two pieces of code.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import ssl
import threading

import loopcheck.kit.spawning  # noqa: F401  # the tool "spawn"
from loopcheck.basics import CONNECTS, CONNECTS_OVER_TLS, OPENS_DATAGRAM_ENDPOINTS, SENDS_FILES, SENDS_FILES_BY_SOCKETS
from loopcheck.check import also_in, check, untested
from loopcheck.kit import pass_turns, refuses, soon
from loopcheck.kit.channels import Wire, fill, pattern
from loopcheck.kit.clock import SPINNING, idle_share
from loopcheck.kit.names import outcome
from loopcheck.kit.net import DatagramWatcher, connecting, datagrams
from loopcheck.kit.peers import AS_SENT, Peer, compared, connect, narrowed
from loopcheck.kit.sockets import beginning, cancelled, datagram_pair, stream

AFTER = (*SENDS_FILES, *CONNECTS)

SIZE = 3000
"""Bytes of a file that goes out at once."""

BIG = 2**21
"""Bytes; far more than a narrow connection takes of what nobody reads."""


@contextlib.contextmanager
def file_of(folder, size=SIZE):
    """A file of pattern(size), open for reading."""
    path = os.path.join(folder, "file")
    with open(path, "wb") as file:
        file.write(pattern(size))
    with open(path, "rb") as file:
        yield file


@contextlib.contextmanager
def text_file_of(folder):
    """A file that is open for reading as text."""
    with file_of(folder) as binary, open(binary.name, encoding="latin-1") as file:
        yield file


@contextlib.contextmanager
def wired(listener, patience, *, narrow=False):
    """A non-blocking TCP socket for the subject, and its peer."""
    if narrow:
        narrowed(listener)
    with connect(listener.getsockname(), patience, narrow=narrow) as near:
        near.setblocking(False)
        with Peer(listener.accept()[0], patience) as peer:
            yield near, peer


@contextlib.asynccontextmanager
async def by_transport(loop, channel, patience, **options):
    """sendfile() over a transport: the block gets a function of its further arguments, and the peer."""
    async with channel.open(**options) as (transport, _, peer):

        async def send(*arguments, **keywords):
            return await soon(loop.sendfile(transport, *arguments, **keywords), patience, "sendfile() returns")

        yield send, peer


@contextlib.asynccontextmanager
async def by_socket(loop, listener, patience, **options):
    """sock_sendfile() over a socket: the block gets a function of its further arguments, and the peer."""
    with wired(listener, patience, **options) as (near, peer):

        async def send(*arguments, **keywords):
            return await soon(loop.sock_sendfile(near, *arguments, **keywords), patience, "sock_sendfile() returns")

        yield send, peer


class Readable:
    """A file object that has nothing but mode and readinto()."""

    mode = "rb"

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def readinto(self, buffer):
        return self._file.readinto(buffer)


# whole files


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def available(loop, channel, folder, patience):
    """sendfile() takes offset, count and fallback by name, and fallback by name only."""
    async with by_transport(loop, channel, patience) as (send, peer):
        with file_of(folder) as file:
            assert await keywords(send, peer, file) == (100, pattern(SIZE)[40:140])


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=SENDS_FILES_BY_SOCKETS)
async def sock_available(loop, listener, folder, patience):
    """sock_sendfile() takes offset, count and fallback by name, and fallback by name only."""
    async with by_socket(loop, listener, patience) as (send, peer):
        with file_of(folder) as file:
            assert await keywords(send, peer, file) == (100, pattern(SIZE)[40:140])


async def keywords(send, peer, file):
    """Send with all keywords; what it returned, and what arrived."""
    sent = await send(file, offset=40, count=100, fallback=True)
    with refuses(TypeError, "fallback as a positional argument"):
        await send(file, 0, None, True)
    return sent, await peer.read(100)


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=())
async def sock_whole_file(loop, listener, folder, patience):
    """sock_sendfile() sends a file of megabytes completely, and returns the number of bytes; the file stays open."""
    async with by_socket(loop, listener, patience) as (send, peer):
        with file_of(folder, BIG) as file:
            arrived = peer.gets(pattern(BIG))
            sent = await send(file)

            assert (sent, await arrived, file.closed) == (BIG, AS_SENT, False)


@check("asyncio-eventloop#asyncio.loop.sendfile", after=CONNECTS)
async def transport_whole_file(loop, channel, folder, patience):
    """sendfile() sends a file of megabytes completely, and returns its size; transport and file stay open."""
    async with channel.open() as (transport, protocol, peer):
        with file_of(folder, BIG) as file:
            arrived = peer.gets(pattern(BIG))
            sent = await soon(loop.sendfile(transport, file), patience, "sendfile() returns")

            assert (sent, await arrived, file.closed) == (BIG, AS_SENT, False)
            assert (transport.is_closing(), protocol.events) == (False, ["connection_made"])


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def does_not_block(loop, channel, folder, spawn, trace, patience):
    """sendfile() to a peer that does not read waits without keeping the loop from other things."""
    async with channel.open(narrow=True) as (transport, _, peer):
        with file_of(folder, BIG) as file:
            sending = await beginning(spawn, loop.sendfile(transport, file))
            trace("the loop goes on", sending.done())
            arrived = await peer.gets(pattern(BIG))
            sent = await soon(sending, patience, "sendfile() returns once the peer has read")

    assert (trace, sent, arrived) == ([("the loop goes on", False)], BIG, AS_SENT)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sendfile_native", level="should")
async def sent_file_no_spin(loop, channel, folder, spawn, patience):
    """A connection over which sendfile() had to wait for the peer costs no processor time once the file is sent.

    A socket is nearly always writable: a loop that keeps watching for it never sleeps again.
    """
    async with channel.open(narrow=True) as (transport, _, peer):
        with file_of(folder, BIG) as file:
            sending = await beginning(spawn, loop.sendfile(transport, file))
            arrived = await peer.gets(pattern(BIG))
            await soon(sending, patience, "sendfile() returns once the peer has read")
        share = await idle_share()

    assert arrived == AS_SENT
    assert share < SPINNING, f"a connection that had sent a file kept a processor busy, {share:.0%} of the time"


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=SENDS_FILES_BY_SOCKETS)
async def sock_does_not_block(loop, listener, folder, spawn, trace, patience):
    """sock_sendfile() to a peer that does not read waits without keeping the loop from other things."""
    with wired(listener, patience, narrow=True) as (near, peer), file_of(folder, BIG) as file:
        sending = await beginning(spawn, loop.sock_sendfile(near, file))
        trace("the loop goes on", sending.done())
        arrived = await peer.gets(pattern(BIG))
        sent = await soon(sending, patience, "sock_sendfile() returns once the peer has read")

    assert (trace, sent, arrived) == ([("the loop goes on", False)], BIG, AS_SENT)


@check(
    "Lib/asyncio/selector_events.py: _SelectorSocketTransport",
    level="should",
    needs=("unix-connections",),
    after=SENDS_FILES,
)
async def unix_transport(loop, unix_listener, folder, patience):
    """sendfile() sends over a Unix socket too."""
    async with connecting(unix_listener, Wire, patience) as protocol:
        with Peer(unix_listener.accept()[0], patience) as peer, file_of(folder) as file:
            sent = await soon(loop.sendfile(protocol.transport, file), patience, "sendfile() returns")

            assert (sent, await peer.read(SIZE)) == (SIZE, pattern(SIZE))
            peer.let_go()


# parts of files


PARTS = ((1000, 2000), (1000, None), (0, 1), (SIZE - 5, 100), (0, SIZE))
"""Offsets and counts that send something."""


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def offset_and_count(loop, channel, folder, patience):
    """sendfile() sends count bytes from offset on, or less at the end of the file, and returns how many it sent.

    Wherever the file's position was.
    """
    async with by_transport(loop, channel, patience) as (send, peer):
        with file_of(folder) as file:
            assert await parts(send, peer, file) == [pattern(SIZE)[o : SIZE if c is None else o + c] for o, c in PARTS]


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=SENDS_FILES_BY_SOCKETS)
async def sock_offset_and_count(loop, listener, folder, patience):
    """sock_sendfile() sends count bytes from offset on, or less at the end of the file, and returns how many it sent.

    Wherever the file's position was.
    """
    async with by_socket(loop, listener, patience) as (send, peer):
        with file_of(folder) as file:
            assert await parts(send, peer, file) == [pattern(SIZE)[o : SIZE if c is None else o + c] for o, c in PARTS]


async def parts(send, peer, file):
    """What arrives of each part, when as much is awaited as was said to be sent."""
    arrived = []
    for offset, count in PARTS:
        file.seek(77)
        arrived.append(await peer.read(await send(file, offset, count)))
    return arrived


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def count_of_large_file(loop, channel, folder, patience):
    """sendfile() with a count that does not go out at once sends exactly as much."""
    async with by_transport(loop, channel, patience, narrow=True) as (send, peer):
        with file_of(folder, BIG) as file:
            assert await large_part(send, peer, file) == (BIG - 2001, AS_SENT, b"")


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=SENDS_FILES_BY_SOCKETS)
async def sock_count_of_large_file(loop, listener, folder, patience):
    """sock_sendfile() with a count that does not go out at once sends exactly as much."""
    async with by_socket(loop, listener, patience, narrow=True) as (send, peer):
        with file_of(folder, BIG) as file:
            assert await large_part(send, peer, file) == (BIG - 2001, AS_SENT, b"")


async def large_part(send, peer, file):
    """Send all but the ends; what that returned, what arrived, and what came besides, some turns later."""
    arrived = peer.gets(pattern(BIG)[1001 : BIG - 1000])
    sent = await send(file, 1001, BIG - 2001), await arrived
    await pass_turns(3)
    return *sent, await peer.read_waiting()


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop._sock_sendfile_native", level="should", needs=("posix",))
async def offset_beyond_end(loop, channel, folder, patience):
    """sendfile() from the end of the file, or beyond it, sends nothing and returns 0."""
    async with by_transport(loop, channel, patience) as (send, peer):
        with file_of(folder) as file:
            assert await beyond_end(send, peer, file) == ([0] * 4, pattern(3))


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop._sock_sendfile_native",
    level="should",
    needs=("posix",),
    after=SENDS_FILES_BY_SOCKETS,
)
async def sock_offset_beyond_end(loop, listener, folder, patience):
    """sock_sendfile() from the end of the file, or beyond it, sends nothing and returns 0."""
    async with by_socket(loop, listener, patience) as (send, peer):
        with file_of(folder) as file:
            assert await beyond_end(send, peer, file) == ([0] * 4, pattern(3))


async def beyond_end(send, peer, file):
    """Send where nothing is, and then three bytes; what the first returned, and what arrived."""
    sent = [await send(file, offset, *count) for offset in (SIZE, SIZE + 10) for count in ((), (5,))]
    await send(file, 0, 3)
    return sent, await peer.read(3)


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop._sock_sendfile_native", level="should")
async def empty_file(loop, channel, folder, patience):
    """sendfile() of an empty file sends nothing and returns 0, and the transport goes on."""
    async with channel.open() as (transport, _, peer):
        with file_of(folder, 0) as file:
            sent = await soon(loop.sendfile(transport, file), patience, "sendfile() returns")
            transport.write(b"tail")

            assert (sent, await peer.read(4)) == (0, b"tail")


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop._sock_sendfile_native",
    level="should",
    after=SENDS_FILES_BY_SOCKETS,
)
async def sock_empty_file(loop, listener, folder, patience):
    """sock_sendfile() of an empty file sends nothing and returns 0."""
    with wired(listener, patience) as (near, peer), file_of(folder, 0) as file:
        sent = await soon(loop.sock_sendfile(near, file), patience, "sock_sendfile() returns")
        near.send(b"tail")

        assert (sent, await peer.read(4)) == (0, b"tail")


# the position of the file afterwards


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def position_after(loop, channel, folder, patience):
    """After sendfile() the file's position is behind the last byte that was sent."""
    async with by_transport(loop, channel, patience) as (send, _):
        with file_of(folder) as file:
            assert await positions(send, file) == [2999, SIZE, 1, SIZE, SIZE]


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=SENDS_FILES_BY_SOCKETS)
async def sock_position_after(loop, listener, folder, patience):
    """After sock_sendfile() the file's position is behind the last byte that was sent."""
    async with by_socket(loop, listener, patience) as (send, _):
        with file_of(folder) as file:
            assert await positions(send, file) == [2999, SIZE, 1, SIZE, SIZE]


async def positions(send, file):
    """Where the file is after parts of it were sent."""
    seen = []
    for offset, count in ((1000, 1999), (1000, None), (0, 1), (SIZE - 5, 100), (0, SIZE)):
        file.seek(77)
        await send(file, offset, count)
        seen.append(file.tell())
    return seen


@check("asyncio-eventloop#asyncio.loop.sendfile", python=">=3.14", needs=("posix",))
async def position_after_nothing_sent(loop, channel, folder, patience):
    """After sendfile() that sent nothing, from the end of the file on, the position is the offset."""
    async with by_transport(loop, channel, patience) as (send, _):
        with file_of(folder) as file:
            file.seek(77)

            assert (await send(file, SIZE), file.tell()) == (0, SIZE)


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", python=">=3.14", needs=("posix",))
async def sock_position_after_nothing_sent(loop, listener, folder, patience):
    """After sock_sendfile() that sent nothing, from the end of the file on, the position is the offset."""
    async with by_socket(loop, listener, patience) as (send, _):
        with file_of(folder) as file:
            file.seek(77)

            assert (await send(file, SIZE), file.tell()) == (0, SIZE)


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop._sock_sendfile_update_filepos",
    level="may",
    python="<3.14",
    needs=("posix",),
)
async def position_untouched_nothing_sent_legacy(loop, channel, folder, patience):
    """After sendfile() that sent nothing the file's position is where it was.

    A loop that sets it to the offset does already what Python 3.14 began with.
    """
    async with by_transport(loop, channel, patience) as (send, _):
        with file_of(folder) as file:
            file.seek(77)

            assert (await send(file, SIZE), file.tell()) == (0, 77)


@check("asyncio-eventloop#asyncio.loop.sendfile", needs=("posix",))
async def position_after_error(loop, channel, folder, spawn, patience):
    """When the peer goes in the middle of sendfile(), the file's position tells how much was sent."""
    async with channel.open(narrow=True) as (transport, _, peer):
        with file_of(folder, BIG) as file:
            sending = await beginning(spawn, loop.sendfile(transport, file))
            await peer.read(1000)
            await peer.hang_up()  # with all that it has not read
            with refuses(ConnectionError, "sendfile() to a peer that goes"):
                await soon(sending, patience, "sendfile() raises what ended the connection")

            assert 1000 <= file.tell() < BIG


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", needs=("posix",), after=SENDS_FILES_BY_SOCKETS)
async def sock_position_after_error(loop, listener, folder, spawn, patience):
    """When the peer goes in the middle of sock_sendfile(), the file's position tells how much was sent."""
    with wired(listener, patience, narrow=True) as (near, peer), file_of(folder, BIG) as file:
        sending = await beginning(spawn, loop.sock_sendfile(near, file))
        await peer.read(1000)
        await peer.hang_up()
        with refuses(ConnectionError, "sock_sendfile() to a peer that goes"):
            await soon(sending, patience, "sock_sendfile() raises what ended the connection")

        assert 1000 <= file.tell() < BIG


# what is refused


async def refusals(send, file, trials):
    """What each of the trials, of offset and count, raised."""
    seen = []
    for arguments in trials:
        try:
            seen.append(await send(file, *arguments))
        except Exception as error:
            seen.append(type(error))
    return seen


COUNTS = ((0, 0), (0, -1), (0, "x"), (0, 1.5))
OFFSETS = ((-1,), (None,), (1.5,), ("x",))


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_sendfile_params", level="should")
async def count_checked(loop, channel, folder, patience):
    """sendfile() raises ValueError for a count of zero or less, and TypeError for one that is no int."""
    async with by_transport(loop, channel, patience) as (send, _):
        with file_of(folder) as file:
            assert await refusals(send, file, COUNTS) == [ValueError, ValueError, TypeError, TypeError]


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_sendfile_params", level="should", after=SENDS_FILES_BY_SOCKETS)
async def sock_count_checked(loop, listener, folder, patience):
    """sock_sendfile() raises ValueError for a count of zero or less, and TypeError for one that is no int."""
    async with by_socket(loop, listener, patience) as (send, _):
        with file_of(folder) as file:
            assert await refusals(send, file, COUNTS) == [ValueError, ValueError, TypeError, TypeError]


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_sendfile_params", level="should")
async def offset_checked(loop, channel, folder, patience):
    """sendfile() raises ValueError for a negative offset, and TypeError for one that is no int."""
    async with by_transport(loop, channel, patience) as (send, _):
        with file_of(folder) as file:
            assert await refusals(send, file, OFFSETS) == [ValueError, TypeError, TypeError, TypeError]


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_sendfile_params", level="should", after=SENDS_FILES_BY_SOCKETS)
async def sock_offset_checked(loop, listener, folder, patience):
    """sock_sendfile() raises ValueError for a negative offset, and TypeError for one that is no int."""
    async with by_socket(loop, listener, patience) as (send, _):
        with file_of(folder) as file:
            assert await refusals(send, file, OFFSETS) == [ValueError, TypeError, TypeError, TypeError]


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_sendfile_params", level="should")
async def text_file_rejected(loop, channel, folder, patience):
    """sendfile() raises ValueError for a file that was opened as text, and the transport goes on."""
    async with channel.open() as (transport, _, peer):
        with text_file_of(folder) as file, refuses(ValueError, "sendfile() of a text file"):
            await soon(loop.sendfile(transport, file), patience, "sendfile() raises")
        transport.write(b"goes on")

        assert await peer.read(7) == b"goes on"


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_sendfile_params", level="should", after=SENDS_FILES_BY_SOCKETS)
async def sock_text_file_rejected(loop, listener, folder, patience):
    """sock_sendfile() raises ValueError for a file that was opened as text, and sends nothing."""
    with wired(listener, patience) as (near, peer):
        with text_file_of(folder) as file, refuses(ValueError, "sock_sendfile() of a text file"):
            await soon(loop.sock_sendfile(near, file), patience, "sock_sendfile() raises")
        near.send(b"goes on")

        assert await peer.read(7) == b"goes on"


@check("Lib/asyncio/base_events.py: BaseEventLoop._check_sendfile_params", level="should", after=SENDS_FILES_BY_SOCKETS)
async def sock_must_be_stream(loop, folder, patience):
    """sock_sendfile() raises ValueError for a datagram socket."""
    with datagram_pair(patience) as (near, far), file_of(folder) as file:
        near.connect(far.getsockname())
        with refuses(ValueError, "sock_sendfile() with a datagram socket"):
            await soon(loop.sock_sendfile(near, file), patience, "sock_sendfile() raises")

        assert file.tell() == 0


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.sock_sendfile",
    level="should",
    needs=("posix",),
    after=SENDS_FILES_BY_SOCKETS,
)
async def sock_blocking_rejected_in_debug_mode(loop, listener, folder, patience):
    """In debug mode sock_sendfile() raises ValueError for a blocking socket, or one with a timeout."""
    loop.set_debug(True)
    with wired(listener, patience) as (near, _), file_of(folder) as file:
        for timeout in (None, 10.0):
            near.settimeout(timeout)
            with refuses(ValueError, f"sock_sendfile() with a socket whose timeout is {timeout}"):
                await soon(loop.sock_sendfile(near, file), patience, "sock_sendfile() raises")

        assert file.tell() == 0


@check("Lib/asyncio/base_events.py: _check_ssl_socket", level="should", needs=("posix",), after=SENDS_FILES_BY_SOCKETS)
async def sock_ssl_rejected(loop, folder, patience):
    """sock_sendfile() raises TypeError for an ssl.SSLSocket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with stream() as plain, context.wrap_socket(plain, do_handshake_on_connect=False) as sock:
        with file_of(folder) as file, refuses(TypeError, "sock_sendfile() with an ssl.SSLSocket"):
            await soon(loop.sock_sendfile(sock, file), patience, "sock_sendfile() raises")

        assert sock.fileno() >= 0


@check("Lib/asyncio/base_events.py: BaseEventLoop.sendfile", level="should", after=CONNECTS)
async def closing_transport(loop, channel, folder, patience):
    """sendfile() raises RuntimeError for a transport that is closing or closed, and does not touch the file."""
    async with channel.open() as (transport, protocol, _):
        with file_of(folder) as file:
            file.seek(77)
            transport.close()
            with refuses(RuntimeError, "sendfile() after close()"):
                await soon(loop.sendfile(transport, file), patience, "sendfile() raises")
            await protocol.until("connection_lost", patience)
            with refuses(RuntimeError, "sendfile() after connection_lost()"):
                await soon(loop.sendfile(transport, file), patience, "sendfile() raises")

            assert file.tell() == 77


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should", after=CONNECTS)
async def after_write_eof(loop, channel, folder, patience):
    """sendfile() after write_eof() raises RuntimeError or OSError: the peer was told that nothing more comes."""
    async with channel.open() as (transport, _, _):
        with file_of(folder) as file:
            transport.write_eof()
            with refuses((RuntimeError, OSError), "sendfile() after write_eof()"):
                await soon(loop.sendfile(transport, file), patience, "sendfile() raises")


@check("Lib/asyncio/base_events.py: BaseEventLoop.sendfile", level="should", after=OPENS_DATAGRAM_ENDPOINTS)
async def unsupported_transport(loop, folder, patience):
    """sendfile() raises RuntimeError for a datagram transport, and does not touch the file."""
    async with datagrams(lambda: DatagramWatcher(lambda: None), patience) as protocol:
        with file_of(folder) as file:
            file.seek(77)
            with refuses(RuntimeError, "sendfile() over a datagram transport"):
                await soon(loop.sendfile(protocol.transport, file), patience, "sendfile() raises")

            assert file.tell() == 77


# reading and writing instead


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def fallback_for_file_objects(loop, channel, patience):
    """sendfile() sends a binary file object without a descriptor, with offset, count and position as of files."""
    async with by_transport(loop, channel, patience) as (send, peer):
        assert await objects(send, peer) == OBJECTS


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=SENDS_FILES_BY_SOCKETS)
async def sock_fallback_for_file_objects(loop, listener, patience):
    """sock_sendfile() sends a binary file object without a descriptor, with offset, count and position as of files."""
    async with by_socket(loop, listener, patience) as (send, peer):
        assert await objects(send, peer) == OBJECTS


OBJECTS = [(3000, AS_SENT, 3000), (1000, AS_SENT, 3000), (500, AS_SENT, 600), (40_000, AS_SENT, 40_000)]


async def objects(send, peer):
    """Of several file objects: how much was sent, what arrived, and where the object is then."""
    seen = []
    for size, offset, count in ((3000, 0, None), (3000, 2000, None), (3000, 100, 500), (40_000, 0, 50_000)):
        file, data = io.BytesIO(pattern(size)), pattern(size)[offset:]
        arrived = peer.gets(data if count is None else data[:count])
        seen.append((await send(file, offset, count), await arrived, file.tell()))
    return seen


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should", python="<3.12")
async def fallback_large(loop, channel, spawn, patience):
    """sendfile() of a file object of megabytes sends it all, as it is, also to a peer that reads late."""
    async with channel.open(narrow=True) as (transport, _, peer):
        late = threading.Event()
        peer.read_nothing(late)
        arrived = peer.gets(pattern(BIG // 2))
        sending = await beginning(spawn, loop.sendfile(transport, io.BytesIO(pattern(BIG // 2))))
        await pass_turns(20)
        late.set()

        assert (await soon(sending, patience, "sendfile() returns"), await arrived) == (BIG // 2, AS_SENT)


untested(
    "fallback_large_later",
    "Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback",
    "sendfile() of a file object never sends a block that it is just reading in the place of the one before.",
    because="From 3.12 on asyncio's own loops send wrong bytes: transports keep views of what is written, and the "
    "fallback reads the next block into the same buffer.",
    level="should",
    python=">=3.12",
)


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop._sock_sendfile_fallback", level="should", after=SENDS_FILES_BY_SOCKETS
)
async def sock_fallback_large(loop, listener, patience):
    """sock_sendfile() of a file object of megabytes sends it all, to a peer that reads slowly."""
    async with by_socket(loop, listener, patience, narrow=True) as (send, peer):
        arrived = peer.gets(pattern(BIG // 2))

        assert (await send(io.BytesIO(pattern(BIG // 2))), await arrived) == (BIG // 2, AS_SENT)


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should")
async def fallback_only_readinto(loop, channel, patience):
    """sendfile() needs of a file object nothing but readinto(); seek() is for an offset."""
    async with by_transport(loop, channel, patience) as (send, peer):
        assert (await send(Readable(pattern(SIZE))), await peer.read(SIZE)) == (SIZE, pattern(SIZE))


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop._sock_sendfile_fallback", level="should", after=SENDS_FILES_BY_SOCKETS
)
async def sock_fallback_only_readinto(loop, listener, patience):
    """sock_sendfile() needs of a file object nothing but readinto(); seek() is for an offset."""
    async with by_socket(loop, listener, patience) as (send, peer):
        assert (await send(Readable(pattern(SIZE))), await peer.read(SIZE)) == (SIZE, pattern(SIZE))


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should", python=">=3.14")
async def fallback_seeks_to_zero(loop, channel, patience):
    """sendfile() of a file object with offset 0 begins at its beginning, wherever its position is."""
    async with by_transport(loop, channel, patience) as (send, peer):
        assert (await send(further(5)), await peer.read(10)) == (10, b"0123456789")


@check("Lib/asyncio/base_events.py: BaseEventLoop._sock_sendfile_fallback", level="should", python=">=3.14")
async def sock_fallback_seeks_to_zero(loop, listener, patience):
    """sock_sendfile() of a file object with offset 0 begins at its beginning, wherever its position is."""
    async with by_socket(loop, listener, patience) as (send, peer):
        assert (await send(further(5)), await peer.read(10)) == (10, b"0123456789")


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="may", python="<3.14")
async def fallback_from_current_position_legacy(loop, channel, patience):
    """sendfile() of a file object with offset 0 begins at its position; of a file with a descriptor at its beginning.

    A loop that begins at the beginning does already what Python 3.14 began with.
    """
    async with by_transport(loop, channel, patience) as (send, peer):
        assert (await send(further(5)), await peer.read(5)) == (5, b"56789")


def further(position):
    """A file object of ten bytes that stands at the position."""
    file = io.BytesIO(b"0123456789")
    file.seek(position)
    return file


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should")
async def fallback_reads_in_a_thread(loop, channel, patience):
    """sendfile() of a file object goes on with other things while its readinto() takes its time.

    Such an object may be a pipe, a file in an archive, or a download.
    """
    async with by_transport(loop, channel, patience) as (send, _):
        assert await reads_beside(loop, send, patience)


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop._sock_sendfile_fallback", level="should", after=SENDS_FILES_BY_SOCKETS
)
async def sock_fallback_reads_in_a_thread(loop, listener, patience):
    """sock_sendfile() of a file object goes on with other things while its readinto() takes its time."""
    async with by_socket(loop, listener, patience) as (send, _):
        assert await reads_beside(loop, send, patience)


async def reads_beside(loop, send, patience):
    """Whether the loop runs a callback while readinto() waits for it."""
    turned, seen = threading.Event(), []

    class Slow(Readable):
        def readinto(self, buffer):
            if not seen:
                loop.call_soon_threadsafe(turned.set)
                seen.append(turned.wait(patience / 4))
            return super().readinto(buffer)

    await send(Slow(b"slow"))
    await loop.shutdown_default_executor()
    return seen == [True]


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def no_fallback_not_available(loop, channel, patience):
    """sendfile() with fallback=False raises SendfileNotAvailableError for a file object, and sends nothing of it."""
    async with channel.open() as (transport, _, peer):
        file = further(3)
        with refuses(asyncio.SendfileNotAvailableError, "sendfile() of a BytesIO with fallback=False"):
            await soon(loop.sendfile(transport, file, fallback=False), patience, "sendfile() raises")
        transport.write(b"goes on")

        assert (await peer.read(7), file.tell()) == (b"goes on", 3)


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", after=SENDS_FILES_BY_SOCKETS)
async def sock_no_fallback_not_available(loop, listener, patience):
    """sock_sendfile() with fallback=False raises SendfileNotAvailableError for a file object, and sends nothing."""
    with wired(listener, patience) as (near, peer):
        file = further(3)
        with refuses(asyncio.SendfileNotAvailableError, "sock_sendfile() of a BytesIO with fallback=False"):
            await soon(loop.sock_sendfile(near, file, fallback=False), patience, "sock_sendfile() raises")
        near.send(b"goes on")

        assert (await peer.read(7), file.tell()) == (b"goes on", 3)


@check("asyncio-eventloop#asyncio.loop.sendfile", level="should", needs=("posix",))
async def no_fallback_needed_for_files(loop, channel, folder, patience):
    """sendfile() with fallback=False sends a regular file, where the system has sendfile()."""
    async with by_transport(loop, channel, patience) as (send, peer):
        with file_of(folder) as file:
            assert (await send(file, fallback=False), await peer.read(SIZE)) == (SIZE, pattern(SIZE))


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", level="should", needs=("posix",), after=SENDS_FILES_BY_SOCKETS)
async def sock_no_fallback_needed_for_files(loop, listener, folder, patience):
    """sock_sendfile() with fallback=False sends a regular file, where the system has sendfile()."""
    async with by_socket(loop, listener, patience) as (send, peer):
        with file_of(folder) as file:
            assert (await send(file, fallback=False), await peer.read(SIZE)) == (SIZE, pattern(SIZE))


# TLS


@contextlib.asynccontextmanager
async def secured(listener, tls, patience):
    """A TLS connection of the subject to a peer; the block gets the protocol and the peer."""
    with Peer.accepting(listener, patience) as peer:
        peer.start_tls(tls.server, server_side=True)
        peer.send(b"hello")
        async with connecting(listener, Wire, patience, ssl=tls.client, server_hostname=tls.host) as protocol:
            await protocol.has_received(5, patience)
            yield protocol, peer
            peer.let_go()


@check("asyncio-eventloop#asyncio.loop.sendfile", needs=("tls",))
async def ssl_transport_fallback(loop, listener, tls, folder, patience):
    """sendfile() sends a file over TLS, and the transport goes on."""
    async with secured(listener, tls, patience) as (protocol, peer):
        with file_of(folder, 500_000) as file:
            arrived = peer.gets(pattern(500_000))
            sent = await soon(loop.sendfile(protocol.transport, file), patience, "sendfile() over TLS returns")
            protocol.transport.write(b"tail")

            assert (sent, await arrived, await peer.read(4)) == (500_000, AS_SENT, b"tail")


@check("asyncio-eventloop#asyncio.loop.sendfile", needs=("tls",))
async def ssl_transport_offset_and_count(loop, listener, tls, folder, patience):
    """sendfile() sends a part of a file over TLS, returns its size, and leaves the position behind it."""
    async with secured(listener, tls, patience) as (protocol, peer):
        with file_of(folder, 100_000) as file:
            sending = loop.sendfile(protocol.transport, file, 1000, 50_000)
            sent = await soon(sending, patience, "sendfile() over TLS returns")

            assert (sent, file.tell()) == (50_000, 51_000)
            assert await peer.gets(pattern(100_000)[1000:51_000]) == AS_SENT


@check("Lib/asyncio/base_events.py: BaseEventLoop.sendfile", level="should", needs=("tls",), after=CONNECTS_OVER_TLS)
async def ssl_transport_no_fallback(loop, listener, tls, folder, patience):
    """sendfile() over TLS with fallback=False raises RuntimeError (or its SendfileNotAvailableError).

    The kernel does not encrypt.
    """
    async with secured(listener, tls, patience) as (protocol, peer):
        with file_of(folder) as file:
            with refuses(RuntimeError, "sendfile() over TLS with fallback=False"):
                sending = loop.sendfile(protocol.transport, file, fallback=False)
                await soon(sending, patience, "sendfile() over TLS raises")
            protocol.transport.write(b"goes on")

            assert (await peer.read(7), file.tell()) == (b"goes on", 0)


# among other data


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def after_buffered_writes(loop, channel, folder, spawn, patience):
    """What was written before sendfile() goes out before the file, and what is written afterwards follows it."""
    async with channel.open(narrow=True) as (transport, _, peer):
        with file_of(folder) as file:
            before = fill(transport)
            sending = await beginning(spawn, loop.sendfile(transport, file))
            arrived = [await peer.gets(before), await peer.gets(pattern(SIZE))]
            await soon(sending, patience, "sendfile() returns")
            transport.write(b"tail")

            assert (arrived, await peer.read(4)) == ([AS_SENT] * 2, b"tail")


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should")
async def fallback_after_buffered_writes(loop, channel, spawn, patience):
    """A file object, too, goes out after what was written before, and before what is written afterwards."""
    async with channel.open(narrow=True) as (transport, _, peer):
        before = fill(transport)
        sending = await beginning(spawn, loop.sendfile(transport, io.BytesIO(pattern(SIZE))))
        arrived = [await peer.gets(before), await peer.gets(pattern(SIZE))]
        await soon(sending, patience, "sendfile() returns")
        transport.write(b"tail")

        assert (arrived, await peer.read(4)) == ([AS_SENT] * 2, b"tail")


@check("asyncio-eventloop#asyncio.loop.sendfile")
async def files_in_sequence(loop, channel, folder, patience):
    """Several sendfile() and write() after each other arrive in their order."""
    async with by_transport(loop, channel, patience) as (send, peer):
        with file_of(folder) as file:
            for offset in range(0, SIZE, 300):
                await send(file, offset, 300)

            assert compared(await peer.read(SIZE), pattern(SIZE)) == AS_SENT


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", level="should", after=SENDS_FILES_BY_SOCKETS)
async def sock_between_sends(loop, listener, folder, patience):
    """sock_sendfile() among sock_sendall() arrives in its place."""
    with wired(listener, patience) as (near, peer), file_of(folder) as file:
        await soon(loop.sock_sendall(near, b"head"), patience, "sock_sendall() returns")
        await soon(loop.sock_sendfile(near, file), patience, "sock_sendfile() returns")
        await soon(loop.sock_sendall(near, b"tail"), patience, "sock_sendall() returns")

        assert await peer.read(SIZE + 8) == b"head" + pattern(SIZE) + b"tail"


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.write", level="should", needs=("posix",))
async def write_during_sendfile(loop, channel, folder, spawn, patience):
    """write() and writelines() during sendfile() raise RuntimeError, and work again afterwards.

    What they write would get into the middle of the file.
    """
    async with channel.open(narrow=True) as (transport, _, peer):
        with file_of(folder, BIG) as file:
            sending = await beginning(spawn, loop.sendfile(transport, file))
            with refuses(RuntimeError, "write() during sendfile()"):
                transport.write(b"x")
            with refuses(RuntimeError, "writelines() during sendfile()"):
                transport.writelines([b"x"])
            arrived = await peer.gets(pattern(BIG))
            await soon(sending, patience, "sendfile() returns")
            transport.write(b"tail")

            assert (arrived, await peer.read(4)) == (AS_SENT, b"tail")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sendfile_native", level="should", needs=("posix",))
async def two_at_once_do_not_mix(loop, channel, folder, spawn, patience):
    """A second sendfile() during another one leaves its file whole: it raises an exception, or sends afterwards."""
    async with channel.open(narrow=True) as (transport, _, peer):
        with file_of(folder, BIG) as file:
            sending = await beginning(spawn, loop.sendfile(transport, file))
            second = spawn(outcome(loop.sendfile(transport, io.BytesIO(b"second"))))
            await pass_turns(5)
            arrived = [await peer.gets(pattern(BIG))]
            await soon(sending, patience, "the first sendfile() returns")
            if await soon(second, patience, "the second sendfile() ends") == 6:
                arrived.append(await peer.gets(b"second"))

            assert set(arrived) == {AS_SENT}


# what the protocol sees


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sendfile_native", level="should", needs=("posix",))
async def reading_paused_during(loop, channel, folder, spawn, patience):
    """During sendfile() the transport does not read; what came meanwhile is delivered afterwards."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        with file_of(folder, BIG) as file:
            sending = await beginning(spawn, loop.sendfile(transport, file))
            await peer.send(b"meanwhile")
            await pass_turns(3)
            during = transport.is_reading(), protocol.data
            await peer.gets(pattern(BIG))
            await soon(sending, patience, "sendfile() returns")
            after = transport.is_reading(), await protocol.has_received(9, patience)

    assert (during, after) == ((False, b""), (True, b"meanwhile"))


@check("Lib/asyncio/base_events.py: _SendfileFallbackProtocol", level="should")
async def fallback_delivers_data_afterwards(loop, channel, spawn, patience):
    """What comes while sendfile() sends a file object is delivered to the protocol afterwards."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        sending = await beginning(spawn, loop.sendfile(transport, io.BytesIO(pattern(BIG // 2))))
        await peer.send(b"meanwhile")
        await pass_turns(3)
        during = protocol.data
        await peer.gets(pattern(BIG // 2))
        await soon(sending, patience, "sendfile() returns")

        assert (during, await protocol.has_received(9, patience)) == (b"", b"meanwhile")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sendfile_native", level="should")
async def paused_stays_paused(loop, channel, folder, patience):
    """A transport on which reading was paused before sendfile() is paused afterwards, too."""
    async with channel.open() as (transport, protocol, peer):
        transport.pause_reading()
        with file_of(folder) as file:
            for source in (file, io.BytesIO(b"object")):
                await soon(loop.sendfile(transport, source), patience, "sendfile() returns")
        await peer.send(b"late")
        await pass_turns(3)
        paused = transport.is_reading(), protocol.data
        transport.resume_reading()

        assert (paused, await protocol.has_received(4, patience)) == ((False, b""), b"late")


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should")
async def protocol_restored(loop, channel, folder, spawn, patience):
    """After sendfile() the transport has its protocol, which was told to pause writing as often as to resume."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        with file_of(folder) as file:
            transport.set_write_buffer_limits(high=2**15)
            before = fill(transport)
            sending = await beginning(spawn, loop.sendfile(transport, file))
            await peer.gets(before)
            await soon(sending, patience, "sendfile() returns")
            await protocol.until("resume_writing", patience)

            assert (transport.get_protocol() is protocol, protocol.events[1:]) == (
                True,
                ["pause_writing", "resume_writing"],
            )


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should")
async def fallback_protocol_restored(loop, channel, patience):
    """After sendfile() of a file object, and after one that failed, the transport has its protocol again."""

    class Broken(Readable):
        def readinto(self, buffer):
            raise OSError("the disk is broken")

    async with channel.open() as (transport, protocol, peer):
        await soon(loop.sendfile(transport, io.BytesIO(b"object")), patience, "sendfile() returns")
        owners = [transport.get_protocol() is protocol]
        with refuses(OSError, "sendfile() of a file object that cannot be read"):
            await soon(loop.sendfile(transport, Broken(b"")), patience, "sendfile() raises what readinto() raised")
        owners.append(transport.get_protocol() is protocol)
        peer.send(b"hello")

        assert (owners, await protocol.has_received(5, patience)) == ([True, True], b"hello")


# when it does not come to its end


@check("asyncio-eventloop#asyncio.loop.sendfile", needs=("posix",))
async def peer_closes(loop, channel, folder, spawn, errors, patience):
    """sendfile() raises a ConnectionError when the peer goes meanwhile, and connection_lost() is called once."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        with file_of(folder, BIG) as file:
            sending = await beginning(spawn, loop.sendfile(transport, file))
            await peer.read(1000)
            await peer.hang_up()
            with refuses(ConnectionError, "sendfile() to a peer that goes"):
                await soon(sending, patience, "sendfile() raises what ended the connection")
            await protocol.until("connection_lost", patience)
            await pass_turns(3)

            assert (protocol.times("connection_lost"), errors) == (1, [])


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport._call_connection_lost", level="should")
async def aborted_before_it_begins(loop, channel, folder, spawn, patience):
    """sendfile() raises ConnectionError if the transport is aborted while it waits for what was written before.

    And file.tell() says that nothing of the file was sent.
    """
    async with channel.open(narrow=True) as (transport, _, _):
        with file_of(folder) as file:
            fill(transport)
            sending = await beginning(spawn, loop.sendfile(transport, file))
            transport.abort()
            with refuses(ConnectionError, "sendfile() over a transport that is aborted"):
                await soon(sending, patience, "sendfile() ends with the connection")

            assert file.tell() == 0, "file.tell() after a sendfile() that sent nothing"


@check("Lib/asyncio/base_events.py: _SendfileFallbackProtocol.connection_lost", level="should", needs=("posix",))
async def fallback_peer_closes(loop, channel, spawn, errors, patience):
    """sendfile() of a file object raises a ConnectionError when the peer goes, and connection_lost() is called once."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        sending = await beginning(spawn, loop.sendfile(transport, io.BytesIO(pattern(BIG))))
        await peer.read(1000)
        await peer.hang_up()
        with refuses(ConnectionError, "sendfile() to a peer that goes"):
            await soon(sending, patience, "sendfile() raises what ended the connection")
        await protocol.until("connection_lost", patience)
        await pass_turns(3)

        assert (protocol.times("connection_lost"), errors) == (1, [])


@check("asyncio-eventloop#asyncio.loop.sock_sendfile", needs=("posix",), after=SENDS_FILES_BY_SOCKETS)
async def sock_peer_gone(loop, socketpair, folder, patience):
    """sock_sendfile() raises a ConnectionError when the peer is gone already, of files and of file objects."""
    near, far = socketpair
    far.close()
    with file_of(folder) as file:
        for source in (file, io.BytesIO(b"object")):
            with refuses(ConnectionError, "sock_sendfile() to a peer that is gone"):
                await soon(loop.sock_sendfile(near, source), patience, "sock_sendfile() raises")

    assert near.fileno() >= 0


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop._sock_add_cancellation_callback",
    level="should",
    needs=("posix",),
    after=SENDS_FILES_BY_SOCKETS,
)
async def cancel_sock(loop, listener, folder, spawn, patience):
    """sock_sendfile() ends with CancelledError when it is cancelled, stops watching the socket and leaves it open."""
    with wired(listener, patience, narrow=True) as (near, peer), file_of(folder, BIG) as file:
        ended = await cancelled(await beginning(spawn, loop.sock_sendfile(near, file)), patience)
        watched = bool(loop.remove_writer(near.fileno()))
        waiting = peer.read_to_end()
        await soon(loop.sock_sendall(near, b"tail"), patience, "sock_sendall() returns")
        near.shutdown(socket.SHUT_WR)
        arrived = await waiting

        assert (ended, watched, arrived[-4:]) == ("CancelledError", False, b"tail")
        assert compared(arrived[:-4], pattern(BIG)[: len(arrived) - 4]) == AS_SENT


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sendfile_native", level="should", needs=("posix",))
async def cancel_transport(loop, channel, folder, spawn, patience):
    """sendfile() ends with CancelledError when it is cancelled; the transport stays open, reads and writes again."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        with file_of(folder, BIG) as file:
            ended = await cancelled(await beginning(spawn, loop.sendfile(transport, file)), patience)
            state = transport.is_closing(), transport.is_reading()
            await peer.send(b"hello")
            data = await protocol.has_received(5, patience)
            transport.write(b"tail")
            transport.write_eof()
            arrived = await peer.read_to_end()

    assert (ended, state, data, arrived[-4:]) == ("CancelledError", (False, True), b"hello", b"tail")
    assert compared(arrived[:-4], pattern(BIG)[: len(arrived) - 4]) == AS_SENT


@check("Lib/asyncio/base_events.py: BaseEventLoop._sendfile_fallback", level="should")
async def cancel_fallback(loop, channel, spawn, patience):
    """sendfile() of a file object ends with CancelledError when it is cancelled; the protocol gets data again."""
    async with channel.open(narrow=True) as (transport, protocol, peer):
        sending = await beginning(spawn, loop.sendfile(transport, io.BytesIO(pattern(BIG))))
        await peer.read(1)
        ended = await cancelled(sending, patience)
        owner = transport.get_protocol() is protocol
        peer.send(b"hello")

        assert (ended, owner, await protocol.has_received(5, patience)) == ("CancelledError", True, b"hello")


CONNECTION = (
    transport_whole_file,
    does_not_block,
    after_buffered_writes,
    reading_paused_during,
    peer_closes,
    cancel_transport,
)

also_in(
    {
        "debug": (*CONNECTION, sock_whole_file, sock_does_not_block, cancel_sock),
        "other-thread": (transport_whole_file, sock_whole_file),
        "unix-socket": CONNECTION,
        "server-side": CONNECTION,
        "given-socket": (transport_whole_file,),
    }
)
