"""What one gateway asked for and has no answer to yet."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from babblefish import audio
from babblefish.accelerator import requests
from babblefish.accelerator.held import Held
from babblefish.accelerator.mouth import Mouth
from babblefish.accelerator.requests import Unusable
from babblefish.cloner.base import Reference
from babblefish.cloner.wire import Failure, Request, Result, Up
from babblefish.errors import StageBusy, StageError
from babblefish.stage import deadline
from babblefish.stage.desk import Desk
from babblefish.telemetry import log, milliseconds_since

_MOST_TOLD = 200

_log = log(__name__)


@dataclass(eq=False)
class _Job:
    request: Request
    task: "asyncio.Task[None] | None" = None
    begun: bool = False

    def cancel(self) -> None:
        if self.task:
            self.task.cancel()


class Work:
    """Each request is a task; `say` sends an answer."""

    def __init__(
        self, desk: Desk, mouth: Mouth, held: Held, say: Callable[[Up], Awaitable[None]]
    ) -> None:
        self._desk = desk
        self._mouth = mouth
        self._held = held
        self._say = say
        self._jobs: dict[str, _Job] = {}

    def take(self, request: Request) -> None:
        """Begins it in its turn; an id that is none, or is in use, cannot be answered."""
        if not requests.answerable(request) or request.request_id in self._jobs:
            _log.warning("request_ignored")
            return
        job = self._jobs[request.request_id] = _Job(request)
        job.task = asyncio.create_task(self._do(job, self._kept(request)))
        job.task.add_done_callback(lambda task: self._over(request.request_id, task))

    def cancel(self, request_id: str) -> None:
        """Without an answer."""
        if job := self._jobs.get(request_id):
            job.cancel()

    def discard(self, speakers: Collection[str]) -> None:
        """Likewise all that is to be said in these voices."""
        for job in self._jobs.values():
            if job.request.speaker_id in speakers:
                job.cancel()

    async def hand_back(self) -> None:
        """What was not begun, so that another laptop may do it."""
        for job in [job for job in self._jobs.values() if not job.begun]:
            job.cancel()
            await self._say(_returned(job.request))

    async def abandon(self) -> None:
        """All of it, without an answer."""
        tasks = [job.task for job in self._jobs.values() if job.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _kept(self, request: Request) -> Unusable | None:
        """Why it cannot be done; its reference is kept even where the queue has no room for it."""
        try:
            requests.check(request, self._mouth.languages)
            if request.reference:
                self._held.keep(request.speaker_id, requests.reference_of(request.reference))
        except Unusable as problem:
            return problem
        reference = self._held.find(request.speaker_id)
        return None if reference and reference.id == request.reference_id else _unknown()

    def _over(self, request_id: str, task: "asyncio.Task[None]") -> None:
        del self._jobs[request_id]
        if not task.cancelled():
            task.exception()  # an answer that cannot be sent: the line is at its end

    async def _do(self, job: _Job, problem: Unusable | None) -> None:
        await self._say(await self._answer(job, problem))

    async def _answer(self, job: _Job, problem: Unusable | None) -> Up:
        request, arrived = job.request, time.monotonic()
        try:
            async with self._desk.taking("speak", requests.seconds(request)):
                if problem:
                    raise problem
                wav = audio.to_wav(await self._spoken(job))
        except StageBusy:
            return _returned(request)
        except TimeoutError:
            return Failure(request.request_id, "The deadline passed.")
        except StageError as error:
            return Failure(request.request_id, error.happened[:_MOST_TOLD])
        except Exception:  # noqa: BLE001 an engine's bug costs a sentence, not the laptop
            _log.exception("cloning_failed")
            return Failure(request.request_id, "The engine failed.")
        name = request.speaker_name[:_MOST_TOLD]
        return Result(request.request_id, wav, name, milliseconds_since(arrived))

    async def _spoken(self, job: _Job) -> audio.Audio:
        request = job.request
        return await self._mouth.speak(request.text, request.language, lambda: self._begin(job))

    def _begin(self, job: _Job) -> Reference:
        """The voice as it is by now: it may have gone, or become better."""
        reference = self._held.find(job.request.speaker_id)
        if reference is None:
            raise _unknown()
        if not deadline.remaining_s():
            raise TimeoutError
        job.begun = True
        return reference


def _unknown() -> Unusable:
    return Unusable("This voice is not known here.", "Send its reference.")


def _returned(request: Request) -> Failure:
    return Failure(request.request_id, "It was not begun.", returned=True)
