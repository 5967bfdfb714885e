"""Holding rooms and giving them back, in the store of holds and in Postgres together.

The store is asked first, because it alone says no; Postgres is written in the transaction that follows from the yes. Should that
transaction fail, the same hold is taken again under the same name, or ends by itself.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from domains.booking import store
from domains.booking.events import HoldsChanged
from domains.booking.model import UNRESOLVED, Hold, HoldState, count_urn
from kernel.hold import CONFIRM_MARGIN, HOLD_LIFETIME, Full, Holds, HoldsUnreachable, Report, Stay, Taken, Unrestored
from kernel.urn import Urn
from kernel.work import Work

log = logging.getLogger(__name__)

ENDING_AT_ONCE = 200  # holds looked at in one transaction


async def take_hold(work: Work, holds: Holds, wanted: Hold) -> Hold | Full:
    """Holds the rooms, and writes it down; `Full` when some night has too few.

    Without the store the hold is written all the same: it is our courtesy to the partner, whose answer is the truth.
    """
    taken = await _take(work, holds, wanted)
    if isinstance(taken, Full):
        return taken
    held = replace(wanted, until=taken)
    await store.write_hold(work, held)
    await holds_changed(work, held)
    return held


async def confirm_hold(work: Work, holds: Holds, hold: Urn) -> None:
    """The rooms are ours."""
    await _move(work, holds, hold, HoldState.CONFIRMED)


async def release_hold(work: Work, holds: Holds, hold: Urn) -> None:
    """The rooms are free again."""
    await _move(work, holds, hold, HoldState.RELEASED)


async def restore_hotel(work: Work, holds: Holds, hotel: Urn) -> None:
    """Tells a wiped store what Postgres remembers of a hotel. Raises: HoldsUnreachable."""
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


async def _take(work: Work, holds: Holds, wanted: Hold) -> datetime | Full:
    stay, report = stay_of(work, wanted), Report(wanted.reported, wanted.reported_at)
    try:
        taken = await holds.take(stay, wanted.urn, wanted.rooms, report)
        if isinstance(taken, Unrestored):
            await restore_hotel(work, holds, wanted.hotel)
            taken = await holds.take(stay, wanted.urn, wanted.rooms, report)
    except HoldsUnreachable as error:
        log.warning("holding without the store of holds: %s", error, extra={"tenant": work.tenant, "urn": wanted.urn})
        taken = Unrestored()
    if isinstance(taken, Full):
        return taken
    return taken.until if isinstance(taken, Taken) else await work.now() + HOLD_LIFETIME


async def _move(work: Work, holds: Holds, hold: Urn, state: HoldState) -> None:
    moved = await store.move_hold(work, hold, state)
    if moved is None:
        return
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
            await _take(work, holds, wanted)
    except HoldsUnreachable as error:
        log.warning("the store of holds missed an extension: %s", error, extra={"tenant": work.tenant, "urn": hold.urn})
