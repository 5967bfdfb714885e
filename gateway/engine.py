"""Runs operations of one contract. A text is parsed and validated once and remembered; the same for HTTP and sockets.

What a resolver refused is told to the caller; what broke in one is written down with its traceback, and the caller reads only that it was.
"""

from __future__ import annotations

import inspect
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, cast

from graphql import (
    ASTValidationRule,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    execute,
    parse,
    specified_rules,
    subscribe,
    validate,
)

from gateway.answer import INTERNAL
from kernel.refusal import Refusal
from kernel.urn import UrnError
from resolvers.context import Context
from schema.audience import OPERATOR, Audience
from schema.limits import MAX_TOKENS, Limits

log = logging.getLogger(__name__)

REMEMBERED: Final = 500  # texts; the console has some forty
LONGEST_REMEMBERED: Final = 20_000  # characters; longer ones are not worth keeping

Answer = dict[str, Any]


class Contract(Protocol):
    """What the engine needs of `schema.contract.Contract`."""

    audience: Audience
    execution_context_class: Any

    @property
    def core(self) -> GraphQLSchema: ...


class Invalid(Exception):  # an expected no
    """The operation cannot be run; `answer` is the GraphQL answer that says why."""

    def __init__(self, errors: Sequence[GraphQLError], code: str) -> None:
        self.answer: Answer = {"errors": [_formatted(error, code) for error in errors]}
        super().__init__(errors[0].message)

    @classmethod
    def because(cls, message: str, code: str) -> Self:
        return cls([GraphQLError(message)], code)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that is valid under the contract."""

    document: DocumentNode

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The one of that name, or the only one. Raises: Invalid."""
        found = [one for one in self.document.definitions if isinstance(one, OperationDefinitionNode)]
        named = found if name is None else [one for one in found if one.name and one.name.value == name]
        if len(named) != 1:
            sentence = (
                f"There is no operation {name[:60]!r} in the document." if name else "Say which of the document's operations is meant."
            )
            raise Invalid.because(sentence, "OPERATION_UNKNOWN")
        return named[0]


class _NoZeros(ASTValidationRule):
    """A text written into the document itself cannot hold a zero character either."""

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        if "\0" in node.value:
            self.report_error(GraphQLError("A text cannot hold a zero character.", node))


class Engine:
    """The operations of one audience."""

    def __init__(self, contract: Contract) -> None:
        self._schema = contract.core
        self._executor = contract.execution_context_class
        self._open = OPERATOR in contract.audience
        introspection: list[type[ASTValidationRule]] = [] if self._open else [NoSchemaIntrospectionCustomRule]
        self._rules = (*specified_rules, Limits, _NoZeros, *introspection)
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()

    @property
    def schema(self) -> GraphQLSchema:
        return self._schema

    def prepare(self, text: str) -> Prepared:
        """Raises: Invalid."""
        known = self._prepared.get(text)
        if known is not None:
            self._prepared.move_to_end(text)
            return known
        prepared = self._prepare(text)
        if len(text) <= LONGEST_REMEMBERED:
            self._prepared[text] = prepared
            if len(self._prepared) > REMEMBERED:
                self._prepared.popitem(last=False)
        return prepared

    async def run(
        self, prepared: Prepared, variables: Mapping[str, Any], name: str | None, context: Context, root: object = None
    ) -> Answer:
        """The answer of a query or mutation; without `data` when the variables did not fit."""
        result = execute(
            self._schema,
            prepared.document,
            root_value=root,
            context_value=context,
            variable_values=dict(variables),
            operation_name=name,
            hide_suggestions=not self._open,
            executor_class=self._executor,
        )
        if inspect.isawaitable(result):
            result = await result
        return _answer(result)

    async def listen(
        self, prepared: Prepared, variables: Mapping[str, Any], name: str | None, context: Context
    ) -> AsyncGenerator[Answer, None]:
        """The answers of a subscription, as they come. Raises: Invalid when it cannot begin, or is refused on the way."""
        started = subscribe(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=name,
            hide_suggestions=not self._open,
            executor_class=self._executor,
        )
        result = await started if inspect.isawaitable(started) else started
        if isinstance(result, ExecutionResult):
            broken = Invalid(result.errors or [GraphQLError("The subscription did not begin.")], "REFUSED")
            broken.answer = {"errors": _answer(result)["errors"]}
            raise broken
        async with aclosing(cast("AsyncGenerator[ExecutionResult, None]", result)) as answers:
            try:
                async for answer in answers:
                    yield _answer(answer)
            except Refusal as refusal:
                raise Invalid.because(refusal.message, refusal.code) from refusal
            except GraphQLError as error:
                raise Invalid([error], "REFUSED") from error

    def _prepare(self, text: str) -> Prepared:
        try:
            document = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            raise Invalid([error], "GRAPHQL_PARSE_FAILED") from None
        except RecursionError:
            raise Invalid.because("The document is nested too deep.", "TOO_COMPLEX") from None
        try:
            found = validate(self._schema, document, self._rules, max_errors=20, hide_suggestions=not self._open)
        except RecursionError:
            raise Invalid.because("The document is nested too deep.", "TOO_COMPLEX") from None
        if found:
            raise Invalid(found, "GRAPHQL_VALIDATION_FAILED")
        return Prepared(document)


def writes(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.MUTATION


def streams(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.SUBSCRIPTION


def _answer(result: ExecutionResult) -> Answer:
    errors = [_formatted(error, "BAD_USER_INPUT") for error in result.errors or ()]
    if errors and result.data is None and all(error.path is None for error in result.errors or ()):
        return {"errors": errors}  # nothing was executed
    return {"data": result.data, **({"errors": errors} if errors else {})}


def _formatted(error: GraphQLError, code: str) -> Answer:
    """`code` is for errors that come from the request itself and say nothing more about themselves."""
    original: BaseException | None = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    said = dict(error.formatted)
    extensions = dict(error.extensions or {})
    if isinstance(original, Refusal):
        extensions.setdefault("code", original.code)
    elif original is None or isinstance(original, UrnError) or error.path is None:
        extensions.setdefault("code", code)
    else:
        log.error("a resolver broke", exc_info=original, extra={"path": ".".join(map(str, error.path))})
        said["message"], extensions = INTERNAL, {"code": "INTERNAL"}
    return {**said, "extensions": extensions}
