"""Whose voice it is: pure, from the voices that a session knows and what was just heard.

Online speaker clustering by centroid, as in streaming diarisation (Coria et al., 2021,
https://arxiv.org/abs/2109.06483), with the guards that a registry of names needs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from babblefish.people import Person, Speaker, lowest_free, name_of
from babblefish.speaker.base import Voiceprint

MIN_LEARN_S = 0.8
"""Less voice than this is recognised, but nobody is enrolled or learned from it."""

MAX_SPEAKERS = 64
"""Voices of one session; whoever comes after that is not told from the phone's participant."""

# A voice changes in the course of a day: what was heard long ago weighs no more than a minute.
_MAX_WEIGHT_S = 60.0
# Of the way from the threshold to a perfect match: so far above it, a voice clearly is the same,
# and so far below clearly another. Between them the nearest is told, and nothing learned.
_CLEARLY = 0.25


@dataclass(frozen=True, slots=True)
class Heard:
    """A voice in an utterance: its print, its length, and what is needed to compare it.

    `fresh_id` names the speaker if nobody knows the voice and the phone's participant is another.
    """

    voiceprint: Voiceprint
    seconds: float
    model: str
    threshold: float
    fresh_id: str

    @property
    def margin(self) -> float:
        """How far from the threshold a cosine is beyond doubt."""
        return _CLEARLY * (1 - self.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A speaker that a session knows. Both prints are float32 `[d]`, of unit length.

    `weight` is the seconds of speech that `centroid` stands for.
    """

    speaker: Speaker
    model: str
    enrolment: Voiceprint
    centroid: Voiceprint
    weight: float
    utterances: int = 1
    seconds: float = 0.0

    def named(self, name: str) -> "Voice":
        """The same under another name."""
        return replace(self, speaker=Speaker(self.speaker.id, name, self.speaker.number))


@dataclass(frozen=True, slots=True)
class Decision:
    """Whose voice it is, if anybody's whom the session knows, and what it then knows of it.

    `names_phone`: the phone's participant told no name, and this is now known to be theirs.
    """

    outcome: Literal["known", "enrolled", "unsure"]
    speaker: Speaker | None = None
    voice: Voice | None = None
    names_phone: bool = False
    beyond_doubt: bool = False
    """Known, by so high a cosine that nobody else is meant: only then may a voice be cloned."""


def decide(
    heard: Heard, phone: Person, known: Sequence[Voice], people: Iterable[Person]
) -> Decision:
    """Whose voice was heard by `phone`, among the `known` ones of a session with these `people`."""
    comparable = [voice for voice in known if voice.model == heard.model]
    own = any(voice.speaker.id == phone.client_id for voice in comparable)
    nearest = max(comparable, key=lambda voice: _cosine(voice, heard), default=None)
    cosine = _cosine(nearest, heard) if nearest else -1.0
    if nearest and cosine >= heard.threshold:
        names_phone = phone.named == "server" and not own
        sure = cosine >= heard.threshold + heard.margin
        return Decision("known", nearest.speaker, learn(nearest, heard), names_phone, sure)
    if nearest and cosine >= heard.threshold - heard.margin:
        return Decision("unsure", nearest.speaker)
    if heard.seconds < MIN_LEARN_S or len(known) >= MAX_SPEAKERS:
        return Decision("unsure")
    taken = {person.voice for person in people} | {voice.speaker.number for voice in known}
    speaker = _stranger(heard, taken) if own or phone.named == "voice" else _participant(phone)
    return Decision("enrolled", speaker, _enrol(speaker, heard))


def learn(voice: Voice, heard: Heard) -> Voice:
    """What is known of `voice` after it was heard once more.

    Its centroid moves only where that clearly was the voice and enough of it, and never so far
    that it would not know its own enrolment: little by little, a centroid could become another's.
    """
    counted = replace(voice, utterances=voice.utterances + 1, seconds=voice.seconds + heard.seconds)
    clear = heard.threshold + heard.margin
    if heard.seconds < MIN_LEARN_S or _cosine(voice, heard) < clear:
        return counted
    moved = _unit(voice.centroid * voice.weight + heard.voiceprint * heard.seconds)
    if float(moved @ voice.enrolment) < clear:
        return counted
    return replace(counted, centroid=moved, weight=min(_MAX_WEIGHT_S, voice.weight + heard.seconds))


def _cosine(voice: Voice, heard: Heard) -> float:
    """−1 for prints that cannot be compared."""
    if voice.centroid.shape != heard.voiceprint.shape:
        return -1.0
    return float(voice.centroid @ heard.voiceprint)


def _participant(phone: Person) -> Speaker:
    return Speaker(phone.client_id, phone.name, phone.voice)


def _stranger(heard: Heard, taken: Iterable[int]) -> Speaker:
    number = lowest_free(taken)
    return Speaker(heard.fresh_id, name_of(number), number)


def _enrol(speaker: Speaker, heard: Heard) -> Voice:
    return Voice(
        speaker,
        heard.model,
        heard.voiceprint,
        heard.voiceprint,
        min(_MAX_WEIGHT_S, heard.seconds),
        seconds=heard.seconds,
    )


def _unit(vector: Voiceprint) -> Voiceprint:
    unit: Voiceprint = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit
