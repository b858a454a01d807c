"""The sock_* methods: receiving, sending, connecting and accepting on plain sockets."""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import functools
import os
import socket
import ssl

import loopcheck.kit.spawning  # noqa: F401  # the tool "spawn"
from loopcheck.basics import RECEIVES_BY_SOCKETS, RECEIVES_DATAGRAMS_BY_SOCKETS
from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, refuses, soon, threaded
from loopcheck.kit.channels import pattern
from loopcheck.kit.names import outcome
from loopcheck.kit.net import DatagramWatcher, StreamWatcher, closing, datagrams, within
from loopcheck.kit.peers import AS_SENT, Peer
from loopcheck.kit.sockets import beginning, cancelled, crowded, datagram_pair, fill_up, listening, outcome_of, stream

LARGE = 5 * 2**20
"""Bytes; more than kernels take of what nobody reads."""

BROKEN = (BrokenPipeError, ConnectionResetError)

OWNED = ("RuntimeError", "OSError")
"""What is raised for a socket that a transport owns."""

UNIX = ("unix-sockets",)


def calls(loop, sock, address):
    """A call of each method for streams on the socket, by name."""
    return {
        "sock_recv": lambda: loop.sock_recv(sock, 1),
        "sock_recv_into": lambda: loop.sock_recv_into(sock, bytearray(1)),
        "sock_sendall": lambda: loop.sock_sendall(sock, b"x"),
        "sock_connect": lambda: loop.sock_connect(sock, address),
        "sock_accept": lambda: loop.sock_accept(sock),
    }


def datagram_calls(loop, sock, address):
    """A call of each method for datagrams on the socket, by name: these are younger, and some loops lack them."""
    return {
        "sock_recvfrom": lambda: loop.sock_recvfrom(sock, 1),
        "sock_recvfrom_into": lambda: loop.sock_recvfrom_into(sock, bytearray(1)),
        "sock_sendto": lambda: loop.sock_sendto(sock, b"x", address),
    }


async def answers(calls, patience):
    """What each call raised, by name: the class, or "returned"; or "waits", when it did neither in time."""
    seen = {}
    for name, call in calls.items():
        try:
            seen[name] = "waits"
            got = await soon(outcome_of(call()), patience, f"{name}() returns")
            seen[name] = "returned"
            if name == "sock_accept":
                got[0].close()
        except AssertionError:
            pass
        except Exception as error:
            seen[name] = type(error).__name__
    return seen


# what they are


@check("asyncio-eventloop#working-with-socket-objects-directly")
async def coroutine_methods(loop, socketpair, listener):
    """The sock_* methods return coroutines, which do nothing until they are awaited.

    A loop that returns futures breaks loop.create_task(loop.sock_accept(sock)).
    """
    near, far = socketpair
    far.send(b"x")
    kinds = {}
    address = listener.getsockname()
    for name, call in (calls(loop, near, address) | datagram_calls(loop, near, address)).items():
        made = call()
        kinds[name] = asyncio.iscoroutine(made)
        (made.close if kinds[name] else made.cancel)()

    assert kinds == dict.fromkeys(kinds, True)
    assert near.recv(1) == b"x"


@check("asyncio-eventloop#working-with-socket-objects-directly", level="should")
async def arguments_by_name(loop, socketpair, patience):
    """The sock_* methods for streams take their arguments by the names that the documentation gives them.

    All but the second of sock_recv(), which CPython's loops call otherwise.
    """
    near, far = socketpair
    buffer = bytearray(5)
    await soon(loop.sock_sendall(sock=near, data=b"hello"), patience, "sock_sendall() returns")
    far.send(b"world")
    count = await soon(loop.sock_recv_into(sock=near, buf=buffer), patience, "sock_recv_into() returns")
    with listening() as listener, stream() as client:
        address = listener.getsockname()
        await soon(loop.sock_connect(sock=client, address=address), patience, "sock_connect() returns")
        sock, _ = await soon(loop.sock_accept(sock=listener), patience, "sock_accept() returns")
        sock.close()

    assert (far.recv(9), count, bytes(buffer)) == (b"hello", 5, b"world")


@check("asyncio-eventloop#asyncio.loop.sock_sendto", level="should", after=RECEIVES_DATAGRAMS_BY_SOCKETS)
async def datagram_arguments_by_name(loop, patience):
    """The sock_* methods for datagrams take their arguments by the names that the documentation gives them."""
    buffer = bytearray(5)
    with datagram_pair(patience) as (near, far):
        address = far.getsockname()
        await soon(loop.sock_sendto(sock=near, data=b"one", address=address), patience, "sock_sendto() returns")
        for data in (b"two", b"three"):
            far.sendto(data, near.getsockname())
        got = (
            await soon(loop.sock_recvfrom(sock=near, bufsize=10), patience, "sock_recvfrom() returns"),
            await soon(
                loop.sock_recvfrom_into(sock=near, buf=buffer, nbytes=5), patience, "sock_recvfrom_into() returns"
            ),
        )
        sent = far.recv(10)

    assert (sent, got, bytes(buffer)) == (b"one", ((b"two", address), (5, address)), b"three")


# sock_recv()


@check("asyncio-eventloop#asyncio.loop.sock_recv")
async def recv_basic(loop, socketpair, patience):
    """sock_recv() returns the bytes that are there, as a bytes object."""
    near, far = socketpair
    far.send(b"hello")

    data = await soon(loop.sock_recv(near, 100), patience, "sock_recv() returns")

    assert (type(data), data) == (bytes, b"hello")


@check("asyncio-eventloop#asyncio.loop.sock_recv", after=RECEIVES_BY_SOCKETS)
async def recv_waits(loop, socketpair, spawn, patience):
    """sock_recv() waits while there is nothing, and returns what comes first: also less than it was asked for."""
    near, far = socketpair
    receiving = await beginning(spawn, loop.sock_recv(near, 100))
    early = receiving.done()
    await threaded(far.send, b"hello")

    assert (early, await soon(receiving, patience, "sock_recv() returns")) == (False, b"hello")


@check("asyncio-eventloop#asyncio.loop.sock_recv", after=RECEIVES_BY_SOCKETS)
async def recv_eof(loop, socketpair, spawn, patience):
    """sock_recv() returns b"" at the end of the stream: after the data, again, and to who waits already."""
    near, far = socketpair
    far.send(b"all")
    data = [await soon(loop.sock_recv(near, 100), patience, "sock_recv() returns the data")]
    receiving = await beginning(spawn, loop.sock_recv(near, 100))
    far.close()
    data.append(await soon(receiving, patience, "sock_recv() returns at the end of the stream"))
    data.append(await soon(loop.sock_recv(near, 100), patience, "sock_recv() returns after the end of the stream"))

    assert data == [b"all", b"", b""]


@check("asyncio-eventloop#asyncio.loop.sock_recv", after=RECEIVES_BY_SOCKETS)
async def recv_limit(loop, socketpair, spawn, patience):
    """sock_recv() returns no more bytes than it was asked for, and leaves the rest in the socket."""
    near, far = socketpair
    receiving = await beginning(spawn, loop.sock_recv(near, 3))
    far.send(b"12345")

    data = [
        await soon(receiving, patience, "sock_recv() returns"),
        await soon(loop.sock_recv(near, 1), patience, "sock_recv() returns"),
    ]

    assert [*data, near.recv(9)] == [b"123", b"4", b"5"]


@check("asyncio-eventloop#asyncio.loop.sock_recv", after=RECEIVES_BY_SOCKETS)
async def recv_in_sequence(loop, socketpair, patience):
    """Many sock_recv() and sock_sendall() after another on one socket carry a dialogue."""
    near, far = socketpair
    heard = []

    def talk(sock):
        for number in range(50):
            sock.sendall(b"%d" % number)
            if sock.recv(9) != b"%d" % number:
                break

    with Peer(far, patience) as peer:
        talking = peer.does("talking", talk)
        for _ in range(50):
            data = await soon(loop.sock_recv(near, 9), patience, "sock_recv() returns")
            await soon(loop.sock_sendall(near, data), patience, "sock_sendall() returns")
            heard.append(data)
        await talking

    assert heard == [b"%d" % number for number in range(50)]


@check("asyncio-eventloop#asyncio.loop.sock_recv", after=RECEIVES_BY_SOCKETS)
async def recv_large(loop, socketpair, patience):
    """sock_recv() again and again receives megabytes, without loss or repetition."""
    near, far = socketpair
    sent, received = pattern(LARGE), bytearray()
    with Peer(far, patience) as peer:
        peer.send(sent)
        while len(received) < len(sent):
            data = await soon(loop.sock_recv(near, 2**18), patience, "sock_recv() returns")
            received += data
            if not data:
                break

    assert (len(received), bytes(received) == sent) == (len(sent), True)


@check("asyncio-eventloop#asyncio.loop.sock_recv", after=RECEIVES_BY_SOCKETS)
async def recv_reset(loop, listener, spawn, patience):
    """sock_recv() raises ConnectionResetError when the peer resets the connection."""
    with stream() as near:
        await soon(loop.sock_connect(near, listener.getsockname()), patience, "sock_connect() returns")
        with Peer(listener.accept()[0], patience) as peer:
            receiving = await beginning(spawn, loop.sock_recv(near, 100))
            await peer.reset()

            with refuses(ConnectionResetError, "sock_recv() on a connection that the peer has reset"):
                await soon(receiving, patience, "sock_recv() raises what ended the connection")


@check("exceptions#OSError.errno", level="should", after=RECEIVES_BY_SOCKETS)
async def errors_have_numbers(loop, listener, spawn, patience):
    """What sock_recv() and sock_sendall() raise when the peer resets the connection has its number in errno.

    Libraries decide by it whether to try again.
    """
    numbers = []
    for call in (lambda near: loop.sock_recv(near, 100), lambda near: loop.sock_sendall(near, bytes(4 * LARGE))):
        with stream() as near:
            await soon(loop.sock_connect(near, listener.getsockname()), patience, "sock_connect() returns")
            with Peer(listener.accept()[0], patience) as peer:
                waiting = await beginning(spawn, call(near))
                await peer.reset()
                try:
                    numbers.append(await soon(waiting, patience, "the method raises what ended the connection"))
                except OSError as error:
                    numbers.append(error.errno in (errno.ECONNRESET, errno.EPIPE) or repr(error))

    assert numbers == [True, True]


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recv",
    level="should",
    needs=("posix",),
    after=RECEIVES_BY_SOCKETS,
)
async def recv_zero(loop, socketpair, patience):
    """sock_recv() of zero bytes returns b"" at once, whether there is something or not, and takes nothing."""
    near, far = socketpair
    nothing = [await soon(loop.sock_recv(near, 0), patience, "sock_recv(sock, 0) returns")]
    far.send(b"hello")
    nothing.append(await soon(loop.sock_recv(near, 0), patience, "sock_recv(sock, 0) returns"))

    assert (nothing, near.recv(9)) == ([b"", b""], b"hello")


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recv",
    level="should",
    needs=("posix",),
    after=RECEIVES_BY_SOCKETS,
)
async def recv_bad_size(loop, socketpair, patience):
    """sock_recv() of a negative number of bytes raises ValueError, and of what is no number TypeError, at once."""
    near, _ = socketpair
    for wrong, error in ((-1, ValueError), ("x", TypeError), (None, TypeError), (1.5, TypeError)):
        with refuses(error, f"sock_recv() of {wrong!r} bytes"):
            await soon(loop.sock_recv(near, wrong), patience, f"sock_recv() of {wrong!r} bytes raises")

    assert near.fileno() >= 0


# sock_recv_into()


@check("asyncio-eventloop#asyncio.loop.sock_recv_into")
async def recv_into_basic(loop, socketpair, patience):
    """sock_recv_into() fills the beginning of the buffer, leaves its rest alone, and returns the number of bytes.

    The buffer may be a bytearray, a memoryview or an array.
    """
    near, far = socketpair
    seen = []
    for buffer in (bytearray(b"........"), memoryview(bytearray(b"........")), array.array("B", b"........")):
        far.send(b"hello")
        count = await soon(loop.sock_recv_into(near, buffer), patience, "sock_recv_into() returns")
        seen.append((count, bytes(buffer)))

    assert seen == [(5, b"hello...")] * 3


@check("asyncio-eventloop#asyncio.loop.sock_recv_into")
async def recv_into_limit(loop, socketpair, spawn, patience):
    """sock_recv_into() takes as many bytes as the buffer has room for, and leaves the rest in the socket."""
    near, far = socketpair
    buffer = bytearray(b"........")
    receiving = await beginning(spawn, loop.sock_recv_into(near, memoryview(buffer)[2:5]))
    far.send(b"12345")
    count = await soon(receiving, patience, "sock_recv_into() returns")

    assert (count, bytes(buffer), near.recv(9)) == (3, b"..123...", b"45")


@check("asyncio-eventloop#asyncio.loop.sock_recv_into")
async def recv_into_waits(loop, socketpair, spawn, patience):
    """sock_recv_into() waits while there is nothing, and returns 0 at the end of the stream."""
    near, far = socketpair
    buffer = bytearray(8)
    receiving = await beginning(spawn, loop.sock_recv_into(near, buffer))
    early = receiving.done()
    await threaded(far.send, b"hello")
    counts = [await soon(receiving, patience, "sock_recv_into() returns")]
    receiving = await beginning(spawn, loop.sock_recv_into(near, buffer))
    far.close()
    counts.append(await soon(receiving, patience, "sock_recv_into() returns at the end of the stream"))

    assert (early, counts, bytes(buffer)) == (False, [5, 0], b"hello\0\0\0")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recv_into", level="should", needs=("posix",))
async def recv_into_read_only(loop, socketpair, patience):
    """sock_recv_into() with a buffer that cannot be written raises TypeError or BufferError at once."""
    near, _ = socketpair
    with refuses((TypeError, BufferError), "sock_recv_into() with bytes for a buffer"):
        await soon(loop.sock_recv_into(near, b"ro"), patience, "sock_recv_into() with bytes for a buffer raises")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recv_into", level="should", needs=("posix",))
async def recv_into_empty_buffer(loop, socketpair, patience):
    """sock_recv_into() with an empty buffer returns 0, and takes nothing."""
    near, far = socketpair
    far.send(b"hello")

    count = await soon(loop.sock_recv_into(near, bytearray()), patience, "sock_recv_into() returns")

    assert (count, near.recv(9)) == (0, b"hello")


# datagrams


@check("asyncio-eventloop#asyncio.loop.sock_recvfrom")
async def recvfrom_basic(loop, patience):
    """sock_recvfrom() returns one datagram, as bytes, and the address of its sender."""
    with datagram_pair(patience) as (near, far):
        for data in (b"one", b"two"):
            far.sendto(data, near.getsockname())
        datagrams = [await soon(loop.sock_recvfrom(near, 100), patience, "sock_recvfrom() returns") for _ in range(2)]
        sender = far.getsockname()

    assert datagrams == [(b"one", sender), (b"two", sender)]


@check("asyncio-eventloop#asyncio.loop.sock_recvfrom", after=RECEIVES_DATAGRAMS_BY_SOCKETS)
async def recvfrom_waits(loop, spawn, patience):
    """sock_recvfrom() waits for a datagram."""
    with datagram_pair(patience) as (near, far):
        receiving = await beginning(spawn, loop.sock_recvfrom(near, 100))
        early = receiving.done()
        await threaded(far.sendto, b"hello", near.getsockname())
        datagram = await soon(receiving, patience, "sock_recvfrom() returns")
        sender = far.getsockname()

    assert (early, datagram) == (False, (b"hello", sender))


@check("asyncio-eventloop#asyncio.loop.sock_recvfrom", after=RECEIVES_DATAGRAMS_BY_SOCKETS)
async def recvfrom_cuts(loop, patience):
    """sock_recvfrom() cuts a datagram that is longer than was asked for; its rest is lost, as in the socket module."""
    with datagram_pair(patience) as (near, far):
        for data in (b"long one", b"two"):
            far.sendto(data, near.getsockname())
        got = [(await soon(loop.sock_recvfrom(near, 4), patience, "sock_recvfrom() returns"))[0] for _ in range(2)]

    assert got == [b"long", b"two"]


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recvfrom",
    level="should",
    needs=("posix",),
    after=RECEIVES_DATAGRAMS_BY_SOCKETS,
)
async def recvfrom_empty(loop, spawn, patience):
    """sock_recvfrom() returns an empty datagram as b"" and the address of its sender."""
    with datagram_pair(patience) as (near, far):
        receiving = await beginning(spawn, loop.sock_recvfrom(near, 100))
        far.sendto(b"", near.getsockname())
        datagram = await soon(receiving, patience, "sock_recvfrom() returns")
        sender = far.getsockname()

    assert datagram == (b"", sender)


@check("asyncio-eventloop#asyncio.loop.sock_recvfrom_into")
async def recvfrom_into_basic(loop, patience):
    """sock_recvfrom_into() puts a datagram into the buffer, and returns its size and the address of its sender.

    Without nbytes, and with 0, as much as the buffer has room for.
    """
    with datagram_pair(patience) as (near, far):
        seen, sender = [], far.getsockname()
        for options in ({}, {"nbytes": 0}):
            buffer = bytearray(b"........")
            far.sendto(b"hello", near.getsockname())
            receiving = loop.sock_recvfrom_into(near, buffer, **options)
            seen.append((await soon(receiving, patience, "sock_recvfrom_into() returns"), bytes(buffer)))

    assert seen == [((5, sender), b"hello...")] * 2


@check("asyncio-eventloop#asyncio.loop.sock_recvfrom_into")
async def recvfrom_into_nbytes(loop, spawn, patience):
    """sock_recvfrom_into() puts no more bytes into the buffer than nbytes says, by position or by name."""
    with datagram_pair(patience) as (near, far):
        seen, sender = [], far.getsockname()
        for arguments, options in (((3,), {}), ((), {"nbytes": 3})):
            buffer = bytearray(b"........")
            receiving = await beginning(spawn, loop.sock_recvfrom_into(near, buffer, *arguments, **options))
            far.sendto(b"hello", near.getsockname())
            seen.append((await soon(receiving, patience, "sock_recvfrom_into() returns"), bytes(buffer)))

    assert seen == [((3, sender), b"hel.....")] * 2


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recvfrom_into", level="should", needs=("posix",))
async def recvfrom_into_too_big(loop, patience):
    """sock_recvfrom_into() with nbytes larger than the buffer raises ValueError, and the datagram is not lost."""
    with datagram_pair(patience) as (near, far):
        far.sendto(b"hello", near.getsockname())
        with refuses(ValueError, "sock_recvfrom_into() of 9 bytes into a buffer of 8"):
            await soon(loop.sock_recvfrom_into(near, bytearray(8), 9), patience, "sock_recvfrom_into() raises")

        assert near.recv(9) == b"hello"


@check("asyncio-eventloop#asyncio.loop.sock_sendto")
async def sendto_basic(loop, patience):
    """sock_sendto() sends one datagram, of bytes, a bytearray or a memoryview, and returns the number of bytes.

    Also an empty one.
    """
    kinds = (b"bytes", bytearray(b"bytearray"), memoryview(b"memoryview"), b"")
    with datagram_pair(patience) as (near, far):
        address = far.getsockname()
        counts = [
            await soon(loop.sock_sendto(near, data, address), patience, "sock_sendto() returns") for data in kinds
        ]
        arrived = [far.recvfrom(100) for _ in kinds]
        sender = near.getsockname()

    assert counts == [5, 9, 10, 0]
    assert arrived == [(bytes(data), sender) for data in kinds]


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_sendto", level="should", needs=("posix", "unix-sockets")
)
async def sendto_waits(loop, folder, spawn, patience):
    """sock_sendto() waits while the socket takes no more, and then returns the number of bytes."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as far,
    ):
        far.bind(f"{folder}/far")
        near.setblocking(False)
        near.connect(f"{folder}/far")  # or the kernel does not tell when there is room
        fill_up(near)
        sending = await beginning(spawn, loop.sock_sendto(near, b"the last", f"{folder}/far"))
        early = sending.done()
        far.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                far.recv(2**16)
        count = await soon(sending, patience, "sock_sendto() returns when there is room again")

        assert (early, count, far.recv(9)) == (False, 8, b"the last")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_sendto", level="should", needs=("posix",))
async def sendto_errors(loop, patience):
    """sock_sendto() raises what the system says, such as EMSGSIZE, and TypeError for a text.

    An address of another family is an OSError too; asyncio's is a gaierror.
    """
    with datagram_pair(patience) as (near, far):
        address = far.getsockname()
        too_long = await outcome(soon(loop.sock_sendto(near, bytes(70_000), address), patience, "sock_sendto() raises"))
        with refuses(TypeError, "sock_sendto() of a text"):
            await soon(loop.sock_sendto(near, "text", address), patience, "sock_sendto() raises")
        with refuses(OSError, "sock_sendto() to an IPv6 address from an IPv4 socket"):
            await soon(loop.sock_sendto(near, b"x", ("::1", 9)), patience, "sock_sendto() raises")

    assert too_long == ("OSError", "EMSGSIZE")


# sock_sendall()


@check("asyncio-eventloop#asyncio.loop.sock_sendall")
async def sendall_basic(loop, socketpair, patience):
    """sock_sendall() sends bytes, a bytearray or a memoryview, and returns None."""
    near, far = socketpair
    kinds = (b"bytes ", bytearray(b"bytearray "), memoryview(b"memoryview"))

    returned = [await soon(loop.sock_sendall(near, data), patience, "sock_sendall() returns") for data in kinds]

    assert (returned, far.recv(100)) == ([None] * 3, b"bytes bytearray memoryview")


@check("asyncio-eventloop#asyncio.loop.sock_sendall")
async def sendall_large(loop, socketpair, spawn, patience):
    """sock_sendall() of megabytes waits until the kernel has taken all of it while the peer reads; nothing is lost."""
    near, far = socketpair
    sent, seen = pattern(LARGE), []
    with Peer(far, patience) as peer:
        for kind in (bytes, bytearray, memoryview):
            sending = await beginning(spawn, loop.sock_sendall(near, kind(sent)))
            early = sending.done()
            arrived = await peer.gets(sent)
            seen.append((early, arrived, await soon(sending, patience, "sock_sendall() returns")))

    assert seen == [(False, AS_SENT, None)] * 3


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_sendall", level="should")
async def sendall_empty(loop, socketpair, patience):
    """sock_sendall() of nothing returns at once, also when the socket takes no more."""
    near, _ = socketpair
    fill_up(near)

    returned = [
        await soon(loop.sock_sendall(near, data), patience, "sock_sendall() of nothing returns")
        for data in (b"", bytearray(), memoryview(b""))
    ]

    assert returned == [None] * 3


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_sendall", level="should", needs=("posix",))
async def sendall_bad_type(loop, socketpair, patience):
    """sock_sendall() of what is no bytes-like object, such as a text or None, raises TypeError and sends nothing."""
    near, far = socketpair
    for wrong in ("text", "", None, 5, [b"x"]):
        with refuses(TypeError, f"sock_sendall() of {wrong!r}"):
            await soon(loop.sock_sendall(near, wrong), patience, f"sock_sendall() of {wrong!r} raises")
    near.send(b"goes on")

    assert far.recv(100) == b"goes on"


@check("asyncio-eventloop#asyncio.loop.sock_sendall")
async def sendall_peer_gone(loop, socketpair, patience):
    """sock_sendall() raises BrokenPipeError or ConnectionResetError when the peer is gone."""
    near, far = socketpair
    far.close()

    with refuses(BROKEN, "sock_sendall() to a peer that is gone"):
        await soon(loop.sock_sendall(near, b"x"), patience, "sock_sendall() raises")


@check("asyncio-eventloop#asyncio.loop.sock_sendall")
async def sendall_peer_goes(loop, listener, spawn, patience):
    """sock_sendall() that waits raises BrokenPipeError or ConnectionResetError when the peer goes."""
    with stream() as near:
        await soon(loop.sock_connect(near, listener.getsockname()), patience, "sock_connect() returns")
        with Peer(listener.accept()[0], patience) as peer:
            sending = await beginning(spawn, loop.sock_sendall(near, bytes(4 * LARGE)))
            early = sending.done()
            await peer.hang_up()  # with all that it has not read: a reset

            with refuses(BROKEN, "sock_sendall() to a peer that goes"):
                await soon(sending, patience, "sock_sendall() raises what ended the connection")

    assert not early, "sock_sendall() did not wait for a peer that does not read"


@check("asyncio-eventloop#working-with-socket-objects-directly", after=RECEIVES_BY_SOCKETS)
async def recv_and_send_concurrent(loop, socketpair, spawn, patience):
    """One task sends on a socket while another waits to receive from it, and the other way round."""
    near, far = socketpair
    receiving = await beginning(spawn, loop.sock_recv(near, 100))
    await soon(loop.sock_sendall(near, b"question"), patience, "sock_sendall() returns while sock_recv() waits")
    question = far.recv(100)
    far.send(b"answer")
    data = [await soon(receiving, patience, "sock_recv() returns")]

    sent = pattern(LARGE)
    sending = await beginning(spawn, loop.sock_sendall(near, sent))
    receiving = await beginning(spawn, loop.sock_recv(near, 100))
    far.send(b"meanwhile")
    data.append(await soon(receiving, patience, "sock_recv() returns while sock_sendall() waits"))
    early = sending.done()
    with Peer(far, patience) as peer:
        arrived = await peer.gets(sent)
        await soon(sending, patience, "sock_sendall() returns")

    assert (question, data, early, arrived) == (b"question", [b"answer", b"meanwhile"], False, AS_SENT)


# sock_connect()


@check("asyncio-eventloop#asyncio.loop.sock_connect")
async def connect_basic(loop, listener, patience):
    """sock_connect() connects the socket to the address, and returns None."""
    with stream() as near:
        returned = await soon(loop.sock_connect(near, listener.getsockname()), patience, "sock_connect() returns")
        peer, address = listener.accept()
        peer.close()

        assert (returned, near.getpeername(), near.getsockname()) == (None, listener.getsockname(), address)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_connect", level="should", after=RECEIVES_BY_SOCKETS)
async def connect_keeps_socket_nonblocking(loop, listener, patience):
    """sock_connect() leaves the socket as it was: non-blocking, and open for the sock_* methods."""
    with stream() as near:
        await soon(loop.sock_connect(near, listener.getsockname()), patience, "sock_connect() returns")
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"hello")
            data = await soon(loop.sock_recv(near, 9), patience, "sock_recv() returns")

        assert (near.gettimeout(), os.get_blocking(near.fileno()), data) == (0.0, False, b"hello")


@check("asyncio-eventloop#asyncio.loop.sock_connect")
async def connect_refused(loop, patience):
    """sock_connect() raises ConnectionRefusedError, with ECONNREFUSED, where nobody listens; the socket stays open.

    It belongs to the caller, who closes it: maybe another socket has its number by then.
    """
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    with stream() as near:
        answer = await outcome(soon(loop.sock_connect(near, address), patience, "sock_connect() raises"))

        assert (answer, near.fileno() >= 0) == (("ConnectionRefusedError", "ECONNREFUSED"), True)


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("posix",))
async def connect_port_string(loop, listener, patience):
    """sock_connect() takes the port as a decimal text too."""
    host, port = listener.getsockname()
    with stream() as near:
        await soon(loop.sock_connect(near, (host, str(port))), patience, "sock_connect() returns")

        assert near.getpeername() == (host, port)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_connect", level="should", needs=("posix",))
async def connect_family_mismatch(loop, patience):
    """sock_connect() to an address of another family than the socket's raises OSError; asyncio's is a gaierror."""
    with stream() as near:
        with refuses(OSError, "sock_connect() of an IPv4 socket to ('::1', 9)"):
            await soon(loop.sock_connect(near, ("::1", 9)), patience, "sock_connect() raises")

        assert near.fileno() >= 0


@check("asyncio-eventloop#asyncio.loop.sock_connect", needs=("ipv6",))
async def connect_ipv6_tuples(loop, patience):
    """sock_connect() takes an IPv6 address of two fields, and one of four."""
    connected = []
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        for address in (("::1", port), ("::1", port, 0, 0)):
            with stream(socket.AF_INET6) as near:
                await soon(loop.sock_connect(near, address), patience, f"sock_connect() to {address} returns")
                connected.append(near.getpeername())

    assert connected == [("::1", port, 0, 0)] * 2


@check("asyncio-eventloop#asyncio.loop.sock_connect", needs=UNIX)
async def connect_unix(loop, unix_listener, patience):
    """sock_connect() connects a Unix socket to a path, a str or bytes."""
    path, connected = unix_listener.getsockname(), []
    for form in (path, os.fsencode(path)):
        with stream(socket.AF_UNIX) as near:
            await soon(loop.sock_connect(near, form), patience, "sock_connect() returns")
            connected.append(near.getpeername())

    assert connected == [path] * 2


@check("asyncio-eventloop#asyncio.loop.sock_connect", needs=UNIX)
async def connect_unix_missing(loop, folder, patience):
    """sock_connect() to a path that does not exist raises FileNotFoundError."""
    with stream(socket.AF_UNIX) as near:
        answer = await outcome(soon(loop.sock_connect(near, f"{folder}/missing"), patience, "sock_connect() raises"))

    assert answer == ("FileNotFoundError", "ENOENT")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_connect", level="should", needs=("posix",))
async def connect_udp(loop, patience):
    """sock_connect() connects a datagram socket, which then sends to this address alone."""
    with datagram_pair(patience) as (near, far):
        await soon(loop.sock_connect(near, far.getsockname()), patience, "sock_connect() returns")
        peername = near.getpeername()
        await soon(loop.sock_sendall(near, b"hello"), patience, "sock_sendall() returns")

        assert (peername, far.recv(9)) == (far.getsockname(), b"hello")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_connect", level="should", needs=("posix",))
async def connect_bad_address(loop, patience):
    """sock_connect() to what is no address raises an exception at the await."""
    seen = {}
    for wrong in ("x", None, ("127.0.0.1",), ("127.0.0.1", 70_000), ("127.0.0.1", None, 3, 4, 5), 9):
        with stream() as near:
            connecting = {repr(wrong): functools.partial(loop.sock_connect, near, wrong)}
            seen |= await answers(connecting, patience)

    assert [wrong for wrong, answer in seen.items() if answer in ("returned", "waits")] == []


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_write_done", level="should", needs=("ipv4", "posix")
)
async def connect_cancel(loop, spawn, patience):
    """A sock_connect() that waits ends with CancelledError when it is cancelled, and the socket stays open."""
    with crowded() as listener, stream() as near:
        connecting = await beginning(spawn, loop.sock_connect(near, listener.getsockname()))
        ended = await cancelled(connecting, patience)

        assert (ended, near.fileno() >= 0) == ("CancelledError", True)


# sock_accept()


@check("asyncio-eventloop#asyncio.loop.sock_accept")
async def accept_basic(loop, patience):
    """sock_accept() returns a new socket, connected to the client, and the client's address."""
    with listening() as listener, socket.create_connection(listener.getsockname()) as client:
        sock, address = await soon(loop.sock_accept(listener), patience, "sock_accept() returns")
        with sock:
            client.sendall(b"hello")
            data = await soon(loop.sock_recv(sock, 9), patience, "sock_recv() returns")

            assert (isinstance(sock, socket.socket), sock is listener) == (True, False)
            assert (address, sock.getpeername(), data) == (client.getsockname(), client.getsockname(), b"hello")


@check("asyncio-eventloop#asyncio.loop.sock_accept")
async def accept_waits(loop, spawn, patience):
    """sock_accept() waits for a client, and each call returns one: they are not lost in between."""
    with listening() as listener, contextlib.ExitStack() as clients:
        accepting = await beginning(spawn, loop.sock_accept(listener))
        early = accepting.done()
        made = [clients.enter_context(socket.create_connection(listener.getsockname())) for _ in range(3)]
        first = await soon(accepting, patience, "sock_accept() returns")
        rest = [await soon(loop.sock_accept(listener), patience, "sock_accept() returns") for _ in range(2)]
        for sock, _ in (first, *rest):
            sock.close()

        assert early is False
        assert [address for _, address in (first, *rest)] == [client.getsockname() for client in made]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_accept", level="should")
async def accept_nonblocking(loop, spawn, patience):
    """The socket that sock_accept() returns is non-blocking, and child processes do not inherit it.

    Whether the client was there already or came later.
    """
    seen = []
    with listening() as listener, contextlib.ExitStack() as clients:
        clients.enter_context(socket.create_connection(listener.getsockname()))
        accepted = [await soon(loop.sock_accept(listener), patience, "sock_accept() returns")]
        accepting = await beginning(spawn, loop.sock_accept(listener))
        clients.enter_context(socket.create_connection(listener.getsockname()))
        accepted.append(await soon(accepting, patience, "sock_accept() returns"))
        for sock, _ in accepted:
            seen.append((sock.gettimeout(), os.get_blocking(sock.fileno()), sock.get_inheritable()))
            sock.close()

    assert seen == [(0.0, False, False)] * 2


@check("asyncio-eventloop#asyncio.loop.sock_accept", needs=UNIX)
async def accept_unix(loop, folder, patience):
    """sock_accept() accepts on a Unix socket too."""
    with stream(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(f"{folder}/listener")
        listener.listen()
        client.connect(f"{folder}/listener")
        sock, address = await soon(loop.sock_accept(listener), patience, "sock_accept() returns")
        with sock:
            assert (sock.family, address, sock.getsockname()) == (socket.AF_UNIX, "", f"{folder}/listener")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_accept", level="should", needs=("posix",))
async def accept_cancel(loop, spawn, patience):
    """A sock_accept() that waits ends with CancelledError when it is cancelled; the next gets the next client."""
    with listening() as listener:
        ended = await cancelled(await beginning(spawn, loop.sock_accept(listener)), patience)
        with socket.create_connection(listener.getsockname()) as client:
            await pass_turns(2)
            sock, address = await soon(loop.sock_accept(listener), patience, "sock_accept() returns the next client")
            sock.close()

            assert (ended, address) == ("CancelledError", client.getsockname())


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_accept",
    level="should",
    python=">=3.14",
    needs=("posix",),
)
async def accept_cancel_race(loop, errors, spawn, patience):
    """A client that comes in the turn in which sock_accept() is cancelled is not lost: the next call returns it."""
    with listening() as listener:
        accepting = await beginning(spawn, loop.sock_accept(listener))
        with socket.create_connection(listener.getsockname()) as client:
            loop.call_soon(accepting.cancel)
            await pass_turns(3)
            sock, address = await soon(
                loop.sock_accept(listener) if accepting.cancelled() else accepting,
                patience,
                "sock_accept() returns the client that came when another call was cancelled",
            )
            sock.close()

            assert (address, errors) == (client.getsockname(), [])


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_accept", level="should", needs=("posix",))
async def accept_not_listening(loop, patience):
    """sock_accept() on a socket that does not listen raises OSError with EINVAL."""
    with stream() as sock:
        sock.bind(("127.0.0.1", 0))

        answer = await outcome(soon(loop.sock_accept(sock), patience, "sock_accept() raises"))

    assert answer == ("OSError", "EINVAL")


# sockets that they refuse


@contextlib.contextmanager
def secured():
    """A TLS socket that is not connected."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with stream() as plain, context.wrap_socket(plain, do_handshake_on_connect=False) as sock:
        yield sock


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recv",
    level="should",
    needs=("posix",),
    after=RECEIVES_BY_SOCKETS,
)
async def debug_blocking_rejected(loop, socketpair, listener, patience):
    """In debug mode the sock_* methods for streams raise ValueError for a blocking socket, or one with a timeout.

    It would keep the whole loop waiting.
    """
    near, far = socketpair
    far.send(b"for a loop that receives all the same")
    loop.set_debug(True)
    seen = []
    with stream() as tcp, socket.create_connection(listener.getsockname()):
        for timeout in (None, 10.0):
            for sock in (near, listener, tcp):
                sock.settimeout(timeout)
            each = calls(loop, near, listener.getsockname())
            each["sock_connect"] = lambda: loop.sock_connect(tcp, listener.getsockname())
            each["sock_accept"] = functools.partial(loop.sock_accept, listener)
            seen.append(await answers(each, patience))

    assert seen == [dict.fromkeys(seen[0], "ValueError")] * 2


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recvfrom",
    level="should",
    needs=("posix",),
    after=RECEIVES_DATAGRAMS_BY_SOCKETS,
)
async def debug_blocking_rejected_for_datagrams(loop, patience):
    """In debug mode the sock_* methods for datagrams raise ValueError for a blocking socket, or one with a timeout."""
    loop.set_debug(True)
    seen = []
    with datagram_pair(patience) as (near, far):
        for timeout in (None, 10.0):
            for _ in range(2):
                far.sendto(b"for a loop that receives all the same", near.getsockname())
            near.settimeout(timeout)
            seen.append(await answers(datagram_calls(loop, near, far.getsockname()), patience))

    assert seen == [dict.fromkeys(seen[0], "ValueError")] * 2


@check("Lib/asyncio/base_events.py: _check_ssl_socket", level="should", needs=("posix",), after=RECEIVES_BY_SOCKETS)
async def ssl_socket_rejected(loop, listener, patience):
    """The sock_* methods for streams raise TypeError for an ssl.SSLSocket, whose data they would send unencrypted."""
    with secured() as sock:
        seen = await answers(calls(loop, sock, listener.getsockname()), patience)

    assert seen == dict.fromkeys(seen, "TypeError")


@check(
    "Lib/asyncio/base_events.py: _check_ssl_socket",
    level="should",
    needs=("posix",),
    after=RECEIVES_DATAGRAMS_BY_SOCKETS,
)
async def ssl_socket_rejected_for_datagrams(loop, listener, patience):
    """The sock_* methods for datagrams raise TypeError for an ssl.SSLSocket."""
    with secured() as sock:
        seen = await answers(datagram_calls(loop, sock, listener.getsockname()), patience)

    assert seen == dict.fromkeys(seen, "TypeError")


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recv",
    level="should",
    needs=("posix",),
    after=RECEIVES_BY_SOCKETS,
)
async def closed_socket(loop, listener, patience):
    """The sock_* methods for streams raise OSError with EBADF for a closed socket.

    Programs that close a socket which another task uses next catch OSError.
    """
    with stream() as sock:
        pass
    seen = {}
    for name, call in calls(loop, sock, listener.getsockname()).items():

        async def begin(call=call):
            return await call()

        seen[name] = await outcome(soon(begin(), patience, f"{name}() of a closed socket raises"))

    assert seen == dict.fromkeys(seen, ("OSError", "EBADF"))


@contextlib.asynccontextmanager
async def owned(loop, listener, patience):
    """A socket that an open transport of the loop uses."""
    near = socket.create_connection(listener.getsockname())
    near.setblocking(False)
    connecting = loop.create_connection(lambda: StreamWatcher(lambda: None), sock=near)
    _, protocol = await soon(connecting, patience, "create_connection() with a connected socket returns")
    with listener.accept()[0]:
        async with closing([protocol], patience):
            yield near


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport",
    level="should",
    needs=("posix",),
    after=RECEIVES_BY_SOCKETS,
)
async def transport_owned_rejected(loop, listener, patience):
    """sock_recv() and sock_recv_into() that would wait raise RuntimeError for a socket that an open transport uses.

    The two would take each other's data. OSError is as good, of a loop that takes the descriptor out of the socket.
    """
    async with owned(loop, listener, patience) as near:
        receiving = {name: call for name, call in calls(loop, near, None).items() if "recv" in name}
        seen = await answers(receiving, patience)

    assert {name: answer for name, answer in seen.items() if answer not in OWNED} == {}


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport", level="should", needs=("posix",)
)
async def transport_owned_rejected_for_sending(loop, listener, patience):
    """sock_sendall() that would wait raises RuntimeError, or OSError, for a socket that an open transport uses."""
    async with owned(loop, listener, patience) as near:
        with contextlib.suppress(OSError):
            fill_up(near)
        seen = await answers({"sock_sendall": lambda: loop.sock_sendall(near, bytes(LARGE))}, patience)

    assert seen["sock_sendall"] in OWNED


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport",
    level="should",
    needs=("posix",),
    after=RECEIVES_DATAGRAMS_BY_SOCKETS,
)
async def transport_owned_rejected_for_datagrams(loop, patience):
    """sock_recvfrom() and sock_recvfrom_into() that would wait raise RuntimeError, or OSError, for a socket of an open
    datagram transport."""
    with datagram_pair(patience) as (near, _):
        async with datagrams(lambda: DatagramWatcher(lambda: None), patience, sock=near):
            receiving = {name: call for name, call in datagram_calls(loop, near, None).items() if "recv" in name}
            seen = await answers(receiving, patience)

    assert {name: answer for name, answer in seen.items() if answer not in OWNED} == {}


# cancellation


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_read_done",
    level="should",
    needs=("posix",),
    after=RECEIVES_BY_SOCKETS,
)
async def cancel_recv(loop, socketpair, spawn, patience):
    """A sock_recv() or sock_recv_into() that waits ends with CancelledError when cancelled; later data is not lost."""
    near, far = socketpair
    buffer = bytearray(b"....")
    ended = [
        await cancelled(await beginning(spawn, receive), patience)
        for receive in (loop.sock_recv(near, 9), loop.sock_recv_into(near, buffer))
    ]
    far.send(b"late")
    await pass_turns(2)

    data = await soon(loop.sock_recv(near, 9), patience, "sock_recv() returns what came after another was cancelled")

    assert (ended, data, bytes(buffer)) == (["CancelledError"] * 2, b"late", b"....")


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_recv",
    level="should",
    needs=("posix",),
    after=RECEIVES_BY_SOCKETS,
)
async def cancel_recv_race(loop, socketpair, errors, spawn, patience):
    """Data that comes in the turn in which sock_recv() is cancelled is not lost: the next call returns it."""
    near, far = socketpair
    receiving = await beginning(spawn, loop.sock_recv(near, 9))
    far.send(b"late")
    loop.call_soon(receiving.cancel)
    await pass_turns(3)

    data = await soon(
        loop.sock_recv(near, 9) if receiving.cancelled() else receiving,
        patience,
        "sock_recv() returns what came when another was cancelled",
    )

    assert (data, errors) == (b"late", [])


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_read_done",
    level="should",
    needs=("posix",),
    after=RECEIVES_DATAGRAMS_BY_SOCKETS,
)
async def cancel_datagram_recv(loop, spawn, patience):
    """A sock_recvfrom() or sock_recvfrom_into() ends with CancelledError when cancelled; later data is not lost."""
    with datagram_pair(patience) as (near, far):
        ended = [
            await cancelled(await beginning(spawn, receive), patience)
            for receive in (loop.sock_recvfrom(near, 9), loop.sock_recvfrom_into(near, bytearray(9)))
        ]
        far.sendto(b"late", near.getsockname())
        await pass_turns(2)
        data, _ = await soon(loop.sock_recvfrom(near, 9), patience, "sock_recvfrom() returns what came later")

    assert (ended, data) == (["CancelledError"] * 2, b"late")


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_read_done", level="should", after=RECEIVES_BY_SOCKETS
)
async def cancel_then_new_recv(loop, socketpair, spawn, patience):
    """A sock_recv() that begins in the turn in which another on the socket is cancelled gets what comes next.

    What clears up after the first must not stop watching for the second.
    """
    near, far = socketpair

    async def send_later():
        await pass_turns(4)
        far.send(b"hello")

    first = await beginning(spawn, loop.sock_recv(near, 9))
    spawn(send_later())
    first.cancel()
    async with within(patience, "the second sock_recv() returns"):
        data = await loop.sock_recv(near, 9)

    assert (first.cancelled(), data) == (True, b"hello")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_write_done", level="should", needs=("posix",))
async def cancel_sendall(loop, socketpair, spawn, patience):
    """A sock_sendall() that waits ends with CancelledError when it is cancelled, and sends no more of its data.

    The socket stays open, and another sock_sendall() works.
    """
    near, far = socketpair
    before = fill_up(near)
    ended = await cancelled(await beginning(spawn, loop.sock_sendall(near, b"never")), patience)
    with Peer(far, patience) as peer:
        await peer.read(before)
        await pass_turns(2)
        await soon(loop.sock_sendall(near, b"next"), patience, "another sock_sendall() returns")

        assert (ended, await peer.read(4)) == ("CancelledError", b"next")


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_read_done",
    level="should",
    needs=("ipv4", "posix"),
    after=RECEIVES_BY_SOCKETS,
)
async def cancel_stops_watching(loop, socketpair, spawn, patience):
    """A sock_* method for streams that was cancelled leaves its socket unwatched, as remove_reader() would say.

    anyio calls remove_reader() in this case, and expects no exception.
    """
    near, _ = socketpair
    fill_up(near)
    watched = {}
    with listening() as listener, crowded() as busy, stream() as client:
        for name, sock, call in (
            ("sock_recv", near, lambda: loop.sock_recv(near, 1)),
            ("sock_recv_into", near, lambda: loop.sock_recv_into(near, bytearray(1))),
            ("sock_accept", listener, lambda: loop.sock_accept(listener)),
            ("sock_sendall", near, lambda: loop.sock_sendall(near, b"x")),
            ("sock_connect", client, lambda: loop.sock_connect(client, busy.getsockname())),
        ):
            watched[name] = await watched_after(loop, await beginning(spawn, call()), sock, patience)

    assert watched == dict.fromkeys(watched, ("CancelledError", False, False))


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_read_done",
    level="should",
    needs=("posix",),
    after=RECEIVES_DATAGRAMS_BY_SOCKETS,
)
async def cancel_stops_watching_for_datagrams(loop, spawn, patience):
    """A sock_recvfrom() or sock_recvfrom_into() that was cancelled leaves its socket unwatched."""
    with datagram_pair(patience) as (near, _):
        watched = [
            await watched_after(loop, await beginning(spawn, receive), near, patience)
            for receive in (loop.sock_recvfrom(near, 1), loop.sock_recvfrom_into(near, bytearray(1)))
        ]

    assert watched == [("CancelledError", False, False)] * 2


async def watched_after(loop, task, sock, patience):
    """How a task that is cancelled ends, and whether its socket is watched then, for reading and for writing."""
    ended = await cancelled(task, patience)
    return ended, bool(loop.remove_reader(sock.fileno())), bool(loop.remove_writer(sock.fileno()))


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_recv", level="should", after=RECEIVES_BY_SOCKETS)
async def wait_for_timeout(loop, socketpair, patience):
    """asyncio.wait_for() ends a sock_recv() that waits, with TimeoutError, and no data is lost."""
    near, far = socketpair
    with refuses(TimeoutError, "wait_for() around sock_recv()"):
        await soon(asyncio.wait_for(loop.sock_recv(near, 9), 0.01), patience, "wait_for() raises TimeoutError")
    far.send(b"late")

    assert await soon(loop.sock_recv(near, 9), patience, "sock_recv() returns") == b"late"


also_in(
    {
        "debug": (
            recv_waits,
            recv_into_waits,
            recvfrom_waits,
            sendall_large,
            connect_basic,
            accept_waits,
            cancel_recv,
        ),
        "other-thread": (recv_waits, sendall_large, connect_basic, accept_waits),
        "eager-tasks": (recv_waits, accept_waits, cancel_then_new_recv),
        "python-tasks": (recv_waits, accept_waits, cancel_recv),
        "second-loop": (recv_waits, accept_waits),
    }
)
