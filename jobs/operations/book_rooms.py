"""Booking one hotel for one party: the rate is checked when it must be, then booked under a reference that finds it again.

Of a source that cannot be asked what it holds the same is an operation of class D: it is never sent again, and what became of an unclear
one a person finds out. The party does not wait for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from domains.booking import actions
from domains.booking.actions import Asks
from domains.booking.events import BookingReviewed
from domains.booking.model import Placement, Reservation
from domains.booking.ports import Booking, BookingStatus, Confirmation, Guest, Hotels, Offer
from domains.booking.rooming import CHILD_AGE, INFANT_AGE, seated
from domains.booking.search import Sources
from domains.cases.model import Party
from jobs.operations.cancel_rooms import intend_cancellation
from jobs.party import party_of
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.clock import now
from kernel.event import read
from kernel.operation import Class, Finding, Line, Operation, OperationRow, intend, withdraw
from kernel.urn import Urn
from kernel.work import Work

RATE_AGE: Final = timedelta(minutes=5)  # an older price is checked even where the source does not ask for it
_AGES: Final[Mapping[str, int | None]] = {"ADULT": None, "CHILD": CHILD_AGE, "INFANT": INFANT_AGE}
_A_DAY: Final = timedelta(days=1)  # either side: the source's calendar is not ours


@dataclass(frozen=True, slots=True)
class _Intent:
    reservation: Urn
    offer: Offer
    asked_at: datetime
    tolerance_percent: Decimal


async def _send(ports: Ports, row: OperationRow) -> Answer[Confirmation]:
    intent = read(_Intent, row.intent)
    source = ports.hotels.source(intent.offer.hotel.vendor or "")
    party = await party_of(ports, row.tenant, row.subject)
    if party is None:
        return Declined("PARTY_ERASED", "the party's names were erased")
    checked = await _check(source, row, intent)
    if not isinstance(checked, Ok):
        return checked
    try:
        booking = booking_for(row.client_reference, checked.value, party, intent.tolerance_percent)
    except ValueError as error:
        return Declined("PARTY_CHANGED", f"the party is not the one that was searched for: {error}")
    return await source.book(row.tenant, booking)


async def _check(source: Hotels, row: OperationRow, intent: _Intent) -> Ok[Offer] | Declined | NotSent:
    """The offer as it may be booked. Nothing was booked here, so an unclear answer is a free retry."""
    if not intent.offer.recheck and now() - intent.asked_at < RATE_AGE:
        return Ok(intent.offer)
    answer = await source.check(row.tenant, intent.offer)
    if isinstance(answer, Ok):
        return _affordable(intent, answer.value)
    if isinstance(answer, (Declined, NotSent)):
        return answer
    return NotSent(f"the rate could not be checked: {answer.why}")


def _affordable(intent: _Intent, offer: Offer) -> Ok[Offer] | Declined:
    was, now_is = intent.offer.total, offer.total
    limit = was.amount * (1 + intent.tolerance_percent / 100)
    if now_is.currency != was.currency or now_is.amount > limit:
        return Declined("PRICE_CHANGED", f"the price rose from {was} to {now_is}")
    return Ok(offer)


async def _look_up(ports: Ports, row: OperationRow) -> Answer[Confirmation | None]:
    offer = read(_Intent, row.intent).offer
    created = row.intended_at.date() - _A_DAY, now().date() + _A_DAY
    answer = await ports.hotels.source(offer.hotel.vendor or "").find(row.tenant, row.client_reference, created)
    return _standing(answer.value) if isinstance(answer, Ok) else answer


async def _known_as(ports: Ports, row: OperationRow, reference: str) -> Answer[Confirmation | None]:
    """What the source holds under its own name. Only what carries one of our references is ours, whatever was misheard or mistyped."""
    offer = read(_Intent, row.intent).offer
    answer = await ports.hotels.source(offer.hotel.vendor or "").read(row.tenant, reference)
    if isinstance(answer, Ok):
        ours = (*row.given_up, row.client_reference)
        return _standing(answer.value) if answer.value.client_reference in ours else Ok(None)
    return Ok(None) if isinstance(answer, Declined) else answer


def _standing(found: Confirmation | None) -> Ok[Confirmation | None] | Declined:
    if found is not None and found.status is BookingStatus.CANCELLED:
        return Declined("CANCELLED", "the source has cancelled it")
    return Ok(found)


async def _outcome(work: Work, row: OperationRow, answer: Answer[Confirmation], ports: Ports) -> None:
    urn = Urn(row.intent["reservation"])
    if isinstance(answer, Ok):
        await actions.booking_confirmed(work, urn, answer.value, row.sends, ports.holds, asks_of(ports))
    elif isinstance(answer, Declined):
        await actions.booking_declined(work, urn, answer.reason, row.sends, ports.holds, asks_of(ports))
    elif isinstance(answer, NotSent):
        await actions.booking_absent(work, urn, answer.why, row.sends, ports.holds, asks_of(ports))
    else:
        await actions.booking_unresolved(
            work, urn, {**row.evidence, **answer.evidence, "why": answer.why}, row.sends, ports.holds, asks_of(ports)
        )


async def _instead(work: Work, row: OperationRow, ports: Ports) -> bool:
    return await actions.booking_overdue(work, Urn(row.intent["reservation"]), ports.holds, asks_of(ports))


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    offer = read(_Intent, row.intent).offer
    evidence = {**row.evidence, "vendor": offer.hotel.vendor or "", "hotel": offer.name}
    await work.record(BookingReviewed(row.subject, row.urn, finding, why, evidence), aggregate=row.subject)


async def _resolved(work: Work, row: OperationRow, reply_to: str, ports: Ports) -> None:
    if row.workflow is not None:
        await actions.undo(work, row.workflow, ports.holds, asks_of(ports))


async def _verify(work: Work, row: OperationRow, reference: str, found: Confirmation | None, ports: Ports) -> None:
    await actions.booking_verified(work, Urn(row.intent["reservation"]), reference, found, asks_of(ports))


BOOK_ROOMS: Operation[Ports, Confirmation] = Operation(
    name="book_rooms",
    domain="booking",
    kind=Class.C,  # the partner's reference is searchable, not unique
    send=_send,
    look_up=_look_up,
    outcome=_outcome,
    resolved=_resolved,
    verify=_verify,
    instead=_instead,
    reviewed=_reviewed,
    known_as=_known_as,
    settle=timedelta(seconds=120),
    wait=timedelta(minutes=4),  # two look-ups that found nothing; then another hotel is asked, and this one is watched
    time_out=timedelta(seconds=85),  # a check and a booking take 15 and 60 s at most, as published
    budget=5,  # sends to one hotel, each after the one before was proven absent
    line=Line.BOOKINGS,
    patience=timedelta(minutes=10),  # then the next hotel is asked: a family waits
)

ORDER_ROOMS: Operation[Ports, Confirmation] = replace(
    BOOK_ROOMS, name="order_rooms", kind=Class.D, look_up=None, known_as=None, verify=None, instead=None
)


class _Asks:
    """Booking's intents, as operations."""

    def __init__(self, hotels: Sources) -> None:
        self._hotels = hotels

    async def book(self, work: Work, reservation: Reservation, placement: Placement) -> None:
        operation = BOOK_ROOMS if self._hotels.traceable(reservation.vendor) else ORDER_ROOMS
        intent = _Intent(reservation.urn, reservation.offer, reservation.asked_at, placement.tolerance_percent)
        await intend(
            work, operation, subject=reservation.sub_case, key=f"book|{reservation.urn}", intent=_plain(intent),
            reply_to=placement.reply_to, workflow=reservation.workflow, client_reference=reservation.client_reference,
            partner=reservation.vendor, airport=reservation.airport,
        )  # fmt: skip

    async def cancel(self, work: Work, reservation: Reservation, reply_to: str | None) -> None:
        await intend_cancellation(work, reservation, reply_to)

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        return await withdraw(work, BOOK_ROOMS, ORDER_ROOMS, subject=sub_case, workflow=workflow, reply_to=reply_to)


def asks_of(ports: Ports) -> Asks:
    """Booking's intents for the sources that are plugged in."""
    return _Asks(ports.hotels)


def booking_for(client_reference: str, offer: Offer, party: Party, tolerance_percent: Decimal) -> Booking:
    """What is asked of the hotel: the lead holds the booking, everyone has a room. Raises: ValueError when they do not fit the rooms."""
    guests = [Guest(each.given_name, each.family_name, age=_AGES[each.kind]) for each in party.travellers]
    lead = next(each for each in party.travellers if each.passenger == party.lead)
    placed = seated(guests, [rate.occupancy for rate in offer.rates])
    return Booking(client_reference, offer, Guest(lead.given_name, lead.family_name), placed, tolerance=int(tolerance_percent))


def _plain(intent: _Intent) -> dict[str, Any]:
    return {
        "reservation": intent.reservation, "offer": intent.offer, "asked_at": intent.asked_at,
        "tolerance_percent": intent.tolerance_percent,
    }  # fmt: skip
