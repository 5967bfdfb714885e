"""How many four-step workflows one worker process carries to their end in a second, beside DBOS and beside plain commits.

Three interleaved rounds on one Postgres of its own: the product's worker with partners that answer at once (`runtime.bench.four_steps`),
the DBOS library with four steps that do nothing, and pgbench's single-row commit at 64 sessions as the floor. Then, on the idle worker,
workflows one at a time: how soon each is picked up, and how long it takes alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import make_url, text

from kernel.clock import monotonic
from kernel.database import Databases, make_engine
from kernel.doorbell import Doorbell, living_queues
from kernel.saga.workflow import start_many
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime import peers, probe
from runtime.bench import Result
from runtime.bench.four_steps import FOUR_STEPS, Params
from runtime.bench.site import BenchError
from runtime.embedded.postgres import binaries
from runtime.embedded.process import Child, launch
from runtime.settings import Process, Settings, for_process, read
from runtime.site import Ports
from runtime.supervisor import Supervisor
from runtime.wiring import databases

ROOT: Final = Path(__file__).resolve().parents[2]
DBOS: Final = Path(__file__).with_name("dbos_four_steps.py")
TENANT: Final = Tenant("bench")
BATCH: Final = 500  # workflows started in one transaction, as a supervisor's *issue all* does
SESSIONS: Final = 64  # of pgbench
ENDS_WITHIN: Final = 120.0  # seconds
STARTS_WITHIN: Final = 60.0
_INSERT: Final = "insert into floor (value) values (1);\n"

_LEFT = text("select count(*) from workflow where tenant = :tenant and state = 'RUNNING'")
_TOOK = text("""
    select extract(epoch from max(ended_at) - min(started_at)) as all,
           percentile_cont(0.5) within group (order by extract(epoch from ended_at - started_at)) as p50,
           percentile_cont(0.99) within group (order by extract(epoch from ended_at - started_at)) as p99,
           count(*) filter (where state = 'DONE') as done
    from workflow where tenant = :tenant and urn = any(:urns)
""")
_PICKED_UP = text("""
    select extract(epoch from s.asked_at - w.started_at) as pickup, extract(epoch from w.ended_at - w.started_at) as all
    from workflow w join workflow_step s on s.tenant = w.tenant and s.workflow = w.urn and s.entry = 1
    where w.tenant = :tenant and w.urn = any(:urns)
""")
_COMMITS = text("select sum(xact_commit) from pg_stat_database where datname like 'nexa%'")
_FSYNCS = text("select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal'")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench saga`."""
    parser.add_argument("--workflows", type=int, default=3000, metavar="N", help="workflows per round (default: 3000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="interleaved rounds (default: 3)")
    parser.add_argument("--alone", type=int, default=200, metavar="N", help="workflows run one at a time (default: 200)")
    parser.add_argument("--seconds", type=int, default=5, metavar="S", help="of pgbench per round (default: 5)")
    parser.add_argument("--port", type=int, default=8900, metavar="BASE", help="first of the ports of the bench's own site (default: 8900)")


@dataclass(frozen=True, slots=True)
class Round:
    """Workflows a second, and their latency in seconds when all are started at once."""

    per_s: float
    p50: float
    p99: float


@dataclass
class Measured:
    ours: list[Round] = field(default_factory=list)
    dbos: list[Round] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)  # pgbench, a second
    spent: dict[str, float] = field(default_factory=dict)  # per workflow of ours


@dataclass(frozen=True)
class Hall:
    """Postgres, three Valkeys and one worker; no front door, no sandbox."""

    admin_url: str
    settings: Settings
    databases: Databases
    bell: Doorbell
    worker: Child

    async def start(self, count: int) -> list[Urn]:
        """Starts so many, each with a subject of its own."""
        urns: list[Urn] = []
        for first in range(0, count, BATCH):
            some = [(Urn.mint("workflow"), Urn.mint("sub-case")) for _ in range(min(BATCH, count - first))]
            async with self.databases["cases"].work(TENANT) as work:
                await start_many(work, FOUR_STEPS, [(urn, subject, Params(subject)) for urn, subject in some])
            self.bell.ring(TENANT, some[0][0], "cases")
            urns += [urn for urn, _ in some]
        return urns

    async def ended(self, pause: float) -> None:
        """Waits until none runs. Raises: BenchError."""
        until = monotonic() + ENDS_WITHIN
        while True:
            async with self.databases["cases"].read(TENANT) as connection:
                if not (await connection.execute(_LEFT, {"tenant": TENANT})).scalar_one():
                    return
            if monotonic() > until or self.worker.ended is not None:
                raise BenchError(f"the workflows did not end; the worker's last words ({self.worker.log}):\n{self.worker.last_words()}")
            await asyncio.sleep(pause)

    async def settle(self) -> None:
        """Statistics are those of tables in use, as autovacuum keeps them; plans made while these were empty read them whole."""
        for name in self.databases:
            url = make_url(self.admin_url).set(database=f"nexa_{name}").render_as_string(hide_password=False)
            engine = make_engine(url, pool=1, isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                await connection.exec_driver_sql("analyze")
            await engine.dispose()

    async def spent(self) -> dict[str, float]:
        """Commits and flushes to disk so far."""
        engine = make_engine(self.admin_url, pool=1)
        async with engine.connect() as connection:
            commits, fsyncs = [(await connection.execute(each)).scalar_one() for each in (_COMMITS, _FSYNCS)]
        await engine.dispose()
        return {"commits": float(commits), "fsyncs": float(fsyncs)}


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Runs all rounds. Raises: BenchError when a workflow does not end well."""
    python = peers.install("bench", console)
    measured = Measured()
    async with _a_hall(arguments.port, console) as hall:
        await _ours(hall, arguments.workflows)  # connections and caches are warm before anything is measured
        await hall.settle()
        with Progress(console=console, transient=True) as bars:
            bar = bars.add_task("workflows", total=3 * arguments.rounds)
            for _ in range(arguments.rounds):
                before = await hall.spent()
                measured.ours.append(await _ours(hall, arguments.workflows))
                after = await hall.spent()
                measured.spent = {name: (after[name] - before[name]) / arguments.workflows for name in after}
                bars.advance(bar)
                measured.dbos.append(await _theirs(python, hall.admin_url, arguments.workflows))
                bars.advance(bar)
                measured.commits.append(await _commits(hall.admin_url, arguments.seconds))
                bars.advance(bar)
        alone = await _alone(hall, arguments.alone)
    return _result(measured, alone, arguments)


async def _ours(hall: Hall, count: int) -> Round:
    urns = await hall.start(count)
    await hall.ended(0.1)
    async with hall.databases["cases"].read(TENANT) as connection:
        row = (await connection.execute(_TOOK, {"tenant": TENANT, "urns": urns})).one()
    if row.done != count:
        raise BenchError(f"{count - row.done} of {count} workflows did not end well")
    return Round(count / float(row.all), float(row.p50), float(row.p99))


async def _alone(hall: Hall, count: int) -> dict[str, float]:
    urns: list[Urn] = []
    for _ in range(count):
        urns += await hall.start(1)
        await hall.ended(0.02)
    async with hall.databases["cases"].read(TENANT) as connection:
        rows = (await connection.execute(_PICKED_UP, {"tenant": TENANT, "urns": urns})).all()
    return {"pickup_p50_ms": _ms(median(float(row.pickup) for row in rows)), "alone_p50_ms": _ms(median(float(row.all) for row in rows))}


async def _theirs(python: Path, admin_url: str, count: int) -> Round:
    told = json.loads(await _said([str(python), str(DBOS), admin_url, str(count)]))
    return Round(told["per_s"], told["p50"], told["p99"])


async def _commits(admin_url: str, seconds: int) -> float:
    """pgbench's transactions a second, each one row inserted and committed."""
    engine = make_engine(admin_url, pool=1, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql("create table if not exists floor (id bigint generated always as identity primary key, value int)")
    await engine.dispose()
    script = ROOT / ".nexa" / "bench" / "saga" / "floor.sql"
    script.write_text(_INSERT)
    command = [str(binaries() / "pgbench"), "-n", "-c", str(SESSIONS), "-j", "2", "-T", str(seconds), "-f", str(script), admin_url]
    found = re.search(r"tps = ([0-9.]+)", await _said(command))
    if found is None:
        raise BenchError("pgbench did not say how many transactions it made")
    return float(found[1])


async def _said(command: Sequence[str]) -> str:
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    said, complained = await child.communicate()
    if child.returncode:
        raise BenchError(f"{Path(command[0]).name} ended with {child.returncode}:\n{complained.decode()[-2000:]}")
    return said.decode()


@asynccontextmanager
async def _a_hall(base: int, console: Console) -> AsyncIterator[Hall]:
    home = ROOT / ".nexa" / "bench" / "saga"
    shutil.rmtree(home, ignore_errors=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
    supervisor = Supervisor(home, Ports(base), environ, [TENANT], lambda line: console.print(f"[dim]{line}[/]"))
    supervisor.start_stores()
    try:
        async with _hired(home, supervisor.told, environ) as hall:
            yield hall
    finally:
        supervisor.stop()


@asynccontextmanager
async def _hired(home: Path, told: Mapping[str, str], environ: Mapping[str, str]) -> AsyncIterator[Hall]:
    environment = {**environ, **for_process(Process.WORKER, told), "NEXA_TENANTS": TENANT}
    command = [sys.executable, "-m", "runtime.bench.four_steps"]
    worker = launch("worker", command, log=home / "logs" / "worker.log", environment=environment, death=signal.SIGKILL, folder=ROOT)
    settings = read(told)
    opened = databases(settings)
    bell = Doorbell(settings.need("queue_url").reveal(), living_queues(opened.dispatch("cases")))
    try:
        until = monotonic() + STARTS_WITHIN
        while not probe.worker_lives(home, worker.pid):
            if worker.ended is not None or monotonic() > until:
                raise BenchError(f"the worker did not start:\n{worker.last_words()}")
            await asyncio.sleep(0.1)
        yield Hall(settings.need("database_url").reveal(), settings, opened, bell, worker)
    finally:
        await bell.close()
        await opened.close()
        worker.stop((signal.SIGTERM, 30.0))


def _result(measured: Measured, alone: dict[str, float], arguments: argparse.Namespace) -> Result:
    pairs = list(zip(measured.ours, measured.dbos, measured.commits, strict=True))
    return Result(
        ratios={
            "vs_dbos": round(median(ours.per_s / dbos.per_s for ours, dbos, _ in pairs), 2),
            "vs_commit": round(median(ours.per_s / commits for ours, _, commits in pairs), 4),
        },
        figures={
            **alone,
            **_figures("", measured.ours),
            **_figures("dbos_", measured.dbos),
            "commits_per_s": round(median(measured.commits)),
            "commits_per_workflow": round(measured.spent["commits"], 2),
            "fsyncs_per_workflow": round(measured.spent["fsyncs"], 2),
            "workflows": arguments.workflows,
            "rounds": arguments.rounds,
        },
    )


def _figures(prefix: str, rounds: Sequence[Round]) -> dict[str, Any]:
    """At saturation: all are started at once, so a latency is mostly waiting for the others."""
    return {
        f"{prefix}workflows_per_s": round(median(each.per_s for each in rounds), 1),
        f"{prefix}p50_ms": _ms(median(each.p50 for each in rounds)),
        f"{prefix}p99_ms": _ms(median(each.p99 for each in rounds)),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
