"""The storm as people live it, on the real stack: two operators by keyboard, passengers on their phones, the partners' books in the end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from runtime.replay.storm import Storm
from tests.harness.airline import Airline, Airlines, at
from tests.harness.running import RunningSite, a_running_site, eventually
from runtime.faults.twins import Twins


TENANT: Final = "mq"  # the airline of the storm's first cancelled flights
FLIGHTS: Final = 1
SAGA: Final = 90_000  # ms a room may take on two busy cores


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[RunningSite]:
    """Every process there is, with the pages that were built."""
    with a_running_site(TENANT) as running:
        (running.home / "build").symlink_to(built)
        yield running


@pytest.fixture(scope="module")
async def airline(site: RunningSite) -> AsyncIterator[Airline]:
    """One flight of the storm is cancelled; its manifest has come."""
    twins = Twins(site.url("sandbox"))
    async with at(site, twins) as airlines:
        found = await _with_a_case(airlines, site)
        yield found
    await twins.close()


async def _with_a_case(airlines: Airlines, site: RunningSite) -> Airline:
    await site.nexa("replay", "--flights", str(FLIGHTS), "--speed", "1000000", "--no-contracts")
    return airlines[TENANT]


@asynccontextmanager
async def operator(browser: Browser, site: RunningSite, person: str) -> AsyncIterator[Page]:
    """Somebody at a console of his own, signed in at the development provider, on the board."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    await page.goto(f"http://localhost:{site.ports.gateways['operator']}/")
    await page.locator(f"form[aria-label={TENANT}] button[value={person}]").click()
    await expect(page.locator("header")).to_contain_text("Live")
    await expect(page.locator("[role=row]")).to_have_count(FLIGHTS)
    yield page
    await context.close()


@asynccontextmanager
async def phone(browser: Browser, link: str) -> AsyncIterator[Page]:
    """A passenger who has opened the link in the text."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = await context.new_page()
    await page.goto(link)
    yield page
    await context.close()


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


def row_of(page: Page, urn: str) -> Locator:
    return page.locator(f"[role=row][data-urn='{urn}']")


def numbers() -> dict[str, str]:
    """The telephone number of each PNR's lead, as the airline knows it."""
    manifests = (manifest for _, manifest in Storm().manifests(FLIGHTS))
    return {str(entry.pnr): entry.contact.phone for manifest in manifests for entry in manifest.entries if entry.contact.phone}


async def test_the_storm_from_claim_to_an_accepted_and_a_declined_room(browser: Browser, site: RunningSite, airline: Airline) -> None:
    async with operator(browser, site, "ana-rossi") as ana, operator(browser, site, "ben-okafor") as ben:
        for page in (ana, ben):
            await press(page, "j", "Enter")
            await expect(page).to_have_url(re.compile("/cases/"))
            await expect(page.locator("[role=row]").first).to_be_visible()

        # a claim is seen at once by the other, who cannot take it
        await press(ana, "j", "c")
        urn = await ana.locator("[data-focused]").get_attribute("data-urn")
        assert urn
        await expect(row_of(ana, urn).locator("[data-look=mine]")).to_contain_text("You")
        await expect(row_of(ben, urn).locator("[data-look=other]")).to_contain_text("A. Rossi")
        await press(ben, "j", "c")
        await expect(ben.locator("footer [role=alert]")).to_contain_text("Ana Rossi is working on it")
        await press(ana, "r")
        await expect(row_of(ben, urn).locator("[data-look=other]")).to_have_count(0)

        # vouchers for everybody who can get one, in one go
        await press(ana, "Control+a", "v")
        panel = ana.locator("aside[data-stage]")
        await expect(panel.locator("h2")).to_contain_text(re.compile(r"Issue \d+ vouchers"))
        await press(ana, "Control+Enter")
        await expect(panel).to_have_attribute("data-stage", "summary")
        requested = int(await panel.locator("[data-tone=requested] dd").inner_text())
        assert requested > 3
        await press(ana, "Escape")

        # one of them is followed step by step until its offer is ready; the others get there too
        await press(ben, "t")
        await expect(ben.locator("aside ol").first).to_contain_text("Book rooms", timeout=SAGA)
        await expect(_figure(ana, "Offer ready")).to_have_text(str(requested), timeout=SAGA)

        case = _case_of(ana)
        offered = [one for one in (await airline.look(case)).rows if one["status"] == "OFFER_READY"]
        await airline.ended(case, [one["urn"] for one in offered])
        await _books_agree(airline, case)

        known = numbers()
        accepting, declining = [one for one in offered if one["pnr"] in known][:2]
        async with phone(browser, await airline.link(known[accepting["pnr"]])) as page:
            await expect(page.get_by_role("heading", name=accepting["offer"]["hotelName"])).to_be_visible()
            assert "token" not in page.url
            await expect(page.get_by_role("img", name="QR code of your reservation")).to_be_visible()
            await page.get_by_role("button", name="Accept the room").tap()
            await page.get_by_role("button", name="Yes, accept").tap()
            await expect(page.get_by_role("heading", name="All set")).to_be_visible(timeout=SAGA)
        async with phone(browser, await airline.link(known[declining["pnr"]])) as page:
            await page.get_by_role("button", name="Decline").tap()
            await page.get_by_role("button", name="Yes, decline").tap()
            await expect(page.get_by_role("heading", name="Room declined")).to_be_visible(timeout=SAGA)

        # both operators see it without asking, and the partners have the declined room and card back
        for page in (ana, ben):
            await expect(_figure(page, "Accepted")).to_have_text("1")
            await expect(_figure(page, "Declined")).to_have_text("1")
            await expect(page.locator("[data-region=events] li")).not_to_have_count(0)
        await airline.ended(case, [declining["urn"]])

        async def released() -> bool:
            held = await airline.held()
            return declining["offer"]["confirmation"] not in _confirmations(held.confirmed) and not held.active(declining["urn"])

        assert await eventually(released, "the declined room and card")
        await _books_agree(airline, case)


def _figure(page: Page, words: str) -> Locator:
    return page.locator("main dl div", has=page.locator("dt", has_text=re.compile(f"^{words}$"))).locator("dd")


def _case_of(page: Page) -> str:
    found = re.search(r"/cases/([^?]+)", page.url)
    assert found
    return found[1].replace("%3A", ":")


def _confirmations(confirmed: dict[str, Any]) -> set[str]:
    return {str(one) for one in confirmed}


async def _books_agree(airline: Airline, case: str) -> None:
    """The sandboxes hold one booking and one card for everybody who has an offer, and none for anybody else."""
    with_offer = [row for row in (await airline.look(case)).rows if row["status"] in ("OFFER_READY", "RESOLVED")]
    held = await airline.held()
    assert _confirmations(held.confirmed) == {row["offer"]["confirmation"] for row in with_offer}
    assert {sub_case for sub_case in held.cards if held.active(sub_case)} == {row["urn"] for row in with_offer}
    assert all(len(held.active(row["urn"])) == 1 for row in with_offer)
