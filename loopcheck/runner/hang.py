"""What a process that does not answer is doing: found out from outside, in a moment, before it is killed.

It may hold the GIL for ever, so most of this is what the operating system and other programs see of it. What it alone
knows, a thread in it tells, if that comes to run: see ``witness.py``.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loopcheck.runner import witness
from loopcheck.runner.processes import Process

MOST = 20
"""How many descriptors, tasks or events are told of one process."""

_CUT = 300
"""How many characters of one of them."""

_NATIVE_CUT = 4000
"""How many characters of native frames."""

_LONGEST = 100_000
"""How many characters are read of what another program, or the process, wrote."""

_PATIENCE = 0.03
"""Seconds that the process gets to answer on a machine of ordinary speed. With the GIL free it takes a thousandth, with
a busy callback six: the rest is for processes that compete for the machine."""

_TABLES_LIMIT = 0.02
"""Seconds to read what the kernel says about all sockets of the machine: with ten thousand of them it takes one."""

_NATIVE_LIMIT = 2.0
"""Seconds that a program gets to show native frames; on an idle machine py-spy takes half of one."""

_TOOLS = (("py-spy", "dump", "--native", "--pid"), ("pystack", "remote", "--native"))
"""Programs that show the native frames of a process, with their arguments; the first that is installed is asked."""

_OURS = re.compile(r"\b(?:loopcheck[/\\](?:runner|kit[/\\]bench)|_pytest|pluggy)\b")
"""In a frame that is neither the check's nor the subject's."""


def look(process: Process, slowness: float) -> dict[str, Any]:
    """What can be found out about a process that hangs; it costs a moment, and never fails.

    Args:
        slowness: how many times slower the machine is than an ordinary one.

    Returns:
        What there is of ``recorded``, ``tasks``, ``descriptors`` (lists of phrases) and ``native_stack`` (a text).
    """
    asked = _ask(process)
    until = time.monotonic() + _PATIENCE * slowness
    found: dict[str, Any] = {}
    if descriptors := _descriptors(process):
        found["descriptors"] = descriptors
    if asked:
        found |= _answer(process, until)
    if native := _native_stack(process.pid):
        found["native_stack"] = native
    return found


def _ask(process: Process) -> bool:
    """Ask what the process alone knows; whether there is a witness."""
    try:
        question = os.open(witness.question(str(process.stack)), os.O_WRONLY | os.O_NONBLOCK)
        with open(question, "wb", buffering=0) as file:
            file.write(b"?")
    except OSError:
        return False
    return True


def _answer(process: Process, until: float) -> dict[str, list[str]]:
    answer = Path(witness.answer(str(process.stack)))
    while not answer.exists():
        if time.monotonic() > until:
            return {}
        time.sleep(0.001)
    # A subject's hand may have been in the file.
    with contextlib.suppress(OSError, ValueError):
        with answer.open(encoding="ascii") as file:
            said = json.loads(file.read(_LONGEST))
        return {
            name: [str(line)[:_CUT] for line in said[name][:MOST]]
            for name in ("recorded", "tasks")
            if isinstance(said, dict) and isinstance(said.get(name), list) and said[name]
        }
    return {}


def _descriptors(process: Process) -> list[str]:
    """What the process has open that it did not have before its first check, where there is a /proc to tell."""
    sockets = functools.cache(_sockets)
    lines = []
    for number, target in sorted(descriptors(process.pid).items()):
        if number not in process.own and not target.startswith(str(process.stack.parent)):
            inode = re.fullmatch(r"socket:\[(\d+)\]", target)
            lines.append(f"{number}: {sockets(process.pid).get(inode[1], target) if inode else target}"[:_CUT])
    more = [f"... and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return lines[:MOST] + more


def descriptors(pid: int) -> dict[int, str]:
    """The open descriptors of a process and what each is, where there is a /proc to tell."""
    folder = f"/proc/{pid}/fd"
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):  # closed meanwhile
                found[int(name)] = os.readlink(f"{folder}/{name}")
    return found


_STATES = (
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)
"""Of TCP, in the order of the kernel's numbers, which begin at one."""


def _sockets(pid: int) -> dict[str, str]:
    """What the kernel says about sockets, by inode, in the network of a process; of some of them, if there are many."""
    found = {}
    until = time.monotonic() + _TABLES_LIMIT
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for fields in _table(pid, kind, until):
            near, far, state, queues, inode = fields[1], fields[2], int(fields[3], 16), fields[4], fields[9]
            unsent, unread = (int(number, 16) for number in queues.split(":"))
            words = [kind[:3].upper(), _address(near)]
            if not re.fullmatch("0+:0000", far):
                words += ["->", _address(far)]
            words += [_STATES[state - 1]] if kind.startswith("tcp") else []
            words += [f"{unsent} bytes unsent"] if unsent else []
            words += [f"{unread} bytes unread"] if unread else []
            found[inode] = " ".join(words)
    for fields in _table(pid, "unix", until):
        found[fields[6]] = " ".join(["Unix socket", *fields[7:8]])
    return found


def _table(pid: int, kind: str, until: float) -> Iterator[list[str]]:
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/net/{kind}") as file:
        next(file, None)  # the heading
        for line in file:
            yield line.split()
            if time.monotonic() > until:
                return


def _address(text: str) -> str:
    """An address as /proc writes it, words of four bytes each turned round, as people write it."""
    host, port = text.split(":")
    words = [int(host[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(host), 8)]
    shown = ipaddress.ip_address(b"".join(words))
    return f"{shown}:{int(port, 16)}" if shown.version == 4 else f"[{shown}]:{int(port, 16)}"


@functools.cache
def native_tool() -> tuple[str, ...] | None:
    """The program that shows native frames, if one is installed: on the PATH, or beside this Python."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")])
    for name, *arguments in _TOOLS:
        if found := shutil.which(name, path=path):
            return (found, *arguments)
    return None


def _native_stack(pid: int) -> str:
    tool = native_tool()
    if tool is None:
        return ""
    name = os.path.basename(tool[0])
    try:
        done = subprocess.run(
            [*tool, str(pid)], stdin=subprocess.DEVNULL, capture_output=True, timeout=_NATIVE_LIMIT, check=True
        )
    except subprocess.TimeoutExpired:
        return f"{name} did not answer within {_NATIVE_LIMIT:.3g} s"
    except subprocess.CalledProcessError as error:
        said = error.stderr[:_LONGEST].decode(errors="backslashreplace").split("\n")
        return f"{name} could not look: {next(filter(None, map(str.strip, said)), 'it does not say why')}"[:_CUT]
    except OSError as error:
        return f"{name} could not be started: {error.strerror}"
    return _tidy(done.stdout[:_LONGEST].decode(errors="backslashreplace"))


def _tidy(shown: str) -> str:
    """The threads that such a program shows, the newest frame first, down to where loopcheck begins."""
    threads = []
    for thread in re.split(r"^(?=Thread |Traceback for thread )", shown, flags=re.M)[1:]:
        head, *frames = re.split(r"\n(?= {4}\S)", thread.rstrip())
        if head != (turned := head.replace("(most recent call last)", "(most recent call first)")):
            head = turned
            frames.reverse()
        theirs = list(itertools.takewhile(lambda frame: not _OURS.search(frame), frames))
        if theirs:
            threads.append("\n".join([head, *theirs]))
    return "\n\n".join(threads)[:_NATIVE_CUT]
