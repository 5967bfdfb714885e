"""The Cloud API's twin: takes template messages, and posts signed statuses a little later, until they are taken.

Numbers with a meaning: +15005550040 is not on WhatsApp (131026, at once), +15005550041 is found out not to be (131026, by webhook),
+15005550042 has left too little time since the last message (131056), +15005550043 reads at once and skips `delivered`. Approved is every
template whose name does not begin with `unapproved_` (132001). A free text is refused, since nobody has written to us (131047). As the
real service does, a refusal quotes the number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any, ClassVar, Final

import orjson

from adapters.whatsapp.translate import E164, TEMPLATE
from adapters.whatsapp.webhook import SIGNATURE, signature
from kernel import clock
from kernel.http import Http, Request
from kernel.sandbox.book import Book, Page
from kernel.sandbox.callback import call_back
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Handler, Route, Said, Twin, route

_UNREACHABLE, _UNDELIVERABLE, _TOO_SOON, _QUICK = "+15005550040", "+15005550041", "+15005550042", "+15005550043"
_ENDS: Final = ("delivered", "read", "failed")
_CALLBACK_BYTES: Final = 512  # of `biz_opaque_callback_data`
_TRIES: Final = 6  # how often a webhook is posted; for days, they say (UNCONFIRMED)


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant; its name is written into the number's id."""
    secret = hashlib.sha256(f"whatsapp-sandbox/{tenant}".encode()).hexdigest()
    return {
        "token": f"EAA{secret[:40]}",
        "phone_number_id": str(int.from_bytes(tenant.encode())),
        "app_secret": secret[32:],
        "verify_token": f"greet-{secret[:12]}",
    }


class RefusedError(Exception):
    def __init__(self, status: int, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.details = status, code, details

    def error(self) -> dict[str, Any]:
        data = {"messaging_product": "whatsapp", "details": self.details or str(self)}
        told = {"message": f"(#{self.code}) {self}", "type": "OAuthException", "code": self.code, "error_data": data}
        return {**told, "fbtrace_id": "A" + hashlib.sha256(str(self).encode()).hexdigest()[:22]}

    def said(self) -> Said:
        return Said(self.status, {"error": self.error()})


class WhatsappTwin(Twin):
    """`pace` is the seconds between two statuses of a message; `outside` reaches whoever is told."""

    partner: ClassVar[str] = "whatsapp"

    def __init__(self, book: Book, limit: Limit | None = None, pace: float = 0.3, outside: Http | None = None) -> None:
        super().__init__(book, limit)
        self.pace = pace
        self.outside = outside or Http("")

    def declare(self) -> list[Route]:
        return [route("POST", r"/v\d+\.\d+/{phone}/messages", "send", _refusing(self.send))]

    def signed_in(self, call: Call) -> str | Said:
        tenant = _tenant(call.parts["phone"])
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(credentials(tenant)["token"].encode(), token.encode()):
            return RefusedError(401, 190, "Invalid OAuth access token - Cannot parse access token").said()
        return tenant

    def failure(self, call: Call) -> Said:
        return RefusedError(500, 131000, "Something went wrong").said()

    def throttled(self, call: Call) -> Said:
        details = "Message failed to send because of too many messages from this phone number"
        return RefusedError(429, 130429, "Rate limit hit", details).said()

    def refusal(self, call: Call) -> Said:
        return RefusedError(400, 131026, "Message undeliverable", f"{call.json().get('to')} cannot be reached").said()

    def malformed(self, call: Call) -> Said:
        return RefusedError(400, 100, "Invalid parameter").said()

    def not_found(self, path: str) -> Said:
        return RefusedError(404, 100, "Unsupported request").said()

    def told(self) -> dict[str, Any]:
        return {"messages": [{"id": id, **message} for id, message in self.book.all("message")]}

    async def send(self, call: Call) -> Said:
        asked = call.json()
        to = str(asked.get("to") or "")
        if asked.get("messaging_product") != "whatsapp":
            raise RefusedError(400, 100, "The parameter messaging_product is required.")
        if not E164.fullmatch(to if to.startswith("+") else f"+{to}"):
            raise RefusedError(400, 100, "Invalid parameter", f"{to} is not a phone number")
        if asked.get("type") != "template":
            raise RefusedError(400, 131047, "Re-engagement message", "More than 24 hours have passed since the customer last replied")
        template = _template(asked["template"])
        reference = asked.get("biz_opaque_callback_data")
        if reference is not None and (not isinstance(reference, str) or len(reference.encode()) > _CALLBACK_BYTES):
            raise RefusedError(400, 100, "Invalid parameter", "biz_opaque_callback_data is too long")
        if to == _UNREACHABLE:
            raise RefusedError(400, 131026, "Message undeliverable", f"{to} is not a WhatsApp number")
        if to == _TOO_SOON:
            raise RefusedError(400, 131056, "(Business Account, Consumer Account) pair rate limit hit", f"too many messages to {to}")
        number = len(list(self.book.all("message")))
        id = "wamid." + base64.b64encode(hashlib.sha256(f"{call.tenant}/{number}".encode()).digest()[:24]).decode()
        self.book.put("message", id, {"tenant": call.tenant, "to": to, **template, "reference": reference, "status": "accepted"})
        self._soon(id)
        contacts = [{"input": to, "wa_id": to.lstrip("+")}]
        return Said(200, {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": id, "message_status": "accepted"}]})

    # What happens later.

    def wake(self) -> None:
        for id, message in self.book.all("message"):
            if message["status"] not in _ENDS:
                self._soon(id)

    def _soon(self, id: str) -> None:
        self.later(self.pace, lambda: self._go_on(id))

    async def _go_on(self, id: str) -> None:
        """The next status of a message, told, until the last."""
        message = self.book.get("message", id)
        if message is None or message["status"] in _ENDS:
            return
        message = self.book.change("message", id, status=_next(message))
        if message["status"] not in _ENDS:
            self._soon(id)
        await self._tell(id, message)

    async def _tell(self, id: str, message: Page) -> None:
        address = self.reports_to(message["tenant"])
        if address is None:
            return
        body = orjson.dumps(_webhook(id, message))
        signed = signature(credentials(message["tenant"])["app_secret"], body)
        head = {"content-type": "application/json", "user-agent": "facebookexternalua", SIGNATURE: signed}
        await call_back(self.faults, self.outside, Request("POST", address, head, body=body), tries=_TRIES, pause=self.pace)


def _template(template: Any) -> dict[str, Any]:
    """Raises: RefusedError."""
    name, language = template["name"], template["language"]["code"]
    if not TEMPLATE.fullmatch(name) or name.startswith("unapproved_") or not re.fullmatch(r"[a-z]{2}(_[A-Z]{2})?", language):
        raise RefusedError(404, 132001, "Template name does not exist in the translation", f"template {name} in {language}")
    texts = [
        parameter["text"]
        for component in template.get("components") or []
        for parameter in component.get("parameters") or []
        if parameter["type"] == "text"
    ]
    if any(re.search(r"[\n\t]| {5}", value) or not value for value in texts):
        raise RefusedError(400, 132018, "The template's parameters have line breaks, tabs or too many blanks")
    return {"template": name, "language": language, "parameters": texts}


def _next(message: Page) -> str:
    if message["status"] == "accepted":
        return "sent"
    if message["to"] == _UNDELIVERABLE:
        return "failed"
    return "read" if message["to"] == _QUICK else "delivered"


def _webhook(id: str, message: Page) -> dict[str, Any]:
    account = credentials(message["tenant"])["phone_number_id"]
    status: dict[str, Any] = {
        "id": id,
        "status": message["status"],
        "timestamp": str(int(clock.now().timestamp())),
        "recipient_id": message["to"].lstrip("+"),
    }
    if message["reference"]:
        status["biz_opaque_callback_data"] = message["reference"]
    if message["status"] == "failed":
        details = {"details": f"{message['to']} is not a WhatsApp number"}
        status["errors"] = [{"code": 131026, "title": "Message undeliverable", "message": "Message undeliverable", "error_data": details}]
    metadata = {"display_phone_number": "15550000001", "phone_number_id": account}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    return {"object": "whatsapp_business_account", "entry": [{"id": f"1{account}", "changes": [{"field": "messages", "value": value}]}]}


def _refusing(handler: Handler) -> Handler:
    async def refusing(call: Call) -> Said:
        try:
            return await handler(call)
        except RefusedError as refused:
            return refused.said()

    return refusing


def _tenant(phone: str) -> str:
    if not re.fullmatch(r"\d{1,77}", phone):
        return ""
    number = int(phone)
    return number.to_bytes((number.bit_length() + 7) // 8).decode("ascii", "replace")


def twin(book: Book, limit: Limit | None = None) -> WhatsappTwin:
    return WhatsappTwin(book, limit)
