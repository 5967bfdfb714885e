"""Sending for one ride: every vendor is asked what it would send, then the chosen one is sent for under a reference that finds it again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from domains.booking import actions
from domains.booking.events import RideReviewed
from domains.booking.ports import RIDE_ENDS, Drive, Quote, Ride, RideOrder, Rider, RideStatus
from domains.booking.transport import Dispatch
from jobs.operations.cancel_ride import intend_calling_off
from jobs.party import party_of
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.event import encode, read
from kernel.operation import Class, Finding, Operation, OperationRow, intend, withdraw
from kernel.urn import Urn
from kernel.work import Work

_CLOCKS: Final = timedelta(minutes=5)  # before the intent: a vendor's clock is not ours


@dataclass(frozen=True, slots=True)
class Offered:
    """What each vendor that answered would send, and why the others did not say."""

    quotes: Mapping[str, tuple[Quote, ...]]
    silent: Mapping[str, str]


async def _ask_all(ports: Ports, row: OperationRow) -> Answer[Offered]:
    drive = read(Drive, row.intent["drive"])
    answers = await asyncio.gather(*(vendor.quotes(row.tenant, drive) for vendor in ports.rides.values()))
    told = dict(zip(ports.rides, answers, strict=True))
    quotes = {vendor: answer.value for vendor, answer in told.items() if isinstance(answer, Ok)}
    silent = {vendor: _why(answer) for vendor, answer in told.items() if not isinstance(answer, Ok)}
    if quotes or not silent:
        return Ok(Offered(quotes, silent))
    return next((answer for answer in answers if isinstance(answer, NotSent)), Unknown("; ".join(silent.values())))


async def _chosen(work: Work, row: OperationRow, answer: Answer[Offered], ports: Ports) -> None:
    urn = Urn(row.intent["ride"])
    if isinstance(answer, Ok):
        await actions.rides_quoted(work, urn, answer.value.quotes, answer.value.silent, ASKS)
    else:
        await actions.ride_declined(work, urn, f"nobody who drives could be asked: {_why(answer)}", ASKS)


def _why(answer: Answer[Any]) -> str:
    return "" if isinstance(answer, Ok) else answer.reason if isinstance(answer, Declined) else answer.why


async def _send(ports: Ports, row: OperationRow) -> Answer[Ride]:
    order = _order(row, row.client_reference)
    party = await party_of(ports, row.tenant, row.subject)
    if party is None:
        return Declined("PARTY_ERASED", "the party's names were erased")
    lead = next(each for each in party.travellers if each.passenger == party.lead)
    rider = Rider(lead.given_name, lead.family_name, party.phone or "", party.language)
    return await ports.rides[order.quote.vendor].dispatch(row.tenant, order, rider)


async def _look_up(ports: Ports, row: OperationRow) -> Answer[Ride | None]:
    order = _order(row, row.client_reference)
    answer = await ports.rides[order.quote.vendor].find(row.tenant, order, row.intended_at - _CLOCKS)
    return _standing(answer.value) if isinstance(answer, Ok) else answer


async def _known_as(ports: Ports, row: OperationRow, reference: str) -> Answer[Ride | None]:
    """What the vendor holds under its own name. Only what carries one of our references is ours, whatever was misheard or mistyped."""
    order = _order(row, row.client_reference)
    answer = await ports.rides[order.quote.vendor].read(row.tenant, order, reference)
    if isinstance(answer, Ok):
        return _standing(answer.value) if answer.value.client_reference in (*row.given_up, row.client_reference) else Ok(None)
    return Ok(None) if isinstance(answer, Declined) else answer


def _standing(found: Ride | None) -> Ok[Ride | None] | Declined:
    """A ride that was over before we heard of it was driven; one that ended otherwise brings nobody anywhere."""
    if found is not None and found.status in RIDE_ENDS and found.status is not RideStatus.COMPLETED:
        return Declined(found.status.value, "nobody drives" if found.status is RideStatus.NO_DRIVER else "the ride was called off")
    return Ok(found)


async def _outcome(work: Work, row: OperationRow, answer: Answer[Ride], ports: Ports) -> None:
    urn = Urn(row.intent["ride"])
    if isinstance(answer, Ok):
        await actions.ride_dispatched(work, urn, answer.value, ASKS)
    elif isinstance(answer, Declined):
        await actions.ride_declined(work, urn, answer.reason, ASKS)
    elif isinstance(answer, NotSent):
        await actions.ride_declined(work, urn, f"it could not be asked: {answer.why}", ASKS)
    else:
        await actions.ride_unresolved(work, urn, f"nobody can tell whether somebody drives: {answer.why}", row.evidence)


async def _resolved(work: Work, row: OperationRow, reply_to: str, ports: Ports) -> None:
    if row.workflow is not None:
        await actions.undo_ride(work, row.workflow, ASKS)


async def _verify(work: Work, row: OperationRow, reference: str, found: Ride | None, ports: Ports) -> None:
    await actions.ride_verified(work, Urn(row.intent["ride"]), _order(row, reference), found, ASKS)


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    evidence = {**row.evidence, "vendor": _order(row, "").quote.vendor}
    await work.record(RideReviewed(row.subject, row.urn, finding, why, evidence), aggregate=row.subject)


QUOTE_RIDES: Operation[Ports, Offered] = Operation(
    name="quote_rides",
    domain="booking",
    kind=Class.READ,
    send=_ask_all,
    outcome=_chosen,
    resolved=_resolved,
    time_out=timedelta(seconds=20),
    budget=3,
    patience=timedelta(minutes=5),  # a family stands at the kerb; then a person finds them a car
)

DISPATCH_RIDE: Operation[Ports, Ride] = Operation(
    name="dispatch_ride",
    domain="booking",
    kind=Class.C,  # no vendor has a key, and no reference of ours is documented as unique
    send=_send,
    look_up=_look_up,
    outcome=_outcome,
    resolved=_resolved,
    verify=_verify,
    reviewed=_reviewed,
    known_as=_known_as,
    settle=timedelta(seconds=120),
    time_out=timedelta(seconds=20),
    budget=3,
    patience=timedelta(minutes=5),
)


class _Asks:
    """What booking wants of those who drive, as operations."""

    async def quote(self, work: Work, dispatch: Dispatch) -> None:
        intent = {"ride": dispatch.urn, "drive": encode(dispatch.drive)}
        await intend(
            work, QUOTE_RIDES, subject=dispatch.sub_case, key=f"quote|{dispatch.urn}|{dispatch.version}", intent=intent,
            reply_to=dispatch.reply_to, workflow=dispatch.workflow,
        )  # fmt: skip

    async def send(self, work: Work, dispatch: Dispatch) -> None:
        intent = {"ride": dispatch.urn, "drive": encode(dispatch.drive), "quote": encode(dispatch.quote)}
        await intend(
            work, DISPATCH_RIDE, subject=dispatch.sub_case, key=f"ride|{dispatch.client_reference}", intent=intent,
            reply_to=dispatch.reply_to, workflow=dispatch.workflow, client_reference=dispatch.client_reference,
        )  # fmt: skip

    async def cancel(self, work: Work, dispatch: Dispatch, order: RideOrder, reference: str, reply_to: str | None) -> None:
        await intend_calling_off(work, dispatch, order, reference, reply_to)

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        quotes = await withdraw(work, QUOTE_RIDES, subject=sub_case, workflow=workflow, reply_to=reply_to)
        return quotes + await withdraw(work, DISPATCH_RIDE, subject=sub_case, workflow=workflow, reply_to=reply_to)


ASKS: Final = _Asks()


def _order(row: OperationRow, client_reference: str) -> RideOrder:
    return RideOrder(client_reference, read(Drive, row.intent["drive"]), read(Quote, row.intent["quote"]))
