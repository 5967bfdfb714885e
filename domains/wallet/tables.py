"""The tables of `nexa_wallet`."""

from __future__ import annotations

from sqlalchemy import Column, Numeric, Text

from kernel.operation.tables import operation_table
from kernel.tables import document, domain_metadata, instant, lookup, tenant_table, unique, urn_column

metadata = domain_metadata("wallet")
operation = operation_table(metadata)

card = tenant_table(
    "card",
    metadata,
    urn_column("urn"),
    urn_column("sub_case"),
    urn_column("workflow"),
    Column("state", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("airport", Text),
    Column("vendor", Text),
    document("issued", nullable=True),  # the issuer's ids and the last four digits; never a card number
    Column("reply_to", Text),
    Column("undo_reply_to", Text),
    Column("reason", Text),
    document("evidence"),
    instant("changed_at", default_now=True),
    unique("workflow"),
    lookup("sub_case"),
    partitioned=True,
    versioned=True,
)
