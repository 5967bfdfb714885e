"""The bench of the outbox, small: what it promises of a hundred kills it promises of three."""

from __future__ import annotations

from pathlib import Path

from runtime import site
from runtime.bench.outbox import race
from tests.harness.servers import a_postgres, migrated_template, three_valkeys
from tests.harness.tenants import STANDING


async def test_killed_relays_lose_nothing_and_double_nothing_and_keep_the_order(tmp_path: Path) -> None:
    with a_postgres(migrated_template()) as postgres, three_valkeys() as valkeys:
        stores = site.store_names(site.role_urls(postgres.url, site.secrets_of(postgres.home)))
        told = site.told(tmp_path, site.Ports(), {}, postgres.url, valkeys.urls) | stores
        seen: list[str] = []
        result = await race(told, STANDING, events=4000, kills=3, seed=1, logs=tmp_path, say=lambda what, done, of: seen.append(what))
    figures = result.figures
    assert {name: figures[name] for name in ("events", "lost", "doubled", "inversions", "kills")} == {
        "events": 4000,
        "lost": 0,
        "doubled": 0,
        "inversions": 0,
        "kills": 3,
    }
    assert result.ratios["vs_stream"] > 0
    assert {"a bare stream", "outbox to effect", "kills"} <= set(seen)
