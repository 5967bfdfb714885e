"""A door on a real port, in a task of the test's own loop, and a client that speaks its protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """Gives the port."""
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio", lifespan="off"))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        await server.ready.wait()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


class Client:
    """One socket; pings of the server are answered and not shown."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.pings = 0

    async def send(self, message: object) -> None:
        await self.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                if message["type"] != "ping":
                    return message
                self.pings += 1
                await self.send({"type": "pong"})

    async def init(self, token: str | None = "ana", **payload: Any) -> dict[str, Any]:
        """The payload of the acknowledgement."""
        await self.send({"type": "connection_init", "payload": {"token": token, **payload}})
        message = await self.receive()
        assert message["type"] == "connection_ack"
        return dict(message["payload"])

    async def subscribe(self, id: str, query: str, **variables: Any) -> None:
        await self.send({"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables}})

    async def answer_pings(self, count: int) -> None:
        while self.pings < count:
            async with asyncio.timeout(10):
                assert json.loads(await self.socket.recv())["type"] == "ping"
            self.pings += 1
            await self.send({"type": "pong"})

    async def closed(self, *, answering: bool = True) -> int | None:
        """The code with which the server closes."""
        with suppress(ConnectionClosed):
            while answering:
                await self.receive()
        async with asyncio.timeout(10):
            await self.socket.wait_closed()
        return self.socket.close_code


@asynccontextmanager
async def socket(port: int, path: str = "/graphql", *, protocol: str = "graphql-transport-ws") -> AsyncIterator[Client]:
    async with connect(f"ws://127.0.0.1:{port}{path}", subprotocols=[Subprotocol(protocol)], ping_interval=None, max_queue=None) as opened:
        yield Client(opened)


@asynccontextmanager
async def visiting(app: Starlette, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of its own at the door's address; follows nothing by itself."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=url) as client:
        yield client
