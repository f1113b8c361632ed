"""The replicas of a stage: found, watched, and given work, the least busy first.

Kept-alive connections through a Service's address would pin all work to one replica. So the
addresses behind the name are looked up here, again and again, and every request goes to the
replica with the least to do, by its own account and by what it was given since.
"""

import asyncio
import contextlib
import math
import socket
import time
import zlib
from collections.abc import Awaitable, Callable, Collection
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from babblefish import metrics
from babblefish.errors import StageBusy, StageDown, StageError
from babblefish.stage import deadline
from babblefish.stage.replica import Replica, ReplicaLost
from babblefish.stage.wire import About
from babblefish.telemetry import log

T = TypeVar("T")
Abilities = TypeVar("Abilities")

_EVERY_S = 2.0
_EVERY_S_IN_NEED = 0.25
_CONNECT_S = 1.0
_ATTEMPTS = 2
_CONNECTIONS = 256

_log = log(__name__)


class Replicas(Generic[Abilities]):
    """All replicas of `stage` behind `references`, `http://host:port` with commas between.

    Work that none can take waits until `patience_s` after the last one went, not longer.
    `abilities` is what they say they can: at first what is given, then the last one's word.
    """

    def __init__(
        self, stage: str, references: str, patience_s: float, abilities: Abilities
    ) -> None:
        self.abilities = abilities
        self._decoder = msgspec.json.Decoder(type(abilities))
        self._stage = stage
        self._origins = [urlsplit(reference) for reference in references.split(",")]
        self._patience_s = patience_s
        self._replicas: dict[tuple[str, int], Replica] = {}
        self._watching: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._empty_since = -math.inf
        self._described = False
        metrics.RETRIES.labels(stage)  # zero is a figure, too
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            trust_env=False,
        )

    @property
    def up(self) -> list[Replica]:
        """Those that take work."""
        return [replica for replica in self._replicas.values() if replica.up]

    def watch(self) -> None:
        """Begins to look for replicas, for as long as `stop` is not called."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def described(self) -> None:
        """Waits until a replica said what it can."""
        while not self._described:
            await self._change()

    async def stop(self) -> None:
        """Looks no more."""
        if self._watching:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._http.aclose()

    async def call(
        self,
        work: Callable[[Replica], Awaitable[T]],
        key: str = "",
        prefer: Replica | None = None,
    ) -> T:
        """Does `work` on a replica, and once more on another if that one fails.

        `prefer` comes first while it lives; equally busy ones are chosen by `key`, so that work
        of one key tends to stay together. Raises `StageError`, or `TimeoutError` at the deadline.
        """
        failed: list[Replica] = []
        error: Exception | None = None
        for _ in range(_ATTEMPTS):
            replica = await self._pick(key, prefer, failed, error)
            try:
                return await self._held(replica, work)
            except (ReplicaLost, StageError) as raised:
                error = raised
                failed.append(replica)
                metrics.RETRIES.labels(self._stage).inc()
                _log.warning("replica_failed", stage=self._stage, error=type(raised).__name__)
                if isinstance(raised, ReplicaLost):
                    self.lose(replica)
        raise _told(error, self._stage)

    def least_busy(self, key: str, without: Collection[Replica] = ()) -> Replica | None:
        """A replica that takes work now."""
        able = [replica for replica in self.up if replica not in without]
        return min(
            able,
            key=lambda replica: (replica.load, zlib.crc32(f"{key}{replica.address}".encode())),
            default=None,
        )

    def lose(self, replica: Replica) -> None:
        """Somebody found it dead."""
        if replica.up:
            replica.lose()
            self._tell()

    async def _held(self, replica: Replica, work: Callable[[Replica], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as life:
                with replica.held(lambda: life.reschedule(loop.time())):
                    return await work(replica)
        except TimeoutError as error:
            if life.expired():
                raise ReplicaLost from error
            raise

    async def _pick(
        self,
        key: str,
        prefer: Replica | None,
        failed: Collection[Replica],
        error: Exception | None,
    ) -> Replica:
        if prefer and prefer.up and prefer not in failed:
            return prefer
        tired = [replica for replica in failed if replica.up]
        try:
            async with asyncio.timeout(self._patience_left_s()):
                while (replica := self.least_busy(key, without=tired)) is None:
                    if tired:  # those that live have failed already
                        break
                    await self._change()
        except TimeoutError:
            replica = None
        if replica is None:
            raise _told(error, self._stage)
        return replica

    def _patience_left_s(self) -> float | None:
        """Less than the deadline leaves, so that the speaker learns what is wrong."""
        since_empty = time.monotonic() - self._empty_since
        left = min(self._patience_s - since_empty, 0.9 * deadline.remaining_s())
        return None if left == math.inf else max(0.0, left)

    # ── watching ─────────────────────────────────────────────────────────────────────────────

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:  # noqa: BLE001 a watch that ended would find nobody for ever
                _log.exception("watching_failed", stage=self._stage)
            await asyncio.sleep(_EVERY_S if self.up else _EVERY_S_IN_NEED)

    async def _look(self) -> None:
        found = await self._addresses()
        for address in self._replicas.keys() - found:
            self._replicas.pop(address).lose()
        for address in found - self._replicas.keys():
            self._replicas[address] = Replica(self._http, *address)
        await asyncio.gather(*map(self._probe, self._replicas.values()))
        self._tell()

    async def _addresses(self) -> set[tuple[str, int]]:
        """Behind a headless Service's name, every ready replica has an address."""
        loop = asyncio.get_running_loop()
        found = set[tuple[str, int]]()
        for origin in self._origins:
            host, port = origin.hostname or "", origin.port or 80
            with contextlib.suppress(OSError):
                for *_, there in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                    found.add((str(there[0]), int(there[1])))
        return found

    async def _probe(self, replica: Replica) -> None:
        about = await replica.about()
        if about is None or not self._understood(about):
            replica.lose()
            return
        replica.report(about.depth)
        replica.up = about.ready

    def _understood(self, about: About) -> bool:
        """Notes what a replica says it can; false if it is none of this stage."""
        if about.stage != self._stage:
            return False
        try:
            self.abilities = self._decoder.decode(about.abilities)
        except msgspec.DecodeError:
            return False
        self._described = True
        return True

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _tell(self) -> None:
        """Whoever waits looks again."""
        if self.up:
            self._empty_since = math.inf
        elif self._empty_since == math.inf:
            self._empty_since = time.monotonic()
        metrics.REPLICAS.labels(self._stage).set(len(self.up))
        self._changed.set()


def _told(error: Exception | None, stage: str) -> StageError:
    """What the speaker learns."""
    if isinstance(error, StageBusy | StageDown):
        return error
    return StageDown(f"No {stage} answers.", "Say it again in a moment.")
