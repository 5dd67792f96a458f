"""Mutations of auctioneers: creating auctions, and intervening in them."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import strawberry

from commands.inbox import requests
from commands.inbox.hiding import HiddenReserve, new_reserve_async
from commands.jobs import Submission
from portal.schema.context import PortalInfo
from portal.schema.jobs import Job
from portal.schema.rules import RulesInput, chosen
from portal.schema.submitting import EXPIRES_IN, IDEMPOTENCY_KEY, accepted, how

REASON = "One line of 1 to 500 characters, for everybody to read and for good: no personal data belongs in it."


@strawberry.input(description="A new auction.")
class CreateAuctionInput:
    title: str = strawberry.field(description="One line of 1 to 200 characters.")
    description: str | None = strawberry.field(
        default=None, description="Plain text of at most 5,000 characters."
    )
    starts_at: datetime | None = strawberry.field(
        default=None,
        description="From when bids count, not in the past; null means when it is accepted.",
    )
    ends_at: datetime = strawberry.field(description="Until when bids count, after it starts.")
    rules: RulesInput | None = strawberry.field(
        default=None,
        description="What it goes by beside the plain rules; null means by these alone.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(
    description=(
        "What to change of an auction; what is null stays. Once there was a bid only the description can be changed, and while "
        "the auction is PAUSED neither its times nor its rules."
    )
)
class ReviseAuctionInput:
    auction_id: UUID = strawberry.field(description="The auction, which is not over.")
    title: str | None = strawberry.field(
        default=None, description="One line of 1 to 200 characters."
    )
    description: str | None = strawberry.field(
        default=None, description="Plain text of at most 5,000 characters, or empty."
    )
    starts_at: datetime | None = strawberry.field(
        default=None, description="Not in the past; a start that has passed stays."
    )
    ends_at: datetime | None = strawberry.field(
        default=None, description="After it starts, and not in the past."
    )
    rules: RulesInput | None = strawberry.field(
        default=None,
        description="They take the place of all rules that it has, a reserve included; {} are the plain ones alone.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="The auction to cancel, and why.")
class CancelAuctionInput:
    auction_id: UUID = strawberry.field(description="The auction, which is not closed yet.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="The auction to end at once, and why.")
class CloseAuctionNowInput:
    auction_id: UUID = strawberry.field(description="The auction, which is open.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="The auction to pause, and why.")
class PauseAuctionInput:
    auction_id: UUID = strawberry.field(description="The auction, which is open.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="The auction to resume, and why.")
class ResumeAuctionInput:
    auction_id: UUID = strawberry.field(description="The auction, which is paused.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="A bid to remove in the house's name, and why.")
class RemoveBidInput:
    auction_id: UUID = strawberry.field(description="The auction it was placed in.")
    bid_id: UUID = strawberry.field(description="The bid, which is live.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="From whom to take the lot of a closed auction, and why.")
class ForfeitSaleInput:
    auction_id: UUID = strawberry.field(description="The auction, which has a second chance.")
    bid_id: UUID = strawberry.field(
        description="The bid for which the lot is offered or sold, so that nobody else loses it by a repetition."
    )
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.type
class HouseMutation:
    @strawberry.mutation(
        description="Create an auction (staff only). Without startsAt it starts at once."
    )
    async def create_auction(self, info: PortalInfo, input: CreateAuctionInput) -> Job:
        viewer = await info.context.auctioneer()
        reserve = await _reserve(info, input.rules)
        submission = requests.create_auction(
            info.context.caller(viewer),
            title=input.title,
            description=input.description or "",
            starts_at=input.starts_at,
            ends_at=input.ends_at,
            rules=chosen(input.rules),
            reserve=reserve,
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Change what was said of an auction (staff only), until it is over: all of it until somebody bids, and then "
            "its description alone. The event has what it was before, too."
        )
    )
    async def revise_auction(self, info: PortalInfo, input: ReviseAuctionInput) -> Job:
        viewer = await info.context.auctioneer()
        submission = requests.revise_auction(
            info.context.caller(viewer),
            auction_id=input.auction_id,
            title=input.title,
            description=input.description,
            starts_at=input.starts_at,
            ends_at=input.ends_at,
            rules=chosen(input.rules) if input.rules else None,
            reserve=await _reserve(info, input.rules, input.auction_id),
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Cancel an auction (staff only), until it is closed: nobody wins, and those with live bids are told "
            "why."
        )
    )
    async def cancel_auction(self, info: PortalInfo, input: CancelAuctionInput) -> Job:
        return await _intervene(info, input, requests.cancel_auction)

    @strawberry.mutation(
        description=(
            "End an open or paused auction at the moment at which this is accepted (staff only). What was accepted before "
            "counts, and the winner is announced as usual."
        )
    )
    async def close_auction_now(self, info: PortalInfo, input: CloseAuctionNowInput) -> Job:
        return await _intervene(info, input, requests.close_auction_now)

    @strawberry.mutation(
        description=(
            "Have time stand still in an open auction from the moment at which this is accepted (staff only), until "
            "resumeAuction: no bid counts, none is deleted by its bidder, and no end comes."
        )
    )
    async def pause_auction(self, info: PortalInfo, input: PauseAuctionInput) -> Job:
        return await _intervene(info, input, requests.pause_auction)

    @strawberry.mutation(
        description=(
            "Have time go on in a paused auction from the moment at which this is accepted (staff only). Its end "
            "moves by as long as it was paused."
        )
    )
    async def resume_auction(self, info: PortalInfo, input: ResumeAuctionInput) -> Job:
        return await _intervene(info, input, requests.resume_auction)

    @strawberry.mutation(
        description=(
            "Delete anybody's live bid in the house's name (staff only), until the auction ends. Its bidder is told why."
        )
    )
    async def remove_bid(self, info: PortalInfo, input: RemoveBidInput) -> Job:
        return await _intervene(info, input, requests.remove_bid, bid_id=input.bid_id)

    @strawberry.mutation(
        description=(
            "Take the lot from whoever won or bought it, or is offered it, because they do not pay (staff only). It is "
            "offered to the next bidder, if the auction's second chance has one."
        )
    )
    async def forfeit_sale(self, info: PortalInfo, input: ForfeitSaleInput) -> Job:
        return await _intervene(info, input, requests.forfeit_sale, bid_id=input.bid_id)


async def _intervene(
    info: PortalInfo,
    input: CancelAuctionInput
    | CloseAuctionNowInput
    | PauseAuctionInput
    | ResumeAuctionInput
    | RemoveBidInput
    | ForfeitSaleInput,
    request: Callable[..., Submission],
    **of_bid: UUID,
) -> Job:
    """Have the house's command accepted that the request makes of the input."""
    viewer = await info.context.auctioneer()
    caller = info.context.caller(viewer)
    submission = request(
        caller, auction_id=input.auction_id, reason=input.reason, **of_bid, **how(input)
    )
    return await accepted(info.context, submission)


async def _reserve(
    info: PortalInfo, rules: RulesInput | None, auction_id: UUID | None = None
) -> HiddenReserve | None:
    """The reserve that is chosen, for that auction or a new one."""
    if rules is None or rules.reserve is None:
        return None
    async with info.context.runtime.pool.connection() as connection:
        return await new_reserve_async(connection, rules.reserve, auction_id)
