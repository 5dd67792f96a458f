"""Selections of fields without resolvers, as functions that need no execution by the GraphQL library.

An event's fields hold what was recorded. Executing an operation on each event costs many times what reading
it does, so what an operation selects is worked out once, for each type that an event may have.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    Executor,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLNullableType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, collect_fields, collect_subfields

from portal.schema.public import strawberry_field

Json = dict[str, Any]
Write = Callable[[Any], Any]
TYPENAME = "__typename"


def event_writers(executor: Executor[Any]) -> dict[str, Callable[[Any], Json]]:
    """For each type of the root field's interface, by its name: an object's data as the operation selects it."""
    root = executor.schema.subscription_type
    assert root is not None
    [(key, details)] = collect_fields(
        executor.schema, executor.fragments, executor.variable_values, root, executor.operation
    ).grouped_field_set.items()
    field = root.fields[details[0].node.name.value]
    interface = get_named_type(field.type)
    assert isinstance(interface, GraphQLInterfaceType)
    return {
        each.name: _under(key, _object(executor, each, details))
        for each in executor.schema.get_possible_types(interface)
    }


def _under(key: str, write: Write) -> Callable[[Any], Json]:
    return lambda source: {key: write(source)}


def _object(
    executor: Executor[Any], type_: GraphQLObjectType, details: list[FieldDetails]
) -> Write:
    """A function that gives the object's selected fields by their keys."""
    selected = collect_subfields(
        executor.schema,
        executor.fragments,
        executor.variable_values,
        executor.operation,
        type_,
        details,
    ).grouped_field_set
    constant = {key: type_.name for key, each in selected.items() if _name(each) == TYPENAME}
    # Keys stand in the order of the document, as the specification has it.
    order = dict.fromkeys(selected)
    fields = [
        (key, *_field(executor, type_, each))
        for key, each in selected.items()
        if key not in constant
    ]

    def write(source: Any) -> Json:
        found: Json = order | constant
        for key, name, convert in fields:
            value = getattr(source, name)
            found[key] = None if value is None else convert(value)
        return found

    return write


def _field(
    executor: Executor[Any], type_: GraphQLObjectType, details: list[FieldDetails]
) -> tuple[str, Write]:
    """The attribute that holds the field, and what turns its value into JSON; TypeError if it has a resolver."""
    field = type_.fields[_name(details)]
    declared, kind = strawberry_field(field), get_nullable_type(field.type)
    if declared is None or declared.base_resolver is not None:
        raise TypeError(f"{type_.name}.{_name(details)} has a resolver")
    if is_list_type(kind):
        write = _value(executor, get_nullable_type(kind.of_type), details)
        return declared.python_name, lambda values: [write(each) for each in values]
    return declared.python_name, _value(executor, kind, details)


def _value(
    executor: Executor[Any], kind: GraphQLNullableType, details: list[FieldDetails]
) -> Write:
    """What turns such a value into JSON; TypeError if it is neither a leaf nor an object."""
    if is_leaf_type(kind):
        leaf: GraphQLLeafType = kind
        return leaf.serialize
    if is_object_type(kind):
        return _object(executor, kind, details)
    raise TypeError(f"{_name(details)} is neither a value nor an object")


def _name(details: list[FieldDetails]) -> str:
    return details[0].node.name.value
