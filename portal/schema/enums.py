"""The API's enums; the domain's are described here, because the domain knows nothing of GraphQL."""

from collections.abc import Mapping
from enum import Enum

import strawberry

from commands.domain.events import NoDoubling
from commands.domain.rejections import RejectionCode
from commands.domain.sale import SaleState
from commands.jobs import JobStatus
from notifications.preferences import NotificationChannel, NotificationKind

__all__ = [
    "AuctionOrder",
    "AuctionRule",
    "AuctionStatus",
    "JobStatus",
    "NoDoubling",
    "NotificationChannel",
    "NotificationKind",
    "OfferOutcome",
    "Preset",
    "RejectionCode",
    "SaleState",
    "Standing",
]


class AuctionStatus(Enum):
    """Follows from startsAt and endsAt, unless the house cancelled or paused it; not from the announcement of a winner."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    PAUSED = "PAUSED"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class AuctionOrder(Enum):
    """Of equals, by id."""

    ENDING_SOONEST = "ENDING_SOONEST"
    STARTING_SOONEST = "STARTING_SOONEST"
    NEWEST_ENDED = "NEWEST_ENDED"
    NEWEST = "NEWEST"
    MOST_BIDS = "MOST_BIDS"
    HIGHEST_PRICE = "HIGHEST_PRICE"
    LOWEST_PRICE = "LOWEST_PRICE"


class AuctionRule(Enum):
    """By its name in events, or none."""

    STARTING_PRICE = "STARTING_PRICE"
    RESERVE = "RESERVE"
    INCREMENTS = "INCREMENTS"
    BUY_NOW = "BUY_NOW"
    PROXY_BIDS = "PROXY_BIDS"
    SEALED = "SEALED"
    SOFT_CLOSE = "SOFT_CLOSE"
    WITHDRAWAL = "WITHDRAWAL"
    MASKED = "MASKED"
    PROMOTER = "PROMOTER"
    OWN_LOT = "OWN_LOT"
    SECOND_CHANCE = "SECOND_CHANCE"
    PLAIN = "PLAIN"


class OfferOutcome(Enum):
    """As in the documents."""

    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    LAPSED = "LAPSED"
    FORFEITED = "FORFEITED"


class Preset(Enum):
    """One for each of the domain's PRESETS."""

    PLAIN = "plain"
    ENGLISH = "english"
    CHARITY = "charity"
    SEALED = "sealed"
    VICKREY = "vickrey"


class Standing(Enum):
    """What an auction is to the reader."""

    LEADING = "LEADING"
    OUTBID = "OUTBID"
    SEALED = "SEALED"
    WON = "WON"
    OFFERED = "OFFERED"
    LOST = "LOST"
    CANCELLED = "CANCELLED"
    WATCHING = "WATCHING"


def describe(enum: type[Enum], description: str, values: Mapping[Enum, str]) -> None:
    """Make it one of the API's enums; raises KeyError if one of its values is left out."""
    strawberry.enum(enum, description=description)
    definition = enum.__dict__["__strawberry_definition__"]
    for member, value in zip(enum, definition.values, strict=True):
        value.description = values[member]


describe(
    AuctionStatus,
    "Where an auction stands by the portal's clock.",
    {
        AuctionStatus.SCHEDULED: "Before startsAt: no bids yet.",
        AuctionStatus.OPEN: "From startsAt until endsAt: bids count.",
        AuctionStatus.PAUSED: (
            "The house has time stand still, even beyond endsAt: no bids until it resumes it; see `paused`."
        ),
        AuctionStatus.ENDED: "From endsAt on. The winner is announced within a second or two.",
        AuctionStatus.CANCELLED: "The house cancelled it, and nobody wins; see `cancelled`.",
    },
)
describe(
    Preset,
    "Rules of auctions that go together.",
    {
        Preset.PLAIN: "The plain rules alone: a bid need not lead, and the end stays.",
        Preset.CHARITY: (
            "A bid need not lead, and can't be deleted; one's own next is higher by the house's table of increments. A bid in "
            "the last minute moves the end by a minute, ten times at most."
        ),
        Preset.ENGLISH: (
            "Each bid is higher than the leading one by the house's table of increments; one in the last "
            "minute moves the end by a minute, ten times at most."
        ),
        Preset.SEALED: "Amounts are hidden until the end; the highest wins, and is paid.",
        Preset.VICKREY: "Amounts are hidden until the end; the highest wins and pays the second highest.",
    },
)
describe(
    SaleState,
    "Where the sale of an auction with a second chance stands.",
    {
        SaleState.OFFERED: "The lot is offered to somebody who has not answered yet.",
        SaleState.SOLD: "Somebody accepted, and buys it.",
        SaleState.PASSED_ON: "It is neither offered nor sold; the very next version of the auction says what follows.",
        SaleState.FAILED: "Nobody is left to whom it could be offered.",
    },
)
describe(
    OfferOutcome,
    "What became of an offer.",
    {
        OfferOutcome.ACCEPTED: "They buy it.",
        OfferOutcome.DECLINED: "They do not want it, or deleted their account.",
        OfferOutcome.LAPSED: "They did not answer in time.",
        OfferOutcome.FORFEITED: "The house took it from them; `reason` says why.",
    },
)
describe(
    NoDoubling,
    "Why a draw doubled no bid.",
    {
        NoDoubling.CHANCE: "By the policy's chance there was none this time.",
        NoDoubling.NOBODY: "The policy excludes every bid.",
        NoDoubling.GONE: "The bid that was drawn was deleted or doubled after the cut-off.",
        NoDoubling.LATE: "It was not made in time.",
        NoDoubling.FAILED: "By a fault of the portal.",
    },
)
describe(
    AuctionOrder,
    "Which auctions of a list come first.",
    {
        AuctionOrder.ENDING_SOONEST: "By endsAt, the earliest first.",
        AuctionOrder.STARTING_SOONEST: "By startsAt, the earliest first: for SCHEDULED ones.",
        AuctionOrder.NEWEST_ENDED: "By endsAt, the latest first: for ENDED ones.",
        AuctionOrder.NEWEST: "The one created last first.",
        AuctionOrder.MOST_BIDS: "By bidCount, the highest first.",
        AuctionOrder.HIGHEST_PRICE: "By what the leading bid counts, the highest first.",
        AuctionOrder.LOWEST_PRICE: (
            "By what the leading bid counts, the lowest first; auctions without live bids come before all."
        ),
    },
)
describe(
    AuctionRule,
    "What rules an auction has, to look for.",
    {
        AuctionRule.STARTING_PRICE: "It has a starting price.",
        AuctionRule.INCREMENTS: "It has increments.",
        AuctionRule.RESERVE: "It has a hidden reserve.",
        AuctionRule.BUY_NOW: "It has a price at which it can be bought at once, or could be.",
        AuctionRule.PROXY_BIDS: "Bidders can set a private maximum.",
        AuctionRule.SEALED: "Its bids are sealed.",
        AuctionRule.SOFT_CLOSE: "It has a soft close.",
        AuctionRule.WITHDRAWAL: "Its bidders may delete their bids only for a time, or never.",
        AuctionRule.MASKED: "Its bidders are masked.",
        AuctionRule.PROMOTER: "Its promoter is off, or has options of its own.",
        AuctionRule.OWN_LOT: "Whoever the lot belongs to can't bid.",
        AuctionRule.SECOND_CHANCE: "Its lot is offered to the next bidder if the winner does not confirm in time.",
        AuctionRule.PLAIN: "It has none beside the plain rules.",
    },
)
describe(
    Standing,
    "What an auction is to the reader. One in which they have no live bid, and that they don't watch, is nothing.",
    {
        Standing.LEADING: "Their bid leads; until the winner is announced.",
        Standing.OUTBID: "They have a live bid, and another one leads; until the winner is announced.",
        Standing.SEALED: "They have a live sealed bid, so nobody knows who leads; until the winner is announced.",
        Standing.WON: "They won it; or, of one with a second chance, they bought it.",
        Standing.OFFERED: "They won it, or are next, and are to say whether they buy it; see Auction.sale.",
        Standing.LOST: "They had a live bid when it was closed, and did not win, or do not have what they won.",
        Standing.CANCELLED: "They had a live bid when the house cancelled it.",
        Standing.WATCHING: "They watch it, whether they bid or not.",
    },
)
describe(
    JobStatus,
    "Where a job stands.",
    {
        JobStatus.QUEUED: "Accepted, and not decided yet.",
        JobStatus.SUCCEEDED: "Done: `result` says what it led to.",
        JobStatus.REJECTED: "A rule forbids it: `rejection` says which. Nothing was changed.",
        JobStatus.FAILED: (
            "A fault of the portal. Nothing was changed; an operator may have it decided again."
        ),
    },
)
describe(
    RejectionCode,
    "The rule that a command would break.",
    {
        RejectionCode.AUCTION_NOT_FOUND: "No auction has that id.",
        RejectionCode.AUCTION_NOT_STARTED: "Accepted before the auction's startsAt.",
        RejectionCode.AUCTION_NOT_ENDED: "The portal's own command to close, before endsAt.",
        RejectionCode.AUCTION_ENDED: "Not accepted before the auction's endsAt.",
        RejectionCode.AUCTION_CANCELLED: "The house cancelled the auction before.",
        RejectionCode.BANNED: "The house has banned the bidder, in the auction or in all; see Rejection.ban.",
        RejectionCode.OWN_LOT: "By the auction's rules the lot is the bidder's own, or the house's people can't bid.",
        RejectionCode.AUCTION_PAUSED: "Accepted while the auction was paused.",
        RejectionCode.AUCTION_NOT_PAUSED: "There is no pause for time to go on after.",
        RejectionCode.AUCTION_HAS_BIDS: "There was a bid, so only the description can still be revised.",
        RejectionCode.NOTHING_TO_REVISE: "The auction is as the revision says already.",
        RejectionCode.SEALING_STAYS: "Whether bids are sealed can't be revised.",
        RejectionCode.BID_TOO_LOW: (
            "Not higher than the effective amount of the bidder's own highest live bid in the "
            "auction."
        ),
        RejectionCode.BELOW_STARTING_PRICE: "Below the auction's starting price.",
        RejectionCode.BELOW_INCREMENT: (
            "Not higher by the auction's increment than the leading bid, or than the bidder's own highest."
        ),
        RejectionCode.OVER_LIMIT: (
            "The bid would take what the bidder would pay at most in all open auctions together above the limit that the "
            "house set for them; see exposureLimit."
        ),
        RejectionCode.RESERVE_LOST: (
            "The portal's own command to close: what the reserve is can't be read any more. The house can cancel the "
            "auction."
        ),
        RejectionCode.NOT_FOR_SALE: (
            "The auction has no buy-now price, or it is not offered any more; see Auction.buyNowPrice."
        ),
        RejectionCode.NO_PROXY_BIDS: "No maximum can be set in the auction.",
        RejectionCode.MAXIMUM_TOO_LOW: (
            "The maximum is lower than what its bidder would have to bid now, or than what their leading bid counts."
        ),
        RejectionCode.NO_MAXIMUM: "The bidder has no maximum in the auction, or not any more.",
        RejectionCode.BID_NOT_SEALED: (
            "Bids are sealed here, and this one is not: it was accepted before the auction was there."
        ),
        RejectionCode.ONE_SEALED_BID: (
            "The bidder has a live sealed bid in the auction: deleteBid makes room for another."
        ),
        RejectionCode.BID_NOT_FOUND: "The auction has no bid of that id.",
        RejectionCode.BID_NOT_YOURS: "Only its bidder may delete a bid.",
        RejectionCode.BID_ALREADY_DELETED: "The bid is deleted already.",
        RejectionCode.BID_BINDING: (
            "By the auction's rules its bidder can't delete the bid, or not any more; see Bid.deletableUntil. "
            "Nor their account until the auction is closed."
        ),
        RejectionCode.NOT_BANNED: "No such ban of the user is in force.",
        RejectionCode.NOT_LIMITED: "The user has no limit on their exposure.",
        RejectionCode.POLICY_FIXED: "The auction's own rules say what its draws follow, for good.",
        RejectionCode.NOT_OFFERED: "The lot was not offered to the reader, or by forfeitSale to that bid's bidder.",
        RejectionCode.OFFER_OVER: "Not accepted before the offer's `until`, or it was answered already.",
        RejectionCode.OFFER_OPEN: "The portal's own command to end an offer, before its `until`.",
        RejectionCode.USERNAME_TAKEN: "Somebody has that name, or one that differs in case only.",
        RejectionCode.USER_NOT_FOUND: "No user has that id, or they were deleted.",
        RejectionCode.INVALID_SCHEDULE: (
            "The auction would start before it was accepted, or not end after it starts; or the ban would be over already."
        ),
        RejectionCode.NO_BID_TO_DOUBLE: (
            "The promoter's own command: no live bid may be doubled, or the tick gave no draw."
        ),
        RejectionCode.EXPIRED: "It waited past its deadline.",
        RejectionCode.CANCELLED: "It was taken back with cancelJob while it waited.",
    },
)
describe(
    NotificationKind,
    "What a notification is about.",
    {
        NotificationKind.AUCTION_WON: (
            "The reader won the auction; with a second chance `message` says until when to confirm the purchase."
        ),
        NotificationKind.AUCTION_LOST: (
            "The auction ended, and the reader's live bids in it did not win."
        ),
        NotificationKind.OUTBID: (
            "The reader's bid led and does not lead any more, though it is still live. Until it is "
            "read, it says what the highest bid is now."
        ),
        NotificationKind.MAX_BID_CHANGED: (
            "The highest bid changed in an auction where the reader has live bids, not by the "
            "reader, and the reader did not lead before."
        ),
        NotificationKind.BID_DOUBLED: "The promoter doubled a bid of the reader.",
        NotificationKind.ENDING_SOON: (
            "An auction that the reader watches ends within ten minutes; once, even if its end moves then."
        ),
        NotificationKind.BID_REMOVED: (
            "The house removed a bid of the reader; `message` says why, `amount` what it counted."
        ),
        NotificationKind.AUCTION_CANCELLED: (
            "The house cancelled an auction where the reader has live bids; `message` says why."
        ),
        NotificationKind.AUCTION_PAUSED: (
            "The house paused an auction that the reader watches, or has live bids in; `message` says why."
        ),
        NotificationKind.AUCTION_RESUMED: "The house resumed such an auction: its end has moved; `message` says why.",
        NotificationKind.LOT_OFFERED: (
            "It is the reader's turn after the winner's, and they are to say whether they buy the lot; `message` says until "
            "when, `amount` for what."
        ),
        NotificationKind.LOT_LOST: (
            "The reader did not answer an offer in time, or the house took the lot from them; `message` says why."
        ),
    },
)
describe(
    NotificationChannel,
    "How a notification reaches its reader.",
    {
        NotificationChannel.IN_APP: "The query notifications, and notificationReceived.",
        NotificationChannel.EMAIL: "A mail to the user's address, if there is one.",
    },
)
