"""The people and systems at the three front doors of a running site, each with nothing but a token and what the doors publish."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from kernel.http import Http, Reply, Request, form_request, json_request
from runtime.supervisor import ROOT

WITHIN: Final = 30.0  # seconds for one answer
PATIENCE: Final = 120.0  # seconds for a push that must come
GRAPHQL: Final = "application/graphql-response+json"
DOCUMENTS: Final = ROOT / "schema" / "documents"

T = TypeVar("T")


class UnexpectedError(AssertionError):
    """A door answered otherwise than it promises."""


def expect(condition: object, said: object) -> None:
    """Raises: UnexpectedError with what was said, unless the condition holds."""
    if not condition:
        raise UnexpectedError(said)


def document_id(audience: str, name: str) -> str:
    """The id of a trusted document, as anybody computes it."""
    return "sha256:" + hashlib.sha256((DOCUMENTS / audience / f"{name}.graphql").read_bytes()).hexdigest()


def data_of(reply: Reply) -> dict[str, Any]:
    """What a GraphQL answer says. Raises: UnexpectedError when it says no."""
    body = json.loads(reply.body)
    expect(reply.status == 200 and not body.get("errors"), (reply.status, body))
    data: dict[str, Any] = body["data"]
    return data


def refused(reply: Reply, *, at: Sequence[int] = (400,)) -> str:
    """The code of a refusal that is typed and says something. Raises: UnexpectedError for anything else."""
    expect(reply.status in at, (reply.status, reply.body[:300]))
    body = json.loads(reply.body)
    if "problem+json" in reply.headers["content-type"]:
        expect(body["title"], body)
        return str(body["code"])
    first = body["errors"][0]
    expect(first["message"], body)
    return str(first["extensions"]["code"])


def _cookie(reply: Reply, name: str) -> str:
    """A cookie that was set, as it is sent back."""
    found = re.search(rf"{name}=[^;]+", reply.headers.get("set-cookie", ""))
    if found is None:
        raise UnexpectedError((reply.status, reply.body[:300]))
    return found[0]


@dataclass
class Caller:
    """Somebody with a token at one door. `host` is the name the door is called by, where that matters."""

    http: Http
    token: str
    host: str | None = None

    def headers(self, **more: str) -> dict[str, str]:
        said = {"authorization": f"Bearer {self.token}"} if self.token else {}
        if self.host:
            said["host"] = self.host
        return {**said, **more}

    async def send(self, request: Request) -> Reply:
        """The request as it is, with this caller's token and host."""
        return await self.http.send(request.with_headers({**self.headers(), **request.headers}), WITHIN)

    async def post(self, path: str, body: object, **headers: str) -> Reply:
        return await self.send(json_request("POST", path, body, headers))

    async def get(self, path: str, query: Mapping[str, str] | None = None, **headers: str) -> Reply:
        return await self.send(Request("GET", path, headers, tuple((query or {}).items())))

    async def close(self) -> None:
        await self.http.close()


class OperatorCaller(Caller):
    """An operator without the console: GraphQL over HTTP, and sockets."""

    async def sign_in(self, tenant: str, person: str) -> None:
        """As the console does it: off to the provider, back with a code, and a token for the cookie. `host` is the door's own name."""
        away = await self.get("/auth/login", {"next": "/"})
        attempt, there = _cookie(away, "nexa_signin"), urlsplit(away.headers["location"])
        back = await self.send(form_request(f"{there.path}?{there.query}", {"tenant": tenant, "person": person}))
        code = urlsplit(back.headers["location"])
        arrived = await self.get(f"{code.path}?{code.query}", cookie=attempt)
        token = await self.get("/auth/token", cookie=_cookie(arrived, "nexa_refresh"))
        expect(token.ok, (token.status, token.body))
        self.token = json.loads(token.body)["token"]

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The answer's data. Raises: UnexpectedError when it has errors."""
        return data_of(await self.said(document, **variables))

    async def said(self, document: str, **variables: Any) -> Reply:
        """The whole answer."""
        return await self.post("/graphql", {"query": document, "variables": variables}, accept=GRAPHQL)

    @asynccontextmanager
    async def socket(self, *, token: str | None = None) -> AsyncIterator[Socket]:
        """An open console: one live session."""
        async with raw_socket(self.http.base_url) as connection:
            socket = Socket(connection)
            await socket.begin(self.token if token is None else token)
            try:
                yield socket
            finally:
                await socket.end()


@asynccontextmanager
async def raw_socket(url: str, protocol: str = "graphql-transport-ws") -> AsyncIterator[ClientConnection]:
    """A socket on which nothing has been said."""
    there = f"{url.replace('http', 'ws', 1)}/graphql"
    async with connect(there, subprotocols=[Subprotocol(protocol)], ping_interval=None, max_queue=None, open_timeout=WITHIN) as made:
        yield made


@dataclass
class Stream:
    """What one operation on a socket is told."""

    name: str
    _told: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    def put(self, message: dict[str, Any]) -> None:
        self._told.put_nowait(message)

    async def message(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next message of the protocol. Raises: TimeoutError."""
        async with asyncio.timeout(seconds):
            return await self._told.get()

    async def next(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next value of the subscription's field. Raises: UnexpectedError for anything else."""
        message = await self.message(seconds)
        expect(message["type"] == "next", (self.name, message))
        payload = message["payload"]
        expect(not payload.get("errors"), (self.name, payload))
        value: dict[str, Any] = next(iter(payload["data"].values()))
        return value

    async def until(self, find: Callable[[dict[str, Any]], T | None]) -> T:
        """What `find` sees in the first value that has it; what comes before is passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = find(await self.next())
                if found:
                    return found


class Socket:
    """One live session. Pings are answered; every operation has its own stream."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._streams: dict[str, Stream] = {}
        self._ids = map(str, itertools.count(1))
        self._reading: asyncio.Task[None] | None = None
        self.session = ""

    async def begin(self, token: str) -> None:
        """Signs in. Raises: UnexpectedError when the door does not acknowledge."""
        await self.send({"type": "connection_init", "payload": {"token": token}})
        async with asyncio.timeout(WITHIN):
            ack = json.loads(await self._connection.recv())
        expect(ack["type"] == "connection_ack", ack)
        self.session = ack["payload"]["session"]
        self._reading = asyncio.create_task(self._read())

    async def end(self) -> None:
        if self._reading:
            self._reading.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await self._reading

    async def send(self, message: object) -> None:
        await self._connection.send(json.dumps(message))

    async def listen(self, document: str, **variables: Any) -> Stream:
        """Begins a subscription."""
        id = next(self._ids)
        stream = self._streams[id] = Stream(id)
        await self.send({"id": id, "type": "subscribe", "payload": {"query": document, "variables": variables}})
        return stream

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """A query or mutation as this session. Raises: UnexpectedError when its answer has errors."""
        message = await (await self.listen(document, **variables)).message(WITHIN)
        expect(message["type"] == "next", message)
        expect(not message["payload"].get("errors"), message)
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def _read(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            if message["type"] == "ping":
                await self.send({"type": "pong"})
            elif stream := self._streams.get(message.get("id", "")):
                stream.put(message)


class PartnerCaller(Caller):
    """An airline's system at `/partner/v1`."""

    async def push(self, body: object) -> Reply:
        return await self.post("/partner/v1/disruptions", body)

    async def cases(self, **query: str) -> Reply:
        return await self.get("/partner/v1/cases", query)

    async def case(self, urn: str) -> Reply:
        return await self.get(f"/partner/v1/cases/{quote(urn, safe='')}")

    async def trusted(self, name: str, variables: Mapping[str, Any]) -> Reply:
        """A trusted document at `/partner/graphql`."""
        asked = {"documentId": document_id("partner", name), "variables": variables}
        return await self.post("/partner/graphql", asked, accept=GRAPHQL)


class PassengerCaller(Caller):
    """A phone: nothing but the link of a text."""

    async def open(self, link: str, nonce: str = "") -> Reply:
        """Follows the link, once; afterwards this caller is signed in when the door said so. With a nonce it may insist."""
        self.host = urlsplit(link).netloc
        token = parse_qs(urlsplit(link).query)["token"][0]
        reply = await self.post("/session", {"token": token, **({"nonce": nonce} if nonce else {})})
        if reply.ok:
            self.token = json.loads(reply.body)["sessionToken"]
        return reply

    async def trusted(self, name: str, **variables: Any) -> Reply:
        asked = {"documentId": document_id("passenger", name), "variables": variables}
        return await self.post("/graphql", asked, accept=GRAPHQL)

    async def trip(self) -> dict[str, Any]:
        trip: dict[str, Any] = data_of(await self.get("/graphql", {"documentId": document_id("passenger", "offer")}, accept=GRAPHQL))[
            "myTrip"
        ]
        return trip

    async def answer(self, name: str, version: int) -> dict[str, Any]:
        """`accept` or `decline`; what the door says to it."""
        answered: dict[str, Any] = next(iter(data_of(await self.trusted(name, snapshotVersion=version)).values()))
        return answered
