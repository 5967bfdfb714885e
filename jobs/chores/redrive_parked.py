"""Aggregates that were parked are played again once somebody has asked for it."""

from __future__ import annotations

from datetime import timedelta

from jobs.registry import REGISTRY, Ports, chore
from kernel.parked import Redrive


@chore(every=timedelta(seconds=2), each="database")
async def redrive_parked(ports: Ports, database: str) -> None:
    """Plays what was asked for, from the outboxes and in order; may run twice, and beside itself."""
    if database != "intake":  # nothing takes effect there
        await Redrive(ports.databases, REGISTRY.reactions, ports).turn(database)
