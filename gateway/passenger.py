"""The passengers' door: their page, sign-in by link, and one trip read from the snapshot store and answered through the intake.

This process knows no operational database, no partner and no operators' issuer; it was told none of their addresses. It works while they
are down, and whoever takes it over finds the passengers' own documents and nothing else.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.answer import NEVER_STORED, BadRequest, Busy, Unauthenticated
from gateway.documents import documents_of
from gateway.edge import Asked, GraphQLDoor, expect_json, read_body, read_json
from gateway.engine import Answer, Engine, Prepared
from gateway.pages import Pages, policy
from gateway.settings import Settings
from gateway.shell import METHODS, closing, correlation_of, shell
from gateway.signin.passengers import Link, LinkUsed, Passengers
from gateway.signin.tokens import PublicKey, SigningKey
from kernel.identity import Identity
from kernel.intake import Intake
from kernel.refusal import StoreAway
from kernel.snapshot import LinkUse, Snapshots
from kernel.urn import Urn
from resolvers.context import Context, Doors
from schema.audience import PASSENGER
from schema.contract import contract

log = logging.getLogger(__name__)

# A session is for a trip that exists: when the store has lost it, it is on its way back.
NOT_NOW: Final[Mapping[str, int]] = {"REBUILDING": 2, "STORE_AWAY": 3, "NOT_FOUND": 5}
_BODY_LIMIT: Final = 16 * 1024  # bytes
_UNDER_WAY: Final = 2  # seconds until a repeated sign-in looks again whether the first one was granted
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


def app(settings: Settings) -> Starlette:
    """The whole door."""
    snapshots = Snapshots.connect(settings.need("snapshot_url").reveal())
    intake = Intake(settings.database_urls["intake"].reveal())
    passengers = Passengers(
        PublicKey.ed25519(settings.need("link_public_key").reveal()),
        SigningKey.ed25519(settings.need("session_key").reveal()),
        settings.passenger_url,
        strict_hosts=settings.production,
    )
    doors = Doors(snapshots=snapshots, intake=intake)

    def context(identity: Identity, headers: Headers | None = None) -> Context:
        return Context(identity, doors, correlation_of(headers))

    graphql = _TripDoor(Engine(contract(PASSENGER)), passengers.by_request, context, documents=documents_of("passenger"), trusted_only=True)
    page = Pages(settings.home / "build" / "phone", policy())
    routes = [
        Route("/graphql", graphql.answer, methods=METHODS),
        Route("/session", SessionDoor(passengers, snapshots, intake).open, methods=["POST"]),
        Route("/{path:path}", page.answer, methods=METHODS),
    ]
    return shell(
        routes,
        checks={"snapshots": snapshots.ping, "intake": intake.ping},
        begin=[lambda: _examine(intake)],
        end=closing(snapshots, intake),
    )


async def _examine(intake: Intake) -> None:
    """A door that could do too much does not open; one whose intake is away does, since most passengers only look."""
    try:
        await intake.examine()
    except StoreAway:
        log.warning("the intake cannot be reached; passengers can look, and are asked to answer later")


class _TripDoor(GraphQLDoor):
    """What cannot be answered now is asked for again: the page resends after the time it is told."""

    async def _run(self, prepared: Prepared, asked: Asked, identity: Identity, headers: Headers) -> Answer:
        answer = await super()._run(prepared, asked, identity, headers)
        for error in answer.get("errors", ()):
            after = NOT_NOW.get(error["extensions"].get("code"))
            if after is not None:
                raise Busy(error["message"], after)
        return answer


class SessionDoor:
    """`POST /session {token, nonce}`: a link for a session, once.

    The nonce is the phone's own, made up for this sign-in: with it the same phone may ask again when the answer was lost on the way.
    """

    def __init__(self, passengers: Passengers, snapshots: Snapshots, intake: Intake) -> None:
        self._passengers, self._snapshots, self._intake = passengers, snapshots, intake

    async def open(self, request: Request) -> Response:
        """`{sessionToken, subCaseUrn, expiresAt}`, and the same session as a cookie. Raises: DoorRefusal."""
        expect_json(request.headers.get("content-type", ""))
        token, nonce = _asked(read_json(await read_body(request, _BODY_LIMIT)))
        link = await self._passengers.read_link(token, request.headers)
        if not await self._use(link, nonce) and not await self._is_open(request.headers, link):
            raise LinkUsed("This link has been used. Open the page on the phone that used it, or go to the airline's desk.")
        token, ends = self._passengers.open_session(link.passenger)
        said = {"sessionToken": token, "subCaseUrn": link.passenger.sub_case, "expiresAt": ends.isoformat()}
        return JSONResponse(said, headers={**NEVER_STORED, "set-cookie": self._passengers.cookie(token)})

    async def _use(self, link: Link, nonce: str) -> bool:
        """Noted in the store, where it is quick, and in the intake, where a wiped store cannot arm it again."""
        passenger = link.passenger
        try:
            use = await self._snapshots.use_link(passenger.tenant, passenger.sub_case, link.id, link.expires, nonce)
        except StoreAway as away:
            raise Busy(away.message, NOT_NOW["STORE_AWAY"]) from None
        if use is LinkUse.UNDER_WAY:
            raise Busy("You are being signed in.", _UNDER_WAY)
        if use is not LinkUse.FIRST:
            return use is LinkUse.REPEATED
        if not await self._note(link):
            return False
        with suppress(StoreAway):  # then this answer must arrive
            await self._snapshots.grant_link(passenger.tenant, passenger.sub_case, link.id, nonce)
        return True

    async def _note(self, link: Link) -> bool:
        passenger, urn = link.passenger, Urn.of("event", f"link-{link.id}")
        try:
            return await self._intake.note(passenger.tenant, "LinkUsed", urn=urn, aggregate=passenger.sub_case)
        except StoreAway:
            log.warning("a used link is remembered in the snapshot store only", extra={"tenant": passenger.tenant})
            return True

    async def _is_open(self, headers: Headers, link: Link) -> bool:
        """The phone that used the link may open it again: it is signed in."""
        try:
            return await self._passengers.by_request(headers) == link.passenger
        except Unauthenticated:
            return False


def _asked(body: Any) -> tuple[str, str]:
    """The link's token and the phone's nonce, which is empty when it sends none."""
    token, nonce = (body.get("token"), body.get("nonce", "")) if isinstance(body, dict) else (None, "")
    if not isinstance(token, str) or not token:
        raise BadRequest('Send the link\'s token as {"token": …}.')
    if not isinstance(nonce, str) or (nonce and not _NONCE.fullmatch(nonce)):
        raise BadRequest("A nonce is 16 to 64 letters, digits, - and _.")
    return token, nonce
