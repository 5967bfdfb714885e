"""Performing claimed operations: send, look up, verify; and writing what became of them under the claim's fence.

A claimed intent is already committed as SENT, so a death from here on leaves an unknown and never a second send. What was claimed too long
ago is not sent any more: it may have been taken over meanwhile. That holds up to the first byte, past a sign-in and the wait for a slot.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import orjson
from sqlalchemy import Row, text

from kernel.answer import Answer, NotSent, Ok, Unknown
from kernel.bell import Bell
from kernel.claim import Claim
from kernel.clock import monotonic
from kernel.database import Database
from kernel.departure import departing
from kernel.operation.declaration import PENDING, Operation, OperationRow, Operations, State
from kernel.operation.intent import COLUMNS, read_row
from kernel.operation.resolution import (
    Moment,
    Move,
    after_death,
    after_look,
    after_send,
    after_stumble,
    after_verify,
    line,
    overdue,
    resend,
    to_verify,
    written,
)
from kernel.operation.review import review, settle
from kernel.operation.together import Together
from kernel.patience import patiently
from kernel.presence import Presence
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

log = logging.getLogger(__name__)

SEND_WITHIN: Final = timedelta(seconds=1)  # of the commit that says it is in flight
SOON: Final = timedelta(minutes=1)  # what is due later is left to the sweep: a timer for each would only fill memory
VERIFY_TRIES: Final = 20  # unclear answers after which a verification is left out

_LOAD = text(f"""
    select {COLUMNS} from operation where tenant = :tenant and owner = :me
      and (urn, fence) in (select * from unnest(cast(:urns as text[]), cast(:fences as bigint[])))
""")
_MINE = text(f"""
    select {COLUMNS}, nexa_now() as now from operation
    where tenant = :tenant and owner = :me
      and (urn, fence) in (select * from unnest(cast(:urns as text[]), cast(:fences as bigint[])))
    order by urn for update
""")
_RESEND = text("""
    update operation set state = 'SENT', sends = sends + 1, sent_at = nexa_now(), version = version + 1
    where tenant = :tenant and urn = :urn and fence = :fence and owner = :me returning sends, version
""")
_WRITE = text("""
    update operation o set state = t.state, reference = t.reference, given_up = t.given_up, sends = t.sends, waits = t.waits,
        looks = t.looks, verified = t.verified, deaths = t.deaths, unknown_at = t.unknown_at, watched_at = t.watched_at, told = t.told,
        journal = t.journal, ended_at = case when t.ended then coalesce(o.ended_at, nexa_now()) end,
        due = nexa_now() + make_interval(secs => t.after), owner = null, version = o.version + 1
    from jsonb_to_recordset(cast(:rows as jsonb)) as t(
        urn text, fence bigint, version bigint, state text, reference text, given_up text[], sends int, waits int, looks int, verified int,
        deaths int, unknown_at timestamptz, watched_at timestamptz, told text, journal jsonb, ended bool, after float8)
    where o.tenant = :tenant and o.urn = t.urn and o.fence = t.fence and o.version = t.version and o.owner = :me
    returning o.urn
""")

Decide = Callable[[OperationRow, Moment], Move]
Tell = Callable[[Work, Operation[Any, Any], OperationRow, OperationRow, Answer[Any]], Awaitable[None]]
Held = Mapping[Urn, tuple[OperationRow, Moment]]
Also = Callable[[Work, Move], Awaitable[None]]
Ask = Callable[[Any, OperationRow], Awaitable[Answer[Any]]]


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done with a row, and how it is decided what that means. `also` runs in the same transaction."""

    operation: Operation[Any, Any]
    row: OperationRow
    did: str
    answer: Answer[Any] | None
    decide: Decide
    also: Also | None


class OperationRunner:
    """Performs the operations of one domain as one worker."""

    def __init__(
        self, database: Database, operations: Operations, ports: Any, presence: Presence, bell: Bell, *, scale: float,
        draw: Callable[[float], float] = lambda seconds: random.uniform(0, seconds),
    ) -> None:  # fmt: skip
        self.database, self.operations, self.ports, self.presence, self.bell = database, operations, ports, presence, bell
        self.scale, self.draw = scale, draw
        self._together = Together(self._commit, self._commit_alone)

    async def load(self, tenant: Tenant, claims: Sequence[Claim]) -> list[OperationRow]:
        """The claimed rows that are still ours."""
        urns, fences = [str(claim.urn) for claim in claims], [claim.fence for claim in claims]
        facts = {"tenant": tenant, "me": self.presence.me, "urns": urns, "fences": fences}
        async with self.database.read(tenant) as connection:
            return [read_row(row) for row in (await connection.execute(_LOAD, facts)).mappings()]

    async def perform(self, row: OperationRow, claimed_at: float) -> None:
        """Does what is due, and writes what became of it. `claimed_at` is a monotonic instant before the claim's commit."""
        operation = self.operations[row.name]
        if row.state is State.SENT:
            await self._send(operation, row, claimed_at)
        elif row.state is State.UNKNOWN and resend(operation, row):
            await self._resend(operation, row)
        elif row.state is State.UNKNOWN:
            await self._look(operation, row)
        else:
            await self._verify(operation, row)

    async def take_over(self, row: OperationRow) -> None:
        """What a dead worker left: a send of which nobody knows, or something that was only to be looked at."""
        operation = self.operations[row.name]
        await self._finish(operation, row, "death", None, lambda mine, moment: after_death(operation, mine, moment))

    async def _send(self, operation: Operation[Any, Any], row: OperationRow, claimed_at: float) -> None:
        answer: Answer[Any]
        if monotonic() - claimed_at > SEND_WITHIN.total_seconds() or not self.presence.alive:
            answer = NotSent("it was taken too long ago to be sent", timedelta(0))
        else:
            with departing(SEND_WITHIN, claimed_at, lambda: self.presence.alive):
                answer = await self._ask(operation, operation.send, row)
        await self._finish(operation, row, "send", answer, lambda mine, moment: after_send(operation, mine, answer, moment))

    async def _resend(self, operation: Operation[Any, Any], row: OperationRow) -> None:
        """The same key or unique reference once more, committed as in flight before it goes."""

        async def commit() -> tuple[float, Row[Any] | None]:
            claimed_at = monotonic()
            async with self.database.work(row.tenant, correlation=row.correlation) as work:
                return claimed_at, (await work.execute(_RESEND, self._key(row))).one_or_none()

        claimed_at, now = await patiently(commit, self.database.name, row.tenant)
        if now is not None:
            await self._send(operation, replace(row, state=State.SENT, sends=now.sends, version=now.version), claimed_at)

    async def _look(self, operation: Operation[Any, Any], row: OperationRow) -> None:
        answer = await self._ask(operation, _known_as(operation, row) or operation.look_up, row)
        await self._finish(operation, row, "look-up", answer, lambda mine, moment: after_look(operation, mine, answer, moment))

    async def _verify(self, operation: Operation[Any, Any], row: OperationRow) -> None:
        """Asks what is held under every reference that ever went out, and tells the operation's `verify`."""
        found: dict[str, Any] = {}
        for reference in to_verify(operation, row):
            answer = await self._ask(operation, operation.look_up, replace(row, reference=reference))
            if isinstance(answer, Ok):
                found[reference] = answer.value
            elif isinstance(answer, (NotSent, Unknown)) and row.waits < VERIFY_TRIES:
                return await self._verify_later(operation, row, answer)

        async def tell(work: Work, move: Move) -> None:
            for reference, value in found.items():
                settled = move.outcome is not None and reference == row.reference  # it was in review, and this is its outcome
                if operation.verify is not None and not settled:
                    await operation.verify(work, move.row, reference, value, self.ports)

        seen = Ok(next((value for value in found.values() if value is not None), None)) if found else None
        own = found.get(row.reference or "")
        await self._finish(operation, row, "verify", seen, lambda mine, moment: after_verify(operation, mine, moment, own), tell)

    async def _verify_later(self, operation: Operation[Any, Any], row: OperationRow, answer: Answer[Any]) -> None:
        wait = operation.backoff.ceiling(row.waits + 1)
        await self._finish(operation, row, "verify", answer, lambda mine, moment: Move(replace(mine, waits=mine.waits + 1), wait))

    async def _ask(self, operation: Operation[Any, Any], function: Ask | None, row: OperationRow) -> Answer[Any]:
        """The partner's answer; whatever breaks on the way is unknown. A cancelled task writes nothing: its row says SENT, and so it is."""
        if function is None:
            return Unknown("there is no look-up")
        try:
            async with asyncio.timeout(operation.time_out.total_seconds()):
                return await function(self.ports, row)
        except TimeoutError:
            return Unknown(f"no answer within {operation.time_out.total_seconds():g} s")
        except Exception as error:  # its text may hold what was sent, names included: only its type and place are kept
            place = traceback.extract_tb(error.__traceback__)[-1]
            told = (operation.name, type(error).__name__, place.filename, place.lineno)
            log.error("operation %s broke off with %s at %s:%s", *told, extra={"tenant": row.tenant, "urn": row.urn})
            return Unknown(f"broke off with {type(error).__name__}")

    async def _finish(
        self, operation: Operation[Any, Any], row: OperationRow, did: str, answer: Answer[Any] | None, decide: Decide,
        also: Also | None = None,
    ) -> None:  # fmt: skip
        """Commits the answer, however long the database is away; drops it when the claim was lost, because somebody else resolves it."""
        done = _Done(operation, row, did, answer, decide, also)
        commit = self._together.add if operation.records_only and also is None else self._commit_alone
        try:
            move = await commit(row.tenant, done)
        except Exception as error:
            log.exception("the outcome of %s could not be written", row.urn, extra={"tenant": row.tenant})
            move = await self._stumble(operation, row, type(error).__name__)
        if move is not None and move.after is not None and move.after <= SOON:
            self.bell.ring_in(move.after)

    async def _commit_alone(self, tenant: Tenant, done: _Done) -> Move | None:
        return (await patiently(partial(self._commit, tenant, [done]), self.database.name, tenant))[0]

    async def _commit(self, tenant: Tenant, batch: Sequence[_Done]) -> list[Move | None]:
        """One transaction; None in the place of those whose claim was lost."""
        async with self.database.work(tenant) as work:
            held, moves = await self._write_unchanged(work, batch)
            changed = [done for done in batch if done.row.urn not in moves]
            if changed:
                found = await self._hold(work, [done.row for done in changed])
                again = {done.row.urn: await self._move(work, done, *found[done.row.urn]) for done in changed if done.row.urn in found}
                await self._write(work, list(again.values()))
                held, moves = {**held, **found}, {**moves, **again}
            for done in batch:
                move = moves.get(done.row.urn)
                if move is None:
                    continue
                work.actor, work.correlation = move.row.actor, move.row.correlation
                if move.outcome is not None:
                    await self._settle(work, done.operation, held[done.row.urn][0], move.row, move.outcome)
                if done.also is not None:
                    await done.also(work, move)
            return [moves.get(done.row.urn) for done in batch]

    async def _write_unchanged(self, work: Work, batch: Sequence[_Done]) -> tuple[Held, dict[Urn, Move]]:
        """Writes those that are still as they were read. Nobody is asked whether they are: the write itself says which were."""
        moment = Moment(await work.now(), self.scale, self.draw)
        decided = [(done.operation, _decide(done, done.row, moment)) for done in batch]
        moves = {move.row.urn: move for operation, move in decided if not overdue(operation, move.row, moment)}
        unchanged = await self._write(work, list(moves.values()))
        return {done.row.urn: (done.row, moment) for done in batch}, {urn: moves[urn] for urn in unchanged}

    async def _move(self, work: Work, done: _Done, mine: OperationRow, moment: Moment) -> Move:
        work.actor, work.correlation = mine.actor, mine.correlation
        move = _decide(done, mine, moment)
        return await self._watch(work, done.operation, move, moment) if overdue(done.operation, move.row, moment) else move

    async def _watch(self, work: Work, operation: Operation[Any, Any], move: Move, moment: Moment) -> Move:
        """Nobody can wait for it any longer: from the moment on that something else is done in its place, it is only watched."""
        if operation.instead is None or not await operation.instead(work, move.row, self.ports):
            return move
        told = line("watch", move.row, Unknown("something else is done in its place"), moment)
        return replace(move, row=written(replace(move.row, watched_at=moment.now), told))

    async def _settle(
        self, work: Work, operation: Operation[Any, Any], was: OperationRow, row: OperationRow, outcome: Answer[Any]
    ) -> None:  # fmt: skip
        await settle(work, self.operations, operation, was, row, outcome, self.ports)

    async def _stumble(self, operation: Operation[Any, Any], row: OperationRow, error: str) -> Move | None:
        """The answer is known and cannot be written: as good as unknown, to be resolved again; the third time for a person.

        That one is told, as any outcome; where even this cannot be written the audit says so in its place, and the log.
        """
        try:
            return await patiently(partial(self._give_way, operation, row, error, self._settle), self.database.name, row.tenant)
        except Exception:
            log.exception("nor can it be told of %s that its outcome is unknown", row.urn, extra={"tenant": row.tenant})
            return await patiently(partial(self._give_way, operation, row, error, self._give_up), self.database.name, row.tenant)

    async def _give_way(self, operation: Operation[Any, Any], row: OperationRow, error: str, tell: Tell) -> Move | None:
        async with self.database.work(row.tenant, actor=row.actor, correlation=row.correlation) as work:
            held = await self._hold(work, [row])
            if row.urn not in held:
                return None
            mine, moment = held[row.urn]
            move = after_stumble(operation, mine, error, moment)
            move = replace(move, row=written(move.row, line("stumble", mine, Unknown(error), moment)))
            await self._write(work, [move])
            if move.outcome is not None:
                await tell(work, operation, mine, move.row, move.outcome)
            return move

    async def _give_up(
        self, work: Work, operation: Operation[Any, Any], was: OperationRow, row: OperationRow, outcome: Answer[Any]
    ) -> None:  # fmt: skip
        why, evidence = "its outcome cannot be written", {**row.evidence, "reply_to": row.reply_to or ""}
        log.error("operation %s is given up: %s: %s", row.urn, why, evidence, extra={"tenant": row.tenant, "correlation": row.correlation})
        await work.audit(action=f"{operation.domain}.operation-given-up", entity=row.urn, root=row.subject, reason=why, after=evidence)
        await review(work, operation, row, why)

    async def _hold(self, work: Work, rows: Sequence[OperationRow]) -> Held:
        """Locks the rows that are still ours, as they are now."""
        urns, fences = [str(row.urn) for row in rows], [row.fence for row in rows]
        facts = {"tenant": work.tenant, "me": self.presence.me, "urns": urns, "fences": fences}
        found = [(read_row(row), Moment(row["now"], self.scale, self.draw)) for row in (await work.execute(_MINE, facts)).mappings()]
        held = {row.urn: (row, moment) for row, moment in found}
        for row in rows:
            if row.urn not in held:
                log.warning("claim on %s was lost; its answer is left to whoever has it", row.urn, extra={"tenant": row.tenant})
        return held

    async def _write(self, work: Work, moves: Sequence[Move]) -> list[Urn]:
        """Those that were as their rows say, and are written."""
        if not moves:
            return []
        rows = orjson.dumps([_written_row(move) for move in moves]).decode()
        return [Urn(urn) for urn in (await work.execute(_WRITE, {"tenant": work.tenant, "me": self.presence.me, "rows": rows})).scalars()]

    def _key(self, row: OperationRow) -> dict[str, Any]:
        return {"tenant": row.tenant, "urn": str(row.urn), "fence": row.fence, "me": self.presence.me}


def _decide(done: _Done, mine: OperationRow, moment: Moment) -> Move:
    move = done.decide(mine, moment)
    return replace(move, row=written(move.row, line(done.did, mine, done.answer, moment)))


def _written_row(move: Move) -> dict[str, Any]:
    row = move.row
    return {
        "urn": str(row.urn), "fence": row.fence, "version": row.version, "state": row.state.value, "reference": row.reference,
        "given_up": row.given_up, "sends": row.sends, "waits": row.waits, "looks": row.looks, "verified": row.verified,
        "deaths": row.deaths,
        "unknown_at": row.unknown_at, "watched_at": row.watched_at, "told": row.told, "journal": row.journal,
        "ended": row.state not in PENDING, "after": None if move.after is None else move.after.total_seconds(),
    }  # fmt: skip


def _known_as(operation: Operation[Any, Any], row: OperationRow) -> Ask | None:
    """The look-up by the partner's own reference, when a person gave one."""
    if operation.known_as is None or not row.told:
        return None
    known_as, reference = operation.known_as, row.told

    async def ask(ports: Any, row: OperationRow) -> Answer[Any]:
        return await known_as(ports, row, reference)

    return ask
