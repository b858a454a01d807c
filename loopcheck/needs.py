"""What a check may ask of the machine and of the loop: a closed list, each with a sentence and a probe.

A probe asks the machine, never the subject: whether the subject works is what checks are for.
A check whose need the machine does not meet has the outcome ``unavailable``, with the need's sentence.
What a loop does not offer, its author declares (:mod:`loopcheck.known`), and it must raise NotImplementedError.
"""

from __future__ import annotations

import errno
import functools
import importlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any


@dataclass(frozen=True, slots=True)
class Need:
    """One capability of the machine."""

    name: str
    sentence: str
    """What the machine offers when the need is met, in one sentence."""
    probe: Callable[[], bool]
    """Ask the machine; an OSError means no."""
    remedy: str
    """What to do on a machine that does not meet it."""
    offered: bool = False
    """Whether it is for the loop to offer too, so that its author can decline it."""


def _loopback(family: int, address: str) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((address, 0))
    return True


def _has_unix_sockets() -> bool:
    return hasattr(socket, "AF_UNIX")


def _abstract_sockets() -> bool:
    if not _has_unix_sockets():
        return False
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("")  # Linux finds a free one
        return bytes(sock.getsockname()[:1]) == b"\0"


def _has_tls() -> bool:
    try:
        import ssl
    except ImportError:
        return False
    return ssl.HAS_TLSv1_2 and ssl.HAS_TLSv1_3


def _many_loopback_addresses() -> bool:
    return _loopback(socket.AF_INET, "127.0.0.1") and _loopback(socket.AF_INET, "127.0.0.2")


def _queue_lengths() -> bool:
    from loopcheck.kit.ports import queue_length  # which needs the kit, and the kit needs us

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(7)
        return queue_length(listener.fileno()) == 7


def _no_buffer_space() -> bool:
    from loopcheck.kit.mail import leave_no_room  # which needs the kit, and the kit needs us

    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("::1", 0))
        leave_no_room(other)
        try:
            other.sendto(bytes(65000), one.getsockname())
        except OSError as error:
            return error.errno == errno.ENOBUFS
    return False


def _own_names() -> bool:
    from loopcheck.kit.names import can_have_own_names  # which needs the kit, and the kit needs us

    return can_have_own_names()


def _terminals() -> bool:
    for side in os.openpty():
        os.close(side)
    return True


def _many_descriptors() -> bool:
    try:
        import resource
    except ImportError:
        return False
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return most == resource.RLIM_INFINITY or most >= 2048


def _broadcast() -> bool:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("127.255.255.255", 0))
        other.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        other.sendto(b"x", one.getsockname())
        return bool(select.select([one], [], [], 0)[0])


def _posix_tools() -> bool:
    return os.name == "posix" and all(map(shutil.which, ("sh", "cat", "true", "sleep", "echo", "env", "head")))


def _copies_context_into_threads() -> bool:
    # Free-threaded 3.14 and later start threads in a copy of their creator's context unless told otherwise.
    return bool(getattr(sys.flags, "thread_inherit_context", False))


def _allows_thousands_of_descriptors() -> bool:
    try:
        import resource
    except ImportError:
        return False
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return most == resource.RLIM_INFINITY or most >= 2600


def _reads_other_processes() -> bool:
    # As `python -m asyncio ps` does: a process that is neither its parent nor its child.
    reading, writing = os.pipe()
    read = subprocess.Popen([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=reading)
    try:
        os.close(reading)
        ask = f"open('/proc/{read.pid}/mem', 'rb')"
        done = subprocess.run([sys.executable, "-S", "-c", ask], stderr=subprocess.DEVNULL)
        return done.returncode == 0
    finally:
        os.close(writing)
        read.wait()


def _is_free_threaded() -> bool:
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def _has_subinterpreters() -> bool:
    return interpreters() is not None


def interpreters() -> Any:
    """The running Python's module of subinterpreters, by whatever name; None if it has none."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


_NEEDS = (
    Need(
        "ipv4",
        "The machine has IPv4 on loopback.",
        lambda: _loopback(socket.AF_INET, "127.0.0.1"),
        "bring loopback up: ip link set lo up",
    ),
    Need(
        "ipv6",
        "The machine has IPv6 on loopback.",
        lambda: socket.has_ipv6 and _loopback(socket.AF_INET6, "::1"),
        "switch IPv6 on: sysctl net.ipv6.conf.all.disable_ipv6=0; in Docker: --sysctl net.ipv6.conf.all.disable_ipv6=0",
    ),
    Need(
        "many-loopback-addresses",
        "The machine has more than one IPv4 address on loopback, as Linux does.",
        _many_loopback_addresses,
        "use Linux; on macOS: ifconfig lo0 alias 127.0.0.2",
    ),
    Need(
        "reuse-port",
        "The platform has the socket option SO_REUSEPORT.",
        lambda: hasattr(socket, "SO_REUSEPORT"),
        "use Linux, macOS or a BSD",
    ),
    Need(
        "queue-lengths",
        "The platform tells how many connections wait for accept() at most, as Linux does with TCP_INFO.",
        _queue_lengths,
        "use Linux",
    ),
    Need(
        "no-buffer-space",
        "The platform refuses a datagram in fragments with ENOBUFS where the send buffer has no room, as Linux does "
        "over IPv6.",
        _no_buffer_space,
        "use Linux, with IPv6 on loopback",
    ),
    Need("unix-sockets", "The platform has Unix domain sockets.", _has_unix_sockets, "use Linux, macOS or a BSD"),
    Need(
        "abstract-sockets", "The platform has abstract Unix addresses, without a file.", _abstract_sockets, "use Linux"
    ),
    Need(
        "posix",
        "The platform is POSIX: descriptors of any kind can be watched.",
        lambda: os.name == "posix",
        "use Linux, macOS or a BSD",
    ),
    Need(
        "posix-tools",
        "The machine has the tools of POSIX: sh, cat, true, sleep, echo, env, head.",
        _posix_tools,
        "install a shell and the core utilities",
    ),
    Need(
        "proc",
        "The machine tells about processes in /proc, as Linux does.",
        lambda: os.path.isdir("/proc/self/fd"),
        "use Linux, with /proc mounted",
    ),
    Need(
        "signals",
        "The platform delivers POSIX signals.",
        lambda: hasattr(signal, "pthread_kill"),
        "use Linux, macOS or a BSD",
    ),
    Need(
        "thousands-of-descriptors",
        "The machine lets a process have 2600 descriptors open at the same time.",
        _allows_thousands_of_descriptors,
        "raise the hard limit: ulimit -Hn 4096; in Docker: --ulimit nofile=4096",
    ),
    Need("fork", "The platform can fork.", lambda: hasattr(os, "fork"), "use Linux, macOS or a BSD"),
    Need(
        "epoll",
        "The platform polls with epoll, which takes no regular files.",
        lambda: hasattr(select, "epoll"),
        "use Linux",
    ),
    Need(
        "terminals",
        "The machine makes pseudo-terminals.",
        lambda: hasattr(os, "openpty") and _terminals(),
        "mount /dev/pts",
    ),
    Need(
        "many-descriptors",
        "A process may have more than 2000 descriptors.",
        _many_descriptors,
        "raise the hard limit: ulimit -Hn 4096; in Docker: --ulimit nofile=4096",
    ),
    Need(
        "broadcast",
        "The machine broadcasts on loopback, to 127.255.255.255.",
        _broadcast,
        "use Linux, with loopback up: ip link set lo up",
    ),
    Need(
        "unix-connections",
        "The platform has Unix domain sockets, and the loop create_unix_connection() and create_unix_server().",
        _has_unix_sockets,
        "use Linux, macOS or a BSD",
        offered=True,
    ),
    Need(
        "tls",
        "The interpreter has TLS 1.2 and 1.3, and the loop's methods take ssl, and it has start_tls().",
        _has_tls,
        "use a Python that is built with OpenSSL, which must not forbid TLS 1.2",
        offered=True,
    ),
    Need(
        "own-names",
        "The machine lets an unprivileged process have an /etc/hosts and a name server of its own "
        "(user, mount and network namespaces).",
        _own_names,
        "allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu) or "
        "kernel.unprivileged_userns_clone=1 (Debian); in Docker: --security-opt seccomp=unconfined",
    ),
    Need(
        "reads-other-processes",
        "The machine lets a process look into another of the same user, as python -m asyncio ps does.",
        _reads_other_processes,
        "allow it: sysctl kernel.yama.ptrace_scope=0; in Docker: --cap-add SYS_PTRACE",
    ),
    Need(
        "free-threaded",
        "The interpreter is a free-threaded build.",
        _is_free_threaded,
        "use a free-threaded build of Python, such as python3.14t",
    ),
    Need(
        "subinterpreters",
        "The interpreter has a module for making subinterpreters.",
        _has_subinterpreters,
        "use CPython",
    ),
    Need(
        "threads-start-empty",
        "A new thread starts with an empty context (the default except on free-threaded builds).",
        lambda: not _copies_context_into_threads(),
        "start Python with -X thread_inherit_context=0",
    ),
)


def _library(name: str) -> Need:
    """What a canary needs: a library, installed where the loop is."""
    return Need(
        name, f"{name} is installed (pip install {name}).", lambda: find_spec(name) is not None, f"pip install {name}"
    )


LIBRARIES = ("aiohttp", "anyio", "asyncssh", "httpx", "uvicorn", "websockets")
"""The needs of canaries."""

NEEDS: dict[str, Need] = {need.name: need for need in (*_NEEDS, *map(_library, LIBRARIES))}


@functools.cache
def is_met(name: str) -> bool:
    """Whether this machine meets the need called ``name``; asked once per process."""
    try:
        return bool(NEEDS[name].probe())
    except OSError:
        return False
