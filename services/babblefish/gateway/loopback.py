"""Who sits at this very machine, and may see what is not for the network."""

import ipaddress
import re

from starlette.requests import HTTPConnection

# A proxy on this machine calls from loopback for callers anywhere.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_OWN_NAME = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)


def is_local(call: HTTPConnection) -> bool:
    """From loopback, by no proxy, and asked for as loopback.

    The last because a foreign page can give its own name this machine's address (DNS rebinding).
    """
    if any(name in call.headers for name in _FORWARDED):
        return False
    # Not `call.url`: for a mangled `Host`, it has the address that was called instead.
    asked_as = _OWN_NAME.fullmatch(call.headers.get("host", ""))
    return asked_as is not None and call.client is not None and _loopback(call.client.host)


def _loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
