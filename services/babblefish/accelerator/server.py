"""The gateway that a laptop dials: where it is, and how it is known to be the right one."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from babblefish.accelerator.trust import Trust
from babblefish.errors import SettingsError
from babblefish.settings import PREFIX, Settings

PATH = "/ws/tts-accelerator"

_EXAMPLE = f"wss://gateway.example{PATH}"
_IN_CLUSTER = re.compile(r"[^.:]+|.+\.svc(\..+)?")
_IN_NETWORK = re.compile(r".+\.(local|lan|internal)\.?")


@dataclass(frozen=True)
class Server:
    """Its address, the laptops' secret, and how TLS with it is trusted."""

    url: str
    token: str = field(default="", repr=False)
    trust: Trust = field(default_factory=Trust)

    @classmethod
    def of(cls, settings: Settings) -> "Server":
        """As the settings say; raises `SettingsError` for what cannot be dialled safely."""
        secret = settings.accelerator_token
        server = cls(
            _url(settings.accelerator_server),
            secret.get_secret_value() if secret else "",
            Trust.of(settings),
        )
        if not server.token and not _is_loopback(server.host):
            raise SettingsError(
                "A gateway on another machine takes no laptop without the laptops' secret.",
                f"Set {PREFIX}ACCELERATOR_TOKEN here as it is there.",
            )
        if not server.secure and not _is_near(server.host):
            raise SettingsError(
                f"People's voices would travel to {server.host} unencrypted.", "Dial it by wss://."
            )
        return server

    @property
    def host(self) -> str:
        """Its name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def secure(self) -> bool:
        """Whether it is dialled by TLS."""
        return self.url.startswith("wss:")

    @property
    def warning(self) -> str:
        """What whoever starts a laptop should know of the way there; empty if nothing."""
        if self.secure or _is_loopback(self.host) or _IN_CLUSTER.fullmatch(self.host):
            return ""
        return f"People's voices travel to {self.host} unencrypted; wss:// would hide them."


def _url(given: str) -> str:
    """With the path that gateways have; without anything that a log should not show."""
    try:
        there = urlsplit(given)
        usable = there.scheme in {"ws", "wss"} and there.hostname and there.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in there.netloc or there.query or there.fragment:
        raise SettingsError(
            f"{PREFIX}ACCELERATOR_SERVER is no gateway's address.", f"Give one: {_EXAMPLE}."
        )
    return f"{there.scheme}://{there.netloc}{there.path.rstrip('/') or PATH}"


def _is_near(host: str) -> bool:
    """In this machine, network or cluster."""
    address = _address(host)
    if address:
        return address.is_private
    return bool(_IN_CLUSTER.fullmatch(host) or _IN_NETWORK.fullmatch(host))


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address else host == "localhost"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
