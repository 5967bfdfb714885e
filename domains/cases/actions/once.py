"""Answering a repeated request with the answer it got, and never doing it twice."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any, Final

from domains.cases import store
from domains.cases.refusals import KeyReused
from kernel.event import encode
from kernel.work import Work

KEPT: Final = timedelta(days=7)


async def answer_of(work: Work, key: str, request: object) -> Any | None:
    """What this actor was answered when the key was first used; None when it is new, and ours from now on.

    `request` is everything the answer depends on. A second request under way waits for the first one's end. Refuses: KeyReused.
    """
    digest = hashlib.sha256(json.dumps(encode(request), sort_keys=True).encode()).hexdigest()
    known = await store.claim_key(work, key, digest)
    if known is None:
        return None
    if known[0] != digest:
        raise KeyReused()
    return known[1]


async def keep_answer(work: Work, key: str, answer: object) -> None:
    """Keeps what was answered, in the same transaction as what was done."""
    await store.store_answer(work, key, encode(answer))


async def forget_answers(work: Work) -> None:
    """Forgets what was asked longer ago than anybody repeats a request; its key is new again."""
    await store.forget_answers(work, KEPT)
