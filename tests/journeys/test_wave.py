"""A hub closes for one airline: rooms are demanded for everybody, the plan is looked at, committed and booked, and the books agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import pytest

from domains.airline.model import ManifestEntry, Tier
from runtime.faults.flights import a_flight, a_party
from tests.harness.airline import Airline, Airlines, Opened, Row, all_of
from tests.harness.running import eventually

AIRLINE: Final = "w1"
GROUP: Final = "mutation($subCases: [Urn!]!) { groupSubCases(subCases: $subCases) { ... on Grouped { group { urn } } } }"
REQUEST: Final = """mutation($input: RequestDemandInput!) { requestDemand(input: $input) {
    ... on Demanded { demand { urn version state rooms } } } }"""
DECIDE: Final = "mutation($input: DecideDemandInput!) { decideDemand(input: $input) { ... on Demanded { demand { state } } } }"
DEMAND: Final = """query($urn: Urn!) { demand(urn: $urn) { wave { urn version state rooms cost { amount } bound { amount } market { amount }
    questions { parties answered } groups { urn place fate vulnerable tier subCases houseName rooms
        rankings { candidates { offer { name stars distanceKm nightly { amount } } } } } } } }"""
COMMIT: Final = """mutation($wave: Urn!, $version: Int!) { commitWave(wave: $wave, version: $version) {
    ... on WaveMoved { wave { state } } } }"""


@dataclass
class Closure:
    """Two flights of one airline, and the wave that is planned for them; `together` and `mixed` are pairs of sub-cases."""

    airline: Airline
    cases: Sequence[Opened]
    together: Sequence[str]
    mixed: Sequence[str]
    wave: Row

    async def rows(self) -> dict[str, Row]:
        return {
            urn: row
            for opened in await all_of(*(self.airline.look(each.case) for each in self.cases))
            for urn, row in opened.by_urn().items()
        }

    @property
    def placed(self) -> set[str]:
        return {urn for group in self.wave["groups"] if group["fate"] == "PLACED" for urn in group["subCases"]}


def in_business(entry: ManifestEntry) -> ManifestEntry:
    return replace(entry, travellers=tuple(replace(each, tier=Tier.BUSINESS) for each in entry.travellers))


@pytest.fixture(scope="module")
async def closure(airlines: Airlines) -> Closure:
    """Demanded past a supervisor, and planned."""
    airline = airlines[AIRLINE]
    first = [*(a_party(1 + number % 3, number % 2) for number in range(12)), in_business(a_party())]
    second = [a_party(1 + number % 2) for number in range(18)]
    cases = [await airline.open(a_flight(AIRLINE, parties)) for parties in (first, second)]
    of_pnr = {pnr: row["urn"] for opened in cases for pnr, row in opened.by_pnr().items()}
    urns = [[of_pnr[str(entry.pnr)] for entry in parties] for parties in (first, second)]
    together, mixed = urns[1][:2], [urns[0][0], urns[0][-1]]
    ben = await airline.operator("OPS_SUPERVISOR")
    for pair in (together, mixed):
        assert (await ben.ask(GROUP, subCases=pair))["groupSubCases"]["group"]
    asked = {"cases": [each.case for each in cases], "subCases": [], "idempotencyKey": "closure"}
    demand = (await ben.ask(REQUEST, input=asked))["requestDemand"]["demand"]
    if demand["state"] == "AWAITING":
        word = {"demand": demand["urn"], "version": demand["version"], "approve": True, "reason": "the hub is closed"}
        assert (await ben.ask(DECIDE, input=word))["decideDemand"]["demand"]["state"] == "APPROVED"

    async def planned() -> Row | None:
        wave: Row | None = (await ben.ask(DEMAND, urn=demand["urn"]))["demand"]["wave"]
        return wave if wave and wave["state"] == "DRAFT" else None

    return Closure(airline, cases, together, mixed, await eventually(planned, "the plan of the wave"))


async def test_a_plan_is_there_to_be_looked_at_and_nothing_is_booked(closure: Closure) -> None:
    wave = closure.wave
    cost, bound, market = (Decimal(wave[name]["amount"]) for name in ("cost", "bound", "market"))
    assert 0 < bound <= cost < market
    assert sum(question["parties"] for question in wave["questions"]) == 31
    assert len(wave["questions"]) < 12  # parties of one shape ask one question
    fates = {tuple(sorted(group["subCases"])): group["fate"] for group in wave["groups"]}
    assert [urns for urns, fate in fates.items() if fate != "PLACED"] == [tuple(sorted(closure.mixed))]
    assert fates[tuple(sorted(closure.together))] == "PLACED"
    vulnerable = [group["vulnerable"] for group in wave["groups"]]
    assert vulnerable == sorted(vulnerable, reverse=True)
    for group in wave["groups"]:
        for ranking in group["rankings"]:
            for offer in (each["offer"] for each in ranking["candidates"]):
                assert (offer["stars"] >= 3, float(offer["distanceKm"]) <= 25, Decimal(offer["nightly"]["amount"]) <= 350) == (
                    True,
                    True,
                    True,
                )
    assert {row["status"] for row in (await closure.rows()).values()} == {"PENDING"}
    assert (await closure.airline.held()).bookings == []


async def test_what_is_committed_is_booked_as_planned(closure: Closure) -> None:
    ben = await closure.airline.operator("OPS_SUPERVISOR")
    told = await ben.ask(COMMIT, wave=closure.wave["urn"], version=closure.wave["version"])
    assert told["commitWave"]["wave"]["state"] == "COMMITTED"

    async def booked() -> dict[str, Row] | None:
        rows = await closure.rows()
        return rows if all(rows[urn]["status"] not in ("PENDING", "PROCESSING") for urn in closure.placed) else None

    rows = await eventually(booked, "every party of the wave", 120)
    assert {rows[urn]["status"] for urn in closure.placed} == {"OFFER_READY"}
    assert {rows[urn]["status"] for urn in closure.mixed} == {"PENDING"}
    assert len({rows[urn]["offer"]["hotelName"] for urn in closure.together}) == 1
    held = await closure.airline.held()
    assert set(held.confirmed) == {rows[urn]["offer"]["confirmation"] for urn in closure.placed}
    assert len(held.bookings) == len(closure.placed)  # every PNR once


async def test_what_could_not_be_placed_waits_for_a_person(closure: Closure) -> None:
    async def reviewed() -> bool:
        found = await closure.airline.look(closure.cases[0].case)
        return {item["subCase"] for item in found.reviews if item["kind"] == "MIXED_TIER_GROUP"} == set(closure.mixed)

    assert await eventually(reviewed, "the reviews of the mixed group")
