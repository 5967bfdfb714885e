"""How much one document may ask: tokens, depth and aliases, in one rule that reads every fragment once.

Strawberry's own limiters walk a fragment again at each of its spreads, which is exponential: 732 bytes cost them 13.9 s. The
rule is a class at module level, because a class made per schema would defeat the validation cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)
from strawberry.extensions import AddValidationRules, DisableIntrospection, MaxTokensLimiter, SchemaExtension

from schema.audience import OPERATOR, Audience

MAX_DEPTH: Final = 12  # the console's deepest page needs 7
MAX_ALIASES: Final = 30
MAX_FIELDS: Final = 2_000  # after all fragments are spread out
MAX_TOKENS: Final = 4_000

Weight = tuple[int, int, int]  # depth, aliases, fields
Fragments = dict[str, FragmentDefinitionNode]


class Limits(ASTValidationRule):
    """Weighs every fragment once, and every operation from its fragments' weights."""

    def enter_document(self, node: DocumentNode, *_: object) -> None:
        fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
        weighed: dict[str, Weight] = {}
        for operation in node.definitions:
            if isinstance(operation, OperationDefinitionNode):
                self._judge(operation, self._weigh(operation.selection_set, fragments, weighed, ()))

    def _judge(self, operation: OperationDefinitionNode, weight: Weight) -> None:
        for found, most, what in zip(weight, (MAX_DEPTH, MAX_ALIASES, MAX_FIELDS), ("levels", "aliases", "fields"), strict=True):
            if found > most:
                sentence = f"The operation has more than {most} {what}."
                self.report_error(GraphQLError(sentence, operation, extensions={"code": "TOO_COMPLEX"}))

    def _weigh(self, selected: SelectionSetNode, fragments: Fragments, weighed: dict[str, Weight], within: tuple[str, ...]) -> Weight:
        depth = aliases = fields = 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                if node.name.value.startswith("__"):
                    continue
                below = self._weigh(node.selection_set, fragments, weighed, within) if node.selection_set else (0, 0, 0)
                weight = (below[0] + 1, below[1] + (node.alias is not None), below[2] + 1)
            elif isinstance(node, FragmentSpreadNode):
                weight = self._of_fragment(node.name.value, fragments, weighed, within)
            else:
                weight = self._weigh(node.selection_set, fragments, weighed, within)  # type: ignore[attr-defined]  # an inline fragment
            depth, aliases, fields = max(depth, weight[0]), aliases + weight[1], fields + weight[2]
        return depth, aliases, fields

    def _of_fragment(self, name: str, fragments: Fragments, weighed: dict[str, Weight], within: tuple[str, ...]) -> Weight:
        if name in within or name not in fragments:
            return 0, 0, 0  # a circle or an unknown fragment is another rule's error
        if name not in weighed:
            weighed[name] = self._weigh(fragments[name].selection_set, fragments, weighed, (*within, name))
        return weighed[name]


def _tokens() -> SchemaExtension:
    return MaxTokensLimiter(max_token_count=MAX_TOKENS)


def _limits() -> SchemaExtension:
    return AddValidationRules([Limits])


def guards(audience: Audience) -> list[Callable[[], SchemaExtension]]:
    """What stands before every execution; introspection is for operators' tools."""
    return [_tokens, _limits] if OPERATOR in audience else [_tokens, _limits, DisableIntrospection]
