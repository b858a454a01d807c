"""Names that resolve as a check says, for any loop, also for one that calls the C library's getaddrinfo() itself.

A loop may resolve names in Python, in C, or with a library of its own; what they share is the machine: /etc and port
53. So the check's body runs in a forked child with user, mount and network namespaces of its own, where /etc/hosts,
/etc/nsswitch.conf and /etc/resolv.conf are ours and a name server of ours answers on 127.0.0.1:53. Nothing outside
that child changes, and the child process that runs the checks is as usable as before.

Without any of that, on any machine:

- ``None`` is a host with two addresses where the machine has IPv6, ::1 and 127.0.0.1;
- the spellings in :data:`UNUSUAL_LOOPBACK` are no addresses to inet_pton(), and so go the way of names;
- ``flags=socket.AI_NUMERICHOST`` with a name is a look-up that fails with EAI_NONAME.

The C library sorts what it is told (RFC 6724): ::1 comes first, then 127.0.0.1, then other addresses by how much they
resemble it, such as 127.0.0.2, 127.0.0.4, 127.0.0.8. Ask for addresses in that order, and that is the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import encodings.idna  # noqa: F401  # or each child would import it anew, at its first look-up
import errno
import os
import pickle
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.ready import readable

UNUSUAL_LOOPBACK = ("127.1", "2130706433", "0x7f.1")
"""127.0.0.1 as the C library's resolver reads it, and inet_pton() does not."""

LINK_LOCAL = "fe80::1"
"""An address of the interface "lo" where names are ours, if the machine has IPv6."""


def zone_of_link_local() -> int:
    """The index of the interface that has LINK_LOCAL, once the kernel lets sockets have that address.

    Raises:
        AssertionError: it does not.
    """
    index = socket.if_nametoindex("lo")
    for _ in range(1000):  # it does so a moment after the address was added
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((LINK_LOCAL, 0, 0, index))
            return index
        time.sleep(0.001)
    raise AssertionError(f"this machine does not let sockets be bound to {LINK_LOCAL}%lo")


@dataclass(frozen=True)
class Answer:
    """What the name server says about one name."""

    addresses: Sequence[str] = ()
    """IPv4 and IPv6 addresses; a name with those of one kind only has no address of the other."""
    alias: str = ""
    """The canonical name, when it is another one; the addresses are that one's."""
    code: int = 0
    """The response code: 2 for a server that fails, 3 for a name that does not exist."""
    held: bool = False
    """Whether the answer is held back until the check calls ``release()``."""


SERVER_FAILS = Answer(code=2)
NO_SUCH_NAME = Answer(code=3)

Table = Mapping[str, Answer | Sequence[str]]
"""What names mean: an answer, or only addresses, by name. What is not in it does not exist."""

_A, _CNAME, _PTR, _AAAA = 1, 5, 12, 28
_ADDRESSES = {_A: socket.AF_INET, _AAAA: socket.AF_INET6}


class NameServer:
    """A name server on 127.0.0.1:53, in a thread.

    Args:
        table: what it knows; addresses are also translated back to the first name that has them.
        patience: how long :meth:`question` waits.
    """

    def __init__(self, table: Table, patience: float) -> None:
        self.asked: list[str] = []
        """The names that were asked for, each once, in the order of the first question."""
        self._table = {
            name: entry if isinstance(entry, Answer) else Answer(tuple(entry)) for name, entry in table.items()
        }
        self._names = {
            _reverse(address): name for name, entry in reversed(self._table.items()) for address in entry.addresses
        }
        self._patience = patience
        self._held: list[tuple[bytes, Any]] = []
        self._released = False
        self._lock = threading.Condition()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True, name="name server").start()

    def question(self, name: str) -> None:
        """Wait until a question for this name has come. Blocks: ``await threaded(server.question, name)`` in a loop.

        Raises:
            AssertionError: none came.
        """
        __tracebackhide__ = True
        with self._lock:
            if not self._lock.wait_for(lambda: name in self.asked, self._patience):
                raise AssertionError(
                    f"within {self._patience:.0f} s the name server was not asked for {name!r}; "
                    f"it was asked for {self.asked}"
                )

    def release(self) -> None:
        """Send the answers that were held back, and hold back no more."""
        with self._lock:
            self._released = True
            held, self._held = self._held, []
        for reply, client in held:
            self._socket.sendto(reply, client)

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            with contextlib.suppress(IndexError, struct.error, UnicodeError):  # no query that we understand
                name, kind, question = _question(query)
                entry = self._entry(name, kind)
                reply = self._reply(query, question, kind, entry)
                with self._lock:
                    if name not in self.asked:
                        self.asked.append(name)
                    self._lock.notify_all()
                    if entry.held and not self._released:
                        self._held.append((reply, client))
                        continue
                self._socket.sendto(reply, client)

    def _entry(self, name: str, kind: int) -> Answer:
        if kind == _PTR:
            return Answer() if name in self._names else NO_SUCH_NAME
        return self._table.get(name, NO_SUCH_NAME)

    def _reply(self, query: bytes, question: bytes, kind: int, entry: Answer) -> bytes:
        owner = b"\xc0\x0c"  # the name of the question
        records: list[bytes] = []
        name = _question(query)[0]
        if kind == _PTR and name in self._names:
            records.append(_record(owner, _PTR, _labels(self._names[name])))
        if entry.alias:
            records.append(_record(owner, _CNAME, _labels(entry.alias)))
            owner, entry = _labels(entry.alias), self._table[entry.alias]
        if kind in _ADDRESSES:
            for address in entry.addresses:
                with contextlib.suppress(OSError):  # it is of the other kind
                    records.append(_record(owner, kind, socket.inet_pton(_ADDRESSES[kind], address)))
        # A response, recursion desired and available; one question, the answers, nothing more.
        return query[:2] + struct.pack("!5H", 0x8180 | entry.code, 1, len(records), 0, 0) + question + b"".join(records)


def _question(query: bytes) -> tuple[str, int, bytes]:
    """The name that a query asks for, the type of the answer, and the question as it stands in the query."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii").lower())
        at += 1 + query[at]
    (kind,) = struct.unpack_from("!H", query, at + 1)
    return ".".join(labels), kind, query[12 : at + 5]


def _labels(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split(".")) + b"\0"


def _record(owner: bytes, kind: int, data: bytes) -> bytes:
    # Class IN, and no second of life in anybody's cache.
    return owner + struct.pack("!HHIH", kind, 1, 0, len(data)) + data


def _reverse(address: str) -> str:
    if ":" in address:
        return ".".join(reversed(socket.inet_pton(socket.AF_INET6, address).hex())) + ".ip6.arpa"
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


_FILES = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "hosts: files dns\nservices: files\n",
    # "search ." or a name that does not exist would be asked for again, with the machine's own domain behind it.
    "resolv.conf": "nameserver 127.0.0.1\nsearch .\noptions timeout:30 attempts:1\n",
}
_CACHES = ("/run/nscd", "/var/run/nscd", "/run/systemd/resolve")
"""Where services listen that the C library may ask before it looks at any file."""

_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000
_SIOCSIFFLAGS, _SIOCSIFADDR, _IFF_UP = 0x8914, 0x8916, 0x1


def _move(folder: str) -> None:
    """Take this process, which must have one thread, into namespaces of its own, with our files in /etc.

    Raises:
        OSError: the machine does not allow it.
    """
    import fcntl

    libc = _libc()

    def call(name: str, *arguments: Any) -> None:
        import ctypes

        if getattr(libc, name)(*arguments) == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)

    try:
        call("unshare", _NEWUSER | _NEWNS | _NEWNET)
    except OSError:
        call("unshare", _NEWNS | _NEWNET)  # root needs no user namespace, where they are switched off
    with _at_the_top(folder):
        # What is mounted from here on stays here.
        call("mount", None, b"/", None, _REC | _PRIVATE, None)
    for name, text in _FILES.items():
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(text)
        # Where there is no such file, the C library does by itself what ours asks for.
        if os.path.exists(f"/etc/{name}"):
            call("mount", os.fsencode(path), os.fsencode(f"/etc/{name}"), None, _BIND, None)
    for cache in filter(os.path.isdir, _CACHES):
        call("mount", b"none", os.fsencode(cache), b"tmpfs", 0, None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        given = socket.inet_pton(socket.AF_INET6, LINK_LOCAL), 64, socket.if_nametoindex("lo")
        fcntl.ioctl(sock, _SIOCSIFADDR, struct.pack("16sIi", *given))


@contextlib.contextmanager
def _at_the_top(folder: str) -> Iterator[None]:
    """In the block "/" is a mount point, which it is not for root in a chroot.

    Source: https://man7.org/linux/man-pages/man2/chroot.2.html, which tells why a chroot does not hold root.
    """
    if _is_listed("/"):
        yield
        return
    before = os.getcwd()
    root = os.open("/", os.O_RDONLY)
    os.chroot(folder)
    os.fchdir(root)  # out of the new root, so that ".." goes on to the very top
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")
    yield
    os.fchdir(root)
    os.close(root)
    os.chroot(".")
    os.chdir(before)


def _is_listed(path: str) -> bool:
    """Whether something is mounted there, as this process sees it."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return any(line.split()[4] == path for line in file)


def _libc() -> Any:
    """The C library.

    Raises:
        OSError: Python has no ctypes, or this is no Linux.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "namespaces are Linux's")
    try:
        import ctypes
    except ImportError:
        raise OSError(errno.ENOSYS, "this Python has no ctypes") from None
    return ctypes.CDLL(None, use_errno=True)


def _elsewhere(folder: str, function: Callable[[], Any], patience: float) -> Any:
    """Call a function in a forked process that has the names to itself; what it returned.

    Raises:
        AssertionError: it raised something, or the process died.
    """
    __tracebackhide__ = True
    _libc()  # imports ctypes, once for all children
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Other threads than this one do not matter: the child has only what this function gives it.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            try:
                _move(folder)
                answer = pickle.dumps((True, function()))
            except BaseException as error:
                name = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
                answer = pickle.dumps((False, f"{name}{error}"))
            with open(writing, "wb", closefd=False) as file:
                file.write(answer)
        finally:
            os._exit(0)

    os.close(writing)
    data, status = b"", None
    deadline = time.monotonic() + patience
    try:
        while readable(reading, timeout=max(0.0, deadline - time.monotonic())):
            chunk = os.read(reading, 65536)
            if not chunk:
                _, status = os.waitpid(child, 0)
                break
            data += chunk
    finally:
        os.close(reading)
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if status is None:
        raise AssertionError(f"within {patience:.0f} s the run of the loop did not end")
    if not data:
        how = (
            f"was ended by {signal.Signals(-code).name}" if (code := os.waitstatus_to_exitcode(status)) < 0 else "died"
        )
        raise AssertionError(f"the process in which the loop ran {how}")
    fine, value = pickle.loads(data)
    if not fine:
        raise AssertionError(value)
    return value


def can_have_own_names() -> bool:
    """Whether this machine lets a process have names of its own: tries it, in a forked child."""
    table = {"probe.test": ("127.0.0.2",)}

    def look() -> Any:
        NameServer(table, 1.0)
        return socket.getaddrinfo("probe.test", 1, type=socket.SOCK_STREAM)[0][4]

    if not hasattr(os, "fork"):
        return False
    try:
        with tempfile.TemporaryDirectory(prefix="lc-") as folder:
            return bool(_elsewhere(folder, look, 5.0) == ("127.0.0.2", 1))
    except (AssertionError, OSError):
        return False


Body = Callable[[asyncio.AbstractEventLoop, NameServer], Awaitable[Any]]


@tool
def resolving(bench: Bench) -> Iterator[Callable[[Table, Body], Any]]:
    """A function that runs a coroutine function where names mean what a table says; needs "own-names".

    ``resolving(table, body)`` runs ``body(loop, server)``, on a fresh loop of the subject, in a forked child, and
    returns what it returned (anything that pickle knows): look there, assert outside. Whatever takes part must be made
    in the body, peers too: the child has a loopback interface of its own. For checks that are ``def``.
    """

    def resolve(table: Table, body: Body) -> Any:
        __tracebackhide__ = True

        def run() -> Any:
            server = NameServer(table, bench.patience)
            loop = bench.factory()
            return loop.run_until_complete(_run(body, loop, server))

        return _elsewhere(bench.tool("folder"), run, 1.5 * bench.patience)

    yield resolve


async def _run(body: Body, loop: asyncio.AbstractEventLoop, server: NameServer) -> Any:
    return await body(loop, server)


Question = tuple[Any, Any, int, int, int, int]
"""What getaddrinfo() was asked: host, port, family, type, proto and flags."""


@tool
def replacing(bench: Bench) -> Iterator[Callable[[Callable[..., Awaitable[Any]]], tuple[Any, list[Question]]]]:
    """A function that makes a loop whose getaddrinfo() is replaced, as programs do that resolve names in their own way.

    ``loop, asked = replacing(answer)``: the loop calls ``answer`` with the arguments of getaddrinfo() and awaits it,
    and ``asked`` is the list of what was asked. For checks that are ``def``. Where no attribute of a loop can be set,
    a class derived from the loop's replaces the method.
    """

    def replace(answer: Callable[..., Awaitable[Any]]) -> tuple[Any, list[Question]]:
        __tracebackhide__ = True
        asked: list[Question] = []

        async def getaddrinfo(
            host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
        ) -> Any:
            asked.append((host, port, family, type, proto, flags))
            return await answer(host, port, family=family, type=type, proto=proto, flags=flags)

        loop = bench.new_loop()
        try:
            loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
        except AttributeError:
            kind = loop.__class__
            try:
                loop = type(kind.__name__, (kind,), {"getaddrinfo": staticmethod(getaddrinfo)})()
            except TypeError as error:
                raise AssertionError(f"a program cannot replace getaddrinfo() of this loop: {error}") from None
            bench.loops.append(loop)
        return loop, asked

    yield replace


async def as_socket_does(host: Any, port: Any, **options: Any) -> Any:
    """The answer of the C library, for replacing(): blocks, so the host must need no network."""
    return socket.getaddrinfo(host, port, **options)


_ERRORS = {
    getattr(socket, name): name for name in sorted(dir(socket), key="EAI_NONAME".__eq__) if name.startswith("EAI_")
}
"""Names of the errors of look-ups; where two share a number, EAI_NONAME it is."""


def error_of(error: Exception) -> tuple[str, ...]:
    """An error, to compare: its class, and the name of its number if it has one, as in ("gaierror", "EAI_NONAME")."""
    kind = type(error).__name__
    if not isinstance(error, OSError):
        return (kind,)
    number = error.errno or 0
    names = _ERRORS if isinstance(error, socket.gaierror) else errno.errorcode
    return (kind, names.get(number, str(error.errno)))


async def outcome(awaitable: Awaitable[Any]) -> Any:
    """What an awaitable returned, or :func:`error_of` what it raised."""
    try:
        return await awaitable
    except Exception as error:
        return error_of(error)
