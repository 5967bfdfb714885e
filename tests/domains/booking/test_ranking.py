"""Gates and score: each reason by itself, and that nothing depends on the order of the offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.booking.model import CANDIDATES_KEPT, Exclusion
from domains.booking.ports import Offer
from domains.booking.ranking import FULL_SHUTTLE, Standing, excluded_by, rank
from kernel.money import Money
from tests.domains.booking.rooms import CHECK_IN, a_wish, an_offer, usd


@pytest.mark.parametrize(
    ("offer", "wish", "reason"),
    [
        ({}, {}, None),
        ({"stars": 3}, {"min_stars": 4}, Exclusion.TOO_FEW_STARS),
        ({"distance_km": 25.0}, {}, None),
        ({"distance_km": 25.01}, {}, Exclusion.TOO_FAR),
        ({"chain": "Gloom"}, {"excluded_chains": ("gloom",)}, Exclusion.CHAIN_EXCLUDED),
        ({"chain": None}, {"excluded_chains": ("gloom",)}, None),
        ({"amenities": ("WiFi",)}, {"required_amenities": ("wifi", "shuttle")}, Exclusion.AMENITY_MISSING),
        ({"amenities": ("WiFi", "Shuttle")}, {"required_amenities": ("wifi", "shuttle")}, None),
        ({"nightly": Money(Decimal(100), "EUR")}, {}, Exclusion.OTHER_CURRENCY),
        ({"nightly": usd(350)}, {}, None),
        ({"nightly": usd("350.01")}, {}, Exclusion.TOO_DEAR),
        ({"allotment": 2}, {"rooms": 3}, Exclusion.TOO_FEW_ROOMS),
        ({"allotment": 3}, {"rooms": 3}, None),
    ],
)
def test_a_gate_says_why(offer: dict[str, Any], wish: dict[str, Any], reason: Exclusion | None) -> None:
    assert excluded_by(an_offer(**offer), a_wish(**wish)) is reason


def test_the_gates_come_in_a_fixed_order() -> None:
    hopeless = an_offer(stars=1, distance_km=99.0, nightly=usd(999), allotment=0)
    assert excluded_by(hopeless, a_wish()) is Exclusion.TOO_FEW_STARS


def test_rooms_that_are_spoken_for_are_not_offered_again() -> None:
    offer = an_offer(allotment=4)
    standing = Standing(spoken={(offer.hotel, offer.room_type): 3})
    assert rank([offer], a_wish(rooms=1), standing)[1] == {}
    assert rank([offer], a_wish(rooms=2), standing)[1] == {"TOO_FEW_ROOMS": 1}


def test_a_hotel_stands_in_the_ranking_once_with_its_best_offer() -> None:
    dear, cheap = an_offer("quay", nightly=usd(200)), an_offer("quay", nightly=usd(90), room_type="SGL")
    candidates, excluded, _ = rank([dear, cheap], a_wish())
    assert [candidate.offer for candidate in candidates] == [cheap]
    assert excluded == {"DEARER_ROOM": 1}


def test_a_hotels_dearer_room_stands_in_when_the_cheaper_one_is_full() -> None:
    dear, cheap = an_offer("quay", nightly=usd(200)), an_offer("quay", nightly=usd(90), allotment=0)
    assert [candidate.offer for candidate in rank([dear, cheap], a_wish())[0]] == [dear]


def test_cost_weighs_more_than_distance() -> None:
    cheap_and_far, dear_and_near = an_offer(nightly=usd(100), distance_km=20.0), an_offer(nightly=usd(250), distance_km=1.0)
    candidates, *_ = rank([dear_and_near, cheap_and_far], a_wish())
    assert [candidate.offer for candidate in candidates] == [cheap_and_far, dear_and_near]
    assert candidates[0].score.cost == 1
    assert candidates[1].score.cost == Decimal("0.4")
    assert candidates[1].score.distance == Decimal("0.96")
    assert candidates[1].score.total == Decimal("0.48")  # 0.6 · 0.4 + 0.25 · 0.96


def test_parties_are_kept_together_when_the_rest_is_equal() -> None:
    empty, ours = an_offer("a"), an_offer("b")
    candidates, *_ = rank([empty, ours], a_wish(), Standing(placed={ours.hotel: FULL_SHUTTLE // 2}))
    assert candidates[0].offer == ours
    assert candidates[0].score.consolidation == Decimal("0.5")


def test_the_weights_are_the_policys() -> None:
    cheap_and_far, dear_and_near = an_offer(nightly=usd(100), distance_km=20.0), an_offer(nightly=usd(250), distance_km=1.0)
    near = a_wish(weights={"distance": Decimal(1)})
    assert rank([cheap_and_far, dear_and_near], near)[0][0].offer == dear_and_near


def test_the_total_counts_rooms_and_nights() -> None:
    until = CHECK_IN + timedelta(days=2)
    short, long = an_offer(nightly=usd(100)), an_offer(nightly=usd(90), total=usd(180), check_out=until)
    assert rank([short, long], a_wish())[0][0].offer == short


def test_a_ranking_keeps_the_best_twenty() -> None:
    offers = [an_offer(nightly=usd(100 + n)) for n in range(30)]
    candidates, *_ = rank(offers, a_wish())
    assert [candidate.place for candidate in candidates] == list(range(1, CANDIDATES_KEPT + 1))
    assert {candidate.offer for candidate in candidates} == set(offers[:CANDIDATES_KEPT])


def test_a_house_of_which_nothing_fits_is_named_with_the_gate_of_its_cheapest_offer() -> None:
    fits, far = an_offer("fits"), an_offer("far", distance_km=30.0, nightly=usd(80))
    dear = [an_offer("dear", nightly=usd(400), room_type="SU"), an_offer("dear", nightly=usd(90), allotment=0)]
    _, excluded, left_out = rank([fits, far, *dear], a_wish())
    assert [(each.name, each.reason, each.total) for each in left_out] == [
        ("Hotel far", Exclusion.TOO_FAR, usd(80)), ("Hotel dear", Exclusion.TOO_FEW_ROOMS, usd(90)),
    ]  # fmt: skip
    assert excluded == {"TOO_FAR": 1, "TOO_DEAR": 1, "TOO_FEW_ROOMS": 1}


OFFERS = st.lists(
    st.builds(
        lambda hotel, price, km, stars, left: an_offer(
            f"h{hotel}", nightly=usd(price), distance_km=float(km), stars=stars, allotment=left, room_type=f"R{price}"
        ),
        st.integers(0, 6), st.integers(50, 400), st.integers(0, 30), st.integers(2, 5), st.integers(0, 3),
    ),
    max_size=25,
)  # fmt: skip


@given(OFFERS, st.randoms(use_true_random=False))
def test_the_order_of_the_offers_decides_nothing(offers: list[Offer], random: Any) -> None:
    offers = list({(offer.hotel, offer.room_type): replace(offer, urn=offer.urn) for offer in offers}.values())
    shuffled = offers[:]
    random.shuffle(shuffled)
    assert rank(offers, a_wish()) == rank(shuffled, a_wish())


@given(OFFERS)
def test_every_offer_is_a_candidate_or_has_a_reason(offers: list[Offer]) -> None:
    candidates, excluded, _ = rank(offers, a_wish())
    assert len(candidates) + sum(excluded.values()) == len(offers)
    assert [candidate.score.total for candidate in candidates] == sorted((c.score.total for c in candidates), reverse=True)
    assert all(excluded_by(candidate.offer, a_wish()) is None for candidate in candidates)
