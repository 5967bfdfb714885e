"""The fixtures everybody stands on: a database per domain, and one tenant that cannot see the other."""

from __future__ import annotations

from kernel.database import Databases
from runtime.settings import DATABASES


async def test_every_domain_has_its_database(databases: Databases) -> None:
    assert set(databases) == set(DATABASES)
    await databases.examine()


async def test_both_test_tenants_have_partitions_everywhere(databases: Databases) -> None:
    for name in DATABASES:
        assert {"t1", "t2"} <= set(await databases[name].tenants()), name
