"""The finished console in a real browser on the fake: by keyboard, for two operators at once, through a cut line, readable by everybody."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.console.conftest import FakeSite, fake_site, violations



@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[FakeSite]:
    with fake_site(built, "console", {"NEXA_FAKE_FLIGHTS": "8", "NEXA_FAKE_BUSY": "1"}) as running:
        yield running


async def sign_in(page: Page, site: FakeSite, *, who: int = 0, at: str = "/") -> None:
    await page.goto(f"{site.url}/auth/login?as={who}&next={at}")
    await expect(page.locator("header")).to_contain_text("Live")
    await expect(page.locator("[role=row]").first).to_be_visible()


async def open_case(page: Page, site: FakeSite, *, who: int = 0, downs: int = 1) -> None:
    """A case by keyboard from the board; others are for other tests, the fake is one world."""
    await sign_in(page, site, who=who)
    for _ in range(downs):
        await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/cases/"))
    await page.keyboard.press("2")  # waiting
    await expect(page.locator("[role=row]").first).to_be_visible()


def focused(page: Page) -> Any:
    return page.locator("[role=row][data-focused]")


async def to_free_row(page: Page) -> str:
    """Down to the first row that can be worked on; its URN."""
    await page.keyboard.press("j")
    for _ in range(40):
        if await page.locator("[data-key=issue]:not([aria-disabled])").count():
            urn = await focused(page).get_attribute("data-urn")
            assert urn
            return str(urn)
        await page.keyboard.press("j")
    raise AssertionError("no row can be worked on")


async def test_a_claim_is_seen_at_once_in_a_second_browser(page: Page, browser: Browser, site: FakeSite) -> None:
    other = await browser.new_context(viewport={"width": 1440, "height": 900})
    second = await other.new_page()
    await open_case(page, site, who=0, downs=2)
    await open_case(second, site, who=2, downs=2)
    urn = await to_free_row(page)
    await page.keyboard.press("c")
    mine, theirs = page.locator(f"[data-urn='{urn}'] [data-look=mine]"), second.locator(f"[data-urn='{urn}'] [data-look=other]")
    await expect(mine).to_contain_text("You")
    await expect(theirs).to_contain_text("D. Whitfield")
    await page.keyboard.press("r")
    await expect(mine).to_have_count(0)
    await expect(theirs).to_have_count(0)
    await other.close()


async def test_vouchers_for_all_by_keyboard_until_the_offer_is_ready(page: Page, site: FakeSite) -> None:
    await open_case(page, site, downs=3)
    await page.keyboard.press("j")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("v")
    panel = page.locator("aside[data-stage]")
    await expect(panel.locator("h2")).to_contain_text(re.compile(r"Issue \d+ vouchers?"))
    await page.keyboard.press("Control+Enter")
    await expect(panel).to_have_attribute("data-stage", "summary")
    await expect(panel).not_to_contain_text("Booked")
    await page.keyboard.press("Escape")
    await page.keyboard.press("4")  # offer ready
    await expect(page.locator("[role=row]").first).to_contain_text("Offer ready", timeout=30_000)


async def test_a_cut_line_is_said_and_the_old_picture_stays(page: Page, site: FakeSite) -> None:
    sockets: list[WebSocketRoute] = []
    away = False

    def pass_on(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if not away:
            socket.connect_to_server()

    await page.route_web_socket(re.compile(r"/graphql$"), pass_on)
    await sign_in(page, site)
    rows = await page.locator("[role=row]").count()
    away = True
    await sockets[-1].close(code=1011, reason="cut")
    await expect(page.get_by_role("alert").filter(has_text="No connection")).to_contain_text("as of")
    assert await page.locator("[role=row]").count() == rows
    away = False
    await page.get_by_role("button", name="Try now").click()
    await expect(page.get_by_role("alert").filter(has_text="No connection")).to_have_count(0)
    await expect(page.locator("header")).to_contain_text("Live")


async def test_nobody_signed_in_is_sent_to_sign_in_and_back_to_the_same_view(page: Page, site: FakeSite) -> None:
    await page.goto(f"{site.url}/hotels?airport=JFK")
    await expect(page.locator("header")).to_contain_text("Live")
    assert page.url == f"{site.url}/hotels?airport=JFK"


@pytest.mark.parametrize("state", ["board", "case", "timeline", "preview", "keys", "hotels", "reviews", "down"])
async def test_every_state_is_clean_for_assistive_technology(page: Page, site: FakeSite, axe: str, state: str) -> None:
    await _bring_about(state, page, site)
    assert await violations(page, axe) == []


async def _bring_about(state: str, page: Page, site: FakeSite) -> None:
    """The page in one of the states an operator meets."""
    if state in ("case", "timeline", "preview", "keys"):
        await open_case(page, site)
        await page.keyboard.press("4" if state == "timeline" else "1")  # an offer has a history
        await page.keyboard.press("j")
        for key in {"timeline": ["t"], "preview": ["Control+a", "v"], "keys": ["?"]}.get(state, []):
            await page.keyboard.press(key)
        shown = {"timeline": "aside ol", "preview": "aside[data-stage=preview]", "keys": "dialog[open]"}.get(state, "aside dl")
        await expect(page.locator(shown).first).to_be_visible()
    else:
        sockets: list[WebSocketRoute] = []

        def first_only(socket: WebSocketRoute) -> None:
            sockets.append(socket)
            if len(sockets) == 1:
                socket.connect_to_server()

        await page.route_web_socket(re.compile(r"/graphql$"), first_only)
        await sign_in(page, site, at={"hotels": "/hotels", "reviews": "/reviews"}.get(state, "/"))
        await page.keyboard.press("j")
        if state == "down":
            await sockets[0].close(code=1011, reason="cut")
            await expect(page.get_by_role("alert").filter(has_text="No connection")).to_be_visible()


async def test_the_grid_says_how_much_there_is_and_where_the_focus_is(page: Page, site: FakeSite) -> None:
    await sign_in(page, site)
    grid = page.get_by_role("grid")
    assert int(await grid.get_attribute("aria-rowcount") or 0) == await page.locator("[role=row]").count()
    await page.keyboard.press("j")
    named = await grid.get_attribute("aria-activedescendant")
    assert named == await focused(page).get_attribute("id")


def test_the_first_scripts_are_small(built: Path) -> None:
    """180 kB of gzip is the budget; the phone page has 30."""
    scripts = {
        name: sum(len(gzip.compress(one.read_bytes())) for one in (built / name / "assets").glob("*.js")) for name in ("console", "phone")
    }
    assert scripts["console"] < 180_000
    assert scripts["phone"] < 30_000
