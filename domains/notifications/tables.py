"""The tables of `nexa_notifications`. No text, number or address rests here."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Text

from kernel.operation.tables import operation_table
from kernel.tables import document, domain_metadata, instant, lookup, refers_to, tenant_table, unique, urn_column

metadata = domain_metadata("notifications")
operation = operation_table(metadata)

message = tenant_table(
    "message",
    metadata,
    urn_column("urn"),
    urn_column("sub_case"),
    Column("trigger", Text, nullable=False),
    Column("channel", Text, nullable=False),
    urn_column("subject"),
    Column("state", Text, nullable=False),
    Column("delivery", Text),
    Column("vendor", Text),
    Column("vendor_message", Text),
    Column("reply_to", Text),
    Column("reason", Text),
    document("evidence"),
    Column("attempt", Integer, nullable=False),
    Column("airport", Text),
    document("facts"),
    instant("changed_at", default_now=True),
    unique("sub_case", "trigger", "channel", "subject"),
    partitioned=True,
    versioned=True,
)

# Written before a send leaves, so that a text whose answer was lost is known again among the partner's.
sending = tenant_table(
    "sending",
    metadata,
    urn_column("message"),
    Column("reference", Text),
    Column("digest", Text, nullable=False),
    instant("at", default_now=True),
    refers_to("message", "message"),
    key=("message", "reference"),
    partitioned=True,
)

# What the partner reports; may come before we know that the message is ours.
delivery = tenant_table(
    "delivery",
    metadata,
    Column("vendor", Text),
    Column("vendor_message", Text),
    urn_column("message", nullable=True),
    Column("status", Text, nullable=False),
    Column("error", Text),
    instant("at", default_now=True),
    lookup("message"),
    key=("vendor", "vendor_message"),
    partitioned=True,
)
