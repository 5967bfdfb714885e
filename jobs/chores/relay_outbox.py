"""What the domains have sent goes to the bus."""

from __future__ import annotations

from jobs.registry import Ports, chore
from kernel.outbox import BATCH, POLL


@chore(every=POLL, each="database", woken_by="sent")
async def relay_outbox(ports: Ports, database: str) -> None:
    """Publishes until nothing waits, if this worker leads this database; may run twice, and beside itself."""
    while await ports.relays[database].turn() == BATCH:
        pass
