"""A tiny contract, small enough to be read beside the tests of the doors that serve it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import strawberry
from graphql import GraphQLSchema

from gateway.answer import Unauthenticated
from kernel.feed import Feed
from kernel.identity import Operator, Role
from kernel.refusal import Refusal
from kernel.tenancy import Tenant
from kernel.urn import Urn
from resolvers.context import Context, Doors
from schema.audience import OPERATOR, Audience

T1 = Tenant("t1")
ANA = Operator(T1, Urn("urn:operator:ana"), "Ana Rossi", Role.ADMIN)
BEN = Operator(T1, Urn("urn:operator:ben"), "Ben Okafor", Role.ADMIN)
CHEN = Operator(T1, Urn("urn:operator:chen"), "Chen Li", Role.AIRPORT_OPERATOR, frozenset({"JFK"}))
PEOPLE = {"ana": ANA, "ben": BEN, "chen": CHEN}


class TooTired(Refusal):
    """The server is too tired for this."""


@strawberry.type
class Batch:
    seq: str
    snapshot: bool
    items: list[str]


@strawberry.type
class Query:
    @strawberry.field
    async def me(self, info: strawberry.Info[Context, None]) -> str:
        return info.context.operator.name

    @strawberry.field
    def session(self, info: strawberry.Info[Context, None]) -> str:
        return info.context.operator.session

    @strawberry.field
    def double(self, number: int) -> int:
        return number * 2

    @strawberry.field
    def tired(self) -> str | None:
        raise TooTired

    @strawberry.field
    def broken(self) -> str | None:
        raise KeyError("secret-marker")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self, name: str) -> str:
        return name


class World:
    """What subscriptions tell of, and how often anything was executed."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.begun = 0
        self.executed = 0
        self.rights: list[str] = []


def contract(world: World, audience: Audience = OPERATOR) -> Any:
    """What the engine needs of a contract, over the world."""

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def changes(self, info: strawberry.Info[Context, None], topic: str, after: str | None = None) -> AsyncIterator[Batch]:
            world.begun += 1
            world.rights.append(f"{info.context.operator.role}:{info.context.operator.name}:{info.context.operator.session}")
            if topic == "forbidden":
                raise TooTired
            async for batch in world.feed.subscribe(info.context.tenant, topic, after):
                world.executed += 1
                yield Batch(seq=str(batch.seq), snapshot=batch.snapshot, items=[f"{one.urn}@{one.version}" for one in batch.changes])

        @strawberry.subscription
        async def three(self) -> AsyncIterator[int]:
            for number in range(3):
                yield number

    schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)

    class Tiny:
        execution_context_class = schema.execution_context_class

        def __init__(self) -> None:
            self.audience = audience

        @property
        def core(self) -> GraphQLSchema:
            return schema._schema

    return Tiny()


def context(identity: Operator, headers: object = None) -> Context:
    return Context(identity, Doors())


async def by_name(token: str) -> Operator:
    """A sign-in whose tokens are names."""
    if token not in PEOPLE:
        raise Unauthenticated("The token is not good.")
    return PEOPLE[token]
