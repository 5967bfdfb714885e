"""Recording how a plan runs, and playing the record through `decide` again.

A workflow is pinned to its plan's version, so a version that has ever run must decide for ever as it did. The records under `golden/` are
what is held against it; `python -m tests.jobs.sagas.recording PLAN` writes the one of a new version, and of no version that has one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domains.booking.events import CancelRefused, RideCancelRefused
from domains.wallet.events import VoidRefused
from jobs.sagas import load
from jobs.sagas.release_accommodation import Params as ReleaseParams
from kernel.event import encode, name_of
from kernel.saga import ReplyTo, Saga, State, Step
from kernel.saga.transition import Decision, Signal
from tests.jobs.sagas import test_accommodate as accommodate
from tests.kernel.test_saga_transition import Run

HOME: Final = Path(__file__).parent / "golden"
MOST_TURNS: Final = 40  # no run of these is longer; one that is goes round in circles

Answer = Callable[[Any, Step], object]


@dataclass(frozen=True)
class Script:
    """What a plan is run with: its params, and the good and the bad answer to each question, by key (`~book` is the undo of `book`)."""

    params: object
    answers: Mapping[str, Answer]
    refusals: Mapping[str, Answer]


_RELEASE: Final = Script(
    ReleaseParams(accommodate.SUB_CASE, accommodate.WORKFLOW, accommodate.RESERVATION, "declined"),
    {
        key: accommodate.ANSWERS[f"~{undo}"]
        for key, undo in (("withdraw", "publish"), ("call_off", "transport"), ("void", "card"), ("cancel", "book"))
    },
    {
        "call_off": lambda command, asked: RideCancelRefused(command.sub_case, "the desk is closed", {"partner_reference": "x1"}),
        "void": lambda command, asked: VoidRefused(command.sub_case, "frozen", {"card": "c-1"}),
        "cancel": lambda command, asked: CancelRefused(command.sub_case, "past the deadline", {"reference": "x1"}),
    },
)
SCRIPTS: Final = {
    "accommodate@1": Script(accommodate.some_params(ride=None), accommodate.ANSWERS, accommodate.REFUSALS),
    "accommodate@2": Script(accommodate.some_params(), accommodate.ANSWERS, accommodate.REFUSALS),
    "release_accommodation@1": _RELEASE,
    "release_accommodation@2": _RELEASE,
}


def record(saga: Saga, script: Script) -> dict[str, Any]:
    """All runs that are kept: all well, and with each step refused, unknown, or called off while it is asked."""
    params = encode(script.params)
    runs = {"all well": _run(saga, params, script)}
    for step in saga.steps:
        if step.name in script.refusals:
            runs[f"{step.name} refused"] = _run(saga, params, script, refused=step.name)
            runs[f"{step.name} unknown"] = _run(saga, params, script, refused=step.name, unknown=True)
        runs[f"called off at {step.name}"] = _run(saga, params, script, cancelled=step.name)
    return {"plan": saga.plan, "params": params, "runs": runs}


def replay(saga: Saga, params: Any, turns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same turns as this process decides them, each fed what came then."""
    run = Run(saga, params)
    told = []
    for turn in turns:
        run.cancel_reason = turn.get("cancelled", run.cancel_reason)
        signal = turn.get("signal")
        told.append(_told(run, turn, run.turn(*([Signal(**signal)] if signal else []))))
    return told


def _run(
    saga: Saga, params: Any, script: Script, *, refused: str | None = None, unknown: bool = False, cancelled: str | None = None
) -> list[dict[str, Any]]:  # fmt: skip
    run = Run(saga, params)
    turns: list[dict[str, Any]] = []
    fed: dict[str, Any] = {}
    commands: dict[str, object] = {}
    decision = run.turn()
    while len(turns) < MOST_TURNS:
        turns.append(_told(run, fed, decision))
        if run.state not in (State.RUNNING, State.COMPENSATING):
            return turns
        assert run.open is not None
        commands |= {reply_to: command for command, reply_to in decision.asks}
        if run.open.key == cancelled and run.cancel_reason is None:
            run.cancel_reason, fed = "the flight flies after all", {"cancelled": "the flight flies after all"}
            decision = run.turn()
            continue
        fed = {"signal": _signal(saga, script, commands[run.open.reply_to], run.open.reply_to, refused, unknown)}
        decision = run.turn(Signal(**fed["signal"]))
    raise AssertionError(f"{saga.plan} does not end")


def _signal(saga: Saga, script: Script, command: object, reply_to: str, refused: str | None, unknown: bool) -> dict[str, Any]:
    key = ReplyTo.parse(reply_to).step
    no = key == refused
    answer = (script.refusals if no else script.answers)[key](command, saga.step(key.removeprefix("~")))
    body = encode(answer) | ({"unknown": True} if no and unknown else {})
    return {"reply_to": reply_to, "name": name_of(answer), "body": body}


def _told(run: Run, fed: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    asks = [{"reply_to": reply_to, "name": name_of(command), "body": encode(command)} for command, reply_to in decision.asks]
    lines = [{"key": entry.key, "state": entry.state.value, "attempt": entry.attempt} for _, entry in sorted(decision.changed.items())]
    came = {name: fed[name] for name in ("signal", "cancelled") if name in fed}
    return {**came, "state": run.state.value, "step": run.step, "failure": run.failure, "lines": lines, "asks": asks}


def golden(plan: str) -> Path:
    return HOME / f"{plan}.json"


def text_of(recorded: Mapping[str, Any]) -> str:
    return json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for plan in sys.argv[1:]:
        if golden(plan).exists():
            sys.exit(f"{plan} has run already: a changed plan is a new version beside it")
        golden(plan).write_text(text_of(record(load()[plan], SCRIPTS[plan])))
