"""Names and addresses: getaddrinfo(), getnameinfo(), and how the loop's connections, servers and endpoints use them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

from loopcheck.check import also_in, check
from loopcheck.kit import DatagramWatcher, StreamWatcher, refuses, run_coroutine, soon, threaded
from loopcheck.kit.names import (
    LINK_LOCAL,
    SERVER_FAILS,
    UNUSUAL_LOOPBACK,
    Answer,
    as_socket_does,
    error_of,
    outcome,
    zone_of_link_local,
)
from loopcheck.kit.net import closing, entered, reaches

STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
NO_SUCH_SERVICE = "no-such-service"


def by_socket(*arguments, **options):
    """What socket.getaddrinfo() returns, or its error, as outcome() has them."""
    try:
        return socket.getaddrinfo(*arguments, **options)
    except OSError as error:
        return error_of(error)


def watcher():
    """A protocol that records nothing but what is received."""
    return StreamWatcher(lambda: None)


@contextlib.asynccontextmanager
async def client(loop, patience, *address, **options):
    """A connection that create_connection() makes; the block gets its transport."""
    connecting = loop.create_connection(watcher, *address, **options)
    transport, protocol = await soon(connecting, patience, "create_connection() returns")
    async with closing([protocol], patience):
        yield transport


@contextlib.asynccontextmanager
async def server(loop, patience, host, **options):
    """A server that create_server() makes; the block gets the addresses that it listens on."""
    made = await soon(loop.create_server(watcher, host, 0, **options), patience, "create_server() returns")
    try:
        yield [sock.getsockname() for sock in made.sockets]
    finally:
        made.close()
        await soon(made.wait_closed(), patience, "wait_closed() returns")


@contextlib.asynccontextmanager
async def endpoint(loop, patience, **options):
    """An endpoint that create_datagram_endpoint() makes; the block gets its transport."""
    opening = loop.create_datagram_endpoint(lambda: DatagramWatcher(lambda: None), **options)
    transport, protocol = await soon(opening, patience, "create_datagram_endpoint() returns")
    async with closing([protocol], patience):
        yield transport


@contextlib.contextmanager
def plain_socket(kind=STREAM, family=socket.AF_INET):
    """A socket that does not block, for the sock_ methods."""
    with socket.socket(family, kind) as sock:
        sock.setblocking(False)
        yield sock


def connect_on(loop, sock, address, patience):
    """Connect the socket with sock_connect() of a loop that is not running."""

    async def connect():
        await soon(loop.sock_connect(sock, address), patience, "sock_connect() returns")

    run_coroutine(loop, connect())


@contextlib.contextmanager
def receiver(patience):
    """A blocking UDP socket on 127.0.0.1."""
    with socket.socket(socket.AF_INET, DATAGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(patience)
        yield sock


# getaddrinfo(): what it answers


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_matches_socket(loop):
    """getaddrinfo() gives the same list as socket.getaddrinfo() with the same arguments."""
    questions = [(host, kind) for host in ("127.0.0.1", "::1", None) for kind in (0, STREAM, DATAGRAM)]

    answers = [await loop.getaddrinfo(host, 80, type=kind) for host, kind in questions]

    assert answers == [socket.getaddrinfo(host, 80, type=kind) for host, kind in questions]


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_entry_shape(loop):
    """getaddrinfo() gives a list of tuples of an AddressFamily, a SocketKind, a protocol, a name and an address.

    Programs print the enum's names, and unpack an address by its length: two for IPv4, four for IPv6.
    """
    answers = [await loop.getaddrinfo(host, 80, type=STREAM) for host in ("127.0.0.1", "::1")]

    assert [type(answer) for answer in answers] == [list, list]
    entries = [entry for answer in answers for entry in answer]
    assert [tuple(map(type, entry)) for entry in entries] == [
        (socket.AddressFamily, socket.SocketKind, int, str, tuple)
    ] * 2
    assert [tuple(map(type, entry[4])) for entry in entries] == [(str, int), (str, int, int, int)]


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_keyword_only(loop):
    """family, type, proto and flags of getaddrinfo() are keyword-only, unlike those of socket.getaddrinfo()."""
    with refuses(TypeError, "getaddrinfo() with a third positional argument"):
        await loop.getaddrinfo("127.0.0.1", 80, socket.AF_INET)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_takes_keywords(loop):
    """getaddrinfo() takes the host and the port as keyword arguments too."""
    answer = await loop.getaddrinfo(host="127.0.0.1", port=80, type=STREAM)

    assert answer == socket.getaddrinfo("127.0.0.1", 80, type=STREAM)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_is_awaitable_coroutine(loop):
    """getaddrinfo() is a coroutine method: what is wrong with its arguments is raised where it is awaited."""
    coroutine = loop.getaddrinfo("127.0.0.1", NO_SUCH_SERVICE, type=STREAM)

    assert asyncio.iscoroutine(coroutine), f"getaddrinfo() returned {coroutine!r}, which is no coroutine"
    with refuses(socket.gaierror, "awaiting getaddrinfo() with a service that does not exist"):
        await coroutine


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_type_filter(loop):
    """getaddrinfo() with a socket type gives the one entry of that type for a numeric host, with its protocol."""
    answers = [await loop.getaddrinfo("127.0.0.1", 80, type=kind) for kind in (STREAM, DATAGRAM)]

    assert [[entry[1:3] for entry in answer] for answer in answers] == [
        [(STREAM, socket.IPPROTO_TCP)],
        [(DATAGRAM, socket.IPPROTO_UDP)],
    ]


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_proto_filter(loop):
    """getaddrinfo() with a protocol gives only entries of that protocol."""
    answers = [await loop.getaddrinfo("127.0.0.1", 80, proto=each) for each in (socket.IPPROTO_TCP, socket.IPPROTO_UDP)]

    assert [{entry[2] for entry in answer} for answer in answers] == [{socket.IPPROTO_TCP}, {socket.IPPROTO_UDP}]


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", needs=("ipv6",))
async def getaddrinfo_family_filter(loop):
    """getaddrinfo() with an address family gives only entries of that family."""
    families = (socket.AF_INET, socket.AF_INET6)

    answers = [await loop.getaddrinfo(None, 80, family=family) for family in families]

    assert [{entry[0] for entry in answer} for answer in answers] == [{family} for family in families]


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_family_mismatch(loop):
    """getaddrinfo() raises the gaierror of socket.getaddrinfo() for a numeric host of another family."""
    questions = (("127.0.0.1", socket.AF_INET6), ("::1", socket.AF_INET))

    answers = [await outcome(loop.getaddrinfo(host, 80, family=family)) for host, family in questions]

    assert answers == [by_socket(host, 80, family=family) for host, family in questions]


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("posix",))
async def getaddrinfo_bad_family(loop):
    """getaddrinfo() raises the gaierror of socket.getaddrinfo() for a family that there is not."""
    answer = await outcome(loop.getaddrinfo("127.0.0.1", 80, family=12345))

    assert answer == by_socket("127.0.0.1", 80, family=12345)


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("posix",))
async def getaddrinfo_socktype_proto_conflict(loop):
    """getaddrinfo() raises the gaierror of socket.getaddrinfo() when type and protocol contradict each other.

    A shortcut for numeric hosts must not hide it.
    """
    conflict = {"type": STREAM, "proto": socket.IPPROTO_UDP}

    assert await outcome(loop.getaddrinfo("127.0.0.1", 80, **conflict)) == by_socket("127.0.0.1", 80, **conflict)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", needs=("own-names",))
def getaddrinfo_unknown_name(resolving):
    """getaddrinfo() raises gaierror with EAI_NONAME for a name that does not exist."""

    async def body(loop, names):
        return await outcome(loop.getaddrinfo("missing.test", 80))

    assert resolving({}, body) == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", needs=("own-names",))
def getaddrinfo_failing_server(resolving):
    """getaddrinfo() raises gaierror with EAI_AGAIN when the name server fails: another word than for a missing name.

    Clients that try again do so for this number alone.
    """

    async def body(loop, names):
        return await outcome(loop.getaddrinfo("broken.test", 80))

    assert resolving({"broken.test": SERVER_FAILS}, body) == ("gaierror", "EAI_AGAIN")


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_numerichost_flag(loop):
    """getaddrinfo() with AI_NUMERICHOST raises gaierror with EAI_NONAME for a name, even one that it could find."""
    answer = await outcome(loop.getaddrinfo("localhost", 80, flags=socket.AI_NUMERICHOST))

    assert answer == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_addrconfig_flag(loop):
    """getaddrinfo() with AI_ADDRCONFIG gives what socket.getaddrinfo() gives.

    aiohttp's resolver gives this flag with every look-up.
    """
    answer = await outcome(loop.getaddrinfo(None, 80, type=STREAM, flags=socket.AI_ADDRCONFIG))

    assert answer == by_socket(None, 80, type=STREAM, flags=socket.AI_ADDRCONFIG)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_unknown_service(loop):
    """getaddrinfo() raises the gaierror of socket.getaddrinfo() for a service that does not exist."""
    answer = await outcome(loop.getaddrinfo("127.0.0.1", NO_SUCH_SERVICE, type=STREAM))

    assert answer == by_socket("127.0.0.1", NO_SUCH_SERVICE, type=STREAM)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_service_name(loop):
    """getaddrinfo() translates the name of a service into a port, if the machine knows the service."""
    answer = await outcome(loop.getaddrinfo("127.0.0.1", "http", type=STREAM))

    assert answer == by_socket("127.0.0.1", "http", type=STREAM)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", level="should", needs=("posix",))
async def getaddrinfo_numericserv_flag(loop):
    """getaddrinfo() with AI_NUMERICSERV raises gaierror with EAI_NONAME for the name of a service."""
    answer = await outcome(loop.getaddrinfo("127.0.0.1", "http", type=STREAM, flags=socket.AI_NUMERICSERV))

    assert answer == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_port_forms(loop):
    """The port of getaddrinfo() may be a number, its digits as str or bytes, or None or an empty text for 0."""
    ports = (80, "80", b"80", None, "", b"")

    answers = [await loop.getaddrinfo("127.0.0.1", port, type=STREAM) for port in ports]

    assert [answer[0][4] for answer in answers] == [("127.0.0.1", 80)] * 3 + [("127.0.0.1", 0)] * 3


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should")
async def getaddrinfo_port_bad_type(loop):
    """getaddrinfo() raises OSError or TypeError for a port that is neither a number nor a text."""
    for port in (80.0, object):
        with refuses((OSError, TypeError), f"getaddrinfo() with the port {port!r}"):
            await loop.getaddrinfo("127.0.0.1", port, type=STREAM)


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("posix",))
async def getaddrinfo_negative_port(loop):
    """getaddrinfo() treats a negative port as socket.getaddrinfo() does, and never makes a port of it."""
    answer = await outcome(loop.getaddrinfo("127.0.0.1", -1, type=STREAM))

    assert answer == by_socket("127.0.0.1", -1, type=STREAM)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_host_forms(loop):
    """The host of getaddrinfo() may be bytes as well as a str."""
    answers = [await loop.getaddrinfo(host, 80, type=STREAM) for host in ("127.0.0.1", b"127.0.0.1")]

    assert [answer[0][4] for answer in answers] == [("127.0.0.1", 80)] * 2


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should")
async def getaddrinfo_host_bad_type(loop):
    """getaddrinfo() raises TypeError for a host that is no str, bytes or None."""
    for host in (1, object):
        with refuses(TypeError, f"getaddrinfo() with the host {host!r}"):
            await loop.getaddrinfo(host, 80)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_host_none(loop):
    """The host None means loopback addresses to getaddrinfo(), and with AI_PASSIVE those of all interfaces."""
    answers = [await loop.getaddrinfo(None, 80, type=STREAM, flags=flags) for flags in (0, socket.AI_PASSIVE)]

    addresses = [{entry[4][0] for entry in answer} for answer in answers]
    assert addresses[0] <= {"127.0.0.1", "::1"}
    assert addresses[1] <= {"0.0.0.0", "::"}
    assert answers == [socket.getaddrinfo(None, 80, type=STREAM, flags=flags) for flags in (0, socket.AI_PASSIVE)]


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("posix",))
async def getaddrinfo_host_empty(loop):
    """getaddrinfo() treats an empty host as socket.getaddrinfo() does: it is not None."""
    assert await outcome(loop.getaddrinfo("", 80, type=STREAM)) == by_socket("", 80, type=STREAM)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo")
async def getaddrinfo_canonname(loop):
    """getaddrinfo() with AI_CANONNAME has the canonical name in the first entry."""
    answer = await loop.getaddrinfo("127.0.0.1", 80, type=STREAM, flags=socket.AI_CANONNAME)

    assert answer == socket.getaddrinfo("127.0.0.1", 80, type=STREAM, flags=socket.AI_CANONNAME)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", needs=("own-names",))
def getaddrinfo_canonname_of_alias(resolving):
    """getaddrinfo() with AI_CANONNAME has the name that an alias stands for in the first entry, and only there."""

    async def body(loop, names):
        answer = await loop.getaddrinfo("alias.test", 80, type=STREAM, flags=socket.AI_CANONNAME)
        return [(entry[3], entry[4][0]) for entry in answer]

    table = {"alias.test": Answer(alias="real.test"), "real.test": ("127.0.0.1", "127.0.0.2")}
    assert resolving(table, body) == [("real.test", "127.0.0.1"), ("", "127.0.0.2")]


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("posix",))
async def getaddrinfo_legacy_numeric_forms(loop):
    """getaddrinfo() reads short, decimal and hexadecimal spellings of an IPv4 address."""
    answers = [await loop.getaddrinfo(host, 80, type=STREAM) for host in UNUSUAL_LOOPBACK]

    assert [answer[0][4] for answer in answers] == [("127.0.0.1", 80)] * len(UNUSUAL_LOOPBACK)


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("own-names",))
def getaddrinfo_idna(resolving):
    """getaddrinfo() looks up a name that is not ASCII by its IDNA form."""

    async def body(loop, names):
        return [entry[4] for entry in await loop.getaddrinfo("bücher.test", 80, type=STREAM)]

    assert resolving({"xn--bcher-kva.test": ("127.0.0.2",)}, body) == [("127.0.0.2", 80)]


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should")
async def getaddrinfo_idna_label_too_long(loop):
    """getaddrinfo() raises UnicodeError for a name with a label of more than 63 characters."""
    with refuses(UnicodeError, "getaddrinfo() with a label of 64 characters"):
        await loop.getaddrinfo("a" * 64 + ".test", 80)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", needs=("posix", "ipv6"))
async def getaddrinfo_scope_id(loop):
    """getaddrinfo() moves the zone of a link-local host from the text into the fourth field of the address."""
    index, name = socket.if_nameindex()[0]

    answer = await loop.getaddrinfo(f"fe80::1%{name}", 80, type=STREAM)

    assert [entry[4] for entry in answer] == [("fe80::1", 80, 0, index)]


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("own-names",))
def getaddrinfo_order_kept(resolving):
    """getaddrinfo() gives all addresses of a name in the C library's order, of either family."""

    async def body(loop, names):
        question = ("three.test", 80)
        return await loop.getaddrinfo(*question, type=STREAM), socket.getaddrinfo(*question, type=STREAM)

    answer, by_the_library = resolving({"three.test": ("127.0.0.4", "127.0.0.1", "::1")}, body)

    assert len(by_the_library) == 3
    assert answer == by_the_library


# getaddrinfo(): while it waits


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", needs=("own-names",))
def getaddrinfo_does_not_block(resolving, patience):
    """The loop runs callbacks and timers while getaddrinfo() waits for a name server."""

    async def body(loop, names):
        task = asyncio.ensure_future(loop.getaddrinfo("slow.test", 80, type=STREAM))
        await threaded(names.question, "slow.test")
        await asyncio.sleep(0.001)
        waiting = not task.done()
        names.release()
        return waiting, [entry[4] for entry in await soon(task, patience, "getaddrinfo() returns")]

    waiting, addresses = resolving({"slow.test": Answer(("127.0.0.1",), held=True)}, body)

    assert waiting, "getaddrinfo() was done before the name server had answered"
    assert addresses == [("127.0.0.1", 80)]


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("own-names",))
def getaddrinfo_slow_name_does_not_delay_others(resolving, patience):
    """getaddrinfo() of one name ends while that of another still waits for a name server."""

    async def body(loop, names):
        task = asyncio.ensure_future(loop.getaddrinfo("slow.test", 80))
        await threaded(names.question, "slow.test")
        answer = await soon(
            loop.getaddrinfo("fast.test", 80, type=STREAM), patience, "getaddrinfo() of another name returns"
        )
        names.release()
        await soon(task, patience, "getaddrinfo() returns")
        return [entry[4] for entry in answer]

    table = {"slow.test": Answer(("127.0.0.1",), held=True), "fast.test": ("127.0.0.2",)}
    assert resolving(table, body) == [("127.0.0.2", 80)]


@check("Lib/asyncio/base_events.py: BaseEventLoop.run_in_executor", level="should", needs=("own-names",))
def getaddrinfo_cancel(resolving, patience):
    """A cancelled getaddrinfo() ends at once, without the name server's answer, and later ones work."""

    async def body(loop, names):
        task = asyncio.ensure_future(loop.getaddrinfo("slow.test", 80))
        await threaded(names.question, "slow.test")
        task.cancel()
        await asyncio.wait({task}, timeout=patience)
        cancelled = task.cancelled()
        names.release()
        return cancelled, [entry[4] for entry in await loop.getaddrinfo("fast.test", 80, type=STREAM)]

    table = {"slow.test": Answer(("127.0.0.1",), held=True), "fast.test": ("127.0.0.2",)}
    cancelled, addresses = resolving(table, body)

    assert cancelled, "the task that awaits getaddrinfo() was not cancelled before the name server had answered"
    assert addresses == [("127.0.0.2", 80)]


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should")
async def getaddrinfo_concurrent(loop, patience):
    """Several getaddrinfo() at once get each their own answer."""
    ports = range(1, 9)

    answers = await soon(
        asyncio.gather(*(loop.getaddrinfo("127.0.0.1", port, type=STREAM) for port in ports)),
        patience,
        "all of 8 getaddrinfo() return",
    )

    assert [answer[0][4][1] for answer in answers] == list(ports)


class CountingPool(ThreadPoolExecutor):
    """A pool that counts what it is given."""

    submitted = 0

    def submit(self, *arguments, **options):
        self.submitted += 1
        return super().submit(*arguments, **options)


@check("asyncio-eventloop#asyncio.loop.getaddrinfo", level="may")
async def getaddrinfo_default_executor(loop):
    """getaddrinfo() and getnameinfo() run in the default executor, each as one job.

    Programs size that pool for the look-ups they expect. A loop with a resolver of its own is not wrong.
    """
    with CountingPool(1) as pool:
        loop.set_default_executor(pool)

        await loop.getaddrinfo("127.1", 80)
        await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST)

        assert pool.submitted == 2


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor", level="may")
async def getaddrinfo_after_executor_shutdown(loop):
    """getaddrinfo() and getnameinfo() raise RuntimeError after shutdown_default_executor().

    A loop with a resolver of its own is not wrong.
    """
    await loop.getaddrinfo("127.1", 80)
    await loop.shutdown_default_executor()

    with refuses(RuntimeError, "getaddrinfo() after shutdown_default_executor()"):
        await loop.getaddrinfo("127.1", 80)
    with refuses(RuntimeError, "getnameinfo() after shutdown_default_executor()"):
        await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST)


@check("Lib/asyncio/base_events.py: BaseEventLoop._getaddrinfo_debug", level="may")
def getaddrinfo_debug_log(loop, logged, patience):
    """In debug mode getaddrinfo() logs the look-up: at INFO if it took slow_callback_duration, else at DEBUG."""
    loop.set_debug(True)
    levels = []
    for duration in (0, 3600):
        loop.slow_callback_duration = duration
        run_coroutine(loop, soon(loop.getaddrinfo("127.1", 80), patience, "getaddrinfo() returns"))
        levels.append([record.levelno for record in logged if "127.1" in record.getMessage()][-1:])

    assert levels == [[logging.INFO], [logging.DEBUG]]


# getnameinfo()


@check("asyncio-eventloop#asyncio.loop.getnameinfo")
async def getnameinfo_basic(loop):
    """getnameinfo() gives the host and the service of an address, in digits where flags say so."""
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV

    assert await loop.getnameinfo(("127.0.0.1", 80), flags) == ("127.0.0.1", "80")
    assert await loop.getnameinfo(sockaddr=("127.0.0.1", 80), flags=flags) == ("127.0.0.1", "80")


@check("asyncio-eventloop#asyncio.loop.getnameinfo")
async def getnameinfo_is_awaitable_coroutine(loop):
    """getnameinfo() is a coroutine method: what is wrong with its arguments is raised where it is awaited."""
    coroutine = loop.getnameinfo(("no address", 80))

    assert asyncio.iscoroutine(coroutine), f"getnameinfo() returned {coroutine!r}, which is no coroutine"
    with refuses(socket.gaierror, "awaiting getnameinfo() with a host that is no address"):
        await coroutine


@check("asyncio-eventloop#asyncio.loop.getnameinfo", needs=("own-names",))
def getnameinfo_finds_names(resolving):
    """getnameinfo() without flags finds the name of an address."""

    async def body(loop, names):
        return (await loop.getnameinfo(("127.0.0.2", 1)))[0]

    assert resolving({"named.test": ("127.0.0.2",)}, body) == "named.test"


@check("asyncio-eventloop#asyncio.loop.getnameinfo", needs=("ipv6",))
async def getnameinfo_ipv6(loop):
    """getnameinfo() takes IPv6 addresses of two, three and four fields, and shows the zone of a link-local one.

    aiohttp's resolver turns the answer of getaddrinfo() for a link-local host into text in this way.
    """
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    index, name = socket.if_nameindex()[0]
    addresses = (("::1", 80), ("::1", 80, 0), ("::1", 80, 0, 0), ("fe80::1", 80, 0, index))

    answers = [await loop.getnameinfo(address, flags) for address in addresses]

    assert answers == [("::1", "80")] * 3 + [(f"fe80::1%{name}", "80")]


@check("asyncio-eventloop#asyncio.loop.getnameinfo", needs=("own-names",))
def getnameinfo_namereqd(resolving):
    """getnameinfo() with NI_NAMEREQD raises gaierror with EAI_NONAME for an address without a name."""

    async def body(loop, names):
        return await outcome(loop.getnameinfo(("127.0.0.3", 80), socket.NI_NAMEREQD))

    assert resolving({}, body) == ("gaierror", "EAI_NONAME")


@check("Lib/asyncio/base_events.py: BaseEventLoop.getnameinfo", level="should")
async def getnameinfo_name_in_sockaddr(loop):
    """getnameinfo() raises gaierror for an address with a name where the digits belong."""
    with refuses(socket.gaierror, "getnameinfo() of ('localhost', 80)"):
        await loop.getnameinfo(("localhost", 80))


@check("Lib/asyncio/base_events.py: BaseEventLoop.getnameinfo", level="should")
async def getnameinfo_bad_sockaddr(loop):
    """getnameinfo() raises TypeError for what is not a tuple, and TypeError or ValueError for a tuple too short."""
    for sockaddr in ("127.0.0.1", None, ["127.0.0.1", 80]):
        with refuses(TypeError, f"getnameinfo() of {sockaddr!r}"):
            await loop.getnameinfo(sockaddr)
    for sockaddr in ((), ("127.0.0.1",)):
        with refuses((TypeError, ValueError), f"getnameinfo() of {sockaddr!r}"):
            await loop.getnameinfo(sockaddr)


# Which look-ups the loop's other methods make


@check("Lib/asyncio/base_events.py: BaseEventLoop._ensure_resolved", level="should")
def create_connection_uses_loop_getaddrinfo(replacing, listener, patience):
    """create_connection() looks its host up with the loop's own getaddrinfo(), for streams, with what it was given.

    Programs replace that method in order to resolve names in their own way.
    """
    loop, asked = replacing(as_socket_does)
    port = listener.getsockname()[1]
    given = {"family": socket.AF_INET, "proto": socket.IPPROTO_TCP, "flags": socket.AI_NUMERICSERV}

    run_coroutine(loop, entered(client(loop, patience, "127.1", port, **given)))

    assert asked == [("127.1", port, socket.AF_INET, STREAM, socket.IPPROTO_TCP, socket.AI_NUMERICSERV)]


@check("Lib/asyncio/base_events.py: BaseEventLoop._create_server_getaddrinfo", level="should")
def create_server_uses_loop_getaddrinfo(replacing, patience):
    """create_server() looks its host up with the loop's own getaddrinfo(), for streams, with AI_PASSIVE by default."""
    loop, asked = replacing(as_socket_does)
    given = {"family": socket.AF_INET, "flags": socket.AI_NUMERICSERV}

    run_coroutine(loop, entered(server(loop, patience, "127.1")))
    run_coroutine(loop, entered(server(loop, patience, "127.1", **given)))

    assert asked == [
        ("127.1", 0, socket.AF_UNSPEC, STREAM, 0, socket.AI_PASSIVE),
        ("127.1", 0, socket.AF_INET, STREAM, 0, socket.AI_NUMERICSERV),
    ]


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
def create_datagram_uses_loop_getaddrinfo(replacing, patience):
    """create_datagram_endpoint() looks up its local and then its remote address with the loop's own getaddrinfo()."""
    loop, asked = replacing(as_socket_does)
    given = {"family": socket.AF_INET, "proto": socket.IPPROTO_UDP, "flags": socket.AI_NUMERICSERV}

    run_coroutine(loop, entered(endpoint(loop, patience, local_addr=("127.1", 0), remote_addr=("127.1", 9), **given)))

    options = (socket.AF_INET, DATAGRAM, socket.IPPROTO_UDP, socket.AI_NUMERICSERV)
    assert asked == [("127.1", 0, *options), ("127.1", 9, *options)]


@check("asyncio-eventloop#asyncio.loop.sock_connect", level="should", needs=("posix",))
def sock_connect_uses_loop_getaddrinfo(replacing, listener, patience):
    """sock_connect() looks up a host that is no address with the loop's own getaddrinfo(), for the socket's family."""
    loop, asked = replacing(as_socket_does)
    port = listener.getsockname()[1]

    with plain_socket() as sock:
        connect_on(loop, sock, ("127.1", port), patience)

    assert [question[:3] for question in asked] == [("127.1", port, socket.AF_INET)]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_connect", level="should", needs=("posix",))
def sock_connect_looks_up_type_of_socket(replacing, listener, patience):
    """sock_connect() asks the loop's own getaddrinfo() for addresses of the socket's type and protocol alone."""
    loop, asked = replacing(as_socket_does)

    with plain_socket() as sock:
        connect_on(loop, sock, ("127.1", listener.getsockname()[1]), patience)
        wanted = (sock.type, sock.proto)

    assert [question[3:5] for question in asked] == [wanted]


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
def create_connection_numeric_skips_lookup(replacing, listener, patience):
    """create_connection() uses a numeric host as it is, without getaddrinfo().

    A loop that asks takes a thread of the executor for every connection to an address that was resolved before.
    """
    loop, asked = replacing(as_socket_does)

    connected = run_coroutine(loop, reaches(listener, client(loop, patience, *listener.getsockname())))

    assert (connected, asked) == (True, [])


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
def create_server_numeric_skips_lookup(replacing, patience):
    """create_server() uses a numeric host as it is, without getaddrinfo()."""
    loop, asked = replacing(as_socket_does)

    addresses = run_coroutine(loop, entered(server(loop, patience, "127.0.0.1")))

    assert ([host for host, _ in addresses], asked) == (["127.0.0.1"], [])


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
def create_datagram_numeric_skips_lookup(replacing, patience):
    """create_datagram_endpoint() uses numeric hosts as they are, without getaddrinfo()."""
    loop, asked = replacing(as_socket_does)
    addresses = {"local_addr": ("127.0.0.1", 0), "remote_addr": ("127.0.0.1", 9)}

    made = run_coroutine(loop, entered(endpoint(loop, patience, **addresses)))

    assert (made is not None, asked) == (True, [])


@check("asyncio-eventloop#asyncio.loop.sock_connect", level="should", needs=("posix",))
def sock_connect_numeric_skips_lookup(replacing, listener, patience):
    """sock_connect() uses a numeric host as it is, without getaddrinfo()."""
    loop, asked = replacing(as_socket_does)

    with plain_socket() as sock:
        connect_on(loop, sock, listener.getsockname(), patience)
        peer = sock.getpeername()

    assert (peer, asked) == (listener.getsockname(), [])


# Forms of hosts and ports


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("posix",))
async def create_connection_legacy_numeric_forms(loop, listener, patience):
    """create_connection() understands short, decimal and hexadecimal spellings of an IPv4 address."""
    port = listener.getsockname()[1]

    connected = [await reaches(listener, client(loop, patience, host, port)) for host in UNUSUAL_LOOPBACK]

    assert connected == [True] * 3


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("posix",))
async def create_server_legacy_numeric_forms(loop, patience):
    """create_server() understands short, decimal and hexadecimal spellings of an IPv4 address."""
    addresses = [await entered(server(loop, patience, host)) for host in UNUSUAL_LOOPBACK]

    assert [[host for host, _ in each] for each in addresses] == [["127.0.0.1"]] * 3


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("posix",))
async def create_datagram_legacy_numeric_forms(loop, patience):
    """create_datagram_endpoint() understands short, decimal and hexadecimal spellings of an IPv4 address."""
    senders = []
    with receiver(patience) as peer:
        for host in UNUSUAL_LOOPBACK:
            async with endpoint(loop, patience, local_addr=(host, 0)) as transport:
                transport.sendto(b"from there", peer.getsockname())
                senders.append(peer.recvfrom(100)[1][0])
            async with endpoint(loop, patience, remote_addr=(host, peer.getsockname()[1])) as transport:
                transport.sendto(b"to there")
                senders.append(peer.recvfrom(100)[1][0])

    assert senders == ["127.0.0.1"] * 6


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("posix",))
async def sock_connect_legacy_numeric_forms(loop, listener, patience):
    """sock_connect() understands short, decimal and hexadecimal spellings of an IPv4 address."""
    port = listener.getsockname()[1]
    peers = []
    for host in UNUSUAL_LOOPBACK:
        with plain_socket() as sock:
            await soon(loop.sock_connect(sock, (host, port)), patience, f"sock_connect() to {host!r} returns")
            peers.append(sock.getpeername())

    assert peers == [("127.0.0.1", port)] * 3


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
async def create_connection_bytes_host(loop, listener, patience):
    """The host of create_connection() may be bytes."""
    assert await reaches(listener, client(loop, patience, b"127.0.0.1", listener.getsockname()[1]))


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
async def create_connection_port_in_digits(loop, listener, patience):
    """The port of create_connection() may be its digits, as str or bytes."""
    port = str(listener.getsockname()[1])

    connected = [await reaches(listener, client(loop, patience, "127.0.0.1", each)) for each in (port, port.encode())]

    assert connected == [True] * 2


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should", needs=("own-names",))
def create_connection_idna(resolving, patience):
    """create_connection() looks up a host that is not ASCII by its IDNA form."""

    async def body(loop, names):
        with socket.create_server(("127.0.0.2", 0)) as listener:
            listener.settimeout(patience)
            return await reaches(listener, client(loop, patience, "bücher.test", listener.getsockname()[1]))

    assert resolving({"xn--bcher-kva.test": ("127.0.0.2",)}, body)


@check("Lib/asyncio/base_events.py: BaseEventLoop.getaddrinfo", level="should")
async def create_connection_idna_label_too_long(loop, patience):
    """create_connection() raises UnicodeError for a host with a label of more than 63 characters."""
    with refuses(UnicodeError, "create_connection() to a label of 64 characters"):
        await entered(client(loop, patience, "a" * 64 + ".test", 80))


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("own-names",))
def create_connection_resolves_names(resolving, patience):
    """create_connection() connects to an address that its host has."""

    async def body(loop, names):
        with socket.create_server(("127.0.0.2", 0)) as listener:
            listener.settimeout(patience)
            return await reaches(listener, client(loop, patience, "named.test", listener.getsockname()[1]))

    assert resolving({"named.test": ("127.0.0.2",)}, body)


@check("asyncio-eventloop#asyncio.loop.sock_connect", needs=("own-names",))
def sock_connect_resolves_names(resolving, patience):
    """sock_connect() connects to an address that the host in its address has."""

    async def body(loop, names):
        with socket.create_server(("127.0.0.2", 0)) as listener, plain_socket() as sock:
            address = ("named.test", listener.getsockname()[1])
            await soon(loop.sock_connect(sock, address), patience, "sock_connect() returns")
            return sock.getpeername()[0]

    assert resolving({"named.test": ("127.0.0.2",)}, body) == "127.0.0.2"


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("own-names",))
def create_datagram_resolves_names(resolving, patience):
    """create_datagram_endpoint() binds to an address that the host of local_addr has, and sends to remote_addr's."""

    async def body(loop, names):
        with receiver(patience) as peer:
            async with endpoint(loop, patience, local_addr=("source.test", 0)) as transport:
                transport.sendto(b"from there", peer.getsockname())
                sender = peer.recvfrom(100)[1][0]
            async with endpoint(loop, patience, remote_addr=("peer.test", peer.getsockname()[1])) as transport:
                transport.sendto(b"to there")
                return sender, peer.recvfrom(100)[0]

    table = {"source.test": ("127.0.0.2",), "peer.test": ("127.0.0.1",)}
    assert resolving(table, body) == ("127.0.0.2", b"to there")


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("own-names",))
def create_connection_resolves_local_addr(resolving, patience):
    """create_connection() looks up the host of local_addr."""

    async def body(loop, names):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await entered(client(loop, patience, *listener.getsockname(), local_addr=("source.test", 0)))
            peer, address = listener.accept()
            peer.close()
            return address[0]

    assert resolving({"source.test": ("127.0.0.2",)}, body) == "127.0.0.2"


@check("asyncio-eventloop#asyncio.loop.create_server", needs=("own-names",))
def create_server_binds_every_address(resolving, patience):
    """create_server() listens on every address that its host has."""

    async def body(loop, names):
        return sorted(address[0] for address in await entered(server(loop, patience, "two.test")))

    assert resolving({"two.test": ("127.0.0.1", "127.0.0.2")}, body) == ["127.0.0.1", "127.0.0.2"]


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("own-names", "ipv6"))
def create_connection_zone(resolving, patience):
    """create_connection() connects to a link-local host with a zone, through the interface that the zone names."""

    async def body(loop, names):
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind((LINK_LOCAL, 0, 0, zone_of_link_local()))
            listener.listen()
            listener.settimeout(patience)
            return await reaches(listener, client(loop, patience, f"{LINK_LOCAL}%lo", listener.getsockname()[1]))

    assert resolving({}, body)


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should", needs=("own-names", "ipv6"))
def create_server_zone(resolving, patience):
    """create_server() listens on a link-local host with a zone, on the interface that the zone names."""

    async def body(loop, names):
        index = zone_of_link_local()
        addresses = await entered(server(loop, patience, f"{LINK_LOCAL}%lo"))
        return [(host.partition("%")[0], zone == index) for host, _, _, zone in addresses]

    assert resolving({}, body) == [(LINK_LOCAL, True)]


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_connect", level="should", needs=("own-names", "ipv6")
)
def sock_connect_keeps_scope_id(resolving, patience):
    """sock_connect() to an IPv6 address of four fields keeps the fourth: the interface of a link-local address.

    aiohappyeyeballs, and so aiohttp, connects in this way to what getaddrinfo() gave.
    """

    async def body(loop, names):
        with socket.socket(socket.AF_INET6) as listener, plain_socket(family=socket.AF_INET6) as sock:
            listener.bind((LINK_LOCAL, 0, 0, zone_of_link_local()))
            listener.listen()
            await soon(loop.sock_connect(sock, listener.getsockname()), patience, "sock_connect() returns")
            return sock.getpeername()[3] == listener.getsockname()[3] == zone_of_link_local()

    assert resolving({}, body)


# Several addresses


def free_on_both_families(listening):
    """A socket that listens on one loopback address, and one that only has the same port on the other."""
    others = {socket.AF_INET: socket.AF_INET6, socket.AF_INET6: socket.AF_INET}
    hosts = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
    while True:
        near, far = socket.socket(listening), socket.socket(others[listening])
        try:
            near.bind((hosts[listening], 0))
            far.bind((hosts[others[listening]], near.getsockname()[1]))
        except OSError:
            near.close()
            far.close()
            continue
        near.listen()
        return near, far


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_connection", level="should", needs=("ipv6",))
async def none_host_is_loopback_for_clients(loop, patience):
    """create_connection() to the host None finds who listens on either loopback address, though the other refuses."""
    connected = []
    for family in (socket.AF_INET, socket.AF_INET6):
        near, far = free_on_both_families(family)
        near.settimeout(patience)
        with near, far:
            connected.append(await reaches(near, client(loop, patience, None, near.getsockname()[1])))

    assert connected == [True, True]


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("own-names",))
def resolution_order_is_attempt_order(resolving, patience):
    """create_connection() tries the addresses of a host one after the other, in the order of getaddrinfo()."""

    async def body(loop, names):
        with socket.create_server(("127.0.0.2", 0)) as second:
            second.settimeout(patience)
            port = second.getsockname()[1]
            with socket.create_server(("127.0.0.4", port)):
                connected = await reaches(second, client(loop, patience, "three.test", port))
        order = [entry[4][0] for entry in socket.getaddrinfo("three.test", 1, type=STREAM)]
        return order, connected

    order, connected = resolving({"three.test": ("127.0.0.4", "127.0.0.2", "127.0.0.1")}, body)

    assert order == ["127.0.0.1", "127.0.0.2", "127.0.0.4"]
    assert connected, "nobody listens on 127.0.0.1, and 127.0.0.2 comes before 127.0.0.4; it was not connected to"


# Look-ups that fail


async def nothing(*ignored, **options):
    """A look-up that finds nothing, and does not say so."""
    return []


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_connection", level="should")
def create_connection_empty_result_is_oserror(replacing, patience):
    """create_connection() raises OSError when getaddrinfo() returns an empty list."""
    loop, _ = replacing(nothing)

    with refuses(OSError, "create_connection() to a host without addresses"):
        run_coroutine(loop, entered(client(loop, patience, "nowhere", 9, flags=socket.AI_NUMERICHOST)))


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_server", level="should")
def create_server_empty_result_is_oserror(replacing, patience):
    """create_server() raises OSError when getaddrinfo() returns an empty list."""
    loop, _ = replacing(nothing)

    with refuses(OSError, "create_server() on a host without addresses"):
        run_coroutine(loop, entered(server(loop, patience, "nowhere", flags=socket.AI_NUMERICHOST)))


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should")
def create_datagram_empty_result_is_oserror(replacing, patience):
    """create_datagram_endpoint() raises OSError when getaddrinfo() returns an empty list."""
    loop, _ = replacing(nothing)

    with refuses(OSError, "create_datagram_endpoint() on a host without addresses"):
        run_coroutine(loop, entered(endpoint(loop, patience, local_addr=("nowhere", 0), flags=socket.AI_NUMERICHOST)))


@check("asyncio-eventloop#asyncio.loop.create_connection")
async def create_connection_flags_reach_lookup(loop, listener, patience):
    """create_connection() gives its flags to the look-up: with AI_NUMERICHOST no name is found."""
    port = listener.getsockname()[1]

    answer = await outcome(entered(client(loop, patience, "localhost", port, flags=socket.AI_NUMERICHOST)))

    assert answer == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.create_server")
async def create_server_flags_reach_lookup(loop, patience):
    """create_server() gives its flags to the look-up: with AI_NUMERICHOST no name is found."""
    answer = await outcome(entered(server(loop, patience, "localhost", flags=socket.AI_NUMERICHOST)))

    assert answer == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
async def create_datagram_flags_reach_lookup(loop, patience):
    """create_datagram_endpoint() gives its flags to the look-up: with AI_NUMERICHOST no name is found."""
    answer = await outcome(entered(endpoint(loop, patience, local_addr=("localhost", 0), flags=socket.AI_NUMERICHOST)))

    assert answer == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.create_connection", needs=("own-names",))
def create_connection_gaierror_propagates(resolving, patience):
    """create_connection() raises the gaierror of its look-up, with EAI_NONAME for a name that does not exist."""

    async def body(loop, names):
        return await outcome(entered(client(loop, patience, "missing.test", 9)))

    assert resolving({}, body) == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.create_server", needs=("own-names",))
def create_server_gaierror_propagates(resolving, patience):
    """create_server() raises the gaierror of its look-up, with EAI_NONAME for a name that does not exist."""

    async def body(loop, names):
        return await outcome(entered(server(loop, patience, "missing.test")))

    assert resolving({}, body) == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint", needs=("own-names",))
def create_datagram_gaierror_propagates(resolving, patience):
    """create_datagram_endpoint() raises the gaierror of its look-up, with EAI_NONAME for a name that does not exist."""

    async def body(loop, names):
        return await outcome(entered(endpoint(loop, patience, remote_addr=("missing.test", 9))))

    assert resolving({}, body) == ("gaierror", "EAI_NONAME")


@check("asyncio-eventloop#asyncio.loop.sock_connect", needs=("own-names",))
def sock_connect_gaierror_propagates(resolving):
    """sock_connect() raises the gaierror of its look-up, with EAI_NONAME for a name that does not exist."""

    async def body(loop, names):
        with plain_socket() as sock:
            return await outcome(loop.sock_connect(sock, ("missing.test", 9)))

    assert resolving({}, body) == ("gaierror", "EAI_NONAME")


@check("Lib/asyncio/base_events.py: _ipaddr_info", level="should")
async def service_name_goes_to_resolver(loop, patience):
    """create_connection() looks up the name of a service also for a numeric host, and raises gaierror if it fails."""
    answer = await outcome(entered(client(loop, patience, "127.0.0.1", NO_SUCH_SERVICE)))

    assert answer == by_socket("127.0.0.1", NO_SUCH_SERVICE, type=STREAM)


# Look-ups that are cancelled


NOT_CANCELLED = "the task was not cancelled before the name server had answered"

SLOW = {"slow.test": Answer(("127.0.0.1",), held=True)}


async def is_cancelled(loop, names, patience, coroutine):
    """Cancel a call while it waits for "slow.test"; whether it ended so."""
    task = asyncio.ensure_future(coroutine)
    await threaded(names.question, "slow.test")
    task.cancel()
    await asyncio.wait({task}, timeout=patience)
    return task.cancelled()


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_connection", level="should", needs=("own-names",))
def create_connection_cancel_while_resolving(resolving, patience):
    """A create_connection() that is cancelled during its look-up ends at once, without an answer."""

    async def body(loop, names):
        return await is_cancelled(loop, names, patience, loop.create_connection(watcher, "slow.test", 9))

    assert resolving(SLOW, body), NOT_CANCELLED


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_server", level="should", needs=("own-names",))
def create_server_cancel_while_resolving(resolving, patience):
    """A create_server() that is cancelled during its look-up ends at once, without an answer."""

    async def body(loop, names):
        return await is_cancelled(loop, names, patience, loop.create_server(watcher, "slow.test", 0))

    assert resolving(SLOW, body), NOT_CANCELLED


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_datagram_endpoint", level="should", needs=("own-names",))
def create_datagram_cancel_while_resolving(resolving, patience):
    """A create_datagram_endpoint() that is cancelled during its look-up ends at once, without an answer."""

    async def body(loop, names):
        return await is_cancelled(
            loop, names, patience, loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("slow.test", 0))
        )

    assert resolving(SLOW, body), NOT_CANCELLED


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.sock_connect", level="should", needs=("own-names",))
def sock_connect_cancel_while_resolving(resolving, patience):
    """A sock_connect() that is cancelled during its look-up ends at once, without an answer."""

    async def body(loop, names):
        with plain_socket() as sock:
            return await is_cancelled(loop, names, patience, loop.sock_connect(sock, ("slow.test", 9)))

    assert resolving(SLOW, body), NOT_CANCELLED


also_in(
    {
        "debug": (
            getaddrinfo_matches_socket,
            getaddrinfo_unknown_service,
            getnameinfo_basic,
            getaddrinfo_does_not_block,
            create_connection_flags_reach_lookup,
            create_server_flags_reach_lookup,
            create_datagram_flags_reach_lookup,
            sock_connect_gaierror_propagates,
        ),
        "other-thread": (
            getaddrinfo_matches_socket,
            getnameinfo_basic,
            getaddrinfo_does_not_block,
            create_connection_legacy_numeric_forms,
        ),
        "runner": (getaddrinfo_matches_socket, getaddrinfo_concurrent),
        "eager-tasks": (getaddrinfo_matches_socket,),
        "python-tasks": (getaddrinfo_matches_socket, getaddrinfo_cancel, create_connection_legacy_numeric_forms),
        "second-loop": (getaddrinfo_matches_socket,),
    }
)
