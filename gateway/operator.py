"""The operators' door: the console, the graph over HTTP and sockets, and sign-in."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from adapters.registry import OWN_PSS, SHEETS
from gateway.documents import documents_of
from gateway.edge import GraphQLDoor
from gateway.engine import Engine
from gateway.pages import Pages, policy
from gateway.settings import Settings
from gateway.shell import METHODS, closing, correlation_of, shell
from gateway.signin.operators import ConsoleSignIn, Issuer, Operators
from gateway.signin.provider import Provider
from gateway.signin.tokens import SigningKey
from gateway.sockets import SignedIn, SocketDoor
from gateway.stores import Stores
from jobs import sagas
from kernel.account import Accounts
from kernel.database import Databases
from kernel.health import Health
from kernel.http import Http
from kernel.identity import Identity
from kernel.lock import Sessions
from kernel.tenancy import Tenant
from resolvers.context import Context, Doors
from schema.audience import OPERATOR
from schema.contract import contract

PROVIDER = "/provider"


def app(settings: Settings) -> Starlette:
    """The whole door, connected to nothing before its first request but ready to begin."""
    stores = Stores.of(settings)
    databases, feed = stores.databases, stores.feed
    sessions = Sessions.connect(settings.need("coordination_url").reveal())
    issuer, provider = _issuer(settings, databases)
    operators = Operators(issuer, sessions)
    health = Health(Accounts.connect(settings.platform.reveal()), SHEETS, settings.partner_limits)
    doors = Doors(databases=databases, feed=feed, alive=sessions.alive, pss=OWN_PSS, plans=sagas.load(), health=health)
    engine, documents = Engine(contract(OPERATOR)), documents_of("operator")

    def context(identity: Identity, headers: Headers | None = None) -> Context:
        return Context(identity, doors, correlation_of(headers))

    async def sign_in(token: str) -> SignedIn:
        return SignedIn(*await operators.by_token(token))

    graphql = GraphQLDoor(engine, operators.by_request, context, documents=documents)
    sockets = SocketDoor(engine, sign_in, sessions, context, documents=documents)
    auth = ConsoleSignIn(issuer, settings.operator_url)
    socket_address = settings.operator_url.replace("http", "ws", 1)
    console = Pages(settings.home / "build" / "console", policy(socket_address))
    routes = [
        Route("/graphql", graphql.answer, methods=METHODS),
        WebSocketRoute("/graphql", sockets.serve),
        Route("/auth/login", auth.login),
        Route("/auth/callback", auth.callback),
        Route("/auth/token", auth.token, methods=["GET", "POST"]),
        Route("/auth/logout", auth.logout, methods=["POST"]),
        *([Mount(PROVIDER, provider)] if provider else []),
        Route("/console{rest:path}", _to_root),
        Route("/{path:path}", console.answer, methods=METHODS),
    ]
    return shell(
        routes,
        checks={"cases": databases["cases"].tenants, "coordination": feed.ping},
        begin=[databases.examine],
        end=[sockets.close, *closing(stores, sessions, health, issuer.http)],
    )


def _issuer(settings: Settings, databases: Databases) -> tuple[Issuer, Starlette | None]:
    """The development provider inside this process. Production names an issuer of its own; until it can, nobody signs in there."""
    url = settings.operator_url + PROVIDER
    if settings.production:
        return Issuer(url, Http(url)), None
    key = SigningKey.rsa(settings.need("provider_key").reveal())

    async def tenants() -> list[Tenant]:
        return list(settings.tenants) or await databases["access"].tenants()

    clients = {"console": frozenset({f"{settings.operator_url}/auth/callback"})}
    provider = Provider(url, key, databases["access"], tenants, clients).app()
    return Issuer(url, Http(url, app=Starlette(routes=[Mount(PROVIDER, provider)]))), provider


async def _to_root(request: Request) -> Response:
    return RedirectResponse("/", 308)
