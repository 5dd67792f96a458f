"""Notifications on real servers: one per cause, whatever is delivered twice, and mails that arrive."""

import asyncio
import email
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from django.test import Client
from pytest_django import Settings

from commands.domain.commands import AnnounceWinner, DeleteUser
from commands.streams import Busy, Stream
from notifications import mail
from notifications.mail import read_token, token
from notifications.notifier import Notified, notify
from notifications.postgres.notifications import forget_deleted
from notifications.postgres.preferences import Choice, choose
from notifications.postgres.progress import auctions_behind
from notifications.preferences import NotificationChannel, NotificationKind
from tests.integration.in_process import SHORTLY, InProcessPortal

WON, CHANGED, DOUBLED = (
    NotificationKind.AUCTION_WON,
    NotificationKind.MAX_BID_CHANGED,
    NotificationKind.BID_DOUBLED,
)


def told(in_process: InProcessPortal, user_id: UUID) -> list[tuple[str, int, str, bool]]:
    """A user's notifications: kind, version of the cause, amount, read."""
    with in_process.pool.connection() as connection:
        rows = connection.execute(
            "SELECT kind, version, amount, read_at FROM notifications "
            "WHERE user_id = %s AND in_app ORDER BY created_at, version",
            (user_id,),
        ).fetchall()
    return [(r["kind"], r["version"], str(r["amount"]), r["read_at"] is not None) for r in rows]


def rested(in_process: InProcessPortal, stream: Stream) -> None:
    """As if the last round had been a while ago."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE notification_progress SET ran_at = ran_at - interval '1 min' "
            "WHERE auction_id = %s",
            (stream.id,),
        )


def tell(in_process: InProcessPortal, stream: Stream) -> Notified:
    rested(in_process, stream)
    return notify(stream.id, in_process.pool)


def read_all(in_process: InProcessPortal, user_id: UUID) -> None:
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE notifications SET read_at = clock_timestamp() WHERE user_id = %s", (user_id,)
        )


def test_the_highest_bids_changes_become_one_while_unread(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    assert tell(in_process, auction).users == set(), "alone in the auction"
    for version, amount in ((3, "20.00"), (4, "30.00")):
        in_process.bid(auction, bob, amount)
        assert tell(in_process, auction).users == {alice}
        assert told(in_process, alice) == [(CHANGED, version, amount, False)]
    assert told(in_process, bob) == [], "who caused it is not told"
    read_all(in_process, alice)
    in_process.bid(auction, bob, "40.00")
    tell(in_process, auction)
    assert told(in_process, alice) == [(CHANGED, 4, "30.00", True), (CHANGED, 5, "40.00", False)]


def test_whatever_is_delivered_twice_is_told_once(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    in_process.double(auction)
    tell(in_process, auction)
    first = told(in_process, alice) + told(in_process, bob)
    read_all(in_process, alice)
    read_all(in_process, bob)

    def again(_: int) -> Notified:
        try:
            return notify(auction.id, in_process.pool)
        except Busy:
            return Notified()

    with ThreadPoolExecutor(4) as workers:
        assert all(outcome == Notified() for outcome in workers.map(again, range(12)))
    assert [notice[:3] for notice in told(in_process, alice) + told(in_process, bob)] == [
        notice[:3] for notice in first
    ]


def test_a_transaction_that_died_left_nothing_and_is_made_up_for(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    with in_process.pool.connection() as connection:
        assert auction.id in auctions_behind(connection)
    tell(in_process, auction)
    with in_process.pool.connection() as connection:
        assert auction.id not in auctions_behind(connection)
    assert told(in_process, alice) == [(CHANGED, 3, "20.00", False)]


def test_a_hot_auctions_people_are_told_at_most_once_a_second(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    tell(in_process, auction)
    in_process.bid(auction, bob, "20.00")
    outcome = notify(auction.id, in_process.pool)
    assert outcome.users == set()
    assert outcome.again_in
    assert timedelta(0) < outcome.again_in <= timedelta(seconds=1)
    assert told(in_process, alice) == []
    time.sleep(outcome.again_in.total_seconds())  # What the task is told to do.
    assert notify(auction.id, in_process.pool).users == {alice}


def test_people_are_told_what_they_chose(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(CHANGED, NotificationChannel.IN_APP, False)])
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    tell(in_process, auction)
    assert told(in_process, alice) == []
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(CHANGED, NotificationChannel.IN_APP, True)])
    in_process.bid(auction, bob, "30.00")
    tell(in_process, auction)
    assert told(in_process, alice) == [(CHANGED, 4, "30.00", False)]


def test_deleting_a_user_ends_all(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(DOUBLED, NotificationChannel.EMAIL, True)])
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    tell(in_process, auction)
    assert told(in_process, alice)
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    with in_process.pool.connection() as connection:
        forget_deleted(connection, alice)
        left = connection.execute(
            "SELECT (SELECT count(*) FROM notifications WHERE user_id = %(u)s) "
            "+ (SELECT count(*) FROM notification_preferences WHERE user_id = %(u)s) AS n",
            {"u": alice},
        ).fetchone()
        choose(connection, alice, [Choice(WON, NotificationChannel.EMAIL, False)])
    assert left == {"n": 0}
    in_process.bid(auction, bob, "30.00")
    assert tell(in_process, auction).users == set()


class Mailbox:
    """What a real SMTP server took; `refuse` makes it answer with that for a while."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse: str | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse
        parsed = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 OK"


class MailServer(Controller):
    """On a port that the system picks."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library has no types


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A mail server on a port of its own, and the portal set to use it."""
    box = Mailbox()
    server = MailServer(box, hostname="127.0.0.1", port=0)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = server.port
    settings.EMAIL_USE_TLS = False
    settings.PUBLIC_URL = "https://auctions.example.org"
    yield box
    server.stop()


@pytest.fixture
def winner(in_process: InProcessPortal, mailbox: Mailbox) -> UUID:
    """Somebody with an address who won an auction, and wants mails."""
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE notifications SET mail_after = NULL")
    alice = in_process.user(email="alice@example.org")
    auction = in_process.auction(seconds=0.05)
    in_process.bid(auction, alice, "12.50", at=in_process.over(auction) - SHORTLY)
    in_process.settled(auction, AnnounceWinner(auction.id))
    tell(in_process, auction)
    return alice


def send_all(in_process: InProcessPortal) -> None:
    while mail.send_next(in_process.pool):
        continue


def test_a_won_auction_is_mailed_with_both_parts_and_a_way_out(
    in_process: InProcessPortal, mailbox: Mailbox, winner: UUID
) -> None:
    send_all(in_process)
    send_all(in_process)
    [sent] = mailbox.mails
    assert sent["To"] == "alice@example.org"
    assert sent["Subject"] == "You won “A clock” for 12.50."
    parts = {part.get_content_type(): part.get_content() for part in sent.iter_parts()}
    assert "You won “A clock” for 12.50." in parts["text/plain"]
    assert "https://auctions.example.org/#/auction/" in parts["text/html"]
    link = sent["List-Unsubscribe"].strip(" <>")
    assert link in parts["text/plain"]
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read_token(link.rpartition("/")[2]) == (winner, WON)
    assert sent["Message-ID"].endswith("@auctions.example.org>")


def test_a_server_that_refuses_gets_it_again_later(
    in_process: InProcessPortal, mailbox: Mailbox, winner: UUID
) -> None:
    mailbox.refuse = "451 try again later"
    send_all(in_process)
    assert mailbox.mails == []
    mailbox.refuse = None
    send_all(in_process)
    assert mailbox.mails == [], "not yet"
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE notifications SET mail_after = clock_timestamp() "
                           "WHERE user_id = %s AND mail_attempts = 1", (winner,))  # fmt: skip
    send_all(in_process)
    assert len(mailbox.mails) == 1


@pytest.mark.django_db
def test_one_click_ends_mails_of_that_kind(
    in_process: InProcessPortal, mailbox: Mailbox, winner: UUID, client: Client
) -> None:
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
