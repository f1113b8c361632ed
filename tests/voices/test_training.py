"""A fine-tune is kept if it helps, and only while its speaker says yes."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pytest

from babblefish.audio import SAMPLE_RATE, Audio, Samples
from babblefish.cloner.base import Memory, Reference
from babblefish.registry.store import Store
from babblefish.speaker.base import Voiceprint
from babblefish.voices import training
from babblefish.voices.training import CannotTrain, Outcome, Trained
from tests.registry.consents import consenting
from tests.registry.voices import print_of, voice

PIERRE = voice(print_of(1), "pierre")
TRAINED = Trained(b"adapter", 10**9)


class Cloner:
    """Says as many samples as its adapter is long."""

    languages: Mapping[str, str] = {"en": "MIT"}
    device = "scripted"
    capacity = 1

    def __init__(self) -> None:
        self.known: set[str] = set()

    async def memory(self) -> Memory:
        return Memory()

    async def speak(self, text: str, language: str, reference: Reference) -> Audio:
        self.known.add(reference.id)
        return Audio(np.full(1000 + len(reference.adapter), 0.1, np.float32), SAMPLE_RATE)

    async def forget(self, references: Collection[str]) -> None:
        self.known.difference_update(references)

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Encoder:
    """Takes the speaker for whoever says most, or least, of what is cloned."""

    model = "scripted"
    threshold = 0.5

    def __init__(self, *, likes_trained: bool) -> None:
        self._sign = 1 if likes_trained else -1

    async def embed(self, speech: Samples) -> Voiceprint:
        """An angle from the speaker's: none for what is longer than a clone."""
        extra = len(speech) - 1000
        angle = 0.0 if extra > 1000 else 0.8 - 0.05 * self._sign * extra
        return np.array([np.cos(angle), np.sin(angle)], np.float32)

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def collected(store: Store, count: int = 8) -> None:
    noise = np.random.default_rng(1).standard_normal((count, 4 * SAMPLE_RATE))
    for number, samples in enumerate(0.1 * noise):
        sound = Audio(samples.astype(np.float32), SAMPLE_RATE)
        store.samples.add("pierre", sound, f"sentence {number}", "en", 0.9)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "speakers.sqlite")
    consenting(store, PIERRE)
    for sample in store.samples.of("pierre"):
        store.samples.drop(sample)
    while store.samples.roll_back("pierre"):
        pass
    return store


async def outcome(store: Store, *, helps: bool) -> Outcome:
    collected(store)
    cloner = Cloner()
    judged = await training.judge(
        cloner, Encoder(likes_trained=helps), training.material(store, "pierre"), TRAINED
    )
    assert cloner.known == set()
    return judged


async def test_what_helps_is_kept_with_its_figures(store: Store) -> None:
    judged = await outcome(store, helps=True)
    assert judged.after > judged.before
    assert training.keep(store, "pierre", TRAINED, judged)
    assert store.samples.adapter("pierre") == b"adapter"
    assert "before" in (store.samples.report("pierre") or "")


async def test_what_is_worse_leaves_what_was_there(store: Store) -> None:
    store.samples.keep_adapter("pierre", b"former", "")
    judged = await outcome(store, helps=False)
    assert judged.after < judged.before
    assert not training.keep(store, "pierre", TRAINED, judged)
    assert store.samples.adapter("pierre") == b"former"


async def test_nothing_is_kept_of_who_took_their_yes_back(store: Store) -> None:
    judged = await outcome(store, helps=True)
    store.revoke("pierre")
    with pytest.raises(CannotTrain, match="does not want"):
        training.keep(store, "pierre", TRAINED, judged)
    assert store.samples.adapter("pierre") == b""


def test_who_did_not_say_yes_is_not_trained(store: Store) -> None:
    for who in ("nobody", "../pierre"):
        with pytest.raises(CannotTrain, match="can be cloned"):
            training.material(store, who)


def test_too_little_is_not_enough(store: Store) -> None:
    collected(store, 4)
    with pytest.raises(CannotTrain, match=r"4 samples, 16 s"):
        training.material(store, "pierre")


def test_what_is_judged_by_is_not_learnt_from(store: Store) -> None:
    collected(store)
    material = training.material(store, "pierre")
    learnt, held_out = ({text for text, _ in part} for part in (material.learnt, material.held_out))
    assert learnt.isdisjoint(held_out)
    assert len(learnt | held_out) == 8
