"""A token is judged by its end, its issuer and its audience; a maker's clock that is ahead of ours keeps nobody out."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt

from gateway.answer import Unauthenticated
from gateway.signin.tokens import ACCESS, LEEWAY, SigningKey, Verifier
from kernel.clock import now

KEY = SigningKey.ed25519(base64.urlsafe_b64encode(bytes(32)).decode().rstrip("="))
VERIFIER = Verifier(KEY.find, algorithm="Ed25519", typ=ACCESS, issuer="us", audience="you")


def a_token(made: timedelta, lifetime: timedelta, **claims: Any) -> str:
    """Made so much later than now, by the maker's clock."""
    at = int((now() + made).timestamp())
    said = {"iss": "us", "aud": "you", "iat": at, "exp": at + int(lifetime.total_seconds()), **claims}
    return jwt.encode({"alg": "Ed25519", "typ": ACCESS, "kid": KEY.id}, said, KEY.key, algorithms=["Ed25519"])


async def test_a_token_of_a_clock_that_is_ahead_is_believed() -> None:
    assert (await VERIFIER.read(a_token(timedelta(minutes=10), timedelta(hours=1))))["iss"] == "us"


async def test_a_token_that_has_ended_is_not() -> None:
    with pytest.raises(Unauthenticated):
        await VERIFIER.read(a_token(-timedelta(hours=1) - LEEWAY, timedelta(hours=1)))


async def test_a_token_that_says_when_it_begins_is_not_believed_before() -> None:
    begins = int((now() + timedelta(minutes=10)).timestamp())
    with pytest.raises(Unauthenticated):
        await VERIFIER.read(a_token(timedelta(0), timedelta(hours=1), nbf=begins))
