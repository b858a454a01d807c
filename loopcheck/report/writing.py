"""Writing a file whole or not at all: what was there before stays until all of the new one is on the disk."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path


class WritingError(Exception):
    """The file cannot be written; the message names it and says why. What was there before is still there."""


def write_whole(path: Path, content: bytes) -> None:
    """Put content into a file, by writing a temporary file beside it and renaming that.

    A symbolic link is followed: the file that it names is replaced, and the link stays. What is no file, such as a
    terminal or a pipe, is written to as it is.

    Raises:
        WritingError: it cannot be written.
    """
    try:
        target = path.resolve()
        if target.is_symlink():
            raise WritingError(f"cannot write {str(path)!r}: that is a link that leads to itself")
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and stat.S_ISDIR(mode):
            raise WritingError(f"cannot write {str(path)!r}: that is a folder; name a file")
        if mode is not None and not stat.S_ISREG(mode):
            target.write_bytes(content)
            return
        _replace(target, content, mode)
    except RuntimeError:  # Path.resolve() before Python 3.13
        raise WritingError(f"cannot write {str(path)!r}: that is a link that leads to itself") from None
    except OSError as error:
        raise WritingError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _replace(target: Path, content: bytes, mode: int | None) -> None:
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.chmod(beside, stat.S_IMODE(mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
