"""The storm, told through the front doors: flights are cancelled, rooms are found, and passengers say yes or no on the phone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from domains.airline.model import ManifestEntry
from domains.notifications.templates import trigger_of
from runtime.faults.callers import data_of
from runtime.faults.twins import Held
from runtime.replay.storm import Storm
from tests.harness.airline import Airline, Airlines, Opened, Row
from tests.harness.running import RunningSite, eventually

FLIGHTS = 2  # both of MQ, from LaGuardia: 22 parties
VOUCHERS = 10

BOARD = (
    "subscription { caseBoard { seq snapshot items { urn version status subCasesTotal needingNight operators counts { status count } } } }"
)
ROWS = "subscription($case: Urn!) { subCases(case: $case) { seq snapshot items { urn version status lock { holderName session } } } }"
TIMELINE = (
    "subscription($subCase: Urn!) { subCaseTimeline(subCase: $subCase) { seq snapshot subCase { status } entries { step state attempt } } }"
)

HOLDERS = "subscription($case: Urn) { lockHolders(case: $case) { seq snapshot items { subCase fence holderName session } } }"
HOLDS = 'subscription { holdCounts(airport: "LGA") { seq snapshot items { urn held confirmed free } } }'
ALERTS = "subscription { alerts { seq snapshot items { urn kind case subCase message } } }"
ACQUIRE = """mutation($subCase: Urn!) { acquireLock(subCase: $subCase) { __typename
    ... on LockAcquired { lock { fence holderName session } } ... on SubCaseLocked { message holderName } ... on NotFound { message } } }"""
RELEASE = """mutation($subCase: Urn!) { releaseLock(subCase: $subCase) { __typename
    ... on LockReleased { lock { holder } } ... on LockLost { message } ... on NotFound { message } } }"""
ISSUE_ONE = """mutation($input: IssueVoucherInput!) { issueVoucher(input: $input) {
    requested { urn status } refused { urn code message } } }"""


@dataclass
class Storm2013:
    """Two flights of the storm, played once, and what came of them."""

    airline: Airline
    cases: Mapping[str, Opened]
    aboard: Mapping[str, ManifestEntry]  # by PNR

    def phone(self, row: Row) -> str | None:
        return self.aboard[row["pnr"]].contact.phone

    @property
    def rows(self) -> list[Row]:
        return [row for case in self.cases.values() for row in case.rows]

    def servable(self) -> list[Row]:
        """Sub-cases that want a room, may get one, and whose lead has a telephone."""
        return [row for row in self.rows if row["needsNight"] and not row["mixedTier"] and row["rooms"] and self.phone(row)]


@pytest.fixture(scope="module")
async def storm(site: RunningSite, airlines: Airlines) -> Storm2013:
    """Played as a user would play it."""
    said = await site.nexa("replay", "--flights", str(FLIGHTS), "--speed", "1000000", "--no-contracts")
    assert f"{FLIGHTS} flights played, 0 of them known already" in said
    aboard = {str(entry.pnr): entry for _, manifest in Storm().manifests(FLIGHTS) for entry in manifest.entries}
    airline = airlines["mq"]
    partner = await airline.partner()
    listed = json.loads((await partner.cases()).body)
    cases = {urn: await airline.provisioned(urn) for urn in (case["urn"] for case in listed["items"])}
    return Storm2013(airline, cases, aboard)


async def test_a_push_opens_a_case_with_a_sub_case_for_every_pnr(storm: Storm2013) -> None:
    assert len(storm.cases) == FLIGHTS
    assert {row["pnr"] for row in storm.rows} == set(storm.aboard)
    for row in storm.rows:
        entry = storm.aboard[row["pnr"]]
        guests = row["guests"]
        assert guests["adults"] + guests["children"] + guests["infants"] == len(entry.travellers)
        assert row["reachable"] == entry.contact.reachable
        assert row["status"] == ("PENDING" if row["needsNight"] else "LOCAL_RESIDENT")


async def test_playing_the_storm_again_changes_nothing(storm: Storm2013, site: RunningSite) -> None:
    partner = await storm.airline.partner()
    before = json.loads((await partner.cases()).body)
    said = await site.nexa("replay", "--flights", str(FLIGHTS), "--speed", "1000000", "--no-contracts")
    assert f"{FLIGHTS} of them known already" in said
    assert json.loads((await partner.cases()).body) == before


async def test_two_operators_see_the_same_board_and_never_work_on_the_same_passenger(storm: Storm2013) -> None:
    supervisor, clerk = await storm.airline.operator("OPS_SUPERVISOR"), await storm.airline.operator()
    row = storm.servable()[-1]
    case = next(urn for urn, opened in storm.cases.items() if row["urn"] in opened.by_urn())
    async with supervisor.socket() as ben, clerk.socket() as ana:
        board, rows, holders = await ana.listen(BOARD), await ana.listen(ROWS, case=case), await ana.listen(HOLDERS, case=case)
        assert {item["urn"] for item in (await board.next())["items"]} >= set(storm.cases)
        assert len((await rows.next())["items"]) == len(storm.cases[case].rows)
        assert (await holders.next())["snapshot"]

        taken = (await ben.ask(ACQUIRE, subCase=row["urn"]))["acquireLock"]
        assert taken["__typename"] == "LockAcquired"
        assert taken["lock"]["session"] == ben.session
        name = taken["lock"]["holderName"]

        def locked(batch: Row) -> bool:
            return any(item["urn"] == row["urn"] and (item["lock"] or {}).get("holderName") == name for item in batch["items"])

        assert await rows.until(locked)
        assert await holders.until(lambda batch: any(item["holderName"] == name for item in batch["items"]))
        assert await board.until(lambda batch: any(name in item["operators"] for item in batch["items"]))

        refused = (await ana.ask(ACQUIRE, subCase=row["urn"]))["acquireLock"]
        assert (refused["__typename"], refused["holderName"]) == ("SubCaseLocked", name)
        target = {"urn": row["urn"], "version": row["version"]}
        issued = (await ana.ask(ISSUE_ONE, input={"subCases": [target], "idempotencyKey": "not-hers"}))["issueVoucher"]
        assert [one["code"] for one in issued["refused"]] == ["SUB_CASE_LOCKED"]
        assert (await ana.ask(RELEASE, subCase=row["urn"]))["releaseLock"]["__typename"] == "LockLost"
        assert (await ben.ask(RELEASE, subCase=row["urn"]))["releaseLock"]["__typename"] == "LockReleased"
        assert await holders.until(lambda batch: any(item["subCase"] == row["urn"] and not item["holderName"] for item in batch["items"]))


async def test_a_lock_ends_with_the_console_that_held_it(storm: Storm2013) -> None:
    operator = await storm.airline.operator()
    row = storm.servable()[-1]
    async with operator.socket() as watching:
        async with operator.socket() as leaving:
            assert (await leaving.ask(ACQUIRE, subCase=row["urn"]))["acquireLock"]["__typename"] == "LockAcquired"

        async def free() -> bool:
            return bool((await watching.ask(ACQUIRE, subCase=row["urn"]))["acquireLock"]["__typename"] == "LockAcquired")

        assert await eventually(free, "the lock of a console that is closed")
        await watching.ask(RELEASE, subCase=row["urn"])


@pytest.fixture(scope="module")
async def vouchered(storm: Storm2013) -> list[Row]:
    """Ten sub-cases of both flights with an offer, as the case shows them now; their timeline was watched."""
    chosen = storm.servable()[:VOUCHERS]
    assert len(chosen) == VOUCHERS
    async with (await storm.airline.operator()).socket() as console:
        timeline = await console.listen(TIMELINE, subCase=chosen[0]["urn"])
        holds = await console.listen(HOLDS)
        assert (await timeline.next())["subCase"]["status"] == "PENDING"
        assert (await holds.next())["snapshot"]
        answer = await storm.airline.issue(chosen, key="the-storm")
        assert (len(answer["requested"]), answer["refused"], answer["replayed"]) == (VOUCHERS, [], False)
        again = await storm.airline.issue(chosen, key="the-storm")
        assert ({row["urn"] for row in again["requested"]}, again["replayed"]) == ({row["urn"] for row in chosen}, True)

        def offered(batch: Row) -> bool:
            return batch["subCase"]["status"] == "OFFER_READY" and "book" in {entry["step"] for entry in batch["entries"]}

        assert await timeline.until(offered)
        assert await holds.until(lambda batch: any(item["confirmed"] for item in batch["items"]))
    wanted = {row["urn"] for row in chosen}
    found = [await storm.airline.ended(case, wanted) for case in storm.cases]
    return [row for opened in found for row in opened.rows if row["urn"] in wanted]


async def test_every_voucher_becomes_an_offer(vouchered: list[Row]) -> None:
    assert [row["status"] for row in vouchered] == ["OFFER_READY"] * VOUCHERS
    for row in vouchered:
        assert row["offer"]["rooms"] == row["rooms"]
        assert row["workflow"]["state"] == "DONE"
        assert {(step["name"], step["attempt"]) for step in row["workflow"]["steps"]} == {
            (name, 1) for name in ("choose", "book", "publish", "notify", "card", "card_message", "transport", "transport_message")
        }


async def test_the_partners_books_agree_exactly(storm: Storm2013, vouchered: list[Row]) -> None:
    held = await storm.airline.held()
    assert set(held.confirmed) == {row["offer"]["confirmation"] for row in vouchered}
    assert len(held.bookings) == VOUCHERS
    assert set(held.cards) == {row["urn"] for row in vouchered}
    for row in vouchered:
        booking = held.confirmed[row["offer"]["confirmation"]]
        assert (booking["rooms"], booking["checkIn"], booking["checkOut"]) == (
            row["rooms"],
            row["offer"]["checkIn"],
            row["offer"]["checkOut"],
        )
        guests, (card,) = row["guests"], held.cards[row["urn"]]
        assert card["status"] == "ACTIVE"
        assert Decimal(card["balance"]) == Decimal(row["offer"]["cardAmount"]["amount"])
        assert Decimal(card["balance"]) == 45 * row["nights"] * sum(guests.values())
        _one_text_for_room_and_card(held, storm.phone(row))
    assert sum(len(texts) for texts in held.texts.values()) == 2 * VOUCHERS


def _one_text_for_room_and_card(held: Held, number: str | None) -> None:
    assert number is not None
    texts = held.texts[number]
    assert sorted(map(str, map(trigger_of, texts))) == ["subcase.offer-ready", "wallet.card-issued"], texts


async def test_a_passenger_accepts_on_the_phone(storm: Storm2013, vouchered: list[Row]) -> None:
    row = vouchered[0]
    number = storm.phone(row)
    assert number is not None
    phone = await storm.airline.passenger(number)
    trip = await phone.trip()
    assert (trip["urn"], trip["status"], trip["mayAnswer"]) == (row["urn"], "OFFER_READY", True)
    offer = trip["offer"]
    assert (offer["hotelName"], offer["confirmation"]) == (row["offer"]["hotelName"], row["offer"]["confirmation"])
    assert offer["hotelAddress"]
    assert offer["qr"].startswith("M")
    assert Decimal(offer["card"]["amount"]["amount"]) == Decimal(row["offer"]["cardAmount"]["amount"])

    answered = await phone.answer("accept", trip["version"])
    assert answered["__typename"] == "AnswerAcknowledged"
    again = await phone.answer("accept", trip["version"])
    assert (again["__typename"], again["intent"]) == ("AnswerAcknowledged", answered["intent"])

    async def resolved() -> dict[str, Any] | None:
        now = await phone.trip()
        return now if now["status"] == "RESOLVED" else None

    after = await eventually(resolved, "the accepted offer on the phone")
    assert after["version"] > trip["version"]
    assert (after["mayAnswer"], after["offer"]["confirmation"]) == (False, offer["confirmation"])
    assert (await _row(storm, row))["status"] == "RESOLVED"
    held = await storm.airline.held()
    assert row["offer"]["confirmation"] in held.confirmed
    assert len(held.active(row["urn"])) == 1


async def test_another_declines_and_everything_is_given_back(storm: Storm2013, vouchered: list[Row]) -> None:
    confirmed = (await storm.airline.held()).confirmed
    row = next(row for row in (vouchered[1], *vouchered[4:]) if confirmed[row["offer"]["confirmation"]].get("traceable", True))
    number = storm.phone(row)
    assert number is not None
    async with (await storm.airline.operator()).socket() as console:
        alerts = await console.listen(ALERTS)
        assert (await alerts.next())["snapshot"]
        phone = await storm.airline.passenger(number)
        trip = await phone.trip()
        assert (await phone.answer("decline", trip["version"]))["__typename"] == "AnswerAcknowledged"
        alert = await alerts.until(lambda batch: next((item for item in batch["items"] if item["subCase"] == row["urn"]), None))
        assert "declined" in alert["message"]

    async def released() -> Held | None:
        held = await storm.airline.held()
        return held if row["offer"]["confirmation"] not in held.confirmed and not held.active(row["urn"]) else None

    held = await eventually(released, "the room and the card to be given back")
    booking = next(one for one in held.bookings if one["reference"] == row["offer"]["confirmation"])
    (card,) = held.cards[row["urn"]]
    assert booking["status"] == "CANCELLED"
    assert card["status"] in ("BLOCKED", "DISABLED")
    assert Decimal(card["balance"]) == 0
    assert len(held.confirmed) == VOUCHERS - 1
    assert (await _row(storm, row))["status"] == "REJECTED_BY_PAX"

    async def told() -> bool:
        trip = await phone.trip()
        return bool(trip["status"] == "REJECTED_BY_PAX" and trip["offer"] is None)

    assert await eventually(told, "the phone to hear of it")


async def test_a_link_signs_in_once(storm: Storm2013, vouchered: list[Row]) -> None:
    number = storm.phone(vouchered[2])
    assert number is not None
    link = await storm.airline.link(number)
    first, second = storm.airline.phone(), storm.airline.phone()
    assert (await first.open(link)).status == 200
    assert (await second.open(link)).status == 410
    assert (await second.trusted("offer")).status == 401


async def test_an_answer_to_what_was_never_offered_is_a_conflict(storm: Storm2013, vouchered: list[Row]) -> None:
    number = storm.phone(vouchered[3])
    assert number is not None
    phone = await storm.airline.passenger(number)
    version = (await phone.trip())["version"]
    for seen in (1, version + 1):
        changed = await phone.answer("accept", seen)
        assert (changed["__typename"], changed["seen"], changed["current"]) == ("OfferChanged", seen, version)
    assert (await _row(storm, vouchered[3]))["status"] == "OFFER_READY"


async def test_what_was_pushed_equals_what_is_fetched(storm: Storm2013, vouchered: list[Row]) -> None:
    async with (await storm.airline.operator()).socket() as console:
        for case in storm.cases:
            pushed = {item["urn"]: item for item in (await (await console.listen(ROWS, case=case)).next())["items"]}
            fetched = (await storm.airline.look(case)).by_urn()
            assert {urn: (item["version"], item["status"]) for urn, item in pushed.items()} == {
                urn: (row["version"], row["status"]) for urn, row in fetched.items()
            }


async def test_the_books_of_the_auditor_are_whole(site: RunningSite, storm: Storm2013, vouchered: list[Row]) -> None:
    async def whole() -> bool:
        try:
            return bool(await site.nexa("audit", "verify"))
        except RuntimeError:
            return False  # entries may still be on their way

    assert await eventually(whole, "the audit to account for everything", 60)


async def _row(storm: Storm2013, row: Row) -> Row:
    found = await (await storm.airline.operator()).said("query($urn: Urn!) { subCase(urn: $urn) { urn status reason } }", urn=row["urn"])
    seen: Row = data_of(found)["subCase"]
    return seen
