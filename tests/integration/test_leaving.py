"""Those who leave a feed: what ran for them counts for who is still there, and nothing of it is kept."""

from pytest_django import Settings

from tests.integration.following import BIDS, follows
from tests.integration.in_process import InProcessPortal

ALICE, BOB, CAROL = "192.0.2.1", "192.0.2.2", "192.0.2.3"


async def test_a_shared_operation_counts_for_somebody_who_still_follows(
    in_process: InProcessPortal, settings: Settings
) -> None:
    settings.OPERATIONS_PER_USER = 1
    auction = in_process.auction().id
    async with follows() as follow:

        def refused(address: str) -> bool:
            other = follow.auction(auction, BIDS, address=address)
            if not other.errors:
                other.follower.leave()
            return other.code == "RATE_LIMITED"

        first, second = (follow.auction(auction, address=ALICE) for _ in range(2))
        later = follow.auction(auction, address=BOB)
        assert [refused(each) for each in (ALICE, BOB)] == [True, False]
        first.follower.leave()
        assert [refused(each) for each in (ALICE, BOB)] == [True, False]
        second.follower.leave()
        assert [refused(each) for each in (ALICE, BOB)] == [False, True]
        follow.auction(auction, address=CAROL).follower.leave()
        assert [refused(each) for each in (ALICE, BOB, CAROL)] == [False, True, False]
        later.follower.leave()
        assert not refused(BOB)
        assert not follow.feeds.opened
