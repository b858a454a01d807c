"""Profiles: frozen lists of checks, by date, that certificates speak of.

The battery grows; a certificate must mean the same next year. So it names a profile, such as ``core-2026.1``, whose
checks never change once it was shipped. A check that is newer than the profile is provisional: it is reported, and
decides nothing until a later edition has it.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.resources
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loopcheck.check import Entry, applies_to

PROCESS = ("subprocess", "pipes", "signals")
NETWORK = (
    "buffered_protocol",
    "create_connection",
    "create_server",
    "datagram",
    "dns",
    "fd_watchers",
    "resources",
    "sendfile",
    "sock_ops",
    "streams",
    "transports",
    "unix_sockets",
)
TLS = ("tls", "start_tls")

FAMILIES: dict[str, str] = {
    "core": "What every loop is for: callbacks, timers, tasks, futures, threads, contexts, and its own life.",
    "network": "Connections, servers, datagrams, sockets and names; without TLS.",
    "tls": "TLS in all its ways, and the contract of transports over it.",
    "process": "Child processes, pipes and signals.",
    "full": "All of the battery.",
}
"""What each family of profiles is about."""


class ProfileError(Exception):
    """There is no such profile, or the file is none; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One frozen list of checks."""

    name: str
    """The family and the edition: ``core-2026.1``."""
    frozen: datetime.date
    loopcheck: str
    """The version of loopcheck whose battery it was taken from."""
    checks: Mapping[str, str]
    """The ids, each with the Python versions that have it, as a version specifier; empty for all."""

    @property
    def family(self) -> str:
        """The name without the edition."""
        return self.name.rpartition("-")[0]

    @property
    def digest(self) -> str:
        """A SHA-256 over the ids and their versions: what must never change."""
        return hashlib.sha256("".join(_line(*one) + "\n" for one in sorted(self.checks.items())).encode()).hexdigest()

    def on(self, python: str) -> list[str]:
        """The ids of the checks that a Python version has."""
        return [id for id, versions in self.checks.items() if applies_to(versions, python)]

    def covers(self, id: str) -> bool:
        """Whether a check, in the profile or newer, is of the family of this profile."""
        return self.family in ("full", family_of(id))


def family_of(id: str) -> str:
    """The family that a check belongs to, beside ``full``."""
    area, _, name = id.partition("::")
    if area in TLS or name.partition("[")[2].startswith(("tls", "start-tls")):
        return "tls"
    return "process" if area in PROCESS else "network" if area in NETWORK else "core"


def names() -> list[str]:
    """The shipped profiles, oldest edition first and by family."""
    files = importlib.resources.files("loopcheck.profiles").iterdir()
    found = [file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")]
    families = list(FAMILIES)
    return sorted(found, key=lambda name: (name.rpartition("-")[2], families.index(name.rpartition("-")[0])))


def latest() -> list[str]:
    """The shipped profiles of the latest edition, one for each family."""
    edition = max((name.rpartition("-")[2] for name in names()), default="")
    return [name for name in names() if name.endswith(f"-{edition}")]


@functools.cache
def load(name: str) -> Profile:
    """A shipped profile.

    Raises:
        ProfileError: there is none of this name, or its file is damaged.
    """
    if name not in names():
        raise ProfileError(f"there is no profile {name!r}; there are {', '.join(names())}")
    return read(Path(str(importlib.resources.files("loopcheck.profiles"))) / f"{name}.toml")


def read(path: Path) -> Profile:
    """A profile from a file.

    Raises:
        ProfileError: the file is no profile, or not as it was frozen.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        checks: dict[str, str] = {}
        for line in table["checks"]:
            id, _, versions = line.partition(" ")
            checks[id] = versions
        for part in table.get("includes", ()):
            checks |= read(path.with_name(f"{part}.toml")).checks
        profile = Profile(table["name"], table["frozen"], table["loopcheck"], checks)
    except OSError as error:
        raise ProfileError(f"{path}: cannot read it: {error.strerror}") from None
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ProfileError(f"{path}: it is no profile: {error!r}; 'loopcheck profile freeze' writes one") from None
    if profile.digest != table.get("digest"):
        raise ProfileError(f"{path}: its checks are not those that were frozen: their digest is another")
    return profile


def freeze(family: str, edition: str, loopcheck: str, entries: Iterable[Entry], today: datetime.date) -> str:
    """The text of a new profile's file: all checks of a family as they are now."""
    name = f"{family}-{edition}"
    tested = [entry for entry in entries if entry.tested]
    mine = {one.id: one.python for one in tested if family in ("full", family_of(one.id))}
    profile = Profile(name, today, loopcheck, mine)
    # All of the battery is what the others have: listed once.
    parts = [f"{other}-{edition}" for other in FAMILIES if other != "full"] if family == "full" else []
    lines = [] if parts else [_line(*one) for one in sorted(mine.items())]
    return "\n".join(
        [
            f"# {FAMILIES[family]}",
            "# Frozen: a check's id, and the Pythons that have it. Never changed; 'loopcheck profile freeze' begins",
            "# a new edition.",
            f'name = "{name}"',
            f"frozen = {today.isoformat()}",
            f'loopcheck = "{loopcheck}"',
            f'digest = "{profile.digest}"',
            *([f"includes = {json.dumps(parts)}"] if parts else []),
            "checks = [",
            *(f'    "{line}",' for line in lines),
            "]",
            "",
        ]
    )


def _line(id: str, versions: str) -> str:
    return f"{id} {versions}" if versions else id
