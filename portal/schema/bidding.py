"""Mutations of bidders: placing bids, setting maxima, deleting their own, and answering offers."""

from decimal import Decimal
from uuid import UUID

import strawberry

from commands.inbox import requests
from portal.schema.context import Context, PortalInfo
from portal.schema.jobs import Job
from portal.schema.submitting import EXPIRES_IN, IDEMPOTENCY_KEY, accepted, how
from portal.signin.tokens import Viewer


@strawberry.input(
    description="The same idempotencyKey from the same user gives the same job, and one bid."
)
class PlaceBidInput:
    auction_id: UUID = strawberry.field(description="The auction to bid in.")
    amount: Decimal = strawberry.field(description="What is offered, from 0.01 to 9999999999.99.")
    nonce: str | None = strawberry.field(
        default=None,
        description=(
            "1 to 64 printable ASCII characters without spaces, best at random: they are kept in the "
            "bid's event, are public, and have a part in every later draw here."
        ),
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(
    description="The same idempotencyKey from the same user gives the same job, and one purchase."
)
class BuyInput:
    auction_id: UUID = strawberry.field(description="The auction to buy.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(
    description="The same idempotencyKey from the same user gives the same job, and one maximum."
)
class SetMaximumInput:
    auction_id: UUID = strawberry.field(description="The auction to bid in.")
    amount: Decimal = strawberry.field(
        description="As far as the auction may bid, from 0.01 to 9999999999.99. Nobody else is told."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="A maximum to take back.")
class ClearMaximumInput:
    auction_id: UUID = strawberry.field(description="The auction in which the reader has it.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="A bid to take back.")
class DeleteBidInput:
    auction_id: UUID = strawberry.field(description="The auction it was placed in.")
    bid_id: UUID = strawberry.field(description="The bid, which must be the reader's own.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="Whether to buy the lot that the reader won, or is offered.")
class AnswerOfferInput:
    auction_id: UUID = strawberry.field(description="The auction whose lot is offered.")
    accept: bool = strawberry.field(
        description="True buys it, for the offer's amount; false lets it go to the next bidder, for good."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


async def count_bid(context: Context, viewer: Viewer) -> None:
    """RATE_LIMITED beyond what one user, or one address, may bid and delete."""
    await context.runtime.rates.spend(
        ("BIDS_PER_USER", str(viewer.user_id)), ("BIDS_PER_ADDRESS", context.address)
    )


@strawberry.type
class BiddingMutation:
    @strawberry.mutation(
        description=(
            "Place a bid. It may be lower than the leading bid, but must be higher than the "
            "bidder's own highest live bid in this auction; in some auctions other rules hold (see rules). Where "
            "bids are sealed the amount is sealed at once, and nobody is told it before the end."
        )
    )
    async def place_bid(self, info: PortalInfo, input: PlaceBidInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        key = await info.context.runtime.sealing.key_for(input.auction_id, viewer.user_id)
        submission = requests.place_bid(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            amount_text=str(input.amount),
            nonce=input.nonce,
            key=key,
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Buy at the auction's buy-now price while it is offered (see Auction.buyNowPrice): a bid of that price is placed, "
            "and the auction ends at the moment at which this is accepted."
        )
    )
    async def buy_now(self, info: PortalInfo, input: BuyInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        submission = requests.buy_now(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Set a private maximum, in the place of an earlier one: the auction bids for the reader by its increments, no more "
            "than it takes to lead. It is no lower than what the reader would have to bid now. It is sealed at once; "
            "Auction.myMaximum opens it for the reader alone."
        )
    )
    async def set_maximum(self, info: PortalInfo, input: SetMaximumInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        submission = requests.set_maximum(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            amount_text=str(input.amount),
            key=await info.context.runtime.sealing.key_of(viewer.user_id),
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description="Take the reader's maximum back, until the auction ends. Bids that it placed stay."
    )
    async def clear_maximum(self, info: PortalInfo, input: ClearMaximumInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        submission = requests.clear_maximum(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(description="Delete an own live bid, until the auction ends.")
    async def delete_bid(self, info: PortalInfo, input: DeleteBidInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        submission = requests.delete_bid(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            bid_id=input.bid_id,
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Say whether the reader buys the lot that they won, or are offered, by an auction's second chance. It counts if "
            "it is accepted before the offer's `until`, whenever it is handled."
        )
    )
    async def answer_offer(self, info: PortalInfo, input: AnswerOfferInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        submission = requests.answer_offer(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            accept=input.accept,
            **how(input),
        )
        return await accepted(info.context, submission)
