"""Advancing claimed workflows: many small moves share a transaction, and one that would touch a domain's rows gets its own.

A move that fails is tried alone, so that it cannot hold up the others; the third failure or death in a row quarantines the workflow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

from kernel.at_once import Answered
from kernel.claim import Claim
from kernel.database import Database
from kernel.patience import patiently
from kernel.saga.entry import Entry, EntryState
from kernel.saga.journal import Held, hold, hold_free, stumble, write
from kernel.saga.plan import Plans, Step
from kernel.saga.transition import Decision, Signal, decide
from kernel.saga.workflow import State, Workflow
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

log = logging.getLogger(__name__)

DEATHS: Final = 3
LOCKED_PAUSE: Final = timedelta(milliseconds=10)  # a signal is being written; its transaction is short
STUMBLE_PAUSE: Final = timedelta(seconds=1)


async def _no_refusal(work: Work, workflow: Workflow, step: Step, entry: Entry) -> None:
    return None


async def _no_end(work: Work, workflow: Workflow, outcome: State, entries: Sequence[Entry]) -> None:
    return None


def _no_move(workflow: Workflow) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the workflows' own domain wants to know; runs inside the move's transaction, except `moved`, which follows its commit.

    `step_refused(work, workflow, step, entry)`: a step was refused and the workflow goes on without it.
    `ended(work, workflow, outcome, entries)`: nothing more will be asked; for DONE it may only record messages, since it shares its
    transaction with other workflows.
    `moved(workflow)`: the journal grew; screens may look.
    """

    step_refused: Callable[[Work, Workflow, Step, Entry], Awaitable[None]] = _no_refusal
    ended: Callable[[Work, Workflow, State, Sequence[Entry]], Awaitable[None]] = _no_end
    moved: Callable[[Workflow], None] = _no_move


class WorkflowRunner:
    """Moves claimed workflows on, as the worker `me`."""

    def __init__(self, database: Database, plans: Plans, hooks: Hooks, me: str) -> None:
        self.database, self.plans, self.hooks, self.me = database, plans, hooks, me

    async def advance(self, tenant: Tenant, claims: Sequence[Claim]) -> None:
        """Moves them all as far as they go now. Returns when each is written, or lost to another worker."""
        try:
            left = await self._patiently(tenant, claims, alone=False)
        except Exception:
            log.exception("a batch of workflows failed; each is tried alone", extra={"tenant": tenant})
            left = list(claims)
        for claim in left:
            await self._alone(tenant, claim)

    async def answered(self, work: Work, answers: Answered) -> Answered:
        """Moves on what is free, in the transaction that brings the answers and without a claim; the answers of all others are left.

        Left is also whatever could hold up, or fail, those it shares the transaction with.
        """
        told: dict[Urn, list[Signal]] = {}
        for workflow, envelope in answers:
            told.setdefault(workflow, []).append(Signal(envelope.reply_to or "", envelope.name, envelope.body))
        decided = [(held, decision) for held in await hold_free(work, told) if (decision := self._decide_in_company(held)) is not None]
        await self._write(work, decided, None)
        moved = {held.workflow.urn for held, _ in decided}
        return [each for each in answers if each[0] not in moved]

    async def _alone(self, tenant: Tenant, claim: Claim) -> None:
        try:
            await self._patiently(tenant, [claim], alone=True)
        except Exception:
            log.exception("workflow %s stumbled", claim.urn, extra={"tenant": tenant})
            await self._stumble(tenant, claim)

    async def _stumble(self, tenant: Tenant, claim: Claim) -> None:
        async def give_back() -> None:
            async with self.database.work(tenant) as work:
                await stumble(work, claim, self.me, STUMBLE_PAUSE.total_seconds())

        await patiently(give_back, self.database.name, tenant)

    async def _patiently(self, tenant: Tenant, claims: Sequence[Claim], *, alone: bool) -> list[Claim]:
        """Tries until the database answers; a claim is never dropped. Those that need a transaction of their own."""
        left: list[Claim] = []
        while claims:
            move = partial(self._move, tenant, claims, alone=alone)
            own, locked = await patiently(move, self.database.name, tenant)
            left += own
            claims = locked
            if locked:
                await asyncio.sleep(LOCKED_PAUSE.total_seconds())
        return left

    async def _move(self, tenant: Tenant, claims: Sequence[Claim], *, alone: bool) -> tuple[list[Claim], list[Claim]]:
        """One transaction; the claims that need one of their own, and those locked by somebody else."""
        by_urn = {claim.urn: claim for claim in claims}
        async with self.database.work(tenant) as work:
            held, locked = await hold(work, claims, self.me)
            own: list[Claim] = []
            decided: list[tuple[Held, Decision]] = []
            for each in held:
                decision = self._decide(each) if alone else self._decide_in_company(each)
                if decision is None:
                    own.append(by_urn[each.workflow.urn])
                else:
                    decided.append((each, decision))
            await self._write(work, decided, self.me)
        return own, locked

    async def _write(self, work: Work, decided: Sequence[tuple[Held, Decision]], me: str | None) -> None:
        if not decided:
            return
        await write(work, decided, me)
        for each, decision in decided:
            await self._tell(work, each, decision)
        work.after_commit(lambda: self._show(decided))

    def _decide(self, held: Held) -> Decision:
        workflow = held.workflow
        if held.deaths >= DEATHS:
            why = f"{workflow.step or 'the first step'}: {held.deaths} workers in a row died on it"
            return Decision(State.QUARANTINED, workflow.step, why)
        return decide(self.plans[workflow.plan], workflow, held.entries, held.signals, held.now)

    def _decide_in_company(self, held: Held) -> Decision | None:
        """None when it needs a transaction of its own: it fails, kills workers, or touches a domain's rows."""
        try:
            decision = self._decide(held)
        except Exception:
            return None
        return None if decision.state is State.QUARANTINED or _touches_domain(decision) else decision

    async def _tell(self, work: Work, held: Held, decision: Decision) -> None:
        workflow = replace(held.workflow, state=decision.state, step=decision.step, failure=decision.failure)
        work.actor, work.correlation = workflow.actor, workflow.correlation
        for step, entry in decision.refused:
            if entry.state is EntryState.CONTINUED:
                await self.hooks.step_refused(work, workflow, step, entry)
        if not decision.ended:
            return
        journal = {entry.entry: entry for entry in held.entries} | decision.changed
        entries = [journal[number] for number in sorted(journal)]
        if decision.state is not State.QUARANTINED:
            return await self.hooks.ended(work, workflow, decision.state, entries)
        try:  # what killed its workers may be this very hook; the quarantine stands without it
            async with work.connection.begin_nested():
                await self.hooks.ended(work, workflow, decision.state, entries)
        except Exception:
            log.exception("quarantined workflow %s could not be handed over", workflow.urn, extra={"tenant": work.tenant})

    async def _show(self, decided: Sequence[tuple[Held, Decision]]) -> None:
        for held, decision in decided:
            if decision.changed or decision.ended:
                self.hooks.moved(replace(held.workflow, state=decision.state, step=decision.step, version=held.workflow.version + 1))


def _touches_domain(decision: Decision) -> bool:
    continued = any(entry.state is EntryState.CONTINUED for _, entry in decision.refused)
    return continued or (decision.ended and decision.state is not State.DONE)
