"""Makes so what was decided. All of it can be done again, or be cut short anywhere.

What is as it should be is not written: an idle operator writes nothing.
"""

import time
import uuid
from collections.abc import Awaitable, Iterable, Mapping
from http import HTTPStatus
from itertools import islice

from babblefish.telemetry import log
from babblefish_operator import links, sessions, tokens
from babblefish_operator.api import Api, ApiError, Json
from babblefish_operator.kinds import SECRETS, SESSIONS, deployments
from babblefish_operator.model import Decision, Event, Session, Status
from babblefish_operator.settings import Settings
from babblefish_operator.times import rfc3339

_REPORTER = "babblefish-operator"
# Whoever applies hundreds of sessions at once must not keep a join of another waiting.
_AT_ONCE = 50

_log = log(__name__)


class Applier:
    """Writes to one namespace."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._settings = settings
        self._key = settings.session_key.get_secret_value()
        self._namespace = settings.namespace

    async def scale(self, deployment: Json, replicas: int) -> bool:
        """By the subresource: the Deployment itself is the chart's.

        Only if it is still what it was when that was decided: its owner may just have said how
        many there are to be, and that they are no longer ours to choose.
        """
        name = self._settings.synthesizer
        path = f"{deployments(name).path(self._namespace)}/{name}/scale"
        version = {"resourceVersion": deployment["metadata"]["resourceVersion"]}
        try:
            await self._api.merge(path, {"metadata": version, "spec": {"replicas": replicas}})
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            return False
        return True

    async def links(self, decision: Decision, known: Mapping[str, Json]) -> bool:
        """A Secret for every open session; `known` by name. Whether that was all there is to do."""
        wanted = (links.rendered(session, self._link(session)) for session in decision.live)
        return await _all_done(
            self._write_link(secret, known.get(secret["metadata"]["name"]))
            for secret in wanted
            if not links.same(known.get(secret["metadata"]["name"]), secret)
        )

    async def statuses(self, decision: Decision, known: Mapping[str, Json]) -> bool:
        """Every status that became different, and the news; `known` by session."""
        return await _all_done(
            self._write_status(known[name], status, decision.events)
            for name, status in decision.statuses.items()
            if sessions.differs(known[name], status)
        )

    async def report(self, event: Event, about: Json, api_version: str, kind: str) -> None:
        """For `kubectl describe`. One that is lost is lost: conditions say the same."""
        metadata = about["metadata"]
        involved = {key: metadata[key] for key in ("name", "namespace", "uid")}
        now = rfc3339(time.time())
        content = {
            "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}"},
            "involvedObject": {**involved, "apiVersion": api_version, "kind": kind},
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason,
            "message": event.message,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": _REPORTER},
            "reportingComponent": _REPORTER,
        }
        try:
            await self._api.create(f"/api/v1/namespaces/{self._namespace}/events", content)
        except ApiError as error:
            _log.warning("event_not_reported", reason=event.reason, why=error.happened)

    def _link(self, session: Session) -> Mapping[str, str]:
        token = tokens.signed(session, self._key)
        return {"url": tokens.link(self._settings.public_url, session, token), "token": token}

    async def _write_link(self, secret: Json, current: Json | None) -> None:
        collection = SECRETS.path(self._namespace)
        try:
            if current is None:
                await self._api.create(collection, secret)
            else:
                await self._api.merge(f"{collection}/{secret['metadata']['name']}", secret)
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            # Somebody else's, or our own that the watch has not told of yet.
            _log.warning("secret_is_there_already", secret=secret["metadata"]["name"])

    async def _write_status(self, current: Json, status: Status, events: Iterable[Event]) -> None:
        metadata = current["metadata"]
        path = f"{SESSIONS.path(self._namespace)}/{metadata['name']}/status"
        # With its version: conditions are a list, which a merge patch replaces as a whole.
        version = {"resourceVersion": metadata["resourceVersion"], "uid": metadata["uid"]}
        content = {"metadata": version, "status": sessions.rendered(status, current)}
        try:
            await self._api.merge(path, content)
        except ApiError as error:
            if error.status not in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                raise
            _log.debug("session_changed_meanwhile", session=metadata["name"])
            return
        for event in events:
            if event.session == metadata["name"]:
                await self.report(event, current, sessions.API_VERSION, sessions.KIND)


async def _all_done(writes: Iterable[Awaitable[None]]) -> bool:
    """Does the first of them; the next pass finds what is left."""
    done = 0
    for write in islice(writes, _AT_ONCE):
        await write
        done += 1
    return done < _AT_ONCE
