"""Whose hands a sub-case is in. Safety is the fence in the row; liveness of a session is asked of a port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domains.cases import events, store
from domains.cases.actions.settle import find
from domains.cases.commands import AcquireLock, ReleaseLock
from domains.cases.model import Lock
from domains.cases.refusals import LockLost, NoSession, SubCaseLocked
from kernel.work import Work

Alive = Callable[[str], Awaitable[bool]]


async def acquire_lock(work: Work, command: AcquireLock, alive: Alive) -> Lock:
    """Takes the sub-case into the session's hands; taking what is one's own changes nothing.

    Refuses: NoSession, NotFound, SubCaseLocked (the holder's session is alive). May be repeated.
    """
    if not command.session:
        raise NoSession()  # it would keep nobody out, and nothing would ever end it
    sub_case, lock = await find(work, command.sub_case)
    if lock and lock.session == command.session:
        return lock
    if lock and lock.session and await alive(lock.session):
        raise SubCaseLocked(f"{lock.holder_name} is working on it.", holder=lock.holder, holder_name=lock.holder_name, since=lock.since)
    taken = await store.put_lock(work, sub_case, work.actor, command.holder_name, command.session)
    await _tell(work, taken, "lock.acquire", lock)
    return taken


async def release_lock(work: Work, command: ReleaseLock) -> Lock:
    """Lets go. Refuses: NotFound, LockLost (somebody else holds it now). Releasing a free one changes nothing."""
    sub_case, lock = await find(work, command.sub_case)
    if lock is None:
        raise LockLost("Nobody holds this lock.")
    if lock.session is None:
        return lock
    if lock.session != command.session:
        raise LockLost(f"The lock has passed to {lock.holder_name}.", holder_name=lock.holder_name, fence=lock.fence)
    free = await store.put_lock(work, sub_case, None, None, None)
    await _tell(work, free, "lock.release", lock)
    return free


async def release_session(work: Work, session: str) -> list[Lock]:
    """Frees everything a dead session held."""
    freed: list[Lock] = []
    for sub_case, lock in (await store.sub_cases_for_update(work, await store.locks_of_session(work, session))).values():
        if lock and lock.session == session:
            free = await store.put_lock(work, sub_case, None, None, None)
            await _tell(work, free, "lock.expire", lock)
            freed.append(free)
    return freed


async def _tell(work: Work, lock: Lock, action: str, before: Lock | None) -> None:
    await work.record(events.LockChanged(lock.sub_case, lock.case, lock.fence, lock.holder, await work.now()), aggregate=lock.sub_case)
    was = {"holder": before.holder, "fence": before.fence} if before else None
    await work.audit(action=action, entity=lock.sub_case, root=lock.case, before=was, after={"holder": lock.holder, "fence": lock.fence})
