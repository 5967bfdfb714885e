"""Anthropic's twin: reads nothing and fills every form the same way, unless it was told what to answer.

PUT /_sandbox/anthropic/{tenant}/answer    the values of the next form of an airline, in the place of what the schema allows least

The key is taken as `x-api-key` and as a bearer; whether the real service still takes both is UNCONFIRMED.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, ClassVar, Final

from kernel.sandbox.book import Book
from kernel.sandbox.form import filled
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route

MODEL: Final = "claude-sonnet-4-5"


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant; its name is written into the key."""
    digest = hashlib.sha256(f"anthropic-sandbox/{tenant}".encode()).hexdigest()[:32]
    return {"api_key": f"sk_ant_{tenant.encode().hex()}_{digest}", "model": MODEL}


def _error(status: int, kind: str, message: str) -> Said:
    return Said(status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_sandbox"})


class AnthropicTwin(Twin):
    partner: ClassVar[str] = "anthropic"

    def declare(self) -> list[Route]:
        return [route("POST", "/v1/messages", "fill", self.message)]

    def signed_in(self, call: Call) -> str | Said:
        key = call.headers.get("x-api-key") or call.headers.get("authorization", "").removeprefix("Bearer ")
        tenant = _tenant(key)
        if not tenant or not hmac.compare_digest(credentials(tenant)["api_key"].encode(), key.encode()):
            return _error(401, "authentication_error", "invalid x-api-key")
        return tenant

    def failure(self, call: Call) -> Said:
        return _error(500, "api_error", "Internal server error")

    def throttled(self, call: Call) -> Said:
        return _error(429, "rate_limit_error", "This request would exceed your organization's rate limit")

    def refusal(self, call: Call) -> Said:
        return Said(200, _message(call.json(), [], "refusal"))

    def malformed(self, call: Call) -> Said:
        return _error(400, "invalid_request_error", "The request body is not valid")

    def not_found(self, path: str) -> Said:
        return _error(404, "not_found_error", "Not found")

    def told(self) -> dict[str, Any]:
        return {"forms": [{"id": id, **form} for id, form in self.book.all("form")]}

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 2 or parts[1] != "answer":
            return None
        self.book.put("answer", parts[0], {"values": call.json()})
        return Said(204)

    async def message(self, call: Call) -> Said:
        asked = call.json()
        if not call.headers.get("anthropic-version"):
            return _error(400, "invalid_request_error", "anthropic-version: header is required")
        if not isinstance(asked["model"], str) or int(asked["max_tokens"]) < 1 or not asked["messages"]:
            return self.malformed(call)
        if not asked.get("tools"):
            return Said(200, _message(asked, [{"type": "text", "text": "."}], "end_turn"))
        tool = next(each for each in asked["tools"] if each["name"] == asked["tool_choice"]["name"])
        told = self.book.get("answer", call.tenant)
        values = told["values"] if told and told["values"] is not None else filled(tool["input_schema"])
        if told:
            self.book.change("answer", call.tenant, values=None)
        number = len(list(self.book.all("form")))
        self.book.put("form", f"msg_{number}", {"tenant": call.tenant, "name": tool["name"]})
        return Said(
            200, _message(asked, [{"type": "tool_use", "id": f"toolu_{number}", "name": tool["name"], "input": values}], "tool_use")
        )


def _message(asked: Any, content: list[dict[str, Any]], end: str) -> dict[str, Any]:
    head = {"id": "msg_sandbox", "type": "message", "role": "assistant", "model": asked["model"]}
    return {**head, "content": content, "stop_reason": end, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}


def _tenant(key: str) -> str:
    parts = key.split("_")
    try:
        return bytes.fromhex(parts[2]).decode("ascii") if len(parts) == 4 and parts[:2] == ["sk", "ant"] else ""
    except ValueError:
        return ""


def twin(book: Book, limit: Limit | None = None) -> AnthropicTwin:
    return AnthropicTwin(book, limit)
