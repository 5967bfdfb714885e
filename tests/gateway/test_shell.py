"""Every door says no in one way: what is away is asked for again, what broke is written down."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.shell import AWAY, shell


def a_door_that_raises(error: Exception) -> httpx.AsyncClient:
    async def answer(request: Request) -> Response:
        raise error

    app = shell([Route("/", answer)], checks={})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "secret-marker"), TimeoutError("secret-marker")])
async def test_a_store_that_is_away_is_to_be_asked_again(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async with a_door_that_raises(error) as client:
        response = await client.get("/")
    assert response.status_code == 503
    assert response.headers["retry-after"] == str(AWAY)
    assert response.json()["code"] == "TRY_AGAIN"
    assert "secret-marker" not in response.text + caplog.text


async def test_what_broke_is_a_500_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with a_door_that_raises(RuntimeError("secret-marker")) as client:
        response = await client.get("/")
    assert response.status_code == 500
    assert "secret-marker" not in response.text
    assert "secret-marker" in caplog.text
