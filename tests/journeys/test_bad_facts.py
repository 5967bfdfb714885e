"""What airlines and operators may get wrong: flights, manifests, parties and vouchers that make no sense. Each is answered by name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from domains.airline.model import Contact, ManifestEntry, Need, Tier, TravellerKind
from runtime.faults.callers import refused
from runtime.faults.flights import a_flight, a_party
from tests.harness.airline import Airline, Airlines, Opened, Row, all_of

REVIEWS: Final = "{ reviews(first: 100) { edges { node { kind summary case subCase } } } }"


@pytest.fixture(scope="module")
def airline(airlines: Airlines) -> Airline:
    return airlines["b1"]


# --- disruptions and manifests ------------------------------------------------------------------------------------------------------


async def test_a_flight_of_another_vendor_is_refused_by_name(airline: Airline) -> None:
    flight = a_flight("b1", [a_party()])
    foreign = flight.push()["flight"].replace(":vendor:custom", ":vendor:sabre")
    reply = await (await airline.partner()).push(flight.push(flight=foreign))
    assert refused(reply, at=(422,)) == "WRONG_VENDOR"
    assert b"sabre" in reply.body
    assert b"custom" in reply.body


WRONG_PUSHES: Final[dict[str, dict[str, Any]]] = {
    "a flight that is a case": {"flight": "urn:case:c-1"},
    "a flight without a day": {"flight": "urn:flight:B6615:vendor:custom"},
    "no URN at all": {"flight": "B6615"},
    "a number for a flight": {"flight": 615},
    "a departure without an offset": {"scheduledDeparture": "2026-02-08T14:00:00"},
    "a departure that is no time": {"scheduledDeparture": "yesterday"},
    "no airport": {"airport": None},
    "an airport that is a list": {"airport": ["JFK"]},
    "an unknown field": {"colour": "red"},
    "an empty event": {"externalEventId": ""},
    "an event without end": {"externalEventId": "x" * 10_000},
    "a zero byte": {"cause": "bliz\u0000zard"},
}


@pytest.mark.parametrize("change", WRONG_PUSHES.values(), ids=WRONG_PUSHES.keys())
async def test_a_push_that_makes_no_sense_opens_nothing(airline: Airline, change: dict[str, Any]) -> None:
    partner = await airline.partner()
    before = json.loads((await partner.cases(first="1")).body)["total"]
    body = {name: value for name, value in a_flight("b1", []).push(**change).items() if value is not None}
    assert refused(await partner.push(body), at=(400, 422)) != "INTERNAL"
    assert json.loads((await partner.cases(first="1")).body)["total"] == before


async def test_a_disruption_pushed_twice_and_at_once_is_one_case(airline: Airline) -> None:
    flight = a_flight("b1", [a_party(), a_party()])
    first = await airline.push(flight)
    partner = await airline.partner()
    again = await all_of(*(partner.push(flight.push()) for _ in range(8)))
    retold = await partner.push(flight.push(externalEventId="told-by-another-system"))
    assert first.status == 202
    assert {(reply.status, reply.headers.get("x-nexa-replayed")) for reply in (*again, retold)} == {(200, "true")}
    urns = {json.loads(reply.body)["urn"] for reply in (first, *again, retold)}
    assert len(urns) == 1
    assert len((await airline.provisioned(urns.pop())).rows) == 2


async def _reviews(airline: Airline, opened: Opened) -> list[Row]:
    said = await (await airline.operator()).ask(REVIEWS)
    return [edge["node"] for edge in said["reviews"]["edges"] if edge["node"]["case"] == opened.case]


async def test_an_empty_manifest_leaves_the_case_to_a_person(airline: Airline) -> None:
    opened = await airline.open(a_flight("b1", []))
    assert (opened.manifest, opened.rows, opened.status) == ("EMPTY", [], "OPEN")
    assert [review["kind"] for review in await _reviews(airline, opened)] == ["DATA_INCOMPLETE"]


async def test_a_flight_its_own_airline_does_not_know_is_left_to_a_person(airline: Airline) -> None:
    reply = await (await airline.partner()).push(a_flight("b1", []).push())
    assert reply.status == 202
    opened = await airline.provisioned(json.loads(reply.body)["urn"])
    assert (opened.manifest, opened.rows) == ("UNREACHABLE", [])
    assert [review["kind"] for review in await _reviews(airline, opened)] == ["DATA_INCOMPLETE"]


def _mixed() -> ManifestEntry:
    party = a_party(2)
    lead, *others = party.travellers
    return replace(party, travellers=(replace(lead, tier=Tier.BUSINESS), *others))


def _alone() -> ManifestEntry:
    party = a_party(1)
    return replace(party, travellers=(replace(party.lead, kind=TravellerKind.CHILD, age=9, needs=frozenset({Need.UMNR})),))


@pytest.fixture(scope="module")
async def odd(airline: Airline) -> dict[str, Row]:
    """Parties that are not as parties should be, on one flight, after a voucher was asked for each."""
    parties = {
        "without contact": a_party(contact=Contact(None, None, "en")),
        "with a number that is none": a_party(contact=Contact("12", "no-mail", "en")),
        "of two tiers": _mixed(),
        "of minors alone": _alone(),
        "that leaves today": a_party(nights=0),
        "that nobody has re-seated": a_party(next_flight=None),
    }
    opened = await airline.open(a_flight("b1", list(parties.values())))
    rows = opened.by_pnr()
    answer = await airline.issue(opened.rows)
    refusals = {one["urn"]: one["code"] for one in answer["refused"]}
    again = await airline.issue((await airline.look(opened.case)).rows)
    assert {one["urn"] for one in again["refused"]} == set(opened.by_urn())
    ended = (await airline.ended(opened.case, opened.by_urn())).by_pnr()
    reviews = await _reviews(airline, opened)
    return {
        name: {
            **ended[str(party.pnr)],
            "refused": refusals.get(rows[str(party.pnr)]["urn"]),
            "reviews": {one["kind"] for one in reviews if one["subCase"] == rows[str(party.pnr)]["urn"]},
        }
        for name, party in parties.items()
    }


@pytest.mark.parametrize("name", ["without contact", "with a number that is none"])
async def test_a_party_that_cannot_be_reached_gets_its_room_and_a_review(odd: dict[str, Row], airline: Airline, name: str) -> None:
    row = odd[name]
    assert (row["reachable"], row["refused"], row["status"]) == (False, None, "OFFER_READY")
    held = await airline.held()
    assert row["offer"]["confirmation"] in held.confirmed
    assert len(held.active(row["urn"])) == 1
    assert row["reviews"] & {"DATA_INCOMPLETE", "PARTIAL_FULFILLMENT"}


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("of two tiers", "MIXED_TIER_PARTY", "PENDING"),
        ("of minors alone", "MINORS_ALONE", "PENDING"),
        ("that leaves today", "NO_NIGHT_NEEDED", "LOCAL_RESIDENT"),
    ],
)
async def test_a_party_that_no_rule_covers_is_refused_by_name(
    odd: dict[str, Row], airline: Airline, name: str, code: str, status: str
) -> None:
    row = odd[name]
    assert (row["refused"], row["status"], row["offer"]) == (code, status, None)
    assert bool(row["reviews"]) is (code != "NO_NIGHT_NEEDED")
    assert row["urn"] not in (await airline.held()).cards


async def test_a_party_without_a_next_flight_gets_one_night(odd: dict[str, Row]) -> None:
    row = odd["that nobody has re-seated"]
    assert (row["nights"], row["status"]) == (1, "OFFER_READY")


# --- vouchers and locks -------------------------------------------------------------------------------------------------------------

ISSUE: Final = """mutation($input: IssueVoucherInput!) { issueVoucher(input: $input) { requested { urn } refused { urn code message } } }"""
ACQUIRE: Final = "mutation($urn: Urn!) { acquireLock(subCase: $urn) { __typename } }"


async def test_vouchers_asked_for_wrongly_are_refused_one_by_one(airline: Airline) -> None:
    opened = await airline.open(a_flight("b1", [a_party(), a_party()]))
    stale, fine = opened.rows
    operator = await airline.operator()
    targets = [
        {"urn": stale["urn"], "version": stale["version"] + 7},
        {"urn": fine["urn"], "version": fine["version"]},
        {"urn": "urn:sub-case:s-0000000000000000", "version": 1},
    ]
    answer = (await operator.ask(ISSUE, input={"subCases": targets, "idempotencyKey": "wrongly"}))["issueVoucher"]
    assert [one["urn"] for one in answer["requested"]] == [fine["urn"]]
    assert {one["urn"]: one["code"] for one in answer["refused"]} == {targets[0]["urn"]: "VERSION_CONFLICT", targets[2]["urn"]: "NOT_FOUND"}
    for wrong in ([], [targets[0]] * 2, [{"urn": f"urn:sub-case:s-{n}", "version": 1} for n in range(501)]):
        reply = await operator.said(ISSUE, input={"subCases": wrong, "idempotencyKey": "nothing"})
        assert refused(reply, at=(200,)) == "BAD_INPUT"
    reused = await operator.said(ISSUE, input={"subCases": targets[:1], "idempotencyKey": "wrongly"})
    assert refused(reused, at=(200,)) == "KEY_REUSED"


async def test_a_fence_that_is_not_the_present_one_is_refused(airline: Airline) -> None:
    opened = await airline.open(a_flight("b1", [a_party()]))
    (row,) = opened.rows
    operator = await airline.operator()
    target = {"urn": row["urn"], "version": row["version"], "fence": 41}
    answer = (await operator.ask(ISSUE, input={"subCases": [target], "idempotencyKey": "fenced"}))["issueVoucher"]
    assert [one["code"] for one in answer["refused"]] == ["LOCK_LOST"]
    assert (await airline.look(opened.case)).rows[0]["status"] == "PENDING"


async def test_a_lock_needs_a_session_to_live_in(airline: Airline) -> None:
    """Over plain HTTP there is none: the lock would be nobody's, and never end."""
    opened = await airline.open(a_flight("b1", [a_party()]))
    (row,) = opened.rows
    reply = await (await airline.operator()).said(ACQUIRE, urn=row["urn"])
    assert refused(reply, at=(200,)) == "NO_SESSION"
    assert (await airline.look(opened.case)).rows[0]["lock"] is None
