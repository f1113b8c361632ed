"""The micro SeamlessM4T's network: the real one's parts, each a few layers thin."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import (
    GenerationConfig,
    SeamlessM4Tv2Config,
    SeamlessM4Tv2ForSpeechToText,
    SeamlessM4Tv2ForTextToText,
)

_WIDTH = 96
_TIED = ("lm_head.weight", "text_encoder.embed_tokens.weight", "text_decoder.embed_tokens.weight")


class Network:
    """One decoder behind two encoders, as in `SeamlessM4Tv2Model`, without its speaking half."""

    def __init__(self, vocabulary: int, codes: dict[str, int]) -> None:
        """`codes`: language token of each language SeamlessM4T knows."""
        config = _config(vocabulary)
        self.width = _WIDTH
        self.reader = SeamlessM4Tv2ForTextToText(config)
        self.hearer = SeamlessM4Tv2ForSpeechToText(config)
        self.hearer.shared = self.reader.shared
        self.hearer.text_decoder = self.reader.text_decoder
        self.hearer.lm_head = self.reader.lm_head
        self.hearer.generation_config = _generation(codes)

    def parameters(self) -> list[torch.nn.Parameter]:
        """Each once."""
        return [*self.reader.parameters(), *self.hearer.speech_encoder.parameters()]

    def save(self, folder: Path) -> None:
        """With the names of a real checkpoint; tied weights once, as `shared.weight`."""
        state = {**self.reader.state_dict(), **self.hearer.state_dict()}
        kept = {name: value for name, value in state.items() if name not in _TIED}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
        self.hearer.config.architectures = ["SeamlessM4Tv2Model"]
        self.hearer.config.save_pretrained(folder)
        self.hearer.generation_config.save_pretrained(folder)


def _config(vocabulary: int) -> SeamlessM4Tv2Config:
    return SeamlessM4Tv2Config(
        vocab_size=vocabulary,
        hidden_size=_WIDTH,
        max_position_embeddings=512,
        encoder_layers=1,
        encoder_ffn_dim=256,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=256,
        decoder_attention_heads=4,
        speech_encoder_layers=2,
        speech_encoder_intermediate_size=256,
        speech_encoder_attention_heads=4,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        speech_encoder_layerdrop=0.0,
        dropout=0.0,
        attention_dropout=0.0,
        adaptor_dropout=0.0,
        **_NO_VOICE,
    )


# The half that speaks is not in the checkpoint; whoever builds the whole model gets it tiny.
_NO_VOICE: dict[str, Any] = {
    "t2u_vocab_size": 64,
    "char_vocab_size": 64,
    "t2u_encoder_layers": 1,
    "t2u_decoder_layers": 1,
    "t2u_encoder_ffn_dim": 64,
    "t2u_decoder_ffn_dim": 64,
    "t2u_encoder_attention_heads": 4,
    "t2u_decoder_attention_heads": 4,
    "t2u_max_position_embeddings": 512,
    "t2u_variance_predictor_embed_dim": _WIDTH,
    "unit_hifi_gan_vocab_size": 64,
    "unit_embed_dim": 32,
    "lang_embed_dim": 16,
    "spkr_embed_dim": 16,
    "upsample_initial_channel": 32,
}


def _generation(codes: dict[str, int]) -> GenerationConfig:
    return GenerationConfig(  # type: ignore[no-untyped-call]
        decoder_start_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
        max_new_tokens=64,
        text_decoder_lang_to_code_id=codes,
    )
