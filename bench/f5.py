"""The cloner: F5's seven pruned steps against all 32, in one run; micro, and at full size.

What speech costs does not depend on whose voice it is: the full size has random weights, in half
precision on a GPU (`BABBLEFISH_DEVICE=cuda`), where it must fit 4 GB; on a CPU it takes a few steps
only, as each takes seconds.
"""

import json
import time
from pathlib import Path
from statistics import median

import numpy as np
from tests.micro import CHECKPOINTS

from babblefish import settings
from babblefish.audio import Audio
from babblefish.cloner import f5
from babblefish.cloner.base import Reference
from babblefish.cloner.f5_checkpoints import VOCODER, Architecture
from bench import report

TEXT = "The project is almost finished, and we will show it to you tomorrow."
SECONDS = 3
RATE = 24_000
ROUNDS = 3
FULL = Path.home() / ".cache" / "babblefish" / "bench" / "cloner"
AIM_GB = 4.0
SEED = 9


async def run() -> None:
    report.heading(f"F5, {SECONDS} s of speech after {SECONDS} s of reference")
    few, all_ = [await _timed(f"micro, {steps} steps", CHECKPOINTS, steps) for steps in (7, 32)]
    report.figure("micro, all steps / few", f"{all_ / few:.1f} ×")
    _build()
    if settings.load().device == "cuda":
        few = await _timed("full size, 7 steps, float16", FULL, 7)
        all_ = await _timed("full size, 32 steps, float32", FULL, 32, "--precision", "float32")
        report.figure("full size, all steps / few", f"{all_ / few:.1f} ×")
    else:
        for steps in (1, 2):
            await _timed(f"full size, {steps} steps, float32", FULL, steps)


async def _timed(name: str, models: Path, steps: int, *flags: str) -> float:
    """Seconds a sentence, and a step; the memory of what it computes on, while it speaks."""
    engine = f5.build(
        settings.load(["--models-dir", str(models), "--f5-steps", str(steps), *flags])
    )
    await engine.start()
    took = []
    for number in range(ROUNDS):
        started = time.perf_counter()
        await engine.speak(TEXT, "en", _reference(number))
        took.append(time.perf_counter() - started)
    report.figure(name, report.spread(took, "s", 2))
    report.figure(f"{name}: a step", f"{min(took) / steps:.3f} s")
    if engine.device.startswith("cuda"):
        used = (await engine.memory()).used / 1e9
        report.figure(f"{name}: GPU memory", f"{used:.2f} GB", f"≤ {AIM_GB} GB", used <= AIM_GB)
    await engine.stop()
    return median(took)


def _reference(number: int) -> Reference:
    """Another every time, so that none is known before; at a pace at which `TEXT` takes as long."""
    noise = 0.1 * np.random.default_rng(SEED + number).standard_normal(SECONDS * RATE)
    return Reference(str(number), Audio(noise.astype(np.float32), RATE), TEXT[:-2], "en")


def _build() -> None:
    """F5TTS_v1_Base and Vocos as published, untaught; 0.7 GB, once."""
    import torch
    import yaml
    from safetensors.torch import save_file
    from vocos import Vocos

    from babblefish.cloner.f5_network import network

    folder, vocoder = FULL / "f5-full", FULL / VOCODER
    if (folder / "config.json").exists():
        return
    for each in (folder, vocoder):
        each.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    letters = [" ", *(chr(33 + number) for number in range(2544))]
    (folder / "vocab.txt").write_text("".join(f"{letter}\n" for letter in letters))
    model = network(Architecture(), {letter: number for number, letter in enumerate(letters)})
    weights = {name: value.half() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    known = yaml.safe_load((CHECKPOINTS / VOCODER / "config.yaml").read_text())
    known["backbone"]["init_args"] |= {"dim": 512, "intermediate_dim": 1536, "num_layers": 8}
    known["head"]["init_args"]["dim"] = 512
    (vocoder / "config.yaml").write_text(yaml.safe_dump(known))
    untaught = Vocos.from_hparams(str(vocoder / "config.yaml"))
    torch.save(untaught.state_dict(), vocoder / "pytorch_model.bin")
    config = {"languages": ["en"], "licence": "none: untaught"}
    (folder / "config.json").write_text(json.dumps(config))
