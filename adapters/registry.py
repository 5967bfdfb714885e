"""Which adapter stands behind which vendor: the one place, besides an adapter's own folder, where a vendor's name is written.

A partner is one folder and one `Entry`; `docs/adapters.md` shows how one is added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, TypeVar

from adapters import (
    aeroapi,
    amadeus,
    amadeus_pss,
    anthropic,
    aviationstack,
    contracted,
    custom_pss,
    direct,
    hotelbeds,
    noaa,
    openai,
    pomelo,
    sabre,
    sendgrid,
    twilio,
    uber,
    whatsapp,
)
from adapters.aeroapi.client import AeroApi
from adapters.aeroapi.sandbox import credentials as aeroapi_account
from adapters.aeroapi.sandbox import twin as aeroapi_twin
from adapters.amadeus.client import Amadeus
from adapters.amadeus.sandbox import credentials as amadeus_account
from adapters.amadeus.sandbox import twin as amadeus_twin
from adapters.amadeus_pss.client import AmadeusPss
from adapters.amadeus_pss.sandbox import credentials as amadeus_pss_account
from adapters.amadeus_pss.sandbox import twin as amadeus_pss_twin
from adapters.anthropic.client import Anthropic
from adapters.anthropic.sandbox import credentials as anthropic_account
from adapters.anthropic.sandbox import twin as anthropic_twin
from adapters.aviationstack.client import AviationStack
from adapters.aviationstack.sandbox import credentials as aviationstack_account
from adapters.aviationstack.sandbox import twin as aviationstack_twin
from adapters.contracted.client import Contracted
from adapters.contracted.sandbox import credentials as contracted_account
from adapters.custom_pss.client import CustomPss
from adapters.custom_pss.sandbox import credentials as pss_account
from adapters.custom_pss.sandbox import twin as pss_twin
from adapters.direct.client import Direct
from adapters.hotelbeds.client import Hotelbeds
from adapters.hotelbeds.sandbox import twin as hotelbeds_twin
from adapters.hotelbeds.sandbox_words import credentials as hotelbeds_account
from adapters.noaa.client import Noaa
from adapters.noaa.sandbox import twin as noaa_twin
from adapters.openai.client import OpenAi
from adapters.openai.sandbox import credentials as openai_account
from adapters.openai.sandbox import twin as openai_twin
from adapters.pomelo.client import Pomelo
from adapters.pomelo.sandbox import credentials as pomelo_account
from adapters.pomelo.sandbox import twin as pomelo_twin
from adapters.sabre.client import Sabre
from adapters.sabre.sandbox import credentials as sabre_account
from adapters.sabre.sandbox import twin as sabre_twin
from adapters.sendgrid.client import Sendgrid
from adapters.sendgrid.sandbox import credentials as sendgrid_account
from adapters.sendgrid.sandbox import twin as sendgrid_twin
from adapters.sendgrid.webhook import receive as receive_sendgrid
from adapters.twilio.client import Twilio
from adapters.twilio.sandbox import credentials as twilio_account
from adapters.twilio.sandbox import twin as twilio_twin
from adapters.twilio.webhook import receive as receive_twilio
from adapters.uber.client import Uber
from adapters.uber.sandbox import credentials as uber_account
from adapters.uber.sandbox import twin as uber_twin
from adapters.uber.webhook import receive as receive_uber
from adapters.whatsapp.client import Whatsapp
from adapters.whatsapp.sandbox import credentials as whatsapp_account
from adapters.whatsapp.sandbox import twin as whatsapp_twin
from adapters.whatsapp.webhook import greet as greet_whatsapp
from adapters.whatsapp.webhook import receive as receive_whatsapp
from domains.airline.model import Manifest, ManifestEntry, NextFlight
from domains.airline.ports import Manifests
from domains.booking.ports import Hotels, OwnRooms, RideReport, Rides
from domains.notifications.ports import Chat, Delivery, Mail, Sms
from domains.policies.ports import Reader
from domains.predictor.ports import DelayFacts, FlightFacts, WeatherFacts
from domains.wallet.ports import Cards
from kernel.answer import Answer, Declined
from kernel.http import ASGIApp, Http
from kernel.partner import Gate, Probing, Sheet
from kernel.sandbox.book import Book
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Twin
from kernel.secret import FileSecrets, Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.webhook import Inbound

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Wires:
    """What an adapter is connected with. `sign_in` is a second door, where a partner signs in at a host of its own."""

    door: Http
    secrets: Secrets
    gate: Gate | None
    sign_in: Http | None = None


Made = Callable[[Wires], T_co]


def of(adapter: Callable[[Http, Secrets, Gate | None], T_co]) -> Made[T_co]:
    """How most adapters are made."""
    return lambda wires: adapter(wires.door, wires.secrets, wires.gate)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One partner, everything that is known of it outside its folder.

    `address` is where it is reached in earnest, `sign_in` where it signs in if elsewhere; its twin lives below `path` of the sandbox.
    `account` is what the twin lets in, None where nobody signs in. An adapter is told under the ports that it implements.
    `receive` reads what it sends to `/webhooks/<tenant>/<vendor>`: verifies (ForgedError), then translates; none is nothing to follow.
    `greet` answers where it asks first, by GET, whether the address is ours: checks (ForgedError), then says what proves it.
    """

    sheet: Sheet
    address: str
    path: str
    twin: Callable[[Book, Limit], Twin]
    account: Callable[[str], dict[str, str]] | None = None
    sign_in: str | None = None
    receive: Callable[[Inbound, Mapping[str, Secret]], Sequence[Delivery | RideReport]] | None = None
    greet: Callable[[Inbound, Mapping[str, Secret]], str] | None = None
    hotels: Made[Hotels] | None = None
    cards: Made[Cards] | None = None
    texts: Made[Sms] | None = None
    mail: Made[Mail] | None = None
    chats: Made[Chat] | None = None
    pss: Made[Manifests] | None = None
    rides: Made[Rides] | None = None
    flights: Made[FlightFacts] | None = None
    delays: Made[DelayFacts] | None = None
    weather: Made[WeatherFacts] | None = None
    readers: Made[Reader] | None = None

    @property
    def vendor(self) -> str:
        return self.sheet.vendor


ENTRIES: Final = (
    Entry(
        sheet=hotelbeds.SHEET, address="https://api.hotelbeds.com", path="/hotelbeds", twin=hotelbeds_twin, account=hotelbeds_account,
        hotels=of(Hotelbeds),
    ),
    Entry(
        sheet=amadeus.SHEET, address="https://api.amadeus.com", path="/amadeus", twin=amadeus_twin, account=amadeus_account,
        hotels=of(Amadeus),
    ),
    Entry(sheet=pomelo.SHEET, address="https://api.pomelo.la", path="/pomelo", twin=pomelo_twin, account=pomelo_account, cards=of(Pomelo)),
    Entry(
        sheet=twilio.SHEET, address="https://api.twilio.com", path="/twilio", twin=twilio_twin, account=twilio_account,
        receive=receive_twilio, texts=of(Twilio),
    ),
    Entry(
        sheet=sendgrid.SHEET, address="https://api.sendgrid.com", path="/sendgrid", twin=sendgrid_twin, account=sendgrid_account,
        receive=receive_sendgrid, mail=of(Sendgrid),
    ),
    Entry(
        sheet=whatsapp.SHEET, address="https://graph.facebook.com", path="/whatsapp", twin=whatsapp_twin, account=whatsapp_account,
        receive=receive_whatsapp, greet=greet_whatsapp, chats=of(Whatsapp),
    ),
    Entry(  # an airline's own PSS has its address in the tenant's secret; this one answers nobody
        sheet=custom_pss.SHEET, address="https://pss.invalid", path="/pss", twin=pss_twin, account=pss_account, pss=of(CustomPss),
    ),
    Entry(
        sheet=sabre.SHEET, address="https://api.platform.sabre.com", path="/sabre", twin=sabre_twin, account=sabre_account, pss=of(Sabre),
    ),
    Entry(
        sheet=amadeus_pss.SHEET, address="https://api.amadeus.com", path="/amadeus_pss", twin=amadeus_pss_twin,
        account=amadeus_pss_account, pss=of(AmadeusPss),
    ),
    Entry(
        sheet=uber.SHEET, address="https://api.uber.com", path="/uber", twin=uber_twin, account=uber_account, sign_in=uber.SIGN_IN,
        receive=receive_uber, rides=lambda wires: Uber(wires.door, wires.secrets, wires.gate, wires.sign_in),
    ),
    Entry(
        sheet=aeroapi.SHEET, address="https://aeroapi.flightaware.com", path="/aeroapi", twin=aeroapi_twin, account=aeroapi_account,
        flights=of(AeroApi), delays=of(AeroApi),
    ),
    Entry(
        sheet=aviationstack.SHEET, address="https://api.aviationstack.com", path="/aviationstack", twin=aviationstack_twin,
        account=aviationstack_account, flights=of(AviationStack),
    ),
    Entry(
        sheet=noaa.SHEET, address="https://aviationweather.gov", path="/noaa", twin=noaa_twin,
        weather=lambda wires: Noaa(wires.door, wires.gate),
    ),
    Entry(
        sheet=anthropic.SHEET, address="https://api.anthropic.com", path="/anthropic", twin=anthropic_twin, account=anthropic_account,
        readers=of(Anthropic),
    ),
    Entry(
        sheet=openai.SHEET, address="https://api.openai.com", path="/openai", twin=openai_twin, account=openai_account,
        readers=of(OpenAi),
    ),
)  # fmt: skip

SHEETS: Final[Mapping[str, Sheet]] = {each.vendor: each.sheet for each in ENTRIES}
OWN_PSS: Final = custom_pss.VENDOR  # holds the manifests of flights whose URN names no vendor
WEBHOOKS: Final = {each.vendor: each.receive for each in ENTRIES if each.receive is not None}
GREETINGS: Final = {each.vendor: each.greet for each in ENTRIES if each.greet is not None}


@dataclass(frozen=True)
class Registry:
    """The adapters, by vendor. `default_*` serve where a request names no vendor."""

    hotels: Mapping[str, Hotels]
    cards: Mapping[str, Cards]
    texts: Mapping[str, Sms]
    mail: Mapping[str, Mail]
    chats: Mapping[str, Chat]
    pss: Mapping[str, Manifests]
    rides: Mapping[str, Rides]
    flights: Mapping[str, FlightFacts]
    delays: Mapping[str, DelayFacts]
    weather: Mapping[str, WeatherFacts]
    readers: Mapping[str, Reader]
    doors: tuple[Http, ...] = field(default=(), repr=False)

    @property
    def manifests(self) -> Manifests:
        """One port over all PSS: the flight's vendor chooses."""
        return RoutedManifests(self.pss)

    @property
    def default_cards(self) -> Cards:
        return self.cards[pomelo.VENDOR]

    @property
    def default_texts(self) -> Sms:
        return self.texts[twilio.VENDOR]

    @property
    def default_mail(self) -> Mail:
        return self.mail[sendgrid.VENDOR]

    @property
    def default_chat(self) -> Chat:
        return self.chats[whatsapp.VENDOR]

    @property
    def probes(self) -> Mapping[str, Probing]:
        """Who finds out, by vendor, whether a partner is back."""
        kinds = [value for each in fields(self) if isinstance(value := getattr(self, each.name), Mapping)]
        return {vendor: adapter for kind in kinds for vendor, adapter in kind.items() if isinstance(adapter, Probing)}

    async def close(self) -> None:
        for door in self.doors:
            await door.close()


@dataclass(frozen=True)
class RoutedManifests:
    """Asks the PSS that the flight's vendor names; a flight without one belongs to the airline's own PSS."""

    pss: Mapping[str, Manifests]

    async def manifest(self, tenant: Tenant, flight: Urn) -> Answer[Manifest]:
        behind = self.pss.get(flight.vendor or custom_pss.VENDOR)
        return await behind.manifest(tenant, flight) if behind else _unknown_vendor()

    async def entry(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[ManifestEntry]:
        behind = self.pss.get(flight.vendor or custom_pss.VENDOR)
        return await behind.entry(tenant, flight, pnr) if behind else _unknown_vendor()

    async def next_flight(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[NextFlight | None]:
        behind = self.pss.get(flight.vendor or custom_pss.VENDOR)
        return await behind.next_flight(tenant, flight, pnr) if behind else _unknown_vendor()


def _unknown_vendor() -> Declined:
    return Declined("UNKNOWN_VENDOR", "no adapter serves the vendor of this flight")


def connect(
    secrets: Secrets, sandbox_url: str | None = None, gate: Gate | None = None, twins: Mapping[str, ASGIApp] | None = None,
    entries: Sequence[Entry] = ENTRIES, own_rooms: OwnRooms | None = None,
) -> Registry:  # fmt: skip
    """The adapters, connected to nothing yet: each opens its pool at its first call.

    `sandbox_url` reaches the twins there instead of the partners; `twins`, by vendor, reaches applications in this process. Own contracts
    are a source where `own_rooms` says what they have, and the first one: of offers that cost the same, theirs is taken.
    """
    wires = {each.vendor: _wires(each, secrets, gate, sandbox_url, (twins or {}).get(each.vendor)) for each in entries}

    def made(port: Callable[[Entry], Made[T_co] | None]) -> dict[str, T_co]:
        return {each.vendor: make(wires[each.vendor]) for each in entries if (make := port(each)) is not None}

    texts = made(lambda entry: entry.texts)
    return Registry(
        hotels={**({direct.VENDOR: Direct(own_rooms)} if own_rooms else {}), **made(lambda entry: entry.hotels)},
        cards=made(lambda entry: entry.cards),
        texts=texts,
        mail=made(lambda entry: entry.mail),
        chats=made(lambda entry: entry.chats),
        pss=made(lambda entry: entry.pss),
        rides={**made(lambda entry: entry.rides), contracted.VENDOR: Contracted(texts[twilio.VENDOR], secrets)},
        flights=made(lambda entry: entry.flights),
        delays=made(lambda entry: entry.delays),
        weather=made(lambda entry: entry.weather),
        readers=made(lambda entry: entry.readers),
        doors=tuple(door for each in wires.values() for door in (each.door, each.sign_in) if door is not None),
    )


def _wires(entry: Entry, secrets: Secrets, gate: Gate | None, sandbox_url: str | None, twin: ASGIApp | None) -> Wires:
    if twin is not None:
        return Wires(Http("http://sandbox", app=twin), secrets, gate)
    if sandbox_url:
        return Wires(Http(sandbox_url.rstrip("/") + entry.path), secrets, gate)
    return Wires(Http(entry.address), secrets, gate, Http(entry.sign_in) if entry.sign_in else None)


class SandboxSecrets:
    """The accounts every sandbox knows, for every tenant. They open nothing else."""

    def __init__(self, entries: Sequence[Entry] = ENTRIES) -> None:
        accounts = {each.vendor: each.account for each in entries if each.account is not None}
        self._accounts = {**accounts, contracted.VENDOR: contracted_account}

    def vendor(self, tenant: Tenant, vendor: str) -> Mapping[str, Secret]:
        if vendor not in self._accounts:
            raise SecretMissingError(f"no sandbox has an account for {vendor}")
        return {name: Secret(value) for name, value in self._accounts[vendor](tenant).items()}


@dataclass(frozen=True)
class FirstOf:
    """Asks one after the other."""

    sources: tuple[Secrets, ...]

    def vendor(self, tenant: Tenant, vendor: str) -> Mapping[str, Secret]:
        for source in self.sources:
            try:
                return source.vendor(tenant, vendor)
            except SecretMissingError:
                continue
        raise SecretMissingError(f"nexa/{tenant}/vendor/{vendor} was found nowhere")


def vendor_secrets(directory: Path | None, *, production: bool) -> Secrets:
    """Secrets of files and environment; outside production the sandboxes' accounts stand in for what is missing."""
    files = FileSecrets(directory)
    return files if production else FirstOf((files, SandboxSecrets()))
