"""Who speaks, on the phone's page: names and colours are the server's, and anybody can mend it."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from babblefish.people import PALETTE
from tests.support import speech
from tests.support.inprocess import Running, ScriptedEncoder, gateway
from tests.support.phone import Phone, joined
from tests.test_page import OPTIONS, join, open_page

pytestmark = pytest.mark.browser

SAID = speech.go_forward()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with gateway(tmp_path, ScriptedEncoder()) as started:
        yield started


@pytest.fixture(params=["light", "dark"])
async def page(running: Running, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """Ana's phone, by day and by night."""
    async with async_playwright() as playwright:
        chromium: Browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=OPTIONS
        )
        complaints: list[str] = []
        opened = await open_page(chromium, running.http, complaints)
        await opened.emulate_media(color_scheme=request.param)
        await join(opened, "room", "Ana", "es")
        yield opened
        await chromium.close()
        assert complaints == []


async def says(running: Running, phone: Phone, who: str) -> None:
    assert running.encoder
    running.encoder.talking = who
    told = len(phone.all("partial"))
    await phone.burst(SAID, 3200)
    await phone.send(type="end_of_speech")
    while not any(message["final"] for message in phone.all("partial")[told:]):
        await phone.next()


def rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))})"


async def test_two_people_on_one_phone_have_a_name_and_a_colour_each(
    page: Page, running: Running
) -> None:
    async with joined(running.ws, "room", "Dan", "en") as dan:
        for who in ("dan", "pierre", "dan"):
            await says(running, dan, who)
        speakers = page.locator(".caption .speaker")
        await expect(speakers).to_have_text(["Dan", "Speaker 3", "Dan"])
        dots = await speakers.evaluate_all(
            "all => all.map(each => getComputedStyle(each, '::before').backgroundColor)"
        )
        assert dots == [rgb(PALETTE[1]), rgb(PALETTE[2]), rgb(PALETTE[1])]
        chips = page.locator("#participants .chip")
        await expect(chips).to_have_text([re.compile("You"), re.compile("Dan")])
        shown = await chips.nth(1).evaluate(
            "chip => getComputedStyle(chip, '::before').backgroundColor"
        )
        assert shown == rgb(PALETTE[1])


async def test_a_tap_on_the_name_gives_a_voice_another(page: Page, running: Running) -> None:
    async with joined(running.ws, "room", "Dan", "en") as dan:
        for who in ("dan", "pierre", "pierre"):
            await says(running, dan, who)
        speakers = page.locator(".caption .speaker")
        await speakers.nth(1).focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#naming")).to_be_visible()
        await expect(page.locator("#naming-name")).to_have_value("Speaker 3")
        await page.keyboard.type("<img src=x onerror=alert(1)>")
        await page.keyboard.press("Enter")
        await expect(page.locator("#naming")).to_be_hidden()
        name = "<img src=x onerror=alert(1)>"
        await expect(speakers).to_have_text(["Dan", name, name])
        assert await page.locator("#captions img").count() == 0
        await dan.receive("speaker", name=name)
        await speakers.nth(1).click()
        await page.keyboard.press("Escape")
        await expect(page.locator("#naming")).to_be_hidden()
        await expect(speakers.nth(1)).to_have_text(name)


async def test_who_was_recognised_late_is_named_where_the_caption_already_is(
    page: Page, running: Running
) -> None:
    assert running.encoder
    async with joined(running.ws, "room", "Dan", "en") as dan:
        await says(running, dan, "dan")
        running.encoder.delay_s = 0.5
        await says(running, dan, "pierre")
        speakers = page.locator(".caption .speaker")
        await expect(speakers).to_have_text(["Dan", "Dan"])
        await expect(speakers).to_have_text(["Dan", "Speaker 3"])


async def test_who_borrows_this_phone_is_not_you(page: Page, running: Running) -> None:
    async with AsyncExitStack() as stack:
        dan = await stack.enter_async_context(joined(running.ws, "room", "Dan", "en"))
        await says(running, dan, "dan")
        own_id = await page.evaluate("me.id")
        partial = {"type": "partial", "utterance_id": "u", "client_id": own_id, "language": "en",
                   "text": "hello", "final": True, "speaker_id": "x", "speaker_name": "Pierre",
                   "speaker_color": PALETTE[3]}  # fmt: skip
        await page.evaluate("message => receive(message)", json.dumps(partial))
        own = page.locator('.caption[data-kind="own"]')
        await expect(own.locator(".speaker")).to_have_text("Pierre")


CONTRASTS = """(colors) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const found = [];
  for (const kind of ["result", "own"]) for (const color of colors) {
    const caption = showCaption({ utterance_id: "c", client_id: kind === "own" ? me.id : "x",
      speaker_id: "x", speaker_name: "x", speaker_color: color }, kind, "x", "en", false);
    const speaker = caption.querySelector(".speaker");
    const drawn = [getComputedStyle(caption).backgroundColor, getComputedStyle(speaker).color,
      getComputedStyle(speaker, "::before").backgroundColor];
    found.push(drawn.map(rgb));
  }
  return found;
}"""


def contrast(one: list[int], other: list[int]) -> float:
    """WCAG 2.2."""

    def luminance(color: list[int]) -> float:
        share = np.array(color) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


async def test_every_colour_can_be_seen_and_every_name_read(page: Page) -> None:
    for ground, letters, dot in await page.evaluate(CONTRASTS, PALETTE):
        assert contrast(ground, dot) >= 3
        assert contrast(ground, letters) >= 4.5
