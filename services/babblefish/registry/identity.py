"""Whose voice it is: pure, from the voices that a session knows and what was just heard.

Online speaker clustering by centroid, as in streaming diarisation (Coria et al., 2021,
https://arxiv.org/abs/2109.06483), with the guards that a registry of names needs.
"""

from collections.abc import Collection, Iterable, Sequence
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
    namesake: bool = False
    """It is called as the phone's participant is, and nobody else's who is here: theirs, then."""
    consents: bool = False
    """It is, and they said yes to that."""
    reference: str | None = None
    """What it is then cloned from, once enough was heard."""


def decide(
    heard: Heard,
    phone: Person,
    known: Sequence[Voice],
    people: Collection[Person],
    retained: Sequence[Voice] = (),
) -> Decision:
    """Whose voice was heard by `phone`, among the `known` ones of a session with these `people`.

    `retained` are voices of other sessions that may be known again here. That takes a match beyond
    doubt: there are many of them, and each brings a name.
    """
    taken = {person.voice for person in people} | {voice.speaker.number for voice in known}
    own = any(v.speaker.id == phone.client_id and v.model == heard.model for v in known)
    nearest, cosine = _nearest(known, heard)
    returned, sureness = _nearest(retained, heard)
    if returned and cosine < heard.threshold + heard.margin <= sureness:
        nearest, cosine = returned, sureness
    if nearest and cosine >= heard.threshold:
        names_phone = phone.named == "server" and not own
        namesake = not own and _namesake(nearest, phone, people)
        if nearest is returned:
            nearest = _numbered(nearest, phone, taken, theirs=names_phone or namesake)
        sure = cosine >= heard.threshold + heard.margin
        voice = learn(nearest, heard)
        return Decision("known", nearest.speaker, voice, names_phone, sure, namesake)
    if nearest and cosine >= heard.threshold - heard.margin:
        return Decision("unsure", nearest.speaker)
    if heard.seconds < MIN_LEARN_S or len(known) >= MAX_SPEAKERS:
        return Decision("unsure")
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


def _numbered(voice: Voice, phone: Person, taken: Collection[int], *, theirs: bool) -> Voice:
    """A voice of another session with a number of this one: the participant's if it is theirs."""
    former = voice.speaker
    number = phone.voice if theirs else former.number
    if not theirs and number in taken:
        number = lowest_free(taken)
    return replace(voice, speaker=Speaker(former.id, former.name, number))


def _namesake(voice: Voice, phone: Person, people: Iterable[Person]) -> bool:
    called = voice.speaker.name.casefold() == phone.name.casefold()
    return called and all(voice.speaker.id != person.client_id for person in people)


def _nearest(voices: Sequence[Voice], heard: Heard) -> tuple[Voice | None, float]:
    comparable = [voice for voice in voices if voice.model == heard.model]
    nearest = max(comparable, key=lambda voice: _cosine(voice, heard), default=None)
    return nearest, _cosine(nearest, heard) if nearest else -1.0


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
