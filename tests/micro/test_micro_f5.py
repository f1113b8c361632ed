"""The micro F5 and its vocoder that are kept clone a voice, and are what their code makes."""

from pathlib import Path

import numpy as np
import pytest
from demo.cast import CLAIRE, DAN, MAREK, PIERRE

from babblefish import settings
from babblefish.audio import SAMPLE_RATE, Audio, resample
from babblefish.cloner import f5
from babblefish.cloner.base import Reference
from babblefish.cloner.f5_checkpoints import VOCODER
from babblefish.speaker import pyannote
from tests.micro import CHECKPOINTS, sums
from tests.micro.voices import speak

KEPT = (CHECKPOINTS / "f5-en-fr-pl", CHECKPOINTS / VOCODER)

CAST = (PIERRE, DAN, MAREK, CLAIRE)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAID = {
    "en": "I suggest that we meet again tomorrow morning, and then we go for lunch.",
    "fr": "Je vous propose de nous retrouver demain matin, puis nous irons manger.",
    "pl": "Proponuję, abyśmy spotkali się jutro rano, a potem zjemy obiad.",
}
CLONED = {
    "en": "The weather is lovely in the mountains today.",
    "fr": "Il fait très beau dans les montagnes.",
    "pl": "Dzisiaj w górach jest bardzo ładnie.",
}


def test_together_they_are_small_and_signed() -> None:
    assert sum(file.stat().st_size for folder in KEPT for file in folder.iterdir()) < 6e6
    assert [sums.spoiled(folder) for folder in KEPT] == [set(), set()]


def test_making_them_again_needs_nothing_but_their_code(tmp_path: Path) -> None:
    from tests.micro import f5 as micro_f5
    from tests.micro import vocos as micro_vocos

    micro_f5.build(tmp_path)
    for name in ("model.safetensors", "vocab.txt", "config.json"):
        assert (tmp_path / name).read_bytes() == (KEPT[0] / name).read_bytes()
    micro_vocos.build(tmp_path)
    assert (tmp_path / "config.yaml").read_bytes() == (KEPT[1] / "config.yaml").read_bytes()


async def test_a_clone_is_nearer_to_its_reference_than_to_other_people() -> None:
    """Of sentences in other languages than that of the reference, too."""
    loaded = settings.load(["--models-dir", str(CHECKPOINTS), "--threads", "1"])
    cloner, encoder = f5.build(loaded), pyannote.build(loaded)
    await cloner.start()
    await encoder.start()
    said = {person: speak(SAID[person.language], person.voice) for person in CAST}
    prints = {person: await encoder.embed(speech) for person, speech in said.items()}
    own: list[float] = []
    others: list[float] = []
    for person, speech in said.items():
        text, language = SAID[person.language], person.language
        reference = Reference(person.name, Audio(speech, SAMPLE_RATE), text, language)
        for target, sentence in CLONED.items():
            clone = await cloner.speak(sentence, target, reference)
            voiceprint = await encoder.embed(resample(clone, SAMPLE_RATE).samples)
            for other, theirs in prints.items():
                (own if other is person else others).append(float(voiceprint @ theirs))
    await cloner.stop()
    await encoder.stop()
    print(f"clones: {np.mean(own):.2f} to their own reference, {np.mean(others):.2f} to others")
    assert np.mean(own) > np.mean(others) + 0.25
