"""Calling a ride off at its vendor. It may be repeated after any answer: what has ended is not called off again."""

from __future__ import annotations

from datetime import timedelta

from domains.booking import actions
from domains.booking.events import RideReviewed
from domains.booking.ports import Drive, Quote, Ride, RideOrder, RideStatus
from domains.booking.transport import Dispatch
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.event import encode, read
from kernel.operation import Class, Finding, Operation, OperationRow, intend
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

_OVER = "COMPLETED"  # there is nothing left to call off, and nothing to be said about it


async def _send(ports: Ports, row: OperationRow) -> Answer[Ride]:
    order = _order(row)
    answer = await ports.rides[order.quote.vendor].cancel(row.tenant, order, row.intent["reference"])
    if isinstance(answer, Declined) and answer.code == _OVER:
        return Ok(Ride(row.intent["reference"], order.client_reference, RideStatus.COMPLETED))
    return answer


async def _outcome(work: Work, row: OperationRow, answer: Answer[Ride], ports: Ports) -> None:
    urn = Urn(row.intent["ride"])
    if isinstance(answer, Ok):
        if not row.intent["ghost"]:
            await actions.ride_cancelled(work, urn, f"the ride is {answer.value.status.value.lower().replace('_', ' ')}")
        return
    evidence = dict(row.evidence)
    if isinstance(answer, Declined):
        why, evidence = answer.reason, {**evidence, "code": answer.code}
    elif isinstance(answer, NotSent):
        why, evidence = f"it could not be asked: {answer.why}", {**evidence, "away": _order(row).quote.vendor}
    else:
        why = f"nobody can tell: {answer.why}"
    if row.intent["ghost"]:
        await actions.ghost_ride_stays(work, row.subject, why, {**evidence, "reference": row.intent["reference"]})
    else:
        await actions.ride_cancel_refused(work, urn, why, evidence)


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    evidence = {**row.evidence, "vendor": _order(row).quote.vendor}
    await work.record(RideReviewed(row.subject, row.urn, finding, why, evidence, opens=False), aggregate=row.subject)


def _by_hand(row: OperationRow, reference: str) -> Ride:
    """What a person has called off by other means."""
    return Ride(row.intent["reference"], row.intent["client_reference"], RideStatus.CANCELLED)


CANCEL_RIDE: Operation[Ports, Ride] = Operation(
    name="cancel_ride",
    domain="booking",
    kind=Class.A,
    send=_send,
    outcome=_outcome,
    reviewed=_reviewed,
    by_hand=_by_hand,
    settle=timedelta(seconds=30),  # reading first makes an early repetition harmless
    time_out=timedelta(seconds=40),  # a read and a cancellation
    patience=timedelta(minutes=30),  # later the car has come and gone
    share=Share.UNDO,
    reference=None,
)


async def intend_calling_off(work: Work, dispatch: Dispatch, order: RideOrder, reference: str, reply_to: str | None) -> None:
    """The ride that the vendor calls `reference` shall be called off; one that nobody waits for is a ghost."""
    intent = {
        "ride": dispatch.urn, "drive": encode(order.drive), "quote": encode(order.quote), "client_reference": order.client_reference,
        "reference": reference, "ghost": reply_to is None,
    }  # fmt: skip
    key = f"call off|{reference}|{dispatch.version}"
    await intend(
        work, CANCEL_RIDE, subject=dispatch.sub_case, key=key, intent=intent, reply_to=reply_to, workflow=dispatch.workflow
    )  # fmt: skip


def _order(row: OperationRow) -> RideOrder:
    return RideOrder(row.intent["client_reference"], read(Drive, row.intent["drive"]), read(Quote, row.intent["quote"]))
