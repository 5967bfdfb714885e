"""kernel.bearer: one token serves all calls of a tenant, and is renewed once."""

from __future__ import annotations

import asyncio

import pytest

from kernel import clock
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.bearer import MARGIN, Token, Tokens, token
from kernel.http import Reply, Unintelligible
from kernel.tenancy import Tenant

T1, T2 = Tenant("t1"), Tenant("t2")


class Source:
    """Hands out numbered tokens that last, and remembers who asked."""

    def __init__(self, lasting: float = 1000) -> None:
        self.asked: list[Tenant] = []
        self.lasting = lasting

    async def fetch(self, tenant: Tenant) -> Answer[Token]:
        self.asked.append(tenant)
        await asyncio.sleep(0)
        return Ok(Token(f"{tenant}-{len(self.asked)}", clock.monotonic() + self.lasting))


async def test_calls_at_the_same_time_share_one_token() -> None:
    source = Source()
    tokens = Tokens(source.fetch)
    heads = await asyncio.gather(*(tokens.of(T1)(False) for _ in range(5)))
    assert heads == [{"authorization": "Bearer t1-1"}] * 5
    assert source.asked == [T1]


async def test_a_token_is_its_tenants_own() -> None:
    tokens = Tokens(Source().fetch)
    assert await tokens.of(T1)(False) != await tokens.of(T2)(False)


async def test_a_refused_token_is_renewed_once_for_all_who_were_refused() -> None:
    source = Source()
    tokens = Tokens(source.fetch)
    await tokens.of(T1)(False)
    heads = await asyncio.gather(*(tokens.of(T1)(True) for _ in range(4)))
    assert heads == [{"authorization": "Bearer t1-2"}] * 4
    assert len(source.asked) == 2


async def test_a_token_near_its_end_is_not_used() -> None:
    source = Source(lasting=-1)
    tokens = Tokens(source.fetch)
    assert [await tokens.of(T1)(False), await tokens.of(T1)(False)] == [{"authorization": "Bearer t1-1"}, {"authorization": "Bearer t1-2"}]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (NotSent("throttled"), NotSent("throttled")),
        (Unknown("status 500"), Unknown("status 500")),
        (Declined("invalid_client", "no"), NotSent("sign-in declined: invalid_client")),
    ],
)
async def test_without_a_token_the_call_is_not_made(answer: Answer[Token], told: object) -> None:
    async def fetch(tenant: Tenant) -> Answer[Token]:
        return answer

    assert await Tokens(fetch).of(T1)(False) == told


def test_a_token_is_read_with_its_margin_and_prints_nothing() -> None:
    read = token(Reply(200, {}, b'{"access_token":"secret","expires_in":"1799"}'))
    assert 1799 - MARGIN - 5 < read.until - clock.monotonic() <= 1799 - MARGIN
    assert "secret" not in repr(read)
    assert token(Reply(200, {}, b'{"access_token":"s"}'), 100).until > clock.monotonic()


@pytest.mark.parametrize("body", [b"{}", b'{"access_token":"s"}', b'{"access_token":null,"expires_in":1}', b"<html>"])
def test_what_holds_no_token_is_unintelligible(body: bytes) -> None:
    with pytest.raises(Unintelligible):
        token(Reply(200, {}, body))
