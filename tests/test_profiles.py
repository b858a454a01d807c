"""Profiles: what is shipped never changes, and names only what there is."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from support import ROOT

from loopcheck import profiles
from loopcheck.check import Entry, area_names, catalogue
from loopcheck.cli import main

SHIPPED = {
    "core-2026.1": "b44ceddde4220f68cf2ce6cdd0709026a90f9bd9be07d9337638bfb9dd773773",
    "network-2026.1": "55197d467e5a36ae8877c74d3834cedbeb1a4408d964aba7db3262b5c537125f",
    "tls-2026.1": "a26e3bc5fc517bab393b68f71463ad1f7e04276c9e2862905785ca3c15391aee",
    "process-2026.1": "640174487c499af2f87dca7474481ac63f32d20f84c6243a2f95ef757bd8c2b0",
    "full-2026.1": "d20cb3d541d3a0571cbc1b5bf48df475c647e217df2a443ac535b628a606c6b5",
}
"""The digest of each. A line is added with a new edition, and never changed: certificates rest on it."""


def test_what_is_shipped_is_what_was_frozen() -> None:
    assert {name: profiles.load(name).digest for name in profiles.names()} == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_check_of_a_profile_exists(name: str) -> None:
    """A check that is renamed keeps its old id in ``formerly=``."""
    tested = [entry for entry in catalogue() if entry.tested]
    ids = {entry.id for entry in tested} | {old for entry in tested for old in entry.former_ids}

    assert [id for id in profiles.load(name).checks if id not in ids] == []


def test_every_area_has_a_family() -> None:
    """An area that is named nowhere is one of the core; these are meant to be."""
    named = {*profiles.TLS, *profiles.PROCESS, *profiles.NETWORK}

    assert named <= set(area_names())
    assert {profiles.family_of(f"{area}::x") for area in area_names()} == set(profiles.FAMILIES) - {"full"}
    assert profiles.family_of("transports::x[start-tls-server]") == "tls"


def test_the_full_profile_is_all_the_others() -> None:
    parts = [profiles.load(name) for name in profiles.latest()]
    full = next(one for one in parts if one.family == "full")

    assert full.checks == {id: python for one in parts if one is not full for id, python in one.checks.items()}


def test_families_are_told() -> None:
    text = (ROOT / "docs" / "certificates.md").read_text()

    assert [name for name, about in profiles.FAMILIES.items() if f"| `{name}` | {about} |" not in text] == []


ENTRIES = [
    Entry("gh-1", "must", area="scheduling", name="b", sentence="It."),
    Entry("gh-1", "must", area="scheduling", name="a", python=">=3.12", sentence="It."),
    Entry("gh-1", "must", area="scheduling", name="c", because="no way", sentence="It."),
    Entry("gh-1", "must", area="tls", name="d", sentence="It."),
]


def frozen(folder: Path, family: str = "core") -> Path:
    path = folder / f"{family}-2027.1.toml"
    path.write_text(profiles.freeze(family, "2027.1", "1.0", ENTRIES, datetime.date(2027, 1, 2)))
    return path


def test_what_is_frozen_is_read_back(tmp_path: Path) -> None:
    profile = profiles.read(frozen(tmp_path))

    assert (profile.name, profile.frozen, profile.loopcheck) == ("core-2027.1", datetime.date(2027, 1, 2), "1.0")
    assert profile.checks == {"scheduling::a": ">=3.12", "scheduling::b": ""}
    assert (profile.on("3.11.7"), profile.on("3.15.0a1")) == (["scheduling::b"], ["scheduling::a", "scheduling::b"])
    assert (profile.covers("scheduling::z"), profile.covers("tls::d")) == (True, False)


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ('    "scheduling::b",\n', "", "its checks are not those that were frozen"),
        (">=3.12", ">=3.13", "its checks are not those that were frozen"),
        ("checks", "cheques", "it is no profile"),
        ("[", "", "it is no profile"),
    ],
)
def test_what_is_not_as_it_was_frozen_is_refused(tmp_path: Path, was: str, now: str, says: str) -> None:
    path = frozen(tmp_path)
    path.write_text(path.read_text().replace(was, now))

    with pytest.raises(profiles.ProfileError, match=says):
        profiles.read(path)


def test_the_command_lists_shows_and_freezes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile"]) == 0
    assert "core-2026.1" in capsys.readouterr().out
    assert main(["profile", "tls-2026.1"]) == 0
    assert all(line.split("::")[0] for line in capsys.readouterr().out.splitlines())
    assert main(["profile", "--freeze", "2099.1", "--to", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == {f"{family}-2099.1" for family in profiles.FAMILIES}
    assert len(profiles.read(tmp_path / "full-2099.1.toml").checks) == sum(entry.tested for entry in catalogue())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["profile", "core-1999.1"], "there is no profile 'core-1999.1'; there are core-2026.1"),
        (["profile", "--freeze", "next"], "an edition is a year and a number"),
        (["profile", "--freeze", "2026.2", "--to", "/nowhere"], "cannot write"),
    ],
)
def test_mistakes_are_told(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 4
    assert says in capsys.readouterr().err


def test_a_frozen_profile_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frozen(tmp_path)

    assert main(["profile", "--freeze", "2027.1", "--to", str(tmp_path)]) == 4
    assert "a frozen profile never changes" in capsys.readouterr().err
