"""The plan that houses a party: its questions, its answers, and what it gives back when it cannot go on."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domains.booking.commands import BookRooms, CancelRide, CancelRooms, DispatchRide, RankHotels
from domains.booking.events import (
    HotelsRanked,
    NoHotelFits,
    RideCancelled,
    RideCancelRefused,
    RideDispatched,
    RideRefused,
    RoomsBooked,
    RoomsCancelled,
    RoomsRefused,
)
from domains.cases.commands import PublishOffer, WithdrawOffer
from domains.cases.events import OfferNotPublished, OfferPublished, OfferWithdrawn
from domains.cases.model import Guests
from domains.notifications.commands import NotifyLead
from domains.notifications.events import LeadNotified, LeadNotReached
from domains.wallet.commands import IssueCard, VoidCard
from domains.wallet.events import CardIssued, CardRefused, CardVoided, VoidRefused
from jobs.sagas import load
from jobs.sagas.accommodate import ACCOMMODATE, WITHOUT_A_RIDE, Params, RideTerms
from jobs.sagas.release_accommodation import RELEASE_ACCOMMODATION
from jobs.sagas.release_accommodation import Params as ReleaseParams
from kernel.database import Databases
from kernel.event import encode
from kernel.money import Money
from kernel.saga import cancel
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.harness.saga import World, a_workflow, an_engine, break_every_step, journal_of, running, until_asked_or_ended, until_ended

SUB_CASE, CASE, WORKFLOW = Urn("urn:sub-case:s-1"), Urn("urn:case:c-1"), Urn("urn:workflow:w-1")
RESERVATION, CARD = Urn("urn:reservation:r-8842"), Urn("urn:issued-card:k-1")
RIDE = Urn("urn:ride:x1")
MEALS = Money(Decimal(180), "USD")
CEILING = Money(Decimal(60), "USD")


def some_params(**changes: Any) -> Params:
    facts: dict[str, Any] = {
        "workflow": WORKFLOW, "sub_case": SUB_CASE, "case": CASE, "airport": "JFK", "check_in": date(2026, 2, 8),
        "check_out": date(2026, 2, 10), "rooms": 1, "guests": Guests(2), "min_stars": 3, "max_distance_km": Decimal("25.5"),
        "max_nightly_rate": Money(Decimal(350), "USD"), "required_amenities": ("wifi",), "excluded_chains": (),
        "weights": {"cost": Decimal("0.6"), "distance": Decimal("0.25"), "consolidation": Decimal("0.15")},
        "tolerance_percent": Decimal(2), "card": MEALS, "ride": RideTerms(CEILING, ("contracted",)),
    }  # fmt: skip
    return Params(**{**facts, **changes})


def _booked(command: BookRooms, asked: object) -> RoomsBooked:
    return RoomsBooked(
        SUB_CASE, RESERVATION, "hotelbeds", "1-3087550", Urn("urn:hotel:1533:vendor:hotelbeds"), "Inn", "1 Road", None, date(2026, 2, 8),
        date(2026, 2, 10), 1, "ROOM ONLY", Money(Decimal("301.10"), "USD"),
    )  # fmt: skip


ANSWERS: dict[str, Any] = {
    "choose": lambda command, asked: HotelsRanked(SUB_CASE, Urn("urn:ranking:k1"), 3, "Inn", ("hotelbeds",), {}),
    "book": _booked,
    "publish": lambda command, asked: OfferPublished(SUB_CASE, command.offer.reservation, 2),
    "notify": lambda command, asked: LeadNotified(SUB_CASE, command.trigger, "SMS", Urn("urn:message:m-1")),
    "card": lambda command, asked: CardIssued(SUB_CASE, CARD, "pomelo", "1234", command.amount),
    "card_message": lambda command, asked: LeadNotified(SUB_CASE, command.trigger, "SMS", Urn("urn:message:m-2")),
    "transport": lambda command, asked: RideDispatched(SUB_CASE, RIDE, "uber", "UberX", "ref-1", Money(Decimal("12.84"), "USD"), 5),
    "transport_message": lambda command, asked: LeadNotified(SUB_CASE, command.trigger, "SMS", Urn("urn:message:m-3")),
    "~book": lambda command, asked: RoomsCancelled(SUB_CASE, (RESERVATION,)),
    "~publish": lambda command, asked: OfferWithdrawn(SUB_CASE, command.reservation),
    "~card": lambda command, asked: CardVoided(SUB_CASE, (CARD,)),
    "~transport": lambda command, asked: RideCancelled(SUB_CASE, (RIDE,)),
}
REFUSALS: dict[str, Any] = {
    "choose": lambda command, asked: NoHotelFits(SUB_CASE, "nothing within 25 km", {"too far": 4}),
    "book": lambda command, asked: RoomsRefused(SUB_CASE, "four hotels said no", 4),
    "publish": lambda command, asked: OfferNotPublished(SUB_CASE, "it was cancelled"),
    "notify": lambda command, asked: LeadNotReached(SUB_CASE, command.trigger, "no contact"),
    "card": lambda command, asked: CardRefused(SUB_CASE, "the pool is dry"),
    "card_message": lambda command, asked: LeadNotReached(SUB_CASE, command.trigger, "no contact"),
    "transport": lambda command, asked: RideRefused(SUB_CASE, "nobody drives there: uber"),
    "transport_message": lambda command, asked: LeadNotReached(SUB_CASE, command.trigger, "no contact"),
}
GOOD = ["choose", "book", "publish", "notify", "card", "card_message", "transport", "transport_message"]


def a_world(databases: Databases, tenant: Tenant, **changes: Any) -> World:
    return World(databases, tenant, ACCOMMODATE, ANSWERS, REFUSALS, **changes)


async def test_each_step_asks_with_the_answers_before_it(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE)) as hands:
        workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(), SUB_CASE)
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert world.names(workflow) == GOOD
    ranked, booking, publishing, told, carded, told_again, sent, told_of_it = [each.command for each in world.asked]
    assert ranked == RankHotels(
        SUB_CASE, "JFK", date(2026, 2, 8), date(2026, 2, 10), 1, 2, 0, 0, 3, Decimal("25.5"), Money(Decimal(350), "USD"),
        some_params().weights, ("wifi",), (),
    )  # fmt: skip
    assert booking == BookRooms(SUB_CASE, Urn("urn:ranking:k1"), Decimal(2))
    assert isinstance(publishing, PublishOffer)
    assert (publishing.offer.reservation, publishing.offer.confirmation, publishing.offer.card) == (RESERVATION, "1-3087550", None)
    assert isinstance(told, NotifyLead)
    assert (told.trigger, told.subject) == ("subcase.offer-ready", RESERVATION)
    assert carded == IssueCard(SUB_CASE, MEALS)
    assert told_again == NotifyLead(SUB_CASE, "wallet.card-issued", CARD, {"amount": "180 USD", "last_four": "1234"})
    assert sent == DispatchRide(SUB_CASE, RESERVATION, 2, CEILING, ("contracted",))
    assert told_of_it == NotifyLead(SUB_CASE, "transport.dispatched", RIDE, {"vehicle": "UberX", "shown": "ref-1", "hotel": "Inn"})
    assert {each.subject for each in world.asked} == {SUB_CASE}


async def test_breaking_any_step_leaves_nothing_behind(databases: Databases, tenant: Tenant) -> None:
    ends = await break_every_step(lambda: a_world(databases, tenant), some_params, continues=GOOD[3:])
    assert ends == {
        "choose": ("COMPENSATED", ["choose"]),
        "book": ("COMPENSATED", ["choose", "book"]),
        "publish": ("COMPENSATED", ["choose", "book", "publish", "~book"]),
        "notify": ("DONE", GOOD),
        "card": ("DONE", [*GOOD[:5], *GOOD[6:]]),  # nothing is said of a card that was not issued
        "card_message": ("DONE", GOOD),
        "transport": ("DONE", GOOD[:-1]),  # nor of a ride that nobody drives
        "transport_message": ("DONE", GOOD),
    }


@pytest.mark.parametrize("reached", ["transport", "transport_message"])
async def test_a_passenger_who_declines_while_it_runs_gets_everything_undone(databases: Databases, tenant: Tenant, reached: str) -> None:
    world = a_world(databases, tenant, silent={reached}, repeats=2)
    async with running(an_engine(databases, tenant, ACCOMMODATE)) as hands:
        workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(), SUB_CASE)
        async with asyncio.timeout(20):
            while reached not in world.names(workflow):
                await until_asked_or_ended(world, workflow)
        async with databases["cases"].work(tenant) as work:
            assert await cancel(work, workflow, "declined")
        await world.tell(world.asked[-1], ANSWERS[reached](world.asked[-1].command, None))
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
    undone = [each.command for each in world.asked if each.step.startswith("~")]
    assert undone == [
        CancelRide(SUB_CASE, WORKFLOW, "declined"),
        VoidCard(SUB_CASE, WORKFLOW, "declined"),
        WithdrawOffer(SUB_CASE, RESERVATION),
        CancelRooms(SUB_CASE, WORKFLOW, "declined"),
    ]


async def test_a_room_of_which_nobody_knows_is_given_back(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, refuse={"book"})
    world.refusals = {**REFUSALS, "book": lambda command, asked: RoomsRefused(SUB_CASE, "no look-up was answered", 1, unknown=True)}
    async with running(an_engine(databases, tenant, ACCOMMODATE)) as hands:
        workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(), SUB_CASE)
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
    assert world.names(workflow) == ["choose", "book", "~book"]


async def test_no_card_and_no_ride_is_asked_for_when_the_policy_gives_nothing(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE)) as hands:
        workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(card=None, ride=None), SUB_CASE)
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert world.names(workflow) == ["choose", "book", "publish", "notify"]


async def test_releasing_goes_on_over_what_a_partner_will_not_take_back(databases: Databases, tenant: Tenant) -> None:
    answers = {"withdraw": ANSWERS["~publish"], "call_off": ANSWERS["~transport"], "void": ANSWERS["~card"], "cancel": ANSWERS["~book"]}
    refusals = {
        "call_off": lambda command, asked: RideCancelRefused(SUB_CASE, "the desk is closed", {"partner_reference": "x1"}),
        "void": lambda command, asked: VoidRefused(SUB_CASE, "frozen", {"card": "c-1"}),
    }
    world = World(databases, tenant, RELEASE_ACCOMMODATION, answers, refusals, refuse={"call_off", "void"})
    async with running(an_engine(databases, tenant, RELEASE_ACCOMMODATION)) as hands:
        params = ReleaseParams(SUB_CASE, WORKFLOW, RESERVATION, "declined")
        workflow = await a_workflow(databases, tenant, RELEASE_ACCOMMODATION, params, SUB_CASE)
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert [each.command for each in world.asked] == [
        WithdrawOffer(SUB_CASE, RESERVATION),
        CancelRide(SUB_CASE, WORKFLOW, "declined"),
        VoidCard(SUB_CASE, WORKFLOW, "declined"),
        CancelRooms(SUB_CASE, WORKFLOW, "declined"),
    ]


async def test_a_workflow_of_the_version_without_a_ride_ends_as_it_began(databases: Databases, tenant: Tenant) -> None:
    world = World(databases, tenant, WITHOUT_A_RIDE, ANSWERS, REFUSALS)
    async with running(an_engine(databases, tenant, ACCOMMODATE, WITHOUT_A_RIDE)) as hands:
        workflow = await a_workflow(databases, tenant, WITHOUT_A_RIDE, some_params(), SUB_CASE)
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert world.names(workflow) == GOOD[:6]


def test_params_survive_their_way_through_the_database() -> None:
    assert ACCOMMODATE.read_params(encode(some_params())) == some_params()


def test_every_plan_is_complete() -> None:
    assert sorted(load()) == ["accommodate@1", "accommodate@2", "release_accommodation@1", "release_accommodation@2"]


async def test_the_timeline_says_what_was_got(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE)) as hands:
        workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(), SUB_CASE)
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert [line.summary for line in await journal_of(databases, tenant, workflow)] == [
        "3 candidates, the best is Inn",
        "1 room at Inn for 301.10 USD, confirmation 1-3087550",
        "The passenger sees the offer, snapshot 2",
        "Told by SMS",
        "Card ending in 1234 with 180 USD",
        "Told by SMS",
        "UberX by uber for 12.84 USD, in 5 min",
        "Told by SMS",
    ]
