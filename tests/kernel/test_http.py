"""kernel.http: whether a byte may have been written is all that its errors say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest
import respx

from kernel import http
from kernel.http import Broken, Http, Reply, Request, Unintelligible, Unreachable, form_request, json_request, read_json, write_json

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(guarded, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        listening.close()


async def heard(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_nothing_was_written_when_no_connection_was_there(error: type[httpx.TransportError]) -> None:
    with respx.mock() as mock:
        mock.post("http://partner/x").mock(side_effect=error("no"))
        with pytest.raises(Unreachable):
            await Http("http://partner").send(Request("POST", "/x"), 1)


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.ReadError, httpx.WriteTimeout, httpx.WriteError, httpx.RemoteProtocolError, httpx.DecodingError]
)
async def test_something_may_have_been_written_in_every_other_case(error: type[httpx.HTTPError]) -> None:
    with respx.mock() as mock:
        mock.post("http://partner/x").mock(side_effect=error("no"))
        with pytest.raises(Broken):
            await Http("http://partner").send(Request("POST", "/x"), 1)


async def test_a_closed_port_is_unreachable() -> None:
    async with server(lambda reader, writer: asyncio.sleep(0)) as url:
        pass
    with pytest.raises(Unreachable):
        await Http(url).send(Request("GET", "/"), 2)


async def test_a_connection_that_is_accepted_and_closed_is_broken() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)

    async with server(serve) as url:
        with pytest.raises(Broken):
            await Http(url).send(Request("POST", "/", body=b"{}"), 2)


async def test_a_kept_connection_that_dies_under_the_second_request_is_broken() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(ANSWER)
        await heard(reader)

    async with server(serve) as url:
        door = Http(url)
        assert (await door.send(Request("GET", "/"), 2)).body == b"ok"
        with pytest.raises(Broken):
            await door.send(Request("POST", "/"), 2)
        await door.close()


async def test_half_an_answer_is_broken() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()

    async with server(serve) as url:
        with pytest.raises(Broken):
            await Http(url).send(Request("POST", "/"), 2)


async def test_a_deadline_after_the_request_went_out_is_broken() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        await asyncio.sleep(30)

    async with server(serve) as url:
        with pytest.raises(Broken):
            await Http(url).send(Request("POST", "/"), 0.2)


async def test_an_answer_that_trickles_does_not_stretch_the_deadline() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b".")
            await asyncio.sleep(0.05)

    async with server(serve) as url:
        with pytest.raises(Broken):
            await asyncio.wait_for(Http(url).send(Request("GET", "/"), 0.3), 10)


async def test_an_answer_beyond_the_limit_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_LIMIT", 10)
    with respx.mock() as mock:
        mock.get("http://partner/").respond(200, content=b"x" * 11)
        with pytest.raises(Broken):
            await Http("http://partner").send(Request("GET", "/"), 1)


async def test_an_error_of_the_operating_system_in_process_is_broken() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        raise ConnectionResetError

    with pytest.raises(Broken):
        await Http("http://twin", app=app).send(Request("POST", "/"), 1)


async def test_a_redirect_is_not_followed_and_a_proxy_of_the_environment_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    async with server(serve) as url:
        assert (await Http(url).send(Request("GET", "/"), 2)).status == 302


async def test_headers_come_back_in_lower_case_and_forms_go_out_encoded() -> None:
    with respx.mock() as mock:
        sent = mock.post("http://partner/f").respond(201, headers={"X-Thing": "1"}, json={})
        reply = await Http("http://partner/").send(form_request("/f", {"To": "+1 2", "Body": "é&="}), 1)
    assert reply.headers["x-thing"] == "1"
    assert sent.calls[0].request.content == b"To=%2B1+2&Body=%C3%A9%26%3D"


def test_numbers_with_a_fraction_are_read_from_their_own_digits() -> None:
    assert read_json(b'{"a": 10.10, "b": 3}') == {"a": Decimal("10.10"), "b": 3}
    assert str(read_json(b"10.10")) == "10.10"


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a": Infinity}', b"\xff\xfe{", b"[" * 100_000, b"<html>"])
def test_what_is_not_json_is_unintelligible(body: bytes) -> None:
    with pytest.raises(Unintelligible):
        read_json(body)


def test_a_decimal_is_never_written_as_a_float() -> None:
    with pytest.raises(TypeError):
        write_json({"amount": Decimal("10.10")})
    assert json_request("POST", "/", {"name": "Zoë"}).body == '{"name":"Zoë"}'.encode()


def test_evidence_carries_no_content() -> None:
    reply = Reply(500, {}, b'{"name": "ANA DOE"}')
    assert set(reply.evidence()) == {"status", "bytes", "digest"}
    assert "ANA" not in str(reply.evidence())
