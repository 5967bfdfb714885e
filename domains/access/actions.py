"""Registering partners, turning their secrets over, and keeping operators signed in."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace

from domains.access import store
from domains.access.commands import AddSecret, EndSession, OpenSession, RegisterPartner, RenewSession
from domains.access.model import (
    ROTATION_GRACE,
    SECRET_LIFETIME,
    SECRET_OVERLAP,
    SESSION_LIFETIME,
    OperatorSession,
    PartnerRegistration,
    PartnerSecret,
    Scope,
)
from domains.access.refusals import SessionEnded, UnknownScope
from kernel.refusal import NotFound
from kernel.urn import Urn
from kernel.work import Work


async def register_partner(work: Work, command: RegisterPartner) -> PartnerRegistration:
    """Registers a system, or changes what it may do. Refuses: UnknownScope."""
    unknown = sorted(command.scopes - set(Scope))
    if unknown:
        raise UnknownScope(f"There is no scope {', '.join(unknown)}; there are: {', '.join(Scope)}.", scopes=unknown)
    made = await store.put_partner(work, command.partner, command.name, command.scopes)
    await work.audit(action="partner.register", entity=made.urn, after={"name": made.name, "scopes": sorted(made.scopes)})
    return made


async def add_secret(work: Work, command: AddSecret) -> str:
    """A further secret, shown this once; older ones end after the overlap. Refuses: NotFound."""
    if await store.partner_of(work.connection, work.tenant, command.partner) is None:
        raise NotFound("There is no such partner.")
    secret, at = command.secret or secrets.token_urlsafe(32), await work.now()
    kept = PartnerSecret(digest(secret), at, at + SECRET_LIFETIME)
    await store.put_secret(work, command.partner, kept)
    await store.end_other_secrets(work, command.partner, kept.digest, at + SECRET_OVERLAP, at)
    await work.audit(action="partner.add-secret", entity=command.partner, after={"until": kept.valid_until})
    return secret


async def open_session(work: Work, command: OpenSession) -> tuple[OperatorSession, str]:
    """A new sign-in and its first refresh token."""
    token, at = secrets.token_urlsafe(32), await work.now()
    urn = Urn.of("auth", secrets.token_hex(10))
    session = OperatorSession(urn, command.operator, digest(token), None, at, at + SESSION_LIFETIME)
    await store.add_session(work, session)
    await work.audit(action="session.open", entity=urn, after={"operator": command.operator})
    return session, token


async def renew_session(work: Work, command: RenewSession) -> tuple[OperatorSession, str | None]:
    """The session, and the token that takes the place of this one.

    The token before the present one is still good for the grace, and then brings no new one. Shown later it has been stolen, by the one
    who shows it or from him: the session that is given back has ended. Refuses: SessionEnded.
    """
    at, shown = await work.now(), digest(command.token)
    session = await store.session_by_token(work, shown)
    if session is None or not session.alive(at):
        raise SessionEnded()
    if shown == session.digest:
        token = secrets.token_urlsafe(32)
        session = replace(session, digest=digest(token), previous=shown, renewed_at=at)
        await store.save_session(work, session)
        return session, token
    if at - session.renewed_at <= ROTATION_GRACE:
        return session, None
    await _end(work, session, "a token that had been replaced was shown")
    return replace(session, ended_at=at), None


async def end_session(work: Work, command: EndSession) -> OperatorSession | None:
    """Signs out. May be repeated."""
    session = await store.session_by_token(work, digest(command.token))
    if session is not None and session.ended_at is None:
        await _end(work, session, "signed out")
    return session


async def _end(work: Work, session: OperatorSession, why: str) -> None:
    await store.save_session(work, replace(session, ended_at=await work.now()))
    await work.audit(action="session.end", entity=session.urn, reason=why)


def digest(secret: str) -> str:
    """What is kept of a secret. It is long and random, so a plain digest tells nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
