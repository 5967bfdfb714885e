"""Tokens: signed here or by an issuer, and believed only under one algorithm, one type, one issuer, one audience and their time.

The algorithm belongs to the key and is never read from the token. A token that was verified is remembered until it ends.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, OKPKey, RSAKey

from gateway.answer import Unauthenticated
from kernel.clock import monotonic, now
from kernel.http import Http, Request, TransportError, Unintelligible

LONGEST: Final = 4096  # characters; ours have 900
LEEWAY: Final = timedelta(seconds=30)  # between an issuer's clock and ours
REMEMBERED: Final = 20_000  # tokens; a storm's passengers
REFETCH: Final = timedelta(seconds=10)  # an unknown key id may ask the issuer this often, however many tokens carry one

ACCESS: Final = "at+jwt"

Claims = dict[str, Any]
FindKey = Callable[[str | None], Awaitable[Key | None]]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the one algorithm it signs with."""

    key: RSAKey | OKPKey
    algorithm: str

    @classmethod
    def rsa(cls, pem: str) -> Self:
        return cls(_named(RSAKey.import_key(pem)), "RS256")

    @classmethod
    def ed25519(cls, seed: str) -> Self:
        """`seed` is 32 bytes in base64url. Raises: ValueError."""
        raw = base64.urlsafe_b64decode(seed + "=" * (-len(seed) % 4))
        public = _public_of(raw)
        return cls(_named(OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "d": _b64(raw), "x": public})), "Ed25519")

    @property
    def id(self) -> str:
        return str(self.key.kid)

    def sign(self, typ: str, lifetime: timedelta, claims: Mapping[str, Any]) -> str:
        """A token of this type that begins now."""
        at = int(now().timestamp())
        said = {**claims, "iat": at, "exp": at + int(lifetime.total_seconds())}
        return jwt.encode({"alg": self.algorithm, "typ": typ, "kid": self.id}, said, self.key, algorithms=[self.algorithm])

    def jwks(self) -> dict[str, Any]:
        """The public half, as issuers publish it."""
        return {"keys": [{**self.key.as_dict(private=False), "use": "sig", "alg": self.algorithm}]}

    async def find(self, kid: str | None) -> Key | None:
        return self.key if kid in (None, self.id) else None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key of which we have only the half that verifies."""

    key: OKPKey

    @classmethod
    def ed25519(cls, raw: str) -> Self:
        return cls(_named(OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": raw})))

    async def find(self, kid: str | None) -> Key | None:
        return self.key if kid in (None, self.key.kid) else None


@dataclass(slots=True)
class Jwks:
    """An issuer's published keys: fetched at first need, again when a token names a key that is not among them, and kept when the issuer
    is away."""

    http: Http
    path: str
    _keys: KeySet | None = None
    _asked: float = field(default=-1e9)

    async def find(self, kid: str | None) -> Key | None:
        found = self._known(kid)
        if found is None and monotonic() - self._asked >= REFETCH.total_seconds():
            self._asked = monotonic()
            try:
                reply = await self.http.send(Request("GET", self.path), 5.0)
                if reply.ok:
                    self._keys = KeySet.import_key_set(reply.json())
            except (TransportError, Unintelligible, JoseError, ValueError, KeyError):
                return None
            found = self._known(kid)
        return found

    def _known(self, kid: str | None) -> Key | None:
        return next((key for key in self._keys.keys if key.kid == kid), None) if self._keys is not None else None


class _Claims(jwt.JWTClaimsRegistry):
    """What a token must say to be believed."""

    def validate_iat(self, value: object) -> None:
        """Anything: a token from the future only says that its maker's clock is ahead of ours, and keeping its bearer out helps nobody."""


class Verifier:
    """Believes tokens of one kind."""

    def __init__(self, find: FindKey, *, algorithm: str, typ: str, issuer: str, audience: str) -> None:
        self._find, self._algorithm, self._typ, self._issuer, self._audience = find, algorithm, typ, issuer, audience
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    async def read(self, token: str) -> Claims:
        """Its claims. Raises: Unauthenticated, which says what is wrong with it."""
        claims = self._verified.get(token)
        if claims is None:
            claims = await self._verify(token)
            self._verified[token] = claims
            if len(self._verified) > REMEMBERED:
                self._verified.popitem(last=False)
        if until(claims) <= now():
            raise Unauthenticated("The token has expired.")
        return claims

    async def _verify(self, token: str) -> Claims:
        header = _header(token)
        if header.get("alg") != self._algorithm or header.get("typ") != self._typ:
            raise Unauthenticated("This is not a token of the kind that is read here.")
        kid = header.get("kid")
        key = await self._find(kid if isinstance(kid, str) else None)
        if key is None:
            raise Unauthenticated("The token was signed with a key that is not known here.")
        try:
            read = jwt.decode(token, cast(Any, key), algorithms=[self._algorithm])
            registry = _Claims(
                now=lambda: int(now().timestamp()),
                leeway=int(LEEWAY.total_seconds()),
                exp={"essential": True},
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
            )
            registry.validate(read.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthenticated(f"The token is not good here ({type(error).__name__}).") from None
        return dict(read.claims)


def until(claims: Claims) -> datetime:
    return datetime.fromtimestamp(claims["exp"], UTC)


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header. Raises: Unauthenticated."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send a bearer token.")
    return token.strip()


def _header(token: str) -> Mapping[str, Any]:
    head, dot, rest = token.partition(".")
    try:
        if len(token) > LONGEST or not dot or rest.count(".") != 1:
            raise ValueError
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        if not isinstance(header, dict):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError):
        raise Unauthenticated("This is not a token.") from None
    return header


def _named(key: Any) -> Any:
    key.ensure_kid()
    return key


def _public_of(seed: bytes) -> str:
    return _b64(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
