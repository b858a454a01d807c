"""Waiting until a file of the subject changes, by watchdog."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from loopcheck import known
from loopcheck.commands import Mistake

_QUIET = 0.2
"""Seconds without a change after which a change is over: compilers and editors write many files."""

_IGNORED = ("__pycache__", ".git", ".pytest_cache", ".mypy_cache", ".ruff_cache", "report.jsonl")


def files_of(subject: str) -> list[Path]:
    """The folders and files that a subject is made of, and what is declared of it.

    Raises:
        Mistake: there is no such module, or it has no files.
    """
    top = subject.partition(":")[0].partition(".")[0]
    sys.path.insert(0, os.getcwd())
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    finally:
        sys.path.pop(0)
    if spec is None:
        raise Mistake(f"{subject!r}: there is no module {top!r}")
    found = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if not found and spec.origin and Path(spec.origin).exists():
        found = [Path(spec.origin)]
    if not found:
        raise Mistake(f"{subject!r}: {top!r} has no files to be watched")
    declared = known.find(Path.cwd())
    return [path.resolve() for path in (*found, *([declared] if declared else []))]


@contextlib.contextmanager
def changes(paths: Sequence[Path]) -> Iterator[Callable[[], str]]:
    """Watch files and folders; gives a function that waits for the next change, and says what it was.

    Raises:
        Mistake: watchdog is not installed.
    """
    try:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer
    except ImportError:
        raise Mistake("--watch needs watchdog: pip install 'loopcheck[watch]'") from None

    seen: queue.SimpleQueue[str] = queue.SimpleQueue()

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            path = os.fsdecode(getattr(event, "dest_path", "") or event.src_path)
            about = event.event_type in ("created", "modified", "moved", "deleted") and not event.is_directory
            if about and not set(Path(path).parts) & set(_IGNORED) and _is_of(Path(path), paths):
                seen.put(path)

    def wait() -> str:
        path = seen.get()
        with contextlib.suppress(queue.Empty):
            while True:
                path = seen.get(timeout=_QUIET)
        return path

    observer = Observer()
    for folder in {path if path.is_dir() else path.parent for path in paths}:
        observer.schedule(Handler(), str(folder), recursive=any(path == folder for path in paths))
    observer.start()
    try:
        yield wait
    finally:
        observer.stop()
        observer.join()


def _is_of(path: Path, paths: Sequence[Path]) -> bool:
    return any(path == one or one in path.parents for one in paths)
