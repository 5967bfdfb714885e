"""What audit does: it enters what it is told, at the end of the right chain."""

from __future__ import annotations

from collections.abc import Sequence

from domains.audit import store
from domains.audit.model import Entry, chain
from kernel.work import Work


async def enter(work: Work, told: Sequence[Entry]) -> list[Entry]:
    """Numbers, seals and inserts, in the order told; the entries as they stand.

    Two writers of one chain cannot both commit: the number is in the primary key. The one that failed is tried again.
    """
    entries = chain(await store.heads(work.connection, work.tenant, {entry.root for entry in told}), told)
    await store.insert_all(work, entries)
    return entries
