from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest
from sqlalchemy import text

from domains.access import actions, queries
from domains.access.commands import AddSecret, EndSession, OpenSession, RegisterPartner, RenewSession
from domains.access.model import ROTATION_GRACE, SECRET_LIFETIME, SECRET_OVERLAP, Scope
from domains.access.refusals import SessionEnded, UnknownScope
from kernel.clock import now
from kernel.database import Database, Databases
from kernel.refusal import NotFound
from kernel.tenancy import Tenant
from kernel.urn import Urn

T1, T2 = Tenant("t1"), Tenant("t2")
ANA = Urn("urn:operator:ana")
_numbers = itertools.count()


@pytest.fixture
def access(databases: Databases) -> Database:
    return databases["access"]


@pytest.fixture
async def partner(access: Database) -> Urn:
    urn = Urn.of("partner", f"desk-{next(_numbers)}")
    async with access.work(T1) as work:
        await actions.register_partner(work, RegisterPartner(urn, "Desk", frozenset({Scope.CASES_READ})))
    return urn


async def add_secret(access: Database, partner: Urn) -> str:
    async with access.work(T1) as work:
        return await actions.add_secret(work, AddSecret(partner))


async def opens(access: Database, partner: Urn, secret: str, *, after: timedelta = timedelta(), tenant: Tenant = T1) -> bool:
    async with access.read(tenant) as connection:
        return await queries.partner_by_secret(connection, tenant, partner, secret, now() + after) is not None


async def test_a_secret_opens_its_partner_and_no_other(access: Database, partner: Urn) -> None:
    secret = await add_secret(access, partner)
    assert await opens(access, partner, secret)
    assert not await opens(access, partner, secret + "x")
    assert not await opens(access, partner, "")
    assert not await opens(access, Urn("urn:partner:nobody"), secret)
    assert not await opens(access, partner, secret, tenant=T2)


async def test_whose_clock_asks_does_not_matter_to_a_fresh_secret(access: Database, partner: Urn) -> None:
    secret = await add_secret(access, partner)
    assert not await opens(access, partner, secret, after=-timedelta(minutes=5))
    async with access.read(T1) as connection:
        assert await queries.partner_by_secret(connection, T1, partner, secret) is not None


async def test_two_secrets_are_valid_while_they_are_turned_over(access: Database, partner: Urn) -> None:
    old, new = await add_secret(access, partner), await add_secret(access, partner)
    assert await opens(access, partner, old)
    assert await opens(access, partner, new)
    assert not await opens(access, partner, old, after=SECRET_OVERLAP + timedelta(minutes=1))
    assert await opens(access, partner, new, after=SECRET_OVERLAP + timedelta(minutes=1))
    assert not await opens(access, partner, new, after=SECRET_LIFETIME + timedelta(minutes=1))


async def test_a_secret_is_not_kept(access: Database, partner: Urn) -> None:
    secret = await add_secret(access, partner)
    async with access.read(T1) as connection:
        rows = (await connection.execute(text("select to_jsonb(s)::text from partner_secret s"))).scalars().all()
        sent = (await connection.execute(text("select body::text from outbox"))).scalars().all()
    assert not any(secret in row for row in [*rows, *sent])


async def test_registering_again_changes_what_it_may_do_and_keeps_its_secret(access: Database, partner: Urn) -> None:
    secret = await add_secret(access, partner)
    async with access.work(T1) as work:
        again = await actions.register_partner(work, RegisterPartner(partner, "Desk", frozenset({Scope.DISRUPTIONS_WRITE})))
    assert again.scopes == {Scope.DISRUPTIONS_WRITE}
    assert await opens(access, partner, secret)


async def test_a_scope_that_does_not_exist_is_refused(access: Database) -> None:
    async with access.work(T1) as work:
        with pytest.raises(UnknownScope, match=r"cases\.write"):
            await actions.register_partner(work, RegisterPartner(Urn("urn:partner:x"), "X", frozenset({"cases.write"})))


async def test_nobody_gets_a_secret_without_a_registration(access: Database) -> None:
    async with access.work(T1) as work:
        with pytest.raises(NotFound):
            await actions.add_secret(work, AddSecret(Urn("urn:partner:nobody")))


async def open_session(access: Database) -> str:
    async with access.work(T1) as work:
        return (await actions.open_session(work, OpenSession(ANA)))[1]


async def renew(access: Database, token: str, tenant: Tenant = T1) -> tuple[bool, str | None]:
    async with access.work(tenant) as work:
        session, fresh = await actions.renew_session(work, RenewSession(token))
        return session.alive(now()), fresh


async def later(access: Database, by: timedelta) -> None:
    """Lets time pass for every session, by moving what was written into the past."""
    async with access.work(T1) as work:
        moved = "renewed_at = renewed_at - cast(:by as interval), expires_at = expires_at - cast(:by as interval)"
        await work.execute(text(f"update operator_session set {moved}"), {"by": by})


async def test_each_renewal_replaces_the_token(access: Database) -> None:
    first = await open_session(access)
    _, second = await renew(access, first)
    assert second is not None
    _, third = await renew(access, second)
    assert len({first, second, third}) == 3


async def test_two_tabs_may_renew_at_once(access: Database) -> None:
    token = await open_session(access)
    answers = await asyncio.gather(renew(access, token), renew(access, token))
    assert [alive for alive, _ in answers] == [True, True]
    fresh = [token for _, token in answers if token is not None]
    assert len(fresh) == 1
    assert (await renew(access, fresh[0]))[0]


async def test_a_replaced_token_shown_later_ends_the_session_for_both(access: Database) -> None:
    stolen = await open_session(access)
    _, fresh = await renew(access, stolen)
    await later(access, ROTATION_GRACE + timedelta(seconds=5))
    assert await renew(access, stolen) == (False, None)
    assert fresh is not None
    with pytest.raises(SessionEnded):
        await renew(access, fresh)


async def test_a_session_ends_after_its_time_and_when_signed_out(access: Database) -> None:
    token = await open_session(access)
    async with access.work(T1) as work:
        await actions.end_session(work, EndSession(token))
    with pytest.raises(SessionEnded):
        await renew(access, token)
    token = await open_session(access)
    await later(access, timedelta(days=31))
    with pytest.raises(SessionEnded):
        await renew(access, token)


@pytest.mark.parametrize("tenant", [T1, T2])
async def test_a_token_of_nobody_is_refused(access: Database, tenant: Tenant) -> None:
    mine = await open_session(access)
    with pytest.raises(SessionEnded):
        await renew(access, mine if tenant == T2 else "nothing", tenant)
