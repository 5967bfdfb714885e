"""The process that plays blocks: `python -m runtime.faults.simulation.player`, told what to play line by line, telling what came of it.

The first line says where its cluster is, every other one names a block; each is answered by one line. It ends with its input.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
import warnings
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.exc import SAWarning

from runtime.faults.simulation.block import Block, Played, Sagas
from runtime.faults.simulation.check import Findings, check
from runtime.faults.simulation.cluster import empty
from runtime.faults.simulation.dice import Odds
from runtime.faults.simulation.loop import VirtualLoop
from runtime.faults.simulation.worker import Addresses
from runtime.faults.verdict import Verdict

ROUGHNESS: Final = (1.0, 1.0, 2.0, 4.0)  # how often connections break and workers die, block after block in turn


def odds_of(block: int) -> Odds:
    """What may happen in a block."""
    base, factor = Odds(), ROUGHNESS[block % len(ROUGHNESS)]
    return replace(base, error=base.error * factor, kill=base.kill * factor, pause=base.pause * factor)


async def play(addresses: Addresses, order: dict[str, Any]) -> tuple[Played, Findings]:
    """One block on the loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    sagas = Sagas(order["block"], order["sagas"], None if order["only"] is None else frozenset(order["only"]))
    faults = None if order["faults"] is None else frozenset(tuple(key) for key in order["faults"])
    block = Block(loop, addresses, f"{order['seed']}/{order['block']}", sagas, odds_of(order["block"]), faults)
    played = await block.play()
    found = await check(played)
    for database in played.databases.values():
        await database.close()
    return played, found


def main() -> None:
    """Plays until there is nothing more to play."""
    logging.disable(logging.CRITICAL)  # what fails here fails by order, some hundred times a block
    warnings.simplefilter("ignore", SAWarning)  # killed workers return no connections
    warnings.simplefilter("ignore", ResourceWarning)
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)  # some hundred thousand objects live for a whole block: looking through them is a tenth of the time
    told = json.loads(sys.stdin.readline())
    addresses = Addresses(told["domains"], told["relay"], told["dispatch"])
    for line in sys.stdin:
        order = json.loads(line)
        asyncio.run(empty(told["administrator"]))
        began = time.monotonic()
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            played, found = runner.run(play(addresses, order))
        sys.stdout.write(json.dumps(_told(order, played, found, time.monotonic() - began)) + "\n")
        sys.stdout.flush()


def _told(order: dict[str, Any], played: Played, found: Findings, seconds: float) -> dict[str, Any]:
    violations = [each.violation for each in found.broken]
    verdict = Verdict(order["seed"], len(played.sagas), found.looked_at, violations, found.reviews, {}, found.counts, seconds)
    broken = sorted({each.saga for each in found.broken if each.saga})
    struck = [(each.key, str(each)) for each in played.dice.struck] if violations else []
    return {"block": order["block"], "verdict": verdict.kept(), "broken": broken, "struck": struck}


if __name__ == "__main__":
    main()
