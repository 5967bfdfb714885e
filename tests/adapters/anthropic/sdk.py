"""Anthropic's own library, unmodified, against our twin: what became of each operation, as one JSON object."""

from __future__ import annotations

import json
import sys

from anthropic import Anthropic, AuthenticationError

TOOL = {"name": "plan", "input_schema": {"type": "object", "properties": {"action": {"type": "string"}}, "required": ["action"]}}


def main(port: int, account: dict[str, str]) -> dict[str, str]:
    address = f"http://127.0.0.1:{port}"
    answer = message(Anthropic(api_key=account["api_key"], base_url=address, max_retries=0, timeout=5), account["model"])
    assert (answer.stop_reason, answer.content[0].type, answer.content[0].input) == ("tool_use", "tool_use", {"action": ""})
    try:
        message(Anthropic(api_key="sk_ant_x_y", base_url=address, max_retries=0, timeout=5), account["model"])
    except AuthenticationError:
        return {"fill": "ok"}
    raise AssertionError("a stranger was not refused")


def message(client: Anthropic, model: str):  # type: ignore[no-untyped-def]  # their own type
    asked = [{"role": "user", "content": "What now?"}]
    return client.messages.create(model=model, max_tokens=64, messages=asked, tools=[TOOL], tool_choice={"type": "tool", "name": "plan"})


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
