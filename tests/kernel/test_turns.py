"""Turns: no tenant and no kind of work can take from the others what is kept for them, and nothing is kept for nobody."""

from __future__ import annotations

from collections import Counter

from kernel.tenancy import Tenant
from kernel.turns import Portion, Share, Turns

T1, T2, T3 = Tenant("t1"), Tenant("t2"), Tenant("t3")
PLAN = "visit@1"
FORWARD, UNDO, INTERACTIVE = Share.FORWARD, Share.UNDO, Share.INTERACTIVE
Waiting = dict[tuple[Tenant, Share], int]


def _round(turns: Turns, limit: int, waiting: Waiting) -> Counter[tuple[Tenant, Share]]:
    """One round of claims over what waits, cut off at the limit as the statement cuts it."""
    tenants = sorted({tenant for tenant, _ in waiting})
    portions = turns.portions(tenants, [PLAN], limit)
    taken: Counter[tuple[Tenant, str, Share]] = Counter()
    for portion in portions:
        count = min(portion.most, waiting.get((portion.tenant, portion.share), 0), limit - taken.total())
        if count:
            waiting[portion.tenant, portion.share] -= count
            taken[portion.tenant, portion.kind, portion.share] += count
    turns.charge(portions, taken, limit)
    return Counter({(tenant, share): count for (tenant, _, share), count in taken.items()})


def test_a_storm_of_one_tenant_leaves_the_others_their_part() -> None:
    turns = Turns()
    waiting: Waiting = {(T1, FORWARD): 10_000, (T2, FORWARD): 40, (T3, FORWARD): 0}
    rounds = [_round(turns, 50, waiting) for _ in range(10)]
    assert waiting[T2, FORWARD] == 0
    assert sum(each[T1, FORWARD] for each in rounds) >= 340
    waiting[T3, FORWARD] = 5
    _round(turns, 50, waiting)
    _round(turns, 50, waiting)
    assert waiting[T3, FORWARD] == 0


def test_who_was_rung_for_is_served_among_the_busy() -> None:
    turns = Turns()
    turns.expect(T2)
    assert turns.portions([T1, T2], [PLAN], 50) == [
        Portion(T1, PLAN, INTERACTIVE, 1), Portion(T1, PLAN, UNDO, 1), Portion(T1, PLAN, FORWARD, 1),
        Portion(T2, PLAN, INTERACTIVE, 1), Portion(T2, PLAN, UNDO, 1), Portion(T2, PLAN, FORWARD, 47),
    ]  # fmt: skip


def test_a_flood_of_any_share_leaves_the_others_theirs() -> None:
    for flood in Share:
        turns = Turns()
        waiting: Waiting = {(T1, flood): 10_000}
        _round(turns, 50, waiting)
        for _ in range(5):
            assert _round(turns, 50, waiting)[T1, flood] >= 48
        others = [share for share in Share if share is not flood]
        for share in others:
            waiting[T1, share] = 20
        first = _round(turns, 50, waiting)
        assert all(first[T1, share] == 1 for share in others)  # the one that is always asked for
        rounds = [_round(turns, 50, waiting) for _ in range(2)]
        assert all(waiting[T1, share] == 0 for share in others), (flood, rounds)
        assert all(each[T1, flood] > 0 for each in rounds)
        for _ in range(2):  # and when they have nothing more, nothing is kept for them
            _round(turns, 50, waiting)
        assert _round(turns, 50, waiting)[T1, flood] >= 48


def test_three_floods_divide_the_rounds_by_their_weights() -> None:
    turns = Turns()
    waiting: Waiting = {(T1, share): 10_000 for share in Share}
    taken = sum((_round(turns, 50, waiting) for _ in range(40)), Counter[tuple[Tenant, Share]]())
    assert taken[T1, FORWARD] / taken.total() > 0.45
    assert taken[T1, UNDO] / taken.total() > 0.23
    assert taken[T1, INTERACTIVE] / taken.total() > 0.23


def test_many_tenants_in_three_floods_are_all_served_in_all_of_them() -> None:
    turns = Turns()
    tenants = [Tenant(f"a{number:02d}") for number in range(60)]
    waiting: Waiting = {(tenant, share): 1_000 for tenant in tenants for share in Share}
    taken = sum((_round(turns, 50, waiting) for _ in range(60)), Counter[tuple[Tenant, Share]]())
    assert min(taken[tenant, share] for tenant in tenants for share in Share) >= 10
    assert max(taken.values()) <= 3 * min(taken.values())


def test_an_idle_share_gathers_no_credit() -> None:
    turns = Turns()
    waiting: Waiting = {(T1, FORWARD): 10_000}
    for _ in range(20):
        _round(turns, 50, waiting)
    waiting[T1, UNDO] = 10_000
    taken = sum((_round(turns, 50, waiting) for _ in range(10)), Counter[tuple[Tenant, Share]]())
    assert taken[T1, FORWARD] >= taken[T1, UNDO]
