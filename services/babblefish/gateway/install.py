"""How a phone comes to trust this machine: the page that says it, the certificate, the code."""

import html
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from babblefish.gateway import links
from babblefish.gateway.certificates import authority_certificate
from babblefish.gateway.folder import DataFolder
from babblefish.gateway.loopback import is_local
from babblefish.gateway.page import inline_hashes
from babblefish.settings import Settings

_PAGE = Path(__file__).with_name("install.html")
_ORIGIN = "{{origin}}"
_SESSION = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
_SAFE = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def router(settings: Settings) -> APIRouter:
    """`/install`, `/ca.crt` and `/join.svg`."""
    routes = APIRouter()
    page = _PAGE.read_text(encoding="utf-8")
    headers = {**_SAFE, "Content-Security-Policy": _policy(page), "X-Frame-Options": "DENY"}

    @routes.get("/install", response_class=HTMLResponse)
    async def install(request: Request) -> HTMLResponse:
        """How to trust this machine's authority, phone by phone."""
        origin = html.escape(_origin(settings, request))
        return HTMLResponse(page.replace(_ORIGIN, origin), headers=headers)

    @routes.get("/ca.crt", response_class=Response)
    def certificate() -> Response:
        """The authority's certificate; its key stays where it is."""
        return Response(
            _authority(settings), media_type="application/x-x509-ca-cert", headers=_SAFE
        )

    @routes.get("/join.svg", response_class=Response)
    def join(
        request: Request, session: Annotated[str, Query(pattern=_SESSION)] = links.LOBBY
    ) -> Response:
        """The join link as a QR code; only this machine itself gets the token in it."""
        token = settings.token if is_local(request) else ""
        link = links.join_link(_origin(settings, request), session, token)
        return Response(
            links.qr_svg(link),
            media_type="image/svg+xml",
            headers={**_SAFE, "Cache-Control": "no-store"},
        )

    return routes


def _authority(settings: Settings) -> bytes:
    found = authority_certificate(DataFolder(settings.data_dir)) if settings.tls else None
    if found is None:
        raise HTTPException(404, "This server has no authority of its own: it speaks no https.")
    return found.public_bytes(Encoding.DER)


def _origin(settings: Settings, request: Request) -> str:
    """Where phones find this server: as they were looking for it, if that is one of its addresses.

    Anybody can write anything into `Host`, so nothing else of it is repeated.
    """
    there = links.reachable(settings.host, links.lan_addresses())
    host = request.headers.get("host", "").rpartition(":")[0].strip("[]")
    scheme, port = ("https", settings.secure_port) if settings.tls else ("http", settings.port)
    return links.origin(scheme, host if host in there else there[0], port)


def _policy(page: str) -> str:
    """Nothing but the page's own style."""
    style = " ".join(inline_hashes(page)["style"])
    return (
        f"default-src 'none'; style-src {style}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
