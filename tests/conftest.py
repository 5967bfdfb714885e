"""Fixtures for every test: real servers, started once per session (and once per worker of pytest-xdist)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from kernel.database import Databases
from kernel.tenancy import Tenant
from runtime import site
from runtime.embedded.postgres import Postgres
from runtime.embedded.valkey import Valkeys, ValkeyUrls
from runtime.settings import DATABASES
from tests.harness import contracts
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
# What takes longest, so that side by side nobody waits for it in the end; the rest follows in its usual order.
LONGEST = (
    "site", "tests/runtime/test_up.py", "tests/jobs/test_accommodation.py", "tests/kernel/test_consumer.py", "tests/runtime/test_worker.py",
    "tests/architecture/test_style.py", "tests/runtime/test_build.py",
)  # fmt: skip


class Lots(LoadScopeScheduling):  # type: ignore[misc]  # xdist says nothing of its types
    """What a worker is given at once: all tests that drive a site, or else those of one file. Groups by marks do nothing in pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return _lot(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lots:
    return Lots(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        places = {lot: place for place, lot in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(_lot(item.nodeid), len(places)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells how the partners' contracts were kept, where they were looked at."""
    contracts.print_table(terminalreporter)


def _lot(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return "site" if file.split("/")[1] in SITES else file
