"""SeamlessM4T v2: speech or text to text in several languages, in one pass.

Everything that is asked for at a time is a row of one batch: the decoder reads its weights from
memory once a token, whatever the number of utterances and languages. Worker process only: it
imports torch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    SeamlessM4TFeatureExtractor,
    SeamlessM4TTokenizer,
)

from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.translator import quantised
from babblefish.translator.gate import Hypothesis, geometric_mean
from babblefish.translator.seamless_decoding import Decoding, Encoded
from babblefish.translator.seamless_network import Network, fill, parts, skeleton, tie
from babblefish.translator.seamless_weights import Weights

Said = tuple[bytes | str, str, list[str]]
"""Speech (float32 little-endian at 16 kHz) or text, its language, and those that are wanted."""

# More than anybody says: a model that goes on is in a loop.
_TOKENS_A_SECOND = 12
_TOKENS_A_TOKEN = 3
_SPARE_TOKENS = 16


class SeamlessModel:
    """A checkpoint in memory; languages are called as the checkpoint calls them (`eng`)."""

    def __init__(self, folder: str, precision: str, device: str) -> None:
        """`precision`: `int8` (on a CPU), `float32` or `float16`."""
        self._network = load(Path(folder), precision, device)
        self._device = torch.device(device)
        self._features = SeamlessM4TFeatureExtractor.from_pretrained(folder)
        self._tokenizer = SeamlessM4TTokenizer.from_pretrained(folder)
        generation: Any = GenerationConfig.from_pretrained(folder)
        self._generation = generation
        self._codes: dict[str, int] = generation.text_decoder_lang_to_code_id

    @torch.inference_mode()
    def translate(self, batch: Sequence[Said]) -> list[list[Hypothesis]]:
        """For each utterance a hypothesis for each language that is wanted, in their order."""
        encoded = [self._encode(said, source) for said, source, _ in batch]
        rows = [
            (number, self._codes[code])
            for number, (_, _, wanted) in enumerate(batch)
            for code in wanted
        ]
        hypotheses = iter(self._decode(encoded, rows))
        return [[next(hypotheses) for _ in wanted] for _, _, wanted in batch]

    def _encode(self, said: bytes | str, source: str) -> Encoded:
        if isinstance(said, str):
            return self._read(said, source)
        return self._hear(np.frombuffer(said, "<f4"))

    def _hear(self, samples: Samples) -> Encoded:
        """Alone: padded to the longest of a batch, the adapter's convolution hears the padding."""
        heard = self._features(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        whole = heard["input_features"][:, heard["attention_mask"][0].bool()]
        states = self._network.speech_encoder(whole.to(self._device)).last_hidden_state[0]
        seconds = len(samples) / SAMPLE_RATE
        return Encoded(states, _SPARE_TOKENS + round(_TOKENS_A_SECOND * seconds))

    def _read(self, text: str, source: str) -> Encoded:
        if self._network.text_encoder is None:
            raise ValueError("these weights do not read")
        self._tokenizer.src_lang = source
        ids = self._tokenizer(text, return_tensors="pt")["input_ids"]
        states = self._network.text_encoder(ids.to(self._device)).last_hidden_state[0]
        return Encoded(states, _SPARE_TOKENS + _TOKENS_A_TOKEN * ids.shape[1])

    def _decode(
        self, encoded: Sequence[Encoded], rows: Sequence[tuple[int, int]]
    ) -> list[Hypothesis]:
        """Greedily; a row is an utterance's number and a language's token."""
        decoding = Decoding(self._network, encoded, rows, self._generation)
        while decoding.active:
            decoding.step()
        texts = self._tokenizer.batch_decode(decoding.tokens, skip_special_tokens=True)
        scores = map(geometric_mean, decoding.scores)
        return [Hypothesis(text.strip(), score) for text, score in zip(texts, scores, strict=True)]


def load(folder: Path, precision: str, device: str) -> Network:
    """The network of a checkpoint, or of what `quantise` made of one."""
    weights = Weights(folder)
    network = skeleton(folder, weights)
    for name, module in parts(network):
        packed = quantised.packed(module, name, weights) if precision == "int8" else None
        if packed is None:
            fill(module, name, weights)
        else:
            network.set_submodule(name, packed)
    if precision != "int8":
        tie(network)
    dtype = torch.float16 if precision == "float16" else torch.float32
    return network.to(device=device, dtype=dtype)
