"""Calls that nobody wrote: generated combinations of arguments, given to the subject and to asyncio's own loop.

A combination is a byte string, and every byte gives one argument; so whoever generates and shortens combinations needs
to know nothing about calls. Compared is what is raised, not which of several faults is found first.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from loopcheck import subject
from loopcheck.kit.bench import HEAVY, Bench, tool
from loopcheck.kit.ports import free_port
from loopcheck.kit.turns import pass_turns
from loopcheck.needs import is_met

HEAVY["raises_unlike"] = "loopcheck.kit.examples"

SIZES = (2, 6)
"""The arguments of a combination."""

Value = tuple[str, Callable[[Bench, ExitStack], Any]]
"""What an argument may be: for people, and what makes it; the stack puts it away."""

Combination = Mapping[str, Value]


@dataclass(frozen=True)
class Arguments:
    """A method, and what its arguments may be."""

    method: str
    values: tuple[tuple[str, Value], ...]
    """Each argument's name with each of its values."""
    call: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], Awaitable[None]]
    """Call the method with these arguments, and undo what it did."""

    def read(self, data: bytes) -> dict[str, Value]:
        """The combination that a byte string says."""
        return dict(self.values[byte % len(self.values)] for byte in data)

    def text(self, combination: Combination) -> str:
        """A combination for people."""
        return f"{self.method}({', '.join(f'{name}={text}' for name, (text, _) in combination.items())})"


Ending = type[BaseException] | None
"""How a call ended: the class of what it raised, or None."""


async def _ending(bench: Bench, arguments: Arguments, combination: Combination) -> Ending:
    before = asyncio.all_tasks()
    with ExitStack() as stack:
        made = {name: make(bench, stack) for name, (_, make) in combination.items()}
        try:
            await asyncio.wait_for(arguments.call(asyncio.get_running_loop(), made), bench.patience)
        except Exception as error:
            return type(error)
        finally:
            # Of several look-ups that fail the first one is told, and the others go on for as long as they take.
            if others := asyncio.all_tasks() - before:
                await asyncio.wait(others, timeout=bench.patience)
            await pass_turns(2)
    return None


@tool
def raises_unlike(bench: Bench) -> Iterator[Callable[..., list[str]]]:
    """A function that searches a combination of arguments for which the subject raises what asyncio's loop does not.

    It returns the call, what asyncio's loop does and what the subject does; nothing if there is none. Where several
    arguments are wrong, the subject may raise for any of them.
    """
    from loopcheck.kit.examples import smallest  # hypothesis takes longer to import than most checks to run

    loop: asyncio.AbstractEventLoop = bench.tool("loop")
    with contextlib.closing(subject.control()) as control:

        def expected(arguments: Arguments, combination: Combination) -> Ending:
            return control.run_until_complete(_ending(bench, arguments, combination))

        def observed(arguments: Arguments, combination: Combination) -> Ending:
            return loop.run_until_complete(_ending(bench, arguments, combination))

        def fair(arguments: Arguments, combination: Combination, seen: type[BaseException]) -> bool:
            some = (
                dict(part)
                for number in range(1, len(combination))
                for part in itertools.combinations(combination.items(), number)
            )
            return any(_is(seen, expected(arguments, part)) for part in some)

        def search(arguments: Arguments, number: int = 80) -> list[str]:
            def differs(data: bytes) -> bool:
                combination = arguments.read(data)
                right, seen = expected(arguments, combination), observed(arguments, combination)
                if right is None or seen is None:
                    return right is not seen
                return not _is(seen, right) and not fair(arguments, combination, seen)

            # Each argument alone comes first: what is wrong with one is told without others around it.
            alone = (bytes([index]) for index in range(len(arguments.values)))
            found = next(filter(differs, alone), None) or smallest(differs, number, SIZES)
            if found is None:
                return []
            combination = arguments.read(found)
            right, seen = expected(arguments, combination), observed(arguments, combination)
            return [arguments.text(combination), f"asyncio: {_told(right)}", f"this loop: {_told(seen)}"]

        yield search


def _is(seen: type[BaseException], right: Ending) -> bool:
    return right is not None and issubclass(seen, right)


def _told(ending: Ending) -> str:
    return "raises nothing" if ending is None else f"raises {ending.__name__}"


# create_server()


def _plain(value: Any) -> Value:
    return repr(value), lambda bench, stack: value


def _socket(text: str, kind: int, *, listening: bool = False) -> Value:
    def make(bench: Bench, stack: ExitStack) -> socket.socket:
        sock = stack.enter_context(socket.socket(socket.AF_INET, kind))
        sock.bind(("127.0.0.1", 0))
        if listening:
            sock.listen()
        return sock

    return text, make


def _each(name: str, values: Sequence[Value]) -> Iterator[tuple[str, Value]]:
    return ((name, value) for value in values)


async def _create_server(loop: asyncio.AbstractEventLoop, arguments: dict[str, Any]) -> None:
    server = await loop.create_server(asyncio.Protocol, **arguments)
    server.close()
    await server.wait_closed()


CREATE_SERVER = Arguments(
    "create_server",
    (
        *_each("host", [_plain(host) for host in ("127.0.0.1", "", None, [], ["127.0.0.1"], ("127.0.0.1",) * 2)]),
        *_each("port", [_plain(port) for port in (0, None, "0", "", "nosuchsvc")]),
        *_each("family", [_plain(family) for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC)]),
        *_each("flags", [_plain(flags) for flags in (0, socket.AI_PASSIVE)]),
        *_each(
            "sock",
            [
                _plain(None),
                _socket("a stream socket", socket.SOCK_STREAM),
                _socket("a listening socket", socket.SOCK_STREAM, listening=True),
                _socket("a datagram socket", socket.SOCK_DGRAM),
            ],
        ),
        *_each("backlog", [_plain(backlog) for backlog in (1, 100)]),
        *_each(
            "ssl",
            [
                _plain(None),
                _plain(True),
                _plain(False),
                ("an SSLContext", lambda bench, stack: bench.tool("tls").server),
            ],
        ),
        *_each("ssl_handshake_timeout", [_plain(timeout) for timeout in (None, 1.0)]),
        *_each("ssl_shutdown_timeout", [_plain(timeout) for timeout in (None, 1.0)]),
        *_each("reuse_address", [_plain(flag) for flag in (None, True, False)]),
        *_each("reuse_port", [_plain(flag) for flag in (None, False)]),
        *_each("start_serving", [_plain(flag) for flag in (True, False)]),
    ),
    _create_server,
)
"""What a program may give create_server(), right and wrong; nothing of which asyncio leaves open what it does."""


# create_connection()


def _pair(bench: Bench, stack: ExitStack) -> socket.socket:
    near, far = socket.socketpair()
    stack.enter_context(near)
    stack.enter_context(far)
    return near


def _connected_datagrams(bench: Bench, stack: ExitStack) -> socket.socket:
    sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sock.connect(("127.0.0.1", 9))
    return sock


def _closed(bench: Bench, stack: ExitStack) -> socket.socket:
    sock = socket.socket()
    sock.close()
    return sock


def _port_of_nobody(bench: Bench, stack: ExitStack) -> int:
    # Without a host the loop tries ::1 as well, where a stranger might listen at the same port.
    return stack.enter_context(free_port("127.0.0.1", *(["::1"] if is_met("ipv6") else [])))


def _port_of_listener(bench: Bench, stack: ExitStack) -> int:
    port = _port_of_nobody(bench, stack)
    stack.enter_context(socket.create_server(("127.0.0.1", port)))
    return port


async def _create_connection(loop: asyncio.AbstractEventLoop, arguments: dict[str, Any]) -> None:
    transport, _ = await loop.create_connection(asyncio.Protocol, **arguments)
    transport.abort()


_HOSTS = [_plain(host) for host in ("127.0.0.1", "127.1", b"127.0.0.1", "", None)]
_FAMILIES = [_plain(family) for family in (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6)]
_TIMEOUTS = [_plain(timeout) for timeout in (None, 0, 1.0)]
_REFUSING = ("a port where nobody listens", _port_of_nobody)

CONNECT = Arguments(
    "create_connection",
    (
        *_each("host", _HOSTS),
        *_each("port", [("a port that listens", _port_of_listener), _REFUSING, _plain(None), _plain("nosuchsvc")]),
        *_each("family", _FAMILIES),
        *_each("proto", [_plain(proto) for proto in (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP)]),
        *_each("flags", [_plain(flags) for flags in (0, socket.AI_NUMERICHOST)]),
        *_each(
            "sock",
            [
                _plain(None),
                ("one of a pair", _pair),
                ("a datagram socket", _connected_datagrams),
                ("a closed socket", _closed),
            ],
        ),
        *_each("local_addr", [_plain(address) for address in (None, ("127.0.0.1", 0), ("127.1", 0), ("::1", 0))]),
        *_each("ssl", [_plain(None), _plain(False)]),
        *_each("server_hostname", [_plain(name) for name in (None, "", "localhost")]),
        *_each("ssl_handshake_timeout", _TIMEOUTS),
        *_each("ssl_shutdown_timeout", _TIMEOUTS),
    ),
    _create_connection,
)
"""What a program may give create_connection() for a plain connection, right and wrong."""

CONNECT_SECURELY = Arguments(
    "create_connection",
    (
        *_each("ssl", [("an SSLContext", lambda bench, stack: bench.tool("tls").client)] * 3),
        *_each("host", [_plain(host) for host in ("127.0.0.1", "127.1", "", None)]),
        *_each("port", [_REFUSING, _plain(None)]),
        *_each("server_hostname", [_plain(name) for name in (None, "", "localhost")]),
        *_each("ssl_handshake_timeout", _TIMEOUTS),
        *_each("ssl_shutdown_timeout", _TIMEOUTS),
        *_each("family", _FAMILIES),
    ),
    _create_connection,
)
"""What a program may give create_connection() for TLS, right and wrong; no peer is there to shake hands with."""

CONNECT_HAPPILY = Arguments(
    "create_connection",
    (
        *_each("host", _HOSTS),
        *_each("port", [("a port that listens", _port_of_listener), _REFUSING]),
        *_each("happy_eyeballs_delay", [_plain(delay) for delay in (None, 0, 0.001, 1)]),
        *_each("interleave", [_plain(number) for number in (None, 0, 1, 2)]),
        *_each("family", _FAMILIES),
        *_each("local_addr", [_plain(address) for address in (("127.0.0.1", 0), ("::1", 0))]),
    ),
    _create_connection,
)
"""What a program may give create_connection() about several addresses."""

ALL_ERRORS = Arguments(
    "create_connection",
    (
        *_each("all_errors", [_plain(flag) for flag in (True, True, False)]),
        *_each("host", _HOSTS),
        *_each("port", [("a port that listens", _port_of_listener), _REFUSING, _plain("nosuchsvc")]),
        *_each("family", _FAMILIES),
        *_each("local_addr", [_plain(address) for address in (("127.0.0.1", 0), ("::1", 0))]),
    ),
    _create_connection,
)
"""What a program may give create_connection() beside all_errors."""
