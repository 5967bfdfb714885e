"""The tables of nexa_policies."""

from __future__ import annotations

from sqlalchemy import Column, Index, Text
from sqlalchemy import text as sql

from kernel.tables import document, domain_metadata, instant, tenant_table, urn_column

metadata = domain_metadata("policies")

policy = tenant_table(
    "policy",
    metadata,
    urn_column("urn"),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    document("body"),
    instant("activated_at", nullable=True),
    Index("policy_one_active", "tenant", unique=True, postgresql_where=sql("state = 'ACTIVE'")),
    versioned=True,
)
