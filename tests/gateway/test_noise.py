"""Silence, noise, coughs and music: no hallucinated sentence."""

import asyncio

import numpy as np
import pytest
from bench import noise as bench

from tests.support import noise
from tests.support.server import Server


@pytest.mark.slow
async def test_a_minute_of_anything_but_speech_is_no_sentence(
    server: Server, session: str, rng: np.random.Generator
) -> None:
    counts = await asyncio.gather(
        *(
            bench.sentences(server.ws, f"{session}-{number}", make(bench.SECONDS, rng))
            for number, make in enumerate(noise.KINDS.values())
        )
    )
    assert dict(zip(noise.KINDS, counts, strict=True)) == dict.fromkeys(noise.KINDS, 0)
