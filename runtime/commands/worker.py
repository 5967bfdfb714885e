"""Work: carry messages, walk sagas, call partners, until told to stop."""

from __future__ import annotations

import argparse
import os

import uvloop

from runtime import logs
from runtime.settings import Process, read
from runtime.worker import serve


def configure(parser: argparse.ArgumentParser) -> None:
    """It takes no options; what it serves is in the environment (NEXA_TENANTS; none: all)."""


def run(arguments: argparse.Namespace) -> int:
    """Work."""
    settings = read(os.environ, Process.WORKER)
    logs.configure(settings.log)
    uvloop.run(serve(settings))
    return 0
