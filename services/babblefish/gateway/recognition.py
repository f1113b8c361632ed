"""Whose voice an utterance is in: found out beside everything else, and nobody waits for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np

from babblefish import metrics
from babblefish.audio import SAMPLE_RATE, Audio, Samples
from babblefish.gateway.bus import Named
from babblefish.gateway.interpreter import Identity, Participant
from babblefish.gateway.speakers import Speakers
from babblefish.people import Speaker
from babblefish.registry.identity import Decision, Heard
from babblefish.translator.base import Translation
from babblefish.voices.quality import Said

_ENOUGH_SAMPLES = 10 * SAMPLE_RATE


class Recognizer:
    """Recognises who speaks into one phone; until it knows, that is who spoke last.

    `call` is told who the participant is, where the phone is anonymous and its first voice known;
    `learned` whatever is beyond recall.
    """

    def __init__(
        self,
        speakers: Speakers,
        call: Callable[[Speaker], None],
        learned: Callable[[Decision], None] | None = None,
    ) -> None:
        self.speakers = speakers
        self.call = call
        self.learned = learned
        self.last: Speaker | None = None

    def listen(self, phone: Participant) -> "Recognition":
        """For the phone's next utterance."""
        return Recognition(self, phone)

    def renamed(self, speaker: Speaker) -> None:
        """Somebody is called otherwise."""
        if self.last and self.last.id == speaker.id:
            self.last = speaker


class Recognition:
    """Of one utterance's voice.

    It begins with each draft and ends with it: what is thrown away teaches nothing. `settle` it
    once the utterance is one.
    """

    def __init__(self, recognizer: Recognizer, phone: Participant) -> None:
        self._recognizer = recognizer
        self._phone = phone
        self._speech: list[Samples] = []
        self._samples = 0
        self._voice_s = 0.0
        self._hearing: asyncio.Task[Heard | None] | None = None
        self.identity = Identity(recognizer.last or phone.speaker)

    def feed(self, samples: Samples) -> None:
        """More of the utterance; its first seconds are enough."""
        if self._samples < _ENOUGH_SAMPLES:
            self._speech.append(samples)
        self._samples += len(samples)

    def voiced(self, seconds: float) -> None:
        """So much of it was voice."""
        self._voice_s += seconds

    def begin(self) -> None:
        """Recognises the voice of what was fed."""
        self.identity.reference = None
        if self._recognizer.speakers.listening and self._speech:
            self._hearing = asyncio.create_task(self._hear())

    def discard(self) -> None:
        """The utterance goes on."""
        if self._hearing:
            self._hearing.cancel()
            self._hearing = None

    def settle(
        self, utterance_id: str, said: Translation | None = None
    ) -> Coroutine[Any, Any, None]:
        """Learns from the utterance; who was told of somebody else is told who it was.

        What is discarded after this call is no longer needed for that.
        """
        hearing, self._hearing = self._hearing, None
        return self._settle(hearing, utterance_id, said)

    async def _settle(
        self,
        hearing: asyncio.Task[Heard | None] | None,
        utterance_id: str,
        said: Translation | None,
    ) -> None:
        if hearing is None or (heard := await hearing) is None:
            return
        speakers, phone = self._recognizer.speakers, self._phone
        decision = await speakers.learn(phone, heard)
        if (speaker := decision.speaker) is None:
            return
        self._identify(decision)
        self._recognizer.last = speaker
        if self.identity.told - {speaker}:
            metrics.LATE_IDENTITIES.inc()
            await speakers.bus.publish(phone.session, Named(speaker, utterance_id))
        if decision.names_phone:
            self._recognizer.call(speaker)
        if self._recognizer.learned:
            self._recognizer.learned(decision)
        if decision.consents and said:
            speakers.collect(self._said(speaker, said))

    def _identify(self, decision: Decision) -> None:
        """Voice and reference together: the one is cloned from no other's."""
        if decision.speaker:
            self.identity.speaker = decision.speaker
            self.identity.reference = decision.reference

    def _said(self, speaker: Speaker, said: Translation) -> Said:
        whole = self._samples <= _ENOUGH_SAMPLES
        sound = Audio(np.concatenate(self._speech), SAMPLE_RATE)
        return Said(
            speaker.id,
            sound,
            self._voice_s,
            said.transcript,
            said.source_language,
            said.confidence,
            whole=whole,
        )

    async def _hear(self) -> Heard | None:
        """The voice, and who it probably is."""
        speech = np.concatenate(self._speech)[:_ENOUGH_SAMPLES]
        heard = await self._recognizer.speakers.hear(speech, self._voice_s)
        if heard:
            self._identify(await self._recognizer.speakers.recognise(self._phone, heard))
        return heard
