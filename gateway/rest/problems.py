"""Every way a call is refused, as problem details (RFC 9457): the code is for programs, title and detail are for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLSchema
from starlette.responses import Response

from gateway.answer import DoorRefusal, NotAllowed, Unauthenticated, internal, problem
from gateway.rest.reading import Unfit
from gateway.rest.shapes import Refused

# By code; a refusal of a domain has the first sentence about its type instead.
TITLES: Final[Mapping[str, str]] = {
    "BAD_REQUEST": "The request cannot be read",
    "INVALID_REQUEST": "Some of it is not what it should be",
    "UNAUTHENTICATED": "Sign in first",
    "FORBIDDEN": "Your registration does not allow this",
    "NOT_FOUND": "Nothing is here",
    "METHOD_NOT_ALLOWED": "This address knows other methods",
    "NOT_ACCEPTABLE": "You accept nothing that is written here",
    "TOO_LARGE": "The body is too large",
    "UNSUPPORTED_MEDIA_TYPE": "The body is in a form that is not read here",
    "BAD_INPUT": "The values do not make sense",
    "INTERNAL": "An error of ours",
    "TRY_AGAIN": "Not now",
}
_STATUS: Final = {"FORBIDDEN": 403, "NOT_FOUND": 404, "UNAUTHENTICATED": 401, "VERSION_CONFLICT": 409, "INTERNAL": 500}


def refusal_of(errors: list[dict[str, Any]], scope: str, *, reading: bool) -> DoorRefusal:
    """What the graph's first error is at the door: by its code, else the fault of what was sent."""
    message, code = errors[0]["message"], errors[0].get("extensions", {}).get("code", "BAD_INPUT")
    if code == "FORBIDDEN":
        return NotAllowed(
            f"This needs a token with the scope {scope}.", {"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
        )
    if code == "UNAUTHENTICATED":
        return Unauthenticated(message)
    refusal = DoorRefusal(message)
    refusal.code = "BAD_INPUT" if code == "BAD_USER_INPUT" else code
    refusal.status = _STATUS.get(code, 400 if reading else 422)
    return refusal


def written(refusal: DoorRefusal, titles: Mapping[str, str]) -> Response:
    """`titles` are those of the domains' refusals, by the types that say them."""
    facts = {"errors": refusal.faults} if isinstance(refusal, Unfit) else {}
    title = titles.get(refusal.kind) if isinstance(refusal, Refused) else TITLES.get(refusal.code)
    return problem(refusal.status, refusal.code, title or "Refused", refusal.message, refusal.headers, **facts)


def titles_of(schema: GraphQLSchema) -> dict[str, str]:
    """The first sentence about each type."""
    return {name: kind.description.split(". ")[0].rstrip(".") for name, kind in schema.type_map.items() if kind.description}


def broken(error: BaseException, where: str) -> Response:
    """What nobody expected; written down, and told without what it was."""
    return written(internal(error, where), {})
