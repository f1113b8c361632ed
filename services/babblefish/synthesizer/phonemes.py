"""Text into what Kokoro reads: phonemes in IPA, by espeak-ng through phonemizer.

espeak-ng is one global state, so one thread owns each `Phonemizer`.
"""

import logging
import re
import unicodedata
from functools import cache
from typing import Any

from kokoro_onnx.chunker import split_phonemes
from kokoro_onnx.config import DEFAULT_VOCAB
from kokoro_onnx.tokenizer import Tokenizer
from phonemizer.backend import EspeakBackend

_LONGEST = 160
"""Tokens of a piece, about ten seconds. The model takes 510, and memory in proportion, for good."""

# Marks of other scripts that Kokoro has the Latin one of.
_MARKS = str.maketrans({"।": ".", "॥": ".", "…": "."})

# As French is written; Kokoro was trained without.
_SPACE_BEFORE_MARK = re.compile(r"\s+(?=[!?;:])")


class Phonemizer:
    """Phonemes of text in any of the languages that Kokoro speaks."""

    def __init__(self) -> None:
        Tokenizer()  # tells phonemizer where espeak-ng is
        self._backend = cache(_backend)

    def phonemes(self, text: str, dialect: str) -> list[str]:
        """In pieces that the model takes, cut at clauses or words; none for what is silent.

        `dialect` is espeak-ng's: `en-gb`.
        """
        line = " ".join(unicodedata.normalize("NFC", text).translate(_MARKS).split())
        spoken = "".join(self._backend(dialect).phonemize([line], strip=True))
        known = "".join(mark for mark in spoken if mark in DEFAULT_VOCAB)
        known = _SPACE_BEFORE_MARK.sub("", known).strip()
        if not any(map(str.isalpha, known)):
            return []
        return [str(piece) for piece in split_phonemes(known, _LONGEST)]


def _backend(dialect: str) -> Any:  # noqa: ANN401 phonemizer is not typed
    quiet = logging.getLogger("phonemizer")
    quiet.setLevel(logging.ERROR)
    return EspeakBackend(
        dialect,
        preserve_punctuation=True,
        with_stress=True,
        # A foreign word is spoken, but "(en)" before it is not.
        language_switch="remove-flags",
        logger=quiet,
    )
