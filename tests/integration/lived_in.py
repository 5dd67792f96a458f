"""A portal in which everything that leaves events has happened, some of it only in part."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from commands.domain.commands import (
    AnnounceWinner,
    BanUser,
    ChangePolicy,
    CreateAuction,
    DeleteUser,
    LiftBan,
    LiftExposureLimit,
    LimitExposure,
    WithdrawPolicy,
)
from commands.domain.rules.masked import Masked
from commands.domain.rules.presets import rules_of
from commands.domain.rules.soft_close import SoftClose
from commands.ids import new_id
from commands.inbox.requests import POLICIES
from commands.promoter.rounds import commit, reveal_secrets, tick
from commands.streams import Stream
from notifications.postgres.preferences import Choice, choose
from notifications.postgres.watches import Watched, bring_in
from notifications.preferences import NotificationChannel, NotificationKind
from tests.integration.in_process import InProcessPortal

# By which each bid moves the end.
RULES = rules_of("english", starting_price=Decimal("5.00"), soft_close=SoftClose(7200, 60, times=1))


@dataclass(frozen=True, slots=True)
class Story:
    """Who is there, and the auctions by what is the matter with them.

    Dave was deleted, and his bid in the open auction is not withdrawn yet. In it Alice leads. The one that has
    rules beside the plain ones is open, too; a bid moved its end. So is a masked one, in which staff has bid.
    """

    alice: UUID
    bob: UUID
    carol: UUID
    dave: UUID
    sold: Stream
    unsold: Stream
    open: Stream
    overdue: Stream
    ruled: Stream
    masked: Stream


def live_in(portal: InProcessPortal) -> Story:
    """Let it happen."""
    story = Story(
        portal.user(email="alice@example.org"),
        portal.user(),
        portal.user(is_staff=True),
        portal.user(email="dave@example.org"),
        _auction(portal),
        _auction(portal),
        portal.auction(3600),
        _auction(portal),
        portal.auction(3600, RULES),
        portal.auction(3600, (Masked(names_winner=True),)),
    )
    _bid_everywhere(portal, story)
    for auction_id in (None, story.open.id):
        policy = ChangePolicy(auction_id, Decimal("100.00"), ("by_amount", "newcomers"), (), ())
        portal.settled(POLICIES, policy)
    portal.double(story.open)
    reveal_secrets(portal.pool)
    portal.settled(POLICIES, WithdrawPolicy(story.open.id))
    for over in (story.sold, story.unsold):
        portal.settled(over, AnnounceWinner(over.id))
    now = portal.now()
    with portal.pool.connection() as connection:
        no = Choice(NotificationKind.AUCTION_WON, NotificationChannel.EMAIL, enabled=False)
        choose(connection, story.alice, [no])
        told, untold = (
            Watched(each.id, now, at) for each, at in ((story.sold, now), (story.open, None))
        )
        bring_in(connection, story.alice, [told, untold])
    # Carol can't bid where it is over, and Alice could not anywhere for a moment.
    sealed = BanUser(story.carol, new_id(), None, "1.sealed", None, story.sold.id)
    portal.settled(Stream("user", story.carol), sealed)
    for command in (
        BanUser(story.alice, new_id(), now + timedelta(days=1), "1.sealed", story.carol),
        LiftBan(story.alice, story.carol),
    ):
        portal.settled(Stream("user", story.alice), command)
    # Carol may bid so much, and Alice could bid no more than a little for a moment.
    for user_id, each in (
        (story.carol, LimitExposure(story.carol, new_id(), Decimal("900"), "1.sealed", None)),
        (story.alice, LimitExposure(story.alice, new_id(), Decimal("1"), "1.sealed", story.carol)),
        (story.alice, LiftExposureLimit(story.alice, story.carol)),
    ):
        portal.settled(Stream("user", user_id), each)
    portal.settled(Stream("user", story.dave), DeleteUser(story.dave))
    # A tick whose draws nobody makes, and the commitment to another.
    tick(portal.pool, timedelta(0))
    commit(portal.pool)
    return story


def _auction(portal: InProcessPortal) -> Stream:
    """An auction that ended a minute ago."""
    stream, now = Stream("auction", new_id()), portal.now()
    ends_at, before = now - timedelta(minutes=1), now - timedelta(hours=1)
    command = CreateAuction(stream.id, "A clöck", "“old”\n\u2028", None, ends_at, None)
    job = portal.settled(stream, command, at=before)
    assert job.rejection is None, job
    return stream


def _bid_everywhere(portal: InProcessPortal, story: Story) -> None:
    before = portal.now() - timedelta(minutes=30)
    for auction in (story.sold, story.unsold, story.overdue):
        for number, bidder in enumerate((story.alice, story.bob, story.alice), 1):
            bid = portal.bid(auction, bidder, f"{number}0.00", at=before)
            if auction is story.unsold:
                portal.delete(auction, bidder, bid, at=before)
    for number, bidder in enumerate((story.alice, story.dave, story.bob, story.carol) * 4, 1):
        bid = portal.bid(story.open, bidder, f"{number}.50")
        if number % 3 == 0:
            portal.delete(story.open, bidder, bid)
    portal.bid(story.open, story.alice, "99999.99")
    for bidder, amount in ((story.alice, "5.00"), (story.bob, "9.00")):
        portal.bid(story.ruled, bidder, amount)
    for bidder, amount in ((story.bob, "5.00"), (story.carol, "9.00"), (story.bob, "7.00")):
        portal.bid(story.masked, bidder, amount)
