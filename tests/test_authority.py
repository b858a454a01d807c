"""The authority, and the frozen certificates: what is frozen is there and loads, and nothing stays on disk."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from loopcheck.kit.authority import ISSUERS, authority
from loopcheck.kit.frozen import FOLDER

FILES = sorted(path.stem for path in FOLDER.glob("*.pem") if path.stem != "root")


def test_every_frozen_certificate_is_in_the_recipe() -> None:
    recipe = (FOLDER / "make.py").read_text()

    assert FILES != []
    assert [name for name in FILES if f'write("{name}"' not in recipe] == []


@pytest.mark.parametrize("name", FILES)
def test_frozen_certificate_loads(name: str) -> None:
    with authority() as made:
        assert isinstance(made.frozen(name), ssl.SSLContext)
        assert len(made.trusts_frozen.get_ca_certs()) == 1


@pytest.mark.parametrize("issuer", ISSUERS)
def test_authority_issues_and_leaves_no_file(issuer: str) -> None:
    with authority() as made:
        made.serving("some.test", issuer=issuer)
        folder = made._folder
        assert folder is not None and os.path.isdir(folder)

    assert not Path(folder).exists()
