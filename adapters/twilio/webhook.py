"""Twilio's delivery reports: verify, then translate.

Signature = base64(HMAC-SHA1(auth token, url + name and value of every form field, sorted by name)); a JSON body is covered by
`bodySHA256` in the URL instead. With `X-Twilio-Webhooks-Signature-Settings: key=..,algorithm=HMAC_SHA256` it is HMAC-SHA256
under a shared secret (`shared_key`). Every field received is covered, also those we do not know.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from adapters.twilio import translate
from domains.notifications.ports import Delivery
from kernel.secret import Secret
from kernel.webhook import ForgedError, Inbound

_PORTS: Final = {"http": 80, "https": 443}


def signature(secret: str, url: str, form: Mapping[str, str], algorithm: str = "sha1") -> str:
    covered = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(secret.encode(), covered.encode(), algorithm).digest()).decode()


def receive(inbound: Inbound, secrets: Mapping[str, Secret]) -> tuple[Delivery, ...]:
    """The report; none when it says nothing we follow. Raises: ForgedError, and Unintelligible for what is signed but broken."""
    is_form = "json" not in inbound.headers.get("content-type", "")
    form = dict(parse_qsl(inbound.body.decode("utf-8", "replace"), keep_blank_values=True)) if is_form else {}
    verify(inbound, form, secrets)
    report = translate.delivery(form) if is_form else None
    return () if report is None else (report,)


def verify(inbound: Inbound, form: Mapping[str, str], secrets: Mapping[str, Secret]) -> None:
    """Raises: ForgedError. The address counts with and without its port, since they sign either."""
    algorithm, secret = _key(inbound.headers.get("x-twilio-webhooks-signature-settings", ""), secrets)
    given = inbound.headers.get("x-twilio-signature", "")
    expected = [signature(secret.reveal(), url, form, algorithm) for url in _spellings(inbound.url)]
    if not any(hmac.compare_digest(one.encode(), given.encode()) for one in expected):
        raise ForgedError("the signature does not match")
    if not form and inbound.body:
        promised = parse_qs(urlsplit(inbound.url).query).get("bodySHA256", [""])[0]
        if not hmac.compare_digest(promised.encode(), hashlib.sha256(inbound.body).hexdigest().encode()):
            raise ForgedError("the body is not the one that was signed")


def _key(settings: str, secrets: Mapping[str, Secret]) -> tuple[str, Secret]:
    told = dict(part.strip().split("=", 1) for part in settings.split(",") if "=" in part)
    name, algorithm = ("shared_key", "sha256") if told.get("algorithm") == "HMAC_SHA256" else ("auth_token", "sha1")
    if name not in secrets:
        raise ForgedError(f"there is no {name} to verify with")
    return algorithm, secrets[name]


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return [url, *(urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, f"{host}:{port}"))]
