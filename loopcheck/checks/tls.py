"""TLS by create_connection(), create_server() and their relatives: arguments, certificates, data, the end, failures."""

import asyncio
import contextlib
import gc
import random
import socket
import ssl
import sys
import tempfile
import weakref

import loopcheck.kit.contexts  # noqa: F401  # the tool "var"
from loopcheck.basics import (
    CONNECTS,
    CONNECTS_OVER_TLS,
    CONNECTS_TO_UNIX,
    SERVES,
    SERVES_TLS,
    SERVES_UNIX,
    TAKES_ACCEPTED_SOCKETS,
)
from loopcheck.check import also_in, check, untested
from loopcheck.checks import transports
from loopcheck.kit import pass_turns, refuses, soon
from loopcheck.kit.buffers import Buffers
from loopcheck.kit.channels import Wire, fill, pattern
from loopcheck.kit.peers import AS_SENT, Peer, compared
from loopcheck.kit.secure import (
    CLOSE_NOTIFY,
    V12,
    V13,
    Secure,
    SecurePeer,
    begun,
    calling,
    descriptors,
    names_in,
    paced,
    pinned,
)
from loopcheck.kit.surroundings import environment, warned

AFTER = CONNECTS_OVER_TLS

TINY = 0.05
"""Seconds: a limit that is meant to be exceeded."""

BIG = 2**20
"""Bytes; more than a narrow connection takes at once."""

LOST = ["connection_made", "connection_lost"]
"""The callbacks of a connection on which nothing was received."""

REFUSED = (ssl.SSLError, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
"""What the end of a handshake can look like to the side that was refused, with an alert or without one."""


async def raised(awaitable, *wanted):
    """What awaiting it raised: one of the wanted classes if it is of that class, else the exception; or None."""
    try:
        made = await awaitable
    except NotImplementedError:
        raise  # the loop does not offer it
    except Exception as error:
        return next((one for one in wanted if isinstance(error, one)), repr(error))
    (made[0] if isinstance(made, tuple) else made).close()
    return None


def entrances(loop, folder, sock):
    """Every method that takes ``ssl``, by name, without it."""
    return {
        "create_connection": lambda **options: calling(
            loop.create_connection, asyncio.Protocol, "127.0.0.1", 1, **options
        ),
        "create_server": lambda **options: calling(loop.create_server, asyncio.Protocol, "127.0.0.1", 0, **options),
        "create_unix_connection": lambda **options: calling(
            loop.create_unix_connection, asyncio.Protocol, f"{folder}/nowhere", **options
        ),
        "create_unix_server": lambda **options: calling(
            loop.create_unix_server, asyncio.Protocol, f"{folder}/server", **options
        ),
        "connect_accepted_socket": lambda **options: calling(
            loop.connect_accepted_socket, asyncio.Protocol, sock, **options
        ),
    }


def names_asked_for(context):
    """A list of the names that clients ask a server's context for."""
    asked = []
    context.sni_callback = lambda sock, name, context: asked.append(name)
    return asked


async def settled(turns=8):
    """Some turns of the loop, for what comes with a delay."""
    await pass_turns(turns)


# arguments


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("unix-connections",), after=CONNECTS_TO_UNIX)
async def server_hostname_without_ssl_rejected(loop, folder):
    """create_connection() and create_unix_connection() raise ValueError for server_hostname without ssl."""
    methods = entrances(loop, folder, None)
    got = {
        (name, value): await raised(methods[name](ssl=value, server_hostname="localhost"), ValueError)
        for name in ("create_connection", "create_unix_connection")
        for value in (None, False)
    }

    assert got == dict.fromkeys(got, ValueError)


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.create_connection",
    level="should",
    needs=("unix-connections",),
    after=TAKES_ACCEPTED_SOCKETS,
)
async def handshake_timeout_without_ssl_rejected(loop, folder, socketpair):
    """Every method that takes ssl_handshake_timeout raises ValueError when it is given without ssl."""
    methods = entrances(loop, folder, socketpair[0])
    got = {name: await raised(call(ssl_handshake_timeout=1), ValueError) for name, call in methods.items()}

    assert got == dict.fromkeys(methods, ValueError)


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.create_connection",
    level="should",
    needs=("unix-connections",),
    after=TAKES_ACCEPTED_SOCKETS,
)
async def shutdown_timeout_without_ssl_rejected(loop, folder, socketpair):
    """Every method that takes ssl_shutdown_timeout raises ValueError when it is given without ssl."""
    methods = entrances(loop, folder, socketpair[0])
    got = {name: await raised(call(ssl_shutdown_timeout=1), ValueError) for name, call in methods.items()}

    assert got == dict.fromkeys(methods, ValueError)


@check("Lib/asyncio/sslproto.py: SSLProtocol.__init__", level="should", needs=("tls",))
async def nonpositive_timeouts_rejected(loop, secure, tls):
    """A client's ssl_handshake_timeout or ssl_shutdown_timeout of zero or less raises ValueError."""
    got = {}
    with warned(ResourceWarning):  # some loops leave the socket to the garbage collector
        for option in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
            for value in (0, -1, -0.5):
                async with secure.silence() as (address, _):
                    connecting = calling(
                        loop.create_connection,
                        asyncio.Protocol,
                        *address,
                        ssl=tls.client,
                        server_hostname=tls.host,
                        **{option: value},
                    )
                    got[option, value] = await raised(connecting, ValueError)
        gc.collect()

    assert got == dict.fromkeys(got, ValueError)


@check("asyncio-eventloop#asyncio.loop.create_server", level="should", needs=("unix-connections",), after=SERVES_UNIX)
async def server_ssl_bool_rejected(loop, folder):
    """create_server() and create_unix_server() raise TypeError when ssl is True or False: a server needs a context."""
    methods = entrances(loop, folder, None)
    got = {
        (name, value): await raised(methods[name](ssl=value), TypeError)
        for name in ("create_server", "create_unix_server")
        for value in (True, False)
    }

    assert got == dict.fromkeys(got, TypeError)


@check("Lib/asyncio/sslproto.py: _create_transport_context", level="should", needs=("tls",), after=SERVES_TLS)
async def accepted_socket_ssl_true_rejected(loop, socketpair):
    """connect_accepted_socket(ssl=True) raises ValueError or TypeError: there is no default certificate."""
    near, _ = socketpair

    assert await raised(
        calling(loop.connect_accepted_socket, asyncio.Protocol, near, ssl=True), ValueError, TypeError
    ) in (
        ValueError,
        TypeError,
    )


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",), after=CONNECTS)
async def no_host_needs_server_hostname(loop, tls, socketpair):
    """create_connection() with ssl but without a host raises ValueError unless server_hostname is given."""
    near, _ = socketpair
    connect = loop.create_connection
    got = {
        "sock": await raised(calling(connect, asyncio.Protocol, sock=near, ssl=tls.client), ValueError),
        "host=None": await raised(calling(connect, asyncio.Protocol, None, 1, ssl=tls.client), ValueError),
        "host=''": await raised(calling(connect, asyncio.Protocol, "", 1, ssl=tls.client), ValueError),
    }

    assert got == dict.fromkeys(got, ValueError)


@check(
    "Lib/asyncio/unix_events.py: create_unix_connection",
    level="should",
    needs=(
        "tls",
        "unix-sockets",
    ),
    after=CONNECTS_TO_UNIX,
)
async def unix_needs_server_hostname(loop, tls, folder):
    """create_unix_connection() with ssl and without server_hostname raises ValueError, before it looks for the path."""
    call = entrances(loop, folder, None)["create_unix_connection"]

    assert await raised(call(ssl=tls.client), ValueError) is ValueError


# names


@check("asyncio-eventloop#asyncio.loop.create_connection", python=">=3.14.8", needs=("tls",))
async def empty_server_hostname_with_check_hostname(secure):
    """server_hostname="" raises ValueError when the context checks names: there would be nothing to check."""
    refusal = await secure.refusal(server_hostname="")

    assert (refusal.kind, refusal.events) == (ValueError, [])


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def empty_server_hostname_disables_match(secure, tls):
    """server_hostname="" with a context that checks no names accepts any name, but no authority that is unknown."""
    context = tls.client
    context.check_hostname = False
    async with secure.client(near=context, far=tls.serving(tls.other), server_hostname="") as (transport, _, _):
        names = names_in(transport.get_extra_info("peercert"))
    stranger = tls.client
    stranger.check_hostname = False
    refusal = await secure.refusal(near=stranger, far=tls.serving(issuer="stranger"), server_hostname="")

    assert (names, refusal.kind) == ([tls.other], ssl.SSLCertVerificationError)


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def server_hostname_defaults_to_host(secure, tls):
    """Without server_hostname the host is the name that the server is asked for and that its certificate must have."""
    context = tls.server
    asked = names_asked_for(context)
    async with secure.client(far=context, host="localhost", server_hostname=...):
        pass
    refusal = await secure.refusal(far=tls.serving(tls.other), host="localhost", server_hostname=...)

    assert (asked, refusal.kind) == (["localhost"], ssl.SSLCertVerificationError)


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def server_hostname_overrides_host(secure, tls):
    """server_hostname takes the place of the host, as what the server is asked for and what is looked for.

    Tunnels and tests connect to an address and check the name of the service.
    """
    context = tls.serving(tls.other)
    asked = names_asked_for(context)
    async with secure.client(far=context, server_hostname=tls.other):
        pass
    refusal = await secure.refusal(host="localhost", server_hostname="wrong.test")

    assert (asked, refusal.kind) == ([tls.other], ssl.SSLCertVerificationError)


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_connection", level="should", needs=("tls",))
async def ip_server_hostname(secure, tls):
    """When the name is an IP address the certificate must have that address, and the server is asked for no name."""
    context = tls.server
    asked = names_asked_for(context)
    async with secure.client(far=context, server_hostname=...):
        pass
    refusal = await secure.refusal(far=tls.serving(tls.host), server_hostname=...)

    assert (asked, refusal.kind) == ([None], ssl.SSLCertVerificationError)


@check("ssl#ssl.SSLContext.check_hostname", level="should", needs=("tls",))
async def wildcard_hostname(secure, tls):
    """A wildcard in a certificate stands for exactly one label: *.wild.test is a.wild.test, and no other depth."""
    errors = {}
    for name in ("a.wild.test", "wild.test", "a.b.wild.test"):
        errors[name] = (await secure.refusal(far=tls.serving("*.wild.test"), server_hostname=name)).kind

    assert errors == {
        "a.wild.test": None,
        "wild.test": ssl.SSLCertVerificationError,
        "a.b.wild.test": ssl.SSLCertVerificationError,
    }


# contexts


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def ssl_true_default_context(secure, tls, folder):
    """ssl=True connects with the default context: the system's authorities, and certificates and names are checked."""
    with environment("SSL_CERT_FILE", tls.root_as_file()), environment("SSL_CERT_DIR", folder):
        async with secure.client(near=True) as (transport, _, _):
            context = transport.get_extra_info("sslcontext")
            found = (context.verify_mode, context.check_hostname)
        refusal = await secure.refusal(near=True, far=tls.serving(issuer="stranger"))

    assert (found, refusal.kind) == ((ssl.CERT_REQUIRED, True), ssl.SSLCertVerificationError)


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def context_used_as_given(secure, tls):
    """The context given is the one used, on both sides: get_extra_info("sslcontext") is that object."""
    client, server = tls.client, tls.server
    async with secure.client(near=client) as (transport, _, _):
        of_client = transport.get_extra_info("sslcontext") is client
    async with secure.server(near=server) as (transport, _, _):
        of_server = transport.get_extra_info("sslcontext") is server

    assert (of_client, of_server) == (True, True)


@check("asyncio-eventloop#asyncio.loop.create_connection", after=CONNECTS)
async def falsy_ssl_is_plain(loop, listener):
    """ssl=None and ssl=False make a plain connection, which knows nothing of TLS."""
    found = []
    for value in (None, False):
        transport, _ = await loop.create_connection(asyncio.Protocol, *listener.getsockname(), ssl=value)
        peer, _ = listener.accept()
        with peer:
            transport.write(b"plain")
            peer.setblocking(True)
            await pass_turns(2)
            found.append((transport.get_extra_info("sslcontext"), transport.get_extra_info("ssl_object", "default")))
            found.append(peer.recv(5))
            transport.abort()
        await pass_turns(2)

    assert found == [(None, "default"), b"plain"] * 2


@check("Lib/asyncio/sslproto.py: SSLProtocol.__init__", level="should", needs=("tls",))
async def context_wrap_bio_honoured(secure, tls):
    """The loop goes once through the wrap_bio() or wrap_socket() of the context that it is given.

    Libraries that check certificates with the operating system (truststore) override them.
    """

    class Context(ssl.SSLContext):
        def wrap_bio(self, *arguments, **options):
            wrapped.append("wrapped")
            return super().wrap_bio(*arguments, **options)

        def wrap_socket(self, *arguments, **options):
            wrapped.append("wrapped")
            return super().wrap_socket(*arguments, **options)

    wrapped = []
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls.root_as_file())
    async with secure.client(near=context):
        pass

    assert wrapped == ["wrapped"]


# the handshake, when it succeeds


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def connection_made_after_handshake(secure):
    """connection_made() is called once, when the handshake is done, with the transport that the call returns.

    What there is to know about the peer is known by then.
    """
    known = []

    def look(protocol):
        info = protocol.transport.get_extra_info
        known.append((bool(info("peercert")), info("cipher") is not None, info("ssl_object").version() is not None))

    async with secure.client(react={"connection_made": look}) as (transport, protocol, _):
        made = protocol.transport
        events = protocol.events

    assert (known, events, made is transport) == ([(True, True, True)], ["connection_made"], True)


@check("Lib/asyncio/sslproto.py: SSLProtocol.connection_lost", level="should", needs=("tls",), after=SERVES_TLS)
async def server_connection_made_after_handshake(secure, errors, patience):
    """A server's protocol is not called for a client that hangs up before the handshake is done."""
    async with secure.serving() as (accepted, call, _):
        with call() as peer:
            peer.sends_raw(b"\x16\x03\x01")
            peer.half_close()
            await peer.read_to_reset()
        with call() as peer:
            peer.hang_up()
        with call() as peer:
            await peer.secure(secure.peers_client, server_hostname="localhost")
            peer.send(b"x")
            await accepted.nth(len(accepted) or 1, patience)
            events = [event for protocol in accepted[:-1] for event in protocol.events]
            peer.let_go()

    assert (events, errors) == ([], [])


@check("asyncio-eventloop#asyncio.loop.connect_accepted_socket", needs=("tls",), after=SERVES_TLS)
async def connect_accepted_socket(loop, secure, tls, listener, patience):
    """connect_accepted_socket() with a context does the server's handshake, and returns the protocol of the factory."""
    made = []

    def factory():
        made.append(Wire())
        return made[-1]

    with SecurePeer.connecting(listener.getsockname(), patience) as peer:
        sock, _ = listener.accept()
        sock.setblocking(False)
        peer.secure(tls.client, server_hostname=tls.host)
        peer.send(b"secret")
        transport, protocol = await soon(
            loop.connect_accepted_socket(factory, sock, ssl=tls.server), patience, "connect_accepted_socket() returns"
        )
        data = await made[0].has_received(6, patience)
        of_factory = [one is protocol for one in made]
        peer.let_go()
        transport.abort()
        await made[0].until("connection_lost", patience)

    assert (data, of_factory) == (b"secret", [True])


@check(
    "asyncio-eventloop#asyncio.loop.create_unix_connection",
    needs=(
        "tls",
        "unix-sockets",
    ),
)
async def unix_sockets(loop, tls, unix_listener, folder, patience):
    """TLS works over Unix sockets, for clients and for servers."""
    got = []
    with SecurePeer.accepting(unix_listener, patience) as peer:
        peer.secure(tls.server, server_side=True)
        echo = peer.read(6)
        transport, protocol = await loop.create_unix_connection(
            Wire, unix_listener.getsockname(), ssl=tls.client, server_hostname=tls.host
        )
        transport.write(b"client")
        got.append((await echo, transport.get_extra_info("ssl_object").server_side))
        peer.let_go()
        transport.abort()
        await protocol.until("connection_lost", patience)
    accepted = Wire()
    server = await loop.create_unix_server(lambda: accepted, f"{folder}/server", ssl=tls.server)
    with SecurePeer.connecting(f"{folder}/server", patience) as peer:
        peer.secure(tls.client, server_hostname=tls.host)
        peer.send(b"server")
        got.append(
            (await accepted.has_received(6, patience), accepted.transport.get_extra_info("ssl_object").server_side)
        )
        peer.let_go()
        accepted.transport.abort()
        await accepted.until("connection_lost", patience)
    server.close()
    await server.wait_closed()

    assert got == [(b"client", False), (b"server", True)]


async def talk_to_blocking_socket(loop, tls, listener, patience, version):
    """A client that talks to an ssl.SSLSocket: what both got, the version, and how both ends saw the end."""
    data = pattern(200_000)
    with Peer.accepting(listener, patience) as peer:
        peer.start_tls(pinned(tls.server, version), server_side=True, suppress_ragged_eofs=False)
        got = peer.gets(data)
        sending = peer.send(data)
        protocol = Wire()
        transport, _ = await loop.create_connection(
            lambda: protocol, *listener.getsockname(), ssl=tls.client, server_hostname=tls.host
        )
        transport.write(data)
        there = await got
        await sending
        here = compared(await protocol.has_received(len(data), patience), data)
        spoken = transport.get_extra_info("ssl_object").version()
        end = peer.does("reading the end", lambda sock: (sock.recv(1), sock.unwrap() is not None))
        transport.close()
        seen = await end
        await protocol.until("connection_lost", patience)
    return there, here, spoken, seen, protocol.lost_with


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_shutdown", level="should", needs=("tls",))
async def blocking_peer_interop_12(loop, tls, listener, patience):
    """A client talks TLS 1.2 with a blocking ssl.SSLSocket, up to a close_notify in both directions."""
    assert await talk_to_blocking_socket(loop, tls, listener, patience, V12) == (
        AS_SENT,
        AS_SENT,
        "TLSv1.2",
        (b"", True),
        None,
    )


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_shutdown", level="should", needs=("tls",))
async def blocking_peer_interop_13(loop, tls, listener, patience):
    """A client talks TLS 1.3 with a blocking ssl.SSLSocket, up to a close_notify in both directions."""
    assert await talk_to_blocking_socket(loop, tls, listener, patience, V13) == (
        AS_SENT,
        AS_SENT,
        "TLSv1.3",
        (b"", True),
        None,
    )


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", level="should", needs=("tls",))
async def alpn(secure, tls):
    """The protocol that both sides offer by ALPN is selected, the server's favourite first; None is no failure."""
    offers = (("h2", "http/1.1"), ("http/1.1",), (), ("other",))
    selected = []
    for side in (secure.client, secure.server):
        for offer in offers:
            server, client = tls.server, tls.client
            server.set_alpn_protocols(["h2", "http/1.1"])
            client.set_alpn_protocols(list(offer))
            near, far = (client, server) if side == secure.client else (server, client)
            async with side(near=near, far=far) as (transport, _, peer):
                here = transport.get_extra_info("ssl_object").selected_alpn_protocol()
                selected.append((here, peer.tls.selected_alpn_protocol()))

    assert selected == [("h2", "h2"), ("http/1.1", "http/1.1"), (None, None), (None, None)] * 2


@check("ssl#ssl.SSLContext.set_alpn_protocols", needs=("tls",))
async def alpn_is_negotiated(secure, tls):
    """What the SSLContext says of ALPN reaches the peer: it is offered by a client, and a server selects from it.

    A client of HTTP/2 that does not offer it gets HTTP/1.1, or no connection at all.
    """
    selected = []
    for side in (secure.client, secure.server):
        server, client = tls.server, tls.client
        server.set_alpn_protocols(["h2", "http/1.1"])
        client.set_alpn_protocols(["http/1.1", "h2"])
        near, far = (client, server) if side == secure.client else (server, client)
        async with side(near=near, far=far) as (_, _, peer):
            selected.append(peer.tls.selected_alpn_protocol())

    assert selected == ["h2", "h2"]


@check("ssl#ssl.SSLContext.sni_callback", level="should", needs=("tls",), after=SERVES_TLS)
async def sni_callback_switches_context(secure, tls):
    """A server's sni_callback is called with the TLS object, the name and the context, and can change the context.

    One server has a certificate for each of its names this way.
    """
    server, other = tls.server, tls.serving(tls.other)
    called = []

    def choose(sock, name, context):
        called.append((isinstance(sock, ssl.SSLObject | ssl.SSLSocket), name, context is server))
        sock.context = other

    server.sni_callback = choose
    async with secure.serving(near=server) as (_, call, _):
        with call() as peer:
            outcome = await peer.secure(tls.client, server_hostname=tls.other)
            names = await peer.names_shown() if outcome == "done" else []
            peer.let_go()

    assert (outcome, called, names) == ("done", [(True, tls.other, True)], [tls.other])


@check("ssl#ssl.SSLContext.sni_callback", level="should", needs=("tls",), after=SERVES)
async def sni_callback_alert(secure, tls, errors):
    """When a server's sni_callback returns an alert the handshake fails, and the protocol is not called."""
    server = tls.server
    server.sni_callback = lambda *arguments: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    async with secure.serving(near=server) as (accepted, call, _):
        with call() as peer:
            outcome = await peer.secure(secure.peers_client, server_hostname=tls.host)
        await settled()
        events = [event for protocol in accepted for event in protocol.events]

    assert (outcome != "done", events, errors) == (True, [], [])


@check("ssl#ssl.SSLContext.sni_callback", level="should", needs=("tls",), after=SERVES_TLS)
async def sni_callback_exception(secure, tls, errors, patience):
    """What a server's sni_callback raises goes to sys.unraisablehook, the handshake fails, and the server goes on."""
    error = ZeroDivisionError("mine")
    server = tls.server

    def choose(sock, name, context):
        if name == tls.host:
            raise error

    server.sni_callback = choose
    hooked = []
    before, sys.unraisablehook = sys.unraisablehook, lambda arguments: hooked.append(arguments.exc_value)
    try:
        async with secure.serving(near=server) as (_, call, _):
            with call() as peer:
                outcome = await peer.secure(secure.peers_client, server_hostname=tls.host)
            with call() as peer:
                again = await peer.secure(secure.peers_client, server_hostname="127.0.0.1")
                peer.let_go()
    finally:
        sys.unraisablehook = before

    assert (outcome != "done", hooked, again, errors) == (True, [error], "done", [])


@check("ssl#ssl.SSLContext.session_stats", level="should", needs=("tls",), after=SERVES_TLS)
async def server_resumes_sessions(secure, tls):
    """A client that comes back with its session resumes it: tickets of a server's TLS 1.3 arrive and are honoured."""
    context = tls.server
    client = tls.client
    async with secure.serving(react={"data_received": lambda one: one.transport.write(b"y")}, near=context) as (
        _,
        call,
        _,
    ):
        with call() as peer:
            first = await peer.secure(client, server_hostname=tls.host)
            peer.send(b"x")
            await peer.read(1)
            session = peer.tls.session
            peer.let_go()
        with call() as peer:
            second = await peer.secure(client, server_hostname=tls.host, session=session)
            reused = peer.tls.session_reused
            peer.let_go()

    assert (first, second, reused) == ("done", "done", True)


@check("ssl#ssl.SSLContext.post_handshake_auth", level="should", needs=("tls",))
async def post_handshake_authentication(secure, tls, patience):
    """A client answers a server that asks for its certificate after the handshake; its protocol hears nothing of it.

    Servers of HTTP ask so once they know which page is wanted.
    """
    near = tls.client_with("client.test")
    near.post_handshake_auth = True
    far = tls.server_asking(ssl.CERT_REQUIRED)
    far.post_handshake_auth = True

    def ask(sock):
        sock.tls.verify_client_post_handshake()
        sock.sendall(b"who are you?")
        answer = sock.recv(6)
        return answer, names_in(sock.tls.getpeercert())

    async with secure.client(near=near, far=far) as (transport, protocol, peer):
        asked = peer.does("asking for a certificate", ask)
        await protocol.has_received(12, patience)
        transport.write(b"I am I")
        answer = await asked
        events = protocol.events

    assert (answer, events) == ((b"I am I", ["client.test"]), ["connection_made", "data_received"])


untested(
    "renegotiation_refused",
    "ssl#ssl.OP_NO_RENEGOTIATION",
    "A peer that renegotiates in TLS 1.2 does no harm.",
    because="Python's ssl module cannot ask for a renegotiation, so there is no peer that does.",
    level="should",
)


# certificates


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def verify_unknown_ca(secure, tls, errors):
    """A certificate of an unknown authority raises SSLCertVerificationError, and nobody else is told."""
    refusal = await secure.refusal(far=tls.serving(issuer="stranger"))
    await settled()

    assert (refusal.kind, refusal.events, errors) == (ssl.SSLCertVerificationError, [], [])


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def verify_wrong_host(secure, tls):
    """A certificate for another name raises SSLCertVerificationError."""
    refusal = await secure.refusal(far=tls.serving(tls.other))

    assert (refusal.kind, refusal.events) == (ssl.SSLCertVerificationError, [])


@check("ssl#ssl.SSLCertVerificationError", level="should", needs=("tls",))
async def verify_expired(secure, tls):
    """A certificate whose time is over, or has not come yet, raises SSLCertVerificationError."""
    expired = await secure.refusal(far=tls.serving(expired=True))
    early = await secure.refusal(far=tls.serving(early=True))

    assert [(one.kind, one.events) for one in (expired, early)] == [(ssl.SSLCertVerificationError, [])] * 2


@check("ssl#ssl.SSLCertVerificationError", level="should", needs=("tls",))
async def verify_self_signed(secure, tls):
    """A certificate that has signed itself raises SSLCertVerificationError."""
    refusal = await secure.refusal(far=tls.frozen("self_signed"))

    assert (refusal.kind, refusal.events) == (ssl.SSLCertVerificationError, [])


@check("ssl#ssl.SSLCertVerificationError.verify_code", level="should", needs=("tls",))
async def verify_codes(secure, tls):
    """The verify_code of a SSLCertVerificationError tells what is wrong with a certificate.

    Programs tell their users so that a clock is wrong, or a name.
    """
    far = {
        "unknown": tls.serving(issuer="stranger"),
        "another name": tls.serving(tls.other),
        "expired": tls.serving(expired=True),
        "early": tls.serving(early=True),
        "self-signed": tls.frozen("self_signed"),
    }
    codes = {name: (await secure.refusal(far=context)).code for name, context in far.items()}

    assert codes | {"unknown": codes["unknown"] in (19, 20, 21)} == {
        "unknown": True,
        "another name": 62,
        "expired": 10,
        "early": 9,
        "self-signed": 18,
    }


@check("ssl#ssl.SSLCertVerificationError", level="should", needs=("tls",))
async def verify_whole_chain(secure, tls):
    """A chain with an expired, a missing, a false or a too narrow authority raises SSLCertVerificationError.

    So does a certificate that is for clients only.
    """
    names = (
        *("expired", "expired_authority", "chain_without_middle", "issued_by_leaf", "outside_constraints"),
        "client_only",
    )
    refusals = {name: (await secure.refusal(near=tls.trusts_frozen, far=tls.frozen(name))).kind for name in names}

    assert refusals == dict.fromkeys(names, ssl.SSLCertVerificationError)


@check("ssl#ssl.SSLContext.load_cert_chain", level="should", needs=("tls",))
async def verify_intermediate_chain(secure, tls):
    """A certificate of an intermediate authority, which the server sends along, leads to the root that is trusted."""
    ours, frozen = tls.serving(issuer="intermediate"), tls.frozen("chain")
    async with secure.client(far=ours) as (transport, _, _):
        names = [names_in(transport.get_extra_info("peercert"))[0]]
    async with secure.client(near=tls.trusts_frozen, far=frozen) as (transport, _, _):
        names.append(names_in(transport.get_extra_info("peercert"))[0])
    async with secure.server(near=tls.serving(issuer="intermediate")) as (_, _, peer):
        names += (await peer.names_shown())[:1]

    assert names == ["localhost"] * 3


@check("ssl#ssl.SSLContext.load_cert_chain", level="should", needs=("tls",))
async def rsa_key(secure, tls):
    """Keys of all kinds work: RSA, the usual and a longer elliptic curve, Edwards curves, and encrypted key files."""
    names = ("rsa_2048", "good", "p384", "ed25519", "encrypted_key")
    outcomes = {}
    for name in names:
        async with secure.client(near=tls.trusts_frozen, far=tls.frozen(name)) as (transport, _, peer):
            transport.write(b"client")
            outcomes[name] = [await peer.read(6)]
        async with secure.server(near=tls.frozen(name), far=tls.trusts_frozen) as (transport, _, peer):
            transport.write(b"server")
            outcomes[name].append(await peer.read(6))

    assert outcomes == dict.fromkeys(names, [b"client", b"server"])


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", level="should", needs=("tls",))
async def client_cert_required_present(secure, tls):
    """A server that requires certificates accepts a client with one, and its transport has it as "peercert"."""
    async with secure.server(near=tls.server_asking(), far=tls.client_with("client.test")) as (transport, _, _):
        names = names_in(transport.get_extra_info("peercert"))
    async with secure.client(near=tls.client_with("client.test"), far=tls.server_asking()) as (transport, _, peer):
        transport.write(b"x")
        await peer.read(1)
        sent = await peer.names_shown()

    assert (names, sent) == (["client.test"], ["client.test"])


async def clients_without_certificate(secure, tls, version):
    """What comes of clients without a certificate, and with one of a stranger, that a server requires."""
    outcomes = []
    for far in (tls.client, tls.client_with("client.test", issuer="stranger")):
        async with secure.serving(near=pinned(tls.server_asking(), version)) as (accepted, call, _):
            with call() as peer:
                peer.secure(far, server_hostname=tls.host)
                outcomes.append((await peer.how_it_ended()) != CLOSE_NOTIFY)
            await settled()
            outcomes.append([event for protocol in accepted for event in protocol.events])
    return outcomes


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",))
async def client_cert_required_absent_12(secure, tls, errors):
    """A server that requires a certificate in TLS 1.2 lets no client in that has none of a trusted authority.

    The server's protocol is not called, and nothing is reported. A client of the loop is told by an exception.
    """
    assert await clients_without_certificate(secure, tls, V12) == [True, []] * 2
    refusals = [
        await secure.refusal(near=near, far=pinned(tls.server_asking(), V12))
        for near in (tls.client, tls.client_with("client.test", issuer="stranger"))
    ]

    assert [(isinstance(one.error, REFUSED), one.events) for one in refusals] == [(True, [])] * 2
    assert errors == []


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",))
async def client_cert_required_absent_13(secure, tls, errors, patience):
    """A server that requires a certificate in TLS 1.3 lets no client in that has none of a trusted authority.

    A client has finished before it can know: its connection is lost once, with None or an OSError.
    """
    assert await clients_without_certificate(secure, tls, V13) == [True, []] * 2
    ends = []
    for near in (tls.client, tls.client_with("client.test", issuer="stranger")):
        refusal = await refused_late(secure, near, pinned(tls.server_asking(), V13), patience)
        ends.append(refusal)

    assert ends == [True, True]
    assert errors == []


async def refused_late(secure, near, far, patience):
    """Whether a client that is refused after its handshake gets an exception, or loses its connection once."""
    try:
        async with secure.client(near=near, far=far) as (_, protocol, peer):
            peer.hang_up()
            await protocol.until("connection_lost", patience)
            await settled()
    except REFUSED:
        return True
    return protocol.times("connection_lost") == 1 and isinstance(protocol.lost_with, OSError | None)


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", level="should", needs=("tls",), after=SERVES_TLS)
async def client_cert_optional(secure, tls):
    """With CERT_OPTIONAL clients with and without a certificate connect; "peercert" is the certificate, or None."""
    found = []
    for far in (tls.client, tls.client_with("client.test")):
        async with secure.server(near=tls.server_asking(ssl.CERT_OPTIONAL), far=far) as (transport, _, _):
            certificate = transport.get_extra_info("peercert", "default")
            found.append(certificate and names_in(certificate))

    assert found == [None, ["client.test"]]


@check("asyncio-eventloop#asyncio.loop.create_connection", level="should", needs=("tls",))
async def no_common_version(secure, tls, errors):
    """A client and a server without a common version of TLS do not connect: the client gets an OSError."""
    refusal = await secure.refusal(near=pinned(tls.client, V12), far=pinned(tls.server, V13))
    async with secure.serving(near=pinned(tls.server, V13)) as (accepted, call, _):
        with call() as peer:
            outcome = await peer.secure(pinned(tls.client, V12), server_hostname=tls.host)
        await settled()
        events = [event for protocol in accepted for event in protocol.events]

    assert (refusal.is_oserror, refusal.events, outcome != "done", events, errors) == (True, [], True, [], [])


# what there is to know


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", needs=("tls",))
async def extra_info(secure, tls):
    """A TLS transport knows certificate, cipher, compression, context and object of TLS, and socket and names."""
    found = []
    for side in (secure.client, secure.server):
        async with side() as (transport, _, peer):
            info = transport.get_extra_info
            tls_object = info("ssl_object")
            found.append(
                {
                    "peercert": info("peercert") == tls_object.getpeercert(),
                    "cipher": info("cipher") == tls_object.cipher() == peer.tls.cipher(),
                    "compression": info("compression", "default"),
                    "ssl_object": isinstance(tls_object, ssl.SSLObject | ssl.SSLSocket),
                    "socket": info("socket").fileno() >= 0,
                    "names": (info("sockname"), info("peername")) == (peer.address_of_subject, peer.address),
                    "nope": (info("nope"), info("nope", "default")),
                }
            )

    assert (
        found
        == [
            {
                "peercert": True,
                "cipher": True,
                "compression": None,
                "ssl_object": True,
                "socket": True,
                "names": True,
                "nope": (None, "default"),
            }
        ]
        * 2
    )


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", needs=("tls",))
async def peercert_is_filled(secure, tls):
    """ "peercert" of a verified server is a dict with subject, issuer, time and names."""
    async with secure.client() as (transport, _, _):
        certificate = transport.get_extra_info("peercert")

    assert {"subject", "issuer", "notAfter", "subjectAltName"} <= set(certificate), f"it is {certificate!r}"


@check("ssl#ssl.SSLSocket.getpeercert", level="should", needs=("tls",))
async def peercert_without_verification(secure, tls):
    """Without verification "peercert" is an empty dict, while ssl_object has the certificate as bytes."""
    context = tls.client
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with secure.client(near=context) as (transport, _, _):
        certificate = transport.get_extra_info("peercert", "default")
        as_bytes = transport.get_extra_info("ssl_object").getpeercert(True)

    assert (certificate, type(as_bytes), bool(as_bytes)) == ({}, bytes, True)


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", level="should", needs=("tls",))
async def ssl_object_methods(secure, tls):
    """The "ssl_object" is alive: version, binding, session, side and name of the connection can be asked for."""
    found = []
    for side, server in ((secure.client, False), (secure.server, True)):
        near = pinned(tls.server if server else tls.client, V12)
        async with side(near=near) as (transport, _, peer):
            one = transport.get_extra_info("ssl_object")
            binding = one.get_channel_binding("tls-unique")
            found.append(
                (
                    one.version(),
                    bool(binding) and binding == peer.tls.get_channel_binding("tls-unique"),
                    one.server_side,
                    one.server_hostname,
                    one.session is not None,
                )
            )

    assert found == [("TLSv1.2", True, False, tls.host, True), ("TLSv1.2", True, True, None, True)]


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def tcp_nodelay(secure):
    """TCP_NODELAY is set on TLS connections, on those of clients and on those that a server has accepted."""
    options = []
    for side in (secure.client, secure.server):
        async with side() as (transport, _, _):
            options.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)

    assert options == [True, True]


@check("asyncio-protocol#asyncio.Transport", level="should", needs=("tls",))
async def isinstance_transport(secure):
    """A TLS transport is an asyncio.Transport."""
    async with secure.client() as (transport, _, _):
        assert isinstance(transport, asyncio.Transport)


# data


@check("asyncio-protocol#asyncio.Protocol.data_received", needs=("tls",))
async def large_transfer_both_ways(secure, patience):
    """Megabytes in one write(), and thousands of small ones in one turn, arrive complete and in order, both ways."""
    sent = pattern(2 * BIG)
    small = [pattern(20, 20 * number) for number in range(3000)]
    async with secure.client() as (transport, protocol, peer):
        arrived = peer.gets(sent + b"".join(small))
        transport.write(sent)
        for piece in small:
            transport.write(piece)
        there = await arrived
        sending = peer.send(sent)
        here = compared(await protocol.has_received(len(sent), patience), sent)
        await sending

    assert (there, here) == (AS_SENT, AS_SENT)


@check("asyncio-protocol#asyncio.WriteTransport.write", needs=("tls",))
async def large_write_then_close(secure, patience):
    """Many megabytes in one write() before close() arrive complete, before close_notify."""
    sent = pattern(8 * BIG)
    async with secure.client() as (transport, protocol, peer):
        arrived, end = peer.gets(sent), peer.how_it_ended()
        transport.write(sent)
        transport.close()
        got = await arrived, await end
        await protocol.until("connection_lost", patience)

    assert (got, protocol.lost_with) == ((AS_SENT, CLOSE_NOTIFY), None)


@check("asyncio-protocol#asyncio.WriteTransport.writelines", needs=("tls",))
async def writelines(secure):
    """writelines() sends the elements of any iterable, each as write() does; nothing, when there is none."""
    async with secure.client() as (transport, _, peer):
        transport.writelines([b"list ", bytearray(b"of "), memoryview(b"three, ")])
        transport.writelines([])
        transport.writelines(piece for piece in (b"gene", b"rator"))

        assert await peer.read(24) == b"list of three, generator"


@check("Lib/asyncio/sslproto.py: _SSLProtocolTransport.write", level="should", needs=("tls",))
async def write_type_check(secure):
    """write() of what is no bytes-like object raises TypeError, of nothing does nothing, and neither does harm."""
    async with secure.client() as (transport, _, peer):
        for wrong in ("text", 1, None, [b"x"]):
            with refuses(TypeError, f"write({wrong!r})"):
                transport.write(wrong)
        transport.write(b"")
        transport.write(b"goes on")

        assert (await peer.read(7), transport.is_closing()) == (b"goes on", False)


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def write_in_connection_made(secure):
    """What connection_made() writes is sent, and is the first that the peer gets, from clients and from servers."""
    greet = {"connection_made": lambda protocol: protocol.transport.write(b"hello, ")}
    got = []
    for side in (secure.client, secure.server):
        async with side(react=greet) as (transport, _, peer):
            transport.write(b"you")
            got.append(await peer.read(10))

    assert got == [b"hello, you"] * 2


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",))
async def data_with_finished_not_lost(secure, tls, patience):
    """Data in the same packet as the end of the peer's handshake is delivered, after connection_made().

    In TLS 1.2 a server speaks last, in TLS 1.3 a client does.
    """
    got = []

    def greet(sock):
        end = Secure(sock, pinned(tls.server, V12), server_side=True)
        end.handshake(hold_last=True)
        end.sendall(b"greeting")

    async with secure.client(far=greet) as (_, protocol, _):
        await protocol.has_received(8, patience)
        got.append((protocol.data, protocol.events))
    async with secure.server(far=tls.client, hold_last=True) as (_, protocol, peer):
        peer.send(b"greeting")
        await protocol.has_received(8, patience)
        got.append((protocol.data, protocol.events))

    assert got == [(b"greeting", ["connection_made", "data_received"])] * 2


@check("Lib/asyncio/sslproto.py: SSLProtocol.buffer_updated", level="should", needs=("tls",))
async def byte_by_byte(loop, secure, patience):
    """Handshake, data and close_notify work when the bytes of the peer arrive one by one."""
    got = []
    for side in (secure.client, secure.server):
        # Not each of a long certificate, but the headers of records, their ends, and all of the short ones.
        sizes = iter([*[1] * 12, 500, *[1] * 12, 5000, *[1] * 12, *[50] * 100])
        async with side(deliver=paced(loop, sizes, patience)) as (_, protocol, peer):
            peer.send(b"one by one")
            peer.half_close()
            await protocol.until("connection_lost", patience)
            got.append((protocol.data, protocol.events, protocol.lost_with))

    assert got == [(b"one by one", ["connection_made", "data_received", "eof_received", "connection_lost"], None)] * 2


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_read__copied", level="should", needs=("tls",))
async def many_records_one_segment(secure, patience):
    """Hundreds of small records that arrive at once are all delivered, in order."""
    sent = pattern(3000)

    def burst(sock):
        records = b"".join(sock.encrypt(sent[begin : begin + 10]) for begin in range(0, len(sent), 10))
        sock.below.sendall(records)

    async with secure.client() as (_, protocol, peer):
        peer.does("sending 300 records at once", burst)

        assert compared(await protocol.has_received(len(sent), patience), sent) == AS_SENT


@check("asyncio-protocol#asyncio.Protocol.data_received", needs=("tls",))
def any_splitting_arrives(cutting):
    """However the peer's records are cut into packets, and the data into pieces, the same bytes are delivered.

    Generated sizes, from a byte to several records, in the handshake too, of clients and of servers; the same ones
    every time.
    """
    assert cutting() == []


def buffers_of(size):
    """A buffered protocol with a buffer of this size."""
    # A view: CPython garbles what it puts into other buffers over TLS that are larger than a record.
    view = memoryview(bytearray(size))
    return Buffers(lambda: view)


@check("asyncio-protocol#asyncio.BufferedProtocol", needs=("tls",))
async def buffered_protocol(secure, patience):
    """A BufferedProtocol works over TLS, on both sides, with buffers smaller and larger than a record."""
    got = []
    for side in (secure.client, secure.server):
        for size, number in ((1, 50), (100, 20_000), (2**20, 2**18)):
            sent = pattern(number)
            async with side(lambda size=size: buffers_of(size)) as (_, protocol, peer):
                peer.send(sent)
                data = await protocol.has_received(number, patience)
                fits = all(0 < count <= size for count in protocol.counts)
                got.append((compared(data, sent), {type(hint) for hint in protocol.hints}, fits))

    assert got == [(AS_SENT, {int}, True)] * 6


@check("asyncio-protocol#asyncio.BaseTransport.set_protocol", level="should", needs=("tls",))
async def set_protocol(secure, patience):
    """set_protocol() directs all that follows to the new protocol, also when one of the two is a BufferedProtocol."""
    async with secure.client() as (transport, first, peer):
        second, third = buffers_of(100), Wire(connection_lost=lambda _: first.connection_lost(None))
        peer.send(b"first")
        await first.has_received(5, patience)
        for protocol, data in ((second, b"second"), (third, b"third")):
            transport.set_protocol(protocol)
            peer.send(data)
            await protocol.has_received(len(data), patience)
        found = transport.get_protocol() is third
        peer.half_close()
        await third.until("connection_lost", patience)

    assert (found, first.data, second.data, third.data) == (True, b"first", b"second", b"third")
    assert (second.events, third.events) == (["buffer_updated"], ["data_received", "eof_received", "connection_lost"])


@check("asyncio-protocol#asyncio.WriteTransport.write_eof", level="should", needs=("tls",))
async def no_write_eof(secure):
    """A TLS transport says that it cannot write_eof(), which raises NotImplementedError and does no harm."""
    async with secure.client() as (transport, _, peer):
        can = transport.can_write_eof()
        with refuses(NotImplementedError, "write_eof() of a TLS transport"):
            transport.write_eof()
        transport.write(b"goes on")

        assert (can, await peer.read(7)) == (False, b"goes on")


@check("asyncio-eventloop#asyncio.loop.sendfile", needs=("tls",))
async def sendfile_fallback(loop, secure):
    """sendfile() over TLS reads and writes the file; with fallback=False it raises RuntimeError instead."""
    with tempfile.TemporaryFile() as file:
        file.write(pattern(50_000))
        async with secure.client() as (transport, _, peer):
            arrived = peer.gets(pattern(50_000)[100:40_100])
            sent = await loop.sendfile(transport, file, 100, 40_000)
            place = file.tell()
            there = await arrived
            with refuses(RuntimeError, "sendfile() over TLS with fallback=False"):
                await loop.sendfile(transport, file, fallback=False)

    assert (sent, place, there) == (40_000, 40_100, AS_SENT)


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_read", level="should", needs=("tls",))
async def tickets_are_invisible(secure, tls, patience):
    """Session tickets of TLS 1.3 are no concern of the protocol; afterwards the connection has a session."""
    context = tls.server
    context.num_tickets = 8
    async with secure.client(far=context) as (transport, protocol, peer):
        transport.write(b"x")
        await peer.read(1)
        before = protocol.events
        peer.send(b"y")
        await protocol.has_received(1, patience)
        tls_object = transport.get_extra_info("ssl_object")
        session = (tls_object.session.has_ticket, tls_object.session_reused)

    assert (before, protocol.chunks, session) == (["connection_made"], [b"y"], (True, False))


@check("Lib/asyncio/sslproto.py: SSLProtocol", level="should", needs=("tls",), after=SERVES_TLS)
async def many_concurrent(secure, patience):
    """Connections that are made at once all complete, and each carries its own data."""
    number = 20
    async with secure.serving(react={"data_received": echo}) as (_, call, _):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(call()) for _ in range(number)]
            for index, peer in enumerate(peers):
                peer.secure(secure.peers_client, server_hostname="localhost")
                peer.send(b"%06d" % index)
            answers = [await peer.read(6) for peer in peers]
            for peer in peers:
                peer.let_go()

    assert answers == [b"%06d" % index for index in range(number)]


def echo(protocol):
    """Write what came last."""
    protocol.transport.write(protocol.chunks[-1])


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection",
    level="should",
    needs=("tls",),
    after=SERVES_TLS,
)
async def slow_handshake_does_not_block_accept(secure):
    """Clients that connect and stay silent do not keep others waiting."""
    async with secure.serving(react={"data_received": echo}) as (_, call, _):
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(call()) for _ in range(10)]
            for peer in silent:
                await peer.connected
            peer = stack.enter_context(call())
            peer.secure(secure.peers_client, server_hostname="localhost")
            peer.send(b"served")
            answer = await peer.read(6)
            for one in (*silent, peer):
                one.let_go()

    assert answer == b"served"


# flow


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading", needs=("tls",))
async def pause_resume_reading(secure, patience):
    """pause_reading() holds data back until resume_reading(), however often they are called; is_reading() tells."""
    async with secure.client() as (transport, protocol, peer):
        peer.send(b"before, ")
        await protocol.has_received(8, patience)
        reading = [transport.is_reading()]
        transport.pause_reading()
        transport.pause_reading()
        reading.append(transport.is_reading())
        peer.send(b"waits").result()
        transport.write(b"writing goes on")
        await peer.read(15)
        await pass_turns(3)
        paused = protocol.data
        transport.resume_reading()
        transport.resume_reading()
        reading.append(transport.is_reading())

        assert (reading, paused) == ([True, False, True], b"before, ")
        assert await protocol.has_received(13, patience) == b"before, waits"


@check("asyncio-protocol#asyncio.ReadTransport.resume_reading", level="should", needs=("tls",))
async def needless_resume_reading_asks_for_no_buffer(secure, patience):
    """resume_reading() of a transport that was not paused does nothing: a BufferedProtocol is asked for no buffer."""
    async with secure.client(lambda: buffers_of(100)) as (transport, protocol, peer):
        peer.send(b"before, ")
        await protocol.has_received(8, patience)
        await pass_turns(3)
        asked = [len(protocol.hints)]
        transport.resume_reading()
        await pass_turns(3)
        asked.append(len(protocol.hints))
        peer.send(b"after")

        assert await protocol.has_received(13, patience) == b"before, after"

    assert asked[1] == asked[0], f"get_buffer() was called {asked[1] - asked[0]} times"


@check("Lib/asyncio/sslproto.py: SSLProtocol._control_ssl_reading", level="should", needs=("tls",))
async def pause_reading_backpressure(secure, patience):
    """While reading is paused the loop soon stops reading the socket: a fast peer is held up, and no memory filled."""
    most = 2**26
    async with secure.client(narrow=True) as (transport, protocol, peer):
        peer.send(b"x")
        await protocol.has_received(1, patience)
        transport.pause_reading()
        sent = await peer.flood(most)

    assert sent < most, f"the peer could send {sent} bytes to a transport that does not read"


@check("Lib/asyncio/sslproto.py: SSLProtocol.eof_received", level="should", needs=("tls",))
async def peer_close_while_paused(secure, patience):
    """While reading is paused the end is not told; after resume_reading() the data comes, and then a clean end."""
    ends = []
    for end in ("half_close", "truncate"):
        async with secure.client() as (transport, protocol, peer):
            peer.send(b"before, ")
            await protocol.has_received(8, patience)
            transport.pause_reading()
            peer.send(b"waits")
            getattr(peer, end)().result()
            await pass_turns(5)
            lost = protocol.times("connection_lost")
            transport.resume_reading()
            await protocol.until("connection_lost", patience)
            ends.append((end, lost, protocol.data, protocol.events[2:], protocol.lost_with))

    assert ends == [
        (end, 0, b"before, waits", ["eof_received", "connection_lost"], None) for end in ("half_close", "truncate")
    ]


@check("asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits", needs=("tls",))
async def write_flow_control(secure, patience):
    """pause_writing() is called once when too much waits, resume_writing() once when it is gone; then nothing waits."""
    async with secure.client(narrow=True) as (transport, protocol, peer):
        _, high = transport.get_write_buffer_limits()
        sent = 0
        while not protocol.times("pause_writing") and sent < 2**25:
            transport.write(bytes(2**15))
            sent += 2**15
        full = transport.get_write_buffer_size()
        before = protocol.events[1:]
        arrived = peer.read(sent)
        await protocol.until("resume_writing", patience)
        await arrived
        await pass_turns(2)
        after = protocol.events[1:], transport.get_write_buffer_size()

    assert (before, full >= high) == (["pause_writing"], True), (
        f"{full} bytes waited, with the high-water mark at {high}"
    )
    assert after == (["pause_writing", "resume_writing"], 0)


@check("asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits", needs=("tls",))
async def write_buffer_limits_api(secure):
    """The water marks can be set, and asked for as (low, high); impossible ones raise ValueError and change nothing."""
    async with secure.client() as (transport, _, _):
        transport.set_write_buffer_limits(2000, 1000)
        both = transport.get_write_buffer_limits()
        for wrong in ({"high": 10, "low": 20}, {"high": -1}, {"low": -1}):
            with refuses(ValueError, f"set_write_buffer_limits() with {wrong!r}"):
                transport.set_write_buffer_limits(**wrong)
        kept = transport.get_write_buffer_limits()
        transport.set_write_buffer_limits(high=400)
        low, high = transport.get_write_buffer_limits()

    assert (both, kept, high, 0 <= low <= 400) == ((1000, 2000), (1000, 2000), 400, True)


@check("Lib/asyncio/sslproto.py: SSLProtocol._control_app_writing", level="should", needs=("tls",))
async def pause_writing_exception(secure, errors, patience):
    """What pause_writing() and resume_writing() raise goes to the exception handler, and no data is lost."""
    first, second = ZeroDivisionError("pause"), ZeroDivisionError("resume")

    def fail(error):
        def act(protocol):
            raise error

        return act

    react = {"pause_writing": fail(first), "resume_writing": fail(second)}
    async with secure.client(react=react, narrow=True) as (transport, protocol, peer):
        sent = pattern(8 * BIG)
        for begin in range(0, len(sent), 2**16):
            transport.write(sent[begin : begin + 2**16])
        arrived = await peer.gets(sent)
        await protocol.until("resume_writing", patience)
        reported = [context.get("exception") for context in errors]

    assert (arrived, reported[:2], {*reported} <= {first, second}) == (AS_SENT, [first, second], True)


# the end


@check("asyncio-protocol#asyncio.BaseTransport.close", needs=("tls",))
async def close_flushes_then_close_notify(secure, patience):
    """close() returns at once, sends all that was written and then close_notify; connection_lost(None) comes later.

    close_notify is how the peer knows that nothing was cut off.
    """
    async with secure.client(narrow=True) as (transport, protocol, peer):
        sent = fill(transport)
        transport.close()
        at_once = (transport.is_closing(), protocol.times("connection_lost"))
        arrived = await peer.gets(sent)
        end = await peer.how_it_ended()
        await protocol.until("connection_lost", patience)
        await settled()

        assert (at_once, arrived, end) == ((True, 0), AS_SENT, CLOSE_NOTIFY)
        assert (protocol.times("connection_lost"), protocol.lost_with) == (1, None)


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_shutdown", level="should", needs=("tls",))
async def close_is_prompt(secure, patience):
    """close() needs no time-out to come to its end when the peer answers, from clients and from servers."""
    ends = []
    for side in (secure.client, secure.server):
        async with side(ssl_shutdown_timeout=1000) as (transport, protocol, _):
            transport.close()
            await protocol.until("connection_lost", patience)
            ends.append(protocol.lost_with)

    assert ends == [None, None]


@check("asyncio-protocol#asyncio.WriteTransport.abort", needs=("tls",))
async def abort(secure, patience):
    """abort() drops the connection at once: nothing waits for the peer, which sees an end without close_notify."""
    ends = []
    async with secure.client() as (transport, protocol, peer):
        transport.abort()
        inside = (transport.is_closing(), protocol.times("connection_lost"))
        await protocol.until("connection_lost", patience)
        ends.append((inside, protocol.events, protocol.lost_with, await peer.how_it_ended() != CLOSE_NOTIFY))
    async with secure.client(narrow=True) as (transport, protocol, peer):
        fill(transport)
        transport.abort()
        inside = (transport.is_closing(), protocol.times("connection_lost"))
        await protocol.until("connection_lost", patience)
        ends.append((inside, protocol.events, protocol.lost_with, await peer.how_it_ended() != CLOSE_NOTIFY))

    assert ends == [((True, 0), LOST, None, True)] * 2


@check("asyncio-protocol#asyncio.WriteTransport.abort", needs=("tls",))
async def abort_in_data_received(secure, patience):
    """After abort() in data_received() no more data is delivered, and connection_lost(None) is called."""
    react = {"data_received": lambda protocol: protocol.transport.abort()}
    async with secure.client(react=react) as (_, protocol, peer):

        def burst(sock):
            sock.sendall(b"first")
            with contextlib.suppress(OSError):
                for _ in range(10):
                    sock.sendall(bytes(20_000))

        peer.does("sending", burst)
        await protocol.until("connection_lost", patience)
        await settled()

    assert (protocol.events, protocol.times("data_received"), protocol.lost_with) == (
        ["connection_made", "data_received", "connection_lost"],
        1,
        None,
    )


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",))
async def close_in_connection_made(secure, errors, patience):
    """close() and abort() inside connection_made() lead to connection_lost(None) once, and to no report."""
    ends = []
    for end in ("close", "abort"):
        react = {"connection_made": lambda protocol, end=end: getattr(protocol.transport, end)()}
        for side in (secure.client, secure.server):
            try:
                async with side(react=react) as (_, protocol, _):
                    await protocol.until("connection_lost", patience)
                    await settled()
                    ends.append((end, protocol.times("connection_lost"), protocol.lost_with))
            except AssertionError:
                if end == "close":
                    raise
                ends.append((end, 1, None))  # the peer's handshake was cut off

    assert (ends, errors) == ([("close", 1, None)] * 2 + [("abort", 1, None)] * 2, [])


@check("asyncio-protocol#base-protocol", needs=("tls",))
async def connection_lost_once_in_races(secure, errors, patience):
    """connection_lost() is called once, and last, whatever mix of close, abort and the peer's end there was."""

    def close(protocol):
        protocol.transport.close()

    def abort(protocol):
        protocol.transport.abort()

    stories = {
        "close, peer ends": ({}, lambda transport, peer: (transport.close(), peer.half_close().result())),
        "peer ends, abort": ({}, lambda transport, peer: (peer.half_close().result(), transport.abort())),
        "close, abort": ({}, lambda transport, peer: (transport.close(), transport.abort())),
        "close, peer hangs up": ({}, lambda transport, peer: (transport.close(), peer.hang_up().result())),
        "close in data_received": ({"data_received": close}, lambda _, peer: (peer.send(b"x"), peer.half_close())),
        "abort in data_received": ({"data_received": abort}, lambda _, peer: (peer.send(b"x"), peer.half_close())),
        "close in eof_received": ({"eof_received": close}, lambda _, peer: (peer.send(b"x"), peer.half_close())),
        "abort in eof_received": ({"eof_received": abort}, lambda _, peer: (peer.send(b"x"), peer.truncate())),
        "close in connection_lost": ({"connection_lost": close}, lambda _, peer: peer.half_close()),
    }
    counts = {}
    for name, (react, story) in stories.items():
        async with secure.client(react=react) as (transport, protocol, peer):
            story(transport, peer)
            await protocol.until("connection_lost", patience)
            await settled()
            counts[name] = (protocol.times("connection_lost"), protocol.events[-1])

    assert counts == dict.fromkeys(stories, (1, "connection_lost"))
    assert errors == []


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_flush", level="should", needs=("tls",))
async def close_while_paused(secure, patience):
    """close() of a transport whose reading is paused leads to connection_lost() once, with and without unread data.

    Unread data may make the argument an SSLError.
    """
    ends = []
    for unread in (False, True):
        async with secure.client() as (transport, protocol, peer):
            peer.send(b"x")
            await protocol.has_received(1, patience)
            transport.pause_reading()
            if unread:
                peer.send(b"unread").result()
                await pass_turns(3)
            transport.close()
            await protocol.until("connection_lost", patience)
            await settled()
            clean = protocol.lost_with is None or (unread and isinstance(protocol.lost_with, ssl.SSLError))
            ends.append((unread, protocol.times("connection_lost"), clean))

    assert ends == [(False, 1, True), (True, 1, True)]


@check("asyncio-protocol#asyncio.Protocol.eof_received", needs=("tls",))
async def peer_close_notify(secure, patience):
    """A peer's close_notify leads to eof_received() and connection_lost(None), after all data, and is answered."""
    got = []
    for side in (secure.client, secure.server):
        async with side() as (_, protocol, peer):
            peer.send(pattern(100_000))
            peer.half_close()
            answer = await peer.how_it_ended()
            await protocol.until("connection_lost", patience)
            got.append((protocol.events, compared(protocol.data, pattern(100_000)), protocol.lost_with, answer))

    events = ["connection_made", "data_received", "eof_received", "connection_lost"]
    assert got == [(events, AS_SENT, None, CLOSE_NOTIFY)] * 2


@check("asyncio-protocol#asyncio.Protocol.eof_received", needs=("tls",))
async def eof_received_true_ignored(secure, logged, patience):
    """A true value from eof_received() does not keep a TLS connection open: it is closed all the same."""
    async with secure.client(react={"keep_open": True}) as (_, protocol, peer):
        peer.half_close()
        await protocol.until("connection_lost", patience)

    assert (protocol.events, protocol.lost_with) == (["connection_made", "eof_received", "connection_lost"], None)


@check("Lib/asyncio/sslproto.py: SSLProtocol._write_appdata", level="should", needs=("tls",))
async def late_writes_are_not_kept(secure, patience):
    """What is written to a connection that has been lost is dropped, and not kept to be sent some time.

    Programs write on until they notice.
    """
    sizes = []
    for side in (secure.client, secure.server):
        async with side() as (transport, protocol, _):
            transport.abort()
            await protocol.until("connection_lost", patience)
            for _ in range(3):
                transport.write(pattern(1000))
            await pass_turns(2)
            sizes.append(transport.get_write_buffer_size())

    assert sizes == [0, 0], "bytes that wait to be sent by a client and a server that were aborted"


@check("asyncio-protocol#asyncio.BufferedProtocol", needs=("tls",))
async def peer_close_notify_to_buffered_protocol(secure, patience):
    """A peer's close_notify leads to eof_received() and connection_lost(None) of a BufferedProtocol, too."""
    sent, got = pattern(250), []
    for side in (secure.client, secure.server):
        async with side(lambda: buffers_of(100)) as (_, protocol, peer):
            peer.send(sent)
            peer.half_close()
            answer = await peer.how_it_ended()
            await protocol.until("connection_lost", patience)
            arrived = compared(b"".join(protocol.chunks), sent)
            got.append((arrived, protocol.times("eof_received"), protocol.lost_with, answer))

    assert got == [(AS_SENT, 1, None, CLOSE_NOTIFY)] * 2


@check("Lib/asyncio/sslproto.py: SSLProtocol._call_eof_received", level="may", needs=("tls",))
async def eof_received_true_is_warned_of(secure, logged, patience):
    """A true value from eof_received(), which has no effect, is warned of in the log."""
    async with secure.client(react={"keep_open": True}) as (_, protocol, peer):
        peer.half_close()
        await protocol.until("connection_lost", patience)

    assert [record.getMessage() for record in logged if record.levelname == "WARNING"] == [
        "returning true from eof_received() has no effect when using ssl"
    ]


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_read__copied", level="should", needs=("tls",))
async def write_reply_in_eof_received(secure, patience):
    """What eof_received() writes after the peer's close_notify is sent, before close_notify of this side.

    Servers that read to the end answer then.
    """
    react = {"eof_received": lambda protocol: protocol.transport.write(b"answer")}
    async with secure.client(react=react) as (_, protocol, peer):
        peer.half_close()
        answer = await peer.read(6)
        end = await peer.how_it_ended()
        await protocol.until("connection_lost", patience)

    assert (answer, end, protocol.lost_with) == (b"answer", CLOSE_NOTIFY, None)


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_flush", level="should", needs=("tls",))
async def peer_shutdown_gets_buffered_data(secure, patience):
    """A peer that has sent close_notify still gets all that waits, and then close_notify."""
    async with secure.client() as (transport, protocol, peer):
        sent = pattern(4 * BIG)
        for begin in range(0, len(sent), 2**18):
            transport.write(sent[begin : begin + 2**18])
        peer.half_close()
        arrived = await peer.gets(sent)
        end = await peer.how_it_ended()
        await protocol.until("connection_lost", patience)

    assert (arrived, end, protocol.lost_with) == (AS_SENT, CLOSE_NOTIFY, None)
    assert [event for event in protocol.events if "writing" not in event][-2:] == ["eof_received", "connection_lost"]


@check("Lib/asyncio/sslproto.py: SSLProtocol.eof_received", level="should", needs=("tls",))
async def truncated_peer(secure, patience):
    """A peer that ends without close_notify has ended: its data, eof_received(), and connection_lost(None)."""
    async with secure.client() as (_, protocol, peer):
        peer.send(b"data")
        peer.truncate()
        await protocol.until("connection_lost", patience)

    assert (protocol.data, protocol.events[1:], protocol.lost_with) == (
        b"data",
        ["data_received", "eof_received", "connection_lost"],
        None,
    )


@check("Lib/asyncio/sslproto.py: SSLProtocol.connection_lost", level="should", needs=("tls",))
async def peer_reset(secure, errors, patience):
    """A peer that resets the connection leads to connection_lost() with ConnectionResetError, and to nothing else."""
    async with secure.client() as (_, protocol, peer):
        peer.send(b"x")
        await protocol.has_received(1, patience)
        peer.reset()
        await protocol.until("connection_lost", patience)
        await settled()

    assert (type(protocol.lost_with), protocol.events[2:], errors) == (ConnectionResetError, ["connection_lost"], [])


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_read", level="should", needs=("tls",))
async def corrupted_record(secure, errors, patience):
    """A record that was tampered with leads to connection_lost() with an SSLError, and nothing of it is delivered.

    So does one that comes a second time.
    """

    def tamper(sock):
        record = bytearray(sock.encrypt(b"secret"))
        record[-1] ^= 1
        sock.below.sendall(record)

    def repeat(sock):
        sock.below.sendall(sock.encrypt(b"once") * 2)

    ends = []
    for spoil in (tamper, repeat, lambda sock: sock.below.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))):
        async with secure.client() as (_, protocol, peer):
            peer.does("sending a bad record", spoil)
            await protocol.until("connection_lost", patience)
            await settled()
            ends.append(
                (protocol.data, isinstance(protocol.lost_with, ssl.SSLError), protocol.times("connection_lost"))
            )

    assert (ends[0], ends[1][1:], ends[2]) == ((b"", True, 1), (True, 1), (b"", True, 1))
    assert (ends[1][0] in (b"", b"once"), errors) == (True, [])


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_shutdown_complete", level="should", needs=("tls",))
async def trailing_data_after_close(secure, errors, patience):
    """A peer that goes on sending after close() does not hold it up: connection_lost(), None or an OSError."""

    def send(sock):
        sock.answers = False
        with contextlib.suppress(OSError):
            for _ in range(20):
                sock.sendall(b"more" * 1000)
            sock.say_goodbye()

    async with secure.client() as (transport, protocol, peer):
        sending = peer.does("sending", send)
        transport.close()
        await sending
        await protocol.until("connection_lost", patience)
        await settled()

    assert (protocol.times("connection_lost"), isinstance(protocol.lost_with, OSError | None), errors) == (1, True, [])


@check("Lib/asyncio/sslproto.py: SSLProtocol._write_appdata", level="should", needs=("tls",))
async def write_after_close(secure, logged, patience):
    """write() and writelines() after close(), and after connection_lost(), are no errors, and nothing of it is sent."""
    async with secure.client() as (transport, protocol, peer):
        transport.write(b"before")
        transport.close()
        transport.write(b"after close()")
        arrived = await peer.read_to_end()
        await protocol.until("connection_lost", patience)
        events = protocol.events
        for _ in range(12):
            transport.write(b"after connection_lost()")
            transport.writelines([b"more"])
        await settled()

    assert (arrived, protocol.events) == (b"before", events)


@check("Lib/asyncio/sslproto.py: _SSLProtocolTransport", level="should", needs=("tls",))
async def methods_after_connection_lost(secure, errors, patience):
    """After connection_lost() a transport can be asked, paused, closed and aborted, and is closing."""
    async with secure.client() as (transport, protocol, _):
        context = transport.get_extra_info("sslcontext")
        transport.close()
        await protocol.until("connection_lost", patience)
        await settled()
        found = (
            transport.is_closing(),
            transport.get_write_buffer_size(),
            transport.get_extra_info("sslcontext") is context,
            transport.get_extra_info("no such thing", "default"),
            type(repr(transport)),
        )
        events = protocol.events
        for name in ("is_reading", "pause_reading", "resume_reading", "abort", "close"):
            getattr(transport, name)()
        await settled()

    assert (found, protocol.events, errors) == ((True, 0, True, "default", str), events, [])


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def shutdown_timeout(secure, errors, patience):
    """ssl_shutdown_timeout after close() the connection is dropped when the peer does not answer, or does not read.

    connection_lost() gets a TimeoutError, and nothing is reported.
    """
    ends = []
    async with secure.client(ssl_shutdown_timeout=TINY) as (transport, protocol, peer):
        peer.sulk().result()
        transport.close()
        await protocol.until("connection_lost", patience)
        ends.append(isinstance(protocol.lost_with, TimeoutError))
    async with secure.client(narrow=True, ssl_shutdown_timeout=TINY) as (transport, protocol, _):
        fill(transport)
        transport.close()
        await protocol.until("connection_lost", patience)
        ends.append(isinstance(protocol.lost_with, TimeoutError))

    assert (ends, errors) == ([True, True], [])


@check("asyncio-eventloop#asyncio.loop.create_server", needs=("tls",), after=SERVES_TLS)
async def shutdown_timeout_server_side(secure, patience):
    """ssl_shutdown_timeout of create_server() holds for the connections that it accepts."""
    async with secure.server(ssl_shutdown_timeout=TINY) as (transport, protocol, peer):
        peer.sulk().result()
        transport.close()
        await protocol.until("connection_lost", patience)

    assert isinstance(protocol.lost_with, TimeoutError), f"connection_lost() got {protocol.lost_with!r}"


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_shutdown_complete", level="may", python=">=3.14.8", needs=("tls",))
async def shutdown_timeout_peer_initiated(secure, patience):
    """ssl_shutdown_timeout also ends a connection whose peer has ended it and then does not read what waits."""
    async with secure.client(narrow=True, ssl_shutdown_timeout=TINY) as (transport, protocol, peer):
        fill(transport)
        peer.truncate()
        await protocol.until("connection_lost", patience)

    assert isinstance(protocol.lost_with, TimeoutError), f"connection_lost() got {protocol.lost_with!r}"


# the handshake, when it fails


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",), after=SERVES_TLS)
async def garbage_to_server(secure, tls, errors):
    """What is no TLS ends that one connection: no protocol is called, nothing is reported, and the server goes on."""
    junk = (b"GET / HTTP/1.1\r\n\r\n", b"\0", random.Random(1).randbytes(300), b"\x16\x03\x01\xff\xff" + bytes(70_000))
    async with secure.serving(react={"data_received": echo}) as (accepted, call, _):
        for data in junk:
            with call() as peer:
                peer.does("sending junk", lambda sock, data=data: send_junk(sock, data))
                await peer.read_to_reset()
        await settled()
        events = [event for protocol in accepted for event in protocol.events]
        with call() as peer:
            peer.secure(secure.peers_client, server_hostname=tls.host)
            peer.send(b"served")
            answer = await peer.read(6)
            peer.let_go()

    assert (events, answer, errors) == ([], b"served", [])


def send_junk(sock, data):
    """Send it, and the end, as long as the other side takes it."""
    with contextlib.suppress(OSError):
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2",
    level="should",
    needs=("tls",),
    after=SERVES_TLS,
)
async def server_handshake_error_reported_in_debug(loop, secure, errors):
    """In debug mode a handshake that a server could not finish is reported, with exception, transport and protocol."""
    loop.set_debug(True)
    async with secure.serving() as (_, call, _):
        with call() as peer:
            peer.does("sending junk", lambda sock: send_junk(sock, b"GET / HTTP/1.1\r\n\r\n"))
            await peer.read_to_reset()
        await settled()

    assert [
        (context["message"], isinstance(context["exception"], ssl.SSLError), {"transport", "protocol"} <= set(context))
        for context in errors
    ] == [("Error on transport creation for incoming connection", True, True)]


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_handshake", level="should", needs=("tls",))
async def client_to_plaintext_server(secure, errors):
    """A server that answers in plain text raises SSLError, and the connection is closed."""

    def answer(sock):
        sock.recv(1)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while sock.recv(2**16):
                pass

    refusal = await secure.refusal(far=answer)
    await settled()

    assert (isinstance(refusal.error, ssl.SSLError), refusal.events, errors) == (True, [], []), (
        f"create_connection() raised {refusal.error!r}"
    )


@check("Lib/asyncio/sslproto.py: SSLProtocol.eof_received", level="should", needs=("tls",))
async def peer_closes_during_handshake(secure, errors):
    """A server that ends the connection during the handshake raises ConnectionResetError; no protocol is called."""

    def leave(sock):
        sock.recv(2**16)
        sock.shutdown(socket.SHUT_WR)

    def leave_halfway(sock):
        end = Secure(sock, secure.peers_server, server_side=True, deliver=lambda sock, data: sock.sendall(data[:100]))
        with contextlib.suppress(ssl.SSLWantReadError):
            end._feed()
            end.tls.do_handshake()
        end.flush()
        sock.shutdown(socket.SHUT_WR)

    refusals = [await secure.refusal(far=far) for far in (leave, leave_halfway)]
    await settled()

    assert [(one.kind, one.events) for one in refusals] == [(ConnectionResetError, [])] * 2
    assert errors == []


def flight_of(tls, client_hello):
    """What a server answers to a ClientHello, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = tls.server.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(client_hello)
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()
    return outgoing.read()


def hello_on(sock):
    """The record with the ClientHello."""
    head = sock.recv(5, socket.MSG_WAITALL)
    return head + sock.recv(int.from_bytes(head[3:5], "big"), socket.MSG_WAITALL)


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_handshake", level="should", needs=("tls",))
async def handshake_cut_anywhere(secure, tls, errors):
    """Wherever a server's part of the handshake is cut off, create_connection() raises an OSError, and is done.

    Before the first byte, inside the header of a record, between records, one byte before the end.
    """
    outcomes = {}
    for place in (0, 1, 4, 5, 6, 100, 130, 400, -1):

        def answer(sock, place=place):
            flight = flight_of(tls, hello_on(sock))
            sock.sendall(flight[:place])
            sock.shutdown(socket.SHUT_WR)

        refusal = await secure.refusal(far=answer)
        outcomes[place] = (refusal.is_oserror, refusal.events)
    await settled()

    assert outcomes == dict.fromkeys(outcomes, (True, []))
    assert errors == []


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_handshake", level="should", needs=("tls",))
async def handshake_spoilt_anywhere(secure, tls, errors):
    """Wherever a byte of a server's part of the handshake is changed, create_connection() raises an OSError.

    So it does when the part comes twice, or something else follows its beginning.
    """

    def changed(place):
        def change(flight):
            spoilt = bytearray(flight)
            spoilt[place] ^= 0x55
            return bytes(spoilt)

        return change

    spoilers = {f"byte {place}": changed(place) for place in (0, 1, 5, 9, 20, 60, 300, -1)}
    spoilers["twice"] = lambda flight: flight[:100] * 2
    spoilers["something else"] = lambda flight: flight[:50] + bytes(2000)
    outcomes = {}
    for name, spoil in spoilers.items():

        def answer(sock, spoil=spoil):
            sock.sendall(spoil(flight_of(tls, hello_on(sock))))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)

        refusal = await secure.refusal(far=answer)
        outcomes[name] = (refusal.is_oserror, refusal.events)
    await settled()

    assert outcomes == dict.fromkeys(spoilers, (True, []))
    assert errors == []


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_handshake", level="should", needs=("tls",), after=SERVES_TLS)
async def server_handshake_cut_anywhere(secure, tls, errors):
    """Wherever a client's part of the handshake is cut off, no protocol of the server is called, and it goes on."""
    async with secure.serving(react={"data_received": echo}) as (accepted, call, _):
        for place in (1, 4, 5, 100, -1):
            with call() as peer:

                def begin(sock, place=place):
                    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                    client = secure.peers_client.wrap_bio(incoming, outgoing, server_hostname=tls.host)
                    with contextlib.suppress(ssl.SSLWantReadError):
                        client.do_handshake()
                    sock.sendall(outgoing.read()[:place])
                    sock.shutdown(socket.SHUT_WR)

                peer.does("cutting its ClientHello off", begin)
                await peer.read_to_reset()
        with call() as peer:  # the second part of its handshake
            peer.secure(secure.peers_client, server_hostname=tls.host, deliver=half_of_the_second())
            await peer.read_to_reset()
        await settled()
        events = [event for protocol in accepted for event in protocol.events]
        with call() as peer:
            peer.secure(secure.peers_client, server_hostname=tls.host)
            peer.send(b"served")
            answer = await peer.read(6)
            peer.let_go()

    assert (events, answer, errors) == ([], b"served", [])


def half_of_the_second():
    """A way to deliver all of the first packet, half of the second, and the end."""
    packets = []

    def deliver(sock, data):
        packets.append(data)
        if len(packets) == 1:
            sock.sendall(data)
        else:
            sock.sendall(data[: len(data) // 2])
            sock.shutdown(socket.SHUT_WR)

    return deliver


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def handshake_timeout_client(secure, errors):
    """A handshake that takes longer than ssl_handshake_timeout raises ConnectionAbortedError, and the socket is closed.

    The protocol is not called.
    """
    end = []

    def silent(sock):
        while chunk := sock.recv(2**16):
            end.append(len(chunk))
        end.append("the end")

    refusal = await secure.refusal(far=silent, ssl_handshake_timeout=TINY)
    await settled()

    assert (refusal.kind, refusal.events, errors) == (ConnectionAbortedError, [], [])


@check("Lib/asyncio/sslproto.py: SSLProtocol._check_handshake_timeout", level="may", needs=("tls",))
async def handshake_timeout_message(secure):
    """The exception of a handshake that took too long tells the limit."""
    refusal = await secure.refusal(far=lambda sock: None, ssl_handshake_timeout=TINY)

    assert f"longer than {TINY} seconds" in str(refusal.error)


@check("asyncio-eventloop#asyncio.loop.create_server", needs=("tls",), after=SERVES)
async def handshake_timeout_server(secure, errors):
    """ssl_handshake_timeout of create_server() ends the connection of a client that does not finish its handshake."""
    async with secure.serving(ssl_handshake_timeout=TINY) as (accepted, call, _):
        with call() as peer:
            arrived = await peer.read_to_reset()
        with call() as peer:
            peer.sends_raw(b"\x16\x03\x01\x02")
            arrived += await peer.read_to_reset()
        await settled()
        events = [event for protocol in accepted for event in protocol.events]

    assert (arrived, events, errors) == (b"", [], [])


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("tls",))
async def handshake_timeout_is_for_the_handshake(loop, secure, patience):
    """ssl_handshake_timeout does not end a connection whose handshake is done.

    Takes half a second: a limit that a slow machine does not exceed in its handshake, and that has to pass.
    """
    async with secure.client(ssl_handshake_timeout=0.5) as (transport, protocol, peer):
        await asyncio.sleep(0.55)
        peer.send(b"alive")
        await protocol.has_received(5, patience)
        transport.write(b"alive")

        assert (await peer.read(5), protocol.events) == (b"alive", ["connection_made", "data_received"])


@check("Lib/asyncio/base_events.py: BaseEventLoop._create_connection_transport", level="should", needs=("tls",))
async def cancel_during_handshake(loop, secure, tls, errors, patience):
    """create_connection() that is cancelled in the handshake raises CancelledError, and closes the connection.

    Before the peer has said anything, and when it has sent half of its answer.
    """

    def silent(sock):
        sock.recv(1)

    def half(sock):
        sock.recv(1, socket.MSG_PEEK)
        end = Secure(
            sock, secure.near(tls.server), server_side=True, deliver=lambda sock, data: sock.sendall(data[:200])
        )
        end._feed()
        with contextlib.suppress(ssl.SSLWantReadError):
            end.tls.do_handshake()
        end.flush()

    ends = []
    for stage in (silent, half):
        protocols = []

        def factory(protocols=protocols):
            protocols.append(Wire())
            return protocols[-1]

        async with secure.silence() as (address, peer):
            task = await begun(
                calling(
                    loop.create_connection, factory, *address, ssl=secure.near(tls.client), server_hostname=tls.host
                )
            )
            await peer.does("beginning the handshake", stage)
            await pass_turns(3)
            task.cancel()
            await asyncio.wait([task], timeout=patience)
            await peer.read_to_reset()
            await settled()
            ends.append((task.cancelled(), [event for protocol in protocols for event in protocol.events]))

    assert (ends, errors) == ([(True, [])] * 2, [])


@check("Lib/asyncio/sslproto.py: SSLProtocol.connection_lost", level="should", needs=("tls",))
async def failed_handshake_leaks_nothing(secure, tls):
    """Handshakes of clients that fail leave no descriptor, no task and no warning, and nothing holds the context."""
    with warned(ResourceWarning) as warnings:
        far = tls.serving(issuer="stranger")
        await secure.refusal(far=far)
        await settled()
        gc.collect()
        before = (descriptors(), len(asyncio.all_tasks()))
        for _ in range(5):
            context = tls.client
            await secure.refusal(near=context, far=far)
        await settled()
        alive = weakref.ref(context)
        del context
        gc.collect()
        after = (descriptors(), len(asyncio.all_tasks()))

    assert (after, alive(), warnings) == (before, None, [])


@check("Lib/asyncio/sslproto.py: SSLProtocol.connection_lost", level="should", needs=("tls",))
async def ended_connection_is_not_held(secure, tls, patience):
    """When a connection has ended, from here or by its peer, no time-out that is left holds its context.

    ssl_shutdown_timeout is half a minute, in which a busy client has thousands of connections.
    """
    held = {}
    for how in ("closed", "ended by the peer"):
        context = tls.client
        alive = weakref.ref(context)
        async with secure.client(near=context) as (transport, protocol, peer):
            if how == "closed":
                transport.close()
            else:
                peer.half_close()
            await protocol.until("connection_lost", patience)
        del context, transport, protocol, peer
        await settled()
        gc.collect()
        held[how] = alive() is not None

    assert held == {"closed": False, "ended by the peer": False}


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2",
    level="should",
    needs=("tls",),
    after=SERVES,
)
async def server_failed_handshake_leaks_nothing(secure, tls):
    """Handshakes of a server that fail leave no descriptor and no task, and nothing holds the protocols."""

    async def fail():
        with call() as peer:
            peer.does("sending junk", lambda sock: send_junk(sock, b"GET / HTTP/1.1\r\n\r\n"))
            await peer.read_to_reset()
        await settled()

    async with secure.serving() as (accepted, call, _):
        await fail()
        gc.collect()
        before = (descriptors(), len(asyncio.all_tasks()))
        for _ in range(5):
            await fail()
        protocols = [weakref.ref(protocol) for protocol in accepted]
        accepted.clear()
        gc.collect()
        after = (descriptors(), len(asyncio.all_tasks()))

    assert (after, [one() for one in protocols if one() is not None]) == (before, [])


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="may", python=">=3.14", needs=("tls",))
async def handshake_failure_no_cycles(loop, secure, tls):
    """A client's handshake that failed leaves no reference cycle: protocol and exception go without the collector."""
    made = []

    def factory():
        protocol = Wire()
        made.append(weakref.ref(protocol))
        return protocol

    async with secure.listening(tls.serving(issuer="stranger")) as (address, peer):
        gc.collect()
        gc.disable()
        try:
            with contextlib.suppress(ssl.SSLError):
                await loop.create_connection(factory, *address, ssl=tls.client, server_hostname=tls.host)
            peer.let_go()
            await settled()
            alive = [one() for one in made]
        finally:
            gc.enable()

    assert alive == [None]


@check("asyncio-eventloop#asyncio.loop.create_connection", level="should", needs=("tls",))
async def given_sock_closed_on_failure(secure, tls):
    """A socket that create_connection() was given is closed when the handshake fails."""
    sock = socket.socket()
    refusal = await secure.refusal(far=tls.serving(issuer="stranger"), given=sock)
    await settled()
    closed = sock.fileno() == -1
    sock.close()

    assert (refusal.kind, closed) == (ssl.SSLCertVerificationError, True)


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop._create_connection_transport",
    level="may",
    python=">=3.14.8",
    needs=("tls",),
)
async def given_sock_closed_on_bad_timeout(loop, secure, tls):
    """A socket that create_connection() was given is closed also when no TLS transport can be made of it."""
    with socket.socket() as sock:
        async with secure.silence() as (address, _):
            sock.connect(address)
            sock.setblocking(False)
            error = await raised(
                calling(
                    loop.create_connection,
                    asyncio.Protocol,
                    sock=sock,
                    ssl=tls.client,
                    server_hostname=tls.host,
                    ssl_handshake_timeout=-1,
                ),
                ValueError,
            )
            closed = sock.fileno() == -1

    assert (error, closed) == (ValueError, True)


# errors of the protocol


@check("Lib/asyncio/sslproto.py: SSLProtocol._on_handshake_complete", level="should", needs=("tls",))
async def exception_in_connection_made(loop, secure, tls, errors, patience):
    """What connection_made() raises is reported, and ends the connection: connection_lost() gets it."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    protocol = Wire(connection_made=fail)
    async with secure.listening(None) as (address, peer):
        outcome = await raised(
            calling(loop.create_connection, lambda: protocol, *address, ssl=tls.client, server_hostname=tls.host),
            ZeroDivisionError,
        )
        peer.let_go()
        await protocol.until("connection_lost", patience)

    assert (outcome, protocol.lost_with) == (ZeroDivisionError, error)
    assert [context.get("exception") for context in errors] == [error]


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_read", level="should", needs=("tls",))
async def exception_in_data_received(secure, errors, patience):
    """What data_received() raises is reported once, and ends the connection: connection_lost() gets it."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with secure.client(react={"data_received": fail}) as (_, protocol, peer):
        peer.send(b"x")
        await protocol.until("connection_lost", patience)

    assert (protocol.lost_with, [context.get("exception") for context in errors]) == (error, [error])
    assert {"message", "exception", "transport", "protocol"} <= set(errors[0])


@check("Lib/asyncio/sslproto.py: SSLProtocol._call_eof_received", level="should", needs=("tls",))
async def exception_in_eof_received(secure, errors, patience):
    """What eof_received() raises is reported, and ends the connection: connection_lost() gets it."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with secure.client(react={"eof_received": fail}) as (_, protocol, peer):
        peer.half_close()
        await protocol.until("connection_lost", patience)

    assert (protocol.lost_with, [context.get("exception") for context in errors]) == (error, [error])


@check("Lib/asyncio/sslproto.py: SSLProtocol._do_read", level="should", needs=("tls",))
def base_exceptions_propagate(new_loop, secure_on, patience):
    """SystemExit and KeyboardInterrupt that data_received() raises over TLS leave the run of the loop."""
    left = []
    for kind in (SystemExit, KeyboardInterrupt):
        loop = new_loop()

        def fail(protocol, kind=kind):
            raise kind

        with secure_on(loop, {"data_received": fail}) as finish:
            try:
                finish()
            except kind:
                left.append(kind)

    assert left == [SystemExit, KeyboardInterrupt]


# servers


@check("asyncio-eventloop#asyncio.Server.close", needs=("tls",), after=SERVES_TLS)
async def server_close_keeps_connections(secure):
    """close() of a server leaves its TLS connections working."""
    async with secure.serving(react={"data_received": echo}) as (_, call, server):
        with call() as peer:
            await peer.secure(secure.peers_client, server_hostname="localhost")
            peer.send(b"before")
            before = await peer.read(6)
            server.close()
            await pass_turns(3)
            peer.send(b"after")
            after = await peer.read(5)
            peer.let_go()

    assert (before, after) == (b"before", b"after")


@check("asyncio-eventloop#asyncio.Server.close_clients", python=">=3.13", needs=("tls",), after=SERVES_TLS)
async def server_close_clients(secure, patience):
    """close_clients() and abort_clients() of a server end its TLS connections, after which wait_closed() returns."""
    ends = []
    for method, clean in (("close_clients", True), ("abort_clients", False)):
        async with secure.serving(react={"data_received": echo}) as (accepted, call, server):
            with call() as peer:
                peer.secure(secure.peers_client, server_hostname="localhost")
                peer.send(b"x")
                await peer.read(1)
                server.close()
                getattr(server, method)()
                seen = await peer.how_it_ended()
                await soon(server.wait_closed(), patience, f"wait_closed() returns after {method}()")
                ends.append((method, clean or seen != CLOSE_NOTIFY, accepted[0].times("connection_lost")))

    assert ends == [("close_clients", True, 1), ("abort_clients", True, 1)]


@check("Lib/asyncio/base_events.py: Server.__init__", level="should", python=">=3.15", needs=("tls",))
async def server_context_captured(secure, var, patience):
    """The callbacks of accepted TLS connections run in a copy of the context in which the server was made."""
    var.set("when the server was made")
    seen = []
    look = {name: lambda protocol: seen.append(var.get()) for name in ("connection_made", "data_received")}
    async with secure.serving(react=look) as (accepted, call, _):
        var.set("afterwards")
        with call() as peer:
            peer.secure(secure.peers_client, server_hostname="localhost")
            peer.send(b"x")
            protocol = await accepted.nth(1, patience)
            await protocol.has_received(1, patience)
            peer.let_go()

    assert seen == ["when the server was made"] * 2


@check("Lib/asyncio/sslproto.py: _SSLProtocolTransport.__del__", level="should", needs=("tls",))
def unclosed_transport_warns(new_loop, secure_on):
    """A TLS transport that is still open when its loop is closed issues a ResourceWarning when it is collected."""
    with warned(ResourceWarning) as texts:
        loop = new_loop()
        with secure_on(loop, {}, keep=False):
            loop.close()
        del loop
        gc.collect()

    assert [text for text in texts if "transport" in text] != [], f"the warnings were {texts!r}"


also_in(
    {
        "tls12": (
            connection_made_after_handshake,
            large_transfer_both_ways,
            byte_by_byte,
            many_records_one_segment,
            any_splitting_arrives,
            write_in_connection_made,
            peer_close_notify,
            write_reply_in_eof_received,
            truncated_peer,
            corrupted_record,
            close_flushes_then_close_notify,
            shutdown_timeout,
            cancel_during_handshake,
            peer_closes_during_handshake,
            handshake_cut_anywhere,
            handshake_spoilt_anywhere,
            server_handshake_cut_anywhere,
            verify_unknown_ca,
            verify_wrong_host,
            sni_callback_switches_context,
            alpn,
            server_resumes_sessions,
        ),
        "debug": (
            verify_unknown_ca,
            peer_close_notify,
            shutdown_timeout,
            handshake_timeout_client,
            cancel_during_handshake,
        ),
        "tls": (transports.any_writing_arrives,),
        "tls-server": (transports.any_writing_arrives,),
    }
)
