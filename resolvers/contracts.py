"""Own contracts: what was agreed, every night of it, and the word of the supervisor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import blake2b

from domains.booking import actions, queries
from domains.booking.commands import CreateContract, EditNights
from domains.booking.contract import Contract, Night
from domains.booking.ports import Point, Terms
from kernel.money import Money
from kernel.patience import at_once
from kernel.refusal import BadInput
from kernel.urn import Urn
from kernel.work import Work
from resolvers import loaders
from resolvers.context import Info

MOST_NIGHTS = 62  # of one question: a screen shows a month or two


@dataclass(frozen=True, slots=True)
class RoomType:
    """Rooms of one type: how many a night, how many people sleep in each, and the price of one for a night."""

    code: str
    name: str
    sleeps: int
    board: str
    nightly: Decimal
    currency: str
    rooms: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What a hotel has promised."""

    hotel_name: str
    stars: int
    address: str
    latitude: float
    longitude: float
    airports: tuple[str, ...]
    tiers: tuple[str, ...]
    first: date
    last: date
    rooms: tuple[RoomType, ...]
    amenities: tuple[str, ...]
    reason: str
    idempotency_key: str
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class ContractChanged:
    contract: Contract


async def contracts(info: Info, airport: str | None = None) -> list[Contract]:
    """Those that are not over, at one airport or at all that who asks may see."""
    context = info.context
    async with context.read("booking") as connection:
        found = await queries.contracts(connection, context.tenant)
    return [each for each in found if any(context.admits(code) and airport in (None, code) for code in each.airports)]


async def contract(info: Info, urn: Urn) -> Contract | None:
    """Null when there is no such contract here."""
    return await info.context.loader(loaders.load_contracts).load(urn)


async def nights_of(root: Contract, info: Info, first: date, last: date) -> list[Night]:
    """Every room type from the night `first` to the night `last`: caps, blocks, stops, and what is held, confirmed and free right now."""
    if not 0 <= (last - first).days < MOST_NIGHTS:
        raise BadInput(f"Ask for 1 to {MOST_NIGHTS} nights.")
    return await info.context.loader(loaders.load_contract_nights).load(loaders.Nights(root.urn, first, last))


async def create_contract(info: Info, input: Promise) -> ContractChanged:
    """Rooms of a hotel that may be sold from now on, like those of any other source. The same key makes one contract."""
    named = blake2b(f"{info.context.identity.urn}|{input.idempotency_key}".encode(), digest_size=12).hexdigest()
    command = CreateContract(
        hotel_name=input.hotel_name, stars=input.stars, address=input.address, location=Point(input.latitude, input.longitude),
        airports=tuple(input.airports), first=input.first, last=input.last, rooms=tuple(map(_terms, input.rooms)), reason=input.reason,
        urn=Urn.of("contract", named), tiers=tuple(input.tiers), phone=input.phone, email=input.email, amenities=tuple(input.amenities),
    )  # fmt: skip
    return await _changed(info, lambda work: actions.create_contract(work, command))


async def edit_contract_nights(info: Info, input: EditNights) -> ContractChanged:
    """Changes caps, blocks and stops of a room type in some nights, at once. What is sold stays sold."""
    return await _changed(info, lambda work: actions.edit_nights(work, input))


def _terms(told: RoomType) -> Terms:
    return Terms(told.code, told.name, told.sleeps, told.board, Money(told.nightly, told.currency), told.rooms)


async def _changed(info: Info, act: Callable[[Work], Awaitable[Contract]]) -> ContractChanged:
    async def attempt() -> Contract:
        async with info.context.work("booking") as work:
            return await act(work)

    return ContractChanged(await at_once(attempt))
