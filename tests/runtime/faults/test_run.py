"""A run goes on where it was stopped, keeps what it is worth looking at, and says what it took to break something."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from runtime.faults.part import Progress
from runtime.faults.run import Asked, OtherRunError, Run
from runtime.faults.stage import StageError
from runtime.faults.strikes import Kind, Schedule
from runtime.faults.verdict import Invariant, Verdict, Violation

ASKED = Asked(sagas=250, seed=7, per_part=100)


class Site:
    """Stands in for whole sites: a part is played at once, and breaks when it is struck by this kind."""

    def __init__(self, fragile: Kind | None = None, stops_at: int | None = None) -> None:
        self.fragile, self.stops_at = fragile, stops_at
        self.played: list[tuple[int, int]] = []

    async def play(
        self, home: Path, schedule: Schedule, sagas: int, seconds: float, settle_scale: float, told: Callable[[Progress], None]
    ) -> Verdict:
        if schedule.part == self.stops_at:
            raise StageError("it does not start")
        _make(home)
        told(Progress(schedule.part, sagas, "under faults"))
        self.played.append((schedule.part, sagas))
        broke = any(strike.kind is self.fragile for strike in schedule.strikes)
        return Verdict(schedule.seed, sagas, {}, [Violation(Invariant.OWNED, "nobody's")] if broke else [], samples={"faults_s": [400.0]})


def _make(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)


def a_run(folder: Path, site: Site, asked: Asked = ASKED, search: float = 0.0, *, fresh: bool = False) -> tuple[Run, io.StringIO]:
    said = io.StringIO()
    run = Run(folder, asked, Console(file=said, width=200), search, site.play)
    run.begin(fresh=fresh)
    return run, said


async def test_every_part_is_played_once_and_added_up(tmp_path: Path) -> None:
    site = Site()
    run, said = a_run(tmp_path / "7", site)
    verdict = await run.all()
    assert site.played == [(0, 100), (1, 100), (2, 50)]
    assert (verdict.sagas, verdict.good) == (250, True)
    assert "250 sagas in 3 parts" in said.getvalue()
    assert sorted(path.name for path in (tmp_path / "7").iterdir()) == ["part-0.json", "part-1.json", "part-2.json", "run.json"]


async def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    with pytest.raises(StageError):
        await a_run(tmp_path, Site(stops_at=2))[0].all()
    site = Site()
    assert (await a_run(tmp_path, site)[0].all()).sagas == 250
    assert site.played == [(2, 50)]


async def test_fresh_begins_anew(tmp_path: Path) -> None:
    await a_run(tmp_path / "7", Site())[0].all()
    site = Site()
    await a_run(tmp_path / "7", site, fresh=True)[0].all()
    assert len(site.played) == 3


def test_another_run_of_the_same_seed_is_not_mixed_into_it(tmp_path: Path) -> None:
    a_run(tmp_path, Site())
    with pytest.raises(OtherRunError, match="--fresh"):
        a_run(tmp_path, Site(), Asked(sagas=300, seed=7, per_part=100))


async def test_what_broke_is_kept_and_cut_down_to_what_it_takes(tmp_path: Path) -> None:
    asked = Asked(sagas=100, seed=3, per_part=100)
    fragile = asked.schedule(0).strikes[2].kind
    run, said = a_run(tmp_path, Site(fragile), asked, search=60)
    verdict = await run.all()
    assert verdict.broken()[Invariant.OWNED] == 1
    assert (tmp_path / "part-0").is_dir()
    assert not (tmp_path / "search-0").exists()
    found = (tmp_path / "shortest-0.txt").read_text().splitlines()
    assert len(found) == 1
    assert fragile.value in found[0]
    assert "part 0 of seed 3 broke no_reservation_without_owner" in said.getvalue()
