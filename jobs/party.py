"""The people of a sub-case, read from cases at the moment a partner is told their names, and kept in memory only."""

from __future__ import annotations

from domains.cases import queries
from domains.cases.model import Party
from jobs.registry import Ports
from kernel.tenancy import Tenant
from kernel.urn import Urn


async def party_of(ports: Ports, tenant: Tenant, sub_case: Urn) -> Party | None:
    """None when the party was erased."""
    async with ports.databases["cases"].read(tenant) as connection:
        return await queries.party_of(connection, tenant, sub_case)


async def airport_of(ports: Ports, tenant: Tenant, sub_case: Urn) -> str:
    """Where they are stranded; empty when nobody knows."""
    async with ports.databases["cases"].read(tenant) as connection:
        found = await queries.sub_cases_by_urn(connection, tenant, [sub_case])
    return found[sub_case].airport if sub_case in found else ""
