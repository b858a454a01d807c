"""Where the Pythons differ: every fact about a version that this package depends on.

Facts about a class are probed where it can be done, so that a backport in a patch release is noticed.
"""

from __future__ import annotations

import inspect
import sys
from asyncio import base_events

SERVER_COUNTS_TRANSPORTS = hasattr(base_events.Server, "close_clients")
"""From 3.13 a Server is told which transport attaches to it and detaches; before, only that one does."""

SENDS_EMPTY_DATAGRAMS = sys.version_info >= (3, 13)
"""From 3.13 sendto(b"") sends a datagram; before, it does nothing."""

DATAGRAM_OVERHEAD = 8 if SENDS_EMPTY_DATAGRAMS else 0
"""What a queued datagram counts beside its payload: 8 bytes from 3.13 on, as a UDP header has."""

WRITE_WANTS = (
    "data argument must be a bytes, bytearray, or memoryview object, not"
    if sys.version_info >= (3, 14)
    else "data argument must be a bytes-like object, not"
)
"""How the TypeError of write() begins."""

SENDFILE_ALWAYS_SEEKS = sys.version_info >= (3, 14)
"""From 3.14 the file's position is moved to the offset even when sendfile() had nothing to send."""

START_TLS_KEEPS_READ_AHEAD = "_stream_reader" in base_events.BaseEventLoop.start_tls.__code__.co_consts
"""From some 3.14 on start_tls() of a server gives what its StreamReader has read ahead to the handshake."""

WAIT_ENDS_WITH_PROCESS = sys.version_info >= (3, 14)
"""From 3.14 on Process.wait() returns with the process; before, only once its pipes had ended, too."""

CREATE_TASK_TAKES_ANYTHING = bool(base_events.BaseEventLoop.create_task.__code__.co_flags & inspect.CO_VARKEYWORDS)
"""From some 3.13 on create_task() hands all its options on, eager_start among them."""

UNCANCEL_FORGETS = sys.version_info >= (3, 13)
"""From 3.13 the last uncancel() also takes back what was not thrown yet."""
