"""A small OpenID provider for development: it asks who you would like to be and believes you. It does not exist in production.

What it does, it does as a real one: authorization code with PKCE (S256 alone), exact redirect addresses, codes that are used once within a
minute, refresh tokens that change with every use and end the session when an old one is shown, keys published as JWKS.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from domains.access import actions
from domains.access.commands import EndSession, OpenSession, RenewSession
from domains.access.refusals import SessionEnded
from gateway.signin.people import PEOPLE, Person, person_of
from gateway.signin.tokens import ACCESS, SigningKey
from kernel.clock import now
from kernel.database import Database
from kernel.tenancy import Tenant, TenantError
from kernel.urn import Urn

log = logging.getLogger(__name__)

ACCESS_LIFETIME: Final = timedelta(minutes=15)
CODE_LIFETIME: Final = timedelta(minutes=1)
API: Final = "https://api.nexa/v1"
CLAIM: Final = "https://nexa"
_NEVER_STORED: Final = {"cache-control": "no-store", "pragma": "no-cache"}
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

Tenants = Callable[[], Awaitable[list[Tenant]]]


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a code stands for until it is exchanged."""

    client: str
    redirect: str
    challenge: str
    nonce: str
    tenant: Tenant
    person: Person
    until: datetime


class _Wrong(Exception):
    """An OAuth error with its code (RFC 6749, 5.2)."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        self.code, self.description, self.status = code, description, status


def claims_of(person: Person, tenant: Tenant) -> dict[str, Any]:
    """What our tokens say of an operator, as any issuer of an airline must say it."""
    return {
        "sub": person.urn(tenant),
        "name": person.name,
        f"{CLAIM}/airline": tenant,
        f"{CLAIM}/role": person.role.value,
        f"{CLAIM}/operator_urn": person.urn(tenant),
        "airports": list(person.airports),
    }


def access_token(key: SigningKey, issuer: str, person: Person, tenant: Tenant, lifetime: timedelta = ACCESS_LIFETIME) -> str:
    said = {**claims_of(person, tenant), "iss": issuer, "aud": API, "jti": secrets.token_urlsafe(12)}
    return key.sign(ACCESS, lifetime, said)


class Provider:
    """`clients` are public: their ids and the addresses they may be answered at."""

    def __init__(self, issuer: str, key: SigningKey, access: Database, tenants: Tenants, clients: Mapping[str, frozenset[str]]) -> None:
        log.warning("DEVELOPMENT PROVIDER at %s: everybody may be anybody. It must never run where real passengers are.", issuer)
        self._issuer, self._key, self._access, self._tenants, self._clients = issuer, key, access, tenants, clients
        self._grants: dict[str, _Grant] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.configuration),
                Route("/jwks.json", self.jwks),
                Route("/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/token", self.token, methods=["POST"]),
                Route("/revoke", self.revoke, methods=["POST"]),
            ]
        )

    async def configuration(self, request: Request) -> Response:
        ends = {name: f"{self._issuer}/{name}" for name in ("authorize", "token", "revoke", "jwks.json")}
        return JSONResponse(
            {
                "issuer": self._issuer,
                "authorization_endpoint": ends["authorize"],
                "token_endpoint": ends["token"],
                "revocation_endpoint": ends["revoke"],
                "jwks_uri": ends["jwks.json"],
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid", "profile", "offline_access"],
            }
        )

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._key.jwks(), headers={"cache-control": "public, max-age=300"})

    async def authorize(self, request: Request) -> Response:
        """GET asks who you are, POST is the answer."""
        asked = dict(request.query_params)
        client, redirect = asked.get("client_id", ""), asked.get("redirect_uri", "")
        if redirect not in self._clients.get(client, frozenset()):
            return _page("<h1>This is not an address of ours</h1><p>The client or its redirect address is not known.</p>", 400)
        wrong = _wrong_with(asked)
        if wrong:
            return _back(redirect, error=wrong[0], error_description=wrong[1], state=asked.get("state"))
        tenants = await self._tenants()
        if request.method == "GET":
            return _page(_question(tenants))
        form = await request.form()
        tenant = next((one for one in tenants if one == form.get("tenant")), None)
        person = next((one for one in PEOPLE if one.id == form.get("person")), None)
        if tenant is None or person is None:
            return _page("<h1>Nobody is called that</h1>", 400)
        code = secrets.token_urlsafe(32)
        at = now()
        self._grants = {known: grant for known, grant in self._grants.items() if grant.until > at}
        self._grants[code] = _Grant(client, redirect, asked["code_challenge"], asked.get("nonce", ""), tenant, person, at + CODE_LIFETIME)
        return _back(redirect, code=code, state=asked.get("state"), iss=self._issuer)

    async def token(self, request: Request) -> Response:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        try:
            if form.get("client_id") not in self._clients:
                raise _Wrong("invalid_client", "The client is not known.", 401)
            if form.get("grant_type") == "authorization_code":
                answer = await self._exchange(form)
            elif form.get("grant_type") == "refresh_token":
                answer = await self._refresh(form)
            else:
                raise _Wrong("unsupported_grant_type", "Codes and refresh tokens are exchanged here.")
        except _Wrong as wrong:
            said = {"error": wrong.code, "error_description": wrong.description}
            return JSONResponse(said, wrong.status, headers=_NEVER_STORED)
        return JSONResponse(answer, headers=_NEVER_STORED)

    async def revoke(self, request: Request) -> Response:
        """Says 200 whatever the token is (RFC 7009)."""
        tenant, token = _refresh_parts(str((await request.form()).get("token", "")))
        if tenant is not None:
            async with self._access.work(tenant) as work:
                await actions.end_session(work, EndSession(token))
        return Response(status_code=200, headers=_NEVER_STORED)

    async def _exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        grant = self._grants.pop(form.get("code", ""), None)
        if grant is None or grant.until <= now() or (grant.client, grant.redirect) != (form["client_id"], form.get("redirect_uri")):
            raise _Wrong("invalid_grant", "The code is not good, or was used before.")
        verifier = form.get("code_verifier", "")
        if not 43 <= len(verifier) <= 128 or not hmac.compare_digest(create_s256_code_challenge(verifier), grant.challenge):
            raise _Wrong("invalid_grant", "The code verifier does not fit its challenge.")
        async with self._access.work(grant.tenant, actor=grant.person.urn(grant.tenant)) as work:
            _, refresh = await actions.open_session(work, OpenSession(grant.person.urn(grant.tenant)))
        said = {**claims_of(grant.person, grant.tenant), "iss": self._issuer, "aud": grant.client, "nonce": grant.nonce}
        answer = self._answer(grant.person, grant.tenant, f"{grant.tenant}.{refresh}")
        return {**answer, "id_token": self._key.sign("JWT", ACCESS_LIFETIME, said)}

    async def _refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        tenant, token = _refresh_parts(form.get("refresh_token", ""))
        if tenant is None:
            raise _Wrong("invalid_grant", "This is not a refresh token.")
        try:
            async with self._access.work(tenant) as work:
                session, fresh = await actions.renew_session(work, RenewSession(token))
        except SessionEnded as refusal:
            raise _Wrong("invalid_grant", refusal.message) from None
        person = person_of(tenant, Urn(session.operator))
        if person is None or session.ended_at is not None:
            raise _Wrong("invalid_grant", "This sign-in is over; sign in again.")
        return self._answer(person, tenant, f"{tenant}.{fresh}" if fresh else None)

    def _answer(self, person: Person, tenant: Tenant, refresh: str | None) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "access_token": access_token(self._key, self._issuer, person, tenant),
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        }
        return {**answer, "refresh_token": refresh} if refresh else answer


def _wrong_with(asked: Mapping[str, str]) -> tuple[str, str] | None:
    if asked.get("response_type") != "code":
        return "unsupported_response_type", "Only codes are given."
    if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
        return "invalid_request", "PKCE with S256 is required."
    if "openid" not in asked.get("scope", "").split():
        return "invalid_scope", "The scope openid is required."
    return None


def _refresh_parts(token: str) -> tuple[Tenant | None, str]:
    name, _, rest = token.partition(".")
    try:
        return Tenant(name), rest
    except TenantError:
        return None, ""


def _back(redirect: str, **said: str | None) -> Response:
    return RedirectResponse(f"{redirect}?{urlencode({name: value for name, value in said.items() if value})}", 303, _NEVER_STORED)


def _question(tenants: list[Tenant]) -> str:
    """One form per airline and person; the address carries what the client asked for."""
    parts = ["<h1>Who would you like to be?</h1><p>Development sign-in: there are no passwords.</p>"]
    for tenant in tenants:
        buttons = "".join(
            f'<button name="person" value="{person.id}"><b>{escape(person.name)}</b> {person.role} {" ".join(person.airports)}</button>'
            for person in PEOPLE
        )
        head = f"<h2>{escape(tenant.upper())}</h2>"
        parts.append(
            f'<form method="post" aria-label="{tenant}">{head}<input type="hidden" name="tenant" value="{tenant}">{buttons}</form>'
        )
    return "".join(parts) if tenants else "<h1>There is no airline yet</h1><p>Add one with <code>nexa tenant add</code>.</p>"


def _page(body: str, status: int = 200) -> Response:
    style = (
        "body{font:16px system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
        "form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:.5rem 0}h2{width:3rem;margin:0;font-size:1rem}"
        "button{font:inherit;padding:.5rem .75rem;cursor:pointer}"
    )
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Nexa sign-in</title><style>{style}</style>'
    return HTMLResponse(f"{head}<body>{body}</body></html>", status, {**_NEVER_STORED, "content-security-policy": _PAGE_POLICY})
