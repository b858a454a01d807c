"""The recipe for the certificates in this folder: what trustme cannot make.

``python certs/make.py`` writes them anew. They are frozen so that every machine sees the same ones, and valid for a
century, except where being out of date is the point. Their keys are public: trust none of them.

Each file that a server can present holds its key, its certificate, and the further certificates that it sends.
``root.pem`` is the root that most of them lead to.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = Path(__file__).resolve().parent
HOST = "localhost"
BEGIN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
PAST = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
PASSWORD = b"not a secret"


class Made:
    """A certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: Any) -> None:
        self.certificate, self.key = certificate, key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: bytes | None = None) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption(),
        )


def issue(
    name: str,
    issuer: Made | None = None,
    *,
    authority: bool = False,
    names: Iterable[str] = (HOST,),
    key: Any = None,
    usage: Any = ExtendedKeyUsageOID.SERVER_AUTH,
    end: datetime.datetime = END,
    digest: Any = hashes.SHA256,
    permitted: str | None = None,
) -> Made:
    """Make a certificate; without an issuer it signs itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if authority:
        uses = {"key_cert_sign": True, "crl_sign": True}
    else:
        uses = {"digital_signature": True}
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
        )
    everything = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    builder = builder.add_extension(x509.KeyUsage(**(dict.fromkeys(everything, False) | uses)), critical=True)
    if permitted is not None:
        builder = builder.add_extension(
            x509.NameConstraints(permitted_subtrees=[x509.DNSName(permitted)], excluded_subtrees=None), critical=True
        )
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest()
    return Made(builder.sign(signer, algorithm), key)


def write(name: str, leaf: Made, *more: Made, password: bytes | None = None) -> None:
    """Write what a server presents: key, certificate, and what else it sends."""
    (HERE / f"{name}.pem").write_bytes(leaf.key_pem(password) + leaf.pem + b"".join(one.pem for one in more))


def main() -> None:
    """Make them all."""
    root = issue("loopcheck frozen root", authority=True)
    (HERE / "root.pem").write_bytes(root.pem)
    (HERE / "password.txt").write_bytes(PASSWORD + b"\n")

    write("good", issue(HOST, root))
    write("encrypted_key", issue(HOST, root), password=PASSWORD)
    write("self_signed", issue(HOST))
    write("client_only", issue(HOST, root, usage=ExtendedKeyUsageOID.CLIENT_AUTH))
    write("p384", issue(HOST, root, key=ec.generate_private_key(ec.SECP384R1()), digest=hashes.SHA384))
    write("ed25519", issue(HOST, root, key=ed25519.Ed25519PrivateKey.generate()))
    write("rsa_2048", issue(HOST, root, key=rsa.generate_private_key(65537, 2048)))
    write("expired", issue(HOST, root, end=PAST))

    middle = issue("loopcheck frozen intermediate", root, authority=True)
    write("chain", issue(HOST, middle), middle)
    write("chain_without_middle", issue(HOST, middle))

    late = issue("loopcheck expired intermediate", root, authority=True, end=PAST)
    write("expired_authority", issue(HOST, late), late)

    no_authority = issue("loopcheck leaf", root)
    write("issued_by_leaf", issue(HOST, no_authority), no_authority)

    narrow = issue("loopcheck narrow intermediate", root, authority=True, permitted="alt.test")
    write("outside_constraints", issue(HOST, narrow), narrow)


if __name__ == "__main__":
    main()
