"""Notifications' words into the Cloud API's and back; pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Final

from adapters.whatsapp.wire import MessageRQ, Parameter
from domains.notifications.ports import Delivery, DeliveryStatus, Note, SentText
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible, read_json
from kernel.partner import declined, throttled, unauthorized
from kernel.urn import Urn, UrnError
from kernel.wire import Object, an_object, inner, inner_or_empty, integer, items, text, text_or_none

log = logging.getLogger("nexa.partner")

E164: Final = re.compile(r"\+[1-9]\d{6,14}")
TEMPLATE: Final = re.compile(r"[a-z0-9_]{1,512}")

_LANGUAGES: Final = {"pt": "pt_BR"}  # those they have in regional forms only

_STATUSES: Final = {
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "failed": DeliveryStatus.FAILED,
}
_SIGN_IN: Final = frozenset({0, 3, 10, 190, *range(200, 300)})
_THROTTLES: Final = frozenset({4, 80007, 130429, 131048, 131056})
_UNCLEAR: Final = frozenset({1, 2, 131000, 131016})  # they do not say whether anything was done
_REFUSALS: Final = {
    "100": "a parameter of the message is not valid",
    "131026": "the number cannot be reached by chat",
    "131047": "the passenger has not written within 24 hours",
    "131049": "Meta keeps this message from the recipient",
    "132000": "the template has another number of parameters",
    "132001": "the template does not exist in this language, or is not approved",
    "132015": "the template is paused",
    "PAUSED": "the template is paused",
}


def message(note: Note) -> MessageRQ:
    """Raises: ValueError for a template's name that cannot be one."""
    if not TEMPLATE.fullmatch(note.template):
        raise ValueError("a template's name has lower-case letters, digits and underscores")
    parameters: list[Parameter] = [{"type": "text", "text": _one_line(value)} for value in note.parameters]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": note.to,
        "type": "template",
        "template": {
            "name": note.template,
            "language": {"policy": "deterministic", "code": _LANGUAGES.get(note.language, note.language)},
            "components": [{"type": "body", "parameters": parameters}],
        },
        "biz_opaque_callback_data": note.reference,
    }


def _one_line(value: str) -> str:
    """Parameters with line breaks, tabs or runs of blanks are refused; so is an empty one."""
    return " ".join(value.split()) or "-"


def accepted(reply: Reply, to: str) -> SentText | Declined:
    """Raises: Unintelligible, also when the answer is about another recipient."""
    answer = an_object(reply.json())
    for contact in items(answer, "contacts"):
        if _digits(text_or_none(contact, "input") or to) != _digits(to):
            raise Unintelligible("the message is for another recipient")
    taken = items(answer, "messages")
    if not taken:
        raise Unintelligible("messages is missing")
    if text_or_none(taken[0], "message_status") == "paused":
        return declined("WhatsApp", "PAUSED", _REFUSALS)
    return SentText(text(taken[0], "id"), DeliveryStatus.ACCEPTED)  # any other word comes with an id: it was taken


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """By their code first: which HTTP status goes with it is not published. Without one it may come from something between us."""
    try:
        code = integer(inner(an_object(reply.json()), "error"), "code")
    except Unintelligible:
        return Unknown(f"status {reply.status}")
    if code in _THROTTLES:
        return throttled(reply)
    if code in _SIGN_IN:
        return unauthorized()
    if code in _UNCLEAR or (reply.status >= 500 and str(code) not in _REFUSALS):
        return Unknown(f"status {reply.status}, code {code}")
    return declined("WhatsApp", str(code), _REFUSALS)


def deliveries(body: bytes, phone_number_id: str) -> tuple[Delivery, ...]:
    """What a webhook reports about messages from this number. Raises: Unintelligible when it is not a webhook of theirs at all.

    One status that is not as published does not keep the others from being heard.
    """
    told = an_object(read_json(body))
    if "entry" not in told:
        raise Unintelligible("entry is missing")
    found = []
    for status in _statuses(told, phone_number_id):
        try:
            report = _delivery(status)
        except Unintelligible as error:
            log.warning("whatsapp: a status is not as published: %s", error)
            continue
        if report is not None:
            found.append(report)
    return tuple(found)


def _statuses(told: Object, phone_number_id: str) -> Iterator[Object]:
    for entry in items(told, "entry"):
        for change in items(entry, "changes"):
            value = inner_or_empty(change, "value")
            if text_or_none(inner_or_empty(value, "metadata"), "phone_number_id") == phone_number_id:
                yield from items(value, "statuses")


def _delivery(status: Object) -> Delivery | None:
    word = _STATUSES.get(text(status, "status"))
    if word is None:
        return None
    return Delivery(text(status, "id"), word, _error(status) if word is DeliveryStatus.FAILED else None, _reference(status))


def _error(status: Object) -> str:
    """Their code alone: titles and details quote the recipient."""
    try:
        return str(integer(items(status, "errors")[0], "code"))
    except (IndexError, Unintelligible):
        return DeliveryStatus.FAILED.value


def _reference(status: Object) -> Urn | None:
    try:
        return Urn(text_or_none(status, "biz_opaque_callback_data") or "").expect("message")
    except UrnError:
        return None


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdigit())
