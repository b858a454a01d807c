"""The certificates of the folder ``certs``, which no authority needs to make: for who must not wait for trustme."""

from __future__ import annotations

import ssl
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
FOLDER = next(
    (folder for folder in (_PACKAGE / "certs", _PACKAGE.parent / "certs") if (folder / "root.pem").exists()),
    _PACKAGE / "certs",
)
"""Where they lie: in an installed wheel, or beside the package in its repository."""


def frozen_server(name: str) -> ssl.SSLContext:
    """A new context for the side that accepts, with the certificate of this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    password = (FOLDER / "password.txt").read_text().strip() if name == "encrypted_key" else None
    context.load_cert_chain(FOLDER / f"{name}.pem", password=password)
    return context


def frozen_client() -> ssl.SSLContext:
    """A new context for the side that connects, which trusts their root."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(FOLDER / "root.pem")
    return context
