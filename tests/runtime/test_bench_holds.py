"""The bench of holds, small: what it promises of three thousand attempts it promises of six hundred."""

from __future__ import annotations

from runtime import site
from runtime.bench.holds import storm
from tests.harness.servers import a_postgres, migrated_template, three_valkeys


async def test_nobody_holds_a_room_that_is_not_there_and_none_stays_held() -> None:
    with a_postgres(migrated_template()) as postgres, three_valkeys() as valkeys:
        stores = site.store_names(site.role_urls(postgres.url, site.secrets_of(postgres.home)))
        result = await storm(stores["NEXA_BOOKING_URL"], valkeys.urls.coordination, attempts=600, hotels=20, rounds=1, lot=40)
    figures = result.figures
    assert {name: figures[name] for name in ("oversell", "leaked", "wiped_oversell", "wiped_leaked")} == {
        "oversell": 0,
        "leaked": 0,
        "wiped_oversell": 0,
        "wiped_leaked": 0,
    }
    assert all(ratio > 0 for ratio in result.ratios.values())
