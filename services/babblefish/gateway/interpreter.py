"""What is said, put into every language that somebody hears: translated once for all of them,
spoken once for each.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from babblefish import audio
from babblefish.errors import StageError
from babblefish.gateway.bus import Bus
from babblefish.people import Person, Speaker
from babblefish.stage import deadline
from babblefish.synthesizer.base import Synthesizer
from babblefish.telemetry import Stopwatch, log
from babblefish.translator.base import SpeechStream, Translation, Translator

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class Participant:
    """A person in a session."""

    session: str
    person: Person

    @property
    def id(self) -> str:
        """Unique among all sessions."""
        return self.person.client_id

    @property
    def language(self) -> str:
        """What they speak and hear."""
        return self.person.language

    @property
    def speaker(self) -> Speaker:
        """Who speaks, unless a voice says otherwise."""
        return Speaker(self.id, self.person.name, self.person.voice)


class Identity:
    """Whose voice something is said in, as far as is known; it may become known late.

    `told`: whom listeners were told of. `reference`: what that voice is cloned from, where it is
    beyond doubt whose it is and they said yes.
    """

    def __init__(self, guess: Speaker) -> None:
        self.speaker = guess
        self.reference: str | None = None
        self.told: set[Speaker] = set()

    def tell(self) -> Speaker:
        """Whom to tell of now."""
        self.told.add(self.speaker)
        return self.speaker


@dataclass(frozen=True, slots=True)
class Speech:
    """A translation, spoken; both `None` where nothing could."""

    wav: bytes | None
    voice: str | None
    took_ms: int = 0


SILENCE = Speech(None, None)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """Something said, in every language that was needed; the speech may still be under way."""

    identity: Identity
    translation: Translation
    speeches: Mapping[str, asyncio.Task[Speech]]

    def discard(self) -> None:
        """It is for nobody."""
        for speech in self.speeches.values():
            speech.cancel()


class Interpreter:
    """Puts speech and text into the languages of who else is in the session."""

    def __init__(
        self, translator: Translator, synthesizer: Synthesizer, bus: Bus, deadline_s: float
    ) -> None:
        self._translator = translator
        self._synthesizer = synthesizer
        self._deadline_s = deadline_s
        self.bus = bus
        self._tasks: set[asyncio.Task[None]] = set()

    async def prepare(self, session: str) -> None:
        """Somebody came, or chose another language: the engines may get ready."""
        people = await self.bus.people(session)
        self._translator.prepare({person.language for person in people})

    def listen(self, speaker: Participant) -> SpeechStream:
        """A stream for the speaker's next utterance."""
        return self._translator.open(speaker.language, speaker.id)

    async def interpret(
        self, speaker: Participant, stream: SpeechStream, identity: Identity
    ) -> Interpretation:
        """What the stream heard; raises `StageError`, and `TimeoutError` at the deadline."""
        async with deadline.within(self._deadline_s):
            translation = await stream.finish(await self.needed(speaker))
        return Interpretation(identity, translation, self._speak_all(identity, translation.texts))

    async def interpret_text(self, speaker: Participant, text: str) -> Interpretation:
        """What the speaker typed; raises as `interpret` does."""
        said = Translation(speaker.language, text, {})
        return await self.complete(speaker, Interpretation(Identity(speaker.speaker), said, {}))

    async def complete(self, speaker: Participant, so_far: Interpretation) -> Interpretation:
        """Adds the languages of who came, or chose another, in the meantime."""
        said = so_far.translation
        reachable = self._translator.reachable(said.source_language)
        missing = (await self.needed(speaker)) & reachable - said.texts.keys()
        if not missing:
            return so_far
        watch = Stopwatch()
        async with deadline.within(self._deadline_s):
            with watch.lap("translate"):
                late = await self._translator.translate_text(
                    said.transcript, said.source_language, missing
                )
        complete = structs.replace(
            said, texts={**said.texts, **late}, stages={**watch.laps, **said.stages}
        )
        return replace(
            so_far,
            translation=complete,
            speeches={**so_far.speeches, **self._speak_all(so_far.identity, late)},
        )

    async def needed(self, speaker: Participant) -> set[str]:
        """Languages that others in the session hear."""
        people = await self.bus.people(speaker.session)
        return {person.language for person in people if person.client_id != speaker.id}

    def own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs `work` to its end even if the phone that began it hangs up."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def close(self) -> None:
        """Sees through what was said, for at most the deadline of an utterance."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._deadline_s)
            for task in late:
                task.cancel()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("utterance_failed", exc_info=error)

    def _speak_all(
        self, identity: Identity, texts: Mapping[str, str]
    ) -> dict[str, asyncio.Task[Speech]]:
        number = identity.speaker.number
        return {
            language: asyncio.create_task(self._speak(text, language, number))
            for language, text in texts.items()
        }

    async def _speak(self, text: str, language: str, speaker: int) -> Speech:
        """The text spoken; where that fails, the text still goes out."""
        if language not in self._synthesizer.languages:
            return SILENCE
        watch = Stopwatch()
        try:
            async with deadline.within(self._deadline_s):
                with watch.lap("synthesize"):
                    speaking = self._synthesizer.speak(text, language, speaker=speaker)
                    pieces = [piece async for piece in speaking]
        except (StageError, TimeoutError) as error:
            _log.warning("speech_failed", language=language, error=type(error).__name__)
            return SILENCE
        if not pieces:
            return SILENCE
        wav = audio.to_wav(audio.join(pieces))
        return Speech(wav, self._synthesizer.engine(language), watch.laps["synthesize"])
