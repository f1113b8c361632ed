"""The scene, played in real time: who said what when, and what reached whom."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple

import numpy as np
from tests.support import speech
from tests.support.heard import heard
from tests.support.phone import Phone, joined

from babblefish.audio import SAMPLE_RATE, Audio
from demo.cast import CAST, SCRIPT, Person, Sentence

_PAUSE_S = 1.0
_SESSION = "demo"


class Told(NamedTuple):
    """A sentence as it reached one listener."""

    listener: Person
    text: str
    expected: str
    voice: str | None
    sound: Audio | None
    at_s: float
    """Since the scene began."""
    after_s: float
    """Since the speaker's last sound."""
    stages: Mapping[str, int]
    """Milliseconds."""

    @property
    def right(self) -> bool:
        """Whether it is what was said."""
        return self.text == self.expected


class Turn(NamedTuple):
    """One sentence, from its first sound to its last listener."""

    sentence: Sentence
    from_s: float
    to_s: float
    told: tuple[Told, ...]


async def play(url: str) -> list[Turn]:
    """Everybody joins; each waits until the former sentence has reached all, then speaks."""
    async with AsyncExitStack() as stack:
        phones = {
            person: await stack.enter_async_context(
                joined(url, _SESSION, person.name, person.language)
            )
            for person in CAST
        }
        began = time.monotonic()
        return [await _turn(sentence, phones, began) for sentence in SCRIPT]


async def _turn(sentence: Sentence, phones: Mapping[Person, Phone], began: float) -> Turn:
    talking = phones[sentence.speaker]
    started = time.monotonic()
    samples = sentence.speech
    ended = started + len(samples) / SAMPLE_RATE
    listeners = [person for person in phones if person is not sentence.speaker]
    listening = [
        asyncio.create_task(_told(sentence, person, phones[person], began, ended))
        for person in listeners
    ]
    await talking.stream(np.concatenate([samples, speech.silence(_PAUSE_S)]))
    told = tuple(await asyncio.gather(*listening))
    return Turn(sentence, started - began, ended - began, told)


async def _told(
    sentence: Sentence, listener: Person, phone: Phone, began: float, ended: float
) -> Told:
    result = await phone.receive("result", deadline_s=30)
    now = time.monotonic()
    return Told(
        listener,
        result["translation"],
        sentence.in_language_of(listener),
        result["tts_voice"],
        heard(result),
        now - began,
        now - ended,
        result["stages"],
    )
