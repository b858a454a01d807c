"""The process transport, borrowed: the one module that knows ``asyncio.base_subprocess``."""

from __future__ import annotations

import asyncio
import selectors
import subprocess
from asyncio.base_subprocess import BaseSubprocessTransport
from typing import Any

from .children import ChildWatch, exit_status
from .watchers import FdWatching


class ProcessTransport(BaseSubprocessTransport):
    """A child process with its pipes; ``BaseSubprocessTransport`` wants to be told how to start one."""

    def _start(self, args: Any, shell: bool, stdin: Any, stdout: Any, stderr: Any, bufsize: int, **kwargs: Any) -> None:
        self._proc = subprocess.Popen(
            args,
            shell=shell,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            universal_newlines=False,
            bufsize=bufsize,
            **kwargs,
        )


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
        waiter = self.create_future()
        transport = ProcessTransport(
            self, protocol, args, shell, stdin, stdout, stderr, bufsize, waiter=waiter, extra=extra, **kwargs
        )
        child = transport.get_extra_info("subprocess")
        assert self._children is not None
        self._children.watch(child, lambda: transport._process_exited(exit_status(child)))
        try:
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            # Cancelled, or a pipe failed: nobody will ever hold this transport, so leave no process behind.
            # A second cancellation must not leave a zombie either.
            transport.close()
            await asyncio.shield(transport._wait())
            raise
        return transport
