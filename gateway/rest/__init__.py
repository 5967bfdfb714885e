"""`/partner/v1`: the partner's contract again, for systems that speak REST. A table of calls, each bound to one trusted document.

Nothing is decided here: a call becomes the variables of its document, the graph answers, and the answer is written as JSON with a status.
Bodies and queries are read by the graph's own input types, and `/openapi/partner/v1.json` is made of the same table, documents and types.

    routes(engine: Engine, authenticate: Authenticate, context: MakeContext) -> list[BaseRoute]

takes what `GraphQLDoor` takes for the partner audience, and gives every address below `/partner/v1` and the description itself. It raises
when a call, its document and the contract do not fit together, so a process that starts can answer.
"""

from gateway.rest.door import routes

__all__ = ["routes"]
