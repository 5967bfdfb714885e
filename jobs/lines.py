"""What the domains whose lines can be stopped do alike: screens are told."""

from __future__ import annotations

from jobs.registry import Ports
from kernel.urn import Urn
from kernel.work import Work


def show_line(work: Work, ports: Ports, stop: Urn, version: int) -> None:
    """After the commit."""

    async def publish() -> None:
        ports.feed.publish(work.tenant, "stops", stop, version, urgent=True)

    work.after_commit(publish)
