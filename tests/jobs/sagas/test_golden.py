"""Versions that have run decide for ever as they did: their records, played again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.sagas import load
from kernel.saga import Saga
from tests.jobs.sagas.recording import SCRIPTS, golden, record, replay

ADVICE = "a running workflow is pinned to its plan's version: leave this one as it was, and make a new version beside it"
RECORDS: dict[str, dict[str, Any]] = {plan: json.loads(golden(plan).read_text()) for plan in load() if golden(plan).exists()}


def test_every_plan_has_a_record_of_every_way_it_goes() -> None:
    plans = load()
    assert set(RECORDS) == set(plans), "write the record of a new version: python -m tests.jobs.sagas.recording PLAN"
    for plan, recorded in RECORDS.items():
        assert set(recorded["runs"]) == set(record(plans[plan], SCRIPTS[plan])["runs"]), plan


@pytest.mark.parametrize(("plan", "name"), [(plan, name) for plan, recorded in RECORDS.items() for name in recorded["runs"]])
def test_an_old_run_played_again_asks_what_it_asked(plan: str, name: str) -> None:
    recorded = RECORDS[plan]
    turns = recorded["runs"][name]
    asked = [_as_recorded(now, then) for now, then in zip(replay(load()[plan], recorded["params"], turns), turns, strict=True)]
    assert asked == turns, f"{plan}, {name}: {ADVICE}"


def test_a_plan_that_was_changed_under_its_version_is_found_out() -> None:
    plan = load()["accommodate@1"]
    recorded = RECORDS[plan.plan]
    changed = [
        Saga("accommodate", plan.params, *plan.steps[:-1]),
        Saga("accommodate", plan.params, *plan.steps[1::-1], *plan.steps[2:]),
    ]
    for each in changed:
        assert any(_differs(each, recorded["params"], turns) for turns in recorded["runs"].values())


def _as_recorded(now: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """The turn without fields that its questions have got since and leave at nothing: whoever is asked does as before."""
    for fresh, old in zip(now.get("asks", ()), then.get("asks", ()), strict=False):
        for name in fresh["body"].keys() - old["body"].keys():
            if fresh["body"][name] is None:
                del fresh["body"][name]
    return now


def _differs(saga: Saga, params: Any, turns: Any) -> bool:
    try:
        return bool(replay(saga, params, turns) != turns)
    except LookupError:  # a step misses the answer of one that came before it
        return True
