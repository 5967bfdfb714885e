"""Frees what nobody holds any more: locks whose operator's session has died, with its socket or with its gateway.

Together with the liveness of `kernel.lock` this keeps the promise that a lock is free at most 15 seconds after its gateway was killed: it
counts as alive for 14 of them. Freeing raises the fence, so a holder who was only slow is refused and not obeyed.
"""

from __future__ import annotations

from datetime import timedelta

from domains.cases import actions, queries
from jobs.registry import Ports, chore
from kernel.tenancy import Tenant


@chore(every=timedelta(seconds=1), each="tenant")
async def release_dead_locks(ports: Ports, tenant: Tenant) -> None:
    """Asks of every session that holds a lock whether it lives. May run beside itself: each lock is looked at again before it is freed."""
    async with ports.databases["cases"].read(tenant) as connection:
        holding = await queries.locking_sessions(connection, tenant)
    alive = await ports.sessions.alive_of(holding) if holding else set()
    for session in holding:
        if session not in alive:
            async with ports.databases["cases"].work(tenant) as work:
                await actions.release_session(work, session)
