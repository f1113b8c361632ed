"""Two people talk by the ingress, one of them with a real browser."""

from pathlib import Path

import httpx
import numpy as np
from playwright.async_api import expect
from tests.support import speech
from tests.support.phone import connected
from tests.test_page import join
from tests.test_page_capture import chromium_hearing

from conftest import phone
from deployment import Release, speak


async def test_speech_from_a_browser_is_heard_in_spanish_and_typed_spanish_comes_back(
    babblefish: Release, tmp_path: Path
) -> None:
    heard = np.concatenate([speech.silence(1.5), speech.go_forward(), speech.silence(5)])
    async with (
        phone(babblefish, "kitchen", "Ana", "es") as ana,
        chromium_hearing(tmp_path / "said.wav", heard, play="%noloop") as browser,
    ):
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, ignore_https_errors=True
        )
        page = await context.new_page()
        await page.goto(f"{babblefish.url}/?session=kitchen#token={babblefish.token}")
        await join(page, "kitchen", "Dan", "en")
        await page.click("#mic")
        result = await ana.receive("result", deadline_s=30)
        assert result["transcript"] == "Go forward ten meters"
        assert result["translation"] == "Va de frente diez metros"
        assert result["tts_audio"]
        await ana.send(type="text", text="¿Dónde está la casa?")
        shown = page.locator('.caption[data-kind="result"] .text')
        await expect(shown).to_have_text("Where it is the house?", timeout=15_000)
        await page.wait_for_function("() => window.babblefish.played === 1")
        assert await page.evaluate("window.babblefish.peak") > 0.05


def test_a_sentence_is_translated_from_the_command_line(babblefish: Release) -> None:
    assert "Uno dos tres" in speak(babblefish, "command-line", babblefish.token)


async def test_without_the_links_token_nobody_comes_in(babblefish: Release) -> None:
    url = f"{babblefish.url.replace('https', 'wss')}/ws/client"
    async with connected(url) as stranger:
        await stranger.send(type="join", session="kitchen", name="Eve", language="en")
        assert (await stranger.receive("error"))["code"] == "bad_token"


async def test_the_ingress_does_not_reach_what_is_for_the_operator_only(
    babblefish: Release,
) -> None:
    async with httpx.AsyncClient(verify=False) as http:  # noqa: S501 nobody's certificate
        for path in ("/metrics", "/sessions"):
            assert (await http.get(babblefish.url + path)).status_code == 403
        assert (await http.get(f"{babblefish.url}/health")).status_code == 200
