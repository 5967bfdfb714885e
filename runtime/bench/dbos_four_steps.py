"""The same four steps in the DBOS library, each doing nothing: run by `bench saga` with the Python that has it, on the same Postgres.

`python dbos_four_steps.py ADMIN_URL WORKFLOWS` runs half of them on its threads and half as coroutines, and prints the better of the two as
JSON: workflows a second, and the median and 99th percentile of their latency in seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import Any

from dbos import DBOS, DBOSConfig

UNDER_WAY = 64  # at the same time: its own limit on threads, and more coroutines were no faster


@DBOS.step()
def find(subject: str) -> str:
    return f"find {subject}"


@DBOS.step()
def take(found: str) -> str:
    return f"take {found}"


@DBOS.step()
def load(taken: str) -> str:
    return f"load {taken}"


@DBOS.step()
def tell(loaded: str) -> str:
    return f"tell {loaded}"


@DBOS.workflow()
def four_steps(subject: str) -> str:
    return str(tell(load(take(find(subject)))))


@DBOS.step()
async def find_async(subject: str) -> str:
    return f"find {subject}"


@DBOS.step()
async def take_async(found: str) -> str:
    return f"take {found}"


@DBOS.step()
async def load_async(taken: str) -> str:
    return f"load {taken}"


@DBOS.step()
async def tell_async(loaded: str) -> str:
    return f"tell {loaded}"


@DBOS.workflow()
async def four_steps_async(subject: str) -> str:
    return str(await tell_async(await load_async(await take_async(await find_async(subject)))))


def on_threads(count: int) -> list[float]:
    def one(number: int) -> float:
        began = time.monotonic()
        DBOS.start_workflow(four_steps, f"subject-{number}").get_result()
        return time.monotonic() - began

    with ThreadPoolExecutor(UNDER_WAY) as pool:
        return list(pool.map(one, range(count)))


def as_coroutines(count: int) -> list[float]:
    async def all_of_them() -> list[float]:
        places = asyncio.Semaphore(UNDER_WAY)

        async def one(number: int) -> float:
            async with places:
                began = time.monotonic()
                handle = await DBOS.start_workflow_async(four_steps_async, f"subject-{number}")
                await handle.get_result(polling_interval_sec=0.01)
                return time.monotonic() - began

        return await asyncio.gather(*(one(number) for number in range(count)))

    return asyncio.run(all_of_them())


def measured(run: Callable[[int], list[float]], count: int) -> dict[str, Any]:
    run(min(50, count))  # connections and caches are warm
    began = time.monotonic()
    took = run(count)
    whole = time.monotonic() - began
    percentiles = quantiles(took, n=100)
    return {"how": run.__name__, "per_s": count / whole, "p50": percentiles[49], "p99": percentiles[98]}


def main(admin_url: str, workflows: int) -> None:
    config: DBOSConfig = {
        "name": "four-steps",
        "system_database_url": admin_url.rsplit("/", 1)[0] + "/dbos_four_steps",
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=config)
    DBOS.launch()
    best = max((measured(run, workflows // 2) for run in (on_threads, as_coroutines)), key=lambda told: float(told["per_s"]))
    sys.stdout.write(json.dumps(best) + "\n")
    sys.stdout.flush()
    os._exit(0)  # its background threads have nothing more to tell


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
