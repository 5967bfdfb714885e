"""What others may read of booking. Rows come back as the domain's own objects; every statement binds the tenant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.booking.contract import Contract, Night
from domains.booking.model import Candidate, HoldCount, Ranking, Reservation
from domains.booking.queue import Waiting
from domains.booking.store import to_allotted, to_candidate, to_contract, to_ranking, to_reservation, to_wave, to_wave_search
from domains.booking.tables import candidate, contract, ranking, reservation, wave, wave_group, wave_party, wave_search
from domains.booking.wave import Allotted, Wave, WaveSearch
from kernel.operation import Line
from kernel.operation.trail import Trail, trails
from kernel.tenancy import Tenant
from kernel.turns import Share
from kernel.urn import Urn

# All airports' holds of a hotel count, whichever airport's screen shows it. The sum of the rows' versions rises with every change that is
# visible, also when two changes commit in another order than they began; nothing shared is written for it.
_COUNTS = """
    with shown as (
        select distinct count_urn, airport, hotel, room_type, night from hold where tenant = :tenant and {which}
    ), lying as (
        select shown.count_urn, shown.airport, shown.hotel, shown.room_type, shown.night, h.hotel_name, h.rooms, h.state, h.until,
               h.confirmed_at, h.reported, h.reported_at, h.version, max(h.reported_at) over (partition by shown.count_urn) as newest
        from shown join hold as h
          on h.tenant = :tenant and h.hotel = shown.hotel and h.room_type = shown.room_type and h.night = shown.night
    )
    select count_urn, airport, hotel, room_type, night, max(hotel_name) as hotel_name,
           coalesce(sum(rooms) filter (where state = 'HELD' and until > nexa_now()), 0) as held,
           coalesce(sum(rooms) filter (where state = 'CONFIRMED'), 0) as confirmed,
           coalesce(sum(rooms) filter (where state = 'CONFIRMED' and confirmed_at > newest), 0) as recent,
           max(reported) filter (where reported_at = newest) as reported,
           min(until) filter (where state = 'HELD' and until > nexa_now()) as nearest_expiry,
           sum(version) as version
    from lying group by count_urn, airport, hotel, room_type, night
    order by night, hotel_name, hotel, room_type
"""
_OF_AIRPORT = text(_COUNTS.format(which="airport = :airport and night >= date(nexa_now()) - 1"))
_BESIDE = text(
    _COUNTS.format(
        which="(hotel, room_type, night) in (select hotel, room_type, night from hold where tenant = :tenant and count_urn = any(:urns))"
    )
)
_BY_URN = text(_COUNTS.format(which="count_urn = any(:urns)"))

_WAITING = text("""
    with line as (
        select subject, partner, airport, share,
               row_number() over (partition by partner, share order by stopped_at is not null, coalesce(due, resumes), urn) as number
        from operation where tenant = :tenant and line = :line and state = 'INTENT'
    ), counted as (
        select partner, jsonb_object_agg(share, waiting) as of
        from (select partner, share, count(*) as waiting from line group by partner, share) each group by partner
    )
    select line.*, counted.of from line join counted using (partner) where subject = any(cast(:sub_cases as text[]))
""")
_UNDER_WAY = text("""
    select subject, state from operation
    where tenant = :tenant and subject = any(cast(:sub_cases as text[])) and line = :line and state in ('SENT', 'UNKNOWN')
    order by intended_at
""")
_ANYBODY = text("select exists (select from operation where tenant = :tenant and line = :line and state = 'INTENT')")


async def waiting_for_rooms(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, Waiting]:
    """Those of these for whom a source is to be asked and was not yet."""
    facts = {"tenant": tenant, "line": Line.BOOKINGS, "sub_cases": [str(urn) for urn in sub_cases]}
    return {Urn(row.subject): _waiting(row) for row in await connection.execute(_WAITING, facts)}


async def rooms_under_way(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, str]:
    """The state of the call of those for whom a source is being asked, or of whom it is being found out: SENT or UNKNOWN."""
    facts = {"tenant": tenant, "line": Line.BOOKINGS, "sub_cases": [str(urn) for urn in sub_cases]}
    return {Urn(row.subject): row.state for row in await connection.execute(_UNDER_WAY, facts)}


async def anybody_waits(connection: AsyncConnection, tenant: Tenant) -> bool:
    """Whether rooms are to be asked for and were not yet."""
    return bool((await connection.execute(_ANYBODY, {"tenant": tenant, "line": Line.BOOKINGS})).scalar_one())


def _waiting(row: Row[Any]) -> Waiting:
    of = {Share(int(share)): int(count) for share, count in row.of.items()}
    return Waiting(Urn(row.subject), row.partner or "", row.airport or "", Share(row.share), row.number, of)


async def hold_counts(connection: AsyncConnection, tenant: Tenant, airport: str) -> list[HoldCount]:
    """Every room type and night that is or was held from this airport, tonight and later."""
    return [_count(row) for row in await connection.execute(_OF_AIRPORT, {"tenant": tenant, "airport": airport})]


async def hold_counts_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, HoldCount]:
    """Those of `urns` that exist."""
    rows = await connection.execute(_BY_URN, {"tenant": tenant, "urns": [str(urn) for urn in urns]})
    return {count.urn: count for count in map(_count, rows)}


async def hold_counts_beside(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> list[HoldCount]:
    """Those of `urns` and the rows of other airports that show the same rooms: one change changes them all."""
    rows = await connection.execute(_BESIDE, {"tenant": tenant, "urns": [str(urn) for urn in urns]})
    return [_count(row) for row in rows]


async def reservations_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Reservation]:
    """Those of `urns` that exist."""
    found = select(reservation).where(reservation.c.tenant == tenant, reservation.c.urn.in_(urns))
    return {made.urn: made for made in map(to_reservation, await connection.execute(found))}


async def reservations_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[Reservation]]:
    """Everything ever asked for each of `sub_cases`, oldest first."""
    found = (
        select(reservation)
        .where(reservation.c.tenant == tenant, reservation.c.sub_case.in_(sub_cases))
        .order_by(reservation.c.asked_at, reservation.c.place)
    )
    made: dict[Urn, list[Reservation]] = {urn: [] for urn in sub_cases}
    for each in map(to_reservation, await connection.execute(found)):
        made[each.sub_case].append(each)
    return made


async def rankings_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[Ranking]]:
    """What every search for each of `sub_cases` came to, oldest first, with its candidates."""
    found = select(ranking).where(ranking.c.tenant == tenant, ranking.c.sub_case.in_(sub_cases)).order_by(ranking.c.asked_at, ranking.c.urn)
    made: dict[Urn, list[Ranking]] = {urn: [] for urn in sub_cases}
    for each in await _rankings(connection, tenant, found):
        made[each.sub_case].append(each)
    return made


async def rankings_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Ranking]:
    """Those of `urns` that exist, with their candidates."""
    found = select(ranking).where(ranking.c.tenant == tenant, ranking.c.urn.in_(urns))
    return {made.urn: made for made in await _rankings(connection, tenant, found)}


async def waves(connection: AsyncConnection, tenant: Tenant, *, first: int = 50) -> list[Wave]:
    """Newest first."""
    found = select(wave).where(wave.c.tenant == tenant).order_by(wave.c.begun_at.desc(), wave.c.urn).limit(first)
    return [to_wave(row) for row in await connection.execute(found)]


async def waves_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Wave]:
    """Those of `urns` that exist."""
    found = select(wave).where(wave.c.tenant == tenant, wave.c.urn.in_(urns))
    return {made.urn: made for made in map(to_wave, await connection.execute(found))}


async def searches_by_wave(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, list[WaveSearch]]:
    """What each wave asked the sources, and who answered."""
    c = wave_search.c
    names = (c.wave, c.place, c.wish, c.parties, c.offers, c.answered, c.silent, c.asked_at)
    found = select(*names).where(c.tenant == tenant, c.wave.in_(urns)).order_by(c.wave, c.place)
    made: dict[Urn, list[WaveSearch]] = {urn: [] for urn in urns}
    for row in await connection.execute(found):
        made[Urn(row.wave)].append(to_wave_search(row))
    return made


async def groups_by_wave(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, list[Allotted]]:
    """The groups of each wave in the order of placing."""
    c, p = wave_group.c, wave_party.c
    members = select(p.wave, p.group_urn, p.sub_case, p.ranking).where(p.tenant == tenant, p.wave.in_(urns)).order_by(p.place)
    parties: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in await connection.execute(members):
        parties[row.wave, row.group_urn].append(row)
    found = select(wave_group).where(c.tenant == tenant, c.wave.in_(urns)).order_by(c.wave, c.place, c.group_urn)
    made: dict[Urn, list[Allotted]] = {urn: [] for urn in urns}
    for row in await connection.execute(found):
        theirs = parties[row.wave, row.group_urn]
        sub_cases = tuple(Urn(party.sub_case) for party in theirs)
        rankings = tuple(Urn(party.ranking) for party in theirs if party.ranking)
        made[Urn(row.wave)].append(to_allotted(row, sub_cases, rankings))
    return made


async def _rankings(connection: AsyncConnection, tenant: Tenant, found: Select[Any]) -> list[Ranking]:
    """These rankings with their candidates, in the order of `found`."""
    rows = (await connection.execute(found)).all()
    below = (
        select(candidate.c.ranking, candidate.c.place, candidate.c.score, candidate.c.offer)
        .where(candidate.c.tenant == tenant, candidate.c.ranking.in_([row.urn for row in rows]))
        .order_by(candidate.c.ranking, candidate.c.place)
    )
    candidates: dict[str, list[Candidate]] = {row.urn: [] for row in rows}
    for row in await connection.execute(below) if rows else ():
        candidates[row.ranking].append(to_candidate(row))
    return [to_ranking(row, tuple(candidates[row.urn])) for row in rows]


def _count(row: Row[Any]) -> HoldCount:
    held, confirmed, reported = int(row.held), int(row.confirmed), int(row.reported)
    free = max(reported - held - int(row.recent), 0)
    return HoldCount(
        Urn(row.count_urn), Urn(row.hotel), row.hotel_name, row.room_type, row.airport, row.night, held, confirmed, reported, free,
        row.nearest_expiry, int(row.version),
    )  # fmt: skip


async def operations_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[Trail]]:
    """What was done at partners for each of `sub_cases`, oldest first."""
    return await trails(connection, tenant, sub_cases)


# Own contracts

_NIGHTS = text("""
    select i.contract, i.room_type, i.night, i.capacity, i.blocked, i.stopped, i.version,
           count(u.unit) filter (where u.confirmed_at is null) as held,
           count(u.unit) filter (where u.confirmed_at is not null) as confirmed,
           min(h.until) as nearest_expiry
    from inventory as i
    left join unit as u on u.tenant = :tenant and u.contract = i.contract and u.room_type = i.room_type and u.night = i.night
    left join hold as h on h.tenant = :tenant and h.urn = (
        select r.hold from reservation as r where r.tenant = :tenant and r.urn = u.reservation and u.confirmed_at is null
    ) and h.night = u.night and h.state = 'HELD'
    where i.tenant = :tenant and i.contract = any(:contracts) and i.night between :first and :last
    group by i.contract, i.room_type, i.night, i.capacity, i.blocked, i.stopped, i.version
    order by i.contract, i.night, i.room_type
""")


async def contracts(connection: AsyncConnection, tenant: Tenant) -> list[Contract]:
    """All that are not over, those that begin first in front."""
    c = contract.c
    found = select(contract).where(c.tenant == tenant, c.last >= func.date(func.nexa_now()) - 1).order_by(c.first, c.urn)
    return [to_contract(row) for row in await connection.execute(found)]


async def contracts_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Contract]:
    """Those of `urns` that exist."""
    found = select(contract).where(contract.c.tenant == tenant, contract.c.urn.in_(urns))
    return {made.urn: made for made in map(to_contract, await connection.execute(found))}


async def contract_nights(
    connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn], first: date, last: date
) -> dict[Urn, list[Night]]:
    """Every room type of these contracts in these nights, with what is held and confirmed."""
    made: dict[Urn, list[Night]] = {urn: [] for urn in urns}
    facts = {"tenant": tenant, "contracts": [str(urn) for urn in urns], "first": first, "last": last}
    for row in await connection.execute(_NIGHTS, facts):
        made[Urn(row.contract)].append(
            Night(
                Urn(row.contract), row.room_type, row.night, row.capacity, row.blocked, row.stopped, int(row.held), int(row.confirmed),
                row.nearest_expiry, row.version,
            )
        )  # fmt: skip
    return made
