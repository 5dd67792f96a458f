"""Lots that are offered in masked auctions: to whoever is behind an alias, as long as that is known."""

from uuid import UUID

from commands.domain.commands import AnnounceWinner, AnswerOffer
from commands.domain.rules.masked import Masked
from commands.domain.rules.table import in_order
from commands.domain.sale import SaleState
from commands.streams import Stream
from notifications.postgres.notifications import forget_leftovers
from projections.mongo.store import MongoDocuments
from projections.projector import project
from tests.integration.in_process import InProcessPortal
from tests.integration.notifying import notifications_of, run_notifier
from tests.integration.test_second_chances import CHANCE, deleted, sale_of, told
from tests.integration.test_verification import findings


def behind(in_process: InProcessPortal, auction: Stream) -> set[UUID]:
    """The users of whom it is known that they are behind the auction's aliases."""
    with in_process.pool.connection() as connection:
        rows = connection.execute(
            "SELECT user_id FROM aliases WHERE auction_id = %s AND user_id IS NOT NULL",
            (auction.id,),
        ).fetchall()
    return {row["user_id"] for row in rows}


def test_in_a_masked_auction_offers_go_to_those_behind_the_aliases_and_no_alias_tells_who_they_are(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    auction = in_process.auction(seconds=2, rules=in_order([Masked(), CHANCE]))
    charlie, bob, alice = users = [in_process.user() for _ in range(3)]
    for user_id, amount in zip(users, ("5.00", "10.00", "20.00"), strict=True):
        in_process.bid(auction, user_id, amount)
    in_process.over(auction)
    in_process.settled(auction, AnnounceWinner(auction.id))
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice)[-1] == ("AUCTION_WON", 5, "20.00", False)
    deleted(in_process, bob)
    deleted(in_process, alice)
    assert told(in_process, auction) == ["LotOffered", "OfferDeclined", "LotOffered"]
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert behind(in_process, auction) == {charlie}, "what has no open offer is forgotten"
    assert in_process.settled(auction, AnswerOffer(auction.id, charlie, True)).version == 9
    sale = sale_of(in_process, auction)
    assert (sale.state, str(sale.amount)) == (SaleState.SOLD, "5.00")
    assert not {charlie, bob, alice} & {*sale.asked, sale.bidder_id}
    project(auction, in_process.pool, documents)
    assert findings(in_process, auction, documents) == []
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert findings(in_process, auction, documents) == [], "nor once it is forgotten who they were"


def test_who_is_passed_over_may_be_forgotten_before_it_is_their_turn(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    auction = in_process.auction(seconds=2, rules=in_order([Masked(), CHANCE]))
    charlie, bob, alice = users = [in_process.user() for _ in range(3)]
    for user_id, amount in zip(users, ("5.00", "10.00", "20.00"), strict=True):
        in_process.bid(auction, user_id, amount)
    in_process.over(auction)
    in_process.settled(auction, AnnounceWinner(auction.id))
    deleted(in_process, bob)
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert behind(in_process, auction) == {charlie, alice}
    in_process.settled(auction, AnswerOffer(auction.id, alice, False))
    assert in_process.settled(auction, AnswerOffer(auction.id, charlie, True)).rejection is None
    assert len(sale_of(in_process, auction).asked) == 3
    project(auction, in_process.pool, documents)
    assert findings(in_process, auction, documents) == []
