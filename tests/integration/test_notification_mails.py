"""Which notifications are mailed, when, and what their mails hold."""

from datetime import timedelta

import pytest
from django.test import Client

from notifications.mail import read_token, token
from notifications.notifier import notify_together
from notifications.outgoing import send_due
from notifications.postgres import mails
from notifications.postgres.preferences import Choice, choose
from notifications.preferences import NotificationChannel, NotificationKind
from tests.integration.in_process import InProcessPortal
from tests.integration.mailbox import Mailbox
from tests.integration.mails import ALICE, WON, due_now, of, won
from tests.integration.notifying import run_notifier


def test_a_won_auction_is_mailed_with_both_parts_and_a_way_out(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    winner = won(in_process, ALICE)
    assert send_due(in_process.pool) is False
    assert send_due(in_process.pool) is False
    [sent] = mailbox.mails
    assert sent["To"] == ALICE
    assert sent["Subject"] == "You won “A clock” for 12.50."
    parts = {part.get_content_type(): part.get_content() for part in sent.iter_parts()}
    assert "You won “A clock” for 12.50." in parts["text/plain"]
    assert "https://auctions.example.org/#/auction/" in parts["text/html"]
    link = sent["List-Unsubscribe"].strip(" <>")
    assert link in parts["text/plain"]
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read_token(link.rpartition("/")[2]) == (winner, WON)
    assert sent["Message-ID"].endswith("@auctions.example.org>")


def test_what_changed_while_its_mail_was_on_its_way_is_mailed_again_but_not_at_once(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    alice, bob = in_process.user(email=ALICE), in_process.user()
    auction = in_process.auction()
    with in_process.pool.connection() as connection:
        changed = NotificationKind.MAX_BID_CHANGED
        choose(connection, alice, [Choice(changed, NotificationChannel.EMAIL, True)])
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    run_notifier(in_process, auction)
    with in_process.pool.connection() as connection:
        on_its_way = mails.claim(connection, timedelta(seconds=60))
        assert on_its_way
        in_process.bid(auction, bob, "30.00")
        run_notifier(in_process, auction)
        assert mails.claim(connection, timedelta(seconds=60)) is None, "its lease runs"
        mails.sent(connection, on_its_way)
    pause = of(in_process.pool, alice)["due"] - in_process.now()
    assert timedelta(minutes=59) < pause < timedelta(minutes=61)
    due_now(in_process.pool, alice)
    send_due(in_process.pool)
    [sent] = mailbox.mails
    assert sent["Subject"].endswith("30.00.")
    assert of(in_process.pool, alice)["due"] is None


def test_nobody_is_mailed_who_wants_none_any_more(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    alice = won(in_process, ALICE)
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(WON, NotificationChannel.EMAIL, False)])
    send_due(in_process.pool)
    assert mailbox.mails == []
    with in_process.pool.connection() as connection:
        assert mails.counts(connection) == {"waiting": 0, "given_up": 0}


@pytest.mark.parametrize(("raised", "subjects"), [(False, 1), (True, 0)])
def test_who_was_outbid_is_mailed_unless_they_lead_again_by_then(
    in_process: InProcessPortal, mailbox: Mailbox, raised: bool, subjects: int
) -> None:
    alice, bob = in_process.user(email=ALICE), in_process.user()
    auction = in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    run_notifier(in_process, auction)
    if raised:
        in_process.bid(auction, alice, "30.00")
        run_notifier(in_process, auction)
    send_due(in_process.pool)
    expected_text = "You were outbid on “A clock”: the highest bid is now 20.00."
    assert [mail["Subject"].strip() for mail in mailbox.mails] == [expected_text] * subjects


@pytest.mark.django_db
def test_one_click_ends_mails_of_that_kind(
    in_process: InProcessPortal, mailbox: Mailbox, client: Client
) -> None:
    winner = won(in_process, ALICE)
    link = f"/unsubscribe/{token(winner, WON)}"
    assert b"No more of these mails?" in client.get(link).content

    def chosen() -> list[dict[str, object]]:
        with in_process.pool.connection() as connection:
            return connection.execute(
                "SELECT kind, channel, enabled FROM notification_preferences WHERE user_id = %s",
                (winner,),
            ).fetchall()

    assert chosen() == [], "looking changes nothing"
    answer = client.post(link, {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, b"No more of these mails" in answer.content) == (200, True)
    assert chosen() == [{"kind": WON, "channel": "EMAIL", "enabled": False}]
    for wrong in ("nonsense", link.rpartition("/")[2][:-2]):
        assert client.post(f"/unsubscribe/{wrong}").status_code == 404


@pytest.mark.parametrize(
    ("email", "mailed"),
    [pytest.param(ALICE, True, id="with an address"), pytest.param(None, False, id="without")],
)
def test_mails_are_sent_at_once_when_there_are_any(
    in_process: InProcessPortal, email: str | None, mailed: bool
) -> None:
    alice, bob = in_process.user(email=email), in_process.user()
    auction = in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    done = notify_together([auction.id], in_process.pool)
    assert alice in done.users[auction.id], "she was outbid"
    assert done.mailed is mailed
