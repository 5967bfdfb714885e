"""A whole simulated run: blocks handed out to as many processes as there are cores, each with a small Postgres of its own.

Which process plays a block makes no difference. Below `.nexa/faults/simulated-<seed>/` every block's verdict is kept, so that the same
command goes on where it was stopped. Of what broke, the saga is played again alone, with less and less going wrong.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from runtime.faults.run import OtherRunError
from runtime.faults.shortest import shortest
from runtime.faults.simulation import cluster
from runtime.faults.simulation.dice import Key, Odds
from runtime.faults.simulation.plan import SCALE, SETTLE
from runtime.faults.simulation.worker import Addresses
from runtime.faults.verdict import Verdict, together
from runtime.supervisor import ROOT

PER_BLOCK: Final = 3000  # at most: a third of what a block of a thousand costs is waiting for its last ones
FEWEST: Final = 2  # blocks, so that a small run has work for two
SEARCHED: Final = 3  # sagas whose faults are looked for
LINE: Final = 64 * 1024 * 1024  # bytes; longer than any answer of a player

Server = tuple[str, Addresses]


class SimulationError(Exception):
    """A player ended before its time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run consists of."""

    sagas: int
    seed: int

    def blocks(self) -> list[int]:
        """The sagas of each block."""
        count = min(self.sagas, max(FEWEST, math.ceil(self.sagas / PER_BLOCK)))
        return [self.sagas * (block + 1) // count - self.sagas * block // count for block in range(count)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a player told of a block: the verdict, the sagas that something befell, and what was struck, with its keys."""

    verdict: Verdict
    broken: Sequence[str]
    struck: Sequence[tuple[Key, str]]


class Player:
    """A process that plays blocks, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process, asked: Asked) -> None:
        self._process, self._asked = process, asked

    @classmethod
    async def start(cls, server: Server, asked: Asked) -> Player:
        administrator, addresses = server
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "runtime.faults.simulation.player")
        player = cls(await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, limit=LINE), asked)
        await player._say({"administrator": administrator, **asdict(addresses)})
        return player

    async def play(self, block: int, only: Sequence[int] | None = None, faults: Sequence[Key] | None = None) -> Answer:
        """`only` these sagas of it, and nothing but these `faults`. Raises: SimulationError."""
        sagas = self._asked.blocks()[block]
        await self._say({"seed": self._asked.seed, "block": block, "sagas": sagas, "only": only, "faults": faults})
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise SimulationError(f"the player of block {block} ended with {await self._process.wait()}")
        told: dict[str, Any] = json.loads(line)
        struck = [(tuple(key), what) for key, what in told["struck"]]
        return Answer(Verdict.read(told["verdict"]), told["broken"], struck)

    async def end(self) -> None:
        """It ends with its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def _say(self, told: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        await self._process.stdin.drain()


class Simulation:
    """One run below its folder. `search` bounds, in seconds, how long faults are looked for; `ready` is a cluster that was prepared."""

    def __init__(self, folder: Path, asked: Asked, console: Console, search: float = 0.0, players: int | None = None) -> None:
        self.folder, self.asked, self.console, self.search = folder, asked, console, search
        self.players = players or os.cpu_count() or 1
        self._broken: list[tuple[int, str]] = []

    def begin(self, *, fresh: bool) -> None:
        """Raises: OtherRunError."""
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        told, file = asdict(self.asked), self.folder / "run.json"
        known = json.loads(file.read_text()) if file.exists() else None
        if known is not None and known != told:
            raise OtherRunError(f"{self.folder} holds another run ({known}); `--fresh` begins anew")
        file.write_text(json.dumps(told))

    def all(self) -> Verdict:
        """Every block that is not there yet; the verdict over all. From the main thread. Raises: SimulationError."""
        self._introduce()
        left = [block for block in range(len(self.asked.blocks())) if not self._file(block).exists()]
        if left:
            players = min(self.players, len(left))
            with _servers(players) as servers:
                asyncio.run(self._play(left, servers))
        verdicts = [Verdict.read(json.loads(self._file(block).read_text())) for block in range(len(self.asked.blocks()))]
        return together(verdicts, self.asked.seed)

    async def _play(self, blocks: Sequence[int], servers: Sequence[Server]) -> None:
        players = [await Player.start(server, self.asked) for server in servers]
        queue = list(reversed(blocks))
        columns = (TextColumn("sagas"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=self.console, transient=True) as bars:
            bar = bars.add_task("", total=sum(self.asked.blocks()[block] for block in blocks))

            async def work(player: Player) -> None:
                while queue:
                    block = queue.pop()
                    answer = await player.play(block)
                    self._keep(block, answer, len(players))
                    bars.update(bar, advance=answer.verdict.sagas, description=f"{len(self._broken)} sagas broken" if self._broken else "")

            async with asyncio.TaskGroup() as hands:
                for player in players:
                    hands.create_task(work(player))
        if self.search > 0:
            for block, saga in self._broken[:SEARCHED]:
                await self._search(players[0], block, saga)
        for player in players:
            await player.end()

    def _keep(self, block: int, answer: Answer, players: int) -> None:
        """Players play side by side, so each block has taken its share of the time."""
        verdict = replace(answer.verdict, seconds=answer.verdict.seconds / players)
        fresh = self._file(block).with_suffix(".new")
        fresh.write_text(json.dumps(verdict.kept()))
        fresh.replace(self._file(block))
        if verdict.violations:
            self._broken += [(block, saga) for saga in answer.broken]
            struck = "\n".join(what for _, what in answer.struck)
            (self.folder / f"struck-{block}.txt").write_text(struck + "\n")

    async def _search(self, player: Player, block: int, saga: str) -> None:
        """Plays the saga alone, then with fewer of its faults, and says what was left when it still broke."""
        number = int(saga.rpartition("s")[2])
        alone = await player.play(block, only=[number])
        where = f"block {block} of seed {self.asked.seed}, saga {saga}"
        if not alone.broken:
            self.console.print(f"[red]{where}[/]: not broken when played alone; all that was struck: {self.folder}/struck-{block}.txt")
            return
        words = dict(alone.struck)

        async def breaks(some: Sequence[Key]) -> bool:
            return bool((await player.play(block, only=[number], faults=list(some))).broken)

        found = await shortest(list(words), breaks, self.search / SEARCHED)
        self.console.print(f"[red]{where}[/] breaks alone, with {len(found)} of {len(words)} faults:")
        for key in found:
            self.console.print(f"  {words[key]}")

    def _introduce(self) -> None:
        asked, odds = self.asked, Odds()
        settle = SETTLE.total_seconds() * SCALE
        self.console.print(
            f"seed {asked.seed}: {asked.sagas:,} sagas in {len(asked.blocks())} blocks on {self.players} processes, simulated"
        )
        self.console.print(
            f"four steps at partners of class C, B, A and D; {odds.unclear:.0%} of sendings end unclear; settle time {settle:g} s"
        )

    def _file(self, block: int) -> Path:
        return self.folder / f"block-{block}.json"


@contextmanager
def _servers(count: int) -> Iterator[list[Server]]:
    """So many Postgres of our own, gone afterwards."""
    password = secrets.token_hex(16)
    home = Path(tempfile.mkdtemp(prefix="nexa-simulation-"))
    try:
        cluster.prepare(home / "ready", password)
        with ExitStack() as stack:
            yield [stack.enter_context(cluster.running(home / f"postgres-{number}", home / "ready", password)) for number in range(count)]
    finally:
        shutil.rmtree(home, ignore_errors=True)
