"""The phone's page, and the policy under which a browser runs it."""

import base64
import hashlib
import re
from importlib.resources import files
from pathlib import Path

_NAME = "client_thin.html"
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


class Page:
    """`client_thin.html`, from the wheel or from the checkout."""

    def __init__(self) -> None:
        packed = files("babblefish") / _NAME
        source = packed if packed.is_file() else Path(__file__).parents[3] / _NAME
        self.html = source.read_text(encoding="utf-8")
        self.headers = {
            "Content-Security-Policy": _policy(self.html),
            "Permissions-Policy": "microphone=(self), screen-wake-lock=(self)",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-cache",
            "Vary": "Accept",
        }


def inline_hashes(html: str) -> dict[str, list[str]]:
    """The sources by which a policy allows the page's own script and style."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    return hashes


def _policy(html: str) -> str:
    """Only the page's own script and style run: https://www.w3.org/TR/CSP3."""
    hashes = inline_hashes(html)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(hashes['script'])} blob:",
            f"style-src {' '.join(hashes['style'])}",
            "connect-src 'self' ws: wss: http: https:",
            "media-src blob:",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
