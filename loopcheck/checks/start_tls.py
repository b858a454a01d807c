"""start_tls(): upgrading a connection in use, on both sides, by transports and by streams."""

import asyncio
import contextlib
import os
import socket
import ssl

from loopcheck.basics import CONNECTS, UPGRADES_CLIENTS, UPGRADES_SERVERS
from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, soon
from loopcheck.kit.buffers import Buffers
from loopcheck.kit.channels import Wire, fill, pattern
from loopcheck.kit.net import DatagramWatcher, datagrams, within
from loopcheck.kit.peers import AS_SENT
from loopcheck.kit.secure import CLOSE_NOTIFY, V12, Secure, SecurePeer, begun, calling, descriptors, names_in, pinned
from loopcheck.kit.streaming import StreamPair

AFTER = UPGRADES_CLIENTS

TINY = 0.05
"""Seconds: a limit that is meant to be exceeded."""

REFUSED = (ssl.SSLError, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
"""What the end of a handshake can look like to the side that was refused, with an alert or without one."""


async def raised(awaitable, *wanted):
    """What awaiting it raised: one of the wanted classes if it is of that class, else the exception; or None."""
    try:
        await awaitable
    except NotImplementedError:
        raise  # the loop does not offer it
    except Exception as error:
        return next((one for one in wanted if isinstance(error, one)), repr(error))
    return None


async def settled(turns=8):
    """Some turns of the loop, for what comes with a delay."""
    await pass_turns(turns)


# arguments


@check("Lib/asyncio/base_events.py: BaseEventLoop.start_tls", level="should", needs=("tls",))
async def sslcontext_type_check(loop, secure, patience):
    """start_tls() raises TypeError for what is no SSLContext, and the plain connection goes on."""
    async with secure.plain() as (transport, protocol, peer):
        wrong = (None, True, False, "context", object())
        got = [await raised(calling(loop.start_tls, transport, protocol, one), TypeError) for one in wrong]
        transport.write(b"plain")
        peer.send(b"plain")

        assert (got, await peer.read(5)) == ([TypeError] * len(wrong), b"plain")
        assert await protocol.has_received(5, patience) == b"plain"


@check("Lib/asyncio/base_events.py: BaseEventLoop.start_tls", level="should", needs=("tls",))
async def transport_type_check(loop, tls, patience):
    """start_tls() raises TypeError for what is no stream transport: None, an object, transports of another kind."""
    protocol = Wire()

    async def upgrade(transport):
        return await raised(
            calling(loop.start_tls, transport, protocol, tls.client, server_hostname=tls.host), TypeError
        )

    got = {"None": await upgrade(None), "an object": await upgrade(object())}
    async with datagrams(lambda: DatagramWatcher(lambda: None), patience) as datagram:
        got["datagrams"] = await upgrade(datagram.transport)
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as file, open(writing, "wb", buffering=0):
        pipe, _ = await loop.connect_read_pipe(asyncio.Protocol, file)
        got["a pipe"] = await upgrade(pipe)
        pipe.close()
        await settled()

    assert got == dict.fromkeys(got, TypeError)


@check("Lib/asyncio/sslproto.py: SSLProtocol.__init__", level="should", needs=("tls",))
async def nonpositive_timeouts_rejected(loop, secure, tls):
    """ssl_handshake_timeout and ssl_shutdown_timeout of zero or less raise ValueError."""
    got = {}
    async with secure.plain() as (transport, protocol, _):
        for option in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
            for value in (0, -1):
                upgrade = calling(
                    loop.start_tls, transport, protocol, tls.client, server_hostname=tls.host, **{option: value}
                )
                got[option, value] = await raised(upgrade, ValueError)

    assert got == dict.fromkeys(got, ValueError)


@check("asyncio-stream#asyncio.StreamWriter.start_tls", python=">=3.14.8", needs=("tls",))
async def check_hostname_needs_server_hostname(loop, secure, tls):
    """start_tls() of a client without server_hostname raises ValueError when the context checks names."""
    got = []
    for name in (None, ""):
        async with secure.plain() as (transport, protocol, _):
            got.append(
                await raised(calling(loop.start_tls, transport, protocol, tls.client, server_hostname=name), ValueError)
            )

    assert got == [ValueError] * 2


# upgrades


async def talk(transport, protocol, peer, patience):
    """Send something in both directions, as TLS; what arrived there and here."""
    begin = len(protocol.data)
    transport.write(b"from here")
    peer.send(b"from there")
    return await peer.read(9), (await protocol.has_received(begin + 10, patience))[begin:]


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",), after=CONNECTS)
async def client_talks_tls(secure, patience):
    """start_tls() of a client returns a transport through which both ends talk TLS."""
    async with secure.upgraded() as (transport, protocol, peer):
        assert await talk(transport, protocol, peer, patience) == (b"from here", b"from there")


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",), after=CONNECTS)
async def server_talks_tls(secure, patience):
    """start_tls(server_side=True) returns a transport through which both ends talk TLS."""
    async with secure.upgraded(server_side=True) as (transport, protocol, peer):
        assert await talk(transport, protocol, peer, patience) == (b"from here", b"from there")


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",))
async def client_upgrade(secure, patience):
    """start_tls() after a plain exchange returns a new transport, through which the same protocol talks TLS.

    connection_made() is not called again, and close() leads to connection_lost(None) once.
    """
    async with secure.plain() as (plain, protocol, peer):
        transport_before = protocol.transport
        plain.write(b"STARTTLS")
        peer.send(b"OK")
        question = await peer.read(8)
        await protocol.has_received(2, patience)
        transport = await secure.upgrade(plain, protocol, peer)
        said = await talk(transport, protocol, peer, patience)
        known = (transport is plain, transport.get_protocol() is protocol, protocol.transport is transport_before)
        transport.close()
        end = await peer.how_it_ended()
        await protocol.until("connection_lost", patience)
        await settled()

    assert (question, said, known) == (b"STARTTLS", (b"from here", b"from there"), (False, True, True))
    assert (end, protocol.lost_with) == (CLOSE_NOTIFY, None)
    assert (protocol.times("connection_made"), protocol.times("connection_lost")) == (1, 1)


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",), after=UPGRADES_SERVERS)
async def server_side_upgrade(secure, patience):
    """start_tls(server_side=True) upgrades as the server, and data flows both ways."""
    async with secure.upgraded(server_side=True) as (transport, protocol, peer):
        said = await talk(transport, protocol, peer, patience)
        server_side = transport.get_extra_info("ssl_object").server_side
        has_context = isinstance(transport.get_extra_info("sslcontext"), ssl.SSLContext)

    assert (said, server_side, has_context) == ((b"from here", b"from there"), True, True)


@check("Lib/asyncio/sslproto.py: _SSLProtocolTransport", level="should", needs=("tls",))
async def isinstance_transport(secure):
    """The transport that start_tls() returns is an asyncio.Transport."""
    async with secure.upgraded() as (transport, _, _):
        assert isinstance(transport, asyncio.Transport)


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", needs=("tls",))
async def extra_info(secure, tls):
    """The new transport knows what there is to know about TLS, and the names and the socket of the plain one."""
    context = tls.client
    async with secure.plain() as (plain, protocol, peer):
        socket_before = plain.get_extra_info("socket")
        transport = await secure.upgrade(plain, protocol, peer, near=context)
        info = transport.get_extra_info
        found = {
            "ssl_object": isinstance(info("ssl_object"), ssl.SSLObject | ssl.SSLSocket),
            "cipher": info("cipher") == peer.tls.cipher(),
            "peercert": tls.host in names_in(info("peercert")),
            "sslcontext": info("sslcontext") is context,
            "names": (info("peername"), info("sockname")) == (peer.address, peer.address_of_subject),
            "socket": info("socket").fileno() == socket_before.fileno() >= 0,
        }
        transport.abort()

    assert found == dict.fromkeys(found, True)


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",))
async def sni_and_verification(secure, tls):
    """server_hostname is the name that the server is asked for, and that its certificate must have."""
    asked = []
    far = tls.serving(tls.other)
    far.sni_callback = lambda sock, name, context: asked.append(name)
    async with secure.upgraded(far=far, server_hostname=tls.other):
        pass
    async with secure.plain() as (plain, protocol, peer):
        error = await raised(
            secure.upgrade(plain, protocol, peer, server_hostname="wrong.test"), ssl.SSLCertVerificationError
        )

    assert (asked, error) == ([tls.other], ssl.SSLCertVerificationError)


@check("Lib/asyncio/sslproto.py: SSLProtocol.__init__", level="should", needs=("tls",), after=UPGRADES_SERVERS)
async def server_hostname_ignored_on_server(secure, patience):
    """server_hostname has no effect with server_side=True."""
    async with secure.upgraded(server_side=True, server_hostname="some.name") as (transport, protocol, peer):
        assert await talk(transport, protocol, peer, patience) == (b"from here", b"from there")


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",))
async def bytes_on_wire_encrypted(loop, secure, tls):
    """After start_tls() nothing but TLS is sent: the first byte is of a handshake."""
    async with secure.plain() as (transport, protocol, peer):
        upgrade = await begun(
            raised(calling(loop.start_tls, transport, protocol, tls.client, server_hostname=tls.host), OSError)
        )
        first = await peer.read(2)
        peer.hang_up()
        outcome = await upgrade

    assert (first, outcome) == (b"\x16\x03", OSError)


@check("Lib/asyncio/base_events.py: BaseEventLoop.start_tls", level="should", needs=("tls",))
async def buffered_plaintext_first(secure, patience):
    """What was written before start_tls() and still waits is sent first, in plain."""
    async with secure.plain(narrow=True) as (plain, protocol, peer):
        plain.set_write_buffer_limits(high=2**26)  # to be paused meanwhile is another matter
        sent = fill(plain)
        arrived = peer.gets(sent)
        transport = await secure.upgrade(plain, protocol, peer)
        said = await talk(transport, protocol, peer, patience)

        assert (await arrived, said) == (AS_SENT, (b"from here", b"from there"))


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",))
async def app_data_right_after_finished(secure, tls, patience):
    """Data in the same packet as the end of the peer's handshake reaches data_received()."""

    def greet(sock):
        end = Secure(sock, pinned(tls.server, V12), server_side=True)
        end.handshake(hold_last=True)
        end.sendall(b"greeting")

    async with secure.upgraded(far=greet) as (_, protocol, _):
        assert await protocol.has_received(8, patience) == b"greeting"


@check("Lib/asyncio/base_events.py: BaseEventLoop.start_tls", level="should", needs=("tls",))
async def paused_transport(secure, patience):
    """A transport that is paused can be upgraded, and reads afterwards."""
    async with secure.plain() as (plain, protocol, peer):
        plain.pause_reading()
        transport = await secure.upgrade(plain, protocol, peer)

        assert await talk(transport, protocol, peer, patience) == (b"from here", b"from there")


@check("asyncio-protocol#asyncio.BaseTransport.set_protocol", level="should", needs=("tls",))
async def set_protocol_after(secure, patience):
    """set_protocol() of the new transport directs data and loss to another protocol; the first hears no more.

    Drivers of databases upgrade with a temporary protocol.
    """
    async with secure.plain() as (plain, first, peer):
        transport = await secure.upgrade(plain, first, peer)
        second = Wire()
        transport.set_protocol(second)
        peer.send(b"data")
        await second.has_received(4, patience)
        transport.close()
        await second.until("connection_lost", patience)

    assert (first.events, second.events[0], second.events[-1]) == (
        ["connection_made"],
        "data_received",
        "connection_lost",
    )


@check("Lib/asyncio/sslproto.py: SSLProtocol._set_app_protocol", level="should", needs=("tls",))
async def buffered_protocol(secure, patience):
    """start_tls() takes a BufferedProtocol."""
    view = memoryview(bytearray(3))
    protocol = Buffers(lambda: view)
    async with secure.plain() as (plain, _, peer):
        transport = await secure.upgrade(plain, protocol, peer)
        peer.send(pattern(1000))
        got = await protocol.has_received(1000, patience)
        transport.abort()
        await protocol.until("connection_lost", patience)

    assert got == pattern(1000)


@check("Lib/asyncio/sslproto.py: _SSLProtocolTransport", level="should", needs=("tls",))
async def over_tls(secure, patience):
    """start_tls() of a TLS transport makes TLS inside TLS, through which megabytes pass, up to its end.

    Clients reach HTTPS through an HTTPS proxy so.
    """
    sent = pattern(2**20)
    async with secure.plain(asyncio.Protocol) as (plain, _, peer):
        outer = await secure.upgrade(plain, asyncio.Protocol(), peer)
        protocol = Wire()
        inner = await secure.upgrade(outer, protocol, peer)
        differs = inner.get_extra_info("ssl_object") is not outer.get_extra_info("ssl_object")
        arrived = peer.gets(sent)
        inner.write(sent)
        there = await arrived
        peer.send(sent)
        here = await protocol.has_received(len(sent), patience) == sent
        inner.close()
        await protocol.until("connection_lost", patience)

    assert (differs, there, here, protocol.lost_with) == (True, AS_SENT, True, None)


@check("Lib/asyncio/sslproto.py: _SSLProtocolTransport._force_close", level="should", python=">=3.13", needs=("tls",))
async def exception_over_tls(secure, errors, patience):
    """What data_received() raises in TLS inside TLS is reported once, and connection_lost() gets it."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with secure.plain(asyncio.Protocol) as (plain, _, peer):
        outer = await secure.upgrade(plain, asyncio.Protocol(), peer)
        protocol = Wire(data_received=fail)
        await secure.upgrade(outer, protocol, peer)
        peer.send(b"x")
        await protocol.until("connection_lost", patience)

    assert (protocol.lost_with, [context.get("exception") for context in errors]) == (error, [error])


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.start_tls",
    level="should",
    needs=(
        "tls",
        "unix-sockets",
    ),
)
async def unix_transport(loop, secure, unix_listener, patience):
    """Connections over Unix sockets can be upgraded."""
    with SecurePeer.accepting(unix_listener, patience) as peer:
        plain, protocol = await loop.create_unix_connection(Wire, unix_listener.getsockname())
        transport = await secure.upgrade(plain, protocol, peer)
        said = await talk(transport, protocol, peer, patience)
        peer.let_go()
        transport.abort()
        await protocol.until("connection_lost", patience)

    assert said == (b"from here", b"from there")


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_shutdown_complete", level="should", needs=("tls",))
async def old_transport_closes_with_new(secure, patience):
    """When the new transport has been closed the plain one is closing too, and its socket is closed."""
    async with secure.plain() as (plain, protocol, peer):
        sock = plain.get_extra_info("socket")
        transport = await secure.upgrade(plain, protocol, peer)
        transport.close()
        await protocol.until("connection_lost", patience)
        await settled()

        assert (plain.is_closing(), sock.fileno()) == (True, -1)


@check("Lib/asyncio/sslproto.py: _SSLProtocolTransport.is_closing", level="should", python=">=3.14", needs=("tls",))
async def new_transport_closes_with_old(secure, patience):
    """When the plain transport is closed the new one is closing too, and connection_lost(None) is called."""
    async with secure.plain() as (plain, protocol, peer):
        transport = await secure.upgrade(plain, protocol, peer)
        closing = [transport.is_closing()]
        plain.close()
        closing.append(transport.is_closing())
        await protocol.until("connection_lost", patience)

    assert (closing, protocol.lost_with) == ([False, True], None)


@check("asyncio-eventloop#asyncio.loop.start_tls", level="should", needs=("tls",))
async def mutual_client_cert(secure, tls):
    """A server that start_tls() makes, and that requires a certificate, knows that of the client, and the other way."""
    async with secure.upgraded(server_side=True, near=tls.server_asking(), far=tls.client_with("client.test")) as (
        transport,
        _,
        _,
    ):
        here = names_in(transport.get_extra_info("peercert"))
    async with secure.upgraded(near=tls.client_with("client.test"), far=tls.server_asking()) as (transport, _, peer):
        transport.write(b"x")
        await peer.read(1)
        there = await peer.names_shown()

    assert (here, there) == (["client.test"], ["client.test"])


@check("Lib/asyncio/base_events.py: BaseEventLoop.start_tls", level="may", needs=("tls",))
async def start_tls_compatible_attr(secure):
    """Transports that can be upgraded have a true _start_tls_compatible, TLS ones too: clients of HTTP look at it."""
    async with secure.plain() as (plain, protocol, peer):
        before = getattr(plain, "_start_tls_compatible", False)
        transport = await secure.upgrade(plain, protocol, peer)
        after = getattr(transport, "_start_tls_compatible", False)

    assert (bool(before), bool(after)) == (True, True)


# upgrades that fail


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",))
async def handshake_failure(secure, tls, errors, patience):
    """A client's upgrade that fails raises the error, closes the socket, and calls connection_lost() with it once."""
    async with secure.plain() as (plain, protocol, peer):
        sock = plain.get_extra_info("socket")
        error = await raised(
            secure.upgrade(plain, protocol, peer, far=tls.serving(issuer="stranger")), ssl.SSLCertVerificationError
        )
        await protocol.until("connection_lost", patience)
        await settled()
        found = (sock.fileno(), protocol.events[1:], type(protocol.lost_with))
        await peer.read_to_reset()

    assert (error, found, errors) == (
        ssl.SSLCertVerificationError,
        (-1, ["connection_lost"], ssl.SSLCertVerificationError),
        [],
    )


@check(
    "Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete",
    level="should",
    needs=("tls",),
    after=UPGRADES_SERVERS,
)
async def server_handshake_failure(secure, tls, errors):
    """A server's upgrade fails with an OSError when the client does not trust it."""
    async with secure.plain() as (plain, protocol, peer):
        error = await raised(
            secure.upgrade(
                plain,
                protocol,
                peer,
                server_side=True,
                near=pinned(tls.serving(issuer="stranger"), V12),
                far=pinned(tls.client, V12),
            ),
            OSError,
        )
        await settled()

    assert (error, errors) == (OSError, [])


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_handshake", level="should", needs=("tls",))
async def peer_garbage(secure, errors):
    """A peer that answers with something else than TLS makes start_tls() raise SSLError."""

    def answer(sock):
        sock.recv(1)
        sock.sendall(b"500 what do you want?\r\n")

    async with secure.plain() as (plain, protocol, peer):
        error = await raised(secure.upgrade(plain, protocol, peer, far=answer), ssl.SSLError)
        await settled()

    assert (error, errors) == (ssl.SSLError, [])


@check("Lib/asyncio/sslproto.py: SSLProtocol.eof_received", level="should", needs=("tls",))
async def peer_closes(secure, errors):
    """A peer that ends the connection in the upgrade makes start_tls() raise ConnectionResetError."""

    def leave(sock):
        sock.recv(2**16)
        sock.shutdown(socket.SHUT_WR)

    async with secure.plain() as (plain, protocol, peer):
        error = await raised(secure.upgrade(plain, protocol, peer, far=leave), ConnectionResetError)
        await settled()

    assert (error, protocol.times("connection_lost") <= 1, errors) == (ConnectionResetError, True, [])


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",))
async def handshake_timeout(secure, errors):
    """ssl_handshake_timeout raises ConnectionAbortedError and ends the connection.

    connection_lost() is called once at most: asyncio's loops do not call it, others do.
    """
    async with secure.plain() as (plain, protocol, peer):
        upgrade = secure.upgrade(plain, protocol, peer, far=lambda sock: None, ssl_handshake_timeout=TINY)
        error = await raised(upgrade, ConnectionAbortedError)
        await peer.read_to_reset()
        await settled()

    assert (error, protocol.times("connection_lost") <= 1, errors) == (ConnectionAbortedError, True, [])


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",), after=UPGRADES_SERVERS)
async def server_handshake_timeout(secure, errors):
    """ssl_handshake_timeout holds for servers too: the client that stays silent is cut off."""
    async with secure.plain() as (plain, protocol, peer):
        upgrade = secure.upgrade(
            plain, protocol, peer, far=lambda sock: None, server_side=True, ssl_handshake_timeout=TINY
        )
        error = await raised(upgrade, ConnectionAbortedError)
        arrived = await peer.read_to_reset()
        await settled()

    assert (error, arrived, errors) == (ConnectionAbortedError, b"", [])


@check("asyncio-eventloop#asyncio.loop.start_tls", needs=("tls",))
async def shutdown_timeout(secure, patience):
    """ssl_shutdown_timeout bounds a later close(): connection_lost() gets a TimeoutError."""
    async with secure.upgraded(ssl_shutdown_timeout=TINY) as (transport, protocol, peer):
        peer.sulk().result()
        transport.close()
        await protocol.until("connection_lost", patience)

    assert isinstance(protocol.lost_with, TimeoutError), f"connection_lost() got {protocol.lost_with!r}"


@check("Lib/asyncio/base_events.py: BaseEventLoop.start_tls", level="should", needs=("tls",))
async def cancellation(loop, secure, tls, errors, patience):
    """start_tls() that is cancelled raises CancelledError and ends the connection; nothing is reported."""
    async with secure.plain() as (plain, protocol, peer):
        task = await begun(calling(loop.start_tls, plain, protocol, tls.client, server_hostname=tls.host))
        await peer.read(1)
        task.cancel()
        await asyncio.wait([task], timeout=patience)
        cancelled = task.cancelled()
        await peer.read_to_reset()
        await settled()
        closing = plain.is_closing()

    assert (cancelled, closing, protocol.times("connection_lost") <= 1, errors) == (True, True, True, [])


@check("asyncio-eventloop#asyncio.loop.start_tls", python=">=3.12", needs=("tls",))
async def on_closing_transport(loop, secure, tls, patience):
    """start_tls() of a transport that is closing comes to an end: it returns None, or raises."""
    async with secure.plain() as (plain, protocol, _):
        plain.close()
        outcome = None
        # Not in a task of its own, which would begin when the transport has been closed.
        async with within(patience, "start_tls() of a transport that is closing ends"):
            with contextlib.suppress(OSError):
                outcome = await loop.start_tls(plain, protocol, tls.client, server_hostname=tls.host)

    assert outcome is None


@check("Lib/asyncio/sslproto.py: SSLProtocol.connection_lost", level="should", needs=("tls",))
async def no_leak_after_failure(secure, tls):
    """Upgrades that fail leave no descriptor and no task."""
    far = tls.serving(issuer="stranger")

    async def fail():
        async with secure.plain() as (plain, protocol, peer):
            outcome = await raised(secure.upgrade(plain, protocol, peer, far=far), ssl.SSLError)
            await peer.read_to_reset()
        await settled()
        return outcome

    await fail()
    before = (descriptors(), len(asyncio.all_tasks()))
    outcomes = [await fail() for _ in range(5)]
    after = (descriptors(), len(asyncio.all_tasks()))

    assert (outcomes, after) == ([ssl.SSLError] * 5, before)


# streams


@check("asyncio-stream#asyncio.StreamWriter.start_tls", needs=("tls",))
async def stream_writer_client_and_server(secure, tls, patience):
    """StreamWriter.start_tls() upgrades a stream as the client or the server that it is; reader and writer go on."""
    said = []
    async with StreamPair(secure, tls, patience) as streams:
        for side in ("client", "server"):
            async with streams.open(side) as (reader, writer, peer):
                peer.send(b"plain\n")
                line = await reader.readline()
                before = writer.transport
                await streams.upgrade(side, writer, peer)
                writer.write(b"from here\n")
                peer.send(b"from there\n")
                info = writer.get_extra_info("ssl_object")
                said.append(
                    (
                        line,
                        await peer.read(10),
                        await reader.readline(),
                        writer.transport is before,
                        info.server_side,
                    )
                )
                peer.half_close()
                said.append(await reader.read())

    assert said == [
        (b"plain\n", b"from here\n", b"from there\n", False, False),
        b"",
        (b"plain\n", b"from here\n", b"from there\n", False, True),
        b"",
    ]


@check("asyncio-stream#asyncio.StreamWriter.start_tls", python=">=3.12", needs=("tls",))
async def stream_writer_shutdown_timeout_param(secure, tls, patience):
    """StreamWriter.start_tls() takes ssl_handshake_timeout and ssl_shutdown_timeout, and they have their effect."""
    async with StreamPair(secure, tls, patience) as streams:
        async with streams.open("client", ends=False) as (_, writer, peer):
            handshake = await raised(
                writer.start_tls(tls.client, server_hostname=tls.host, ssl_handshake_timeout=TINY),
                ConnectionAbortedError,
            )
        async with streams.open("client") as (_, writer, peer):
            await streams.upgrade("client", writer, peer, ssl_handshake_timeout=60, ssl_shutdown_timeout=TINY)
            peer.sulk().result()
            writer.close()
            shutdown = await raised(soon(writer.wait_closed(), patience, "wait_closed() ends"), TimeoutError)

    assert (handshake, shutdown) == (ConnectionAbortedError, TimeoutError)


@check("asyncio-stream#asyncio.StreamWriter.start_tls", needs=("tls",))
async def stream_writer_failure(secure, tls, patience):
    """StreamWriter.start_tls() that fails raises the error of the handshake, and the writer is closing."""
    async with StreamPair(secure, tls, patience) as streams, streams.open("client") as (_, writer, peer):
        peer.secure(tls.serving(issuer="stranger"), server_side=True)
        error = await raised(writer.start_tls(tls.client, server_hostname=tls.host), ssl.SSLCertVerificationError)
        await settled()

        assert (error, writer.is_closing()) == (ssl.SSLCertVerificationError, True)


@check("Lib/asyncio/base_events.py: BaseEventLoop.start_tls", level="should", python=">=3.14.8", needs=("tls",))
async def stream_reader_buffered_clienthello(secure, tls, patience):
    """A ClientHello that the reader of a server's stream has taken already is part of the handshake.

    Clients that do not wait for an answer to their STARTTLS send it so.
    """

    line_before = [b"STARTTLS\n"]

    def send(sock, data):
        # In one piece, so that whoever has read the line has read the ClientHello.
        sock.sendall(b"".join(line_before) + data)
        line_before.clear()

    def hurry(sock):
        end = Secure(sock, tls.client, deliver=send, server_hostname=tls.host)
        end.handshake()
        end.sendall(b"secret\n")
        return end

    async with StreamPair(secure, tls, patience) as streams, streams.open("server") as (reader, writer, peer):
        peer.does("upgrading without waiting", hurry)
        line = await reader.readline()
        await soon(writer.start_tls(tls.server), patience, "start_tls() returns")

        assert (line, await reader.readline()) == (b"STARTTLS\n", b"secret\n")


@check("Lib/asyncio/streams.py: StreamReader._replace_transport", level="should", python=">=3.14.8", needs=("tls",))
async def stream_reader_pauses_new_transport(secure, tls, patience):
    """After StreamWriter.start_tls() it is the TLS transport that a full reader pauses, and reading resumes it."""
    sent = pattern(3 * 2**20)
    async with (
        StreamPair(secure, tls, patience, limit=1000) as streams,
        streams.open("client") as (
            reader,
            writer,
            peer,
        ),
    ):
        await streams.upgrade("client", writer, peer)
        peer.send(sent)
        async with asyncio.timeout(patience):
            while writer.transport.is_reading():
                await asyncio.sleep(0)
        got = await reader.readexactly(len(sent))

    assert got == sent


also_in(
    {
        "tls12": (
            client_upgrade,
            server_side_upgrade,
            handshake_failure,
            shutdown_timeout,
            stream_writer_client_and_server,
        ),
        "debug": (client_upgrade, handshake_failure, handshake_timeout, cancellation),
    }
)
