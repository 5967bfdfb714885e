"""Whether the session that holds a lock is still alive. Liveness only: the lock itself, with its fence, is a row in Postgres.

A session is one open console. It is bound to the gateway process its socket ends in, and lives while both do:

- the gateway beats every second and is dead after six; what it carried then has the grace to come back elsewhere
- a socket that closes, or is silent for twelve seconds, leaves its session eight seconds to come back with its resume token
- a lease of twenty seconds, renewed every five, is the last resort when nothing else noticed

So a lock is free at most 15 seconds after its gateway was killed. The store can forget everything: gateways then write their sessions
again, and for the length of a lease nobody is declared dead, because nobody could know. The same when the store is away. An error here
can only keep a lock too long or free it too early, and the fence makes either harmless.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.clock import monotonic
from kernel.tenancy import Tenant
from kernel.urn import Urn

log = logging.getLogger(__name__)

PING: Final = timedelta(seconds=2)  # the server's ping on every socket
SILENCE: Final = timedelta(seconds=12)  # six pings without an answer
GRACE: Final = timedelta(seconds=8)  # a page reloads, a phone changes cells
BEAT: Final = timedelta(seconds=1)
GATEWAY_DEAD: Final = timedelta(seconds=6)
LEASE: Final = timedelta(seconds=20)
RENEWAL: Final = timedelta(seconds=5)
PATIENCE: Final = timedelta(seconds=2)  # for one exchange with the store; a paused one counts as away
_SINCE: Final = "sessions:since"  # since when the store remembers sessions
_ATTACH, _LEAVE, _RENEW, _AGE = (Path(__file__).with_name(f"lock_{name}.lua").read_text() for name in ("attach", "leave", "renew", "age"))


@dataclass(frozen=True, slots=True)
class Session:
    """One open console. `resume` is shown to its owner once and brings the session back after a cut; `resumed` says that it did."""

    id: str
    resume: str
    operator: Urn
    turn: int
    resumed: bool = False


class Sessions:
    """The sessions whose sockets end in this process, and what can be said of all others."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._gateway = secrets.token_hex(8)  # its epoch too: a restarted gateway is a new one
        self._mine: dict[str, Session] = {}
        self._lost: dict[str, Callable[[], None]] = {}
        self._beating: asyncio.Task[None] | None = None

    @classmethod
    def connect(cls, url: str) -> Self:
        return cls(Redis.from_url(url, health_check_interval=5, socket_connect_timeout=2))

    async def open(self, tenant: Tenant, operator: Urn, *, resume: str | None = None, on_lost: Callable[[], None] | None = None) -> Session:
        """The session that `resume` names, if it is still alive and this operator's; else a new one. Never refuses.

        `on_lost` is called when the session was taken up again through another socket.
        """
        await self._start()
        session = await self._resume(tenant, operator, resume) if resume else None
        if session is None:
            name, token = f"{tenant}.{secrets.token_hex(8)}", secrets.token_urlsafe(24)
            turn = await self._attach(name, "", token, operator) or 1
            session = Session(name, f"{name}.{token}", operator, turn)
        self._drop(session.id)
        self._mine[session.id] = session
        if on_lost is not None:
            self._lost[session.id] = on_lost
        return session

    async def leave(self, session: Session) -> None:
        """Its socket is gone: the grace begins. May be repeated; does nothing to a session that came back meanwhile."""
        if self._mine.get(session.id) == session:
            del self._mine[session.id]
            self._lost.pop(session.id, None)
        with suppress(RedisError, OSError):
            await self._eval(_LEAVE, session.id, str(session.turn), _ms(GRACE))

    async def end(self, session: str) -> None:
        """The operator signed out: dead at once."""
        self._mine.pop(session, None)
        self._lost.pop(session, None)
        with suppress(RedisError, OSError):
            async with _patience():
                await self._redis.delete(_key(session))

    async def owner(self, session: str) -> Urn | None:
        """The operator whose live session this is. A session the store forgot is known while its socket ends here."""
        if session in self._mine:
            return self._mine[session].operator
        try:
            async with _patience():
                operator = await cast("Awaitable[bytes | None]", self._redis.hget(_key(session), "operator"))
        except (RedisError, OSError):
            return None
        return Urn(operator.decode()) if operator else None

    async def alive(self, session: str) -> bool:
        """Whether a lock of this session must be respected. True when nobody can know."""
        return session in await self.alive_of([session])

    async def alive_of(self, sessions: Iterable[str]) -> set[str]:
        """Those of the sessions whose locks must be respected, in two round trips whatever their number."""
        asked = [session for session in dict.fromkeys(sessions) if session]
        if not asked:
            return set()
        try:
            async with _patience():
                return await self._examine(asked)
        except (RedisError, OSError) as error:
            log.warning("liveness is unknown; nobody is declared dead", extra={"error": type(error).__name__})
            return set(asked)

    async def close(self) -> None:
        """Stops beating. Sessions still open have their grace, as if their sockets had closed."""
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
        for session in list(self._mine.values()):
            await self.leave(session)
        await self._redis.aclose()

    async def beat(self) -> None:
        """One beat of this gateway; sessions that the store forgot are written again. Raises: RedisError, OSError."""
        async with _patience(), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(_gateway_key(self._gateway), "1", px=int(_ms(GATEWAY_DEAD + GRACE)))
            pipeline.eval(_AGE, 1, _SINCE)
            _, (began, _) = await pipeline.execute()
        if began:
            await self.renew()

    async def renew(self) -> None:
        """Renews every lease; lets go of sessions that came back through another socket. Raises: RedisError, OSError."""
        sessions = list(self._mine.values())
        async with _patience(), self._redis.pipeline(transaction=False) as pipeline:
            for one in sessions:
                pipeline.eval(_RENEW, 1, _key(one.id), self._gateway, str(one.turn), _digest(one.resume), one.operator, _ms(LEASE))
            kept = await pipeline.execute() if sessions else []
        for session, ours in zip(sessions, kept, strict=True):
            if not ours and self._mine.get(session.id) == session:
                self._drop(session.id)

    async def _resume(self, tenant: Tenant, operator: Urn, resume: str) -> Session | None:
        name, _, token = resume.rpartition(".")
        if not name.startswith(f"{tenant}.") or not await self.alive(name):
            return None  # its locks are free already: it must not look as if they were still held
        turn = await self._attach(name, resume, token, operator)
        return Session(name, resume, operator, turn, resumed=True) if turn else None

    async def _attach(self, name: str, presented: str, token: str, operator: Urn) -> int:
        """The session's turn; 0 when it may not be resumed, or when the store is away: the next renewal then writes it."""
        known = _digest(presented) if presented else ""
        try:
            return int(await self._eval(_ATTACH, name, self._gateway, known, _digest(f"{name}.{token}"), operator, _ms(LEASE)))
        except (RedisError, OSError) as error:
            log.warning("a session could not be written", extra={"error": type(error).__name__})
            return 0

    async def _examine(self, sessions: list[str]) -> set[str]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.eval(_AGE, 1, _SINCE)
            for session in sessions:
                pipeline.hmget(_key(session), ["gateway", "left"])
            (_, age), *found = await pipeline.execute()
        if age < LEASE.total_seconds():
            return set(sessions)
        graced = {session for session, (gateway, left) in zip(sessions, found, strict=True) if gateway and left}
        bound = {session: gateway.decode() for session, (gateway, left) in zip(sessions, found, strict=True) if gateway and not left}
        gateways = list(set(bound.values()))
        beats = await self._redis.mget([_gateway_key(name) for name in gateways]) if gateways else []
        beating = {name for name, beat in zip(gateways, beats, strict=True) if beat}
        return graced | {session for session, gateway in bound.items() if gateway in beating}

    async def _start(self) -> None:
        """The first beat comes before the first session, which would otherwise be born dead."""
        if self._beating is None:
            with suppress(RedisError, OSError):
                await self.beat()
        if self._beating is None:
            self._beating = asyncio.get_running_loop().create_task(self._keep_beating())

    async def _keep_beating(self) -> None:
        """Beats on its own task, so that a busy socket cannot hold it up. Two beats in one second after a pause are harmless."""
        renewed = 0.0
        while True:
            try:
                await self.beat()
                if monotonic() - renewed >= RENEWAL.total_seconds():
                    await self.renew()
                    renewed = monotonic()
            except (RedisError, OSError) as error:
                log.warning("this gateway cannot beat", extra={"error": type(error).__name__})
            await asyncio.sleep(BEAT.total_seconds())

    def _drop(self, session: str) -> None:
        self._mine.pop(session, None)
        lost = self._lost.pop(session, None)
        if lost is not None:
            lost()

    async def _eval(self, script: str, session: str, *arguments: str) -> Any:
        async with _patience():
            return await cast("Awaitable[Any]", self._redis.eval(script, 1, _key(session), *arguments))


def _patience() -> asyncio.Timeout:
    """Not the client's own socket timeout: on Python 3.11 that can swallow a cancellation, and a beat would go on for ever."""
    return asyncio.timeout(PATIENCE.total_seconds())


def _key(session: str) -> str:
    return f"session:{{{session}}}"


def _gateway_key(gateway: str) -> str:
    return f"gateway:{gateway}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _ms(span: timedelta) -> str:
    return str(span // timedelta(milliseconds=1))
