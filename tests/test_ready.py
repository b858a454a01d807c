"""Which descriptors are ready: also where a loop has left a thousand open."""

from __future__ import annotations

import fcntl
import os
import resource
import socket

import pytest

from loopcheck.kit.ready import readable, writable

ABOVE_WHAT_SELECT_TAKES = 1100


def test_a_descriptor_of_any_number_is_looked_at() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= ABOVE_WHAT_SELECT_TAKES:
        pytest.skip(f"the hard limit of descriptors is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (ABOVE_WHAT_SELECT_TAKES + 1, hard))
    one, other = socket.socketpair()
    high = fcntl.fcntl(one, fcntl.F_DUPFD, ABOVE_WHAT_SELECT_TAKES)
    try:
        assert (readable(high, other), writable(high, other)) == ([], [high, other])

        other.send(b"now")
        assert (readable(high, other), readable(other, high, timeout=1)) == ([high], [high])
    finally:
        os.close(high)
        one.close()
        other.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_end_is_readable_and_a_closed_descriptor_an_error() -> None:
    one, other = socket.socketpair()
    with one:
        other.close()
        assert readable(one) == [one]
        number = one.fileno()

    with pytest.raises(OSError, match="Bad file descriptor"):
        readable(number)
