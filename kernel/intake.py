"""What a passenger said, kept before it is acknowledged: one table in `nexa_intake` where the passenger process may INSERT, nothing else.

A row is a command on its way to a domain; the relay reads it, publishes it on the bus and marks it. The sender cannot read back, so a
row's `urn` is made from what was said: the same answer sent twice is one row, and both senders get the same acknowledgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kernel.clock import now
from kernel.database import Database, dumps
from kernel.event import encode, name_of, owner_of, version_of
from kernel.refusal import StoreAway
from kernel.tables import empty_metadata, lookup, message_table, relay_lease, unique
from kernel.tenancy import Tenant
from kernel.urn import Urn

SENDER: Final = "intake"

metadata = empty_metadata("intake")
intake = message_table("intake", metadata, unique("urn"), lookup("receiver", "aggregate"), app=("insert",))
relay_lease(metadata)

_PUT = text("""
    insert into intake (tenant, urn, sender, receiver, aggregate, name, version, asked, body, actor, correlation, published_at)
    values (:tenant, :urn, :sender, :receiver, :aggregate, :name, :version, true, cast(:body as jsonb), :actor, :correlation,
            case when cast(:silent as boolean) then nexa_now() end)
    on conflict do nothing
""")


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreAway() from error


class Intake:
    """The passenger process's one way to write. Refuses with StoreAway when Postgres cannot be reached."""

    def __init__(self, url: str) -> None:
        self._database = Database("intake", url)

    async def put(self, tenant: Tenant, command: object, *, urn: Urn, aggregate: Urn) -> datetime:
        """Keeps the command for its domain; when it was acknowledged. May be repeated: a second row with this `urn` is not made."""
        body = dumps(encode(command))
        await self._insert(tenant, urn, owner_of(command), aggregate, name_of(command), version_of(command), body, silent=False)
        return now()

    async def note(self, tenant: Tenant, name: str, *, urn: Urn, aggregate: Urn) -> bool:
        """Remembers for good that something was used, for no one to act on; False when it was known already."""
        return await self._insert(tenant, urn, SENDER, aggregate, name, 1, "{}", silent=True)

    async def examine(self) -> None:
        """Raises: UnsafeRoleError when this process could do more than it should. Refuses: StoreAway."""
        with _reaching():
            await self._database.examine()

    async def ping(self) -> None:
        """Refuses: StoreAway."""
        with _reaching():
            await self._database.tenants()

    async def close(self) -> None:
        await self._database.close()

    async def _insert(
        self, tenant: Tenant, urn: Urn, receiver: str, aggregate: Urn, name: str, version: int, body: str, *, silent: bool
    ) -> bool:
        with _reaching():
            async with self._database.work(tenant) as work:
                done = await work.execute(
                    _PUT,
                    {
                        "tenant": tenant,
                        "urn": urn,
                        "sender": SENDER,
                        "receiver": receiver,
                        "aggregate": aggregate.bare,
                        "name": name,
                        "version": version,
                        "body": body,
                        "actor": aggregate.bare,
                        "correlation": work.correlation,
                        "silent": silent,
                    },
                )
        return bool(done.rowcount)
