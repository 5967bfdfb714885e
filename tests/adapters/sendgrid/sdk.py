"""SendGrid's own library, unmodified, against our twin: what became of each operation, as one JSON object."""

from __future__ import annotations

import json
import sys

from python_http_client.exceptions import BadRequestsError, UnauthorizedError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import CustomArg, Mail


def main(port: int, account: dict[str, str]) -> dict[str, str]:
    host = f"http://127.0.0.1:{port}"
    client = SendGridAPIClient(account["api_key"], host=host)
    client.client.timeout = 5  # it has no time-out of its own
    mail = Mail(account["from"], "ana@passengers.example", "Your room is ready", plain_text_content="See it.")
    mail.custom_arg = CustomArg("nexa_message", "urn:message:m-1")
    reply = client.send(mail)
    assert (reply.status_code, reply.body) == (202, b"")
    assert reply.headers["X-Message-Id"]
    refused(client, {**mail.get(), "personalizations": []}, BadRequestsError)
    stranger = SendGridAPIClient("SG.x.y", host=host)
    stranger.client.timeout = 5
    refused(stranger, mail.get(), UnauthorizedError)
    return {"send": "ok"}


def refused(client: SendGridAPIClient, body: dict[str, object], error: type[Exception]) -> None:
    try:
        client.client.mail.send.post(request_body=body)
    except error:
        return
    raise AssertionError(f"it should have been refused with {error.__name__}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
