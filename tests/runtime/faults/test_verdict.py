"""A verdict adds up, survives being kept, and says what is wrong."""

from __future__ import annotations

import json

from runtime.faults.verdict import SAYS, Invariant, Reviews, Verdict, Violation, spread, together


def a_verdict(*broken: Invariant, sagas: int = 10, reviewed: int = 0) -> Verdict:
    return Verdict(
        seed=7,
        sagas=sagas,
        looked_at={Invariant.OWNED: 4},
        violations=[Violation(each, "urn:reservation:1 is nobody's") for each in broken],
        reviews=Reviews(steps=100, reviewed=reviewed),
        samples={"take_over_s": [6.5, 7.0]},
        counts={"kills": 2},
        seconds=5.0,
    )


def test_parts_add_up() -> None:
    whole = together([a_verdict(Invariant.OWNED), a_verdict(Invariant.OWNED, Invariant.ANSWERED)], seed=7)
    assert whole.sagas == 20
    assert whole.broken()[Invariant.OWNED] == 2
    assert whole.lost_intents == 1
    assert whole.looked_at[Invariant.OWNED] == 8
    assert whole.counts == {"kills": 4}
    assert spread(whole.samples["take_over_s"])["n"] == 4
    assert whole.reviews.steps == 200


def test_a_verdict_that_was_kept_is_the_same() -> None:
    made = a_verdict(Invariant.FENCE, reviewed=1)
    assert Verdict.read(json.loads(json.dumps(made.kept()))).told() == made.told()


def test_it_is_good_without_violations_and_with_few_reviews() -> None:
    assert a_verdict().good
    assert not a_verdict(Invariant.AUDIT).good
    assert not a_verdict(reviewed=1).good
    assert not Verdict(1, 1, {}, reviews=Reviews(unknown_d=1)).good


def test_json_names_every_invariant_and_counts_what_broke() -> None:
    told = a_verdict(Invariant.CAPACITY).told()
    assert set(told["violations"]) == {each.value for each in Invariant}
    assert told["violations"]["confirmed_within_capacity"] == 1
    assert told["lost_intents"] == 0
    assert told["take_over_s"] == {"n": 2, "p50": 7.0, "p99": 7.0, "max": 7.0}


def test_every_invariant_has_its_line() -> None:
    assert set(SAYS) == set(Invariant)
    assert a_verdict().table().row_count == len(Invariant)


def test_what_was_not_measured_is_null() -> None:
    assert spread([]) == {"n": 0, "p50": None, "p99": None, "max": None}
