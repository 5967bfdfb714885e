"""Bearer tokens of a partner: one a tenant, shared by all its calls, fetched by one of them while the others wait.

A token that the partner calls expired is replaced once, however many calls were refused with it: who comes second finds the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kernel import clock
from kernel.answer import Answer, NotSent, Ok, Unknown
from kernel.http import Reply
from kernel.partner import SignIn
from kernel.tenancy import Tenant
from kernel.wire import an_object, integer, text

MARGIN: Final = 60  # seconds before its end at which a token is no longer used; a call may take as long


@dataclass(frozen=True, slots=True)
class Token:
    """`until` is by the monotonic clock."""

    value: str = field(repr=False)
    until: float


def token(reply: Reply, default: int | None = None) -> Token:
    """OAuth2's own answer; `default` is its life in seconds where it says none. Raises: Unintelligible."""
    told = an_object(reply.json())
    life = integer(told, "expires_in", default)
    return Token(text(told, "access_token"), clock.monotonic() + max(0, life - MARGIN))


class Tokens:
    """`fetch` asks the partner for a token of this tenant."""

    def __init__(self, fetch: Callable[[Tenant], Awaitable[Answer[Token]]]) -> None:
        self._fetch = fetch
        self._known: dict[Tenant, Token] = {}
        self._asking: dict[Tenant, asyncio.Lock] = {}

    def of(self, tenant: Tenant) -> SignIn:
        """Signs the calls of this tenant in."""

        async def sign_in(fresh: bool) -> Mapping[str, str] | NotSent | Unknown:
            return await self._sign_in(tenant, fresh)

        return sign_in

    async def _sign_in(self, tenant: Tenant, fresh: bool) -> Mapping[str, str] | NotSent | Unknown:
        used = self._known.get(tenant)
        async with self._asking.setdefault(tenant, asyncio.Lock()):
            known = self._known.get(tenant)
            stale = known is None or known.until <= clock.monotonic() or (fresh and known is used)
            if stale or known is None:
                answer = await self._fetch(tenant)
                if not isinstance(answer, Ok):
                    return answer if isinstance(answer, (NotSent, Unknown)) else NotSent(f"sign-in declined: {answer.code}")
                known = self._known[tenant] = answer.value
        return {"authorization": f"Bearer {known.value}"}
