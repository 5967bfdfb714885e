"""Holds the audit against itself, chain by chain, and against what the other databases say they told it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domains.audit import queries
from domains.audit.model import BEGINNING, Entry, Fault, FaultKind, Head, check, entry_of
from kernel.database import Database, Databases
from kernel.event import Envelope
from kernel.outbox import sent_to
from kernel.tenancy import Tenant
from kernel.urn import Urn

_PAGE = 2000


async def verify(databases: Databases, tenant: Tenant, in_flight: timedelta) -> tuple[int, list[Fault]]:
    """How many entries there are, and what is wrong. What was told less than `in_flight` ago need not be entered yet."""
    audit = databases["audit"]
    entries, faults = await _chains(audit, tenant)
    for name, database in databases.items():
        if name != "intake":  # passengers only say; it is cases that acts
            faults += await _outbox(audit, database, tenant, in_flight)
    return entries, faults


async def _chains(audit: Database, tenant: Tenant) -> tuple[int, list[Fault]]:
    heads: dict[Urn, Head] = {}
    faults: list[Fault] = []
    count, after = 0, ("", 0)
    while True:
        async with audit.read(tenant) as connection:
            page = await queries.every_entry(connection, tenant, after, _PAGE)
        if not page:
            return count, faults
        count, after = count + len(page), (page[-1].root, page[-1].number)
        faults += check(page, heads)
        heads = {page[-1].root: heads[page[-1].root]}  # chains come one after the other


async def _outbox(audit: Database, sender: Database, tenant: Tenant, in_flight: timedelta) -> list[Fault]:
    faults: list[Fault] = []
    position = 0
    while True:
        async with sender.read(tenant) as connection:
            told = await sent_to(connection, tenant, "audit", after=position, older_than=in_flight, limit=_PAGE)
        if not told:
            return faults
        position = told[-1][0]
        async with audit.read(tenant) as connection:
            entered = await queries.entries_by_message(connection, tenant, [envelope.urn for _, envelope in told])
        faults += [fault for _, envelope in told if (fault := _compare(envelope, entered.get(envelope.urn)))]


def _compare(envelope: Envelope, entered: Entry | None) -> Fault | None:
    expected = entry_of(envelope.body, envelope)
    if entered is None:
        return Fault(envelope.tenant, FaultKind.MISSING, expected.root, None, envelope.urn)
    if replace(entered, number=0, previous=BEGINNING, digest="") != expected:
        return Fault(envelope.tenant, FaultKind.DIFFERENT, entered.root, entered.number, entered.urn)
    return None
