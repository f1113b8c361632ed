"""One laptop: what it was asked for, and whose voices it holds."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from msgspec import structs

from babblefish import audio, metrics
from babblefish.cloner import matching, wire
from babblefish.cloner.base import Memory, Reference
from babblefish.errors import BabbleFishError, StageBusy, StageDown, StageFailed
from babblefish.gateway.bus import CloneJob
from babblefish.gateway.holding import Holding
from babblefish.gateway.laptop_line import LaptopLine, LineLost
from babblefish.gateway.workload import Workload, weight
from babblefish.telemetry import log
from babblefish.voices.base import OwnVoices

_READY_S = 15.0
_MOST_TO_SEND = 512
_REMEMBERED = 256

_log = log(__name__)


class VoiceMissing(StageDown):
    """The laptop has not got the voice any more; it can be sent again."""


@dataclass(eq=False, slots=True)
class Place:
    """A sentence in a laptop's queue; `answer` is its WAV, as the laptop sent it."""

    laptop: "Laptop"
    job: CloneJob
    expected_s: float
    answer: "asyncio.Future[bytes]"
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    asked: bool = False
    with_voice: bool = False


class Laptop:
    """Serves from `hello` until its line ends; `changed` is called when it comes and goes."""

    def __init__(
        self,
        name: str,
        hello: wire.Hello,
        languages: Collection[str],
        line: LaptopLine,
        voices: OwnVoices,
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self.hello = hello
        self.languages = frozenset(languages)
        self.memory: Memory = hello.memory
        self.workload = Workload(hello.capacity)
        self.ready = False
        self._line = line
        self._holding = Holding(name, voices, self._unconfirmed)
        self._changed = changed
        self._places: dict[str, Place] = {}
        self._given_up: deque[str] = deque(maxlen=_REMEMBERED)
        self._to_send: asyncio.Queue[Place | wire.Cancel | wire.Purge] = asyncio.Queue(
            _MOST_TO_SEND
        )
        self._hung_up = asyncio.Event()

    # ── sentences ────────────────────────────────────────────────────────────────────────────

    def able(self, job: CloneJob) -> bool:
        """Whether it may be asked for that now."""
        speaks = self.ready and job.language in self.languages
        return speaks and not (self._holding.going(job.voice) or self.workload.rests(_now()))

    def takes_s(self, job: CloneJob) -> float:
        """How long it would take, with what it has to do before."""
        return self.workload.takes_s(weight(job.text), _now())

    def take(self, job: CloneJob) -> Place:
        """Asks it for that: `answer` comes, or fails with `StageError`; see `checked`."""
        answer = asyncio.get_running_loop().create_future()
        place = Place(self, job, self.takes_s(job), answer)
        self._places[place.id] = place
        self.workload.add(place.id, weight(job.text), _now())
        metrics.CLONE_QUEUE.inc()
        self._send(place)
        return place

    def give_up(self, place: Place, *, late: bool = False) -> None:
        """Nobody wants it any more; nothing happens if it is answered."""
        if late and place.id in self._places:
            metrics.LAPTOP_ERRORS.labels("late").inc()
            self.workload.late(place.id, _now())
        if self._forget(place) and place.asked:
            self._given_up.append(place.id)
            self._send(wire.Cancel(place.id))
        if not place.answer.cancel() and not place.answer.cancelled():
            place.answer.exception()  # nobody is left to be surprised

    async def checked(self, place: Place) -> bytes:
        """The answer, if it can be that sentence; raises `StageError`."""
        wav = await place.answer
        try:
            await asyncio.to_thread(_check, wav, place.job.text)
        except matching.Implausible as problem:
            self._fault(problem.reason)
            raise StageFailed("A laptop sent what is no speech.", "Look at its log.") from None
        self.workload.succeeded()
        return wav

    # ── voices ───────────────────────────────────────────────────────────────────────────────

    @property
    def held(self) -> frozenset[str]:
        """Whose voices it has, or may still have."""
        return self._holding.all

    def purge(self, voices: Collection[str]) -> None:
        """These go, with what was to be said in them; who does not confirm it in time must go."""
        going = self._holding.purge(voices)
        for at in range(0, len(going), wire.MAX_VOICES):
            self._send(wire.Purge(going[at : at + wire.MAX_VOICES]))
        for place in [p for p in self._places.values() if p.job.voice in going]:
            self._given_up.append(place.id)
            self._fail(place, _forbidden())

    # ── its life ─────────────────────────────────────────────────────────────────────────────

    async def serve(self, heartbeat_s: int) -> None:
        """Until it is gone; then whatever it was asked for fails."""
        try:
            async with asyncio.timeout(_READY_S) as greeting, asyncio.TaskGroup() as tasks:
                await self._welcome(heartbeat_s)
                tasks.create_task(self._read(greeting))
                tasks.create_task(self._write())
                tasks.create_task(self._until_hung_up())
        except* (LineLost, TimeoutError):
            pass
        finally:
            self._end()

    async def _welcome(self, heartbeat_s: int) -> None:
        keep = await self._holding.claimed(self.hello.voices)
        await self._line.tell(wire.encode(wire.Welcome(keep, heartbeat_s)))

    async def _read(self, greeting: asyncio.Timeout) -> None:
        while True:
            match await self._line.next():
                case wire.Ready() if not self.ready:
                    greeting.reschedule(None)
                    await self._holding.cleared()
                    self._be_ready(True)
                case wire.Load(memory):
                    self.memory = memory
                case wire.Result(request_id, wav):
                    self._answered(request_id, wav)
                case wire.Failure(request_id, returned=returned):
                    self._refused(request_id, returned=returned)
                case wire.Purged(speakers):
                    await self._holding.confirmed(speakers)
                case wire.Leaving():
                    self._be_ready(False)
                case _:
                    self._line.strike("order")

    async def _write(self) -> None:
        """The only one who sends: a purge never overtakes the voice that it is about."""
        while True:
            match await self._to_send.get():
                case Place() as place:
                    if not place.answer.done():
                        await self._ask(place)
                case message:
                    await self._line.tell(wire.encode(message))

    async def _until_hung_up(self) -> None:
        await self._hung_up.wait()
        raise LineLost

    def _end(self) -> None:
        self._be_ready(False)
        for place in list(self._places.values()):
            self._fail(place, LineLost())
        self._holding.end()

    def _be_ready(self, ready: bool) -> None:
        if self.ready != ready:
            self.ready = ready
            self._changed()

    # ── asking and being answered ────────────────────────────────────────────────────────────

    async def _ask(self, place: Place) -> None:
        job, voice = place.job, None
        if not self.ready:
            return self._fail(place, StageBusy("The laptop is leaving.", "Another may have time."))
        if not self._holding.has(job):
            voice = await self._holding.lacking(job)
            if voice is None:
                return self._fail(place, _forbidden())
        request = wire.Request(
            request_id=place.id,
            text=job.text,
            language=job.language,
            speaker_id=job.voice,
            speaker_name=job.name,
            deadline_ms=max(1, round(1000 * (job.deadline - time.time()))),
            reference_id=self._holding.reference_id(job.voice),
        )
        place.asked, place.with_voice = True, voice is not None
        if voice is None:
            return await self._line.tell(wire.encode(request))
        return await self._line.tell(await asyncio.to_thread(_encoded, request, voice))

    def _answered(self, request_id: str, wav: bytes) -> None:
        place = self._places.get(request_id)
        if place is None or not place.asked:
            self._unasked(request_id)
            return
        self.workload.spoken(place.id, _now())
        self._forget(place)
        if not place.answer.done():
            place.answer.set_result(wav)

    def _refused(self, request_id: str, *, returned: bool) -> None:
        place = self._places.get(request_id)
        if place is None or not place.asked:
            self._unasked(request_id)
        elif returned:
            self._fail(place, StageBusy("The laptop has no time.", "Another may have."))
        elif not place.with_voice:
            self._holding.mislaid(place.job.voice)
            self._fail(place, VoiceMissing("The laptop lacks the voice.", "It is sent again."))
        else:
            self._fault("failed")
            self._fail(place, StageFailed("The laptop could not say it.", "Look at its log."))

    def _unasked(self, request_id: str) -> None:
        """What was given up lately may have crossed its answer on the way."""
        if request_id in self._given_up:
            self._given_up.remove(request_id)
        else:
            self._line.strike("unasked")

    def _fail(self, place: Place, error: BabbleFishError) -> None:
        self._forget(place)
        if not place.answer.done():
            place.answer.set_exception(error)

    def _forget(self, place: Place) -> bool:
        """Whether it was still to be answered."""
        if self._places.pop(place.id, None) is None:
            return False
        self.workload.remove(place.id, _now())
        metrics.CLONE_QUEUE.dec()
        return True

    def _fault(self, reason: str) -> None:
        """It is asked less for a while."""
        metrics.LAPTOP_ERRORS.labels(reason).inc()
        self.workload.failed(_now())

    def _send(self, message: Place | wire.Cancel | wire.Purge) -> None:
        try:
            self._to_send.put_nowait(message)
        except asyncio.QueueFull:
            self._hung_up.set()

    def _unconfirmed(self) -> None:
        _log.warning("laptop_does_not_purge", laptop=self.name)
        self._hung_up.set()


def _forbidden() -> StageFailed:
    return StageFailed("This voice may not be cloned any more.", "Ask its speaker.")


def _check(wav: bytes, text: str) -> None:
    """Raises `Implausible`."""
    matching.check(matching.decoded(wav), text)


def _encoded(request: wire.Request, voice: Reference) -> str:
    """With the voice, which may be megabytes."""
    wav = audio.to_wav(voice.audio)
    sent = wire.ReferenceSent(voice.id, wav, voice.text, voice.language, voice.adapter)
    return wire.encode(structs.replace(request, reference=sent))


def _now() -> float:
    return time.monotonic()
