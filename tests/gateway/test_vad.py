import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from babblefish.audio import FRAME_SAMPLES, PcmFramer, Samples, to_pcm16
from babblefish.gateway.vad import MAX_FRAMES, VoiceDetector
from babblefish.silero import VoiceState
from tests.support import noise, speech


@pytest.fixture
async def detector() -> AsyncIterator[VoiceDetector]:
    async with VoiceDetector() as running:
        yield running


def frames_of(samples: Samples) -> list[Samples]:
    return PcmFramer().feed(to_pcm16(samples))


async def scores(detector: VoiceDetector, samples: Samples) -> list[float]:
    state, frames, judged = VoiceState(), frames_of(samples), list[float]()
    for at in range(0, len(frames), MAX_FRAMES):
        judged += await detector.score(state, frames[at : at + MAX_FRAMES])
    return judged


async def test_speech_is_told_from_silence(detector: VoiceDetector) -> None:
    judged = await scores(detector, np.concatenate([speech.go_forward(), speech.silence(1)]))
    assert max(judged[:10]) < 0.3
    assert np.mean(np.array(judged[20:65]) > 0.9) > 0.9
    assert max(judged[-20:]) < 0.3


@pytest.mark.parametrize("kind", ["silence", "white noise", "pink noise", "music"])
async def test_noise_is_no_voice_beyond_doubt(
    detector: VoiceDetector, kind: str, rng: np.random.Generator
) -> None:
    assert max(await scores(detector, noise.KINDS[kind](20, rng))) < 0.9


async def test_phones_in_one_batch_are_judged_as_if_alone(detector: VoiceDetector) -> None:
    clips = [speech.go_forward(), speech.numbers(), speech.front_center(), speech.silence(2)]
    alone = [await scores(detector, clip) for clip in clips]
    together = await asyncio.gather(*(scores(detector, clip) for clip in clips))
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


async def test_batches_of_any_size_judge_a_stream_alike(detector: VoiceDetector) -> None:
    frames, state = frames_of(speech.go_forward()), VoiceState()
    singly = [(await detector.score(state, [frame]))[0] for frame in frames[:40]]
    assert singly == pytest.approx((await scores(detector, speech.go_forward()))[:40], abs=1e-4)


async def test_who_gives_up_holds_up_nobody(detector: VoiceDetector) -> None:
    frame = np.zeros(FRAME_SAMPLES, np.float32)
    given_up = asyncio.create_task(detector.score(VoiceState(), [frame]))
    await asyncio.sleep(0)
    given_up.cancel()
    assert len(await detector.score(VoiceState(), [frame])) == 1


async def test_a_frame_of_the_wrong_size_is_an_error_and_the_next_is_judged(
    detector: VoiceDetector,
) -> None:
    with pytest.raises(ValueError, match="dimension"):
        await detector.score(VoiceState(), [np.zeros((2, 2), np.float32)])
    assert len(await detector.score(VoiceState(), [np.zeros(FRAME_SAMPLES, np.float32)])) == 1
