"""OpenAI's twin: reads nothing and fills every form the same way, unless it was told what to answer.

PUT /_sandbox/openai/{tenant}/answer    the values of the next form of an airline, in the place of what the schema allows least
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, ClassVar, Final

from kernel import clock
from kernel.sandbox.book import Book
from kernel.sandbox.form import filled
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route

MODEL: Final = "gpt-5-mini"


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant; its name is written into the key."""
    return {"api_key": f"sk-{tenant.encode().hex()}-{hashlib.sha256(f'openai-sandbox/{tenant}'.encode()).hexdigest()[:32]}", "model": MODEL}


def _error(status: int, message: str, kind: str, code: str | None = None) -> Said:
    return Said(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})


class OpenAiTwin(Twin):
    partner: ClassVar[str] = "openai"

    def declare(self) -> list[Route]:
        return [route("POST", "/v1/chat/completions", "fill", self.complete), route("GET", "/v1/models", "models", self.models)]

    def signed_in(self, call: Call) -> str | Said:
        key = call.headers.get("authorization", "").removeprefix("Bearer ")
        tenant = _tenant(key)
        if not tenant or not hmac.compare_digest(credentials(tenant)["api_key"].encode(), key.encode()):
            return _error(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
        return tenant

    def failure(self, call: Call) -> Said:
        return _error(500, "The server had an error while processing your request.", "server_error")

    def throttled(self, call: Call) -> Said:
        return _error(429, "Rate limit reached", "requests", "rate_limit_exceeded")

    def refusal(self, call: Call) -> Said:
        return Said(200, _completion(call.json(), None, "I cannot help with that."))

    def malformed(self, call: Call) -> Said:
        return _error(400, "We could not parse the JSON body of your request.", "invalid_request_error")

    def not_found(self, path: str) -> Said:
        return _error(404, "Invalid URL", "invalid_request_error")

    def told(self) -> dict[str, Any]:
        return {"forms": [{"id": id, **form} for id, form in self.book.all("form")]}

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 2 or parts[1] != "answer":
            return None
        self.book.put("answer", parts[0], {"values": call.json()})
        return Said(204)

    async def complete(self, call: Call) -> Said:
        asked = call.json()
        wanted = asked["response_format"]["json_schema"]
        if not _strict(wanted["schema"]) or not asked["messages"]:
            message = "Invalid schema: additionalProperties must be false, and every property required."
            return _error(400, message, "invalid_request_error", "invalid_value")
        told = self.book.get("answer", call.tenant)
        values = told["values"] if told and told["values"] is not None else filled(wanted["schema"])
        if told:
            self.book.change("answer", call.tenant, values=None)
        number = len(list(self.book.all("form")))
        self.book.put("form", f"chatcmpl-{number}", {"tenant": call.tenant, "name": wanted["name"]})
        return Said(200, _completion(asked, values))

    async def models(self, call: Call) -> Said:
        model = {"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "sandbox"}
        return Said(200, {"object": "list", "data": [model]})


def _completion(asked: Any, values: Any, refusal: str | None = None) -> dict[str, Any]:
    content = None if refusal else json.dumps(values)
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    head = {"id": "chatcmpl-sandbox", "object": "chat.completion", "created": int(clock.now().timestamp()), "model": asked["model"]}
    return {**head, "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


def _strict(schema: Any) -> bool:
    """Whether every object forbids further properties and requires all it has."""
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        whole = schema.get("additionalProperties") is False and set(schema.get("required") or ()) == set(properties)
        return whole and all(_strict(part) for part in properties.values())
    return all(_strict(part) for part in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())])


def _tenant(key: str) -> str:
    parts = key.split("-")
    try:
        return bytes.fromhex(parts[1]).decode("ascii") if len(parts) == 3 and parts[0] == "sk" else ""
    except ValueError:
        return ""


def twin(book: Book, limit: Limit | None = None) -> OpenAiTwin:
    return OpenAiTwin(book, limit)
