"""Meta's webhooks: the greeting of a new address, then signed statuses: verify, then translate.

Signature = `sha256=` and hex HMAC-SHA256 over the raw body, under the app's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from adapters.whatsapp import translate
from domains.notifications.ports import Delivery
from kernel.http import Unintelligible
from kernel.secret import Secret
from kernel.webhook import ForgedError, Inbound

SIGNATURE: Final = "x-hub-signature-256"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")  # theirs are numbers; what is echoed must not be able to say anything


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def receive(inbound: Inbound, secrets: Mapping[str, Secret]) -> tuple[Delivery, ...]:
    """The reports about our messages, none for what we do not follow. Raises: ForgedError, Unintelligible for what is signed but broken."""
    if "app_secret" not in secrets or "phone_number_id" not in secrets:
        raise ForgedError("there is no app_secret to verify with")
    given = inbound.headers.get(SIGNATURE, "")
    if not hmac.compare_digest(signature(secrets["app_secret"].reveal(), inbound.body).encode(), given.encode()):
        raise ForgedError("the signature does not match")
    return translate.deliveries(inbound.body, secrets["phone_number_id"].reveal())


def greet(inbound: Inbound, secrets: Mapping[str, Secret]) -> str:
    """What proves that the address is ours: the bare challenge. Raises: ForgedError, Unintelligible."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(inbound.url).query).items()}
    expected = secrets.get("verify_token")
    if expected is None or query.get("hub.mode") != "subscribe":
        raise ForgedError("nobody subscribes")
    if not hmac.compare_digest(expected.reveal().encode(), query.get("hub.verify_token", "").encode()):
        raise ForgedError("the token is not the one that was chosen")
    challenge = query.get("hub.challenge", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise Unintelligible("hub.challenge is not a challenge")
    return challenge
