"""What the phone's page plays of stock and own voices: everything that sounds is recorded.

Every sentence has two tones of its own, one for each voice, so that what sounds says what it is.
"""

import asyncio
import base64
import io
import wave
from collections.abc import AsyncIterator
from itertools import groupby, pairwise
from typing import Literal

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect
from websockets.asyncio.server import serve

from babblefish.audio import Samples, to_pcm16
from tests.support.server import Server
from tests.test_page_capture import (
    Gateway,
    Line,
    come_out,
    go_into_tunnel,
    join_fake,
)
from tests.test_page_consent import CLONING, browser  # noqa: F401 (a fixture)

pytestmark = pytest.mark.browser

RATE = 24_000
LEVEL = 0.3
FRAME_S = 0.02
FADE_S = 0.05
SPEECH_S = 1.5
CLONE_WAIT_S = 1.5
Voice = Literal["stock", "own"]
Choice = Literal["sequential", "replace", "stock"]

# In place of the loudspeaker's cable: every sample that leaves the page.
RECORD = """async () => {
  const recorder = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process([[samples]]) {
      this.port.postMessage(samples ? samples.slice() : new Float32Array(128));
      return true;
    }
  });`;
  const url = URL.createObjectURL(new Blob([recorder], { type: "text/javascript" }));
  await player.context.audioWorklet.addModule(url);
  const node = new AudioWorkletNode(player.context, "recorder");
  window.recorded = [];
  node.port.onmessage = ({ data }) => window.recorded.push(data);
  player.meter.connect(node).connect(player.context.destination);
}"""
RECORDED = """async () => {
  const url = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(new Blob(window.recorded));
  });
  return url.slice(url.indexOf(",") + 1);
}"""
QUIET = "() => !player.current && !player.waiting.length"
WAITING = "() => !player.current && player.waiting.length > 0 && player.waiting[0].giveUpTimer > 0"


def hertz(sentence: int, voice: Voice) -> int:
    return 400 + 500 * sentence + (200 if voice == "own" else 0)


def wav(samples: Samples) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(to_pcm16(samples))
    return base64.b64encode(file.getvalue()).decode()


def sweep(begin_hz: float, end_hz: float, seconds: float) -> Samples:
    """A tone that rises evenly: its frequency says where in it one is."""
    at = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * (begin_hz * at + (end_hz - begin_hz) * at**2 / (2 * seconds))
    return (LEVEL * np.sin(phase)).astype(np.float32)


def tone(sentence: int, voice: Voice, seconds: float) -> Samples:
    return sweep(hertz(sentence, voice), hertz(sentence, voice), seconds)


class Room:
    """Where Dan's phone lies: what the gateway tells it, and what is heard of it."""

    def __init__(self, page: Page, line: Line) -> None:
        self.page = page
        self.line = line
        self.seq = 1
        self.rate = 0

    async def choose(self, choice: Choice) -> None:
        await self.page.click("#open-voices")
        await self.page.select_option("#playback", choice)
        await self.page.click("#close-voices")

    async def record(self) -> None:
        await self.page.evaluate(RECORD)
        self.rate = await self.page.evaluate("player.context.sampleRate")

    async def told(self, kind: str, **fields: object) -> None:
        self.seq += 1
        await self.line.tell(type=kind, seq=self.seq, **fields)

    async def result(
        self, sentence: int, speech: Samples | None = None, *, own: bool = True
    ) -> None:
        if speech is None:
            speech = tone(sentence, "stock", SPEECH_S)
        await self.told(
            "result",
            **said(sentence),
            transcript="hola",
            translation="hello",
            source_language="es",
            tts_audio=wav(speech),
            tts_voice="kokoro",
            has_f5_pending=own,
            latency_ms=2000,
        )

    async def cloned(self, sentence: int, speech: Samples | None = None) -> None:
        if speech is None:
            speech = tone(sentence, "own", SPEECH_S)
        await self.told("f5_result", **said(sentence), tts_audio=wav(speech), tts_voice="f5_cloned")

    async def sounds(self, sentence: int) -> None:
        """Waits until that sentence is heard."""
        await self.page.wait_for_function(
            "id => player.current?.id === id && isSounding()", arg=f"u{sentence}"
        )

    async def played(self, number: int) -> None:
        """Waits until so many sentences were, and nothing is left to play."""
        await self.page.wait_for_function(f"() => window.babblefish.played === {number}")
        await self.page.wait_for_function(QUIET)

    async def taken(self) -> None:
        """Waits until the page has handled everything that it was told."""
        await self.page.wait_for_function("seq => link.seq === seq", arg=self.seq)

    async def recording(self) -> Samples:
        data = base64.b64decode(await self.page.evaluate(RECORDED))
        return np.frombuffer(data, np.float32)

    async def heard(self, sentences: int = 8) -> list[tuple[int, Voice]]:
        return sequence(await self.recording(), self.rate, sentences)


def said(sentence: int) -> dict[str, object]:
    return {
        "utterance_id": f"u{sentence}",
        "client_id": "ana",
        "speaker_id": "ana",
        "speaker_name": "Ana",
        "target_language": "en",
    }


def sequence(samples: Samples, rate: int, sentences: int) -> list[tuple[int, Voice]]:
    """Which sentence is heard in which voice, in order; at no time two sentences."""
    frames = samples[: len(samples) // round(FRAME_S * rate) * round(FRAME_S * rate)]
    frames = frames.reshape(-1, round(FRAME_S * rate))
    voices: tuple[Voice, Voice] = ("stock", "own")
    every = [(sentence, voice) for sentence in range(sentences) for voice in voices]
    turning = 2j * np.pi * np.arange(frames.shape[1]) / rate
    waves = np.exp(-np.outer(turning, [hertz(*one) for one in every]))
    loud = 2 * np.abs(frames @ waves) / frames.shape[1] > LEVEL / 4
    # In one frame the one may end and the next begin.
    both = [len({every[at][0] for at in np.flatnonzero(frame)}) > 1 for frame in loud]
    assert not any(a and b for a, b in pairwise(both)), "two sentences at once"
    sounding = [tuple(every[at] for at in np.flatnonzero(frame)) for frame in loud]
    lone = [frame[0] for frame in sounding if len(frame) == 1]
    return [one for one, _ in groupby(lone)]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    fake = Gateway()
    fake.answer = {"capabilities": CLONING}
    async with serve(fake.handle, "127.0.0.1", 0, max_size=None) as running:
        fake.port = next(iter(running.sockets)).getsockname()[1]
        yield fake
        fake.open.set()


@pytest.fixture
async def room(browser: Browser, server: Server, gateway: Gateway) -> AsyncIterator[Room]:  # noqa: F811
    page, line = await join_fake(browser, server, gateway)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    room = Room(page, line)
    await room.record()
    yield room
    assert complaints == []


# ── sequential ───────────────────────────────────────────────────────────────────────────────


async def test_stock_now_and_from_the_next_sentence_on_the_own_voice(room: Room) -> None:
    await room.result(0)
    await room.sounds(0)
    await room.cloned(0)
    await room.played(1)
    for sentence in (1, 2):
        await room.result(sentence)
        await room.page.wait_for_function(WAITING)
        assert not await room.page.evaluate("isSounding()"), "and the microphone is free"
        await room.cloned(sentence)
        await room.played(sentence + 1)
    assert await room.heard() == [(0, "stock"), (1, "own"), (2, "own")]
    marks = room.page.locator(".caption .voice")
    await expect(marks).to_have_text(["kokoro", "own voice, synthetic", "own voice, synthetic"])
    told = [message["utterance_id"] for message in room.line.said if message["type"] == "played"]
    assert told == ["u0", "u1", "u2"]


async def trusted(room: Room) -> None:
    """Sentence 0 came soon in its speaker's own voice: the next ones are waited for."""
    await room.result(0, tone(0, "stock", 0.3))
    await room.cloned(0)
    await room.played(1)


async def test_an_own_voice_that_does_not_come_is_not_waited_for_long(room: Room) -> None:
    await trusted(room)
    before = len(await room.recording())
    await room.result(1)
    await room.played(2)
    await room.result(2)
    await room.played(3)
    assert await room.heard() == [(0, "stock"), (1, "stock"), (2, "stock")]
    after = (await room.recording())[before:]
    first, *pauses = silences(after, room.rate)
    assert CLONE_WAIT_S - 0.1 < first < CLONE_WAIT_S + 1
    assert pauses[0] < 1, "and nobody waits for the next"
    await room.cloned(2)
    await room.cloned(1)
    await room.taken()
    assert await room.page.evaluate(QUIET), "what comes too late is not heard"


def silences(samples: Samples, rate: int) -> list[float]:
    """Seconds of each pause, from the first on."""
    frames = samples[: len(samples) // 128 * 128].reshape(-1, 128)
    quiet = np.abs(frames).max(1) < LEVEL / 100
    return [len(list(run)) * 128 / rate for still, run in groupby(quiet) if still]


async def test_when_the_laptop_goes_nobody_waits_for_it(room: Room) -> None:
    await trusted(room)
    await room.result(1)
    await room.page.wait_for_function(WAITING)
    await room.told("accelerator", connected=0, languages=[])
    await room.taken()
    assert await room.page.evaluate("player.current?.id") == "u1"
    await room.played(2)
    assert (await room.heard())[-1] == (1, "stock")


async def test_whose_voice_is_not_cloned_is_not_waited_for(room: Room) -> None:
    await trusted(room)
    await room.result(1, own=False)
    await room.taken()
    assert await room.page.evaluate("player.current?.id") == "u1"


# ── replace ──────────────────────────────────────────────────────────────────────────────────

STOCK_S, OWN_S = 3.0, 2.0
BEGIN_HZ, END_HZ = 1000.0, 3000.0


async def test_the_own_voice_goes_on_where_the_stock_voice_is(room: Room) -> None:
    await room.choose("replace")
    await room.result(0, sweep(400, 400, STOCK_S))
    await room.sounds(0)
    await room.page.wait_for_function(
        "() => player.context.currentTime > player.current.startedAt + 0.8"
    )
    await room.cloned(0, sweep(BEGIN_HZ, END_HZ, OWN_S))
    await room.played(1)
    heard = speech_in(await room.recording(), room.rate)

    at = switch(heard, room.rate)
    share = at / STOCK_S
    assert 0.8 / STOCK_S < share < 0.9
    rest_s = len(heard) / room.rate - at
    assert rest_s == pytest.approx((1 - share) * OWN_S, abs=0.03), "the rest of it, and no more"
    settled_at = at + 2 * FADE_S
    expected = BEGIN_HZ + (END_HZ - BEGIN_HZ) * (share + 2 * FADE_S / OWN_S)
    assert frequency(heard, room.rate, settled_at) == pytest.approx(expected, abs=30)

    loudness = np.sqrt(2 * np.mean(blocks(heard, room.rate, 0.01) ** 2, axis=1)) / LEVEL
    assert loudness[1:-1].min() > 0.8, "no gap"
    assert loudness.max() < 1.25, "nor a bump"
    assert splash_db(heard, room.rate) < -60, "nor a click"
    await expect(room.page.locator(".caption .voice")).to_have_text("own voice, synthetic")


def speech_in(samples: Samples, rate: int) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > LEVEL / 50)
    return samples[loud[0] : loud[-1] + 1]


def blocks(samples: Samples, rate: int, seconds: float) -> Samples:
    size = round(seconds * rate)
    return samples[: len(samples) // size * size].reshape(-1, size)


def frequency(samples: Samples, rate: int, at: float) -> float:
    """Of the strongest tone in the 20 ms around that second."""
    half = rate // 100
    middle = round(at * rate)
    heard = samples[middle - half : middle + half] * np.hanning(2 * half)
    spectrum = np.abs(np.fft.rfft(heard, 1 << 16))
    return float(np.argmax(spectrum) * rate / (1 << 16))


def switch(samples: Samples, rate: int) -> float:
    """When the first voice gives way to another: the middle of the fade."""
    tones = [
        frequency(samples, rate, at) for at in np.arange(0.01, len(samples) / rate - 0.01, 0.005)
    ]
    return 0.01 + 0.005 * next(at for at, hz in enumerate(tones) if hz > 700)


def splash_db(samples: Samples, rate: int) -> float:
    """What sounds above 6 kHz at its loudest, beside what is heard: a click is a splash there."""
    inner = samples[rate // 50 : -rate // 50]
    size = 1024
    frames = np.lib.stride_tricks.sliding_window_view(inner, size)[:: size // 4]
    spectra = np.abs(np.fft.rfft(frames * np.blackman(size), axis=1)) ** 2
    high = spectra[:, round(6000 * size / rate) :].sum(1).max()
    return float(10 * np.log10(high / spectra.sum(1).mean()))


def test_a_cut_would_be_noticed() -> None:
    cut = np.concatenate([sweep(400, 400, 1)[: RATE - 15], sweep(1000, 1000, 1)[7:]])
    assert splash_db(cut, RATE) > -40
    whole = sweep(400, 3000, 2)
    assert splash_db(whole, RATE) < -60


# Both voices are a constant, so that a click is a step; times are those at which a block begins.
FADES = """async (count) => {
  const { context: { sampleRate } } = player;
  const apart = 0.2, block = 128 / sampleRate;
  const context = new OfflineAudioContext(1, (count + 1) * apart * sampleRate, sampleRate);
  Object.assign(player, { context, output: context.destination });
  const buffer = new AudioBuffer({ length: sampleRate, sampleRate });
  buffer.getChannelData(0).fill(1);
  const times = Array.from(
    { length: count }, (_, i) => Math.ceil(i * apart / block + i % 7) * block + FADE_LEAD_S);
  for (const at of times) {
    const voice = { id: "u", sources: [] };
    sound(voice, buffer, at - 0.02, 0, 1);
    crossFade(voice, buffer, at, 0.5);
    voice.sources[1].onended = null;
    voice.sources[1].stop(at + FADE_S + 0.02);
  }
  const heard = (await context.startRendering()).getChannelData(0);
  return times.map((at) => {
    const within = heard.slice((at - 0.01) * sampleRate, (at + FADE_S + 0.01) * sampleRate);
    return Math.max(...within.subarray(1).map((sample, i) => Math.abs(sample - within[i])));
  });
}"""


async def test_no_fade_begins_or_ends_with_a_click(room: Room) -> None:
    steps = await room.page.evaluate(FADES, 200)
    assert max(steps) < 0.01


async def test_an_own_voice_that_is_there_in_time_is_the_only_one(room: Room) -> None:
    await room.choose("replace")
    await room.result(0)
    await room.sounds(0)
    await room.result(1)
    await room.cloned(1)
    await room.played(2)
    assert await room.heard() == [(0, "stock"), (1, "own")]


async def test_what_comes_too_late_is_not_heard(room: Room) -> None:
    await room.choose("replace")
    await room.result(0)
    await room.played(1)
    await room.cloned(0)
    await room.result(1)
    await room.played(2)
    assert await room.heard() == [(0, "stock"), (1, "stock")]
    await expect(room.page.locator(".caption .voice")).to_have_text(["kokoro", "kokoro"])


@pytest.mark.parametrize("how", ["toggleMute", "leaveMeeting"])
async def test_in_the_midst_of_the_fade_silence_is_silence(room: Room, how: str) -> None:
    await room.choose("replace")
    await room.result(0)
    await room.sounds(0)
    await room.page.evaluate(
        """(how) => {
          const whole = sound;
          sound = (...given) => {
            setTimeout(() => { window[how](); window.hushed = recorded.length; }, 60);
            return whole(...given);
          };
        }""",
        how,
    )
    await room.cloned(0)
    await room.page.wait_for_function("() => window.hushed && recorded.length > hushed + 200")
    samples = await room.recording()
    hushed = 128 * await room.page.evaluate("window.hushed")
    assert np.abs(samples[:hushed]).max() > LEVEL / 2
    assert np.abs(samples[hushed + round(0.1 * room.rate) :]).max() == 0


# ── all of them ──────────────────────────────────────────────────────────────────────────────


async def test_stock_only_is_stock_only(room: Room) -> None:
    await trusted(room)
    await room.choose("stock")
    await room.result(1)
    await room.taken()
    assert await room.page.evaluate("player.current?.id") == "u1", "at once"
    await room.sounds(1)
    await room.cloned(1)
    await room.result(2)
    await room.cloned(2)
    await room.played(3)
    assert await room.heard() == [(0, "stock"), (1, "stock"), (2, "stock")]
    await expect(room.page.locator(".caption .voice")).to_have_text(["kokoro"] * 3)


async def test_whoever_no_longer_wants_to_wait_does_not(room: Room) -> None:
    await trusted(room)
    await room.result(1)
    await room.page.wait_for_function(WAITING)
    await room.choose("stock")
    assert await room.page.evaluate("player.current?.id") == "u1"


@pytest.mark.parametrize("choice", ["sequential", "replace"])
async def test_whatever_comes_when_every_sentence_is_heard_once_and_in_order(
    room: Room, rng: np.random.Generator, choice: Choice
) -> None:
    await room.choose(choice)
    cloning: list[asyncio.Task[None]] = []

    async def clone(sentence: int, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await room.cloned(sentence)

    for sentence in range(8):
        await room.result(sentence, tone(sentence, "stock", rng.uniform(0.3, 0.8)))
        cloning.append(asyncio.create_task(clone(sentence, rng.uniform(0, 1))))
        await asyncio.sleep(rng.uniform(0, 0.8))
    await asyncio.gather(*cloning)
    await room.played(8)
    heard = await room.heard()
    assert [sentence for sentence, _ in groupby(heard, key=lambda one: one[0])] == list(range(8))
    if choice == "sequential":
        assert len(heard) == 8, "never both"
        assert {voice for _, voice in heard[3:]} == {"own"}
    assert all((a, b) != ("own", "stock") for (i, a), (j, b) in pairwise(heard) if i == j)


async def test_what_is_told_again_after_a_drop_is_heard_once(room: Room, gateway: Gateway) -> None:
    await room.result(0)
    await room.sounds(0)
    await room.result(1)
    await room.cloned(1)
    await room.taken()
    await go_into_tunnel(room.page, gateway, room.line)
    room.line = await come_out(room.page, gateway, seq=room.seq, capabilities=CLONING)
    await room.played(2)
    room.seq -= 2
    await room.result(1)
    await room.cloned(1)
    await room.result(2, own=False)
    await room.played(3)
    assert await room.heard() == [(0, "stock"), (1, "own"), (2, "stock")]
