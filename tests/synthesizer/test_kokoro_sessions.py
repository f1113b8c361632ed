"""Sessions of few threads, several pieces at a time."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.synthesizer import kokoro_sessions
from babblefish.synthesizer.kokoro_sessions import Sessions, layout, own_cpus
from tests.micro import CHECKPOINTS

STYLE = np.full((510, 1, 256), 0.5, np.float32)


@pytest.mark.parametrize(
    ("cores", "expected"),
    [(1, (1, 1)), (2, (1, 2)), (4, (1, 4)), (8, (2, 4)), (16, (4, 4))],
)
def test_cores_are_dealt_out(cores: int, expected: tuple[int, int]) -> None:
    assert layout(cores) == expected


@given(st.integers(1, 256))
def test_threads_are_never_more_than_cores(cores: int) -> None:
    sessions, threads = layout(cores)
    assert 0 < sessions * threads <= cores < sessions * threads + 4
    assert threads <= 4


def sessions(cores: int) -> Sessions:
    folder = CHECKPOINTS / "kokoro"
    return Sessions(folder / "kokoro-v1.0.onnx", folder / "voices-v1.0.bin", cores)


@pytest.mark.parametrize("cores", [1, 2, 4, 8])
async def test_every_layout_says_the_same(cores: int) -> None:
    one, other = sessions(1), sessions(cores)
    await one.load()
    await other.load()
    expected = await one.speak("həlˈoʊ", STYLE)
    np.testing.assert_array_equal(await other.speak("həlˈoʊ", STYLE), expected)
    one.stop()
    other.stop()


def test_a_machine_that_is_shared_pins_nothing() -> None:
    assert own_cpus(len(os.sched_getaffinity(0)) + 1) == []
    if len(os.sched_getaffinity(0)) == os.cpu_count():
        assert own_cpus(os.cpu_count() or 1) == []


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU is all there is")
def test_exclusive_cores_are_recognised() -> None:
    """As the kubelet's static CPU manager gives them."""
    first = min(os.sched_getaffinity(0))

    def confined() -> list[int]:
        os.sched_setaffinity(0, {first})  # of this thread only
        return own_cpus(1)

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(confined).result() == [first]


async def test_sessions_stay_on_their_own_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    own = (cpus * 8)[:8]
    monkeypatch.setattr(kokoro_sessions, "own_cpus", lambda cores: own)
    pinned = sessions(8)
    await pinned.load()
    assert len(await pinned.speak("həlˈoʊ", STYLE))
    where = {
        frozenset(os.sched_getaffinity(thread.native_id or 0))
        for thread in threading.enumerate()
        if thread.name.startswith("kokoro")
    }
    assert where <= {frozenset(own[:4]), frozenset(own[4:])}
    pinned.stop()
