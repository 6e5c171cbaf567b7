"""TLS with a peer from this host, with the certificate that an agent here has; what it came to, in OpenSSL's words."""

import socket
import ssl
from typing import Any, Dict, Optional, Tuple

__all__ = ["begin", "contexts"]

_MOST_STEPS = 10
_TURNED_AWAY = {"is_closed": True, "was_asked": False, "said": ""}


def contexts(cert: str, key: str, ca: str) -> Tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what servers and clients need; raises OSError where it can't be had, as without the right to read it."""
    made = []
    for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
        context = ssl.SSLContext(kind)
        context.load_cert_chain(cert, key, password=_none)
        context.load_verify_locations(ca)
        made.append(context)
    return made[0], made[1]


def begin(
    sock: socket.socket, made: Tuple[ssl.SSLContext, ssl.SSLContext], name: str, timeout_s: float
) -> Tuple[Optional[socket.socket], Dict[str, Any]]:
    """Return the connection in TLS, or the facts that say why there is none.

    Our own certificate is tried first, with ourselves: a peer that does not take it just hangs up.
    """
    server, client = made
    try:
        _converse_with_ourselves(server, client)
    except ssl.SSLError as error:
        return None, _failure(error, "own")
    sock.settimeout(timeout_s)
    try:
        return client.wrap_socket(sock, server_hostname=name), {}
    except ssl.SSLEOFError:
        return None, dict(_TURNED_AWAY)
    except ssl.SSLError as error:
        return None, _failure(error, "peer")
    except socket.timeout:
        return None, {"tls_failure": {"reason": "NO_ANSWER", "code": 0, "whose": "peer"}}
    except OSError:
        return None, dict(_TURNED_AWAY)


def _failure(error: ssl.SSLError, whose: str) -> Dict[str, Any]:
    return {"tls_failure": {"reason": error.reason or "", "code": getattr(error, "verify_code", 0), "whose": whose}}


def _none() -> str:
    raise OSError("the key asks for a password")


def _converse_with_ourselves(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client.check_hostname = False
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    client.check_hostname = True
    for _ in range(_MOST_STEPS):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
