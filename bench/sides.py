"""The two sides of `bench.seamless`, each in a process of its own; random weights say nothing,
so each row gets exactly `TOKENS` of them.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import (
    SeamlessM4TFeatureExtractor,
    SeamlessM4Tv2ForSpeechToText,
)
from transformers.utils import logging

from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.translator.seamless_decoding import Encoded
from babblefish.translator.seamless_model import SeamlessModel

TOKENS = 15
_SECONDS = 3
_NEVER = -1


def _speech(number: int = 0) -> Samples:
    rng = np.random.default_rng(number)
    return (rng.standard_normal(_SECONDS * SAMPLE_RATE) * 0.1).astype(np.float32)


class Naive:
    """transformers' own `generate`, once a language."""

    def __init__(self, folder: str) -> None:
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model: Any = SeamlessM4Tv2ForSpeechToText.from_pretrained(folder)
        self._model = model.eval()
        self._features = SeamlessM4TFeatureExtractor.from_pretrained(folder)

    @torch.inference_mode()
    def run(self, languages: Sequence[str], threads: int) -> float:
        """Seconds for one utterance."""
        torch.set_num_threads(threads)
        started = time.perf_counter()
        for language in languages:
            heard = self._features(_speech(), sampling_rate=SAMPLE_RATE, return_tensors="pt")
            self._model.generate(
                **heard, tgt_lang=language, max_new_tokens=TOKENS, min_new_tokens=TOKENS
            )
        return time.perf_counter() - started

    @torch.inference_mode()
    def logits(self, tokens: Sequence[int]) -> bytes:
        """After each of `tokens`, float16."""
        heard = self._features(_speech(), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        logits = self._model(**heard, decoder_input_ids=torch.tensor([tokens])).logits[0]
        return bytes(logits.half().numpy().tobytes())


class Ours(SeamlessModel):
    """The product's model, which never ends before its last token."""

    def run(self, languages: Sequence[str], utterances: int) -> float:
        """Seconds for so many utterances at once."""
        self._generation.eos_token_id = _NEVER
        said = [(_speech(n).tobytes(), languages[0], list(languages)) for n in range(utterances)]
        started = time.perf_counter()
        self.translate(said)
        return time.perf_counter() - started

    @torch.inference_mode()
    def logits(self, tokens: Sequence[int]) -> bytes:
        """After each of `tokens`, float16."""
        states = self._hear(_speech()).states[None]
        network = self._network
        decoded = network.text_decoder(torch.tensor([tokens]), encoder_hidden_states=states)
        return bytes(network.lm_head(decoded.last_hidden_state)[0].half().numpy().tobytes())

    def _hear(self, samples: Samples) -> Encoded:
        return Encoded(super()._hear(samples).states, TOKENS)
