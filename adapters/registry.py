"""Which adapter stands behind which vendor: the one place, besides an adapter's own folder, where a vendor's name is written."""

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
from adapters.amadeus.client import Amadeus
from adapters.amadeus.sandbox import credentials as amadeus_account
from adapters.amadeus_pss.client import AmadeusPss
from adapters.amadeus_pss.sandbox import credentials as amadeus_pss_account
from adapters.anthropic.client import Anthropic
from adapters.anthropic.sandbox import credentials as anthropic_account
from adapters.aviationstack.client import AviationStack
from adapters.aviationstack.sandbox import credentials as aviationstack_account
from adapters.contracted.client import Contracted
from adapters.contracted.sandbox import credentials as contracted_account
from adapters.custom_pss.client import CustomPss
from adapters.custom_pss.sandbox import credentials as pss_account
from adapters.hotelbeds.client import Hotelbeds
from adapters.hotelbeds.sandbox_words import credentials as hotelbeds_account
from adapters.noaa.client import Noaa
from adapters.openai.client import OpenAi
from adapters.openai.sandbox import credentials as openai_account
from adapters.pomelo.client import Pomelo
from adapters.pomelo.sandbox import credentials as pomelo_account
from adapters.sabre.client import Sabre
from adapters.sabre.sandbox import credentials as sabre_account
from adapters.sendgrid.client import Sendgrid
from adapters.sendgrid.sandbox import credentials as sendgrid_account
from adapters.sendgrid.webhook import receive as receive_sendgrid
from adapters.twilio.client import Twilio
from adapters.twilio.sandbox import credentials as twilio_account
from adapters.twilio.webhook import receive as receive_twilio
from adapters.uber.client import Uber
from adapters.uber.sandbox import credentials as uber_account
from adapters.whatsapp.client import Whatsapp
from adapters.whatsapp.sandbox import credentials as whatsapp_account
from adapters.whatsapp.webhook import greet as greet_whatsapp
from adapters.whatsapp.webhook import receive as receive_whatsapp
from domains.airline.model import Manifest, ManifestEntry, NextFlight
from domains.airline.ports import Manifests
from domains.booking.ports import Hotels, Rides
from domains.notifications.ports import Chat, Delivery, Mail, Sms
from domains.policies.ports import Reader
from domains.predictor.ports import DelayFacts, FlightFacts, WeatherFacts
from domains.wallet.ports import Cards
from kernel.answer import Answer, Declined
from kernel.http import ASGIApp, Http
from kernel.partner import Gate, Probing, Sheet
from kernel.secret import FileSecrets, Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.webhook import Inbound

T = TypeVar("T")

SHEETS: Final[Mapping[str, Sheet]] = {
    sheet.vendor: sheet
    for sheet in (
        hotelbeds.SHEET,
        amadeus.SHEET,
        pomelo.SHEET,
        twilio.SHEET,
        sendgrid.SHEET,
        whatsapp.SHEET,
        custom_pss.SHEET,
        sabre.SHEET,
        amadeus_pss.SHEET,
        uber.SHEET,
        aeroapi.SHEET,
        aviationstack.SHEET,
        noaa.SHEET,
        anthropic.SHEET,
        openai.SHEET,
    )
}

OWN_PSS: Final = custom_pss.VENDOR  # holds the manifests of flights whose URN names no vendor

# Where a vendor is reached in earnest. An airline's own PSS has its address in the tenant's secret; this one answers nobody.
ADDRESSES: Final[Mapping[str, str]] = {
    hotelbeds.VENDOR: "https://api.hotelbeds.com",
    amadeus.VENDOR: "https://api.amadeus.com",
    pomelo.VENDOR: "https://api.pomelo.la",
    twilio.VENDOR: "https://api.twilio.com",
    sendgrid.VENDOR: "https://api.sendgrid.com",
    whatsapp.VENDOR: "https://graph.facebook.com",
    custom_pss.VENDOR: "https://pss.invalid",
    sabre.VENDOR: "https://api.platform.sabre.com",
    amadeus_pss.VENDOR: "https://api.amadeus.com",
    uber.VENDOR: "https://api.uber.com",
    aeroapi.VENDOR: "https://aeroapi.flightaware.com",
    aviationstack.VENDOR: "https://api.aviationstack.com",
    noaa.VENDOR: "https://aviationweather.gov",
    anthropic.VENDOR: "https://api.anthropic.com",
    openai.VENDOR: "https://api.openai.com",
}

# The path of each vendor's twin below the sandbox's address.
SANDBOX_PATHS: Final[Mapping[str, str]] = {
    hotelbeds.VENDOR: "/hotelbeds",
    amadeus.VENDOR: "/amadeus",
    pomelo.VENDOR: "/pomelo",
    twilio.VENDOR: "/twilio",
    sendgrid.VENDOR: "/sendgrid",
    whatsapp.VENDOR: "/whatsapp",
    custom_pss.VENDOR: "/pss",
    sabre.VENDOR: "/sabre",
    amadeus_pss.VENDOR: "/amadeus_pss",
    uber.VENDOR: "/uber",
    aeroapi.VENDOR: "/aeroapi",
    aviationstack.VENDOR: "/aviationstack",
    noaa.VENDOR: "/noaa",
    anthropic.VENDOR: "/anthropic",
    openai.VENDOR: "/openai",
}

_SANDBOX_ACCOUNTS: Final[Mapping[str, Callable[[str], dict[str, str]]]] = {
    hotelbeds.VENDOR: hotelbeds_account,
    amadeus.VENDOR: amadeus_account,
    pomelo.VENDOR: pomelo_account,
    twilio.VENDOR: twilio_account,
    sendgrid.VENDOR: sendgrid_account,
    whatsapp.VENDOR: whatsapp_account,
    custom_pss.VENDOR: pss_account,
    sabre.VENDOR: sabre_account,
    amadeus_pss.VENDOR: amadeus_pss_account,
    uber.VENDOR: uber_account,
    contracted.VENDOR: contracted_account,
    anthropic.VENDOR: anthropic_account,
    openai.VENDOR: openai_account,
    aeroapi.VENDOR: aeroapi_account,
    aviationstack.VENDOR: aviationstack_account,
}

# Who reads what a vendor sends to `/webhooks/<tenant>/<vendor>`: verifies (ForgedError), then translates; none is nothing to follow.
WEBHOOKS: Final[Mapping[str, Callable[[Inbound, Mapping[str, Secret]], Sequence[Delivery]]]] = {
    twilio.VENDOR: receive_twilio,
    sendgrid.VENDOR: receive_sendgrid,
    whatsapp.VENDOR: receive_whatsapp,
}

# Who answers a vendor that asks first whether the address is ours, by GET: checks (ForgedError), then says what proves it.
GREETINGS: Final[Mapping[str, Callable[[Inbound, Mapping[str, Secret]], str]]] = {whatsapp.VENDOR: greet_whatsapp}


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
    secrets: Secrets, sandbox_url: str | None = None, gate: Gate | None = None, twins: Mapping[str, ASGIApp] | None = None
) -> Registry:
    """The adapters, connected to nothing yet: each opens its pool at its first call.

    `sandbox_url` reaches the twins there instead of the partners; `twins`, by vendor, reaches applications in this process.
    """
    doors = {vendor: _door(vendor, sandbox_url, (twins or {}).get(vendor)) for vendor in SHEETS}
    auth = None if sandbox_url or uber.VENDOR in (twins or {}) else Http(uber.SIGN_IN)
    texts = Twilio(doors[twilio.VENDOR], secrets, gate)
    flights = AeroApi(doors[aeroapi.VENDOR], secrets, gate)
    return Registry(
        hotels={
            hotelbeds.VENDOR: Hotelbeds(doors[hotelbeds.VENDOR], secrets, gate),
            amadeus.VENDOR: Amadeus(doors[amadeus.VENDOR], secrets, gate),
        },
        cards={pomelo.VENDOR: Pomelo(doors[pomelo.VENDOR], secrets, gate)},
        texts={twilio.VENDOR: texts},
        mail={sendgrid.VENDOR: Sendgrid(doors[sendgrid.VENDOR], secrets, gate)},
        chats={whatsapp.VENDOR: Whatsapp(doors[whatsapp.VENDOR], secrets, gate)},
        pss={
            custom_pss.VENDOR: CustomPss(doors[custom_pss.VENDOR], secrets, gate),
            sabre.VENDOR: Sabre(doors[sabre.VENDOR], secrets, gate),
            amadeus_pss.VENDOR: AmadeusPss(doors[amadeus_pss.VENDOR], secrets, gate),
        },
        rides={
            uber.VENDOR: Uber(doors[uber.VENDOR], secrets, gate, auth),
            contracted.VENDOR: Contracted(texts, secrets),
        },
        flights={aeroapi.VENDOR: flights, aviationstack.VENDOR: AviationStack(doors[aviationstack.VENDOR], secrets, gate)},
        delays={aeroapi.VENDOR: flights},
        weather={noaa.VENDOR: Noaa(doors[noaa.VENDOR], gate)},
        readers={
            anthropic.VENDOR: Anthropic(doors[anthropic.VENDOR], secrets, gate),
            openai.VENDOR: OpenAi(doors[openai.VENDOR], secrets, gate),
        },
        doors=(*doors.values(), *((auth,) if auth else ())),
    )


def _door(vendor: str, sandbox_url: str | None, twin: ASGIApp | None) -> Http:
    if twin is not None:
        return Http("http://sandbox", app=twin)
    return Http(sandbox_url.rstrip("/") + SANDBOX_PATHS[vendor] if sandbox_url else ADDRESSES[vendor])


class SandboxSecrets:
    """The accounts every sandbox knows, for every tenant. They open nothing else."""

    def vendor(self, tenant: Tenant, vendor: str) -> Mapping[str, Secret]:
        if vendor not in _SANDBOX_ACCOUNTS:
            raise SecretMissingError(f"no sandbox has an account for {vendor}")
        return {name: Secret(value) for name, value in _SANDBOX_ACCOUNTS[vendor](tenant).items()}


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
