"""Contracted carriers: sent for by a text that names nobody, found again by its words, called off by another."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.contracted import VENDOR
from adapters.contracted.client import Contracted
from adapters.contracted.contracts import carriers
from adapters.contracted.sandbox import DESK, credentials
from domains.booking.ports import Drive, Point, Quote, Ride, RideOrder, Rider, RideStatus
from kernel import clock
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Unintelligible
from kernel.money import Money
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets
from tests.harness.partners import T1, T2, Partners, partners

DRIVE = Drive("JFK", Point(40.6398, -73.7789), Point(40.67, -73.80), "Harbor Inn, 10 Conduit Ave", 3)
ANA = Rider("Ana", "Doe", "+12125550101")


@pytest.fixture
def world() -> Partners:
    return partners()


async def an_order(world: Partners, reference: str = "ride-1") -> RideOrder:
    answer = await world.registry.rides[VENDOR].quotes(T1, DRIVE)
    assert isinstance(answer, Ok)
    (quote,) = answer.value
    return RideOrder(reference, DRIVE, quote)


def since() -> datetime:
    return clock.now() - timedelta(minutes=1)


def told(world: Partners) -> list[str]:
    return [text["body"] for text in world.book("twilio")["messages"] if text["to"] == DESK]


async def test_a_ride_is_sent_for_found_again_and_called_off(world: Partners) -> None:
    rides, order = world.registry.rides[VENDOR], await an_order(world)
    assert await rides.dispatch(T1, order, ANA) == Ok(Ride("ride-1", "ride-1", RideStatus.REQUESTED))
    assert await rides.find(T1, order, since()) == Ok(Ride("ride-1", "ride-1", RideStatus.REQUESTED))
    assert await rides.cancel(T1, order, "ride-1") == Ok(Ride("ride-1", "ride-1", RideStatus.CANCELLED))
    assert await rides.find(T1, order, since()) == Ok(Ride("ride-1", "ride-1", RideStatus.CANCELLED))
    assert told(world) == [
        "Ride ride-1: 3 seats now, JFK to Harbor Inn, 10 Conduit Ave. The passenger shows this number.",
        "Ride ride-1 is CANCELLED: JFK to Harbor Inn, 10 Conduit Ave.",
    ]


async def test_the_desk_is_told_nothing_of_who_rides(world: Partners) -> None:
    await world.registry.rides[VENDOR].dispatch(T1, await an_order(world), ANA)
    assert not any(word in text for text in told(world) for word in ("Ana", "Doe", "2125550101"))


async def test_orders_are_told_apart(world: Partners) -> None:
    rides, order = world.registry.rides[VENDOR], await an_order(world)
    await rides.dispatch(T1, order, ANA)
    assert await rides.find(T1, replace(order, client_reference="ride-2"), since()) == Ok(None)
    assert await rides.find(T2, order, since()) == Ok(None)
    assert await rides.find(T1, order, clock.now() + timedelta(seconds=2)) == Ok(None)


@pytest.mark.parametrize(
    ("kind", "expected", "held"),
    [
        (FaultKind.LOST_REQUEST, Unknown, 0),
        (FaultKind.LOST_ANSWER, Unknown, 1),
        (FaultKind.LATE, Unknown, 1),
        (FaultKind.ERROR_EXECUTED, Unknown, 1),
        (FaultKind.THROTTLE, NotSent, 0),
        (FaultKind.REFUSE, Declined, 0),
        (FaultKind.DRIFT, Unknown, 1),
    ],
)
async def test_what_becomes_of_the_text_becomes_of_the_ride(world: Partners, kind: FaultKind, expected: type, held: int) -> None:
    rides, order = world.registry.rides[VENDOR], await an_order(world)
    world.order("twilio", kind, "send", count=1, seconds=0.02)
    assert type(await rides.dispatch(T1, order, ANA)) is expected
    await world.twin("twilio").quiet()
    found = await rides.find(T1, order, since())
    assert isinstance(found, Ok)
    assert (found.value is not None) == bool(held) == bool(told(world))


async def test_an_unclear_look_up_is_never_an_empty_one(world: Partners) -> None:
    rides, order = world.registry.rides[VENDOR], await an_order(world)
    for skip in (0, 1):
        world.twin("twilio").faults.clear()
        world.order("twilio", FaultKind.GARBAGE, "find", skip=skip)
        assert isinstance(await rides.find(T1, order, since()), Unknown)


async def test_nobody_says_how_it_goes_on(world: Partners) -> None:
    answer = await world.registry.rides[VENDOR].read(T1, await an_order(world), "ride-1")
    assert isinstance(answer, Declined)
    assert answer.code == "NOT_OFFERED"


@pytest.mark.parametrize(
    ("drive", "covered"),
    [
        (DRIVE, True),
        (replace(DRIVE, airport="BOS"), False),
        (replace(DRIVE, dropoff=Point(41.5, -73.8)), False),
    ],
)
async def test_a_contract_covers_its_airports_and_no_farther(world: Partners, drive: Drive, covered: bool) -> None:
    answer = await world.registry.rides[VENDOR].quotes(T1, drive)
    assert isinstance(answer, Ok)
    assert bool(answer.value) is covered


async def test_a_fare_is_for_the_road_and_not_for_the_crow(world: Partners) -> None:
    quote = (await an_order(world)).quote
    assert quote == Quote(VENDOR, "Hudson Shuttle", "Hudson Shuttle", 12, Money(Decimal("25.91"), "USD"), timedelta(minutes=25))


class Silent:
    """A channel that nobody may use."""

    vendor = "silent"

    async def send(self, *_: Any) -> Answer[Any]:
        raise AssertionError

    async def find(self, *_: Any) -> Answer[Any]:
        raise AssertionError


CARRIER: dict[str, Any] = json.loads(credentials("t1")["carriers"])[0]


@pytest.mark.parametrize(
    "account", [None, "{}", '{"carriers": "nothing"}', json.dumps({"carriers": json.dumps([{**CARRIER, "desk": "555"}])})]
)
async def test_without_a_readable_contract_nobody_is_sent_for(world: Partners, tmp_path: Path, account: str | None) -> None:
    (tmp_path / "t1" / "vendor").mkdir(parents=True)
    if account is not None:
        (tmp_path / "t1" / "vendor" / VENDOR).write_text(account)
    order, rides = await an_order(world), Contracted(Silent(), FileSecrets(tmp_path))
    assert await rides.quotes(T1, DRIVE) == Ok(())
    assert await rides.dispatch(T1, order, ANA) == Declined("NO_CONTRACT", "there is no contract with Hudson Shuttle")
    assert isinstance(await rides.cancel(T1, order, "ride-1"), Declined)
    assert isinstance(await rides.find(T1, order, since()), NotSent)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"name": "x" * 41},
        {"desk": "+0"},
        {"airports": None},
        {"airports": ["New York"]},
        {"radiusKm": "far"},
        {"seats": 1.5},
        {"base": None},
        {"perKm": "NaN"},
        {"currency": ""},
    ],
)
def test_a_contract_that_cannot_be_read_names_the_field_alone(changes: dict[str, Any]) -> None:
    with pytest.raises(Unintelligible) as error:
        carriers(json.dumps([{**CARRIER, **changes}]))
    assert DESK not in str(error.value)
    assert next(iter(changes)) in str(error.value) or "currency" in changes


@pytest.mark.parametrize("text", ["{}", "[1]", "x", json.dumps([CARRIER, CARRIER])])
def test_contracts_are_a_list_of_different_carriers(text: str) -> None:
    with pytest.raises(Unintelligible):
        carriers(text)
