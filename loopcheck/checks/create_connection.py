"""Clients: create_connection(), every argument of it, the order of what it does, and what is left when it fails."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import os
import socket
import ssl

import loopcheck.kit.arguments  # the tool "raises_unlike"
import loopcheck.kit.spawning  # noqa: F401  # the tool "spawn"
from loopcheck.basics import CLOSES, CONNECTS, CONNECTS_OVER_TLS
from loopcheck.check import also_in, check
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon
from loopcheck.kit.arguments import ALL_ERRORS, CONNECT, CONNECT_HAPPILY, CONNECT_SECURELY
from loopcheck.kit.attempts import HANGS, LISTENS, REFUSES, Ear, loopback, more_addresses, places
from loopcheck.kit.channels import Wire
from loopcheck.kit.descriptors import is_socket, no_more_descriptors, open_sockets, stream_sockets
from loopcheck.kit.names import UNUSUAL_LOOPBACK, as_socket_does, error_of, outcome
from loopcheck.kit.net import arrived, closing, entered, meanwhile
from loopcheck.kit.peers import Peer, connect
from loopcheck.kit.ports import free_port, option
from loopcheck.kit.sockets import cancelled, crowded
from loopcheck.kit.turns import turns_until
from loopcheck.kit.wait import in_time

AFTER = CONNECTS

DOCUMENTED = "asyncio-eventloop#asyncio.loop.create_connection"
SOURCE = "Lib/asyncio/base_events.py: BaseEventLoop.create_connection"
MAKING = "Lib/asyncio/base_events.py: BaseEventLoop._create_connection_transport"
ATTEMPT = "Lib/asyncio/base_events.py: BaseEventLoop._connect_sock"
RACE = "Lib/asyncio/staggered.py: staggered_race"
TRANSPORT = "Lib/asyncio/selector_events.py: _SelectorSocketTransport.__init__"

HOST = "127.0.0.1"
MANY = ("many-loopback-addresses",)
NAMES = ("own-names", "ipv6")

LONG = 1000.0
"""Seconds; a delay that no check waits for."""

SHORT = 0.02
"""Seconds; a delay or timeout that is to be seen."""

SEVERAL = 5
"""Times that something is done, of which each leaves something behind if one does."""

MANY_CLIENTS = 100

REFUSED = ("ConnectionRefusedError", "ECONNREFUSED")

FIVE = {"five.test": ("fd00::1", "fd00::2", "fd00::3", "127.0.0.1", "127.0.0.2")}
"""A host with three IPv6 addresses and two of IPv4, which are found in this order."""


@contextlib.asynccontextmanager
async def client(loop, patience, *address, factory=Wire, **options):
    """A connection that create_connection() makes; the block gets its transport and its protocol."""
    connecting = loop.create_connection(factory, *address, **options)
    transport, protocol = await soon(connecting, patience, "create_connection() returns")
    async with closing([protocol], patience):
        yield transport, protocol


@contextlib.asynccontextmanager
async def client_and_peer(loop, listener, patience, **options):
    """A connection to the listener; the block gets the transport, the protocol and the peer."""
    async with client(loop, patience, *listener.getsockname()[:2], **options) as (transport, protocol):
        with Peer(listener.accept()[0], patience) as peer:
            yield transport, protocol, peer
            peer.let_go()


async def name_of_subject(loop, patience, *address, **options):
    """The address that a connection has at the subject's end."""
    async with client(loop, patience, *address, **options) as (transport, _):
        return transport.get_extra_info("sockname")


def reaches(listener, patience):
    """Whether a connection is there to be accepted."""
    listener.settimeout(patience)
    return arrived(listener)


def nobody_came(listener):
    """Whether no connection waits to be accepted."""
    listener.setblocking(False)
    return not arrived(listener)


@contextlib.contextmanager
def pair():
    """Two connected stream sockets, the first of which is given away; both blocking."""
    near, far = socket.socketpair()
    with near, far:
        yield near, far


@contextlib.contextmanager
def tcp_pair(listener, patience):
    """A connected TCP socket to give away, and the socket at its other end; both blocking."""
    with connect(listener.getsockname(), patience) as near:
        far, _ = listener.accept()
        with far:
            near.setblocking(True)
            yield near, far


@contextlib.contextmanager
def bound(host=HOST):
    """A socket that has an address, and does not share it."""
    with socket.socket() as sock:
        sock.bind((host, 0))
        yield sock


class Counting:
    """A protocol factory that counts its calls and with what it was called."""

    def __init__(self):
        self.calls = []

    def __call__(self, *arguments, **options):
        self.calls.append((arguments, options))
        return Wire()


async def ends_all(listener, patience):
    """Whether the connections that came, if any did, were ended without a byte."""
    ends = []
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            with Peer(listener.accept()[0], patience) as peer:
                ends.append(await peer.read_to_reset())
    return not any(ends)


def failing_factory():
    raise LookupError("the factory fails")


async def grown(action):
    """By how many descriptors the process has grown once the action was done several times."""
    await action()  # what a loop opens once it opens now
    gc.collect()
    await pass_turns(2)
    before = open_sockets()
    for _ in range(SEVERAL):
        await action()
    gc.collect()
    await pass_turns(2)
    return open_sockets() - before


async def descriptors_at_rest(loop, patience):
    """How many descriptors are open, when the loop has opened what it opens with its first connection."""
    with socket.create_server((HOST, 0)) as listener:
        async with client(loop, patience, *listener.getsockname()):
            pass
    gc.collect()
    await pass_turns(2)
    return open_sockets()


async def failure(awaitable):
    """The exception that it raises.

    Raises:
        AssertionError: it raised nothing.
    """
    try:
        await awaitable
    except Exception as error:
        return error
    raise AssertionError("create_connection() raised nothing")


# what it returns


@check(DOCUMENTED)
async def returns_pair(loop, listener, patience):
    """create_connection() returns a tuple of the transport and of the protocol that the factory returned."""
    made = Wire()
    connecting = loop.create_connection(lambda: made, *listener.getsockname())
    pair = await soon(connecting, patience, "create_connection() returns")
    async with closing([made], patience):
        transport, protocol = pair

        assert (type(pair), protocol is made, transport.get_protocol() is made, made.transport is transport) == (
            tuple,
            True,
            True,
            True,
        )


@check("asyncio-protocol#transports-hierarchy")
async def transport_type(loop, listener, patience):
    """The transport of a connection is an instance of asyncio.Transport.

    Libraries tell by it whether they can both read and write.
    """
    async with client(loop, patience, *listener.getsockname()) as (transport, _):
        assert isinstance(transport, asyncio.Transport), f"{type(transport).__mro__} has no asyncio.Transport"


@check(DOCUMENTED, after=())
async def is_coroutine(loop, patience):
    """create_connection(), create_server() and create_datagram_endpoint() return coroutines, also for bad arguments."""
    coroutines = (
        loop.create_connection(Wire, sock=None, server_hostname="x"),
        loop.create_server(Wire, sock=None),
        loop.create_datagram_endpoint(Wire, local_addr="x"),
    )

    are = [asyncio.iscoroutine(one) for one in coroutines]
    for one in coroutines:
        await outcome(one)

    assert are == [True, True, True]


@check(DOCUMENTED)
async def signature(loop, listener, patience):
    """create_connection() takes every documented keyword, and no positional argument after the port."""
    defaults = {
        "ssl": None,
        "family": 0,
        "proto": 0,
        "flags": 0,
        "sock": None,
        "local_addr": None,
        "server_hostname": None,
        "ssl_handshake_timeout": None,
        "ssl_shutdown_timeout": None,
        "happy_eyeballs_delay": None,
        "interleave": None,
    }
    host, port = listener.getsockname()

    async with client(loop, patience, host=host, port=port, **defaults) as (transport, _):
        peername = transport.get_extra_info("peername")
    with refuses(TypeError, "create_connection() with a fourth positional argument"):
        await entered(client(loop, patience, host, port, None))

    assert peername == (host, port)


@check(DOCUMENTED, python=">=3.12")
async def signature_all_errors(loop, listener, patience):
    """create_connection() takes all_errors=False, and connects."""
    async with client(loop, patience, *listener.getsockname(), all_errors=False):
        assert reaches(listener, patience)


@check(SOURCE, level="should")
async def unknown_keyword(loop, listener, patience):
    """create_connection() raises TypeError for a keyword that it does not know, such as a misspelt one."""
    with refuses(TypeError, "create_connection() with nodelay=True"):
        await entered(client(loop, patience, *listener.getsockname(), nodelay=True))


# what it refuses


@check(SOURCE, level="should")
async def no_address_no_sock(loop, patience):
    """create_connection() raises ValueError without host, port and sock."""
    with refuses(ValueError, "create_connection() without host, port and sock"):
        await entered(client(loop, patience))


@check(DOCUMENTED)
async def host_and_sock(loop, patience):
    """create_connection() raises ValueError for a sock together with a host or a port, and leaves the sock open."""
    with pair() as (near, _):
        for given in ({"host": HOST}, {"port": 1}, {"host": ""}, {"host": HOST, "port": 1}):
            with refuses(ValueError, f"create_connection() with sock and {given}"):
                await entered(client(loop, patience, sock=near, **given))

        assert is_socket(near.fileno()), "the socket was closed"


@check(SOURCE, level="should")
async def sock_not_stream(loop, patience):
    """create_connection() raises ValueError for a datagram socket, and leaves it open."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with refuses(ValueError, "create_connection() with a datagram socket"):
            await entered(client(loop, patience, sock=sock))

        assert is_socket(sock.fileno()), "the socket was closed"


@check("Lib/asyncio/base_events.py: _check_ssl_socket", level="should")
async def sock_ssl_rejected(loop, listener, tls, patience):
    """create_connection() raises TypeError for an SSLSocket, also together with a host."""
    with connect(listener.getsockname(), patience) as plain:
        options = {"server_hostname": tls.host, "do_handshake_on_connect": False}
        with tls.client.wrap_socket(plain, **options) as secure:
            for given in ({}, {"host": HOST, "port": 1}):
                with refuses(TypeError, f"create_connection() with an SSLSocket and {given}"):
                    await entered(client(loop, patience, sock=secure, **given))

            assert is_socket(secure.fileno()), "the socket was closed"


@check(SOURCE, level="should", needs=("posix",))
async def sock_closed(loop, patience):
    """create_connection() raises OSError for a closed socket."""
    sock = socket.socket()
    sock.close()

    with refuses(OSError, "create_connection() with a closed socket"):
        await entered(client(loop, patience, sock=sock))


@check(DOCUMENTED)
async def server_hostname_without_ssl(loop, listener, patience):
    """create_connection() raises ValueError for a server_hostname, be it empty, without ssl, and does not connect."""
    for name in ("localhost", ""):
        for given in ({}, {"ssl": None}, {"ssl": False}):
            with refuses(ValueError, f"create_connection() with server_hostname={name!r} and {given or 'no ssl'}"):
                await entered(client(loop, patience, *listener.getsockname(), server_hostname=name, **given))

    assert nobody_came(listener), "it had connected before"


@check(DOCUMENTED, needs=("tls",))
async def ssl_needs_hostname(loop, tls, patience):
    """create_connection() raises ValueError for ssl without server_hostname where no host says the name.

    With a sock, with an empty host, or with a port alone: a certificate would be checked against nothing.
    """
    with pair() as (near, _), free_port(HOST) as port:
        for given in ({"host": "", "port": port}, {"host": None, "port": port}, {"sock": near}):
            with refuses(ValueError, f"create_connection() with ssl and {given}"):
                await entered(client(loop, patience, ssl=tls.client, **given))

        assert is_socket(near.fileno()), "the socket was closed"


@check(SOURCE, level="should")
async def ssl_handshake_timeout_without_ssl(loop, listener, patience):
    """create_connection() raises ValueError for an ssl_handshake_timeout without ssl, be it 0, and does not connect."""
    await is_for_ssl("ssl_handshake_timeout", loop, listener, patience)
    assert nobody_came(listener), "it had connected before"


@check(SOURCE, level="should")
async def ssl_shutdown_timeout_without_ssl(loop, listener, patience):
    """create_connection() raises ValueError for an ssl_shutdown_timeout without ssl, be it 0, and does not connect."""
    await is_for_ssl("ssl_shutdown_timeout", loop, listener, patience)
    assert nobody_came(listener), "it had connected before"


async def is_for_ssl(name, loop, listener, patience):
    """A timeout of this name is refused where there is no ssl."""
    for value in (1.0, 0):
        with refuses(ValueError, f"create_connection() with {name}={value} and no ssl"):
            await entered(client(loop, patience, *listener.getsockname(), **{name: value}))


@check(SOURCE, level="should")
async def argument_errors_before_io(loop, patience):
    """What is wrong with TLS arguments is raised before anything is looked up or made."""
    factory = Counting()
    unknown = {"host": "localhost.", "port": "nosuchsvc", "flags": socket.AI_NUMERICHOST}
    for given in ({"server_hostname": "x"}, {"ssl_handshake_timeout": 1.0}, {"ssl_shutdown_timeout": 1.0}):
        with refuses(ValueError, f"create_connection() with {given}, no ssl and a host that is not found"):
            await entered(client(loop, patience, factory=factory, **unknown, **given))

    assert factory.calls == []


@check(SOURCE, level="should")
def any_arguments_are_judged_alike(raises_unlike):
    """create_connection() raises for the same combinations of arguments as asyncio's loops do, and what they raise.

    Where several arguments are wrong, any of their exceptions will do.
    """
    assert raises_unlike(CONNECT, 100) == []


@check(SOURCE, level="should")
def any_tls_arguments_are_judged_alike(raises_unlike):
    """create_connection() with ssl raises for the same combinations of arguments as asyncio's loops do."""
    assert raises_unlike(CONNECT_SECURELY, 40) == []


@check(SOURCE, level="should")
def any_happy_eyeballs_arguments_are_judged_alike(raises_unlike):
    """create_connection() with happy_eyeballs_delay and interleave raises as asyncio's loops do."""
    assert raises_unlike(CONNECT_HAPPILY, 50) == []


@check(SOURCE, level="should", python=">=3.12")
def any_arguments_beside_all_errors_are_judged_alike(raises_unlike):
    """create_connection() with all_errors raises for the same combinations of arguments as asyncio's loops do."""
    assert raises_unlike(ALL_ERRORS, 50) == []


# a socket that it is given


@check(SOURCE, level="should", needs=("unix-sockets",))
async def sock_unix_allowed(loop, patience):
    """create_connection() takes a connected Unix stream socket."""
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, Peer(far, patience) as peer:
        async with client(loop, patience, sock=near) as (transport, protocol):
            peer.send(b"hello")
            transport.write(b"world")

            assert (await protocol.has_received(5, patience), await peer.read(5)) == (b"hello", b"world")
            peer.let_go()


@check(SOURCE, level="should")
async def sock_tcp_talks(loop, listener, patience):
    """create_connection() takes a connected TCP socket, and its transport knows both addresses."""
    with tcp_pair(listener, patience) as (near, far), Peer(far, patience) as peer:
        async with client(loop, patience, sock=near) as (transport, protocol):
            peer.send(b"hello")
            transport.write(b"world")

            assert (await protocol.has_received(5, patience), await peer.read(5)) == (b"hello", b"world")
            assert [transport.get_extra_info(name) for name in ("peername", "sockname")] == [
                peer.address,
                peer.address_of_subject,
            ]
            peer.let_go()


@check(MAKING, level="should")
async def sock_made_nonblocking(loop, patience):
    """create_connection() takes a blocking socket and makes it non-blocking."""
    with pair() as (near, _), near.dup() as same:
        async with client(loop, patience, sock=near):
            assert not os.get_blocking(same.fileno())


@check(DOCUMENTED, after=(*CONNECTS, *CLOSES))
async def sock_ownership(loop, patience):
    """A socket that create_connection() was given belongs to the transport: when that is closed, so is the socket."""
    with pair() as (near, far), Peer(far, patience) as peer:
        number = near.fileno()
        async with client(loop, patience, sock=near) as (transport, protocol):
            transport.close()
            await protocol.until("connection_lost", patience)
        await turns_until(lambda: not is_socket(number), patience, "the descriptor is closed")

        assert await peer.read_to_end() == b""


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__init__", level="should")
async def sock_fd_kept(loop, patience):
    """The transport uses the descriptor of the socket that it is given, and not a copy."""
    with pair() as (near, _):
        number = near.fileno()
        async with client(loop, patience, sock=near) as (transport, _):
            assert transport.get_extra_info("socket").fileno() == number


OWNED = "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport"


@check(OWNED, level="should", python=">=3.12", needs=("posix",))
async def sock_of_live_transport(loop, patience):
    """create_connection() raises RuntimeError or OSError for a socket that an open transport uses."""
    with pair() as (near, _):
        async with client(loop, patience, sock=near) as (transport, _):
            with refuses((RuntimeError, OSError), "create_connection() with the socket of another transport"):
                await entered(client(loop, patience, sock=near))

            assert not transport.is_closing(), "the transport that has the socket is closing"


@check(OWNED, level="should", python=">=3.12", needs=("posix", "tls"))
async def sock_of_live_transport_with_tls(loop, patience, tls):
    """create_connection() with ssl raises RuntimeError or OSError for a socket that an open transport uses."""
    with pair() as (near, _):
        async with client(loop, patience, sock=near) as (transport, _):
            options = {"sock": near, "ssl": tls.client, "server_hostname": "localhost"}
            with refuses((RuntimeError, OSError), "create_connection() with ssl and the socket of another transport"):
                await entered(client(loop, patience, **options))

            assert not transport.is_closing(), "the transport that has the socket is closing"


# From 3.14 on asyncio's own loops close the socket under the first transport.
@check(OWNED, level="should", python=">=3.12,<3.14", needs=("posix",))
async def sock_of_live_transport_goes_on(loop, patience):
    """A transport goes on after create_connection() was given its socket."""
    with pair() as (near, far), Peer(far, patience) as peer:
        async with client(loop, patience, sock=near) as (transport, _):
            await outcome(entered(client(loop, patience, sock=near)))
            transport.write(b"goes on")

            assert await peer.read(7) == b"goes on"
            peer.let_go()


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__init__", level="should", needs=("posix",))
async def sock_reset_before(loop, listener, patience):
    """A socket that the peer has reset makes a connection, which is lost with ConnectionResetError.

    A proxy hands over sockets whose clients have gone. Such a socket has no peername any more.
    """
    with tcp_pair(listener, patience) as (near, far):
        with Peer(far, patience) as peer:
            peer.reset().result()
        async with client(loop, patience, sock=near) as (_, protocol):
            await protocol.until("connection_lost", patience)

            assert (protocol.events, type(protocol.lost_with)) == (
                ["connection_made", "connection_lost"],
                ConnectionResetError,
            )


# TLS


def recording(tls, names):
    """A context for a server that appends the name that the client asks for."""
    context = tls.server
    context.sni_callback = lambda sock, name, context: names.append(name)
    return context


async def name_asked_for(loop, listener, tls, patience, *address, **options):
    """The name for which a TLS client asks."""
    names = []
    with Peer.accepting(listener, patience) as peer:
        peer.start_tls(recording(tls, names), server_side=True)
        async with client(loop, patience, *address, ssl=tls.client, **options):
            peer.let_go()
    return names


@check(DOCUMENTED, needs=("tls",))
async def ssl_hostname_defaults_to_host(loop, listener, tls, patience):
    """A TLS client asks for the name of its host, where no server_hostname is given."""
    port = listener.getsockname()[1]

    names = await name_asked_for(loop, listener, tls, patience, "localhost", port, family=socket.AF_INET)

    assert names == ["localhost"]


@check(DOCUMENTED, needs=("tls",), after=CONNECTS_OVER_TLS)
async def ssl_hostname_checked_against_host(loop, listener, tls, patience):
    """A TLS client to a host that the certificate does not name raises SSLCertVerificationError."""
    with Peer.accepting(listener, patience) as peer:
        shaking = peer.start_tls(tls.server, server_side=True)
        with refuses(ssl.SSLCertVerificationError, "create_connection() with ssl to a host of another name"):
            # 127.0.0.1 in another spelling: the certificate has only the usual one.
            await entered(client(loop, patience, "127.1", listener.getsockname()[1], ssl=tls.client))
        await outcome(shaking)  # which ends in one way or another


@check(DOCUMENTED, needs=("tls",), after=CONNECTS_OVER_TLS)
async def server_hostname_replaces_host(loop, listener, tls, patience):
    """With server_hostname a TLS client asks for that name, and wants a certificate for it, whatever its host."""
    host, port = "127.1", listener.getsockname()[1]

    names = await name_asked_for(loop, listener, tls, patience, host, port, server_hostname="localhost")

    assert names == ["localhost"]


@check(DOCUMENTED, needs=("tls",), after=CONNECTS_OVER_TLS)
async def ssl_with_sock(loop, listener, tls, patience):
    """create_connection() with sock, ssl and server_hostname does the handshake on that socket."""
    with connect(listener.getsockname(), patience) as near, Peer.accepting(listener, patience) as peer:
        peer.start_tls(tls.server, server_side=True)
        async with client(loop, patience, sock=near, ssl=tls.client, server_hostname=tls.host) as (transport, _):
            transport.write(b"hello")

            assert await peer.read(5) == b"hello"
            peer.let_go()


@check(DOCUMENTED, needs=("tls",), after=CONNECTS_OVER_TLS)
async def ssl_handshake_timeout_effect(loop, listener, tls, patience):
    """create_connection() raises ConnectionAbortedError after ssl_handshake_timeout if the peer does not answer."""
    factory = Counting()
    with refuses(ConnectionAbortedError, f"create_connection() with ssl_handshake_timeout={SHORT} to a silent peer"):
        options = {"ssl": tls.client, "server_hostname": tls.host, "ssl_handshake_timeout": SHORT}
        await entered(client(loop, patience, *listener.getsockname(), factory=factory, **options))
    with Peer(listener.accept()[0], patience) as peer:
        hello = await peer.read_to_reset()

    assert len(hello) > 0, "the peer got no handshake"


@check(DOCUMENTED, needs=("tls",), after=CONNECTS_OVER_TLS)
async def ssl_shutdown_timeout_effect(loop, listener, tls, patience):
    """A TLS connection that is closed is lost after ssl_shutdown_timeout if the peer does not answer."""
    options = {"ssl": tls.client, "server_hostname": tls.host, "ssl_shutdown_timeout": SHORT}
    with Peer.accepting(listener, patience) as peer:
        peer.start_tls(tls.server, server_side=True)
        async with client(loop, patience, *listener.getsockname(), **options) as (transport, protocol):
            transport.write(b"x")
            await peer.read(1)
            transport.close()
            await protocol.until("connection_lost", patience)

            assert protocol.events == ["connection_made", "connection_lost"]
            peer.let_go()


@check(DOCUMENTED)
async def ssl_falsy_is_plain(loop, listener, patience):
    """create_connection() with ssl=None or ssl=False makes a plain connection."""
    received = []
    for ssl_option in (None, False):
        async with client_and_peer(loop, listener, patience, ssl=ssl_option) as (transport, _, peer):
            transport.write(b"plain")
            received.append(await peer.read(5))

    assert received == [b"plain", b"plain"]


# the protocol factory


@check(DOCUMENTED)
async def factory_called_once_without_arguments(loop, listener, patience):
    """create_connection() calls the protocol factory once, without arguments."""
    factory = Counting()
    async with client(loop, patience, *listener.getsockname(), factory=factory):
        assert factory.calls == [((), {})]


@check(DOCUMENTED)
async def factory_after_connect(loop, patience):
    """create_connection() does not call the protocol factory when the connection fails."""
    factory = Counting()
    with free_port(HOST) as port, refuses(ConnectionRefusedError, "create_connection() to a closed port"):
        await entered(client(loop, patience, HOST, port, factory=factory))

    assert factory.calls == []


@check(DOCUMENTED)
async def factory_any_callable(loop, listener, patience):
    """The protocol factory may be a class, a function that returns an existing protocol, or a functools.partial."""
    existing = Wire()
    made = []
    for factory in (Wire, lambda: existing, functools.partial(Wire, keep_open=True)):
        async with client(loop, patience, *listener.getsockname(), factory=factory) as (_, protocol):
            made.append((type(protocol), protocol is existing, protocol.keep_open))

    assert made == [(Wire, False, None), (Wire, True, None), (Wire, False, True)]


class Duck:
    """A protocol that derives from nothing."""

    def __init__(self):
        self.events = []

    def connection_made(self, transport):
        self.events.append("connection_made")

    def data_received(self, data):
        self.events.append(bytes(data))

    def eof_received(self):
        self.events.append("eof_received")

    def connection_lost(self, exc):
        self.events.append("connection_lost")


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport", level="should")
async def protocol_may_be_duck_typed(loop, listener, patience):
    """A protocol need not derive from asyncio.Protocol: an object with the callbacks will do."""
    connecting = loop.create_connection(Duck, *listener.getsockname())
    transport, duck = await soon(connecting, patience, "create_connection() returns")
    with Peer(listener.accept()[0], patience) as peer:
        peer.send(b"quack")
        peer.half_close()
        await turns_until(lambda: "connection_lost" in duck.events, patience, "connection_lost() is called")
        transport.abort()

        assert duck.events == ["connection_made", b"quack", "eof_received", "connection_lost"]


@check(MAKING, level="should")
async def factory_error_propagates(loop, listener, patience):
    """What the protocol factory raises, create_connection() raises, and the peer sees the end of the connection."""
    with refuses(LookupError, "create_connection() with a factory that raises LookupError"):
        await entered(client(loop, patience, *listener.getsockname(), factory=failing_factory))
    gc.collect()  # before 3.14 asyncio's loops leave it to the collector

    assert await ends_all(listener, patience), "the connection is still open"


@check(MAKING, level="should", python=">=3.14")
async def factory_error_closes_sock(loop, listener, patience):
    """A socket that create_connection() or connect_accepted_socket() was given is closed if the factory raises."""
    closed = []
    for method in (loop.create_connection, loop.connect_accepted_socket):
        with tcp_pair(listener, patience) as (near, _):
            number = near.fileno()
            with refuses(LookupError, f"{method.__name__}() with a factory that raises LookupError"):
                await soon(method(failing_factory, sock=near), patience, "it raises")
            closed.append(not is_socket(number))

    assert closed == [True, True]


@check(MAKING, level="should", after=())
async def factory_returns_no_protocol(loop, listener, spawn, logged, patience):
    """create_connection() with a factory that returns None raises an exception, and does not wait for ever."""
    loop.set_exception_handler(lambda *_: None)  # who has to do with None may say so
    connecting = spawn(loop.create_connection(lambda: None, *listener.getsockname()))
    ended = await in_time(connecting, patience)

    assert ended, "it still waits"
    with refuses(Exception, "create_connection() with a factory that returns None"):
        await connecting
    gc.collect()


# connection_made()


@check(DOCUMENTED)
async def order_factory_made_return(loop, listener, trace, patience):
    """create_connection() calls the factory, then connection_made() is called, then it returns.

    With an address as well as with a socket.
    """

    def factory():
        trace("factory")
        return Wire(connection_made=lambda protocol: trace("connection_made"))

    async def connect(*address, **options):
        _, protocol = await loop.create_connection(factory, *address, **options)
        trace("returned")
        return protocol

    with pair() as (near, _):
        protocols = [
            await soon(connect(*listener.getsockname()), patience, "create_connection() returns"),
            await soon(connect(sock=near), patience, "create_connection() with a socket returns"),
        ]
        async with closing(protocols, patience):
            assert trace == ["factory", "connection_made", "returned"] * 2


@check("asyncio-protocol#base-protocol")
async def made_before_data(loop, patience):
    """connection_made() is called before data_received(), also when data waits in the socket from the beginning."""
    with pair() as (near, far):
        far.sendall(b"early")
        async with client(loop, patience, sock=near) as (_, protocol):
            await protocol.has_received(5, patience)

            assert (protocol.events, protocol.data) == (["connection_made", "data_received"], b"early")


@check("asyncio-protocol#base-protocol")
async def data_and_end_waiting(loop, patience):
    """A socket in which data and the end wait from the beginning gives both, after connection_made()."""
    with pair() as (near, far):
        far.sendall(b"early")
        far.close()
        async with client(loop, patience, sock=near) as (_, protocol):
            await protocol.until("connection_lost", patience)

            assert (protocol.events, protocol.data) == (
                ["connection_made", "data_received", "eof_received", "connection_lost"],
                b"early",
            )


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__init__", level="should")
async def extra_info_ready_in_made(loop, listener, patience):
    """In connection_made() the transport knows its socket, its addresses and its protocol, and is not closing."""
    told = []

    def look(protocol):
        transport = protocol.transport
        told.append(
            (
                transport.get_extra_info("socket").fileno() >= 0,
                transport.get_extra_info("sockname"),
                transport.get_extra_info("peername"),
                transport.get_protocol() is protocol,
                transport.is_closing(),
            )
        )

    factory = functools.partial(Wire, connection_made=look)
    async with client_and_peer(loop, listener, patience, factory=factory) as (_, _, peer):
        assert told == [(True, peer.address_of_subject, peer.address, True, False)]


@check("asyncio-protocol#tcp-echo-client")
async def write_in_made(loop, listener, patience):
    """What connection_made() writes arrives."""
    factory = functools.partial(Wire, connection_made=lambda protocol: protocol.transport.write(b"first"))
    async with client_and_peer(loop, listener, patience, factory=factory) as (transport, _, peer):
        transport.write(b" second")

        assert await peer.read(12) == b"first second"


@check("Lib/asyncio/selector_events.py: _SelectorTransport.close", level="should")
async def close_in_made(loop, patience):
    """close() in connection_made(): create_connection() returns, connection_lost(None) follows, and no data comes."""
    with pair() as (near, far):
        far.sendall(b"early")
        factory = functools.partial(Wire, connection_made=lambda protocol: protocol.transport.close())
        async with client(loop, patience, sock=near, factory=factory) as (transport, protocol):
            await protocol.until("connection_lost", patience)
            await pass_turns(2)

            assert (transport is protocol.transport, protocol.events, protocol.lost_with) == (
                True,
                ["connection_made", "connection_lost"],
                None,
            )


@check("Lib/asyncio/selector_events.py: _SelectorTransport.abort", level="should")
async def abort_in_made(loop, patience):
    """abort() in connection_made(): create_connection() returns, and connection_lost(None) follows once."""
    with pair() as (near, _):
        factory = functools.partial(Wire, connection_made=lambda protocol: protocol.transport.abort())
        async with client(loop, patience, sock=near, factory=factory) as (transport, protocol):
            await protocol.until("connection_lost", patience)
            await pass_turns(2)

            assert (transport is protocol.transport, protocol.events, protocol.lost_with) == (
                True,
                ["connection_made", "connection_lost"],
                None,
            )


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pause_in_made(loop, patience):
    """pause_reading() in connection_made() holds back all data until resume_reading()."""
    with pair() as (near, far):
        far.sendall(b"early")
        factory = functools.partial(Wire, connection_made=lambda protocol: protocol.transport.pause_reading())
        async with client(loop, patience, sock=near, factory=factory) as (transport, protocol):
            await pass_turns(5)
            paused = (protocol.events, transport.is_reading())
            transport.resume_reading()

            assert await protocol.has_received(5, patience) == b"early"
            assert paused == (["connection_made"], False)


@check(TRANSPORT, level="should")
async def made_error(loop, listener, errors, patience):
    """What connection_made() raises goes to the exception handler; create_connection() returns an open transport."""
    error = LookupError("connection_made() fails")

    def fail(protocol):
        raise error

    factory = functools.partial(Wire, connection_made=fail)
    async with client_and_peer(loop, listener, patience, factory=factory) as (transport, _, peer):
        transport.write(b"goes on")
        received = await peer.read(7)

    assert ([context.get("exception") for context in errors], received) == ([error], b"goes on")


@check(TRANSPORT, level="may")
async def made_error_goes_on_reading(loop, listener, errors, patience):
    """A connection whose connection_made() raised an exception goes on: data is received."""

    def fail(protocol):
        raise LookupError("connection_made() fails")

    factory = functools.partial(Wire, connection_made=fail)
    async with client_and_peer(loop, listener, patience, factory=factory) as (_, protocol, peer):
        peer.send(b"goes on")

        assert await protocol.has_received(7, patience) == b"goes on"


# connections that fail


@check("exceptions#ConnectionRefusedError")
async def refused(loop, patience):
    """create_connection() raises ConnectionRefusedError with ECONNREFUSED where nobody listens."""
    with free_port(HOST) as port:
        assert await outcome(entered(client(loop, patience, HOST, port))) == REFUSED


@check("exceptions#ConnectionRefusedError", needs=("ipv6",))
async def refused_ipv6(loop, patience):
    """create_connection() raises ConnectionRefusedError with ECONNREFUSED where nobody listens, over IPv6 too."""
    with free_port("::1") as port:
        assert await outcome(entered(client(loop, patience, "::1", port))) == REFUSED


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_connect_cb", level="should", needs=("posix",))
async def refused_message_names_address(loop, patience):
    """The message of a refused connection names the host and the port.

    In a log it is all that says which of many servers is down.
    """
    with free_port(HOST) as port:
        text = str(await failure(entered(client(loop, patience, HOST, port))))

        assert (HOST in text, str(port) in text) == (True, True), f"the message is {text!r}"


@check(ATTEMPT, level="should", needs=("posix",))
async def failed_attempt_closes_socket(loop, patience):
    """A connection that fails leaves no descriptor open."""
    with free_port(HOST) as port:

        async def fail():
            assert await outcome(entered(client(loop, patience, HOST, port))) == REFUSED

        assert await grown(fail) == 0


@check(ATTEMPT, level="should", needs=("posix",))
async def out_of_descriptors(loop, listener, patience):
    """create_connection() raises OSError with EMFILE when the process can open no descriptor, and works again later."""
    async with client(loop, patience, *listener.getsockname()):  # what a loop opens once it opens now
        reaches(listener, patience)
    with no_more_descriptors():
        answer = await outcome(entered(client(loop, patience, *listener.getsockname())))
    nobody = nobody_came(listener)
    async with client(loop, patience, *listener.getsockname()):
        assert (answer, nobody, reaches(listener, patience)) == (("OSError", "EMFILE"), True, True)


@check(DOCUMENTED, needs=("ipv6",))
async def fallback_to_next_address(loop, patience):
    """create_connection() tries the next address of a host when one refuses."""
    with loopback(REFUSES, LISTENS) as host:
        async with client(loop, patience, None, host.port) as (transport, _):
            assert transport.get_extra_info("peername") == (HOST, host.port)


@check(DOCUMENTED, level="should", needs=("ipv6",))
async def first_address_wins(loop, patience):
    """create_connection() makes one connection, to the first address that accepts, and none to the others."""
    with loopback(LISTENS, LISTENS) as host:
        async with client(loop, patience, None, host.port) as (transport, _):
            connected = [host.accept("::1"), host.accept("::1"), host.accept(HOST)]

            assert (transport.get_extra_info("peername")[0], connected) == ("::1", [True, False, False])


@check(SOURCE, level="should", needs=("ipv6", "posix"))
async def attempts_are_sequential(loop, spawn, patience):
    """Without happy_eyeballs_delay no other address is tried while the first neither accepts nor refuses."""
    with loopback(HANGS, LISTENS) as host:
        before = await descriptors_at_rest(loop, patience)
        connecting = spawn(loop.create_connection(Wire, None, host.port))
        await turns_until(lambda: open_sockets() > before, patience, "the first attempt begins")
        await pass_turns(20)
        others = host.accept(HOST)

        assert (await cancelled(connecting, patience), others) == ("CancelledError", False)


@check(ATTEMPT, level="should")
def bad_socket_type_falls_through(replacing, listener, patience):
    """An address for which no socket can be made counts as one that failed: the next is tried.

    Look-ups return SCTP or IPv6 addresses on machines that have no such sockets.
    A loop that does not ask its own getaddrinfo() is told by dns::create_connection_uses_loop_getaddrinfo, not here: to
    other resolvers the name is HOST too.
    """

    async def answer(host, port, **options):
        good = await as_socket_does(HOST, port, **options)
        family, kind, _, name, address = good[0]
        return [(family, kind, socket.IPPROTO_UDP, name, address), *good]

    loop, _ = replacing(answer)

    async def body():
        async with client(loop, patience, UNUSUAL_LOOPBACK[0], listener.getsockname()[1]):
            return reaches(listener, patience)

    assert run_coroutine(loop, body())


@check(ATTEMPT, level="should", needs=("ipv6",))
async def failed_bind_falls_through(loop, patience):
    """An address whose socket cannot be bound to local_addr counts as one that failed: the next is tried."""
    with loopback(LISTENS, LISTENS) as host:
        async with client(loop, patience, None, host.port, local_addr=(HOST, 0)) as (transport, _):
            assert transport.get_extra_info("peername") == (HOST, host.port)


@check(DOCUMENTED)
async def single_error_raised_as_is(loop, patience):
    """What went wrong with a host's only address is raised itself, with its class and number."""
    with free_port(HOST) as port:
        error = await failure(entered(client(loop, patience, HOST, port)))

    assert (type(error), error.errno) == (ConnectionRefusedError, errno.ECONNREFUSED)


@check(DOCUMENTED, needs=("own-names",), after=())
def same_errors_raise_first(resolving, patience):
    """Where all addresses of a host fail with the same message, the first exception is raised, with its number."""

    async def body(loop, names):
        return await outcome(entered(client(loop, patience, "far.test", 9)))

    # In its own network the process has no way to these: connecting fails at once, without a word of the address.
    table = {"far.test": ("192.0.2.1", "192.0.2.2")}
    assert resolving(table, body) == ("OSError", "ENETUNREACH")


@check(DOCUMENTED, needs=("ipv6",))
async def different_errors_combined(loop, patience):
    """Where the addresses of a host fail with different messages, one OSError has all of them, in order.

    It has no number: of several it would be one.
    """
    with loopback(REFUSES, REFUSES) as host:
        error = await failure(entered(client(loop, patience, None, host.port)))

    text = str(error)
    seen = (type(error), getattr(error, "errno", 0), 0 <= text.find("::1") < text.find(HOST))
    assert seen == (OSError, None, True), repr(error)


@check(DOCUMENTED, python=">=3.12", needs=("ipv6",))
async def all_errors_group(loop, patience):
    """create_connection() with all_errors=True raises an ExceptionGroup of an exception for each address, be it one."""
    groups = []
    with loopback(REFUSES, REFUSES) as host:
        for name in (None, HOST):
            error = await failure(entered(client(loop, patience, name, host.port, all_errors=True)))
            groups.append((type(error), [error_of(one) for one in getattr(error, "exceptions", ())]))

    assert groups == [(ExceptionGroup, [REFUSED, REFUSED]), (ExceptionGroup, [REFUSED])]


@check(SOURCE, level="should", python=">=3.12")
async def all_errors_not_for_lookup(loop, patience):
    """create_connection() with all_errors=True raises the gaierror of a look-up itself, in no group."""
    error = await failure(entered(client(loop, patience, HOST, "nosuchsvc", all_errors=True)))

    assert type(error) is socket.gaierror


@check(SOURCE, level="should", python=">=3.12", needs=("ipv6",))
async def all_errors_with_happy_eyeballs(loop, patience):
    """create_connection() with all_errors=True raises the group also with happy_eyeballs_delay."""
    with loopback(REFUSES, REFUSES) as host:
        options = {"all_errors": True, "happy_eyeballs_delay": LONG}
        error = await failure(entered(client(loop, patience, None, host.port, **options)))

    assert [error_of(one) for one in getattr(error, "exceptions", ())] == [REFUSED, REFUSED], repr(error)


# Happy Eyeballs


@check(DOCUMENTED, needs=("ipv6", "posix"))
async def happy_eyeballs_next_after_delay(loop, patience):
    """With happy_eyeballs_delay the next address is tried after that time, and the first that accepts wins.

    The first neither accepts nor refuses: without Happy Eyeballs the connection hangs for minutes.
    """
    with loopback(HANGS, LISTENS) as host:
        async with client(loop, patience, None, host.port, happy_eyeballs_delay=SHORT) as (transport, _):
            assert transport.get_extra_info("peername") == (HOST, host.port)


@check(DOCUMENTED, needs=("ipv6", "posix"))
async def happy_eyeballs_not_before_delay(loop, spawn, patience):
    """With happy_eyeballs_delay the next address is not tried before that time."""
    with loopback(HANGS, LISTENS) as host:
        before = await descriptors_at_rest(loop, patience)
        connecting = spawn(loop.create_connection(Wire, None, host.port, happy_eyeballs_delay=LONG))
        await turns_until(lambda: open_sockets() > before, patience, "the first attempt begins")
        await pass_turns(20)
        others = host.accept(HOST)

        assert (await cancelled(connecting, patience), others) == ("CancelledError", False)


@check(RACE, level="should", needs=("ipv6",))
async def happy_eyeballs_next_after_failure(loop, patience):
    """With happy_eyeballs_delay the next address is tried at once when one refuses, without waiting for the delay."""
    with loopback(REFUSES, LISTENS) as host:
        async with client(loop, patience, None, host.port, happy_eyeballs_delay=LONG) as (transport, _):
            assert transport.get_extra_info("peername") == (HOST, host.port)


@check(RACE, level="should", needs=("ipv6", "posix"), after=(*CONNECTS, *CLOSES))
async def happy_eyeballs_losers_closed(loop, patience):
    """When one attempt of Happy Eyeballs wins, the others are closed, and no task of theirs is left."""
    with loopback(HANGS, LISTENS) as host:

        async def connect_and_close():
            tasks = asyncio.all_tasks()
            before = open_sockets()
            async with client(loop, patience, None, host.port, happy_eyeballs_delay=SHORT):
                await pass_turns(2)
                left.append((open_sockets() - before, asyncio.all_tasks() - tasks))
            host.accept(HOST)

        left = []
        await connect_and_close()  # what a loop opens once it opens now
        await connect_and_close()

        assert left[1] == (1, set())


@check(RACE, level="should", needs=("ipv6", "posix"))
async def happy_eyeballs_cancel(loop, spawn, patience):
    """A create_connection() that is cancelled during Happy Eyeballs ends, and closes the sockets of all attempts."""
    with loopback(HANGS, HANGS) as host:
        before = await descriptors_at_rest(loop, patience)
        tasks, streams = asyncio.all_tasks(), stream_sockets()
        connecting = spawn(loop.create_connection(Wire, None, host.port, happy_eyeballs_delay=SHORT))
        await turns_until(lambda: stream_sockets() >= streams + 2, patience, "both attempts begin")
        ended = await cancelled(connecting, patience)

        assert (ended, open_sockets() - before, asyncio.all_tasks() - tasks) == ("CancelledError", 0, set())


@check("gh-124309", level="should", python=">=3.14", needs=("ipv6", "posix"))
async def happy_eyeballs_with_eager_tasks(loop, patience):
    """happy_eyeballs_delay works on a loop whose tasks are eager: both after the delay and after a failure."""
    loop.set_task_factory(asyncio.eager_task_factory)
    connected = []
    for first, delay in ((HANGS, SHORT), (REFUSES, LONG)):
        with loopback(first, LISTENS) as host:
            async with client(loop, patience, None, host.port, happy_eyeballs_delay=delay) as (transport, _):
                connected.append(transport.get_extra_info("peername") == (HOST, host.port))

    assert connected == [True, True]


@check(RACE, level="should", needs=("ipv6", "posix"))
async def happy_eyeballs_all_fail(loop, patience):
    """Where all addresses fail, create_connection() with happy_eyeballs_delay raises what it raises without."""
    with loopback(REFUSES, REFUSES) as host:
        error = await failure(entered(client(loop, patience, None, host.port, happy_eyeballs_delay=LONG)))

    assert (type(error), getattr(error, "errno", 0)) == (OSError, None), repr(error)


async def attempts(patience, loop, **options):
    """The addresses of FIVE in the order in which a client tries them, all in vain, as places() names them."""
    more_addresses("fd00::1", "fd00::2", "fd00::3")
    named = places(socket.getaddrinfo("five.test", 9, type=socket.SOCK_STREAM))
    ear = Ear()
    await outcome(entered(client(loop, patience, "five.test", 9, **options)))
    return list(named.values()), [named.get(host, host) for host in ear.heard()]


FOUND = ["a6", "b6", "c6", "a4", "b4"]


@check(DOCUMENTED, needs=NAMES, after=())
def interleave_default(resolving, patience):
    """The addresses of a host are tried in the order in which they are found, without interleave."""

    async def body(loop, names):
        return await attempts(patience, loop)

    assert resolving(FIVE, body) == (FOUND, FOUND)


@check(DOCUMENTED, needs=NAMES, after=())
def interleave_default_with_happy_eyeballs(resolving, patience):
    """With happy_eyeballs_delay, and without interleave, IPv6 and IPv4 addresses are tried alternately."""

    async def body(loop, names):
        return await attempts(patience, loop, happy_eyeballs_delay=LONG)

    assert resolving(FIVE, body) == (FOUND, ["a6", "a4", "b6", "b4", "c6"])


@check(DOCUMENTED, needs=NAMES, after=())
def interleave_one(resolving, patience):
    """With interleave=1 and no happy_eyeballs_delay, IPv6 and IPv4 addresses are tried alternately."""

    async def body(loop, names):
        return await attempts(patience, loop, interleave=1)

    assert resolving(FIVE, body) == (FOUND, ["a6", "a4", "b6", "b4", "c6"])


@check(DOCUMENTED, needs=NAMES, after=())
def interleave_first_family_count(resolving, patience):
    """With interleave=2 the first two addresses are of the first family, and then the families alternate."""

    async def body(loop, names):
        return await attempts(patience, loop, interleave=2, happy_eyeballs_delay=LONG)

    assert resolving(FIVE, body) == (FOUND, ["a6", "b6", "a4", "c6", "b4"])


@check(DOCUMENTED, needs=NAMES, after=())
def interleave_zero_with_happy_eyeballs(resolving, patience):
    """With interleave=0 the addresses are tried in the order in which they are found, with happy_eyeballs_delay too."""

    async def body(loop, names):
        return await attempts(patience, loop, interleave=0, happy_eyeballs_delay=LONG)

    assert resolving(FIVE, body) == (FOUND, FOUND)


# which addresses


@check(DOCUMENTED, needs=("ipv6",))
async def family_argument(loop, patience):
    """family says which addresses of a host are looked up: with AF_INET the host None is connected to over IPv4.

    A numeric host of another family is not found: gaierror.
    """
    with loopback(LISTENS, LISTENS) as host:
        async with client(loop, patience, None, host.port, family=socket.AF_INET) as (transport, _):
            peername = transport.get_extra_info("peername")
        answer = await outcome(entered(client(loop, patience, HOST, host.port, family=socket.AF_INET6)))

    assert (peername[0], answer and answer[0]) == (HOST, "gaierror")


@check(DOCUMENTED, needs=("posix",))
async def flags_argument(loop, listener, patience):
    """flags are given to the look-up: with AI_NUMERICHOST a name is not found."""
    port = listener.getsockname()[1]
    answer = await outcome(entered(client(loop, patience, "localhost", port, flags=socket.AI_NUMERICHOST)))

    assert (answer, nobody_came(listener)) == (("gaierror", "EAI_NONAME"), True)


@check(DOCUMENTED, needs=("ipv6", "posix"))
async def flags_v4mapped(loop, listener, patience):
    """flags are given to the look-up: AF_INET6 with AI_V4MAPPED connects to an IPv4 server, by its mapped address."""
    options = {"family": socket.AF_INET6, "flags": socket.AI_V4MAPPED}
    port = listener.getsockname()[1]
    async with client(loop, patience, HOST, port, **options) as (transport, _):
        assert (transport.get_extra_info("peername")[:2], reaches(listener, patience)) == (
            (f"::ffff:{HOST}", port),
            True,
        )


@check(DOCUMENTED)
async def proto_argument(loop, listener, patience):
    """proto is given to the look-up: IPPROTO_TCP connects, and for IPPROTO_UDP no stream address is found."""
    async with client(loop, patience, *listener.getsockname(), proto=socket.IPPROTO_TCP):
        connected = reaches(listener, patience)
    # In a spelling that is looked up: for a plain address asyncio's loops do not ask.
    address = "127.1", listener.getsockname()[1]
    answer = await outcome(entered(client(loop, patience, *address, proto=socket.IPPROTO_UDP)))

    assert (connected, answer and answer[0]) == (True, "gaierror")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._sock_connect", level="should", needs=("posix",))
async def port_out_of_range(loop, listener, patience):
    """create_connection() raises an exception for a port beyond 65535, and does not take its last sixteen bits."""
    port = listener.getsockname()[1]
    with refuses((OSError, OverflowError, ValueError, TypeError), f"create_connection() to the port {port + 65536}"):
        await entered(client(loop, patience, HOST, port + 65536))
    with refuses((OSError, OverflowError, ValueError, TypeError), f"create_connection() to the port {port - 65536}"):
        await entered(client(loop, patience, HOST, port - 65536))

    assert nobody_came(listener), f"it connected to the port {port}"


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("posix",))
async def host_empty_string(loop, listener, patience):
    """An empty host is a name that is not found: create_connection() raises gaierror, and does not take it for None."""
    answer = await outcome(entered(client(loop, patience, "", listener.getsockname()[1])))

    assert (answer and answer[0], nobody_came(listener)) == ("gaierror", True)


@check(SOURCE, level="should", needs=("ipv6",))
async def port_alone(loop, patience):
    """create_connection() with a port and no host connects to this machine."""
    with loopback(LISTENS, LISTENS) as host:
        async with client(loop, patience, port=host.port):
            assert host.accept("::1")


# the local address


@check(DOCUMENTED)
async def local_addr_binds(loop, listener, patience):
    """create_connection() with local_addr connects from that address."""
    with free_port(HOST) as port:
        pass
    local = (HOST, port)

    assert await name_of_subject(loop, patience, *listener.getsockname(), local_addr=local) == local


@check(DOCUMENTED, needs=MANY)
async def local_addr_binds_host(loop, listener, patience):
    """create_connection() with the port 0 in local_addr connects from that host, and from any port.

    Machines with several addresses choose in this way by which one they go out.
    """
    host, port = await name_of_subject(loop, patience, *listener.getsockname(), local_addr=("127.0.0.3", 0))

    assert (host, port > 0) == ("127.0.0.3", True)


@check(DOCUMENTED)
async def local_addr_resolved(loop, listener, patience):
    """The host of local_addr is looked up as other hosts are: it may be written 127.1, and be a list's first item."""
    used = [
        (await name_of_subject(loop, patience, *listener.getsockname(), local_addr=local))[0]
        for local in (("127.1", 0), ["127.1", 0])
    ]

    assert used == [HOST, HOST]


@check(ATTEMPT, level="should", needs=("posix",))
async def local_addr_in_use(loop, listener, patience):
    """create_connection() from an address that is in use raises OSError with EADDRINUSE, which names the address."""
    with bound() as other:
        local = other.getsockname()
        error = await failure(entered(client(loop, patience, *listener.getsockname(), local_addr=local)))

    assert (error_of(error), str(local[1]) in str(error)) == (("OSError", "EADDRINUSE"), True), repr(error)


@check(ATTEMPT, level="should", needs=("ipv6",))
async def local_addr_family_mismatch(loop, listener, patience):
    """create_connection() to an IPv4 host from an IPv6 address raises OSError, and does not connect."""
    with refuses(OSError, "create_connection() to an IPv4 host with local_addr=('::1', 0)"):
        await entered(client(loop, patience, *listener.getsockname(), local_addr=("::1", 0)))

    assert nobody_came(listener)


@check(ATTEMPT, level="should", needs=NAMES, after=())
def local_addr_skips_other_family(resolving, patience):
    """Of several local addresses those of another family are left out, and the next is tried when one is in use."""

    async def body(loop, names):
        found = [entry[4][0] for entry in socket.getaddrinfo("local.test", 1, type=socket.SOCK_STREAM)]
        with socket.create_server((HOST, 0)) as listener, bound() as busy:
            local = ("local.test", busy.getsockname()[1])
            return found, (await name_of_subject(loop, patience, *listener.getsockname(), local_addr=local))[0]

    table = {"local.test": ("::1", "127.0.0.1", "127.0.0.2")}
    assert resolving(table, body) == (["::1", "127.0.0.1", "127.0.0.2"], "127.0.0.2")


@check(ATTEMPT, level="should", needs=("posix",))
async def local_addr_failure_closes_socket(loop, listener, patience):
    """A connection that fails because its local address is in use leaves no descriptor open."""
    with bound() as other:

        async def fail():
            with refuses(OSError, "create_connection() from an address that is in use"):
                await entered(client(loop, patience, *listener.getsockname(), local_addr=other.getsockname()))

        assert await grown(fail) == 0


@check("Lib/asyncio/base_events.py: BaseEventLoop._ensure_resolved", level="should")
async def local_addr_bad_type(loop, listener, patience):
    """create_connection() raises TypeError or ValueError for a local_addr that is no pair of host and port."""
    for local in (HOST, (HOST,), 0):
        with refuses((TypeError, ValueError), f"create_connection() with local_addr={local!r}"):
            await entered(client(loop, patience, *listener.getsockname(), local_addr=local))

    assert nobody_came(listener)


# cancellation


@check(ATTEMPT, level="should", needs=("posix",))
async def cancel_while_connecting(loop, spawn, patience):
    """A create_connection() that is cancelled while it waits for the peer ends at once, and closes the socket."""
    with crowded() as listener:
        before = await descriptors_at_rest(loop, patience)
        connecting = spawn(loop.create_connection(Wire, *listener.getsockname()))
        await turns_until(lambda: open_sockets() > before, patience, "the attempt begins")
        ended = await cancelled(connecting, patience)
        await turns_until(lambda: open_sockets() == before, patience, "the socket of the attempt is closed")

        assert ended == "CancelledError"


@check(SOURCE, level="should", needs=("ipv6", "posix"))
async def cancel_tries_no_other_address(loop, spawn, patience):
    """A create_connection() that is cancelled does not take that for a failed attempt: it tries no other address."""
    with loopback(HANGS, LISTENS) as host:
        before = await descriptors_at_rest(loop, patience)
        connecting = spawn(loop.create_connection(Wire, None, host.port))
        await turns_until(lambda: open_sockets() > before, patience, "the first attempt begins")
        ended = await cancelled(connecting, patience)
        await pass_turns(2)

        assert (ended, host.accept(HOST)) == ("CancelledError", False)


@check(MAKING, level="should", after=(*CONNECTS, *CLOSES))
async def cancel_after_connect(loop, spawn, patience):
    """A create_connection() that is cancelled in connection_made() closes the transport and the socket.

    The caller never gets the transport, so nobody else would close it.
    """
    with pair() as (near, far), Peer(far, patience) as peer:
        protocol = Wire(connection_made=lambda protocol: connecting.cancel())
        connecting = spawn(loop.create_connection(lambda: protocol, sock=near))
        with refuses(asyncio.CancelledError, "create_connection() that was cancelled in connection_made()"):
            await soon(connecting, patience, "the cancelled create_connection() ends")
        await protocol.until("connection_lost", patience)

        assert (protocol.events, protocol.lost_with, await peer.read_to_end()) == (
            ["connection_made", "connection_lost"],
            None,
            b"",
        )


@check(MAKING, level="should", after=CONNECTS_OVER_TLS)
async def cancel_while_shaking_hands(loop, listener, spawn, tls, patience):
    """A create_connection() that is cancelled during the TLS handshake ends, and closes the connection."""
    options = {"ssl": tls.client, "server_hostname": tls.host}
    protocol = Wire()
    connecting = spawn(loop.create_connection(lambda: protocol, *listener.getsockname(), **options))
    with Peer.accepting(listener, patience) as peer:
        begun = await peer.read_some()
        ended = await cancelled(connecting, patience)
        await peer.read_to_reset()

    assert (len(begun) > 0, ended, protocol.events) == (True, "CancelledError", [])


@check("asyncio-task#asyncio.timeout", needs=("posix",))
async def times_out(loop, patience):
    """asyncio.timeout() around a create_connection() that hangs ends it with TimeoutError."""
    with crowded() as listener, refuses(TimeoutError, "create_connection() in asyncio.timeout()"):

        async def try_it():
            async with asyncio.timeout(SHORT):
                await loop.create_connection(Wire, *listener.getsockname())

        await soon(try_it(), patience, "asyncio.timeout() ends create_connection()")


# the socket


@check(DOCUMENTED)
async def tcp_nodelay(loop, listener, patience):
    """TCP_NODELAY is set on a connection that the loop opens."""
    async with client(loop, patience, *listener.getsockname()) as (transport, _):
        number = transport.get_extra_info("socket").fileno()

        assert option(number, socket.TCP_NODELAY, socket.IPPROTO_TCP) != 0


@check(ATTEMPT, level="should", needs=("posix",))
async def not_inheritable(loop, listener, patience):
    """The socket of a connection is non-blocking, and not inherited by child processes."""
    async with client(loop, patience, *listener.getsockname()) as (transport, _):
        number = transport.get_extra_info("socket").fileno()

        assert (os.get_inheritable(number), os.get_blocking(number)) == (False, False)


@check(SOURCE, level="should")
async def many_concurrent(loop, listener, patience):
    """A hundred create_connection() at once all connect, each to a protocol of its own."""

    def accept():
        for _ in range(MANY_CLIENTS):
            accepted.append(listener.accept()[0])

    accepted = []
    made = []

    def factory():
        made.append(Wire())
        return made[-1]

    try:
        with meanwhile(accept, patience=patience):
            connecting = (loop.create_connection(factory, *listener.getsockname()) for _ in range(MANY_CLIENTS))
            pairs = await soon(asyncio.gather(*connecting), patience, f"{MANY_CLIENTS} create_connection() return")
        async with closing(made, patience):
            names = {transport.get_extra_info("sockname") for transport, _ in pairs}

            assert (len(names), len({id(protocol) for _, protocol in pairs})) == (MANY_CLIENTS, MANY_CLIENTS)
    finally:
        for sock in accepted:
            sock.close()


also_in(
    {
        "debug": (
            returns_pair,
            host_and_sock,
            refused,
            fallback_to_next_address,
            happy_eyeballs_next_after_delay,
            happy_eyeballs_cancel,
            sock_made_nonblocking,
            cancel_while_connecting,
            cancel_after_connect,
            order_factory_made_return,
        ),
        "other-thread": (returns_pair, fallback_to_next_address, happy_eyeballs_next_after_delay),
        "runner": (returns_pair, happy_eyeballs_next_after_delay),
        "eager-tasks": (
            returns_pair,
            fallback_to_next_address,
            order_factory_made_return,
            cancel_while_connecting,
        ),
        "python-tasks": (returns_pair, fallback_to_next_address, cancel_after_connect),
        "second-loop": (returns_pair, refused),
    }
)
