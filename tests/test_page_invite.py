"""The page's invitation: the code on the screen is read as a camera reads it."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import zxingcpp
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from babblefish.gateway.links import join_link
from tests.support.server import Server
from tests.test_page import OPTIONS, join

pytestmark = pytest.mark.browser

# A name from outside: for the gateway, whoever comes by it is not at this very machine.
NAME = "fish.example"
PAGE = Path(__file__).parents[1] / "client_thin.html"

# What the browser itself makes of a picture of the screen.
PIXELS = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  return [picture.width, ...data.filter((_, index) => index % 4 === 1)];
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*OPTIONS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def context(browser: Browser) -> BrowserContext:
    return await browser.new_context(viewport={"width": 360, "height": 740})


@pytest.fixture
def token(server: Server) -> str:
    return urlsplit(server.links[0]).fragment.removeprefix("token=")


async def invited(page: Page, url: str, session: str, name: str = "Dan") -> str:
    """The link that is shown after joining here."""
    await page.goto(url)
    await join(page, session, name, "en")
    await page.get_by_role("button", name="Invite").click()
    await expect(page.get_by_role("img", name="QR code of the link")).to_be_visible()
    return await page.get_by_label("Link").input_value()


async def scanned(context: BrowserContext, code: Locator) -> str:
    """What a phone's camera finds in the picture of the code."""
    picture = base64.b64encode(await code.screenshot()).decode()
    table = await context.new_page()
    width, *grey = await table.evaluate(PIXELS, picture)
    await table.close()
    (found,) = zxingcpp.read_barcodes(np.asarray(grey, np.uint8).reshape(-1, width))
    return found.text


async def test_a_phone_that_came_by_a_link_brings_the_next_one(
    context: BrowserContext, server: Server, session: str, token: str
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    origin = f"http://{NAME}:{server.port}"
    dan = await context.new_page()
    link = await invited(dan, f"{origin}/?session={session}#token={token}", session)
    assert link == join_link(origin, session, token)
    assert await scanned(context, dan.locator("#invitation-code")) == link
    eve = await context.new_page()
    await eve.goto(link)
    await eve.fill("#name", "Eve")
    await eve.click("#join")
    await expect(eve.locator("#participants li")).to_contain_text(["Dan", "You"])
    assert f"{origin}/invitation" in asked
    assert not any(token in url.partition("#")[0] for url in asked)


async def test_without_the_token_nobody_is_given_it(
    context: BrowserContext, server: Server, token: str
) -> None:
    page = await context.new_page()
    await page.goto(f"http://{NAME}:{server.port}/")
    answer = await page.evaluate(
        """async () => (await fetch("/invitation",
            { method: "POST", body: JSON.stringify({ origin: location.origin }) })).text()"""
    )
    assert NAME in answer
    assert token not in answer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_the_machine_itself_invites_to_where_phones_find_it(
    context: BrowserContext, server: Server, session: str, token: str, host: str
) -> None:
    page = await context.new_page()
    link = await invited(page, f"http://{host}:{server.port}/", session)
    assert link == join_link(server.links[0].partition("/?")[0], session, token)
    assert await scanned(context, page.locator("#invitation-code")) == link


async def test_a_page_opened_as_a_file_invites_to_its_server(
    context: BrowserContext, server: Server, session: str, token: str
) -> None:
    for host, note in ((NAME, "Whoever has it"), ("localhost", "this machine only")):
        page = await context.new_page()
        await page.goto(f"{PAGE.as_uri()}#token={token}")
        await page.click("#connection summary")
        await page.fill("#server", f"ws://{host}:{server.port}/ws/client")
        link = await invited(page, page.url, session)
        assert link == join_link(f"http://{host}:{server.port}", session, token)
        await expect(page.locator("#invitation-note")).to_contain_text(note)


async def test_the_keyboard_is_enough(
    context: BrowserContext, server: Server, session: str
) -> None:
    page = await context.new_page()
    await page.goto(server.http)
    await join(page, session, "Dan", "en")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Invite")).to_be_focused()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=f"Invite to {session}")
    await expect(dialog).to_be_visible()
    await expect(page.get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="Invite")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()


@pytest.mark.parametrize("host", ["localhost", NAME])
async def test_the_link_can_be_copied_where_there_is_a_clipboard_and_where_not(
    context: BrowserContext, server: Server, session: str, token: str, host: str
) -> None:
    page = await context.new_page()
    link = await invited(page, f"http://{host}:{server.port}/#token={token}", session)
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    await page.get_by_role("button", name="Close").click()
    await page.focus("#say")
    await page.keyboard.press("Control+V")
    await expect(page.locator("#say")).to_have_value(link)


async def test_the_link_can_be_shared_where_the_phone_can(
    context: BrowserContext, server: Server, session: str
) -> None:
    plain = await context.new_page()
    await invited(plain, server.http, session)
    await expect(plain.locator("#share-invitation")).to_be_hidden()
    await context.add_init_script(
        "navigator.share = async (shared) => { window.shared = shared; };"
    )
    page = await context.new_page()
    link = await invited(page, server.http, session, "Eve")
    await page.get_by_role("button", name="Share").click()
    assert (await page.evaluate("window.shared"))["url"] == link


async def test_a_server_that_does_not_answer_is_said(
    context: BrowserContext, server: Server, session: str
) -> None:
    page = await context.new_page()
    await page.route("**/invitation", lambda route: route.abort())
    await page.goto(server.http)
    await join(page, session, "Dan", "en")
    await page.click("#invite")
    await expect(page.locator("#invitation-note")).to_contain_text("no link")
    await expect(page.get_by_role("button", name="Copy")).to_be_disabled()
    await expect(page.locator("#invitation-code")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (390, 844), (740, 360)])
async def test_the_invitation_fits_the_phone(
    context: BrowserContext, server: Server, width: int, height: int
) -> None:
    page = await context.new_page()
    await page.set_viewport_size({"width": width, "height": height})
    await page.add_init_script("navigator.share = async () => {};")
    await invited(page, server.http, "x" * 63)
    box = await page.locator("#invitation").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= height
    for button in await page.locator("#invitation button").all():
        size = await button.bounding_box()
        assert size
        assert size["height"] >= 44
    assert await page.locator("#invitation").evaluate("it => it.scrollHeight <= it.clientHeight")
    link = await page.get_by_label("Link").input_value()
    assert await scanned(page.context, page.locator("#invitation-code")) == link


async def test_leaving_closes_the_invitation(
    context: BrowserContext, server: Server, session: str
) -> None:
    page = await context.new_page()
    await invited(page, server.http, session)
    await page.evaluate("leaveMeeting()")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator("#join")).to_be_focused()
