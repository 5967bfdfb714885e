"""Logs are lines of JSON with their facts, and tell no secret."""

from __future__ import annotations

import json
import logging
import sys

from kernel.secret import Secret
from runtime.logs import JsonLines


def _line(message: str, *arguments: object, **facts: object) -> dict[str, object]:
    record = logging.LogRecord(
        "nexa.work", logging.WARNING, __file__, 1, message, arguments, sys.exc_info() if facts.pop("failed", 0) else None
    )
    vars(record).update(facts)
    written = JsonLines().format(record)
    assert "\n" not in written
    return dict(json.loads(written))


def test_a_line_carries_its_facts() -> None:
    line = _line("parked %s", "urn:case:1", tenant="t1", correlation="abc")
    assert line["message"] == "parked urn:case:1"
    assert line["level"] == "warning"
    assert (line["tenant"], line["correlation"]) == ("t1", "abc")
    assert str(line["at"]).endswith("+00:00")


def test_a_secret_stays_one() -> None:
    line = _line("connecting with %s", Secret("hunter2hunter2"), url=Secret("hunter2hunter2"))
    assert "hunter2" not in json.dumps(line)
    assert line["url"] == "***"


def test_a_traceback_stays_on_its_line() -> None:
    try:
        raise ValueError("no such thing")
    except ValueError:
        assert "ValueError: no such thing" in str(_line("failed", failed=True)["error"])
