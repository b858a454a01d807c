"""What the author of a loop declares of it: in ``loopcheck.toml``, or in pyproject.toml under ``[tool.loopcheck]``.

It names the subject, what that does not offer, and the failures that are known, each with a reason. The gate is strict
in every direction: what is declared must be so, and what is so must be declared.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import hashlib
import re
import sys
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from loopcheck.check import Entry, applies_to, area_names
from loopcheck.needs import NEEDS, is_met

FILE = "loopcheck.toml"

KNOWN_OUTCOMES = ("failed", "hang", "crash", "exited")
"""The outcomes that can be declared: all that a loop can be blamed for."""

TODO = "TODO"
"""What a reason begins with that is still to be written. It counts as a reason; the summary says how many there are."""

CONDITIONS = ("python", "platform", "version", "needs")

KEYS = ("id", "outcome", "match", "reason", "issue", *CONDITIONS, "sometimes", "expires")
"""All that an entry may say; ``loopcheck.schema.json`` says the same to editors."""


class DeclarationError(Exception):
    """The file is wrong: the message names file, line, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the conditions of an entry are compared with."""

    python: str
    """The running Python's version, such as ``3.13.1``."""
    platform: str = sys.platform
    version: str | None = None
    """The version of the subject's distribution; None for a module that belongs to none."""
    met: Callable[[str], bool] = is_met
    """Whether the machine meets a need."""
    today: datetime.date = field(default_factory=datetime.date.today)


@dataclass(frozen=True, slots=True)
class Known:
    """A failure that is declared: one of the ids of a ``[[known]]`` entry."""

    id: str
    """The id of a check as in the report, or a pattern with ``*`` for any characters."""
    outcome: str
    reason: str
    match: str = ""
    """A part of what the failing check says; empty for whatever its own assertion says."""
    issue: str = ""
    python: str = ""
    platform: str = ""
    version: str = ""
    """The subject's versions for which it holds, as a version specifier."""
    needs: tuple[str, ...] = ()
    sometimes: bool = False
    """Whether chance decides: then it may pass, too, or fail in any way of its outcome, until it expires."""
    expires: str = ""
    """A day, as 2027-03-01, or a version of the subject: from then on the entry counts no more."""
    line: int = 0
    entry: int = 0
    """Which of the file's ``[[known]]`` tables it is of, from zero."""
    listed: bool = False
    """Whether the entry has a list of ids, of which this is one."""

    def names(self, id: str) -> bool:
        """Whether the entry is about this id."""
        return self.id == id or ("*" in self.id and _pattern(self.id).fullmatch(id) is not None)

    def named_of(self, ids: Collection[str]) -> list[str]:
        """Those of some ids that the entry is about."""
        if "*" in self.id:
            return [id for id in ids if self.names(id)]
        return [self.id] if self.id in ids else []

    def applies(self, here: Surroundings) -> bool:
        """Whether its conditions are met."""
        return (
            applies_to(self.python, here.python)
            and here.platform.startswith(self.platform)
            and (not self.version or (here.version is not None and _contains(self.version, here.version)))
            and all(map(here.met, self.needs))
        )

    def fits(self, seen: Mapping[str, Any]) -> bool:
        """Whether a failure is of the kind, and says the words, that are declared."""
        if not self.match:
            return self.sometimes or not kind(seen)
        said = words(seen)
        if self.match in said:
            return True
        # Whoever wrote it may have read it in a report, where no folder and no name of a machine stands.
        from loopcheck.report import privacy

        return self.match in privacy.here().text(said)

    def has_expired(self, here: Surroundings) -> bool:
        """Whether its day has come, or its version."""
        if not self.expires:
            return False
        if (day := _day(self.expires)) is not None:
            return here.today >= day
        return here.version is not None and Version(here.version) >= Version(self.expires)


@dataclass(frozen=True, slots=True)
class Declaration:
    """All that one file declares."""

    path: str
    """The file as the user would name it."""
    factory: str
    declined: Mapping[str, str] = field(default_factory=dict)
    """Needs that the subject does not meet, with the reason of each."""
    known: Sequence[Known] = ()
    digest: str = ""
    """The SHA-256 of the file."""

    def judge(self, entry: Entry, seen: dict[str, Any], here: Surroundings) -> dict[str, Any]:
        """What was seen of a check, in the light of what is declared: a new observation.

        An outcome becomes ``known``, ``fixed``, ``changed`` or ``declined``, or stays; ``was`` then has what it was
        and ``declared`` what the file says.
        """
        outcome = seen["outcome"]
        if outcome in ("unavailable", "broken", "not-run"):
            return seen
        if (need := next((need for need in entry.needs if need in self.declined), None)) is not None:
            return self._judge_declined(need, seen)
        found = [known for known in self.known if known.names(entry.id) and known.applies(here)]
        if not found:
            return seen
        # Of several, which all fail sometimes, the one that says how it fails now.
        known = next((one for one in found if one.outcome == outcome and one.fits(seen)), found[0])
        place = f"{self.path}:{known.line}"
        declared = {"place": place, "reason": known.reason} | ({"issue": known.issue} if known.issue else {})
        judged = seen | {"was": outcome, "declared": declared}
        if outcome == "passed" and known.sometimes and not known.has_expired(here):
            return seen
        if outcome == "passed":
            advice = f"take it out of the pattern {known.id!r} in {place}"
            if known.id == entry.id:
                advice = f"take it out of the list in {place}" if known.listed else f"delete the entry in {place}"
            return judged | {"outcome": "fixed", "message": f"it passes: {advice}"}
        if known.has_expired(here):
            return judged | {
                "advice": f"its entry in {place} expired with {known.expires}: mend it, or renew the entry"
            }
        if outcome != known.outcome:
            return judged | {
                "outcome": "changed",
                "advice": f"declared in {place} as {known.outcome!r}, and now it is {outcome!r}",
            }
        if not known.fits(seen):
            was = f"with the words {known.match!r}, which it does not say now"
            if not known.match:
                was = f"with no match, as a wrong answer, and now it is {kind(seen)}"
            return judged | {"outcome": "changed", "advice": f"declared in {place} {was}"}
        return judged | {"outcome": "known"}

    def _judge_declined(self, need: str, seen: dict[str, Any]) -> dict[str, Any]:
        place = f"{self.path}: [declined] {need}"
        judged = seen | {"was": seen["outcome"], "declared": {"place": place, "reason": self.declined[need]}}
        # Not the error alone: many checks catch what the loop raises, and compare it.
        if seen["outcome"] == "failed" and "NotImplementedError" in words(seen):
            return judged | {"outcome": "declined"}
        if seen["outcome"] == "passed":
            return judged | {"outcome": "fixed", "message": f"it passes, so the loop does offer it: mend {place}"}
        return judged | {
            "outcome": "changed",
            "advice": f"{place} says that the loop does not offer this; then it must raise NotImplementedError",
        }

    @property
    def reasons(self) -> list[str]:
        """The reason of each entry, and of all that is declined."""
        return [*self.declined.values(), *{one.entry: one.reason for one in self.known}.values()]

    def validate(self, entries: Iterable[Entry], here: Surroundings | None = None) -> None:
        """Compare the entries with the battery, or with a part of it.

        Args:
            entries: all entries of some areas; what the file says about other areas is not looked at.
            here: if given, also find entries that are about the same check here.

        Raises:
            DeclarationError: an entry names no check, or two name the same.
        """
        by_id = {entry.id: entry for entry in entries}
        areas = {entry.area for entry in by_id.values()}
        former = {old: entry.id for entry in by_id.values() for old in entry.former_ids}
        taken: dict[str, Known] = {}
        for known in self.known:
            area = known.id.partition("::")[0]
            if area not in areas and ("*" not in area or areas != set(area_names())):
                continue
            named = [id for id in known.named_of(by_id) if by_id[id].tested]
            if not named and known.id in former:
                raise self.error(known.line, f"{known.id!r} is called {former[known.id]!r} now; write that")
            if not named and known.id in by_id:
                raise self.error(known.line, f"{known.id!r} is in the catalogue as not tested; delete the entry")
            if not named and "*" in known.id:
                raise self.error(known.line, f"the pattern {known.id!r} names no check; delete the entry")
            if not named:
                raise self.error(known.line, f"there is no check {known.id!r}{_near(known.id, by_id)}")
            for id in named if here is not None and known.applies(here) else ():
                if id in taken and not (known.sometimes and taken[id].sometimes):
                    raise self.error(
                        known.line, f"{known.id!r} names {id!r}, as line {taken[id].line} does; keep one of the two"
                    )
                taken[id] = known

    def error(self, line: int, what: str) -> DeclarationError:
        """An error of this file."""
        return DeclarationError(f"{self.path}:{line}: {what}")


def words(seen: Mapping[str, Any]) -> str:
    """What a failure says, for ``match`` to be a part of."""
    return "\n".join(str(seen.get(key, "")) for key in ("message", "observed", "expected", "explanation", "stack"))


def kind(seen: Mapping[str, Any]) -> str:
    """What a failure is, if it is none of an assertion: the name of the error, or that something was left behind.

    An entry for such a failure has these words, or more of what it says, as its ``match``. So an entry that stands
    for a wrong answer does not hide that one day there is no answer.
    """
    if seen["outcome"] != "failed":
        return ""
    error = str(seen.get("error", ""))
    if not error and seen.get("left_behind"):
        return "left behind"
    return "" if error == "AssertionError" else error


def find(folder: Path) -> Path | None:
    """The file of a project: ``loopcheck.toml``, or ``pyproject.toml`` if that has a ``[tool.loopcheck]``."""
    path = folder / FILE
    if path.is_file():
        return path
    path = folder / "pyproject.toml"
    try:
        # Whatever is wrong with the rest of somebody's pyproject.toml is not for us to say.
        return path if "loopcheck" in tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}) else None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None


def read(path: Path, shown: str = "") -> Declaration:
    """Read a file and say what is wrong with it, if anything is.

    Args:
        path: a ``loopcheck.toml``, or a ``pyproject.toml`` with a ``[tool.loopcheck]``.
        shown: how messages name it; its own name, if not given.

    Raises:
        DeclarationError: it cannot be read, or something in it is wrong.
    """
    shown = shown or path.name
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeclarationError(f"{shown}: cannot read it: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DeclarationError(f"{shown}: it is no UTF-8 text: {error.reason} at byte {error.start}") from None
    return parse(text, shown)


def parse(text: str, shown: str = FILE) -> Declaration:
    """What the text of a file declares.

    Args:
        text: TOML.
        shown: how messages name the file; if that is a ``pyproject.toml``, this is about its ``[tool.loopcheck]``.

    Raises:
        DeclarationError: something in it is wrong.
    """
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"{shown}: it is no TOML: {error}") from None
    prefix = prefix_of(shown)
    return _Reader(shown, text, prefix).read(whole.get("tool", {}).get("loopcheck", {}) if prefix else whole)


def prefix_of(shown: str) -> str:
    """What stands before the names of our tables in a file of this name."""
    return "tool.loopcheck." if Path(shown).name == "pyproject.toml" else ""


class _Reader:
    """One file on its way to a declaration; knows in which line things stand."""

    def __init__(self, path: str, text: str, prefix: str) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._prefix = prefix

    def read(self, table: Mapping[str, Any]) -> Declaration:
        self._keys(table, ("subject", "declined", "known"), "", 1)
        subject = self._table(table, "subject")
        at = self._header("subject")
        self._keys(subject, ("factory",), "[subject]", at)
        factory = self._text(subject, "factory", "[subject]", at, needed=True)
        if not re.fullmatch(r"[^:\s]+:[^:\s]+", factory):
            raise self._error(
                self._line("factory", at), f"factory is {factory!r}; the form is MODULE:NAME, such as 'pkg:Loop'"
            )
        entries = table.get("known", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self._error(self._header("known"), "known failures are tables: write [[known]]")
        known = [one for number, entry in enumerate(entries) for one in self._known(entry, number)]
        self._no_doubles(known)
        digest = hashlib.sha256("\n".join(self._lines).encode()).hexdigest()
        return Declaration(self._path, factory, self._declined(self._table(table, "declined")), known, digest)

    def _declined(self, table: Mapping[str, Any]) -> dict[str, str]:
        at = self._header("declined")
        possible = [name for name, need in NEEDS.items() if need.offered]
        for name in table:
            if name not in possible:
                near = _near(name, possible)
                raise self._error(
                    self._line(name, at),
                    f"[declined] {name}: a loop can decline only {', '.join(sorted(possible))}{near}",
                )
        return {name: self._text(table, name, "[declined]", at, needed=True) for name in table}

    def _known(self, table: Mapping[str, Any], number: int) -> list[Known]:
        at = self._header("known", number)
        where = "[[known]]"
        self._keys(table, KEYS, where, at)
        ids = list(self._ids(table, where, at))
        needs = table.get("needs", [])
        if not isinstance(needs, list) or not all(name in NEEDS for name in needs):
            raise self._error(self._line("needs", at), f"needs is {needs!r}; a list of names, of {', '.join(NEEDS)}")
        sometimes = table.get("sometimes", False)
        if not isinstance(sometimes, bool):
            raise self._error(self._line("sometimes", at), f"sometimes is {sometimes!r}; write true, or leave it away")
        if sometimes and "expires" not in table:
            raise self._error(
                self._line("sometimes", at), "sometimes needs expires: nothing else would tell that it is mended"
            )
        expires = table.get("expires", "")
        if isinstance(expires, datetime.date):
            expires = expires.isoformat()[:10]
            table = {**table, "expires": expires}
        text = {
            key: self._text(table, key, where, at, needed=key in ("outcome", "reason"))
            for key in KEYS
            if key not in ("id", "needs", "sometimes")
        }
        if text["outcome"] not in KNOWN_OUTCOMES:
            raise self._error(
                self._line("outcome", at), f"outcome is {text['outcome']!r}; one of {', '.join(KNOWN_OUTCOMES)}"
            )
        for key in ("python", "version"):
            try:
                SpecifierSet(text[key])
            except InvalidSpecifier:
                raise self._error(
                    self._line(key, at), f"{key} is {text[key]!r}; versions are given as in '>=3.12' or '>=1.0,<2'"
                ) from None
        if text["expires"] and _day(text["expires"]) is None:
            try:
                Version(text["expires"])
            except InvalidVersion:
                raise self._error(
                    self._line("expires", at),
                    f"expires is {text['expires']!r}; a day, as '2027-03-01', or a version of the subject, as '2.0'",
                ) from None
        listed = isinstance(table.get("id"), list)
        return [
            Known(
                id,
                needs=tuple(needs),
                sometimes=sometimes,
                line=line if listed else at,
                entry=number,
                listed=listed,
                **text,
            )
            for id, line in ids
        ]

    def _ids(self, table: Mapping[str, Any], where: str, at: int) -> Iterator[tuple[str, int]]:
        """The ids of an entry, each with its line."""
        listed = table.get("id")
        if not isinstance(listed, list):
            listed = [self._text(table, "id", where, at, needed=True)]
        line = self._line("id", at)
        if not listed:
            raise self._error(line, f"{where} id is an empty list; write an id, or delete the entry")
        for id in listed:
            if not isinstance(id, str):
                raise self._error(line, f"{where} id has {id!r} in its list; write texts, in quotes")
            rest = enumerate(self._lines[line - 1 :], line)
            line = next((at for at, text in rest if f'"{id}"' in text or f"'{id}'" in text), line)
            if "::" not in id:
                raise self._error(line, f"id is {id!r}; the form is AREA::NAME, or a pattern with *")
            yield id, line

    def _no_doubles(self, known: Sequence[Known]) -> None:
        seen: dict[tuple[Any, ...], Known] = {}
        for entry in known:
            key = (entry.id, *(getattr(entry, name) for name in CONDITIONS))
            if entry.sometimes:  # where chance decides how it fails, each way has an entry
                key += (entry.outcome, entry.match)
            if key in seen:
                raise self._error(
                    entry.line, f"{entry.id!r} stands in line {seen[key].line} already, under the same conditions"
                )
            seen[key] = entry

    def _table(self, table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        found = table.get(name, {})
        if not isinstance(found, dict):
            raise self._error(self._line(name, 0), f"{name} is {found!r}; write a table, [{name}]")
        return found

    def _keys(self, table: Mapping[str, Any], possible: Sequence[str], where: str, at: int) -> None:
        for name in table:
            if name not in possible:
                raise self._error(
                    self._line(name, at - 1 if where else 0),
                    f"{where} {name!r}: there is no such key{_near(name, possible)}; "
                    f"there are {', '.join(possible)}".strip(),
                )

    def _text(self, table: Mapping[str, Any], key: str, where: str, at: int, *, needed: bool) -> str:
        value = table.get(key, "")
        if not isinstance(value, str):
            raise self._error(self._line(key, at), f"{where} {key} is {value!r}; write a text, in quotes")
        if needed and not value.strip():
            what = "says nothing" if key in table else "is missing"
            raise self._error(self._line(key, at) if key in table else at, f"{where} {key} {what}; write one")
        return value

    def _header(self, name: str, number: int = 0) -> int:
        """The line, from one, in which the table with this name begins; 1 if it is written another way."""
        head = re.compile(rf"\s*\[\[?\s*{re.escape(self._prefix + name)}\s*\]\]?\s*(#.*)?")
        found = [at for at, line in enumerate(self._lines, 1) if head.fullmatch(line)]
        return found[number] if number < len(found) else 1

    def _line(self, key: str, at: int) -> int:
        """The line of a key at or below a line; that line itself if it is written another way."""
        begins = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=|\s*\[\[?\s*{re.escape(self._prefix + key)}\b""")
        for number, line in enumerate(self._lines[max(at, 0) :], max(at, 0) + 1):
            if begins.match(line):
                return number
        return max(at, 1)

    def _error(self, line: int, what: str) -> DeclarationError:
        return DeclarationError(f"{self._path}:{line}: {what}")


def _near(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    # Not fnmatch: the settings in ids stand in brackets, which mean something else there.
    return re.compile(".*".join(map(re.escape, text.split("*"))))


@functools.cache
def _contains(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidVersion:
        return False


@functools.cache
def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None
