"""The saga that is measured: four steps at three domains, each a question, a partner operation and its answer. Partners answer at once.

It is declared as the product's own are, and run by the product's own worker: the same tables, relay, bus, inbox, engine and claims. What it
leaves out is what a domain does with an answer (rankings, holds, documents): that is measured by what the product itself does.
Imported by the worker of `bench saga` alone; `python -m runtime.bench.four_steps` is that worker.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import uvloop

from jobs.engine import Workload
from jobs.registry import Ports, on_many
from kernel.answer import Answer, Ok
from kernel.event import Envelope, message
from kernel.operation import Class, Intent, Operation, OperationRow, intend_many
from kernel.saga import Answers, Saga, step
from kernel.urn import Urn
from kernel.work import Work
from runtime import logs, worker
from runtime.settings import Process, read


@message("booking")
class FindRooms:
    subject: Urn


@message("booking")
class RoomsFound:
    subject: Urn
    found: str


@message("booking")
class TakeRooms:
    subject: Urn
    found: str


@message("booking")
class RoomsTaken:
    subject: Urn
    taken: str


@message("wallet")
class LoadCard:
    subject: Urn
    taken: str


@message("wallet")
class CardLoaded:
    subject: Urn
    loaded: str


@message("notifications")
class TellLead:
    subject: Urn
    loaded: str


@message("notifications")
class LeadTold:
    subject: Urn
    told: str


@dataclass(frozen=True, slots=True)
class Params:
    subject: Urn


FOUR_STEPS: Final = Saga(
    "four_steps",
    Params,
    step("find", ask=FindRooms, done=RoomsFound),
    step("take", ask=TakeRooms, done=RoomsTaken),
    step("load", ask=LoadCard, done=CardLoaded),
    step("tell", ask=TellLead, done=LeadTold),
)


def find(params: Params, answers: Answers) -> FindRooms:
    return FindRooms(params.subject)


def take(params: Params, answers: Answers) -> TakeRooms:
    return TakeRooms(params.subject, answers["find"].found)


def load(params: Params, answers: Answers) -> LoadCard:
    return LoadCard(params.subject, answers["take"].taken)


def tell(params: Params, answers: Answers) -> TellLead:
    return TellLead(params.subject, answers["load"].loaded)


async def _at_once(ports: Ports, row: OperationRow) -> Answer[str]:
    return Ok(f"{row.name} {row.key}")


async def _found(ports: Ports, row: OperationRow) -> Answer[str | None]:
    return Ok(f"{row.name} {row.key}")


def _operation(name: str, domain: str, kind: Class, answer: type) -> Operation[Ports, str]:
    async def outcome(work: Work, row: OperationRow, said: Answer[str], ports: Ports) -> None:
        if isinstance(said, Ok):
            await work.record(answer(row.subject, said.value), aggregate=row.subject, reply_to=row.reply_to)

    return Operation(
        name=name, domain=domain, kind=kind, send=_at_once, look_up=_found, outcome=outcome, records_only=True, at_once=256
    )  # fmt: skip


FIND: Final = _operation("bench_find", "booking", Class.READ, RoomsFound)
TAKE: Final = _operation("bench_take", "booking", Class.C, RoomsTaken)
LOAD: Final = _operation("bench_load", "wallet", Class.A, CardLoaded)
TELL: Final = _operation("bench_tell", "notifications", Class.C, LeadTold)

_Asked = Sequence[tuple[Any, Envelope]]


async def _intend(work: Work, operation: Operation[Any, Any], taken: _Asked) -> None:
    intents = [
        Intent(command.subject, f"{operation.name}|{envelope.reply_to}", {"asked": str(envelope.urn)}, envelope.reply_to)
        for command, envelope in taken
    ]
    await intend_many(work, operation, intents)


@on_many(FindRooms, domain="booking")
async def find_rooms(work: Work, taken: _Asked, ports: Ports) -> None:
    await _intend(work, FIND, taken)


@on_many(TakeRooms, domain="booking")
async def take_rooms(work: Work, taken: _Asked, ports: Ports) -> None:
    await _intend(work, TAKE, taken)


@on_many(LoadCard, domain="wallet")
async def load_card(work: Work, taken: _Asked, ports: Ports) -> None:
    await _intend(work, LOAD, taken)


@on_many(TellLead, domain="notifications")
async def tell_lead(work: Work, taken: _Asked, ports: Ports) -> None:
    await _intend(work, TELL, taken)


WORKLOAD: Final = Workload(sagas=(FOUR_STEPS,), operations=(FIND, TAKE, LOAD, TELL))


def main() -> None:
    """Works until SIGTERM, as `./nexa worker` does."""
    settings = read(os.environ, Process.WORKER)
    logs.configure(settings.log)
    uvloop.run(worker.serve(settings, WORKLOAD))


if __name__ == "__main__":
    main()
