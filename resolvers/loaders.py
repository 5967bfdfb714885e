"""One batch loader per thing that has a URN, and per thing that hangs on one: `load(context, urns)` answers in the order asked.

Each is one short read of the asking tenant. What lies outside the asking operator's airports is not found, like another airline's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from domains.booking import queries as booking
from domains.booking.contract import Contract, Night
from domains.booking.model import Ranking, Reservation
from domains.booking.wave import Allotted, Wave, WaveSearch
from domains.cases import queries as cases
from domains.cases.demand import Demand
from domains.cases.model import Case, Lock, ReviewItem, SubCase, TimelineEntry
from domains.cases.timeline import Workflow
from domains.notifications import queries as notifications
from domains.wallet import queries as wallet
from kernel.operation.trail import Trail
from kernel.saga import desk, hand
from kernel.urn import Urn
from resolvers.context import Context

T = TypeVar("T")


class Rows(NamedTuple):
    """A page of a case's sub-cases."""

    case: Urn
    first: int
    after: Urn | None


async def load_cases(context: Context, urns: Sequence[Urn]) -> Sequence[Case | None]:
    async with context.read("cases") as connection:
        found = await cases.cases_by_urn(connection, context.tenant, urns)
    return [case if (case := found.get(urn)) and context.admits(case.airport) else None for urn in urns]


async def load_sub_cases(context: Context, urns: Sequence[Urn]) -> Sequence[SubCase | None]:
    async with context.read("cases") as connection:
        found = await cases.sub_cases_by_urn(connection, context.tenant, urns)
    return [row if (row := found.get(urn)) and context.admits(row.airport) else None for urn in urns]


async def load_reviews(context: Context, urns: Sequence[Urn]) -> Sequence[ReviewItem | None]:
    async with context.read("cases") as connection:
        found = await cases.reviews_by_urn(connection, context.tenant, urns)
    seen = await visible_cases(context, [row.case for row in found.values()])
    return [row if (row := found.get(urn)) and row.case in seen else None for urn in urns]


async def load_workflows(context: Context, urns: Sequence[Urn]) -> Sequence[Workflow | None]:
    async with context.read("cases") as connection:
        found = await cases.workflows_by_urn(connection, context.tenant, urns)
        subjects = await cases.sub_cases_by_urn(connection, context.tenant, [row.sub_case for row in found.values()])
    seen = {urn for urn, sub_case in subjects.items() if context.admits(sub_case.airport)}
    return [row if (row := found.get(urn)) and row.sub_case in seen else None for urn in urns]


class Moves(NamedTuple):
    """What a person may do with a workflow now; undos are marked with `~`."""

    redrive: tuple[str, ...]
    skip: tuple[str, ...]
    cancel: bool


async def load_moves(context: Context, workflows: Sequence[Urn]) -> Sequence[Moves]:
    async with context.read("cases") as connection:
        found = await desk.read(connection, context.tenant, workflows)
    return [_moves(context, found.get(urn)) for urn in workflows]


def _moves(context: Context, dossier: desk.Dossier | None) -> Moves:
    saga = context.doors.plans.get(dossier.workflow.plan) if dossier else None
    if dossier is None or saga is None:
        return Moves((), (), False)
    workflow, journal = dossier.workflow, dossier.journal
    return Moves(hand.redrivable(saga, workflow, journal), hand.skippable(saga, workflow, journal), hand.cancellable(workflow))


async def load_lead_names(context: Context, sub_cases: Sequence[Urn]) -> Sequence[str | None]:
    async with context.read("cases") as connection:
        found = await cases.lead_names(connection, context.tenant, sub_cases)
    return [found.get(urn) for urn in sub_cases]


async def load_locks(context: Context, sub_cases: Sequence[Urn]) -> Sequence[Lock | None]:
    async with context.read("cases") as connection:
        found = await cases.locks_by_sub_case(connection, context.tenant, sub_cases)
    return [found.get(urn) for urn in sub_cases]


async def load_timelines(context: Context, sub_cases: Sequence[Urn]) -> Sequence[list[TimelineEntry]]:
    async with context.read("cases") as connection:
        found = await cases.timelines(connection, context.tenant, sub_cases)
    return [found[urn] for urn in sub_cases]


async def load_open_reviews(context: Context, case_urns: Sequence[Urn]) -> Sequence[list[ReviewItem]]:
    async with context.read("cases") as connection:
        return [list((await cases.reviews(connection, context.tenant, first=cases.PAGE, case_urn=urn)).items) for urn in case_urns]


async def load_pages_of_sub_cases(context: Context, wanted: Sequence[Rows]) -> Sequence[cases.Page[SubCase]]:
    """A page per case, all in one transaction: a screen asks for one."""
    async with context.read("cases") as connection:
        return [await cases.sub_cases_of(connection, context.tenant, one.case, first=one.first, after=one.after) for one in wanted]


async def load_reservations(context: Context, urns: Sequence[Urn]) -> Sequence[Reservation | None]:
    async with context.read("booking") as connection:
        found = await booking.reservations_by_urn(connection, context.tenant, urns)
    return [row if (row := found.get(urn)) and context.admits(row.airport) else None for urn in urns]


async def load_room_operations(context: Context, sub_cases: Sequence[Urn]) -> Sequence[list[Trail]]:
    async with context.read("booking") as connection:
        found = await booking.operations_by_sub_case(connection, context.tenant, sub_cases)
    return await _of_visible(context, sub_cases, found)


class Nights(NamedTuple):
    """Nights of a contract, both ends included."""

    contract: Urn
    first: date
    last: date


async def load_contracts(context: Context, urns: Sequence[Urn]) -> Sequence[Contract | None]:
    async with context.read("booking") as connection:
        found = await booking.contracts_by_urn(connection, context.tenant, urns)
    return [row if (row := found.get(urn)) and any(map(context.admits, row.airports)) else None for urn in urns]


async def load_contract_nights(context: Context, wanted: Sequence[Nights]) -> Sequence[list[Night]]:
    """All in one transaction; contracts that are asked for the same nights in one statement."""
    found: dict[Nights, list[Night]] = {}
    async with context.read("booking") as connection:
        for first, last in sorted({(each.first, each.last) for each in wanted}):
            urns = [each.contract for each in wanted if (each.first, each.last) == (first, last)]
            nights = await booking.contract_nights(connection, context.tenant, urns, first, last)
            found |= {Nights(urn, first, last): rows for urn, rows in nights.items()}
    return [found[each] for each in wanted]


async def load_rankings(context: Context, sub_cases: Sequence[Urn]) -> Sequence[list[Ranking]]:
    async with context.read("booking") as connection:
        found = await booking.rankings_by_sub_case(connection, context.tenant, sub_cases)
    return await _of_visible(context, sub_cases, found)


async def load_waves(context: Context, urns: Sequence[Urn]) -> Sequence[Wave | None]:
    async with context.read("booking") as connection:
        found = await booking.waves_by_urn(connection, context.tenant, urns)
    return [None if context.airports else found.get(urn) for urn in urns]  # a wave knows no airports: who is bound to some sees none


async def load_wave_searches(context: Context, waves: Sequence[Urn]) -> Sequence[list[WaveSearch]]:
    async with context.read("booking") as connection:
        found = await booking.searches_by_wave(connection, context.tenant, waves)
    return [found[urn] for urn in waves]


async def load_wave_groups(context: Context, waves: Sequence[Urn]) -> Sequence[list[Allotted]]:
    async with context.read("booking") as connection:
        found = await booking.groups_by_wave(connection, context.tenant, waves)
    return [found[urn] for urn in waves]


async def load_rankings_by_urn(context: Context, urns: Sequence[Urn]) -> Sequence[Ranking | None]:
    async with context.read("booking") as connection:
        found = await booking.rankings_by_urn(connection, context.tenant, urns)
    return [found.get(urn) for urn in urns]


async def load_demands(context: Context, urns: Sequence[Urn]) -> Sequence[Demand | None]:
    async with context.read("cases") as connection:
        found = await cases.demands_by_urn(connection, context.tenant, urns)
    return [row if (row := found.get(urn)) and all(map(context.admits, row.airports)) else None for urn in urns]


async def load_groups(context: Context, sub_cases: Sequence[Urn]) -> Sequence[Urn | None]:
    async with context.read("cases") as connection:
        found = await cases.groups_by_sub_case(connection, context.tenant, sub_cases)
    return [found.get(urn) for urn in sub_cases]


async def load_card_operations(context: Context, sub_cases: Sequence[Urn]) -> Sequence[list[Trail]]:
    async with context.read("wallet") as connection:
        found = await wallet.operations_by_sub_case(connection, context.tenant, sub_cases)
    return await _of_visible(context, sub_cases, found)


async def load_message_operations(context: Context, sub_cases: Sequence[Urn]) -> Sequence[list[Trail]]:
    async with context.read("notifications") as connection:
        found = await notifications.operations_by_sub_case(connection, context.tenant, sub_cases)
    return await _of_visible(context, sub_cases, found)


async def _of_visible(context: Context, sub_cases: Sequence[Urn], found: Mapping[Urn, list[T]]) -> Sequence[list[T]]:
    """A domain that knows no airports answers by key alone: what lies outside the operator's is emptied here."""
    if not context.airports:
        return [found[urn] for urn in sub_cases]
    seen = await load_sub_cases(context, sub_cases)
    return [found[urn] if row is not None else [] for urn, row in zip(sub_cases, seen, strict=True)]


async def visible_cases(context: Context, urns: Sequence[Urn]) -> set[Urn]:
    """Those of the cases that who asks may see."""
    if not context.airports:
        return set(urns)
    distinct = list(dict.fromkeys(urns))
    return {case.urn for case in await load_cases(context, distinct) if case is not None}
