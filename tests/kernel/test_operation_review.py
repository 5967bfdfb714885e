"""What nobody could resolve, on a real Postgres: a person's word ends it, the partner is asked, and a ghost is still looked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from kernel.answer import Answer, Ok, Unknown
from kernel.claim import OPERATIONS, Claims
from kernel.database import Databases
from kernel.operation import Class, Finding, OperationRow, Operations, State, intend, resolve
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work
from tests.harness.messages import until
from tests.harness.saga import an_engine, forward, running
from tests.kernel.test_operation_engine import SUBJECT, Bench, Heard, Partner, World, an_operation

SOON = timedelta(milliseconds=60)


@dataclass
class Desk(World):
    """A world in which people hear of reviews, and something else can be done."""

    reviewed: list[tuple[Finding | None, str]] = field(default_factory=list)
    instead: bool = False
    asked_instead: int = 0


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    DESKS[row.tenant].reviewed.append((finding, why))


async def _instead(work: Work, row: OperationRow, desk: Desk) -> bool:
    desk.asked_instead += 1
    return desk.instead


async def _known_as(desk: Desk, row: OperationRow, reference: str) -> Answer[str | None]:
    desk.partner.looks.append(reference)
    return Ok(reference if reference in desk.partner.book else None)


async def _verify(work: Work, row: OperationRow, reference: str, found: str | None, desk: Desk) -> None:
    desk.heard.verified.append((reference, found))


DESKS: dict[Tenant, Desk] = {}


def a_bench(databases: Databases, tenant: Tenant, kind: Class, *plan: str, **changes: Any) -> tuple[Bench, Desk]:
    desk = DESKS[tenant] = Desk(Partner(list(plan)), Heard())
    options: dict[str, Any] = {"resolve_within": SOON, "reviewed": _reviewed, "known_as": _known_as, "budget": 2, **changes}
    return Bench(databases, tenant, an_operation(kind, **options), desk), desk


async def in_review(bench: Bench) -> Urn:
    """An operation of which nobody could tell."""
    bench.partner.deaf = 10_000
    urn = await bench.intend()
    assert (await bench.ended(urn)).state is State.REVIEW
    bench.partner.deaf = 0
    return urn


async def say(bench: Bench, urn: Urn, finding: Finding, reference: str = "", reason: str = "I rang them up") -> bool:
    async with bench.databases["booking"].work(bench.tenant, actor=Urn("urn:operator:ana")) as work:
        operations = Operations(bench.operation)
        return await resolve(work, operations, urn, finding, reason=reason, reference=reference, ports=bench.world, scale=1.0)


async def settled(bench: Bench, urn: Urn, *states: State) -> OperationRow:
    """Once it is in one of these. Raises: TimeoutError."""
    async with asyncio.timeout(20):
        while True:
            row = await bench.row(urn)
            if row.state in states:
                return row
            await asyncio.sleep(0.01)


async def test_what_a_person_found_there_is_asked_for_and_ends_as_the_partner_says(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost answer")
    async with bench.worker():
        urn = await in_review(bench)
        assert await say(bench, urn, Finding.FOUND)
        row = await settled(bench, urn, State.OK)
    assert (len(bench.partner.sends), row.told, row.unknown_at) == (1, None, None)
    assert bench.heard.outcomes == [("Unknown", "REVIEW"), ("Ok", row.reference)]
    assert [finding for finding, _ in desk.reviewed] == [None, Finding.FOUND]
    assert ("review", "FOUND", "I rang them up") in [(line["did"], line["answer"], line["why"]) for line in row.journal]


async def test_what_is_said_to_be_there_and_is_not_stays_in_review(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost request")
    async with bench.worker():
        urn = await in_review(bench)
        await say(bench, urn, Finding.FOUND)
        await until(lambda: len(desk.reviewed) == 2)
        row = await bench.row(urn)
    assert (row.state, len(bench.partner.sends), row.told) == (State.REVIEW, 1, None)
    assert desk.reviewed[1] == (None, "it is said to be there, and was not found")


@pytest.mark.parametrize(
    ("finding", "state", "told"), [(Finding.ABSENT, State.EXHAUSTED, "NotSent"), (Finding.CANCELLED, State.DECLINED, "Declined")]
)
async def test_what_a_person_says_is_gone_ends_and_is_still_looked_for(
    databases: Databases, tenant: Tenant, finding: Finding, state: State, told: str
) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost request", verify=_verify, settle=timedelta(milliseconds=200))
    async with bench.worker():
        urn = await in_review(bench)
        await say(bench, urn, finding)
        row = await bench.row(urn)
        assert (row.state, bench.heard.outcomes[-1], desk.reviewed[-1][0]) == (state, (told, state.value), finding)
        ghost = row.reference or ""
        assert row.given_up == (ghost,)
        bench.partner.book.append(ghost)
        await until(lambda: (ghost, ghost) in bench.heard.verified)
    assert len(bench.partner.sends) == 1


async def test_a_second_word_changes_nothing_and_is_told_how_it_stands(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost request")
    async with bench.worker():
        urn = await in_review(bench)
        await say(bench, urn, Finding.ABSENT)
        await say(bench, urn, Finding.CANCELLED)
    assert (await bench.row(urn)).state is State.EXHAUSTED
    assert desk.reviewed[1:] == [(Finding.ABSENT, "a person found that there is nothing"), (Finding.ABSENT, "it was resolved meanwhile")]
    assert len(bench.heard.outcomes) == 2


async def test_an_operation_of_another_database_is_not_found(databases: Databases, tenant: Tenant) -> None:
    bench, _ = a_bench(databases, tenant, Class.C)
    assert not await say(bench, Urn.mint("operation"), Finding.ABSENT)


async def test_class_a_is_asked_again_under_its_key(databases: Databases, tenant: Tenant) -> None:
    bench, _ = a_bench(databases, tenant, Class.A, "lost answer", "lost answer", resolve_within=timedelta(0))
    async with bench.worker():
        urn = await in_review(bench)
        await say(bench, urn, Finding.FOUND)
        row = await settled(bench, urn, State.OK)
    assert (row.sends, bench.partner.sends) == (1, ["k1"] * 3)


async def test_class_d_is_found_by_the_partners_own_reference_only(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.D, "lost answer")
    async with bench.worker():
        urn = await in_review(bench)
        await say(bench, urn, Finding.FOUND)
        assert (await bench.row(urn)).state is State.REVIEW
        assert desk.reviewed[-1] == (None, "the partner cannot be asked for it by our reference; its own is needed")
        bench.partner.book.append("AM-4711")
        await say(bench, urn, Finding.FOUND, "AM-4711")
        await settled(bench, urn, State.OK)
    assert (bench.heard.outcomes[-1], bench.partner.sends) == (("Ok", "AM-4711"), ["k1"])


async def test_a_persons_word_takes_the_claim_of_whoever_is_verifying(databases: Databases, tenant: Tenant) -> None:
    bench, _ = a_bench(databases, tenant, Class.C, "lost request", verify=_verify, settle=timedelta(milliseconds=200))
    async with bench.worker():
        urn = await in_review(bench)
    await asyncio.sleep(0.3)
    [claim] = await Claims(databases.dispatch("booking"), OPERATIONS, "somebody:1").due([forward(tenant, "reserve_table", 1)], 1)
    await say(bench, urn, Finding.ABSENT)
    row = await bench.row(urn)
    assert (row.state, row.fence) == (State.EXHAUSTED, claim.fence + 1)


async def test_a_verification_that_finds_it_ends_the_review(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost answer", verify=_verify, settle=timedelta(milliseconds=200))
    async with bench.worker():
        urn = await in_review(bench)
        row = await settled(bench, urn, State.OK)
    assert bench.heard.outcomes == [("Unknown", "REVIEW"), ("Ok", row.reference)]
    assert [finding for finding, _ in desk.reviewed] == [None, Finding.FOUND]


async def test_what_could_not_be_written_is_in_review_and_told_once_it_can_be(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C)
    bench.heard.fail = 1000
    async with bench.worker():
        urn = await bench.intend()
        await bench.ended(urn)
        assert [finding for finding, _ in desk.reviewed] == [None]
        bench.heard.fail = 0
        await say(bench, urn, Finding.FOUND)
        row = await settled(bench, urn, State.OK)
    assert bench.heard.outcomes == [("Ok", row.reference)]
    assert len(bench.partner.sends) == 1


async def test_what_nobody_can_wait_for_is_watched_and_never_sent_again(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost request", instead=_instead, wait=timedelta(milliseconds=30), verify=_verify)
    desk.instead = True
    async with bench.worker():
        urn = await bench.intend()
        row = await bench.ended(urn)
        assert (row.state, desk.asked_instead, len(bench.partner.sends)) == (State.WITHDRAWN, 1, 1)
        assert "watch" in [line["did"] for line in row.journal]
        ghost = row.given_up[0]
        bench.partner.book.append(ghost)
        await until(lambda: (ghost, ghost) in bench.heard.verified)


async def test_what_is_watched_and_appears_is_told(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost answer", instead=_instead, wait=timedelta(milliseconds=30))
    desk.instead, bench.partner.lag = True, 2
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.watched_at is not None, bench.heard.outcomes) == (State.OK, True, [("Ok", row.reference)])


async def test_where_nothing_else_can_be_done_it_is_waited_for_and_sent_again(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.C, "lost request", instead=_instead, wait=timedelta(milliseconds=30))
    async with bench.worker():
        row = await bench.ended(await bench.intend())
    assert (row.state, row.watched_at, len(bench.partner.sends)) == (State.OK, None, 2)
    assert desk.asked_instead >= 1


def by_hand(row: OperationRow, reference: str) -> str:
    return f"by hand {reference}".strip()


async def test_an_undo_that_was_refused_is_settled_by_hand(databases: Databases, tenant: Tenant) -> None:
    bench, _ = a_bench(databases, tenant, Class.A, "declined", by_hand=by_hand)
    async with bench.worker():
        urn = await bench.intend()
        await bench.ended(urn)
        await say(bench, urn, Finding.CANCELLED, "C-1")
        row = await bench.row(urn)
    assert (row.state, bench.heard.outcomes) == (State.OK, [("Declined", "DECLINED"), ("Ok", "by hand C-1")])


async def test_an_undo_of_what_still_stands_is_tried_again(databases: Databases, tenant: Tenant) -> None:
    bench, desk = a_bench(databases, tenant, Class.A, "declined", "declined", by_hand=by_hand)
    async with bench.worker():
        urn = await bench.intend()
        await bench.ended(urn)
        await say(bench, urn, Finding.FOUND)
        await until(lambda: len(bench.heard.outcomes) == 2)
        assert [finding for finding, _ in desk.reviewed] == [None]  # refused once more, and told to whoever decided
        await say(bench, urn, Finding.FOUND)
        await settled(bench, urn, State.OK)
    assert (len(bench.partner.sends), desk.reviewed[-1][0]) == (3, Finding.CANCELLED)


async def test_a_partner_without_cancellation_leaves_its_undo_to_a_person(databases: Databases, tenant: Tenant) -> None:
    """A toy of class D, as hotel orders of a distribution system are: what was ordered can only be cancelled by telephone."""

    async def no_cancellation(desk: Desk, row: OperationRow) -> Answer[str]:
        return Unknown("it is cancelled by telephone", {"partner_reference": "AM-4711", "telephone": "+1 212 555 0100"})

    bench, desk = a_bench(databases, tenant, Class.D, send=no_cancellation, by_hand=by_hand)
    async with bench.worker():
        urn = await bench.intend()
        row = await bench.ended(urn)
        assert (row.state, desk.reviewed) == (State.REVIEW, [(None, "it is cancelled by telephone")])
        assert row.journal[-1]["evidence"]["partner_reference"] == "AM-4711"
        await say(bench, urn, Finding.CANCELLED)
    assert ((await bench.row(urn)).state, bench.heard.outcomes[-1]) == (State.OK, ("Ok", "by hand"))


async def test_a_message_of_class_d_that_nobody_can_make_out_goes_to_the_next_channel(databases: Databases, tenant: Tenant) -> None:
    """A toy, as messengers without a key and without a list are: the first channel is never asked again, the next one is at once."""
    bench, desk = a_bench(databases, tenant, Class.C)

    async def lost(desk: Desk, row: OperationRow) -> Answer[str]:
        desk.partner.sends.append("messenger")
        return Unknown("time-out")

    async def next_channel(work: Work, row: OperationRow, answer: Answer[str], desk: Desk) -> None:
        if isinstance(answer, Unknown):
            await intend(work, bench.operation, subject=row.subject, key=f"{row.key}|mail", intent={}, workflow=row.workflow)

    messenger = an_operation(Class.D, name="send_messenger", send=lost, outcome=next_channel, resolved=None)
    engine = an_engine(databases, tenant, operations=Operations(messenger, bench.operation), ports=desk)
    async with running(engine):
        async with databases["booking"].work(tenant) as work:
            await intend(work, messenger, subject=SUBJECT, key="m1", intent={}, workflow=Urn("urn:workflow:w-1"))
        engine.wake(tenant)
        await until(lambda: len(bench.heard.outcomes) == 1)
        await asyncio.sleep(0.2)
    assert bench.partner.sends.count("messenger") == 1
    assert len(bench.partner.book) == 1
