"""How often the micro SeamlessM4T is right, by who speaks and in what noise.

`python -m tests.micro.accuracy` prints all of it, in float32 and int8.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from babblefish.audio import Samples
from tests.micro import CHECKPOINTS
from tests.micro.disturb import pink, white, with_noise
from tests.micro.phrases import PHRASES, Phrase
from tests.micro.speakers import EXTREMES, stranger
from tests.micro.voices import USUAL, speak

KEPT = CHECKPOINTS / "seamless-m4t-v2-large"


class Heard(NamedTuple):
    """A clip that nobody was taught with."""

    speech: Samples
    phrase: Phrase


Say = Callable[[str, str, np.random.Generator], Samples]
"""Text and language as speech."""


def usual(text: str, language: str, _: np.random.Generator) -> Samples:
    """The default voice."""
    return speak(text, USUAL[language])


def new_pace(text: str, language: str, rng: np.random.Generator) -> Samples:
    """The default voice, slow and low or fast and high, as no teacher is."""
    speed, pitch = rng.choice(EXTREMES).tolist()
    return speak(text, USUAL[language]._replace(speed=speed, pitch=pitch))


def new_voice(text: str, language: str, rng: np.random.Generator) -> Samples:
    """Who never taught."""
    return speak(text, stranger(language, rng))


def in_noise(text: str, language: str, rng: np.random.Generator) -> Samples:
    """The default voice at 15 dB, beside a fan or a street."""
    speech = usual(text, language, rng)
    noise = (white if rng.random() < 0.5 else pink)(len(speech), rng)
    return with_noise(speech, noise, 15)


def new_voice_in_noise(text: str, language: str, rng: np.random.Generator) -> Samples:
    """Who never taught, on a street, at 15 dB."""
    speech = new_voice(text, language, rng)
    return with_noise(speech, pink(len(speech), rng), 15)


GROUPS: dict[str, Say] = {
    "default voices": usual,
    "unseen speed and pitch": new_pace,
    "unseen voices": new_voice,
    "noise, 15 dB": in_noise,
    "unseen voices in noise": new_voice_in_noise,
}


def clips(say: Say, seed: int) -> Iterator[Heard]:
    """Every phrase in every language, once."""
    rng = np.random.default_rng(seed)
    for phrase in PHRASES:
        for language, text in zip(phrase._fields, phrase, strict=True):
            yield Heard(say(text, language, rng), phrase)


def report(folder: Path, rounds: int) -> Iterator[str]:
    """A line for each group: right in float32, right in int8, and where both say the same."""
    from tests.micro.interpreter import Interpreter

    precise, narrow = Interpreter(folder), Interpreter(folder).quantise()
    for group, say in GROUPS.items():
        heard = [clip for seed in range(rounds) for clip in clips(say, seed)]
        answers = [(precise.hear(c.speech), narrow.hear(c.speech), c.phrase) for c in heard]
        right = sum(answer == phrase for answer, _, phrase in answers)
        narrow_right = sum(answer == phrase for _, answer, phrase in answers)
        same = sum(one == other for one, other, _ in answers)
        yield f"{group:24} {len(heard):4} float32 {right:4} int8 {narrow_right:4} same {same:4}"


if __name__ == "__main__":
    for line in report(KEPT, rounds=3):
        print(line, flush=True)
