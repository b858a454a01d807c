"""A certificate authority for this process, made by trustme when first asked for."""

from __future__ import annotations

import functools
import ssl

import trustme


class Authority:
    """One root, one server certificate for localhost and 127.0.0.1, and contexts that use them."""

    host = "localhost"
    """The name to give as ``server_hostname``."""

    def __init__(self) -> None:
        # ECDSA, trustme's default: 0.4 ms a certificate where RSA takes 80 ms.
        self.root = trustme.CA()
        self.leaf = self.root.issue_cert(self.host, "127.0.0.1", "::1")

    @property
    def server(self) -> ssl.SSLContext:
        """A new context for the side that accepts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.leaf.configure_cert(context)
        return context

    @property
    def client(self) -> ssl.SSLContext:
        """A new context for the side that connects, which trusts the root and checks names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.root.configure_trust(context)
        return context


@functools.cache
def authority() -> Authority:
    """The authority of this process."""
    return Authority()
