"""Reads of policies."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.policies import tables as t
from domains.policies.model import Policy, PolicyState
from domains.policies.store import policy_of
from kernel.tenancy import Tenant


async def active(connection: AsyncConnection, tenant: Tenant) -> Policy | None:
    """The policy in force; None before an airline has one."""
    c = t.policy.c
    row = (await connection.execute(select(t.policy).where(c.tenant == tenant, c.state == PolicyState.ACTIVE))).mappings().first()
    return policy_of(row) if row else None
