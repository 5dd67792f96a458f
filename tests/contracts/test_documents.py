"""What every document store does."""

from dataclasses import replace
from datetime import UTC
from decimal import Decimal

import pytest

from commands.ids import new_id
from projections.documents import BidderDocument, Draw, Lifespan, Moment, WinnerDocument
from projections.ports import At, Bidder, Documents
from tests.contracts.sample_documents import NOW, auction, bid, user
from tests.domain.scenario import ALICE, BOB, CHARLIE


def test_what_was_never_written_is_not_there(documents: Documents) -> None:
    nowhere = new_id()
    assert documents.auction(nowhere) is None
    assert documents.user(nowhere) is None
    assert documents.bids([nowhere]) == {}
    assert documents.top_bids(nowhere, 1, 10) == []
    assert documents.lifespans([Bidder(nowhere, ALICE)]) == []
    assert documents.versions("auction", [nowhere]) == {}


def test_an_auction_is_read_as_it_was_written(documents: Documents) -> None:
    lamp = auction()
    first, second = bid(lamp.id, "12.30"), bid(lamp.id, "0.10", bidder=BOB)
    doubled = replace(first, effective_amount=Decimal("24.60"), doubled=True, version=4)
    sold = replace(
        lamp,
        version=5,
        closed=True,
        bid_count=2,
        bidder_count=2,
        top_bids=(doubled, second),
        winner=WinnerDocument(lamp.id, lamp.title, doubled, NOW),
    )
    documents.save_auctions([(sold, 0)])
    read = documents.auction(lamp.id)
    assert read == sold
    assert [str(top.amount) for top in read.top_bids] == ["12.30", "0.10"]
    assert read.starts_at.tzinfo is UTC


def test_an_auction_is_replaced_only_at_the_version_expected(documents: Documents) -> None:
    lamp = auction()
    documents.save_auctions([(lamp, 0)])
    later = replace(lamp, version=4, title="A better lamp")
    documents.save_auctions([(later, 1)])
    assert documents.auction(lamp.id) == later


@pytest.mark.parametrize("expected", [0, 1, 3, 5])
def test_an_auction_that_stands_elsewhere_is_left_alone(
    documents: Documents, expected: int
) -> None:
    lamp = auction(version=4)
    documents.save_auctions([(lamp, 0)])
    newer = replace(lamp, version=9, title="A better lamp")
    documents.save_auctions([(newer, expected)])
    assert documents.auction(lamp.id) == lamp


def test_an_auction_that_is_not_there_is_not_replaced(documents: Documents) -> None:
    lamp = auction(version=2)
    documents.save_auctions([(lamp, 1)])
    assert documents.auction(lamp.id) is None


def test_bids_are_read_as_they_were_written(documents: Documents) -> None:
    lamp = new_id()
    live, gone = bid(lamp, "0.10"), bid(lamp, "9999999999.99", deleted_version=7)
    documents.save_bids([live, gone])
    read = documents.bids([live.id, gone.id, new_id()])
    assert read == {live.id: live, gone.id: gone}
    assert str(read[live.id].amount) == "0.10"
    assert read[live.id].placed_at == NOW


def test_writing_no_bids_writes_nothing(documents: Documents) -> None:
    documents.save_bids([])
    assert documents.bids([]) == {}


@pytest.mark.parametrize("version", [1, 5, 6])
def test_a_bid_that_is_not_newer_loses(documents: Documents, version: int) -> None:
    stored = replace(bid(new_id()), version=6)
    documents.save_bids([stored])
    documents.save_bids([replace(stored, version=version, effective_amount=Decimal("99.00"))])
    assert documents.bids([stored.id]) == {stored.id: stored}


def test_a_newer_bid_wins_even_beside_one_that_loses(documents: Documents) -> None:
    lamp = new_id()
    first, second = replace(bid(lamp), version=6), replace(bid(lamp), version=6)
    documents.save_bids([first, second])
    newer = replace(second, version=7, deleted_version=7)
    stranger = bid(lamp)
    documents.save_bids([replace(first, version=3, doubled=True), newer, stranger])
    read = documents.bids([first.id, second.id, stranger.id])
    assert read == {first.id: first, second.id: newer, stranger.id: stranger}


def test_the_top_bids_are_the_live_ones_highest_first_and_of_equals_the_first_there(
    documents: Documents,
) -> None:
    lamp = new_id()
    nine, ten = bid(lamp, "9.00", version=2), bid(lamp, "10.00", version=6)
    tied_late, tied_early = bid(lamp, "20.00", version=5), bid(lamp, "20.00", version=4)
    doubled = replace(
        bid(lamp, "10.00", version=3),
        effective_amount=Decimal("20.00"),
        reached_version=7,
        doubled=True,
    )
    gone = bid(lamp, "99.00", version=8, deleted_version=9)
    elsewhere = bid(new_id(), "50.00")
    documents.save_bids([nine, tied_late, gone, doubled, elsewhere, tied_early, ten])
    ranked = [tied_early, tied_late, doubled, ten, nine]
    assert documents.top_bids(lamp, 9, 10) == ranked
    assert documents.top_bids(lamp, 9, 2) == ranked[:2]


def test_a_deleted_bid_leaves_the_top(documents: Documents) -> None:
    lamp = new_id()
    high, low = bid(lamp, "20.00"), bid(lamp, "10.00")
    documents.save_bids([high, low])
    documents.save_bids([replace(high, deleted_version=5, version=5)])
    assert documents.top_bids(lamp, 5, 10) == [low]


def test_the_top_bids_are_those_of_the_version_though_documents_are_ahead(
    documents: Documents,
) -> None:
    lamp = new_id()
    early, late = bid(lamp, "20.00", version=2), bid(lamp, "30.00", version=6)
    gone = bid(lamp, "15.00", version=3, deleted_version=7)
    doubled = replace(
        bid(lamp, "10.00", version=4),
        effective_amount=Decimal("20.00"),
        reached_version=8,
        doubled=True,
        version=8,
    )
    documents.save_bids([early, late, gone, doubled])
    was_live = replace(gone, deleted_version=None, version=3)
    was_single = replace(
        doubled, effective_amount=doubled.amount, reached_version=4, doubled=False, version=4
    )
    assert documents.top_bids(lamp, 8, 10) == [late, early, doubled]
    assert documents.top_bids(lamp, 7, 10) == [late, early, was_single]
    assert documents.top_bids(lamp, 6, 10) == [late, early, was_live, was_single]
    assert documents.top_bids(lamp, 5, 10) == [early, was_live, was_single]
    assert documents.top_bids(lamp, 3, 10) == [early, was_live]
    assert documents.top_bids(lamp, 6, 3) == [late, early, was_live]


def test_of_two_writes_of_a_bidder_the_newer_stays(documents: Documents) -> None:
    lamp, clock = new_id(), new_id()
    alices, bobs = BidderDocument(lamp, ALICE, 2, 7), BidderDocument(lamp, BOB, 1, 3)
    documents.save_bidders([alices, bobs])
    documents.save_bidders([replace(alices, live=9, version=6), replace(bobs, live=0, version=8)])
    asked = [Bidder(lamp, ALICE), Bidder(lamp, BOB), Bidder(clock, ALICE)]
    assert documents.bidders(asked) == {
        Bidder(lamp, ALICE): alices,
        Bidder(lamp, BOB): replace(bobs, live=0, version=8),
    }


def test_bidders_are_counted_anew_once_their_auction_was_restored(documents: Documents) -> None:
    lamp, clock = auction(), auction()
    documents.save_bidders([BidderDocument(each.id, ALICE, 1, 2) for each in (lamp, clock)])
    documents.restore_auction(lamp, [])
    found = documents.bidders([Bidder(each.id, ALICE) for each in (lamp, clock)])
    assert list(found) == [Bidder(clock.id, ALICE)]


def test_several_auctions_and_users_are_read_and_written_at_once(documents: Documents) -> None:
    lamp, clock, alice, bob = auction(), auction(), user(), user()
    documents.save_auctions([(lamp, 0), (clock, 0)])
    later = replace(lamp, version=2)
    documents.save_auctions([(replace(clock, version=5), 4), (later, 1)])
    assert documents.auctions([lamp.id, clock.id, new_id()]) == {lamp.id: later, clock.id: clock}
    documents.save_users([alice, bob])
    documents.save_users([replace(bob, version=2, username="bobby")])
    assert documents.users([alice.id, bob.id, new_id()]) == {
        alice.id: alice,
        bob.id: replace(bob, version=2, username="bobby"),
    }


def test_lifespans_are_those_of_all_bids_of_the_bidders_in_their_auctions(
    documents: Documents,
) -> None:
    lamp, clock = new_id(), new_id()
    documents.save_bids(
        [
            bid(lamp, bidder=ALICE, version=2, deleted_version=5),
            bid(lamp, bidder=ALICE, version=3),
            bid(lamp, bidder=BOB, version=4),
            bid(lamp, bidder=CHARLIE, version=6),
            bid(clock, bidder=ALICE, version=7),
            bid(clock, bidder=CHARLIE, version=8),
        ]
    )
    asked = [Bidder(lamp, ALICE), Bidder(lamp, BOB), Bidder(clock, CHARLIE)]
    found = sorted(documents.lifespans(asked), key=lambda span: span.placed_version)
    assert found == [
        Lifespan(lamp, ALICE, 2, 5),
        Lifespan(lamp, ALICE, 3, None),
        Lifespan(lamp, BOB, 4, None),
        Lifespan(clock, CHARLIE, 8, None),
    ]
    assert documents.lifespans([]) == []


def test_a_winner_is_kept_once_however_often_it_is_written(documents: Documents) -> None:
    lamp = new_id()
    assert documents.winner(lamp) is None
    winner = WinnerDocument(lamp, "A Lamp, schön", bid(lamp, "12.30"), NOW)
    documents.save_winner(winner)
    documents.save_winner(winner)
    assert documents.winner(lamp) == winner


def test_an_auction_is_restored_whatever_was_there(documents: Documents) -> None:
    lamp, other = auction(version=3), bid(new_id())
    kept, extra = bid(lamp.id), bid(lamp.id, bidder=BOB)
    documents.save_auctions([(replace(lamp, version=99, title="Wrong"), 0)])
    documents.save_bids([replace(kept, version=99, doubled=True), extra, other])
    documents.save_winner(WinnerDocument(lamp.id, "Wrong", extra, NOW))
    documents.restore_auction(lamp, [kept])
    assert documents.auction(lamp.id) == lamp
    assert documents.bids_of(lamp.id) == {kept.id: kept}
    assert documents.winner(lamp.id) is None
    assert documents.bids([other.id]) == {other.id: other}
    sold = replace(lamp, version=4, winner=WinnerDocument(lamp.id, lamp.title, kept, NOW))
    documents.restore_auction(sold, [kept])
    assert (documents.auction(lamp.id), documents.winner(lamp.id)) == (sold, sold.winner)


def test_moments_are_read_as_they_were_written_and_never_change(documents: Documents) -> None:
    lamp, other = new_id(), new_id()
    draw = Draw(tick=3, policy_version=2, weight=10**30, total_weight=3 * 10**30)
    first = Moment(lamp, 1, NOW, "AuctionCreated")
    second = Moment(
        lamp, 2, NOW, "BidDoubled", 3, 2, ALICE, True, ALICE, BOB, closed_version=2, draw=draw
    )
    elsewhere = replace(first, auction_id=other)
    documents.save_moments([second, first, elsewhere])
    documents.save_moments([replace(first, bid_count=9), replace(first, version=3)])
    assert documents.moments([At(lamp, 2), At(lamp, 1), At(lamp, 9)]) == {
        At(lamp, 1): first,
        At(lamp, 2): second,
    }
    assert documents.moments([]) == {}
    assert documents.moments_of(lamp, 0, 2) == [first, second]
    assert documents.moments_of(lamp, 1, 9) == [second, replace(first, version=3)]
    documents.restore_moments(lamp, [replace(first, bid_count=1), second])
    assert documents.moments_of(lamp, 0, 9) == [replace(first, bid_count=1), second]
    assert documents.moments_of(other, 0, 9) == [elsewhere]


def test_a_user_is_restored_whatever_was_there(documents: Documents) -> None:
    alice = user(version=2)
    documents.restore_user(replace(alice, version=99, username="wrong"))
    documents.restore_user(alice)
    assert documents.user(alice.id) == alice


def test_ids_are_those_of_the_documents_of_that_kind(documents: Documents) -> None:
    lamp, alice = auction(), user()
    documents.save_auctions([(lamp, 0)])
    documents.save_users([alice])
    auctions = {id for some in documents.ids("auction", 2) for id in some}
    users = {id for some in documents.ids("user", 2) for id in some}
    assert lamp.id in auctions - users
    assert alice.id in users - auctions


def test_bids_beyond_a_version_come_some_at_a_time_and_those_up_to_it_are_counted(
    documents: Documents,
) -> None:
    lamp = auction()
    bids = [
        replace(bid(lamp.id), placed_version=n, reached_version=n, version=n) for n in (2, 3, 4, 5)
    ]
    deleted = replace(bids[0], deleted_version=6, version=6)
    documents.save_bids([deleted, *bids[1:], bid(new_id())])
    pages = list(documents.bids_beyond(lamp.id, 3, 2))
    assert [len(page) for page in pages] == [2, 1]
    assert {found.id for page in pages for found in page} == {deleted.id, bids[2].id, bids[3].id}
    assert [documents.count_bids(lamp.id, version) for version in (1, 3, 5, 9)] == [0, 2, 4, 4]


def test_a_user_is_read_as_they_were_written(documents: Documents) -> None:
    alice = user()
    documents.save_users([alice])
    assert documents.user(alice.id) == alice
    gone = replace(alice, version=2, username=None, deleted=True)
    documents.save_users([gone])
    assert documents.user(alice.id) == gone


@pytest.mark.parametrize("version", [1, 2])
def test_a_user_that_is_not_newer_loses(documents: Documents, version: int) -> None:
    gone = replace(user(version=2), username=None, deleted=True)
    documents.save_users([gone])
    documents.save_users([replace(gone, version=version, username="alice", deleted=False)])
    assert documents.user(gone.id) == gone


def test_versions_are_those_of_the_documents_of_that_kind(documents: Documents) -> None:
    lamp, vase, alice = auction(version=3), auction(version=8), user(version=2)
    documents.save_auctions([(lamp, 0)])
    documents.save_auctions([(vase, 0)])
    documents.save_users([alice])
    ids = [lamp.id, vase.id, alice.id, new_id()]
    assert documents.versions("auction", ids) == {lamp.id: 3, vase.id: 8}
    assert documents.versions("user", ids) == {alice.id: 2}
    assert documents.versions("auction", [lamp.id]) == {lamp.id: 3}
    assert documents.versions("auction", []) == {}
