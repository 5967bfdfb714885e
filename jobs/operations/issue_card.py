"""Issuing a prepaid card to the lead passenger, under a key derived from sub-case and workflow: one card, however often it is asked."""

from __future__ import annotations

from datetime import timedelta

from domains.wallet import actions
from domains.wallet.events import CardReviewed
from domains.wallet.model import Card
from domains.wallet.ports import CardRequest, IssuedCard
from jobs.operations.void_card import intend_void
from jobs.party import party_of
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.event import encode, read
from kernel.money import Money
from kernel.operation import Class, Finding, Line, Operation, OperationRow, intend, withdraw
from kernel.saga import attempt_of
from kernel.urn import Urn
from kernel.work import Work


async def _send(ports: Ports, row: OperationRow) -> Answer[IssuedCard]:
    party = await party_of(ports, row.tenant, row.subject)
    if party is None:
        return Declined("PARTY_ERASED", "the party's names were erased")
    lead = next(each for each in party.travellers if each.passenger == party.lead)
    request = CardRequest(
        key=row.intent["key"], reference=row.subject, given_name=lead.given_name, family_name=lead.family_name,
        amount=read(Money, row.intent["amount"]), email=party.email, phone=party.phone,
    )  # fmt: skip
    return await ports.cards.issue(row.tenant, request)


async def _outcome(work: Work, row: OperationRow, answer: Answer[IssuedCard], ports: Ports) -> None:
    urn = Urn(row.intent["card"])
    if isinstance(answer, Ok):
        await actions.card_issued(work, urn, answer.value, ports.cards.vendor, asks_of(ports))
    elif isinstance(answer, Declined):
        await actions.card_refused(work, urn, answer.reason, {"code": answer.code})
    elif isinstance(answer, NotSent):
        await actions.card_refused(work, urn, f"the issuer could not be asked: {answer.why}", {**row.evidence, "away": ports.cards.vendor})
    else:
        await actions.card_refused(work, urn, f"nobody can tell whether there is a card: {answer.why}", row.evidence, unknown=True)


async def _resolved(work: Work, row: OperationRow, reply_to: str, ports: Ports) -> None:
    if row.workflow is not None:
        await actions.undo(work, row.workflow, asks_of(ports))


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    await work.record(CardReviewed(row.subject, row.urn, finding, why, row.evidence), aggregate=row.subject)


ISSUE_CARD: Operation[Ports, IssuedCard] = Operation(
    name="issue_card",
    domain="wallet",
    kind=Class.A,
    send=_send,
    outcome=_outcome,
    resolved=_resolved,
    reviewed=_reviewed,
    settle=timedelta(seconds=60),
    time_out=timedelta(seconds=60),  # holder, card, account and load, one after the other
    patience=timedelta(minutes=30),
    line=Line.CARD_LOADS,
)


class _Asks:
    """Wallet's intents, as operations."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor

    async def issue(self, work: Work, card: Card) -> None:
        attempt = attempt_of(card.reply_to)
        key = f"{card.sub_case.id}.{card.workflow.id}" + (f".{attempt}" if attempt > 1 else "")
        intent = {"card": card.urn, "amount": encode(card.amount), "key": key}
        await intend(
            work, ISSUE_CARD, subject=card.sub_case, key=f"card|{key}", intent=intent, reply_to=card.reply_to, workflow=card.workflow,
            partner=self._vendor, airport=card.airport,
        )  # fmt: skip

    async def void(self, work: Work, card: Card) -> None:
        await intend_void(work, card)

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        return await withdraw(work, ISSUE_CARD, subject=sub_case, workflow=workflow, reply_to=reply_to)


def asks_of(ports: Ports) -> actions.Asks:
    """Wallet's intents for the issuer that is plugged in."""
    return _Asks(ports.cards.vendor)
