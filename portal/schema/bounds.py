"""Limits of one operation: tokens, depth, aliases and cost, checked before it is validated.

The library's limiters measure a fragment again wherever it is spread, so a few hundred bytes can take
them seconds. Here each fragment is measured once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_operation_ast,
)
from strawberry.extensions import SchemaExtension, ValidationCache
from strawberry.types.graphql import OperationType

from portal.errors import bad_input, unavailable
from portal.schema.cursors import LARGEST_PAGE, USUAL_PAGE
from portal.schema.documents import parsed

# Fields with a `first` argument, and how many entries come without it. A test holds them to the schema.
PAGES = {
    "aliases": USUAL_PAGE,
    "auctions": USUAL_PAGE,
    "bans": USUAL_PAGE,
    "bids": USUAL_PAGE,
    "chain": LARGEST_PAGE,
    "leads": USUAL_PAGE,
    "checkpoints": LARGEST_PAGE,
    "leaves": LARGEST_PAGE,
    "myActivity": USUAL_PAGE,
    "myAliases": USUAL_PAGE,
    "myBids": LARGEST_PAGE,
    "myBidsConnection": USUAL_PAGE,
    "mySessions": USUAL_PAGE,
    "notifications": USUAL_PAGE,
    "winners": USUAL_PAGE,
}
# Lists that have as many entries as the code knows kinds, channels or options, or a table brackets: about a page.
LISTS = {
    "notificationPreferences",
    "weight",
    "exclude",
    "limit",
    "ranking",
    "deletions",
    "doublings",
    "offers",
    "answers",
    "path",
    "nextBids",
    "sentences",
    "overLeader",
    "overOwn",
    "owners",
}
# What fields count that read several times as much as others; and arguments that make their field do so.
READS = {
    "whyWinner": 20,
    "leads": 20,
    "leaves": 20,
    "inclusionProof": 20,
    "consistencyProof": 20,
    "beaconRound": 10,
    "myActivity": 50,
    "mySealedBid": 20,
    "exposureLimit": 20,
    "myMaximum": 20,
}
READING = {"atVersion": 20, "atTime": 20}
# Arguments that leave entries out: thousands may be passed over for a page.
FILTERING = {"rule": 100, "priceFrom": 100, "priceTo": 100, "endsAfter": 100, "endsBefore": 100}
# What each page of bids below such an argument counts: it may look through thousands of bids.
PAST_PAGE = 500
# What a field of introspection counts as: it gives all types or fields of the schema.
INTROSPECTED = 10


@dataclass(frozen=True, slots=True)
class Size:
    """The size of an operation or a part of it, with its fragments; `pages` are those of bids."""

    depth: int = 0
    aliases: int = 0
    cost: int = 0
    pages: int = 0

    def beside(self, other: "Size") -> "Size":
        """The size of a selection with both parts."""
        return Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.cost + other.cost,
            self.pages + other.pages,
        )


class Measure:
    """Measures an operation in one pass over its document.

    A field costs 1; what is below it counts once, or once for each entry that a page or list
    may have.
    """

    def __init__(self, document: DocumentNode, variables: Mapping[str, int | None]) -> None:
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._variables = variables
        self._defaults: dict[str, ValueNode | None] = {}
        self._known: dict[str, Size] = {}

    def operation(self, operation: OperationDefinitionNode) -> Size:
        """The whole operation's size."""
        self._defaults = {
            each.variable.name.value: each.default_value
            for each in operation.variable_definitions or ()
        }
        return self._selected(operation.selection_set)

    def _selected(self, selected: SelectionSetNode | None) -> Size:
        total = Size()
        for each in selected.selections if selected else ():
            total = total.beside(self._selection(each))
        return total

    def _selection(self, selection: SelectionNode) -> Size:
        match selection:
            case FieldNode():
                return self._field(selection)
            case FragmentSpreadNode():
                return self._fragment(selection.name.value)
            case InlineFragmentNode():
                return self._selected(selection.selection_set)
            case other:
                raise TypeError(other)

    def _field(self, field: FieldNode) -> Size:
        below = self._selected(field.selection_set)
        return Size(
            depth=1 + below.depth,
            aliases=(field.alias is not None) + below.aliases,
            cost=1 + self._reads(field, below) + self._entries(field) * below.cost,
            pages=(field.name.value == "bids") + below.pages,
        )

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            # A fragment that spreads itself is refused by validation; here it must only end.
            self._known[name] = Size()
            if fragment := self._fragments.get(name):
                self._known[name] = self._selected(fragment.selection_set)
        return self._known[name]

    def _reads(self, field: FieldNode, below: Size) -> int:
        names = [each.name.value for each in field.arguments or ()]
        past = [READING[name] for name in names if name in READING]
        filters = sum(FILTERING.get(name, 0) for name in names)
        own = READS.get(field.name.value, 0) + filters
        return own + sum(past) + len(past) * PAST_PAGE * below.pages

    def _entries(self, field: FieldNode) -> int:
        name = field.name.value
        if name.startswith("__"):
            return INTROSPECTED
        if name in LISTS:
            return USUAL_PAGE
        if name not in PAGES:
            return 1
        given = [each.value for each in field.arguments or () if each.name.value == "first"]
        size = self._number(given[0]) if given else None
        # An invalid page size is refused where the page is read.
        return PAGES[name] if size is None else min(max(size, 0), LARGEST_PAGE)

    def _number(self, value: ValueNode | None) -> int | None:
        if isinstance(value, VariableNode):
            name = value.name.value
            if name in self._variables:
                return self._variables[name]
            return self._number(self._defaults.get(name))
        return int(value.value) if isinstance(value, IntValueNode) else None


@lru_cache(maxsize=1000)
def size_of(
    document: DocumentNode, name: str | None, numbers: tuple[tuple[str, int | None], ...]
) -> Size:
    """The size of the operation of that name with those of its variables that could be page sizes."""
    operation = get_operation_ast(document, name)
    # A name of no operation in the document is refused before execution.
    return Measure(document, dict(numbers)).operation(operation) if operation else Size()


def excess(size: Size) -> GraphQLError | None:
    """A message about the first limit that the size exceeds; None if it exceeds none."""
    bounds: Iterable[tuple[str, int, int]] = (
        ("depth", size.depth, settings.QUERY_DEPTH),
        ("number of aliases", size.aliases, settings.QUERY_ALIASES),
        ("cost", size.cost, settings.QUERY_COST),
    )
    for what, found, most in bounds:
        if found > most:
            return bad_input(
                "query",
                f"this operation's {what} is {min(found, 10**9)}, at most {most} is allowed: "
                "ask for less, or in several requests",
            )
    return None


class BoundedParsing(SchemaExtension):
    """Parses at most so many tokens, each document once."""

    def on_parse(self) -> Iterator[None]:
        """What can't be parsed is left to the schema, which tries again and reports it."""
        context = self.execution_context
        context.parse_options["max_tokens"] = settings.QUERY_TOKENS
        with suppress(GraphQLError):
            assert context.query
            context.graphql_document = parsed(context.query)
        yield


class BoundedValidation(ValidationCache):
    """Refuses what asks for too much before validation, which takes time itself; else validates once."""

    def on_validate(self) -> Iterator[None]:
        """With the variables, which may say how large a page is."""
        if too_much := self._excess():
            self.execution_context.pre_execution_errors = [too_much]
            yield
        else:
            yield from super().on_validate()

    def _excess(self) -> GraphQLError | None:
        context = self.execution_context
        assert context.graphql_document is not None
        numbers = tuple(
            (name, value)
            for name, value in (context.variables or {}).items()
            if isinstance(value, int | None)
        )
        return excess(size_of(context.graphql_document, context.operation_name, numbers))


class BoundedTime(SchemaExtension):
    """Gives a query or mutation so many seconds; subscriptions last."""

    async def on_execute(self) -> AsyncIterator[None]:
        """UNAVAILABLE when the time is over; a command may have been accepted nevertheless."""
        lasts = self.execution_context.operation_type is OperationType.SUBSCRIPTION
        try:
            async with asyncio.timeout(None if lasts else settings.QUERY_SECONDS):
                yield
        except TimeoutError:
            raise unavailable(
                f"this took longer than {settings.QUERY_SECONDS} s and was given up; "
                "repeat a command with the same idempotencyKey"
            ) from None
