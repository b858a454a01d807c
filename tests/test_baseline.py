"""The bundled loop: its plain objects without a loop, what it may import, and the whole of it at work."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import contextvars
import gc
import os
import re
import signal
import socket
import ssl
import sys
import threading
import warnings
import weakref
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support import PytestRunner

import loopcheck.baseline
from loopcheck import kit
from loopcheck.baseline import SelectorLoop, SelectorLoopWithOwnTasks, Task, flow, lifetime
from loopcheck.baseline.lifetime import Lifetime, Phase, Reading, Sending, WrongMove
from loopcheck.baseline.versions import DATAGRAM_OVERHEAD
from loopcheck.check import find

T = TypeVar("T")

LIMIT = 10.0
"""Seconds that a whole-loop test may take before it counts as hanging."""

FILES = sorted(Path(loopcheck.baseline.__file__).parent.glob("*.py"))

# --- what it may import


def names_in(path: Path) -> set[str]:
    """Every dotted name that a file imports, and every attribute that it reads."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(part for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            found.update((node.module or "").split("."))
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_of_asyncios_own_loops_is_used(path: Path) -> None:
    forbidden = {"selector_events", "unix_events", "SelectorEventLoop", "_UnixSelectorEventLoop"}
    forbidden |= {"sslproto", "SSLProtocol", "base_subprocess", "BaseSubprocessTransport"}

    assert names_in(path) & forbidden == set()


def private_names_of_asyncio() -> set[str]:
    """The undocumented names of what the loop is built on."""
    loop = asyncio.BaseEventLoop()
    loop.close()
    classes = (asyncio.BaseEventLoop, asyncio.TimerHandle, asyncio.base_events.Server)
    modules = (asyncio.base_tasks, asyncio.constants, asyncio.coroutines, asyncio.tasks, asyncio.transports)
    names = {*vars(loop), *(name for one in (*classes, *modules) for name in dir(one))}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def test_every_use_of_asyncios_private_names_is_written_down() -> None:
    contract = f"{loopcheck.baseline.loop.__doc__} {loopcheck.baseline.tasks.__doc__}"
    written_down = set(re.findall(r"\b_[A-Za-z]\w+", contract))
    used = set.union(*map(names_in, FILES)) & private_names_of_asyncio()

    assert used - written_down == set()


@pytest.mark.parametrize("module", ["flow", "lifetime", "timers", "childlife", "engine"])
def test_decisions_import_no_io(module: str) -> None:
    (path,) = (path for path in FILES if path.stem == module)

    # The engine is about TLS, and knows it from memory to memory only.
    io = {"socket", "selectors", "asyncio", "os", "subprocess"} | ({"ssl"} if module != "engine" else set())

    assert names_in(path) & io == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500


# --- lifetime

MACHINES: list[tuple[Any, Any, str, str]] = [
    (Phase, lifetime.PHASE_MOVES, "phase", "_move_phase"),
    (Reading, lifetime.READING_MOVES, "reading", "_move_reading"),
    (Sending, lifetime.SENDING_MOVES, "sending", "_move_sending"),
]
MOVES = [
    (attribute, method, before, after, after in moves[before])
    for states, moves, attribute, method in MACHINES
    for before in states
    for after in states
]


@pytest.mark.parametrize(("attribute", "method", "before", "after", "allowed"), MOVES)
def test_only_the_moves_of_the_table_are_made(
    attribute: str, method: str, before: Any, after: Any, allowed: bool
) -> None:
    life = Lifetime()
    setattr(life, attribute, before)

    if allowed:
        getattr(life, method)(after)
    else:
        with pytest.raises(WrongMove):
            getattr(life, method)(after)

    assert getattr(life, attribute) is (after if allowed else before)


@pytest.mark.parametrize(("states", "moves"), [(states, moves) for states, moves, _, _ in MACHINES])
def test_tables_are_complete(states: Any, moves: Any) -> None:
    assert set(moves) == set(states)


def test_closing_twice_is_new_only_once() -> None:
    life = Lifetime()

    assert [life.close(unsent=False), life.close(unsent=False), life.end()] == [True, False, False]
    assert life.phase is Phase.ENDING


def test_closing_with_unsent_bytes_drains_first() -> None:
    life = Lifetime()

    life.close(unsent=True)
    draining = (life.phase, life.is_closing, life.is_lost)
    life.end()

    assert draining == (Phase.DRAINING, True, False)
    assert life.is_lost


def test_connection_lost_cannot_happen_twice() -> None:
    life = Lifetime()
    life.end()
    life.closed()

    with pytest.raises(WrongMove):
        life.closed()


def test_reading_follows_pause_and_resume() -> None:
    life = Lifetime()

    seen = [life.resume_reading(), life.pause_reading(), life.pause_reading(), life.is_reading, life.resume_reading()]

    assert seen == [False, True, False, False, True]
    assert life.wants_data


def test_end_of_stream_is_final_even_if_the_protocol_paused_in_it() -> None:
    life = Lifetime()
    life.pause_reading()

    life.reading_ended()

    assert (life.reading, life.wants_data, life.resume_reading()) == (Reading.ENDED, False, False)


def test_eof_waits_for_unsent_bytes() -> None:
    life = Lifetime()

    at_once = life.finish_sending(unsent=True)

    assert (at_once, life.finish_sending(unsent=False), life.finish_sent(), life.finish_sent()) == (
        False,
        False,
        True,
        False,
    )


def test_the_fifth_ignored_write_warns() -> None:
    life = Lifetime()

    assert [life.ignored_write() for _ in range(6)] == [False, False, False, False, True, True]


# --- flow


@pytest.mark.parametrize(
    ("high", "low", "marks"),
    [
        (None, None, (16384, 65536)),
        (1000, None, (250, 1000)),
        (None, 1000, (1000, 4000)),
        (0, None, (0, 0)),
        (7, 7, (7, 7)),
    ],
)
def test_a_missing_mark_follows_from_the_other(high: int | None, low: int | None, marks: tuple[int, int]) -> None:
    control = flow.FlowControl()

    control.set_limits(high, low)

    assert (control.low, control.high) == marks


@pytest.mark.parametrize(("high", "low"), [(1, 2), (-1, None), (None, -1), (5, -1)])
def test_impossible_marks_change_nothing(high: int | None, low: int | None) -> None:
    control = flow.FlowControl()

    with pytest.raises(ValueError, match="must be >= low"):
        control.set_limits(high, low)

    assert (control.low, control.high) == (16384, 65536)


def test_pausing_is_above_the_mark_and_resuming_at_it() -> None:
    control = flow.FlowControl()
    control.set_limits(high=10, low=2)

    grown = [control.grew(size) for size in (10, 11, 12)]
    shrunk = [control.shrank(size) for size in (3, 2, 1)]

    assert (grown, shrunk) == ([False, True, False], [False, True, False])


KINDS: st.SearchStrategy[Any] = st.sampled_from([bytes, bytearray, memoryview])


class WriteBufferMachine(RuleBasedStateMachine):
    """A write buffer against the simplest model: one bytearray."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = flow.WriteBuffer()
        self.model = bytearray()

    @rule(data=st.binary(max_size=40), kind=KINDS, start=st.integers(0, 50))
    def append(self, data: bytes, kind: Callable[[bytearray], Any], start: int) -> None:
        start = min(start, len(data))
        original = bytearray(data)
        given = kind(original)  # bytes() copies, bytearray() copies, memoryview() shares
        self.buffer.append(given, start)
        self.model += data[start:]
        # The program does what it likes with its own bytes afterwards.
        for index in range(len(original)):
            original[index] ^= 0xFF
        if isinstance(given, bytearray):
            given.clear()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, len(self.model)))
        self.buffer.take(count)
        del self.model[:count]

    @rule()
    def clear(self) -> None:
        self.buffer.clear()
        self.model.clear()

    @invariant()
    def holds_the_same_bytes(self) -> None:
        chunks = self.buffer.head()
        assert self.buffer.size == len(self.model)
        assert b"".join(chunks) == self.model
        assert all(chunks)


TestWriteBuffer = WriteBufferMachine.TestCase
TestWriteBuffer.settings = settings(max_examples=40, stateful_step_count=20, deadline=None, database=None)


def test_one_system_call_gets_no_more_chunks_than_it_takes() -> None:
    buffer = flow.WriteBuffer()
    for _ in range(flow.CHUNKS_AT_ONCE + 5):
        buffer.append(b"x")

    assert len(buffer.head()) == flow.CHUNKS_AT_ONCE


@pytest.mark.parametrize(("overhead", "sizes"), [(0, [3, 3, 0, 0]), (8, [11, 19, 8, 0])])
def test_datagrams_count_payload_and_overhead(overhead: int, sizes: list[int]) -> None:
    queue = flow.DatagramQueue(overhead)
    seen = []
    changes: list[Callable[[], None]] = [
        lambda: queue.append(b"abc", 1),
        lambda: queue.append(b"", 2),
        queue.pop,
        queue.pop,
    ]
    for change in changes:
        change()
        seen.append(queue.size)

    assert (seen, bool(queue.waiting)) == (sizes, False)


def test_datagrams_are_copied_and_kept_in_order() -> None:
    queue = flow.DatagramQueue(0)
    data = bytearray(b"one")
    queue.append(data, "a")
    data[:] = b"two"
    queue.append(data, "b")
    first = queue.head()
    queue.pop()

    assert (first, queue.head()) == ((b"one", "a"), (b"two", "b"))


# --- the whole loop


@pytest.fixture
def loop() -> Iterator[SelectorLoop]:
    loop = SelectorLoop()
    yield loop
    loop.close()


def run(loop: SelectorLoop, awaitable: Awaitable[T]) -> T:
    return loop.run_until_complete(asyncio.wait_for(awaitable, LIMIT))


def descriptors() -> set[str]:
    gc.collect()
    return set(os.listdir("/dev/fd"))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def said_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> bytes:
    """Send *message*, and return as much as comes back."""

    async def send() -> None:
        writer.write(message)
        await writer.drain()

    sending = asyncio.ensure_future(send())
    answer = await reader.readexactly(len(message))
    await sending
    writer.close()
    await writer.wait_closed()
    return answer


MESSAGE = bytes(range(256)) * 8192  # 2 MiB: more than any socket buffer takes at once.


def test_tcp_echo(loop: SelectorLoop) -> None:
    async def main() -> bytes:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            return await said_back(reader, writer, MESSAGE)

    assert run(loop, main()) == MESSAGE


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(scope="module")
def contexts(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Server and client context that trust each other."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", key_type=trustme.KeyType.ECDSA).configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    return server, client


def test_tls_echo(loop: SelectorLoop, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async def main() -> tuple[bytes, bool]:
        async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=contexts[0]) as server:
            reader, writer = await asyncio.open_connection(
                *server.sockets[0].getsockname(), ssl=contexts[1], server_hostname="localhost"
            )
            encrypted = writer.get_extra_info("cipher") is not None
            writer.write(b"hello")
            answer = await reader.readexactly(5)
            writer.close()
            await writer.wait_closed()
            return answer, encrypted

    assert run(loop, main()) == (b"hello", True)


def test_start_tls(loop: SelectorLoop, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.start_tls(contexts[0])
        writer.write(await reader.readline())
        await reader.read()
        writer.close()

    async def main() -> list[bytes]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"plain\n")
            lines = [await reader.readline()]
            await writer.start_tls(contexts[1], server_hostname="localhost")
            writer.write(b"secret\n")
            lines.append(await reader.readline())
            writer.close()
            await writer.wait_closed()
            return lines

    assert run(loop, main()) == [b"plain\n", b"secret\n"]


def test_start_tls_with_a_peer_that_has_ended_fails_at_once(
    loop: SelectorLoop, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async def main() -> None:
        ours, other = socket.socketpair()
        with other:
            other.shutdown(socket.SHUT_WR)
            reader, writer = await asyncio.open_connection(sock=ours)
            assert await reader.read() == b""
            with pytest.raises(ConnectionError):
                await writer.start_tls(contexts[1], server_hostname="localhost")

    run(loop, main())


def test_unix_echo(loop: SelectorLoop, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def main() -> bytes:
        async with await asyncio.start_unix_server(echo, path):
            reader, writer = await asyncio.open_unix_connection(path)
            return await said_back(reader, writer, MESSAGE)

    assert run(loop, main()) == MESSAGE
    assert path.exists() is (sys.version_info < (3, 13))


class Datagrams(asyncio.DatagramProtocol):
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.arrived.put_nowait((data, addr))


def test_datagrams(loop: SelectorLoop) -> None:
    async def main() -> tuple[bytes, bool]:
        one, one_protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        two, _ = await loop.create_datagram_endpoint(Datagrams, remote_addr=one.get_extra_info("sockname"))
        two.sendto(b"hello")
        data, sender = await one_protocol.arrived.get()
        known = sender == two.get_extra_info("sockname")
        one.close()
        two.close()
        return data, known

    assert run(loop, main()) == (b"hello", True)


def test_queued_datagrams_count_as_the_version_says(loop: SelectorLoop) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    async def main() -> tuple[int, int]:
        transport: Any
        transport, _ = await loop.create_datagram_endpoint(Datagrams, sock=near)
        while not transport.get_write_buffer_size():
            transport.sendto(b"12345")
        queued = transport.get_write_buffer_size()
        far.setblocking(False)
        while transport.get_write_buffer_size():
            far.recv(10)
            await asyncio.sleep(0)
        transport.abort()
        return queued, transport.get_write_buffer_size()

    with far:
        assert run(loop, main()) == (5 + DATAGRAM_OVERHEAD, 0)


def test_a_datagram_that_has_to_wait_after_the_end_is_dropped(loop: SelectorLoop, tmp_path: Path) -> None:
    near, far = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
    far.bind(address := str(tmp_path / "far"))
    near.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            near.sendto(b"12345", address)

    async def main() -> tuple[int, bool]:
        transport: Any
        transport, _ = await loop.create_datagram_endpoint(Datagrams, sock=near)
        number = near.fileno()
        transport.close()
        transport.sendto(b"12345", address)
        await asyncio.sleep(0)
        return transport.get_write_buffer_size(), loop.remove_writer(number)

    with far:
        assert run(loop, main()) == (0, False)


def test_pipes(loop: SelectorLoop) -> None:
    async def main() -> bytes:
        read_end, write_end = os.pipe()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", 0))
        transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(write_end, "wb", 0))
        transport.write(MESSAGE)
        transport.close()
        return await reader.read()

    assert run(loop, main()) == MESSAGE


@pytest.mark.parametrize(
    "check", ["resume_may_write_and_close", "close_in_resume_writing_clean", "close_idempotent", "write_wrong_type"]
)
def test_pipes_keep_what_asyncios_do_not(check: str) -> None:
    entry = replace(find(f"transports::{check}"), setting="write-pipe")

    kit.perform(entry, kit.Bench(SelectorLoop, 5.0, "write-pipe"))


def shell(loop: SelectorLoop) -> tuple[bytes, int | None]:
    """Run a child that says something and fails."""

    async def main() -> tuple[bytes, int | None]:
        child = await asyncio.create_subprocess_shell(
            "cat; exit 3", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate(b"hello")
        return output, child.returncode

    return run(loop, main())


def test_subprocess(loop: SelectorLoop) -> None:
    assert shell(loop) == (b"hello", 3)


def test_subprocess_without_pidfd(loop: SelectorLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int) -> int:
        raise PermissionError(pid)

    monkeypatch.setattr(os, "pidfd_open", forbidden, raising=False)

    assert shell(loop) == (b"hello", 3)


def test_subprocess_outside_the_main_thread() -> None:
    results = []

    def work() -> None:
        loop = SelectorLoop()
        results.append(shell(loop))
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(LIMIT)

    assert results == [(b"hello", 3)]


def test_closing_the_loop_under_a_running_child_leaves_no_descriptor() -> None:
    before = descriptors()
    loop = SelectorLoop()

    async def main() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec("sleep", "60")

    child = run(loop, main())
    loop.close()
    after = descriptors()
    os.kill(child.pid, signal.SIGKILL)
    os.waitpid(child.pid, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del child
        gc.collect()

    assert after == before


def test_sendfile(loop: SelectorLoop, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(MESSAGE)

    async def main() -> tuple[bytes, int]:
        near, far = socket.socketpair()
        reader, far_writer = await asyncio.open_connection(sock=far)
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
        with path.open("rb") as file:
            sending = loop.create_task(loop.sendfile(transport, file, fallback=False))
            received = await reader.readexactly(len(MESSAGE))
            sent = await sending
        transport.close()
        far_writer.close()
        return received, sent

    assert run(loop, main()) == (MESSAGE, len(MESSAGE))


def test_closing_the_transport_ends_a_stuck_sendfile(loop: SelectorLoop, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(MESSAGE * 4)

    async def main() -> None:
        near, far = socket.socketpair()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
        with far, path.open("rb") as file:
            sending = loop.create_task(loop.sendfile(transport, file))
            await loop.run_in_executor(None, far.recv, 1)
            transport.close()
            await sending

    with pytest.raises(ConnectionError):
        run(loop, main())


def test_cancelled_sock_recv_loses_nothing(loop: SelectorLoop) -> None:
    async def main() -> bytes:
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            waiting = loop.create_task(loop.sock_recv(near, 10))
            await asyncio.sleep(0)
            # The byte arrives in the very turn of the cancellation.
            far.send(b"x")
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            return await loop.sock_recv(near, 10)

    assert run(loop, main()) == b"x"


def test_signal_handler_runs_as_a_callback(loop: SelectorLoop) -> None:
    async def main() -> None:
        got = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, got.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await got.wait()
        loop.remove_signal_handler(signal.SIGUSR1)

    run(loop, main())

    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSTOP])
def test_uncatchable_signals_are_refused(loop: SelectorLoop, sig: signal.Signals) -> None:
    with pytest.raises(RuntimeError, match="cannot be caught"):
        loop.add_signal_handler(sig, print)

    assert signal.set_wakeup_fd(-1) == -1


def in_another_thread(loop: SelectorLoop, action: Callable[[], object]) -> threading.Thread:
    """Do *action* in a thread once *loop* runs and has nothing left to do."""
    idle = threading.Event()
    loop.call_soon(loop.call_soon, idle.set)
    thread = threading.Thread(target=lambda: (idle.wait(LIMIT), action()))
    thread.start()
    return thread


def test_interrupt_ends_an_idle_loop(loop: SelectorLoop) -> None:
    # Any handler makes the interpreter write into the self-pipe.  Without, a signal in the instant before the
    # selector's system call goes unnoticed until the next event: see loopcheck/baseline/signals.py.
    loop.add_signal_handler(signal.SIGUSR1, print)
    thread = in_another_thread(loop, lambda: os.kill(os.getpid(), signal.SIGINT))

    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    thread.join()

    assert (loop.is_running(), loop.is_closed()) == (False, False)


def test_a_thread_wakes_an_idle_loop(loop: SelectorLoop) -> None:
    thread = in_another_thread(loop, lambda: loop.call_soon_threadsafe(loop.stop))

    loop.run_forever()
    thread.join()

    assert not loop.is_running()


def test_a_transports_descriptor_cannot_be_watched(loop: SelectorLoop) -> None:
    async def main() -> None:
        near, far = socket.socketpair()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
        with far:
            try:
                loop.add_reader(near, print)
            finally:
                transport.close()

    with pytest.raises(RuntimeError, match="is used by transport"):
        run(loop, main())


def test_a_closed_socket_object_can_still_be_removed(loop: SelectorLoop) -> None:
    near, far = socket.socketpair()
    with far:
        loop.add_reader(near, print)
        near.close()

        assert loop.remove_reader(near) is True


def test_a_lost_connection_is_in_no_reference_cycle(loop: SelectorLoop) -> None:
    class Protocol(asyncio.Protocol):
        """Unlike its base, this can be referred to weakly."""

    async def main() -> list[object]:
        near, far = socket.socketpair()
        transport, protocol = await loop.create_connection(Protocol, sock=near)
        far.close()
        while transport.get_extra_info("socket").fileno() != -1:
            await asyncio.sleep(0)
        references: list[Callable[[], object]] = [weakref.ref(transport), weakref.ref(protocol)]
        del transport, protocol
        await asyncio.sleep(0)
        return [reference() for reference in references]

    gc.disable()
    try:
        assert run(loop, main()) == [None, None]
    finally:
        gc.enable()


@pytest.mark.skipif(sys.version_info < (3, 15), reason="before 3.15 every registration captured its own context")
def test_a_connection_has_one_context(loop: SelectorLoop) -> None:
    variable = contextvars.ContextVar("variable", default="nothing")
    seen = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            seen.append(variable.get())
            variable.set("made")

        def connection_lost(self, exc: Exception | None) -> None:
            seen.append(variable.get())

    async def main() -> None:
        variable.set("creator")
        near, far = socket.socketpair()
        with far:
            transport, _ = await loop.create_connection(Protocol, sock=near)
            variable.set("later")
            transport.abort()
            while len(seen) < 2:
                await asyncio.sleep(0)

    run(loop, main())

    assert seen == ["creator", "made"]


@pytest.mark.parametrize("used", [False, True])
def test_closing_releases_every_descriptor(used: bool) -> None:
    before = descriptors()
    loop = SelectorLoop()
    if used:
        test_tcp_echo(loop)
        test_pipes(loop)
        test_datagrams(loop)
        test_signal_handler_runs_as_a_callback(loop)
        run(loop, asyncio.sleep(0))
    loop.close()

    assert descriptors() == before


def test_an_unclosed_loop_is_found_and_released() -> None:
    before = descriptors()

    with pytest.warns(ResourceWarning, match="unclosed event loop <SelectorLoop running=False closed=False"):
        SelectorLoop()
        gc.collect()

    assert descriptors() == before


def test_a_forked_child_can_run_a_loop_of_its_own(loop: SelectorLoop) -> None:
    async def main() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Other tests may have left threads.
            child = os.fork()
        if not child:
            status = 1
            try:
                own = SelectorLoop()
                status = own.run_until_complete(asyncio.sleep(0, 7))
                own.close()
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        await asyncio.sleep(0)
        return os.waitstatus_to_exitcode(status)

    assert run(loop, main()) == 7


def test_own_tasks_pass_what_is_about_tasks(run_pytest: PytestRunner) -> None:
    areas = ["task_registration", "current_task", "context", "tasks", "futures", "asyncgens", "scheduling"]
    run = run_pytest("--loop-factory=loopcheck.baseline:SelectorLoopWithOwnTasks", "--loop-level=may", *areas)
    accused = {id: record for id, record in run.checks.items() if record["outcome"] not in ("passed", "unavailable")}

    assert accused == {}
    assert run.status == 0
    assert len(run.checks) > 400


def test_own_tasks_are_used_without_a_factory() -> None:
    async def main() -> tuple[type, type]:
        own = asyncio.create_task(asyncio.sleep(0))
        asyncio.get_running_loop().set_task_factory(
            lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options)
        )
        other = asyncio.create_task(asyncio.sleep(0))
        await asyncio.gather(own, other)
        return type(own), type(other)

    with asyncio.Runner(loop_factory=SelectorLoopWithOwnTasks) as runner:
        assert runner.run(main()) == (Task, asyncio.Task)
