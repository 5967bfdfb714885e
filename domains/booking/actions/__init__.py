"""What booking does, one verb per file: rank, book, cancel, ride; and what it makes of the partners' answers."""

from domains.booking.actions.asks import Asks
from domains.booking.actions.book import (
    book_rooms,
    booking_absent,
    booking_confirmed,
    booking_declined,
    booking_overdue,
    booking_unresolved,
)
from domains.booking.actions.cancel import booking_verified, cancel_refused, cancel_rooms, cancelled, undo
from domains.booking.actions.hold import expire_holds, restore_wiped
from domains.booking.actions.rank import nothing_found, rank_hotels, tell_again
from domains.booking.actions.ride import (
    RideAsks,
    cancel_ride,
    dispatch_ride,
    ghost_ride_stays,
    ride_cancel_refused,
    ride_cancelled,
    ride_declined,
    ride_dispatched,
    ride_unresolved,
    ride_verified,
    rides_quoted,
    undo_ride,
)

__all__ = [
    "Asks",
    "RideAsks",
    "book_rooms",
    "booking_absent",
    "booking_confirmed",
    "booking_declined",
    "booking_overdue",
    "booking_unresolved",
    "booking_verified",
    "cancel_refused",
    "cancel_ride",
    "cancel_rooms",
    "cancelled",
    "dispatch_ride",
    "expire_holds",
    "ghost_ride_stays",
    "nothing_found",
    "rank_hotels",
    "restore_wiped",
    "ride_cancel_refused",
    "ride_cancelled",
    "ride_declined",
    "ride_dispatched",
    "ride_unresolved",
    "ride_verified",
    "rides_quoted",
    "tell_again",
    "undo",
    "undo_ride",
]
