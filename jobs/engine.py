"""The engine with everything that `jobs/` declares, ready for the worker to host."""

from __future__ import annotations

from collections.abc import Sequence

from jobs import operations, sagas
from jobs.registry import Ports
from jobs.sagas.hooks import hooks
from kernel.engine import Engine, Timing
from kernel.tenancy import Tenant


def make_engine(
    ports: Ports, worker_id: str, *, tenants: Sequence[Tenant] | None = None, queue: str | None = None, timing: Timing | None = None
) -> Engine:
    """An engine for these ports; `queue` is where this worker is rung, `tenants` None means all."""
    return Engine(
        ports.databases,
        ports,
        worker_id,
        plans=sagas.load(),
        operations=operations.load(),
        hooks=hooks(ports),
        settle_scale=ports.settle_scale,
        tenants=tenants,
        queue=queue,
        timing=timing,
    )
