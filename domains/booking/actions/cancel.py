"""CancelRooms: undo whatever a workflow booked or may have booked.

What was not sent is taken back for free. What is under way is resolved first, since nobody can cancel what may or may not exist; then
everything that is confirmed is cancelled at its source. It ends in RoomsCancelled, or in CancelRefused with the evidence a person needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domains.booking import store
from domains.booking.actions.asks import Asks
from domains.booking.actions.hold import release_hold
from domains.booking.commands import CancelRooms
from domains.booking.events import CancelRefused, RoomsCancelled
from domains.booking.model import OWED, UNRESOLVED, Placement, PlacementState, Reservation, ReservationState
from domains.booking.ports import BookingStatus, Cancellation, Confirmation
from kernel.hold import Holds
from kernel.urn import Urn
from kernel.work import Work


async def cancel_rooms(work: Work, command: CancelRooms, reply_to: str, holds: Holds, asks: Asks) -> None:
    """Begins to undo; answers RoomsCancelled or CancelRefused, at once or when the sources have answered. May be repeated.

    A workflow that never booked is remembered as undone, so that a late BookRooms of it is refused.
    """
    # Before the placement is locked: an outcome holds its operation and then waits for the placement.
    under_way = await asks.withdraw(work, command.sub_case, command.workflow, reply_to)
    never = Placement(command.workflow, command.sub_case, PlacementState.UNDONE, undo_reply_to=reply_to, reason=command.reason)
    await store.begin_placement(work, never)
    placement = await store.lock_placement(work, command.workflow)
    assert placement is not None
    placement = replace(placement, undo_reply_to=reply_to)
    if placement.state is not PlacementState.UNDONE:
        placement = replace(placement, state=PlacementState.UNDOING, reason=command.reason or placement.reason)
    await store.save_placement(work, placement)
    asked = any(each.state in UNRESOLVED for each in await store.reservations_of(work, command.workflow))
    if asked and not under_way:  # a hotel may have said no just before the lock, and the next one been asked
        under_way = await asks.withdraw(work, command.sub_case, command.workflow, reply_to)
    if not under_way:
        await undo(work, command.workflow, holds, asks)


async def undo(work: Work, workflow: Urn, holds: Holds, asks: Asks) -> None:
    """Goes on with undoing, nothing being under way any more: cancels what is confirmed, answers when nothing is left."""
    placement = await store.lock_placement(work, workflow)
    if placement is None or placement.state not in (PlacementState.UNDOING, PlacementState.UNDONE):
        return
    made = [await _undo_one(work, each, placement, holds, asks) for each in await store.reservations_of(work, workflow)]
    await _answer(work, placement, made)


async def give_back(work: Work, placement: Placement, reservation: Reservation, found: Confirmation, asks: Asks) -> None:
    """What turns out to be booked when nobody waits for it any more is cancelled, as an undo that stood still because of it goes on."""
    waits = placement.state in (PlacementState.STUCK, PlacementState.UNDOING)
    ghost = reservation.becomes(
        ReservationState.CANCELLING, client_reference=found.client_reference, partner_reference=found.reference, total=found.total,
        reason="found when nobody waited for it any more",
    )  # fmt: skip
    await asks.cancel(work, await store.save_reservation(work, ghost), placement.undo_reply_to if waits else None)
    await store.save_placement(work, replace(placement, state=PlacementState.UNDOING) if waits else placement)
    await _audit_ghost(work, reservation, found)


async def undone_meanwhile(work: Work, placement: Placement) -> None:
    """Answers for an undo that stood still, once nothing of it is in question any more."""
    if placement.state is PlacementState.STUCK:
        await _answer(work, placement, await store.reservations_of(work, placement.workflow), again=False)


async def cancelled(work: Work, urn: Urn, cancellation: Cancellation, holds: Holds) -> None:
    """The source has cancelled it, or had before."""
    found = await _cancelling(work, urn)
    if found is None:
        return
    placement, reservation = found
    charge = f"cancelled; the source keeps {cancellation.charge}" if cancellation.charge else "cancelled"
    gone = await store.save_reservation(work, reservation.becomes(ReservationState.CANCELLED, reason=charge))
    await release_hold(work, holds, gone.hold)
    await work.audit(
        action="booking.rooms-cancelled", entity=urn, root=gone.sub_case, reason=placement.reason, before={"state": "CANCELLING"},
        after={"state": gone.state, "partner_reference": gone.partner_reference, "charge": cancellation.charge},
    )  # fmt: skip
    await _settled(work, placement)


async def cancel_refused(work: Work, urn: Urn, why: str, evidence: dict[str, str]) -> None:
    """The source will not cancel it, or nobody can tell: a person looks."""
    found = await _cancelling(work, urn)
    if found is None:
        return
    placement, reservation = found
    if reservation.state is ReservationState.CANCELLING:
        await store.save_reservation(work, reservation.becomes(ReservationState.CANCEL_REFUSED, reason=why))
    facts = {**evidence, **_evidence(reservation), "why": why}
    placement = replace(placement, evidence={**placement.evidence, **facts})
    await store.save_placement(work, placement)
    await work.audit(action="booking.cancel-refused", entity=urn, root=reservation.sub_case, reason=why, after=facts)
    if placement.state is PlacementState.UNDOING:
        await _settled(work, placement)
    elif reservation.state is ReservationState.CANCELLING:  # a ghost that nobody waits for
        await work.record(CancelRefused(placement.sub_case, why, facts), aggregate=placement.sub_case)


async def booking_verified(work: Work, urn: Urn, reference: str, found: Confirmation | None, asks: Asks) -> None:
    """Compares what the source holds under one of our references with what we know. What it holds and we do not want is cancelled."""
    known = await store.reservation_by_reference(work, reference) or await store.reservation_by_urn(work, urn)
    if known is None or found is None or found.status is not BookingStatus.CONFIRMED:
        return
    await store.lock_placement(work, known.workflow)
    reservation = await store.reservation_by_urn(work, known.urn)
    assert reservation is not None
    if reservation.client_reference != reference:
        await _cancel_twin(work, reservation, reference, found, asks)
    elif reservation.state not in (ReservationState.CONFIRMED, ReservationState.CANCELLING):
        ghost = reservation.becomes(ReservationState.CANCELLING, partner_reference=found.reference, reason="found late")
        await asks.cancel(work, await store.save_reservation(work, ghost), None)
        await _audit_ghost(work, reservation, found)
    elif found.reference != reservation.partner_reference:
        why = "the source holds two bookings under one reference of ours"
        facts = {**_evidence(reservation), "second_reference": found.reference}
        await work.record(CancelRefused(reservation.sub_case, why, facts), aggregate=reservation.sub_case)


async def _cancel_twin(work: Work, reservation: Reservation, reference: str, found: Confirmation, asks: Asks) -> None:
    """An earlier send was executed after all: it becomes a reservation of its own, so that what we keep is not touched."""
    twin = replace(
        reservation, urn=Urn.mint("reservation"), hold=Urn.mint("hold"), state=ReservationState.CANCELLING, client_reference=reference,
        partner_reference=found.reference, total=found.total, reason="an earlier send was executed late", version=1,
    )  # fmt: skip
    await store.add_reservation(work, twin)
    await asks.cancel(work, twin, None)
    await _audit_ghost(work, twin, found)


async def _audit_ghost(work: Work, reservation: Reservation, found: Confirmation) -> None:
    await work.audit(
        action="booking.ghost-found", entity=reservation.urn, root=reservation.sub_case, before={"state": reservation.state},
        after={"client_reference": found.client_reference, "partner_reference": found.reference},
    )  # fmt: skip


async def _undo_one(work: Work, reservation: Reservation, placement: Placement, holds: Holds, asks: Asks) -> Reservation:
    if reservation.state is ReservationState.ASKED:  # withdrawn before it was sent
        await release_hold(work, holds, reservation.hold)
        return await store.save_reservation(work, reservation.becomes(ReservationState.ABSENT, reason="withdrawn before it was sent"))
    if reservation.state not in OWED:
        return reservation
    leaving = await store.save_reservation(work, reservation.becomes(ReservationState.CANCELLING))
    await asks.cancel(work, leaving, placement.undo_reply_to)
    return leaving


async def _settled(work: Work, placement: Placement) -> None:
    if placement.state in (PlacementState.UNDOING, PlacementState.STUCK):
        await _answer(work, placement, await store.reservations_of(work, placement.workflow))


async def _answer(work: Work, placement: Placement, made: Sequence[Reservation], *, again: bool = True) -> None:
    """Ends the undoing when nothing is being cancelled any more. `again`: also when it says once more that it stands still."""
    states = {each.state for each in made}
    if ReservationState.CANCELLING in states:
        return
    stuck = ReservationState.CANCEL_REFUSED in states
    if stuck and not again:
        return
    placement = replace(placement, state=PlacementState.STUCK if stuck else PlacementState.UNDONE)
    await store.save_placement(work, placement)
    if stuck:
        why = next(each.reason or "" for each in made if each.state is ReservationState.CANCEL_REFUSED)
        answer: object = CancelRefused(placement.sub_case, why, placement.evidence)
    else:
        gone = tuple(each.urn for each in made if each.state is ReservationState.CANCELLED)
        answer = RoomsCancelled(placement.sub_case, gone)
    await work.record(answer, aggregate=placement.sub_case, reply_to=placement.undo_reply_to)


async def _cancelling(work: Work, urn: Urn) -> tuple[Placement, Reservation] | None:
    known = await store.reservation_by_urn(work, urn)
    placement = None if known is None else await store.lock_placement(work, known.workflow)
    reservation = None if placement is None else await store.reservation_by_urn(work, urn)
    if placement is None or reservation is None:
        return None
    if reservation.state not in (ReservationState.CANCELLING, ReservationState.CANCEL_REFUSED):
        return None
    return placement, reservation


def _evidence(reservation: Reservation) -> dict[str, str]:
    return {
        "vendor": reservation.vendor,
        "hotel": reservation.offer.name,
        "client_reference": reservation.client_reference,
        "partner_reference": reservation.partner_reference or "unknown",
    }
