"""Asking a process of ours whether it is well: one local request, no client library.

`python -m runtime.probe PORT [PATH]` does it for a container's health check.
"""

from __future__ import annotations

import http.client
import json
import sys
from typing import Final

PATIENCE: Final = 2.0  # seconds for a local answer; a process that takes longer is not well


def ask(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, object]:
    """Status and JSON body of a GET; status 0 when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(body)
    except ValueError:
        return answer.status, None


def path_of(process: str) -> str:
    """Where a process says whether it is well; the sandbox has no other address of ours than its control door."""
    return "/_sandbox" if process == "sandbox" else "/readyz"


def is_ready(port: int, path: str = "/readyz") -> bool:
    """Whether it can do its work now, its stores included."""
    return ask(port, path)[0] == 200


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1]), *sys.argv[2:3]) else 1)
