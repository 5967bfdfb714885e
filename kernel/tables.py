"""How a table of Nexa is declared, so that isolation by tenant is a property of the builder and not of each author's care.

`tenant_table` puts `tenant` first and leads the primary key with it; `unique`, `refers_to` and `lookup` lead the other keys with it (a
foreign-key check bypasses row-level security: without the tenant in the key, a child of one airline could point at another's row).
`kernel.migration.create_tables` turns the declarations into DDL with forced row-level security, grants and partitions. A domain writes:

    metadata = domain_metadata("cases")          # brings outbox, inbox, parked and the relay's lease
    case = tenant_table(
        "case", metadata,
        urn_column("urn"), Column("flight", Text, nullable=False), instant("opened_at"),
        unique("flight"),
        partitioned=True, versioned=True,
    )

Only `platform_table` makes a table without tenants; the catalogue test names each of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

NOW = sql("nexa_now()")
EVERYTHING = ("select", "insert", "update", "delete")
_NAMES = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}


def urn_column(name: str, *, nullable: bool = False) -> Column[str]:
    """A bare URN."""
    return Column(name, Text, nullable=nullable)


def instant(name: str, *, nullable: bool = False, default_now: bool = False) -> Column[object]:
    """An aware instant; with `default_now` the database stamps it with `nexa_now()`."""
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=NOW if default_now else None)


def document(name: str, *, nullable: bool = False) -> Column[object]:
    """A jsonb value."""
    return Column(name, JSONB, nullable=nullable)


def unique(*columns: str) -> UniqueConstraint:
    """Unique within a tenant."""
    return UniqueConstraint("tenant", *columns)


def refers_to(table: str, *columns: str, to: tuple[str, ...] = ("urn",)) -> ForeignKeyConstraint:
    """`columns` name a row of `table` of the same tenant."""
    return ForeignKeyConstraint(["tenant", *columns], [f"{table}.{name}" for name in ("tenant", *to)])


def lookup(*columns: str, where: str | None = None) -> Index:
    """An index led by the tenant; `where` makes it partial."""
    return Index(None, "tenant", *columns, postgresql_where=sql(where) if where else None)


def tenant_table(
    name: str,
    metadata: MetaData,
    *parts: SchemaItem,
    key: tuple[str, ...] = ("urn",),
    partitioned: bool = False,
    versioned: bool = False,
    app: tuple[str, ...] = EVERYTHING,
    dispatch_sees: tuple[str, ...] = (),
    dispatch_sets: tuple[str, ...] = (),
    relayed: bool = False,
) -> Table:
    """A table whose rows belong to tenants: primary key `(tenant, *key)`, forced row-level security.

    `partitioned` gives every tenant its own partition; `versioned` adds `version bigint`, which the store raises with each change.
    `app` lists what the domain's app role may do. `dispatch_sees` and `dispatch_sets` are the claim columns that `nexa_dispatch` reads
    and writes over all tenants; `relayed` lets `nexa_relay` read the rows of all tenants and set `published_at`.
    """
    columns: list[SchemaItem] = [Column("tenant", Text, primary_key=True)]
    if versioned:
        columns.append(Column("version", BigInteger, nullable=False, server_default="1"))
    for part in parts:
        if isinstance(part, Column) and part.name in key:
            part.primary_key, part.nullable = True, False
    partition: dict[str, Any] = {"postgresql_partition_by": "LIST (tenant)"} if partitioned else {}
    return Table(
        name,
        metadata,
        *columns,
        *parts,
        info={
            "tenant": True,
            "app": app,
            "dispatch_sees": dispatch_sees,
            "dispatch_sets": dispatch_sets,
            "relayed": relayed,
        },
        **partition,
    )


def platform_table(name: str, metadata: MetaData, *parts: SchemaItem, grants: dict[str, tuple[str, ...]]) -> Table:
    """A table without tenants and without anything of theirs in it. `grants` says what each role may do; `app` means the domain's own."""
    return Table(name, metadata, *parts, info={"tenant": False, "grants": grants})


def message_columns() -> list[Column[object]]:
    """What a message under way is made of, tenant aside (`kernel.outbox` says what each means)."""
    return [
        Column("position", BigInteger, Identity(always=True)),
        Column("urn", Text, nullable=False),
        Column("sender", Text, nullable=False),
        Column("receiver", Text, nullable=False),
        Column("aggregate", Text, nullable=False),
        Column("seq", BigInteger, nullable=False, server_default="0"),
        Column("name", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("asked", Boolean, nullable=False, server_default="false"),
        Column("body", JSONB, nullable=False),
        Column("reply_to", Text),
        Column("actor", Text),
        Column("correlation", Text, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False, server_default=NOW),
        Column("published_at", DateTime(timezone=True)),
    ]


def message_table(name: str, metadata: MetaData, *parts: SchemaItem, app: tuple[str, ...] = EVERYTHING) -> Table:
    """A table that the relay publishes from: an outbox, or `intake`, where the passenger process may only INSERT."""
    waiting = Index(f"{name}_waiting_idx", "position", postgresql_where=sql("published_at is null"))
    return tenant_table(name, metadata, *message_columns(), waiting, *parts, key=("position",), partitioned=True, app=app, relayed=True)


def relay_lease(metadata: MetaData) -> Table:
    """The one relay of this database, and its fence."""
    return platform_table(
        "relay_lease",
        metadata,
        Column("name", Text, primary_key=True),
        Column("owner", Text, nullable=False),
        Column("fence", BigInteger, nullable=False),
        instant("until"),
        grants={"nexa_relay": ("select", "insert", "update")},
    )


def empty_metadata(domain: str) -> MetaData:
    """Where a database's tables are declared; knows its domain and how constraints are called."""
    return MetaData(naming_convention=_NAMES, info={"domain": domain})


def domain_metadata(domain: str) -> MetaData:
    """The tables every domain starts from: what it sends, what it has taken, what it could not take, and who relays."""
    metadata = empty_metadata(domain)
    message_table("outbox", metadata, unique("receiver", "aggregate", "seq"), lookup("at"))
    tenant_table(
        "outbox_sequence",
        metadata,
        Column("receiver", Text),
        Column("aggregate", Text),
        Column("seq", BigInteger, nullable=False),
        key=("receiver", "aggregate"),
        partitioned=True,
    )
    tenant_table(
        "inbox",
        metadata,
        Column("consumer", Text),
        Column("urn", Text),
        instant("at", default_now=True),
        key=("consumer", "urn"),
        partitioned=True,
    )
    tenant_table(
        "parked",
        metadata,
        Column("aggregate", Text),
        Column("urn", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("error", Text, nullable=False),
        instant("at"),  # when its head was sent: until then back, nothing that says what was taken is forgotten
        instant("redrive_at", nullable=True),  # when somebody asked for it to be played again
        key=("aggregate",),
        dispatch_sees=("tenant", "aggregate", "redrive_at"),
    )
    relay_lease(metadata)
    return metadata
