"""What no placing can cost less than: a lower bound for the placing of groups into houses with limited rooms.

Every group would take its cheapest house if it were alone; the sum of that is a bound already. It is loose where cheap rooms are few, so
rooms are given a price: whoever takes a room of a type in a night pays for it, and what all rooms together are worth is paid back. For any
prices that are not negative the result is a bound still (Lagrangian relaxation of the capacities); prices rise where more is taken than
there is. The best bound of a fixed number of rounds is returned: the same question gives the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

Taking = tuple[float, int, tuple[Hashable, ...]]  # what it costs, how many rooms, and of which nights of which room type
Choice = tuple[tuple[Taking, ...], ...]  # a house: for each party of the group, what it could take there

ROUNDS: Final = 60  # the bound moves by less than a per mille after some forty
_CENT: Final = Decimal("0.01")


def lower_bound(groups: Sequence[tuple[int, Sequence[Choice]]], capacity: Mapping[Any, int]) -> Decimal:
    """The bound over all groups; each takes one of its choices, and in it one thing for each party. Equal groups come once, counted."""
    if not groups:
        return Decimal(0)
    prices: dict[Hashable, float] = {}
    best, step = float("-inf"), 0.0
    for number in range(ROUNDS):
        total, taken = -sum(price * capacity[night] for night, price in prices.items()), Counter[Hashable]()
        for count, choices in groups:
            paid, takings = min((_cheapest(choice, prices) for choice in choices), key=lambda each: each[0])
            total += count * paid
            for _, rooms, nights in takings:
                taken.update(dict.fromkeys(nights, count * rooms))
        best = max(best, total)
        over = {night: taken[night] - capacity.get(night, 0) for night in {*taken, *prices}}
        if not any(excess > 0 or prices.get(night) for night, excess in over.items()):
            break  # nothing is taken twice: the bound is what it really costs
        if number == 0:
            step = total / sum(count for count, _ in groups) / 10  # a tenth of what a group costs
        for night, excess in over.items():
            price = max(0.0, prices.get(night, 0.0) + step / (number + 1) * excess / max(1, capacity.get(night, 0)))
            if price:
                prices[night] = price
            else:
                prices.pop(night, None)
    return Decimal(str(best)).quantize(_CENT, ROUND_FLOOR)


def _cheapest(choice: Choice, prices: Mapping[Hashable, float]) -> tuple[float, list[Taking]]:
    takings = [min(party, key=lambda taking: _paid(taking, prices)) for party in choice]
    return sum(_paid(taking, prices) for taking in takings), takings


def _paid(taking: Taking, prices: Mapping[Hashable, float]) -> float:
    cost, rooms, nights = taking
    return cost + rooms * sum(prices.get(night, 0.0) for night in nights)
