"""Names in a bottle: they resolve as a check says, in a process of its own, and what goes wrong there can be read."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from loopcheck.kit import Bench, threaded
from loopcheck.kit.names import SERVER_FAILS, Answer, NameServer, outcome
from loopcheck.needs import is_met

pytestmark = pytest.mark.skipif(not is_met("own-names"), reason="this machine lends nobody an /etc/hosts of his own")

TABLE = {
    "two.test": ("127.0.0.2", "127.0.0.1"),
    "six.test": ("::1",),
    "alias.test": Answer(alias="two.test"),
    "broken.test": SERVER_FAILS,
    "slow.test": Answer(("127.0.0.1",), held=True),
}


@pytest.fixture
def resolving() -> Iterator[Any]:
    with Bench(asyncio.SelectorEventLoop, patience=5.0) as bench:
        yield bench.tool("resolving")


async def addresses(loop: asyncio.AbstractEventLoop, name: str) -> Any:
    found = await outcome(loop.getaddrinfo(name, 80, type=socket.SOCK_STREAM))
    return [entry[4][0] for entry in found] if isinstance(found, list) else found


def test_names_mean_what_the_table_says(resolving: Any) -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        hosts = ("two.test", "six.test", "alias.test", "broken.test", "missing.test", "localhost")
        return [await addresses(loop, host) for host in hosts], names.asked

    found, asked = resolving(TABLE, body)

    assert found[:3] == [["127.0.0.1", "127.0.0.2"], ["::1"], ["127.0.0.1", "127.0.0.2"]]
    assert found[3:5] == [("gaierror", "EAI_AGAIN"), ("gaierror", "EAI_NONAME")]
    assert "127.0.0.1" in found[5]
    assert asked == ["two.test", "six.test", "alias.test", "broken.test", "missing.test"]


def test_addresses_have_names(resolving: Any) -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        return [(await loop.getnameinfo((address, 1)))[0] for address in ("127.0.0.2", "::1", "127.0.0.9")]

    assert resolving({"two.test": ("127.0.0.2",)}, body) == ["two.test", "localhost", "127.0.0.9"]


def test_an_answer_is_held_until_it_is_released(resolving: Any) -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        asking = asyncio.ensure_future(addresses(loop, "slow.test"))
        await threaded(names.question, "slow.test")
        before = asking.done()
        names.release()
        return before, await asking

    assert resolving(TABLE, body) == (False, ["127.0.0.1"])


def test_the_process_that_asks_is_untouched(resolving: Any) -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        return os.getpid()

    before = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "mnt", "net")]
    descriptors = sorted(os.listdir("/proc/self/fd"))

    assert resolving(TABLE, body) != os.getpid()
    assert [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "mnt", "net")] == before
    assert sorted(os.listdir("/proc/self/fd")) == descriptors


def test_a_failed_assertion_comes_out_with_its_words(resolving: Any) -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        raise AssertionError("these very words")

    with pytest.raises(AssertionError) as caught:
        resolving(TABLE, body)
    assert str(caught.value) == "these very words"


def test_an_error_comes_out_with_its_name(resolving: Any) -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        raise ZeroDivisionError("of mine")

    with pytest.raises(AssertionError) as caught:
        resolving(TABLE, body)
    assert str(caught.value) == "ZeroDivisionError: of mine"


def test_a_crash_is_named(resolving: Any) -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(AssertionError, match="the process in which the loop ran was ended by SIGKILL"):
        resolving(TABLE, body)


def test_a_hang_ends() -> None:
    async def body(loop: asyncio.AbstractEventLoop, names: NameServer) -> Any:
        signal.pause()

    with (
        Bench(asyncio.SelectorEventLoop, patience=0.2) as bench,
        pytest.raises(AssertionError, match="the run of the loop did not end"),
    ):
        bench.tool("resolving")(TABLE, body)
