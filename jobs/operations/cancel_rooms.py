"""Cancelling a booking at its source. It reads first, so it may be repeated after any answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domains.booking import actions
from domains.booking.events import BookingReviewed
from domains.booking.model import Reservation
from domains.booking.ports import BookingStatus, Cancellation
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.clock import now
from kernel.operation import Class, Finding, Operation, OperationRow, intend
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

_A_DAY = timedelta(days=1)  # either side: the source's calendar is not ours


async def _send(ports: Ports, row: OperationRow) -> Answer[Cancellation]:
    source, intent = ports.hotels.source(row.intent["vendor"]), row.intent
    reference = intent["partner_reference"]
    if reference is None:  # it was never resolved whether it exists
        created = datetime.fromisoformat(intent["asked_at"]).date() - _A_DAY, now().date() + _A_DAY
        found = await source.find(row.tenant, intent["client_reference"], created)
        if not isinstance(found, Ok):
            return found
        if found.value is None:
            return Declined("NOT_FOUND", "the source knows no booking under our reference; it may still appear")
        if found.value.status is BookingStatus.CANCELLED:
            return Ok(Cancellation(found.value.reference, None, None))
        reference = found.value.reference
    return await source.cancel(row.tenant, reference)


async def _outcome(work: Work, row: OperationRow, answer: Answer[Cancellation], ports: Ports) -> None:
    urn = Urn(row.intent["reservation"])
    if isinstance(answer, Ok):
        await actions.cancelled(work, urn, answer.value, ports.holds)
    elif isinstance(answer, Declined):
        await actions.cancel_refused(work, urn, answer.reason, {**row.evidence, "code": answer.code})
    elif isinstance(answer, NotSent):
        await actions.cancel_refused(work, urn, f"it could not be asked: {answer.why}", {**row.evidence, "away": row.intent["vendor"]})
    else:
        await actions.cancel_refused(work, urn, f"nobody can tell: {answer.why}", row.evidence)


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    evidence = {**row.evidence, "vendor": row.intent["vendor"]}
    await work.record(BookingReviewed(row.subject, row.urn, finding, why, evidence, opens=False), aggregate=row.subject)


def _by_hand(row: OperationRow, reference: str) -> Cancellation:
    """What a person has cancelled by other means; `reference` is that of the cancellation, where they were given one."""
    return Cancellation(row.intent["partner_reference"] or "", reference or None, None)


CANCEL_ROOMS: Operation[Ports, Cancellation] = Operation(
    name="cancel_rooms",
    domain="booking",
    kind=Class.A,
    send=_send,
    outcome=_outcome,
    reviewed=_reviewed,
    by_hand=_by_hand,
    settle=timedelta(seconds=30),  # reading first makes an early repetition harmless
    time_out=timedelta(seconds=130),  # a read and a cancellation, 60 s each as published
    patience=timedelta(hours=6),  # the airline pays for what is not given back
    share=Share.UNDO,
    reference=None,
)


async def intend_cancellation(work: Work, reservation: Reservation, reply_to: str | None) -> None:
    """The reservation, as it stands, shall be cancelled."""
    intent: dict[str, Any] = {
        "reservation": reservation.urn, "vendor": reservation.vendor, "partner_reference": reservation.partner_reference,
        "client_reference": reservation.client_reference, "asked_at": reservation.asked_at,
    }  # fmt: skip
    key = f"cancel|{reservation.urn}|{reservation.version}"
    await intend(
        work, CANCEL_ROOMS, subject=reservation.sub_case, key=key, intent=intent, reply_to=reply_to, workflow=reservation.workflow
    )  # fmt: skip
