"""TLS of one host: read again where its files changed, spoken on connections that began in plain.

A connection says by its first byte what it speaks, so TLS takes over streams on which that byte was read already.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, cast

from sync_core.model.errors import CertificateError, UntrustedError
from sync_core.model.inventory import Host, TlsFiles
from sync_core.model.security import IpAddress
from sync_core.model.tls_words import tls_words
from sync_core.net.limits import RateLimit
from sync_core.net.streams import LINGER_S
from sync_core.net.tls_files import Ready, names_of, read_tls
from sync_core.net.tls_upgrade import hand_over

__all__ = ["FIRST_BYTE", "WARN_DAYS", "Accepted", "Tls", "TlsTo", "untrusted"]

FIRST_BYTE: Final = b"\x16"
"""Of a connection that speaks TLS: a handshake record."""
WARN_DAYS: Final = 30
"""How long before its end a certificate is spoken of."""

_LINES_PER_MINUTE: Final = 10
_DAY_S: Final = 86400.0
_LOOK_S: Final = 3600.0

_log = logging.getLogger(__name__)


class Accepted(NamedTuple):
    """A connection that speaks TLS now.

    Attributes:
        reader: what comes is what was meant.
        writer: likewise.
        names: the peer's, as its certificate has them.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    names: frozenset[str]


class Tls:
    """What one host proves itself with, and whom it believes.

    Args:
        name: of the host in the inventory.
        files: certificate, key and authority.
        wall_clock: seconds since the epoch.

    Attributes:
        failures: which failed handshakes of an address deserve a line in the log.

    Raises:
        CertificateError: they can't be used.
    """

    def __init__(self, name: str, files: TlsFiles, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._name = name
        self._files = files
        self._wall_clock = wall_clock
        self._stamps = self._look()
        self._ready = read_tls(files, name)
        self._trouble: str | None = None
        self._turn = asyncio.Lock()
        self.failures: RateLimit[IpAddress] = RateLimit(count=_LINES_PER_MINUTE, per_s=60.0, clock=time.monotonic)

    @classmethod
    def of(cls, host: Host) -> Tls | None:
        """Return the TLS of a host; ``None`` where it has none.

        Raises:
            CertificateError: it can't be used.
        """
        return None if host.tls is None else cls(host.name, host.tls)

    @property
    def expires_at(self) -> float:
        """When the certificate in use ends, wall-clock seconds."""
        return self._ready.expires_at

    @property
    def warning(self) -> str | None:
        """What somebody should mend before the certificate ends, if anything."""
        left_days = (self.expires_at - self._wall_clock()) / _DAY_S
        if self._trouble is None and left_days > WARN_DAYS:
            return None
        day = datetime.fromtimestamp(self.expires_at, UTC).date()
        ends = f"the certificate in use {'ended' if left_days < 0 else 'ends'} on {day}"
        return ends if self._trouble is None else f"{ends}, and the new one is not taken: {self._trouble}"

    def ready(self) -> Ready:
        """Return what is ready for handshakes, of files that changed the new contents.

        Where those can't be used, as in the middle of a renewal, the ones before stay.
        """
        stamps = self._look()
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self._ready = read_tls(self._files, self._name)
                self._trouble = None
                _log.info("the certificate %s was read again", self._files.cert)
            except CertificateError as error:
                self._trouble = str(error)
        return self._ready

    async def run(self, on_look: Callable[[], None] = lambda: None) -> NoReturn:
        """Warn of what should be mended, once a day.

        Args:
            on_look: called every hour, since what ``warning`` says may be another thing then.
        """
        warned_at: float | None = None
        while True:
            self.ready()
            now = self._wall_clock()
            if self.warning is not None and (warned_at is None or now - warned_at >= _DAY_S):
                _log.warning("TLS: %s; `jsync tls renew` makes a new one", self.warning)
                warned_at = now
            on_look()
            await asyncio.sleep(_LOOK_S)

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytes, *, timeout_s: float
    ) -> Accepted:
        """Go on in TLS on an accepted connection.

        Args:
            reader: of no use afterwards.
            writer: likewise.
            received: what was read of it already.
            timeout_s: for the whole handshake.

        Raises:
            UntrustedError: the peer did not prove who it is.
            OSError: the connection broke, or took too long.
        """
        loop = asyncio.get_running_loop()
        plain = cast(asyncio.Transport, writer.transport)
        plain.pause_reading()
        plain.set_write_buffer_limits(high=0)  # so that what is written counts until the system took it
        reader.feed_eof()
        received += await reader.read()
        inner = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(inner)
        async with self._turn:  # each costs the processor a moment: of thousands only one in each turn of the loop
            upgrade = loop.create_task(
                loop.start_tls(
                    plain,
                    protocol,
                    self.ready().server,
                    server_side=True,
                    ssl_handshake_timeout=timeout_s,
                    ssl_shutdown_timeout=LINGER_S,
                )
            )
            try:
                await asyncio.sleep(0)
                hand_over(plain, received)
                await asyncio.sleep(0)
            except BaseException:
                upgrade.cancel()
                raise
        try:
            transport = await upgrade
        except ssl.SSLError as error:
            raise untrusted(error) from error
        assert transport is not None, "only a transport without a loop has none"  # noqa: S101
        protocol.connection_made(transport)
        names = names_of(transport.get_extra_info("peercert"))
        return Accepted(inner, asyncio.StreamWriter(transport, protocol, inner, loop), names)

    def _look(self) -> tuple[object, ...]:
        return tuple(map(_stamp, (self._files.cert, self._files.key, self._files.ca)))


class TlsTo(NamedTuple):
    """How a connection to a peer speaks TLS.

    Attributes:
        own: what we prove ourselves with.
        name: of the peer in the inventory, which its certificate must have.
    """

    own: Tls
    name: str


def untrusted(error: ssl.SSLError, where: str = "") -> UntrustedError:
    """Return a failed handshake as an error of ours.

    Args:
        error: what OpenSSL says.
        where: the peer's address and port, if that is not said elsewhere.
    """
    words = tls_words(error.reason or "", getattr(error, "verify_code", None))
    return UntrustedError(
        f"TLS: {words}" + (f" [{where}]" if where else ""),
        hint="`jsync tls show` looks at the certificates, `jsync check-ports` at both ends",
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
