"""How a laptop knows that it is its gateway which answers: gateways make their own authority."""

import asyncio
import hashlib
import re
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from babblefish.errors import BabbleFishError, SettingsError
from babblefish.settings import PREFIX, Settings

_FETCH_S = 10.0
_MOST_BYTES = 1 << 16


class Untrusted(BabbleFishError):
    """The server is not the one that was meant, or says nothing that would show it."""


@dataclass
class Trust:
    """The system's authorities, or `authority` (a certificate) instead.

    With a `fingerprint`, SHA-256 in hex, the gateway is asked for its authority, which has to have
    it: a laptop needs no file, and a certificate that is renewed changes nothing.
    """

    authority: str | bytes = ""
    fingerprint: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "Trust":
        """As the settings say; raises `SettingsError`."""
        authority = _read(settings.accelerator_ca) if settings.accelerator_ca else ""
        return cls(authority, _digest(settings.accelerator_fingerprint))

    async def context(self, host: str, port: int) -> ssl.SSLContext:
        """For a handshake with that server; raises `Untrusted`, `OSError`."""
        if self.fingerprint and not self.authority:
            self.authority = await asyncio.to_thread(self._fetched, host, port)
        return ssl.create_default_context(cadata=self.authority or None)

    def _fetched(self, host: str, port: int) -> bytes:
        found = _fetch(host, port)
        if hashlib.sha256(found).hexdigest() != self.fingerprint:
            raise Untrusted(
                "The gateway's authority has another fingerprint.",
                "Compare it with the gateway's own: somebody may be between.",
            )
        return found


def _fetch(host: str, port: int) -> bytes:
    """The authority (DER) that the gateway itself names: anybody could have answered."""
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=anybody)
    )
    place = f"[{host}]" if ":" in host else host
    with direct.open(f"https://{place}:{port}/ca.crt", timeout=_FETCH_S) as answer:
        found: bytes = answer.read(_MOST_BYTES)
    return found


def _read(file: Path) -> str | bytes:
    """PEM as text and DER as bytes, as `ssl` tells them apart."""
    try:
        content = file.read_bytes()
        authority = content if content[:1] == b"\x30" else content.decode("ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError):
        raise SettingsError(
            f"{PREFIX}ACCELERATOR_CA holds no certificate.", "Take the gateway's /ca.crt."
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}ACCELERATOR_CA cannot be read: {error.strerror}.", "Mend the path."
        ) from None
    return authority


def _digest(given: str) -> str:
    """As `openssl x509 -fingerprint -sha256` writes it, or without its colons."""
    digest = given.rpartition("=")[2].replace(":", "").strip().lower()
    if digest and not re.fullmatch("[0-9a-f]{64}", digest):
        raise SettingsError(
            f"{PREFIX}ACCELERATOR_FINGERPRINT is no SHA-256.", "It has 64 hexadecimal digits."
        )
    return digest
