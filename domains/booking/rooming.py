"""Who sleeps in which room: a party spread over its rooms, the same way when it is searched for and when it is booked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domains.booking.ports import Guest, Occupancy

INFANT_AGE = 1  # years; what a partner is told about an infant, whose age no manifest carries
CHILD_AGE = 8  # years; the same for a child whose age the manifest left out


def occupancies(rooms: int, adults: int, child_ages: Sequence[int] = ()) -> tuple[Occupancy, ...]:
    """`adults` and children spread evenly over `rooms`, like rooms counted together, fullest first.

    Raises: ValueError when there is not an adult for every room.
    """
    if not 1 <= rooms <= adults:
        raise ValueError(f"{adults} adults cannot sleep in {rooms} rooms: every room needs one")
    filled = [(_share(adults, rooms, index), tuple(sorted(child_ages[index::rooms]))) for index in range(rooms)]
    kinds = sorted(set(filled), key=lambda kind: (-kind[0], -len(kind[1]), kind[1]))
    return tuple(Occupancy(filled.count(kind), kind[0], kind[1]) for kind in kinds)


def seated(guests: Sequence[Guest], of: Sequence[Occupancy]) -> tuple[Guest, ...]:
    """The guests with their rooms filled in, in the order of `of`; adults and children keep their own order.

    Raises: ValueError when the guests are not the party that `of` was made for.
    """
    adults = [guest for guest in guests if guest.age is None]
    children = [guest for guest in guests if guest.age is not None]
    placed: list[Guest] = []
    room = 0
    for occupancy in of:
        for _ in range(occupancy.rooms):
            room += 1
            placed += [replace(_take(adults), room=room) for _ in range(occupancy.adults)]
            placed += [replace(_take_aged(children, age), room=room) for age in occupancy.child_ages]
    if adults or children:
        raise ValueError(f"{len(adults)} adults and {len(children)} children are left without a room")
    return tuple(placed)


def _share(people: int, rooms: int, index: int) -> int:
    return people // rooms + (1 if index < people % rooms else 0)


def _take(adults: list[Guest]) -> Guest:
    if not adults:
        raise ValueError("the party has fewer adults than its rooms were made for")
    return adults.pop(0)


def _take_aged(children: list[Guest], age: int) -> Guest:
    for index, child in enumerate(children):
        if child.age == age:
            return children.pop(index)
    raise ValueError(f"the party has no child of {age} years")
