"""One ride for one party by one workflow: vendors are asked what they would send, the best is sent for, the next when it says no.

A ride may be called off at any time. What is under way is resolved first, since nobody can call off what may or may not come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from domains.booking import store
from domains.booking.airports import airports
from domains.booking.commands import CancelRide, DispatchRide
from domains.booking.events import RideCancelled, RideCancelRefused, RideDispatched, RideLost, RideRefused
from domains.booking.ports import RIDE_ENDS, Drive, Quote, Ride, RideOrder, RideReport, RideStatus
from domains.booking.transport import Dispatch, DispatchState, choose
from kernel.operation import fresh_reference
from kernel.saga import attempt_of
from kernel.urn import Urn
from kernel.work import Work


class RideAsks(Protocol):
    """How booking writes its intents to those who drive; each commits with the caller's transaction."""

    async def quote(self, work: Work, dispatch: Dispatch) -> None:
        """What would come shall be asked of every vendor."""
        ...

    async def send(self, work: Work, dispatch: Dispatch) -> None:
        """The chosen quote shall be sent for, under `dispatch.client_reference`."""
        ...

    async def cancel(self, work: Work, dispatch: Dispatch, order: RideOrder, reference: str, reply_to: str | None) -> None:
        """What the vendor calls `reference` shall be called off; `reply_to` None for one that nobody waits for."""
        ...

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        """Takes back what was not sent; how much is under way and has to settle first."""
        ...


async def dispatch_ride(work: Work, command: DispatchRide, workflow: Urn, reply_to: str, asks: RideAsks) -> None:
    """Begins to send for one; answers RideDispatched or RideRefused, at once or when the vendors have answered. May be repeated.

    A later attempt asks anew where nothing stands: after a refusal, and after the ride was called off.
    """
    drive = await _drive(work, command)
    if drive is None:
        await work.record(RideRefused(command.sub_case, "nobody knows from where to where"), aggregate=command.sub_case, reply_to=reply_to)
        return
    wanted: dict[str, Any] = {"drive": drive, "ceiling": command.ceiling, "preference": command.preference, "reply_to": reply_to}
    fresh = Dispatch(Urn.mint("ride"), command.sub_case, workflow, DispatchState.ASKED, **wanted)
    if await store.begin_ride(work, fresh):
        await asks.quote(work, fresh)
        return
    known = await store.lock_ride_of(work, workflow)
    assert known is not None
    gone = known.state in (DispatchState.REFUSED, DispatchState.CANCELLED)
    if gone and attempt_of(reply_to) > attempt_of(known.reply_to):
        again = known.becomes(
            DispatchState.ASKED, **wanted, quotes=(), place=0, client_reference=None, reference=None, undo_reply_to=None, reason=None,
            evidence={},
        )  # fmt: skip
        await store.save_ride(work, again)
        await asks.quote(work, again)
        return
    known = replace(known, reply_to=reply_to)
    await store.save_ride(work, known)
    if known.state is DispatchState.DISPATCHED:
        await _tell_dispatched(work, known)
    elif known.state in (DispatchState.REFUSED, DispatchState.UNKNOWN):
        await _tell_refused(work, known)
    elif known.state is not DispatchState.ASKED:
        await _tell_refused(work, replace(known, reason="the ride was called off meanwhile"))


async def rides_quoted(
    work: Work, urn: Urn, offered: Mapping[str, Sequence[Quote]], silent: Mapping[str, str], asks: RideAsks
) -> None:  # fmt: skip
    """Chooses among what was offered and sends for the best. `silent` says of each vendor that did not answer, why."""
    dispatch = await store.lock_ride(work, urn)
    if dispatch is None or dispatch.state is not DispatchState.ASKED or dispatch.place or dispatch.undo_reply_to is not None:
        return
    assert dispatch.drive is not None
    made = choose(offered, seats=dispatch.drive.seats, ceiling=dispatch.ceiling, preference=dispatch.preference)
    evidence = {**{f"silent_{vendor}": why for vendor, why in silent.items()}, **{gate: str(n) for gate, n in made.excluded.items()}}
    dispatch = replace(dispatch, quotes=made.of_each, evidence=evidence)
    if not dispatch.quotes:
        await _refuse(work, dispatch, made.why_not)
        return
    await _send(work, dispatch, asks)


async def ride_dispatched(work: Work, urn: Urn, found: Ride, asks: RideAsks) -> None:
    """A vendor sends one. Answers RideDispatched, unless it is to be called off: then the undo finds it, or goes on to."""
    dispatch = await store.lock_ride(work, urn)
    if dispatch is None or not dispatch.in_question:
        return
    stood_still = dispatch.state is DispatchState.CANCEL_REFUSED
    client_reference = found.client_reference or dispatch.client_reference
    dispatch = dispatch.becomes(DispatchState.DISPATCHED, reference=found.reference, client_reference=client_reference)
    await store.save_ride(work, dispatch)
    await work.audit(action="booking.ride-dispatched", entity=urn, root=dispatch.sub_case, after=_facts(dispatch))
    if dispatch.undo_reply_to is None:
        await _tell_dispatched(work, dispatch)
    elif stood_still:
        await undo_ride(work, dispatch.workflow, asks)


async def ride_declined(work: Work, urn: Urn, why: str, asks: RideAsks) -> None:
    """A vendor sends none: the next one of the ranking is asked, unless it is to be called off anyway."""
    dispatch = await store.lock_ride(work, urn)
    if dispatch is None or not dispatch.in_question:
        return
    evidence = {**dispatch.evidence, f"{dispatch.place}_{dispatch.vendor}": why}
    if dispatch.state is DispatchState.ASKED and dispatch.undo_reply_to is None and dispatch.place < len(dispatch.quotes):
        await _send(work, replace(dispatch, evidence=evidence), asks)
        return
    stood_still = dispatch.state is DispatchState.CANCEL_REFUSED
    await _refuse(work, replace(dispatch, evidence=evidence), why)
    if stood_still:
        await undo_ride(work, dispatch.workflow, asks)


async def ride_unresolved(work: Work, urn: Urn, why: str, evidence: Mapping[str, str]) -> None:
    """Nobody can tell whether somebody drives: a person looks."""
    dispatch = await store.lock_ride(work, urn)
    if dispatch is None or dispatch.state is not DispatchState.ASKED:
        return
    dispatch = dispatch.becomes(DispatchState.UNKNOWN, reason=why, evidence={**dispatch.evidence, **evidence})
    await store.save_ride(work, dispatch)
    await work.audit(action="booking.ride-unknown", entity=urn, root=dispatch.sub_case, reason=why, after=_facts(dispatch))
    if dispatch.undo_reply_to is None:
        await _tell_refused(work, dispatch)


async def cancel_ride(work: Work, command: CancelRide, reply_to: str, asks: RideAsks) -> None:
    """Begins to undo; answers RideCancelled or RideCancelRefused, at once or when the vendor has answered. May be repeated.

    A workflow that never asked for a ride is remembered, so that a late DispatchRide of it is refused.
    """
    # Before the ride is locked: an outcome holds its operation and then waits for the ride.
    under_way = await asks.withdraw(work, command.sub_case, command.workflow, reply_to)
    never = Dispatch(Urn.mint("ride"), command.sub_case, command.workflow, DispatchState.NEVER, reason=command.reason)
    await store.begin_ride(work, never)
    dispatch = await store.lock_ride_of(work, command.workflow)
    assert dispatch is not None
    await store.save_ride(work, replace(dispatch, undo_reply_to=reply_to))
    if dispatch.state is DispatchState.ASKED and not under_way:  # a vendor may have said no just before the lock, and the next been asked
        under_way = await asks.withdraw(work, command.sub_case, command.workflow, reply_to)
    if not under_way:
        await undo_ride(work, command.workflow, asks)


async def undo_ride(work: Work, workflow: Urn, asks: RideAsks) -> None:
    """Goes on with undoing, nothing being under way any more."""
    dispatch = await store.lock_ride_of(work, workflow)
    if dispatch is None or dispatch.undo_reply_to is None or dispatch.state is DispatchState.CANCELLING:
        return
    if dispatch.state is DispatchState.ASKED:
        dispatch = dispatch.becomes(DispatchState.REFUSED, reason="withdrawn before it was sent")
    elif dispatch.reference is not None and dispatch.state in (DispatchState.DISPATCHED, DispatchState.CANCEL_REFUSED):
        dispatch = dispatch.becomes(DispatchState.CANCELLING)
        await asks.cancel(work, dispatch, dispatch.order(dispatch.client_reference or ""), dispatch.reference or "", dispatch.undo_reply_to)
    elif dispatch.state is DispatchState.UNKNOWN:
        dispatch = dispatch.becomes(DispatchState.CANCEL_REFUSED)
    await store.save_ride(work, dispatch)
    await _tell_undone(work, dispatch)


async def ride_cancelled(work: Work, urn: Urn, why: str) -> None:
    """The vendor has called it off, it had ended before, or a person has seen to it."""
    dispatch = await store.lock_ride(work, urn)
    if dispatch is None or dispatch.state not in (DispatchState.CANCELLING, DispatchState.CANCEL_REFUSED):
        return
    dispatch = dispatch.becomes(DispatchState.CANCELLED, reason=why)
    await store.save_ride(work, dispatch)
    await work.audit(action="booking.ride-cancelled", entity=urn, root=dispatch.sub_case, reason=why, after=_facts(dispatch))
    await _tell_undone(work, dispatch)


async def ride_cancel_refused(work: Work, urn: Urn, why: str, evidence: Mapping[str, str]) -> None:
    """The vendor will not, or nobody can tell: a person looks."""
    dispatch = await store.lock_ride(work, urn)
    if dispatch is None or dispatch.state is not DispatchState.CANCELLING:
        return
    dispatch = dispatch.becomes(DispatchState.CANCEL_REFUSED, reason=why, evidence={**dispatch.evidence, **evidence})
    await store.save_ride(work, dispatch)
    await work.audit(action="booking.ride-cancel-refused", entity=urn, root=dispatch.sub_case, reason=why, after=_facts(dispatch))
    await _tell_undone(work, dispatch)


async def ride_verified(work: Work, urn: Urn, order: RideOrder, found: Ride | None, asks: RideAsks) -> None:
    """Compares what a vendor holds of an order of ours with what we know. A ride that nobody waits for is called off."""
    dispatch = await store.lock_ride(work, urn)
    if dispatch is None or found is None or found.status in RIDE_ENDS:
        return
    ours = (dispatch.client_reference, dispatch.reference) == (order.client_reference, found.reference)
    if ours and dispatch.state in (DispatchState.DISPATCHED, DispatchState.CANCELLING, DispatchState.CANCEL_REFUSED):
        return
    await asks.cancel(work, dispatch, order, found.reference, None)
    after = {"vendor": order.quote.vendor, "client_reference": order.client_reference, "partner_reference": found.reference}
    await work.audit(action="booking.ghost-ride-found", entity=urn, root=dispatch.sub_case, before=_facts(dispatch), after=after)


async def ride_reported(work: Work, vendor: str, report: RideReport) -> None:
    """Tells that a promised ride will not come. Nothing else of a report is followed: they come out of order. May be repeated."""
    if report.status not in (RideStatus.CANCELLED, RideStatus.NO_DRIVER):
        return
    dispatch = await store.lock_ride_known_as(work, report.reference)
    if dispatch is None or dispatch.vendor != vendor or dispatch.state is not DispatchState.DISPATCHED or "lost" in dispatch.evidence:
        return
    why = "nobody was found to drive" if report.status is RideStatus.NO_DRIVER else "the vendor called the ride off"
    lost = replace(dispatch, evidence={**dispatch.evidence, "lost": report.status.value})
    await store.save_ride(work, lost)
    after = {**_facts(lost), "reported": report.status}
    await work.audit(action="booking.ride-lost", entity=lost.urn, root=lost.sub_case, reason=why, before=_facts(dispatch), after=after)
    evidence = {name: str(value) for name, value in after.items() if value}
    await work.record(RideLost(lost.sub_case, lost.urn, why, evidence), aggregate=lost.sub_case)


async def ghost_ride_stays(work: Work, sub_case: Urn, why: str, evidence: Mapping[str, str]) -> None:
    """A ride that nobody waits for could not be called off: a person looks."""
    await work.record(RideCancelRefused(sub_case, why, dict(evidence)), aggregate=sub_case)


async def _drive(work: Work, command: DispatchRide) -> Drive | None:
    reservation = await store.reservation_by_urn(work, command.reservation)
    airport = None if reservation is None else airports().get(reservation.airport)
    if reservation is None or airport is None:
        return None
    offer = reservation.offer
    destination = f"{offer.name}, {offer.address}" if offer.address else offer.name
    return Drive(airport.code, airport.position, offer.location, destination, command.seats)


async def _send(work: Work, dispatch: Dispatch, asks: RideAsks) -> None:
    dispatch = replace(dispatch, place=dispatch.place + 1, client_reference=fresh_reference())
    await store.save_ride(work, dispatch)
    await asks.send(work, dispatch)


async def _refuse(work: Work, dispatch: Dispatch, why: str) -> None:
    refused = dispatch.becomes(DispatchState.REFUSED, reason=why)
    await store.save_ride(work, refused)
    await work.audit(action="booking.ride-refused", entity=refused.urn, root=refused.sub_case, reason=why, after=_facts(refused))
    if refused.undo_reply_to is None:
        await _tell_refused(work, refused)


async def _tell_dispatched(work: Work, dispatch: Dispatch) -> None:
    quote = dispatch.quote
    assert quote is not None
    wait = None if quote.wait is None else int(quote.wait.total_seconds() // 60)
    told = RideDispatched(
        dispatch.sub_case, dispatch.urn, quote.vendor, quote.name, dispatch.client_reference or "", quote.fare, wait
    )  # fmt: skip
    await work.record(told, aggregate=dispatch.sub_case, reply_to=dispatch.reply_to)


async def _tell_refused(work: Work, dispatch: Dispatch) -> None:
    unknown = dispatch.state is DispatchState.UNKNOWN
    told = RideRefused(dispatch.sub_case, dispatch.reason or "", unknown, dispatch.evidence)
    await work.record(told, aggregate=dispatch.sub_case, reply_to=dispatch.reply_to)


async def _tell_undone(work: Work, dispatch: Dispatch) -> None:
    if dispatch.state is DispatchState.CANCELLING or dispatch.undo_reply_to is None:
        return
    told: object
    if dispatch.state is DispatchState.CANCEL_REFUSED:
        evidence = {**dispatch.evidence, **{name: str(value) for name, value in _facts(dispatch).items() if value}}
        told = RideCancelRefused(dispatch.sub_case, dispatch.reason or "nobody can tell whether somebody drives", evidence)
    else:
        told = RideCancelled(dispatch.sub_case, (dispatch.urn,) if dispatch.state is DispatchState.CANCELLED else ())
    await work.record(told, aggregate=dispatch.sub_case, reply_to=dispatch.undo_reply_to)


def _facts(dispatch: Dispatch) -> dict[str, object]:
    return {
        "state": dispatch.state, "vendor": dispatch.vendor, "partner_reference": dispatch.reference,
        "client_reference": dispatch.client_reference, "workflow": dispatch.workflow,
    }  # fmt: skip
