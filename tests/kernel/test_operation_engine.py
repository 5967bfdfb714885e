"""Partner operations on a real Postgres, against a partner with a book: what is held there is the only witness that counts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from kernel import departure
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.claim import OPERATIONS, Claim, Claims
from kernel.database import Databases
from kernel.engine import Timing
from kernel.event import message
from kernel.operation import Backoff, Class, Operation, OperationRow, Operations, State, intend, operations_of, withdraw
from kernel.operation.runner import SEND_WITHIN, OperationRunner
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work
from tests.harness.messages import until
from tests.harness.saga import QUICK, STEADY, Running, an_engine, forward, running

QUICKLY = Backoff(timedelta(milliseconds=5), timedelta(milliseconds=20))
SUBJECT = Urn("urn:sub-case:s-1")


@message("booking")
class TableReserved:
    reference: str


@dataclass
class Partner:
    """Executes orders and keeps a book; `plan` says, send by send, what goes wrong, and then everything goes right."""

    plan: list[str] = field(default_factory=list)
    book: list[str] = field(default_factory=list)  # references of what is held
    sends: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    lag: int = 0  # look-ups that do not find what is there
    deaf: int = 0  # look-ups that are not answered
    sending: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def order(self, reference: str) -> Answer[str]:
        fault = self.plan.pop(0) if self.plan else "fine"
        if fault == "busy":
            return NotSent("429", timedelta(milliseconds=5))
        self.sends.append(reference)
        if fault == "declined":
            return Declined("FULL", "fully booked")
        if fault != "lost request":
            self.book.append(reference)
        if fault == "hangs":
            self.sending.set()
            await self.go_on.wait()
        if fault in ("lost request", "lost answer"):
            return Unknown("time-out", {"status": "none"})
        if fault == "raises":
            raise ConnectionResetError("with a name in it")
        return Ok(reference)

    async def find(self, reference: str) -> Answer[str | None]:
        self.looks.append(reference)
        if self.deaf > 0:
            self.deaf -= 1
            return Unknown("time-out")
        if self.lag > 0:
            self.lag -= 1
            return Ok(None)
        return Ok(reference if reference in self.book else None)


@dataclass
class Heard:
    """What the outcome functions were told."""

    outcomes: list[tuple[str, str]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    verified: list[tuple[str, str | None]] = field(default_factory=list)
    fail: int = 0
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    partner: Partner
    heard: Heard


async def _send(world: World, row: OperationRow) -> Answer[str]:
    return await world.partner.order(row.reference or row.key)


async def _look(world: World, row: OperationRow) -> Answer[str | None]:
    return await world.partner.find(row.reference or row.key)


async def _outcome(work: Work, row: OperationRow, answer: Answer[str], world: World) -> None:
    if world.heard.fail > 0:
        world.heard.fail -= 1
        raise LookupError("the handler is broken")
    world.heard.outcomes.append((type(answer).__name__, answer.value if isinstance(answer, Ok) else row.state.value))
    world.heard.evidence = row.evidence
    await work.record(TableReserved(row.reference or row.key), aggregate=row.subject, reply_to=row.reply_to)


async def _resolved(work: Work, row: OperationRow, reply_to: str, world: World) -> None:
    world.heard.resolved.append(reply_to)


async def _verify(work: Work, row: OperationRow, reference: str, found: str | None, world: World) -> None:
    world.heard.verified.append((reference, found))


def an_operation(kind: Class, **changes: Any) -> Operation[World, str]:
    options: dict[str, Any] = {
        "name": "reserve_table", "domain": "booking", "kind": kind, "send": _send, "outcome": _outcome, "resolved": _resolved,
        "look_up": _look if kind in (Class.B, Class.C) else None, "settle": timedelta(milliseconds=20), "time_out": timedelta(seconds=20),
        "backoff": QUICKLY,
    }  # fmt: skip
    return Operation(**{**options, **changes})


@dataclass
class Bench:
    databases: Databases
    tenant: Tenant
    operation: Operation[World, str]
    world: World

    @property
    def partner(self) -> Partner:
        return self.world.partner

    @property
    def heard(self) -> Heard:
        return self.world.heard

    async def intend(self, key: str = "k1", workflow: str = "w-1", **bounds: Any) -> Urn:
        async with self.databases["booking"].work(self.tenant) as work:
            reply_to = f"urn:workflow:{workflow}|book|1"
            return await intend(work, self.operation, subject=SUBJECT, key=key, intent={"for": 2}, reply_to=reply_to, **bounds)

    def worker(self, name: str = "worker", timing: Timing = QUICK) -> Any:
        operations = Operations(self.operation)
        return running(an_engine(self.databases, self.tenant, operations=operations, ports=self.world, name=name, timing=timing))

    async def row(self, urn: Urn) -> OperationRow:
        async with self.databases["booking"].work(self.tenant) as work:
            rows = await operations_of(work, self.operation, subject=SUBJECT, workflow=Urn("urn:workflow:w-1"))
            return next(row for row in rows if row.urn == urn)

    async def ended(self, urn: Urn) -> OperationRow:
        async with asyncio.timeout(30):
            while True:
                row = await self.row(urn)
                if row.state not in (State.INTENT, State.SENT, State.UNKNOWN):
                    return row
                await asyncio.sleep(0.01)


def a_bench(databases: Databases, tenant: Tenant, kind: Class, *plan: str, **changes: Any) -> Bench:
    return Bench(databases, tenant, an_operation(kind, **changes), World(Partner(list(plan)), Heard()))


async def test_an_intent_is_sent_once_and_its_answer_told(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C)
    async with bench.worker():
        urn = await bench.intend()
        assert await bench.intend() == urn
        row = await bench.ended(urn)
    assert (row.state, row.sends, bench.partner.book) == (State.OK, 1, [row.reference])
    assert bench.heard.outcomes == [("Ok", row.reference)]
    assert await _events(bench) == ["urn:workflow:w-1|book|1"]


async def test_a_no_is_final(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, "declined")
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, bench.heard.outcomes) == (State.DECLINED, [("Declined", "DECLINED")])


async def test_what_was_not_sent_is_tried_again_for_free(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, *["busy"] * 8)
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.sends, len(bench.partner.sends)) == (State.OK, 1, 1)


async def test_free_retries_end_at_the_deadline(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, *["busy"] * 1000, patience=timedelta(milliseconds=100))
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, bench.partner.book, bench.heard.outcomes) == (State.EXHAUSTED, [], [("NotSent", "EXHAUSTED")])


@pytest.mark.parametrize("fault", ["lost answer", "raises"])
async def test_class_c_finds_what_was_executed_and_never_sends_again(databases: Databases, tenant: Tenant, fault: str) -> None:
    bench = a_bench(databases, tenant, Class.C, fault)
    bench.partner.lag, bench.partner.deaf = 2, 2
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, len(bench.partner.sends), len(bench.partner.looks)) == (State.OK, 1, 5)
    assert "with a name in it" not in str(row.journal)


async def test_class_c_sends_a_new_reference_after_three_empty_look_ups(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, "lost request", "lost request")
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.sends, len(bench.partner.looks)) == (State.OK, 3, 6)
    assert len(set(bench.partner.sends)) == 3
    assert bench.partner.book == [row.reference]
    assert list(row.given_up) == bench.partner.sends[:2]


async def test_the_send_budget_is_kept(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, *["lost request"] * 9, budget=3)
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.sends, len(bench.partner.sends), bench.partner.book) == (State.EXHAUSTED, 3, 3, [])
    assert bench.heard.outcomes == [("NotSent", "EXHAUSTED")]


async def test_class_a_sends_the_same_key_again(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.A, "lost answer", "busy", "lost answer")
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.sends) == (State.OK, 3)
    assert set(bench.partner.sends) == {"k1"}


async def test_class_a_that_stays_unknown_is_for_a_person(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.A, *["lost answer"] * 9, budget=2, resolve_within=timedelta(0))
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.sends, bench.heard.outcomes) == (State.REVIEW, 2, [("Unknown", "REVIEW")])
    assert bench.heard.evidence["sends"] == "2"


async def test_class_b_looks_before_it_sends_the_same_reference_again(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.B, "lost request")
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, bench.partner.looks, bench.partner.sends) == (State.OK, [row.reference], [row.reference] * 2)


async def test_class_d_is_never_sent_again(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.D, "lost request")
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, bench.partner.sends, bench.heard.outcomes) == (State.REVIEW, ["k1"], [("Unknown", "REVIEW")])


async def test_a_read_is_simply_asked_again(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.READ, "lost answer", "raises")
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.sends) == (State.OK, 3)


@pytest.mark.parametrize(("kind", "held"), [(Class.C, 1), (Class.A, 1)])
async def test_a_death_between_intent_and_outcome_is_resolved_and_not_repeated(
    databases: Databases, tenant: Tenant, kind: Class, held: int
) -> None:
    """The partner has executed, the worker dies before it hears so."""
    bench = a_bench(databases, tenant, kind, "hangs")
    async with bench.worker("doomed") as doomed:
        urn = await bench.intend()
        await bench.partner.sending.wait()
        await doomed.kill()
    assert (await bench.row(urn)).state is State.SENT
    async with bench.worker("heir"):
        row = await bench.ended(urn)
    assert row.state is State.OK
    assert len(set(bench.partner.book)) == held
    assert len(bench.partner.sends) == (1 if kind is Class.C else 2)
    assert row.journal[0]["did"] == "death"


async def test_a_death_in_class_d_is_a_review(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.D, "hangs")
    async with bench.worker("doomed") as doomed:
        urn = await bench.intend()
        await bench.partner.sending.wait()
        await doomed.kill()
    async with bench.worker("heir"):
        assert (await bench.ended(urn)).state is State.REVIEW
    assert len(bench.partner.sends) == 1


async def test_a_worker_that_was_only_paused_cannot_write_its_late_answer(databases: Databases, tenant: Tenant) -> None:
    """It was taken for dead, its operation was resolved by another; then its own answer comes."""
    bench = a_bench(databases, tenant, Class.C, "hangs")
    async with bench.worker("paused") as paused:
        urn = await bench.intend()
        await bench.partner.sending.wait()
        stolen = Claims(databases.dispatch("booking"), OPERATIONS, "thief:1")
        [claim] = await stolen.orphans([tenant], [paused.engine.id], ["reserve_table"], 1)
        bench.partner.go_on.set()
        await until(lambda: not paused.engine._floors[1].tasks)
        row = await bench.row(urn)
        assert (row.state, row.fence, bench.heard.outcomes) == (State.SENT, claim.fence, [])
    async with bench.worker("heir") as heir:
        await _take_over(bench, heir, claim)
        assert (await bench.ended(urn)).state is State.OK
    assert (len(bench.partner.sends), len(bench.heard.outcomes)) == (1, 1)


async def test_what_was_claimed_too_long_ago_is_not_sent(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C)
    urn = await bench.intend()
    async with running(an_engine(databases, tenant, name="slow")) as hands:
        await until(lambda: hands.engine.healthy)
        claims = await Claims(databases.dispatch("booking"), OPERATIONS, hands.engine.id).due([forward(tenant, "reserve_table", 1)], 1)
        runner = _runner(bench, hands)
        [row] = await runner.load(tenant, claims)
        await runner.perform(row, claimed_at=-10.0)
        after = await bench.row(urn)
        assert (after.state, after.sends, bench.partner.sends) == (State.INTENT, 0, [])


async def test_an_outcome_that_cannot_be_written_is_found_out_again(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C)
    bench.heard.fail = 2
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, len(bench.partner.sends), bench.heard.outcomes) == (State.OK, 1, [("Ok", row.reference)])


@pytest.mark.parametrize(("kind", "times"), [(Class.C, 3), (Class.D, 1)])
async def test_what_cannot_be_written_is_told_as_unknown_in_the_end(databases: Databases, tenant: Tenant, kind: Class, times: int) -> None:
    bench = a_bench(databases, tenant, kind)
    bench.heard.fail = times
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, len(bench.partner.sends)) == (State.REVIEW, 1)
    assert bench.heard.outcomes == [("Unknown", "REVIEW")]
    assert await _events(bench) == ["urn:workflow:w-1|book|1"]


async def test_an_outcome_that_can_never_be_written_waits_for_a_person(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C)
    bench.heard.fail = 1000
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, len(bench.partner.sends), bench.heard.outcomes) == (State.REVIEW, 1, [])
    [body] = await _audited(bench)
    assert (body["action"], body["entity"], body["root"]) == ("booking.operation-given-up", row.urn, SUBJECT)
    assert body["after"]["reply_to"] == "urn:workflow:w-1|book|1"
    assert "LookupError" in body["after"]["last_3"]


async def test_a_row_that_cannot_be_read_holds_up_no_other(databases: Databases, tenant: Tenant) -> None:
    """It was written by a newer version; it is found again as soon as it can be read."""
    bench = a_bench(databases, tenant, Class.C)
    first, newer, last = [await bench.intend(key) for key in ("k1", "k2", "k3")]
    await _set_state(bench, newer, "OF_TOMORROW")
    async with bench.worker():
        await until(lambda: len(bench.heard.outcomes) == 2)
        await _set_state(bench, newer, "UNKNOWN")
        for urn in (first, newer, last):
            await bench.ended(urn)


async def test_withdrawing_before_the_send_is_free(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C)
    urn = await bench.intend()
    assert await _withdraw(bench) == 0
    async with bench.worker():
        await asyncio.sleep(0.2)
    assert ((await bench.row(urn)).state, bench.partner.sends) == (State.WITHDRAWN, [])


@pytest.mark.parametrize(("fault", "state", "held"), [("lost answer", State.OK, 1), ("lost request", State.WITHDRAWN, 0)])
async def test_an_undo_waits_until_it_is_known_what_is_to_be_undone(
    databases: Databases, tenant: Tenant, fault: str, state: State, held: int
) -> None:
    bench = a_bench(databases, tenant, Class.C, fault, settle=timedelta(seconds=0.4))
    async with bench.worker():
        urn = await bench.intend()
        await until(lambda: bool(bench.partner.sends))
        assert await _withdraw(bench) == 1
        assert bench.heard.resolved == []
        row = await bench.ended(urn)
    assert (row.state, len(bench.partner.book), len(bench.partner.sends)) == (state, held, 1)
    assert bench.heard.resolved == ["urn:workflow:w-1|~book|1"]


async def test_what_is_held_is_looked_at_again_and_a_ghost_is_told(databases: Databases, tenant: Tenant) -> None:
    """The first send is executed late, long after three look-ups found nothing and another was sent."""
    bench = a_bench(databases, tenant, Class.C, "lost request", verify=_verify)
    async with bench.worker():
        row = await bench.ended(await bench.intend())
        ghost = row.given_up[0]
        bench.partner.book.append(ghost)
        await until(lambda: len(bench.heard.verified) >= 2)
    assert bench.heard.verified[:2] == [(ghost, ghost), (row.reference, row.reference)]
    assert (await bench.row(row.urn)).verified == 1


async def test_many_intents_of_two_workers_are_each_sent_once(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, *["lost answer", "fine", "busy", "lost request"] * 20)
    async with bench.worker("one", STEADY), bench.worker("two", STEADY):
        urns = [await bench.intend(f"k{number}") for number in range(80)]
        for urn in urns:
            assert (await bench.ended(urn)).state is State.OK
    assert len(set(bench.partner.book)) == len(bench.partner.book) == 80


async def _events(bench: Bench) -> list[str]:
    async with bench.databases["booking"].read(bench.tenant) as connection:
        rows = await connection.execute(text("select reply_to from outbox where tenant = :tenant"), {"tenant": bench.tenant})
        return list(rows.scalars())


async def _set_state(bench: Bench, urn: Urn, state: str) -> None:
    async with bench.databases["booking"].work(bench.tenant) as work:
        change = text("update operation set state = :state where tenant = :tenant and urn = :urn")
        await work.execute(change, {"tenant": bench.tenant, "urn": str(urn), "state": state})


async def _audited(bench: Bench) -> list[dict[str, Any]]:
    async with bench.databases["booking"].read(bench.tenant) as connection:
        found = text("select body from outbox where tenant = :tenant and name = 'AuditRecorded'")
        return list((await connection.execute(found, {"tenant": bench.tenant})).scalars())


async def _withdraw(bench: Bench) -> int:
    async with bench.databases["booking"].work(bench.tenant) as work:
        undo = "urn:workflow:w-1|~book|1"
        return await withdraw(work, bench.operation, subject=SUBJECT, workflow=Urn("urn:workflow:w-1"), reply_to=undo)


def _runner(bench: Bench, hands: Running) -> OperationRunner:
    operations = Operations(bench.operation)
    floor = hands.engine._floors[0]
    return OperationRunner(bench.databases["booking"], operations, bench.world, hands.engine.presence, floor.bell, scale=1.0)


async def _take_over(bench: Bench, heir: Running, claim: Claim) -> None:
    await until(lambda: heir.engine.healthy)
    claims = Claims(bench.databases.dispatch("booking"), OPERATIONS, heir.engine.id)
    mine = await claims.orphans([bench.tenant], ["thief:1"], ["reserve_table"], 1)
    runner = _runner(bench, heir)
    for row in await runner.load(bench.tenant, mine):
        await runner.take_over(row)
    assert [each.urn for each in mine] == [claim.urn]


async def test_a_send_is_held_to_the_second_after_its_commit(databases: Databases, tenant: Tenant) -> None:
    """Sign-in and the wait for a slot lie between the commit and the first byte, and are counted."""
    left: list[float | None] = []

    async def send(world: World, row: OperationRow) -> Answer[str]:
        left.append(departure.left())
        return Ok("r")

    bench = a_bench(databases, tenant, Class.A, send=send)
    async with bench.worker():
        await bench.ended(await bench.intend())
    assert len(left) == 1
    assert left[0] is not None
    assert 0 < left[0] < SEND_WITHIN.total_seconds()
