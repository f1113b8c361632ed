"""How the phone's page asks for a voice, and lets it go: against a scripted gateway."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from websockets.asyncio.server import serve

from tests.support.server import Server
from tests.test_page import OPTIONS, join
from tests.test_page_capture import (
    Gateway,
    Line,
    Message,
    assert_fits,
    come_out,
    go_into_tunnel,
    join_fake,
    settled,
    until,
)

pytestmark = pytest.mark.browser

CLONING = {"resume": True, "cloning": True}
YES: Message = {"type": "consent", "consent": "voice", "wording": "1"}
NO: Message = {"type": "consent", "consent": "none", "wording": "1"}
SOMEBODY_ELSE: Message = {
    "client_id": "new",
    "participants": [{"client_id": "new", "name": "Dan", "language": "en"}],
}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=OPTIONS
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    fake = Gateway()
    fake.answer = {"capabilities": CLONING}
    async with serve(fake.handle, "127.0.0.1", 0, max_size=None) as running:
        fake.port = next(iter(running.sockets)).getsockname()[1]
        yield fake
        fake.open.set()


class Consenting:
    """Dan's page, in a meeting where voices may be cloned."""

    def __init__(self, page: Page, line: Line) -> None:
        self.page = page
        self.line = line
        self._seq = 100
        self.dialog = page.get_by_role("dialog", name="Voices")
        self.strip = page.locator("#own-voice")

    async def told(self, kind: str, **fields: object) -> None:
        self._seq += 1
        await self.line.tell(type=kind, seq=self._seq, **fields)

    async def open(self) -> None:
        await self.page.get_by_role("button", name="Voices", exact=True).click()
        await expect(self.dialog).to_be_visible()

    async def tap(self, name: str) -> None:
        """In the dialog while it is open: nothing else can be reached then."""
        within = self.dialog if await self.dialog.is_visible() else self.page
        await within.get_by_role("button", name=name, exact=True).click()

    async def says_yes(self) -> None:
        await self.open()
        await self.tap("Yes, use my voice")
        await until(lambda: self.line.said[-1] == YES)
        await self.told("consent", state="granted", speaker_id="me")
        await self.tap("Close")


@pytest.fixture
async def dan(browser: Browser, server: Server, gateway: Gateway) -> AsyncIterator[Consenting]:
    page, line = await join_fake(browser, server, gateway)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield Consenting(page, line)
    assert complaints == []


async def test_where_nothing_clones_nothing_is_asked(
    browser: Browser, server: Server, gateway: Gateway
) -> None:
    gateway.answer = {}
    page, _ = await join_fake(browser, server, gateway)
    await expect(page.locator("#open-voices")).to_be_hidden()
    await expect(page.locator("#own-voice")).to_be_hidden()


async def test_nobody_has_said_yes_before_they_did(dan: Consenting) -> None:
    await settled(dan.line)
    assert dan.line.types() == ["join"]
    assert "consent" not in dan.line.join
    await expect(dan.strip).to_be_hidden()
    await dan.open()
    await expect(dan.dialog.get_by_role("heading", name="Voices")).to_be_focused()
    await expect(dan.dialog.get_by_role("button", name="Stop using my voice")).to_be_hidden()
    await expect(dan.dialog).to_contain_text("Without a yes no sound of you is kept")


async def test_the_question_says_what_a_yes_means(dan: Consenting) -> None:
    await dan.open()
    for promise in (
        "recordings of clear sentences",
        "a print of your voice",
        "on this server",
        "the laptops connected to it",
        "until you say no",
        "deleted at once",
        "synthetic",
        "whoever borrows this phone is not imitated",
    ):
        await expect(dan.dialog).to_contain_text(promise)


async def test_a_yes_is_told_with_its_wording_and_shown_as_the_server_has_it(
    dan: Consenting,
) -> None:
    await dan.open()
    await dan.tap("Yes, use my voice")
    await until(lambda: dan.line.said[-1] == YES)
    state = dan.dialog.get_by_role("status")
    await expect(state).to_have_text("One moment…")
    await dan.told("consent", state="pending", wording="1")
    await expect(state).to_contain_text("from your next sentence on")
    await expect(dan.dialog.get_by_role("button", name="Yes, use my voice")).to_be_hidden()
    await dan.told("consent", state="granted", speaker_id="me", wording="1", expires=1893456000)
    await expect(state).to_contain_text("Your voice is learnt as you speak")
    await expect(state).to_contain_text("January 2030")
    await dan.page.keyboard.press("Escape")
    await expect(dan.strip.get_by_role("status")).to_contain_text("learnt as you speak")


async def test_one_tap_in_the_meeting_takes_it_back(dan: Consenting) -> None:
    await dan.says_yes()
    await dan.tap("Stop using my voice")
    await until(lambda: dan.line.said[-1] == NO)
    state = dan.strip.get_by_role("status")
    await expect(state).to_have_text("Your voice is being deleted…")
    await dan.told("consent", state="revoked", purged=["Lea's laptop"], waiting=["attic", "desk"])
    await expect(state).to_have_text(
        "Your voice is deleted on this server and on Lea's laptop. "
        "Away, and deleted there as soon as they are back: attic and desk."
    )
    await dan.told("consent", state="revoked", purged=["Lea's laptop", "attic", "desk"])
    await expect(state).to_have_text(
        "Your voice is deleted on this server and on Lea's laptop, attic and desk."
    )
    await dan.tap("OK")
    await expect(dan.strip).to_be_hidden()


async def test_one_tap_where_it_was_given_takes_it_back(dan: Consenting) -> None:
    await dan.says_yes()
    await dan.open()
    await dan.tap("Stop using my voice")
    await until(lambda: dan.line.said[-1] == NO)
    await dan.told("consent", state="revoked")
    state = dan.dialog.get_by_role("status")
    await expect(state).to_have_text("Your voice is deleted on this server.")
    await expect(dan.page.get_by_role("button", name="Yes, use my voice")).to_be_visible()


async def test_who_says_no_first_is_heard_too(dan: Consenting) -> None:
    """The server may know the voice, and a yes, from another day."""
    await dan.open()
    await dan.tap("No")
    await expect(dan.dialog).to_be_hidden()
    await until(lambda: dan.line.said[-1] == NO)


async def test_an_older_yes_on_its_way_does_not_answer_a_no(dan: Consenting) -> None:
    await dan.says_yes()
    await dan.tap("Stop using my voice")
    await dan.told("consent", state="granted", speaker_id="me")
    await settled(dan.line)
    await expect(dan.strip.get_by_role("status")).to_have_text("Your voice is being deleted…")


@pytest.mark.parametrize("known", [True, False])
async def test_a_no_in_a_tunnel_is_told_behind_it(
    dan: Consenting, gateway: Gateway, known: bool
) -> None:
    await dan.says_yes()
    await go_into_tunnel(dan.page, gateway, dan.line)
    await dan.tap("Stop using my voice")
    await expect(dan.strip.get_by_role("status")).to_contain_text("as soon as it is reached again")
    answer = {} if known else SOMEBODY_ELSE
    second = await come_out(dan.page, gateway, capabilities=CLONING, **answer)
    await until(lambda: second.said[-1] == NO)
    await expect(dan.strip.get_by_role("status")).to_have_text("Your voice is being deleted…")


async def test_a_yes_is_for_one_server_only(dan: Consenting, gateway: Gateway) -> None:
    await dan.says_yes()
    assert "voice" not in await dan.page.evaluate("localStorage.getItem(STORAGE_KEY)")
    await go_into_tunnel(dan.page, gateway, dan.line)
    second = await come_out(dan.page, gateway, capabilities=CLONING, **SOMEBODY_ELSE)
    await settled(second)
    assert second.types() == ["join"]
    await expect(dan.strip).to_be_hidden()
    await dan.page.click("#leave")
    await join(dan.page, "tunnel", "Dan", "en")
    third = await gateway.line(2)
    await settled(third)
    assert third.types() == ["join"]


async def test_a_refusal_takes_the_question_back(dan: Consenting) -> None:
    await dan.open()
    await dan.tap("Yes, use my voice")
    await dan.told("error", code="no_cloning", message="No voices are cloned in this session.")
    await expect(dan.page.get_by_role("alert")).to_have_text(
        "No voices are cloned in this session."
    )
    await expect(dan.dialog).to_be_hidden()
    await expect(dan.strip).to_be_hidden()
    await dan.open()
    await expect(dan.page.get_by_role("button", name="Yes, use my voice")).to_be_visible()


async def test_a_session_that_is_changed_is_believed(dan: Consenting) -> None:
    await dan.says_yes()
    await dan.told("policy", cloning=False)
    await expect(dan.page.get_by_role("alert")).to_contain_text("nobody's voice is cloned any more")
    await expect(dan.strip).to_be_hidden()
    voices = dan.page.get_by_role("button", name="Voices", exact=True)
    await expect(voices).to_be_hidden()
    await dan.told("policy", cloning=True)
    await expect(voices).to_be_visible()


async def test_progress_is_drawn_and_told(dan: Consenting) -> None:
    await dan.says_yes()
    fields: Message = {"speaker_id": "me", "samples": 2, "needed_s": 12, "ready": False}
    await dan.told("training_progress", seconds=4.6, **fields)
    bar = dan.page.get_by_role("progressbar", name="Your voice, collected so far")
    await expect(bar).to_have_attribute("aria-valuetext", "4 of 12 seconds")
    assert await bar.evaluate("bar => bar.position") == pytest.approx(4.6 / 12)
    await dan.told("training_progress", seconds=14, **{**fields, "ready": True})
    await expect(bar).to_be_hidden()
    await expect(dan.strip.get_by_role("status")).to_contain_text("Your own voice is ready")
    await dan.told("consent", state="revoked")
    await expect(dan.strip.get_by_role("status")).to_contain_text("deleted")


async def test_screen_readers_are_told_news_only(dan: Consenting) -> None:
    await dan.says_yes()
    await dan.page.evaluate(
        """() => {
          window.spoken = 0;
          new MutationObserver((changes) => { window.spoken += changes.length; })
            .observe($("own-voice-state"), { childList: true, subtree: true });
        }"""
    )
    fields: Message = {"speaker_id": "me", "samples": 2, "needed_s": 12, "ready": False}
    for seconds in range(1, 12):
        await dan.told("training_progress", seconds=seconds, **fields)
    bar = dan.page.get_by_role("progressbar")
    await expect(bar).to_have_attribute("aria-valuetext", "11 of 12 seconds")
    assert await dan.page.evaluate("window.spoken") == 0


async def test_laptops_are_shown_and_told_politely(dan: Consenting) -> None:
    news = dan.page.locator("#laptops-news")
    await expect(news).to_have_attribute("role", "status")
    button = dan.page.locator("#open-voices.equipped")
    await expect(button).to_have_count(0)
    await dan.told("accelerator", connected=2, languages=["en", "pl"])
    await expect(news).to_have_text("Own voices can be heard in English and Polski now.")
    await expect(button).to_have_count(1)
    await dan.open()
    await expect(dan.dialog).to_contain_text("Own voices can be heard in English and Polski now.")
    await dan.told("accelerator", connected=0, languages=[])
    await expect(news).to_contain_text("no laptop is connected")
    await expect(button).to_have_count(0)


async def test_names_of_laptops_are_never_markup(dan: Consenting) -> None:
    await dan.told("consent", state="revoked", purged=["<img src=x onerror=alert(1)>"])
    await expect(dan.strip.get_by_role("status")).to_contain_text("<img")
    assert await dan.page.locator("#own-voice img, #voices img").count() == 0


async def test_the_choice_of_voices_is_remembered(dan: Consenting, server: Server) -> None:
    await dan.open()
    playback = dan.page.get_by_label("How others sound")
    await expect(playback).to_have_value("sequential")
    await playback.select_option("stock")
    for address, choice in ((server.http, "stock"), (f"{server.http}/?playback=x", "sequential")):
        await dan.page.goto(address)
        await expect(dan.page.locator("#playback")).to_have_value(choice)
    stored = json.loads(await dan.page.evaluate("localStorage.getItem('babblefish')"))
    assert stored == {"name": "Dan", "language": "en", "session": "tunnel", "playback": "stock"}


@pytest.mark.parametrize(("width", "height"), [(360, 740), (740, 360)])
async def test_it_fits_the_phone(dan: Consenting, tmp_path: Path, width: int, height: int) -> None:
    await dan.page.set_viewport_size({"width": width, "height": height})
    await dan.told("consent", state="revoked", purged=["a" * 100], waiting=["b" * 100])
    await expect(dan.strip).to_be_visible()
    await assert_fits(dan.page, tmp_path / "meeting.png")
    await dan.open()
    box = await dan.dialog.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["height"] <= height
    sideways = await dan.dialog.evaluate("dialog => dialog.scrollWidth - dialog.clientWidth")
    assert sideways <= 0
    await dan.page.screenshot(path=tmp_path / "voices.png")
