"""A new airline's policy."""

from __future__ import annotations

from domains.policies import queries
from domains.policies.model import Constraints, Policy, PolicyState
from jobs.chores.adopt_default_policy import adopt_default_policy
from jobs.registry import Ports
from kernel.database import Databases
from kernel.tenancy import Tenant


async def active(databases: Databases, tenant: Tenant) -> Policy | None:
    async with databases["policies"].read(tenant) as connection:
        return await queries.active(connection, tenant)


async def test_a_new_airline_begins_with_the_default_and_keeps_it(databases: Databases, tenant: Tenant) -> None:
    ports = Ports(databases)
    assert await active(databases, tenant) is None
    await adopt_default_policy(ports, tenant)
    first = await active(databases, tenant)
    await adopt_default_policy(ports, tenant)
    assert first is not None
    assert (first.state, first.constraints) == (PolicyState.ACTIVE, Constraints())
    assert await active(databases, tenant) == first
