from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator

import pytest
from joserfc.jwk import RSAKey

from gateway.signin.tokens import SigningKey
from kernel.feed import Feed
from kernel.secret import Secret
from runtime.embedded.valkey import ValkeyUrls
from runtime.settings import DATABASES, Environment, Settings
from tests.gateway.tiny import World


@pytest.fixture
async def feed(valkey_urls: ValkeyUrls) -> AsyncIterator[Feed]:
    made = Feed.connect(valkey_urls.coordination)
    yield made
    await made.close()


@pytest.fixture
def world(feed: Feed) -> World:
    return World(feed)


@pytest.fixture(scope="session")
def keys() -> dict[str, str]:
    """A site's keys, as `nexa up` makes them."""
    seeds = {name: base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=") for name in ("link", "session")}
    public = SigningKey.ed25519(seeds["link"]).key.as_dict(private=False)["x"]
    pems = {name: str(RSAKey.generate_key(2048).as_pem(private=True).decode()) for name in ("provider", "partner")}
    return {**seeds, **pems, "link_public": str(public)}


@pytest.fixture(scope="session")
def settings(
    role_urls: dict[str, str], valkey_urls: ValkeyUrls, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Of all doors at once; the processes get less."""
    home = tmp_path_factory.mktemp("home")
    for page, text in (("console", "The console"), ("phone", "Your trip")):
        folder = home / "build" / page / "assets"
        folder.mkdir(parents=True)
        (folder.parent / "index.html").write_text(f"<!doctype html><title>{text}</title>")
        (folder / "main-a1b2.js").write_text("export {}")
    return Settings(
        environment=Environment.TEST,
        home=home,
        operator_url="http://operators.test",
        passenger_url="http://{tenant}.passengers.test",
        partner_url="http://partners.test",
        database_urls={name: Secret(role_urls[name]) for name in DATABASES},
        snapshot_url=Secret(valkey_urls.snapshots),
        coordination_url=Secret(valkey_urls.coordination),
        queue_url=Secret(valkey_urls.queue),
        link_key=Secret(keys["link"]),
        link_public_key=Secret(keys["link_public"]),
        session_key=Secret(keys["session"]),
        partner_key=Secret(keys["partner"]),
        provider_key=Secret(keys["provider"]),
    )
