"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopcheck.report.writing import WritingError, write_whole


def test_what_was_there_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_whole(path, b"first")
    path.chmod(0o640)
    write_whole(path, b"second")

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"second", 0o640)
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "page.html"
    link.symlink_to("elsewhere/page.html")
    write_whole(link, b"there")

    assert (link.is_symlink(), (tmp_path / "elsewhere" / "page.html").read_bytes()) == (True, b"there")


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to("circle")
    for path, why in [
        (tmp_path, "that is a folder; name a file"),
        (tmp_path / "absent" / "page.html", "No such file or directory"),
        (Path("/dev/full"), "No space left on device"),
        (Path("/proc/page.html"), ""),
        (circle, "a link that leads to itself"),
        (tmp_path / ("x" * 300), "File name too long"),
    ]:
        with pytest.raises(WritingError, match=f"cannot write '{path}': .*{why}"):
            write_whole(path, b"x" * 100)


def test_a_good_file_outlives_a_bad_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    write_whole(path, b"good")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WritingError, match="No space left on device"):
        write_whole(path, b"half")

    assert ([one.name for one in tmp_path.iterdir()], path.read_bytes()) == (["page.html"], b"good")
