"""SeamlessM4T v2 without its speaking half: two encoders, one text decoder.

Barrault et al., Seamless: Multilingual Expressive and Streaming Speech Translation, 2023; the
layers are those of transformers. Worker process only: it imports torch.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from transformers import SeamlessM4Tv2Config
from transformers.models.seamless_m4t_v2 import modeling_seamless_m4t_v2 as layers

from babblefish.translator.seamless_checkpoint import TEXT_ENCODER
from babblefish.translator.seamless_weights import Weights


class Network(nn.Module):
    """Named as in a checkpoint; `text_encoder` is None where the checkpoint has none."""

    def __init__(self, config: SeamlessM4Tv2Config, reads: bool) -> None:
        super().__init__()
        self.config = config
        self.speech_encoder = layers.SeamlessM4Tv2SpeechEncoder(config)
        self.text_encoder = layers.SeamlessM4Tv2Encoder(config) if reads else None
        self.text_decoder = layers.SeamlessM4Tv2Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)


def skeleton(folder: Path, weights: Weights) -> Network:
    """The network of a checkpoint, without memory for its weights."""
    config = SeamlessM4Tv2Config.from_pretrained(folder)
    with torch.device("meta"):
        return Network(config, reads=TEXT_ENCODER in weights).eval()


def parts(network: Network) -> Iterator[tuple[str, nn.Module]]:
    """Its modules that have weights of their own, by name."""
    for name, module in list(network.named_modules()):
        if isinstance(module, layers.SeamlessM4Tv2SinusoidalPositionalEmbedding) or any(
            True for _ in module.parameters(recurse=False)
        ):
            yield name, module


def fill(module: nn.Module, name: str, weights: Weights) -> None:
    """Gives one of `parts` its weights."""
    for key, _ in list(module.named_parameters(recurse=False)):
        tensor = weights[f"{name}.{key}"]
        setattr(module, key, nn.Parameter(tensor, requires_grad=False))
    if isinstance(module, layers.SeamlessM4Tv2SinusoidalPositionalEmbedding):
        positions = module.num_positions + module.offset
        table = module.get_embedding(positions, module.embedding_dim, module.padding_idx)
        module.weights = nn.Buffer(table, persistent=False)  # computed, in no checkpoint


def tie(network: Network) -> None:
    """Makes the embeddings one parameter, so that it moves to a device once."""
    network.text_decoder.embed_tokens.weight = network.lm_head.weight
    if network.text_encoder is not None:
        network.text_encoder.embed_tokens.weight = network.lm_head.weight
