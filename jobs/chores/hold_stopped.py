"""Keeps what came back into a stopped line out of it, so that its time stands still as well."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jobs.registry import Ports, chore
from kernel.operation.stop import LINES, take_out
from kernel.tenancy import Tenant

EVERY: Final = timedelta(seconds=10)  # claims leave it alone meanwhile; only its patience goes on


@chore(every=EVERY, each="tenant")
async def hold_stopped(ports: Ports, tenant: Tenant) -> None:
    """For every domain that has a line."""
    for domain in sorted(set(LINES.values())):
        async with ports.databases[domain].work(tenant) as work:
            await take_out(work)
