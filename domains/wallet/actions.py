"""What wallet does: one card per sub-case and workflow, issued once however often it is asked for, and void again when it is undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from domains.wallet import store
from domains.wallet.commands import IssueCard, VoidCard
from domains.wallet.events import CardIssued, CardLoadsStopped, CardRefused, CardVoided, VoidRefused
from domains.wallet.model import NOTHING, Card, CardState
from domains.wallet.ports import IssuedCard, Voided
from kernel.operation import Line, Stop
from kernel.operation.stop import resume, stop
from kernel.saga import attempt_of
from kernel.urn import Urn
from kernel.work import Work


class Asks(Protocol):
    """How wallet writes its intents to the issuer; each commits with the caller's transaction."""

    async def issue(self, work: Work, card: Card) -> None:
        """Shall be issued, under a key that is the card's for good."""
        ...

    async def void(self, work: Work, card: Card) -> None:
        """Shall be void."""
        ...

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        """Takes back an issue that was not sent; how many are under way and have to settle first."""
        ...


async def issue_card(work: Work, command: IssueCard, workflow: Urn, reply_to: str, asks: Asks, airport: str | None = None) -> None:
    """Begins to issue; answers CardIssued or CardRefused, at once or when the issuer has answered. May be repeated.

    A later attempt asks the issuer anew where nothing stands: after a refusal, and after the card was voided.
    """
    fresh = Card(
        Urn.mint("issued-card"), command.sub_case, workflow, CardState.REQUESTED, command.amount, reply_to=reply_to, airport=airport
    )  # fmt: skip
    if await store.begin_card(work, fresh):
        await asks.issue(work, fresh)
        return
    card = await store.lock_card_of(work, workflow)
    assert card is not None
    if card.state in (CardState.REFUSED, CardState.VOIDED) and attempt_of(reply_to) > attempt_of(card.reply_to):
        anew = card.becomes(
            CardState.REQUESTED, amount=command.amount, vendor=None, issued=None, reply_to=reply_to, undo_reply_to=None, reason=None,
            evidence={},
        )  # fmt: skip
        await store.save_card(work, anew)
        await asks.issue(work, anew)
        return
    card = replace(card, reply_to=reply_to)
    await store.save_card(work, card)
    if card.state is CardState.ISSUED:
        await _tell_issued(work, card)
    elif card.state in (CardState.REFUSED, CardState.UNKNOWN):
        await _tell_refused(work, card)
    elif card.state is not CardState.REQUESTED:
        await _tell_refused(work, replace(card, reason="the card was voided meanwhile"))


async def card_issued(work: Work, urn: Urn, issued: IssuedCard, vendor: str, asks: Asks) -> None:
    """The issuer has made it. Answers CardIssued, unless it is to be void: then the undo finds it and voids it, or goes on to."""
    card = await store.lock_card(work, urn)
    if card is None or not card.in_question:
        return
    stood_still = card.state is CardState.VOID_REFUSED
    card = card.becomes(CardState.ISSUED, issued=issued, vendor=vendor)
    await store.save_card(work, card)
    after = {"state": card.state, "amount": card.amount, "last_four": issued.last_four, "vendor": vendor, "workflow": card.workflow}
    await work.audit(action="wallet.card-issued", entity=urn, root=card.sub_case, after=after)
    if card.undo_reply_to is None:
        await _tell_issued(work, card)
    elif stood_still:
        await undo(work, card.workflow, asks)


async def card_refused(work: Work, urn: Urn, why: str, evidence: dict[str, str], *, unknown: bool = False) -> None:
    """There is no card; or, when `unknown`, nobody can tell."""
    card = await store.lock_card(work, urn)
    if card is None or not card.in_question or (unknown and card.state is not CardState.REQUESTED):
        return
    stood_still = card.state is CardState.VOID_REFUSED
    card = card.becomes(CardState.UNKNOWN if unknown else CardState.REFUSED, reason=why, evidence=evidence)
    await store.save_card(work, card)
    after = {"state": card.state, "workflow": card.workflow, "evidence": evidence}
    await work.audit(action="wallet.card-refused", entity=urn, root=card.sub_case, reason=why, after=after)
    if card.undo_reply_to is None:
        await _tell_refused(work, card)
    elif stood_still:
        await _tell_undone(work, card)


async def void_card(work: Work, command: VoidCard, reply_to: str, asks: Asks) -> None:
    """Begins to undo; answers CardVoided or VoidRefused, at once or when the issuer has answered. May be repeated.

    A workflow that never asked for a card is remembered, so that a late IssueCard of it is refused.
    """
    # Before the card is locked: an outcome holds its operation and then waits for the card.
    under_way = await asks.withdraw(work, command.sub_case, command.workflow, reply_to)
    never = Card(Urn.mint("issued-card"), command.sub_case, command.workflow, CardState.NEVER, NOTHING, reason=command.reason)
    await store.begin_card(work, never)
    card = await store.lock_card_of(work, command.workflow)
    assert card is not None
    await store.save_card(work, replace(card, undo_reply_to=reply_to))
    if card.state is CardState.REQUESTED and not under_way:  # it may have been asked for just before the lock
        under_way = await asks.withdraw(work, command.sub_case, command.workflow, reply_to)
    if not under_way:
        await undo(work, command.workflow, asks)


async def undo(work: Work, workflow: Urn, asks: Asks) -> None:
    """Goes on with undoing, nothing being under way any more."""
    card = await store.lock_card_of(work, workflow)
    if card is None or card.undo_reply_to is None or card.state is CardState.VOIDING:
        return
    if card.state is CardState.REQUESTED:
        card = card.becomes(CardState.REFUSED, reason="withdrawn before it was sent")
    elif card.issued is not None and card.state in (CardState.ISSUED, CardState.VOID_REFUSED):
        card = card.becomes(CardState.VOIDING)
        await asks.void(work, card)
    elif card.state in (CardState.UNKNOWN, CardState.VOID_REFUSED):
        card = card.becomes(CardState.VOID_REFUSED)
    await store.save_card(work, card)
    await _tell_undone(work, card)


async def card_voided(work: Work, urn: Urn, voided: Voided) -> None:
    """The issuer has disabled it and taken back what was left, or a person has seen to it."""
    card = await store.lock_card(work, urn)
    if card is None or card.state not in (CardState.VOIDING, CardState.VOID_REFUSED):
        return
    returned = f"{voided.returned} went back to the pool" if voided.returned else "nothing was left on it"
    card = card.becomes(CardState.VOIDED, reason=returned)
    await store.save_card(work, card)
    after = {"state": card.state, "returned": voided.returned}
    await work.audit(action="wallet.card-voided", entity=urn, root=card.sub_case, before={"state": "ISSUED"}, after=after)
    await _tell_undone(work, card)


async def void_refused(work: Work, urn: Urn, why: str, evidence: dict[str, str]) -> None:
    """The issuer will not, or nobody can tell: a person looks."""
    card = await store.lock_card(work, urn)
    if card is None or card.state is not CardState.VOIDING:
        return
    card = card.becomes(CardState.VOID_REFUSED, reason=why, evidence={**card.evidence, **evidence})
    await store.save_card(work, card)
    await work.audit(action="wallet.void-refused", entity=urn, root=card.sub_case, reason=why, after=card.evidence)
    await _tell_undone(work, card)


async def _tell_issued(work: Work, card: Card) -> None:
    assert card.issued is not None
    issued = CardIssued(card.sub_case, card.urn, card.vendor or "", card.issued.last_four, card.amount)
    await work.record(issued, aggregate=card.sub_case, reply_to=card.reply_to)


async def _tell_refused(work: Work, card: Card) -> None:
    refused = CardRefused(card.sub_case, card.reason or "", card.state is CardState.UNKNOWN, card.evidence)
    await work.record(refused, aggregate=card.sub_case, reply_to=card.reply_to)


async def _tell_undone(work: Work, card: Card) -> None:
    if card.state is CardState.VOIDING:
        return
    answer: object
    if card.state is CardState.VOID_REFUSED:
        evidence = {**card.evidence, "vendor": card.vendor or "unknown", "card": card.issued.card if card.issued else "unknown"}
        answer = VoidRefused(card.sub_case, card.reason or "nobody can tell whether the card exists", evidence)
    else:
        answer = CardVoided(card.sub_case, (card.urn,) if card.state is CardState.VOIDED else ())
    await work.record(answer, aggregate=card.sub_case, reply_to=card.undo_reply_to)


async def stop_card_loads(work: Work, partner: str | None, airport: str | None, reason: str) -> Stop:
    """Nothing of them leaves from the commit on. Refuses: BadInput. May be repeated."""
    made = await stop(work, Line.CARD_LOADS, partner=partner, airport=airport, reason=reason)
    await work.record(CardLoadsStopped(made.urn, made.version), aggregate=made.urn)
    return made


async def resume_card_loads(work: Work, urn: Urn, reason: str) -> Stop:
    """What waited goes on. Refuses: BadInput, NotFound. May be repeated."""
    over = await resume(work, urn, reason=reason)
    await work.record(CardLoadsStopped(over.urn, over.version), aggregate=over.urn)
    return over
