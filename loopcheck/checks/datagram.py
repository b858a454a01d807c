"""Datagram endpoints: create_datagram_endpoint(), its arguments, sending, receiving, errors, waiting and the end."""

import asyncio
import contextlib
import gc
import os
import pathlib
import socket

import loopcheck.kit.mail  # noqa: F401  # tools: "endpoint", "mailbox" and others
from loopcheck.basics import OPENS_DATAGRAM_ENDPOINTS
from loopcheck.check import also_in, check, untested
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon, turns
from loopcheck.kit.clock import SPINNING, idle_share
from loopcheck.kit.mail import PIECE, Post, leave_no_room, open_mailbox
from loopcheck.kit.names import UNUSUAL_LOOPBACK, error_of, outcome
from loopcheck.kit.net import entered
from loopcheck.kit.surroundings import warned
from loopcheck.kit.turns import turns_until
from loopcheck.kit.workers import Slumber

AFTER = OPENS_DATAGRAM_ENDPOINTS

UNIX = ("unix-sockets",)
DGRAM = socket.SOCK_DGRAM

LARGE = 65000
"""Bytes; about as many as fit into one datagram."""

TOO_LARGE = bytes(70000)
"""More than fits into a UDP datagram."""


@contextlib.contextmanager
def udp(connect_to=None, family=socket.AF_INET, host="127.0.0.1", port=0):
    """A blocking UDP socket, bound to a free port or to this one, and connected if there is an address."""
    with socket.socket(family, DGRAM) as sock:
        sock.bind((host, port))
        if connect_to is not None:
            sock.connect(connect_to)
        yield sock


@contextlib.contextmanager
def unix_pair(kind=DGRAM):
    """Two connected Unix sockets, both blocking."""
    near, far = socket.socketpair(socket.AF_UNIX, kind)
    with near, far:
        yield near, far


def is_open(sock):
    """Whether the socket still has a name to tell."""
    try:
        return sock.getsockname() is not None
    except OSError:
        return False


def option(transport, name):
    """An option of the transport's socket, by name."""
    return bool(transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, getattr(socket, name)))


async def descriptors_left_by(attempt, number=5):
    """How many descriptors each attempt leaves open, of so many; one that is closed a little later does not count."""
    await attempt()
    await pass_turns(3)
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    for _ in range(number):
        await attempt()
    await pass_turns(3)
    gc.collect()
    return (len(os.listdir("/dev/fd")) - before) // number


# the endpoint


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def returns_pair(loop, patience, trace):
    """create_datagram_endpoint() calls the factory, then connection_made(), and returns transport and protocol."""

    class Protocol(Post):
        def connection_made(self, transport):
            super().connection_made(transport)
            trace("connection_made")

    def factory():
        trace("factory")
        return Protocol()

    opening = loop.create_datagram_endpoint(factory, local_addr=("127.0.0.1", 0))
    transport, protocol = await soon(opening, patience, "create_datagram_endpoint() returns")
    trace("return")
    transport.close()
    await protocol.until("connection_lost", patience)

    assert (type(protocol), protocol.transport is transport) == (Protocol, True)
    assert trace == ["factory", "connection_made", "return"]


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", python=">=3.12")
async def transport_type(endpoint):
    """The transport is an asyncio.DatagramTransport."""
    transport, _ = await entered(endpoint())

    assert isinstance(transport, asyncio.DatagramTransport), f"it is a {type(transport).__mro__}"


@check("asyncio-protocol#asyncio.DatagramTransport")
async def api_complete(endpoint):
    """A datagram transport has every method that the documentation gives datagram transports."""
    wanted = ("sendto", "abort", "close", "is_closing", "get_extra_info", "set_protocol", "get_protocol")
    transport, _ = await entered(endpoint())

    assert [name for name in wanted if not callable(getattr(transport, name, None))] == []


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def signature(endpoint, mailbox):
    """local_addr and remote_addr may be the second and third positional argument of create_datagram_endpoint()."""
    async with endpoint(("127.0.0.1", 0), mailbox.address) as (transport, _):
        names = transport.get_extra_info("sockname")[0], transport.get_extra_info("peername")

    assert names == ("127.0.0.1", mailbox.address)


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def keyword_only(endpoint):
    """All arguments of create_datagram_endpoint() after remote_addr are keyword-only."""
    with refuses(TypeError, "create_datagram_endpoint() with a fourth positional argument"):
        await entered(endpoint(("127.0.0.1", 0), None, socket.AF_INET))


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def reuse_address_refused(endpoint):
    """create_datagram_endpoint() no longer takes reuse_address: it raises TypeError, or ValueError.

    The option let two programs share a port in silence, and was removed for safety in 3.11.
    """
    with refuses((TypeError, ValueError), "create_datagram_endpoint() with reuse_address=True"):
        await entered(endpoint(local_addr=("127.0.0.1", 0), reuse_address=True))


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.__init__", level="should")
async def made_error(loop, errors, patience):
    """An exception of connection_made() is reported, and create_datagram_endpoint() returns all the same."""
    error = ZeroDivisionError("mine")

    class Protocol(Post):
        def connection_made(self, transport):
            super().connection_made(transport)
            raise error

    opening = loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    transport, protocol = await soon(opening, patience, "create_datagram_endpoint() returns")
    closing = transport.is_closing()
    transport.close()
    await protocol.until("connection_lost", patience)

    assert ([context.get("exception") for context in errors], closing) == ([error], False)


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.__init__", level="may")
async def made_error_goes_on_receiving(endpoint, errors, mailbox, patience):
    """An endpoint whose connection_made() raised an exception goes on: datagrams are received."""

    def fail(protocol):
        raise ZeroDivisionError

    async with endpoint(react={"connection_made": fail}) as (transport, protocol):
        mailbox.send(b"goes on", transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience)

        assert protocol.mail == [b"goes on"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def factory_error(endpoint):
    """An exception of the protocol factory is raised by create_datagram_endpoint()."""

    def factory():
        raise ZeroDivisionError

    with refuses(ZeroDivisionError, "create_datagram_endpoint() with a factory that raises that"):
        await entered(endpoint(factory=factory))


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", after=())
async def factory_error_closes_socket(endpoint):
    """A create_datagram_endpoint() whose protocol factory raises leaves no descriptor open."""

    def factory():
        raise ZeroDivisionError

    assert await descriptors_left_by(lambda: outcome(entered(endpoint(factory=factory)))) == 0


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def cancel_leaves_no_socket(loop, patience):
    """A create_datagram_endpoint() that is cancelled, at any of its steps, leaves no descriptor open."""

    async def attempts():
        for number in range(4):
            made = asyncio.ensure_future(loop.create_datagram_endpoint(Post, local_addr=("127.0.0.1", 0)))
            await pass_turns(number)
            made.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                transport, protocol = await soon(made, patience, "a cancelled create_datagram_endpoint() ends")
                transport.close()
                await protocol.until("connection_lost", patience)

    assert await descriptors_left_by(attempts) == 0


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", after=())
async def cancel_is_raised(loop, patience):
    """A create_datagram_endpoint() that is cancelled before it has begun raises CancelledError and calls no factory."""
    made = []
    task = asyncio.ensure_future(loop.create_datagram_endpoint(lambda: made.append(1), local_addr=("127.0.0.1", 0)))
    task.cancel()
    await asyncio.wait({task}, timeout=patience)

    assert (task.cancelled(), made) == (True, [])


# where: local_addr and remote_addr


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def no_address_no_family(endpoint):
    """create_datagram_endpoint() without any address, family and sock raises ValueError."""
    with refuses(ValueError, "create_datagram_endpoint() with nothing but the factory"):
        await entered(endpoint(local_addr=None))


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def family_only(endpoint, mailbox, patience):
    """A family alone makes an endpoint that is neither bound nor connected, and can send."""
    async with endpoint(family=socket.AF_INET) as (transport, protocol):
        sock = transport.get_extra_info("socket")
        names = sock.family, transport.get_extra_info("peername")
        transport.sendto(b"hello", mailbox.address)
        data, sender = await mailbox.letter()
        mailbox.send(b"world", sender)
        await protocol.until("datagram_received", patience)

    assert (names, data, protocol.mail) == ((socket.AF_INET, None), b"hello", [b"world"])


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", needs=("ipv6",))
async def family_only_ipv6(endpoint, patience):
    """The family AF_INET6 alone makes an endpoint that sends over IPv6."""
    with open_mailbox(patience, socket.AF_INET6, ("::1", 0)) as mailbox:
        async with endpoint(family=socket.AF_INET6) as (transport, _):
            transport.sendto(b"hello", mailbox.address)

            assert await mailbox.next() == b"hello"


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def local_addr_binds(endpoint, mailbox, patience):
    """local_addr binds the endpoint to its host and, with port 0, to a free port, where it receives."""
    async with endpoint(local_addr=("127.0.0.1", 0)) as (transport, protocol):
        host, port = transport.get_extra_info("sockname")
        mailbox.send(b"hello", (host, port))
        await protocol.until("datagram_received", patience)

    assert (host, port > 0, protocol.mail) == ("127.0.0.1", True, [b"hello"])


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def local_addr_port(endpoint):
    """local_addr binds the endpoint to the very port that it names."""
    with udp() as sock:
        address = sock.getsockname()
    async with endpoint(local_addr=address) as (transport, _):
        assert transport.get_extra_info("sockname") == address


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def local_addr_without_host(endpoint):
    """The host of local_addr may be None: an address of this machine; with the flag AI_PASSIVE, all of them."""
    hosts = []
    for flags in (0, socket.AI_PASSIVE):
        async with endpoint(local_addr=(None, 0), family=socket.AF_INET, flags=flags) as (transport, _):
            hosts.append(transport.get_extra_info("sockname")[0])

    assert hosts == ["127.0.0.1", "0.0.0.0"]


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
async def local_addr_port_string(endpoint):
    """The ports of local_addr and remote_addr may be their digits."""
    async with endpoint(local_addr=("127.0.0.1", "0"), remote_addr=("127.0.0.1", "9")) as (transport, _):
        assert transport.get_extra_info("peername") == ("127.0.0.1", 9)


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def remote_addr_connects(endpoint, mailbox, patience):
    """remote_addr connects the endpoint: that is its peer, and what others send it is not received."""
    async with endpoint(remote_addr=mailbox.address) as (transport, protocol):
        peers = transport.get_extra_info("peername"), transport.get_extra_info("socket").getpeername()
        with udp() as stranger:
            stranger.sendto(b"from a stranger", transport.get_extra_info("sockname"))
        mailbox.send(b"from the peer", transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience)
        await pass_turns(2)

    assert (peers, protocol.received) == ((mailbox.address,) * 2, [(b"from the peer", mailbox.address)])


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def local_and_remote_addr(endpoint, mailbox):
    """An endpoint with both addresses sends from the one to the other."""
    with udp() as sock:
        address = sock.getsockname()
    async with endpoint(local_addr=address, remote_addr=mailbox.address) as (transport, _):
        transport.sendto(b"hello")

        assert await mailbox.letter() == (b"hello", address)


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def local_and_remote_family_match(endpoint):
    """A local_addr of IPv4 with a remote_addr of IPv6 raises ValueError."""
    with refuses(ValueError, "create_datagram_endpoint() from 127.0.0.1 to ::1"):
        await entered(endpoint(local_addr=("127.0.0.1", 0), remote_addr=("::1", 9)))


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def family_mismatch(endpoint):
    """A numeric address that is not of the family raises gaierror."""
    answers = [
        (await outcome(entered(endpoint(family=family, **{name: (host, 9)}))))[0]
        for name in ("local_addr", "remote_addr")
        for host, family in (("127.0.0.1", socket.AF_INET6), ("::1", socket.AF_INET))
    ]

    assert answers == ["gaierror"] * 4


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def address_type_check(endpoint):
    """local_addr and remote_addr that are no tuple of two raise TypeError."""
    for name in ("local_addr", "remote_addr"):
        for wrong in (["127.0.0.1", 0], "127.0.0.1", 80, ("127.0.0.1",), ("127.0.0.1", 0, 0, 0)):
            with refuses(TypeError, f"create_datagram_endpoint() with {name}={wrong!r}"):
                await entered(endpoint(**{name: wrong}))


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
def address_candidates_tried(replacing, patience):
    """The addresses that a look-up finds are tried in turn, until one can be used.

    A loop that does not ask its own getaddrinfo() is told by dns::create_datagram_uses_loop_getaddrinfo, not here: to
    other resolvers the name is 127.0.0.1 too.
    """

    async def found(host, port, **options):
        return [
            (socket.AF_INET6, DGRAM, socket.IPPROTO_UDP, "", ("2001:db8::1", port, 0, 0)),
            (socket.AF_INET, DGRAM, socket.IPPROTO_UDP, "", ("127.0.0.1", port)),
        ]

    loop, _ = replacing(found)

    assert run_coroutine(loop, name_of(loop, patience, local_addr=(UNUSUAL_LOOPBACK[0], 0)))[0] == "127.0.0.1"


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
def first_error_of_candidates(replacing, patience):
    """When none of the addresses that a look-up finds can be used, the error of the first is raised.

    Other resolvers than the loop's own getaddrinfo() find one address, with the same error.
    """
    with udp() as taken:
        local = (UNUSUAL_LOOPBACK[0], taken.getsockname()[1])

        async def found(host, port, **options):
            return [
                (socket.AF_INET, DGRAM, socket.IPPROTO_UDP, "", taken.getsockname()),
                (socket.AF_INET6, DGRAM, socket.IPPROTO_UDP, "", ("2001:db8::1", port, 0, 0)),
            ]

        loop, _ = replacing(found)
        answer = run_coroutine(loop, outcome(name_of(loop, patience, local_addr=local)))

    assert answer == ("OSError", "EADDRINUSE")


async def name_of(loop, patience, **options):
    """The local address of an endpoint that is made and closed."""
    opening = loop.create_datagram_endpoint(Post, **options)
    transport, protocol = await soon(opening, patience, "create_datagram_endpoint() returns")
    name = transport.get_extra_info("sockname")
    transport.close()
    await protocol.until("connection_lost", patience)
    return name


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def address_in_use(endpoint):
    """A local port that is in use raises OSError EADDRINUSE."""
    with udp() as taken:
        answer = await outcome(entered(endpoint(local_addr=taken.getsockname())))

    assert answer == ("OSError", "EADDRINUSE")


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def port_out_of_range(endpoint):
    """create_datagram_endpoint() raises for the ports 70000 and -1, and does not take their last sixteen bits."""
    for port in (70000, -1):
        for name in ("local_addr", "remote_addr"):
            with refuses((OverflowError, OSError, ValueError), f"create_datagram_endpoint() with the port {port}"):
                await entered(endpoint(**{name: ("127.0.0.1", port)}))


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", after=())
async def failure_closes_socket(endpoint):
    """A create_datagram_endpoint() that cannot bind leaves no descriptor open."""
    with udp() as taken:
        address = taken.getsockname()

        assert await descriptors_left_by(lambda: outcome(entered(endpoint(local_addr=address)))) == 0


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("ipv6",))
async def ipv6(endpoint, patience):
    """Over IPv6 an endpoint sends and receives, and addresses have four parts."""
    with open_mailbox(patience, socket.AF_INET6, ("::1", 0)) as mailbox:
        async with endpoint(local_addr=("::1", 0)) as (transport, protocol):
            name = transport.get_extra_info("sockname")
            transport.sendto(b"hello", mailbox.address)
            letter = await mailbox.letter()
            mailbox.send(b"world", name)
            await protocol.until("datagram_received", patience)

    assert (len(name), letter, protocol.received) == (4, (b"hello", name), [(b"world", mailbox.address)])


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("ipv6",))
async def ipv6_remote_addr(endpoint, patience):
    """An endpoint that remote_addr connects over IPv6 sends there."""
    with open_mailbox(patience, socket.AF_INET6, ("::1", 0)) as mailbox:
        async with endpoint(remote_addr=mailbox.address[:2]) as (transport, _):
            transport.sendto(b"hello")

            assert (transport.get_extra_info("peername"), await mailbox.next()) == (mailbox.address, b"hello")


# how: the other options


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def proto_is_used(endpoint):
    """The socket has the protocol that proto names; a protocol that has no datagrams raises OSError."""
    async with endpoint(family=socket.AF_INET, proto=socket.IPPROTO_UDP) as (transport, _):
        proto = transport.get_extra_info("socket").proto
    refused = await outcome(entered(endpoint(family=socket.AF_INET, proto=socket.IPPROTO_TCP)))

    assert (proto, refused) == (socket.IPPROTO_UDP, ("OSError", "EPROTONOSUPPORT"))


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("reuse-port",))
async def reuse_port(endpoint):
    """With reuse_port=True endpoints share a port; without it the option is off, and a taken port is refused."""
    async with endpoint(local_addr=("127.0.0.1", 0), reuse_port=True) as (one, _):
        address = one.get_extra_info("sockname")
        async with endpoint(local_addr=address, reuse_port=True) as (two, _):
            names = two.get_extra_info("sockname"), option(two, "SO_REUSEPORT")
        refused = await outcome(entered(endpoint(local_addr=address)))

    assert (names, refused[0]) == ((address, True), "OSError")


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("reuse-port",))
async def options_are_off(endpoint):
    """An endpoint has none of SO_REUSEADDR, SO_REUSEPORT and SO_BROADCAST unless it is asked for.

    With SO_REUSEADDR a second process can take over the datagrams of a first one.
    """
    names = ("SO_REUSEADDR", "SO_REUSEPORT", "SO_BROADCAST")
    async with endpoint(local_addr=("127.0.0.1", 0)) as (transport, _):
        assert [name for name in names if option(transport, name)] == []


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def allow_broadcast_option(endpoint):
    """With allow_broadcast=True the socket has the option SO_BROADCAST."""
    async with endpoint(local_addr=("127.0.0.1", 0), allow_broadcast=True) as (transport, _):
        assert option(transport, "SO_BROADCAST")


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("broadcast",))
async def broadcast_is_sent(endpoint, patience):
    """With allow_broadcast=True an endpoint sends to a broadcast address."""
    with open_mailbox(patience, address=("127.255.255.255", 0)) as mailbox:
        async with endpoint(local_addr=("127.0.0.1", 0), allow_broadcast=True) as (transport, _):
            transport.sendto(b"to all", mailbox.address)

            assert await mailbox.next() == b"to all"


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint",
    level="should",
    needs=("broadcast",),
)
async def allow_broadcast_remote(endpoint, patience):
    """With allow_broadcast and remote_addr the endpoint is not connected, but sendto() without address goes there.

    So it can hear those who answer to a broadcast.
    """
    with open_mailbox(patience, address=("127.255.255.255", 0)) as mailbox, udp() as answering:
        async with endpoint(remote_addr=mailbox.address, allow_broadcast=True) as (transport, protocol):
            peer = transport.get_extra_info("peername")
            transport.sendto(b"to all")
            data, (_, port) = await mailbox.letter()
            answering.sendto(b"from one", ("127.0.0.1", port))
            await protocol.until("datagram_received", patience)

    assert (peer, data, protocol.mail) == (None, b"to all", [b"from one"])


@check(
    "Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto",
    level="should",
    needs=("broadcast",),
)
async def allow_broadcast_remote_other_address(endpoint, mailbox):
    """With allow_broadcast and remote_addr, sendto() to another address raises ValueError."""
    async with endpoint(remote_addr=("127.255.255.255", 9), allow_broadcast=True) as (transport, _):
        with refuses(ValueError, "sendto() to another address than remote_addr"):
            transport.sendto(b"hello", mailbox.address)

        assert mailbox.waiting() == []


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint",
    level="should",
    needs=("broadcast",),
)
async def broadcast_refused_by_default(endpoint):
    """A remote_addr that is a broadcast address raises PermissionError without allow_broadcast."""
    answer = await outcome(entered(endpoint(remote_addr=("127.255.255.255", 9))))

    assert answer == ("PermissionError", "EACCES")


# over a socket that is given


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def sock_used_as_is(endpoint, mailbox):
    """A given socket is used itself: it sends from its address, and the transport tells its descriptor.

    The object may be detached from the descriptor: that belongs to the transport from then on.
    """
    with udp() as sock:
        number, address = sock.fileno(), sock.getsockname()
        async with endpoint(sock=sock) as (transport, _):
            told = transport.get_extra_info("socket").fileno()
            transport.sendto(b"hello", mailbox.address)

            assert (told, await mailbox.letter()) == (number, (b"hello", address))


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def sock_connected(endpoint, mailbox, patience):
    """A given socket that is connected stays so: its peer is the transport's, and sendto() needs no address."""
    with udp(connect_to=mailbox.address) as sock:
        async with endpoint(sock=sock) as (transport, protocol):
            transport.sendto(b"hello")
            data, sender = await mailbox.letter()
            mailbox.send(b"world", sender)
            await protocol.until("datagram_received", patience)

            assert transport.get_extra_info("peername") == mailbox.address
    assert (data, protocol.mail) == (b"hello", [b"world"])


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def sock_made_non_blocking(endpoint):
    """A given socket that blocks is made non-blocking."""
    with udp() as sock, sock.dup() as same:
        async with endpoint(sock=sock):
            assert not os.get_blocking(same.fileno())


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def sock_closed_with_transport(endpoint, patience):
    """A given socket is closed with the transport: its port is free afterwards.

    Perhaps a little later: a system that receives by itself, as Linux does with io_uring, must first be stopped.
    """

    def is_free():
        try:
            with udp(port=address[1]):
                return True
        except OSError:
            return False

    with udp() as sock:
        address = sock.getsockname()
        await entered(endpoint(sock=sock))
        await turns_until(is_free, patience, "the port of the closed endpoint is free")

        assert not is_open(sock)


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def sock_excludes_modifiers(endpoint):
    """sock together with any of the other options that is true raises ValueError, and leaves the socket open."""
    modifiers = {
        "local_addr": ("127.0.0.1", 0),
        "remote_addr": ("127.0.0.1", 9),
        "family": socket.AF_INET,
        "proto": socket.IPPROTO_UDP,
        "flags": socket.AI_PASSIVE,
        "reuse_port": True,
        "allow_broadcast": True,
    }
    with udp() as sock:
        for name, value in modifiers.items():
            with refuses(ValueError, f"create_datagram_endpoint() with sock and {name}"):
                await entered(endpoint(sock=sock, **{name: value}))

        assert is_open(sock)


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def sock_with_false_modifiers(endpoint):
    """sock together with other options that are false makes the endpoint."""
    options = {"local_addr": None, "remote_addr": None, "family": 0, "proto": 0, "flags": 0}
    options |= {"reuse_port": False, "allow_broadcast": False}
    with udp() as sock:
        address = sock.getsockname()
        async with endpoint(sock=sock, **options) as (transport, _):
            assert transport.get_extra_info("sockname") == address


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
async def sock_stream_rejected(endpoint):
    """A stream socket as sock raises ValueError, and stays open."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with refuses(ValueError, "create_datagram_endpoint() with a TCP socket"):
            await entered(endpoint(sock=sock))

        assert is_open(sock)


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint",
    level="should",
    needs=UNIX,
    python="<3.13",
)
async def sock_only_udp_legacy(endpoint):
    """A socket of the type SOCK_SEQPACKET as sock raises ValueError."""
    with unix_pair(socket.SOCK_SEQPACKET) as (near, _):
        answer = await outcome(entered(endpoint(sock=near)))

    assert answer == ("ValueError",)


@check(
    "Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint",
    level="should",
    needs=UNIX,
    python=">=3.13",
)
async def sock_any_message_type(endpoint, patience):
    """sock may be of another type that has messages, such as SOCK_SEQPACKET: each message is received as one."""
    with unix_pair(socket.SOCK_SEQPACKET) as (near, far):
        async with endpoint(sock=near) as (_, protocol):
            far.send(b"one")
            far.send(b"two")
            await protocol.until("datagram_received", patience, times=2)

    assert protocol.mail[:2] == [b"one", b"two"]


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport._read_ready", level="should", needs=UNIX)
async def sock_unix_pair(endpoint, patience):
    """One end of a pair of Unix datagram sockets as sock receives from the other, whose address is None."""
    with unix_pair() as (near, far):
        async with endpoint(sock=near) as (_, protocol):
            far.send(b"hello")
            await protocol.until("datagram_received", patience)

    assert protocol.received == [(b"hello", None)]


# receiving


@check("asyncio-protocol#asyncio.DatagramProtocol.datagram_received")
async def receive(endpoint, mailbox, patience):
    """datagram_received() is called once for each datagram, in order, with its bytes and its sender's address."""
    sent = [f"datagram {number}".encode() for number in range(100)]
    async with endpoint() as (transport, protocol):
        for data in sent:
            mailbox.send(data, transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience, times=100)
        await pass_turns(2)

    assert protocol.received == [(data, mailbox.address) for data in sent]


@check("asyncio-protocol#asyncio.DatagramProtocol.datagram_received")
async def receive_types(endpoint, mailbox, patience):
    """datagram_received() gets a bytes object, and as address a tuple of a str and an int."""
    async with endpoint() as (transport, protocol):
        mailbox.send(b"hello", transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience)
        ((data, address),) = protocol.received

    assert (type(data), type(address), *map(type, address)) == (bytes, tuple, str, int)


@check("asyncio-protocol#asyncio.DatagramProtocol.datagram_received")
async def receive_large(endpoint, mailbox, patience):
    """A datagram of 65000 bytes is received whole, in one call."""
    sent = bytes(range(250)) * (LARGE // 250)
    async with endpoint() as (transport, protocol):
        mailbox.send(sent, transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience)

    assert ([len(data) for data in protocol.mail], protocol.mail == [sent]) == ([LARGE], True)


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport._read_ready", level="should")
async def receive_empty(endpoint, mailbox, patience):
    """An empty datagram is received as b"", and is not the end."""
    async with endpoint() as (transport, protocol):
        for data in (b"", b"after it", b""):
            mailbox.send(data, transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience, times=3)

    assert (protocol.mail, protocol.events[:4]) == (
        [b"", b"after it", b""],
        ["connection_made", *["datagram_received"] * 3],
    )


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport._read_ready", level="should")
async def receive_empty_connected(endpoint, mailbox, patience):
    """An empty datagram is received as b"" on a connected endpoint, too."""
    async with endpoint(remote_addr=mailbox.address) as (transport, protocol):
        for data in (b"", b"after it"):
            mailbox.send(data, transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience, times=2)

    assert protocol.received == [(b"", mailbox.address), (b"after it", mailbox.address)]


@check("asyncio-protocol#asyncio.DatagramProtocol.datagram_received")
async def receive_of_several_senders(endpoint, mailbox, patience):
    """Datagrams of several senders come each with its own sender's address."""
    with open_mailbox(patience) as other:
        async with endpoint() as (transport, protocol):
            for number in range(6):
                (mailbox, other)[number % 2].send(bytes([number]), transport.get_extra_info("sockname"))
            await protocol.until("datagram_received", patience, times=6)

        assert protocol.received == [(bytes([n]), (mailbox, other)[n % 2].address) for n in range(6)]


@check("asyncio-protocol#asyncio.DatagramProtocol.datagram_received")
async def received_data_is_kept(endpoint, mailbox, patience):
    """What datagram_received() was given stays as it was when more comes: it is no view of a buffer used again."""
    sent = [bytes([number]) * 500 for number in range(50)]
    async with endpoint() as (transport, protocol):
        for number, data in enumerate(sent, 1):
            mailbox.send(data, transport.get_extra_info("sockname"))
            await protocol.until("datagram_received", patience, times=number)

    assert protocol.mail == sent


@check("asyncio-protocol#asyncio.DatagramProtocol.datagram_received")
def arrival_wakes_idle_loop(loop, mailbox, patience):
    """A loop that has nothing else to do is woken up by a datagram."""
    slumber = Slumber(loop, patience)
    protocol = Post(datagram_received=slumber.wake)
    opening = loop.create_datagram_endpoint(lambda: protocol, local_addr=("127.0.0.1", 0))
    transport, _ = run_coroutine(loop, soon(opening, patience, "create_datagram_endpoint() returns"))
    name = transport.get_extra_info("sockname")
    woken = slumber.ends_by(lambda: mailbox.send(b"hello", name))
    transport.close()
    turns(loop, 3)

    assert (woken, protocol.mail) == (True, [b"hello"])


@check("asyncio-protocol#udp-echo-server")
async def echo_in_datagram_received(endpoint, mailbox):
    """sendto() in datagram_received() answers the sender."""
    react = {"datagram_received": lambda protocol: protocol.transport.sendto(*protocol.received[-1])}
    async with endpoint(react=react) as (transport, _):
        for data in (b"one", b"two", b"three"):
            mailbox.send(data, transport.get_extra_info("sockname"))

        assert await mailbox.take(3) == [b"one", b"two", b"three"]


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close_in_datagram_received(endpoint, mailbox, patience):
    """After close() in datagram_received() nothing more is received, though more has come."""
    assert await ending_in_datagram_received("close", endpoint, mailbox, patience) == ENDED


@check("asyncio-protocol#asyncio.DatagramTransport.abort")
async def abort_in_datagram_received(endpoint, mailbox, patience):
    """After abort() in datagram_received() nothing more is received, though more has come."""
    assert await ending_in_datagram_received("abort", endpoint, mailbox, patience) == ENDED


ENDED = ([b"one"], ["connection_made", "datagram_received", "connection_lost"])


async def ending_in_datagram_received(method, endpoint, mailbox, patience):
    """Call close() or abort() at the first of three datagrams; what was received, and the callbacks."""
    react = {"datagram_received": lambda protocol: getattr(protocol.transport, method)()}
    async with endpoint(react=react) as (transport, protocol):
        for data in (b"one", b"two", b"three"):
            mailbox.send(data, transport.get_extra_info("sockname"))
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
    return protocol.mail, protocol.events


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport._read_ready", level="should")
async def datagram_received_error(endpoint, errors, mailbox, patience):
    """An exception of datagram_received() is reported, and the endpoint stays open and receives the next datagram."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with endpoint(react={"datagram_received": fail}) as (transport, protocol):
        for data in (b"one", b"two"):
            mailbox.send(data, transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience, times=2)
        await pass_turns(2)
        closing = transport.is_closing()

    assert (protocol.mail, closing) == ([b"one", b"two"], False)
    assert [context.get("exception") for context in errors] == [error, error]


@check("asyncio-protocol#asyncio.BaseTransport.set_protocol")
async def set_protocol(endpoint, mailbox, patience):
    """After set_protocol() datagrams and connection_lost() go to the new protocol, which get_protocol() returns."""
    later = Post()
    async with endpoint() as (transport, protocol):
        first = transport.get_protocol()
        later.transport = transport
        transport.set_protocol(later)
        second = transport.get_protocol()
        mailbox.send(b"hello", transport.get_extra_info("sockname"))
        await later.until("datagram_received", patience)
        transport.close()
        await later.until("connection_lost", patience)
        before = protocol.events
        protocol.note("connection_lost")  # for the end of the block, which would wait for it

    assert (first is protocol, second is later, before) == (True, True, ["connection_made"])
    assert (later.mail, later.events) == ([b"hello"], ["datagram_received", "connection_lost"])


# sending


@check("asyncio-protocol#asyncio.DatagramTransport.sendto")
async def sendto_forms(endpoint, mailbox):
    """sendto() sends bytes, bytearray and memoryview, each as one datagram, and takes its arguments by name, too."""
    async with endpoint() as (transport, _):
        transport.sendto(b"bytes", mailbox.address)
        transport.sendto(bytearray(b"bytearray"), mailbox.address)
        transport.sendto(memoryview(b"a memoryview")[2:], mailbox.address)
        transport.sendto(data=b"by name", addr=mailbox.address)

        assert await mailbox.take(4) == [b"bytes", b"bytearray", b"memoryview", b"by name"]


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should")
async def sendto_returns_none(endpoint, mailbox):
    """sendto() returns None."""
    async with endpoint() as (transport, _):
        assert transport.sendto(b"hello", mailbox.address) is None


@check("asyncio-protocol#asyncio.DatagramTransport.sendto")
async def sendto_sends_at_once(endpoint, mailbox):
    """A hundred datagrams arrive in the order in which they were sent, and leave the write buffer empty."""
    sent = [f"datagram {number}".encode() for number in range(100)]
    async with endpoint() as (transport, _):
        for data in sent:
            transport.sendto(data, mailbox.address)

        assert (await mailbox.take(100), transport.get_write_buffer_size()) == (sent, 0)


@check("asyncio-protocol#asyncio.DatagramTransport.sendto")
async def sendto_large(endpoint, mailbox):
    """A datagram of 65000 bytes is sent whole."""
    sent = bytes(range(250)) * (LARGE // 250)
    async with endpoint() as (transport, _):
        transport.sendto(sent, mailbox.address)

        assert await mailbox.next() == sent


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should")
async def sendto_wrong_type(endpoint, mailbox):
    """sendto() of what is no bytes-like object raises TypeError, sends nothing, and does the endpoint no harm."""
    async with endpoint() as (transport, _):
        for wrong in ("text", "", None, 1, [b"x"]):
            with refuses(TypeError, f"sendto({wrong!r})"):
                transport.sendto(wrong, mailbox.address)
        transport.sendto(b"goes on", mailbox.address)

        assert (transport.is_closing(), await mailbox.next()) == (False, b"goes on")


@check("asyncio-protocol#asyncio.DatagramTransport.sendto", python=">=3.13")
async def sendto_empty(endpoint, mailbox):
    """sendto(b"") sends an empty datagram."""
    async with endpoint() as (transport, _), endpoint(remote_addr=mailbox.address) as (connected, _):
        transport.sendto(b"", mailbox.address)
        transport.sendto(b"after it", mailbox.address)
        connected.sendto(b"")
        connected.sendto(b"after it")

        assert await mailbox.take(4) == [b"", b"after it"] * 2


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="may", python="<3.13")
async def sendto_empty_ignored_legacy(endpoint, mailbox):
    """sendto(b"") sends nothing.

    From 3.13 on it sends an empty datagram; a loop that does so before is ahead of its time.
    """
    async with endpoint() as (transport, _):
        transport.sendto(b"", mailbox.address)
        transport.sendto(b"after it", mailbox.address)

        assert await mailbox.next() == b"after it"


@check("asyncio-protocol#asyncio.DatagramTransport.sendto")
async def sendto_connected(endpoint, mailbox):
    """On an endpoint with remote_addr, sendto() without address, with None and with remote_addr goes to remote_addr."""
    async with endpoint(remote_addr=mailbox.address) as (transport, _):
        transport.sendto(b"without")
        transport.sendto(b"None", None)
        transport.sendto(b"remote_addr", mailbox.address)

        assert await mailbox.take(3) == [b"without", b"None", b"remote_addr"]


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should")
async def sendto_connected_other_address(endpoint, mailbox):
    """On an endpoint with remote_addr, sendto() to another address raises ValueError and sends nothing to either."""
    with udp() as other:
        async with endpoint(remote_addr=mailbox.address) as (transport, _):
            with refuses(ValueError, "sendto() to another address than remote_addr"):
                transport.sendto(b"astray", other.getsockname())
            transport.sendto(b"goes on")
            arrived = await mailbox.next()
        other.setblocking(False)

        assert (arrived, await outcome(received_by(other))) == (b"goes on", ("BlockingIOError", "EAGAIN"))


async def received_by(sock):
    """What waits in a non-blocking socket."""
    return sock.recv(100)


@check("asyncio-protocol#udp-echo-client", level="should")
async def sendto_in_made(endpoint, mailbox):
    """sendto() in connection_made() sends: clients begin their talk there."""
    react = {"connection_made": lambda protocol: protocol.transport.sendto(b"hello")}
    async with endpoint(remote_addr=mailbox.address, react=react):
        assert await mailbox.next() == b"hello"


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should")
async def sendto_bad_address(loop, errors, patience):
    """sendto() to what is no address raises, or ends the endpoint with that error; it never passes in silence."""
    silent = []
    for wrong in ("127.0.0.1", 5, ("127.0.0.1",), ("127.0.0.1", 65536)):
        opening = loop.create_datagram_endpoint(Post, local_addr=("127.0.0.1", 0))
        transport, protocol = await soon(opening, patience, "create_datagram_endpoint() returns")
        try:
            transport.sendto(b"hello", wrong)
        except Exception:
            transport.abort()
            await protocol.until("connection_lost", patience)
            continue
        await pass_turns(5)
        transport.abort()
        await protocol.until("connection_lost", patience)
        if protocol.lost_with is None and not protocol.failures:
            silent.append(wrong)

    assert silent == []


# errors


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", needs=("posix",))
async def sendto_os_error(endpoint, mailbox, patience):
    """The OSError of a datagram that cannot be sent, such as one of 70000 bytes, is given to error_received() alone.

    The endpoint stays open and sends the next datagram.
    """
    async with endpoint() as (transport, protocol):
        transport.sendto(TOO_LARGE, mailbox.address)
        await protocol.until("error_received", patience)
        transport.sendto(b"goes on", mailbox.address)

        assert (transport.is_closing(), await mailbox.next()) == (False, b"goes on")
    assert [error_of(error) for error in protocol.failures] == [("OSError", "EMSGSIZE")]


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", needs=("posix",))
async def connected_sendto_os_error(endpoint, mailbox, patience):
    """A datagram too large to be sent is told to error_received() on an endpoint with remote_addr, too."""
    async with endpoint(remote_addr=mailbox.address) as (transport, protocol):
        transport.sendto(TOO_LARGE)
        await protocol.until("error_received", patience)
        transport.sendto(b"goes on")

        assert (transport.is_closing(), await mailbox.next()) == (False, b"goes on")
    assert [error_of(error) for error in protocol.failures] == [("OSError", "EMSGSIZE")]


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", needs=("broadcast",))
async def sendto_not_permitted(endpoint, patience):
    """sendto() to a broadcast address without allow_broadcast is told to error_received(), as PermissionError."""
    async with endpoint() as (transport, protocol):
        transport.sendto(b"to all", ("127.255.255.255", 9))
        await protocol.until("error_received", patience)

        assert not transport.is_closing(), "the endpoint is closing"
    assert [error_of(error) for error in protocol.failures] == [("PermissionError", "EACCES")]


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", level="should", needs=("no-buffer-space",))
async def sendto_no_buffer_space(endpoint, patience):
    """sendto() for which the system has no buffer left is told to error_received(), as ENOBUFS; the next one is sent.

    A datagram in many fragments, for which the send buffer has no room, makes it say so at once.
    """
    with (
        open_mailbox(patience, socket.AF_INET6, ("::1", 0)) as mailbox,
        udp(family=socket.AF_INET6, host="::1") as sock,
    ):
        leave_no_room(sock)
        async with endpoint(sock=sock) as (transport, protocol):
            transport.sendto(bytes(LARGE), mailbox.address)
            await protocol.until("error_received", patience)
            transport.sendto(b"goes on", mailbox.address)

            assert (transport.is_closing(), await mailbox.next()) == (False, b"goes on")
    assert [error_of(error) for error in protocol.failures] == [("OSError", "ENOBUFS")]


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", needs=("posix",))
async def error_received_refused(endpoint, refusing, patience):
    """That nobody listens at remote_addr is told to error_received(), as ConnectionRefusedError, each time."""
    async with endpoint(remote_addr=refusing.address) as (transport, protocol):
        for number in (1, 2):
            transport.sendto(b"anybody there?")
            await protocol.until("error_received", patience, times=number)

        assert not transport.is_closing(), "the endpoint is closing"
    assert [error_of(error) for error in protocol.failures] == [("ConnectionRefusedError", "ECONNREFUSED")] * 2


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", needs=("posix",))
async def usable_after_refusal(endpoint, refusing, patience):
    """An endpoint that was refused sends and receives when somebody listens at remote_addr.

    Clients that start before their server rely on it.
    """
    async with endpoint(remote_addr=refusing.address) as (transport, protocol):
        transport.sendto(b"too early")
        await protocol.until("error_received", patience)
        mailbox = refusing.listens_to(transport.get_extra_info("sockname"), patience)
        transport.sendto(b"hello")
        arrived = await mailbox.next()
        mailbox.sock.send(b"world")
        await protocol.until("datagram_received", patience)

    assert (arrived, protocol.mail) == (b"hello", [b"world"])


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", level="should", needs=("posix",))
async def unconnected_refused_silent(endpoint, refusing, mailbox, patience):
    """On an endpoint without remote_addr a datagram that nobody takes is lost in silence."""
    async with endpoint() as (transport, protocol):
        transport.sendto(b"anybody there?", refusing.address)
        transport.sendto(b"hello", mailbox.address)
        arrived, sender = await mailbox.letter()
        mailbox.send(b"world", sender)
        await protocol.until("datagram_received", patience)

        assert (arrived, protocol.events) == (b"hello", ["connection_made", "datagram_received"])


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport._read_ready", level="should", needs=("posix",))
async def error_received_error(endpoint, errors, refusing, patience):
    """An exception of error_received() is reported, and the endpoint stays open."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with endpoint(remote_addr=refusing.address, react={"error_received": fail}) as (transport, protocol):
        transport.sendto(b"anybody there?")
        await protocol.until("error_received", patience)
        await pass_turns(2)
        closing = transport.is_closing()

    assert ([context.get("exception") for context in errors], closing) == ([error], False)


@check("asyncio-protocol#asyncio.BaseTransport.close", needs=("posix",))
async def close_in_error_received(endpoint, refusing, patience):
    """close() in error_received() ends the endpoint, with connection_lost(None)."""
    react = {"error_received": lambda protocol: protocol.transport.close()}
    async with endpoint(remote_addr=refusing.address, react=react) as (transport, protocol):
        transport.sendto(b"anybody there?")
        await protocol.until("connection_lost", patience)

    assert (protocol.events, protocol.lost_with) == (["connection_made", "error_received", "connection_lost"], None)


untested(
    "error_received_no_buffers",
    "asyncio-protocol#asyncio.DatagramProtocol.error_received",
    "A datagram for which the kernel has no memory is told to error_received(), as OSError ENOBUFS.",
    because="No unprivileged process can make the kernel run out of memory for datagrams on loopback.",
    level="should",
)


# waiting to be sent


@check("asyncio-protocol#asyncio.DatagramTransport.sendto", needs=UNIX)
async def queued_datagrams_keep_their_addresses(endpoint, unix_mailbox, folder, patience):
    """Datagrams of an unconnected endpoint that have to wait go each to the address that it was sent to."""
    with open_mailbox(patience, socket.AF_UNIX, f"{folder}/other") as other:
        async with endpoint(family=socket.AF_UNIX, local_addr=f"{folder}/endpoint") as (transport, _):
            sent = []
            while not transport.get_write_buffer_size():
                sent.append(f"letter {len(sent)}".encode())
                transport.sendto(sent[-1], unix_mailbox.address)
                assert len(sent) < 2000, "2000 datagrams that nobody reads were sent, and none waits"
            transport.sendto(b"for the other", other.address)
            arrived = await unix_mailbox.take(len(sent)), await other.take(1)

    assert arrived == (sent, [b"for the other"])


@check("asyncio-protocol#asyncio.DatagramTransport.sendto", needs=UNIX)
async def queued_datagrams_arrive(endpoint, narrow):
    """Datagrams for which there is no room wait, and are sent in order, each whole, when there is."""
    async with endpoint(sock=narrow.sock) as (transport, _):
        narrow.stuff(transport)
        late = [f"late {number}".encode() for number in range(20)]
        for data in late:
            transport.sendto(data)

        assert await narrow.mailbox.take(len(narrow.sent) + 20) == narrow.sent + late


@check("asyncio-protocol#asyncio.DatagramTransport.sendto", needs=UNIX)
async def sendto_does_not_block(endpoint, narrow, trace):
    """sendto() returns at once when there is no room for the datagram, and the loop goes on."""
    async with endpoint(sock=narrow.sock) as (transport, _):
        narrow.stuff(transport)
        trace("sendto() returned")
        await pass_turns(2)
        trace("the loop went on")
        arrived = await narrow.mailbox.take(len(narrow.sent))

    assert (trace, arrived) == (["sendto() returned", "the loop went on"], narrow.sent)


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should", needs=UNIX)
async def later_waits_for_earlier(endpoint, narrow):
    """A datagram for which there is room waits all the same while earlier ones do: they arrive in order."""
    async with endpoint(sock=narrow.sock) as (transport, _):
        narrow.stuff(transport)
        arrived = narrow.mailbox.waiting()  # now there is room, and the loop has not seen it yet
        transport.sendto(b"the last one")
        arrived += await narrow.mailbox.take(2)

    assert arrived == [*narrow.sent, b"the last one"]


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport._sendto_ready", level="should", needs=UNIX)
async def drained_no_spin(endpoint, narrow):
    """An endpoint whose datagrams had to wait, and have all been sent, costs no processor time.

    A socket is nearly always writable: a loop that keeps watching for it never sleeps again.
    """
    async with endpoint(sock=narrow.sock) as (transport, _):
        narrow.stuff(transport)
        await narrow.mailbox.take(len(narrow.sent))
        await pass_turns(2)
        share = await idle_share()

    assert share < SPINNING, f"an endpoint that had sent all kept a processor busy, {share:.0%} of the time"


@check("asyncio-protocol#asyncio.BaseTransport.close", needs=UNIX)
async def close_flushes(endpoint, narrow, patience):
    """close() lets the datagrams that wait be sent, and only then calls connection_lost(None)."""
    async with endpoint(sock=narrow.sock) as (transport, protocol):
        narrow.stuff(transport)
        transport.sendto(b"the last one")
        transport.close()
        await pass_turns(2)
        before = transport.is_closing(), protocol.events
        arrived = await narrow.mailbox.take(len(narrow.sent) + 1)
        await protocol.until("connection_lost", patience)

    assert (before, arrived) == ((True, ["connection_made"]), [*narrow.sent, b"the last one"])
    assert protocol.lost_with is None


@check("asyncio-protocol#asyncio.DatagramTransport.abort", needs=UNIX)
async def abort(endpoint, narrow, patience):
    """abort() drops the datagrams that wait, and calls connection_lost(None) soon, though not by itself."""
    async with endpoint(sock=narrow.sock) as (transport, protocol):
        narrow.stuff(transport)
        transport.sendto(b"the last one")
        transport.abort()
        before = transport.is_closing(), protocol.events
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    assert (before, protocol.lost_with) == ((True, ["connection_made"]), None)
    assert narrow.mailbox.waiting() == narrow.sent[:-1]


@check("asyncio-protocol#asyncio.DatagramTransport.abort", needs=UNIX)
async def abort_while_flushing(endpoint, narrow, patience):
    """abort() after close() drops what close() would have sent, and connection_lost() is called once."""
    async with endpoint(sock=narrow.sock) as (transport, protocol):
        narrow.stuff(transport)
        transport.close()
        transport.abort()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    assert (protocol.events, narrow.mailbox.waiting()) == (["connection_made", "connection_lost"], narrow.sent[:-1])


@check("asyncio-protocol#asyncio.BaseTransport.close", needs=UNIX)
async def close_ends_though_nobody_takes(endpoint, narrow, patience):
    """close() ends the endpoint although the datagrams that wait can no longer be sent: nobody is there."""
    async with endpoint(sock=narrow.sock) as (transport, protocol):
        narrow.stuff(transport)
        transport.sendto(b"the last one")
        transport.close()
        narrow.mailbox.sock.close()
        await protocol.until("connection_lost", patience)

    assert protocol.events[0 :: len(protocol.events) - 1] == ["connection_made", "connection_lost"]


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", needs=UNIX)
async def queued_error_received(endpoint, narrow, patience):
    """That a datagram which waited cannot be sent is told to error_received(), and the endpoint stays open."""
    async with endpoint(sock=narrow.sock) as (transport, protocol):
        narrow.stuff(transport)
        narrow.mailbox.sock.close()
        await protocol.until("error_received", patience)

        assert not transport.is_closing(), "the endpoint is closing"
    assert isinstance(protocol.failures[0], OSError)


@check("asyncio-protocol#asyncio.DatagramTransport.abort", needs=UNIX)
async def abort_when_queued_fails(endpoint, narrow, patience, errors):
    """abort() in error_received() of a datagram that waited ends the endpoint, and nothing else is wrong with it."""
    react = {"error_received": lambda protocol: protocol.transport.abort()}
    async with endpoint(sock=narrow.sock, react=react) as (transport, protocol):
        narrow.stuff(transport)
        transport.sendto(b"the last one")
        narrow.mailbox.sock.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    assert (protocol.times("connection_lost"), protocol.lost_with, errors) == (1, None, [])


@check("asyncio-protocol#asyncio.WriteTransport.get_write_buffer_size", level="should", needs=UNIX, python="<3.13")
async def buffer_size_plain_legacy(endpoint, narrow):
    """get_write_buffer_size() is the number of bytes of the datagrams that wait; an empty one is not among them."""
    async with endpoint(sock=narrow.sock) as (transport, _):
        sizes = [narrow.stuff(transport)]
        for number in (100, 50, 0):
            transport.sendto(bytes(number))
            sizes.append(transport.get_write_buffer_size())

    assert sizes == [PIECE, PIECE + 100, PIECE + 150, PIECE + 150]


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="may", needs=UNIX, python=">=3.13")
async def buffer_size_with_header(endpoint, narrow):
    """get_write_buffer_size() counts for each datagram that waits its bytes and 8 more."""
    async with endpoint(sock=narrow.sock) as (transport, _):
        sizes = [narrow.stuff(transport)]
        for number in (100, 50, 0):
            transport.sendto(bytes(number))
            sizes.append(transport.get_write_buffer_size())

    assert sizes == [PIECE + 8, PIECE + 116, PIECE + 174, PIECE + 182]


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should", needs=UNIX, python=">=3.13")
async def buffer_size_counts_empty(endpoint, narrow):
    """get_write_buffer_size() grows with every datagram that waits, also with empty ones.

    Else a flood of those takes memory without end, and the protocol is never told to pause.
    """
    async with endpoint(sock=narrow.sock) as (transport, _):
        sizes = [narrow.stuff(transport)]
        for number in (100, 0, 0):
            transport.sendto(bytes(number))
            sizes.append(transport.get_write_buffer_size())

    assert (sizes == sorted(set(sizes)), sizes[0] >= PIECE) == (True, True), f"the sizes were {sizes}"


@check("asyncio-protocol#asyncio.WriteTransport.get_write_buffer_size", needs=UNIX, python=">=3.14")
async def buffer_size_returns_to_zero(endpoint, narrow):
    """get_write_buffer_size() is 0 again once all datagrams have been sent."""
    async with endpoint(sock=narrow.sock) as (transport, _):
        narrow.stuff(transport)
        for number in (100, 50):
            transport.sendto(bytes(number))
        await narrow.mailbox.take(len(narrow.sent) + 2)

        assert transport.get_write_buffer_size() == 0


@check("asyncio-protocol#asyncio.BaseProtocol.pause_writing", needs=UNIX)
async def flow_control(endpoint, narrow, patience):
    """pause_writing() is called once when more waits than the high mark, resume_writing() once that it is sent."""
    async with endpoint(sock=narrow.sock) as (transport, protocol):
        transport.set_write_buffer_limits(high=3 * PIECE, low=PIECE)
        narrow.stuff(transport)
        transport.sendto(bytes(PIECE))
        below = protocol.events
        for _ in range(4):
            transport.sendto(bytes(PIECE))
        above = protocol.events
        await narrow.mailbox.take(len(narrow.sent) + 5)
        await protocol.until("resume_writing", patience)
        await pass_turns(2)

        assert (below, above, protocol.events) == (
            ["connection_made"],
            ["connection_made", "pause_writing"],
            ["connection_made", "pause_writing", "resume_writing"],
        )


@check("asyncio-protocol#asyncio.BaseProtocol.resume_writing", needs=UNIX)
async def resumes_at_the_low_mark(endpoint, narrow, patience):
    """resume_writing() is called as soon as no more waits than the low mark, while other datagrams still wait."""
    sizes = []
    react = {"resume_writing": lambda protocol: sizes.append(protocol.transport.get_write_buffer_size())}
    async with endpoint(sock=narrow.sock, react=react) as (transport, protocol):
        narrow.stuff(transport)
        fit = len(narrow.sent) - 1
        for _ in range(2 * fit + 2):
            transport.sendto(bytes(PIECE))
        full = transport.get_write_buffer_size()
        transport.set_write_buffer_limits(high=full - 1, low=full - PIECE)
        # There is room for as many again then, and more than those wait.
        await narrow.mailbox.take(fit)
        await protocol.until("resume_writing", patience)
        await narrow.mailbox.take(2 * fit + 3)

    assert [0 < size <= full - PIECE for size in sizes] == [True], f"of {full} bytes so many waited then: {sizes}"


@check("asyncio-protocol#asyncio.BaseProtocol.resume_writing", needs=UNIX)
async def sendto_in_resume_writing(endpoint, narrow):
    """sendto() in resume_writing() sends: what it sends comes last."""
    react = {"resume_writing": lambda protocol: protocol.transport.sendto(b"resumed")}
    async with endpoint(sock=narrow.sock, react=react) as (transport, _):
        transport.set_write_buffer_limits(high=PIECE, low=PIECE // 2)
        narrow.stuff(transport)
        transport.sendto(bytes(PIECE))

        assert await narrow.mailbox.take(len(narrow.sent) + 2) == [*narrow.sent, bytes(PIECE), b"resumed"]


@check("Lib/asyncio/transports.py: _FlowControlMixin", level="should")
async def limits_api(endpoint):
    """Datagram transports have water marks, with the defaults of streams, and they can be set."""
    async with endpoint() as (transport, _):
        limits = [transport.get_write_buffer_limits()]
        transport.set_write_buffer_limits(high=100, low=10)
        limits.append(transport.get_write_buffer_limits())

    assert limits == [(16384, 65536), (10, 100)]


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should", needs=UNIX)
async def queued_data_copied(endpoint, narrow):
    """A bytearray that is changed after sendto() is sent as it was, also when it had to wait."""
    async with endpoint(sock=narrow.sock) as (transport, _):
        narrow.stuff(transport)
        late = bytearray(b"as it was")
        transport.sendto(late)
        late[:] = b"different"

        assert (await narrow.mailbox.take(len(narrow.sent) + 1))[-1] == b"as it was"


@check("Lib/asyncio/transports.py: _FlowControlMixin._maybe_pause_protocol", level="should", needs=UNIX)
async def pause_writing_error(endpoint, errors, narrow):
    """An exception of pause_writing() is reported and not raised by sendto(), and the datagram is sent all the same."""
    error = ZeroDivisionError("mine")

    def fail(protocol):
        raise error

    async with endpoint(sock=narrow.sock, react={"pause_writing": fail}) as (transport, _):
        transport.set_write_buffer_limits(high=0)
        narrow.stuff(transport)
        arrived = await narrow.mailbox.take(len(narrow.sent))

        assert (transport.is_closing(), arrived) == (False, narrow.sent)
    assert [context.get("exception") for context in errors] == [error]


# the end


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close(endpoint, mailbox, patience):
    """close() makes the transport closing at once, and the loop calls connection_lost(None); nothing comes any more."""
    async with endpoint() as (transport, protocol):
        mailbox.send(b"too late", transport.get_extra_info("sockname"))
        transport.close()
        before = transport.is_closing(), protocol.events
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    assert before == (True, ["connection_made"])
    assert (protocol.events, protocol.lost_with) == (["connection_made", "connection_lost"], None)


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def lost_once(endpoint, patience):
    """connection_lost() is called once, however often close() and abort() are."""
    orders = [("close", "close"), ("close", "abort"), ("abort", "close"), ("abort", "abort")]
    events = []
    for first, second in orders:
        async with endpoint() as (transport, protocol):
            getattr(transport, first)()
            getattr(transport, second)()
            await protocol.until("connection_lost", patience)
            transport.close()
            transport.abort()
            await pass_turns(2)
        events.append(protocol.events)

    assert events == [["connection_made", "connection_lost"]] * 4


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close_frees_port(endpoint, patience):
    """After connection_lost() the port is free: it can be bound anew."""
    async with endpoint() as (transport, protocol):
        address = transport.get_extra_info("sockname")
        transport.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
        with socket.socket(socket.AF_INET, DGRAM) as sock:
            sock.bind(address)

            assert sock.getsockname() == address


@check("asyncio-protocol#asyncio.BaseTransport.close")
async def close_in_made(endpoint, mailbox, patience):
    """close() in connection_made() ends the endpoint, and nothing is received."""
    with udp() as sock:
        mailbox.send(b"too late", sock.getsockname())
        react = {"connection_made": lambda protocol: protocol.transport.close()}
        async with endpoint(sock=sock, react=react) as (transport, protocol):
            await protocol.until("connection_lost", patience)
            await pass_turns(2)

    assert (protocol.events, transport.is_closing()) == (["connection_made", "connection_lost"], True)


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.sendto", level="should")
async def sendto_after_close_connected(endpoint, mailbox, patience):
    """On an endpoint with remote_addr sendto() after close(), before connection_lost() and after it, is no error.

    Nothing of it is sent.
    """
    async with endpoint(remote_addr=mailbox.address) as (transport, protocol):
        transport.sendto(b"before")
        transport.close()
        transport.sendto(b"after close()")
        await protocol.until("connection_lost", patience)
        transport.sendto(b"after connection_lost()")
        await pass_turns(2)

    assert (mailbox.waiting(), protocol.events) == ([b"before"], ["connection_made", "connection_lost"])


@check("Lib/asyncio/constants.py: LOG_THRESHOLD_FOR_CONNLOST_WRITES", level="may")
async def sendto_after_abort_warning(endpoint, mailbox, logged):
    """With remote_addr a program that goes on sending after abort() is told in the log, from the fifth sendto() on."""
    async with endpoint(remote_addr=mailbox.address) as (transport, _):
        transport.abort()
        for _ in range(8):
            transport.sendto(b"x")
        told = [record.getMessage() for record in logged if record.levelname == "WARNING"]

    assert told == ["socket.send() raised exception."] * 4


@check("Lib/asyncio/selector_events.py: _SelectorDatagramTransport.__init__", level="should")
async def after_lost_queries(endpoint, patience):
    """After connection_lost() the transport is closing, and still knows its sockname."""
    async with endpoint() as (transport, protocol):
        name = transport.get_extra_info("sockname")
        transport.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

        assert (transport.is_closing(), transport.get_extra_info("sockname")) == (True, name)


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__init__", level="should")
async def after_lost_peer(endpoint, mailbox, patience):
    """After connection_lost() the transport of a connected endpoint still knows its peername.

    Loggers ask for it when all is over.
    """
    async with endpoint(remote_addr=mailbox.address) as (transport, protocol):
        transport.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

        assert transport.get_extra_info("peername") == mailbox.address


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__del__", level="should")
def unclosed_warning(loop, patience):
    """An endpoint that is still open when its loop is closed issues a ResourceWarning, and its port is free."""

    async def open_it():
        opening = loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        transport, _ = await soon(opening, patience, "create_datagram_endpoint() returns")
        return transport.get_extra_info("sockname")

    with warned(ResourceWarning) as texts:
        address = run_coroutine(loop, open_it())
        loop.close()
        gc.collect()
    with socket.socket(socket.AF_INET, DGRAM) as sock:
        sock.bind(address)

        assert texts != [], "no ResourceWarning was issued"


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info")
async def extra_info(endpoint, mailbox):
    """The transport tells its socket, its own address and, if it is connected, its peer's; a default for the rest."""
    async with endpoint() as (transport, _), endpoint(remote_addr=mailbox.address) as (connected, _):
        sock = transport.get_extra_info("socket")
        told = [one.get_extra_info("peername") for one in (transport, connected)]

        assert sock.type == DGRAM
        assert transport.get_extra_info("sockname") == sock.getsockname()
        assert told == [None, mailbox.address]
        assert (transport.get_extra_info("else"), transport.get_extra_info("else", 5)) == (None, 5)


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport", level="should", needs=("posix",)
)
async def transport_fd_reserved(endpoint, loop, mailbox, patience):
    """add_reader() on the descriptor of an open endpoint raises RuntimeError, and the endpoint goes on."""
    async with endpoint() as (transport, protocol):
        with refuses(RuntimeError, "add_reader() on the descriptor of an open endpoint"):
            loop.add_reader(transport.get_extra_info("socket").fileno(), int)
        mailbox.send(b"hello", transport.get_extra_info("sockname"))
        await protocol.until("datagram_received", patience)

    assert protocol.mail == [b"hello"]


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport",
    level="should",
    python=">=3.12",
    needs=("posix",),
)
async def sock_of_live_endpoint(endpoint, mailbox):
    """create_datagram_endpoint() raises RuntimeError or OSError for a socket that an open endpoint uses."""
    with udp() as sock:
        sock.setblocking(False)
        async with endpoint(sock=sock) as (transport, _):
            with refuses((RuntimeError, OSError), "create_datagram_endpoint() with the socket of another endpoint"):
                await entered(endpoint(sock=sock))

            assert not transport.is_closing(), "the endpoint that has the socket is closing"


# Unix sockets by path


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", needs=UNIX)
async def unix_family_only(endpoint, unix_mailbox):
    """The family AF_UNIX alone makes an endpoint that can send to paths."""
    async with endpoint(family=socket.AF_UNIX) as (transport, _):
        transport.sendto(b"hello", unix_mailbox.address)

        assert await unix_mailbox.next() == b"hello"


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=UNIX)
async def unix_local_and_remote(endpoint, unix_mailbox, folder, patience):
    """With family=AF_UNIX local_addr and remote_addr are paths: bound to the one, it sends to the other."""
    path = f"{folder}/endpoint"
    async with endpoint(family=socket.AF_UNIX, local_addr=path, remote_addr=unix_mailbox.address) as (
        transport,
        protocol,
    ):
        transport.sendto(b"hello")
        letter = await unix_mailbox.letter()
        unix_mailbox.send(b"world", path)
        await protocol.until("datagram_received", patience)
        names = transport.get_extra_info("sockname"), transport.get_extra_info("peername")

    assert (letter, names) == ((b"hello", path), (path, unix_mailbox.address))
    assert protocol.received == [(b"world", unix_mailbox.address)]


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=UNIX)
async def unix_local_only(endpoint, unix_mailbox, folder, patience):
    """A Unix endpoint with local_addr receives of any and answers by path; the address of the nameless is None."""
    path = f"{folder}/endpoint"
    async with endpoint(family=socket.AF_UNIX, local_addr=path) as (transport, protocol):
        with socket.socket(socket.AF_UNIX, DGRAM) as nameless:
            nameless.sendto(b"from nobody", path)
        unix_mailbox.send(b"from a mailbox", path)
        await protocol.until("datagram_received", patience, times=2)
        transport.sendto(b"answer", protocol.received[1][1])

        assert await unix_mailbox.next() == b"answer"
    assert protocol.received == [(b"from nobody", None), (b"from a mailbox", unix_mailbox.address)]


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("abstract-sockets",))
async def unix_abstract(endpoint, folder, patience):
    """A Unix endpoint can be bound to an abstract address, which begins with a zero byte; it leaves no file."""
    name = f"\0{folder}/endpoint"
    async with endpoint(family=socket.AF_UNIX, local_addr=name) as (_, protocol):
        with socket.socket(socket.AF_UNIX, DGRAM) as sock:
            sock.sendto(b"hello", name)
        await protocol.until("datagram_received", patience)

    assert (protocol.mail, os.listdir(folder)) == ([b"hello"], [])


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", needs=UNIX)
async def unix_path_type(endpoint, folder):
    """With family=AF_UNIX an address that is no str raises TypeError."""
    path = f"{folder}/endpoint"
    for name in ("local_addr", "remote_addr"):
        for wrong in (path.encode(), pathlib.Path(path), ("127.0.0.1", 0)):
            with refuses(TypeError, f"create_datagram_endpoint() with AF_UNIX and {name}={wrong!r}"):
                await entered(endpoint(family=socket.AF_UNIX, **{name: wrong}))


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", needs=UNIX)
async def unix_stale_removed(endpoint, folder, patience):
    """A socket file that is at the local path already is replaced.

    A server that was killed can be started again.
    """
    path = f"{folder}/endpoint"
    with open_mailbox(patience, socket.AF_UNIX, path):
        pass
    async with endpoint(family=socket.AF_UNIX, local_addr=path) as (_, protocol):
        with socket.socket(socket.AF_UNIX, DGRAM) as sock:
            sock.sendto(b"hello", path)
        await protocol.until("datagram_received", patience)

    assert protocol.mail == [b"hello"]


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", needs=UNIX)
async def unix_file_kept(endpoint, folder):
    """A regular file at the local path is kept, and raises OSError EADDRINUSE."""
    path = pathlib.Path(folder, "file")
    path.write_text("precious")
    answer = await outcome(entered(endpoint(family=socket.AF_UNIX, local_addr=str(path))))

    assert (answer, path.read_text()) == (("OSError", "EADDRINUSE"), "precious")


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", needs=UNIX)
async def unix_file_stays(endpoint, folder):
    """The socket file of an endpoint stays when the endpoint is closed."""
    await entered(endpoint(family=socket.AF_UNIX, local_addr=f"{folder}/endpoint"))
    await pass_turns(2)

    assert os.listdir(folder) == ["endpoint"]


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=UNIX)
async def unix_remote_missing(endpoint, folder, patience):
    """A remote path that does not exist raises FileNotFoundError, one that nobody has bound ConnectionRefusedError."""
    with open_mailbox(patience, socket.AF_UNIX, f"{folder}/stale"):
        pass
    answers = [
        await outcome(entered(endpoint(family=socket.AF_UNIX, remote_addr=f"{folder}/{name}")))
        for name in ("missing", "stale")
    ]

    assert answers == [("FileNotFoundError", "ENOENT"), ("ConnectionRefusedError", "ECONNREFUSED")]


@check("asyncio-protocol#asyncio.DatagramProtocol.error_received", needs=UNIX)
async def unix_peer_gone(endpoint, unix_mailbox, patience):
    """That the peer of a Unix endpoint has gone is told to error_received(), and the endpoint stays open."""
    async with endpoint(family=socket.AF_UNIX, remote_addr=unix_mailbox.address) as (transport, protocol):
        unix_mailbox.sock.close()
        transport.sendto(b"anybody there?")
        await protocol.until("error_received", patience)

        assert not transport.is_closing(), "the endpoint is closing"
    assert error_of(protocol.failures[0]) == ("ConnectionRefusedError", "ECONNREFUSED")


also_in(
    {
        # Endpoints are announced there.
        "debug": (returns_pair, receive, sendto_forms, close_flushes, error_received_refused),
        "other-thread": (receive, sendto_forms, arrival_wakes_idle_loop),
        "runner": (returns_pair, receive),
        "eager-tasks": (returns_pair,),
        "second-loop": (receive,),
    }
)
