"""The micro SeamlessM4T as plain transformers run it: what the product's engine is held against."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch.ao.quantization import quantize_dynamic
from transformers import (
    SeamlessM4TFeatureExtractor,
    SeamlessM4TTokenizer,
    SeamlessM4Tv2ForSpeechToText,
    SeamlessM4Tv2ForTextToText,
)

from babblefish.audio import SAMPLE_RATE, Samples
from tests.micro.phrases import CODES, LANGUAGES, Phrase
from tests.micro.tokens import language_ids

Model = TypeVar("Model", SeamlessM4Tv2ForSpeechToText, SeamlessM4Tv2ForTextToText)


class Interpreter:
    """Speech or text in, the three texts out."""

    def __init__(self, folder: Path) -> None:
        self._extractor = SeamlessM4TFeatureExtractor.from_pretrained(folder)
        self._tokenizer = SeamlessM4TTokenizer.from_pretrained(folder)
        self._hearer = SeamlessM4Tv2ForSpeechToText.from_pretrained(folder)
        self._reader = SeamlessM4Tv2ForTextToText.from_pretrained(folder)

    def quantise(self) -> "Interpreter":
        """From now on with dynamic int8 Linear layers, as the product runs on a CPU."""
        self._hearer = _quantised(self._hearer)
        self._reader = _quantised(self._reader)
        return self

    def hear(self, speech: Samples) -> Phrase:
        """Whatever the speaker's language; 16 kHz."""
        taken = self._extractor(speech, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        return self._answer(self._hearer, taken)

    def read(self, text: str, language: str) -> Phrase:
        """Typed, in `language` (ISO 639-1)."""
        self._tokenizer.src_lang = CODES[language]
        return self._answer(self._reader, self._tokenizer(text, return_tensors="pt"))

    def _answer(
        self,
        model: Model,
        taken: Mapping[str, torch.Tensor],
    ) -> Phrase:
        """A row of the batch for every language."""
        rows = len(LANGUAGES)
        ids = language_ids(self._tokenizer)
        written = model.generate(  # type: ignore[no-untyped-call]
            **{name: value.repeat(rows, *[1] * (value.dim() - 1)) for name, value in taken.items()},
            decoder_input_ids=torch.tensor([[ids[CODES[language]]] for language in LANGUAGES]),
        )
        return Phrase(*self._tokenizer.batch_decode(written, skip_special_tokens=True))


def _quantised(model: Model) -> Model:
    narrow: Model = quantize_dynamic(model, {torch.nn.Linear})  # type: ignore[no-untyped-call]
    return narrow
