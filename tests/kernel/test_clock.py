"""The clock, and who may replace it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kernel import clock
from tests.architecture.source import modules

EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
STANDING = clock.Source(lambda: EPOCH, lambda: 7.0)


def test_inside_the_block_time_is_what_the_source_says() -> None:
    with clock.replaced(STANDING):
        assert (clock.now(), clock.monotonic()) == (EPOCH, 7.0)
    assert clock.now() > EPOCH


def test_a_process_in_production_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXA_ENVIRONMENT", "production")
    with pytest.raises(RuntimeError, match="production"), clock.replaced(STANDING):
        pass


def test_nobody_but_the_simulation_replaces_it() -> None:
    users = {module.name for module in modules() if "clock.replaced(" in module.path.read_text()}
    assert {name for name in users if not name.startswith("runtime/faults/simulation/")} == set()
    assert users
