"""A voice's fine-tune from its samples to what is kept, for whoever starts it at a terminal."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from babblefish.cloner import f5, f5_worker
from babblefish.cloner.base import Cloner
from babblefish.cloner.f5_checkpoints import Checkpoint, find, speakers
from babblefish.cloner.f5_memory import of_machine
from babblefish.errors import EngineMissing
from babblefish.registry.store import Store
from babblefish.settings import Settings
from babblefish.speaker.base import SpeakerEncoder
from babblefish.stage.cores import available_cores
from babblefish.voices import training, training_memory
from babblefish.voices.training import Material, Outcome, Plan, Trained


def fine_tune(
    store: Store,
    voice: str,
    encoder: SpeakerEncoder,
    settings: Settings,
    tell: Callable[[str], None],
    *,
    full: bool = False,
) -> Outcome:
    """Kept only if it is better; raises `CannotTrain`, `DoesNotFit`, `EngineMissing`."""
    os.environ.update(f5_worker.ENVIRONMENT)
    material = training.material(store, voice)
    cloner = f5.build(settings)
    checkpoint = _checkpoint(settings, material.reference.language)
    plan = Plan(settings.device, settings.threads or available_cores(), full)
    tell(_fits(checkpoint, plan))
    with store.scratch.of(voice) as folder:
        # What was begun in the one way cannot go on in the other.
        place = folder / ("full" if full else "adapter")
        trained = _trained(store, voice, material, checkpoint, place, plan)
        tell(f"Peak memory: {trained.peak / 1e9:.1f} GB. Listening to it …")
        outcome = asyncio.run(_judged(cloner, encoder, material, trained))
        training.keep(store, voice, trained, outcome)
    return outcome


async def _judged(
    cloner: Cloner, encoder: SpeakerEncoder, material: Material, trained: Trained
) -> Outcome:
    await asyncio.gather(cloner.start(), encoder.start())
    try:
        return await training.judge(cloner, encoder, material, trained)
    finally:
        await asyncio.gather(cloner.stop(), encoder.stop())


def _checkpoint(settings: Settings, language: str) -> Checkpoint:
    checkpoints = find(settings)
    if language not in (chosen := speakers(checkpoints)):
        raise EngineMissing(f"No F5 checkpoint here speaks {language!r}.", "Add one that does.")
    return checkpoints[chosen[language]]


def _fits(checkpoint: Checkpoint, plan: Plan) -> str:
    """How much it will need; raises `DoesNotFit`."""
    letters = Path(checkpoint.vocabulary).read_bytes().count(b"\n")
    needed = training_memory.estimate(checkpoint.architecture, letters)
    training_memory.check(needed, _free(plan.device), full=plan.full)
    return f"This needs about {needed.of(full=plan.full) / 1e9:.1f} GB of memory."


def _free(device: str) -> int:
    if device == "cpu":
        return of_machine().free
    import torch

    return torch.cuda.mem_get_info()[0]


def _trained(
    store: Store,
    voice: str,
    material: Material,
    checkpoint: Checkpoint,
    folder: Path,
    plan: Plan,
) -> Trained:
    from babblefish.voices.training_run import train

    examples = training.examples(material)
    may_go_on = training.still_consents(store, voice)
    return train(checkpoint, examples, folder, plan, may_go_on)
