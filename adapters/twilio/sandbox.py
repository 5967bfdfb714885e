"""Twilio's twin: create, list, read, redact and delete messages, and signed status callbacks a little later.

Recipients with a meaning, as in Twilio's own test accounts: +15005550001 is not a number (21211), +15005550003 lies in a region
that is not permitted (21408), +15005550004 has unsubscribed (21610); ours: +15005550030 is never reached (30003).
As the real service does, a refusal quotes the number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar, Final

from adapters.twilio.translate import BODY_LENGTH, E164
from adapters.twilio.webhook import signature
from kernel import clock
from kernel.http import Http, form_request
from kernel.sandbox.book import Book, Page
from kernel.sandbox.callback import call_back
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Handler, Route, Said, Twin, route

_API: Final = "/2010-04-01/Accounts/{account}/Messages"
_ENDS: Final = ("delivered", "undelivered", "failed", "canceled")
_REFUSED: Final = {
    "+15005550001": 21211,
    "+15005550003": 21408,
    "+15005550004": 21610,
}
_ABOUT: Final = {
    21211: "The 'To' number {to} is not a valid phone number.",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}.",
    21610: "Attempt to send to unsubscribed recipient: {to}",
}
_UNREACHABLE: Final = "+15005550030"


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant; its name is written into the account's SID."""
    token = hashlib.sha256(f"twilio-sandbox/{tenant}".encode()).hexdigest()[:32]
    return {"account_sid": "AC" + tenant.encode().hex().ljust(32, "0"), "auth_token": token, "from": "+15005550006"}


class RefusedError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def said(self) -> Said:
        about = f"https://www.twilio.com/docs/errors/{self.code}"
        return Said(self.status, {"code": self.code, "message": str(self), "more_info": about, "status": self.status})


def _refused(code: int, to: str) -> RefusedError:
    return RefusedError(400, code, _ABOUT[code].format(to=to))


class TwilioTwin(Twin):
    """`pace` is the seconds between two statuses of a message; `outside` reaches those who are called back."""

    partner: ClassVar[str] = "twilio"

    def __init__(self, book: Book, limit: Limit | None = None, pace: float = 0.3, outside: Http | None = None) -> None:
        super().__init__(book, limit)
        self.pace = pace
        self.outside = outside or Http("")

    def declare(self) -> list[Route]:
        return [
            route("POST", f"{_API}\\.json", "send", _refusing(self.create)),
            route("GET", f"{_API}\\.json", "find", _refusing(self.list_messages)),
            route("GET", f"{_API}/{{sid}}\\.json", "read", _refusing(self.read)),
            route("POST", f"{_API}/{{sid}}\\.json", "change", _refusing(self.change)),
            route("DELETE", f"{_API}/{{sid}}\\.json", "delete", _refusing(self.delete)),
        ]

    def signed_in(self, call: Call) -> str | Said:
        account = call.parts["account"]
        tenant = _tenant(account)
        mine = credentials(tenant)
        expected = "Basic " + base64.b64encode(f"{account}:{mine['auth_token']}".encode()).decode()
        if mine["account_sid"] != account or not hmac.compare_digest(call.headers.get("authorization", "").encode(), expected.encode()):
            return RefusedError(401, 20003, "Authenticate").said()
        return tenant

    def failure(self, call: Call) -> Said:
        return RefusedError(500, 20500, "Internal Server Error").said()

    def throttled(self, call: Call) -> Said:
        return RefusedError(429, 20429, "Too Many Requests").said()

    def refusal(self, call: Call) -> Said:
        return _refused(21211, call.form().get("To", "")).said()

    def malformed(self, call: Call) -> Said:
        return RefusedError(400, 20001, "The request is malformed").said()

    def not_found(self, path: str) -> Said:
        return RefusedError(404, 20404, "The requested resource was not found").said()

    def told(self) -> dict[str, Any]:
        return {"messages": [{"sid": sid, **message} for sid, message in self.book.all("message")]}

    # Their operations.

    async def create(self, call: Call) -> Said:
        form = call.form()
        to, body = form.get("To", ""), form.get("Body", "")
        if not E164.fullmatch(to):
            raise _refused(21211, to)
        if to in _REFUSED:
            raise _refused(_REFUSED[to], to)
        if not (form.get("From") or form.get("MessagingServiceSid")):
            raise RefusedError(400, 21603, "A 'From' phone number is required")
        if not body:
            raise RefusedError(400, 21602, "Message body is required")
        if len(body) > BODY_LENGTH:
            raise RefusedError(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        number = len(list(self.book.all("message")))
        sid = "SM" + hashlib.sha256(f"{call.tenant}/{number}".encode()).hexdigest()[:32]
        service = form.get("MessagingServiceSid")
        page = {"tenant": call.tenant, "to": to, "body": body, "status": "accepted" if service else "queued", "errorCode": None}
        kept = {"from": form.get("From"), "service": service, "callback": form.get("StatusCallback"), "sentAt": None}
        message = self.book.put("message", sid, {**page, **kept})
        self._soon(sid)
        return Said(201, _shown(sid, message))

    async def list_messages(self, call: Call) -> Said:
        newest = clock.now() - timedelta(seconds=call.lag)
        size = int(call.query.get("PageSize", 50))
        page = int(call.query.get("Page", 0))
        messages = [
            _shown(sid, message)
            for sid, message in reversed(list(self.book.all("message")))
            if message["tenant"] == call.tenant
            and call.query.get("To") in (None, message["to"])
            and call.query.get("From") in (None, message["from"])
            and datetime.fromisoformat(message["at"]) <= newest
            and _dated(message, call.query)
        ]
        part = messages[page * size : (page + 1) * size]
        more = f"{call.path}?Page={page + 1}&PageSize={size}" if len(messages) > (page + 1) * size else None
        place = {"page": page, "page_size": size, "start": page * size, "end": page * size + len(part) - 1, "uri": call.path}
        links = {"first_page_uri": f"{call.path}?Page=0&PageSize={size}", "next_page_uri": more, "previous_page_uri": None}
        return Said(200, {"messages": part, **place, **links})

    async def read(self, call: Call) -> Said:
        return Said(200, _shown(call.parts["sid"], self._known(call)))

    async def change(self, call: Call) -> Said:
        message, form = self._known(call), call.form()
        if form.get("Body") == "":
            message = self.book.change("message", call.parts["sid"], body="")
        elif form.get("Status") == "canceled":
            raise RefusedError(400, 30409, f"Message is {message['status']} and cannot be canceled")
        return Said(200, _shown(call.parts["sid"], message))

    async def delete(self, call: Call) -> Said:
        self._known(call)
        self.book.change("message", call.parts["sid"], tenant=f"deleted by {call.tenant}")
        return Said(204)

    # What happens later.

    def wake(self) -> None:
        for sid, message in self.book.all("message"):
            if message["status"] not in _ENDS:
                self._soon(sid)

    def _soon(self, sid: str) -> None:
        self.later(self.pace, lambda: self._go_on(sid))

    async def _go_on(self, sid: str) -> None:
        """The next status of a message, and its callback, until the last."""
        message = self.book.get("message", sid)
        if message is None or message["status"] in _ENDS:
            return
        if message["status"] in ("queued", "accepted"):
            message = self.book.change("message", sid, status="sent", sentAt=clock.now().isoformat())
            self._soon(sid)
        elif message["to"] == _UNREACHABLE:
            message = self.book.change("message", sid, status="undelivered", errorCode=30003)
        else:
            message = self.book.change("message", sid, status="delivered")
        if message["callback"]:
            await self._call_back(sid, message)

    async def _call_back(self, sid: str, message: Page) -> None:
        """One attempt: status callbacks are not repeated by default (UNCONFIRMED)."""
        url, form = message["callback"], _callback_form(sid, message)
        signed = signature(credentials(message["tenant"])["auth_token"], url, form)
        head = {"x-twilio-signature": signed, "user-agent": "TwilioProxy/1.1"}
        await call_back(self.faults, self.outside, form_request(url, form, head))

    def _known(self, call: Call) -> Page:
        message = self.book.get("message", call.parts["sid"])
        if message is None or message["tenant"] != call.tenant:
            raise RefusedError(404, 20404, "The requested resource was not found")
        return message


def _refusing(handler: Handler) -> Handler:
    async def refusing(call: Call) -> Said:
        try:
            return await handler(call)
        except RefusedError as refused:
            return refused.said()

    return refusing


def _tenant(account: str) -> str:
    if not re.fullmatch(r"AC[0-9a-f]{32}", account):
        return ""
    return bytes.fromhex(account[2:]).rstrip(b"\0").decode("ascii", "replace")


def _dated(message: Page, query: Any) -> bool:
    """The three forms of their DateSent filter; days in UTC. What is not sent yet has no such date."""
    wanted = {name: query[name] for name in ("DateSent", "DateSent<", "DateSent>") if name in query}
    if not wanted:
        return True
    if message["sentAt"] is None:
        return False
    day = message["sentAt"][:10]
    tests = {"DateSent": lambda limit: day == limit, "DateSent<": lambda limit: day <= limit, "DateSent>": lambda limit: day >= limit}
    return all(tests[name](limit[:10]) for name, limit in wanted.items())


def _callback_form(sid: str, message: Page) -> dict[str, str]:
    form = {
        "AccountSid": credentials(message["tenant"])["account_sid"],
        "ApiVersion": "2010-04-01",
        "From": message["from"] or "",
        "MessageSid": sid,
        "MessageStatus": message["status"],
        "SmsSid": sid,
        "SmsStatus": message["status"],
        "To": message["to"],
    }
    return form | ({"ErrorCode": str(message["errorCode"])} if message["errorCode"] else {})


def _shown(sid: str, message: Page) -> dict[str, Any]:
    account = credentials(message["tenant"])["account_sid"]
    base = f"/2010-04-01/Accounts/{account}/Messages/{sid}"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": message["body"],
        "date_created": _rfc2822(message["at"]),
        "date_sent": _rfc2822(message["sentAt"]),
        "date_updated": _rfc2822(message["sentAt"] or message["at"]),
        "direction": "outbound-api",
        "error_code": message["errorCode"],
        "error_message": None,
        "from": message["from"],
        "messaging_service_sid": message["service"],
        "num_media": "0",
        "num_segments": str(-(-len(message["body"]) // 153) if len(message["body"]) > 160 else 1),
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": message["status"],
        "subresource_uris": {"media": f"{base}/Media.json"},
        "to": message["to"],
        "uri": f"{base}.json",
    }


def _rfc2822(at: str | None) -> str | None:
    return format_datetime(datetime.fromisoformat(at)) if at else None


def twin(book: Book, limit: Limit | None = None) -> TwilioTwin:
    return TwilioTwin(book, limit)
