"""Reads of access."""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.access import store
from domains.access.actions import digest
from domains.access.model import PartnerRegistration
from kernel.tables import NOW
from kernel.tenancy import Tenant
from kernel.urn import Urn


async def partner_by_secret(
    connection: AsyncConnection, tenant: Tenant, partner: Urn, secret: str, at: datetime | None = None
) -> PartnerRegistration | None:
    """The registration, when the secret is one of its valid ones: by the clock that gave it, the database's, unless `at` is said."""
    shown, at = digest(secret), at or (await connection.execute(select(NOW))).scalar_one()
    known = [one for one in await store.secrets_of(connection, tenant, partner) if one.opens(at)]
    if not any(hmac.compare_digest(one.digest, shown) for one in known):
        return None
    return await store.partner_of(connection, tenant, partner)
