"""What a PSS says about a flight, in Nexa's words: a manifest is one entry per PNR, an entry is one or more travellers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kernel.urn import Urn


class Tier(StrEnum):
    """The cabin a traveller paid for, lowest first; `CREW` is apart: duty rules come before comfort."""

    ECONOMY = "ECONOMY"
    PREMIUM_ECONOMY = "PREMIUM_ECONOMY"
    BUSINESS = "BUSINESS"
    FIRST = "FIRST"
    CREW = "CREW"


class TravellerKind(StrEnum):
    """`CHILD` is 2 to 11 years old and needs a bed, `INFANT` is younger and does not."""

    ADULT = "ADULT"
    CHILD = "CHILD"
    INFANT = "INFANT"


class Need(StrEnum):
    """A special need as the PSS codes it. The wheelchair codes ask for an accessible room, `UMNR` travels alone under age."""

    WCHR = "WCHR"
    WCHS = "WCHS"
    WCHC = "WCHC"
    BLND = "BLND"
    DEAF = "DEAF"
    MEDA = "MEDA"
    UMNR = "UMNR"


WHEELCHAIR = frozenset({Need.WCHR, Need.WCHS, Need.WCHC})


@dataclass(frozen=True, slots=True)
class Traveller:
    """One person. `urn` is the airline's; the names are personal data and belong in cases' `party` table only."""

    urn: Urn
    given_name: str
    family_name: str
    kind: TravellerKind
    tier: Tier
    needs: frozenset[Need] = frozenset()
    age: int | None = None  # years, known for children only; hotels price a child by it


@dataclass(frozen=True, slots=True)
class Contact:
    """How the lead passenger is reached: `phone` in E.164, `language` a BCP 47 tag. A PNR may have neither phone nor e-mail."""

    phone: str | None = None
    email: str | None = None
    language: str = "en"

    @property
    def reachable(self) -> bool:
        return bool(self.phone or self.email)


@dataclass(frozen=True, slots=True)
class NextFlight:
    """The flight the airline re-seated a PNR on. `departure` keeps the offset of the origin, `zone` is its IANA time zone."""

    flight: Urn
    departure: datetime
    origin: str
    destination: str
    zone: str


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One PNR. The first traveller leads. `next_flight` is None while the airline has not re-seated them."""

    pnr: Urn
    travellers: tuple[Traveller, ...]
    contact: Contact
    next_flight: NextFlight | None = None

    @property
    def lead(self) -> Traveller:
        return self.travellers[0]

    @property
    def tiers(self) -> frozenset[Tier]:
        """More than one member means a mixed-tier PNR, which a person has to look at."""
        return frozenset(traveller.tier for traveller in self.travellers)

    @property
    def accessible(self) -> bool:
        """Whether somebody needs an accessible room."""
        return any(traveller.needs & WHEELCHAIR for traveller in self.travellers)

    def count(self, kind: TravellerKind) -> int:
        return sum(traveller.kind is kind for traveller in self.travellers)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everyone booked on `flight` when it was asked. Airports are IATA codes; `zone` is the origin's IANA time zone.

    `departure` is the scheduled one with the origin's own offset. No entries is a valid manifest: an empty flight.
    """

    flight: Urn
    origin: str
    destination: str
    departure: datetime
    zone: str
    entries: tuple[ManifestEntry, ...]

    @property
    def passengers(self) -> int:
        return sum(len(entry.travellers) for entry in self.entries)
