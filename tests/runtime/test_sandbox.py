"""runtime.sandbox: all twins on one port, a control door, books that survive, and no place in production."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from adapters.hotelbeds import VENDOR
from adapters.registry import Registry, SandboxSecrets, connect, vendor_secrets
from domains.booking.ports import Booking, Guest, Offer, Point, Search
from domains.booking.rooming import occupancies
from kernel import clock
from kernel.answer import NotSent, Ok, Unknown
from kernel.http import Http, Reply, Request, json_request
from kernel.secret import SecretMissingError
from runtime.sandbox import Sandbox, app
from runtime.settings import Environment, Settings, SettingsError
from tests.harness.partners import T1


@dataclass
class Running:
    url: str
    control: Http
    registry: Registry

    async def say(self, method: str, path: str, body: object = None) -> Any:
        request = json_request(method, f"/_sandbox{path}", body) if body is not None else Request(method, f"/_sandbox{path}")
        reply: Reply = await self.control.send(request, 10)
        return reply.status, json.loads(reply.body) if reply.body else None

    async def offer(self) -> Offer:
        search = Search(Point(40.6398, -73.7789), 15, clock.now().date(), 1, occupancies(1, 1))
        answer = await self.registry.hotels[VENDOR].search(T1, search)
        assert isinstance(answer, Ok)
        return next(offer for offer in answer.value if not offer.recheck and offer.allotment > 20)

    async def book(self, offer: Offer, reference: str) -> object:
        guest = Guest("Ana", "Doe")
        return await self.registry.hotels[VENDOR].book(T1, Booking(reference, offer, guest, (guest,)))


@asynccontextmanager
async def running(home: Path, rate: float = 100_000) -> AsyncIterator[Running]:
    sandbox = app(Settings(home=home, sandbox_rate=rate, environment=Environment.TEST))
    server = uvicorn.Server(uvicorn.Config(sandbox, log_level="critical", ws="none"))
    listening = socket.create_server(("127.0.0.1", 0))  # callers wait in its queue until the server is up
    serving = asyncio.get_running_loop().create_task(server.serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    made = Running(url, Http(url), connect(SandboxSecrets(), url))
    try:
        yield made
    finally:
        await made.registry.close()
        await made.control.close()
        server.should_exit = True
        await serving


def test_it_refuses_to_run_in_production(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no place in production"):
        app(Settings(home=tmp_path, environment=Environment.PRODUCTION))
    assert not (tmp_path / "sandbox").exists()


async def test_a_cut_connection_is_unknown_and_the_book_tells_what_happened(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        offer = await there.offer()
        for kind, held in (("lost_request", 0), ("lost_answer", 1), ("late", 2)):
            order = {"partner": "hotelbeds", "operation": "book", "kind": kind, "count": 1, "seconds": 0.05}
            assert (await there.say("POST", "/faults", order))[0] == 200
            assert isinstance(await there.book(offer, f"ref-{kind}"), Unknown)
            await there.say("POST", "/settle")
            assert len((await there.say("GET", "/hotelbeds/book"))[1]["bookings"]) == held
        assert (await there.say("GET", "/hotelbeds/calls"))[1]["book"] == 3
        reply = await there.control.send(Request("GET", "/hotelbeds/_sandbox/book"), 10)
        assert len(reply.json()["bookings"]) == 2


async def test_a_restarted_sandbox_still_knows_what_it_holds(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        offer = await there.offer()
        assert isinstance(await there.book(offer, "ref-1"), Ok)
        before = await there.say("GET", "/hotelbeds/book")
    async with running(tmp_path) as there:
        assert await there.say("GET", "/hotelbeds/book") == before
        assert (await there.offer()).allotment == offer.allotment - 1
        assert (await there.say("POST", "/reset", {"partner": "hotelbeds"}))[0] == 204
        assert (await there.offer()).allotment == offer.allotment


async def test_the_limit_is_a_setting_and_can_be_changed(tmp_path: Path) -> None:
    async with running(tmp_path, rate=50) as there:
        assert (await there.say("GET", "/limits"))[1]["hotelbeds"]["calls"] == 50
        assert (await there.say("POST", "/limits", {"partner": "hotelbeds", "calls": 2, "seconds": 60}))[0] == 200
        offer = await there.offer()
        answer = await there.book(offer, "ref-1")
        assert isinstance(answer, NotSent)
        assert answer.retry_after is not None
        assert (await there.say("GET", ""))[1]["hotelbeds"]["refused"] == 1


def test_published_quotas_come_on_request() -> None:
    made = Sandbox(None, published_quotas=True)
    assert "hotelbeds 50 in 86400 s" in made.limits_line()
    assert "pomelo 50 in 1 s" in made.limits_line()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", {"partner": "acme", "kind": "error"}, 400),
        ("POST", "/faults", {"partner": "pomelo", "kind": "nonsense"}, 400),
        ("POST", "/faults", [{"partner": "pomelo", "kind": "error"}, {"partner": "twilio", "kind": "late"}], 200),
        ("DELETE", "/faults", None, 200),
        ("GET", "/acme/book", None, 404),
        ("PUT", "/pomelo/anything", {}, 404),
        ("PUT", "/pss/t1/flights/B6123@20130208", {}, 400),
        ("POST", "/limits", {"partner": "pomelo"}, 400),
        ("POST", "/reset", None, 204),
    ],
)
async def test_the_control_door_answers_clearly(tmp_path: Path, method: str, path: str, body: object, status: int) -> None:
    async with running(tmp_path) as there:
        assert (await there.say(method, path, body))[0] == status


async def test_an_order_that_is_wrong_in_part_orders_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        await there.say("POST", "/faults", [{"partner": "pomelo", "kind": "error"}, {"partner": "acme", "kind": "late"}])
        assert (await there.say("GET", "/faults"))[1]["pomelo"] == []


async def test_a_stranger_gets_a_map(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        reply = await there.control.send(Request("GET", "/nobody"), 5)
        assert reply.status == 404
        assert b"/hotelbeds" in reply.body


def test_secrets_come_from_files_first_and_in_production_from_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(SecretMissingError):
        vendor_secrets(tmp_path, production=True).vendor(T1, VENDOR)
    assert vendor_secrets(None, production=False).vendor(T1, VENDOR)["api_key"].reveal() == "sandbox-t1"
    (tmp_path / "t1" / "vendor").mkdir(parents=True)
    (tmp_path / "t1" / "vendor" / VENDOR).write_text('{"api_key": "real", "secret": "real"}')
    assert vendor_secrets(tmp_path, production=False).vendor(T1, VENDOR)["api_key"].reveal() == "real"
    with pytest.raises(SecretMissingError):
        vendor_secrets(None, production=False).vendor(T1, "acme")
