"""Every airline has an active policy: a new one begins with the default, until a supervisor activates another."""

from __future__ import annotations

from datetime import timedelta

from domains.policies import actions, queries
from jobs.registry import Ports, chore
from kernel.tenancy import Tenant


@chore(every=timedelta(minutes=1), each="tenant")
async def adopt_default_policy(ports: Ports, tenant: Tenant) -> None:
    """Activates the default where nothing is active. It may run beside itself: one active policy is a constraint of the table."""
    policies = ports.databases["policies"]
    async with policies.read(tenant) as connection:
        if await queries.active(connection, tenant) is not None:
            return
    async with policies.work(tenant) as work:
        await actions.adopt_default(work)
