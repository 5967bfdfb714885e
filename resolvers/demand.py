"""Rooms asked for and groups made: what cases is told of many sub-cases at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from domains.cases import actions, queries
from domains.cases.commands import DecideDemand, GroupSubCases, RequestDemand, UngroupSubCases
from domains.cases.demand import Demand, Group
from domains.policies import queries as policies
from kernel.feed import Batch
from kernel.patience import at_once
from kernel.refusal import BadInput, NotFound
from kernel.urn import Urn
from kernel.work import Work
from resolvers import live, loaders
from resolvers.context import Context, Info

T = TypeVar("T")
MOST_NAMED = 500  # cases or sub-cases of one request


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rooms for whom; a case stands for every party of it that may have a room."""

    idempotency_key: str
    cases: tuple[Urn, ...] = ()
    sub_cases: tuple[Urn, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    demand: Urn
    version: int
    approve: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Demanded:
    demand: Demand
    replayed: bool


@dataclass(frozen=True, slots=True)
class Grouped:
    group: Group


@dataclass(frozen=True, slots=True)
class Ungrouped:
    sub_cases: tuple[Urn, ...]


@dataclass(frozen=True, slots=True)
class DemandBatch:
    seq: str
    snapshot: bool
    items: tuple[Demand, ...]


async def demands(info: Info) -> list[Demand]:
    """Newest first."""
    context = info.context
    async with context.read("cases") as connection:
        found = await queries.demands(connection, context.tenant)
    return [row for row in found if all(map(context.admits, row.airports))]


async def demand(info: Info, urn: Urn) -> Demand | None:
    """Null when there is no such demand here."""
    return await info.context.loader(loaders.load_demands).load(urn)


async def demand_changes(info: Info, after: str | None = None) -> AsyncIterator[DemandBatch]:
    """Demands as they are made and decided."""
    context = info.context

    async def items(batch: Batch) -> tuple[Demand, ...]:
        if batch.snapshot:
            return tuple(await demands(info))
        return tuple(row for row in await loaders.load_demands(context, batch.urns) if row is not None)

    return live.told(context, "demands", after, items, DemandBatch)


async def group_of(sub_case: Urn, info: Info) -> Urn | None:
    """Those of one group are placed in one house; null when it is placed alone."""
    return await info.context.loader(loaders.load_groups).load(sub_case)


async def group_sub_cases(info: Info, sub_cases: list[Urn]) -> Grouped:
    """Places these together from now on."""
    context = info.context
    _check_many(sub_cases)
    command = GroupSubCases(tuple(sub_cases), context.operator.session)
    return Grouped(await _commit(context, lambda work: actions.group_sub_cases(work, command, context.airports)))


async def ungroup_sub_cases(info: Info, sub_cases: list[Urn]) -> Ungrouped:
    """Places each of these alone from now on."""
    context = info.context
    _check_many(sub_cases)
    command = UngroupSubCases(tuple(sub_cases), context.operator.session)
    await _commit(context, lambda work: actions.ungroup_sub_cases(work, command, context.airports))
    return Ungrouped(command.sub_cases)


async def request_demand(info: Info, input: Wanted) -> Demanded:
    """Asks for rooms for many; the policy's gate lets it pass at once, or a supervisor has to. A wave is planned for what has passed."""
    context = info.context
    _check_many([*input.cases, *input.sub_cases])
    async with context.read("policies") as connection:
        policy = await policies.active(connection, context.tenant)
    command = RequestDemand(input.cases, input.sub_cases)

    async def request(work: Work) -> tuple[Urn, bool]:
        if (known := await actions.answer_of(work, input.idempotency_key, command)) is not None:
            return Urn(known["demand"]), True
        made = await actions.request_demand(work, command, policy.gate.opens if policy else _shut, context.airports)
        await actions.keep_answer(work, input.idempotency_key, {"demand": made.urn})
        return made.urn, False

    urn, replayed = await _commit(context, request)
    return Demanded(await _seen(context, urn), replayed)


async def decide_demand(info: Info, input: Decision) -> Demanded:
    """A supervisor's yes or no, with the reason."""
    command = DecideDemand(input.demand, input.version, input.approve, input.reason)
    return Demanded(await _commit(info.context, lambda work: actions.decide_demand(work, command)), replayed=False)


def _shut(rooms: int) -> bool:
    """The gate of an airline without a policy."""
    return False


async def _seen(context: Context, urn: Urn) -> Demand:
    row = (await loaders.load_demands(context, [urn]))[0]
    if row is None:
        raise NotFound("There is no such demand.")
    return row


def _check_many(named: list[Urn]) -> None:
    if not 1 <= len(named) <= MOST_NAMED:
        raise BadInput(f"Name 1 to {MOST_NAMED} of them.")


async def _commit(context: Context, act: Callable[[Work], Awaitable[T]]) -> T:
    """What `act` comes to in one transaction of cases, which is begun anew when it collided with another one."""

    async def attempt() -> T:
        async with context.work("cases") as work:
            return await act(work)

    return await at_once(attempt)
