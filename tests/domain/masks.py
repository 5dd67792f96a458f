"""Aliases for auctions that are replayed by hand, as handling jobs gives them to commands."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import UUID, uuid5

from commands.domain.bidders import Bidder
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
from commands.domain.events import AuctionEvent, BidPlaced
from commands.domain.rules.masked import Alias
from commands.domain.rules.table import Rules, masked


def known_as(user_id: UUID) -> UUID:
    """The alias of a user, where nobody else gives one."""
    return uuid5(user_id, "alias")


class Wardrobe:
    """The aliases of one auction's bidders; in one that is not masked users are themselves."""

    def __init__(self, rules: Rules, given: Mapping[UUID, UUID] | None = None) -> None:
        self._masked, self._given = masked(rules), given or {}
        self._numbers: dict[UUID, int] = {}

    def follow(self, rules: Rules) -> None:
        """The auction has these rules from now on."""
        self._masked = masked(rules)

    def of(self, user_id: UUID) -> UUID:
        """The id under which the user bids."""
        return self._given.get(user_id, known_as(user_id)) if self._masked else user_id

    def behind(self, users: Iterable[UUID]) -> Mapping[UUID, UUID]:
        """These users, by their aliases."""
        return {self.of(user_id): user_id for user_id in users}

    def known(self, users: Mapping[UUID, Bidder]) -> Mapping[UUID, Bidder]:
        """These users, by their ids and by those under which they bid."""
        return {**users, **{self.of(user_id): bidder for user_id, bidder in users.items()}}

    def dressed(self, command: AuctionCommand) -> AuctionCommand:
        """The command as it is decided."""
        match command:
            case (
                PlaceBid(bidder_id=user_id)
                | SetMaximum(bidder_id=user_id)
                | BuyNow(bidder_id=user_id)
            ) if self._masked:
                alias = Alias(self.of(user_id), self._numbers.get(self.of(user_id)))
                return replace(command, alias=alias)
            case (
                DeleteBid(bidder_id=user_id)
                | ClearMaximum(bidder_id=user_id)
                | AnswerOffer(bidder_id=user_id)
                | WithdrawBids(bidder_id=user_id)
            ):
                return replace(command, bidder_id=self.of(user_id))
            case _:
                return command

    def saw(self, events: Iterable[AuctionEvent]) -> None:
        """Take the numbers that first bids got."""
        for event in events:
            if isinstance(event, BidPlaced) and event.number:
                self._numbers[event.bidder_id] = event.number
