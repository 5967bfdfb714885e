"""Claims over all tenants, by a role that sees no payload."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.claim import OPERATIONS, WORKFLOWS, Claims
from kernel.database import Databases
from kernel.event import message
from kernel.operation import Class, Operation, intend, withdraw
from kernel.saga import Answers, ReplyTo, Saga, cancel, step
from kernel.tenancy import Tenant
from kernel.turns import Portion, Share, Turns
from kernel.urn import Urn
from tests.harness.saga import a_workflow, forward


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
T1, T2 = Tenant("t1"), Tenant("t2")


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


async def test_what_has_died_twice_is_taken_in_small_company(databases: Databases) -> None:
    started = {await a_workflow(databases, T1, VISIT, Params()) for _ in range(3)}
    portions, workers = [forward(T1, VISIT.plan, 10)], [Claims(databases.dispatch("cases"), WORKFLOWS, f"w{n}:1") for n in range(4)]

    async def free() -> None:
        async with databases["cases"].work(T1) as work:
            await work.execute(text("update workflow set owner = null, due = nexa_now() where tenant = 't1'"))

    assert {claim.urn for claim in await workers[0].due(portions, 50)} == started
    assert {claim.urn for claim in await workers[1].orphans([T1], [workers[0].me], [VISIT.plan], 10)} == started
    await free()
    assert await workers[2].suspects([T1], [VISIT.plan], 9) == [], "once is nobody's fault"
    assert {claim.urn for claim in await workers[2].due(portions, 50)} == started
    assert {claim.urn for claim in await workers[3].orphans([T1], [workers[2].me], [VISIT.plan], 10)} == started
    await free()
    assert await workers[0].due(portions, 50) == []
    taken = [{claim.urn for claim in await worker.suspects([T1], [VISIT.plan], 2)} for worker in workers[:2]]
    assert [len(urns) for urns in taken] == [2, 1]
    assert set.union(*taken) == started


async def test_due_work_of_several_tenants_is_taken_in_one_statement_and_once(databases: Databases) -> None:
    started = {await a_workflow(databases, tenant, VISIT, Params()) for tenant in (T1, T2, T1)}
    portions = [forward(T1, VISIT.plan, 10), forward(T2, VISIT.plan, 10)]
    taken = await Claims(databases.dispatch("cases"), WORKFLOWS, "a:1").due(portions, 50)
    assert {claim.urn for claim in taken} == started
    assert {claim.fence for claim in taken} == {1}
    assert await Claims(databases.dispatch("cases"), WORKFLOWS, "b:1").due(portions, 50) == []
    heirs = await Claims(databases.dispatch("cases"), WORKFLOWS, "b:1").orphans([T1, T2], ["a:1"], [VISIT.plan], 10, [taken[0].urn])
    assert {claim.urn for claim in heirs} == started - {taken[0].urn}
    assert {claim.fence for claim in heirs} == {2}


async def test_no_more_than_asked_for_is_taken(databases: Databases, tenant: Tenant) -> None:
    for _ in range(5):
        await a_workflow(databases, tenant, VISIT, Params())
    claims = Claims(databases.dispatch("cases"), WORKFLOWS, "a:1")
    assert len(await claims.due([forward(tenant, VISIT.plan, 2)], 50)) == 2
    assert len(await claims.due([forward(tenant, VISIT.plan, 50)], 1)) == 1
    assert await claims.due([forward(tenant, "another@1", 50)], 50) == []


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
    taken = await Claims(databases.dispatch("booking"), OPERATIONS, "a:1").due([forward(tenant, "order", 10)], 10)
    assert sorted(claim.urn.id for claim in taken) == ["INTENT", "OK", "UNKNOWN"]
    async with databases["booking"].read(tenant) as connection:
        rows = await connection.execute(
            text("select urn, state, sends from operation where tenant = :tenant order by urn"), {"tenant": tenant}
        )
        assert tuple(rows.first() or ()) == ("urn:operation:INTENT", "SENT", 1)


async def test_each_share_is_asked_for_by_itself(databases: Databases, tenant: Tenant) -> None:
    bulk = {await a_workflow(databases, tenant, VISIT, Params()) for _ in range(3)}
    waited_for = await a_workflow(databases, tenant, VISIT, Params(), share=Share.INTERACTIVE)
    undoing = await a_workflow(databases, tenant, VISIT, Params())
    async with databases["cases"].work(tenant) as work:
        assert await cancel(work, undoing, "it rains")
    claims = Claims(databases.dispatch("cases"), WORKFLOWS, "a:1")
    taken = {share: await claims.due([Portion(tenant, VISIT.plan, share, 50)], 50) for share in Share}
    assert {share: {claim.urn for claim in each} for share, each in taken.items()} == {
        Share.FORWARD: bulk, Share.INTERACTIVE: {waited_for}, Share.UNDO: {undoing},
    }  # fmt: skip
    assert {claim.share for claim in taken[Share.UNDO]} == {Share.UNDO}


async def test_behind_a_flood_nobody_waits_for_more_than_a_round_or_two(databases: Databases, tenant: Tenant) -> None:
    for _ in range(200):
        await a_workflow(databases, tenant, VISIT, Params())
    claims, turns = Claims(databases.dispatch("cases"), WORKFLOWS, "a:1"), Turns()

    async def a_round() -> Counter[Share]:
        portions = turns.portions([tenant], [VISIT.plan], 20)
        taken = await claims.due(portions, 20)
        turns.charge(portions, Counter((claim.tenant, claim.kind, claim.share) for claim in taken), 20)
        return Counter(claim.share for claim in taken)

    turns.expect(tenant)
    assert await a_round() == await a_round() == {Share.FORWARD: 18}
    for share in (Share.INTERACTIVE, Share.UNDO):
        for _ in range(4):
            await a_workflow(databases, tenant, VISIT, Params(), share=share)
    first, second = await a_round(), await a_round()
    assert first == {Share.FORWARD: 18, Share.INTERACTIVE: 1, Share.UNDO: 1}
    assert (second[Share.INTERACTIVE], second[Share.UNDO]) == (3, 3)
    assert second[Share.FORWARD] >= 8


async def test_an_operation_has_the_share_of_the_question_it_belongs_to(databases: Databases, tenant: Tenant) -> None:
    call = Operation[Any, Any]("call", "booking", Class.READ, send=_never, outcome=_never)
    give_back = replace(call, name="give_back", share=Share.UNDO)
    workflow, subject = Urn.mint("workflow"), Urn.mint("sub-case")

    def asked(step: str, share: Share = Share.FORWARD) -> str:
        return str(ReplyTo(workflow, step, 1, share))

    async with databases["booking"].work(tenant) as work:
        for operation, key, reply_to, share in (
            (call, "forward", asked("book"), None),
            (call, "waited for", asked("book", Share.INTERACTIVE), None),
            (call, "undo", asked("~book"), None),
            (call, "a person's own", None, Share.INTERACTIVE),
            (give_back, "given back on the way", asked("cancel"), None),
            (give_back, "a ghost", None, None),
        ):
            await intend(work, operation, subject=subject, key=key, intent={}, reply_to=reply_to, workflow=workflow, share=share)
    async with databases["booking"].read(tenant) as connection:
        rows = await connection.execute(text("select key, share from operation where tenant = :tenant"), {"tenant": tenant})
        shares = {row.key: Share(row.share) for row in rows}
    assert shares == {
        "forward": Share.FORWARD, "waited for": Share.INTERACTIVE, "undo": Share.UNDO, "a person's own": Share.INTERACTIVE,
        "given back on the way": Share.UNDO, "a ghost": Share.UNDO,
    }  # fmt: skip


async def test_what_an_undo_waits_for_moves_to_its_share(databases: Databases, tenant: Tenant) -> None:
    call = Operation[Any, Any]("call", "booking", Class.READ, send=_never, outcome=_never)
    workflow, subject = Urn.mint("workflow"), Urn.mint("sub-case")
    async with databases["booking"].work(tenant) as work:
        await intend(work, call, subject=subject, key="a", intent={}, workflow=workflow)
        await work.execute(text("update operation set state = 'UNKNOWN' where tenant = :tenant"), {"tenant": tenant})
        assert await withdraw(work, call, subject=subject, workflow=workflow, reply_to=None) == 1
    assert await Claims(databases.dispatch("booking"), OPERATIONS, "a:1").due([Portion(tenant, "call", Share.UNDO, 5)], 5)


async def _never(*given: Any) -> Any:
    raise AssertionError("nobody performs it")
