"""What a loop and its objects are: the methods they have, the classes they belong to, what they say of themselves.

Whether an argument has its effect is for the areas of the methods; here is only whether it may be given.
"""

import asyncio
import contextlib
import inspect
import os
import socket
import subprocess
import sys
import weakref

import loopcheck.kit.spawning  # the tool "spawn"
import loopcheck.kit.surroundings  # noqa: F401  # the tool "background_python"
from loopcheck.basics import CONNECTS, OPENS_DATAGRAM_ENDPOINTS, SERVES, SERVES_UNIX, STARTS_CHILDREN
from loopcheck.check import also_in, check, untested
from loopcheck.kit import (
    DatagramWatcher,
    PipeWatcher,
    StreamWatcher,
    SubprocessWatcher,
    pass_turns,
    run_coroutine,
    soon,
    turn,
)
from loopcheck.kit.channels import fill
from loopcheck.kit.net import Watchers, closing, datagrams, reading_pipe, serving, within

METHODS = tuple(sorted(name for name in vars(asyncio.AbstractEventLoop) if not name.startswith("_")))
"""The public methods of the running Python's AbstractEventLoop."""


def nothing():
    return None


def public_methods(kind):
    """The names of the public methods of a class, with those that it inherits."""
    return sorted(name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name)))


def lacking(thing, kind):
    """The public methods of the class that a thing does not have."""
    return [name for name in public_methods(kind) if not callable(getattr(thing, name, None))]


def refused(loop, name, *forms):
    """Which of these calls the method's signature does not take; each form is a tuple and a dict of arguments.

    A method that tells no signature refuses nothing: whether it takes arguments shows where they have an effect.
    """
    method = getattr(loop, name, None)
    if method is None:
        return [f"there is no {name}()"]
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        return []
    return [complaint for form in forms if (complaint := unbound(signature, name, *form))]


def unbound(signature, name, arguments, options):
    """What is wrong with a call, or None."""
    try:
        signature.bind(*arguments, **options)
    except TypeError as error:
        return f"{name}(): {error}"
    return None


def by_name(*names):
    """Forms of a call in which each of these arguments is given by name, one in each."""
    return [((nothing,), {name: None}) for name in names]


@contextlib.asynccontextmanager
async def child(loop, patience, program="import sys; sys.stdin.read()"):
    """A child process that ends with its input; the block gets the transport and the protocol."""
    making = loop.subprocess_exec(
        lambda: SubprocessWatcher(nothing), sys.executable, "-S", "-c", program, stdout=None, stderr=None
    )
    transport, protocol = await soon(making, patience, "subprocess_exec() returns")
    async with closing([protocol], patience):
        yield transport, protocol


# the loop's methods


@check("Lib/asyncio/events.py: AbstractEventLoop")
def all_abstract_methods_present(loop):
    """The loop has every public method of the running Python's AbstractEventLoop.

    Libraries call them without asking; what a loop does not support raises NotImplementedError.
    """
    missing = [name for name in METHODS if not callable(getattr(loop, name, None))]

    assert missing == [], "methods of AbstractEventLoop that the loop does not have"


@check("Lib/asyncio/events.py: AbstractEventLoop")
def all_abstract_methods_implemented(loop):
    """The loop has an implementation of its own of every public method of AbstractEventLoop.

    That class's own methods raise NotImplementedError. On Windows asyncio's loops lack some, on POSIX none.
    """
    abstract = vars(asyncio.AbstractEventLoop)
    missing = [name for name in METHODS if getattr(type(loop), name, None) is abstract[name]]

    assert missing == [], "methods that the loop only inherits from AbstractEventLoop"


LAPSES = (AttributeError, ImportError, NameError, TypeError)
"""What a method that its author has forgotten, or only half written, raises."""


async def lapse(call, patience):
    """What a call raises that says that the method is not there, or None for any other outcome."""
    try:
        made = call()
        if inspect.isawaitable(made):
            await soon(made, patience, "a method ends")
    except LAPSES as error:
        return repr(error)
    except Exception:
        return None
    return None


@check("Lib/asyncio/events.py: AbstractEventLoop", level="should", needs=("posix", "unix-sockets"))
async def unsupported_raises_not_implemented(loop, folder, socketpair, patience):
    """A method that the loop does not support raises NotImplementedError, not AttributeError, TypeError or the like.

    Frameworks that have another way catch just that.
    """
    near, far = socketpair
    far.send(b"some bytes")
    missing = os.path.join(folder, "missing", "name")
    watcher = Watchers(StreamWatcher, nothing)
    process = Watchers(SubprocessWatcher, nothing)
    calls = {
        "create_unix_connection": lambda: loop.create_unix_connection(watcher, missing),
        "create_unix_server": lambda: loop.create_unix_server(watcher, missing),
        "sock_recvfrom": lambda: loop.sock_recvfrom(near, 1),
        "sock_recvfrom_into": lambda: loop.sock_recvfrom_into(near, bytearray(1)),
        "sock_recv_into": lambda: loop.sock_recv_into(near, bytearray(1)),
        "subprocess_exec": lambda: loop.subprocess_exec(process, missing, stdin=None, stdout=None, stderr=None),
        "add_reader": lambda: (loop.add_reader(far.fileno(), nothing), loop.remove_reader(far.fileno())),
        "add_writer": lambda: (loop.add_writer(far.fileno(), nothing), loop.remove_writer(far.fileno())),
        "shutdown_asyncgens": lambda: loop.shutdown_asyncgens(),
        "shutdown_default_executor": lambda: loop.shutdown_default_executor(),
    }
    lapses = {name: await lapse(call, patience) for name, call in calls.items()}

    assert {name: error for name, error in lapses.items() if error} == {}


# how they may be called


@check("asyncio-eventloop#scheduling-callbacks")
async def signature_scheduling(loop, trace, patience):
    """call_soon(), call_later(), call_at(), call_soon_threadsafe() and run_in_executor() take a callback's arguments.

    The first four also take the keyword context, which may be None.
    """
    loop.call_soon(trace, "call_soon", 1, context=None)
    loop.call_soon_threadsafe(trace, "call_soon_threadsafe", 1, context=None)
    loop.call_later(0, trace, "call_later", 1, context=None)
    loop.call_at(loop.time(), trace, "call_at", 1, context=None)
    await soon(loop.run_in_executor(None, trace, "run_in_executor", 1), patience, "run_in_executor() ends")
    await soon(asyncio.sleep(0.002), patience, "sleep() ends")
    await soon(loop.shutdown_default_executor(), patience, "shutdown_default_executor() returns")

    names = ("call_at", "call_later", "call_soon", "call_soon_threadsafe", "run_in_executor")
    assert sorted(trace) == [(name, 1) for name in names]


@check("asyncio-eventloop#asyncio.loop.create_task")
async def signature_create_task(loop, patience):
    """create_task() takes the keywords name and context, either of which may be None."""

    async def program():
        return "result"

    tasks = [
        loop.create_task(program()),
        loop.create_task(program(), name=None, context=None),
        loop.create_task(program(), name="mine"),
    ]

    assert await soon(asyncio.gather(*tasks), patience, "three tasks end") == ["result"] * 3


@check("asyncio-eventloop#asyncio.loop.create_task", python=">=3.14")
async def signature_create_task_kwargs(loop, trace, patience):
    """create_task() takes eager_start, and starts the task at once if it is true."""

    async def program():
        trace("first step")

    task = loop.create_task(program(), eager_start=True)
    trace("create_task() returned")
    await soon(task, patience, "the task ends")

    assert trace == ["first step", "create_task() returned"]


@check("asyncio-eventloop#asyncio.loop.create_connection")
def signature_create_connection(loop):
    """create_connection() takes each of its documented arguments by name."""
    forms = by_name(
        "host",
        "port",
        "ssl",
        "family",
        "proto",
        "flags",
        "sock",
        "local_addr",
        "server_hostname",
        "ssl_handshake_timeout",
        "ssl_shutdown_timeout",
        "happy_eyeballs_delay",
        "interleave",
    )

    assert refused(loop, "create_connection", *forms, ((nothing, "host", 1), {})) == []


@check("asyncio-eventloop#asyncio.loop.create_connection", python=">=3.12")
def signature_create_connection_all_errors(loop):
    """create_connection() takes the keyword all_errors."""
    assert refused(loop, "create_connection", *by_name("all_errors")) == []


@check("asyncio-eventloop#asyncio.loop.create_server")
def signature_create_server(loop):
    """create_server() takes each of its documented arguments by name."""
    forms = by_name(
        "host",
        "port",
        "family",
        "flags",
        "sock",
        "backlog",
        "ssl",
        "reuse_address",
        "reuse_port",
        "ssl_handshake_timeout",
        "ssl_shutdown_timeout",
        "start_serving",
    )

    assert refused(loop, "create_server", *forms, ((nothing, "host", 1), {})) == []


@check("asyncio-eventloop#asyncio.loop.create_server", python=">=3.13")
def signature_create_server_keep_alive(loop):
    """create_server() takes the keyword keep_alive."""
    assert refused(loop, "create_server", *by_name("keep_alive")) == []


@check("asyncio-eventloop#asyncio.loop.create_unix_server", needs=("unix-sockets",))
def signature_unix(loop):
    """create_unix_connection() and create_unix_server() take each of their documented arguments by name."""
    both = ("path", "sock", "ssl", "ssl_handshake_timeout", "ssl_shutdown_timeout")
    connection = by_name(*both, "server_hostname")
    server = by_name(*both, "backlog", "start_serving")
    complaints = [
        *refused(loop, "create_unix_connection", *connection, ((nothing, "path"), {})),
        *refused(loop, "create_unix_server", *server, ((nothing, "path"), {})),
    ]

    assert complaints == []


@check("asyncio-eventloop#asyncio.loop.create_unix_server", python=">=3.13", needs=("unix-sockets",))
def signature_unix_cleanup_socket(loop):
    """create_unix_server() takes the keyword cleanup_socket."""
    assert refused(loop, "create_unix_server", *by_name("cleanup_socket")) == []


@check("asyncio-eventloop#tls-upgrade")
def signature_tls_and_files(loop):
    """connect_accepted_socket(), start_tls(), sendfile() and sock_sendfile() take each of their documented arguments.

    By name what is keyword-only, offset and count also by position.
    """
    times = {"ssl_handshake_timeout": None, "ssl_shutdown_timeout": None}
    complaints = [
        *refused(loop, "connect_accepted_socket", ((nothing, "sock"), {"ssl": None, **times})),
        *refused(loop, "start_tls", ((1, 2, 3), {"server_side": False, "server_hostname": None, **times})),
        *refused(loop, "sendfile", ((1, 2), {}), ((1, 2, 0, None), {"fallback": True})),
        *refused(loop, "sock_sendfile", ((1, 2), {}), ((1, 2, 0, None), {"fallback": True})),
        *refused(loop, "sendfile", ((1, 2), {"offset": 0, "count": None})),
        *refused(loop, "sock_sendfile", ((1, 2), {"offset": 0, "count": None})),
    ]

    assert complaints == []


@check("asyncio-eventloop#asyncio.loop.create_datagram_endpoint")
def signature_datagram(loop):
    """create_datagram_endpoint() takes each of its documented arguments by name, the addresses also by position."""
    names = ("local_addr", "remote_addr", "family", "proto", "flags", "reuse_port", "allow_broadcast", "sock")

    assert refused(loop, "create_datagram_endpoint", *by_name(*names), ((nothing, None, None), {})) == []


@check("asyncio-eventloop#working-with-socket-objects-directly")
def signature_socket_methods(loop):
    """The sock_ methods, getaddrinfo() and getnameinfo() take their documented arguments."""
    look_up = {"family": 0, "type": 0, "proto": 0, "flags": 0}
    complaints = [
        *refused(loop, "sock_recv", ((1, 2), {})),
        *refused(loop, "sock_recv_into", ((1, 2), {})),
        *refused(loop, "sock_recvfrom", ((1, 2), {})),
        *refused(loop, "sock_recvfrom_into", ((1, 2), {}), ((1, 2, 3), {}), ((1, 2), {"nbytes": 0})),
        *refused(loop, "sock_sendall", ((1, 2), {})),
        *refused(loop, "sock_sendto", ((1, 2, 3), {})),
        *refused(loop, "sock_connect", ((1, 2), {})),
        *refused(loop, "sock_accept", ((1,), {})),
        *refused(loop, "getaddrinfo", ((1, 2), {}), ((1, 2), look_up)),
        *refused(loop, "getnameinfo", ((1,), {}), ((1, 0), {}), ((1,), {"flags": 0})),
    ]

    assert complaints == []


@check("asyncio-eventloop#asyncio.loop.subprocess_exec")
def signature_subprocess(loop):
    """subprocess_exec() and subprocess_shell() take the three streams, and other options of subprocess.Popen."""
    options = {"stdin": None, "stdout": None, "stderr": None, "cwd": "/", "env": {}, "start_new_session": True}
    complaints = [
        *refused(loop, "subprocess_exec", ((nothing, "program"), {}), ((nothing, "program", "argument"), options)),
        *refused(loop, "subprocess_shell", ((nothing, "command"), {}), ((nothing, "command"), options)),
    ]

    assert complaints == []


@check("asyncio-eventloop#asyncio.loop.shutdown_default_executor", python=">=3.12")
def signature_shutdown_default_executor(loop):
    """shutdown_default_executor() takes a timeout, by name and by position."""
    forms = [((), {}), ((1.0,), {}), ((), {"timeout": None})]

    assert refused(loop, "shutdown_default_executor", *forms) == []


# what they return


async def ended(future, patience):
    """The outcome of a task or future: its result, or the exception."""
    await soon(asyncio.wait([future]), patience, "a method ends")
    return future.exception() or future.result()


def coroutine_calls(loop, near, far):
    """Calls of methods that are documented as coroutines, by name; ``far`` has sent something."""
    server = Watchers(StreamWatcher, nothing)
    return {
        "sock_sendall": lambda: loop.sock_sendall(near, b"out"),
        "sock_recv": lambda: loop.sock_recv(near, 10),
        "sock_recv_into": lambda: loop.sock_recv_into(far, bytearray(10)),
        "getaddrinfo": lambda: loop.getaddrinfo("127.0.0.1", 1, type=socket.SOCK_STREAM),
        "create_server": lambda: loop.create_server(server, "127.0.0.1", 0),
        "shutdown_asyncgens": lambda: loop.shutdown_asyncgens(),
        "shutdown_default_executor": lambda: loop.shutdown_default_executor(),
    }


async def scheduled_by(schedule, loop, socketpair, patience):
    """What becomes of each such call when a function makes a task or future of it: a dict of the bad news."""
    near, far = socketpair
    far.send(b"in")
    bad = {}
    for name, call in coroutine_calls(loop, near, far).items():
        made = call()
        try:
            future = schedule(made)
        except TypeError as error:
            bad[name] = f"{type(made).__name__}: {error}"
            future = asyncio.ensure_future(made)
        outcome = await ended(future, patience)
        if isinstance(outcome, Exception):
            bad[name] = repr(outcome)
        if name == "create_server" and not isinstance(outcome, Exception):
            outcome.close()
            await soon(outcome.wait_closed(), patience, "wait_closed() returns")
    return bad


@check("asyncio-eventloop#event-loop-methods", after=SERVES)
async def coroutine_methods_awaitable(loop, socketpair, patience):
    """What the methods documented as coroutines return can be given to asyncio.ensure_future(), and so to wait()."""
    assert await scheduled_by(asyncio.ensure_future, loop, socketpair, patience) == {}


@check("Lib/asyncio/base_events.py: create_task", level="should", after=SERVES)
async def coroutine_methods_create_task(loop, socketpair, patience):
    """What the methods documented as coroutines return can be given to create_task(), which takes coroutines alone.

    Libraries do that to connect, to read or to look up with a time-out.
    """
    assert await scheduled_by(loop.create_task, loop, socketpair, patience) == {}


# servers


@check("Lib/asyncio/events.py: AbstractServer", level="should", after=SERVES)
async def server_isinstance(loop, patience):
    """What create_server() returns is an instance of asyncio.AbstractServer."""
    async with serving(Watchers(StreamWatcher, nothing), patience) as server:
        assert isinstance(server, asyncio.AbstractServer), f"create_server() returned {server!r}"


@check("Lib/asyncio/events.py: AbstractServer", level="should", needs=("unix-connections",), after=SERVES_UNIX)
async def unix_server_isinstance(loop, folder, patience):
    """What create_unix_server() returns is an instance of asyncio.AbstractServer."""
    path = os.path.join(folder, "server")
    async with serving(Watchers(StreamWatcher, nothing), patience, path=path) as server:
        assert isinstance(server, asyncio.AbstractServer), f"create_unix_server() returned {server!r}"


@check("asyncio-eventloop#server-objects", after=SERVES)
async def server_methods(loop, patience):
    """A server has every public method of the running Python's AbstractServer, and can be the subject of async with."""
    async with serving(Watchers(StreamWatcher, nothing), patience) as server:
        missing = lacking(server, asyncio.AbstractServer)
        async with server as entered:
            pass

    assert (missing, entered is server, server.is_serving()) == ([], True, False)


@check("asyncio-eventloop#asyncio.Server.sockets", after=SERVES)
async def server_attributes(loop, patience):
    """A server tells its loop, whether it serves, and its listening sockets, none after close()."""
    async with serving(Watchers(StreamWatcher, nothing), patience, start_serving=False) as server:
        before = (server.get_loop() is loop, server.is_serving(), len(server.sockets))
        await soon(server.start_serving(), patience, "start_serving() returns")
        serving_now = (server.get_loop() is loop, server.is_serving(), len(server.sockets))
        server.close()
        after = (server.get_loop() is loop, server.is_serving(), len(server.sockets))

    assert (before, serving_now, after) == ((True, False, 1), (True, True, 1), (True, False, 0))


@check("Lib/asyncio/base_events.py: Server.sockets", level="should", after=SERVES)
async def server_sockets_transport_sockets(loop, patience):
    """Server.sockets is a tuple of asyncio.trsock.TransportSocket objects."""
    async with serving(Watchers(StreamWatcher, nothing), patience) as server:
        sockets = server.sockets

    assert (type(sockets), {type(one) for one in sockets}) == (tuple, {asyncio.trsock.TransportSocket})


# handles


@check("Lib/asyncio/events.py: Handle", level="should")
def handle_weakrefable(loop):
    """Handles of callbacks and timers can be referenced weakly, and hashed."""
    handles = [loop.call_soon(nothing), loop.call_later(3600, nothing)]
    refused = []
    for handle in handles:
        for attempt in (weakref.ref, hash):
            try:
                attempt(handle)
            except TypeError as error:
                refused.append(str(error))
        handle.cancel()

    assert refused == []


# transports


@check("asyncio-protocol#transports-hierarchy", after=CONNECTS)
async def transport_isinstance(channel):
    """The transport of a stream connection is an instance of asyncio.Transport."""
    async with channel.open() as (transport, _, _):
        assert isinstance(transport, asyncio.Transport), f"the transport is {transport!r}"


@check("asyncio-protocol#transports", after=CONNECTS)
async def transport_methods(channel):
    """The transport of a stream connection has every public method of asyncio.Transport."""
    async with channel.open() as (transport, _, _):
        assert lacking(transport, asyncio.Transport) == []


@check("asyncio-protocol#transports-hierarchy", python=">=3.12", after=OPENS_DATAGRAM_ENDPOINTS)
async def datagram_transport_isinstance(loop, patience):
    """The transport of a datagram endpoint is an instance of asyncio.DatagramTransport.

    On Python 3.11 asyncio's own were only a BaseTransport.
    """
    async with datagrams(lambda: DatagramWatcher(nothing), patience) as protocol:
        assert isinstance(protocol.transport, asyncio.DatagramTransport), f"the transport is {protocol.transport!r}"


@check("asyncio-protocol#datagram-transports", after=OPENS_DATAGRAM_ENDPOINTS)
async def datagram_transport_methods(loop, patience):
    """The transport of a datagram endpoint has every public method of asyncio.DatagramTransport."""
    async with datagrams(lambda: DatagramWatcher(nothing), patience) as protocol:
        assert lacking(protocol.transport, asyncio.DatagramTransport) == []


@contextlib.asynccontextmanager
async def read_pipe(loop, patience):
    """The transport of a pipe that the loop reads."""
    async with reading_pipe(lambda: PipeWatcher(nothing), patience) as (protocol, _):
        yield protocol.transport
        protocol.transport.close()
        await protocol.until("connection_lost", patience)


@contextlib.asynccontextmanager
async def write_pipe(loop, patience):
    """The transport of a pipe to which the loop writes."""
    reading, writing = os.pipe()
    with open(reading, "rb"), open(writing, "wb", buffering=0) as file:
        async with within(patience, "connect_write_pipe() returns"):
            transport, protocol = await loop.connect_write_pipe(lambda: PipeWatcher(nothing), file)
        async with closing([protocol], patience):
            yield transport


@check("asyncio-protocol#transports-hierarchy", needs=("posix",))
async def pipe_transport_isinstance(loop, patience):
    """The transport that connect_read_pipe() returns is an instance of asyncio.ReadTransport."""
    async with read_pipe(loop, patience) as transport:
        assert isinstance(transport, asyncio.ReadTransport), f"the transport is {transport!r}"


@check("asyncio-protocol#read-only-transports", needs=("posix",))
async def pipe_transport_methods(loop, patience):
    """The transport that connect_read_pipe() returns has every public method of asyncio.ReadTransport."""
    async with read_pipe(loop, patience) as transport:
        assert lacking(transport, asyncio.ReadTransport) == []


@check("asyncio-protocol#transports-hierarchy", needs=("posix",))
async def write_pipe_transport_isinstance(loop, patience):
    """The transport that connect_write_pipe() returns is an instance of asyncio.WriteTransport."""
    async with write_pipe(loop, patience) as transport:
        assert isinstance(transport, asyncio.WriteTransport), f"the transport is {transport!r}"


@check("asyncio-protocol#write-only-transports", needs=("posix",))
async def write_pipe_transport_methods(loop, patience):
    """The transport that connect_write_pipe() returns has every public method of asyncio.WriteTransport."""
    async with write_pipe(loop, patience) as transport:
        assert lacking(transport, asyncio.WriteTransport) == []


@check("asyncio-protocol#transports-hierarchy", needs=("posix",), after=STARTS_CHILDREN)
async def subprocess_transport_isinstance(loop, patience):
    """The transport of a child process is an instance of asyncio.SubprocessTransport.

    Takes 10 ms and more: an interpreter must start.
    """
    async with child(loop, patience) as (transport, _):
        assert isinstance(transport, asyncio.SubprocessTransport), f"the transport is {transport!r}"


@check("asyncio-protocol#subprocess-transports", needs=("posix",), after=STARTS_CHILDREN)
async def subprocess_transport_methods(loop, patience):
    """The transport of a child process has every public method of asyncio.SubprocessTransport.

    Takes 10 ms and more: an interpreter must start.
    """
    async with child(loop, patience) as (transport, _):
        assert lacking(transport, asyncio.SubprocessTransport) == []


@check("Lib/asyncio/base_events.py: Server._attach", level="should", after=CONNECTS)
async def transport_weakrefable(channel):
    """The transport of a stream connection can be referenced weakly, and hashed.

    asyncio's own Server keeps its connections so from Python 3.13 on, and servers of others do.
    """
    async with channel.open() as (transport, _, _):
        assert (weakref.ref(transport)() is transport, {transport: 1}[transport]) == (True, 1)


# futures and tasks


@check("asyncio-eventloop#creating-futures-and-tasks")
async def future_task_types(loop, spawn):
    """asyncio.isfuture() is true of what create_future() and create_task() make, and get_loop() of both is the loop.

    While they are pending, and when they are done.
    """
    made = (loop.create_future(), spawn(asyncio.sleep(0)))
    pending = [(asyncio.isfuture(one), one.get_loop() is loop) for one in made]
    made[0].set_result(None)
    await pass_turns(4)
    done = [(asyncio.isfuture(one), one.get_loop() is loop) for one in made]

    assert (pending, done) == ([(True, True)] * 2, [(True, True)] * 2)


@check("Lib/asyncio/base_events.py: create_task", level="should")
async def task_is_asyncio_task(loop, spawn):
    """Without a task factory create_task() makes an asyncio.Task, and create_future() an asyncio.Future."""
    made = (loop.create_future(), spawn(asyncio.sleep(0)))

    assert (isinstance(made[0], asyncio.Future), isinstance(made[1], asyncio.Task)) == (True, True), f"made {made!r}"


@check("asyncio-eventloop#asyncio.loop.create_task")
async def task_names_visible(loop, spawn):
    """The name given to create_task() is in get_name() and repr() of the task, and all_tasks() lists the task."""
    task = spawn(asyncio.sleep(3600), name="the name")
    await pass_turns()

    assert (task.get_name(), "the name" in repr(task), task in asyncio.all_tasks()) == ("the name", True, True)


# what they say of themselves


def unspeakable(**things):
    """Of which of these repr() raises, or returns something else than a text, and what."""
    found = {}
    for name, thing in things.items():
        try:
            if not isinstance(repr(thing), str):
                found[name] = "no text"
        except Exception as error:
            found[name] = repr(error)
    return found


@check("Lib/asyncio/base_events.py: default_exception_handler", level="should")
def reprs_never_raise(loop):
    """repr() works of a loop and of handles: before, during and after a run, cancelled, run and after close().

    Error reports and debug logs consist of them.
    """
    found = {}
    soon_handle, timer = loop.call_soon(nothing), loop.call_later(3600, nothing)
    other = loop.call_soon_threadsafe(nothing)

    def look(when):
        things = {"loop": loop, "handle": soon_handle, "timer": timer, "threadsafe handle": other}
        found.update({f"{name}, {when}": why for name, why in unspeakable(**things).items()})

    look("before a run")
    loop.call_soon(look, "in a run")
    turn(loop)
    timer.cancel()
    look("after a run")
    loop.close()
    look("closed")

    assert found == {}


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__repr__", level="should", after=CONNECTS)
async def reprs_of_transports_never_raise(channel, patience):
    """repr() works of a stream transport that is open, paused, full, closing or lost."""
    found = {}

    def look(when, transport):
        found.update(unspeakable(**{when: transport}))

    async with channel.open(narrow=True, connection_made=lambda protocol: look("made", protocol.transport)) as (
        transport,
        protocol,
        _,
    ):
        look("open", transport)
        transport.pause_reading()
        look("paused", transport)
        transport.resume_reading()
        fill(transport)
        look("full", transport)
        transport.close()
        look("closing", transport)
        transport.abort()
        look("aborted", transport)
        await protocol.until("connection_lost", patience)
        look("lost", transport)

    assert found == {}


@check("Lib/asyncio/selector_events.py: _SelectorTransport.__repr__", level="should", after=SERVES)
async def reprs_of_servers_and_datagrams_never_raise(loop, patience):
    """repr() works of servers and datagram transports, open and closed."""
    found = {}
    async with serving(Watchers(StreamWatcher, nothing), patience) as server:
        found |= unspeakable(server=server)
        async with datagrams(lambda: DatagramWatcher(nothing), patience) as protocol:
            found |= unspeakable(datagram=protocol.transport)
            protocol.transport.sendto(b"x", protocol.transport.get_extra_info("sockname"))
            found |= unspeakable(sending=protocol.transport)
    found |= unspeakable(closed_server=server, closed_datagram=protocol.transport)

    assert found == {}


@check(
    "Lib/asyncio/base_subprocess.py: BaseSubprocessTransport.__repr__",
    level="should",
    needs=("posix",),
    after=STARTS_CHILDREN,
)
async def reprs_of_processes_never_raise(loop, patience):
    """repr() works of the transport of a child process and of its pipes, while it runs and when it has ended."""
    async with child(loop, patience) as (transport, _):
        pipe = transport.get_pipe_transport(0)
        found = unspeakable(process=transport, pipe=pipe)
    found |= unspeakable(ended=transport, closed_pipe=pipe)

    assert found == {}


@check("asyncio-eventloop#asyncio.loop.default_exception_handler", level="should", after=SERVES)
async def default_exception_handler_output(loop, patience, logged):
    """default_exception_handler() logs one record, with the message and the repr() of each object in the context."""
    async with serving(Watchers(StreamWatcher, nothing), patience) as server:
        handle = loop.call_later(3600, nothing)
        future = loop.create_future()
        context = {
            "message": "what happened",
            "future": future,
            "handle": handle,
            "protocol": StreamWatcher(nothing),
            "transport": server,
            "socket": server.sockets[0],
        }
        texts = {key: value if isinstance(value, str) else repr(value) for key, value in context.items()}
        logged.clear()  # in debug mode more is said
        loop.default_exception_handler(context)
        records = [record.getMessage() for record in logged]
        handle.cancel()
        future.cancel()

    assert len(records) == 1
    assert [key for key, text in texts.items() if text not in records[0]] == [], f"not in {records[0]!r}"


@check("Lib/asyncio/base_events.py: run_until_complete", level="may")
def root_task_callback(loop):
    """The main task of run_until_complete() has a done callback by which AnyIO finds it.

    That is asyncio.base_events._run_until_complete_cb, or any of a module named uvloop.loop.
    """

    async def program():
        callbacks = [callback for callback, _ in asyncio.current_task()._callbacks or ()]
        return [
            callback is asyncio.base_events._run_until_complete_cb
            or getattr(callback, "__module__", None) == "uvloop.loop"
            for callback in callbacks
        ]

    assert any(run_coroutine(loop, program())), "AnyIO does not find the root task of this loop by its done callback"


# the call graph


@contextlib.asynccontextmanager
async def waiting(loop, spawn):
    """A task that awaits a coroutine which awaits a future, and a second task that awaits the first."""
    future = loop.create_future()

    async def inner():
        await future

    async def outer():
        await inner()

    async def second():
        await task

    task = spawn(outer(), name="first")
    waiter = spawn(second(), name="second")
    await pass_turns(2)
    yield task, waiter, future
    future.set_result(None)
    await pass_turns(3)


def names_of(graph):
    """The functions on the call stack of a graph, from the innermost outwards."""
    return [entry.frame.f_code.co_name for entry in graph.call_stack]


@check("asyncio-graph#asyncio.capture_call_graph", python=">=3.14")
async def capture_call_graph(loop, spawn):
    """asyncio.capture_call_graph() of a waiting task has its stack, innermost first, and the tasks that await it."""
    async with waiting(loop, spawn) as (task, waiter, _):
        graph = asyncio.capture_call_graph(task)
        seen = (graph.future is task, names_of(graph), [one.future is waiter for one in graph.awaited_by])

    assert seen == (True, ["inner", "outer"], [True])


@check("asyncio-graph#asyncio.capture_call_graph", python=">=3.14")
async def capture_call_graph_of_future(loop, spawn):
    """asyncio.capture_call_graph() of a future of the loop has the tasks that await it, and theirs."""
    async with waiting(loop, spawn) as (task, waiter, future):
        graph = asyncio.capture_call_graph(future)
        direct = [one.future is task for one in graph.awaited_by]
        indirect = [[two.future is waiter for two in one.awaited_by] for one in graph.awaited_by]

    assert (graph.future is future, direct, indirect) == (True, [True], [[True]])


@check("asyncio-graph#asyncio.capture_call_graph", python=">=3.14")
async def capture_call_graph_of_current_task(loop, spawn):
    """Without an argument asyncio.capture_call_graph() is about the current task, from where it is called."""

    async def program():
        return asyncio.capture_call_graph()

    task = spawn(program())
    graph = await task

    assert (graph.future is task, names_of(graph)[:1]) == (True, ["program"])


@check("asyncio-graph#asyncio.format_call_graph", python=">=3.14")
async def format_call_graph(loop, spawn):
    """asyncio.format_call_graph() names the task, the functions on its stack, and the task that awaits it."""
    async with waiting(loop, spawn) as (task, _, _):
        text = asyncio.format_call_graph(task)

    assert [word for word in ("first", "inner", "outer", "second") if word not in text] == [], text


@check("asyncio-graph#asyncio.future_add_to_awaited_by", python=">=3.14", level="should")
async def call_graph_gather(loop, spawn, patience):
    """A task that waits in gather() is among those that await the tasks which it gathers."""
    future = loop.create_future()

    async def inner():
        await future

    async def collector():
        await asyncio.gather(gathered)

    gathered = spawn(inner())
    gatherer = spawn(collector())
    await pass_turns(3)
    futures = []
    waiting = list(asyncio.capture_call_graph(gathered).awaited_by)
    while waiting:
        graph = waiting.pop()
        futures.append(graph.future)
        waiting.extend(graph.awaited_by)
    future.set_result(None)
    await soon(gatherer, patience, "gather() ends")

    assert any(one is gatherer for one in futures)


@check("asyncio-graph#asyncio.capture_call_graph", python=">=3.14")
def call_graph_no_task(loop, trace):
    """In a plain callback asyncio.capture_call_graph() returns None, and format_call_graph() an empty text."""
    loop.call_soon(lambda: trace(asyncio.capture_call_graph()))
    loop.call_soon(lambda: trace(asyncio.format_call_graph()))
    turn(loop)

    assert trace == [None, ""]


_LONG_RUN = """
import asyncio, sys
async def the_coroutine():
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
async def main():
    # asyncio.Task.get_coro() reads what the tools read: the part of a task that asyncio's class has.
    task = asyncio.current_task()
    readable = isinstance(task, asyncio.Task) and asyncio.Task.get_coro(task) is not None
    make = asyncio.create_task if readable else asyncio.Task
    await make(the_coroutine(), name="the-task")
asyncio.run(main(), loop_factory=factory)
"""


@check("asyncio-tools#command-line-options", python=">=3.14", level="should", needs=("posix", "reads-other-processes"))
def asyncio_ps(background_python, patience):
    """python -m asyncio ps and pstree, run from outside, list the tasks of a process that runs the loop.

    Takes half a second: three interpreters start. The tools read asyncio's own tasks, written in C, from the memory of
    the process, and of tasks that a class in Python drives names at most, also on asyncio's own loop. Where
    create_task() makes such tasks, the program makes one as asyncio.Task, and that is judged.
    """
    with background_python(_LONG_RUN) as process:
        ready = process.stdout.readline()
        outputs = [
            subprocess.run(
                [sys.executable, "-m", "asyncio", command, str(process.pid)],
                capture_output=True,
                text=True,
                timeout=10 * patience,
            )
            for command in ("ps", "pstree")
        ]

    assert ready == "ready\n"
    assert [("the-task" in done.stdout, "the_coroutine" in done.stdout) for done in outputs] == [(True, True)] * 2, [
        done.stdout + done.stderr for done in outputs
    ]


untested(
    "windows_selector_style_gaps",
    "asyncio-platforms#windows",
    "On Windows create_unix_connection(), create_unix_server(), add_signal_handler() and remove_signal_handler() "
    "raise NotImplementedError.",
    because="No loop other than asyncio's own is known to run on Windows, and the battery has not been run there.",
)


OF_TRANSPORTS = (transport_isinstance, transport_methods, transport_weakrefable, reprs_of_transports_never_raise)

also_in(
    {
        "debug": (
            all_abstract_methods_present,
            coroutine_methods_awaitable,
            server_methods,
            reprs_never_raise,
            reprs_of_transports_never_raise,
            reprs_of_servers_and_datagrams_never_raise,
            reprs_of_processes_never_raise,
        ),
        "eager-tasks": (coroutine_methods_create_task,),
        "unix-socket": (
            transport_isinstance,
            transport_methods,
            transport_weakrefable,
            reprs_of_transports_never_raise,
        ),
        "accepted-socket": (transport_isinstance,),
        "given-socket": (transport_isinstance,),
        "server-side": (
            transport_isinstance,
            transport_methods,
            transport_weakrefable,
            reprs_of_transports_never_raise,
        ),
    }
)
