"""``loopcheck why`` and ``loopcheck doctor``: what does not run here, why, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopcheck import check, needs
from loopcheck.cli import main

ID = "scheduling::call_soon_fifo_order"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder on a machine that has all but IPv6."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(needs, "is_met", lambda name: name != "ipv6")


def why(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["why", *arguments]) == 0
    return capsys.readouterr().out


def test_a_check_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert why(capsys, ID, "--subject", "a:B") == f"{ID} runs here: pytest --loop-factory=a:B {ID}\n"


def test_what_the_machine_lacks_comes_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    needy = next(entry.id for entry in check.catalogue() if entry.tested and entry.needs == ("ipv6",))
    said = why(capsys, needy)

    assert f"{needy} does not run: it needs ipv6, which is not so here: The machine has IPv6 on loopback." in said
    assert "\n  to get it: switch IPv6 on: sysctl " in said


def test_other_versions_and_what_is_not_tested(capsys: pytest.CaptureFixture[str]) -> None:
    entries = check.catalogue()
    other = next(entry for entry in entries if entry.tested and not entry.applies())
    untested = next(entry for entry in entries if entry.because)

    assert f"it is about Python {other.python}, and this is 3." in why(capsys, other.id)
    assert f"it is in the catalogue as not tested: {untested.because}" in why(capsys, untested.id)


def test_a_name_that_a_check_had_before_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = check.Entry("gh-1", "must", area="tasks", name="new", sentence="It is.", formerly=("futures::old",))
    monkeypatch.setattr(check, "catalogue", lambda *areas: [renamed])

    assert why(capsys, "futures::old").startswith("futures::old is called tasks::new now\ntasks::new runs here: ")


def test_what_is_declared_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    secret = next(entry.id for entry in check.catalogue("start_tls") if entry.tested and entry.needs == ("tls",))
    Path("loopcheck.toml").write_text(
        f'[subject]\nfactory = "a:B"\n[declined]\ntls = "no"\n'
        f'[[known]]\nid = "{ID}"\noutcome = "hang"\nreason = "slow"\npython = ">=3.12"\n'
    )

    assert "--loop-factory=a:B" in why(capsys, ID)
    assert "\n  loopcheck.toml:5: known to be hang (python >=3.12): slow\n" in why(capsys, ID)
    assert "loopcheck.toml: [declined] tls: no: it must raise NotImplementedError" in why(capsys, secret)
    assert "known to be" not in why(capsys, ID, "--subject", "other:Loop")


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("scheduling::call_soon_fifo", f"did you mean {ID!r}?"),
        (f"{ID}[tls]", f"{ID} does not run in the setting 'tls'; it runs in debug, "),
    ],
)
def test_unknown_ids_are_mistakes(id: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", id]) == 4
    assert words in capsys.readouterr().err


def test_the_doctor_says_what_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    concerned = sum("ipv6" in entry.needs for entry in check.catalogue() if entry.tested and entry.applies())
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out

    assert f"\n{concerned} of " in said
    assert f"  ipv6 ({concerned} checks)\n    The machine has IPv6 on loopback.\n    to get it: switch IPv6 on" in said
