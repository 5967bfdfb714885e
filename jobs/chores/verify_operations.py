"""Sees to it that everything that was ever sent is looked at afterwards. State decides; it may run beside itself.

An operation brings its own times to be verified. This finds those that lost them, such as rows written before their operation could be
verified at all, once a day has passed.
"""

from __future__ import annotations

from datetime import timedelta

from jobs import operations
from jobs.registry import Ports, chore
from kernel import sweep
from kernel.tenancy import Tenant


@chore(every=timedelta(hours=1), each="tenant")
async def verify_operations(ports: Ports, tenant: Tenant) -> None:
    """Makes those due that were not verified twice."""
    declared = operations.load()
    for domain in declared.domains:
        names = [each.name for each in declared.of(domain).values() if each.verify is not None]
        if names:
            async with ports.databases[domain].work(tenant) as work:
                await sweep.verify_forgotten(work, names)
