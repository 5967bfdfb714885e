"""What the passenger is offered: published, amended, withdrawn by the workflow. Every function may be repeated."""

from __future__ import annotations

from dataclasses import replace

from domains.cases import events
from domains.cases.actions.settle import change, find
from domains.cases.commands import PublishOffer, WithdrawOffer
from domains.cases.model import Move, moved
from domains.cases.refusals import MoveRefused
from kernel.money import Money
from kernel.urn import Urn
from kernel.work import Work


async def publish_offer(work: Work, command: PublishOffer) -> events.OfferPublished:
    """Shows the offer to the passenger. Refuses: NotFound, MoveRefused."""
    sub_case, _ = await find(work, command.sub_case)
    if sub_case.offer and sub_case.offer.reservation == command.offer.reservation:
        return events.OfferPublished(sub_case.urn, command.offer.reservation, sub_case.snapshot_version)
    target = moved(sub_case.status, Move.PUBLISH_OFFER)
    if target is None:
        raise MoveRefused(f"It is {sub_case.status}: no offer can be published.", status=sub_case.status, move=Move.PUBLISH_OFFER)
    snapshot = await change(work, sub_case, status=target, offer=command.offer, offer_since=sub_case.snapshot_version + 1)
    facts = {"reservation": command.offer.reservation, "hotel": command.offer.hotel, "total": str(command.offer.total)}
    await work.audit(action="offer.publish", entity=sub_case.urn, root=sub_case.case, before={"status": sub_case.status}, after=facts)
    return events.OfferPublished(sub_case.urn, command.offer.reservation, snapshot)


async def withdraw_offer(work: Work, command: WithdrawOffer) -> events.OfferWithdrawn:
    """Takes the offer off the passenger's screen; one that is not shown any more is left alone. Refuses: NotFound."""
    sub_case, _ = await find(work, command.sub_case)
    shown = sub_case.offer is not None and sub_case.offer.reservation == command.reservation
    target = moved(sub_case.status, Move.WITHDRAW_OFFER)
    if shown and target is not None:
        await change(work, sub_case, status=target, offer=None, offer_since=None)
        await work.audit(action="offer.withdraw", entity=sub_case.urn, root=sub_case.case, before={"reservation": command.reservation})
    return events.OfferWithdrawn(sub_case.urn, command.reservation)


async def attach_card(work: Work, sub_case_urn: Urn, card: Urn, last_four: str, amount: Money) -> None:
    """Adds the issued card to the offer and raises the snapshot; an offer that is gone is left alone."""
    sub_case, _ = await find(work, sub_case_urn)
    if sub_case.offer and sub_case.offer.card != card:
        await change(work, sub_case, offer=replace(sub_case.offer, card=card, card_last_four=last_four, card_amount=amount))


async def detach_card(work: Work, sub_case_urn: Urn) -> None:
    """Removes a voided card from the offer."""
    sub_case, _ = await find(work, sub_case_urn)
    if sub_case.offer and sub_case.offer.card:
        await change(work, sub_case, offer=replace(sub_case.offer, card=None, card_last_four=None, card_amount=None))
