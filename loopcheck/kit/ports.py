"""Ports of loopback: one that is free on several hosts, and what the system says of who listens there."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys
from collections.abc import Iterator

_ATTEMPTS = 20


@contextlib.contextmanager
def free_port(*hosts: str) -> Iterator[int]:
    """A port that is free on each of these hosts.

    On Linux the system gives it to nobody else in the block: sockets that do not listen, and may share their address,
    hold it. A server with SO_REUSEADDR, which is what a server has by default, can listen there all the same.
    """
    for _ in range(_ATTEMPTS):
        with contextlib.ExitStack() as held:
            port = 0
            try:
                for host in hosts:
                    sock = held.enter_context(_holding(host, port))
                    port = sock.getsockname()[1]
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            if not sys.platform.startswith("linux"):
                held.close()
            yield port
            return
    raise AssertionError(f"no port is free on all of {hosts}")


def _holding(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def option(descriptor: int, name: int, level: int = socket.SOL_SOCKET) -> int:
    """The value of a socket option, asked of the system and not of the loop's object for the socket."""
    with _same(descriptor) as sock:
        return sock.getsockopt(level, name)


_LENGTH = struct.Struct("8x5II")
"""The beginning of Linux's struct tcp_info; the last is tcpi_sacked, which for a listening socket is its limit."""


def queue_length(descriptor: int) -> int:
    """What a listening socket's listen() was given, where the system tells: see the need "queue-lengths"."""
    with _same(descriptor) as sock:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LENGTH.size)
        return int(_LENGTH.unpack(told)[-1])


def _same(descriptor: int) -> socket.socket:
    return socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)
