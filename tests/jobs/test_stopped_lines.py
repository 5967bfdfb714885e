"""Stopped lines at work: rooms, messages and cards wait at their partners' doors, what is given back does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from redis.asyncio import Redis

from domains.booking import actions as booking
from domains.booking.commands import BookRooms, CancelRooms
from domains.notifications import actions as notifications
from domains.notifications.commands import NotifyLead
from domains.wallet import actions as wallet
from domains.wallet.commands import IssueCard
from kernel.database import Databases
from kernel.money import Money
from kernel.operation import Stop
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.jobs.floor import Floor, a_floor

WHY = "a price of nothing was seen"


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, valkey_urls: ValkeyUrls) -> AsyncIterator[Floor]:
    async with Redis.from_url(valkey_urls.coordination) as redis, a_floor(databases, tenant, redis) as made:
        yield made


async def stop(floor: Floor, domain: str, act: Any, airport: str | None = "JFK", partner: str | None = None) -> Stop:
    async with floor.databases[domain].work(floor.tenant) as work:
        made = await act(work, partner, airport, WHY)
        assert isinstance(made, Stop)
        return made


async def resume(floor: Floor, domain: str, act: Any, made: Stop) -> None:
    async with floor.databases[domain].work(floor.tenant) as work:
        await act(work, made.urn, "it was a mistake")
    floor.engine.wake(floor.tenant)


async def test_a_room_is_booked_when_bookings_go_on(floor: Floor) -> None:
    ranking = await floor.ranking()
    made = await stop(floor, "booking", booking.stop_bookings)
    await floor.ask(BookRooms(floor.sub_case, ranking))
    await asyncio.sleep(0.5)
    assert (floor.bookings(), await floor.told("booking", "RoomsBooked", "RoomsRefused")) == ([], [])
    await resume(floor, "booking", booking.resume_bookings, made)
    assert (await floor.answer("booking", "RoomsBooked", "RoomsRefused"))["name"] == "RoomsBooked"
    assert len(floor.bookings()) == 1


async def test_what_is_given_back_is_never_stopped(floor: Floor) -> None:
    assert (await floor.booked())["name"] == "RoomsBooked"
    await stop(floor, "booking", booking.stop_bookings, airport=None)
    await floor.ask(CancelRooms(floor.sub_case, floor.workflow, "declined"))
    assert (await floor.answer("booking", "RoomsCancelled", "CancelRefused"))["name"] == "RoomsCancelled"
    assert floor.bookings() == []


async def test_what_waits_is_taken_back_for_free(floor: Floor) -> None:
    ranking = await floor.ranking()
    made = await stop(floor, "booking", booking.stop_bookings)
    await floor.ask(BookRooms(floor.sub_case, ranking))
    await floor.ask(CancelRooms(floor.sub_case, floor.workflow, "declined"))
    assert (await floor.answer("booking", "RoomsCancelled", "CancelRefused"))["name"] == "RoomsCancelled"
    await resume(floor, "booking", booking.resume_bookings, made)
    await asyncio.sleep(0.5)
    assert floor.bookings() == floor.bookings("CANCELLED") == []


@pytest.mark.parametrize("partner", [None, "twilio"])
async def test_a_message_waits_and_no_other_channel_speaks_for_it(floor: Floor, partner: str | None) -> None:
    made = await stop(floor, "notifications", notifications.stop_messages, partner=partner)
    facts = {"hotel": "Quay", "check_in": "2026-02-08", "check_out": "2026-02-09", "rooms": "1"}
    await floor.ask(NotifyLead(floor.sub_case, "subcase.offer-ready", Urn.mint("reservation"), facts))
    await asyncio.sleep(0.5)
    assert floor.partners.book("twilio")["messages"] == []
    await resume(floor, "notifications", notifications.resume_messages, made)
    assert (await floor.answer("notifications", "LeadNotified", "LeadNotReached"))["name"] == "LeadNotified"
    assert len(floor.partners.book("twilio")["messages"]) == 1


async def test_a_card_is_loaded_when_loads_go_on(floor: Floor) -> None:
    made = await stop(floor, "wallet", wallet.stop_card_loads)
    await floor.ask(IssueCard(floor.sub_case, Money(Decimal(40), "USD")))
    await asyncio.sleep(0.5)
    assert await floor.told("wallet", "CardIssued", "CardRefused") == []
    await resume(floor, "wallet", wallet.resume_card_loads, made)
    assert (await floor.answer("wallet", "CardIssued", "CardRefused"))["name"] == "CardIssued"


async def test_another_airport_goes_on(floor: Floor) -> None:
    await stop(floor, "wallet", wallet.stop_card_loads, airport="EWR")
    await floor.ask(IssueCard(floor.sub_case, Money(Decimal(40), "USD")))
    assert (await floor.answer("wallet", "CardIssued", "CardRefused"))["name"] == "CardIssued"
