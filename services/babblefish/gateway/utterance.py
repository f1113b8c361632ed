"""An utterance, from its first voice to its last listener."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping

from babblefish import metrics
from babblefish.audio import Samples
from babblefish.errors import StageError
from babblefish.gateway.bus import Captioned, Interpreted, Told
from babblefish.gateway.cloning import Clone, Cloning
from babblefish.gateway.interpreter import (
    SILENCE,
    Identity,
    Interpretation,
    Interpreter,
    Participant,
    Speech,
)
from babblefish.gateway.recognition import Recognition
from babblefish.telemetry import log, milliseconds_since
from babblefish.translator.base import SpeechStream

_log = log(__name__)

_CAPTION_EVERY_S = 0.3


class Message:
    """Something a participant says, on its way to everybody else.

    `cloning` says it once more in the speaker's own voice; what is typed, nobody does.
    """

    cloning: Cloning | None = None

    def __init__(
        self, interpreter: Interpreter, speaker: Participant, text_id: str | None = None
    ) -> None:
        self.id = uuid.uuid4().hex[:16]
        self._text_id = text_id
        self.interpreter = interpreter
        self.speaker = speaker
        self.identity = Identity(speaker.speaker)

    async def caption(self, text: str, *, final: bool) -> None:
        """Shows to all, the speaker too, what was understood."""
        who = self.identity.tell() if final else self.identity.speaker
        language = self.speaker.language
        event = Captioned(self.id, self.speaker.id, who, language, text, final, self._text_id)
        await self.interpreter.bus.publish(self.speaker.session, event)

    async def refuse(self, error: StageError | TimeoutError) -> None:
        """Tells the speaker that this was lost, and what to do."""
        metrics.UTTERANCES.labels("lost").inc()
        code, why = "too_late", "That took too long to translate. Say it again."
        if isinstance(error, StageError):
            code, why = "stage_unavailable", str(error)
        _log.warning("utterance_lost", utterance=self.id, code=code)
        await self.interpreter.bus.publish(self.speaker.session, Told(self.speaker.id, code, why))

    async def tell(
        self, said: Interpretation, spoke_at: float, stages: Mapping[str, int] | None = None
    ) -> None:
        """Tells every listener, those of one language as soon as it is spoken in theirs."""
        metrics.UTTERANCES.labels("told").inc()
        await self.caption(said.translation.transcript, final=True)
        untranslated = await self.interpreter.needed(self.speaker) - said.speeches.keys()
        telling = _Telling(self, said, spoke_at, stages or {})
        for language in sorted(untranslated):
            await telling.transcript(language)
        await asyncio.gather(*(telling.translation(language) for language in said.speeches))


class _Telling:
    """One interpretation being told, language by language."""

    def __init__(
        self, message: Message, said: Interpretation, spoke_at: float, stages: Mapping[str, int]
    ) -> None:
        self._message = message
        self._said = said
        self._spoke_at = spoke_at
        self._stages = {**stages, **said.translation.stages}

    async def transcript(self, language: str) -> None:
        """To who hears the speaker's own language, or one that nothing translates it into."""
        said = self._said.translation
        await self._tell(language, said.transcript, said.source_language, SILENCE)

    async def translation(self, language: str) -> None:
        """To who hears one of the languages it was translated into."""
        text = self._said.translation.texts[language]
        clone = await self._clone(text, language)
        with clone or contextlib.nullcontext():
            speech = await self._said.speeches[language]
            pending = clone is not None and speech.wav is not None
            told = await self._tell(language, text, language, speech, f5_pending=pending)
            if clone and pending:
                clone.follow(self._message.speaker.session, told, self._spoke_at)

    async def _clone(self, text: str, language: str) -> Clone | None:
        cloning, identity = self._message.cloning, self._message.identity
        return await cloning.begin(identity, text, language) if cloning else None

    async def _tell(
        self, listeners: str, text: str, language: str, speech: Speech, *, f5_pending: bool = False
    ) -> Interpreted:
        spoken = {"synthesize": speech.took_ms} if speech.wav else {}
        speaker = self._message.speaker
        stages = {**self._stages, **spoken}
        latency_ms = milliseconds_since(self._spoke_at)
        _measure(latency_ms, stages)
        event = Interpreted(
            utterance_id=self._message.id,
            client_id=speaker.id,
            speaker=self._message.identity.tell(),
            language=listeners,
            transcript=self._said.translation.transcript,
            translation=text,
            source_language=self._said.translation.source_language,
            target_language=language,
            wav=speech.wav,
            voice=speech.voice,
            latency_ms=latency_ms,
            stages=stages,
            f5_pending=f5_pending,
        )
        await self._message.interpreter.bus.publish(speaker.session, event)
        return event


def _measure(latency_ms: int, stages: Mapping[str, int]) -> None:
    metrics.LATENCY.observe(latency_ms / 1000)
    for stage, took_ms in stages.items():
        metrics.STAGES.labels(stage).observe(took_ms / 1000)


class Typed(Message):
    """Typed instead of spoken."""

    def send(self, text: str, before: "asyncio.Task[None] | None") -> "asyncio.Task[None]":
        """Listeners get it, after what the same participant said `before`."""
        return self.interpreter.own(self._send(text, before))

    async def _send(self, text: str, before: "asyncio.Task[None] | None") -> None:
        started = time.monotonic()
        try:
            said = await self.interpreter.interpret_text(self.speaker, text)
            if before:
                await asyncio.wait([before])
            await self.tell(said, started)
        except (StageError, TimeoutError) as error:
            await self.refuse(error)


class Utterance(Message):
    """Spoken.

    At every pause it is interpreted as if it were over. If the speaker goes on, that draft is
    thrown away; if not, it is ready when the turn ends.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        speaker: Participant,
        stream: SpeechStream,
        recognition: Recognition,
        cloning: Cloning | None = None,
    ) -> None:
        super().__init__(interpreter, speaker)
        self.cloning = cloning
        self._stream = stream
        self._recognition = recognition
        self.identity = recognition.identity
        self._draft: asyncio.Task[Interpretation] | None = None
        self._captioning: asyncio.Task[None] | None = None
        self._captioned_at = time.monotonic()
        self._caption = ""
        self.voice_at = time.monotonic()

    def voiced(self, arrived: float, seconds: float) -> None:
        """So much of it was voice, and so late did it come."""
        self.voice_at = arrived
        self._recognition.voiced(seconds)

    async def feed(self, samples: Samples) -> None:
        """More speech; what was drafted at the last pause no longer holds."""
        await self._discard_draft()
        self._recognition.feed(samples)
        await self._stream.feed(samples)
        self._caption_now_and_then()

    def pause(self) -> None:
        """Perhaps it is over: work as if it were."""
        self._draft = self._begin_draft()

    def end(self, before: "asyncio.Task[None] | None") -> "asyncio.Task[None]":
        """It is over: listeners get it, after what the same participant said `before`."""
        return self.interpreter.own(self._end(before, milliseconds_since(self.voice_at)))

    def drop(self) -> "asyncio.Task[None]":
        """It was no speech: listeners get nothing."""
        return self.interpreter.own(self._drop())

    async def _end(self, before: "asyncio.Task[None] | None", endpoint_ms: int) -> None:
        try:
            self._draft = self._draft or self._begin_draft()
            draft = await self._draft
            await self._stop_captioning()
            if before:
                await asyncio.wait([before])
            if draft.translation.transcript:
                self.interpreter.own(self._recognition.settle(self.id, draft.translation))
                said = await self.interpreter.complete(self.speaker, draft)
                await self.tell(said, self.voice_at, {"endpoint": endpoint_ms})
            else:
                metrics.UTTERANCES.labels("noise").inc()
                await self._withdraw_caption()
        except (StageError, TimeoutError) as error:
            await self._withdraw_caption()
            await self.refuse(error)
        finally:
            await self._close()

    async def _drop(self) -> None:
        metrics.UTTERANCES.labels("noise").inc()
        try:
            await self._withdraw_caption()
        finally:
            await self._close()

    def _begin_draft(self) -> asyncio.Task[Interpretation]:
        self._recognition.begin()
        return asyncio.create_task(
            self.interpreter.interpret(self.speaker, self._stream, self.identity)
        )

    async def _discard_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is None:
            return
        draft.cancel()
        self._recognition.discard()
        with contextlib.suppress(asyncio.CancelledError, StageError, TimeoutError):
            (await draft).discard()

    def _caption_now_and_then(self) -> None:
        due = time.monotonic() - self._captioned_at >= _CAPTION_EVERY_S
        if due and (self._captioning is None or self._captioning.done()):
            self._captioned_at = time.monotonic()
            self._captioning = asyncio.create_task(self._caption_so_far())

    async def _caption_so_far(self) -> None:
        with contextlib.suppress(StageError):  # the draft will meet it too, and tell
            text = await self._stream.partial()
            if text and text != self._caption:
                self._caption = text
                await self.caption(text, final=False)

    async def _withdraw_caption(self) -> None:
        await self._stop_captioning()
        if self._caption:
            await self.caption("", final=True)

    async def _stop_captioning(self) -> None:
        if self._captioning:
            self._captioning.cancel()
            await asyncio.gather(self._captioning, return_exceptions=True)

    async def _close(self) -> None:
        await self._discard_draft()
        await self._stop_captioning()
        await self._stream.close()
