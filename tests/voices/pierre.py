"""Pierre, who said yes, and of whom enough was heard to train his voice."""

from demo.cast import PIERRE

from babblefish.audio import SAMPLE_RATE, Audio
from babblefish.registry.store import Store
from babblefish.voices.training import LEAST_S
from tests.micro.phrases import PHRASES
from tests.micro.voices import speak
from tests.registry.consents import consenting
from tests.registry.voices import print_of, voice

# Few and long: training takes as long as there are many.
_SAID = sorted((phrase.fr for phrase in PHRASES), key=len, reverse=True)


def heard_enough(store: Store) -> None:
    """What he said, and the reference of that."""
    consenting(store, voice(print_of(1), "pierre"))
    for sample in store.samples.of("pierre"):
        store.samples.drop(sample)
    while store.samples.roll_back("pierre"):
        pass
    for text in _SAID:
        store.samples.add("pierre", _sound(text), text, "fr", 0.9)
        if sum(sample.seconds for sample in store.samples.of("pierre")) > LEAST_S:
            break
    text = " ".join(_SAID[:4])
    store.samples.clone_from("pierre", _sound(text), text, "fr", 0.9)


def _sound(text: str) -> Audio:
    return Audio(speak(text, PIERRE.voice), SAMPLE_RATE)
