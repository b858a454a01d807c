"""The settings in which a check may run, besides the plain one: a closed list, each with a sentence.

A check is declared once; a table at the end of its area's file (:func:`loopcheck.check.also_in`) says in which
settings it must hold too. There it has an id of its own, ``area::name[setting]``.
"""

from __future__ import annotations

from dataclasses import dataclass

from loopcheck.outcomes import Level


@dataclass(frozen=True, slots=True)
class Setting:
    """One way of running a check."""

    name: str
    sentence: str
    """What is different from the plain run, in one sentence."""
    python: str = ""
    """The Python versions that have it, as a version specifier; empty for all."""
    needs: tuple[str, ...] = ()
    """What the machine must offer, names from ``loopcheck.needs``."""
    level: Level = "must"
    """The highest level that a check has in it."""
    coroutines_only: bool = False
    """Whether it says how a loop is run, so that only checks that run inside the loop can have it."""


_SETTINGS = (
    Setting("debug", "The loop is in debug mode."),
    # No page of the documentation says so, but programs rely on it everywhere.
    Setting(
        "other-thread", "The check, and with it the loop, runs in another thread than the main one.", level="should"
    ),
    Setting("runner", "asyncio.Runner makes, runs and closes the loop.", coroutines_only=True),
    Setting("eager-tasks", "The loop's tasks are eager, as asyncio.eager_task_factory makes them.", python=">=3.12"),
    Setting("python-tasks", "Tasks, and futures that the check makes, are of asyncio's pure-Python classes."),
    Setting("first-loop", "No loop of the subject was made in the process before."),
    Setting("second-loop", "Another loop of the subject was run before, and is still open."),
)

_CHANNELS = (
    Setting("ipv6", "The connection is over TCP on IPv6.", needs=("ipv6",)),
    Setting("unix-socket", "The connection is over a Unix socket.", needs=("unix-connections",)),
    Setting("given-socket", "The connection is over a connected socket that create_connection() is given."),
    Setting("accepted-socket", "The connection is over a socket that connect_accepted_socket() is given."),
    Setting("server-side", "The connection is one that a server of the loop has accepted."),
    Setting("tls", "The connection is over TLS 1.3, from the client's side.", needs=("tls",)),
    Setting("tls12", "The connection is over TLS 1.2, from the client's side if nothing else is said.", needs=("tls",)),
    Setting(
        "tls-server", "The connection is over TLS 1.3, and one that a server of the loop has accepted.", needs=("tls",)
    ),
    Setting("start-tls", "The connection is one that start_tls() has secured, as the client.", needs=("tls",)),
    Setting("start-tls-server", "The connection is one that start_tls() has secured, as the server.", needs=("tls",)),
    Setting(
        "tls-in-tls", "The connection is over TLS inside TLS, by start_tls() twice.", needs=("tls",), level="should"
    ),
    Setting("read-pipe", "The transport reads a pipe, from which connect_read_pipe() made it.", needs=("posix",)),
    Setting("write-pipe", "The transport writes to a pipe, from which connect_write_pipe() made it.", needs=("posix",)),
    Setting(
        "read-terminal", "The transport of connect_read_pipe() reads a terminal in raw mode.", needs=("terminals",)
    ),
    Setting(
        "write-terminal",
        "The transport of connect_write_pipe() writes to a terminal in raw mode.",
        needs=("terminals",),
    ),
    Setting(
        "child-stdin", "The transport is that of the stdin of a child, which hands all on.", needs=("posix-tools",)
    ),
    Setting(
        "child-stdout",
        "The transport is that of the stdout of a child, which hands on what it is sent.",
        needs=("posix-tools",),
    ),
)
"""Where the plain run of a check about stream transports is over TCP on IPv4, from the client's side."""

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in (*_SETTINGS, *_CHANNELS)}
