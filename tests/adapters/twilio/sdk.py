"""Twilio's own library, unmodified, against our twin: what became of each operation, as one JSON object."""

from __future__ import annotations

import json
import sys

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client


def main(port: int, account: dict[str, str]) -> dict[str, str]:
    client = Client(account["account_sid"], account["auth_token"], http_client=TwilioHttpClient(timeout=5))
    client.api.base_url = f"http://127.0.0.1:{port}"
    sent = client.messages.create(to="+12125550101", from_=account["from"], body="Your room is ready")
    assert (sent.status, sent.to, sent.error_code) == ("queued", "+12125550101", None)
    assert [each.sid for each in client.messages.list(to="+12125550101", limit=5)] == [sent.sid]
    assert client.messages(sent.sid).fetch().body == "Your room is ready"
    assert refusal(client, account["from"]) == (400, 21211)
    assert client.messages(sent.sid).delete()
    return {"send": "ok", "find": "ok"}


def refusal(client: Client, sender: str) -> tuple[int, int] | None:
    try:
        client.messages.create(to="+15005550001", from_=sender, body="Your room is ready")
    except TwilioRestException as error:
        return error.status, error.code
    return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
