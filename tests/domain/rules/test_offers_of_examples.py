"""The examples of second chances in docs/rules.md: whose turn it is after the end, line by line."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.auction import decide
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    ForfeitSale,
    LapseOffer,
    PlaceBid,
)
from commands.domain.events import LotOffered, OfferAccepted, SaleFailed
from commands.domain.rejections import Rejection
from commands.domain.rules.reserve import ReservePrice
from commands.domain.state import Auction, evolve, replay
from commands.inbox.chosen_rules import choose
from tests.domain.scenario import ALICE, AUCTION, BOB, CAST, CLOSING, CREATED, DURING
from tests.servers import ROOT

TEXT = (ROOT / "docs/rules.md").read_text()
SECTION = TEXT[TEXT.index("## Second chance") : TEXT.index("## Presets")]
BID = re.compile(r"\| (alice|bob) ([\d.]+) \| .* \|")
SALE = re.compile(
    r"\| after (?P<seconds>\d+) s, (?:(?P<who>alice|bob) (?P<answer>accepts|declines)|(?P<done>.+?)) "
    r"\| (?P<becomes>.+?) \|"
)
PEOPLE = {"alice": ALICE, "bob": BOB}


@dataclass
class Told:
    """An auction while its sale is told."""

    auction: Auction
    reserve: ReservePrice | None
    offered_at: datetime = CLOSING

    def tell(self, line: re.Match[str]) -> None:
        """What is done with the lot becomes what is written."""
        at = self.offered_at + timedelta(seconds=int(line["seconds"]))
        answer = decide(
            self._command(line), self.auction, now=at, bidders=CAST, reserve=self.reserve
        )
        if isinstance(answer, Rejection):
            assert f"`{answer.code.value}`" == line["becomes"], (line[0], answer.message)
            return
        self.auction = replay(answer, self.auction)
        last = answer[-1]
        if isinstance(last, LotOffered):
            self.offered_at = at
        assert self._said(last) == line["becomes"], line[0]

    def _command(self, line: re.Match[str]) -> AuctionCommand:
        sale = self.auction.sale
        bid_id = sale.bid_id if sale and sale.bid_id else UUID(int=0)
        if line["answer"]:
            return AnswerOffer(AUCTION, PEOPLE[line["who"]], line["answer"] == "accepts")
        match line["done"]:
            case "the winner is announced":
                return AnnounceWinner(AUCTION)
            case "nobody answered":
                return LapseOffer(AUCTION, bid_id)
            case "the house takes it back":
                return ForfeitSale(AUCTION, bid_id, "Never paid.", None)
        raise AssertionError(line[0])

    def _said(self, event: object) -> str:
        names = {id: name for name, id in PEOPLE.items()}
        match event:
            case LotOffered(bidder_id=who, amount=amount):
                return f"{names[who]} is offered it for {amount:,}"
            case OfferAccepted(bidder_id=who):
                return f"{names[who]} buys it"
            case SaleFailed():
                return "nobody is left"
        raise AssertionError(event)


def examples() -> Iterator[tuple[str, list[str]]]:
    """The options of each example, and its lines."""
    _, *parts = re.split(r"^With `(.*)`:$", SECTION, flags=re.MULTILINE)
    yield from (
        (options, text.splitlines()) for options, text in zip(parts[::2], parts[1::2], strict=True)
    )


@pytest.mark.parametrize(("options", "lines"), list(examples()))
def test_what_the_document_says(options: str, lines: list[str]) -> None:
    words = shlex.split(options)
    choice = choose(
        **dict(zip((w[2:].replace("-", "_") for w in words[::2]), words[1::2], strict=True))
    )
    auction = evolve(None, replace(CREATED, rules=choice.all_rules))
    for number, (who, amount) in enumerate(filter(None, map(bid_in, lines)), 1):
        command = PlaceBid(AUCTION, UUID(int=number), PEOPLE[who], Decimal(amount))
        placed = decide(command, auction, now=DURING, bidders=CAST, reserve=choice.reserve)
        assert not isinstance(placed, Rejection)
        auction = replay(placed, auction)
    told, sold = (
        Told(auction, choice.reserve),
        [line for each in lines if (line := SALE.fullmatch(each))],
    )
    assert len(sold) > 5
    for line in sold:
        told.tell(line)


def bid_in(line: str) -> tuple[str, str] | None:
    """Who bids what in the line, if anybody does."""
    found = BID.fullmatch(line)
    return (found[1], found[2]) if found else None
