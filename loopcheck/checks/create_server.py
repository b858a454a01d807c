"""Servers: create_server() and its arguments, the Server object, accepted connections, connect_accepted_socket()."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import gc
import os
import socket
import struct
import weakref

import loopcheck.kit.arguments  # the tool "raises_unlike"
import loopcheck.kit.spawning  # noqa: F401  # the tools "spawn" and "reports"
from loopcheck.basics import CLOSES, SERVES, SERVES_TLS, TAKES_ACCEPTED_SOCKETS
from loopcheck.check import also_in, check
from loopcheck.kit import StreamWatcher, pass_turns, refuses, soon
from loopcheck.kit.arguments import CREATE_SERVER
from loopcheck.kit.attempts import answers_to_crowd
from loopcheck.kit.channels import Wire, fill
from loopcheck.kit.descriptors import is_socket, no_more_descriptors, open_descriptors
from loopcheck.kit.names import error_of, outcome
from loopcheck.kit.net import Watchers, closing, dial, entered, putting_away, receive
from loopcheck.kit.peers import AS_SENT, Peer, connect
from loopcheck.kit.ports import free_port, option, queue_length
from loopcheck.kit.turns import turns_until

AFTER = SERVES

DOCUMENTED = "asyncio-eventloop#asyncio.loop.create_server"
SOURCE = "Lib/asyncio/base_events.py: BaseEventLoop.create_server"
ACCEPTED = "asyncio-eventloop#asyncio.loop.connect_accepted_socket"
ACCEPTED_SOURCE = "Lib/asyncio/base_events.py: BaseEventLoop.connect_accepted_socket"

HOST = "127.0.0.1"
ANY = (HOST, 0)
ELSEWHERE = "192.0.2.200"
"""An address that no machine has: it is reserved for documentation."""

TWO_HOSTS = ("many-loopback-addresses",)

SHARING = socket.SO_REUSEADDR

CROWD = 100
"""Clients; as many as a server lets wait by default."""

ACCEPT_PAUSE = 1.2
"""Seconds; a little more than the second after which a loop that ran out of descriptors tries again."""

SHORT = 0.05
"""Seconds; a timeout that is to be seen."""


def nothing():
    return None


def watchers(**react):
    """A protocol factory, which is the list of the recording protocols that it made."""
    return Watchers(StreamWatcher, nothing, **react)


def echoing():
    """A protocol factory: the protocols send back what they get."""
    return watchers(data_received=lambda protocol: protocol.transport.write(protocol.data))


@contextlib.asynccontextmanager
async def serving(loop, patience, *address, factory=None, **options):
    """A server that create_server() makes; the block gets it, and the protocols of its connections.

    Closed afterwards, with its connections.
    """
    accepted = watchers() if factory is None else factory
    making = loop.create_server(accepted, *address, **options)
    server = await soon(making, patience, "create_server() returns")

    async def close():
        server.close()
        await soon(server.wait_closed(), patience, "wait_closed() returns, with the server and its connections closed")

    async with putting_away(close), closing(accepted, patience):
        yield server, accepted


@contextlib.asynccontextmanager
async def accepting(loop, patience, sock, **options):
    """A connection that connect_accepted_socket() makes; the block gets its transport and its protocol."""
    protocol = Wire()
    connecting = loop.connect_accepted_socket(lambda: protocol, sock, **options)
    transport, _ = await soon(connecting, patience, "connect_accepted_socket() returns")
    async with closing([protocol], patience):
        yield transport, protocol


async def called(method):
    """Call a method and await what it returns, which must not be a coroutine for this."""
    return await method()


@contextlib.contextmanager
def bound(host=HOST, port=0, kind=socket.SOCK_STREAM):
    """A socket that has an address, and does not listen."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as sock:
        sock.bind((host, port))
        yield sock


@contextlib.contextmanager
def accepted_pair(listener, patience):
    """A connection: the socket that the listener accepted, which is blocking, and the client's."""
    with connect(listener.getsockname(), patience) as far:
        near, _ = listener.accept()
        with near:
            near.setblocking(True)
            yield near, far


@contextlib.contextmanager
def secured(context):
    """An SSLSocket that is not connected."""
    with context.wrap_socket(socket.socket(), server_side=True, do_handshake_on_connect=False) as sock:
        yield sock


def hosts_of(server):
    return sorted(sock.getsockname()[0] for sock in server.sockets)


def ports_of(server):
    return [sock.getsockname()[1] for sock in server.sockets]


def descriptor_of(server):
    return server.sockets[0].fileno()


def address_of(server):
    return server.sockets[0].getsockname()


def is_set(server, name):
    """Whether a socket option is set on the first socket of the server."""
    return bool(option(descriptor_of(server), name))


def connecting_to(address, patience):
    """What connecting a blocking socket to the address does: "connected", or the error as error_of() has it."""
    try:
        connect(address, patience).close()
    except OSError as error:
        return error_of(error)
    return "connected"


REFUSED = ("ConnectionRefusedError", "ECONNREFUSED")


async def serves(server, accepted, patience):
    """Whether a client that connects to the server gets exactly one protocol."""
    before = len(accepted)
    with dial(server, patience):
        await accepted.nth(before + 1, patience)
        return len(accepted) == before + 1


async def echo(peer, accepted, patience, number=1, question=b"question"):
    """Send something to protocol ``number``, which echoes; what came back."""
    peer.sendall(question)
    await accepted.nth(number, patience, "data_received")
    return receive(peer, len(question))


def found_again(thing):
    """A function that returns the object as long as it lives, and None afterwards; always None if nobody can know."""
    with contextlib.suppress(TypeError):
        return weakref.ref(thing)
    return nothing


# the call


@check(DOCUMENTED)
async def returns_server(loop, patience):
    """create_server() returns an object that is an asyncio.AbstractServer."""
    async with serving(loop, patience, *ANY) as (server, _):
        assert isinstance(server, asyncio.AbstractServer), f"{server!r} is none"


@check(DOCUMENTED)
async def serves_by_default(loop, patience):
    """create_server() returns with the server accepting connections."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        assert (server.is_serving(), await serves(server, accepted, patience)) == (True, True)


@check(DOCUMENTED)
async def signature(loop, patience):
    """create_server() takes host and port by keyword, and every other documented keyword with its default."""
    options = {"family": socket.AF_UNSPEC, "flags": socket.AI_PASSIVE, "sock": None, "backlog": 100, "ssl": None}
    options |= {"reuse_address": None, "reuse_port": None, "ssl_handshake_timeout": None, "start_serving": True}
    options |= {"ssl_shutdown_timeout": None}
    async with serving(loop, patience, host=HOST, port=0, **options) as (server, _):
        assert hosts_of(server) == [HOST]


@check(DOCUMENTED)
async def keyword_only(loop, patience):
    """All arguments of create_server() after the port are keyword-only."""
    with refuses(TypeError, "create_server() with a fourth positional argument"):
        await entered(serving(loop, patience, HOST, 0, socket.AF_INET))


@check(SOURCE, level="should")
async def no_address_no_sock(loop, patience):
    """create_server() raises ValueError without host, port and sock."""
    with refuses(ValueError, "create_server() without host, port and sock"):
        await entered(serving(loop, patience))


@check(DOCUMENTED)
async def host_and_sock(loop, patience):
    """create_server() raises ValueError for a host or a port together with a sock, and leaves that sock open.

    Also for the host "" and the port 0, which are not None.
    """
    with bound() as sock:
        for address in ((HOST, 0), (HOST, None), (None, 0), ("", None)):
            with refuses(ValueError, f"create_server() with the address {address} and sock"):
                await entered(serving(loop, patience, *address, sock=sock))

        assert is_socket(sock.fileno()), "the socket was closed"


@check(SOURCE, level="should")
async def sock_not_stream(loop, patience):
    """create_server() raises ValueError for a datagram socket, and leaves it open."""
    with bound(kind=socket.SOCK_DGRAM) as sock:
        with refuses(ValueError, "create_server() with a datagram socket"):
            await entered(serving(loop, patience, sock=sock))

        assert is_socket(sock.fileno()), "the socket was closed"


@check(SOURCE, level="should", needs=("posix",))
async def sock_with_type_flags(loop, patience):
    """create_server() takes a sock that was made with SOCK_NONBLOCK and SOCK_CLOEXEC among its type.

    These were to be seen in socket.type once, and loops that compare the number of the system see them still.
    """
    flags = getattr(socket, "SOCK_NONBLOCK", 0) | getattr(socket, "SOCK_CLOEXEC", 0)
    with bound(kind=socket.SOCK_STREAM | flags) as sock:
        async with serving(loop, patience, sock=sock) as (server, accepted):
            assert await serves(server, accepted, patience)


@check("Lib/asyncio/base_events.py: _check_ssl_socket", level="should")
async def sock_ssl_rejected(loop, tls, patience):
    """create_server() raises TypeError for an ssl.SSLSocket."""
    with secured(tls.server) as sock:
        sock.bind(ANY)
        with refuses(TypeError, "create_server() with an SSLSocket"):
            await entered(serving(loop, patience, sock=sock))


@check(SOURCE, level="should")
async def ssl_bool_rejected(loop, patience):
    """create_server() raises TypeError for ssl=True and for ssl=False: a server needs a certificate."""
    for flag in (True, False):
        with refuses(TypeError, f"create_server() with ssl={flag}"):
            await entered(serving(loop, patience, *ANY, ssl=flag))


@check(SOURCE, level="should")
async def ssl_handshake_timeout_without_ssl(loop, patience):
    """create_server() raises ValueError for ssl_handshake_timeout without ssl, also for 0."""
    for timeout in (1.0, 0):
        with refuses(ValueError, f"create_server() with ssl_handshake_timeout={timeout} and without ssl"):
            await entered(serving(loop, patience, *ANY, ssl_handshake_timeout=timeout))


@check(SOURCE, level="should")
async def ssl_shutdown_timeout_without_ssl(loop, patience):
    """create_server() raises ValueError for ssl_shutdown_timeout without ssl, also for 0."""
    for timeout in (1.0, 0):
        with refuses(ValueError, f"create_server() with ssl_shutdown_timeout={timeout} and without ssl"):
            await entered(serving(loop, patience, *ANY, ssl_shutdown_timeout=timeout))


@check(DOCUMENTED, needs=("tls",))
async def ssl_serves_tls(loop, tls, patience):
    """A server with ssl does a TLS handshake with each client before connection_made()."""
    async with serving(loop, patience, *ANY, factory=echoing(), ssl=tls.server) as (server, _):
        with Peer(dial(server, patience), patience) as peer:
            peer.start_tls(tls.client, server_hostname=tls.host)
            peer.send(b"hello")

            assert await peer.read(5) == b"hello"
            peer.let_go()


@check(DOCUMENTED, needs=("tls",))
async def ssl_handshake_timeout_is_kept(loop, tls, patience):
    """A server with ssl and ssl_handshake_timeout hangs up on a client that does not begin the handshake in time."""
    options = {"ssl": tls.server, "ssl_handshake_timeout": SHORT}
    async with serving(loop, patience, *ANY, **options) as (server, _):
        with Peer(dial(server, patience), patience) as peer:
            assert await peer.read_to_reset() == b""


@check(SOURCE, level="should")
def any_arguments_are_judged_alike(raises_unlike):
    """create_server() raises for the same combinations of arguments as asyncio's loops do, and what they raise.

    Where several arguments are wrong, any of their exceptions will do.
    """
    assert raises_unlike(CREATE_SERVER) == []


# hosts and ports


@check(DOCUMENTED)
async def host_string(loop, patience):
    """A host that is a string is the one address that the server listens on."""
    async with serving(loop, patience, *ANY) as (server, _):
        assert hosts_of(server) == [HOST]


@check(DOCUMENTED, needs=TWO_HOSTS)
async def host_sequence(loop, patience):
    """A server listens on every host of a list or a tuple."""
    hosts = [HOST, "127.0.0.2"]

    listening = []
    for sequence in (hosts, tuple(hosts)):
        async with serving(loop, patience, sequence, 0) as (server, _):
            listening.append(hosts_of(server))

    assert listening == [hosts, hosts]


@check(DOCUMENTED, needs=("ipv6",))
async def host_sequence_of_both_families(loop, patience):
    """A server can listen on an IPv4 and on an IPv6 host, and accepts on both."""
    async with serving(loop, patience, [HOST, "::1"], 0) as (server, accepted):
        for number, sock in enumerate(server.sockets, 1):
            with connect(sock.getsockname(), patience):
                await accepted.nth(number, patience)

        assert (hosts_of(server), len(accepted)) == ([HOST, "::1"], 2)


@check(SOURCE, level="should", needs=TWO_HOSTS)
async def host_other_iterables(loop, patience):
    """A server listens on every host of a set, an iterator or any other iterable that is no str."""
    hosts = [HOST, "127.0.0.2"]

    listening = []
    for iterable in (set(hosts), iter(hosts), dict.fromkeys(hosts)):
        async with serving(loop, patience, iterable, 0) as (server, _):
            listening.append(hosts_of(server))

    assert listening == [hosts] * 3


@check(SOURCE)
async def host_duplicates_bound_once(loop, patience):
    """A host that appears twice is bound once."""
    async with serving(loop, patience, [HOST, HOST], 0) as (server, _):
        assert hosts_of(server) == [HOST]


@check(DOCUMENTED, needs=("ipv6",))
async def host_none_or_empty(loop, patience):
    """A server with the host None or "" listens on all interfaces, of IPv4 and of IPv6."""
    listening = []
    for host in (None, ""):
        async with serving(loop, patience, host, 0) as (server, _):
            listening.append(hosts_of(server))

    assert listening == [["0.0.0.0", "::"]] * 2


@check(SOURCE, level="should")
async def host_empty_inside_list(loop, patience):
    """The host "" among several is not all interfaces: it is looked up, and create_server() raises gaierror."""
    with refuses(socket.gaierror, "create_server() with the hosts ['', '127.0.0.1']"):
        await entered(serving(loop, patience, ["", HOST], 0))


@check(SOURCE, level="should")
async def host_none_inside_list(loop, patience):
    """The host None in a list means all interfaces."""
    async with serving(loop, patience, [None], 0, family=socket.AF_INET) as (server, _):
        assert hosts_of(server) == ["0.0.0.0"]


@check(SOURCE, level="should", python=">=3.13")
async def host_empty_list(loop, patience):
    """create_server() raises OSError for an empty list of hosts, and makes no server that listens nowhere."""
    with refuses(OSError, "create_server() with no hosts"):
        await entered(serving(loop, patience, [], 0))


@check(DOCUMENTED, needs=TWO_HOSTS)
async def host_list_same_port(loop, patience):
    """The port is that of every host in the list."""
    hosts = [HOST, "127.0.0.2"]
    with free_port(*hosts) as port:
        async with serving(loop, patience, hosts, port, reuse_address=True) as (server, _):
            assert (hosts_of(server), ports_of(server)) == (hosts, [port, port])


@check(DOCUMENTED)
async def port_zero_or_none(loop, patience):
    """With the port 0 or None the system picks one that is free."""
    picked = []
    for port in (0, None):
        async with serving(loop, patience, HOST, port) as (server, accepted):
            picked.append(ports_of(server)[0] > 0 and await serves(server, accepted, patience))

    assert picked == [True, True]


@check(DOCUMENTED)
async def port_only(loop, patience):
    """A server with a port and without a host listens on all interfaces."""
    async with serving(loop, patience, port=0, family=socket.AF_INET) as (server, _):
        assert hosts_of(server) == ["0.0.0.0"]


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
async def port_string(loop, patience):
    """The port may be digits in a str, or the empty string, for any that is free."""
    with free_port(HOST) as port:
        async with serving(loop, patience, HOST, str(port), reuse_address=True) as (server, _):
            given = ports_of(server)
    async with serving(loop, patience, HOST, "") as (server, _):
        assert (given, ports_of(server)[0] > 0) == ([port], True)


@check(SOURCE, level="should")
async def port_unknown_service(loop, patience):
    """create_server() raises gaierror for a port that is the name of no service."""
    with refuses(socket.gaierror, "create_server() with the port 'nosuchsvc'"):
        await entered(serving(loop, patience, HOST, "nosuchsvc"))


@check(SOURCE, level="should", needs=("posix",))
async def port_out_of_range(loop, patience):
    """create_server() raises an exception for the ports 70000 and -1, and does not take their last sixteen bits."""
    for port in (70000, -1):
        with refuses((OverflowError, OSError, ValueError), f"create_server() with the port {port}"):
            await entered(serving(loop, patience, HOST, port))


@check(DOCUMENTED, needs=("ipv6",))
async def family_argument(loop, patience):
    """family=AF_INET restricts the server to IPv4."""
    async with serving(loop, patience, None, 0, family=socket.AF_INET) as (server, _):
        assert hosts_of(server) == ["0.0.0.0"]


@check(DOCUMENTED, needs=("ipv6",))
async def family_argument_ipv6(loop, patience):
    """family=AF_INET6 restricts the server to IPv6."""
    async with serving(loop, patience, None, 0, family=socket.AF_INET6) as (server, _):
        assert hosts_of(server) == ["::"]


@check(DOCUMENTED)
async def family_mismatch(loop, patience):
    """create_server() raises gaierror for a numeric host of another family than the given one."""
    for host, family in ((HOST, socket.AF_INET6), ("::1", socket.AF_INET)):
        with refuses(socket.gaierror, f"create_server() with the host {host} and family={family.name}"):
            await entered(serving(loop, patience, host, 0, family=family))


@check(DOCUMENTED)
async def flags_argument(loop, patience):
    """flags replaces AI_PASSIVE: with flags=0 and no host the server listens on the loopback address."""
    async with serving(loop, patience, None, 0, family=socket.AF_INET, flags=0) as (server, _):
        assert hosts_of(server) == [HOST]


@check(SOURCE, level="should", needs=("ipv6",))
async def dual_stack_separate(loop, patience):
    """The IPv6 sockets of a server are for IPv6 only, so that all IPv4 and all IPv6 interfaces share one port."""
    with free_port("0.0.0.0", "::") as port:
        async with serving(loop, patience, None, port, reuse_address=True) as (server, _):
            only_ipv6 = [
                option(sock.fileno(), socket.IPV6_V6ONLY, socket.IPPROTO_IPV6)
                for sock in server.sockets
                if sock.family == socket.AF_INET6
            ]

            assert (hosts_of(server), ports_of(server), only_ipv6) == (["0.0.0.0", "::"], [port, port], [1])


# binding


@check(DOCUMENTED)
async def address_in_use(loop, listener, patience):
    """create_server() raises OSError with the number EADDRINUSE for a port on which somebody listens."""
    answer = await outcome(entered(serving(loop, patience, *listener.getsockname())))

    assert answer == ("OSError", "EADDRINUSE")


@check(SOURCE, level="should")
async def address_in_use_message(loop, listener, patience):
    """The OSError of a port in use tells the address: whose configuration names several must know which one."""
    address = listener.getsockname()
    try:
        await entered(serving(loop, patience, *address))
    except OSError as error:
        told = str(error)

    assert f"error while attempting to bind on address {address!r}" in told


@check(SOURCE, level="should", needs=("many-loopback-addresses", "posix"))
async def bind_failure_closes_all(loop, patience):
    """A create_server() that cannot bind one of its hosts leaves no socket of the others open."""
    hosts = [HOST, "127.0.0.2"]
    with free_port(*hosts) as port:

        async def fail(busy):
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, SHARING, 1)
                listener.bind((busy, port))
                listener.listen()
                answer = await outcome(entered(serving(loop, patience, hosts, port)))
            await pass_turns(3)
            return answer, open_descriptors()

        for busy in hosts:  # what a loop opens at first, and keeps, is no leak
            await fail(busy)
        before = open_descriptors()
        seen = [await fail(busy) for busy in hosts]  # whichever of them the loop binds first

    assert seen == [(("OSError", "EADDRINUSE"), before)] * 2


@check(SOURCE, level="should", python=">=3.13")
async def address_not_available_skipped(loop, patience):
    """A host that is no address of the machine is skipped if another one can be bound."""
    async with serving(loop, patience, [ELSEWHERE, HOST], 0) as (server, _):
        assert hosts_of(server) == [HOST]


@check(SOURCE, level="should", python=">=3.13")
async def address_not_available_all(loop, patience):
    """create_server() raises OSError if no host is an address of the machine."""
    with refuses(OSError, f"create_server() on {ELSEWHERE}"):
        await entered(serving(loop, patience, ELSEWHERE, 0))


@check(SOURCE, level="should", python="<3.13")
async def address_not_available_fails_legacy(loop, patience):
    """create_server() raises OSError with EADDRNOTAVAIL for a host that is no address of the machine."""
    answers = [await outcome(entered(serving(loop, patience, hosts, 0))) for hosts in (ELSEWHERE, [HOST, ELSEWHERE])]

    assert answers == [("OSError", "EADDRNOTAVAIL")] * 2


@check(DOCUMENTED, needs=("posix",))
async def reuse_address_default(loop, patience):
    """The sockets of a server have SO_REUSEADDR, on POSIX, unless reuse_address is False."""
    sharing = []
    for options in ({}, {"reuse_address": None}, {"reuse_address": True}, {"reuse_address": False}):
        async with serving(loop, patience, *ANY, **options) as (server, _):
            sharing.append(is_set(server, SHARING))

    assert sharing == [True, True, True, False]


@check(DOCUMENTED, needs=("posix",), after=(*SERVES, *CLOSES))
async def reuse_address_rebind(loop, patience):
    """A server can listen at once where another has just closed its connections, which the system still remembers.

    Without it a server that is restarted fails for a minute.
    """
    async with serving(loop, patience, *ANY) as (server, accepted):
        address = address_of(server)
        with dial(server, patience) as peer:
            protocol = await accepted.nth(1, patience)
            protocol.transport.close()
            await protocol.until("connection_lost", patience)
            peer.recv(1)
    async with serving(loop, patience, *address) as (server, accepted):
        assert (address_of(server), await serves(server, accepted, patience)) == (address, True)


@check(DOCUMENTED, needs=("reuse-port",))
async def reuse_port(loop, patience):
    """Servers with reuse_port=True can share a port."""
    async with (
        serving(loop, patience, *ANY, reuse_port=True) as (server, _),
        serving(loop, patience, *address_of(server), reuse_port=True) as (other, _),
    ):
        assert ports_of(other) == ports_of(server)


@check(DOCUMENTED, needs=("reuse-port",))
async def reuse_port_off_by_default(loop, patience):
    """A server without reuse_port, or with reuse_port=False, shares its port with nobody."""
    sharing = []
    for options in ({}, {"reuse_port": False}):
        async with serving(loop, patience, *ANY, **options) as (server, _):
            sharing.append(is_set(server, socket.SO_REUSEPORT))
    async with serving(loop, patience, *ANY, reuse_port=True) as (server, _):
        answer = await outcome(entered(serving(loop, patience, *address_of(server))))

    assert (sharing, answer) == ([False, False], ("OSError", "EADDRINUSE"))


@check(DOCUMENTED, python=">=3.13")
async def keep_alive(loop, patience):
    """keep_alive=True sets SO_KEEPALIVE on the sockets of the server; without it, or with False, it is off."""
    alive = []
    for options in ({}, {"keep_alive": False}, {"keep_alive": True}):
        async with serving(loop, patience, *ANY, **options) as (server, _):
            alive.append(is_set(server, socket.SO_KEEPALIVE))

    assert alive == [False, False, True]


@check(DOCUMENTED, python=">=3.13", needs=("posix",))
async def keep_alive_of_connections(loop, patience):
    """The connections of a server with keep_alive=True have SO_KEEPALIVE."""
    async with serving(loop, patience, *ANY, keep_alive=True) as (server, accepted):
        with dial(server, patience):
            protocol = await accepted.nth(1, patience)

            assert option(protocol.transport.get_extra_info("socket").fileno(), socket.SO_KEEPALIVE) != 0


# the queue of those who wait


@check(DOCUMENTED, needs=("queue-lengths",))
async def backlog_passed_to_listen(loop, patience):
    """backlog is what listen() gets, 100 by default."""
    lengths = []
    for options in ({}, {"backlog": 1}, {"backlog": 50}):
        async with serving(loop, patience, *ANY, **options) as (server, _):
            lengths.append(queue_length(descriptor_of(server)))

    assert lengths == [100, 1, 50]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should", python=">=3.14")
async def backlog_zero_accepts(loop, patience):
    """A server with backlog=0 accepts connections."""
    async with serving(loop, patience, *ANY, backlog=0) as (server, accepted):
        assert await serves(server, accepted, patience)


@check("Lib/asyncio/base_events.py: Server._start_serving", level="should")
async def backlog_bad_type(loop, patience):
    """create_server() raises TypeError for a backlog that is no int: 1.5, "x" or None."""
    for backlog in (1.5, "x", None):
        # A given socket, which the check closes: asyncio's own loop would leave one that it made.
        # A fresh one each time, as a loop may have taken the last.
        with bound() as sock, refuses(TypeError, f"create_server() with backlog={backlog!r}"):
            await soon(loop.create_server(watchers(), sock=sock, backlog=backlog), patience, "it raises")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should", needs=("posix",))
async def queue_longer_than_backlog(loop, patience):
    """A server accepts all who wait, also where the system lets one more wait than the backlog says.

    A loop that accepts as many as the backlog, and then waits for the next to come, forgets the last of them.
    """
    async with serving(loop, patience, *ANY, backlog=4) as (server, accepted):
        with contextlib.ExitStack() as peers:
            for _ in range(5):
                peers.enter_context(dial(server, patience))
            await accepted.nth(5, patience)

            assert len(accepted) == 5


@check(DOCUMENTED, level="should", needs=("queue-lengths",), after=())
async def more_than_backlog_are_served(loop, errors, patience):
    """More clients at once than the backlog says are all served in the end: who is turned away, when he tries again.

    The backlog says how many wait to be accepted, not how many may be connected.
    """
    async with serving(loop, patience, *ANY, backlog=2, factory=echoing()) as (server, _):
        served = await answers_to_crowd(address_of(server), 12, patience)

        assert (served, errors) == ((True, [b"?"] * 12), [])


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should")
async def burst_accept(loop, patience):
    """A hundred clients that have connected before the loop looks get a connection each."""
    async with serving(loop, patience, *ANY, factory=echoing()) as (server, accepted):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(dial(server, patience)) for _ in range(CROWD)]
            for peer in peers:
                peer.sendall(b"?")
            for number in range(1, CROWD + 1):
                await accepted.nth(number, patience, "data_received")
            answers = [receive(peer, 1) for peer in peers]

            assert (len(accepted), answers) == (CROWD, [b"?"] * CROWD)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should", needs=("posix",))
async def client_gone_before_accept(loop, patience):
    """A client that has hung up before it was accepted does no harm to the next one."""
    async with serving(loop, patience, *ANY, factory=echoing()) as (server, accepted):
        answers = []
        with Peer(dial(server, patience), patience) as impatient:
            impatient.reset().result()
        for number in (1, 2):  # one who is there when the loop looks, and one who comes later
            with dial(server, patience) as peer:
                peer.sendall(b"there?")
                await turns_until(
                    lambda: sum(bool(one.data) for one in accepted) == number,  # noqa: B023
                    patience,
                    "data_received() is called for a client that came after one who hung up",
                )
                answers.append(receive(peer, 6))

        assert answers == [b"there?", b"there?"]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="should", needs=("posix",))
async def accept_out_of_descriptors_is_reported(loop, patience):
    """A server that cannot accept because the process has no descriptor left tells the exception handler."""
    told = loop.create_future()

    def handle(_, context):
        if not told.done():
            told.set_result(context)

    loop.set_exception_handler(handle)
    async with serving(loop, patience, *ANY, backlog=1) as (server, _):
        with dial(server, patience):
            with no_more_descriptors():
                context = await soon(told, patience, "the exception handler is called")
            seen = (context["message"], context["exception"].errno, context["socket"].fileno())

            assert seen == ("socket.accept() out of system resource", errno.EMFILE, descriptor_of(server))


@check("Lib/asyncio/constants.py: ACCEPT_RETRY_DELAY", level="should", needs=("posix",))
async def accept_out_of_descriptors(loop, patience):
    """A client who comes while the process has no descriptor left is accepted a second later, when there is one.

    Takes that second: it is what asyncio waits, so that it does not spin meanwhile.
    """
    told = loop.create_future()
    loop.set_exception_handler(lambda *_: told.done() or told.set_result(None))
    async with serving(loop, patience, *ANY, backlog=1, factory=echoing()) as (server, accepted):
        with dial(server, patience) as peer:
            with no_more_descriptors():
                await asyncio.wait({told}, timeout=patience / 4)
            peer.sendall(b"now?")
            await accepted.nth(1, max(patience, patience / 4 + ACCEPT_PAUSE), "data_received")

            assert receive(peer, 4) == b"now?"


# starting


@check(DOCUMENTED)
async def start_serving_false(loop, patience):
    """A server made with start_serving=False has an address and does not listen: clients are refused."""
    async with serving(loop, patience, *ANY, start_serving=False) as (server, _):
        port = address_of(server)[1]

        assert (server.is_serving(), port > 0, connecting_to((HOST, port), patience)) == (False, True, REFUSED)


@check("asyncio-eventloop#asyncio.Server.start_serving")
async def start_serving_starts(loop, patience):
    """start_serving() makes a server accept connections that was made with start_serving=False."""
    async with serving(loop, patience, *ANY, start_serving=False) as (server, accepted):
        await soon(server.start_serving(), patience, "start_serving() returns")

        assert (server.is_serving(), await serves(server, accepted, patience)) == (True, True)


@check(DOCUMENTED, needs=("queue-lengths",))
async def start_serving_keeps_backlog(loop, patience):
    """A server that starts later listens with the backlog that create_server() was given."""
    async with serving(loop, patience, *ANY, start_serving=False, backlog=7) as (server, _):
        await soon(server.start_serving(), patience, "start_serving() returns")

        assert queue_length(descriptor_of(server)) == 7


@check("asyncio-eventloop#asyncio.Server.start_serving")
async def start_serving_idempotent(loop, patience):
    """start_serving() returns None, and does nothing on a server that accepts already."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        returned = [await soon(server.start_serving(), patience, "start_serving() returns") for _ in range(2)]

        assert (returned, await serves(server, accepted, patience)) == ([None, None], True)


@check("Lib/asyncio/base_events.py: Server.serve_forever", level="should")
async def start_serving_after_close(loop, patience):
    """start_serving() of a server that is closed raises an exception, and serve_forever() raises RuntimeError."""
    async with serving(loop, patience, *ANY) as (server, _):
        server.close()
        with refuses(Exception, "start_serving() after close()"):
            await server.start_serving()
        with refuses(RuntimeError, "serve_forever() after close()"):
            await soon(server.serve_forever(), patience, "serve_forever() raises")


# a given socket


@check(SOURCE, level="should")
async def sock_listening_already(loop, patience):
    """sock may be a socket that listens already, and blocks; it is made non-blocking."""
    with bound() as sock:
        sock.listen()
        sock.setblocking(True)
        async with serving(loop, patience, sock=sock) as (server, accepted):
            blocking = os.get_blocking(descriptor_of(server))

            assert (await serves(server, accepted, patience), blocking) == (True, False)


@check(DOCUMENTED)
async def sock_serves(loop, patience):
    """A server with sock listens on the address of that socket."""
    with bound() as sock:
        address = sock.getsockname()
        async with serving(loop, patience, sock=sock) as (server, accepted):
            assert (address_of(server), await serves(server, accepted, patience)) == (address, True)


@check(SOURCE, level="should")
async def sock_same_descriptor(loop, patience):
    """A server with sock uses the descriptor that it is given, and no copy of it.

    Programs that were given the descriptor by a service manager know it by its number. The object may be detached from
    it: that belongs to the server from then on.
    """
    with bound() as sock:
        given = sock.fileno(), sock.getsockname()
        async with serving(loop, patience, sock=sock) as (server, _):
            assert (descriptor_of(server), address_of(server)) == given


@check(DOCUMENTED)
async def sock_ownership(loop, patience):
    """The sock belongs to the server: closing that closes it."""
    with bound() as sock:
        async with serving(loop, patience, sock=sock) as (server, _):
            server.close()
            await soon(server.wait_closed(), patience, "wait_closed() returns")
            await pass_turns(2)

            assert sock.fileno() == -1


@check(SOURCE, level="should", needs=("posix",))
async def sock_options_untouched(loop, patience):
    """A given sock keeps its options, whatever reuse_address says: that is for sockets that the loop makes."""
    with bound() as sock:
        async with serving(loop, patience, sock=sock, reuse_address=True) as (server, _):
            assert is_set(server, SHARING) is False


@check(SOURCE, level="should", needs=("ipv6",))
async def sock_ipv6_stays_dual(loop, patience):
    """A given IPv6 sock that takes IPv4 clients too goes on doing so."""
    with socket.socket(socket.AF_INET6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        async with serving(loop, patience, sock=sock) as (server, accepted):
            with connect((HOST, ports_of(server)[0]), patience):
                await accepted.nth(1, patience)

                assert option(descriptor_of(server), socket.IPV6_V6ONLY, socket.IPPROTO_IPV6) == 0


# the server's sockets


@check("asyncio-eventloop#asyncio.Server.sockets")
async def sockets_property(loop, patience):
    """Server.sockets has a socket-like object per address, with family, type, fileno() and getsockname()."""
    async with serving(loop, patience, *ANY) as (server, _):
        (sock,) = server.sockets
        seen = sock.family, sock.type, is_socket(sock.fileno()), sock.getsockname()[0]

    assert seen == (socket.AF_INET, socket.SOCK_STREAM, True, HOST)


@check("asyncio-eventloop#asyncio.Server.sockets")
async def sockets_is_a_copy(loop, patience):
    """Server.sockets is a new object each time: what a program does to it does not change the server's own list."""
    async with serving(loop, patience, *ANY) as (server, _):
        assert server.sockets is not server.sockets


@check("Lib/asyncio/base_events.py: Server.sockets", level="should")
async def sockets_is_tuple(loop, patience):
    """Server.sockets is a tuple."""
    async with serving(loop, patience, *ANY) as (server, _):
        assert type(server.sockets) is tuple


@check("Lib/asyncio/base_events.py: Server.sockets", level="should")
async def sockets_empty_after_close(loop, patience):
    """Server.sockets is empty after close().

    The documentation says None; asyncio has an empty tuple.
    """
    async with serving(loop, patience, *ANY) as (server, _):
        server.close()

        assert len(server.sockets) == 0


@check("Lib/asyncio/trsock.py: TransportSocket", level="should")
async def sockets_have_options(loop, patience):
    """The sockets of a server can be asked for their options, and given others."""
    async with serving(loop, patience, *ANY) as (server, _):
        (sock,) = server.sockets
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


FORBIDDEN = ("accept", "recv", "send", "sendall", "connect", "bind", "listen", "close", "detach", "makefile")
"""What would disturb the loop, by name."""


@check("Lib/asyncio/trsock.py: TransportSocket", level="should")
async def transport_socket_restricted(loop, patience):
    """The sockets of a server have no methods that would disturb the loop, such as accept() and close()."""
    async with serving(loop, patience, *ANY) as (server, _):
        (sock,) = server.sockets
        assert [name for name in FORBIDDEN if hasattr(sock, name)] == []


@check("Lib/asyncio/trsock.py: TransportSocket.settimeout", level="should")
async def transport_socket_stays_nonblocking(loop, patience):
    """The sockets of a server stay non-blocking: settimeout() and setblocking() raise ValueError for anything else."""
    async with serving(loop, patience, *ANY) as (server, _):
        (sock,) = server.sockets
        sock.settimeout(0)
        sock.setblocking(False)
        with refuses(ValueError, "settimeout(1)"):
            sock.settimeout(1)
        with refuses(ValueError, "setblocking(True)"):
            sock.setblocking(True)

        assert (sock.gettimeout(), os.get_blocking(sock.fileno())) == (0, False)


@check("asyncio-eventloop#asyncio.Server.get_loop")
async def get_loop(loop, patience):
    """Server.get_loop() is the loop, also after close()."""
    async with serving(loop, patience, *ANY) as (server, _):
        before = server.get_loop()
        server.close()

        assert (before is loop, server.get_loop() is loop) == (True, True)


@check("asyncio-eventloop#asyncio.Server.is_serving")
async def is_serving(loop, patience):
    """is_serving() is False before start_serving(), True while the server accepts, and False after close()."""
    states = []
    async with serving(loop, patience, *ANY, start_serving=False) as (server, _):
        states.append(server.is_serving())
        await soon(server.start_serving(), patience, "start_serving() returns")
        states.append(server.is_serving())
        server.close()
        states.append(server.is_serving())

    assert states == [False, True, False]


@check("Lib/asyncio/base_events.py: Server", level="should")
async def forgotten_server_serves(loop, patience):
    """A server that the program has forgotten goes on accepting: ``await loop.create_server(...)`` alone is enough."""
    accepted = watchers()
    with bound() as sock:
        address = sock.getsockname()
        making = loop.create_server(accepted, sock=sock)
        server = await soon(making, patience, "create_server() returns")
        known = found_again(server)
        del server, making
        gc.collect()
        await pass_turns(2)
        try:
            with connect(address, patience):
                async with closing(accepted, patience):
                    await accepted.nth(1, patience)
        finally:
            if server := known():
                server.close()
                await soon(server.wait_closed(), patience, "wait_closed() returns")

    assert len(accepted) == 1


# closing


@check("asyncio-eventloop#asyncio.Server.close")
async def close_sync_stops_listening(loop, patience):
    """close() closes the listening sockets: clients are refused a few turns later at most."""
    async with serving(loop, patience, *ANY) as (server, _):
        descriptor, address = descriptor_of(server), address_of(server)
        server.close()
        await pass_turns(3)

        assert (is_socket(descriptor), connecting_to(address, patience)) == (False, REFUSED)


@check("Lib/asyncio/base_events.py: Server.close", level="should")
async def close_frees_the_address_at_once(loop, patience):
    """The address is free as soon as close() returns, before the loop makes another turn."""
    async with serving(loop, patience, *ANY, reuse_address=False) as (server, _):
        address = address_of(server)
        server.close()
        with bound(*address) as sock:
            assert sock.getsockname() == address


@check("Lib/asyncio/base_events.py: Server.close", level="should")
async def close_idempotent(loop, patience):
    """close() returns None, and does nothing on a server that is closed already."""
    async with serving(loop, patience, *ANY) as (server, _):
        returned = [server.close(), server.close()]
        for _ in range(2):
            await soon(server.wait_closed(), patience, "wait_closed() returns")
        returned.append(server.close())

        assert returned == [None, None, None]


@check("asyncio-eventloop#asyncio.Server.close")
async def close_keeps_connections(loop, patience):
    """close() leaves connections open, and they work: that is how a server ends without harm to anybody."""
    async with serving(loop, patience, *ANY, factory=echoing()) as (server, accepted):
        with dial(server, patience) as peer:
            protocol = await accepted.nth(1, patience)
            server.close()
            await pass_turns(2)
            answer = await echo(peer, accepted, patience)

            assert (answer, protocol.transport.is_closing()) == (b"question", False)


@check("Lib/asyncio/base_events.py: Server.close", level="should")
async def close_before_start(loop, patience):
    """A server that was never started can be closed, and closes its socket."""
    async with serving(loop, patience, *ANY, start_serving=False) as (server, _):
        descriptor = descriptor_of(server)
        server.close()
        await soon(server.wait_closed(), patience, "wait_closed() returns")
        await pass_turns(2)

        assert (is_socket(descriptor), len(server.sockets)) == (False, 0)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._stop_serving", level="should", needs=("posix",))
async def descriptor_of_closed_server_is_reused(loop, patience):
    """A server made right after another was closed works, though it has the descriptor that the other had.

    Who still waited at the first one is not taken for a client of the second.
    """
    first, second = echoing(), echoing()
    async with serving(loop, patience, *ANY, factory=first) as (server, _):
        with dial(server, patience) as late:
            server.close()
            async with serving(loop, patience, *ANY, factory=second) as (other, _), closing(first, patience):
                with dial(other, patience) as peer:
                    answer = await echo(peer, second, patience)
                    with contextlib.suppress(ConnectionError):
                        late.recv(1)

                    assert (answer, len(second)) == (b"question", 1)


# waiting for the end


WAIT_CLOSED = "asyncio-eventloop#asyncio.Server.wait_closed"


@check(WAIT_CLOSED)
async def wait_closed_blocks_while_open(loop, spawn, patience):
    """wait_closed() waits while the server is open, also if it has no connections, and returns after close()."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        waiting = spawn(called(server.wait_closed))
        await serves(server, accepted, patience)
        await accepted.nth(1, patience, "connection_lost")
        await pass_turns(3)
        early = waiting.done()
        server.close()
        await soon(waiting, patience, "wait_closed() returns after close()")

        assert not early, "wait_closed() returned before close()"


@check(WAIT_CLOSED, python=">=3.12")
async def wait_closed_waits_for_connections(loop, spawn, patience):
    """wait_closed() after close() waits until the last connection has ended."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        with dial(server, patience):
            protocol = await accepted.nth(1, patience)
            server.close()
            waiting = spawn(called(server.wait_closed))
            await pass_turns(3)
            early = waiting.done()
            protocol.transport.close()
            await soon(waiting, patience, "wait_closed() returns after the last connection_lost()")

            assert not early, "wait_closed() returned while a connection was open"


@check("Lib/asyncio/base_events.py: Server.wait_closed", level="should", python="<3.12")
async def wait_closed_immediate_legacy(loop, spawn, patience):
    """wait_closed() after close() returns at once; called before close() it waits for the connections."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        with dial(server, patience):
            protocol = await accepted.nth(1, patience)
            waiting = spawn(called(server.wait_closed))
            await pass_turns(2)
            server.close()
            await soon(server.wait_closed(), patience, "wait_closed() returns after close()")
            early = waiting.done()
            protocol.transport.close()
            await soon(waiting, patience, "wait_closed() returns after the last connection_lost()")

            assert not early, "wait_closed(), called before close(), returned while a connection was open"


@check("Lib/asyncio/base_events.py: Server.wait_closed", level="should")
async def wait_closed_after_done(loop, spawn, patience):
    """wait_closed() of a server that has closed returns None, each time."""
    async with serving(loop, patience, *ANY) as (server, _):
        server.close()

        assert [await soon(server.wait_closed(), patience, "wait_closed() returns") for _ in range(3)] == [None] * 3


@check("Lib/asyncio/base_events.py: Server.wait_closed", level="should")
async def wait_closed_several_waiters(loop, spawn, patience):
    """Several tasks may wait in wait_closed(), and cancelling one of them does not disturb the others."""
    async with serving(loop, patience, *ANY) as (server, _):
        waiting = [spawn(called(server.wait_closed)) for _ in range(3)]
        await pass_turns(2)
        waiting[1].cancel()
        await pass_turns(2)
        server.close()
        await asyncio.wait(waiting, timeout=patience)

        assert [(one.done(), one.cancelled()) for one in waiting] == [(True, False), (True, True), (True, False)]


@check("Lib/asyncio/base_events.py: Server._detach", level="should", python=">=3.12")
async def wait_closed_after_connection_lost(loop, spawn, patience):
    """connection_lost() was called for every connection when wait_closed() returns."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        with dial(server, patience), dial(server, patience), dial(server, patience):
            await accepted.nth(3, patience)
            server.close()
            waiting = spawn(called(server.wait_closed))
            for protocol in accepted:
                protocol.transport.close()
            await soon(waiting, patience, "wait_closed() returns")

            assert [protocol.times("connection_lost") for protocol in accepted] == [1, 1, 1]


@check("asyncio-eventloop#asyncio.Server.close_clients", python=">=3.13", after=(*SERVES, *CLOSES))
async def close_clients(loop, patience):
    """close_clients() closes every connection of the server: all that was written arrives, and then the end."""
    factory = Watchers(StreamWatcher, nothing)
    async with serving(loop, patience, *ANY, factory=factory) as (server, accepted):
        with Peer(connect(address_of(server), patience, narrow=True), patience) as peer, dial(server, patience) as idle:
            await accepted.nth(2, patience)
            busy = next(one for one in accepted if one.transport.get_extra_info("peername") == peer.address)
            sent = fill(busy.transport)
            server.close_clients()
            closing_now = [protocol.transport.is_closing() for protocol in accepted]
            arrived = peer.gets(sent)
            end = peer.read_to_end()

            assert (closing_now, await arrived, await end, idle.recv(1)) == ([True, True], AS_SENT, b"", b"")


@check("asyncio-eventloop#asyncio.Server.abort_clients", python=">=3.13")
async def abort_clients(loop, patience):
    """abort_clients() aborts every connection of the server: connection_lost() follows, though much waits."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        with Peer(connect(address_of(server), patience, narrow=True), patience):
            protocol = await accepted.nth(1, patience)
            fill(protocol.transport)
            server.close()
            server.abort_clients()
            await soon(server.wait_closed(), patience, "wait_closed() returns after abort_clients()")
            await protocol.until("connection_lost", patience)

            assert (protocol.lost_with, protocol.transport.get_write_buffer_size()) == (None, 0)


@check("Lib/asyncio/base_events.py: Server.close_clients", level="should", python=">=3.13")
async def close_clients_keeps_serving(loop, patience):
    """close_clients() leaves the server open: it accepts new clients."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        with dial(server, patience):
            protocol = await accepted.nth(1, patience)
            server.close_clients()
            await protocol.until("connection_lost", patience)

            assert (server.is_serving(), await serves(server, accepted, patience)) == (True, True)


# serving for ever


SERVE_FOREVER = "asyncio-eventloop#asyncio.Server.serve_forever"


async def begun(server, spawn, patience):
    """A task in serve_forever(), of a server that accepts by now."""
    task = spawn(called(server.serve_forever))
    await turns_until(server.is_serving, patience, "serve_forever() starts the server")
    await pass_turns(2)
    return task


@check("asyncio-eventloop#server-objects")
async def methods_are_coroutines(loop, spawn, patience):
    """start_serving(), serve_forever() and wait_closed() return coroutines, which can be made tasks.

    ``asyncio.create_task(server.serve_forever())`` takes nothing else.
    """
    async with serving(loop, patience, *ANY) as (server, _):
        made = [server.start_serving(), server.serve_forever(), server.wait_closed()]
        seen = [asyncio.iscoroutine(one) for one in made]
        for one in made:
            getattr(one, "close", one.cancel if hasattr(one, "cancel") else nothing)()

    assert seen == [True, True, True]


@check(SERVE_FOREVER)
async def serve_forever_serves(loop, spawn, patience):
    """serve_forever() starts a server that was made with start_serving=False, and goes on."""
    async with serving(loop, patience, *ANY, start_serving=False) as (server, accepted):
        task = await begun(server, spawn, patience)

        assert (await serves(server, accepted, patience), task.done()) == (True, False)
        task.cancel()


@check(SERVE_FOREVER)
async def serve_forever_while_serving(loop, spawn, patience):
    """serve_forever() may be called on a server that accepts already."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        task = await begun(server, spawn, patience)

        assert (await serves(server, accepted, patience), task.done()) == (True, False)
        task.cancel()


@check(SERVE_FOREVER)
async def serve_forever_once(loop, spawn, patience):
    """A second serve_forever() of a server raises RuntimeError, and the first goes on."""
    async with serving(loop, patience, *ANY) as (server, _):
        task = await begun(server, spawn, patience)
        with refuses(RuntimeError, "a second serve_forever()"):
            await soon(server.serve_forever(), patience, "a second serve_forever() raises")

        assert (task.done(), server.is_serving()) == (False, True)


@check(SERVE_FOREVER)
async def serve_forever_cancel_closes(loop, spawn, patience):
    """Cancelling serve_forever() closes the server, and the task is cancelled."""
    async with serving(loop, patience, *ANY) as (server, _):
        task = await begun(server, spawn, patience)
        address = address_of(server)
        task.cancel()
        await asyncio.wait({task}, timeout=patience)
        await pass_turns(3)
        seen = task.done() and task.cancelled(), server.is_serving(), len(server.sockets)

        assert (*seen, connecting_to(address, patience)) == (True, False, 0, REFUSED)


@check("Lib/asyncio/base_events.py: Server.serve_forever", level="should", python=">=3.14")
async def serve_forever_cancel_closes_clients(loop, spawn, patience):
    """Cancelling serve_forever() closes the connections too, so that the task ends though a client is still there."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        task = await begun(server, spawn, patience)
        with dial(server, patience):
            await accepted.nth(1, patience)
            task.cancel()
            await asyncio.wait({task}, timeout=patience)

            assert (task.done() and task.cancelled(), accepted[0].times("connection_lost")) == (True, 1)


@check("Lib/asyncio/base_events.py: Server.close", level="should")
async def serve_forever_close_from_outside(loop, spawn, patience):
    """close() while serve_forever() goes on makes that raise CancelledError."""
    async with serving(loop, patience, *ANY) as (server, _):
        task = await begun(server, spawn, patience)
        server.close()
        await asyncio.wait({task}, timeout=patience)

        assert (task.done(), task.done() and task.cancelled()) == (True, True)


# async with


@check("asyncio-eventloop#server-objects")
async def async_with(loop, patience):
    """``async with server`` gives the server itself, and closes it at the end of the block."""
    async with serving(loop, patience, *ANY) as (server, _):
        async with server as inside:
            serving_inside = inside.is_serving()
        seen = inside is server, serving_inside, server.is_serving(), len(server.sockets)

        assert seen == (True, True, False, 0)


@check("asyncio-eventloop#server-objects")
async def async_with_closes_after_failure(loop, patience):
    """``async with server`` closes the server also when the block raises, and the exception goes on."""
    async with serving(loop, patience, *ANY) as (server, _):
        with refuses(ZeroDivisionError, "a block that divides by zero"):
            async with server:
                raise ZeroDivisionError

        assert (server.is_serving(), len(server.sockets)) == (False, 0)


@check("Lib/asyncio/events.py: AbstractServer.__aenter__", level="should")
async def async_with_does_not_start(loop, patience):
    """``async with server`` does not start a server that was made with start_serving=False."""
    async with serving(loop, patience, *ANY, start_serving=False) as (server, _), server:
        await pass_turns(2)

        assert server.is_serving() is False


@check("Lib/asyncio/events.py: AbstractServer.__aexit__", level="should", python=">=3.12")
async def async_with_waits(loop, spawn, patience):
    """``async with server`` waits at the end of the block until the last connection has ended."""
    async with serving(loop, patience, *ANY) as (server, accepted):

        async def leave():
            async with server:
                await accepted.nth(1, patience)

        with dial(server, patience):
            leaving = spawn(leave())
            protocol = await accepted.nth(1, patience)
            await turns_until(lambda: not server.is_serving(), patience, "the end of the block closes the server")
            await pass_turns(3)
            early = leaving.done()
            protocol.transport.close()
            await soon(leaving, patience, "the block is left after the last connection_lost()")

            assert not early, "the block was left while a connection was open"


# connections


@check(DOCUMENTED)
async def factory_per_connection(loop, patience):
    """The protocol factory is called without arguments per connection, before the protocol's callbacks in order."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        for number in (1, 2):
            with dial(server, patience) as peer:
                peer.sendall(b"data")
                await accepted.nth(number, patience, "data_received")
                peer.shutdown(socket.SHUT_WR)
                await accepted.nth(number, patience, "connection_lost")
        calls = [[name for name, _ in protocol.seen] for protocol in accepted]

    story = ["protocol_factory", "connection_made", "data_received", "eof_received", "connection_lost"]
    assert calls == [story, story]


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info")
async def accepted_extra_info(loop, patience):
    """The transport of an accepted connection has the client's address as peername, and the server's as sockname."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        with dial(server, patience) as peer:
            transport = (await accepted.nth(1, patience)).transport
            names = transport.get_extra_info("peername"), transport.get_extra_info("sockname")

            assert names == (peer.getsockname(), peer.getpeername())


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection", level="may", needs=("epoll",))
async def peername_of_reset_connection(loop, patience):
    """A connection that its client has reset before it was accepted still has the client's address as peername.

    Who wants to know which client does so asks for it; the system does not tell any more.
    """
    async with serving(loop, patience, *ANY) as (server, accepted):
        with connect(server.sockets[0].getsockname(), patience) as client:
            address = client.getsockname()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        protocol = await accepted.nth(1, patience)
        name = protocol.transport.get_extra_info("peername")

    assert name == address


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info")
async def accepted_extra_socket(loop, patience):
    """The transport of an accepted connection has that connection's socket as extra information."""
    async with serving(loop, patience, *ANY) as (server, accepted):
        with dial(server, patience) as peer:
            sock = (await accepted.nth(1, patience)).transport.get_extra_info("socket")

            assert (sock.getpeername(), is_socket(sock.fileno())) == (peer.getsockname(), True)


@check(DOCUMENTED)
async def accepted_nodelay(loop, patience):
    """Accepted TCP connections have TCP_NODELAY, from connection_made() on."""
    seen = []

    def look(protocol):
        descriptor = protocol.transport.get_extra_info("socket").fileno()
        seen.append(bool(option(descriptor, socket.TCP_NODELAY, socket.IPPROTO_TCP)))

    async with serving(loop, patience, *ANY, factory=watchers(connection_made=look)) as (server, accepted):
        await serves(server, accepted, patience)

    assert seen == [True]


@check("Lib/asyncio/base_events.py: Server.__init__", level="should", python=">=3.15")
async def context_per_connection(loop, patience):
    """A connection has one context: what connection_made() sets in it data_received() sees, and no other connection."""
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    def look(protocol):
        seen.append(variable.get())
        variable.set("set in connection_made()")

    factory = watchers(connection_made=look, data_received=lambda protocol: seen.append(variable.get()))
    async with serving(loop, patience, *ANY, factory=factory) as (server, accepted):
        for number in (1, 2):
            with dial(server, patience) as peer:
                peer.sendall(b"data")
                await accepted.nth(number, patience, "data_received")

    assert (seen, variable.get()) == (["unset", "set in connection_made()"] * 2, "unset")


class FailingOnce(Watchers):
    """A protocol factory that fails for the first connection."""

    def __init__(self):
        super().__init__(StreamWatcher, nothing)
        self.failed = False

    def __call__(self):
        if not self.failed:
            self.failed = True
            raise ZeroDivisionError
        return super().__call__()


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2", level="should", needs=("posix",))
async def factory_error_isolated(loop, patience):
    """An exception in the protocol factory ends that connection, and later clients are served."""
    loop.set_exception_handler(lambda *_: None)  # whoever keeps the exception keeps the connection in its traceback
    async with serving(loop, patience, *ANY, factory=FailingOnce()) as (server, accepted):
        with Peer(dial(server, patience), patience) as unlucky:
            end = await unlucky.read_to_reset()

            assert (end, await serves(server, accepted, patience)) == (b"", True)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2", level="should", needs=("posix",))
async def factory_error_reported_in_debug(loop, reports, patience):
    """In debug mode an exception in the protocol factory is reported to the exception handler."""
    loop.set_debug(True)
    async with serving(loop, patience, *ANY, factory=FailingOnce()) as (server, _):
        with dial(server, patience):
            await turns_until(lambda: bool(reports), patience, "the exception handler is called")
        seen = [(context.get("message"), type(context.get("exception"))) for context in reports]
        reports.clear()  # or their tracebacks keep the connection

    assert seen == [("Error on transport creation for incoming connection", ZeroDivisionError)]


@check("Lib/asyncio/selector_events.py: _SelectorSocketTransport.__init__", level="should")
async def made_error_isolated(loop, reports, patience):
    """An exception in connection_made() of an accepted connection is reported, and the connection goes on."""

    def fail(protocol):
        raise ZeroDivisionError

    async with serving(loop, patience, *ANY, factory=watchers(connection_made=fail)) as (server, accepted):
        with dial(server, patience) as peer:
            peer.sendall(b"data")
            protocol = await accepted.nth(1, patience, "data_received")
            seen = [type(context.get("exception")) for context in reports]

            assert (protocol.data, seen) == (b"data", [ZeroDivisionError])


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2", level="should", needs=("posix",))
async def descriptor_of_closed_connection_is_reused(loop, patience):
    """A connection that gets the descriptor of one just closed gets its own data, and nobody else does."""
    async with serving(loop, patience, *ANY, factory=echoing()) as (server, accepted):
        answers = []
        for number in range(1, 11):
            with dial(server, patience) as peer:
                question = b"question %d" % number
                answers.append(await echo(peer, accepted, patience, number, question) == question)
                accepted[-1].transport.abort()  # the next client is accepted in the turn in which it is lost
        await accepted.nth(10, patience, "connection_lost")

        assert answers == [True] * 10
        assert [protocol.data for protocol in accepted] == [b"question %d" % number for number in range(1, 11)]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._accept_connection2", level="should", needs=("posix",))
async def thousand_connections_leave_nothing(loop, patience):
    """A thousand connections, a hundred at a time, are each lost once, and neither descriptors nor transports pile up.

    Takes a tenth of a second or two: that nothing accumulates shows only with many.
    """
    transports = []
    lost = 0

    def count(protocol):
        nonlocal lost
        lost += 1
        protocol.transport = None

    before = 0
    factory = watchers(connection_made=lambda one: transports.append(found_again(one.transport)), connection_lost=count)
    async with serving(loop, patience, *ANY, factory=factory) as (server, accepted):
        for batch in range(1, 11):
            with contextlib.ExitStack() as peers:
                for _ in range(CROWD):
                    peers.enter_context(dial(server, patience))
                await accepted.nth(batch * CROWD, patience)
            await turns_until(lambda: lost == batch * CROWD, patience, "connection_lost() is called for all")  # noqa: B023
            await pass_turns(3)
            before = before or open_descriptors()  # what a loop opens at first, and keeps, is no leak
        made, after = len(accepted), open_descriptors()
        accepted.clear()
    gc.collect()
    alive = sum(transport() is not None for transport in transports)

    kept = f"{after - before} descriptors and {alive} transports are left of a thousand connections"
    assert (made, lost, after - before < CROWD, alive < CROWD) == (1000, 1000, True, True), kept


# connect_accepted_socket()


@check(ACCEPTED, after=())
async def accepted_socket_wrap(loop, listener, patience):
    """connect_accepted_socket() makes a connection of a socket that was accepted outside of asyncio."""
    with accepted_pair(listener, patience) as (near, far):
        async with accepting(loop, patience, near) as (transport, protocol):
            far.sendall(b"hello")
            await protocol.until("data_received", patience)
            transport.write(b"world")

            assert (protocol.data, receive(far, 5)) == (b"hello", b"world")


@check(ACCEPTED, after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_returns(loop, listener, patience):
    """connect_accepted_socket() returns the transport and the protocol, after connection_made()."""
    made = Wire()
    with accepted_pair(listener, patience) as (near, _):
        connecting = loop.connect_accepted_socket(lambda: made, near)
        transport, protocol = await soon(connecting, patience, "connect_accepted_socket() returns")
        async with closing([made], patience):
            assert (protocol is made, made.transport is transport, made.events) == (True, True, ["connection_made"])


@check(ACCEPTED, after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_signature(loop, listener, patience):
    """connect_accepted_socket() takes sock by keyword too, and what follows by keyword only."""
    made = Wire()
    with accepted_pair(listener, patience) as (near, _):
        with refuses(TypeError, "connect_accepted_socket() with a third positional argument"):
            await soon(loop.connect_accepted_socket(Wire, near, None), patience, "it raises")
        connecting = loop.connect_accepted_socket(
            lambda: made, sock=near, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None
        )
        await soon(connecting, patience, "connect_accepted_socket() returns")
        async with closing([made], patience):
            assert made.events == ["connection_made"]


@check(ACCEPTED, after=SERVES_TLS)
async def accepted_socket_tls(loop, listener, tls, patience):
    """connect_accepted_socket() with ssl does the server's part of the TLS handshake."""
    with accepted_pair(listener, patience) as (near, far), Peer(far, patience) as peer:
        peer.start_tls(tls.client, server_hostname=tls.host)
        async with accepting(loop, patience, near, ssl=tls.server) as (transport, _):
            transport.write(b"hello")

            assert await peer.read(5) == b"hello"
            peer.let_go()


@check(ACCEPTED_SOURCE, level="should", after=SERVES_TLS)
async def accepted_socket_handshake_timeout(loop, listener, tls, patience):
    """connect_accepted_socket() raises ConnectionAbortedError if the handshake takes longer than its timeout."""
    options = {"ssl": tls.server, "ssl_handshake_timeout": SHORT}
    silent = refuses(ConnectionAbortedError, "connect_accepted_socket() with a silent client")
    with accepted_pair(listener, patience) as (near, _), silent:
        await entered(accepting(loop, patience, near, **options))


@check(ACCEPTED_SOURCE, level="should", after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_not_stream(loop, patience):
    """connect_accepted_socket() raises ValueError for a datagram socket, and leaves it open."""
    with bound(kind=socket.SOCK_DGRAM) as sock:
        with refuses(ValueError, "connect_accepted_socket() with a datagram socket"):
            await entered(accepting(loop, patience, sock))

        assert is_socket(sock.fileno()), "the socket was closed"


@check(ACCEPTED_SOURCE, level="should", after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_timeouts_without_ssl(loop, listener, patience):
    """connect_accepted_socket() raises ValueError for ssl_handshake_timeout or ssl_shutdown_timeout without ssl."""
    with accepted_pair(listener, patience) as (near, _):
        for name in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
            with refuses(ValueError, f"connect_accepted_socket() with {name} and without ssl"):
                await entered(accepting(loop, patience, near, **{name: 1.0}))


@check("Lib/asyncio/base_events.py: _check_ssl_socket", level="should", after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_ssl_rejected(loop, tls, patience):
    """connect_accepted_socket() raises TypeError for an ssl.SSLSocket."""
    with secured(tls.server) as sock, refuses(TypeError, "connect_accepted_socket() with an SSLSocket"):
        await entered(accepting(loop, patience, sock))


@check(ACCEPTED_SOURCE, level="should", after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_made_nonblocking(loop, listener, patience):
    """connect_accepted_socket() makes a blocking socket non-blocking."""
    with accepted_pair(listener, patience) as (near, _), near.dup() as same:
        async with accepting(loop, patience, near):
            assert os.get_blocking(same.fileno()) is False


@check(ACCEPTED, after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_ownership(loop, listener, patience):
    """The socket given to connect_accepted_socket() is the transport's: it is closed when the connection is lost."""
    with accepted_pair(listener, patience) as (near, _):
        async with accepting(loop, patience, near) as (transport, protocol):
            transport.close()
            await protocol.until("connection_lost", patience)
            await pass_turns(2)

            assert near.fileno() == -1


@check(ACCEPTED_SOURCE, level="should", needs=("unix-sockets",), after=TAKES_ACCEPTED_SOCKETS)
async def accepted_socket_unix(loop, patience):
    """connect_accepted_socket() takes a Unix stream socket."""
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, far:
        async with accepting(loop, patience, near) as (_, protocol):
            far.sendall(b"hello")
            await protocol.until("data_received", patience)

            assert protocol.data == b"hello"


also_in(
    {
        # Servers and connections describe themselves there.
        "debug": (
            serves_by_default,
            host_other_iterables,
            address_in_use,
            address_not_available_skipped,
            burst_accept,
            close_keeps_connections,
            serve_forever_cancel_closes,
            accepted_socket_wrap,
        ),
        "other-thread": (serves_by_default, accepted_socket_wrap),
        "runner": (serves_by_default, serve_forever_cancel_closes),
        # A loop may make tasks of its own to accept.
        "eager-tasks": (serves_by_default, factory_per_connection, burst_accept, factory_error_isolated),
        "python-tasks": (serves_by_default, serve_forever_cancel_closes),
        "second-loop": (serves_by_default,),
    }
)
