"""SendGrid's twin: takes e-mail, and posts signed batches of events a little later, until they are taken.

Addresses with a meaning, by what stands before the @: `bounce…` comes back, `drop…` is dropped, `defer…` is deferred once and then
delivered. `mail_settings.sandbox_mode` validates and sends nothing, answered with 200 (UNCONFIRMED). A refusal names the field.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.sendgrid.translate import ADDRESS
from adapters.sendgrid.webhook import SIGNATURE, TIMESTAMP
from kernel import clock
from kernel.http import Http, Request
from kernel.sandbox.book import Book, Page
from kernel.sandbox.callback import call_back
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Handler, Route, Said, Twin, route

_ENDS: Final = ("delivered", "bounce", "dropped")
_MOST: Final = 1000  # personalizations, and recipients of each
_ARGS_BYTES: Final = 10_000
_TRIES: Final = 6  # how often a batch is posted; they say 24 hours (UNCONFIRMED)


@lru_cache
def _key(tenant: str) -> EllipticCurvePrivateKey:
    scalar = int.from_bytes(hashlib.sha256(f"sendgrid-sandbox/{tenant}".encode()).digest()[:31])  # one byte short: below the curve's order
    return derive_private_key(scalar, SECP256R1())


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant; its name is written into the key."""
    public = _key(tenant).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "api_key": f"SG.{tenant.encode().hex()}.{hashlib.sha256(f'sendgrid-sandbox/{tenant}'.encode()).hexdigest()[:43]}",
        "from": f"care@{tenant}.example.test",
        "event_public_key": base64.b64encode(public).decode(),
    }


def signed(tenant: str, body: bytes) -> dict[str, str]:
    """The two headers of a batch of events."""
    timestamp = str(int(clock.now().timestamp()))
    signature = _key(tenant).sign(timestamp.encode() + body, ECDSA(SHA256()))
    return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: timestamp}


class RefusedError(Exception):
    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.field = status, field

    def said(self) -> Said:
        return Said(self.status, {"errors": [{"message": str(self), "field": self.field}]})


class SendgridTwin(Twin):
    """`pace` is the seconds between two events of a message; `outside` reaches whoever is told."""

    partner: ClassVar[str] = "sendgrid"

    def __init__(self, book: Book, limit: Limit | None = None, pace: float = 0.3, outside: Http | None = None) -> None:
        super().__init__(book, limit)
        self.pace = pace
        self.outside = outside or Http("")

    def declare(self) -> list[Route]:
        return [route("POST", "/v3/mail/send", "send", _refusing(self.send))]

    def signed_in(self, call: Call) -> str | Said:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        tenant = _tenant(token)
        if not tenant or not hmac.compare_digest(credentials(tenant)["api_key"].encode(), token.encode()):
            return RefusedError(401, "The provided authorization grant is invalid, expired, or revoked").said()
        return tenant

    def failure(self, call: Call) -> Said:
        return RefusedError(500, "Internal server error").said()

    def throttled(self, call: Call) -> Said:
        """They publish no Retry-After; when the window begins anew stands in a header of theirs."""
        head = {"x-ratelimit-limit": f"{self.limit.calls:g}", "x-ratelimit-remaining": "0"}
        head["x-ratelimit-reset"] = str(int(clock.now().timestamp() + self.limit.seconds) + 1)
        return Said(429, RefusedError(429, "too many requests").said().body, head)

    def refusal(self, call: Call) -> Said:
        return RefusedError(400, "Does not contain a valid address.", "personalizations.0.to.0.email").said()

    def malformed(self, call: Call) -> Said:
        return RefusedError(400, "Bad Request").said()

    def not_found(self, path: str) -> Said:
        return RefusedError(404, "Not Found").said()

    def told(self) -> dict[str, Any]:
        return {"messages": [{"id": id, **message} for id, message in self.book.all("message")]}

    async def send(self, call: Call) -> Said:
        asked = call.json()
        letters = _checked(asked)
        if _on(asked.get("mail_settings"), "sandbox_mode"):
            return Said(200)
        number = len(list(self.book.all("message")))
        id = hashlib.sha256(f"{call.tenant}/{number}".encode()).hexdigest()[:22]
        for place, letter in enumerate(letters):  # one id for all of them, as theirs
            kept = {**letter, "tenant": call.tenant, "status": "queued", "events": []}
            self.book.put("message", f"{id}.filter{place:04}", kept)
            self._soon(f"{id}.filter{place:04}")
        return Said(202, None, {"x-message-id": id})

    # What happens later.

    def wake(self) -> None:
        for id, message in self.book.all("message"):
            if message["status"] not in _ENDS:
                self._soon(id)

    def _soon(self, id: str) -> None:
        self.later(self.pace, lambda: self._go_on(id))

    async def _go_on(self, id: str) -> None:
        """The next event of a message, told, until the last."""
        message = self.book.get("message", id)
        if message is None or message["status"] in _ENDS:
            return
        event = _next(message)
        told = [*message["events"], event]
        message = self.book.change("message", id, status=event, events=told)
        if event not in _ENDS:
            self._soon(id)
        await self._tell(id, message, event, len(told))

    async def _tell(self, id: str, message: Page, event: str, number: int) -> None:
        address = self.reports_to(message["tenant"])
        if address is None:
            return
        body = orjson.dumps([_event(id, message, event, number)]) + b"\r\n"  # theirs end so, and it is signed too
        head = {"content-type": "application/json", "user-agent": "SendGrid Event API", **signed(message["tenant"], body)}
        await call_back(self.faults, self.outside, Request("POST", address, head, body=body), tries=_TRIES, pause=self.pace)


def _checked(asked: Any) -> list[dict[str, Any]]:
    """One letter for each personalization. Raises: RefusedError, naming the field."""
    envelopes = asked.get("personalizations")
    if not isinstance(envelopes, list) or not 1 <= len(envelopes) <= _MOST:
        raise RefusedError(400, "The personalizations field is required and must have at least one personalization.", "personalizations")
    if not ADDRESS.fullmatch((asked.get("from") or {}).get("email") or ""):
        raise RefusedError(400, "The from email does not contain a valid address.", "from.email")
    content = asked.get("content")
    if not isinstance(content, list) or not content or not all(part.get("type") and part.get("value") for part in content):
        raise RefusedError(400, "The content value must be a string at least one character in length.", "content.0.value")
    return [_letter(asked, content, number, envelope) for number, envelope in enumerate(envelopes)]


def _letter(asked: Mapping[str, Any], content: Any, number: int, envelope: Mapping[str, Any]) -> dict[str, Any]:
    place, recipients = f"personalizations.{number}", envelope.get("to")
    if not isinstance(recipients, list) or not 1 <= len(recipients) <= _MOST:
        raise RefusedError(400, "The to array is required for all personalization objects.", f"{place}.to")
    for other, recipient in enumerate(recipients):
        if not ADDRESS.fullmatch(recipient.get("email") or ""):
            raise RefusedError(400, "Does not contain a valid address.", f"{place}.to.{other}.email")
    title = envelope.get("subject") or asked.get("subject")
    if not title:
        raise RefusedError(400, "The subject is required.", "subject")
    args = envelope.get("custom_args") or {}
    if not all(isinstance(value, str) for value in args.values()) or len(orjson.dumps(args)) > _ARGS_BYTES:
        raise RefusedError(400, "Custom args must be strings of 10,000 bytes in all.", f"{place}.custom_args")
    return {"to": recipients[0]["email"], "title": title, "body": content[0]["value"], "args": args}


def _next(message: Page) -> str:
    meaning, told = message["to"].partition("@")[0], message["events"]
    if not told:
        return "dropped" if meaning.startswith("drop") else "processed"
    if meaning.startswith("bounce"):
        return "bounce"
    return "deferred" if meaning.startswith("defer") and "deferred" not in told else "delivered"


def _event(id: str, message: Page, event: str, number: int) -> dict[str, Any]:
    told = {
        "email": message["to"],
        "timestamp": int(clock.now().timestamp()),
        "smtp-id": f"<{id}@sandbox>",
        "event": event,
        "sg_event_id": hashlib.sha256(f"{id}/{number}".encode()).hexdigest()[:22],
        "sg_message_id": f"{id}.sandbox.0",
        **message["args"],
    }
    if event == "bounce":
        return {**told, "reason": f"550 5.1.1 <{message['to']}> unknown", "status": "5.1.1", "type": "bounce"}
    if event == "dropped":
        return {**told, "reason": "Bounced Address"}
    if event == "deferred":
        return {**told, "response": "400 try again later", "attempt": "1"}
    return {**told, "response": "250 OK"} if event == "delivered" else told


def _on(settings: Any, name: str) -> bool:
    return bool(((settings or {}).get(name) or {}).get("enable"))


def _refusing(handler: Handler) -> Handler:
    async def refusing(call: Call) -> Said:
        try:
            return await handler(call)
        except RefusedError as refused:
            return refused.said()

    return refusing


def _tenant(token: str) -> str:
    found = re.fullmatch(r"SG\.((?:[0-9a-f]{2})+)\.\w+", token)
    return bytes.fromhex(found[1]).decode("ascii", "replace") if found else ""


def twin(book: Book, limit: Limit | None = None) -> SendgridTwin:
    return SendgridTwin(book, limit)
