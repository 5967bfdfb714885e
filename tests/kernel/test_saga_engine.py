"""Workflows on a real Postgres: every boundary, every refusal, duplicates, deaths, and a worker that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from kernel.claim import WORKFLOWS, Claims
from kernel.database import Databases
from kernel.event import message
from kernel.saga import CONTINUE_WITH_REVIEW, Answers, Plans, Saga, State, Step, Workflow, cancel, notify, start, step, wait
from kernel.saga.entry import Entry
from kernel.saga.runner import DEATHS, Hooks, WorkflowRunner
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work
from tests.harness.messages import until
from tests.harness.saga import (
    Line,
    World,
    a_workflow,
    an_engine,
    an_envelope,
    break_every_step,
    forward,
    journal_of,
    running,
    state_of,
    until_asked_or_ended,
    until_ended,
    until_lines,
)


@message("wallet")
class Fetch:
    what: str


@message("wallet")
class Fetched:
    what: str
    where: str = "shelf"


@message("wallet")
class NotFetched:
    why: str
    unknown: bool = False
    evidence: dict[str, str] | None = None


@message("wallet")
class PutBack:
    what: str
    why: str = ""


@message("wallet")
class BackAgain:
    what: str


@dataclass(frozen=True)
class Params:
    what: str
    skip: bool = False
    poison: str = ""


PICNIC = Saga(
    "picnic",
    Params,
    step("basket", ask=Fetch, done=Fetched, refused=NotFetched, undo=PutBack, undone=BackAgain),
    step("bread", ask=Fetch, done=Fetched, refused=NotFetched),
    step("wine", ask=Fetch, done=Fetched, refused=NotFetched, undo=PutBack, undone=BackAgain),
    step("music", ask=Fetch, done=Fetched, refused=NotFetched, undo=PutBack, undone=BackAgain, on_failure=CONTINUE_WITH_REVIEW),
    step("dance", ask=Fetch, done=Fetched, refused=NotFetched),
)

SIESTA = Saga("siesta", Params, PICNIC.steps[0], wait("nap", BackAgain), PICNIC.steps[-1])
IMPATIENT = Saga("impatient", Params, *(replace(each, within=timedelta(seconds=0.4)) for each in PICNIC.steps))


def basket(params: Params, answers: Answers) -> Fetch:
    return Fetch(f"basket for {params.what}")


def undo_basket(params: Params, answers: Answers, reason: str) -> PutBack:
    return PutBack("basket", reason)


def bread(params: Params, answers: Answers) -> Fetch:
    return Fetch(f"bread, to {answers['basket'].where}")


def wine(params: Params, answers: Answers) -> Fetch:
    if params.poison == "wine":
        raise ValueError("corked")
    return Fetch("wine")


def undo_wine(params: Params, answers: Answers, reason: str) -> PutBack:
    return PutBack("wine", reason)


def music(params: Params, answers: Answers) -> Fetch | None:
    return None if params.skip else Fetch("music")


def undo_music(params: Params, answers: Answers, reason: str) -> PutBack:
    return PutBack("music", reason)


def nap(params: Params, answers: Answers) -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def dance(params: Params, answers: Answers) -> Fetch:
    return Fetch("dance")


def _done(command: Any, asked: Step) -> Fetched:
    return Fetched(asked.name)


def _refused(command: Any, asked: Step) -> NotFetched:
    return NotFetched(f"no {asked.name}", evidence={"shelf": "empty"})


def _unknown(command: Any, asked: Step) -> NotFetched:
    return NotFetched(f"who knows about {asked.name}", unknown=True)


def _back(command: Any, asked: Step) -> BackAgain:
    return BackAgain(asked.name)


NAMES = [each.name for each in PICNIC.steps]


def a_world(databases: Databases, tenant: Tenant, **changes: Any) -> World:
    answers = dict.fromkeys(NAMES, _done) | {f"~{name}": _back for name in NAMES}
    refusals = dict.fromkeys([*NAMES, *(f"~{name}" for name in NAMES)], _refused)
    return World(databases, tenant, PICNIC, answers, refusals, **changes)


async def test_steps_are_asked_in_order_and_each_sees_the_answers_before_it(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC)) as hands:
        workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert world.names(workflow) == NAMES
    assert [each.command.what for each in world.asked][:2] == ["basket for us", "bread, to shelf"]
    assert await journal_of(databases, tenant, workflow) == [Line(name, False, "DONE", 1, "Fetched") for name in NAMES]


async def test_any_refused_step_undoes_what_was_done_backwards_and_once(databases: Databases, tenant: Tenant) -> None:
    ends = await break_every_step(lambda: a_world(databases, tenant), lambda: Params("us"), continues=["music"])
    assert ends["bread"] == ("COMPENSATED", ["basket", "bread", "~basket"])
    assert ends["dance"] == ("COMPENSATED", ["basket", "bread", "wine", "music", "dance", "~music", "~wine", "~basket"])
    assert ends["music"] == ("DONE", NAMES)


async def test_the_refusal_is_told_with_its_evidence(databases: Databases, tenant: Tenant) -> None:
    told: list[tuple[str, str, Any]] = []

    async def step_refused(work: Work, workflow: Workflow, refused: Step, entry: Entry) -> None:
        told.append((refused.name, entry.summary, entry.evidence))

    async def ended(work: Work, workflow: Workflow, outcome: State, entries: Sequence[Entry]) -> None:
        told.append(("ended", str(workflow.failure), outcome))

    hooks = Hooks(step_refused=step_refused, ended=ended)
    world = a_world(databases, tenant, refuse={"music", "dance"})
    async with running(an_engine(databases, tenant, PICNIC, hooks=hooks)) as hands:
        workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
        await until_ended(world, workflow, hands.engine)
    assert told == [
        ("music", "no music", {"why": "no music", "unknown": "False", "shelf": "empty"}),
        ("ended", "dance: no dance", State.COMPENSATED),
    ]


async def test_a_step_of_which_nobody_knows_is_undone_too(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, refuse={"wine"})
    world.refusals = {**world.refusals, "wine": _unknown}
    async with running(an_engine(databases, tenant, PICNIC)) as hands:
        workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
    assert world.names(workflow)[-2:] == ["~wine", "~basket"]


async def test_an_undo_that_is_refused_does_not_stop_the_others(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, refuse={"dance", "~wine"})
    async with running(an_engine(databases, tenant, PICNIC)) as hands:
        workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
        assert await until_ended(world, workflow, hands.engine) == "REVIEW"
    assert world.names(workflow)[-3:] == ["~music", "~wine", "~basket"]


async def test_a_builder_with_nothing_to_ask_skips_its_step(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, refuse={"dance"})
    async with running(an_engine(databases, tenant, PICNIC)) as hands:
        workflow = await a_workflow(databases, tenant, PICNIC, Params("us", skip=True))
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
    assert world.names(workflow) == ["basket", "bread", "wine", "dance", "~wine", "~basket"]


async def test_cancelling_lets_the_step_end_and_then_undoes(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, silent={"wine"})
    async with running(an_engine(databases, tenant, PICNIC)) as hands:
        workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
        await _until_asked(world, workflow, "wine")
        async with databases["cases"].work(tenant) as work:
            assert await cancel(work, workflow, "it rains")
        await asyncio.sleep(0.1)
        assert await state_of(databases, tenant, workflow) == "RUNNING"
        await world.tell(world.asked[-1], Fetched("wine"))
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
        async with databases["cases"].work(tenant) as work:
            assert not await cancel(work, workflow, "it rains")
    undos = [each.command for each in world.asked if each.step.startswith("~")]
    assert undos == [PutBack("wine", "it rains"), PutBack("basket", "it rains")]


async def test_a_question_without_an_answer_is_put_again_and_answered_once(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant, silent={"wine"})
    async with running(an_engine(databases, tenant, IMPATIENT)) as hands:
        workflow = await a_workflow(databases, tenant, IMPATIENT, Params("us"))
        while world.names(workflow).count("wine") < 2:
            await world.turn()
            await asyncio.sleep(0.02)
        first, second, *_ = [each for each in world.asked if each.step == "wine"]
        assert first.reply_to == second.reply_to
        world.silent = set()
        await world.tell(first, Fetched("wine"))
        await world.tell(second, NotFetched("a second answer"))
        assert await until_ended(world, workflow, hands.engine) == "DONE"


async def test_a_worker_killed_between_any_two_moves_changes_nothing(databases: Databases, tenant: Tenant) -> None:
    """After each question the worker dies; another one goes on, and every step is asked exactly once."""
    world = a_world(databases, tenant, refuse={"dance"}, repeats=2)
    workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
    for life in range(20):
        async with running(an_engine(databases, tenant, PICNIC, name=f"life-{life}")):
            await until_asked_or_ended(world, workflow)
        if await state_of(databases, tenant, workflow) == "COMPENSATED":
            break
    assert world.names(workflow) == [*NAMES, "~music", "~wine", "~basket"]


async def test_what_a_dead_worker_had_claimed_is_taken_over(databases: Databases, tenant: Tenant) -> None:
    workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
    async with running(an_engine(databases, tenant, name="doomed")) as doomed:
        await until(lambda: doomed.engine.healthy)
        claims = Claims(databases.dispatch("cases"), WORKFLOWS, doomed.engine.id)
        assert [claim.urn for claim in await claims.due([forward(tenant, PICNIC.plan, 5)], 5)] == [workflow]
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC)) as hands:
        assert await until_ended(world, workflow, hands.engine) == "DONE"


async def test_a_worker_of_one_airline_does_not_bury_the_dead_of_another(databases: Databases, tenant: Tenant) -> None:
    other = Tenant("t1")
    workflow = await a_workflow(databases, other, PICNIC, Params("them"))
    async with running(an_engine(databases, tenant, name="doomed")) as doomed:
        await until(lambda: doomed.engine.healthy)
        claims = Claims(databases.dispatch("cases"), WORKFLOWS, doomed.engine.id)
        assert workflow in {claim.urn for claim in await claims.due([forward(other, PICNIC.plan, 50)], 50)}
    async with running(an_engine(databases, tenant, PICNIC, name="neighbour")) as neighbour:
        await until(lambda: doomed.engine.id in neighbour.engine.presence.dead)
        await asyncio.sleep(0.4)
    async with running(an_engine(databases, other, PICNIC, name="own")) as own:
        await until(lambda: doomed.engine.id in own.engine.presence.dead)
        world = a_world(databases, other)
        assert await until_ended(world, workflow, own.engine) == "DONE"


async def test_the_fence_stops_a_worker_that_was_only_paused(databases: Databases, tenant: Tenant) -> None:
    workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
    stale = Claims(databases.dispatch("cases"), WORKFLOWS, "paused:1")
    paused_claims = await stale.due([forward(tenant, PICNIC.plan, 5)], 5)
    other = Claims(databases.dispatch("cases"), WORKFLOWS, "other:1")
    taken = await other.orphans([tenant], ["paused:1"], [PICNIC.plan], 5)
    assert [claim.urn for claim in taken] == [workflow]
    await WorkflowRunner(databases["cases"], Plans(PICNIC), Hooks(), "other:1").advance(tenant, taken)
    before = await journal_of(databases, tenant, workflow)
    await WorkflowRunner(databases["cases"], Plans(PICNIC), Hooks(), "paused:1").advance(tenant, paused_claims)
    assert await journal_of(databases, tenant, workflow) == before
    world = a_world(databases, tenant)
    await world.turn()
    assert world.names(workflow) == ["basket"]


async def test_three_deaths_on_one_step_quarantine_the_workflow(databases: Databases, tenant: Tenant) -> None:
    ended: list[State] = []

    async def hear(work: Work, workflow: Workflow, outcome: State, entries: Sequence[Entry]) -> None:
        ended.append(outcome)

    workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
    owner = "nobody:0"
    assert await Claims(databases.dispatch("cases"), WORKFLOWS, owner).due([forward(tenant, PICNIC.plan, 5)], 5)
    for death in range(1, 4):
        taken = await Claims(databases.dispatch("cases"), WORKFLOWS, f"nobody:{death}").orphans([tenant], [owner], [PICNIC.plan], 5)
        owner = f"nobody:{death}"
    await WorkflowRunner(databases["cases"], Plans(PICNIC), Hooks(ended=hear), owner).advance(tenant, taken)
    assert await state_of(databases, tenant, workflow) == "QUARANTINED"
    assert ended == [State.QUARANTINED]


async def test_a_move_that_fails_holds_up_nobody_and_is_quarantined(
    databases: Databases, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.saga.runner.STUMBLE_PAUSE", timedelta(seconds=0.05))
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC)) as hands:
        poisoned = await a_workflow(databases, tenant, PICNIC, Params("us", poison="wine"))
        others = [await a_workflow(databases, tenant, PICNIC, Params("them")) for _ in range(5)]
        for each in others:
            assert await until_ended(world, each, hands.engine) == "DONE"
        assert await until_ended(world, poisoned, hands.engine) == "QUARANTINED"


async def test_a_deadlock_is_no_death(databases: Databases, tenant: Tenant) -> None:
    tries: list[State] = []

    async def collide(work: Work, workflow: Workflow, outcome: State, entries: Sequence[Entry]) -> None:
        tries.append(outcome)
        if len(tries) <= DEATHS:
            await work.execute(text("do $$ begin raise exception 'deadlock detected' using errcode = '40P01'; end $$"))

    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC, hooks=Hooks(ended=collide))) as hands:
        workflow = await a_workflow(databases, tenant, PICNIC, Params("us"))
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert tries == [State.DONE] * (DEATHS + 1)


async def test_many_workflows_share_transactions_and_all_end(databases: Databases, tenant: Tenant) -> None:
    world = a_world(databases, tenant)
    async with running(an_engine(databases, tenant, PICNIC)) as first, running(an_engine(databases, tenant, PICNIC, name="second")):
        workflows = [await a_workflow(databases, tenant, PICNIC, Params(str(number))) for number in range(60)]
        for each in workflows:
            assert await until_ended(world, each, first.engine) == "DONE"
    assert len(world.asked) == 60 * len(NAMES)
    async with databases["cases"].read(tenant) as connection:
        left = await connection.execute(text("select count(*) from signal where tenant = :tenant"), {"tenant": tenant})
        assert left.scalar_one() == 0


async def test_a_plan_this_process_does_not_know_is_left_alone(databases: Databases, tenant: Tenant) -> None:
    newer = Saga("picnic", Params, *PICNIC.steps, version=2)
    workflow = await a_workflow(databases, tenant, newer, Params("us"))
    async with running(an_engine(databases, tenant, PICNIC)):
        await asyncio.sleep(0.3)
    assert await journal_of(databases, tenant, workflow) == []


async def test_whoever_hosts_the_engine_is_told_of_due_work_after_the_commit(
    databases: Databases, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, Tenant]] = []
    monkeypatch.setattr(databases["cases"], "on_due", lambda domain, whose: told.append((domain, whose)))
    with pytest.raises(ValueError, match="no"):
        await _start_and_fail(databases, tenant)
    async with databases["cases"].work(tenant) as work:
        await work.now()
    assert told == []
    await a_workflow(databases, tenant, PICNIC, Params("us"))
    assert told == [("cases", tenant)]


async def test_an_event_that_is_told_to_a_workflow_ends_its_wait(databases: Databases, tenant: Tenant) -> None:
    answers = {"basket": _done, "dance": _done}
    world = World(databases, tenant, SIESTA, answers)
    async with running(an_engine(databases, tenant, SIESTA)) as hands:
        workflow = await a_workflow(databases, tenant, SIESTA, Params("us"))
        await _until_asked(world, workflow, "basket")
        await until_lines(databases, tenant, workflow, 2)
        for _ in range(2):
            async with databases["cases"].work(tenant) as work:
                await notify(work, workflow, an_envelope(tenant, BackAgain("the sun"), world.asked[0]))
        assert await until_ended(world, workflow, hands.engine) == "DONE"
    assert [(line.step, line.state) for line in await journal_of(databases, tenant, workflow)] == [
        ("basket", "DONE"), ("nap", "DONE"), ("dance", "DONE"),
    ]  # fmt: skip


async def _start_and_fail(databases: Databases, tenant: Tenant) -> None:
    async with databases["cases"].work(tenant) as work:
        await start(work, PICNIC, Params("us"), workflow=Urn.mint("workflow"), subject=Urn.mint("sub-case"))
        raise ValueError("no")


async def _until_asked(world: World, workflow: Urn, name: str) -> None:
    async with asyncio.timeout(20):
        while name not in world.names(workflow):
            await world.turn()
            await asyncio.sleep(0.01)
