"""The way in for a phone: this machine's addresses, the join link, and its QR code."""

import io
import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import psutil
import segno

LOBBY = "lobby"

# Networks between containers and virtual machines: no phone is there.
_VIRTUAL = re.compile(r"docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|cali|podman|lxc|lxd|kube")

_WHITE_ON_BLACK = "\x1b[97;40m"
_PLAIN = "\x1b[0m"

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def lan_addresses() -> list[str]:
    """Where others reach this machine, likeliest first; read from the system, nothing is sent."""
    return [str(address) for address in sorted(set(_addresses()), key=_likelihood)]


def reachable(host: str, addresses: list[str]) -> list[str]:
    """Those of `addresses` at which a gateway that listens on `host` answers, or itself."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104 compared, not bound
        return [host]
    version = 6 if host == "::" else 4
    fitting = [it for it in addresses if ipaddress.ip_address(it).version == version]
    return fitting or ["localhost"]


def origin(scheme: str, host: str, port: int) -> str:
    """The beginning of an address, as a browser writes it."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def join_link(origin: str, session: str = LOBBY, token: str = "") -> str:
    """The token is in the fragment, which browsers keep from servers, logs and referrers."""
    link = f"{origin}/?{urlencode({'session': session})}"
    return f"{link}#token={quote(token, safe='')}" if token else link


def qr_text(link: str) -> str:
    """A QR code of half blocks; with colours of its own, dark terminals and light ones show it."""
    drawn = io.StringIO()
    segno.make_qr(link).terminal(drawn, border=2, compact=True)
    lines = drawn.getvalue().rstrip("\n").split("\n")
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_PLAIN}" for line in lines)


def qr_svg(link: str) -> bytes:
    """A QR code as a picture on white, so that it can be read on a dark page as well."""
    drawn = io.BytesIO()
    segno.make_qr(link).save(drawn, kind="svg", scale=8, border=4, light="white")
    return drawn.getvalue()


def _addresses() -> Iterator[_Address]:
    states = psutil.net_if_stats()
    for name, entries in psutil.net_if_addrs().items():
        if _VIRTUAL.match(name) or name not in states or not states[name].isup:
            continue
        for entry in entries:
            address = _parsed(entry.address)
            if address and not (address.is_loopback or address.is_link_local):
                yield address


def _parsed(text: str) -> _Address | None:
    """None for hardware addresses."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _likelihood(address: _Address) -> tuple[int, int, int]:
    """Private IPv4 first; home networks are mostly 192.168, 10 is often a tunnel."""
    home = address in ipaddress.ip_network("192.168.0.0/16")
    return (address.version, 0 if home else 1 if address.is_private else 2, int(address))
