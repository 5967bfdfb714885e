"""One house under several names: each layer by itself, what must stay apart, and that no order decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domains.booking.houses import completed, houses
from domains.booking.model import Exclusion
from domains.booking.ports import Offer, Point
from domains.booking.ranking import Standing, rank
from kernel.urn import Urn
from tests.domains.booking.rooms import a_wish, an_offer, usd

HERE = Point(40.65, -73.78)
STEP = 0.0009  # degrees of latitude, 100 m
SOURCES = ("direct", "hotelbeds", "amadeus")


def sold_by(vendor: str, hotel: str, **changes: Any) -> Offer:
    """An offer of a source; all stand at one place unless said."""
    changes = {"location": HERE, "address": "", **changes}
    made = an_offer(hotel, **changes)
    return replace(made, hotel=Urn.of("hotel", hotel, vendor), urn=Urn.of("offer", f"{hotel}-{vendor}", vendor))


def groups(*offers: Offer) -> list[list[str]]:
    """The hotels of each house, in order."""
    found = {house.urn: house for house in houses(offers).values()}
    return sorted(sorted(hotel.id for hotel in house.hotels) for house in found.values())


def moved(metres: float) -> Point:
    return Point(HERE.latitude + STEP * metres / 100, HERE.longitude)


def test_a_shared_id_is_one_house_wherever_it_is_said_to_stand() -> None:
    one, other = sold_by("amadeus", "a", shared_id="dupe:1"), sold_by("amadeus", "b", shared_id="dupe:1", location=moved(900), stars=2)
    assert groups(one, other) == [["a", "b"]]
    assert groups(one, replace(other, shared_id="dupe:2")) == [["a"], ["b"]]


def test_a_hundred_metres_and_the_same_stars_are_one_house() -> None:
    one = sold_by("hotelbeds", "a")
    assert groups(one, sold_by("amadeus", "b", location=moved(99))) == [["a", "b"]]
    assert groups(one, sold_by("amadeus", "b", location=moved(101))) == [["a"], ["b"]]
    assert groups(one, sold_by("amadeus", "b", stars=3)) == [["a"], ["b"]]
    assert groups(replace(one, stars=0), sold_by("amadeus", "b", stars=0)) == [["a"], ["b"]]  # nobody knows the stars of either


def test_the_same_name_and_address_are_one_house() -> None:
    one = sold_by("hotelbeds", "a", name="Hôtel Quay", address="1, Quay Street")
    other = sold_by("direct", "b", name="HOTEL QUAY", address="1 Quay street", location=moved(500), stars=3)
    assert groups(one, other) == [["a", "b"]]
    assert groups(one, replace(other, address="2 Quay Street")) == [["a"], ["b"]]
    assert groups(replace(one, address=""), replace(other, address="")) == [["a"], ["b"]]


def test_neighbours_at_one_source_stay_two_and_the_nearer_is_met() -> None:
    near, far = sold_by("hotelbeds", "near", location=moved(10)), sold_by("hotelbeds", "far", location=moved(60))
    assert groups(far, near, sold_by("amadeus", "it")) == [["far"], ["it", "near"]]
    assert groups(far, near) == [["far"], ["near"]]


def test_three_sources_may_sell_one_house() -> None:
    assert groups(*(sold_by(vendor, vendor) for vendor in SOURCES)) == [sorted(SOURCES)]


def test_the_cheapest_of_a_house_wins_and_of_equals_the_source_that_is_liked_better() -> None:
    dear, cheap = sold_by("hotelbeds", "a", nightly=usd(120)), sold_by("amadeus", "b", nightly=usd(100))
    candidates, excluded, _ = rank([dear, cheap], a_wish(), sources=SOURCES)
    assert [candidate.offer.hotel.vendor for candidate in candidates] == ["amadeus"]
    assert excluded == {"DEARER_ROOM": 1}
    for best, others in (("direct", ["hotelbeds", "amadeus"]), ("hotelbeds", ["amadeus"])):
        equals = [sold_by(vendor, vendor) for vendor in (*others, best)]
        assert [candidate.offer.hotel.vendor for candidate in rank(equals, a_wish(), sources=SOURCES)[0]] == [best]


def test_of_different_houses_that_score_the_same_the_better_liked_source_comes_first() -> None:
    far_apart = [sold_by("amadeus", "a"), sold_by("hotelbeds", "z", location=moved(5000))]
    assert [candidate.offer.hotel.vendor for candidate in rank(far_apart, a_wish(), sources=SOURCES)[0]] == ["hotelbeds", "amadeus"]


def test_what_does_not_fit_at_one_source_is_taken_at_the_other() -> None:
    full, dear = sold_by("hotelbeds", "a", allotment=0), sold_by("amadeus", "b", nightly=usd(150))
    candidates, excluded, _ = rank([full, dear], a_wish(), sources=SOURCES)
    assert [candidate.offer.hotel.vendor for candidate in candidates] == ["amadeus"]
    assert excluded == {"TOO_FEW_ROOMS": 1}


def test_what_one_source_knows_of_a_house_holds_for_the_house() -> None:
    described = sold_by("hotelbeds", "a", nightly=usd(300), address="1 Quay Street", phone="+1", amenities=("WIFI",), chain="Gloom")
    bare = sold_by("amadeus", "b")
    (candidate,), *_ = rank([described, bare], a_wish(required_amenities=("wifi",)), sources=SOURCES)
    assert (candidate.offer.hotel, candidate.offer.address, candidate.offer.phone) == (bare.hotel, "1 Quay Street", "+1")
    assert rank([described, bare], a_wish(excluded_chains=("gloom",)))[1] == {Exclusion.CHAIN_EXCLUDED.value: 2}
    assert completed(bare, houses([bare])[bare.hotel]) == bare


def test_our_rooms_in_a_house_count_whoever_sold_them() -> None:
    one, other = sold_by("hotelbeds", "a"), sold_by("amadeus", "b", nightly=usd(120))
    (candidate,), *_ = rank([one, other], a_wish(), Standing(placed={other.hotel: 10}))
    assert str(candidate.score.consolidation) == "0.5000"


OFFERS = st.lists(
    st.builds(
        lambda vendor, number, metres, stars, price, shared: sold_by(
            vendor, f"h{number}", location=moved(metres), stars=stars, nightly=usd(price), shared_id=shared, room_type=f"R{price}"
        ),
        st.sampled_from(SOURCES), st.integers(0, 5), st.integers(0, 300), st.integers(0, 4), st.integers(80, 120),
        st.sampled_from((None, None, "x:1", "x:2")),
    ),
    max_size=20,
    unique_by=lambda offer: offer.hotel,
)  # fmt: skip


@given(OFFERS, st.randoms(use_true_random=False))
def test_the_order_of_the_offers_decides_nothing(offers: list[Offer], random: Any) -> None:
    shuffled = offers[:]
    random.shuffle(shuffled)
    assert houses(offers) == houses(shuffled)
    assert rank(offers, a_wish(), sources=SOURCES) == rank(shuffled, a_wish(), sources=SOURCES)


@given(OFFERS)
def test_a_house_has_one_hotel_of_each_source_unless_it_says_so_itself(offers: list[Offer]) -> None:
    by_hotel = {offer.hotel: offer for offer in offers}
    for house in houses(offers).values():
        for vendor in SOURCES:
            own = [by_hotel[hotel] for hotel in house.hotels if hotel.vendor == vendor]
            assert len(own) <= 1 or len({offer.shared_id for offer in own}) == 1
