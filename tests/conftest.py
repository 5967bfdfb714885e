"""Fixtures for every test: real servers, started once per session (and once per worker of pytest-xdist)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.embedded.valkey import ValkeyUrls
from tests.harness.servers import Servers, empty_template, servers


@pytest.fixture(scope="session")
def stack() -> Iterator[Servers]:
    """One Postgres and three Valkeys in a temporary folder."""
    with servers(empty_template()) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_url(stack: Servers) -> str:
    """The administrator's address of the session's Postgres."""
    return stack.postgres_url


@pytest.fixture(scope="session")
def valkey_urls(stack: Servers) -> ValkeyUrls:
    """The addresses of the session's Valkeys: `.snapshots`, `.coordination`, `.queue`."""
    return stack.valkey_urls


@pytest.fixture(scope="session")
def empty_cluster() -> Path:
    """A stopped Postgres with nothing in it, to copy."""
    return empty_template()
