"""A whole run: part after part, each kept when it is done, so that the same command goes on where it was stopped.

Below `.nexa/faults/<seed>/`: `run.json` says what was asked, `part-<n>.json` is a verdict, `part-<n>/` the site of a part that runs, or
whose logs are worth keeping because something broke.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from kernel.clock import monotonic
from runtime.faults.part import STRUCK_FOR, Progress, play
from runtime.faults.shortest import shortest
from runtime.faults.strikes import Order, Schedule, Strike, draw
from runtime.faults.verdict import Verdict, together

PER_PART: Final = 250  # sagas; a part takes about two minutes, ten at most
AT_LEAST: Final = 25.0  # seconds of faults, also where there are few sagas
EVERY: Final = 10.0  # seconds between two lines, where there is no terminal


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run consists of. `rate` is vouchers a second, `ambiguity` the share of partner operations that end ambiguous."""

    sagas: int
    seed: int
    per_part: int = PER_PART
    rate: float = 4.0
    ambiguity: float = 0.3
    settle_scale: float = 0.02

    def parts(self) -> list[int]:
        """The sagas of each part."""
        return [min(self.per_part, self.sagas - first) for first in range(0, self.sagas, self.per_part)]

    def seconds(self, part: int) -> float:
        """Over how long a part's vouchers are issued, and everything goes wrong."""
        return max(AT_LEAST, self.parts()[part] / self.rate)

    def schedule(self, part: int) -> Schedule:
        """Longer than the vouchers take: strikes go on until most sagas are through."""
        return draw(self.seed, part, self.seconds(part) + STRUCK_FOR, self.ambiguity, self.settle_scale)


class OtherRunError(Exception):
    """What lies there was asked for differently; `--fresh` begins anew."""


Play = Callable[[Path, Schedule, int, float, float, Callable[[Progress], None]], Awaitable[Verdict]]


class Run:
    """One run below its folder; `search` bounds, in seconds, how long the shortest list of faults is looked for. `play` plays a part."""

    def __init__(self, folder: Path, asked: Asked, console: Console, search: float, play: Play = play) -> None:
        self.folder, self.asked, self.console, self.search, self.play = folder, asked, console, search, play

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

    async def all(self) -> Verdict:
        """Every part that is not there yet; the verdict over all."""
        self._introduce()
        verdicts: list[Verdict] = []
        for part, sagas in enumerate(self.asked.parts()):
            verdict = self._kept(part)
            if verdict is None:
                verdict = await self._play(part, sagas)
                self._keep(part, verdict)
                if verdict.violations:
                    await self._search(part, sagas, verdict)
            self._tell(part, verdict)
            verdicts.append(verdict)
        return together(verdicts, self.asked.seed)

    async def _play(self, part: int, sagas: int) -> Verdict:
        home = self._home(part)
        with _shown(self.console) as show:
            verdict = await self._try(home, self.asked.schedule(part), sagas, show)
        if not verdict.violations:
            shutil.rmtree(home, ignore_errors=True)
        return verdict

    async def _try(self, home: Path, schedule: Schedule, sagas: int, told: Callable[[Progress], None]) -> Verdict:
        seconds = self.asked.seconds(schedule.part)
        return await self.play(home, schedule, sagas, seconds, self.asked.settle_scale, told)

    async def _search(self, part: int, sagas: int, verdict: Verdict) -> None:
        """Tries the part with less and less going wrong, and says what was left when it still broke."""
        schedule = self.asked.schedule(part)
        wanted = {violation.invariant for violation in verdict.violations}
        struck = max(verdict.samples["faults_s"], default=float("inf"))
        causes: list[Strike | Order] = [*(strike for strike in schedule.strikes if strike.at <= struck), *schedule.orders]
        self.console.print(f"[red]part {part} of seed {self.asked.seed} broke {', '.join(sorted(wanted))}[/]; logs: {self._home(part)}")
        if self.search <= 0:
            return
        self.console.print(f"[dim]looking for the shortest list of faults that breaks it, for {self.search:g} s at most[/]")

        async def breaks(some: Sequence[Strike | Order]) -> bool:
            less = schedule.only(
                [each for each in some if isinstance(each, Strike)], [each for each in some if not isinstance(each, Strike)]
            )
            with _shown(self.console) as show:
                again = await self._try(self.folder / f"search-{part}", less, sagas, show)
            broke = bool(wanted & {violation.invariant for violation in again.violations})
            self.console.print(
                f"[dim]{len(less.strikes)} strikes and {len(less.orders)} orders: {'broken again' if broke else 'nothing'}[/]"
            )
            return broke

        found = await shortest(causes, breaks, self.search)
        self.console.print(f"[red]the shortest list found, of {len(causes)}[/]: {len(found)}")
        for each in found:
            self.console.print(f"  {each if isinstance(each, Strike) else _words(each)}")
        (self.folder / f"shortest-{part}.txt").write_text("\n".join(str(each) for each in found) + "\n")
        shutil.rmtree(self.folder / f"search-{part}", ignore_errors=True)

    def _introduce(self) -> None:
        asked, schedules = self.asked, [self.asked.schedule(part) for part in range(len(self.asked.parts()))]
        strikes = [
            strike.kind.value for part, schedule in enumerate(schedules) for strike in schedule.strikes if strike.at < asked.seconds(part)
        ]
        mix = ", ".join(f"{strikes.count(kind)} × {kind}" for kind in dict.fromkeys(strikes))
        self.console.print(f"seed {asked.seed}: {asked.sagas:,} sagas in {len(schedules)} parts, {asked.rate:g} vouchers a second")
        self.console.print("partners: Hotelbeds and Amadeus (rooms), Pomelo (cards), Twilio (texts), the airlines' own PSS (manifests)")
        self.console.print(f"ambiguous answers to {asked.ambiguity:.0%} of partner operations; settle times × {asked.settle_scale:g}")
        self.console.print(f"{len(strikes)} strikes while vouchers are issued, and more until most sagas are through: {mix}")
        self.console.print("clocks of our processes wrong by up to five minutes either way, another way after every kill")

    def _tell(self, part: int, verdict: Verdict) -> None:
        broken = sum(verdict.broken().values())
        said = f"part {part + 1} of {len(self.asked.parts())}: {verdict.sagas} sagas in {verdict.seconds:.0f} s, "
        self.console.print(said + (f"[red]{broken} violations[/]" if broken else "[green]0 violations[/]"))

    def _kept(self, part: int) -> Verdict | None:
        file = self.folder / f"part-{part}.json"
        return Verdict.read(json.loads(file.read_text())) if file.exists() else None

    def _keep(self, part: int, verdict: Verdict) -> None:
        fresh = self.folder / f"part-{part}.new"
        fresh.write_text(json.dumps(verdict.kept()))
        fresh.replace(self.folder / f"part-{part}.json")

    def _home(self, part: int) -> Path:
        return self.folder / f"part-{part}"


def _words(order: Order) -> str:
    return f"{order['partner']} {order['operation']}: {order['kind']} with probability {order['probability']}"


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A bar where somebody looks on; where nobody does, a line now and then."""
    if not console.is_terminal:
        yield _Lines(console).show
        return
    columns = (TextColumn("part {task.fields[part]}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bars(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        bar: TaskID | None = None

        def show(progress: Progress) -> None:
            nonlocal bar
            if bar is None:
                bar = bars.add_task("", total=progress.sagas, part=progress.part + 1)
            bars.update(bar, completed=progress.issued, description=_said(progress))

        yield show


@dataclass
class _Lines:
    console: Console
    began: float = field(default_factory=monotonic)
    last: float = float("-inf")
    phase: str = ""

    def show(self, progress: Progress) -> None:
        if progress.phase == self.phase and monotonic() - self.last < EVERY:
            return
        self.phase, self.last = progress.phase, monotonic()
        said = f"part {progress.part + 1}, {monotonic() - self.began:.0f} s, {progress.issued}/{progress.sagas}: {_said(progress)}"
        self.console.print(f"[dim]{said}[/]", soft_wrap=True)


def _said(progress: Progress) -> str:
    said = f"{progress.phase}: {progress.acknowledged} acknowledged, {progress.struck} strikes"
    return f"{said}; {progress.left}" if progress.left else said
