"""The fine-tune itself, by f5-tts' trainer. Imports torch: only by who trains."""

import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from f5_tts.model import CFM, Trainer
from f5_tts.model.dataset import CustomDataset
from f5_tts.model.utils import convert_char_to_pinyin
from torch import nn

from babblefish.cloner.f5_adapter import Adapter, Change
from babblefish.cloner.f5_checkpoints import Checkpoint
from babblefish.cloner.f5_network import HOP, load
from babblefish.cloner.f5_prompt import SAMPLE_RATE
from babblefish.registry.scratch import whole
from babblefish.voices.full_rank import FullRank
from babblefish.voices.training import Example, Plan, Trained
from babblefish.voices.training_memory import FRAMES, RANK

_ADAPTER_RATE, _FULL_RATE = 1e-3, 1e-5
# Of what learns four times over: with all weights, gigabytes.
_ADAPTER_STORED_EVERY, _FULL_STORED_EVERY = 10, 100
_WARM_UP = 10
_SEED = 9


class _Learner(nn.Module):
    """What the trainer sees: only the change learns, is averaged and is stored."""

    def __init__(self, model: CFM, change: Change) -> None:
        super().__init__()
        self.change = change

        # A function is not copied with the module, as the network would be, for the average.
        def loss(mel: torch.Tensor, **about: Any) -> Any:  # noqa: ANN401 as the trainer has it
            with change.worn(model.transformer):
                return model(mel, **about)

        self._loss = loss

    def forward(self, mel: torch.Tensor, **about: Any) -> Any:  # noqa: ANN401
        """The loss of a batch, as `CFM` has it."""
        return self._loss(mel, **about)


class _Watched(Trainer):  # type: ignore[misc]  # it has no types
    """A trainer that asks, whenever it stores what it has, whether it may go on."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401
        folder: Path,
        may_go_on: Callable[[], None],
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, checkpoint_path=str(folder), **kwargs)
        self._folder = folder
        self._may_go_on = may_go_on

    def save_checkpoint(self, update: int, last: bool = False) -> None:
        """Raises what that raises, and then stores nothing; all of it is stored, or what was."""
        self._may_go_on()
        with whole(self._folder) as draft:
            self.checkpoint_path = str(draft)
            super().save_checkpoint(update, last)
        self.checkpoint_path = str(self._folder)


def train(
    checkpoint: Checkpoint,
    examples: Sequence[Example],
    folder: Path,
    plan: Plan,
    may_go_on: Callable[[], None],
) -> Trained:
    """Goes on where a run of before was interrupted, from `folder`."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(_SEED)
    model = load(checkpoint, plan.device, torch.float32).requires_grad_(False)
    change = FullRank(model.transformer) if plan.full else Adapter(model.transformer, RANK)
    trainer = _Watched(
        _Learner(model, change),
        epochs=plan.epochs,
        learning_rate=_FULL_RATE if plan.full else _ADAPTER_RATE,
        num_warmup_updates=_WARM_UP,
        save_per_updates=1 << 30,
        last_per_updates=_FULL_STORED_EVERY if plan.full else _ADAPTER_STORED_EVERY,
        keep_last_n_checkpoints=0,
        folder=folder,
        batch_size_per_gpu=FRAMES,
        batch_size_type="frame",
        max_samples=8,
        logger=None,
        accelerate_kwargs={"cpu": plan.device == "cpu"},
        may_go_on=may_go_on,
    )
    trainer.train(_dataset(model, examples), num_workers=1, resumable_with_seed=_SEED)
    return Trained(change.packed(), _peak(plan.device))


def _dataset(model: CFM, examples: Sequence[Example]) -> CustomDataset:
    """In memory: nothing that somebody said is written down."""
    rows = [
        {
            "audio_path": "",
            "text": convert_char_to_pinyin([example.text])[0],
            "duration": len(example.samples) / SAMPLE_RATE,
            "mel_spec": model.mel_spec(torch.from_numpy(example.samples)[None])[0].numpy(),
        }
        for example in examples
    ]
    return CustomDataset(rows, preprocessed_mel=True, hop_length=HOP)


def _peak(device: str) -> int:
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
