"""Greedy decoding of many texts at a time. Worker process only: it imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache, EncoderDecoderCache

from babblefish.translator.seamless_network import Network


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encoder made of one utterance, `[time, width]`, and how many tokens it may be."""

    states: Tensor
    longest: int


class Decoding:
    """Rows that grow by a token a step until each has ended."""

    def __init__(
        self,
        network: Network,
        encoded: Sequence[Encoded],
        rows: Sequence[tuple[int, int]],
        generation: Any,  # noqa: ANN401 what it has is the checkpoint's
    ) -> None:
        self._network = network
        self._end = generation.eos_token_id
        self._longest = [encoded[number].longest for number, _ in rows]
        self.tokens: list[list[int]] = [[] for _ in rows]
        self.scores: list[list[float]] = [[] for _ in rows]
        self.active = list(range(len(rows)))
        start = generation.decoder_start_token_id
        device = encoded[0].states.device
        self._next = torch.tensor([[start, language] for _, language in rows], device=device)
        states = pad_sequence([each.states for each in encoded], batch_first=True)
        lengths = torch.tensor([len(each.states) for each in encoded], device=device)
        mask = torch.arange(states.shape[1], device=device) < lengths[:, None]
        utterances = torch.tensor([number for number, _ in rows], device=device)
        self._states, self._mask = states[utterances], mask[utterances]
        self._cache = _heard(network, states, utterances)

    def step(self) -> None:
        """The next token of each row that goes on, with its log probability."""
        hidden = self._network.text_decoder(
            self._next,
            encoder_hidden_states=self._states,
            encoder_attention_mask=self._mask,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        logits = self._network.lm_head(hidden).float()
        best, tokens = logits.max(dim=-1)
        scores = (best - logits.logsumexp(dim=-1)).tolist()
        for row, token, score in zip(self.active, tokens.tolist(), scores, strict=True):
            self.tokens[row].append(token)
            self.scores[row].append(score)
        self._next = tokens[:, None]
        self._drop_ended()

    def _drop_ended(self) -> None:
        going = [at for at, row in enumerate(self.active) if not self._ended(row)]
        if len(going) == len(self.active):
            return
        self.active = [self.active[at] for at in going]
        kept = torch.tensor(going, dtype=torch.long, device=self._next.device)
        self._next, self._states, self._mask = (
            rows[kept] for rows in (self._next, self._states, self._mask)
        )
        self._cache.batch_select_indices(kept)

    def _ended(self, row: int) -> bool:
        tokens = self.tokens[row]
        return tokens[-1] == self._end or len(tokens) >= self._longest[row]


def _heard(network: Network, states: Tensor, utterances: Tensor) -> EncoderDecoderCache:
    """What the decoder's layers attend to: computed once an utterance, not once a row."""
    config = network.config
    heard = DynamicCache(config=config)
    for number, layer in enumerate(network.text_decoder.layers):
        attention: Any = layer.cross_attention
        keys, values = (
            project(states).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)[utterances]
            for project in (attention.k_proj, attention.v_proj)
        )
        heard.update(keys, values, number)
    return EncoderDecoderCache(DynamicCache(config=config), heard)
