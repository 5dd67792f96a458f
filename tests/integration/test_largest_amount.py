"""The largest amount, doubled, all the way: state, documents, notifications, mail, API, admin."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.apps import apps
from django.db.models import DecimalField, Model

from commands.domain.amounts import DIGITS, LARGEST, PLACES
from commands.domain.commands import AnnounceWinner
from commands.postgres.connections import Pool
from commands.streams import Stream
from notifications.outgoing import send_due
from notifications.postgres.preferences import Choice, choose
from notifications.preferences import NotificationChannel, NotificationKind
from portal.health import read_health
from projections.mongo.store import MongoDocuments
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal
from tests.integration.mailbox import Mailbox
from tests.integration.notifying import notifications_of, run_notifier

DOUBLED = LARGEST * 2


def money() -> list[tuple[type[Model], DecimalField[Decimal, Decimal]]]:
    """Every column of an amount."""
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, DecimalField) and "amount" in field.name
    ]


@pytest.mark.parametrize(("model", "field"), money(), ids=str)
def test_every_column_of_an_amount_has_room_for_the_largest_doubled(
    model: type[Model], field: "DecimalField[Decimal, Decimal]"
) -> None:
    assert (field.max_digits, field.decimal_places) == (DIGITS, PLACES)
    field.clean(DOUBLED, None)


def test_the_digits_are_those_of_the_largest_amount_doubled() -> None:
    assert Decimal("19999999999.98") == DOUBLED
    assert (len(DOUBLED.as_tuple().digits), DOUBLED.as_tuple().exponent) == (DIGITS, -PLACES)


def test_the_largest_amount_doubled_is_notified_mailed_and_shown(
    in_process: InProcessPortal, documents: MongoDocuments, mailbox: Mailbox
) -> None:
    alice, bob = in_process.user(email="alice@example.org"), in_process.user()
    with in_process.pool.connection() as connection:
        choose(
            connection,
            alice,
            [Choice(NotificationKind.BID_DOUBLED, NotificationChannel.EMAIL, True)],
        )
    auction = in_process.auction(seconds=3)
    in_process.bid(auction, bob, "1.00")
    bid = in_process.bid(auction, alice, str(LARGEST))
    while not doubled(in_process.pool, bid):
        in_process.double(auction)
    run_notifier(in_process, auction)
    in_process.over(auction)
    in_process.settled(auction, AnnounceWinner(auction.id))
    run_notifier(in_process, auction)

    got = {(kind, amount) for kind, _, amount, _ in notifications_of(in_process, alice)}
    assert ("BID_DOUBLED", str(DOUBLED)) in got
    assert ("AUCTION_WON", str(LARGEST)) in got
    assert str(DOUBLED) in {amount for _, _, amount, _ in notifications_of(in_process, bob)}
    assert stuck(auction) == []

    send_due(in_process.pool)
    assert {mail["Subject"].strip() for mail in mailbox.mails} == {
        "The house doubled your bid on “A clock”: it now counts 19,999,999,999.98.",
        "You won “A clock” for 9,999,999,999.99.",
    }

    catch_up(auction)
    document = documents.auction(auction.id)
    assert document
    assert document.winner
    assert document.winner.bid.effective_amount == DOUBLED


def doubled(pool: Pool, bid_id: UUID) -> bool:
    with pool.connection() as connection:
        row = connection.execute("SELECT doubled FROM bids WHERE id = %s", (bid_id,)).fetchone()
    assert row
    return bool(row["doubled"])


def stuck(stream: Stream) -> list[object]:
    """What `manage.py status` says of the stream."""
    return [row for row in read_health().stuck_streams or [] if row["stream_id"] == stream.id]
