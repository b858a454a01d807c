"""Unix sockets: create_unix_connection(), create_unix_server(), their arguments, and the socket files they leave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import socket
import ssl
import stat

from loopcheck.basics import CONNECTS_OVER_TLS, CONNECTS_TO_UNIX, SERVES, SERVES_TLS, SERVES_UNIX
from loopcheck.check import also_in, check
from loopcheck.kit import StreamWatcher, pass_turns, refuses, soon
from loopcheck.kit.attempts import answers_to_crowd
from loopcheck.kit.names import error_of, outcome
from loopcheck.kit.net import Watchers, closing, entered, putting_away, reaches
from loopcheck.kit.peers import Peer

AFTER = SERVES_UNIX

UNIX = ("unix-connections",)
TINY = 0.05
"""Seconds: a limit that is meant to be exceeded."""

TOO_LONG = "x" * 200
"""A file name for which there is no room in the address of a socket on any platform."""


def watcher():
    """A protocol that records what is received."""
    return StreamWatcher(lambda: None)


@contextlib.asynccontextmanager
async def client(loop, patience, *arguments, **options):
    """A connection that create_unix_connection() makes; the block gets its transport and protocol."""
    connecting = loop.create_unix_connection(watcher, *arguments, **options)
    transport, protocol = await soon(connecting, patience, "create_unix_connection() returns")
    async with closing([protocol], patience):
        yield transport, protocol


@contextlib.asynccontextmanager
async def server(loop, patience, *arguments, factory=None, **options):
    """A server that create_unix_server() makes; the block gets it. Closed afterwards, with its connections."""
    accepted = Watchers(StreamWatcher, lambda: None) if factory is None else factory
    making = loop.create_unix_server(accepted, *arguments, **options)
    made = await soon(making, patience, "create_unix_server() returns")

    async def close():
        made.close()
        await soon(made.wait_closed(), patience, "wait_closed() returns")

    async with putting_away(close), closing(accepted, patience):
        yield made


async def serves(address, accepted, patience):
    """Whether a server accepts, in its protocol factory, who connects to the address."""
    before = len(accepted)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(address)
        await accepted.nth(before + 1, patience)
        return len(accepted) == before + 1


def connecting_by_socket(address):
    """What connecting a blocking socket to the address does, as outcome() has it."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            return sock.connect(address)
        except OSError as error:
            return error_of(error)


@contextlib.contextmanager
def bound(address):
    """A Unix socket with this address, which does not listen."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(address)
        yield sock


@contextlib.contextmanager
def pair(kind=socket.SOCK_STREAM):
    """Two connected Unix sockets, both blocking."""
    near, far = socket.socketpair(socket.AF_UNIX, kind)
    with near, far:
        yield near, far


def is_open(sock):
    """Whether the socket is still a socket of its process."""
    try:
        return stat.S_ISSOCK(os.fstat(sock.fileno()).st_mode)
    except (OSError, ValueError):
        return False


class PathLike:
    """An object that is a path for os.fspath() alone."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def forms_of(path):
    """The forms that a path may have."""
    return (path, os.fsencode(path), pathlib.Path(path), PathLike(path))


# create_unix_connection()


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=())
async def connection_basic(loop, unix_listener, patience):
    """create_unix_connection() connects to the path, and returns the transport and the protocol of the connection."""
    connecting = loop.create_unix_connection(watcher, unix_listener.getsockname())
    transport, protocol = await soon(connecting, patience, "create_unix_connection() returns")
    async with closing([protocol], patience):
        with Peer(unix_listener.accept()[0], patience) as peer:
            peer.send(b"hello")
            transport.write(b"world")
            await protocol.until("data_received", patience)

            assert (protocol.transport is transport, protocol.data) == (True, b"hello")
            assert await peer.read(5) == b"world"


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_path_forms(loop, unix_listener, patience):
    """The path of create_unix_connection() may be a str, bytes, a pathlib.Path or any object with __fspath__()."""
    forms = forms_of(unix_listener.getsockname())

    connected = [await reaches(unix_listener, client(loop, patience, form)) for form in forms]

    assert connected == [True] * len(forms)


@check(
    "asyncio-eventloop#asyncio.loop.create_unix_connection", needs=(*UNIX, "abstract-sockets"), after=CONNECTS_TO_UNIX
)
async def connection_abstract(loop, folder, patience):
    """create_unix_connection() connects to abstract addresses, which begin with a zero byte, as str and as bytes.

    D-Bus listens on such addresses. A loop that makes a C string of the path cuts it off before the first byte.
    """
    address = f"\0{folder}"
    with bound(address) as listener:
        listener.listen()
        listener.settimeout(patience)

        connected = [await reaches(listener, client(loop, patience, form)) for form in (address, address.encode())]

    assert connected == [True, True]


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_no_path_no_sock(loop, patience):
    """create_unix_connection() raises ValueError without path and without sock."""
    with refuses(ValueError, "create_unix_connection() without path and sock"):
        await entered(client(loop, patience))


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_path_and_sock(loop, unix_listener, patience):
    """create_unix_connection() raises ValueError for a path together with a sock, and leaves that sock open."""
    with pair() as (near, _):
        with refuses(ValueError, "create_unix_connection() with path and sock"):
            await entered(client(loop, patience, unix_listener.getsockname(), sock=near))

        assert is_open(near), "the socket was closed"


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_wrong_sock(loop, patience):
    """create_unix_connection() raises ValueError for a sock that is no Unix stream socket, and leaves it open."""
    with pair(socket.SOCK_DGRAM) as (datagrams, _), socket.socket(socket.AF_INET) as tcp:
        for sock in (tcp, datagrams):
            with refuses(ValueError, f"create_unix_connection() with {sock.family.name}, {sock.type.name}"):
                await entered(client(loop, patience, sock=sock))

        assert [is_open(sock) for sock in (tcp, datagrams)] == [True, True]


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_sock(loop, patience):
    """create_unix_connection() with a connected sock uses that, also if it was a blocking one."""
    with pair() as (near, far):
        async with client(loop, patience, sock=near) as (transport, protocol):
            with Peer(far, patience) as peer:
                peer.send(b"hello")
                await protocol.until("data_received", patience)
                transport.write(b"world")

                assert (protocol.data, await peer.read(5)) == (b"hello", b"world")
                peer.let_go()


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_sock_made_non_blocking(loop, patience):
    """create_unix_connection() makes the sock that it is given non-blocking."""
    with pair() as (near, _), near.dup() as same:
        async with client(loop, patience, sock=near):
            assert not os.get_blocking(same.fileno())


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_keyword_only(loop, unix_listener, patience):
    """All arguments of create_unix_connection() after the path are keyword-only."""
    address = unix_listener.getsockname()
    await entered(client(loop, patience, address, ssl=None))  # no refusal counts where there are no Unix sockets

    with refuses(TypeError, "create_unix_connection() with a third positional argument"):
        await entered(client(loop, patience, address, None))


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_ssl_needs_hostname(loop, unix_listener, patience):
    """create_unix_connection() raises ValueError for ssl without server_hostname: a path names no host."""
    with refuses(ValueError, "create_unix_connection() with ssl and without server_hostname"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        await entered(client(loop, patience, unix_listener.getsockname(), ssl=context))


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_hostname_without_ssl(loop, unix_listener, patience):
    """create_unix_connection() raises ValueError for a server_hostname without ssl, even an empty one."""
    for name in ("localhost", ""):
        with refuses(ValueError, f"create_unix_connection() with server_hostname={name!r} and without ssl"):
            await entered(client(loop, patience, unix_listener.getsockname(), server_hostname=name))


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_timeouts_without_ssl(loop, unix_listener, patience):
    """create_unix_connection() raises ValueError for ssl_handshake_timeout or ssl_shutdown_timeout without ssl."""
    for option in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
        with refuses(ValueError, f"create_unix_connection() with {option} and without ssl"):
            await entered(client(loop, patience, unix_listener.getsockname(), **{option: 10.0}))


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_OVER_TLS)
async def connection_tls(loop, unix_listener, tls, patience):
    """create_unix_connection() with ssl and server_hostname makes a TLS connection."""
    secure = {"ssl": tls.client, "server_hostname": tls.host}
    with Peer.accepting(unix_listener, patience) as peer:
        peer.start_tls(tls.server, server_side=True)
        async with client(loop, patience, unix_listener.getsockname(), **secure) as (transport, _):
            transport.write(b"hello")

            assert await peer.read(5) == b"hello"
            peer.let_go()


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=(*UNIX, "tls"), after=CONNECTS_TO_UNIX)
async def connection_tls_handshake_timeout(loop, unix_listener, tls, patience):
    """ssl_handshake_timeout of create_unix_connection() raises ConnectionAbortedError when the server stays silent."""
    options = {"ssl": tls.client, "server_hostname": tls.host, "ssl_handshake_timeout": TINY}
    with refuses(ConnectionAbortedError, "create_unix_connection() to a silent server"):
        async with client(loop, patience, unix_listener.getsockname(), **options):
            pass


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_missing_path(loop, folder, patience):
    """create_unix_connection() raises FileNotFoundError for a path that does not exist."""
    answer = await outcome(entered(client(loop, patience, f"{folder}/missing")))

    assert answer == ("FileNotFoundError", "ENOENT")


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_refused(loop, folder, patience):
    """create_unix_connection() raises ConnectionRefusedError for a socket file on which nobody listens.

    Clients that wait for a server to start try again for this error and for FileNotFoundError.
    """
    with bound(f"{folder}/stale"):
        pass

    answer = await outcome(entered(client(loop, patience, f"{folder}/stale")))

    assert answer == ("ConnectionRefusedError", "ECONNREFUSED")


@check("asyncio-eventloop#asyncio.loop.create_unix_connection", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_to_regular_file(loop, folder, patience):
    """create_unix_connection() raises the platform's error for a file that is no socket."""
    path = pathlib.Path(folder, "file")
    path.touch()

    answer = await outcome(entered(client(loop, patience, str(path))))

    assert answer == connecting_by_socket(str(path))


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_path_bad_type(loop, patience):
    """create_unix_connection() raises TypeError for a path that is a number."""
    with refuses(TypeError, "create_unix_connection() with the path 5"):
        await entered(client(loop, patience, 5))


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_path_too_long(loop, folder, patience):
    """create_unix_connection() raises OSError for a path that is too long for an address, and never cuts it off."""
    with refuses(OSError, "create_unix_connection() with a path of 200 characters"):
        await entered(client(loop, patience, f"{folder}/{TOO_LONG}"))


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_connection",
    level="should",
    needs=UNIX,
    after=CONNECTS_TO_UNIX,
)
async def connection_failure_closes_socket(loop, folder, patience):
    """A create_unix_connection() that fails leaves no descriptor open."""
    await outcome(entered(client(loop, patience, f"{folder}/missing")))
    await pass_turns(2)
    before = len(os.listdir("/dev/fd"))

    failures = {await outcome(entered(client(loop, patience, f"{folder}/missing"))) for _ in range(5)}
    await pass_turns(2)

    assert (failures, len(os.listdir("/dev/fd")) - before) == ({("FileNotFoundError", "ENOENT")}, 0)


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_extra_info(loop, unix_listener, patience):
    """The transport of a Unix connection has the server's path as peername, and its own, empty name as sockname."""
    async with client(loop, patience, unix_listener.getsockname()) as (transport, _):
        names = transport.get_extra_info("peername"), transport.get_extra_info("sockname")

        assert names == (unix_listener.getsockname(), "")


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", needs=UNIX, after=CONNECTS_TO_UNIX)
async def connection_socket_info(loop, unix_listener, patience):
    """The transport of a Unix connection has a socket of the family AF_UNIX.

    Servers ask it with SO_PEERCRED who has connected.
    """
    async with client(loop, patience, unix_listener.getsockname()) as (transport, _):
        sock = transport.get_extra_info("socket")

        assert (sock.family, sock.getpeername()) == (socket.AF_UNIX, unix_listener.getsockname())


@check("asyncio-protocol#asyncio.Protocol.eof_received", needs=UNIX, after=CONNECTS_TO_UNIX)
async def half_close(loop, unix_listener, patience):
    """A Unix connection whose peer has ended its half is still good for writing, if eof_received() returns True."""

    class Open(StreamWatcher):
        def eof_received(self):
            super().eof_received()
            return True

    with Peer.accepting(unix_listener, patience) as peer:
        making = loop.create_unix_connection(lambda: Open(lambda: None), unix_listener.getsockname())
        transport, protocol = await soon(making, patience, "create_unix_connection() returns")
        async with closing([protocol], patience):
            peer.send(b"hello")
            peer.half_close()
            await protocol.until("eof_received", patience)
            transport.write(b"world")
            transport.write_eof()

            assert (protocol.data, await peer.read_to_end()) == (b"hello", b"world")
            peer.let_go()


# create_unix_server()


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=UNIX)
async def server_basic(loop, folder, patience):
    """create_unix_server() makes a socket file, and calls the protocol factory for each client that connects to it."""
    path, accepted = f"{folder}/server", Watchers(StreamWatcher, lambda: None)

    async with server(loop, patience, path, factory=accepted):
        assert stat.S_ISSOCK(os.stat(path).st_mode)
        assert [await serves(path, accepted, patience) for _ in range(2)] == [True, True]


@check("asyncio-eventloop#asyncio.Server.sockets", needs=UNIX)
async def server_sockets(loop, folder, patience):
    """The server that create_unix_server() returns has one socket, with the path as its name."""
    path = f"{folder}/server"

    async with server(loop, patience, path) as made:
        sockets = [(sock.family, sock.getsockname()) for sock in made.sockets]

    assert sockets == [(socket.AF_UNIX, path)]


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=UNIX)
async def server_path_forms(loop, folder, patience):
    """The path of create_unix_server() may be a str, bytes, a pathlib.Path or any object with __fspath__()."""
    served = []
    for number, form in enumerate(forms_of(f"{folder}/server")):
        accepted = Watchers(StreamWatcher, lambda: None)
        async with server(loop, patience, form, factory=accepted):
            served.append((number, await serves(f"{folder}/server", accepted, patience)))

    assert served == [(number, True) for number in range(4)]


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=(*UNIX, "abstract-sockets"))
async def server_abstract(loop, folder, patience):
    """create_unix_server() listens on abstract addresses, as str and as bytes, and makes no file."""
    name, served = f"\0{folder}/server", []
    for form in (name, name.encode()):
        accepted = Watchers(StreamWatcher, lambda: None)
        async with server(loop, patience, form, factory=accepted):
            served.append(await serves(name, accepted, patience))

    assert (served, os.listdir(folder)) == ([True, True], [])


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_no_path_no_sock(loop, patience):
    """create_unix_server() raises ValueError without path and without sock."""
    with refuses(ValueError, "create_unix_server() without path and sock"):
        await entered(server(loop, patience))


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_path_and_sock(loop, folder, patience):
    """create_unix_server() raises ValueError for a path together with a sock, and leaves that sock open."""
    with bound(f"{folder}/sock") as sock:
        with refuses(ValueError, "create_unix_server() with path and sock"):
            await entered(server(loop, patience, f"{folder}/path", sock=sock))

        assert is_open(sock), "the socket was closed"


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_wrong_sock(loop, patience):
    """create_unix_server() raises ValueError for a sock that is no Unix stream socket, and leaves it open."""
    with pair(socket.SOCK_DGRAM) as (datagrams, _), socket.socket(socket.AF_INET) as tcp:
        for sock in (tcp, datagrams):
            with refuses(ValueError, f"create_unix_server() with {sock.family.name}, {sock.type.name}"):
                await entered(server(loop, patience, sock=sock))

        assert [is_open(sock) for sock in (tcp, datagrams)] == [True, True]


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=UNIX)
async def server_sock(loop, folder, patience):
    """create_unix_server() with a bound sock listens on that."""
    path, accepted = f"{folder}/given", Watchers(StreamWatcher, lambda: None)
    with bound(path) as sock:
        async with server(loop, patience, sock=sock, factory=accepted):
            assert await serves(path, accepted, patience)


@check("Lib/asyncio/base_events.py: BaseEventLoop.create_server", level="should", needs=("unix-sockets",), after=SERVES)
async def create_server_takes_unix_socket(loop, folder, patience):
    """create_server() with a bound Unix socket listens on that.

    uvicorn's --fd and aiohttp's SockSite hand it the socket they were given, of whatever family.
    """
    path, accepted = f"{folder}/given", Watchers(StreamWatcher, lambda: None)
    with bound(path) as sock:
        made = await soon(loop.create_server(accepted, sock=sock), patience, "create_server() returns")
        try:
            async with closing(accepted, patience):
                assert await serves(path, accepted, patience)
        finally:
            made.close()
            await soon(made.wait_closed(), patience, "wait_closed() returns")


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_ssl_bool(loop, folder, patience):
    """create_unix_server() raises TypeError for True or False as ssl, and makes no file."""
    for value in (True, False):
        with refuses(TypeError, f"create_unix_server() with ssl={value}"):
            await entered(server(loop, patience, f"{folder}/server", ssl=value))

    assert os.listdir(folder) == []


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_timeouts_without_ssl(loop, folder, patience):
    """create_unix_server() raises ValueError for ssl_handshake_timeout or ssl_shutdown_timeout without ssl."""
    for option in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
        with refuses(ValueError, f"create_unix_server() with {option} and without ssl"):
            await entered(server(loop, patience, f"{folder}/server", **{option: 10.0}))


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=UNIX, after=SERVES_TLS)
async def server_tls(loop, folder, tls, patience):
    """create_unix_server() with ssl accepts TLS connections."""
    path, accepted = f"{folder}/server", Watchers(StreamWatcher, lambda: None)
    async with server(loop, patience, path, ssl=tls.server, factory=accepted):
        with Peer.connecting(path, patience) as peer:
            await peer.start_tls(tls.client, server_hostname=tls.host)
            peer.send(b"hello")
            protocol = await accepted.nth(1, patience)
            await protocol.until("data_received", patience)

            assert protocol.data == b"hello"
            peer.let_go()


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=(*UNIX, "tls"))
async def server_tls_handshake_timeout(loop, folder, tls, patience):
    """ssl_handshake_timeout of create_unix_server() ends the connection of a client that stays silent."""
    path = f"{folder}/server"
    async with server(loop, patience, path, ssl=tls.server, ssl_handshake_timeout=TINY):
        with Peer.connecting(path, patience) as peer:
            assert await peer.read_to_reset() == b""


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=UNIX)
async def server_start_serving_false(loop, folder, patience):
    """create_unix_server() with start_serving=False makes the file, and refuses clients until start_serving()."""
    path, accepted = f"{folder}/server", Watchers(StreamWatcher, lambda: None)
    async with server(loop, patience, path, start_serving=False, factory=accepted) as made:
        early = connecting_by_socket(path)
        await soon(made.start_serving(), patience, "start_serving() returns")

        assert early == ("ConnectionRefusedError", "ECONNREFUSED")
        assert await serves(path, accepted, patience)


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=UNIX)
async def server_backlog(loop, folder, patience):
    """create_unix_server() lets about as many connections wait as its backlog says."""
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(server(loop, patience, f"{folder}/server", backlog=1))
        waiting = 0
        # Nobody accepts: the loop does not turn meanwhile.
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while waiting < 20:
                sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                sock.setblocking(False)
                sock.connect(made.sockets[0].getsockname())
                waiting += 1

    assert 1 <= waiting <= 4, f"with backlog=1 there was room for {waiting} connections"


@check("asyncio-eventloop#asyncio.loop.create_unix_server", level="should", needs=UNIX, after=())
async def more_than_backlog_are_served(loop, folder, errors, patience):
    """A Unix server serves more clients at once than its backlog says, in the end: who is turned away tries again."""
    path, echo = f"{folder}/server", {"data_received": lambda protocol: protocol.transport.write(protocol.data)}
    factory = Watchers(StreamWatcher, lambda: None, **echo)
    async with server(loop, patience, path, backlog=2, factory=factory):
        served = await answers_to_crowd(path, 12, patience)

        assert (served, errors) == ((True, [b"?"] * 12), [])


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_stale_socket_replaced(loop, folder, patience):
    """create_unix_server() removes a socket file that a former server has left, and binds anew.

    A server that crashed could not be started again without it.
    """
    path, accepted = f"{folder}/server", Watchers(StreamWatcher, lambda: None)
    with bound(path):
        pass

    async with server(loop, patience, path, factory=accepted):
        assert await serves(path, accepted, patience)


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_takes_path_over(loop, unix_listener, patience):
    """create_unix_server() removes a socket file also if somebody still listens there: new clients are its own."""
    path, accepted = unix_listener.getsockname(), Watchers(StreamWatcher, lambda: None)

    async with server(loop, patience, path, factory=accepted):
        assert await serves(path, accepted, patience)


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_existing_file_kept(loop, folder, patience):
    """create_unix_server() raises OSError with EADDRINUSE for a path that is a file or folder, and leaves it alone."""
    file, inner = pathlib.Path(folder, "file"), pathlib.Path(folder, "folder")
    file.write_text("precious")
    inner.mkdir()

    answers = [await outcome(entered(server(loop, patience, str(path)))) for path in (file, inner)]

    assert answers == [("OSError", "EADDRINUSE")] * 2
    assert (file.read_text(), inner.is_dir()) == ("precious", True)


@check(
    "Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server",
    level="should",
    needs=(*UNIX, "abstract-sockets"),
)
async def server_abstract_in_use(loop, folder, patience):
    """create_unix_server() raises OSError with EADDRINUSE for an abstract address that is in use."""
    with bound(f"\0{folder}"):
        answer = await outcome(entered(server(loop, patience, f"\0{folder}")))

    assert answer == ("OSError", "EADDRINUSE")


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_missing_directory(loop, folder, patience):
    """create_unix_server() raises FileNotFoundError for a path in a folder that does not exist."""
    answer = await outcome(entered(server(loop, patience, f"{folder}/missing/server")))

    assert answer == ("FileNotFoundError", "ENOENT")


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX)
async def server_path_too_long(loop, folder, patience):
    """create_unix_server() raises OSError for a path that is too long for an address, and makes no file."""
    with refuses(OSError, "create_unix_server() with a path of 200 characters"):
        await entered(server(loop, patience, f"{folder}/{TOO_LONG}"))

    assert os.listdir(folder) == []


@check("asyncio-eventloop#server-objects", needs=UNIX)
async def server_is_server(loop, folder, patience):
    """The server of create_unix_server() knows its loop, and whether it is serving: no longer once it is closed."""
    async with server(loop, patience, f"{folder}/server") as made:
        before = made.get_loop() is loop, made.is_serving()
        made.close()
        await soon(made.wait_closed(), patience, "wait_closed() returns")

        assert before == (True, True)
        assert not made.is_serving()


@check("Lib/asyncio/base_events.py: Server.sockets", level="should", needs=UNIX)
async def server_has_no_sockets_once_closed(loop, folder, patience):
    """The server of create_unix_server() has no sockets any more once it is closed."""
    made = await entered(server(loop, patience, f"{folder}/server"))

    assert len(made.sockets) == 0


@check("asyncio-eventloop#asyncio.Server.serve_forever", needs=UNIX)
async def server_serve_forever(loop, folder, patience):
    """serve_forever() of a Unix server accepts connections until it is cancelled, and then closes the server."""
    path, accepted = f"{folder}/server", Watchers(StreamWatcher, lambda: None)
    async with server(loop, patience, path, start_serving=False, factory=accepted) as made:
        serving = asyncio.ensure_future(made.serve_forever())
        try:
            await pass_turns(2)
            served = await serves(path, accepted, patience)
            async with closing(accepted, patience):
                pass
        finally:
            serving.cancel()
            await soon(_ended(serving), patience, "a cancelled serve_forever() ends")

        assert (served, made.is_serving()) == (True, False)


async def _ended(task):
    with contextlib.suppress(BaseException):
        await task


@check("asyncio-eventloop#asyncio.Server.close", needs=UNIX)
async def server_close_refuses_clients(loop, folder, patience):
    """Nobody can connect to a Unix server that is closed."""
    path = f"{folder}/server"
    await entered(server(loop, patience, path))

    assert connecting_by_socket(path) is not None


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info", level="should", needs=UNIX)
async def server_accepted_extra_info(loop, folder, patience):
    """A connection that a Unix server accepts has the path as sockname, and an empty peername for a nameless client."""
    path, names = f"{folder}/server", []

    def ask(protocol):
        names.append((protocol.transport.get_extra_info("sockname"), protocol.transport.get_extra_info("peername")))

    accepted = Watchers(StreamWatcher, lambda: None, connection_made=ask)
    async with server(loop, patience, path, factory=accepted):
        await serves(path, accepted, patience)

    assert names == [(path, "")]


# The socket file when the server is closed


@check("asyncio-eventloop#asyncio.loop.create_unix_server", python=">=3.13", needs=UNIX)
async def cleanup_socket_default(loop, folder, patience):
    """A Unix server removes its socket file when it is closed, without being told and with cleanup_socket=True."""
    left = []
    for options in ({}, {"cleanup_socket": True}):
        await entered(server(loop, patience, f"{folder}/server", **options))
        await pass_turns(2)
        left.append(os.listdir(folder))

    assert left == [[], []]


@check("asyncio-eventloop#asyncio.loop.create_unix_server", python=">=3.13", needs=UNIX)
async def cleanup_socket_of_given_sock(loop, folder, patience):
    """A Unix server removes the socket file also of a sock that it was given."""
    with bound(f"{folder}/server") as sock:
        await entered(server(loop, patience, sock=sock))
        await pass_turns(2)

        assert os.listdir(folder) == []


@check("asyncio-eventloop#asyncio.loop.create_unix_server", python=">=3.13", needs=UNIX)
async def cleanup_socket_never_served(loop, folder, patience):
    """A Unix server removes its socket file also if it never served."""
    await entered(server(loop, patience, f"{folder}/server", start_serving=False))
    await pass_turns(2)

    assert os.listdir(folder) == []


@check("asyncio-eventloop#asyncio.loop.create_unix_server", python=">=3.13", needs=UNIX)
async def cleanup_socket_after_async_with(loop, folder, patience):
    """A Unix server removes its socket file at the end of 'async with'."""
    making = loop.create_unix_server(watcher, f"{folder}/server")
    async with await soon(making, patience, "create_unix_server() returns"):
        during = os.listdir(folder)
    await pass_turns(2)

    assert (during, os.listdir(folder)) == (["server"], [])


@check("asyncio-eventloop#asyncio.loop.create_unix_server", python=">=3.13", needs=UNIX)
async def cleanup_socket_false(loop, folder, patience):
    """A Unix server made with cleanup_socket=False leaves its socket file when it is closed.

    A new process that takes over the path would lose it to the old one's end.
    """
    await entered(server(loop, patience, f"{folder}/other"))  # no refusal counts where there are no Unix sockets
    await entered(server(loop, patience, f"{folder}/server", cleanup_socket=False))
    await pass_turns(2)

    assert "server" in os.listdir(folder)


@check("asyncio-eventloop#asyncio.loop.create_unix_server", python=">=3.13", needs=UNIX)
async def cleanup_socket_replaced(loop, folder, patience):
    """A Unix server that is closed leaves a socket file alone that somebody else has put in the place of its own."""
    path = f"{folder}/server"
    async with server(loop, patience, path):
        os.rename(path, f"{folder}/old")  # so that no new file can be taken for it
        with bound(path):
            pass
    await pass_turns(2)

    assert sorted(os.listdir(folder)) == ["old", "server"]


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop._stop_serving", level="should", python=">=3.13", needs=UNIX)
async def cleanup_socket_gone(loop, folder, errors, logged, patience):
    """A Unix server closes without a word if its socket file is gone already."""
    async with server(loop, patience, f"{folder}/server"):
        os.unlink(f"{folder}/server")
    await pass_turns(2)

    records = [record.getMessage() for record in logged if record.levelname == "ERROR"]
    assert (os.listdir(folder), errors, records) == ([], [], [])


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop.create_unix_server", level="should", needs=UNIX, after=())
async def server_sock_without_file(loop, folder, patience):
    """create_unix_server() takes a bound sock whose socket file is gone already, and closes it."""
    with bound(f"{folder}/server") as sock:
        os.unlink(f"{folder}/server")
        async with server(loop, patience, sock=sock) as made:
            serving = made.is_serving()

        assert (serving, sock.fileno()) == (True, -1)


@check("asyncio-eventloop#asyncio.loop.create_unix_server", level="may", python="<3.13", needs=UNIX)
async def no_cleanup_legacy(loop, folder, patience):
    """A Unix server that is closed leaves its socket file.

    A loop that removes it does already what Python 3.13 began with.
    """
    await entered(server(loop, patience, f"{folder}/server"))
    await pass_turns(2)

    assert os.listdir(folder) == ["server"]


also_in(
    {
        "debug": (
            connection_path_forms,
            connection_abstract,
            connection_refused,
            connection_sock,
            server_basic,
            server_sock,
            cleanup_socket_default,
        ),
        "other-thread": (connection_basic, server_basic),
        "runner": (server_basic, cleanup_socket_default),
        "eager-tasks": (connection_basic, server_basic),
        "python-tasks": (connection_basic, server_basic),
        "second-loop": (server_basic,),
    }
)
