"""Which queries have the same answer for every reader, by what their fields are declared to be."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_operation_ast,
    is_abstract_type,
    parse,
    visit,
)

from portal.schema.following.declared import REMEMBERED, of_the_reader, strawberry_field


@lru_cache(REMEMBERED)
def is_public(schema: GraphQLSchema, query: str, operation_name: str | None) -> bool:
    """Whether the text's operation of that name is a query whose answer is the same for every reader.

    A text that can't be parsed is not; nor is one that asks for nothing but the schema.
    """
    try:
        document = parse(query, max_tokens=settings.QUERY_TOKENS)
    except GraphQLError:
        return False
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not OperationType.QUERY:
        return False
    types = TypeInfo(schema)
    found = _Fields(types)
    for each in document.definitions:
        if each is operation or not isinstance(each, OperationDefinitionNode):
            visit(each, TypeInfoVisitor(types, found))
    return found.declared and not found.others


class _Fields(Visitor):
    """Looks at each field that is asked for, in fragments too."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        # Whether there are fields that are declared PUBLIC, and others that are not.
        self.declared = self.others = False

    def enter_field(self, _node: FieldNode, *_: Any) -> None:
        """A field of an interface may be another one in each type that has it."""
        field, parent = self._types.get_field_def(), self._types.get_parent_type()
        if field is None or parent is None or is_abstract_type(parent) or of_the_reader(field):
            self.others = True
        elif (declared := strawberry_field(field)) and declared.base_resolver:
            self.declared = True


def resolved_fields(schema: GraphQLSchema) -> Iterator[tuple[str, bool]]:
    """Each field with a resolver of its own, like "Auction.bids", and whether it is declared PUBLIC."""
    for type_ in schema.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            declared = strawberry_field(field) if isinstance(field, GraphQLField) else None
            if declared and declared.base_resolver:
                yield f"{type_.name}.{name}", not of_the_reader(field)
