"""What contracts have, as offers; what is held, as a confirmation. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.direct import VENDOR
from domains.booking.ports import BookingStatus, Confirmation, Occupancy, Offer, Rate, RateKind, Search, UnitsHeld, Vacancy
from kernel.urn import Urn


def offers(vacancies: Iterable[Vacancy], search: Search) -> tuple[Offer, ...]:
    """Those that sleep the whole party near enough, the nearest first."""
    made = [offer(each, search) for each in vacancies if _sleeps(each, search)]
    near = [each for each in made if each.distance_km <= search.radius_km and each.allotment >= search.rooms]
    return tuple(sorted(near, key=lambda each: (each.distance_km, each.urn)))


def offer(vacancy: Vacancy, search: Search) -> Offer:
    terms, hotel = vacancy.terms, Urn.of("hotel", vacancy.contract.id, VENDOR)
    name = f"{vacancy.contract.id}-{terms.code}-{search.check_in:%Y%m%d}-{search.nights}"
    return Offer(
        urn=Urn.of("offer", name, VENDOR),
        hotel=hotel,
        name=vacancy.hotel_name,
        stars=vacancy.stars,
        address=vacancy.address,
        location=vacancy.location,
        distance_km=round(vacancy.location.km_to(search.near), 3),
        room_type=terms.code,
        room_name=terms.name,
        board=terms.board,
        check_in=search.check_in,
        check_out=search.check_out,
        nightly=terms.nightly,
        total=terms.nightly.times(search.rooms * search.nights),
        allotment=vacancy.rooms,
        rates=tuple(_rate(vacancy, each, search.nights) for each in search.occupancies),
        phone=vacancy.phone,
        amenities=vacancy.amenities,
        tiers=vacancy.tiers,
        own=True,
    )


def confirmation(held: UnitsHeld) -> Confirmation:
    """Under our own reference: the contract has no other."""
    hotel = Urn.of("hotel", held.contract.id, VENDOR)
    return Confirmation(
        held.client_reference, held.client_reference, BookingStatus.CONFIRMED, hotel, held.check_in, held.check_out, held.rooms, held.total
    )


def _rate(vacancy: Vacancy, occupancy: Occupancy, nights: int) -> Rate:
    total = vacancy.terms.nightly.times(occupancy.rooms * nights)
    return Rate(f"{vacancy.contract.id}/{vacancy.terms.code}", RateKind.BOOKABLE, occupancy, total)


def _sleeps(vacancy: Vacancy, search: Search) -> bool:
    """An infant sleeps in a cot."""
    return all(each.adults + sum(age > 1 for age in each.child_ages) <= vacancy.terms.sleeps for each in search.occupancies)
