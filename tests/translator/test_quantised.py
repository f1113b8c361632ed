from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from babblefish import models
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES

pytestmark = pytest.mark.slow  # torch takes seconds to import

SOURCE = CHECKPOINTS / "seamless-m4t-v2-large"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from babblefish.translator.quantised import quantise

    target: Path = tmp_path_factory.mktemp("models") / "small"
    quantise(SOURCE, target)
    return target


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def test_what_is_stored_is_small_whole_and_complete(stored: Path) -> None:
    assert size(stored) < 0.5 * size(SOURCE)
    verified = models.verify(stored)
    assert "model.safetensors" in verified
    assert all(verified.values())
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        assert (stored / name).read_bytes() == (SOURCE / name).read_bytes()


def test_it_can_be_made_again(stored: Path, tmp_path: Path) -> None:
    from babblefish.translator.quantised import quantise

    again = tmp_path / "again"
    for _ in range(2):
        quantise(SOURCE, again)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]
    assert (again / models.SUMS).read_text() == (stored / models.SUMS).read_text()


def test_stored_or_made_while_loading_is_the_same(stored: Path) -> None:
    from babblefish.translator.seamless_model import SeamlessModel

    said: Any = [(phrase.en, "eng", ["fra", "pol"]) for phrase in PHRASES[:4]]
    made, kept = (SeamlessModel(str(at), "int8", "cpu").translate(said) for at in (SOURCE, stored))
    assert made == kept


@hypothesis_settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 9), width=st.integers(1, 80), out=st.integers(1, 80))
def test_a_small_layer_is_close_to_its_original(rows: int, width: int, out: int) -> None:
    import torch
    from torch import nn

    from babblefish.translator.quantised import packed

    linear, pointwise = nn.Linear(width, out), nn.Conv1d(width, out, 1, bias=False)
    for layer, given_ in (
        (linear, torch.randn(2, rows, width)),
        (pointwise, torch.randn(2, width, rows)),
    ):
        weights: Any = {f"layer.{name}": value for name, value in layer.state_dict().items()}
        small = packed(layer, "layer", weights)
        assert small is not None
        with torch.inference_mode():
            exact, close = layer(given_), small(given_)
        assert close.shape == exact.shape
        assert (close - exact).norm() <= 0.03 * exact.norm() + 0.05
