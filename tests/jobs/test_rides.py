"""Rides against the vendors' twins: one car for one party, whatever is lost on the way; none when it is undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from redis.asyncio import Redis

from adapters.contracted.sandbox import DESK
from adapters.uber.sandbox import UberTwin
from domains.booking import actions
from domains.booking.commands import CancelRide, DispatchRide
from domains.booking.ports import RideReport, RideStatus
from domains.cases.model import PnrDraft
from kernel.database import Databases
from kernel.money import Money
from kernel.sandbox.faults import FaultKind
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.builders import a_draft
from tests.jobs.floor import Floor, a_floor

CEILING = Money(Decimal(60), "USD")
UBER, DESKS = ("uber",), ("contracted",)


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, redis: Redis) -> AsyncIterator[Floor]:
    async with a_floor(databases, tenant, redis) as made:
        stand_still(made)
        yield made


def stand_still(floor: Floor) -> None:
    twin = floor.partners.twin("uber")
    assert isinstance(twin, UberTwin)
    twin.pace = 60


async def sent(floor: Floor, preference: tuple[str, ...] = UBER, attempt: int = 1, **changes: Any) -> dict[str, Any]:
    """A room, and what becomes of the ride to it."""
    told = await floor.told("booking", "RoomsBooked") or [await floor.booked()]
    asked = {"seats": 1, "ceiling": CEILING, "preference": preference, **changes}
    await floor.ask(DispatchRide(floor.sub_case, Urn(told[0]["reservation"]), **asked), attempt)
    return (await floor.answers("booking", "RideDispatched", "RideRefused", count=attempt))[-1]


async def called_off(floor: Floor, attempt: int = 1) -> dict[str, Any]:
    await floor.ask(CancelRide(floor.sub_case, floor.workflow, "declined"), attempt)
    return await floor.answer("booking", "RideCancelled", "RideCancelRefused")


def desk(floor: Floor) -> list[str]:
    return [each["body"] for each in floor.partners.book("twilio")["messages"] if each["to"] == DESK]


async def test_a_ride_is_sent_for_and_called_off(floor: Floor) -> None:
    told = await sent(floor)
    [held] = floor.rides()
    assert (told["name"], told["vendor"], told["vehicle"], told["wait_minutes"]) == ("RideDispatched", "uber", "UberX", 5)
    assert held["expense_memo"] == told["shown"]
    assert (await called_off(floor))["rides"] == [told["ride"]]
    assert [each["status"] for each in floor.rides()] == ["rider_canceled"]


@pytest.mark.parametrize(("status", "lost"), [(RideStatus.NO_DRIVER, 1), (RideStatus.CANCELLED, 1), (RideStatus.ARRIVING, 0)])
async def test_a_ride_that_will_not_come_is_told_once(floor: Floor, status: RideStatus, lost: int) -> None:
    await sent(floor)
    [held] = floor.rides()
    for event in ("first", "again"):
        async with floor.databases["booking"].work(floor.tenant) as work:
            await actions.ride_reported(work, "uber", RideReport(event, held["request_id"], status))
    assert len(await floor.told("booking", "RideLost")) == lost
    assert (await called_off(floor))["name"] == "RideCancelled"


async def test_a_report_about_a_ride_of_nobody_changes_nothing(floor: Floor) -> None:
    await sent(floor)
    for vendor, reference in (("uber", "unknown"), ("contracted", floor.rides()[0]["request_id"])):
        async with floor.databases["booking"].work(floor.tenant) as work:
            await actions.ride_reported(work, vendor, RideReport("e", reference, RideStatus.NO_DRIVER))
    assert await floor.told("booking", "RideLost") == []


async def test_a_carrier_under_contract_is_sent_for_by_its_desk(floor: Floor) -> None:
    told = await sent(floor, DESKS)
    assert (told["vendor"], told["vehicle"]) == ("contracted", "Hudson Shuttle")
    assert [told["shown"] in text for text in desk(floor)] == [True]
    assert (await called_off(floor))["name"] == "RideCancelled"
    assert ["CANCELLED" in text for text in desk(floor)] == [False, True]
    assert floor.rides() == []


@pytest.mark.parametrize(
    "fault", [FaultKind.LOST_ANSWER, FaultKind.LOST_REQUEST, FaultKind.ERROR_EXECUTED, FaultKind.ERROR, FaultKind.GARBAGE, FaultKind.DRIFT]
)
async def test_what_is_lost_on_the_way_sends_no_second_car(floor: Floor, fault: FaultKind) -> None:
    floor.partners.order("uber", fault, "dispatch", count=1)
    told = await sent(floor)
    assert told["name"] == "RideDispatched"
    assert [each["expense_memo"] for each in floor.rides()] == [told["shown"]]


async def test_the_same_question_twice_is_one_ride(floor: Floor) -> None:
    first = await sent(floor)
    again = await sent(floor)
    assert again == first
    assert len(floor.rides()) == 1


async def test_a_vendor_that_says_no_is_followed_by_the_next(floor: Floor) -> None:
    floor.partners.order("uber", FaultKind.REFUSE, "dispatch")
    told = await sent(floor, preference=())
    assert (told["name"], told["vendor"]) == ("RideDispatched", "contracted")
    assert floor.rides() == []


async def test_a_party_that_fits_no_car_gets_the_bus(floor: Floor) -> None:
    assert (await sent(floor, seats=7))["vendor"] == "contracted"


@pytest.mark.parametrize(("changes", "why"), [({"seats": 13}, "4 too small"), ({"ceiling": Money(Decimal(1), "USD")}, "4 too dear")])
async def test_where_nothing_fits_it_is_said_why(floor: Floor, changes: dict[str, Any], why: str) -> None:
    told = await sent(floor, **changes)
    assert (told["name"], told["unknown"]) == ("RideRefused", False)
    assert why in told["why"]


async def test_a_vendor_that_is_silent_leaves_it_to_the_others(floor: Floor) -> None:
    floor.partners.order("uber", FaultKind.ERROR, "quote")
    assert (await sent(floor))["vendor"] == "contracted"


async def test_a_later_attempt_asks_anew_after_a_refusal(floor: Floor) -> None:
    assert (await sent(floor, seats=13))["name"] == "RideRefused"
    told = await sent(floor, attempt=2)
    assert told["name"] == "RideDispatched"
    assert len(floor.rides()) == 1


async def test_a_ride_of_a_workflow_that_was_undone_is_refused(floor: Floor) -> None:
    assert (await called_off(floor))["rides"] == []
    told = await sent(floor)
    assert told["name"] == "RideRefused"
    assert floor.rides() == []


async def test_an_undo_finds_out_first_what_became_of_the_ride(floor: Floor) -> None:
    floor.partners.order("uber", FaultKind.LOST_ANSWER, "dispatch", count=1)
    booked = await floor.booked()
    await floor.ask(DispatchRide(floor.sub_case, Urn(booked["reservation"]), 1, CEILING, UBER))
    await floor.ask(CancelRide(floor.sub_case, floor.workflow, "declined"))
    assert (await floor.answer("booking", "RideCancelled", "RideCancelRefused"))["name"] == "RideCancelled"
    await floor.quiet("booking")
    assert floor.rides("processing", "accepted") == []


async def test_a_car_that_was_driven_needs_no_calling_off(floor: Floor) -> None:
    told = await sent(floor)
    floor.partners.twin("uber").book.change("trip", floor.rides()[0]["request_id"], status="completed")
    assert (await called_off(floor))["rides"] == [told["ride"]]
    assert floor.partners.twin("uber").calls.get("cancel", 0) == 0


async def test_a_cancellation_that_is_refused_is_told_with_what_a_person_needs(floor: Floor) -> None:
    await sent(floor)
    floor.partners.order("uber", FaultKind.REFUSE, "cancel")
    told = await called_off(floor)
    assert told["name"] == "RideCancelRefused"
    assert told["evidence"]["partner_reference"] == floor.rides()[0]["request_id"]


async def test_a_car_that_appears_when_nobody_waits_for_it_is_called_off(floor: Floor) -> None:
    floor.partners.order("uber", FaultKind.LATE, "dispatch", count=1, seconds=1.5)
    told = await sent(floor, preference=UBER)
    assert told["name"] == "RideDispatched"
    await floor.quiet("booking")
    kept = [each["expense_memo"] for each in floor.rides("processing", "accepted", "arriving", "in_progress", "completed")]
    assert kept == ([told["shown"]] if told["vendor"] == "uber" else [])


async def test_no_name_and_no_number_rests_with_the_ride(floor: Floor, databases: Databases) -> None:
    await sent(floor)
    assert any(b"Moreau" in exchange.sent for exchange in floor.partners.said("uber", "POST"))
    for table in ("operation", "ride", "outbox"):
        async with databases["booking"].read(floor.tenant) as connection:
            rows = (await connection.exec_driver_sql(f'select * from "{table}"')).all()
        assert "Moreau" not in repr(rows), table
        assert (a_draft().phone or "") not in repr(rows), table


async def test_without_a_number_the_desk_is_asked_and_no_driver_is(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with a_floor(databases, tenant, redis, without_a_number()) as floor:
        stand_still(floor)
        assert (await sent(floor, preference=UBER))["vendor"] == "contracted"
        assert floor.rides() == []


def without_a_number() -> PnrDraft:
    return a_draft(phone=None)
