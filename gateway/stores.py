"""The stores of a door that works in the domains: their databases, and the bell that tells a worker of every commit that sent something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.settings import Settings
from kernel.database import Databases
from kernel.doorbell import Doorbell, living_queues
from kernel.feed import Feed


@dataclass(frozen=True, slots=True)
class Stores:
    databases: Databases
    bell: Doorbell
    feed: Feed

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Connected to nothing yet."""
        databases = Databases({name: url.reveal() for name, url in settings.database_urls.items()})
        bell = Doorbell(settings.need("queue_url").reveal(), living_queues(databases["cases"].engine))
        databases.on_sent(lambda domain, tenant: bell.ring(tenant, domain=domain))
        return cls(databases, bell, Feed.connect(settings.need("coordination_url").reveal()))

    async def close(self) -> None:
        await self.feed.close()
        await self.bell.close()
        await self.databases.close()
