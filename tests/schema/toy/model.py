"""What is true in the toy. Each domain would have its own model; one file is enough here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kernel.refusal import NotFound, Refusal
from kernel.urn import Urn
from resolvers.context import Context, Info


class Status(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    LEGAL_HOLD = "legal hold"


class Locked(Refusal):
    """Somebody else is working on it."""


class Suspected(Refusal):
    """The passenger is suspected of fraud."""


@dataclass(frozen=True, slots=True)
class SubCase:
    urn: Urn
    case: Urn
    status: Status = Status.OPEN
    note: str = "secret note"


@dataclass(frozen=True, slots=True)
class Case:
    urn: Urn
    name: str = "JFK"


@dataclass(frozen=True, slots=True)
class Reservation:
    urn: Urn
    sub_case: Urn
    hotel: str = "Grand"


@dataclass(frozen=True, slots=True)
class Penalty:
    amount: int


@dataclass(frozen=True, slots=True)
class Ask:
    sub_case: Urn
    rooms: int = 1
    override: bool = False
    tags: tuple[str, ...] = ()


@dataclass
class Toy(Context):
    """The context of the toy: counts the calls."""

    calls: list[tuple[str, int]] = field(default_factory=list)


def calls(context: Context) -> list[tuple[str, int]]:
    assert isinstance(context, Toy)
    return context.calls


CASE = Urn("urn:case:c1")
SUB_CASES = [SubCase(Urn(f"urn:sub-case:s{n}"), CASE, Status.LEGAL_HOLD if n == 2 else Status.OPEN) for n in range(1, 4)]


async def load_cases(context: Context, urns: Sequence[Urn]) -> Sequence[Case | None]:
    calls(context).append(("cases", len(urns)))
    return [Case(urn) if urn == CASE else None for urn in urns]


async def load_sub_cases(context: Context, urns: Sequence[Urn]) -> Sequence[SubCase | None]:
    calls(context).append(("sub_cases", len(urns)))
    known = {one.urn: one for one in SUB_CASES}
    return [known.get(urn) for urn in urns]


async def load_reservations(context: Context, urns: Sequence[Urn]) -> Sequence[Reservation | None]:
    return [Reservation(urn, SUB_CASES[0].urn) for urn in urns]


async def sub_cases(info: Info, first: int = 2, secretly: bool = False) -> list[SubCase]:
    """The first sub-cases."""
    return SUB_CASES[:first]


async def sub_case(info: Info, urn: Urn) -> SubCase | None:
    return await info.context.loader(load_sub_cases).load(urn)


async def history_of(root: SubCase, info: Info, first: int = 1) -> list[str]:
    return ["opened", "moved"][:first]


async def by_sub_case(context: Context, urns: Sequence[Urn]) -> Sequence[list[Reservation]]:
    calls(context).append(("by_sub_case", len(urns)))
    return [[Reservation(Urn.of("reservation", f"r-{urn.id}"), urn)] for urn in urns]


async def reservations_of(sub_case: Urn, info: Info) -> list[Reservation]:
    """The rooms."""
    return await info.context.loader(by_sub_case).load(sub_case) or []


async def events_of(sub_case: Urn, info: Info) -> list[Reservation | Penalty]:
    return [Reservation(Urn("urn:reservation:r1"), sub_case), Penalty(5)]


async def ask(info: Info, input: Ask) -> SubCase:
    if input.sub_case.id == "locked":
        raise Locked(holder="Ada")
    if input.sub_case.id == "fraud":
        raise Suspected()
    if input.sub_case.id == "gone":
        raise NotFound()
    return SubCase(input.sub_case, CASE, note=f"{input.rooms} {input.override} {input.tags}")


async def watch(info: Info, urn: Urn) -> AsyncIterator[SubCase]:
    async def stream() -> AsyncIterator[SubCase]:
        for _ in range(2):
            row = await info.context.loader(load_sub_cases).load(urn)
            assert row is not None
            yield row

    if urn.id == "gone":
        raise NotFound()
    return stream()
