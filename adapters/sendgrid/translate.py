"""Notifications' words into SendGrid's and back; pure."""

from __future__ import annotations

import logging
import re
from typing import Final

from adapters.sendgrid.wire import Address, MailRQ
from domains.notifications.ports import Delivery, DeliveryStatus, Letter, SentText
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible, read_json
from kernel.partner import declined, unauthorized
from kernel.urn import Urn, UrnError
from kernel.wire import Object, an_object, items, text, text_or_none

log = logging.getLogger("nexa.partner")

ADDRESS: Final = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,250}")
REFERENCE: Final = "nexa_message"  # the name among `custom_args` under which our reference travels

_EVENTS: Final = {
    "processed": DeliveryStatus.ACCEPTED,
    "deferred": DeliveryStatus.ACCEPTED,
    "delivered": DeliveryStatus.DELIVERED,
    "open": DeliveryStatus.DELIVERED,  # what was read has arrived, whether or not its delivery was reported
    "click": DeliveryStatus.DELIVERED,
    "bounce": DeliveryStatus.UNDELIVERED,
    "dropped": DeliveryStatus.FAILED,
}
_REFUSALS: Final = {
    "INVALID_ADDRESS": "the address is not one that e-mail can be sent to",
    "INVALID_SENDER": "the account's sender is not one that e-mail can be sent from",
    "TOO_LARGE": "the e-mail is too large",
}
_BOUNCE: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")  # an enhanced status code; their `reason` quotes addresses


def mail(letter: Letter, sender: Address) -> MailRQ:
    """Nothing is tracked: a rewritten link would hand the passenger's way in to a third party, and a mail scanner would use it up."""
    return {
        "personalizations": [{"to": [{"email": letter.to}], "custom_args": {REFERENCE: letter.reference}}],
        "from": sender,
        "subject": letter.title,
        "content": [{"type": "text/plain", "value": letter.body}],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def sent(reply: Reply, reference: Urn) -> SentText:
    """Their status alone says that it was taken. The header with its id is seen in practice and not published: without it our own name
    stands in its place."""
    return SentText(reply.headers.get("x-message-id", "").strip() or reference, DeliveryStatus.ACCEPTED)


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """Their own envelope makes it definite; a 4xx without it may come from something between us."""
    if reply.status == 403:
        return unauthorized()
    if reply.status >= 500:
        return Unknown(f"status {reply.status}")
    try:
        errors = items(an_object(reply.json()), "errors")
    except Unintelligible:
        errors = []
    if not errors:
        return Unknown(f"status {reply.status}")
    return declined("SendGrid", "TOO_LARGE" if reply.status == 413 else _code(text_or_none(errors[0], "field") or ""), _REFUSALS)


def _code(field: str) -> str:
    """They have no codes; the field that is wrong says as much."""
    if field.startswith("personalizations") and field.endswith("email"):
        return "INVALID_ADDRESS"
    return "INVALID_SENDER" if field.startswith("from") else "REFUSED"


def deliveries(body: bytes) -> tuple[Delivery, ...]:
    """What a batch of events reports about messages of ours. Raises: Unintelligible.

    An event that repeats another's id says nothing new. One event that is not as published does not keep the others from being heard.
    """
    batch = read_json(body)
    if not isinstance(batch, list):
        raise Unintelligible("the batch of events is not a list")
    found: dict[str, Delivery] = {}
    for number, event in enumerate(batch):
        try:
            told = an_object(event, "event")
            report = _delivery(told)
            if report is not None:
                found.setdefault(text_or_none(told, "sg_event_id") or f"#{number}", report)
        except Unintelligible as error:
            log.warning("sendgrid: an event is not as published: %s", error)
    return tuple(found.values())


def _delivery(event: Object) -> Delivery | None:
    """None for what reports nothing we follow, and for e-mail that is not ours: the airline may send more from this account."""
    reference, word = _reference(event), text_or_none(event, "event")
    if reference is None:
        return None
    if word is None:
        raise Unintelligible("event is missing")
    status = _EVENTS.get(word)
    if status is None:
        return None
    return Delivery(_message(text(event, "sg_message_id")), status, _error(event, status), reference)


def _reference(event: Object) -> Urn | None:
    try:
        return Urn(text_or_none(event, REFERENCE) or "").expect("message")
    except UrnError:
        return None


def _message(id: str) -> str:
    """Theirs begins with what `X-Message-Id` said and goes on with the way it took."""
    return id.partition(".filter")[0]


def _error(event: Object, status: DeliveryStatus) -> str | None:
    if status not in (DeliveryStatus.UNDELIVERED, DeliveryStatus.FAILED):
        return None
    code = text_or_none(event, "status") or ""
    return code if _BOUNCE.fullmatch(code) else status.value
