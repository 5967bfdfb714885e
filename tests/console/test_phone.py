"""The passenger's page in a real browser of a phone's size, on its fake door: the link, the answer, no network, and everybody's eyes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.console.conftest import FakeSite, fake_site, violations



@pytest.fixture(scope="module")
def door(built: Path) -> Iterator[FakeSite]:
    with fake_site(built, "phone", {"NEXA_FAKE_OFFER": "1"}) as running:
        yield running


@pytest.fixture
async def phone(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="en-GB")
    yield await context.new_page()
    await context.close()


async def test_from_the_link_to_an_accepted_room(phone: Page, door: FakeSite) -> None:
    await phone.goto(f"{door.url}/?token=link-1")
    await expect(phone.get_by_role("heading", name="Harbor Point Inn")).to_be_visible()
    assert phone.url == f"{door.url}/"
    await phone.get_by_role("button", name="Accept the room").tap()
    await phone.get_by_role("button", name="Yes, accept").tap()
    await expect(phone.get_by_role("heading", name="All set")).to_be_visible()
    await expect(phone.get_by_role("img", name="QR code of your reservation")).to_be_visible()
    await expect(phone.get_by_role("button")).to_have_count(0)


async def test_the_page_opens_without_network_with_the_last_copy(phone: Page, door: FakeSite) -> None:
    await phone.goto(f"{door.url}/?token=link-2")
    await phone.evaluate("navigator.serviceWorker.ready")
    await phone.reload()  # now through the service worker, which keeps what it sees
    await expect(phone.get_by_role("heading", name="Harbor Point Inn")).to_be_visible()
    await phone.context.set_offline(True)
    await phone.reload()
    await expect(phone.get_by_role("heading", name="Harbor Point Inn")).to_be_visible()
    await expect(phone.get_by_role("status").first).to_contain_text("No connection")


async def test_buttons_are_large_enough_for_a_thumb(phone: Page, door: FakeSite) -> None:
    await phone.goto(f"{door.url}/?token=link-3")
    await expect(phone.get_by_role("button").first).to_be_visible()
    for target in [*await phone.get_by_role("button").all(), *await phone.get_by_role("link").all()]:
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 44


async def test_the_page_is_clean_for_assistive_technology(phone: Page, door: FakeSite, axe: str) -> None:
    await phone.goto(f"{door.url}/?token=link-4")
    await expect(phone.get_by_role("heading", name="Harbor Point Inn")).to_be_visible()
    assert await violations(phone, axe) == []
