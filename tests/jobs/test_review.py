"""The whole circle of a review: a partner that nobody can make out, a person who does, and the partner's book as the witness."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from redis.asyncio import Redis

from domains.booking.commands import BookRooms, CancelRooms
from domains.cases import actions, queries
from domains.cases.commands import ResolveReview
from domains.cases.events import ReviewDecided
from domains.cases.model import Finding, ReviewItem, ReviewKind
from domains.wallet.commands import IssueCard
from jobs.operations.book_rooms import BOOK_ROOMS
from jobs.operations.cancel_rooms import CANCEL_ROOMS
from jobs.operations.issue_card import ISSUE_CARD
from jobs.operations.search_hotels import SEARCH_HOTELS
from jobs.reactions import booking, cases, wallet
from kernel.database import Databases
from kernel.event import Envelope, decode
from kernel.money import Money
from kernel.sandbox.faults import FaultKind
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import event_urn
from runtime.embedded.valkey import ValkeyUrls
from tests.domains.booking.rooms import the_reservations
from tests.jobs.floor import Floor, a_floor

# Half a minute of look-ups without an answer would be an hour in earnest; what else there is of patience stays as it is.
IMPATIENT = (
    SEARCH_HOTELS, CANCEL_ROOMS, replace(BOOK_ROOMS, resolve_within=timedelta(milliseconds=100)),
    replace(ISSUE_CARD, budget=1, resolve_within=timedelta(0)),
)  # fmt: skip
RESOLVERS: Any = {"booking": booking.resolve_booking, "wallet": wallet.resolve_card}


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, valkey_urls: ValkeyUrls) -> AsyncIterator[Floor]:
    redis = Redis.from_url(valkey_urls.coordination)
    async with a_floor(databases, tenant, redis, operations=IMPATIENT) as made:
        yield made
    await redis.aclose()


def an_envelope(floor: Floor, name: str, body: dict[str, Any]) -> Envelope:
    return Envelope(
        urn=event_urn(), tenant=floor.tenant, sender="somebody", name=name, version=1, aggregate=floor.sub_case, seq=0, correlation="c",
        at=datetime.now(UTC), body=body,
    )  # fmt: skip


async def carry_over(floor: Floor, domain: str, name: str, count: int = 1) -> dict[str, Any]:
    """Brings what a domain told of its reviews to cases, as the bus does; the last of so many."""
    told = (await floor.answers(domain, name, count=count))[count - 1]
    async with floor.databases["cases"].work(floor.tenant) as work:
        envelope = an_envelope(floor, name, told)
        await cases.follow_review(work, decode(name, told), envelope, floor.ports)
    return told


async def decide(floor: Floor, finding: Finding, reference: str = "") -> None:
    """A person says what they found, and the domain hears of it."""
    item = await the_review(floor)
    async with floor.databases["cases"].work(floor.tenant, actor=Urn("urn:operator:ana")) as work:
        await actions.resolve_review(work, ResolveReview(item.urn, item.version, "I rang them up", finding, reference))
    told = (await floor.told("cases", "ReviewDecided"))[-1]
    event = decode("ReviewDecided", told)
    assert isinstance(event, ReviewDecided)
    for name, resolver in RESOLVERS.items():  # everybody hears it, and one of them owns it
        async with floor.databases[name].work(floor.tenant) as work:
            await resolver(work, event, an_envelope(floor, "ReviewDecided", told), floor.ports)
    floor.engine.wake(floor.tenant)


async def the_review(floor: Floor) -> ReviewItem:
    async with floor.databases["cases"].read(floor.tenant) as connection:
        return max((await queries.reviews(connection, floor.tenant)).items, key=lambda item: item.opened_at)


async def open_reviews(floor: Floor) -> int:
    async with floor.databases["cases"].read(floor.tenant) as connection:
        return (await queries.reviews(connection, floor.tenant)).total


async def lose_sight(floor: Floor, fault: FaultKind = FaultKind.LOST_ANSWER) -> dict[str, Any]:
    """A booking of which nobody can tell, also by looking, while the party sleeps elsewhere; what was told of it."""
    floor.partners.order("hotelbeds", fault, "book", count=1)
    floor.partners.order("hotelbeds", FaultKind.ERROR, "find")
    booked = await floor.booked()
    assert (booked["name"], booked["attempts"]) == ("RoomsBooked", 2)
    return await carry_over(floor, "booking", "BookingReviewed")


async def test_a_booking_that_a_person_found_is_cancelled_because_the_party_sleeps_elsewhere(floor: Floor) -> None:
    told = await lose_sight(floor)
    item = await the_review(floor)
    assert (item.kind, item.operation, told["finding"]) == (ReviewKind.OUTCOME_UNKNOWN, told["operation"], None)
    assert item.evidence["references"] == (await the_reservations(floor.databases, floor.tenant, floor.workflow))[0].client_reference
    assert len(floor.bookings()) == 2
    floor.partners.twin("hotelbeds").faults.clear()
    await decide(floor, Finding.FOUND)
    assert (await carry_over(floor, "booking", "BookingReviewed", 2))["finding"] == "FOUND"
    await floor.quiet("booking")
    assert (len(floor.bookings()), len(floor.bookings("CANCELLED")), await open_reviews(floor)) == (1, 1, 0)


async def test_a_person_may_name_the_partners_own_reference_and_a_wrong_one_is_not_believed(floor: Floor) -> None:
    await lose_sight(floor)
    kept, lost = (await floor.answer("booking", "RoomsBooked"))["confirmation"], ""
    lost = next(each["reference"] for each in floor.bookings() if each["reference"] != kept)
    await decide(floor, Finding.FOUND, kept)  # it is ours, and another one
    assert (await carry_over(floor, "booking", "BookingReviewed", 2))["finding"] is None
    assert "last_finding" in (await the_review(floor)).evidence
    await decide(floor, Finding.FOUND, lost)
    assert (await carry_over(floor, "booking", "BookingReviewed", 3))["finding"] == "FOUND"
    await floor.quiet("booking")
    assert [each["reference"] for each in floor.bookings()] == [kept]


async def test_what_a_person_did_not_find_is_over_and_cancelled_should_it_appear(floor: Floor) -> None:
    await lose_sight(floor)
    await decide(floor, Finding.ABSENT)  # a mistake: it is there
    floor.partners.twin("hotelbeds").faults.clear()
    assert (await carry_over(floor, "booking", "BookingReviewed", 2))["finding"] == "ABSENT"
    assert await open_reviews(floor) == 0
    await floor.quiet("booking")
    assert (len(floor.bookings()), len(floor.bookings("CANCELLED"))) == (1, 1)


async def test_an_undo_that_a_source_refused_ends_by_hand_or_by_trying_again(floor: Floor) -> None:
    await floor.booked()
    floor.partners.order("hotelbeds", FaultKind.REFUSE, "cancel", count=1)
    await floor.ask(CancelRooms(floor.sub_case, floor.workflow, "declined"))
    refused = await floor.answer("booking", "CancelRefused")
    async with floor.databases["cases"].work(floor.tenant) as work:
        found = (await queries.sub_cases_by_urn(work.connection, floor.tenant, [floor.sub_case]))[floor.sub_case]
        operation = Urn(refused["evidence"]["operation"])
        await actions.step_refused(work, floor.workflow, found.urn, "undo book", "refused", refused["evidence"], operation)
    await decide(floor, Finding.FOUND)  # it still stands: once more
    assert (await floor.answer("booking", "RoomsCancelled"))["reply_to"].endswith("|~CancelRooms|1")
    told = await carry_over(floor, "booking", "BookingReviewed")
    assert (told["finding"], told["opens"], floor.bookings()) == ("CANCELLED", False, [])
    assert await open_reviews(floor) == 0


async def test_a_card_that_nobody_could_make_out_is_asked_for_again_under_its_key(floor: Floor) -> None:
    floor.partners.order("pomelo", FaultKind.LOST_ANSWER, "card", count=1)
    await floor.ask(IssueCard(floor.sub_case, Money(Decimal("45.00"), "USD")))
    assert (await floor.answer("wallet", "CardRefused"))["unknown"]
    await carry_over(floor, "wallet", "CardReviewed")
    assert (await the_review(floor)).kind is ReviewKind.PAYMENT_FAILED
    await decide(floor, Finding.FOUND)
    await floor.answer("wallet", "CardIssued")
    assert (await carry_over(floor, "wallet", "CardReviewed", 2))["finding"] == "FOUND"
    assert (len(floor.cards()), await open_reviews(floor)) == (1, 0)


async def test_a_voucher_that_was_refused_because_nobody_knew_is_free_again(floor: Floor) -> None:
    """Every hotel's answer is lost: the party has no room, and none is left behind once a person has found out."""
    floor.partners.order("hotelbeds", FaultKind.LOST_REQUEST, "book")
    floor.partners.order("hotelbeds", FaultKind.ERROR, "find")
    await floor.ask(BookRooms(floor.sub_case, await floor.ranking()))
    refused = await floor.answer("booking", "RoomsRefused", "RoomsBooked")
    assert (refused["name"], refused["unknown"]) == ("RoomsRefused", True)
    told = await floor.answers("booking", "BookingReviewed", count=4)
    floor.partners.twin("hotelbeds").faults.clear()
    await floor.ask(CancelRooms(floor.sub_case, floor.workflow, "nobody knows"))
    assert (await floor.answer("booking", "CancelRefused", "RoomsCancelled"))["name"] == "CancelRefused"
    for number in range(len(told)):
        await carry_over(floor, "booking", "BookingReviewed", number + 1)
    assert await open_reviews(floor) == 4
    for number in range(4):
        await decide(floor, Finding.ABSENT)
        await carry_over(floor, "booking", "BookingReviewed", 4 + number + 1)
    assert await open_reviews(floor) == 0
    assert (await floor.answer("booking", "RoomsCancelled"))["reservations"] == []
    assert floor.bookings() == []
