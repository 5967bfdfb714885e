"""The replay's storm: real flights, invented people, the same every time."""

from __future__ import annotations

from collections import Counter
from datetime import date

from domains.airline.model import TravellerKind
from kernel.urn import Urn
from runtime.replay.storm import ZONE, Storm

TODAY = date(2026, 2, 20)


def test_the_storm_begins_at_noon_of_the_shifted_day() -> None:
    first = Storm(TODAY).cancellations[0]
    assert (first.departs.date(), first.departs.hour) == (TODAY, 12)
    assert first.departs.tzinfo is ZONE


def test_all_865_cancellations_less_those_before_noon_are_there() -> None:
    assert len(Storm(TODAY).cancellations) == 829


def test_the_same_day_gives_the_same_people() -> None:
    assert list(Storm(TODAY).manifests(5)) == list(Storm(TODAY).manifests(5))


def test_the_default_slice_is_large_enough_to_be_a_storm() -> None:
    entries = [entry for _, manifest in Storm(TODAY).manifests(20) for entry in manifest.entries]
    people = sum(len(entry.travellers) for entry in entries)
    assert len(entries) >= 600
    assert 1.7 < people / len(entries) < 2.1


def test_nobody_is_seated_on_a_flight_without_seats() -> None:
    storm = Storm(TODAY)
    seated: Counter[Urn] = Counter()
    for _, manifest in storm.manifests(100):
        for entry in manifest.entries:
            if entry.next_flight:
                seated[entry.next_flight.flight] += len(entry.travellers) - entry.count(TravellerKind.INFANT)
    seats = {departure.urn: departure.seats for departure in storm._departures if not departure.cancelled}
    assert seated
    assert all(count <= seats[flight] * 0.25 for flight, count in seated.items())


def test_the_next_flight_leaves_after_the_cancelled_one_for_the_same_place() -> None:
    for departure, manifest in Storm(TODAY).manifests(30):
        for entry in manifest.entries:
            assert entry.next_flight is None or entry.next_flight.departure > departure.departs


def test_every_locator_is_used_once_per_airline() -> None:
    pairs = Counter((departure.tenant, entry.pnr) for departure, manifest in Storm(TODAY).manifests(829) for entry in manifest.entries)
    assert max(pairs.values()) == 1
