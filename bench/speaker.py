"""The speaker stage at pyannote/embedding's size, with random weights, against pyannote.audio as it
comes: `Inference(window="whole")` in the process that asks.

What a voiceprint costs does not depend on whose it is. Both sides in one run, warm, by turns.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from tests.support.stages import staged

from babblefish import settings
from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.speaker import pyannote
from babblefish.speaker.remote import RemoteSpeakerEncoder
from bench import report

ROUNDS = 30
SECONDS = 3
AIM_MS = 50
AIM_GB = 1.2
MODELS = Path.home() / ".cache" / "babblefish" / "bench" / "speaker"
SEED = 8


async def run() -> None:
    report.heading(f"Speaker at full size, random weights, {SECONDS} s of speech")
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    await asyncio.to_thread(_build)
    speech = np.random.default_rng(SEED).normal(0, 0.1, SECONDS * SAMPLE_RATE).astype(np.float32)
    with staged("speaker", speaker="local:pyannote", models_dir=MODELS) as stage:
        near = pyannote.build(settings.load(["--models-dir", str(MODELS)]))
        far = RemoteSpeakerEncoder(stage.url, None)
        await asyncio.gather(near.start(), far.start())
        theirs = await asyncio.to_thread(_theirs)
        sides = {
            "pyannote.audio, Inference in process": lambda: asyncio.to_thread(theirs, speech),
            "this, in a process of its own": lambda: near.embed(speech),
            "this, behind HTTP": lambda: far.embed(speech),
        }
        await _timed(sides)
        _footprint([psutil.Process(stage.process.pid), *stage.children])
        await asyncio.gather(near.stop(), far.stop())


def _build() -> None:
    """17 MB, once."""
    import torch
    from pyannote.audio.models.embedding import XVectorSincNet
    from tests.micro.pyannote import save

    file = MODELS / pyannote.MODEL / "pytorch_model.bin"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(SEED)
        save(XVectorSincNet(), file)


def _theirs() -> Callable[[Samples], object]:
    import torch
    from pyannote.audio import Inference, Model

    model = Model.from_pretrained(MODELS / pyannote.MODEL)
    assert model is not None
    inference = Inference(model, window="whole")

    def embed(speech: Samples) -> object:
        waveform = torch.from_numpy(speech)[None]
        return inference({"waveform": waveform, "sample_rate": SAMPLE_RATE})

    return embed


async def _timed(sides: Mapping[str, Callable[[], Awaitable[object]]]) -> None:
    took: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, embed in sides.items():
            started = time.perf_counter()
            await embed()
            took[name].append(1000 * (time.perf_counter() - started))
    for name, values in took.items():
        ours = name.startswith("this")
        aim, met = (f"≤ {AIM_MS} ms", median(values) <= AIM_MS) if ours else ("", None)
        report.figure(name, report.spread(values, "ms"), aim, met)


def _footprint(processes: list[psutil.Process]) -> None:
    resident = sum(process.memory_info().rss for process in processes) / 1e9
    own = psutil.Process().memory_info().rss / 1e9
    report.figure("memory, this process with Inference in it", f"{own:.2f} GB")
    report.figure(
        "memory, the stage's processes", f"{resident:.2f} GB", f"≤ {AIM_GB} GB", resident <= AIM_GB
    )
