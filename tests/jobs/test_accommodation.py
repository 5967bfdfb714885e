"""The whole way of a voucher through one worker: bus, engine, domains and partners, in this process; and the same with everything breaking.

The partners' books are the witness: what they hold must be exactly what the sub-cases show.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from domains.cases import actions, queries
from domains.cases.commands import AcceptOffer, DeclineOffer, IssueVoucher, ReinstateFlight
from domains.cases.model import PnrDraft, SubCase, SubCaseStatus
from domains.policies.actions import adopt_default
from kernel.database import Databases
from kernel.sandbox.faults import FaultKind
from kernel.secret import Secret
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from runtime.faults.twins import Page, an_order
from runtime.settings import DATABASES, Environment, Settings
from runtime.worker import Worker
from tests.builders import a_case, a_draft
from tests.harness.partners import Partners, partners

SETTLE_SCALE = 0.004  # two minutes are half a second

TOMORROW = datetime.now(UTC) + timedelta(days=1)  # nobody sells rooms for nights gone by


def _stranded() -> PnrDraft:
    """A party that flies a night after its cancelled flight."""
    draft = a_draft()
    assert draft.next_flight is not None
    return replace(draft, next_flight=replace(draft.next_flight, departs=TOMORROW + timedelta(hours=24)))


@dataclass
class Storm:
    """One airline, its vouchers, and workers that come and go."""

    databases: Databases
    tenant: Tenant
    settings: Settings
    partners: Partners
    sub_cases: list[Urn] = field(default_factory=list)
    lives: int = 0

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        """A worker; when the block ends it is killed: whatever it does stops there."""
        self.lives += 1
        worker = Worker(self.settings, name=f"{self.tenant}-{self.lives}", adapters=self.partners.registry)
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            await _kill({running, *worker._tasks})
            await worker.shop.databases.close()

    async def issue(self, count: int) -> None:
        async with self.databases["cases"].work(self.tenant) as work:
            _, self.sub_cases = await a_case(work, *(_stranded() for _ in range(count)), departs=TOMORROW)
            found = await queries.sub_cases_by_urn(work.connection, self.tenant, self.sub_cases)
            done = await actions.issue_vouchers(work, [IssueVoucher(urn, found[urn].version) for urn in self.sub_cases])
            assert (len(done.requested), done.refused) == (count, ())

    async def now(self) -> list[SubCase]:
        async with self.databases["cases"].read(self.tenant) as connection:
            return list((await queries.sub_cases_by_urn(connection, self.tenant, self.sub_cases)).values())

    async def workflows(self) -> list[str]:
        async with self.databases["cases"].read(self.tenant) as connection:
            rows = await connection.execute(text("select state from workflow where tenant = :tenant"), {"tenant": self.tenant})
            return list(rows.scalars())

    async def failures(self) -> list[str]:
        async with self.databases["cases"].read(self.tenant) as connection:
            rows = await connection.execute(text("select failure from workflow where tenant = :tenant"), {"tenant": self.tenant})
            return [str(row) for row in rows.scalars()]

    async def in_review(self, domain: str) -> int:
        """How many calls to partners nobody can make out."""
        async with self.databases[domain].read(self.tenant) as connection:
            statement = text("select count(*) from operation where tenant = :tenant and state = 'REVIEW'")
            return int((await connection.execute(statement, {"tenant": self.tenant})).scalar_one())

    def only(self, vendor: str) -> None:
        """Rooms come from this source alone."""
        registry = self.partners.registry
        self.partners = replace(self.partners, registry=replace(registry, hotels={vendor: registry.hotels[vendor]}))

    async def until_quiet(self, workflows: int = 0, seconds: float = 120.0) -> None:
        """Until every workflow has ended, as many as there are sub-cases unless said. Raises: TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                states = await self.workflows()
                if len(states) >= (workflows or len(self.sub_cases)) and not {"RUNNING", "COMPENSATING"} & set(states):
                    return
                await asyncio.sleep(0.1)

    def bookings(self) -> list[Page]:
        """Of all sources."""
        held = [*self.partners.book("hotelbeds")["bookings"], *map(an_order, self.partners.book("amadeus")["orders"])]
        return [each for each in held if each["status"] == "CONFIRMED"]

    def cards(self) -> list[dict[str, Any]]:
        return [each for each in self.partners.book("pomelo")["cards"] if each["status"] == "ACTIVE"]

    def texts(self) -> list[dict[str, Any]]:
        return list(self.partners.book("twilio")["messages"])


@pytest.fixture
async def storm(
    databases: Databases, tenant: Tenant, role_urls: dict[str, str], valkey_urls: ValkeyUrls, tmp_path: Path
) -> AsyncIterator[Storm]:
    settings = Settings(
        environment=Environment.TEST, home=tmp_path, tenants=(tenant,),
        database_urls={name: Secret(role_urls[name]) for name in DATABASES}, relay_url=Secret(role_urls["relay"]),
        dispatch_url=Secret(role_urls["dispatch"]), snapshot_url=Secret(valkey_urls.snapshots),
        coordination_url=Secret(valkey_urls.coordination), queue_url=Secret(valkey_urls.queue),
        link_key=Secret(base64.b64encode(b"k" * 32).decode()), settle_scale=SETTLE_SCALE,
    )  # fmt: skip
    async with databases["policies"].work(tenant) as work:
        await adopt_default(work)
    made = Storm(databases, tenant, settings, partners())
    yield made
    await made.partners.registry.close()


async def test_every_voucher_ends_with_a_room_a_card_and_two_texts(storm: Storm) -> None:
    await storm.issue(6)
    async with storm.worker():
        await storm.until_quiet()
    assert set(await storm.workflows()) == {"DONE"}, await storm.failures()
    _agree(await storm.now(), storm)
    assert len(storm.texts()) == 12


async def test_a_declined_offer_is_given_back(storm: Storm) -> None:
    storm.only("hotelbeds")
    await _decline(storm)
    assert (storm.bookings(), storm.cards()) == ([], [])


async def test_a_declined_order_that_nothing_takes_back_is_a_persons_with_its_references(storm: Storm) -> None:
    storm.only("amadeus")
    confirmation = await _decline(storm)
    assert ([each["reference"] for each in storm.bookings()], storm.cards()) == ([confirmation], [])
    async with storm.databases["cases"].read(storm.tenant) as connection:
        found = (await queries.reviews(connection, storm.tenant)).items
    (review,) = [item for item in found if item.sub_case is not None]
    assert (review.evidence["vendor"], review.evidence["partner_reference"]) == ("amadeus", confirmation)


async def _decline(storm: Storm) -> str:
    """One party gets a room and declines it; what its booking was called."""
    await storm.issue(1)
    async with storm.worker():
        await storm.until_quiet()
        [sub_case] = await storm.now()
        assert sub_case.offer is not None
        async with storm.databases["cases"].work(storm.tenant) as work:
            await actions.decline_offer(work, DeclineOffer(sub_case.urn, sub_case.snapshot_version, "no, thanks"))
        await storm.until_quiet(workflows=2)
    [declined] = await storm.now()
    assert (declined.status, declined.offer) == (SubCaseStatus.REJECTED_BY_PAX, None)
    return sub_case.offer.confirmation


async def test_a_flight_that_goes_after_all_gives_back_what_was_accepted(storm: Storm) -> None:
    storm.only("hotelbeds")
    await storm.issue(2)
    async with storm.worker():
        await storm.until_quiet()
        first, _ = await storm.now()
        async with storm.databases["cases"].work(storm.tenant) as work:
            await actions.accept_offer(work, AcceptOffer(first.urn, first.snapshot_version, "yes, please"))
        async with storm.databases["cases"].work(storm.tenant) as work:
            assert len(await actions.reinstate_flight(work, ReinstateFlight(first.case, "The storm has passed"))) == 2
        await storm.until_quiet(workflows=4)
    assert [(each.status, each.offer) for each in await storm.now()] == [(SubCaseStatus.CANCELLED, None)] * 2
    assert (storm.bookings(), storm.cards()) == ([], [])


async def test_nothing_is_doubled_or_orphaned_when_workers_die_and_partners_fail(storm: Storm) -> None:
    """Four workers die one after the other while a third of all bookings and texts, and many a card, goes wrong."""
    faults = (FaultKind.LOST_ANSWER, FaultKind.LOST_REQUEST, FaultKind.ERROR_EXECUTED, FaultKind.THROTTLE_BARE)
    for partner, operation in (("hotelbeds", "book"), ("amadeus", "order"), ("pomelo", "*"), ("twilio", "create")):
        for seed, kind in enumerate(faults):
            odds = 0.03 if partner == "pomelo" else 0.08  # a card is a handful of calls
            storm.partners.order(partner, kind, operation, probability=odds, count=10, seed=seed)
    await storm.issue(10)
    for _ in range(4):
        async with storm.worker():
            await asyncio.sleep(0.8)
    async with storm.worker():
        await storm.until_quiet()
    assert set(await storm.workflows()) <= {"DONE", "COMPENSATED"}
    _agree(await storm.now(), storm, await storm.in_review("wallet"), await storm.in_review("booking"))


async def _kill(tasks: set[asyncio.Task[None]]) -> None:
    """Until they are dead: a client of a server that is just connecting may take a cancellation for a lost connection."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=0.5)


def _agree(sub_cases: list[SubCase], storm: Storm, unknown_cards: int = 0, unknown_orders: int = 0) -> None:
    """What is shown is what is held: one room each, one card at most; of so many a review says that nobody can tell."""
    shown = [each.offer for each in sub_cases if each.offer is not None]
    assert {each.status for each in sub_cases} <= {SubCaseStatus.OFFER_READY, SubCaseStatus.MANUAL_REVIEW}
    held = {each["reference"]: each for each in storm.bookings()}
    confirmed = {each.confirmation for each in shown}
    assert len(confirmed) == len(shown)
    assert confirmed <= set(held)
    assert all(not held[each].get("traceable", True) for each in set(held) - confirmed)
    assert len(held) - len(confirmed) <= unknown_orders
    assert 0 <= len(storm.cards()) - sum(each.card is not None for each in shown) <= unknown_cards
    bodies = [(each["to"], each["body"]) for each in storm.texts()]
    assert len(bodies) == len(set(bodies))
