"""What is plugged into what, in one place: databases, stores, adapters, and the ports that jobs get. Nothing connects here yet."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.registry import SHEETS, vendor_secrets
from adapters.registry import Registry as Adapters
from adapters.registry import connect as connect_adapters
from domains.booking.search import Sources
from gateway.signin.passengers import Links
from gateway.signin.tokens import SigningKey
from jobs.own_rooms import ContractedRooms
from jobs.registry import Ports, Registry, load
from kernel import clock
from kernel.account import Accounts, Key
from kernel.breaker import Changed
from kernel.bus import Bus
from kernel.bus import connect as connect_bus
from kernel.consumer import Ledger
from kernel.database import Databases
from kernel.feed import Feed
from kernel.health import urn_of
from kernel.hold import Holds
from kernel.lock import Sessions
from kernel.outbox import Relay
from kernel.snapshot import Snapshots
from kernel.traffic import Traffic
from runtime.settings import DATABASES, Settings


def databases(settings: Settings) -> Databases:
    """Every database this process was told of."""
    urls = {name: settings.database(name).reveal() for name in DATABASES if name in settings.database_urls}
    relay, dispatch = settings.relay_url, settings.dispatch_url
    return Databases(urls, relay=relay.reveal() if relay else None, dispatch=dispatch.reveal() if dispatch else None)


def unhurried(rate: int) -> dict[str, str]:
    """For sites where limits are not the matter: so many calls a second are what the sandboxes bear, and what every partner is sent."""
    return {"NEXA_SANDBOX_RATE": str(rate), "NEXA_PARTNER_LIMITS": ",".join(f"{vendor}={rate}" for vendor in SHEETS)}


@dataclass(frozen=True)
class Shop:
    """Everything a worker works with."""

    databases: Databases
    bus: Bus
    registry: Registry
    ports: Ports
    adapters: Adapters
    traffic: Traffic

    async def close(self) -> None:
        await self.traffic.close()
        await self.adapters.close()
        await self.ports.feed.close()
        await self.ports.snapshots.close()
        await self.ports.sessions.close()
        await self.bus.redis.aclose()
        await self.databases.close()


def shop(settings: Settings, worker: str, adapters: Adapters | None = None) -> Shop:
    """The worker's wiring. `adapters` replaces the partners' doors, for tests."""
    opened, registry = databases(settings), load()
    coordination = settings.need("coordination_url").reveal()
    bus = Bus(connect_bus(coordination))
    ledger = Ledger(opened, registry.reactions)
    feed = Feed.connect(coordination)
    traffic = Traffic(Accounts.connect(settings.platform.reveal()), worker, ceilings=settings.partner_limits, changed=screens_told(feed))
    secrets = vendor_secrets(settings.secrets_dir, production=settings.production)
    adapters = adapters or connect_adapters(secrets, settings.sandbox_url, traffic, own_rooms=ContractedRooms(opened))
    traffic.probe_with(adapters.probes)
    ports = Ports(
        databases=opened,
        relays={name: Relay(name, opened.relay(name), bus, worker, ledger.lacking) for name in opened},
        feed=feed,
        holds=Holds(bus.redis),
        snapshots=Snapshots.connect(settings.need("snapshot_url").reveal()),
        sessions=Sessions.connect(coordination),
        manifests=adapters.manifests,
        hotels=Sources(tuple(adapters.hotels.values())),
        rides=adapters.rides,
        cards=adapters.default_cards,
        messages=adapters.default_texts,
        mail=adapters.default_mail,
        chat=adapters.default_chat,
        links=Links(SigningKey.ed25519(settings.need("link_key").reveal()), settings.passenger_url),
        webhooks=settings.partner_url,
        settle_scale=settings.settle_scale,
    )
    return Shop(opened, bus, registry, ports, adapters, traffic)


def screens_told(feed: Feed) -> Changed:
    """Tells the screens of an airline how one of its partners is; a breaker at once."""

    def tell(key: Key, urgent: bool) -> None:
        feed.publish(key.tenant, "partners", urn_of(key.vendor), int(clock.now().timestamp() * 1000), urgent=urgent)

    return tell
