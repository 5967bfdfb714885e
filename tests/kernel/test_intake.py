from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from domains.cases.commands import AcceptOffer
from kernel.database import Databases, make_engine
from kernel.intake import Intake
from kernel.refusal import StoreAway
from kernel.tenancy import Tenant
from kernel.urn import Urn

T1, T2 = Tenant("t1"), Tenant("t2")
_numbers = itertools.count()


@pytest.fixture
def sub_case() -> Urn:
    return Urn(f"urn:sub-case:intake-{next(_numbers)}")


@pytest.fixture
async def intake(role_urls: dict[str, str]) -> AsyncIterator[Intake]:
    made = Intake(role_urls["intake"])
    yield made
    await made.close()


async def rows(databases: Databases, sub_case: Urn) -> list[tuple[object, ...]]:
    """As the relay sees them."""
    async with databases.relay("intake").connect() as connection:
        found = await connection.execute(
            text("select tenant, urn, receiver, name, body ->> 'snapshot_version', published_at is null from intake where aggregate = :a"),
            {"a": sub_case},
        )
        return [tuple(row) for row in found]


async def test_an_answer_is_kept_for_its_domain(intake: Intake, databases: Databases, sub_case: Urn) -> None:
    intent = Urn(f"urn:event:{sub_case.id}.accept.3")
    await intake.put(T1, AcceptOffer(sub_case, 3, intent), urn=intent, aggregate=sub_case)
    assert await rows(databases, sub_case) == [("t1", intent, "cases", "AcceptOffer", "3", True)]


async def test_the_same_answer_is_kept_once_and_acknowledged_each_time(intake: Intake, databases: Databases, sub_case: Urn) -> None:
    intent = Urn(f"urn:event:{sub_case.id}.accept.3")
    said = AcceptOffer(sub_case, 3, intent)
    at = await asyncio.gather(*(intake.put(T1, said, urn=intent, aggregate=sub_case) for _ in range(5)))
    assert len(at) == 5
    assert len(await rows(databases, sub_case)) == 1


async def test_another_tenant_may_say_the_same(intake: Intake, databases: Databases, sub_case: Urn) -> None:
    intent = Urn(f"urn:event:{sub_case.id}.accept.3")
    for tenant in (T1, T2):
        await intake.put(tenant, AcceptOffer(sub_case, 3, intent), urn=intent, aggregate=sub_case)
    assert {row[0] for row in await rows(databases, sub_case)} == {"t1", "t2"}


async def test_a_note_is_new_once_and_nobody_is_asked_to_act_on_it(intake: Intake, databases: Databases, sub_case: Urn) -> None:
    used = Urn(f"urn:event:link-{sub_case.id}")
    assert await intake.note(T1, "LinkUsed", urn=used, aggregate=sub_case)
    assert not await intake.note(T1, "LinkUsed", urn=used, aggregate=sub_case)
    ((*_, waits),) = await rows(databases, sub_case)
    assert not waits


@pytest.mark.parametrize("statement", ["select urn from intake", "update intake set name = ''", "delete from intake"])
async def test_the_passenger_process_can_do_nothing_else(role_urls: dict[str, str], statement: str) -> None:
    engine = make_engine(role_urls["intake"])
    async with engine.connect() as connection:
        await connection.execute(text("select set_config('nexa.tenant', 't1', true)"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            await connection.execute(text(statement))
    await engine.dispose()


async def test_an_intake_that_is_away_refuses(sub_case: Urn) -> None:
    lonely = Intake("postgresql://nobody:nothing@127.0.0.1:1/nexa_intake")
    with pytest.raises(StoreAway):
        await lonely.note(T1, "LinkUsed", urn=Urn("urn:event:x"), aggregate=sub_case)
    await lonely.close()
