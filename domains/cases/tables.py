"""The tables of nexa_cases. Personal data rests in `party` alone."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from kernel.operation import operation_table
from kernel.saga import workflow_tables
from kernel.tables import document, domain_metadata, instant, lookup, refers_to, tenant_table, unique, urn_column

metadata = domain_metadata("cases")

case = tenant_table(
    "case",
    metadata,
    urn_column("urn"),
    urn_column("flight"),
    Column("airport", Text, nullable=False),
    Column("destination", Text, nullable=False),
    instant("departs"),
    Column("departs_offset", Integer, nullable=False),  # minutes east of UTC: the airport's own clock
    Column("cause", Text, nullable=False),
    Column("external_event", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("manifest_state", Text, nullable=False, server_default="AWAITED"),
    instant("opened_at"),
    unique("external_event"),
    unique("flight"),  # a second notice about the same flight is the same disruption
    lookup("airport", "opened_at"),
    versioned=True,
)

sub_case = tenant_table(
    "sub_case",
    metadata,
    urn_column("urn"),
    urn_column("case_urn"),
    urn_column("pnr"),
    Column("airport", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("mixed_tier", Boolean, nullable=False),
    Column("adults", Integer, nullable=False),
    Column("children", Integer, nullable=False),
    Column("infants", Integer, nullable=False),
    Column("rooms", Integer, nullable=False),
    Column("special_needs", ARRAY(Text), nullable=False),
    document("next_flight", nullable=True),
    Column("check_in", Date),
    Column("check_out", Date),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("reachable", Boolean, nullable=False),
    Column("language", Text, nullable=False),
    urn_column("workflow", nullable=True),
    document("offer", nullable=True),
    Column("snapshot_version", BigInteger, nullable=False),
    Column("snapshot_published", BigInteger, nullable=False, server_default="0"),
    Column("offer_since", BigInteger),  # the snapshot version that first showed the present offer
    instant("opened_at"),
    instant("changed_at"),
    unique("case_urn", "pnr"),
    refers_to("case", "case_urn"),
    lookup("case_urn", "status"),
    lookup("urn", where="snapshot_published < snapshot_version"),
    partitioned=True,
    versioned=True,
)

party = tenant_table(
    "party",
    metadata,
    urn_column("sub_case"),
    urn_column("lead"),
    document("travellers"),
    Column("lead_name", Text, nullable=False),
    Column("phone", Text),
    Column("email", Text),
    Column("language", Text, nullable=False),
    refers_to("sub_case", "sub_case"),
    key=("sub_case",),
    partitioned=True,
)

lock = tenant_table(
    "lock",
    metadata,
    urn_column("sub_case"),
    urn_column("case_urn"),
    Column("fence", BigInteger, nullable=False),
    urn_column("holder", nullable=True),
    Column("holder_name", Text),
    Column("session", Text),
    instant("since", nullable=True),
    refers_to("sub_case", "sub_case"),
    lookup("session", where="session is not null"),
    key=("sub_case",),
    partitioned=True,
)

placed_together = tenant_table(
    "placed_together",
    metadata,
    urn_column("sub_case"),
    urn_column("group_urn"),
    instant("at", default_now=True),
    refers_to("sub_case", "sub_case"),
    lookup("group_urn"),
    key=("sub_case",),
    partitioned=True,
)

demand = tenant_table(
    "demand",
    metadata,
    urn_column("urn"),
    Column("state", Text, nullable=False),
    Column("rooms", Integer, nullable=False),
    Column("airports", ARRAY(Text), nullable=False),
    Column("sub_cases", ARRAY(Text), nullable=False),
    Column("automatic", Boolean, nullable=False),
    urn_column("asked_by", nullable=True),
    instant("asked_at"),
    urn_column("decided_by", nullable=True),
    instant("decided_at", nullable=True),
    Column("reason", Text),
    lookup("asked_at"),
    partitioned=True,
    versioned=True,
)

review = tenant_table(
    "review",
    metadata,
    urn_column("urn"),
    urn_column("case_urn"),
    urn_column("sub_case", nullable=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("summary", Text, nullable=False),
    document("evidence"),
    instant("opened_at"),
    instant("resolved_at", nullable=True),
    urn_column("operation", nullable=True),  # the call to a partner of which nobody can tell
    urn_column("claimed_by", nullable=True),
    Column("claimed_name", Text),
    instant("claimed_at", nullable=True),
    document("decision", nullable=True),
    unique("kind", "subject"),
    refers_to("case", "case_urn"),
    lookup("opened_at", where="resolved_at is null"),
    Index(None, "tenant", "operation", unique=True, postgresql_where=text("operation is not null and resolved_at is null")),
    versioned=True,
)

asked_before = tenant_table(
    "asked_before",
    metadata,
    Column("actor", Text),
    Column("key", Text),
    Column("digest", Text, nullable=False),
    document("answer"),
    instant("at", default_now=True),
    key=("actor", "key"),
    partitioned=True,
)

workflow, workflow_step, signal, worker = workflow_tables(metadata)
operation = operation_table(metadata)
