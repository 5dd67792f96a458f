"""The aliases of one batch: what a masked auction decides, records and keeps in rows names nobody by their user's id.

A job names the user who asked, which only the house sees. When it is decided, the command gets the user's alias
there instead. An alias gets its row in the transaction that records its first bid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from commands.domain.commands import (
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    ClearMaximum,
    DeleteBid,
    PlaceBid,
    SetMaximum,
    WithdrawBids,
)
from commands.domain.events import BidPlaced, Event
from commands.domain.rejections import Rejection
from commands.domain.rules.masked import Alias
from commands.domain.rules.table import masked
from commands.domain.state import Auction
from commands.ids import new_id
from commands.jobs import Job
from commands.postgres.aliases import KnownAlias, Pair, aliases_of, insert_aliases
from commands.postgres.connections import SyncConnection

# What bidders ask for, or what is done in their name.
OF_BIDDERS = frozenset(
    {
        "PlaceBid",
        "SetMaximum",
        "ClearMaximum",
        "BuyNow",
        "DeleteBid",
        "AnswerOffer",
        "WithdrawBids",
    }
)
Placing = PlaceBid | SetMaximum | BuyNow
Changing = DeleteBid | ClearMaximum | AnswerOffer | WithdrawBids


class Masks:
    """The aliases of the users of a batch's commands in its masked auctions; none without such an auction."""

    def __init__(self, known: Mapping[Pair, Alias]) -> None:
        self._known = dict(known)
        self._given: list[KnownAlias] = []

    @classmethod
    def read(
        cls, connection: SyncConnection, asked: Iterable[tuple[Auction | None, AuctionCommand]]
    ) -> "Masks":
        """Those that they have already; `asked` are the commands with their auctions before them."""
        pairs = {
            (auction.id, command.bidder_id)
            for auction, command in asked
            if auction
            and auction.rules
            and masked(auction.rules)
            and isinstance(command, Placing | Changing)
        }
        return cls(aliases_of(connection, pairs) if pairs else {})

    def behind_mask(self, command: AuctionCommand, auction: Auction | None) -> AuctionCommand:
        """The command as it is decided in that auction: with its bidder's alias if that is masked."""
        if auction is None or not auction.rules or not masked(auction.rules):
            return command
        match command:
            case (
                PlaceBid(bidder_id=user_id)
                | SetMaximum(bidder_id=user_id)
                | BuyNow(bidder_id=user_id)
            ):
                pair = auction.id, user_id
                return replace(command, alias=self._known.setdefault(pair, Alias(new_id())))
            case (
                DeleteBid(bidder_id=user_id)
                | ClearMaximum(bidder_id=user_id)
                | AnswerOffer(bidder_id=user_id)
                | WithdrawBids(bidder_id=user_id)
            ):
                # Whoever has no alias has no bid, and nobody's bid is under a user's id.
                alias = self._known.get((auction.id, user_id))
                return replace(command, bidder_id=alias.id) if alias else command
            case _:
                return command

    def note(self, command: AuctionCommand, answer: Sequence[Event] | Rejection) -> None:
        """Note the number that the command's bidder got with their first bid."""
        if not isinstance(command, Placing) or not (alias := command.alias) or alias.number:
            return
        for event in () if isinstance(answer, Rejection) else answer:
            if isinstance(event, BidPlaced) and event.bidder_id == alias.id and event.number:
                pair = command.auction_id, command.bidder_id
                self._known[pair] = Alias(alias.id, event.number)
                self._given.append(KnownAlias(alias.id, pair[0], event.number, pair[1]))

    def users_given(self) -> Mapping[UUID, UUID]:
        """The users behind the aliases that have no row yet."""
        return {each.id: each.user_id for each in self._given if each.user_id}

    def save(self, connection: SyncConnection) -> None:
        """Write the rows of the aliases whose first bids were placed."""
        insert_aliases(connection, self._given)


def request_of(job: Job, auction: Auction | None) -> UUID:
    """The id of the request that the job's events name.

    A connection has one for all that is asked over it, and the deletion of a user one for all withdrawals: by it
    somebody's bids in several auctions could be told to belong together. So in masked auctions the events of
    bidders name their job in its place.
    """
    if auction and auction.rules and masked(auction.rules) and job.command in OF_BIDDERS:
        return job.id
    return job.correlation_id
