"""What cases is told at the end of a workflow, and of a step that failed on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import text

from domains.booking.events import CancelRefused, RoomsRefused
from domains.cases import queries
from domains.cases.model import SubCase, SubCaseStatus
from jobs.registry import Ports
from jobs.sagas.accommodate import ACCOMMODATE
from jobs.sagas.hooks import hooks
from kernel.database import Databases
from kernel.saga import Saga, cancel, start
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.builders import a_case
from tests.harness.saga import World, an_engine, running, until_asked_or_ended, until_ended
from tests.jobs.sagas.test_accommodate import ANSWERS, REFUSALS, some_params


class Feed:
    def __init__(self) -> None:
        self.told: list[tuple[str, Urn, int]] = []

    def publish(self, tenant: Tenant, topic: str, urn: Urn, version: int, item: object = None, *, urgent: bool = False) -> None:
        self.told.append((topic, urn, version))


async def _processing(databases: Databases, tenant: Tenant, saga: Saga = ACCOMMODATE) -> tuple[Urn, Urn]:
    """A sub-case whose workflow has just been started: (sub-case, workflow)."""
    workflow = Urn.mint("workflow")
    async with databases["cases"].work(tenant) as work:
        _, [sub_case] = await a_case(work)
        await work.execute(
            text("update sub_case set status = 'PROCESSING', workflow = :workflow where tenant = :tenant and urn = :urn"),
            {"tenant": tenant, "urn": sub_case, "workflow": workflow},
        )
        params = replace(some_params(), workflow=workflow, sub_case=sub_case)
        await start(work, saga, params, workflow=workflow, subject=sub_case)
    return sub_case, workflow


async def _sub_case(databases: Databases, tenant: Tenant, urn: Urn) -> SubCase:
    async with databases["cases"].read(tenant) as connection:
        return (await queries.sub_cases_by_urn(connection, tenant, [urn]))[urn]


async def _told(databases: Databases, tenant: Tenant) -> dict[str, list[Any]]:
    async with databases["cases"].read(tenant) as connection:
        reviews = await connection.execute(
            text("select kind, summary from review where tenant = :tenant order by kind"), {"tenant": tenant}
        )
        ended = await connection.execute(
            text("select body ->> 'outcome' from outbox where tenant = :tenant and name = 'WorkflowEnded'"), {"tenant": tenant}
        )
        named = await connection.execute(
            text("select operation from review where tenant = :tenant and operation is not null"), {"tenant": tenant}
        )
        return {"reviews": [tuple(row) for row in reviews], "ended": list(ended.scalars()), "operations": list(named.scalars())}


async def test_a_refused_booking_waits_for_a_person(databases: Databases, tenant: Tenant) -> None:
    world = World(databases, tenant, ACCOMMODATE, ANSWERS, REFUSALS, refuse={"book"})
    sub_case, workflow = await _processing(databases, tenant)
    feed = Feed()
    ports = Ports(databases, feed=feed)  # type: ignore[arg-type]  # only `publish` is asked for
    async with running(an_engine(databases, tenant, ACCOMMODATE, hooks=hooks(ports))) as hands:
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
    assert (await _sub_case(databases, tenant, sub_case)).status is SubCaseStatus.MANUAL_REVIEW
    told = await _told(databases, tenant)
    assert told["ended"] == ["FAILED"]
    assert told["reviews"] == [("BOOKING_FAILED", "book: four hotels said no")]
    assert {topic for topic, _, _ in feed.told} == {f"sub-case:{sub_case}"}
    assert [version for _, _, version in feed.told] == sorted({version for _, _, version in feed.told})


async def test_a_cancelled_workflow_leaves_the_sub_case_pending(databases: Databases, tenant: Tenant) -> None:
    world = World(databases, tenant, ACCOMMODATE, ANSWERS, REFUSALS, silent={"choose"})
    sub_case, workflow = await _processing(databases, tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE, hooks=hooks(_ports(databases)))) as hands:
        await until_asked_or_ended(world, workflow)
        async with databases["cases"].work(tenant) as work:
            assert await cancel(work, workflow, "the operator thought better of it")
        await world.tell(world.asked[0], ANSWERS["choose"](world.asked[0].command, None))
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
    assert (await _sub_case(databases, tenant, sub_case)).status is SubCaseStatus.PENDING
    assert await _told(databases, tenant) == {"reviews": [], "ended": ["COMPENSATED"], "operations": []}


async def test_a_card_that_fails_is_a_review_and_no_more(databases: Databases, tenant: Tenant) -> None:
    world = World(databases, tenant, ACCOMMODATE, ANSWERS, REFUSALS, refuse={"card"})
    _, workflow = await _processing(databases, tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE, hooks=hooks(_ports(databases)))) as hands:
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    told = await _told(databases, tenant)
    assert told == {"reviews": [("PAYMENT_FAILED", "card: the pool is dry")], "ended": ["DONE"], "operations": []}


async def test_what_cannot_be_undone_because_nobody_knows_is_one_review(databases: Databases, tenant: Tenant) -> None:
    in_question = {"operation": "urn:operation:o-book", "reference": "x1"}
    refusals = {
        **REFUSALS,
        "book": lambda command, asked: RoomsRefused(command.sub_case, "nobody knows", 1, unknown=True, evidence=in_question),
        "~book": lambda command, asked: CancelRefused(command.sub_case, "not found", {"operation": "urn:operation:o-cancel"}),
    }
    world = World(databases, tenant, ACCOMMODATE, ANSWERS, refusals, refuse={"book", "~book"})
    sub_case, workflow = await _processing(databases, tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE, hooks=hooks(_ports(databases)))) as hands:
        assert await until_ended(world, workflow, hands.engine) == "REVIEW"
    assert (await _sub_case(databases, tenant, sub_case)).status is SubCaseStatus.MANUAL_REVIEW
    told = await _told(databases, tenant)
    assert told["reviews"] == [("OUTCOME_UNKNOWN", "book: nobody knows")], "its undo asks the same question"
    assert told["operations"] == ["urn:operation:o-book"]


async def test_an_undo_that_is_refused_is_a_review_of_its_own(databases: Databases, tenant: Tenant) -> None:
    evidence = {"operation": "urn:operation:o-cancel", "partner_reference": "1-3087550"}
    refusals = {**REFUSALS, "~book": lambda command, asked: CancelRefused(command.sub_case, "past the deadline", evidence)}
    world = World(databases, tenant, ACCOMMODATE, ANSWERS, refusals, refuse={"publish", "~book"})
    _, workflow = await _processing(databases, tenant)
    async with running(an_engine(databases, tenant, ACCOMMODATE, hooks=hooks(_ports(databases)))) as hands:
        assert await until_ended(world, workflow, hands.engine) == "REVIEW"
    told = await _told(databases, tenant)
    assert ("PARTIAL_FULFILLMENT", "undo book: past the deadline") in told["reviews"]
    assert told["operations"] == ["urn:operation:o-cancel"]


def _ports(databases: Databases) -> Ports:
    return Ports(databases, feed=Feed())  # type: ignore[arg-type]  # only `publish` is asked for
