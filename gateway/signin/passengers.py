"""Passengers: a link in a text message, used once, becomes a session bound to one sub-case.

The worker signs links and the passenger gateway knows only the public half of that key; sessions are signed with a key of the gateway's
own. Which airline it is about says the host's name, and the token must agree. Nothing here asks a database or the operators' issuer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from gateway.answer import DoorRefusal, NotAllowed, Unauthenticated
from gateway.signin.tokens import ACCESS, Claims, PublicKey, SigningKey, Verifier, bearer, until
from kernel.clock import now
from kernel.identity import Passenger
from kernel.tenancy import Tenant, TenantError
from kernel.urn import Urn, UrnError

LINK_LIFETIME: Final = timedelta(days=7)
SESSION_LIFETIME: Final = timedelta(days=7)
AUDIENCE: Final = "https://passengers.nexa/v1"
LINK_ISSUER: Final = "https://links.nexa/v1"
LINK: Final = "link+jwt"
COOKIE: Final = "nexa_session"


class LinkUsed(DoorRefusal):
    """A link that was good, once."""

    status, code = 410, "LINK_USED"


@dataclass(frozen=True, slots=True)
class Link:
    """A verified sign-in link, not yet used."""

    id: str
    passenger: Passenger
    expires: datetime


class Links:
    """What the worker plugs in as the port that makes links. `url` is the passengers' address with `{tenant}` in its host."""

    def __init__(self, key: SigningKey, url: str) -> None:
        self._key, self._url = key, url

    def magic_link(self, tenant: Tenant, sub_case: Urn, case: Urn | None = None) -> str:
        """A new address that signs its holder in, once, within a week. To be sent to the lead passenger and shown nowhere else."""
        said = {"iss": LINK_ISSUER, **_claims(tenant, sub_case, case or sub_case)}
        token = self._key.sign(LINK, LINK_LIFETIME, said)
        return f"{self._url.format(tenant=tenant)}/?token={token}"


def passenger_token(key: SigningKey, passenger: Passenger) -> str:
    """What a session is carried by."""
    said = {"iss": AUDIENCE, **_claims(passenger.tenant, passenger.sub_case, passenger.case)}
    return key.sign(ACCESS, SESSION_LIFETIME, said)


def _claims(tenant: Tenant, sub_case: Urn, case: Urn) -> dict[str, str]:
    """A link that was made by somebody who did not know the case names none; the sub-case alone decides."""
    said = {"aud": AUDIENCE, "tenant": str(tenant), "sub": str(sub_case), "jti": secrets.token_urlsafe(9)}
    return {**said, "case": str(case)} if case.kind == "case" else said


class Passengers:
    """Reads links, makes sessions, and says whose session a request carries."""

    def __init__(self, link_key: PublicKey, session_key: SigningKey, url: str, *, strict_hosts: bool) -> None:
        self._key, self._strict = session_key, strict_hosts
        self._secure = url.startswith("https:")
        before, _, after = urlsplit(url.replace("{tenant}", "TENANT")).netloc.partition("TENANT")
        self._before, self._after = before, after.partition(":")[0]
        self._links = Verifier(link_key.find, algorithm="Ed25519", typ=LINK, issuer=LINK_ISSUER, audience=AUDIENCE)
        self._sessions = Verifier(session_key.find, algorithm="Ed25519", typ=ACCESS, issuer=AUDIENCE, audience=AUDIENCE)

    async def read_link(self, token: str, headers: Headers) -> Link:
        """Raises: Unauthenticated."""
        claims = await self._links.read(token)
        return Link(str(claims.get("jti", "")), self._passenger(claims, headers), until(claims))

    def open_session(self, passenger: Passenger) -> tuple[str, datetime]:
        """The token of a new session and when it ends."""
        return passenger_token(self._key, passenger), now() + SESSION_LIFETIME

    def cookie(self, token: str) -> str:
        """The value of Set-Cookie. Lax, since the passenger comes from a link in another application."""
        parts = [f"{COOKIE}={token}", "Path=/", f"Max-Age={int(SESSION_LIFETIME.total_seconds())}", "HttpOnly", "SameSite=Lax"]
        return "; ".join([*parts, "Secure"] if self._secure else parts)

    async def by_request(self, headers: Headers) -> Passenger:
        """By bearer token or by cookie. Raises: Unauthenticated, NotAllowed."""
        if "authorization" in headers:
            token = bearer(headers["authorization"])
        else:
            token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
            if not token:
                raise Unauthenticated("Open the link in your message to sign in.")
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host"):
                raise NotAllowed("Only the passengers' page itself may ask this.")
        return self._passenger(await self._sessions.read(token), headers)

    def _passenger(self, claims: Claims, headers: Headers) -> Passenger:
        """Raises: Unauthenticated when the token names no sub-case, or one of another airline than the host."""
        try:
            tenant, sub_case = Tenant(str(claims.get("tenant", ""))), Urn(str(claims.get("sub", ""))).expect("sub-case")
            case = Urn(str(claims["case"])).expect("case") if claims.get("case") else sub_case
        except (TenantError, UrnError):
            raise Unauthenticated("The token names no trip.") from None
        named = self._tenant_of(headers.get("host", ""))
        if named != tenant and (self._strict or named is not None):
            raise Unauthenticated("The token is not for this airline's passengers.")
        return Passenger(tenant, sub_case, case)

    def _tenant_of(self, host: str) -> str | None:
        """The airline that the host's name speaks of; None when it speaks of none, as an address does."""
        name = host.partition(":")[0].lower()
        if not (name.startswith(self._before) and name.endswith(self._after)) or len(name) <= len(self._before) + len(self._after):
            return None
        return name[len(self._before) : len(name) - len(self._after)]
