"""A certificate authority for this process, made by trustme when first asked for, and the frozen certificates.

Keys and certificates are issued once per process, each when first needed: 0.4 ms for ECDSA, 80 ms for RSA. Contexts
are new each time, so that a check may change its own, which takes 0.4 ms for clients and 2 ms for servers; only peers
that are told nothing else share theirs. The files that contexts were loaded from are there until the check has ended.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from typing import Any

import trustme

from loopcheck.kit.frozen import frozen_client, frozen_server

_DAY = datetime.timedelta(days=1)

ISSUERS = ("root", "intermediate", "stranger")


class Authority:
    """A root that the clients trust, an intermediate below it, a stranger that nobody trusts, and what they issue."""

    host = "localhost"
    """The name to give as ``server_hostname``; the usual certificate also has 127.0.0.1 and ::1."""

    other = "alt.test"
    """A name that the usual certificate does not have."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._pems: dict[Any, bytes] = {}
        self._of_peers: dict[Any, ssl.SSLContext] = {}

    # who issues

    @functools.cached_property
    def root(self) -> trustme.CA:
        """The root that the clients of this authority trust."""
        return trustme.CA()

    @functools.cached_property
    def intermediate(self) -> trustme.CA:
        """An authority below the root; servers send its certificate along."""
        return self.root.create_child_ca()

    @functools.cached_property
    def stranger(self) -> trustme.CA:
        """A root that nobody trusts."""
        return trustme.CA()

    # contexts

    @property
    def server(self) -> ssl.SSLContext:
        """A new context for the side that accepts."""
        return self.serving()

    @property
    def client(self) -> ssl.SSLContext:
        """A new context for the side that connects, which trusts the root and checks names."""
        return self.trusting(self.root)

    def serving(
        self, *names: str, issuer: str = "root", expired: bool = False, early: bool = False, rsa: bool = False
    ) -> ssl.SSLContext:
        """A new context for the side that accepts.

        Args:
            names: those that its certificate is for; without any, the usual ones.
            issuer: whose certificate it is, one of :data:`ISSUERS`.
            expired: whether its time is over.
            early: whether its time has not come yet.
            rsa: whether it has an RSA key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        identities = names or (self.host, "127.0.0.1", "::1")
        # Not configure_cert(), which deletes the file at once: rsloop reads it again when it makes a server.
        context.load_cert_chain(self._file(self._issued(identities, issuer, expired, early, rsa)))
        return context

    def trusting(self, issuer: trustme.CA) -> ssl.SSLContext:
        """A new context for the side that connects, which trusts one root and checks names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=issuer.cert_pem.bytes().decode())
        return context

    def client_with(self, name: str, issuer: str = "root") -> ssl.SSLContext:
        """A new context for the side that connects, which has a certificate itself."""
        context = self.client
        context.load_cert_chain(self._file(self._issued((name,), issuer, False, False, False)))
        return context

    def server_asking(self, mode: ssl.VerifyMode = ssl.CERT_REQUIRED) -> ssl.SSLContext:
        """A new context for the side that accepts, which asks clients for a certificate of the root."""
        context = self.server
        context.verify_mode = mode
        context.load_verify_locations(cadata=self.root.cert_pem.bytes().decode())
        return context

    def root_as_file(self) -> str:
        """The path of a file with the root's certificate; it is there until the check has ended."""
        return self._file(self.root.cert_pem.bytes())

    def of_peers(
        self, *, server_side: bool, highest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    ) -> ssl.SSLContext:
        """The usual context of a peer: one for all checks, not to be changed.

        Args:
            server_side: whether the peer accepts.
            highest: the highest version that it speaks.
        """
        key = server_side, highest
        if key not in self._of_peers:
            self._of_peers[key] = self.server if server_side else self.client
            self._of_peers[key].maximum_version = highest
        return self._of_peers[key]

    # what is frozen

    def frozen(self, name: str) -> ssl.SSLContext:
        """A new context for the side that accepts, with a certificate of the folder ``certs``."""
        return frozen_server(name)

    @property
    def trusts_frozen(self) -> ssl.SSLContext:
        """A new context for the side that connects, which trusts the root of the folder ``certs``."""
        return frozen_client()

    # files

    def tidy(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _issued(self, names: tuple[str, ...], issuer: str, expired: bool, early: bool, rsa: bool) -> bytes:
        key = (names, issuer, expired, early, rsa)
        if key not in self._pems:
            now = datetime.datetime.now(datetime.UTC)
            times: dict[str, Any] = {}
            if expired:
                times = {"not_before": now - 2 * _DAY, "not_after": now - _DAY}
            elif early:
                times = {"not_before": now + 2 * _DAY, "not_after": now + 3 * _DAY}
            kind = trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA
            authority: trustme.CA = getattr(self, issuer)
            leaf = authority.issue_cert(*names, key_type=kind, **times)
            self._pems[key] = leaf.private_key_and_cert_chain_pem.bytes()
        return self._pems[key]

    def _file(self, content: bytes) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="lc-authority-")
        number, path = tempfile.mkstemp(suffix=".pem", dir=self._folder)
        with open(number, "wb") as file:
            file.write(content)
        return path


@functools.cache
def _authority() -> Authority:
    return Authority()


@contextlib.contextmanager
def authority() -> Iterator[Authority]:
    """The authority of this process; after the block its files are gone."""
    try:
        yield _authority()
    finally:
        _authority().tidy()
