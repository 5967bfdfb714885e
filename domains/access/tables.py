"""The tables of `nexa_access`. Secrets and tokens are here as digests only."""

from __future__ import annotations

from sqlalchemy import Column, Text
from sqlalchemy.dialects.postgresql import ARRAY

from kernel.tables import domain_metadata, instant, refers_to, tenant_table, unique, urn_column

metadata = domain_metadata("access")

partner = tenant_table(
    "partner",
    metadata,
    urn_column("urn"),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    instant("registered_at", default_now=True),
    versioned=True,
)

partner_secret = tenant_table(
    "partner_secret",
    metadata,
    urn_column("partner"),
    Column("digest", Text, nullable=False),
    instant("valid_from"),
    instant("valid_until"),
    refers_to("partner", "partner"),
    key=("partner", "digest"),
)

operator_session = tenant_table(
    "operator_session",
    metadata,
    urn_column("urn"),
    urn_column("operator"),
    Column("digest", Text, nullable=False),
    Column("previous", Text),
    instant("renewed_at"),
    instant("expires_at"),
    instant("ended_at", nullable=True),
    unique("digest"),
)
