"""Reading the airline's word about a next flight out of a PNR's itinerary, where the PSS has no word of its own for it.

Nothing is computed here that the airline has not booked: a PNR is re-seated when the flight that its people leave on next, of those
confirmed, leaves from where they are stranded or goes to where they were going. A connection or the way back is no next flight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domains.airline.model import NextFlight
from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class Leg:
    """One flight of an itinerary. `leaves` is the clock at `origin`, without an offset, as PSSs write it.

    `also` names the same flight by its operating carrier, where that is another.
    """

    flight: Urn
    origin: str
    destination: str
    leaves: datetime
    confirmed: bool
    also: Urn | None = None

    def is_(self, flight: Urn) -> bool:
        return flight.id in (self.flight.id, self.also.id if self.also else None)

    def leaving(self, zone: str) -> NextFlight:
        """Itself as a next flight; `zone` is that of its origin."""
        return NextFlight(self.flight, self.leaves.replace(tzinfo=ZoneInfo(zone)), self.origin, self.destination, zone)


def flight_id(carrier: str, number: str, leaves: datetime) -> str:
    """The id of a flight's URN: carrier, number, and the day on the clock where it leaves."""
    return f"{carrier}{int(number)}@{leaves:%Y%m%d}"


def reseated(legs: Iterable[Leg], disrupted: Leg) -> Leg | None:
    """The leg that takes the place of the disrupted one; None while the airline has booked none.

    Clocks of different airports are compared as they stand: what leaves elsewhere within a few hours is a connection all the same.
    """
    after = [leg for leg in legs if leg.confirmed and leg.flight != disrupted.flight and leg.leaves > disrupted.leaves]
    following = min(after, key=lambda leg: leg.leaves, default=None)
    if following is None:
        return None
    fits = following.origin == disrupted.origin or following.destination == disrupted.destination
    return following if fits else None
