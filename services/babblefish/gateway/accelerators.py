"""The laptops that are connected here, and which of them says what in its speaker's own voice."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection

from fastapi import WebSocket

from babblefish import metrics, protocol
from babblefish.cloner import wire
from babblefish.errors import StageError
from babblefish.gateway import insight
from babblefish.gateway.bus import Bus, CloneJob, Equipped
from babblefish.gateway.laptop import Laptop, Place, VoiceMissing
from babblefish.gateway.laptop_line import LaptopLine, LineLost
from babblefish.gateway.loopback import is_local
from babblefish.languages import UnknownLanguage, normalise
from babblefish.settings import Settings
from babblefish.telemetry import log
from babblefish.voices.base import OwnVoices

MAX_LAPTOPS = 32

_MAX_NAME = 64
_COALESCED_S = 0.05
_LOOK_S = 1.0
# Who takes longer than expected by so much is slower than it was, or hangs.
_OVERDUE = 2.0
_OVERDUE_S = 0.5

_log = log(__name__)


class Accelerators:
    """Answers laptops, and takes jobs for them.

    `told` is called whenever laptops come or go.
    """

    def __init__(
        self, settings: Settings, bus: Bus, voices: OwnVoices, told: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._bus = bus
        self._voices = voices
        self._told = told
        self._laptops: dict[str, Laptop] = {}
        self._errands: set[asyncio.Task[bytes]] = set()
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Takes jobs while the context is open, and sees to it that no voice stays anywhere."""
        tasks = [asyncio.create_task(self._announce()), asyncio.create_task(self._watch_consents())]
        with self._bus.taking(self.take):
            try:
                yield
            finally:
                for task in (*tasks, *self._errands):
                    task.cancel()
                await asyncio.gather(*tasks, *self._errands, return_exceptions=True)

    @property
    def all(self) -> list[Laptop]:
        """Those that are connected."""
        return list(self._laptops.values())

    def equipped(self) -> Equipped:
        """Those that may be asked, and what they speak."""
        ready = [laptop for laptop in self._laptops.values() if laptop.ready]
        languages = frozenset[str]().union(*(laptop.languages for laptop in ready))
        return Equipped(len(ready), sorted(languages))

    # ── laptops ──────────────────────────────────────────────────────────────────────────────

    async def answer(self, socket: WebSocket) -> None:
        """Until it hangs up; who may not call is told 403."""
        if not _admitted(socket, self._settings):
            metrics.LAPTOP_ERRORS.labels("forbidden").inc()
            await socket.close(protocol.CLOSE_TOKEN)
            return
        await socket.accept()
        line = LaptopLine(socket, self._settings.send_timeout_s)
        try:
            await self._serve(line, await self._greeted(line))
        except (LineLost, TimeoutError):
            _log.info("laptop_gone")
        finally:
            await line.close()

    async def _greeted(self, line: LaptopLine) -> wire.Hello:
        async with asyncio.timeout(self._settings.join_timeout_s):
            while not isinstance(message := await line.next(), wire.Hello):
                line.strike("order")
        if message.protocol != wire.PROTOCOL:
            line.hang_up(protocol.CLOSE_POLICY)
        if len(self._laptops) >= MAX_LAPTOPS:
            line.hang_up(protocol.CLOSE_TRY_LATER)
        return message

    async def _serve(self, line: LaptopLine, hello: wire.Hello) -> None:
        name = self._free_name(hello.name)
        languages = _known_languages(hello.languages)
        laptop = Laptop(name, hello, languages, line, self._voices, self._changed.set)
        self._laptops[name] = laptop
        try:
            await laptop.serve(self._settings.heartbeat_s)
        finally:
            del self._laptops[name]

    def _free_name(self, told: str) -> str:
        """Two of one name are two."""
        try:
            name = protocol.clean(told[:_MAX_NAME], _MAX_NAME)
        except protocol.Refusal:
            name = "laptop"
        names = (name, *(f"{name} {number}" for number in range(2, MAX_LAPTOPS + 2)))
        return next(name for name in names if name not in self._laptops)

    async def _announce(self) -> None:
        """What there is now; several that come together are one piece of news."""
        told = self.equipped()
        while True:
            await self._changed.wait()
            await asyncio.sleep(_COALESCED_S)
            self._changed.clear()
            if (equipped := self.equipped()) != told:
                told = equipped
                metrics.LAPTOPS.set(equipped.laptops)
                self._told()
                await self._bus.publish_to_all(equipped)

    async def _watch_consents(self) -> None:
        """By level: whoever has a voice whose yes is gone is told so, whoever took it back."""
        revoked = self._voices.revoked()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await revoked.wait()
            revoked.clear()
            held = frozenset[str]().union(*(laptop.held for laptop in self.all))
            if held and (gone := held - await self._voices.consenting(held)):
                for laptop in self.all:
                    laptop.purge(gone)

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────

    def take(self, job: CloneJob) -> asyncio.Future[bytes] | None:
        """See `bus.CloneTaker`; decided at once."""
        place = self._place(job, ())
        if place is None:
            return None
        errand = _Errand(job, place, self._place)
        task = asyncio.create_task(errand.run())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        task.add_done_callback(errand.over)
        return task

    def _place(self, job: CloneJob, tried: Collection[Laptop]) -> Place | None:
        """In the queue of the laptop that would be done first, if that is in time."""
        able = [it for it in self.all if it not in tried and it.able(job)]
        first = min(able, key=lambda laptop: laptop.takes_s(job), default=None)
        if first is None or time.time() + first.takes_s(job) > job.deadline:
            return None
        return first.take(job)


class _Errand:
    """A job, whichever laptop has it; `place` finds it another."""

    def __init__(
        self,
        job: CloneJob,
        place: Place,
        another: Callable[[CloneJob, Collection[Laptop]], Place | None],
    ) -> None:
        self._job = job
        self._place = place
        self._another = another
        self._tried: list[Laptop] = []

    async def run(self) -> bytes:
        """The WAV; raises `StageError` where nobody is left who could, and at the deadline."""
        async with asyncio.timeout(self._job.deadline - time.time()):
            while True:
                place = self._place
                overdue_s = _OVERDUE * place.expected_s + _OVERDUE_S
                await asyncio.wait([place.answer], timeout=overdue_s)
                if not place.answer.done() and self._moved(late=True):
                    continue
                try:
                    return await place.laptop.checked(place)
                except StageError as error:
                    if not self._moved(again=isinstance(error, VoiceMissing)):
                        raise

    def over(self, task: "asyncio.Task[bytes]") -> None:
        """Too when it never began."""
        late = not task.cancelled() and isinstance(task.exception(), TimeoutError)
        self._place.laptop.give_up(self._place, late=late)

    def _moved(self, *, late: bool = False, again: bool = False) -> bool:
        """Whether it has a new place; with `again` the same laptop may have it once more."""
        former = self._place
        if not again:
            self._tried.append(former.laptop)
        other = self._another(self._job, self._tried)
        if other is None:
            return False
        metrics.RETRIES.labels("cloner").inc()
        former.laptop.give_up(former, late=late)
        self._place = other
        return True


def _admitted(socket: WebSocket, settings: Settings) -> bool:
    """By the laptops' secret, where there is one; no web page is a laptop."""
    if "origin" in socket.headers:
        return False
    if settings.accelerator_token is None:
        return is_local(socket)
    return insight.has_token(socket, settings.accelerator_token)


def _known_languages(told: Collection[str]) -> frozenset[str]:
    known = set[str]()
    for code in told:
        with contextlib.suppress(UnknownLanguage):
            known.add(normalise(code))
    return frozenset(known)
