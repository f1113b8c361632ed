"""The bus: who is present, and everything a session's phones are told, pass through it.

One process needs the one in memory; several gateways will share another with this interface.
Events are plain values, so that they can travel.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from msgspec import Struct

from babblefish.people import Person, Speaker
from babblefish.protocol.down import ConsentState, Policy, TrainingProgress
from babblefish.telemetry import log

_log = log(__name__)

_BACKLOG = 1000


class Present(Struct, frozen=True, tag="present"):
    """Who is in the session now: a level, not a change, so that a missed one does no harm."""

    people: list[Person]


class Captioned(Struct, frozen=True, tag="captioned"):
    """Somebody is talking into a participant's phone; this is what was understood so far."""

    utterance_id: str
    client_id: str
    speaker: Speaker
    language: str
    text: str
    final: bool
    text_id: str | None = None


class Interpreted(Struct, frozen=True, tag="interpreted"):
    """What somebody said, ready for the listeners of one language.

    `language` is the listeners', `target_language` that of `translation`: they differ only where
    nothing translates between the two and the listener gets the transcript.
    """

    utterance_id: str
    client_id: str
    speaker: Speaker
    language: str
    transcript: str
    translation: str
    source_language: str
    target_language: str
    wav: bytes | None
    voice: str | None
    latency_ms: int
    stages: dict[str, int]
    f5_pending: bool = False


class Named(Struct, frozen=True, tag="named"):
    """What a speaker is called from now on; where an utterance is named, that it was theirs."""

    speaker: Speaker
    utterance_id: str | None = None


class Renamed(Struct, frozen=True, tag="renamed"):
    """Another name for a participant, given by somebody else."""

    client_id: str
    name: str


class Told(Struct, frozen=True, tag="told"):
    """An error that concerns one participant."""

    client_id: str
    code: str
    message: str


class Cloned(Struct, frozen=True, tag="cloned"):
    """The speech of an `Interpreted` in its speaker's own voice, for the same listeners."""

    utterance_id: str
    client_id: str
    speaker: Speaker
    language: str
    wav: bytes
    made_at: float
    latency_ms: int


class Equipped(Struct, frozen=True, tag="equipped"):
    """Which laptops there are now, on any gateway: a level, as `Present` is."""

    laptops: int
    languages: list[str]


class Private(Struct, frozen=True, tag="private"):
    """Something for one participant alone."""

    client_id: str
    message: ConsentState | Policy | TrainingProgress


Event = Present | Captioned | Interpreted | Cloned | Equipped | Named | Renamed | Told | Private


class CloneJob(Struct, frozen=True):
    """A sentence, to be said in its speaker's own voice in `language`.

    `voice` is the speaker's id in the consents, `reference` what that voice is cloned from;
    after `deadline`, seconds since 1970, nobody wants it.
    """

    id: str
    voice: str
    name: str
    reference: str
    language: str
    text: str
    deadline: float


CloneTaker = Callable[[CloneJob], "asyncio.Future[bytes] | None"]
"""The WAV to come, if a laptop that speaks the language took the job and can be in time.

The future raises `StageError` where it will not come after all; cancelled, the job is.
"""


class Bus(Protocol):
    """Presence and events of sessions."""

    async def enter(self, session: str, person: Person) -> None:
        """Is here, or is here as somebody else now; everybody is told."""

    async def leave(self, session: str, client_id: str) -> None:
        """Is gone; everybody is told."""

    async def people(self, session: str) -> list[Person]:
        """Who is here, in order of arrival."""

    async def publish(self, session: str, event: Event) -> None:
        """Tells every subscriber of the session."""

    async def publish_to_all(self, event: Event) -> None:
        """Tells every subscriber of every session."""

    def subscribe(self, session: str) -> contextlib.AbstractContextManager[AsyncIterator[Event]]:
        """What is published while the context is open, in order."""

    async def offer(self, job: CloneJob) -> "asyncio.Future[bytes] | None":
        """Who takes the job, on any gateway: see `CloneTaker`."""

    def taking(self, taker: CloneTaker) -> contextlib.AbstractContextManager[None]:
        """While the context is open, jobs are offered to `taker`."""


class MemoryBus:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._people: dict[str, dict[str, Person]] = {}
        self._queues: dict[str, list[asyncio.Queue[Event]]] = {}
        self._takers: list[CloneTaker] = []

    async def enter(self, session: str, person: Person) -> None:
        """See `Bus`."""
        self._people.setdefault(session, {})[person.client_id] = person
        await self._tell_presence(session)

    async def leave(self, session: str, client_id: str) -> None:
        """See `Bus`."""
        people = self._people.get(session, {})
        people.pop(client_id, None)
        if not people:
            self._people.pop(session, None)
        await self._tell_presence(session)

    async def people(self, session: str) -> list[Person]:
        """See `Bus`."""
        return list(self._people.get(session, {}).values())

    async def publish(self, session: str, event: Event) -> None:
        """See `Bus`; waits where a subscriber is far behind."""
        for queue in list(self._queues.get(session, ())):
            await queue.put(event)

    async def publish_to_all(self, event: Event) -> None:
        """See `Bus`."""
        for session in list(self._queues):
            await self.publish(session, event)

    async def offer(self, job: CloneJob) -> "asyncio.Future[bytes] | None":
        """See `Bus`."""
        return next(filter(None, (taker(job) for taker in self._takers)), None)

    @contextlib.contextmanager
    def taking(self, taker: CloneTaker) -> Iterator[None]:
        """See `Bus`."""
        self._takers.append(taker)
        try:
            yield
        finally:
            self._takers.remove(taker)

    @contextlib.contextmanager
    def subscribe(self, session: str) -> Iterator[AsyncIterator[Event]]:
        """See `Bus`."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_BACKLOG)
        queues = self._queues.setdefault(session, [])
        queues.append(queue)
        try:
            yield _events(queue)
        finally:
            queues.remove(queue)
            if not queues:
                self._queues.pop(session, None)

    async def _tell_presence(self, session: str) -> None:
        await self.publish(session, Present(await self.people(session)))


async def _events(queue: asyncio.Queue[Event]) -> AsyncIterator[Event]:
    while True:
        yield await queue.get()
