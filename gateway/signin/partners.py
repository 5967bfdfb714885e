"""Partners: client credentials become an RS256 token of one hour with the scopes of the registration, or fewer when fewer are asked for.

The client id is `<tenant>.<id>`, so the airline is known before anything is looked up. Source: RFC 6749, sections 2.3.1, 4.4 and 5.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domains.access import queries
from gateway.answer import NEVER_STORED, DoorRefusal, NotAllowed
from gateway.edge import read_body
from gateway.signin.tokens import ACCESS, Claims, SigningKey, Verifier, bearer
from kernel.database import Database
from kernel.identity import Partner
from kernel.tenancy import Tenant, TenantError
from kernel.urn import Urn, UrnError

AUDIENCE: Final = "https://internal.nexa/v1"
LIFETIME: Final = timedelta(hours=1)
_FORM_LIMIT: Final = 8 * 1024  # bytes


class _Wrong(Exception):
    """An OAuth error with its code."""

    def __init__(self, code: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        self.code, self.description, self.status, self.headers = code, description, status, dict(headers or {})


class Partners:
    """`/oauth/token`, and whom its tokens name."""

    def __init__(self, key: SigningKey, issuer: str, access: Database) -> None:
        self._key, self._issuer, self._access = key, issuer, access
        self._verifier = Verifier(key.find, algorithm="RS256", typ=ACCESS, issuer=issuer, audience=AUDIENCE)

    async def token(self, request: Request) -> Response:
        """The token endpoint."""
        try:
            form = await _form(request)
            tenant, partner, secret = _client(request.headers, form)
            if form.get("grant_type") != "client_credentials":
                raise _Wrong("unsupported_grant_type", "Only client_credentials is granted.")
            async with self._access.read(tenant) as connection:
                known = await queries.partner_by_secret(connection, tenant, partner, secret)
            if known is None:
                raise _unknown_client()
            scopes = _scopes(form.get("scope"), known.scopes)
        except _Wrong as wrong:
            said = {"error": wrong.code, "error_description": wrong.description}
            return JSONResponse(said, wrong.status, {**NEVER_STORED, **wrong.headers})
        token = partner_token(self._key, self._issuer, tenant, known.urn, scopes)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": int(LIFETIME.total_seconds()), "scope": " ".join(scopes)}
        return JSONResponse(answer, headers=NEVER_STORED)

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._key.jwks(), headers={"cache-control": "public, max-age=300"})

    async def by_request(self, headers: Headers) -> Partner:
        """Raises: Unauthenticated, NotAllowed."""
        return _partner(await self._verifier.read(bearer(headers.get("authorization"))))


def partner_token(key: SigningKey, issuer: str, tenant: Tenant, partner: Urn, scopes: Iterable[str]) -> str:
    said = {"iss": issuer, "aud": AUDIENCE, "sub": partner, "tenant": tenant, "scope": " ".join(sorted(scopes))}
    return key.sign(ACCESS, LIFETIME, {**said, "jti": secrets.token_urlsafe(12)})


def client_id(tenant: Tenant, partner: Urn) -> str:
    return f"{tenant}.{partner.id}"


def _partner(claims: Claims) -> Partner:
    try:
        tenant, urn = Tenant(str(claims.get("tenant", ""))), Urn(str(claims.get("sub", ""))).expect("partner")
    except (TenantError, UrnError):
        raise NotAllowed("The token names no partner.") from None
    return Partner(tenant, urn, frozenset(str(claims.get("scope", "")).split()))


async def _form(request: Request) -> dict[str, str]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise _Wrong("invalid_request", "Send application/x-www-form-urlencoded.")
    try:
        body = await read_body(request, _FORM_LIMIT)
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except (DoorRefusal, ValueError):
        raise _Wrong("invalid_request", "The form is not readable.") from None
    if len(dict(pairs)) != len(pairs):
        raise _Wrong("invalid_request", "A parameter is given twice.")
    return dict(pairs)


def _client(headers: Headers, form: Mapping[str, str]) -> tuple[Tenant, Urn, str]:
    """Who says to be there, by Basic or in the form, and with which secret."""
    name, secret = form.get("client_id", ""), form.get("client_secret", "")
    if headers.get("authorization"):
        scheme, _, packed = headers["authorization"].partition(" ")
        try:
            first, colon, second = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise _unknown_client() from None
        if scheme.lower() != "basic" or not colon:
            raise _unknown_client()
        name, secret = unquote_plus(first), unquote_plus(second)
    tenant, dot, id = name.partition(".")
    try:
        if not dot or not secret:
            raise _unknown_client()
        return Tenant(tenant), Urn.of("partner", id), secret
    except (TenantError, UrnError):
        raise _unknown_client() from None


def _unknown_client() -> _Wrong:
    return _Wrong("invalid_client", "The client or its secret is not known.", 401, {"www-authenticate": 'Basic realm="nexa"'})


def _scopes(asked: str | None, granted: frozenset[str]) -> list[str]:
    wanted = frozenset(asked.split()) if asked else granted
    if not wanted <= granted:
        raise _Wrong("invalid_scope", f"Not registered for: {' '.join(sorted(wanted - granted))[:200]}.")
    return sorted(wanted)
