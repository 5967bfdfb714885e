"""`nexa token`: what scripts get is what the doors believe."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from domains.access import queries
from gateway.signin.partners import AUDIENCE
from gateway.signin.passengers import AUDIENCE as PASSENGERS
from gateway.signin.provider import API
from gateway.signin.tokens import SigningKey, Verifier
from kernel.clock import now
from kernel.database import Databases
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime import site
from runtime.command import main
from runtime.settings import read

T1 = Tenant("t1")


@pytest.fixture
def told(tmp_path: Path, role_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a site with keys of its own."""
    told = {**site.secrets_of(tmp_path), "NEXA_HOME": str(tmp_path), "NEXA_ACCESS_URL": role_urls["access"]}
    for name, value in told.items():
        if name.startswith("NEXA_"):
            monkeypatch.setenv(name, value)
    return told


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["token", *words, "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["headers"] == {"authorization": f"Bearer {said['token']}"}
    return said


async def test_an_operators(told: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    said = ask(capsys, "operator", "--tenant", "t1", "--role", "AIRPORT_OPERATOR")
    issuer = f"{read(told).operator_url}/provider"
    key = SigningKey.rsa(told["NEXA_PROVIDER_KEY"])
    claims = await Verifier(key.find, algorithm="RS256", typ="at+jwt", issuer=issuer, audience=API).read(said["token"])
    assert claims["https://nexa/airline"] == "t1"
    assert claims["https://nexa/role"] == "AIRPORT_OPERATOR"
    assert claims["airports"] == ["JFK"]


async def test_a_passengers(told: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    said = ask(capsys, "passenger", "--tenant", "t1", "--sub-case", "urn:sub-case:s-1")
    key = SigningKey.ed25519(told["NEXA_SESSION_KEY"])
    claims = await Verifier(key.find, algorithm="Ed25519", typ="at+jwt", issuer=PASSENGERS, audience=PASSENGERS).read(said["token"])
    assert claims["sub"] == "urn:sub-case:s-1"
    assert said["link"].startswith("http://t1.localhost:8401/?token=")


def test_the_passenger_gateway_knows_links_by_the_public_half_of_their_key(told: dict[str, str]) -> None:
    assert SigningKey.ed25519(told["NEXA_LINK_KEY"]).key.as_dict(private=False)["x"] == told["NEXA_LINK_PUBLIC_KEY"]


async def test_a_partners_and_its_client(told: dict[str, str], capsys: pytest.CaptureFixture[str], databases: Databases) -> None:
    # in a thread, where the command may have a loop of its own
    first = await asyncio.to_thread(ask, capsys, "partner", "--tenant", "t1", "--scopes", "cases.read")
    again = await asyncio.to_thread(ask, capsys, "partner", "--tenant", "t1")
    key = SigningKey.rsa(told["NEXA_PARTNER_KEY"])
    issuer = read(told).partner_url
    claims = await Verifier(key.find, algorithm="RS256", typ="at+jwt", issuer=issuer, audience=AUDIENCE).read(first["token"])
    assert claims["scope"] == "cases.read"
    assert first["client"] == again["client"]
    id, secret = first["client"]["id"], first["client"]["secret"]
    assert id == "t1.development"
    async with databases["access"].read(T1) as connection:
        known = await queries.partner_by_secret(connection, T1, Urn("urn:partner:development"), secret, now())
    assert known is not None


@pytest.mark.parametrize("words", [["passenger"], ["partner", "--scopes", "everything"]])
def test_what_cannot_be_given_is_said(told: dict[str, str], capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["token", *words, "--tenant", "t1"]) == 1
    assert capsys.readouterr().err.startswith("nexa: ")


def test_production_gives_none(told: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NEXA_ENVIRONMENT", "production")
    assert main(["token", "operator"]) == 1
    assert "development" in capsys.readouterr().err
