"""The tables of `nexa_booking`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, Numeric, Text

from kernel.operation.tables import operation_table
from kernel.tables import document, domain_metadata, instant, lookup, refers_to, tenant_table, unique, urn_column

metadata = domain_metadata("booking")
operation = operation_table(metadata)

ranking = tenant_table(
    "ranking",
    metadata,
    urn_column("urn"),
    urn_column("sub_case"),
    Column("reply_to", Text),  # whose question it answers; one ranking for each question
    Column("airport", Text, nullable=False),
    Column("rooms", Integer, nullable=False),
    instant("asked_at"),
    document("answered"),
    document("silent"),
    document("excluded"),
    document("left_out"),
    instant("at", default_now=True),
    unique("reply_to"),
    lookup("sub_case"),
    partitioned=True,
)

candidate = tenant_table(
    "candidate",
    metadata,
    urn_column("ranking"),
    Column("place", Integer),
    urn_column("hotel"),
    Column("total", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    document("score"),
    document("offer"),
    refers_to("ranking", "ranking"),
    key=("ranking", "place"),
    partitioned=True,
)

wave = tenant_table(
    "wave",
    metadata,
    urn_column("urn"),
    urn_column("demand"),
    Column("state", Text, nullable=False),
    Column("rooms", Integer, nullable=False),
    Column("searches", Integer, nullable=False),
    Column("answered", Integer, nullable=False, server_default="0"),
    document("cost", nullable=True),
    document("market", nullable=True),
    document("bound", nullable=True),
    Column("why", Text),
    instant("begun_at", default_now=True),
    instant("changed_at", default_now=True),
    unique("demand"),
    lookup("begun_at"),
    partitioned=True,
    versioned=True,
)

wave_search = tenant_table(
    "wave_search",
    metadata,
    urn_column("wave"),
    Column("place", Integer),
    document("wish"),
    Column("parties", Integer, nullable=False),
    document("found", nullable=True),  # the offers, until the wave is planned
    Column("offers", Integer, nullable=False, server_default="0"),
    document("answered", nullable=True),  # null while the sources are asked
    document("silent", nullable=True),
    instant("asked_at", nullable=True),
    refers_to("wave", "wave"),
    key=("wave", "place"),
    partitioned=True,
)

wave_group = tenant_table(
    "wave_group",
    metadata,
    urn_column("wave"),
    urn_column("group_urn"),
    Column("place", Integer),  # in the order of placing, null before
    Column("tier", Text),
    Column("vulnerable", Boolean, nullable=False),
    Column("fate", Text),
    Column("rooms", Integer, nullable=False),
    urn_column("house", nullable=True),
    Column("house_name", Text),
    document("cost", nullable=True),
    document("market", nullable=True),
    Column("why", Text, nullable=False, server_default=""),
    document("excluded", nullable=True),
    refers_to("wave", "wave"),
    key=("wave", "group_urn"),
    partitioned=True,
)

wave_party = tenant_table(
    "wave_party",
    metadata,
    urn_column("wave"),
    urn_column("sub_case"),
    urn_column("group_urn"),
    Column("place", Integer, nullable=False),  # within its group
    Column("seen", BigInteger, nullable=False),  # the version of its sub-case that was read
    document("wish"),
    urn_column("ranking", nullable=True),
    refers_to("wave", "wave"),
    lookup("sub_case"),
    key=("wave", "sub_case"),
    partitioned=True,
)

placement = tenant_table(
    "placement",
    metadata,
    urn_column("workflow"),
    urn_column("sub_case"),
    Column("state", Text, nullable=False),
    urn_column("ranking", nullable=True),
    Column("tolerance_percent", Numeric, nullable=False),
    Column("place", Integer, nullable=False),
    Column("hotels", Integer, nullable=False),
    Column("sends", Integer, nullable=False),
    urn_column("reservation", nullable=True),
    Column("reply_to", Text),
    Column("undo_reply_to", Text),
    Column("reason", Text),
    document("evidence"),
    instant("changed_at", default_now=True),
    lookup("sub_case"),
    key=("workflow",),
    partitioned=True,
    versioned=True,
)

reservation = tenant_table(
    "reservation",
    metadata,
    urn_column("urn"),
    urn_column("sub_case"),
    urn_column("workflow"),
    urn_column("hold"),
    Column("place", Integer, nullable=False),
    Column("state", Text, nullable=False),
    document("offer"),
    Column("airport", Text, nullable=False),
    instant("asked_at"),
    Column("client_reference", Text, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("partner_reference", Text),
    Column("reason", Text),
    instant("changed_at", default_now=True),
    unique("client_reference"),
    lookup("workflow"),
    lookup("sub_case"),
    partitioned=True,
    versioned=True,
)

hold = tenant_table(
    "hold",
    metadata,
    urn_column("urn"),
    Column("night", Date),
    urn_column("reservation"),
    urn_column("hotel"),
    Column("hotel_name", Text, nullable=False),
    Column("room_type", Text, nullable=False),
    Column("airport", Text, nullable=False),
    urn_column("count_urn"),  # the row of hold counts it is part of
    Column("check_in", Date, nullable=False),
    Column("check_out", Date, nullable=False),
    Column("rooms", Integer, nullable=False),
    Column("state", Text, nullable=False),
    instant("until"),
    instant("confirmed_at", nullable=True),
    Column("reported", Integer, nullable=False),
    instant("reported_at"),
    lookup("airport", "night"),
    lookup("hotel", "night"),
    lookup("count_urn"),
    lookup("until", where="state = 'HELD'"),
    key=("urn", "night"),
    partitioned=True,
    versioned=True,
)

contract = tenant_table(
    "contract",
    metadata,
    urn_column("urn"),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    document("facts"),
    instant("created_at", default_now=True),
    lookup("last"),
    versioned=True,
)

inventory = tenant_table(
    "inventory",
    metadata,
    urn_column("contract"),
    Column("room_type", Text),
    Column("night", Date),
    Column("capacity", Integer, nullable=False),
    Column("blocked", Integer, nullable=False, server_default="0"),
    Column("stopped", Boolean, nullable=False, server_default="false"),
    refers_to("contract", "contract"),
    lookup("night"),
    key=("contract", "room_type", "night"),
    partitioned=True,
    versioned=True,
)

unit = tenant_table(
    "unit",
    metadata,
    urn_column("contract"),
    Column("room_type", Text),
    Column("night", Date),
    Column("unit", Integer),  # two who want the same one of a night meet at this key
    urn_column("reservation"),
    Column("client_reference", Text, nullable=False),
    Column("nightly", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    instant("taken_at", default_now=True),
    instant("confirmed_at", nullable=True),
    refers_to("inventory", "contract", "room_type", "night", to=("contract", "room_type", "night")),
    lookup("reservation"),
    lookup("client_reference"),
    key=("contract", "room_type", "night", "unit"),
    partitioned=True,
)

ride = tenant_table(
    "ride",
    metadata,
    urn_column("urn"),
    urn_column("sub_case"),
    urn_column("workflow"),
    Column("state", Text, nullable=False),
    document("drive", nullable=True),
    document("ceiling", nullable=True),
    document("preference"),
    document("quotes"),  # what may be taken, best first; nothing of who rides, nothing of who drives
    Column("place", Integer, nullable=False),
    Column("client_reference", Text),
    Column("reference", Text),
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
