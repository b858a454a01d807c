"""What asyncio promises of a program's course, and what it leaves open: the one place that says what may differ.

Everything that a trace tells is compared, event by event, in order. This is what is not, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from socket import gaierror


@dataclass(frozen=True, slots=True)
class Open:
    """Something that asyncio leaves open."""

    what: str
    source: str
    """Where that is said, or what shows it."""
    so: str
    """What follows for programs or for their traces."""


LEFT_OPEN = (
    Open(
        "Which of several timers with the same time runs first, and whether a due one runs before a callback.",
        "asyncio-eventloop#asyncio.loop.call_later: the order in which they are called is undefined",
        "Of the callback of a timer is told that it ran, in no order; it does nothing else.",
    ),
    Open(
        "When something happens that takes real time: a timer that is not due, another thread, the executor.",
        "A busy machine",
        "One such thing at a time is let go, when nothing else goes on; the loop may sleep until it is over.",
    ),
    Open(
        "When objects are collected, and so when exceptions that nobody looked at and pending tasks are reported.",
        "asyncio-task#asyncio.Task; asyncio-dev#detect-never-retrieved-exceptions",
        "These reports are told in no order, and not to whom they come: to a handler that was set meanwhile, or to the "
        "log. Nor does a handler fail then. Warnings and exceptions in destructors are told in no order, either.",
    ),
    Open(
        "Which of several asynchronous generators is closed first.",
        "Lib/asyncio/base_events.py: they are kept in a set",
        "What generators do while they are shut down is told in no order.",
    ),
    Open(
        "Which of the tasks of a group is cancelled first.",
        "Lib/asyncio/taskgroups.py: they are kept in a set",
        "A group of a program has one task.",
    ),
    Open(
        "In which order wait() looks at tasks that are done, and so whether it looks at the exceptions of all.",
        "Lib/asyncio/tasks.py: they are kept in a set",
        "Programs wait for the first exception of one task only.",
    ),
    Open(
        "The words of messages and the names of tasks that nobody named.",
        "No documentation says them",
        "Of exceptions the type is told, and arguments that the program gave; other texts are 'a text'.",
    ),
    Open(
        "Whether a loop can be run again inside of itself.",
        "It raises RuntimeError; on Python 3.13.0 asyncio's own loop counts as not running after that",
        "Programs run the loop from outside only.",
    ),
    Open(
        "Which of two ready descriptors comes first, and whether one comes before a callback.",
        "asyncio-eventloop#asyncio.loop.add_reader says nothing; selectors: EVENT_READ and EVENT_WRITE come together",
        "Programs with input and output are scripts: one thing is done, then the loop runs until nothing happens any "
        "more. What follows from it is told for each connection by itself; what a connection does, is about itself.",
    ),
    Open(
        "In how many pieces data comes, and how often a protocol or a watcher is called for it.",
        "asyncio-protocol#asyncio.Protocol.data_received: whether the data is buffered, chunked or reassembled",
        "Data that came without anything in between is told as one; a program does something the first time only.",
    ),
    Open(
        "How much of what was written still arrives after abort(), an exception or a cancellation.",
        "asyncio-protocol#asyncio.WriteTransport.abort: buffered data will be lost",
        "Of such connections only is told whether they end.",
    ),
    Open(
        "Whether a connection that is gone shows first when it is read or when it is written.",
        "asyncio-protocol#asyncio.BaseProtocol.connection_lost: an exception object or None",
        "The kinds of ConnectionError are one; other ends are read before they close, where that can be told apart; to "
        "one that is gone before anyone looks nothing is written.",
    ),
    Open(
        "When data leaves: in write(), or as soon as nothing else is to be done.",
        "asyncio-protocol#asyncio.WriteTransport.write: does not block, arranges for it to be sent asynchronously",
        "Other ends read when nothing happens any more; get_write_buffer_size() is asked for then only.",
    ),
    Open(
        "What sendto() of a closed endpoint does; what sock_recv() of nothing and sock_sendall() of nothing do.",
        "No documentation says it; asyncio's own raises AttributeError in the first case",
        "Programs do not do it.",
    ),
    Open(
        "What writelines() of a transport does that is closing or gone.",
        "Lib/asyncio/selector_events.py: on some Pythons it does not look, and watches a descriptor that is closed",
        "Programs do not do it.",
    ),
    Open(
        "What the methods of a transport do once connection_lost() was called.",
        "Lib/asyncio/selector_events.py, unix_events.py: some raise AttributeError, as there is no loop any more",
        "They are called, and nothing is told of what they return or raise; set_write_buffer_limits() of TLS, which "
        "logs an error of asyncio's own later, is not; abort() is not, and not after "
        "close() of a pipe that writes, as it logs an error later; nor, in connection_lost(), what some still send.",
    ),
    Open(
        "What becomes of a pipe whose transport is closed in connection_made().",
        "Lib/asyncio/unix_events.py: it is watched afterwards, by a number that may be another file's by then",
        "Programs do not do it.",
    ),
    Open(
        "What follows when a transport is closed in resume_writing().",
        "Lib/asyncio/selector_events.py: connection_lost() is called, and once more, which logs AttributeError",
        "Programs do not do it.",
    ),
    Open(
        "Whether writelines() with an empty piece at the end is ever done.",
        "Lib/asyncio/selector_events.py: from 3.12 on the piece stays, and the transport never closes",
        "The last piece is not empty.",
    ),
    Open(
        "When bytes arrive that went over TCP, once they were sent.",
        "The system delivers them in its own time when it is busy",
        "Streams of bytes go over socket pairs, Unix sockets and pipes; of TCP connections only is told how they begin "
        "and end. For datagrams is waited.",
    ),
    Open(
        "What a transport of a pipe does that is asked for the other direction.",
        "asyncio-protocol#transports-hierarchy: it is a ReadTransport or a WriteTransport",
        "It is not asked.",
    ),
    Open(
        "Whether a loop closes what it was given or accepted when a protocol factory fails.",
        "Lib/asyncio/selector_events.py: asyncio's own leaves that to the garbage collector",
        "Of such connections only is told whether they end, which no handshake tells, and of warnings about resources "
        "nothing.",
    ),
    Open(
        "In which task and context the methods of a protocol are called, and what add_reader() returns.",
        "No documentation says it",
        "It is not told.",
    ),
    Open(
        "What a plain transport does while start_tls() is at it, and afterwards, where that comes to nothing.",
        "asyncio-eventloop#asyncio.loop.start_tls: the caller must use the returned transport only",
        "Programs leave it alone; nothing is told of what its protocol is called for.",
    ),
    Open(
        "What the methods of a transport with TLS do once it was closed a second time.",
        "Lib/asyncio/sslproto.py: close() forgets the protocol then, and write() raises AttributeError",
        "Programs do not close it when it closes.",
    ),
    Open(
        "What becomes of a connection with TLS whose protocol raises SystemExit or KeyboardInterrupt.",
        "Lib/asyncio/sslproto.py: it is left as it is; who waits for the handshake then waits for ever",
        "It raises other exceptions.",
    ),
    Open(
        "When a connection with TLS ends whose peer ends while reading is paused, or whose stream is full.",
        "Lib/asyncio/sslproto.py: at the next resume_reading(), close() or not",
        "The peer does not end then, and streams with TLS have the usual limit.",
    ),
    Open(
        "Whether a connection with TLS is closing whose peer has ended.",
        "Lib/asyncio/sslproto.py: is_closing() is True after close() and abort() only",
        "It is not asked then, and the peer does not end once more was written than is sent at once.",
    ),
    Open(
        "What close_clients() of a server with TLS closes.",
        "asyncio-eventloop#asyncio.Server.close_clients: all associated transports; Lib/asyncio/selector_events.py: "
        "those below TLS, whose peer gets no close_notify",
        "Servers with TLS are not asked for it.",
    ),
    Open(
        "How many turns after abort() connection_lost() of a transport with TLS is called.",
        "asyncio-protocol#asyncio.WriteTransport.abort: eventually; Lib/asyncio/sslproto.py: in the second",
        "drain() of a stream with TLS that was aborted is left out.",
    ),
    Open(
        "What becomes of data that comes once a transport with TLS was closed, or was there when it was.",
        "Lib/asyncio/sslproto.py: it is received within close(), or is an SSLError for connection_lost()",
        "The peer sends nothing then, and a transport whose peer has sent at once is not closed in connection_made(). "
        "Nor is it cut short then, of which some protocols are told.",
    ),
    Open(
        "Whether a transport with TLS and a high mark of 0 pauses its protocol while nothing is to be sent.",
        "asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits: whenever the buffer becomes non-empty; "
        "Lib/asyncio/sslproto.py: at once, and also when the connection is gone",
        "Programs give it no such mark.",
    ),
    Open(
        "What the marks of a transport are to begin with.",
        "asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits: the defaults are implementation-specific; "
        "asyncio's own have others with TLS than without",
        "Those of transports with TLS are not asked for.",
    ),
    Open(
        "What the other side learns of a handshake that fails, and how TLS is cut into records.",
        "RFC 8446, 6.2: whoever gets an alert should not take it for more than the end of the connection",
        "Of the other end's handshake is told when it is done, and what was agreed on; not that it fails.",
    ),
    Open(
        "Which exception says that an argument of create_connection() and its kind makes no sense.",
        "No documentation says it; asyncio leaves most to the functions that it hands them on to",
        "TypeError, ValueError, OverflowError and AttributeError are one there, and gaierror, which asyncio's own "
        "is for most; other kinds of OSError are told. getaddrinfo() gets no port that is a float, for which it raises "
        "a plain OSError, and getnameinfo() no host that is bytes or None.",
    ),
    Open(
        "What getaddrinfo() makes of a port beyond 65535, and set_write_buffer_limits() of a mark that is no integer.",
        "The system's getaddrinfo() is given the digits, and may cut the number; "
        "asyncio-protocol#asyncio.WriteTransport.set_write_buffer_limits: marks are numbers of bytes",
        "Programs give none.",
    ),
    Open(
        "What create_server() makes of a host that is bytes.",
        "asyncio-eventloop#asyncio.loop.create_server: a string or a sequence of them; asyncio's own takes each byte "
        "for one",
        "Programs give none.",
    ),
    Open(
        "Which exception says that nobody can handle a signal.",
        "asyncio-eventloop#asyncio.loop.add_signal_handler: ValueError; asyncio's own raises RuntimeError",
        "Programs leave SIGKILL and SIGSTOP alone.",
    ),
    Open(
        "How often the handler of a signal is called for signals that came together.",
        "signal(7): a standard signal that is pending already is not queued",
        "It does something, and is told, the first time after a step.",
    ),
    Open(
        "Which exception add_signal_handler() raises in another thread than the main one.",
        "asyncio-eventloop#asyncio.loop.add_signal_handler: RuntimeError if there is a problem setting up the handler; "
        "Python's own signal.signal() and signal.set_wakeup_fd() raise ValueError there",
        "Of exceptions in threads of programs with input and output is told only that there is one.",
    ),
    Open(
        "Where SIGINT raises KeyboardInterrupt, without asyncio.Runner.",
        "asyncio-runner#handling-keyboard-interruption: it can interrupt the internals of asyncio",
        "It comes in what asyncio.Runner runs, only.",
    ),
    Open(
        "When a child answers or ends, and which of its end and those of its pipes is told first.",
        "asyncio-protocol#asyncio.SubprocessProtocol.process_exited: before or after the methods of the pipes",
        "After a step is waited for what a child is about to do. Each pipe is told by itself; a child that is about to "
        "end is left alone.",
    ),
    Open(
        "What send_signal() of a child does that has ended, and whose connection_lost() was not called yet.",
        "Lib/asyncio/base_subprocess.py: some Pythons ask the system, some do nothing",
        "Programs do not do it.",
    ),
    Open(
        "Whether communicate() without any input closes that of a child.",
        "Lib/asyncio/subprocess.py: it does on some Pythons",
        "Programs do not do it while a child reads.",
    ),
    Open(
        "What Python says of the transport of a child that is collected when its loop is closed.",
        "Lib/asyncio/base_subprocess.py: __del__() closes its pipes, which the loop refuses",
        "Of programs with children nothing is told of exceptions in destructors.",
    ),
    Open(
        "Whether sock_recv(), sock_accept() and the like are over at once where there is something for them.",
        "Lib/asyncio/selector_events.py: asyncio's own try first; others wait for the descriptor",
        "Of what was over in a step as of what still waits: the second call is left out.",
    ),
    Open(
        "What two calls of sock_recv() on one socket do at once.",
        "asyncio-eventloop#asyncio.loop.sock_recv says nothing; asyncio's own forgets the first",
        "The second is left out while the first waits.",
    ),
    Open(
        "How far what comes of sock_connect() is by the time that sock_accept() ends.",
        "No documentation says it; over Unix sockets asyncio's own ends both at once",
        "What was accepted is not read.",
    ),
    Open(
        "Which of the coroutines that wait for one another see a GeneratorExit that a job of an executor raises.",
        "reference/datamodel#coroutine.throw: thrown into a coroutine, it closes those that this one waits for",
        "No job raises it.",
    ),
    Open(
        "Whether what is written after close() is sent, while something still waits to be sent.",
        "Lib/asyncio/selector_events.py, unix_events.py: asyncio's own sockets send it, its pipes do not",
        "Nothing is written then.",
    ),
    Open(
        "Whether a connection that stays open at its end is told of it again when its reading is resumed.",
        "Lib/asyncio/selector_events.py: asyncio's own do so where it was paused",
        "Reading is not resumed then.",
    ),
    Open(
        "What becomes of a callback that cannot be called, outside debug mode.",
        "asyncio-dev#debug-mode; asyncio's own reports TypeError when its turn has come",
        "Programs give such a one in debug mode only, where call_soon() refuses it.",
    ),
    Open(
        "Which of two errors is raised where two are due: of a closed loop, and of a time or a coroutine that is none.",
        "No documentation says it",
        "A program makes one of the mistakes at a time.",
    ),
    Open(
        "Whether close() of a loop cancels the handles that it drops, and when handles of timers are equal.",
        "No documentation says it; asyncio's own takes all cancelled ones with the same time for equal",
        "Handles of a closed loop are not asked, and are compared with themselves.",
    ),
    Open(
        "Whether a coroutine of the loop's own methods is warned of that nobody awaited.",
        "Lib/asyncio/base_events.py: Python warns of those that are written in it, Cython of none",
        "It is not told.",
    ),
    Open(
        "In which task and context errors are logged.",
        "Lib/asyncio/base_events.py: call_exception_handler() has a handler run in that of the task or handle, and "
        "default_exception_handler() wherever it is",
        "It is told of handlers only.",
    ),
    Open(
        "What is_reading() says in connection_made(), and once the end of file was there.",
        "asyncio-protocol#asyncio.ReadTransport.is_reading: if the transport is receiving new data; it may have begun "
        "before connection_made() or after it, and is over with the end",
        "It is not asked.",
    ),
    Open(
        "Whether eof_received() is called once more after resume_reading().",
        "asyncio-protocol: it is called at most once; Lib/asyncio/selector_events.py watches the socket again",
        "Programs do not resume reading then.",
    ),
    Open(
        "What get_extra_info() tells of a transport that is closing, and of a pipe besides the pipe.",
        "asyncio-protocol#asyncio.BaseTransport.get_extra_info lists categories, and not until when",
        "It is not asked.",
    ),
)

MAY_FAIL = frozenset({"stream_write", "stream_write_memory", "stream_write_much", "stream_abort", "datagram_abort"})
"""Words of which is not told whether they raise."""

MAY_REPEAT = frozenset({"add_signal", "add_signal_arguments"})
"""Words whose callback may be called once or more for what came together."""

ABOUT_ARGUMENTS = (TypeError, ValueError, OverflowError, AttributeError, gaierror)
"""Exceptions that are one where an argument makes no sense."""

MAY_RETURN = frozenset({"add_reader", "add_writer", "add_reader_object", "add_writer_object"})
"""Words of which is not told what they return."""

COMPLAIN = frozenset({"j", "v"})
"""The letters of what may complain when it is collected."""

ENDS_OF_PEERS = re.compile(r"\.peer\.(?!send|read)")
"""What ends a connection from the other side, or may."""

NOT_AFTER_CLOSE = re.compile(r"\.peer\.(send|truncate)\(")
"""What the peer of a transport with TLS does not do any more once that was closed."""

NOT_IN_TLS = ("SystemExit", "KeyboardInterrupt")
"""What the protocol of a connection with TLS does not raise."""

NO_MARKS_OF_TLS = re.compile(r"set_write_buffer_limits\((?:low=|None, )?0|get_write_buffer_limits")
"""Marks that a transport with TLS is not given, and the question for those that it has."""

FILLS = frozenset({"connection_write_much", "stream_write_much"})
"""Words that write more than is sent at once."""

WRITES = frozenset(
    f"{kind}_{word}"
    for kind in ("connection", "stream")
    for word in ("write", "write_memory", "write_much", "writelines")
)
"""Words that write."""

_WRITING = (
    *WRITES,
    *("connection_write_eof", "connection_can_write_eof", "buffer_size", "buffer_high", "buffer_low", "buffer_limits"),
)

NOT_ON = {
    "gone": WRITES,
    "read pipe": frozenset({*_WRITING, "abort", "is_reading", "connection_extra_info"}),
    "write pipe": frozenset(
        {"connection_write_memory", "is_reading", "pause_reading", "resume_reading", "connection_extra_info"}
    ),
}
"""By style of connection: words of which nothing is promised, as one direction has no use for them or is gone."""

NOT_WHEN_GONE = frozenset({"abort"})
"""Words that are left out once connection_lost() was called, or will be soon."""

ENDS = {"write pipe": ("abort", "connection_close", "connection_write_eof")}
"""By style of connection: words after which connection_lost() will be called soon; abort() is one in all."""

NOT_WHEN_ENDED = frozenset({"is_reading", "resume_reading"})
"""Words that are left out once eof_received() was called."""

NOT_WHILE = {
    "resume_writing": frozenset({"abort", "connection_close"}),
    "connection_made": frozenset({"is_reading"}),
    "connection_lost": frozenset(
        {f"connection_{word}" for word in ("write", "write_memory", "write_much", "writelines", "write_eof")}
    ),
}
"""By the method of a connection's protocol that runs: words that are left out for that connection."""

NOT_WHILE_PIPES = {
    "connection_made": frozenset({"abort", "connection_close", "connection_write_eof"}),
    "resume_writing": frozenset({"connection_write_eof"}),  # which closes a pipe
}
"""Words that are left out as well if it is that of a pipe."""

_OWN = re.compile(r"[a-z0-9]|over|slept|woken|done|cancelled")

_GARBAGE = ("never retrieved", "was destroyed but it is pending!")


def is_own(text: str) -> bool:
    """Whether a text is the program's; others are asyncio's or the loop's, and theirs to choose."""
    return _OWN.fullmatch(text) is not None


_OF_THE_LOOP = re.compile(r"coroutine '(\w+\.)?shutdown_\w+' was never awaited")


def is_the_loops(warning: str) -> bool:
    """Whether a warning is about a coroutine of a method of the loop."""
    return _OF_THE_LOOP.match(warning) is not None


def when_collected(message: str) -> str:
    """The end of a message to the exception handler that comes when an object is collected; empty for others."""
    return next((end for end in _GARBAGE if message.endswith(end)), "")


def in_order(who: str, *, shutting_down: bool) -> bool:
    """Whether the time of an event is promised, compared with the others."""
    return not (shutting_down and who.startswith("g"))


def by_whom(event: tuple[str, str, str, str]) -> tuple[int, str]:
    """The order of what follows from one step with input and output: by whom it is told, causes before effects."""
    who = event[0]
    return 0 if who == "main" else 1 if who.startswith("c") else 2, who
