"""Which samples of a voice are kept, and which of them it is cloned from: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import numpy as np

from babblefish.audio import SAMPLE_RATE, Audio, Samples
from babblefish.registry.samples import Sample

NEEDED_S = 6.0
"""Of one language: what a voice is cloned from is at least so long."""

LONGEST_S = 12.0
"""Of more, F5-TTS would cut the sound but not the text (https://github.com/SWivid/F5-TTS)."""

MAX_SAMPLES = 100
MAX_SECONDS = 300.0
"""Of one voice; ten megabytes."""

_PAUSE_S = 0.1
_CLEARLY = 0.05
_LOUDNESS = 0.1
_PEAK = 0.95
_STOPS = ".!?…。！？"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a voice is to be cloned from: samples of one language, as they were said."""

    samples: tuple[Sample, ...]

    @property
    def quality(self) -> float:
        """The mean over all seconds, from 0 to 1."""
        weighed = sum(sample.quality * sample.seconds for sample in self.samples)
        return weighed / sum(sample.seconds for sample in self.samples)

    @property
    def seconds(self) -> float:
        """With the pauses between the samples."""
        pauses = _PAUSE_S * (len(self.samples) - 1)
        return sum(sample.seconds for sample in self.samples) + pauses

    @property
    def language(self) -> str:
        """That of all of them."""
        return self.samples[0].language

    @property
    def text(self) -> str:
        """What is said in it."""
        return " ".join(_sentence(sample.text) for sample in self.samples)


def surplus(samples: Sequence[Sample]) -> list[Sample]:
    """Those that are too many, the worst of them."""
    count, seconds = len(samples), sum(sample.seconds for sample in samples)
    dropped = []
    for sample in sorted(samples, key=attrgetter("quality", "id")):
        if count <= MAX_SAMPLES and seconds <= MAX_SECONDS:
            break
        count, seconds = count - 1, seconds - sample.seconds
        dropped.append(sample)
    return dropped


def best(samples: Sequence[Sample]) -> Choice | None:
    """The best few seconds in one language; none where no language has enough of them."""
    ranked = sorted(samples, key=attrgetter("quality", "id"), reverse=True)
    choices = [
        choice
        for language in {sample.language for sample in samples}
        for choice in _choices([sample for sample in ranked if sample.language == language])
    ]
    return max(choices, key=lambda choice: (choice.quality, choice.seconds), default=None)


def improves(choice: Choice, quality: float | None) -> bool:
    """Whether it is so much better that laptops should be sent another reference."""
    return quality is None or choice.quality > quality + _CLEARLY


def progress(samples: Sequence[Sample]) -> float:
    """Seconds that there are of the language that most was said in."""
    by_language = sorted(samples, key=attrgetter("language"))
    return max(
        (
            sum(sample.seconds for sample in group)
            for _, group in groupby(by_language, attrgetter("language"))
        ),
        default=0.0,
    )


def joined(sounds: Sequence[Audio]) -> Audio:
    """One after the other, equally loud, with short silences between; all at 16 kHz."""
    pause = np.zeros(round(_PAUSE_S * SAMPLE_RATE), np.float32)
    pieces = [piece for sound in sounds for piece in (pause, _levelled(sound))][1:]
    return Audio(np.concatenate(pieces), SAMPLE_RATE)


def _choices(ranked: Sequence[Sample]) -> list[Choice]:
    """For each sample, itself and the best that make it long enough, if there are such."""
    filled = (_filled(head, [s for s in ranked if s is not head]) for head in ranked)
    return [choice for choice in filled if choice.seconds >= NEEDED_S]


def _filled(head: Sample, others: Sequence[Sample]) -> Choice:
    choice = Choice((head,))
    for sample in others:
        if choice.seconds >= NEEDED_S:
            break
        longer = Choice(tuple(sorted((*choice.samples, sample), key=attrgetter("id"))))
        if longer.seconds <= LONGEST_S:
            choice = longer
    return choice


def _levelled(sound: Audio) -> Samples:
    samples = sound.samples
    loudness = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    peak = float(np.max(np.abs(samples)))
    gain = min(_LOUDNESS / max(loudness, 1e-6), _PEAK / max(peak, 1e-6))
    levelled: Samples = (gain * samples).astype(np.float32)
    return levelled


def _sentence(text: str) -> str:
    return text if text[-1:] in _STOPS else f"{text}."
