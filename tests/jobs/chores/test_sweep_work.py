"""The sweeps mend what should never be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from jobs.chores.sweep_work import adopt_claims, sweep_work
from jobs.chores.verify_operations import verify_operations
from jobs.registry import Ports
from jobs.sagas.accommodate import ACCOMMODATE
from kernel.claim import WORKFLOWS, Claims
from kernel.database import Databases
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.harness.saga import World, a_workflow, an_engine, forward, running, state_of, until_asked_or_ended, until_ended
from tests.jobs.sagas.test_accommodate import ANSWERS, REFUSALS, SUB_CASE, a_world, some_params


async def test_a_claim_of_somebody_nobody_knows_is_adopted(databases: Databases, tenant: Tenant) -> None:
    workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(), SUB_CASE)
    [claim] = await Claims(databases.dispatch("cases"), WORKFLOWS, f"stranger:{workflow.id}").due([forward(tenant, ACCOMMODATE.plan, 1)], 1)
    assert claim.urn == workflow
    world = World(databases, tenant, ACCOMMODATE, ANSWERS, REFUSALS)
    async with running(an_engine(databases, tenant, ACCOMMODATE)) as hands:
        await adopt_claims(Ports(databases))
        assert await until_ended(world, workflow, hands.engine) == "DONE"


async def test_a_workflow_that_slept_over_an_answer_is_woken(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, silent={"choose"})
    async with running(an_engine(databases, tenant, ACCOMMODATE)):
        workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(), SUB_CASE)
        await until_asked_or_ended(world, workflow)
    question = world.asked[-1]
    await world.tell(question, ANSWERS["choose"](question.command, None))
    await _forget_the_ring(databases, tenant, workflow)
    await sweep_work(Ports(databases), tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE)):
        await until_asked_or_ended(world, workflow)
    assert world.names(workflow) == ["choose", "book"]


async def test_answers_after_the_end_are_forgotten(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, refuse={"choose"})
    async with running(an_engine(databases, tenant, ACCOMMODATE)) as hands:
        workflow = await a_workflow(databases, tenant, ACCOMMODATE, some_params(), SUB_CASE)
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
        question = world.asked[-1]
        await world.tell(question, ANSWERS["choose"](question.command, None))
    await _age_signals(databases, tenant)
    await sweep_work(Ports(databases), tenant)
    async with databases["cases"].read(tenant) as connection:
        left = await connection.execute(text("select count(*) from signal where tenant = :tenant"), {"tenant": tenant})
        assert left.scalar_one() == 0
    assert await state_of(databases, tenant, workflow) == "COMPENSATED"


@pytest.mark.parametrize(
    ("name", "state", "given_up", "ended", "verified", "due"),
    [
        ("book_rooms", "OK", [], timedelta(days=2), 0, True),
        ("book_rooms", "WITHDRAWN", ["old"], timedelta(days=2), 1, True),
        ("book_rooms", "WITHDRAWN", [], timedelta(days=2), 0, False),
        ("book_rooms", "OK", [], timedelta(hours=1), 0, False),
        ("book_rooms", "OK", [], timedelta(days=2), 2, False),
        ("search_hotels", "OK", [], timedelta(days=2), 0, False),
    ],
)
async def test_what_was_sent_and_never_verified_is_looked_at(
    databases: Databases, tenant: Tenant, name: str, state: str, given_up: list[str], ended: timedelta, verified: int, due: bool
) -> None:
    async with databases["booking"].work(tenant) as work:
        await work.execute(
            text("""
                insert into operation (tenant, urn, name, subject, key, reference, given_up, intent, correlation, state, deadline, ended_at,
                                       verified)
                values (:tenant, 'urn:operation:op-1', :name, 'urn:sub-case:s-1', 'k', 'r', cast(:given_up as text[]), '{}', 'c', :state,
                        nexa_now(), nexa_now() - cast(:ended as interval), :verified)
            """),
            {"tenant": tenant, "name": name, "state": state, "given_up": given_up, "ended": ended, "verified": verified},
        )
    await verify_operations(Ports(databases), tenant)
    async with databases["booking"].read(tenant) as connection:
        found = await connection.execute(text("select due is not null from operation where tenant = :tenant"), {"tenant": tenant})
        assert found.scalar_one() is due


async def _forget_the_ring(databases: Databases, tenant: Tenant, workflow: Urn) -> None:
    async with databases["cases"].work(tenant) as work:
        await work.execute(
            text("update workflow set due = nexa_now() + interval '1 hour' where tenant = :tenant and urn = :urn"),
            {"tenant": tenant, "urn": workflow},
        )
    await _age_signals(databases, tenant)


async def _age_signals(databases: Databases, tenant: Tenant) -> None:
    async with databases["cases"].work(tenant) as work:
        await work.execute(text("update signal set at = at - interval '2 minutes' where tenant = :tenant"), {"tenant": tenant})
