"""What was learned of a voice: small, exact where it fits, refused where it does not."""

import pytest
import torch
from safetensors.torch import save
from torch import nn

from babblefish.cloner.f5_adapter import Adapter, Unfit, adapted, unpacked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.to_q(x)
        return made


class Network(nn.Module):
    """One layer that an adapter changes, and one that it leaves alone."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.attn = Attention(width)
        self.other = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.other(self.attn(x))
        return made


@pytest.fixture
def network() -> Network:
    torch.manual_seed(1)
    return Network()


def taught(network: Network, rank: int = 2) -> Adapter:
    adapter = Adapter(network, rank)
    with torch.no_grad():
        adapter.up[0].normal_()
    return adapter


def test_it_changes_attention_and_nothing_else(network: Network) -> None:
    assert list(adapted(network)) == ["attn.to_q"]


def test_an_untaught_one_changes_nothing(network: Network) -> None:
    x = torch.randn(3, 16)
    with Adapter(network, 4).worn(network):
        torch.testing.assert_close(network(x), network.other(network.attn.to_q(x)))


def test_worn_it_is_as_if_the_weights_were_changed_and_then_they_are_not(network: Network) -> None:
    x, adapter = torch.randn(3, 16), taught(network)
    before = network(x)
    with adapter.worn(network):
        worn = network(x)
    changed = Network()
    changed.load_state_dict(network.state_dict())
    with torch.no_grad():
        changed.attn.to_q.weight += adapter.up[0] @ adapter.down[0]
    torch.testing.assert_close(worn, changed(x))
    torch.testing.assert_close(network(x), before)


def test_it_learns_while_the_network_does_not(network: Network) -> None:
    adapter = taught(network)
    network.requires_grad_(requires_grad=False)
    with adapter.worn(network):
        network(torch.randn(3, 16)).sum().backward()
    assert all(weights.grad is not None for weights in adapter.parameters())


def test_packed_and_unpacked_it_is_the_same(network: Network) -> None:
    x, adapter = torch.randn(3, 16), taught(network)
    with adapter.worn(network):
        worn = network(x)
    with unpacked(adapter.packed(), network).worn(network):
        torch.testing.assert_close(network(x), worn, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no adapter",
        save({"attn.to_q.up": torch.zeros(16, 2)}),
        save({"attn.to_q.down": torch.zeros(200, 16), "attn.to_q.up": torch.zeros(16, 200)}),
        save({"attn.to_q.down": torch.zeros(()), "attn.to_q.up": torch.zeros(16, 2)}),
    ],
)
def test_what_is_none_is_refused(network: Network, data: bytes) -> None:
    with pytest.raises(Unfit):
        unpacked(data, network)


def test_one_of_another_network_is_refused(network: Network) -> None:
    with pytest.raises(Unfit, match="another network"):
        unpacked(taught(Network(24)).packed(), network)
