"""The unit of work: one transaction carries state, outgoing messages, inbox marks and audit records; rings follow the commit.

Idea: messages are buffered and written by *one* statement just before the commit, whatever their number. That statement raises the
sequence of each (receiver, aggregate) in sorted order, so two works can never wait for each other in a circle, and holds those row
locks only for the commit itself.

Guarantees: a message exists exactly when the state change it tells of is committed; per (sender, receiver, aggregate) `seq` runs from 1
without gaps in commit order; what is registered with `after_commit` runs only after, and its failure never undoes or fails the work.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import CursorResult, Executable, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.at_once import LATER, AtOnce
from kernel.clock import now as clock_now
from kernel.event import Envelope, MessageError, encode, name_of, owner_of, version_of
from kernel.tenancy import Tenant
from kernel.urn import Urn

log = logging.getLogger(__name__)

AUDIT, AUDIT_RECORDED, AUDIT_VERSION = "audit", "AuditRecorded", 1

_NOW = text("select nexa_now()")
_TAKE = text("""
    insert into inbox (tenant, consumer, urn, at)
    select :tenant, t.consumer, t.urn, (select nexa_now())
    from unnest(cast(:consumers as text[]), cast(:urns as text[])) as t(consumer, urn)
    order by t.consumer, t.urn
    on conflict do nothing returning consumer, urn
""")
_SEND = text("""
    with sent as (
        select *, row_number() over (partition by receiver, aggregate order by n) as step
        from unnest(cast(:urns as text[]), cast(:receivers as text[]), cast(:aggregates as text[]), cast(:names as text[]),
                    cast(:versions as int[]), cast(:asked as bool[]), cast(:bodies as text[]), cast(:replies as text[]),
                    cast(:actors as text[]), cast(:correlations as text[]))
             with ordinality as t(urn, receiver, aggregate, name, version, asked, body, reply_to, actor, correlation, n)
    ), raised as (
        insert into outbox_sequence as s (tenant, receiver, aggregate, seq)
        select :tenant, receiver, aggregate, count(*) from sent group by receiver, aggregate order by receiver, aggregate
        on conflict (tenant, receiver, aggregate) do update set seq = s.seq + excluded.seq
        returning receiver, aggregate, seq
    ), counted as (
        select receiver, aggregate, count(*) as total from sent group by receiver, aggregate
    )
    insert into outbox (tenant, urn, sender, receiver, aggregate, seq, name, version, asked, body, reply_to, actor, correlation, at)
    select :tenant, urn, :sender, receiver, aggregate, raised.seq - total + step, name, version, asked, cast(body as jsonb), reply_to,
           actor, correlation, (select nexa_now())
    from sent join raised using (receiver, aggregate) join counted using (receiver, aggregate) order by n
""")


def event_urn() -> Urn:
    """A new message's name: milliseconds first, so that indexes grow at one end, then 64 random bits."""
    return Urn(f"urn:event:{int(clock_now().timestamp() * 1000):012x}{secrets.token_hex(8)}")


@dataclass(frozen=True, slots=True)
class _Outgoing:
    urn: Urn
    receiver: str
    aggregate: Urn
    name: str
    version: int
    asked: bool
    body: str
    reply_to: str | None
    actor: Urn | None
    correlation: str


class Work:
    """One transaction of one tenant in one domain's database. Made by `Database.work`, committed when its block ends."""

    def __init__(
        self, domain: str, connection: AsyncConnection, tenant: Tenant, actor: Urn | None = None, role: str | None = None,
        correlation: str | None = None, at_once: AtOnce = LATER,
    ) -> None:  # fmt: skip
        self.domain, self.connection, self.tenant, self.actor, self.role = domain, connection, tenant, actor, role
        self.correlation = correlation or secrets.token_hex(16)
        self.at_once = at_once
        self.due = False  # durable work became due with this transaction, whoever hosts the engine should look
        self._now: datetime | None = None
        self._outgoing: list[_Outgoing] = []
        self._callbacks: list[Callable[[], Awaitable[None]]] = []
        self._regrets: list[Callable[[], None]] = []

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Runs a Core statement; the statement itself binds `tenant`."""
        return await self.connection.execute(statement, parameters)

    async def now(self) -> datetime:
        """`nexa_now()`, asked once per transaction."""
        if self._now is None:
            self._now = (await self.connection.execute(_NOW)).scalar_one()
        return self._now

    async def record(self, event: object, *, aggregate: Urn, reply_to: str | None = None) -> Urn:
        """Tells that something happened, on this domain's own stream. Raises: MessageError when another domain owns the event."""
        if owner_of(event) != self.domain:
            raise MessageError(f"{name_of(event)} belongs to {owner_of(event)}, it cannot be recorded by {self.domain}")
        return self._send(event, self.domain, aggregate, reply_to, asked=False)

    async def ask(self, command: object, *, aggregate: Urn, reply_to: str | None = None) -> Urn:
        """Asks the domain that owns the command to act, on its stream."""
        return self._send(command, owner_of(command), aggregate, reply_to, asked=True)

    async def record_many(self, events: Iterable[tuple[object, Urn]]) -> list[Urn]:
        """`record` for many `(event, aggregate)`."""
        return [await self.record(event, aggregate=aggregate) for event, aggregate in events]

    async def audit(
        self, *, action: str, entity: Urn, root: Urn | None = None, reason: str | None = None, before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None, ip: str | None = None,
    ) -> None:  # fmt: skip
        """Sends an audit record with this transaction; `root` (the case, policy or session) names the chain it joins.

        `before` and `after` hold URNs and plain values, never names or contacts.
        """
        body = {
            "entity": entity.bare, "root": (root or entity).bare, "action": action, "actor": self.actor, "role": self.role,
            "reason": reason, "before": encode(before), "after": encode(after), "ip": ip,
        }  # fmt: skip
        self._put(event_urn(), AUDIT, (root or entity).bare, AUDIT_RECORDED, AUDIT_VERSION, False, _json(body), None)

    def on_behalf_of(self, envelope: Envelope) -> None:
        """What is sent from here on carries the actor and the correlation of this message."""
        self.actor, self.correlation = envelope.actor, envelope.correlation

    async def take(self, envelope: Envelope, consumer: str) -> bool:
        """Marks the message as taken by `consumer`; False when it already was, and then nothing must be done."""
        return bool(await self.take_many([(consumer, envelope.urn)]))

    async def take_many(self, marks: Sequence[tuple[str, Urn]]) -> set[tuple[str, str]]:
        """The `(consumer, message)` pairs, of those given, that are new here and now marked."""
        rows = await self.connection.execute(
            _TAKE, {"tenant": self.tenant, "consumers": [consumer for consumer, _ in marks], "urns": [str(urn) for _, urn in marks]}
        )
        return {(row[0], row[1]) for row in rows}

    def after_commit(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Runs `callback` after the commit; its errors are logged, the work stands."""
        self._callbacks.append(callback)

    def if_undone(self, callback: Callable[[], None]) -> None:
        """Runs `callback` when the transaction is not known to have been committed."""
        self._regrets.append(callback)

    async def flush(self) -> bool:
        """Writes the outgoing messages; True when there were any. `Database.work` calls it last."""
        if not self._outgoing:
            return False
        sent, self._outgoing = self._outgoing, []
        await self.connection.execute(
            _SEND,
            {
                "tenant": self.tenant,
                "sender": self.domain,
                "urns": [str(each.urn) for each in sent],
                "receivers": [each.receiver for each in sent],
                "aggregates": [str(each.aggregate) for each in sent],
                "names": [each.name for each in sent],
                "versions": [each.version for each in sent],
                "asked": [each.asked for each in sent],
                "bodies": [each.body for each in sent],
                "replies": [each.reply_to for each in sent],
                "actors": [each.actor for each in sent],
                "correlations": [each.correlation for each in sent],
            },
        )
        return True

    def undone(self) -> None:
        """Runs what was to be taken back."""
        for callback in self._regrets:
            callback()

    async def committed(self) -> None:
        """Runs what waited for the commit."""
        for callback in self._callbacks:
            try:
                await callback()
            except Exception:
                log.exception("after-commit callback failed", extra={"tenant": self.tenant, "correlation": self.correlation})

    def _send(self, message: object, receiver: str, aggregate: Urn, reply_to: str | None, *, asked: bool) -> Urn:
        urn = event_urn()
        self._put(urn, receiver, aggregate.bare, name_of(message), version_of(message), asked, _json(encode(message)), reply_to)
        return urn

    def _put(
        self, urn: Urn, receiver: str, aggregate: Urn, name: str, version: int, asked: bool, body: str, reply_to: str | None
    ) -> None:  # fmt: skip
        self._outgoing.append(_Outgoing(urn, receiver, aggregate, name, version, asked, body, reply_to, self.actor, self.correlation))


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
