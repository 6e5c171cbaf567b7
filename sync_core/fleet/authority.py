"""Certificates as bytes: an authority, what it signs, and what a certificate says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sync_core.model.errors import CertificateError
from sync_core.model.security import parse_ip

__all__ = ["AUTHORITY_DAYS", "HOST_DAYS", "Authority", "CertificateFacts", "Pair", "facts_of"]

AUTHORITY_DAYS: Final = 20 * 365
HOST_DAYS: Final = 2 * 365

_CLOCKS_DIFFER: Final = timedelta(days=1)
"""A new certificate is valid on a machine whose clock is late."""
_CURVE: Final = ec.SECP256R1()
_KEY_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and the key to it, in PEM.

    Attributes:
        cert: everybody may have it.
        key: nobody else may.
    """

    cert: bytes
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a certificate says.

    Attributes:
        names: the DNS names in it.
        starts_at: from when it is valid.
        ends_at: until when.
    """

    names: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


class Authority:
    """Signs certificates.

    Args:
        pair: of the authority itself.

    Attributes:
        cert: its certificate, in PEM.
        ends_at: when that ends.

    Raises:
        CertificateError: that is none, or the two don't belong together.
    """

    def __init__(self, pair: Pair) -> None:
        try:
            self._cert = x509.load_pem_x509_certificate(pair.cert)
            key = serialization.load_pem_private_key(pair.key, password=None)
        except (ValueError, TypeError) as error:
            raise CertificateError(f"the authority's certificate or key can't be read: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self._cert.public_key():
            raise CertificateError("the authority's key does not match its certificate, or is of another kind")
        self._key = key
        self.cert = pair.cert
        self.ends_at = self._cert.not_valid_after_utc

    @classmethod
    def new(cls, title: str, *, now: datetime, days: int = AUTHORITY_DAYS) -> Pair:
        """Return a new authority.

        Args:
            title: what it calls itself.
            now: the time, with a time zone.
            days: how long it is valid.
        """
        key = ec.generate_private_key(_CURVE)
        name = _name(title)
        built = (
            _builder(name, name, key, now=now, ends_at=now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        )
        return _pair(built.sign(key, hashes.SHA256()), key)

    def issue(self, name: str, *, now: datetime, days: int = HOST_DAYS) -> Pair:
        """Return a new certificate for a host, with a new key; it is for both ends of a connection.

        Args:
            name: of the host in the inventory.
            now: the time, with a time zone.
            days: how long it is valid; never longer than the authority.

        Raises:
            CertificateError: that name can't stand in a certificate.
        """
        if not _is_possible(name):
            hint = "give the host a name in ASCII, with at most 63 characters between two dots"
            raise CertificateError(f"{name!r} can't stand in a certificate", hint=hint)
        address = parse_ip(name)
        names = [x509.DNSName(name), *([] if address is None else [x509.IPAddress(address)])]
        key = ec.generate_private_key(_CURVE)
        ends_at = min(now + timedelta(days=days), self.ends_at)
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        built = (
            _builder(_name(name), self._cert.subject, key, now=now, ends_at=ends_at)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage("digital_signature"), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(ours, critical=False)
        )
        return _pair(built.sign(self._key, hashes.SHA256()), key)

    def has_signed(self, cert: bytes) -> bool:
        """Return whether a certificate in PEM is of this authority."""
        try:
            x509.load_pem_x509_certificate(cert).verify_directly_issued_by(self._cert)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def facts_of(cert: bytes) -> CertificateFacts:
    """Return what a certificate in PEM says.

    Raises:
        CertificateError: it is none.
    """
    try:
        found = x509.load_pem_x509_certificate(cert)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns_names = tuple(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        dns_names = ()
    except ValueError as error:
        raise CertificateError(f"it is no certificate in PEM: {error}") from error
    return CertificateFacts(names=dns_names, starts_at=found.not_valid_before_utc, ends_at=found.not_valid_after_utc)


def _is_possible(name: str) -> bool:
    try:
        return name.encode("idna") == name.encode("ascii")
    except UnicodeError:
        return False


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])  # more can't stand there


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, now: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in wanted for usage in _KEY_USAGES})


def _pair(cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        cert=cert.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
