"""Faults are drawn by whom they concern."""

from __future__ import annotations

from runtime.faults.simulation.dice import Dice, Odds

CHANCES = {"lost": 0.2, "late": 0.1}
KEYS = [("s", number, "send", 1) for number in range(4000)]


def test_the_same_key_meets_the_same_fault_whoever_comes_first() -> None:
    one, other = Dice("7/1", Odds()), Dice("7/1", Odds())
    forwards = [one.strike(CHANCES, key, 0) for key in KEYS]
    backwards = [other.strike(CHANCES, key, 0) for key in reversed(KEYS)]
    assert forwards == backwards[::-1]
    assert forwards != [Dice("7/2", Odds()).strike(CHANCES, key, 0) for key in KEYS]


def test_faults_are_as_frequent_as_was_said() -> None:
    dice = Dice("7/1", Odds())
    struck = [dice.strike(CHANCES, key, 0) for key in KEYS]
    assert 0.17 < struck.count("lost") / len(KEYS) < 0.23
    assert 0.08 < struck.count("late") / len(KEYS) < 0.12
    assert abs(sum(Odds().sending.values()) - 0.4) < 0.001


def test_only_some_faults_are_left_when_that_is_asked() -> None:
    whole = Dice("7/1", Odds())
    for key in KEYS:
        whole.strike(CHANCES, key, 0)
    wanted = whole.struck[3]
    less = Dice("7/1", Odds(), frozenset([wanted.key]))
    for key in KEYS:
        less.strike(CHANCES, key, 0)
    assert less.struck == [wanted]


def test_nothing_goes_wrong_when_it_is_calm() -> None:
    dice = Dice("7/1", Odds())
    dice.calm = True
    assert not any(dice.strike({"lost": 1.0}, key, 0) for key in KEYS)
