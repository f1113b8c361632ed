"""The phone's page in a real Chromium, against a real gateway."""

import re
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from babblefish.audio import SAMPLE_RATE, to_pcm16
from tests.support import speech
from tests.support.phone import joined
from tests.support.server import Server
from tests.support.wire import wire_to

pytestmark = pytest.mark.browser

OPTIONS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """A phone whose microphone hears, once, “go forward ten meters”."""
    microphone = tmp_path / "microphone.wav"
    heard = np.concatenate([speech.silence(1.5), speech.go_forward(), speech.silence(5)])
    with wave.open(str(microphone), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(to_pcm16(heard))
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*OPTIONS, f"--use-file-for-fake-audio-capture={microphone}%noloop"],
        )
        yield chromium
        await chromium.close()


async def open_page(browser: Browser, url: str, complaints: list[str]) -> Page:
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(url)
    return page


async def join(page: Page, session: str, name: str, language: str) -> None:
    await page.fill("#name", name)
    await page.select_option("#language", language)
    await page.fill("#session", session)
    await page.click("#join")
    await expect(page.locator("#state")).to_have_attribute("data-state", "connected")


async def test_a_phone_joins_speaks_and_shows_what_is_said(
    browser: Browser, server: Server, session: str
) -> None:
    complaints: list[str] = []
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context(joined(server.ws, session, "Ana", "es"))
        page = await open_page(browser, server.http, complaints)
        await join(page, session, "Dan", "en")
        await page.click("#mic")
        own = page.locator('.caption[data-kind="own"] .text')
        await expect(own).to_have_text("Go forward ten meters", timeout=15_000)
        result = await ana.receive("result")
        assert result["transcript"] == "Go forward ten meters"
        assert result["speaker_name"] == "Dan"

        await ana.send(type="text", text="Buenas noches")
        heard = page.locator('.caption[data-kind="result"]')
        await expect(heard.locator(".text")).to_have_text("Good nights")
        await expect(heard.locator(".transcript")).to_have_text("Buenas noches")
        await page.wait_for_function("() => window.babblefish.played === 1")
        assert await page.evaluate("window.babblefish.peak") > 0.05
    assert complaints == []


async def test_two_phones_one_speaks_the_other_shows_and_sounds(
    browser: Browser, server: Server, session: str
) -> None:
    complaints: list[str] = []
    ana = await open_page(browser, server.http, complaints)
    await join(ana, session, "Ana", "es")
    dan = await open_page(browser, server.http, complaints)
    await join(dan, session, "Dan", "en")
    await dan.click("#mic")
    heard = ana.locator('.caption[data-kind="result"]')
    await expect(heard.locator(".text")).to_have_text("Va de frente diez metros", timeout=15_000)
    await expect(heard.locator(".speaker")).to_have_text("Dan")
    await expect(heard.locator(".transcript")).to_have_text("Go forward ten meters")
    await ana.wait_for_function("() => window.babblefish.played === 1")
    assert await ana.evaluate("window.babblefish.peak") > 0.05
    assert await dan.evaluate("window.babblefish.played") == 0
    assert complaints == []


async def test_a_sentence_survives_a_cut_wire(
    browser: Browser, server: Server, session: str
) -> None:
    async with (
        joined(server.ws, session, "Ana", "es") as ana,
        wire_to(server.port) as wire,
    ):
        page = await open_page(browser, f"http://127.0.0.1:{wire.port}", [])
        await join(page, session, "Dan", "en")
        await page.click("#mic")
        await ana.receive("partial", final=False)  # how far it got depends on the machine
        wire.cut()
        await expect(page.locator("#state")).to_have_attribute("data-state", "reconnecting")
        result = await ana.receive("result")
        assert result["transcript"] == "Go forward ten meters"
        await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
        own = page.locator('.caption[data-kind="own"]')
        await expect(own.locator(".text")).to_have_text("Go forward ten meters")
        assert await own.count() == 1
        await ana.send(type="text", text="Buenas noches")
        heard = page.locator('.caption[data-kind="result"] .text')
        await expect(heard).to_have_text("Good nights")
        assert len(ana.all("result")) == 1
        latest = ana.all("participants")[-1]["participants"]
        assert {person["name"] for person in latest} == {"Ana", "Dan"}


async def _also_norwegian(route: Route) -> None:
    if "json" not in (route.request.headers.get("accept") or ""):
        return await route.continue_()
    status = await (await route.fetch()).json()
    status["languages"]["read"].append("no")
    return await route.fulfill(json=status)


@pytest.mark.parametrize("locale", ["nb-NO", "nn-NO", "no"])
async def test_norwegians_find_their_language(
    browser: Browser, server: Server, locale: str
) -> None:
    page = await browser.new_page(locale=locale)
    await page.route(f"{server.http}/", _also_norwegian)
    await page.goto(server.http)
    await expect(page.locator("#language")).to_have_value("no")


async def test_languages_on_offer_are_the_servers(
    browser: Browser, server: Server, session: str
) -> None:
    complaints: list[str] = []
    page = await open_page(browser, server.http, complaints)
    await expect(page.locator('#language option[value="ca"]')).to_be_attached()
    offered = await page.locator("#language option").evaluate_all("all => all.map(o => o.value)")
    assert {"en", "es", "fr", "ca", "it", "pt", "gl"} <= set(offered)
    assert "pl" not in offered
    await join(page, session, "Guy", "fr")
    await expect(page.locator("#mic")).to_be_disabled()  # nothing here understands spoken French
    await page.fill("#say", "Bonjour")
    await page.press("#say", "Enter")
    await expect(page.locator('.caption[data-kind="own"] .text')).to_have_text("Bonjour")
    assert complaints == []


async def test_names_and_texts_are_never_markup(
    browser: Browser, server: Server, session: str
) -> None:
    complaints: list[str] = []
    async with joined(server.ws, session, "<img src=x onerror=alert(1)>", "en") as mallory:
        page = await open_page(browser, server.http, complaints)
        await join(page, session, "Ana", "es")
        await mallory.send(type="text", text="<b id=injected>house</b>")
        caption = page.locator(".caption .transcript", has_text=re.compile("injected"))
        await expect(caption).to_be_attached()
        assert await page.locator("#captions img, #injected").count() == 0
    assert complaints == []


async def test_a_refusal_is_shown_in_words(browser: Browser, server: Server) -> None:
    page = await open_page(browser, server.http, [])
    await page.evaluate("document.getElementById('name').removeAttribute('maxlength')")
    await page.fill("#name", "x" * 300)
    await page.select_option("#language", "en")
    await page.click("#join")
    await expect(page.locator("#alert")).to_contain_text("longer than 64")
