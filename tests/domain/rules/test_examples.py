"""The examples of docs/rules.md, line by line, decided by the domain."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.auction import decide
from commands.domain.commands import PlaceBid
from commands.domain.rejections import Rejection
from commands.domain.rules.increments import HOUSE_TABLE
from commands.domain.state import evolve
from commands.inbox.chosen_rules import RULES, chosen_rules
from tests.domain.scenario import ALICE, AUCTION, BOB, CAST, CREATED
from tests.servers import ROOT

TEXT = (ROOT / "docs/rules.md").read_text()
LINE = re.compile(
    r"\| (alice|bob) ([\d.]+)(?:, (\d+) s before the end)? "
    r"\| (?:`([A-Z_]+)`|(leads|placed)(?:; the end moves by (\d+) s)?) \|"
)
# Bids that don't say when they come, come long before the end.
LONG = 1800
PEOPLE = {"alice": ALICE, "bob": BOB}


@dataclass(frozen=True, slots=True)
class Bid:
    """A line: who bids what, when, and what becomes of it; by how much the end moves."""

    who: str
    amount: str
    before: int
    becomes: str
    moves: int


@dataclass(frozen=True, slots=True)
class Example:
    """Options of `create_auction`, bids with what becomes of each, and where it is written."""

    options: str
    bids: tuple["Bid", ...]
    line: int


def examples() -> Iterator[Example]:
    """Each table of bids, with the options that the line before it names."""
    options, bids = "", list[Bid]()
    for number, line in enumerate([*TEXT.splitlines(), ""], 1):
        if named := re.fullmatch(r"With `(.*)`:", line):
            options = named[1]
        if found := LINE.fullmatch(line):
            who, amount, before, refusal, placed, moves = found.groups()
            bids.append(Bid(who, amount, int(before or LONG), refusal or placed, int(moves or 0)))
        elif bids:
            yield Example(options, tuple(bids), number)
            options, bids = "", []


EXAMPLES = list(examples())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.options or "plain")
def test_what_the_document_says(example: Example) -> None:
    words = shlex.split(example.options)
    options = {words[at][2:].replace("-", "_"): words[at + 1] for at in range(0, len(words), 2)}
    auction = evolve(None, replace(CREATED, rules=chosen_rules(**options)))
    for number, line in enumerate(example.bids, 1):
        bid = PlaceBid(AUCTION, UUID(int=number), PEOPLE[line.who], Decimal(line.amount))
        end = auction.ends_at
        answer = decide(bid, auction, now=end - timedelta(seconds=line.before), bidders=CAST)
        if isinstance(answer, Rejection):
            assert answer.code.value == line.becomes, (line, answer.message)
            continue
        for event in answer:
            auction = evolve(auction, event)
        leads = auction.leading_bid and auction.leading_bid.id == bid.bid_id
        assert ("leads" if leads else "placed") == line.becomes, line
        assert auction.ends_at - end == timedelta(seconds=line.moves), line


def test_each_rule_has_an_example_and_the_table_is_the_houses() -> None:
    assert {
        name
        for name in RULES
        if any(f"--{name.replace('_', '-')} " in each.options for each in EXAMPLES)
    } == set(RULES)
    for bracket in HOUSE_TABLE:
        assert f"| {bracket.start:,} | {bracket.step:,} |" in TEXT
