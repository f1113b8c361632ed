"""How the phone's page hears and keeps what it heard: capture, voice gate, resume, layout."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from playwright.async_api import Browser, Page, WebSocket, async_playwright, expect
from websockets import ConnectionClosed
from websockets.asyncio.server import ServerConnection, serve

from babblefish.audio import SAMPLE_RATE, Samples, to_pcm16
from tests.support import speech
from tests.support.phone import joined
from tests.support.server import Server
from tests.test_page import OPTIONS, join, open_page

pytestmark = pytest.mark.browser

FRAME_BYTES = 640
MAX_KEPT_BYTES = 30 * SAMPLE_RATE * 2
RATES = [48000, 44100, 16000]
Message = dict[str, Any]


@asynccontextmanager
async def chromium_hearing(
    path: Path, heard: Samples, rate: int = SAMPLE_RATE, play: str = ""
) -> AsyncIterator[Browser]:
    """A phone whose microphone hears these samples, again and again unless `play` is `%noloop`."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(to_pcm16(heard))
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*OPTIONS, f"--use-file-for-fake-audio-capture={path}{play}"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def browser(tmp_path: Path, rng: np.random.Generator) -> AsyncIterator[Browser]:
    """A phone in a quiet room."""
    async with chromium_hearing(tmp_path / "faint.wav", noise(rng, 4, -66)) as chromium:
        yield chromium


def noise(rng: np.random.Generator, seconds: float, dbfs: float) -> Samples:
    samples = rng.standard_normal(round(seconds * SAMPLE_RATE)) * 10 ** (dbfs / 20)
    return samples.astype(np.float32)


# ── the resampler ────────────────────────────────────────────────────────────────────────────

RESAMPLE = """({ rate, hertz, seconds, block }) => {
  const resampler = new Resampler(rate);
  const heard = [];
  const input = Float32Array.from(
    { length: rate * seconds }, (_, i) => 0.5 * Math.sin(2 * Math.PI * hertz * i / rate));
  for (let at = 0; at < input.length; at += block)
    for (const sample of input.subarray(at, at + block))
      resampler.push(sample, (output) => heard.push(output));
  return heard;
}"""


async def resampled(page: Page, rate: int, hertz: float, seconds: float = 1) -> Samples:
    settings = {"rate": rate, "hertz": hertz, "seconds": seconds, "block": 128}
    return np.asarray(await page.evaluate(RESAMPLE, settings), np.float32)


def level_db(samples: Samples) -> float:
    settled = samples[SAMPLE_RATE // 100 :]
    return float(20 * np.log10(np.sqrt(2 * np.mean(settled**2)) / 0.5 + 1e-9))


async def test_resampling_keeps_speech_and_its_duration(browser: Browser, server: Server) -> None:
    page = await open_page(browser, server.http, [])
    for rate in RATES:
        for hertz in (100, 1000, 5000):
            tone = await resampled(page, rate, hertz)
            assert abs(level_db(tone)) < 0.5, (rate, hertz)
            assert len(tone) == SAMPLE_RATE, rate


async def test_resampling_has_no_seams(browser: Browser, server: Server) -> None:
    page = await open_page(browser, server.http, [])
    turning = np.exp(2j * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    for rate in RATES:
        tone = await resampled(page, rate, 1000)
        pure = (2 * np.mean(tone * turning.conj()) * turning).real
        residue = np.abs(tone - pure)[320:-320].max() / 0.5
        assert 20 * np.log10(residue) < -50, rate


async def test_resampling_damps_what_would_fold_back(browser: Browser, server: Server) -> None:
    page = await open_page(browser, server.http, [])
    for rate in (48000, 44100):
        for hertz in (9000, 10_000, 15_000, 20_000):
            assert level_db(await resampled(page, rate, hertz)) < -30, (rate, hertz)


# ── the voice gate ───────────────────────────────────────────────────────────────────────────

GATE = """(samples) => {
  const gate = new VoiceGate();
  const passed = [];
  for (let number = 0; 320 * (number + 1) <= samples.length; number++) {
    const frame = Int16Array.from(samples.slice(320 * number, 320 * (number + 1)));
    frame.number = number;
    passed.push(...gate.take(frame, VoiceGate.level(frame)).map((sent) => sent.number));
  }
  return passed;
}"""


def first_to_last_voice(samples: Samples) -> Samples:
    return speech.utterance(speech.utterance(samples, lead_s=0)[::-1], lead_s=0)[::-1]


async def frames_passed(page: Page, heard: Samples) -> list[int]:
    pcm = np.frombuffer(to_pcm16(heard), np.int16).tolist()
    passed: list[int] = await page.evaluate(GATE, pcm)
    return passed


@pytest.mark.parametrize("room_db", [-90, -66, -45])
async def test_no_word_loses_its_beginning(
    browser: Browser, server: Server, rng: np.random.Generator, room_db: float
) -> None:
    page = await open_page(browser, server.http, [])
    clips = (speech.go_forward(), speech.go_somewhere(), speech.numbers(), speech.front_center())
    for spoken in map(first_to_last_voice, clips):
        heard = np.concatenate([speech.silence(3), spoken, speech.silence(4)])
        heard += noise(rng, 60, room_db)[: len(heard)]
        passed = await frames_passed(page, heard)
        first, last = 150, 150 + len(spoken) // 320
        assert passed == sorted(set(passed)), "frames in order, each once"
        assert set(range(first - 15, last + 1)) <= set(passed), "300 ms before, and no hole"
        assert max(passed) < last + 60, "silence is not sent for long"


async def test_steady_noise_is_not_sent(
    browser: Browser, server: Server, rng: np.random.Generator
) -> None:
    page = await open_page(browser, server.http, [])
    for room_db in (-80, -60, -45):
        assert await frames_passed(page, noise(rng, 6, room_db)) == [], room_db


async def test_a_fan_that_starts_is_learnt(
    browser: Browser, server: Server, rng: np.random.Generator
) -> None:
    page = await open_page(browser, server.http, [])
    heard = np.concatenate([noise(rng, 2, -60), noise(rng, 25, -40)])
    passed = await frames_passed(page, heard)
    assert passed
    assert max(passed) < 20 * 50


async def test_whoever_speaks_at_once_is_heard(browser: Browser, server: Server) -> None:
    page = await open_page(browser, server.http, [])
    spoken = speech.utterance(speech.go_forward(), lead_s=0)
    assert min(await frames_passed(page, spoken)) == 0


# ── the real microphone ──────────────────────────────────────────────────────────────────────


def count_uplink(page: Page) -> list[int]:
    """The size of every message the page sends from here on."""
    sizes: list[int] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: sizes.append(len(payload)))

    page.on("websocket", watch)
    return sizes


async def test_silence_costs_nothing(browser: Browser, server: Server, session: str) -> None:
    complaints: list[str] = []
    page = await open_page(browser, server.http, complaints)
    sizes = count_uplink(page)
    await join(page, session, "Dan", "en")
    await page.evaluate(
        """() => {
          window.levels = 0;
          new MutationObserver((changes) => { window.levels += changes.length; })
            .observe(document.getElementById("mic"), { attributeFilter: ["style"] });
        }"""
    )
    await page.click("#mic")
    await expect(page.locator("#mic-note")).to_contain_text("Listening")
    sizes.clear()
    await asyncio.sleep(5)
    assert sum(sizes) * 8 / 5 < 1000
    assert 5 < await page.evaluate("window.levels") < 5.5 * 15, "the ring lives, and rests"
    assert complaints == []


@pytest.mark.parametrize("rate", RATES)
async def test_speech_is_understood_at_every_rate(
    tmp_path: Path, server: Server, session: str, rate: int
) -> None:
    heard = np.concatenate([speech.silence(1.5), speech.go_forward(), speech.silence(5)])
    at_rate = np.asarray(soxr.resample(heard, SAMPLE_RATE, rate), np.float32)
    complaints: list[str] = []
    async with (
        chromium_hearing(tmp_path / "speech.wav", at_rate, rate, "%noloop") as chromium,
        joined(server.ws, session, "Ana", "es") as ana,
    ):
        page = await open_page(chromium, server.http, complaints)
        # As a phone whose own rate this is.
        await page.evaluate(
            """(sampleRate) => {
              const Native = AudioContext;
              window.AudioContext = class extends Native {
                constructor() { super({ sampleRate }); window.rate = this.sampleRate; }
              };
            }""",
            rate,
        )
        await join(page, session, "Dan", "en")
        await page.click("#mic")
        own = page.locator('.caption[data-kind="own"] .text')
        await expect(own).to_have_text("Go forward ten meters", timeout=15_000)
        assert (await ana.receive("result"))["transcript"] == "Go forward ten meters"
        assert await page.evaluate("window.rate") == rate
    assert complaints == []


# ── resume ───────────────────────────────────────────────────────────────────────────────────


@dataclass
class Line:
    """One socket of the page: what it said, and what it was answered."""

    socket: ServerConnection
    said: list[Message] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)

    @property
    def join(self) -> Message:
        return self.said[0]

    def types(self) -> list[str]:
        return [message["type"] for message in self.said]

    async def tell(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    def cut(self) -> None:
        """As a train in a tunnel: no close, no goodbye."""
        self.socket.transport.abort()

    async def read(self) -> None:
        async for message in self.socket:
            if isinstance(message, bytes):
                self.audio += message
                self.order.append("audio")
            else:
                self.said.append(json.loads(message))
                self.order.append(self.said[-1]["type"])


class Gateway:
    """Speaks the contract of resume and nothing else; the test decides what it remembers."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.port = 0
        self.open = asyncio.Event()
        self.open.set()
        self.answer: Message = {}

    async def handle(self, socket: ServerConnection) -> None:
        line = Line(socket)
        await self.open.wait()
        try:
            line.said.append(json.loads(await socket.recv()))
            await line.tell(**{**JOINED, **self.answer})
            self.lines.append(line)
            await line.read()
        except ConnectionClosed:
            pass

    async def line(self, number: int) -> Line:
        await until(lambda: len(self.lines) > number)
        return self.lines[number]


ALL = ["en", "es"]
JOINED: Message = {
    "seq": 1,
    "type": "joined",
    "client_id": "me",
    "session": "tunnel",
    "participants": [{"client_id": "me", "name": "Dan", "language": "en"}],
    "languages": {"speak": ALL, "read": ALL, "hear": ALL, "write": ALL},
    "heartbeat_s": 15,
    "resume_token": "one",
    "received": 0,
    "capabilities": {"resume": True},
}


async def until(true: Callable[[], bool], deadline_s: float = 15) -> None:
    async with asyncio.timeout(deadline_s):
        while not true():
            await asyncio.sleep(0.02)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    fake = Gateway()
    async with serve(fake.handle, "127.0.0.1", 0, max_size=None) as running:
        fake.port = next(iter(running.sockets)).getsockname()[1]
        yield fake
        fake.open.set()


async def join_fake(browser: Browser, server: Server, gateway: Gateway) -> tuple[Page, Line]:
    page = await open_page(browser, server.http, [])
    await page.evaluate("() => { document.getElementById('connection').open = true; }")
    await page.fill("#server", f"ws://127.0.0.1:{gateway.port}/ws/client")
    await join(page, "tunnel", "Dan", "en")
    return page, await gateway.line(0)


def frame(number: int) -> bytes:
    return number.to_bytes(4, "little") * (FRAME_BYTES // 4)


def frames(begin: int, end: int) -> bytes:
    return b"".join(map(frame, range(begin, end)))


async def capture(page: Page, begin: int, end: int) -> None:
    """As if the microphone had heard these frames; each is recognisable."""
    await page.evaluate(
        """([begin, end]) => {
          for (let number = begin; number < end; number++)
            onFrame({ pcm: new Uint32Array(160).fill(number).buffer, ageMs: 0 });
        }""",
        [begin, end],
    )


async def go_into_tunnel(page: Page, gateway: Gateway, line: Line) -> None:
    gateway.open.clear()
    line.cut()
    await expect(page.locator("#state")).to_have_attribute("data-state", "reconnecting")


async def come_out(page: Page, gateway: Gateway, **answer: object) -> Line:
    gateway.answer = {"resume_token": "two", **answer}
    gateway.open.set()
    await expect(page.locator("#state")).to_have_attribute(
        "data-state", "connected", timeout=20_000
    )
    return gateway.lines[-1]


async def settled(line: Line) -> None:
    """Everything the page sent until now has arrived."""
    size = -1
    while size != len(line.audio) + len(line.said):
        size = len(line.audio) + len(line.said)
        await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    "received", [0, 12 * FRAME_BYTES, 12 * FRAME_BYTES + 333, 40 * FRAME_BYTES]
)
async def test_after_a_drop_exactly_the_missing_audio_is_sent_again(
    browser: Browser, server: Server, gateway: Gateway, received: int
) -> None:
    page, first = await join_fake(browser, server, gateway)
    await capture(page, 0, 40)
    await settled(first)
    assert first.audio == frames(0, 40)
    await go_into_tunnel(page, gateway, first)
    await capture(page, 40, 70)
    second = await come_out(page, gateway, received=received)
    await capture(page, 70, 80)
    await settled(second)
    assert (second.join["resume"], second.join["last_seq"]) == ("one", 1)
    assert second.audio == frames(0, 80)[received:]
    # And once more, by the token that was rotated.
    await go_into_tunnel(page, gateway, second)
    third = await come_out(page, gateway, received=75 * FRAME_BYTES)
    await settled(third)
    assert third.join["resume"] == "two"
    assert third.audio == frames(75, 80)
    assert await page.evaluate("window.babblefish.dropped") == 0


async def test_settled_audio_is_forgotten(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    page, first = await join_fake(browser, server, gateway)
    await capture(page, 0, 40)
    await first.tell(seq=2, type="received", bytes=30 * FRAME_BYTES)
    await page.wait_for_function("() => spool.items.length === 10")
    await go_into_tunnel(page, gateway, first)
    second = await come_out(page, gateway, received=35 * FRAME_BYTES)
    await settled(second)
    assert second.join["last_seq"] == 2
    assert second.audio == frames(35, 40)


async def test_a_long_tunnel_keeps_the_newest_thirty_seconds(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    page, first = await join_fake(browser, server, gateway)
    await capture(page, 0, 100)
    await settled(first)
    await go_into_tunnel(page, gateway, first)
    await capture(page, 100, 2000)
    second = await come_out(page, gateway, received=90 * FRAME_BYTES)
    await settled(second)
    assert len(second.audio) == MAX_KEPT_BYTES
    assert second.audio == frames(500, 2000)
    # The count goes on from the server's, not from what was captured.
    await capture(page, 2000, 2010)
    await settled(second)
    await go_into_tunnel(page, gateway, second)
    third = await come_out(page, gateway, received=(90 + 1500) * FRAME_BYTES)
    await settled(third)
    assert third.audio == frames(2000, 2010)


async def test_end_of_speech_in_a_tunnel_follows_its_audio(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    page, first = await join_fake(browser, server, gateway)
    await page.click("#mic")
    await expect(page.locator("#mic-note")).to_contain_text("Listening")
    await capture(page, 0, 10)
    await go_into_tunnel(page, gateway, first)
    await expect(page.locator("#mic-note")).to_contain_text("heard later")
    await capture(page, 10, 20)
    await page.click("#mic")
    second = await come_out(page, gateway, received=10 * FRAME_BYTES)
    await settled(second)
    assert second.audio == frames(10, 20)
    assert second.order == [*["audio"] * 10, "end_of_speech"]


async def test_a_server_that_forgot_gets_a_fresh_start(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    page, first = await join_fake(browser, server, gateway)
    await capture(page, 0, 40)
    await page.fill("#say", "Lost")
    await page.press("#say", "Enter")
    await first.tell(seq=9, **caption("a", "before"))
    await expect(page.locator(".caption")).to_have_count(1)
    await go_into_tunnel(page, gateway, first)
    await capture(page, 40, 50)
    someone = [{"client_id": "new", "name": "Dan", "language": "en"}]
    second = await come_out(page, gateway, client_id="new", participants=someone)
    await capture(page, 50, 55)
    await settled(second)
    assert second.audio == frames(50, 55)
    assert second.types() == ["join"]
    await second.tell(seq=2, **caption("b", "after"))
    await expect(page.locator(".caption")).to_have_count(2)


def caption(utterance: str, text: str, final: bool = True, **more: object) -> Message:
    return {
        "type": "partial",
        "utterance_id": utterance,
        "speaker_id": "ana",
        "speaker_name": "Ana",
        "language": "en",
        "text": text,
        "final": final,
        **more,
    }


async def test_nothing_is_shown_twice(browser: Browser, server: Server, gateway: Gateway) -> None:
    page, first = await join_fake(browser, server, gateway)
    await first.tell(seq=2, **caption("a", "one"))
    await first.tell(seq=3, **caption("b", "tw", final=False))
    texts = page.locator(".caption .text")
    await expect(texts).to_have_text(["one", "tw"])
    await go_into_tunnel(page, gateway, first)
    second = await come_out(page, gateway, seq=3)
    assert second.join["last_seq"] == 3
    await expect(texts).to_have_text(["one", "tw"])
    await second.tell(seq=2, **caption("a", "one again"))
    await second.tell(seq=3, **caption("c", "three again"))
    await second.tell(seq=4, **caption("b", "two"))
    await second.tell(seq=4, **caption("d", "four again"))
    await second.tell(seq=5, **caption("e", "three"))
    await expect(texts).to_have_text(["one", "two", "three"])


async def test_typed_texts_are_sent_until_they_were_seen(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    page, first = await join_fake(browser, server, gateway)
    for number in range(23):
        await page.fill("#say", f"text {number}")
        await page.press("#say", "Enter")
    await until(lambda: len(first.said) == 24)
    typed = first.said[1:]
    assert len({message["id"] for message in typed}) == 23
    await first.tell(seq=2, **caption("a", "text 22", text_id=typed[22]["id"]))
    await first.tell(seq=3, **caption("b", "te", final=False, text_id=typed[21]["id"]))
    await expect(page.locator(".caption")).to_have_count(2)
    await go_into_tunnel(page, gateway, first)
    second = await come_out(page, gateway)
    await settled(second)
    assert second.said[1:] == typed[3:22]


async def test_a_new_language_chosen_in_a_tunnel_is_told(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    page, first = await join_fake(browser, server, gateway)
    await go_into_tunnel(page, gateway, first)
    await page.select_option("#my-language", "es")
    second = await come_out(page, gateway)
    await settled(second)
    assert second.said[1:] == [{"type": "set_language", "language": "es"}]


async def test_without_resume_a_drop_is_a_new_join(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    gateway.answer = {"capabilities": {"resume": False}, "resume_token": None}
    page, first = await join_fake(browser, server, gateway)
    await capture(page, 0, 10)
    await go_into_tunnel(page, gateway, first)
    await capture(page, 10, 20)
    second = await come_out(page, gateway, **gateway.answer)
    await capture(page, 20, 25)
    await settled(second)
    assert "resume" not in second.join
    assert second.audio == frames(20, 25)
    assert await page.evaluate("window.babblefish.dropped") == 10


# ── the small screen ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("width", "height"), [(360, 740), (390, 844)])
async def test_nothing_is_wider_than_the_phone(
    browser: Browser, server: Server, session: str, tmp_path: Path, width: int, height: int
) -> None:
    page = await open_page(browser, server.http, [])
    await page.set_viewport_size({"width": width, "height": height})
    await assert_fits(page, tmp_path / "join.png")
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    async with joined(server.ws, session, long[:60], "es") as guest:
        await join(page, session, long[:60], "en")
        await guest.send(type="text", text=long * 3)
        await expect(page.locator(".caption")).to_have_count(1)
        await assert_fits(page, tmp_path / "meeting.png")


async def assert_fits(page: Page, picture: Path) -> None:
    assert len(await page.screenshot(path=picture)) > 5000
    wide = await page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("main, main > *, .card")]
          .filter((element) => element.scrollWidth > innerWidth)
          .map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert wide == []
