"""Disabling a card at its issuer and taking back what is left on it, under a key that may be repeated."""

from __future__ import annotations

from datetime import timedelta

from domains.wallet import actions
from domains.wallet.events import CardReviewed
from domains.wallet.model import Card
from domains.wallet.ports import IssuedCard, Voided
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.event import encode, read
from kernel.operation import Class, Finding, Operation, OperationRow, intend
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work


async def _send(ports: Ports, row: OperationRow) -> Answer[Voided]:
    return await ports.cards.void(row.tenant, read(IssuedCard, row.intent["issued"]), row.intent["key"])


async def _outcome(work: Work, row: OperationRow, answer: Answer[Voided], ports: Ports) -> None:
    urn = Urn(row.intent["card"])
    if isinstance(answer, Ok):
        await actions.card_voided(work, urn, answer.value)
    elif isinstance(answer, Declined):
        await actions.void_refused(work, urn, answer.reason, {**row.evidence, "code": answer.code})
    elif isinstance(answer, NotSent):
        await actions.void_refused(work, urn, f"it could not be asked: {answer.why}", {**row.evidence, "away": ports.cards.vendor})
    else:
        await actions.void_refused(work, urn, f"nobody can tell: {answer.why}", row.evidence)


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    await work.record(CardReviewed(row.subject, row.urn, finding, why, row.evidence, opens=False), aggregate=row.subject)


def _by_hand(row: OperationRow, reference: str) -> Voided:
    """What a person has disabled by other means; what was left on it is the issuer's statement to tell."""
    return Voided(read(IssuedCard, row.intent["issued"]).card, None)


VOID_CARD: Operation[Ports, Voided] = Operation(
    name="void_card",
    domain="wallet",
    kind=Class.A,
    send=_send,
    outcome=_outcome,
    reviewed=_reviewed,
    by_hand=_by_hand,
    settle=timedelta(seconds=60),
    time_out=timedelta(seconds=60),  # several calls, one after the other
    patience=timedelta(hours=6),  # money that is not taken back is the airline's
    share=Share.UNDO,
)


async def intend_void(work: Work, card: Card) -> None:
    """The card, as it stands, shall be void."""
    key = f"void|{card.urn}|{card.version}"
    intent = {"card": card.urn, "issued": encode(card.issued), "key": f"void.{card.urn.id}"}
    await intend(
        work, VOID_CARD, subject=card.sub_case, key=key, intent=intent, reply_to=card.undo_reply_to, workflow=card.workflow
    )  # fmt: skip
