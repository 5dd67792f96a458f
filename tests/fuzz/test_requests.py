"""Requests over HTTP: valid and invalid operations, generated from the schema, and other bodies."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema, nodes

from portal.errors import Code
from portal.schema import schema
from tests.conftest import RunningPortal
from tests.fuzz.conftest import fuzzed

SDL = schema.as_str()
CODES = {code.value for code in Code} - {Code.INTERNAL.value}
TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "UUID": st.one_of(st.uuids().map(str), TEXT).map(nodes.String),
    "Decimal": st.one_of(
        st.decimals(Decimal("0.01"), Decimal("9999999.99"), places=2).map(str),
        st.decimals(allow_nan=True, allow_infinity=True).map(str),
        TEXT,
    ).map(nodes.String),
    "DateTime": st.one_of(st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"), TEXT).map(
        nodes.String
    ),
}
# The auctioneer stays: all but the ways to leave.
ROOTS = [
    name
    for kind in (schema._schema.query_type, schema._schema.mutation_type)
    if kind
    for name in kind.fields
]
STAYING = [name for name in ROOTS if name not in {"deleteUser", "logout"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {}, optional={"query": JSON, "variables": JSON, "operationName": JSON, "extensions": JSON}
)
pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def http(portal: RunningPortal) -> Iterator[httpx.Client]:
    """A client without manners."""
    with httpx.Client(base_url=portal.url, timeout=60) as client:
        yield client


def operations(fields: list[str], mode: Mode) -> st.SearchStrategy[str]:
    """Documents of queries and mutations, with the schema's own values or with one thing wrong."""
    return from_schema(SDL, fields=fields, custom_scalars=SCALARS, mode=mode)


def answered(response: httpx.Response) -> None:
    """It is an answer: data, or errors that say what is wrong, each with its code."""
    assert response.status_code in {200, 400}, (response.status_code, response.text)
    content = response.json()
    assert set(content) <= {"data", "errors", "extensions"}, content
    for error in content.get("errors") or []:
        assert error["message"]
        assert error["extensions"]["code"] in CODES, error


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.name.lower())
def test_operations_of_somebody_who_is_not_signed_in(http: httpx.Client, mode: Mode) -> None:
    @fuzzed
    @given(operations(ROOTS, mode))
    def ask(document: str) -> None:
        answered(http.post("/graphql", json={"query": document}))

    ask()


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.name.lower())
def test_operations_of_an_auctioneer(http: httpx.Client, staff_token: str, mode: Mode) -> None:
    @fuzzed
    @given(operations(STAYING, mode))
    def ask(document: str) -> None:
        headers = {"Authorization": f"Bearer {staff_token}"}
        answered(http.post("/graphql", json={"query": document}, headers=headers))

    ask()


def test_json_that_is_no_request(http: httpx.Client) -> None:
    @fuzzed
    @given(st.one_of(JSON, REQUESTS))
    def ask(body: Any) -> None:
        # Not httpx's own way, which knows no NaN.
        headers = {"Content-Type": "application/json"}
        answered(http.post("/graphql", content=json.dumps(body), headers=headers))

    ask()


def test_bytes_that_are_no_json(http: httpx.Client) -> None:
    @fuzzed
    @given(st.binary(max_size=200), st.sampled_from(["application/json", "text/plain", "x"]))
    def ask(body: bytes, kind: str) -> None:
        response = http.post("/graphql", content=body, headers={"Content-Type": kind})
        assert response.status_code == (400 if kind == "application/json" else 415)
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"

    ask()


def test_headers_that_sign_nobody_in(http: httpx.Client) -> None:
    @fuzzed
    @given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
    def ask(authorization: str) -> None:
        headers = {b"Authorization": authorization.strip().encode()}
        response = http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
        answered(response)

    ask()
