"""Fixtures for every test: real servers, started once per session (and once per worker of pytest-xdist)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from kernel.database import Databases
from kernel.tenancy import Tenant
from runtime import site
from runtime.embedded.postgres import Postgres
from runtime.embedded.valkey import Valkeys, ValkeyUrls
from runtime.settings import DATABASES
from tests.harness.browser import a_browser
from tests.harness.servers import Servers, a_postgres, empty_template, migrated_template, three_valkeys
from tests.harness.tenants import Airlines


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A Postgres with every database migrated."""
    with a_postgres(migrated_template()) as running:
        yield running


@pytest.fixture(scope="session")
def valkeys() -> Iterator[Valkeys]:
    """The three Valkeys."""
    with three_valkeys() as running:
        yield running


@pytest.fixture(scope="session")
def stack(postgres: Postgres, valkeys: Valkeys) -> Servers:
    """All servers there are."""
    return Servers(postgres, valkeys)


@pytest.fixture(scope="session")
def empty_cluster() -> Path:
    """A stopped Postgres with nothing in it, to copy."""
    return empty_template()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """The administrator's address of the session's Postgres."""
    return postgres.url


@pytest.fixture(scope="session")
def valkey_urls(valkeys: Valkeys) -> ValkeyUrls:
    """The addresses of the session's Valkeys: `.snapshots`, `.coordination`, `.queue`."""
    return valkeys.urls


@pytest.fixture(scope="session")
def role_urls(postgres: Postgres) -> dict[str, str]:
    """The app roles' addresses by database, and those of `relay` and `dispatch`."""
    return site.role_urls(postgres.url, site.secrets_of(postgres.home))


@pytest.fixture(scope="session")
async def databases(role_urls: dict[str, str]) -> AsyncIterator[Databases]:
    """Every domain's database, migrated, with tenants `t1` and `t2`."""
    opened = Databases({name: role_urls[name] for name in DATABASES}, relay=role_urls["relay"], dispatch=role_urls["dispatch"])
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def lent_airlines(postgres: Postgres, valkeys: Valkeys) -> AsyncIterator[Airlines]:
    """Airlines for one test each."""
    made = Airlines(postgres.url, valkeys.urls)
    yield made
    await made.close()


@pytest.fixture
async def tenant(lent_airlines: Airlines) -> AsyncIterator[Tenant]:
    """An airline of which there is nothing anywhere, with its partitions in every database."""
    async with lent_airlines.lend() as lent:
        yield lent


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium, shared by the session; give each person in a story a context of his own."""
    async with a_browser() as running:
        yield running


SITES = ("journeys", "console")  # folders whose tests drive whole sites; two of those at once are too many for two cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says what stays together when tests run side by side: all that drive a site, and else each file."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker(pytest.mark.xdist_group("site" if folder in SITES else str(item.path)))
