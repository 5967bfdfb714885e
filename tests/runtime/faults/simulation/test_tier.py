"""A whole simulated run, as the command does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from runtime.faults.run import OtherRunError
from runtime.faults.simulation.tier import Asked, Simulation

SEED = 7
SAGAS = 2000


def test_two_thousand_sagas_break_nothing(tmp_path: Path) -> None:
    run = Simulation(tmp_path / "run", Asked(SAGAS, SEED), Console(stderr=True))
    run.begin(fresh=False)
    verdict = run.all()
    assert verdict.good, json.dumps(verdict.told(), indent=1)
    assert verdict.sagas == SAGAS
    assert verdict.reviews.reviewed_d == verdict.reviews.unknown_d > 0
    again = Simulation(tmp_path / "run", Asked(SAGAS, SEED), Console(stderr=True))
    again.begin(fresh=False)
    assert again.all() == verdict


def test_blocks_are_of_one_size_and_all_sagas_are_in_them() -> None:
    assert [Asked(sagas, SEED).blocks() for sagas in (1, 3, SAGAS)] == [[1], [1, 2], [1000, 1000]]
    many = Asked(100_000, SEED).blocks()
    assert (sum(many), len(many), max(many) - min(many)) == (100_000, 34, 1)


def test_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    Simulation(tmp_path, Asked(10, 1), Console(stderr=True)).begin(fresh=False)
    with pytest.raises(OtherRunError):
        Simulation(tmp_path, Asked(20, 1), Console(stderr=True)).begin(fresh=False)
    Simulation(tmp_path, Asked(20, 1), Console(stderr=True)).begin(fresh=True)
