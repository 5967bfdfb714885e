"""BookRooms: hold, ask, and fall back over the ranking until a hotel says yes.

Each hotel is one reservation, one hold and one partner operation, written in one transaction before anything is sent. The operation's
outcome comes back to one of the four `booking_…` functions, in the transaction that ends the operation.

A family does not wait for a hotel of which nobody can tell: the next one is asked, and the first stays watched. Guarantees: one hotel at
most is kept; whatever else turns out to be booked is cancelled; a party is refused only when no hotel can say yes any more.
"""

from __future__ import annotations

from dataclasses import replace

from domains.booking import store
from domains.booking.actions.asks import Asks
from domains.booking.actions.cancel import give_back, undone_meanwhile
from domains.booking.actions.contract import take_units
from domains.booking.actions.hold import confirm_hold, release_hold, take_hold
from domains.booking.commands import BookRooms
from domains.booking.events import RoomsBooked, RoomsRefused
from domains.booking.model import (
    FURTHER_HOTELS,
    IN_QUESTION,
    UNRESOLVED,
    Candidate,
    Hold,
    Placement,
    PlacementState,
    Ranking,
    Reservation,
    ReservationState,
)
from domains.booking.ports import Confirmation
from kernel.hold import Full, Holds
from kernel.operation import fresh_reference
from kernel.urn import Urn
from kernel.work import Work


async def book_rooms(work: Work, command: BookRooms, workflow: Urn, reply_to: str, holds: Holds, asks: Asks) -> None:
    """Begins to book; answers RoomsBooked or RoomsRefused, at once or when a hotel has answered.

    A workflow places its party once: asked again it answers what it answered, or goes on with what it is at. With another ranking it
    begins anew where nothing stands: after a refusal, and after everything was undone.
    """
    fresh = Placement(workflow, command.sub_case, PlacementState.PLACING, command.ranking, command.tolerance_percent, reply_to=reply_to)
    if await store.begin_placement(work, fresh):
        await _next_hotel(work, fresh, holds, asks)
        return
    placement = await store.lock_placement(work, workflow)
    assert placement is not None
    nothing_stands = placement.state in (PlacementState.REFUSED, PlacementState.UNDONE) and not placement.unknown
    if nothing_stands and placement.ranking not in (None, command.ranking):
        await _next_hotel(work, replace(fresh, sends=placement.sends), holds, asks)
        return
    placement = replace(placement, reply_to=reply_to)
    await store.save_placement(work, placement)
    if placement.state is PlacementState.PLACED:
        await _tell_booked(work, placement)
    elif placement.state is PlacementState.REFUSED:
        await _tell_refused(work, placement)
    elif placement.state is not PlacementState.PLACING:
        await _tell_refused(work, replace(placement, reason="the booking was undone meanwhile"))


async def booking_confirmed(work: Work, urn: Urn, confirmation: Confirmation, sends: int, holds: Holds, asks: Asks) -> None:
    """The source has booked. Answers RoomsBooked, unless everything is being undone: then the undo finds it and cancels it.

    What another hotel was asked instead of, or what nobody waits for any more, is given back at once.
    """
    found = await _settle(work, urn, sends)
    if found is None:
        return
    placement, asked = found
    kept = placement.state is PlacementState.PLACING and not await _asking(work, placement, urn)
    if not kept and (placement.state is not PlacementState.UNDOING or asked.state in IN_QUESTION):
        await give_back(work, placement, asked, confirmation, asks)
        return
    confirmed = asked.becomes(
        ReservationState.CONFIRMED, client_reference=confirmation.client_reference, partner_reference=confirmation.reference,
        total=confirmation.total,
    )  # fmt: skip
    await store.save_reservation(work, confirmed)
    await confirm_hold(work, holds, asked.hold)
    await work.audit(action="booking.rooms-booked", entity=urn, root=asked.sub_case, after=_facts(confirmed))
    if kept:
        placement = replace(placement, state=PlacementState.PLACED, reservation=urn)
        await _tell_booked(work, placement)
    await store.save_placement(work, placement)


async def booking_declined(work: Work, urn: Urn, why: str, sends: int, holds: Holds, asks: Asks) -> None:
    """The source said no: the next hotel is asked at once."""
    await _fall_back(work, urn, ReservationState.DECLINED, why, sends, holds, asks)


async def booking_absent(work: Work, urn: Urn, why: str, sends: int, holds: Holds, asks: Asks) -> None:
    """The source was never reached, or is proven to hold nothing: the next hotel is asked at once."""
    await _fall_back(work, urn, ReservationState.ABSENT, why, sends, holds, asks)


async def booking_overdue(work: Work, urn: Urn, holds: Holds, asks: Asks) -> bool:
    """Nobody can tell yet, and the party cannot wait: the next hotel is asked instead; False when there is none, and it has to."""
    known = await store.reservation_by_urn(work, urn)
    placement = None if known is None else await store.lock_placement(work, known.workflow)
    asked = None if placement is None else await store.reservation_by_urn(work, urn)
    if placement is None or asked is None or asked.state is not ReservationState.ASKED or placement.state is not PlacementState.PLACING:
        return False
    why = "nobody can tell yet; it is cancelled should it appear"
    instead = await _ask_next(work, replace(placement, evidence={**placement.evidence, asked.offer.name: why}), holds, asks)
    if instead.reservation == placement.reservation:
        return False
    await store.save_reservation(work, asked.becomes(ReservationState.WATCHED, reason=why))
    await store.save_placement(work, instead)
    after = {"state": ReservationState.WATCHED, "instead": instead.reservation, "client_reference": asked.client_reference}
    await work.audit(action="booking.watched", entity=urn, root=asked.sub_case, reason=why, before={"state": asked.state}, after=after)
    return True


async def booking_unresolved(work: Work, urn: Urn, evidence: dict[str, str], sends: int, holds: Holds, asks: Asks) -> None:
    """Nobody can tell whether the source has booked: a person looks, and the party does not wait for that. The hold ends by itself."""
    found = await _settle(work, urn, sends)
    if found is None:
        return
    placement, asked = found
    if asked.state not in IN_QUESTION:
        await store.save_reservation(work, asked.becomes(ReservationState.UNKNOWN, reason="outcome unknown"))
    placement = replace(placement, evidence={**placement.evidence, asked.offer.name: "nobody can tell whether it has booked", **evidence})
    await _go_on(work, placement, urn, holds, asks)


async def _fall_back(work: Work, urn: Urn, state: ReservationState, why: str, sends: int, holds: Holds, asks: Asks) -> None:
    found = await _settle(work, urn, sends)
    if found is None:
        return
    placement, asked = found
    await store.save_reservation(work, asked.becomes(state, reason=why))
    await release_hold(work, holds, asked.hold)
    placement = replace(placement, evidence={**placement.evidence, asked.offer.name: why, **_away(placement, asked, state)})
    if placement.state is PlacementState.REFUSED and placement.reservation == urn:
        placement = replace(placement, reservation=None)  # nothing is unknown of it any more
    await _go_on(work, placement, urn, holds, asks)


def _away(placement: Placement, asked: Reservation, state: ReservationState) -> dict[str, str]:
    """Names the sources that could not be reached, or did nothing when they were: later they may have rooms."""
    if state is not ReservationState.ABSENT:
        return {}
    return {"away": " ".join(sorted({*placement.evidence.get("away", "").split(), asked.vendor}))}


async def _go_on(work: Work, placement: Placement, urn: Urn, holds: Holds, asks: Asks) -> None:
    """After a hotel that will not do: to the next, unless that is asked already; an undo that stood still may be over now."""
    if placement.state is PlacementState.PLACING and not await _asking(work, placement, urn):
        await _next_hotel(work, placement, holds, asks)
        return
    await store.save_placement(work, placement)
    await undone_meanwhile(work, placement)


async def _settle(work: Work, urn: Urn, sends: int) -> tuple[Placement, Reservation] | None:
    """The placement, locked and with this booking's sends counted, and the reservation; None when it has settled before."""
    known = await store.reservation_by_urn(work, urn)
    placement = None if known is None else await store.lock_placement(work, known.workflow)
    asked = None if placement is None else await store.reservation_by_urn(work, urn)  # as it is now that nobody else may change it
    if placement is None or asked is None or asked.state not in UNRESOLVED | IN_QUESTION:
        return None
    return replace(placement, sends=placement.sends + max(0, sends - asked.sends)), replace(asked, sends=sends)


async def _asking(work: Work, placement: Placement, but: Urn) -> bool:
    """Whether another hotel is being asked."""
    made = await store.reservations_of(work, placement.workflow)
    return any(each.state is ReservationState.ASKED and each.urn != but for each in made)


async def _next_hotel(work: Work, placement: Placement, holds: Holds, asks: Asks) -> None:
    """Asks the next hotel; without one waits for those that are watched, and when there is none of these either answers RoomsRefused."""
    asked = await _ask_next(work, placement, holds, asks)
    made = await store.reservations_of(work, placement.workflow)
    watched = [each for each in made if each.state is ReservationState.WATCHED]
    if asked.reservation != placement.reservation:
        await store.save_placement(work, asked)
    elif watched:  # the last hope: should it appear now, it is kept
        await store.save_placement(work, replace(asked, reservation=watched[-1].urn))
    else:
        unknown = next((each for each in made if each.state is ReservationState.UNKNOWN), None)
        why = f"nobody can tell whether {unknown.offer.name} has booked" if unknown else await _why(work, asked)
        await _refuse(work, replace(asked, reservation=unknown.urn if unknown else None), why)


async def _ask_next(work: Work, placement: Placement, holds: Holds, asks: Asks) -> Placement:
    """Holds rooms in the next hotel that has them and asks it; the placement then, of the same reservation when there is no such hotel."""
    ranking = await store.ranking_of(work, placement.ranking, placement.place) if placement.ranking else None
    candidates = ranking.candidates if ranking and placement.hotels <= FURTHER_HOTELS else ()
    for candidate in candidates:
        assert ranking is not None
        placement = replace(placement, place=candidate.place)
        held = await take_hold(work, holds, _hold(work, placement, ranking, candidate))
        if isinstance(held, Full):
            why = f"{held.free} rooms left while others are being booked"
            placement = replace(placement, evidence={**placement.evidence, candidate.offer.name: why})
            continue
        reservation = _reservation(placement, ranking, candidate, held)
        if (left := await take_units(work, reservation)) is not None:
            await release_hold(work, holds, held.urn)
            placement = replace(placement, evidence={**placement.evidence, candidate.offer.name: f"{left} rooms of the contract left"})
            continue
        await store.add_reservation(work, reservation)
        placement = replace(placement, hotels=placement.hotels + 1, reservation=reservation.urn)
        await asks.book(work, reservation, placement)
        return placement
    return placement


async def _refuse(work: Work, placement: Placement, why: str) -> None:
    refused = replace(placement, state=PlacementState.REFUSED, reason=why)
    await store.save_placement(work, refused)
    await _audit_refused(work, refused)
    await _tell_refused(work, refused)


async def _tell_refused(work: Work, placement: Placement) -> None:
    refused = RoomsRefused(placement.sub_case, placement.reason or "", placement.hotels, placement.unknown, placement.evidence)
    await work.record(refused, aggregate=placement.sub_case, reply_to=placement.reply_to)


async def _audit_refused(work: Work, placement: Placement) -> None:
    after = {"workflow": placement.workflow, "hotels": placement.hotels, "unknown": placement.unknown, "evidence": placement.evidence}
    await work.audit(action="booking.rooms-refused", entity=placement.sub_case, reason=placement.reason, after=after)


async def _tell_booked(work: Work, placement: Placement) -> None:
    assert placement.reservation is not None
    reservation = await store.reservation_by_urn(work, placement.reservation)
    assert reservation is not None
    offer = reservation.offer
    booked = RoomsBooked(
        sub_case=placement.sub_case, reservation=reservation.urn, vendor=reservation.vendor,
        confirmation=reservation.partner_reference or "", hotel=offer.hotel, hotel_name=offer.name, hotel_address=offer.whereabouts,
        hotel_phone=offer.phone, check_in=offer.check_in, check_out=offer.check_out, rooms=offer.rooms, board=offer.board,
        total=reservation.total, attempts=placement.hotels,
    )  # fmt: skip
    await work.record(booked, aggregate=placement.sub_case, reply_to=placement.reply_to)


def _hold(work: Work, placement: Placement, ranking: Ranking, candidate: Candidate) -> Hold:
    """Named after the attempt, so that a transaction that is tried again takes the same one again."""
    offer = candidate.offer
    name = f"{placement.workflow.id}.{ranking.urn.id}.{candidate.place}"
    return Hold(
        urn=Urn.of("hold", name), reservation=Urn.mint("reservation"), hotel=offer.hotel, hotel_name=offer.name,
        room_type=offer.room_type, airport=ranking.airport, check_in=offer.check_in, check_out=offer.check_out, rooms=offer.rooms,
        until=ranking.asked_at, reported=offer.allotment, reported_at=ranking.asked_at,
    )  # fmt: skip


def _reservation(placement: Placement, ranking: Ranking, candidate: Candidate, held: Hold) -> Reservation:
    return Reservation(
        urn=held.reservation, sub_case=placement.sub_case, workflow=placement.workflow, hold=held.urn, place=candidate.place,
        state=ReservationState.ASKED, offer=candidate.offer, airport=ranking.airport, asked_at=ranking.asked_at,
        client_reference=fresh_reference(), sends=0, total=candidate.offer.total,
    )  # fmt: skip


async def _why(work: Work, placement: Placement) -> str:
    if placement.ranking is None or await store.ranking_of(work, placement.ranking, placement.place) is None:
        return "the ranking is not known"
    if placement.hotels > FURTHER_HOTELS:
        return f"{placement.hotels} hotels said no"
    return f"{placement.hotels} hotels said no and no other has rooms" if placement.hotels else "no hotel of the ranking has rooms left"


def _facts(reservation: Reservation) -> dict[str, object]:
    return {
        "state": reservation.state, "hotel": reservation.offer.hotel, "rooms": reservation.offer.rooms, "total": reservation.total,
        "partner_reference": reservation.partner_reference, "workflow": reservation.workflow,
    }  # fmt: skip
