"""Mails through a real SMTP server: each claimed, counted and sent on its own, whatever goes wrong."""

import asyncio
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from pytest_django import Settings

from commands.postgres.connections import Pool, SyncConnection, new_async_pool
from commands.postgres.pruning import prune
from notifications import outgoing
from notifications.account_mails import MOVED
from notifications.outgoing import TRIES, Content, Limits, composes, send_due
from notifications.postgres import mails
from notifications.postgres.endings import endings
from notifications.postgres.mails import ENQUEUE, Outgoing, enqueue_parameters
from notifications.reading import mark_read
from notifications.tasks import SEND_MAILS
from tests.conftest import until, wait_until
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.mailbox import Mailbox
from tests.integration.mails import ALICE, BOB, due_now, of, won


async def test_while_a_server_holds_its_answer_everything_else_goes_on(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    alice = won(in_process, ALICE)
    mailbox.held.add(ALICE)
    stalled = asyncio.create_task(asyncio.to_thread(send_due, in_process.pool))
    await until(lambda: mailbox.waiting)
    bob = won(in_process, BOB)

    assert await asyncio.to_thread(send_due, in_process.pool) is False
    assert len(mailbox.sent_to(BOB)) == 1
    assert mailbox.waiting == [ALICE], "nobody else sends it"
    async with new_async_pool() as pool, asyncio.timeout(2):
        assert await mark_read(pool, alice, None) == 1
        assert await mark_read(pool, bob, None) == 1
    assert of(in_process.pool, alice)["attempts"] == 1, "counted before it is known how it ends"
    assert in_transactions(in_process.pool) == 0

    mailbox.held.clear()
    await stalled
    assert len(mailbox.sent_to(ALICE)) == 1
    assert of(in_process.pool, alice)["due"] is None
    assert len(mailbox.sessions) == 2, "one connection for each batch"


def in_transactions(pool: Pool) -> int:
    """How many of the database's connections idle in a transaction."""
    with pool.connection() as connection:
        return len(
            connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND state LIKE 'idle in transaction%'"
            ).fetchall()
        )


def test_whoever_dies_after_the_server_took_a_mail_has_it_sent_once_more(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    alice = won(in_process, ALICE)
    run_and_die("before", "notifications.postgres.mails:sent", SEND_MAILS)
    [first] = mailbox.mails
    send_due(in_process.pool)
    assert len(mailbox.mails) == 1, "the lease runs"
    due_now(in_process.pool, alice)
    send_due(in_process.pool)
    assert [mail["Message-ID"] for mail in mailbox.mails] == [first["Message-ID"]] * 2
    assert of(in_process.pool, alice)["due"] is None


def test_a_mail_whose_every_try_ends_in_death_is_given_up(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    alice = won(in_process, ALICE)
    with in_process.pool.connection() as connection:
        for attempt in range(1, TRIES + 1):
            due_now(in_process.pool, alice)
            claimed = mails.claim(connection, timedelta(seconds=60))
            assert claimed
            assert claimed.attempts == attempt
    due_now(in_process.pool, alice)
    send_due(in_process.pool)
    assert mailbox.mails == []
    row = of(in_process.pool, alice)
    assert (row["due"], row["given_up"]) == (None, True)


# Where each of these fails: the first in composing, as the library can't read the address; the
# second at the server, which takes no such command.
@pytest.mark.parametrize("address", ['"\x1e\x1cM"@[::1]', "nobody <>@example.org"])
def test_a_mail_that_cannot_be_sent_is_counted_given_up_and_in_nobodys_way(
    in_process: InProcessPortal,
    mailbox: Mailbox,
    address: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mallory = won(in_process, "m@example.org")
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE users SET email = %s WHERE id = %s", (address, mallory))
    won(in_process, BOB)
    send_due(in_process.pool)
    assert len(mailbox.sent_to(BOB)) == 1
    for attempt in range(1, TRIES + 1):
        row = of(in_process.pool, mallory)
        assert (row["attempts"], row["given_up"]) == (attempt, attempt == TRIES)
        due_now(in_process.pool, mallory)
        send_due(in_process.pool)
    row = of(in_process.pool, mallory)
    assert (row["attempts"], row["due"], row["given_up"]) == (TRIES, None, True)
    assert row["error"]
    logged = [str(each.msg) for each in caplog.records if each.name == "notifications"]
    assert logged
    assert not [text for text in (row["error"], *logged) if "::1" in text or "example.org" in text]
    with in_process.pool.connection() as connection:
        assert mails.counts(connection) == {"waiting": 0, "given_up": 1}


def test_a_server_that_refuses_gets_it_again_later(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    alice = won(in_process, ALICE)
    mailbox.refuse = "451 try again later"
    send_due(in_process.pool)
    row = of(in_process.pool, alice)
    assert row["attempts"] == 1
    assert row["error"].startswith("SMTPDataError (")
    assert row["error"].endswith(" 451")
    mailbox.refuse = None
    send_due(in_process.pool)
    assert mailbox.mails == [], "not yet"
    due_now(in_process.pool, alice)
    send_due(in_process.pool)
    assert len(mailbox.mails) == 1


def test_without_a_server_one_mail_is_tried_and_the_others_wait(
    in_process: InProcessPortal, mailbox: Mailbox, settings: Settings
) -> None:
    alice, bob = won(in_process, ALICE), won(in_process, BOB)
    settings.EMAIL_PORT = 1
    assert send_due(in_process.pool) is False
    assert of(in_process.pool, alice)["attempts"] == 1
    assert of(in_process.pool, bob)["attempts"] == 0
    settings.EMAIL_PORT = mailbox.port
    send_due(in_process.pool)
    assert len(mailbox.sent_to(BOB)) == 1


def test_a_batch_ends_at_its_limits(in_process: InProcessPortal, mailbox: Mailbox) -> None:
    won(in_process, ALICE)
    won(in_process, BOB)
    assert send_due(in_process.pool, Limits(seconds=0)) is True
    assert mailbox.mails == []
    assert send_due(in_process.pool, Limits(mails=1)) is True
    assert len(mailbox.mails) == 1
    assert send_due(in_process.pool, Limits(mails=2)) is False
    assert len(mailbox.mails) == 2


def test_a_mail_that_takes_too_long_has_failed(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    """Celery says so with an exception in the middle of whatever the task does, and so does this."""
    alice = won(in_process, ALICE)
    mailbox.held.add(ALICE)

    def too_long(*_: object) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGUSR1, too_long)

    def interrupt() -> None:
        wait_until(lambda: mailbox.waiting)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    try:
        with ThreadPoolExecutor(1) as other:
            other.submit(interrupt)
            send_due(in_process.pool)
    finally:
        signal.signal(signal.SIGUSR1, before)
    row = of(in_process.pool, alice)
    assert row["error"].startswith("SoftTimeLimitExceeded (")
    assert row["claim"] is None


def test_an_attempt_that_lost_its_lease_settles_nothing(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    alice = won(in_process, ALICE)
    with in_process.pool.connection() as connection:
        slow = mails.claim(connection, timedelta(0))
        other = mails.claim(connection, timedelta(seconds=60))
        assert slow
        assert other
        for settle in (mails.sent, mails.drop, lambda c, m: mails.failed(c, m, "", timedelta(0))):
            settle(connection, slow)
            assert of(in_process.pool, alice)["claim"] == other.claim
        mails.sent(connection, other)
    assert of(in_process.pool, alice)["due"] is None


@pytest.fixture
def composers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds of mails that only this test knows."""
    monkeypatch.setattr(outgoing, "_composers", dict(outgoing._composers))


@pytest.mark.usefixtures("composers")
def test_what_people_wait_for_goes_before_notices(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    @composes("GREETING")
    def greet(_: SyncConnection, mail: Outgoing) -> Content:
        return Content("Hello\n there", f"Hello {mail.context['word']}", "<p>Hello</p>")

    won(in_process, ALICE)
    carol = in_process.user(email="carol@example.org")
    with in_process.pool.connection() as connection:
        connection.execute(ENQUEUE, enqueue_parameters(carol, "GREETING", {"word": "Carol"}))
    send_due(in_process.pool)
    assert [mail["To"] for mail in mailbox.mails] == ["carol@example.org", ALICE]
    assert mailbox.mails[0]["Subject"] == "Hello there"
    text = next(mailbox.mails[0].iter_parts())
    assert text.get_content().strip() == "Hello Carol"


def test_a_kind_that_nobody_composes_fails_alone(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    """As one of a newer release, after a deploy that was taken back."""
    carol = in_process.user(email="carol@example.org")
    with in_process.pool.connection() as connection:
        connection.execute(ENQUEUE, enqueue_parameters(carol, "UNKNOWN", {}))
    won(in_process, ALICE)
    send_due(in_process.pool)
    assert len(mailbox.sent_to(ALICE)) == 1
    assert of(in_process.pool, carol)["error"].startswith("KeyError (")


@pytest.mark.parametrize("taken", [True, False])
def test_the_address_that_mail_went_to_before_is_kept_no_longer_than_its_mail_waits(
    in_process: InProcessPortal, mailbox: Mailbox, taken: bool
) -> None:
    alice = in_process.user(email=ALICE)
    with in_process.pool.connection() as connection:
        connection.execute(ENQUEUE, enqueue_parameters(alice, MOVED, {"to": BOB}))
    mailbox.refuse = None if taken else "451 try again later"
    for _ in range(1 if taken else TRIES):
        assert of(in_process.pool, alice)["context"] == {"to": BOB}
        due_now(in_process.pool, alice)
        send_due(in_process.pool)
    assert len(mailbox.sent_to(BOB)) == taken
    row = of(in_process.pool, alice)
    assert (row["due"], row["given_up"], row["context"]) == (None, not taken, {})


def test_old_mails_are_forgotten(in_process: InProcessPortal, mailbox: Mailbox) -> None:
    alice, bob = won(in_process, ALICE), won(in_process, BOB)
    send_due(in_process.pool)
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE mails SET settled_at = settled_at - interval '31 days' WHERE user_id = %s",
            (alice,),
        )
    prune(in_process.pool, endings(), 10)
    with in_process.pool.connection() as connection:
        left = connection.execute("SELECT user_id FROM mails").fetchall()
    assert left == [{"user_id": bob}]
