"""Calling a gateway, and what it means if that fails."""

import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from babblefish.accelerator.line import Misunderstood
from babblefish.accelerator.server import Server
from babblefish.accelerator.trust import Untrusted
from babblefish.cloner.wire import MAX_FRAME

FAILURES = (OSError, WebSocketException, Misunderstood, Untrusted)
"""What calling and talking may raise."""

_OPEN_S = 10.0
_CLOSE_S = 2.0
_REFUSED = {401, 403, 1008, 4401, 4403}


class Problem(NamedTuple):
    """Why a gateway is not served; a `lasting` one is for people to mend."""

    kind: str
    why: str
    lasting: bool


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception:
        """Follows none: the secret is for this server alone."""
        return exc


async def called(server: Server) -> ClientConnection:
    """A connection; raises one of `FAILURES`."""
    there = urlsplit(server.url)
    context = await server.trust.context(server.host, there.port or 443) if server.secure else None
    bearer = {"Authorization": f"Bearer {server.token}"} if server.token else {}
    return await _Connect(
        server.url,
        ssl=context,
        additional_headers=bearer,
        open_timeout=_OPEN_S,
        close_timeout=_CLOSE_S,
        ping_interval=None,
        max_size=MAX_FRAME,
        compression=None,
        proxy=None,
    )


def problem(error: Exception) -> Problem:
    """In words for whoever reads the log: without addresses, secrets or what people say."""
    if isinstance(error, Misunderstood | Untrusted):
        return Problem("gateway_unfit", str(error), lasting=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"{error.verify_message}; give the gateway's authority by --ca or --fingerprint."
        return Problem("gateway_unfit", why, lasting=True)
    code = _code(error)
    if code in _REFUSED:
        why = f"It answers {code}: is BABBLEFISH_ACCELERATOR_TOKEN the gateway's?"
        return Problem("gateway_refuses", why, lasting=True)
    if code == 404:
        return Problem("gateway_unfit", "There is no gateway for laptops there.", lasting=True)
    why = f"{type(error).__name__} {code or ''}".strip()
    return Problem("gateway_unreachable", why, lasting=False)


def _code(error: Exception) -> int:
    """HTTP's, or the one that the socket was closed with; 0 if neither."""
    if isinstance(error, InvalidStatus):
        return error.response.status_code
    return error.rcvd.code if isinstance(error, ConnectionClosed) and error.rcvd else 0
