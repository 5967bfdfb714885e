"""Which hotels of several sources are one house. Pure and deterministic: the same offers in any order give the same houses.

Source: PRODUCT.md, search. Three layers, each for what the one before left apart:

1. a shared id: a source says itself that several of its hotels are one house;
2. within 100 m and of the same stars;
3. the same name and the same address.

A source calls a house by one name unless it says otherwise. So layers 2 and 3 join hotels of different sources only, the nearest first: two
hotels that stand door to door at one source stay two, whoever else sells one of them.

What one source knows of a house holds for the house: an address, a telephone, an amenity, a chain that a policy excludes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from domains.booking.ports import Offer
from kernel.urn import Urn

SAME_PLACE_KM: Final = 0.1
_DEGREES: Final = 0.001  # of latitude, 111 m anywhere: what lies farther apart need not be measured

_Hotels = Mapping[Urn, Offer]  # any offer of each hotel: all tell the same of it


@dataclass(frozen=True, slots=True)
class House:
    """`urn` is the least of its hotels' and stands for all of them; `chains` are in lower case."""

    urn: Urn
    hotels: frozenset[Urn]
    address: str
    phone: str | None
    amenities: tuple[str, ...]
    chains: frozenset[str]


def houses(offers: Iterable[Offer]) -> dict[Urn, House]:
    """The house of each hotel."""
    hotels = {offer.hotel: offer for offer in sorted(offers, key=lambda offer: (offer.hotel, offer.urn), reverse=True)}
    of = {urn: {urn} for urn in hotels}
    for first, second in _told_the_same(hotels):
        _join(of, first, second)
    for first, second in [*_at_one_place(hotels), *_of_one_name(hotels)]:
        if not {urn.vendor for urn in of[first]} & {urn.vendor for urn in of[second]}:
            _join(of, first, second)
    made = [_house([hotels[urn] for urn in sorted(group)]) for group in {id(group): group for group in of.values()}.values()]
    return {hotel: house for house in made for hotel in house.hotels}


def completed(offer: Offer, house: House) -> Offer:
    """The offer with what another source knows of its house and its own does not."""
    if len(house.hotels) == 1:
        return offer
    return replace(offer, address=offer.address or house.address, phone=offer.phone or house.phone, amenities=house.amenities)


def _join(of: dict[Urn, set[Urn]], first: Urn, second: Urn) -> None:
    together = of[first] | of[second]
    of.update(dict.fromkeys(together, together))


def _told_the_same(hotels: _Hotels) -> list[tuple[Urn, Urn]]:
    by_id: dict[str, Urn] = {}
    shared = sorted((offer.shared_id, urn) for urn, offer in hotels.items() if offer.shared_id)
    return [(by_id.setdefault(shared_id, urn), urn) for shared_id, urn in shared]


def _at_one_place(hotels: _Hotels) -> list[tuple[Urn, Urn]]:
    """The nearest first."""
    by_latitude = sorted(hotels.values(), key=lambda offer: offer.location.latitude)
    found: list[tuple[float, Urn, Urn]] = []
    for place, one in enumerate(by_latitude):
        for other in by_latitude[place + 1 :]:
            if other.location.latitude - one.location.latitude > _DEGREES:
                break
            km = one.location.km_to(other.location)
            if km <= SAME_PLACE_KM and one.stars == other.stars > 0 and one.hotel.vendor != other.hotel.vendor:
                found.append((km, min(one.hotel, other.hotel), max(one.hotel, other.hotel)))
    return [(first, second) for _, first, second in sorted(found)]


def _of_one_name(hotels: _Hotels) -> list[tuple[Urn, Urn]]:
    by_name: dict[tuple[str, str], list[Urn]] = {}
    for urn, offer in sorted(hotels.items()):
        if _plain(offer.address):
            by_name.setdefault((_plain(offer.name), _plain(offer.address)), []).append(urn)
    return [pair for urns in by_name.values() for pair in combinations(urns, 2)]


def _plain(text: str) -> str:
    """Letters and digits alone, without accents: sources write one name in many ways."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", text).casefold())


def _house(known: list[Offer]) -> House:
    return House(
        urn=known[0].hotel,
        hotels=frozenset(offer.hotel for offer in known),
        address=next((offer.address for offer in known if offer.address), ""),
        phone=next((offer.phone for offer in known if offer.phone), None),
        amenities=tuple(sorted({amenity for offer in known for amenity in offer.amenities})),
        chains=frozenset(offer.chain.lower() for offer in known if offer.chain),
    )
