"""What OpenSSL says of a TLS handshake that failed, in words for the person who must act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["PLAIN", "tls_words"]

PLAIN: Final = "it answers in plain: it has no TLS, or somebody stands between"

_UNKNOWN_CA: Final = "unknown CA: its certificate is of another authority than ours"
_BY_CODE: Final[Mapping[int, str]] = {
    9: "certificate not valid yet: a clock may be wrong",
    10: "certificate expired",
    18: _UNKNOWN_CA,
    19: _UNKNOWN_CA,
    20: _UNKNOWN_CA,
    21: _UNKNOWN_CA,
    26: "certificate not made for this end of a connection (extended key usage)",
    62: "wrong name: its certificate is of another host",
}
"""By the numbers of OpenSSL's ``X509_V_ERR_…``."""
_BY_REASON: Final[Mapping[str, str]] = {
    "HTTP_REQUEST": PLAIN,
    "HUNG_UP": "it hung up after the handshake: it does not take our certificate, and its log says why",
    "NO_ANSWER": "it does not answer the handshake",
    "PACKET_LENGTH_TOO_LONG": PLAIN,
    "RECORD_LAYER_FAILURE": PLAIN,
    "UNKNOWN_PROTOCOL": PLAIN,
    "WRONG_VERSION_NUMBER": PLAIN,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate",
    "NO_SHARED_CIPHER": "it knows no cipher with forward secrecy",
    "UNSUPPORTED_PROTOCOL": "it speaks nothing newer than TLS 1.1",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority of our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it finds our certificate expired",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate of us",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks another version of TLS",
}
"""By the names of OpenSSL's ``SSL_R_…``."""


def tls_words(reason: str, verify_code: int | None = None) -> str:
    """Return what went wrong, seen from the end that noticed it.

    Args:
        reason: OpenSSL's word (``WRONG_VERSION_NUMBER``).
        verify_code: where the peer's certificate was not good enough: why.
    """
    if verify_code:
        return _BY_CODE.get(verify_code, f"certificate not taken (OpenSSL's reason {verify_code})")
    return _BY_REASON.get(reason, reason.replace("_", " ").lower() or "TLS failed")
