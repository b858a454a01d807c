"""The declaration of the project in the current folder, and writing files."""

from __future__ import annotations

from pathlib import Path

from loopcheck import known
from loopcheck.commands import Mistake
from loopcheck.report.writing import WritingError, write_whole


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
    """Write a file whole or not at all, and the folders that it is in.

    Raises:
        Mistake: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except WritingError as error:
        raise Mistake(str(error)) from None
    except OSError as error:
        raise Mistake(f"cannot make the folder {str(path.parent)!r}: {error.strerror}") from None
