"""From ``MODULE:NAME`` to a loop factory: resolve it, try it, say what it is.

This runs in a child process, never in pytest's own: importing a subject may do anything.
Every mistake of the user's is a :class:`SubjectError`, one line that says what was asked, what was found and what to
do; a failure inside the subject's own code carries its traceback, cut to its own frames.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import pkgutil
import platform
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

CONTROL = "asyncio:SelectorEventLoop"
"""The running Python's own selector loop: what a check must pass before it may accuse a subject."""

_FORM = "the form is MODULE:NAME, such as uvloop:new_event_loop"


class SubjectError(Exception):
    """The subject cannot be used; the message is for the user, ``detail`` is the subject's own traceback."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


def resolve(spec: str) -> Callable[[], Any]:
    """The factory that ``spec`` names, untried.

    Raises:
        SubjectError: it has no colon, no such module or attribute exists, importing fails, or it is not callable.
    """
    asked = f"--loop-factory={spec!r}"
    module_name, colon, path = spec.partition(":")
    if not colon or not module_name or not path:
        raise SubjectError(f"{asked}: expected a module and a name with a colon between; {_FORM}")
    target: Any = _import(asked, module_name)
    walked = module_name
    for name in path.split("."):
        try:
            target = getattr(target, name)
        except AttributeError:
            near = _like(name, dir(target))
            raise SubjectError(f"{asked}: {walked!r} has no attribute {name!r}{near}; {_FORM}") from None
        except Exception as error:
            raise SubjectError(
                f"{asked}: looking up {name!r} raised {_one_line(error)}", _their_frames(error)
            ) from None
        walked += f".{name}"
    if not callable(target):
        raise SubjectError(
            f"{asked}: {target!r:.80} is not callable; name a loop class or a function that makes a loop"
        )
    factory: Callable[[], Any] = target
    return factory


def _import(asked: str, module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # Only when it is the named module itself that is missing; else the module exists and fails to import.
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            parent = module_name.rpartition(".")[0]
            near = _like(module_name, _importable(parent), top=module_name.partition(".")[0])
            raise SubjectError(f"{asked}: there is no module {error.name!r}{near}; {_FORM}") from None
        raise SubjectError(
            f"{asked}: importing {module_name!r} failed: {_one_line(error)}", _their_frames(error)
        ) from None
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # SystemExit too: a module may end the interpreter
        raise SubjectError(
            f"{asked}: importing {module_name!r} failed: {_one_line(error)}", _their_frames(error)
        ) from None


def _importable(parent: str) -> list[str]:
    if parent:
        try:
            spec = importlib.util.find_spec(parent)
        except Exception:
            return []
        found = pkgutil.iter_modules(spec.submodule_search_locations if spec else None)
        return [f"{parent}.{module.name}" for module in found]
    return [module.name for module in pkgutil.iter_modules()] + list(sys.builtin_module_names)


def _like(name: str, names: list[str], top: str = "") -> str:
    close = difflib.get_close_matches(name, names, n=1) or (difflib.get_close_matches(top, names, n=1) if top else [])
    return f" (did you mean {close[0]!r}?)" if close else ""


def try_out(spec: str, factory: Callable[[], Any]) -> list[Any]:
    """Make two loops: enough to refuse what can never be a subject.

    Returns:
        The two loops, open: whether a loop can be closed is for checks to say. Keep them while the process lives.

    Raises:
        SubjectError: the factory wants arguments, raises, or returns something other than new, idle, open loops.
    """
    asked = f"--loop-factory={spec!r}"
    try:
        missing = [
            parameter.name
            for parameter in inspect.signature(factory).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        missing = []  # a factory in C may tell nothing about itself
    if missing:
        raise SubjectError(
            f"{asked}: it wants arguments ({', '.join(missing)}); name a function without parameters that calls it"
        )
    first = _make(asked, factory)
    second = _make(asked, factory)
    if first is second:
        raise SubjectError(f"{asked}: it returned the same loop twice; every call must make a new one")
    return [first, second]


def _make(asked: str, factory: Callable[[], Any]) -> Any:
    try:
        loop = factory()
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise SubjectError(f"{asked}: calling it raised {_one_line(error)}", _their_frames(error)) from None
    if loop is None:
        raise SubjectError(f"{asked}: calling it returned None; return the loop that it makes")
    if inspect.iscoroutine(loop):
        loop.close()
        raise SubjectError(f"{asked}: calling it returned a coroutine; it must be a plain function")
    # Not isinstance(): a loop that does not derive from AbstractEventLoop is for a check to judge.
    needed = ("run_until_complete", "run_forever", "call_soon", "create_task", "close", "is_closed", "is_running")
    absent = [name for name in needed if not callable(getattr(loop, name, None))]
    if absent:
        raise SubjectError(
            f"{asked}: calling it returned {_safe_repr(loop)}, which is not an event loop: it has no {absent[0]}()"
        )
    if loop.is_closed():
        raise SubjectError(f"{asked}: calling it returned a loop that is already closed; return a new one")
    if loop.is_running():
        raise SubjectError(f"{asked}: calling it returned a loop that is already running; return a new one")
    return loop


def identify(spec: str, factory: Callable[[], Any], *, files: bool) -> dict[str, Any]:
    """What the subject is: where it came from and, with ``files``, which exact files.

    Returns:
        ``factory``, ``distribution`` and ``version`` (None for a module that belongs to no distribution), and with
        ``files`` the SHA-256 of every file of its top-level module by relative path, and a digest over all of them.
    """
    top = spec.partition(":")[0].partition(".")[0]
    distribution, version = distribution_of(spec)
    identity: dict[str, Any] = {"factory": spec, "distribution": distribution, "version": version}
    if files:
        origin = getattr(sys.modules.get(top), "__file__", None)
        identity["files"] = file_digests(Path(origin)) if origin else {}
        identity["digest"] = digest_of(identity["files"])
    return identity


def installed_files(spec: str) -> dict[str, str] | None:
    """The SHA-256 of every file of a subject's top-level module as it is installed here; nothing is imported for it.

    Returns:
        The digests by relative path, or None if there is no such module, or it has no file.
    """
    try:
        found = importlib.util.find_spec(spec.partition(":")[0].partition(".")[0])
    except (ImportError, ValueError):
        return None
    if found is None or not found.has_location or found.origin is None:
        return None
    return file_digests(Path(found.origin))


def distribution_of(spec: str) -> tuple[str | None, str | None]:
    """The distribution that a subject comes from, and its version; nothing is imported for it."""
    top = spec.partition(":")[0].partition(".")[0]
    if top in sys.stdlib_module_names:
        return platform.python_implementation(), platform.python_version()
    try:
        # The cheap guess first: packages_distributions() reads the metadata of everything that is installed.
        return top, importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        names = importlib.metadata.packages_distributions().get(top, [])
        return (names[0], importlib.metadata.version(names[0])) if names else (None, None)


def file_digests(origin: Path) -> dict[str, str]:
    """The SHA-256 of every file of a top-level module, by relative path: of a package, all that is in its folder."""
    is_package = origin.stem == "__init__"
    root = origin.parent.parent if is_package else origin.parent
    return {
        str(one.relative_to(root)): _sha256(one)
        for one in (sorted(origin.parent.rglob("*")) if is_package else [origin])
        if one.is_file() and "__pycache__" not in one.parts
    }


def digest_of(files: Mapping[str, str]) -> str:
    """One SHA-256 over the digests of files."""
    total = hashlib.sha256()
    for name, digest in files.items():
        total.update(f"{digest}  {name}\n".encode(errors="surrogateescape"))
    return total.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _one_line(error: BaseException) -> str:
    text = " ".join(_safe(str, error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def _safe_repr(value: object) -> str:
    return _safe(repr, value)[:120]


def _safe(render: Callable[[Any], str], value: object) -> str:
    try:
        return render(value)
    except Exception as error:
        return f"<{type(value).__name__} whose {render.__name__}() raises {type(error).__name__}>"


def _their_frames(error: BaseException) -> str:
    """The traceback without our frames and the import system's: what is left is theirs."""
    ours = os.path.dirname(__file__)

    def foreign(traceback_: TracebackType | None) -> TracebackType | None:
        while traceback_ is not None:
            name = traceback_.tb_frame.f_code.co_filename
            if not (name.startswith((ours, "<frozen importlib")) or name == importlib.__file__):
                return traceback_
            traceback_ = traceback_.tb_next
        return None

    lines = traceback.format_exception(type(error), error, foreign(error.__traceback__))
    return "".join(lines).rstrip()


def control() -> asyncio.AbstractEventLoop:
    """A loop of the control."""
    return asyncio.SelectorEventLoop()
