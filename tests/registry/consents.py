"""Somebody who said yes, with everything that hangs on it."""

import time

import numpy as np

from babblefish.audio import SAMPLE_RATE, Audio
from babblefish.registry.consents import Consent
from babblefish.registry.identity import Voice
from babblefish.registry.store import Kept, SessionKey, Store

MONTH_S = 30 * 86_400.0
SESSION = SessionKey("room")


def sound(seed: int, seconds: float = 2) -> Audio:
    """Noise: no two are alike, and in PCM none of it is lost by chance."""
    rng = np.random.default_rng(seed)
    samples = 0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE))
    return Audio(samples.astype(np.float32), SAMPLE_RATE)


def consenting(
    store: Store, voice: Voice, session: SessionKey = SESSION, lasts_s: float = MONTH_S
) -> Consent:
    """The voice, in a session, with a yes, a sample, a reference and a training."""
    kept = Kept(session, voice, time.time())
    store.put(kept)
    consent = store.consents.give(kept, "v1", lasts_s)
    name = voice.speaker.id
    store.samples.add(name, sound(1), f"Said by {name}", "en", 0.5)
    store.samples.clone_from(name, sound(2, 7), f"Reference of {name}", "en", 0.2)
    store.samples.keep_adapter(name, f"adapter of {name}".encode() * 9, "0.5 to 0.7")
    return consent
