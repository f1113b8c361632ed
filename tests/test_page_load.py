"""What the phone's page costs the phone."""

from pathlib import Path
from statistics import median

import pytest
from bench import page as bench

from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_talking_and_listening_leave_the_main_thread_free(
    tmp_path: Path, server: Server, session: str
) -> None:
    async with bench.talkative(tmp_path / "microphone.wav") as chromium:
        load = await bench.talking(chromium, server, session)
    measured_s = bench.WINDOWS * bench.WINDOW_S
    assert measured_s >= 20
    assert load.sent_s > 0.8 * measured_s, "it streamed"
    assert load.voices >= 3, "and played"
    assert median(load.percent) <= bench.AIM_PERCENT, load.percent
