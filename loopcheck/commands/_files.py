"""The declaration of the project in the current folder, and writing files whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from loopcheck import known
from loopcheck.commands import Mistake


def declaration(given: str | None, else_: str = "") -> tuple[Path, known.Declaration]:
    """The file that declares what is known of a loop, and what it says.

    Args:
        given: the file that the user named; None for that of the current folder.
        else_: what the user can do besides, where there is none.

    Raises:
        Mistake: there is none, or it is wrong.
    """
    path = known.find(Path.cwd()) if given is None else Path(given)
    if path is None:
        more = f", {else_}" if else_ else ""
        raise Mistake(f"there is no {known.FILE} here; 'loopcheck init MODULE:NAME' writes one{more}")
    try:
        return path, known.read(path, str(given or path.name))
    except known.DeclarationError as error:
        raise Mistake(str(error)) from None


def write(path: Path, text: str) -> None:
    """Write a file whole, or not at all.

    Raises:
        Mistake: it cannot be written.
    """
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, delete=False) as file:
            try:
                file.write(text)
                os.chmod(file.name, mode)
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise Mistake(f"{path}: cannot write it: {error.strerror}") from None


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
