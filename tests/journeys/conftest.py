"""One running site for all journeys; each story has airlines of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from runtime.faults.twins import Twins
from tests.harness.airline import Airlines, at
from tests.harness.running import RunningSite, a_running_site

TENANTS = ("mq", "t1", "t2", "b1", "f1", "w1")  # the storm's first two flights are mq's; isolation; bad input; faults; a wave


@pytest.fixture(scope="package")
def site() -> Iterator[RunningSite]:
    """Every process there is, on ports and in a folder of its own."""
    with a_running_site(*TENANTS) as running:
        yield running


@pytest.fixture(scope="package")
async def twins(site: RunningSite) -> AsyncIterator[Twins]:
    """What the partners of the site hold."""
    made = Twins(site.url("sandbox"))
    yield made
    await made.close()


@pytest.fixture(scope="package")
async def airlines(site: RunningSite, twins: Twins) -> AsyncIterator[Airlines]:
    """`airlines["mq"]`: its operators, its systems, its passengers."""
    async with at(site, twins) as made:
        yield made
