"""What the micro SeamlessM4T is taught: every phrase, spoken and typed, in every language."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from transformers import SeamlessM4TFeatureExtractor

from babblefish.audio import SAMPLE_RATE, Samples
from tests.micro.disturb import as_heard
from tests.micro.phrases import PHRASES, Phrase
from tests.micro.speakers import teacher
from tests.micro.voices import speak

Features = npt.NDArray[np.float32]
"""Two stacked frames of 80 mel bands each 20 ms: shape `[time, 160]`."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A sentence as heard, and which phrase it is."""

    features: Features
    phrase: Phrase


def clips(each: int, seed: int) -> list[Clip]:
    """`each` clips of every phrase in every language, by other voices and in other rooms."""
    rng = np.random.default_rng(seed)
    extractor = feature_extractor()
    spoken = [(phrase, heard) for _ in range(each) for phrase, heard in _spoken(rng)]
    others = [speech for _, speech in spoken[: 8 * len(PHRASES)]]
    return [
        Clip(features(as_heard(speech, rng, others), extractor), phrase)
        for phrase, speech in spoken
    ]


def feature_extractor() -> SeamlessM4TFeatureExtractor:
    """The real one: it has nothing that could be smaller."""
    return SeamlessM4TFeatureExtractor()  # type: ignore[no-untyped-call]


def features(heard: Samples, extractor: SeamlessM4TFeatureExtractor) -> Features:
    """As SeamlessM4T takes them."""
    taken = extractor(heard, sampling_rate=SAMPLE_RATE, return_tensors="np")
    return np.asarray(taken["input_features"][0], np.float32)


def _spoken(rng: np.random.Generator) -> Iterator[tuple[Phrase, Samples]]:
    for phrase in PHRASES:
        for language, text in zip(phrase._fields, phrase, strict=True):
            yield phrase, speak(text, teacher(language, rng))
