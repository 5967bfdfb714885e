"""Rows ⇄ model of wallet. Every statement binds the tenant; rows go no further than here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from domains.wallet.model import Card, CardState
from domains.wallet.ports import IssuedCard
from domains.wallet.tables import card
from kernel.event import encode, read
from kernel.money import Money
from kernel.tables import NOW
from kernel.urn import Urn
from kernel.work import Work


async def begin_card(work: Work, made: Card) -> bool:
    """Writes a new card; False when this workflow has one."""
    names = {"tenant": work.tenant, "urn": made.urn, "sub_case": made.sub_case, "workflow": made.workflow}
    result = await work.execute(
        insert(card).values(names | _row(made)).on_conflict_do_nothing(index_elements=["tenant", "workflow"]).returning(card.c.urn)
    )
    return result.first() is not None


async def lock_card(work: Work, urn: Urn) -> Card | None:
    """A card, nobody else's until the transaction ends."""
    return await _lock(work, card.c.urn == urn)


async def lock_card_of(work: Work, workflow: Urn) -> Card | None:
    """The card of a workflow, nobody else's until the transaction ends."""
    return await _lock(work, card.c.workflow == workflow)


async def save_card(work: Work, made: Card) -> None:
    """Writes the whole of a locked card."""
    await work.execute(
        update(card)
        .where(card.c.tenant == work.tenant, card.c.urn == made.urn)
        .values(**_row(made), version=card.c.version + 1, changed_at=NOW)
    )


def to_card(row: Row[Any]) -> Card:
    """A row of `card` as the thing itself."""
    return Card(
        urn=Urn(row.urn), sub_case=Urn(row.sub_case), workflow=Urn(row.workflow), state=CardState(row.state),
        amount=Money(row.amount, row.currency), vendor=row.vendor, issued=None if row.issued is None else read(IssuedCard, row.issued),
        reply_to=row.reply_to, undo_reply_to=row.undo_reply_to, reason=row.reason, evidence=row.evidence, version=row.version,
        airport=row.airport,
    )  # fmt: skip


async def _lock(work: Work, which: Any) -> Card | None:
    row = (await work.execute(select(card).where(card.c.tenant == work.tenant, which).with_for_update())).one_or_none()
    return None if row is None else to_card(row)


def _row(made: Card) -> dict[str, Any]:
    return {
        "state": made.state.value, "amount": made.amount.amount, "currency": made.amount.currency, "vendor": made.vendor,
        "issued": encode(made.issued), "reply_to": made.reply_to, "undo_reply_to": made.undo_reply_to, "reason": made.reason,
        "evidence": made.evidence, "airport": made.airport,
    }  # fmt: skip
