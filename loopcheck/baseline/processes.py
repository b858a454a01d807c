"""Starting a child process, and the transport that stands for it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import selectors
import signal
import subprocess
import warnings
from collections.abc import Callable
from typing import Any

from .childlife import ChildLife, Stage
from .children import ChildWatch, exit_status
from .contract import logger, settle
from .versions import WAIT_ENDS_WITH_PROCESS
from .watchers import FdWatching

STDIN, STDOUT, STDERR = range(3)


class PipeProtocol(asyncio.Protocol):
    """Hands on what happens at one pipe of a child."""

    def __init__(self, process: ProcessTransport, number: int) -> None:
        # Until the pipe is lost: then the reference cycle through the transport ends.
        self._process: ProcessTransport | None = process
        self._number = number

    def data_received(self, data: bytes) -> None:
        """The child has written."""
        if self._process is not None:
            self._process._tell("pipe_data_received", self._number, data)

    def pause_writing(self) -> None:
        """The child does not read fast enough."""
        if self._process is not None:
            self._process._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The child has read."""
        if self._process is not None:
            self._process._protocol.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """One of the two sides closed the pipe."""
        process, self._process = self._process, None
        if process is not None:
            process._pipe_lost(self._number, exc)


class ProcessTransport(asyncio.SubprocessTransport):
    """A child process with its pipes."""

    # For a constructor that fails: then there is nothing to close in __del__.
    _process: subprocess.Popen[Any] | None = None
    _life = ChildLife(())
    _life.closed = True

    def __init__(
        self,
        loop: FdWatching,
        protocol: Any,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        bufsize: int,
        extra: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dict(extra) if extra else None)
        process = subprocess.Popen(
            args,
            shell=shell,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            universal_newlines=False,
            bufsize=bufsize,
            **kwargs,
        )
        self._loop = loop
        self._protocol = protocol
        self._process = process
        self._pid = process.pid
        self._extra: dict[str, Any]
        self._extra["subprocess"] = process
        ends = {STDIN: process.stdin, STDOUT: process.stdout, STDERR: process.stderr}
        self._life = ChildLife(number for number, end in ends.items() if end is not None)
        # Transports of the connected pipes.  A lost pipe stays: the program may still ask for it.
        self._pipes: dict[int, Any] = {}
        self._waiters: set[asyncio.Future[int]] = set()
        if loop.get_debug():
            program = args if isinstance(args, (bytes, str)) else args[0]
            logger.debug("process %r created: pid %s", program, self._pid)

    def __repr__(self) -> str:
        life = self._life
        words = [type(self).__name__]
        if life.closed:
            words.append("closed")
        if self._process is None and life.returncode is None:
            words.append("not started")
        else:
            words.append(f"pid={self._pid}")
            words.append("running" if life.returncode is None else f"returncode={life.returncode}")
            words += [f"{name}={self._pipes[number]}" for number, name in _NAMES.items() if number in self._pipes]
        return f"<{' '.join(words)}>"

    # --- for the program

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Send all later callbacks to *protocol*."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that gets the callbacks."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        """Return whether close() was called."""
        return self._life.closed

    def get_pid(self) -> int:
        """Return the child's process number, also after its end."""
        return self._pid

    def get_returncode(self) -> int | None:
        """Return the exit status, the negative number of a signal, or None while the process runs."""
        return self._life.returncode

    def get_pipe_transport(self, fd: int) -> Any:
        """Return the transport of the child's descriptor *fd*, or None if that is no pipe."""
        return self._pipes.get(fd)

    def send_signal(self, signal: int) -> None:
        """Send *signal* to the child; ProcessLookupError once connection_lost() was called."""
        if self._process is None:
            raise ProcessLookupError()
        # Between its end and connection_lost() the child is no more, and silence is what asyncio keeps.
        # Once reaped, its number may be somebody else's: not even tried then.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close the pipes, and kill the child if it still runs; connection_lost() comes when it has ended."""
        if not self._life.close():
            return
        self._close_pipes()
        process = self._process
        # poll(): the child may have ended, and we were not told yet.
        if process is None or self._life.returncode is not None or process.poll() is not None:
            return
        if self._loop.get_debug():
            logger.warning("Close running child process: kill %r", self)
        # Already gone, or it has become another user's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.kill()

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if not self._life.closed:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self.close()

    async def _wait(self) -> int:
        """Wait for the end of the process; ``asyncio.subprocess.Process.wait()`` calls this."""
        if self._life.returncode is not None:
            return self._life.returncode
        waiter: asyncio.Future[int] = self._loop.create_future()
        self._waiters.add(waiter)
        try:
            return await waiter
        finally:
            self._waiters.discard(waiter)

    # --- what happens

    async def _connect(self) -> None:
        """Make transports of the pipes, then tell the protocol of us, and of what happened meanwhile."""
        process, loop = self._process, self._loop
        assert process is not None
        ends = ((STDIN, process.stdin), (STDOUT, process.stdout), (STDERR, process.stderr))
        try:
            for number, end in ends:
                if end is None:
                    continue
                connect = loop.connect_write_pipe if number == STDIN else loop.connect_read_pipe
                self._pipes[number], _ = await connect(functools.partial(PipeProtocol, self, number), end)
        except BaseException:
            self._close_pipes()
            for _, end in ends:
                if end is not None:
                    end.close()
            self._life.abandon()
            raise
        loop.call_soon(self._protocol.connection_made, self)
        for callback, args in self._life.connected():
            loop.call_soon(callback, *args)
        self._maybe_end()
        # Whoever starts a child goes on after its connection_made().
        waiter = loop.create_future()
        loop.call_soon(settle, waiter)
        await waiter

    def _tell(self, what: str, *args: Any) -> None:
        callback = getattr(self._protocol, what)
        if self._life.tell(callback, *args):
            self._loop.call_soon(callback, *args)

    def _pipe_lost(self, number: int, exc: BaseException | None) -> None:
        self._tell("pipe_connection_lost", number, exc)
        self._life.pipe_ended(number)
        self._maybe_end()

    def _exited(self, returncode: int) -> None:
        """The process has ended, and was reaped."""
        self._life.exited(returncode)
        assert self._process is not None
        if self._loop.get_debug():
            logger.info("%r exited with return code %r", self, returncode)
        # Or Popen would wait for it again, and complain in its __del__.
        self._process.returncode = returncode
        self._tell("process_exited")
        if WAIT_ENDS_WITH_PROCESS or self._life.stage is Stage.ABANDONED:
            self._wake_waiters()
        self._maybe_end()

    def _maybe_end(self) -> None:
        if self._life.end():
            self._loop.call_soon(self._call_connection_lost)

    def _call_connection_lost(self) -> None:
        try:
            self._protocol.connection_lost(None)
        finally:
            self._wake_waiters()
            self._process = None
            self._protocol = None

    def _wake_waiters(self) -> None:
        assert self._life.returncode is not None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(self._life.returncode)

    def _close_pipes(self) -> None:
        # Closing a pipe calls its protocol later, in the loop: without one there is nothing left to do.
        if self._pipes and not self._loop.is_closed():
            for pipe in self._pipes.values():
                pipe.close()


_NAMES = {STDIN: "stdin", STDOUT: "stdout", STDERR: "stderr"}


class Subprocesses(FdWatching):
    """What subprocess_exec() and subprocess_shell() need."""

    # For a constructor that fails early: close() asks for it.
    _children: ChildWatch | None = None

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._children = ChildWatch(self)

    async def _make_subprocess_transport(
        self,
        protocol: asyncio.SubprocessProtocol,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        bufsize: int,
        extra: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> asyncio.SubprocessTransport:
        transport = ProcessTransport(self, protocol, args, shell, stdin, stdout, stderr, bufsize, extra, **kwargs)
        child = transport.get_extra_info("subprocess")
        assert self._children is not None
        self._children.watch(child, lambda: transport._exited(exit_status(child)))
        try:
            await transport._connect()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            # Cancelled, or a pipe failed: nobody will ever hold this transport, so leave no process behind.
            # A second cancellation must not leave a zombie either.
            transport.close()
            await asyncio.shield(transport._wait())
            raise
        return transport
