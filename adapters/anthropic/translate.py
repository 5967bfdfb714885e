"""Policies' words into Anthropic's and back; pure."""

from __future__ import annotations

import re
from typing import Any, Final

from domains.policies.ports import Filled, Form
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import declined, throttled, unauthorized
from kernel.wire import an_object, inner, items, text, text_or_none

_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_TOKENS: Final = 4096  # of a result; a policy has a few hundred
_OVERLOADED: Final = 529
_REFUSALS: Final = {
    "REFUSAL": "it will not read this",
    "CUT_SHORT": "the result would be longer than it may be",
    "NOT_FOUND_ERROR": "the account's model does not exist",
}


def request(form: Form, model: str) -> dict[str, Any]:
    """Raises: ValueError for a form without a proper name."""
    if not _NAME.fullmatch(form.name):
        raise ValueError("a form's name has letters, digits and underscores")
    return {
        "model": model,
        "max_tokens": _TOKENS,
        "system": form.purpose,
        "messages": [{"role": "user", "content": form.words}],
        "tools": [{"name": form.name, "description": form.purpose, "input_schema": dict(form.schema)}],
        "tool_choice": {"type": "tool", "name": form.name},
    }


def knock(model: str) -> dict[str, Any]:
    """The least that can be asked."""
    return {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "."}]}


def filled(reply: Reply, form: Form) -> Filled | Declined:
    """Raises: Unintelligible."""
    answer = an_object(reply.json())
    end = text(answer, "stop_reason")
    if end == "refusal":
        return declined("Anthropic", "REFUSAL", _REFUSALS)
    if end in ("max_tokens", "model_context_window_exceeded"):
        return declined("Anthropic", "CUT_SHORT", _REFUSALS)
    used = [block for block in items(answer, "content") if block.get("type") == "tool_use" and block.get("name") == form.name]
    if not used:
        raise Unintelligible("content has no use of the tool")
    values = inner(used[0], "input")
    if missing := [name for name in form.schema.get("required", ()) if name not in values]:
        raise Unintelligible(f"{missing[0]} of the form is missing")
    return Filled(values, text(answer, "model"))


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """Their own envelope makes it definite; a 4xx without it may come from something between us."""
    if reply.status == _OVERLOADED:
        return throttled(reply)
    if reply.status == 403:
        return unauthorized()
    if reply.status >= 500:
        return Unknown(f"status {reply.status}")
    try:
        error = inner(an_object(reply.json()), "error")
    except Unintelligible:
        return Unknown(f"status {reply.status}")
    return declined("Anthropic", (text_or_none(error, "type") or "").upper(), _REFUSALS)
