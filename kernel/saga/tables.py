"""Where workflows rest: the workflow with its claim, the journal of its steps, the signals that wait for it, and who is alive.

Of `workflow` the role `nexa_dispatch` sees and sets the claim columns over all tenants, and no payload.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

from kernel.tables import document, instant, lookup, platform_table, tenant_table, urn_column


def workflow_tables(metadata: MetaData) -> tuple[Table, Table, Table, Table]:
    """`workflow`, `workflow_step`, `signal` and `worker`."""
    return _workflow(metadata), _workflow_step(metadata), _signal(metadata), _worker(metadata)


def claim_columns() -> list[Column[object]]:
    """What a claim consists of: `owner` null and `due` past means that anybody may take it; each taking raises `fence`."""
    return [
        instant("due", nullable=True),
        Column("owner", Text),
        Column("fence", BigInteger, nullable=False, server_default="0"),
        Column("deaths", Integer, nullable=False, server_default="0"),  # owners that died on it in a row
        Column("share", Integer, nullable=False, server_default="0"),  # `kernel.turns.Share`: a part of each round of claims is kept for it
    ]


def _workflow(metadata: MetaData) -> Table:
    return tenant_table(
        "workflow",
        metadata,
        urn_column("urn"),
        Column("plan", Text, nullable=False),  # name@version
        urn_column("subject"),
        document("params"),
        Column("state", Text, nullable=False),
        Column("step", Text),  # the one it stands at, for screens
        Column("cancel_reason", Text),
        Column("failure", Text),  # why it is undone, in one sentence
        urn_column("actor", nullable=True),
        Column("correlation", Text, nullable=False),
        instant("started_at", default_now=True),
        instant("ended_at", nullable=True),
        *claim_columns(),
        lookup("plan", "share", "due", where="due is not null and owner is null"),
        lookup("owner", where="owner is not null"),
        lookup("deaths", "due", where="deaths > 1 and owner is null"),
        lookup("subject"),
        partitioned=True,
        versioned=True,
        dispatch_sees=("tenant", "urn", "plan", "due", "owner", "fence", "deaths", "share"),
        dispatch_sets=("owner", "fence", "deaths"),
    )


def _workflow_step(metadata: MetaData) -> Table:
    return tenant_table(
        "workflow_step",
        metadata,
        urn_column("workflow"),
        Column("entry", Integer),  # counts the workflow's journal from 1
        Column("step", Text, nullable=False),
        Column("undo", Boolean, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("asks", Integer, nullable=False),  # how often the same question was put
        Column("state", Text, nullable=False),
        Column("reply_to", Text, nullable=False),
        instant("asked_at"),
        instant("deadline", nullable=True),
        instant("ended_at", nullable=True),
        Column("answer_name", Text),
        document("answer", nullable=True),
        Column("summary", Text, nullable=False),
        document("evidence"),
        key=("workflow", "entry"),
        partitioned=True,
        versioned=True,
    )


def _signal(metadata: MetaData) -> Table:
    return tenant_table(
        "signal",
        metadata,
        urn_column("workflow"),
        urn_column("urn"),  # the answering message
        Column("reply_to", Text, nullable=False),
        Column("name", Text, nullable=False),
        document("body"),
        instant("at", default_now=True),
        key=("workflow", "urn"),
        partitioned=True,
    )


def _worker(metadata: MetaData) -> Table:
    return platform_table(
        "worker",
        metadata,
        Column("id", Text, primary_key=True),  # <worker>:<epoch>
        Column("queue", Text),  # where it is rung
        Column("process", Text),  # what its neighbours know it by
        instant("started_at", default_now=True),
        instant("beat_at"),
        instant("cleared_at", nullable=True),  # dead, and nothing of it is left to take over
        grants={"nexa_dispatch": ("select", "insert", "update", "delete"), "app": ("select",)},
    )
