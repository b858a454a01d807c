"""The bundled event loop, put together.

``SelectorLoop`` is asyncio's selector loop written anew, to be read: what asyncio does and why, in small pieces.
``asyncio.BaseEventLoop`` keeps the running and stopping, name lookup, the executor, tasks and asynchronous generators,
and the argument checking of most methods; the turn, the timers, and everything about descriptors are here.

The private contract
====================

``BaseEventLoop`` was made to be completed by asyncio's own loops, and how is not documented.
This is all of it that we use, checked on CPython 3.11.7, 3.12.1, 3.13.0, 3.14.10 and 3.15.2.

It calls these on us, and we provide them:

``_run_once()``
    One turn, again and again until ``_stopping`` is true after one.
``_timer_handle_cancelled(handle)``
    From ``TimerHandle.cancel()``.
``_write_to_self()``
    From any thread, after ``call_soon_threadsafe()`` has queued its handle: end the wait in ``select()``.
``_make_socket_transport(sock, protocol, waiter, *, extra, server, context)``
    ``context`` comes from 3.15 on, always: the context of the connection.
``_make_ssl_transport(rawsock, protocol, sslcontext, waiter, *, server_side, server_hostname, extra, server,
ssl_handshake_timeout, ssl_shutdown_timeout, context)``
    The same over TLS; ``waiter`` is to be woken after the handshake.  ``context`` from 3.15 on.
``_make_datagram_transport(sock, protocol, address, waiter)``
    ``address`` is None or where to send what has no address of its own.
``_make_read_pipe_transport(pipe, protocol, waiter)``, ``_make_write_pipe_transport(...)``
    The caller closes neither the pipe nor the transport when these raise.
``await _make_subprocess_transport(protocol, args, shell, stdin, stdout, stderr, bufsize, extra, **kwargs)``
    A coroutine, unlike the others.
``_start_serving(protocol_factory, sock, sslcontext, server, backlog, ssl_handshake_timeout, ssl_shutdown_timeout,
context)``, ``_stop_serving(sock)``
    From ``Server``.  ``context`` from 3.15 on.  Stopping closes the socket.
``await _sendfile_native(transport, file, offset, count)``, ``await _sock_sendfile_native(sock, file, offset, count)``
    Raise ``SendfileNotAvailableError`` to have it read and write instead.
``add_reader()``, ``sock_connect()`` and the other public methods of ``AbstractEventLoop`` about descriptors.

It asks these of our transports: ``_start_tls_compatible``, ``_sendfile_compatible`` (a ``constants._SendfileMode``),
and for sending files that they are a ``transports._FlowControlMixin`` with ``_protocol_paused`` and ``_loop``.

We call these of it:

``_check_closed()``, ``_closed``
    Raises the RuntimeError of a closed loop; and whether it would.
``_debug``, ``_check_thread()``, ``_check_callback(callback, method)``
    What ``get_debug()`` returns, without the call; and what raises in debug mode only.
``_ready``
    The deque of handles that run in this turn; cancelled ones are skipped.  ``call_soon_threadsafe()`` fills it, too.
``_stopping``
    Whether stop() was called: this turn must not wait.
``_clock_resolution``
    Seconds between two values of ``time()``.
``_current_handle``
    In debug mode, what runs: the exception handler says where it was made.
``_add_callback_signalsafe(handle)``
    Queue a handle unless cancelled, and wake the loop up.
``_ensure_resolved(address, *, family, type, proto, loop)``
    ``getaddrinfo()``, but numeric addresses take no thread.
``_create_connection_transport(sock, protocol_factory, ssl, server_hostname, *, ssl_handshake_timeout,
ssl_shutdown_timeout)``
    Makes protocol and transport, and waits until they are connected.

``_check_sendfile_params(sock, file, offset, count)``
    Raises what is wrong with them; over transports it is ours to call.

Of ``StreamReaderProtocol``, where asyncio's own ``start_tls()`` does (see ``versions``): ``_stream_reader``, and its
``_buffer``.
``asyncio.subprocess.Process`` calls ``_wait()`` of our process transports.
Of ``Handle`` and ``TimerHandle``, which ours are: all their slots, ``_callback``, ``_args``, ``_context``, ``_loop``,
``_cancelled``, ``_repr``, ``_source_traceback``, ``_when`` and ``_scheduled``; and ``_run()``.
Of ``asyncio.base_tasks``, to describe a task as asyncio does: ``_task_repr()``, ``_task_get_stack()`` and
``_task_print_stack()``; what asyncio is told of tasks is documented, and listed in ``tasks.py``.
And of ``Server``: ``_attach()`` and ``_detach()``, which from 3.13 on take the transport as argument.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from contextvars import Context
from typing import Any

from .datagrams import LARGEST, DatagramTransport
from .pipes import ReadPipeTransport, WritePipeTransport
from .processes import Subprocesses
from .sendfile import SendingFiles
from .signals import SignalHandling
from .streams import StreamTransport
from .tls import TLSLayer
from .unix import UnixSockets
from .upgrading import Upgrading


class SelectorLoop(SignalHandling, UnixSockets, SendingFiles, Subprocesses, Upgrading):
    """An event loop over ``selectors``, for every Python from 3.11 on, on Unix."""

    def close(self) -> None:
        """Release the loop's descriptors and signal handlers; it cannot be used again, but closed again."""
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        self._remove_signal_handlers()
        if self._children is not None:
            self._children.close()
        self._close_self_pipe()
        super().close()
        # Absent only if it could not be made, and __del__ closes what is left.
        # Its handles keep transports alive: it lets those go, so that unclosed ones are found.
        if (poller := getattr(self, "_poller", None)) is not None:
            poller.close()

    def _make_socket_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None] | None = None,
        *,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
    ) -> asyncio.Transport:
        self._free_fd(sock)
        return StreamTransport(self, sock, protocol, waiter, extra=extra, server=server, context=context)

    def _make_ssl_transport(
        self,
        rawsock: socket.socket,
        protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        waiter: asyncio.Future[None],
        *,
        server_side: bool,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        ssl_handshake_timeout: float | None,
        ssl_shutdown_timeout: float | None,
        context: Context | None = None,
    ) -> asyncio.Transport:
        self._free_fd(rawsock)
        layer = TLSLayer(
            self,
            protocol,
            sslcontext,
            waiter,
            server_side=server_side,
            server_hostname=server_hostname,
            handshake_timeout=ssl_handshake_timeout,
            shutdown_timeout=ssl_shutdown_timeout,
        )
        upper = layer.upper
        assert upper is not None
        # No waiter: that one waits for the handshake, and not for this.
        StreamTransport(self, rawsock, layer, extra=extra, server=server, context=context)
        return upper

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        address: Any,
        waiter: asyncio.Future[None],
    ) -> asyncio.DatagramTransport:
        self._free_fd(sock)
        return DatagramTransport(self, sock, protocol, address, waiter, self._arriving)

    @functools.cached_property
    def _arriving(self) -> memoryview[int]:
        """Where datagrams arrive: so much allocated for each of them would cost more than all the rest."""
        return memoryview(bytearray(LARGEST))

    def _make_read_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None],
    ) -> asyncio.ReadTransport:
        return ReadPipeTransport(self, pipe, protocol, waiter)

    def _make_write_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None],
    ) -> asyncio.WriteTransport:
        return WritePipeTransport(self, pipe, protocol, waiter)
