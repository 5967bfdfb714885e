"""The engine with everything that `jobs/` declares, ready for the worker to host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs import operations, sagas
from jobs.registry import Ports
from jobs.sagas.hooks import hooks
from kernel.engine import Engine, Timing
from kernel.operation import Operation, Operations
from kernel.process import Process
from kernel.saga import Plans, Saga
from kernel.tenancy import Tenant


@dataclass(frozen=True, slots=True)
class Workload:
    """Plans and operations that are not in `jobs/`: what a bench or a fault harness has the product's own engine do."""

    sagas: Sequence[Saga] = ()
    operations: Sequence[Operation[Any, Any]] = ()


NOTHING_MORE: Final = Workload()


def make_engine(
    ports: Ports, worker_id: str, *, tenants: Sequence[Tenant] | None = None, queue: str | None = None, timing: Timing | None = None,
    more: Workload = NOTHING_MORE, process: Process | None = None,
) -> Engine:  # fmt: skip
    """An engine for these ports; `queue` is where this worker is rung, `tenants` None means all, `more` is work besides the product's.

    `process` is what it runs in, where its end is the end of this worker.
    """
    return Engine(
        ports.databases,
        ports,
        worker_id,
        plans=Plans(*sagas.load().values(), *more.sagas),
        operations=Operations(*operations.load().values(), *more.operations),
        hooks=hooks(ports),
        settle_scale=ports.settle_scale,
        tenants=tenants,
        queue=queue,
        timing=timing,
        process=process,
    )
