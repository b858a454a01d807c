"""The contract of streams over one direction: a pipe, a terminal, the stdin or the stdout of a child.

In the settings ``read-pipe``, ``write-pipe``, ``read-terminal`` and ``write-terminal`` what ``channel.open()``
(kit/channels.py) gives is a transport of connect_read_pipe() or connect_write_pipe() and a peer at the other end. A
terminal is one in raw mode, and the transport has the side that a program has as its stdin and stdout: the peer's is
that of the terminal's window.

In ``child-stdin`` and ``child-stdout`` it is the transport of that pipe of a child, ``cat``, which copies all to the
peer, or from it. Its protocol is told what the child's protocol is told about the pipe; nobody tells that one of the
end of what is read, so there is no eof_received().

What goes one way alone cannot be half-closed: :meth:`Peer.half_close` of a peer that writes closes, and one that reads
has nothing to close but the pipe itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pty
import select
import socket
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from loopcheck.kit.bench import Bench
from loopcheck.kit.channels import Channel
from loopcheck.kit.children import Child, child, pipe
from loopcheck.kit.net import Watcher, putting_away, within
from loopcheck.kit.peers import Doing, Peer, narrowed


@contextlib.contextmanager
def terminal() -> Iterator[tuple[Any, Any]]:
    """The two sides of a terminal in raw mode, its window's first, as unbuffered files for both directions."""
    window, program = pty.openpty()
    with open(window, "r+b", buffering=0) as near, open(program, "r+b", buffering=0) as far:
        tty.setraw(program)
        yield near, far


class End:
    """An end of a pipe, or a side of a terminal, with what a Peer uses of a socket.

    Args:
        file: the unbuffered file, which it closes.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._timeout: float | None = None
        os.set_blocking(file.fileno(), False)  # waiting is for _until(), which can be told to stop
        self._stopped, self._stop = os.pipe()

    def fileno(self) -> int:
        """The descriptor."""
        return int(self._file.fileno())

    def settimeout(self, seconds: float | None) -> None:
        """How long one step may take."""
        self._timeout = seconds

    def recv(self, number: int) -> bytes:
        """Read, when there is something to read; empty at the end."""
        while True:
            self._until(readable=True)
            try:
                return os.read(self.fileno(), number)
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno == errno.EIO:  # this is how a terminal ends
                    return b""
                raise

    def send(self, data: Any, flags: int = 0) -> int:
        """Write what the kernel takes; with MSG_DONTWAIT of the moment."""
        while True:
            if not flags & socket.MSG_DONTWAIT:
                self._until(readable=False)
            try:
                return os.write(self.fileno(), data)
            except BlockingIOError:
                if flags & socket.MSG_DONTWAIT:
                    raise

    def sendall(self, data: bytes) -> None:
        """Write all."""
        view = memoryview(data)
        while view:
            view = view[self.send(view) :]

    def shutdown(self, how: int) -> None:
        """End what waits in another thread, with SHUT_RDWR; with SHUT_WR, close."""
        if how == socket.SHUT_WR:
            self.close()
        elif self._stop >= 0:
            os.write(self._stop, b"x")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._stop >= 0:
            os.close(self._stopped)
            os.close(self._stop)
            self._stop = -1

    def _until(self, *, readable: bool) -> None:
        wanted: list[Any] = [self._stopped, self] if readable else [self._stopped]
        found, writable, _ = select.select(wanted, [] if readable else [self], [], self._timeout)
        if self._stopped in found:
            raise OSError(errno.ESHUTDOWN, os.strerror(errno.ESHUTDOWN))
        if not found and not writable:
            raise TimeoutError


class EndPeer(Peer):
    """A peer at an end of a pipe."""

    def _take(self, sock: Any) -> None:
        sock.settimeout(self._patience)
        self._sock = sock

    def reset(self) -> Doing[None]:
        """Close: that is what breaks a pipe."""
        return self.hang_up()


class _OnePipe(Child):
    """The protocol of a child, which hands on what happens at one of its pipes.

    Args:
        protocol: who is told.
        number: of which pipe.
    """

    def __init__(self, protocol: Any, number: int) -> None:
        super().__init__()
        self._told = protocol
        self._number = number

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._told.connection_made(transport.get_pipe_transport(self._number))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._told.data_received(data)

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self._told.connection_lost(exc)

    def pause_writing(self) -> None:
        self._told.pause_writing()

    def resume_writing(self) -> None:
        self._told.resume_writing()


class PipeChannel(Channel):
    """How transports of one direction are made in one setting.

    Args:
        kind: the setting.
        bench: whose loop it uses.
    """

    room = 30_000

    def __init__(self, kind: str, bench: Bench) -> None:
        super().__init__(kind, bench)
        self._reads = kind in ("read-pipe", "read-terminal", "child-stdout")
        self._way = self._at_child if kind.startswith("child") else self._at_end

    @contextlib.asynccontextmanager
    async def _at_end(self, make: Callable[[], Watcher], narrow: bool) -> AsyncIterator[tuple[Watcher, Peer]]:
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        connect = loop.connect_read_pipe if self._reads else loop.connect_write_pipe
        with self._ends() as (near, far), EndPeer(End(far), self._bench.patience) as peer:  # type: ignore[arg-type]
            async with within(self._bench.patience, f"{connect.__name__}() returns"):
                _, protocol = await connect(make, near)
            async with self._ended(protocol):
                yield protocol, peer

    @contextlib.contextmanager
    def _ends(self) -> Iterator[tuple[Any, Any]]:
        """The subject's end, and the peer's."""
        if self._kind.endswith("terminal"):
            with terminal() as (window, program):
                yield program, window
        else:
            with pipe() as (reading, writing):
                yield (reading, writing) if self._reads else (writing, reading)

    @contextlib.asynccontextmanager
    async def _at_child(self, make: Callable[[], Watcher], narrow: bool) -> AsyncIterator[tuple[Watcher, Peer]]:
        __tracebackhide__ = True
        near, far = socket.socketpair()
        with near, Peer(far, self._bench.patience) as peer:
            if narrow:
                narrowed(near)
                narrowed(far)
            protocol = make()
            number = 1 if self._reads else 0
            ends = {"stdin": near} if self._reads else {"stdout": near}
            async with child(
                asyncio.get_running_loop(),
                self._bench.patience,
                "cat",
                factory=lambda: _OnePipe(protocol, number),
                stderr=None,
                **ends,
            ):
                near.close()  # the child's alone, so that its end is the end
                async with self._ended(protocol):
                    yield protocol, peer

    def _ended(self, protocol: Any) -> contextlib.AbstractAsyncContextManager[None]:
        async def close() -> None:
            __tracebackhide__ = True
            if not protocol.times("connection_lost"):
                # What reads alone need not have an abort(), and may have one that raises.
                (protocol.transport.close if self._reads else protocol.transport.abort)()
            await protocol.until("connection_lost", self._bench.patience)

        return putting_away(close)
