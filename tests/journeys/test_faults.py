"""Work goes on while a store is wiped at the worst instant: nothing acknowledged is lost, locks and open screens live on.

Afterwards the partners' books are asked what they really hold, and held against what the operators are shown. Everything else that can
break is drawn by chance in `test_fault_run.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pytest

from domains.airline.model import ManifestEntry
from domains.notifications.templates import trigger_of
from runtime.faults.callers import PassengerCaller
from runtime.faults.flights import a_flight, a_party
from runtime.faults.twins import Held, Twins
from tests.harness.airline import Airline, Airlines, Opened, Row, all_of
from tests.harness.running import RunningSite, eventually

AIRLINE: Final = "f1"
FEW: Final = 6
HOLDS: Final = '{ holdCounts(airport: "JFK") { confirmed } }'
ACQUIRE: Final = """mutation($urn: Urn!) { acquireLock(subCase: $urn) { __typename
    ... on LockAcquired { lock { session } } ... on SubCaseLocked { holderName } } }"""
ROWS: Final = "subscription($case: Urn!) { subCases(case: $case) { seq snapshot items { urn version status } } }"
ENDED: Final = ("OFFER_READY", "RESOLVED", "REJECTED_BY_PAX", "MANUAL_REVIEW", "PENDING")


@dataclass
class Surge:
    """Parties of one flight, all of whose vouchers are issued at once."""

    airline: Airline
    opened: Opened
    parties: Mapping[str, ManifestEntry]  # by sub-case

    @property
    def names(self) -> set[str]:
        """Every party has a family name of its own, by which a room finds it even when nobody else remembers it."""
        return {party.lead.family_name for party in self.parties.values()}

    def phone(self, urn: str) -> str:
        return self.parties[urn].contact.phone or ""

    @classmethod
    async def of(cls, airline: Airline, count: int) -> Surge:
        parties = [a_party(1 + number % 3, number % 2) for number in range(count)]
        opened = await airline.open(a_flight(airline.tenant, parties))
        rows = opened.by_pnr()
        return cls(airline, opened, {rows[str(party.pnr)]["urn"]: party for party in parties})

    async def held(self) -> Held:
        """What the partners hold for these parties, whoever knows of it."""
        held = await self.airline.held()
        bookings = [booking for booking in held.bookings if booking["holder"]["surname"] in self.names]
        cards = {case: [card for card in some if card["user"]["surname"] in self.names] for case, some in held.cards.items()}
        return Held(bookings, cards, held.texts)

    async def issue(self) -> None:
        answer = await self.airline.issue(self.opened.rows)
        assert not answer["refused"]

    async def offered(self, count: int) -> list[Row]:
        """The rows with an offer, as soon as there are so many."""

        async def enough() -> list[Row] | None:
            rows = [row for row in (await self.airline.look(self.opened.case)).rows if row["status"] == "OFFER_READY"]
            return rows if len(rows) >= count else None

        return await eventually(enough, f"{count} offers")

    async def moving(self) -> None:
        """Until some sagas have come somewhere, and none is likely to be through."""

        async def some() -> bool:
            return len((await self.held()).bookings) >= max(1, len(self.parties) // 5)

        await eventually(some, "the first bookings")

    async def end(self, twins: Twins) -> list[Row]:
        """The rows after every saga has ended and nothing is to come any more."""
        opened = await self.airline.ended(self.opened.case, self.parties)
        await twins.settle()
        return list(opened.rows)

    async def hold_to_account(self, rows: Sequence[Row]) -> None:
        """What the partners hold is what the operators are shown: no duplicate, no orphan but what a person was told of."""
        held = await self.held()
        assert {row["status"] for row in rows} <= set(ENDED), Counter(row["status"] for row in rows)
        assert {row["workflow"]["state"] for row in rows} <= {"DONE", "COMPENSATED", "REVIEW"}
        offers = {row["offer"]["confirmation"]: row for row in rows if row["offer"]}
        assert set(offers) <= set(held.confirmed)
        told = {review["subCase"] for review in (await self.airline.look(self.opened.case)).reviews}
        by_family = {party.lead.family_name: urn for urn, party in self.parties.items()}
        for stray in set(held.confirmed) - set(offers):
            booking = held.confirmed[stray]
            assert not booking.get("traceable", True), f"{stray} is nobody's, and could have been cancelled"
            assert by_family[booking["holder"]["surname"]] in told, f"{stray} is nobody's, and nobody was told"
        for confirmation, row in offers.items():
            assert held.confirmed[confirmation]["rooms"] == row["rooms"]
        assert not [card for case, cards in held.cards.items() for card in cards if case not in self.parties and card["status"] == "ACTIVE"]
        for row in rows:
            active = held.active(row["urn"])
            assert len(active) <= 1, row["urn"]
            assert bool(active) == bool(row["offer"] and row["offer"]["card"]), row["urn"]
            if active:
                assert Decimal(active[0]["balance"]) == Decimal(row["offer"]["cardAmount"]["amount"])
            texts = held.texts.get(self.phone(row["urn"]), [])
            assert max(Counter(map(trigger_of, texts)).values(), default=0) <= 1, texts
        await self._count_rooms()

    async def _count_rooms(self) -> None:
        """The board's figures of confirmed rooms are those of the hotels, night by night, but for what nobody can look up."""
        held = await self.airline.held()
        if any(not booking.get("traceable", True) for booking in held.bookings):
            return
        bookings = held.confirmed.values()
        nights = (date.fromisoformat(one["checkOut"]) - date.fromisoformat(one["checkIn"]) for one in bookings)
        taken = sum(one["rooms"] * stay.days for one, stay in zip(bookings, nights, strict=True))

        async def agree() -> bool:
            counts = (await (await self.airline.operator()).ask(HOLDS))["holdCounts"]
            return bool(sum(count["confirmed"] for count in counts) == taken)

        await eventually(agree, f"{taken} confirmed rooms on the board")


@pytest.fixture(autouse=True)
async def _mended(twins: Twins) -> AsyncIterator[None]:
    """A fault ends with its story."""
    yield
    await twins.clear()


async def _accept(surge: Surge, rows: Sequence[Row]) -> dict[str, Row]:
    """Each passenger accepts, insisting as the page does; those whose answer was acknowledged, by sub-case."""
    acknowledged: dict[str, Row] = {}

    async def insist(row: Row) -> None:
        phone = await _signed_in(surge, row)
        answer = await eventually(lambda: _answered(phone), "an acknowledgement")
        assert answer["__typename"] == "AnswerAcknowledged", answer
        acknowledged[row["urn"]] = answer

    await all_of(*map(insist, rows))
    return acknowledged


async def _signed_in(surge: Surge, row: Row) -> PassengerCaller:
    async def opened() -> PassengerCaller | None:
        phone = surge.airline.phone()
        reply = await phone.open(await surge.airline.link(surge.phone(row["urn"])))
        return phone if reply.ok else None

    return await eventually(opened, "a session")


async def _answered(phone: PassengerCaller) -> dict[str, Any] | None:
    """None for *not now*: a trip that is being put together again, or a store that is away."""
    try:
        return await phone.answer("accept", (await phone.trip())["version"])
    except AssertionError:
        return None


async def _resolved(surge: Surge, urns: Sequence[str]) -> None:
    async def all_resolved() -> bool:
        rows = (await surge.airline.look(surge.opened.case)).by_urn()
        return all(rows[urn]["status"] == "RESOLVED" for urn in urns)

    await eventually(all_resolved, "every acknowledged accept to be carried out")


@pytest.mark.parametrize("valkey", ["snapshots", "coordination", "queue"])
async def test_a_wiped_store_loses_nothing(airlines: Airlines, site: RunningSite, twins: Twins, valkey: str) -> None:
    surge = await Surge.of(airlines[AIRLINE], FEW)
    await twins.order("hotelbeds", "book", "delay", seconds=0.3)
    await surge.issue()
    await surge.moving()
    for _ in range(3):
        await (site.flush_under_way(AIRLINE) if valkey == "coordination" else site.flush(valkey))
    offers = await surge.offered(3)
    if valkey == "snapshots":
        await site.nexa("snapshots", "rebuild")
    accepting = asyncio.create_task(_accept(surge, offers[:2]))
    acknowledged = await accepting
    await site.flush(valkey)
    await _resolved(surge, list(acknowledged))
    rows = await surge.end(twins)
    assert len([row for row in rows if row["offer"]]) == FEW
    await surge.hold_to_account(rows)
    if valkey == "snapshots":
        await site.nexa("snapshots", "rebuild")
        await eventually(lambda: _trip_of(surge, offers[2]), "a trip that was put together again")


async def test_locks_and_open_screens_outlive_a_wipe(airlines: Airlines, site: RunningSite) -> None:
    surge = await Surge.of(airlines[AIRLINE], 3)
    held, *others = surge.opened.rows
    ben, ana = await surge.airline.operator("OPS_SUPERVISOR"), await surge.airline.operator()
    async with ben.socket() as holding, ana.socket() as watching:
        assert (await holding.ask(ACQUIRE, urn=held["urn"]))["acquireLock"]["__typename"] == "LockAcquired"
        screen = await watching.listen(ROWS, case=surge.opened.case)
        before = await screen.next()
        await site.flush("coordination")
        answer = await surge.airline.issue(others)
        assert not answer["refused"]
        wanted, seen = {row["urn"] for row in others}, dict[str, str]()

        def offered(batch: Row) -> bool:
            seen.update({item["urn"]: item["status"] for item in batch["items"]})
            return all(seen.get(urn) == "OFFER_READY" for urn in wanted)

        assert await screen.until(offered)
        assert before["snapshot"]
        await surge.airline.ended(surge.opened.case, wanted)
        row = (await surge.airline.look(surge.opened.case)).by_urn()[held["urn"]]
        assert row["lock"]["session"] == holding.session
        assert (await watching.ask(ACQUIRE, urn=held["urn"]))["acquireLock"]["__typename"] == "SubCaseLocked"


async def _trip_of(surge: Surge, row: Row) -> bool:
    phone = await _signed_in(surge, row)
    return bool((await phone.trip())["urn"] == row["urn"])


async def test_the_audit_is_whole_and_all_is_well_after_all_of_this(airlines: Airlines, site: RunningSite) -> None:
    async def whole() -> bool:
        try:
            return bool(await site.nexa("audit", "verify"))
        except RuntimeError:
            return False  # entries may still be on their way

    assert await eventually(whole, "the audit to account for everything")
    assert (await site.status())["healthy"]
    assert '"level": "error"' not in site.log("worker")
