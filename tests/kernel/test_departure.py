"""kernel.departure: the first byte leaves within the second, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import httpx
import respx

from kernel import clock, departure
from kernel.answer import NotSent, Ok, Unknown
from kernel.http import Http, Reply, Request
from kernel.operation import Class
from kernel.partner import TOO_LATE, PartnerClient, PartnerOperation, Sheet
from kernel.tenancy import Tenant

T1 = Tenant("t1")
SECOND = timedelta(seconds=1)
MAKE = PartnerOperation(Class.C, timedelta(seconds=5), timedelta(seconds=60), stays="a toy")
SHEET = Sheet("acme", "things", "none", {"make": MAKE})


def alive() -> bool:
    return True


def understand(reply: Reply) -> str:
    return str(reply.json()["id"])


async def make() -> tuple[object, int]:
    with respx.mock(assert_all_called=False) as mock:
        route = mock.post("http://acme/make").respond(200, json={"id": "x"})
        said = await PartnerClient(SHEET, Http("http://acme")).ask(T1, "make", Request("POST", "/make"), understand)
        return said, route.call_count


def test_nobody_is_held_to_a_limit_that_nobody_set() -> None:
    assert departure.left() is None
    assert not departure.too_late()


async def test_in_time_it_is_sent() -> None:
    with departure.departing(SECOND, clock.monotonic(), alive):
        assert await make() == (Ok("x"), 1)


async def test_a_second_after_the_commit_nothing_leaves() -> None:
    with departure.departing(SECOND, clock.monotonic() - 1.0, alive):
        assert await make() == (NotSent(TOO_LATE), 0)


async def test_nothing_leaves_a_worker_that_others_take_for_dead() -> None:
    with departure.departing(SECOND, clock.monotonic(), lambda: False):
        assert departure.left() == 0.0
        assert await make() == (NotSent(TOO_LATE), 0)


async def test_what_follows_the_first_exchange_has_a_second_of_its_own() -> None:
    with departure.departing(timedelta(seconds=0.1), clock.monotonic(), alive):
        assert await make() == (Ok("x"), 1)
        await asyncio.sleep(0.15)
        assert await make() == (Ok("x"), 1)


async def test_a_sign_in_that_took_too_long_sends_nothing_and_is_there_for_the_next_try() -> None:
    tokens = 0

    async def sign_in(fresh: bool) -> Mapping[str, str] | NotSent | Unknown:
        nonlocal tokens
        tokens += 1
        departure.begun()  # the exchange that fetched the token
        await asyncio.sleep(0.12)
        return {"authorization": "Bearer x"}

    client = PartnerClient(SHEET, Http("http://acme"))
    with respx.mock(assert_all_called=False) as mock:
        route = mock.post("http://acme/make").mock(return_value=httpx.Response(200, json={"id": "x"}))
        with departure.departing(timedelta(seconds=0.1), clock.monotonic(), alive):
            said = await client.ask(T1, "make", Request("POST", "/make"), understand, sign_in=sign_in)
    assert (said, route.call_count, tokens) == (NotSent(TOO_LATE), 0, 1)
