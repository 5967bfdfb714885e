"""Queue truth through the graph: places by source, honest where nobody knows, and pushed as it is fetched."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from kernel import clock
from kernel.answer import Answer, Ok
from kernel.operation import Class, Line, Operation, OperationRow, intend
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work
from tests.builders import a_draft
from tests.resolvers.conftest import Asker, open_case

PLACE = "subCase source place expectedAt why"
QUEUE = f"query ($case: Urn!) {{ queue(case: $case) {{ {PLACE} }} }}"
WATCH = f"subscription ($case: Urn!) {{ queue(case: $case) {{ seq snapshot items {{ {PLACE} }} }} }}"
STOP = "mutation ($input: StopLineInput!) { stopLine(input: $input) { stop { urn } } }"


async def _send(ports: Any, row: OperationRow) -> Answer[str]:
    return Ok("never")


async def _outcome(work: Work, row: OperationRow, answer: Answer[str], ports: Any) -> None:
    return None


BOOK: Final[Operation[Any, str]] = Operation("book_rooms", "booking", Class.D, send=_send, outcome=_outcome, line=Line.BOOKINGS)


async def waits(asker: Asker, sub_case: Urn, source: str = "acme", share: Share = Share.FORWARD, airport: str = "JFK") -> None:
    assert asker.doors.databases is not None
    async with asker.doors.databases["booking"].work(asker.identity.tenant) as work:
        await intend(work, BOOK, subject=sub_case, key=str(sub_case), intent={}, share=share, partner=source, airport=airport)


async def places(asker: Asker, case: Urn) -> dict[str, Any]:
    return {each.pop("subCase"): each for each in (await asker.ask(QUEUE, case=case))["queue"]}


async def test_everybody_who_waits_sees_a_place_and_a_time(ana: Asker) -> None:
    case, sub_cases = await open_case(ana, a_draft(), a_draft(), a_draft(), a_draft())
    for urn in sub_cases[:2]:
        await waits(ana, urn)
    await waits(ana, sub_cases[2], source="best")
    told = await places(ana, case)
    assert [(told[urn]["source"], told[urn]["place"], told[urn]["why"]) for urn in sub_cases[:3]] == [
        ("acme", 1, None),
        ("acme", 2, None),
        ("best", 1, None),
    ]
    at = datetime.fromisoformat(told[sub_cases[2]]["expectedAt"])
    assert timedelta(0) < at - clock.now() < timedelta(seconds=1)  # two calls at ten a second
    assert told[sub_cases[3]] == {"source": None, "place": None, "expectedAt": None, "why": "No voucher was issued yet."}


async def test_who_cannot_wait_is_shown_before_those_that_it_overtakes(ana: Asker) -> None:
    case, sub_cases = await open_case(ana, *(a_draft() for _ in range(5)))
    for urn in sub_cases[:4]:
        await waits(ana, urn)
    await waits(ana, sub_cases[4], share=Share.INTERACTIVE)
    told = await places(ana, case)
    assert [told[urn]["place"] for urn in sub_cases] == [1, 3, 4, 5, 3]


async def test_a_stopped_line_has_no_places_and_says_why(ana: Asker) -> None:
    case, (one, other) = await open_case(ana, a_draft(), a_draft())
    await waits(ana, one)
    await waits(ana, other, source="best")
    await ana.ask(STOP, input={"line": "BOOKINGS", "partner": "acme", "reason": "rates are wrong"})
    told = await places(ana, case)
    assert told[one] == {"source": "acme", "place": None, "expectedAt": None, "why": "Bookings are stopped: rates are wrong"}
    assert told[other]["place"] == 1


async def test_a_source_of_whose_pace_nobody_knows_has_no_time(ana: Asker) -> None:
    case, (one,) = await open_case(ana, a_draft())
    await waits(ana, one, source="own")
    told = await places(ana, case)
    assert (told[one]["place"], told[one]["expectedAt"]) == (1, None)
    assert told[one]["why"]


async def test_pushed_equals_fetched(ana: Asker) -> None:
    case, sub_cases = await open_case(ana, a_draft(), a_draft())
    await waits(ana, sub_cases[0], source="own")
    stream = ana.listen(WATCH, case=case)
    first = (await anext(stream))["queue"]
    assert first["items"] == (await ana.ask(QUEUE, case=case))["queue"]
    await waits(ana, sub_cases[1], source="own")
    ana.doors.feed.publish(ana.identity.tenant, "queue", Urn.of("airline", "x"), 1)  # type: ignore[union-attr]
    pushed = (await anext(stream))["queue"]
    assert pushed["snapshot"] is True
    assert pushed["items"] == (await ana.ask(QUEUE, case=case))["queue"] != first["items"]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_another_airline_and_another_airport_see_nothing(ana: Asker, bob: Asker, stranger: Asker) -> None:
    case, _ = await open_case(ana, a_draft())
    for asker in (bob, stranger):
        assert (await asker.ask(QUEUE, case=case)).codes == ["NOT_FOUND"]
