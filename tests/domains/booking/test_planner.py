"""What every plan of a wave keeps, whatever is drawn; and each of its habits by itself."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domains.booking.bound import lower_bound
from domains.booking.model import Exclusion
from domains.booking.planner import plan
from domains.booking.ports import Offer, Point
from domains.booking.ranking import Standing, excluded_by
from domains.booking.wave import Fate, GroupPlan, Plan, Question, WaveGroup, WaveParty, question
from kernel.urn import Urn
from tests.domains.booking.rooms import CHECK_IN, a_wish, an_offer, usd

STAY = (CHECK_IN, CHECK_IN + timedelta(days=1))


def a_group(name: str, *wishes: Any, tier: str | None = "ECONOMY", vulnerable: bool = False) -> WaveGroup:
    parties = tuple(
        WaveParty(replace(wish, sub_case=Urn.of("sub-case", f"{name}-{number}")), 1) for number, wish in enumerate(wishes or (a_wish(),))
    )
    return WaveGroup(Urn.of("group", name), tier, vulnerable, parties)


def apart(offers: Iterable[Offer]) -> list[Offer]:
    """Each hotel a kilometre from the last, so that no two are one house."""
    places: dict[Urn, int] = {}
    return [
        replace(offer, location=Point(40 + places.setdefault(offer.hotel, len(places)) / 100, -73.78), address=str(offer.hotel))
        for offer in offers
    ]


def pools(groups: Iterable[WaveGroup], offers: Sequence[Offer]) -> dict[Question, list[Offer]]:
    """Every party is offered the same, for as many rooms as it needs."""
    asked = {question(party.wish) for group in groups for party in group.parties}
    return {
        each: [
            replace(
                offer, check_in=each.check_in, check_out=each.check_out,
                total=offer.nightly.times(each.rooms * (each.check_out - each.check_in).days),
                rates=(replace(offer.rates[0], occupancy=replace(offer.rates[0].occupancy, rooms=each.rooms)),),
            )
            for offer in offers
        ]
        for each in asked
    }  # fmt: skip


def planned(groups: Sequence[WaveGroup], offers: Sequence[Offer], standing: Standing = Standing()) -> Plan:
    stays = {(party.wish.check_in, party.wish.check_out) for group in groups for party in group.parties}
    return plan(groups, pools(groups, apart(offers)), dict.fromkeys(stays, standing))


def assigned(each: GroupPlan) -> list[Offer]:
    return [party.candidates[0].offer for party in each.parties]


def test_a_group_takes_the_best_house_and_the_next_one_what_is_left() -> None:
    cheap, dear = an_offer("cheap", nightly=usd(80), allotment=1), an_offer("dear", nightly=usd(120))
    made = planned([a_group("a"), a_group("b")], [cheap, dear])
    assert [each.house_name for each in made.groups] == ["Hotel cheap", "Hotel dear"]
    assert [each.cost for each in made.groups] == [usd(80), usd(120)]
    assert [each.least for each in made.groups] == [usd(80), usd(80)]


def test_a_group_is_placed_in_one_house_or_not_at_all() -> None:
    offers = [an_offer("a", allotment=1), an_offer("b", allotment=1)]
    two = a_group("two", a_wish(), a_wish())
    (alone,) = planned([two], offers).groups
    assert (alone.fate, alone.house) == (Fate.NO_ROOM, None)
    (together,) = planned([two], [*offers, an_offer("c", allotment=2)]).groups
    assert {offer.name for offer in assigned(together)} == {"Hotel c"}


def test_a_house_that_two_sources_sell_takes_a_group_together() -> None:
    here = an_offer("a", allotment=1)
    there = replace(an_offer("b", allotment=1), hotel=Urn.of("hotel", "b", "amadeus"), location=here.location)
    group = a_group("two", a_wish(), a_wish())
    (made,) = plan([group], pools([group], [here, there]), {}).groups
    assert made.fate is Fate.PLACED
    assert {offer.vendor for offer in assigned(made)} == {"hotelbeds", "amadeus"}


def test_a_group_of_mixed_tiers_is_a_persons() -> None:
    (made,) = planned([a_group("mixed", tier=None)], [an_offer()]).groups
    assert (made.fate, made.parties[0].candidates) == (Fate.MIXED_TIER, ())


def test_a_group_that_does_not_stay_the_same_nights_is_a_persons() -> None:
    longer = a_wish(check_out=CHECK_IN + timedelta(days=2))
    (made,) = planned([a_group("apart", a_wish(), longer)], [an_offer()]).groups
    assert made.fate is Fate.STAYS_DIFFER


def test_the_vulnerable_come_first_and_then_those_who_need_most_rooms() -> None:
    groups = [a_group("a"), a_group("b", a_wish(rooms=3, adults=6)), a_group("c", vulnerable=True)]
    made = planned(groups, [an_offer()])
    assert [each.group.urn.id for each in made.groups] == ["c", "b", "a"]
    assert [each.place for each in made.groups] == [1, 2, 3]


def test_why_nothing_fits_is_said_gate_by_gate() -> None:
    (made,) = planned([a_group("a", a_wish(min_stars=5))], [an_offer(), an_offer(nightly=usd(999))]).groups
    assert (made.fate, made.parties[0].excluded) == (Fate.NOTHING_FITS, {Exclusion.TOO_FEW_STARS.value: 2})
    assert len(made.parties[0].left_out) == 2


def test_a_lone_party_falls_back_on_other_houses_and_a_group_stays_in_its_own() -> None:
    offers = [an_offer("a"), an_offer("a", room_type="SGL", nightly=usd(110)), an_offer("b", nightly=usd(120))]
    lone, pair = planned([a_group("lone"), a_group("pair", a_wish(), a_wish())], offers).groups[::-1]
    assert [each.offer.name for each in lone.parties[0].candidates] == ["Hotel a", "Hotel b"]
    for party in pair.parties:
        assert [(each.offer.name, each.offer.room_type) for each in party.candidates] == [("Hotel a", "DBL.ST"), ("Hotel a", "SGL")]


def test_what_is_spoken_for_is_not_assigned() -> None:
    offer = an_offer("a", allotment=2)
    made = planned([a_group("a"), a_group("b")], [offer], Standing(spoken={(offer.hotel, offer.room_type): 1}))
    assert [each.fate for each in made.groups] == [Fate.PLACED, Fate.NO_ROOM]


def test_groups_gather_where_ours_are_when_the_rest_is_equal() -> None:
    offers = [an_offer(name, allotment=50) for name in "abc"]
    made = planned([a_group(str(number)) for number in range(12)], offers)
    assert len({each.house for each in made.groups}) == 1


def test_the_bound_knows_that_cheap_rooms_are_few() -> None:
    groups = [a_group(str(number)) for number in range(4)]
    made = planned(groups, [an_offer("cheap", nightly=usd(80), allotment=2), an_offer("dear", nightly=usd(120))])
    assert sum(each.least.amount for each in made.placed if each.least) == 320
    cost = sum(each.cost.amount for each in made.placed if each.cost)
    assert cost == 400
    assert 390 < made.bound <= cost


# --- whatever is drawn --------------------------------------------------------------------------------------------------------------

DRAWN = st.builds(
    an_offer, st.sampled_from([f"h{n}" for n in range(5)]), room_type=st.sampled_from(["DBL.ST", "SGL"]), stars=st.integers(2, 5),
    distance_km=st.integers(1, 30).map(float), nightly=st.integers(40, 400).map(usd), allotment=st.integers(0, 6),
)  # fmt: skip
WISHES = st.builds(
    lambda rooms, nights, stars: a_wish(rooms=rooms, adults=2 * rooms, check_out=CHECK_IN + timedelta(days=nights), min_stars=stars),
    st.integers(1, 3), st.integers(1, 2), st.sampled_from([3, 3, 4]),
)  # fmt: skip
SHAPES = st.lists(
    st.tuples(st.lists(WISHES, min_size=1, max_size=3), st.sampled_from(["ECONOMY", "BUSINESS", None]), st.booleans()),
    min_size=1, max_size=7,
)  # fmt: skip


def drawn(shapes: Sequence[Any]) -> list[WaveGroup]:
    return [a_group(f"g{n}", *wishes, tier=tier, vulnerable=vulnerable) for n, (wishes, tier, vulnerable) in enumerate(shapes)]


def one_row_each(offers: Sequence[Offer]) -> list[Offer]:
    """A hotel tells the same of itself in all its offers, and a source offers a room type once."""
    by_hotel: dict[Urn, Offer] = {}
    rows: dict[tuple[Urn, str], Offer] = {}
    for offer in offers:
        known = by_hotel.setdefault(offer.hotel, offer)
        name = f"{offer.hotel.id}-{offer.room_type}"
        rows[offer.hotel, offer.room_type] = replace(
            offer, urn=Urn.of("offer", name), stars=known.stars, distance_km=known.distance_km
        )  # fmt: skip
    return list(rows.values())


@given(SHAPES, st.lists(DRAWN, max_size=10), st.randoms(use_true_random=False))
def test_whatever_is_drawn_a_plan_keeps_its_promises(shapes: Any, offers: list[Offer], chance: random.Random) -> None:
    groups, rows = drawn(shapes), one_row_each(offers)
    made = planned(groups, rows)
    assert Counter(each.group.urn for each in made.groups) == Counter(group.urn for group in groups)
    taken: dict[tuple[Urn, str, date], int] = defaultdict(int)
    for each in made.groups:
        if each.fate is not Fate.PLACED:
            assert all(not party.candidates for party in each.parties)
            continue
        assert each.group.tier is not None
        assert len({offer.hotel for offer in assigned(each)}) == 1  # no two hotels here are one house
        for party, offer in zip(each.parties, assigned(each), strict=True):
            assert excluded_by(offer, party.party.wish) is None
            assert (offer.rooms, offer.check_in, offer.check_out) == (
                party.party.wish.rooms, party.party.wish.check_in, party.party.wish.check_out,
            )  # fmt: skip
            for n in range((offer.check_out - offer.check_in).days):
                taken[offer.hotel, offer.room_type, offer.check_in + timedelta(days=n)] += offer.rooms
    reported = {(offer.hotel, offer.room_type): offer.allotment for offer in rows}
    assert all(rooms <= reported[hotel, room_type] for (hotel, room_type, _), rooms in taken.items())
    assert made.bound <= sum((each.cost.amount for each in made.placed if each.cost), Decimal(0))
    shuffled, others = list(groups), list(rows)
    chance.shuffle(shuffled)
    chance.shuffle(others)
    assert _told(planned(shuffled, others)) == _told(planned(groups, rows))


def _told(made: Plan) -> list[Any]:
    return [
        (each.place, each.group.urn, each.fate, each.house, each.cost, each.least, each.market, [
            ([(one.offer.urn, one.score) for one in party.candidates], party.excluded) for party in each.parties
        ])
        for each in made.groups
    ]  # fmt: skip


TAKINGS = st.lists(
    st.tuples(st.integers(1, 99).map(float), st.integers(1, 2), st.sampled_from(["x", "y", "z"]).map(lambda night: (night,))),
    min_size=1, max_size=2,
).map(tuple)  # fmt: skip
CHOICES = st.lists(st.lists(TAKINGS, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3)


@given(st.lists(CHOICES, min_size=1, max_size=3), st.fixed_dictionaries(dict.fromkeys("xyz", st.integers(0, 4))))
def test_nothing_that_fits_costs_less_than_the_bound(groups: Any, capacity: dict[str, int]) -> None:
    bound = lower_bound([(1, choices) for choices in groups], capacity)
    every = [[takings for choice in choices for takings in product(*choice)] for choices in groups]
    for whole in product(*every):
        taken = Counter[str]()
        for _, rooms, nights in (taking for takings in whole for taking in takings):
            taken.update(dict.fromkeys(nights, rooms))
        if all(rooms <= capacity[night] for night, rooms in taken.items()):
            assert bound <= Decimal(str(sum(cost for takings in whole for cost, _, _ in takings)))
