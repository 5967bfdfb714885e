"""The console in a real browser. Where the pages cannot be built the tests are left out with a loud reason; in CI they fail instead."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from runtime import build

HOME: Final = Path(os.environ.get("NEXA_HOME", build.TREE / ".nexa"))  # the site's own: what `up` has built is not built again
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
STARTED_WITHIN: Final = 60  # seconds


def left_out(reason: str) -> NoReturn:
    """Skips, loudly; in CI nothing may be left out."""
    if os.environ.get("CI") or os.environ.get("NEXA_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(f"NOT TESTED: {reason}")


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder with the two pages."""
    try:
        return build.build(HOME)
    except build.BuildError as error:
        left_out(f"the console cannot be built here: {error}")


@dataclass(frozen=True, slots=True)
class FakeSite:
    """A finished page in front of its fake."""

    url: str


@contextlib.contextmanager
def fake_site(built: Path, page: str, told: Mapping[str, str]) -> Iterator[FakeSite]:
    """`vite preview` over the finished build: the bundle as the gateway would serve it, the fake where the gateway would be."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = ["--config", "phone/vite.config.ts"] if page == "phone" else []
    with build.staged(HOME) as stage:  # nobody changes the stage while the fake is read from it
        node = build.find_node()
        command = [str(node.program), "node_modules/vite/bin/vite.js", "preview", *config]
        options = ["--outDir", str((built / page).resolve()), "--port", str(port), "--strictPort"]
        child = subprocess.Popen(
            [*command, *options], cwd=stage, env={**node.environment, **told}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            _await(port, child)
        except BaseException:
            child.kill()
            raise
    try:
        yield FakeSite(f"http://127.0.0.1:{port}")
    finally:
        child.terminate()
        child.communicate(timeout=10)


def _await(port: int, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < until:
        if child.poll() is not None:
            assert child.stdout is not None
            raise AssertionError(f"the fake ended: {child.stdout.read().decode()[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError("the fake did not start")


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's source, out of the staged packages."""
    return (HOME / "build" / "stage" / "console" / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser window of its own, as a laptop at a gate has it."""
    made = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    yield made
    await made.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page on which every error of a script is an error of the test."""
    opened = await context.new_page()
    broken: list[str] = []
    opened.on("pageerror", lambda error: broken.append(str(error)))
    yield opened
    assert broken == []


async def violations(page: Page, axe: str) -> list[str]:
    """What the checker has against the page as it is, in light and in dark."""
    await page.evaluate(axe)
    found: list[str] = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        said = await page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
        found += [
            f"{scheme}: {one['id']}: {one['nodes'][0]['html'][:200]}: {one['nodes'][0]['failureSummary']}" for one in said["violations"]
        ]
    return found
