"""The settings in which a check may run, besides the plain one: a closed list, each with a sentence.

A check is declared once; a table at the end of its area's file (:func:`loopcheck.check.also_in`) says in which
settings it must hold too. There it has an id of its own, ``area::name[setting]``.
"""

from __future__ import annotations

from dataclasses import dataclass

from loopcheck.basics import (
    CONNECTS_OVER_TLS,
    CONNECTS_TO_UNIX,
    READS_PIPES,
    SERVES,
    SERVES_TLS,
    STARTS_CHILDREN,
    TAKES_ACCEPTED_SOCKETS,
    UPGRADES_CLIENTS,
    UPGRADES_SERVERS,
    WRITES_TO_PIPES,
)
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
    after: tuple[str, ...] = ()
    """What a check presupposes in it in the place of ``CONNECTS``, from ``loopcheck.basics``."""


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
    Setting(
        "unix-socket",
        "The connection is over a Unix socket.",
        needs=("unix-connections",),
        after=CONNECTS_TO_UNIX,
    ),
    Setting("given-socket", "The connection is over a connected socket that create_connection() is given."),
    Setting(
        "accepted-socket",
        "The connection is over a socket that connect_accepted_socket() is given.",
        after=TAKES_ACCEPTED_SOCKETS,
    ),
    Setting(
        "server-side",
        "The connection is one that a server of the loop has accepted.",
        after=SERVES,
    ),
    Setting(
        "tls",
        "The connection is over TLS 1.3, from the client's side.",
        needs=("tls",),
        after=CONNECTS_OVER_TLS,
    ),
    Setting(
        "tls12",
        "The connection is over TLS 1.2, from the client's side if nothing else is said.",
        needs=("tls",),
        after=CONNECTS_OVER_TLS,
    ),
    Setting(
        "tls-server",
        "The connection is over TLS 1.3, and one that a server of the loop has accepted.",
        needs=("tls",),
        after=SERVES_TLS,
    ),
    Setting(
        "start-tls",
        "The connection is one that start_tls() has secured, as the client.",
        needs=("tls",),
        after=UPGRADES_CLIENTS,
    ),
    Setting(
        "start-tls-server",
        "The connection is one that start_tls() has secured, as the server.",
        needs=("tls",),
        after=UPGRADES_SERVERS,
    ),
    Setting(
        "tls-in-tls",
        "The connection is over TLS inside TLS, by start_tls() twice.",
        needs=("tls",),
        level="should",
        after=UPGRADES_CLIENTS,
    ),
    Setting(
        "read-pipe",
        "The transport reads a pipe, from which connect_read_pipe() made it.",
        needs=("posix",),
        after=READS_PIPES,
    ),
    Setting(
        "write-pipe",
        "The transport writes to a pipe, from which connect_write_pipe() made it.",
        needs=("posix",),
        after=WRITES_TO_PIPES,
    ),
    Setting(
        "read-terminal",
        "The transport of connect_read_pipe() reads a terminal in raw mode.",
        needs=("posix", "terminals"),
        after=READS_PIPES,
    ),
    Setting(
        "write-terminal",
        "The transport of connect_write_pipe() writes to a terminal in raw mode.",
        needs=("posix", "terminals"),
        after=WRITES_TO_PIPES,
    ),
    Setting(
        "child-stdin",
        "The transport is that of the stdin of a child, which hands all on.",
        needs=("posix", "posix-tools"),
        after=STARTS_CHILDREN,
    ),
    Setting(
        "child-stdout",
        "The transport is that of the stdout of a child, which hands on what it is sent.",
        needs=("posix", "posix-tools"),
        after=STARTS_CHILDREN,
    ),
)
"""Where the plain run of a check about stream transports is over TCP on IPv4, from the client's side."""

CHANNELS = frozenset(setting.name for setting in _CHANNELS)
"""The settings that say over what a connection is."""

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in (*_SETTINGS, *_CHANNELS)}
