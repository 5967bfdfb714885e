"""What booking says of own contracts: what a hotel promised, its nights with live counts, and how a supervisor changes them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final

from domains.booking import commands, contract, ports
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import contracts as resolve
from resolvers import loaders
from schema.audience import OPERATOR
from schema.binding import bind, extend, field, outcome, takes, view
from schema.common import Money, Node, NotFound, VersionConflict

DOMAIN: Final = "booking"
READERS = (Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT)


@view(of=ports.Terms, seen_by=OPERATOR)
class ContractRooms:
    """Rooms of one type that a contract brings every night; caps of single nights may differ."""

    code: str
    name: str
    sleeps: int
    board: str
    nightly: Money
    rooms: int


@view(of=contract.Night, seen_by=OPERATOR)
class ContractNight:
    """One room type in one night. `capacity` less `blocked` may be sold, unless it is stopped."""

    room_type: str
    night: date
    capacity: int
    blocked: int
    stopped: bool
    held: int
    confirmed: int
    free: int
    nearest_expiry: datetime | None
    version: int


@view(of=contract.Contract, key="urn", kind="contract", seen_by=OPERATOR, load=loaders.load_contracts, allow=READERS)
class Contract(Node):
    """Rooms that a hotel has promised to the airline. Valid from the night `first` to the night `last`."""

    urn: Urn
    version: int
    hotel_name: str
    stars: int
    address: str
    phone: str | None
    email: str | None
    amenities: list[str]
    airports: list[str]
    tiers: list[str] = field(description="None: for everybody.")
    first: date
    last: date
    rooms: list[ContractRooms]
    nights: list[ContractNight] = bind(resolve.nights_of, seen_by=OPERATOR, args={"first": OPERATOR, "last": OPERATOR})


@takes(of=resolve.RoomType, seen_by=OPERATOR)
class ContractRoomsInput:
    """Rooms of one type: how many a night, how many people sleep in each, and the price of one for a night."""

    code: str
    name: str
    sleeps: int
    board: str
    nightly: Decimal
    currency: str
    rooms: int


@takes(of=resolve.Promise, seen_by=OPERATOR)
class CreateContractInput:
    """No tier: for everybody. The same key makes one contract."""

    hotel_name: str
    stars: int
    address: str
    latitude: float
    longitude: float
    airports: list[str]
    tiers: list[str]
    first: date
    last: date
    rooms: list[ContractRoomsInput]
    amenities: list[str]
    reason: str
    idempotency_key: str
    phone: str | None
    email: str | None


@takes(of=commands.EditNights, seen_by=OPERATOR)
class EditContractNightsInput:
    """From the night `first` to the night `last`; what is left out stays. `version` is the contract's as it was seen."""

    contract: Urn
    version: int
    room_type: str
    first: date
    last: date
    reason: str
    capacity: int | None
    blocked: int | None
    stopped: bool | None


@view(of=resolve.ContractChanged, seen_by=OPERATOR)
class ContractChanged:
    """As it stands now."""

    contract: Contract


EditContractNightsResult = Annotated[ContractChanged | VersionConflict | NotFound, outcome("EditContractNightsResult", seen_by=OPERATOR)]


@extend
class Query:
    contracts: list[Contract] = bind(resolve.contracts, seen_by=OPERATOR, args={"airport": OPERATOR}, allow=READERS)
    contract: Contract | None = bind(resolve.contract, seen_by=OPERATOR, args={"urn": OPERATOR}, allow=READERS)


@extend
class Mutation:
    create_contract: ContractChanged = bind(resolve.create_contract, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR)
    edit_contract_nights: EditContractNightsResult = bind(
        resolve.edit_contract_nights, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR
    )
