"""Random histories of an auction, for Hypothesis: the commands of bidders and the promoter, and their times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID, uuid5

from hypothesis import strategies as st

from commands.domain.auction import decide
from commands.domain.bidders import Bidder
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    CancelAuction,
    ClearMaximum,
    CloseAuctionNow,
    DeleteBid,
    DoubleBid,
    ForfeitSale,
    LapseOffer,
    PauseAuction,
    PlaceBid,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
    WithdrawBids,
)
from commands.domain.events import AuctionCreated, AuctionEvent, BidNotRevealed, BidRevealed
from commands.domain.promoter import WEIGHTS, Draw, Policy, Promoter, seed_of
from commands.domain.rejections import Rejection
from commands.domain.revisions import Revision
from commands.domain.rules.own_promoter import OWN
from commands.domain.rules.reserve import Reserve
from commands.domain.rules.table import Rules, chosen, hide_amounts, own_promoter
from commands.domain.state import replay
from tests.domain.masks import Wardrobe
from tests.domain.rules.some_rules import price_of, proxied_rules, rules_of_auctions
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTION,
    BEFORE,
    BOB,
    CHARLIE,
    CLOSING,
    CREATED,
    DURING,
    INSTANT,
    OPENING,
    REASON,
)
from tests.domain.sealing import maximum, opened, opened_maxima, sealed

# Most of what happens happens while the auction is open; the edges are there as well.
MOMENTS = (
    *[DURING] * 12, *(DURING + step * timedelta(minutes=3) for step in range(1, 9)), OPENING, CLOSING - INSTANT, BEFORE, OPENING - INSTANT, CLOSING, AFTER,
)  # fmt: skip
Kind = Literal[
    "place", "buy", "delete", "remove", "double", "withdraw", "announce", "cancel", "close",
    "pause", "resume", "revise",
    "accept", "decline", "lapse", "forfeit", "set", "clear",
]  # fmt: skip
# Many bids placed and deleted between the rare rest.
KINDS: list[Kind] = [
    "place", "place", "place", "place", "place", "place", "place",
    "delete", "delete", "delete", "delete", "delete", "delete",
    "double", "withdraw", "announce", "remove", "buy", "pause", "resume", "resume", "revise",
    "set", "set", "set", "clear",
]  # fmt: skip
# These close an auction so soon that little else would happen in most histories.
RARE_KINDS: list[Kind] = ["cancel", "close", "close"]

# What becomes of the lot, once an auction with a second chance is closed.
SALE_KINDS: list[Kind] = ["accept", "decline", "decline", "lapse", "lapse", "forfeit", "withdraw"]

# When bidders deleted their accounts whose bids are withdrawn.
GONE_AT = DURING
# Numbers that no real tick and no real policy reaches, and the secret of all those ticks.
TICKS = 1_000_000
SECRET = bytes(range(32))
POLICIES = {
    0: Policy(),
    1_000_001: Policy(Decimal("70.00"), ("by_amount", "newcomers"), ("leader",), ("per_bidder:1",)),
    1_000_002: Policy(
        weight=("underdogs", "by_bidder_activity"), exclude=("overtaken",), limit=("per_auction:2",)
    ),
    1_000_003: Policy(weight=("underdogs",)),
    1_000_004: Policy(weight=("newcomers",), exclude=("staff", "leader"), limit=("per_bidder:2",)),
    1_000_005: Policy(
        weight=tuple(WEIGHTS), exclude=("staff",), limit=("per_auction:3", "per_bidder:2")
    ),
    1_000_006: Policy(weight=("by_amount",), exclude=("overtaken", "leader")),
    1_000_007: Policy(weight=("by_bidder_activity",)),
}


@dataclass(frozen=True, slots=True)
class Move:
    """Something to ask of an auction, without ids: `bid` counts the bids asked for so far."""

    kind: Kind
    bidder: int = 0
    euros: int = 1
    bid: int = 0
    by_its_bidder: bool = True
    policy: int = 0
    moment: datetime = DURING


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and the moment it was accepted."""

    command: AuctionCommand
    at: datetime


def moves(min_size: int, max_size: int) -> st.SearchStrategy[list[Move]]:
    """So many moves; few bidders and few amounts, so that ties and refusals are common."""
    move = st.builds(
        Move,
        kind=st.sampled_from(KINDS * 4 + RARE_KINDS),
        moment=st.sampled_from(MOMENTS),
        bidder=st.integers(0, 2),
        euros=st.integers(1, 8),
        bid=st.integers(0, 7),
        by_its_bidder=st.sampled_from((True, True, True, False)),
        policy=st.sampled_from(list(POLICIES)),
    )
    return st.lists(move, min_size=min_size, max_size=max_size)


def sales(max_size: int) -> st.SearchStrategy[list[Move]]:
    """The end, at which the winner is announced, and at most so many moves afterwards; in time and not."""
    move = st.builds(
        Move,
        kind=st.sampled_from(SALE_KINDS),
        moment=st.sampled_from(
            (CLOSING + INSTANT, AFTER - INSTANT, AFTER, AFTER + (AFTER - CLOSING))
        ),
        bidder=st.integers(0, 2),
        bid=st.integers(0, 7),
    )
    announced = Move("announce", moment=CLOSING)
    return st.lists(move, max_size=max_size).map(lambda later: [announced, *later])


def rules_or_none() -> st.SearchStrategy[Rules]:
    """Of an auction: none as often as some, and maxima often, as they give rise to most events."""
    some = rules_of_auctions(Decimal("1.00")), proxied_rules(Decimal("1.00"))
    return st.one_of(st.just(()), st.just(()), *some)


def histories(max_size: int) -> st.SearchStrategy[list[AuctionEvent]]:
    """What at most so many moves lead to in an auction of some rules, and what becomes of the lot."""
    return st.builds(_history, moves(0, max_size), sales(8) | st.just([]), rules_or_none())


def _history(moves: list[Move], sales: list[Move], rules: Rules) -> list[AuctionEvent]:
    requests = asked([*moves, *sales], AUCTION, (ALICE, BOB, CHARLIE), rules)
    return happened(replace(CREATED, rules=rules), requests)


def asked(
    moves: Sequence[Move], auction_id: UUID, bidders: Sequence[UUID], rules: Rules = ()
) -> list[Asked]:
    """The moves as commands for that auction, in their order, at the moves' moments in order of time.

    Bids are sealed where the rules say so.
    """
    moments = sorted(move.moment for move in moves)
    placed: dict[UUID, UUID] = {}
    commands = [
        _command(move, tick, auction_id, bidders, placed) for tick, move in enumerate(moves, 1)
    ]
    return [
        Asked(_sealed_by(rules, command), moment)
        for command, moment in zip(commands, moments, strict=True)
    ]


def _sealed_by(rules: Rules, command: AuctionCommand) -> AuctionCommand:
    if isinstance(command, PlaceBid) and hide_amounts(rules):
        return sealed(command)
    return command


def _command(
    move: Move, tick: int, auction_id: UUID, bidders: Sequence[UUID], placed: dict[UUID, UUID]
) -> AuctionCommand:
    bidder = bidders[move.bidder]
    match move.kind:
        case "place":
            bid_id = uuid5(auction_id, str(len(placed)))
            placed[bid_id] = bidder
            return PlaceBid(auction_id, bid_id, bidder, Decimal(f"{move.euros}.00"))
        case "buy":
            bid_id = uuid5(auction_id, str(len(placed)))
            placed[bid_id] = bidder
            return BuyNow(auction_id, bid_id, bidder)
        case "delete":
            bid_id = uuid5(auction_id, str(move.bid))
            return DeleteBid(
                auction_id, bid_id, placed.get(bid_id, bidder) if move.by_its_bidder else bidder
            )
        case "double":
            return DoubleBid(auction_id, TICKS + tick, move.policy)
        case "withdraw":
            return WithdrawBids(auction_id, bidder, GONE_AT)
        case "announce":
            return AnnounceWinner(auction_id)
        case "cancel":
            return CancelAuction(auction_id, REASON, None)
        case "remove":
            return RemoveBid(auction_id, uuid5(auction_id, str(move.bid)), REASON, None)
        case "close":
            return CloseAuctionNow(auction_id, REASON, None)
        case "pause":
            return PauseAuction(auction_id, REASON, None)
        case "resume":
            return ResumeAuction(auction_id, REASON, None)
        case "revise":
            return ReviseAuction(auction_id, _changes(move), None)
        case "set":
            id = uuid5(auction_id, f"maximum {tick}")
            return maximum(auction_id, id, bidder, Decimal(f"{move.euros}.00"))
        case "clear":
            return ClearMaximum(auction_id, bidder)
        case "accept" | "decline":
            return AnswerOffer(auction_id, bidder, accept=move.kind == "accept")
        case "lapse":
            return LapseOffer(auction_id, uuid5(auction_id, str(move.bid)))
        case "forfeit":
            return ForfeitSale(auction_id, uuid5(auction_id, str(move.bid)), REASON, None)
        case _:
            assert_never(move.kind)


def _changes(move: Move) -> Revision:
    """Of the description alone, or of what can be revised until somebody bids."""
    text, later = f"Brass, {move.euros} pieces", timedelta(minutes=move.euros)
    if move.by_its_bidder:
        return Revision(description=text)
    return Revision(
        title=text if move.bid % 2 else None,
        starts_at=OPENING - later if move.bid % 3 else None,
        ends_at=CLOSING + later if move.bid % 4 else None,
        rules=() if move.bid % 5 else None,
    )


def drawing(command: DoubleBid, chain_hash: bytes, rules: Rules = ()) -> Draw:
    """What decides the draw in an auction with these rules whose last event has that hash."""
    version = command.policy_version
    seed = seed_of(SECRET, chain_hash, command.tick)
    if own := own_promoter(rules):
        return Draw(OWN, Promoter.of(own.policy), seed)
    return Draw(version, Promoter.of(POLICIES[version]), seed)


def happened(created: AuctionCreated, requests: Sequence[Asked]) -> list[AuctionEvent]:
    """The events that the requests caused, beginning with the creation; refusals leave none.

    Whoever asks for something exists, under their alias where bidders are masked.
    """
    events: list[AuctionEvent] = [created]
    contents = opened(created.auction_id, [request.command for request in requests])
    maxima = opened_maxima(request.command for request in requests)
    bidders = {id: Bidder(id) for request in requests if (id := _asking(request.command))}
    reserve, wardrobe = price_of(created.rules), Wardrobe(created.rules)
    for request in requests:
        while True:
            before = replay(events)
            wardrobe.follow(before.rules)
            command = wardrobe.dressed(request.command)
            answer = decide(
                command,
                before,
                now=request.at,
                bidders=wardrobe.known(bidders),
                draw=(
                    drawing(command, bytes(32), before.rules)
                    if isinstance(command, DoubleBid)
                    else None
                ),
                reserve=reserve if chosen(before.rules, Reserve) else None,
                behind=wardrobe.behind(bidders),
                opened=contents,
                maxima=maxima,
            )
            if isinstance(answer, Rejection):
                break
            events += answer
            wardrobe.saw(answer)
            if not goes_on(answer):
                break
    return events


def _asking(command: AuctionCommand) -> UUID | None:
    """The bidder whose command it is."""
    return getattr(command, "bidder_id", None)


def goes_on(answer: Sequence[AuctionEvent]) -> bool:
    """Whether the command that had this answer is asked again: bids were revealed, and there may be more."""
    return any(isinstance(event, BidRevealed | BidNotRevealed) for event in answer)
