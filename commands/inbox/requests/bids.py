"""Requests of bidders: bids, open or sealed, maxima, deletions of their own bids, and answers to offers."""

import re
from typing import Unpack
from uuid import UUID

from commands.domain.amounts import InvalidAmount, amount
from commands.domain.commands import (
    AnswerOffer,
    BuyNow,
    ClearMaximum,
    DeleteBid,
    PlaceBid,
    PlaceSealedBid,
    SetMaximum,
)
from commands.domain.hidden import Content
from commands.ids import new_id
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests.asking import Caller, How, submission
from commands.jobs import Submission
from commands.record.maxima import sealed_maximum
from commands.record.sealed_bids import sealed_bid
from commands.record.sealing import fingerprint, new_salt
from commands.streams import Stream

NONCE = re.compile(r"[\x21-\x7e]{1,64}")


def place_bid(
    caller: Caller,
    *,
    bidder_id: UUID,
    auction_id: UUID,
    amount_text: str,
    nonce: str | None = None,
    key: bytes | None = None,
    **how: Unpack[How],
) -> Submission:
    """The command to place a bid, with a new id for it; InvalidInput for a wrong amount or nonce.

    With the bidder's key the amount is sealed: nothing that is stored tells it.
    """
    try:
        offered = amount(amount_text)
    except InvalidAmount as error:
        raise InvalidInput("amount", str(error)) from error
    if nonce is not None and not NONCE.fullmatch(nonce):
        raise InvalidInput("nonce", "a nonce is 1 to 64 printable ASCII characters, without spaces")
    bid = PlaceBid(auction_id, new_id(), bidder_id, offered, nonce)
    content = {"auction_id": str(auction_id), "amount": str(offered)}
    if key:
        content["amount"] = fingerprint(key, {"amount": str(offered)})
    if nonce is not None:
        content["nonce"] = nonce
    command = _sealed(bid, key) if key else bid
    return submission(caller, Stream("auction", auction_id), command, content, **how)


def buy_now(caller: Caller, *, bidder_id: UUID, auction_id: UUID, **how: Unpack[How]) -> Submission:
    """The command to buy at the buy-now price, with a new id for the bid."""
    command = BuyNow(auction_id, new_id(), bidder_id)
    content = {"auction_id": str(auction_id), "bought": True}
    return submission(caller, Stream("auction", auction_id), command, content, **how)


def _sealed(bid: PlaceBid, key: bytes) -> PlaceSealedBid:
    content = Content(bid.amount, new_salt())
    sealed = sealed_bid(key, content, bid.auction_id, bid.bid_id)
    return PlaceSealedBid(
        bid.auction_id, bid.bid_id, bid.bidder_id, content.commitment, sealed, bid.nonce
    )


def set_maximum(
    caller: Caller,
    *,
    bidder_id: UUID,
    auction_id: UUID,
    amount_text: str,
    key: bytes,
    **how: Unpack[How],
) -> Submission:
    """The command to set a maximum, sealed with the bidder's key; InvalidInput for a wrong amount.

    Nothing that is stored tells it.
    """
    try:
        most = amount(amount_text)
    except InvalidAmount as error:
        raise InvalidInput("amount", str(error)) from error
    id = new_id()
    command = SetMaximum(auction_id, id, bidder_id, sealed_maximum(key, most, auction_id, id))
    content = {
        "auction_id": str(auction_id),
        "maximum": fingerprint(key, {"maximum": str(most)}),
    }
    return submission(caller, Stream("auction", auction_id), command, content, **how)


def clear_maximum(
    caller: Caller, *, bidder_id: UUID, auction_id: UUID, **how: Unpack[How]
) -> Submission:
    """The command to take the bidder's maximum back."""
    command = ClearMaximum(auction_id, bidder_id)
    content = {"auction_id": str(auction_id), "maximum": None}
    return submission(caller, Stream("auction", auction_id), command, content, **how)


def delete_bid(
    caller: Caller,
    *,
    bidder_id: UUID,
    auction_id: UUID,
    bid_id: UUID,
    **how: Unpack[How],
) -> Submission:
    """The command to delete a bid of the bidder's own."""
    return submission(
        caller,
        Stream("auction", auction_id),
        DeleteBid(auction_id, bid_id, bidder_id),
        {"auction_id": str(auction_id), "bid_id": str(bid_id)},
        **how,
    )


def answer_offer(
    caller: Caller,
    *,
    bidder_id: UUID,
    auction_id: UUID,
    accept: bool,
    **how: Unpack[How],
) -> Submission:
    """The command to accept the lot that the bidder won or is offered, or to decline it."""
    return submission(
        caller,
        Stream("auction", auction_id),
        AnswerOffer(auction_id, bidder_id, accept),
        {"auction_id": str(auction_id), "accept": accept},
        **how,
    )
