"""Policies' words into OpenAI's and back; pure."""

from __future__ import annotations

import re
from typing import Any, Final

from domains.policies.ports import Filled, Form
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible, read_json
from kernel.partner import declined, unauthorized
from kernel.wire import an_object, inner, items, text, text_or_none

_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_REFUSALS: Final = {
    "REFUSAL": "it will not read this",
    "CUT_SHORT": "the result would be longer than it may be",
    "MODEL_NOT_FOUND": "the account's model does not exist",
}


def request(form: Form, model: str) -> dict[str, Any]:
    """Raises: ValueError for a form without a proper name."""
    if not _NAME.fullmatch(form.name):
        raise ValueError("a form's name has letters, digits and underscores")
    return {
        "model": model,
        "messages": [{"role": "system", "content": form.purpose}, {"role": "user", "content": form.words}],
        "response_format": {"type": "json_schema", "json_schema": {"name": form.name, "strict": True, "schema": dict(form.schema)}},
    }


def filled(reply: Reply, form: Form) -> Filled | Declined:
    """Raises: Unintelligible."""
    answer = an_object(reply.json())
    choices = items(answer, "choices")
    if not choices:
        raise Unintelligible("choices is missing")
    message, end = inner(choices[0], "message"), text(choices[0], "finish_reason")
    if text_or_none(message, "refusal") or end == "content_filter":
        return declined("OpenAI", "REFUSAL", _REFUSALS)
    if end == "length":
        return declined("OpenAI", "CUT_SHORT", _REFUSALS)
    values = an_object(read_json(text(message, "content")), "content")
    if missing := [name for name in form.schema.get("required", ()) if name not in values]:
        raise Unintelligible(f"{missing[0]} of the form is missing")
    return Filled(values, text(answer, "model"))


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """Their own envelope makes it definite; a 4xx without it may come from something between us."""
    if reply.status == 403:
        return unauthorized()
    if reply.status >= 500:
        return Unknown(f"status {reply.status}")
    try:
        error = inner(an_object(reply.json()), "error")
    except Unintelligible:
        return Unknown(f"status {reply.status}")
    return declined("OpenAI", (text_or_none(error, "code") or text_or_none(error, "type") or "").upper(), _REFUSALS)
