"""The console's own tests: types against the printed contracts, the feed, every key, the phone page. Run by the node that builds it."""

from __future__ import annotations

import pytest

from runtime import build
from tests.console.conftest import HOME, left_out


def test_the_consoles_own_tests_pass() -> None:
    try:
        done = build.npm(HOME, "test")
    except build.BuildError as error:
        left_out(f"the console's packages cannot be installed here: {error}")
    assert done.returncode == 0, done.stdout[-6000:]
