"""SendGrid's event webhook: verify, then translate.

Signature = base64(DER ECDSA P-256 with SHA-256 over the timestamp's text and the raw body); the account's public key is base64 of a
SubjectPublicKeyInfo. No window against replays is published, and none is needed: what is heard twice changes nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from adapters.sendgrid import translate
from domains.notifications.ports import Delivery
from kernel.secret import Secret
from kernel.webhook import ForgedError, Inbound

SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"


def receive(inbound: Inbound, secrets: Mapping[str, Secret]) -> tuple[Delivery, ...]:
    """The reports about our messages, none for what we do not follow. Raises: ForgedError, Unintelligible for what is signed but broken."""
    verify(inbound, secrets)
    return translate.deliveries(inbound.body)


def verify(inbound: Inbound, secrets: Mapping[str, Secret]) -> None:
    """Raises: ForgedError."""
    if "event_public_key" not in secrets:
        raise ForgedError("there is no event_public_key to verify with")
    covered = inbound.headers.get(TIMESTAMP, "").encode() + inbound.body
    try:
        key = load_der_public_key(base64.b64decode(secrets["event_public_key"].reveal(), validate=True))
        signature = base64.b64decode(inbound.headers.get(SIGNATURE, ""), validate=True)
        if not isinstance(key, EllipticCurvePublicKey):
            raise ForgedError("the event_public_key is of another kind")
        key.verify(signature, covered, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError):
        raise ForgedError("the signature does not match") from None
