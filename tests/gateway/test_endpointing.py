import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from babblefish.audio import FRAME_MS, FRAME_SAMPLES, Samples
from babblefish.gateway.endpointing import (
    Began,
    Boundary,
    Continued,
    Ended,
    Endpointer,
    Limits,
    Paused,
    Resumed,
)

LIMITS = Limits(
    threshold=0.5, pause_ms=160, endpoint_ms=480, min_voice_ms=128, max_utterance_ms=4000
)
VOICE, BREATH, HUSH = 0.99, 0.4, 0.01

probabilities = st.lists(
    st.tuples(st.sampled_from([VOICE, 0.6, BREATH, HUSH]), st.integers(1, 40)), max_size=20
).map(lambda runs: [probability for probability, count in runs for _ in range(count)])


def frame(number: int) -> Samples:
    """A frame that can be told from every other."""
    return np.full(FRAME_SAMPLES, number, np.float32)


def run(scores: list[float], *, flush: bool = True) -> list[Boundary]:
    endpointer = Endpointer(LIMITS)
    boundaries = [b for n, score in enumerate(scores) for b in endpointer.step(frame(n), score)]
    return boundaries + endpointer.flush() if flush else boundaries


def kinds(boundaries: list[Boundary]) -> list[str]:
    """Their names, runs of `Continued` as one."""
    names: list[str] = []
    for boundary in boundaries:
        name = type(boundary).__name__
        if not (names and names[-1] == name == "Continued"):
            names.append(name)
    return names


def frames_of(boundaries: list[Boundary]) -> list[int]:
    parts = [b.samples for b in boundaries if isinstance(b, Began | Continued | Resumed)]
    return [int(n) for part in parts for n in part[::FRAME_SAMPLES]]


def ms(count: float) -> int:
    """Milliseconds as frames."""
    return round(count / FRAME_MS)


def test_silence_is_nothing() -> None:
    assert run([HUSH] * 1000) == []


def test_a_sentence_begins_before_its_first_voice_and_ends_after_the_endpoint() -> None:
    scores = [HUSH] * 20 + [VOICE] * 30 + [HUSH] * 40
    boundaries = run(scores, flush=False)
    assert kinds(boundaries) == ["Began", "Continued", "Paused", "Ended"]
    assert boundaries[-1] == Ended(speech=True)
    first, *_, last = frames_of(boundaries)
    assert first == 20 + 2 - 10
    assert last == 20 + 30 + ms(160) - 1


def test_the_speaker_may_go_on_after_a_pause() -> None:
    boundaries = run([VOICE] * 20 + [HUSH] * 10 + [VOICE] * 20 + [HUSH] * 20, flush=False)
    assert kinds(boundaries) == [
        "Began", "Continued", "Paused", "Resumed", "Continued", "Paused", "Ended",
    ]  # fmt: skip
    frames = frames_of(boundaries)
    assert frames == list(range(frames[0], frames[-1] + 1))


def test_a_cough_is_no_speech() -> None:
    assert run([0.7] * 12 + [HUSH] * 20)[-1] == Ended(speech=False)
    assert run([VOICE] * 3 + [HUSH] * 20)[-1] == Ended(speech=False)
    assert run([VOICE] * 4 + [HUSH] * 20)[-1] == Ended(speech=True)


def test_breath_keeps_an_utterance_alive_but_begins_none() -> None:
    assert run([BREATH] * 100) == []
    assert kinds(run([VOICE] * 5 + [BREATH] * 60, flush=False)) == ["Began", "Continued"]


def test_long_speech_is_committed_at_a_mere_pause() -> None:
    clause = [VOICE] * ms(2200) + [HUSH] * ms(160)
    assert kinds(run(clause + [VOICE] * 10, flush=False))[:4] == [
        "Began", "Continued", "Paused", "Ended",
    ]  # fmt: skip


def test_endless_speech_is_cut_and_nothing_of_it_lost() -> None:
    boundaries = run([VOICE] * ms(15_000))
    assert kinds(boundaries).count("Ended") >= 3
    assert frames_of(boundaries) == list(range(ms(15_000)))


def test_a_flush_ends_what_is_under_way_and_nothing_else() -> None:
    assert kinds(run([VOICE] * 20)) == ["Began", "Continued", "Ended"]
    endpointer = Endpointer(LIMITS)
    assert endpointer.flush() == []


@given(probabilities)
def test_every_utterance_begins_once_and_ends_once(scores: list[float]) -> None:
    open_, paused = False, False
    for boundary in run(scores):
        match boundary:
            case Began():
                assert not open_
                open_, paused = True, False
            case Continued():
                assert open_
                assert not paused
            case Paused():
                assert open_
                assert not paused
                paused = True
            case Resumed():
                assert paused
                paused = False
            case Ended():
                assert open_
                open_ = False
    assert not open_


@given(probabilities)
def test_no_frame_is_heard_twice_and_none_out_of_order(scores: list[float]) -> None:
    frames = frames_of(run(scores))
    assert frames == sorted(set(frames))


@given(probabilities)
def test_every_voiced_frame_is_in_an_utterance(scores: list[float]) -> None:
    heard = set(frames_of(run(scores)))
    for n, (before, score) in enumerate(zip([0.0, *scores], scores, strict=False)):
        if min(before, score) >= LIMITS.threshold:
            assert n in heard


@given(probabilities)
def test_no_utterance_is_longer_than_allowed(scores: list[float]) -> None:
    length = 0
    for boundary in run(scores):
        if isinstance(boundary, Began):
            length = 0
        if isinstance(boundary, Began | Continued | Resumed):
            length += len(boundary.samples) // FRAME_SAMPLES
            assert length * FRAME_MS <= LIMITS.max_utterance_ms + FRAME_MS
