"""Kokoro's voices: which speak a language, and one for every speaker.

A voice is a table of styles, `[510, 1, 256]`: row n-1 for n tokens. Its name starts with the
language's letter and `f` or `m` (https://huggingface.co/hexgrad/Kokoro-82M, VOICES.md). Styles may
be mixed: halfway between two voices is a third one. So where a language has fewer voices than a
session has speakers, its own are mixed with English ones, of which there are many.
"""

import itertools
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from babblefish.errors import EngineMissing, StageDown

Style = npt.NDArray[np.float32]
"""Shape `[510, 1, 256]`."""

SHAPE = (510, 1, 256)

# The first letter of a voice, and the language it speaks. Japanese (j) and Chinese (z) lack: what
# turns text into phonemes here knows neither kanji nor tones, and Kokoro would mumble.
_LANGUAGES = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt"}

# As espeak-ng calls what Kokoro was trained on.
_DIALECTS = {"en": "en-us", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}

_BEST_FIRST = ("af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_fenrir")
"""English voices by the quality that VOICES.md gives them, women's and men's by turns."""

# What numpy raises for a file that is none of its own, holds a pickle, or is cut.
_NO_ARCHIVE = (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)


class Voices:
    """The voices of one file (`.npz` of a `Style` by name)."""

    def __init__(self, file: Path) -> None:
        """Raises `EngineMissing` for a file that is none."""
        self._styles = _load(file)
        self._by_language = {
            language: names
            for language in _DIALECTS
            if (names := _ordered(name for name in self._styles if _spoken(name) == language))
        }

    @property
    def languages(self) -> frozenset[str]:
        """Those that at least one voice speaks."""
        return frozenset(self._by_language)

    @property
    def dialects(self) -> set[str]:
        """How they pronounce them, as espeak-ng calls it."""
        return {
            self.dialect(language, (name,))
            for language, names in self._by_language.items()
            for name in names
        }

    def choose(self, language: str, voice: str | None, speaker: int) -> tuple[str, ...]:
        """The voice that was asked for, else the speaker's: one name, or the two that are mixed.

        Raises `StageDown` for a language or a voice that there is not.
        """
        if language not in self._by_language:
            raise StageDown(f"Kokoro does not speak {language!r}.", "Choose another language.")
        if voice and voice not in self._styles:
            raise StageDown(f"Kokoro has no voice {voice!r}.", "Choose another, or none.")
        return (voice,) if voice else self._of(language, speaker)

    def dialect(self, language: str, names: tuple[str, ...]) -> str:
        """How that voice pronounces the language, as espeak-ng calls it."""
        return "en-gb" if language == "en" and names[0][0] == "b" else _DIALECTS[language]

    def style(self, names: tuple[str, ...]) -> Style:
        """The voice of that name, or halfway between two."""
        mixed: Style = np.mean([self._styles[name] for name in names], axis=0, dtype=np.float32)
        return mixed

    def _of(self, language: str, speaker: int) -> tuple[str, ...]:
        own = [(name,) for name in self._by_language[language]]
        voices = [*own, *self._mixtures(language)]
        return voices[speaker % len(voices)]

    def _mixtures(self, language: str) -> list[tuple[str, ...]]:
        """Every pair once."""
        own, donors = self._by_language[language], self._by_language.get("en", [])
        if own == donors:
            return list(itertools.combinations(own, 2))
        # The best English voice is a woman's, as most first ones are: a man's changes them more.
        return [(name, donor) for donor in donors[1:] for name in own]


def _spoken(name: str) -> str | None:
    return _LANGUAGES.get(name[:1])


def _ordered(names: Iterable[str]) -> list[str]:
    ranks = {name: rank for rank, name in enumerate(_BEST_FIRST)}
    return sorted(names, key=lambda name: (ranks.get(name, len(ranks)), name))


def _load(file: Path) -> dict[str, Style]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            styles = {name: archive[name] for name in archive.files if _spoken(name)}
    except _NO_ARCHIVE as error:
        raise _unusable(file, "cannot be read") from error
    for name, style in styles.items():
        if style.shape != SHAPE or style.dtype != np.float32 or not np.isfinite(style).all():
            raise _unusable(file, f"has a voice {name} that is no float32 {list(SHAPE)}")
    if not styles:
        raise _unusable(file, "has no voice for a language that is spoken here")
    return styles


def _unusable(file: Path, why: str) -> EngineMissing:
    return EngineMissing(f"Kokoro's file {file.name!r} {why}.", "Run `babblefish models verify`.")
