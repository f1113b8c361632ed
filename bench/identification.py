"""What knowing who speaks adds to the way from the end of speech to the result: both in one run,
by turns, with the same light engines and the micro pyannote embedding.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import numpy as np
from tests.support import speech
from tests.support.phone import Phone, joined
from tests.support.server import Server, serving

from bench import report

RUNS = 11
AIM_MS = 10
_MODELS = Path(__file__).parents[1] / "tests" / "micro" / "checkpoints"
_CLIP = np.concatenate([speech.go_somewhere(), speech.silence(1)])


async def run() -> None:
    report.heading(f"Speech end → result, with and without the speaker stage ({RUNS} runs)")
    with (
        serving(threads=1) as without,
        serving(threads=1, speaker="local:pyannote", models_dir=_MODELS) as knowing,
    ):
        async with AsyncExitStack() as stack:
            sides = [await _pair(stack, server) for server in (without, knowing)]
            both = [[await _latency(*side) for side in sides] for _ in range(RUNS + 1)][1:]
            late = len(sides[1][1].all("speaker"))
    before, after = (list(side) for side in zip(*both, strict=True))
    report.figure("without", report.spread(before, "ms"))
    report.figure("with", report.spread(after, "ms"))
    added = median(after) - median(before)
    report.figure("added", f"{added:.0f} ms", f"≤ {AIM_MS} ms", bool(added <= AIM_MS))
    report.figure("identities that came late", str(late))


async def _pair(stack: AsyncExitStack, server: Server) -> tuple[Phone, Phone]:
    speaker = await stack.enter_async_context(joined(server.ws, "bench", "Dan", "en"))
    listener = await stack.enter_async_context(joined(server.ws, "bench", "Ana", "es"))
    return speaker, listener


async def _latency(speaker: Phone, listener: Phone) -> float:
    """As the gateway measures it: from the arrival of the last frame with speech."""
    await speaker.stream(_CLIP)
    result = await listener.receive("result")
    assert result["speaker_name"] == "Dan"
    return float(result["latency_ms"])
