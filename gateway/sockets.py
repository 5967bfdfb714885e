"""GraphQL over WebSocket (graphql-transport-ws), strictly. Every message is shape-checked; a wrong one closes the socket with its code:

4400 not a message of the protocol · 4401 subscribed before being acknowledged · 4403 the token is not good (any more) · 4406 another
protocol · 4408 silent: no init within 3 s, no sign of life for 12 s, or too slow to read · 4409 an id used twice · 4429 a second init, or
too many operations at once.

The token comes in `connection_init` as `{"token": …, "resume": …}`; the acknowledgement carries `{"session", "resume", "resumed"}`. A ping
with `{"token": …}` renews the token of an open socket. Each socket is one live session (`kernel.lock`): it outlives the socket by its grace
and is taken up again by whoever presents its resume token.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import orjson
from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway.answer import INTERNAL, BadRequest, DoorRefusal, Unauthenticated, errors
from gateway.documents import Documents
from gateway.edge import Asked, read_json, shaped
from gateway.engine import Answer, Engine, Invalid, streams
from gateway.fanout import Fanout, Reader
from kernel.clock import monotonic, now
from kernel.identity import Operator
from kernel.lock import PING, SILENCE, Session, Sessions
from resolvers.context import Context

log = logging.getLogger(__name__)

PROTOCOL: Final = "graphql-transport-ws"
OPERATIONS: Final = 100  # at once on one socket; the console needs 8
BACKLOG: Final = 1_000  # messages a slow reader may fall behind; at ten batches a second this is more than a minute
MESSAGE_LIMIT: Final = 256 * 1024  # characters


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a socket is waited for."""

    init: timedelta = timedelta(seconds=3)
    ping: timedelta = PING
    silence: timedelta = SILENCE


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whom a token names, and until when."""

    operator: Operator
    until: datetime


SignIn = Callable[[str], Awaitable[SignedIn]]


class MakeContext(Protocol):
    def __call__(self, identity: Operator, headers: Headers | None = None) -> Context: ...


class Closing(Exception):  # a way out of the loop, not a failure
    """The socket is closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


class SocketDoor:
    """One address for sockets of operators."""

    def __init__(
        self,
        engine: Engine,
        sign_in: SignIn,
        sessions: Sessions,
        context: MakeContext,
        *,
        documents: Documents | None = None,
        patience: Patience = Patience(),
    ) -> None:
        self.patience = patience
        self.engine, self.sign_in, self.sessions, self.context, self.documents = engine, sign_in, sessions, context, documents
        self.fanout = Fanout(engine, lambda identity: context(identity) if isinstance(identity, Operator) else _refuse())
        self._open: set[_Connection] = set()

    async def serve(self, websocket: WebSocket) -> None:
        """An endpoint for Starlette's routes."""
        if PROTOCOL not in websocket.scope.get("subprotocols", []):
            await websocket.accept()
            await websocket.close(4406, f"Speak {PROTOCOL}.")
            return
        await websocket.accept(PROTOCOL)
        connection = _Connection(self, websocket)
        self._open.add(connection)
        try:
            await connection.live()
        finally:
            self._open.discard(connection)

    async def close(self) -> None:
        """Ends every subscription; the server then closes the sockets."""
        for connection in list(self._open):
            connection.leave(1001, "The server is going away.")
        await self.fanout.close()


class _Connection:
    """One socket: a reader of messages, a writer, and a watch over its life."""

    def __init__(self, door: SocketDoor, websocket: WebSocket) -> None:
        self._door, self._websocket = door, websocket
        self._out: asyncio.Queue[str] = asyncio.Queue(BACKLOG)
        self._running: dict[str, Callable[[], object]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = monotonic()
        self._signed: SignedIn | None = None
        self._session: Session | None = None
        self._initialised = False
        self._closing: asyncio.Future[Closing] = asyncio.get_running_loop().create_future()

    async def live(self) -> None:
        """Until one of the three ends, or somebody says `leave`; then everything of this socket ends, and its session has its grace."""
        parts = [asyncio.create_task(part) for part in (self._read(), self._write(), self._watch())]
        ways: list[asyncio.Future[Any]] = [*parts, self._closing]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            closing = self._closing.result() if self._closing.done() else await _reason(parts)
            if closing is not None and self._websocket.application_state is WebSocketState.CONNECTED:
                with suppress(RuntimeError, OSError, WebSocketDisconnect):
                    await self._websocket.close(closing.code, closing.reason)
        finally:
            for task in [*parts, *self._tasks]:
                task.cancel()
            for stop in list(self._running.values()):
                stop()
            await asyncio.gather(*parts, *self._tasks, return_exceptions=True)
            if self._session is not None:
                await self._door.sessions.leave(self._session)

    def leave(self, code: int, reason: str) -> None:
        if not self._closing.done():
            self._closing.set_result(Closing(code, reason))

    async def _read(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._heard = monotonic()
            text = message.get("text")
            if text is None or len(text) > MESSAGE_LIMIT:
                raise Closing(4400, "Messages are text, and not that long.")
            await self._take(text)

    async def _take(self, text: str) -> None:
        try:
            message = read_json(text.encode())
        except (BadRequest, UnicodeEncodeError):
            raise Closing(4400, "A message is one JSON object.") from None
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "connection_init":
            await self._init(_payload(message))
        elif kind == "subscribe":
            self._subscribe(_id(message), message.get("payload"))
        elif kind == "complete":
            if stop := self._running.pop(_id(message), None):
                stop()
        elif kind == "ping":
            payload = _payload(message)
            await self._renew(payload)
            self._say({"type": "pong"})
        elif kind != "pong":
            raise Closing(4400, "A message has a type of the protocol.")

    async def _init(self, payload: Mapping[str, Any]) -> None:
        if self._initialised:
            raise Closing(4429, "Too many initialisation requests")
        self._initialised = True
        signed = await self._sign_in(payload)
        if signed is None:
            raise Closing(4403, "Sign in first.")
        resume = payload.get("resume")
        operator = signed.operator
        session = await self._door.sessions.open(
            operator.tenant,
            operator.urn,
            resume=resume if isinstance(resume, str) else None,
            on_lost=lambda: self.leave(4403, "The session went on elsewhere."),
        )
        self._session, self._signed = session, replace(signed, operator=replace(operator, session=session.id))
        self._say({"type": "connection_ack", "payload": {"session": session.id, "resume": session.resume, "resumed": session.resumed}})

    async def _renew(self, payload: Mapping[str, Any]) -> None:
        """A newer token of the same operator lets the socket live on."""
        if self._signed is None or "token" not in payload:
            return
        signed, mine = await self._sign_in(payload), self._signed.operator
        if signed is None or (signed.operator.tenant, signed.operator.urn) != (mine.tenant, mine.urn):
            raise Closing(4403, "The token is not this operator's.")
        if (signed.operator.role, signed.operator.airports) != (mine.role, mine.airports):
            raise Closing(4403, "Your rights have changed; connect again.")
        self._signed = replace(signed, operator=mine)

    async def _sign_in(self, payload: Mapping[str, Any]) -> SignedIn | None:
        token = payload.get("token") or str(payload.get("authorization", "")).removeprefix("Bearer ")
        try:
            return await self._door.sign_in(token) if isinstance(token, str) and token else None
        except Unauthenticated:
            return None
        except DoorRefusal as refusal:
            raise Closing(4403, refusal.message[:120]) from None

    def _subscribe(self, id: str, payload: object) -> None:
        if self._signed is None:
            raise Closing(4401, "Unauthorized")
        if id in self._running:
            raise Closing(4409, f"Subscriber for {id[:60]} already exists")
        if len(self._running) >= OPERATIONS:
            raise Closing(4429, "Too many operations at once.")
        try:
            asked = shaped(payload)
        except BadRequest as refusal:
            raise Closing(4400, refusal.message[:120]) from None
        try:
            self._start(id, asked, self._signed.operator)
        except Invalid as invalid:
            self._error(id, invalid.answer)

    def _start(self, id: str, asked: Asked, operator: Operator) -> None:
        """Raises: Invalid."""
        prepared = self._door.engine.prepare(self._text(asked))
        if not streams(prepared.operation(asked.operation)):
            task = asyncio.create_task(self._answer(id, asked, prepared, operator))
            self._running[id] = task.cancel
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        head = f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":'
        self._running[id] = lambda: None

        def reader(after: str | None) -> Reader:
            return Reader(lambda text: self._put(f"{head}{text}}}"), lambda said: self._end(id, said), after)

        self._running[id] = self._door.fanout.join(prepared, asked.operation, asked.variables, operator, reader)

    async def _answer(self, id: str, asked: Asked, prepared: Any, operator: Operator) -> None:
        try:
            answer = await self._door.engine.run(prepared, asked.variables, asked.operation, self._door.context(operator))
        except Exception as error:
            log.error("an operation broke", exc_info=error)
            answer = errors(INTERNAL, "INTERNAL")
        if self._running.pop(id, None) is None:
            return
        if "data" in answer:
            self._say({"id": id, "type": "next", "payload": answer})
            self._say({"id": id, "type": "complete"})
        else:
            self._say({"id": id, "type": "error", "payload": answer["errors"]})

    def _text(self, asked: Asked) -> str:
        """Raises: Invalid."""
        if asked.query is not None:
            return asked.query
        document = self._door.documents.find(asked.document_id or "") if self._door.documents else None
        if document is None:
            raise Invalid.because("No trusted document has this id.", "PERSISTED_DOCUMENT_NOT_FOUND")
        return document.text

    def _error(self, id: str, answer: Answer) -> None:
        self._say({"id": id, "type": "error", "payload": answer["errors"]})

    def _end(self, id: str, said: Answer | None) -> None:
        """A shared subscription is over."""
        if self._running.pop(id, None) is None:
            return
        if said is None:
            self._say({"id": id, "type": "complete"})
        else:
            self._error(id, said)

    def _say(self, message: Mapping[str, Any]) -> None:
        self._put(orjson.dumps(message).decode())

    def _put(self, text: str) -> None:
        try:
            self._out.put_nowait(text)
        except asyncio.QueueFull:
            self.leave(4408, "Too slow; connect again.")

    async def _write(self) -> None:
        while True:
            await self._websocket.send_text(await self._out.get())

    async def _watch(self) -> None:
        """Never trusts the transport to notice a dead peer: it may take a quarter of an hour."""
        patience = self._door.patience
        await asyncio.sleep(patience.init.total_seconds())
        if self._signed is None:
            raise Closing(4408, "Connection initialisation timeout")
        while True:
            if monotonic() - self._heard > patience.silence.total_seconds():
                raise Closing(4408, "Nothing was heard from you.")
            if self._signed.until <= now():
                raise Closing(4403, "The token has expired; connect again.")
            self._say({"type": "ping"})
            await asyncio.sleep(patience.ping.total_seconds())


async def _reason(parts: list[asyncio.Task[None]]) -> Closing | None:
    """Why the first part ended; None when the other side went away."""
    for part in parts:
        if part.done():
            error = part.exception()
            if isinstance(error, Closing):
                return error
            if error is not None and not isinstance(error, (WebSocketDisconnect, OSError)):
                log.error("a socket broke", exc_info=error)
                return Closing(1011, "Something went wrong here.")
    return None


def _id(message: Mapping[str, Any]) -> str:
    found = message.get("id")
    if not isinstance(found, str) or not found or len(found) > 200:
        raise Closing(4400, "An operation has an id, a text.")
    return found


def _payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    found = message.get("payload")
    if found is not None and not isinstance(found, dict):
        raise Closing(4400, "A payload is an object.")
    return found or {}


def _refuse() -> Context:
    raise TypeError("only operators subscribe")
