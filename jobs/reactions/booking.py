"""What booking does when a saga asks, and how screens follow its holds."""

from __future__ import annotations

from collections.abc import Sequence

from domains.booking import actions, queries
from domains.booking.commands import BookRooms, CancelRide, CancelRooms, DispatchRide, RankHotels
from domains.booking.events import BookingsStopped, HoldsChanged, WaveChanged
from domains.booking.model import count_urn
from domains.cases.events import DemandApproved, ReviewDecided
from jobs.finding import end_operation
from jobs.lines import show_line
from jobs.operations.book_rooms import asks_of
from jobs.operations.dispatch_ride import ASKS as RIDES
from jobs.operations.search_for_wave import SEARCH_FOR_WAVE, intent_for
from jobs.operations.search_hotels import SEARCH_HOTELS
from jobs.registry import Ports, on, on_many
from jobs.wishes import groups_for
from kernel.event import Envelope, encode
from kernel.operation import intend, intend_many
from kernel.saga import ReplyTo
from kernel.work import Work


@on(RankHotels)
async def search_hotels(work: Work, command: RankHotels, envelope: Envelope, ports: Ports) -> None:
    """Searches, unless a wave has done so already; the same question asked again gets the same answer."""
    reply_to = envelope.reply_to or ""
    if not await actions.tell_again(work, command, reply_to) and not await actions.read_wave(work, command, reply_to):
        key = f"search|{reply_to}"
        await intend(work, SEARCH_HOTELS, subject=command.sub_case, key=key, intent=encode(command), reply_to=reply_to)


@on(DemandApproved)
async def begin_wave(work: Work, event: DemandApproved, envelope: Envelope, ports: Ports) -> None:
    """Rooms may be searched for: everybody's questions are asked, and a plan is made of the answers."""
    groups = await groups_for(ports, work.tenant, event.sub_cases)
    if groups is None:
        await actions.fail_wave(work, event.demand, "The airline has no active policy.")
        return
    asked = await actions.begin_wave(work, event.demand, groups)
    await intend_many(work, SEARCH_FOR_WAVE, [intent_for(wave, place, wish) for wave, place, wish in asked])


@on(WaveChanged)
async def show_wave(work: Work, event: WaveChanged, envelope: Envelope, ports: Ports) -> None:
    """Screens follow."""

    async def show() -> None:
        ports.feed.publish(work.tenant, "waves", event.wave, event.row_version)

    work.after_commit(show)


@on(BookRooms)
async def book_rooms(work: Work, command: BookRooms, envelope: Envelope, ports: Ports) -> None:
    reply_to = envelope.reply_to or ""
    await actions.book_rooms(work, command, ReplyTo.parse(reply_to).workflow, reply_to, ports.holds, asks_of(ports))


@on(CancelRooms)
async def cancel_rooms(work: Work, command: CancelRooms, envelope: Envelope, ports: Ports) -> None:
    await actions.cancel_rooms(work, command, envelope.reply_to or "", ports.holds, asks_of(ports))


@on(DispatchRide)
async def dispatch_ride(work: Work, command: DispatchRide, envelope: Envelope, ports: Ports) -> None:
    reply_to = envelope.reply_to or ""
    await actions.dispatch_ride(work, command, ReplyTo.parse(reply_to).workflow, reply_to, RIDES)


@on(CancelRide)
async def cancel_ride(work: Work, command: CancelRide, envelope: Envelope, ports: Ports) -> None:
    await actions.cancel_ride(work, command, envelope.reply_to or "", RIDES)


@on_many(HoldsChanged)
async def show_holds(work: Work, taken: Sequence[tuple[HoldsChanged, Envelope]], ports: Ports) -> None:
    """Screens of every airport that shows these rooms follow."""
    urns = {count_urn(event.airport, event.hotel, event.room_type, event.night) for event, _ in taken}
    counts = await queries.hold_counts_beside(work.connection, work.tenant, sorted(urns))

    async def show() -> None:
        for count in counts:
            ports.feed.publish(work.tenant, f"holds:{count.airport}", count.urn, count.version)

    work.after_commit(show)


@on(ReviewDecided)
async def resolve_booking(work: Work, event: ReviewDecided, envelope: Envelope, ports: Ports) -> None:
    """A person has found out what became of a call of ours."""
    await end_operation(work, event, ports)


@on(BookingsStopped)
async def show_stop(work: Work, event: BookingsStopped, envelope: Envelope, ports: Ports) -> None:
    """Every screen says that the line is stopped, and why."""
    show_line(work, ports, event.stop, event.row_version)
