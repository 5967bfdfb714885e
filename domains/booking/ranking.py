"""Which offers fit a party, and which is best. Pure and deterministic: the same offers in any order give the same ranking.

Source: PRODUCT.md, allocation and search. Hotels that several sources sell are one house first (`houses.py`), then come gates and score. A
house stands in the ranking once, with the cheapest of its offers that fits. Of offers that cost the same, that of the source named first
is taken: own contracts before partners, and a partner that can be asked what it holds before one that cannot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

from domains.booking.commands import RankHotels
from domains.booking.houses import House, completed, houses
from domains.booking.model import CANDIDATES_KEPT, LEFT_OUT_KEPT, Candidate, Exclusion, LeftOut, Score
from domains.booking.ports import Offer
from kernel.urn import Urn

FULL_SHUTTLE: Final = 20  # rooms; from here on another party of ours in the same hotel saves no further shuttle run
_PRECISION: Final = Decimal("0.0001")
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What we have in the hotels already: `spoken` rooms by (hotel, room type) that the source's report does not know of,
    and `placed` rooms by hotel, both for the nights in question."""

    spoken: Mapping[tuple[Urn, str], int] = field(default_factory=dict)
    placed: Mapping[Urn, int] = field(default_factory=dict)


class Ranked(NamedTuple):
    """The best offer of each house that fits, best house first; how many offers fell at which gate; and the houses of which none fits."""

    candidates: tuple[Candidate, ...]
    excluded: dict[str, int]
    left_out: tuple[LeftOut, ...]


def rank(offers: Sequence[Offer], wish: RankHotels, standing: Standing = Standing(), sources: Sequence[str] = ()) -> Ranked:
    """What the offers come to. `sources`: best liked first."""
    excluded: Counter[str] = Counter()
    fell: dict[Urn, LeftOut] = {}
    best: dict[Urn, Offer] = {}
    known = houses(offers)
    liked = {vendor: place for place, vendor in enumerate(sources)}
    for offer in sorted((completed(offer, known[offer.hotel]) for offer in offers), key=lambda offer: _cheapest_first(offer, liked)):
        house = known[offer.hotel]
        reason = excluded_by(offer, wish, standing.spoken.get((offer.hotel, offer.room_type), 0), house.chains)
        if reason is None and house.urn in best:
            reason = Exclusion.DEARER_ROOM
        if reason is None:
            best[house.urn] = offer
        else:
            excluded[reason.value] += 1
            fell.setdefault(house.urn, LeftOut(offer.hotel, offer.name, offer.total, reason))
    lowest = min((offer.total.amount for offer in best.values()), default=Decimal(0))
    scored = [(score(offer, wish, lowest, _placed(known[offer.hotel], standing)), offer) for offer in best.values()]
    scored.sort(key=lambda pair: (-pair[0].total, *_cheapest_first(pair[1], liked)))
    candidates = tuple(Candidate(place, offer, points) for place, (points, offer) in enumerate(scored[:CANDIDATES_KEPT], 1))
    left_out = tuple(each for urn, each in fell.items() if urn not in best)[:LEFT_OUT_KEPT]
    return Ranked(candidates, dict(sorted(excluded.items())), left_out)


def excluded_by(offer: Offer, wish: RankHotels, spoken: int = 0, chains: Collection[str] = ()) -> Exclusion | None:
    """The first gate that the offer fails; None when it fits. `chains` are those its house is known to belong to."""
    wanted, has = {name.lower() for name in wish.required_amenities}, {name.lower() for name in offer.amenities}
    belongs = {*chains, *([offer.chain.lower()] if offer.chain else [])}
    gates = (
        (offer.stars < wish.min_stars, Exclusion.TOO_FEW_STARS),
        (_decimal(offer.distance_km) > wish.max_distance_km, Exclusion.TOO_FAR),
        (not belongs.isdisjoint(name.lower() for name in wish.excluded_chains), Exclusion.CHAIN_EXCLUDED),
        (not wanted <= has, Exclusion.AMENITY_MISSING),
        (bool(offer.tiers) and wish.tier not in offer.tiers, Exclusion.OTHER_TIER),
        (offer.nightly.currency != wish.max_nightly_rate.currency, Exclusion.OTHER_CURRENCY),
        (offer.nightly.amount > wish.max_nightly_rate.amount, Exclusion.TOO_DEAR),
        (offer.allotment - spoken < wish.rooms, Exclusion.TOO_FEW_ROOMS),
    )
    return next((exclusion for failed, exclusion in gates if failed), None)


def score(offer: Offer, wish: RankHotels, lowest: Decimal, placed: int) -> Score:
    """Cost against the `lowest` total on offer, distance against the policy's limit, consolidation against a full shuttle."""
    return points(offer.total.amount, offer.distance_km, wish, lowest, placed)


def points(price: Decimal, distance_km: float, wish: RankHotels, lowest: Decimal, placed: int) -> Score:
    """The same for a `price` that several offers come to."""
    cost = lowest / price if price else _ONE
    distance = _ONE - _decimal(distance_km) / wish.max_distance_km if wish.max_distance_km else Decimal(0)
    together = Decimal(min(placed, FULL_SHUTTLE)) / FULL_SHUTTLE
    weights = wish.weights
    total = cost * _weight(weights, "cost") + distance * _weight(weights, "distance") + together * _weight(weights, "consolidation")
    return Score(_round(cost), _round(distance), _round(together), _round(total))


def _placed(house: House, standing: Standing) -> int:
    """Our rooms in the house, whoever sold them."""
    return sum(standing.placed.get(hotel, 0) for hotel in house.hotels)


def _weight(weights: Mapping[str, Decimal], name: str) -> Decimal:
    return weights.get(name, Decimal(0))


def _cheapest_first(offer: Offer, liked: Mapping[str, int]) -> tuple[Decimal, int, float, str]:
    return offer.total.amount, liked.get(offer.hotel.vendor or "", len(liked)), offer.distance_km, str(offer.urn)


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))


def _round(value: Decimal) -> Decimal:
    return value.quantize(_PRECISION, ROUND_HALF_EVEN)
