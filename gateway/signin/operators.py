"""Operators: tokens of the airline's issuer are believed, and the console is signed in without ever holding more than a short one.

Signing in is OpenID Connect, code with PKCE, state and nonce, between this gateway and the issuer; the refresh token stays in a cookie that
no script reads and only `/auth` receives. The console asks `/auth/token` for an access token of 15 minutes and keeps it in memory. A
request from another site reaches none of this: the cookie is SameSite=Strict, and the browser's own word on where a request comes from is
checked besides.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.answer import NEVER_STORED, BadRequest, Busy, DoorRefusal, NotAllowed, Unauthenticated, problem_refusal
from gateway.signin.provider import API, CLAIM
from gateway.signin.tokens import ACCESS, Claims, Jwks, Verifier, bearer, until
from kernel.clock import now
from kernel.http import Http, Reply, TransportError, Unintelligible, form_request
from kernel.identity import Operator, Role
from kernel.lock import Sessions
from kernel.tenancy import Tenant, TenantError
from kernel.urn import Urn, UrnError

CLIENT: Final = "console"
REFRESH: Final = "nexa_refresh"
ATTEMPT: Final = "nexa_signin"
HOME: Final = "/"
_ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
_REFRESH_LIFETIME: Final = timedelta(days=30)
_WITHIN: Final = 10.0  # seconds for an answer of the issuer


@dataclass(frozen=True, slots=True)
class Issuer:
    """Where the airline's people sign in. `http` reaches it from here; its addresses as a browser sees them begin with `url`."""

    url: str
    http: Http
    authorize: str = "/authorize"
    token: str = "/token"
    revoke: str = "/revoke"
    jwks: str = "/jwks.json"


class Operators:
    """Who an access token names."""

    def __init__(self, issuer: Issuer, sessions: Sessions) -> None:
        self._sessions = sessions
        keys = Jwks(issuer.http, issuer.jwks)
        self._verifier = Verifier(keys.find, algorithm="RS256", typ=ACCESS, issuer=issuer.url, audience=API)

    async def by_token(self, token: str) -> tuple[Operator, datetime]:
        """Raises: Unauthenticated; NotAllowed when the token names no operator of an airline."""
        claims = await self._verifier.read(token)
        return operator_of(claims), until(claims)

    async def by_request(self, headers: Headers) -> Operator:
        """`nexa-session` names the live session that the request belongs to; it counts only when it is this operator's."""
        operator, _ = await self.by_token(bearer(headers.get("authorization")))
        session = headers.get("nexa-session", "")
        if session and await self._sessions.owner(session) == operator.urn:
            return Operator(operator.tenant, operator.urn, operator.name, operator.role, operator.airports, session)
        return operator


def operator_of(claims: Claims) -> Operator:
    """Raises: NotAllowed."""
    try:
        airports = claims.get("airports") or []
        if not isinstance(airports, list) or not all(isinstance(one, str) for one in airports):
            raise ValueError
        return Operator(
            Tenant(str(claims.get(f"{CLAIM}/airline", ""))),
            Urn(str(claims.get(f"{CLAIM}/operator_urn", ""))).expect("operator"),
            str(claims.get("name", "")),
            Role(str(claims.get(f"{CLAIM}/role"))),
            frozenset(airports),
        )
    except (TenantError, UrnError, ValueError):
        raise NotAllowed("The token names no operator of an airline.") from None


class ConsoleSignIn:
    """`/auth/login`, `/auth/callback`, `/auth/token` and `/auth/logout`."""

    def __init__(self, issuer: Issuer, url: str) -> None:
        self._issuer, self._url, self._redirect, self._secure = issuer, url, f"{url}/auth/callback", url.startswith("https:")
        self._id_tokens = Verifier(Jwks(issuer.http, issuer.jwks).find, algorithm="RS256", typ="JWT", issuer=issuer.url, audience=CLIENT)

    async def login(self, request: Request) -> Response:
        """Off to the issuer; what must be the same on return waits in a cookie, under the one name that we are returned to."""
        if request.headers.get("host") != urlsplit(self._url).netloc:
            return RedirectResponse(f"{self._url}/auth/login?{request.url.query}", 303, NEVER_STORED)
        attempt = {"state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24), "verifier": secrets.token_urlsafe(48)}
        there = prepare_grant_uri(
            self._issuer.url + self._issuer.authorize,
            CLIENT,
            "code",
            redirect_uri=self._redirect,
            scope="openid profile offline_access",
            state=attempt["state"],
            nonce=attempt["nonce"],
            code_challenge=create_s256_code_challenge(attempt["verifier"]),
            code_challenge_method="S256",
        )
        response = RedirectResponse(there, 303, NEVER_STORED)
        kept = json.dumps({**attempt, "next": _inside(request.query_params.get("next", HOME))})
        # Lax: the issuer sends the browser back from another site, and this cookie must come along
        self._set(response, ATTEMPT, kept.encode().hex(), _ATTEMPT_LIFETIME, "lax")
        return response

    async def callback(self, request: Request) -> Response:
        """Back from the issuer, with a code or a refusal."""
        try:
            attempt = _attempt(request.cookies.get(ATTEMPT))
            said = request.query_params
            if not hmac.compare_digest(said.get("state", "").encode(), attempt["state"].encode()):
                raise BadRequest("This answer belongs to another sign-in; please begin again.")
            if "code" not in said:
                raise NotAllowed(f"The issuer refused: {said.get('error', 'no code')[:60]}.")
            tokens = await self._ask(grant_type="authorization_code", code=said["code"], verifier=attempt["verifier"])
            await self._admit(tokens, attempt["nonce"])
        except DoorRefusal as refusal:
            return problem_refusal(refusal)
        response = RedirectResponse(_inside(attempt["next"]), 303, NEVER_STORED)
        self._set(response, REFRESH, tokens["refresh_token"], _REFRESH_LIFETIME, "strict")
        response.delete_cookie(ATTEMPT, path="/auth")
        return response

    async def token(self, request: Request) -> Response:
        """A fresh access token for the page: `{token, expiresAt}`; 401 when nobody is signed in."""
        try:
            _same_site(request.headers)
            kept = request.cookies.get(REFRESH)
            if not kept:
                raise Unauthenticated("Nobody is signed in here.")
            tokens = await self._ask(grant_type="refresh_token", refresh_token=kept)
        except DoorRefusal as refusal:
            response = problem_refusal(refusal)
            if isinstance(refusal, Unauthenticated):
                response.delete_cookie(REFRESH, path="/auth")
            return response
        ends = now() + timedelta(seconds=float(tokens.get("expires_in", 0)))
        answer = JSONResponse({"token": tokens["access_token"], "expiresAt": ends.isoformat()}, headers=NEVER_STORED)
        if tokens.get("refresh_token"):
            self._set(answer, REFRESH, tokens["refresh_token"], _REFRESH_LIFETIME, "strict")
        return answer

    async def logout(self, request: Request) -> Response:
        """Ends the sign-in, here and at the issuer. May be repeated."""
        try:
            _same_site(request.headers)
            if kept := request.cookies.get(REFRESH):
                await self._issuer.http.send(form_request(self._issuer.revoke, {"token": kept, "client_id": CLIENT}), _WITHIN)
        except TransportError:
            pass  # the cookie goes all the same; the issuer's session ends with its time
        except DoorRefusal as refusal:
            return problem_refusal(refusal)
        response = Response(status_code=204, headers=NEVER_STORED)
        response.delete_cookie(REFRESH, path="/auth")
        return response

    async def _ask(self, *, grant_type: str, verifier: str = "", **said: str) -> dict[str, Any]:
        """The issuer's answer to a grant. Raises: Unauthenticated, Busy."""
        form = {"grant_type": grant_type, "client_id": CLIENT, **said}
        if verifier:
            form |= {"code_verifier": verifier, "redirect_uri": self._redirect}
        try:
            reply = await self._issuer.http.send(form_request(self._issuer.token, form, {"accept": "application/json"}), _WITHIN)
            return _tokens(reply)
        except (TransportError, Unintelligible):
            raise Busy("The issuer does not answer; try again in a moment.", 3) from None

    async def _admit(self, tokens: Mapping[str, Any], nonce: str) -> None:
        """The identity must be meant for us, for this attempt, and an operator of an airline. Raises: Unauthenticated, NotAllowed."""
        claims = await self._id_tokens.read(str(tokens.get("id_token", "")))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise Unauthenticated("The identity belongs to another sign-in.")
        operator_of(claims)
        if not isinstance(tokens.get("refresh_token"), str):
            raise NotAllowed("The issuer gave no refresh token; the console needs offline_access.")

    def _set(self, response: Response, name: str, value: str, lifetime: timedelta, same_site: Any) -> None:
        response.set_cookie(
            name, value, int(lifetime.total_seconds()), path="/auth", secure=self._secure, httponly=True, samesite=same_site
        )


def _tokens(reply: Reply) -> dict[str, Any]:
    said = reply.json()
    if reply.status in (400, 401, 403):
        raise Unauthenticated("The sign-in is over; sign in again.")
    if not reply.ok or not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
        raise Unintelligible("no tokens")
    return said


def _attempt(cookie: str | None) -> dict[str, str]:
    try:
        kept = json.loads(bytes.fromhex(cookie or ""))
        return {name: str(kept[name]) for name in ("state", "nonce", "verifier", "next")}
    except (ValueError, KeyError, TypeError):
        raise BadRequest("No sign-in is under way in this browser; please begin again.") from None


def _inside(path: str) -> str:
    """Only our own pages are returned to: a foreign address here would make us a redirector."""
    parts = urlsplit(path)
    plain = not parts.scheme and not parts.netloc and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain and "\\" not in path and path.isprintable() else HOME


def _same_site(headers: Headers) -> None:
    """Raises: NotAllowed when the browser says that another site asks."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed("Only the console itself may ask this.")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise NotAllowed("Only the console itself may ask this.")
