"""A certificate authority for this process, made by trustme when first asked for."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import ssl
import tempfile

import trustme


class Authority:
    """One root, one server certificate for localhost and 127.0.0.1, and contexts that use them."""

    host = "localhost"
    """The name to give as ``server_hostname``."""

    def __init__(self) -> None:
        # ECDSA, trustme's default: 0.4 ms a certificate where RSA takes 80 ms.
        self.root = trustme.CA()
        self.leaf = self.root.issue_cert(self.host, "127.0.0.1", "::1")
        self._folder = tempfile.mkdtemp(prefix="lc-authority-")
        atexit.register(_remove, self._folder, os.getpid())
        self._chain = os.path.join(self._folder, "server.pem")
        with open(self._chain, "wb") as file:
            file.write(self.leaf.private_key_and_cert_chain_pem.bytes())

    @property
    def server(self) -> ssl.SSLContext:
        """A new context for the side that accepts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Not configure_cert(), which deletes the file at once: rsloop reads it again when it makes a server.
        context.load_cert_chain(self._chain)
        return context

    @property
    def client(self) -> ssl.SSLContext:
        """A new context for the side that connects, which trusts the root and checks names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.root.configure_trust(context)
        return context


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked child, whose parent still needs it
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def authority() -> Authority:
    """The authority of this process."""
    return Authority()
