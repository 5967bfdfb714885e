"""The benches of limits and breakers, small: that they run and say what they promise to say, with nothing asserted of time."""

from __future__ import annotations

from pathlib import Path

from runtime.bench import breaker, shaping


async def test_the_bench_of_limits_says_what_was_counted(tmp_path: Path) -> None:
    said: list[str] = []
    result = await shaping.race(tmp_path, 3.0, 1, said.append)
    assert set(result.ratios) == {
        "max_in_second",
        "used_share",
        "calls_per_grant",
        "throttled",
        "halved_throttled_share",
        "recovered_s",
    }
    assert 0 < result.ratios["used_share"] <= 1
    assert result.ratios["max_in_second"] > 0
    assert len(said) == 3


async def test_the_bench_of_breakers_sees_no_booking_while_one_is_open(tmp_path: Path) -> None:
    result = await breaker.race(tmp_path, 1, 1.0, lambda what: None, until_probed=False)
    assert result.ratios["bookings_while_open"] == 0
    assert {"opens_everywhere_ms", "others_throughput", "recovered_s"} < set(result.ratios)
