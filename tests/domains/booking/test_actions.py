"""Booking on real Postgres and a real store of holds: every answer of a hotel, every order of asking and undoing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from domains.booking import actions, queries, store
from domains.booking.commands import BookRooms, CancelRooms
from domains.booking.model import Placement, PlacementState, Ranking, Reservation, ReservationState
from domains.booking.ports import BookingStatus, Cancellation, Occupancy, Rate, RateKind
from domains.booking.tables import hold
from kernel.database import Databases
from kernel.hold import Holds
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.domains.booking.rooms import Asked, Story, a_confirmation, a_ranking, a_reply_to, an_offer, the_reservations, usd

CONFIRMED, CANCELLING, CANCELLED = ReservationState.CONFIRMED, ReservationState.CANCELLING, ReservationState.CANCELLED
WATCHED = ReservationState.WATCHED


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
def holds(redis: Redis) -> Holds:
    return Holds(redis)


@pytest.fixture
def desk(databases: Databases, tenant: Tenant, holds: Holds) -> Desk:
    return Desk(databases, tenant, holds)


class Desk:
    """One workflow's booking, done by hand."""

    def __init__(self, databases: Databases, tenant: Tenant, holds: Holds) -> None:
        self.databases, self.tenant, self.holds, self.asked = databases, tenant, holds, Asked()
        self.booking, self.story = databases["booking"], Story(databases, tenant)
        self.workflow = Urn.mint("workflow")

    async def book(self, ranking: Ranking, attempt: int = 1) -> None:
        async with self.booking.work(self.tenant) as work:
            command = BookRooms(ranking.sub_case, ranking.urn)
            await actions.book_rooms(work, command, self.workflow, a_reply_to(self.workflow, attempt=attempt), self.holds, self.asked)

    async def confirm(self, reservation: Reservation, reference: str = "1-100") -> None:
        async with self.booking.work(self.tenant) as work:
            confirmation = a_confirmation(reservation, reference=reference)
            await actions.booking_confirmed(work, reservation.urn, confirmation, 1, self.holds, self.asked)

    async def lose_sight_of(self, reservation: Reservation, evidence: dict[str, str] | None = None) -> None:
        """Nobody can tell what became of it."""
        async with self.booking.work(self.tenant) as work:
            await actions.booking_unresolved(work, reservation.urn, evidence or {}, 1, self.holds, self.asked)

    async def lose_patience(self, reservation: Reservation) -> bool:
        """Nobody can tell yet, and the party cannot wait."""
        async with self.booking.work(self.tenant) as work:
            return await actions.booking_overdue(work, reservation.urn, self.holds, self.asked)

    async def prove_absent(self, reservation: Reservation) -> None:
        async with self.booking.work(self.tenant) as work:
            await actions.booking_absent(work, reservation.urn, "proven absent", 1, self.holds, self.asked)

    async def refuse_to_cancel(self, reservation: Reservation, why: str = "too late") -> None:
        async with self.booking.work(self.tenant) as work:
            await actions.cancel_refused(work, reservation.urn, why, {"code": "X"})

    async def states(self) -> list[ReservationState]:
        return [each.state for each in await self.reservations()]

    async def decline(self, reservation: Reservation, why: str = "stop sales") -> None:
        async with self.booking.work(self.tenant) as work:
            await actions.booking_declined(work, reservation.urn, why, 1, self.holds, self.asked)

    async def cancel(self, sub_case: Urn, attempt: int = 1) -> None:
        async with self.booking.work(self.tenant) as work:
            reply_to = a_reply_to(self.workflow, "~book", attempt)
            await actions.cancel_rooms(work, CancelRooms(sub_case, self.workflow, "declined"), reply_to, self.holds, self.asked)

    async def cancelled(self, reservation: Reservation) -> None:
        async with self.booking.work(self.tenant) as work:
            await actions.cancelled(work, reservation.urn, Cancellation("1-100", "C-1", None), self.holds)

    async def undo(self) -> None:
        async with self.booking.work(self.tenant) as work:
            await actions.undo(work, self.workflow, self.holds, self.asked)

    async def verify(self, reservation: Reservation, reference: str, partner: str, status: BookingStatus = BookingStatus.CONFIRMED) -> None:
        confirmation = a_confirmation(reservation, client_reference=reference, reference=partner, status=status)
        async with self.booking.work(self.tenant) as work:
            await actions.booking_verified(work, reservation.urn, reference, confirmation, self.asked)

    async def counts(self) -> list[tuple[int, int, int]]:
        """(held, confirmed, free) of each night."""
        async with self.booking.read(self.tenant) as connection:
            return [(row.held, row.confirmed, row.free) for row in await queries.hold_counts(connection, self.tenant, "JFK")]

    async def reservations(self) -> list[Reservation]:
        return await the_reservations(self.databases, self.tenant, self.workflow)

    async def placement(self) -> Placement:
        async with self.booking.work(self.tenant) as work:
            found = await store.lock_placement(work, self.workflow)
        assert found is not None
        return found


async def test_ranking_is_kept_and_told(databases: Databases, tenant: Tenant) -> None:
    far, near = an_offer(distance_km=30.0), an_offer()
    ranking = await a_ranking(databases, tenant, [far, near])
    [told] = await Story(databases, tenant).told("HotelsRanked", "NoHotelFits")
    assert (told["name"], told["ranking"], told["candidates"], told["best"]) == ("HotelsRanked", ranking.urn, 1, near.name)
    async with databases["booking"].work(tenant) as work:
        assert await store.ranking_of(work, ranking.urn) == ranking
    assert ranking.excluded == {"TOO_FAR": 1}


async def test_nothing_that_fits_is_told_with_the_reasons(databases: Databases, tenant: Tenant) -> None:
    await a_ranking(databases, tenant, [an_offer(stars=1), an_offer(stars=2), an_offer(nightly=usd(900))])
    [told] = await Story(databases, tenant).told("NoHotelFits")
    assert told["excluded"] == {"TOO_DEAR": 1, "TOO_FEW_STARS": 2}
    assert told["why"] == "no hotel near JFK fits the policy: 1 too dear, 2 too few stars"


async def test_ranking_counts_what_we_already_have(desk: Desk) -> None:
    offer = an_offer(allotment=1)
    await desk.book(await a_ranking(desk.databases, desk.tenant, [offer]))
    again = await a_ranking(desk.databases, desk.tenant, [offer])
    assert again.excluded == {"TOO_FEW_ROOMS": 1}


async def test_booking_holds_first_and_asks_the_best_hotel(desk: Desk) -> None:
    best, second = an_offer(allotment=3), an_offer(nightly=usd(200))
    await desk.book(await a_ranking(desk.databases, desk.tenant, [second, best]))
    [reservation] = desk.asked.booked
    assert (reservation.offer, reservation.state) == (best, ReservationState.ASKED)
    assert 1 <= len(reservation.client_reference) <= 20
    assert await desk.counts() == [(1, 0, 2)]
    assert await desk.story.told("RoomsBooked", "RoomsRefused") == []


async def test_a_confirmed_booking_is_told_once_with_everything_an_offer_needs(desk: Desk) -> None:
    offer = an_offer(allotment=3, phone="+1718")
    ranking = await a_ranking(desk.databases, desk.tenant, [offer])
    await desk.book(ranking)
    for _ in range(2):
        await desk.confirm(desk.asked.booked[0])
    [told] = await desk.story.told("RoomsBooked", "RoomsRefused")
    assert told["reply_to"] == a_reply_to(desk.workflow)
    assert (told["confirmation"], told["hotel_name"], told["rooms"], told["vendor"]) == ("1-100", offer.name, 1, "hotelbeds")
    assert await desk.counts() == [(0, 1, 2)]
    assert (await desk.reservations())[0].tagged.endswith(":vendor:hotelbeds:status:confirmed")


async def test_a_repeated_question_never_books_twice(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer()])
    await desk.book(ranking)
    await desk.book(ranking)
    await desk.confirm(desk.asked.booked[0])
    await desk.book(ranking, attempt=2)
    assert len(desk.asked.booked) == 1
    told = await desk.story.told("RoomsBooked")
    assert [each["reply_to"] for each in told] == [a_reply_to(desk.workflow), a_reply_to(desk.workflow, attempt=2)]
    assert told[0]["reservation"] == told[1]["reservation"]


async def test_a_declined_booking_frees_its_rooms_and_asks_the_next_hotel(desk: Desk) -> None:
    first, second = an_offer(), an_offer(nightly=usd(150))
    await desk.book(await a_ranking(desk.databases, desk.tenant, [first, second]))
    await desk.decline(desk.asked.booked[0])
    assert [each.offer for each in desk.asked.booked] == [first, second]
    assert desk.asked.booked[0].client_reference != desk.asked.booked[1].client_reference
    assert sorted(await desk.counts()) == [(0, 0, 50), (1, 0, 49)]


async def test_after_three_further_hotels_it_is_refused(desk: Desk) -> None:
    offers = [an_offer(nightly=usd(100 + n)) for n in range(6)]
    await desk.book(await a_ranking(desk.databases, desk.tenant, offers))
    for n in range(4):
        await desk.decline(desk.asked.booked[n])
    assert len(desk.asked.booked) == 4
    [told] = await desk.story.told("RoomsRefused")
    assert (told["attempts"], told["unknown"], told["why"]) == (4, False, "4 hotels said no")
    assert told["evidence"] == {offer.name: "stop sales" for offer in offers[:4]}


async def test_a_hotel_whose_last_rooms_are_held_is_passed_over_without_asking(desk: Desk) -> None:
    last, other = an_offer(allotment=1), an_offer(nightly=usd(150))
    rankings = [await a_ranking(desk.databases, desk.tenant, [last, other]) for _ in range(2)]
    rival = Desk(desk.databases, desk.tenant, desk.holds)
    await rival.book(rankings[0])
    await desk.book(rankings[1])
    assert [each.offer for each in desk.asked.booked] == [other]
    assert (await desk.placement()).evidence == {last.name: "0 rooms left while others are being booked"}


async def test_thirty_parties_at_once_hold_a_hotels_ten_rooms_once(desk: Desk) -> None:
    offer = an_offer(allotment=10)
    rivals = [Desk(desk.databases, desk.tenant, desk.holds) for _ in range(30)]
    rankings = [await a_ranking(desk.databases, desk.tenant, [offer]) for _ in rivals]
    await asyncio.gather(*(rival.book(ranking) for rival, ranking in zip(rivals, rankings, strict=True)))
    assert sum(len(rival.asked.booked) for rival in rivals) == 10
    assert len(await desk.story.told("RoomsRefused")) == 20
    assert await desk.counts() == [(10, 0, 0)]


async def test_a_party_of_several_rooms_is_one_booking(desk: Desk) -> None:
    rates = (
        Rate("a", RateKind.BOOKABLE, Occupancy(2, 2), usd(200)),
        Rate("b", RateKind.BOOKABLE, Occupancy(1, 1, (8,)), usd(100)),
    )
    offer = an_offer(rates=rates, total=usd(300), allotment=3)
    await desk.book(await a_ranking(desk.databases, desk.tenant, [offer], rooms=3, adults=5, children=1))
    assert len(desk.asked.booked) == 1
    assert await desk.counts() == [(3, 0, 0)]


async def test_an_unresolved_booking_without_another_hotel_is_refused_as_unknown_with_evidence(desk: Desk) -> None:
    offer = an_offer()
    ranking = await a_ranking(desk.databases, desk.tenant, [offer])
    await desk.book(ranking)
    await desk.lose_sight_of(desk.asked.booked[0], {"references": "abc"})
    await desk.book(ranking, attempt=2)
    told = await desk.story.told("RoomsRefused")
    evidence = {"references": "abc", offer.name: "nobody can tell whether it has booked"}
    assert [(each["unknown"], each["evidence"]) for each in told] == [(True, evidence)] * 2
    assert len(desk.asked.booked) == 1


async def test_an_unresolved_booking_does_not_keep_the_party_from_the_next_hotel(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer(nightly=usd(150))]))
    await desk.lose_sight_of(desk.asked.booked[0])
    await desk.confirm(desk.asked.booked[1])
    [told] = await desk.story.told("RoomsBooked", "RoomsRefused")
    assert (told["name"], told["attempts"]) == ("RoomsBooked", 2)
    assert await desk.states() == [ReservationState.UNKNOWN, CONFIRMED]


async def test_a_party_that_cannot_wait_gets_the_next_hotel_and_the_first_is_cancelled_when_it_appears(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer(nightly=usd(150))]))
    first = desk.asked.booked[0]
    assert await desk.lose_patience(first)
    assert not await desk.lose_patience(first)
    second = desk.asked.booked[1]
    assert await desk.states() == [WATCHED, ReservationState.ASKED]
    await desk.confirm(second, "1-200")
    await desk.confirm(first, "1-100")
    [(ghost, reply_to)] = desk.asked.cancelled
    assert (ghost.urn, ghost.partner_reference, reply_to) == (first.urn, "1-100", None)
    await desk.cancelled(ghost)
    assert await desk.states() == [CANCELLED, CONFIRMED]
    [told] = await desk.story.told("RoomsBooked", "RoomsRefused", "RoomsCancelled")
    assert told["confirmation"] == "1-200"


async def test_what_appears_while_the_next_hotel_is_still_asked_is_cancelled(desk: Desk) -> None:
    """Whatever the second one says: that it will not do is known in seconds, and then a third is asked."""
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer(nightly=usd(150)), an_offer(nightly=usd(160))]))
    first = desk.asked.booked[0]
    await desk.lose_patience(first)
    await desk.confirm(first)
    await desk.decline(desk.asked.booked[1])
    assert await desk.states() == [CANCELLING, ReservationState.DECLINED, ReservationState.ASKED]


async def test_the_last_hope_is_waited_for_and_kept(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer(nightly=usd(150))]))
    first = desk.asked.booked[0]
    await desk.lose_patience(first)
    await desk.decline(desk.asked.booked[1])
    assert await desk.story.told("RoomsBooked", "RoomsRefused") == []
    await desk.confirm(first, "1-100")
    [told] = await desk.story.told("RoomsBooked", "RoomsRefused")
    assert (told["name"], told["confirmation"], desk.asked.cancelled) == ("RoomsBooked", "1-100", [])
    assert (await desk.placement()).reservation == first.urn


async def test_when_the_last_hope_is_proven_absent_the_party_is_refused(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer(nightly=usd(150))]))
    await desk.lose_patience(desk.asked.booked[0])
    await desk.decline(desk.asked.booked[1])
    await desk.prove_absent(desk.asked.booked[0])
    [told] = await desk.story.told("RoomsBooked", "RoomsRefused")
    assert (told["name"], told["unknown"], len(told["evidence"])) == ("RoomsRefused", False, 3)
    assert told["evidence"]["away"] == "hotelbeds"


async def test_without_another_hotel_the_party_waits(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]))
    assert not await desk.lose_patience(desk.asked.booked[0])
    await desk.confirm(desk.asked.booked[0])
    assert await desk.states() == [CONFIRMED]


async def test_an_undo_owes_what_is_watched(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer(nightly=usd(150))])
    await desk.book(ranking)
    await desk.lose_patience(desk.asked.booked[0])
    await desk.confirm(desk.asked.booked[1], "1-200")
    desk.asked.under_way = 1
    await desk.cancel(ranking.sub_case)
    assert desk.asked.cancelled == []
    await desk.confirm(desk.asked.booked[0], "1-100")
    await desk.undo()
    assert sorted(each.partner_reference or "" for each, _ in desk.asked.cancelled) == ["1-100", "1-200"]
    for reservation, _ in list(desk.asked.cancelled):
        await desk.cancelled(reservation)
    [told] = await desk.story.told("RoomsCancelled")
    assert len(told["reservations"]) == 2


@pytest.mark.parametrize("found", [True, False])
async def test_what_a_person_finds_out_ends_an_undo_that_stood_still(desk: Desk, found: bool) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer()])
    await desk.book(ranking)
    asked = desk.asked.booked[0]
    await desk.lose_sight_of(asked)
    await desk.cancel(ranking.sub_case)
    await desk.refuse_to_cancel(asked, "the source knows no booking under our reference")
    assert (await desk.placement()).state is PlacementState.STUCK
    if found:
        await desk.confirm(asked, "1-100")
        assert [each.partner_reference for each, _ in desk.asked.cancelled] == [None, "1-100"]
        assert await desk.story.told("RoomsCancelled") == []
        await desk.cancelled(asked)
    else:
        await desk.prove_absent(asked)
    [told] = await desk.story.told("RoomsCancelled")
    assert told["reply_to"] == a_reply_to(desk.workflow, "~book")
    assert (await desk.placement()).state is PlacementState.UNDONE


async def test_what_a_person_has_cancelled_by_hand_ends_the_undo(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer()])
    await desk.book(ranking)
    await desk.confirm(desk.asked.booked[0])
    await desk.cancel(ranking.sub_case)
    for _ in range(2):  # refused, tried once more, refused again
        await desk.refuse_to_cancel(desk.asked.booked[0])
    await desk.cancelled(desk.asked.booked[0])
    assert [each["name"] for each in await desk.story.told("RoomsCancelled", "CancelRefused")] == ["CancelRefused", "RoomsCancelled"]
    assert await desk.counts() == [(0, 0, 50)]


async def test_a_hotel_that_was_never_reached_is_left_for_the_next(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer(nightly=usd(150))]))
    await desk.prove_absent(desk.asked.booked[0])
    assert len(desk.asked.booked) == 2
    assert [each.state for each in await desk.reservations()] == [ReservationState.ABSENT, ReservationState.ASKED]


async def test_undoing_a_confirmed_booking_cancels_it_and_frees_the_rooms(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer(allotment=2)])
    await desk.book(ranking)
    await desk.confirm(desk.asked.booked[0])
    await desk.cancel(ranking.sub_case)
    [(reservation, reply_to)] = desk.asked.cancelled
    assert (reservation.state, reservation.partner_reference, reply_to) == (CANCELLING, "1-100", a_reply_to(desk.workflow, "~book"))
    assert await desk.story.told("RoomsCancelled") == []
    for _ in range(2):
        await desk.cancelled(reservation)
    [told] = await desk.story.told("RoomsCancelled")
    assert told["reservations"] == [reservation.urn]
    assert await desk.counts() == [(0, 0, 2)]


async def test_what_was_undone_is_booked_anew_with_another_ranking_and_with_no_other(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer()])
    await desk.book(ranking)
    await desk.confirm(desk.asked.booked[0])
    await desk.cancel(ranking.sub_case)
    [(reservation, _)] = desk.asked.cancelled
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]), attempt=2)
    assert len(desk.asked.booked) == 1  # it is still being undone
    await desk.cancelled(reservation)
    await desk.book(ranking)
    assert len(desk.asked.booked) == 1  # late
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]), attempt=2)
    await desk.confirm(desk.asked.booked[1])
    assert [each["name"] for each in await desk.story.told("RoomsBooked", "RoomsRefused", "RoomsCancelled")] == [
        "RoomsBooked", "RoomsRefused", "RoomsCancelled", "RoomsRefused", "RoomsBooked",
    ]  # fmt: skip


async def test_undoing_waits_for_what_is_under_way_and_then_cancels_it(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer()])
    await desk.book(ranking)
    desk.asked.under_way = 1
    await desk.cancel(ranking.sub_case)
    assert await desk.story.told("RoomsCancelled", "CancelRefused") == []
    await desk.confirm(desk.asked.booked[0])
    await desk.undo()
    assert await desk.story.told("RoomsBooked") == []
    await desk.cancelled(desk.asked.cancelled[0][0])
    assert len(await desk.story.told("RoomsCancelled")) == 1


async def test_a_booking_declined_while_undoing_asks_no_other_hotel(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer()])
    await desk.book(ranking)
    desk.asked.under_way = 1
    await desk.cancel(ranking.sub_case)
    await desk.decline(desk.asked.booked[0])
    await desk.undo()
    assert len(desk.asked.booked) == 1
    [told] = await desk.story.told("RoomsCancelled", "RoomsRefused", "CancelRefused")
    assert (told["name"], told["reservations"]) == ("RoomsCancelled", [])


async def test_undoing_what_was_not_sent_yet_costs_nothing(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer(allotment=2)])
    await desk.book(ranking)
    await desk.cancel(ranking.sub_case)
    assert desk.asked.cancelled == []
    assert len(await desk.story.told("RoomsCancelled")) == 1
    assert await desk.counts() == [(0, 0, 2)]


async def test_undoing_twice_answers_twice_and_cancels_once(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer()])
    await desk.book(ranking)
    await desk.confirm(desk.asked.booked[0])
    for attempt in (1, 2):
        await desk.cancel(ranking.sub_case, attempt)
    await desk.cancelled(desk.asked.cancelled[0][0])
    await desk.cancel(ranking.sub_case, 3)
    assert len(desk.asked.cancelled) == 1
    told = await desk.story.told("RoomsCancelled")
    assert [each["reply_to"] for each in told] == [a_reply_to(desk.workflow, "~book", n) for n in (2, 3)]


async def test_a_booking_asked_for_after_its_undoing_is_refused(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer()])
    await desk.cancel(ranking.sub_case)
    await desk.book(ranking)
    assert desk.asked.booked == []
    assert [each["name"] for each in await desk.story.told("RoomsCancelled", "RoomsRefused")] == ["RoomsCancelled", "RoomsRefused"]


async def test_a_refused_cancellation_ends_with_the_sources_references(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer()])
    await desk.book(ranking)
    await desk.confirm(desk.asked.booked[0])
    await desk.cancel(ranking.sub_case)
    await desk.refuse_to_cancel(desk.asked.cancelled[0][0])
    [told] = await desk.story.told("CancelRefused")
    assert told["evidence"]["partner_reference"] == "1-100"
    assert told["evidence"]["client_reference"] == desk.asked.booked[0].client_reference
    assert (await desk.placement()).state is PlacementState.STUCK
    await desk.cancel(ranking.sub_case, 2)
    assert len(desk.asked.cancelled) == 2


async def test_an_unknown_booking_is_looked_for_and_cancelled_when_undone(desk: Desk) -> None:
    ranking = await a_ranking(desk.databases, desk.tenant, [an_offer()])
    await desk.book(ranking)
    await desk.lose_sight_of(desk.asked.booked[0])
    await desk.cancel(ranking.sub_case)
    assert [each.partner_reference for each, _ in desk.asked.cancelled] == [None]


async def test_a_ghost_of_a_declined_booking_is_cancelled(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(), an_offer()]))
    declined = desk.asked.booked[0]
    await desk.decline(declined)
    await desk.confirm(desk.asked.booked[1])
    await desk.verify(declined, declined.client_reference, "1-666")
    [(ghost, reply_to)] = desk.asked.cancelled
    assert (ghost.urn, ghost.partner_reference, reply_to) == (declined.urn, "1-666", None)
    await desk.cancelled(ghost)
    assert [each.state for each in await desk.reservations()] == [CANCELLED, CONFIRMED]
    assert await desk.story.told("RoomsCancelled") == []


async def test_a_ghost_of_an_earlier_send_is_cancelled_and_the_kept_booking_stays(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]))
    kept = desk.asked.booked[0]
    await desk.confirm(kept)
    for _ in range(2):
        await desk.verify(kept, "given-up-reference", "1-666")
    [(ghost, _)] = desk.asked.cancelled
    assert (ghost.partner_reference, ghost.client_reference) == ("1-666", "given-up-reference")
    await desk.cancelled(ghost)
    assert {each.urn: each.state for each in await desk.reservations()} == {kept.urn: CONFIRMED, ghost.urn: CANCELLED}
    assert await desk.counts() == [(0, 1, 49)]


async def test_verifying_what_we_know_changes_nothing(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]))
    kept = desk.asked.booked[0]
    await desk.confirm(kept)
    await desk.verify(kept, kept.client_reference, "1-100")
    await desk.verify(kept, "given-up-reference", "1-666", BookingStatus.CANCELLED)
    assert desk.asked.cancelled == []


async def test_holds_end_unless_the_booking_is_still_under_way(desk: Desk) -> None:
    abandoned = Desk(desk.databases, desk.tenant, desk.holds)
    for each in (desk, abandoned):
        await each.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]))
    await abandoned.lose_sight_of(abandoned.asked.booked[0])
    late = timedelta(minutes=11)
    async with desk.booking.work(desk.tenant) as work:
        await work.execute(hold.update().where(hold.c.tenant == desk.tenant).values(until=await work.now() - late))
        assert await actions.expire_holds(work, desk.holds) == 2
    assert sorted(await desk.counts()) == [(0, 0, 50), (1, 0, 49)]


async def test_holding_goes_on_after_the_store_was_wiped(desk: Desk, redis: Redis) -> None:
    offer = an_offer(allotment=2)
    rivals = [Desk(desk.databases, desk.tenant, desk.holds) for _ in range(3)]
    rankings = [await a_ranking(desk.databases, desk.tenant, [offer]) for _ in rivals]
    await rivals[0].book(rankings[0])
    await redis.flushall()
    await rivals[1].book(rankings[1])
    await rivals[2].book(rankings[2])
    assert [len(each.asked.booked) for each in rivals] == [1, 1, 0]


async def test_booking_goes_on_without_the_store_of_holds(desk: Desk) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    desk.holds = Holds(nowhere)
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer(allotment=2)]))
    await desk.confirm(desk.asked.booked[0])
    assert await desk.counts() == [(0, 1, 1)]
    await nowhere.aclose()


async def test_hold_counts_are_read_again_by_their_names_with_a_rising_version(desk: Desk) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]))
    [changed] = await desk.story.told("HoldsChanged")
    versions = []
    for _ in range(2):
        async with desk.booking.read(desk.tenant) as connection:
            [row] = await queries.hold_counts(connection, desk.tenant, "JFK")
            assert await queries.hold_counts_by_urn(connection, desk.tenant, [row.urn]) == {row.urn: row}
        versions.append(row.version)
        await desk.confirm(desk.asked.booked[0])
    assert versions[0] < versions[1]
    assert (changed["hotel"], changed["airport"]) == (row.hotel, "JFK")


async def test_another_airlines_holds_are_not_counted(desk: Desk, databases: Databases) -> None:
    await desk.book(await a_ranking(desk.databases, desk.tenant, [an_offer()]))
    other = Tenant("t2")
    async with databases["booking"].read(other) as connection:
        urns = [each.urn for each in await the_reservations(databases, desk.tenant, desk.workflow)]
        assert await queries.reservations_by_urn(connection, other, urns) == {}
