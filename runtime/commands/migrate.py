"""Bring every database to the schema of this code; may be repeated, also by several at once."""

from __future__ import annotations

import argparse
import asyncio
import os

from runtime.migrate import migrate_with
from runtime.settings import Process, read


def configure(parser: argparse.ArgumentParser) -> None:
    """It takes no options: NEXA_DATABASE_URL is the administrator, NEXA_TENANTS gets its partitions."""


def run(arguments: argparse.Namespace) -> int:
    """Migrate."""
    asyncio.run(migrate_with(read(os.environ, Process.MIGRATE)))
    return 0
