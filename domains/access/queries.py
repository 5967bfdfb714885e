"""Reads of access."""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domains.access import store
from domains.access.actions import digest
from domains.access.model import PartnerRegistration
from kernel.tenancy import Tenant
from kernel.urn import Urn


async def partner_by_secret(
    connection: AsyncConnection, tenant: Tenant, partner: Urn, secret: str, at: datetime
) -> PartnerRegistration | None:
    """The registration, when the secret is one of its valid ones."""
    shown = digest(secret)
    known = [one for one in await store.secrets_of(connection, tenant, partner) if one.opens(at)]
    if not any(hmac.compare_digest(one.digest, shown) for one in known):
        return None
    return await store.partner_of(connection, tenant, partner)
