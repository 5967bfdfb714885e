"""What a supervisor tells of a flight afterwards, through the graph."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kernel.identity import Role
from kernel.urn import Urn
from tests.builders import DEPARTS, PSS, a_draft
from tests.resolvers.conftest import Asker, open_case

REINSTATE = """mutation ($input: ReinstateFlightInput!) { reinstateFlight(input: $input) {
    __typename ... on FlightReinstated { cancelled case { urn } } } }"""
RESEAT = """mutation ($input: ChangeNextFlightInput!) { changeNextFlight(input: $input) {
    __typename ... on NextFlightChanged { subCase { urn status nights nextFlight { flightNumber } } } } }"""


async def facts(asker: Asker, case: Urn, sub_case: Urn) -> dict[str, Any]:
    document = "query ($urn: Urn!, $case: Urn!) { subCase(urn: $urn) { pnr status } case(urn: $case) { flight } }"
    return await asker.ask(document, urn=sub_case, case=case)


async def test_a_flight_is_reinstated_by_a_supervisor_with_a_reason(ana: Asker, stranger: Asker) -> None:
    case, (one, other) = await open_case(ana, a_draft(), a_draft())
    wish = {"case": case, "reason": "The storm has passed"}
    assert (await ana.who(role=Role.AIRPORT_OPERATOR).ask(REINSTATE, input=wish)).codes == ["FORBIDDEN"]
    assert (await ana.ask(REINSTATE, input={**wish, "reason": " "})).codes == ["BAD_INPUT"]
    assert (await stranger.ask(REINSTATE, input=wish))["reinstateFlight"]["__typename"] == "NotFound"
    told = (await ana.ask(REINSTATE, input=wish))["reinstateFlight"]
    assert (sorted(told["cancelled"]), told["case"]["urn"]) == (sorted([one, other]), case)
    assert (await facts(ana, case, one))["subCase"]["status"] == "CANCELLED"


async def test_another_next_flight_changes_the_nights(ana: Asker) -> None:
    case, (one,) = await open_case(ana, a_draft())
    known = await facts(ana, case, one)
    departs = (DEPARTS + timedelta(hours=44)).isoformat()
    onward = {"nextFlight": Urn.of("flight", "B6999@20260210", PSS), "departs": departs, "origin": "JFK", "destination": "BOS"}
    wish = {"flight": known["case"]["flight"], "pnr": known["subCase"]["pnr"], **onward}
    told = (await ana.ask(RESEAT, input=wish))["changeNextFlight"]["subCase"]
    assert told == {"urn": one, "status": "PENDING", "nights": 2, "nextFlight": {"flightNumber": "B6999"}}
    assert (await ana.ask(RESEAT, input={**wish, "pnr": "urn:pnr:NOBODY"}))["changeNextFlight"]["__typename"] == "NotFound"
