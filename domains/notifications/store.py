"""Rows ⇄ model of notifications. Every statement binds the tenant; rows go no further than here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.notifications.model import CHAIN, Chain, Channel, Message, MessageState
from domains.notifications.ports import Delivery, DeliveryStatus
from domains.notifications.tables import delivery, message, sending
from kernel.tables import NOW
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work


async def begin_message(work: Work, made: Message) -> bool:
    """Writes a new message; False when there is one for its sub-case, trigger, channel and subject."""
    names = {
        "tenant": work.tenant, "urn": made.urn, "sub_case": made.sub_case, "trigger": made.trigger, "channel": made.channel.value,
        "subject": made.subject,
    }  # fmt: skip
    unique = ["tenant", "sub_case", "trigger", "channel", "subject"]
    added = insert(message).values(names | _row(made)).on_conflict_do_nothing(index_elements=unique).returning(message.c.urn)
    return (await work.execute(added)).first() is not None


async def lock_chain(work: Work, sub_case: Urn, trigger: str, subject: Urn) -> Chain:
    """Every message by which this is told; nobody else's until the transaction ends."""
    which = (message.c.sub_case == sub_case) & (message.c.trigger == trigger) & (message.c.subject == subject)
    return await _lock(work, select(message).where(message.c.tenant == work.tenant, which))


async def lock_chain_of(work: Work, urn: Urn) -> Chain:
    """The same for what this message tells; an empty chain when there is no such message."""
    it = message.alias("it")
    same = [it.c[name] == message.c[name] for name in ("tenant", "sub_case", "trigger", "subject")]
    found = select(message).join(it, and_(*same)).where(message.c.tenant == work.tenant, it.c.tenant == work.tenant, it.c.urn == urn)
    return await _lock(work, found)


async def save_message(work: Work, made: Message) -> None:
    """Writes the whole of a locked message."""
    await work.execute(
        update(message)
        .where(message.c.tenant == work.tenant, message.c.urn == made.urn)
        .values(**_row(made), version=message.c.version + 1, changed_at=NOW)
    )


def to_message(row: Row[Any]) -> Message:
    """A row of `message` as the thing itself."""
    return Message(
        urn=Urn(row.urn), sub_case=Urn(row.sub_case), trigger=row.trigger, channel=Channel(row.channel), subject=Urn(row.subject),
        state=MessageState(row.state), delivery=None if row.delivery is None else DeliveryStatus(row.delivery), vendor=row.vendor,
        vendor_message=row.vendor_message, reply_to=row.reply_to, reason=row.reason, evidence=row.evidence, version=row.version,
        attempt=row.attempt, facts=row.facts, airport=row.airport,
    )  # fmt: skip


async def add_sending(work: Work, urn: Urn, reference: str, digest: str) -> None:
    """Remembers what leaves under this reference; what left before under it certainly did not arrive."""
    fresh = insert(sending).values(tenant=work.tenant, message=urn, reference=reference, digest=digest)
    await work.execute(
        fresh.on_conflict_do_update(index_elements=["tenant", "message", "reference"], set_={"digest": fresh.excluded.digest, "at": NOW})
    )


async def digest_of(connection: AsyncConnection, tenant: Tenant, urn: Urn, reference: str) -> str | None:
    """What left under this reference; None: nothing."""
    found = select(sending.c.digest).where(sending.c.tenant == tenant, sending.c.message == urn, sending.c.reference == reference)
    return (await connection.execute(found)).scalar_one_or_none()


async def reported(connection: AsyncConnection, tenant: Tenant, urn: Urn) -> Delivery | None:
    """What a partner last reported about this message; None: nothing."""
    found = select(delivery).where(delivery.c.tenant == tenant, delivery.c.message == urn).order_by(delivery.c.at.desc()).limit(1)
    row = (await connection.execute(found)).one_or_none()
    return None if row is None else Delivery(row.vendor_message, DeliveryStatus(row.status), row.error, urn)


async def lock_delivery(work: Work, vendor: str, report: Delivery) -> tuple[Urn | None, Delivery, bool]:
    """Whose report this is, what was known before, and whether it is the first; its row is nobody else's until the transaction ends."""
    fresh = {
        "tenant": work.tenant,
        "vendor": vendor,
        "vendor_message": report.message,
        "status": report.status.value,
        "error": report.error,
    }
    added = await work.execute(insert(delivery).values(fresh).on_conflict_do_nothing().returning(delivery.c.vendor_message))
    first = added.first() is not None
    found = (
        select(delivery)
        .where(delivery.c.tenant == work.tenant, delivery.c.vendor == vendor, delivery.c.vendor_message == report.message)
        .with_for_update()
    )
    row = (await work.execute(found)).one()
    return None if row.message is None else Urn(row.message), Delivery(report.message, DeliveryStatus(row.status), row.error), first


async def save_delivery(work: Work, vendor: str, report: Delivery, urn: Urn | None) -> None:
    """Writes a locked delivery."""
    await work.execute(
        update(delivery)
        .where(delivery.c.tenant == work.tenant, delivery.c.vendor == vendor, delivery.c.vendor_message == report.message)
        .values(status=report.status.value, error=report.error, message=urn, at=NOW)
    )


async def _lock(work: Work, found: Select[Any]) -> Chain:
    """Locked in one order for all, or two transactions could wait for each other."""
    rows = await work.execute(found.order_by(message.c.channel).with_for_update(of=message))
    return Chain(tuple(sorted(map(to_message, rows), key=lambda each: CHAIN.index(each.channel))))


def _row(made: Message) -> dict[str, Any]:
    return {
        "state": made.state.value, "delivery": made.delivery.value if made.delivery else None, "vendor": made.vendor,
        "vendor_message": made.vendor_message, "reply_to": made.reply_to, "reason": made.reason, "evidence": made.evidence,
        "attempt": made.attempt, "facts": made.facts, "airport": made.airport,
    }  # fmt: skip
