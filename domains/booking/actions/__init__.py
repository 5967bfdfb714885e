"""What booking does, one verb per file: rank, wave, book, cancel, ride; and what it makes of the partners' answers."""

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
from domains.booking.actions.contract import confirm_units, create_contract, edit_nights, free_units, known_contract, vacancies
from domains.booking.actions.hold import expire_holds, restore_wiped
from domains.booking.actions.line import resume_bookings, stop_bookings
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
    ride_reported,
    ride_unresolved,
    ride_verified,
    rides_quoted,
    undo_ride,
)
from domains.booking.actions.wave import begin_wave, commit_wave, discard_wave, fail_wave, read_wave, wave_searched

__all__ = [
    "Asks",
    "RideAsks",
    "begin_wave",
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
    "commit_wave",
    "confirm_units",
    "create_contract",
    "discard_wave",
    "dispatch_ride",
    "edit_nights",
    "expire_holds",
    "fail_wave",
    "free_units",
    "ghost_ride_stays",
    "known_contract",
    "nothing_found",
    "rank_hotels",
    "read_wave",
    "restore_wiped",
    "resume_bookings",
    "ride_cancel_refused",
    "ride_cancelled",
    "ride_declined",
    "ride_dispatched",
    "ride_reported",
    "ride_unresolved",
    "ride_verified",
    "rides_quoted",
    "stop_bookings",
    "tell_again",
    "undo",
    "undo_ride",
    "vacancies",
    "wave_searched",
]
