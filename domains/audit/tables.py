"""The tables of `nexa_audit`: entries are inserted and read, never changed; a trigger refuses even the owner."""

from sqlalchemy import BigInteger, Column, Text
from sqlalchemy.dialects.postgresql import JSON

from kernel.tables import domain_metadata, instant, lookup, tenant_table, urn_column

metadata = domain_metadata("audit")

entry = tenant_table(
    "entry",
    metadata,
    urn_column("root"),
    Column("number", BigInteger, nullable=False),
    urn_column("urn"),
    urn_column("entity"),
    Column("action", Text, nullable=False),
    urn_column("actor", nullable=True),
    Column("role", Text),
    Column("reason", Text),
    Column("before", JSON(none_as_null=True)),  # json, not jsonb: it keeps the very text, and the digest is over that
    Column("after", JSON(none_as_null=True)),
    instant("at"),
    Column("correlation", Text, nullable=False),
    Column("ip", Text),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    lookup("urn"),
    lookup("entity", "at"),
    key=("root", "number"),
    partitioned=True,
    app=("select", "insert"),
)
