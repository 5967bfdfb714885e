"""One airline at a running site, as its people and systems see it: `open` a case, `issue` vouchers, wait for what must come."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from domains.notifications.templates import trigger_of
from gateway.signin.people import BY_ROLE
from kernel import clock
from kernel.http import Http, Reply
from kernel.identity import Role
from runtime.faults.callers import OperatorCaller, PartnerCaller, PassengerCaller
from runtime.faults.flights import Flight
from runtime.faults.twins import Held, Twins
from tests.harness.running import RunningSite, eventually

ADMIN: Final = "ADMIN"
RENEWED: Final = 600.0  # seconds; an operator's token is good for 900
LINK: Final = re.compile(r"https?://\S+/\?token=\S+")
MOVING: Final = ("PROCESSING",)

ROW: Final = """
    fragment row on SubCase {
      urn version pnr tier mixedTier status reason reachable needsNight nights rooms
      guests { adults children infants }
      offer { reservation confirmation hotelName checkIn checkOut rooms card cardAmount { amount currency } }
      lock { fence holderName session }
      workflow { urn plan state steps { name state attempt } }
    }
"""
CASE: Final = (
    """query Case($urn: Urn!, $after: String) { case(urn: $urn) {
      urn status manifestState subCasesTotal needingNight reviews { urn kind summary subCase }
      subCases(first: 100, after: $after) { pageInfo { hasNextPage endCursor } edges { node { ...row } } } } }"""
    + ROW
)
ISSUE: Final = (
    """mutation Issue($input: IssueVoucherInput!) { issueVoucher(input: $input) {
      replayed requested { ...row } refused { urn code message } } }"""
    + ROW
)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """A case as it stood when it was asked for. `rows` are its sub-cases in a stable order."""

    case: str
    status: str
    manifest: str
    rows: Sequence[Row]
    reviews: Sequence[Row]

    def by_pnr(self) -> dict[str, Row]:
        return {row["pnr"]: row for row in self.rows}

    def by_urn(self) -> dict[str, Row]:
        return {row["urn"]: row for row in self.rows}


class Airline:
    """`site.token` words and addresses are known here alone."""

    def __init__(self, tenant: str, site: RunningSite, twins: Twins, stack: AsyncExitStack) -> None:
        self.tenant, self.site, self.twins, self._stack = tenant, site, twins, stack
        self._operators: dict[str, OperatorCaller] = {}
        self._signed_in: dict[str, float] = {}
        self._partner: PartnerCaller | None = None

    @property
    def host(self) -> str:
        """The passengers' host of this airline."""
        return f"{self.tenant}.localhost:{self.site.ports.gateways['passenger']}"

    async def operator(self, role: str = ADMIN) -> OperatorCaller:
        caller = self._operators.get(role)
        if caller is None:
            host = f"localhost:{self.site.ports.gateways['operator']}"
            caller = self._operators[role] = OperatorCaller(self._http("operator"), "", host)
        if clock.monotonic() - self._signed_in.get(role, -RENEWED) >= RENEWED:
            self._signed_in[role] = clock.monotonic()
            await caller.sign_in(self.tenant, BY_ROLE[Role(role)].id)
        return caller

    async def partner(self) -> PartnerCaller:
        if self._partner is None:
            token = (await self.site.token("partner", "--tenant", self.tenant))["token"]
            self._partner = PartnerCaller(self._http("partner"), token)
        return self._partner

    def phone(self) -> PassengerCaller:
        """Somebody with a phone who has not followed a link yet."""
        return PassengerCaller(self._http("passenger"), "", self.host)

    def _http(self, process: str) -> Http:
        http = Http(self.site.url(process))
        self._stack.push_async_callback(http.close)
        return http

    # What an airline does.

    async def push(self, flight: Flight, **changes: Any) -> Reply:
        """Seats everybody in the airline's own system, then tells of the cancellation."""
        await self.twins.seat(self.tenant, flight.manifest)
        return await (await self.partner()).push(flight.push(**changes))

    async def open(self, flight: Flight) -> Opened:
        """The case of the flight, its manifest provisioned."""
        reply = await self.push(flight)
        assert reply.status in (200, 202), (reply.status, reply.body)
        return await self.provisioned(json.loads(reply.body)["urn"])

    async def provisioned(self, case: str) -> Opened:
        """The case, as soon as its manifest has come or is known not to."""

        async def ready() -> Opened | None:
            found = await self.look(case)
            return found if found.manifest != "AWAITED" else None

        return await eventually(ready, f"the manifest of {case}")

    async def look(self, case: str) -> Opened:
        """The case and all its sub-cases as they are now."""
        operator, rows, after = await self.operator(), list[Row](), None
        while True:
            found = (await operator.ask(CASE, urn=case, after=after))["case"]
            assert found is not None, f"{case} is not there"
            rows += [edge["node"] for edge in found["subCases"]["edges"]]
            page = found["subCases"]["pageInfo"]
            if not page["hasNextPage"]:
                return Opened(found["urn"], found["status"], found["manifestState"], rows, found["reviews"])
            after = page["endCursor"]

    async def issue(self, rows: Iterable[Row], key: str | None = None) -> Row:
        """Issues a voucher for each row as it was seen; the whole answer."""
        targets = [{"urn": row["urn"], "version": row["version"]} for row in rows]
        asked = {"subCases": targets, "idempotencyKey": key or secrets.token_hex(8)}
        answer: Row = (await (await self.operator()).ask(ISSUE, input=asked))["issueVoucher"]
        return answer

    async def ended(self, case: str, wanted: Iterable[str], *, moving: Sequence[str] = MOVING) -> Opened:
        """The case, as soon as none of the wanted sub-cases is moving any more and every workflow of theirs has ended."""
        urns = set(wanted)

        async def still() -> Opened | None:
            found = await self.look(case)
            rows = [row for row in found.rows if row["urn"] in urns]
            busy = [row for row in rows if row["status"] in moving or _runs(row)]
            return None if busy else found

        return await eventually(still, f"the sagas of {case}", 240)

    async def held(self) -> Held:
        """What the partners hold for this airline."""
        return await self.twins.held(self.tenant)

    async def link(self, number: str) -> str:
        """The link in the offer's text to this number, as soon as it is there."""

        async def sent() -> str | None:
            texts = (await self.held()).texts.get(number, ())
            found = LINK.search(next((text for text in texts if trigger_of(text) == "subcase.offer-ready"), ""))
            return found[0] if found else None

        return await eventually(sent, f"the text to {number}")

    async def passenger(self, number: str) -> PassengerCaller:
        """The passenger with this number, signed in by the link of the text."""
        phone = self.phone()
        reply = await phone.open(await self.link(number))
        assert reply.ok, (reply.status, reply.body)
        return phone


def _runs(row: Row) -> bool:
    return bool(row["workflow"]) and row["workflow"]["state"] in ("RUNNING", "COMPENSATING")


@asynccontextmanager
async def at(site: RunningSite, twins: Twins) -> AsyncIterator[Airlines]:
    """The airlines of a site, their connections closed at the end."""
    async with AsyncExitStack() as stack:
        yield Airlines(site, twins, stack)


class Airlines:
    """Finds an airline by its tenant."""

    def __init__(self, site: RunningSite, twins: Twins, stack: AsyncExitStack) -> None:
        self._made: dict[str, Airline] = {}
        self._parts = site, twins, stack

    def __getitem__(self, tenant: str) -> Airline:
        if tenant not in self._made:
            self._made[tenant] = Airline(tenant, *self._parts)
        return self._made[tenant]


async def all_of(*awaited: Any) -> list[Any]:
    """Side by side, as the world is."""
    return list(await asyncio.gather(*awaited))
