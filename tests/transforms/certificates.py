"""Certificates for tests: an authority that exists for one test, and what it vouches for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY: Final = timedelta(days=1)


class Signer(NamedTuple):
    """Whoever signs certificates."""

    name: str
    key: ec.EllipticCurvePrivateKey


def signer(name: str) -> Signer:
    """A signer with a key of its own."""
    return Signer(name, ec.generate_private_key(ec.SECP256R1()))


def write_authority(path: Path, authority: Signer) -> None:
    """Writes what a client is told that is to trust an authority."""
    path.write_bytes(_signed(authority, authority, timedelta(0), authority=True))


def write_certificate(path: Path, host: str, by: Signer | None = None, ends: timedelta = DAY) -> None:
    """Writes a certificate for a host, with its key.

    Args:
        by: who signs it; the host itself if None.
        ends: how long after now it ends; it holds for two days.
    """
    own = signer(host)
    secret = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + _signed(own, by or own, ends - DAY))


def _signed(subject: Signer, by: Signer, shift: timedelta, authority: bool = False) -> bytes:
    middle = datetime.now(UTC) + shift
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(subject.name))
        .issuer_name(_named(by.name))
        .public_key(subject.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(middle - DAY)
        .not_valid_after(middle + DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        names = x509.SubjectAlternativeName([x509.DNSName(subject.name)])
        made = made.add_extension(names, critical=False)
    return made.sign(by.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
