"""The bundled loop against CPython's: python tests/bench/baseline.py [NAME ...] [--runs=N] [--loop=MODULE:NAME]

Prints a table. Every ratio says how many times as fast the bundled loop is, and is the median of the ratios of pairs
of runs, one on each loop, which take turns at going first: a machine's speed cancels out, and most of its moods.
Speed is processor time (user and system) of the process with the loop, so that other load on the machine, and what
the peers do, does not count. The peers are another process with blocking sockets, on the same processor.
Memory is what ``tracemalloc`` sees of Python's memory for each idle connection; of it, less is better.

The exit status is 1 when a ratio is below 1.0, or their geometric mean below 1.15. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import multiprocessing
import os
import resource
import socket
import ssl
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trustme

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

Factory = Callable[[], asyncio.AbstractEventLoop]

LEAST, LEAST_MEAN = 1.0, 1.15
"""What the ratios must not fall below, each and in the geometric mean."""

IDLE, ACTIVE = 1000, 10

forking = multiprocessing.get_context("fork")

# --- peers: they run in a process of their own


def connection(address: Any, context: ssl.SSLContext | None = None) -> socket.socket:
    """A blocking connection that sends small messages at once."""
    sock = socket.create_connection(address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(sock, server_hostname="localhost") if context else sock


def receive(sock: socket.socket, buffer: bytearray) -> None:
    """Fill the buffer."""
    with memoryview(buffer) as view:
        got = 0
        while got < len(buffer):
            got += sock.recv_into(view[got:])


def talk(address: Any, size: int, rounds: int, context: ssl.SSLContext | None = None) -> None:
    """Send a message and read it back, *rounds* times."""
    message, buffer = bytes(size), bytearray(size)
    with connection(address, context) as sock:
        for _ in range(rounds):
            sock.sendall(message)
            receive(sock, buffer)


def talk_in_datagrams(address: Any, rounds: int) -> None:
    """The same with datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        for _ in range(rounds):
            sock.send(bytes(1024))
            sock.recv(2048)
        sock.send(b"end")


def talk_among_idle(address: Any, rounds: int) -> None:
    """Talk on a few of many connections."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connection(address)) for _ in range(IDLE + ACTIVE)]
        active, buffer = socks[:: (IDLE + ACTIVE) // ACTIVE][:ACTIVE], bytearray(1024)
        for _ in range(rounds):
            for sock in active:
                sock.sendall(buffer)
            for sock in active:
                receive(sock, buffer)


def stay_idle(address: Any, leave: Any) -> None:
    """Connect many times, and wait."""
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(connection(address))
        leave.wait()


# --- the side of the loop


class Countdown:
    """A future that is done after a number of events."""

    def __init__(self, events: int = 1) -> None:
        self.left = events
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def event(self) -> None:
        """One of them."""
        self.left -= 1
        if not self.left:
            self.over.set_result(None)


class Echo(asyncio.Protocol):
    """Sends back what arrives."""

    def __init__(self, ends: Countdown) -> None:
        self.ends = ends

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ends.event()


class StreamEcho(asyncio.StreamReaderProtocol):
    """The same as a program with streams does it."""

    def __init__(self, ends: Countdown) -> None:
        super().__init__(asyncio.StreamReader(), self.serve)
        self.ends = ends

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        self.ends.event()


class DatagramEcho(asyncio.DatagramProtocol):
    """The same with datagrams."""

    def __init__(self, ends: Countdown) -> None:
        self.ends = ends

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if data == b"end":
            self.ends.event()
        else:
            self.transport.sendto(data, addr)


@contextlib.contextmanager
def new_loop(factory: Factory) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop, with nothing for the garbage collector to do but what the loop makes."""
    loop = factory()
    gc.collect()
    try:
        yield loop
    finally:
        loop.close()


async def spent_on(ends: Countdown, peer: Callable[..., None], *arguments: Any) -> float:
    """The processor time of this process while a peer in another one talks to it, until all has ended."""
    process = forking.Process(target=peer, args=arguments)
    process.start()
    started = time.process_time()
    await ends.over
    spent = time.process_time() - started
    process.join()
    return spent


def served(
    factory: Factory,
    protocol: Callable[[Countdown], asyncio.Protocol],
    peer: Callable[..., None],
    *arguments: Any,
    connections: int = 1,
    tls: ssl.SSLContext | None = None,
) -> float:
    """The processor time of a server while a peer talks to it."""

    async def main() -> float:
        ends = Countdown(connections)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: protocol(ends), "127.0.0.1", 0, ssl=tls, backlog=2 * IDLE)
        spent = await spent_on(ends, peer, server.sockets[0].getsockname(), *arguments)
        server.close()
        return spent

    with new_loop(factory) as loop:
        return loop.run_until_complete(main())


# --- what is measured; each returns seconds


def call_soon(factory: Factory) -> float:
    """Callbacks that call each other, three at a time."""
    with new_loop(factory) as loop:
        left = 60_000

        def again() -> None:
            nonlocal left
            left -= 1
            if left > 0:
                loop.call_soon(again)
            else:
                loop.stop()

        for _ in range(3):
            loop.call_soon(again)
        started = time.process_time()
        loop.run_forever()
        return time.process_time() - started


def call_later(factory: Factory) -> float:
    """Timers of which nine in ten are cancelled, as time-outs are."""
    with new_loop(factory) as loop:
        left = 400

        def again() -> None:
            nonlocal left
            left -= 1
            timers = [loop.call_later(number % 7 * 0.0001, int) for number in range(50)]
            for number, timer in enumerate(timers):
                if number % 10:
                    timer.cancel()
            if left:
                loop.call_soon(again)
            else:
                loop.call_later(0.001, loop.stop)

        loop.call_soon(again)
        started = time.process_time()
        loop.run_forever()
        return time.process_time() - started


def tcp_streams_1k(factory: Factory) -> float:
    """TCP echo over streams, messages of 1 KiB."""
    return served(factory, StreamEcho, talk, 1024, 3000)


def tcp_streams_64k(factory: Factory) -> float:
    """TCP echo over streams, messages of 64 KiB."""
    return served(factory, StreamEcho, talk, 65536, 800)


def tcp_protocol_1k(factory: Factory) -> float:
    """TCP echo over a protocol, messages of 1 KiB."""
    return served(factory, Echo, talk, 1024, 3000)


def tcp_protocol_64k(factory: Factory) -> float:
    """TCP echo over a protocol, messages of 64 KiB."""
    return served(factory, Echo, talk, 65536, 800)


AUTHORITY = trustme.CA(key_type=trustme.KeyType.ECDSA)
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
AUTHORITY.issue_cert("localhost", key_type=trustme.KeyType.ECDSA).configure_cert(SERVER)
CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
AUTHORITY.configure_trust(CLIENT)


def tls_1k(factory: Factory) -> float:
    """TLS echo over a protocol, messages of 1 KiB."""
    return served(factory, Echo, talk, 1024, 1500, CLIENT, tls=SERVER)


def tls_64k(factory: Factory) -> float:
    """TLS echo over a protocol, messages of 64 KiB."""
    return served(factory, Echo, talk, 65536, 300, CLIENT, tls=SERVER)


def udp(factory: Factory) -> float:
    """UDP echo, datagrams of 1 KiB."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        ends = Countdown()
        transport, _ = await loop.create_datagram_endpoint(lambda: DatagramEcho(ends), local_addr=("127.0.0.1", 0))
        address = transport.get_extra_info("sockname")
        spent = await spent_on(ends, talk_in_datagrams, address, 3000)
        transport.close()
        return spent

    with new_loop(factory) as loop:
        return loop.run_until_complete(main())


def idle_and_active(factory: Factory) -> float:
    """1,000 idle connections beside 10 active ones: accepting them all, and 100 messages on each active one."""
    return served(factory, Echo, talk_among_idle, 100, connections=IDLE + ACTIVE)


def idle_memory(factory: Factory) -> float:
    """Bytes of Python's memory for each idle connection."""

    async def main() -> float:
        made, ends = Countdown(IDLE), Countdown(IDLE)

        class Idle(asyncio.Protocol):
            """Counts how many there are, and keeps nothing."""

            __slots__ = ()

            def connection_made(self, transport: Any) -> None:
                made.event()

            def connection_lost(self, exc: Exception | None) -> None:
                ends.event()

        server = await asyncio.get_running_loop().create_server(Idle, "127.0.0.1", 0, backlog=2 * IDLE)
        leave = forking.Event()
        process = forking.Process(target=stay_idle, args=(server.sockets[0].getsockname(), leave))
        process.start()
        gc.collect()
        tracemalloc.start()
        await made.over
        for _ in range(5):  # what the last connection still schedules
            await asyncio.sleep(0)
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        leave.set()
        await ends.over
        process.join()
        server.close()
        return size / IDLE

    with new_loop(factory) as loop:
        return loop.run_until_complete(main())


ALL = (
    call_soon,
    call_later,
    tcp_streams_1k,
    tcp_streams_64k,
    tcp_protocol_1k,
    tcp_protocol_64k,
    tls_1k,
    tls_64k,
    udp,
    idle_and_active,
    idle_memory,
)


def remove_chance() -> None:
    """Take away two accidents that are worth more than the difference between any two loops."""
    # Waking a peer on another processor costs many times what the loop does, and sometimes it is there, sometimes not.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    # glibc asks the system for every large block, such as asyncio's for recv(), until a larger one was given back.
    bytes(1024 * 1024)


def compare(measure: Callable[[Factory], float], loop: Factory, runs: int) -> tuple[float, float, float]:
    """The medians of CPython's figures and of the loop's, and of their ratios."""
    theirs: list[float] = []
    ours: list[float] = []
    sides: list[tuple[Factory, list[float]]] = [(asyncio.SelectorEventLoop, theirs), (loop, ours)]
    for run in range(runs + 1):
        for factory, figures in sides if run % 2 else sides[::-1]:
            figures.append(measure(factory))
    # The first of each warms up.
    pairs = list(zip(theirs[1:], ours[1:], strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    return statistics.median(theirs[1:]), statistics.median(ours[1:]), ratio


def main() -> int:
    """Measure what was asked for, print the table, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [measure.__name__ for measure in ALL]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; without, all of them")
    parser.add_argument("--runs", type=int, default=15, help="Pairs of runs of each; 15 unless given")
    parser.add_argument("--loop", default="loopcheck.baseline:SelectorLoop", help="The loop, as MODULE:NAME")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    module, _, name = options.loop.partition(":")
    loop = getattr(importlib.import_module(module), name)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * IDLE)), hard))
    remove_chance()

    print(f"{'':18} {'CPython':>10} {options.loop.rpartition(':')[2]:>14} {'ratio':>7}")
    ratios = []
    for measure in ALL:
        if options.names and measure.__name__ not in options.names:
            continue
        theirs, ours, ratio = compare(measure, loop, options.runs if measure is not idle_memory else 2)
        scale, unit = (1, "B") if measure is idle_memory else (1000, "ms")
        print(
            f"{measure.__name__:18} {theirs * scale:7.1f} {unit:2} {ours * scale:11.1f} {unit:2} {ratio:7.2f}",
            flush=True,
        )
        ratios.append((measure, ratio))
    speeds = [ratio for measure, ratio in ratios if measure is not idle_memory]
    mean = statistics.geometric_mean(speeds) if speeds else LEAST_MEAN
    print(f"geometric mean of the speeds: {mean:.2f}")
    # Judged as printed: the third digit is noise.
    too_slow = any(round(ratio, 2) < LEAST for _, ratio in ratios)
    return int(too_slow or (len(speeds) > 1 and round(mean, 2) < LEAST_MEAN))


if __name__ == "__main__":
    sys.exit(main())
