"""Own contracts through the operators' contract: made, changed and looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.domains.booking.rooms import CHECK_IN
from tests.resolvers.conftest import Answer, Asker

CREATE = """mutation Create($input: CreateContractInput!) { createContract(input: $input) { contract { urn version hotelName tiers } } }"""
EDIT = """mutation Edit($input: EditContractNightsInput!) {
  editContractNights(input: $input) {
    __typename ... on ContractChanged { contract { version } } ... on VersionConflict { expected actual }
  }
}"""
SEE = """query See($airport: String, $first: Date!, $last: Date!) {
  contracts(airport: $airport) {
    urn rooms { code nightly { amount currency } }
    nights(first: $first, last: $last) { night capacity blocked stopped held confirmed free nearestExpiry }
  }
}"""


def a_promise(**changes: Any) -> dict[str, Any]:
    rooms = {"code": "DBL", "name": "Double", "sleeps": 2, "board": "BB", "nightly": "80.00", "currency": "USD", "rooms": 12}
    made = {
        "hotelName": "Bay Inn", "stars": 4, "address": "1 Quay Street", "latitude": 40.66, "longitude": -73.78, "airports": ["JFK"],
        "tiers": [], "first": CHECK_IN.isoformat(), "last": (CHECK_IN + timedelta(days=3)).isoformat(), "rooms": [rooms],
        "amenities": ["wifi"], "reason": "the season's agreement", "idempotencyKey": "k1",
    }  # fmt: skip
    return made | changes


async def create(asker: Asker, **changes: Any) -> Answer:
    return await asker.ask(CREATE, input=a_promise(**changes))


async def see(asker: Asker, airport: str | None = None) -> list[dict[str, Any]]:
    days = {"first": CHECK_IN.isoformat(), "last": CHECK_IN.isoformat()}
    return (await asker.ask(SEE, airport=airport, **days))["contracts"]  # type: ignore[no-any-return]


async def test_a_supervisor_makes_a_contract_once(ana: Asker) -> None:
    made = (await create(ana))["createContract"]["contract"]
    assert (made["hotelName"], made["version"], made["tiers"]) == ("Bay Inn", 1, [])
    assert (await create(ana))["createContract"]["contract"] == made
    assert (await create(ana, stars=3)).codes == ["BAD_INPUT"]
    [seen] = await see(ana, "JFK")
    assert seen["urn"] == made["urn"]
    assert seen["rooms"] == [{"code": "DBL", "nightly": {"amount": "80.00", "currency": "USD"}}]
    assert await see(ana, "EWR") == []


async def test_caps_blocks_and_stops_change_at_once(ana: Asker) -> None:
    contract = (await create(ana))["createContract"]["contract"]
    night = {"contract": contract["urn"], "version": 1, "roomType": "DBL", "first": CHECK_IN.isoformat(), "last": CHECK_IN.isoformat()}
    changed = await ana.ask(EDIT, input={**night, "reason": "a burst pipe", "capacity": 10, "blocked": 4})
    assert changed["editContractNights"] == {"__typename": "ContractChanged", "contract": {"version": 2}}
    [seen] = await see(ana)
    [tonight] = seen["nights"]
    assert tonight == {
        "night": CHECK_IN.isoformat(), "capacity": 10, "blocked": 4, "stopped": False, "held": 0, "confirmed": 0, "free": 6,
        "nearestExpiry": None,
    }  # fmt: skip
    again = await ana.ask(EDIT, input={**night, "reason": "closed", "stopped": True})
    assert again["editContractNights"] == {"__typename": "VersionConflict", "expected": 1, "actual": 2}


async def test_who_may_not_see_or_change_a_contract_does_not(ana: Asker, bob: Asker, stranger: Asker) -> None:
    await create(ana)
    assert await see(bob) == []
    assert await see(stranger) == []
    assert (await create(bob)).codes == ["FORBIDDEN"]
