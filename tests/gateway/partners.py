"""Partners at their REST door: a fixed sign-in in front, the real contract and real stores behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import BaseRoute

from gateway.answer import Unauthenticated
from gateway.engine import Engine
from gateway.rest import routes
from gateway.rest.door import bound_calls
from gateway.rest.openapi import openapi
from kernel.database import Databases
from kernel.identity import Identity, Partner
from kernel.tenancy import Tenant
from kernel.urn import Urn
from resolvers.context import Context, Doors
from schema.audience import PARTNER
from schema.contract import contract
from tests.builders import PSS

ENGINE = Engine(contract(PARTNER))
DESCRIBED = openapi(bound_calls(ENGINE))
SCOPES = frozenset({"cases.read", "disruptions.write"})


@dataclass
class Desk:
    """One airline's registered systems, by the token each shows: `desk` may do all, `reader` read, `pusher` push.

    `stranger` is registered with another airline.
    """

    tenant: Tenant
    databases: Databases
    doors: Doors = field(init=False)

    def __post_init__(self) -> None:
        self.doors = Doors(databases=self.databases, pss=PSS)

    @property
    def partners(self) -> Mapping[str, Partner]:
        return {
            "desk": Partner(self.tenant, Urn("urn:partner:desk"), SCOPES),
            "reader": Partner(self.tenant, Urn("urn:partner:reader"), frozenset({"cases.read"})),
            "pusher": Partner(self.tenant, Urn("urn:partner:pusher"), frozenset({"disruptions.write"})),
            "stranger": Partner(Tenant("t2"), Urn("urn:partner:stranger"), SCOPES),
        }

    async def authenticate(self, headers: Headers) -> Identity:
        partner = self.partners.get(headers.get("authorization", "").removeprefix("Bearer "))
        if partner is None:
            raise Unauthenticated("The token is not good.")
        return partner

    def context(self, identity: Identity, headers: Headers | None = None) -> Context:
        return Context(identity, self.doors)

    def routes(self) -> list[BaseRoute]:
        return routes(ENGINE, self.authenticate, self.context)

    def client(self, who: str = "desk") -> httpx.AsyncClient:
        """Every answer it gets is held against the description."""
        transport = httpx.ASGITransport(app=Starlette(routes=self.routes()))
        headers = {"authorization": f"Bearer {who}"}
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers, event_hooks={"response": [_as_described]})


def fits(value: object, schema: Mapping[str, Any]) -> None:
    """Raises: ValidationError."""
    Draft202012Validator({**schema, "components": DESCRIBED["components"]}).validate(value)


async def _as_described(response: httpx.Response) -> None:
    path = response.request.url.path.replace("%3A", ":")
    for template, methods in DESCRIBED["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and response.request.method.lower() in methods:
            await response.aread()
            responses = methods[response.request.method.lower()]["responses"]
            assert str(response.status_code) in responses or response.status_code >= 500, response.text
            content = responses.get(str(response.status_code), responses["default"])["content"]
            fits(response.json(), content[response.headers["content-type"]]["schema"])


def a_notice(**changes: Any) -> dict[str, Any]:
    """What an airline's system pushes of a flight."""
    return {
        "externalEventId": "ops-1",
        "flight": "urn:flight:B6900@20260208:vendor:custom",
        "airport": "JFK",
        "destination": "BOS",
        "scheduledDeparture": "2026-02-08T14:00:00-05:00",
        "cause": "blizzard",
    } | changes
