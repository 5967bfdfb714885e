"""A stopped line: nothing of it leaves, by a claim or at once; what waits keeps its place, its tries and its time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from kernel.database import Databases
from kernel.operation import Class, Line, State, Stop
from kernel.operation.stop import resume, stop, stops, take_out
from kernel.refusal import BadInput, NotFound
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.harness.messages import until
from tests.harness.saga import QUICK
from tests.kernel.test_operation_engine import Bench, a_bench

ROOMS, SELDOM = Line.BOOKINGS, replace(QUICK, sweep=timedelta(hours=1))
HERE = {"partner": "inn", "airport": "JFK"}


async def stopped(bench: Bench, line: Line = ROOMS, partner: str | None = None, airport: str | None = None) -> Stop:
    async with bench.databases["booking"].work(bench.tenant) as work:
        return await stop(work, line, partner=partner, airport=airport, reason="prices are wrong")


async def resumed(bench: Bench, urn: Urn, hands: Any = None) -> Stop:
    async with bench.databases["booking"].work(bench.tenant) as work:
        found = await resume(work, urn, reason="mended")
    if hands is not None:
        hands.engine.wake(bench.tenant)
    return found


async def active(bench: Bench) -> list[Stop]:
    async with bench.databases["booking"].read(bench.tenant) as connection:
        return await stops(connection, bench.tenant)


async def column(bench: Bench, urn: Urn, name: str) -> Any:
    async with bench.databases["booking"].read(bench.tenant) as connection:
        found = text(f"select {name} from operation where tenant = :tenant and urn = :urn")
        return (await connection.execute(found, {"tenant": bench.tenant, "urn": urn})).scalar_one()


@pytest.mark.parametrize("timing", [QUICK, SELDOM])
async def test_nothing_leaves_until_the_line_is_resumed(databases: Databases, tenant: Tenant, timing: Any) -> None:
    """Swept every few milliseconds, or born claimed: neither way out is open."""
    bench = a_bench(databases, tenant, Class.C, line=ROOMS)
    made = await stopped(bench)
    async with bench.worker(timing=timing) as hands:
        await asyncio.sleep(0.1)
        urn = await bench.intend(**HERE)
        hands.engine.wake(tenant)
        await asyncio.sleep(0.2)
        row = await bench.row(urn)
        assert (row.state, row.sends, row.waits, row.fence, bench.partner.sends) == (State.INTENT, 0, 0, 0, [])
        assert [each.waiting for each in await active(bench)] == [1]
        await resumed(bench, made.urn, hands)
        assert (await bench.ended(urn)).state is State.OK
    assert (await active(bench), len(bench.partner.sends)) == ([], 1)


async def test_what_waited_already_is_held_too_and_loses_no_time(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, line=ROOMS, patience=timedelta(milliseconds=300))
    urn = await bench.intend(**HERE)
    due, deadline = await column(bench, urn, "due"), await column(bench, urn, "deadline")
    made = await stopped(bench)
    assert await column(bench, urn, "due") is None
    async with bench.worker() as hands:
        await asyncio.sleep(0.5)  # longer than anybody would have waited for it
        await resumed(bench, made.urn, hands)
        assert (await bench.ended(urn)).state is State.OK
    assert await column(bench, urn, "deadline") >= deadline + timedelta(milliseconds=450)
    assert due is not None


@pytest.mark.parametrize(
    ("bounds", "held"),
    [
        ({}, True),
        ({"partner": "inn"}, True),
        ({"airport": "JFK"}, True),
        ({"partner": "inn", "airport": "JFK"}, True),
        ({"partner": "other"}, False),
        ({"airport": "EWR"}, False),
        ({"partner": "inn", "airport": "EWR"}, False),
        ({"line": Line.MESSAGES}, False),
    ],
)
async def test_a_stop_holds_what_lies_within_its_bounds_alone(
    databases: Databases, tenant: Tenant, bounds: dict[str, Any], held: bool
) -> None:  # fmt: skip
    bench = a_bench(databases, tenant, Class.C, line=ROOMS)
    waiting = await bench.intend("before", **HERE)
    await stopped(bench, **bounds)
    async with bench.worker() as hands:
        urns = [waiting, await bench.intend("after", **HERE)]
        hands.engine.wake(tenant)
        if held:
            await asyncio.sleep(0.2)
            assert [(await bench.row(urn)).state for urn in urns] == [State.INTENT] * 2
        else:
            assert [(await bench.ended(urn)).state for urn in urns] == [State.OK] * 2


async def test_what_has_no_line_is_never_stopped(databases: Databases, tenant: Tenant) -> None:
    """As everything that takes something back."""
    bench = a_bench(databases, tenant, Class.C)
    await stopped(bench)
    async with bench.worker():
        assert (await bench.ended(await bench.intend(**HERE))).state is State.OK


async def test_a_send_that_never_left_is_held_when_it_comes_back(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, *["busy"] * 1000, line=ROOMS)
    async with bench.worker():
        urn = await bench.intend(**HERE)
        await until(lambda: len(bench.partner.plan) < 1000)
        await stopped(bench)
        await asyncio.sleep(0.1)
        left = len(bench.partner.plan)
        await asyncio.sleep(0.3)
        assert len(bench.partner.plan) == left
        async with databases["booking"].work(tenant) as work:
            await take_out(work)
        assert await column(bench, urn, "stopped_at") is not None


@pytest.mark.parametrize(("kind", "asked_again"), [(Class.C, False), (Class.A, True)])
async def test_an_unknown_is_looked_up_and_one_that_would_be_asked_again_is_not(
    databases: Databases, tenant: Tenant, kind: Class, asked_again: bool
) -> None:  # fmt: skip
    """A look-up changes nothing; the same key once more may make what was never made."""
    bench = a_bench(databases, tenant, kind, "lost answer", line=ROOMS, settle=timedelta(milliseconds=300))
    async with bench.worker() as hands:
        urn = await bench.intend(**HERE)
        hands.engine.wake(tenant)
        await until(lambda: len(bench.partner.sends) == 1)
        made = await stopped(bench)
        if asked_again:
            await asyncio.sleep(1)
            assert ((await bench.row(urn)).state, len(bench.partner.sends)) == (State.UNKNOWN, 1)
            await resumed(bench, made.urn, hands)
        assert (await bench.ended(urn)).state is State.OK
        assert len(bench.partner.sends) == (2 if asked_again else 1)


async def test_two_stops_hold_until_both_are_over(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, line=ROOMS)
    everywhere, here = await stopped(bench), await stopped(bench, airport="JFK")
    async with bench.worker() as hands:
        urn = await bench.intend(**HERE)
        await resumed(bench, everywhere.urn, hands)
        await asyncio.sleep(0.2)
        assert (await bench.row(urn)).state is State.INTENT
        await resumed(bench, here.urn, hands)
        assert (await bench.ended(urn)).state is State.OK


async def test_stopping_and_resuming_twice_changes_nothing(databases: Databases, tenant: Tenant) -> None:
    bench = a_bench(databases, tenant, Class.C, line=ROOMS)
    made = await stopped(bench)
    assert (await stopped(bench)).urn == made.urn
    over = await resumed(bench, made.urn)
    assert (await resumed(bench, made.urn)).resumed_at == over.resumed_at
    assert await active(bench) == []


@pytest.mark.parametrize("reason", ["", "  "])
async def test_a_reason_is_needed(databases: Databases, tenant: Tenant, reason: str) -> None:
    async with databases["booking"].work(tenant) as work:
        with pytest.raises(BadInput):
            await stop(work, ROOMS, partner=None, airport=None, reason=reason)
        made = await stop(work, ROOMS, partner=None, airport=None, reason="because")
        with pytest.raises(BadInput):
            await resume(work, made.urn, reason=reason)
        with pytest.raises(NotFound):
            await resume(work, Urn.mint("stop"), reason="because")
