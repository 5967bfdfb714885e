"""OpenAI's own library, unmodified, against our twin: what became of each operation, as one JSON object."""

from __future__ import annotations

import json
import sys

from openai import AuthenticationError, BadRequestError, OpenAI

SCHEMA = {"type": "object", "properties": {"action": {"type": "string"}}, "required": ["action"], "additionalProperties": False}


def main(port: int, account: dict[str, str]) -> dict[str, str]:
    address = f"http://127.0.0.1:{port}/v1"
    client = OpenAI(api_key=account["api_key"], base_url=address, max_retries=0, timeout=5)
    assert [model.id for model in client.models.list()] == [account["model"]]
    answer = completion(client, account["model"], SCHEMA)
    assert json.loads(answer.choices[0].message.content) == {"action": ""}
    assert (answer.choices[0].finish_reason, answer.choices[0].message.refusal) == ("stop", None)
    refused(client, {**SCHEMA, "required": []}, BadRequestError)
    refused(OpenAI(api_key="sk-x-y", base_url=address, max_retries=0, timeout=5), SCHEMA, AuthenticationError)
    return {"fill": "ok", "models": "ok"}


def completion(client: OpenAI, model: str, schema: dict[str, object]):  # type: ignore[no-untyped-def]  # their own type
    form = {"type": "json_schema", "json_schema": {"name": "plan", "strict": True, "schema": schema}}
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "What now?"}], response_format=form)


def refused(client: OpenAI, schema: dict[str, object], error: type[Exception]) -> None:
    try:
        completion(client, "m", schema)
    except error:
        return
    raise AssertionError(f"it should have been refused with {error.__name__}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
