"""Everything in the GraphQL schema has a description, and print_schema says what has none."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from graphql import build_schema

from portal.schema import schema
from portal.schema.descriptions import undescribed

PARTLY_DESCRIBED = '''
"""All."""
type Query { """One.""" lamp(id: ID!, """Which.""" kind: Kind): Lamp, bare(input: Wish): Lamp }
interface Named { """It.""" name: String }
"""A lamp.""" type Lamp implements Named { """It.""" name: String, price: Int }
"""A kind.""" enum Kind { """Oil.""" OIL, GAS }
"""A wish.""" input Wish { """How.""" bright: Int, cheap: Boolean }
scalar Colour
'''


def test_what_has_no_description_is_named() -> None:
    assert undescribed(build_schema(PARTLY_DESCRIBED)) == [
        "Colour",
        "Kind.GAS",
        "Lamp.price",
        "Named",
        "Query.lamp(id)",
        "Query.bare",
        "Wish.cheap",
    ]


def test_a_schema_without_a_description_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("print_schema", stdout=(printed := StringIO()))
    assert printed.getvalue().strip() == schema.as_str().strip()
    monkeypatch.setattr(schema, "as_str", lambda: PARTLY_DESCRIBED)
    with pytest.raises(CommandError, match=r"without a description: Colour, Kind\.GAS"):
        call_command("print_schema")
