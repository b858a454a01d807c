"""What a check is: a function that shows one behaviour of a loop, and the catalogue of all of them.

Checks live in ``loopcheck/checks/``, one module per area, and canaries, which run the scenarios of real libraries, in
``loopcheck/canaries/``, one module per library. A module declares them with :func:`check`, and with
:func:`untested` the behaviours that no black-box test can show, so that the catalogue is honest about its gaps.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.resources
import inspect
import itertools
import os
import pkgutil
import platform
import re
import shlex
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from loopcheck.basics import CONNECTS
from loopcheck.needs import NEEDS
from loopcheck.outcomes import LEVELS, Level
from loopcheck.settings import SETTINGS

F = TypeVar("F", bound=Callable[..., Any])


class CatalogueError(Exception):
    """A check module is wrong: a duplicate id, an unknown need, a missing sentence. The fault is the battery's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One behaviour in the catalogue: a check, or one that is named but not tested."""

    reference: str
    """Where the behaviour is stated: a documentation anchor, a PEP, an issue or a file of the standard library."""
    level: Level
    python: str = ""
    """The Python versions on which the behaviour holds, as a version specifier; empty for all."""
    needs: tuple[str, ...] = ()
    function: Callable[..., Any] | None = field(default=None, repr=False, compare=False)
    """The check itself; None when the behaviour is not tested, and in processes that only speak of it."""
    because: str = ""
    """Why it is not tested."""
    area: str = ""
    name: str = ""
    setting: str = ""
    """The setting in which it runs, one of ``loopcheck.settings``; empty for the plain run."""
    sentence: str = ""
    """The behaviour, in the present tense: the first sentence of the docstring."""
    story: str = ""
    """The rest of the docstring: who breaks, or what is subtle; may be empty."""
    formerly: tuple[str, ...] = ()
    """The ids that it had before, without a setting."""
    after: tuple[str, ...] = ()
    """What it presupposes: the ids of basic checks whose failure would explain its own."""
    plain: str = ""
    """The id of its plain run; empty for a plain run."""

    @property
    def id(self) -> str:
        """The public name, ``area::name``, or ``area::name[setting]``."""
        return f"{self.area}::{self.name}" + (f"[{self.setting}]" if self.setting else "")

    @property
    def former_ids(self) -> list[str]:
        """The ids that it had before, in its setting."""
        return [id + (f"[{self.setting}]" if self.setting else "") for id in self.formerly]

    @property
    def is_canary(self) -> bool:
        """Whether it is no check of the battery, but a scenario of a real library."""
        return self.area in canary_names()

    @property
    def tested(self) -> bool:
        """Whether there is a check; else ``because`` says why not."""
        return not self.because

    @property
    def link(self) -> str:
        """The reference as an address on the web."""
        return link_of(self.reference)

    def applies(self, version: str = platform.python_version()) -> bool:
        """Whether the behaviour belongs to this Python version."""
        return applies_to(self.python, version)

    def source(self) -> str:
        """The text of the check; for an untested behaviour, an empty string."""
        return textwrap.dedent(inspect.getsource(self.function)) if self.function else ""

    def to_message(self) -> dict[str, Any]:
        """All but the function, for a process that has no use for that: see :meth:`from_message`."""
        return {name: getattr(self, name) for name in _SPOKEN_OF}

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Entry:
        """The entry that :meth:`to_message` was asked of, without its function."""
        return cls(**message | {name: tuple(message[name]) for name in ("needs", "formerly", "after")})


_SPOKEN_OF = tuple(one.name for one in fields(Entry) if one.name != "function")


@functools.cache
def applies_to(specifier: str, version: str) -> bool:
    """Whether a Python version is one that a specifier names; an empty one names all."""
    # A pre-release of 3.15 is 3.15 here; PEP 440 would sort it before.
    final = re.match(r"[\d.]+", version)
    return not specifier or (final is not None and final[0].rstrip(".") in SpecifierSet(specifier))


_entries: dict[str, Entry] = {}

_REFERENCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?P<page>[a-z][\w.]*(?:-[\w.]+)*)#(?P<anchor>\S+)"),
        "https://docs.python.org/3/library/{page}.html#{anchor}",
    ),
    (
        re.compile(r"(?P<page>asyncio-[a-z]+|contextvars|signal|ssl|socket)"),
        "https://docs.python.org/3/library/{page}.html",
    ),
    (re.compile(r"PEP (?P<number>\d+)(?:#(?P<anchor>\S+))?"), "https://peps.python.org/pep-{number:0>4}/"),
    (re.compile(r"gh-(?P<number>\d+)"), "https://github.com/python/cpython/issues/{number}"),
    (
        re.compile(r"(?P<path>(?:Lib|Modules|Doc)/[\w/.]+)(?:: .+)?"),
        "https://github.com/python/cpython/blob/main/{path}",
    ),
    (re.compile(r"PyPI: (?P<name>[a-z0-9-]+)"), "https://pypi.org/project/{name}/"),
)


@functools.cache
def link_of(reference: str) -> str:
    """The web address of a reference.

    Raises:
        CatalogueError: the reference has none of the known forms.
    """
    for pattern, address in _REFERENCES:
        if found := pattern.fullmatch(reference):
            groups = found.groupdict()
            link = address.format(**groups)
            return f"{link}#{groups['anchor']}" if groups.get("anchor") and "#" not in link else link
    raise CatalogueError(
        f"reference {reference!r} has none of the forms "
        "'page#anchor', 'PEP 567', 'gh-12345', 'Lib/asyncio/file.py: name', 'PyPI: name'"
    )


def check(
    reference: str,
    *,
    python: str = "",
    needs: tuple[str, ...] = (),
    level: Level = "must",
    formerly: tuple[str, ...] = (),
    after: tuple[str, ...] | None = None,
) -> Callable[[F], F]:
    """Declare a function of an area's module as a check.

    The function's parameters name what it uses of the kit (``loop``, ``trace``, ...); its docstring's first sentence
    is the behaviour. ``def`` gets a loop that does not run; the body of an ``async def`` runs inside the loop.

    Args:
        reference: where the behaviour is stated.
        python: the versions on which it holds, such as ``">=3.12"``.
        needs: what the machine and the loop must offer, names from ``loopcheck.needs``; those that its module names
            in ``NEEDS`` it has anyway.
        level: must (documented), should (CPython's loops all do it) or may (quality).
        formerly: the ids that the check had before it was renamed: declarations of known failures may hold them.
        after: what the check presupposes: the ids of basic checks whose failure would explain its own, the likeliest
            first, in the place of those that its module names in ``AFTER``.

    Raises:
        CatalogueError: at import, for anything that would make a misleading catalogue.
    """

    def declare(function: F) -> F:
        from loopcheck import kit

        entry = _entry(
            function.__module__,
            function.__name__,
            function.__doc__ or "",
            Entry(
                reference,
                level,
                python,
                _with_needs_of_area(function.__globals__, needs),
                function,
                formerly=formerly,
                after=_after_of_area(function) if after is None else after,
            ),
        )
        # Not inspect.signature(): for two thousand checks that takes a tenth of all that 'loopcheck list' takes.
        code: types.CodeType = function.__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        unknown = [name for name in parameters if name not in kit.TOOLS]
        if unknown:
            raise CatalogueError(f"{entry.id}: the kit has no {unknown[0]!r}; it has {', '.join(sorted(kit.TOOLS))}")
        return function

    return declare


def untested(
    name: str, reference: str, sentence: str, *, because: str, python: str = "", level: Level = "must"
) -> None:
    """Name a behaviour that the battery does not test, and say why.

    Raises:
        CatalogueError: at import, as for :func:`check`; also without a reason.
    """
    module = sys._getframe(1).f_globals["__name__"]  # the area is where the call stands
    if not because.strip():
        raise CatalogueError(f"{module}: untested {name!r} gives no reason")
    needs = _with_needs_of_area(sys._getframe(1).f_globals, ())
    _entry(module, name, sentence, Entry(reference, level, python, needs, because=because))


def _with_needs_of_area(module: Mapping[str, Any], needs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*module.get("NEEDS", ()), *needs)))


def _after_of_area(function: Callable[..., Any]) -> tuple[str, ...]:
    after: tuple[str, ...] = function.__globals__.get("AFTER", ())
    # What the others presuppose does not presuppose itself.
    return () if f"{function.__module__.rpartition('.')[2]}::{function.__name__}" in after else after


def also_in(
    table: Mapping[str, Iterable[Callable[..., Any]]],
    *,
    but: Mapping[str, Mapping[Callable[..., Any], str]] | None = None,
) -> None:
    """Have checks run in further settings: the table at the end of an area's file.

    A check of another area, that the table names too, is in these settings one of the table's area.

    Args:
        table: the checks by setting, names from ``loopcheck.settings``.
        but: by setting, the checks of the table that the setting cannot show, each with the reason: these are named
            in the catalogue as not tested.

    Raises:
        CatalogueError: at import, for a setting that there is not, a function that is not a check or does not suit the
            setting, or one of another area whose name is that of another check here.
    """
    here = sys._getframe(1).f_globals  # the area is where the table stands
    area = here["__name__"].rpartition(".")[2]
    exceptions = but or {}
    for setting, functions in table.items():
        for function in functions:
            plain = f"{function.__module__.rpartition('.')[2]}::{function.__name__}"
            if setting not in SETTINGS:
                raise CatalogueError(
                    f"{plain}: unknown setting {setting!r}; loopcheck.settings has {', '.join(sorted(SETTINGS))}"
                )
            if plain not in _entries or _entries[plain].function is not function:
                raise CatalogueError(f"{plain} is not a check: only checks run in settings")
            if SETTINGS[setting].coroutines_only and not inspect.iscoroutinefunction(function):
                raise CatalogueError(f"{plain}: the setting {setting!r} is for checks that are 'async def'")
            entry = _in_setting(_entries[plain], setting, exceptions.get(setting, {}).get(function))
            if entry.area != area:
                entry = replace(entry, area=area, needs=_with_needs_of_area(here, entry.needs), formerly=())
                own = _entries.get(f"{area}::{entry.name}")
                if own is not None and own.tested and entry.tested:
                    raise CatalogueError(f"{entry.id}, which is {plain}, has the name of another check, {own.id}")
            if entry.id in _entries:
                raise CatalogueError(f"{entry.id} is declared twice")
            _entries[entry.id] = entry
    for setting, reasons in exceptions.items():
        for function, because in reasons.items():
            if function not in table.get(setting, ()):
                raise CatalogueError(f"{function.__name__} is not in the table for {setting!r}, and needs no exception")
            if not because.strip():
                raise CatalogueError(f"{function.__name__}: the exception from {setting!r} gives no reason")


def _in_setting(plain: Entry, setting: str, because: str | None) -> Entry:
    given = SETTINGS[setting]
    entry = replace(
        plain,
        setting=setting,
        level=max(plain.level, given.level, key=LEVELS.index),
        python=",".join(filter(None, (plain.python, given.python))),
        needs=tuple(dict.fromkeys((*plain.needs, *given.needs))),
        after=_instead_of_connects(plain.after, given.after) if given.after else plain.after,
        plain=plain.id,
    )
    return entry if because is None else replace(entry, function=None, because=because)


def _instead_of_connects(after: tuple[str, ...], channel: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(itertools.chain.from_iterable(channel if id in CONNECTS else (id,) for id in after)))


def _entry(module: str, name: str, text: str, given: Entry) -> Entry:
    area = module.rpartition(".")[2]
    id = f"{area}::{name}"
    paragraphs = inspect.cleandoc(text).split("\n\n", 1)
    sentence = " ".join(paragraphs[0].split())
    if not sentence.endswith("."):
        raise CatalogueError(
            f"{id}: the docstring begins with one sentence that states the behaviour; found {sentence!r}"
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise CatalogueError(f"{id}: a name is made of lower-case words joined by underscores")
    if given.level not in LEVELS:
        raise CatalogueError(f"{id}: level {given.level!r} is none of {', '.join(LEVELS)}")
    for need in given.needs:
        if need not in NEEDS:
            raise CatalogueError(f"{id}: unknown need {need!r}; loopcheck.needs has {', '.join(sorted(NEEDS))}")
    try:
        SpecifierSet(given.python)
        link_of(given.reference)
    except (InvalidSpecifier, CatalogueError) as error:
        raise CatalogueError(f"{id}: {error}") from None
    if id in _entries:
        raise CatalogueError(f"{id} is declared twice")
    story = paragraphs[1].strip() if len(paragraphs) > 1 else ""
    entry = replace(given, area=area, name=name, sentence=sentence, story=story)
    _entries[id] = entry
    return entry


@functools.cache
def area_names() -> tuple[str, ...]:
    """The areas of the battery, sorted, without importing them."""
    return _modules_of("checks")


@functools.cache
def canary_names() -> tuple[str, ...]:
    """The areas of the canaries, sorted, without importing them: the names of libraries."""
    return _modules_of("canaries")


def _modules_of(package: str) -> tuple[str, ...]:
    folder = os.path.join(os.path.dirname(__file__), package)
    return tuple(sorted(module.name for module in pkgutil.iter_modules([folder]) if module.name[0] != "_"))


def _import(area: str) -> None:
    importlib.import_module(f"loopcheck.{'canaries' if area in canary_names() else 'checks'}.{area}")


def selecting(id: str) -> str:
    """What selects a check on pytest's command line, quoted for a shell."""
    return f"--loop-canaries {id}" if id.partition("::")[0] in canary_names() else shlex.quote(id)


def catalogue(*areas: str) -> list[Entry]:
    """Everything the areas declare (the whole battery when none is named), by area and in the order of the file.

    A check is followed by itself in its settings.
    """
    wanted = areas or area_names()
    for area in wanted:
        _import(area)
    return [entry for area in wanted for entry in _of(area)]


def catalogue_digest() -> str:
    """A SHA-256 over the battery: every file of its checks and of what they use. No area is imported for it."""
    total = hashlib.sha256()
    package = importlib.resources.files("loopcheck")
    for folder in ("checks", "kit"):
        for file in sorted(package.joinpath(folder).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                total.update(f"{folder}/{file.name}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()


def find(id: str) -> Entry:
    """The entry with this id.

    Raises:
        KeyError: there is none.
    """
    area = id.partition("::")[0]
    if area not in (*area_names(), *canary_names()):
        raise KeyError(id)
    _import(area)
    return _entries[id]


def _of(area: str) -> Iterator[Entry]:
    together: dict[str, list[Entry]] = {}
    for entry in _entries.values():
        if entry.area == area:
            together.setdefault(entry.name, []).append(entry)
    return itertools.chain.from_iterable(together.values())
