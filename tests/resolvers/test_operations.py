"""What partners were asked for a sub-case, as the graph shows it: from three domains, in one read each, and to those who may see it."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import text

from kernel.answer import NotSent
from kernel.operation import Class, Operation, intend
from kernel.urn import Urn
from resolvers import loaders
from resolvers.context import Context
from tests.builders import a_draft
from tests.resolvers.conftest import Asker, open_case

OPERATION = "urn name state references sends watchedAt lines { at did reference answer why evidence { name value } }"
ASK = f"""query ($urn: Urn!) {{ case(urn: $urn) {{ subCases {{ edges {{ node {{ urn
    roomOperations {{ {OPERATION} }} cardOperations {{ name state }} messageOperations {{ name state }} }} }} }} }} }}"""
SENT = {"at": "2026-02-08T19:00:00.000+00:00", "did": "send", "reference": "ref-1", "answer": "Unknown", "why": "no answer within 85 s",
        "evidence": {"status": "none"}}  # fmt: skip
REFUSED = {
    "at": "2026-02-08T19:02:00.000+00:00",
    "did": "send",
    "reference": "ref-1",
    "answer": "Declined",
    "code": "E1",
    "why": "stop sales",
}


async def _nothing(*_: Any) -> Any:
    return NotSent("never called")


async def called(asker: Asker, domain: str, name: str, sub_case: Urn, *lines: dict[str, Any]) -> None:
    """A call to a partner with these lines in its journal."""
    operation: Operation[Any, Any] = Operation(name, domain, Class.C, _nothing, _nothing, look_up=_nothing)
    async with Context(asker.identity, asker.doors).work(domain) as work:
        urn = await intend(work, operation, subject=sub_case, key=f"{name}|{sub_case}", intent={}, workflow=Urn("urn:workflow:w-1"))
        journal = orjson.dumps(list(lines)).decode()
        change = text("update operation set due = null, journal = cast(:journal as jsonb) where tenant = :tenant and urn = :urn")
        await work.execute(change, {"tenant": work.tenant, "urn": str(urn), "journal": journal})


async def test_every_send_and_look_up_is_shown_with_its_evidence(ana: Asker) -> None:
    case, (urn,) = await open_case(ana)
    await called(ana, "booking", "book_rooms", urn, SENT, REFUSED)
    await called(ana, "wallet", "issue_card", urn)
    await called(ana, "notifications", "send_message", urn)
    [edge] = (await ana.ask(ASK, urn=case))["case"]["subCases"]["edges"]
    [booked] = edge["node"]["roomOperations"]
    assert (booked["name"], booked["state"], len(booked["references"])) == ("book_rooms", "INTENT", 1)
    assert booked["lines"][0]["evidence"] == [{"name": "status", "value": "none"}]
    assert [(line["did"], line["answer"], line["why"]) for line in booked["lines"]] == [
        ("send", "Unknown", "no answer within 85 s"), ("send", "Declined", "stop sales"),
    ]  # fmt: skip
    assert booked["lines"][1]["evidence"] == [{"name": "code", "value": "E1"}]
    assert edge["node"]["cardOperations"] == [{"name": "issue_card", "state": "INTENT"}]
    assert edge["node"]["messageOperations"] == [{"name": "send_message", "state": "INTENT"}]


async def test_many_sub_cases_are_one_read_for_each_domain(ana: Asker) -> None:
    case, urns = await open_case(ana, *[a_draft() for _ in range(20)])
    for urn in urns[:3]:
        await called(ana, "booking", "book_rooms", urn, SENT)
    answer = await ana.ask(ASK, urn=case)
    nodes = {edge["node"]["urn"]: edge["node"] for edge in answer["case"]["subCases"]["edges"]}
    assert [len(nodes[urn]["roomOperations"]) for urn in urns] == [1] * 3 + [0] * 17
    assert [answer.reads.count(domain) for domain in ("booking", "wallet", "notifications")] == [1, 1, 1]


async def test_what_lies_outside_an_operators_airports_is_empty_also_by_its_key(ana: Asker, bob: Asker, stranger: Asker) -> None:
    _, (urn,) = await open_case(ana)
    await called(ana, "booking", "book_rooms", urn, SENT)
    for asker, seen in ((ana, 1), (bob, 0), (stranger, 0)):
        [found] = await loaders.load_room_operations(Context(asker.identity, asker.doors), [urn])
        assert len(found) == seen
