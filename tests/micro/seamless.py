"""The micro SeamlessM4T v2: three languages, the phrases of a meeting, about a million weights."""

from pathlib import Path

import structlog
import torch

from tests.micro import tokens
from tests.micro.corpus import clips, feature_extractor
from tests.micro.network import Network
from tests.micro.training import Teacher

SEED = 20

_CLIPS_EACH = 120
_STEPS = 5500

_log = structlog.get_logger()


def build(folder: Path, each: int = _CLIPS_EACH, steps: int = _STEPS) -> None:
    """Trains from nothing, and writes a checkpoint that transformers load; 20 min on one core."""
    torch.set_num_threads(1)  # the network is too small for two to help each other
    torch.manual_seed(SEED)
    tokenizer = tokens.train(folder)
    network = Network(len(tokenizer), tokens.language_ids(tokenizer))
    weights = sum(parameter.numel() for parameter in network.parameters())
    heard = clips(each, SEED)
    _log.info("teaching", weights=weights, clips=len(heard), steps=steps)
    Teacher(network, tokenizer, SEED).teach(heard, steps)
    network.save(folder)
    feature_extractor().save_pretrained(folder)
