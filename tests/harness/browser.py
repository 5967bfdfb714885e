"""A real browser for journeys: the Chromium of this machine, driven by Playwright.

`NEXA_BROWSER` names it, or it is found on PATH. Without one the tests are skipped loudly; with NEXA_REQUIRE_BROWSER (CI) they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--host-resolver-rules=MAP *.localhost 127.0.0.1")


def chromium() -> str | None:
    """The path of a browser, if this machine has one."""
    named = os.environ.get("NEXA_BROWSER")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)


def require() -> str:
    """The path of a browser; skips the test, or fails it where a browser was promised."""
    path = chromium()
    if path is not None:
        return path
    reason = "NO BROWSER: journeys through the console and the phone page were NOT tested (set NEXA_BROWSER to a Chromium)"
    if os.environ.get("NEXA_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """A running browser without a window."""
    path = require()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        try:
            yield running
        finally:
            await running.close()
