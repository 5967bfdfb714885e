"""Pomelo's calls to us: signed, short-lived, and our replies are signed too.

Signature = HMAC-SHA256(base64-decoded api secret, timestamp + endpoint + raw body), written `hmac-sha256 <base64>`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.secret import Secret
from kernel.webhook import ForgedError, Inbound

LIFE: Final = timedelta(minutes=1)
_SCHEME: Final = "hmac-sha256 "


def signature(api_secret: Secret, timestamp: str, endpoint: str, body: bytes) -> str:
    """Raises: ValueError when the secret is not base64."""
    key = base64.b64decode(api_secret.reveal(), validate=True)
    made = hmac.new(key, timestamp.encode() + endpoint.encode() + body, hashlib.sha256).digest()
    return _SCHEME + base64.b64encode(made).decode()


def verify(inbound: Inbound, api_secret: Secret, endpoint: str) -> None:
    """`endpoint` is the path as Pomelo knows it. Raises: ForgedError."""
    timestamp, named = inbound.headers.get("x-timestamp", ""), inbound.headers.get("x-endpoint", "")
    if named != endpoint:
        raise ForgedError("x-endpoint is not the path that was called")
    if not timestamp.isdigit() or abs(clock.now().timestamp() - int(timestamp)) > LIFE.total_seconds():
        raise ForgedError("the signature has expired")
    try:
        expected = signature(api_secret, timestamp, endpoint, inbound.body)
    except (ValueError, binascii.Error):
        raise ForgedError("no usable secret") from None
    if not hmac.compare_digest(expected.encode(), inbound.headers.get("x-signature", "").encode()):
        raise ForgedError("the signature does not match")


def signed_reply(api_secret: Secret, endpoint: str, body: bytes) -> Mapping[str, str]:
    """The headers our reply has to carry; its timestamp is ours."""
    timestamp = str(int(clock.now().timestamp()))
    return {"x-endpoint": endpoint, "x-timestamp": timestamp, "x-signature": signature(api_secret, timestamp, endpoint, body)}
