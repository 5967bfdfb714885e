"""Booking, wallet and notifications at work: real reactions and operations, a real engine, and the partners' twins in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import text

from adapters.direct.client import Direct
from domains.booking.commands import BookRooms, CancelRide, CancelRooms, DispatchRide, RankHotels
from domains.booking.search import Sources
from domains.cases.model import Guests, PnrDraft
from domains.notifications.commands import NotifyLead
from domains.notifications.events import MessageFound, MessageMissed
from domains.wallet.commands import IssueCard, VoidCard
from jobs.operations.book_rooms import BOOK_ROOMS, ORDER_ROOMS
from jobs.operations.cancel_ride import CANCEL_RIDE
from jobs.operations.cancel_rooms import CANCEL_ROOMS
from jobs.operations.dispatch_ride import DISPATCH_RIDE, QUOTE_RIDES
from jobs.operations.issue_card import ISSUE_CARD
from jobs.operations.search_hotels import SEARCH_HOTELS
from jobs.operations.send_message import SEND_LETTER, SEND_MESSAGE, SEND_NOTE
from jobs.operations.void_card import VOID_CARD
from jobs.own_rooms import ContractedRooms
from jobs.reactions import booking, notifications, wallet
from jobs.registry import Ports
from kernel.database import Databases
from kernel.engine import Engine
from kernel.event import Envelope, encode, name_of, owner_of
from kernel.hold import Holds
from kernel.operation import Operation, Operations
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import event_urn
from tests.builders import a_case, a_draft
from tests.domains.booking.rooms import CHECK_IN, a_wish
from tests.harness.partners import Partners, partners
from tests.harness.saga import an_engine, running

OPERATIONS = (
    SEARCH_HOTELS, BOOK_ROOMS, ORDER_ROOMS, CANCEL_ROOMS, QUOTE_RIDES, DISPATCH_RIDE, CANCEL_RIDE, ISSUE_CARD, VOID_CARD, SEND_MESSAGE,
    SEND_NOTE, SEND_LETTER,
)  # fmt: skip
REACTIONS: Mapping[type, Any] = {
    RankHotels: booking.search_hotels, BookRooms: booking.book_rooms, CancelRooms: booking.cancel_rooms,
    DispatchRide: booking.dispatch_ride, CancelRide: booking.cancel_ride, IssueCard: wallet.issue_card,
    VoidCard: wallet.void_card, NotifyLead: notifications.notify_lead, MessageMissed: notifications.try_next_channel,
    MessageFound: notifications.settle_message,
}  # fmt: skip
SETTLE_SCALE = 0.001  # a partner that settles in two minutes does so in 120 ms


class Links:
    """A new link each time, as in earnest."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def magic_link(self, tenant: Tenant, sub_case: Urn) -> str:
        self.made.append(f"https://{tenant}.example/?token={len(self.made)}")
        return self.made[-1]


@dataclass
class Floor:
    """One sub-case of one airline, its workflow, and everybody who works on it."""

    databases: Databases
    tenant: Tenant
    partners: Partners
    ports: Ports
    links: Links
    engine: Engine
    sub_case: Urn
    workflow: Urn = field(default_factory=lambda: Urn.mint("workflow"))

    async def ask(self, command: Any, attempt: int = 1) -> None:
        """Puts a question as a saga does."""
        step = f"~{name_of(command)}" if isinstance(command, (CancelRide, CancelRooms, VoidCard)) else name_of(command)
        envelope = Envelope(
            urn=event_urn(), tenant=self.tenant, sender="cases", name=name_of(command), version=1, aggregate=self.sub_case, seq=0,
            correlation="c", at=datetime.now(UTC), body=encode(command), reply_to=f"{self.workflow}|{step}|{attempt}",
        )  # fmt: skip
        async with self.databases[owner_of(command)].work(self.tenant) as work:
            await REACTIONS[type(command)](work, command, envelope, self.ports)
        self.engine.wake(self.tenant)

    async def told(self, domain: str, *names: str) -> list[dict[str, Any]]:
        async with self.databases[domain].read(self.tenant) as connection:
            rows = await connection.execute(
                text("""
                    select name, body, reply_to from outbox
                    where tenant = :tenant and aggregate = :sub_case and name = any(:names) order by position
                """),
                {"tenant": self.tenant, "sub_case": self.sub_case, "names": list(names)},
            )
            return [{**row.body, "name": row.name, "reply_to": row.reply_to} for row in rows]

    async def answer(self, domain: str, *names: str, seconds: float = 40.0) -> dict[str, Any]:
        """The first of these that is told. Raises: TimeoutError."""
        return (await self.answers(domain, *names, seconds=seconds))[0]

    async def answers(self, domain: str, *names: str, count: int = 1, seconds: float = 40.0) -> list[dict[str, Any]]:
        """All of these, once there are so many. Raises: TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                told = await self.told(domain, *names)
                if len(told) >= count:
                    return told
                await asyncio.sleep(0.05)

    async def ranking(self, **changes: Any) -> Urn:
        """A ranking of what the sandbox offers."""
        await self.ask(a_wish(sub_case=self.sub_case, **{"adults": 1, **changes}))
        return Urn((await self.answer("booking", "HotelsRanked"))["ranking"])

    async def booked(self, **changes: Any) -> dict[str, Any]:
        await self.ask(BookRooms(self.sub_case, await self.ranking(**changes)))
        return await self.answer("booking", "RoomsBooked", "RoomsRefused")

    async def quiet(self, domain: str, seconds: float = 40.0) -> None:
        """Waits until nothing is to be sent or resolved and everything was verified once. Raises: TimeoutError."""
        statement = text("select count(*) from operation where tenant = :tenant and due <= nexa_now() + interval '20 seconds'")
        async with asyncio.timeout(seconds):
            while True:
                async with self.databases[domain].read(self.tenant) as connection:
                    if not (await connection.execute(statement, {"tenant": self.tenant})).scalar_one():
                        return
                await asyncio.sleep(0.05)

    def bookings(self, status: str = "CONFIRMED") -> list[dict[str, Any]]:
        """What the hotels hold."""
        return [each for each in self.partners.book("hotelbeds")["bookings"] if each["status"] == status]

    def rides(self, *statuses: str) -> list[dict[str, Any]]:
        """What Uber drives or has driven; of all statuses where none is named."""
        return [each for each in self.partners.book("uber")["trips"] if not statuses or each["status"] in statuses]

    def cards(self, status: str = "ACTIVE") -> list[dict[str, Any]]:
        return [each for each in self.partners.book("pomelo")["cards"] if each["status"] == status]

    def texts(self) -> list[str]:
        return [each["body"] for each in self.partners.book("twilio")["messages"]]

    def notes(self) -> list[dict[str, Any]]:
        return list(self.partners.book("whatsapp")["messages"])

    def letters(self) -> list[dict[str, Any]]:
        return list(self.partners.book("sendgrid")["messages"])


@asynccontextmanager
async def a_floor(
    databases: Databases, tenant: Tenant, redis: Redis, draft: PnrDraft | None = None, *, scale: float = SETTLE_SCALE,
    operations: tuple[Operation[Any, Any], ...] = OPERATIONS, sources: tuple[str, ...] = ("hotelbeds",),
) -> AsyncIterator[Floor]:  # fmt: skip
    """A floor with a party of one adult unless `draft` says otherwise, and these sources of hotels; its engine runs."""
    async with databases["cases"].work(tenant) as work:
        _, [sub_case] = await a_case(work, draft or a_draft())
    reached, links = partners(), Links()
    hotels = {"direct": Direct(ContractedRooms(databases)), **reached.registry.hotels}
    ports = Ports(
        databases, holds=Holds(redis), hotels=Sources([hotels[each] for each in sources]),
        rides=reached.registry.rides, cards=reached.registry.default_cards, messages=reached.registry.default_texts,
        mail=reached.registry.default_mail, chat=reached.registry.default_chat, links=links, settle_scale=scale,
    )  # fmt: skip
    engine = an_engine(databases, tenant, operations=Operations(*map(hurried, operations)), ports=ports, scale=scale)
    async with running(engine):
        yield Floor(databases, tenant, reached, ports, links, engine, sub_case)
    await reached.registry.close()


def hurried(operation: Operation[Any, Any]) -> Operation[Any, Any]:
    """The same, with pauses that a test can wait for."""
    quick = replace(operation.backoff, first=timedelta(milliseconds=5), most=timedelta(milliseconds=40))
    return replace(operation, backoff=quick)


def a_family(adults: int = 4, children: int = 2, infants: int = 1) -> PnrDraft:
    """A party that needs several rooms; `tests.builders` names only its lead."""
    lead = a_draft().travellers[0]
    kinds = ["ADULT"] * adults + ["CHILD"] * children + ["INFANT"] * infants
    people = tuple(
        replace(lead, passenger=Urn.of("passenger", f"{lead.passenger.id}-{number}", "b6"), kind=kind) for number, kind in enumerate(kinds)
    )
    return a_draft(guests=Guests(adults, children, infants), rooms=2, travellers=people)


__all__ = ["CHECK_IN", "Floor", "a_family", "a_floor", "hurried"]
