"""Rows ⇄ model of booking. Every statement binds the tenant; rows go no further than here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from hashlib import blake2b
from itertools import count, islice
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, null, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domains.booking.commands import RankHotels
from domains.booking.contract import Contract
from domains.booking.model import (
    UNRESOLVED,
    Candidate,
    Hold,
    HoldState,
    LeftOut,
    Placement,
    PlacementState,
    Ranking,
    Reservation,
    ReservationState,
    Score,
    count_urn,
)
from domains.booking.ports import Drive, Offer, Quote, UnitsHeld
from domains.booking.ranking import Standing
from domains.booking.search import Found
from domains.booking.tables import (
    candidate,
    contract,
    hold,
    placement,
    ranking,
    reservation,
    ride,
    unit,
    wave,
    wave_group,
    wave_party,
    wave_search,
)
from domains.booking.transport import Dispatch, DispatchState
from domains.booking.wave import (
    Allotted,
    Fate,
    Plan,
    Question,
    Wave,
    WaveGroup,
    WaveParty,
    WaveSearch,
    WaveState,
    question,
)
from kernel.event import encode, read
from kernel.hold import Kept
from kernel.money import Money
from kernel.tables import NOW
from kernel.urn import Urn
from kernel.work import Work

_SHARE: Final = text("select pg_advisory_xact_lock_shared(key) from unnest(cast(:keys as bigint[])) as t(key)")
_ALONE: Final = text("select pg_advisory_xact_lock(cast(:key as bigint))")

# Rankings


async def add_ranking(work: Work, made: Ranking, reply_to: str | None) -> None:
    """A ranking and its candidates."""
    await work.execute(
        insert(ranking).values(
            tenant=work.tenant, urn=made.urn, sub_case=made.sub_case, reply_to=reply_to, airport=made.airport, rooms=made.rooms,
            asked_at=made.asked_at, answered=list(made.answered), silent=made.silent, excluded=made.excluded,
            left_out=[encode(each) for each in made.left_out],
        )
    )  # fmt: skip
    if made.candidates:
        await work.execute(insert(candidate), [_candidate_row(work, made.urn, each) for each in made.candidates])


async def ranking_for(work: Work, reply_to: str) -> Ranking | None:
    """The ranking that answered this question already."""
    return await _ranking(work, ranking.c.reply_to == reply_to)


async def ranking_of(work: Work, urn: Urn, after: int = 0) -> Ranking | None:
    """A ranking with its candidates below the place `after`."""
    return await _ranking(work, ranking.c.urn == urn, after)


async def standing(work: Work, hotels: Iterable[Urn], check_in: date, check_out: date, asked_at: datetime) -> Standing:
    """What we hold and have in these hotels in these nights; confirmed rooms count as spoken for when the source was asked before."""
    rows = await work.execute(
        text("""
            select hotel, room_type, night, sum(rooms) as placed,
                   sum(rooms) filter (where state = 'HELD' or confirmed_at > :asked_at) as spoken
            from hold
            where tenant = :tenant and hotel = any(:hotels) and night >= :check_in and night < :check_out
              and (state = 'CONFIRMED' or state = 'HELD' and until > nexa_now())
            group by hotel, room_type, night
        """),
        {
            "tenant": work.tenant, "hotels": sorted(set(hotels)), "check_in": check_in, "check_out": check_out, "asked_at": asked_at,
        },
    )  # fmt: skip
    spoken: dict[tuple[Urn, str], int] = defaultdict(int)
    placed: dict[tuple[Urn, date], int] = defaultdict(int)
    for row in rows:
        key = Urn(row.hotel), row.room_type
        spoken[key] = max(spoken[key], int(row.spoken or 0))
        placed[key[0], row.night] += int(row.placed)
    most: dict[Urn, int] = defaultdict(int)
    for (hotel, _), rooms in placed.items():
        most[hotel] = max(most[hotel], rooms)
    return Standing(dict(spoken), dict(most))


async def _ranking(work: Work, which: Any, after: int = 0) -> Ranking | None:
    row = (await work.execute(select(ranking).where(ranking.c.tenant == work.tenant, which))).one_or_none()
    if row is None:
        return None
    below = (
        select(candidate.c.place, candidate.c.score, candidate.c.offer)
        .where(candidate.c.tenant == work.tenant, candidate.c.ranking == row.urn, candidate.c.place > after)
        .order_by(candidate.c.place)
    )
    candidates = tuple(to_candidate(each) for each in await work.execute(below))
    return to_ranking(row, candidates)


def to_ranking(row: Any, candidates: tuple[Candidate, ...]) -> Ranking:
    """A row of `ranking` with its candidates as the thing itself."""
    return Ranking(
        Urn(row.urn), Urn(row.sub_case), row.airport, row.rooms, row.asked_at, candidates, row.excluded, tuple(row.answered), row.silent,
        tuple(read(LeftOut, each) for each in row.left_out),
    )  # fmt: skip


def to_candidate(row: Any) -> Candidate:
    """A row of `candidate` as the thing itself."""
    return Candidate(row.place, read(Offer, row.offer), read(Score, row.score))


def _candidate_row(work: Work, urn: Urn, each: Candidate) -> dict[str, Any]:
    offer = each.offer
    return {
        "tenant": work.tenant, "ranking": urn, "place": each.place, "hotel": offer.hotel, "total": offer.total.amount,
        "currency": offer.total.currency, "score": encode(each.score), "offer": encode(offer),
    }  # fmt: skip


async def add_rankings(work: Work, made: Sequence[Ranking]) -> None:
    """Many at once, that nobody has asked for yet."""
    rows = [
        {
            "tenant": work.tenant, "urn": each.urn, "sub_case": each.sub_case, "airport": each.airport, "rooms": each.rooms,
            "asked_at": each.asked_at, "answered": list(each.answered), "silent": each.silent, "excluded": each.excluded,
            "left_out": [encode(one) for one in each.left_out],
        }
        for each in made
    ]  # fmt: skip
    candidates = [_candidate_row(work, each.urn, one) for each in made for one in each.candidates]
    if rows:
        await work.execute(insert(ranking), rows)
        await work.execute(insert(candidate), candidates)


# Waves


async def add_wave(work: Work, made: Wave, groups: Sequence[WaveGroup]) -> bool:
    """A new one with its groups; False when its demand has one."""
    values = {"demand": made.demand, "state": made.state, "rooms": made.rooms, "searches": made.searches, "why": made.why}
    statement = insert(wave).values(tenant=work.tenant, urn=made.urn, **values).on_conflict_do_nothing().returning(wave.c.urn)
    if (await work.execute(statement)).first() is None:
        return False
    common = {"tenant": work.tenant, "wave": made.urn}
    if groups:
        await work.execute(
            insert(wave_group),
            [
                common | {"group_urn": each.urn, "tier": each.tier, "vulnerable": each.vulnerable, "rooms": each.rooms} for each in groups
            ],
        )  # fmt: skip
        await work.execute(
            insert(wave_party),
            [
                common
                | {"sub_case": party.sub_case, "group_urn": each.urn, "place": place, "seen": party.version, "wish": encode(party.wish)}
                for each in groups
                for place, party in enumerate(each.parties)
            ],
        )
    return True


async def add_wave_searches(work: Work, urn: Urn, asked: Sequence[tuple[int, RankHotels, int]]) -> None:
    """What has to be asked: place, wish, and for how many parties."""
    rows = [
        {"tenant": work.tenant, "wave": urn, "place": place, "wish": encode(wish), "parties": parties} for place, wish, parties in asked
    ]  # fmt: skip
    if rows:
        await work.execute(insert(wave_search), rows)


async def lock_wave(work: Work, urn: Urn) -> Wave | None:
    """Nobody else's until the transaction ends."""
    found = select(wave).where(wave.c.tenant == work.tenant, wave.c.urn == urn).with_for_update()
    row = (await work.execute(found)).one_or_none()
    return None if row is None else to_wave(row)


async def save_wave(work: Work, made: Wave) -> Wave:
    """Writes what changes of a locked one; as it stands now."""
    changes = {
        "state": made.state, "answered": made.answered, "why": made.why,
        **{name: encode(amount) for name, amount in (("cost", made.cost), ("market", made.market), ("bound", made.bound)) if amount},
    }  # fmt: skip
    statement = update(wave).where(wave.c.tenant == work.tenant, wave.c.urn == made.urn)
    row = (await work.execute(statement.values(**changes, version=wave.c.version + 1, changed_at=NOW).returning(wave))).one()
    return to_wave(row)


async def save_wave_search(work: Work, urn: Urn, place: int, found: Found) -> bool:
    """What one search came to; False when it is known already."""
    c = wave_search.c
    statement = update(wave_search).where(c.tenant == work.tenant, c.wave == urn, c.place == place, c.answered.is_(None))
    values = {
        "found": [encode(offer) for offer in found.offers], "offers": len(found.offers), "answered": list(found.answered),
        "silent": found.silent, "asked_at": found.asked_at,
    }  # fmt: skip
    return (await work.execute(statement.values(values).returning(c.place))).first() is not None


async def wave_found(work: Work, urn: Urn) -> dict[Question, Found]:
    """Everything that was found for a wave, by what was asked."""
    c = wave_search.c
    rows = await work.execute(select(wave_search).where(c.tenant == work.tenant, c.wave == urn).order_by(c.place))
    return {
        question(read(RankHotels, row.wish)): Found(
            tuple(read(Offer, each) for each in row.found or ()), row.asked_at, tuple(row.answered), row.silent
        )
        for row in rows
    }


async def wave_groups(work: Work, urn: Urn) -> list[tuple[WaveGroup, Fate | None, str]]:
    """Its groups with their parties, what the plan says of each and why; in the order of placing."""
    parties = select(wave_party).where(wave_party.c.tenant == work.tenant, wave_party.c.wave == urn).order_by(wave_party.c.place)
    of: dict[str, list[WaveParty]] = defaultdict(list)
    for row in await work.execute(parties):
        of[row.group_urn].append(WaveParty(read(RankHotels, row.wish), row.seen))
    c = wave_group.c
    rows = await work.execute(select(wave_group).where(c.tenant == work.tenant, c.wave == urn).order_by(c.place, c.group_urn))
    return [
        (
            WaveGroup(Urn(row.group_urn), row.tier, row.vulnerable, tuple(of[row.group_urn])),
            Fate(row.fate) if row.fate else None, row.why,
        )
        for row in rows
    ]  # fmt: skip


async def save_plan(work: Work, urn: Urn, planned: Plan, rankings: Mapping[Urn, Urn]) -> None:
    """What became of each group, and the ranking of each party by its sub-case; the offers that it was made from are forgotten."""
    g, p, s = wave_group.c, wave_party.c, wave_search.c
    group = update(wave_group).where(g.tenant == work.tenant, g.wave == urn, g.group_urn == bindparam("of"))
    names = ("place", "fate", "house", "house_name", "cost", "market", "why", "excluded")
    await work.execute(
        group.values({name: bindparam(f"new_{name}") for name in names}),
        [
            {
                "of": each.group.urn, "new_place": each.place, "new_fate": each.fate.value, "new_house": each.house,
                "new_house_name": each.house_name, "new_cost": encode(each.cost), "new_market": encode(each.market), "new_why": each.why,
                "new_excluded": each.excluded,
            }
            for each in planned.groups
        ],
    )  # fmt: skip
    if rankings:
        party = update(wave_party).where(p.tenant == work.tenant, p.wave == urn, p.sub_case == bindparam("of"))
        pairs = [{"of": sub_case, "new_ranking": made} for sub_case, made in rankings.items()]
        await work.execute(party.values(ranking=bindparam("new_ranking")), pairs)
    await work.execute(update(wave_search).where(s.tenant == work.tenant, s.wave == urn).values(found=null()))


async def wave_ranking(work: Work, wish: RankHotels, within: timedelta, reply_to: str) -> Ranking | None:
    """What a wave committed `within` has ranked for exactly this wish; from now on it is the answer to this question, and to no other."""
    c = wave_party.c
    found = (
        select(c.wish, c.ranking)
        .join(wave, (wave.c.tenant == c.tenant) & (wave.c.urn == c.wave))
        .where(
            c.tenant == work.tenant, c.sub_case == wish.sub_case, c.ranking.is_not(None), wave.c.state == WaveState.COMMITTED,
            wave.c.changed_at > func.nexa_now() - within,
        )
        .order_by(wave.c.changed_at.desc())
    )  # fmt: skip
    for row in await work.execute(found):
        if read(RankHotels, row.wish) == wish:
            mine = update(ranking).where(ranking.c.tenant == work.tenant, ranking.c.urn == row.ranking, ranking.c.reply_to.is_(None))
            if (await work.execute(mine.values(reply_to=reply_to).returning(ranking.c.urn))).first() is not None:
                return await ranking_of(work, Urn(row.ranking))
    return None


def to_wave(row: Row[Any]) -> Wave:
    """A row of `wave` as the thing itself."""
    return Wave(
        Urn(row.urn), Urn(row.demand), WaveState(row.state), row.rooms, row.searches, row.answered, row.begun_at, row.version,
        to_money(row.cost), to_money(row.market), to_money(row.bound), row.why, row.changed_at,
    )  # fmt: skip


def to_wave_search(row: Any) -> WaveSearch:
    """What one question of a wave came to; nobody has answered where it is still asked."""
    wish = read(RankHotels, row.wish)
    return WaveSearch(
        Urn(row.wave), row.place, wish.airport, wish.check_in, wish.check_out, wish.rooms, wish.adults, wish.children, wish.infants,
        row.parties, row.offers, tuple(row.answered or ()), row.silent or {}, row.asked_at,
    )  # fmt: skip


def to_allotted(row: Any, sub_cases: tuple[Urn, ...], rankings: tuple[Urn, ...]) -> Allotted:
    """A row of `wave_group` with what belongs to its parties."""
    return Allotted(
        Urn(row.wave), row.place, Urn(row.group_urn), row.tier, row.vulnerable, Fate(row.fate) if row.fate else None, sub_cases,
        row.rooms, _urn(row.house), row.house_name, to_money(row.cost), to_money(row.market), row.why, row.excluded or {}, rankings,
    )  # fmt: skip


def to_money(value: Any) -> Money | None:
    return None if value is None else read(Money, value)


# Placements


async def begin_placement(work: Work, made: Placement) -> bool:
    """Writes a new placement; False when this workflow has one."""
    row = _placement_row(made) | {"tenant": work.tenant, "workflow": made.workflow}
    result = await work.execute(insert(placement).values(row).on_conflict_do_nothing().returning(placement.c.workflow))
    return result.first() is not None


async def lock_placement(work: Work, workflow: Urn) -> Placement | None:
    """The placement of a workflow, nobody else's until the transaction ends."""
    found = select(placement).where(placement.c.tenant == work.tenant, placement.c.workflow == workflow).with_for_update()
    row = (await work.execute(found)).one_or_none()
    return None if row is None else _placement(row)


async def save_placement(work: Work, made: Placement) -> None:
    """Writes the whole of a locked placement."""
    await work.execute(
        update(placement)
        .where(placement.c.tenant == work.tenant, placement.c.workflow == made.workflow)
        .values(**_placement_row(made), version=placement.c.version + 1, changed_at=NOW)
    )


def _placement_row(made: Placement) -> dict[str, Any]:
    row = {**asdict(made), "state": made.state.value}
    del row["workflow"], row["version"]
    return row


def _placement(row: Row[Any]) -> Placement:
    return Placement(
        workflow=Urn(row.workflow), sub_case=Urn(row.sub_case), state=PlacementState(row.state), ranking=_urn(row.ranking),
        tolerance_percent=row.tolerance_percent, place=row.place, hotels=row.hotels, sends=row.sends, reservation=_urn(row.reservation),
        reply_to=row.reply_to, undo_reply_to=row.undo_reply_to, reason=row.reason, evidence=row.evidence, version=row.version,
    )  # fmt: skip


# Reservations


async def add_reservation(work: Work, made: Reservation) -> None:
    row = _reservation_row(made) | {"offer": encode(made.offer), "hold": made.hold, "place": made.place, "airport": made.airport}
    names = {"tenant": work.tenant, "urn": made.urn, "sub_case": made.sub_case, "workflow": made.workflow, "asked_at": made.asked_at}
    await work.execute(insert(reservation).values(names | row))


async def reservation_by_urn(work: Work, urn: Urn) -> Reservation | None:
    """A reservation; it changes only under the lock of its placement."""
    found = select(reservation).where(reservation.c.tenant == work.tenant, reservation.c.urn == urn)
    row = (await work.execute(found)).one_or_none()
    return None if row is None else to_reservation(row)


async def reservation_by_reference(work: Work, reference: str) -> Reservation | None:
    """The reservation whose last send carried this client reference."""
    found = select(reservation).where(reservation.c.tenant == work.tenant, reservation.c.client_reference == reference)
    row = (await work.execute(found)).one_or_none()
    return None if row is None else to_reservation(row)


async def reservations_of(work: Work, workflow: Urn) -> list[Reservation]:
    """Every hotel asked by this workflow, in the order of asking."""
    found = (
        select(reservation)
        .where(reservation.c.tenant == work.tenant, reservation.c.workflow == workflow)
        .order_by(reservation.c.asked_at, reservation.c.place)
    )
    return [to_reservation(row) for row in await work.execute(found)]


async def save_reservation(work: Work, made: Reservation) -> Reservation:
    """Writes what changes of a reservation; as it stands now."""
    await work.execute(
        update(reservation)
        .where(reservation.c.tenant == work.tenant, reservation.c.urn == made.urn)
        .values(**_reservation_row(made), version=reservation.c.version + 1, changed_at=NOW)
    )
    return replace(made, version=made.version + 1)


def _reservation_row(made: Reservation) -> dict[str, Any]:
    return {
        "state": made.state.value, "client_reference": made.client_reference, "sends": made.sends, "total": made.total.amount,
        "currency": made.total.currency, "partner_reference": made.partner_reference, "reason": made.reason,
    }  # fmt: skip


def to_reservation(row: Row[Any]) -> Reservation:
    """A row of `reservation` as the thing itself."""
    return Reservation(
        urn=Urn(row.urn), sub_case=Urn(row.sub_case), workflow=Urn(row.workflow), hold=Urn(row.hold), place=row.place,
        state=ReservationState(row.state), offer=read(Offer, row.offer), airport=row.airport, asked_at=row.asked_at,
        client_reference=row.client_reference, sends=row.sends, total=Money(row.total, row.currency),
        partner_reference=row.partner_reference, reason=row.reason, changed_at=row.changed_at, version=row.version,
    )  # fmt: skip


# Holds


async def share_hotels(work: Work, hotels: Iterable[Urn]) -> None:
    """Until the transaction ends nobody has these hotels alone."""
    await work.execute(_SHARE, {"keys": sorted({_hotel_key(work, hotel) for hotel in hotels})})


async def hotel_alone(work: Work, hotel: Urn) -> None:
    """Waits until nobody shares this hotel; until the transaction ends nobody does."""
    await work.execute(_ALONE, {"key": _hotel_key(work, hotel)})


def _hotel_key(work: Work, hotel: Urn) -> int:
    return int.from_bytes(blake2b(f"{work.tenant}|{hotel.bare}|{hotel.vendor}".encode(), digest_size=8).digest(), signed=True)


async def write_holds(work: Work, made: Iterable[Hold]) -> None:
    """A row for every night of each; a hold of that name that ended is taken up again."""
    rows = [row for each in made for row in _hold_rows(work, each)]
    fresh = insert(hold)
    taken_up = fresh.on_conflict_do_update(
        index_elements=["tenant", "urn", "night"],
        set_={
            "state": HoldState.HELD.value, "until": fresh.excluded["until"], "reservation": fresh.excluded.reservation,
            "reported": fresh.excluded.reported, "reported_at": fresh.excluded.reported_at, "version": hold.c.version + 1,
        },
    )  # fmt: skip
    await work.execute(taken_up, rows)


async def drop_holds(work: Work, urns: Iterable[Urn]) -> None:
    """Takes back what `write_holds` of this transaction has written."""
    await work.execute(delete(hold).where(hold.c.tenant == work.tenant, hold.c.urn.in_(list(urns))))


def _hold_rows(work: Work, made: Hold) -> list[dict[str, Any]]:
    common = {
        "tenant": work.tenant, "urn": made.urn, "reservation": made.reservation, "hotel": made.hotel, "hotel_name": made.hotel_name,
        "room_type": made.room_type, "airport": made.airport, "check_in": made.check_in, "check_out": made.check_out,
        "rooms": made.rooms, "state": HoldState.HELD.value, "until": made.until, "reported": made.reported,
        "reported_at": made.reported_at,
    }  # fmt: skip
    return [common | {"night": night, "count_urn": count_urn(made.airport, made.hotel, made.room_type, night)} for night in made.nights]


async def move_hold(work: Work, urn: Urn, state: HoldState, until: datetime | None = None) -> Hold | None:
    """Puts all nights of a hold into `state`, and with `until` lets it end then; the hold, None when nothing changed."""
    values: dict[str, Any] = {"state": state.value, "version": hold.c.version + 1}
    if state is HoldState.CONFIRMED:
        values["confirmed_at"] = NOW
    if until is not None:
        values["until"] = until
    changes = hold.c.state != state.value if until is None else text("true")
    moved = update(hold).where(hold.c.tenant == work.tenant, hold.c.urn == urn, changes).values(values).returning(hold)
    rows = (await work.execute(moved)).all()
    return to_hold(rows[0]) if rows else None


async def holds_ending(work: Work, now: datetime, soon: datetime, limit: int) -> Sequence[tuple[Hold, ReservationState]]:
    """Holds that have ended, and those of bookings under way that end soon; with the state of what they are held for.

    What somebody else is at is left out.
    """
    under_way = reservation.c.state.in_([state.value for state in UNRESOLVED])
    ending = (
        select(hold, reservation.c.state.label("reservation_state"))
        .join(reservation, (reservation.c.tenant == hold.c.tenant) & (reservation.c.urn == hold.c.reservation))
        .where(
            hold.c.tenant == work.tenant,
            hold.c.state == HoldState.HELD.value,
            hold.c["until"] <= soon,
            under_way | (hold.c["until"] <= now),
            hold.c.night == hold.c.check_in,
        )
        .order_by(hold.c["until"])
        .limit(limit)
        .with_for_update(skip_locked=True, of=hold)
    )
    return [(to_hold(row), ReservationState(row.reservation_state)) for row in await work.execute(ending)]


async def hotels_held(work: Work) -> list[Urn]:
    """Hotels with a living hold, or rooms confirmed for a night that is not over."""
    living = select(hold.c.hotel).where(hold.c.tenant == work.tenant, _living()).distinct().order_by(hold.c.hotel)
    return [Urn(hotel) for hotel in (await work.execute(living)).scalars()]


async def kept_in(work: Work, hotel: Urn) -> list[Kept]:
    """What a wiped store has to be told about a hotel."""
    rows = await work.execute(
        select(hold.c.urn, hold.c.room_type, hold.c.night, hold.c.rooms, hold.c.state, hold.c["until"], hold.c.confirmed_at).where(
            hold.c.tenant == work.tenant, hold.c.hotel == hotel, _living()
        )
    )
    now = await work.now()
    return [_kept(row, now) for row in rows]


def to_hold(row: Row[Any]) -> Hold:
    """A row of any of its nights as the hold itself."""
    return Hold(
        urn=Urn(row.urn), reservation=Urn(row.reservation), hotel=Urn(row.hotel), hotel_name=row.hotel_name, room_type=row.room_type,
        airport=row.airport, check_in=row.check_in, check_out=row.check_out, rooms=row.rooms, until=row.until,
        reported=row.reported, reported_at=row.reported_at,
    )  # fmt: skip


def _kept(row: Row[Any], now: datetime) -> Kept:
    confirmed = row.state == HoldState.CONFIRMED.value
    span = now - row.confirmed_at if confirmed else row.until - now
    return Kept(Urn(row.urn), row.room_type, row.night, row.rooms, confirmed, max(span, timedelta(0)))


def _living() -> Any:
    """A night is over a day after it began, wherever in the world."""
    held = (hold.c.state == HoldState.HELD.value) & (hold.c["until"] > func.nexa_now())
    return held | ((hold.c.state == HoldState.CONFIRMED.value) & (hold.c.night >= func.date(func.nexa_now()) - 1))


def _urn(value: str | None) -> Urn | None:
    return None if value is None else Urn(value)


# Rides


async def begin_ride(work: Work, made: Dispatch) -> bool:
    """Writes a new one; False when this workflow has one."""
    names = {"tenant": work.tenant, "urn": made.urn, "sub_case": made.sub_case, "workflow": made.workflow}
    result = await work.execute(
        insert(ride).values(names | _ride_row(made)).on_conflict_do_nothing(index_elements=["tenant", "workflow"]).returning(ride.c.urn)
    )
    return result.first() is not None


async def lock_ride(work: Work, urn: Urn) -> Dispatch | None:
    """Nobody else's until the transaction ends."""
    return await _lock_ride(work, ride.c.urn == urn)


async def lock_ride_of(work: Work, workflow: Urn) -> Dispatch | None:
    """That of a workflow, nobody else's until the transaction ends."""
    return await _lock_ride(work, ride.c.workflow == workflow)


async def lock_ride_known_as(work: Work, reference: str) -> Dispatch | None:
    """That of a vendor's own reference, nobody else's until the transaction ends."""
    return await _lock_ride(work, ride.c.reference == reference)


async def save_ride(work: Work, made: Dispatch) -> None:
    """Writes the whole of a locked one."""
    await work.execute(
        update(ride)
        .where(ride.c.tenant == work.tenant, ride.c.urn == made.urn)
        .values(**_ride_row(made), version=ride.c.version + 1, changed_at=NOW)
    )


async def _lock_ride(work: Work, which: Any) -> Dispatch | None:
    row = (await work.execute(select(ride).where(ride.c.tenant == work.tenant, which).with_for_update())).one_or_none()
    if row is None:
        return None
    return Dispatch(
        urn=Urn(row.urn), sub_case=Urn(row.sub_case), workflow=Urn(row.workflow), state=DispatchState(row.state),
        drive=None if row.drive is None else read(Drive, row.drive), ceiling=None if row.ceiling is None else read(Money, row.ceiling),
        preference=tuple(row.preference), quotes=tuple(read(Quote, each) for each in row.quotes), place=row.place,
        client_reference=row.client_reference, reference=row.reference, reply_to=row.reply_to, undo_reply_to=row.undo_reply_to,
        reason=row.reason, evidence=row.evidence, version=row.version,
    )  # fmt: skip


def _ride_row(made: Dispatch) -> dict[str, Any]:
    return {
        "state": made.state.value, "drive": encode(made.drive), "ceiling": encode(made.ceiling), "preference": list(made.preference),
        "quotes": [encode(each) for each in made.quotes], "place": made.place, "client_reference": made.client_reference,
        "reference": made.reference, "reply_to": made.reply_to, "undo_reply_to": made.undo_reply_to, "reason": made.reason,
        "evidence": made.evidence,
    }  # fmt: skip


# Own contracts

_NIGHTS: Final = text("""
    insert into inventory (tenant, contract, room_type, night, capacity)
    select :tenant, :contract, t.code, day::date, t.rooms
    from unnest(cast(:codes as text[]), cast(:rooms as int[])) as t(code, rooms),
         generate_series(cast(:first as date), cast(:last as date), interval '1 day') as day
""")
_VACANT: Final = text("""
    with taken as (
        select contract, room_type, night, count(*) as units from unit
        where tenant = :tenant and night >= :check_in and night < :check_out and confirmed_at is not null
        group by contract, room_type, night
    )
    select c.urn, c.facts, c.version, i.room_type,
           min(case when i.stopped then 0 else i.capacity - i.blocked - coalesce(taken.units, 0) end) as rooms
    from contract as c join inventory as i on i.tenant = :tenant and i.contract = c.urn and i.night >= :check_in and i.night < :check_out
         left join taken on taken.contract = c.urn and taken.room_type = i.room_type and taken.night = i.night
    where c.tenant = :tenant
    group by c.urn, c.facts, c.version, i.room_type having count(*) = :nights
    order by c.urn, i.room_type
""")
_STOCK: Final = text("""
    select night, case when stopped then 0 else capacity - blocked end as rooms from inventory
    where tenant = :tenant and contract = :contract and room_type = :room_type and night >= :check_in and night < :check_out
    order by night for update
""")
_UNITS: Final = text("""
    select contract, client_reference, min(night) as check_in, max(night) + 1 as check_out, count(*) / count(distinct night) as rooms,
           sum(nightly) as total, max(currency) as currency, bool_and(confirmed_at is not null) as confirmed
    from unit where tenant = :tenant and client_reference = :reference
    group by contract, client_reference
""")
_CONFIRM: Final = text("""
    update unit set confirmed_at = nexa_now() where tenant = :tenant and client_reference = :reference and confirmed_at is null
""")
_EDIT: Final = text("""
    update inventory set capacity = coalesce(cast(:capacity as int), capacity), blocked = coalesce(cast(:blocked as int), blocked),
           stopped = coalesce(cast(:stopped as bool), stopped), version = version + 1
    where tenant = :tenant and contract = :contract and room_type = :room_type and night between :first and :last
    returning night
""")


async def add_contract(work: Work, made: Contract) -> bool:
    """A contract and all its nights; False when there is one of this name."""
    values = {"tenant": work.tenant, "urn": made.urn, "first": made.first, "last": made.last, "facts": contract_facts(made)}
    if (await work.execute(insert(contract).values(values).on_conflict_do_nothing().returning(contract.c.urn))).first() is None:
        return False
    codes, rooms = [each.code for each in made.rooms], [each.rooms for each in made.rooms]
    await work.execute(
        _NIGHTS,
        {"tenant": work.tenant, "contract": made.urn, "codes": codes, "rooms": rooms, "first": made.first, "last": made.last},
    )
    return True


async def lock_contract(work: Work, urn: Urn) -> Contract | None:
    """Nobody else's until the transaction ends."""
    found = select(contract).where(contract.c.tenant == work.tenant, contract.c.urn == urn).with_for_update()
    row = (await work.execute(found)).one_or_none()
    return None if row is None else to_contract(row)


async def touch_contract(work: Work, urn: Urn) -> None:
    """Another version of it."""
    await work.execute(
        update(contract).where(contract.c.tenant == work.tenant, contract.c.urn == urn).values(version=contract.c.version + 1)
    )


async def edit_nights(
    work: Work, urn: Urn, room_type: str, first: date, last: date, capacity: int | None, blocked: int | None, stopped: bool | None
) -> int:  # fmt: skip
    """Changes what is not None of these nights; how many there are."""
    facts = {"contract": urn, "room_type": room_type, "first": first, "last": last}
    rows = await work.execute(_EDIT, {"tenant": work.tenant, **facts, "capacity": capacity, "blocked": blocked, "stopped": stopped})
    return len(rows.all())


async def vacant(work: Work, check_in: date, check_out: date) -> list[tuple[Contract, str, int]]:
    """Contracts, room types and rooms left in every one of these nights, held ones not counted."""
    nights = (check_out - check_in).days
    rows = await work.execute(_VACANT, {"tenant": work.tenant, "check_in": check_in, "check_out": check_out, "nights": nights})
    return [(to_contract(row), row.room_type, int(row.rooms)) for row in rows]


async def take_units(work: Work, made: Reservation, contract_urn: Urn, each: Money) -> int | None:
    """Pending units for every night of a reservation, nobody else's while they last; with None taken, how many some night has left.

    Whoever wants the same room type in one of these nights waits here until this transaction ends.
    """
    offer, rooms = made.offer, made.offer.rooms
    where = {
        "tenant": work.tenant, "contract": contract_urn, "room_type": offer.room_type, "check_in": offer.check_in,
        "check_out": offer.check_out,
    }  # fmt: skip
    stock: dict[date, int] = {row.night: row.rooms for row in await work.execute(_STOCK, where)}
    nights = [offer.check_in + timedelta(days=n) for n in range((offer.check_out - offer.check_in).days)]
    c = unit.c
    rows = select(c.night, c.unit).where(
        c.tenant == work.tenant, c.contract == contract_urn, c.room_type == offer.room_type, c.night.in_(nights)
    )  # fmt: skip
    taken: dict[date, set[int]] = defaultdict(set)
    for row in await work.execute(rows):
        taken[row.night].add(row.unit)
    left = min(stock.get(night, 0) - len(taken[night]) for night in nights)
    if left < rooms:
        return max(0, left)
    common = {
        "tenant": work.tenant, "contract": contract_urn, "room_type": offer.room_type, "reservation": made.urn,
        "client_reference": made.client_reference, "nightly": each.amount, "currency": each.currency,
    }  # fmt: skip
    await work.execute(
        insert(unit),
        [common | {"night": night, "unit": number} for night in nights for number in _free_numbers(taken[night], rooms)],
    )
    return None


async def confirm_units(work: Work, reference: str) -> UnitsHeld | None:
    """What is held under a reference, all of it confirmed now."""
    await work.execute(_CONFIRM, {"tenant": work.tenant, "reference": reference})
    return await units_held(work, reference)


async def units_held(work: Work, reference: str) -> UnitsHeld | None:
    row = (await work.execute(_UNITS, {"tenant": work.tenant, "reference": reference})).one_or_none()
    if row is None:
        return None
    return UnitsHeld(
        Urn(row.contract), row.client_reference, row.check_in, row.check_out, int(row.rooms), Money(row.total, row.currency), row.confirmed
    )


async def free_units(work: Work, *, reservation: Urn | None = None, reference: str | None = None, pending: bool = False) -> None:
    """Gives back the units of a reservation or a reference; only what was not confirmed where `pending` says so."""
    mine = unit.c.reservation == reservation if reservation is not None else unit.c.client_reference == reference
    gone = delete(unit).where(unit.c.tenant == work.tenant, mine)
    await work.execute(gone.where(unit.c.confirmed_at.is_(None)) if pending else gone)


def _free_numbers(taken: set[int], rooms: int) -> list[int]:
    free = (number for number in count(1) if number not in taken)
    return list(islice(free, rooms))


def contract_facts(made: Contract) -> dict[str, Any]:
    facts: dict[str, Any] = encode(made)
    del facts["urn"], facts["version"]
    return facts


def to_contract(row: Any) -> Contract:
    """A row of `contract` as the thing itself."""
    made: Contract = read(Contract, {**row.facts, "urn": row.urn, "version": row.version})
    return made
