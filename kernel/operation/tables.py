"""Where a partner operation rests: its intent, its claim, what was answered, and a journal of every try and look-up.

Of it the role `nexa_dispatch` sees and sets the claim columns over all tenants, and no payload.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kernel.saga.tables import claim_columns
from kernel.tables import document, instant, lookup, tenant_table, unique, urn_column


def operation_table(metadata: MetaData) -> Table:
    """`operation`, and `stop` beside it. `reference` is the client reference of the next or running send, `given_up` those before it.

    `line`, `partner` and `airport` say by which stops it is held; without a line it is never stopped.
    """
    _stop(metadata)
    return tenant_table(
        "operation",
        metadata,
        urn_column("urn"),
        Column("name", Text, nullable=False),
        urn_column("subject"),
        urn_column("workflow", nullable=True),
        Column("key", Text, nullable=False),
        Column("reference", Text),
        Column("given_up", ARRAY(Text), nullable=False, server_default=sql("'{}'")),
        document("intent"),
        Column("reply_to", Text),
        Column("withdrawn_by", Text),  # the reply_to of an undo that waits for this to settle
        urn_column("actor", nullable=True),
        Column("correlation", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("sends", Integer, nullable=False, server_default="0"),
        Column("waits", Integer, nullable=False, server_default="0"),  # free retries since the last send, look-up or verification
        Column("looks", Integer, nullable=False, server_default="0"),  # empty look-ups since it became unknown
        Column("verified", Integer, nullable=False, server_default="0"),
        instant("intended_at", default_now=True),
        instant("deadline"),  # no send and no free retry after it
        instant("sent_at", nullable=True),
        instant("unknown_at", nullable=True),  # set while a send under this reference is unresolved
        instant("ended_at", nullable=True),
        instant("watched_at", nullable=True),  # since when something else is done in its place
        Column("told", Text),  # the partner's reference, from a person who says that it is there; empty: there, without one
        Column("journal", JSONB, nullable=False, server_default=sql("'[]'")),
        Column("line", Text),
        Column("partner", Text),
        Column("airport", Text),
        instant("stopped_at", nullable=True),  # since when it is out of the line, by somebody's word
        instant("resumes", nullable=True),  # when it was due
        *claim_columns(),
        unique("key"),
        lookup("name", "share", "due", where="due is not null and owner is null"),
        lookup("owner", where="owner is not null"),
        lookup("deaths", "due", where="deaths > 1 and owner is null"),
        lookup("subject", "workflow"),
        lookup("line", where="line is not null and state = 'INTENT'"),
        partitioned=True,
        versioned=True,
        dispatch_sees=("tenant", "urn", "name", "state", "sends", "due", "owner", "fence", "deaths", "share", "line", "partner", "airport"),
        dispatch_sets=("state", "sends", "sent_at", "owner", "fence", "deaths"),
    )


def _stop(metadata: MetaData) -> Table:
    return tenant_table(
        "stop",
        metadata,
        urn_column("urn"),
        Column("line", Text, nullable=False),
        Column("partner", Text),
        Column("airport", Text),
        Column("reason", Text, nullable=False),
        urn_column("by", nullable=True),
        instant("at", default_now=True),
        instant("resumed_at", nullable=True),
        lookup("line", where="resumed_at is null"),
        partitioned=True,
        versioned=True,
        dispatch_sees=("tenant", "line", "partner", "airport", "resumed_at"),
    )
