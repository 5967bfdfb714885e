"""Everybody who uses the site while it is struck: airlines' systems, operators, passengers. They insist, as people and machines do.

Each remembers what was acknowledged to it: those intents must end, whatever happened since. What a door did not take is asked again, and
some is said twice although it was taken. Every name carries its airline's mark, by which it would be known where it does not belong.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from domains.airline.model import ManifestEntry
from domains.notifications.templates import trigger_of
from gateway.signin.people import BY_ROLE
from kernel import clock
from kernel.http import Http, Reply, TransportError, form_request
from kernel.identity import Role
from runtime.faults.callers import OperatorCaller, PartnerCaller, PassengerCaller, UnexpectedError, expect
from runtime.faults.flights import Flight, a_flight, a_party
from runtime.faults.stage import Stage
from runtime.faults.twins import Twins

TENANTS: Final = ("fa", "fb", "fc")
MARKS: Final[Mapping[str, str]] = {tenant: f"Zq{tenant}mark" for tenant in TENANTS}
AIRPORTS: Final = ("JFK", "EWR")
ABOARD: Final = 20  # parties of one flight
AT_ONCE: Final = 3  # sub-cases in one request for vouchers
ACCEPT, DECLINE = 0.35, 0.25  # the rest says nothing
TWICE: Final = 0.3  # of the answers are given a second time
SERVED: Final = 120.0  # seconds; whoever insists longer is not served at all
PAUSE: Final = 0.4  # seconds between two tries
LETTERS: Final = 1.0  # seconds between two looks at what was texted
ROLE: Final = Role.OPS_SUPERVISOR
LINK: Final = re.compile(r"https?://\S+/\?token=\S+")

ROWS: Final = """query Rows($case: Urn!) { case(urn: $case) { manifestState
    subCases(first: 100) { edges { node { urn pnr version } } } } }"""
ISSUE: Final = """mutation Issue($input: IssueVoucherInput!) {
    issueVoucher(input: $input) { requested { urn } refused { urn code message } } }"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What somebody was told is taken: a voucher, an accept or a decline. `intent` is the answer's own name."""

    kind: str
    tenant: str
    sub_case: str
    intent: str = ""


@dataclass(frozen=True, slots=True)
class Guest:
    """One party as it is known outside: by the family name of its lead, and a telephone number."""

    tenant: str
    family: str
    phone: str
    answer: str | None  # accept, decline, or nothing


class Letters:
    """What was texted to whom: one look at the partner's book serves everybody who waits."""

    def __init__(self, twins: Twins) -> None:
        self._twins = twins
        self._links: dict[str, str] = {}

    async def watch(self) -> None:
        """Looks again and again, for ever."""
        while True:
            with suppress(TransportError, UnexpectedError, ValueError):
                for message in (await self._twins.say("GET", "/twilio/book"))["messages"]:
                    found = LINK.search(message["body"])
                    if found and trigger_of(message["body"]) == "subcase.offer-ready":
                        self._links.setdefault(message["to"], found[0])
            await asyncio.sleep(LETTERS)

    async def link(self, phone: str) -> str:
        """The link in the offer's text, as soon as it is there."""
        while phone not in self._links:  # noqa: ASYNC110  somebody else looks
            await asyncio.sleep(LETTERS / 2)
        return self._links[phone]


async def insist(attempt: Callable[[], Awaitable[T | None]]) -> T:
    """Tries until there is an answer, for as long as it takes: doors may be down, slow, or say *not now*."""
    while True:
        with suppress(TransportError, UnexpectedError, ValueError, KeyError, TimeoutError):
            if (answer := await attempt()) is not None:
                return answer
        await asyncio.sleep(PAUSE)


@dataclass
class Airline:
    """One airline's system and its operator."""

    tenant: str
    stage: Stage
    client: Mapping[str, str]
    doors: list[Http] = field(default_factory=list)
    _operator: OperatorCaller | None = None
    _partner: PartnerCaller | None = None

    def door(self, process: str) -> Http:
        http = Http(self.stage.url(process))
        self.doors.append(http)
        return http

    async def push(self, flight: Flight) -> str:
        """Tells of a cancellation until it is taken; the case."""
        if self._partner is None:
            self._partner = PartnerCaller(self.door("partner"), "")
        partner = self._partner

        async def attempt() -> str | None:
            if not partner.token:
                partner.token = await self._token(partner)
            reply = await partner.push(flight.push())
            partner.token = "" if reply.status == 401 else partner.token
            return str(json.loads(reply.body)["urn"]) if reply.status in (200, 202) else None

        return await insist(attempt)

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """A GraphQL operation of this airline's operator, until it is answered."""
        if self._operator is None:
            self._operator = OperatorCaller(self.door("operator"), "", f"localhost:{self.stage.ports.gateways['operator']}")
        operator = self._operator

        async def attempt() -> dict[str, Any] | None:
            if not operator.token:
                await operator.sign_in(self.tenant, BY_ROLE[ROLE].id)
            reply = await operator.said(document, **variables)
            if _unknown_here(reply):
                operator.token = ""
                return None
            expect(reply.status == 200, reply.status)
            answer = json.loads(reply.body)
            expect(not answer.get("errors"), answer)
            data: dict[str, Any] = answer["data"]
            return data

        return await insist(attempt)

    async def _token(self, partner: PartnerCaller) -> str:
        asked = {"grant_type": "client_credentials", "client_id": self.client["id"], "client_secret": self.client["secret"]}
        reply = await partner.http.send(form_request("/oauth/token", asked), 10)
        return str(json.loads(reply.body)["access_token"])


class Crowd:
    """All of them, in one part. `acknowledged` grows while they are at it; `stranded` are passengers whom no door let in."""

    def __init__(self, stage: Stage, twins: Twins, airlines: Mapping[str, Airline], sagas: int, dice: random.Random) -> None:
        self.stage, self.twins, self.airlines, self.dice = stage, twins, airlines, dice
        self.acknowledged: list[Acknowledged] = []
        self.refused: list[str] = []
        self.stranded: list[str] = []
        self.issued = 0
        self.letters = Letters(twins)
        self.flights, self.guests = fly(sagas, dice)
        self._answering: set[asyncio.Task[None]] = set()
        self._phones: list[Http] = []

    async def seat(self) -> None:
        """The airlines' own systems know who is on board."""
        for flight in self.flights:
            await self.twins.seat(flight.tenant, flight.manifest)

    async def come(self, seconds: float) -> None:
        """One disruption after the other, spread over so many seconds; behind each its vouchers, and whoever answers to an offer.

        Returns when every voucher was answered, or after `SERVED` seconds more.
        """
        each = seconds / len(self.flights)
        began = clock.monotonic()
        coming: list[asyncio.Task[None]] = []
        for number, flight in enumerate(self.flights):
            await asyncio.sleep(max(0.0, began + number * each - clock.monotonic()))
            coming.append(asyncio.create_task(self._look_after(flight, each)))
        _, waiting = await asyncio.wait(coming, timeout=SERVED)
        for task in waiting:
            task.cancel()
        for outcome in await asyncio.gather(*coming, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def leave(self, seconds: float) -> None:
        """Gives passengers that are answering so long to finish; those still waiting for a text have none to come."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=seconds)
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        for http in (*self._phones, *(door for airline in self.airlines.values() for door in airline.doors)):
            await http.close()

    async def _look_after(self, flight: Flight, seconds: float) -> None:
        """Its vouchers are issued a few at a time, spread over so many seconds from when it is known who was on board."""
        targets = await self._open(flight)
        batches = [targets[first : first + AT_ONCE] for first in range(0, len(targets), AT_ONCE)]
        issuing: list[asyncio.Task[None]] = []
        for batch in batches:
            issuing.append(asyncio.create_task(self._issue(batch)))
            await asyncio.sleep(seconds / len(batches))
        await asyncio.gather(*issuing)

    async def _open(self, flight: Flight) -> list[_Target]:
        airline = self.airlines[flight.tenant]
        case = await airline.push(flight)

        async def provisioned() -> list[_Target] | None:
            found = (await airline.ask(ROWS, case=case))["case"]
            if found is None or found["manifestState"] == "AWAITED":
                return None
            rows = [edge["node"] for edge in found["subCases"]["edges"]]
            parties = {str(entry.pnr): entry for entry in flight.manifest.entries}
            return [_Target(flight.tenant, row["urn"], row["version"], self.guests[parties[row["pnr"]].lead.family_name]) for row in rows]

        return await insist(provisioned)

    async def _issue(self, batch: Sequence[_Target]) -> None:
        """The same request under the same key until it is answered, and sometimes once more after it was."""
        airline, by_urn = self.airlines[batch[0].tenant], {target.urn: target for target in batch}
        targets = [{"urn": target.urn, "version": target.version} for target in batch]
        asked = {"subCases": targets, "idempotencyKey": f"voucher-{batch[0].urn}"}
        again = self.dice.random() < TWICE
        answer = (await airline.ask(ISSUE, input=asked))["issueVoucher"]
        if again:
            await airline.ask(ISSUE, input=asked)
        self.issued += len(batch)
        self.refused += [f"{refused['urn']}: {refused['code']} {refused['message']}" for refused in answer["refused"]]
        for row in answer["requested"]:
            target = by_urn[row["urn"]]
            self.acknowledged.append(Acknowledged("voucher", target.tenant, target.urn))
            if target.guest.answer is not None:
                task = asyncio.create_task(self._answer(target, target.guest.answer))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

    async def _answer(self, target: _Target, answer: str) -> None:
        """Follows the link of the text, and says yes or no until it is taken."""
        link = await self.letters.link(target.guest.phone)
        http = Http(self.stage.url("passenger"))
        self._phones.append(http)
        phone = PassengerCaller(http, "")
        nonce = f"{self.dice.getrandbits(96):024x}"
        again = self.dice.random() < TWICE

        async def signed_in() -> bool | None:
            reply = await phone.open(link, nonce)
            if reply.ok:
                return True
            return False if reply.status in (401, 403, 409, 410) else None

        if not await insist(signed_in):
            self.stranded.append(target.urn)
            return

        async def answered() -> dict[str, Any] | None:
            trip = await phone.trip()
            said = await phone.answer(answer, trip["version"]) if trip["status"] == "OFFER_READY" else None
            return said if said and said["__typename"] == "AnswerAcknowledged" else None

        said = await insist(answered)
        self.acknowledged.append(Acknowledged(answer, target.tenant, target.urn, said["intent"]))
        if again:
            with suppress(TransportError, UnexpectedError, ValueError):
                await phone.answer(answer, (await phone.trip())["version"])


@dataclass(frozen=True, slots=True)
class _Target:
    tenant: str
    urn: str
    version: int
    guest: Guest


async def airlines_of(stage: Stage) -> dict[str, Airline]:
    """The airlines, each with the credentials of its own system. Raises: StageError."""
    said = await asyncio.gather(*(stage.nexa("token", "partner", "--tenant", tenant, "--json") for tenant in TENANTS))
    return {tenant: Airline(tenant, stage, json.loads(one)["client"]) for tenant, one in zip(TENANTS, said, strict=True)}


def fly(sagas: int, dice: random.Random) -> tuple[list[Flight], dict[str, Guest]]:
    """Flights with so many parties in all, the airlines mixed, and who says what to an offer."""
    guests: dict[str, Guest] = {}
    flights: list[Flight] = []
    for number, first in enumerate(range(1, sagas + 1, ABOARD)):
        tenant = TENANTS[number % len(TENANTS)]
        parties = [
            a_party(dice.choice((1, 1, 2, 2, 3)), dice.choice((0, 0, 1)), number=each, family=MARKS[tenant])
            for each in range(first, min(first + ABOARD, sagas + 1))
        ]
        flights.append(a_flight(tenant, parties, airport=dice.choice(AIRPORTS), number=number + 1))
        guests |= {party.lead.family_name: _guest(tenant, party, dice.random()) for party in parties}
    return flights, guests


def _guest(tenant: str, party: ManifestEntry, mood: float) -> Guest:
    answer = "accept" if mood < ACCEPT else "decline" if mood < ACCEPT + DECLINE else None
    return Guest(tenant, party.lead.family_name, party.contact.phone or "", answer)


def _unknown_here(reply: Reply) -> bool:
    """Whether the door does not know, or no longer knows, who asks."""
    return reply.status == 401 or b'"UNAUTHENTICATED"' in reply.body
