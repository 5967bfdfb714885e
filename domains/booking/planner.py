"""Plans a wave: which group sleeps in which house. Pure and deterministic: the same groups and offers in any order give the same plan.

Groups are placed one after the other: vulnerable ones first, then those that need most rooms, because they are the hardest to fit. Each
takes the house with the best score among those that pass the policy's gates for every party of it and have rooms left for all; what it
takes is gone for those after it. Guarantees: a group is in one house or in none; a group of mixed tiers is in none; every assigned offer
passes its party's gates; of no room type more is assigned in a night than the least that its source reported for a stay, less what we hold
or confirmed since.

A party that travels alone falls back on other houses when its booking is refused; a party of a larger group only on other offers of its
own house: the group would be split otherwise, and a person decides that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from statistics import median_low
from typing import Final

from domains.booking.bound import Choice, lower_bound
from domains.booking.houses import House, completed, houses
from domains.booking.model import Candidate, Exclusion, LeftOut, Score
from domains.booking.ports import Offer
from domains.booking.ranking import Standing, excluded_by, points
from domains.booking.wave import Fate, GroupPlan, PartyPlan, Plan, Question, WaveGroup, WaveParty, question
from kernel.money import Money
from kernel.urn import Urn

KEPT: Final = 8  # candidates of a party; a fall-back tries four
LEFT_OUT: Final = 5  # houses; the cheapest ones that fell are what a person asks about
_Kind = tuple[Urn, str]  # a room type of a hotel
_Night = tuple[Urn, str, date]


def plan(
    groups: Iterable[WaveGroup], pools: Mapping[Question, Sequence[Offer]], standings: Mapping[tuple[date, date], Standing],
    sources: Sequence[str] = (),
) -> Plan:  # fmt: skip
    """Where the groups go. `pools`: what was offered for each question; `standings`: what we hold, by stay; `sources`: best first."""
    board = _Board(pools, standings, {vendor: place for place, vendor in enumerate(sources)})
    planned = tuple(board.place(place, group) for place, group in enumerate(sorted(groups, key=_order), 1))
    placed = [each.group for each in planned if each.fate is Fate.PLACED]
    equal = Counter(tuple(map(_alike, group.parties)) for group in placed)
    first = {tuple(map(_alike, group.parties)): group for group in placed}
    return Plan(planned, lower_bound([(count, board.choices(first[key])) for key, count in equal.items()], board.capacity()))


def _order(group: WaveGroup) -> tuple[bool, int, Urn]:
    return not group.vulnerable, -group.rooms, group.urn


@dataclass(frozen=True, slots=True)
class _Option:
    """One house that takes the whole group, with the offer for each of its parties."""

    house: House
    offers: tuple[Offer, ...]
    total: Decimal
    distance_km: float


@dataclass(frozen=True, slots=True)
class _Fitting:
    """What passes the gates for one party, cheapest first in each house; `capacity` is no gate here, because others take it meanwhile."""

    by_house: Mapping[Urn, tuple[Offer, ...]]
    excluded: Mapping[str, int]
    left_out: tuple[LeftOut, ...]
    market: Decimal


@dataclass(slots=True)
class _Board:
    """What there is, and what the wave has taken of it so far."""

    pools: Mapping[Question, Sequence[Offer]]
    standings: Mapping[tuple[date, date], Standing]
    liked: Mapping[str, int]
    houses: Mapping[Urn, House] = field(init=False)
    least: Mapping[tuple[_Kind, date, date], int] = field(init=False)
    taken: Counter[_Night] = field(default_factory=Counter)
    together: Counter[tuple[Urn, date]] = field(default_factory=Counter)  # rooms of this wave by house and night
    _fitting: dict[Hashable, _Fitting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        offers = [offer for pool in self.pools.values() for offer in pool]
        self.houses = houses(offers)
        least: dict[tuple[_Kind, date, date], int] = {}
        for offer in offers:
            key = (_kind(offer), offer.check_in, offer.check_out)
            least[key] = min(least.get(key, offer.allotment), offer.allotment)
        self.least = least

    def place(self, place: int, group: WaveGroup) -> GroupPlan:
        """What becomes of the group; what it takes is taken."""
        if group.tier is None:
            return _unplaced(place, group, Fate.MIXED_TIER, "its parties hold tickets of different tiers")
        if len({(party.wish.airport, party.wish.check_in, party.wish.check_out) for party in group.parties}) > 1:
            return _unplaced(place, group, Fate.STAYS_DIFFER, "its parties do not stay the same nights at the same airport")
        fitting = [self._fits(party) for party in group.parties]
        options = self._ranked(group, self._options(group, fitting))
        if not options:
            return self._nowhere(place, group, fitting)
        best, _ = options[0]
        self._take(best)
        parties = tuple(
            PartyPlan(party, self._candidates(group, index, options), self._excluded(fits, options), fits.left_out)
            for index, (party, fits) in enumerate(zip(group.parties, fitting, strict=True))
        )
        currency = best.offers[0].total.currency
        market = sum((fits.market for fits in fitting), Decimal(0))
        least = min(sum((offer.total.amount for offer in offers), Decimal(0)) for offers in self._alone(group, fitting))
        return GroupPlan(
            place, group, Fate.PLACED, parties, best.house.urn, best.offers[0].name, Money(best.total, currency),
            Money(least, currency), Money(market, currency),
        )  # fmt: skip

    def choices(self, group: WaveGroup) -> tuple[Choice, ...]:
        """Every house that could take the group were it alone, with everything its parties could take there."""
        found = []
        for urn in self._shared([self._fits(party) for party in group.parties]):
            parties = []
            for party in group.parties:
                offers = [offer for offer in self._fits(party).by_house[urn] if self._free(offer, Counter()) >= party.wish.rooms]
                parties.append(tuple((float(offer.total.amount), party.wish.rooms, tuple(_nights(offer))) for offer in offers))
            if all(parties):
                found.append(tuple(parties))
        return tuple(found)

    def capacity(self) -> dict[_Night, int]:
        """At most so many rooms of a type can be assigned in a night: the most that a stay over it was reported to have."""
        most: dict[_Night, int] = {}
        for offer in (offer for pool in self.pools.values() for offer in pool):
            free = self._free(offer, Counter())
            for night in _nights(offer):
                most[night] = max(most.get(night, 0), free)
        return most

    def _fits(self, party: WaveParty) -> _Fitting:
        key = _alike(party)
        if key not in self._fitting:
            self._fitting[key] = self._gated(party, self.pools.get(question(party.wish), ()))
        return self._fitting[key]

    def _gated(self, party: WaveParty, pool: Sequence[Offer]) -> _Fitting:
        excluded: Counter[str] = Counter()
        fell: dict[Urn, LeftOut] = {}
        fits: dict[Urn, list[Offer]] = defaultdict(list)
        for offer in sorted((completed(offer, self.houses[offer.hotel]) for offer in pool), key=self._cheapest_first):
            house = self.houses[offer.hotel]
            reason = excluded_by(offer, party.wish, chains=house.chains)
            if reason is None:
                fits[house.urn].append(offer)
            else:
                excluded[reason.value] += 1
                fell.setdefault(house.urn, LeftOut(offer.hotel, offer.name, offer.total, reason))
        left_out = tuple(each for urn, each in fell.items() if urn not in fits)[:LEFT_OUT]
        return _Fitting({urn: tuple(offers) for urn, offers in fits.items()}, excluded, left_out, _market(party, pool))

    def _options(self, group: WaveGroup, fitting: Sequence[_Fitting]) -> list[_Option]:
        return [option for urn in self._shared(fitting) if (option := self._option(group, fitting, urn, self.taken))]

    def _alone(self, group: WaveGroup, fitting: Sequence[_Fitting]) -> list[tuple[Offer, ...]]:
        """Where it could go were no other group there."""
        found = [self._option(group, fitting, urn, Counter()) for urn in self._shared(fitting)]
        return [option.offers for option in found if option]

    @staticmethod
    def _shared(fitting: Sequence[_Fitting]) -> list[Urn]:
        return sorted(set.intersection(*(set(fits.by_house) for fits in fitting)))

    def _option(self, group: WaveGroup, fitting: Sequence[_Fitting], house: Urn, taken: Mapping[_Night, int]) -> _Option | None:
        """The cheapest offers of a house that have rooms for all parties; those that need most rooms choose first."""
        mine: Counter[_Night] = Counter()
        chosen: dict[int, Offer] = {}
        for index in sorted(range(len(group.parties)), key=lambda index: (-group.parties[index].wish.rooms, index)):
            rooms = group.parties[index].wish.rooms
            for offer in fitting[index].by_house[house]:
                if self._free(offer, taken, mine) >= rooms:
                    chosen[index] = offer
                    mine.update(dict.fromkeys(_nights(offer), rooms))
                    break
            else:
                return None
        offers = tuple(chosen[index] for index in range(len(group.parties)))
        total = sum((offer.total.amount for offer in offers), Decimal(0))
        return _Option(self.houses[offers[0].hotel], offers, total, max(offer.distance_km for offer in offers))

    def _ranked(self, group: WaveGroup, options: Sequence[_Option]) -> list[tuple[_Option, Score]]:
        """Best first."""
        lowest = min((option.total for option in options), default=Decimal(0))
        wish = group.parties[0].wish
        scored = [(option, points(option.total, option.distance_km, wish, lowest, self._placed(option))) for option in options]
        return sorted(scored, key=lambda pair: (-pair[1].total, pair[0].total, self._cheapest_first(pair[0].offers[0]), pair[0].house.urn))

    def _candidates(self, group: WaveGroup, index: int, options: Sequence[tuple[_Option, Score]]) -> tuple[Candidate, ...]:
        if len(group.parties) == 1:
            best = [(option.offers[index], score) for option, score in options]
        else:
            option, score = options[0]
            assigned, rooms = option.offers[index], group.parties[index].wish.rooms
            beside = [
                offer
                for offer in self._fits(group.parties[index]).by_house[option.house.urn]
                if offer is not assigned and self._free(offer, self.taken) >= rooms
            ]
            best = [(assigned, score), *((offer, score) for offer in beside)]
        return tuple(Candidate(place, offer, score) for place, (offer, score) in enumerate(best[:KEPT], 1))

    def _excluded(self, fits: _Fitting, options: Sequence[tuple[_Option, Score]]) -> dict[str, int]:
        """How many offers fell at which gate; in a house that takes the group all but one are dearer."""
        taking = {option.house.urn for option, _ in options}
        counted = Counter(fits.excluded)
        counted[Exclusion.DEARER_ROOM.value] += sum(len(offers) - 1 for urn, offers in fits.by_house.items() if urn in taking)
        counted[Exclusion.TOO_FEW_ROOMS.value] += sum(len(offers) for urn, offers in fits.by_house.items() if urn not in taking)
        return {reason: count for reason, count in sorted(counted.items()) if count}

    def _nowhere(self, place: int, group: WaveGroup, fitting: Sequence[_Fitting]) -> GroupPlan:
        parties = tuple(
            PartyPlan(party, (), self._excluded(fits, ()), fits.left_out) for party, fits in zip(group.parties, fitting, strict=True)
        )
        if self._shared(fitting):
            return GroupPlan(place, group, Fate.NO_ROOM, parties, why="no house that fits has rooms left for all of them")
        return GroupPlan(place, group, Fate.NOTHING_FITS, parties, why="no house passes the policy's gates for all of them")

    def _take(self, option: _Option) -> None:
        for offer in option.offers:
            self.taken.update(dict.fromkeys(_nights(offer), offer.rooms))
            self.together.update({(option.house.urn, night): offer.rooms for _, _, night in _nights(offer)})

    def _free(self, offer: Offer, taken: Mapping[_Night, int], mine: Mapping[_Night, int] | None = None) -> int:
        """Rooms of the offer that nobody has spoken for."""
        standing = self.standings.get((offer.check_in, offer.check_out), Standing())
        spoken = standing.spoken.get(_kind(offer), 0)
        nights = [taken.get(night, 0) + (mine.get(night, 0) if mine else 0) for night in _nights(offer)]
        return self.least[_kind(offer), offer.check_in, offer.check_out] - spoken - max(nights, default=0)

    def _placed(self, option: _Option) -> int:
        """Our rooms in the house in these nights, of this wave and from before."""
        first = option.offers[0]
        standing = self.standings.get((first.check_in, first.check_out), Standing())
        before = sum(standing.placed.get(hotel, 0) for hotel in option.house.hotels)
        return before + max((self.together.get((option.house.urn, night), 0) for _, _, night in _nights(first)), default=0)

    def _cheapest_first(self, offer: Offer) -> tuple[Decimal, int, float, str]:
        return offer.total.amount, self.liked.get(offer.vendor, len(self.liked)), offer.distance_km, str(offer.urn)


def _alike(party: WaveParty) -> Hashable:
    """What parties share for which the same offers fit."""
    wish = party.wish
    return question(wish), wish.min_stars, wish.max_nightly_rate, wish.required_amenities, wish.excluded_chains, wish.tier


def _unplaced(place: int, group: WaveGroup, fate: Fate, why: str) -> GroupPlan:
    return GroupPlan(place, group, fate, tuple(PartyPlan(party, (), {}) for party in group.parties), why=why)


def _market(party: WaveParty, pool: Sequence[Offer]) -> Decimal:
    """What such rooms cost in the middle of all that was offered with the policy's stars and in its currency, near or far."""
    wish = party.wish
    comparable = [
        offer.total.amount
        for offer in pool
        if offer.stars >= wish.min_stars and offer.total.currency == wish.max_nightly_rate.currency and offer.allotment >= wish.rooms
    ]
    return median_low(comparable) if comparable else Decimal(0)


def _kind(offer: Offer) -> _Kind:
    return offer.hotel, offer.room_type


def _nights(offer: Offer) -> list[_Night]:
    return [(offer.hotel, offer.room_type, offer.check_in + timedelta(days=n)) for n in range((offer.check_out - offer.check_in).days)]
