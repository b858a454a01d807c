"""Descriptors of this process: how many are open, whether one is, and a process that can open no more."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import stat
from collections.abc import Iterator


def open_descriptors() -> int:
    """How many descriptors are open."""
    return len(os.listdir("/dev/fd"))


def is_socket(descriptor: int) -> bool:
    """Whether the descriptor is open, and a socket."""
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except (OSError, ValueError):
        return False


def open_sockets() -> int:
    """How many of the open descriptors are sockets: what a loop opens for its threads meanwhile is none."""
    return sum(is_socket(int(name)) for name in os.listdir("/dev/fd"))


def stream_sockets() -> int:
    """How many of the open descriptors are sockets for streams: a look-up opens others for a moment, in its thread."""
    count = 0
    for number in filter(is_socket, map(int, os.listdir("/dev/fd"))):
        with contextlib.suppress(OSError), socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as sock:
            count += sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    return count


@contextlib.contextmanager
def no_more_descriptors() -> Iterator[None]:
    """In the block this process can open no descriptor, unless one is closed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
