"""Uber's reports about rides: verify, then translate. Signature = hex(HMAC-SHA256(signing key, raw body))."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from adapters.uber import translate
from domains.booking.ports import RideReport
from kernel.http import read_json
from kernel.secret import Secret
from kernel.webhook import ForgedError, Inbound


def signature(key: str, body: bytes) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def receive(inbound: Inbound, secrets: Mapping[str, Secret]) -> tuple[RideReport, ...]:
    """The report; none when it says nothing we follow. Raises: ForgedError, and Unintelligible for what is signed but broken."""
    verify(inbound, secrets)
    report = translate.report(read_json(inbound.body))
    return () if report is None else (report,)


def verify(inbound: Inbound, secrets: Mapping[str, Secret]) -> None:
    """Raises: ForgedError."""
    if "signing_key" not in secrets:
        raise ForgedError("there is no signing_key to verify with")
    expected = signature(secrets["signing_key"].reveal(), inbound.body)
    if not hmac.compare_digest(expected.encode(), inbound.headers.get("x-uber-signature", "").encode()):
        raise ForgedError("the signature does not match")
