"""Everything in the GraphQL schema has a description, print_schema says what has none, and the page asks for what is there."""

import re
from collections.abc import Mapping
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from graphql import build_schema, parse, validate

from portal.schema import schema
from portal.schema.descriptions import undescribed
from tests.servers import ROOT

PAGE = ROOT / "portal/static/portal/page"

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


def written(text: str) -> dict[str, str]:
    """The texts and numbers that a script names."""
    texts = re.findall(r"const (\w+) =\s*`([^`]*)`", text)
    return dict([*texts, *re.findall(r'const (\w+) = "?([^"`;\n]*)"?;', text)])


def test_what_the_page_asks_for_is_in_the_schema() -> None:
    scripts = {path.name: written(path.read_text()) for path in PAGE.glob("*.js")}
    everywhere = {name: text for names in scripts.values() for name, text in names.items()}
    asked = {
        (script, name): filled(text, everywhere | names)
        for script, names in scripts.items()
        for name, text in names.items()
        if re.match(r"\s*(query|mutation|subscription)\b", text)
    }
    # Of a text that a function makes a part of, the browser's tests see whether it is right.
    checked = {place: text for place, text in asked.items() if "${" not in text}
    assert ("history.js", "EVENTS") in checked
    assert len(checked) > 20
    for place, text in checked.items():
        assert [error.message for error in validate(schema._schema, parse(text))] == [], place


def filled(text: str, names: Mapping[str, str]) -> str:
    """The text with what its placeholders name, and those that name nothing."""
    return re.sub(
        r"\$\{(\w+)\}",
        lambda found: filled(names[found[1]], names) if found[1] in names else found[0],
        text,
    )
