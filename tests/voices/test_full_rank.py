"""All weights learn; what is kept is the nearest that an adapter can say."""

import pytest
import torch
from torch import nn

from babblefish.cloner.f5_adapter import unpacked
from babblefish.voices.full_rank import FullRank

WIDTH, KEPT = 96, 64


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_q = nn.Linear(WIDTH, WIDTH, bias=False)


class Network(nn.Module):
    """One layer that an adapter changes, as f5-tts names it."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Attention()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.attn.to_q(x)
        return changed


@pytest.fixture
def network() -> Network:
    torch.manual_seed(1)
    return Network().requires_grad_(requires_grad=False)


def taught(network: Network, change: torch.Tensor) -> FullRank:
    learnt = FullRank(network)
    with torch.no_grad():
        learnt.change[0].copy_(change)
    return learnt


def weights_of(packed: bytes, network: Network) -> torch.Tensor:
    """What the adapter adds to the layer's weights."""
    with unpacked(packed, network).worn(network):
        changed: torch.Tensor = network(torch.eye(WIDTH)).T
    return changed - network.attn.to_q.weight


def test_it_begins_as_no_change_and_every_weight_learns(network: Network) -> None:
    x, learnt = torch.randn(200, WIDTH), FullRank(network)
    before = network(x)
    with learnt.worn(network):
        worn = network(x)
        worn.square().sum().backward()
    torch.testing.assert_close(worn, before)
    (gradient,) = [change.grad for change in learnt.change]
    assert gradient is not None
    assert bool((gradient != 0).all())


def test_worn_it_is_another_network(network: Network) -> None:
    x, change = torch.randn(3, WIDTH), torch.randn(WIDTH, WIDTH)
    with taught(network, change).worn(network):
        worn = network(x)
    torch.testing.assert_close(worn, x @ (network.attn.to_q.weight + change).T)


def test_what_an_adapter_can_say_is_kept_whole(network: Network) -> None:
    change = torch.randn(WIDTH, KEPT) @ torch.randn(KEPT, WIDTH) / WIDTH
    kept = weights_of(taught(network, change).packed(), network)
    torch.testing.assert_close(kept, change, atol=1e-2, rtol=1e-2)


def test_of_more_the_nearest_is(network: Network) -> None:
    change = torch.randn(WIDTH, WIDTH) * torch.logspace(0, -2, WIDTH)
    kept = weights_of(taught(network, change).packed(), network)
    lost = torch.linalg.svdvals(change)[KEPT:].norm()
    assert float((kept - change).norm()) == pytest.approx(float(lost), rel=0.1)
