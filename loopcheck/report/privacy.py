"""What a report must not tell: where things lie on this machine, whose it is, its name, and its environment.

Reports are published. Tracebacks, stacks and what a process printed are full of paths, and a check that compares the
environment of a child process shows all of it. Every text that goes into a record comes by here, and is cut to a
length that fits one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

LONGEST = 20_000
"""Characters of one text in a record."""

_MOST = 200
"""Items of one list in a record."""

_SHORTEST_VALUE = 8
"""Characters. Shorter values of the environment are no secrets, and stand for themselves in too many texts."""

_SECRET = re.compile("key|token|secret|pass|auth|credential|private", re.I)
"""What names of variables say when they hold a secret."""

_FIRST_PERSON = 500
"""The first user id that may be a person's: the names of system accounts are words, such as root, and tell nothing."""


class Discretion:
    """Takes out of a text what it must not tell.

    Args:
        folders: what stands for each folder, without a slash at the end: paths in it are shown from there.
        names: what stands for each name, wherever it is a word of its own.
    """

    def __init__(self, folders: Mapping[str, str], names: Mapping[str, str]) -> None:
        # By length: a virtual environment in the home directory is itself before it is a part of that.
        known = {folder: instead for folder, instead in folders.items() if len(folder) > 1}
        self._folders = {folder: known[folder] for folder in sorted(known, key=len, reverse=True)}
        self._names = {name: names[name] for name in sorted(names, key=len, reverse=True) if name}
        self._patterns = [
            (self._folders, rf"(?<![\w.~-])({_any(self._folders)})(/|(?![\w-]|\.\w))"),
            (self._names, rf"(?<!\w)({_any(self._names)})(?!\w)"),
        ]

    def text(self, text: str) -> str:
        """The text without what it must not tell, cut to a length that fits a record."""
        if len(text) > LONGEST:
            text = f"{text[:LONGEST]}\n[... {len(text) - LONGEST} more characters]"
        for table, pattern in self._patterns:
            if any(one in text for one in table):
                text = re.sub(pattern, functools.partial(_instead, table), text)
        return text

    def of(self, value: Any) -> Any:
        """The same for all texts of a value that JSON can hold."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.of(one) for one in value[:_MOST]]
        if isinstance(value, dict):
            return {key: self.of(one) for key, one in value.items()}
        return value


def _any(names: Mapping[str, str]) -> str:
    return "|".join(map(re.escape, names)) or "(?!)"


def _instead(table: Mapping[str, str], match: re.Match[str]) -> str:
    instead = table[match[1]]
    if match.lastindex == 1:
        return instead
    # A folder of modules is left away, so that a path in it is that of the module.
    return instead + match[2] if instead or not match[2] else ""


@functools.cache
def here() -> Discretion:
    """What there is to keep to ourselves in this process."""
    # Not for runs without a report.
    import getpass
    import socket

    folders = dict.fromkeys(_spellings("."), ".")
    for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix):
        folders |= dict.fromkeys(_spellings(prefix), "<python>")
    for home in (os.path.expanduser("~"), os.environ.get("HOME", "")):
        folders |= dict.fromkeys(_spellings(home), "~")
    for modules in sys.path:
        # Python puts the folder of the script first, such as that of pytest, in which there are no modules.
        if os.path.isdir(modules or ".") and not os.path.samefile(modules or ".", os.path.dirname(sys.executable)):
            folders |= dict.fromkeys(_spellings(modules or "."), "")
    folders |= dict.fromkeys(_spellings(os.path.dirname(os.path.dirname(os.path.dirname(__file__)))), "")
    names = {value: f"${name}" for name, value in os.environ.items() if tells(name, value)}
    host = socket.gethostname()
    names |= dict.fromkeys({host, host.partition(".")[0]} - {"", "localhost"}, "<host>")
    if hasattr(os, "getuid") and os.getuid() >= _FIRST_PERSON:
        with contextlib.suppress(KeyError, OSError, ImportError):  # a user may have no name
            names[getpass.getuser()] = "<user>"
    # A machine may be called as a module is, whose name is in every path; that tells nobody which machine it is.
    return Discretion(folders, {name: instead for name, instead in names.items() if name not in sys.modules})


def tells(name: str, value: str) -> bool:
    """Whether a variable of the environment tells something, so that its value must not appear in a report.

    A plain word does not: CI is full of variables like ``GITHUB_WORKFLOW=loopcheck``, and that word is in every path.
    """
    if len(value) < _SHORTEST_VALUE or os.path.isdir(value):
        return False
    return not re.fullmatch("[A-Za-z_]+", value) or _SECRET.search(name) is not None


def _spellings(folder: str) -> set[str]:
    return {os.path.abspath(folder), os.path.realpath(folder)} if folder else set()
