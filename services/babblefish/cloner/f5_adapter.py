"""What a fine-tune learned of one voice: low-rank changes of a network's linear layers.

LoRA (Hu et al., 2021, https://arxiv.org/abs/2106.09685): a layer's output is `Wx + BAx`. Worker
process only: it imports torch.
"""

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn
from torch.nn.functional import linear

MOST_RANK = 128
_ADAPTED = ("attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "ff.ff.0.0", "ff.ff.2")


class Unfit(Exception):
    """An adapter that is none, or of another network."""


class Change(nn.Module):
    """What is added to the outputs of a network's adapted layers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.names = list(adapted(network))

    @abstractmethod
    def added(self, layer: int, inputs: torch.Tensor) -> torch.Tensor:
        """To the output of the layer of that number, `[…, outputs]`."""

    @abstractmethod
    def factors(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The `down` [rank, inputs] and `up` [outputs, rank] of each layer, or the nearest."""

    @contextlib.contextmanager
    def worn(self, network: nn.Module) -> Iterator[None]:
        """Meanwhile the network speaks with it."""
        layers = adapted(network)
        with contextlib.ExitStack() as stack:
            for number, name in enumerate(self.names):
                hook = layers[name].register_forward_hook(self._plus(number))
                stack.callback(hook.remove)
            yield

    def packed(self) -> bytes:
        """As it is kept and sent: safetensors, in half precision."""
        tensors = {
            f"{name}.{part}": weights.detach().cpu().half().contiguous()
            for name, (down, up) in zip(self.names, self.factors(), strict=True)
            for part, weights in (("down", down), ("up", up))
        }
        return bytes(save(tensors))

    def _plus(self, layer: int) -> "_Hook":
        def hook(
            _layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor
        ) -> torch.Tensor:
            return output + self.added(layer, inputs[0])

        return hook


class Adapter(Change):
    """`down` [rank, inputs] and `up` [outputs, rank] of each layer; `up` begins as zero."""

    def __init__(self, network: nn.Module, rank: int) -> None:
        super().__init__(network)
        layers = adapted(network)
        self.down = nn.ParameterList(
            nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
            for layer in layers.values()
        )
        self.up = nn.ParameterList(
            nn.Parameter(torch.zeros(layer.out_features, rank)) for layer in layers.values()
        )

    def added(self, layer: int, inputs: torch.Tensor) -> torch.Tensor:
        """See `Change`."""
        return linear(linear(inputs, self.down[layer]), self.up[layer])

    def factors(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """See `Change`."""
        return zip(self.down, self.up, strict=True)


def adapted(network: nn.Module) -> dict[str, nn.Linear]:
    """The layers that an adapter changes: those of attention and what follows it."""
    return {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and name.endswith(_ADAPTED)
    }


def unpacked(data: bytes, network: nn.Module) -> Adapter:
    """An adapter for that network; raises `Unfit`."""
    try:
        tensors = load(data)
        first = next(weights for name, weights in tensors.items() if name.endswith(".down"))
        rank = len(first)
    except (SafetensorError, StopIteration, TypeError, ValueError) as error:
        raise Unfit("is no adapter") from error
    if not 1 <= rank <= MOST_RANK:
        raise Unfit("is no adapter")
    adapter = Adapter(network, rank)
    wanted = {
        f"{name}.{part}": weights
        for name, down, up in zip(adapter.names, adapter.down, adapter.up, strict=True)
        for part, weights in (("down", down), ("up", up))
    }
    if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in wanted.items()}:
        raise Unfit("is of another network")
    with torch.no_grad():
        for name, weights in wanted.items():
            weights.copy_(tensors[name])
    example = next(network.parameters())
    return adapter.to(example.device, example.dtype).requires_grad_(False)


_Hook = Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]
