"""Rows ⇄ model of access. Every statement binds the tenant; rows go no further than here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.access import tables as t
from domains.access.model import OperatorSession, PartnerRegistration, PartnerSecret
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work


async def put_partner(work: Work, urn: Urn, name: str, scopes: Iterable[str]) -> PartnerRegistration:
    row = insert(t.partner).values(tenant=work.tenant, urn=urn, name=name, scopes=sorted(scopes))
    changed = {"name": row.excluded.name, "scopes": row.excluded.scopes, "version": t.partner.c.version + 1}
    found = await work.execute(row.on_conflict_do_update(index_elements=["tenant", "urn"], set_=changed).returning(*t.partner.c))
    return _partner(found.one())


async def partner_of(connection: AsyncConnection, tenant: Tenant, urn: Urn) -> PartnerRegistration | None:
    found = (await connection.execute(select(t.partner).where(t.partner.c.tenant == tenant, t.partner.c.urn == urn))).one_or_none()
    return _partner(found) if found else None


async def put_secret(work: Work, partner: Urn, secret: PartnerSecret) -> None:
    """A secret that is known already is valid anew."""
    row = insert(t.partner_secret).values(
        tenant=work.tenant, partner=partner, digest=secret.digest, valid_from=secret.valid_from, valid_until=secret.valid_until
    )
    await work.execute(
        row.on_conflict_do_update(index_elements=["tenant", "partner", "digest"], set_={"valid_until": row.excluded.valid_until})
    )


async def end_other_secrets(work: Work, partner: Urn, kept: str, until: datetime, now: datetime) -> None:
    """Others end at `until` at the latest; what has ended is removed."""
    s = t.partner_secret.c
    others = (s.tenant == work.tenant, s.partner == partner, s.digest != kept)
    await work.execute(delete(t.partner_secret).where(*others, s.valid_until <= now))
    await work.execute(update(t.partner_secret).where(*others, s.valid_until > until).values(valid_until=until))


async def secrets_of(connection: AsyncConnection, tenant: Tenant, partner: Urn) -> list[PartnerSecret]:
    s = t.partner_secret.c
    rows = await connection.execute(select(s.digest, s.valid_from, s.valid_until).where(s.tenant == tenant, s.partner == partner))
    return [PartnerSecret(row.digest, row.valid_from, row.valid_until) for row in rows]


async def add_session(work: Work, session: OperatorSession) -> None:
    await work.execute(insert(t.operator_session).values(tenant=work.tenant, urn=session.urn, **_written(session)))


async def session_by_token(work: Work, digest: str) -> OperatorSession | None:
    """The one this token opens, or opened before its last renewal; nobody else's until the transaction ends."""
    s = t.operator_session.c
    asked = select(t.operator_session).where(s.tenant == work.tenant, or_(s.digest == digest, s.previous == digest)).with_for_update()
    found = (await work.execute(asked)).one_or_none()
    return _session(found) if found else None


async def save_session(work: Work, session: OperatorSession) -> None:
    s = t.operator_session.c
    await work.execute(update(t.operator_session).where(s.tenant == work.tenant, s.urn == session.urn).values(**_written(session)))


def _partner(row: Row[Any]) -> PartnerRegistration:
    return PartnerRegistration(Urn(row.urn), row.name, frozenset(row.scopes), row.registered_at)


def _session(row: Row[Any]) -> OperatorSession:
    return OperatorSession(Urn(row.urn), Urn(row.operator), row.digest, row.previous, row.renewed_at, row.expires_at, row.ended_at)


def _written(session: OperatorSession) -> dict[str, object]:
    return {
        "operator": session.operator,
        "digest": session.digest,
        "previous": session.previous,
        "renewed_at": session.renewed_at,
        "expires_at": session.expires_at,
        "ended_at": session.ended_at,
    }
