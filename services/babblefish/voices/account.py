"""What is kept of each voice that consents: for whoever asks, without a sound of it."""

from dataclasses import dataclass

from babblefish.registry.consents import Consent
from babblefish.registry.store import Store
from babblefish.voices import selection


@dataclass(frozen=True, slots=True)
class Account:
    """A consent and what hangs on it.

    `seconds`: of all `samples`; `ready`: it can be cloned; `trained`: by a model of its own, too;
    `laptops`: which hold it.
    """

    consent: Consent
    samples: int
    seconds: float
    ready: bool
    trained: bool
    laptops: list[str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a voice was collected: seconds in one language, and how many will do."""

    seconds: float
    needed_s: float
    samples: int
    ready: bool
    trained: bool


def accounts(store: Store) -> list[Account]:
    """Of everybody who said yes, the earliest first; raises `sqlite3.Error`."""
    return [_account(store, consent) for consent in store.consents.all()]


def progress(store: Store, voice: str) -> Progress | None:
    """Of a voice that consents; raises `sqlite3.Error`."""
    if store.consents.of(voice) is None:
        return None
    samples = store.samples.of(voice)
    return Progress(
        selection.progress(samples),
        selection.NEEDED_S,
        len(samples),
        store.samples.quality(voice) is not None,
        store.samples.report(voice) is not None,
    )


def _account(store: Store, consent: Consent) -> Account:
    voice = consent.voice.speaker.id
    samples = store.samples.of(voice)
    return Account(
        consent,
        len(samples),
        sum(sample.seconds for sample in samples),
        store.samples.quality(voice) is not None,
        store.samples.report(voice) is not None,
        store.holdings.of(voice).waiting,
    )
