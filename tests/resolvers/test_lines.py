"""Stopping a line through the graph: who may, what everybody sees, and that what is pushed is what is fetched."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from kernel.database import Databases
from kernel.identity import Role
from kernel.operation import Line
from kernel.operation.stop import LINES
from kernel.tenancy import Tenant
from runtime.embedded.valkey import ValkeyUrls
from tests.resolvers.conftest import Asker

STOP = "urn version line partner airport reason by at resumedAt waiting"
ALL = f"{{ stoppedLines {{ {STOP} }} }}"
STOP_IT = f"mutation ($input: StopLineInput!) {{ stopLine(input: $input) {{ stop {{ {STOP} }} }} }}"
RESUME = f"mutation ($input: ResumeLineInput!) {{ resumeLine(input: $input) {{ __typename ... on LineResumed {{ stop {{ {STOP} }} }} }} }}"
WATCH = f"subscription ($after: String) {{ stoppedLines(after: $after) {{ seq snapshot items {{ {STOP} }} }} }}"


async def stop(asker: Asker, line: str = "BOOKINGS", reason: str = "rates are wrong", **bounds: str) -> Any:
    answer = await asker.ask(STOP_IT, input={"line": line, "reason": reason, **bounds})
    return answer["stopLine"]["stop"] if not answer.codes else answer.codes


async def resume(asker: Asker, made: Any, reason: str = "mended") -> Any:
    answer = await asker.ask(RESUME, input={"line": made["line"], "stop": made["urn"], "reason": reason})
    return answer["resumeLine"] if not answer.codes else answer.codes


@pytest.mark.parametrize("line", ["BOOKINGS", "MESSAGES", "CARD_LOADS"])
async def test_a_line_is_stopped_seen_and_resumed(ana: Asker, line: str) -> None:
    made = await stop(ana, line, partner="acme", airport="JFK")
    assert (made["line"], made["partner"], made["airport"], made["reason"]) == (line, "acme", "JFK", "rates are wrong")
    assert (made["by"], made["waiting"], made["resumedAt"]) == ("urn:operator:ana", 0, None)
    assert (await ana.ask(ALL))["stoppedLines"] == [made]
    told = await resume(ana, made)
    assert told["stop"]["resumedAt"] is not None
    assert (await ana.ask(ALL))["stoppedLines"] == []


async def test_only_a_supervisor_stops_and_only_with_a_reason(ana: Asker) -> None:
    operator = ana.who(role=Role.AIRPORT_OPERATOR)
    assert await stop(operator) == ["FORBIDDEN"]
    assert await stop(ana, reason=" ") == ["BAD_INPUT"]
    assert await stop(ana, airport="jfk") == ["BAD_INPUT"]
    assert await stop(ana, partner="A partner!") == ["BAD_INPUT"]
    made = await stop(ana)
    assert await resume(operator, made) == ["FORBIDDEN"]
    assert await resume(ana, made, " ") == ["BAD_INPUT"]
    assert [each["urn"] for each in (await operator.ask(ALL))["stoppedLines"]] == [made["urn"]]
    assert (await ana.who(role=Role.FINANCE_AUDIT).ask(ALL)).codes == []


async def test_another_airline_and_another_airport_see_nothing_of_it(ana: Asker, bob: Asker, stranger: Asker) -> None:
    here, everywhere = await stop(ana, airport="JFK"), await stop(ana, "MESSAGES")
    assert [each["urn"] for each in (await bob.ask(ALL))["stoppedLines"]] == [everywhere["urn"]]
    assert here["urn"] not in [each["urn"] for each in (await stranger.ask(ALL))["stoppedLines"]]
    assert (await resume(stranger, here))["__typename"] == "NotFound"


async def test_pushed_equals_fetched(ana: Asker) -> None:
    first = await stop(ana)
    stream = ana.listen(WATCH)
    batch = (await anext(stream))["stoppedLines"]
    assert (batch["snapshot"], batch["items"]) == (True, (await ana.ask(ALL))["stoppedLines"])
    screen = {each["urn"]: each for each in batch["items"]}
    second = await stop(ana, "CARD_LOADS", airport="EWR")
    await resume(ana, first)
    while first["urn"] in screen or second["urn"] not in screen:
        for each in (await anext(stream))["stoppedLines"]["items"]:
            screen[each["urn"]] = each
            if each["resumedAt"]:
                del screen[each["urn"]]
    assert list(screen.values()) == (await ana.ask(ALL))["stoppedLines"]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_wiped_store_forgets_no_stop(ana: Asker, valkey_urls: ValkeyUrls) -> None:
    made = await stop(ana)
    async with Redis.from_url(valkey_urls.coordination) as client:
        await client.flushall()
    assert (await ana.ask(ALL))["stoppedLines"] == [made]


async def test_both_words_are_in_the_audit_with_their_reasons(ana: Asker, databases: Databases, tenant: Tenant) -> None:
    made = await stop(ana, "MESSAGES")
    await resume(ana, made)
    found = text("select body from outbox where tenant = :tenant and name = 'AuditRecorded' order by position")
    async with databases[LINES[Line.MESSAGES]].read(tenant) as connection:
        told = list((await connection.execute(found, {"tenant": tenant})).scalars())
    assert [(each["action"], each["reason"], each["actor"]) for each in told] == [
        ("line.stop", "rates are wrong", "urn:operator:ana"),
        ("line.resume", "mended", "urn:operator:ana"),
    ]
