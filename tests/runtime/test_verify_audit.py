"""The audit, from the act in a domain to the verified chain, over real databases."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domains.audit import queries
from domains.audit.events import AuditRecorded
from domains.audit.model import Entry, Fault, FaultKind
from jobs.reactions.audit import enter
from jobs.registry import on_many
from kernel import work as kernel_work
from kernel.bus import Bus, connect
from kernel.database import Databases, make_engine
from kernel.event import name_of, owner_of, version_of
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from runtime.verify_audit import verify
from tests.harness.messages import Traffic

CASE = Urn("urn:case:c-1")
ANN = Urn("urn:operator:ann")


@pytest.fixture
async def traffic(tenant: Tenant, databases: Databases, valkey_urls: ValkeyUrls) -> AsyncIterator[Traffic]:
    redis = connect(valkey_urls.coordination)
    made = Traffic(tenant, databases, Bus(redis))
    on_many(AuditRecorded, registry=made.registry, domain="audit")(enter)
    yield made
    await redis.aclose()


async def act(databases: Databases, tenant: Tenant, action: str, *, domain: str = "cases", root: Urn = CASE) -> None:
    async with databases[domain].work(tenant, actor=ANN, role="ADMIN") as work:
        await work.audit(action=action, entity=root, reason="r", before={"a": 1}, after={"a": 2.5, "b": ["ü"]}, ip="192.0.2.7")


async def entered(traffic: Traffic, count: int, root: Urn = CASE) -> list[Entry]:
    async with asyncio.timeout(30):
        while True:
            async with traffic.databases["audit"].read(traffic.tenant) as connection:
                entries = await queries.entries_of(connection, traffic.tenant, root)
            if len(entries) >= count:
                return entries
            await asyncio.sleep(0.05)


async def faults(traffic: Traffic) -> list[Fault]:
    _, found = await verify(traffic.databases, traffic.tenant, timedelta(0))
    return found


async def as_administrator(postgres_url: str, *statements: str) -> None:
    engine = make_engine(postgres_url.rsplit("/", 1)[0] + "/nexa_audit", pool=1)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


def test_the_word_in_the_kernel_is_the_domains_message() -> None:
    said = (kernel_work.AUDIT, kernel_work.AUDIT_RECORDED, kernel_work.AUDIT_VERSION)
    assert said == (owner_of(AuditRecorded), name_of(AuditRecorded), version_of(AuditRecorded))
    assert {field.name for field in dataclasses.fields(AuditRecorded)} == {
        "entity", "root", "action", "actor", "role", "reason", "before", "after", "ip",
    }  # fmt: skip


async def test_acts_of_several_domains_become_one_chain_per_root(traffic: Traffic) -> None:
    async with traffic.running("cases", "wallet"):
        for turn in range(3):
            await act(traffic.databases, traffic.tenant, f"cases-{turn}")
            await act(traffic.databases, traffic.tenant, f"wallet-{turn}", domain="wallet")
            await act(traffic.databases, traffic.tenant, "elsewhere", root=Urn("urn:case:c-2"))
        entries = await entered(traffic, 6)
        await entered(traffic, 3, Urn("urn:case:c-2"))
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry.action for entry in entries if entry.action.startswith("cases")] == ["cases-0", "cases-1", "cases-2"]
    first = entries[0]
    assert (first.actor, first.role, first.reason, first.ip) == (ANN, "ADMIN", "r", "192.0.2.7")
    assert (first.before, first.after) == ({"a": 1}, {"a": 2.5, "b": ["ü"]})
    assert await verify(traffic.databases, traffic.tenant, timedelta(0)) == (9, [])


async def test_an_act_that_was_told_and_not_entered_is_missing(traffic: Traffic) -> None:
    await act(traffic.databases, traffic.tenant, "close")
    assert [fault.kind for fault in await faults(traffic)] == [FaultKind.MISSING]
    assert (await verify(traffic.databases, traffic.tenant, timedelta(minutes=1)))[1] == []


async def test_nobody_changes_an_entry_and_who_could_is_found_out(traffic: Traffic, postgres_url: str) -> None:
    async with traffic.running("cases"):
        for turn in range(3):
            await act(traffic.databases, traffic.tenant, f"{turn}")
        await entered(traffic, 3)
    mine = f"tenant = '{traffic.tenant}'"
    for statement in ("update entry set reason = 'x'", "delete from entry", "truncate entry"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with traffic.databases["audit"].work(traffic.tenant) as work:
                await work.execute(text(statement))
    for statement in (f"update entry set reason = 'x' where {mine}", f"delete from entry where {mine}", "truncate entry"):
        with pytest.raises(DBAPIError, match="never changed"):
            await as_administrator(postgres_url, statement)
    above = ("set local session_replication_role = replica",)
    await as_administrator(postgres_url, *above, f"update entry set reason = 'x' where {mine} and number = 2")
    assert {fault.kind for fault in await faults(traffic)} == {FaultKind.CHANGED, FaultKind.DIFFERENT}
    await as_administrator(postgres_url, *above, f"delete from entry where {mine} and number = 3")
    assert FaultKind.MISSING in {fault.kind for fault in await faults(traffic)}
    await as_administrator(postgres_url, *above, f"delete from entry where {mine} and number = 1")
    assert FaultKind.BROKEN in {fault.kind for fault in await faults(traffic)}
