"""Holding rooms and giving them back, in the store of holds and in Postgres together.

The store is asked first, because it alone says no; Postgres is written in the transaction that follows from the yes. Should that
transaction fail, the same hold is taken again under the same name, or ends by itself.

A wipe in between loses nothing: who writes a hold down shares its hotel until the commit, who restores a hotel has it alone and so reads
every hold that was written. What was taken before a restoring and written after it shows by the hotel's mark, and is taken again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from domains.booking import store
from domains.booking.events import HoldsChanged
from domains.booking.model import UNRESOLVED, Hold, HoldState, count_urn
from kernel.hold import CONFIRM_MARGIN, HOLD_LIFETIME, Full, Holds, HoldsUnreachable, Report, Stay, Taken, Unrestored, Wanted
from kernel.urn import Urn
from kernel.work import Work

log = logging.getLogger(__name__)

_Answer = Taken | Full | Unrestored
ENDING_AT_ONCE: Final = 200  # holds looked at in one transaction


async def take_hold(work: Work, holds: Holds, wanted: Hold) -> Hold | Full:
    """Holds the rooms, and writes it down; `Full` when some night has too few.

    Without the store the hold is written all the same: it is our courtesy to the partner, whose answer is the truth.
    """
    return (await take_holds(work, holds, [wanted]))[0]


async def take_holds(work: Work, holds: Holds, wanted: Sequence[Hold]) -> list[Hold | Full]:
    """`take_hold` for many, each for itself, in one round trip to the store and one statement. Their names differ."""
    taken = await _take(work, holds, wanted)
    held = {each.urn: each for each, answer in zip(wanted, taken, strict=True) if not isinstance(answer, Full)}
    if held:
        await store.share_hotels(work, {each.hotel for each in held.values()})
        answers = dict(zip((each.urn for each in wanted), taken, strict=True))
        await _write(work, held, answers)
        while lost := await _lost(work, holds, held, answers):
            await _take_again(work, holds, lost, held, answers)
        taken = [answers[each.urn] for each in wanted]
        for each in held.values():
            await holds_changed(work, each)
    return [answer if isinstance(answer, Full) else held[each.urn] for each, answer in zip(wanted, taken, strict=True)]


async def confirm_hold(work: Work, holds: Holds, hold: Urn) -> None:
    """The rooms are ours."""
    await _move(work, holds, hold, HoldState.CONFIRMED)


async def release_hold(work: Work, holds: Holds, hold: Urn) -> None:
    """The rooms are free again."""
    await _move(work, holds, hold, HoldState.RELEASED)


async def restore_hotel(work: Work, holds: Holds, hotel: Urn) -> None:
    """Tells a wiped store what Postgres remembers of a hotel. Raises: HoldsUnreachable."""
    await store.hotel_alone(work, hotel)
    await holds.restore(work.tenant, hotel, await store.kept_in(work, hotel))


async def restore_wiped(work: Work, holds: Holds) -> int:
    """Restores every hotel that a wiped store has forgotten; how many there were. Raises: HoldsUnreachable."""
    hotels = await store.hotels_held(work)
    known = await holds.known(work.tenant, hotels) if hotels else set()
    forgotten = [hotel for hotel in hotels if hotel not in known]
    for hotel in forgotten:
        await restore_hotel(work, holds, hotel)
    return len(forgotten)


async def expire_holds(work: Work, holds: Holds) -> int:
    """Ends the holds whose time is up and lengthens those of bookings still under way; how many were looked at."""
    now = await work.now()
    ending = await store.holds_ending(work, now, now + CONFIRM_MARGIN, ENDING_AT_ONCE)
    for hold, state in ending:
        if state in UNRESOLVED:  # nobody knows yet whether the partner has booked them
            await _lengthen(work, holds, hold, now + HOLD_LIFETIME)
        else:
            await _move(work, holds, hold.urn, HoldState.EXPIRED)
    return len(ending)


async def holds_changed(work: Work, hold: Hold) -> None:
    """Tells screens, night by night."""
    for night in hold.nights:
        changed = HoldsChanged(hold.hotel, hold.room_type, hold.airport, night)
        await work.record(changed, aggregate=count_urn(hold.airport, hold.hotel, hold.room_type, night))


def stay_of(work: Work, hold: Hold) -> Stay:
    return Stay.between(work.tenant, hold.hotel, hold.room_type, hold.check_in, hold.check_out)


async def _take(work: Work, holds: Holds, wanted: Sequence[Hold]) -> list[_Answer]:
    """The store's answers; `Unrestored` for what it will not say anything of."""
    asked = [_wanted(work, each) for each in wanted]
    try:
        answers: list[_Answer] = await holds.take_many(asked)
        wiped = {each.hotel for each, answer in zip(wanted, answers, strict=True) if isinstance(answer, Unrestored)}
        for hotel in sorted(wiped):
            await restore_hotel(work, holds, hotel)
        if wiped:
            again = iter(await holds.take_many([each for each in asked if each.stay.hotel in wiped]))
            answers = [next(again) if each.stay.hotel in wiped else answer for each, answer in zip(asked, answers, strict=True)]
    except HoldsUnreachable as error:
        log.warning("holding without the store of holds: %s", error, extra={"tenant": work.tenant, "urn": wanted[0].urn})
        return [Unrestored()] * len(wanted)
    return answers


async def _write(work: Work, held: dict[Urn, Hold], answers: Mapping[Urn, _Answer]) -> None:
    """Writes down what is held, with the end that the store gave it."""
    for urn, each in held.items():
        answer = answers[urn]
        until = answer.until if isinstance(answer, Taken) else await work.now() + HOLD_LIFETIME
        held[urn] = replace(each, until=until)
    await store.write_holds(work, held.values())


async def _lost(work: Work, holds: Holds, held: Mapping[Urn, Hold], answers: Mapping[Urn, _Answer]) -> list[Hold]:
    """What the store was made to forget since it was taken; what is written now, no restoring can miss."""
    given = {each.urn: answer.mark for each in held.values() if isinstance(answer := answers[each.urn], Taken)}
    try:
        marks = await holds.marks(work.tenant, sorted({held[urn].hotel for urn in given})) if given else {}
    except HoldsUnreachable:
        return []
    return [held[urn] for urn, mark in given.items() if marks.get(held[urn].hotel) != mark]


async def _take_again(work: Work, holds: Holds, lost: Sequence[Hold], held: dict[Urn, Hold], answers: dict[Urn, _Answer]) -> None:
    taken = dict(zip((each.urn for each in lost), await _take(work, holds, lost), strict=True))
    answers.update(taken)
    if gone := [urn for urn, answer in taken.items() if isinstance(answer, Full)]:
        await store.drop_holds(work, gone)
        for urn in gone:
            del held[urn]
    if kept := {urn: held[urn] for urn in taken if urn in held}:
        await _write(work, kept, answers)
        held.update(kept)


def _wanted(work: Work, hold: Hold) -> Wanted:
    return Wanted(stay_of(work, hold), hold.urn, hold.rooms, Report(hold.reported, hold.reported_at))


async def _move(work: Work, holds: Holds, hold: Urn, state: HoldState) -> None:
    moved = await store.move_hold(work, hold, state)
    if moved is None:
        return
    if state is not HoldState.CONFIRMED:
        await store.free_units(work, reservation=moved.reservation, pending=state is HoldState.EXPIRED)
    try:
        if state is HoldState.CONFIRMED:
            await holds.confirm(stay_of(work, moved), hold, moved.rooms)
        else:
            await holds.release(stay_of(work, moved), hold, moved.rooms)
    except HoldsUnreachable as error:  # it is rebuilt from Postgres when it is back, or the hold ends by itself
        log.warning("the store of holds missed a change: %s", error, extra={"tenant": work.tenant, "urn": hold})
    await holds_changed(work, moved)


async def _lengthen(work: Work, holds: Holds, hold: Hold, until: datetime) -> None:
    await store.move_hold(work, hold.urn, HoldState.HELD, until)
    wanted = replace(hold, until=until)
    try:
        if await holds.extend(stay_of(work, hold), hold.urn, hold.rooms) is None:
            await _take(work, holds, [wanted])
    except HoldsUnreachable as error:
        log.warning("the store of holds missed an extension: %s", error, extra={"tenant": work.tenant, "urn": hold.urn})
