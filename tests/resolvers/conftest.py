"""Operators, passengers and partners who ask the real contracts over real stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.cases.model import PnrDraft
from jobs import sagas
from kernel.account import Accounts
from kernel.database import Databases
from kernel.feed import Feed
from kernel.health import Health
from kernel.identity import Identity, Operator, Partner, Role
from kernel.partner import Sheet
from kernel.tenancy import Tenant
from kernel.urn import Urn
from resolvers.context import Context, Doors
from runtime.embedded.valkey import ValkeyUrls
from schema.audience import OPERATOR, PARTNER, PASSENGER
from schema.contract import Contract, contract
from tests.builders import PSS, a_case, everyone_alive

CONTRACTS = {audience: contract(audience) for audience in (OPERATOR, PASSENGER, PARTNER)}


@dataclass
class Counting(Context):
    """Counts its reads."""

    reads: list[str] = field(default_factory=list)

    def read(self, domain: str) -> AbstractAsyncContextManager[AsyncConnection]:
        self.reads.append(domain)
        return super().read(domain)


class Answer(dict[str, Any]):
    """The data, and the codes of the errors beside it."""

    codes: list[str]
    reads: list[str]


@dataclass(frozen=True)
class Asker:
    """Somebody at a front door."""

    identity: Identity
    doors: Doors
    contract: Contract

    async def ask(self, document: str, **variables: Any) -> Answer:
        context = Counting(self.identity, self.doors)
        result = await self.contract.execute(document, variables, context_value=context)
        answer = Answer(result.data or {})
        answer.codes = [str((error.extensions or {}).get("code", error.message)) for error in result.errors or []]
        answer.reads = context.reads
        return answer

    async def listen(self, document: str, **variables: Any) -> AsyncIterator[Answer]:
        stream = await self.contract.subscribe(document, variables, context_value=Counting(self.identity, self.doors))
        async for result in stream:
            answer = Answer(result.data or {})
            answer.codes = [str((error.extensions or {}).get("code", error.message)) for error in result.errors or []]
            yield answer

    def who(self, **changes: Any) -> Asker:
        return replace(self, identity=replace(self.identity, **changes))


@pytest.fixture
async def health(valkey_urls: ValkeyUrls) -> AsyncIterator[Health]:
    """Of two partners."""
    sheets = {name: Sheet(name, "things", "none", {}, limit=limit) for name, limit in (("acme", 50), ("best", 10))}
    made = Health(Accounts.connect(valkey_urls.platform), sheets)
    yield made
    await made.close()


@pytest.fixture
async def feed(valkey_urls: ValkeyUrls) -> AsyncIterator[Feed]:
    made = Feed.connect(valkey_urls.coordination)
    yield made
    await made.close()


@pytest.fixture
def doors(databases: Databases, feed: Feed, health: Health) -> Doors:
    return Doors(databases=databases, feed=feed, alive=everyone_alive, pss=PSS, plans=sagas.load(), health=health)


def an_operator(tenant: Tenant, doors: Doors, **changes: Any) -> Asker:
    ana = Operator(tenant, Urn("urn:operator:ana"), "Ana", Role.OPS_SUPERVISOR, frozenset(), "session-ana")
    return Asker(replace(ana, **changes), doors, CONTRACTS[OPERATOR])


@pytest.fixture
def ana(tenant: Tenant, doors: Doors) -> Asker:
    """A supervisor of a fresh airline."""
    return an_operator(tenant, doors)


@pytest.fixture
def bob(tenant: Tenant, doors: Doors) -> Asker:
    """An operator at LGA only, of the same airline."""
    return an_operator(
        tenant,
        doors,
        urn=Urn("urn:operator:bob"),
        name="Bob",
        role=Role.AIRPORT_OPERATOR,
        airports=frozenset({"LGA"}),
        session="session-bob",
    )


@pytest.fixture
def stranger(doors: Doors) -> Asker:
    """An administrator of another airline."""
    return an_operator(Tenant("t2"), doors, role=Role.ADMIN, session="session-eve")


@pytest.fixture
def desk(tenant: Tenant, doors: Doors) -> Asker:
    """A partner of the fresh airline with every scope there is."""
    scopes = frozenset({"cases.read", "disruptions.write"})
    return Asker(Partner(tenant, Urn("urn:partner:desk"), scopes), doors, CONTRACTS[PARTNER])


async def open_case(asker: Asker, *drafts: PnrDraft, **changes: Any) -> tuple[Urn, list[Urn]]:
    """A provisioned case of the asker's airline."""
    async with Context(asker.identity, asker.doors).work("cases") as work:
        return await a_case(work, *drafts, **changes)
