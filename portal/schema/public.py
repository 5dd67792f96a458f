"""Which fields are the same for every reader, and so what operations and answers may be shared.

A field with a resolver of its own counts as the reader's own, unless it is declared PUBLIC. Fields
without one show what the object holds, which is read for all. So a new field is never shared by oversight.
A shared execution has a context without a reader, which refuses to be asked for one.
"""

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
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    VisitorAction,
    get_operation_ast,
    is_abstract_type,
    visit,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from portal.schema.documents import REMEMBERED, parsed

# For `strawberry.field(metadata=PUBLIC)`: the field's resolver gives every reader the same.
PUBLIC = {"public": True}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operation asks for.

    `kind` is None if the document has no operation of that name. Of the fields it says whether any is the
    reader's own, whether any is declared PUBLIC, and whether all are in the schema; a subscription's root field,
    which only says what to follow, is not looked at. `variables` are those used elsewhere than in the root
    field's arguments, which say where to begin.
    """

    document: DocumentNode
    kind: OperationType | None
    of_the_reader: bool
    public: bool
    known: bool
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


def is_public(schema: GraphQLSchema, query: str, operation_name: str | None) -> bool:
    """Whether the text's operation of that name is a query whose answer is the same for every reader.

    A text that can't be parsed is not; nor is one that asks for nothing but the schema.
    """
    try:
        found = asked(schema, query, operation_name)
    except GraphQLError:
        return False
    if found.kind is not OperationType.QUERY:
        return False
    return found.known and found.public and not found.of_the_reader


@lru_cache(REMEMBERED)
def asked(schema: GraphQLSchema, query: str, operation_name: str | None) -> Asked:
    """What the text's operation of that name asks for; GraphQLError if the text can't be parsed."""
    document = parsed(query)
    operation = get_operation_ast(document, operation_name)
    types = TypeInfo(schema)
    found = _Fields(types, schema)
    for each in document.definitions:
        if isinstance(each, FragmentDefinitionNode) or each is operation:
            visit(each, TypeInfoVisitor(types, found))
    return Asked(
        document,
        operation.operation if operation else None,
        found.of_the_reader,
        found.public,
        found.known,
        frozenset(found.variables),
    )


class _Fields(Visitor):
    """Looks at each field that is asked for, in fragments too, but not at a subscription's root field."""

    def __init__(self, types: TypeInfo, schema: GraphQLSchema) -> None:
        super().__init__()
        self._types, self._schema = types, schema
        self._followed = schema.subscription_type
        self.of_the_reader = self.public = False
        self.known = True
        self.variables: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """A field of an interface may be another one in each type that has it."""
        parent = self._types.get_parent_type()
        if parent is not None and parent is self._followed:
            return
        found = self._possible(parent, node.name.value) if parent else []
        self.known &= bool(found)
        for field in found:
            if of_the_reader(field):
                self.of_the_reader = True
            elif (declared := strawberry_field(field)) and declared.base_resolver:
                self.public = True

    def enter_argument(self, _node: ArgumentNode, *_: Any) -> VisitorAction:
        parent = self._types.get_parent_type()
        at_root = parent is not None and parent is self._followed
        return SKIP if at_root and not self._types.get_directive() else None

    def enter_variable_definition(self, _node: VariableDefinitionNode, *_: Any) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)

    def _possible(self, parent: GraphQLCompositeType, name: str) -> list[GraphQLField]:
        """The field of that name in each type that the object may have."""
        types = self._schema.get_possible_types(parent) if is_abstract_type(parent) else (parent,)
        return [field for each in types if (field := self._schema.get_field(each, name))]
