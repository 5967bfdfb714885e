from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from domains.cases import store
from jobs.chores.prune_messages import prune_messages
from jobs.registry import Ports
from kernel.database import Databases
from kernel.tenancy import Tenant

_AGE = text("update asked_before set at = nexa_now() - cast(:age as interval) where tenant = :tenant and key = :key")


async def test_an_answer_is_kept_for_seven_days(databases: Databases, tenant: Tenant) -> None:
    async with databases["cases"].work(tenant) as work:
        for key, age in (("old", timedelta(days=7, minutes=1)), ("kept", timedelta(days=6))):
            await store.claim_key(work, key, "d1")
            await work.execute(_AGE, {"tenant": tenant, "key": key, "age": age})
    await prune_messages(Ports(databases), tenant)
    async with databases["cases"].work(tenant) as work:
        assert await store.claim_key(work, "old", "d2") is None
        assert await store.claim_key(work, "kept", "d2") == ("d1", None)
