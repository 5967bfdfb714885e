"""Claims over all tenants, by a role that sees no payload."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.claim import OPERATIONS, WORKFLOWS, Claim, Claims, Turns
from kernel.database import Databases
from kernel.event import message
from kernel.saga import Answers, Saga, step
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.harness.saga import a_workflow


@message("wallet")
class Knock:
    pass


@message("wallet")
class Knocked:
    pass


@dataclass(frozen=True)
class Params:
    pass


VISIT = Saga("visit", Params, step("door", ask=Knock, done=Knocked))
T1, T2, T3 = Tenant("t1"), Tenant("t2"), Tenant("t3")


def door(params: Params, answers: Answers) -> Knock:
    return Knock()


@pytest.mark.parametrize(
    ("domain", "statement"),
    [
        ("cases", "select params from workflow"),
        ("cases", "select subject from workflow"),
        ("cases", "select * from workflow_step"),
        ("cases", "select * from signal"),
        ("cases", "select * from party"),
        ("cases", "update workflow set due = null"),
        ("cases", "update workflow set state = 'DONE'"),
        ("booking", "select intent from operation"),
        ("booking", "select subject from operation"),
        ("booking", "select reference from operation"),
        ("booking", "update operation set due = null"),
        ("booking", "delete from operation"),
        ("booking", "select body from outbox"),
    ],
)
async def test_the_dispatcher_sees_claims_and_nothing_else(databases: Databases, domain: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with databases.dispatch(domain).begin() as connection:
            await connection.execute(text(statement))


async def test_due_work_of_several_tenants_is_taken_in_one_statement_and_once(databases: Databases) -> None:
    started = {await a_workflow(databases, tenant, VISIT, Params()) for tenant in (T1, T2, T1)}
    shares = [(T1, VISIT.plan, 10), (T2, VISIT.plan, 10)]
    taken = await Claims(databases.dispatch("cases"), WORKFLOWS, "a:1").due(shares, 50)
    assert {claim.urn for claim in taken} == started
    assert {claim.fence for claim in taken} == {1}
    assert await Claims(databases.dispatch("cases"), WORKFLOWS, "b:1").due(shares, 50) == []
    heirs = await Claims(databases.dispatch("cases"), WORKFLOWS, "b:1").orphans([T1, T2], ["a:1"], [VISIT.plan], 10, [taken[0].urn])
    assert {claim.urn for claim in heirs} == started - {taken[0].urn}
    assert {claim.fence for claim in heirs} == {2}


async def test_no_more_than_asked_for_is_taken(databases: Databases, tenant: Tenant) -> None:
    for _ in range(5):
        await a_workflow(databases, tenant, VISIT, Params())
    claims = Claims(databases.dispatch("cases"), WORKFLOWS, "a:1")
    assert len(await claims.due([(tenant, VISIT.plan, 2)], 50)) == 2
    assert len(await claims.due([(tenant, VISIT.plan, 50)], 1)) == 1
    assert await claims.due([(tenant, "another@1", 50)], 50) == []


async def test_an_operation_in_flight_is_never_due(databases: Databases, tenant: Tenant) -> None:
    async with databases["booking"].work(tenant) as work:
        await work.execute(
            text("""
                insert into operation (tenant, urn, name, subject, key, intent, correlation, state, deadline, due)
                select :tenant, 'urn:operation:' || s, 'order', 'urn:sub-case:s-1', s, '{}', 'c', s, nexa_now(), nexa_now()
                from unnest(array['INTENT', 'SENT', 'UNKNOWN', 'OK']) as t(s)
            """),
            {"tenant": tenant},
        )
    taken = await Claims(databases.dispatch("booking"), OPERATIONS, "a:1").due([(tenant, "order", 10)], 10)
    assert sorted(claim.urn.id for claim in taken) == ["INTENT", "OK", "UNKNOWN"]
    async with databases["booking"].read(tenant) as connection:
        rows = await connection.execute(
            text("select urn, state, sends from operation where tenant = :tenant order by urn"), {"tenant": tenant}
        )
        assert tuple(rows.first() or ()) == ("urn:operation:INTENT", "SENT", 1)


def _served(turns: Turns, limit: int, waiting: dict[Tenant, int]) -> dict[Tenant, int]:
    """Gives every tenant its share, as long as something of it waits."""
    shares = turns.shares(list(waiting), limit)
    taken: list[Claim] = []
    for tenant, share in shares:
        count = min(share, waiting[tenant], limit - len(taken))
        waiting[tenant] -= count
        taken += [Claim(tenant, Urn("urn:workflow:w-1"), "p", 1)] * count
    turns.charge(waiting, taken)
    return {tenant: sum(claim.tenant == tenant for claim in taken) for tenant in waiting}


def test_a_storm_of_one_tenant_leaves_the_others_their_share() -> None:
    turns = Turns()
    waiting = {T1: 10_000, T2: 40, T3: 0}
    rounds = [_served(turns, 50, waiting) for _ in range(10)]
    assert waiting[T2] == 0
    assert sum(each[T1] for each in rounds) >= 350
    waiting[T3] = 5
    _served(turns, 50, waiting)
    _served(turns, 50, waiting)
    assert waiting[T3] == 0


def test_who_was_rung_for_is_served_among_the_busy() -> None:
    turns = Turns()
    turns.expect(T2)
    assert turns.shares([T1, T2], 50) == [(T2, 49), (T1, 1)]
