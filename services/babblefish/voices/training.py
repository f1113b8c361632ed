"""The fine-tune of a consenting voice: what it learns from, whether it is better, and what is kept.

What is learnt is kept only if clones by it are nearer to the speaker than clones without: cosine of
their voiceprints to that of samples which it has not learnt from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from babblefish.audio import SAMPLE_RATE, Audio, Samples, resample
from babblefish.cloner.base import Cloner, Reference
from babblefish.cloner.f5_prompt import SAMPLE_RATE as F5_RATE
from babblefish.errors import BabbleFishError
from babblefish.registry.samples import Sample
from babblefish.registry.store import Store
from babblefish.speaker.base import SpeakerEncoder, Voiceprint

LEAST_SAMPLES = 6
LEAST_S = 20.0
_HELD_OUT = 4
"""Every so many-th sample is not learnt from but judged by."""


class CannotTrain(BabbleFishError):
    """A voice that cannot be trained, or must not be any more."""


class Example(NamedTuple):
    """What somebody said: `samples` at 24 kHz."""

    samples: Samples
    text: str


class Plan(NamedTuple):
    """How it is learnt: `full` is of all weights that an adapter changes."""

    device: str
    threads: int
    full: bool = False
    epochs: int = 40


class Trained(NamedTuple):
    """An adapter, packed, and the most memory that making it took, in bytes."""

    adapter: bytes
    peak: int


@dataclass(frozen=True, slots=True)
class Material:
    """What is known of a voice in the language of its reference."""

    reference: Reference
    learnt: list[tuple[str, Audio]]
    """Texts and how they sound."""
    held_out: list[tuple[str, Audio]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Similarity to the speaker, as a cosine, without and with what was learnt."""

    before: float
    after: float
    peak: int

    @property
    def better(self) -> bool:
        """Whether it is kept."""
        return self.after > self.before

    def __str__(self) -> str:
        """For whoever trains, and for the report that is kept."""
        return (
            f"similarity {self.before:.3f} before, {self.after:.3f} after; "
            f"peak memory {self.peak / 1e9:.1f} GB"
        )


def material(store: Store, voice: str) -> Material:
    """Raises `CannotTrain` without a yes, or enough to learn from."""
    reference = store.samples.reference(voice)
    if store.consents.of(voice) is None or reference is None:
        raise CannotTrain(f"Nobody of the id {voice!r} can be cloned.", "`voices list` says who.")
    samples = [s for s in store.samples.of(voice) if s.language == reference.language]
    seconds = sum(sample.seconds for sample in samples)
    if len(samples) < LEAST_SAMPLES or seconds < LEAST_S:
        raise CannotTrain(
            f"Of this voice there are {len(samples)} samples, {int(seconds)} s.",
            f"At least {LEAST_SAMPLES} and {LEAST_S:.0f} s are needed: let them talk on.",
        )
    held_out = samples[::_HELD_OUT]
    learnt = [sample for sample in samples if sample not in held_out]
    return Material(reference, _sounds(store, learnt), _sounds(store, held_out))


def examples(material: Material) -> list[Example]:
    """As the trainer wants them."""
    return [Example(resample(sound, F5_RATE).samples, text) for text, sound in material.learnt]


def still_consents(store: Store, voice: str) -> Callable[[], None]:
    """Raises `CannotTrain` when called after they took their yes back."""

    def check() -> None:
        if store.consents.of(voice) is None:
            raise CannotTrain("This person does not want to be cloned any more.", "It is deleted.")

    return check


async def judge(
    cloner: Cloner, encoder: SpeakerEncoder, material: Material, trained: Trained
) -> Outcome:
    """Clones of what was held out, with and without; raises `StageError`."""
    before = material.reference
    after = replace(before, id=f"{before.id}+", adapter=trained.adapter)
    prints = [await encoder.embed(sound.samples) for _, sound in material.held_out]
    speaker = _mean(prints)
    without = await _similarity(cloner, encoder, before, material, speaker)
    with_it = await _similarity(cloner, encoder, after, material, speaker)
    await cloner.forget([before.id, after.id])
    return Outcome(without, with_it, trained.peak)


def keep(store: Store, voice: str, trained: Trained, outcome: Outcome) -> bool:
    """Whether it is kept, which it is only if it is better; raises `CannotTrain`."""
    with store.alone():
        still_consents(store, voice)()
        if outcome.better:
            store.samples.keep_adapter(voice, trained.adapter, str(outcome))
    return outcome.better


async def _similarity(
    cloner: Cloner,
    encoder: SpeakerEncoder,
    reference: Reference,
    material: Material,
    speaker: Voiceprint,
) -> float:
    cosines = []
    for text, _ in material.held_out:
        clone = await cloner.speak(text, reference.language, reference)
        voiceprint = await encoder.embed(resample(clone, SAMPLE_RATE).samples)
        cosines.append(float(voiceprint @ speaker))
    return float(np.mean(cosines))


def _mean(prints: Sequence[Voiceprint]) -> Voiceprint:
    mean = np.mean(prints, axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def _sounds(store: Store, samples: Sequence[Sample]) -> list[tuple[str, Audio]]:
    return [(sample.text, store.samples.sound(sample)) for sample in samples]
