"""Which parts of the schema have no description."""

from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)

Described = GraphQLNamedType | GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue


def undescribed(schema: GraphQLSchema) -> list[str]:
    """The types, fields, arguments and enum values without one, e.g. "Bid.amount".

    An argument of an input type is described by that type.
    """
    return [
        name
        for _, kind in sorted(schema.type_map.items())
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
        for name, part in _parts(kind)
        if not part.description
    ]


def _parts(kind: GraphQLNamedType) -> Iterator[tuple[str, Described]]:
    yield kind.name, kind
    match kind:
        case GraphQLObjectType() | GraphQLInterfaceType():
            for name, field in kind.fields.items():
                yield f"{kind.name}.{name}", field
                for argument, described in field.args.items():
                    if not isinstance(get_named_type(described.type), GraphQLInputObjectType):
                        yield f"{kind.name}.{name}({argument})", described
        case GraphQLInputObjectType():
            for name, value in kind.fields.items():
                yield f"{kind.name}.{name}", value
        case GraphQLEnumType():
            for name, choice in kind.values.items():
                yield f"{kind.name}.{name}", choice
