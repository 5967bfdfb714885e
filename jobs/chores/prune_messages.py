"""Messages are kept seven days, so that a wiped Redis is rebuilt, and so are answers to requests that may be repeated; then they go."""

from __future__ import annotations

from datetime import timedelta

from domains.cases import actions
from jobs.registry import Ports, chore
from kernel.outbox import prune
from kernel.tenancy import Tenant


@chore(every=timedelta(minutes=10), each="tenant")
async def prune_messages(ports: Ports, tenant: Tenant) -> None:
    """Forgets old messages in every database, and what cases answered; may run twice."""
    await prune({name: database for name, database in ports.databases.items() if name != "intake"}, tenant)  # there it may only insert
    async with ports.databases["cases"].work(tenant) as work:
        await actions.forget_answers(work)
