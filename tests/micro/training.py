"""Teaches the micro SeamlessM4T: speech → text and text → text, in one batch."""

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import structlog
import torch
from torch.nn.functional import cross_entropy
from transformers import SeamlessM4TTokenizer

from tests.micro.corpus import Clip, Features
from tests.micro.network import Network
from tests.micro.phrases import CODES, LANGUAGES, PHRASES, Phrase, written

_LEARNING_RATE = 1.5e-3
_WARM_UP = 200
_SPOKEN = 20
_TYPED = 12
_MOST_GAPS = 0.8
_UNKNOWN = 1
_IGNORED = -100

_log = structlog.get_logger()


class Teacher:
    """Owns the batches; `teach` is the whole training."""

    def __init__(self, network: Network, tokenizer: SeamlessM4TTokenizer, seed: int) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._rng = np.random.default_rng(seed)
        self._answers = {phrase: self._tokens(phrase) for phrase in PHRASES}
        self._which = torch.nn.Linear(network.width, len(PHRASES))

    def teach(self, clips: list[Clip], steps: int) -> None:
        """AdamW, one cosine from warm to cold; reports the loss every 100 steps."""
        weights = [*self._network.parameters(), *self._which.parameters()]
        optimiser = torch.optim.AdamW(weights, lr=_LEARNING_RATE, weight_decay=1e-4)
        rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
        for step, batch in enumerate(islice(self._batches(clips), steps), 1):
            told, heard = self._heard(batch)
            read = self._read()
            loss = told + heard + 0.5 * read
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            rate.step()
            if step % 100 == 0:
                _log.info(
                    "taught", step=step, told=told.item(), heard=heard.item(), read=read.item()
                )

    def _batches(self, clips: list[Clip]) -> Iterator[list[Clip]]:
        """Clips of like length together, in another order each time round."""
        while True:
            jitter = self._rng.uniform(0.9, 1.1, len(clips))
            lengths = [len(clip.features) for clip in clips] * jitter
            order = [int(i) for i in np.argsort(lengths)]
            starts = range(0, len(order) - _SPOKEN + 1, _SPOKEN)
            for start in self._rng.permutation(starts):
                yield [clips[i] for i in order[start : start + _SPOKEN]]

    def _heard(self, batch: list[Clip]) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses of telling which phrase it is, and of writing it.

        The decoder alone would learn the phrases by heart before it listens; the encoder learns
        from the first batch on when it has to tell them apart itself.
        """
        masked = [_spec_augment(clip.features, self._rng) for clip in batch]
        padded, mask = _pad([torch.from_numpy(features) for features in masked], 0)
        model = self._network.hearer
        encoded = model.speech_encoder(input_features=padded, attention_mask=mask)
        phrases = [clip.phrase for clip in batch]
        which = torch.tensor([PHRASES.index(phrase) for phrase in phrases])
        told = cross_entropy(self._which(encoded.last_hidden_state.mean(1)), which)
        return told, self._written(model, encoded.last_hidden_state, mask, phrases)

    def _read(self) -> torch.Tensor:
        phrases = [PHRASES[i] for i in self._rng.integers(len(PHRASES), size=_TYPED)]
        padded, mask = _pad([torch.tensor(self._typed(phrase)) for phrase in phrases], 0)
        model = self._network.reader
        encoded = model.text_encoder(input_ids=padded, attention_mask=mask)
        return self._written(model, encoded.last_hidden_state, mask, phrases)

    def _written(
        self,
        model: torch.nn.Module,
        encoded: torch.Tensor,
        mask: torch.Tensor,
        phrases: list[Phrase],
    ) -> torch.Tensor:
        """Loss of each phrase written in one of the languages."""
        languages = self._rng.integers(len(LANGUAGES), size=len(phrases))
        answers = [self._answers[p][i] for p, i in zip(phrases, languages, strict=True)]
        given, _ = _pad([_with_gaps(ids[:-1], self._rng) for ids in answers], 0)
        wanted, _ = _pad([ids[1:] for ids in answers], _IGNORED)
        wanted[:, 0] = _IGNORED  # the language is given, not guessed
        answer = model(
            encoder_outputs=(encoded,),
            attention_mask=mask,
            decoder_input_ids=given,
        )
        logits = answer.logits.flatten(0, 1)
        return cross_entropy(logits, wanted.flatten(), ignore_index=_IGNORED)

    def _tokens(self, phrase: Phrase) -> list[torch.Tensor]:
        pairs = zip(LANGUAGES, phrase, strict=True)
        return [
            torch.tensor(self._tokenizer(text_target=text, tgt_lang=CODES[language]).input_ids)
            for language, text in pairs
        ]

    def _typed(self, phrase: Phrase) -> list[int]:
        language = LANGUAGES[self._rng.integers(len(LANGUAGES))]
        text = str(self._rng.choice(written(getattr(phrase, language))))
        return list(self._tokenizer(text, src_lang=CODES[language]).input_ids)


def _rate(step: int, steps: int) -> float:
    return min(1.0, step / _WARM_UP) * (0.01 + 0.5 * (1 + math.cos(math.pi * step / steps)))


def _pad(rows: list[torch.Tensor], filler: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of different lengths as one tensor, and its mask."""
    pad = torch.nn.utils.rnn.pad_sequence
    mask = pad([torch.ones(len(row), dtype=torch.long) for row in rows], batch_first=True)
    return pad(rows, batch_first=True, padding_value=filler), mask


def _with_gaps(given: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Some words unknown, so that what was said must be listened to (word dropout, Bowman 2016)."""
    gaps = torch.from_numpy(rng.random(len(given)) < rng.uniform(0, _MOST_GAPS))
    gaps[:2] = False  # the start and the language
    return given.masked_fill(gaps, _UNKNOWN)


def _spec_augment(features: Features, rng: np.random.Generator) -> Features:
    """One band and one moment masked, of the 80 bands of both frames (SpecAugment, 2019)."""
    masked = features.copy()
    low, width = rng.integers(80), rng.integers(14)
    masked.reshape(len(masked), 2, 80)[:, :, low : low + width] = 0
    start, length = rng.integers(len(masked)), rng.integers(8)
    masked[start : start + length] = 0
    return masked
