"""Own contracts: made and changed by supervisors; and their units, which follow the bookings.

A unit is taken in the transaction that intends a booking and belongs to its reservation. What is not confirmed when the hold ends is free
again; what was confirmed is freed by the cancellation, or when it is proven that the booking does not exist.
"""

from __future__ import annotations

from domains.booking import store
from domains.booking.commands import CreateContract, EditNights
from domains.booking.contract import MOST_ROOMS, Contract, Vacancy, fits
from domains.booking.model import Reservation
from domains.booking.ports import Search, UnitsHeld
from kernel.event import encode
from kernel.refusal import BadInput, NotFound, VersionConflict
from kernel.urn import Urn
from kernel.work import Work


async def create_contract(work: Work, command: CreateContract) -> Contract:
    """A contract, of which every night can be sold at once. Refuses: BadInput."""
    made = fits(
        Contract(
            command.urn, command.hotel_name, command.stars, command.address, command.location, command.phone, command.email,
            command.amenities, command.airports, command.tiers, command.first, command.last, command.rooms,
        )
    )  # fmt: skip
    reason = _reason(command.reason)
    if await store.add_contract(work, made):
        await work.audit(action="contract.created", entity=made.urn, reason=reason, after=store.contract_facts(made))
        return made
    known = await store.lock_contract(work, made.urn)
    assert known is not None
    if store.contract_facts(known) != store.contract_facts(made):
        raise BadInput("Another contract was made under this key.")
    return known


async def known_contract(work: Work, urn: Urn) -> bool:
    """Whether there is one of this name."""
    return await store.lock_contract(work, urn) is not None


async def edit_nights(work: Work, command: EditNights) -> Contract:
    """Changes caps, blocks and stops of some nights; what is sold already stays sold. Refuses: NotFound, VersionConflict, BadInput."""
    reason = _reason(command.reason)
    known = await store.lock_contract(work, command.contract)
    if known is None:
        raise NotFound("There is no such contract.")
    if known.version != command.version:
        raise VersionConflict(expected=command.version, actual=known.version)
    if any(number is not None and not 0 <= number <= MOST_ROOMS for number in (command.capacity, command.blocked)):
        raise BadInput(f"A night has 0 to {MOST_ROOMS} rooms of a type.")
    changed = await store.edit_nights(
        work, known.urn, command.room_type, command.first, command.last, command.capacity, command.blocked, command.stopped
    )
    if not changed:
        raise BadInput("The contract has no such night of this room type.")
    await store.touch_contract(work, known.urn)
    await work.audit(action="contract.nights-edited", entity=known.urn, reason=reason, after=encode(command))
    edited = await store.lock_contract(work, known.urn)
    assert edited is not None
    return edited


async def vacancies(work: Work, search: Search) -> list[Vacancy]:
    """What contracts have for a stay near an airport that they serve."""
    found = []
    for contract, room_type, rooms in await store.vacant(work, search.check_in, search.check_out):
        terms = next(each for each in contract.rooms if each.code == room_type)
        if rooms > 0 and contract.serves(search.near):
            found.append(
                Vacancy(
                    contract.urn, contract.hotel_name, contract.stars, contract.address, contract.location, contract.phone,
                    contract.amenities, contract.tiers, terms, rooms,
                )
            )  # fmt: skip
    return found


async def take_units(work: Work, reservation: Reservation) -> int | None:
    """Takes the units of an own offer; with None taken, how many some night has left. Of another's offer there is nothing to take."""
    if not reservation.offer.own:
        return None
    return await store.take_units(work, reservation, contract_of(reservation.offer.hotel), reservation.offer.nightly)


async def confirm_units(work: Work, reference: str) -> UnitsHeld | None:
    """The pending units of a reference are booked."""
    return await store.confirm_units(work, reference)


async def free_units(work: Work, reference: str) -> None:
    """The units of a reference may be sold again."""
    await store.free_units(work, reference=reference)


def contract_of(hotel: Urn) -> Urn:
    """The contract behind the hotel of an own offer, which bears its name."""
    return Urn.of("contract", hotel.id)


def _reason(reason: str) -> str:
    if not reason.strip():
        raise BadInput("A reason is needed: a person changes this.")
    return reason
