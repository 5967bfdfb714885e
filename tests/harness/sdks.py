"""The vendors' own libraries, speaking with our twins: unmodified, in an environment of their own, over loopback HTTP.

A script gets the twin's port and the sandbox's account as JSON, and prints one JSON object: what became of each operation, "ok" or why not.
Where the libraries cannot be installed the tests are skipped loudly; with NEXA_REQUIRE_SDKS (CI) they fail.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from kernel.http import ASGIApp
from runtime import peers
from tests.gateway.serving import serving

GROUP: Final = "sdks"
WITHIN: Final = 60.0  # seconds; a library without a time-out of its own would sit out whatever hangs


@cache
def python() -> Path:
    """The Python that has the libraries; installed at first use."""
    try:
        return peers.install(GROUP, Console(stderr=True, highlight=False))
    except peers.PeersError as error:
        reason = f"NO SDKS: the vendors' own libraries were NOT tried against the sandboxes ({error})"
        if os.environ.get("NEXA_REQUIRE_SDKS"):
            pytest.fail(reason)
        pytest.skip(reason)


def version(distribution: str) -> str:
    """As locked."""
    locked = re.search(rf"^{re.escape(distribution)}==(\S+)", peers.lock_of(GROUP).read_text(), re.MULTILINE)
    assert locked is not None, f"{distribution} is not in the lock of {GROUP}"
    return locked[1]


async def speak(script: Path, app: ASGIApp, account: Mapping[str, str]) -> dict[str, str]:
    """What the script says of each operation."""
    interpreter = await asyncio.to_thread(python)
    alone = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and not name.startswith("TWILIO_")}
    async with serving(app) as port:
        running = await asyncio.create_subprocess_exec(
            str(interpreter), str(script), str(port), json.dumps(account),
            env=alone, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(WITHIN):
                said, complained = await running.communicate()
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()
    assert running.returncode == 0, complained.decode()[-2000:]
    told: dict[str, str] = json.loads(said)
    return told
