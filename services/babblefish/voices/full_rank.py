"""A fine-tune of every weight that an adapter changes. Imports torch: only by who trains."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import linear

from babblefish.cloner.f5_adapter import Change, adapted

_KEPT_RANK = 64
"""What a voice changes hardly needs more; whole, it would be hundreds of megabytes a laptop."""
_OVERSAMPLED = 8


class FullRank(Change):
    """`change` [outputs, inputs] of each layer's weights, which begins as zero.

    As an adapter it is packed: of each change the nearest of low rank, by its singular values
    (Eckart and Young, 1936, https://doi.org/10.1007/BF02288367).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.change = nn.ParameterList(
            nn.Parameter(torch.zeros_like(layer.weight)) for layer in adapted(network).values()
        )

    def added(self, layer: int, inputs: torch.Tensor) -> torch.Tensor:
        """See `Change`."""
        return linear(inputs, self.change[layer])

    def factors(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """See `Change`."""
        rank = min(_KEPT_RANK, *(min(change.shape) for change in self.change))
        for change in self.change:
            most = min(rank + _OVERSAMPLED, *change.shape)
            left, values, right = torch.svd_lowrank(change.detach().float(), most, niter=4)
            root = values[:rank].sqrt()
            yield (right[:, :rank] * root).T, left[:, :rank] * root
