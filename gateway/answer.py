"""Saying no at the door, in the two languages that callers speak: GraphQL errors and problem+json (RFC 9457).

A refusal of the door is raised anywhere below it and written once, at the top. What nobody expected is written down with its traceback and
answered without it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

log = logging.getLogger(__name__)

GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
INTERNAL: Final = "Something went wrong here. It has been written down."
NEVER_STORED: Final = {"cache-control": "no-store"}


class DoorRefusal(Exception):  # the house's word for an expected no
    """A request that goes no further than the door."""

    status = 400
    code = "BAD_REQUEST"

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.message, self.headers = message, dict(headers or {})
        super().__init__(message)


class BadRequest(DoorRefusal):
    """Not readable as what it should be."""


class Unauthenticated(DoorRefusal):
    """Nobody, or nobody we know any more."""

    status, code = 401, "UNAUTHENTICATED"

    def __init__(self, message: str) -> None:
        super().__init__(message, {"www-authenticate": 'Bearer error="invalid_token"'})


class NotAllowed(DoorRefusal):
    """Known, but not for this."""

    status, code = 403, "FORBIDDEN"


class Missing(DoorRefusal):
    """Nothing is here."""

    status, code = 404, "NOT_FOUND"


class WrongMethod(DoorRefusal):
    """The address exists, the method does not fit; names those that do."""

    status, code = 405, "METHOD_NOT_ALLOWED"

    def __init__(self, message: str, *allowed: str) -> None:
        super().__init__(message, {"allow": ", ".join(allowed)})


class NotAcceptable(DoorRefusal):
    """No media type that the caller reads is written here."""

    status, code = 406, "NOT_ACCEPTABLE"


class TooLarge(DoorRefusal):
    """More than anybody needs to say."""

    status, code = 413, "TOO_LARGE"


class WrongMedia(DoorRefusal):
    """A body in a form that is not read here; also what keeps a foreign page's plain form out."""

    status, code = 415, "UNSUPPORTED_MEDIA_TYPE"


class Busy(DoorRefusal):
    """Not now; ask again after so many seconds."""

    status, code = 503, "TRY_AGAIN"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, {"retry-after": str(retry_after)})


def errors(message: str, code: str) -> dict[str, Any]:
    """A GraphQL answer that is one error."""
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def graphql_refusal(refusal: DoorRefusal, media: str = GRAPHQL_RESPONSE) -> Response:
    return Response(orjson.dumps(errors(refusal.message, refusal.code)), refusal.status, {**NEVER_STORED, **refusal.headers}, media)


def problem(
    status: int, code: str, title: str, detail: str | None = None, headers: Mapping[str, str] | None = None, **facts: Any
) -> Response:
    """A problem detail. `code` is stable and for programs, `title` for people; `facts` are members of their own."""
    body = {"type": f"urn:nexa:problem:{code.lower().replace('_', '-')}", "title": title, "status": status, "code": code}
    if detail:
        body["detail"] = detail
    return Response(orjson.dumps({**body, **facts}), status, {**NEVER_STORED, **(headers or {})}, PROBLEM)


def problem_refusal(refusal: DoorRefusal) -> Response:
    return problem(refusal.status, refusal.code, refusal.message, headers=refusal.headers)


def internal(error: BaseException, where: str) -> DoorRefusal:
    """Writes the error down and gives what the caller may know of it."""
    log.error("unexpected error at the door", exc_info=error, extra={"where": where})
    refusal = DoorRefusal(INTERNAL)
    refusal.status, refusal.code = 500, "INTERNAL"
    return refusal
