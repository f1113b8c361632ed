"""How the micro speaker embedding learns who speaks: by additive angular margin (ArcFace, 2019)."""

import math
from itertools import pairwise

import numpy as np
import structlog
import torch
from pyannote.audio.models.blocks.sincnet import SincNet
from pyannote.audio.models.embedding import XVectorSincNet
from torch import nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from babblefish.audio import Samples

_WIDTHS = (60, 64, 64, 64, 64, 128)
_MARGIN = 0.2
_SCALE = 20.0
_LEARNING_RATE = 4e-3
_BATCH = 96
_FRAMES = (30, 110)
"""Of 17 ms: between half a second and two."""
_NOISE = 0.15

_log = structlog.get_logger()


class Narrow(nn.Module):
    """The layers of `XVectorSincNet` after its `sincnet`, with fewer channels."""

    def __init__(self, sincnet: SincNet) -> None:
        super().__init__()
        self.sincnet = sincnet.requires_grad_(False)
        self.tdnns = nn.ModuleList()
        shapes = zip(pairwise(_WIDTHS), (5, 3, 3, 1, 1), (1, 2, 3, 1, 1), strict=True)
        for (taken, given), kernel, dilation in shapes:
            convolution = nn.Conv1d(taken, given, kernel, dilation=dilation)
            self.tdnns.extend([convolution, nn.LeakyReLU(), nn.BatchNorm1d(given)])
        self.embedding = nn.Linear(2 * _WIDTHS[-1], 512)

    @torch.no_grad()
    def features(self, speech: Samples) -> torch.Tensor:
        """Shape `[60, frames]`."""
        features: torch.Tensor = self.sincnet(torch.from_numpy(speech)[None, None])[0]
        return features

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Voiceprints `[batch, 512]` of features `[batch, 60, frames]`."""
        for layer in self.tdnns:
            features = layer(features)
        pooled = torch.cat([features.mean(-1), features.std(-1)], -1)
        prints: torch.Tensor = self.embedding(pooled)
        return prints

    @torch.no_grad()
    def fill(self, model: XVectorSincNet) -> None:
        """Writes what was learnt into the wide one; what it has beyond that stays silent."""
        for narrow, wide in zip(self.tdnns, model.tdnns, strict=True):
            for name, learnt in narrow.state_dict().items():
                kept = wide.state_dict()[name]
                if name not in ("running_var", "num_batches_tracked"):
                    kept.zero_()
                kept[tuple(slice(size) for size in learnt.shape)] = learnt
        model.embedding.weight.zero_()
        half, wide_half = _WIDTHS[-1], model.embedding.in_features // 2
        model.embedding.weight[:, :half] = self.embedding.weight[:, :half]
        model.embedding.weight[:, wide_half : wide_half + half] = self.embedding.weight[:, half:]
        model.embedding.bias.copy_(self.embedding.bias)


class Teacher:
    """`hear` everybody, then `teach`."""

    def __init__(self, network: Narrow, rng: np.random.Generator) -> None:
        self._network = network
        self._rng = rng
        self._heard: list[torch.Tensor] = []
        self._who: list[int] = []

    def hear(self, clips: list[Samples], who: int) -> None:
        """What person number `who` says."""
        self._heard += [self._network.features(clip) for clip in clips]
        self._who += [who] * len(clips)

    def teach(self, steps: int) -> None:
        """AdamW with one cycle of its rate; reports the loss every 200 steps."""
        network = self._network.train()
        centres = nn.Parameter(0.05 * torch.randn(max(self._who) + 1, 512))
        weights = [*network.tdnns.parameters(), *network.embedding.parameters(), centres]
        optimiser = torch.optim.AdamW(weights, lr=_LEARNING_RATE, weight_decay=1e-2)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=steps)
        for step in range(1, steps + 1):
            features, who = self._batch()
            loss = _margin_loss(network(features), centres, who)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights, 2.0)
            optimiser.step()
            rate.step()
            if step % 200 == 0:
                _log.info("taught", step=step, loss=round(loss.item(), 3))
        network.eval()

    def _batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Pieces of one length, blurred a little, so that none is learnt by heart."""
        chosen = self._rng.choice(len(self._heard), _BATCH, replace=False)
        frames = int(self._rng.integers(*_FRAMES))
        pieces = torch.stack([_piece(self._heard[i], frames, self._rng) for i in chosen])
        who = torch.tensor([self._who[i] for i in chosen])
        return pieces + _NOISE * torch.randn(pieces.shape), who


def _piece(features: torch.Tensor, frames: int, rng: np.random.Generator) -> torch.Tensor:
    times = math.ceil(frames / features.shape[1])
    repeated = features.repeat(1, times)
    start = int(rng.integers(repeated.shape[1] - frames + 1))
    return repeated[:, start : start + frames]


def _margin_loss(prints: torch.Tensor, centres: torch.Tensor, who: torch.Tensor) -> torch.Tensor:
    cosines = normalize(prints, dim=-1) @ normalize(centres, dim=-1).T
    angles = torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))
    right = one_hot(who, len(centres)).bool()
    return cross_entropy(_SCALE * torch.where(right, torch.cos(angles + _MARGIN), cosines), who)
