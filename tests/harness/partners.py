"""Partners within reach: every adapter connected to its twin in this process, and somebody who writes down what was said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.registry import Registry, SandboxSecrets, connect
from kernel.http import ASGIApp, Scope
from kernel.partner import Gate
from kernel.sandbox.faults import Fault, FaultKind
from kernel.sandbox.shell import Receive, Send, Twin, read_body, write
from kernel.tenancy import Tenant
from runtime.sandbox import Sandbox

T1 = Tenant("t1")
T2 = Tenant("t2")


@dataclass(frozen=True)
class Exchange:
    """What one side said and the other answered."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    sent: bytes
    status: int
    answered: bytes


@dataclass
class Witness:
    """Passes everything on and remembers it."""

    app: ASGIApp
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent, status, answered = bytearray(), 0, bytearray()

        async def hear() -> Scope:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def say(message: Scope) -> None:
            nonlocal status
            status = message.get("status", status)
            answered.extend(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, hear, say)
        finally:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            query = scope["query_string"].decode()
            self.exchanges.append(Exchange(scope["method"], scope["path"], query, headers, bytes(sent), status, bytes(answered)))


class Mailbox:
    """Takes what partners call back with, as our partner door would, and keeps what arrived; `statuses` are its first answers."""

    def __init__(self, *statuses: int) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.statuses = list(statuses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.calls.append((headers, await read_body(receive)))
        await write(send, self.statuses.pop(0) if self.statuses else 204, {}, b"")


@dataclass
class Partners:
    """The twins by partner, the adapters that reach them, and what passed between them by vendor."""

    sandbox: Sandbox
    registry: Registry
    witnesses: Mapping[str, Witness]

    def twin(self, partner: str) -> Twin:
        return self.sandbox.twins[partner]

    def order(self, partner: str, kind: FaultKind, operation: str = "*", **how: Any) -> None:
        self.twin(partner).faults.order([Fault(kind, operation, **how)])

    def book(self, partner: str) -> dict[str, Any]:
        return self.twin(partner).told()

    def said(self, vendor: str, method: str = "") -> list[Exchange]:
        return [exchange for exchange in self.witnesses[vendor].exchanges if method in ("", exchange.method)]


def partners(rate: float = 100_000, gate: Gate | None = None, before: Callable[[ASGIApp], ASGIApp] = lambda twin: twin) -> Partners:
    """`before` may put something between every adapter and its twin, which the witness sees as well."""
    sandbox = Sandbox(None, rate)
    witnesses = {vendor: Witness(before(twin)) for vendor, twin in sandbox.by_vendor().items()}
    return Partners(sandbox, connect(SandboxSecrets(), gate=gate, twins=witnesses), witnesses)
