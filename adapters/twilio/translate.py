"""Notifications' words into Twilio's and back; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from domains.notifications.ports import Delivery, DeliveryStatus, SentText, Text, digest
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import declined, unauthorized
from kernel.wire import Object, an_object, integer, items, text

E164: Final = re.compile(r"\+[1-9]\d{6,14}")
BODY_LENGTH: Final = 1600  # characters; longer ones are refused (21617)

_STATUSES: Final = {
    "queued": DeliveryStatus.ACCEPTED,
    "accepted": DeliveryStatus.ACCEPTED,
    "scheduled": DeliveryStatus.ACCEPTED,
    "sending": DeliveryStatus.ACCEPTED,
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "partially_delivered": DeliveryStatus.DELIVERED,
    "undelivered": DeliveryStatus.UNDELIVERED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}


_REFUSALS: Final = {
    "21211": "the number is not a valid phone number",
    "21408": "texts to the region of this number are not permitted",
    "21602": "the text is empty",
    "21603": "the account names no sender",
    "21610": "the recipient has unsubscribed",
    "21611": "too many texts are waiting at this sender",
    "21614": "the number cannot receive texts",
    "21617": "the text is too long",
}


def fields(message: Text, sender: Mapping[str, str]) -> dict[str, str]:
    """Raises: ValueError for a text that no phone could get."""
    if not 1 <= len(message.body) <= BODY_LENGTH:
        raise ValueError(f"a text has 1 to {BODY_LENGTH} characters")
    made = {"To": message.to, **sender, "Body": message.body}
    return made | ({"StatusCallback": message.callback} if message.callback else {})


def sent(message: Object) -> SentText:
    return SentText(text(message, "sid"), status(text(message, "status")))


def status(word: str) -> DeliveryStatus:
    if word not in _STATUSES:
        raise Unintelligible("status is not a status of theirs")
    return _STATUSES[word]


def created(reply: Reply, to: str) -> SentText:
    """Raises: Unintelligible, also when the answer is about another recipient."""
    message = an_object(reply.json())
    if text(message, "to") != to:
        raise Unintelligible("the message is for another recipient")
    return sent(message)


def found(reply: Reply, to: str, body_digest: str, since: datetime) -> SentText | None:
    """The newest that matches. Their instants are whole seconds, so `since` is taken as the beginning of its own."""
    answer = an_object(reply.json())
    if "messages" not in answer:
        raise Unintelligible("messages is missing")
    earliest = since.replace(microsecond=0)
    ours = [
        (when, sent(message))
        for message in items(answer, "messages")
        if text(message, "to") == to and digest(_body(message)) == body_digest and (when := instant(message, "date_created")) >= earliest
    ]
    return max(ours, key=lambda pair: pair[0], default=(None, None))[1]


def _body(message: Object) -> str:
    """Empty when it was redacted. Raises: Unintelligible without any, or every look-up would be an empty one."""
    if "body" not in message:
        raise Unintelligible("body is missing")
    return str(message["body"] or "")


def instant(message: Object, name: str) -> datetime:
    """RFC 2822, as they write it."""
    try:
        at = parsedate_to_datetime(text(message, name))
    except (TypeError, ValueError):
        raise Unintelligible(f"{name} is not an instant") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """Their own envelope makes it definite; a 4xx without it may come from something between us."""
    if reply.status == 403:
        return unauthorized()
    if reply.status >= 500:
        return Unknown(f"status {reply.status}")
    try:
        error = an_object(reply.json())
        return declined("Twilio", str(integer(error, "code")), _REFUSALS)
    except Unintelligible:
        return Unknown(f"status {reply.status}")


def delivery(form: Mapping[str, str]) -> Delivery | None:
    """What a status callback reports; None for one that reports nothing we follow. Raises: Unintelligible."""
    word = form.get("MessageStatus") or form.get("SmsStatus") or ""
    if word not in _STATUSES:
        return None
    return Delivery(text(form, "MessageSid"), _STATUSES[word], form.get("ErrorCode") or None)
