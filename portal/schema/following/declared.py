"""Which fields are the same for every reader, and so what an operation may share.

A field with a resolver of its own counts as the reader's own, unless it is declared PUBLIC. Fields
without one show what the object holds, which is read for all. So a new field is never shared by oversight.
A shared execution has a context without a reader, which refuses to be asked for one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    SKIP,
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    VisitorAction,
    is_abstract_type,
    parse,
    visit,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

# For `strawberry.field(metadata=PUBLIC)`: the field's resolver gives every reader the same.
PUBLIC = {"public": True}
# Operations remembered, as many as the schema's own caches keep.
REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operation asks for: its document, whether that is the reader's own, and with which variables.

    `variables` are those used elsewhere than in the root field's arguments, which say where to begin.
    """

    document: DocumentNode
    of_the_reader: bool
    variables: frozenset[str]


def strawberry_field(field: GraphQLField) -> StrawberryField | None:
    """The field as it was declared; None for those of introspection."""
    found: StrawberryField | None = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return found


def of_the_reader(field: GraphQLField) -> bool:
    """Whether what the field gives may depend on who asks."""
    declared = strawberry_field(field)
    if declared is None or declared.base_resolver is None:
        return False
    return declared.metadata.get("public") is not True


@lru_cache(REMEMBERED)
def asked(schema: GraphQLSchema, query: str, operation_name: str | None) -> Asked:
    """What a subscription asks for, which was validated; its root field is not looked at."""
    document = parse(query)
    types = TypeInfo(schema)
    found = _Fields(types, schema)
    for each in document.definitions:
        if isinstance(each, FragmentDefinitionNode) or _named(each, operation_name):
            visit(each, TypeInfoVisitor(types, found))
    return Asked(document, found.of_the_reader, frozenset(found.variables))


def _fields(
    schema: GraphQLSchema, parent: GraphQLCompositeType, name: str
) -> Iterator[GraphQLField]:
    """The field of that name in each type that the object may have."""
    types = schema.get_possible_types(parent) if is_abstract_type(parent) else (parent,)
    return (field for each in types if (field := schema.get_field(each, name)))


def _named(node: Any, operation_name: str | None) -> bool:
    if not isinstance(node, OperationDefinitionNode):
        return False
    return operation_name is None or (node.name is not None and node.name.value == operation_name)


class _Fields(Visitor):
    """Looks at each field below the root."""

    def __init__(self, types: TypeInfo, schema: GraphQLSchema) -> None:
        super().__init__()
        self._types, self._schema = types, schema
        self._root = schema.subscription_type
        self.of_the_reader = False
        self.variables: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._types.get_parent_type()
        if parent is not None and parent is not self._root:
            found = _fields(self._schema, parent, node.name.value)
            self.of_the_reader |= any(of_the_reader(field) for field in found)

    def enter_argument(self, _node: ArgumentNode, *_: Any) -> VisitorAction:
        at_root = self._types.get_parent_type() is self._root and not self._types.get_directive()
        return SKIP if at_root else None

    def enter_variable_definition(self, _node: VariableDefinitionNode, *_: Any) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)
