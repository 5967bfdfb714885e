from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kernel.feed import Feed
from runtime.embedded.valkey import ValkeyUrls
from tests.gateway.tiny import World


@pytest.fixture
async def feed(valkey_urls: ValkeyUrls) -> AsyncIterator[Feed]:
    made = Feed.connect(valkey_urls.coordination)
    yield made
    await made.close()


@pytest.fixture
def world(feed: Feed) -> World:
    return World(feed)
