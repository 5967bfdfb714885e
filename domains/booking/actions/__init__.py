"""What booking does, one verb per file: rank, book, cancel; and what it makes of the partners' answers."""

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

__all__ = [
    "Asks",
    "book_rooms",
    "booking_absent",
    "booking_confirmed",
    "booking_declined",
    "booking_overdue",
    "booking_unresolved",
    "booking_verified",
    "cancel_refused",
    "cancel_rooms",
    "cancelled",
    "expire_holds",
    "nothing_found",
    "rank_hotels",
    "restore_wiped",
    "tell_again",
    "undo",
]
