"""Serve one front door (operator, passenger, partner), or the partners' sandbox, until it is told to stop."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable
from typing import Final, cast

import uvicorn

from kernel.http import ASGIApp
from runtime import logs, sandbox
from runtime.settings import Process, Settings, read
from runtime.site import BASE, Ports

FAREWELL: Final = 10  # seconds for answers under way, once it was told to stop
_SERVED: Final = (Process.OPERATOR, Process.PASSENGER, Process.PARTNER, Process.SANDBOX)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which door, and where."""
    parser.add_argument("door", choices=[str(process) for process in _SERVED], metavar="operator|passenger|partner|sandbox")
    parser.add_argument("--host", help="the address to listen on (NEXA_HOST, default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen on (NEXA_PORT, default as `up` has it)")
    parser.add_argument("--published-quotas", action="store_true", help="sandbox: keep the partners' own limits, not 50 a second")


def run(arguments: argparse.Namespace) -> int:
    """Serve."""
    process = Process(arguments.door)
    settings = read(os.environ, process)
    logs.configure(settings.log)
    app = _app(process, settings, published_quotas=arguments.published_quotas)
    ports = {**Ports(BASE).gateways, "sandbox": Ports(BASE).sandbox}
    uvicorn.run(
        app,
        host=arguments.host or settings.host,
        port=arguments.port or settings.port or ports[process],
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ws="websockets-sansio",
        ws_max_size=1024 * 1024,
        timeout_graceful_shutdown=FAREWELL,
    )
    return 0


def _app(process: Process, settings: Settings, *, published_quotas: bool) -> ASGIApp:
    """Only this door's module is imported: the passengers' process does not even hold the code of the others."""
    if process is Process.SANDBOX:
        return sandbox.app(settings, published_quotas=published_quotas)
    door = importlib.import_module(f"gateway.{process}")
    return cast(Callable[[Settings], ASGIApp], door.app)(settings)
