"""Texts against the channel's twin: one text per thing to say, whatever is lost on the way, and nothing of it at rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from domains.notifications.commands import NotifyLead
from kernel.database import Databases
from kernel.sandbox.faults import FaultKind
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.builders import a_draft
from tests.jobs.floor import Floor, a_floor

RESERVATION = Urn("urn:reservation:r-1")


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, redis: Redis) -> AsyncIterator[Floor]:
    async with a_floor(databases, tenant, redis) as made:
        yield made


async def told(floor: Floor) -> dict[str, object]:
    await floor.ask(NotifyLead(floor.sub_case, "subcase.offer-ready", RESERVATION, {"hotel": "Harbour Inn"}))
    return await floor.answer("notifications", "LeadNotified", "LeadNotReached")


async def test_the_lead_gets_one_text_with_a_link(floor: Floor) -> None:
    assert (await told(floor))["name"] == "LeadNotified"
    await told(floor)
    [body] = floor.texts()
    assert body.endswith(floor.links.made[0])
    assert "Harbour Inn" in body


@pytest.mark.parametrize("fault", [FaultKind.LOST_ANSWER, FaultKind.ERROR_EXECUTED, FaultKind.GARBAGE])
async def test_a_text_whose_answer_is_lost_is_found_and_not_sent_again(floor: Floor, fault: FaultKind) -> None:
    floor.partners.order("twilio", fault, "send", count=1)
    assert (await told(floor))["name"] == "LeadNotified"
    assert len(floor.texts()) == 1
    assert len(floor.links.made) == 1


async def test_a_text_that_never_arrived_there_is_sent_again(floor: Floor) -> None:
    floor.partners.order("twilio", FaultKind.LOST_REQUEST, "send", count=1)
    assert (await told(floor))["name"] == "LeadNotified"
    assert len(floor.texts()) == 1


async def test_a_party_without_phone_is_not_reached(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with a_floor(databases, tenant, redis, a_draft(phone=None)) as floor:
        missed = await told(floor)
    assert (missed["name"], missed["why"], missed["unknown"]) == ("LeadNotReached", "the party left no phone number", False)
    assert floor.texts() == []


async def test_neither_number_nor_text_nor_link_rests(floor: Floor, databases: Databases) -> None:
    await told(floor)
    for table in ("operation", "message", "sending", "delivery", "outbox"):
        async with databases["notifications"].read(floor.tenant) as connection:
            rows = repr((await connection.exec_driver_sql(f'select * from "{table}"')).all())
        assert not [secret for secret in ("+1212555", "token=", "ready. See it") if secret in rows], table
