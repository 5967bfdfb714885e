"""Messages are kept seven days, so that a wiped Redis is rebuilt; then they go."""

from __future__ import annotations

from datetime import timedelta

from jobs.registry import Ports, chore
from kernel.outbox import prune
from kernel.tenancy import Tenant


@chore(every=timedelta(minutes=10), each="tenant")
async def prune_messages(ports: Ports, tenant: Tenant) -> None:
    """Forgets old messages in every database; may run twice."""
    for name, database in ports.databases.items():
        if name != "intake":  # there the app role may only insert
            await prune(database, tenant)
