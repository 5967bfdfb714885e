from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from gateway.answer import Unauthenticated
from gateway.engine import Engine
from gateway.sockets import OPERATIONS, Patience, SignedIn, SocketDoor
from kernel.clock import now
from kernel.feed import Feed
from kernel.lock import Sessions
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.gateway.serving import Client, serving, socket
from tests.gateway.tiny import T1, World, by_name, context, contract

CHANGES = "subscription($topic: String!, $after: String) { changes(topic: $topic, after: $after) { seq snapshot items } }"
_numbers = itertools.count()


async def sign_in(token: str) -> SignedIn:
    name, _, state = token.partition("-")
    if state == "expired":
        raise Unauthenticated("The token has expired.")
    return SignedIn(await by_name(name), now() + (timedelta(milliseconds=300) if state == "short" else timedelta(minutes=15)))


@pytest.fixture
async def sessions(valkey_urls: ValkeyUrls) -> AsyncIterator[Sessions]:
    made = Sessions.connect(valkey_urls.coordination)
    yield made
    await made.close()


@pytest.fixture
def door(world: World, sessions: Sessions) -> SocketDoor:
    return SocketDoor(Engine(contract(world)), sign_in, sessions, context)


@pytest.fixture
async def port(door: SocketDoor) -> AsyncIterator[int]:
    async with serving(Starlette(routes=[WebSocketRoute("/graphql", door.serve)])) as port:
        yield port
        await door.close()


@pytest.fixture
async def hasty(world: World, sessions: Sessions) -> AsyncIterator[int]:
    """The same door with little patience."""
    patience = Patience(init=timedelta(milliseconds=100), ping=timedelta(milliseconds=50), silence=timedelta(milliseconds=400))
    door = SocketDoor(Engine(contract(world)), sign_in, sessions, context, patience=patience)
    async with serving(Starlette(routes=[WebSocketRoute("/graphql", door.serve)])) as port:
        yield port
        await door.close()


@pytest.fixture
def topic() -> str:
    return f"socket-{next(_numbers)}"


async def batch(client: Client) -> dict[str, Any]:
    message = await client.receive()
    assert message["type"] == "next"
    return dict(message["payload"]["data"]["changes"])


async def test_a_query_over_the_socket(port: int) -> None:
    async with socket(port) as client:
        ack = await client.init()
        await client.subscribe("1", "{ me session }")
        assert await client.receive() == {"id": "1", "type": "next", "payload": {"data": {"me": "Ana Rossi", "session": ack["session"]}}}
        assert await client.receive() == {"id": "1", "type": "complete"}


async def test_a_subscription_that_ends(port: int) -> None:
    async with socket(port) as client:
        await client.init()
        await client.subscribe("x", "subscription { three }")
        assert [(await client.receive())["payload"]["data"]["three"] for _ in range(3)] == [0, 1, 2]
        assert await client.receive() == {"id": "x", "type": "complete"}


async def test_changes_are_pushed_and_completing_ends_them(port: int, feed: Feed, topic: str, door: SocketDoor) -> None:
    async with socket(port) as client:
        await client.init()
        await client.subscribe("1", CHANGES, topic=topic)
        first = await batch(client)
        assert first["snapshot"]
        feed.publish(T1, topic, Urn("urn:case:a"), 4)
        assert (await batch(client))["items"] == ["urn:case:a@4"]
        await client.send({"id": "1", "type": "complete"})
        await client.subscribe("2", "{ me }")
        assert (await client.receive())["id"] == "2"
        assert len(door.fanout) == 0


async def test_one_execution_serves_everyone_with_the_same_rights(port: int, feed: Feed, topic: str, world: World) -> None:
    async with socket(port) as ana, socket(port) as ben, socket(port) as chen:
        for client, name in ((ana, "ana"), (ben, "ben"), (chen, "chen")):
            await client.init(name)
            await client.subscribe(name, CHANGES, topic=topic)
            assert (await batch(client))["snapshot"]
        begun, world.executed = world.begun, 0
        feed.publish(T1, topic, Urn("urn:case:a"), 1)
        messages = [await client.receive() for client in (ana, ben, chen)]
        assert [message["id"] for message in messages] == ["ana", "ben", "chen"]
        assert messages[0]["payload"] == messages[1]["payload"] == messages[2]["payload"]
        assert world.executed == 2  # two sets of rights
        assert world.begun == begun
        assert set(world.rights) == {"ADMIN::", "AIRPORT_OPERATOR::"}  # neither a name nor a session


async def test_twenty_that_come_at_once_share_one_snapshot(port: int, feed: Feed, topic: str, world: World) -> None:
    async with socket(port) as first:
        await first.init()
        await first.subscribe("1", CHANGES, topic=topic)
        await batch(first)
        for number in range(2, 22):
            await first.subscribe(str(number), CHANGES, topic=topic)
        messages = [await first.receive() for _ in range(20)]
        assert {message["payload"]["data"]["changes"]["snapshot"] for message in messages} == {True}
        assert world.begun == 2  # the stream, and one snapshot for all who came late


async def test_who_comes_back_hears_what_he_missed_and_no_more(port: int, feed: Feed, topic: str) -> None:
    async with socket(port) as stays, socket(port) as returns:
        await stays.init()
        await stays.subscribe("s", CHANGES, topic=topic)
        start = (await batch(stays))["seq"]
        for version in (1, 2, 3):
            feed.publish(T1, topic, Urn("urn:case:a"), version, urgent=True)
            await feed.settle()
            await batch(stays)
        await returns.init()
        await returns.subscribe("r", CHANGES, topic=topic, after=start)
        assert [(await batch(returns))["items"] for _ in range(3)] == [["urn:case:a@1"], ["urn:case:a@2"], ["urn:case:a@3"]]
        feed.publish(T1, topic, Urn("urn:case:a"), 4)
        assert (await batch(returns))["items"] == (await batch(stays))["items"] == ["urn:case:a@4"]


async def test_who_comes_back_to_a_restarted_gateway_hears_what_he_missed(port: int, feed: Feed, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    start = str((await anext(stream)).seq)
    await stream.aclose()
    for version in (1, 2):
        feed.publish(T1, topic, Urn("urn:case:a"), version, urgent=True)
        await feed.settle()
    async with socket(port) as client:
        await client.init()
        await client.subscribe("1", CHANGES, topic=topic, after=start)
        batches = [await batch(client) for _ in range(2)]
        assert [one["snapshot"] for one in batches] == [False, False]
        assert [one["items"] for one in batches] == [["urn:case:a@1"], ["urn:case:a@2"]]


async def test_who_comes_from_nowhere_joins_with_a_snapshot_and_then_the_stream(port: int, feed: Feed, topic: str) -> None:
    async with socket(port) as early, socket(port) as late:
        await early.init()
        await early.subscribe("e", CHANGES, topic=topic)
        await batch(early)
        feed.publish(T1, topic, Urn("urn:case:a"), 1)
        seq = (await batch(early))["seq"]
        await late.init()
        await late.subscribe("l", CHANGES, topic=topic, after="0123:5")
        joined = await batch(late)
        assert joined["snapshot"]
        assert joined["seq"] == seq
        feed.publish(T1, topic, Urn("urn:case:a"), 2)
        assert (await batch(late))["items"] == ["urn:case:a@2"]


async def test_after_a_wipe_everybody_starts_over(port: int, feed: Feed, topic: str) -> None:
    async with socket(port) as early, socket(port) as late:
        await early.init()
        await early.subscribe("e", CHANGES, topic=topic)
        await batch(early)
        feed.publish(T1, topic, Urn("urn:case:a"), 1)
        old = (await batch(early))["seq"]
        await feed._redis.delete(*[key async for key in feed._redis.scan_iter(f"feed:*{topic}*")])
        await late.init()
        await late.subscribe("l", CHANGES, topic=topic, after=old.replace(":1", ":0"))
        await batch(late)
        await late.send({"id": "l", "type": "complete"})
        await late.subscribe("m", CHANGES, topic=topic)
        joined = await batch(late)
        assert joined["snapshot"]
        feed.publish(T1, topic, Urn("urn:case:a"), 2)
        again = await batch(early)
        assert again["snapshot"]
        assert again == await batch(late)
        assert again["seq"].split(":")[0] == joined["seq"].split(":")[0] != old.split(":")[0]


async def test_a_subscription_that_is_refused_says_why(port: int, door: SocketDoor) -> None:
    async with socket(port) as client:
        await client.init()
        await client.subscribe("1", CHANGES, topic="forbidden")
        message = await client.receive()
        assert (message["id"], message["type"]) == ("1", "error")
        assert message["payload"][0]["message"] == "The server is too tired for this."
        assert len(door.fanout) == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { double(number: $n) }", "BAD_USER_INPUT"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me } query B { me }", "OPERATION_UNKNOWN"),
    ],
)
async def test_a_bad_operation_ends_alone(port: int, query: str, code: str) -> None:
    async with socket(port) as client:
        await client.init()
        await client.subscribe("1", query)
        message = await client.receive()
        assert (message["id"], message["type"]) == ("1", "error")
        assert message["payload"][0]["extensions"]["code"] == code
        await client.subscribe("1", "{ me }")
        assert (await client.receive())["type"] == "next"


BAD_REQUESTS: list[Any] = ["x", [], {"query": 1}, {"query": "{ me }", "variables": "x"}]
BAD_MESSAGES: list[Any] = [
    *(b"\x00\x01", "", "x", "1", '"text"', "[]", "null", "[" * 3000, "x" * 300_000),
    *({}, {"type": 1}, {"type": "start"}, {"type": "subscribe"}, {"type": "complete"}, {"type": "ping", "payload": 3}),
    {"type": "connection_init", "payload": "x"},
    *({"type": "subscribe", "id": ""}, {"type": "subscribe", "id": 1}, {"type": "subscribe", "id": "1"}),
    *({"type": "subscribe", "id": "1", "payload": payload} for payload in BAD_REQUESTS),
]


@pytest.mark.parametrize("message", BAD_MESSAGES, ids=range(len(BAD_MESSAGES)))
async def test_what_is_not_a_message_closes_with_4400(port: int, message: Any) -> None:
    async with socket(port) as client:
        if not (isinstance(message, dict) and message.get("type") == "connection_init"):
            await client.init()
        await client.send(message)
        assert await client.closed() == 4400


async def test_subscribing_before_the_acknowledgement_closes_with_4401(port: int) -> None:
    async with socket(port) as client:
        await client.subscribe("1", "{ me }")
        assert await client.closed() == 4401


@pytest.mark.parametrize("token", ["nobody", "", None, "ana-expired"])
async def test_a_token_that_is_not_good_closes_with_4403(port: int, token: str | None) -> None:
    async with socket(port) as client:
        await client.send({"type": "connection_init", "payload": {"token": token}})
        assert await client.closed() == 4403


async def test_another_protocol_closes_with_4406(port: int) -> None:
    async with socket(port, protocol="graphql-ws") as client:
        assert await client.closed() == 4406


async def test_an_id_used_twice_closes_with_4409(port: int, topic: str) -> None:
    async with socket(port) as client:
        await client.init()
        await client.subscribe("1", CHANGES, topic=topic)
        await client.subscribe("1", CHANGES, topic=topic)
        assert await client.closed() == 4409


async def test_a_second_init_closes_with_4429(port: int) -> None:
    async with socket(port) as client:
        await client.init()
        await client.send({"type": "connection_init"})
        assert await client.closed() == 4429


async def test_too_many_operations_close_with_4429(port: int, topic: str) -> None:
    async with socket(port) as client:
        await client.init()
        for number in range(OPERATIONS + 1):
            await client.subscribe(str(number), CHANGES, topic=topic)
        assert await client.closed() == 4429


async def test_a_socket_without_init_closes_with_4408(hasty: int) -> None:
    async with socket(hasty) as client:
        assert await client.closed() == 4408


async def test_a_silent_socket_closes_with_4408(hasty: int) -> None:
    async with socket(hasty) as client:
        await client.init()
        assert await client.closed(answering=False) == 4408


async def test_a_socket_that_answers_pings_lives(hasty: int) -> None:
    async with socket(hasty) as client:
        await client.init()
        await client.answer_pings(12)
        await client.subscribe("1", "{ me }")
        assert (await client.receive())["type"] == "next"


async def test_a_ping_is_answered(port: int) -> None:
    async with socket(port) as client:
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}


async def test_a_token_that_ends_closes_with_4403(hasty: int) -> None:
    async with socket(hasty) as client:
        await client.init("ana-short")
        assert await client.closed() == 4403


async def test_a_renewed_token_lets_the_socket_live(hasty: int) -> None:
    async with socket(hasty) as client:
        await client.init("ana-short")
        await client.send({"type": "ping", "payload": {"token": "ana"}})
        assert (await client.receive())["type"] == "pong"
        await client.answer_pings(12)
        await client.subscribe("1", "{ me }")
        assert (await client.receive())["type"] == "next"


@pytest.mark.parametrize("token", ["ben", "nobody"])
async def test_nobody_else_can_renew_it(port: int, token: str) -> None:
    async with socket(port) as client:
        await client.init()
        await client.send({"type": "ping", "payload": {"token": token}})
        assert await client.closed() == 4403


async def test_a_session_outlives_its_socket_and_comes_back(port: int, sessions: Sessions) -> None:
    async with socket(port) as client:
        first = await client.init()
        assert not first["resumed"]
        assert await sessions.owner(first["session"]) == Urn("urn:operator:ana")
    async with socket(port) as client:
        again = await client.init(resume=first["resume"])
        assert again["resumed"]
        assert again["session"] == first["session"]
    async with socket(port) as client:
        other = await client.init("ben", resume=first["resume"])
        assert not other["resumed"]
        assert other["session"] != first["session"]


async def test_a_session_taken_up_elsewhere_closes_the_old_socket(port: int) -> None:
    async with socket(port) as old, socket(port) as new:
        ack = await old.init()
        await new.init(resume=ack["resume"])
        assert await old.closed() == 4403
