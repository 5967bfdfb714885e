"""What is gone on with in the transaction that made it due, and what is left to claims. The engines here sweep once an hour: whatever
happens without a ring, happened at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from kernel.database import Databases
from kernel.engine import _Operations
from kernel.operation import Class, State, intend
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.harness.messages import until
from tests.harness.saga import QUICK, Running, World, a_workflow, an_engine, journal_of, running, until_lines
from tests.kernel.test_operation_engine import SUBJECT, Bench, a_bench
from tests.kernel.test_saga_engine import PICNIC, Fetched, NotFetched, Params, a_world

SELDOM = replace(QUICK, sweep=timedelta(hours=1))


async def _waiting(world: World, engine: Any) -> Urn:
    """A workflow that has asked its first question, all its claims given back."""
    workflow = await a_workflow(world.databases, world.tenant, PICNIC, Params("us"))
    engine.wake(world.tenant)
    await until_lines(world.databases, world.tenant, workflow, 1)
    await until(lambda: not engine._floors[0].held)
    world.silent = {step.name for step in PICNIC.steps}
    await world.turn()
    return workflow


async def test_an_answer_moves_its_workflow_on_in_its_own_transaction(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC, timing=SELDOM)) as hands:
        workflow = await _waiting(world, hands.engine)
        before = await _fence(databases, tenant, workflow)
        await world.tell(world.asked[0], Fetched("basket"))
        assert [line.step for line in await journal_of(databases, tenant, workflow)] == ["basket", "bread"]
        assert await _signals(databases, tenant, workflow) == 0
        assert await _fence(databases, tenant, workflow) == before + 1
        await world.tell(world.asked[0], Fetched("basket"))  # a duplicate changes nothing
        assert len(await journal_of(databases, tenant, workflow)) == 2


async def test_two_answers_of_one_transaction_and_one_that_waits_are_all_heard(databases: Databases, tenant: Tenant) -> None:
    """One came while the workflow was claimed and waits as a signal; the next finds it free and takes that along."""
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC, timing=SELDOM)) as hands:
        workflow = await _waiting(world, hands.engine)
        await _set_owner(databases, tenant, workflow, "somebody:1")
        await world.tell(world.asked[0], Fetched("basket"))
        assert (len(await journal_of(databases, tenant, workflow)), await _signals(databases, tenant, workflow)) == (1, 1)
        await _set_owner(databases, tenant, workflow, None)
        await world.tell(world.asked[0], NotFetched("a second answer, too late"))
        assert [line.step for line in await journal_of(databases, tenant, workflow)] == ["basket", "bread"]
        assert await _signals(databases, tenant, workflow) == 0


async def test_what_touches_a_domain_or_is_not_running_is_left_to_claims(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC, timing=SELDOM)) as hands:
        workflow = await _waiting(world, hands.engine)
        await world.tell(world.asked[0], NotFetched("sold out"))  # nothing to undo: it would end, and its sub-case be moved
        assert (len(await journal_of(databases, tenant, workflow)), await _signals(databases, tenant, workflow)) == (1, 1)
    other = await _asked_by_nobody(databases, tenant, world)
    await world.tell(world.asked[-1], Fetched("basket"))
    assert await _signals(databases, tenant, other) == 1


async def test_an_intent_is_born_claimed_and_sent_after_its_commit(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C)
    async with bench.worker(timing=SELDOM) as hands:
        await _looked_around(bench, hands)
        urn = await bench.intend()
        row = await bench.ended(urn)
    assert (row.state, row.sends, row.fence, bench.partner.book) == (State.OK, 1, 1, [row.reference])
    assert [line["did"] for line in row.journal] == ["send"]


async def test_an_intent_that_is_rolled_back_keeps_no_place_and_is_not_sent(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, at_once=1)
    async with bench.worker(timing=SELDOM) as hands:
        await _looked_around(bench, hands)
        with pytest.raises(LookupError):
            await _intend_and_fail(bench)
        known = await bench.intend()
        await bench.ended(known)
        await until(lambda: not hands.engine._floors[1].held)
        assert await bench.intend() == known  # it has a place until the commit, and gives it back
        assert (await bench.ended(await bench.intend("k2"))).state is State.OK
    assert len(bench.partner.sends) == 2


async def test_what_finds_no_place_waits_for_its_turn(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, "hangs", at_once=1)
    async with bench.worker(timing=SELDOM) as hands:
        await _looked_around(bench, hands)
        first = await bench.intend("k1")
        await bench.partner.sending.wait()
        second = await bench.intend("k2")
        assert ((await bench.row(first)).state, (await bench.row(second)).state) == (State.SENT, State.INTENT)
        hands.engine.wake(tenant, domain="booking")  # as its commit does where somebody listens
        await asyncio.sleep(0.05)
        bench.partner.go_on.set()
        assert (await bench.ended(second)).state is State.OK  # whoever finished has rung
        assert (await bench.row(second)).fence == 1


async def test_a_worker_that_stops_sends_what_it_has_taken(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C)
    async with bench.worker(timing=SELDOM) as hands:
        await _looked_around(bench, hands)
        async with databases["booking"].work(tenant) as work:
            urn = await intend(work, bench.operation, subject=SUBJECT, key="k1", intent={}, reply_to="urn:workflow:w-1|book|1")
            stopping = asyncio.create_task(hands.stop())
            await asyncio.sleep(0.05)
        await stopping
        assert (await bench.row(urn)).state is State.OK
        left = await bench.intend("k2")
        assert (await bench.row(left)).state is State.INTENT


async def _intend_and_fail(bench: Bench) -> None:
    async with bench.databases["booking"].work(bench.tenant) as work:
        await intend(work, bench.operation, subject=SUBJECT, key="lost", intent={}, reply_to="urn:workflow:w-1|book|1")
        raise LookupError


async def _looked_around(bench: Bench, hands: Running) -> None:
    """Until its first round has shown that nothing waits."""
    floor = hands.engine._floors[1]
    assert isinstance(floor, _Operations)
    await until(lambda: hands.engine.healthy and not floor._waiting)


async def _asked_by_nobody(databases: Databases, tenant: Tenant, world: World) -> Urn:
    """A workflow that waits for an answer, and no engine runs any more."""
    async with running(an_engine(databases, tenant, PICNIC, timing=SELDOM)) as hands:
        return await _waiting(world, hands.engine)


async def _set_owner(databases: Databases, tenant: Tenant, workflow: Urn, owner: str | None) -> None:
    async with databases.dispatch("cases").begin() as connection:
        statement = text("update workflow set owner = :owner where tenant = :tenant and urn = :urn")
        await connection.execute(statement, {"tenant": tenant, "urn": workflow, "owner": owner})


async def _signals(databases: Databases, tenant: Tenant, workflow: Urn) -> int:
    return int(await _one(databases, tenant, "select count(*) from signal where tenant = :tenant and workflow = :urn", workflow))


async def _fence(databases: Databases, tenant: Tenant, workflow: Urn) -> int:
    return int(await _one(databases, tenant, "select fence from workflow where tenant = :tenant and urn = :urn", workflow))


async def _one(databases: Databases, tenant: Tenant, statement: str, workflow: Urn) -> Any:
    async with databases["cases"].read(tenant) as connection:
        return (await connection.execute(text(statement), {"tenant": tenant, "urn": workflow})).scalar_one()
