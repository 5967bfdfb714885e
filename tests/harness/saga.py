"""Breaking sagas: a world that answers their questions as told, workers that can be killed, and a walk over every step of a plan.

The world stands in for everybody a saga asks: it reads the questions out of the outbox and answers with signals, as the bus would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import text

from kernel.database import Databases
from kernel.engine import Engine, Timing
from kernel.event import Envelope, decode, encode, name_of
from kernel.operation import Operations
from kernel.patience import patiently
from kernel.presence import Pulse
from kernel.saga import Plans, ReplyTo, Saga, Step, signal, start
from kernel.saga.runner import Hooks
from kernel.tenancy import Tenant
from kernel.turns import Portion, Share
from kernel.urn import Urn
from kernel.work import event_urn

QUICK = Timing(
    pulse=Pulse(beat=timedelta(seconds=0.05), dead_after=timedelta(seconds=0.6)),
    sweep=timedelta(seconds=0.05),
    grace=timedelta(seconds=5),
)

# For what is about throughput, not death: on a busy machine a heart may miss a beat for longer than QUICK allows.
STEADY = replace(QUICK, pulse=Pulse())

Answer = Callable[[Any, Step], object]


@dataclass(frozen=True)
class Question:
    """A command that a saga sent."""

    workflow: Urn
    subject: Urn
    step: str  # an undo's is marked with ~
    command: Any
    reply_to: str


@dataclass
class Line:
    """What a test looks at of a journal's entry."""

    step: str
    undo: bool
    state: str
    asks: int
    summary: str


@dataclass
class World:
    """Answers the questions of one tenant's sagas. `refuse` and `fall_silent` name steps (`~book` is the undo of `book`)."""

    databases: Databases
    tenant: Tenant
    saga: Saga
    answers: Mapping[str, Answer]  # by step, undo steps marked; the good answer
    refusals: Mapping[str, Answer] = field(default_factory=dict)
    refuse: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    repeats: int = 1  # how often each answer comes
    asked: list[Question] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    async def turn(self) -> list[Question]:
        """Reads what was asked since the last turn, and answers it."""
        new = [each for each in await self._questions() if each is not None]
        self.asked += new
        told = [(each, self._answer(each)) for each in new if each.step not in self.silent]
        for question, event in told:
            await self.tell(question, event)
        return new

    async def tell(self, question: Question, event: object) -> None:
        """The answer, as often as `repeats` says, each time as a message of its own."""
        for _ in range(self.repeats):
            await patiently(partial(self._hand_over, an_envelope(self.tenant, event, question)), "cases", self.tenant)

    async def _hand_over(self, envelope: Envelope) -> None:
        async with self.databases["cases"].work(self.tenant) as work:
            await signal(work, [envelope])

    def names(self, workflow: Urn) -> list[str]:
        return [each.step for each in self.asked if each.workflow == workflow]

    def _answer(self, question: Question) -> object:
        step = self.saga.step(question.step.removeprefix("~"))
        made = (self.refusals if question.step in self.refuse else self.answers)[question.step]
        return made(question.command, step)

    async def _questions(self) -> list[Question | None]:
        statement = text("select urn, aggregate, name, body, reply_to from outbox where tenant = :tenant and asked order by position")
        async with self.databases["cases"].read(self.tenant) as connection:
            rows = (await connection.execute(statement, {"tenant": self.tenant})).all()
        fresh = [row for row in rows if row.urn not in self._seen]
        self._seen.update(row.urn for row in fresh)
        return [_question(row) for row in fresh]


def _question(row: Any) -> Question | None:
    if row.reply_to is None:
        return None
    reply = ReplyTo.parse(row.reply_to)
    return Question(reply.workflow, Urn(row.aggregate), reply.step, decode(row.name, row.body), row.reply_to)


def an_envelope(tenant: Tenant, event: object, question: Question) -> Envelope:
    return Envelope(
        urn=event_urn(), tenant=tenant, sender="cases", name=name_of(event), version=1, aggregate=question.subject, seq=0,
        correlation="c", at=datetime.now(UTC), body=encode(event), reply_to=question.reply_to,
    )  # fmt: skip


def an_engine(
    databases: Databases, tenant: Tenant, *sagas: Saga, operations: Operations | None = None, ports: Any = None, hooks: Hooks | None = None,
    name: str = "worker", scale: float = 1.0, timing: Timing = QUICK,
) -> Engine:  # fmt: skip
    return Engine(
        databases, ports, name, plans=Plans(*sagas), operations=operations or Operations(), hooks=hooks, settle_scale=scale,
        tenants=[tenant], timing=timing,
    )  # fmt: skip


def forward(tenant: Tenant, kind: str, most: int) -> Portion:
    """What a test's own worker asks for: ordinary work."""
    return Portion(tenant, kind, Share.FORWARD, most)


class Running:
    """An engine at work. `kill` ends it as kill -9 would: nothing is written, nobody is told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.task = asyncio.create_task(engine.run())

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def stop(self) -> None:
        await self.engine.stop()
        await self.task


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Running]:
    hands = Running(engine)
    try:
        yield hands
    finally:
        await hands.kill()


async def a_workflow(
    databases: Databases, tenant: Tenant, saga: Saga, params: object, subject: Urn | None = None, share: Share = Share.FORWARD
) -> Urn:
    """A started workflow of its own subject."""
    urn = Urn.mint("workflow")
    async with databases["cases"].work(tenant) as work:
        await start(work, saga, params, workflow=urn, subject=subject or Urn.mint("sub-case"), share=share)
    return urn


async def state_of(databases: Databases, tenant: Tenant, workflow: Urn) -> str:
    async with databases["cases"].read(tenant) as connection:
        statement = text("select state from workflow where tenant = :tenant and urn = :urn")
        return str((await connection.execute(statement, {"tenant": tenant, "urn": workflow})).scalar_one())


async def journal_of(databases: Databases, tenant: Tenant, workflow: Urn) -> list[Line]:
    async with databases["cases"].read(tenant) as connection:
        statement = text("""
            select step, undo, state, asks, summary from workflow_step where tenant = :tenant and workflow = :urn order by entry
        """)
        return [Line(*row) for row in await connection.execute(statement, {"tenant": tenant, "urn": workflow})]


async def until_lines(databases: Databases, tenant: Tenant, workflow: Urn, count: int, seconds: float = 30.0) -> None:
    """Until the journal has so many lines. Raises: TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if len(await journal_of(databases, tenant, workflow)) >= count:
                return
            await asyncio.sleep(0.01)


async def until_ended(world: World, workflow: Urn, engine: Engine | None = None, seconds: float = 30.0) -> str:
    """Lets the world answer until the workflow has ended; its last state. Raises: TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            await world.turn()
            state = await state_of(world.databases, world.tenant, workflow)
            if state not in ("RUNNING", "COMPENSATING"):
                return state
            if engine is not None:
                engine.wake(world.tenant)
            await asyncio.sleep(0.01)


async def until_asked_or_ended(world: World, workflow: Urn, seconds: float = 30.0) -> None:
    """Answers one turn's questions. Raises: TimeoutError when nothing is asked."""
    async with asyncio.timeout(seconds):
        while True:
            if await world.turn() or await state_of(world.databases, world.tenant, workflow) not in ("RUNNING", "COMPENSATING"):
                return
            await asyncio.sleep(0.01)


async def break_every_step(
    make: Callable[[], World], params: Callable[[], object], continues: Sequence[str] = ()
) -> dict[str, tuple[str, list[str]]]:
    """Refuses each step of the plan once, every answer coming twice; by refused step: how it ended, and what was asked, in order.

    Demands that exactly what was done is undone, backwards; `continues` names the steps that must not cost the others anything.
    """
    ends: dict[str, tuple[str, list[str]]] = {}
    plan = make().saga
    for number, broken in enumerate(plan.steps):
        world = make()
        if broken.name not in world.refusals:
            continue
        world.refuse, world.repeats = {broken.name}, 2
        async with running(an_engine(world.databases, world.tenant, plan)) as hands:
            workflow = await a_workflow(world.databases, world.tenant, plan, params())
            state = await until_ended(world, workflow, hands.engine)
        asked = world.names(workflow)
        if broken.name not in continues:
            owed = [f"~{step.name}" for step in reversed(plan.steps[:number]) if step.undo is not None]
            assert state == "COMPENSATED", (broken.name, state)
            assert [step for step in asked if step.startswith("~")] == owed, (broken.name, asked)
        ends[broken.name] = (state, asked)
    return ends
