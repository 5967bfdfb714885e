"""Asking a process of ours whether it is well: one local request, or a look at the file by which a worker says that it lives.

`python -m runtime.probe PORT [PATH]` and `python -m runtime.probe worker` do it for a container's health check.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from pathlib import Path
from typing import Final

PATIENCE: Final = 2.0  # seconds for a local answer; a process that takes longer is not well
STALE: Final = 15.0  # seconds; a worker says every five that it lives, see `runtime.worker.alive_file`


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


def worker_lives(home: Path, pid: int | None = None) -> bool:
    """Whether a worker (that one, or any) said so lately."""
    return any(_is_fresh(file, pid) for file in (home / "workers").glob("*.json"))


def _is_fresh(file: Path, pid: int | None) -> bool:
    try:
        said = json.loads(file.read_text())
        return time.time() - file.stat().st_mtime < STALE and pid in (None, said.get("pid"))
    except (OSError, ValueError):
        return False


def main(arguments: list[str]) -> int:
    """0 when it is well."""
    if arguments[0] == "worker":
        well = worker_lives(Path(os.environ.get("NEXA_HOME", ".nexa")))
    else:
        well = is_ready(int(arguments[0]), *arguments[1:2])
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
