"""How a phone comes here: the page that says how to trust this machine, its certificate, links."""

import html
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, ValidationError

from babblefish.gateway import links
from babblefish.gateway.certificates import authority_certificate
from babblefish.gateway.folder import DataFolder
from babblefish.gateway.loopback import is_local
from babblefish.gateway.page import inline_hashes
from babblefish.settings import Settings

_PAGE = Path(__file__).with_name("install.html")
_ORIGIN = "{{origin}}"
_SESSION = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
# Percent-encoded, a link may be three times as long: that still fits into a QR code.
_MAX_ASKED = 768
_SAFE = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Asked(BaseModel):
    """What a page that has joined knows of the way in."""

    origin: str
    session: str = Field(links.LOBBY, pattern=_SESSION)
    token: str = ""


class Invitation(BaseModel):
    """The join link, and its QR code."""

    link: str
    svg: str


def router(settings: Settings) -> APIRouter:
    """`/install`, `/ca.crt`, `/join.svg` and `/invitation`."""
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

    @routes.post("/invitation")
    async def invite(request: Request, response: Response) -> Invitation:
        """The link by which a page that has joined brings others; in a body, as nobody logs those.

        The token is taken as it is: an answer whether it is right would let anybody guess here,
        where nobody counts calls as `/ws/client` does.
        """
        page = _page_of(settings, request)
        asked = await _asked(request)
        if asked.origin not in _origins(settings, request):
            raise HTTPException(403, "Links lead to this server only.")
        origin, token = asked.origin, asked.token
        # Phones know this machine by another name, and only its own page is told the token.
        if is_local(request) and {page, origin} <= _own_origins(request):
            origin, token = _origin(settings, request), settings.token
        link = links.join_link(origin, asked.session, token)
        response.headers.update(
            {**_SAFE, "Cache-Control": "no-store", "Access-Control-Allow-Origin": page}
        )
        svg = await run_in_threadpool(links.qr_svg, link)
        return Invitation(link=link, svg=svg.decode())

    return routes


def _own_origins(request: Request) -> set[str]:
    """A proxy may have ended TLS, so both."""
    host = request.headers.get("host", "")
    return {f"http://{host}", f"https://{host}"}


def _origins(settings: Settings, request: Request) -> set[str]:
    """Where pages of this server are: here, and where the settings say."""
    return _own_origins(request) | set(settings.allowed_origins)


def _page_of(settings: Settings, request: Request) -> str:
    """The origin of the page that asks; `null` has one that was opened as a file."""
    page = request.headers.get("origin", "")
    if page != "null" and page not in _origins(settings, request):
        raise HTTPException(403, "Open the page that this server itself serves.")
    return page


async def _asked(request: Request) -> Asked:
    """Whatever type the body says it has: only that of plain text crosses origins unasked."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_ASKED:
            raise HTTPException(413, f"More than {_MAX_ASKED} bytes.")
    try:
        return Asked.model_validate_json(body)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_input=False)) from None


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
