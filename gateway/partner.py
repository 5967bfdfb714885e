"""The partners' door: client credentials, trusted documents, their REST form, and what vendors report back."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route

from adapters.registry import GREETINGS, OWN_PSS, WEBHOOKS, vendor_secrets
from gateway.documents import documents_of
from gateway.edge import GraphQLDoor
from gateway.engine import Engine
from gateway.rest import routes as rest_routes
from gateway.settings import Settings
from gateway.shell import METHODS, correlation_of, shell
from gateway.signin.partners import Partners
from gateway.signin.tokens import SigningKey
from gateway.stores import Stores
from gateway.webhooks.inbound import WebhookDoor
from kernel.identity import Identity
from resolvers.context import Context, Doors
from schema.audience import PARTNER
from schema.contract import contract


def app(settings: Settings) -> Starlette:
    """The whole door."""
    stores = Stores.of(settings)
    databases, feed = stores.databases, stores.feed
    partners = Partners(SigningKey.rsa(settings.need("partner_key").reveal()), settings.partner_url, databases["access"])
    doors = Doors(databases=databases, feed=feed, pss=OWN_PSS)
    engine, documents = Engine(contract(PARTNER)), documents_of("partner")

    def context(identity: Identity, headers: Headers | None = None) -> Context:
        return Context(identity, doors, correlation_of(headers))

    graphql = GraphQLDoor(engine, partners.by_request, context, documents=documents, trusted_only=True)
    secrets = vendor_secrets(settings.secrets_dir, production=settings.production)
    webhooks = WebhookDoor(WEBHOOKS, GREETINGS, secrets, databases, settings.partner_url)
    routes = [
        Route("/oauth/token", partners.token, methods=["POST"]),
        Route("/oauth/jwks.json", partners.jwks),
        Route("/partner/graphql", graphql.answer, methods=METHODS),
        Route("/webhooks/{tenant}/{vendor}", webhooks.answer, methods=["POST"]),
        Route("/webhooks/{tenant}/{vendor}", webhooks.greet, methods=["GET"]),
        *rest_routes(engine, partners.by_request, context),
    ]
    return shell(
        routes,
        checks={"cases": databases["cases"].tenants, "coordination": feed.ping},
        begin=[databases.examine],
        end=[stores.close],
    )
