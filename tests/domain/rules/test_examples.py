"""The examples of docs/rules.md, line by line, decided by the domain."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.auction import decide
from commands.domain.bids import Bid
from commands.domain.commands import AuctionCommand, BuyNow, DeleteBid, DoubleBid, PlaceBid
from commands.domain.events import AuctionEvent, BidDoubled
from commands.domain.promoter import Drawn, KnownDraw
from commands.domain.rejections import Rejection
from commands.domain.rules.increments import HOUSE_TABLE
from commands.domain.rules.reserve import ReservePrice
from commands.domain.state import Auction, evolve
from commands.inbox.chosen_rules import RULES, choose
from tests.domain.masks import Wardrobe
from tests.domain.scenario import ALICE, AUCTION, BOB, CAST, CREATED, PLAIN
from tests.servers import ROOT

TEXT = (ROOT / "docs/rules.md").read_text()
# What is done, when, and what becomes of it.
LINE = re.compile(
    r"\| (?P<who>alice|bob) (?:(?P<buys>buys)|(?P<does>deletes |)(?P<bid>[\d.]+)(?P<doubled> is doubled)?)"
    r"(?:, (?P<before>\d+) s before the end|, (?P<later>\d+) s later)? "
    r"\| (?:`(?P<code>[A-Z_]+)`|(?P<becomes>leads|placed|deleted|bought, and ended|doubled)(?:; the end moves by (?P<moves>\d+) s)?"
    r"(?P<meets>; the reserve is (?:not )?met)?) \|"
)
# What does not say when it is done, is done long before the end.
LONG = 1800
PEOPLE = {"alice": ALICE, "bob": BOB}


@dataclass(frozen=True, slots=True)
class Example:
    """Options of `create_auction`, lines with what is done and what becomes of it, and where it is written."""

    options: str
    lines: tuple[re.Match[str], ...]
    line: int


def examples() -> Iterator[Example]:
    """Each table of lines, with the options that the line before it names."""
    options, lines = "", list[re.Match[str]]()
    for number, line in enumerate([*TEXT.splitlines(), ""], 1):
        if named := re.fullmatch(r"With `(.*)`(?:, .*)?:", line):
            options = named[1]
        if found := LINE.fullmatch(line):
            lines.append(found)
        elif lines:
            yield Example(options, tuple(lines), number)
            options, lines = "", []


EXAMPLES = list(examples())


def drawn_alone(bid: Bid) -> KnownDraw:
    """A draw that hits that bid."""
    return KnownDraw(0, PLAIN, bytes(32), hit=Drawn(bid, 1, 1))


@dataclass
class Told:
    """An auction while an example is told."""

    auction: Auction
    wardrobe: Wardrobe
    reserve: ReservePrice | None = None
    done: int = 0
    ids: dict[tuple[str, str], UUID] = field(default_factory=dict)

    def tell(self, line: re.Match[str]) -> None:
        """What is done becomes what is written."""
        self.done += 1
        met = self.auction.reserve_met
        end, at = self.auction.ends_at, self.auction.ends_at - timedelta(seconds=LONG)
        if line["before"]:
            at = end - timedelta(seconds=int(line["before"]))
        if line["later"]:
            at = self._bid(line).placed_at + timedelta(seconds=int(line["later"]))
        draw = drawn_alone(self._bid(line)) if line["doubled"] else None
        answer = decide(
            self.wardrobe.dressed(self._command(line)),
            self.auction,
            now=at,
            bidders=CAST,
            draw=draw,
            reserve=self.reserve,
        )
        if isinstance(answer, Rejection):
            assert answer.code.value == line["code"], (line[0], answer.message)
            return
        self.wardrobe.saw(answer)
        for event in answer:
            self.auction = evolve(self.auction, event)
        assert self._became(answer) == line["becomes"], line[0]
        if line["buys"]:
            assert self.auction.ends_at == at, line[0]
            return
        assert self.auction.ends_at - end == timedelta(seconds=int(line["moves"] or 0)), line[0]

        meets = "met" if self.auction.reserve_met else "not met"
        told = f"; the reserve is {meets}" if self.auction.reserve_met != met else None
        assert told == line["meets"], line[0]

    def _bid(self, line: re.Match[str]) -> Bid:
        return self.auction.bids[self.ids[line["who"], line["bid"]]]

    def _command(self, line: re.Match[str]) -> AuctionCommand:
        who = PEOPLE[line["who"]]
        if line["does"]:
            return DeleteBid(AUCTION, self._bid(line).id, who)
        if line["doubled"]:
            return DoubleBid(AUCTION, self.done, 0)
        if line["buys"]:
            return BuyNow(AUCTION, UUID(int=self.done), who)
        bid_id = self.ids[line["who"], line["bid"]] = UUID(int=self.done)
        return PlaceBid(AUCTION, bid_id, who, Decimal(line["bid"]))

    def _became(self, events: Sequence[AuctionEvent]) -> str:
        if type(events[0]).__name__ == "BidDeleted":
            return "deleted"
        if type(events[-1]).__name__ == "BoughtNow":
            return "bought, and ended"
        if isinstance(events[0], BidDoubled):
            leading = self.auction.leading_bid
            return "leads" if leading and leading.id == events[0].bid_id else "doubled"
        leading = self.auction.leading_bid
        return "leads" if leading and leading.id == UUID(int=self.done) else "placed"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.options or "plain")
def test_what_the_document_says(example: Example) -> None:
    words = shlex.split(example.options)
    options = {words[at][2:].replace("-", "_"): words[at + 1] for at in range(0, len(words), 2)}
    choice = choose(**options)
    rules = choice.all_rules
    auction = evolve(None, replace(CREATED, rules=rules))
    told = Told(auction, Wardrobe(rules), choice.reserve)
    for line in example.lines:
        told.tell(line)


def test_each_rule_has_an_example_and_the_table_is_the_houses() -> None:
    assert {
        name
        for name in RULES
        if any(f"--{name.replace('_', '-')} " in each.options for each in EXAMPLES)
    } == set(RULES)
    for bracket in HOUSE_TABLE:
        assert f"| {bracket.start:,} | {bracket.step:,} |" in TEXT
