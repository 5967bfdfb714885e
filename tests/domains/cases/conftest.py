"""Cases' own database, and cases to begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kernel.database import Database, Databases
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work


@pytest.fixture
def cases(databases: Databases) -> Database:
    return databases["cases"]


@pytest.fixture
async def work(cases: Database, tenant: Tenant) -> AsyncIterator[Work]:
    async with cases.work(tenant, actor=Urn("urn:operator:ana")) as work:
        yield work
