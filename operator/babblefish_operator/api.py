"""The API server: what few calls the operator makes itself. Watching is kopf's."""

import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import kopf

from babblefish.errors import BabbleFishError

Json = dict[str, Any]
"""A Kubernetes object."""

_DEADLINE = aiohttp.ClientTimeout(total=5)
_MERGE = "application/merge-patch+json"


class ApiError(BabbleFishError):
    """The API server refused, or did not answer."""

    def __init__(self, happened: str, status: int | None = None) -> None:
        super().__init__(happened, "It is tried again.")
        self.status = status


class Api:
    """Calls with the credentials that `login` gives; they are asked for again when refused."""

    def __init__(
        self, login: Callable[[], kopf.ConnectionInfo], answered: Callable[[], None]
    ) -> None:
        self._login = login
        self._answered = answered
        self._session: aiohttp.ClientSession | None = None

    async def list(self, path: str, **query: str) -> list[Json]:
        """All objects of a collection."""
        listed = await self._call("GET", path, query)
        found: list[Json] = listed.get("items") or []
        return found

    async def create(self, path: str, content: Json) -> None:
        """A new object."""
        await self._call("POST", path, content=content)

    async def merge(self, path: str, content: Json) -> None:
        """Changes what `content` names (RFC 7386)."""
        await self._call("PATCH", path, content=content, kind=_MERGE)

    async def close(self) -> None:
        """Hangs up."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        content: Json | None = None,
        kind: str = "application/json",
    ) -> Json:
        """Raises `ApiError`."""
        session = self._session = self._session or self._opened()
        headers = {"Content-Type": kind}
        try:
            async with session.request(
                method, path, params=query, json=content, headers=headers
            ) as answer:
                return await self._content(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(f"The API server does not answer: {error!r}.") from error

    async def _content(self, answer: aiohttp.ClientResponse) -> Json:
        self._answered()
        if answer.status == HTTPStatus.UNAUTHORIZED:
            await self.close()  # a pod's token is renewed every hour
        if answer.status >= HTTPStatus.BAD_REQUEST:
            said = (await answer.text())[:500]
            where = f"{answer.method} {answer.url.path}"
            raise ApiError(f"{where} got {answer.status}: {said}.", answer.status)
        content: Json = await answer.json(content_type=None)
        return content

    def _opened(self) -> aiohttp.ClientSession:
        account = self._login()
        secure = account.as_ssl_context() if account.server.startswith("https") else None
        return aiohttp.ClientSession(
            account.server,
            headers=account.as_http_headers(),
            connector=aiohttp.TCPConnector(ssl=_trust(secure)),
            timeout=_DEADLINE,
        )


def _trust(context: ssl.SSLContext | None) -> ssl.SSLContext | bool:
    return True if context is None else context
