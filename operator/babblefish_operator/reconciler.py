"""The one task that looks, decides and makes it so, again and again."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Never

from babblefish.telemetry import log
from babblefish_operator import sessions, workloads
from babblefish_operator.api import Api, ApiError, Json
from babblefish_operator.apply import Applier
from babblefish_operator.gateways import Gateway, Gateways
from babblefish_operator.heartbeat import Heartbeat
from babblefish_operator.kinds import PODS, SECRETS, SESSIONS, Kind, deployments, watched
from babblefish_operator.metrics import Metrics
from babblefish_operator.model import Decision, Need, Observed, Rules
from babblefish_operator.plan import plan
from babblefish_operator.room import room
from babblefish_operator.settings import Settings
from babblefish_operator.store import Store
from babblefish_operator.work import busy

_COALESCED_S = 0.05
# kopf tells nothing of what went between our list and its own, or while a watch was broken: the
# first lists follow soon upon each other, later ones do not.
_RELIST_S, _RELIST_MOST_S = 15.0, 240.0
_ROOM_S = 240.0
_LONGEST_BACKOFF_S = 8.0

_log = log(__name__)


class Reconciler:
    """Woken by whatever changes; by time, when the last decision said so."""

    def __init__(
        self, api: Api, settings: Settings, heartbeat: Heartbeat, metrics: Metrics
    ) -> None:
        self.seeded = asyncio.Event()
        self._api = api
        self._settings = settings
        self._heartbeat = heartbeat
        self._metrics = metrics
        self._rules = Rules(settings.quiet_s, settings.headroom, settings.public_url)
        self._applier = Applier(api, settings)
        self._store = Store()
        self._deployments = deployments(settings.synthesizer)
        self._due = asyncio.Event()
        token = settings.admin_token.get_secret_value()
        self._gateways = Gateways(settings.gateway_port, token, self._due.set)
        self._silent = True
        self._surplus_since: float | None = None
        self._relist_s = _RELIST_S
        self._relist_at = 0.0
        self._room_at = -_ROOM_S

    def seen(self, kind: Kind, type_: str | None, body: Json) -> None:
        """Takes an event of a watch."""
        if self._store.seen(kind, type_, body):
            self._due.set()

    async def run(self) -> Never:
        """Until it is cancelled."""
        backoff_s = 0.5
        try:
            while True:
                self._heartbeat.beat()
                try:
                    await self._wait(await self._pass())
                    backoff_s = 0.5
                except ApiError as error:
                    self._failed(error, backoff_s)
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)
        finally:
            self._gateways.close()
            await self._api.close()

    def _failed(self, error: ApiError, again_s: float) -> None:
        self._heartbeat.beat()
        self._metrics.failures.inc()
        _log.warning("not_reconciled", why=error.happened, again_s=again_s)
        self._relist_s, self._relist_at = _RELIST_S, 0.0  # what was written is not known

    async def _wait(self, seconds: float) -> None:
        """Until something changed, and whatever changes along with it."""
        until = time.monotonic() + seconds
        while not self._due.is_set() and (left := until - time.monotonic()) > 0:
            self._heartbeat.beat()
            try:
                async with asyncio.timeout(min(left, self._settings.tick_s)):
                    await self._due.wait()
            except TimeoutError:
                if self._silent != (self._gateways.figures is None):
                    break
        await asyncio.sleep(_COALESCED_S)

    async def _pass(self) -> float:
        """Seconds until the next is due, whatever happens."""
        with self._metrics.seconds.time():
            self._due.clear()
            if time.monotonic() >= self._relist_at:
                await self._list_all()
            self._gateways.follow(self._gateway_pods())
            bodies = {body["metadata"]["name"]: body for body in self._store.all(SESSIONS)}
            observed, decision = await self._decided()
            self._metrics.decided(observed, decision)
            await self._gateways.tell(decision.live, decision.endings)
            done = await self._apply(decision, bodies)
        return min(decision.look_again_s, self._relist_at - time.monotonic()) if done else 0

    async def _list_all(self) -> None:
        for kind in watched(self._settings.synthesizer):
            await self._list(kind)
        now = time.monotonic()
        self._relist_at = now + self._relist_s
        self._relist_s = min(2 * self._relist_s, _RELIST_MOST_S)
        deployment = self._deployment()
        if deployment and now - self._room_at >= _ROOM_S:
            self._metrics.room(await self._room(deployment))
            self._room_at = now
        self.seeded.set()

    async def _list(self, kind: Kind) -> None:
        self._store.listing()
        before = self._store.uids(kind)
        listed = await self._api.list(kind.path(self._settings.namespace), **kind.query)
        self._store.listed(kind, listed, before)

    async def _decided(self) -> tuple[Observed, Decision]:
        """Looks up what is dear to look up only if the decision depends on it."""
        observed = self._observed()
        decision = plan(observed)
        for _ in Need:
            if decision.scaling.needs is None:
                break
            observed = await self._with(observed, decision.scaling.needs)
            decision = plan(observed)
        return observed, decision

    def _observed(self) -> Observed:
        figures = self._gateways.figures
        self._silent = figures is None
        deployment = self._deployment()
        return Observed(
            now=time.time(),
            sessions=sessions.readable(self._store.all(SESSIONS)),
            counts=figures.counts if figures else None,
            laptops=figures.laptops if figures else None,
            fleet=workloads.fleet(deployment) if deployment else None,
            rules=self._rules,
            surplus_since=self._surplus_since,
        )

    async def _with(self, observed: Observed, need: Need) -> Observed:
        deployment = self._deployment()
        if deployment is None:
            return observed
        if need is Need.BUSY:
            return replace(observed, busy=await busy(self._replica_addresses(deployment)))
        return replace(observed, fits=await self._room(deployment))

    async def _room(self, deployment: Json) -> int | None:
        """None: the operator goes on with what it knows, and does not grow."""
        try:
            return await room(self._api, deployment)
        except ApiError as error:
            _log.warning("room_unknown", why=error.happened)
            return None

    async def _apply(self, decision: Decision, bodies: Mapping[str, Json]) -> bool:
        """Whether all of it is done; `bodies` are the sessions that it rests on, by name.

        Meanwhile there may be others: what is written to one that went is refused.
        """
        # First: if what follows fails half-way, the quiet window must not be thought over.
        self._surplus_since = decision.scaling.surplus_since
        if not await self._scale(decision):
            return False
        secrets = {body["metadata"]["name"]: body for body in self._store.all(SECRETS)}
        if not await self._applier.links(decision, secrets):
            return False
        return await self._applier.statuses(decision, bodies)

    async def _scale(self, decision: Decision) -> bool:
        """False if the Deployment was no more what the decision rests on."""
        deployment, replicas = self._deployment(), decision.scaling.replicas
        if deployment is None or replicas is None:
            return True
        scaled = await self._applier.scale(deployment, replicas)
        # Not by the watch: the next decision must not rest on what was before this one.
        await self._list(self._deployments)
        if not scaled:
            return False
        _log.info("scaled", replicas=replicas, why=decision.scaling.message)
        for event in decision.events:
            if event.session is None:
                await self._applier.report(event, deployment, "apps/v1", "Deployment")
        return True

    def _deployment(self) -> Json | None:
        return next(self._store.all(self._deployments), None)

    def _gateway_pods(self) -> list[Gateway]:
        labels = workloads.labels_of(self._settings.gateways)
        return [
            Gateway(
                body["metadata"]["uid"], body["status"]["podIP"], counts=workloads.serving(body)
            )
            for body in self._store.all(PODS)
            if workloads.labelled(body, labels) and workloads.reachable(body)
        ]

    def _replica_addresses(self, deployment: Json) -> list[str]:
        labels = deployment["spec"]["selector"].get("matchLabels", {})
        return [
            body["status"]["podIP"]
            for body in self._store.all(PODS)
            if workloads.labelled(body, labels) and workloads.serving(body)
        ]
