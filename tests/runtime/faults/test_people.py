"""The people of a part are drawn from its dice: as many as asked, each with a number and a mark of its airline."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from runtime.faults.people import ABOARD, MARKS, TENANTS, fly


@pytest.mark.parametrize("sagas", [1, ABOARD, 3 * ABOARD + 7])
def test_as_many_parties_fly_as_there_are_to_be_sagas(sagas: int) -> None:
    flights, guests = fly(sagas, random.Random(1))
    assert sum(len(flight.manifest.entries) for flight in flights) == sagas == len(guests)
    assert len({guest.phone for guest in guests.values()}) == sagas
    assert len({flight.manifest.flight for flight in flights}) == len(flights)


def test_every_name_says_whose_guest_it_is() -> None:
    flights, guests = fly(200, random.Random(2))
    assert {flight.tenant for flight in flights} == set(TENANTS)
    assert all(family.startswith(MARKS[guest.tenant]) for family, guest in guests.items())
    assert not any(one in other for one in MARKS.values() for other in MARKS.values() if one != other)


def test_some_accept_some_decline_and_some_say_nothing() -> None:
    said = Counter(guest.answer for guest in fly(400, random.Random(3))[1].values())
    assert set(said) == {"accept", "decline", None}
    assert min(said.values()) > 50


def test_the_same_dice_draw_the_same_people() -> None:
    assert fly(50, random.Random(4))[1] == fly(50, random.Random(4))[1]
