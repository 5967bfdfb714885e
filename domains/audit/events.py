"""What audit is told. Every domain sends it through its own outbox, by `Work.audit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.event import message
from kernel.urn import Urn


@message("audit")
class AuditRecorded:
    """Somebody did something. `root` (a case, policy or session) names the chain it joins; `ip` is for people only.

    `before` and `after` are URNs and plain values, never names or contacts.
    """

    entity: Urn
    root: Urn
    action: str
    actor: Urn | None = None
    role: str | None = None
    reason: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    ip: str | None = None
